//! A TCP proxy that goes wrong on purpose, between a client and a real server.
//!
//! Passes bytes on unread, in both directions, until the fault that was asked for. A direction is
//! named by what flows in it: the request (from the client) or the response (from the target). Each
//! connection has the fault anew.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::background::Background;
use crate::wire::{BoundListener, Place, Socket, Wire};

/// What goes wrong, before the proxy is started. Without any fault it passes everything on.
#[derive(Debug, Clone)]
#[must_use = "a proxy does nothing until it is started"]
pub struct FaultProxy {
    target: SocketAddr,
    address: SocketAddr,
    request: Flow,
    response: Flow,
    healthy_after: Option<u64>,
}

impl FaultProxy {
    /// A proxy to `target`, to be reached on a free port of 127.0.0.1.
    pub fn new(target: SocketAddr) -> Self {
        Self {
            target,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            request: Flow::default(),
            response: Flow::default(),
            healthy_after: None,
        }
    }

    /// Listens on this address; port 0 takes a free one.
    pub fn bind(mut self, address: impl Into<SocketAddr>) -> Self {
        self.address = address.into();
        self
    }

    /// Closes both sides with FIN once `count` bytes of the response have been passed on; with 0, as
    /// soon as one could be.
    pub fn cut_after_response_bytes(mut self, count: u64) -> Self {
        self.response.fault = Some((count, Fault::Cut));
        self
    }

    /// Closes both sides with FIN once `count` bytes of the request have been passed on.
    pub fn cut_after_request_bytes(mut self, count: u64) -> Self {
        self.request.fault = Some((count, Fault::Cut));
        self
    }

    /// Resets the client's connection once `count` bytes of the response have been passed on.
    pub fn reset_after_response_bytes(mut self, count: u64) -> Self {
        self.response.fault = Some((count, Fault::Reset));
        self
    }

    /// Resets the client's connection once `count` bytes of the request have been passed on.
    pub fn reset_after_request_bytes(mut self, count: u64) -> Self {
        self.request.fault = Some((count, Fault::Reset));
        self
    }

    /// Passes nothing more of the response on after `count` bytes, and keeps everything open.
    pub fn stall_after_response_bytes(mut self, count: u64) -> Self {
        self.response.fault = Some((count, Fault::Stall));
        self
    }

    /// Reads nothing more of the request after `count` bytes, and keeps everything open.
    pub fn stall_after_request_bytes(mut self, count: u64) -> Self {
        self.request.fault = Some((count, Fault::Stall));
        self
    }

    /// Waits this long before it passes on each part of the request and of the response.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.request.delay = delay;
        self.response.delay = delay;
        self
    }

    /// Passes the response on in pieces of `size` bytes, each a write of its own. Zero counts as one.
    pub fn split_response(mut self, size: usize) -> Self {
        self.response.piece = size.max(1);
        self
    }

    /// Passes the request on in pieces of `size` bytes, each a write of its own. Zero counts as one.
    pub fn split_request(mut self, size: usize) -> Self {
        self.request.piece = size.max(1);
        self
    }

    /// Lets the faults happen on the first `connections` only, to see a client recover.
    pub fn only_on_first(mut self, connections: u64) -> Self {
        self.healthy_after = Some(connections);
        self
    }

    /// Starts listening, on a thread of its own.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound or no thread be started.
    pub fn start(self) -> io::Result<RunningFaultProxy> {
        let listener = Place::Tcp(self.address).bind()?;
        let address = listener.address().unwrap_or(self.address);
        let connections = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&connections);
        let background = Background::start("faults", move || accept_all(listener, self, count))?;
        Ok(RunningFaultProxy { _background: background, address, connections })
    }
}

/// A running proxy. Dropping it closes every connection and stops its thread.
#[derive(Debug)]
pub struct RunningFaultProxy {
    // Dropped first: nothing is counted after that.
    _background: Background,
    address: SocketAddr,
    connections: Arc<AtomicU64>,
}

