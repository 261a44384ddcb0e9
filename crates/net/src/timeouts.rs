//! How long a request may take, phase by phase.

use std::time::Duration;

/// How long each phase of a request may take. `None` waits for ever.
///
/// An error by a time limit is `ERR_TIMED_OUT`, while connecting `ERR_CONNECTION_TIMED_OUT`, while
/// resolving `ERR_NAME_NOT_RESOLVED`; its phase says where the request stood. Waiting for a free
/// connection counts for `total` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Resolving the name and connecting a socket, all addresses together. Default 240 s, what
    /// Chromium allows a connect job.
    pub connect: Option<Duration>,
    /// The TLS handshake. Default 30 s, as in Chromium (`SSLConnectJob`).
    pub tls: Option<Duration>,
    /// From the end of the request to the end of the response's head. Default `None`.
    pub first_byte: Option<Duration>,
    /// The longest silence while a body is sent or received. Default `None`.
    pub idle: Option<Duration>,
    /// The whole request, redirects and body included. Default `None`. While a connection is awaited or
    /// made, its error says `connect`.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Some(Duration::from_secs(240)),
            tls: Some(Duration::from_secs(30)),
            first_byte: None,
            idle: None,
            total: None,
        }
    }
}

impl Timeouts {
    /// No limit at all.
    pub const NONE: Self =
        Self { connect: None, tls: None, first_byte: None, idle: None, total: None };

    /// The same with another limit on connecting.
    #[must_use]
    pub fn with_connect(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connect = limit.into();
        self
    }

    /// The same with another limit on the TLS handshake.
    #[must_use]
    pub fn with_tls(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.tls = limit.into();
        self
    }

    /// The same with another limit on waiting for the response.
    #[must_use]
    pub fn with_first_byte(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.first_byte = limit.into();
        self
    }

    /// The same with another limit on silence.
    #[must_use]
    pub fn with_idle(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle = limit.into();
        self
    }

    /// The same with another limit on the whole.
    #[must_use]
    pub fn with_total(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.total = limit.into();
        self
    }
}
