//! Plays a script: accepts the connections it lists and does each one's steps in order.
//!
//! A conversation that fails is reset at once, so that its peer does not wait for an answer that
//! will never come. When the test is over, everything still under way and everything unread in the
//! kernel is a failure too.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use super::Shared;
use super::steps::{Conversation, Ending, Gate, Step};
use crate::wire::{BoundListener, Socket, Wire};

/// Runs until `finishing` opens, and then until every conversation has given its verdict.
pub(super) async fn play(
    listener: BoundListener,
    conversations: Vec<Conversation>,
    shared: Arc<Shared>,
    finishing: Gate,
) {
    let total = conversations.len();
    let mut coming = conversations.into_iter();
    let mut running = JoinSet::new();
    let listener = match listener.listen() {
        Ok(listener) => listener,
        Err(error) => return shared.fail(format!("the script cannot listen: {error}")),
    };
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = listener.accept() => accepted,
            () = finishing.opened() => break,
        };
        let socket = match accepted {
            Ok(socket) => socket,
            Err(error) => return shared.fail(format!("the script cannot accept: {error}")),
        };
        let number = {
            let mut record = shared.lock();
            record.connections += 1;
            record.connections
        };
        match coming.next() {
            Some(conversation) => {
                let player = Player::new(socket, number, Arc::clone(&shared));
                running.spawn(player.play(conversation, finishing.clone()));
            }
            None => shared.fail(format!("connection {number}: made, but {total} were expected")),
        }
    }
    if listener.someone_waits() {
        let number = shared.lock().connections + 1;
        shared.fail(format!("connection {number}: made, but {total} were expected"));
    }
    for number in total - coming.len() + 1..=total {
        shared.fail(format!("connection {number} of {total}: never made"));
    }
    while running.join_next().await.is_some() {}
}

/// One connection and what came on it.
struct Player {
    /// `None` while a handshake has it, and after the end.
    wire: Option<Wire>,
    /// Read but not yet expected.
    unread: Vec<u8>,
    /// The last head, for expectations about its fields.
    head: Vec<u8>,
    number: usize,
    shared: Arc<Shared>,
}

impl Player {
    fn new(socket: Socket, number: usize, shared: Arc<Shared>) -> Self {
        let wire = Some(Wire::Plain(socket));
        Self { wire, unread: Vec::new(), head: Vec::new(), number, shared }
    }

    async fn play(mut self, conversation: Conversation, finishing: Gate) {
        let Conversation { steps, ending } = conversation;
        for (index, step) in steps.into_iter().enumerate() {
            let place = format!("connection {}, step {} ({step})", self.number, index + 1);
            let done = tokio::select! {
                biased;
                done = self.perform(step) => done,
                () = finishing.opened() => Err(STILL_WAITING.into()),
            };
            if let Err(failure) = done {
                return self.fail(&place, &failure);
            }
        }
        let place = format!("connection {}, its end ({ending})", self.number);
        if let Err(failure) = self.end(ending, finishing).await {
            self.fail(&place, &failure);
        }
    }

    fn fail(&mut self, place: &str, failure: &str) {
        let unread = match self.unread.as_slice() {
            [] => String::new(),
            unread => format!("\n  unread:  {}", excerpt(unread, 0)),
        };
        self.shared.fail(format!("{place}: {failure}{unread}"));
        if let Some(wire) = self.wire.take() {
            wire.reset();
        }
    }

