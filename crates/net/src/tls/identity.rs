//! The client's own certificate: who may be shown to which server, and how it is asked for.
//!
//! A first handshake never shows one. A server that asks is remembered with the authorities it
//! accepts; the session's owner is asked once for a server, and the connection is made anew with
//! what they chose. Choosing nobody is an answer too: the request goes on without.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use netreq_proto::NetError;
#[cfg(feature = "pkcs12")]
use p12_keystore::Pkcs12ImportPolicy;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{DistinguishedName, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::OnceCell;

use super::error::TlsError;
use super::pem::parse_pem_certificates;
use crate::error::{BoxError, Error};
use crate::runtime::lock;

/// A certificate of the client's with its key.
///
/// `Debug` shows no key.
#[derive(Clone)]
pub struct ClientIdentity(Arc<Parts>);

struct Parts {
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl ClientIdentity {
    /// Out of PEM: the certificate with those that vouch for it, and its key (PKCS #8, PKCS #1 or
    /// SEC 1, not encrypted). Both may be the same file.
    ///
    /// # Errors
    ///
    /// `ERR_INVALID_ARGUMENT` for certificates that cannot be read, and for a key that cannot be read
    /// or does not belong to the first of them; the source says which.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, Error> {
        let certificates = parse_pem_certificates(certificates).map_err(refused)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|cause| refused(format!("the client's key: {cause}")))?;
        Self::checked(certificates, key)
    }

    /// Out of DER: the client's certificate, then those that vouch for it, and the key (PKCS #8, PKCS
    /// #1 or SEC 1).
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem).
    pub fn from_der<C: Into<Vec<u8>>>(
        certificates: impl IntoIterator<Item = C>,
        key: impl Into<Vec<u8>>,
    ) -> Result<Self, Error> {
        let certificates: Vec<_> =
            certificates.into_iter().map(|der| CertificateDer::from(der.into())).collect();
        let key = PrivateKeyDer::try_from(key.into())
            .map_err(|cause| refused(format!("the client's key: {cause}")))?;
        Self::checked(certificates, key)
    }

    /// Out of a PKCS #12 file (`.p12`, `.pfx`): its first key, with the certificates that belong to it.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem): a file that cannot be read, another password, no key in it.
    #[cfg(feature = "pkcs12")]
    pub fn from_pkcs12(file: &[u8], password: &str) -> Result<Self, Error> {
        let store = p12_keystore::KeyStore::from_pkcs12(file, password, Pkcs12ImportPolicy::Strict)
            .map_err(|cause| refused(format!("the PKCS #12 file: {cause}")))?;
        let (_, chain) = store
            .private_key_chain()
            .ok_or_else(|| refused("the PKCS #12 file holds no key with its certificate"))?;
        Self::from_der(
            chain.certs().iter().map(|certificate| certificate.as_der()),
            chain.key().as_der(),
        )
    }

    fn checked(
        certificates: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, Error> {
        if certificates.is_empty() {
            return Err(refused("an identity has a certificate"));
        }
        let identity = Self(Arc::new(Parts { certificates, key }));
        let provider = super::provider().map_err(|cause| refused(cause.into_source()))?;
        identity.certified(&provider).map_err(|cause| refused(cause.into_source()))?;
        Ok(identity)
    }

    /// The certificates in DER, the client's own first.
    pub fn certificates(&self) -> Vec<Bytes> {
        self.0.certificates.iter().map(|der| Bytes::copy_from_slice(der)).collect()
    }

    fn certified(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
        let (certificates, key) = (self.0.certificates.clone(), self.0.key.clone_key());
        let key =
            CertifiedKey::from_der(certificates, key, provider).map_err(|cause| match cause {
                rustls::Error::InconsistentKeys(_) => TlsError::new(
                    NetError::InvalidArgument,
                    "the client's key is another certificate's",
                ),
                other => other.into(),
            })?;
        Ok(Arc::new(key))
    }
}

