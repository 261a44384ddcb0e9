//! One connection's bytes: requests in, answers out, bodies streamed both ways.
//!
//! Knows framing and limits, and none of the routes. A body is read part by part in place and never
//! kept here; a head and a small body go out in one write.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::After;
use super::encode::reason_of;
use super::request::{Framing, Request};
use crate::wire::Wire;

/// Why an exchange cannot go on.
#[derive(Debug)]
pub(super) enum Broken {
    /// The peer is gone.
    Io(io::Error),
    /// The request is wrong, and the peer can be told.
    Refused(Refusal),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A status and what was wrong, said to the peer as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) reason: &'static str,
}

impl Refusal {
    pub(super) fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason }
    }

    pub(super) fn bad(reason: &'static str) -> Self {
        Self::new(400, reason)
    }
}

impl From<Refusal> for Broken {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// How an answer says where its body ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ends {
    Length(u64),
    Chunked,
    /// With the connection.
    Close,
}

/// What is left of the request's body.
#[derive(Debug, Clone, Copy)]
enum Left {
    Length(u64),
    /// Inside a chunk; its line end is still to come when this is 0.
    Chunk(u64),
    ChunkSize,
    Nothing,
}

#[derive(Debug)]
pub(super) struct Connection {
    wire: Wire,
    unread: Vec<u8>,
    left: Left,
    received: u64,
    /// The peer waits for 100 Continue before it sends its body.
    awaits_continue: bool,
    /// The request was HEAD: no body goes out.
    head_only: bool,
    keep_alive: bool,
    chunked: bool,
    status: Option<u16>,
    sent: u64,
    head: String,
}

