//! Dates of header fields.
//!
//! A date that is read is written in the form for senders and reads back as the same second, and
//! every second of a number is either out of range or does the same.

use netreq_proto::date::{HttpDate, UnixTime};

/// Reads `data` as a date, and its last eight bytes as a second.
pub fn http_date(data: &[u8]) {
    if let Ok(date) = HttpDate::parse(data, NOW) {
        assert_reads_back(date);
    }
    if let Some(bytes) = data.last_chunk() {
        let second = i64::from_le_bytes(*bytes);
        // Most numbers are out of range; the remainder is not.
        for second in [second, second % (1 << 39)] {
            HttpDate::new(UnixTime(second)).inspect(|date| {
                assert_eq!(date.unix(), UnixTime(second));
                assert_reads_back(*date);
            });
        }
    }
}

fn assert_reads_back(date: HttpDate) {
    let written = date.to_string();
    assert_eq!(written.len(), 29, "{written}");
    assert!(written.is_ascii() && written.ends_with(" GMT"), "{written}");
    assert_eq!(HttpDate::parse(written.as_bytes(), NOW), Ok(date), "{written}");
}

const NOW: UnixTime = UnixTime(1_800_000_000);

/// Words of the grammar.
pub(super) const WORDS: &[&str] = &[
    "Sun, ", "Sunday, ", "Sun ", "Feb", "Dec", " 1994 ", "-94 ", "29", "00", "08:49:37",
    "23:59:60", " GMT", "9999", "0000",
];
