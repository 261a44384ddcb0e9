//! Origins: who a request comes from, and whether two URLs belong to the same server.
//!
//! An origin is scheme, host and port, or opaque. Whether two origins belong to the same *site*
//! (registrable domain) is asked in [`crate::site`]. Nothing here knows names that a resolver
//! would map to the loopback interface: only what the URL itself says counts.
//!
//! HTML "origin"; W3C Secure Contexts §3; Chromium `url::Origin`.

use std::{fmt, str::FromStr};

use url::{Host, Url};

/// Where a URL or a request comes from.
///
/// Two opaque origins compare equal with `==`, as the same text does; to decide trust ask
/// [`Origin::is_same_origin`], which never lets one opaque origin pass for another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Equal to nothing, not even to itself; serialised as `null`.
    Opaque,
    /// A server.
    Tuple {
        /// Lower case, without the colon.
        scheme: String,
        /// In ASCII form.
        host: Host<String>,
        /// The given port or the scheme's default.
        port: u16,
    },
}

impl Origin {
    /// The origin of `url`: a tuple for http, https, ws, wss, ftp and for a blob inside one of
    /// these, opaque for all others.
    ///
    /// WHATWG URL §4.7.
    pub fn from_url(url: &Url) -> Self {
        match url.origin() {
            url::Origin::Opaque(_) => Self::Opaque,
            url::Origin::Tuple(scheme, host, port) => Self::Tuple { scheme, host, port },
        }
    }

    /// Whether both are the same server. An opaque origin is the same as nothing.
    pub fn is_same_origin(&self, other: &Self) -> bool {
        *self != Self::Opaque && self == other
    }
}

/// The ASCII serialisation: `https://a.example`, without a default port and without a slash at
/// the end; `null` for an opaque origin.
impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opaque => out.write_str("null"),
            Self::Tuple { scheme, host, port } => {
                write!(out, "{scheme}://{host}")?;
                if default_port(scheme) == Some(*port) { Ok(()) } else { write!(out, ":{port}") }
            }
        }
    }
}

/// Reads a serialised origin, `null`, or any absolute URL, whose origin it takes.
///
/// Electron's option `origin` is "the origin URL of the request", so a path is no error.
impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        if text == "null" {
            return Ok(Self::Opaque);
        }
        Url::parse(text).map(|url| Self::from_url(&url)).map_err(InvalidOrigin)
    }
}

/// A text that is neither `null` nor an absolute URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidOrigin(url::ParseError);

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "not an origin such as https://a.example: {}", self.0)
    }
}

impl std::error::Error for InvalidOrigin {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Whether both URLs name the same server: scheme, host and port.
pub fn is_same_origin(one: &Url, other: &Url) -> bool {
    if !matches!(one.scheme(), "http" | "https") {
        return Origin::from_url(one).is_same_origin(&Origin::from_url(other));
    }
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Whether the host of `url` is this machine by name or number: `localhost`, a name below it,
/// 127.0.0.0/8, `::1`. A dot at the end of the name changes nothing.
///
/// Chromium `net::IsLocalhost`.
pub fn is_localhost(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether what is sent to `url` cannot be read on the way: https, wss, this machine, files.
///
/// W3C Secure Contexts §3.2; like Chromium's `network::IsUrlPotentiallyTrustworthy` and unlike the
/// text, `data:` is not trusted.
pub fn is_potentially_trustworthy(url: &Url) -> bool {
    match url.scheme() {
        "https" | "wss" | "file" => true,
        "http" | "ws" | "ftp" => is_localhost(url),
        "about" => matches!(url.path(), "blank" | "srcdoc"),
        "blob" => Url::parse(url.path()).is_ok_and(|inner| {
            !inner.cannot_be_a_base() && inner.has_host() && is_potentially_trustworthy(&inner)
        }),
        _ => false,
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        "ftp" => Some(21),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (text, expected) in [
            ("https://a.example", "https://a.example"),
            ("https://a.example/", "https://a.example"),
            ("https://u:p@A.Example:443/path?q#f", "https://a.example"),
            ("http://a.example:8080", "http://a.example:8080"),
            ("http://a.example:443", "http://a.example:443"),
            ("wss://a.example:443", "wss://a.example"),
            ("http://[::1]:80/", "http://[::1]"),
            ("http://0x7f.1/", "http://127.0.0.1"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("blob:https://a.example/0-1", "https://a.example"),
            ("file:///etc/passwd", "null"),
            ("data:text/plain,x", "null"),
            ("app://a.example", "null"),
            ("null", "null"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_origin_says_why() {
        for (text, expected) in [
            ("", "relative URL without a base"),
            ("a.example", "relative URL without a base"),
            ("https://", "empty host"),
            ("https://a.example:99999", "invalid port number"),
            ("NULL", "relative URL without a base"),
        ] {
            assert_eq!(
                text.parse::<Origin>().unwrap_err().to_string(),
                format!("not an origin such as https://a.example: {expected}"),
                "{text}"
            );
        }
    }

    #[test]
    fn the_same_origin_is_the_same_scheme_host_and_port() {
        for (one, other, expected) in [
            ("https://a.example/x", "https://a.example/y", true),
            ("https://a.example", "https://a.example:443", true),
            ("https://u:p@a.example", "https://a.example", true),
            ("https://a.example", "http://a.example", false),
            ("http://a.example", "http://a.example:8080", false),
            ("https://a.example", "https://www.a.example", false),
            ("https://a.example", "https://a.example.", false),
            ("https://a.example", "wss://a.example", false),
            ("blob:https://a.example/1", "https://a.example", true),
            ("file:///a", "file:///a", false),
            ("data:,a", "data:,a", false),
        ] {
            let (one, other) = (url(one), url(other));
            assert_eq!(is_same_origin(&one, &other), expected, "{one} {other}");
            assert_eq!(
                Origin::from_url(&one).is_same_origin(&Origin::from_url(&other)),
                expected,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn only_encrypted_and_local_urls_are_potentially_trustworthy() {
        for (text, expected) in [
            ("https://a.example", true),
            ("wss://a.example", true),
            ("http://a.example", false),
            ("ws://a.example", false),
            ("http://localhost", true),
            ("http://LOCALHOST.:8080", true),
            ("http://app.localhost", true),
            ("http://localhost.example", false),
            ("http://notlocalhost", false),
            ("http://127.0.0.1", true),
            ("http://127.255.255.254", true),
            ("http://128.0.0.1", false),
            ("http://[::1]", true),
            ("http://[::2]", false),
            ("http://0.0.0.0", false),
            ("file:///x", true),
            ("about:blank", true),
            ("about:config", false),
            ("data:,x", false),
            ("blob:https://a.example/1", true),
            ("blob:http://a.example/1", false),
            ("blob:blob:https://a.example/1", false),
            ("javascript:1", false),
        ] {
            assert_eq!(is_potentially_trustworthy(&url(text)), expected, "{text}");
        }
    }
}
