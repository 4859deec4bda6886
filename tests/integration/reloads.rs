//! Files that change while the gate serves: policies, keys, trust, in all the ways they change.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use portcullis::config::{Config, Overrides};

use crate::asker::Asker;
use crate::test_app::{POLICY, Setup, TestApp, write_files};
use crate::test_issuer::{AUDIENCE, ISSUER, TestIssuer};

/// A policy of one route; `access` is what it needs.
fn policy(access: &str) -> String {
    format!("version: 1\nroutes: [{{name: page, methods: [GET], path: /page, access: {access}}}]\n")
}

struct Reloading {
    gate: TestApp,
    asker: Asker,
}

impl Reloading {
    async fn start(setup: &Setup) -> Self {
        let gate = TestApp::with(setup);
        let asker = Asker::connect(&gate.authz_url()).await;
        Self { gate, asker }
    }

    fn folder(&self) -> &Path {
        self.gate.folder.path()
    }

    /// Waits until `/page` is answered so.
    async fn answers(&self, status: i32) {
        let waiting = async {
            while self.asker.ask("/page", None).await.status != status {
                tokio::task::yield_now().await;
            }
        };
        let patience = std::time::Duration::from_secs(20);
        let answered = tokio::time::timeout(patience, waiting).await;
        assert!(answered.is_ok(), "never {status}");
    }

    async fn status_of(&self, token: &str) -> i32 {
        self.asker.ask("/orders/1", Some(token)).await.status
    }

    fn hits(&self) -> u64 {
        self.gate.app.authorizer().cache_statistics().hits
    }
}

