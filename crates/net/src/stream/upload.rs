//! What goes out after the head: a body in one piece or as a stream, counted or chunked.
//!
//! A queue of pieces lies between the body and the socket, so that one system call carries many of
//! them; it is bounded, so a peer that stops reading stops the body. Nothing is copied on the way.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use netreq_proto::{NetError, Phase, h1};

use crate::body::{BodyStream, Outgoing};
use crate::connect::Transport;
use crate::error::{BoxError, Error};
use crate::progress::ProgressCell;

/// Why an upload broke off.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The socket failed; an answer may still lie behind it.
    Socket(io::Error),
    /// The body failed: there is nothing to hope for.
    Body(Error),
}

/// The sending half of an exchange.
pub(crate) struct Upload {
    queue: VecDeque<Piece>,
    queued: usize,
    source: Option<Source>,
    needs_flush: bool,
    /// Bytes handed to the transport: head, framing and body.
    pub(crate) written: u64,
    progress: Option<Arc<ProgressCell>>,
}

struct Source {
    stream: BodyStream,
    framing: Framing,
}

enum Framing {
    Counted { remaining: u64 },
    Chunked { is_first: bool },
}

enum Piece {
    Head(Bytes),
    Body(Bytes),
    Frame { bytes: [u8; 24], start: u8, end: u8 },
}

impl Upload {
    pub(crate) fn new(progress: Option<Arc<ProgressCell>>) -> Self {
        Self {
            queue: VecDeque::new(),
            queued: 0,
            source: None,
            needs_flush: false,
            written: 0,
            progress,
        }
    }

    /// Whether all of it has been handed to the transport.
    pub(crate) fn is_done(&self) -> bool {
        self.queue.is_empty() && self.source.is_none() && !self.needs_flush
    }

    /// Gives up on what has not been sent. The connection cannot be used again.
    pub(crate) fn abandon(&mut self) {
        self.queue.clear();
        self.source = None;
        self.needs_flush = false;
    }

    /// Writes the head, and a whole body with it, in one call if the transport takes it; what it
    /// does not take is queued.
    pub(crate) fn begin(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
        head: &[u8],
        body: Outgoing,
    ) -> io::Result<()> {
        let whole = match body {
            Outgoing::Nothing => Bytes::new(),
            Outgoing::Whole(bytes) => bytes,
            Outgoing::Stream { length, stream } => {
                let framing = match length {
                    Some(remaining) => Framing::Counted { remaining },
                    None => Framing::Chunked { is_first: true },
                };
                self.source = Some(Source { stream, framing });
                Bytes::new()
            }
        };
        let slices = [IoSlice::new(head), IoSlice::new(&whole)];
        let used = if whole.is_empty() { &slices[..1] } else { &slices };
        let taken = if self.queue.is_empty() {
            match transport.poll_write_vectored(cx, used) {
                Poll::Ready(Ok(taken)) => taken,
                Poll::Ready(Err(cause)) => {
                    // TLS may have sent some of what it took before it failed.
                    self.written += u64::from(transport.keeps_back());
                    return Err(cause);
                }
                Poll::Pending => 0,
            }
        } else {
            0
        };
        self.needs_flush = transport.keeps_back();
        self.written += taken as u64;
        if taken < head.len() {
            self.push(Piece::Head(Bytes::copy_from_slice(&head[taken..])));
        }
        let of_body = taken.saturating_sub(head.len());
        self.report(of_body as u64);
        if of_body < whole.len() {
            self.push(Piece::Body(whole.slice(of_body..)));
        }
        Ok(())
    }

