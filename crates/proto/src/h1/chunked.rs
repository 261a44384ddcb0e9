//! The chunked transfer coding, both ways.
//!
//! The decoder takes bytes off the front of a buffer as they arrive and hands out the content as
//! slices of it. It never needs a whole chunk and never holds one back.
//!
//! It is strict (RFC 9112 §7.1): a size is 1 to 16 hexadecimal digits and size lines and chunks end
//! with CRLF. Chromium's `HttpChunkedDecoder` takes a bare LF there as well; that is how two readers
//! come to disagree on a body. White space after the size is tolerated, as in Chromium. Lines of the
//! trailer section end as field lines do, with CRLF or LF.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::fields::{BlankLine, FieldBlock, FieldError};
use crate::net_error::NetError;

/// How much of a chunked body may be something else than content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkedLimits {
    /// Bytes after the size in one size line, white space included. Default 16 KiB.
    ///
    /// The content of a chunk, and 64 bytes more, pay for as many such bytes; what they do not pay
    /// for adds up over chunks and counts against the same limit.
    pub extension_bytes: usize,
    /// Bytes of the trailer section. Default 64 KiB.
    pub trailer_bytes: usize,
    /// Fields in the trailer section. Default 1,000.
    pub trailer_fields: usize,
}

impl ChunkedLimits {
    /// The defaults.
    pub const DEFAULT: Self =
        Self { extension_bytes: 16 * 1024, trailer_bytes: 64 * 1024, trailer_fields: 1_000 };
}

impl Default for ChunkedLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Decodes one chunked body.
#[derive(Debug)]
pub struct ChunkedDecoder {
    limits: ChunkedLimits,
    state: State,
    /// Extension bytes that no content has paid for yet.
    unpaid: u64,
    trailers: FieldBlock,
}

/// What [`ChunkedDecoder::decode`] found next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunked {
    /// Content, never empty; a chunk may come in several pieces.
    Data(Bytes),
    /// The buffer is used up. If no more bytes follow, the body is incomplete.
    WantsInput,
    /// The body is complete. What is left in the buffer does not belong to it.
    End,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Line(Line),
    Data { remaining: u64 },
    Trailers(BlankLine),
    End,
    Failed(ChunkedError),
}

/// Places between chunks.
#[derive(Clone, Copy, Debug)]
enum Line {
    Size {
        size: u64,
        digits: u8,
    },
    /// White space after the size: only an extension or the line's end may follow.
    Padding {
        size: u64,
    },
    Extension {
        size: u64,
    },
    SizeFeed {
        size: u64,
    },
    DataReturn,
    DataFeed,
}

impl ChunkedDecoder {
    /// A decoder at the beginning of a body.
    pub fn new(limits: &ChunkedLimits) -> Self {
        Self {
            limits: *limits,
            state: State::Line(Line::Size { size: 0, digits: 0 }),
            unpaid: 0,
            trailers: FieldBlock::default(),
        }
    }

