//! What the jar lets in and out, by tables; limits, reasons and random sequences have files of
//! their own.

use super::*;
use crate::cookie::CookieDetails;
use crate::origin::Origin;

mod limits;
mod reasons;
mod sequences;

const NOW: Timestamp = Timestamp(1_764_000_000_000_000);

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn request(same_site: SameSiteContext) -> Access<'static> {
    Access { same_site, http: true, partition_key: None }
}

const FIRST_PARTY: Access<'static> =
    Access { same_site: SameSiteContext::Strict, http: true, partition_key: None };

/// A jar that has taken these lines, each from its URL, a microsecond apart.
fn jar(lines: &[(&str, &str)]) -> Jar {
    let mut jar = Jar::new();
    for (number, (from, line)) in lines.iter().enumerate() {
        let now = Timestamp(NOW.0 + number as i64);
        set(&mut jar, from, line, now).unwrap_or_else(|reason| panic!("{line}: {reason}"));
    }
    jar
}

fn set(
    jar: &mut Jar,
    from: &str,
    line: &str,
    now: Timestamp,
) -> Result<Vec<Change>, ExclusionReason> {
    set_with(jar, from, line, &FIRST_PARTY, now)
}

fn set_with(
    jar: &mut Jar,
    from: &str,
    line: &str,
    access: &Access<'_>,
    now: Timestamp,
) -> Result<Vec<Change>, ExclusionReason> {
    let from = url(from);
    let key = access.partition_key;
    let cookie = CanonicalCookie::from_line(line.as_bytes(), &from, now, None, key)?;
    jar.set(cookie, &from, access, now)
}

/// The `Cookie` field of a request; empty if it has none.
fn header(jar: &mut Jar, to: &str) -> String {
    header_with(jar, to, &FIRST_PARTY, NOW)
}

fn header_with(jar: &mut Jar, to: &str, access: &Access<'_>, now: Timestamp) -> String {
    let sent = jar.cookies_for(&url(to), access, now);
    String::from_utf8(sent.header.unwrap_or_default()).unwrap()
}

/// The names of all cookies, sorted.
fn names(jar: &Jar) -> Vec<&str> {
    let mut names: Vec<&str> =
        jar.iter().map(|cookie| str::from_utf8(cookie.name()).unwrap()).collect();
    names.sort_unstable();
    names
}

fn causes(changes: &[Change]) -> Vec<(&'static str, String)> {
    let shown = |change: &Change| {
        (change.cause.as_str(), String::from_utf8_lossy(change.cookie.pair()).into_owned())
    };
    changes.iter().map(shown).collect()
}

#[test]
fn a_request_carries_what_belongs_to_its_host_and_path() {
    let mut jar = jar(&[
        ("https://a.test/", "host=1"),
        ("https://www.a.test/", "domain=1; Domain=a.test"),
        ("https://www.a.test/", "www=1"),
        ("https://a.test/", "path=1; Path=/x"),
        ("https://b.test/", "other=1"),
        ("http://127.0.0.1:1/", "address=1"),
        ("https://github.io/", "suffix=1"),
        ("https://alice.github.io/", "alice=1"),
    ]);
    for (to, expected) in [
        ("https://a.test/", "host=1; domain=1"),
        ("http://a.test:8080/", "host=1; domain=1"),
        ("wss://a.test/", "host=1; domain=1"),
        ("https://www.a.test/", "domain=1; www=1"),
        ("https://x.www.a.test/", "domain=1"),
        ("https://a.test/x", "path=1; host=1; domain=1"),
        ("https://a.test/x/y", "path=1; host=1; domain=1"),
        ("https://a.test/xy", "host=1; domain=1"),
        ("https://a.test./", ""),
        ("https://ba.test/", ""),
        ("https://test/", ""),
        ("http://127.0.0.1:2/", "address=1"),
        ("http://127.0.0.2/", ""),
        ("https://github.io/", "suffix=1"),
        ("https://alice.github.io/", "alice=1"),
        ("https://bob.github.io/", ""),
        ("ftp://a.test/", ""),
        ("file:///x", ""),
    ] {
        assert_eq!(header(&mut jar, to), expected, "{to}");
    }
}

