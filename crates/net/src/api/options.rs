//! The small vocabulary of a request: redirect mode, time limits, progress, timing.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::delegate::RedirectVerdict;

/// What happens to a response that redirects (Fetch §2.2.5, redirect mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RedirectMode {
    /// Follow, at most twenty times.
    #[default]
    Follow,
    /// Fail with `Attempted to redirect, but redirect policy was 'error'`.
    Error,
    /// Leave it to the caller. In the contract ([`ClientRequest`](crate::ClientRequest)) nothing
    /// but an answer to [`Event::Redirect`](crate::Event::Redirect) follows it; elsewhere the
    /// redirect response itself is delivered.
    Manual,
}

impl RedirectMode {
    /// What happens when nobody decides.
    pub(crate) fn default_verdict(self) -> RedirectVerdict {
        match self {
            Self::Follow => RedirectVerdict::Follow,
            Self::Error => RedirectVerdict::Cancel,
            Self::Manual => RedirectVerdict::Deliver,
        }
    }
}

impl std::str::FromStr for RedirectMode {
    type Err = UnknownRedirectMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "follow" => Ok(Self::Follow),
            "error" => Ok(Self::Error),
            "manual" => Ok(Self::Manual),
            _ => Err(UnknownRedirectMode),
        }
    }
}

/// The text is no redirect mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRedirectMode;

impl fmt::Display for UnknownRedirectMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redirect mode should be one of follow, error or manual")
    }
}

impl std::error::Error for UnknownRedirectMode {}

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
    /// The whole request, redirects and body included. Default `None`.
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

/// How much of a request's body has been handed to the network.
///
/// Electron `ClientRequest.getUploadProgress()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadProgress {
    /// Whether the upload has begun; it stays so.
    pub active: bool,
    /// As `active`.
    pub started: bool,
    /// Bytes of the body sent. Begins anew where a redirect or a lost connection sends it again.
    pub current: u64,
    /// Bytes of the body in all; 0 where that is not known.
    pub total: u64,
}

type Listener = Box<dyn Fn(UploadProgress) + Send + Sync>;

/// Where an upload's progress is written down.
#[derive(Default)]
pub(crate) struct ProgressCell {
    started: AtomicBool,
    current: AtomicU64,
    total: AtomicU64,
    listener: Option<Listener>,
}

impl ProgressCell {
    pub(crate) fn with_listener(listener: Listener) -> Self {
        Self { listener: Some(listener), ..Self::default() }
    }

    /// An attempt begins.
    pub(crate) fn begin(&self, total: Option<u64>) {
        self.total.store(total.unwrap_or(0), Ordering::Relaxed);
        self.current.store(0, Ordering::Relaxed);
        self.started.store(true, Ordering::Release);
    }

    pub(crate) fn advance(&self, bytes: u64) {
        self.current.fetch_add(bytes, Ordering::Relaxed);
        if let Some(listener) = &self.listener {
            listener(self.read());
        }
    }

    pub(crate) fn read(&self) -> UploadProgress {
        let started = self.started.load(Ordering::Acquire);
        UploadProgress {
            active: started,
            started,
            current: self.current.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for ProgressCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

/// When the phases of a request happened, counted from its start.
///
/// A phase that did not happen is `None`: a reused connection resolves, connects and shakes no
/// hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// The look-up of the name.
    pub resolve: Option<Span>,
    /// The connecting of a socket.
    pub connect: Option<Span>,
    /// The TLS handshake.
    pub tls: Option<Span>,
    /// From the first byte of the head to the last of the body.
    pub send: Option<Span>,
    /// From the end of sending, or from its beginning if the answer came earlier, to the end of the
    /// response's head.
    pub wait: Option<Span>,
    /// From there to the end of the body; `None` until it has been read.
    pub receive: Option<Span>,
}

/// A stretch of time, both ends counted from the start of the last hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub start: Duration,
    /// Its end.
    pub end: Duration,
}

impl Span {
    /// How long it took.
    pub fn length(self) -> Duration {
        self.end.saturating_sub(self.start)
    }
}
