//! Chromium's names for what goes wrong in TLS.
//!
//! One table for alerts, one for certificates, one for the rest; everything that fails in this room
//! passes through them once. Errors after the handshake come as [`io::Error`] from the stream: in
//! TLS 1.3 a server refuses a client's certificate only then. No ranking here: one error in, one
//! name out.

use std::error::Error;
use std::io;

use netreq_proto::{NetError, Phase};
use rustls::{AlertDescription, CertificateError};

/// A handshake that failed: Chromium's name and the cause.
#[derive(Debug)]
pub(crate) struct TlsError {
    net_error: NetError,
    source: Box<dyn Error + Send + Sync>,
}

impl TlsError {
    pub(super) fn new(
        net_error: NetError,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { net_error, source: source.into() }
    }

    /// Chromium's name and number.
    pub(crate) fn net_error(&self) -> NetError {
        self.net_error
    }

    /// The cause, for the public error's `source()`.
    pub(crate) fn into_source(self) -> Box<dyn Error + Send + Sync> {
        self.source
    }
}

impl From<io::Error> for TlsError {
    fn from(error: io::Error) -> Self {
        let net_error = net_error_of_io(&error, Phase::Tls);
        match error.downcast::<rustls::Error>() {
            Ok(cause) => Self::new(net_error, cause),
            Err(error) => Self::new(net_error, error),
        }
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        Self::new(net_error_of(&error), error)
    }
}

/// The name for a failed handshake, read or write on a TLS stream.
///
/// An end without `close_notify` is [`NetError::ConnectionClosed`]; whether it also cut a message
/// short is for the reader of the message to say.
pub(crate) fn net_error_of_io(error: &io::Error, phase: Phase) -> NetError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(cause) => net_error_of(cause),
        None => NetError::from_io(error, phase),
    }
}

/// Chromium `net/socket/ssl_client_socket_impl.cc` and `net/ssl/openssl_ssl_util.cc`: what has no
/// name of its own is a protocol error.
fn net_error_of(error: &rustls::Error) -> NetError {
    match error {
        rustls::Error::AlertReceived(alert) => net_error_of_alert(*alert),
        rustls::Error::InvalidCertificate(cause) => net_error_of_certificate(cause),
        // The server speaks only what this side does not: SSL 3 to TLS 1.1, or other ciphers.
        rustls::Error::PeerIncompatible(_) => NetError::SslVersionOrCipherMismatch,
        rustls::Error::General(_)
        | rustls::Error::FailedToGetCurrentTime
        | rustls::Error::FailedToGetRandomBytes => NetError::Failed,
        _ => NetError::SslProtocolError,
    }
}

fn net_error_of_alert(alert: AlertDescription) -> NetError {
    match alert {
        // Chromium names the mismatch only for the answer to its first message. Without client
        // certificates a server has no later reason to send this alert.
        AlertDescription::HandshakeFailure
        | AlertDescription::ProtocolVersion
        | AlertDescription::InsufficientSecurity => NetError::SslVersionOrCipherMismatch,
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateRequired
        | AlertDescription::AccessDenied
        | AlertDescription::UnknownCA => NetError::BadSslClientAuthCert,
        AlertDescription::BadRecordMac => NetError::SslBadRecordMacAlert,
        AlertDescription::DecryptError => NetError::SslDecryptErrorAlert,
        AlertDescription::DecompressionFailure => NetError::SslDecompressionFailureAlert,
        AlertDescription::UnrecognisedName => NetError::SslUnrecognizedNameAlert,
        _ => NetError::SslProtocolError,
    }
}

/// Chromium `net/cert/cert_verify_proc_builtin.cc`: a path that ends nowhere trusted, or whose
/// signatures do not hold, lacks authority; what breaks a rule of X.509 is invalid.
pub(super) fn net_error_of_certificate(error: &CertificateError) -> NetError {
    match error {
        CertificateError::UnknownIssuer => NetError::CertAuthorityInvalid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            NetError::CertCommonNameInvalid
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => NetError::CertDateInvalid,
        CertificateError::Revoked => NetError::CertRevoked,
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => {
            NetError::CertUnableToCheckRevocation
        }
        // Only the handshake's own signature: the verifier gives a path's signature another name.
        CertificateError::BadSignature => NetError::SslProtocolError,
        CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id, ..
        } if is_weak(signature_algorithm_id) => NetError::CertWeakSignatureAlgorithm,
        CertificateError::Other(cause) => net_error_of_other(&*cause.0),
        _ => NetError::CertInvalid,
    }
}

