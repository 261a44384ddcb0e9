//! Is this the server's certificate?
//!
//! A path is looked for from the certificate to the extra roots, then, only if they do not know its
//! authority, to the platform's. Which of several faults is reported is decided in
//! [`verdict`](super::verdict); what it means to the user is said elsewhere.

use std::sync::Arc;

use bytes::Bytes;
use netreq_proto::NetError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::error::{NoPlatformTrust, TlsError, net_error_of_certificate};
use super::verdict::{Presented, may_issue, without_signature};
use super::{TlsSettings, platform};

/// Judges servers for one session.
#[derive(Debug)]
pub(super) struct Verifier {
    provider: Arc<CryptoProvider>,
    /// Trusted as they are.
    extra_roots: Vec<CertificateDer<'static>>,
    /// Those of them that may issue others.
    anchors: RootCertStore,
    platform_roots: bool,
    accept_invalid_certificates: bool,
    /// Whether somebody else has the last word, behind the handshake.
    defers: bool,
}

/// The verdict on a server, for somebody who has the last word.
pub(super) struct Judgement {
    pub(super) verdict: Result<(), Error>,
    /// Whether the platform vouches for it.
    pub(super) is_known_root: bool,
}

impl Verifier {
    /// # Errors
    ///
    /// [`NetError::InvalidArgument`] if an extra root is no certificate.
    pub(super) fn new(
        settings: &TlsSettings,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let mut anchors = RootCertStore::empty();
        for root in &settings.extra_roots {
            // A server that is trusted as itself does not vouch for others. What cannot be parsed
            // as a server's certificate is a root of X.509 version 1, or nothing.
            if ParsedCertificate::try_from(root).is_ok_and(|root| !may_issue(&root)) {
                continue;
            }
            anchors
                .add(root.clone())
                .map_err(|cause| TlsError::new(NetError::InvalidArgument, cause))?;
        }
        Ok(Self {
            provider,
            extra_roots: settings.extra_roots.clone(),
            anchors,
            platform_roots: settings.platform_roots && cfg!(feature = "platform-verifier"),
            accept_invalid_certificates: settings.accept_invalid_certificates,
            defers: settings.procedure.is_some(),
        })
    }

    /// Judges a server behind the handshake, by the certificates it showed.
    pub(super) fn judgement(&self, host: &str, certificates: &[Bytes]) -> Judgement {
        let certificates: Vec<CertificateDer<'_>> =
            certificates.iter().map(|der| CertificateDer::from(&**der)).collect();
        let judged = || {
            let (leaf, intermediates) =
                certificates.split_first().ok_or(Error::NoCertificatesPresented)?;
            let name = ServerName::try_from(host)
                .map_err(|_| Error::InvalidCertificate(CertificateError::NotValidForName))?;
            let presented = Presented {
                certificate: leaf,
                parsed: &ParsedCertificate::try_from(leaf)?,
                intermediates,
                name: &name,
                now: UnixTime::now(),
            };
            if self.accept_invalid_certificates {
                return Ok(false);
            }
            self.judge(&presented)?;
            Ok(self.platform_roots && self.judge_by_platform(&presented).is_ok())
        };
        match judged() {
            Ok(is_known_root) => Judgement { verdict: Ok(()), is_known_root },
            Err(fault) => Judgement { verdict: Err(fault), is_known_root: false },
        }
    }

    /// Begins to read the platform's trust if the coming verdict is sure to need it.
    pub(super) fn prepare(&self) {
        if self.platform_roots && self.extra_roots.is_empty() && !self.accept_invalid_certificates {
            platform::read_ahead(&self.provider);
        }
    }

    fn judge(&self, server: &Presented<'_>) -> Result<(), Error> {
        if self.extra_roots.is_empty() && self.platform_roots {
            return self.judge_by_platform(server);
        }
        let verdict = server.judge(|time| self.extra_path(server, time));
        match &verdict {
            // Only a better authority could change this; names and dates are the same to all.
            Err(Error::InvalidCertificate(fault))
                if self.platform_roots
                    && net_error_of_certificate(fault) == NetError::CertAuthorityInvalid =>
            {
                self.judge_by_platform(server)
            }
            _ => verdict,
        }
    }

