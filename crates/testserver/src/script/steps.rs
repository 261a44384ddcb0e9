//! The words of a script: what a peer is expected to send, what is sent to it, and how it ends.
//!
//! Only lists them; `play` does them. An ending turns a [`Peer`] into a [`Conversation`], so that
//! nothing can be written after it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::sync::watch;

use crate::certificates::Identity;

/// The steps of one connection so far.
#[derive(Debug)]
#[must_use]
pub struct Peer {
    steps: Vec<Step>,
}

impl Peer {
    pub(super) fn new() -> Self {
        Self { steps: Vec::new() }
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn ends(self, ending: Ending) -> Conversation {
        Conversation { steps: self.steps, ending }
    }

    /// Expects a head whose first line is this one; the fields may be any.
    pub fn expect_head_line(self, line: &str) -> Self {
        self.then(Step::ExpectHeadLine(line.into()))
    }

    /// Expects the head of a GET request for `target`.
    pub fn expect_get(self, target: &str) -> Self {
        self.expect_request("GET", target)
    }

    /// Expects the head of an HTTP/1.1 request.
    pub fn expect_request(self, method: &str, target: &str) -> Self {
        self.expect_head_line(&format!("{method} {target} HTTP/1.1"))
    }

    /// Expects that the last head has exactly one field `name`, in any case, with this value.
    pub fn expect_field(self, name: &str, value: &str) -> Self {
        self.then(Step::ExpectField { name: name.into(), values: vec![value.into()] })
    }

    /// Expects that the last head has no field `name`, in any case.
    pub fn expect_no_field(self, name: &str) -> Self {
        self.then(Step::ExpectField { name: name.into(), values: Vec::new() })
    }

    /// Expects exactly these bytes next: a whole head, a body, anything.
    pub fn expect_bytes(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Step::ExpectBytes(bytes.as_ref().to_vec()))
    }

    /// Reads `length` bytes, whatever they are.
    pub fn read_body(self, length: u64) -> Self {
        self.then(Step::ReadBody(length))
    }

    /// Expects a chunked body that carries exactly these bytes, in any chunks, without trailers.
    pub fn expect_chunked_body(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Step::ExpectChunkedBody(bytes.as_ref().to_vec()))
    }

    /// Expects that the peer sends no more: FIN, with or without TLS's `close_notify`, and no RST.
    pub fn expect_eof(self) -> Self {
        self.then(Step::ExpectEof)
    }

    /// Sends these bytes.
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Step::Send(bytes.as_ref().to_vec()))
    }

    /// Sends a whole answer, such as [`OK`](super::OK). The same as [`send`](Self::send).
    pub fn reply(self, bytes: impl AsRef<[u8]>) -> Self {
        self.send(bytes)
    }

    /// Sends these bytes in pieces of `size`: each a write of its own, without Nagle's delay, and
    /// with a moment for the peer to read it alone. Zero counts as one.
    pub fn send_in_pieces(self, bytes: impl AsRef<[u8]>, size: usize) -> Self {
        self.then(Step::SendInPieces(bytes.as_ref().to_vec(), size.max(1)))
    }

    /// Says to the reader that the connection goes on, which it does anyway.
    pub fn keep_open(self) -> Self {
        self
    }

    /// Does nothing for a while.
    pub fn wait(self, duration: Duration) -> Self {
        self.then(Step::Wait(duration))
    }

    /// Does nothing until the test opens `gate`.
    pub fn wait_for(self, gate: &Gate) -> Self {
        self.then(Step::WaitFor(gate.clone()))
    }

    /// Tells the test that the conversation has come this far.
    pub fn open(self, gate: &Gate) -> Self {
        self.then(Step::Open(gate.clone()))
    }

    /// Takes the peer through a TLS handshake: after a CONNECT, or with an identity of its own.
    pub fn start_tls(self, identity: &Identity) -> Self {
        self.then(Step::StartTls(identity.server_config()))
    }

    /// Sends FIN (after `close_notify` under TLS) and goes on reading.
    pub fn half_close(self) -> Self {
        self.then(Step::HalfClose)
    }

    /// Expects nothing more and says nothing more, until the peer closes or the server is dropped.
    /// This is also how a conversation without an ending ends.
    pub fn stall(self) -> Conversation {
        self.ends(Ending::Watch)
    }

    /// Stops reading, so that a peer that goes on sending is held up, until the server is dropped.
    pub fn stop_reading(self) -> Conversation {
        self.ends(Ending::StopReading)
    }

    /// Reads and throws away whatever comes, until the peer closes or the server is dropped.
    pub fn ignore_rest(self) -> Conversation {
        self.ends(Ending::IgnoreRest)
    }

    /// Sends these bytes again and again until the peer closes, which it has to.
    pub fn send_until_closed(self, bytes: impl AsRef<[u8]>) -> Conversation {
        self.ends(Ending::SendUntilClosed(bytes.as_ref().to_vec()))
    }

    /// Closes with FIN, after `close_notify` under TLS; nothing unread may have come.
    pub fn close(self) -> Conversation {
        self.ends(Ending::Close)
    }

    /// Closes with FIN, without `close_notify`, whatever the peer was still sending. Where bytes
    /// have come unread, the kernel makes it RST.
    pub fn cut(self) -> Conversation {
        self.ends(Ending::Cut)
    }

    /// Closes with RST, whatever the peer was still sending.
    pub fn reset(self) -> Conversation {
        self.ends(Ending::Reset)
    }

    /// Offers this identity in a TLS handshake, which the peer has to refuse.
    pub fn expect_tls_refusal(self, identity: &Identity) -> Conversation {
        self.ends(Ending::RefusedHandshake(identity.server_config()))
    }
}

