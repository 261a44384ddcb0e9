//! Fields that a request gets without being asked: codings, languages, priority, an empty length.
//!
//! Each function gives a value for a field that the caller did not set. Which codings can be
//! decoded is an argument, not knowledge of this module; `User-Agent` and the languages belong to
//! the session.
//!
//! Chromium `URLRequestHttpJob::AddExtraHeaders`, `HttpUtil::GenerateAcceptLanguageHeader`; RFC 9218.

use std::{fmt, str::FromStr};

use http::Method;
use url::Url;

use crate::origin::is_localhost;

/// The content codings that this build can undo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Codings {
    /// gzip and deflate, which one library undoes.
    pub gzip: bool,
    /// br
    pub brotli: bool,
    /// zstd
    pub zstd: bool,
}

/// The value of `Accept-Encoding`, or `None` where nothing is to be said.
///
/// A request for a range wants the bytes as they are stored. br and zstd are offered over https and
/// to this machine alone: some proxies in between damage what they cannot read.
pub fn accept_encoding(url: &Url, has_range: bool, codings: Codings) -> Option<&'static str> {
    if has_range {
        return Some("identity");
    }
    let newer = matches!(url.scheme(), "https" | "wss") || is_localhost(url);
    match (codings.gzip, codings.brotli && newer, codings.zstd && newer) {
        (false, false, false) => None,
        (false, false, true) => Some("zstd"),
        (false, true, false) => Some("br"),
        (false, true, true) => Some("br, zstd"),
        (true, false, false) => Some("gzip, deflate"),
        (true, false, true) => Some("gzip, deflate, zstd"),
        (true, true, false) => Some("gzip, deflate, br"),
        (true, true, true) => Some("gzip, deflate, br, zstd"),
    }
}

/// The value of `Accept-Language` for a list such as `en-US,fr,de`: `en-US,fr;q=0.9,de;q=0.8`.
///
/// Each language weighs a tenth less than the one before, the least a tenth. Languages are taken as
/// given: `en-US` does not bring `en` with it, as it does in a browser's settings. An empty list
/// gives an empty value: no field.
///
/// # Errors
///
/// [`InvalidLanguage`] for a byte that cannot stand in a field.
pub fn accept_language(languages: &str) -> Result<String, InvalidLanguage> {
    let mut value = String::with_capacity(languages.len() * 2);
    let mut tenths = 10;
    for language in languages.split(',').map(str::trim_ascii).filter(|text| !text.is_empty()) {
        if let Some(refused) = language.chars().find(|&c| !(c.is_ascii_graphic() || c == ' ')) {
            return Err(InvalidLanguage(refused));
        }
        if tenths == 10 {
            value.push_str(language);
        } else {
            value.push(',');
            value.push_str(language);
            value.push_str(";q=0.");
            value.push(char::from(b'0' + tenths));
        }
        // A weight of zero would mean "not this one".
        tenths = (tenths - 1).max(1);
    }
    Ok(value)
}

/// A character that no language has and no field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidLanguage(char);

impl fmt::Display for InvalidLanguage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a list of languages such as en-US,fr holds no {:?}", self.0)
    }
}

impl std::error::Error for InvalidLanguage {}

/// How soon a request is wanted, the least urgent first.
///
/// It orders the queue for connections and becomes [`priority`] on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestPriority {
    /// Held back while others are under way.
    Throttled,
    /// The default.
    #[default]
    Idle,
    /// A page's least.
    Lowest,
    /// Below medium.
    Low,
    /// Above low.
    Medium,
    /// Before all others.
    Highest,
}

impl RequestPriority {
    /// Electron's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Idle => "idle",
            Self::Lowest => "lowest",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::Highest => "highest",
        }
    }
}

impl FromStr for RequestPriority {
    type Err = UnknownPriority;

    fn from_str(text: &str) -> Result<Self, UnknownPriority> {
        [Self::Throttled, Self::Idle, Self::Lowest, Self::Low, Self::Medium, Self::Highest]
            .into_iter()
            .find(|priority| priority.as_str() == text)
            .ok_or(UnknownPriority)
    }
}

/// A text that names no priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPriority;

impl fmt::Display for UnknownPriority {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("priority should be one of throttled, idle, lowest, low, medium or highest")
    }
}

impl std::error::Error for UnknownPriority {}

/// The value of `Priority` over HTTP/2 and HTTP/3, or `None` where it would say only defaults.
///
/// `incremental` means that parts of the response are of use before it is complete.
///
/// RFC 9218 §4; the numbers are Chromium's, whose `lowest` is RFC 9218's default urgency of 3.
pub fn priority(priority: RequestPriority, incremental: bool) -> Option<&'static str> {
    match (priority, incremental) {
        (RequestPriority::Throttled, false) => Some("u=5"),
        (RequestPriority::Throttled, true) => Some("u=5, i"),
        (RequestPriority::Idle, false) => Some("u=4"),
        (RequestPriority::Idle, true) => Some("u=4, i"),
        (RequestPriority::Lowest, false) => None,
        (RequestPriority::Lowest, true) => Some("i"),
        (RequestPriority::Low, false) => Some("u=2"),
        (RequestPriority::Low, true) => Some("u=2, i"),
        (RequestPriority::Medium, false) => Some("u=1"),
        (RequestPriority::Medium, true) => Some("u=1, i"),
        (RequestPriority::Highest, false) => Some("u=0"),
        (RequestPriority::Highest, true) => Some("u=0, i"),
    }
}

