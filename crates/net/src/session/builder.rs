//! The settings of a session.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use netreq_proto::h1::field_line;
use netreq_proto::host_rules::HostRules;
use netreq_proto::partition::Partition;
use netreq_proto::pool::Limits;
use netreq_proto::{FetchMetadata, NetError};

#[cfg(feature = "secure-dns")]
use super::dns_over_https::DnsOverHttps;
use super::registry::{self, Name};
use super::{Session, folder};
use crate::connect::{ConnectLimits, Connector};
use crate::context::{Context, Identity, Settings};
use crate::error::Error;
use crate::pool::Pool;
use crate::resolve::{HostResolverConfig, Resolver};
use crate::runtime::{Clock, Tracker};
use crate::site_data::SiteData;
use crate::store::CookieStore;
use crate::timeouts::Timeouts;
#[cfg(feature = "tls")]
use crate::tls::{TlsContext, TlsSettings};

/// Collects the settings of a [`Session`]; each has the default of Electron or Chromium.
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct SessionBuilder {
    user_agent: String,
    accept_languages: String,
    partition: Option<String>,
    path: Option<PathBuf>,
    data_dir: Option<PathBuf>,
    program: Option<String>,
    keeps_session_cookies: bool,
    host_resolver_rules: String,
    host_resolver: Option<HostResolverConfig>,
    allowed_ports: Vec<u16>,
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
            partition: None,
            path: None,
            data_dir: None,
            program: None,
            keeps_session_cookies: false,
            host_resolver_rules: String::new(),
            host_resolver: None,
            allowed_ports: Vec::new(),
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

    /// The partition that the session is: `persist:name` is kept on disk, any other name lives as
    /// long as the process, and `""` is the default session. Default: none; the session is in memory
    /// and nobody else finds it.
    ///
    /// A partition is one session in the whole process. [`build`](Self::build) fails where there is
    /// one of this name; [`Session::from_partition`] finds it.
    pub fn partition(mut self, name: impl Into<String>) -> Self {
        self.partition = Some(name.into());
        self
    }

    /// Keeps the session in this folder, which is made when there is something to keep. Absolute.
    pub fn path(mut self, folder: impl Into<PathBuf>) -> Self {
        self.path = Some(folder.into());
        self
    }

    /// The folder below which partitions are kept, instead of `NETREQ_DATA_DIR` or the platform's
    /// folder for data with `netreq` and the name of the program.
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(folder.into());
        self
    }

    /// The program whose data folder this is, instead of the name of its file: a program that may be
    /// renamed finds its partitions again. It becomes a folder as the name of a partition does, in
    /// lower case and with everything escaped but letters, digits, `-`, `_` and inner dots.
    /// `NETREQ_DATA_DIR` and [`data_dir`](Self::data_dir) win.
    pub fn program(mut self, name: impl Into<String>) -> Self {
        self.program = Some(name.into());
        self
    }

    /// Whether cookies that end with the session are kept on disk too. Default false, as in Electron:
    /// those that an earlier run has kept are then deleted.
    pub fn persist_session_cookies(mut self, kept: bool) -> Self {
        self.keeps_session_cookies = kept;
        self
    }

    /// Where names lead instead, in the grammar of Chromium's `--host-resolver-rules`, such as
    /// `MAP *.example.org 127.0.0.1, MAP gone.example.org ~NOTFOUND`.
    pub fn host_resolver_rules(mut self, rules: impl Into<String>) -> Self {
        self.host_resolver_rules = rules.into();
        self
    }

    /// How names are resolved and dialled. Default: as
    /// [`configure_host_resolver`](crate::configure_host_resolver) says for the process.
    pub fn host_resolver(mut self, config: HostResolverConfig) -> Self {
        self.host_resolver = Some(config);
        self
    }

    /// Ports to speak HTTP to although they are those of other protocols, as 25 is that of mail. Default
    /// none: a URL with such a port is `ERR_UNSAFE_PORT`, of a redirect too. Chromium
    /// `--explicitly-allowed-ports`.
    pub fn explicitly_allowed_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.allowed_ports = ports.into_iter().collect();
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
    /// `ERR_INVALID_ARGUMENT` for a user agent or languages that cannot stand in a header field, for
    /// host rules that cannot be read; `ERR_FILE_EXISTS` for a partition or folder that has a session;
    /// `An empty path was specified` and `An absolute path was not provided`; `ERR_FILE_NOT_FOUND`
    /// where the system names no folder for data; `ERR_NOT_IMPLEMENTED` for DNS over HTTPS without the
    /// feature `secure-dns`. The source says what is wrong.
    pub fn build(self) -> Result<Session, Error> {
        let identity = Identity::new(&self.user_agent, &self.accept_languages)?;
        self.host_resolver.as_ref().map_or(Ok(()), HostResolverConfig::check)?;
        let rules: HostRules = self
            .host_resolver_rules
            .parse()
            .map_err(|cause| Error::argument(NetError::InvalidArgument, cause))?;
        let name = match (&self.partition, &self.path) {
            (None, None) => return Ok(self.assemble(identity, rules, None)),
            (Some(_), Some(_)) => {
                let cause = "a session has a partition or a path, not both";
                return Err(Error::argument(NetError::InvalidArgument, cause));
            }
            (Some(name), None) => {
                if let Some(data) = &self.data_dir {
                    Name::of_path(data)?;
                }
                let program = self.program.as_deref().map(program_folder).transpose()?;
                let data = self.data_dir.clone();
                let data = data.or_else(|| folder::data(Some(&program?)));
                Name::of_partition(name, data.as_deref())?
            }
            (None, Some(path)) => Name::of_path(path)?,
        };
        registry::add(name.clone(), || self.assemble(identity, rules, Some(name)))
    }

    /// A session with nothing set but where it is kept.
    pub(super) fn build_default(self, name: Option<Name>) -> Session {
        // The default agent can stand in a field.
        let identity = Identity::new(&self.user_agent, "").unwrap_or_default();
        self.assemble(identity, HostRules::default(), name)
    }

    fn assemble(self, identity: Identity, rules: HostRules, name: Option<Name>) -> Session {
        let tracker = Arc::new(Tracker::default());
        let connect = ConnectLimits { connect: self.timeouts.connect, tls: self.timeouts.tls };
        #[cfg(feature = "tls")]
        let checks_certificates = !self.tls.accept_invalid_certificates;
        #[cfg(feature = "tls")]
        let tls = Arc::new(TlsContext::new(self.tls));
        #[cfg(not(feature = "tls"))]
        let checks_certificates = true;
        #[cfg(feature = "secure-dns")]
        let dns_over_https = DnsOverHttps::new(
            rules.clone(),
            Arc::clone(&tls),
            Arc::clone(&tracker),
            self.local_address,
        );
        let resolver = Resolver::new(rules, self.host_resolver);
        #[cfg(feature = "secure-dns")]
        let resolver = resolver.with_exchange(Box::new(dns_over_https));
        let resolver = Arc::new(resolver);
        let connector = Connector {
            resolver: Arc::clone(&resolver),
            local_address: self.local_address,
            #[cfg(feature = "tls")]
            tls: Arc::clone(&tls),
        };
        let pool = Pool::new(
            self.limits,
            connect,
            Box::new(connector),
            Clock::new(),
            Arc::clone(&tracker),
        );
        let fetch_metadata = FetchMetadata::DEFAULT
            .lines()
            .flat_map(|(name, value)| field_line(name, value.as_bytes()))
            .collect();
        let storage_path = match name {
            Some(Name::Path(path)) => Some(path),
            Some(Name::Memory(_)) | None => None,
        };
        let store = storage_path.as_ref().and_then(|path| store(path, self.keeps_session_cookies));
        let mut settings =
            Settings::new(identity, fetch_metadata, self.timeouts, checks_certificates);
        settings.allowed_ports = self.allowed_ports.into();
        Session(Arc::new(Context {
            settings,
            storage_path,
            site_data: SiteData::new(store),
            resolver,
            #[cfg(feature = "tls")]
            tls,
            pool: Arc::new(pool),
            tracker,
        }))
    }
}

