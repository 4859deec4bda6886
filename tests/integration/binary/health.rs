//! `portcullis health`: whom it asks, what it waits for, and how it ends.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Collected, Server, portcullis, run, text};
use crate::jwks_server::{Behaviour, JwksServer, ok};
use crate::test_app::Setup;
use crate::test_issuer::{AUDIENCE, ISSUER, TestIssuer};

/// A probe ends after two seconds; this only turns a hang into a failure.
const MUCH_LONGER: Duration = Duration::from_secs(30);

/// Writes the real address of the admin listener into the configuration of a server that took a free port.
fn name_admin_address(server: &Server) {
    let path = server.folder.path().join("portcullis.yaml");
    let config = fs::read_to_string(&path).unwrap();
    let admin = format!("admin: {{address: \"{}\"}}", server.admin_address());
    let named = config.replace("admin: {address: \"127.0.0.1:0\"}", &admin);
    assert_ne!(named, config);
    fs::write(&path, named).unwrap();
}

#[test]
fn a_configuration_stands_for_the_process_that_was_started_with_it() {
    let server = Server::start(&Setup::default());
    server.logs("\"message\":\"ready\"");
    name_admin_address(&server);
    let own = server.folder.path();
    // The same content in another folder is another server's configuration.
    let other = tempfile::tempdir().unwrap();
    fs::copy(
        own.join("portcullis.yaml"),
        other.path().join("portcullis.yaml"),
    )
    .unwrap();
    let rows: [(&Path, i32, &str); 2] = [(own, 0, "ok\n"), (other.path(), 2, "")];
    for (folder, code, out) in rows {
        let flag = run(&["health", "--config", "portcullis.yaml"], folder);
        let mut variable = portcullis(&["health"], folder);
        variable.env("PORTCULLIS_CONFIG", folder.join("portcullis.yaml"));
        for output in [flag, variable.output().unwrap()] {
            assert_eq!(output.status.code(), Some(code), "{output:?}");
            assert_eq!(text(&output.stdout), out);
            let said = text(&output.stderr);
            assert_eq!(
                said.contains("was started with another configuration"),
                code == 2,
                "{said}"
            );
        }
    }
    // `--address` asks any process that listens there.
    let address = server.admin_address().to_string();
    let mut asked = portcullis(&["health", "--address", &address], other.path());
    asked.env("PORTCULLIS_CONFIG", "portcullis.yaml");
    asked.env("PORTCULLIS_ADMIN_ADDRESS", "nowhere");
    assert_eq!(asked.output().unwrap().status.code(), Some(0));
}

#[test]
fn an_empty_address_in_the_environment_counts_as_unset() {
    let server = Server::start(&Setup::default());
    server.logs("\"message\":\"ready\"");
    name_admin_address(&server);
    let mut asked = portcullis(
        &["health", "--config", "portcullis.yaml"],
        server.folder.path(),
    );
    asked.env("PORTCULLIS_ADMIN_ADDRESS", "");
    let output = asked.output().unwrap();
    assert_eq!(text(&output.stdout), "ok\n", "{}", text(&output.stderr));
}

/// As for `serve`, it only says where the process of the configuration listens.
#[test]
fn an_address_in_the_environment_does_not_stand_for_a_configuration() {
    let server = Server::start(&Setup::default());
    server.logs("\"message\":\"ready\"");
    let other = tempfile::tempdir().unwrap();
    let own = server.folder.path();
    let config = "portcullis.yaml";
    fs::copy(own.join(config), other.path().join(config)).unwrap();
    let address = server.admin_address().to_string();
    let rows: [(&Path, &[&str], &str, i32, &str); 6] = [
        (own, &["--config", config], &address, 0, ""),
        (
            other.path(),
            &["--config", config],
            &address,
            2,
            "another configuration",
        ),
        (
            other.path(),
            &["--config", "missing.yaml"],
            &address,
            2,
            "cannot read",
        ),
        (other.path(), &[], &address, 0, ""),
        (other.path(), &[], "nowhere", 2, "PORTCULLIS_ADMIN_ADDRESS"),
        (
            other.path(),
            &["--address", &address, "--config", config],
            "127.0.0.1:1",
            0,
            "",
        ),
    ];
    for (folder, arguments, variable, code, words) in rows {
        let mut asked = portcullis(&["health"], folder);
        asked
            .args(arguments)
            .env("PORTCULLIS_ADMIN_ADDRESS", variable);
        let output = asked.output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {output:?}"
        );
        assert!(text(&output.stderr).contains(words), "{output:?}");
    }
}

