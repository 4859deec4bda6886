//! Mistakes beside a secret in the configuration: what is said of them says nothing of the secret.

use std::fs;

use super::Server;
use super::bad_input::{refusal, replace};
use crate::client;
use crate::test_app::Setup;
use crate::test_issuer::{AUDIENCE, ISSUER};

const SECRET: &str = "hunter2";

/// The lines of a section `issuer` with this one in it.
fn issuer(line: &str) -> String {
    format!("issuer:\n  url: https://id.shop.example\n  {line}\n  threads: 1\n")
}

/// Lines with a mistake, and what is said of it.
fn mistakes() -> Vec<(String, &'static str)> {
    let rows = [
        ("stoer: postgres://u:hunter2@h/db", "unknown key `stoer`"),
        ("store: \"postgres://u:hunter2@h/db", "portcullis.yaml:"),
        ("store:postgres://u:hunter2@h/db", "portcullis.yaml:"),
        (
            "store: [\"postgres://u:hunter2@h/db\"]",
            "expected a single value",
        ),
        (
            "store: {postgres: //u:hunter2@h/db}",
            "expected a single value",
        ),
        ("store: !url postgres://u:hunter2@h/db", "tags (`!`)"),
        ("store: &hunter2 postgres://u:hunter2@h/db", "anchors (`&`)"),
        ("store: postgres://u:hunter2@h/db: x", "portcullis.yaml:"),
        (
            "store: a\n  store: postgres://u:hunter2@h/db",
            "the key `store`",
        ),
        (
            "store: >-\n    postgres://u:hunter2@h/db\n  stoer: x",
            "unknown key `stoer`",
        ),
        (
            "store: postgres://u:hunter2@h/db\n \t x: y",
            "portcullis.yaml:",
        ),
        ("store: postgres//u:hunter2@h/db", "is not valid"),
        (
            "store: postgres://u:hunter2@h/db?passwrd=hunter2",
            "a parameter that is not known",
        ),
        ("store: postgres://u:hunter2@h:port/db", "issuer.store"),
        ("store: postgres://u:hun ter2hunter2@h/db", "issuer.store"),
        ("store: postgres://u:hunter2@127.0.0.1:1/db", "issuer.store"),
        ("admin_password: hunter2", "unknown key `admin_password`"),
        (
            "store: sqlite:a.db\n  url: https://u:hunter2@id.shop.example",
            "the key `url`",
        ),
    ];
    let rows = rows.map(|(line, words)| (issuer(line), words));
    let flow = [
        (
            "issuer: {url: https://id.shop.example, store:postgres://u:hunter2@h/db, threads: 1}",
            "portcullis.yaml:",
        ),
        (
            "issuer: {store: \"postgres://u:hunter2@h/db\", urls: https://id.shop.example}",
            "unknown key `urls`",
        ),
        (
            "issuer: {url: \"https://u:hunter2@id.shop.example\"}",
            "`issuer.url: https://***@id.shop.example` is no",
        ),
    ];
    let flow = flow.map(|(line, words)| (line.to_owned(), words));
    rows.into_iter().chain(flow).collect()
}

#[test]
fn a_mistake_at_the_start_shows_no_secret() {
    for (extra, words) in mistakes() {
        let setup = Setup {
            extra: extra.clone(),
            ..Setup::default()
        };
        let said = refusal(&extra, &setup, |_| {});
        assert!(said.contains(words), "{extra}: no {words} in {said}");
        assert!(!said.contains("ter2"), "{extra}: {said}");
    }
}

#[test]
fn addresses_that_are_refused_show_no_secret() {
    for keys in [
        "jwks_uri: \"https://u:hunter2@id.shop.example/keys\"",
        "jwks_uri: \"http://id.shop.example/keys?key=hunter2\"",
        "feed: {addresses: [\"https://u:hunter2@id.shop.example:9193\"]}",
        "feed: {addresses: [\"http://id.shop.example:9193?hunter2\"]}",
    ] {
        let trust = format!(
            "{{issuer: \"{ISSUER}\", audiences: [{AUDIENCE}], algorithms: [ES256], {keys}}}"
        );
        let setup = Setup {
            trust: Some(trust),
            ..Setup::default()
        };
        let said = refusal(keys, &setup, |_| {});
        assert!(!said.contains(SECRET), "{keys}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_at_a_reload_shows_no_secret_in_status_and_log() {
    for (extra, words) in mistakes() {
        // What only a restart applies is no mistake at a reload.
        if words == "issuer.store" {
            continue;
        }
        let server = Server::start(&Setup::default());
        let path = server.folder.path().join("portcullis.yaml");
        let config = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{config}{extra}\n")).unwrap();
        server.signal("HUP");
        server.logs("reload failed");
        let status = client::get(server.admin_address(), "/status", &[]).await;
        let told = status.json()["policy"]["last_reload_error"].clone();
        let told = told.as_str().unwrap();
        assert!(told.contains(words), "{extra}: no {words} in {told}");
        assert!(!told.contains("ter2"), "{extra}: {told}");
        let output = server.output();
        assert!(!output.contains("ter2"), "{extra}: {output}");
    }
}

/// The values that are never a secret are shown with the mistake.
#[test]
fn a_mistake_beside_no_secret_is_shown() {
    let said = refusal("threads", &Setup::default(), |folder| {
        replace(folder, "drain_seconds: 0", "drain_seconds: soon");
    });
    assert!(said.contains("| drain_seconds: soon\n"), "{said}");
    assert!(said.contains("|                ^^^^"), "{said}");
}
