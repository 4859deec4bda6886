//! What a service manager is told by `sd_notify`, at a socket of the test's own.

use std::os::unix::net::UnixDatagram;

use super::{PATIENCE, Server};
use crate::jwks_server::{Behaviour, JwksServer, ok};
use crate::test_app::Setup;
use crate::test_issuer::TestIssuer;

/// A socket at a path, as systemd makes one.
struct Manager {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Manager {
    fn listen() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, folder }
    }

    fn start(&self, setup: &Setup) -> Server {
        Server::spawn(setup, |command| {
            command.env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        })
    }

    /// The first line of the next message.
    fn told(&self) -> String {
        let mut buffer = [0; 256];
        let length = self.socket.recv(&mut buffer).unwrap();
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        text.lines().next().unwrap().to_owned()
    }
}

#[test]
fn it_hears_of_the_start_of_reloads_and_of_the_end() {
    let manager = Manager::listen();
    let mut server = manager.start(&Setup::default());
    assert_eq!(manager.told(), "READY=1");
    server.logs("\"message\":\"ready\"");
    for _ in 0..2 {
        server.signal("HUP");
        assert_eq!(manager.told(), "RELOADING=1");
        assert_eq!(manager.told(), "READY=1");
    }
    server.signal("TERM");
    assert_eq!(manager.told(), "STOPPING=1");
    assert_eq!(server.ended().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_nothing_before_the_keys_are_loaded() {
    let Behaviour::Answer(bytes) = ok(&TestIssuer::jwks([&TestIssuer::new("key-1")])) else {
        panic!("`ok` is an answer");
    };
    let keys = JwksServer::start(Behaviour::AnswerWhenReleased(bytes)).await;
    let manager = Manager::listen();
    let mut server = manager.start(&Setup::waiting_for(&keys));
    server.serves();
    server.signal("HUP");
    server.logs("policy and keys reloaded");
    keys.release();
    assert_eq!(manager.told(), "READY=1");
    server.signal("TERM");
    assert_eq!(manager.told(), "STOPPING=1");
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn a_socket_that_cannot_be_one_is_an_error_at_the_start() {
    let mut server = Server::spawn(&Setup::default(), |command| {
        command.env("NOTIFY_SOCKET", "notify");
    });
    assert_eq!(server.ended().code(), Some(2));
    assert!(
        server.output().contains("NOTIFY_SOCKET"),
        "{}",
        server.output()
    );
}

#[test]
fn a_manager_that_is_gone_does_not_stop_the_gate() {
    let mut server = Server::spawn(&Setup::default(), |command| {
        command.env("NOTIFY_SOCKET", "/nonexistent/notify");
    });
    server.logs("cannot tell the service manager");
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
}
