//! One request and its response on one HTTP/1.1 connection.
//!
//! Both halves move whenever either is polled: an answer that comes before the upload has ended is
//! heard, and a peer that stops reading stops the upload only. The exchange owns its connection and
//! gives it back at the last byte of the response, or closes it where no next request could follow.
//! There is no task behind it; whoever holds it drives it, and dropping it ends it.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::Method;
use netreq_proto::h1::{
    self, BodyLength, Chunked, ChunkedDecoder, ChunkedLimits, FieldBlock, HeadLimits, HeadScanner,
    ResponseHead,
};
use netreq_proto::{NetError, Phase};

use super::upload::{Broken, Upload};
use crate::body::Outgoing;
use crate::connect::{Connection, ConnectionFacts, Side};
use crate::error::Error;
use crate::pool::Lease;
use crate::progress::ProgressCell;
use crate::runtime::instant;

/// A request's exchange on its connection.
pub(crate) struct Exchange {
    /// `None` once the connection has been given back or closed.
    lease: Option<Lease>,
    facts: Arc<ConnectionFacts>,
    pub(crate) is_reused: bool,
    upload: Upload,
    /// The body, while the server has not yet said that it wants it.
    held_back: Option<Box<Outgoing>>,
    broken: Option<Broken>,
    receive: Receive,
    is_head_request: bool,
    asked_close: bool,
    may_reuse: bool,
    /// Whether any byte of a response has come.
    heard: bool,
    pub(crate) informational: Vec<ResponseHead>,
    pub(crate) trailers: Option<Box<FieldBlock>>,
    pub(crate) marks: Marks,
    /// The request's head as written, if it was asked for.
    pub(crate) request_head: Option<Bytes>,
}

/// When what happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks {
    /// The hop began.
    pub(crate) start: Instant,
    pub(crate) send_start: Instant,
    pub(crate) send_end: Option<Instant>,
    pub(crate) head_end: Option<Instant>,
    pub(crate) receive_end: Option<Instant>,
}

enum Receive {
    Head(HeadScanner),
    Exact(u64),
    Chunked(Box<ChunkedDecoder>),
    UntilClose,
    /// 101: the connection speaks another protocol from here on.
    Upgraded,
    Ended,
}

/// What an exchange begins with.
pub(crate) struct Start<'a> {
    pub(crate) method: &'a Method,
    /// Appends the head to a buffer.
    pub(crate) write_head: &'a (dyn Fn(&mut Vec<u8>) + Sync),
    pub(crate) body: Outgoing,
    /// Wait for 100 (Continue) before sending the body.
    pub(crate) holds_body_back: bool,
    pub(crate) asked_close: bool,
    /// When the hop began.
    pub(crate) started: Instant,
    /// When the connection was ready.
    pub(crate) connected: Instant,
    pub(crate) progress: Option<Arc<ProgressCell>>,
    pub(crate) captures_head: bool,
}

/// Why no response came, and what the decision to try again needs to know.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) bytes_written: u64,
    pub(crate) heard: bool,
}

