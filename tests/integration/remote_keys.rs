//! The gate with keys from afar: before they come, while they change, and when nobody answers.

use std::sync::Arc;
use std::time::Duration;

use portcullis::authorizer::Authorizer;
use portcullis::clock::{Clock, SystemClock};
use portcullis::config::{Config, Overrides};
use portcullis::keyring::Keyring;
use portcullis::reload::Loader;
use tokio::time::timeout;

use crate::asker::{Asker, Verdict};
use crate::jwks_server::{Behaviour, JwksServer, PATIENCE, Pki, head, ok, ok_with};
use crate::test_app::{Setup, TestApp, write_files};
use crate::test_issuer::{AUDIENCE, ISSUER, TestIssuer};

/// A gate before a server of keys, and who asks it.
struct Remote {
    gate: TestApp,
    keys: JwksServer,
    asker: Asker,
    /// Signs with the key that the server has from the start.
    issuer: TestIssuer,
}

impl Remote {
    /// A gate whose keys have come. `settings` follow in the entry of `trust`.
    async fn loaded(settings: &str, key_wait_ms: u32) -> Self {
        let issuer = TestIssuer::new("key-1");
        let behaviour = ok(&TestIssuer::jwks([&issuer]));
        let remote = Self::start(issuer, behaviour, settings, key_wait_ms).await;
        remote.gate.admin_shows("/readyz", "ok").await;
        remote
    }

    async fn start(
        issuer: TestIssuer,
        behaviour: Behaviour,
        settings: &str,
        key_wait_ms: u32,
    ) -> Self {
        let keys = JwksServer::start(behaviour).await;
        let gate = TestApp::with(&setup(&keys.url(), settings, key_wait_ms));
        let asker = Asker::connect(&gate.authz_url()).await;
        Self {
            gate,
            keys,
            asker,
            issuer,
        }
    }

    async fn ask(&self, issuer: &TestIssuer) -> Verdict {
        let token = issuer.token("alice", "orders.read");
        self.asker.ask("/orders/1", Some(&token)).await
    }

    /// Asks until the issuer has answered about the key.
    async fn settled(&self, token: &str) -> Verdict {
        let asking = async {
            loop {
                let verdict = self.asker.ask("/orders/1", Some(token)).await;
                if verdict.status != 503 {
                    return verdict;
                }
                assert!(verdict.header("retry-after").is_some());
            }
        };
        let settled = timeout(PATIENCE, asking).await;
        settled.expect("an answer of the issuer")
    }

    /// Waits until so many fetches have brought other keys than before, and these are in use.
    async fn has_fetched_changes(&self, count: u32) {
        let labels = format!("issuer=\"{ISSUER}\",outcome=\"changed\"");
        let metric = format!("portcullis_key_fetches_total{{{labels}}} {count}\n");
        self.gate.admin_shows("/metrics", &metric).await;
    }

    fn serves(&self, issuers: &[&TestIssuer]) {
        let jwks = TestIssuer::jwks(issuers.iter().copied());
        self.keys.behave(ok(&jwks));
    }
}

fn setup(url: &str, settings: &str, key_wait_ms: u32) -> Setup {
    Setup {
        authz_extra: format!(", key_wait_ms: {key_wait_ms}"),
        trust: Some(format!(
            "{{issuer: \"{ISSUER}\", audiences: [{AUDIENCE}], algorithms: [ES256], \
             jwks_uri: \"{url}\"{settings}}}"
        )),
        ..Setup::default()
    }
}

