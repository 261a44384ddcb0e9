//! What a response says about a file of which a part is here: which version it is, and which bytes come.
//!
//! Only a strong `ETag` tells that two parts belong together. A function of the fields; no file and no
//! socket is touched here, and what is done with a part is `download.rs`'s.

use crate::exit::{Exit, Failure};
use crate::hints;

/// What the response says about the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) content_range: Option<&'a str>,
    pub(crate) etag: Option<&'a str>,
    /// The user asked for a range.
    pub(crate) is_range_asked: bool,
    /// The bytes of the file are those of the server's: no coding is undone, no head comes before.
    pub(crate) is_verbatim: bool,
}

/// The length of the whole file, when `answer` is the rest of it from `length` on.
///
/// # Errors
///
/// It is a part of another version, it begins elsewhere, or a coding was undone on the way.
pub(crate) fn rest(answer: &Answer<'_>, length: u64, version: &str) -> Result<u64, Failure> {
    // Parts of two versions make no file (RFC 9110 §15.3.7.3).
    if answer.etag != Some(version) {
        return Err(broken(format!(
            "the server sent a part of another version ({}, not {version})",
            answer.etag.map_or_else(|| "without an ETag".to_owned(), hints::one_line)
        )));
    }
    if !answer.is_verbatim {
        return Err(broken("the server sent the rest of the file with a coding".to_owned()));
    }
    match answer.content_range.and_then(Range::parse) {
        Some(Range { first, last, total }) if first == length => Ok(total.unwrap_or(last + 1)),
        _ => Err(broken(format!(
            "the server does not go on at byte {length} (Content-Range: {})",
            answer.content_range.map_or_else(|| "none".to_owned(), hints::one_line)
        ))),
    }
}

/// A response that cannot be made a file of.
pub(crate) fn broken(line: String) -> Failure {
    Failure { exit: Exit::BrokenResponse, line }
}

/// Whether `tag` is an `ETag` that promises the same bytes (RFC 9110 §8.8.3).
pub(crate) fn is_strong(tag: &str) -> bool {
    tag.len() >= 2 && tag.starts_with('"') && tag.ends_with('"')
}

/// `bytes 5-9/10` (RFC 9110 §14.4).
struct Range {
    first: u64,
    last: u64,
    /// `None` for `*`: the server does not know yet.
    total: Option<u64>,
}

impl Range {
    /// `None` for what is malformed or contradicts itself.
    fn parse(text: &str) -> Option<Self> {
        let (positions, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = positions.split_once('-')?;
        let first = first.trim().parse().ok()?;
        let last = last.trim().parse().ok()?;
        let total = match total.trim() {
            "*" => None,
            total => Some(total.parse().ok()?),
        };
        let is_sound = first <= last && last < total.unwrap_or(u64::MAX);
        is_sound.then_some(Self { first, last, total })
    }
}

/// The length in `bytes */10`.
pub(crate) fn complete_length(content_range: Option<&str>) -> Option<u64> {
    content_range?.trim().strip_prefix("bytes */")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_whole_or_not_at_all() {
        for (text, expected) in [
            ("bytes 5-9/10", Some((5, 9, Some(10)))),
            ("bytes 5-9/11", Some((5, 9, Some(11)))),
            (" bytes 5-5/* ", Some((5, 5, None))),
            ("bytes 5-4/10", None),
            ("bytes 5-10/10", None),
            ("bytes 5-18446744073709551615/*", None),
            ("bytes 5-18446744073709551616/*", None),
            ("bytes 5-9", None),
            ("bytes 5/10", None),
            ("bytes -9/10", None),
            ("bytes */10", None),
            ("items 5-9/10", None),
            ("", None),
        ] {
            let range = Range::parse(text).map(|range| (range.first, range.last, range.total));
            assert_eq!(range, expected, "{text}");
        }
    }

    #[test]
    fn a_strong_tag_is_in_quotes_and_nothing_else() {
        for (tag, expected) in [
            ("\"v1\"", true),
            ("\"\"", true),
            ("W/\"v1\"", false),
            ("\"", false),
            ("v1", false),
            ("Wed, 25 Nov 2026 10:00:00 GMT", false),
            ("", false),
        ] {
            assert_eq!(is_strong(tag), expected, "{tag}");
        }
    }
}
