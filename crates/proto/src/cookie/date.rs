//! The dates of cookies, which are written in every way there is.
//!
//! RFC 6265 §5.1.1 does not ask for a grammar: it looks for a day, a month, a year and a time
//! anywhere in the text. This does it as Chromium does, so that the same cookies expire at the same
//! moment; where the two differ the tests say so. One pass over the text, whatever it holds.
//!
//! Chromium `cookie_util::ParseCookieExpirationTime`.

use crate::date::UnixTime;

/// The moment that an `Expires` attribute names, or `None` if it names none.
///
/// Everything but a day of one or two digits, the first three letters of a month, a year, and
/// `h:m:s` is passed over, the zone too: it is always UTC. A two-digit year from 70 on is one of the
/// 20th century.
pub fn parse_cookie_date(text: &[u8]) -> Option<UnixTime> {
    let (mut day, mut month, mut year, mut time) = (None, None, None, None);
    for token in text.split(|byte| is_delimiter(*byte)).filter(|token| !token.is_empty()) {
        if !token[0].is_ascii_digit() {
            month = month.or_else(|| month_of(token));
        } else if token.contains(&b':') {
            time = time.or_else(|| time_of(token));
        } else if day.is_none() && token.len() <= 2 {
            day = number(token);
        } else if year.is_none() && token.len() <= 5 {
            year = number(token);
        }
    }
    let year = match year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    UnixTime::from_calendar([year, month?, day?], time?)
}

/// All punctuation but the colon, which belongs to the time.
const fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'\t' | b' ') || (byte.is_ascii_punctuation() && byte != b':')
}

fn month_of(token: &[u8]) -> Option<i64> {
    let start = token.get(..3)?;
    let index = MONTHS.iter().position(|month| start.eq_ignore_ascii_case(month))?;
    Some(index as i64 + 1)
}

/// Three numbers and nothing else.
fn time_of(token: &[u8]) -> Option<[i64; 3]> {
    let mut parts = token.split(|byte| *byte == b':').map(number);
    let time = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(time)
}

/// A number without anything before or behind it.
fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: i64, digit: &u8| sum.saturating_mul(10).saturating_add((digit - b'0').into());
    Some(digits.iter().fold(0, add))
}

const MONTHS: [&[u8]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<i64> {
        parse_cookie_date(text.as_bytes()).map(|time| time.0)
    }

    #[test]
    fn a_date_is_found_however_it_is_written() {
        const MOMENT: Option<i64> = Some(784_111_777);
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "06 Nov 1994 08:49:37",
            "6 november 94 8:49:37",
            "08:49:37 06 NOV 1994",
            "Nov/06/1994 08:49:37",
            "\"Sun, 06 Nov 1994 08:49:37 GMT\"",
            "06 Nov 1994 08:49:37 PST",
            "06 Nov 1994 08:49:37.123 +0200",
            "06 Nov 1994 08:49:37 11:11:11",
            "06 Nov Dec 1994 08:49:37 1999",
            "06 Nov 1994xyz08:49:37 1994 08:49:37",
            "06 Nov 1994 008:0049:37",
            "06 Nov 1994 08:49:37am 08:49:37",
            "6th 06 Nov 94th 1994 08:49:37",
            "123456 06 Nov 1994 08:49:37",
        ] {
            assert_eq!(parse(text), MOMENT, "{text}");
        }
    }

    #[test]
    fn known_moments() {
        for (text, expected) in [
            ("Thu, 01-Jan-1970 00:00:00 GMT", Some(0)),
            ("Thu, 01-Jan-70 00:00:00 GMT", Some(0)),
            ("Fri, 31-Dec-69 23:59:59 GMT", Some(3_155_759_999)),
            ("Fri, 31-Dec-99 23:59:59 GMT", Some(946_684_799)),
            ("01 Jan 1601 00:00:00", Some(-11_644_473_600)),
            ("01 Jan 0100 00:00:00", Some(-59_011_459_200)),
            ("31 Dec 9999 23:59:59", Some(253_402_300_799)),
            ("01 Jan 10000 00:00:00", Some(253_402_300_799)),
            ("01 Jan 99999 00:00:00", Some(253_402_300_799)),
            ("29 Feb 2000 12:00:00", Some(951_825_600)),
            ("1 Jan 0 0:0:0", Some(946_684_800)),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn what_lacks_a_part_or_does_not_exist_is_no_date() {
        for text in [
            "",
            "GMT",
            "06 1994 08:49:37",
            "Nov 1994 08:49:37",
            "06 Nov 08:49:37",
            "06 Nov 1994",
            "06 Nov 1994 08:49",
            "06 Nov 1994 108:49:37",
            "06 Nov 1994 08:449:37",
            "06 Nov 1994 08:49:37am",
            "06 Nov 1994 08:49:37:",
            "06 Nov 1994 08:49:37:11",
            "06 Nov 1994 08::37",
            "06 Nov 1994x 08:49:37",
            "6x Nov 1994 08:49:37",
            "6th Nov 07 08:49:37",
            "06 Nov 1994 24:00:00",
            "06 Nov 1994 08:60:00",
            "06 Nov 1994 08:49:60",
            "00 Nov 1994 08:49:37",
            "31 Nov 1994 08:49:37",
            "29 Feb 1900 08:49:37",
            "06 Nvo 1994 08:49:37",
            "1994-11-06T08:49:37Z",
            "06 Nov 199456 08:49:37",
            "Mon Nov",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_slow() {
        let valid = b"Sunday, 06-Nov-94 08:49:37 GMT";
        for at in 0..valid.len() {
            for byte in 0..=255 {
                let mut changed = *valid;
                changed[at] = byte;
                let _ = parse_cookie_date(&changed);
            }
        }
        for byte in [b'0', b':', b'a', b' ', 0xff] {
            assert_eq!(parse_cookie_date(&vec![byte; 1 << 20]), None);
        }
    }
}
