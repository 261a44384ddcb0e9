//! The names of failure: Chromium's network error codes and the phases of a request.
//!
//! One table holds each code of Chromium's `net/base/net_error_list.h` with its name, its number, a
//! sentence and the phases it can belong to. The numbers that Chromium has retired since 2023 are
//! there as well: they stay reserved, and code written for an older Electron compares with them.
//!
//! The table knows codes only. The cause, the address or the URL of a failure belong to the engine's
//! own error; nothing here holds data from the network.

use std::error::Error;
use std::fmt;
use std::io;
use std::str::FromStr;

/// A step on the way of one request, in the order of events.
///
/// `Display` and `FromStr` use the lower-case name: `resolve`, `connect`, `proxy`, `tls`, `send`,
/// `wait`, `receive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// A host name is turned into addresses.
    Resolve,
    /// A transport connection is made, to the server or to a proxy.
    Connect,
    /// A proxy is chosen, or asked for a way to the server (SOCKS, `CONNECT`).
    Proxy,
    /// The TLS handshake, and the verdict on certificates.
    Tls,
    /// The request's head and body are written.
    Send,
    /// The request is out; the response's head has not come whole.
    Wait,
    /// The response's body is read and decoded.
    Receive,
}

impl Phase {
    /// Every phase, in the order of events.
    pub const ALL: &[Self] = &[
        Self::Resolve,
        Self::Connect,
        Self::Proxy,
        Self::Tls,
        Self::Send,
        Self::Wait,
        Self::Receive,
    ];

    /// The lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Send => "send",
            Self::Wait => "wait",
            Self::Receive => "receive",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Phase {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .iter()
            .copied()
            .find(|phase| phase.name() == text)
            .ok_or_else(|| UnknownName::new("phase", text))
    }
}

/// A text that names no network error, or no phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    kind: &'static str,
    text: String,
}

impl UnknownName {
    fn new(kind: &'static str, text: &str) -> Self {
        Self { kind, text: text.chars().take(MAX_SHOWN).collect() }
    }

    /// The text as it was given, cut to its first 80 characters.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} {:?}", self.kind, self.text)
    }
}

impl Error for UnknownName {}

impl NetError {
    /// The code for an operating system's error that came up in `phase`.
    ///
    /// An `io::Error` that carries a `NetError` gives back that one. While resolving, everything but
    /// a lack of resources is `NameNotResolved`: `getaddrinfo` reports its failures without a kind.
    /// While connecting, a time-out is `ConnectionTimedOut`, a missing permission is
    /// `NetworkAccessDenied`, and what has no code of its own is `ConnectionFailed`; in every other
    /// phase they are `TimedOut`, `NetworkAccessDenied` and `Failed`.
    ///
    /// Chromium `MapSystemError` (`net/base/net_errors_posix.cc`) and `MapConnectError`
    /// (`net/socket/tcp_socket_posix.cc`). It differs in two places: a lack of memory or of buffers
    /// is `InsufficientResources`, as running out of file descriptors is, because all of them pass
    /// once the load has gone; and the end of input where more was expected is `ConnectionClosed`.
    pub fn from_io(error: &io::Error, phase: Phase) -> Self {
        if let Some(inner) = error.get_ref()
            && let Some(carried) = inner.downcast_ref::<Self>()
        {
            return *carried;
        }
        let code = error.raw_os_error().and_then(from_os_code).or_else(|| from_kind(error.kind()));
        match (phase, code) {
            (_, Some(Self::InsufficientResources)) => Self::InsufficientResources,
            (Phase::Resolve, _) => Self::NameNotResolved,
            (Phase::Connect, Some(Self::TimedOut)) => Self::ConnectionTimedOut,
            (Phase::Connect, None) => Self::ConnectionFailed,
            (_, Some(code)) => code,
            (_, None) => Self::Failed,
        }
    }
}

/// The code for a kind, or `None` where Chromium has no better word than "failed".
fn from_kind(kind: io::ErrorKind) -> Option<NetError> {
    use io::ErrorKind as Kind;
    Some(match kind {
        Kind::ConnectionRefused => NetError::ConnectionRefused,
        Kind::ConnectionReset | Kind::BrokenPipe => NetError::ConnectionReset,
        Kind::ConnectionAborted => NetError::ConnectionAborted,
        Kind::UnexpectedEof => NetError::ConnectionClosed,
        Kind::TimedOut => NetError::TimedOut,
        Kind::HostUnreachable | Kind::NetworkUnreachable => NetError::AddressUnreachable,
        Kind::NetworkDown => NetError::InternetDisconnected,
        Kind::AddrInUse => NetError::AddressInUse,
        Kind::AddrNotAvailable => NetError::AddressInvalid,
        Kind::NotConnected => NetError::SocketNotConnected,
        Kind::PermissionDenied => NetError::NetworkAccessDenied,
        Kind::OutOfMemory | Kind::ResourceBusy | Kind::Deadlock => NetError::InsufficientResources,
        Kind::InvalidInput | Kind::ArgumentListTooLong => NetError::InvalidArgument,
        Kind::Unsupported => NetError::NotImplemented,
        Kind::WouldBlock => NetError::IoPending,
        Kind::NotFound | Kind::NotADirectory => NetError::FileNotFound,
        Kind::AlreadyExists => NetError::FileExists,
        Kind::FileTooLarge => NetError::FileTooBig,
        Kind::InvalidFilename => NetError::FilePathTooLong,
        Kind::StorageFull | Kind::QuotaExceeded => NetError::FileNoSpace,
        Kind::IsADirectory | Kind::ReadOnlyFilesystem | Kind::ExecutableFileBusy => {
            NetError::AccessDenied
        }
        // `ErrorKind` belongs to the standard library and grows.
        _ => return None,
    })
}

/// The system errors that `io::ErrorKind` does not tell apart.
fn from_os_code(code: i32) -> Option<NetError> {
    OS_CODES.iter().find(|(known, _)| *known == code).map(|(_, error)| *error)
}

macro_rules! net_errors {
    ($($variant:ident = $code:literal, $name:literal, $phases:ident, $description:literal;)*) => {
        /// A network error by Chromium's name and number.
        ///
        /// `Display` and `FromStr` use the form that Electron's users meet, `net::ERR_FAILED`;
        /// `FromStr` takes `ERR_FAILED` as well.
        ///
        /// Chromium `net/base/net_error_list.h`.
        #[non_exhaustive]
        #[repr(i32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum NetError {
            $(#[doc = $description] $variant = $code,)*
        }

        impl NetError {
            /// Every code, from -1 downwards.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The number, always negative.
            pub const fn code(self) -> i32 {
                self as i32
            }

            /// The name with its prefix: `ERR_FAILED`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One English sentence on what happened.
            // By reference: taken by value, `Error::description` would win on a `&NetError`.
            pub const fn description(&self) -> &'static str {
                match self { $(Self::$variant => $description,)* }
            }

            /// The phases in which this can come up, in the order of events.
            ///
            /// Empty for what fails before the first phase (the URL, the cache) or beside a request.
            pub const fn phases(self) -> &'static [Phase] {
                match self { $(Self::$variant => phases::$phases,)* }
            }

            /// The error of that number, or `None` for a number Chromium does not use.
            pub fn from_code(code: i32) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl FromStr for NetError {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text.strip_prefix("net::").unwrap_or(text) {
                    $($name => Ok(Self::$variant),)*
                    _ => Err(UnknownName::new("network error", text)),
                }
            }
        }
    };
}

