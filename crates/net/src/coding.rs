//! Content codings: the encoded body in, the body as meant out.
//!
//! Bytes are fed as they come and decoded when asked for, at most 64 KiB at a time, so that a small
//! body that decodes to a huge one costs no memory. Several codings in a row are undone from the last
//! to the first. Which responses are decoded, and when to read more, is the caller's business; no
//! socket and no future is known here.
//!
//! RFC 9110 §8.4; Chromium `net/filter` (`GzipSourceStream`, `BrotliSourceStream`,
//! `ZstdSourceStream`).

use std::collections::VecDeque;
use std::fmt;
use std::mem;

use bytes::{Buf, Bytes, BytesMut};
use netreq_proto::NetError;

#[cfg(feature = "brotli")]
mod brotli;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "zstd")]
mod zstd;

/// A content coding that this build can undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// `gzip` and `x-gzip`. RFC 1952.
    #[cfg(feature = "gzip")]
    Gzip,
    /// `deflate`: zlib (RFC 1950) as the standard has it, or raw (RFC 1951) as some servers send.
    #[cfg(feature = "gzip")]
    Deflate,
    /// `br`. RFC 7932.
    #[cfg(feature = "brotli")]
    Brotli,
    /// `zstd` with a window of at most 8 MiB. RFC 8878, RFC 9659.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Coding {
    /// The coding's registered name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip => "gzip",
            #[cfg(feature = "gzip")]
            Self::Deflate => "deflate",
            #[cfg(feature = "brotli")]
            Self::Brotli => "br",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }

    fn named(name: &[u8]) -> Option<Self> {
        if name.eq_ignore_ascii_case(b"x-gzip") {
            return Self::named(b"gzip");
        }
        ContentDecoder::available()
            .iter()
            .copied()
            .find(|coding| name.eq_ignore_ascii_case(coding.name().as_bytes()))
    }

    fn codec(self) -> Result<Box<dyn Codec>, DecodeError> {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip => Ok(Box::new(gzip::Gzip::new())),
            #[cfg(feature = "gzip")]
            Self::Deflate => Ok(Box::new(gzip::Deflate::new())),
            #[cfg(feature = "brotli")]
            Self::Brotli => Ok(Box::new(brotli::Brotli::new())),
            #[cfg(feature = "zstd")]
            Self::Zstd => Ok(Box::new(zstd::Zstd::new()?)),
        }
    }
}

/// Undoes the codings of one body. After an error it is of no further use.
pub(crate) struct ContentDecoder {
    /// What was fed and is not yet taken by the first stage.
    fed: VecDeque<Bytes>,
    /// In the order of decoding: the coding applied last is the first.
    stages: Vec<Stage>,
    ended: bool,
    /// Bytes between two stages since the last chunk.
    fruitless: usize,
}

impl ContentDecoder {
    /// The codings of this build, in the order in which `Accept-Encoding` names them.
    pub(crate) const fn available() -> &'static [Coding] {
        &[
            #[cfg(feature = "gzip")]
            Coding::Gzip,
            #[cfg(feature = "gzip")]
            Coding::Deflate,
            #[cfg(feature = "brotli")]
            Coding::Brotli,
            #[cfg(feature = "zstd")]
            Coding::Zstd,
        ]
    }

    /// The decoder for a response with these values of `Content-Encoding`.
    ///
    /// `None` when there is nothing to undo, or a coding is not known: the body is then delivered as
    /// it comes, as Chromium does. Fails above five codings in a row.
    pub(crate) fn from_field<'a>(
        values: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Option<Self>, DecodeError> {
        let mut codings = Vec::new();
        for name in values.flat_map(|value| value.split(|byte| *byte == b',')) {
            let name = name.trim_ascii();
            if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            let Some(coding) = Coding::named(name) else {
                return Ok(None);
            };
            if codings.len() == MAX_CODINGS {
                return Err(DecodeError::TooManyCodings);
            }
            codings.push(coding);
        }
        if codings.is_empty() {
            return Ok(None);
        }
        let stages: Result<_, _> = codings.into_iter().rev().map(Stage::new).collect();
        Ok(Some(Self { fed: VecDeque::new(), stages: stages?, ended: false, fruitless: 0 }))
    }

    /// Adds encoded bytes; they are kept, not copied.
    pub(crate) fn feed(&mut self, input: Bytes) {
        debug_assert!(!self.ended, "nothing comes after the end");
        if !input.is_empty() {
            self.fed.push_back(input);
        }
    }

    /// The next decoded bytes, never empty; `None` when it takes more input to go on.
    ///
    /// A chunk that is dropped before the next call lends its memory to the next chunk.
    pub(crate) fn decode(&mut self) -> Result<Option<Bytes>, DecodeError> {
        self.fruitless = 0;
        self.pull(self.stages.len() - 1)
    }

    /// The same once all input has been fed; `None` when the body is complete.
    pub(crate) fn finish(&mut self) -> Result<Option<Bytes>, DecodeError> {
        self.ended = true;
        self.decode()
    }

    /// The next output of a stage, fed by the stage before it.
    fn pull(&mut self, index: usize) -> Result<Option<Bytes>, DecodeError> {
        loop {
            if self.stages[index].wants_input() {
                let input = match index.checked_sub(1) {
                    None => self.fed.pop_front(),
                    Some(before) => {
                        let between = self.pull(before)?;
                        self.fruitless += between.as_ref().map_or(0, Bytes::len);
                        between
                    }
                };
                let Some(input) = input else {
                    if self.ended {
                        self.stages[index].check_end()?;
                    }
                    return Ok(None);
                };
                // A coding of a coding may expand to hours of work that come to nothing; a call
                // has to end.
                if self.fruitless > MAX_FRUITLESS {
                    return Err(DecodeError::Fruitless);
                }
                self.stages[index].take(input);
            }
            if let Some(chunk) = self.stages[index].decode()? {
                return Ok(Some(chunk));
            }
        }
    }
}

