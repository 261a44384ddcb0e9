//! The cookie file of Netscape, `cookies.txt`, which curl, wget and browser extensions share.
//!
//! One cookie a line, seven fields between tabs: domain, whether names below it count, path, secure,
//! the second of expiry (0 ends with the session), name, value. `#HttpOnly_` before the domain is
//! curl's mark. `SameSite`, priority and partition have no field: they are lost in writing, and
//! partitioned cookies are left out. A file is read wholly or refused with the number of a line.

use std::error::Error;
use std::fmt;

use super::{
    CanonicalCookie, ExclusionReason, Priority, SameSite, SourceScheme, StoredCookie, Timestamp,
};
use crate::date::UnixTime;

/// The cookies of a file.
///
/// Lines that are empty or begin with `#` say nothing. Names and values are bytes as they stand.
/// Expired cookies are among the answer.
///
/// # Errors
///
/// [`NetscapeError`] for the first line that is no cookie.
pub fn read(file: &[u8], now: Timestamp) -> Result<Vec<CanonicalCookie>, NetscapeError> {
    let mut cookies = Vec::new();
    for (index, line) in file.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (line, http_only) = match line.strip_prefix(HTTP_ONLY) {
            Some(rest) => (rest, true),
            None if line.starts_with(b"#") || line.trim_ascii().is_empty() => continue,
            None => (line, false),
        };
        let cookie = read_line(line, http_only, now);
        cookies.push(cookie.map_err(|problem| NetscapeError { line: index + 1, problem })?);
    }
    Ok(cookies)
}

/// The file that holds these cookies, with the comment by which programs know it.
pub fn write<'a>(cookies: impl IntoIterator<Item = &'a CanonicalCookie>) -> Vec<u8> {
    let mut file = b"# Netscape HTTP Cookie File\n\n".to_vec();
    for cookie in cookies.into_iter().filter(|cookie| cookie.partition_key().is_none()) {
        if cookie.http_only() {
            file.extend_from_slice(HTTP_ONLY);
        }
        let flag = |flag: bool| if flag { "TRUE" } else { "FALSE" };
        // Zero would mean a session cookie.
        let expiry = cookie.expiry().map_or(0, |expiry| expiry.unix().0.max(1));
        let below = flag(!cookie.is_host_only());
        let (domain, path, secure) = (cookie.domain(), cookie.path(), flag(cookie.secure()));
        let head = format!("{domain}\t{below}\t{path}\t{secure}\t{expiry}\t");
        file.extend_from_slice(head.as_bytes());
        file.extend_from_slice(cookie.name());
        file.push(b'\t');
        file.extend_from_slice(cookie.value());
        file.push(b'\n');
    }
    file
}

fn read_line(line: &[u8], http_only: bool, now: Timestamp) -> Result<CanonicalCookie, Problem> {
    let fields: Vec<&[u8]> = line.splitn(8, |byte| *byte == b'\t').collect();
    let (head, value) = match fields.as_slice() {
        [head @ .., value] if head.len() == 6 => (head, *value),
        // Editors cut a tab at the end, and with it an empty value.
        head if head.len() == 6 => (head, &b""[..]),
        other => return Err(Problem::Fields(other.len())),
    };
    let text = |field: usize| str::from_utf8(head[field]).map_err(|_| Problem::Text);
    let host = text(0)?.trim_start_matches('.').to_ascii_lowercase();
    let below = flag(head[1]).ok_or(Problem::Flag(2))?;
    let secure = flag(head[3]).ok_or(Problem::Flag(4))?;
    let expiry = match seconds(head[4]).ok_or(Problem::Expiry)? {
        0 => None,
        seconds => Some(Timestamp::from_unix(UnixTime(seconds))),
    };
    CanonicalCookie::from_storage(StoredCookie {
        name: head[5].to_vec(),
        value: value.to_vec(),
        domain: if below { format!(".{host}") } else { host },
        path: text(2)?.to_owned(),
        creation: now,
        expiry,
        last_access: now,
        last_update: now,
        secure,
        http_only,
        same_site: SameSite::Unspecified,
        priority: Priority::Medium,
        partition_key: None,
        source_scheme: SourceScheme::Unset,
        source_port: None,
    })
    .map_err(Problem::Cookie)
}

fn flag(text: &[u8]) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case(b"TRUE") => Some(true),
        _ if text.eq_ignore_ascii_case(b"FALSE") => Some(false),
        _ => None,
    }
}

/// A number of seconds; some programs write a fraction, which does not count.
fn seconds(text: &[u8]) -> Option<i64> {
    let text = str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    whole.parse().ok().filter(|_| digits)
}

/// A file that is no cookie file, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetscapeError {
    /// Counted from one.
    pub line: usize,
    problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    Fields(usize),
    Flag(u8),
    Expiry,
    Text,
    Cookie(ExclusionReason),
}

