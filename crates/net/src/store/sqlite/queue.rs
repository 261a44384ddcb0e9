//! What waits to be written, one entry a row, and who waits for it.
//!
//! This is the meeting place of the session's threads and the store's: short critical sections and
//! no I/O. A later change to a row takes the place of an earlier one, so the queue is at most as
//! long as there are rows.

use std::collections::HashMap;
use std::collections::hash_map;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use netreq_proto::cookie::{CookieKey, Timestamp};
use tokio::sync::oneshot;

use super::{Loaded, OnEvent, StoreChange, StoreOptions, ended};
use crate::error::Error;
use crate::runtime::{instant, lock};

/// The meeting place.
#[derive(Debug)]
pub(super) struct Shared {
    options: StoreOptions,
    queue: Mutex<Queue>,
    /// The store's thread waits here for work.
    work: Condvar,
    /// A dropped store waits here for its thread.
    end: Condvar,
}

#[derive(Default)]
struct Queue {
    pending: HashMap<Key, Entry>,
    /// Since when something is pending.
    since: Option<Instant>,
    /// The last transaction that the session has been told of.
    seen: i64,
    loads: Vec<(OnEvent, oneshot::Sender<Result<Loaded, Error>>)>,
    flushes: Vec<Flush>,
    rooms: Vec<oneshot::Sender<()>>,
    closes: Vec<oneshot::Sender<Result<(), Error>>>,
    /// When to look for other processes' changes; `None` before something was loaded.
    next_look: Option<Instant>,
    retry: Option<Retry>,
    closing: bool,
    ended: bool,
}

/// The last batch could not be written.
#[derive(Clone, Copy, Debug)]
struct Retry {
    at: Instant,
    pause: Duration,
    /// With so many pending, it is tried at once and what need not be written is dropped.
    limit: usize,
}

/// Who waits until everything is on disk.
pub(super) type Flush = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// A change with what its session knew when it was made.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) change: StoreChange,
    /// The last transaction that the session had been told of.
    pub(super) seen: i64,
}

/// What there is to do.
#[derive(Default)]
pub(super) struct Work {
    pub(super) batch: Vec<Entry>,
    pub(super) loads: Vec<(OnEvent, oneshot::Sender<Result<Loaded, Error>>)>,
    pub(super) flushes: Vec<Flush>,
    pub(super) look: bool,
    /// Whether more waits than should after failures, so that the batch has to be thinned.
    pub(super) thin: bool,
    pub(super) closing: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Cookie(CookieKey),
    Hsts(Box<str>),
}

impl Shared {
    pub(super) fn new(options: StoreOptions) -> Self {
        Self { options, queue: Mutex::default(), work: Condvar::new(), end: Condvar::new() }
    }