impl fmt::Debug for ContentDecoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.stages.iter().map(|stage| stage.coding)).finish()
    }
}

/// One coding being undone.
struct Stage {
    coding: Coding,
    codec: Box<dyn Codec>,
    input: Bytes,
    /// The codec may hold output for which there was no room.
    more: bool,
    begun: bool,
    /// A fault that was met behind output; it comes once that has been delivered.
    fault: Option<DecodeError>,
    output: Output,
}

impl Stage {
    fn new(coding: Coding) -> Result<Self, DecodeError> {
        Ok(Self {
            coding,
            codec: coding.codec()?,
            input: Bytes::new(),
            more: false,
            begun: false,
            fault: None,
            output: Output::default(),
        })
    }

    fn wants_input(&self) -> bool {
        self.input.is_empty() && !self.more
    }

    fn take(&mut self, input: Bytes) {
        self.begun = true;
        self.input = input;
    }

    /// Decodes until the input is used up or a chunk is full.
    fn decode(&mut self) -> Result<Option<Bytes>, DecodeError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let buffer = self.output.buffer();
        let mut filled = 0;
        while filled < buffer.len() && (self.more || !self.input.is_empty()) {
            let step = match self.codec.step(&self.input, &mut buffer[filled..]) {
                Ok(step) => step,
                Err(fault) if filled > 0 => {
                    // The next call meets it, wherever it looks first.
                    self.more = true;
                    self.fault = Some(fault);
                    break;
                }
                Err(fault) => return Err(fault),
            };
            if step.read == 0 && step.written == 0 && !self.input.is_empty() {
                return Err(DecodeError::corrupt(self.coding, "the data leads nowhere"));
            }
            self.input.advance(step.read);
            filled += step.written;
            self.more = step.more && step.written > 0;
        }
        Ok(self.output.hand_out(filled))
    }

    /// No input is left. A body of no bytes at all is complete: it has nothing to decode.
    fn check_end(&self) -> Result<(), DecodeError> {
        if self.begun && !self.codec.is_complete() {
            return Err(DecodeError::Truncated(self.coding));
        }
        Ok(())
    }
}

/// The memory that a stage decodes into, used again once the chunk before is dropped.
#[derive(Default)]
struct Output {
    /// Always of [`CHUNK`] bytes, or empty while the last chunk is with the caller.
    buffer: BytesMut,
    handed_out: Bytes,
}

impl Output {
    fn buffer(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            self.buffer = mem::take(&mut self.handed_out)
                .try_into_mut()
                .unwrap_or_else(|_| BytesMut::zeroed(CHUNK));
        }
        &mut self.buffer
    }

    fn hand_out(&mut self, filled: usize) -> Option<Bytes> {
        match filled {
            0 => None,
            // Whoever keeps small chunks is not to keep 64 KiB for each.
            1..=SMALL => Some(Bytes::copy_from_slice(&self.buffer[..filled])),
            _ => {
                let whole = mem::take(&mut self.buffer).freeze();
                let chunk = whole.slice(..filled);
                self.handed_out = whole;
                Some(chunk)
            }
        }
    }
}

/// The decoder of one coding.
trait Codec: Send + Sync {
    /// Decodes some of `input` into `output`, neither of which is used up in general.
    ///
    /// Takes all input once the encoded data has ended and what follows is ignored.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError>;

    /// Whether the encoded data may end here.
    fn is_complete(&self) -> bool;
}

struct Step {
    read: usize,
    written: usize,
    /// Without more input there may be more output.
    more: bool,
}

/// Why a body cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// More than five codings in a row.
    TooManyCodings,
    /// Codings in a row that expand without end and without result.
    Fruitless,
    /// The body ended before its encoded data.
    Truncated(Coding),
    /// The data is not what its coding says; the library's word for it.
    Corrupt(Coding, String),
    /// A zstd window above 8 MiB. RFC 9659 §3.
    #[cfg_attr(
        not(feature = "zstd"),
        allow(dead_code, reason = "zstd alone has windows to refuse")
    )]
    WindowTooBig,
}

impl DecodeError {
    /// Chromium's code.
    pub(crate) const fn net_error(&self) -> NetError {
        match self {
            Self::WindowTooBig => NetError::ZstdWindowSizeTooBig,
            Self::TooManyCodings | Self::Fruitless | Self::Truncated(_) | Self::Corrupt(..) => {
                NetError::ContentDecodingFailed
            }
        }
    }

    fn corrupt(coding: Coding, detail: impl Into<String>) -> Self {
        Self::Corrupt(coding, detail.into())
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyCodings => write!(formatter, "more than {MAX_CODINGS} content codings"),
            Self::Fruitless => formatter.write_str("content codings that expand to nothing"),
            Self::Truncated(coding) => {
                write!(formatter, "the body ends within its {} data", coding.name())
            }
            Self::Corrupt(coding, detail) => {
                write!(formatter, "invalid {} data: {detail}", coding.name())
            }
            Self::WindowTooBig => formatter.write_str("the zstd window is above 8 MiB"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// The most that one call of [`ContentDecoder::decode`] gives, and the memory of a stage.
const CHUNK: usize = 64 * 1024;

/// Up to here a chunk is copied out.
const SMALL: usize = 8 * 1024;

/// Codings in a row; a server needs one.
const MAX_CODINGS: usize = 5;

/// How much may pass from one stage to the next in one call without a decoded byte: some hundredths
/// of a second of work.
const MAX_FRUITLESS: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests;
