//! The everyday request: build, send, read.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use netreq_proto::fetch_metadata::{FetchMetadata, SecFetchSite};
use netreq_proto::header::{IntoValue, check_method};
use netreq_proto::{
    CacheMode, Field, HeaderList, NetError, Origin, ReferrerPolicy, RequestPriority,
};
use tokio::runtime::Handle;
use url::Url;

use super::incoming_message::IncomingMessage;
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, without_credentials};
use crate::job::Hop;
use crate::network::Stage;
use crate::progress::{ProgressCell, UploadProgress};
use crate::request::{
    self, Credentials, CredentialsMode, Delegate, OnRedirect, RedirectInfo, RedirectMode,
    RedirectVerdict, Request, check_field,
};
use crate::runtime::instant;
use crate::session::Session;
use crate::timeouts::Timeouts;

/// A request in the making.
///
/// Nothing happens before [`send`](Self::send) or `.await`. A wrong argument is reported there, as
/// an error for which [`Error::is_builder`] holds.
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    session: Session,
    draft: Result<Box<Request>, Error>,
    allows_restricted: bool,
}

impl RequestBuilder {
    pub(crate) fn new(session: Session, method: Method, url: Result<Url, Error>) -> Self {
        let draft = url.and_then(|url| draft(method, url));
        Self { session, draft, allows_restricted: false }
    }

    /// Adds a field. Names go out as written, in the order they were added.
    ///
    /// # Errors
    ///
    /// Reported when sent: a name or value that cannot stand in a head, or a field that belongs to
    /// the engine (Electron's restricted headers; Chromium `services/network/public/cpp/
    /// header_util.cc`).
    pub fn header(
        self,
        name: impl Into<std::borrow::Cow<'static, str>>,
        value: impl IntoValue,
    ) -> Self {
        let allows = self.allows_restricted;
        let field = Field::new(name, value);
        self.edit(|request| {
            check_field(&field, allows)?;
            request.hop.headers.extend([field]);
            Ok(())
        })
    }

    /// Adds all fields of a list.
    ///
    /// # Errors
    ///
    /// As [`header`](Self::header).
    pub fn headers(self, headers: HeaderList) -> Self {
        let allows = self.allows_restricted;
        self.edit(|request| {
            for field in &headers {
                check_field(field, allows)?;
            }
            request.hop.headers.extend(headers);
            Ok(())
        })
    }

    /// Lets the fields added from here on be ones that belong to the engine, such as `Host` or
    /// `Upgrade`, except those that say how long the body is.
    pub fn allow_restricted_headers(mut self) -> Self {
        self.allows_restricted = true;
        self
    }

    /// What happens to redirects. Default [`RedirectMode::Follow`]; in [`RedirectMode::Manual`] the
    /// redirect response is delivered, unless a delegate says otherwise.
    pub fn redirect(self, mode: RedirectMode) -> Self {
        self.edit(|request| {
            request.redirect = mode;
            Ok(())
        })
    }

    /// Whether the request carries cookies and logins of its session. Default: logins and no cookies,
    /// as in Electron. It counts for every hop anew.
    ///
    /// # Errors
    ///
    /// Reported when sent: [`CredentialsMode::SameOrigin`] without an [`origin`](Self::origin)
    /// (`credentials: same-origin requires origin to be set`).
    pub fn credentials(self, mode: CredentialsMode) -> Self {
        self.edit(|request| {
            request.credentials.mode = Some(mode);
            Ok(())
        })
    }

    /// Whether the session's cookies go along, and those of responses are kept. Default false; it
    /// counts only where [`credentials`](Self::credentials) is not set.
    ///
    /// SameSite counts as if the request came from the site it goes to, unless another
    /// [`origin`](Self::origin) is named. A field `Cookie` of the caller's goes out as it is set, and
    /// then the session's stay behind.
    pub fn use_session_cookies(self, used: bool) -> Self {
        self.edit(|request| {
            request.credentials.use_session_cookies = used;
            Ok(())
        })
    }

    /// The origin that the request is made for, such as `https://app.example`: it decides
    /// `Sec-Fetch-Site`. Default: the field `Origin` if it is set, else none.
    ///
    /// # Errors
    ///
    /// Reported when sent: text that is no origin.
    pub fn origin(self, origin: &str) -> Self {
        let parsed = origin.parse::<Origin>();
        self.edit(|request| {
            let origin =
                parsed.map_err(|cause| Error::argument(NetError::InvalidArgument, cause))?;
            request.initiator = Some(origin);
            Ok(())
        })
    }

