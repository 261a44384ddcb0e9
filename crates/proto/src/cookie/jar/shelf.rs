//! Cookies by registrable domain, each domain's in the order of the wire.
//!
//! Counts are kept as cookies come and go; a domain without cookies is not there.

use std::cmp::{Ordering, Reverse};

use hashbrown::HashMap;

use super::purge::{MAX, MAX_PER_DOMAIN};
use super::{Change, ChangeCause};
use crate::cookie::CanonicalCookie;

/// A cookie in its place.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) cookie: CanonicalCookie,
    /// Settles the order of cookies made at the same moment; no two of a jar share one.
    pub(super) sequence: u64,
    mark: u64,
}

impl Entry {
    pub(super) fn new(cookie: CanonicalCookie, sequence: u64) -> Self {
        let hash = cookie.domain().bytes().rev().fold(SEED, mixed);
        Self { cookie, sequence, mark: bit(hash) }
    }

    /// Whether the domain may be one of those that [`marks`] stands for: most others are told apart
    /// without a look at their text.
    pub(super) const fn is_marked(&self, marks: u64) -> bool {
        self.mark & marks != 0
    }

    /// The order of the wire: longest path first, then the earliest made.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let place = |entry: &Self| {
            let cookie = &entry.cookie;
            (Reverse(cookie.path().len()), cookie.creation(), entry.sequence)
        };
        place(self).cmp(&place(other))
    }

    /// The order of eviction: what was not used for longest first.
    pub(super) fn age(&self, other: &Self) -> Ordering {
        let place =
            |entry: &Self| (entry.cookie.last_access(), entry.cookie.creation(), entry.sequence);
        place(self).cmp(&place(other))
    }
}

/// The cookies of one partition, or the ordinary ones.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    domains: HashMap<Box<str>, Vec<Entry>>,
    count: usize,
}

impl Shelf {
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.domains.values().flatten()
    }

    pub(super) fn bucket(&self, domain: &str) -> &[Entry] {
        self.domains.get(domain).map_or(&[], Vec::as_slice)
    }

    pub(super) fn bucket_mut(&mut self, domain: &str) -> &mut [Entry] {
        self.domains.get_mut(domain).map_or(&mut [], Vec::as_mut_slice)
    }

    /// Puts a cookie where its order says.
    pub(super) fn insert(&mut self, domain: &str, entry: Entry) {
        let bucket = self.domains.entry_ref(domain).or_default();
        let at = bucket.partition_point(|other| other.order(&entry).is_lt());
        bucket.insert(at, entry);
        self.count += 1;
    }

    /// Puts a cookie where its order says, under the last `length` bytes of its domain; answers with
    /// them where there may be too many now.
    pub(super) fn push(&mut self, length: usize, entry: Entry) -> Option<Box<str>> {
        let domain = entry.cookie.domain();
        let domain = &domain[domain.len() - length..];
        let bucket = self.domains.entry_ref(domain).or_default();
        self.count += 1;
        let is_full = bucket.len() >= MAX_PER_DOMAIN || self.count > MAX;
        let domain = is_full.then(|| domain.into());
        let at = bucket.partition_point(|other| other.order(&entry).is_lt());
        bucket.insert(at, entry);
        domain
    }

    /// Takes out the cookie whose place `cookie` takes.
    pub(super) fn take(&mut self, domain: &str, cookie: &CanonicalCookie) -> Option<Entry> {
        let bucket = self.domains.get_mut(domain)?;
        let at = bucket.iter().position(|entry| cookie.takes_the_place_of(&entry.cookie))?;
        let entry = bucket.remove(at);
        self.count -= 1;
        if bucket.is_empty() {
            self.domains.remove(domain);
        }
        Some(entry)
    }

    /// Takes out the cookies of a domain that `gone` names.
    pub(super) fn extract(
        &mut self,
        domain: &str,
        gone: impl Fn(&CanonicalCookie) -> bool,
        cause: ChangeCause,
        changes: &mut Vec<Change>,
    ) {
        self.extract_entries(domain, |entry| gone(&entry.cookie), cause, changes);
    }

    /// As [`Shelf::extract`], by the entry.
    pub(super) fn extract_entries(
        &mut self,
        domain: &str,
        gone: impl Fn(&Entry) -> bool,
        cause: ChangeCause,
        changes: &mut Vec<Change>,
    ) {
        let Some(bucket) = self.domains.get_mut(domain) else { return };
        let before = changes.len();
        changes.extend(ends(bucket, gone, cause));
        self.count -= changes.len() - before;
        if bucket.is_empty() {
            self.domains.remove(domain);
        }
    }

    /// Takes out the cookies of all domains that `gone` names.
    pub(super) fn extract_all(
        &mut self,
        gone: impl Fn(&Entry) -> bool,
        cause: ChangeCause,
        changes: &mut Vec<Change>,
    ) {
        let before = changes.len();
        self.domains.retain(|_, bucket| {
            changes.extend(ends(bucket, &gone, cause));
            !bucket.is_empty()
        });
        self.count -= changes.len() - before;
    }
}

fn ends(
    bucket: &mut Vec<Entry>,
    gone: impl Fn(&Entry) -> bool,
    cause: ChangeCause,
) -> impl Iterator<Item = Change> {
    let gone = bucket.extract_if(.., move |entry| gone(entry));
    gone.map(move |entry| Change { cookie: entry.cookie, cause })
}

/// One bit for every cookie domain that `host` matches: itself, and with a dot in front itself and
/// every name above it. Read from the end, each of them is a beginning of the next.
pub(super) fn marks(host: &str) -> u64 {
    let (mut hash, mut marks) = (SEED, 0);
    for byte in host.bytes().rev() {
        hash = mixed(hash, byte);
        if byte == b'.' {
            marks |= bit(hash);
        }
    }
    marks | bit(hash) | bit(mixed(hash, b'.'))
}

/// FNV-1a: who makes domains meet gains nothing but a look at their text.
const fn mixed(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

const fn bit(hash: u64) -> u64 {
    1 << (hash >> 58)
}

/// The cookies of two buckets in the order of the wire.
pub(super) fn merge<'a>(
    one: &'a mut [Entry],
    other: &'a mut [Entry],
) -> impl Iterator<Item = &'a mut Entry> {
    let (mut one, mut other) = (one.iter_mut().peekable(), other.iter_mut().peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(first), Some(second)) if second.order(first).is_lt() => other.next(),
        (Some(_), _) => one.next(),
        (None, _) => other.next(),
    })
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;
