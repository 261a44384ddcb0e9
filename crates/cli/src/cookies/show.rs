//! Cookies for a reader: a table on a terminal, and one line each, between tabs, for a program.
//!
//! The columns are the same. Values are shown, as they are the user's own; what could move the cursor is
//! not.

use netreq::{Cookie, Timestamp};

use crate::hints::one_line;
use crate::style::{Role, Style};

/// The columns: domain, path, name, expiry, attributes, value. A domain with a dot in front counts for
/// the names below it too.
type Row = [String; 6];

const TITLES: [&str; 6] = ["DOMAIN", "PATH", "NAME", "EXPIRES", "ATTRIBUTES", "VALUE"];

/// A table with titles; nothing for no cookie.
pub(super) fn table(cookies: &[Cookie], style: Style) -> String {
    let rows = rows(cookies);
    if rows.is_empty() {
        return String::new();
    }
    let titles = TITLES.map(str::to_owned);
    let width = |column: usize| {
        let cells = rows.iter().chain([&titles]).map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |row: &Row, role: Option<Role>| {
        let mut out = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            // The last column is as long as it is.
            let padding =
                if column + 1 == row.len() { 0 } else { width - cell.chars().count() + 2 };
            match role.or(if column == NAME { Some(Role::Name) } else { None }) {
                Some(role) => out.push_str(&style.paint(role, cell)),
                None => out.push_str(cell),
            }
            out.extend(std::iter::repeat_n(' ', padding));
        }
        format!("{}\n", out.trim_end())
    };
    let head = line(&titles, Some(Role::Strong));
    std::iter::once(head).chain(rows.iter().map(|row| line(row, None))).collect()
}

/// One line a cookie, with tabs between the columns.
pub(super) fn lines(cookies: &[Cookie]) -> String {
    rows(cookies).iter().map(|row| format!("{}\n", row.join("\t"))).collect()
}

/// Sorted by host, then path, then name.
fn rows(cookies: &[Cookie]) -> Vec<Row> {
    let mut sorted: Vec<&Cookie> = cookies.iter().collect();
    sorted.sort_by_key(|cookie| {
        (cookie.domain().trim_start_matches('.'), cookie.path(), cookie.name())
    });
    let row = |cookie: &Cookie| {
        let text = |bytes: &[u8]| one_line(&String::from_utf8_lossy(bytes));
        let mut attributes = Vec::new();
        if cookie.secure() {
            attributes.push("Secure".to_owned());
        }
        if cookie.http_only() {
            attributes.push("HttpOnly".to_owned());
        }
        if let Some(same_site) = cookie.same_site().attribute() {
            attributes.push(format!("SameSite={same_site}"));
        }
        if let Some(key) = cookie.partition_key() {
            attributes.push(format!("Partitioned={}", key.top_level_site()));
        }
        [
            one_line(cookie.domain()),
            one_line(cookie.path()),
            text(cookie.name()),
            cookie.expiry().map_or_else(|| "session".to_owned(), moment),
            if attributes.is_empty() { "-".to_owned() } else { attributes.join(",") },
            text(cookie.value()),
        ]
    };
    sorted.into_iter().map(row).collect()
}

const NAME: usize = 2;

/// A moment as RFC 3339 writes it, to the second.
fn moment(moment: Timestamp) -> String {
    let seconds = moment.0.div_euclid(1_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    // Years begin in March, so that the day that some have more is their last; 719,468 days lie between
    // such a year zero and 1970.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use netreq::Url;

    fn cookie(url: &str, line: &[u8]) -> Cookie {
        let now = Timestamp(1_764_000_000_000_000);
        Cookie::from_line(line, &Url::parse(url).unwrap(), now, None, None).unwrap()
    }

    #[test]
    fn a_terminal_gets_a_table_and_a_pipe_lines() {
        let cookies = [
            cookie("https://b.test/", b"sid=abc; Secure; HttpOnly; SameSite=Lax"),
            cookie("https://a.test/", b"long=v w; Max-Age=60; Domain=a.test; Path=/x"),
            cookie("https://a.test/", b"\xc2\x9b\xff"),
        ];
        assert_eq!(
            table(&cookies, Style::PLAIN),
            "DOMAIN   PATH  NAME  EXPIRES               ATTRIBUTES                    VALUE\n\
             a.test   /           session               -                             \u{fffd}\u{fffd}\n\
             .a.test  /x    long  2025-11-24T16:01:00Z  -                             v w\n\
             b.test   /     sid   session               Secure,HttpOnly,SameSite=Lax  abc\n"
        );
        assert_eq!(
            lines(&cookies[..1]),
            "b.test\t/\tsid\tsession\tSecure,HttpOnly,SameSite=Lax\tabc\n"
        );
        assert_eq!((table(&[], Style::PLAIN), lines(&[])), (String::new(), String::new()));
        let painted = table(&cookies[..1], Style::new(true));
        assert!(painted.starts_with("\x1b[1mDOMAIN\x1b[0m "), "{painted}");
    }

    #[test]
    fn a_moment_is_a_date_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_764_000_060, "2025-11-24T16:01:00Z"),
        ] {
            assert_eq!(moment(Timestamp(seconds * 1_000_000)), expected);
        }
        assert_eq!(moment(Timestamp::MAX).len(), "294247-01-10T04:00:54Z".len());
        assert!(moment(Timestamp::MIN).starts_with('-'));
    }
}
