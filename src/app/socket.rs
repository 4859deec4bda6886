//! Listening sockets, bound before anything is served on them.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::connection::Listener;
use crate::config::{AdminListener, AuthzListener, ListenAddress};

/// The bound socket of the authz listener.
pub(super) enum AuthzSocket {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, PathBuf),
}

impl AuthzSocket {
    pub(super) fn bind(listener: &AuthzListener) -> anyhow::Result<Self> {
        match &listener.address {
            ListenAddress::Tcp(address) => {
                let socket = bind_tcp(*address, "listeners.authz.address")?;
                let address = socket.local_addr()?;
                Ok(Self::Tcp(socket, address))
            }
            ListenAddress::Unix(path) => {
                let socket = bind_unix(path, listener.socket_mode)?;
                Ok(Self::Unix(socket, path.clone()))
            }
        }
    }

    pub(super) fn address(&self) -> ListenAddress {
        match self {
            Self::Tcp(_, address) => ListenAddress::Tcp(*address),
            Self::Unix(_, path) => ListenAddress::Unix(path.clone()),
        }
    }

    /// Hands the socket to the runtime that is entered.
    pub(super) fn listen(self) -> anyhow::Result<Listener> {
        match self {
            Self::Tcp(socket, _) => Ok(Listener::Tcp(tokio::net::TcpListener::from_std(socket)?)),
            Self::Unix(socket, _) => {
                Ok(Listener::Unix(tokio::net::UnixListener::from_std(socket)?))
            }
        }
    }
}

#[cfg(feature = "issuer")]
pub(super) fn bind_issuer(address: SocketAddr) -> anyhow::Result<TcpListener> {
    bind_tcp(address, "issuer.address")
}

#[cfg(feature = "issuer")]
pub(super) fn bind_feed(address: SocketAddr) -> anyhow::Result<TcpListener> {
    bind_tcp(address, "listeners.feed.address")
}

/// The bound sockets of the admin listener.
pub(super) struct AdminSockets {
    pub(super) main: TcpListener,
    /// For probes without TLS.
    pub(super) plain: Option<TcpListener>,
}

impl AdminSockets {
    pub(super) fn bind(listener: &AdminListener) -> anyhow::Result<Self> {
        let plain = listener.plain_address;
        let plain = plain.map(|address| bind_tcp(address, "listeners.admin.plain_address"));
        Ok(Self {
            main: bind_tcp(listener.address, "listeners.admin.address")?,
            plain: plain.transpose()?,
        })
    }

    /// The real addresses, of the one and of the other.
    pub(super) fn addresses(&self) -> anyhow::Result<(SocketAddr, Option<SocketAddr>)> {
        let plain = self.plain.as_ref().map(TcpListener::local_addr);
        Ok((self.main.local_addr()?, plain.transpose()?))
    }
}

fn bind_tcp(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    let socket = TcpListener::bind(address).with_context(|| {
        format!("`{key}: {address}` cannot be listened on: stop the process that uses it, or choose another address")
    })?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Binds a Unix socket with its mode. A socket that nobody answers is replaced: it is what an
/// earlier process left behind.
fn bind_unix(path: &Path, mode: u32) -> anyhow::Result<UnixListener> {
    let shown = path.display();
    if let Ok(metadata) = std::fs::symlink_metadata(path) {
        if !metadata.file_type().is_socket() {
            bail!(
                "`listeners.authz.address: unix:{shown}` exists and is not a socket: choose another path"
            );
        }
        // A socket that somebody answers on is another gate's: to replace it would take that gate's
        // checks away without its notice.
        if !is_stale(path) {
            bail!(
                "`listeners.authz.address: unix:{shown}` is in use by another process: stop it, or choose another path"
            );
        }
        std::fs::remove_file(path)
            .with_context(|| format!("cannot remove the stale socket `{shown}`"))?;
    }
    // Bound under another name first: under its own it has its mode from the beginning.
    let staging = path.with_file_name(format!(".{}", std::process::id()));
    let _ = std::fs::remove_file(&staging);
    let socket = UnixListener::bind(&staging).with_context(|| {
        format!("`listeners.authz.address: unix:{shown}` cannot be listened on: check that its directory exists and can be written")
    })?;
    std::fs::set_permissions(&staging, std::fs::Permissions::from_mode(mode))
        .and_then(|()| std::fs::rename(&staging, path))
        .with_context(|| format!("cannot put the socket in place at `{shown}`"))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Only a refused connection proves that nobody listens: a socket that may not be asked, or is of
/// another kind, belongs to somebody.
fn is_stale(path: &Path) -> bool {
    UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}
