//! Identities for servers, made afresh at every start: good ones, and every way to be wrong.
//!
//! An [`Authority`] signs them; trust its certificate to trust the good ones. Nothing is read from
//! or written to disk, and no certificate outlives its validity of 90 days.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate authority with a key of its own; two of them do not trust each other.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A root authority. An identity of a second one is an identity of an unknown authority.
    #[must_use]
    pub fn new() -> Self {
        let key = new_key();
        let parameters = authority_parameters("root");
        Self { issuer: made(CertifiedIssuer::self_signed(parameters, key)) }
    }

    /// The authority's certificate, as DER: what a client has to trust.
    #[must_use]
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// The authority's certificate, as PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// A good identity for `localhost`, 127.0.0.1 and ::1.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.sign(here())
    }

    /// A good identity for these names: DNS names, wildcards or IP addresses.
    #[must_use]
    pub fn identity_for(&self, names: &[&str]) -> Identity {
        self.sign(leaf("netreq test server", names))
    }

    /// Valid until yesterday.
    #[must_use]
    pub fn expired(&self) -> Identity {
        self.sign(valid(here(), -60..=-1))
    }

    /// Valid from tomorrow.
    #[must_use]
    pub fn not_yet_valid(&self) -> Identity {
        self.sign(valid(here(), 1..=60))
    }

    /// Good, but for `wrong.example`.
    #[must_use]
    pub fn wrong_name(&self) -> Identity {
        self.identity_for(&["wrong.example"])
    }

    /// Names `localhost` as its common name and has no alternative names, which no browser accepts.
    #[must_use]
    pub fn common_name_only(&self) -> Identity {
        self.sign(leaf("localhost", &[]))
    }

    /// Good, signed by an intermediate authority whose certificate is sent along.
    #[must_use]
    pub fn through_intermediate(&self) -> Identity {
        let parameters = authority_parameters("intermediate");
        let issuer = made(CertifiedIssuer::signed_by(parameters, new_key(), &self.issuer));
        let intermediate = Self { issuer };
        let mut identity = intermediate.identity();
        identity.chain.push(intermediate.certificate());
        identity
    }

    /// As [`through_intermediate`](Self::through_intermediate), but the server forgets to send the
    /// intermediate's certificate.
    #[must_use]
    pub fn missing_intermediate(&self) -> Identity {
        let mut identity = self.through_intermediate();
        identity.chain.truncate(1);
        identity
    }

    /// An identity for a client, for servers that
    /// [ask for one](Identity::requires_client_certificate).
    #[must_use]
    pub fn client(&self, name: &str) -> Identity {
        let mut parameters = leaf(name, &[]);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(parameters)
    }

    fn sign(&self, parameters: CertificateParams) -> Identity {
        let key = new_key();
        let certificate = made(parameters.signed_by(&key, &self.issuer));
        Identity::new(certificate.der().clone(), &key)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// A certificate chain and its key, and how a server speaks TLS with them.
///
/// TLS 1.2 and 1.3, no ALPN and no client certificate unless asked for.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivatePkcs8KeyDer<'static>,
    alpn: Vec<Vec<u8>>,
    versions: &'static [&'static SupportedProtocolVersion],
    client_authority: Option<CertificateDer<'static>>,
}

impl Identity {
    /// For `localhost`, 127.0.0.1 and ::1, signed by nobody but itself.
    #[must_use]
    pub fn self_signed() -> Self {
        let key = new_key();
        let certificate = made(here().self_signed(&key));
        Self::new(certificate.der().clone(), &key)
    }

    fn new(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        Self {
            chain: vec![certificate],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
            alpn: Vec::new(),
            versions: rustls::ALL_VERSIONS,
            client_authority: None,
        }
    }

    /// Offers these protocols, the most wanted first; a client that shares none is refused.
    #[must_use]
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        self
    }

    /// Speaks TLS 1.2 and nothing newer.
    #[must_use]
    pub fn only_tls12(mut self) -> Self {
        self.versions = ONLY_TLS12;
        self
    }

    /// Refuses clients without a certificate of this authority.
    #[must_use]
    pub fn requires_client_certificate(mut self, authority: &Authority) -> Self {
        self.client_authority = Some(authority.certificate());
        self
    }

    /// The certificates as they are sent, the leaf first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The private key, as PKCS #8.
    #[must_use]
    pub fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key().into()
    }

    /// What rustls needs to serve this identity.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions)
            .expect("the provider has cipher suites for TLS 1.2 and 1.3");
        let builder = match &self.client_authority {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                builder.with_client_cert_verifier(client_verifier(authority, provider))
            }
        };
        let mut config = builder
            .with_single_cert(self.chain.clone(), self.key())
            .expect("the key was made together with the certificate");
        config.alpn_protocols.clone_from(&self.alpn);
        Arc::new(config)
    }
}

