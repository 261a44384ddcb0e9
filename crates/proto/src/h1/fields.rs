//! Field lines as they came: one block of bytes and an index into it.
//!
//! The head of a response and the trailers of a chunked body have the same grammar (RFC 9112 §5) and
//! are read here, once, in one pass. Ordinary fields are read as leniently as Chromium reads them;
//! whatever could be read as a `Content-Length` or `Transfer-Encoding` must be written exactly.
//!
//! Names and values are slices of the block. This module does not know what any field means.

use std::fmt;

use bytes::Bytes;

use crate::header::is_secret;

/// Field lines in wire order and in the letter case they came in.
///
/// Values carry no white space at either end. A value that was folded over several lines
/// (RFC 9112 §5.2) is one value, its lines joined by a space.
///
/// `Debug` shows the values of fields that carry credentials or cookies as `…`.
#[derive(Clone, Default)]
pub struct FieldBlock {
    bytes: Bytes,
    spans: Vec<Span>,
    /// Which lengths of names occur, a bit each: most names that are asked for are not there, and
    /// this says so without a look at any field.
    lengths: u64,
}

/// Where one field lies in its block.
#[derive(Clone, Copy)]
struct Span {
    name: u32,
    name_length: u32,
    value: u32,
    value_length: u32,
}

/// Where the fields of a block lie, and where it ends.
pub(super) struct Index {
    spans: Vec<Span>,
    lengths: u64,
    /// The block with its folded lines joined, where it has any.
    unfolded: Option<Vec<u8>>,
    pub(super) end: usize,
}

impl Index {
    /// See [`FieldBlock::parse`]; `bytes` may go on behind the blank line.
    pub(super) fn of(bytes: &[u8], start: usize, limit: usize) -> Result<Self, FieldError> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(FieldError::TooMany { limit });
        }
        let mut spans = Vec::with_capacity(
            (bytes.len() / BYTES_A_FIELD).clamp(FEW_FIELDS, MANY_FIELDS).min(limit),
        );
        let mut lengths = 0;
        let mut unfolded: Option<Vec<u8>> = None;
        let mut at = start;
        loop {
            match bytes.get(at) {
                Some(b'\n') => {
                    at += 1;
                    break;
                }
                Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => {
                    at += 2;
                    break;
                }
                Some(b' ' | b'\t') => return Err(FieldError::LeadingWhitespace { offset: at }),
                _ => {}
            }

            let name_end = skip(bytes, at, is_token_byte);
            let mut colon = name_end;
            if bytes.get(colon) != Some(&b':') {
                colon = skip(bytes, name_end, is_whitespace);
            }
            if name_end == at || bytes.get(colon) != Some(&b':') {
                at = skip_malformed(bytes, at)?;
                continue;
            }
            let mut value = colon + 1;
            while bytes.get(value).is_some_and(|byte| is_whitespace(*byte)) {
                value += 1;
            }
            let line = Line::ending_after(bytes, value)?;
            let mut value_end = trim_end(bytes, value, line.end);
            let is_folded = continues(bytes, line.next);
            if (colon != name_end || is_folded) && is_framing(&bytes[at..name_end]) {
                return Err(if is_folded {
                    FieldError::FoldedFraming { offset: at }
                } else {
                    FieldError::SpacedFraming { offset: at }
                });
            }
            let mut next = line.next;
            if is_folded {
                let copy = unfolded.get_or_insert_with(|| bytes.to_vec());
                (value_end, next) = unfold(bytes, copy, value, value_end, line.next)?;
            }

            if spans.len() == limit {
                return Err(FieldError::TooMany { limit });
            }
            lengths |= length_bit(name_end - at);
            // Every offset fits: the block is no longer than u32::MAX.
            spans.push(Span {
                name: at as u32,
                name_length: (name_end - at) as u32,
                value: value as u32,
                value_length: (value_end - value) as u32,
            });
            at = next;
        }
        Ok(Self { spans, lengths, unfolded, end: at })
    }
}

