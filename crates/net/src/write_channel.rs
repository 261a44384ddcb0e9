//! The way of chunks from whoever writes a request to whoever sends it: room for one, so that a
//! server that stops reading stops the writer.

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
    chunk: Option<Bytes>,
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

/// The writing end. Dropping it without [`finish`](Self::finish) fails the request.
pub(crate) struct ChunkWriter(Arc<Mutex<State>>);

impl ChunkWriter {
    /// Ready when there is room for a chunk, or nobody takes any.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0);
        if state.chunk.is_none() || state.is_reader_gone {
            return Poll::Ready(());
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Hands over a chunk. A reader that is gone has its answer already: the chunk is not missed.
    pub(crate) fn write(&self, chunk: Bytes) {
        let mut state = lock(&self.0);
        if !state.is_reader_gone && !chunk.is_empty() {
            state.chunk = Some(chunk);
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
        if let Some(chunk) = state.chunk.take() {
            let writer = state.writer.take();
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
        state.chunk = None;
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
