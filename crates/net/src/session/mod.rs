//! A session: what requests share. Cookies, connections, settings, trust, and the tasks that must end.

mod builder;
mod clear;
#[cfg(feature = "secure-dns")]
mod dns_over_https;
mod folder;
mod registry;

/// Where this process keeps sessions that have a name on disk, unless
/// [`SessionBuilder::data_dir`] says otherwise: the folder that `NETREQ_DATA_DIR` names, else one for this program in the
/// platform's folder for data. `None` where the system names no such folder. Nothing is made.
///
/// Electron `app.getPath('userData')`.
pub fn data_dir() -> Option<std::path::PathBuf> {
    folder::data(None)
}

pub use builder::SessionBuilder;
pub use clear::{ClearData, DataType};

#[cfg(feature = "tls")]
use std::future::Future;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use netreq_proto::NetError;

use crate::api::{IntoUrl, RequestBuilder};
use crate::context::Context;
use crate::error::Error;
#[cfg(feature = "secure-dns")]
use crate::resolve::Closing;
use crate::resolve::{HostResolverConfig, ResolveHostOptions};
use crate::site_data::{Cookies, EventStream, StorageEvent};
#[cfg(feature = "tls")]
use crate::tls::{
    CertificateQuestion, CertificateVerdict, ClientCertificateQuestion, ClientIdentity, Procedure,
    Selector, SslConfig, TlsSettings,
};

use registry::Name;

/// An isolated set of cookies, connections and settings; a cheap handle.
///
/// Requests of one session share its cookies and connections, and nothing with those of another. A
/// session that has a name, as a partition or by its folder, is one in the whole process and lives
/// until it is closed. Any other lives as long as a handle or a request of it does; dropping the last
/// one closes its idle connections. A session may be used from several runtimes, each with
/// connections of its own.
#[derive(Clone, Debug)]
pub struct Session(Arc<Context>);

/// Whether both are handles to one session.
impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Session {}

impl Session {
    /// A session in memory with the default settings, that nobody else finds.
    pub fn in_memory() -> Self {
        Self::builder().build_default(None)
    }

    /// The session that requests use which name none: the partition `""`. It is kept on disk, where
    /// the system names a folder for it; no file is made before there is something to keep.
    ///
    /// Electron `session.defaultSession`.
    pub fn default_session() -> Self {
        registry::find(registry::default_name())
    }

    /// The session of a partition: `persist:name` is kept on disk, any other name lives as long as
    /// the process, `""` is [the default one](Self::default_session). It is made on first use, with
    /// the default settings; the same name is always the same session.
    ///
    /// # Errors
    ///
    /// `ERR_INVALID_ARGUMENT` for a name that makes too long a folder, `ERR_FILE_NOT_FOUND` where the
    /// system names no folder for data, `ERR_NOT_IMPLEMENTED` for one on disk without the feature
    /// `persist`.
    ///
    /// Electron `session.fromPartition`.
    pub fn from_partition(name: &str) -> Result<Self, Error> {
        Ok(registry::find(&Name::of_partition(name, None)?))
    }

