//! The handle of a session to the thread that owns its database.
//!
//! Every call leaves something in the queue and wakes the thread; none waits for the disk but those
//! that say so.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use netreq_proto::NetError;
use tokio::sync::oneshot;

use super::disk::Disk;
use super::queue::Shared;
use super::{CookieStore, Loaded, OnEvent, Room, StoreChange, StoreFuture, writer};
use crate::error::Error;
use crate::runtime::lock;

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
    pub(super) shared: Arc<Shared>,
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
pub(super) fn ended() -> Error {
    Error::storage(NetError::Aborted, "the store is closed")
}

/// How long a dropped store is waited for.
const LAST_WRITES: Duration = Duration::from_secs(1);
