//! Dates in header fields.
//!
//! HTTP writes a moment as `Sun, 06 Nov 1994 08:49:37 GMT` and still reads two older forms. This
//! reads all three by their grammar and writes the first. The lenient dates of cookies are read
//! in [`crate::cookie`]. The clock is not read, so `now` is an argument where a year needs it.

use std::error::Error;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A moment on the wall clock: seconds since 1970-01-01 00:00:00 UTC, leap seconds not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

impl From<SystemTime> for UnixTime {
    /// The second in which `time` lies; a time beyond the range becomes the end of the range.
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
            Err(error) => {
                let before = error.duration();
                let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                Self((-seconds).saturating_sub(i64::from(before.subsec_nanos() > 0)))
            }
        }
    }
}

impl UnixTime {
    /// The moment of a calendar date and a time of day, in UTC; `None` where there is no such date
    /// or time. Years past 9999 are the last second of 9999. A 60th second does not exist here.
    pub(crate) fn from_calendar(date: [i64; 3], time: [i64; 3]) -> Option<Self> {
        let [year, month, day] = date;
        if time[2] > 59 || !(1..=12).contains(&month) {
            return None;
        }
        let moment = Moment::new(year.min(9999), month, day, time).ok()?;
        Some(Self(if year > 9999 { LATEST } else { moment.seconds() }))
    }
}

/// A moment that a header field can hold: any second of the years 0 to 9999.
///
/// `Display` writes it as IMF-fixdate, the form RFC 9110 §5.6.7 asks of senders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpDate(UnixTime);

impl HttpDate {
    /// The date of that moment, or `None` outside the years 0 to 9999.
    pub fn new(time: UnixTime) -> Option<Self> {
        (EARLIEST..=LATEST).contains(&time.0).then_some(Self(time))
    }

    /// The moment itself.
    pub const fn unix(self) -> UnixTime {
        self.0
    }

    /// Reads a date in any of the three forms of RFC 9110 §5.6.7.
    ///
    /// `now` settles the two-digit year of the RFC 850 form: it is the latest year with these digits
    /// that puts the date no more than 50 years ahead. The other forms ignore it.
    ///
    /// White space around the date is skipped, and names count in any letter case. The name of the
    /// day is read but not compared with the date, as in Chromium. A 60th second is a leap second
    /// and counts as the second after it. Everything else has to follow the grammar: other zones,
    /// one-digit hours and missing commas are refused, and a field that holds them is to be
    /// treated as the field's own rule says (an `Expires` so refused is in the past).
    ///
    /// # Errors
    ///
    /// [`InvalidDate`] names the part that is wrong.
    pub fn parse(value: &[u8], now: UnixTime) -> Result<Self, InvalidDate> {
        let mut rest = Reader(value.trim_ascii());
        if rest.0.len() > LONGEST {
            return Err(InvalidDate::Length);
        }
        let day_name = rest.letters();
        let short = is_name(day_name, DAYS);
        let moment = if short && rest.skip(b", ") {
            imf_fixdate(&mut rest)?
        } else if short && rest.skip(b" ") {
            asctime(&mut rest)?
        } else if is_name(day_name, LONG_DAYS) && rest.skip(b", ") {
            rfc_850(&mut rest, now)?
        } else {
            return Err(InvalidDate::Day);
        };
        if !rest.0.is_empty() {
            return Err(InvalidDate::Length);
        }
        Ok(Self(UnixTime(moment.seconds())))
    }
}

impl fmt::Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Moment { year, month, day, hour, minute, second } = Moment::at(self.0);
        // 1970-01-01 was a Thursday.
        let weekday = (self.0.0.div_euclid(DAY) + 4).rem_euclid(7);
        let (weekday, month) = (DAYS[weekday as usize], MONTHS[month as usize - 1]);
        write!(f, "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }
}

