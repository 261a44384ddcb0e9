//! Questions that a request asks its owner.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::Method;
use netreq_proto::HeaderList;
use netreq_proto::h1::ResponseHead;
use url::Url;

use crate::error::without_credentials;

/// Questions that a request asks its owner while it runs.
///
/// Every default is what Electron does when nobody listens. Never two questions at once for one
/// request, and none after it is dropped or aborted; the request stands still until the answer.
pub trait Delegate: Send + Sync + 'static {
    /// Whether to take a redirect. Not asked in mode [`RedirectMode::Error`].
    fn redirect(&self, redirect: RedirectInfo) -> impl Future<Output = RedirectVerdict> + Send {
        async move { redirect.mode.default_verdict() }
    }
}

/// What happens to a response that redirects (Fetch §2.2.5, redirect mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RedirectMode {
    /// Follow, at most twenty times.
    #[default]
    Follow,
    /// Fail with `Attempted to redirect, but redirect policy was 'error'`.
    Error,
    /// Leave it to the caller. In the contract ([`ClientRequest`](crate::ClientRequest)) nothing
    /// but an answer to [`Event::Redirect`](crate::Event::Redirect) follows it; elsewhere the
    /// redirect response itself is delivered.
    Manual,
}

impl RedirectMode {
    /// What happens when nobody decides.
    pub(crate) fn default_verdict(self) -> RedirectVerdict {
        match self {
            Self::Follow => RedirectVerdict::Follow,
            Self::Error => RedirectVerdict::Cancel,
            Self::Manual => RedirectVerdict::Deliver,
        }
    }
}

impl std::str::FromStr for RedirectMode {
    type Err = UnknownRedirectMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "follow" => Ok(Self::Follow),
            "error" => Ok(Self::Error),
            "manual" => Ok(Self::Manual),
            _ => Err(UnknownRedirectMode),
        }
    }
}

/// The text is no redirect mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRedirectMode;

impl fmt::Display for UnknownRedirectMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redirect mode should be one of follow, error or manual")
    }
}

impl std::error::Error for UnknownRedirectMode {}

/// A redirect that waits for a decision.
///
/// `Debug` shows neither user and password of its URL nor the values of fields that carry secrets.
#[derive(Clone)]
#[non_exhaustive]
pub struct RedirectInfo {
    /// The status of the response that redirects.
    pub status: u16,
    /// The method of the request that would follow.
    pub method: Method,
    /// Where it would go.
    pub url: Url,
    /// The response's head, `Set-Cookie` included.
    pub head: ResponseHead,
    /// The head of the request that was redirected, exactly as written, where
    /// [`capture_head`](crate::RequestBuilder::capture_head) asked for it.
    pub request_head: Option<Bytes>,
    /// The caller's fields as they would go along; see [`RedirectVerdict::FollowWith`].
    pub headers: HeaderList,
    /// The request's mode.
    pub mode: RedirectMode,
}

impl fmt::Debug for RedirectInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedirectInfo")
            .field("status", &self.status)
            .field("method", &self.method)
            .field("url", &without_credentials(&self.url).as_str())
            .field("head", &self.head)
            .field("headers", &self.headers)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// What to do about a redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectVerdict {
    /// Go on.
    Follow,
    /// Go on with these fields of the caller's instead of those that would go along.
    FollowWith(HeaderList),
    /// Deliver the redirect response itself.
    Deliver,
    /// Fail with `Redirect was cancelled`.
    Cancel,
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A [`Delegate`] whose type is forgotten; a question is rare enough to be boxed.
pub(crate) trait DynDelegate: Send + Sync {
    fn redirect(&self, redirect: RedirectInfo) -> Answer<'_, RedirectVerdict>;
}

impl<D: Delegate> DynDelegate for D {
    fn redirect(&self, redirect: RedirectInfo) -> Answer<'_, RedirectVerdict> {
        Box::pin(Delegate::redirect(self, redirect))
    }
}

/// A closure that decides on redirects.
pub(crate) struct OnRedirect<F>(pub(crate) F);

impl<F, A> Delegate for OnRedirect<F>
where
    F: Fn(RedirectInfo) -> A + Send + Sync + 'static,
    A: Future<Output = RedirectVerdict> + Send,
{
    fn redirect(&self, redirect: RedirectInfo) -> impl Future<Output = RedirectVerdict> + Send {
        (self.0)(redirect)
    }
}
