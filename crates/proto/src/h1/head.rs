//! The head of a response: where it ends, and what it says.
//!
//! First [`HeadScanner`] looks for the blank line while bytes arrive, then [`ResponseHead::parse`]
//! reads the head once. The head's bytes are kept once; everything else is a slice of them.
//!
//! Only HTTP/1.0 and 1.1 are spoken. What the fields mean for the body is `framing`'s business.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::fields::{BlankLine, FieldBlock, FieldError, Index, Line, is_whitespace, trim_end};
use crate::net_error::NetError;

/// How large a head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes from the first one to the end of the blank line. Default 256 KiB, as Chromium
    /// (`HttpStreamParser::kMaxHeaderBufSize`).
    pub bytes: usize,
    /// Field lines. Default 10,000.
    pub fields: usize,
}

impl HeadLimits {
    /// The defaults.
    pub const DEFAULT: Self = Self { bytes: 256 * 1024, fields: 10_000 };
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Finds the end of a head in a growing buffer without looking at a byte twice.
///
/// Up to four bytes of empty lines before the status line are passed over, as some servers send a
/// line end too many after a body (RFC 9112 §2.2 asks this of servers, Chromium's
/// `HttpUtil::LocateStartOfStatusLine` passes over any four bytes).
#[derive(Clone, Copy, Debug)]
pub struct HeadScanner {
    limit: usize,
    /// `None` until the first bytes are known to be `HTTP/`.
    blank_line: Option<BlankLine>,
}

impl HeadScanner {
    /// A scanner for one head with the default limits.
    pub const fn new() -> Self {
        Self::with_limits(HeadLimits::DEFAULT)
    }

    /// A scanner for one head of at most `limits.bytes`.
    pub const fn with_limits(limits: HeadLimits) -> Self {
        Self { limit: limits.bytes, blank_line: None }
    }

    /// Whether nothing has been looked at yet.
    fn is_fresh(&self) -> bool {
        self.blank_line.is_none()
    }

    /// The offset past the blank line, or `None` while `buffer` does not hold it.
    ///
    /// `buffer` holds everything received since the head began; between calls it only grows.
    ///
    /// # Errors
    ///
    /// [`HeadError::NotHttp`] as soon as the first bytes cannot become `HTTP/`;
    /// [`HeadError::TooBig`] as soon as the head cannot end within the limit.
    pub fn find_end(&mut self, buffer: &[u8]) -> Result<Option<usize>, HeadError> {
        let blank_line = match &mut self.blank_line {
            Some(blank_line) => blank_line,
            None => {
                let start = empty_lines(buffer)?;
                let known = &buffer[start..];
                if known == b"\r" {
                    return Ok(None);
                }
                let length = known.len().min(PREFIX.len());
                if known[..length] != PREFIX[..length] {
                    return Err(HeadError::NotHttp);
                }
                if length < PREFIX.len() {
                    return Ok(None);
                }
                self.blank_line.insert(BlankLine::from(start))
            }
        };
        match blank_line.find(buffer) {
            Some(end) if end <= self.limit => Ok(Some(end)),
            None if buffer.len() < self.limit => Ok(None),
            Some(_) | None => Err(HeadError::TooBig { limit: self.limit }),
        }
    }
}

impl Default for HeadScanner {
    fn default() -> Self {
        Self::new()
    }
}

/// The version in a status line. A minor version above 1 counts as 1 (RFC 9110 §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0: no persistence unless asked for, no chunks.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// A response's status line and fields, as they came.
///
/// `Debug` shows the values of fields that carry credentials or cookies as `…`.
#[derive(Clone)]
pub struct ResponseHead {
    version: Version,
    status: u16,
    reason: (u32, u32),
    fields: FieldBlock,
}

impl ResponseHead {
    /// Reads a whole head, as [`HeadScanner::find_end`] delimits it. Bytes past the blank line are
    /// not kept.
    ///
    /// # Errors
    ///
    /// Why the bytes are no head. A NUL or a bare CR anywhere is an error, a status line must have
    /// the form `HTTP/1.x SP 3DIGIT [SP reason]`, and the fields follow RFC 9112 §5.
    pub fn parse(mut bytes: Bytes, limits: &HeadLimits) -> Result<Self, HeadError> {
        if bytes.len() > limits.bytes || u32::try_from(bytes.len()).is_err() {
            return Err(HeadError::TooBig { limit: limits.bytes });
        }
        bytes.advance(empty_lines(&bytes)?);
        let line = Line::ending_after(&bytes, 0)?;
        let (version, status, reason) = parse_status_line(&bytes[..line.end])?;
        let fields = FieldBlock::parse(bytes, line.next, limits.fields)?;
        Self::assemble(version, status, reason, fields)
    }