/// Which part of a text keeps it from being an HTTP date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidDate {
    /// The name of the day, or what follows it.
    Day,
    /// The day of the month, its digits or its range.
    DayOfMonth,
    /// The name of the month.
    Month,
    /// The year, its digits or its range.
    Year,
    /// The time of day, its digits or its range.
    Time,
    /// Something other than `GMT` where the zone stands.
    Zone,
    /// More text than a date has.
    Length,
}

impl fmt::Display for InvalidDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid HTTP date: ")?;
        f.write_str(match self {
            Self::Day => "it does not begin with the name of a day",
            Self::DayOfMonth => "there is no such day of the month",
            Self::Month => "there is no such month",
            Self::Year => "there is no such year",
            Self::Time => "there is no such time of day",
            Self::Zone => "the zone is not GMT",
            Self::Length => "it is longer than a date",
        })
    }
}

impl Error for InvalidDate {}

/// `06 Nov 1994 08:49:37 GMT`, after the name of the day.
fn imf_fixdate(rest: &mut Reader<'_>) -> Result<Moment, InvalidDate> {
    let day = rest.number(2).ok_or(InvalidDate::DayOfMonth)?;
    rest.separator(b" ", InvalidDate::DayOfMonth)?;
    let month = rest.month()?;
    rest.separator(b" ", InvalidDate::Month)?;
    let year = rest.number(4).ok_or(InvalidDate::Year)?;
    rest.separator(b" ", InvalidDate::Year)?;
    let time = rest.time()?;
    rest.zone()?;
    Moment::new(year, month, day, time)
}

/// `Nov  6 08:49:37 1994`, after the name of the day.
fn asctime(rest: &mut Reader<'_>) -> Result<Moment, InvalidDate> {
    let month = rest.month()?;
    rest.separator(b" ", InvalidDate::Month)?;
    let digits = if rest.skip(b" ") { 1 } else { 2 };
    let day = rest.number(digits).ok_or(InvalidDate::DayOfMonth)?;
    rest.separator(b" ", InvalidDate::DayOfMonth)?;
    let time = rest.time()?;
    rest.separator(b" ", InvalidDate::Time)?;
    let year = rest.number(4).ok_or(InvalidDate::Year)?;
    Moment::new(year, month, day, time)
}

/// `06-Nov-94 08:49:37 GMT`, after the name of the day.
fn rfc_850(rest: &mut Reader<'_>, now: UnixTime) -> Result<Moment, InvalidDate> {
    let day = rest.number(2).ok_or(InvalidDate::DayOfMonth)?;
    rest.separator(b"-", InvalidDate::DayOfMonth)?;
    let month = rest.month()?;
    rest.separator(b"-", InvalidDate::Month)?;
    let digits = rest.number(2).ok_or(InvalidDate::Year)?;
    rest.separator(b" ", InvalidDate::Year)?;
    let time = rest.time()?;
    rest.zone()?;

    let now = Moment::at(UnixTime(now.0.clamp(EARLIEST, LATEST)));
    let limit = Moment { year: now.year + 50, ..now };
    let century = now.year - now.year % 100;
    let mut wrong = InvalidDate::Year;
    // 29 February exists in one of two centuries, so a wrong day may still be right in another.
    for year in [century + 100 + digits, century + digits, century + digits - 100] {
        match Moment::new(year, month, day, time) {
            Ok(moment) if moment <= limit => return Ok(moment),
            Ok(_) => {}
            Err(InvalidDate::Year) => {}
            Err(error) => wrong = error,
        }
    }
    Err(wrong)
}