impl FieldBlock {
    /// Reads the field lines of `bytes` from `start` up to and with the blank line; what follows the
    /// blank line is cut off.
    ///
    /// A line without a colon, or whose name is not a token, is skipped with its continuations, as
    /// Chromium's `HttpResponseHeaders` does, unless somebody could take it for a framing field.
    pub(super) fn parse(bytes: Bytes, start: usize, limit: usize) -> Result<Self, FieldError> {
        let index = Index::of(&bytes, start, limit)?;
        Ok(Self::indexed(bytes, index))
    }

    /// The block that `index` was made of, which `bytes` ends with.
    pub(super) fn indexed(bytes: Bytes, index: Index) -> Self {
        let mut bytes = index.unfolded.map_or(bytes, Bytes::from);
        bytes.truncate(index.end);
        Self { bytes, spans: index.spans, lengths: index.lengths }
    }

    /// The fields in wire order, names in the letter case they came in.
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = (&str, &[u8])> + ExactSizeIterator + Clone {
        self.spans.iter().map(|span| {
            // A name consists of token bytes, all of them ASCII: the default is never taken.
            (str::from_utf8(self.name(span)).unwrap_or_default(), self.value(span))
        })
    }

    /// The value of the first field called `name`, in any letter case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// The values of all fields called `name`, in any letter case, in wire order.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &[u8]> + Clone {
        let spans = match self.lengths & length_bit(name.len()) {
            0 => &[],
            _ => self.spans.as_slice(),
        };
        // The lengths first: most names differ there, and it costs no look at the block.
        spans
            .iter()
            .filter(move |span| {
                span.name_length as usize == name.len()
                    && self.name(span).eq_ignore_ascii_case(name.as_bytes())
            })
            .map(|span| self.value(span))
    }

    /// Whether one of the comma-separated members of the fields called `name` is `token`, both in
    /// any letter case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.get_all(name)
            .flat_map(members)
            .any(|member| member.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The bytes the fields are slices of, with the blank line at their end.
    ///
    /// As received, except that a folded value stands on one line here, padded to its old length.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Drops every field whose name `keep` refuses.
    pub(super) fn retain(&mut self, keep: impl Fn(&[u8]) -> bool) {
        let Self { bytes, spans, .. } = self;
        spans.retain(|span| keep(slice(bytes, span.name, span.name_length)));
    }

    fn name(&self, span: &Span) -> &[u8] {
        slice(&self.bytes, span.name, span.name_length)
    }

    fn value(&self, span: &Span) -> &[u8] {
        slice(&self.bytes, span.value, span.value_length)
    }
}

impl fmt::Debug for FieldBlock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = formatter.debug_map();
        for (name, value) in self.iter() {
            if is_secret(name) {
                map.entry(&name, &"…");
            } else {
                map.entry(&name, &String::from_utf8_lossy(value));
            }
        }
        map.finish()
    }
}

/// The bit of a name's length; all that are long share one.
fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

/// Why field lines are refused. Offsets count from the first byte of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// The bytes end before the blank line.
    Unterminated,
    /// More fields than the limit.
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// A NUL, or a carriage return that no line feed follows.
    ForbiddenByte {
        /// The byte.
        byte: u8,
        /// Where it is.
        offset: usize,
    },
    /// The first line begins with white space: neither a field nor the continuation of one.
    LeadingWhitespace {
        /// Where the line begins.
        offset: usize,
    },
    /// White space between the name of a framing field and its colon.
    SpacedFraming {
        /// Where the line begins.
        offset: usize,
    },
    /// A framing field folded over several lines.
    FoldedFraming {
        /// Where the line begins.
        offset: usize,
    },
    /// A malformed line that a laxer reader could take for a framing field.
    DisguisedFraming {
        /// Where the line begins.
        offset: usize,
    },
}

impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unterminated => formatter.write_str("the fields do not end with a blank line"),
            Self::TooMany { limit } => write!(formatter, "more than {limit} fields"),
            Self::ForbiddenByte { byte: b'\r', offset } => {
                write!(formatter, "a carriage return without line feed at byte {offset}")
            }
            Self::ForbiddenByte { byte, offset } => {
                write!(formatter, "the byte {byte:#04x} at byte {offset}")
            }
            Self::LeadingWhitespace { offset } => {
                write!(formatter, "white space before the first field at byte {offset}")
            }
            Self::SpacedFraming { offset } => {
                write!(
                    formatter,
                    "white space before the colon of a framing field at byte {offset}"
                )
            }
            Self::FoldedFraming { offset } => {
                write!(formatter, "a framing field folded over several lines at byte {offset}")
            }
            Self::DisguisedFraming { offset } => {
                write!(
                    formatter,
                    "a malformed line that resembles a framing field at byte {offset}"
                )
            }
        }
    }
}

impl std::error::Error for FieldError {}

/// Finds the blank line that ends a block of lines in a growing buffer, looking at each byte once.
///
/// Lines end with CRLF or a bare LF (RFC 9112 §2.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct BlankLine {
    /// Every line feed before this offset has been seen.
    seen: usize,
    line_start: usize,
}

impl BlankLine {
    /// Looks from `start`, which begins a line.
    pub(super) const fn from(start: usize) -> Self {
        Self { seen: start, line_start: start }
    }

    /// The offset past the blank line, or `None` while `buffer` does not hold it.
    pub(super) fn find(&mut self, buffer: &[u8]) -> Option<usize> {
        while let Some(feed) = find_line_feed(buffer, self.seen) {
            self.seen = feed + 1;
            match &buffer[self.line_start..feed] {
                [] | [b'\r'] => return Some(feed + 1),
                _ => self.line_start = feed + 1,
            }
        }
        self.seen = buffer.len().max(self.seen);
        None
    }
}

/// A line's content ends at `end`; the next line begins at `next`.
pub(super) struct Line {
    pub(super) end: usize,
    pub(super) next: usize,
}

impl Line {
    /// The end of the line that `from` lies in. No NUL and no bare CR stand between the two.
    #[inline]
    pub(super) fn ending_after(bytes: &[u8], from: usize) -> Result<Self, FieldError> {
        let end = find_control(bytes, from).ok_or(FieldError::Unterminated)?;
        match (bytes.get(end), bytes.get(end + 1)) {
            (Some(b'\r'), Some(b'\n')) => Ok(Self { end, next: end + 2 }),
            (Some(b'\n'), _) => Ok(Self { end, next: end + 1 }),
            (Some(byte), _) => Err(FieldError::ForbiddenByte { byte: *byte, offset: end }),
            (None, _) => Err(FieldError::Unterminated),
        }
    }
}

/// The members of a comma-separated list, trimmed; empty ones too.
pub(super) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    value.split(|byte| *byte == b',').map(|member| {
        let start = skip(member, 0, is_whitespace);
        &member[start..trim_end(member, start, member.len())]
    })
}

/// Joins the continuations from `next` on to the value, in `copy`, and pads with spaces what the
/// joined value leaves free, so that every other offset stays. Returns the value's end and the next
/// field's line.
///
/// Chromium's `HttpUtil::AssembleRawHeaders` joins with one space as well.
#[cold]
fn unfold(
    bytes: &[u8],
    copy: &mut [u8],
    value: usize,
    mut value_end: usize,
    mut next: usize,
) -> Result<(usize, usize), FieldError> {
    let mut line_end = value_end;
    while continues(bytes, next) {
        let start = skip(bytes, next, is_whitespace);
        let line = Line::ending_after(bytes, start)?;
        let end = trim_end(bytes, start, line.end);
        if start != end {
            if value_end != value {
                copy[value_end] = b' ';
                value_end += 1;
            }
            copy[value_end..value_end + (end - start)].copy_from_slice(&bytes[start..end]);
            value_end += end - start;
        }
        line_end = line.end;
        next = line.next;
    }
    copy[value_end..line_end].fill(b' ');
    Ok((value_end, next))
}

