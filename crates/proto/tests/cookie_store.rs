//! Our cookies beside those of the crate `cookie_store`.
//!
//! Lines of `Set-Cookie` from many URLs are given to both: each alone to an empty store, then many
//! in a row. What is stored and what a request carries has to be the same, or the difference has to
//! belong to a class that is named here and in docs/differences.md. A difference without a class
//! fails, and so does a class without a difference.

use std::collections::BTreeSet;

use cookie_store::{CookieDomain, CookieStore};
use netreq_proto::cookie::{Access, CanonicalCookie, ExclusionReason, Jar, Timestamp};
use netreq_proto::site::registrable_domain;
use url::Url;

#[test]
fn one_line_is_stored_alike_or_differs_for_a_known_reason() {
    let mut random = Random(1);
    let (mut met, mut alike) = (BTreeSet::new(), 0);
    for _ in 0..2000 {
        let (url, line) = (random.url(), random.line());
        let (ours, theirs) = both(&url, &line);
        let kind = match (&ours, &theirs) {
            _ if ours == theirs => {
                alike += usize::from(ours.is_some());
                continue;
            }
            (Some(_), Some(_)) => Kind::Otherwise,
            (Some(_), None) => Kind::OursAlone,
            (None, _) => Kind::TheirsAlone,
        };
        let mut known = CLASSES.iter().filter(|class| class.kind == kind);
        let class = known.find(|class| (class.applies)(&line, &url));
        let class =
            class.unwrap_or_else(|| panic!("{url} {line:?}: ours {ours:?}, theirs {theirs:?}"));
        met.insert(class.name);
    }
    let named: BTreeSet<&str> = CLASSES.iter().map(|class| class.name).collect();
    assert_eq!(met, named);
    assert!(alike > 300, "{alike} stored alike");
}

#[test]
fn many_lines_are_stored_and_sent_alike_or_differ_for_a_known_reason() {
    let mut random = Random(2);
    let (mut met, mut steps) = (BTreeSet::new(), 0);
    for _ in 0..150 {
        let (mut jar, mut store) = (Jar::new(), CookieStore::default());
        let mut before: Vec<(Url, Line)> = Vec::new();
        while before.len() < 12 {
            let (url, line) = (random.url(), random.plain_line());
            // Lines that differ alone are left out, also those whose difference their expiry hides.
            let lasting = Line { expiry: "", ..line.clone() };
            let alone = [&line, &lasting].map(|line| both(&url, line));
            if alone.iter().any(|(ours, theirs)| ours != theirs) {
                continue;
            }
            let refused = set(&mut jar, &url, &line).err();
            let _ = store.parse(&line.text(), &url);
            if stored(&jar) != stored_there(&store) {
                let class = match refused {
                    Some(ExclusionReason::OverwriteSecure) => "secure-overwrite",
                    // Theirs has one place for a host and for the domain of the same name.
                    None if before.iter().any(|(_, other)| other.has_name_of(&line)) => "one-place",
                    // Theirs keeps what is `HttpOnly` from a socket.
                    None if matches!(url.scheme(), "ws" | "wss")
                        && before
                            .iter()
                            .any(|(_, other)| other.name == line.name && other.http_only) =>
                    {
                        "socket"
                    }
                    _ => panic!("{before:?}, then {url} {line:?}: {refused:?}"),
                };
                met.insert(class);
                break;
            }
            for to in URLS {
                let to = Url::parse(to).unwrap();
                let (ours, theirs) = (sent(&mut jar, &to), sent_there(&store, &to));
                if ours != theirs {
                    // Theirs knows http alone, and of this machine not every name.
                    let odd = !to.scheme().starts_with("http")
                        || to.host_str().is_some_and(|host| host.ends_with(".localhost"));
                    assert!(odd, "{to} after {before:?}: ours {ours:?}, theirs {theirs:?}");
                    met.insert("socket-request");
                }
            }
            before.push((url, line));
            steps += 1;
        }
    }
    let expected = ["one-place", "secure-overwrite", "socket", "socket-request"];
    assert_eq!(met, BTreeSet::from(expected));
    assert!(steps > 500, "{steps}");
}

