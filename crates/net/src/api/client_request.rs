//! Electron's `ClientRequest`: the same verbs and events, in Rust's spelling.
//!
//! Nothing goes out before [`end`](ClientRequest::end), or before the first write with chunked
//! encoding. From then on one task of the session drives the request, whoever listens.

use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context as TaskContext, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::Method;
use netreq_proto::fetch_metadata::is_fetch_metadata;
use netreq_proto::header::IntoValue;
use netreq_proto::target::url_from_parts;
use netreq_proto::{
    CacheMode, Field, HeaderList, InvalidHeader, NetError, Origin, ReferrerPolicy, RequestPriority,
};
use tokio::io::AsyncWrite;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use url::Url;

use super::events::{Closing, Event, Events, Feed};
use super::incoming_message::IncomingMessage;
use super::into_url::{IntoUrl, refused};
use super::request_builder::{draft, send_settled};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, without_credentials};
use crate::job::SharedExchange;
use crate::progress::{ProgressCell, UploadProgress};
use crate::request::{
    CredentialsMode, RedirectMode, RedirectVerdict, Request, check_field, requires_origin,
};
use crate::runtime::lock;
use crate::session::Session;
use crate::timeouts::Timeouts;
use crate::write_channel::{self, ChunkWriter};

/// What a [`ClientRequest`] is made from.
///
/// Electron's options of `net.request`. A text is the URL: `Options::from("https://…")`. `Debug`
/// shows neither user and password of the URL nor the values of fields that carry secrets.
#[derive(Clone, Default)]
pub struct Options {
    /// Default GET. Goes out in upper case, whatever it is.
    pub method: Method,
    /// Absolute, http or https. Empty: the URL is put together from the parts below.
    pub url: String,
    /// Default `http:`.
    pub protocol: Option<String>,
    /// Host and port; wins over `hostname` and `port`.
    pub host: Option<String>,
    /// Default `localhost`.
    pub hostname: Option<String>,
    /// Default: the scheme's.
    pub port: Option<u16>,
    /// Path, query and fragment. Default `/`.
    pub path: Option<String>,
    /// The fields to begin with.
    pub headers: HeaderList,
    /// Whose cookies and connections the request uses; wins over `partition`.
    pub session: Option<Session>,
    /// The partition of the session, when `session` is not set. Default empty: the default session.
    pub partition: String,
    /// Whether the session's cookies go along and those of responses are kept. Default false; it
    /// counts only without `credentials`.
    pub use_session_cookies: bool,
    /// Default: logins and no cookies.
    pub credentials: Option<CredentialsMode>,
    /// Default follow.
    pub redirect: RedirectMode,
    /// The origin that the request is made for; default the field `Origin`, if it is set.
    pub origin: Option<String>,
    /// Default strict-origin-when-cross-origin.
    pub referrer_policy: ReferrerPolicy,
    /// Default idle.
    pub priority: RequestPriority,
    /// Default: by the rules of HTTP.
    pub cache: CacheMode,
    /// Default: the session's.
    pub timeouts: Option<Timeouts>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Url::parse(&self.url).map(|url| without_credentials(&url).to_string());
        f.debug_struct("Options")
            .field("method", &self.method)
            .field("url", &url)
            .field("protocol", &self.protocol)
            .field("host", &self.host)
            .field("hostname", &self.hostname)
            .field("port", &self.port)
            .field("path", &self.path)
            .field("headers", &self.headers)
            .field("partition", &self.partition)
            .field("use_session_cookies", &self.use_session_cookies)
            .field("credentials", &self.credentials)
            .field("redirect", &self.redirect)
            .field("origin", &self.origin)
            .field("referrer_policy", &self.referrer_policy)
            .field("priority", &self.priority)
            .field("cache", &self.cache)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

impl From<&str> for Options {
    fn from(url: &str) -> Self {
        Self { url: url.to_owned(), ..Self::default() }
    }
}

impl From<String> for Options {
    fn from(url: String) -> Self {
        Self { url, ..Self::default() }
    }
}

/// A request by Electron's contract.
///
/// ```no_run
/// # async fn example() -> Result<(), netreq::Error> {
/// use netreq::{ClientRequest, Event, Method, Options};
///
/// let mut request = ClientRequest::new(Options {
///     method: Method::POST,
///     url: "https://example.org/upload".into(),
///     ..Options::default()
/// })?;
/// request.set_chunked_encoding(true)?;
/// request.set_header("X-Trace", "7")?;
/// let mut events = request.events();
/// request.write("first").await?;
/// request.end("last").await?;
/// while let Some(event) = events.next().await {
///     match event {
///         Event::Redirect(question) => question.follow_redirect(),
///         Event::Response(message) => println!("{}", message.text().await?),
///         Event::Error(error) => eprintln!("{error}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// Dropping it before [`end`](Self::end) aborts the request: a body that has gone out in part never
/// looks whole. Dropped after, it goes on, and its events come.
pub struct ClientRequest {
    session: Session,
    state: State,
    headers: HeaderList,
    chunked: Option<bool>,
    shared: Arc<Shared>,
    events: Option<Events>,
}

enum State {
    /// Nothing written; fields may still change.
    Open(Box<Request>),
    /// Kept until the end, so that `Content-Length` is known.
    Buffering(Box<Request>, BytesMut),
    /// Sent as it is written.
    Streaming(ChunkWriter),
    Ended,
}

/// What the handle and the task have in common.
struct Shared {
    feed: Arc<Feed>,
    progress: Arc<ProgressCell>,
    is_aborted: AtomicBool,
    abort: Notify,
    exchange: Mutex<Weak<SharedExchange>>,
}

impl ClientRequest {
    /// A request that has not begun.
    ///
    /// # Errors
    ///
    /// Electron's sentences: `Invalid URL`, `ClientRequest only supports http: and https:
    /// protocols`, `Request path contains unescaped characters`, `credentials: same-origin requires
    /// origin to be set`; for a partition as [`Session::from_partition`], and for fields as
    /// [`set_header`](Self::set_header).
    pub fn new(options: impl Into<Options>) -> Result<Self, Error> {
        let options = options.into();
        let url = if options.url.is_empty() {
            url_from_parts(
                options.protocol.as_deref(),
                options.host.as_deref(),
                options.hostname.as_deref(),
                options.port,
                options.path.as_deref(),
            )
            .map_err(|cause| refused(&cause))?
        } else {
            options.url.into_url()?
        };
        if options.credentials == Some(CredentialsMode::SameOrigin) && options.origin.is_none() {
            return Err(requires_origin());
        }
        let session = match options.session {
            Some(session) => session,
            None if options.partition.is_empty() => Session::default_session(),
            None => Session::from_partition(&options.partition)?,
        };
        let mut request = draft(upper_case(options.method), url)?;
        for field in &options.headers {
            check_field(field, false)?;
        }
        if let Some(origin) = options.origin {
            let origin: Origin = origin
                .parse()
                .map_err(|cause| Error::argument(NetError::InvalidArgument, cause))?;
            request.initiator = Some(origin);
        }
        request.redirect = options.redirect;
        request.credentials.mode = options.credentials;
        request.credentials.use_session_cookies = options.use_session_cookies;
        request.referrer_policy = options.referrer_policy;
        request.hop.priority = options.priority as u8;
        request.hop.cache = options.cache;
        request.hop.timeouts = options.timeouts.map(Box::new);

        let (feed, events) = Feed::new();
        let listener = Arc::clone(&feed);
        let progress = Arc::new(ProgressCell::with_listener(Box::new(move |progress| {
            listener.progress(progress);
        })));
        request.hop.extras().progress = Some(Arc::clone(&progress));
        request.delegate = Some(Arc::clone(&feed) as _);
        let shared = Arc::new(Shared {
            feed,
            progress,
            is_aborted: AtomicBool::new(false),
            abort: Notify::new(),
            exchange: Mutex::new(Weak::new()),
        });
        Ok(Self {
            session,
            state: State::Open(request),
            headers: options.headers,
            chunked: None,
            shared,
            events: Some(events),
        })
    }

