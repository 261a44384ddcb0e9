//! Redirects: where a response sends a request, and what the request must leave behind.
//!
//! One rule for the two texts that describe it, Fetch §4.4 "HTTP-redirect fetch" and Chromium's
//! `RedirectInfo::ComputeRedirectInfo` with `URLRequestJob::CanFollowRedirect`. Whether a hop *is*
//! taken (the redirect mode, a listener that cancels) and what cookies and proxies it meets is
//! decided above; every hop is a new request whose other fields are computed anew.
//!
//! Fields once dropped stay dropped: a chain that leaves a server and comes back finds them gone.

use std::fmt;

use http::Method;
use url::Url;

use crate::{
    net_error::NetError,
    origin::is_same_origin,
    referrer::{ReferrerPolicy, reduced_referrer},
};

/// A request follows twenty redirects; the twenty-first is an error.
///
/// Fetch §4.4 step 7; Chromium `URLRequest::kMaxRedirects`.
pub const MAX_REDIRECTS: u8 = 20;

/// The request that was answered, as far as a redirect asks about it.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// As sent; compared in upper case only, as a method is.
    pub method: &'a Method,
    /// Where the response came from, fragment included.
    pub url: &'a Url,
    /// What the request was told to name as its referrer, not yet reduced by the policy.
    pub referrer: Option<&'a Url>,
    /// In force for this request.
    pub referrer_policy: ReferrerPolicy,
    /// Redirects already taken, not this one.
    pub hops: u8,
}

/// The request that follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// Of the response that redirects.
    pub status: u16,
    /// GET where the status changes it, else as it was.
    pub method: Method,
    /// http or https. May hold user and password: they answer this server's challenge and never
    /// go out as text.
    pub url: Url,
    /// Whether the body, if there is one, is sent again; false exactly where the method changed.
    pub keeps_body: bool,
    /// Whether scheme, host or port differ from those just left.
    pub cross_origin: bool,
    /// The response's `Referrer-Policy`, else the one in force.
    pub referrer_policy: ReferrerPolicy,
    /// What `Referer` says, if anything: already reduced, and what the hop after this one reduces
    /// further.
    pub referrer: Option<Url>,
}

impl NextHop {
    /// Whether a field that the caller set must not go along.
    ///
    /// A changed method drops the fields that describe the body, and `Origin`. Another origin drops
    /// `Authorization`, `Cookie`, every `Proxy-*` and a `Host` that named the old server. Other
    /// fields go along, a key in a field of one's own too. Letter case does not matter.
    ///
    /// Fetch §4.4 steps 12 and 13; Chromium `RedirectUtil::UpdateHttpRequest`.
    pub fn drops_header(&self, name: &str) -> bool {
        let is = |known: &&str| name.eq_ignore_ascii_case(known);
        let is_for_proxy = name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("proxy-"));
        !self.keeps_body && DESCRIBES_BODY.iter().any(is)
            || self.cross_origin && (is_for_proxy || BELONGS_TO_ORIGIN.iter().any(is))
    }

    /// Whether an `Origin` field, if the request still has one, becomes `null`.
    ///
    /// A server must not make a request to another one look as if it came from the first caller.
    ///
    /// Fetch §4.4 step 10.
    pub fn taints_origin(&self) -> bool {
        self.cross_origin && self.keeps_body
    }
}

/// A redirect that cannot be followed. The texts hold no user and no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectError {
    /// After [`MAX_REDIRECTS`] hops.
    TooMany,
    /// `Location` resolves to no URL.
    Invalid {
        /// As received, non-ASCII bytes escaped, its start only if it is long.
        location: String,
    },
    /// Several `Location` fields that differ: which one a proxy saw is unknown.
    MultipleLocations,
    /// A URL that a server may not send a client to.
    Unsafe {
        /// Its scheme is neither http nor https.
        url: Url,
    },
}

