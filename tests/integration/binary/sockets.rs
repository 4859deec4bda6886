//! Where the server listens: the file, over it the environment, over it the flag; Unix sockets.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;

use super::Server;
use crate::asker::Asker;
use crate::test_app::Setup;

#[test]
fn the_flag_wins_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| format!("unix:{}/{name}", folder.path().display());
    let setup = Setup {
        authz_address: Some(path("file")),
        ..Setup::default()
    };
    let file = Server::start(&setup);
    assert_eq!(file.address("authz"), path("file"));
    let environment = Server::spawn(&setup, |command| {
        command.env("PORTCULLIS_AUTHZ_ADDRESS", path("environment"));
    });
    assert_eq!(environment.address("authz"), path("environment"));
    let flag = Server::spawn(&setup, |command| {
        command.env("PORTCULLIS_AUTHZ_ADDRESS", path("unused"));
        command.args(["--authz-address", &path("flag")]);
    });
    assert_eq!(flag.address("authz"), path("flag"));
}

#[test]
fn policy_and_log_follow_the_environment_too() {
    let other =
        "version: 1\nroutes: [{name: all, methods: [\"*\"], path: \"/{*rest}\", access: public}]";
    let server = Server::spawn(&Setup::default(), |command| {
        let folder = command.get_current_dir().unwrap();
        std::fs::write(folder.join("other.yaml"), other).unwrap();
        command.env("PORTCULLIS_POLICY", "other.yaml,policy.yaml");
        command.env("PORTCULLIS_LOG_FORMAT", "text");
    });
    let log = server.stderr.until(|log, _| log.contains("serving"));
    assert!(log.contains("policy.routes=7"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unix_socket_has_its_mode_and_goes_at_the_end() {
    for (written, mode) in [("0600", 0o600), ("0660", 0o660), ("0666", 0o666)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate.sock");
        let setup = Setup {
            authz_address: Some(format!("unix:{}", path.display())),
            authz_extra: format!(", socket_mode: \"{written}\""),
            ..Setup::default()
        };
        let mut server = Server::start(&setup);
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.mode() & 0o7777, mode);
        let asker = Asker::connect_unix(path).await;
        assert_eq!(asker.ask("/products/1", None).await.status, 200);
        server.signal("TERM");
        assert_eq!(server.ended().code(), Some(0));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_stale_socket_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    let setup = Setup {
        authz_address: Some(format!("unix:{}", path.display())),
        ..Setup::default()
    };
    // Closed without being removed, as by a process that was killed.
    drop(UnixListener::bind(&path).unwrap());
    let mut killed = Server::start(&setup);
    killed.child.kill().unwrap();
    killed.ended();
    assert!(path.exists());
    let _server = Server::start(&setup);
    let asker = Asker::connect_unix(path).await;
    assert_eq!(asker.ask("/account", None).await.status, 401);
}

#[test]
fn plain_text_for_other_hosts_is_warned_of() {
    const WARNING: &str = "in plain text";
    let warned = |address: &str| {
        let setup = Setup {
            authz_address: Some(address.to_owned()),
            ..Setup::default()
        };
        let server = Server::start(&setup);
        let log = server.stderr.until(|log, _| log.contains("serving"));
        log.lines()
            .any(|line| line.contains("WARN") && line.contains(WARNING))
    };
    assert!(warned("0.0.0.0:0"));
    assert!(warned("[::]:0"));
    assert!(!warned("127.0.0.1:0"));
    assert!(!warned("[::1]:0"));
}
