//! gzip and deflate.
//!
//! A gzip body may have several members, which follow each other without a gap. Anything else after
//! the end is ignored, as in Chromium: some servers pad, some append.
//!
//! RFC 1950, RFC 1951, RFC 1952; Chromium `GzipSourceStream`.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Codec, Coding, DecodeError, Step};

/// Members of gzip.
pub(super) struct Gzip {
    inflate: Decompress,
    place: Place,
}

enum Place {
    Member,
    /// After a member, with so many bytes of another's beginning.
    Between(usize),
    /// After the last member.
    Ended,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self { inflate: Decompress::new_gzip(WINDOW_BITS), place: Place::Member }
    }

    fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError> {
        let (step, ended) = inflate(&mut self.inflate, Coding::Gzip, input, output)?;
        if ended {
            self.place = Place::Between(0);
        }
        Ok(step)
    }
}

impl Codec for Gzip {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError> {
        match self.place {
            Place::Member => self.inflate(input, output),
            Place::Between(matched) => {
                let rest = &MEMBER[matched..];
                let alike = input.iter().zip(rest).take_while(|(a, b)| a == b).count();
                if alike < rest.len().min(input.len()) {
                    self.place = Place::Ended;
                    return Ok(ignored(input));
                }
                self.place = Place::Between(matched + alike);
                if alike == rest.len() {
                    self.place = Place::Member;
                    self.inflate.reset(true);
                    self.inflate(MEMBER, output)?;
                }
                Ok(Step { read: alike, written: 0, more: false })
            }
            Place::Ended => Ok(ignored(input)),
        }
    }

    fn is_complete(&self) -> bool {
        !matches!(self.place, Place::Member)
    }
}

/// Deflate data, with the header of zlib or without.
pub(super) enum Deflate {
    /// The first two bytes tell which; the first of them may be here.
    Unknown(Option<u8>),
    Known(Box<Decompress>),
    Ended,
}

impl Deflate {
    pub(super) const fn new() -> Self {
        Self::Unknown(None)
    }
}

impl Codec for Deflate {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError> {
        match self {
            Self::Unknown(first) => {
                let &[byte, ..] = input else {
                    return Ok(ignored(input));
                };
                let Some(first) = *first else {
                    *self = Self::Unknown(Some(byte));
                    return Ok(Step { read: 1, written: 0, more: false });
                };
                let mut decompress = Box::new(Decompress::new(begins_zlib(first, byte)));
                // One byte is a header's half or less than a block: it decodes to nothing.
                inflate(&mut decompress, Coding::Deflate, &[first], output)?;
                *self = Self::Known(decompress);
                self.step(input, output)
            }
            Self::Known(decompress) => {
                let (step, ended) = inflate(decompress, Coding::Deflate, input, output)?;
                if ended {
                    *self = Self::Ended;
                }
                Ok(step)
            }
            Self::Ended => Ok(ignored(input)),
        }
    }

    fn is_complete(&self) -> bool {
        matches!(self, Self::Ended)
    }
}

/// Whether two bytes are a header of zlib: the method, a window of at most 32 KiB, the check.
///
/// Raw deflate that begins like this would be a stored block whose padding is not zero; no encoder
/// writes that. RFC 1950 §2.2.
const fn begins_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && ((first as u16) << 8 | second as u16).is_multiple_of(31)
}

fn inflate(
    decompress: &mut Decompress,
    coding: Coding,
    input: &[u8],
    output: &mut [u8],
) -> Result<(Step, bool), DecodeError> {
    let (read, written) = (decompress.total_in(), decompress.total_out());
    let status = decompress.decompress(input, output, FlushDecompress::None).map_err(|error| {
        DecodeError::corrupt(coding, error.message().unwrap_or("needs a dictionary"))
    })?;
    // Both differences are at most the lengths of the slices.
    let read = (decompress.total_in() - read) as usize;
    let written = (decompress.total_out() - written) as usize;
    let ended = matches!(status, Status::StreamEnd);
    let more = !ended && written == output.len();
    Ok((Step { read, written, more }, ended))
}

const fn ignored(input: &[u8]) -> Step {
    Step { read: input.len(), written: 0, more: false }
}

/// The largest window of deflate, 32 KiB.
const WINDOW_BITS: u8 = 15;

/// How a member begins: the two bytes of its identification, and deflate.
const MEMBER: &[u8] = &[0x1f, 0x8b, 8];