fn client_verifier(
    authority: &CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
) -> Arc<dyn rustls::server::danger::ClientCertVerifier> {
    let mut roots = RootCertStore::empty();
    made(roots.add(authority.clone()));
    made(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build())
}

fn here() -> CertificateParams {
    leaf("netreq test server", &["localhost", "127.0.0.1", "::1"])
}

fn leaf(common_name: &str, names: &[&str]) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = named(common_name);
    parameters.subject_alt_names = names.iter().map(|name| alternative_name(name)).collect();
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    valid(parameters, -1..=90)
}

fn authority_parameters(kind: &str) -> CertificateParams {
    // Two authorities of one name would be told apart by signature only: not as an unknown issuer.
    let number = AUTHORITIES.fetch_add(1, Ordering::Relaxed);
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name =
        named(&format!("netreq test {kind} {}-{number}", std::process::id()));
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Longer than any leaf on either side, so that a leaf's dates are wrong by themselves.
    valid(parameters, -90..=180)
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn alternative_name(name: &str) -> SanType {
    match name.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.try_into().expect("test names are ASCII")),
    }
}

/// Sets the validity in days from now.
fn valid(mut parameters: CertificateParams, days: RangeInclusive<i32>) -> CertificateParams {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = date_time_ymd(1970, 1, 1) + since_epoch;
    let from_now = |days: i32| {
        let distance = DAY * days.unsigned_abs();
        if days < 0 { now - distance } else { now + distance }
    };
    parameters.not_before = from_now(*days.start());
    parameters.not_after = from_now(*days.end());
    parameters
}

fn made<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.expect("the parameters are ours and complete")
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the operating system has randomness")
}

static AUTHORITIES: AtomicU64 = AtomicU64::new(1);
const ONLY_TLS12: &[&SupportedProtocolVersion] = &[&version::TLS12];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use rustls::{CertificateError, ClientConfig, ClientConnection, Error, StreamOwned};

    use super::*;
    use crate::{OK, ScriptServer, script};

    /// Greets `server` under TLS as `host`, trusting `authority`.
    fn greet(server: &ScriptServer, host: &str, authority: &Authority) -> Result<Vec<u8>, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = host.to_owned().try_into().unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream =
            StreamOwned::new(connection, TcpStream::connect(server.address()).unwrap());
        let mut answer = Vec::new();
        let greeted = stream
            .write_all(b"hello")
            .and_then(|()| stream.read_to_end(&mut answer))
            .map(|_| answer);
        greeted.map_err(|error| *error.into_inner().unwrap().downcast::<Error>().unwrap())
    }

    #[test]
    fn good_identities_are_accepted() {
        let authority = Authority::new();

        for (host, identity) in [
            ("localhost", authority.identity()),
            ("127.0.0.1", authority.identity()),
            ("::1", authority.identity()),
            ("a.test.example", authority.identity_for(&["*.test.example"])),
            ("localhost", authority.through_intermediate()),
            ("localhost", authority.identity().only_tls12()),
        ] {
            let server = script()
                .tls(&identity)
                .connection(|peer| peer.expect_bytes("hello").reply(OK).close())
                .start();
            assert_eq!(greet(&server, host, &authority), Ok(OK.to_vec()), "{host}");
            server.finished();
        }
    }

    #[test]
    fn each_broken_identity_is_refused_for_its_own_reason() {
        let authority = Authority::new();
        let kind = |error: Error| match error {
            Error::InvalidCertificate(CertificateError::ExpiredContext { .. }) => "expired",
            Error::InvalidCertificate(CertificateError::NotValidYetContext { .. }) => "too early",
            Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }) => "name",
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => "issuer",
            other => panic!("{other:?}"),
        };

        for (expected, identity) in [
            ("expired", authority.expired()),
            ("too early", authority.not_yet_valid()),
            ("name", authority.wrong_name()),
            ("name", authority.common_name_only()),
            ("issuer", authority.missing_intermediate()),
            ("issuer", Authority::new().identity()),
            ("issuer", Identity::self_signed()),
        ] {
            let server = script().connection(|peer| peer.expect_tls_refusal(&identity)).start();
            let refusal = greet(&server, "localhost", &authority).map_err(kind);
            assert_eq!(refusal, Err(expected));
            server.finished();
        }
    }
}
