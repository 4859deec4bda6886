//! `portcullis doctor --url` where there is no proxy: over TLS, without an answer, and with wrong arguments.

use std::net::TcpListener;

use super::{Server, run, text};
use crate::test_app::{Setup, write_files};
use crate::test_issuer::TestIssuer;
use crate::test_tls::{Authority, write};

/// The admin listener of a real gate is a server that speaks TLS and asks for no token.
#[test]
fn over_tls_the_certificate_is_checked() {
    let setup = Setup {
        admin_extra: ", tls: {cert_file: gate.pem, key_file: gate.key}".to_owned(),
        ..Setup::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::new("key-1");
    write_files(folder.path(), &setup, &issuer);
    let authority = Authority::new("proxy");
    write(folder.path(), "authority.pem", &authority.pem);
    authority.certify("127.0.0.1").write(folder.path(), "gate");
    write(folder.path(), "other.pem", &Authority::new("other").pem);
    let server = Server::spawn_in(folder, issuer, |_| {});
    server.serves();
    let url = format!("https://{}", server.admin_address());
    let asked = |ca: &str| {
        let arguments = [
            "doctor",
            "--url",
            &url,
            "--public",
            "/livez",
            "--private",
            "/status",
            "--ca",
            ca,
        ];
        let output = run(&arguments, server.folder.path());
        (text(&output.stdout), output.status.code())
    };
    let (said, code) = asked("authority.pem");
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("OK      public: GET /livez\n        came:  200\n"),
        "{said}"
    );
    assert!(
        said.contains("FAIL    private: GET /status\n        came:  200\n"),
        "{said}"
    );
    let (said, code) = asked("other.pem");
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("no trusted authority has signed the server's certificate"),
        "{said}"
    );
    assert!(said.contains("`--ca`"), "{said}");
}

#[test]
fn nobody_is_waited_for_without_end() {
    let folder = tempfile::tempdir().unwrap();
    // Connections are taken by the system, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let output = run(
        &["doctor", "--url", &url, "--public", "/", "--private", "/a"],
        folder.path(),
    );
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("no answer: it did not answer within 5 seconds"),
        "{said}"
    );
    assert!(
        said.ends_with("asked 2 times: 0 ok, 0 fail, 2 unclear, 0 note\n"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_asked_is_said_with_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("closed.yaml"),
        "version: 1\nroutes: [{name: a, methods: [GET], path: /a, access: nobody}]\n",
    )
    .unwrap();
    for (arguments, expected) in [
        (
            &["--url", "shop.example"][..],
            "is not the address of a proxy",
        ),
        (
            &["--url", "https://u:hunter2@h"],
            "is not the address of a proxy",
        ),
        (&["--url", "http://h"], "name the policy by `--policy FILE`"),
        (
            &["--url", "http://h", "--public", "/", "--private", "a"],
            "`a` is not a path",
        ),
        (
            &["--url", "http://h", "--public", "/", "--private", "/a b"],
            "is not a path",
        ),
        (
            &["--url", "http://h", "--policy", "closed.yaml"],
            "no public route for GET at this host",
        ),
        (
            &[
                "--url",
                "http://h",
                "--policy",
                "closed.yaml",
                "--public",
                "/",
            ],
            "asks for a token",
        ),
        (
            &[
                "--url",
                "http://h",
                "--ca",
                "ca.pem",
                "--public",
                "/",
                "--private",
                "/a",
            ],
            "is for an address with `https`",
        ),
        (&["--gate-stopped", "envoy.yaml"], "--url <URL>"),
        (
            &["--url", "http://h", "envoy.yaml"],
            "name either files or `--url URL`",
        ),
        (&[], "the following required arguments"),
    ] {
        let output = run(&[&["doctor"], arguments].concat(), folder.path());
        let said = text(&output.stderr);
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
        assert_eq!(output.status.code(), Some(2), "{said}");
    }
}