/// All that happens on one connection.
#[derive(Debug)]
pub struct Conversation {
    pub(super) steps: Vec<Step>,
    pub(super) ending: Ending,
}

impl Conversation {
    pub(super) fn begin_with_tls(&mut self, config: &Arc<ServerConfig>) {
        let has_its_own = match self.steps.first() {
            Some(first) => matches!(first, Step::StartTls(_)),
            None => matches!(self.ending, Ending::RefusedHandshake(_)),
        };
        if !has_its_own {
            self.steps.insert(0, Step::StartTls(Arc::clone(config)));
        }
    }
}

impl From<Peer> for Conversation {
    fn from(peer: Peer) -> Self {
        peer.stall()
    }
}

/// Something one side opens once and the other waits for: a test and a script keep step with it.
#[derive(Debug, Clone)]
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self { open: Arc::new(watch::Sender::new(false)) }
    }

    /// Opens the gate for good.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Waits until the gate is open.
    pub async fn opened(&self) {
        // The sender is in `self`, so it cannot be gone while this waits.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug)]
pub(super) enum Step {
    StartTls(Arc<ServerConfig>),
    ExpectHeadLine(String),
    ExpectField { name: String, values: Vec<String> },
    ExpectBytes(Vec<u8>),
    ExpectChunkedBody(Vec<u8>),
    ReadBody(u64),
    ExpectEof,
    Send(Vec<u8>),
    SendInPieces(Vec<u8>, usize),
    Wait(Duration),
    WaitFor(Gate),
    Open(Gate),
    HalfClose,
}

#[derive(Debug)]
pub(super) enum Ending {
    Watch,
    StopReading,
    IgnoreRest,
    SendUntilClosed(Vec<u8>),
    Close,
    Cut,
    Reset,
    RefusedHandshake(Arc<ServerConfig>),
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartTls(_) => write!(formatter, "start_tls"),
            Self::ExpectHeadLine(line) => write!(formatter, "expect_head_line {line:?}"),
            Self::ExpectField { name, values } => {
                write!(formatter, "expect_field {name:?} {values:?}")
            }
            Self::ExpectBytes(bytes) => write!(formatter, "expect_bytes, {} bytes", bytes.len()),
            Self::ExpectChunkedBody(bytes) => {
                write!(formatter, "expect_chunked_body, {} bytes", bytes.len())
            }
            Self::ReadBody(length) => write!(formatter, "read_body, {length} bytes"),
            Self::ExpectEof => write!(formatter, "expect_eof"),
            Self::Send(bytes) => write!(formatter, "send, {} bytes", bytes.len()),
            Self::SendInPieces(bytes, size) => {
                write!(formatter, "send_in_pieces, {} bytes by {size}", bytes.len())
            }
            Self::Wait(duration) => write!(formatter, "wait {duration:?}"),
            Self::WaitFor(_) => write!(formatter, "wait_for a gate"),
            Self::Open(_) => write!(formatter, "open a gate"),
            Self::HalfClose => write!(formatter, "half_close"),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Watch => "stall",
            Self::StopReading => "stop_reading",
            Self::IgnoreRest => "ignore_rest",
            Self::SendUntilClosed(_) => "send_until_closed",
            Self::Close => "close",
            Self::Cut => "cut",
            Self::Reset => "reset",
            Self::RefusedHandshake(_) => "expect_tls_refusal",
        })
    }
}
