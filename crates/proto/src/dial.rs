//! In which order, and when, the addresses of a host are dialled (Happy Eyeballs, version 2).
//!
//! The families alternate, each address gets a short while before the next is tried beside it, and
//! a failure starts the next at once: a family without a route costs a quarter of a second, not a
//! time-out. Name resolution, sockets and the clock are the caller's: it asks [`Schedule::poll`],
//! dials, waits, and reports failures; the first attempt to succeed ends the schedule by being taken.
//!
//! RFC 8305 §4 and §5.

use std::net::SocketAddr;
use std::time::Duration;

/// The addresses of one host on their way to being dialled.
#[derive(Debug)]
pub struct Schedule {
    /// What is left, the next one last.
    left: Vec<SocketAddr>,
    delay: Duration,
    /// When the next address is due.
    next: Duration,
    in_flight: usize,
}

/// What the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dial {
    /// Dial this address now, beside those under way, and ask again at once.
    Start(SocketAddr),
    /// Ask again at this time, or after a failure, whichever is first.
    WaitUntil(Duration),
    /// Every address is being dialled: ask again after a failure.
    Wait,
    /// Every address has failed, or there was none.
    Exhausted,
}

impl Schedule {
    /// A schedule whose first address is due `now`, the others [`ATTEMPT_DELAY`] apart.
    ///
    /// `addresses` come in the resolver's order of preference (RFC 6724), which holds within each
    /// family and says which family is first. `now` is the time since any fixed point.
    #[must_use]
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>, now: Duration) -> Self {
        Self { left: interleaved(addresses), delay: ATTEMPT_DELAY, next: now, in_flight: 0 }
    }

    /// The same with another delay between attempts, at least [`MINIMUM_ATTEMPT_DELAY`].
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = delay.max(MINIMUM_ATTEMPT_DELAY);
        self
    }

    /// What to do at `now`.
    pub fn poll(&mut self, now: Duration) -> Dial {
        match self.left.last() {
            Some(_) if now < self.next => Dial::WaitUntil(self.next),
            Some(&address) => {
                self.left.pop();
                self.next = now + self.delay;
                self.in_flight += 1;
                Dial::Start(address)
            }
            None if self.in_flight > 0 => Dial::Wait,
            None => Dial::Exhausted,
        }
    }

    /// One of the attempts has failed, whichever: the next address is due at once.
    pub fn failed(&mut self) {
        debug_assert!(self.in_flight > 0, "an attempt fails once");
        self.in_flight = self.in_flight.saturating_sub(1);
        self.next = Duration::ZERO;
    }
}

/// The addresses with their families alternating, as long as both last, in reverse.
fn interleaved(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let addresses: Vec<_> = addresses.into_iter().collect();
    let ipv6_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let total = addresses.len();
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == ipv6_first);

    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::with_capacity(total);
    while order.len() < total {
        order.extend(first.next());
        order.extend(second.next());
    }
    order.reverse();
    order
}

/// How long an address is tried alone. RFC 8305 §8: Connection Attempt Delay, recommended value.
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The shortest delay between attempts. RFC 8305 §8: Minimum Connection Attempt Delay.
pub const MINIMUM_ATTEMPT_DELAY: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        let host = if text.contains(':') { format!("[{text}]:443") } else { format!("{text}:443") };
        host.parse().expect("an address")
    }

    const fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_families_alternate_and_the_resolver_says_which_is_first() {
        for (given, expected) in [
            ("", ""),
            ("::1", "::1"),
            ("::1 ::2 127.0.0.1 127.0.0.2", "::1 127.0.0.1 ::2 127.0.0.2"),
            ("127.0.0.1 127.0.0.2 ::1", "127.0.0.1 ::1 127.0.0.2"),
            ("::1 127.0.0.1 127.0.0.2 127.0.0.3", "::1 127.0.0.1 127.0.0.2 127.0.0.3"),
            ("127.0.0.2 127.0.0.1", "127.0.0.2 127.0.0.1"),
        ] {
            let mut schedule = Schedule::new(given.split_whitespace().map(address), at(0));
            let mut order = Vec::new();
            while let Dial::Start(next) = schedule.poll(at(0)) {
                order.push(next);
                schedule.failed();
            }
            let expected: Vec<_> = expected.split_whitespace().map(address).collect();
            assert_eq!(order, expected, "{given}");
            assert_eq!(schedule.poll(at(0)), Dial::Exhausted, "{given}");
        }
    }

    #[test]
    fn each_address_is_tried_alone_for_a_quarter_of_a_second() {
        let mut schedule = Schedule::new(["::1", "::2", "127.0.0.1"].map(address), at(1000));
        assert_eq!(schedule.poll(at(1000)), Dial::Start(address("::1")));
        assert_eq!(schedule.poll(at(1000)), Dial::WaitUntil(at(1250)));
        assert_eq!(schedule.poll(at(1249)), Dial::WaitUntil(at(1250)));
        assert_eq!(schedule.poll(at(1260)), Dial::Start(address("127.0.0.1")));
        assert_eq!(schedule.poll(at(1260)), Dial::WaitUntil(at(1510)));
        assert_eq!(schedule.poll(at(1510)), Dial::Start(address("::2")));
        assert_eq!(schedule.poll(at(9999)), Dial::Wait);
        for left in [Dial::Wait, Dial::Wait, Dial::Exhausted] {
            schedule.failed();
            assert_eq!(schedule.poll(at(9999)), left);
        }
    }

    #[test]
    fn a_failure_starts_the_next_at_once_and_only_one() {
        let mut schedule = Schedule::new(["::1", "127.0.0.1", "::2"].map(address), at(0));
        assert_eq!(schedule.poll(at(0)), Dial::Start(address("::1")));
        schedule.failed();
        assert_eq!(schedule.poll(at(3)), Dial::Start(address("127.0.0.1")));
        assert_eq!(schedule.poll(at(3)), Dial::WaitUntil(at(253)));
        schedule.failed();
        assert_eq!(schedule.poll(at(4)), Dial::Start(address("::2")));
        assert_eq!(schedule.poll(at(4)), Dial::Wait);
    }

    #[test]
    fn the_delay_is_never_shorter_than_10_ms() {
        for (given, expected) in [(0, 10), (9, 10), (300, 300)] {
            let mut schedule =
                Schedule::new(["::1", "::2"].map(address), at(0)).with_delay(at(given));
            assert_eq!(schedule.poll(at(0)), Dial::Start(address("::1")));
            assert_eq!(schedule.poll(at(0)), Dial::WaitUntil(at(expected)));
        }
    }
}