impl RedirectError {
    /// The code under which the request fails.
    pub fn net_error(&self) -> NetError {
        match self {
            Self::TooMany => NetError::TooManyRedirects,
            Self::Invalid { .. } => NetError::InvalidRedirect,
            Self::MultipleLocations => NetError::ResponseHeadersMultipleLocation,
            Self::Unsafe { .. } => NetError::UnsafeRedirect,
        }
    }
}

impl fmt::Display for RedirectError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(out, "more than {MAX_REDIRECTS} redirects"),
            Self::Invalid { location } => write!(out, "redirect to an invalid URL: {location:?}"),
            Self::MultipleLocations => out.write_str("several different Location fields"),
            Self::Unsafe { url } => write!(out, "redirect to a {} URL", url.scheme()),
        }
    }
}

impl std::error::Error for RedirectError {}

/// Where a response sends `hop`, or `None` when it is not a redirect: another status than 301,
/// 302, 303, 307 and 308, or no `Location` with a value.
///
/// `locations` and `referrer_policies` are the values of these fields as received.
///
/// # Errors
///
/// See [`RedirectError`]. Of several reasons the first counts: different locations, too many, invalid,
/// unsafe.
pub fn next_hop<'v>(
    hop: &Hop<'_>,
    status: u16,
    locations: impl IntoIterator<Item = &'v [u8]>,
    referrer_policies: impl IntoIterator<Item = &'v [u8]>,
) -> Result<Option<NextHop>, RedirectError> {
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let mut locations = locations.into_iter().map(<[u8]>::trim_ascii);
    let Some(location) = locations.next() else {
        return Ok(None);
    };
    // A repeated field may be a proxy's clumsiness; a different one is an attempt to split what
    // two readers see. Chromium `HttpStreamParser`.
    if locations.any(|other| other != location) {
        return Err(RedirectError::MultipleLocations);
    }
    if location.is_empty() {
        return Ok(None);
    }
    if hop.hops >= MAX_REDIRECTS {
        return Err(RedirectError::TooMany);
    }

    let location = escape_non_ascii(location);
    let Ok(mut url) = hop.url.join(&location) else {
        return Err(RedirectError::Invalid { location: presentable(&location) });
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(RedirectError::Unsafe { url: without_userinfo(url) });
    }
    if url.fragment().is_none() {
        url.set_fragment(hop.url.fragment());
    }

    let becomes_get = match status {
        303 => !matches!(*hop.method, Method::GET | Method::HEAD),
        301 | 302 => *hop.method == Method::POST,
        _ => false,
    };
    let referrer_policy =
        ReferrerPolicy::from_header(referrer_policies).unwrap_or(hop.referrer_policy);
    Ok(Some(NextHop {
        status,
        method: if becomes_get { Method::GET } else { hop.method.clone() },
        keeps_body: !becomes_get,
        cross_origin: !is_same_origin(hop.url, &url),
        referrer_policy,
        referrer: reduced_referrer(referrer_policy, hop.referrer, &url),
        url,
    }))
}