fn answer_when_released(issuers: &[&TestIssuer]) -> Behaviour {
    let jwks = TestIssuer::jwks(issuers.iter().copied());
    match ok(&jwks) {
        Behaviour::Answer(bytes) => Behaviour::AnswerWhenReleased(bytes),
        other => other,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn until_the_keys_come_private_routes_are_unavailable_and_public_ones_open() {
    let issuer = TestIssuer::new("key-1");
    let behaviour = answer_when_released(&[&issuer]);
    let remote = Remote::start(issuer, behaviour, "", 100).await;
    remote.keys.wait_for_requests(1).await;
    let (status, reason) = remote.gate.admin("/readyz").await;
    assert_eq!(status, 503);
    assert!(reason.contains("keys"), "{reason}");
    let verdict = remote.ask(&remote.issuer).await;
    assert_eq!((verdict.status, verdict.code), (503, 14));
    assert_eq!(verdict.header("retry-after"), Some("1"));
    assert_eq!(remote.asker.ask("/account", None).await.status, 401);
    assert_eq!(remote.asker.ask("/products/1", None).await.status, 200);
    let token = remote.issuer.token("alice", "orders.read");
    let public = remote.asker.ask("/products/1", Some(&token)).await;
    assert_eq!(public.status, 200);

    remote.keys.release();
    remote.gate.admin_shows("/readyz", "ok").await;
    assert_eq!(remote.ask(&remote.issuer).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_come_before_the_gate_is_built_are_not_lost() {
    let issuer = TestIssuer::new("key-1");
    let server = JwksServer::start(ok(&TestIssuer::jwks([&issuer]))).await;
    let folder = tempfile::tempdir().unwrap();
    let path = write_files(folder.path(), &setup(&server.url(), "", 100), &issuer);
    let config = Config::load(&path, &Overrides::default()).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keyring = Keyring::new(tokio::runtime::Handle::current(), Arc::clone(&clock));
    let (inputs, again) = (config.inputs(), config.inputs());
    let read_inputs = Box::new(move || Ok(again.clone()));
    let loaded = Loader::start(
        inputs,
        read_inputs,
        Arc::clone(&keyring),
        Arc::clone(&clock),
    );
    let (_loader, snapshot) = loaded.unwrap();
    keyring.loaded().await;
    let authorizer = Arc::new(Authorizer::new(snapshot, config.cache, clock));
    keyring.serve(&authorizer);
    let token = issuer.token("alice", "orders.read");
    let credential = portcullis::token::UnverifiedToken::parse(token.as_bytes()).unwrap();
    let snapshot = authorizer.snapshot();
    let verified = snapshot.trust().verify(credential, SystemClock.now());
    assert_eq!(verified.unwrap().subject(), "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mended_url_makes_a_gate_ready_that_never_was() {
    let issuer = TestIssuer::new("key-1");
    let remote = Remote::start(issuer, Behaviour::Stall, "", 100).await;
    remote.keys.wait_for_requests(1).await;
    let good = JwksServer::start(ok(&TestIssuer::jwks([&remote.issuer]))).await;
    let path = remote.gate.folder.path();
    write_files(path, &setup(&good.url(), "", 100), &remote.issuer);
    remote.gate.app.reload().unwrap();
    remote.gate.admin_shows("/readyz", "ok").await;
    assert_eq!(remote.ask(&remote.issuer).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_outlive_an_edit_of_their_entry_while_the_provider_is_away() {
    let remote = Remote::loaded("", 100).await;
    assert_eq!(remote.ask(&remote.issuer).await.status, 200);
    let away = JwksServer::start(head("HTTP/1.1 503 Service Unavailable\r\n")).await;
    remote
        .keys
        .behave(head("HTTP/1.1 503 Service Unavailable\r\n"));
    let path = remote.gate.folder.path();
    for (url, settings) in [
        (remote.keys.url(), ", jwks_timeout_ms: 59000"),
        (remote.keys.url(), ", jwks_refresh_seconds: 60"),
        (away.url(), ""),
    ] {
        let setup = setup(&url, settings, 100);
        write_files(path, &setup, &remote.issuer);
        remote.gate.app.reload().unwrap();
        assert_eq!(remote.ask(&remote.issuer).await.status, 200, "{settings}");
    }
    // Others replace them once they come.
    let newer = TestIssuer::new("key-2");
    let other = JwksServer::start(ok(&TestIssuer::jwks([&newer]))).await;
    write_files(path, &setup(&other.url(), "", 30_000), &remote.issuer);
    remote.gate.app.reload().unwrap();
    other.wait_for_requests(1).await;
    let token = newer.token("alice", "orders.read");
    assert_eq!(remote.settled(&token).await.status, 200);
    let old = remote.issuer.token("alice", "orders.read");
    assert_eq!(remote.settled(&old).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_fetched_once_for_all_who_wait() {
    let remote = Remote::loaded(", jwks_cooldown_seconds: 1", 30_000).await;
    assert_eq!(remote.ask(&remote.issuer).await.status, 200);
    let newer = TestIssuer::new("key-2");
    let both = answer_when_released(&[&remote.issuer, &newer]);
    remote.keys.behave(both);
    let mut asking = Vec::new();
    for number in 0..50 {
        let token = newer.token(&format!("user-{number}"), "orders.read");
        let asker = remote.asker.clone();
        asking.push(tokio::spawn(async move {
            asker.ask_until_fetched(&token).await.unwrap()
        }));
    }
    remote.keys.wait_for_requests(2).await;
    // Whoever has a known key does not wait.
    assert_eq!(remote.ask(&remote.issuer).await.status, 200);
    remote.keys.release();
    for answer in asking {
        let answer = timeout(PATIENCE, answer).await.expect("an answer");
        assert_eq!(answer.unwrap().status, 200);
    }
    assert_eq!(remote.keys.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_keys_costs_one_fetch_a_cooldown() {
    let remote = Remote::loaded(", jwks_cooldown_seconds: 300", 30_000).await;
    let first = TestIssuer::new("key-0");
    let verdict = remote.ask(&first).await;
    assert_eq!((verdict.status, verdict.code), (401, 16));
    for number in 1..300 {
        let stranger = TestIssuer::new(&format!("key-{number}"));
        let verdict = remote.ask(&stranger).await;
        // Perhaps the issuer has made this one since it was asked.
        assert_eq!((verdict.status, verdict.code), (503, 14));
        assert_eq!(verdict.header("www-authenticate"), None);
        let seconds: u32 = verdict.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=300).contains(&seconds), "{seconds}");
    }
    // What was asked is known.
    assert_eq!(remote.ask(&first).await.status, 401);
    assert_eq!(remote.keys.requests().len(), 2);
    assert_eq!(remote.ask(&remote.issuer).await.status, 200);
}

/// One who knows a key's name cannot make the gate fetch more often, nor be answered more slowly,
/// than one who does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_wrong_signatures_costs_one_fetch_a_cooldown() {
    let remote = Remote::loaded(", jwks_cooldown_seconds: 300", 30_000).await;
    let forger = TestIssuer::new("key-1");
    for number in 0..300 {
        let token = forger.token(&format!("user-{number}"), "orders.read");
        let verdict = remote.asker.ask("/orders/1", Some(&token)).await;
        assert_eq!((verdict.status, verdict.code), (401, 16), "{number}");
    }
    assert_eq!(remote.keys.requests().len(), 2);
    assert_eq!(remote.ask(&remote.issuer).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_good_token_is_called_invalid_while_a_slow_issuer_is_asked() {
    let remote = Remote::loaded("", 20).await;
    let newer = TestIssuer::new("key-2");
    remote
        .keys
        .behave(answer_when_released(&[&remote.issuer, &newer]));
    let token = newer.token("alice", "orders.read");
    for _ in 0..5 {
        let verdict = remote.asker.ask("/orders/1", Some(&token)).await;
        assert_eq!((verdict.status, verdict.code), (503, 14));
        assert_eq!(verdict.header("retry-after"), Some("1"));
    }
    assert_eq!(remote.ask(&remote.issuer).await.status, 200);
    // Who is let in anyway is let in meanwhile.
    assert_eq!(
        remote.asker.ask("/products/1", Some(&token)).await.status,
        200
    );
    remote.keys.release();
    assert_eq!(remote.settled(&token).await.status, 200);
    assert_eq!(remote.keys.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_good_token_is_called_invalid_after_a_rotation_within_the_cooldown() {
    let remote = Remote::loaded(", jwks_cooldown_seconds: 2", 100).await;
    // Uses the one fetch of the cooldown up.
    assert_eq!(
        remote
            .settled(&TestIssuer::new("key-9").token("eve", ""))
            .await
            .status,
        401
    );
    let newer = TestIssuer::new("key-2");
    remote.serves(&[&newer]);
    let token = newer.token("alice", "orders.read");
    let first = remote.asker.ask("/orders/1", Some(&token)).await;
    assert_eq!(first.status, 503);
    assert_eq!(remote.settled(&token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_replaced_under_its_name_is_noticed_by_the_failing_signature() {
    let remote = Remote::loaded("", 30_000).await;
    assert_eq!(remote.ask(&remote.issuer).await.status, 200);
    let replaced = TestIssuer::new("key-1");
    remote.serves(&[&replaced]);
    assert_eq!(remote.ask(&replaced).await.status, 200);
    // The issuer has just been asked about this very key.
    assert_eq!(remote.ask(&remote.issuer).await.status, 401);
    assert_eq!(remote.keys.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_after_the_load_is_not_noticed_by_callers() {
    let settings = ", jwks_cooldown_seconds: 1, jwks_refresh_seconds: 1";
    let remote = Remote::loaded(settings, 100).await;
    let cached = remote.issuer.token("cached", "orders.read");
    let asked = remote.asker.ask("/orders/1", Some(&cached)).await;
    assert_eq!(asked.status, 200);
    remote.keys.behave(head("500 Internal Server Error"));
    remote
        .gate
        .admin_shows("/status", "status 500 instead of 200")
        .await;
    let metric =
        format!("portcullis_key_fetches_total{{issuer=\"{ISSUER}\",outcome=\"bad_status\"}} 1");
    remote.gate.admin_shows("/metrics", &metric).await;
    let asked = remote.asker.ask("/orders/1", Some(&cached)).await;
    assert_eq!(asked.status, 200);
    assert_eq!(remote.ask(&remote.issuer).await.status, 200);
    // Nobody can tell whether the issuer has this key.
    let verdict = remote.ask(&TestIssuer::new("key-2")).await;
    assert_eq!((verdict.status, verdict.code), (503, 14));
    assert_eq!(remote.gate.admin("/readyz").await.0, 200);

    remote.serves(&[&remote.issuer]);
    remote
        .gate
        .admin_shows("/status", "\"consecutive_failures\": 0")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_of_keys_does_not_slow_checks_beyond_their_bounds() {
    let short = Duration::from_secs(4);
    // Milliseconds that a check may wait, and what the proxy gives it.
    for (key_wait_ms, limit) in [(60_000, short), (50, Duration::from_secs(20))] {
        let settings = ", jwks_cooldown_seconds: 1, jwks_timeout_ms: 60000";
        let remote = Remote::loaded(settings, key_wait_ms).await;
        remote.keys.behave(Behaviour::Stall);
        let stranger = TestIssuer::new("key-2").token("alice", "orders.read");
        let refused = async || {
            let asked = remote.asker.ask_within("/orders/1", Some(&stranger), limit);
            assert_eq!(asked.await.expect("before its deadline").status, 503);
        };
        // Refusals come at once until the cooldown has passed; from then on a fetch is under way.
        let fetching = async {
            while remote.keys.requests().len() < 2 {
                refused().await;
            }
        };
        timeout(PATIENCE, fetching).await.expect("a second fetch");
        refused().await;
        let known = remote.issuer.token("alice", "orders.read");
        let asked = remote.asker.ask_within("/orders/1", Some(&known), limit);
        assert_eq!(asked.await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_key_ends_the_proofs_that_rest_on_it() {
    let settings = ", jwks_cooldown_seconds: 1, jwks_refresh_seconds: 1";
    let remote = Remote::loaded(settings, 100).await;
    let kept = TestIssuer::new("key-2");
    remote.serves(&[&remote.issuer, &kept]);
    remote.has_fetched_changes(2).await;
    let withdrawn_token = remote.issuer.token("alice", "orders.read");
    let kept_token = kept.token("bob", "orders.read");
    for token in [&withdrawn_token, &kept_token] {
        let asked = remote.asker.ask("/orders/1", Some(token)).await;
        assert_eq!(asked.status, 200);
    }
    remote.serves(&[&kept]);
    remote.has_fetched_changes(3).await;
    let asked = remote.settled(&withdrawn_token).await;
    assert_eq!((asked.status, asked.code), (401, 16));
    let asked = remote.asker.ask("/orders/1", Some(&kept_token)).await;
    assert_eq!(asked.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn https_needs_a_certificate_of_the_configured_authority() {
    let pki = Pki::new(&["127.0.0.1"]);
    let issuer = TestIssuer::new("key-1");
    let jwks = ok_with(
        "Cache-Control: max-age=60\r\n",
        &TestIssuer::jwks([&issuer]),
    );
    let keys = JwksServer::start_tls(jwks, &pki).await;
    let folder = tempfile::tempdir().unwrap();
    for (name, ca, ready) in [
        ("right.pem", &pki.ca_pem, true),
        ("wrong.pem", &Pki::new(&["127.0.0.1"]).ca_pem, false),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, ca).unwrap();
        let settings = format!(", jwks_ca_file: \"{}\"", path.display());
        let gate = TestApp::with(&setup(&keys.https_url(), &settings, 100));
        let asker = Asker::connect(&gate.authz_url()).await;
        let token = issuer.token("alice", "orders.read");
        if ready {
            gate.admin_shows("/readyz", "ok").await;
            assert_eq!(asker.ask("/orders/1", Some(&token)).await.status, 200);
        } else {
            gate.admin_shows("/status", "certificate").await;
            assert_eq!(gate.admin("/readyz").await.0, 503);
            assert_eq!(asker.ask("/orders/1", Some(&token)).await.status, 503);
        }
    }
}