    async fn perform(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::StartTls(config) => {
                let wire = self.wire.take().ok_or(NO_WIRE)?;
                let wire = wire.start_tls(config).await;
                self.wire = Some(wire.map_err(|error| format!("no TLS handshake: {error}"))?);
                Ok(())
            }
            Step::ExpectHeadLine(line) => self.expect_head_line(line.as_bytes()).await,
            Step::ExpectField { name, values } => self.expect_field(&name, &values),
            Step::ExpectBytes(bytes) => self.expect_bytes(&bytes).await,
            Step::ExpectChunkedBody(bytes) => {
                let body = self.read_chunked_body().await?;
                same(&bytes, &body)
            }
            Step::ReadBody(length) => self.read_body(length).await,
            Step::ExpectEof => self.expect_eof().await,
            Step::Send(bytes) => self.send(&bytes).await,
            Step::SendInPieces(bytes, size) => {
                for piece in bytes.chunks(size) {
                    self.send(piece).await?;
                    // This thread is the script's own; the peer's may read meanwhile. A shorter
                    // rest lets small pieces pile up in the peer's receive buffer.
                    std::thread::sleep(BETWEEN_PIECES);
                    tokio::task::yield_now().await;
                }
                Ok(())
            }
            Step::Wait(duration) => {
                tokio::time::sleep(duration).await;
                Ok(())
            }
            Step::WaitFor(gate) => {
                gate.opened().await;
                Ok(())
            }
            Step::Open(gate) => {
                gate.open();
                Ok(())
            }
            Step::HalfClose => self.wire()?.shutdown().await.map_err(|error| error.to_string()),
        }
    }

    async fn end(&mut self, ending: Ending, finishing: Gate) -> Result<(), String> {
        match ending {
            Ending::Watch => {
                self.nothing_unread()?;
                self.shared.one_is_finished();
                tokio::select! {
                    biased;
                    watched = self.watch() => watched,
                    () = finishing.opened() => self.last_look().await,
                }
            }
            Ending::StopReading => {
                self.shared.one_is_finished();
                finishing.opened().await;
                Ok(())
            }
            Ending::IgnoreRest => {
                self.shared.one_is_finished();
                tokio::select! {
                    () = self.ignore_rest() => (),
                    () = finishing.opened() => (),
                }
                Ok(())
            }
            Ending::SendUntilClosed(bytes) => {
                tokio::select! {
                    () = self.send_until_closed(&bytes) => (),
                    () = finishing.opened() => return Err(STILL_WAITING.into()),
                }
                self.shared.one_is_finished();
                Ok(())
            }
            Ending::Close => {
                self.nothing_unread()?;
                self.last_look().await?;
                if let Some(wire) = self.wire.take() {
                    wire.close().await;
                }
                self.shared.one_is_finished();
                Ok(())
            }
            Ending::Cut => {
                self.wire = None;
                self.shared.one_is_finished();
                Ok(())
            }
            Ending::Reset => {
                if let Some(wire) = self.wire.take() {
                    wire.reset();
                }
                self.shared.one_is_finished();
                Ok(())
            }
            Ending::RefusedHandshake(config) => {
                let wire = self.wire.take().ok_or(NO_WIRE)?;
                let handshake = tokio::select! {
                    handshake = wire.start_tls(config) => handshake,
                    () = finishing.opened() => return Err(STILL_WAITING.into()),
                };
                if handshake.is_ok() {
                    return Err("the peer accepted the certificate".into());
                }
                self.shared.one_is_finished();
                Ok(())
            }
        }
    }

    fn wire(&mut self) -> Result<&mut Wire, String> {
        self.wire.as_mut().ok_or_else(|| NO_WIRE.into())
    }

    /// Reads some more; an end is a failure.
    async fn fill(&mut self) -> Result<(), String> {
        let wire = self.wire.as_mut().ok_or(NO_WIRE)?;
        match wire.read_into(&mut self.unread).await {
            Ok(0) => Err("the peer closed".into()),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("the peer is gone: {error}")),
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let wire = self.wire()?;
        let sent = async {
            wire.write_all(bytes).await?;
            wire.flush().await
        };
        sent.await.map_err(|error: io::Error| format!("the peer is gone: {error}"))
    }

    async fn send_until_closed(&mut self, bytes: &[u8]) {
        while self.send(bytes).await.is_ok() {}
    }

    async fn expect_bytes(&mut self, expected: &[u8]) -> Result<(), String> {
        let mut compared = 0;
        loop {
            let come = self.unread.len().min(expected.len());
            if self.unread[compared..come] != expected[compared..come] {
                return same(expected, &std::mem::take(&mut self.unread));
            }
            if come == expected.len() {
                self.unread.drain(..come);
                return Ok(());
            }
            compared = come;
            self.fill().await?;
        }
    }

    async fn expect_head_line(&mut self, line: &[u8]) -> Result<(), String> {
        let end = self.find(b"\r\n\r\n", HEAD_LIMIT).await?;
        self.head = self.unread.drain(..end).collect();
        self.shared.lock().requests.push(self.head.clone());
        let first = self.head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        same(line, first)
    }

    fn expect_field(&self, name: &str, expected: &[String]) -> Result<(), String> {
        let head: String = self.head.iter().copied().map(char::from).collect();
        let values: Vec<&str> = head
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim_matches([' ', '\t']))
            .collect();
        if values == expected {
            return Ok(());
        }
        Err(format!(
            "\n  expected {expected:?}\n  got      {values:?}\n  in       {}",
            excerpt(&self.head, 0)
        ))
    }

    async fn read_body(&mut self, length: u64) -> Result<(), String> {
        let mut left = length;
        loop {
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(self.unread.len());
            self.unread.drain(..taken);
            left -= taken as u64;
            if left == 0 {
                return Ok(());
            }
            self.fill().await.map_err(|failure| format!("{failure}, {left} bytes are missing"))?;
        }
    }

    /// The payload of a chunked body without trailers. RFC 9112 §7.1.
    async fn read_chunked_body(&mut self) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        loop {
            let end = self.find(b"\r\n", HEAD_LIMIT).await?;
            let line: Vec<u8> = self.unread.drain(..end).collect();
            let digits = line.split(|byte| matches!(byte, b';' | b'\r')).next().unwrap_or_default();
            let size = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'));
            let size = size.and_then(|digits| usize::from_str_radix(digits, 16).ok());
            let Some(size) = size.filter(|size| *size <= CHUNK_LIMIT) else {
                return Err(format!("no chunk size: {}", excerpt(&line, 0)));
            };
            while self.unread.len() < size {
                self.fill().await?;
            }
            body.extend(self.unread.drain(..size));
            self.expect_bytes(b"\r\n")
                .await
                .map_err(|failure| format!("after a chunk{failure}"))?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    /// The offset just behind the next `mark`.
    async fn find(&mut self, mark: &[u8], limit: usize) -> Result<usize, String> {
        let mut searched = 0;
        loop {
            let found = self.unread[searched..].windows(mark.len()).position(|part| part == mark);
            if let Some(position) = found {
                return Ok(searched + position + mark.len());
            }
            if self.unread.len() > limit {
                return Err(format!("no {} within {limit} bytes", excerpt(mark, 0)));
            }
            searched = (self.unread.len() + 1).saturating_sub(mark.len());
            self.fill().await?;
        }
    }

    async fn expect_eof(&mut self) -> Result<(), String> {
        self.nothing_unread()?;
        let wire = self.wire.as_mut().ok_or(NO_WIRE)?;
        match wire.read_into(&mut self.unread).await {
            Ok(0) => Ok(()),
            Ok(_) => self.nothing_unread(),
            Err(error) => Err(format!("expected FIN: {error}")),
        }
    }

    fn nothing_unread(&self) -> Result<(), String> {
        if self.unread.is_empty() { Ok(()) } else { Err(UNEXPECTED.into()) }
    }

    /// Waits for the peer to close, however it does; a byte is a failure.
    async fn watch(&mut self) -> Result<(), String> {
        let wire = self.wire.as_mut().ok_or(NO_WIRE)?;
        match wire.read_into(&mut self.unread).await {
            Ok(0) | Err(_) => Ok(()),
            Ok(_) => Err(UNEXPECTED.into()),
        }
    }

    async fn ignore_rest(&mut self) {
        while self.fill().await.is_ok() {
            self.unread.clear();
        }
    }

    /// Whether the kernel holds something that the reactor has not reported yet.
    async fn last_look(&mut self) -> Result<(), String> {
        if !self.wire()?.has_news() {
            return Ok(());
        }
        // Under TLS the news may be half a record, which never becomes a byte.
        tokio::time::timeout(LAST_LOOK, self.watch()).await.unwrap_or(Ok(()))
    }
}