    /// Takes a whole head off the front of `buffer`; `None` while it does not hold one.
    ///
    /// Mostly the first bytes that come hold all of the head, and then they are read once. What does
    /// not read as one at first is left to `scanner`, so that no byte is looked at often.
    ///
    /// # Errors
    ///
    /// As [`HeadScanner::find_end`] and [`parse`](Self::parse).
    pub fn take(
        buffer: &mut BytesMut,
        scanner: &mut HeadScanner,
        limits: &HeadLimits,
    ) -> Result<Option<Self>, HeadError> {
        if scanner.is_fresh()
            && buffer.starts_with(PREFIX)
            && let Some((version, status, reason, index)) = Self::index(buffer, limits)
            && index.end <= limits.bytes
        {
            let bytes = buffer.split_to(index.end).freeze();
            let fields = FieldBlock::indexed(bytes, index);
            return Self::assemble(version, status, reason, fields).map(Some);
        }
        let Some(end) = scanner.find_end(buffer)? else {
            return Ok(None);
        };
        Self::parse(buffer.split_to(end).freeze(), limits).map(Some)
    }

    fn index(bytes: &[u8], limits: &HeadLimits) -> Option<(Version, u16, (u32, u32), Index)> {
        let line = Line::ending_after(bytes, 0).ok()?;
        let (version, status, reason) = parse_status_line(&bytes[..line.end]).ok()?;
        let index = Index::of(bytes, line.next, limits.fields).ok()?;
        Some((version, status, reason, index))
    }

    fn assemble(
        version: Version,
        status: u16,
        reason: (u32, u32),
        fields: FieldBlock,
    ) -> Result<Self, HeadError> {
        for (name, error) in [
            ("location", HeadError::DifferingLocations),
            ("content-disposition", HeadError::DifferingDispositions),
        ] {
            let mut values = fields.get_all(name);
            if let Some(first) = values.next()
                && values.any(|value| value != first)
            {
                return Err(error);
            }
        }
        Ok(Self { version, status, reason, fields })
    }

    /// The version of the status line.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The status, 100 to 999.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase as it came, trimmed; often empty, in no known encoding.
    pub fn reason(&self) -> &[u8] {
        &self.fields.as_bytes()[self.reason.0 as usize..self.reason.1 as usize]
    }

    /// The fields in wire order, names in the letter case they came in.
    pub fn fields(
        &self,
    ) -> impl DoubleEndedIterator<Item = (&str, &[u8])> + ExactSizeIterator + Clone {
        self.fields.iter()
    }

    /// The value of the first field called `name`, in any letter case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields.get(name)
    }

    /// The values of all fields called `name`, in any letter case, in wire order.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &[u8]> + Clone {
        self.fields.get_all(name)
    }

    /// Whether one of the comma-separated members of the fields called `name` is `token`, both in
    /// any letter case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.fields.has_token(name, token)
    }

    /// How many fields there are.
    pub fn field_count(&self) -> usize {
        self.fields.len()
    }

    /// The head from `HTTP/` to the blank line.
    ///
    /// As received, except that a folded value stands on one line here, padded to its old length.
    pub fn as_bytes(&self) -> &Bytes {
        self.fields.as_bytes()
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ResponseHead")
            .field("version", &self.version)
            .field("status", &self.status)
            .field("reason", &String::from_utf8_lossy(self.reason()))
            .field("fields", &self.fields)
            .finish()
    }
}