/// Passes over a line that is no field, and its continuations.
#[cold]
fn skip_malformed(bytes: &[u8], mut at: usize) -> Result<usize, FieldError> {
    loop {
        let line = Line::ending_after(bytes, at)?;
        if resembles_framing(&bytes[at..line.end]) {
            return Err(FieldError::DisguisedFraming { offset: at });
        }
        at = line.next;
        if !continues(bytes, at) {
            return Ok(at);
        }
    }
}

/// Whether `line` holds a framing field's name for a reader that ignores odd bytes in names.
fn resembles_framing(line: &[u8]) -> bool {
    let letters: Vec<u8> =
        line.iter().filter(|byte| byte.is_ascii_alphabetic()).map(u8::to_ascii_lowercase).collect();
    [&b"contentlength"[..], b"transferencoding"]
        .iter()
        .any(|name| letters.windows(name.len()).any(|window| window == *name))
}

fn is_framing(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"transfer-encoding")
}

/// Whether the line at `at` continues the one before it.
fn continues(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).copied().is_some_and(is_whitespace)
}

/// The first offset at or after `from` whose byte does not pass.
#[inline]
fn skip(bytes: &[u8], from: usize, passes: impl Fn(u8) -> bool) -> usize {
    let mut at = from;
    while let Some(byte) = bytes.get(at)
        && passes(*byte)
    {
        at += 1;
    }
    at
}

/// `end`, moved back over white space, but not before `start`.
#[inline]
pub(super) fn trim_end(bytes: &[u8], start: usize, mut end: usize) -> usize {
    while end > start && is_whitespace(bytes[end - 1]) {
        end -= 1;
    }
    end
}

fn slice(bytes: &[u8], start: u32, length: u32) -> &[u8] {
    &bytes[start as usize..][..length as usize]
}

pub(super) fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_token_byte(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// The first NUL, line feed or carriage return at or after `from`: the bytes that end a line or have
/// no place in one.
#[inline]
fn find_control(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = find(bytes, from, |word| word.wrapping_sub(ONES * 0x0e) & !word & HIGH)?;
        match bytes[at] {
            0 | b'\n' | b'\r' => return Some(at),
            _ => from = at + 1,
        }
    }
}

fn find_line_feed(bytes: &[u8], from: usize) -> Option<usize> {
    find(bytes, from, |word| {
        let word = word ^ (ONES * u64::from(b'\n'));
        word.wrapping_sub(ONES) & !word & HIGH
    })
}

/// The first byte at or after `from` that `hits` marks, eight bytes at a time.
///
/// A byte is below n exactly when subtracting n borrows into a high bit that was not set. `hits`
/// marks those high bits; a borrow may mark bytes above a hit as well, but never one below it.
#[inline(always)]
fn find(bytes: &[u8], from: usize, hits: impl Fn(u64) -> u64) -> Option<usize> {
    let mut chunks = bytes.get(from..)?.chunks_exact(8);
    let mut at = from;
    for chunk in chunks.by_ref() {
        // The default is never taken: the chunks are exact.
        let word = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        let marks = hits(word);
        if marks != 0 {
            return Some(at + (marks.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    // Filled up with bytes that no rule here looks for.
    let rest = chunks.remainder();
    let mut last = [u8::MAX; 8];
    last[..rest.len()].copy_from_slice(rest);
    let marks = hits(u64::from_le_bytes(last));
    (marks != 0).then(|| at + (marks.trailing_zeros() / 8) as usize)
}

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES * 0x80;

/// Room for the index is made for fields of this size, and at least for a few.
const BYTES_A_FIELD: usize = 32;
const FEW_FIELDS: usize = 8;
const MANY_FIELDS: usize = 64;

/// RFC 9110 §5.6.2.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let other = matches!(
            byte as u8,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        );
        table[byte] = other || (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    table
};
