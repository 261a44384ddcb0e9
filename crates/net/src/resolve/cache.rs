//! What is known of names, and for how long.
//!
//! An entry that does not hold any more is kept until its place is needed: whoever says so may still
//! use it. Chromium `HostCache`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::{DnsQueryType, HostResolverConfig};

/// What an entry answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) host: Box<str>,
    /// `None`: both families.
    pub(super) query_type: Option<DnsQueryType>,
    /// Whether DNS over HTTPS has answered it.
    pub(super) is_secure: bool,
}

/// The answers that were given under one configuration.
#[derive(Debug)]
pub(super) struct HostCache {
    config: Arc<HostResolverConfig>,
    entries: HashMap<Key, Entry>,
}

#[derive(Debug)]
struct Entry {
    addresses: Arc<[IpAddr]>,
    until: Instant,
}

impl HostCache {
    pub(super) fn new(config: Arc<HostResolverConfig>) -> Self {
        Self { config, entries: HashMap::new() }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// The addresses of `key`; those that do not hold any more if `stale`.
    pub(super) fn get(
        &mut self,
        config: &Arc<HostResolverConfig>,
        key: &Key,
        now: Instant,
        stale: bool,
    ) -> Option<Arc<[IpAddr]>> {
        self.follow(config);
        let entry = self.entries.get(key).filter(|entry| stale || now < entry.until)?;
        Some(Arc::clone(&entry.addresses))
    }

    /// Keeps what was found out under `config`.
    pub(super) fn put(
        &mut self,
        config: &Arc<HostResolverConfig>,
        key: Key,
        addresses: Arc<[IpAddr]>,
        (now, ttl): (Instant, Duration),
    ) {
        // An answer to a question from before the change says nothing now.
        if !Arc::ptr_eq(&self.config, config) {
            return;
        }
        if self.entries.len() >= MOST_KNOWN && !self.entries.contains_key(&key) {
            self.entries.retain(|_, entry| now < entry.until);
            if self.entries.len() >= MOST_KNOWN {
                return;
            }
        }
        self.entries.insert(key, Entry { addresses, until: now + ttl });
    }

    /// Forgets what was known under another configuration.
    fn follow(&mut self, config: &Arc<HostResolverConfig>) {
        if !Arc::ptr_eq(&self.config, config) {
            *self = Self::new(Arc::clone(config));
        }
    }
}

/// How long an answer of DNS holds that gives itself `ttl`: not so short that every connection would
/// ask, not so long that a mistake would last. Chromium `HostResolverDnsTask`, `kMinimumTTL`.
#[cfg(any(test, feature = "secure-dns"))]
pub(super) fn bounded(ttl: Duration) -> Duration {
    ttl.clamp(SHORTEST, LONGEST)
}

/// How long an answer of the system holds, which says nothing of it. Chromium `HostResolverManager`,
/// `kCacheEntryTTLSeconds`.
pub(super) const SYSTEM_TTL: Duration = Duration::from_secs(60);
#[cfg(any(test, feature = "secure-dns"))]
const SHORTEST: Duration = Duration::from_secs(60);
#[cfg(any(test, feature = "secure-dns"))]
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Chromium `HostCache`.
const MOST_KNOWN: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::instant;

    fn key(host: &str) -> Key {
        Key { host: host.into(), query_type: None, is_secure: false }
    }

    #[test]
    fn an_answer_holds_for_its_time_and_is_stale_after() {
        let (config, now) = (Arc::default(), instant());
        let mut cache = HostCache::new(Arc::clone(&config));
        let here: Arc<[IpAddr]> = Arc::from([IpAddr::from([192, 0, 2, 1])]);
        let minute = Duration::from_secs(60);
        cache.put(&config, key("a.test"), Arc::clone(&here), (now, minute));
        for (after, stale, expected) in [
            (Duration::ZERO, false, true),
            (minute - Duration::from_nanos(1), false, true),
            (minute, false, false),
            (minute, true, true),
            (100 * minute, true, true),
        ] {
            let found = cache.get(&config, &key("a.test"), now + after, stale);
            assert_eq!(found.is_some(), expected, "{after:?} {stale}");
        }
        let secure = Key { is_secure: true, ..key("a.test") };
        assert_eq!(cache.get(&config, &secure, now, true), None, "who answered counts");
    }

    #[test]
    fn another_configuration_knows_nothing_and_takes_no_late_answer() {
        let (before, after, now) = (Arc::default(), Arc::default(), instant());
        let mut cache = HostCache::new(Arc::clone(&before));
        let here: Arc<[IpAddr]> = Arc::from([IpAddr::from([192, 0, 2, 1])]);
        cache.put(&before, key("a.test"), Arc::clone(&here), (now, SYSTEM_TTL));
        assert_eq!(cache.get(&after, &key("a.test"), now, false), None);
        cache.put(&before, key("b.test"), here, (now, SYSTEM_TTL));
        assert_eq!(cache.get(&after, &key("b.test"), now, false), None);
    }

    #[test]
    fn a_full_cache_drops_what_is_stale_and_then_keeps_what_it_has() {
        let (config, now) = (Arc::default(), instant());
        let mut cache = HostCache::new(Arc::clone(&config));
        let here: Arc<[IpAddr]> = Arc::from([IpAddr::from([192, 0, 2, 1])]);
        for number in 0..=MOST_KNOWN {
            cache.put(&config, key(&number.to_string()), Arc::clone(&here), (now, SYSTEM_TTL));
        }
        let last = key(&MOST_KNOWN.to_string());
        assert_eq!(cache.get(&config, &last, now, false), None);
        cache.put(&config, last.clone(), here, (now + SYSTEM_TTL, SYSTEM_TTL));
        assert!(cache.get(&config, &last, now, false).is_some());
        assert_eq!(cache.entries.len(), 1);
    }

    #[test]
    fn a_ttl_is_a_minute_at_least_and_a_day_at_most() {
        for (ttl, expected) in [(0, 60), (59, 60), (300, 300), (86_400, 86_400), (u64::MAX, 86_400)]
        {
            assert_eq!(bounded(Duration::from_secs(ttl)), Duration::from_secs(expected), "{ttl}");
        }
    }
}
