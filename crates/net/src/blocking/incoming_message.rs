//! A response whose body is read by calls that wait.

use std::fmt;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use netreq_proto::h1::{FieldBlock, ResponseHead};
use netreq_proto::node_headers::MergedHeaders;
use tokio::io::AsyncReadExt;
use url::Url;

use super::Driver;
use crate::api::Timing;
use crate::error::Error;
#[cfg(feature = "tls")]
use crate::tls::TlsInfo;

/// A response.
///
/// Every method means what it means in [`netreq::IncomingMessage`](crate::IncomingMessage). The body
/// is read with [`chunk`](Self::chunk), [`bytes`](Self::bytes) or [`text`](Self::text), or through
/// [`Read`], one call of the engine a read: wrap it in a [`BufReader`](io::BufReader) for small ones.
///
/// Nothing is read ahead, and nothing is sent between calls. Dropping it before the end gives up the
/// rest: the connection is closed, unless what is left has already arrived.
pub struct IncomingMessage {
    message: crate::IncomingMessage,
    driver: Arc<Driver>,
}

impl IncomingMessage {
    pub(super) fn new(message: crate::IncomingMessage, driver: Arc<Driver>) -> Self {
        Self { message, driver }
    }

    /// The status code, 100 to 999.
    pub fn status(&self) -> u16 {
        self.message.status()
    }

    /// The reason phrase as received, bytes beyond ASCII read as Latin-1.
    pub fn status_message(&self) -> String {
        self.message.status_message()
    }

    /// Major and minor version of HTTP.
    pub fn http_version(&self) -> (u8, u8) {
        self.message.http_version()
    }

    /// The fields merged by Node's rules.
    pub fn headers(&self) -> MergedHeaders {
        self.message.headers()
    }

    /// Every field as received: order, letter case and repetitions.
    pub fn raw_headers(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> + Clone {
        self.message.raw_headers()
    }

    /// The first value of a field, whatever the letter case of its name; `None` also where it is not
    /// UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.message.header(name)
    }

    /// The response's head, exactly as received.
    pub fn head(&self) -> &ResponseHead {
        self.message.head()
    }

    /// The last request's head exactly as written, where
    /// [`capture_head`](super::RequestBuilder::capture_head) asked for it.
    pub fn request_head(&self) -> Option<Bytes> {
        self.message.request_head()
    }

    /// The informational responses (100, 103 …) that came before this one, in order.
    pub fn informational(&self) -> Vec<ResponseHead> {
        self.message.informational()
    }

    /// The trailer section of a chunked body, once its end has been read.
    pub fn trailers(&self) -> Option<FieldBlock> {
        self.message.trailers()
    }

    /// How long the body is, if that is known before it is read.
    pub fn content_length(&self) -> Option<u64> {
        self.message.content_length()
    }

    /// Where the response came from, after all redirects.
    pub fn url(&self) -> &Url {
        self.message.url()
    }

    /// The URLs before [`url`](Self::url), in order: empty without redirects.
    pub fn redirected_from(&self) -> &[Url] {
        self.message.redirected_from()
    }

    /// When the phases of the last hop happened.
    pub fn timing(&self) -> Timing {
        self.message.timing()
    }

    /// The address of the peer; `None` over a Unix socket.
    pub fn remote_address(&self) -> Option<SocketAddr> {
        self.message.remote_address()
    }

    /// The address of this end; `None` over a Unix socket.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.message.local_address()
    }

    /// What the TLS handshake of the connection settled; `None` over plain HTTP.
    #[cfg(feature = "tls")]
    pub fn tls(&self) -> Option<TlsInfo> {
        self.message.tls()
    }

    /// Whether the connection had carried a request before.
    pub fn is_connection_reused(&self) -> bool {
        self.message.is_connection_reused()
    }

    /// The most that [`bytes`](Self::bytes), [`text`](Self::text) and `json` hold in memory. Default
    /// 1 GiB.
    #[must_use]
    pub fn collect_limit(mut self, bytes: u64) -> Self {
        self.message = self.message.collect_limit(bytes);
        self
    }

    /// The message itself, or an error where the status is 400 or more.
    ///
    /// # Errors
    ///
    /// `ERR_HTTP_RESPONSE_CODE_FAILURE`, with the status in [`Error::status`].
    pub fn error_for_status(self) -> Result<Self, Error> {
        let message = self.message.error_for_status()?;
        Ok(Self { message, driver: self.driver })
    }

    /// Waits for the next piece of the body; `None` is its whole end.
    ///
    /// # Errors
    ///
    /// The body broke off or cannot be decoded, or `ERR_UNEXPECTED` inside an async runtime, where
    /// nothing is read and a later call goes on.
    pub fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.driver.wait(self.message.chunk())
    }

    /// Waits for the whole body.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk), and `ERR_INSUFFICIENT_RESOURCES` past
    /// [`collect_limit`](Self::collect_limit).
    pub fn bytes(self) -> Result<Bytes, Error> {
        self.driver.wait(Box::pin(self.message.bytes()))
    }

    /// Waits for the whole body, as text: UTF-8, where what is not becomes U+FFFD.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub fn text(self) -> Result<String, Error> {
        self.driver.wait(Box::pin(self.message.text()))
    }

    /// Waits for the whole body and reads it as JSON.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), and [`Error::is_decode`] where it is not the JSON that was asked
    /// for.
    #[cfg(feature = "json")]
    pub fn json<T: serde::de::DeserializeOwned>(self) -> Result<T, Error> {
        self.driver.wait(Box::pin(self.message.json()))
    }
}

impl Read for IncomingMessage {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.driver.wait(async { Ok(self.message.read(buffer).await) });
        read.map_err(io::Error::from)?
    }
}

impl fmt::Debug for IncomingMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}
