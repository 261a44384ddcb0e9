//! `Set-Cookie` lines.
//!
//! A line that is read is written and reads back; a cookie that is made of it keeps to its URL, fits
//! in a `Cookie` field, and survives the disk, the jar and the file of Netscape.

use netreq_proto::cookie::{
    Access, CanonicalCookie, Jar, SetCookie, Timestamp, is_domain_match, netscape,
};
use url::Url;

/// Reads `data` as a line, for several URLs.
pub fn set_cookie(data: &[u8]) {
    if let Ok(line) = SetCookie::parse(data) {
        assert_eq!(SetCookie::parse(&line.to_line()), Ok(line));
    }
    for from in URLS {
        let Ok(url) = Url::parse(from) else { continue };
        let Ok(cookie) = CanonicalCookie::from_line(data, &url, NOW, None, None) else { continue };
        assert!(is_domain_match(cookie.domain(), url.host_str().unwrap_or_default()), "{cookie:?}");
        assert!(!cookie.pair().iter().any(|byte| byte.is_ascii_control() || *byte == b';'));
        assert!(cookie.path().starts_with('/'), "{cookie:?}");
        let host = cookie.domain().trim_start_matches('.');
        assert!(cookie.is_host_only() || !SUFFIXES.contains(&host), "{cookie:?}");
        assert_eq!(CanonicalCookie::from_storage(cookie.to_stored()).as_ref(), Ok(&cookie));
        let file = netscape::write([&cookie]);
        let read = netscape::read(&file, NOW).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.len(), 1);

        let mut jar = Jar::new();
        match jar.set(cookie.clone(), &url, &Access::api(true), NOW) {
            Ok(changes) => assert_eq!(changes.len(), usize::from(!cookie.is_expired(NOW))),
            Err(reason) => assert!(!reason.sentence().is_empty()),
        }
        let sent = jar.cookies_for(&url, &Access::api(true), NOW).header;
        assert!(sent.is_none_or(|header| header == cookie.pair()));
    }
}

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
const URLS: [&str; 5] = [
    "https://www.a.test/x/y",
    "http://127.0.0.1:8080/",
    "https://a.co.uk/",
    "http://localhost/x/",
    "https://www.a.test./",
];
const SUFFIXES: [&str; 5] = ["test", "co.uk", "uk", "localhost", "test."];

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "; Domain=a.test",
    "; Domain=.CO.UK",
    "; Domain=127.0.0.1",
    "; Path=/x",
    "; Expires=Wed, 01 Jan 2031 00:00:00 GMT",
    "; Max-Age=60",
    "; Secure",
    "; HttpOnly",
    "; SameSite=None",
    "; Partitioned",
    "; Priority=High",
    "__Host-",
    "__Secure-",
    "__Http-",
    "=",
    ";",
    "\t",
    "a=b",
];