#[test]
fn the_longest_path_comes_first_and_then_the_earliest_made() {
    let mut jar = jar(&[
        ("https://a.test/", "a=1; Path=/"),
        ("https://a.test/", "b=1; Path=/x/y"),
        ("https://a.test/", "c=1; Path=/x"),
        ("https://a.test/", "d=1; Path=/x/y"),
        ("https://a.test/", "nameless; Path=/x"),
    ]);
    assert_eq!(header(&mut jar, "https://a.test/x/y/z"), "b=1; d=1; c=1; nameless; a=1");

    // Renewed with the same value it keeps its place; another value is another cookie.
    set(&mut jar, "https://a.test/", "b=1; Path=/x/y; Max-Age=60", NOW.plus_seconds(1)).unwrap();
    assert_eq!(header(&mut jar, "https://a.test/x/y/z"), "b=1; d=1; c=1; nameless; a=1");
    set(&mut jar, "https://a.test/", "b=2; Path=/x/y", NOW.plus_seconds(2)).unwrap();
    assert_eq!(header(&mut jar, "https://a.test/x/y/z"), "d=1; b=2; c=1; nameless; a=1");
}

#[test]
fn cookies_made_at_the_same_moment_go_in_the_order_of_their_lines() {
    let mut jar = Jar::new();
    for name in ["c", "a", "b"] {
        set(&mut jar, "https://a.test/", &format!("{name}=1"), NOW).unwrap();
    }
    assert_eq!(header(&mut jar, "https://a.test/"), "c=1; a=1; b=1");
}

#[test]
fn a_refusal_names_its_reason_and_changes_nothing() {
    use ExclusionReason as Reason;
    let mut jar = jar(&[
        ("https://a.test/x", "safe=1; Secure; Domain=a.test; Path=/x"),
        ("https://a.test/", "hidden=1; HttpOnly"),
    ]);
    let script = Access { http: false, ..FIRST_PARTY };
    let cross = request(SameSiteContext::CrossSite);
    let before = header(&mut jar, "https://a.test/x");
    for (from, line, access, expected) in [
        ("http://a.test/", "a=1; Secure", FIRST_PARTY, Reason::SecureOnly),
        ("https://a.test/", "a=1; SameSite=None", FIRST_PARTY, Reason::SameSiteNoneInsecure),
        ("https://a.test/", "a=1; HttpOnly", script, Reason::HttpOnly),
        ("https://a.test/", "hidden=2", script, Reason::OverwriteHttpOnly),
        ("https://a.test/", "a=1", cross, Reason::SameSiteUnspecifiedTreatedAsLax),
        ("https://a.test/", "a=1; SameSite=Lax", cross, Reason::SameSiteLax),
        ("https://a.test/", "a=1; SameSite=Strict", cross, Reason::SameSiteStrict),
        ("http://a.test/", "safe=2; Path=/x", FIRST_PARTY, Reason::OverwriteSecure),
        ("http://a.test/", "safe=2; Path=/x/y", FIRST_PARTY, Reason::OverwriteSecure),
        ("http://www.a.test/", "safe=2; Path=/x", FIRST_PARTY, Reason::OverwriteSecure),
        ("ftp://a.test/", "a=1", FIRST_PARTY, Reason::NonCookieableScheme),
        ("https://a.test/", "a=1; Domain=b.test", FIRST_PARTY, Reason::InvalidDomain),
        ("https://a.test/", "", FIRST_PARTY, Reason::NoCookieContent),
    ] {
        assert_eq!(set_with(&mut jar, from, line, &access, NOW), Err(expected), "{from} {line}");
        assert_eq!(header(&mut jar, "https://a.test/x"), before);
        assert_eq!(jar.len(), 2);
    }
    let foreign = CanonicalCookie::from_line(b"a=1", &url("https://b.test/"), NOW, None, None);
    let refused = jar.set(foreign.unwrap(), &url("https://a.test/"), &FIRST_PARTY, NOW);
    assert_eq!(refused, Err(Reason::DomainMismatch));
}