    /// Takes the next piece off the front of `input`.
    ///
    /// # Errors
    ///
    /// Why the bytes are no chunked body. The decoder stays failed: the connection has no known state
    /// any more.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Chunked, ChunkedError> {
        let next = self.step(input);
        if let Err(error) = next {
            self.state = State::Failed(error);
        }
        next
    }

    /// Whether the body is complete.
    pub fn is_at_end(&self) -> bool {
        matches!(self.state, State::End)
    }

    /// The fields after the last chunk; empty before the end.
    ///
    /// Fields that must not stand there (RFC 9110 §6.5.1: framing, routing, credentials, cookies,
    /// content) are dropped.
    pub fn trailers(&self) -> &FieldBlock {
        &self.trailers
    }

    /// The trailers, out of the decoder.
    pub fn into_trailers(self) -> FieldBlock {
        self.trailers
    }

    fn step(&mut self, input: &mut BytesMut) -> Result<Chunked, ChunkedError> {
        loop {
            match self.state {
                State::Line(line) => {
                    self.state = self.read_line(line, input)?;
                    if matches!(self.state, State::Line(_)) {
                        return Ok(Chunked::WantsInput);
                    }
                }
                State::Data { .. } if input.is_empty() => return Ok(Chunked::WantsInput),
                State::Data { remaining } => {
                    let length = usize::try_from(remaining)
                        .map_or(input.len(), |size| size.min(input.len()));
                    let remaining = remaining - length as u64;
                    self.state = match remaining {
                        0 => State::Line(Line::DataReturn),
                        _ => State::Data { remaining },
                    };
                    return Ok(Chunked::Data(input.split_to(length).freeze()));
                }
                State::Trailers(ref mut blank_line) => {
                    let limit = self.limits.trailer_bytes;
                    let end = match blank_line.find(input) {
                        Some(end) if end <= limit => end,
                        None if input.len() < limit => return Ok(Chunked::WantsInput),
                        Some(_) | None => return Err(ChunkedError::TrailersTooBig { limit }),
                    };
                    let section = input.split_to(end).freeze();
                    self.trailers = FieldBlock::parse(section, 0, self.limits.trailer_fields)
                        .map_err(ChunkedError::Trailer)?;
                    self.trailers.retain(|name| {
                        !FORBIDDEN
                            .iter()
                            .any(|refused| name.eq_ignore_ascii_case(refused.as_bytes()))
                    });
                    self.state = State::End;
                }
                State::End => return Ok(Chunked::End),
                State::Failed(error) => return Err(error),
            }
        }
    }

    /// Reads on from `line` until content or trailers begin or the input is used up.
    fn read_line(&mut self, mut line: Line, input: &mut BytesMut) -> Result<State, ChunkedError> {
        for (index, byte) in input.iter().enumerate() {
            match self.after(line, *byte)? {
                State::Line(next) => line = next,
                next => {
                    input.advance(index + 1);
                    return Ok(next);
                }
            }
        }
        input.clear();
        Ok(State::Line(line))
    }

    fn after(&mut self, line: Line, byte: u8) -> Result<State, ChunkedError> {
        let next = match (line, byte) {
            (Line::Size { size, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if digits == MAX_DIGITS {
                    return Err(ChunkedError::SizeTooBig);
                }
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Line::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
            }
            (Line::Size { digits: 0, .. }, _) => return Err(ChunkedError::Size { byte }),
            (Line::Size { size, .. }, _) if size > i64::MAX as u64 => {
                return Err(ChunkedError::SizeTooBig);
            }
            (Line::Size { size, .. } | Line::Padding { size }, b' ' | b'\t') => {
                self.count_extension_byte()?;
                Line::Padding { size }
            }
            (Line::Size { size, .. } | Line::Padding { size }, b';') => {
                self.count_extension_byte()?;
                Line::Extension { size }
            }
            (
                Line::Size { size, .. } | Line::Padding { size } | Line::Extension { size },
                b'\r',
            ) => Line::SizeFeed { size },
            (Line::Size { .. } | Line::Padding { .. }, _) => {
                return Err(ChunkedError::Size { byte });
            }
            (Line::Extension { .. }, 0 | b'\n') => return Err(ChunkedError::Extension { byte }),
            (Line::Extension { size }, _) => {
                self.count_extension_byte()?;
                Line::Extension { size }
            }
            (Line::SizeFeed { size: 0 }, b'\n') => {
                return Ok(State::Trailers(BlankLine::from(0)));
            }
            (Line::SizeFeed { size }, b'\n') => {
                self.unpaid = self.unpaid.saturating_sub(size.saturating_add(FREE_EXTENSION_BYTES));
                return Ok(State::Data { remaining: size });
            }
            (Line::DataReturn, b'\r') => Line::DataFeed,
            (Line::DataFeed, b'\n') => Line::Size { size: 0, digits: 0 },
            (Line::SizeFeed { .. }, _) => return Err(ChunkedError::LineEnd { byte }),
            (Line::DataReturn | Line::DataFeed, _) => return Err(ChunkedError::ChunkEnd { byte }),
        };
        Ok(State::Line(next))
    }

    fn count_extension_byte(&mut self) -> Result<(), ChunkedError> {
        let limit = self.limits.extension_bytes;
        self.unpaid += 1;
        if self.unpaid > limit as u64 {
            return Err(ChunkedError::ExtensionsTooBig { limit });
        }
        Ok(())
    }
}

/// Why bytes are no chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkedError {
    /// A byte that is no hexadecimal digit where a size is expected, or that follows a size.
    Size {
        /// The byte.
        byte: u8,
    },
    /// A size of more than 16 digits, or above 2⁶³ - 1.
    SizeTooBig,
    /// A NUL or a bare line feed in a chunk extension.
    Extension {
        /// The byte.
        byte: u8,
    },
    /// More bytes of chunk extensions than the limit.
    ExtensionsTooBig {
        /// The limit in bytes.
        limit: usize,
    },
    /// A byte after the carriage return of a size line that is no line feed.
    LineEnd {
        /// The byte.
        byte: u8,
    },
    /// A byte after a chunk's content that is no part of CRLF.
    ChunkEnd {
        /// The byte.
        byte: u8,
    },
    /// More bytes of trailers than the limit.
    TrailersTooBig {
        /// The limit in bytes.
        limit: usize,
    },
    /// A line of the trailers is refused.
    Trailer(FieldError),
}