fn net_error_of_other(cause: &(dyn Error + Send + Sync + 'static)) -> NetError {
    if cause.is::<NoPlatformTrust>() {
        return NetError::CertAuthorityInvalid;
    }
    match cause.downcast_ref::<webpki::Error>() {
        // A certificate that signs itself, an X.509 version 1 certificate, or a search that was
        // given up: no way to a trusted root was found.
        Some(
            webpki::Error::CaUsedAsEndEntity
            | webpki::Error::UnsupportedCertVersion
            | webpki::Error::MaximumPathDepthExceeded
            | webpki::Error::MaximumPathBuildCallsExceeded
            | webpki::Error::MaximumSignatureChecksExceeded
            | webpki::Error::MaximumNameConstraintComparisonsExceeded,
        ) => NetError::CertAuthorityInvalid,
        _ => NetError::CertInvalid,
    }
}

/// The platform's trust could not be read.
#[derive(Debug)]
pub(super) struct NoPlatformTrust(pub(super) rustls::Error);

impl std::fmt::Display for NoPlatformTrust {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "the platform's trusted certificates are not available: {}", self.0)
    }
}

impl Error for NoPlatformTrust {}

/// Whether an `AlgorithmIdentifier` names a signature made with MD5 or SHA-1.
fn is_weak(algorithm: &[u8]) -> bool {
    WEAK_ALGORITHMS.iter().any(|weak| algorithm.windows(weak.len()).any(|part| part == *weak))
}