fn closed() -> Setup {
    Setup {
        policy: Some(policy("authenticated")),
        ..Setup::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_change_the_policy_is_seen() {
    let gate = Reloading::start(&closed()).await;
    gate.answers(401).await;
    let path = gate.folder().join("policy.yaml");
    fs::write(&path, policy("public")).unwrap();
    gate.answers(200).await;

    let renamed = gate.folder().join("policy.new");
    for (access, status) in [("authenticated", 401), ("public", 200)] {
        fs::write(&renamed, policy(access)).unwrap();
        fs::rename(&renamed, &path).unwrap();
        gate.answers(status).await;
    }
    fs::remove_file(&path).unwrap();
    gate.gate
        .admin_shows("/metrics", "portcullis_policy_reload_success 0")
        .await;
    gate.answers(200).await;
    fs::write(&path, policy("authenticated")).unwrap();
    gate.answers(401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_swaps_of_a_mounted_volume_are_seen_again_and_again() {
    let volume = tempfile::tempdir().unwrap();
    let volume = volume.path();
    swap(volume, 0, &policy("authenticated"));
    symlink("..data/policy.yaml", volume.join("policy.yaml")).unwrap();
    let gate = TestApp::prepared(&Setup::default(), |folder| {
        fs::remove_file(folder.join("policy.yaml")).unwrap();
        symlink(volume.join("policy.yaml"), folder.join("policy.yaml")).unwrap();
    });
    let asker = Asker::connect(&gate.authz_url()).await;
    let gate = Reloading { gate, asker };
    gate.answers(401).await;
    for (round, access, status) in [
        (1, "public", 200),
        (2, "authenticated", 401),
        (3, "public", 200),
    ] {
        swap(volume, round, &policy(access));
        gate.answers(status).await;
    }
}

/// What the kubelet does: a new folder, and `..data` renamed over to it.
fn swap(volume: &Path, round: u32, policy: &str) {
    let folder = format!("..2026_{round}");
    fs::create_dir(volume.join(&folder)).unwrap();
    fs::write(volume.join(&folder).join("policy.yaml"), policy).unwrap();
    symlink(&folder, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    if let Some(before) = round.checked_sub(1) {
        fs::remove_dir_all(volume.join(format!("..2026_{before}"))).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_policy_keeps_the_good_one_and_the_next_good_one_heals() {
    let gate = Reloading::start(&closed()).await;
    gate.gate.admin_shows("/readyz", "ok").await;
    gate.gate
        .write_policy(&policy("public").replace("public", "pubic"));
    gate.gate.admin_shows("/status", "pubic").await;
    let metrics = gate.gate.admin("/metrics").await.1;
    for line in [
        "portcullis_policy_reload_success 0",
        "portcullis_policy_reload_failures_total 1",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    let status: serde_json::Value =
        serde_json::from_str(&gate.gate.admin("/status").await.1).unwrap();
    let since = &status["policy"]["reload_failing_since_unix_seconds"];
    assert!(since.is_i64(), "{status}");
    assert_eq!(gate.asker.ask("/page", None).await.status, 401);
    assert_eq!(gate.gate.admin("/readyz").await.0, 200);

    gate.gate.write_policy(&policy("public"));
    gate.answers(200).await;
    gate.gate
        .admin_shows("/metrics", "portcullis_policy_reload_success 1")
        .await;
    gate.gate
        .admin_shows("/status", "\"last_reload_error\": null")
        .await;
    gate.gate
        .admin_shows("/status", "\"reload_failing_since_unix_seconds\": null")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_key_ends_its_tokens_and_a_kept_one_keeps_its_proofs() {
    let gate = Reloading::start(&Setup::default()).await;
    let kept = TestIssuer::new("key-2");
    let write = |issuers: &[&TestIssuer]| {
        let jwks = TestIssuer::jwks(issuers.iter().copied());
        fs::write(gate.folder().join("jwks.json"), jwks).unwrap();
    };
    write(&[&gate.gate.issuer, &kept]);
    let two = format!("portcullis_keys_loaded{{issuer=\"{ISSUER}\"}} 2");
    gate.gate.admin_shows("/metrics", &two).await;
    let removed_token = gate.gate.issuer.token("alice", "orders.read");
    let kept_token = kept.token("bob", "orders.read");
    let wait = async {
        // The keys are counted a moment before they are trusted.
        while gate.status_of(&kept_token).await != 200 {}
    };
    wait.await;
    assert_eq!(gate.status_of(&removed_token).await, 200);
    assert_eq!(gate.status_of(&removed_token).await, 200);

    write(&[&kept]);
    gate.gate.app.reload().unwrap();
    assert_eq!(gate.status_of(&removed_token).await, 401);
    assert_eq!(gate.status_of(&kept_token).await, 200);
    let before = gate.hits();
    assert_eq!(gate.status_of(&kept_token).await, 200);
    assert_eq!(gate.hits(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_survive_a_reload_that_changes_nothing_of_their_issuer() {
    let gate = Reloading::start(&Setup::default()).await;
    let token = gate.gate.issuer.token("alice", "orders.read");
    assert_eq!(gate.status_of(&token).await, 200);
    gate.gate
        .write_policy(&POLICY.replace("/account", "/accounts"));
    gate.gate.app.reload().unwrap();
    assert_eq!(gate.status_of(&token).await, 200);
    assert_eq!(gate.hits(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_audience_makes_proofs_worthless() {
    let gate = Reloading::start(&Setup::default()).await;
    let token = gate.gate.issuer.token("alice", "orders.read");
    assert_eq!(gate.status_of(&token).await, 200);
    let path = gate.folder().join("portcullis.yaml");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, config.replace(AUDIENCE, "payments-api")).unwrap();
    gate.gate.app.reload().unwrap();
    assert_eq!(gate.status_of(&token).await, 401);
    fs::write(&path, config).unwrap();
    gate.gate.app.reload().unwrap();
    assert_eq!(gate.status_of(&token).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_listener_waits_for_a_restart_and_the_rest_is_taken_over() {
    let gate = Reloading::start(&closed()).await;
    let path = gate.folder().join("portcullis.yaml");
    let config = fs::read_to_string(&path).unwrap();
    let changed = config.replacen("127.0.0.1:0", "127.0.0.1:1", 1);
    fs::write(gate.folder().join("policy.yaml"), policy("public")).unwrap();
    fs::write(&path, changed).unwrap();
    gate.gate.app.reload().unwrap();
    gate.answers(200).await;
}

/// The gate was not told of the header when it was started, so callers' copies of it would reach the
/// upstream.
#[tokio::test(flavor = "multi_thread")]
async fn another_token_header_is_refused_until_a_restart() {
    let gate = Reloading::start(&Setup::default()).await;
    let path = gate.folder().join("portcullis.yaml");
    let config = fs::read_to_string(&path).unwrap();
    let token = gate.gate.issuer.token("alice", "orders.read");
    let changed = config.replace("audiences:", "token_header: x-proxy-token, audiences:");
    fs::write(&path, &changed).unwrap();
    let refused = gate.gate.app.reload().unwrap_err().to_string();
    assert!(
        refused.contains("`trust[].token_header` names `x-proxy-token`")
            && refused.contains("restart"),
        "{refused}"
    );
    assert_eq!(gate.status_of(&token).await, 200);
    fs::write(&path, config).unwrap();
    gate.gate.app.reload().unwrap();
    assert_eq!(gate.status_of(&token).await, 200);
}

/// An issuer that is no longer trusted must not stay so because of its header.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_header_that_is_gone_needs_no_restart() {
    let issuer = "issuer: \"https://id.other.example\", audiences: [b], algorithms: [ES256]";
    let more = format!(", {{{issuer}, token_header: x-proxy-token, jwks_file: jwks.json}}]");
    let plain = Setup {
        policy: Some(POLICY.replace("routes:", "issuers: [id.shop.example]\nroutes:")),
        ..Setup::default()
    };
    let gate = TestApp::prepared(&plain, |folder| {
        let path = folder.join("portcullis.yaml");
        let config = fs::read_to_string(&path).unwrap();
        fs::write(
            path,
            config.replace(
                "jwks_file: jwks.json}]",
                &format!("jwks_file: jwks.json}}{more}"),
            ),
        )
        .unwrap();
    });
    write_files(gate.folder.path(), &plain, &gate.issuer);
    gate.app.reload().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_refused_config_lacks_is_awaited() {
    let gate = Reloading::start(&closed()).await;
    let path = gate.folder().join("portcullis.yaml");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, config.replace("policy.yaml", "later.yaml")).unwrap();
    gate.gate.admin_shows("/status", "later.yaml").await;
    gate.answers(401).await;
    fs::write(gate.folder().join("later.yaml"), policy("public")).unwrap();
    gate.answers(200).await;
    gate.gate
        .admin_shows("/status", "\"last_reload_error\": null")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_that_keep_their_name_go_on_counting() {
    let gate = Reloading::start(&closed()).await;
    gate.asker.ask("/page", None).await;
    let more = ", {name: more, methods: [GET], path: /more, access: public}]\n";
    gate.gate
        .write_policy(&policy("public").replace("]\n", more));
    gate.gate.app.reload().unwrap();
    gate.asker.ask("/page", None).await;
    let metrics = gate.gate.admin("/metrics").await.1;
    for (decision, count) in [("allow", 1), ("deny", 1)] {
        let labels = format!("{{route=\"page\",decision=\"{decision}\"}}");
        let line = format!("portcullis_route_checks_total{labels} {count}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

#[test]
fn a_config_that_is_written_anew_alike_is_no_restart_matter() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::new("key-1");
    let load = || {
        let path = write_files(folder.path(), &Setup::default(), &issuer);
        Config::load(&path, &Overrides::default()).unwrap()
    };
    let (before, mut after) = (load(), load());
    assert!(before.restart_sections(&after).is_empty());
    after.authz.reflection = true;
    after.realm = "other".to_owned();
    assert_eq!(before.restart_sections(&after), ["listeners", "realm"]);
}

/// What a reload cannot apply is told until the file says again what the process was started with.
#[tokio::test(flavor = "multi_thread")]
async fn sections_that_need_a_restart_are_told() {
    let gate = TestApp::start();
    let path = gate.folder.path().join("portcullis.yaml");
    let started_with = fs::read_to_string(&path).unwrap();
    let (_, status) = gate.admin("/status").await;
    assert!(!status.contains("restart_needed"), "{status}");
    for (more, expected, count) in [
        (
            "strip_token: true\nrealm: shop\n",
            serde_json::json!(["realm", "strip_token"]),
            1,
        ),
        ("", serde_json::Value::Null, 0),
    ] {
        fs::write(&path, format!("{started_with}{more}")).unwrap();
        gate.app.reload().unwrap();
        let (_, status) = gate.admin("/status").await;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        assert_eq!(status["restart_needed"], expected, "{more}");
        let metric = format!("\nportcullis_config_restart_needed {count}\n");
        gate.admin_shows("/metrics", &metric).await;
    }
}

#[test]
fn what_the_portal_shows_of_files_needs_no_restart_and_the_rest_of_the_issuer_does() {
    let folder = tempfile::tempdir().unwrap();
    let load = |issuer: &str| {
        let path = folder.path().join("portcullis.yaml");
        let text = format!(
            "{{version: 1, policy: [policy.yaml], issuer: {{url: \"http://127.0.0.1:8080\", {issuer}}}}}"
        );
        fs::write(&path, text).unwrap();
        Config::load(&path, &Overrides::default()).unwrap()
    };
    let before = load("portal: {openapi_files: [a.yaml]}");
    let after = load("portal: {openapi_files: [a.yaml, b.yaml]}");
    assert!(before.restart_sections(&after).is_empty());
    let files = ["a.yaml", "b.yaml"].map(|name| folder.path().join(name));
    assert_eq!(after.inputs().descriptions, files);
    assert!(after.inputs().watched_paths().contains(&files[1]));
    let with_logo = load("portal: {logo_file: logo.svg, openapi_files: [a.yaml]}");
    assert!(before.restart_sections(&with_logo).is_empty());
    let logo = folder.path().join("logo.svg");
    assert!(with_logo.inputs().watched_paths().contains(&logo));
    let other = load("portal: {accent: \"#7a1f5c\", openapi_files: [a.yaml]}");
    assert_eq!(before.restart_sections(&other), ["issuer"]);
    let other = load("portal: {title: Shop, openapi_files: [a.yaml]}");
    assert_eq!(before.restart_sections(&other), ["issuer"]);
}
