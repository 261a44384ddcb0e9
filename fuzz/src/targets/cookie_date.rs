//! Dates of cookies.
//!
//! A date that is read is within the years that a field can hold, and written as a header date it is
//! read as the same second.

use netreq_proto::cookie::parse_cookie_date;
use netreq_proto::date::HttpDate;

/// Reads `data` as a date.
pub fn cookie_date(data: &[u8]) {
    let Some(moment) = parse_cookie_date(data) else { return };
    let date = HttpDate::new(moment).unwrap_or_else(|| panic!("{moment:?} is no date"));
    let written = date.to_string();
    // A year below 100 cannot be written: its digits mean another.
    let year: i32 = written[12..16].parse().unwrap_or_default();
    assert!(year >= 100, "{written}");
    assert_eq!(parse_cookie_date(written.as_bytes()), Some(moment), "{written}");
}

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "Sun, ", "06 ", "Nov ", "feb", " 1994 ", "-94 ", "69", "70", "08:49:37", "23:59:60", "GMT",
    "99999", "0000", "/", ":",
];
