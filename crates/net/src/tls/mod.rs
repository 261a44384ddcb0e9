//! TLS between a byte stream and HTTP: trust, handshake, tickets and what came of it.
//!
//! [`TlsContext`] belongs to one session and is cheap until its first handshake: no key library is
//! touched, no root parsed, no file read before. In a handshake the order is: the certificate is
//! judged against the extra roots, then, only if they do not know its authority, against the
//! platform's; a verdict other than "accept" ends the handshake, so nothing of HTTP is sent and no
//! ticket is kept. Where the session's owner wants a word, the handshake ends first and its tickets
//! are held back until the answer. This room knows no sockets, URLs, proxies or requests, and no rustls type leaves
//! the crate.

mod error;
mod identity;
mod info;
mod pem;
mod platform;
mod procedure;
mod tickets;
mod verdict;
mod verifier;

#[cfg(test)]
mod chains;

use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use netreq_proto::NetError;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, SupportedProtocolVersion, version};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) use self::error::{TlsError, net_error_of_io};
pub(crate) use self::identity::Selector;
use self::identity::Servers;
pub use self::identity::{ClientCertificateQuestion, ClientIdentity};
pub use self::info::TlsInfo;
pub(crate) use self::pem::parse_pem_certificates;
pub(crate) use self::procedure::Procedure;
use self::procedure::Verdicts;
pub use self::procedure::{CertificateQuestion, CertificateVerdict};
use self::tickets::{Held, Tickets};
use self::verifier::{Judgement, Verifier};

/// Whom to trust and what to keep.
#[derive(Clone, Debug)]
pub(crate) struct TlsSettings {
    /// Who has the last word on certificates.
    pub(crate) procedure: Option<Procedure>,
    /// Who chooses the client's own certificates. Without one, none is ever shown.
    pub(crate) selector: Option<Selector>,
    pub(crate) config: SslConfig,
    /// Trusted beside the platform's roots and asked first. A server's own certificate may stand
    /// here too: it is then trusted for the names and dates it carries.
    pub(crate) extra_roots: Vec<CertificateDer<'static>>,
    /// Trust what the operating system trusts. Without the feature `platform-verifier` only
    /// `extra_roots` count.
    pub(crate) platform_roots: bool,
    /// **Danger**: accept every certificate of every server. Whoever sits on the way can then read
    /// and change everything. The server must still own the key of the certificate it shows.
    pub(crate) accept_invalid_certificates: bool,
    /// Append the secrets of every connection to the file named by the environment variable
    /// `SSLKEYLOGFILE`, if it is set. The file is created readable for its owner only.
    pub(crate) key_log: bool,
    /// Keep session tickets in memory and offer them to the same server again.
    pub(crate) resumption: bool,
}

impl Default for TlsSettings {
    /// What a browser does: the platform's roots, no others, and resumption.
    fn default() -> Self {
        Self {
            procedure: None,
            selector: None,
            config: SslConfig::default(),
            extra_roots: Vec::new(),
            platform_roots: true,
            accept_invalid_certificates: false,
            key_log: false,
            resumption: true,
        }
    }
}

/// The versions and ciphers that connections may use.
///
/// Electron `session.setSSLConfig`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SslConfig {
    /// The lowest version. Default TLS 1.2, and nothing lower is spoken.
    pub min_version: TlsVersion,
    /// The highest version. Default TLS 1.3.
    pub max_version: TlsVersion,
    /// Cipher suites of TLS 1.2 by their numbers in IANA's registry (`0xc02f`) that are not offered.
    /// Those of TLS 1.3 cannot be turned off. Default none.
    pub disabled_cipher_suites: Vec<u16>,
}

