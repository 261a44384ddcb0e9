//! The session's connections: who gets which, who waits, and who dials.
//!
//! The rules are [`netreq_proto::pool`]'s; this room adds the lock, the dialling tasks and the
//! [`Lease`], which brings its connection back, or its slot, however it is dropped. It knows
//! destinations and connections, no URLs and no HTTP.

use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use netreq_proto::Phase;
use netreq_proto::pool::{self, Handed, Limits, Start, Ticket};
use tokio::sync::{oneshot, watch};

use crate::connect::{
    Connect, ConnectLimits, Connection, ConnectionFacts, Destination, DestinationRef,
};
use crate::error::Error;
use crate::runtime::{Clock, Tracker, instant, lock};

type Waiter = oneshot::Sender<Result<Lease, Error>>;
type Slots = pool::Pool<Arc<Destination>, Pooled, Waiter>;

/// A connection that the pool may hand out, with the name of its group.
#[derive(Debug)]
struct Pooled {
    connection: Box<Connection>,
    destination: Arc<Destination>,
    /// When it was last without a request, on the session's clock.
    free_since: Duration,
    /// The pool's `trust` when its dial began.
    trust: u64,
}

/// The pool of one session.
pub(crate) struct Pool {
    slots: Mutex<Slots>,
    connect: ConnectLimits,
    connector: Box<dyn Connect>,
    clock: Clock,
    tracker: Arc<Tracker>,
    is_swept: AtomicBool,
    /// Calls of `start_next_jobs` that have not been answered yet.
    starting: AtomicUsize,
    /// Every connection there is, idle or in use, and some that are gone.
    made: Mutex<Vec<Weak<ConnectionFacts>>>,
    /// How often all connections were closed: a dial begun before that is given up.
    closings: watch::Sender<u64>,
    /// How often whom to trust has changed: connections from before serve no further request.
    trust: AtomicU64,
}

/// A connection in use.
///
/// Dropping it gives the connection back if it stands at the end of an exchange
/// ([`Lease::is_clean`]), and closes it otherwise.
pub(crate) struct Lease {
    pooled: Option<Pooled>,
    /// Whether the next request may follow on this connection.
    pub(crate) is_clean: bool,
    /// When its exchange ended, if it has.
    pub(crate) ended: Option<Instant>,
    pool: Arc<Pool>,
}

impl Pool {
    /// `connect` limits the dials that no single request asked for.
    pub(crate) fn new(
        limits: Limits,
        connect: ConnectLimits,
        connector: Box<dyn Connect>,
        clock: Clock,
        tracker: Arc<Tracker>,
    ) -> Self {
        Self {
            slots: Mutex::new(Slots::new(limits)),
            connect,
            connector,
            clock,
            tracker,
            is_swept: AtomicBool::new(false),
            starting: AtomicUsize::new(0),
            made: Mutex::default(),
            closings: watch::Sender::new(0),
            trust: AtomicU64::new(0),
        }
    }

    /// An idle connection to `to`, if there is a live one. `ask_system` makes sure of it with a
    /// system call, for requests that could not be sent a second time.
    ///
    /// One that has lain longer than a moment is asked about in any case: where the runtime has not
    /// turned meanwhile, it has not seen what the server said unasked, and that would be taken for
    /// the answer to the next request.
    pub(crate) fn idle(
        self: &Arc<Self>,
        to: DestinationRef<'_>,
        now: Instant,
        ask_system: bool,
    ) -> Option<Lease> {
        let now = self.clock.at(now);
        let (taken, dead) = {
            let mut slots = lock(&self.slots);
            let trust = self.trust.load(Ordering::Acquire);
            let taken = slots.take_idle(&to, now, |pooled| {
                // One cut on its way here came too late to be closed with the others.
                if pooled.trust != trust || pooled.connection.facts.cut.is_cut() {
                    return false;
                }
                let ask_system = ask_system || now.saturating_sub(pooled.free_since) > MOMENT;
                pooled.connection.transport.is_quiet(ask_system)
            });
            (taken, slots.take_dead())
        };
        drop(dead);
        Some(self.lease(taken?))
    }

