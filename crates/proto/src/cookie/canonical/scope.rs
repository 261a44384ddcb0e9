//! Whom a cookie may be for: its domain, its path, and what its name promises about both.
//!
//! RFC 6265bis §5.7; Chromium `cookie_util`.

use std::borrow::Cow;

use url::{Host, Url};

use crate::cookie::{ExclusionReason, has_cookies};
use crate::site::registrable_domain;

/// The domain of a cookie for `url`, whose `Domain` is `attribute`; empty for none.
///
/// RFC 6265bis §5.7 steps 8-12; Chromium `cookie_util::GetCookieDomainWithString`.
pub(super) fn cookie_domain(url: &Url, attribute: &[u8]) -> Result<Box<str>, ExclusionReason> {
    if !has_cookies(url) {
        return Err(ExclusionReason::NonCookieableScheme);
    }
    if !attribute.is_ascii() {
        return Err(ExclusionReason::DomainNonAscii);
    }
    let host = url.host_str().unwrap_or_default();
    // An empty label is allowed at the end alone.
    if host.is_empty() || host.ends_with("..") {
        return Err(ExclusionReason::InvalidDomain);
    }
    if attribute.is_empty() {
        return Ok(host.into());
    }
    let attribute = str::from_utf8(attribute).map_err(|_| ExclusionReason::DomainNonAscii)?;
    let name = attribute.strip_prefix('.').unwrap_or(attribute);
    // Addresses, single labels and public suffixes have nothing below them that is theirs.
    let Some(own) = registrable_domain(host) else {
        let same = name.eq_ignore_ascii_case(host);
        return if same { Ok(host.into()) } else { Err(ExclusionReason::InvalidDomain) };
    };
    if name.contains('%') {
        return Err(ExclusionReason::InvalidDomain);
    }
    let name = canonical_host(name).ok_or(ExclusionReason::InvalidDomain)?;
    let covers =
        host == name || host.strip_suffix(&*name).is_some_and(|below| below.ends_with('.'));
    if registrable_domain(&name) == Some(own) && covers {
        Ok(format!(".{name}").into())
    } else {
        Err(ExclusionReason::InvalidDomain)
    }
}

/// A host in the form it has in a URL.
pub(super) fn canonical_host(host: &str) -> Option<Cow<'_, str>> {
    if is_plain(host) {
        return Some(host.into());
    }
    match Host::parse(host).ok()? {
        // An empty label at the start would make another cookie of the same domain.
        Host::Domain(name) if name.starts_with('.') || name.ends_with("..") => None,
        host => Some(host.to_string().into()),
    }
}

/// Whether a host can be seen to stand as it does in a URL: of lower-case labels that are neither
/// empty nor escaped (`xn--`), the last of which is no number.
///
/// Most are, and a file has thousands of them. A "no" says nothing.
fn is_plain(host: &str) -> bool {
    let mut before = b'.';
    for byte in host.bytes() {
        if !PLAIN[usize::from(byte)] || (byte == before && matches!(byte, b'-' | b'.')) {
            return false;
        }
        before = byte;
    }
    // What ends in a number is an address, or none, and a number begins with a digit.
    let last = host.rfind('.').map_or(host, |dot| &host[dot + 1..]);
    last.starts_with(|first: char| first.is_ascii_lowercase())
}

pub(super) fn is_address(url: &Url) -> bool {
    matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)))
}

/// The path of a cookie: `attribute` if it is one, else the folder of the URL's path.
///
/// RFC 6265bis §5.1.4.
pub(super) fn cookie_path<'a>(url: &'a Url, attribute: &'a str) -> Cow<'a, str> {
    if attribute.starts_with('/') {
        return attribute.to_owned().into();
    }
    match url.path().rfind('/') {
        None | Some(0) => "/".into(),
        Some(end) => url.path()[..end].into(),
    }
}

/// A path with every character escaped that a URL escapes, so that it can match one.
pub(super) fn encoded_path(path: &str) -> Option<String> {
    let mut url = Url::parse("http://a/").ok()?;
    url.set_path(path);
    Some(url.path().to_owned())
}

