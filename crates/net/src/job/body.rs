//! The body of a response on its way to the user: received, then decoded.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use netreq_proto::Phase;
use netreq_proto::h1::ResponseHead;

use crate::coding::ContentDecoder;
use crate::error::Error;
use crate::network::Alarm;
use crate::runtime::lock;
use crate::stream::Exchange;

/// What is left of a response.
pub(crate) struct ResponseBody {
    source: Source,
    decoder: Option<Box<ContentDecoder>>,
    state: State,
    idle: Option<Box<Alarm>>,
    /// Bytes received, before decoding.
    received: u64,
}

enum Source {
    Own(Box<Exchange>),
    Shared(Reader),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Receiving,
    /// All has been received; the decoder may hold some of it.
    Decoding,
    Ended,
}

/// An exchange that two drive: whoever reads the response, and the task that sends the request.
pub(crate) struct SharedExchange {
    exchange: Mutex<Exchange>,
    reader: Mutex<Option<Waker>>,
    sender: Mutex<Option<Waker>>,
}

impl SharedExchange {
    /// Sends until nothing is left to send, or nobody reads the response any more.
    ///
    /// Dropped before that, it closes the connection: nobody else would send the rest.
    pub(crate) async fn send(this: Arc<Self>) {
        let mut sending = Sending(Some(this));
        std::future::poll_fn(|cx| {
            sending.0.as_ref().map_or(Poll::Ready(()), |this| this.poll_upload(cx))
        })
        .await;
        sending.0 = None;
    }

    fn poll_upload(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut exchange = lock(&self.exchange);
        let sent = exchange.poll_upload(cx);
        if sent.is_pending() {
            // Under the lock, so that whoever ends the exchange from now on finds it.
            *lock(&self.sender) = Some(cx.waker().clone());
        }
        sent
    }

    /// Receives and leaves sending to the sender: a reader that looks away would hold it up.
    fn poll_body(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let mut exchange = lock(&self.exchange);
        let received = exchange.poll_receive(cx);
        let is_over = match &received {
            Poll::Pending => {
                *lock(&self.reader) = Some(cx.waker().clone());
                false
            }
            Poll::Ready(Some(Ok(_))) => exchange.is_ended(),
            Poll::Ready(None | Some(Err(_))) => true,
        };
        drop(exchange);
        if is_over {
            // With the response the upload has ended, as far as anybody cares.
            wake(&self.sender);
        }
        received
    }

    /// Closes the connection and tells both.
    pub(crate) fn abort(&self) {
        lock(&self.exchange).close();
        wake(&self.reader);
        wake(&self.sender);
    }
}

fn wake(waker: &Mutex<Option<Waker>>) {
    let waker = lock(waker).take();
    if let Some(waker) = waker {
        waker.wake();
    }
}

struct Sending(Option<Arc<SharedExchange>>);

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(unsent) = &self.0 {
            unsent.abort();
        }
    }
}

/// The reading side of a shared exchange; dropped before the upload has ended, it ends that too.
struct Reader(Arc<SharedExchange>);

impl Drop for Reader {
    fn drop(&mut self) {
        if !lock(&self.0.exchange).is_sent() {
            self.0.abort();
        }
    }
}

impl Source {
    fn with_exchange<T>(&self, look: impl FnOnce(&Exchange) -> T) -> T {
        match self {
            Self::Own(exchange) => look(exchange),
            Self::Shared(reader) => look(&lock(&reader.0.exchange)),
        }
    }
}

impl ResponseBody {
    pub(crate) fn new(
        exchange: Box<Exchange>,
        head: &ResponseHead,
        decodes: bool,
        idle: Option<Duration>,
    ) -> Result<Self, Error> {
        let decoder = if decodes && !exchange.is_ended() {
            ContentDecoder::from_field(head.get_all("content-encoding"))
                .map_err(|cause| Error::new(cause.net_error(), Phase::Receive).with_source(cause))?
        } else {
            None
        };
        Ok(Self {
            source: Source::Own(exchange),
            decoder: decoder.map(Box::new),
            state: State::Receiving,
            idle: idle.map(|limit| Box::new(Alarm::new(Some(limit)))),
            received: 0,
        })
    }