#[test]
fn a_cookie_in_the_clear_may_stand_beside_a_secure_one_it_does_not_shadow() {
    for (from, line) in [
        ("http://a.test/", "safe=2"),
        ("http://a.test/", "safe=2; Path=/xy"),
        ("http://a.test/", "other=2; Path=/x"),
        ("https://a.test/", "safe=2; Path=/x"),
    ] {
        let mut jar = jar(&[("https://a.test/x", "safe=1; Secure; Path=/x")]);
        assert!(set(&mut jar, from, line, NOW).is_ok(), "{from} {line}");
    }
}

#[test]
fn this_machine_may_set_and_get_secure_cookies_in_the_clear() {
    for host in
        ["http://127.0.0.1:8080/", "http://localhost/", "http://[::1]/", "ws://a.localhost/"]
    {
        let mut jar = jar(&[(host, "a=1; Secure; SameSite=None")]);
        assert_eq!(header(&mut jar, host), "a=1", "{host}");
    }
}

#[test]
fn same_site_cookies_stay_behind_where_another_site_has_a_part() {
    let mut jar = jar(&[
        ("https://a.test/", "none=1; Secure; SameSite=None"),
        ("https://a.test/", "unsaid=1"),
        ("https://a.test/", "lax=1; SameSite=Lax"),
        ("https://a.test/", "strict=1; SameSite=Strict"),
    ]);
    for (context, expected) in [
        (SameSiteContext::CrossSite, "none=1"),
        (SameSiteContext::CrossSiteRedirect, "none=1; unsaid=1"),
        (SameSiteContext::Lax, "none=1; unsaid=1; lax=1"),
        (SameSiteContext::Strict, "none=1; unsaid=1; lax=1; strict=1"),
    ] {
        let carried = header_with(&mut jar, "https://a.test/", &request(context), NOW);
        assert_eq!(carried, expected, "{context:?}");
    }
    let after_a_redirect = request(SameSiteContext::CrossSiteRedirect);
    for line in ["new=1; SameSite=Strict", "newer=1; SameSite=Lax", "newest=1"] {
        assert!(set_with(&mut jar, "https://a.test/", line, &after_a_redirect, NOW).is_ok());
    }
}

#[test]
fn every_change_has_its_cause() {
    let mut jar = Jar::new();
    let one = |text: &str| text.to_owned();
    for (line, expected) in [
        ("a=1", vec![("inserted", one("a=1"))]),
        ("a=2", vec![("overwrite", one("a=1")), ("inserted", one("a=2"))]),
        ("a=2", vec![("overwrite", one("a=2")), ("inserted-no-change-overwrite", one("a=2"))]),
        (
            "a=2; Max-Age=60",
            vec![("overwrite", one("a=2")), ("inserted-no-value-change-overwrite", one("a=2"))],
        ),
        (
            "a=2; Max-Age=60; HttpOnly",
            vec![("overwrite", one("a=2")), ("inserted-no-value-change-overwrite", one("a=2"))],
        ),
        ("a=3; Max-Age=0", vec![("expired-overwrite", one("a=2"))]),
        ("a=3; Max-Age=0", vec![]),
        ("b=1; Path=/x", vec![("inserted", one("b=1"))]),
        ("b=1; Path=/y", vec![("inserted", one("b=1"))]),
    ] {
        let changes = set(&mut jar, "https://a.test/", line, NOW).unwrap();
        assert_eq!(causes(&changes), expected, "{line}");
        for change in &changes {
            assert_eq!(change.is_removal(), !change.cause.as_str().starts_with("inserted"));
        }
    }
    let gone = jar.remove(&url("https://a.test/x"), b"b");
    assert_eq!(causes(&gone), [("explicit", one("b=1"))]);
    assert_eq!((gone[0].cookie.path(), jar.len()), ("/x", 1));
    let names = ChangeCause::ALL.map(ChangeCause::as_str);
    assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
}

