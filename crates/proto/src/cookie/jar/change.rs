//! What happened to cookies, and which ones an application asks for.

use url::Url;

use crate::cookie::{CanonicalCookie, domain_key, is_domain_match};
use crate::origin::Origin;

/// One thing that happened to one cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The cookie as it is now, or as it was when it went.
    pub cookie: CanonicalCookie,
    /// What happened.
    pub cause: ChangeCause,
}

impl Change {
    /// Whether the cookie is gone.
    pub const fn is_removal(&self) -> bool {
        self.cause.is_removal()
    }
}

/// What happened to a cookie.
///
/// Chromium `CookieChangeCause`; the words of [`ChangeCause::as_str`] are Electron's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeCause {
    /// It is new, or has another value than the one it replaced.
    Inserted,
    /// It replaced one that was the same to everybody.
    InsertedNoChangeOverwrite,
    /// It replaced one of the same value; something else is different.
    InsertedNoValueChangeOverwrite,
    /// An application removed it.
    Explicit,
    /// Another took its place.
    Overwrite,
    /// Its time has come.
    Expired,
    /// There were too many.
    Evicted,
    /// One that had already expired took its place.
    ExpiredOverwrite,
}

impl ChangeCause {
    /// Every cause.
    pub const ALL: [Self; 8] = [
        Self::Inserted,
        Self::InsertedNoChangeOverwrite,
        Self::InsertedNoValueChangeOverwrite,
        Self::Explicit,
        Self::Overwrite,
        Self::Expired,
        Self::Evicted,
        Self::ExpiredOverwrite,
    ];

    /// Whether the cookie is gone.
    pub const fn is_removal(self) -> bool {
        match self {
            Self::Inserted
            | Self::InsertedNoChangeOverwrite
            | Self::InsertedNoValueChangeOverwrite => false,
            Self::Explicit
            | Self::Overwrite
            | Self::Expired
            | Self::Evicted
            | Self::ExpiredOverwrite => true,
        }
    }

    /// The cause of Electron's event `changed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inserted => "inserted",
            Self::InsertedNoChangeOverwrite => "inserted-no-change-overwrite",
            Self::InsertedNoValueChangeOverwrite => "inserted-no-value-change-overwrite",
            Self::Explicit => "explicit",
            Self::Overwrite => "overwrite",
            Self::Expired => "expired",
            Self::Evicted => "evicted",
            Self::ExpiredOverwrite => "expired-overwrite",
        }
    }
}

/// Which cookies an application asks for. What is not set lets everything pass.
///
/// Electron `cookies.get`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Those that a request for this URL carries, if nothing else keeps them back: `HttpOnly` ones
    /// and those of all partitions too.
    pub url: Option<&'a Url>,
    /// Those of this name.
    pub name: Option<&'a [u8]>,
    /// Those that a request to this host carries; a dot in front means nothing.
    pub domain: Option<&'a str>,
    /// Those of exactly this path.
    pub path: Option<&'a str>,
    /// Those that are, or are not, `Secure`.
    pub secure: Option<bool>,
    /// Those that do, or do not, end with the session.
    pub session: Option<bool>,
    /// Those that are, or are not, `HttpOnly`.
    pub http_only: Option<bool>,
}

impl Filter<'_> {
    /// Whether a cookie passes, the URL left aside.
    pub fn passes(&self, cookie: &CanonicalCookie) -> bool {
        let host = self.domain.map(|domain| domain.strip_prefix('.').unwrap_or(domain));
        self.name.is_none_or(|name| name == cookie.name())
            && self.path.is_none_or(|path| path == cookie.path())
            && host.is_none_or(|host| is_domain_match(cookie.domain(), host))
            && self.secure.is_none_or(|secure| secure == cookie.secure())
            && self.session.is_none_or(|session| session != cookie.is_persistent())
            && self.http_only.is_none_or(|http_only| http_only == cookie.http_only())
    }
}

/// Whose data to remove. An origin stands for its whole registrable domain, in all partitions.
#[derive(Clone, Copy, Debug)]
pub enum Clear<'a> {
    /// Everybody's.
    All,
    /// That of these.
    Origins(&'a [Origin]),
    /// That of everybody but these.
    AllBut(&'a [Origin]),
}

impl Clear<'_> {
    /// Whether the data of a host or a cookie's domain goes.
    pub(crate) fn goes(self) -> impl Fn(&str) -> bool {
        let (named, is_spared) = match self {
            Self::All => (&[][..], true),
            Self::Origins(origins) => (origins, false),
            Self::AllBut(origins) => (origins, true),
        };
        let keys: Vec<String> = named
            .iter()
            .filter_map(|origin| match origin {
                Origin::Tuple { host, .. } => Some(domain_key(&host.to_string()).to_owned()),
                Origin::Opaque => None,
            })
            .collect();
        move |domain| is_spared != keys.iter().any(|key| key == domain_key(domain))
    }
}
