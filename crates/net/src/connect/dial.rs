//! From addresses to one connected socket: Happy Eyeballs (RFC 8305), Unix sockets, and the options
//! every socket gets.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use netreq_proto::dial::{Dial, Schedule};
use netreq_proto::{NetError, Phase};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};

use super::{Dialled, Socket};
use crate::error::Error;
use crate::runtime::{Clock, instant};

/// Connects to one address.
pub(super) async fn tcp(address: SocketAddr, local: Option<IpAddr>) -> io::Result<Socket> {
    let stream = match local {
        None => TcpStream::connect(address).await?,
        Some(local) => {
            let socket = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            socket.bind(SocketAddr::new(local, 0))?;
            socket.connect(address).await?
        }
    };
    stream.set_nodelay(true)?;
    // Chromium keeps its sockets alive alike (`TCPSocketPosix::SetDefaultOptionsForClient`).
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE))?;
    Ok(Socket::Tcp(stream))
}

/// Connects to whichever of `addresses` answers first; the later ones start only as the earlier
/// ones fail or take their time.
pub(super) async fn race(
    addresses: Vec<SocketAddr>,
    local: Option<IpAddr>,
) -> Result<Socket, Error> {
    let clock = Clock::new();
    let mut schedule = Schedule::new(addresses, clock.now());
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut last_failure: Option<io::Error> = None;
    let mut timer: Pin<Box<Option<tokio::time::Sleep>>> = Box::pin(None);

    std::future::poll_fn(|cx| {
        loop {
            let mut progressed = false;
            let mut index = 0;
            while index < attempts.len() {
                match attempts[index].as_mut().poll(cx) {
                    Poll::Ready(Ok(socket)) => return Poll::Ready(Ok(socket)),
                    Poll::Ready(Err(error)) => {
                        drop(attempts.swap_remove(index));
                        schedule.failed();
                        last_failure = Some(error);
                        progressed = true;
                    }
                    Poll::Pending => index += 1,
                }
            }
            match schedule.poll(clock.now()) {
                Dial::Start(address) => {
                    attempts.push(Box::pin(tcp(address, local)));
                    continue;
                }
                Dial::WaitUntil(due) => {
                    let delay = due.saturating_sub(clock.now());
                    timer.set(Some(tokio::time::sleep_until((instant() + delay).into())));
                    if let Some(sleep) = timer.as_mut().as_pin_mut()
                        && pin!(sleep).poll(cx).is_ready()
                    {
                        continue;
                    }
                }
                Dial::Wait => {}
                Dial::Exhausted => return Poll::Ready(Err(failed(last_failure.take()))),
            }
            if !progressed {
                return Poll::Pending;
            }
        }
    })
    .await
}

/// Connects to the first of `addresses` that can be reached, one after the other.
pub(super) async fn in_turn(
    addresses: Vec<SocketAddr>,
    local: Option<IpAddr>,
) -> Result<Socket, Error> {
    let mut last_failure = None;
    for address in addresses {
        match tcp(address, local).await {
            Ok(socket) => return Ok(socket),
            Err(cause) => last_failure = Some(cause),
        }
    }
    Err(failed(last_failure))
}

#[cfg(unix)]
pub(super) async fn unix(path: &Path) -> Result<Dialled, Error> {
    let start = instant();
    let stream =
        tokio::net::UnixStream::connect(path).await.map_err(|cause| match cause.kind() {
            // A socket file that is not there or not listening is a server that is not running.
            io::ErrorKind::NotFound => {
                Error::new(NetError::ConnectionRefused, Phase::Connect).with_source(cause)
            }
            _ => Error::io(Phase::Connect, cause),
        })?;
    Ok(Dialled::new(Socket::Unix(stream), None, (start, instant())))
}

#[cfg(not(unix))]
pub(super) async fn unix(_: &Path) -> Result<Dialled, Error> {
    Err(Error::new(NetError::NotImplemented, Phase::Connect)
        .with_source("this system has no Unix sockets"))
}

type Attempt = Pin<Box<dyn Future<Output = io::Result<Socket>> + Send>>;

fn failed(cause: Option<io::Error>) -> Error {
    match cause {
        Some(cause) => Error::io(Phase::Connect, cause),
        None => Error::new(NetError::ConnectionFailed, Phase::Connect),
    }
}

const KEEP_ALIVE: Duration = Duration::from_secs(45);
