//! The URL of a request, from the parts that Electron's options name.
//!
//! A URL is parsed once, here, by WHATWG rules; from then on every room reads the same `Url`, so that
//! no two of them can disagree about its host. Nothing that belongs to one part may reach into
//! another: a path cannot name a host, a host cannot bring a path.
//!
//! Electron `ClientRequest` options; `lib/common/api/net-client-request.ts`.

use std::fmt;

use url::Url;

use crate::net_error::NetError;

/// Why a request cannot be made to a URL. The texts are Electron's sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidTarget {
    /// A space in the option `path`.
    UnescapedPath,
    /// Neither http nor https.
    UnsupportedProtocol,
    /// Not a URL, or parts that make none.
    InvalidUrl,
}

impl InvalidTarget {
    /// The code of the refusal.
    pub fn net_error(&self) -> NetError {
        match self {
            Self::UnescapedPath | Self::InvalidUrl => NetError::InvalidUrl,
            Self::UnsupportedProtocol => NetError::DisallowedUrlScheme,
        }
    }
}

impl fmt::Display for InvalidTarget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::UnescapedPath => "Request path contains unescaped characters",
            Self::UnsupportedProtocol => "ClientRequest only supports http: and https: protocols",
            Self::InvalidUrl => "Invalid URL",
        })
    }
}

impl std::error::Error for InvalidTarget {}

/// Reads the option `url`: an absolute http or https URL.
///
/// # Errors
///
/// [`InvalidTarget::InvalidUrl`], or [`InvalidTarget::UnsupportedProtocol`].
pub fn parse_url(text: &str) -> Result<Url, InvalidTarget> {
    let url = Url::parse(text).map_err(|_| InvalidTarget::InvalidUrl)?;
    check_url(&url)?;
    Ok(url)
}

/// Whether a request can be made to `url`.
///
/// # Errors
///
/// [`InvalidTarget::UnsupportedProtocol`] for any scheme but http and https.
pub fn check_url(url: &Url) -> Result<(), InvalidTarget> {
    if matches!(url.scheme(), "http" | "https") {
        Ok(())
    } else {
        Err(InvalidTarget::UnsupportedProtocol)
    }
}

/// Puts a URL together from options.
///
/// * `protocol`: default `http:`; the colon may be missing.
/// * `host`: may hold a port; wins over `hostname` and `port`.
/// * `hostname`: default `localhost`; an IPv6 address with or without brackets.
/// * `port`: default, and for zero, the protocol's own.
/// * `path`: default `/`; resolved against `http://localhost`, of which only path, query and
///   fragment are kept. So `//other/x` is the path `/x` of *this* host.
///
/// An empty text counts as not given.
///
/// # Errors
///
/// [`InvalidTarget`]: first a space in `path`, then what makes no URL, then the protocol.
pub fn url_from_parts(
    protocol: Option<&str>,
    host: Option<&str>,
    hostname: Option<&str>,
    port: Option<u16>,
    path: Option<&str>,
) -> Result<Url, InvalidTarget> {
    let path = given(path, "/");
    if path.contains(' ') {
        return Err(InvalidTarget::UnescapedPath);
    }
    let local = Url::parse("http://localhost").and_then(|base| base.join(path));
    let local = local.map_err(|_| InvalidTarget::InvalidUrl)?;

    let protocol = given(protocol, "http:");
    let scheme = protocol.strip_suffix(':').unwrap_or(protocol);
    if !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
        return Err(InvalidTarget::InvalidUrl);
    }

    let authority = match host.filter(|host| !host.is_empty()) {
        Some(host) => host.to_owned(),
        None => {
            let hostname = given(hostname, "localhost");
            let bare = hostname.contains(':') && !hostname.starts_with('[');
            let hostname = if bare { format!("[{hostname}]") } else { hostname.to_owned() };
            match port {
                None | Some(0) => hostname,
                Some(port) => format!("{hostname}:{port}"),
            }
        }
    };
    // Each of these would end the host, begin user and password, or be dropped in silence.
    if authority.contains(|c: char| c <= ' ' || matches!(c, '/' | '\\' | '?' | '#' | '@')) {
        return Err(InvalidTarget::InvalidUrl);
    }

    let mut url =
        Url::parse(&format!("{scheme}://{authority}/")).map_err(|_| InvalidTarget::InvalidUrl)?;
    check_url(&url)?;
    url.set_path(local.path());
    url.set_query(local.query());
    url.set_fragment(local.fragment());
    Ok(url)
}

