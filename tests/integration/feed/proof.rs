//! Who may have the feed, and whose feed is trusted.

use std::path::Path;

use portcullis::config::{Config, Overrides};

use super::FarGate;
use crate::test_app::{Setup, write_files};
use crate::test_companion::{TestCompanion, URL};
use crate::test_issuer::TestIssuer;
use crate::test_tls::{Authority, write};

/// Writes a certificate authority `NAME-ca.pem`, and a certificate of it for 127.0.0.1 with its key,
/// `NAME.pem` and `NAME.key`.
fn certify(folder: &Path, name: &str) {
    let authority = Authority::new(name);
    write(folder, &format!("{name}-ca.pem"), &authority.pem);
    authority.certify("127.0.0.1").write(folder, name);
}

#[tokio::test]
async fn only_who_has_the_token_gets_the_feed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "right", "a-token-for-gates\n");
    write(folder.path(), "wrong", "another-token\n");
    let file = |name: &str| format!(", token_file: \"{}\"", folder.path().join(name).display());
    let companion = TestCompanion::with_feed(&file("right")).await;
    let address = super::feed_of(&companion);
    let far = FarGate::at(&address, &file("right")).await;
    far.is_ready().await;
    let far = FarGate::at(&address, &file("wrong")).await;
    far.complains("refused: the feed's token is wrong").await;
    let far = FarGate::at(&address, "").await;
    far.complains("refused: the feed asks for a token: set `feed.token_file`")
        .await;
    let (_, metrics) = companion.gate.admin("/metrics").await;
    assert!(
        !metrics.contains("portcullis_feed_refusals_total 0"),
        "{metrics}"
    );
}

#[tokio::test]
async fn certificates_are_checked_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["issuer", "gate", "other"] {
        certify(folder.path(), name);
    }
    let file =
        |key: &str, name: &str| format!(", {key}: \"{}\"", folder.path().join(name).display());
    let identity = |prefix: &str, name: &str| {
        file(&format!("{prefix}cert_file"), &format!("{name}.pem"))
            + &file(&format!("{prefix}key_file"), &format!("{name}.key"))
    };
    let keys = identity("", "issuer") + &file("client_ca_file", "gate-ca.pem");
    let listener = format!(", tls: {{{}}}", keys.trim_start_matches(", "));
    let companion = TestCompanion::with_feed(&listener).await;
    let address = format!("\"https://{}\"", companion.gate.app.feed_address().unwrap());
    let right = file("ca_file", "issuer-ca.pem");
    let subscribed = FarGate::at(&address, &(right.clone() + &identity("client_", "gate"))).await;
    subscribed.is_ready().await;
    // The year 4096, up to which the certificates of tests hold.
    let line = format!(
        "portcullis_feed_certificate_expiry_timestamp_seconds{{issuer=\"{URL}\"}} 67090118400.0"
    );
    subscribed.gate.admin_shows("/metrics", &line).await;
    let alice = companion.register("alice").await;
    assert_eq!(subscribed.status(&alice).await, 200);
    // Another authority than the issuer's.
    let wrong = file("ca_file", "other-ca.pem") + &identity("client_", "gate");
    let far = FarGate::at(&address, &wrong).await;
    far.complains("no trusted authority has signed the server's certificate")
        .await;
    assert_eq!(far.status(&alice).await, 503);
    // A gate that nobody has certified, and one that somebody else has.
    let far = FarGate::at(&address, &right).await;
    far.complains("CertificateRequired").await;
    let far = FarGate::at(&address, &(right + &identity("client_", "other"))).await;
    far.complains("UnknownCA").await;
    // Plain text where TLS is spoken.
    let far = FarGate::at(&super::feed_of(&companion), "").await;
    far.says(|feed| feed["failures"].as_u64().unwrap() > 0)
        .await;
    assert_eq!(far.feed().await["connections"], 0);
    // The authority of the gates is another one from here on, and ends the subscription.
    let other = std::fs::read_to_string(folder.path().join("other-ca.pem")).unwrap();
    write(folder.path(), "gate-ca.pem", &other);
    subscribed.complains("UnknownCA").await;
    assert_eq!(subscribed.feed().await["connected"], false);
}

/// Why an issuer with this listener does not start.
fn refused_start(folder: &Path, keys: &str) -> String {
    let setup = Setup {
        listeners: format!("  feed: {{address: \"127.0.0.1:0\"{keys}}}\n"),
        extra: format!(
            "issuer: {{url: \"https://id.shop.example\", address: \"127.0.0.1:0\", store: \
             \"sqlite:{}/store.db\"}}",
            folder.display()
        ),
        ..Setup::default()
    };
    let files = tempfile::tempdir().unwrap();
    let path = write_files(files.path(), &setup, &TestIssuer::new("key-1"));
    let config = Config::load(&path, &Overrides::default()).unwrap();
    let error = portcullis::app::build(&config, None).err().unwrap();
    assert!(
        !folder.join("store.db").exists(),
        "refused before anything is made"
    );
    format!("{error:#}")
}

