//! What a session hands to the rooms below it.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use netreq_proto::NetError;
use netreq_proto::default_headers::accept_language;
use netreq_proto::h1::field_line;
use netreq_proto::header::check_value;
use netreq_proto::port::is_blocked;
use url::Url;

#[cfg(doc)]
use netreq_proto::FetchMetadata;

use crate::error::Error;
use crate::pool::Pool;
use crate::resolve::Resolver;
use crate::runtime::Tracker;
use crate::site_data::SiteData;
use crate::timeouts::Timeouts;
#[cfg(feature = "tls")]
use crate::tls::TlsContext;

/// A session as its requests see it; dropping it ends what the session has begun.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) settings: Settings,
    /// Where the session is kept; `None` in memory.
    pub(crate) storage_path: Option<PathBuf>,
    pub(crate) site_data: Arc<SiteData>,
    pub(crate) resolver: Arc<Resolver>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Arc<TlsContext>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) tracker: Arc<Tracker>,
}

#[derive(Debug)]
pub(crate) struct Settings {
    identity: RwLock<Identity>,
    /// The lines of `Sec-Fetch-*` for [`FetchMetadata::DEFAULT`].
    pub(crate) fetch_metadata: Box<[u8]>,
    pub(crate) timeouts: Timeouts,
    /// Ports that are spoken to although they are those of other protocols.
    pub(crate) allowed_ports: Box<[u16]>,
    /// Whether a connection over TLS leads to the right server. Nothing that is remembered for long
    /// comes from one that may not.
    pub(crate) checks_certificates: bool,
}

/// What a session says of its program and its user.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    pub(crate) user_agent: String,
    accept_languages: String,
    /// The line of `User-Agent`; empty: none is sent.
    pub(crate) user_agent_line: Box<[u8]>,
    /// The line of `Accept-Language`; empty: none is sent.
    pub(crate) accept_language_line: Box<[u8]>,
}

impl Identity {
    /// # Errors
    ///
    /// `ERR_INVALID_ARGUMENT` for what cannot stand in a field.
    pub(crate) fn new(user_agent: &str, accept_languages: &str) -> Result<Self, Error> {
        check_value("User-Agent", user_agent.as_bytes())
            .map_err(|cause| Error::argument(NetError::InvalidArgument, cause))?;
        let languages = accept_language(accept_languages)
            .map_err(|cause| Error::argument(NetError::InvalidArgument, cause))?;
        Ok(Self {
            user_agent: user_agent.to_owned(),
            accept_languages: accept_languages.to_owned(),
            user_agent_line: line("User-Agent", user_agent),
            accept_language_line: line("Accept-Language", &languages),
        })
    }
}

impl Settings {
    pub(crate) fn new(
        identity: Identity,
        fetch_metadata: Box<[u8]>,
        timeouts: Timeouts,
        checks_certificates: bool,
    ) -> Self {
        let identity = RwLock::new(identity);
        let allowed_ports = Box::default();
        Self { identity, fetch_metadata, timeouts, allowed_ports, checks_certificates }
    }

    /// # Errors
    ///
    /// `ERR_UNSAFE_PORT` for a URL that names a port of another protocol. Chromium
    /// `IsPortAllowedForScheme`.
    pub(crate) fn check_port(&self, url: &Url) -> Result<(), Error> {
        match url.port() {
            Some(port) if is_blocked(port) && !self.allowed_ports.contains(&port) => {
                let cause = format!("port {port} is that of another protocol than HTTP");
                Err(Error::argument(NetError::UnsafePort, cause).with_url(url))
            }
            _ => Ok(()),
        }
    }

    /// What the session says of itself now.
    pub(crate) fn identity(&self) -> RwLockReadGuard<'_, Identity> {
        self.identity.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something else from now on; languages stay where none are given.
    ///
    /// # Errors
    ///
    /// As [`Identity::new`], and nothing has changed.
    pub(crate) fn identify(&self, user_agent: &str, languages: Option<&str>) -> Result<(), Error> {
        let mut identity = self.identity.write().unwrap_or_else(PoisonError::into_inner);
        let languages = languages.unwrap_or(&identity.accept_languages);
        *identity = Identity::new(user_agent, languages)?;
        Ok(())
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        self.tracker.abort_all();
        self.pool.close_idle();
    }
}

/// A field as every head repeats it; nothing for an empty value.
fn line(name: &str, value: &str) -> Box<[u8]> {
    match value.is_empty() {
        true => Box::default(),
        false => field_line(name, value.as_bytes()).into(),
    }
}
