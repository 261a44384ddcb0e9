//! One attempt to reach a destination: resolve, dial, and where asked TLS on top.
//!
//! It knows names and bytes, no HTTP. Each phase has its own time limit and every error names the
//! phase it happened in. Dropping the future abandons the attempt and closes what was open.

mod cut;
mod destination;
mod dial;
mod transport;

pub(crate) use cut::{Cut, Side};
pub(crate) use destination::{Destination, DestinationRef};
pub(crate) use transport::{Socket, Transport};

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
#[cfg(feature = "tls")]
use netreq_proto::NetError;
use netreq_proto::Phase;

use crate::error::Error;
use crate::resolve::Resolver;
use crate::runtime::instant;
#[cfg(feature = "tls")]
use crate::tls::{TlsContext, TlsInfo};

/// An open connection and what is known of it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) transport: Transport,
    /// Bytes read and not yet taken; empty whenever the connection is idle.
    pub(crate) buffer: BytesMut,
    pub(crate) facts: Arc<ConnectionFacts>,
    /// Requests it has carried to their end.
    pub(crate) uses: u64,
}

/// What the making of a connection showed.
#[derive(Debug)]
pub(crate) struct ConnectionFacts {
    pub(crate) remote_address: Option<SocketAddr>,
    pub(crate) local_address: Option<SocketAddr>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<TlsInfo>,
    pub(crate) resolve: Option<(Instant, Instant)>,
    pub(crate) connect: (Instant, Instant),
    pub(crate) handshake: Option<(Instant, Instant)>,
    pub(crate) cut: Cut,
}

impl ConnectionFacts {
    /// Whether nothing was wrong with the server's certificate, as far as it had one.
    pub(crate) fn is_server_sure(&self) -> bool {
        #[cfg(feature = "tls")]
        if self.tls.as_ref().is_some_and(|tls| tls.certificate_error().is_some()) {
            return false;
        }
        true
    }
}

impl Connection {
    fn new(transport: Transport, facts: ConnectionFacts) -> Self {
        Self { transport, buffer: BytesMut::new(), facts: Arc::new(facts), uses: 0 }
    }

    /// A connection over a pipe in this process.
    #[cfg(test)]
    pub(crate) fn in_memory(stream: tokio::io::DuplexStream) -> Self {
        let now = instant();
        Self::new(
            Transport::Plain(Socket::Memory(stream)),
            ConnectionFacts {
                remote_address: None,
                local_address: None,
                #[cfg(feature = "tls")]
                tls: None,
                resolve: None,
                connect: (now, now),
                handshake: None,
                cut: Cut::default(),
            },
        )
    }
}

/// Time limits of the phases in here; `None` waits for ever.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ConnectLimits {
    /// Names and sockets together.
    pub(crate) connect: Option<Duration>,
    pub(crate) tls: Option<Duration>,
}

pub(crate) type Connecting<'a> =
    Pin<Box<dyn Future<Output = Result<Connection, Error>> + Send + 'a>>;

/// The way to make a connection; the pool's seam, so that it can be tested without a network.
pub(crate) trait Connect: Send + Sync + 'static {
    fn connect<'a>(&'a self, to: &'a Destination, limits: ConnectLimits) -> Connecting<'a>;
}

/// The real way.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) local_address: Option<IpAddr>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Arc<TlsContext>,
}

impl Connect for Connector {
    fn connect<'a>(&'a self, to: &'a Destination, limits: ConnectLimits) -> Connecting<'a> {
        Box::pin(self.establish(to, limits))
    }
}

impl Connector {
    async fn establish(
        &self,
        to: &Destination,
        limits: ConnectLimits,
    ) -> Result<Connection, Error> {
        let dialled = self.dial(to, limits.connect).await?;
        if !to.secure {
            let facts = dialled.facts;
            return Ok(Connection::new(Transport::Plain(dialled.socket), facts));
        }
        self.secure(to, dialled, limits).await
    }

    async fn dial(&self, to: &Destination, limit: Option<Duration>) -> Result<Dialled, Error> {
        if let Some(path) = &to.unix_socket {
            return dial::unix(path).await;
        }
        // A literal needs neither a look-up nor a race: this is the small and common case of
        // thousands of connections at once, and everything else is boxed beside it.
        if let Some(address) = self.resolver.literal(&to.host, to.port) {
            let start = instant();
            let deadline = limit.and_then(|limit| start.checked_add(limit));
            let connecting = async {
                let socket = dial::tcp(address, self.local_address).await;
                socket.map_err(|cause| Error::io(Phase::Connect, cause))
            };
            let socket = within(deadline, Phase::Connect, "connect", connecting).await?;
            return Ok(Dialled::new(socket, None, (start, instant())));
        }
        Box::pin(self.resolve_and_race(to, limit)).await
    }

