//! The pool's rules one by one, and all of them together over long random sequences of events.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

type TestPool = Pool<&'static str, u32, &'static str>;

fn pool(per_group: usize, total: usize) -> TestPool {
    Pool::new(Limits { per_group, total, ..Limits::default() })
}

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Dials for a waiter and hands it connection `name`.
fn dial(pool: &mut TestPool, key: &'static str, name: u32) {
    assert_eq!(pool.wait(&key, 0, "dialling").1, Start::Connect);
    assert_eq!(pool.connected(key, name, at(0)), Handed::To("dialling", name));
}

#[test]
fn the_connection_used_last_is_taken_first() {
    let mut pool = pool(6, 256);
    dial(&mut pool, "a", 1);
    dial(&mut pool, "a", 2);
    assert_eq!(pool.give_back("a", 2, at(1)), Handed::Idle);
    assert_eq!(pool.give_back("a", 1, at(2)), Handed::Idle);

    assert_eq!(pool.take_idle("b", at(3), |_| true), None);
    assert_eq!(pool.take_idle("a", at(3), |_| true), Some(1));
    assert_eq!(pool.take_idle("a", at(3), |_| true), Some(2));
    assert_eq!(pool.take_idle("a", at(3), |_| true), None);
    assert_eq!(pool.counts("a"), Counts { active: 2, ..Counts::default() });
    assert_eq!(pool.take_dead(), []);
}

#[test]
fn idle_connections_end_after_300_s_and_unused_ones_after_10_s() {
    for (used, seconds, kept) in
        [(true, 299, true), (true, 300, false), (false, 9, true), (false, 10, false)]
    {
        for sweeps in [false, true] {
            let mut pool = pool(6, 256);
            let (ticket, start) = pool.wait(&"a", 0, "waiter");
            assert_eq!(start, Start::Connect);
            if used {
                assert_eq!(pool.connected("a", 1, at(0)), Handed::To("waiter", 1));
                assert_eq!(pool.give_back("a", 1, at(0)), Handed::Idle);
            } else {
                assert_eq!(pool.cancel("a", ticket), Some("waiter"));
                assert_eq!(pool.cancel("a", ticket), None);
                assert_eq!(pool.connected("a", 1, at(0)), Handed::Idle);
            }
            if sweeps {
                pool.expire(at(seconds), |_| true);
            }
            let found = pool.take_idle("a", at(seconds), |_| true);
            assert_eq!(found, kept.then_some(1), "{used} {seconds} {sweeps}");
            assert_eq!(pool.take_dead().len(), usize::from(!kept));
            assert_eq!(pool.groups.len(), usize::from(kept));
        }
    }
}

#[test]
fn a_connection_that_died_while_idle_is_passed_over() {
    let mut pool = pool(6, 256);
    for name in 1..=3 {
        dial(&mut pool, "a", name);
    }
    for name in 1..=3 {
        assert_eq!(pool.give_back("a", name, at(0)), Handed::Idle);
    }
    assert_eq!(pool.take_idle("a", at(1), |name| *name == 1), Some(1));
    assert_eq!(pool.take_dead(), [3, 2]);
    assert_eq!(pool.totals(), Counts { active: 1, ..Counts::default() });
    pool.closed("a");
    assert!(pool.groups.is_empty());
}

#[test]
fn waiters_are_served_by_priority_and_then_in_order() {
    let mut pool = pool(1, 256);
    dial(&mut pool, "a", 1);
    for (priority, name) in [(1, "second"), (0, "last"), (1, "third"), (9, "first")] {
        assert_eq!(pool.wait(&"a", priority, name).1, Start::Nothing);
    }
    for name in ["first", "second", "third", "last"] {
        assert_eq!(pool.give_back("a", 1, at(1)), Handed::To(name, 1));
    }
    assert_eq!(pool.give_back("a", 1, at(1)), Handed::Idle);
}

#[test]
fn a_waiter_takes_whatever_connection_comes_first() {
    let mut pool = pool(6, 256);
    dial(&mut pool, "a", 1);
    assert_eq!(pool.wait(&"a", 0, "early").1, Start::Connect);
    assert_eq!(pool.give_back("a", 1, at(1)), Handed::To("early", 1));
    // The dial begun for it serves the next waiter, who needs none of its own.
    assert_eq!(pool.wait(&"a", 0, "late").1, Start::Nothing);
    assert_eq!(pool.connected("a", 2, at(1)), Handed::To("late", 2));
}

