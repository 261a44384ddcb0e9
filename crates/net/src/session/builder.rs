//! The settings of a session.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use netreq_proto::default_headers::accept_language;
use netreq_proto::h1::field_line;
use netreq_proto::header::check_value;
use netreq_proto::host_rules::HostRules;
use netreq_proto::pool::Limits;
use netreq_proto::{FetchMetadata, NetError};

use super::Session;
use crate::connect::{ConnectLimits, Connector};
use crate::context::{Context, Settings};
use crate::error::Error;
use crate::pool::Pool;
use crate::resolve::Resolver;
use crate::runtime::{Clock, Tracker};
use crate::timeouts::Timeouts;
#[cfg(feature = "tls")]
use crate::tls::{TlsContext, TlsSettings};

/// Collects the settings of a [`Session`]; each has the default of Electron or Chromium.
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct SessionBuilder {
    user_agent: String,
    accept_languages: String,
    host_resolver_rules: String,
    limits: Limits,
    local_address: Option<IpAddr>,
    timeouts: Timeouts,
    #[cfg(feature = "tls")]
    tls: TlsSettings,
}

impl Default for SessionBuilder {
    fn default() -> Self {
        Self {
            user_agent: concat!("netreq/", env!("CARGO_PKG_VERSION")).to_owned(),
            accept_languages: String::new(),
            host_resolver_rules: String::new(),
            limits: Limits::default(),
            local_address: None,
            timeouts: Timeouts::default(),
            #[cfg(feature = "tls")]
            tls: TlsSettings::default(),
        }
    }
}

impl SessionBuilder {
    /// The `User-Agent` of requests that set none. Default `netreq/VERSION`; empty sends none.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Languages in order of preference, comma-separated: `en-US,fr,de` becomes `Accept-Language:
    /// en-US,fr;q=0.9,de;q=0.8`. Default empty: the field is not sent.
    pub fn accept_languages(mut self, languages: impl Into<String>) -> Self {
        self.accept_languages = languages.into();
        self
    }

    /// Where names lead instead, in the grammar of Chromium's `--host-resolver-rules`, such as
    /// `MAP *.example.org 127.0.0.1, MAP gone.example.org ~NOTFOUND`.
    pub fn host_resolver_rules(mut self, rules: impl Into<String>) -> Self {
        self.host_resolver_rules = rules.into();
        self
    }

    /// Connections to one host at most. Default 6; further requests wait, the highest priority
    /// first.
    pub fn max_sockets_per_host(mut self, limit: usize) -> Self {
        self.limits.per_group = limit;
        self
    }

    /// Connections in all at most. Default 256.
    pub fn max_sockets(mut self, limit: usize) -> Self {
        self.limits.total = limit;
        self
    }

    /// How long a used connection is kept for the next request. Default 300 s; zero keeps none.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.limits.idle = limit;
        self.limits.unused_idle = self.limits.unused_idle.min(limit);
        self
    }

    /// The address of this machine that connections leave from. Default: the system's choice.
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.local_address = Some(address);
        self
    }

    /// The time limits of requests that set none.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Trusts the certificates of a PEM file beside what the platform trusts.
    ///
    /// # Errors
    ///
    /// `ERR_INVALID_ARGUMENT` when `pem` holds no certificate or a broken one; the source says which.
    #[cfg(feature = "tls")]
    pub fn add_root_certificates(mut self, pem: &[u8]) -> Result<Self, Error> {
        let certificates = crate::tls::parse_pem_certificates(pem)
            .map_err(|cause| Error::argument(NetError::InvalidArgument, cause))?;
        self.tls.extra_roots.extend(certificates);
        Ok(self)
    }

    /// Whether to trust what the platform trusts. Default true.
    #[cfg(feature = "tls")]
    pub fn platform_roots(mut self, trusted: bool) -> Self {
        self.tls.platform_roots = trusted;
        self
    }

    /// **Danger**: accept every certificate of every server. Whoever sits on the way can then read
    /// and change everything that this session sends and receives.
    #[cfg(feature = "tls")]
    pub fn danger_accept_invalid_certificates(mut self, accepted: bool) -> Self {
        self.tls.accept_invalid_certificates = accepted;
        self
    }

    /// Whether to append the secrets of every TLS connection to the file that the environment
    /// variable `SSLKEYLOGFILE` names. Default false: the variable is not even read.
    #[cfg(feature = "tls")]
    pub fn key_log(mut self, logged: bool) -> Self {
        self.tls.key_log = logged;
        self
    }

    /// Whether TLS sessions are resumed. Default true.
    #[cfg(feature = "tls")]
    pub fn tls_resumption(mut self, resumed: bool) -> Self {
        self.tls.resumption = resumed;
        self
    }

    /// The session.
    ///
    /// Nothing is opened and no certificate read before the first request needs it.
    ///
    /// # Errors
    ///
    /// `ERR_INVALID_ARGUMENT` for a user agent or languages that cannot stand in a header field, and
    /// for host rules that cannot be read; the source says what is wrong.
    pub fn build(self) -> Result<Session, Error> {
        check_value("User-Agent", self.user_agent.as_bytes())
            .map_err(|cause| Error::argument(NetError::InvalidArgument, cause))?;
        let languages = accept_language(&self.accept_languages)
            .map_err(|cause| Error::argument(NetError::InvalidArgument, cause))?;
        let rules: HostRules = self
            .host_resolver_rules
            .parse()
            .map_err(|cause| Error::argument(NetError::InvalidArgument, cause))?;
        Ok(self.assemble(languages, rules))
    }

    pub(super) fn build_default(self) -> Session {
        self.assemble(String::new(), HostRules::default())
    }

    fn assemble(self, languages: String, rules: HostRules) -> Session {
        let tracker = Arc::new(Tracker::default());
        let connect = ConnectLimits { connect: self.timeouts.connect, tls: self.timeouts.tls };
        let connector = Connector {
            resolver: Resolver::new(rules),
            local_address: self.local_address,
            #[cfg(feature = "tls")]
            tls: TlsContext::new(self.tls),
        };
        let pool = Pool::new(
            self.limits,
            connect,
            Box::new(connector),
            Clock::new(),
            Arc::clone(&tracker),
        );
        Session(Arc::new(Context {
            settings: Settings {
                user_agent: line("User-Agent", &self.user_agent),
                fetch_metadata: FetchMetadata::DEFAULT
                    .lines()
                    .flat_map(|(name, value)| field_line(name, value.as_bytes()))
                    .collect(),
                accept_language: line("Accept-Language", &languages),
                timeouts: self.timeouts,
            },
            pool: Arc::new(pool),
            tracker,
        }))
    }
}

/// A field as every head repeats it; nothing for an empty value.
fn line(name: &str, value: &str) -> Box<[u8]> {
    match value.is_empty() {
        true => Box::default(),
        false => field_line(name, value.as_bytes()).into(),
    }
}