    /// The stream of events. Take it before the request begins, to miss none; a second call gives
    /// a stream that has ended.
    ///
    /// Without it redirects are decided by the mode alone.
    pub fn events(&mut self) -> Events {
        self.shared.feed.is_heard.store(true, Ordering::Release);
        self.events.take().unwrap_or_else(Events::ended)
    }

    /// Sets a field; an earlier value, whatever its letter case, is replaced. The name goes out as
    /// written, in the order of setting.
    ///
    /// # Errors
    ///
    /// `Can't set headers after they are sent`; a name or value that cannot stand in a head; a field
    /// that belongs to the engine, such as `Host` or `Content-Length`.
    pub fn set_header(
        &mut self,
        name: impl Into<std::borrow::Cow<'static, str>>,
        value: impl IntoValue,
    ) -> Result<(), Error> {
        if !matches!(self.state, State::Open(_)) {
            return Err(Error::sentence(
                NetError::InvalidArgument,
                "Can't set headers after they are sent",
            ));
        }
        let field = Field::new(name, value);
        check_field(&field, false)?;
        let (name, value) = (field.name().to_owned(), field.value().to_vec());
        self.headers.set(name, value);
        Ok(())
    }

    /// The value of a field that was set, whatever the letter case of its name.
    pub fn get_header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name)
    }

    /// Removes a field.
    ///
    /// # Errors
    ///
    /// `Can't remove headers after they are sent`.
    pub fn remove_header(&mut self, name: &str) -> Result<(), Error> {
        if !matches!(self.state, State::Open(_)) {
            return Err(Error::sentence(
                NetError::InvalidArgument,
                "Can't remove headers after they are sent",
            ));
        }
        self.headers.remove(name);
        Ok(())
    }

    /// Whether the body goes out in chunks as it is written. Default false.
    pub fn chunked_encoding(&self) -> bool {
        self.chunked.unwrap_or(false)
    }

    /// Sends the body in chunks as it is written, instead of as a whole at the end.
    ///
    /// # Errors
    ///
    /// `chunkedEncoding can only be set before the request is started`, or `… only be set once`.
    pub fn set_chunked_encoding(&mut self, chunked: bool) -> Result<(), Error> {
        if !matches!(self.state, State::Open(_)) {
            return Err(Error::sentence(
                NetError::InvalidArgument,
                "chunkedEncoding can only be set before the request is started",
            ));
        }
        if self.chunked.is_some() {
            return Err(Error::sentence(
                NetError::InvalidArgument,
                "chunkedEncoding can only be set once",
            ));
        }
        self.chunked = Some(chunked);
        Ok(())
    }

    /// Adds to the body. With chunked encoding the first call begins the request, and each waits
    /// until there is room: 512 KiB or 32 chunks may be on their way. Otherwise the bytes are kept for
    /// the end. From the first call on, the fields are fixed.
    ///
    /// After an abort, and when the response is already whole, the chunk is dropped in silence.
    /// Dropping the future before it is ready leaves the chunk unwritten, and the body as it was.
    ///
    /// # Errors
    ///
    /// `write after end`. What goes wrong on the way is [`Event::Error`].
    pub async fn write(&mut self, chunk: impl Into<Bytes>) -> Result<(), Error> {
        let chunk = chunk.into();
        self.begin_body()?;
        match &mut self.state {
            State::Buffering(_, kept) => kept.extend_from_slice(&chunk),
            State::Streaming(writer) => write_channel::write(writer, chunk).await,
            State::Open(_) | State::Ended => {}
        }
        Ok(())
    }

    /// Ends the body with a last chunk, which may be empty. Without chunked encoding this begins the
    /// request.
    ///
    /// # Errors
    ///
    /// `write after end`.
    pub async fn end(&mut self, last: impl Into<Bytes>) -> Result<(), Error> {
        let last = last.into();
        if self.is_aborted() {
            return Ok(());
        }
        let chunked = self.chunked_encoding();
        if let State::Open(request) = &mut self.state
            && !chunked
        {
            // The whole body, as it is.
            request.hop.body = last.into();
        } else if !last.is_empty() || chunked {
            self.write(last).await?;
        } else if matches!(self.state, State::Ended) {
            return Err(write_after_end());
        }
        self.finish();
        Ok(())
    }

    /// Ends the request at once. [`Event::Abort`] and [`Event::Close`] follow, unless it has closed
    /// already; a response that is being read fails with `ERR_ABORTED`. The server sees its
    /// connection closed. A second call does nothing.
    pub fn abort(&mut self) {
        self.shared.abort();
        self.state = State::Ended;
    }

    /// Goes on with the redirect that waits. Electron `followRedirect`.
    ///
    /// # Errors
    ///
    /// `followRedirect() called, but was not waiting for a redirect`.
    pub fn follow_redirect(&self) -> Result<(), Error> {
        let pending = lock(&self.shared.feed.redirect).take();
        let waiting = pending.and_then(|pending| lock(&pending).take());
        match waiting {
            Some(waiting) => {
                // The request may have been aborted meanwhile.
                let _ = waiting.send(RedirectVerdict::Follow);
                Ok(())
            }
            None => Err(Error::sentence(
                NetError::Failed,
                "followRedirect() called, but was not waiting for a redirect",
            )),
        }
    }

    /// How much of the body has gone out. Electron `getUploadProgress`.
    pub fn upload_progress(&self) -> UploadProgress {
        self.shared.progress.read()
    }

    /// Waits for the response, when no other event matters: redirects are decided by the mode.
    ///
    /// Cancel-safe: a dropped future loses nothing.
    ///
    /// # Errors
    ///
    /// Why none came; `ERR_ABORTED` after an abort.
    pub async fn response(&mut self) -> Result<IncomingMessage, Error> {
        let Some(events) = &mut self.events else {
            return Err(Error::sentence(
                NetError::InvalidArgument,
                "the response comes by the events that were taken",
            ));
        };
        let outcome = loop {
            match events.next().await {
                Some(Event::Response(message)) => break Ok(message),
                Some(Event::Error(error)) => break Err(error),
                Some(_) => {}
                None => break Err(Error::aborted()),
            }
        };
        self.events = None;
        outcome
    }

    fn is_aborted(&self) -> bool {
        self.shared.is_aborted.load(Ordering::Acquire)
    }

    /// Fixes the fields and makes ready for the body.
    fn begin_body(&mut self) -> Result<(), Error> {
        if self.is_aborted() {
            return Ok(());
        }
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Open(mut request) => {
                if self.chunked_encoding() {
                    let (writer, reader) = write_channel::channel();
                    request.hop.body = Body::chunks(reader);
                    self.state = State::Streaming(writer);
                    self.start(request);
                } else {
                    self.state = State::Buffering(request, BytesMut::new());
                }
                Ok(())
            }
            State::Ended => Err(write_after_end()),
            begun @ (State::Buffering(..) | State::Streaming(_)) => {
                self.state = begun;
                Ok(())
            }
        }
    }

    fn finish(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Ended);
        if !matches!(state, State::Ended) {
            // First, so that what the end of the body brings about comes behind it.
            self.shared.feed.emit(Event::Finish);
        }
        match state {
            State::Open(request) => self.start(request),
            State::Buffering(mut request, kept) => {
                request.hop.body = kept.freeze().into();
                self.start(request);
            }
            State::Streaming(writer) => writer.finish(),
            State::Ended => {}
        }
    }

    fn start(&self, mut request: Box<Request>) {
        request.hop.headers = self.headers.clone();
        let shared = Arc::clone(&self.shared);
        let runtime = match Handle::try_current() {
            Ok(runtime) => runtime,
            Err(cause) => {
                let error = Error::argument(NetError::Unexpected, cause);
                shared.feed.close(Some(Event::Error(error)));
                return;
            }
        };
        let ending = Ending(Some(Arc::clone(&shared.feed)));
        let context = Arc::clone(self.session.context());
        self.session.context().tracker.spawn(&runtime, async move {
            let mut ending = ending;
            drive(context, request, shared, &mut ending).await;
        });
    }
}