#[test]
fn an_expired_cookie_is_not_sent_and_goes() {
    let mut jar = jar(&[("https://a.test/", "a=1; Max-Age=60"), ("https://a.test/", "b=1")]);
    let sent = jar.cookies_for(&url("https://a.test/"), &FIRST_PARTY, NOW.plus_seconds(59));
    assert_eq!((sent.header, sent.changes), (Some(b"a=1; b=1".to_vec()), vec![]));
    assert_eq!(jar.get(&Filter::default(), NOW.plus_seconds(60)).len(), 1);
    let sent = jar.cookies_for(&url("https://a.test/"), &FIRST_PARTY, NOW.plus_seconds(60));
    assert_eq!(sent.header, Some(b"b=1".to_vec()));
    assert_eq!(causes(&sent.changes), [("expired", "a=1".to_owned())]);
    assert_eq!((jar.len(), jar.remove_expired(Timestamp::MAX)), (1, vec![]));
}

#[test]
fn a_clock_that_jumps_deletes_nothing_that_lives() {
    let mut jar = jar(&[("https://a.test/", "a=1; Max-Age=60"), ("https://a.test/", "b=1")]);
    let past = NOW.plus_seconds(-10 * 365 * 86_400);
    assert_eq!(header_with(&mut jar, "https://a.test/", &FIRST_PARTY, past), "a=1; b=1");
    assert_eq!(header(&mut jar, "https://a.test/"), "a=1; b=1");
}

#[test]
fn the_date_of_use_changes_once_a_minute() {
    let mut jar = jar(&[("https://a.test/", "a=1"), ("https://a.test/", "b=1; Path=/x")]);
    let mut touched = |to: &str, seconds| {
        let sent = jar.cookies_for(&url(to), &FIRST_PARTY, NOW.plus_seconds(seconds));
        sent.touched.iter().map(|cookie| cookie.last_access()).collect::<Vec<_>>()
    };
    assert_eq!(touched("https://a.test/", 59), []);
    assert_eq!(touched("https://a.test/", 60), [NOW.plus_seconds(60)]);
    assert_eq!(touched("https://a.test/", 61), []);
    assert_eq!(touched("https://a.test/x", 61), [NOW.plus_seconds(61)]);
}