thread_local! {
    /// Heads are written here: they leave at once, and only a rest that the socket does not take is
    /// kept.
    static HEAD: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Exchange {
    /// Sends the head, and what is whole of the body, as far as the transport takes it at once.
    pub(crate) fn begin(mut lease: Lease, start: Start<'_>, cx: &mut Context<'_>) -> Box<Self> {
        lease.is_clean = false;
        let mut exchange = Box::new(Self {
            facts: Arc::clone(&lease.facts),
            is_reused: lease.is_reused(),
            upload: Upload::new(start.progress),
            held_back: None,
            broken: None,
            receive: Receive::Head(HeadScanner::new()),
            is_head_request: start.method == Method::HEAD,
            asked_close: start.asked_close,
            may_reuse: false,
            heard: false,
            informational: Vec::new(),
            trailers: None,
            marks: Marks {
                start: start.started,
                send_start: start.connected,
                send_end: None,
                head_end: None,
                receive_end: None,
            },
            request_head: None,
            lease: None,
        });
        let body = if start.holds_body_back {
            exchange.held_back = Some(Box::new(start.body));
            Outgoing::Nothing
        } else {
            start.body
        };
        // Taken while it is in use: an upload's listener may begin another request in here.
        let mut head = HEAD.take();
        head.clear();
        (start.write_head)(&mut head);
        if start.captures_head {
            exchange.request_head = Some(Bytes::copy_from_slice(&head));
        }
        if let Err(cause) = exchange.upload.begin(&mut lease.transport, cx, &head, body) {
            exchange.break_off(Broken::Socket(cause));
        }
        if head.capacity() <= KEPT_HEAD {
            HEAD.set(head);
        }
        exchange.lease = Some(lease);
        exchange
    }

    pub(crate) fn facts(&self) -> &Arc<ConnectionFacts> {
        &self.facts
    }

    /// Sends the body that was held back: the server said so, or took too long to say.
    pub(crate) fn release_body(&mut self, cx: &mut Context<'_>) {
        let (Some(body), Some(lease)) = (self.held_back.take(), &mut self.lease) else { return };
        if let Err(cause) = self.upload.begin(&mut lease.transport, cx, &[], *body) {
            self.break_off(Broken::Socket(cause));
        }
    }

    /// Whether the request is out as a whole.
    pub(crate) fn is_sent(&self) -> bool {
        self.marks.send_end.is_some()
    }

    /// Bytes of the request that the transport has taken.
    pub(crate) fn bytes_written(&self) -> u64 {
        self.upload.written
    }

    pub(crate) fn holds_body_back(&self) -> bool {
        self.held_back.is_some()
    }

    /// Sends on as far as it goes. Ready when nothing is left to send, or nobody wants it any more.
    pub(crate) fn poll_upload(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.marks.send_end.is_some() {
            return Poll::Ready(());
        }
        let Some(lease) = &mut self.lease else { return Poll::Ready(()) };
        if self.broken.is_some() {
            return Poll::Ready(());
        }
        // The head goes out whole also where the body is held back.
        if !self.upload.is_done() {
            let cut = &self.facts.cut;
            // Looked at first: a body must not come to its end on a connection that is closed.
            let polled = match cut.is_cut() {
                true => Poll::Pending,
                false => self.upload.poll(&mut lease.transport, cx),
            };
            let sent = match polled {
                Poll::Ready(sent) => sent,
                Poll::Pending if cut.watch(Side::Send, cx) => {
                    Err(Broken::Body(connections_closed(Phase::Send)))
                }
                Poll::Pending => return Poll::Pending,
            };
            if let Err(broken) = sent {
                self.break_off(broken);
                return Poll::Ready(());
            }
        }
        if self.held_back.is_some() {
            return Poll::Pending;
        }
        self.marks.send_end = Some(instant());
        Poll::Ready(())
    }

    /// The response's head, after any informational ones.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, Failure>> {
        let _ = self.poll_upload(cx);
        if let Some(Broken::Body(error)) =
            self.broken.take_if(|broken| matches!(broken, Broken::Body(_)))
        {
            return Poll::Ready(Err(self.fail(error)));
        }
        loop {
            match self.take_head(cx) {
                Ok(Some(head)) => return Poll::Ready(Ok(head)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            }
            let Some(lease) = &mut self.lease else {
                return Poll::Ready(Err(self.fail(Error::aborted())));
            };
            let cut = &self.facts.cut;
            if cut.is_cut() {
                return Poll::Ready(Err(self.fail(connections_closed(Phase::Wait))));
            }
            let connection = &mut **lease;
            let filled = connection.transport.poll_fill(cx, &mut connection.buffer, FIRST_READ);
            let Poll::Ready(filled) = filled else {
                if cut.watch(Side::Receive, cx) {
                    continue;
                }
                return Poll::Pending;
            };
            match filled {
                Ok(0) => {
                    let error = self.ended_without_head();
                    return Poll::Ready(Err(self.fail(error)));
                }
                Ok(_) => self.heard = true,
                // No head ends with TLS's closing alert either, so nothing is lost by its lack.
                Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                    let error = self.ended_without_head();
                    return Poll::Ready(Err(self.fail(error)));
                }
                Err(cause) => {
                    let error = match self.broken.take() {
                        Some(broken) => broken.into_error(),
                        None => receive_failed(Phase::Wait, cause),
                    };
                    return Poll::Ready(Err(self.fail(error)));
                }
            }
        }
    }

    /// The next piece of the body as it came, its transfer coding removed. `None` is its whole end.
    ///
    /// Sends on meanwhile.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let _ = self.poll_upload(cx);
        self.poll_receive(cx)
    }

    /// As [`poll_body`](Self::poll_body), where sending is somebody else's.
    pub(crate) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Error>>> {
        // Without the rest of the request the response may never end.
        if let Some(Broken::Body(error)) =
            self.broken.take_if(|broken| matches!(broken, Broken::Body(_)))
        {
            self.close();
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            let Some(lease) = &mut self.lease else {
                return Poll::Ready(match self.receive {
                    Receive::Ended | Receive::Upgraded => None,
                    _ => Some(Err(Error::aborted())),
                });
            };
            let connection = &mut **lease;
            let (at_most, cut_short) = match &mut self.receive {
                Receive::Exact(remaining) => {
                    let buffer = &mut connection.buffer;
                    if !buffer.is_empty() {
                        let taken = (buffer.len() as u64).min(*remaining);
                        *remaining -= taken;
                        let is_last = *remaining == 0;
                        let bytes = buffer.split_to(taken as usize).freeze();
                        if is_last {
                            self.end();
                        }
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                    let at_most = READ.min(usize::try_from(*remaining).unwrap_or(READ));
                    (at_most.max(LEAST_READ), NetError::ContentLengthMismatch)
                }
                Receive::Chunked(decoder) => {
                    let input = &mut connection.buffer;
                    match decoder.decode(input) {
                        Ok(Chunked::Data(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                        Ok(Chunked::WantsInput) => {}
                        Ok(Chunked::End) => {
                            self.trailers = Some(Box::new(decoder.trailers().clone()));
                            self.end();
                            return Poll::Ready(None);
                        }
                        Err(cause) => {
                            let error = Error::new(cause.net_error(), Phase::Receive);
                            self.close();
                            return Poll::Ready(Some(Err(error.with_source(cause))));
                        }
                    }
                    (READ, NetError::IncompleteChunkedEncoding)
                }
                Receive::UntilClose => {
                    if !connection.buffer.is_empty() {
                        let bytes = connection.buffer.split().freeze();
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                    (READ, NetError::Unexpected)
                }
                Receive::Head(_) | Receive::Upgraded | Receive::Ended => {
                    return Poll::Ready(None);
                }
            };
            let cut = &self.facts.cut;
            if cut.is_cut() {
                self.close();
                return Poll::Ready(Some(Err(connections_closed(Phase::Receive))));
            }
            let filled = connection.transport.poll_fill(cx, &mut connection.buffer, at_most);
            let Poll::Ready(filled) = filled else {
                if cut.watch(Side::Receive, cx) {
                    continue;
                }
                return Poll::Pending;
            };
            match filled {
                Ok(0) if matches!(self.receive, Receive::UntilClose) => {
                    self.may_reuse = false;
                    self.end();
                    return Poll::Ready(None);
                }
                Ok(0) => {
                    self.close();
                    let error = Error::new(cut_short, Phase::Receive)
                        .with_source("the server closed the connection before the body's end");
                    return Poll::Ready(Some(Err(error)));
                }
                Ok(_) => {}
                Err(cause) => {
                    // TLS that ends without its closing alert is a cut: how long the body was meant
                    // to be is then known only from its framing.
                    let error = if cause.kind() == io::ErrorKind::UnexpectedEof
                        && cut_short != NetError::Unexpected
                    {
                        Error::new(cut_short, Phase::Receive).with_source(cause)
                    } else {
                        receive_failed(Phase::Receive, cause)
                    };
                    self.close();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    /// Whether the body has come to its whole end.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.receive, Receive::Ended)
    }

    /// What is known to be left of the body.
    pub(crate) fn remaining(&self) -> Option<u64> {
        match self.receive {
            Receive::Exact(remaining) => Some(remaining),
            Receive::Ended | Receive::Upgraded => Some(0),
            Receive::Head(_) | Receive::Chunked(_) | Receive::UntilClose => None,
        }
    }

    /// Ends the exchange where it stands: the connection is closed.
    pub(crate) fn close(&mut self) {
        self.upload.abandon();
        self.held_back = None;
        self.facts.cut.unwatch();
        self.lease = None;
    }

    /// The connection after a 101, with the bytes that came behind its head.
    pub(crate) fn take_upgraded(&mut self) -> Option<Box<Connection>> {
        if !matches!(self.receive, Receive::Upgraded) {
            return None;
        }
        self.lease.take()?.into_connection()
    }

    /// The head that lies whole in the buffer, if one does.
    fn take_head(&mut self, cx: &mut Context<'_>) -> Result<Option<ResponseHead>, Error> {
        loop {
            let (Receive::Head(scanner), Some(lease)) = (&mut self.receive, &mut self.lease) else {
                return Ok(None);
            };
            let buffer = &mut lease.buffer;
            if buffer.is_empty() {
                return Ok(None);
            }
            let taken = ResponseHead::take(buffer, scanner, &HeadLimits::DEFAULT);
            let Some(head) = taken.map_err(head_failed)? else { return Ok(None) };
            match head.status() {
                101 => {
                    self.receive = Receive::Upgraded;
                    self.marks.head_end = Some(instant());
                    return Ok(Some(head));
                }
                100..200 => {
                    if self.informational.len() == MOST_INFORMATIONAL {
                        let cause =
                            format!("more than {MOST_INFORMATIONAL} informational responses");
                        return Err(Error::new(NetError::InvalidHttpResponse, Phase::Wait)
                            .with_source(cause));
                    }
                    self.receive = Receive::Head(HeadScanner::new());
                    let asks_for_body = head.status() == 100;
                    self.informational.push(head);
                    if asks_for_body {
                        self.release_body(cx);
                        let _ = self.poll_upload(cx);
                    }
                }
                _ => {
                    self.take_framing(&head)?;
                    return Ok(Some(head));
                }
            }
        }
    }

    fn take_framing(&mut self, head: &ResponseHead) -> Result<(), Error> {
        self.marks.head_end = Some(instant());
        let method = if self.is_head_request { Method::HEAD } else { Method::GET };
        let length = h1::body_length(&method, head)
            .map_err(|cause| Error::new(cause.net_error(), Phase::Wait).with_source(cause))?;
        self.may_reuse = h1::may_reuse(head, &length, self.asked_close);
        if self.held_back.take().is_some() {
            // The answer came instead of the wish for the body: the server may still wait for it.
            self.may_reuse = false;
        }
        match length {
            BodyLength::None | BodyLength::Exact(0) => self.end(),
            BodyLength::Exact(length) => self.receive = Receive::Exact(length),
            BodyLength::Chunked => {
                let decoder = ChunkedDecoder::new(&ChunkedLimits::DEFAULT);
                self.receive = Receive::Chunked(Box::new(decoder));
            }
            BodyLength::UntilClose => self.receive = Receive::UntilClose,
        }
        Ok(())
    }

    /// The response is whole: the connection goes back, unless something forbids it.
    fn end(&mut self) {
        self.receive = Receive::Ended;
        self.facts.cut.unwatch();
        let now = instant();
        self.marks.receive_end = Some(now);
        if let Some(mut lease) = self.lease.take() {
            lease.ended = Some(now);
            // Bytes behind the end belong to no request: such a connection is not to be trusted.
            lease.is_clean =
                self.may_reuse && self.marks.send_end.is_some() && lease.buffer.is_empty();
            lease.buffer = if lease.is_clean { BytesMut::new() } else { lease.buffer.split() };
            lease.uses += 1;
        }
        self.upload.abandon();
    }

    /// The upload ends here. Without a `send_end` the connection is never given back.
    fn break_off(&mut self, broken: Broken) {
        self.upload.abandon();
        self.broken = Some(broken);
    }

    fn ended_without_head(&mut self) -> Error {
        if let Some(broken) = self.broken.take() {
            return broken.into_error();
        }
        let is_partial = self.lease.as_ref().is_some_and(|lease| !lease.buffer.is_empty());
        if is_partial {
            Error::new(NetError::ResponseHeadersTruncated, Phase::Wait)
                .with_source("the server closed the connection inside the response's head")
        } else {
            Error::new(NetError::EmptyResponse, Phase::Wait)
                .with_source("the server closed the connection without an answer")
        }
    }

    /// Ends the exchange for a reason from outside.
    pub(crate) fn fail(&mut self, error: Error) -> Failure {
        let failure = Failure {
            error: error.with_request_head(self.request_head.take()),
            bytes_written: self.upload.written,
            heard: self.heard,
        };
        self.close();
        failure
    }
}

impl Failure {
    /// Whether it is the connection that ended, so that another one may do better.
    pub(crate) fn is_lost_connection(&self) -> bool {
        matches!(
            self.error.net_error(),
            NetError::EmptyResponse
                | NetError::ConnectionReset
                | NetError::ConnectionAborted
                | NetError::ConnectionClosed
                | NetError::SocketNotConnected
        )
    }
}

impl Drop for Exchange {
    /// A body whose rest is already here is taken, so that the connection can be used again; for any
    /// other the connection is closed.
    fn drop(&mut self) {
        if self.lease.is_none() || self.marks.send_end.is_none() || !self.may_reuse {
            return;
        }
        let mut cx = Context::from_waker(Waker::noop());
        let mut drained = 0;
        while drained < DRAINED_ON_DROP {
            match self.poll_body(&mut cx) {
                Poll::Ready(Some(Ok(bytes))) => drained += bytes.len(),
                _ => return,
            }
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("lease", &self.lease)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

fn head_failed(cause: h1::HeadError) -> Error {
    Error::new(cause.net_error(), Phase::Wait).with_source(cause)
}

fn connections_closed(phase: Phase) -> Error {
    Error::new(NetError::Aborted, phase).with_source("the session closed its connections")
}

fn receive_failed(phase: Phase, cause: io::Error) -> Error {
    #[cfg(feature = "tls")]
    let net_error = crate::tls::net_error_of_io(&cause, phase);
    #[cfg(not(feature = "tls"))]
    let net_error = NetError::from_io(&cause, phase);
    Error::new(net_error, phase).with_source(cause)
}

/// One read for the head and, mostly, a small body with it.
const FIRST_READ: usize = 4 * 1024;
const LEAST_READ: usize = 1024;
const READ: usize = 64 * 1024;
/// A longer head than this does not keep its memory on the thread.
const KEPT_HEAD: usize = 16 * 1024;
const MOST_INFORMATIONAL: usize = 32;
const DRAINED_ON_DROP: usize = 64 * 1024;
