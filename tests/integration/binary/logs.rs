//! What the log says of decisions, and what it never says.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::{PATIENCE, Server};
use crate::asker::Asker;
use crate::client;
use crate::test_app::{Setup, write_files};
use crate::test_issuer::{ISSUER, TestIssuer, claims};

pub(super) fn logging(log: &str) -> Setup {
    Setup {
        extra: format!("log: {{{log}}}"),
        ..Setup::default()
    }
}

/// Waits until there is a file at `path`.
pub(super) async fn appears(path: &Path) {
    let waiting = async {
        while !path.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

/// The log lines about decisions; each line of the log is a JSON object.
pub(super) fn decisions(log: &str) -> Vec<Value> {
    let lines = log
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).expect(line));
    lines
        .filter(|line| line["target"] == "portcullis::decision")
        .collect()
}

/// Everything that was logged until the server ended in good order.
pub(super) fn whole_log(server: &mut Server) -> String {
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    server.stderr.now()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_one_line_that_its_answer_can_be_matched_with() {
    let mut server = Server::start(&Setup::default());
    let asker = Asker::connect(&server.authz_url()).await;
    let mut expired = claims("alice", "orders.read");
    expired["exp"] = (expired["iat"].as_i64().unwrap() - 3600).into();
    expired["iat"] = (expired["iat"].as_i64().unwrap() - 7200).into();
    let expired = server.issuer.sign(&expired);
    let poor = server.issuer.token("alice", "other");
    let good = server.issuer.token("alice", "orders.read");
    let rows = [
        (
            "/orders/1",
            None,
            401,
            "read-order",
            "no_token",
            Value::Null,
        ),
        (
            "/orders/1",
            Some(&expired),
            401,
            "read-order",
            "bad_token",
            "expired".into(),
        ),
        (
            "/orders/1",
            Some(&poor),
            403,
            "read-order",
            "scopes_missing",
            Value::Null,
        ),
        (
            "/internal/1",
            Some(&good),
            403,
            "internals",
            "nobody",
            Value::Null,
        ),
    ];
    let mut ids = Vec::new();
    for (path, token, status, ..) in &rows {
        let verdict = asker.ask(path, token.map(String::as_str)).await;
        assert_eq!(verdict.status, *status);
        let body: Value = serde_json::from_str(&verdict.body).unwrap();
        ids.push(body["decision_id"].clone());
    }
    assert_eq!(asker.ask("/orders/1", Some(&good)).await.status, 200);
    let lines = decisions(&whole_log(&mut server));
    assert_eq!(lines.len(), rows.len(), "{lines:?}");
    for (line, (row, id)) in lines.iter().zip(rows.iter().zip(&ids)) {
        let (_, _, status, route, reason, detail) = row;
        assert_eq!(line["decision"], "deny");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["status"], *status);
        assert_eq!(line["route.name"], *route);
        assert_eq!(line["reason"], *reason);
        assert_eq!(line["detail"], *detail, "{line}");
        assert_eq!(line["decision.id"], *id);
        assert!(line["latency_us"].is_u64(), "{line}");
        assert!(line["timestamp"].is_string(), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn allowed_requests_and_plain_subjects_are_logged_where_configured() {
    for (log, count, subject) in [
        ("allowed: false", 0, ""),
        ("allowed: true", 1, "c6f1f9bf"),
        ("allowed: true, subject: plain", 1, "alice-in-person"),
        ("allowed: true, level: warn", 0, ""),
    ] {
        let mut server = Server::spawn(&logging(log), |command| {
            command.env("PORTCULLIS_AUTHZ_ADDRESS", "unix:gate.sock");
        });
        appears(&server.folder.path().join("gate.sock")).await;
        let asker = Asker::connect_unix(server.folder.path().join("gate.sock")).await;
        let token = server.issuer.token("alice-in-person", "orders.read");
        assert_eq!(asker.ask("/orders/1", Some(&token)).await.status, 200);
        let log_text = whole_log(&mut server);
        let lines = decisions(&log_text);
        assert_eq!(lines.len(), count, "{log}");
        for line in lines {
            assert_eq!(line["decision"], "allow");
            assert_eq!(line["reason"], "scopes");
            let named = line["subject"].as_str().unwrap();
            if log.contains("plain") {
                assert_eq!(named, subject);
            } else {
                assert_eq!(named.len(), 16, "{named}");
                assert!(!log_text.contains("alice"), "{log_text}");
            }
        }
    }
}

/// Good, bad and malformed credentials; none of their parts may show up.
fn credentials(issuer: &TestIssuer) -> Vec<String> {
    let good = issuer.token("alice", "orders.read");
    let forged = TestIssuer::new("key-1").token("alice", "orders.read");
    let stranger = TestIssuer::new("key-of-nobody").token("alice", "orders.read");
    let signature = good.rsplit('.').next().unwrap();
    let unsigned = format!(
        "{}.",
        good.strip_suffix(signature).unwrap().trim_end_matches('.')
    );
    vec![
        format!("Bearer {good}"),
        format!("bearer {forged}"),
        format!("Bearer {stranger}"),
        format!("Bearer {unsigned}"),
        format!("Bearer {good}, Bearer {good}"),
        format!("Bearer  {good}"),
        format!("Bearer {good}="),
        good.clone(),
        "Bearer not-a-token-but-perhaps-a-password".to_owned(),
        "Basic bm90LWEtdG9rZW46YnV0LWEtcGFzc3dvcmQ".to_owned(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_part_of_a_credential_shows_up_even_at_level_trace() {
    let mut server = Server::spawn(
        &logging("level: trace, allowed: true, subject: plain"),
        |_| {},
    );
    let asker = Asker::connect(&server.authz_url()).await;
    let admin = server.admin_address();
    let credentials = credentials(&server.issuer);
    for credential in &credentials {
        asker.status_of_credential(credential).await;
        let header = format!("authorization: {credential}");
        client::get(admin, "/status", &[&header]).await;
    }
    server.logs("bad_token");
    let _ = whole_log(&mut server);
    let said = server.output();
    assert!(said.contains("TRACE"), "the level is trace");
    for credential in &credentials {
        let parts = credential.split([' ', ',', '.', '=']);
        for part in parts.filter(|part| part.len() > 8) {
            assert!(!said.contains(part), "{part} of {credential} shows up");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_is_dropped_and_counted_while_checks_go_on() {
    let mut setup = logging("buffer_lines: 16, refusals_per_second: 1000000");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    setup.authz_address = Some(format!("unix:{}", path.display()));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = free.local_addr().unwrap();
    drop(free);
    let issuer = TestIssuer::new("key-1");
    let config = write_files(folder.path(), &setup, &issuer);
    let address = admin.to_string();
    let arguments = ["serve", "--admin-address", &address, "--config"];
    let mut child = super::portcullis(&arguments, folder.path())
        .arg(config)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    appears(&path).await;
    let asker = Asker::connect_unix(path).await;
    let mut dropped = 0;
    for _ in 0..100 {
        for _ in 0..200 {
            assert_eq!(asker.ask("/orders/1", None).await.status, 401);
        }
        let metrics = client::get(admin, "/metrics", &[]).await.body;
        let line = metrics.lines().find_map(|line| {
            line.strip_prefix("portcullis_log_lines_dropped_total{output=\"service\"} ")
        });
        dropped = line.unwrap().parse::<u64>().unwrap();
        if dropped > 100 {
            break;
        }
    }
    let still = asker.ask("/orders/1", None).await.status;
    // Its end, with nobody reading, is not waited for either.
    let pid = child.id().to_string();
    let sent = std::process::Command::new("kill").arg(&pid).status();
    let stderr = child.stderr.take();
    let ended = child.wait().unwrap();
    drop(stderr);
    assert!(sent.unwrap().success());
    assert_eq!((still, ended.code()), (401, Some(0)));
    assert!(dropped > 100, "only {dropped} dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_standard_error_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    let setup = Setup {
        authz_address: Some(format!("unix:{}", path.display())),
        ..Setup::default()
    };
    let issuer = TestIssuer::new("key-1");
    let config = write_files(folder.path(), &setup, &issuer);
    let mut child = super::portcullis(&["serve", "--config"], folder.path())
        .arg(config)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    appears(&path).await;
    let asker = Asker::connect_unix(path).await;
    for _ in 0..10 {
        assert_eq!(asker.ask("/orders/1", None).await.status, 401);
    }
    let pid = child.id().to_string();
    let sent = std::process::Command::new("kill").arg(&pid).status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_listener_is_warned_of_and_a_signal_reloads() {
    let server = Server::start(&Setup::default());
    let asker = Asker::connect(&server.authz_url()).await;
    assert_eq!(asker.ask("/page", None).await.status, 401);
    let path = server.folder.path().join("portcullis.yaml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, config.replacen("127.0.0.1:0", "127.0.0.1:1", 1)).unwrap();
    server.signal("HUP");
    let line = server.logs("restart to apply it");
    assert_eq!(
        (&line["section"], &line["level"]),
        (&"listeners".into(), &"WARN".into())
    );
    server.logs("policy and keys reloaded");
    std::fs::write(
        server.folder.path().join("policy.yaml"),
        "version: 1\nroutes: [oops]",
    )
    .unwrap();
    server.signal("HUP");
    let line = server.logs("reload failed");
    assert_eq!(line["level"], "ERROR");
    assert!(line["error"].as_str().unwrap().contains("oops"), "{line}");
    assert_eq!(asker.ask("/orders/1", None).await.status, 401);
}

/// A policy with a warning, and this comment.
fn dubious_policy(comment: &str) -> String {
    format!(
        "version: 1\n# {comment}\nclosed_hosts: [unnamed.example]\n\
         routes: [{{name: page, methods: [GET], path: /page, access: public}}]\n"
    )
}

/// Most reloads are for keys.
#[test]
fn warnings_of_the_policy_are_logged_again_only_when_it_changes() {
    let mut server = Server::start(&Setup {
        policy: Some(dubious_policy("one")),
        ..Setup::default()
    });
    let reloaded = |count| {
        let reloads = |log: &str| log.matches("policy and keys reloaded").count();
        server.stderr.until(|log, _| reloads(log) >= count);
    };
    server.logs("\"message\":\"ready\"");
    for count in 1..=2 {
        server.signal("HUP");
        reloaded(count);
    }
    let warnings = |log: &str| {
        log.matches("the policy may not do what is intended")
            .count()
    };
    assert_eq!(warnings(&server.output()), 1, "{}", server.output());
    let path = server.folder.path().join("policy.yaml");
    std::fs::write(path, dubious_policy("two")).unwrap();
    server.signal("HUP");
    reloaded(3);
    server.stderr.until(|log, _| warnings(log) >= 2);
    let log = whole_log(&mut server);
    assert_eq!(warnings(&log), 2, "{log}");
}

/// The digest of the one subject in the log of a server with these settings.
async fn subject_digest(log: &str, key: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::new("key-1");
    write_files(folder.path(), &logging(log), &issuer);
    let path = folder.path().join("subject-key");
    std::fs::write(&path, key).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut server = Server::spawn_in(folder, issuer, |_| {});
    let asker = Asker::connect(&server.authz_url()).await;
    let token = server.issuer.token("alice-in-person", "orders.read");
    assert_eq!(asker.ask("/orders/1", Some(&token)).await.status, 200);
    let lines = decisions(&whole_log(&mut server));
    lines[0]["subject"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn subjects_have_the_same_digest_where_gates_have_the_same_key() {
    const KEY: &str = "0123456789abcdef0123456789abcdef\n";
    let keyed = "allowed: true, subject_key_file: subject-key";
    let one = subject_digest(keyed, KEY).await;
    assert_eq!(subject_digest(keyed, KEY).await, one);
    assert_ne!(subject_digest(keyed, &KEY.replace('0', "1")).await, one);
    let random = subject_digest("allowed: true", KEY).await;
    assert_ne!(random, one);
    assert_ne!(subject_digest("allowed: true", KEY).await, random);
}

/// Nothing was loaded before, so nothing stays in use.
#[test]
fn keys_that_never_loaded_are_told_of_as_such() {
    for (keys, words) in [
        (
            "jwks_uri: \"http://127.0.0.1:1/jwks.json\"",
            "could not be loaded; until they are, its tokens get 503",
        ),
        (
            "feed: {addresses: [\"http://127.0.0.1:1\"]}",
            "nothing has come from it yet",
        ),
    ] {
        let setup = Setup {
            trust: Some(format!(
                "{{issuer: \"{ISSUER}\", audiences: [orders-api], algorithms: [ES256], {keys}}}"
            )),
            ..Setup::default()
        };
        let server = Server::start(&setup);
        let line = server.logs(words);
        assert_eq!(line["token.issuer"], ISSUER, "{line}");
        let said = server.output();
        assert!(
            !said.contains("stay in use") && !said.contains("not ready"),
            "{said}"
        );
    }
}
