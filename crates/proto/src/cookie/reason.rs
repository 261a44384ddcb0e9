//! Why a cookie is not stored or not sent.
//!
//! The names are those of Chromium's `CookieInclusionStatus`, the sentences those that Electron
//! shows. Where several reasons hold, the first in the order of the checks is given.

use std::fmt;

/// Why a cookie is not stored or not sent.
///
/// `Display` is the message of Electron's rejected `cookies.set`; [`ExclusionReason::sentence`] is
/// the reason alone, for logs and for cookies that were not to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExclusionReason {
    /// `HttpOnly`, and asked by other means than a request.
    HttpOnly,
    /// `Secure`, and the URL is neither encrypted nor this machine.
    SecureOnly,
    /// Belongs to another host.
    DomainMismatch,
    /// Belongs to another path.
    NotOnPath,
    /// `SameSite=Strict` in a request of another site.
    SameSiteStrict,
    /// `SameSite=Lax` in a request of another site.
    SameSiteLax,
    /// No `SameSite`, which counts as Lax, in a request of another site.
    SameSiteUnspecifiedTreatedAsLax,
    /// `SameSite=None` without `Secure`.
    SameSiteNoneInsecure,
    /// Malformed.
    FailureToStore,
    /// A scheme without cookies.
    NonCookieableScheme,
    /// Would take the place of a `Secure` cookie.
    OverwriteSecure,
    /// Would take the place of an `HttpOnly` cookie.
    OverwriteHttpOnly,
    /// `Domain` does not cover the host, or covers more than its owner has.
    InvalidDomain,
    /// A name that promises attributes which are not there.
    InvalidPrefix,
    /// `Partitioned` without `Secure`.
    InvalidPartitioned,
    /// Name and value are longer than 4,096 bytes together.
    NameValuePairExceedsMaxSize,
    /// An attribute is longer than 1,024 bytes.
    AttributeValueExceedsMaxSize,
    /// `Domain` has other characters than those of ASCII.
    DomainNonAscii,
    /// A control character, or a semicolon where none may be.
    DisallowedCharacter,
    /// Neither a name nor a value.
    NoCookieContent,
}

impl ExclusionReason {
    /// Every reason.
    pub const ALL: [Self; 20] = [
        Self::HttpOnly,
        Self::SecureOnly,
        Self::DomainMismatch,
        Self::NotOnPath,
        Self::SameSiteStrict,
        Self::SameSiteLax,
        Self::SameSiteUnspecifiedTreatedAsLax,
        Self::SameSiteNoneInsecure,
        Self::FailureToStore,
        Self::NonCookieableScheme,
        Self::OverwriteSecure,
        Self::OverwriteHttpOnly,
        Self::InvalidDomain,
        Self::InvalidPrefix,
        Self::InvalidPartitioned,
        Self::NameValuePairExceedsMaxSize,
        Self::AttributeValueExceedsMaxSize,
        Self::DomainNonAscii,
        Self::DisallowedCharacter,
        Self::NoCookieContent,
    ];

    /// The reason alone, in Electron's words.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::HttpOnly => {
                "The cookie was HttpOnly, but the attempted access was through a non-HTTP API."
            }
            Self::SecureOnly => {
                "The cookie was Secure, but the URL was not allowed to access Secure cookies."
            }
            Self::DomainMismatch => {
                "The cookie's domain attribute did not match the domain of the URL attempting \
                 access."
            }
            Self::NotOnPath => {
                "The cookie's path attribute did not match the path of the URL attempting access."
            }
            Self::SameSiteStrict => {
                "The cookie had SameSite=Strict, and the attempted access did not have an \
                 appropriate SameSiteCookieContext"
            }
            Self::SameSiteLax => {
                "The cookie had SameSite=Lax, and the attempted access did not have an \
                 appropriate SameSiteCookieContext"
            }
            Self::SameSiteUnspecifiedTreatedAsLax => {
                "The cookie did not specify a SameSite attribute, and therefore was treated as if \
                 it were SameSite=Lax, and the attempted access did not have an appropriate \
                 SameSiteCookieContext."
            }
            Self::SameSiteNoneInsecure => {
                "The cookie specified SameSite=None, but it was not Secure."
            }
            Self::FailureToStore => "The cookie was malformed and could not be stored",
            Self::NonCookieableScheme => {
                "Attempted to set a cookie from a scheme that does not support cookies."
            }
            Self::OverwriteSecure => {
                "The cookie would have overwritten a Secure cookie, and was not allowed to do so."
            }
            Self::OverwriteHttpOnly => {
                "The cookie would have overwritten an HttpOnly cookie, and was not allowed to do \
                 so."
            }
            Self::InvalidDomain => "The cookie was set with an invalid Domain attribute.",
            Self::InvalidPrefix => {
                "The cookie was set with an invalid __Host- or __Secure- prefix."
            }
            Self::InvalidPartitioned => {
                "Cookie was set with an invalid Partitioned attribute, which is only valid if the \
                 cookie has a __Host- prefix."
            }
            Self::NameValuePairExceedsMaxSize => {
                "The cookie exceeded the name/value pair size limit."
            }
            Self::AttributeValueExceedsMaxSize => "Cookie exceeded the attribute size limit.",
            Self::DomainNonAscii => {
                "The cookie was set with a Domain attribute containing non ASCII characters."
            }
            Self::DisallowedCharacter => "The cookie contains ASCII control characters",
            Self::NoCookieContent => "The cookie contains no content or only whitespace.",
        }
    }
}

impl fmt::Display for ExclusionReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Failed to set cookie - {}", self.sentence())
    }
}

impl std::error::Error for ExclusionReason {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_sentence_of_its_own() {
        let mut sentences: Vec<&str> = ExclusionReason::ALL.map(ExclusionReason::sentence).to_vec();
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!(sentences.len(), ExclusionReason::ALL.len());
        assert!(sentences.iter().all(|sentence| !sentence.contains("  ")), "{sentences:?}");
        assert_eq!(
            ExclusionReason::InvalidDomain.to_string(),
            "Failed to set cookie - The cookie was set with an invalid Domain attribute."
        );
    }
}
