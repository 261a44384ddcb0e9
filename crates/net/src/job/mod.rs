//! One hop: its own headers on the way out, its content coding on the way in.
//!
//! It adds what the engine says of itself to what the caller set, and knows neither redirects nor
//! connections.

mod body;

pub(crate) use body::{ResponseBody, SharedExchange};

use std::time::{Duration, Instant};

use netreq_proto::default_headers::{Codings, accept_encoding, sends_empty_length};
use netreq_proto::h1::{self, Connection, RequestBody, RequestHead, ResponseHead, Target};

use crate::error::Error;
use crate::network::{self, Transaction};
use crate::request::Request;
use crate::runtime::instant;
use crate::session::Context;

/// A response whose body has yet to be read.
pub(crate) struct Response {
    head: ResponseHead,
    pub(crate) body: ResponseBody,
    pub(crate) started: Instant,
    pub(crate) connected: Instant,
}

impl Response {
    pub(crate) fn head(&self) -> &ResponseHead {
        &self.head
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

/// Sends one hop of `request` and returns its response, decoded as its head says.
///
/// Chromium `URLRequestHttpJob`.
pub(crate) async fn respond(context: &Context, request: &mut Request) -> Result<Response, Error> {
    let started = instant();
    let answer = {
        let Request { method, url, headers, body, metadata, timeouts, extras, .. } = request;
        let (method, url, headers) = (&*method, &*url, &*headers);
        let extras = extras.as_deref();
        let expects = extras.and_then(|extras| extras.continue_after).filter(|_| !body.is_empty());
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
        let coding = if request.decodes && !headers.contains("accept-encoding") {
            accept_encoding(url, headers.contains("range"), CODINGS)
        } else {
            None
        };
        let own = OwnFields {
            expects_continue: expects.is_some() && !headers.contains("expect"),
            user_agent: &context.settings.user_agent,
            accept_encoding: coding,
            accept_language: context.settings.accept_language.as_deref(),
        };
        let write_head = |out: &mut Vec<u8>| {
            let callers = headers
                .iter()
                .map(|field| (field.name(), field.value()))
                .filter(|(name, _)| !is_written_apart(name));
            let metadata = metadata
                .fields(url)
                .map(|(name, value)| (name, value.as_bytes()))
                .filter(|(name, _)| !headers.contains(name));
            let own = own.fields().filter(|(name, _)| !headers.contains(name));
            h1::write_head(out, &head, callers.chain(metadata).chain(own));
        };
        let mut transaction = Transaction {
            method,
            url,
            unix_socket: extras.and_then(|extras| extras.unix_socket.as_deref()),
            priority: request.priority,
            timeouts,
            body,
            write_head: &write_head,
            asks_close: connection != Connection::KeepAlive,
            continue_after: expects,
            progress: extras.and_then(|extras| extras.progress.as_ref()),
            captures_head: request.captures_head,
            stage: extras.and_then(|extras| extras.stage.as_deref()),
        };
        network::transact(&context.pool, &mut transaction).await?
    };
    let decodes = request.decodes && !matches!(answer.head.status(), 204 | 304);
    let body = ResponseBody::new(answer.exchange, &answer.head, decodes, request.timeouts.idle)?;
    Ok(Response { head: answer.head, body, started, connected: answer.connected })
}

/// The fields that the engine adds when the caller has not set them.
struct OwnFields<'a> {
    expects_continue: bool,
    user_agent: &'a str,
    accept_encoding: Option<&'static str>,
    accept_language: Option<&'a str>,
}

impl<'a> OwnFields<'a> {
    fn fields(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        [
            self.expects_continue.then_some(("Expect", "100-continue")),
            Some(("User-Agent", self.user_agent)).filter(|(_, value)| !value.is_empty()),
            self.accept_encoding.map(|value| ("Accept-Encoding", value)),
            self.accept_language.map(|value| ("Accept-Language", value)),
        ]
        .into_iter()
        .flatten()
        .map(|(name, value)| (name, value.as_bytes()))
    }
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