fn same(expected: &[u8], got: &[u8]) -> Result<(), String> {
    if expected == got {
        return Ok(());
    }
    let at = expected.iter().zip(got).take_while(|(left, right)| left == right).count();
    Err(format!(
        "differs at byte {at}\n  expected {}\n  got      {}",
        excerpt(expected, at),
        excerpt(got, at)
    ))
}

/// The bytes around `at`, escaped; long ones are cut.
fn excerpt(bytes: &[u8], at: usize) -> String {
    let start = if at < 200 { 0 } else { at - 100 };
    let end = bytes.len().min(start + 800);
    let part = bytes.get(start..end).unwrap_or_default();
    let before = if start > 0 { "…" } else { "" };
    let after = if end < bytes.len() { "…" } else { "" };
    format!("{before}\"{}\"{after}", part.escape_ascii())
}

const HEAD_LIMIT: usize = 1024 * 1024;
const CHUNK_LIMIT: usize = 1024 * 1024 * 1024;
const BETWEEN_PIECES: Duration = Duration::from_micros(100);
const LAST_LOOK: Duration = Duration::from_secs(1);
const STILL_WAITING: &str = "still waiting when the test was over";
const UNEXPECTED: &str = "more came than was expected";
const NO_WIRE: &str = "the connection is gone";
