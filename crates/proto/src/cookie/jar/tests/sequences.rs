//! The jar under any sequence of operations.
//!
//! A mirror is kept from the changes alone. After every operation the jar holds what the mirror
//! holds, its counts and orders are right, and a request carries what a search through everything
//! finds.

use std::collections::BTreeMap;

use super::super::purge::{MAX_PARTITION_BYTES, MAX_PER_DOMAIN};
use super::*;
use crate::cookie::{SetCookie, StoredCookie, netscape};

/// Marsaglia's xorshift: the same numbers on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as usize % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn line(&mut self) -> String {
        let name = self.pick(&["a", "b", "", "__Host-a", "__Secure-b", "c", "d", "e"]);
        let value = self.pick(&["1", "2", "", "x=y", "\u{e9}", "long enough to count"]);
        let mut line = format!("{name}={value}");
        for attributes in [
            &["", "; Path=/", "; Path=/x", "; Path=/x/y", "; Path=odd"][..],
            &["", "", "; Domain=a.test", "; Domain=www.a.test", "; Domain=test", "; Domain=b.test"],
            &["", "", "; Max-Age=0", "; Max-Age=100", "; Max-Age=5000", "; Max-Age=x"],
            &["", "; Secure"],
            &["", "; HttpOnly"],
            &["", "", "; Partitioned"],
            &["", "; SameSite=Lax", "; SameSite=Strict", "; SameSite=None"],
            &["", "; Priority=Low", "; Priority=High"],
        ] {
            line.push_str(self.pick(attributes));
        }
        line
    }

    fn url(&mut self) -> Url {
        let scheme = self.pick(&["http", "https", "https", "wss", "ftp"]);
        let host =
            self.pick(&["a.test", "www.a.test", "x.www.a.test", "b.test", "127.0.0.1", "test"]);
        let path = self.pick(&["/", "/x", "/x/", "/x/y", "/x/y/z", "/xy"]);
        url(&format!("{scheme}://{host}{path}"))
    }
}

#[derive(Default)]
struct Mirror(BTreeMap<CookieKey, CanonicalCookie>);

impl Mirror {
    fn follow(&mut self, changes: &[Change]) {
        for Change { cookie, cause } in changes {
            if cause.is_removal() {
                let gone = self.0.remove(&cookie.key());
                assert_eq!(gone.as_ref(), Some(cookie), "{cause:?}");
            } else {
                let old = self.0.insert(cookie.key(), cookie.clone());
                assert_eq!(old, None, "{cause:?}");
            }
        }
    }

    fn check(&self, jar: &Jar) {
        assert_eq!(jar.len(), self.0.len());
        assert_eq!(jar.len(), jar.iter().count());
        let held: BTreeMap<CookieKey, CanonicalCookie> =
            jar.iter().map(|cookie| (cookie.key(), cookie.clone())).collect();
        assert_eq!(held.len(), jar.len(), "a key occurs twice");
        assert_eq!(held, self.0);
        for (key, shelf) in std::iter::once((None, &jar.shelf))
            .chain(jar.partitions.iter().map(|(key, shelf)| (Some(key), shelf)))
        {
            assert!(key.is_none() || shelf.len() > 0, "an empty shelf is kept");
            assert_eq!(shelf.len(), shelf.iter().count());
            for entry in shelf.iter() {
                let bucket = shelf.bucket(domain_key(entry.cookie.domain()));
                assert!(bucket.is_sorted_by(|one, other| one.order(other).is_lt()));
                assert!(bucket.len() <= MAX_PER_DOMAIN);
                let bytes: usize = bucket
                    .iter()
                    .map(|entry| entry.cookie.name().len() + entry.cookie.value().len())
                    .sum();
                assert!(key.is_none() || bytes <= MAX_PARTITION_BYTES);
                assert_eq!(entry.cookie.partition_key(), key);
            }
        }
    }

    /// What a request carries, found by asking every cookie.
    fn header(&self, jar: &Jar, to: &Url, access: &Access<'_>, now: Timestamp) -> Option<Vec<u8>> {
        let request = Request::new(to, access)?;
        let mut carried: Vec<&Entry> = jar
            .shelves()
            .flat_map(Shelf::iter)
            .filter(|entry| {
                let key = entry.cookie.partition_key();
                (key.is_none() || key == access.partition_key)
                    && request.check(&entry.cookie).is_ok()
                    && !entry.cookie.is_expired(now)
            })
            .collect();
        carried.sort_by(|one, other| one.order(other));
        let pairs: Vec<&[u8]> = carried.iter().map(|entry| entry.cookie.pair()).collect();
        let header = pairs.join(&b"; "[..]);
        (!header.is_empty()).then_some(header)
    }
}

