//! `portcullis doctor --url` asks a real Envoy, whose gate is asked, left out, or stopped.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::envoy_process::{Door, Envoy, HeaderEncoding, NEWEST};
use crate::test_app::TestApp;
use crate::upstream::Upstream;

/// What is said, with the exit code.
fn doctor(folder: &Path, door: SocketAddr, more: &[&str]) -> (String, i32) {
    let url = format!("http://{door}");
    asked(
        folder,
        &[&["--url", &url, "--policy", "policy.yaml"], more].concat(),
    )
}

fn asked(folder: &Path, arguments: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .arg("doctor")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let said =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (said, output.status.code().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_asks_the_gate_passes() {
    let gate = TestApp::start();
    let upstream = Upstream::start().await;
    let address = gate.app.authz_address();
    let normal = json!({"normalize_path": true, "merge_slashes": true,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT"});
    let doors = [
        Door::new("as-it-comes", address, HeaderEncoding::Raw),
        Door::new("normalized", address, HeaderEncoding::Raw).managed(normal),
    ];
    let envoy = Envoy::start(NEWEST, &doors, upstream.address).await;
    for door in ["as-it-comes", "normalized"] {
        let (said, code) = doctor(gate.folder.path(), envoy.address(door), &[]);
        assert_eq!(code, 0, "{said}");
        for expected in [
            "OK      public: GET /products/1\n        came:  200, from the upstream\n",
            "OK      private: GET /orders/1\n        came:  401, WWW-Authenticate: Bearer realm=\"portcullis\", decision ",
            "means: the gate refuses it without a token\n",
            "OK      doubled slash: GET //orders/1\n",
            "OK      identity headers of the caller: GET /products/1\n",
            "asked 13 times: 13 ok, 0 fail, 0 unclear, 0 note\n",
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
    }
    // Nothing private and no forged identity has passed.
    for seen in upstream.seen() {
        assert!(seen.path.starts_with("/products/1"), "{seen:?}");
        assert!(!format!("{seen:?}").contains("forged"), "{seen:?}");
    }
    let (said, code) = doctor(
        gate.folder.path(),
        envoy.address("as-it-comes"),
        &["--gate-stopped"],
    );
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("a gate has answered: stop it"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_leaves_the_gate_out_is_found() {
    let gate = TestApp::start();
    let upstream = Upstream::start().await;
    let never = json!({"filter_enabled": {"default_value": {"numerator": 0}}});
    let door = Door::new("never", gate.app.authz_address(), HeaderEncoding::Raw).with(never);
    let envoy = Envoy::start(NEWEST, &[door], upstream.address).await;
    let (said, code) = doctor(gate.folder.path(), envoy.address("never"), &[]);
    assert_eq!(code, 1, "{said}");
    for expected in [
        "FAIL    private: GET /orders/1\n        came:  200, from the upstream\n",
        "FAIL    encoded letter: GET /%6frders/1\n",
        "FAIL    identity headers of the caller: GET /products/1\n",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let (json, code) = doctor(
        gate.folder.path(),
        envoy.address("never"),
        &["--format", "json"],
    );
    assert_eq!(code, 1, "{json}");
    let answers: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(answers["answers"][1]["standing"], "fail");
    assert_eq!(answers["answers"][1]["from_upstream"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_without_its_gate_is_shut_or_found_open() {
    let gate = TestApp::start();
    let upstream = Upstream::start().await;
    let address = gate.app.authz_address();
    let doors = [
        Door::new("shut", address, HeaderEncoding::Raw),
        Door::new("shut-403", address, HeaderEncoding::Raw)
            .with(json!({"status_on_error": {"code": "Forbidden"}})),
        Door::new("open", address, HeaderEncoding::Raw).failing_open(),
    ];
    let envoy = Envoy::start(NEWEST, &doors, upstream.address).await;
    let policy = std::fs::read(gate.folder.path().join("policy.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("policy.yaml"), policy).unwrap();
    drop(gate);
    for (door, code, words) in [
        ("shut", 0, "without the gate the proxy refuses"),
        ("shut-403", 0, "without the gate the proxy refuses"),
        ("open", 1, "set `failure_mode_allow: false`"),
    ] {
        let (said, ended) = doctor(folder, envoy.address(door), &["--gate-stopped"]);
        assert_eq!(ended, code, "{door}: {said}");
        assert_eq!(said.matches(words).count(), 2, "{said}");
    }
    // Whoever forgets to say that it is stopped learns that it does not answer, or that all is open.
    for (door, code) in [("shut", 2), ("open", 1)] {
        let url = format!("http://{}", envoy.address(door));
        let (said, ended) = asked(
            folder,
            &[
                "--url",
                &url,
                "--public",
                "/products/1",
                "--private",
                "/orders/1",
            ],
        );
        assert_eq!(ended, code, "{said}");
    }
}