#[test]
fn a_token_that_can_be_guessed_is_no_token() {
    let folder = tempfile::tempdir().unwrap();
    for token in ["", "\n", "short", "sixteen bytes ÄÖ", "with a space in it!"] {
        write(folder.path(), "token", token);
        let file = folder.path().join("token");
        let keys = format!(", token_file: \"{}\"", file.display());
        let error = refused_start(folder.path(), &keys);
        assert!(error.contains("printable ASCII"), "{error}");
    }
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), "issuer");
    write(folder.path(), "nothing.pem", "nothing");
    for (cert, key, authority, named) in [
        (
            "nothing.pem",
            "issuer.key",
            "issuer-ca.pem",
            "listeners.feed.tls.cert_file",
        ),
        (
            "issuer.pem",
            "nothing.pem",
            "issuer-ca.pem",
            "listeners.feed.tls.key_file",
        ),
        (
            "issuer.pem",
            "issuer.key",
            "nothing.pem",
            "listeners.feed.tls.client_ca_file",
        ),
        (
            "absent.pem",
            "issuer.key",
            "issuer-ca.pem",
            "listeners.feed.tls.cert_file",
        ),
    ] {
        let file = |name: &str| folder.path().join(name).display().to_string();
        let (cert, key, authority) = (file(cert), file(key), file(authority));
        let keys = format!(
            ", tls: {{cert_file: \"{cert}\", key_file: \"{key}\", client_ca_file: \"{authority}\"}}"
        );
        let error = refused_start(folder.path(), &keys);
        assert!(error.contains(named), "{error}");
    }
}

/// What is said of a configuration.
fn told(setup: &Setup) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = write_files(folder.path(), setup, &TestIssuer::new("key-1"));
    match Config::load(&path, &Overrides::default()) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_feed_that_others_can_reach_needs_proof_and_encryption() {
    let issuer = "issuer: {url: \"https://id.shop.example\"}";
    for (keys, words) in [
        ("address: 127.0.0.1:0", ""),
        ("address: \"[::1]:0\"", ""),
        ("address: 0.0.0.0:0", "nothing says who may subscribe"),
        ("address: 10.0.0.1:9193, token_file: t", "in plain text"),
        ("address: 0.0.0.0:0, token_file: t, plain_text: true", ""),
        (
            "address: 0.0.0.0:0, plain_text: true",
            "nothing says who may subscribe",
        ),
        (
            "address: 0.0.0.0:0, tls: {cert_file: c, key_file: k}",
            "nothing says who may subscribe",
        ),
        (
            "address: 0.0.0.0:0, tls: {cert_file: c, key_file: k, client_ca_file: a}",
            "",
        ),
        (
            "address: 0.0.0.0:0, tls: {cert_file: c, key_file: k}, token_file: t",
            "",
        ),
        ("cert_file: c, key_file: k", "unknown key `cert_file`"),
        ("address: localhost", "is not a valid address"),
        ("max_subscribers: 0", "out of bounds"),
    ] {
        let said = told(&Setup {
            listeners: format!("  feed: {{{keys}}}\n"),
            extra: issuer.to_owned(),
            ..Setup::default()
        });
        assert_eq!(said.is_empty(), words.is_empty(), "{keys}: {said}");
        assert!(said.contains(words), "{keys}: {said}");
    }
    let said = told(&Setup {
        listeners: "  feed: {}\n".to_owned(),
        ..Setup::default()
    });
    assert!(
        said.contains("`listeners.feed` needs the section `issuer`"),
        "{said}"
    );
}

#[test]
fn where_a_feed_is_taken_from_is_checked() {
    for (keys, words) in [
        ("addresses: [\"https://id.shop.example:9193\"]", ""),
        (
            "addresses: [\"http://127.0.0.1:9193\", \"http://[::1]:9193\"]",
            "",
        ),
        ("addresses: []", "is empty"),
        ("on_stale: serve", "is empty"),
        (
            "addresses: [\"http://10.0.0.1:9193\"]",
            "plain text to another machine",
        ),
        (
            "addresses: [\"http://localhost.shop.example:9193\"]",
            "plain text to another machine",
        ),
        (
            "addresses: [\"http://10.0.0.1:9193\"], plain_text: true",
            "",
        ),
        (
            "addresses: [\"https://id.shop.example\"]",
            "is not a valid address",
        ),
        (
            "addresses: [\"https://id.shop.example:9193/feed\"]",
            "is not a valid address",
        ),
        (
            "addresses: [\"https://a@id.shop.example:9193\"]",
            "is not a valid address",
        ),
        (
            "addresses: [\"id.shop.example:9193\"]",
            "is not a valid address",
        ),
        (
            "addresses: [\"https://a:1\"], on_stale: maybe",
            "write `serve` or `deny`",
        ),
        (
            "addresses: [\"https://a:1\"], max_staleness_seconds: 1",
            "out of bounds",
        ),
        (
            "addresses: [\"https://a:1\"], client_cert_file: c",
            "needs `client_key_file`",
        ),
        (
            "addresses: [\"http://127.0.0.1:1\"], ca_file: c",
            "use `https`",
        ),
    ] {
        let said = told(&trusting(&format!("feed: {{{keys}}}")));
        assert_eq!(said.is_empty(), words.is_empty(), "{keys}: {said}");
        assert!(said.contains(words), "{keys}: {said}");
    }
    let two = "feed: {addresses: [\"https://a:1\"]}, jwks_file: jwks.json";
    assert!(
        told(&trusting(two)).contains("one source of keys"),
        "{}",
        told(&trusting(two))
    );
}

fn trusting(keys: &str) -> Setup {
    let entry = format!(
        "{{issuer: \"https://id.shop.example\", audiences: [orders-api, \"https://id.shop.example\"], algorithms: [ES256], {keys}}}"
    );
    Setup {
        trust: Some(entry),
        ..Setup::default()
    }
}