/// Escapes each byte above 127, whatever its encoding: so the server gets back the bytes it sent.
///
/// Chromium `EscapeNonASCII` in `HttpResponseHeaders::IsRedirect`.
fn escape_non_ascii(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for &byte in value {
        if byte.is_ascii() {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    text
}

/// The start of an ASCII text that is no URL, without what may be user and password.
fn presentable(location: &str) -> String {
    let location = match location.rsplit_once('@') {
        Some((_, rest)) => rest,
        None => location,
    };
    location.chars().take(LONGEST_SHOWN).collect()
}

fn without_userinfo(mut url: Url) -> Url {
    // Refused only by a URL that cannot have user and password.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

const DESCRIBES_BODY: [&str; 6] = [
    "Origin",
    "Content-Length",
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
];

const BELONGS_TO_ORIGIN: [&str; 3] = ["Authorization", "Cookie", "Host"];

const HEX: &[u8; 16] = b"0123456789ABCDEF";

const LONGEST_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn at(url: &Url, hops: u8) -> Hop<'_> {
        let referrer_policy = ReferrerPolicy::default();
        Hop { method: &Method::GET, url, referrer: None, referrer_policy, hops }
    }

    /// A redirect of `method` at `from` to `location`.
    fn follow(
        method: &Method,
        from: &str,
        status: u16,
        location: &str,
    ) -> Result<Option<NextHop>, RedirectError> {
        next_hop(&Hop { method, ..at(&url(from), 0) }, status, [location.as_bytes()], [])
    }

    fn get(from: &str, location: &str) -> NextHop {
        follow(&Method::GET, from, 302, location).unwrap().unwrap()
    }

    /// The fields of `names` that are left after the hops from each server of `chain` to the next.
    fn left_after(chain: &[&str], names: &[&'static str]) -> Vec<&'static str> {
        let mut names = names.to_vec();
        for pair in chain.windows(2) {
            let hop = get(pair[0], pair[1]);
            names.retain(|name| !hop.drops_header(name));
        }
        names
    }

    const A: &str = "https://a.example/";
    const SECRETS: [&str; 7] = [
        "authorization",
        "Cookie",
        "Proxy-Authorization",
        "Proxy-Connection",
        "PROXY-X",
        "Host",
        "X-Key",
    ];

    #[test]
    fn status_and_method_decide_the_next_method() {
        let purge = Method::from_bytes(b"PURGE").unwrap();
        let lower = Method::from_bytes(b"post").unwrap();
        for (status, method, expected) in [
            (301, &Method::GET, Some((Method::GET, true))),
            (301, &Method::HEAD, Some((Method::HEAD, true))),
            (301, &Method::POST, Some((Method::GET, false))),
            (301, &Method::PUT, Some((Method::PUT, true))),
            (301, &lower, Some((lower.clone(), true))),
            (302, &Method::GET, Some((Method::GET, true))),
            (302, &Method::POST, Some((Method::GET, false))),
            (302, &Method::DELETE, Some((Method::DELETE, true))),
            (302, &Method::PATCH, Some((Method::PATCH, true))),
            (303, &Method::GET, Some((Method::GET, true))),
            (303, &Method::HEAD, Some((Method::HEAD, true))),
            (303, &Method::POST, Some((Method::GET, false))),
            (303, &Method::PUT, Some((Method::GET, false))),
            (303, &purge, Some((Method::GET, false))),
            (307, &Method::POST, Some((Method::POST, true))),
            (307, &purge, Some((purge.clone(), true))),
            (308, &Method::POST, Some((Method::POST, true))),
            (308, &Method::PUT, Some((Method::PUT, true))),
            (200, &Method::GET, None),
            (201, &Method::POST, None),
            (300, &Method::GET, None),
            (304, &Method::GET, None),
            (305, &Method::GET, None),
            (306, &Method::GET, None),
            (309, &Method::GET, None),
            (401, &Method::GET, None),
        ] {
            let hop = follow(method, A, status, "/next").unwrap();
            let found = hop.map(|hop| {
                assert_eq!(hop.status, status);
                (hop.method, hop.keeps_body)
            });
            assert_eq!(found, expected, "{status} {method}");
        }
    }

    #[test]
    fn location_is_resolved_against_the_current_url() {
        let from = "http://user:pw@a.example:8080/dir/page?q=1";
        for (location, expected) in [
            ("next", "http://user:pw@a.example:8080/dir/next"),
            ("/next", "http://user:pw@a.example:8080/next"),
            ("?r=2", "http://user:pw@a.example:8080/dir/page?r=2"),
            ("../../x", "http://user:pw@a.example:8080/x"),
            ("  /next\t", "http://user:pw@a.example:8080/next"),
            // Another authority: user and password stay behind.
            ("//b.example/x", "http://b.example/x"),
            ("https://b.example", "https://b.example/"),
            ("HTTPS://B.example:443/%7ex", "https://b.example/%7ex"),
            ("https://u:p@b.example/", "https://u:p@b.example/"),
            ("http:\\\\b.example\\x", "http://b.example/x"),
            ("/a b", "http://user:pw@a.example:8080/a%20b"),
            // A tab or line break inside is dropped, not sent. WHATWG URL §4.4.
            ("/a\tb", "http://user:pw@a.example:8080/ab"),
        ] {
            assert_eq!(get(from, location).url.as_str(), expected, "{location:?}");
        }
    }

    #[test]
    fn a_fragment_is_inherited_where_location_has_none() {
        for (from, location, expected) in [
            ("https://a.example/#old", "/x", "https://a.example/x#old"),
            ("https://a.example/#old", "https://b.example/", "https://b.example/#old"),
            ("https://a.example/#old", "/x#new", "https://a.example/x#new"),
            ("https://a.example/#old", "/x#", "https://a.example/x#"),
            ("https://a.example/", "/x", "https://a.example/x"),
            ("https://a.example/#", "/x", "https://a.example/x#"),
        ] {
            assert_eq!(get(from, location).url.as_str(), expected, "{from} {location}");
        }
    }

    #[test]
    fn non_ascii_bytes_of_a_location_go_back_as_they_came() {
        let from = url(A);
        let hop = at(&from, 0);
        for (location, expected) in [
            ("/caf\u{e9}?\u{e9}".as_bytes(), "https://a.example/caf%C3%A9?%C3%A9"),
            (&b"/caf\xe9?\xe9"[..], "https://a.example/caf%E9?%E9"),
            (&b"/\xff\xfe"[..], "https://a.example/%FF%FE"),
            ("https://b\u{fc}cher.example/".as_bytes(), "https://xn--bcher-kva.example/"),
        ] {
            let next = next_hop(&hop, 302, [location], []).unwrap().unwrap();
            assert_eq!(next.url.as_str(), expected);
        }
    }

    #[test]
    fn several_locations_must_agree() {
        let from = url(A);
        let hop = at(&from, 0);
        let to = |text| Ok(Some(url(text)));
        for (locations, expected) in [
            (&[][..], Ok(None)),
            (&["", ""], Ok(None)),
            (&["/x", "/x"], to("https://a.example/x")),
            (&["/x", " /x ", "/x"], to("https://a.example/x")),
            (&["/x", "/y"], Err(RedirectError::MultipleLocations)),
            (&["/x", "/x", "/y"], Err(RedirectError::MultipleLocations)),
            (&["/x", "https://a.example/x"], Err(RedirectError::MultipleLocations)),
            (&["", "/x"], Err(RedirectError::MultipleLocations)),
            // A comma is part of a URL; this is one location.
            (&["/x,/y"], to("https://a.example/x,/y")),
        ] {
            let values = locations.iter().map(|location| location.as_bytes());
            let next = next_hop(&hop, 302, values, []);
            assert_eq!(next.map(|hop| hop.map(|hop| hop.url)), expected, "{locations:?}");
        }
    }

    #[test]
    fn the_twenty_first_redirect_is_one_too_many() {
        let from = url(A);
        assert!(next_hop(&at(&from, 19), 302, [&b"/"[..]], []).unwrap().is_some());
        for hops in [20, 21, u8::MAX] {
            assert_eq!(
                next_hop(&at(&from, hops), 302, [&b"/"[..]], []),
                Err(RedirectError::TooMany)
            );
        }
        // An answer that is no redirect may come after any number of them.
        assert_eq!(next_hop(&at(&from, 20), 200, [&b"/"[..]], []), Ok(None));
        assert_eq!(next_hop(&at(&from, 20), 302, [&b""[..]], []), Ok(None));
    }

    #[test]
    fn a_redirect_leads_to_http_and_https_only() {
        for location in [
            "file:///etc/passwd",
            "data:text/html,x",
            "about:blank",
            "blob:https://a.example/1",
            "javascript:alert(1)",
            "gopher://b.example/x",
            "ftp://b.example/",
            "ws://b.example/",
            "unix:///var/run/docker.sock",
            "http+unix://%2Fvar%2Frun%2Fdocker.sock/x",
            "app://b.example/",
            "localhost:8080/x",
        ] {
            let found = follow(&Method::GET, A, 302, location);
            assert_eq!(found, Err(RedirectError::Unsafe { url: url(location) }), "{location}");
        }
    }

    #[test]
    fn a_location_that_is_no_url_is_named_without_user_and_password() {
        let long = format!("https://{}:99999", "x".repeat(300));
        for (location, shown) in [
            ("https://", "https://"),
            ("https://a b/", "https://a b/"),
            ("https://a.example:99999/", "https://a.example:99999/"),
            ("http://[::1", "http://[::1"),
            ("http://a%00b/", "http://a%00b/"),
            ("https://user:s@cret@b.example:0x/", "b.example:0x/"),
            (&long, &long[..200]),
        ] {
            let error = follow(&Method::GET, A, 302, location).unwrap_err();
            assert_eq!(error, RedirectError::Invalid { location: shown.to_owned() });
        }
        let error = follow(&Method::GET, A, 302, "ftp://user:secret@b.example/").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }

    #[test]
    fn each_error_has_chromiums_name() {
        for (error, expected) in [
            (RedirectError::TooMany, "net::ERR_TOO_MANY_REDIRECTS"),
            (RedirectError::Invalid { location: String::new() }, "net::ERR_INVALID_REDIRECT"),
            (RedirectError::MultipleLocations, "net::ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION"),
            (RedirectError::Unsafe { url: url("file:///") }, "net::ERR_UNSAFE_REDIRECT"),
        ] {
            assert_eq!(error.net_error().to_string(), expected);
        }
    }

    #[test]
    fn a_changed_method_drops_what_describes_the_body() {
        let described = ["origin", "Content-Length", "CONTENT-TYPE", "content-encoding"];
        let more = ["Content-Language", "Content-Location"];
        let kept = ["Accept", "X-Content-Type", "Content-MD5", "Authorization", "Cookie", "Host"];

        let changed = follow(&Method::POST, A, 302, "/x").unwrap().unwrap();
        for name in described.into_iter().chain(more) {
            assert!(changed.drops_header(name), "{name}");
        }
        for name in kept {
            assert!(!changed.drops_header(name), "{name}");
        }
        let repeated = follow(&Method::POST, A, 307, "/x").unwrap().unwrap();
        for name in described.into_iter().chain(more).chain(kept) {
            assert!(!repeated.drops_header(name), "{name}");
        }
    }

    #[test]
    fn a_credential_set_by_hand_does_not_follow_to_another_port() {
        assert_eq!(
            left_after(&["http://a.example:1/", "http://a.example:2/"], &SECRETS),
            ["X-Key"]
        );
    }

    #[test]
    fn a_credential_set_by_hand_does_not_follow_to_another_host() {
        assert_eq!(left_after(&[A, "https://b.example/"], &SECRETS), ["X-Key"]);
    }

    #[test]
    fn a_credential_set_by_hand_does_not_follow_to_another_scheme() {
        assert_eq!(left_after(&["http://a.example/", A], &SECRETS), ["X-Key"]);
    }

    #[test]
    fn a_cookie_set_by_hand_does_not_follow_from_https_to_http() {
        assert_eq!(left_after(&[A, "http://a.example/"], &SECRETS), ["X-Key"]);
    }

    #[test]
    fn a_credential_does_not_follow_to_a_sub_or_sister_domain() {
        for other in ["https://www.a.example/", "https://example/", "https://a.example.evil/"] {
            assert_eq!(left_after(&[A, other], &SECRETS), ["X-Key"], "{other}");
        }
    }

    #[test]
    fn a_credential_is_gone_when_a_chain_comes_back() {
        assert_eq!(left_after(&[A, "https://b.example/", A], &SECRETS), ["X-Key"]);
        assert_eq!(left_after(&[A, "https://a.example/x", A], &SECRETS), SECRETS);
    }

    #[test]
    fn proxy_authorization_does_not_reach_another_origin() {
        let https = get("http://a.example/", A);
        assert!(https.drops_header("Proxy-Authorization"));
        assert!(!https.drops_header("Proxy"));
        assert!(!https.drops_header("prox\u{e9}-"));
    }

    #[test]
    fn user_and_password_of_a_url_do_not_follow_to_another_host() {
        let hop = get("https://user:secret@a.example/", "//b.example/");
        assert_eq!(hop.url.as_str(), "https://b.example/");
        // A server that names its own user and password gets those, and nobody else's.
        let hop = get("https://user:secret@a.example/", "https://other:pw@b.example/");
        assert_eq!((hop.url.username(), hop.url.password()), ("other", Some("pw")));
    }

    #[test]
    fn an_origin_is_tainted_by_another_server_alone() {
        for (method, status, location, tainted, dropped) in [
            (Method::GET, 302, "/x", false, false),
            (Method::GET, 302, "https://b.example/", true, false),
            (Method::POST, 307, "https://b.example/", true, false),
            (Method::POST, 302, "https://b.example/", false, true),
            (Method::POST, 302, "/x", false, true),
        ] {
            let hop = follow(&method, A, status, location).unwrap().unwrap();
            assert_eq!(hop.taints_origin(), tainted, "{method} {status} {location}");
            assert_eq!(hop.drops_header("Origin"), dropped, "{method} {status} {location}");
        }
    }

    #[test]
    fn the_referrer_is_reduced_anew_and_never_grows() {
        let from = url(A);
        let page = url("https://user:secret@a.example/page?q#f");
        for (policy, header, location, expected) in [
            (ReferrerPolicy::default(), "", "/x", Some("https://a.example/page?q")),
            (ReferrerPolicy::default(), "", "https://b.example/", Some("https://a.example/")),
            (ReferrerPolicy::default(), "", "http://b.example/", None),
            (ReferrerPolicy::default(), "no-referrer", "/x", None),
            (ReferrerPolicy::NoReferrer, "nonsense", "/x", None),
            (
                ReferrerPolicy::SameOrigin,
                "origin, unsafe-url",
                "http://b.example/",
                Some("https://a.example/page?q"),
            ),
        ] {
            let hop = Hop { referrer: Some(&page), referrer_policy: policy, ..at(&from, 0) };
            let next = next_hop(&hop, 302, [location.as_bytes()], [header.as_bytes()]);
            let next = next.unwrap().unwrap();
            assert_eq!(next.referrer.as_ref().map(Url::as_str), expected, "{policy} {header}");
        }

        // Back at its own server the page's path is not told again: the chain has forgotten it.
        let reduced = url("https://a.example/");
        let other = url("https://b.example/");
        let back = Hop { referrer: Some(&reduced), ..at(&other, 1) };
        let next = next_hop(&back, 302, [A.as_bytes()], []).unwrap().unwrap();
        assert_eq!(next.referrer, Some(reduced));
    }

    #[test]
    fn a_megabyte_of_location_is_resolved_or_refused_in_one_pass() {
        let from = url(A);
        for byte in [b'/', b'@', b'.', b':', b'%', b'[', 0xff, b'#', b'a'] {
            let location = vec![byte; 1 << 20];
            if let Ok(Some(next)) = next_hop(&at(&from, 0), 302, [&location[..]], []) {
                assert_eq!(next.url.scheme(), "https");
            }
        }
    }
}