/// The name of a program's folder.
fn program_folder(name: &str) -> Result<String, Error> {
    let refused = |cause| Error::argument(NetError::InvalidArgument, cause);
    // Both are one name that must not reach out of its place.
    let partition = Partition::parse(&format!("persist:{name}"))
        .map_err(|_| refused("the name of the program is too long"))?;
    let folder = partition.folder().ok_or_else(|| refused("the name of the program is empty"))?;
    Ok(folder.to_owned())
}

#[cfg(feature = "persist")]
#[expect(clippy::unnecessary_wraps, reason = "there is none without the feature")]
fn store(path: &std::path::Path, session_cookies: bool) -> Option<Box<dyn CookieStore>> {
    use crate::store::{Store, StoreOptions};
    let options = StoreOptions { session_cookies, ..StoreOptions::default() };
    Some(Box::new(Store::new(path.to_path_buf(), options)))
}

#[cfg(not(feature = "persist"))]
fn store(_: &std::path::Path, _: bool) -> Option<Box<dyn CookieStore>> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_names_one_folder_that_stays_in_its_place() {
        for (name, expected) in
            [("netreq", "netreq"), ("My App", "my%20app"), ("..", "%2e%2e"), ("a/b", "a%2fb")]
        {
            assert_eq!(program_folder(name).unwrap(), expected);
        }
        for name in ["", &"x".repeat(241)] {
            let refused = SessionBuilder::default().partition("").program(name).build();
            assert_eq!(refused.unwrap_err().net_error(), NetError::InvalidArgument, "{name}");
        }
    }
}