net_errors! {
    // System
    IoPending = -1, "ERR_IO_PENDING", NONE, "The operation has begun and its result comes later.";
    Failed = -2, "ERR_FAILED", ANY, "The request failed for a reason that has no code of its own.";
    Aborted = -3, "ERR_ABORTED", ANY, "The caller ended the request before it was complete.";
    InvalidArgument = -4, "ERR_INVALID_ARGUMENT", ANY,
        "A value given by the caller is not allowed, such as a restricted header.";
    InvalidHandle = -5, "ERR_INVALID_HANDLE", ANY, "A file or socket handle is not valid.";
    FileNotFound = -6, "ERR_FILE_NOT_FOUND", SEND, "A file or folder does not exist.";
    TimedOut = -7, "ERR_TIMED_OUT", ANY, "The operation took longer than it was allowed to.";
    FileTooBig = -8, "ERR_FILE_TOO_BIG", ANY, "A file is larger than it may be.";
    Unexpected = -9, "ERR_UNEXPECTED", ANY,
        "Something happened that the program rules out; this is a bug.";
    AccessDenied = -10, "ERR_ACCESS_DENIED", ANY,
        "The operating system denies access to something other than the network.";
    NotImplemented = -11, "ERR_NOT_IMPLEMENTED", ANY, "The operation is not available here.";
    InsufficientResources = -12, "ERR_INSUFFICIENT_RESOURCES", ANY,
        "The system is short of file descriptors, buffers or threads.";
    OutOfMemory = -13, "ERR_OUT_OF_MEMORY", ANY, "Memory could not be allocated.";
    UploadFileChanged = -14, "ERR_UPLOAD_FILE_CHANGED", SEND,
        "A file changed between being chosen for upload and being read.";
    SocketNotConnected = -15, "ERR_SOCKET_NOT_CONNECTED", DIAL_OR_EXCHANGE,
        "The socket is not connected.";
    FileExists = -16, "ERR_FILE_EXISTS", NONE, "A file that was to be created exists already.";
    FilePathTooLong = -17, "ERR_FILE_PATH_TOO_LONG", ANY,
        "A path or file name is longer than the system allows.";
    FileNoSpace = -18, "ERR_FILE_NO_SPACE", ANY, "The disk or the user's quota is full.";
    FileVirusInfected = -19, "ERR_FILE_VIRUS_INFECTED", NONE, "A virus scanner refused the file.";
    BlockedByClient = -20, "ERR_BLOCKED_BY_CLIENT", ANY,
        "A hook or filter of the caller cancelled the request.";
    NetworkChanged = -21, "ERR_NETWORK_CHANGED", ANY,
        "The machine's network changed while the request was under way.";
    BlockedByAdministrator = -22, "ERR_BLOCKED_BY_ADMINISTRATOR", NONE,
        "An administrator's list of blocked URLs contains this one.";
    SocketIsConnected = -23, "ERR_SOCKET_IS_CONNECTED", CONNECT, "The socket is connected already.";
    UploadStreamRewindNotSupported = -25, "ERR_UPLOAD_STREAM_REWIND_NOT_SUPPORTED", SEND,
        "The body must be sent again and cannot be read a second time.";
    ContextShutDown = -26, "ERR_CONTEXT_SHUT_DOWN", ANY, "The session was closed.";
    BlockedByResponse = -27, "ERR_BLOCKED_BY_RESPONSE", ANSWER,
        "The response forbids its use here by one of its header fields.";
    CleartextNotPermitted = -29, "ERR_CLEARTEXT_NOT_PERMITTED", NONE,
        "A system policy forbids requests without TLS.";
    BlockedByCsp = -30, "ERR_BLOCKED_BY_CSP", NONE,
        "A Content Security Policy forbids the request.";
    H2OrQuicRequired = -31, "ERR_H2_OR_QUIC_REQUIRED", CONNECT,
        "The request needs HTTP/2 or QUIC and there is no such session.";
    BlockedByOrb = -32, "ERR_BLOCKED_BY_ORB", ANSWER,
        "Opaque Response Blocking withholds the response.";
    NetworkAccessRevoked = -33, "ERR_NETWORK_ACCESS_REVOKED", ANY,
        "The frame that made the request has given up network access.";
    BlockedByFingerprintingProtection = -34, "ERR_BLOCKED_BY_FINGERPRINTING_PROTECTION", NONE,
        "A filter against fingerprinting cancelled the request.";
    BlockedInIncognitoByAdministrator = -35, "ERR_BLOCKED_IN_INCOGNITO_BY_ADMINISTRATOR", NONE,
        "An administrator blocks this URL in private windows.";
    LocalNetworkPermissionMissing = -36, "ERR_LOCAL_NETWORK_PERMISSION_MISSING", CONNECT,
        "The permission to reach the local network is missing.";
    StrictEchRequired = -37, "ERR_STRICT_ECH_REQUIRED", TLS,
        "Encrypted Client Hello is mandatory and could not be used.";
    // Connection
    ConnectionClosed = -100, "ERR_CONNECTION_CLOSED", DIAL_OR_EXCHANGE,
        "The peer closed the connection (TCP FIN).";
    ConnectionReset = -101, "ERR_CONNECTION_RESET", DIAL_OR_EXCHANGE,
        "The peer reset the connection (TCP RST).";
    ConnectionRefused = -102, "ERR_CONNECTION_REFUSED", CONNECT,
        "Nothing accepts connections at that address and port.";
    ConnectionAborted = -103, "ERR_CONNECTION_ABORTED", DIAL_OR_EXCHANGE,
        "The connection was given up because sent data was never acknowledged.";
    ConnectionFailed = -104, "ERR_CONNECTION_FAILED", CONNECT, "The connection could not be made.";
    NameNotResolved = -105, "ERR_NAME_NOT_RESOLVED", RESOLVE, "The host name has no address.";
    InternetDisconnected = -106, "ERR_INTERNET_DISCONNECTED", RESOLVE_OR_CONNECT,
        "The machine has no network connection.";
    SslProtocolError = -107, "ERR_SSL_PROTOCOL_ERROR", TLS_OR_EXCHANGE,
        "The peer broke the TLS protocol.";
    AddressInvalid = -108, "ERR_ADDRESS_INVALID", CONNECT,
        "The address or port cannot be connected to.";
    AddressUnreachable = -109, "ERR_ADDRESS_UNREACHABLE", CONNECT,
        "There is no route to the address.";
    SslClientAuthCertNeeded = -110, "ERR_SSL_CLIENT_AUTH_CERT_NEEDED", TLS_OR_EXCHANGE,
        "The server asks for a client certificate.";
    TunnelConnectionFailed = -111, "ERR_TUNNEL_CONNECTION_FAILED", PROXY,
        "The proxy did not open a tunnel to the server.";
    NoSslVersionsEnabled = -112, "ERR_NO_SSL_VERSIONS_ENABLED", TLS,
        "Every version of TLS is switched off.";
    SslVersionOrCipherMismatch = -113, "ERR_SSL_VERSION_OR_CIPHER_MISMATCH", TLS,
        "Client and server share no TLS version or no cipher suite.";
    SslRenegotiationRequested = -114, "ERR_SSL_RENEGOTIATION_REQUESTED", EXCHANGE,
        "The server asked for a new TLS handshake within the connection.";
    ProxyAuthUnsupported = -115, "ERR_PROXY_AUTH_UNSUPPORTED", PROXY,
        "The proxy asks for a login by a scheme that is not supported.";
    BadSslClientAuthCert = -117, "ERR_BAD_SSL_CLIENT_AUTH_CERT", TLS_OR_EXCHANGE,
        "The server refused the client certificate, or the lack of one.";
    ConnectionTimedOut = -118, "ERR_CONNECTION_TIMED_OUT", CONNECT,
        "The address did not answer in time.";
    HostResolverQueueTooLarge = -119, "ERR_HOST_RESOLVER_QUEUE_TOO_LARGE", RESOLVE,
        "Too many names are waiting to be resolved.";
    SocksConnectionFailed = -120, "ERR_SOCKS_CONNECTION_FAILED", PROXY,
        "The SOCKS proxy did not connect to the server.";
    SocksConnectionHostUnreachable = -121, "ERR_SOCKS_CONNECTION_HOST_UNREACHABLE", PROXY,
        "The SOCKS proxy cannot reach the server's host.";
    AlpnNegotiationFailed = -122, "ERR_ALPN_NEGOTIATION_FAILED", TLS,
        "Client and server agreed on no application protocol.";
    SslNoRenegotiation = -123, "ERR_SSL_NO_RENEGOTIATION", TLS_OR_EXCHANGE,
        "The peer refuses to renegotiate TLS.";
    WinsockUnexpectedWrittenBytes = -124, "ERR_WINSOCK_UNEXPECTED_WRITTEN_BYTES", SEND,
        "Winsock reports more bytes written than were given to it.";
    SslDecompressionFailureAlert = -125, "ERR_SSL_DECOMPRESSION_FAILURE_ALERT", TLS_OR_EXCHANGE,
        "The peer could not decompress a TLS record.";
    SslBadRecordMacAlert = -126, "ERR_SSL_BAD_RECORD_MAC_ALERT", TLS_OR_EXCHANGE,
        "The peer received a TLS record whose checksum was wrong.";
    ProxyAuthRequested = -127, "ERR_PROXY_AUTH_REQUESTED", PROXY,
        "The proxy asks for a login before it opens a tunnel.";
    ProxyConnectionFailed = -130, "ERR_PROXY_CONNECTION_FAILED", RESOLVE_OR_CONNECT_OR_PROXY,
        "The proxy itself could not be resolved or connected to.";
    MandatoryProxyConfigurationFailed = -131, "ERR_MANDATORY_PROXY_CONFIGURATION_FAILED", PROXY,
        "The proxy configuration that must be used could not be loaded.";
    PreconnectMaxSocketLimit = -133, "ERR_PRECONNECT_MAX_SOCKET_LIMIT", CONNECT,
        "The pool is full, so no connection is made in advance.";
    SslClientAuthPrivateKeyAccessDenied = -134,
        "ERR_SSL_CLIENT_AUTH_PRIVATE_KEY_ACCESS_DENIED", TLS,
        "Access to the client certificate's private key was denied.";
    SslClientAuthCertNoPrivateKey = -135, "ERR_SSL_CLIENT_AUTH_CERT_NO_PRIVATE_KEY", TLS,
        "The client certificate has no private key.";
    ProxyCertificateInvalid = -136, "ERR_PROXY_CERTIFICATE_INVALID", PROXY,
        "The HTTPS proxy's certificate is not valid.";
    NameResolutionFailed = -137, "ERR_NAME_RESOLUTION_FAILED", RESOLVE,
        "Name resolution itself failed.";
    NetworkAccessDenied = -138, "ERR_NETWORK_ACCESS_DENIED", CONNECT,
        "The operating system or a firewall denies access to the network.";
    TemporarilyThrottled = -139, "ERR_TEMPORARILY_THROTTLED", NONE,
        "Requests to this server are being held back after repeated failures.";
    HttpsProxyTunnelResponseRedirect = -140, "ERR_HTTPS_PROXY_TUNNEL_RESPONSE_REDIRECT", PROXY,
        "The proxy answered the request for a tunnel with a redirect.";
    SslClientAuthSignatureFailed = -141, "ERR_SSL_CLIENT_AUTH_SIGNATURE_FAILED", TLS,
        "Signing with the client certificate's private key failed.";
    MsgTooBig = -142, "ERR_MSG_TOO_BIG", EXCHANGE, "The message is too large for its transport.";
    WsProtocolError = -145, "ERR_WS_PROTOCOL_ERROR", EXCHANGE,
        "The peer broke the WebSocket protocol.";
    AddressInUse = -147, "ERR_ADDRESS_IN_USE", CONNECT, "The local address is in use already.";
    SslHandshakeNotCompleted = -148, "ERR_SSL_HANDSHAKE_NOT_COMPLETED", TLS,
        "The operation needs a finished TLS handshake.";
    SslBadPeerPublicKey = -149, "ERR_SSL_BAD_PEER_PUBLIC_KEY", TLS,
        "The peer's public key is not valid.";
    SslPinnedKeyNotInCertChain = -150, "ERR_SSL_PINNED_KEY_NOT_IN_CERT_CHAIN", TLS,
        "The certificate chain holds none of the keys pinned for this host.";
    ClientAuthCertTypeUnsupported = -151, "ERR_CLIENT_AUTH_CERT_TYPE_UNSUPPORTED", TLS,
        "The server accepts no type of client certificate that is supported.";
    SslDecryptErrorAlert = -153, "ERR_SSL_DECRYPT_ERROR_ALERT", TLS_OR_EXCHANGE,
        "The peer could not verify a signature or a Finished message.";
    WsThrottleQueueTooLarge = -154, "ERR_WS_THROTTLE_QUEUE_TOO_LARGE", CONNECT,
        "Too many WebSocket connections are waiting.";
    SslServerCertChanged = -156, "ERR_SSL_SERVER_CERT_CHANGED", TLS_OR_EXCHANGE,
        "The server's certificate changed within a connection.";
    SslUnrecognizedNameAlert = -159, "ERR_SSL_UNRECOGNIZED_NAME_ALERT", TLS,
        "The server does not know the host name it was asked for.";
    SocketSetReceiveBufferSizeError = -160, "ERR_SOCKET_SET_RECEIVE_BUFFER_SIZE_ERROR", CONNECT,
        "The socket's receive buffer could not be sized.";
    SocketSetSendBufferSizeError = -161, "ERR_SOCKET_SET_SEND_BUFFER_SIZE_ERROR", CONNECT,
        "The socket's send buffer could not be sized.";
    SocketReceiveBufferSizeUnchangeable = -162,
        "ERR_SOCKET_RECEIVE_BUFFER_SIZE_UNCHANGEABLE", CONNECT,
        "The system ignored the size set for the receive buffer.";
    SocketSendBufferSizeUnchangeable = -163, "ERR_SOCKET_SEND_BUFFER_SIZE_UNCHANGEABLE", CONNECT,
        "The system ignored the size set for the send buffer.";
    SslClientAuthCertBadFormat = -164, "ERR_SSL_CLIENT_AUTH_CERT_BAD_FORMAT", TLS,
        "The client certificate cannot be read.";
    IcannNameCollision = -166, "ERR_ICANN_NAME_COLLISION", RESOLVE,
        "The name resolves to 127.0.53.53, the sign of a name collision.";
    SslServerCertBadFormat = -167, "ERR_SSL_SERVER_CERT_BAD_FORMAT", TLS,
        "The server's certificate cannot be decoded.";
    CtSthParsingFailed = -168, "ERR_CT_STH_PARSING_FAILED", NONE,
        "A Certificate Transparency tree head cannot be parsed.";
    CtSthIncomplete = -169, "ERR_CT_STH_INCOMPLETE", NONE,
        "A Certificate Transparency tree head lacks fields.";
    UnableToReuseConnectionForProxyAuth = -170,
        "ERR_UNABLE_TO_REUSE_CONNECTION_FOR_PROXY_AUTH", PROXY,
        "The proxy login needs a new connection.";
    CtConsistencyProofParsingFailed = -171, "ERR_CT_CONSISTENCY_PROOF_PARSING_FAILED", NONE,
        "A Certificate Transparency consistency proof cannot be parsed.";
    SslObsoleteCipher = -172, "ERR_SSL_OBSOLETE_CIPHER", TLS,
        "The server insists on a cipher suite that is no longer supported.";
    WsUpgrade = -173, "ERR_WS_UPGRADE", WAIT,
        "The connection became a WebSocket, so the HTTP request ends here.";
    ReadIfReadyNotImplemented = -174, "ERR_READ_IF_READY_NOT_IMPLEMENTED", NONE,
        "The socket cannot read without a buffer.";
    NoBufferSpace = -176, "ERR_NO_BUFFER_SPACE", DIAL_OR_EXCHANGE,
        "The system has no buffer space for sockets.";
    SslClientAuthNoCommonAlgorithms = -177, "ERR_SSL_CLIENT_AUTH_NO_COMMON_ALGORITHMS", TLS,
        "The server accepts no signature the client's key can make.";
    EarlyDataRejected = -178, "ERR_EARLY_DATA_REJECTED", TLS_OR_EXCHANGE,
        "The server rejected TLS 1.3 early data.";
    WrongVersionOnEarlyData = -179, "ERR_WRONG_VERSION_ON_EARLY_DATA", TLS_OR_EXCHANGE,
        "The server answered early data with a TLS version before 1.3.";
    Tls13DowngradeDetected = -180, "ERR_TLS13_DOWNGRADE_DETECTED", TLS,
        "Something between client and server forced TLS below 1.3.";
    SslKeyUsageIncompatible = -181, "ERR_SSL_KEY_USAGE_INCOMPATIBLE", TLS,
        "The server's certificate may not be used for this key exchange.";
    InvalidEchConfigList = -182, "ERR_INVALID_ECH_CONFIG_LIST", TLS,
        "The Encrypted Client Hello settings found in DNS cannot be parsed.";
    EchNotNegotiated = -183, "ERR_ECH_NOT_NEGOTIATED", TLS,
        "The server could not decrypt the Encrypted Client Hello.";
    EchFallbackCertificateInvalid = -184, "ERR_ECH_FALLBACK_CERTIFICATE_INVALID", TLS,
        "The certificate that should vouch for an ECH retry is not valid.";
    ProxyUnableToConnectToDestination = -186, "ERR_PROXY_UNABLE_TO_CONNECT_TO_DESTINATION", PROXY,
        "The proxy reports that it cannot connect to the server.";
    ProxyDelegateCanceledConnectRequest = -187,
        "ERR_PROXY_DELEGATE_CANCELED_CONNECT_REQUEST", PROXY,
        "A hook cancelled the tunnel before it was requested.";
    ProxyDelegateCanceledConnectResponse = -188,
        "ERR_PROXY_DELEGATE_CANCELED_CONNECT_RESPONSE", PROXY,
        "A hook cancelled the tunnel after the proxy's answer.";
    ControlMsgTooBig = -189, "ERR_CONTROL_MSG_TOO_BIG", EXCHANGE,
        "The control data of a message is too large for its transport.";
    MulticastNotAllowed = -190, "ERR_MULTICAST_NOT_ALLOWED", CONNECT,
        "Multicast addresses are not allowed here.";
    // Certificate
    CertCommonNameInvalid = -200, "ERR_CERT_COMMON_NAME_INVALID", TLS,
        "The certificate is for another host name.";
    CertDateInvalid = -201, "ERR_CERT_DATE_INVALID", TLS,
        "The certificate has expired or is not valid yet.";
    CertAuthorityInvalid = -202, "ERR_CERT_AUTHORITY_INVALID", TLS,
        "The certificate is not signed by a trusted authority.";
    CertContainsErrors = -203, "ERR_CERT_CONTAINS_ERRORS", TLS, "The certificate contains errors.";
    CertNoRevocationMechanism = -204, "ERR_CERT_NO_REVOCATION_MECHANISM", TLS,
        "The certificate offers no way to learn whether it is revoked.";
    CertUnableToCheckRevocation = -205, "ERR_CERT_UNABLE_TO_CHECK_REVOCATION", TLS,
        "Whether the certificate is revoked could not be learnt.";
    CertRevoked = -206, "ERR_CERT_REVOKED", TLS, "The certificate is revoked.";
    CertInvalid = -207, "ERR_CERT_INVALID", TLS, "The certificate is not valid.";
    CertWeakSignatureAlgorithm = -208, "ERR_CERT_WEAK_SIGNATURE_ALGORITHM", TLS,
        "The certificate is signed with a weak algorithm.";
    CertNonUniqueName = -210, "ERR_CERT_NON_UNIQUE_NAME", TLS,
        "The certificate's host name is not unique on the Internet.";
    CertWeakKey = -211, "ERR_CERT_WEAK_KEY", TLS, "The certificate's key is too weak.";
    CertNameConstraintViolation = -212, "ERR_CERT_NAME_CONSTRAINT_VIOLATION", TLS,
        "The certificate names hosts its issuer may not vouch for.";
    CertValidityTooLong = -213, "ERR_CERT_VALIDITY_TOO_LONG", TLS,
        "The certificate is valid for longer than allowed.";
    CertificateTransparencyRequired = -214, "ERR_CERTIFICATE_TRANSPARENCY_REQUIRED", TLS,
        "The certificate lacks the Certificate Transparency proof it needs.";
    CertSymantecLegacy = -215, "ERR_CERT_SYMANTEC_LEGACY", TLS,
        "The certificate comes from a Symantec root that is no longer trusted.";
    CertKnownInterceptionBlocked = -217, "ERR_CERT_KNOWN_INTERCEPTION_BLOCKED", TLS,
        "The certificate is known to be used for interception.";
    CertSelfSignedLocalNetwork = -219, "ERR_CERT_SELF_SIGNED_LOCAL_NETWORK", TLS,
        "The certificate of a host on the local network is self-signed.";
    CertEnd = -220, "ERR_CERT_END", NONE, "No error: the number after the last certificate error.";
    // HTTP
    InvalidUrl = -300, "ERR_INVALID_URL", NONE, "The URL cannot be parsed.";
    DisallowedUrlScheme = -301, "ERR_DISALLOWED_URL_SCHEME", NONE,
        "The URL's scheme is not allowed.";
    UnknownUrlScheme = -302, "ERR_UNKNOWN_URL_SCHEME", NONE, "The URL's scheme is not known.";
    InvalidRedirect = -303, "ERR_INVALID_REDIRECT", WAIT,
        "The redirect leads to a URL that cannot be parsed.";
    TooManyRedirects = -310, "ERR_TOO_MANY_REDIRECTS", WAIT,
        "More redirects followed each other than are allowed.";
    UnsafeRedirect = -311, "ERR_UNSAFE_REDIRECT", WAIT,
        "The redirect leads to a scheme that may not be reached this way.";
    UnsafePort = -312, "ERR_UNSAFE_PORT", NONE,
        "The URL's port belongs to another service and is blocked.";
    InvalidResponse = -320, "ERR_INVALID_RESPONSE", ANSWER, "The server's response is not valid.";
    InvalidChunkedEncoding = -321, "ERR_INVALID_CHUNKED_ENCODING", RECEIVE,
        "The body's chunked framing is broken.";
    MethodNotSupported = -322, "ERR_METHOD_NOT_SUPPORTED", NONE,
        "The method cannot be used with this scheme.";
    UnexpectedProxyAuth = -323, "ERR_UNEXPECTED_PROXY_AUTH", WAIT,
        "A server that is no proxy answered 407.";
    EmptyResponse = -324, "ERR_EMPTY_RESPONSE", WAIT,
        "The server closed the connection without sending a byte.";
    ResponseHeadersTooBig = -325, "ERR_RESPONSE_HEADERS_TOO_BIG", WAIT,
        "The response's header section is too large.";
    PacScriptFailed = -327, "ERR_PAC_SCRIPT_FAILED", PROXY,
        "The proxy auto-configuration script failed.";
    RequestRangeNotSatisfiable = -328, "ERR_REQUEST_RANGE_NOT_SATISFIABLE", WAIT,
        "The server cannot satisfy the requested range (416).";
    MalformedIdentity = -329, "ERR_MALFORMED_IDENTITY", NONE,
        "The user name or password given for a login is not valid.";
    ContentDecodingFailed = -330, "ERR_CONTENT_DECODING_FAILED", RECEIVE,
        "The body does not decode by its Content-Encoding.";
    NetworkIoSuspended = -331, "ERR_NETWORK_IO_SUSPENDED", ANY,
        "The machine is suspended, and all network traffic with it.";
    SynReplyNotReceived = -332, "ERR_SYN_REPLY_NOT_RECEIVED", ANSWER,
        "Data came on a stream before its head.";
    EncodingConversionFailed = -333, "ERR_ENCODING_CONVERSION_FAILED", RECEIVE,
        "The response could not be converted to another text encoding.";
    UnrecognizedFtpDirectoryListingFormat = -334,
        "ERR_UNRECOGNIZED_FTP_DIRECTORY_LISTING_FORMAT", RECEIVE,
        "The FTP server lists folders in an unknown format.";
    NoSupportedProxies = -336, "ERR_NO_SUPPORTED_PROXIES", PROXY,
        "None of the configured proxies can be used.";
    Http2ProtocolError = -337, "ERR_HTTP2_PROTOCOL_ERROR", TLS_OR_EXCHANGE,
        "The peer broke the HTTP/2 protocol.";
    InvalidAuthCredentials = -338, "ERR_INVALID_AUTH_CREDENTIALS", WAIT_OR_PROXY,
        "The credentials for a login could not be established.";
    UnsupportedAuthScheme = -339, "ERR_UNSUPPORTED_AUTH_SCHEME", WAIT_OR_PROXY,
        "The login scheme is not supported on this machine.";
    EncodingDetectionFailed = -340, "ERR_ENCODING_DETECTION_FAILED", RECEIVE,
        "The response's text encoding could not be determined.";
    MissingAuthCredentials = -341, "ERR_MISSING_AUTH_CREDENTIALS", WAIT_OR_PROXY,
        "There are no Kerberos credentials to log in with.";
    UnexpectedSecurityLibraryStatus = -342, "ERR_UNEXPECTED_SECURITY_LIBRARY_STATUS", WAIT_OR_PROXY,
        "The system's login library reports an unexpected status.";
    MisconfiguredAuthEnvironment = -343, "ERR_MISCONFIGURED_AUTH_ENVIRONMENT", WAIT_OR_PROXY,
        "Kerberos or SSPI is not set up for this login.";
    UndocumentedSecurityLibraryStatus = -344,
        "ERR_UNDOCUMENTED_SECURITY_LIBRARY_STATUS", WAIT_OR_PROXY,
        "The system's login library reports an undocumented status.";
    ResponseBodyTooBigToDrain = -345, "ERR_RESPONSE_BODY_TOO_BIG_TO_DRAIN", RECEIVE,
        "The body is too large to be read and thrown away.";
    ResponseHeadersMultipleContentLength = -346,
        "ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH", WAIT,
        "The response has several Content-Length fields that differ.";
    IncompleteHttp2Headers = -347, "ERR_INCOMPLETE_HTTP2_HEADERS", WAIT,
        "The HTTP/2 response lacks required header fields.";
    PacNotInDhcp = -348, "ERR_PAC_NOT_IN_DHCP", PROXY,
        "DHCP gives no address of a proxy auto-configuration script.";
    ResponseHeadersMultipleContentDisposition = -349,
        "ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_DISPOSITION", WAIT,
        "The response has several Content-Disposition fields that differ.";
    ResponseHeadersMultipleLocation = -350, "ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION", WAIT,
        "The response has several Location fields that differ.";
    Http2ServerRefusedStream = -351, "ERR_HTTP2_SERVER_REFUSED_STREAM", EXCHANGE,
        "The HTTP/2 server refused the request before acting on it.";
    Http2PingFailed = -352, "ERR_HTTP2_PING_FAILED", EXCHANGE,
        "The HTTP/2 server did not answer a PING.";
    ContentLengthMismatch = -354, "ERR_CONTENT_LENGTH_MISMATCH", RECEIVE,
        "The body ended before the length announced by Content-Length.";
    IncompleteChunkedEncoding = -355, "ERR_INCOMPLETE_CHUNKED_ENCODING", RECEIVE,
        "The connection closed before the body's last chunk.";
    QuicProtocolError = -356, "ERR_QUIC_PROTOCOL_ERROR", DIAL_OR_EXCHANGE,
        "The peer broke the QUIC protocol.";
    ResponseHeadersTruncated = -357, "ERR_RESPONSE_HEADERS_TRUNCATED", WAIT,
        "The connection closed within the response's header section.";
    QuicHandshakeFailed = -358, "ERR_QUIC_HANDSHAKE_FAILED", DIAL, "The QUIC handshake failed.";
    Http2InadequateTransportSecurity = -360,
        "ERR_HTTP2_INADEQUATE_TRANSPORT_SECURITY", TLS_OR_EXCHANGE,
        "The TLS parameters are too weak for HTTP/2.";
    Http2FlowControlError = -361, "ERR_HTTP2_FLOW_CONTROL_ERROR", EXCHANGE,
        "The peer overran HTTP/2 flow control.";
    Http2FrameSizeError = -362, "ERR_HTTP2_FRAME_SIZE_ERROR", EXCHANGE,
        "The peer sent an HTTP/2 frame of a forbidden size.";
    Http2CompressionError = -363, "ERR_HTTP2_COMPRESSION_ERROR", EXCHANGE,
        "Compressed HTTP/2 header fields could not be coded or decoded.";
    ProxyAuthRequestedWithNoConnection = -364, "ERR_PROXY_AUTH_REQUESTED_WITH_NO_CONNECTION", PROXY,
        "The proxy asks for a login and has dropped the connection.";
    Http11Required = -365, "ERR_HTTP_1_1_REQUIRED", EXCHANGE,
        "The server accepts this request only by HTTP/1.1.";
    ProxyHttp11Required = -366, "ERR_PROXY_HTTP_1_1_REQUIRED", PROXY,
        "The proxy accepts this request only by HTTP/1.1.";
    PacScriptTerminated = -367, "ERR_PAC_SCRIPT_TERMINATED", PROXY,
        "The proxy auto-configuration script was stopped and must be reloaded.";
    ProxyRequired = -368, "ERR_PROXY_REQUIRED", RESOLVE_OR_CONNECT,
        "The request may only go through a proxy.";
    InvalidHttpResponse = -370, "ERR_INVALID_HTTP_RESPONSE", WAIT,
        "What the server sent is not an HTTP/1 response.";
    ContentDecodingInitFailed = -371, "ERR_CONTENT_DECODING_INIT_FAILED", ANSWER,
        "Decoding of the body could not be set up.";
    Http2RstStreamNoErrorReceived = -372, "ERR_HTTP2_RST_STREAM_NO_ERROR_RECEIVED", EXCHANGE,
        "The HTTP/2 server needs no more of the request's body.";
    Http2PushedStreamNotAvailable = -373, "ERR_HTTP2_PUSHED_STREAM_NOT_AVAILABLE", WAIT,
        "A pushed HTTP/2 response is gone.";
    Http2ClaimedPushedStreamResetByServer = -374,
        "ERR_HTTP2_CLAIMED_PUSHED_STREAM_RESET_BY_SERVER", ANSWER,
        "The server withdrew a pushed HTTP/2 response in use.";
    TooManyRetries = -375, "ERR_TOO_MANY_RETRIES", WAIT_OR_PROXY,
        "Logins or certificates made the request start over too often.";
    Http2StreamClosed = -376, "ERR_HTTP2_STREAM_CLOSED", EXCHANGE,
        "A frame came for an HTTP/2 stream that is closed.";
    Http2ClientRefusedStream = -377, "ERR_HTTP2_CLIENT_REFUSED_STREAM", ANSWER,
        "The client refuses an HTTP/2 stream the server opened.";
    Http2PushedResponseDoesNotMatch = -378, "ERR_HTTP2_PUSHED_RESPONSE_DOES_NOT_MATCH", WAIT,
        "A pushed HTTP/2 response does not fit the request.";
    HttpResponseCodeFailure = -379, "ERR_HTTP_RESPONSE_CODE_FAILURE", WAIT,
        "The status is no success, and the caller asked for success only.";
    QuicCertRootNotKnown = -380, "ERR_QUIC_CERT_ROOT_NOT_KNOWN", TLS,
        "The certificate of a QUIC connection has no publicly known root.";
    QuicGoawayRequestCanBeRetried = -381, "ERR_QUIC_GOAWAY_REQUEST_CAN_BE_RETRIED", EXCHANGE,
        "The QUIC server closed before it acted on the request.";
    TooManyAcceptChRestarts = -382, "ERR_TOO_MANY_ACCEPT_CH_RESTARTS", WAIT,
        "Client hints made the request start over too often.";
    InconsistentIpAddressSpace = -383, "ERR_INCONSISTENT_IP_ADDRESS_SPACE", CONNECT,
        "The server's address moved between public and local space.";
    CachedIpAddressSpaceBlockedByLocalNetworkAccessPolicy = -384,
        "ERR_CACHED_IP_ADDRESS_SPACE_BLOCKED_BY_LOCAL_NETWORK_ACCESS_POLICY", NONE,
        "A stored response comes from a local address that may not be reached.";
    BlockedByLocalNetworkAccessChecks = -385, "ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS", CONNECT,
        "The caller may not reach local addresses.";
    ZstdWindowSizeTooBig = -386, "ERR_ZSTD_WINDOW_SIZE_TOO_BIG", RECEIVE,
        "The body needs a zstd window of more than 8 MiB.";
    DictionaryLoadFailed = -387, "ERR_DICTIONARY_LOAD_FAILED", ANSWER,
        "The compression dictionary could not be loaded.";
    UnexpectedContentDictionaryHeader = -388, "ERR_UNEXPECTED_CONTENT_DICTIONARY_HEADER", RECEIVE,
        "The body was compressed with another dictionary.";
    // Cache
    CacheMiss = -400, "ERR_CACHE_MISS", NONE,
        "The cache holds no such response, and the network may not be asked.";
    CacheReadFailure = -401, "ERR_CACHE_READ_FAILURE", RECEIVE, "The cache could not be read.";
    CacheWriteFailure = -402, "ERR_CACHE_WRITE_FAILURE", RECEIVE, "The cache could not be written.";
    CacheOperationNotSupported = -403, "ERR_CACHE_OPERATION_NOT_SUPPORTED", NONE,
        "The cache entry does not support the operation.";
    CacheOpenFailure = -404, "ERR_CACHE_OPEN_FAILURE", NONE, "The cache entry could not be opened.";
    CacheCreateFailure = -405, "ERR_CACHE_CREATE_FAILURE", NONE,
        "The cache entry could not be created.";
    CacheRace = -406, "ERR_CACHE_RACE", NONE,
        "Two requests create the same cache entry; one must start over.";
    CacheChecksumReadFailure = -407, "ERR_CACHE_CHECKSUM_READ_FAILURE", RECEIVE,
        "The cache entry's checksum could not be read.";
    CacheChecksumMismatch = -408, "ERR_CACHE_CHECKSUM_MISMATCH", RECEIVE,
        "The cache entry's checksum is wrong.";
    CacheLockTimeout = -409, "ERR_CACHE_LOCK_TIMEOUT", NONE,
        "Another request held the cache entry for too long.";
    CacheAuthFailureAfterRead = -410, "ERR_CACHE_AUTH_FAILURE_AFTER_READ", RECEIVE,
        "A login became necessary after part of the body was read.";
    CacheEntryNotSuitable = -411, "ERR_CACHE_ENTRY_NOT_SUITABLE", NONE,
        "The cache entry would not have been of use to this request.";
    CacheDoomFailure = -412, "ERR_CACHE_DOOM_FAILURE", NONE,
        "The cache entry could not be removed.";
    CacheOpenOrCreateFailure = -413, "ERR_CACHE_OPEN_OR_CREATE_FAILURE", NONE,
        "The cache entry could be neither opened nor created.";
    CacheCompressionFailure = -414, "ERR_CACHE_COMPRESSION_FAILURE", RECEIVE,
        "The cache entry's body could not be compressed.";
    // Other
    InsecureResponse = -501, "ERR_INSECURE_RESPONSE", WAIT,
        "The response came over a connection that is not secure.";
    NoPrivateKeyForCert = -502, "ERR_NO_PRIVATE_KEY_FOR_CERT", NONE,
        "There is no private key for the certificate to be imported.";
    AddUserCertFailed = -503, "ERR_ADD_USER_CERT_FAILED", NONE,
        "The certificate could not be added to the system's store.";
    InvalidSignedExchange = -504, "ERR_INVALID_SIGNED_EXCHANGE", ANSWER,
        "The signed exchange is not valid.";
    InvalidWebBundle = -505, "ERR_INVALID_WEB_BUNDLE", ANSWER, "The Web Bundle is not valid.";
    TrustTokenOperationFailed = -506, "ERR_TRUST_TOKEN_OPERATION_FAILED", ANY,
        "The Trust Tokens operation failed.";
    TrustTokenOperationSuccessWithoutSendingRequest = -507,
        "ERR_TRUST_TOKEN_OPERATION_SUCCESS_WITHOUT_SENDING_REQUEST", NONE,
        "The Trust Tokens operation needed no request.";
    HttpEngineProviderInUse = -508, "ERR_HTTPENGINE_PROVIDER_IN_USE", NONE,
        "Android's HttpEngine gives no error code of its own.";
    // FTP
    FtpFailed = -601, "ERR_FTP_FAILED", EXCHANGE, "An FTP command failed.";
    FtpServiceUnavailable = -602, "ERR_FTP_SERVICE_UNAVAILABLE", EXCHANGE,
        "The FTP server is not available for now (421).";
    FtpTransferAborted = -603, "ERR_FTP_TRANSFER_ABORTED", RECEIVE,
        "The FTP server aborted the transfer (426).";
    FtpFileBusy = -604, "ERR_FTP_FILE_BUSY", WAIT, "The file on the FTP server is busy (450).";
    FtpSyntaxError = -605, "ERR_FTP_SYNTAX_ERROR", WAIT,
        "The FTP server did not understand a command (500, 501).";
    FtpCommandNotSupported = -606, "ERR_FTP_COMMAND_NOT_SUPPORTED", WAIT,
        "The FTP server does not support a command (502, 504).";
    FtpBadCommandSequence = -607, "ERR_FTP_BAD_COMMAND_SEQUENCE", WAIT,
        "The FTP server got its commands in the wrong order (503).";
    // Certificate store
    Pkcs12ImportBadPassword = -701, "ERR_PKCS12_IMPORT_BAD_PASSWORD", NONE,
        "The password of the PKCS #12 file is wrong.";
    Pkcs12ImportFailed = -702, "ERR_PKCS12_IMPORT_FAILED", NONE,
        "The PKCS #12 file could not be imported.";
    ImportCaCertNotCa = -703, "ERR_IMPORT_CA_CERT_NOT_CA", NONE,
        "The certificate to be imported belongs to no authority.";
    ImportCertAlreadyExists = -704, "ERR_IMPORT_CERT_ALREADY_EXISTS", NONE,
        "The certificate to be imported is in the store already.";
    ImportCaCertFailed = -705, "ERR_IMPORT_CA_CERT_FAILED", NONE,
        "The authority's certificate could not be imported.";
    ImportServerCertFailed = -706, "ERR_IMPORT_SERVER_CERT_FAILED", NONE,
        "The server's certificate could not be imported.";
    Pkcs12ImportInvalidMac = -707, "ERR_PKCS12_IMPORT_INVALID_MAC", NONE,
        "The integrity code of the PKCS #12 file is wrong.";
    Pkcs12ImportInvalidFile = -708, "ERR_PKCS12_IMPORT_INVALID_FILE", NONE,
        "The PKCS #12 file is damaged.";
    Pkcs12ImportUnsupported = -709, "ERR_PKCS12_IMPORT_UNSUPPORTED", NONE,
        "The PKCS #12 file uses unsupported features.";
    KeyGenerationFailed = -710, "ERR_KEY_GENERATION_FAILED", NONE, "A key could not be generated.";
    PrivateKeyExportFailed = -712, "ERR_PRIVATE_KEY_EXPORT_FAILED", NONE,
        "A private key could not be exported.";
    SelfSignedCertGenerationFailed = -713, "ERR_SELF_SIGNED_CERT_GENERATION_FAILED", NONE,
        "A self-signed certificate could not be generated.";
    CertDatabaseChanged = -714, "ERR_CERT_DATABASE_CHANGED", DIAL,
        "The system's certificate store changed.";
    CertVerifierChanged = -716, "ERR_CERT_VERIFIER_CHANGED", DIAL,
        "The rules for verifying certificates changed.";
    // DNS
    DnsMalformedResponse = -800, "ERR_DNS_MALFORMED_RESPONSE", RESOLVE,
        "The DNS server's response cannot be parsed.";
    DnsServerRequiresTcp = -801, "ERR_DNS_SERVER_REQUIRES_TCP", RESOLVE,
        "The DNS server answers only over TCP.";
    DnsServerFailed = -802, "ERR_DNS_SERVER_FAILED", RESOLVE,
        "The DNS server failed or refused to answer.";
    DnsTimedOut = -803, "ERR_DNS_TIMED_OUT", RESOLVE, "The DNS server did not answer in time.";
    DnsCacheMiss = -804, "ERR_DNS_CACHE_MISS", RESOLVE,
        "The name is in no local source, and only those were asked.";
    DnsSearchEmpty = -805, "ERR_DNS_SEARCH_EMPTY", RESOLVE,
        "The rules for search suffixes leave no name to resolve.";
    DnsSortError = -806, "ERR_DNS_SORT_ERROR", RESOLVE, "The addresses could not be put in order.";
    DnsSecureResolverHostnameResolutionFailed = -808,
        "ERR_DNS_SECURE_RESOLVER_HOSTNAME_RESOLUTION_FAILED", RESOLVE,
        "The name of the DNS-over-HTTPS server could not be resolved.";
    DnsNameHttpsOnly = -809, "ERR_DNS_NAME_HTTPS_ONLY", RESOLVE,
        "DNS says that this host is to be reached only by TLS.";
    DnsRequestCancelled = -810, "ERR_DNS_REQUEST_CANCELLED", RESOLVE,
        "The DNS request was cancelled.";
    DnsNoMatchingSupportedAlpn = -811, "ERR_DNS_NO_MATCHING_SUPPORTED_ALPN", RESOLVE,
        "The host's HTTPS record names no supported protocol.";
    DnsSecureProbeRecordInvalid = -814, "ERR_DNS_SECURE_PROBE_RECORD_INVALID", RESOLVE,
        "The probe for secure DNS got no valid answer.";
    DnsCacheInvalidationInProgress = -815, "ERR_DNS_CACHE_INVALIDATION_IN_PROGRESS", RESOLVE,
        "The DNS cache is being emptied; try again.";
    DnsFormatError = -816, "ERR_DNS_FORMAT_ERROR", RESOLVE,
        "The DNS server reports that it cannot read the query.";
    DnsServerFailure = -817, "ERR_DNS_SERVER_FAILURE", RESOLVE,
        "The DNS server reports a failure of its own.";
    DnsNotImplemented = -818, "ERR_DNS_NOT_IMPLEMENTED", RESOLVE,
        "The DNS server does not support this kind of query.";
    DnsRefused = -819, "ERR_DNS_REFUSED", RESOLVE, "The DNS server refuses to answer.";
    DnsOtherFailure = -820, "ERR_DNS_OTHER_FAILURE", RESOLVE,
        "The DNS server reports a failure by a code without a name here.";
    DnsDirectOnly = -821, "ERR_DNS_DIRECT_ONLY", RESOLVE,
        "The name was not looked up, as its requests go through a proxy.";
    // Blob
    BlobInvalidConstructionArguments = -900, "ERR_BLOB_INVALID_CONSTRUCTION_ARGUMENTS", NONE,
        "The blob was described wrongly.";
    BlobOutOfMemory = -901, "ERR_BLOB_OUT_OF_MEMORY", NONE,
        "There is not enough memory for the blob.";
    BlobFileWriteFailed = -902, "ERR_BLOB_FILE_WRITE_FAILED", NONE,
        "The blob's file could not be written.";
    BlobSourceDiedInTransit = -903, "ERR_BLOB_SOURCE_DIED_IN_TRANSIT", SEND,
        "The blob's owner ended before its data was transferred.";
    BlobDereferencedWhileBuilding = -904, "ERR_BLOB_DEREFERENCED_WHILE_BUILDING", SEND,
        "The blob was let go before its data was transferred.";
    BlobReferencedBlobBroken = -905, "ERR_BLOB_REFERENCED_BLOB_BROKEN", SEND,
        "Another blob that this one is made of is broken.";
    BlobReferencedFileUnavailable = -906, "ERR_BLOB_REFERENCED_FILE_UNAVAILABLE", SEND,
        "A file that the blob is made of cannot be read.";
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("net::")?;
        f.write_str(self.name())
    }
}