/// What a cookie has of the things that a prefix of its name promises.
#[derive(Clone, Copy)]
pub(super) struct Promise {
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) host_only: bool,
    pub(super) root: bool,
}

/// Holds a cookie to what its name promises, in any letter case.
///
/// A server cannot tell a cookie without a name whose value is `__Host-a=b` from a real one, so
/// such a value is refused.
///
/// RFC 6265bis §4.1.3, §5.7 steps 20-23; Chromium `cookie_util::IsCookiePrefixValid`,
/// `CanonicalCookie::HasHiddenPrefixName`.
pub(super) fn check_prefix(
    name: &[u8],
    value: &[u8],
    promise: Promise,
) -> Result<(), ExclusionReason> {
    let begins = |text: &[u8], prefix: &str| {
        text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    // As all prefixes do, and hardly any name.
    if !if name.is_empty() { value } else { name }.starts_with(b"__") {
        return Ok(());
    }
    let Promise { secure, http_only, host_only, root } = promise;
    let kept = if name.is_empty() {
        !PREFIXES.iter().any(|prefix| begins(value, prefix))
    } else if begins(name, "__Host-Http-") {
        secure && host_only && root && http_only
    } else if begins(name, "__Host-") {
        secure && host_only && root
    } else if begins(name, "__Http-") {
        secure && http_only
    } else if begins(name, "__Secure-") {
        secure
    } else {
        true
    };
    if kept { Ok(()) } else { Err(ExclusionReason::InvalidPrefix) }
}

/// The bytes of plain hosts.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        byte += 1;
    }
    table
};
/// `__Host-Http-` begins as `__Host-`.
const PREFIXES: [&str; 3] = ["__Secure-", "__Host-", "__Http-"];

#[cfg(test)]
mod tests {
    use super::*;

    /// What [`canonical_host`] does where it does not see the answer at once.
    fn by_the_url_parser(host: &str) -> Option<String> {
        match Host::parse(host).ok()? {
            Host::Domain(name) if name.starts_with('.') || name.ends_with("..") => None,
            host => Some(host.to_string()),
        }
    }

    #[test]
    fn a_plain_host_is_what_the_url_parser_makes_of_it() {
        for (host, plain) in [
            ("example.com", true),
            ("a", true),
            ("localhost", true),
            ("a-b_c.example.co.uk", true),
            ("-a-.b-", true),
            ("ab--cd.example", false),
            ("1.2.3.a", true),
            ("", false),
            (".", false),
            (".a", false),
            ("a.", false),
            ("a..b", false),
            ("A.b", false),
            ("xn--85x722f.com.cn", false),
            ("xn--a.com", false),
            ("a.xn--", false),
            ("127.0.0.1", false),
            ("1", false),
            ("a.0x7f", false),
            ("a.09", false),
            ("[::1]", false),
            ("a%41", false),
            ("a b", false),
            ("\u{e9}.test", false),
        ] {
            assert_eq!(is_plain(host), plain, "{host}");
            assert_eq!(canonical_host(host).as_deref(), by_the_url_parser(host).as_deref());
        }
        let long = ["a".repeat(300), "b".repeat(64)].join(".");
        assert!(is_plain(&long));
        assert_eq!(canonical_host(&long).as_deref(), by_the_url_parser(&long).as_deref());
    }

    #[test]
    fn any_host_has_the_same_form_by_the_short_way_and_by_the_long_one() {
        const PIECES: [&str; 24] = [
            "a", "b", "x", "xn", "xn--", "n--", "-", "--", "_", ".", ".", ".", "0", "7", "0x", "f",
            "com", "co.uk", "A", "%41", "\u{e9}", "[::1]", "example.", "\u{3002}",
        ];
        let mut random = 0x5eed_u64;
        let mut below = |limit: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) as usize % limit
        };
        let mut plain = 0;
        for _ in 0..50_000 {
            let host: String = (0..=below(7)).map(|_| PIECES[below(PIECES.len())]).collect();
            plain += usize::from(is_plain(&host));
            let found = canonical_host(&host);
            assert_eq!(found.as_deref(), by_the_url_parser(&host).as_deref(), "{host}");
        }
        assert!(plain > 2_500, "{plain}");
    }
}