    /// Takes changes in. The receiver resolves when there is room again.
    pub(super) fn apply(&self, changes: Vec<StoreChange>) -> Option<oneshot::Receiver<()>> {
        let mut queue = lock(&self.queue);
        if queue.closing {
            return None;
        }
        let before = queue.pending.len();
        let seen = queue.seen;
        for change in changes {
            if let Some(change) = self.kept(change) {
                queue.put(Entry { change, seen });
            }
        }
        let now = queue.pending.len();
        if now > 0 && queue.since.is_none() {
            queue.since = Some(instant());
        }
        let wakes = |mark: usize| before < mark && now >= mark;
        if wakes(1) || wakes(LARGEST_BATCH) || queue.retry.is_some_and(|retry| wakes(retry.limit)) {
            self.work.notify_one();
        }
        // While nothing can be written, waiting would be in vain.
        if now < MOST_PENDING || queue.retry.is_some() {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        queue.rooms.push(sender);
        Some(receiver)
    }

    pub(super) fn load(&self, on_event: OnEvent, sender: oneshot::Sender<Result<Loaded, Error>>) {
        let mut queue = lock(&self.queue);
        if queue.closing {
            drop(queue);
            // The caller may have gone.
            let _ = sender.send(Err(ended()));
            return;
        }
        queue.loads.push((on_event, sender));
        self.work.notify_one();
    }

    pub(super) fn flush(&self, flush: Flush) {
        let mut queue = lock(&self.queue);
        if queue.closing {
            drop(queue);
            flush(Err(ended()));
            return;
        }
        queue.flushes.push(flush);
        self.work.notify_one();
    }

    pub(super) fn close(&self, sender: oneshot::Sender<Result<(), Error>>) {
        let mut queue = lock(&self.queue);
        queue.closing = true;
        if !queue.ended {
            queue.closes.push(sender);
        }
        self.work.notify_one();
    }

    /// Ends the store and waits for the last batch, `limit` at most.
    pub(super) fn close_and_wait(&self, limit: Duration) {
        let mut queue = lock(&self.queue);
        queue.closing = true;
        self.work.notify_one();
        let unwritten = !queue.pending.is_empty();
        if unwritten && !queue.ended {
            let waited = self.end.wait_timeout_while(queue, limit, |queue| !queue.ended);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// There is nobody to work: everybody who waits is told so.
    pub(super) fn end(&self, error: &Error) {
        let mut queue = lock(&self.queue);
        queue.closing = true;
        queue.ended = true;
        let queue = std::mem::take(&mut *queue);
        for flush in queue.flushes {
            flush(Err(error.clone()));
        }
        for (_, sender) in queue.loads {
            // The caller may have gone.
            let _ = sender.send(Err(error.clone()));
        }
    }

    /// Waits until there is something to do. Only the store's thread.
    pub(super) fn wait(&self) -> Work {
        let mut queue = lock(&self.queue);
        loop {
            let now = instant();
            let look = queue.next_look.is_some_and(|at| now >= at);
            let thin = queue.retry.is_some_and(|retry| queue.pending.len() >= retry.limit);
            let asked = queue.closing || !queue.flushes.is_empty() || !queue.loads.is_empty();
            let due = self.due(&queue);
            let write = due.is_some_and(|due| now >= due) || thin;
            if asked || look || write {
                return self.take(&mut queue, look, thin, asked || write);
            }
            let next = [queue.next_look, due].into_iter().flatten().min();
            queue = match next {
                None => self.work.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(next) => {
                    let waited = self.work.wait_timeout(queue, next.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// When what is pending has to be written.
    fn due(&self, queue: &Queue) -> Option<Instant> {
        let since = queue.since?;
        Some(match queue.retry {
            Some(retry) => retry.at,
            None if queue.pending.len() >= LARGEST_BATCH => since,
            None => since + self.options.delay,
        })
    }

    fn take(&self, queue: &mut MutexGuard<'_, Queue>, look: bool, thin: bool, write: bool) -> Work {
        if look {
            queue.next_look = Some(instant() + self.options.look);
        }
        let mut work = Work {
            loads: std::mem::take(&mut queue.loads),
            flushes: std::mem::take(&mut queue.flushes),
            look,
            thin,
            closing: queue.closing,
            batch: Vec::new(),
        };
        if write {
            work.batch = queue.pending.drain().map(|(_, entry)| entry).collect();
            queue.since = None;
        }
        work
    }

    /// A batch is on disk by transaction `version`, or there was none.
    pub(super) fn written(&self) {
        let mut queue = lock(&self.queue);
        queue.retry = None;
        queue.make_room();
    }

    /// A batch is not on disk: it comes back behind what was changed since.
    pub(super) fn not_written(&self, batch: Vec<Entry>, thinned: bool) {
        let mut queue = lock(&self.queue);
        for entry in batch {
            queue.put_back(entry);
        }
        let now = instant();
        if !queue.pending.is_empty() && queue.since.is_none() {
            queue.since = Some(now);
        }
        let pause = queue.retry.map_or(FIRST_PAUSE, |retry| (retry.pause * 2).min(LONGEST_PAUSE));
        let limit = match queue.retry {
            Some(retry) if !thinned => retry.limit,
            _ => MOST_PENDING.max(queue.pending.len() * 2),
        };
        queue.retry = Some(Retry { at: now + pause, pause, limit });
        queue.make_room();
    }

    /// Looking for other processes' changes begins.
    pub(super) fn watch(&self) {
        let mut queue = lock(&self.queue);
        queue.next_look.get_or_insert_with(|| instant() + self.options.look);
    }

    /// The session knows everything up to transaction `version` of the database.
    ///
    /// `alone` says that nobody else's changes were among it: then what the session has changed
    /// meanwhile was changed in full knowledge.
    pub(super) fn seen(&self, version: i64, alone: bool) {
        let mut queue = lock(&self.queue);
        let before = std::mem::replace(&mut queue.seen, version);
        if alone {
            for entry in queue.pending.values_mut().filter(|entry| entry.seen == before) {
                entry.seen = version;
            }
        }
    }

    /// Drops from others' changes those that the session has overtaken and not yet written.
    pub(super) fn without_overtaken(&self, changes: &mut Vec<StoreChange>) {
        let queue = lock(&self.queue);
        if queue.pending.is_empty() {
            return;
        }
        changes.retain(|change| {
            let own = queue.pending.get(&key(change));
            own.is_none_or(|own| own.change.time() < change.time())
        });
    }

    /// Makes of all rows on disk all rows there are: with what is pending.
    pub(super) fn with_pending(&self, changes: &mut Vec<StoreChange>) {
        self.without_overtaken(changes);
        let queue = lock(&self.queue);
        let own = queue.pending.values().map(|entry| &entry.change);
        let set = |change: &&StoreChange| {
            matches!(change, StoreChange::SetCookie(_) | StoreChange::SetHsts(..))
        };
        changes.extend(own.filter(set).cloned());
    }

    /// The last word of the store's thread.
    pub(super) fn finish(&self, result: &Result<(), Error>) {
        let mut queue = lock(&self.queue);
        queue.ended = true;
        let closes = std::mem::take(&mut queue.closes);
        queue.make_room();
        self.end.notify_all();
        drop(queue);
        for sender in closes {
            // The caller may have gone.
            let _ = sender.send(result.clone());
        }
    }

    #[cfg(test)]
    pub(super) fn pending(&self) -> usize {
        lock(&self.queue).pending.len()
    }

    /// What is to be written of a change: a session cookie takes the kept one's place in memory
    /// only, and so ends it on disk.
    fn kept(&self, change: StoreChange) -> Option<StoreChange> {
        match change {
            _ if self.options.session_cookies => Some(change),
            StoreChange::SetCookie(cookie) if !cookie.is_persistent() => {
                Some(StoreChange::RemoveCookie(cookie.key(), cookie.last_update()))
            }
            StoreChange::TouchCookie(cookie) if !cookie.is_persistent() => None,
            change => Some(change),
        }
    }
}

impl Queue {
    /// Takes a change in over what is pending for its row.
    fn put(&mut self, entry: Entry) {
        match self.pending.entry(key(&entry.change)) {
            hash_map::Entry::Vacant(place) => {
                place.insert(entry);
            }
            hash_map::Entry::Occupied(mut place) => {
                let Entry { change, seen } = entry;
                let old = place.get_mut();
                match (change, &old.change) {
                    // Used since, with everything else as it was.
                    (StoreChange::TouchCookie(cookie), StoreChange::SetCookie(_)) => {
                        old.change = StoreChange::SetCookie(cookie);
                    }
                    (StoreChange::TouchCookie(_), StoreChange::RemoveCookie(..)) => {}
                    (change, _) => *old = Entry { change, seen },
                }
            }
        }
    }

    /// Takes back a change that is older than what is pending.
    fn put_back(&mut self, entry: Entry) {
        match self.pending.entry(key(&entry.change)) {
            hash_map::Entry::Vacant(place) => {
                place.insert(entry);
            }
            hash_map::Entry::Occupied(mut place) => {
                let newer = std::mem::replace(place.get_mut(), entry);
                self.put(newer);
            }
        }
    }

    fn make_room(&mut self) {
        for sender in self.rooms.drain(..) {
            // Whoever waited may have gone.
            let _ = sender.send(());
        }
    }
}

impl StoreChange {
    /// When it was made.
    pub(super) fn time(&self) -> Timestamp {
        match self {
            Self::SetCookie(cookie) => cookie.last_update(),
            Self::TouchCookie(cookie) => cookie.last_update(),
            Self::RemoveCookie(_, at) => *at,
            Self::SetHsts(_, entry) => Timestamp::from_unix(entry.observed),
            Self::RemoveHsts(_, at) => Timestamp::from_unix(*at),
        }
    }
}

/// Which row it is about.
pub(super) fn key(change: &StoreChange) -> Key {
    match change {
        StoreChange::SetCookie(cookie) | StoreChange::TouchCookie(cookie) => {
            Key::Cookie(cookie.key())
        }
        StoreChange::RemoveCookie(key, _) => Key::Cookie(key.clone()),
        StoreChange::SetHsts(host, _) | StoreChange::RemoveHsts(host, _) => Key::Hsts(host.clone()),
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Queue")
            .field("pending", &self.pending.len())
            .field("seen", &self.seen)
            .field("closing", &self.closing)
            .finish_non_exhaustive()
    }
}

/// So many changes are written at once. Chromium `SQLitePersistentCookieStore` has the same number.
const LARGEST_BATCH: usize = 512;
/// With so many, whoever adds more waits.
const MOST_PENDING: usize = 8_192;
/// Between a failure and the next try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(32);