impl Shared {
    fn abort(&self) {
        if self.is_aborted.swap(true, Ordering::AcqRel) || self.feed.is_closed() {
            return;
        }
        self.feed.close(Some(Event::Abort));
        self.abort.notify_one();
        let exchange = lock(&self.exchange).upgrade();
        if let Some(exchange) = exchange {
            exchange.abort();
        }
    }
}

/// Settles and runs a request. What the caller's `Sec-Fetch-*` say has been understood, or is as if not
/// said; what is sent is the engine's. Chromium `SetSecFetchHeaders`.
async fn send(context: &Arc<Context>, mut request: Box<Request>) -> Result<IncomingMessage, Error> {
    request.settle()?;
    request.hop.headers.retain(|field| !is_fetch_metadata(field.name()));
    send_settled(context, request).await
}

/// The life of a request that nobody needs to wait for.
async fn drive(
    context: Arc<Context>,
    request: Box<Request>,
    shared: Arc<Shared>,
    ending: &mut Ending,
) {
    let mut sending = Box::pin(send(&context, request));
    let mut aborted = pin!(shared.abort.notified());
    let outcome = std::future::poll_fn(|cx| {
        if aborted.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        sending.as_mut().poll(cx).map(Some)
    })
    .await;
    drop(sending);
    let message = match outcome {
        None => return,
        Some(Err(error)) => return shared.feed.close(Some(Event::Error(error))),
        Some(Ok(message)) => message,
    };
    let (mut message, exchange) = message.share();
    *lock(&shared.exchange) = Arc::downgrade(&exchange);
    message.set_closing(Closing(Arc::clone(&shared.feed)));
    // From here on the response says how it ends.
    ending.0 = None;
    shared.feed.emit(Event::Response(message));
    SharedExchange::send(exchange).await;
}