impl fmt::Display for NetscapeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: ", self.line)?;
        match self.problem {
            Problem::Fields(1) => out.write_str("seven fields with tabs between are expected"),
            Problem::Fields(8..) => out.write_str("more than seven fields with tabs between"),
            Problem::Fields(count) => write!(out, "{count} fields with tabs between, not seven"),
            Problem::Flag(field) => write!(out, "field {field} is neither TRUE nor FALSE"),
            Problem::Expiry => out.write_str("field 5 is not a number of seconds"),
            Problem::Text => out.write_str("domain or path is not UTF-8"),
            Problem::Cookie(reason) => out.write_str(reason.sentence()),
        }
    }
}

impl Error for NetscapeError {}

const HTTP_ONLY: &[u8] = b"#HttpOnly_";

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_764_000_000_000_000);

    #[test]
    fn a_file_is_read_and_written_again() {
        let file = "# Netscape HTTP Cookie File\n\n\
            .a.test\tTRUE\t/\tTRUE\t1800000000\tname\tvalue with = and ;,\n";
        let error = read(file.as_bytes(), NOW).unwrap_err();
        assert_eq!(error.to_string(), "line 3: The cookie contains ASCII control characters");

        let file = "# Netscape HTTP Cookie File\n\n\
            .a.test\tTRUE\t/\tTRUE\t1800000000\tname\tvalue with = and \"\n\
            #HttpOnly_127.0.0.1\tFALSE\t/x\tFALSE\t0\t\tno name\n\
            b.test\tFALSE\t/\tFALSE\t1\tempty\t\n";
        let cookies = read(file.as_bytes(), NOW).unwrap();
        assert_eq!(str::from_utf8(&write(&cookies)).unwrap(), file);
        let [first, second, third] = &cookies[..] else { panic!("{cookies:?}") };
        assert_eq!((first.domain(), first.pair()), (".a.test", &b"name=value with = and \""[..]));
        assert_eq!((first.secure(), first.http_only()), (true, false));
        assert_eq!(first.expiry(), Some(Timestamp(1_800_000_000_000_000)));
        assert_eq!((second.domain(), second.pair()), ("127.0.0.1", &b"no name"[..]));
        assert_eq!((second.path(), second.http_only(), second.expiry()), ("/x", true, None));
        assert!(third.is_expired(NOW) && third.is_host_only());
    }

    #[test]
    fn what_other_programs_write_is_understood() {
        for (line, domain, pair) in [
            ("a.test\tTRUE\t/\tfalse\t0\ta\tb\r", ".a.test", "a=b"),
            (".a.test\tFALSE\t/\tfalse\t0\ta\tb", "a.test", "a=b"),
            (".A.Test\tTRUE\t/\tFALSE\t1800000000.5\ta\tb", ".a.test", "a=b"),
            ("a.test\tFALSE\t/\tFALSE\t0\ta", "a.test", "a="),
        ] {
            let cookies = read(line.as_bytes(), NOW).unwrap();
            let [cookie] = &cookies[..] else { panic!("{line}") };
            assert_eq!((cookie.domain(), cookie.pair()), (domain, pair.as_bytes()), "{line}");
        }
        assert_eq!(read(b"", NOW), Ok(vec![]));
        assert_eq!(read(b"# a\n\n  \n#\n", NOW), Ok(vec![]));
    }

    #[test]
    fn an_error_names_the_line_and_what_is_wrong() {
        for (line, expected) in [
            ("a=b", "line 2: seven fields with tabs between are expected"),
            ("a.test\tTRUE\t/", "line 2: 3 fields with tabs between, not seven"),
            ("1\t2\t3\t4\t5\t6\t7\t8\t9", "line 2: more than seven fields with tabs between"),
            ("a.test\t1\t/\tTRUE\t0\ta\tb", "line 2: field 2 is neither TRUE nor FALSE"),
            ("a.test\tTRUE\t/\t\t0\ta\tb", "line 2: field 4 is neither TRUE nor FALSE"),
            ("a.test\tTRUE\t/\tTRUE\tsoon\ta\tb", "line 2: field 5 is not a number of seconds"),
            ("a.test\tTRUE\t/\tTRUE\t0.x\ta\tb", "line 2: field 5 is not a number of seconds"),
            (
                "co.uk\tTRUE\t/\tTRUE\t0\ta\tb",
                "line 2: The cookie was set with an invalid Domain attribute.",
            ),
            (
                "a.test\tTRUE\t/\tTRUE\t0\t__Host-a\tb",
                "line 2: The cookie was set with an invalid __Host- or __Secure- prefix.",
            ),
            (
                "a.test\tTRUE\tx\tTRUE\t0\ta\tb",
                "line 2: The cookie was malformed and could not be stored",
            ),
        ] {
            let error = read(format!("#\n{line}\n").as_bytes(), NOW).unwrap_err();
            assert_eq!((error.line, error.to_string().as_str()), (2, expected), "{line}");
        }
        let error = read(b"\xff\tTRUE\t/\tTRUE\t0\ta\tb", NOW).unwrap_err();
        assert_eq!(error.to_string(), "line 1: domain or path is not UTF-8");
    }
}