/// The bodies of the object identifiers: md5WithRSAEncryption, sha1WithRSAEncryption (RFC 8017
/// appendix C), ecdsa-with-SHA1 (RFC 3279 §2.2.3).
const WEAK_ALGORITHMS: [&[u8]; 3] = [
    &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04],
    &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05],
    &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01],
];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{InvalidMessage, OtherError, PeerIncompatible, PeerMisbehaved};

    use super::*;

    #[test]
    fn alerts_have_the_names_that_chromium_gives_them() {
        for (alert, expected) in [
            (AlertDescription::HandshakeFailure, NetError::SslVersionOrCipherMismatch),
            (AlertDescription::ProtocolVersion, NetError::SslVersionOrCipherMismatch),
            (AlertDescription::InsufficientSecurity, NetError::SslVersionOrCipherMismatch),
            (AlertDescription::BadCertificate, NetError::BadSslClientAuthCert),
            (AlertDescription::UnsupportedCertificate, NetError::BadSslClientAuthCert),
            (AlertDescription::CertificateRevoked, NetError::BadSslClientAuthCert),
            (AlertDescription::CertificateExpired, NetError::BadSslClientAuthCert),
            (AlertDescription::CertificateUnknown, NetError::BadSslClientAuthCert),
            (AlertDescription::CertificateRequired, NetError::BadSslClientAuthCert),
            (AlertDescription::AccessDenied, NetError::BadSslClientAuthCert),
            (AlertDescription::UnknownCA, NetError::BadSslClientAuthCert),
            (AlertDescription::BadRecordMac, NetError::SslBadRecordMacAlert),
            (AlertDescription::DecryptError, NetError::SslDecryptErrorAlert),
            (AlertDescription::DecompressionFailure, NetError::SslDecompressionFailureAlert),
            (AlertDescription::UnrecognisedName, NetError::SslUnrecognizedNameAlert),
            (AlertDescription::NoApplicationProtocol, NetError::SslProtocolError),
            (AlertDescription::InternalError, NetError::SslProtocolError),
            (AlertDescription::DecodeError, NetError::SslProtocolError),
            (AlertDescription::Unknown(200), NetError::SslProtocolError),
        ] {
            let error = rustls::Error::AlertReceived(alert);
            assert_eq!(TlsError::from(error).net_error(), expected, "{alert:?}");
        }
    }

    #[test]
    fn certificate_faults_have_the_names_that_chromium_gives_them() {
        let other = |error: webpki::Error| CertificateError::Other(OtherError(Arc::new(error)));
        let signed_with =
            |identifier: &[u8]| CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: identifier.to_vec(),
                supported_algorithms: Vec::new(),
            };
        let sha1 = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00";
        let dsa_sha256 = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x02";
        for (fault, expected) in [
            (CertificateError::UnknownIssuer, NetError::CertAuthorityInvalid),
            (CertificateError::NotValidForName, NetError::CertCommonNameInvalid),
            (CertificateError::Expired, NetError::CertDateInvalid),
            (CertificateError::NotValidYet, NetError::CertDateInvalid),
            (CertificateError::Revoked, NetError::CertRevoked),
            (CertificateError::UnknownRevocationStatus, NetError::CertUnableToCheckRevocation),
            (CertificateError::BadEncoding, NetError::CertInvalid),
            (CertificateError::InvalidPurpose, NetError::CertInvalid),
            (CertificateError::UnhandledCriticalExtension, NetError::CertInvalid),
            (CertificateError::BadSignature, NetError::SslProtocolError),
            (signed_with(sha1), NetError::CertWeakSignatureAlgorithm),
            (signed_with(dsa_sha256), NetError::CertInvalid),
            (signed_with(b""), NetError::CertInvalid),
            (other(webpki::Error::CaUsedAsEndEntity), NetError::CertAuthorityInvalid),
            (other(webpki::Error::UnsupportedCertVersion), NetError::CertAuthorityInvalid),
            (other(webpki::Error::MaximumPathDepthExceeded), NetError::CertAuthorityInvalid),
            (other(webpki::Error::NameConstraintViolation), NetError::CertInvalid),
            (other(webpki::Error::PathLenConstraintViolated), NetError::CertInvalid),
            (
                CertificateError::Other(OtherError(Arc::new(NoPlatformTrust(
                    rustls::Error::General("none".to_owned()),
                )))),
                NetError::CertAuthorityInvalid,
            ),
        ] {
            assert_eq!(net_error_of_certificate(&fault), expected, "{fault:?}");
        }
    }

    #[test]
    fn what_the_stream_reports_keeps_its_cause() {
        let tls = |cause: rustls::Error| io::Error::new(io::ErrorKind::InvalidData, cause);
        for (error, expected) in [
            (io::ErrorKind::UnexpectedEof.into(), NetError::ConnectionClosed),
            (io::ErrorKind::ConnectionReset.into(), NetError::ConnectionReset),
            (io::ErrorKind::BrokenPipe.into(), NetError::ConnectionReset),
            (io::ErrorKind::ConnectionAborted.into(), NetError::ConnectionAborted),
            (io::ErrorKind::TimedOut.into(), NetError::TimedOut),
            (io::ErrorKind::Other.into(), NetError::Failed),
            (tls(InvalidMessage::InvalidContentType.into()), NetError::SslProtocolError),
            (tls(rustls::Error::DecryptError), NetError::SslProtocolError),
            (tls(PeerMisbehaved::SelectedUnofferedCipherSuite.into()), NetError::SslProtocolError),
            (
                tls(PeerIncompatible::ServerDoesNotSupportTls12Or13.into()),
                NetError::SslVersionOrCipherMismatch,
            ),
            (tls(rustls::Error::FailedToGetRandomBytes), NetError::Failed),
        ] {
            let sentence = match error.get_ref() {
                Some(cause) => cause.to_string(),
                None => error.to_string(),
            };
            assert_eq!(net_error_of_io(&error, Phase::Tls), expected, "{error:?}");

            let error = TlsError::from(error);
            assert_eq!(error.net_error(), expected);
            assert_eq!(error.into_source().to_string(), sentence);
        }
    }
}