    /// A connection to `to`: whichever comes first, one given back or one dialled.
    ///
    /// Dropping the future leaves the queue; a dial begun for it goes on and its connection serves
    /// the next request.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        to: Arc<Destination>,
        priority: u8,
        limits: ConnectLimits,
    ) -> Result<Lease, Error> {
        let (waiter, relies, mut place) = {
            let (sender, receiver) = oneshot::channel();
            let mut slots = lock(&self.slots);
            // Looked at under the lock, so that `close` finds whoever comes before it in the queue.
            if self.tracker.is_closed() {
                return Err(closed());
            }
            let (ticket, start) = slots.wait(&to, priority, sender);
            let counts = slots.counts(&to);
            // It waits for a dial that another request began, under that one's limits.
            let relies = start == Start::Nothing && counts.connecting >= counts.waiting;
            let dead = slots.take_dead();
            drop(slots);
            drop(dead);
            if start == Start::Connect {
                self.start_job(Arc::clone(&to), limits);
            }
            (receiver, relies, Place { pool: self, destination: &to, ticket: Some(ticket) })
        };
        let patience = limits
            .connect
            .filter(|_| relies)
            .map(|connect| connect.saturating_add(limits.tls.unwrap_or_default()));
        let served = match patience {
            None => waiter.await,
            Some(limit) => match Box::pin(tokio::time::timeout(limit, waiter)).await {
                Ok(served) => served,
                Err(_) => return Err(Error::timed_out(Phase::Connect, "connect")),
            },
        };
        place.ticket = None;
        match served {
            Ok(result) => result,
            // The session closed and dropped its waiters.
            Err(_) => Err(closed()),
        }
    }

    /// Drops whoever waits, and closes what is idle. Comes after the tracker was closed.
    pub(crate) fn close(&self) {
        let waiting = lock(&self.slots).take_waiting();
        drop(waiting);
        self.close_idle();
    }

    /// Closes every connection, whoever uses it: their exchanges fail, as do those who wait and the
    /// dials under way. Whoever comes after makes connections anew.
    pub(crate) fn close_all(&self) {
        self.closings.send_modify(|closings| *closings += 1);
        let waiting = lock(&self.slots).take_waiting();
        drop(waiting);
        self.close_idle();
        let made = std::mem::take(&mut *lock(&self.made));
        for facts in made.iter().filter_map(Weak::upgrade) {
            facts.cut.cut();
        }
    }

    /// Dials until there are `wanted` connections to `to`, for requests that have not come yet.
    pub(crate) fn preconnect(self: &Arc<Self>, to: &Arc<Destination>, wanted: usize) {
        if self.tracker.is_closed() {
            return;
        }
        let jobs = lock(&self.slots).preconnect(to, wanted);
        for _ in 0..jobs {
            self.start_job(Arc::clone(to), self.connect);
        }
    }

    /// Remembers a connection for [`close_all`](Self::close_all).
    fn remember(&self, facts: &Arc<ConnectionFacts>) {
        let mut made = lock(&self.made);
        if made.len() == made.capacity() {
            made.retain(|facts| facts.strong_count() > 0);
        }
        made.push(Arc::downgrade(facts));
    }

    /// Whom to trust has changed: no connection from before serves another request.
    #[cfg(feature = "tls")]
    pub(crate) fn distrust(&self) {
        self.trust.fetch_add(1, Ordering::AcqRel);
        self.close_idle();
    }

    /// Closes what is idle. Connections in use are closed when their exchange ends.
    pub(crate) fn close_idle(&self) {
        let dead = {
            let mut slots = lock(&self.slots);
            slots.close_idle();
            slots.take_dead()
        };
        drop(dead);
    }

    /// Closes idle connections that are too old or that the peer has ended.
    pub(crate) fn sweep(&self) {
        let now = self.clock.now();
        let dead = {
            let mut slots = lock(&self.slots);
            slots.expire(now, |pooled| pooled.connection.transport.is_quiet(false));
            slots.take_dead()
        };
        drop(dead);
    }

    /// What all destinations hold together.
    pub(crate) fn totals(&self) -> pool::Counts {
        lock(&self.slots).totals()
    }

    fn lease(self: &Arc<Self>, pooled: Pooled) -> Lease {
        Lease { pooled: Some(pooled), is_clean: true, ended: None, pool: Arc::clone(self) }
    }

    fn start_job(self: &Arc<Self>, to: Arc<Destination>, limits: ConnectLimits) {
        let runtime = to.runtime.clone();
        let mut closings = self.closings.subscribe();
        let mut job = Job {
            pool: Arc::clone(self),
            to: Some(to),
            begun: *closings.borrow_and_update(),
            trust: self.trust.load(Ordering::Acquire),
        };
        // When the session is closed the task is dropped at once, and with it the job.
        self.tracker.spawn(&runtime, async move {
            if let Some(to) = job.to.as_deref() {
                let outcome = {
                    let mut closing = pin!(closings.changed());
                    let mut connecting = pin!(job.pool.connector.connect(to, limits));
                    poll_fn(|cx| match closing.as_mut().poll(cx) {
                        Poll::Ready(_) => Poll::Ready(Err(closed())),
                        Poll::Pending => connecting.as_mut().poll(cx),
                    })
                    .await
                };
                job.end(outcome);
            }
        });
    }

    /// A connection in use has left the pool.
    fn left(self: &Arc<Self>, destination: &Arc<Destination>) {
        lock(&self.slots).closed(destination);
        self.start_next_jobs();
    }

    fn start_next_jobs(self: &Arc<Self>) {
        // A runtime that has ended drops the job at once, which asks for the next ones again: the
        // outermost call starts them all, one after the other.
        if self.starting.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        loop {
            let asked = self.starting.load(Ordering::Acquire);
            loop {
                let next = lock(&self.slots).next_job();
                match next {
                    Some(to) => self.start_job(to, self.connect),
                    None => break,
                }
            }
            if self.starting.fetch_sub(asked, Ordering::AcqRel) == asked {
                return;
            }
        }
    }

    /// A connection without a request finds its next user, or becomes idle.
    fn settle(self: &Arc<Self>, mut pooled: Pooled, mut came: Came, now: Instant) {
        let now = self.clock.at(now);
        loop {
            pooled.free_since = now;
            let destination = Arc::clone(&pooled.destination);
            let (handed, dead) = {
                let mut slots = lock(&self.slots);
                let handed = match came {
                    Came::Dialled => slots.connected(&destination, pooled, now),
                    Came::Back => slots.give_back(&destination, pooled, now),
                };
                (handed, slots.take_dead())
            };
            came = Came::Back;
            drop(dead);
            match handed {
                Handed::Idle => {
                    self.keep_swept(&destination);
                    // The session may have closed since the connection was on its way here.
                    if self.tracker.is_closed() {
                        self.close_idle();
                    }
                    return;
                }
                Handed::Closed => return self.start_next_jobs(),
                Handed::To(waiter, next) => match waiter.send(Ok(self.lease(next))) {
                    // Whoever waited has gone: the next one, please.
                    Err(Ok(mut lease)) => match lease.pooled.take() {
                        Some(back) => pooled = back,
                        None => return,
                    },
                    Ok(()) | Err(Err(_)) => return,
                },
            }
        }
    }

    /// Sees to it that idle connections are looked at now and then, as long as there are any.
    fn keep_swept(self: &Arc<Self>, destination: &Destination) {
        if self.is_swept.load(Ordering::Acquire) || self.is_swept.swap(true, Ordering::AcqRel) {
            return;
        }
        let sweep = Sweep(Arc::downgrade(self));
        self.tracker.spawn(&destination.runtime, async move {
            loop {
                tokio::time::sleep(SWEEP_EVERY).await;
                let Some(pool) = sweep.0.upgrade() else { return };
                pool.sweep();
                if pool.totals().idle == 0 {
                    return;
                }
            }
        });
    }
}