    /// What becomes of `Referer` on redirects. Default `strict-origin-when-cross-origin`. The first
    /// hop sends the field as given.
    pub fn referrer_policy(self, policy: ReferrerPolicy) -> Self {
        self.edit(|request| {
            request.referrer_policy = policy;
            Ok(())
        })
    }

    /// Who goes first when requests wait for a connection. Default [`RequestPriority::Idle`], as in
    /// Electron.
    pub fn priority(self, priority: RequestPriority) -> Self {
        self.edit(|request| {
            request.hop.priority = priority as u8;
            Ok(())
        })
    }

    /// How the request stands to caches. Default [`CacheMode::Default`]. There is none here yet: the mode
    /// is said to caches on the way, and `OnlyIfCached` fails with `ERR_CACHE_MISS`.
    pub fn cache(self, mode: CacheMode) -> Self {
        self.edit(|request| {
            request.hop.cache = mode;
            Ok(())
        })
    }

    /// The time limits, instead of the session's.
    pub fn timeouts(self, timeouts: Timeouts) -> Self {
        self.edit(|request| {
            request.hop.timeouts = Some(Box::new(timeouts));
            Ok(())
        })
    }

    /// The limit on the whole request, redirects and body included. Default none.
    pub fn timeout(self, total: Duration) -> Self {
        let session = self.session.context().settings.timeouts;
        self.edit(|request| {
            request.hop.timeouts.get_or_insert_with(|| Box::new(session)).total = Some(total);
            Ok(())
        })
    }

    /// Sends `Expect: 100-continue` with a body and holds the body back until the server asks for
    /// it, or `at_most` is over. A final response instead of 100 leaves the body unsent.
    ///
    /// RFC 9110 §10.1.1.
    pub fn expect_continue(self, at_most: Duration) -> Self {
        self.edit(|request| {
            request.hop.extras().continue_after = Some(at_most);
            Ok(())
        })
    }

    /// Connects to a Unix socket instead of the URL's host. Host, path and TLS stay the URL's.
    pub fn unix_socket(self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        self.edit(|request| {
            request.hop.extras().unix_socket = Some(path);
            Ok(())
        })
    }

    /// Whether to ask for content codings and to undo them. Default true.
    pub fn decode(self, decodes: bool) -> Self {
        self.edit(|request| {
            request.hop.decodes = decodes;
            Ok(())
        })
    }

    /// Keeps the head of each hop as it is written, for
    /// [`IncomingMessage::request_head`]. Default false.
    pub fn capture_head(self, captures: bool) -> Self {
        self.edit(|request| {
            request.hop.captures_head = captures;
            Ok(())
        })
    }

    /// Whom to ask while the request runs.
    pub fn delegate(self, delegate: impl Delegate) -> Self {
        self.edit(|request| {
            request.delegate = Some(Arc::new(delegate));
            Ok(())
        })
    }

    /// Decides on every redirect; shorthand for a [`Delegate`] with this one answer.
    pub fn on_redirect<F, A>(self, decide: F) -> Self
    where
        F: Fn(RedirectInfo) -> A + Send + Sync + 'static,
        A: Future<Output = RedirectVerdict> + Send + 'static,
    {
        self.delegate(OnRedirect(decide))
    }

    /// Is told whenever some of the body has gone out. Called where the request is driven: keep it
    /// short.
    pub fn on_upload_progress(
        self,
        listener: impl Fn(UploadProgress) + Send + Sync + 'static,
    ) -> Self {
        self.edit(|request| {
            let cell = ProgressCell::with_listener(Box::new(listener));
            request.hop.extras().progress = Some(Arc::new(cell));
            Ok(())
        })
    }

    /// Sends `value` as JSON, with `Content-Type: application/json` unless one is set.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and a value that is not JSON's.
    #[cfg(feature = "json")]
    pub async fn json<T: serde::Serialize + ?Sized>(
        self,
        value: &T,
    ) -> Result<IncomingMessage, Error> {
        let body = serde_json::to_vec(value);
        let ready = self.edit(|request| {
            if !request.hop.headers.contains("content-type") {
                request.hop.headers.append("Content-Type", "application/json");
            }
            Ok(())
        });
        match body {
            Ok(body) => ready.send(body).await,
            Err(cause) => Err(Error::argument(NetError::InvalidArgument, cause)),
        }
    }

    /// Sends the request and waits for the head of its response.
    ///
    /// The future drives everything; dropping it ends the request and closes its connection. A
    /// response that comes before the body has gone out is delivered at once, and reading it sends
    /// the rest.
    ///
    /// # Errors
    ///
    /// A wrong argument ([`Error::is_builder`]), or why no response came.
    pub async fn send(self, body: impl Into<Body>) -> Result<IncomingMessage, Error> {
        let mut request = self.draft?;
        request.hop.body = body.into();
        send(self.session.context(), request).await
    }

