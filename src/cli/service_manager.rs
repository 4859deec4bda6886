//! Tells systemd, or whoever else has set `NOTIFY_SOCKET`, what the server is about (`sd_notify(3)`).

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// What the server is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServiceState {
    /// Policy and keys are loaded; also after a reload, whatever became of it.
    Ready,
    /// Policy, keys and trust are read anew.
    Reloading,
    /// It drains and then ends.
    Stopping,
}

impl ServiceState {
    fn message(self) -> &'static str {
        match self {
            Self::Ready => "READY=1\nSTATUS=serving",
            Self::Reloading => "RELOADING=1\nSTATUS=reloading",
            Self::Stopping => "STOPPING=1\nSTATUS=draining",
        }
    }
}

/// Who started this process, if it wants to know.
#[derive(Debug)]
pub(super) struct ServiceManager(Option<SocketAddr>);

impl ServiceManager {
    /// The one that the environment names.
    pub(super) fn of_environment() -> anyhow::Result<Self> {
        Self::at(std::env::var_os("NOTIFY_SOCKET").as_deref())
    }

    fn at(socket: Option<&OsStr>) -> anyhow::Result<Self> {
        let address = match socket.map(OsStr::as_bytes) {
            None | Some([]) => None,
            Some([b'@', name @ ..]) => Some(SocketAddr::from_abstract_name(name)?),
            Some(path @ [b'/', ..]) => Some(SocketAddr::from_pathname(OsStr::from_bytes(path))?),
            Some(_) => anyhow::bail!(
                "the environment variable NOTIFY_SOCKET is not a path that begins with `/` or `@`: unset it, \
                 or name the socket of the service manager"
            ),
        };
        Ok(Self(address))
    }

    /// Tells it. A service manager that does not listen is no reason to stop serving.
    pub(super) fn tell(&self, state: ServiceState) {
        let Some(address) = &self.0 else { return };
        if let Err(error) = send(address, state.message()) {
            tracing::warn!(%error, ?state, "cannot tell the service manager (NOTIFY_SOCKET)");
        }
    }
}

fn send(address: &SocketAddr, message: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    // A manager whose queue is full must not hold up the gate.
    socket.set_nonblocking(true)?;
    socket.send_to_addr(message.as_bytes(), address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_and_abstract_names_are_sockets() {
        let rows = [
            (None, Some(false)),
            (Some(""), Some(false)),
            (Some("/run/systemd/notify"), Some(true)),
            (Some("@systemd"), Some(true)),
            (Some("notify"), None),
            (Some("vsock:2:1234"), None),
        ];
        for (socket, expected) in rows {
            let manager = ServiceManager::at(socket.map(OsStr::new)).ok();
            assert_eq!(
                manager.map(|manager| manager.0.is_some()),
                expected,
                "{socket:?}"
            );
        }
    }

    #[test]
    fn an_abstract_socket_is_told() {
        let name = format!("portcullis-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listening = UnixDatagram::bind_addr(&address).unwrap();
        let manager = ServiceManager::at(Some(OsStr::new(&format!("@{name}")))).unwrap();
        manager.tell(ServiceState::Ready);
        let mut buffer = [0; 64];
        let length = listening.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1\nSTATUS=serving");
    }
}
