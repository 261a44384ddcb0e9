//! Certificates for the tests of this room, made when a test starts.
//!
//! An [`Authority`] issues; a [`Leaf`] is what a server shows. Everything is valid from 1975 to 4096
//! unless a test says otherwise.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    NameConstraints, SanType, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn root(name: &str) -> Self {
        Self::root_with(name, |_| ())
    }

    pub(super) fn root_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let params = Self::params(name, change);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn intermediate(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Self {
        let params = Self::params(name, change);
        Self(CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    fn params(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        params
    }

    pub(super) fn issue(&self, params: CertificateParams) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Leaf { certificate: certificate.der().clone(), key }
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }
}

pub(super) struct Leaf {
    pub(super) certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Leaf {
    pub(super) fn self_signed(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate: certificate.der().clone(), key }
    }

    /// A certificate that signs itself, and another signed with its key.
    pub(super) fn self_signed_and_signing(
        own: CertificateParams,
        other: CertificateParams,
    ) -> (CertificateDer<'static>, CertificateDer<'static>) {
        let issuer = CertifiedIssuer::self_signed(own, KeyPair::generate().unwrap()).unwrap();
        let issued = other.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        (issuer.der().clone(), issued.der().clone())
    }

    /// The same key under another's certificate.
    pub(super) fn showing(self, certificate: CertificateDer<'static>) -> Self {
        Self { certificate, ..self }
    }

    pub(super) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }
}

/// A server's certificate for DNS names; a text that looks like an address stays a DNS name.
pub(super) fn server(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name("server");
    params.subject_alt_names =
        names.iter().map(|name| SanType::DnsName((*name).try_into().unwrap())).collect();
    params
}

pub(super) fn address(address: IpAddr) -> CertificateParams {
    let mut params = server(&[]);
    params.subject_alt_names = vec![SanType::IpAddress(address)];
    params
}

/// The old way: the host as common name, and no subjectAltName.
pub(super) fn named_by_subject(name: &str) -> CertificateParams {
    let mut params = server(&[]);
    params.distinguished_name = common_name(name);
    params
}

pub(super) fn between(mut params: CertificateParams, from: i32, until: i32) -> CertificateParams {
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

pub(super) fn may_sign(mut params: CertificateParams) -> CertificateParams {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

pub(super) fn only_below(domain: &str) -> NameConstraints {
    NameConstraints {
        permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName(domain.to_owned())],
        excluded_subtrees: Vec::new(),
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
