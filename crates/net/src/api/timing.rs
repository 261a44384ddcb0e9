//! When the phases of a request happened.

use std::time::Duration;

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
