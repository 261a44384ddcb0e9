//! A session as JavaScript holds it. What takes time is asked through the environment
//! (`questions.rs`); here is what answers at once.

use std::path::PathBuf;

use napi::bindgen_prelude::Result;
use napi::{Error, Status};
use napi_derive::napi;
use netreq::{SslConfig, TlsVersion};

use crate::runtime;

/// What `app` has set by the time a session is made.
#[napi(object)]
#[derive(Debug)]
pub struct Settings {
    /// The folder below which partitions are kept.
    pub data_dir: Option<String>,
    /// The `User-Agent` of a session that has been given none.
    pub user_agent: Option<String>,
    /// Chromium's `--host-resolver-rules`.
    pub host_resolver_rules: Option<String>,
    /// Chromium's `--explicitly-allowed-ports`.
    pub allowed_ports: Vec<u16>,
    /// Connections to one host and in all at most.
    pub max_sockets: Option<u32>,
    /// Every certificate is accepted.
    pub ignores_certificate_errors: bool,
    /// Authorities to trust beside the platform's, PEM.
    pub root_certificates: Option<String>,
}

type Made = std::result::Result<netreq::Session, netreq::Error>;

/// The session that was made, or the one that was there before.
fn found(made: Made, find: impl FnOnce() -> Made) -> Made {
    match made {
        Err(error) if error.net_error() == netreq::NetError::FileExists => find(),
        made => made,
    }
}

/// A handle to a session of the engine.
#[derive(Debug)]
#[napi]
pub struct Session(netreq::Session);

#[napi]
impl Session {
    /// The session of a partition, made with `settings` where there is none yet.
    #[napi(factory)]
    pub fn of_partition(name: String, settings: Settings) -> Result<Self> {
        let builder = builder(settings)?.partition(name.as_str());
        let found = found(builder.build(), || netreq::Session::from_partition(&name));
        found.map(Self).map_err(|error| refuse(&error))
    }

    /// The session that is kept in a folder.
    #[napi(factory)]
    pub fn of_path(path: String, settings: Settings) -> Result<Self> {
        let builder = builder(settings)?.path(PathBuf::from(&path));
        let found = found(builder.build(), || netreq::Session::from_path(&path));
        found.map(Self).map_err(|error| refuse(&error))
    }

    /// Where it is kept.
    #[napi(getter)]
    pub fn storage_path(&self) -> Option<String> {
        self.0.storage_path().map(|path| path.to_string_lossy().into_owned())
    }

    /// The `User-Agent` of requests that set none.
    #[napi(getter)]
    pub fn user_agent(&self) -> String {
        self.0.user_agent()
    }

    /// Another `User-Agent`, and perhaps other languages.
    #[napi]
    pub fn set_user_agent(&self, user_agent: String, languages: Option<String>) -> Result<()> {
        let set = self.0.set_user_agent(&user_agent, languages.as_deref());
        set.map_err(|error| refuse(&error))
    }

    /// Connections before a request needs them.
    #[napi]
    pub fn preconnect(&self, url: String, sockets: u32) -> Result<()> {
        let _runtime = runtime::enter()?;
        let sockets = usize::try_from(sockets).unwrap_or(usize::MAX);
        self.0.preconnect(url.as_str(), sockets).map_err(|error| refuse(&error))
    }

    /// Ends every connection, and with it the requests on it.
    #[napi]
    pub fn close_all_connections(&self) -> Result<()> {
        let _runtime = runtime::enter()?;
        self.0.close_all_connections();
        Ok(())
    }

    /// The versions and ciphers of TLS; a word that is no version leaves the default.
    #[napi]
    pub fn set_ssl_config(
        &self,
        lowest: Option<String>,
        highest: Option<String>,
        disabled: Vec<u32>,
    ) -> Result<()> {
        let mut config = SslConfig::default();
        let version = |word: Option<String>| match word.as_deref() {
            Some("tls1.2") => Some(TlsVersion::Tls12),
            Some("tls1.3") => Some(TlsVersion::Tls13),
            _ => None,
        };
        config.min_version = version(lowest).unwrap_or(config.min_version);
        config.max_version = version(highest).unwrap_or(config.max_version);
        let suites = disabled.into_iter().filter_map(|suite| u16::try_from(suite).ok());
        config.disabled_cipher_suites = suites.collect();
        let _runtime = runtime::enter()?;
        self.0.set_ssl_config(config).map_err(|error| refuse(&error))
    }

    /// Forgets the addresses of names.
    #[napi]
    pub fn clear_host_resolver_cache(&self) {
        self.0.clear_host_resolver_cache();
    }

    pub(crate) fn engine(&self) -> netreq::Session {
        self.0.clone()
    }
}

/// Whether both are handles to one session.
#[napi]
pub fn is_same_session(one: &Session, other: &Session) -> bool {
    one.0 == other.0
}

/// Waits until what named sessions keep is on disk, so many milliseconds at most.
#[napi]
pub fn flush_all(milliseconds: u32) {
    // At the end of a process nobody is left to be told; the store has told its listeners.
    let _ = netreq::Session::flush_all(std::time::Duration::from_millis(milliseconds.into()));
}

/// Refuses what holds no certificate, or one that cannot be read.
#[napi]
pub fn check_authorities(pem: String) -> Result<()> {
    let checked = netreq::Session::builder().add_root_certificates(pem.as_bytes());
    checked.map(drop).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        Error::new(Status::InvalidArg, cause.unwrap_or_else(|| error.to_string()))
    })
}

fn builder(settings: Settings) -> Result<netreq::SessionBuilder> {
    let mut builder = netreq::Session::builder();
    if let Some(folder) = settings.data_dir {
        builder = builder.data_dir(folder);
    }
    if let Some(user_agent) = settings.user_agent {
        builder = builder.user_agent(user_agent);
    }
    if let Some(rules) = settings.host_resolver_rules {
        builder = builder.host_resolver_rules(rules);
    }
    builder = builder.explicitly_allowed_ports(settings.allowed_ports);
    if let Some(limit) = settings.max_sockets {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        builder = builder.max_sockets_per_host(limit).max_sockets(limit);
    }
    if settings.ignores_certificate_errors {
        builder = builder.danger_accept_invalid_certificates(true);
    }
    if let Some(pem) = settings.root_certificates {
        builder = builder.add_root_certificates(pem.as_bytes()).map_err(|error| refuse(&error))?;
    }
    Ok(builder)
}

/// The message, and behind a NUL what is wrong in particular.
fn refuse(error: &netreq::Error) -> Error {
    let cause = std::error::Error::source(error).map(|cause| format!("\0{cause}"));
    Error::new(Status::InvalidArg, format!("{error}{}", cause.unwrap_or_default()))
}

/// Where sessions are kept, if `app` does not say otherwise.
#[napi]
pub fn data_dir() -> Option<String> {
    netreq::data_dir().map(|folder| folder.to_string_lossy().into_owned())
}