#[test]
fn a_configuration_that_cannot_be_asked_about_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("free.yaml"),
        "listeners: {admin: {address: \"127.0.0.1:0\"}}",
    )
    .unwrap();
    for (file, words) in [
        ("missing.yaml", "cannot read `missing.yaml`"),
        ("free.yaml", "`--address`"),
    ] {
        let output = run(&["health", "--config", file], folder.path());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).contains(words), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_when_the_gate_becomes_ready_and_says_each_reason_once() {
    let issuer = TestIssuer::new("key-1");
    let Behaviour::Answer(bytes) = ok(&TestIssuer::jwks([&issuer])) else {
        panic!("`ok` is an answer");
    };
    let keys = JwksServer::start(Behaviour::AnswerWhenReleased(bytes)).await;
    let server = Server::start(&Setup {
        trust: Some(format!(
            "{{issuer: \"{ISSUER}\", audiences: [{AUDIENCE}], algorithms: [ES256], \
             jwks_uri: \"{}\", jwks_timeout_ms: 60000}}",
            keys.url()
        )),
        ..Setup::default()
    });
    name_admin_address(&server);
    let arguments = ["health", "--config", "portcullis.yaml", "--wait", "600"];
    let mut command = portcullis(&arguments, server.folder.path());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdout = Collected::from(child.stdout.take().unwrap());
    let stderr = Collected::from(child.stderr.take().unwrap());
    stderr.until(|said, _| said.contains("keys or revocations are not loaded yet"));
    keys.release();
    assert_eq!(stdout.until(|_, ended| ended), "ok\n");
    assert!(child.wait().unwrap().success());
    let said = stderr.until(|_, ended| ended);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("portcullis: waiting: "), "{said}");
}

#[test]
fn waiting_has_an_end() {
    let mut server = Server::start(&Setup {
        drain_seconds: 3600,
        ..Setup::default()
    });
    let address = server.admin_address().to_string();
    server.signal("TERM");
    server.logs("draining");
    let arguments = ["health", "--address", &address, "--wait", "1"];
    let draining = run(&arguments, server.folder.path());
    assert_eq!(draining.status.code(), Some(1), "{draining:?}");
    let said = text(&draining.stderr);
    assert_eq!(said.matches("draining").count(), 1, "{said}");
    assert!(
        said.ends_with("portcullis: not ready after 1 second\n"),
        "{said}"
    );
    server.child.kill().unwrap();
    server.ended();
    let gone = run(&arguments, server.folder.path());
    assert_eq!(gone.status.code(), Some(2), "{gone:?}");
    let said = text(&gone.stderr);
    assert_eq!(
        said.matches("no answer from the admin listener").count(),
        1,
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_silent_slow_or_something_else_is_no_answer() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let rows = [
        (Behaviour::Stall, "it did not answer in time"),
        (Behaviour::Drip(head.into()), "it did not answer in time"),
        (Behaviour::Drip(Vec::new()), "it did not answer in time"),
        (
            Behaviour::Flood(head.into(), 1 << 40),
            "its answer does not end",
        ),
        (ok("hello"), "is not an admin listener of Portcullis"),
        (ok("okay"), "is not an admin listener of Portcullis"),
        (ok("\nok\n"), "is not an admin listener of Portcullis"),
        (ok(""), "is not an admin listener of Portcullis"),
        (
            Behaviour::Answer("HTTP/1.1 404 Not Found\r\n\r\n".into()),
            "is not an admin listener",
        ),
        (
            Behaviour::Answer("SSH-2.0-OpenSSH_9.2p1\r\n".into()),
            "is not an admin listener",
        ),
        (
            Behaviour::Answer("HTTP/1.1 \u{e9}\u{e9}".into()),
            "is not an admin listener",
        ),
    ];
    for (behaviour, words) in rows {
        let shown = format!("{behaviour:?}");
        let server = JwksServer::start(behaviour).await;
        let address = server.address();
        let began = Instant::now();
        let (code, said) = tokio::task::spawn_blocking(move || ask(address))
            .await
            .unwrap();
        assert_eq!(code, Some(2), "{shown}: {said}");
        assert!(said.contains(words), "{shown}: {said}");
        assert!(began.elapsed() < MUCH_LONGER, "{shown}");
    }
}

/// A gate that knows too little of revocations stays in service and says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_ready_with_reservations_is_ready() {
    for said in ["ok\n", "ok\none thing: see /status\nanother: see /status\n"] {
        let server = JwksServer::start(ok(said)).await;
        let address = server.address().to_string();
        for arguments in [
            &["health", "--address", &address][..],
            &["health", "--address", &address, "--wait", "30"],
        ] {
            let mut command = portcullis(arguments, Path::new("/"));
            let output = tokio::task::spawn_blocking(move || command.output()).await;
            let output = output.unwrap().unwrap();
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            assert_eq!(text(&output.stdout), said);
            assert_eq!(text(&output.stderr), "");
        }
    }
}

fn ask(address: SocketAddr) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        &["health", "--address", &address.to_string()],
        folder.path(),
    );
    (output.status.code(), text(&output.stderr))
}
