//! Where a session keeps what outlives it: its cookies and HSTS entries.
//!
//! The memory copy is the session's; a store is told what changed there and writes it behind, and
//! tells the session what others changed. [`sqlite`] keeps a partition on disk. Nothing here knows a
//! cookie's rules, or the time of day but to tidy up: rows go in with their dates, and of two changes
//! to one row that did not know of each other the later one stays.

#![cfg_attr(
    not(feature = "persist"),
    allow(dead_code, reason = "without a store nobody makes what it returns")
)]

#[cfg(feature = "persist")]
mod sqlite;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use netreq_proto::UnixTime;
use netreq_proto::cookie::{CanonicalCookie, Change, CookieKey, Timestamp};
use netreq_proto::hsts::{HstsChange, HstsEntry};
use tokio::sync::oneshot;

use crate::error::Error;

#[cfg(feature = "fuzzing")]
pub(crate) use sqlite::fuzzing;
#[cfg(feature = "persist")]
pub use sqlite::{ChromiumCookies, read_chromium_cookies};
#[cfg(feature = "persist")]
pub(crate) use sqlite::{Store, StoreOptions};

/// Where a session keeps what outlives it.
///
/// A session in memory has none. The changes of one batch are kept in any order: each is the whole
/// truth about its row.
pub(crate) trait CookieStore: fmt::Debug + Send + Sync {
    /// Everything that is kept. Begins the store's work; `on_event` is told what happens later, from
    /// whatever thread the store works on, and must not wait for the store.
    ///
    /// # Errors
    ///
    /// Only when the store must not be used at all: its format is newer than this program, or its
    /// place is a trap. What may pass (a full disk, a folder that cannot be read) is an event, and
    /// nothing is loaded.
    fn load(&self, on_event: OnEvent) -> StoreFuture<'_, Loaded>;

    /// Takes changes in, at the call itself. The future waits for room only where too many are
    /// waiting to be written; dropping it loses nothing.
    fn apply(&self, changes: Vec<StoreChange>) -> Room;

    /// Waits until every change taken in before is on disk.
    ///
    /// # Errors
    ///
    /// Why it is not. The changes stay and are tried again.
    fn flush(&self) -> StoreFuture<'_, ()>;

    /// [`flush`](Self::flush) for a thread that may wait, such as one at the end of its process.
    ///
    /// # Errors
    ///
    /// Why not everything is on disk; `ERR_TIMED_OUT` when it is not after `limit`.
    fn flush_blocking(&self, limit: Duration) -> Result<(), Error>;

    /// Writes what is left and ends the store's work. Later changes are dropped.
    ///
    /// # Errors
    ///
    /// Why the last changes are not kept.
    fn close(&self) -> StoreFuture<'_, ()>;
}

/// What the calls of a store return.
pub(crate) type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Whom a store tells what happens.
pub(crate) type OnEvent = Box<dyn FnMut(StoreEvent) + Send>;

/// Resolves when the store has room for more.
#[derive(Debug, Default)]
#[must_use = "waiting for room is what keeps memory bounded"]
pub(crate) struct Room(Option<oneshot::Receiver<()>>);

impl Room {
    /// Waits.
    pub(crate) async fn wait(self) {
        if let Some(receiver) = self.0 {
            // A store that has ended has room for everything: it drops it.
            let _ = receiver.await;
        }
    }
}

/// One thing that changed in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreChange {
    /// The cookie is new or has another value.
    SetCookie(CanonicalCookie),
    /// Only the cookie's date of use is another. Other processes are not told.
    TouchCookie(CanonicalCookie),
    /// The cookie went at that moment.
    RemoveCookie(CookieKey, Timestamp),
    /// The host has this entry.
    SetHsts(Box<str>, HstsEntry),
    /// The host has none since then.
    RemoveHsts(Box<str>, UnixTime),
}

impl StoreChange {
    /// What to keep of a change in the jar.
    pub(crate) fn from_cookie(change: Change, now: Timestamp) -> Self {
        if change.is_removal() {
            Self::RemoveCookie(change.cookie.key(), now)
        } else {
            Self::SetCookie(change.cookie)
        }
    }

    /// What to keep of a change of the HSTS table.
    pub(crate) fn from_hsts(change: HstsChange, now: UnixTime) -> Self {
        match change {
            HstsChange::Set(host, entry) => Self::SetHsts(host, entry),
            HstsChange::Removed(host) => Self::RemoveHsts(host, now),
        }
    }
}

/// What was on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// Expired ones included.
    pub(crate) cookies: Vec<CanonicalCookie>,
    /// Expired ones included.
    pub(crate) hsts: Vec<(Box<str>, HstsEntry)>,
}

/// What happened to a store.
#[derive(Clone, Debug)]
pub(crate) enum StoreEvent {
    /// Other processes have changed these rows: no touches, nothing of our own. A removal counts
    /// for a cookie that was not set later.
    Outside(Vec<StoreChange>),
    /// More has changed than is known one by one: these rows are everything there is, and every
    /// other persistent cookie and every other HSTS entry is gone.
    OutsideWhole(Vec<StoreChange>),
    /// The database could not be read and stands now at `path`; a new one holds the `kept` rows
    /// that could be. A session that goes on should apply what it has in memory again.
    SetAside {
        /// Where the damaged one is.
        path: PathBuf,
        /// What was wrong.
        cause: String,
        /// Rows saved from it.
        kept: usize,
    },
    /// So many rows were no cookie and no HSTS entry, and were passed over.
    Skipped(usize),
    /// Nothing can be kept for now. Said once; the store tries again.
    Failed(Error),
    /// What could not be kept is on disk now.
    Recovered,
}