#[test]
fn theirs_has_no_limit_and_no_order() {
    let (mut jar, mut store) = (Jar::new(), CookieStore::default());
    let url = Url::parse("https://a.test/x/y").unwrap();
    for number in 0..181_u32 {
        let path = if number.is_multiple_of(2) { "/" } else { "/x" };
        let line = Line { path: Some(path.to_owned()), ..Line::new(&format!("n{number}"), "1") };
        set(&mut jar, &url, &line).unwrap();
        store.parse(&line.text(), &url).unwrap();
    }
    assert_eq!((jar.len(), store.iter_any().count()), (150, 181));
    let sent = jar.cookies_for(&url, &Access::api(true), NOW).header.unwrap();
    let numbers: Vec<u32> = String::from_utf8(sent)
        .unwrap()
        .split("; ")
        .map(|pair| pair[1..].strip_suffix("=1").unwrap().parse().unwrap())
        .collect();
    let place = |number: &u32| (number.is_multiple_of(2), *number);
    assert!(numbers.is_sorted_by_key(place), "{numbers:?}");
}

/// How a difference shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Ours refuses.
    TheirsAlone,
    /// Theirs refuses.
    OursAlone,
    /// Both store something else.
    Otherwise,
}

/// A reason why both may differ over one line.
struct Class {
    name: &'static str,
    kind: Kind,
    applies: fn(&Line, &Url) -> bool,
}

const CLASSES: &[Class] = &[
    Class {
        name: "public-suffix",
        kind: Kind::TheirsAlone,
        applies: |line, _| {
            line.domain_name().is_some_and(|name| registrable_domain(name).is_none())
        },
    },
    Class {
        name: "own-host",
        kind: Kind::Otherwise,
        applies: |line, url| {
            let host = url.host_str().unwrap_or_default();
            registrable_domain(host).is_none()
                && line.domain_name().is_some_and(|name| name.eq_ignore_ascii_case(host))
        },
    },
    Class {
        name: "domain-ascii",
        kind: Kind::TheirsAlone,
        applies: |line, _| line.domain.is_some_and(|domain| !domain.is_ascii()),
    },
    Class {
        name: "prefix",
        kind: Kind::TheirsAlone,
        applies: |line, _| line.name.to_ascii_lowercase().starts_with("__"),
    },
    Class {
        name: "secure",
        kind: Kind::TheirsAlone,
        applies: |line, url| line.secure && matches!(url.scheme(), "http" | "ws"),
    },
    Class {
        name: "none-insecure",
        kind: Kind::TheirsAlone,
        applies: |line, _| line.same_site == "None" && !line.secure,
    },
    Class {
        name: "partitioned-insecure",
        kind: Kind::TheirsAlone,
        applies: |line, _| line.partitioned && !line.secure,
    },
    Class { name: "scheme", kind: Kind::TheirsAlone, applies: |_, url| url.scheme() == "ftp" },
    Class {
        name: "socket",
        kind: Kind::OursAlone,
        applies: |line, url| matches!(url.scheme(), "ws" | "wss") && line.http_only,
    },
    Class { name: "nameless", kind: Kind::OursAlone, applies: |line, _| line.name.is_empty() },
    Class {
        name: "control",
        kind: Kind::TheirsAlone,
        applies: |line, _| line.text().contains(char::is_control),
    },
    Class {
        name: "control",
        kind: Kind::Otherwise,
        applies: |line, _| line.text().contains(char::is_control),
    },
    Class {
        name: "white-space",
        kind: Kind::Otherwise,
        applies: |line, _| line.value.ends_with('\u{a0}'),
    },
    Class {
        name: "size",
        kind: Kind::TheirsAlone,
        applies: |line, _| line.name.len() + line.value.len() > 4096,
    },
    Class {
        name: "size",
        kind: Kind::Otherwise,
        applies: |line, _| line.path.as_ref().is_some_and(|path| path.len() > 1024),
    },
    Class {
        name: "date",
        kind: Kind::TheirsAlone,
        applies: |line, _| ODD_DATES.contains(&line.expiry),
    },
    Class {
        name: "date",
        kind: Kind::Otherwise,
        applies: |line, _| ODD_DATES.contains(&line.expiry),
    },
    Class {
        name: "max-age",
        kind: Kind::Otherwise,
        applies: |line, _| matches!(line.expiry, "Max-Age=+60" | "Max-Age="),
    },
];