    /// Sends on as far as the body and the transport go. Ready when all of it has been handed over.
    ///
    pub(crate) fn poll(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Broken>> {
        loop {
            let is_waiting = self.fill(cx).map_err(Broken::Body)?;
            if self.queue.is_empty() {
                if self.needs_flush {
                    match transport.poll_flush(cx) {
                        Poll::Ready(Ok(())) => self.needs_flush = false,
                        Poll::Ready(Err(cause)) => return Poll::Ready(Err(Broken::Socket(cause))),
                        Poll::Pending => return Poll::Pending,
                    }
                }
                return if is_waiting { Poll::Pending } else { Poll::Ready(Ok(())) };
            }
            let mut slices = [IoSlice::new(&[]); MOST_PIECES];
            let mut count = 0;
            for (slice, piece) in slices.iter_mut().zip(&self.queue) {
                *slice = IoSlice::new(piece.bytes());
                count += 1;
            }
            match transport.poll_write_vectored(cx, &slices[..count]) {
                Poll::Ready(Ok(0)) => {
                    let cause = io::Error::from(io::ErrorKind::WriteZero);
                    return Poll::Ready(Err(Broken::Socket(cause)));
                }
                Poll::Ready(Ok(taken)) => {
                    self.needs_flush = transport.keeps_back();
                    self.advance(taken);
                }
                Poll::Ready(Err(cause)) => return Poll::Ready(Err(Broken::Socket(cause))),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Takes pieces from the body while there is room. True when the body has more but not yet.
    fn fill(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        while let Some(source) = &mut self.source {
            if self.queued >= MOST_BYTES || self.queue.len() + 2 > MOST_PIECES {
                return Ok(false);
            }
            let frame = match source.stream.poll_frame(cx) {
                Poll::Pending => return Ok(true),
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(Some(Err(cause))) => return Err(body_failed(cause)),
                Poll::Ready(None) => {
                    match source.framing {
                        Framing::Counted { remaining: 0 } => {}
                        Framing::Counted { remaining } => {
                            return Err(wrong_length(format!(
                                "the body ended {remaining} bytes short of its stated length"
                            )));
                        }
                        Framing::Chunked { is_first } => {
                            let last: &[u8] = if is_first { b"" } else { b"\r\n" };
                            self.push(Piece::frame(last, h1::LAST_CHUNK));
                        }
                    }
                    self.source = None;
                    return Ok(false);
                }
            };
            // Trailers of a request have no place in the contract; a body's data is all that is sent.
            let Ok(data) = frame.into_data() else { continue };
            if data.is_empty() {
                continue;
            }
            match &mut source.framing {
                Framing::Counted { remaining } => {
                    let Some(left) = remaining.checked_sub(data.len() as u64) else {
                        return Err(wrong_length(
                            "the body is longer than its stated length".to_owned(),
                        ));
                    };
                    *remaining = left;
                }
                Framing::Chunked { is_first } => {
                    let before: &[u8] = if *is_first { b"" } else { b"\r\n" };
                    *is_first = false;
                    let mut prefix = [0; 18];
                    let prefix = h1::chunk_prefix(data.len(), &mut prefix);
                    let frame = Piece::frame(before, prefix);
                    self.push(frame);
                }
            }
            self.push(Piece::Body(data));
        }
        Ok(false)
    }

    fn push(&mut self, piece: Piece) {
        self.queued += piece.bytes().len();
        self.queue.push_back(piece);
    }

    fn advance(&mut self, mut taken: usize) {
        self.written += taken as u64;
        self.queued -= taken;
        let mut of_body = 0;
        while let Some(piece) = self.queue.front_mut() {
            let step = taken.min(piece.bytes().len());
            if matches!(piece, Piece::Body(_)) {
                of_body += step as u64;
            }
            piece.advance(step);
            taken -= step;
            if !piece.bytes().is_empty() {
                break;
            }
            self.queue.pop_front();
        }
        self.report(of_body);
    }

    fn report(&self, of_body: u64) {
        if of_body > 0
            && let Some(progress) = &self.progress
        {
            progress.advance(of_body);
        }
    }
}

impl Broken {
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Socket(cause) => Error::io(Phase::Send, cause),
            Self::Body(error) => error,
        }
    }
}

impl Piece {
    fn frame(before: &[u8], after: &[u8]) -> Self {
        let mut bytes = [0; 24];
        let end = before.len() + after.len();
        bytes[..before.len()].copy_from_slice(before);
        bytes[before.len()..end].copy_from_slice(after);
        Self::Frame { bytes, start: 0, end: end as u8 }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Head(bytes) | Self::Body(bytes) => bytes,
            Self::Frame { bytes, start, end } => &bytes[usize::from(*start)..usize::from(*end)],
        }
    }

    fn advance(&mut self, step: usize) {
        match self {
            Self::Head(bytes) | Self::Body(bytes) => bytes.advance(step),
            Self::Frame { start, .. } => *start += step as u8,
        }
    }
}

fn body_failed(cause: BoxError) -> Error {
    match cause.downcast::<Error>() {
        Ok(error) => *error,
        Err(cause) => Error::new(NetError::Failed, Phase::Send).with_source(cause),
    }
}

fn wrong_length(cause: String) -> Error {
    Error::new(NetError::InvalidArgument, Phase::Send).with_source(cause)
}

/// What lies between body and socket at most, beyond the piece that crosses it.
const MOST_BYTES: usize = 512 * 1024;
const MOST_PIECES: usize = 32;