/// Whether a request without a body says `Content-Length: 0`.
///
/// Servers wait for, or refuse, a POST or PUT that does not tell its length.
///
/// RFC 9110 §8.6; Chromium `HttpNetworkTransaction::BuildRequestHeaders`.
pub fn sends_empty_length(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_codings_are_offered_where_no_proxy_can_damage_them() {
        let all = Codings { gzip: true, brotli: true, zstd: true };
        for (url, has_range, codings, expected) in [
            ("https://a.example", false, all, Some("gzip, deflate, br, zstd")),
            ("http://localhost", false, all, Some("gzip, deflate, br, zstd")),
            ("http://127.0.0.1:1", false, all, Some("gzip, deflate, br, zstd")),
            ("http://[::1]", false, all, Some("gzip, deflate, br, zstd")),
            ("http://a.example", false, all, Some("gzip, deflate")),
            ("https://a.example", true, all, Some("identity")),
            ("http://a.example", true, Codings::default(), Some("identity")),
            ("https://a.example", false, Codings::default(), None),
            ("https://a.example", false, Codings { gzip: false, ..all }, Some("br, zstd")),
            (
                "https://a.example",
                false,
                Codings { brotli: false, ..all },
                Some("gzip, deflate, zstd"),
            ),
            ("https://a.example", false, Codings { zstd: false, ..all }, Some("gzip, deflate, br")),
            ("http://a.example", false, Codings { gzip: false, ..all }, None),
        ] {
            let found = accept_encoding(&Url::parse(url).unwrap(), has_range, codings);
            assert_eq!(found, expected, "{url} {has_range} {codings:?}");
        }
    }

    #[test]
    fn languages_weigh_a_tenth_less_each() {
        for (list, expected) in [
            ("", ""),
            ("en-US", "en-US"),
            ("en-US,fr,de", "en-US,fr;q=0.9,de;q=0.8"),
            (" en-US , fr,,de, ", "en-US,fr;q=0.9,de;q=0.8"),
            (
                "a,b,c,d,e,f,g,h,i,j,k,l",
                "a,b;q=0.9,c;q=0.8,d;q=0.7,e;q=0.6,f;q=0.5,g;q=0.4,h;q=0.3,i;q=0.2,j;q=0.1,k;q=0.1,\
                 l;q=0.1",
            ),
        ] {
            assert_eq!(accept_language(list).as_deref(), Ok(expected), "{list:?}");
        }
    }

    #[test]
    fn a_list_of_languages_cannot_end_the_field() {
        for (list, expected) in [
            ("en\r\nX: y", '\r'),
            ("en,fr\0", '\0'),
            ("en,\u{e9}", '\u{e9}'),
            ("en\u{7f}", '\u{7f}'),
        ] {
            let error = accept_language(list).unwrap_err();
            assert_eq!(error, InvalidLanguage(expected), "{list:?}");
            assert_eq!(
                error.to_string(),
                format!("a list of languages such as en-US,fr holds no {expected:?}")
            );
        }
    }

    #[test]
    fn a_priority_says_what_differs_from_the_default() {
        for (word, alone, incremental) in [
            ("throttled", Some("u=5"), "u=5, i"),
            ("idle", Some("u=4"), "u=4, i"),
            ("lowest", None, "i"),
            ("low", Some("u=2"), "u=2, i"),
            ("medium", Some("u=1"), "u=1, i"),
            ("highest", Some("u=0"), "u=0, i"),
        ] {
            let found: RequestPriority = word.parse().unwrap();
            assert_eq!(found.as_str(), word);
            assert_eq!(priority(found, false), alone, "{word}");
            assert_eq!(priority(found, true), Some(incremental), "{word}");
        }
        assert_eq!(RequestPriority::default().as_str(), "idle");
        assert_eq!("Low".parse::<RequestPriority>(), Err(UnknownPriority));
        assert!(RequestPriority::Throttled < RequestPriority::Highest);
    }

    #[test]
    fn post_and_put_tell_the_length_of_no_body() {
        for (method, expected) in [
            (Method::POST, true),
            (Method::PUT, true),
            (Method::GET, false),
            (Method::HEAD, false),
            (Method::PATCH, false),
            (Method::DELETE, false),
            (Method::OPTIONS, false),
        ] {
            assert_eq!(sends_empty_length(&method), expected, "{method}");
        }
    }

    #[test]
    fn a_mebibyte_of_languages_is_written_in_one_pass() {
        let value = accept_language(&"en-US,".repeat(180_000)).unwrap();
        assert!(value.starts_with("en-US,en-US;q=0.9,") && value.ends_with("en-US;q=0.1"));
    }
}
