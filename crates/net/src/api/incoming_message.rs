//! A response: its head at once, its body as it comes.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use futures_core::Stream;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Frame, SizeHint};
use netreq_proto::h1::{FieldBlock, ResponseHead, Version};
use netreq_proto::node_headers::{self, MergedHeaders};
use netreq_proto::{NetError, Phase};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Sleep;
use url::Url;

use super::events::Closing;
use super::timing::{Span, Timing};
use super::upgraded::Upgraded;
use crate::connect::ConnectionFacts;
use crate::error::{Error, without_credentials};
use crate::job::{Response, ResponseBody, SharedExchange};
use crate::runtime::instant;
use crate::stream::{Exchange, Marks};
#[cfg(feature = "tls")]
use crate::tls::TlsInfo;

/// A response.
///
/// Electron `IncomingMessage`. The head is complete; the body is read with [`chunk`](Self::chunk),
/// [`bytes`](Self::bytes) or [`text`](Self::text), or through [`Stream`], [`AsyncRead`] or
/// [`http_body::Body`], decoded as its `Content-Encoding` says. Nothing is read ahead: a body that
/// nobody reads stops the server. Where the response came before the request's body had been sent,
/// reading this sends the rest.
///
/// Dropping it before the end gives up the rest: the connection is closed, unless what is left has
/// already arrived.
pub struct IncomingMessage {
    head: ResponseHead,
    body: ResponseBody,
    url: Url,
    chain: Vec<Url>,
    /// A piece that [`AsyncRead`] has taken in part.
    rest: Bytes,
    collect_limit: u64,
    /// Whether [`http_body::Body`] has delivered the trailers.
    gave_trailers: bool,
    deadline: Option<Pin<Box<Sleep>>>,
    closing: Option<Closing>,
}

impl IncomingMessage {
    pub(crate) fn new(
        response: Response,
        url: Url,
        chain: Vec<Url>,
        deadline: Option<Instant>,
    ) -> Self {
        let (head, body) = response.into_parts();
        let deadline = deadline.map(|at| Box::pin(tokio::time::sleep_until(at.into())));
        Self {
            head,
            body,
            url,
            chain,
            rest: Bytes::new(),
            collect_limit: COLLECT_LIMIT,
            gave_trailers: false,
            deadline,
            closing: None,
        }
    }

    /// The status code, 100 to 999. Electron `statusCode`.
    pub fn status(&self) -> u16 {
        self.head.status()
    }

    /// The reason phrase as received, bytes beyond ASCII read as Latin-1. Electron `statusMessage`.
    pub fn status_message(&self) -> String {
        node_headers::latin1(self.head.reason())
    }

    /// Major and minor version of HTTP. Electron `httpVersionMajor`, `httpVersionMinor`.
    pub fn http_version(&self) -> (u8, u8) {
        match self.head.version() {
            Version::Http10 => (1, 0),
            Version::Http11 => (1, 1),
        }
    }

    /// The fields merged by Node's rules: names in lower case and sorted, `set-cookie` always a
    /// list, the first value alone for those that cannot repeat, the rest joined with `, `.
    /// Electron `headers`.
    pub fn headers(&self) -> MergedHeaders {
        node_headers::merge(self.head.fields())
    }

