//! A session as a `tower_service::Service`, for programs that stack their middleware on one.
//!
//! It turns `http`'s types into the engine's and back, and decides nothing else: limits, retries and
//! redirects beyond the engine's own are what the layers above are for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue,
    TRANSFER_ENCODING,
};
use http::{StatusCode, Version};
use http_body::{Frame, SizeHint};
use netreq_proto::{HeaderList, NetError, Phase, ReferrerPolicy, RequestPriority};
use url::Url;

use crate::api::{IncomingMessage, IntoUrl};
use crate::body::Body;
use crate::error::{BoxError, Error};
use crate::request::{CredentialsMode, RedirectMode};
use crate::session::Session;
use crate::timeouts::Timeouts;

/// Sends `http` requests; names go out in lower case, as `http` has them.
///
/// The URI is absolute. These types in the request's extensions say more, with the everyday defaults
/// where they are absent: [`RedirectMode`], [`CredentialsMode`], [`Timeouts`], [`RequestPriority`],
/// [`ReferrerPolicy`]. The request's version is not looked at.
///
/// `Content-Length` must be the body's length, and is the length of a body that does not know its
/// own; `Transfer-Encoding: chunked` may stand there, and what is sent follows the body; `Host` must
/// be the URI's. Other fields that belong to the engine are errors, as in
/// [`RequestBuilder::header`](crate::RequestBuilder::header). A request that sets `Accept-Encoding`
/// gets its body as it came; any other gets it decoded, and then the response's header map has
/// neither `Content-Encoding` nor `Content-Length`.
///
/// The message is the response's body and has everything else: the URL, the fields as received, and
/// those that `http` has no room for. It is always ready: requests wait for a connection in
/// their future. Dropping that ends the request and closes its connection.
impl<B> tower_service::Service<http::Request<B>> for Session
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<IncomingMessage>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let session = self.clone();
        let (head, body) = request.into_parts();
        Box::pin(async move {
            let url = head.uri.to_string().into_url()?;
            let (headers, body) = outgoing(&url, &head.headers, body)?;
            let mut request = session
                .request(head.method, url)
                .headers(headers)
                .decode(!head.headers.contains_key(ACCEPT_ENCODING));
            let extensions = &head.extensions;
            if let Some(mode) = extensions.get::<RedirectMode>() {
                request = request.redirect(*mode);
            }
            if let Some(mode) = extensions.get::<CredentialsMode>() {
                request = request.credentials(*mode);
            }
            if let Some(timeouts) = extensions.get::<Timeouts>() {
                request = request.timeouts(*timeouts);
            }
            if let Some(priority) = extensions.get::<RequestPriority>() {
                request = request.priority(*priority);
            }
            if let Some(policy) = extensions.get::<ReferrerPolicy>() {
                request = request.referrer_policy(*policy);
            }
            incoming(request.send(body).await?)
        })
    }
}

/// The caller's fields without those that only repeat what the engine writes, and the body.
///
/// RFC 9112 §6: a message has one length, so a field that says another is an error.
fn outgoing<B>(url: &Url, fields: &HeaderMap, body: B) -> Result<(HeaderList, Body), Error>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let known = body.size_hint().exact();
    let mut stated = None;
    let mut headers = HeaderList::with_capacity(fields.len());
    for (name, value) in fields {
        if *name == CONTENT_LENGTH {
            let length = length(value.as_bytes()).ok_or_else(|| refused("it is no length"))?;
            if known.or(stated).is_some_and(|other| other != length) {
                return Err(refused("the body has another length"));
            }
            stated = Some(length);
        } else if *name == TRANSFER_ENCODING {
            if !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return Err(refused("chunked is the only transfer coding"));
            }
        } else if *name == HOST && is_host_of(url, value) {
            // The engine writes it.
        } else {
            headers.append(name.as_str().to_owned(), value.as_bytes().to_vec());
        }
    }
    if stated.is_some() && fields.contains_key(TRANSFER_ENCODING) {
        return Err(refused("a body is either counted or chunked"));
    }
    let body = match stated {
        Some(length) if known.is_none() => Body::wrap(Counted { body: Box::pin(body), length }),
        _ => Body::wrap(body),
    };
    Ok((headers, body))
}

fn length(value: &[u8]) -> Option<u64> {
    let digits = value.iter().all(u8::is_ascii_digit).then_some(value)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn is_host_of(url: &Url, value: &HeaderValue) -> bool {
    let host = url.host_str().unwrap_or_default();
    let value = value.as_bytes();
    let with = |port: u16| format!("{host}:{port}").as_bytes().eq_ignore_ascii_case(value);
    (url.port().is_none() && host.as_bytes().eq_ignore_ascii_case(value))
        || url.port_or_known_default().is_some_and(with)
}

fn refused(rule: &'static str) -> Error {
    Error::argument(NetError::InvalidArgument, format!("the length of the body: {rule}"))
}

fn incoming(message: IncomingMessage) -> Result<http::Response<IncomingMessage>, Error> {
    let status = StatusCode::from_u16(message.status()).map_err(|cause| {
        Error::new(NetError::InvalidHttpResponse, Phase::Receive)
            .with_source(cause)
            .with_url(message.url())
    })?;
    let version = match message.http_version() {
        (1, 0) => Version::HTTP_10,
        _ => Version::HTTP_11,
    };
    let mut headers = HeaderMap::with_capacity(message.raw_headers().len());
    for (name, value) in message.raw_headers() {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
        {
            // Past the map's own limit a field is left out, like one that it cannot hold.
            let _ = headers.try_append(name, value);
        }
    }
    if message.is_decoded() {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
    }
    let mut response = http::Response::new(message);
    *response.status_mut() = status;
    *response.version_mut() = version;
    *response.headers_mut() = headers;
    Ok(response)
}

/// A body whose length its request states.
struct Counted<B> {
    body: Pin<Box<B>>,
    length: u64,
}

impl<B: http_body::Body> http_body::Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.body.as_mut().poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