impl ChunkedError {
    /// Chromium's name for it.
    pub fn net_error(&self) -> NetError {
        NetError::InvalidChunkedEncoding
    }
}

impl fmt::Display for ChunkedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { byte } => write!(formatter, "the byte {byte:#04x} in a chunk's size"),
            Self::SizeTooBig => formatter.write_str("a chunk's size is out of range"),
            Self::Extension { byte } => {
                write!(formatter, "the byte {byte:#04x} in a chunk extension")
            }
            Self::ExtensionsTooBig { limit } => {
                write!(formatter, "more than {limit} bytes of chunk extensions")
            }
            Self::LineEnd { byte } => {
                write!(formatter, "the byte {byte:#04x} where a chunk's size line ends")
            }
            Self::ChunkEnd { byte } => write!(formatter, "the byte {byte:#04x} where a chunk ends"),
            Self::TrailersTooBig { limit } => {
                write!(formatter, "more than {limit} bytes of trailers")
            }
            Self::Trailer(error) => write!(formatter, "in the trailers: {error}"),
        }
    }
}

impl std::error::Error for ChunkedError {}

/// Writes the size line of a chunk of `length` bytes into `buffer` and returns what it wrote.
///
/// The buffer has room for 16 digits and CRLF. The content and [`CRLF`] follow. A chunk of no bytes would end the body: write none for it.
pub fn chunk_prefix(mut length: usize, buffer: &mut [u8; 18]) -> &[u8] {
    debug_assert_ne!(length, 0, "an empty chunk ends the body");
    let mut start = buffer.len() - CRLF.len();
    buffer[start..].copy_from_slice(CRLF);
    loop {
        start -= 1;
        buffer[start] = b"0123456789abcdef"[length & 0xf];
        length >>= 4;
        if length == 0 {
            return &buffer[start..];
        }
    }
}

/// What ends a chunk.
pub const CRLF: &[u8] = b"\r\n";

/// What ends a chunked body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

const MAX_DIGITS: u8 = 16;

/// So many extension bytes a chunk are free: signatures and the like on small chunks add up.
const FREE_EXTENSION_BYTES: u64 = 64;