impl Default for SslConfig {
    fn default() -> Self {
        Self {
            min_version: TlsVersion::Tls12,
            max_version: TlsVersion::Tls13,
            disabled_cipher_suites: Vec::new(),
        }
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// The TLS state of one session. A change of its settings replaces all of it.
pub(crate) struct TlsContext(RwLock<Arc<State>>);

/// What holds as long as the settings do: trust, the owner's verdicts, and the tickets that no other
/// session sees.
struct State {
    settings: TlsSettings,
    client: OnceLock<Client>,
    tickets: Tickets,
    verdicts: Verdicts,
    servers: Servers,
}

/// What the first handshake makes and all later ones share.
struct Client {
    config: ClientConfig,
    verifier: Arc<Verifier>,
}

/// A handshake that has ended, and whose server has yet to be accepted.
pub(crate) struct Handshake<S> {
    stream: TlsStream<S>,
    info: TlsInfo,
    asks: Option<Asks>,
}

/// What the owner's verdict needs.
struct Asks {
    state: Arc<State>,
    procedure: Procedure,
    server_name: String,
    held: Option<Arc<Held>>,
}

impl TlsContext {
    /// Keeps the settings; everything else waits for the first handshake.
    pub(crate) fn new(settings: TlsSettings) -> Self {
        Self(RwLock::new(Arc::new(State::new(settings))))
    }

    /// Connections from now on are made by other settings. Tickets, verdicts and the trust that was
    /// read are forgotten; connections made before are the caller's affair.
    pub(crate) fn change(&self, change: impl FnOnce(&mut TlsSettings)) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut settings = state.settings.clone();
        change(&mut settings);
        *state = Arc::new(State::new(settings));
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Performs the client's side of a handshake on `stream`.
    ///
    /// `server_name` is the host of a URL: a DNS name or an IP literal without brackets; one
    /// trailing dot is ignored. `alpn` is offered in its order; empty offers none. `ticket_scope`
    /// says which connections may share tickets, beyond the server's name: port, proxy chain and
    /// whatever else tells one pool group from another.
    ///
    /// Nothing is to be sent before [`Handshake::accepted`]. Dropping the future drops the stream.
    ///
    /// # Errors
    ///
    /// The certificate's verdict, the server's alert or the stream's own failure, each under
    /// Chromium's name. [`NetError::InvalidArgument`] if an extra root is no certificate;
    /// [`NetError::NotImplemented`] if the crate was built without `aws-lc-rs` and the program
    /// installed no other cryptography.
    pub(crate) async fn handshake<S>(
        &self,
        server_name: &str,
        alpn: &[&'static [u8]],
        ticket_scope: &str,
        stream: S,
    ) -> Result<Handshake<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let server_name = without_final_dot(server_name);
        let name = parse_server_name(server_name)?;
        let state = self.state();
        let client = state.client()?;
        client.verifier.prepare();

        let mut config = client.config.clone();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let mut held = None;
        config.resumption = match (state.settings.resumption, &state.settings.procedure) {
            (false, _) => Resumption::disabled(),
            (true, None) => Resumption::store(state.tickets.of(server_name, ticket_scope)),
            (true, Some(_)) => {
                let tickets = Arc::new(Held::new(state.tickets.of(server_name, ticket_scope)));
                Resumption::store(Arc::clone(held.insert(tickets)) as _)
            }
        };
        if state.settings.selector.is_some() {
            config.client_auth_cert_resolver = state.servers.of(server_name, ticket_scope);
        }
        let asks = state.settings.procedure.clone().map(|procedure| Asks {
            state: Arc::clone(&state),
            procedure,
            server_name: server_name.to_owned(),
            held,
        });

        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let info = TlsInfo::of(stream.get_ref().1);
        Ok(Handshake { stream, info, asks })
    }

    /// Whether a handshake that begins now shows the client's certificate, if the server asks.
    pub(crate) fn shows_identity(&self, server_name: &str, ticket_scope: &str) -> bool {
        let state = self.state();
        state.settings.selector.is_some()
            && state.servers.of(without_final_dot(server_name), ticket_scope).is_decided()
    }

    /// Whether a connection whose handshake showed none has to be made anew, with a certificate of the
    /// client's: the server has asked for one, and the session's owner, who is asked once, has chosen
    /// one.
    ///
    /// # Errors
    ///
    /// What the owner chose cannot be shown.
    pub(crate) async fn chooses_identity(
        &self,
        server_name: &str,
        port: u16,
        ticket_scope: &str,
    ) -> Result<bool, TlsError> {
        let server_name = without_final_dot(server_name);
        let state = self.state();
        let Some(selector) = &state.settings.selector else { return Ok(false) };
        let server = state.servers.of(server_name, ticket_scope);
        if !server.has_asked() {
            return Ok(false);
        }
        let chosen = server.choose(selector, server_name, port).await?;
        if chosen {
            // Those of a stranger would make a stranger of the client again.
            state.tickets.forget(server_name, ticket_scope);
        }
        Ok(chosen)
    }
}

impl<S> Handshake<S> {
    /// The stream, once the session's owner has accepted the server, where there is one who wants to
    /// be asked. It is flushed and ready for the first byte of the application.
    ///
    /// # Errors
    ///
    /// [`NetError::Failed`] for a server that the owner rejects, or the engine's own verdict.
    pub(crate) async fn accepted(self) -> Result<(TlsStream<S>, TlsInfo), TlsError> {
        let Self { stream, info, asks } = self;
        let Some(asks) = asks else { return Ok((stream, info)) };
        let error = asks.verdict(&info).await?;
        if let Some(held) = &asks.held {
            held.accept();
        }
        Ok((stream, info.with_certificate_error(error)))
    }
}

impl<S> fmt::Debug for Handshake<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Handshake").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Asks {
    /// What is wrong with a server that is accepted all the same.
    async fn verdict(&self, info: &TlsInfo) -> Result<Option<NetError>, TlsError> {
        let Judgement { verdict, is_known_root } =
            self.state.client()?.verifier.judgement(&self.server_name, info.peer_certificates());
        let fault = verdict.err().map(TlsError::from);
        let error = fault.as_ref().map(TlsError::net_error);
        let question = CertificateQuestion {
            hostname: self.server_name.clone(),
            certificates: info.peer_certificates().to_vec(),
            error,
            is_issued_by_known_root: is_known_root,
        };
        match (self.state.verdicts.of(&self.procedure, question).await, fault) {
            (CertificateVerdict::Reject(error), _) => {
                Err(TlsError::new(error, "the session rejects the server's certificate"))
            }
            (CertificateVerdict::Default, Some(fault)) => Err(fault),
            (CertificateVerdict::Accept, _) | (CertificateVerdict::Default, None) => Ok(error),
        }
    }
}

impl State {
    fn new(settings: TlsSettings) -> Self {
        Self {
            settings,
            client: OnceLock::new(),
            tickets: Tickets::default(),
            verdicts: Verdicts::default(),
            servers: Servers::default(),
        }
    }

