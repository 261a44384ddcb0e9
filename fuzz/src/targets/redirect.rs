//! Where a redirect leads.
//!
//! The next request goes to a server by http or https, loses what belonged to the last one, and
//! neither its referrer nor an error gives a user or password away.

use http::Method;
use netreq_proto::origin::is_same_origin;
use netreq_proto::redirect::{Hop, MAX_REDIRECTS, RedirectError, next_hop};
use netreq_proto::referrer::ReferrerPolicy;
use url::Url;

/// Reads `data` as lines: the method, the URL, the status, the hops taken, the policy, and one
/// `Location` a line.
pub fn redirect(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut text = || lines.next().and_then(|line| str::from_utf8(line).ok()).unwrap_or_default();
    let Ok(method) = text().parse::<Method>() else { return };
    let Ok(url) = Url::parse(text()) else { return };
    let (Ok(status), Ok(hops)) = (text().parse::<u16>(), text().parse::<u8>()) else { return };
    let policy = text().as_bytes();
    if !matches!(url.scheme(), "http" | "https") {
        return;
    }
    let referrer_policy = ReferrerPolicy::UnsafeUrl;
    let hop = Hop { method: &method, url: &url, referrer: Some(&url), referrer_policy, hops };

    let next = match next_hop(&hop, status, lines, [policy]) {
        Ok(Some(next)) => next,
        Ok(None) => return,
        Err(error) => {
            let _ = error.net_error();
            let shown = error.to_string();
            assert!(shown.is_ascii() && !shown.contains(['\r', '\n', '\0']), "{shown:?}");
            if let RedirectError::Unsafe { url } = error {
                assert!(url.username().is_empty() && url.password().is_none());
            }
            return;
        }
    };
    assert!(hops < MAX_REDIRECTS && matches!(status, 301 | 302 | 303 | 307 | 308));
    assert!(matches!(next.url.scheme(), "http" | "https") && next.url.has_host());
    assert_eq!(next.cross_origin, !is_same_origin(&url, &next.url));
    assert_eq!(next.keeps_body, next.method == method);
    for name in ["authorization", "COOKIE", "Proxy-Authorization", "host"] {
        assert_eq!(next.drops_header(name), next.cross_origin, "{name}");
    }
    assert_eq!(next.drops_header("Content-Type"), !next.keeps_body);
    assert!(!next.drops_header("X-Key"));
    if let Some(referrer) = next.referrer {
        assert!(referrer.username().is_empty() && referrer.password().is_none());
        assert!(referrer.fragment().is_none() && is_same_origin(&url, &referrer));
    }
}

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "GET\nhttps://a.example/x#f\n302\n0\n\n/y",
    "POST\n",
    "\n301\n",
    "\n303\n",
    "\n307\n",
    "\n20\n",
    "same-origin",
    "no-referrer",
    "https://user:pw@b.example/",
    "//b.example",
    "file:///etc/passwd",
    "javascript:",
    "http:///",
    "\\\\",
    "..",
    "#",
    "%0d%0a",
    "\u{e9}",
];
