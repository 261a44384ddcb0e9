//! A request from its first hop to the response that is not a redirect.
//!
//! It knows redirects, referrers and whom to ask about them; a hop's own headers and the way to the
//! server belong to `job` and below. The loop in [`run`] is the life of a request, top to bottom.

mod credentials;
mod delegate;

pub(crate) use credentials::{Credentials, requires_origin};
pub use credentials::{CredentialsMode, UnknownCredentialsMode};
pub use delegate::{Delegate, RedirectInfo, RedirectMode, RedirectVerdict, UnknownRedirectMode};
pub(crate) use delegate::{DynDelegate, OnRedirect};

use std::sync::Arc;

use netreq_proto::fetch_metadata::SecFetchSite;
use netreq_proto::header::{check_name, check_restricted, check_value, is_framing};
use netreq_proto::{
    CacheMode, Field, HeaderList, MAX_REDIRECTS, NetError, NextHop, Origin, Phase, ReferrerPolicy,
    next_hop,
};
use url::Url;

use crate::body::Body;
use crate::context::Context;
use crate::error::Error;
use crate::job::{self, Hop, Response};

/// A request as the engine wants it: its first hop, checked, and how to go on from there.
pub(crate) struct Request {
    pub(crate) hop: Hop,
    pub(crate) redirect: RedirectMode,
    /// Who asks, for `Sec-Fetch-Site`, SameSite and credentials.
    pub(crate) initiator: Option<Origin>,
    pub(crate) credentials: Credentials,
    pub(crate) referrer_policy: ReferrerPolicy,
    pub(crate) delegate: Option<Arc<dyn DynDelegate>>,
}

/// The last response of a chain, and the chain.
pub(crate) struct Outcome {
    pub(crate) response: Response,
    /// The URLs before the last one.
    pub(crate) chain: Vec<Url>,
}

/// Sends `request` and follows where it is told, until a response is to be delivered.
///
/// Each hop is a new request: its headers are computed anew and its cookies and credentials are its
/// own. Dropping the future closes the connection in use.
///
/// Fetch §4.4 HTTP-redirect fetch; Chromium `URLRequest`.
pub(crate) async fn run(context: &Context, request: &mut Request) -> Result<Outcome, Error> {
    let mut chain = Vec::new();
    loop {
        check(context, &request.hop)?;
        request.hop.same_site = request.credentials.same_site(&request.hop, &request.initiator);
        if let Some(opening) = job::open_store(context, &request.hop) {
            let _ = Box::pin(opening).await;
        }
        if let Some(url) = job::begin(context, &mut request.hop) {
            request.upgrade(url, &mut chain)?;
            continue;
        }
        let response = job::respond(context, &mut request.hop)
            .await
            .map_err(|error| error.with_url(&request.hop.url))?;
        if let Some(room) = job::take_in(context, &request.hop, &response) {
            Box::pin(room.wait()).await;
        }
        let Some(hop) = redirect(request, &response, chain.len())? else {
            return Ok(Outcome { response, chain });
        };
        let verdict = match request.question(&response, &hop) {
            Some((delegate, info)) => delegate.redirect(info).await,
            None => request.redirect.default_verdict(),
        };
        match verdict {
            RedirectVerdict::Follow => request.apply(&hop),
            RedirectVerdict::FollowWith(headers) => {
                request.apply(&hop);
                request.replace_headers(headers)?;
            }
            RedirectVerdict::Deliver => return Ok(Outcome { response, chain }),
            RedirectVerdict::Cancel => {
                return Err(Error::redirect_cancelled().with_url(&request.hop.url));
            }
        }
        response.drain().await;
        chain.push(std::mem::replace(&mut request.hop.url, hop.url));
    }
}

/// Whether this hop may be made at all.
fn check(context: &Context, hop: &Hop) -> Result<(), Error> {
    if hop.cache == CacheMode::OnlyIfCached {
        let cause = "there is no cache that could have it";
        return Err(Error::argument(NetError::CacheMiss, cause).with_url(&hop.url));
    }
    match hop.extras.as_ref().is_some_and(|extras| extras.unix_socket.is_some()) {
        true => Ok(()),
        false => context.settings.check_port(&hop.url),
    }
}