    /// The session that is kept in the folder `path`; the same path is always the same session. A folder
    /// that is reached by two paths, through `..` or a link, has two, which share it as two processes
    /// would.
    ///
    /// # Errors
    ///
    /// `An empty path was specified`, `An absolute path was not provided`.
    ///
    /// Electron `session.fromPath`.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, Error> {
        Ok(registry::find(&Name::of_path(path.as_ref())?))
    }

    /// Waits until the changes of every session with a name are on disk, `limit` at most. For the end
    /// of a process, which may come before the second in which what responses set is written.
    ///
    /// # Errors
    ///
    /// Why some are not; `ERR_TIMED_OUT` after `limit`.
    pub fn flush_all(limit: Duration) -> Result<(), Error> {
        registry::flush_all(limit)
    }

    /// The folder in which the session is kept; `None` in memory.
    pub fn storage_path(&self) -> Option<&Path> {
        self.0.storage_path.as_deref()
    }

    /// Whether the session outlives the process.
    pub fn is_persistent(&self) -> bool {
        self.0.storage_path.is_some()
    }

    /// The `User-Agent` of requests that set none.
    pub fn user_agent(&self) -> String {
        self.0.settings.identity().user_agent.clone()
    }

    /// Sets the `User-Agent` of requests from now on, and the languages of their `Accept-Language`
    /// (`en-US,fr,de`; the empty text sends none). Without languages those before hold.
    ///
    /// # Errors
    ///
    /// `ERR_INVALID_ARGUMENT` for what cannot stand in a field, and nothing has changed.
    pub fn set_user_agent(
        &self,
        user_agent: &str,
        accept_languages: Option<&str>,
    ) -> Result<(), Error> {
        self.0.settings.identify(user_agent, accept_languages)
    }

    /// The cookies.
    pub fn cookies(&self) -> Cookies {
        Cookies::new(Arc::clone(&self.0.site_data))
    }

    /// What happens to the session's store from now on, and what has happened to it so far. Silent in
    /// memory.
    pub fn storage_events(&self) -> EventStream<StorageEvent> {
        self.0.site_data.storage_events()
    }

    /// The way to a session with other settings.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// A request with `method` to `url`.
    ///
    /// A bad URL or method is reported when the request is sent.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, url.into_url())
    }

    /// A GET request.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A POST request.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A PUT request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// A PATCH request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// A DELETE request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// A HEAD request.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Makes connections to the server of `url` before a request needs them, so many that with those
    /// at hand there are `sockets`. It does not wait for them, and what fails is silent. They are kept
    /// for ten seconds.
    ///
    /// # Errors
    ///
    /// A URL that is none, `numSocketsToPreconnect is outside range [1,6]`, `ERR_UNSAFE_PORT`, and
    /// `ERR_UNEXPECTED` outside a runtime.
    pub fn preconnect(&self, url: impl IntoUrl, sockets: usize) -> Result<(), Error> {
        let url = url.into_url()?;
        if !(1..=6).contains(&sockets) {
            let sentence = "numSocketsToPreconnect is outside range [1,6]";
            return Err(Error::sentence(NetError::InvalidArgument, sentence));
        }
        // Where a request in the clear would not go, nobody need wait.
        let url = self.0.site_data.upgrade(&url).unwrap_or(url);
        self.0.settings.check_port(&url)?;
        crate::stream::preconnect(&self.0.pool, &url, sockets)
    }

    /// Closes every idle connection. Those in use close when their exchange ends.
    pub fn close_idle_connections(&self) {
        self.0.pool.close_idle();
    }

    /// Closes every connection. Requests in flight and those that wait for a connection fail with
    /// `ERR_ABORTED`; later ones make connections anew.
    ///
    /// Electron `session.closeAllConnections`.
    pub fn close_all_connections(&self) {
        self.0.pool.close_all();
        #[cfg(feature = "secure-dns")]
        self.0.resolver.close_connections(Closing::All);
    }

    /// Resolves and dials names by other settings from now on; `None`: by those of the process
    /// ([`configure_host_resolver`](crate::configure_host_resolver)). What is known of names is
    /// forgotten; connections stay.
    ///
    /// ```
    /// # #[cfg(feature = "secure-dns")]
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use netreq::{HostResolverConfig, SecureDnsMode, Session};
    ///
    /// let session = Session::in_memory();
    /// session.set_host_resolver(Some(HostResolverConfig {
    ///     secure_dns_mode: SecureDnsMode::Automatic,
    ///     secure_dns_servers: vec!["https://dns.example/dns-query{?dns}".parse()?],
    ///     ..HostResolverConfig::default()
    /// }))?;
    /// # Ok(())
    /// # }
    /// # #[cfg(feature = "secure-dns")]
    /// # example().unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// `ERR_NOT_IMPLEMENTED` for DNS over HTTPS without the feature `secure-dns`, and nothing has
    /// changed.
    pub fn set_host_resolver(&self, config: Option<HostResolverConfig>) -> Result<(), Error> {
        config.as_ref().map_or(Ok(()), HostResolverConfig::check)?;
        self.0.resolver.configure(config);
        Ok(())
    }

    /// Forgets the addresses of names, so that the next connection looks them up.
    pub fn clear_host_resolver_cache(&self) {
        self.0.resolver.clear_cache();
    }

    /// Has the last word on the certificates of servers from now on. It is asked once for a host and
    /// its certificates, whatever the engine's own verdict is, and nothing is sent before the answer;
    /// a question takes nobody's time limit but that on the whole request. `None` takes it back.
    ///
    /// Connections and TLS tickets from before are not used any more.
    ///
    /// ```
    /// use netreq::{CertificateVerdict, NetError, Session};
    ///
    /// let session = Session::in_memory();
    /// session.set_certificate_verify_proc(Some(|question: netreq::CertificateQuestion| async move {
    ///     match question.error {
    ///         Some(NetError::CertDateInvalid) if question.hostname == "old.example" => {
    ///             CertificateVerdict::Accept
    ///         }
    ///         _ => CertificateVerdict::Default,
    ///     }
    /// }));
    /// ```
    ///
    /// Electron `session.setCertificateVerifyProc`.
    #[cfg(feature = "tls")]
    pub fn set_certificate_verify_proc<F, A>(&self, verify: Option<F>)
    where
        F: Fn(CertificateQuestion) -> A + Send + Sync + 'static,
        A: Future<Output = CertificateVerdict> + Send + 'static,
    {
        let procedure = verify.map(Procedure::new);
        self.change_tls(|settings| settings.procedure = procedure);
    }

    /// Chooses the client's own certificate for servers that ask for one. It is asked once for a server,
    /// after the server was accepted, and the connection is made anew with what was chosen; `None`
    /// goes on without. Where nobody chooses, none is ever shown.
    ///
    /// Connections and TLS tickets from before are not used any more.
    ///
    /// Electron `app`, event `select-client-certificate`.
    #[cfg(feature = "tls")]
    pub fn set_client_certificate_selector<F, A>(&self, select: Option<F>)
    where
        F: Fn(ClientCertificateQuestion) -> A + Send + Sync + 'static,
        A: Future<Output = Option<ClientIdentity>> + Send + 'static,
    {
        let selector = select.map(Selector::new);
        self.change_tls(|settings| settings.selector = selector);
    }

    /// Sets the versions and ciphers of connections from now on. Those from before are not used any
    /// more.
    ///
    /// # Errors
    ///
    /// `ERR_INVALID_ARGUMENT` where the lowest version is above the highest.
    ///
    /// Electron `session.setSSLConfig`.
    #[cfg(feature = "tls")]
    pub fn set_ssl_config(&self, config: SslConfig) -> Result<(), Error> {
        if config.min_version > config.max_version {
            let cause = "the lowest version of TLS is above the highest";
            return Err(Error::argument(NetError::InvalidArgument, cause));
        }
        self.change_tls(|settings| settings.config = config);
        Ok(())
    }

    #[cfg(feature = "tls")]
    fn change_tls(&self, change: impl FnOnce(&mut TlsSettings)) {
        self.0.tls.change(change);
        self.0.pool.distrust();
        #[cfg(feature = "secure-dns")]
        self.0.resolver.close_connections(Closing::Distrusted);
    }

    /// The addresses of `host`, a name or an address, as a connection would get them: by the session's
    /// host rules, from its cache, from DNS over HTTPS or the system.
    ///
    /// # Errors
    ///
    /// As [`resolve_host_with`](Self::resolve_host_with).
    ///
    /// Electron `session.resolveHost`.
    pub async fn resolve_host(&self, host: &str) -> Result<Vec<IpAddr>, Error> {
        self.resolve_host_with(host, ResolveHostOptions::default()).await
    }

    /// The addresses of `host`, a name or an address, asked as `options` say; never none.
    ///
    /// # Errors
    ///
    /// `ERR_NAME_NOT_RESOLVED` where there is no such name or it has no such address,
    /// `ERR_DNS_CACHE_MISS` where nobody may be asked, `ERR_NOT_IMPLEMENTED` for a source that is not
    /// there, and what went wrong with DNS over HTTPS; a request has `ERR_NAME_NOT_RESOLVED` for all of
    /// these, with the one here as its source.
    ///
    /// Electron `session.resolveHost`.
    pub async fn resolve_host_with(
        &self,
        host: &str,
        options: ResolveHostOptions,
    ) -> Result<Vec<IpAddr>, Error> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let addresses = self.0.resolver.look_up(host, 0, options).await?;
        Ok(addresses.iter().map(std::net::SocketAddr::ip).collect())
    }

    /// Forgets data of the session: that of all sites, of some, or of all but some.
    ///
    /// # Errors
    ///
    /// `ERR_INVALID_ARGUMENT` where sites are named in both ways; [`Error::is_storage`] for what is
    /// gone here and not on disk.
    ///
    /// Electron `session.clearData`.
    pub async fn clear_data(&self, what: ClearData) -> Result<(), Error> {
        clear::clear(&self.0, what).await
    }

    /// Waits until every change is on disk. In memory there is nothing to wait for.
    ///
    /// # Errors
    ///
    /// Why it is not. The changes are kept and tried again.
    pub async fn flush(&self) -> Result<(), Error> {
        self.0.site_data.flush().await
    }

    /// How many connections there are: in use, being made, idle, and requests that wait for one.
    pub fn connections(&self) -> ConnectionCounts {
        let counts = self.0.pool.totals();
        ConnectionCounts {
            active: counts.active,
            connecting: counts.connecting,
            idle: counts.idle,
            waiting: counts.waiting,
        }
    }

    /// Ends the session: its tasks are ended and waited for, its idle connections closed, its changes
    /// written. Its name is free for a new session.
    ///
    /// Requests that wait for a connection and those driven by a task
    /// ([`ClientRequest`](crate::ClientRequest)) fail with `ERR_ABORTED`; a request driven by its
    /// caller's future goes on to its end on the connection it has. No connection is made after, and
    /// nothing is kept. What belongs to another runtime ends, and is waited for, as that one runs or is
    /// dropped.
    ///
    /// # Errors
    ///
    /// Why the last changes are not on disk. The session has ended all the same.
    pub async fn close(&self) -> Result<(), Error> {
        /// The name is free also where nobody waits for the end.
        struct Forgotten<'a>(&'a Session);
        impl Drop for Forgotten<'_> {
            fn drop(&mut self) {
                registry::forget(self.0);
            }
        }
        let _forgotten = Forgotten(self);
        self.0.tracker.abort_all();
        self.0.pool.close();
        #[cfg(feature = "secure-dns")]
        self.0.resolver.close_connections(Closing::ForGood);
        let kept = self.0.site_data.close().await;
        self.0.tracker.emptied().await;
        kept
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.0
    }
}

/// What the connections of a session are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionCounts {
    /// With a request.
    pub active: usize,
    /// Being made.
    pub connecting: usize,
    /// Kept for the next request.
    pub idle: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
}
