//! One hop: its own headers on the way out, its content coding on the way in.
//!
//! It adds what the engine says of itself and the session's cookies to what the caller set, and takes
//! from the answer what it says of its site. It knows neither redirects nor connections.

mod body;

pub(crate) use body::{ResponseBody, SharedExchange};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use netreq_proto::cookie::SameSiteContext;
use netreq_proto::default_headers::{Codings, accept_encoding, sends_empty_length};
use netreq_proto::fetch_metadata::FetchMetadata;
use netreq_proto::h1::{self, Connection, RequestBody, RequestHead, ResponseHead, Target};
use netreq_proto::origin::is_potentially_trustworthy;
use netreq_proto::{CacheMode, HeaderList};

use url::Url;

use crate::body::Body;
use crate::context::Context;
use crate::error::Error;
use crate::network::{self, Stage, Transaction};
use crate::progress::ProgressCell;
use crate::runtime::instant;
use crate::store::Room;
use crate::timeouts::Timeouts;

/// One hop of a request: what its caller set, checked.
pub(crate) struct Hop {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderList,
    pub(crate) body: Body,
    pub(crate) metadata: FetchMetadata,
    pub(crate) priority: u8,
    pub(crate) cache: CacheMode,
    /// Its own, instead of the session's.
    pub(crate) timeouts: Option<Box<Timeouts>>,
    pub(crate) decodes: bool,
    pub(crate) captures_head: bool,
    /// Whose request it is; `None` where cookies go neither out nor in.
    pub(crate) same_site: Option<SameSiteContext>,
    pub(crate) extras: Option<Box<Extras>>,
}

/// What few requests have.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) unix_socket: Option<PathBuf>,
    pub(crate) continue_after: Option<Duration>,
    pub(crate) progress: Option<Arc<ProgressCell>>,
    /// The value of the field `Cookie`; [`begin`] finds it.
    pub(crate) cookies: Option<Vec<u8>>,
    /// Kept where the whole request has a time limit.
    pub(crate) stage: Option<Arc<Stage>>,
}

impl Hop {
    pub(crate) fn extras(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    /// The time limits, where the session has these.
    pub(crate) fn timeouts<'a>(&'a self, session: &'a Timeouts) -> &'a Timeouts {
        self.timeouts.as_deref().unwrap_or(session)
    }
}

/// A response whose body has yet to be read.
pub(crate) struct Response {
    head: ResponseHead,
    pub(crate) body: ResponseBody,
}

impl Response {
    pub(crate) fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// The head of its request, where it was to be captured.
    pub(crate) fn request_head(&self) -> Option<Bytes> {
        self.body.with_exchange(|exchange| exchange.request_head.clone())
    }

    pub(crate) fn into_parts(self) -> (ResponseHead, ResponseBody) {
        (self.head, self.body)
    }