/// The hop that `response` asks for, if it is one that anybody would take or decide on.
fn redirect(request: &Request, response: &Response, hops: usize) -> Result<Option<NextHop>, Error> {
    let head = response.head();
    if !matches!(head.status(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let referrer = request
        .hop
        .headers
        .get("referer")
        .and_then(|value| Url::parse(std::str::from_utf8(value).ok()?).ok());
    let hop = netreq_proto::Hop {
        method: &request.hop.method,
        url: &request.hop.url,
        referrer: referrer.as_ref(),
        referrer_policy: request.referrer_policy,
        hops: u8::try_from(hops).unwrap_or(u8::MAX),
    };
    let locations = head.get_all("location");
    let next = next_hop(&hop, head.status(), locations, head.get_all("referrer-policy"));
    match (request.redirect, next) {
        (RedirectMode::Error, Ok(Some(_)) | Err(_)) => {
            Err(Error::redirect_refused().with_url(&request.hop.url))
        }
        // Whoever takes redirects into their own hands gets an unreadable one too.
        (RedirectMode::Manual, Err(_)) if request.delegate.is_none() => Ok(None),
        (_, Ok(next)) => Ok(next),
        (_, Err(cause)) => {
            let error = Error::new(cause.net_error(), Phase::Receive).with_source(cause);
            Err(error.with_url(&request.hop.url))
        }
    }
}

impl Request {
    /// Whom to ask about a redirect, and what.
    fn question(
        &self,
        response: &Response,
        hop: &NextHop,
    ) -> Option<(Arc<dyn DynDelegate>, RedirectInfo)> {
        let delegate = Arc::clone(self.delegate.as_ref()?);
        let info = RedirectInfo {
            status: hop.status,
            method: hop.method.clone(),
            url: hop.url.clone(),
            head: response.head().clone(),
            request_head: response.request_head(),
            headers: self.headers_after(hop),
            mode: self.redirect,
        };
        Some((delegate, info))
    }

    /// Takes the delegate's fields, as strictly as the caller's first ones.
    fn replace_headers(&mut self, headers: HeaderList) -> Result<(), Error> {
        for field in &headers {
            let went_along = self.hop.headers.iter().any(|known| known == field);
            check_field(field, went_along)?;
        }
        self.hop.headers = headers;
        Ok(())
    }

    /// Goes on with the same request over TLS, because the host is known to want that. Nobody is
    /// asked, in any mode: nothing has left this machine. It counts as a hop.
    ///
    /// RFC 6797 §8.3; Chromium `URLRequestHttpJob::Start` (307 Internal Redirect).
    fn upgrade(&mut self, url: Url, chain: &mut Vec<Url>) -> Result<(), Error> {
        if chain.len() >= usize::from(MAX_REDIRECTS) {
            let error = Error::new(NetError::TooManyRedirects, Phase::Connect);
            return Err(error.with_url(&self.hop.url));
        }
        self.credentials.upgraded(&url);
        let initiator = self.initiator.as_ref();
        self.hop.metadata.site =
            SecFetchSite::after_redirect(self.hop.metadata.site, initiator, &url);
        chain.push(std::mem::replace(&mut self.hop.url, url));
        Ok(())
    }

    /// Makes this the request that follows; its URL is the caller's to replace.
    fn apply(&mut self, hop: &NextHop) {
        self.credentials.redirected(&self.hop.url, &hop.url, &self.initiator, &self.hop.metadata);
        self.hop.headers = self.headers_after(hop);
        self.hop.method = hop.method.clone();
        self.referrer_policy = hop.referrer_policy;
        if !hop.keeps_body {
            self.hop.body = Body::empty();
        }
        // The socket was named for the origin that the request began with.
        if hop.cross_origin
            && let Some(extras) = &mut self.hop.extras
        {
            extras.unix_socket = None;
        }
        let initiator = self.initiator.as_ref();
        self.hop.metadata.site =
            SecFetchSite::after_redirect(self.hop.metadata.site, initiator, &hop.url);
    }

    /// The caller's fields as they go along.
    fn headers_after(&self, hop: &NextHop) -> HeaderList {
        let mut headers = self.hop.headers.clone();
        headers.retain(|field| !hop.drops_header(field.name()));
        if hop.taints_origin() && headers.contains("origin") {
            headers.set("Origin", "null");
        }
        if headers.contains("referer") {
            match &hop.referrer {
                Some(referrer) => headers.set("Referer", referrer.as_str().to_owned()),
                None => {
                    headers.remove("referer");
                }
            }
        }
        headers
    }
}

/// Whether a field may stand in a request: well formed, and not the engine's own unless that is
/// allowed. Those that say how long the body is never are.
pub(crate) fn check_field(field: &Field, allows_restricted: bool) -> Result<(), Error> {
    let (name, value) = (field.name(), field.value());
    check_name(name)
        .and_then(|()| check_value(name, value))
        .and_then(|()| match allows_restricted && !is_framing(name) {
            true => Ok(()),
            false => check_restricted(name, value),
        })
        .map_err(|cause| Error::argument(NetError::InvalidArgument, cause))
}