#[test]
fn the_seventh_request_to_a_group_waits_for_a_slot_of_the_group() {
    let mut pool = pool(6, 256);
    for name in 1..=6 {
        dial(&mut pool, "a", name);
    }
    assert_eq!(pool.wait(&"a", 0, "seventh").1, Start::Nothing);
    assert_eq!(pool.next_job(), None);
    dial(&mut pool, "b", 7);
    pool.closed("a");
    assert_eq!(pool.next_job(), Some("a"));
    assert_eq!(pool.next_job(), None);
    assert_eq!(pool.connect_failed("a"), Some("seventh"));
}

#[test]
fn a_full_pool_gives_up_the_connection_unused_for_longest() {
    let mut pool = pool(6, 2);
    dial(&mut pool, "a", 1);
    dial(&mut pool, "b", 2);
    assert_eq!(pool.give_back("b", 2, at(1)), Handed::Idle);
    assert_eq!(pool.give_back("a", 1, at(2)), Handed::Idle);
    assert_eq!(pool.wait(&"c", 0, "c").1, Start::Connect);
    assert_eq!(pool.take_dead(), [2]);
    assert_eq!(pool.counts("b"), Counts::default());
    assert_eq!(pool.groups.len(), 2);
}

#[test]
fn a_connection_given_back_makes_room_for_a_stalled_group() {
    let mut pool = pool(6, 2);
    dial(&mut pool, "a", 1);
    dial(&mut pool, "a", 2);
    assert_eq!(pool.wait(&"b", 0, "b").1, Start::Nothing);
    assert_eq!(pool.wait(&"c", 5, "c").1, Start::Nothing);
    assert_eq!(pool.next_job(), None);
    assert_eq!(pool.give_back("a", 1, at(1)), Handed::Closed);
    assert_eq!(pool.take_dead(), [1]);
    assert_eq!(pool.next_job(), Some("c"));
    assert_eq!(pool.next_job(), None);
    pool.closed("a");
    assert_eq!(pool.next_job(), Some("b"));
    assert_eq!(pool.counts("a"), Counts::default());
}

#[test]
fn an_idle_time_of_zero_keeps_nothing() {
    let limits = Limits { idle: at(0), unused_idle: at(0), ..Limits::default() };
    let mut pool = TestPool::new(limits);
    dial(&mut pool, "a", 1);
    assert_eq!(pool.give_back("a", 1, at(1)), Handed::Closed);
    let (ticket, _) = pool.wait(&"a", 0, "gone");
    assert_eq!(pool.cancel("a", ticket), Some("gone"));
    assert_eq!(pool.connected("a", 2, at(1)), Handed::Closed);
    assert_eq!(pool.take_dead(), [1, 2]);
    assert_eq!(pool.totals(), Counts::default());

    dial(&mut pool, "a", 3);
    let _ = pool.wait(&"a", 0, "next");
    assert_eq!(pool.give_back("a", 3, at(1)), Handed::To("next", 3), "but who waits is served");
}

#[test]
fn emptied_queues_leave_connections_and_dials() {
    let mut pool = pool(1, 2);
    dial(&mut pool, "a", 1);
    for (key, waiter) in [("a", "first"), ("a", "second"), ("b", "third"), ("c", "fourth")] {
        let _ = pool.wait(&key, 0, waiter);
    }
    let mut waiters = pool.take_waiting();
    waiters.sort_unstable();
    assert_eq!(waiters, ["first", "fourth", "second", "third"]);
    assert_eq!(pool.totals(), Counts { active: 1, connecting: 1, ..Counts::default() });
    assert_eq!(pool.next_job(), None);
    assert_eq!(pool.connect_failed("b"), None);
    pool.closed("a");
    assert_eq!(pool.totals(), Counts::default());
}

#[test]
fn closing_idle_connections_leaves_active_ones() {
    let mut pool = pool(6, 256);
    dial(&mut pool, "a", 1);
    dial(&mut pool, "a", 2);
    dial(&mut pool, "b", 3);
    assert_eq!(pool.give_back("a", 1, at(0)), Handed::Idle);
    assert_eq!(pool.give_back("b", 3, at(0)), Handed::Idle);
    pool.close_idle();
    let dead: BTreeSet<u32> = pool.take_dead().into_iter().collect();
    assert_eq!(dead, BTreeSet::from([1, 3]));
    assert_eq!(pool.totals(), Counts { active: 1, ..Counts::default() });
    assert_eq!(pool.groups.len(), 1);
}

