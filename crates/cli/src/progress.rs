//! One line about how far a body is: share, bytes, rate, time left, and a bar.
//!
//! Pure: time and byte counts come in, a line goes out, at most ten a second. The line switches the
//! terminal's wrapping off while it is written, so that a narrow window cuts the bar instead of
//! scrolling, and nobody has to ask how wide the window is. Who draws it, and whether, is decided
//! elsewhere.

use std::fmt::Write;
use std::time::Duration;

use crate::style::{Role, Style};

/// The progress of one body.
#[derive(Debug)]
pub(crate) struct Progress {
    style: Style,
    total: Option<u64>,
    /// Bytes that were there before we began; they say nothing about the rate.
    begun_at: u64,
    began: Duration,
    drawn: Option<Duration>,
    /// Bytes a second, smoothed over about three seconds.
    rate: Option<f64>,
    sample: (Duration, u64),
}

impl Progress {
    /// Begins at `now`, with `done` bytes already there, of `total` if it is known.
    pub(crate) fn new(style: Style, now: Duration, done: u64, total: Option<u64>) -> Self {
        Self {
            style,
            total,
            begun_at: done,
            began: now,
            drawn: None,
            rate: None,
            sample: (now, done),
        }
    }

    /// The line to draw when `done` bytes are there; `None` if the last one is fresh enough.
    pub(crate) fn advance(&mut self, now: Duration, done: u64) -> Option<String> {
        if self.drawn.is_some_and(|drawn| now.saturating_sub(drawn) < BETWEEN_LINES) {
            return None;
        }
        self.drawn = Some(now);
        let (since, before) = self.sample;
        let seconds = now.saturating_sub(since).as_secs_f64();
        if seconds > 0.0 {
            let current = done.saturating_sub(before) as f64 / seconds;
            // An exponential average whose memory is in seconds, not in samples.
            let weight = (-seconds / MEMORY_SECONDS).exp();
            self.rate =
                Some(self.rate.map_or(current, |rate| rate * weight + current * (1.0 - weight)));
            self.sample = (now, done);
        }
        Some(self.line(done))
    }

    /// The last line, with the rate over all of it.
    pub(crate) fn finish(&self, now: Duration, done: u64) -> String {
        let elapsed = now.saturating_sub(self.began);
        let rate = done.saturating_sub(self.begun_at) as f64 / elapsed.as_secs_f64().max(0.001);
        format!(
            "{CLEAR}{} in {}, {}/s\n",
            bytes(done as f64),
            crate::waterfall::duration(elapsed),
            bytes(rate)
        )
    }

    fn line(&self, done: u64) -> String {
        let mut line = format!("{NO_WRAP}{CLEAR}");
        let share = self
            .total
            .filter(|total| *total > 0)
            .map(|total| (done as f64 / total as f64).min(1.0));
        if let Some(share) = share {
            let _ = write!(line, "{:>4.0}%  ", (share * 100.0).floor());
        }
        line.push_str(&bytes(done as f64));
        if let Some(total) = self.total {
            let _ = write!(line, " of {}", bytes(total as f64));
        }
        if let Some(rate) = self.rate {
            let _ = write!(line, "  {}/s", bytes(rate));
            if let Some(total) = self.total
                && rate >= 1.0
            {
                let _ = write!(line, "  {} left", clock(total.saturating_sub(done) as f64 / rate));
            }
        }
        if let Some(share) = share {
            let full = (share * f64::from(BAR)).round() as usize;
            let rest = BAR as usize - full;
            let _ = write!(
                line,
                "  {}{}{}",
                self.style.paint(Role::Good, &"━".repeat(full)),
                self.style.begin(Role::Faint),
                "─".repeat(rest)
            );
            line.push_str(self.style.end());
        }
        line.push_str(WRAP);
        line
    }
}

/// Takes the line away.
pub(crate) const CLEAR: &str = "\r\x1b[K";

const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";
const BETWEEN_LINES: Duration = Duration::from_millis(100);
const MEMORY_SECONDS: f64 = 3.0;
const BAR: u32 = 30;

/// A number of bytes for people: three digits and a binary unit.
pub(crate) fn bytes(count: f64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1000.0 {
        return format!("{count:.0} B");
    }
    let mut value = count / 1024.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = match value {
        _ if value < 9.995 => 2,
        _ if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// Seconds as `0:04`, `12:30` or `3:00:05`.
fn clock(seconds: f64) -> String {
    // Beyond four days nobody reads the seconds.
    if seconds > 360_000.0 {
        return "days".to_owned();
    }
    let seconds = seconds.ceil() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn shown(line: Option<String>) -> Option<String> {
        line.map(|line| line.replace(NO_WRAP, "").replace(WRAP, "").replace(CLEAR, ""))
    }

    #[test]
    fn a_line_tells_share_bytes_rate_and_time_left() {
        let mut progress = Progress::new(Style::PLAIN, Duration::ZERO, 0, Some(100 * MIB));
        assert_eq!(
            shown(progress.advance(Duration::ZERO, 0)).as_deref(),
            Some("   0%  0 B of 100 MiB  ──────────────────────────────")
        );
        assert_eq!(progress.advance(Duration::from_millis(99), 5 * MIB), None);
        assert_eq!(
            shown(progress.advance(Duration::from_secs(5), 50 * MIB)).as_deref(),
            Some(
                "  50%  50.0 MiB of 100 MiB  10.0 MiB/s  0:05 left  ━━━━━━━━━━━━━━━───────────────"
            )
        );
        assert_eq!(
            progress.finish(Duration::from_secs(10), 100 * MIB),
            "\r\x1b[K100 MiB in 10.0 s, 10.0 MiB/s\n"
        );
    }

    #[test]
    fn without_a_total_there_is_no_share_and_no_bar() {
        let mut progress = Progress::new(Style::PLAIN, Duration::ZERO, 0, None);
        assert_eq!(
            shown(progress.advance(Duration::from_secs(1), 2048)).as_deref(),
            Some("2.00 KiB  2.00 KiB/s")
        );
    }

    #[test]
    fn what_was_there_before_says_nothing_about_the_rate() {
        let mut progress = Progress::new(Style::PLAIN, Duration::ZERO, 90 * MIB, Some(100 * MIB));
        let line = shown(progress.advance(Duration::from_secs(1), 91 * MIB)).unwrap();
        assert!(line.contains("1.00 MiB/s  0:09 left"), "{line}");
        assert!(progress.finish(Duration::from_secs(10), 100 * MIB).contains("1.00 MiB/s"));
    }

    #[test]
    fn numbers_that_cannot_be_do_no_harm() {
        let mut progress = Progress::new(Style::PLAIN, Duration::from_secs(5), 10, Some(0));
        assert!(progress.advance(Duration::ZERO, u64::MAX).is_some());
        let mut progress = Progress::new(Style::PLAIN, Duration::ZERO, 0, Some(1));
        let line = shown(progress.advance(Duration::from_secs(1), 10)).unwrap();
        assert!(line.starts_with(" 100%"), "{line}");
    }

    #[test]
    fn bytes_keep_three_digits() {
        for (count, expected) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (1000.0, "0.98 KiB"),
            (10_240.0, "10.0 KiB"),
            (1_048_576.0, "1.00 MiB"),
            (1_047_000_000.0, "998 MiB"),
            (1e18, "888 PiB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
    }

    #[test]
    fn time_left_is_a_clock() {
        for (seconds, expected) in
            [(0.2, "0:01"), (75.0, "1:15"), (3605.0, "1:00:05"), (1e12, "days")]
        {
            assert_eq!(clock(seconds), expected);
        }
    }
}
