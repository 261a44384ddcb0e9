//! Which cookies go when there are too many.
//!
//! A domain may keep 180. One more, and 31 of them go: expired ones first, then by priority, those
//! not used for longest first, so that a server sheds its own cookies and nobody else's. All together
//! 3,300 stay; beyond, cookies go that nobody used for 30 days. Partitioned cookies are counted
//! apart, per partition and domain, and by their bytes.
//!
//! Chromium `CookieMonster::GarbageCollect`. Chromium keeps any number of cookies used within 30
//! days; here twice the limits [`MAX_RECENT`] and [`MAX_PARTITIONED`] hold whatever happens, since
//! any server can invent domains.

use std::collections::HashSet;

use super::shelf::{Entry, Shelf};
use super::{Change, ChangeCause, Jar};
use crate::cookie::{PartitionKey, Priority, Timestamp};

impl Jar {
    /// Makes room after a cookie of `domain` was added.
    pub(super) fn purge(&mut self, domain: &str, now: Timestamp, changes: &mut Vec<Change>) {
        if self.shelf.bucket(domain).len() > MAX_PER_DOMAIN {
            self.shelf.extract(
                domain,
                |cookie| cookie.is_expired(now),
                ChangeCause::Expired,
                changes,
            );
            let victims = victims_of_domain(self.shelf.bucket(domain));
            self.evict(domain, &victims, changes);
        }
        let safe = now.plus_seconds(-SAFE);
        let old = self.earliest_access.is_some_and(|earliest| earliest < safe);
        let count = self.shelf.len();
        if count <= MAX || !(old || count > MAX_RECENT) {
            return;
        }
        self.shelf.extract_all(|entry| entry.cookie.is_expired(now), ChangeCause::Expired, changes);
        let victims = victims_of_all(&self.shelf, safe);
        self.shelf.extract_all(
            |entry| victims.contains(&entry.sequence),
            ChangeCause::Evicted,
            changes,
        );
        self.earliest_access = self.shelf.iter().map(|entry| entry.cookie.last_access()).min();
    }

    fn evict(&mut self, domain: &str, victims: &HashSet<u64>, changes: &mut Vec<Change>) {
        let gone = |entry: &Entry| victims.contains(&entry.sequence);
        self.shelf.extract_entries(domain, gone, ChangeCause::Evicted, changes);
    }

    /// Makes room after a cookie of `domain` was added to a partition.
    pub(super) fn purge_partition(
        &mut self,
        key: &PartitionKey,
        domain: &str,
        now: Timestamp,
        changes: &mut Vec<Change>,
    ) {
        let Some(shelf) = self.partitions.get_mut(key) else { return };
        if is_over(shelf.bucket(domain)) {
            let before = shelf.len();
            shelf.extract(domain, |cookie| cookie.is_expired(now), ChangeCause::Expired, changes);
            let victims = victims_of_partition(shelf.bucket(domain));
            let gone = |entry: &Entry| victims.contains(&entry.sequence);
            shelf.extract_entries(domain, gone, ChangeCause::Evicted, changes);
            self.partitioned -= before - shelf.len();
            self.drop_if_empty(key);
        }
        let count = self.partitioned;
        if count > MAX_PARTITIONED {
            let mut entries: Vec<&Entry> = self.partitions.values().flat_map(Shelf::iter).collect();
            entries.sort_by(|one, other| one.age(other));
            let goal = count - MAX_PARTITIONED + PURGE;
            let victims: HashSet<u64> =
                entries[..goal].iter().map(|entry| entry.sequence).collect();
            for shelf in self.partitions.values_mut() {
                let gone = |entry: &Entry| victims.contains(&entry.sequence);
                shelf.extract_all(gone, ChangeCause::Evicted, changes);
            }
            self.tidy_partitions();
        }
    }
}