    fn edit(mut self, change: impl FnOnce(&mut Request) -> Result<(), Error>) -> Self {
        if let Ok(request) = &mut self.draft
            && let Err(error) = change(request)
        {
            self.draft = Err(error);
        }
        self
    }
}

/// A request with the defaults.
pub(super) fn draft(method: Method, url: Url) -> Result<Box<Request>, Error> {
    check_method(method.as_str())
        .map_err(|cause| Error::argument(NetError::InvalidArgument, cause))?;
    Ok(Box::new(Request {
        hop: Hop {
            method,
            url,
            headers: HeaderList::new(),
            body: Body::empty(),
            metadata: FetchMetadata::DEFAULT,
            priority: RequestPriority::Idle as u8,
            cache: CacheMode::Default,
            timeouts: None,
            decodes: true,
            captures_head: false,
            same_site: None,
            extras: None,
        },
        redirect: RedirectMode::Follow,
        initiator: None,
        credentials: Credentials::default(),
        referrer_policy: ReferrerPolicy::default(),
        delegate: None,
    }))
}

/// Settles what the fields say of the request, and runs it.
pub(super) async fn send(
    context: &Arc<Context>,
    mut request: Box<Request>,
) -> Result<IncomingMessage, Error> {
    request.settle()?;
    send_settled(context, request).await
}

/// Runs a request that has been settled.
pub(super) async fn send_settled(
    context: &Arc<Context>,
    mut request: Box<Request>,
) -> Result<IncomingMessage, Error> {
    // A limit beyond the clock's end is none.
    let total = request.hop.timeouts(&context.settings.timeouts).total;
    if let Some(deadline) = total.and_then(|total| instant().checked_add(total)) {
        return Box::pin(send_within(context, request, deadline)).await;
    }
    let outcome = request::run(context, &mut request).await?;
    Ok(IncomingMessage::new(outcome.response, request.hop.url, outcome.chain, None))
}

async fn send_within(
    context: &Arc<Context>,
    mut request: Box<Request>,
    deadline: Instant,
) -> Result<IncomingMessage, Error> {
    // Without a runtime there is no timer either.
    Handle::try_current().map_err(|cause| Error::argument(NetError::Unexpected, cause))?;
    let url = request.hop.url.clone();
    let stage = Arc::new(Stage::new());
    request.hop.extras().stage = Some(Arc::clone(&stage));
    let running = request::run(context, &mut request);
    match tokio::time::timeout_at(deadline.into(), running).await {
        Ok(outcome) => {
            let outcome = outcome?;
            let url = request.hop.url;
            Ok(IncomingMessage::new(outcome.response, url, outcome.chain, Some(deadline)))
        }
        Err(_) => Err(Error::timed_out(stage.phase(), "total").with_url(&url)),
    }
}

impl Request {
    /// Takes from the caller's fields what they say of the request itself.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        if self.initiator.is_none() && !self.hop.headers.is_empty() {
            self.initiator = self
                .hop
                .headers
                .get("origin")
                .and_then(|value| std::str::from_utf8(value).ok())
                .and_then(|value| value.parse().ok());
        }
        let site = SecFetchSite::of(self.initiator.as_ref(), &self.hop.url);
        if self.hop.headers.is_empty() {
            self.hop.metadata.site = site;
            return self.settle_credentials();
        }
        let text = |name: &str| {
            self.hop.headers.get(name).and_then(|value| std::str::from_utf8(value).ok())
        };
        let mode = text("sec-fetch-mode").and_then(|text| text.parse().ok()).unwrap_or_default();
        let destination =
            text("sec-fetch-dest").and_then(|text| text.parse().ok()).unwrap_or_default();
        let user_activated = text("sec-fetch-user") == Some("?1");
        self.hop.metadata = FetchMetadata::new(site, mode, destination, user_activated)
            .map_err(|cause| Error::sentence(NetError::InvalidArgument, cause.to_string()))?;
        self.settle_credentials()
    }

    fn settle_credentials(&mut self) -> Result<(), Error> {
        self.credentials.settle(&self.hop.url, self.initiator.as_ref(), &self.hop.metadata)
    }
}

impl IntoFuture for RequestBuilder {
    type Output = Result<IncomingMessage, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// Sends the request without a body.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send(Body::empty()))
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RequestBuilder");
        match &self.draft {
            Ok(request) => {
                let url = without_credentials(&request.hop.url);
                shown.field("method", &request.hop.method).field("url", &url.as_str());
            }
            Err(error) => {
                shown.field("error", error);
            }
        }
        shown.finish_non_exhaustive()
    }
}
