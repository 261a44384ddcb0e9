//! Files of cookies: which kind one is, what is in it, and how one is written.
//!
//! The kind is told from the content. A file is taken wholly or refused with the place that is wrong, and
//! of two cookies that are the same one the later holds, as for programs that read such files line by
//! line. What the lines mean is the engine's affair.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use netreq::{Cookie, Timestamp, netscape, read_chromium_cookies};

use super::electron;
use crate::answer::Answer;
use crate::download::{Begun, Download, Plan};
use crate::exit::{Exit, Failure};
use crate::high::FileTarget;
use crate::hints;

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Expired ones are among them.
    pub(super) cookies: Vec<Cookie>,
    /// Those whose values are there only encrypted.
    pub(super) encrypted: usize,
    /// Entries of a database that are no cookies.
    pub(super) skipped: usize,
}

/// Reads the file, or standard input.
///
/// # Errors
///
/// It cannot be read, or is no file of cookies.
pub(super) fn read(path: Option<&Path>, now: Timestamp) -> Result<Found, Failure> {
    let shown = path.unwrap_or_else(|| Path::new("standard input"));
    let content = match path {
        Some(path) => File::open(path).and_then(limited),
        None => limited(io::stdin().lock()),
    };
    let content = content.map_err(|cause| Failure::file("read", shown, &cause))?;
    let refused = |why: String| Failure {
        exit: Exit::File,
        line: hints::one_line(&format!("{} is no file of cookies: {why}", shown.display())),
    };
    if content.starts_with(SQLITE) {
        let Some(path) = path else {
            let line = "a database is read from a file, not from standard input".to_owned();
            return Err(Failure { exit: Exit::File, line });
        };
        let found = read_chromium_cookies(path)
            .map_err(|error| Failure { exit: Exit::File, line: hints::cause_of(&error) })?;
        // These have dates of their own.
        let (cookies, encrypted, skipped) = (found.cookies, found.encrypted, found.skipped);
        return Ok(Found { cookies, encrypted, skipped });
    }
    let text = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&content);
    let cookies = match text.trim_ascii_start().first() {
        Some(b'[' | b'{') => electron::read(text, now).map_err(refused)?,
        _ => netscape::read(text, now).map_err(|error| refused(error.to_string()))?,
    };
    Ok(Found { cookies: in_order(cookies, now), ..Found::default() })
}

/// Writes a whole file as if it had been downloaded: under its name when it is complete, for its owner
/// alone, over nothing and through no link.
///
/// # Errors
///
/// The file exists and is not to be replaced, or cannot be written.
pub(super) fn write(target: FileTarget, content: &[u8]) -> Result<(), Failure> {
    let plan = Plan::look(&target)?;
    let answer = Answer {
        status: 200,
        content_range: None,
        etag: None,
        is_range_asked: false,
        is_verbatim: true,
    };
    match Download::begin(target, plan, &answer)? {
        Begun::Writing(mut download) => {
            download.write(content)?;
            download.finish()
        }
        Begun::Complete => Ok(()),
    }
}

fn limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    reader.take(LARGEST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 64 MiB"));
    }
    Ok(content)
}

/// The cookies as if they had been set one after the other, the last one now: later ones take the place
/// of earlier ones, and requests carry them in the order of the file.
fn in_order(cookies: Vec<Cookie>, now: Timestamp) -> Vec<Cookie> {
    let count = cookies.len() as i64;
    let numbered = (1..).zip(cookies);
    numbered
        .filter_map(|(number, cookie)| {
            let set = Timestamp(now.0 - count + number);
            let mut stored = cookie.to_stored();
            (stored.creation, stored.last_access, stored.last_update) = (set, set, set);
            // What was a cookie is one at another time.
            Cookie::from_storage(stored).ok()
        })
        .collect()
}

const LARGEST: u64 = 64 * 1024 * 1024;
/// How every database of SQLite begins.
const SQLITE: &[u8] = b"SQLite format 3\0";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_of_a_file_are_set_one_after_the_other() {
        let now = Timestamp(1_764_000_000_000_000);
        let file = "a.test\tFALSE\t/\tFALSE\t0\ta\t1\na.test\tFALSE\t/\tFALSE\t0\ta\t2\n";
        let cookies = in_order(netscape::read(file.as_bytes(), now).unwrap(), now);
        let times: Vec<_> = cookies.iter().map(|cookie| now.0 - cookie.last_update().0).collect();
        assert_eq!(times, [1, 0]);
        assert_eq!(cookies[1].pair(), b"a=2");
    }
}
