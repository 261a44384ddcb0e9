//! Which request gets which connection, and when a new one may be dialled.
//!
//! A connection belongs to a group (one way to one origin) and takes one slot while it is dialled,
//! used or idle. Requests bind late: a waiter gets whatever comes first, a connection given back or
//! one freshly dialled, by priority and then in order of arrival. Where every slot is taken, the
//! idle connection unused for longest makes room.
//!
//! The pool opens and closes nothing and knows no address, no lock and no clock: connections and
//! waiters are tokens of the engine, `now` is the time since any fixed point. What the pool no longer
//! keeps lies in [`Pool::take_dead`] until the engine closes it.
//!
//! Chromium `TransportClientSocketPool`.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::hash::Hash;
use std::time::Duration;

use hashbrown::{Equivalent, HashMap};

/// How many connections there may be, and for how long an idle one is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of one group: dialled, in use and idle. Default 6, at least 1.
    pub per_group: usize,
    /// Connections of all groups. Default 256, at least 1.
    pub total: usize,
    /// How long a connection that has carried a request may be idle. Default 300 s.
    ///
    /// Chromium `kUsedIdleSocketTimeout`.
    pub idle: Duration,
    /// How long a connection that nobody has used yet may be idle. Default 10 s.
    pub unused_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_group: 6,
            total: 256,
            idle: Duration::from_secs(300),
            unused_idle: Duration::from_secs(10),
        }
    }
}

/// The slots of one engine: `K` names a group, `C` is a connection, `W` a waiter to wake.
///
/// After [`closed`](Self::closed), [`connect_failed`](Self::connect_failed) and every
/// [`Handed::Closed`] a slot is free: the engine asks [`next_job`](Self::next_job) until it answers
/// `None`. Dropping the pool drops its idle connections and its waiters.
#[derive(Debug)]
pub struct Pool<K, C, W> {
    limits: Limits,
    groups: HashMap<K, Group<C, W>>,
    totals: Counts,
    /// Waiters for whom no dial is under way, in all groups.
    starved: usize,
    next_ticket: u64,
    dead: Vec<C>,
}

/// A waiter's place in the queue of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    priority: Reverse<u8>,
    number: u64,
}

/// What the engine does for a new waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a slot is reserved for the connect job"]
pub enum Start {
    /// Dial now; the outcome goes to [`Pool::connected`] or [`Pool::connect_failed`].
    Connect,
    /// Nothing: a dial already under way serves the waiter, or it waits for a slot.
    Nothing,
}

/// Where a connection went.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the connection inside is counted as active"]
pub enum Handed<C, W> {
    /// To this waiter; it is active. If the waiter is gone, give the connection back again.
    To(W, C),
    /// It is idle until somebody takes it.
    Idle,
    /// It is among the dead, because another group waits for its slot or none is kept idle: ask
    /// [`Pool::next_job`].
    Closed,
}

/// How many connections and waiters there are, in one group or in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections handed out.
    pub active: usize,
    /// Dials under way.
    pub connecting: usize,
    /// Connections kept for the next request.
    pub idle: usize,
    /// Waiters.
    pub waiting: usize,
}