impl Error for NetError {}

impl From<NetError> for i32 {
    fn from(error: NetError) -> Self {
        error.code()
    }
}

/// The sets of phases that the table refers to.
mod phases {
    use super::Phase::{self, Connect, Proxy, Receive, Resolve, Send, Tls, Wait};

    pub(super) const NONE: &[Phase] = &[];
    pub(super) const ANY: &[Phase] = Phase::ALL;
    pub(super) const RESOLVE: &[Phase] = &[Resolve];
    pub(super) const RESOLVE_OR_CONNECT: &[Phase] = &[Resolve, Connect];
    pub(super) const RESOLVE_OR_CONNECT_OR_PROXY: &[Phase] = &[Resolve, Connect, Proxy];
    pub(super) const CONNECT: &[Phase] = &[Connect];
    pub(super) const DIAL: &[Phase] = &[Connect, Proxy, Tls];
    pub(super) const DIAL_OR_EXCHANGE: &[Phase] = &[Connect, Proxy, Tls, Send, Wait, Receive];
    pub(super) const PROXY: &[Phase] = &[Proxy];
    pub(super) const WAIT_OR_PROXY: &[Phase] = &[Proxy, Wait];
    pub(super) const TLS: &[Phase] = &[Tls];
    // In TLS 1.3 the server's alert about the client's last flight comes with the first read.
    pub(super) const TLS_OR_EXCHANGE: &[Phase] = &[Tls, Send, Wait, Receive];
    pub(super) const EXCHANGE: &[Phase] = &[Send, Wait, Receive];
    pub(super) const SEND: &[Phase] = &[Send];
    pub(super) const WAIT: &[Phase] = &[Wait];
    pub(super) const ANSWER: &[Phase] = &[Wait, Receive];
    pub(super) const RECEIVE: &[Phase] = &[Receive];
}