/// Says why, when the session ends a request's task.
struct Ending(Option<Arc<Feed>>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(feed) = &self.0 {
            feed.close(Some(Event::Error(Error::aborted())));
        }
    }
}

impl Drop for ClientRequest {
    fn drop(&mut self) {
        if !matches!(self.state, State::Ended) {
            self.shared.abort();
        }
    }
}

/// Electron writes every method in upper case, also one of the caller's own.
fn upper_case(method: Method) -> Method {
    let upper = method.as_str().to_ascii_uppercase();
    Method::from_bytes(upper.as_bytes()).unwrap_or(method)
}

fn write_after_end() -> Error {
    Error::sentence(NetError::InvalidArgument, "write after end")
}

impl AsyncWrite for ClientRequest {
    /// Takes as much as is given; with chunked encoding each call is a chunk.
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.begin_body()?;
        match &mut self.state {
            State::Buffering(_, kept) => kept.extend_from_slice(bytes),
            State::Streaming(writer) => {
                ready!(writer.poll_ready(cx));
                writer.write(Bytes::copy_from_slice(bytes));
            }
            State::Open(_) | State::Ended => {}
        }
        Poll::Ready(Ok(bytes.len()))
    }

    /// Ready when all chunks have been taken.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        if let State::Streaming(writer) = &self.state {
            ready!(writer.poll_flush(cx));
        }
        Poll::Ready(Ok(()))
    }

    /// [`end`](ClientRequest::end).
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        if !self.is_aborted() {
            if self.chunked_encoding() && matches!(self.state, State::Open(_)) {
                self.begin_body()?;
            }
            self.finish();
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for ClientRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRequest")
            .field("headers", &self.headers)
            .field("chunked_encoding", &self.chunked_encoding())
            .field("upload_progress", &self.upload_progress())
            .finish_non_exhaustive()
    }
}

impl From<InvalidHeader> for Error {
    fn from(cause: InvalidHeader) -> Self {
        Self::argument(NetError::InvalidArgument, cause)
    }
}
