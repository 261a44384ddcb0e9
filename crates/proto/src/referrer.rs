//! The `Referer` of a request: the eight policies and what each lets through.
//!
//! User name, password and fragment never go out in it, whatever the policy. What the referrer of a
//! request *is* (a hand-set `Referer`, a page) is the caller's knowledge; here it is an argument.
//!
//! W3C Referrer Policy §8; Chromium `URLRequestJob::ComputeReferrerForPolicy`.

use std::{fmt, str::FromStr};

use url::Url;

use crate::origin::is_same_origin;

/// How much of the referrer a request tells its target.
///
/// "Downgrade" is a request from an https referrer to a target that is not https.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReferrerPolicy {
    /// Nothing, ever.
    NoReferrer,
    /// The whole URL, nothing on a downgrade.
    NoReferrerWhenDowngrade,
    /// The whole URL within the origin, nothing to others.
    SameOrigin,
    /// The origin alone.
    Origin,
    /// The origin alone, nothing on a downgrade.
    StrictOrigin,
    /// The whole URL within the origin, the origin alone to others.
    OriginWhenCrossOrigin,
    /// The whole URL within the origin, the origin alone to others, nothing on a downgrade.
    #[default]
    StrictOriginWhenCrossOrigin,
    /// The whole URL, always.
    UnsafeUrl,
}

impl ReferrerPolicy {
    /// The token that names this policy in a header or an option.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoReferrer => "no-referrer",
            Self::NoReferrerWhenDowngrade => "no-referrer-when-downgrade",
            Self::SameOrigin => "same-origin",
            Self::Origin => "origin",
            Self::StrictOrigin => "strict-origin",
            Self::OriginWhenCrossOrigin => "origin-when-cross-origin",
            Self::StrictOriginWhenCrossOrigin => "strict-origin-when-cross-origin",
            Self::UnsafeUrl => "unsafe-url",
        }
    }

    /// The policy that `Referrer-Policy` response fields set, or `None` where they set none.
    ///
    /// Each value is a list; the last token that is known wins, so that a server may name a newer
    /// policy after one that everybody knows. Letter case does not matter.
    ///
    /// W3C Referrer Policy §8.1.
    pub fn from_header<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        values
            .into_iter()
            .flat_map(|value| value.split(|&byte| byte == b','))
            .filter_map(|token| {
                let token = token.trim_ascii();
                ALL.into_iter().find(|known| known.as_str().as_bytes().eq_ignore_ascii_case(token))
            })
            .last()
    }
}

impl fmt::Display for ReferrerPolicy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Reads a token of Fetch or of Electron's option `referrerPolicy`; `""` is the default.
impl FromStr for ReferrerPolicy {
    type Err = UnknownReferrerPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownReferrerPolicy> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        ALL.into_iter().find(|known| known.as_str() == text).ok_or(UnknownReferrerPolicy)
    }
}

/// A text that names no referrer policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownReferrerPolicy;