#[test]
fn a_filter_asks_as_electron_does() {
    let key = PartitionKey::new(&url("https://top.test/"), false).unwrap();
    let mut jar = jar(&[
        ("https://example.com/", "domain=1; Domain=example.com"),
        ("https://sub.example.com/", "host=1; HttpOnly; Max-Age=60"),
        ("https://otherexample.com/", "other=1; Domain=otherexample.com"),
        ("https://example.com/", "path=1; Path=/x; Secure"),
    ]);
    let inside = Access { partition_key: Some(&key), ..FIRST_PARTY };
    let line = "part=1; Secure; Partitioned; SameSite=None";
    set_with(&mut jar, "https://example.com/", line, &inside, NOW).unwrap();

    let names = |filter: Filter<'_>| -> Vec<String> {
        let mut names: Vec<String> = jar
            .get(&filter, NOW)
            .into_iter()
            .map(|cookie| String::from_utf8_lossy(cookie.name()).into_owned())
            .collect();
        names.sort_unstable();
        names
    };
    let (secure, plain) = (url("https://example.com/x"), url("http://sub.example.com/"));
    let all = Filter::default;
    for (filter, expected) in [
        (all(), &["domain", "host", "other", "part", "path"][..]),
        (Filter { url: Some(&secure), ..all() }, &["domain", "part", "path"]),
        (Filter { url: Some(&plain), ..all() }, &["domain", "host"]),
        (Filter { url: Some(&url("file:///x")), ..all() }, &[]),
        (Filter { name: Some(b"host"), ..all() }, &["host"]),
        (Filter { name: Some(b""), ..all() }, &[]),
        (Filter { domain: Some("example.com"), ..all() }, &["domain", "part", "path"]),
        (Filter { domain: Some(".example.com"), ..all() }, &["domain", "part", "path"]),
        (Filter { domain: Some("sub.example.com"), ..all() }, &["domain", "host"]),
        (Filter { domain: Some("com"), ..all() }, &[]),
        (Filter { domain: Some(""), ..all() }, &[]),
        (Filter { path: Some("/"), ..all() }, &["domain", "host", "other", "part"]),
        (Filter { path: Some("/x"), ..all() }, &["path"]),
        (Filter { path: Some("/x/y"), ..all() }, &[]),
        (Filter { secure: Some(true), ..all() }, &["part", "path"]),
        (Filter { secure: Some(false), ..all() }, &["domain", "host", "other"]),
        (Filter { session: Some(false), ..all() }, &["host"]),
        (Filter { session: Some(true), ..all() }, &["domain", "other", "part", "path"]),
        (Filter { http_only: Some(true), ..all() }, &["host"]),
        (Filter { url: Some(&secure), name: Some(b"path"), ..all() }, &["path"]),
    ] {
        assert_eq!(names(filter), expected, "{filter:?}");
    }
}

#[test]
fn removing_asks_for_the_url_and_the_name_in_all_partitions() {
    let key = PartitionKey::new(&url("https://top.test/"), false).unwrap();
    let inside = Access { partition_key: Some(&key), ..FIRST_PARTY };
    let mut jar = jar(&[
        ("https://a.test/", "a=1; Secure"),
        ("https://a.test/", "a=2; Path=/x"),
        ("https://a.test/", "b=1"),
        ("https://www.a.test/", "a=3; Domain=a.test"),
    ]);
    set_with(&mut jar, "https://a.test/", "a=4; Secure; Partitioned", &inside, NOW).unwrap();
    assert_eq!(jar.remove(&url("https://a.test/"), b"c"), []);
    assert_eq!(jar.remove(&url("https://b.test/"), b"a"), []);
    assert_eq!(causes(&jar.remove(&url("http://a.test/"), b"a")), [("explicit", "a=3".into())]);
    let mut gone = causes(&jar.remove(&url("https://a.test/"), b"a"));
    gone.sort();
    assert_eq!(gone, [("explicit", "a=1".into()), ("explicit", "a=4".into())]);
    assert_eq!(header(&mut jar, "https://a.test/x"), "a=2; b=1");
}

#[test]
fn partitions_do_not_see_each_other() {
    let keys = ["https://one.test/", "https://two.test/"];
    let keys = keys.map(|site| PartitionKey::new(&url(site), false).unwrap());
    let nested = PartitionKey::new(&url("https://one.test/"), true).unwrap();
    let within = |key| Access { partition_key: Some(key), ..FIRST_PARTY };
    let (to, line) = ("https://a.test/", "Secure; Partitioned; SameSite=None");
    let mut jar = jar(&[(to, "plain=1")]);
    for (number, key) in keys.iter().chain([&nested]).enumerate() {
        let line = format!("a={number}; {line}");
        set_with(&mut jar, to, &line, &within(key), NOW.plus_seconds(-1)).unwrap();
    }
    assert_eq!(header(&mut jar, to), "plain=1");
    assert_eq!(header_with(&mut jar, to, &within(&keys[0]), NOW), "a=0; plain=1");
    assert_eq!(header_with(&mut jar, to, &within(&keys[1]), NOW), "a=1; plain=1");
    assert_eq!(header_with(&mut jar, to, &within(&nested), NOW), "a=2; plain=1");
    assert_eq!(jar.len(), 4);
    let end = set_with(&mut jar, to, &format!("a=; Max-Age=0; {line}"), &within(&keys[0]), NOW);
    assert_eq!(causes(&end.unwrap()), [("expired-overwrite", "a=0".into())]);
    assert_eq!(jar.partitions.len(), 2);
}

