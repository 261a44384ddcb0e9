//! Bodies that an ordinary reader gives.

use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::body::Body;
use crate::error::BoxError;

impl Body {
    /// All that `reader` gives, in chunks. It is read on another thread, so that the answer is heard
    /// meanwhile; its error fails the request and becomes its source.
    ///
    /// Where the request ends early, a read that has begun goes on to its own end.
    pub fn from_reader(reader: impl Read + Send + 'static) -> Self {
        Self::wrap(ReaderBody { state: State::Ready(Box::new(reader)), length: None })
    }

    /// `length` bytes from `reader`, as [`from_reader`](Self::from_reader). More or fewer fail the
    /// request.
    pub fn from_sized_reader(length: u64, reader: impl Read + Send + 'static) -> Self {
        Self::wrap(ReaderBody { state: State::Ready(Box::new(reader)), length: Some(length) })
    }
}

struct ReaderBody {
    state: State,
    length: Option<u64>,
}

enum State {
    Ready(Reader),
    Reading(JoinHandle<(Reader, io::Result<Bytes>)>),
    Ended,
}

type Reader = Box<dyn Read + Send>;

impl http_body::Body for ReaderBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ready(reader) => {
                    self.state = State::Reading(spawn_blocking(|| read_piece(reader)));
                }
                State::Reading(mut reading) => {
                    let Poll::Ready(read) = Pin::new(&mut reading).poll(cx) else {
                        self.state = State::Reading(reading);
                        return Poll::Pending;
                    };
                    let (reader, piece) = match read {
                        Ok(read) => read,
                        Err(cause) => return Poll::Ready(Some(Err(cause.into()))),
                    };
                    return Poll::Ready(match piece {
                        Ok(piece) if piece.is_empty() => None,
                        Ok(piece) => {
                            self.state = State::Ready(reader);
                            Some(Ok(Frame::data(piece)))
                        }
                        Err(cause) => Some(Err(cause.into())),
                    });
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// One read, with a buffer of its own: what is read is sent from where it lies.
fn read_piece(mut reader: Reader) -> (Reader, io::Result<Bytes>) {
    let mut buffer = vec![0; PIECE];
    let read = loop {
        match reader.read(&mut buffer) {
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            read => break read,
        }
    };
    let piece = read.map(|length| {
        buffer.truncate(length);
        buffer.into()
    });
    (reader, piece)
}

const PIECE: usize = 64 * 1024;
