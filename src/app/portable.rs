//! A socket that can pass from one runtime to another.

use std::io::{self, ErrorKind, IoSlice};
use std::mem;
#[cfg(feature = "issuer")]
use std::net::SocketAddr;
use std::net::TcpStream as IdleStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TLS session cannot be taken off its socket and put on another, so the socket within it changes.
pub(super) enum PortableSocket {
    /// It belongs to a runtime.
    Attached(TcpStream),
    /// It belongs to none, and can be neither read nor written.
    Detached(IdleStream),
    /// The system refused to let it pass.
    Lost,
}

impl PortableSocket {
    /// Takes the socket from its runtime.
    pub(super) fn detach(&mut self) -> io::Result<()> {
        if let Self::Attached(stream) = mem::replace(self, Self::Lost) {
            *self = Self::Detached(stream.into_std()?);
        }
        Ok(())
    }

    /// Hands the socket to the runtime that is entered.
    pub(super) fn attach(&mut self) -> io::Result<()> {
        if let Self::Detached(stream) = mem::replace(self, Self::Lost) {
            *self = Self::Attached(TcpStream::from_std(stream)?);
        }
        Ok(())
    }

    /// The address of the other end, if it is still there.
    #[cfg(feature = "issuer")]
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Attached(stream) => stream.peer_addr().ok(),
            Self::Detached(stream) => stream.peer_addr().ok(),
            Self::Lost => None,
        }
    }

    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        match self.get_mut() {
            Self::Attached(stream) => Ok(Pin::new(stream)),
            Self::Detached(_) | Self::Lost => Err(ErrorKind::NotConnected.into()),
        }
    }
}

impl AsyncRead for PortableSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for PortableSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}