impl Connection {
    pub(super) fn new(wire: Wire) -> Self {
        Self {
            wire,
            unread: Vec::new(),
            left: Left::Nothing,
            received: 0,
            awaits_continue: false,
            head_only: false,
            keep_alive: true,
            chunked: false,
            status: None,
            sent: 0,
            head: String::new(),
        }
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.status
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether the peer asked for 100 Continue and its body has not been read yet.
    pub(super) fn awaits_continue(&self) -> bool {
        self.awaits_continue
    }

    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The next request; `None` when the peer closed between two.
    pub(super) async fn read_request(&mut self) -> Result<Option<Request>, Broken> {
        self.status = None;
        self.sent = 0;
        self.received = 0;
        self.left = Left::Nothing;
        self.awaits_continue = false;
        self.head_only = false;
        self.keep_alive = false;
        let too_long = Refusal::new(431, "the head is too long");
        let end = match self.find(b"\r\n\r\n", HEAD_LIMIT, too_long).await {
            Err(Broken::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return if self.unread.is_empty() { Ok(None) } else { Err(error.into()) };
            }
            other => other?,
        };
        let request = Request::parse(&self.unread[..end])?;
        self.unread.drain(..end);
        self.left = match request.framing()? {
            Framing::Length(0) => Left::Nothing,
            Framing::Length(length) => Left::Length(length),
            Framing::Chunked => Left::ChunkSize,
        };
        self.head_only = request.method() == "HEAD";
        self.keep_alive = request.minor_version == 1 && !request.has_token("connection", "close");
        self.awaits_continue = request.minor_version == 1
            && request.has_token("expect", "100-continue")
            && !matches!(self.left, Left::Nothing);
        Ok(Some(request))
    }

    /// Gives every part of the body to `take`, after a 100 Continue where the peer waits for it.
    pub(super) async fn read_body(&mut self, mut take: impl FnMut(&[u8])) -> Result<(), Broken> {
        if std::mem::take(&mut self.awaits_continue) && self.unread.is_empty() {
            self.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        loop {
            match self.left {
                Left::Nothing => return Ok(()),
                Left::Length(left) => {
                    let left = self.read_part(left, &mut take).await?;
                    self.left = if left == 0 { Left::Nothing } else { Left::Length(left) };
                }
                Left::Chunk(0) => {
                    self.expect_line_end().await?;
                    self.left = Left::ChunkSize;
                }
                Left::Chunk(left) => {
                    self.left = Left::Chunk(self.read_part(left, &mut take).await?);
                }
                Left::ChunkSize => {
                    self.left = match self.read_chunk_size().await? {
                        0 => {
                            self.skip_trailers().await?;
                            Left::Nothing
                        }
                        size => Left::Chunk(size),
                    };
                }
            }
        }
    }

    /// Keeps the body, up to [`KEPT_LIMIT`].
    pub(super) async fn collect_body(&mut self) -> Result<Vec<u8>, Broken> {
        let mut body = Vec::new();
        let mut too_long = false;
        self.read_body(|part| {
            too_long |= body.len() + part.len() > KEPT_LIMIT;
            if !too_long {
                body.extend_from_slice(part);
            }
        })
        .await?;
        if too_long {
            return Err(Refusal::new(413, "the body is longer than 16 MiB").into());
        }
        Ok(body)
    }

    async fn read_part(&mut self, left: u64, take: &mut impl FnMut(&[u8])) -> Result<u64, Broken> {
        if self.unread.is_empty() {
            self.fill().await?;
        }
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(self.unread.len());
        take(&self.unread[..length]);
        self.unread.drain(..length);
        self.received += length as u64;
        Ok(left - length as u64)
    }

    async fn read_chunk_size(&mut self) -> Result<u64, Broken> {
        let refusal = Refusal::bad("a chunk has no size");
        let end = self.find(b"\r\n", LINE_LIMIT, refusal).await?;
        let digits = self.unread[..end].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let size = std::str::from_utf8(&self.unread[..digits]).ok();
        let size = size.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let extension = matches!(self.unread.get(digits), Some(b';' | b'\r' | b' ' | b'\t'));
        self.unread.drain(..end);
        size.filter(|_| extension).ok_or(Broken::Refused(refusal))
    }

    async fn expect_line_end(&mut self) -> Result<(), Broken> {
        let refusal = Refusal::bad("a chunk is longer than its size");
        if self.find(b"\r\n", 2, refusal).await? != 2 {
            return Err(refusal.into());
        }
        self.unread.drain(..2);
        Ok(())
    }

    async fn skip_trailers(&mut self) -> Result<(), Broken> {
        let mut left = HEAD_LIMIT;
        loop {
            let end = self.find(b"\r\n", left, Refusal::new(431, "too many trailers")).await?;
            self.unread.drain(..end);
            if end == 2 {
                return Ok(());
            }
            left = left.saturating_sub(end);
        }
    }

    /// The offset just behind the next `mark`.
    async fn find(&mut self, mark: &[u8], limit: usize, over: Refusal) -> Result<usize, Broken> {
        let mut searched = 0;
        loop {
            let found = self.unread[searched..].windows(mark.len()).position(|part| part == mark);
            match found {
                Some(position) if searched + position < limit => {
                    return Ok(searched + position + mark.len());
                }
                None if self.unread.len() < limit => (),
                _ => return Err(over.into()),
            }
            searched = (self.unread.len() + 1).saturating_sub(mark.len());
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.wire.read_into(&mut self.unread).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Reads the next bytes outside any framing; `None` at the end.
    pub(super) async fn read_raw(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.unread.is_empty() && self.wire.read_into(&mut self.unread).await? == 0 {
            return Ok(None);
        }
        Ok(Some(std::mem::take(&mut self.unread)))
    }

    /// Sends bytes outside any framing.
    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.write_all(bytes).await?;
        self.wire.flush().await
    }

    /// Sends a whole answer.
    pub(super) async fn respond(
        &mut self,
        status: u16,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Result<After, Broken> {
        self.prepare(status, reason_of(status), fields, Ends::Length(body.len() as u64));
        let mut bytes = std::mem::take(&mut self.head).into_bytes();
        if !self.head_only {
            self.sent = body.len() as u64;
            bytes.extend_from_slice(body);
        }
        self.write_all(&bytes).await?;
        bytes.clear();
        self.head = String::from_utf8(bytes).unwrap_or_default();
        Ok(After::KeepOpen)
    }

    /// Sends the head of an answer, whose body follows by [`send`](Self::send).
    pub(super) async fn begin(
        &mut self,
        status: u16,
        reason: &str,
        fields: &[(&str, &str)],
        ends: Ends,
    ) -> Result<(), Broken> {
        self.prepare(status, reason, fields, ends);
        let head = std::mem::take(&mut self.head);
        self.write_all(head.as_bytes()).await?;
        Ok(())
    }

    /// The bytes of a head, for those who send them in their own way.
    pub(super) fn prepare(
        &mut self,
        status: u16,
        reason: &str,
        fields: &[(&str, &str)],
        ends: Ends,
    ) {
        self.status = Some(status);
        self.chunked = matches!(ends, Ends::Chunked);
        if matches!(ends, Ends::Close) {
            self.keep_alive = false;
        }
        let head = &mut self.head;
        head.clear();
        // Writing to a String cannot fail.
        let _ = write!(head, "HTTP/1.1 {status} {reason}\r\n");
        for (name, value) in fields {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        match ends {
            // RFC 9110 §8.6: these have no body and may not say a length of 0 either.
            Ends::Length(_) if status < 200 || status == 204 || status == 304 => (),
            Ends::Length(length) => {
                let _ = write!(head, "Content-Length: {length}\r\n");
            }
            Ends::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
            Ends::Close => (),
        }
        if !self.keep_alive {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
    }

    /// The head last prepared.
    pub(super) fn take_head(&mut self) -> String {
        std::mem::take(&mut self.head)
    }

    /// Sends a part of the body, as one chunk where the answer is chunked. Nothing goes out for HEAD
    /// or for an empty part.
    pub(super) async fn send(&mut self, part: &[u8]) -> Result<(), Broken> {
        if self.head_only || part.is_empty() {
            return Ok(());
        }
        self.sent += part.len() as u64;
        if !self.chunked {
            return Ok(self.write_all(part).await?);
        }
        let mut chunk = format!("{:x}\r\n", part.len()).into_bytes();
        chunk.extend_from_slice(part);
        chunk.extend_from_slice(b"\r\n");
        Ok(self.write_all(&chunk).await?)
    }

    /// Ends a chunked body with these trailers.
    pub(super) async fn end_chunks(&mut self, trailers: &str) -> Result<After, Broken> {
        if !self.head_only {
            self.write_all(format!("0\r\n{trailers}\r\n").as_bytes()).await?;
        }
        Ok(After::KeepOpen)
    }

    /// Sends the first `length` bytes of the pattern, `at_once` in a part.
    pub(super) async fn send_pattern(&mut self, length: u64, at_once: usize) -> Result<(), Broken> {
        if self.head_only {
            return Ok(());
        }
        let mut sent = 0;
        while sent < length {
            // At most a period short of all, so that every part is whole wherever it begins.
            let start = usize::try_from(sent % PERIOD).unwrap_or(0);
            let left = usize::try_from(length - sent).unwrap_or(usize::MAX);
            let end = start + left.min(at_once).min(LARGEST_PART);
            self.send(&PATTERN[start..end]).await?;
            sent += (end - start) as u64;
        }
        Ok(())
    }

    /// Says what was wrong and lets the connection end.
    pub(super) async fn refuse(&mut self, refusal: Refusal) -> Result<After, Broken> {
        self.keep_alive = false;
        // Where a broken request ends is not known.
        self.left = Left::Length(u64::MAX);
        let text = format!("{}\n", refusal.reason);
        self.respond(refusal.status, &[TEXT], text.as_bytes()).await?;
        Ok(After::Close)
    }

    /// Reads what is left of a request that was answered early, where that is little.
    ///
    /// Whether another request may follow.
    pub(super) async fn finish_request(&mut self) -> bool {
        match self.left {
            _ if !self.keep_alive => false,
            Left::Nothing => true,
            _ if self.awaits_continue => false,
            Left::Length(left) if left > DRAINED_LIMIT => false,
            Left::Length(_) => self.read_body(|_| ()).await.is_ok(),
            Left::Chunk(_) | Left::ChunkSize => false,
        }
    }

    /// Closes so that the peer reads the whole answer even while it is still sending: a socket that
    /// is closed with bytes unread is reset by the kernel, and the answer lost with it.
    /// RFC 9112 §9.6.
    pub(super) async fn close(mut self) {
        if self.wire.shutdown().await.is_err() || matches!(self.left, Left::Nothing) {
            return;
        }
        let drain = async {
            let mut left = LINGER_LIMIT;
            while left > 0 {
                self.unread.clear();
                match self.wire.read_into(&mut self.unread).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => left = left.saturating_sub(read),
                }
            }
        };
        // A peer that neither reads nor closes is cut off.
        let _ = tokio::time::timeout(LINGER, drain).await;
    }

    pub(super) fn reset(self) {
        self.wire.reset();
    }
}

pub(super) const JSON: (&str, &str) = ("Content-Type", "application/json");
pub(super) const TEXT: (&str, &str) = ("Content-Type", "text/plain; charset=utf-8");

/// The largest part of the pattern that is sent at once.
pub(super) const LARGEST_PART: usize = PATTERN_LENGTH - 251;
const PERIOD: u64 = 251;
const PATTERN_LENGTH: usize = 251 * 512;

/// Sent from here without being built: `/bytes/N` is as fast as the socket.
pub(super) static PATTERN: [u8; PATTERN_LENGTH] = {
    let mut pattern = [0; PATTERN_LENGTH];
    let mut index = 0;
    while index < PATTERN_LENGTH {
        pattern[index] = (index % 251) as u8;
        index += 1;
    }
    pattern
};

const HEAD_LIMIT: usize = 64 * 1024;
const LINE_LIMIT: usize = 4096;
const KEPT_LIMIT: usize = 16 * 1024 * 1024;
const DRAINED_LIMIT: u64 = 64 * 1024;
const LINGER_LIMIT: usize = 64 * 1024 * 1024;
const LINGER: Duration = Duration::from_secs(2);
