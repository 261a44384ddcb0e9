//! The cache mode of a request, and what it tells caches on the way.

use std::{fmt, str::FromStr};

/// How a request stands to caches.
///
/// Fetch §2.2.5, *cache mode*; Electron's option `cache`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CacheMode {
    /// By the rules of HTTP, the default.
    #[default]
    Default,
    /// From the server, and kept nowhere.
    NoStore,
    /// From the server.
    Reload,
    /// What is stored is asked after before it is used.
    NoCache,
    /// What is stored will do, however old.
    ForceCache,
    /// What is stored will do, and where nothing is the request fails with `ERR_CACHE_MISS`.
    OnlyIfCached,
}

impl CacheMode {
    /// Every mode, in Fetch's order.
    pub const ALL: [Self; 6] = [
        Self::Default,
        Self::NoStore,
        Self::Reload,
        Self::NoCache,
        Self::ForceCache,
        Self::OnlyIfCached,
    ];

    /// Fetch's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::NoStore => "no-store",
            Self::Reload => "reload",
            Self::NoCache => "no-cache",
            Self::ForceCache => "force-cache",
            Self::OnlyIfCached => "only-if-cached",
        }
    }

    /// The fields that a request has for it, unless its caller has set them. Fetch,
    /// HTTP-network-or-cache fetch; Chromium `HttpNetworkTransaction`.
    pub fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::NoStore | Self::Reload => {
                &[("Pragma", "no-cache"), ("Cache-Control", "no-cache")]
            }
            Self::NoCache => &[("Cache-Control", "max-age=0")],
            Self::Default | Self::ForceCache | Self::OnlyIfCached => &[],
        }
    }
}

impl FromStr for CacheMode {
    type Err = UnknownCacheMode;

    fn from_str(text: &str) -> Result<Self, UnknownCacheMode> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or(UnknownCacheMode)
    }
}

/// A text that names no cache mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCacheMode;

impl fmt::Display for UnknownCacheMode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(
            "cache mode should be one of default, no-store, reload, no-cache, force-cache or \
             only-if-cached",
        )
    }
}

impl std::error::Error for UnknownCacheMode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_has_fetchs_word_and_says_what_it_has_to() {
        for (word, fields) in [
            ("default", ""),
            ("no-store", "Pragma: no-cache, Cache-Control: no-cache"),
            ("reload", "Pragma: no-cache, Cache-Control: no-cache"),
            ("no-cache", "Cache-Control: max-age=0"),
            ("force-cache", ""),
            ("only-if-cached", ""),
        ] {
            let mode: CacheMode = word.parse().unwrap();
            assert_eq!(mode.as_str(), word);
            let said = mode.fields().iter().map(|(name, value)| format!("{name}: {value}"));
            assert_eq!(said.collect::<Vec<_>>().join(", "), fields, "{word}");
        }
        assert_eq!("No-Store".parse::<CacheMode>(), Err(UnknownCacheMode));
    }
}