impl fmt::Display for UnknownReferrerPolicy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("referrer policy should be one of ")?;
        for (index, known) in ALL.into_iter().enumerate() {
            write!(out, "{}{known}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownReferrerPolicy {}

/// The value of `Referer` in a request for `target`, or `None` where none is sent.
///
/// Only an http or https referrer is told. It loses user name, password and fragment, and becomes
/// its origin (with a slash) if it is longer than 4,096 bytes.
pub fn referrer_for(
    policy: ReferrerPolicy,
    referrer: Option<&Url>,
    target: &Url,
) -> Option<String> {
    reduced_referrer(policy, referrer, target).map(String::from)
}

/// What [`referrer_for`] sends, as a URL: the referrer of the next hop.
pub(crate) fn reduced_referrer(
    policy: ReferrerPolicy,
    referrer: Option<&Url>,
    target: &Url,
) -> Option<Url> {
    let referrer = referrer.filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let downgrade = referrer.scheme() == "https" && !matches!(target.scheme(), "https" | "wss");
    let same_origin = is_same_origin(referrer, target);
    let origin_only = match policy {
        ReferrerPolicy::NoReferrer => return None,
        ReferrerPolicy::NoReferrerWhenDowngrade if downgrade => return None,
        ReferrerPolicy::StrictOrigin if downgrade => return None,
        ReferrerPolicy::StrictOriginWhenCrossOrigin if downgrade => return None,
        ReferrerPolicy::SameOrigin if !same_origin => return None,
        ReferrerPolicy::Origin | ReferrerPolicy::StrictOrigin => true,
        ReferrerPolicy::OriginWhenCrossOrigin | ReferrerPolicy::StrictOriginWhenCrossOrigin => {
            !same_origin
        }
        ReferrerPolicy::NoReferrerWhenDowngrade
        | ReferrerPolicy::SameOrigin
        | ReferrerPolicy::UnsafeUrl => false,
    };

    let mut told = referrer.clone();
    told.set_fragment(None);
    // An http URL has a host, and then neither setter can refuse; were that to change, nothing is
    // told rather than a password.
    told.set_username("").ok()?;
    told.set_password(None).ok()?;
    if origin_only || told.as_str().len() > LONGEST {
        told.set_path("/");
        told.set_query(None);
    }
    Some(told)
}

const ALL: [ReferrerPolicy; 8] = [
    ReferrerPolicy::NoReferrer,
    ReferrerPolicy::NoReferrerWhenDowngrade,
    ReferrerPolicy::SameOrigin,
    ReferrerPolicy::Origin,
    ReferrerPolicy::StrictOrigin,
    ReferrerPolicy::OriginWhenCrossOrigin,
    ReferrerPolicy::StrictOriginWhenCrossOrigin,
    ReferrerPolicy::UnsafeUrl,
];

/// A longer referrer is cut down to its origin. W3C Referrer Policy §8.3 step 6.
const LONGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(policy: ReferrerPolicy, referrer: &str, target: &str) -> Option<String> {
        let (referrer, target) = (Url::parse(referrer).unwrap(), Url::parse(target).unwrap());
        referrer_for(policy, Some(&referrer), &target)
    }

    #[test]
    fn each_policy_tells_as_much_as_its_name_says() {
        let (whole, origin) = ("https://a.example/p?q", "https://a.example/");
        let same = "https://a.example/other";
        let cross = "https://b.example/";
        let downgrade = "http://a.example/";
        for (policy, on_same, on_cross, on_downgrade) in [
            (ReferrerPolicy::NoReferrer, None, None, None),
            (ReferrerPolicy::NoReferrerWhenDowngrade, Some(whole), Some(whole), None),
            (ReferrerPolicy::SameOrigin, Some(whole), None, None),
            (ReferrerPolicy::Origin, Some(origin), Some(origin), Some(origin)),
            (ReferrerPolicy::StrictOrigin, Some(origin), Some(origin), None),
            (ReferrerPolicy::OriginWhenCrossOrigin, Some(whole), Some(origin), Some(origin)),
            (ReferrerPolicy::StrictOriginWhenCrossOrigin, Some(whole), Some(origin), None),
            (ReferrerPolicy::UnsafeUrl, Some(whole), Some(whole), Some(whole)),
        ] {
            for (target, expected) in
                [(same, on_same), (cross, on_cross), (downgrade, on_downgrade)]
            {
                assert_eq!(told(policy, whole, target).as_deref(), expected, "{policy} {target}");
            }
        }
    }

    #[test]
    fn an_http_referrer_knows_no_downgrade() {
        for (policy, expected) in [
            (ReferrerPolicy::NoReferrerWhenDowngrade, "http://a.example/p"),
            (ReferrerPolicy::StrictOrigin, "http://a.example/"),
            (ReferrerPolicy::StrictOriginWhenCrossOrigin, "http://a.example/"),
        ] {
            let to = "http://b.example/";
            assert_eq!(told(policy, "http://a.example/p", to).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_referrer_never_carries_user_password_or_fragment() {
        for policy in ALL {
            for target in ["https://a.example/", "https://b.example/", "http://a.example/"] {
                let sent = told(policy, "https://user:secret@a.example:8443/p?q#frag", target);
                if let Some(sent) = sent {
                    assert!(
                        sent.starts_with("https://a.example:8443/"),
                        "{policy} {target}: {sent}"
                    );
                    assert!(!sent.contains('#'), "{policy} {target}: {sent}");
                }
            }
        }
    }

    #[test]
    fn a_referrer_never_goes_from_https_to_http_by_default() {
        let policy = ReferrerPolicy::default();
        assert_eq!(told(policy, "https://a.example/secret", "http://b.example/"), None);
        assert_eq!(told(policy, "https://a.example/secret", "http://localhost/"), None);
    }

    #[test]
    fn a_referrer_over_4096_bytes_becomes_its_origin() {
        let base = "https://a.example/";
        for (length, shortened) in [(4096, false), (4097, true)] {
            let long = format!("{base}{}", "x".repeat(length - base.len()));
            let expected = if shortened { base } else { &long };
            let sent = told(ReferrerPolicy::UnsafeUrl, &long, "https://b.example/");
            assert_eq!(sent.as_deref(), Some(expected), "{length}");
            // The fragment does not count.
            let sent = told(ReferrerPolicy::UnsafeUrl, &format!("{long}#f"), "https://b.example/");
            assert_eq!(sent.as_deref(), Some(expected), "{length} and a fragment");
        }
    }

    #[test]
    fn only_an_http_referrer_is_told() {
        for referrer in ["file:///home/user/x", "data:,x", "app://a/", "about:blank"] {
            assert_eq!(told(ReferrerPolicy::UnsafeUrl, referrer, "https://a.example/"), None);
        }
        let target = Url::parse("https://a.example/").unwrap();
        assert_eq!(referrer_for(ReferrerPolicy::UnsafeUrl, None, &target), None);
    }

    #[test]
    fn the_last_known_token_of_the_header_wins() {
        for (values, expected) in [
            (&[][..], None),
            (&[""], None),
            (&["nonsense"], None),
            (&["origin"], Some(ReferrerPolicy::Origin)),
            (&["no-referrer, unsafe-url"], Some(ReferrerPolicy::UnsafeUrl)),
            (&["no-referrer,\tnewer-policy ,"], Some(ReferrerPolicy::NoReferrer)),
            (&["no-referrer", "same-origin"], Some(ReferrerPolicy::SameOrigin)),
            (&["same-origin", "what"], Some(ReferrerPolicy::SameOrigin)),
            (&["STRICT-Origin"], Some(ReferrerPolicy::StrictOrigin)),
            (&["origin when-cross-origin"], None),
            (&["\u{feff}origin"], None),
        ] {
            let values = values.iter().map(|value| value.as_bytes());
            assert_eq!(ReferrerPolicy::from_header(values.clone()), expected, "{values:?}");
        }
        assert_eq!(
            ReferrerPolicy::from_header([&b"\xff, origin"[..]]),
            Some(ReferrerPolicy::Origin)
        );
    }

    #[test]
    fn a_policy_is_read_back_from_its_token() {
        for policy in ALL {
            assert_eq!(policy.as_str().parse(), Ok(policy));
        }
        assert_eq!("".parse(), Ok(ReferrerPolicy::StrictOriginWhenCrossOrigin));
        assert_eq!("Origin".parse::<ReferrerPolicy>(), Err(UnknownReferrerPolicy));
        assert_eq!(
            UnknownReferrerPolicy.to_string(),
            "referrer policy should be one of no-referrer, no-referrer-when-downgrade, same-origin, \
             origin, strict-origin, origin-when-cross-origin, strict-origin-when-cross-origin, \
             unsafe-url"
        );
    }

    #[test]
    fn a_mebibyte_of_tokens_is_read_in_one_pass() {
        let value = "unknown, ".repeat(120_000) + "origin";
        let values = [value.as_bytes()];
        assert_eq!(ReferrerPolicy::from_header(values), Some(ReferrerPolicy::Origin));
    }
}