#[test]
fn clearing_takes_whole_registrable_domains() {
    let lines = [
        ("https://www.a.test/", "www=1"),
        ("http://x.a.test/", "x=1"),
        ("https://b.test/", "b=1"),
        ("http://127.0.0.1/", "address=1"),
    ];
    let origins: Vec<Origin> =
        ["https://a.test:8443", "null"].iter().map(|text| text.parse().unwrap()).collect();
    for (which, expected) in [
        (Clear::All, &[][..]),
        (Clear::Origins(&origins), &["address", "b"]),
        (Clear::AllBut(&origins), &["www", "x"]),
        (Clear::Origins(&[]), &["address", "b", "www", "x"]),
        (Clear::AllBut(&[]), &[]),
    ] {
        let mut jar = jar(&lines);
        let changes = jar.clear(which);
        assert!(changes.iter().all(|change| change.cause == ChangeCause::Explicit));
        assert_eq!(changes.len(), lines.len() - expected.len(), "{which:?}");
        assert_eq!(names(&jar), expected, "{which:?}");
    }
}

#[test]
fn an_answer_clears_its_site_outside_partitions_and_in_its_own() {
    let keys = ["https://a.test/", "https://top.test/"];
    let keys = keys.map(|site| PartitionKey::new(&url(site), false).unwrap());
    let lines = [
        ("https://www.a.test/", "www=1"),
        ("http://x.a.test/", "x=1; Max-Age=60"),
        ("https://b.test/", "b=1"),
        ("http://127.0.0.1/", "address=1"),
    ];
    for (from, key, expected) in [
        ("https://a.test/", None, &["address", "b", "own", "top"][..]),
        ("https://www.a.test:8443/x", Some(&keys[0]), &["address", "b", "top"]),
        ("https://www.a.test/", Some(&keys[1]), &["address", "b", "own"]),
        ("http://127.0.0.1:1/", None, &["b", "own", "top", "www", "x"]),
        ("https://test/", None, &["address", "b", "own", "top", "www", "x"]),
        ("file:///x", None, &["address", "b", "own", "top", "www", "x"]),
    ] {
        let mut jar = jar(&lines);
        for (name, key) in ["own", "top"].iter().zip(&keys) {
            let inside = Access { partition_key: Some(key), ..FIRST_PARTY };
            let line = format!("{name}=1; Secure; Partitioned");
            set_with(&mut jar, "https://a.test/", &line, &inside, NOW).unwrap();
        }
        let changes = jar.clear_site(&url(from), key);
        assert!(changes.iter().all(|change| change.cause == ChangeCause::Explicit));
        assert_eq!(changes.len(), 6 - expected.len(), "{from}");
        assert_eq!(names(&jar), expected, "{from}");
    }
}

#[test]
fn whether_anything_is_partitioned_is_known() {
    let key = PartitionKey::new(&url("https://top.test/"), false).unwrap();
    let inside = Access { partition_key: Some(&key), ..FIRST_PARTY };
    let mut jar = jar(&[("https://a.test/", "a=1; Secure; Partitioned")]);
    assert!(!jar.has_partitioned(), "without a key nothing is");
    set_with(&mut jar, "https://a.test/", "b=1; Secure; Partitioned", &inside, NOW).unwrap();
    assert!(jar.has_partitioned());
    jar.remove(&url("https://a.test/"), b"b");
    assert!(!jar.has_partitioned());
}