/// Fields that mean nothing good in trailers.
const FORBIDDEN: [&str; 22] = [
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "host",
    "keep-alive",
    "location",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "www-authenticate",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What one body decodes to: content, trailers and what is left over.
    #[derive(Debug, PartialEq, Eq)]
    enum Outcome {
        Complete { content: Vec<u8>, trailers: Vec<(String, String)>, left: Vec<u8> },
        Incomplete { content: Vec<u8> },
        Failed(ChunkedError),
    }

    fn complete(content: &str, trailers: &[(&str, &str)], left: &str) -> Outcome {
        Outcome::Complete {
            content: content.into(),
            trailers: trailers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            left: left.into(),
        }
    }

    fn decode_pieces<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Outcome {
        let mut decoder = ChunkedDecoder::new(&ChunkedLimits::DEFAULT);
        let mut input = BytesMut::new();
        let mut content = Vec::new();
        let mut ended = false;
        for piece in pieces {
            input.extend_from_slice(piece);
            while !ended {
                assert!(!decoder.is_at_end());
                match decoder.decode(&mut input) {
                    Ok(Chunked::Data(data)) => {
                        assert!(!data.is_empty());
                        content.extend_from_slice(&data);
                    }
                    Ok(Chunked::WantsInput) => break,
                    Ok(Chunked::End) => ended = true,
                    Err(error) => {
                        assert_eq!(decoder.decode(&mut input), Err(error), "it stays failed");
                        return Outcome::Failed(error);
                    }
                }
            }
        }
        if !ended {
            return Outcome::Incomplete { content };
        }
        assert!(decoder.is_at_end());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let trailers = decoder.trailers().iter();
        let trailers = trailers.map(|(name, value)| (name.to_owned(), text(value))).collect();
        Outcome::Complete { content, trailers, left: input.to_vec() }
    }

    /// The outcome, the same for every way to cut `bytes` in two and for one byte at a time.
    fn decode(bytes: &[u8]) -> Outcome {
        let whole = decode_pieces([bytes]);
        if bytes.len() < 1_000 {
            for cut in 0..bytes.len() {
                let (first, second) = bytes.split_at(cut);
                assert_eq!(decode_pieces([first, second]), whole, "cut at {cut}");
            }
            assert_eq!(decode_pieces(bytes.chunks(1)), whole, "byte by byte");
        }
        whole
    }

    #[test]
    fn a_chunked_body_is_its_content_and_its_trailers() {
        for (bytes, outcome) in [
            ("0\r\n\r\n", complete("", &[], "")),
            ("5\r\nhello\r\n0\r\n\r\n", complete("hello", &[], "")),
            ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", complete("hello world", &[], "")),
            ("A\r\n0123456789\r\n0\r\n\r\n", complete("0123456789", &[], "")),
            ("9\r\n\r\n0\r\n\r\n0\r\r\n0\r\n\r\n", complete("\r\n0\r\n\r\n0\r", &[], "")),
            ("0000000000000002\r\nok\r\n00\r\n\r\n", complete("ok", &[], "")),
            ("2 \t\r\nok\r\n0  \r\n\r\n", complete("ok", &[], "")),
            ("2;a=b;c=\"d \u{1}\"\r\nok\r\n0;x\r\n\r\n", complete("ok", &[], "")),
            ("2 ; a\r\nok\r\n0\r\n\r\n", complete("ok", &[], "")),
            ("0\r\n\r\nHTTP/1.1 200 OK", complete("", &[], "HTTP/1.1 200 OK")),
            (
                "1\r\nx\r\n0\r\nETag: \"1\"\r\nX-Sum : a\n b\r\n\r\n!",
                complete("x", &[("ETag", "\"1\""), ("X-Sum", "a b")], "!"),
            ),
            (
                "0\r\nContent-Length: 7\r\nSET-COOKIE: a=b\r\nA: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                complete("", &[("A", "1")], ""),
            ),
        ] {
            assert_eq!(decode(bytes.as_bytes()), outcome, "{bytes:?}");
        }
    }

    #[test]
    fn a_body_without_its_last_chunk_is_incomplete_at_every_length() {
        let bytes = b"5;x\r\nhello\r\n0\r\nA: 1\r\n\r\n";
        for length in 0..bytes.len() {
            let taken = length.saturating_sub(5).min(5);
            let outcome = Outcome::Incomplete { content: b"hello"[..taken].to_vec() };
            assert_eq!(decode_pieces([&bytes[..length]]), outcome, "{length}");
        }
    }

    #[test]
    fn a_body_that_could_be_read_in_two_ways_is_refused() {
        use ChunkedError::{ChunkEnd, Extension, LineEnd, Size, SizeTooBig};
        for (bytes, error) in [
            ("\r\n", Size { byte: b'\r' }),
            ("+5\r\nhello\r\n", Size { byte: b'+' }),
            ("-5\r\nhello\r\n", Size { byte: b'-' }),
            ("0x5\r\nhello\r\n", Size { byte: b'x' }),
            (" 5\r\nhello\r\n", Size { byte: b' ' }),
            ("5 5\r\nhello\r\n", Size { byte: b'5' }),
            ("5g\r\nhello\r\n", Size { byte: b'g' }),
            ("5,\r\nhello\r\n", Size { byte: b',' }),
            (";a\r\n", Size { byte: b';' }),
            ("5\nhello\r\n", Size { byte: b'\n' }),
            ("5\0\r\nhello", Size { byte: 0 }),
            ("5\rhello", LineEnd { byte: b'h' }),
            ("5\r\r\nhello", LineEnd { byte: b'\r' }),
            ("00000000000000005\r\nhello\r\n", SizeTooBig),
            ("10000000000000000\r\n", SizeTooBig),
            ("FFFFFFFFFFFFFFFFF\r\n", SizeTooBig),
            ("ffffffffffffffff\r\n", SizeTooBig),
            ("8000000000000000\r\n", SizeTooBig),
            ("5;a\nb\r\nhello", Extension { byte: b'\n' }),
            ("5;a\0\r\nhello", Extension { byte: 0 }),
            ("5;a\rb\r\nhello", LineEnd { byte: b'b' }),
            ("2\r\nok\n0\r\n\r\n", ChunkEnd { byte: b'\n' }),
            ("2\r\nok0\r\n\r\n", ChunkEnd { byte: b'0' }),
            ("2\r\nokXX", ChunkEnd { byte: b'X' }),
            ("2\r\nok\r0\r\n", ChunkEnd { byte: b'0' }),
            (
                "0\r\nContent-Length : 3\r\n\r\n",
                ChunkedError::Trailer(FieldError::SpacedFraming { offset: 0 }),
            ),
            (
                "0\r\nA: b\rc\r\n\r\n",
                ChunkedError::Trailer(FieldError::ForbiddenByte { byte: b'\r', offset: 4 }),
            ),
            (
                "0\r\n A: b\r\n\r\n",
                ChunkedError::Trailer(FieldError::LeadingWhitespace { offset: 0 }),
            ),
        ] {
            assert_eq!(decode(bytes.as_bytes()), Outcome::Failed(error), "{bytes:?}");
            assert_eq!(error.net_error(), NetError::InvalidChunkedEncoding);
        }
        let largest = decode(b"7fffffffffffffff\r\nx");
        assert_eq!(largest, Outcome::Incomplete { content: b"x".to_vec() });
    }

    #[test]
    fn extensions_are_bounded_in_a_chunk_and_over_many() {
        let limit = ChunkedLimits::DEFAULT.extension_bytes;
        let too_big = Outcome::Failed(ChunkedError::ExtensionsTooBig { limit });
        for filler in ["x", " ", ";", "\t"] {
            let body = |size: usize| format!("1;{}\r\nx\r\n0\r\n\r\n", filler.repeat(size - 1));
            assert_eq!(decode(body(limit).as_bytes()), complete("x", &[], ""), "{filler:?}");
            assert_eq!(decode(body(limit + 1).as_bytes()), too_big, "{filler:?}");
        }
        let spaces = format!("1{}", " ".repeat(limit + 1));
        assert_eq!(decode(spaces.as_bytes()), too_big);

        let signed = "1;signature=0123456789abcdef0123456789abcdef\r\nx\r\n".repeat(10_000);
        let expected = Outcome::Incomplete { content: vec![b'x'; 10_000] };
        assert_eq!(decode(signed.as_bytes()), expected, "small ones are free");
        let flood = format!("1;{}\r\nx\r\n", "x".repeat(1_000)).repeat(20);
        assert_eq!(
            decode(flood.as_bytes()),
            too_big,
            "20 chunks of 1 byte with 1,000 of extension"
        );
    }

    #[test]
    fn trailers_are_bounded() {
        let limit = ChunkedLimits::DEFAULT.trailer_bytes;
        let body = |size: usize| format!("0\r\nA: {}\r\n\r\n", "x".repeat(size - 7));
        let largest = body(limit);
        assert!(matches!(decode(largest.as_bytes()), Outcome::Complete { .. }));
        let too_big = Outcome::Failed(ChunkedError::TrailersTooBig { limit });
        assert_eq!(decode(body(limit + 1).as_bytes()), too_big);
        assert_eq!(
            decode(format!("0\r\n{}", "x".repeat(limit)).as_bytes()),
            too_big,
            "endless line"
        );

        let flood = format!("0\r\n{}\r\n", "a:\n".repeat(1_001));
        let error = ChunkedError::Trailer(FieldError::TooMany { limit: 1_000 });
        assert_eq!(decode(flood.as_bytes()), Outcome::Failed(error));
    }

    #[test]
    fn content_is_handed_out_where_it_lies() {
        let mut input = BytesMut::from(&b"8\r\nabcdefgh\r\n"[..]);
        let place = input[3..].as_ptr();
        let mut decoder = ChunkedDecoder::new(&ChunkedLimits::DEFAULT);
        let Ok(Chunked::Data(data)) = decoder.decode(&mut input) else { panic!("no content") };
        assert_eq!((&data[..], data.as_ptr()), (&b"abcdefgh"[..], place));
    }

    #[test]
    fn a_chunk_written_is_a_chunk_read() {
        for (length, prefix) in [
            (1, "1\r\n"),
            (15, "f\r\n"),
            (16, "10\r\n"),
            (0x1a, "1a\r\n"),
            (65_536, "10000\r\n"),
            (usize::MAX, "ffffffffffffffff\r\n"),
        ] {
            assert_eq!(chunk_prefix(length, &mut [0; 18]), prefix.as_bytes());
        }
        let mut body = chunk_prefix(26, &mut [0; 18]).to_vec();
        body.extend_from_slice(&[b'x'; 26]);
        body.extend_from_slice(CRLF);
        body.extend_from_slice(LAST_CHUNK);
        assert_eq!(decode(&body), complete(&"x".repeat(26), &[], ""));
    }
}
