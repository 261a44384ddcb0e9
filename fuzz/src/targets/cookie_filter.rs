//! Filters of the cookie API.
//!
//! What a filter finds passes it, everything that it finds for a URL a request for it carries, and
//! what is removed by URL and name is not found again.

use netreq_proto::cookie::{Access, CanonicalCookie, CookieDetails, Filter, Jar, Timestamp};
use url::Url;

/// Reads `data` as lines: a URL, a name, a domain, a path, and letters for what the filter asks.
pub fn cookie_filter(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
    let (url, name) = (Url::parse(&text(line())).ok(), line());
    let (domain, path, flags) = (text(line()), text(line()), text(line()));
    let flag = |yes: char, no: char| match (flags.contains(yes), flags.contains(no)) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        (false, false) => None,
    };
    let filter = Filter {
        url: url.as_ref().filter(|_| flags.contains('u')),
        name: flags.contains('n').then_some(name),
        domain: flags.contains('d').then_some(&domain),
        path: flags.contains('p').then_some(&path),
        secure: flag('S', 's'),
        session: flag('E', 'e'),
        http_only: flag('H', 'h'),
    };

    let mut jar = filled();
    if let Some(url) = &url {
        set(&mut jar, url, name, &domain, &path);
    }
    let found = jar.get(&filter, NOW);
    assert!(found.len() <= jar.len());
    assert!(found.iter().all(|cookie| filter.passes(cookie)));
    if let Some(url) = &url {
        let of_url = jar.get(&Filter { url: Some(url), ..Filter::default() }, NOW).len();
        let sent = jar.cookies_for(url, &Access::api(true), NOW).header;
        assert_eq!(sent.is_some(), of_url > 0);
        jar.remove(url, name);
        let left = Filter { url: Some(url), name: Some(name), ..Filter::default() };
        assert!(jar.get(&left, NOW).is_empty());
    }
}

/// Sets what the filter asks for, as an application might.
fn set(jar: &mut Jar, url: &Url, name: &[u8], domain: &str, path: &str) {
    let details = CookieDetails {
        name,
        value: b"1",
        domain: Some(domain),
        path: Some(path),
        ..CookieDetails::new(url)
    };
    match CanonicalCookie::from_details(&details, NOW) {
        Ok(cookie) => {
            assert_eq!(CanonicalCookie::from_storage(cookie.to_stored()).as_ref(), Ok(&cookie));
            if let Err(reason) = jar.set(cookie, url, &Access::api(false), NOW) {
                assert!(!reason.sentence().is_empty());
            }
        }
        Err(reason) => assert!(!reason.to_string().contains(char::is_control)),
    }
}

fn filled() -> Jar {
    let mut jar = Jar::new();
    for (from, line) in COOKIES {
        let Ok(url) = Url::parse(from) else { continue };
        let cookie = CanonicalCookie::from_line(line.as_bytes(), &url, NOW, None, None);
        let kept = cookie.and_then(|cookie| jar.set(cookie, &url, &Access::api(true), NOW));
        assert!(kept.is_ok(), "{line}");
    }
    jar
}

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
const COOKIES: [(&str, &str); 5] = [
    ("https://www.a.test/", "a=1; Domain=a.test"),
    ("https://www.a.test/", "a=1; Secure; Max-Age=60"),
    ("https://www.a.test/", "b=1; HttpOnly; Path=/x"),
    ("http://127.0.0.1/", "a=1"),
    ("https://b.test/", "value"),
];

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "https://www.a.test/x\n",
    "http://127.0.0.1/\n",
    "https://b.test\n",
    "a\n",
    "b\n",
    ".a.test\n",
    "www.a.test\n",
    "/x\n",
    "/\n",
    "undp",
    "SEH",
    "seh",
];
