//! zstd.
//!
//! Frames follow each other without a gap; anything else after a frame is an error, as in Chromium.
//! The window is memory that the server decides on: a frame that asks for more than 8 MiB is refused.
//!
//! RFC 8878, RFC 9659; Chromium `ZstdSourceStream`.

use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::{Codec, Coding, DecodeError, Step};

/// Frames of zstd.
pub(super) struct Zstd {
    context: DCtx<'static>,
    between_frames: bool,
}

impl Zstd {
    pub(super) fn new() -> Result<Self, DecodeError> {
        let mut context = DCtx::try_create()
            .ok_or_else(|| DecodeError::corrupt(Coding::Zstd, "no memory for a decoder"))?;
        context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX)).map_err(failed)?;
        Ok(Self { context, between_frames: false })
    }
}

impl Codec for Zstd {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError> {
        let mut input = InBuffer::around(input);
        let mut output = OutBuffer::around(output);
        let wanted = self.context.decompress_stream(&mut output, &mut input).map_err(failed)?;
        // Zero: the frame is decoded and its output complete.
        self.between_frames = wanted == 0;
        Ok(Step {
            read: input.pos(),
            written: output.pos(),
            more: wanted != 0 && output.pos() == output.capacity(),
        })
    }

    fn is_complete(&self) -> bool {
        self.between_frames
    }
}

fn failed(code: usize) -> DecodeError {
    if code.wrapping_neg() == WINDOW_TOO_LARGE {
        return DecodeError::WindowTooBig;
    }
    DecodeError::corrupt(Coding::Zstd, get_error_name(code))
}

/// 8 MiB, the least that RFC 9659 §3 asks of a decoder and the most that it allows an encoder.
const WINDOW_LOG_MAX: u32 = 23;

/// `ZSTD_error_frameParameter_windowTooLarge`; the library promises its error numbers to stay.
const WINDOW_TOO_LARGE: usize = 16;
