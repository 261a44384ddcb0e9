//! Cookies by RFC 6265bis, as Chromium keeps and sends them.
//!
//! A `Set-Cookie` line is read ([`SetCookie`]), becomes a cookie of a URL ([`CanonicalCookie`]), and
//! is kept or refused by the store of a session ([`Jar`]), which also says what a request carries.
//! Which requests count as first-party is asked of [`RequestSites`]. Whatever is refused has an
//! [`ExclusionReason`]. Nothing here knows a connection, a file or the time: `now` is an argument.
//!
//! RFC 6265bis; Chromium `net/cookies`; Electron `Cookies`.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::site::registrable_domain;

pub mod canonical;
pub mod date;
pub mod jar;
pub mod line;
pub mod netscape;
mod reason;
pub mod same_site;
mod timestamp;

pub use canonical::{CanonicalCookie, CookieDetails, CookieKey, StoredCookie};
pub use date::parse_cookie_date;
pub use jar::{Access, Change, ChangeCause, Clear, Filter, Jar, Sent};
pub use line::SetCookie;
pub use reason::ExclusionReason;
pub use same_site::{RequestSites, SameSiteContext, SiteForCookies};
pub use timestamp::Timestamp;

/// Which requests of other sites carry a cookie.
///
/// `Display` and [`FromStr`] speak Electron's words: `unspecified`, `no_restriction`, `lax`,
/// `strict`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// The server did not say. Counts as [`SameSite::Lax`].
    #[default]
    Unspecified,
    /// All. `SameSite=None`; only together with `Secure`.
    NoRestriction,
    /// Only navigations that change nothing.
    Lax,
    /// None.
    Strict,
}

impl SameSite {
    /// The value of an attribute, in any letter case. What is not known is as if not said.
    pub fn from_attribute(value: &[u8]) -> Self {
        match value {
            _ if value.eq_ignore_ascii_case(b"none") => Self::NoRestriction,
            _ if value.eq_ignore_ascii_case(b"lax") => Self::Lax,
            _ if value.eq_ignore_ascii_case(b"strict") => Self::Strict,
            _ => Self::Unspecified,
        }
    }

    /// The value of the attribute; `None` where there is none to write.
    pub const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::Unspecified => None,
            Self::NoRestriction => Some("None"),
            Self::Lax => Some("Lax"),
            Self::Strict => Some("Strict"),
        }
    }
}

impl fmt::Display for SameSite {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Unspecified => "unspecified",
            Self::NoRestriction => "no_restriction",
            Self::Lax => "lax",
            Self::Strict => "strict",
        })
    }
}

impl FromStr for SameSite {
    type Err = InvalidSameSite;

    fn from_str(text: &str) -> Result<Self, InvalidSameSite> {
        match text {
            "unspecified" => Ok(Self::Unspecified),
            "no_restriction" => Ok(Self::NoRestriction),
            "lax" => Ok(Self::Lax),
            "strict" => Ok(Self::Strict),
            _ => Err(InvalidSameSite(text.into())),
        }
    }
}

/// A word that is none of Electron's four for [`SameSite`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSameSite(Box<str>);

/// Electron's sentence.
impl fmt::Display for InvalidSameSite {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Failed to convert '{}' to an appropriate cookie same site value", self.0)
    }
}

impl std::error::Error for InvalidSameSite {}

/// Which of a domain's cookies go first when there are too many: the low ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Goes first.
    Low,
    /// Where the server does not say.
    #[default]
    Medium,
    /// Goes last.
    High,
}

impl Priority {
    /// The value of an attribute, in any letter case. What is not known is medium.
    pub fn from_attribute(value: &[u8]) -> Self {
        match value {
            _ if value.eq_ignore_ascii_case(b"low") => Self::Low,
            _ if value.eq_ignore_ascii_case(b"high") => Self::High,
            _ => Self::Medium,
        }
    }

    /// The value of the attribute.
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}

/// How the URL that set a cookie was reached. Kept for the record: it does not narrow who gets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SourceScheme {
    /// Not known, as for cookies out of a file.
    #[default]
    Unset,
    /// In the clear.
    NonSecure,
    /// Encrypted, or `Secure` on this machine.
    Secure,
}

/// The site a request belongs to, which keeps partitioned cookies apart.
///
/// CHIPS; Chromium `CookiePartitionKey`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionKey {
    top_level_site: Box<str>,
    has_cross_site_ancestor: bool,
}