fn refused(cause: impl Into<BoxError>) -> Error {
    Error::argument(NetError::InvalidArgument, cause)
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity")
            .field("certificates", &self.0.certificates.len())
            .finish_non_exhaustive()
    }
}

/// A server that asks who the client is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientCertificateQuestion {
    /// The host that the connection is for.
    pub hostname: String,
    /// Its port.
    pub port: u16,
    /// The distinguished names in DER of the authorities that the server accepts; empty: it does not
    /// say.
    pub authorities: Vec<Bytes>,
}

impl ClientCertificateQuestion {
    /// Whether the server says that it accepts this identity: one of its authorities, if it names any,
    /// has issued one of the certificates.
    ///
    /// RFC 8446 §4.2.4; Chromium `ClientCertStore`.
    pub fn accepts(&self, identity: &ClientIdentity) -> bool {
        let is_issued = |certificate: &CertificateDer<'_>| {
            // What cannot be read is for the server to judge.
            let Ok(certificate) = webpki::EndEntityCert::try_from(certificate) else { return true };
            let issuer = DistinguishedName::in_sequence(certificate.issuer());
            self.authorities.iter().any(|authority| authority == issuer.as_ref())
        };
        self.authorities.is_empty() || identity.0.certificates.iter().any(is_issued)
    }
}

type Answer = Pin<Box<dyn Future<Output = Option<ClientIdentity>> + Send>>;

/// Whom to ask.
#[derive(Clone)]
pub(crate) struct Selector(Arc<dyn Fn(ClientCertificateQuestion) -> Answer + Send + Sync>);

impl Selector {
    pub(crate) fn new<F, A>(select: F) -> Self
    where
        F: Fn(ClientCertificateQuestion) -> A + Send + Sync + 'static,
        A: Future<Output = Option<ClientIdentity>> + Send + 'static,
    {
        Self(Arc::new(move |question| Box::pin(select(question))))
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Selector")
    }
}

/// What is known of the servers that a session has met.
#[derive(Debug, Default)]
pub(super) struct Servers(Mutex<HashMap<(String, String), Arc<Server>>>);

impl Servers {
    /// The server of this name within `scope`, which tells ports and ways apart.
    pub(super) fn of(&self, hostname: &str, scope: &str) -> Arc<Server> {
        let mut known = lock(&self.0);
        let key = (hostname.to_owned(), scope.to_owned());
        if known.len() >= MOST_SERVERS && !known.contains_key(&key) {
            // Asked again is better than remembered without end.
            known.clear();
        }
        Arc::clone(known.entry(key).or_default())
    }
}

/// What one server wants to know of the client, and what it is shown: the part of a handshake that
/// answers a certificate request.
#[derive(Debug, Default)]
pub(super) struct Server {
    /// The authorities of the last request for a certificate.
    asked: Mutex<Option<Vec<Bytes>>>,
    chosen: OnceCell<Option<Arc<CertifiedKey>>>,
}

impl Server {
    /// Whether the owner has said what it is shown, if only nothing.
    pub(super) fn is_decided(&self) -> bool {
        self.chosen.initialized()
    }

    /// Whether the server has ever asked who the client is.
    pub(super) fn has_asked(&self) -> bool {
        lock(&self.asked).is_some()
    }

    /// Whether there is something to show. Asks the owner, once.
    ///
    /// # Errors
    ///
    /// What the owner chose is no identity.
    pub(super) async fn choose(
        &self,
        selector: &Selector,
        hostname: &str,
        port: u16,
    ) -> Result<bool, TlsError> {
        let choose = async || {
            let authorities = lock(&self.asked).clone().unwrap_or_default();
            let hostname = hostname.to_owned();
            let question = ClientCertificateQuestion { hostname, port, authorities };
            match (selector.0)(question).await {
                None => Ok(None),
                Some(identity) => identity.certified(&*super::provider()?).map(Some),
            }
        };
        Ok(self.chosen.get_or_try_init(choose).await?.is_some())
    }
}

