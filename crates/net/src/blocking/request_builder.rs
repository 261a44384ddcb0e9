//! The everyday request, sent by a call that waits.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use netreq_proto::header::IntoValue;
use netreq_proto::{CacheMode, HeaderList, ReferrerPolicy, RequestPriority};

use super::{Driver, IncomingMessage};
use crate::body::Body;
use crate::error::Error;
use crate::progress::UploadProgress;
use crate::request::{CredentialsMode, Delegate, RedirectInfo, RedirectMode, RedirectVerdict};
use crate::timeouts::Timeouts;

/// A request in the making.
///
/// Every method means what it means in [`netreq::RequestBuilder`](crate::RequestBuilder). Nothing
/// happens before [`send`](Self::send), which also reports a wrong argument.
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    request: crate::RequestBuilder,
    driver: Result<Arc<Driver>, Error>,
}

impl RequestBuilder {
    pub(super) fn new(request: crate::RequestBuilder, driver: Result<Arc<Driver>, Error>) -> Self {
        Self { request, driver }
    }

    /// Adds a field. Names go out as written, in the order they were added.
    ///
    /// # Errors
    ///
    /// Reported when sent: a name or value that cannot stand in a head, or a field that belongs to
    /// the engine.
    pub fn header(self, name: impl Into<Cow<'static, str>>, value: impl IntoValue) -> Self {
        self.map(|request| request.header(name, value))
    }

    /// Adds all fields of a list.
    ///
    /// # Errors
    ///
    /// As [`header`](Self::header).
    pub fn headers(self, headers: HeaderList) -> Self {
        self.map(|request| request.headers(headers))
    }

    /// Lets the fields added from here on be ones that belong to the engine, except those that say
    /// how long the body is.
    pub fn allow_restricted_headers(self) -> Self {
        self.map(crate::RequestBuilder::allow_restricted_headers)
    }

    /// What happens to redirects. Default [`RedirectMode::Follow`].
    pub fn redirect(self, mode: RedirectMode) -> Self {
        self.map(|request| request.redirect(mode))
    }

    /// Whether the request carries cookies and logins of its session. Default: logins and no cookies.
    ///
    /// # Errors
    ///
    /// Reported when sent: [`CredentialsMode::SameOrigin`] without an [`origin`](Self::origin).
    pub fn credentials(self, mode: CredentialsMode) -> Self {
        self.map(|request| request.credentials(mode))
    }

    /// Whether the session's cookies go along, and those of responses are kept. Default false; it
    /// counts only where [`credentials`](Self::credentials) is not set.
    pub fn use_session_cookies(self, used: bool) -> Self {
        self.map(|request| request.use_session_cookies(used))
    }

    /// The origin that the request is made for: it decides `Sec-Fetch-Site` and which cookies are
    /// those of the same site.
    ///
    /// # Errors
    ///
    /// Reported when sent: text that is no origin.
    pub fn origin(self, origin: &str) -> Self {
        self.map(|request| request.origin(origin))
    }

    /// What becomes of `Referer` on redirects.
    pub fn referrer_policy(self, policy: ReferrerPolicy) -> Self {
        self.map(|request| request.referrer_policy(policy))
    }

    /// Who goes first when requests wait for a connection.
    pub fn priority(self, priority: RequestPriority) -> Self {
        self.map(|request| request.priority(priority))
    }

    /// How the request stands to caches.
    pub fn cache(self, mode: CacheMode) -> Self {
        self.map(|request| request.cache(mode))
    }

    /// The time limits, instead of the session's.
    pub fn timeouts(self, timeouts: Timeouts) -> Self {
        self.map(|request| request.timeouts(timeouts))
    }

    /// The limit on the whole request, redirects and body included. Default none.
    pub fn timeout(self, total: Duration) -> Self {
        self.map(|request| request.timeout(total))
    }

    /// Sends `Expect: 100-continue` with a body and holds the body back until the server asks for
    /// it, or `at_most` is over.
    pub fn expect_continue(self, at_most: Duration) -> Self {
        self.map(|request| request.expect_continue(at_most))
    }

    /// Connects to a Unix socket instead of the URL's host.
    pub fn unix_socket(self, path: impl Into<PathBuf>) -> Self {
        self.map(|request| request.unix_socket(path))
    }

    /// Whether to ask for content codings and to undo them. Default true.
    pub fn decode(self, decodes: bool) -> Self {
        self.map(|request| request.decode(decodes))
    }

    /// Keeps the head of each hop as it is written. Default false.
    pub fn capture_head(self, captures: bool) -> Self {
        self.map(|request| request.capture_head(captures))
    }

    /// Whom to ask while the request runs. Its answers come on the threads that are in a call of
    /// this session.
    pub fn delegate(self, delegate: impl Delegate) -> Self {
        self.map(|request| request.delegate(delegate))
    }

    /// Decides on every redirect, on a thread that is in a call of this session.
    pub fn on_redirect<F>(self, decide: F) -> Self
    where
        F: Fn(RedirectInfo) -> RedirectVerdict + Send + Sync + 'static,
    {
        self.map(|request| request.on_redirect(move |info| std::future::ready(decide(info))))
    }

    /// Is told whenever some of the body has gone out. Called while the request is driven: keep it
    /// short.
    pub fn on_upload_progress(
        self,
        listener: impl Fn(UploadProgress) + Send + Sync + 'static,
    ) -> Self {
        self.map(|request| request.on_upload_progress(listener))
    }

    /// Sends `value` as JSON, with `Content-Type: application/json` unless one is set.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and a value that is not JSON's.
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Result<IncomingMessage, Error> {
        let driver = self.driver?;
        let message = driver.wait(Box::pin(self.request.json(value)))?;
        Ok(IncomingMessage::new(message, driver))
    }

    /// Sends the request and waits for the head of its response. No body: `send(())`.
    ///
    /// # Errors
    ///
    /// A wrong argument ([`Error::is_builder`]), why no response came, or `ERR_UNEXPECTED` inside an
    /// async runtime, where nothing is sent.
    pub fn send(self, body: impl Into<Body>) -> Result<IncomingMessage, Error> {
        let driver = self.driver?;
        let message = driver.wait(Box::pin(self.request.send(body)))?;
        Ok(IncomingMessage::new(message, driver))
    }

    fn map(mut self, change: impl FnOnce(crate::RequestBuilder) -> crate::RequestBuilder) -> Self {
        self.request = change(self.request);
        self
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.request.fmt(f)
    }
}