    /// Every field as received: order, letter case and repetitions. Electron `rawHeaders`.
    pub fn raw_headers(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> + Clone {
        self.head.fields()
    }

    /// The first value of a field, whatever the letter case of its name. `None` also where it is
    /// not UTF-8: see [`raw_headers`](Self::raw_headers).
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.head.get(name)?).ok()
    }

    /// The response's head, exactly as received.
    pub fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// The last request's head exactly as written, where
    /// [`capture_head`](super::RequestBuilder::capture_head) asked for it.
    pub fn request_head(&self) -> Option<Bytes> {
        self.body.with_exchange(|exchange| exchange.request_head.clone())
    }

    /// The informational responses (100, 103 …) that came before this one, in order.
    pub fn informational(&self) -> Vec<ResponseHead> {
        self.body.with_exchange(|exchange| exchange.informational.clone())
    }

    /// The trailer section of a chunked body, once its end has been read.
    pub fn trailers(&self) -> Option<FieldBlock> {
        self.body.with_exchange(|exchange| exchange.trailers.as_deref().cloned())
    }

    /// How long the body is, if that is known before it is read: not for chunked and not for decoded
    /// bodies.
    pub fn content_length(&self) -> Option<u64> {
        if self.body.is_decoded() || self.body.received() > 0 {
            return None;
        }
        self.body.remaining()
    }

    /// Where the response came from, after all redirects.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URLs before [`url`](Self::url), in order: empty without redirects.
    pub fn redirected_from(&self) -> &[Url] {
        &self.chain
    }

    /// When the phases of the last hop happened.
    pub fn timing(&self) -> Timing {
        let (facts, marks, is_reused) = self.body.with_exchange(|exchange| {
            (Arc::clone(exchange.facts()), exchange.marks, exchange.is_reused)
        });
        timing(&facts, marks, is_reused)
    }

    /// The address of the peer; `None` over a Unix socket.
    pub fn remote_address(&self) -> Option<SocketAddr> {
        self.facts().remote_address
    }

    /// The address of this end; `None` over a Unix socket.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.facts().local_address
    }

    /// What the TLS handshake of the connection settled; `None` over plain HTTP.
    #[cfg(feature = "tls")]
    pub fn tls(&self) -> Option<TlsInfo> {
        self.facts().tls.clone()
    }

    /// Whether the connection had carried a request before.
    pub fn is_connection_reused(&self) -> bool {
        self.body.with_exchange(|exchange| exchange.is_reused)
    }

    /// The most that [`bytes`](Self::bytes), [`text`](Self::text) and `json` hold in memory before
    /// they fail with `ERR_INSUFFICIENT_RESOURCES`. Default 1 GiB.
    #[must_use]
    pub fn collect_limit(mut self, bytes: u64) -> Self {
        self.collect_limit = bytes;
        self
    }

    /// The next piece of the body, as it comes; `None` is its whole end.
    ///
    /// Cancel-safe: a dropped future loses nothing.
    ///
    /// # Errors
    ///
    /// The body broke off (`ERR_CONTENT_LENGTH_MISMATCH`, `ERR_INCOMPLETE_CHUNKED_ENCODING`,
    /// `ERR_CONNECTION_RESET` …) or cannot be decoded (`ERR_CONTENT_DECODING_FAILED`). What came
    /// before has been delivered.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await.transpose()
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk), and `ERR_INSUFFICIENT_RESOURCES` past
    /// [`collect_limit`](Self::collect_limit).
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        if self.body.is_ended() && self.closing.is_none() {
            return self.within_limit(first);
        }
        let Some(second) = self.chunk().await? else { return self.within_limit(first) };
        let expected = first.len() as u64 + second.len() as u64;
        let expected = expected + self.body.remaining().unwrap_or(0).min(TRUSTED_LENGTH);
        let mut whole = BytesMut::with_capacity(usize::try_from(expected).unwrap_or(0));
        whole.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(chunk) = next {
            whole.extend_from_slice(&chunk);
            if whole.len() as u64 > self.collect_limit {
                return Err(self.too_big());
            }
            next = self.chunk().await?;
        }
        self.within_limit(whole.freeze())
    }

    /// The whole body as text: UTF-8, where what is not becomes U+FFFD. A byte order mark is removed.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub async fn text(self) -> Result<String, Error> {
        let bytes = self.bytes().await?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The whole body, read as JSON.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), and [`Error::is_decode`] where it is not the JSON that was asked
    /// for.
    #[cfg(feature = "json")]
    pub async fn json<T: serde::de::DeserializeOwned>(self) -> Result<T, Error> {
        let url = self.url.clone();
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|cause| {
            Error::new(NetError::ContentDecodingFailed, Phase::Receive)
                .with_source(cause)
                .with_url(&url)
        })
    }

    /// The message itself, or an error where the status is 400 or more.
    ///
    /// # Errors
    ///
    /// `ERR_HTTP_RESPONSE_CODE_FAILURE`, with the status in [`Error::status`].
    pub fn error_for_status(self) -> Result<Self, Error> {
        match self.status() {
            status @ 400.. => Err(Error::for_status(status, &self.url)),
            _ => Ok(self),
        }
    }

    /// The connection after a 101 (Switching Protocols), to speak the protocol that was agreed on.
    ///
    /// # Errors
    ///
    /// The message itself, when the status is another.
    pub fn into_upgraded(mut self) -> Result<Upgraded, Box<Self>> {
        if self.status() != 101 {
            return Err(Box::new(self));
        }
        if let Some(closing) = self.closing.take() {
            closing.ended();
        }
        let connection = self.body.with_exchange_mut(Exchange::take_upgraded);
        Ok(Upgraded::new(connection))
    }

    /// Polls for the next piece of the body; see [`chunk`](Self::chunk).
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.rest))));
        }
        // Where there is always something to read, nothing else would look at the clock.
        let polled = if self.is_overdue() { Poll::Pending } else { self.body.poll_chunk(cx) };
        let chunk = match polled {
            Poll::Ready(Some(Ok(_))) => return polled,
            Poll::Ready(chunk) => chunk,
            Poll::Pending => {
                let Some(deadline) = &mut self.deadline else { return Poll::Pending };
                ready!(deadline.as_mut().poll(cx));
                self.body.close();
                Some(Err(Error::timed_out(Phase::Receive, "total")))
            }
        };
        self.deadline = None;
        let chunk = chunk.map(|chunk| chunk.map_err(|error| error.with_url(&self.url)));
        if let Some(closing) = self.closing.take() {
            match &chunk {
                Some(Err(error)) => closing.failed(error),
                _ => closing.ended(),
            }
        }
        Poll::Ready(chunk)
    }

    /// Whether the body comes without the content coding that its head names.
    #[cfg(feature = "tower")]
    pub(crate) fn is_decoded(&self) -> bool {
        self.body.is_decoded()
    }

    /// Lets a task send the rest of the request while the caller reads.
    pub(super) fn share(mut self) -> (Self, Arc<SharedExchange>) {
        let (body, shared) = self.body.share();
        self.body = body;
        (self, shared)
    }

    pub(super) fn set_closing(&mut self, closing: Closing) {
        self.closing = Some(closing);
    }

    /// The trailer section as a frame, once.
    fn take_trailer_frame(&mut self) -> Option<Frame<Bytes>> {
        let trailers = self.trailers().filter(|trailers| !trailers.is_empty())?;
        if std::mem::replace(&mut self.gave_trailers, true) {
            return None;
        }
        let fields = trailers.iter().filter_map(|(name, value)| {
            Some((
                HeaderName::from_bytes(name.as_bytes()).ok()?,
                HeaderValue::from_bytes(value).ok()?,
            ))
        });
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(name, value);
        }
        Some(Frame::trailers(map))
    }

    fn facts(&self) -> Arc<ConnectionFacts> {
        self.body.with_exchange(|exchange| Arc::clone(exchange.facts()))
    }

    /// Whether the time for the whole is over and the body is not.
    fn is_overdue(&self) -> bool {
        let Some(deadline) = &self.deadline else { return false };
        deadline.deadline().into_std() <= instant() && !self.body.is_ended()
    }

    fn within_limit(&self, bytes: Bytes) -> Result<Bytes, Error> {
        if bytes.len() as u64 > self.collect_limit {
            return Err(self.too_big());
        }
        Ok(bytes)
    }

    fn too_big(&self) -> Error {
        let limit = self.collect_limit;
        Error::new(NetError::InsufficientResources, Phase::Receive)
            .with_source(format!("the body is longer than the limit of {limit} bytes"))
            .with_url(&self.url)
    }
}