impl ResolvesClientCert for Server {
    fn resolve(&self, authorities: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let authorities = authorities.iter().map(|name| Bytes::copy_from_slice(name)).collect();
        *lock(&self.asked) = Some(authorities);
        self.chosen.get().cloned().flatten()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

const MOST_SERVERS: usize = 1024;

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn made() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["a.test".to_owned()]).unwrap();
        (certificate.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn an_identity_is_a_certificate_and_its_own_key() {
        let ((certificate, key), (other, _)) = (made(), made());
        let both = format!("{certificate}{key}");
        let identity = ClientIdentity::from_pem(both.as_bytes(), both.as_bytes()).unwrap();
        assert_eq!(format!("{identity:?}"), "ClientIdentity { certificates: 1, .. }");
        let der = identity.certificates();
        assert_eq!(der.len(), 1);
        let key_der = identity.0.key.secret_der().to_vec();
        assert!(ClientIdentity::from_der(der.clone(), key_der).is_ok());

        for (certificates, key, expected) in [
            ("", &*key, "the file is empty"),
            (&*key, &*key, "no CERTIFICATE block (is it PEM?)"),
            (&*certificate, "", "the client's key: no items found"),
            (&*other, &*key, "the client's key is another certificate's"),
        ] {
            let error = ClientIdentity::from_pem(certificates.as_bytes(), key.as_bytes());
            let error = error.unwrap_err();
            assert_eq!(error.net_error(), NetError::InvalidArgument);
            assert_eq!(std::error::Error::source(&error).unwrap().to_string(), expected);
        }
        assert!(ClientIdentity::from_der(Vec::<Vec<u8>>::new(), vec![1]).is_err());
        assert!(ClientIdentity::from_der(der, vec![1]).is_err());
    }

    #[test]
    fn a_server_accepts_whom_one_of_its_authorities_issued_or_anybody_if_it_names_none() {
        let (certificate, key) = made();
        let identity = ClientIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        let der = &identity.0.certificates[0];
        let issuer = webpki::EndEntityCert::try_from(der).unwrap().issuer().to_vec();
        let own = Bytes::copy_from_slice(DistinguishedName::in_sequence(&issuer).as_ref());
        let other = Bytes::from_static(b"\x30\x00");
        for (authorities, accepted) in [
            (vec![], true),
            (vec![own.clone()], true),
            (vec![other.clone(), own], true),
            (vec![other], false),
        ] {
            let question =
                ClientCertificateQuestion { hostname: "a.test".to_owned(), port: 443, authorities };
            assert_eq!(question.accepts(&identity), accepted, "{question:?}");
        }
    }

    #[cfg(feature = "pkcs12")]
    #[test]
    fn a_pkcs_12_file_gives_its_key_and_certificate_to_whoever_knows_its_password() {
        use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, LocalKeyId, PrivateKey};

        let (certificate, key) = made();
        let made = ClientIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        let chain = p12_keystore::PrivateKeyChain::new(
            LocalKeyId(vec![1]),
            PrivateKey::from_der(made.0.key.secret_der()).unwrap(),
            [Certificate::from_der(&made.0.certificates[0]).unwrap()],
        );
        let mut store = KeyStore::new();
        store.add_entry("one", KeyStoreEntry::PrivateKeyChain(chain));
        let file = store.writer("secret").encryption_iterations(1).mac_iterations(1);
        let file = file.write().unwrap();

        let identity = ClientIdentity::from_pkcs12(&file, "secret").unwrap();
        assert_eq!(identity.certificates(), made.certificates());
        for (file, password) in
            [(&*file, "another"), (&file[..file.len() / 2], "secret"), (&[], "")]
        {
            let error = ClientIdentity::from_pkcs12(file, password).unwrap_err();
            assert_eq!(error.net_error(), NetError::InvalidArgument);
        }
        let empty = KeyStore::new().writer("").write().unwrap();
        assert!(ClientIdentity::from_pkcs12(&empty, "").is_err());
    }
}