impl<K, C, W> Pool<K, C, W>
where
    K: Hash + Eq + Clone,
{
    /// An empty pool. A limit of zero connections counts as one.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits: Limits {
                per_group: limits.per_group.max(1),
                total: limits.total.max(1),
                ..limits
            },
            groups: HashMap::new(),
            totals: Counts::default(),
            starved: 0,
            next_ticket: 0,
            dead: Vec::new(),
        }
    }

    /// The idle connection of the group that was used last, active from now on.
    ///
    /// Those found on the way that are too old, or of which `is_alive` says no, join the dead. The
    /// warmest connection is the least likely to have been closed by the server meanwhile.
    pub fn take_idle<Q>(
        &mut self,
        key: &Q,
        now: Duration,
        mut is_alive: impl FnMut(&mut C) -> bool,
    ) -> Option<C>
    where
        Q: ?Sized + Hash + Equivalent<K>,
    {
        let group = self.groups.get_mut(key)?;
        while let Some(mut idle) = group.idle.pop() {
            self.totals.idle -= 1;
            if idle.is_fresh(&self.limits, now) && is_alive(&mut idle.connection) {
                group.active += 1;
                self.totals.active += 1;
                return Some(idle.connection);
            }
            self.dead.push(idle.connection);
        }
        if group.is_empty() {
            self.groups.remove(key);
        }
        None
    }

    /// Queues a waiter behind those of the same or a higher priority (0 is the lowest).
    ///
    /// Comes after [`take_idle`](Self::take_idle) has answered `None`. May send the idle connection
    /// that was unused for longest to the dead, when all slots are taken.
    pub fn wait(&mut self, key: &K, priority: u8, waiter: W) -> (Ticket, Start) {
        let ticket = Ticket { priority: Reverse(priority), number: self.next_ticket };
        self.next_ticket += 1;

        let group = self.groups.entry(key.clone()).or_default();
        let place = group.waiting.partition_point(|(other, _)| *other < ticket);
        group.waiting.insert(place, (ticket, waiter));
        self.totals.waiting += 1;
        if group.starved() == 0 {
            return (ticket, Start::Nothing);
        }
        self.starved += 1;
        if !self.makes_room(key) {
            return (ticket, Start::Nothing);
        }
        self.start_job(key);
        (ticket, Start::Connect)
    }

    /// How many dials to start now so that the group has `wanted` connections, whatever their state.
    /// Nothing makes room for them: they are for requests that have not come yet.
    ///
    /// Chromium `ClientSocketPool::RequestSockets`.
    #[must_use = "a slot is reserved for each connect job"]
    pub fn preconnect(&mut self, key: &K, wanted: usize) -> usize {
        let at_hand = self.groups.get(key).map_or(0, Group::slots);
        let jobs = wanted
            .min(self.limits.per_group)
            .saturating_sub(at_hand)
            .min(self.limits.total.saturating_sub(self.totals.slots()));
        if jobs > 0 {
            self.groups.entry(key.clone()).or_default();
        }
        for _ in 0..jobs {
            self.start_job(key);
        }
        jobs
    }

    /// Takes a waiter that gave up out of the queue; `None` when it has been served already.
    ///
    /// A dial begun for it goes on: the connection serves the next waiter or becomes idle.
    pub fn cancel<Q>(&mut self, key: &Q, ticket: Ticket) -> Option<W>
    where
        Q: ?Sized + Hash + Equivalent<K>,
    {
        let group = self.groups.get_mut(key)?;
        let place = group.waiting.binary_search_by_key(&ticket, |(other, _)| *other).ok()?;
        self.starved -= group.starved();
        let (_, waiter) = group.waiting.remove(place)?;
        self.starved += group.starved();
        self.totals.waiting -= 1;
        if group.is_empty() {
            self.groups.remove(key);
        }
        Some(waiter)
    }

    /// A dial succeeded: the connection goes to the first waiter, whoever it was dialled for.
    pub fn connected<Q>(&mut self, key: &Q, connection: C, now: Duration) -> Handed<C, W>
    where
        Q: ?Sized + Hash + Equivalent<K>,
    {
        self.settle(key, connection, now, Came::Dialled)
    }

    /// A dial failed: the first waiter is to hear of it. `None` when all have given up.
    pub fn connect_failed<Q>(&mut self, key: &Q) -> Option<W>
    where
        Q: ?Sized + Hash + Equivalent<K>,
    {
        let group = self.groups.get_mut(key)?;
        debug_assert!(group.connecting > 0, "a job fails once, and only if started");
        self.starved -= group.starved();
        group.connecting -= 1;
        self.totals.connecting -= 1;
        let first = group.waiting.pop_front();
        self.totals.waiting -= usize::from(first.is_some());
        self.starved += group.starved();
        if group.is_empty() {
            self.groups.remove(key);
        }
        first.map(|(_, waiter)| waiter)
    }

    /// An active connection is free for the next request: of the first waiter of its group, else of
    /// whoever comes.
    pub fn give_back<Q>(&mut self, key: &Q, connection: C, now: Duration) -> Handed<C, W>
    where
        Q: ?Sized + Hash + Equivalent<K>,
    {
        self.settle(key, connection, now, Came::Back)
    }

    /// An active connection has ended and left its slot.
    pub fn closed<Q>(&mut self, key: &Q)
    where
        Q: ?Sized + Hash + Equivalent<K>,
    {
        let Some(group) = self.groups.get_mut(key) else {
            debug_assert!(false, "a group lives as long as its connections");
            return;
        };
        debug_assert!(group.active > 0, "a connection ends once");
        group.active -= 1;
        self.totals.active -= 1;
        if group.is_empty() {
            self.groups.remove(key);
        }
    }

    /// The group whose waiter is first among those that a free slot can serve: dial for it now.
    ///
    /// Costs nothing while every waiter has a dial under way.
    #[must_use = "a slot is reserved for the connect job"]
    pub fn next_job(&mut self) -> Option<K> {
        if self.starved == 0 || self.totals.slots() >= self.limits.total {
            return None;
        }
        let (_, key) = self
            .groups
            .iter()
            .filter(|(_, group)| group.slots() < self.limits.per_group)
            .filter_map(|(key, group)| Some((group.first_starved()?, key)))
            .min_by_key(|(ticket, _)| *ticket)?;
        let key = key.clone();
        self.start_job(&key);
        Some(key)
    }

    /// Sends idle connections that are too old, or of which `is_alive` says no, to the dead.
    pub fn expire(&mut self, now: Duration, mut is_alive: impl FnMut(&mut C) -> bool) {
        let limits = self.limits;
        self.sweep(|idle| !idle.is_fresh(&limits, now) || !is_alive(&mut idle.connection));
    }

    /// Sends every idle connection to the dead.
    pub fn close_idle(&mut self) {
        self.sweep(|_| true);
    }

    /// Empties the queues: nobody is to be served any more. Dials under way go on.
    #[must_use = "the waiters are to hear of it"]
    pub fn take_waiting(&mut self) -> Vec<W> {
        let mut waiters = Vec::with_capacity(self.totals.waiting);
        for group in self.groups.values_mut() {
            waiters.extend(group.waiting.drain(..).map(|(_, waiter)| waiter));
        }
        self.groups.retain(|_, group| !group.is_empty());
        self.totals.waiting = 0;
        self.starved = 0;
        waiters
    }

    /// The connections that the pool has let go since the last call, for the engine to close.
    ///
    /// Only [`take_idle`](Self::take_idle), [`wait`](Self::wait), [`expire`](Self::expire),
    /// [`close_idle`](Self::close_idle) and [`Handed::Closed`] add to them.
    #[must_use]
    pub fn take_dead(&mut self) -> Vec<C> {
        std::mem::take(&mut self.dead)
    }

    /// What one group holds.
    #[must_use]
    pub fn counts<Q>(&self, key: &Q) -> Counts
    where
        Q: ?Sized + Hash + Equivalent<K>,
    {
        self.groups.get(key).map_or_else(Counts::default, Group::counts)
    }

    /// What all groups hold.
    #[must_use]
    pub const fn totals(&self) -> Counts {
        self.totals
    }

    /// A connection without a request finds its place.
    fn settle<Q>(&mut self, key: &Q, connection: C, now: Duration, came: Came) -> Handed<C, W>
    where
        Q: ?Sized + Hash + Equivalent<K>,
    {
        let Some(group) = self.groups.get_mut(key) else {
            debug_assert!(false, "a group lives as long as its connections");
            self.dead.push(connection);
            return Handed::Closed;
        };
        self.starved -= group.starved();
        match came {
            Came::Dialled => {
                debug_assert!(group.connecting > 0, "a job succeeds once, and only if started");
                group.connecting -= 1;
                self.totals.connecting -= 1;
            }
            Came::Back => {
                debug_assert!(group.active > 0, "a connection comes back once");
                group.active -= 1;
                self.totals.active -= 1;
            }
        }
        let first = group.waiting.pop_front();
        self.starved += group.starved();
        if let Some((_, waiter)) = first {
            group.active += 1;
            self.totals.active += 1;
            self.totals.waiting -= 1;
            return Handed::To(waiter, connection);
        }
        let kept = match came {
            Came::Dialled => self.limits.unused_idle,
            Came::Back => self.limits.idle,
        };
        if kept.is_zero() {
            self.dead.push(connection);
            self.forget_if_empty(key);
            return Handed::Closed;
        }
        // Its own slot is free by now: only a pool that was full starves another group of it.
        if self.starved > 0
            && self.totals.slots() + 1 >= self.limits.total
            && self.is_group_stalled()
        {
            self.dead.push(connection);
            self.forget_if_empty(key);
            return Handed::Closed;
        }
        if let Some(group) = self.groups.get_mut(key) {
            group.idle.push(Idle { connection, since: now, used: matches!(came, Came::Back) });
            self.totals.idle += 1;
        }
        Handed::Idle
    }

    /// Whether some group waits for nothing but a slot of the total.
    fn is_group_stalled(&self) -> bool {
        self.groups
            .values()
            .any(|group| group.starved() > 0 && group.slots() < self.limits.per_group)
    }

    /// Whether the group may dial, at the cost of an idle connection where need be.
    fn makes_room(&mut self, key: &K) -> bool {
        let Some(group) = self.groups.get_mut(key) else {
            return false;
        };
        if group.slots() >= self.limits.per_group {
            // Idle here only if one came back between `take_idle` and `wait`.
            if group.idle.is_empty() {
                return false;
            }
            self.dead.push(group.idle.remove(0).connection);
            self.totals.idle -= 1;
            return true;
        }
        self.totals.slots() < self.limits.total || self.evicts_oldest_idle()
    }

    fn evicts_oldest_idle(&mut self) -> bool {
        let Some(group) = self
            .groups
            .values_mut()
            .filter(|group| !group.idle.is_empty())
            .min_by_key(|group| group.idle[0].since)
        else {
            return false;
        };
        self.dead.push(group.idle.remove(0).connection);
        self.totals.idle -= 1;
        if group.is_empty() {
            self.groups.retain(|_, group| !group.is_empty());
        }
        true
    }

    fn start_job(&mut self, key: &K) {
        if let Some(group) = self.groups.get_mut(key) {
            // A dial ahead of its request serves no waiter yet.
            self.starved -= group.starved();
            group.connecting += 1;
            self.starved += group.starved();
            self.totals.connecting += 1;
        }
    }

    fn sweep(&mut self, mut goes: impl FnMut(&mut Idle<C>) -> bool) {
        self.groups.retain(|_, group| {
            let gone = group.idle.extract_if(.., |idle| goes(idle));
            self.dead.extend(gone.map(|idle| idle.connection));
            !group.is_empty()
        });
        self.totals.idle = self.groups.values().map(|group| group.idle.len()).sum();
    }

    fn forget_if_empty<Q>(&mut self, key: &Q)
    where
        Q: ?Sized + Hash + Equivalent<K>,
    {
        if self.groups.get(key).is_some_and(Group::is_empty) {
            self.groups.remove(key);
        }
    }
}