    async fn resolve_and_race(
        &self,
        to: &Destination,
        limit: Option<Duration>,
    ) -> Result<Dialled, Error> {
        let start = instant();
        let deadline = limit.and_then(|limit| start.checked_add(limit));
        let resolving = self.resolver.resolve(&to.host, to.port);
        let addresses = within(deadline, Phase::Resolve, "connect", resolving).await?;
        let resolved = instant();
        let is_literal = to.host.parse::<IpAddr>().is_ok();

        let local = self.local_address;
        let dialling = async {
            match self.resolver.config().happy_eyeballs {
                true => dial::race(addresses, local).await,
                false => dial::in_turn(addresses, local).await,
            }
        };
        let socket = within(deadline, Phase::Connect, "connect", dialling).await?;
        let resolve = (!is_literal).then_some((start, resolved));
        Ok(Dialled::new(socket, resolve, (resolved, instant())))
    }

    #[cfg(feature = "tls")]
    async fn secure(
        &self,
        to: &Destination,
        dialled: Dialled,
        limits: ConnectLimits,
    ) -> Result<Connection, Error> {
        let scope = to.ticket_scope();
        // Asked before: a choice that is made meanwhile is not yet in this handshake.
        let is_shown = self.tls.shows_identity(&to.host, &scope);
        let first = self.shake_hands(to, dialled, limits.tls).await;
        // Servers that insist say so by an alert, before or after the handshake's end.
        if is_shown || first.as_ref().is_err_and(|error| !may_want_identity(error.net_error())) {
            return first;
        }
        let choosing = self.tls.chooses_identity(&to.host, to.port, &scope);
        match Box::pin(choosing).await.map_err(tls_failed)? {
            false => first,
            true => {
                drop(first);
                let again = self.dial(to, limits.connect).await?;
                self.shake_hands(to, again, limits.tls).await
            }
        }
    }

    #[cfg(feature = "tls")]
    async fn shake_hands(
        &self,
        to: &Destination,
        dialled: Dialled,
        limit: Option<Duration>,
    ) -> Result<Connection, Error> {
        let Dialled { socket, mut facts } = dialled;
        let start = instant();
        let deadline = limit.and_then(|limit| start.checked_add(limit));
        let handshake = async {
            let scope = to.ticket_scope();
            let handshake = self.tls.handshake(&to.host, &[b"http/1.1"], &scope, socket);
            handshake.await.map_err(tls_failed)
        };
        let handshake = Box::pin(within(deadline, Phase::Tls, "TLS", handshake)).await?;
        // Whoever is asked may take their time.
        let (stream, info) = Box::pin(handshake.accepted()).await.map_err(tls_failed)?;
        facts.handshake = Some((start, instant()));
        facts.tls = Some(info);
        Ok(Connection::new(Transport::Tls(Box::new(stream)), facts))
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_async, reason = "the same shape as with TLS")]
    async fn secure(
        &self,
        _: &Destination,
        _: Dialled,
        _: ConnectLimits,
    ) -> Result<Connection, Error> {
        Err(Error::new(netreq_proto::NetError::NotImplemented, Phase::Tls)
            .with_source("this build has no TLS: turn on the feature `tls`"))
    }
}

/// TLS 1.2 has an alert for a missing certificate that fits much else.
#[cfg(feature = "tls")]
fn may_want_identity(error: NetError) -> bool {
    matches!(error, NetError::BadSslClientAuthCert | NetError::SslVersionOrCipherMismatch)
}

#[cfg(feature = "tls")]
fn tls_failed(failure: crate::tls::TlsError) -> Error {
    Error::new(failure.net_error(), Phase::Tls).with_source(failure.into_source())
}

/// A connected socket and how it came to be.
pub(crate) struct Dialled {
    socket: Socket,
    facts: ConnectionFacts,
}

impl Dialled {
    fn new(
        socket: Socket,
        resolve: Option<(Instant, Instant)>,
        connect: (Instant, Instant),
    ) -> Self {
        let (remote_address, local_address) = match &socket {
            Socket::Tcp(stream) => (stream.peer_addr().ok(), stream.local_addr().ok()),
            #[cfg(unix)]
            Socket::Unix(_) => (None, None),
            #[cfg(test)]
            Socket::Memory(_) => (None, None),
        };
        let facts = ConnectionFacts {
            remote_address,
            local_address,
            #[cfg(feature = "tls")]
            tls: None,
            resolve,
            connect,
            handshake: None,
            cut: Cut::default(),
        };
        Self { socket, facts }
    }
}

async fn within<T>(
    deadline: Option<Instant>,
    phase: Phase,
    limit: &'static str,
    step: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match deadline {
        None => step.await,
        Some(deadline) => match tokio::time::timeout_at(deadline.into(), step).await {
            Ok(result) => result,
            Err(_) => Err(Error::timed_out(phase, limit)),
        },
    }
}
