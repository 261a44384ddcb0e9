//! What a handshake agreed on, as plain values.
//!
//! Made once per connection and shared by every message that travels on it. It knows names, not
//! types: the TLS library behind it may change without this page changing.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use netreq_proto::NetError;
use rustls::{ClientConnection, HandshakeKind, ProtocolVersion};

/// The TLS parameters of the connection a message came on.
///
/// Cheap to clone: all messages of one connection share one value.
#[derive(Clone)]
pub struct TlsInfo(Arc<Facts>);

struct Facts {
    protocol: &'static str,
    cipher_suite: String,
    key_exchange_group: Option<&'static str>,
    alpn: Option<String>,
    resumed: bool,
    peer_certificates: Vec<Bytes>,
    certificate_error: Option<NetError>,
}

impl TlsInfo {
    pub(super) fn of(connection: &ClientConnection) -> Self {
        let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
        let group = connection.negotiated_key_exchange_group().map(|group| group.name());
        Self(Arc::new(Facts {
            protocol: connection.protocol_version().map_or("unknown", protocol_name),
            cipher_suite: suite_name(suite.and_then(|suite| suite.as_str()).unwrap_or("unknown")),
            key_exchange_group: group.and_then(|group| group.as_str()),
            alpn: connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            peer_certificates: connection
                .peer_certificates()
                .unwrap_or_default()
                .iter()
                .map(|certificate| Bytes::copy_from_slice(certificate))
                .collect(),
            certificate_error: None,
        }))
    }

    /// The same, of a server that was accepted in spite of this.
    pub(super) fn with_certificate_error(mut self, error: Option<NetError>) -> Self {
        if let Some(facts) = Arc::get_mut(&mut self.0) {
            facts.certificate_error = error;
        }
        self
    }

    /// The version as OpenSSL and Node write it: `TLSv1.3` or `TLSv1.2`.
    pub fn protocol(&self) -> &str {
        self.0.protocol
    }

    /// The cipher suite's name in IANA's registry, for example `TLS_AES_128_GCM_SHA256`.
    pub fn cipher_suite(&self) -> &str {
        &self.0.cipher_suite
    }

    /// The key exchange group's name in IANA's registry, for example `X25519MLKEM768` or
    /// `secp256r1`; `None` where a resumed TLS 1.2 connection exchanged no keys.
    pub fn key_exchange_group(&self) -> Option<&str> {
        self.0.key_exchange_group
    }

    /// The application protocol the server chose, for example `h2` or `http/1.1`; `None` when it
    /// chose none.
    pub fn alpn(&self) -> Option<&str> {
        self.0.alpn.as_deref()
    }

    /// Whether a session of an earlier connection was resumed. The certificates are then those of
    /// that connection.
    pub fn is_resumed(&self) -> bool {
        self.0.resumed
    }

    /// The server's certificates in DER, its own first, as the server sent them: the root is
    /// usually not among them.
    pub fn peer_certificates(&self) -> &[Bytes] {
        &self.0.peer_certificates
    }

    /// What is wrong with the certificates, where the session's owner accepted them all the same
    /// ([`Session::set_certificate_verify_proc`](crate::Session::set_certificate_verify_proc)).
    pub fn certificate_error(&self) -> Option<NetError> {
        self.0.certificate_error
    }
}

impl fmt::Debug for TlsInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TlsInfo")
            .field("protocol", &self.protocol())
            .field("cipher_suite", &self.cipher_suite())
            .field("key_exchange_group", &self.key_exchange_group())
            .field("alpn", &self.alpn())
            .field("resumed", &self.is_resumed())
            .field("peer_certificates", &self.peer_certificates().len())
            .finish()
    }
}

fn protocol_name(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        other => other.as_str().unwrap_or("unknown"),
    }
}

/// The TLS library spells `TLS13_` where the registry says `TLS_`.
fn suite_name(name: &str) -> String {
    match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cipher_suites_have_the_registered_names() {
        for (ours, registered) in [
            ("TLS13_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        ] {
            assert_eq!(suite_name(ours), registered);
        }
    }
}