    /// Whether the body is decoded, so that its length is not what the head says.
    pub(crate) fn is_decoded(&self) -> bool {
        self.decoder.is_some()
    }

    /// Whether all of it has been delivered, or will be without another byte from the server.
    pub(crate) fn is_ended(&self) -> bool {
        self.decoder.is_none() && self.with_exchange(Exchange::is_ended)
    }

    /// What is known to be left to receive.
    pub(crate) fn remaining(&self) -> Option<u64> {
        self.with_exchange(|exchange| exchange.remaining())
    }

    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// The next piece, decoded. `None` is the whole end.
    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Error>>> {
        let chunk = self.poll_decoded(cx);
        if let Poll::Ready(None | Some(Err(_))) = &chunk {
            self.state = State::Ended;
        }
        chunk
    }

    /// The next piece as it came.
    pub(crate) fn poll_raw(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let received = match &mut self.source {
            Source::Own(exchange) => exchange.poll_body(cx),
            Source::Shared(reader) => reader.0.poll_body(cx),
        };
        match received {
            Poll::Ready(_) => {
                if let Poll::Ready(Some(Ok(bytes))) = &received {
                    self.received += bytes.len() as u64;
                }
                received
            }
            Poll::Pending => {
                let Some(idle) = &mut self.idle else { return Poll::Pending };
                // Behind an early answer the request's body may still move.
                let sent = self.source.with_exchange(Exchange::bytes_written);
                if idle.poll(cx, self.received + sent) {
                    self.close();
                    return Poll::Ready(Some(Err(Error::timed_out(Phase::Receive, "idle"))));
                }
                Poll::Pending
            }
        }
    }

    fn poll_decoded(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            if self.state == State::Ended {
                return Poll::Ready(None);
            }
            let Some(decoder) = &mut self.decoder else { return self.poll_raw(cx) };
            let decoded = match self.state {
                State::Receiving => decoder.decode(),
                State::Decoding | State::Ended => decoder.finish(),
            };
            match decoded {
                Ok(Some(chunk)) => return Poll::Ready(Some(Ok(chunk))),
                Ok(None) if self.state == State::Decoding => return Poll::Ready(None),
                Ok(None) => {}
                Err(cause) => {
                    self.close();
                    let error = Error::new(cause.net_error(), Phase::Receive).with_source(cause);
                    return Poll::Ready(Some(Err(error)));
                }
            }
            match ready!(self.poll_raw(cx)) {
                Some(Ok(bytes)) => {
                    if let Some(decoder) = &mut self.decoder {
                        decoder.feed(bytes);
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.state = State::Decoding,
            }
        }
    }

    /// Makes the exchange one that a sending task drives too.
    pub(crate) fn share(self) -> (Self, Arc<SharedExchange>) {
        let reader = match self.source {
            Source::Own(exchange) => Reader(Arc::new(SharedExchange {
                exchange: Mutex::new(*exchange),
                reader: Mutex::new(None),
                sender: Mutex::new(None),
            })),
            Source::Shared(reader) => reader,
        };
        let shared = Arc::clone(&reader.0);
        (Self { source: Source::Shared(reader), ..self }, shared)
    }

    /// Gives up what is left: the connection is closed.
    pub(crate) fn close(&mut self) {
        match &mut self.source {
            Source::Own(exchange) => exchange.close(),
            Source::Shared(reader) => reader.0.abort(),
        }
    }

    pub(crate) fn with_exchange<T>(&self, look: impl FnOnce(&Exchange) -> T) -> T {
        self.source.with_exchange(look)
    }

    pub(crate) fn with_exchange_mut<T>(&mut self, change: impl FnOnce(&mut Exchange) -> T) -> T {
        match &mut self.source {
            Source::Own(exchange) => change(exchange),
            Source::Shared(reader) => change(&mut lock(&reader.0.exchange)),
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("state", &self.state)
            .field("received", &self.received)
            .field("is_decoded", &self.is_decoded())
            .finish_non_exhaustive()
    }
}
