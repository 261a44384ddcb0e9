//! br.
//!
//! The window is at most 16 MiB, as the format has it; the "large window" extension is refused.
//! What follows the end is ignored.
//!
//! RFC 7932; Chromium `BrotliSourceStream`.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::{Codec, Coding, DecodeError, Step};

/// A brotli stream.
pub(super) struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    ended: bool,
}

impl Brotli {
    pub(super) fn new() -> Self {
        Self {
            state: Box::new(BrotliState::new_strict(
                StandardAlloc::default(),
                StandardAlloc::default(),
                StandardAlloc::default(),
            )),
            ended: false,
        }
    }
}

impl Codec for Brotli {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, DecodeError> {
        if self.ended {
            return Ok(Step { read: input.len(), written: 0, more: false });
        }
        let (mut left, mut read) = (input.len(), 0);
        let (mut room, mut written) = (output.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            input,
            &mut room,
            &mut written,
            output,
            &mut 0,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => {
                let detail = format!("{:?}", self.state.error_code);
                return Err(DecodeError::corrupt(Coding::Brotli, detail));
            }
            BrotliResult::ResultSuccess => self.ended = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(Step { read, written, more: matches!(result, BrotliResult::NeedsMoreOutput) })
    }

    fn is_complete(&self) -> bool {
        self.ended
    }
}