fn timing(facts: &ConnectionFacts, marks: Marks, is_reused: bool) -> Timing {
    let (started, connected) = (marks.start, marks.send_start);
    // A connection dialled for another request was made before this one began.
    let is_own = |(start, _): &(Instant, Instant)| !is_reused && *start >= started;
    let span = |(start, end): (Instant, Instant)| Span {
        start: start.saturating_duration_since(started),
        end: end.saturating_duration_since(started),
    };
    let made = |stretch: Option<(Instant, Instant)>| stretch.filter(is_own).map(span);
    let head_end = marks.head_end.unwrap_or(connected);
    let send_end = marks.send_end.unwrap_or(head_end);
    Timing {
        resolve: made(facts.resolve),
        connect: made(Some(facts.connect)),
        tls: made(facts.handshake),
        send: Some(span((marks.send_start, send_end))),
        wait: marks.head_end.map(|end| span((send_end.min(end), end))),
        receive: marks.receive_end.map(|end| span((head_end, end.max(head_end)))),
    }
}

impl fmt::Debug for IncomingMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingMessage")
            .field("url", &without_credentials(&self.url).as_str())
            .field("head", &self.head)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl Stream for IncomingMessage {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_chunk(cx)
    }
}

impl AsyncRead for IncomingMessage {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            match ready!(self.poll_chunk(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(mut chunk)) => {
                    let taken = chunk.len().min(buffer.remaining());
                    buffer.put_slice(&chunk[..taken]);
                    chunk.advance(taken);
                    self.rest = chunk;
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl http_body::Body for IncomingMessage {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match ready!(self.poll_chunk(cx)) {
            Some(chunk) => Poll::Ready(Some(chunk.map(Frame::data))),
            None => Poll::Ready(self.take_trailer_frame().map(Ok)),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (self.body.is_decoded(), self.body.remaining()) {
            (false, Some(remaining)) => SizeHint::with_exact(remaining + self.rest.len() as u64),
            _ => SizeHint::default(),
        }
    }
}

/// What a collecting call holds at most, unless told otherwise.
const COLLECT_LIMIT: u64 = 1024 * 1024 * 1024;
/// How much of a stated length is reserved at once; the rest as it really comes.
const TRUSTED_LENGTH: u64 = 16 * 1024 * 1024;
