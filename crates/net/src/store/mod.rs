//! The cookies and HSTS entries of one partition, on disk.
//!
//! The memory copy is the session's; this room is told what changed there and writes it behind. A
//! [`Store`] is a handle to one thread that owns one SQLite database: changes are kept per cookie
//! until the thread commits them, at most a second later, and a flush is answered when everything
//! before it is on disk. Several processes may share one folder: the thread looks for their changes
//! and tells the session.
//!
//! Nothing here knows a cookie's rules or the time of day: rows go in with their dates, and of two
//! changes to one row that did not know of each other the later one stays.

mod database;
mod disk;
mod failure;
mod files;
mod queue;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use netreq_proto::cookie::{CanonicalCookie, Change, CookieKey, Timestamp};
use netreq_proto::hsts::{HstsChange, HstsEntry};
use netreq_proto::{NetError, UnixTime};
use tokio::sync::oneshot;

use crate::error::Error;
use crate::runtime::lock;

use disk::Disk;
use queue::Shared;

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
#[derive(Debug)]
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

/// What a store is told once.
#[derive(Clone, Debug)]
pub(crate) struct StoreOptions {
    /// Whether session cookies are kept too. Default no: those on disk are deleted.
    pub(crate) session_cookies: bool,
    /// How old an unwritten change may become. Default 800 ms, which leaves the commit a share of
    /// its second.
    pub(crate) delay: Duration,
    /// How often other processes' changes are looked for. Default 900 ms.
    pub(crate) look: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            session_cookies: false,
            delay: Duration::from_millis(800),
            look: Duration::from_millis(900),
        }
    }
}

/// A partition's database, as its session holds it.
///
/// Nothing is opened and no thread runs before the first call. A database that does not exist is
/// made when there is a cookie or an entry to keep. Dropping the store ends its thread; changes that
/// are not on disk yet are waited for, a second at most.
pub(crate) struct Store {
    shared: Arc<Shared>,
    thread: Mutex<Thread>,
}

enum Thread {
    /// Nothing was asked for yet.
    Idle(Disk),
    Running(JoinHandle<()>),
    Ended,
}

impl Store {
    /// A store in `folder`, which is made (for its owner alone) when there is something to keep.
    pub(crate) fn new(folder: PathBuf, options: StoreOptions) -> Self {
        let disk = Disk::new(folder, options.session_cookies);
        Self { shared: Arc::new(Shared::new(options)), thread: Mutex::new(Thread::Idle(disk)) }
    }

    /// Begins the thread, once.
    fn start(&self) {
        let mut thread = lock(&self.thread);
        let disk = match std::mem::replace(&mut *thread, Thread::Ended) {
            Thread::Idle(disk) => disk,
            other => {
                *thread = other;
                return;
            }
        };
        let shared = Arc::clone(&self.shared);
        let builder = std::thread::Builder::new().name("netreq-store".into());
        match builder.spawn(move || writer::run(&shared, disk)) {
            Ok(handle) => *thread = Thread::Running(handle),
            Err(cause) => {
                self.shared.end(&Error::storage(NetError::InsufficientResources, cause));
            }
        }
    }
}

impl CookieStore for Store {
    fn load(&self, on_event: OnEvent) -> StoreFuture<'_, Loaded> {
        let (sender, receiver) = oneshot::channel();
        self.shared.load(on_event, sender);
        self.start();
        Box::pin(async move { receiver.await.unwrap_or_else(|_| Err(ended())) })
    }

    fn apply(&self, changes: Vec<StoreChange>) -> Room {
        let room = self.shared.apply(changes);
        self.start();
        Room(room)
    }

    fn flush(&self) -> StoreFuture<'_, ()> {
        let (sender, receiver) = oneshot::channel();
        self.shared.flush(Box::new(move |result| {
            // Whoever waited may have gone.
            let _ = sender.send(result);
        }));
        self.start();
        Box::pin(async move { receiver.await.unwrap_or_else(|_| Err(ended())) })
    }

    fn flush_blocking(&self, limit: Duration) -> Result<(), Error> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.shared.flush(Box::new(move |result| {
            // Whoever waited may have gone.
            let _ = sender.try_send(result);
        }));
        self.start();
        receiver.recv_timeout(limit).unwrap_or_else(|_| {
            Err(Error::storage(NetError::TimedOut, "the store did not write in time"))
        })
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        let (sender, receiver) = oneshot::channel();
        self.shared.close(sender);
        self.start();
        Box::pin(async move {
            let result = receiver.await.unwrap_or(Ok(()));
            let thread = std::mem::replace(&mut *lock(&self.thread), Thread::Ended);
            if let Thread::Running(handle) = thread {
                // It has said its last word, so this does not wait. A panic has been reported.
                let _ = handle.join();
            }
            result
        })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Thread::Running(_) = &*lock(&self.thread) {
            self.shared.close_and_wait(LAST_WRITES);
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Store").finish_non_exhaustive()
    }
}

/// What a call on a store gets that has ended.
fn ended() -> Error {
    Error::storage(NetError::Aborted, "the store is closed")
}

/// How long a dropped store is waited for.
const LAST_WRITES: Duration = Duration::from_secs(1);
