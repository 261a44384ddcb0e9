//! Of several faults of a certificate, the one to report.
//!
//! Chromium's order (`net/cert/cert_status_flags.cc`): authority before name before date, for a
//! wrong clock is forgiven more easily than a stranger. The library underneath looks at dates first
//! and then stops; so on a wrong date the path is tried again at a time when the date is right. Who
//! is trusted is not known here: a path is a function of time.

use std::time::Duration;

use netreq_proto::NetError;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::error::net_error_of_certificate;

/// What a server shows, and who it should be.
pub(super) struct Presented<'a> {
    pub(super) certificate: &'a CertificateDer<'a>,
    pub(super) parsed: &'a ParsedCertificate<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
    pub(super) name: &'a ServerName<'a>,
    pub(super) now: UnixTime,
}

impl Presented<'_> {
    /// The gravest fault, where `path_at` says whether a trusted path holds at a time.
    pub(super) fn judge(
        &self,
        path_at: impl Fn(UnixTime) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (path, date) = apart_from_dates(self.parsed, self.now, path_at);
        let name = verify_server_name(self.parsed, self.name);
        let dated = date.is_some();
        [path.err(), name.err(), date]
            .into_iter()
            .flatten()
            .min_by_key(|fault| gravity(fault, dated))
            .map_or(Ok(()), Err)
    }
}

/// Whether the path holds if dates are set aside, and the fault of the dates at `now`.
///
/// Each round moves to a time at which the certificate that was blamed is good, and the next one
/// may be blamed. Certificates that were never good together prove no authority.
fn apart_from_dates(
    certificate: &ParsedCertificate<'_>,
    now: UnixTime,
    path_at: impl Fn(UnixTime) -> Result<(), Error>,
) -> (Result<(), Error>, Option<Error>) {
    let first = match path_at(now) {
        Err(fault) if is_date(&fault) => fault,
        verdict => return (verdict, None),
    };
    let mut blamed = first.clone();
    for _ in 0..MAX_ROUNDS {
        // A platform may not name the date; the certificate itself may tell.
        let time = good_time(&blamed).or_else(|| good_time(&alone(certificate, now)));
        let Some(time) = time else { break };
        match path_at(time) {
            Err(fault) if is_date(&fault) => blamed = fault,
            verdict => return (verdict, Some(first)),
        }
    }
    (Err(CertificateError::UnknownIssuer.into()), Some(first))
}

/// A time at which the certificate that `fault` blames is valid.
fn good_time(fault: &Error) -> Option<UnixTime> {
    match fault {
        Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
            Some(*not_after)
        }
        Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => {
            Some(*not_before)
        }
        _ => None,
    }
}

/// What the library finds wrong with a certificate before it looks for an issuer: its dates, then
/// whether it is an authority's; else that it knows no issuer.
fn alone(certificate: &ParsedCertificate<'_>, time: UnixTime) -> Error {
    let no_roots = RootCertStore::empty();
    match verify_server_cert_signed_by_trust_anchor(certificate, &no_roots, &[], time, &[]) {
        Err(fault) => fault,
        Ok(()) => CertificateError::UnknownIssuer.into(),
    }
}

/// Whether the certificate is an authority's, at any time.
pub(super) fn may_issue(certificate: &ParsedCertificate<'_>) -> bool {
    let long_ago = UnixTime::since_unix_epoch(Duration::ZERO);
    let (fault, _) = apart_from_dates(certificate, long_ago, |time| Err(alone(certificate, time)));
    match fault {
        Err(Error::InvalidCertificate(CertificateError::Other(cause))) => {
            matches!(cause.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

/// Chromium's order, gravest first. Another rule broken is the gravest where the date is right and
/// goes unsaid where the date is wrong too.
fn gravity(fault: &Error, dated: bool) -> u8 {
    match name_of(fault) {
        NetError::CertInvalid if dated => 7,
        NetError::CertInvalid => 0,
        NetError::CertRevoked => 1,
        NetError::CertAuthorityInvalid => 2,
        NetError::CertCommonNameInvalid => 3,
        NetError::CertWeakSignatureAlgorithm => 4,
        NetError::CertDateInvalid => 5,
        _ => 6,
    }
}

fn name_of(fault: &Error) -> NetError {
    match fault {
        Error::InvalidCertificate(fault) => net_error_of_certificate(fault),
        _ => NetError::CertInvalid,
    }
}

fn is_date(fault: &Error) -> bool {
    name_of(fault) == NetError::CertDateInvalid
}

/// A signature that does not hold was made by someone else of the same name: no authority. Under
/// its own name it would pass for the handshake's signature.
pub(super) fn without_signature(fault: Error) -> Error {
    match fault {
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            CertificateError::UnknownIssuer.into()
        }
        fault => fault,
    }
}

/// Times tried for a path with wrong dates: the certificate itself and three issuers, which is
/// more than public authorities use.
const MAX_ROUNDS: usize = 4;
