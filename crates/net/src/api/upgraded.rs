//! A connection that no longer speaks HTTP.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connect::Connection;

/// The connection after a 101 (Switching Protocols), bytes that came behind the head first.
///
/// Dropping it closes the connection.
pub struct Upgraded(Option<Box<Connection>>);

impl Upgraded {
    pub(super) fn new(connection: Option<Box<Connection>>) -> Self {
        Self(connection)
    }

    fn connection(&mut self) -> io::Result<&mut Connection> {
        self.0.as_deref_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let connection = self.connection()?;
        if !connection.buffer.is_empty() {
            let taken = connection.buffer.len().min(buffer.remaining());
            buffer.put_slice(&connection.buffer[..taken]);
            connection.buffer.advance(taken);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut connection.transport).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection()?.transport).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection()?.transport.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection()?.transport).poll_shutdown(cx)
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Upgraded").finish_non_exhaustive()
    }
}
