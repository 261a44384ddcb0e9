//! Moments as cookies count them: to the microsecond.
//!
//! Two cookies of one response are set within a millisecond, and the order of their creation is the
//! order on the wire; Electron's dates have fractions. Header dates are coarser: [`crate::date`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::date::UnixTime;

/// Microseconds since 1970-01-01 00:00:00 UTC. Sums stop at the ends of the range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The end of time.
    pub const MAX: Self = Self(i64::MAX);
    /// Before everything.
    pub const MIN: Self = Self(i64::MIN);

    /// The start of that second.
    pub const fn from_unix(time: UnixTime) -> Self {
        Self(time.0.saturating_mul(SECOND))
    }

    /// Electron's form: seconds with a fraction. What is no number is 1970.
    pub fn from_seconds(seconds: f64) -> Self {
        // The conversion of a float saturates, and makes zero of what is no number.
        #[expect(clippy::cast_possible_truncation, reason = "saturates at the ends of the range")]
        let micros = (seconds * SECOND as f64).round() as i64;
        Self(micros)
    }

    /// Electron's form: seconds with a fraction.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }

    /// The whole second in which it lies.
    pub const fn unix(self) -> UnixTime {
        UnixTime(self.0.div_euclid(SECOND))
    }

    /// Later by so many seconds.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(SECOND)))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let micros = |distance: Duration| i64::try_from(distance.as_micros()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self(micros(since)),
            Err(error) => Self(-micros(error.duration())),
        }
    }
}

const SECOND: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_with_a_fraction_survive() {
        for seconds in [0.0, 1.5, -1.25, 1_798_761_600.123_456] {
            assert_eq!(Timestamp::from_seconds(seconds).as_seconds(), seconds);
        }
        for (seconds, expected) in [
            (f64::NAN, Timestamp(0)),
            (f64::INFINITY, Timestamp::MAX),
            (f64::NEG_INFINITY, Timestamp::MIN),
            (1e300, Timestamp::MAX),
        ] {
            assert_eq!(Timestamp::from_seconds(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn sums_stop_at_the_ends() {
        assert_eq!(Timestamp::MAX.plus_seconds(1), Timestamp::MAX);
        assert_eq!(Timestamp(0).plus_seconds(i64::MIN), Timestamp::MIN);
        assert_eq!(Timestamp::from_unix(UnixTime(i64::MAX)), Timestamp::MAX);
        assert_eq!(Timestamp(-1).unix(), UnixTime(-1));
    }

    #[test]
    fn system_time_keeps_its_microseconds() {
        let half = Duration::from_micros(1_500_000);
        assert_eq!(Timestamp::from(UNIX_EPOCH + half), Timestamp(1_500_000));
        assert_eq!(Timestamp::from(UNIX_EPOCH - half), Timestamp(-1_500_000));
    }
}