#[test]
fn dials_ahead_of_requests_fill_a_group_and_serve_whoever_comes() {
    let mut pool = pool(4, 6);
    assert_eq!(pool.preconnect(&"a", 2), 2);
    assert_eq!(pool.preconnect(&"a", 2), 0, "they are under way");
    assert_eq!(pool.connected("a", 1, at(0)), Handed::Idle);
    assert_eq!(pool.preconnect(&"a", 3), 1);
    assert_eq!(pool.preconnect(&"a", 9), 1, "no more than a group may have");
    assert_eq!(pool.preconnect(&"b", 9), 2, "no more than there may be in all");
    assert_eq!(pool.preconnect(&"c", 1), 0);
    assert_eq!(pool.counts("c"), Counts::default());

    assert_eq!(pool.take_idle("a", at(0), |_| true), Some(1));
    assert_eq!(pool.wait(&"a", 0, "first").1, Start::Nothing, "a dial is there already");
    assert_eq!(pool.next_job(), None);
    assert_eq!(pool.connected("a", 2, at(0)), Handed::To("first", 2));
    assert_eq!(pool.wait(&"a", 0, "second").1, Start::Nothing);
    assert_eq!(pool.connect_failed("a"), Some("second"));
    let counts = Counts { active: 2, connecting: 1, idle: 0, waiting: 0 };
    assert_eq!(pool.counts("a"), counts);
}

/// What an engine sees of a pool, kept beside it to compare.
struct Engine {
    pool: Pool<u8, u32, u32>,
    random: u64,
    now: Duration,
    next_name: u32,
    active: BTreeSet<(u8, u32)>,
    idle: BTreeSet<u32>,
    connecting: BTreeMap<u8, usize>,
    waiting: BTreeMap<u32, (u8, Ticket)>,
}

impl Engine {
    fn below(&mut self, bound: u64) -> u64 {
        // xorshift64: any sequence does, as long as it is the same on every run.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.below(from.len() as u64) as usize])
    }

    fn placed(&mut self, key: u8, name: u32, handed: Handed<u32, u32>) {
        match handed {
            Handed::To(waiter, connection) => {
                assert_eq!(connection, name);
                assert_eq!(self.waiting.remove(&waiter).map(|(group, _)| group), Some(key));
                assert!(self.active.insert((key, connection)));
            }
            Handed::Idle | Handed::Closed => assert!(self.idle.insert(name)),
        }
    }

    fn step(&mut self) {
        let passed = Duration::from_millis(self.below(4000));
        self.now += passed;
        let active: Vec<_> = self.active.iter().copied().collect();
        let dials: Vec<u8> = self.connecting.keys().copied().collect();
        match self.below(18) {
            0..=5 => {
                let key = self.below(6) as u8;
                let dies = self.below(8) == 0;
                if let Some(name) = self.pool.take_idle(&key, self.now, |_| !dies) {
                    assert!(self.idle.remove(&name));
                    assert!(self.active.insert((key, name)));
                } else {
                    let waiter = self.next_name;
                    self.next_name += 1;
                    let priority = self.below(3) as u8;
                    let (ticket, start) = self.pool.wait(&key, priority, waiter);
                    self.waiting.insert(waiter, (key, ticket));
                    if start == Start::Connect {
                        *self.connecting.entry(key).or_default() += 1;
                    }
                }
            }
            6..=8 => {
                if let Some((key, name)) = self.pick(&active) {
                    self.active.remove(&(key, name));
                    let handed = self.pool.give_back(&key, name, self.now);
                    self.placed(key, name, handed);
                }
            }
            9 => {
                if let Some((key, name)) = self.pick(&active) {
                    self.active.remove(&(key, name));
                    self.pool.closed(&key);
                }
            }
            10..=13 => {
                if let Some(key) = self.pick(&dials) {
                    self.dialled(key);
                    if self.below(5) == 0 {
                        if let Some(waiter) = self.pool.connect_failed(&key) {
                            assert!(self.waiting.remove(&waiter).is_some());
                        }
                    } else {
                        let name = self.next_name;
                        self.next_name += 1;
                        let handed = self.pool.connected(&key, name, self.now);
                        self.placed(key, name, handed);
                    }
                }
            }
            14 => {
                let waiting: Vec<_> = self.waiting.keys().copied().collect();
                if let Some(waiter) = self.pick(&waiting)
                    && let Some((key, ticket)) = self.waiting.remove(&waiter)
                {
                    assert_eq!(self.pool.cancel(&key, ticket), Some(waiter));
                }
            }
            15..=16 => {
                let (key, wanted) = (self.below(6) as u8, self.below(8) as usize);
                let jobs = self.pool.preconnect(&key, wanted);
                if jobs > 0 {
                    *self.connecting.entry(key).or_default() += jobs;
                }
            }
            _ => match self.below(20) {
                0 => self.pool.close_idle(),
                1 => {
                    for waiter in self.pool.take_waiting() {
                        assert!(self.waiting.remove(&waiter).is_some());
                    }
                    assert!(self.waiting.is_empty());
                }
                _ => self.pool.expire(self.now, |_| true),
            },
        }
        while let Some(key) = self.pool.next_job() {
            *self.connecting.entry(key).or_default() += 1;
        }
        for name in self.pool.take_dead() {
            assert!(self.idle.remove(&name), "{name} is closed once");
        }
        self.check();
    }

