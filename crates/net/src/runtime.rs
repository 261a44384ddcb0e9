//! The clock and the task tracker: the one place that asks for the time or spawns a task.
//!
//! Every task of the engine belongs to a session's [`Tracker`] and ends with it. Rules in
//! `netreq-proto` take the time as a [`Duration`] since the session's epoch, from [`Clock::now`].

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use netreq_proto::cookie::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// The monotonic time.
#[expect(clippy::disallowed_methods, reason = "this is the place the others are sent to")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// The time of day, for what is dated: cookies and HSTS entries.
#[expect(clippy::disallowed_methods, reason = "this is the place the others are sent to")]
pub(crate) fn wall_clock() -> Timestamp {
    SystemTime::now().into()
}

/// Monotonic time since the session began, as the rules want it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { epoch: instant() }
    }

    pub(crate) fn now(&self) -> Duration {
        self.at(instant())
    }

    pub(crate) fn at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.epoch)
    }
}

/// The value behind `mutex`, also after a panic elsewhere: no critical section here leaves a
/// half-made value.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tasks of one session.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    tasks: Mutex<Tasks>,
    /// Changed under the lock of `tasks`; read without it.
    closed: AtomicBool,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Tasks {
    next: u64,
    /// `None` while the task is being spawned.
    live: HashMap<u64, Option<AbortHandle>>,
}

impl Tracker {
    /// Runs `task` on `runtime` until it ends or the session closes.
    ///
    /// Returns false, and drops `task`, when the session is closed already. A runtime that has shut
    /// down drops it too.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        runtime: &Handle,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> bool {
        let id = {
            let mut tasks = lock(&self.tasks);
            if self.is_closed() {
                return false;
            }
            let id = tasks.next;
            tasks.next += 1;
            tasks.live.insert(id, None);
            id
        };
        let place = Place { tracker: Arc::clone(self), id };
        let handle = runtime.spawn(async move {
            let _place = place;
            task.await;
        });
        let mut tasks = lock(&self.tasks);
        let closed = self.is_closed();
        if let Some(slot) = tasks.live.get_mut(&id) {
            *slot = Some(handle.abort_handle());
            if closed {
                handle.abort();
            }
        }
        true
    }

    /// How many tasks are live.
    pub(crate) fn len(&self) -> usize {
        lock(&self.tasks).live.len()
    }

    /// Whether the session has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Ends every task and lets no further one begin.
    pub(crate) fn abort_all(&self) {
        let handles: Vec<AbortHandle> = {
            let tasks = lock(&self.tasks);
            self.closed.store(true, Ordering::Release);
            tasks.live.values().flatten().cloned().collect()
        };
        for handle in handles {
            handle.abort();
        }
    }

    /// Waits until no task is left.
    pub(crate) async fn emptied(&self) {
        loop {
            let notified = self.emptied.notified();
            if self.len() == 0 {
                return;
            }
            notified.await;
        }
    }
}

/// A task's line in the tracker; dropped with the task, however it ends.
struct Place {
    tracker: Arc<Tracker>,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut tasks = lock(&self.tracker.tasks);
        tasks.live.remove(&self.id);
        if tasks.live.is_empty() {
            self.tracker.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn closing_ends_tasks_that_would_wait_for_ever() {
        let (tracker, here) = (Arc::new(Tracker::default()), Handle::current());
        assert!(tracker.spawn(&here, std::future::pending()));
        assert!(tracker.spawn(&here, async {}));
        tracker.abort_all();
        tracker.emptied().await;
        assert_eq!(tracker.len(), 0);
        assert!(!tracker.spawn(&here, std::future::pending()), "a closed tracker takes no task");
    }
}