    /// A path to an extra root; the server's own certificate among them is one too, as with
    /// OpenSSL's partial chains.
    fn extra_path(&self, server: &Presented<'_>, time: UnixTime) -> Result<(), Error> {
        let verdict = verify_server_cert_signed_by_trust_anchor(
            server.parsed,
            &self.anchors,
            server.intermediates,
            time,
            self.provider.signature_verification_algorithms.all,
        )
        .map_err(without_signature);
        match &verdict {
            Err(Error::InvalidCertificate(fault))
                if net_error_of_certificate(fault) == NetError::CertAuthorityInvalid
                    && self.extra_roots.iter().any(|root| root == server.certificate) =>
            {
                Ok(())
            }
            _ => verdict,
        }
    }

    fn judge_by_platform(&self, server: &Presented<'_>) -> Result<(), Error> {
        let trusted = match platform::verifier(&self.provider) {
            Ok(trusted) => trusted,
            Err(cause) => {
                let path = |_| Err(other_fault(NoPlatformTrust(cause.clone())));
                return server.judge(path);
            }
        };
        server.judge(|time| {
            let verdict = trusted.verify_server_cert(
                server.certificate,
                server.intermediates,
                server.name,
                &[],
                time,
            );
            match verdict {
                Ok(_) => Ok(()),
                // Said of a path that holds. The name is judged beside the path; a platform that
                // is stricter about names keeps its fault.
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                )) if verify_server_name(server.parsed, server.name).is_err() => Ok(()),
                Err(fault @ Error::InvalidCertificate(_)) => Err(without_signature(fault)),
                Err(cause) => Err(other_fault(cause)),
            }
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.accept_invalid_certificates && !self.defers {
            self.judge(&Presented {
                certificate: end_entity,
                parsed: &ParsedCertificate::try_from(end_entity)?,
                intermediates,
                name: server_name,
                now,
            })?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn other_fault(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    CertificateError::Other(OtherError(Arc::new(cause))).into()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::slice::from_ref;
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa};

    use super::*;
    use crate::tls::chains::{
        Authority, Leaf, address, between, may_sign, named_by_subject, only_below, server,
    };

    /// The name of the verdict on 1 January 2030; the platform is not asked.
    fn verdict(
        roots: &[CertificateDer<'static>],
        chain: &[CertificateDer<'static>],
        host: &str,
    ) -> Result<(), NetError> {
        let settings = TlsSettings {
            extra_roots: roots.to_vec(),
            platform_roots: false,
            ..TlsSettings::default()
        };
        judged(&settings, chain, host)
    }

    fn judged(
        settings: &TlsSettings,
        chain: &[CertificateDer<'static>],
        host: &str,
    ) -> Result<(), NetError> {
        let verifier = Verifier::new(settings, crate::tls::provider().unwrap()).unwrap();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        verifier
            .verify_server_cert(&chain[0], &chain[1..], &name, &[], in_2030())
            .map(|_| ())
            .map_err(|error| TlsError::from(error).net_error())
    }

    fn in_2030() -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(1_893_456_000))
    }

    const AUTHORITY: Result<(), NetError> = Err(NetError::CertAuthorityInvalid);
    const NAME: Result<(), NetError> = Err(NetError::CertCommonNameInvalid);
    const DATE: Result<(), NetError> = Err(NetError::CertDateInvalid);
    const INVALID: Result<(), NetError> = Err(NetError::CertInvalid);

    #[test]
    fn authority_comes_before_name_and_name_before_date() {
        let root = Authority::root("Root");
        let middle = root.intermediate("Middle", |_| ());
        for (trusted, host, (from, until), expected) in [
            (true, "good.test", (2020, 2040), Ok(())),
            (true, "good.test", (2020, 2029), DATE),
            (true, "good.test", (2031, 2040), DATE),
            (true, "bad.test", (2020, 2040), NAME),
            (true, "bad.test", (2020, 2029), NAME),
            (true, "bad.test", (2031, 2040), NAME),
            (false, "good.test", (2020, 2040), AUTHORITY),
            (false, "good.test", (2020, 2029), AUTHORITY),
            (false, "good.test", (2031, 2040), AUTHORITY),
            (false, "bad.test", (2020, 2040), AUTHORITY),
            (false, "bad.test", (2020, 2029), AUTHORITY),
            (false, "bad.test", (2031, 2040), AUTHORITY),
        ] {
            let leaf = middle.issue(between(server(&["good.test"]), from, until)).certificate;
            let stranger = Authority::root("Stranger").der();
            // The same with a root of that name and another key: the signature is wrong then.
            let namesake = Authority::root("Root").der();
            let roots = if trusted { vec![root.der()] } else { vec![stranger, namesake] };

            let found = verdict(&roots, &[leaf, middle.der()], host);

            assert_eq!(found, expected, "trusted {trusted}, {host}, from {from} until {until}");
        }
    }

    #[test]
    fn a_date_between_server_and_root_counts_like_the_servers_own() {
        let root = Authority::root("Root");
        for (middle, leaf, expected) in [
            ((2020, 2029), (2020, 2040), DATE),
            ((2020, 2029), (2020, 2028), DATE),
            ((2020, 2025), (2020, 2028), DATE),
            ((2031, 2040), (2020, 2035), DATE),
            // Never good together: nothing shows that this path was ever trusted.
            ((2020, 2025), (2026, 2028), AUTHORITY),
            // Never good at all.
            ((2020, 2040), (2028, 2020), AUTHORITY),
        ] {
            let authority = root.intermediate("Middle", |params| {
                *params = between(params.clone(), middle.0, middle.1);
            });
            let certificate =
                authority.issue(between(server(&["good.test"]), leaf.0, leaf.1)).certificate;
            let chain = [certificate, authority.der()];

            assert_eq!(
                verdict(&[root.der()], &chain, "good.test"),
                expected,
                "{middle:?} {leaf:?}"
            );
            let stranger = Authority::root("Stranger").der();
            assert_eq!(verdict(&[stranger], &chain, "good.test"), AUTHORITY, "{middle:?} {leaf:?}");
        }
    }

    #[test]
    fn a_missing_intermediate_is_a_missing_authority() {
        let root = Authority::root("Root");
        let middle = root.intermediate("Middle", |_| ());
        let leaf = middle.issue(server(&["good.test"])).certificate;

        assert_eq!(verdict(&[root.der()], from_ref(&leaf), "good.test"), AUTHORITY);
        assert_eq!(verdict(&[], &[leaf, middle.der()], "good.test"), AUTHORITY);
    }

    #[test]
    fn a_name_fits_as_a_whole_and_a_wildcard_is_one_label() {
        let root = Authority::root("Root");
        let by_address = address(IpAddr::V4(Ipv4Addr::LOCALHOST));
        for (params, host, expected) in [
            (server(&["example.com"]), "example.com", Ok(())),
            (server(&["EXAMPLE.com"]), "example.COM", Ok(())),
            (server(&["other.test", "example.com"]), "example.com", Ok(())),
            (server(&["example.com"]), "example.com.evil.test", NAME),
            (server(&["example.com"]), "notexample.com", NAME),
            (server(&["example.com"]), "www.example.com", NAME),
            (server(&["*.example.com"]), "www.example.com", Ok(())),
            (server(&["*.example.com"]), "example.com", NAME),
            (server(&["*.example.com"]), "a.b.example.com", NAME),
            (server(&["*.example.com"]), "www.example.com.evil.test", NAME),
            (server(&["w*.example.com"]), "www.example.com", NAME),
            (server(&["*.com"]), "www.example.com", NAME),
            (server(&["*.com"]), "example.com", NAME),
            (server(&["*"]), "localhost", NAME),
            // An address is no DNS name, a DNS name no address.
            (by_address.clone(), "127.0.0.1", Ok(())),
            (by_address.clone(), "127.0.0.2", NAME),
            (by_address, "localhost", NAME),
            (server(&["127.0.0.1"]), "127.0.0.1", NAME),
            (server(&["*.0.0.1"]), "127.0.0.1", NAME),
            // The common name is for people to read.
            (named_by_subject("example.com"), "example.com", NAME),
            (named_by_subject("127.0.0.1"), "127.0.0.1", NAME),
        ] {
            let names = params.subject_alt_names.clone();
            let leaf = root.issue(params).certificate;
            assert_eq!(verdict(&[root.der()], &[leaf], host), expected, "{names:?} for {host}");
        }
    }

    #[test]
    fn an_expired_certificate_without_names_is_never_a_matter_of_dates() {
        let root = Authority::root("Root CA");
        let middle = root.intermediate("Intermediate CA", |_| ());
        let leaf = middle.issue(between(named_by_subject("localhost"), 2016, 2026)).certificate;
        let chain = [leaf, middle.der()];

        for host in ["127.0.0.1", "localhost"] {
            assert_eq!(verdict(&[], &chain, host), AUTHORITY, "{host}");
            assert_eq!(verdict(&[root.der()], &chain, host), NAME, "{host}");
        }
    }

    #[test]
    fn a_certificate_that_signs_itself_is_trusted_where_it_was_given_as_a_root() {
        let changes: [fn(CertificateParams) -> CertificateParams; 2] = [may_sign, |params| params];
        for (change, (from, until), host, given, not_given) in [
            (changes[0], (2020, 2040), "good.test", Ok(()), AUTHORITY),
            (changes[0], (2020, 2029), "good.test", DATE, AUTHORITY),
            (changes[0], (2020, 2040), "bad.test", NAME, AUTHORITY),
            (changes[0], (2020, 2029), "bad.test", NAME, AUTHORITY),
            (changes[1], (2020, 2040), "good.test", Ok(()), AUTHORITY),
            (changes[1], (2031, 2040), "good.test", DATE, AUTHORITY),
            (changes[1], (2020, 2040), "bad.test", NAME, AUTHORITY),
        ] {
            let own = || Leaf::self_signed(change(between(server(&["good.test"]), from, until)));
            let (leaf, namesake) = (own().certificate, own().certificate);
            let chain = [leaf.clone()];

            assert_eq!(verdict(&[leaf], &chain, host), given, "{from} {until} {host}");
            assert_eq!(verdict(&[namesake], &chain, host), not_given, "{from} {until} {host}");
        }
    }

    #[test]
    fn a_servers_certificate_may_be_given_without_its_issuer() {
        let leaf = Authority::root("Unknown").issue(server(&["good.test"])).certificate;
        let chain = [leaf];

        assert_eq!(verdict(&chain, &chain, "good.test"), Ok(()));
        assert_eq!(verdict(&chain, &chain, "bad.test"), NAME);
    }

    #[test]
    fn a_server_trusted_as_itself_vouches_for_no_other() {
        for (own, expected) in [
            (server(&["good.test"]), AUTHORITY),
            (between(server(&["good.test"]), 2020, 2029), AUTHORITY),
            (may_sign(server(&["good.test"])), Ok(())),
            (may_sign(between(server(&["good.test"]), 2031, 2040)), Ok(())),
        ] {
            let (given, issued) = Leaf::self_signed_and_signing(own, server(&["bank.test"]));
            assert_eq!(verdict(&[given], &[issued], "bank.test"), expected);
        }
    }

    #[test]
    fn a_broken_rule_of_the_path_is_invalid_only_below_a_trusted_root() {
        let root = Authority::root("Root");
        let below = |domain: &str| {
            root.intermediate("Constrained", |params| {
                params.name_constraints = Some(only_below(domain));
            })
        };
        let no_more = root.intermediate("Last", |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        });
        let one_more = no_more.intermediate("One more", |_| ());
        let no_authority =
            root.intermediate("No authority", |params| params.is_ca = IsCa::ExplicitNoCa);
        let for_clients = |mut params: CertificateParams| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            params
        };
        let good = || server(&["good.test"]);
        let (inside, outside) = (below("test"), below("example"));
        let issued = |authority: &Authority, params| {
            vec![authority.issue(params).certificate, authority.der()]
        };
        let mut too_long = issued(&one_more, good());
        too_long.push(no_more.der());

        for (what, chain, host, expected) in [
            ("name allowed", issued(&inside, good()), "good.test", Ok(())),
            ("name not allowed", issued(&outside, good()), "good.test", INVALID),
            ("and wrong", issued(&outside, good()), "bad.test", INVALID),
            ("and expired", issued(&outside, between(good(), 2020, 2029)), "good.test", DATE),
            ("path allowed", issued(&no_more, good()), "good.test", Ok(())),
            ("path too long", too_long, "good.test", INVALID),
            ("issued by a server", issued(&no_authority, good()), "good.test", INVALID),
            ("for clients", issued(&inside, for_clients(good())), "good.test", INVALID),
            ("no certificate", vec![CertificateDer::from(vec![0x30])], "good.test", INVALID),
        ] {
            assert_eq!(verdict(&[root.der()], &chain, host), expected, "{what}");
        }
        let outside = issued(&outside, good());
        assert_eq!(verdict(&[Authority::root("Stranger").der()], &outside, "good.test"), AUTHORITY);
    }

    #[test]
    fn everything_is_accepted_only_on_explicit_demand() {
        let leaf = Authority::root("Unknown").issue(between(server(&["a.test"]), 2020, 2029));
        let settings = TlsSettings {
            platform_roots: false,
            accept_invalid_certificates: true,
            ..TlsSettings::default()
        };

        assert_eq!(judged(&settings, &[leaf.certificate], "b.test"), Ok(()));
    }

    #[test]
    fn an_extra_root_must_be_a_certificate() {
        let settings = TlsSettings {
            extra_roots: vec![CertificateDer::from(b"no certificate".to_vec())],
            ..TlsSettings::default()
        };

        let error = Verifier::new(&settings, crate::tls::provider().unwrap()).unwrap_err();

        assert_eq!(error.net_error(), NetError::InvalidArgument);
    }

    #[cfg(feature = "platform-verifier")]
    #[test]
    fn the_platform_is_asked_about_unknown_authorities_only() {
        // A platform that knows none of the test's authorities, or cannot be read, agrees with the
        // extra roots in every row: the row says what is reported, not who said it.
        let (root, stranger) = (Authority::root("Root"), Authority::root("Stranger"));
        let both = TlsSettings { extra_roots: vec![root.der()], ..TlsSettings::default() };
        let good = server(&["good.test"]);
        let known = root.issue(good.clone()).certificate;
        let late = root.issue(between(good.clone(), 2020, 2029)).certificate;
        let unknown = stranger.issue(good.clone()).certificate;
        let unknown_late = stranger.issue(between(good, 2020, 2029)).certificate;

        for (settings, certificate, host, expected) in [
            (&both, &known, "good.test", Ok(())),
            (&both, &known, "bad.test", NAME),
            (&both, &late, "good.test", DATE),
            (&both, &unknown, "good.test", AUTHORITY),
            (&both, &unknown_late, "bad.test", AUTHORITY),
            (&TlsSettings::default(), &known, "good.test", AUTHORITY),
            (&TlsSettings::default(), &late, "bad.test", AUTHORITY),
        ] {
            assert_eq!(judged(settings, from_ref(certificate), host), expected, "{host}");
        }
    }
}
