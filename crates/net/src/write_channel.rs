//! The way of chunks from whoever writes a request to whoever sends it: room for a few, so that one
//! system call carries them, and not more, so that a server that stops reading stops the writer.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http_body::Frame;

use crate::error::{BoxError, Error};
use crate::runtime::lock;

pub(crate) fn channel() -> (ChunkWriter, ChunkReader) {
    let state = Arc::new(Mutex::new(State::default()));
    (ChunkWriter(Arc::clone(&state)), ChunkReader(state))
}

#[derive(Default)]
struct State {
    chunks: VecDeque<Bytes>,
    queued: usize,
    end: End,
    is_reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    Finished,
    /// The writer was dropped: what was sent must not look whole.
    Abandoned,
}

impl State {
    fn has_room(&self) -> bool {
        self.is_reader_gone || (self.queued < MOST_BYTES && self.chunks.len() < MOST_CHUNKS)
    }
}

/// The writing end. Dropping it without [`finish`](Self::finish) fails the request.
pub(crate) struct ChunkWriter(Arc<Mutex<State>>);

impl ChunkWriter {
    /// Ready when there is room for a chunk, or nobody takes any.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_until(State::has_room, cx)
    }

    /// Ready when all chunks have been taken, or nobody takes any.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_until(|state| state.is_reader_gone || state.chunks.is_empty(), cx)
    }

    fn poll_until(&self, is_so: impl Fn(&State) -> bool, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0);
        if is_so(&state) {
            return Poll::Ready(());
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Hands over a chunk. A reader that is gone has its answer already: the chunk is not missed.
    pub(crate) fn write(&self, chunk: Bytes) {
        let mut state = lock(&self.0);
        if !state.is_reader_gone && !chunk.is_empty() {
            state.queued += chunk.len();
            state.chunks.push_back(chunk);
        }
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }

    /// The body ends here, whole.
    pub(crate) fn finish(self) {
        lock(&self.0).end = End::Finished;
    }
}

impl Drop for ChunkWriter {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        if state.end == End::Open {
            state.end = End::Abandoned;
        }
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }
}

/// The reading end, a body.
pub(crate) struct ChunkReader(Arc<Mutex<State>>);

impl http_body::Body for ChunkReader {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut state = lock(&self.0);
        if let Some(chunk) = state.chunks.pop_front() {
            state.queued -= chunk.len();
            // Woken once for several: each wake-up would bring a chunk alone.
            let is_nearly_empty = state.queued <= MOST_BYTES / 2;
            let writer = state.writer.take_if(|_| is_nearly_empty);
            drop(state);
            wake(writer);
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match state.end {
            End::Finished => Poll::Ready(None),
            End::Abandoned => Poll::Ready(Some(Err(Error::aborted().into()))),
            End::Open => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for ChunkReader {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.is_reader_gone = true;
        state.chunks.clear();
        let writer = state.writer.take();
        drop(state);
        wake(writer);
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Writes one chunk when there is room for it.
pub(crate) async fn write(writer: &ChunkWriter, chunk: Bytes) {
    std::future::poll_fn(|cx| {
        ready!(writer.poll_ready(cx));
        Poll::Ready(())
    })
    .await;
    writer.write(chunk);
}

/// What lies between writer and sender at most, beyond the chunk that crosses it.
const MOST_BYTES: usize = 512 * 1024;
const MOST_CHUNKS: usize = 32;

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    fn next(reader: &mut ChunkReader) -> Option<Bytes> {
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(reader).poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(frame))) => frame.into_data().ok(),
            _ => None,
        }
    }

    #[test]
    fn chunks_wait_in_order_until_the_bytes_or_the_chunks_are_too_many() {
        for (size, expected) in [(1, MOST_CHUNKS), (MOST_BYTES / 4, 4), (2 * MOST_BYTES, 1)] {
            let (writer, mut reader) = channel();
            let mut cx = Context::from_waker(Waker::noop());
            let mut written = 0;
            while writer.poll_ready(&mut cx).is_ready() {
                writer.write(vec![u8::try_from(written).unwrap(); size].into());
                written += 1;
            }
            assert_eq!(written, expected, "{size}");
            for number in 0..written {
                assert_eq!(next(&mut reader).unwrap()[0], u8::try_from(number).unwrap());
            }
            assert!(next(&mut reader).is_none());
            assert!(writer.poll_ready(&mut cx).is_ready());
        }
    }

    #[test]
    fn a_flush_waits_for_the_last_chunk_to_be_taken_or_for_a_reader_that_goes() {
        let mut cx = Context::from_waker(Waker::noop());
        let (writer, mut reader) = channel();
        assert!(writer.poll_flush(&mut cx).is_ready());
        writer.write(Bytes::from_static(b"one"));
        assert!(writer.poll_flush(&mut cx).is_pending());
        assert_eq!(next(&mut reader).unwrap(), "one");
        assert!(writer.poll_flush(&mut cx).is_ready());
        writer.write(Bytes::from_static(b"two"));
        drop(reader);
        assert!(writer.poll_flush(&mut cx).is_ready());
    }
}