/// How much of an unknown text an error repeats, in characters.
const MAX_SHOWN: usize = 80;

#[cfg(any(target_os = "linux", target_os = "android"))]
const OS_CODES: &[(i32, NetError)] = &[
    (23, NetError::InsufficientResources),  // ENFILE
    (24, NetError::InsufficientResources),  // EMFILE
    (90, NetError::MsgTooBig),              // EMSGSIZE
    (97, NetError::AddressUnreachable),     // EAFNOSUPPORT
    (102, NetError::ConnectionReset),       // ENETRESET
    (105, NetError::InsufficientResources), // ENOBUFS
    (106, NetError::SocketIsConnected),     // EISCONN
    (112, NetError::AddressUnreachable),    // EHOSTDOWN
    (125, NetError::Aborted),               // ECANCELED
];

#[cfg(windows)]
const OS_CODES: &[(i32, NetError)] = &[
    (10024, NetError::InsufficientResources), // WSAEMFILE
    (10040, NetError::MsgTooBig),             // WSAEMSGSIZE
    (10047, NetError::AddressUnreachable),    // WSAEAFNOSUPPORT
    (10052, NetError::ConnectionReset),       // WSAENETRESET
    (10055, NetError::InsufficientResources), // WSAENOBUFS
    (10056, NetError::SocketIsConnected),     // WSAEISCONN
    (10064, NetError::AddressUnreachable),    // WSAEHOSTDOWN
];