    fn client(&self) -> Result<&Client, TlsError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::new(&self.settings)?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl fmt::Debug for TlsContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TlsContext")
            .field("settings", &self.state().settings)
            .finish_non_exhaustive()
    }
}

impl Client {
    fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        let mut provider = provider()?;
        let verifier = Arc::new(Verifier::new(settings, Arc::clone(&provider))?);
        let SslConfig { min_version, max_version, disabled_cipher_suites } = &settings.config;
        if !disabled_cipher_suites.is_empty() {
            Arc::make_mut(&mut provider).cipher_suites.retain(|suite| {
                suite.tls13().is_some()
                    || !disabled_cipher_suites.contains(&u16::from(suite.suite()))
            });
        }
        let versions: Vec<&'static SupportedProtocolVersion> =
            [(TlsVersion::Tls13, &version::TLS13), (TlsVersion::Tls12, &version::TLS12)]
                .into_iter()
                .filter(|(version, _)| (min_version..=max_version).contains(&version))
                .map(|(_, version)| version)
                .collect();
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|cause| TlsError::new(NetError::SslVersionOrCipherMismatch, cause))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as _)
            .with_no_client_auth();
        // A request replayed by someone on the way is a request sent twice.
        config.enable_early_data = false;
        if settings.key_log {
            config.key_log = Arc::new(rustls::KeyLogFile::new());
        }
        Ok(Self { config, verifier })
    }
}

/// The cryptography of this crate alone; the process's default stays as the program set it.
#[cfg(feature = "aws-lc-rs")]
fn provider() -> Result<Arc<CryptoProvider>, TlsError> {
    Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(not(feature = "aws-lc-rs"))]