/// Dates that the algorithm of RFC 6265bis §5.1.1 reads and theirs does not.
const ODD_DATES: &[&str] = &[
    "Expires=Thu 01 Jan 2099 00:00:00 GMT",
    "Expires=1 jan 1970 0:0:0",
    "Expires=Fri, 01-January-2099 00:00:00 GMT",
];

/// A line, by its parts.
#[derive(Clone, Debug)]
struct Line {
    name: String,
    value: String,
    domain: Option<&'static str>,
    path: Option<String>,
    expiry: &'static str,
    secure: bool,
    http_only: bool,
    partitioned: bool,
    same_site: &'static str,
}

impl Line {
    fn new(name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: None,
            path: None,
            expiry: "",
            secure: false,
            http_only: false,
            partitioned: false,
            same_site: "",
        }
    }

    fn domain_name(&self) -> Option<&'static str> {
        self.domain.map(|domain| domain.strip_prefix('.').unwrap_or(domain))
    }

    /// Whether both have a name, but not both a domain.
    fn has_name_of(&self, other: &Self) -> bool {
        self.name == other.name && self.domain.is_some() != other.domain.is_some()
    }

    fn text(&self) -> String {
        let mut text = format!("{}={}", self.name, self.value);
        if let Some(domain) = self.domain {
            text += &format!("; Domain={domain}");
        }
        if let Some(path) = &self.path {
            text += &format!("; path = {path}");
        }
        if !self.expiry.is_empty() {
            text += &format!(";{}", self.expiry);
        }
        for (said, word) in [
            (self.secure, "; Secure"),
            (self.http_only, "; HTTPONLY"),
            (self.partitioned, "; Partitioned"),
        ] {
            text += if said { word } else { "" };
        }
        if !self.same_site.is_empty() {
            text += &format!("; SameSite={}", self.same_site);
        }
        text
    }
}

/// Marsaglia's xorshift: the same lines on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as usize % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn url(&mut self) -> Url {
        Url::parse(self.pick(URLS)).expect("each of them is a URL")
    }

    /// Parts that both should take alike.
    fn plain_line(&mut self) -> Line {
        Line {
            domain: self.pick(&[None, None, Some("a.test"), Some(".A.test"), Some("www.a.test")]),
            path: self
                .pick(&[None, None, Some("/"), Some("/x"), Some("/x/"), Some("odd"), Some("")])
                .map(str::to_owned),
            expiry: self.pick(&["", "", "Max-Age=86400", "Max-Age=0", "max-age=-1", DATE, PAST]),
            secure: self.below(3) == 0,
            http_only: self.below(3) == 0,
            same_site: self.pick(&["", "", "", "Lax", "strict", "odd"]),
            ..Line::new(self.pick(&["a", "b", "c", "A", "a b"]), self.pick(VALUES))
        }
    }

    /// A line that may have one odd part, seldom more.
    fn line(&mut self) -> Line {
        let mut line = self.plain_line();
        match self.below(20) {
            0 => line.domain = Some(self.pick(&["test", "github.io", "com", "127.0.0.1"])),
            1 => {
                line.domain =
                    Some(self.pick(&[".", "..a.test", "a.test.", "b.test", "", "a%2etest"]))
            }
            2 => {
                line.domain = Some(self.pick(&["b\u{fc}cher.test", "alice.github.io", "localhost"]))
            }
            3 => {
                line.name =
                    self.pick(&["__Host-a", "__secure-a", "__Http-a", "__Host-Http-a"]).to_owned()
            }
            4 => line.same_site = "None",
            5 => line.partitioned = true,
            6 => line.name.clear(),
            7 => line.value = self.pick(&["a\u{1}b", "a\tb", "a\u{7f}", "\tx\t"]).to_owned(),
            8 => line.value.push('\u{a0}'),
            9 => line.value = "v".repeat(self.pick(&[4095, 4096, 5000])),
            10 => line.path = Some("/".repeat(self.pick(&[1024, 1025]))),
            11 => line.expiry = self.pick(ODD_DATES),
            12 => line.expiry = self.pick(&["Max-Age=+60", "Max-Age=", "Max-Age=x", "Max-Age=1.5"]),
            13 => line.expiry = "Max-Age=99999999999999999999",
            _ => {}
        }
        line
    }
}