    fn dialled(&mut self, key: u8) {
        let left = self.connecting.remove(&key).unwrap_or_default() - 1;
        if left > 0 {
            self.connecting.insert(key, left);
        }
    }

    fn check(&self) {
        let Limits { per_group, total, .. } = self.pool.limits;
        let totals = self.pool.totals();
        assert_eq!(
            totals,
            Counts {
                active: self.active.len(),
                connecting: self.connecting.values().sum(),
                idle: self.idle.len(),
                waiting: self.waiting.len(),
            }
        );
        assert!(totals.slots() <= total, "{totals:?}");
        let mut starved = 0;
        for (key, group) in &self.pool.groups {
            assert!(!group.is_empty(), "a group with nothing left is forgotten");
            assert_eq!(group.active, self.active.iter().filter(|(k, _)| k == key).count());
            assert_eq!(group.connecting, self.connecting.get(key).copied().unwrap_or(0));
            assert!(group.slots() <= per_group, "{:?}", group.counts());
            assert!(group.waiting.iter().map(|(ticket, _)| ticket).is_sorted());
            assert!(group.idle.iter().map(|idle| idle.since).is_sorted());
            starved += group.starved();
            if group.starved() > 0 {
                assert!(group.idle.is_empty(), "an idle connection beside a waiter");
                let full = totals.slots() == total && totals.idle == 0;
                assert!(group.slots() == per_group || full, "a waiter beside a free slot");
            }
        }
        assert_eq!(self.pool.starved, starved);
    }
}

#[test]
fn no_order_of_events_loses_a_connection_a_waiter_or_a_slot() {
    for (seed, per_group, total) in
        [(1, 6, 256), (2, 3, 8), (3, 1, 3), (4, 4, 4), (5, 2, 1), (6, 0, 0)]
    {
        let mut engine = Engine {
            pool: Pool::new(Limits { per_group, total, ..Limits::default() }),
            random: 0x9e37_79b9_7f4a_7c15 + seed,
            now: Duration::ZERO,
            next_name: 0,
            active: BTreeSet::new(),
            idle: BTreeSet::new(),
            connecting: BTreeMap::new(),
            waiting: BTreeMap::new(),
        };
        for _ in 0..5_000 {
            engine.step();
        }
        // Everybody goes home.
        while !engine.waiting.is_empty() || !engine.connecting.is_empty() {
            for (key, _) in std::mem::take(&mut engine.active) {
                engine.pool.closed(&key);
            }
            while let Some(key) = engine.pool.next_job() {
                *engine.connecting.entry(key).or_default() += 1;
            }
            for key in engine.connecting.keys().copied().collect::<Vec<_>>() {
                engine.dialled(key);
                let name = engine.next_name;
                engine.next_name += 1;
                let handed = engine.pool.connected(&key, name, engine.now);
                engine.placed(key, name, handed);
            }
        }
        for (key, _) in std::mem::take(&mut engine.active) {
            engine.pool.closed(&key);
        }
        engine.pool.close_idle();
        for name in engine.pool.take_dead() {
            assert!(engine.idle.remove(&name));
        }
        engine.check();
        assert_eq!(engine.pool.totals(), Counts::default());
        assert!(engine.pool.groups.is_empty());
    }
}