fn given<'a>(part: Option<&'a str>, default: &'a str) -> &'a str {
    part.filter(|text| !text.is_empty()).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_missing_have_defaults() {
        for (protocol, host, hostname, port, path, expected) in [
            (None, None, None, None, None, "http://localhost/"),
            (Some(""), Some(""), Some(""), Some(0), Some(""), "http://localhost/"),
            (Some("https:"), None, None, None, None, "https://localhost/"),
            (Some("https"), None, None, None, None, "https://localhost/"),
            (Some("HTTPS:"), None, None, None, None, "https://localhost/"),
            (None, None, Some("A.example"), Some(8080), Some("/p"), "http://a.example:8080/p"),
            (None, None, Some("a.example"), Some(80), None, "http://a.example/"),
            (None, Some("a.example:81"), Some("b.example"), Some(82), None, "http://a.example:81/"),
            (None, Some("a.example"), None, Some(82), None, "http://a.example/"),
            (None, None, Some("::1"), Some(82), None, "http://[::1]:82/"),
            (None, None, Some("[::1]"), Some(82), None, "http://[::1]:82/"),
            (None, Some("[::1]:82"), None, None, None, "http://[::1]:82/"),
            (None, None, Some("b\u{fc}cher.example"), None, None, "http://xn--bcher-kva.example/"),
        ] {
            let found = url_from_parts(protocol, host, hostname, port, path);
            assert_eq!(found.as_ref().map(Url::as_str), Ok(expected));
        }
    }

    #[test]
    fn a_path_names_path_query_and_fragment_and_nothing_else() {
        for (path, expected) in [
            ("/a/b?c=d#e", "http://a.example:81/a/b?c=d#e"),
            ("a", "http://a.example:81/a"),
            ("?q", "http://a.example:81/?q"),
            ("#f", "http://a.example:81/#f"),
            ("/a?", "http://a.example:81/a?"),
            ("/../x/./y", "http://a.example:81/x/y"),
            ("/%20%2F%0d%0a", "http://a.example:81/%20%2F%0d%0a"),
            ("/caf\u{e9}", "http://a.example:81/caf%C3%A9"),
            ("//evil.example/x", "http://a.example:81/x"),
            ("\\\\evil.example\\x", "http://a.example:81/x"),
            ("http://u:p@evil.example:99/x", "http://a.example:81/x"),
            ("@evil.example/x", "http://a.example:81/@evil.example/x"),
            (":99/x", "http://a.example:81/:99/x"),
            ("/x\r\nHost:evil", "http://a.example:81/xHost:evil"),
            ("/.//x", "http://a.example:81//x"),
        ] {
            let found = url_from_parts(None, Some("a.example:81"), None, None, Some(path));
            assert_eq!(found.as_ref().map(Url::as_str), Ok(expected), "{path:?}");
        }
    }

    #[test]
    fn parts_that_make_no_url_are_refused() {
        use InvalidTarget::{InvalidUrl, UnescapedPath, UnsupportedProtocol};
        for (protocol, host, hostname, path, expected) in [
            (None, None, None, Some("/a b"), UnescapedPath),
            (Some("ftp:"), None, None, Some("/a b"), UnescapedPath),
            (None, None, None, Some("http://[/"), InvalidUrl),
            (Some("ftp:"), None, None, None, UnsupportedProtocol),
            (Some("file:"), None, None, None, UnsupportedProtocol),
            (Some("javascript:"), None, None, None, UnsupportedProtocol),
            (Some("http://evil.example/?"), None, None, None, InvalidUrl),
            (Some("http::"), None, None, None, InvalidUrl),
            (Some(":"), None, None, None, InvalidUrl),
            (Some("1http:"), None, None, None, InvalidUrl),
            (None, Some("a.example/evil"), None, None, InvalidUrl),
            (None, Some("a.example\\evil"), None, None, InvalidUrl),
            (None, Some("a.example?q"), None, None, InvalidUrl),
            (None, Some("a.example#f"), None, None, InvalidUrl),
            (None, Some("user:pw@a.example"), None, None, InvalidUrl),
            (None, Some("a.example\r\nX:y"), None, None, InvalidUrl),
            (None, Some(" a.example"), None, None, InvalidUrl),
            (None, Some("a%2Fevil"), None, None, InvalidUrl),
            (None, Some("a.example:99999"), None, None, InvalidUrl),
            (None, Some(":80"), None, None, InvalidUrl),
            (None, None, Some("a.example:81"), None, InvalidUrl),
            (None, None, Some("a.example/evil"), None, InvalidUrl),
        ] {
            let found = url_from_parts(protocol, host, hostname, None, path);
            assert_eq!(found, Err(expected), "{protocol:?} {host:?} {hostname:?} {path:?}");
        }
    }

    #[test]
    fn only_http_and_https_are_asked() {
        for (text, expected) in [
            ("http://a.example", Ok("http://a.example/")),
            ("HTTPS://u:p@a.example:443/#f", Ok("https://u:p@a.example/#f")),
            ("file:///x", Err(InvalidTarget::UnsupportedProtocol)),
            ("ws://a.example", Err(InvalidTarget::UnsupportedProtocol)),
            ("data:,x", Err(InvalidTarget::UnsupportedProtocol)),
            ("a.example", Err(InvalidTarget::InvalidUrl)),
            ("/x", Err(InvalidTarget::InvalidUrl)),
            ("http://", Err(InvalidTarget::InvalidUrl)),
            ("", Err(InvalidTarget::InvalidUrl)),
        ] {
            assert_eq!(
                parse_url(text).as_ref().map(Url::as_str),
                expected.as_ref().copied(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_refusal_is_electrons_sentence() {
        for (refusal, sentence, code) in [
            (
                InvalidTarget::UnescapedPath,
                "Request path contains unescaped characters",
                NetError::InvalidUrl,
            ),
            (
                InvalidTarget::UnsupportedProtocol,
                "ClientRequest only supports http: and https: protocols",
                NetError::DisallowedUrlScheme,
            ),
            (InvalidTarget::InvalidUrl, "Invalid URL", NetError::InvalidUrl),
        ] {
            assert_eq!((refusal.to_string().as_str(), refusal.net_error()), (sentence, code));
        }
    }
}