impl RunningFaultProxy {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An `http` URL with its IP address and port, and `path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections were accepted so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

/// How bytes go in one direction.
#[derive(Debug, Clone)]
struct Flow {
    /// After so many bytes.
    fault: Option<(u64, Fault)>,
    delay: Duration,
    piece: usize,
}

impl Default for Flow {
    fn default() -> Self {
        Self { fault: None, delay: Duration::ZERO, piece: BUFFER }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Cut,
    Reset,
    Stall,
}

/// Why a direction has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Its source closed, and its sink was told; the other direction may go on.
    Eof,
    /// One side is gone.
    Broken,
    Fault(Fault),
}

async fn accept_all(listener: BoundListener, proxy: FaultProxy, count: Arc<AtomicU64>) {
    // Registering with a fresh reactor fails only for want of file descriptors; then nobody is
    // served, and every client sees it.
    let Ok(listener) = listener.listen() else { return };
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok(client) = accepted else {
            // Out of file descriptors, or a peer that is gone already: others may do better later.
            tokio::time::sleep(AFTER_A_FAILED_ACCEPT).await;
            continue;
        };
        let earlier = count.fetch_add(1, Ordering::Relaxed);
        let (request, response) = match proxy.healthy_after {
            Some(faulty) if earlier >= faulty => (Flow::default(), Flow::default()),
            _ => (proxy.request.clone(), proxy.response.clone()),
        };
        connections.spawn(pass_on(client, proxy.target, request, response));
    }
}

async fn pass_on(client: Socket, target: SocketAddr, request: Flow, response: Flow) {
    // A target that cannot be reached looks to the client like one that closes at once.
    let Ok(target) = TcpStream::connect(target).await else { return };
    if target.set_nodelay(true).is_err() {
        return;
    }
    let (mut from_client, mut to_client) = tokio::io::split(Wire::Plain(client));
    let (mut from_target, mut to_target) = tokio::io::split(target);
    let ended = {
        let request = flow(&mut from_client, &mut to_target, request);
        let response = flow(&mut from_target, &mut to_client, response);
        tokio::pin!(request, response);
        tokio::select! {
            ended = &mut request => match ended {
                Ended::Eof => response.await,
                Ended::Broken | Ended::Fault(_) => ended,
            },
            ended = &mut response => match ended {
                Ended::Eof => request.await,
                Ended::Broken | Ended::Fault(_) => ended,
            },
        }
    };
    drop((from_target, to_target));
    let client = from_client.unsplit(to_client);
    match ended {
        Ended::Fault(Fault::Reset) => client.reset(),
        Ended::Fault(Fault::Cut) => cut(client).await,
        // A stall ends only with the other direction.
        Ended::Eof | Ended::Broken | Ended::Fault(Fault::Stall) => (),
    }
}

/// Passes bytes on until their source ends or the fault is due.
async fn flow(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    flow: Flow,
) -> Ended {
    let (mut left, fault) =
        flow.fault.map_or((u64::MAX, None), |(count, fault)| (count, Some(fault)));
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) => {
                return if to.shutdown().await.is_ok() { Ended::Eof } else { Ended::Broken };
            }
            Ok(read) => read,
            Err(_) => return Ended::Broken,
        };
        if !flow.delay.is_zero() {
            tokio::time::sleep(flow.delay).await;
        }
        let passed = usize::try_from(left).unwrap_or(usize::MAX).min(read);
        for piece in buffer[..passed].chunks(flow.piece) {
            if to.write_all(piece).await.is_err() {
                return Ended::Broken;
            }
            tokio::task::yield_now().await;
        }
        left -= passed as u64;
        match fault {
            Some(Fault::Stall) if left == 0 => std::future::pending().await,
            Some(fault) if left == 0 => return Ended::Fault(fault),
            Some(_) | None => (),
        }
    }
}

/// FIN, and no RST after it: a socket closed with bytes unread would be reset by the kernel.
async fn cut(mut client: Wire) {
    if client.shutdown().await.is_err() {
        return;
    }
    let mut unread = Vec::new();
    let drain = async {
        while client.read_into(&mut unread).await.is_ok_and(|read| read > 0) {
            unread.clear();
        }
    };
    // A client that neither reads nor closes is cut off.
    let _ = tokio::time::timeout(LINGER, drain).await;
}

const BUFFER: usize = 64 * 1024;
const AFTER_A_FAILED_ACCEPT: Duration = Duration::from_millis(10);
const LINGER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, TcpStream};

    use super::*;
    use crate::{Gate, OK, ScriptServer, script};

    fn target() -> ScriptServer {
        script().connection(|peer| peer.expect_get("/").reply(OK).ignore_rest()).start()
    }

    fn ask(proxy: &RunningFaultProxy) -> TcpStream {
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        stream
    }

    /// What comes until the end, and whether that was FIN.
    fn hear(mut stream: TcpStream) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        let ended = stream.read_to_end(&mut bytes);
        (bytes, ended.is_ok())
    }

    #[test]
    fn without_a_fault_everything_is_passed_on() {
        let server =
            script().connection(|peer| peer.expect_get("/").expect_eof().reply(OK).close());
        let server = server.start();
        let proxy = FaultProxy::new(server.address()).split_response(1).split_request(3);
        let proxy = proxy.delay(Duration::from_millis(1)).start().unwrap();

        let stream = ask(&proxy);
        stream.shutdown(Shutdown::Write).unwrap();

        assert_eq!(hear(stream), (OK.to_vec(), true));
        assert_eq!(proxy.connections(), 1);
        server.finished();
    }

    #[test]
    fn a_response_is_cut_or_reset_after_so_many_bytes() {
        for count in [0, 1, 10] {
            let server = target();
            let proxy = FaultProxy::new(server.address()).cut_after_response_bytes(count as u64);
            assert_eq!(hear(ask(&proxy.start().unwrap())), (OK[..count].to_vec(), true));
            server.finished();
        }
        let server = target();
        let proxy = FaultProxy::new(server.address()).reset_after_response_bytes(0);
        assert_eq!(hear(ask(&proxy.start().unwrap())), (Vec::new(), false));
        server.finished();
    }

    #[test]
    fn a_request_is_cut_or_reset_after_so_many_bytes() {
        let server = script()
            .connection(|peer| peer.expect_bytes("GET").expect_eof())
            .connection(|peer| peer.expect_bytes("GE").expect_eof())
            .start();

        let proxy = FaultProxy::new(server.address()).cut_after_request_bytes(3).start().unwrap();
        assert_eq!(hear(ask(&proxy)), (Vec::new(), true));
        let proxy = FaultProxy::new(server.address()).reset_after_request_bytes(2).start().unwrap();
        assert_eq!(hear(ask(&proxy)), (Vec::new(), false));

        server.finished();
    }

    #[test]
    fn a_stalled_response_stays_open() {
        let sent = Gate::new();
        let server = script()
            .connection(|peer| peer.expect_get("/").reply(OK).open(&sent).ignore_rest())
            .start();
        let proxy = FaultProxy::new(server.address()).stall_after_response_bytes(4);
        let proxy = proxy.start().unwrap();

        let mut stream = ask(&proxy);
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"HTTP");
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let error = stream.read(&mut bytes).unwrap_err();
        assert!(matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut));
        server.finished();
    }

    #[test]
    fn only_the_first_connections_are_faulty() {
        let server = script()
            .connection(|peer| peer.expect_get("/").reply(OK).ignore_rest())
            .connection(|peer| peer.expect_get("/").reply(OK).close())
            .start();
        let proxy = FaultProxy::new(server.address()).cut_after_response_bytes(1).only_on_first(1);
        let proxy = proxy.start().unwrap();

        assert_eq!(hear(ask(&proxy)), (OK[..1].to_vec(), true));
        let second = ask(&proxy);
        second.shutdown(Shutdown::Write).unwrap();
        assert_eq!(hear(second), (OK.to_vec(), true));
        server.finished();
    }
}