/// The cookies of a domain that go, so that 150 stay. None if there are not too many.
///
/// Six rounds, from low priority in the clear to high priority and `Secure`; each leaves as many
/// cookies of its priority as that has a right to. The rights sum up to 150, so the last round ends.
fn victims_of_domain(bucket: &[Entry]) -> HashSet<u64> {
    let mut victims = HashSet::new();
    if bucket.len() <= MAX_PER_DOMAIN {
        return victims;
    }
    let mut left: Vec<&Entry> = bucket.iter().collect();
    left.sort_by(|one, other| one.age(other));
    let mut goal = bucket.len() - (MAX_PER_DOMAIN - PURGE_PER_DOMAIN);
    for (priority, protects_secure) in ROUNDS {
        let quota = quota(priority);
        let of_priority = left.iter().filter(|entry| entry.cookie.priority() == priority);
        let secure = of_priority.clone().filter(|entry| entry.cookie.secure()).count();
        let count = of_priority.count();
        if count <= quota {
            continue;
        }
        let kept = if protects_secure { secure.max(quota) } else { quota };
        let mut may_go = (count - kept).min(goal);
        goal -= may_go;
        left.retain(|entry| {
            let cookie = &entry.cookie;
            let goes = may_go > 0
                && cookie.priority() == priority
                && !(protects_secure && cookie.secure());
            if goes {
                may_go -= 1;
                victims.insert(entry.sequence);
            }
            !goes
        });
    }
    victims
}

/// The cookies of all domains that go, so that 3,000 stay: those in the clear first, and of both
/// kinds only those not used since `safe`, unless there are far too many.
fn victims_of_all(shelf: &Shelf, safe: Timestamp) -> HashSet<u64> {
    let mut victims = HashSet::new();
    if shelf.len() <= MAX {
        return victims;
    }
    let mut entries: Vec<&Entry> = shelf.iter().collect();
    entries.sort_by(|one, other| {
        one.cookie.secure().cmp(&other.cookie.secure()).then_with(|| one.age(other))
    });
    let old = entries.iter().filter(|entry| entry.cookie.last_access() < safe);
    victims.extend(old.take(shelf.len() - (MAX - PURGE)).map(|entry| entry.sequence));
    let left = shelf.len() - victims.len();
    if left > MAX_RECENT {
        entries.retain(|entry| !victims.contains(&entry.sequence));
        entries.sort_by(|one, other| one.age(other));
        victims.extend(entries[..left - MAX_RECENT + PURGE].iter().map(|entry| entry.sequence));
    }
    victims
}

/// The cookies of a domain in one partition that go, so that the rest fits.
fn victims_of_partition(bucket: &[Entry]) -> HashSet<u64> {
    let mut left: Vec<&Entry> = bucket.iter().collect();
    left.sort_by(|one, other| one.age(other));
    let (mut bytes, mut count) = (bytes(bucket), bucket.len());
    let mut victims = HashSet::new();
    for entry in left {
        if bytes <= MAX_PARTITION_BYTES && count <= MAX_PER_DOMAIN {
            break;
        }
        bytes -= size(entry);
        count -= 1;
        victims.insert(entry.sequence);
    }
    victims
}

fn is_over(bucket: &[Entry]) -> bool {
    bucket.len() > MAX_PER_DOMAIN || bytes(bucket) > MAX_PARTITION_BYTES
}

fn bytes(bucket: &[Entry]) -> usize {
    bucket.iter().map(size).sum()
}

/// Name and value.
fn size(entry: &Entry) -> usize {
    entry.cookie.name().len() + entry.cookie.value().len()
}

const fn quota(priority: Priority) -> usize {
    match priority {
        Priority::Low => 30,
        Priority::Medium => 50,
        Priority::High => 70,
    }
}

/// Priority, and whether `Secure` cookies are spared.
const ROUNDS: [(Priority, bool); 6] = [
    (Priority::Low, true),
    (Priority::Low, false),
    (Priority::Medium, true),
    (Priority::High, true),
    (Priority::Medium, false),
    (Priority::High, false),
];

/// Cookies of one registrable domain.
pub(super) const MAX_PER_DOMAIN: usize = 180;
const PURGE_PER_DOMAIN: usize = 30;
/// Cookies of all domains, partitioned ones not counted.
pub(super) const MAX: usize = 3_300;
const PURGE: usize = 300;
/// The same, where all were used within 30 days.
pub(super) const MAX_RECENT: usize = 10_000;
/// Bytes of names and values of one domain in one partition.
pub(super) const MAX_PARTITION_BYTES: usize = 10_240;
/// Cookies of all partitions together.
pub(super) const MAX_PARTITIONED: usize = 10_000;
/// 30 days in seconds: a cookie used since then does not go for those of other domains.
const SAFE: i64 = 30 * 86_400;