/// What is left to read. Every method takes what it names off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn skip(&mut self, expected: &[u8]) -> bool {
        match self.0.strip_prefix(expected) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn separator(&mut self, expected: &[u8], wrong: InvalidDate) -> Result<(), InvalidDate> {
        if self.skip(expected) { Ok(()) } else { Err(wrong) }
    }

    fn letters(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !byte.is_ascii_alphabetic());
        let (letters, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        letters
    }

    /// A number of exactly so many digits, at most four.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        Some(number.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    }

    /// A month's three letters, as 1 to 12.
    fn month(&mut self) -> Result<i64, InvalidDate> {
        let name = self.letters();
        let known = |month: &&str| name.eq_ignore_ascii_case(month.as_bytes());
        let index = MONTHS.iter().position(known).ok_or(InvalidDate::Month)?;
        Ok(index as i64 + 1)
    }

    fn time(&mut self) -> Result<[i64; 3], InvalidDate> {
        let hour = self.number(2).ok_or(InvalidDate::Time)?;
        self.separator(b":", InvalidDate::Time)?;
        let minute = self.number(2).ok_or(InvalidDate::Time)?;
        self.separator(b":", InvalidDate::Time)?;
        let second = self.number(2).ok_or(InvalidDate::Time)?;
        Ok([hour, minute, second])
    }

    fn zone(&mut self) -> Result<(), InvalidDate> {
        self.separator(b" ", InvalidDate::Zone)?;
        if self.letters().eq_ignore_ascii_case(b"GMT") { Ok(()) } else { Err(InvalidDate::Zone) }
    }
}