    /// Reads the body of a response that nobody will see, so that its connection can be used again.
    /// A long or slow one costs the connection instead.
    pub(crate) async fn drain(self) {
        let mut body = self.body;
        if body.remaining().is_some_and(|remaining| remaining > DRAINED as u64) {
            return;
        }
        let mut read = 0;
        let reading = std::future::poll_fn(|cx| {
            while read <= DRAINED {
                match std::task::ready!(body.poll_raw(cx)) {
                    Some(Ok(bytes)) => read += bytes.len(),
                    Some(Err(_)) | None => break,
                }
            }
            std::task::Poll::Ready(())
        });
        // Late or not, what follows is the same.
        let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
    }
}

/// Waits for the session's store, where the hop needs it and nobody has needed it before.
///
/// A store that must not be used is no reason to send nothing: it is reported where it is asked for,
/// and the session is one in memory.
pub(crate) fn open_store(
    context: &Context,
    hop: &Hop,
) -> Option<impl Future<Output = Result<(), Error>>> {
    let needs_it = hop.same_site.is_some() || hop.url.scheme() == "http";
    (needs_it && !context.site_data.is_ready()).then(|| context.site_data.ready())
}

/// Makes the hop ready: its cookies are at hand. Answers with another URL where the host is spoken to
/// over TLS only, and then nothing is to be sent.
pub(crate) fn begin(context: &Context, hop: &mut Hop) -> Option<Url> {
    let site_data = &context.site_data;
    if let Some(url) = site_data.upgrade(&hop.url) {
        return Some(url);
    }
    // Whoever sets the field wants to say it all.
    let same_site = hop.same_site.filter(|_| !hop.headers.contains("cookie"));
    let cookies = same_site.and_then(|same_site| site_data.cookies_for(&hop.url, same_site));
    // Those of the hop before are gone in any case.
    if cookies.is_some() || hop.extras.is_some() {
        hop.extras().cookies = cookies;
    }
    None
}

/// Takes from a response what it says of its site. The room is to be waited for: the store may have
/// too much to do.
pub(crate) fn take_in(context: &Context, hop: &Hop, response: &Response) -> Option<Room> {
    let is_trusted = context.settings.checks_certificates
        && hop.url.scheme() == "https"
        && response.body.with_exchange(|exchange| exchange.facts().is_server_sure());
    context.site_data.take_in(&hop.url, &response.head, hop.same_site, is_trusted)
}

/// Sends one hop and returns its response, decoded as its head says.
///
/// Chromium `URLRequestHttpJob`.
pub(crate) async fn respond(context: &Context, hop: &mut Hop) -> Result<Response, Error> {
    let started = instant();
    let answer = {
        let Hop { method, url, headers, body, metadata, cache, timeouts, extras, .. } = hop;
        let (method, url, headers) = (&*method, &*url, &*headers);
        let timeouts = timeouts.as_deref().unwrap_or(&context.settings.timeouts);
        let extras = extras.as_deref();
        let cookies = extras.and_then(|extras| extras.cookies.as_deref());
        // RFC 9110 §10.1.1: nothing is expected without content.
        let has_content = body.length() != Some(0);
        let expects = extras.and_then(|extras| extras.continue_after).filter(|_| has_content);
        let length = match body.length() {
            _ if body.is_empty() && !sends_empty_length(method) => RequestBody::None,
            Some(length) => RequestBody::ContentLength(length),
            None => RequestBody::Chunked,
        };
        let connection = match headers.get("connection") {
            None => Connection::KeepAlive,
            Some(value) if value.eq_ignore_ascii_case(b"close") => Connection::Close,
            Some(value) if value.eq_ignore_ascii_case(b"upgrade") => Connection::Upgrade,
            Some(_) => Connection::KeepAlive,
        };
        let head = RequestHead {
            method,
            target: Target::Origin(url),
            host: headers.get("host"),
            connection: Some(connection),
            body: length,
        };
        let coding = if hop.decodes && !headers.contains("accept-encoding") {
            accept_encoding(url, headers.contains("range"), CODINGS)
        } else {
            None
        };
        let settings = &context.settings;
        let expects_continue = expects.is_some();
        let write_head = |out: &mut Vec<u8>| {
            let is_unset = |name| headers.is_empty() || !headers.contains(name);
            h1::begin_head(out, &head);
            for (name, value) in cache.fields().iter().filter(|(name, _)| is_unset(name)) {
                h1::write_field(out, name, value.as_bytes());
            }
            for field in headers {
                if !is_written_apart(field.name()) {
                    h1::write_field(out, field.name(), field.value());
                }
            }
            if expects_continue && is_unset("expect") {
                h1::write_field(out, "Expect", b"100-continue");
            }
            if !is_potentially_trustworthy(url) {
                // Only a server that is sure to be who it is learns what the request is for.
            } else if headers.is_empty() && *metadata == FetchMetadata::DEFAULT {
                h1::write_lines(out, &settings.fetch_metadata);
            } else {
                for (name, value) in metadata.lines().filter(|(name, _)| is_unset(name)) {
                    h1::write_field(out, name, value.as_bytes());
                }
            }
            let identity = settings.identity();
            if is_unset("user-agent") {
                h1::write_lines(out, &identity.user_agent_line);
            }
            if let Some(coding) = coding {
                h1::write_field(out, "Accept-Encoding", coding.as_bytes());
            }
            if is_unset("accept-language") {
                h1::write_lines(out, &identity.accept_language_line);
            }
            if let Some(cookies) = cookies {
                h1::write_field(out, "Cookie", cookies);
            }
            h1::end_head(out);
        };
        let mut transaction = Transaction {
            method,
            url,
            unix_socket: extras.and_then(|extras| extras.unix_socket.as_deref()),
            priority: hop.priority,
            timeouts,
            body,
            write_head: &write_head,
            asks_close: connection != Connection::KeepAlive,
            continue_after: expects,
            progress: extras.and_then(|extras| extras.progress.as_ref()),
            started,
            captures_head: hop.captures_head,
            stage: extras.and_then(|extras| extras.stage.as_deref()),
        };
        network::transact(&context.pool, &mut transaction).await?
    };
    let decodes = hop.decodes && !matches!(answer.head.status(), 204 | 304);
    let idle = hop.timeouts(&context.settings.timeouts).idle;
    let body = ResponseBody::new(answer.exchange, &answer.head, decodes, idle)?;
    Ok(Response { head: answer.head, body })
}

/// The head has a place of its own for these.
fn is_written_apart(name: &str) -> bool {
    name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case("connection")
}

const CODINGS: Codings = Codings {
    gzip: cfg!(feature = "gzip"),
    brotli: cfg!(feature = "brotli"),
    zstd: cfg!(feature = "zstd"),
};

/// Chromium gives up a connection rather than read more of a body that nobody wants
/// (`HttpResponseBodyDrainer`).
const DRAINED: usize = 64 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);