/// Why bytes are not taken as the head of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// The first bytes are not `HTTP/`. HTTP/0.9 has no head and is not spoken.
    NotHttp,
    /// The status line names a version other than 1.0 to 1.9.
    Version,
    /// The status line has no status of three digits, 100 to 999, between spaces.
    Status,
    /// The head is larger than the limit.
    TooBig {
        /// The limit in bytes.
        limit: usize,
    },
    /// A line is refused.
    Field(FieldError),
    /// Several `Location` fields that differ (Chromium `HttpStreamParser::ParseResponseHeaders`).
    DifferingLocations,
    /// Several `Content-Disposition` fields that differ (Chromium, the same place).
    DifferingDispositions,
}

impl HeadError {
    /// Chromium's name for it.
    pub fn net_error(&self) -> NetError {
        match self {
            Self::TooBig { .. } | Self::Field(FieldError::TooMany { .. }) => {
                NetError::ResponseHeadersTooBig
            }
            Self::DifferingLocations => NetError::ResponseHeadersMultipleLocation,
            Self::DifferingDispositions => NetError::ResponseHeadersMultipleContentDisposition,
            Self::NotHttp | Self::Version | Self::Status | Self::Field(_) => {
                NetError::InvalidHttpResponse
            }
        }
    }
}

impl From<FieldError> for HeadError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHttp => formatter.write_str("the answer does not begin with HTTP/"),
            Self::Version => formatter.write_str("the status line names no version HTTP/1.x"),
            Self::Status => formatter.write_str("the status line has no status of three digits"),
            Self::TooBig { limit } => write!(formatter, "the head is larger than {limit} bytes"),
            Self::Field(error) => write!(formatter, "in the head: {error}"),
            Self::DifferingLocations => formatter.write_str("several Location fields that differ"),
            Self::DifferingDispositions => {
                formatter.write_str("several Content-Disposition fields that differ")
            }
        }
    }
}

impl std::error::Error for HeadError {}

/// Bytes of empty lines before the status line.
fn empty_lines(bytes: &[u8]) -> Result<usize, HeadError> {
    let mut at = 0;
    loop {
        match &bytes[at..] {
            [b'\n', ..] => at += 1,
            [b'\r', b'\n', ..] => at += 2,
            _ => return Ok(at),
        }
        if at > EMPTY_LINES {
            return Err(HeadError::NotHttp);
        }
    }
}

/// The version, the status and the range of the reason.
///
/// More than one space before the status is tolerated (RFC 9112 §4); nothing else is, where Chromium
/// makes up a missing version or status.
fn parse_status_line(line: &[u8]) -> Result<(Version, u16, (u32, u32)), HeadError> {
    let rest = line.strip_prefix(PREFIX).ok_or(HeadError::NotHttp)?;
    let (version, rest) = match rest {
        [b'1', b'.', minor @ b'0'..=b'9', rest @ ..] => {
            (if *minor == b'0' { Version::Http10 } else { Version::Http11 }, rest)
        }
        _ => return Err(HeadError::Version),
    };
    let mut rest = match rest {
        [b' ', rest @ ..] => rest,
        [] => return Err(HeadError::Status),
        _ => return Err(HeadError::Version),
    };
    while let [b' ', more @ ..] = rest {
        rest = more;
    }
    let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', reason @ ..] = rest else {
        return Err(HeadError::Status);
    };
    let [a, b, c] = [a, b, c].map(|digit| u16::from(digit - b'0'));
    let status = a * 100 + b * 10 + c;
    if reason.first().is_some_and(|byte| !is_whitespace(*byte)) {
        return Err(HeadError::Status);
    }
    let mut start = line.len() - reason.len();
    while line.get(start).is_some_and(|byte| is_whitespace(*byte)) {
        start += 1;
    }
    // The caller's head is no longer than u32::MAX.
    Ok((version, status, (start as u32, trim_end(line, start, line.len()) as u32)))
}

