//! The drawing behind `--timing`: one line for each phase, each bar where it happened.
//!
//! Pure: spans come in, text goes out. A phase that did not happen (a connection that was reused, an
//! address that was given) has no line.

use std::fmt::Write;
use std::time::Duration;

use crate::style::{Role, Style};

/// A phase and when it began and ended, counted from the start of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) name: &'static str,
    pub(crate) begin: Duration,
    pub(crate) end: Duration,
}

/// The lines for `bars`, ended by the total.
pub(crate) fn draw(bars: &[Bar], style: Style) -> String {
    let total = bars.iter().map(|bar| bar.end).max().unwrap_or_default();
    // In eighths of a column; rounding down both ends keeps neighbours from overlapping.
    let position = |at: Duration| match total.as_nanos() {
        0 => 0,
        all => (at.as_nanos().min(all) * (8 * WIDTH as u128) / all) as usize,
    };
    let mut out = String::new();
    for bar in bars {
        let begin = position(bar.begin) / 8;
        let eighths = position(bar.end).saturating_sub(begin * 8).max(1);
        let mut drawn = "█".repeat(eighths / 8);
        if eighths % 8 > 0 {
            drawn.push(PARTS[eighths % 8 - 1]);
        }
        let columns = drawn.chars().count();
        let padding = WIDTH.saturating_sub(begin + columns);
        let _ = writeln!(
            out,
            "{:<9}{}{}{}{:>9}",
            bar.name,
            " ".repeat(begin),
            style.paint(role(bar.name), &drawn),
            " ".repeat(padding),
            duration(bar.end.saturating_sub(bar.begin))
        );
    }
    let _ = writeln!(
        out,
        "{}{}{:>9}",
        style.paint(Role::Strong, "total"),
        " ".repeat(4 + WIDTH),
        duration(total)
    );
    out
}

const WIDTH: usize = 48;
const PARTS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

fn role(phase: &str) -> Role {
    match phase {
        "wait" => Role::Notice,
        "send" | "receive" => Role::Good,
        "tls" => Role::Literal,
        _ => Role::Name,
    }
}

/// A time for people: three digits and a unit.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        _ if seconds < 0.000_999_5 => (seconds * 1e6, "µs"),
        _ if seconds < 0.999_5 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    let decimals = match value {
        _ if value < 9.995 => 2,
        _ if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &'static str, begin: u64, end: u64) -> Bar {
        Bar { name, begin: Duration::from_micros(begin), end: Duration::from_micros(end) }
    }

    #[test]
    fn each_phase_is_drawn_where_it_happened() {
        let drawing = draw(
            &[bar("resolve", 0, 2_500), bar("connect", 2_500, 5_000), bar("wait", 5_000, 10_000)],
            Style::PLAIN,
        );
        let expected = format!(
            "resolve  {}{}  2.50 ms\n\
             connect  {}{}{}  2.50 ms\n\
             wait     {}{}  5.00 ms\n\
             total    {}  10.0 ms\n",
            "█".repeat(12),
            " ".repeat(36),
            " ".repeat(12),
            "█".repeat(12),
            " ".repeat(24),
            " ".repeat(24),
            "█".repeat(24),
            " ".repeat(48),
        );
        assert_eq!(drawing, expected);
    }

    #[test]
    fn a_short_phase_is_still_seen() {
        let drawing = draw(&[bar("send", 0, 1), bar("wait", 1, 1_000_000)], Style::PLAIN);
        assert!(
            drawing.starts_with(&format!("send     ▏{}  1.00 µs\n", " ".repeat(47))),
            "{drawing}"
        );
    }

    #[test]
    fn every_line_has_the_same_width_whatever_the_times() {
        for end in [0, 1, 7, 999, 123_457] {
            let bars =
                [bar("send", 0, end / 3), bar("wait", end / 3, end), bar("receive", end, end)];
            let drawing = draw(&bars, Style::PLAIN);
            for line in drawing.lines() {
                let width = line.chars().count();
                assert!((66..=67).contains(&width), "{width} {line:?}");
            }
        }
        assert!(draw(&[], Style::PLAIN).starts_with("total"));
    }

    #[test]
    fn a_time_keeps_three_digits() {
        for (nanoseconds, expected) in [
            (0, "0.00 µs"),
            (1_500, "1.50 µs"),
            (999_400, "999 µs"),
            (1_000_000, "1.00 ms"),
            (45_600_000, "45.6 ms"),
            (999_600_000, "1.00 s"),
            (61_000_000_000, "61.0 s"),
        ] {
            assert_eq!(duration(Duration::from_nanos(nanoseconds)), expected);
        }
    }
}