/// A moment by the calendar, ordered as moments are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Moment {
    fn new(
        year: i64,
        month: i64,
        day: i64,
        [hour, minute, second]: [i64; 3],
    ) -> Result<Self, InvalidDate> {
        if hour > 23 || minute > 59 || second > 60 {
            return Err(InvalidDate::Time);
        }
        if !(0..=9999).contains(&year) {
            return Err(InvalidDate::Year);
        }
        if !(1..=days_in_month(year, month)).contains(&day) {
            return Err(InvalidDate::DayOfMonth);
        }
        let moment = Self { year, month, day, hour, minute, second };
        // The leap second that ends the year 9999 would lie outside the range.
        if moment.seconds() > LATEST { Err(InvalidDate::Time) } else { Ok(moment) }
    }

    /// Seconds since 1970, by the proleptic Gregorian calendar.
    fn seconds(self) -> i64 {
        // Years that begin in March put the leap day last, so that months have a closed form.
        let (year, month) = if self.month > 2 {
            (self.year, self.month - 3)
        } else {
            (self.year - 1, self.month + 9)
        };
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        let days = year * 365 + leap_days + (month * 153 + 2) / 5 + self.day - 1 - DAYS_TO_1970;
        days * DAY + self.hour * 3600 + self.minute * 60 + self.second
    }

    fn at(time: UnixTime) -> Self {
        let (days, second) = (time.0.div_euclid(DAY) + DAYS_TO_1970, time.0.rem_euclid(DAY));
        let (era, day) = (days.div_euclid(DAYS_IN_400_YEARS), days.rem_euclid(DAYS_IN_400_YEARS));
        // Taking the leap days out leaves years of 365 days each.
        let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365;
        let day = day - (year * 365 + year / 4 - year / 100);
        let month = (day * 5 + 2) / 153;
        let day = day - (month * 153 + 2) / 5 + 1;
        let year = era * 400 + year + i64::from(month > 9);
        let month = if month > 9 { month - 9 } else { month + 3 };
        Self {
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_name(text: &[u8], names: [&str; 7]) -> bool {
    names.iter().any(|name| text.eq_ignore_ascii_case(name.as_bytes()))
}

/// The longest date: `Wednesday, 09-Nov-94 08:49:37 GMT`.
const LONGEST: usize = 33;
const DAY: i64 = 86_400;
const DAYS_IN_400_YEARS: i64 = 146_097;
/// From 1 March of the year 0 to 1 January 1970.
const DAYS_TO_1970: i64 = 719_468;
/// 0000-01-01 00:00:00.
const EARLIEST: i64 = -62_167_219_200;
/// 9999-12-31 23:59:59.
const LATEST: i64 = 253_402_300_799;

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const LONG_DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// 2026-01-01 00:00:00.
    const NOW: UnixTime = UnixTime(1_767_225_600);

    fn parse(text: &str, now: UnixTime) -> Result<i64, InvalidDate> {
        HttpDate::parse(text.as_bytes(), now).map(|date| date.unix().0)
    }

    fn written(seconds: i64) -> String {
        HttpDate::new(UnixTime(seconds)).map(|date| date.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_three_forms_name_the_same_moment() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "sun, 06 NOV 1994 08:49:37 gmt",
            " \tSun, 06 Nov 1994 08:49:37 GMT ",
            "Mon, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(text, NOW), Ok(784_111_777), "{text}");
        }
        assert_eq!(written(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn known_moments() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Tue, 19 Jan 2038 03:14:08 GMT", 2_147_483_648),
            ("Thu, 01 Jan 2026 00:00:00 GMT", NOW.0),
            ("Sat, 01 Jan 0000 00:00:00 GMT", EARLIEST),
            ("Fri, 31 Dec 9999 23:59:59 GMT", LATEST),
        ] {
            assert_eq!(parse(text, NOW), Ok(seconds), "{text}");
            assert_eq!(written(seconds), text);
        }
        assert_eq!(parse("Sat, 31 Dec 2016 23:59:60 GMT", NOW), Ok(1_483_228_800));
    }

    #[test]
    fn moments_of_every_month_survive_writing_and_reading() {
        for seconds in (EARLIEST..=LATEST).step_by(86_400 * 27 + 3_607) {
            assert_eq!(parse(&written(seconds), NOW), Ok(seconds));
        }
    }

    #[test]
    fn years_outside_four_digits_cannot_be_written() {
        for seconds in [EARLIEST - 1, LATEST + 1, i64::MIN, i64::MAX] {
            assert_eq!(HttpDate::new(UnixTime(seconds)), None);
        }
    }

    #[test]
    fn a_two_digit_year_is_at_most_fifty_years_ahead() {
        let at = |text| parse(text, UnixTime(0)).map(UnixTime);
        for (now, text, expected) in [
            ("Thu, 01 Jan 2026 00:00:00 GMT", "Saturday, 01-Jan-00 00:00:00 GMT", "2000"),
            ("Thu, 01 Jan 2026 00:00:00 GMT", "Thursday, 01-Jan-26 00:00:00 GMT", "2026"),
            ("Thu, 01 Jan 2026 00:00:00 GMT", "Wednesday, 01-Jan-76 00:00:00 GMT", "2076"),
            ("Thu, 01 Jan 2026 00:00:00 GMT", "Wednesday, 01-Jan-76 00:00:01 GMT", "1976"),
            ("Thu, 01 Jan 2026 00:00:00 GMT", "Friday, 01-Jan-99 00:00:00 GMT", "1999"),
            ("Thu, 01 Jan 2099 00:00:00 GMT", "Friday, 01-Jan-10 00:00:00 GMT", "2110"),
            ("Thu, 01 Jan 2026 00:00:00 GMT", "Tuesday, 29-Feb-00 00:00:00 GMT", "2000"),
            ("Sat, 01 Jan 0000 00:00:00 GMT", "Tuesday, 01-Jan-30 00:00:00 GMT", "0030"),
            ("Fri, 31 Dec 9999 23:59:59 GMT", "Tuesday, 01-Jan-30 00:00:00 GMT", "9930"),
        ] {
            let now = at(now).unwrap();
            let seconds = parse(text, now).unwrap();
            assert_eq!(&written(seconds)[12..16], expected, "{text}");
        }
        for now in [i64::MIN, i64::MAX] {
            assert!(parse("Sunday, 06-Nov-30 08:49:37 GMT", UnixTime(now)).is_ok());
        }
        let before_the_year_0 = parse("Sunday, 06-Nov-94 08:49:37 GMT", UnixTime(EARLIEST));
        assert_eq!(before_the_year_0, Err(InvalidDate::Year));
    }

    #[test]
    fn an_error_names_the_part_that_is_wrong() {
        for (text, expected) in [
            ("", InvalidDate::Day),
            ("0", InvalidDate::Day),
            ("-1", InvalidDate::Day),
            ("1994-11-06T08:49:37Z", InvalidDate::Day),
            ("Son, 06 Nov 1994 08:49:37 GMT", InvalidDate::Day),
            ("Sun 06 Nov 1994 08:49:37 GMT", InvalidDate::Month),
            ("Sun,06 Nov 1994 08:49:37 GMT", InvalidDate::Day),
            ("Sunday 06-Nov-94 08:49:37 GMT", InvalidDate::Day),
            ("Sun, 6 Nov 1994 08:49:37 GMT", InvalidDate::DayOfMonth),
            ("Sun, 00 Nov 1994 08:49:37 GMT", InvalidDate::DayOfMonth),
            ("Sun, 31 Nov 1994 08:49:37 GMT", InvalidDate::DayOfMonth),
            ("Sun, 29 Feb 1900 08:49:37 GMT", InvalidDate::DayOfMonth),
            ("Sunday, 29-Feb-95 08:49:37 GMT", InvalidDate::DayOfMonth),
            ("Sun, 06-Nov-1994 08:49:37 GMT", InvalidDate::DayOfMonth),
            ("Sun, 06 Nvo 1994 08:49:37 GMT", InvalidDate::Month),
            ("Sun, 06 November 1994 08:49 GMT", InvalidDate::Month),
            ("Sun, 06 Nov 94 08:49:37 GMT", InvalidDate::Year),
            ("Sun, 06 Nov 19941 08:49:37 GMT", InvalidDate::Year),
            ("Sunday, 06-Nov-1994 08:49:37 GMT", InvalidDate::Year),
            ("Sun, 06 Nov 1994 8:49:37 GMT", InvalidDate::Time),
            ("Sun, 06 Nov 1994 24:00:00 GMT", InvalidDate::Time),
            ("Sun, 06 Nov 1994 08:60:00 GMT", InvalidDate::Time),
            ("Sun, 06 Nov 1994 08:49:61 GMT", InvalidDate::Time),
            ("Sun, 06 Nov 1994 08.49.37 GMT", InvalidDate::Time),
            ("Fri, 31 Dec 9999 23:59:60 GMT", InvalidDate::Time),
            ("Sun, 06 Nov 1994 08:49:37", InvalidDate::Zone),
            ("Sun, 06 Nov 1994 08:49:37 UTC", InvalidDate::Zone),
            ("Sun, 06 Nov 1994 08:49:37 AEST", InvalidDate::Zone),
            ("Sun, 06 Nov 1994 08:49:37 GMT+1", InvalidDate::Length),
            ("Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06", InvalidDate::Length),
            ("Sun Nov 6 08:49:37 1994", InvalidDate::DayOfMonth),
            ("Sun Nov  6 08:49:37 1994 GMT", InvalidDate::Length),
        ] {
            assert_eq!(parse(text, NOW), Err(expected), "{text}");
            assert!(expected.to_string().starts_with("invalid HTTP date: "));
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let valid = b"Sunday, 06-Nov-94 08:49:37 GMT";
        for end in 0..valid.len() {
            assert!(HttpDate::parse(&valid[..end], NOW).is_err());
            for byte in 0..=255 {
                let mut changed = *valid;
                changed[end] = byte;
                let _ = HttpDate::parse(&changed, NOW);
            }
        }
        assert_eq!(HttpDate::parse(&vec![b'a'; 1 << 20], NOW), Err(InvalidDate::Length));
        assert_eq!(HttpDate::parse(&vec![b' '; 1 << 20], NOW), Err(InvalidDate::Day));
    }

    #[test]
    fn system_time_becomes_the_second_it_lies_in() {
        for (time, seconds) in [
            (UNIX_EPOCH, 0),
            (UNIX_EPOCH + Duration::from_millis(1_999), 1),
            (UNIX_EPOCH - Duration::from_millis(1), -1),
            (UNIX_EPOCH - Duration::from_secs(2), -2),
        ] {
            assert_eq!(UnixTime::from(time), UnixTime(seconds));
        }
    }
}