fn closed() -> Error {
    Error::new(netreq_proto::NetError::Aborted, Phase::Connect)
        .with_source("the session closed its connections")
}

/// The sweeping task's claim to be the only one.
struct Sweep(Weak<Pool>);

impl Drop for Sweep {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.is_swept.store(false, Ordering::Release);
        }
    }
}

/// How a connection came to be without a request.
#[derive(Clone, Copy)]
enum Came {
    Dialled,
    Back,
}

/// A waiter's place in the queue, left when the future is dropped.
struct Place<'a> {
    pool: &'a Arc<Pool>,
    destination: &'a Arc<Destination>,
    ticket: Option<Ticket>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let waiter = lock(&self.pool.slots).cancel(self.destination, ticket);
            drop(waiter);
        }
    }
}

/// A dial under way; dropped before its end it counts as failed.
struct Job {
    pool: Arc<Pool>,
    to: Option<Arc<Destination>>,
    /// The pool's `closings` when it began.
    begun: u64,
    /// The pool's `trust` when it began.
    trust: u64,
}

impl Job {
    fn end(&mut self, outcome: Result<Connection, Error>) {
        let Some(to) = self.to.take() else { return };
        let pool = &self.pool;
        if let Ok(connection) = &outcome {
            pool.remember(&connection.facts);
        }
        // Looked at after it is remembered: one of the two finds it.
        let is_late = *pool.closings.borrow() != self.begun
            || pool.trust.load(Ordering::Acquire) != self.trust;
        if is_late && lock(&pool.slots).counts(&to).waiting > 0 {
            // Whoever waits may have come after everything was closed, or after it has changed whom to
            // trust, and is owed a dial of its own.
            drop(outcome);
            return pool.start_job(to, pool.connect);
        }
        let outcome = if is_late { Err(closed()) } else { outcome };
        match outcome {
            Ok(connection) => {
                let pooled = Pooled {
                    connection: Box::new(connection),
                    destination: to,
                    free_since: Duration::ZERO,
                    trust: self.trust,
                };
                pool.settle(pooled, Came::Dialled, instant());
            }
            Err(error) => {
                let waiter = lock(&pool.slots).connect_failed(&to);
                if let Some(waiter) = waiter {
                    // Whoever waited may have gone.
                    let _ = waiter.send(Err(error));
                }
                pool.start_next_jobs();
            }
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.to.is_some() {
            self.end(Err(Error::new(netreq_proto::NetError::Aborted, Phase::Connect)
                .with_source("the session or its runtime ended")));
        }
    }
}

impl Lease {
    pub(crate) fn is_reused(&self) -> bool {
        self.uses > 0
    }