#[test]
fn what_a_disk_does_not_hold_any_more_goes_and_session_cookies_stay() {
    let key = PartitionKey::new(&url("https://top.test/"), false).unwrap();
    let inside = Access { partition_key: Some(&key), ..FIRST_PARTY };
    let mut jar = jar(&[
        ("https://a.test/", "kept=1; Max-Age=60"),
        ("https://a.test/", "gone=1; Max-Age=60"),
        ("https://a.test/", "session=1"),
    ]);
    let line = "partitioned=1; Secure; Partitioned; Max-Age=60";
    set_with(&mut jar, "https://a.test/", line, &inside, NOW).unwrap();
    let gone = jar.remove_persistent_except(|cookie| cookie.name() == b"kept");
    let expected = [("explicit", "gone=1".into()), ("explicit", "partitioned=1".into())];
    assert_eq!(causes(&gone), expected);
    assert_eq!(names(&jar), ["kept", "session"]);
    assert!(!jar.has_partitioned());
}

#[test]
fn of_two_cookies_from_the_disk_the_one_set_last_stays() {
    let from = url("https://a.test/");
    let make = |value: &str, seconds| {
        let line = format!("a={value}; Max-Age=600");
        let now = NOW.plus_seconds(seconds);
        CanonicalCookie::from_line(line.as_bytes(), &from, now, None, None).unwrap()
    };
    let mut jar = Jar::new();
    assert_eq!(causes(&jar.load(make("1", 1), NOW)), [("inserted", "a=1".into())]);
    assert_eq!(jar.load(make("0", 0), NOW), []);
    assert_eq!(jar.load(make("1", 1), NOW), []);
    let newer = jar.load(make("2", 2), NOW);
    assert_eq!(causes(&newer), [("overwrite", "a=1".into()), ("inserted", "a=2".into())]);
    assert_eq!(jar.load(make("3", -700), NOW), []);
    let key = make("", 0).key();
    assert_eq!(jar.unload(&key, NOW.plus_seconds(1)), [], "it was set after that");
    let gone = jar.unload(&key, NOW.plus_seconds(2));
    assert_eq!(causes(&gone), [("explicit", "a=2".into())]);
    assert_eq!(jar.unload(&key, NOW.plus_seconds(2)), []);
    assert_eq!(jar.load(make("3", -700), NOW), [], "what has expired does not come in");
}

#[test]
fn session_cookies_can_be_dropped_alone() {
    let mut jar = jar(&[("https://a.test/", "a=1; Max-Age=60"), ("https://a.test/", "b=1")]);
    assert_eq!(causes(&jar.remove_session_cookies()), [("explicit", "b=1".into())]);
    assert_eq!(header(&mut jar, "https://a.test/"), "a=1");
}

#[test]
fn an_application_may_not_replace_what_it_may_not_see() {
    let from = url("https://a.test/");
    let mut jar = jar(&[("https://a.test/", "a=1; HttpOnly")]);
    let details = CookieDetails { name: b"a", value: b"2", ..CookieDetails::new(&from) };
    let cookie = CanonicalCookie::from_details(&details, NOW).unwrap();
    let refused = jar.set(cookie.clone(), &from, &Access::api(false), NOW);
    assert_eq!(refused, Err(ExclusionReason::OverwriteHttpOnly));
    assert!(jar.set(cookie, &from, &Access::api(true), NOW).is_ok());
}

#[test]
fn byte_a_cookie_that_would_break_a_field_never_gets_in() {
    for byte in (0..=0x1f).chain([0x7f]) {
        let text = char::from(byte);
        for line in [format!("a{text}b=1"), format!("a=1{text}2"), format!("a=1; x=1{text}2")] {
            let refused = set(&mut Jar::new(), "https://www.a.test/", &line, NOW);
            assert_eq!(refused, Err(ExclusionReason::DisallowedCharacter), "{line:?}");
        }
    }
}