// The numbers of 4.4BSD, which macOS and the BSDs share.
#[cfg(not(any(target_os = "linux", target_os = "android", windows)))]
const OS_CODES: &[(i32, NetError)] = &[
    (23, NetError::InsufficientResources), // ENFILE
    (24, NetError::InsufficientResources), // EMFILE
    (40, NetError::MsgTooBig),             // EMSGSIZE
    (47, NetError::AddressUnreachable),    // EAFNOSUPPORT
    (52, NetError::ConnectionReset),       // ENETRESET
    (55, NetError::InsufficientResources), // ENOBUFS
    (56, NetError::SocketIsConnected),     // EISCONN
    (64, NetError::AddressUnreachable),    // EHOSTDOWN
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_survives_its_number_and_its_text() {
        for &error in NetError::ALL {
            assert_eq!(NetError::from_code(error.code()), Some(error));
            assert_eq!(i32::from(error), error.code());
            assert_eq!(error.name().parse(), Ok(error));
            assert_eq!(error.to_string(), format!("net::{}", error.name()));
            assert_eq!(error.to_string().parse(), Ok(error));
        }
    }

    #[test]
    fn numbers_and_names_are_unique_and_the_table_is_in_order() {
        let codes: HashSet<i32> = NetError::ALL.iter().map(|error| error.code()).collect();
        let names: HashSet<&str> = NetError::ALL.iter().map(|error| error.name()).collect();
        let sentences: HashSet<&str> =
            NetError::ALL.iter().map(|error| error.description()).collect();
        assert_eq!(NetError::ALL.len(), 271);
        assert_eq!(codes.len(), NetError::ALL.len());
        assert_eq!(names.len(), NetError::ALL.len());
        assert_eq!(sentences.len(), NetError::ALL.len());
        assert!(NetError::ALL.is_sorted_by(|a, b| a.code() > b.code()));
        assert!(codes.iter().all(|code| (-999..0).contains(code)));
    }

    #[test]
    fn a_variant_is_the_name_in_camel_case() {
        for error in NetError::ALL {
            let compact = error.name().trim_start_matches("ERR_").replace('_', "").to_lowercase();
            assert_eq!(format!("{error:?}").to_lowercase(), compact);
        }
    }

    #[test]
    fn descriptions_are_sentences_and_phases_are_in_order() {
        for error in NetError::ALL {
            let text = error.description();
            assert!(text.ends_with('.') && text.starts_with(char::is_uppercase), "{text}");
            assert!(error.phases().is_sorted_by(|a, b| a < b), "{error:?}");
        }
    }

    #[test]
    fn the_numbers_are_chromiums() {
        for (error, code) in [
            (NetError::IoPending, -1),
            (NetError::Failed, -2),
            (NetError::Aborted, -3),
            (NetError::InvalidArgument, -4),
            (NetError::TimedOut, -7),
            (NetError::BlockedByClient, -20),
            (NetError::ConnectionClosed, -100),
            (NetError::ConnectionReset, -101),
            (NetError::ConnectionRefused, -102),
            (NetError::NameNotResolved, -105),
            (NetError::SslProtocolError, -107),
            (NetError::TunnelConnectionFailed, -111),
            (NetError::ConnectionTimedOut, -118),
            (NetError::SocksConnectionFailed, -120),
            (NetError::ProxyConnectionFailed, -130),
            (NetError::WsUpgrade, -173),
            (NetError::CertCommonNameInvalid, -200),
            (NetError::CertDateInvalid, -201),
            (NetError::CertAuthorityInvalid, -202),
            (NetError::InvalidUrl, -300),
            (NetError::TooManyRedirects, -310),
            (NetError::EmptyResponse, -324),
            (NetError::Http2ProtocolError, -337),
            (NetError::ContentLengthMismatch, -354),
            (NetError::Http11Required, -365),
            (NetError::InvalidHttpResponse, -370),
            (NetError::ZstdWindowSizeTooBig, -386),
            (NetError::CacheMiss, -400),
            (NetError::FtpBadCommandSequence, -607),
            (NetError::Pkcs12ImportFailed, -702),
            (NetError::DnsTimedOut, -803),
            (NetError::BlobReferencedFileUnavailable, -906),
        ] {
            assert_eq!(error.code(), code, "{error}");
        }
    }

    #[test]
    fn unused_numbers_and_unknown_texts_are_refused() {
        for code in [0, 1, -24, -128, -218, -999, i32::MIN, i32::MAX] {
            assert_eq!(NetError::from_code(code), None, "{code}");
        }
        for text in ["", "net::", "FAILED", "err_failed", "net::net::ERR_FAILED", " ERR_FAILED"] {
            let error = text.parse::<NetError>().unwrap_err();
            assert_eq!(error.text(), text);
            assert_eq!(error.to_string(), format!("unknown network error {text:?}"));
        }
        let long = "x".repeat(1 << 20).parse::<NetError>().unwrap_err();
        assert_eq!(long.text().len(), MAX_SHOWN);
    }

    #[test]
    fn phases_survive_their_names() {
        for &phase in Phase::ALL {
            assert_eq!(phase.to_string().parse(), Ok(phase));
        }
        let error = "dial".parse::<Phase>().unwrap_err();
        assert_eq!(error.to_string(), "unknown phase \"dial\"");
    }

    #[test]
    fn a_system_error_has_one_code_in_each_phase() {
        use io::ErrorKind as Kind;
        for (kind, connecting, waiting) in [
            (Kind::ConnectionRefused, NetError::ConnectionRefused, NetError::ConnectionRefused),
            (Kind::ConnectionReset, NetError::ConnectionReset, NetError::ConnectionReset),
            (Kind::BrokenPipe, NetError::ConnectionReset, NetError::ConnectionReset),
            (Kind::ConnectionAborted, NetError::ConnectionAborted, NetError::ConnectionAborted),
            (Kind::UnexpectedEof, NetError::ConnectionClosed, NetError::ConnectionClosed),
            (Kind::TimedOut, NetError::ConnectionTimedOut, NetError::TimedOut),
            (Kind::HostUnreachable, NetError::AddressUnreachable, NetError::AddressUnreachable),
            (Kind::NetworkUnreachable, NetError::AddressUnreachable, NetError::AddressUnreachable),
            (Kind::NetworkDown, NetError::InternetDisconnected, NetError::InternetDisconnected),
            (Kind::AddrInUse, NetError::AddressInUse, NetError::AddressInUse),
            (Kind::AddrNotAvailable, NetError::AddressInvalid, NetError::AddressInvalid),
            (Kind::PermissionDenied, NetError::NetworkAccessDenied, NetError::NetworkAccessDenied),
            (Kind::OutOfMemory, NetError::InsufficientResources, NetError::InsufficientResources),
            (Kind::Other, NetError::ConnectionFailed, NetError::Failed),
            (Kind::InvalidData, NetError::ConnectionFailed, NetError::Failed),
        ] {
            let error = io::Error::from(kind);
            assert_eq!(NetError::from_io(&error, Phase::Connect), connecting, "{kind:?}");
            assert_eq!(NetError::from_io(&error, Phase::Wait), waiting, "{kind:?}");
        }
    }

    #[test]
    fn a_name_that_fails_is_not_resolved_unless_resources_are_short() {
        let lookup = io::Error::other("failed to lookup address information");
        let memory = io::Error::from(io::ErrorKind::OutOfMemory);
        assert_eq!(NetError::from_io(&lookup, Phase::Resolve), NetError::NameNotResolved);
        assert_eq!(NetError::from_io(&memory, Phase::Resolve), NetError::InsufficientResources);
    }

    #[test]
    fn a_code_within_an_io_error_comes_back() {
        let error = io::Error::other(NetError::CertDateInvalid);
        assert_eq!(NetError::from_io(&error, Phase::Connect), NetError::CertDateInvalid);
    }

    #[test]
    fn every_system_number_of_this_platform_is_reached() {
        for &(number, expected) in OS_CODES {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(NetError::from_io(&error, Phase::Wait), expected, "{error}");
        }
    }
}