/// The connections and waiters of one way to one origin.
#[derive(Debug)]
struct Group<C, W> {
    /// Oldest first.
    idle: Vec<Idle<C>>,
    active: usize,
    connecting: usize,
    /// In the order of their tickets.
    waiting: VecDeque<(Ticket, W)>,
}

impl<C, W> Default for Group<C, W> {
    fn default() -> Self {
        Self { idle: Vec::new(), active: 0, connecting: 0, waiting: VecDeque::new() }
    }
}

impl<C, W> Group<C, W> {
    fn slots(&self) -> usize {
        self.active + self.connecting + self.idle.len()
    }

    /// Waiters beyond those whom the dials under way will serve.
    fn starved(&self) -> usize {
        self.waiting.len().saturating_sub(self.connecting)
    }

    fn first_starved(&self) -> Option<Ticket> {
        self.waiting.get(self.connecting).map(|(ticket, _)| *ticket)
    }

    fn is_empty(&self) -> bool {
        self.slots() == 0 && self.waiting.is_empty()
    }

    fn counts(&self) -> Counts {
        Counts {
            active: self.active,
            connecting: self.connecting,
            idle: self.idle.len(),
            waiting: self.waiting.len(),
        }
    }
}

impl Counts {
    const fn slots(self) -> usize {
        self.active + self.connecting + self.idle
    }
}

#[derive(Debug)]
struct Idle<C> {
    connection: C,
    since: Duration,
    used: bool,
}

impl<C> Idle<C> {
    fn is_fresh(&self, limits: &Limits, now: Duration) -> bool {
        let kept = if self.used { limits.idle } else { limits.unused_idle };
        now.saturating_sub(self.since) < kept
    }
}

/// Where a connection without a request comes from.
#[derive(Clone, Copy)]
enum Came {
    Dialled,
    Back,
}

#[cfg(test)]
mod tests;