#[test]
fn changes_tell_what_the_jar_holds_whatever_happens() {
    let keys = ["https://one.test/", "https://two.test/"];
    let keys = keys.map(|site| PartitionKey::new(&url(site), false).unwrap());
    let contexts = [
        SameSiteContext::CrossSite,
        SameSiteContext::CrossSiteRedirect,
        SameSiteContext::Lax,
        SameSiteContext::Strict,
        SameSiteContext::Strict,
    ];
    for seed in 1..=40 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (seed << 32));
        let (mut jar, mut mirror, mut now) = (Jar::new(), Mirror::default(), NOW);
        for _ in 0..250 {
            now = now.plus_seconds(random.below(40) as i64);
            let to = random.url();
            let access = Access {
                same_site: contexts[random.below(contexts.len())],
                http: random.below(4) > 0,
                partition_key: keys.get(random.below(3)),
            };
            let before = jar.len();
            match random.below(20) {
                0 => mirror.follow(&jar.remove(&to, b"a")),
                1 => mirror.follow(&jar.remove_expired(now)),
                2 => {
                    let origins = [Origin::from_url(&to)];
                    match random.below(12) {
                        0 => mirror.follow(&jar.clear(Clear::Origins(&origins))),
                        1 => mirror.follow(&jar.clear(Clear::AllBut(&origins))),
                        2 => mirror.follow(&jar.clear(Clear::All)),
                        3 => mirror.follow(&jar.remove_session_cookies()),
                        4 => mirror.follow(&jar.remove_persistent_except(|cookie| cookie.secure())),
                        5 => {
                            let partition_key = access.partition_key;
                            mirror.follow(&jar.clear_site(&to, partition_key));
                        }
                        _ => {}
                    }
                }
                3..8 => {
                    let expected = mirror.header(&jar, &to, &access, now);
                    let sent = jar.cookies_for(&to, &access, now);
                    assert_eq!(sent.header, expected);
                    for cookie in sent.touched {
                        mirror.0.insert(cookie.key(), cookie);
                    }
                    mirror.follow(&sent.changes);
                }
                8 => {
                    if let Some(cookie) = mirror.0.values().next().cloned() {
                        assert_eq!(jar.load(cookie.clone(), now), [], "it is there already");
                        let before = Timestamp(cookie.last_update().0 - 1);
                        assert_eq!(jar.unload(&cookie.key(), before), [], "set since");
                        mirror.follow(&jar.unload(&cookie.key(), cookie.last_update()));
                        mirror.follow(&jar.load(cookie, now));
                    }
                }
                _ => match set_with(&mut jar, to.as_str(), &random.line(), &access, now) {
                    Ok(changes) => mirror.follow(&changes),
                    Err(_) => assert_eq!(jar.len(), before),
                },
            }
            mirror.check(&jar);
        }
    }
}

#[test]
fn changes_tell_what_the_jar_holds_at_its_limits() {
    let key = PartitionKey::new(&url("https://one.test/"), false).unwrap();
    let mut random = Random(7);
    let (mut jar, mut mirror, mut now) = (Jar::new(), Mirror::default(), NOW);
    for number in 0..1500 {
        now = now.plus_seconds(random.below(100) as i64);
        let access = Access { partition_key: Some(&key), ..FIRST_PARTY };
        let name = random.below(400);
        let value = "v".repeat(random.below(300));
        let more =
            random.pick(&["", "; Partitioned", "; Priority=Low", "; Priority=High; Max-Age=900"]);
        let line = format!("n{name}={value}; Secure{more}");
        let changes = set_with(&mut jar, "https://a.test/", &line, &access, now).unwrap();
        mirror.follow(&changes);
        if number % 50 == 0 {
            mirror.check(&jar);
            let to = url("https://a.test/");
            let expected = mirror.header(&jar, &to, &access, now);
            let sent = jar.cookies_for(&to, &access, now);
            assert_eq!(sent.header, expected);
            sent.touched.into_iter().for_each(|cookie| {
                mirror.0.insert(cookie.key(), cookie);
            });
            mirror.follow(&sent.changes);
        }
    }
}

#[test]
fn what_is_written_reads_back_whatever_it_is() {
    let mut random = Random(11);
    for _ in 0..3000 {
        let line = random.line();
        let Ok(parsed) = SetCookie::parse(line.as_bytes()) else { continue };
        assert_eq!(SetCookie::parse(&parsed.to_line()), Ok(parsed), "{line}");
        let from = random.url();
        let Ok(cookie) = CanonicalCookie::from_line(line.as_bytes(), &from, NOW, None, None) else {
            continue;
        };
        let again = CanonicalCookie::from_storage(cookie.to_stored());
        assert_eq!(again.as_ref(), Ok(&cookie), "{line}");
        let file = netscape::write([&cookie]);
        let read = netscape::read(&file, NOW).unwrap();
        let [read] = &read[..] else { panic!("{line}") };
        // What the file has no field for is lost.
        let expected = StoredCookie {
            expiry: cookie
                .expiry()
                .map(|expiry| Timestamp::from_unix(expiry.unix()).max(Timestamp(1_000_000))),
            same_site: read.same_site(),
            priority: read.priority(),
            source_scheme: read.source_scheme(),
            source_port: read.source_port(),
            ..cookie.to_stored()
        };
        assert_eq!(read.to_stored(), expected, "{line}");
        assert_eq!(netscape::write([read]), file);
    }
}

#[test]
fn what_is_read_at_once_is_what_is_read_one_by_one() {
    let mut random = Random(0x1234_5678_9abc_def1);
    for round in 0..20 {
        let (mut at_once, mut one_by_one) = (Jar::new(), Jar::new());
        let mut cookies = Vec::new();
        for number in 0..400 {
            let (url, line) = (random.url(), random.line());
            let key = PartitionKey::new(&url, false);
            // Half of the rounds have more names, so that a domain has too many.
            let line = if round % 2 == 0 { line } else { format!("n{number}{line}") };
            let made = Timestamp(NOW.0 - 1_000_000 * random.below(4000) as i64);
            let cookie =
                CanonicalCookie::from_line(line.as_bytes(), &url, made, None, key.as_ref());
            cookies.extend(cookie);
        }
        let mut gone = Vec::new();
        for cookie in cookies.clone() {
            gone.extend(one_by_one.load(cookie, NOW));
        }
        gone.retain(|change| matches!(change.cause, ChangeCause::Evicted));
        let evicted = at_once.fill(cookies, NOW);
        let evicted: Vec<_> =
            evicted.into_iter().filter(|change| change.cause == ChangeCause::Evicted).collect();
        assert_eq!(evicted, gone);
        let all = Filter::default();
        assert_eq!(at_once.get(&all, NOW), one_by_one.get(&all, NOW));
        assert_eq!(at_once.len(), one_by_one.len());
    }
}
