//! Connections of the authz listener: at most so many at a time, and read in turns.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
#[cfg(feature = "issuer")]
use tokio_stream::Stream;
#[cfg(feature = "issuer")]
use tonic::transport::server::{Connected, TcpConnectInfo};

use super::portable::PortableSocket;
use super::read_turns::ReadTurns;
use crate::tls::{Admission, Secured};

/// How long accepting pauses when the system is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What every HTTP/2 connection begins with (RFC 9113 section 3.4), in bytes.
const PREFACE_BYTES: usize = 24;

/// A listening socket of either kind.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Accepts connections while there are fewer than the bound; others wait in the system's queue.
pub(super) struct Connections {
    listener: Listener,
    places: Arc<Semaphore>,
    patience: Duration,
}

impl Connections {
    /// Connections that have not begun to speak HTTP/2 after `patience` end: later HTTP/2 itself
    /// asks silent ones whether they live.
    pub(super) fn new(listener: Listener, max_connections: usize, patience: Duration) -> Self {
        Self {
            listener,
            places: Arc::new(Semaphore::new(max_connections)),
            patience,
        }
    }

    /// The connections, for a server that takes them as they come.
    #[cfg(feature = "issuer")]
    pub(super) fn stream(self) -> impl Stream<Item = io::Result<Connection>> {
        futures_util::stream::unfold(self, async |connections| {
            let connection = connections.accept().await?.open(None);
            Some((connection, connections))
        })
    }

    /// The listener with a port, the places and the patience; nothing of a Unix socket.
    pub(super) fn into_tcp(self) -> Option<(TcpListener, Arc<Semaphore>, Duration)> {
        match self.listener {
            Listener::Tcp(listener) => Some((listener, self.places, self.patience)),
            Listener::Unix(_) => None,
        }
    }

    /// The next connection; nothing if there will never be another.
    pub(super) async fn accept(&self) -> Option<Accepted> {
        // The place first: a connection that was accepted without one would have to be closed, with the
        // checks that the proxy has sent on it.
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let socket = accept_one(|| self.listener.accept()).await;
        Some(Accepted {
            socket,
            patience: self.patience,
            place,
            admission: None,
        })
    }
}

impl Listener {
    async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = accept_tcp(listener).await?;
                stream.into_std().map(Socket::Tcp)
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.into_std().map(Socket::Unix)
            }
        }
    }
}

pub(super) async fn accept_tcp(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept().await?;
    // Answers are small and awaited: never hold them back. A failure costs speed.
    let _ = stream.set_nodelay(true);
    Ok((stream, peer))
}

/// Accepts until that succeeds. An error is of the system, which is out of file descriptors, or of a
/// client that has gone already: neither ends the listener, and the first must not spin.
pub(super) async fn accept_one<T, F>(mut accept: impl FnMut() -> F) -> T
where
    F: Future<Output = io::Result<T>>,
{
    loop {
        match accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection that belongs to no thread yet, and gives its place back when it ends.
pub(super) struct Accepted {
    socket: Socket,
    patience: Duration,
    place: OwnedSemaphorePermit,
    admission: Option<Admission>,
}

enum Socket {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
    /// The session of a handshake, on a socket that is detached.
    Tls(Box<TlsStream<PortableSocket>>),
}

impl Accepted {
    /// A connection whose handshake has succeeded, and whose socket belongs to no runtime.
    pub(super) fn secured(
        secured: Secured<PortableSocket>,
        patience: Duration,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            socket: Socket::Tls(Box::new(secured.stream)),
            patience,
            place,
            admission: secured.admission,
        }
    }

    /// Takes over to end the connection when its client is not admitted any more. What is not taken over
    /// ends at once then, whatever is under way.
    pub(super) fn take_admission(&mut self) -> Option<Admission> {
        self.admission.take()
    }

    /// Hands the connection to the runtime that is entered, to be read in these turns if any.
    pub(super) fn open(self, turns: Option<Arc<ReadTurns>>) -> io::Result<Connection> {
        let transport = match self.socket {
            Socket::Tcp(stream) => Transport::Tcp(TcpStream::from_std(stream)?),
            Socket::Unix(stream) => Transport::Unix(UnixStream::from_std(stream)?),
            Socket::Tls(mut stream) => {
                // The handshake ran on another runtime, whose I/O driver must not wake this thread's
                // connection.
                stream.get_mut().0.attach()?;
                Transport::Tls(stream)
            }
        };
        Ok(Connection {
            transport,
            beginning: Some(Beginning::new(self.patience)),
            admitted: self.admission.map(Admitted::new),
            turns,
            _place: self.place,
        })
    }
}

enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<PortableSocket>>),
}

/// A connection, which gives its place back when it ends.
pub(super) struct Connection {
    transport: Transport,
    /// Absent once the other end has begun.
    beginning: Option<Beginning>,
    /// Absent where nothing or somebody else ends the connection.
    admitted: Option<Admitted>,
    turns: Option<Arc<ReadTurns>>,
    _place: OwnedSemaphorePermit,
}

/// A client that may be turned out.
enum Admitted {
    /// Until this ends.
    Until(Pin<Box<dyn Future<Output = ()> + Send>>),
    NoMore,
}

impl Admitted {
    fn new(admission: Admission) -> Self {
        Self::Until(Box::pin(admission.withdrawn()))
    }

    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if let Self::Until(withdrawn) = self
            && withdrawn.as_mut().poll(context).is_ready()
        {
            *self = Self::NoMore;
        }
        matches!(self, Self::NoMore)
    }
}

/// How much of the preface is still to come, and until when.
struct Beginning {
    missing: usize,
    deadline: Pin<Box<Sleep>>,
}

impl Beginning {
    fn new(patience: Duration) -> Self {
        Self {
            missing: PREFACE_BYTES,
            deadline: Box::pin(tokio::time::sleep(patience)),
        }
    }
}

#[cfg(feature = "issuer")]
impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        TcpConnectInfo {
            local_addr: None,
            remote_addr: match &self.transport {
                Transport::Tcp(stream) => stream.peer_addr().ok(),
                Transport::Unix(_) => None,
                Transport::Tls(stream) => stream.get_ref().0.peer(),
            },
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.turns.as_ref().is_some_and(|turns| turns.is_used_up()) {
            // The rest of the turn handles what was read.
            // The socket has announced its data already, and would not wake this task a second time.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let admitted = self.admitted.as_mut();
        if admitted.is_some_and(|admitted| admitted.is_over(context)) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buffer.filled().len();
        let read = match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Transport::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Transport::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        let count = buffer.filled().len() - before;
        if let Some(turns) = &self.turns {
            turns.note_read(count);
        }
        if let Some(beginning) = &mut self.beginning {
            beginning.missing = beginning.missing.saturating_sub(count);
            if beginning.missing == 0 {
                self.beginning = None;
            } else if read.is_pending() && beginning.deadline.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Transport::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Transport::Unix(stream) => Pin::new(stream).poll_flush(context),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Transport::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    /// With vectored writes h2 keeps answers over 256 bytes apart, and sends the trailers in a
    /// write of their own; without, it gathers up to 1024 bytes into one. Writes are what a check
    /// costs the kernel, which is more than it costs the gate.
    fn is_write_vectored(&self) -> bool {
        false
    }
}