impl PartitionKey {
    /// The key for everything that belongs to the site of `url`; `None` for a URL without a site.
    pub fn new(url: &Url, has_cross_site_ancestor: bool) -> Option<Self> {
        let scheme = site_scheme(url)?;
        let host = url.host_str()?;
        let site = registrable_domain(host).unwrap_or(host);
        Some(Self {
            top_level_site: format!("{scheme}://{site}").into_boxed_str(),
            has_cross_site_ancestor,
        })
    }

    /// The site: `https://example.com`.
    pub fn top_level_site(&self) -> &str {
        &self.top_level_site
    }

    /// Whether another site stands between the top and the request.
    pub const fn has_cross_site_ancestor(&self) -> bool {
        self.has_cross_site_ancestor
    }
}

/// The scheme for questions of sites, where a socket belongs to the pages that open it.
fn site_scheme(url: &Url) -> Option<&'static str> {
    match url.scheme() {
        "http" | "ws" => Some("http"),
        "https" | "wss" => Some("https"),
        _ => None,
    }
}

/// Whether `Secure` cookies may come from `url` and go to it: encrypted, or this machine.
///
/// Chromium `cookie_util::ProvisionalAccessScheme`.
pub fn may_use_secure_cookies(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "wss") || crate::origin::is_localhost(url)
}

/// Whether URLs of this scheme have cookies.
pub(crate) fn has_cookies(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https" | "ws" | "wss")
}

/// Whether a cookie of `domain` (a dot in front: with all names below) belongs to `host`.
///
/// RFC 6265bis §5.1.3; Chromium `cookie_util::IsDomainMatch`.
pub fn is_domain_match(domain: &str, host: &str) -> bool {
    let Some(name) = domain.strip_prefix('.') else { return domain == host };
    host == name || host.ends_with(domain) && host.len() > domain.len()
}

/// Whether a request for `path` is on `cookie_path` or below it.
///
/// RFC 6265bis §5.1.4.
pub fn is_path_match(cookie_path: &str, path: &str) -> bool {
    match path.strip_prefix(cookie_path) {
        Some("") => true,
        Some(rest) => cookie_path.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}

/// The part of a host or cookie domain under which cookies are kept and counted together.
pub(crate) fn domain_key(domain: &str) -> &str {
    let host = domain.strip_prefix('.').unwrap_or(domain);
    registrable_domain(host).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_matches_itself_and_with_a_dot_what_lies_below() {
        for (domain, host, expected) in [
            ("example.com", "example.com", true),
            ("example.com", "www.example.com", false),
            (".example.com", "example.com", true),
            (".example.com", "a.b.example.com", true),
            (".example.com", "badexample.com", false),
            (".example.com", ".example.com", false),
            (".example.com", "example.com.", false),
            (".example.com", "example.org", false),
            ("127.0.0.1", "127.0.0.1", true),
            (".0.0.1", "127.0.0.1", true),
        ] {
            assert_eq!(is_domain_match(domain, host), expected, "{domain} {host}");
        }
    }

    #[test]
    fn a_path_matches_itself_and_what_lies_below() {
        for (cookie, path, expected) in [
            ("/", "/", true),
            ("/", "/a", true),
            ("/a", "/a", true),
            ("/a", "/a/", true),
            ("/a", "/a/b", true),
            ("/a", "/ab", false),
            ("/a/", "/a", false),
            ("/a/", "/a/b", true),
            ("/A", "/a", false),
            ("/a", "/", false),
            ("", "/", true),
        ] {
            assert_eq!(is_path_match(cookie, path), expected, "{cookie} {path}");
        }
    }

    #[test]
    fn the_words_of_electron_are_read_back() {
        for word in ["unspecified", "no_restriction", "lax", "strict"] {
            assert_eq!(word.parse::<SameSite>().map(|value| value.to_string()), Ok(word.into()));
        }
        let error = "garbage".parse::<SameSite>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "Failed to convert 'garbage' to an appropriate cookie same site value"
        );
        assert!("Lax".parse::<SameSite>().is_err());
    }

    #[test]
    fn a_partition_key_is_a_site() {
        for (url, expected) in [
            ("https://a.b.example.com:8443/x", Some("https://example.com")),
            ("wss://example.com", Some("https://example.com")),
            ("http://127.0.0.1:80", Some("http://127.0.0.1")),
            ("http://localhost", Some("http://localhost")),
            ("https://alice.github.io", Some("https://alice.github.io")),
            ("data:,x", None),
            ("file:///x", None),
        ] {
            let key = PartitionKey::new(&Url::parse(url).unwrap(), false);
            assert_eq!(key.as_ref().map(PartitionKey::top_level_site), expected, "{url}");
        }
    }
}