const PREFIX: &[u8] = b"HTTP/";

/// At most this many bytes of empty lines before the status line.
const EMPTY_LINES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// The head as it is read from `bytes`, or why not; asked of every way to cut `bytes` in two, and
    /// of one byte at a time.
    fn read(bytes: &[u8]) -> Result<ResponseHead, HeadError> {
        let scan = |cuts: &[usize]| {
            let mut scanner = HeadScanner::new();
            for cut in cuts {
                match scanner.find_end(&bytes[..*cut]) {
                    Ok(None) => {}
                    found => return found,
                }
            }
            scanner.find_end(bytes)
        };
        let whole = scan(&[]);
        if bytes.len() < 1_000 {
            for cut in 0..bytes.len() {
                assert_eq!(scan(&[cut]), whole, "cut at {cut}: {}", bytes.escape_ascii());
            }
            assert_eq!(scan(&(0..bytes.len()).collect::<Vec<_>>()), whole);
        }
        let end = whole?.unwrap_or(bytes.len());
        ResponseHead::parse(Bytes::copy_from_slice(&bytes[..end]), &HeadLimits::DEFAULT)
    }

    fn fields(head: &ResponseHead) -> Vec<(&str, &str)> {
        head.fields().map(|(name, value)| (name, str::from_utf8(value).unwrap())).collect()
    }

    fn with_fields(lines: &str) -> Vec<u8> {
        format!("HTTP/1.1 200 OK\r\n{lines}\r\n").into_bytes()
    }

    #[test]
    fn a_status_line_is_read_exactly() {
        for (line, version, status, reason) in [
            ("HTTP/1.1 200 OK", Version::Http11, 200, "OK"),
            ("HTTP/1.0 404 Not Found", Version::Http10, 404, "Not Found"),
            ("HTTP/1.1 200 ", Version::Http11, 200, ""),
            ("HTTP/1.1 200", Version::Http11, 200, ""),
            ("HTTP/1.1   301  Moved \t away  ", Version::Http11, 301, "Moved \t away"),
            ("HTTP/1.7 999 Sch\u{f6}n", Version::Http11, 999, "Sch\u{f6}n"),
            ("HTTP/1.1 100 Continue", Version::Http11, 100, "Continue"),
            ("\r\nHTTP/1.1 200 OK", Version::Http11, 200, "OK"),
            ("\n\n\r\nHTTP/1.1 200 OK", Version::Http11, 200, "OK"),
        ] {
            for end in ["\r\n\r\n", "\n\n", "\n\r\n", "\r\n\n"] {
                let head = read(format!("{line}{end}").as_bytes()).unwrap();
                assert_eq!(head.version(), version, "{line:?}");
                assert_eq!(head.status(), status, "{line:?}");
                assert_eq!(head.reason(), reason.as_bytes(), "{line:?}");
                assert_eq!(head.field_count(), 0, "{line:?}");
                assert!(head.as_bytes().starts_with(b"HTTP/1."), "{line:?}");
            }
        }
    }

    #[test]
    fn a_status_line_of_another_form_is_refused() {
        for (line, error) in [
            ("SSH-2.0-OpenSSH_9.6", HeadError::NotHttp),
            ("HTT", HeadError::NotHttp),
            ("http/1.1 200 OK", HeadError::NotHttp),
            ("<html>", HeadError::NotHttp),
            (" HTTP/1.1 200 OK", HeadError::NotHttp),
            ("\rHTTP/1.1 200 OK", HeadError::NotHttp),
            ("\r\n\r\n\r\nHTTP/1.1 200 OK", HeadError::NotHttp),
            ("\n\n\n\n\nHTTP/1.1 200 OK", HeadError::NotHttp),
            ("ICY 200 OK", HeadError::NotHttp),
            ("HTTP/0.9 200 OK", HeadError::Version),
            ("HTTP/2.0 200 OK", HeadError::Version),
            ("HTTP/2 200", HeadError::Version),
            ("HTTP/1 200 OK", HeadError::Version),
            ("HTTP/1.10 200 OK", HeadError::Version),
            ("HTTP/1.x 200 OK", HeadError::Version),
            ("HTTP/1.1\t200 OK", HeadError::Version),
            ("HTTP/1.1", HeadError::Status),
            ("HTTP/1.1 ", HeadError::Status),
            ("HTTP/1.1 OK", HeadError::Status),
            ("HTTP/1.1 20", HeadError::Status),
            ("HTTP/1.1 099 Low", HeadError::Status),
            ("HTTP/1.1 000 Low", HeadError::Status),
            ("HTTP/1.1 1000 High", HeadError::Status),
            ("HTTP/1.1 200OK", HeadError::Status),
            ("HTTP/1.1 +20 OK", HeadError::Status),
            ("HTTP/1.1 2 0 OK", HeadError::Status),
            (
                "HTTP/1.1 200 O\rK",
                HeadError::Field(FieldError::ForbiddenByte { byte: b'\r', offset: 14 }),
            ),
            (
                "HTTP/1.1 200 O\0K",
                HeadError::Field(FieldError::ForbiddenByte { byte: 0, offset: 14 }),
            ),
        ] {
            let found = read(format!("{line}\r\n\r\n").as_bytes()).unwrap_err();
            assert_eq!(found, error, "{line:?}");
            assert_eq!(found.net_error(), NetError::InvalidHttpResponse, "{line:?}");
        }
    }

    #[test]
    fn an_answer_that_cannot_be_http_is_refused_at_its_first_wrong_byte() {
        for (bytes, found) in [
            ("", Ok(None)),
            ("H", Ok(None)),
            ("\r", Ok(None)),
            ("\r\n", Ok(None)),
            ("\r\nHTTP", Ok(None)),
            ("HTTP/", Ok(None)),
            ("S", Err(HeadError::NotHttp)),
            ("HTTQ", Err(HeadError::NotHttp)),
            ("\rH", Err(HeadError::NotHttp)),
            ("\r\n\0", Err(HeadError::NotHttp)),
        ] {
            assert_eq!(HeadScanner::new().find_end(bytes.as_bytes()), found, "{bytes:?}");
        }
    }

    #[test]
    fn what_follows_the_blank_line_is_not_the_heads() {
        let bytes = b"HTTP/1.1 200 OK\r\nA: 1\r\n\r\nbody\r\n\r\n";
        assert_eq!(HeadScanner::new().find_end(bytes), Ok(Some(25)));
        let head = ResponseHead::parse(Bytes::from_static(bytes), &HeadLimits::DEFAULT).unwrap();
        assert_eq!(&head.as_bytes()[..], &bytes[..25]);
    }

    #[test]
    fn fields_keep_their_order_their_case_and_their_copies() {
        let head = read(&with_fields(
            "Content-TYPE: text/html; charset=utf-8\r\nset-cookie:a=1\nX:\r\nX-Odd_!#$%&'*+.^`|~: \t 1 \t \r\nSet-Cookie: b=2\r\nempty:  \r\n",
        ))
        .unwrap();
        assert_eq!(
            fields(&head),
            [
                ("Content-TYPE", "text/html; charset=utf-8"),
                ("set-cookie", "a=1"),
                ("X", ""),
                ("X-Odd_!#$%&'*+.^`|~", "1"),
                ("Set-Cookie", "b=2"),
                ("empty", ""),
            ]
        );
        assert_eq!(head.get("SET-cookie"), Some(&b"a=1"[..]));
        assert_eq!(head.get_all("set-cookie").collect::<Vec<_>>(), [b"a=1", b"b=2"]);
        assert_eq!(head.get("absent"), None);
        assert_eq!(head.field_count(), 6);
    }

    #[test]
    fn values_keep_bytes_that_are_neither_line_ends_nor_nul() {
        let bytes = b"HTTP/1.1 200 OK\r\nX: \xff\x01\x0b\x7f\xe4\t:\r\n\r\n";
        assert_eq!(read(bytes).unwrap().get("x"), Some(&b"\xff\x01\x0b\x7f\xe4\t:"[..]));
    }

    #[test]
    fn a_folded_value_is_one_value() {
        let head = read(&with_fields(
            "A: one\r\n two \r\n\t three\r\nB:\r\n late\r\nC: early\r\n \t\r\nD: \n \n  four\n \n five\nE: last\r\n",
        ))
        .unwrap();
        let expected = [
            ("A", "one two three"),
            ("B", "late"),
            ("C", "early"),
            ("D", "four five"),
            ("E", "last"),
        ];
        assert_eq!(fields(&head), expected);
        let again = read(head.as_bytes()).unwrap();
        assert_eq!(fields(&again), expected, "the kept bytes say the same");
    }

    #[test]
    fn white_space_before_the_colon_is_tolerated_in_ordinary_fields() {
        let head = read(&with_fields("Server : x\r\nLocation\t : /\r\n")).unwrap();
        assert_eq!(fields(&head), [("Server", "x"), ("Location", "/")]);
    }

    #[test]
    fn lines_that_are_no_fields_are_skipped_with_their_continuations() {
        let head = read(&with_fields(
            "no colon\r\n and more: of it\r\nA: 1\r\n: nameless\r\nB\u{e4}d: name\r\nSpaced Name: x\r\nB: 2\r\n",
        ))
        .unwrap();
        assert_eq!(fields(&head), [("A", "1"), ("B", "2")]);
    }

    #[test]
    fn a_head_that_could_hide_a_framing_field_is_refused() {
        for (lines, error) in [
            ("Content-Length : 5\r\n", FieldError::SpacedFraming { offset: 17 }),
            ("transfer-encoding\t: chunked\r\n", FieldError::SpacedFraming { offset: 17 }),
            ("Content-Length:\r\n 5\r\n", FieldError::FoldedFraming { offset: 17 }),
            ("Transfer-Encoding: chu\r\n nked\r\n", FieldError::FoldedFraming { offset: 17 }),
            ("Content-Length: 5\r\n \r\n", FieldError::FoldedFraming { offset: 17 }),
            (" Content-Length: 5\r\n", FieldError::LeadingWhitespace { offset: 17 }),
            ("\tX: 5\r\n", FieldError::LeadingWhitespace { offset: 17 }),
            ("Content Length: 5\r\n", FieldError::DisguisedFraming { offset: 17 }),
            ("\x0bTransfer-Encoding: chunked\r\n", FieldError::DisguisedFraming { offset: 17 }),
            ("Transfer-Encoding\u{a0}: chunked\r\n", FieldError::DisguisedFraming { offset: 17 }),
            ("content-length 5\r\n", FieldError::DisguisedFraming { offset: 17 }),
            ("A: 1\r\njunk\r\n Content-Length: 5\r\n", FieldError::DisguisedFraming { offset: 29 }),
            ("X: a\rContent-Length: 5\r\n", FieldError::ForbiddenByte { byte: 13, offset: 21 }),
            ("X: a\r\r\n", FieldError::ForbiddenByte { byte: 13, offset: 21 }),
            ("junk\rX: a\r\n", FieldError::ForbiddenByte { byte: 13, offset: 21 }),
            ("X\r: a\r\n", FieldError::ForbiddenByte { byte: 13, offset: 18 }),
            ("X: a\r\n b\r c\r\n", FieldError::ForbiddenByte { byte: 13, offset: 25 }),
            ("X: a\0b\r\n", FieldError::ForbiddenByte { byte: 0, offset: 21 }),
            ("X\0: b\r\n", FieldError::ForbiddenByte { byte: 0, offset: 18 }),
        ] {
            let found = read(&with_fields(lines)).unwrap_err();
            assert_eq!(found, HeadError::Field(error), "{lines:?}");
            assert_eq!(found.net_error(), NetError::InvalidHttpResponse, "{lines:?}");
        }
    }

    #[test]
    fn a_head_without_its_blank_line_is_refused() {
        let whole = with_fields("A: 1\r\n  2\r\njunk\r\nB : 2\r\n");
        for cut in 0..whole.len() {
            let bytes = Bytes::copy_from_slice(&whole[..cut]);
            assert!(ResponseHead::parse(bytes, &HeadLimits::DEFAULT).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn copies_of_a_redirect_or_a_disposition_must_agree() {
        let same = with_fields("Location: /a\r\nlocation: /a\r\n");
        assert_eq!(read(&same).unwrap().get("location"), Some(&b"/a"[..]));
        for (lines, error) in [
            ("Location: /a\r\nlocation: /b\r\n", NetError::ResponseHeadersMultipleLocation),
            (
                "Content-Disposition: inline\r\nContent-Disposition: attachment\r\n",
                NetError::ResponseHeadersMultipleContentDisposition,
            ),
        ] {
            assert_eq!(read(&with_fields(lines)).unwrap_err().net_error(), error);
        }
    }

    #[test]
    fn a_head_of_exactly_the_limit_is_the_largest() {
        let limit = HeadLimits::DEFAULT.bytes;
        let head = |size: usize| {
            let padding = size - with_fields("A: \r\n").len();
            with_fields(&format!("A: {}\r\n", "x".repeat(padding)))
        };
        assert_eq!(read(&head(limit)).unwrap().get("a").unwrap().len(), limit - 24);

        let too_big = head(limit + 1);
        let error = HeadError::TooBig { limit };
        assert_eq!(read(&too_big).unwrap_err(), error);
        assert_eq!(error.net_error(), NetError::ResponseHeadersTooBig);
        assert_eq!(HeadScanner::new().find_end(&too_big[..limit]), Err(error), "before its end");
        assert_eq!(HeadScanner::new().find_end(&too_big[..limit - 1]), Ok(None));
        let whole = ResponseHead::parse(Bytes::from(too_big), &HeadLimits::DEFAULT);
        assert_eq!(whole.unwrap_err(), error);
    }

    #[test]
    fn a_head_has_at_most_ten_thousand_fields() {
        let head = read(&with_fields(&"a:1\r\n".repeat(10_000))).unwrap();
        assert_eq!(head.field_count(), 10_000);
        let error = read(&with_fields(&"a:1\r\n".repeat(10_001))).unwrap_err();
        assert_eq!(error, HeadError::Field(FieldError::TooMany { limit: 10_000 }));
        assert_eq!(error.net_error(), NetError::ResponseHeadersTooBig);
    }

    /// Work that grew with the square of the input would take minutes here.
    #[test]
    fn a_mebibyte_of_any_token_is_read_in_one_pass() {
        let limits = HeadLimits { bytes: 4 << 20, fields: 1 << 20 };
        for token in [
            "\n x",
            "\r\n ",
            " ",
            "\t",
            ":",
            "a",
            "a:\n",
            "\u{1}",
            "ContentLength",
            "\nContentLengt ",
            "\na : \n \n ",
            "x\ny",
            "\ncontent-length",
            "\u{b}\t",
        ] {
            for opening in ["HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 "] {
                let mut bytes = opening.as_bytes().to_vec();
                bytes.extend_from_slice(token.repeat((1 << 20) / token.len()).as_bytes());
                bytes.extend_from_slice(b"\r\n\r\n");
                let mut scanner = HeadScanner::with_limits(limits);
                for cut in (0..bytes.len()).step_by(1 << 12) {
                    if !matches!(scanner.find_end(&bytes[..cut]), Ok(None)) {
                        break;
                    }
                }
                let _ = ResponseHead::parse(Bytes::from(bytes), &limits);
            }
        }
    }

    #[test]
    fn debug_output_holds_no_cookie_and_no_challenge() {
        let head = read(&with_fields(
            "Set-Cookie: id=secret\r\nPROXY-Authenticate: NTLM secret\r\nServer: x\r\n",
        ))
        .unwrap();
        let shown = format!("{head:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains(r#""Server": "x""#), "{shown}");
    }

    #[test]
    fn an_error_says_what_was_wrong_and_where() {
        for (lines, text) in [
            ("X: a\rb\r\n", "in the head: a carriage return without line feed at byte 21"),
            ("X: a\0b\r\n", "in the head: the byte 0x00 at byte 21"),
            (
                "Content-Length : 1\r\n",
                "in the head: white space before the colon of a framing field at byte 17",
            ),
        ] {
            assert_eq!(read(&with_fields(lines)).unwrap_err().to_string(), text);
        }
    }

    /// Where a stricter parser reads a head at all, both read the same.
    #[test]
    fn a_head_taken_from_a_growing_buffer_is_the_head_parsed_whole() {
        for head in [
            &b"HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 2\r\n\r\n"[..],
            b"HTTP/1.0 404\nA:1\n\n",
            b"\r\nHTTP/1.1 200 OK\r\nFolded: a\r\n  b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: a\rb\r\n\r\n",
            b"HTTP/1.1 20 OK\r\n\r\n",
            b"SSH-2.0-x\r\n\r\n",
        ] {
            let limits = HeadLimits::DEFAULT;
            let whole = Bytes::copy_from_slice(head);
            let expected = match HeadScanner::new().find_end(&whole) {
                Ok(end) => ResponseHead::parse(whole.slice(..end.unwrap()), &limits),
                Err(error) => Err(error),
            };
            for cut in 0..=head.len() {
                let mut scanner = HeadScanner::new();
                let mut buffer = BytesMut::from(&head[..cut]);
                let mut taken = ResponseHead::take(&mut buffer, &mut scanner, &limits);
                if matches!(taken, Ok(None)) {
                    buffer.extend_from_slice(&head[cut..]);
                    buffer.extend_from_slice(b"body\0");
                    taken = ResponseHead::take(&mut buffer, &mut scanner, &limits);
                    assert!(taken.is_err() || buffer == b"body\0"[..], "{cut}");
                }
                let shown = taken.map(|head| format!("{:?}", head.unwrap()));
                assert_eq!(shown, expected.clone().map(|head| format!("{head:?}")), "cut at {cut}");
            }
        }
    }

    #[test]
    fn httparse_reads_the_same_fields() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 12\r\n\r\n"[..],
            b"HTTP/1.0 302 Found\nLocation:/x\nA:\nB: \t c d \t\n\n",
            b"HTTP/1.1 404 Not Found\r\nX-\x41: \xe4\xff\r\n\r\n",
        ] {
            let mut storage = [httparse::EMPTY_HEADER; 8];
            let mut other = httparse::Response::new(&mut storage);
            assert_eq!(other.parse(bytes), Ok(httparse::Status::Complete(bytes.len())));
            let head = read(bytes).unwrap();
            assert_eq!(Some(head.status()), other.code);
            assert_eq!(Some(head.reason()), other.reason.map(str::as_bytes));
            let theirs: Vec<_> = other.headers.iter().map(|field| (field.name, field.value)).collect();
            assert_eq!(head.fields().collect::<Vec<_>>(), theirs);
        }
    }
}
