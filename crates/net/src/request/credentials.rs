//! Whether a request carries what its session knows of its user, hop by hop.

use std::fmt;

use netreq_proto::cookie::{RequestSites, SameSiteContext};
use netreq_proto::{FetchMetadata, NetError, Origin, RequestMode};
use url::Url;

use crate::error::Error;
use crate::job::Hop;

/// Whether a request carries credentials: cookies and, of servers, logins (Fetch §2.2.5).
///
/// Logins to proxies are not meant: they belong to the way and not to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialsMode {
    /// None: no cookie goes out or in.
    Omit,
    /// Where the hop goes to the origin that the request is made for, which must be said.
    SameOrigin,
    /// Always.
    Include,
}

impl std::str::FromStr for CredentialsMode {
    type Err = UnknownCredentialsMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "omit" => Ok(Self::Omit),
            "same-origin" => Ok(Self::SameOrigin),
            "include" => Ok(Self::Include),
            _ => Err(UnknownCredentialsMode),
        }
    }
}

/// The text is no credentials mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCredentialsMode;

impl fmt::Display for UnknownCredentialsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("credentials should be one of omit, same-origin or include")
    }
}

impl std::error::Error for UnknownCredentialsMode {}

/// What a request's options and its way so far say of its credentials.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) mode: Option<CredentialsMode>,
    /// Counts only without a mode.
    pub(crate) use_session_cookies: bool,
    /// The way, as soon as more than the URL has a part in it.
    sites: Option<Box<RequestSites>>,
    /// Whether a server of another origin had a hand in where the request goes (Fetch §4.4,
    /// redirect-taint).
    is_tainted: bool,
}

impl Credentials {
    /// Looks at the request as its caller made it.
    ///
    /// # Errors
    ///
    /// `credentials: same-origin requires origin to be set`; a navigation without credentials, which
    /// Chromium takes for a broken caller.
    pub(crate) fn settle(
        &mut self,
        url: &Url,
        initiator: Option<&Origin>,
        metadata: &FetchMetadata,
    ) -> Result<(), Error> {
        let navigates = metadata.mode == RequestMode::Navigate;
        match self.mode {
            Some(CredentialsMode::SameOrigin) if initiator.is_none() => {
                return Err(requires_origin());
            }
            Some(CredentialsMode::SameOrigin | CredentialsMode::Omit) if navigates => {
                let cause = "a navigation carries credentials: its mode has to be include";
                return Err(Error::argument(NetError::InvalidArgument, cause));
            }
            _ => {}
        }
        if self.may_have_cookies() && (initiator.is_some() || navigates) {
            self.sites = Some(Box::new(RequestSites::new(url, initiator, navigates)));
        }
        Ok(())
    }

    const fn may_have_cookies(&self) -> bool {
        match self.mode {
            None => self.use_session_cookies,
            Some(CredentialsMode::Omit) => false,
            Some(CredentialsMode::SameOrigin | CredentialsMode::Include) => true,
        }
    }

    /// Whose request `hop` is, if it carries cookies.
    pub(crate) fn same_site(
        &self,
        hop: &Hop,
        initiator: &Option<Origin>,
    ) -> Option<SameSiteContext> {
        if !self.may_have_cookies() {
            return None;
        }
        if self.mode == Some(CredentialsMode::SameOrigin) {
            let origin = Origin::from_url(&hop.url);
            let is_same = initiator.as_ref().is_some_and(|from| from.is_same_origin(&origin));
            if !is_same || self.is_tainted {
                return None;
            }
        }
        // A request that nobody else has a part in is one of the site it goes to.
        Some(match &self.sites {
            None => SameSiteContext::Strict,
            Some(sites) => sites.context(&hop.method),
        })
    }

    /// The request goes to `url` over TLS instead, before anything was sent.
    pub(crate) fn upgraded(&mut self, url: &Url) {
        if let Some(sites) = &mut self.sites {
            sites.upgrade(url);
        }
    }

    /// The request goes on from `from` to `to`.
    pub(crate) fn redirected(
        &mut self,
        from: &Url,
        to: &Url,
        initiator: &Option<Origin>,
        metadata: &FetchMetadata,
    ) {
        if !self.may_have_cookies() {
            return;
        }
        let navigates = metadata.mode == RequestMode::Navigate;
        let first = || Box::new(RequestSites::new(from, initiator.as_ref(), navigates));
        self.sites.get_or_insert_with(first).redirect(to);
        let left = Origin::from_url(from);
        let is_own = |url: &Origin| initiator.as_ref().is_some_and(|from| from.is_same_origin(url));
        if !left.is_same_origin(&Origin::from_url(to)) && !is_own(&left) {
            self.is_tainted = true;
        }
    }
}

pub(crate) fn requires_origin() -> Error {
    let sentence = "credentials: same-origin requires origin to be set";
    Error::sentence(NetError::InvalidArgument, sentence)
}