const VALUES: &[&str] = &["1", "2", "", "x=y", "\"q\"", "a b", "  padded  ", "\u{e9}", "%41", ","];
const DATE: &str = "Expires=Thu, 01 Jan 2099 00:00:00 GMT";
const PAST: &str = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
const URLS: &[&str] = &[
    "https://a.test/",
    "https://a.test/x/y",
    "https://www.a.test/x",
    "https://www.a.test/x/",
    "https://x.www.a.test/x/y/z",
    "http://a.test/x/y",
    "http://www.a.test/",
    "https://b.test/",
    "https://alice.github.io/",
    "https://github.io/",
    "https://xn--bcher-kva.test/",
    "http://127.0.0.1:8080/x",
    "http://localhost/x",
    "http://a.localhost/",
    "wss://a.test/x/y",
    "ws://www.a.test/",
    "ftp://a.test/",
];

/// A stored cookie: domain (with a dot in front for all below), path, name, value, whether it
/// outlives the session, is `Secure` and `HttpOnly`.
type Stored = (String, String, String, String, bool, bool, bool);

/// What both make of a line alone.
fn both(url: &Url, line: &Line) -> (Option<Stored>, Option<Stored>) {
    let (mut jar, mut store) = (Jar::new(), CookieStore::default());
    let _ = set(&mut jar, url, line);
    let _ = store.parse(&line.text(), url);
    (stored(&jar).pop_first(), stored_there(&store).pop_first())
}

fn set(jar: &mut Jar, url: &Url, line: &Line) -> Result<(), ExclusionReason> {
    let cookie = CanonicalCookie::from_line(line.text().as_bytes(), url, NOW, None, None)?;
    jar.set(cookie, url, &Access::api(true), NOW).map(drop)
}

fn stored(jar: &Jar) -> BTreeSet<Stored> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let cookies = jar.iter().map(|cookie| {
        (
            cookie.domain().to_owned(),
            cookie.path().to_owned(),
            text(cookie.name()),
            text(cookie.value()),
            cookie.is_persistent(),
            cookie.secure(),
            cookie.http_only(),
        )
    });
    cookies.collect()
}

fn stored_there(store: &CookieStore) -> BTreeSet<Stored> {
    let cookies = store.iter_unexpired().map(|cookie| {
        let domain = match &cookie.domain {
            CookieDomain::HostOnly(host) => host.clone(),
            CookieDomain::Suffix(name) => format!(".{name}"),
            CookieDomain::NotPresent | CookieDomain::Empty => String::new(),
        };
        (
            domain,
            cookie.path.to_string(),
            cookie.name().to_owned(),
            cookie.value().to_owned(),
            cookie.is_persistent(),
            cookie.secure().unwrap_or(false),
            cookie.http_only().unwrap_or(false),
        )
    });
    cookies.collect()
}

/// The pairs that a request carries, sorted: theirs come in any order.
fn sent(jar: &mut Jar, to: &Url) -> Vec<String> {
    let header = jar.cookies_for(to, &Access::api(true), NOW).header.unwrap_or_default();
    let header = String::from_utf8_lossy(&header).into_owned();
    let mut pairs: Vec<String> =
        header.split("; ").filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
    pairs.sort_unstable();
    pairs
}

fn sent_there(store: &CookieStore, to: &Url) -> Vec<String> {
    let pairs = store.get_request_values(to).map(|(name, value)| format!("{name}={value}"));
    let mut pairs: Vec<String> = pairs.collect();
    pairs.sort_unstable();
    pairs
}

const NOW: Timestamp = Timestamp(1_764_000_000_000_000);