fn provider() -> Result<Arc<CryptoProvider>, TlsError> {
    CryptoProvider::get_default().cloned().ok_or_else(|| {
        TlsError::new(NetError::NotImplemented, "no cryptography: build with `aws-lc-rs`")
    })
}

/// A name that cannot be a DNS name cannot be in a certificate either.
fn parse_server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(host)
        .map(|name| name.to_owned())
        .map_err(|cause| TlsError::new(NetError::CertCommonNameInvalid, cause))
}

fn without_final_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use rustls::ServerConfig;
    use rustls::sign::{CertifiedKey, SingleCertAndKey};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio_rustls::TlsAcceptor;

    use super::chains::{Authority, Leaf, between, server};
    use super::*;

    /// One server; every connection is a pipe in memory.
    struct Server {
        root: CertificateDer<'static>,
        certificate: CertificateDer<'static>,
        acceptor: TlsAcceptor,
    }

    impl Server {
        fn new(versions: &[&'static SupportedProtocolVersion]) -> Self {
            Self::showing(versions, |root| root.issue(server(&["a.test"])))
        }

        fn showing(
            versions: &[&'static SupportedProtocolVersion],
            issue: impl FnOnce(&Authority) -> Leaf,
        ) -> Self {
            let root = Authority::root("Root");
            let leaf = issue(&root);
            let provider = provider().unwrap();
            let key = provider.key_provider.load_private_key(leaf.private_key()).unwrap();
            let shown = CertifiedKey::new(vec![leaf.certificate.clone()], key);
            let mut config = ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(versions)
                .unwrap()
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            Self {
                root: root.der(),
                certificate: leaf.certificate,
                acceptor: TlsAcceptor::from(Arc::new(config)),
            }
        }

        /// Trusts this server's root and no other.
        fn settings(&self) -> TlsSettings {
            TlsSettings {
                extra_roots: vec![self.root.clone()],
                platform_roots: false,
                ..TlsSettings::default()
            }
        }

        /// Connects and reads one byte, so that tickets sent before it have arrived.
        async fn visit(
            &self,
            context: &TlsContext,
            name: &str,
            alpn: &[&'static [u8]],
            scope: &str,
        ) -> Result<TlsInfo, NetError> {
            let (near, far) = duplex(PIPE);
            let serve = async {
                let mut stream = self.acceptor.accept(far).await?;
                stream.write_all(b"!").await?;
                stream.flush().await
            };
            let visit = async {
                let handshake = context.handshake(name, alpn, scope, near).await?;
                let (mut stream, info) = handshake.accepted().await?;
                assert_eq!(stream.read_u8().await?, b'!');
                Ok::<_, TlsError>(info)
            };
            let (served, visited) = tokio::join!(serve, visit);
            assert_eq!(served.is_ok(), visited.is_ok());
            visited.map_err(|error| error.net_error())
        }
    }

    /// The name for a server that writes `answer` and closes.
    async fn answered(answer: &[u8]) -> NetError {
        let (near, mut far) = duplex(PIPE);
        let context =
            TlsContext::new(TlsSettings { platform_roots: false, ..TlsSettings::default() });
        let answer = async move {
            far.write_all(answer).await.unwrap();
            far.shutdown().await.unwrap();
            far
        };
        let (_far, result) = tokio::join!(answer, context.handshake("a.test", &[], "", near));
        result.unwrap_err().net_error()
    }

    const PIPE: usize = 1 << 20;

    #[tokio::test]
    async fn a_handshake_says_what_was_agreed() {
        for (version, name, suite, group) in [
            (&version::TLS13, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768"),
            (&version::TLS12, "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "X25519"),
        ] {
            let server = Server::new(&[version]);
            let context = TlsContext::new(server.settings());

            let info = server.visit(&context, "a.test", &[b"http/1.1"], "").await.unwrap();

            assert_eq!(info.protocol(), name);
            assert_eq!(info.cipher_suite(), suite);
            assert_eq!(info.key_exchange_group(), Some(group));
            assert_eq!(info.alpn(), Some("http/1.1"));
            assert!(!info.is_resumed());
            assert_eq!(info.peer_certificates(), [server.certificate.as_ref()]);
            assert_eq!(
                format!("{info:?}"),
                format!(
                    "TlsInfo {{ protocol: {name:?}, cipher_suite: {suite:?}, \
                     key_exchange_group: Some({group:?}), alpn: Some(\"http/1.1\"), \
                     resumed: false, peer_certificates: 1 }}"
                ),
            );
        }
    }

    #[tokio::test]
    async fn the_server_chooses_among_the_offered_protocols() {
        let server = Server::new(&[&version::TLS13]);
        let context = TlsContext::new(server.settings());
        let offers: [(&[&'static [u8]], Option<&str>); 3] =
            [(&[b"http/1.1", b"h2"], Some("h2")), (&[b"http/1.1"], Some("http/1.1")), (&[], None)];
        for (offered, chosen) in offers {
            let info = server.visit(&context, "a.test", offered, "").await.unwrap();
            assert_eq!(info.alpn(), chosen);
        }
        let refused = server.visit(&context, "a.test", &[b"spdy/1"], "").await;
        assert_eq!(refused.unwrap_err(), NetError::SslProtocolError);
    }

    #[tokio::test]
    async fn a_session_resumes_within_its_context_name_and_scope_only() {
        for version in [&version::TLS12, &version::TLS13] {
            let server =
                Server::showing(&[version], |root| root.issue(server(&["a.test", "b.test"])));
            let context = TlsContext::new(server.settings());
            let other = TlsContext::new(server.settings());
            let never = TlsContext::new(TlsSettings { resumption: false, ..server.settings() });

            for (context, name, scope, resumed) in [
                (&context, "a.test", "443", false),
                (&context, "a.test", "443", true),
                (&context, "a.test.", "443", true),
                (&context, "a.test", "8443", false),
                (&context, "b.test", "443", false),
                (&other, "a.test", "443", false),
                (&never, "a.test", "443", false),
                (&never, "a.test", "443", false),
                (&context, "a.test", "443", true),
            ] {
                let info = server.visit(context, name, &[], scope).await.unwrap();
                assert_eq!(info.is_resumed(), resumed, "{version:?} {name} {scope}");
                assert_eq!(info.peer_certificates(), [server.certificate.as_ref()]);
            }
        }
    }

    #[tokio::test]
    async fn a_refused_certificate_leaves_no_ticket() {
        for version in [&version::TLS12, &version::TLS13] {
            let server = Server::new(&[version]);
            let context = TlsContext::new(server.settings());

            for _ in 0..2 {
                let refused = server.visit(&context, "b.test", &[], "").await;
                assert_eq!(refused.unwrap_err(), NetError::CertCommonNameInvalid);
            }
        }
    }

    #[tokio::test]
    async fn a_certificate_is_judged_by_the_clock_and_the_roots() {
        let late = Server::showing(&[&version::TLS13], |root| {
            root.issue(between(server(&["a.test"]), 2000, 2001))
        });
        let unknown = TlsSettings { extra_roots: Vec::new(), ..late.settings() };
        let anything = TlsSettings { accept_invalid_certificates: true, ..unknown.clone() };

        for (settings, expected) in [
            (late.settings(), Some(NetError::CertDateInvalid)),
            (unknown, Some(NetError::CertAuthorityInvalid)),
            (anything, None),
        ] {
            let context = TlsContext::new(settings);
            assert_eq!(late.visit(&context, "a.test", &[], "").await.err(), expected);
        }
    }

    #[tokio::test]
    async fn a_server_must_own_the_key_even_where_every_certificate_is_accepted() {
        for version in [&version::TLS12, &version::TLS13] {
            // The certificate of one key, shown by the holder of another.
            let server = Server::showing(&[version], |root| {
                let honest = root.issue(server(&["a.test"]));
                root.issue(server(&["a.test"])).showing(honest.certificate)
            });
            let settings = TlsSettings { accept_invalid_certificates: true, ..server.settings() };

            let refused = server.visit(&TlsContext::new(settings), "a.test", &[], "").await;

            assert_eq!(refused.unwrap_err(), NetError::SslProtocolError);
        }
    }

    #[tokio::test]
    async fn a_server_that_breaks_the_handshake_is_named_for_how() {
        let alert = |level, description| vec![0x15, 3, 3, 0, 2, level, description];
        for (answer, expected) in [
            (Vec::new(), NetError::ConnectionClosed),
            (vec![0x16, 3, 3], NetError::ConnectionClosed),
            // close_notify, then the end.
            (alert(1, 0), NetError::ConnectionClosed),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), NetError::SslProtocolError),
            (vec![0; 5000], NetError::SslProtocolError),
            (vec![0xff; 5000], NetError::SslProtocolError),
            // A record longer than any may be.
            ([vec![0x16, 3, 3, 0xff, 0xff], vec![0; 0xffff]].concat(), NetError::SslProtocolError),
            (alert(2, 40), NetError::SslVersionOrCipherMismatch),
            (alert(2, 70), NetError::SslVersionOrCipherMismatch),
            (alert(2, 71), NetError::SslVersionOrCipherMismatch),
            (alert(2, 20), NetError::SslBadRecordMacAlert),
            (alert(2, 51), NetError::SslDecryptErrorAlert),
            (alert(2, 80), NetError::SslProtocolError),
            (alert(2, 112), NetError::SslUnrecognizedNameAlert),
            (alert(2, 116), NetError::BadSslClientAuthCert),
            (alert(1, 90).repeat(1000), NetError::SslProtocolError),
        ] {
            let start = answer[..answer.len().min(8)].to_vec();
            assert_eq!(answered(&answer).await, expected, "{start:x?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_speaks_only_old_versions_is_a_mismatch() {
        // A ServerHello of TLS 1.0 choosing TLS_RSA_WITH_AES_128_CBC_SHA.
        let mut hello = vec![0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
        hello.extend([7; 32]);
        hello.extend([0, 0, 0x2f, 0]);

        assert_eq!(answered(&hello).await, NetError::SslVersionOrCipherMismatch);
    }

    #[tokio::test]
    async fn a_host_that_can_be_in_no_certificate_is_refused_before_a_byte_is_sent() {
        let context = TlsContext::new(TlsSettings::default());
        for host in ["", "a b", "[::1]", &"a".repeat(300)] {
            let (near, mut far) = duplex(PIPE);

            let refused = context.handshake(host, &[], "", near).await.unwrap_err();

            assert_eq!(refused.net_error(), NetError::CertCommonNameInvalid, "{host}");
            assert_eq!(sent(&mut far).await, b"", "{host}");
        }
    }

    #[tokio::test]
    async fn the_server_name_is_sent_for_names_only() {
        let context =
            TlsContext::new(TlsSettings { platform_roots: false, ..TlsSettings::default() });
        for (host, named) in
            [("a.test", true), ("a.test.", true), ("192.0.2.7", false), ("::1", false)]
        {
            let (near, mut far) = duplex(PIPE);
            let mut handshake = Box::pin(context.handshake(host, &[], "", near));
            // The server says nothing, so one poll writes the first message and waits.
            assert!(poll_once(&mut handshake).await.is_none());
            drop(handshake);

            let hello = sent(&mut far).await;

            let found = |name: &[u8]| hello.windows(name.len()).any(|part| part == name);
            assert_eq!(found(b"\x00\x00\x06a.test"), named, "{host}");
            assert_eq!(found(host.as_bytes()), host == "a.test", "{host}");
        }
    }

    #[tokio::test]
    async fn dropping_the_future_drops_the_stream() {
        let context =
            TlsContext::new(TlsSettings { platform_roots: false, ..TlsSettings::default() });
        let (near, mut far) = duplex(PIPE);
        let mut handshake = Box::pin(context.handshake("a.test", &[], "", near));
        assert!(poll_once(&mut handshake).await.is_none());
        drop(handshake);

        assert!(!sent(&mut far).await.is_empty());
    }

    #[test]
    fn the_future_is_small() {
        let context = TlsContext::new(TlsSettings::default());
        let (near, _far) = duplex(1);
        assert!(size_of_val(&context.handshake("a.test", &[], "", near)) < 4096);
    }

    /// Polls once.
    async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }

    /// All that the other side wrote before it was dropped.
    async fn sent(far: &mut DuplexStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        far.read_to_end(&mut bytes).await.unwrap();
        bytes
    }
}