    /// Takes the connection out of the pool for good: it will speak another protocol.
    pub(crate) fn into_connection(mut self) -> Option<Box<Connection>> {
        let pooled = self.pooled.take()?;
        self.pool.left(&pooled.destination);
        Some(pooled.connection)
    }
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.pooled.as_ref().expect("a lease holds its connection until it is consumed").connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self
            .pooled
            .as_mut()
            .expect("a lease holds its connection until it is consumed")
            .connection
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut pooled) = self.pooled.take() else { return };
        let may_stay = self.is_clean
            && pooled.connection.buffer.is_empty()
            && !pooled.connection.facts.cut.is_cut()
            && pooled.trust == self.pool.trust.load(Ordering::Acquire)
            && !self.pool.tracker.is_closed()
            // Whoever waits takes it without another look; an idle one is looked at when it is taken.
            && (self.pool.totals().waiting == 0 || pooled.connection.transport.is_quiet(true));
        if may_stay {
            let now = self.ended.unwrap_or_else(instant);
            self.pool.settle(pooled, Came::Back, now);
        } else {
            let Pooled { connection, destination, .. } = pooled;
            drop(connection);
            self.pool.left(&destination);
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("pooled", &self.pooled)
            .field("is_clean", &self.is_clean)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("totals", &self.totals()).finish_non_exhaustive()
    }
}

/// Requests that follow each other closer than this pay for no system call.
const MOMENT: Duration = Duration::from_millis(1);

/// Chromium looks at idle sockets every ten seconds (`kCleanupInterval`).
const SWEEP_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
