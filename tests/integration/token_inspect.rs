//! `portcullis token inspect` on the tokens of the issuer in the gate's own process, beside a running server
//! and without one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use portcullis::clock::{Clock, ManualClock, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::postgres::Postgres;
use crate::test_app::Setup;
use crate::test_companion::{ADMIN_PASSWORD, TestCompanion, URL, setup, sqlite};

const CONFIG: &str = "portcullis.yaml";

/// Far more than any step takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(30);

fn inspect(folder: &Path, token: &str) -> (Option<i32>, String) {
    let output = command(folder, token).args(["--config", CONFIG]).output();
    told(&output.unwrap())
}

fn command(folder: &Path, token: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args(["token", "inspect", token])
        .current_dir(folder)
        .env_clear();
    command
}

fn told(output: &Output) -> (Option<i32>, String) {
    let bytes = [&*output.stdout, &*output.stderr].concat();
    (output.status.code(), String::from_utf8(bytes).unwrap())
}

/// What the files of the store are: sizes, modes, owners and times of change.
fn files(folder: &Path) -> BTreeMap<String, (u64, u32, u32, i64, i64)> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let entries = entries.map(|entry| {
        let metadata = entry.metadata().unwrap();
        let kept = (
            metadata.len(),
            metadata.mode(),
            metadata.uid(),
            metadata.mtime(),
            metadata.mtime_nsec(),
        );
        (entry.file_name().into_string().unwrap(), kept)
    });
    // The index of the journal is shared memory: readers leave marks there.
    let kept = entries.filter(|(name, _)| !name.ends_with("-shm"));
    kept.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_companions_tokens_are_judged_with_the_server_running_and_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(folder.path(), &sqlite(folder.path()));
    judged(setup, folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_companions_tokens_are_judged_from_postgresql() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(folder.path(), &postgres.database("inspected"));
    judged(setup, folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_companions_tokens_by_a_secret_are_judged_from_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = setup(folder.path(), &sqlite(folder.path()));
    setup.trust = setup.trust.map(|trust| trust.replace("ES256", "HS256"));
    let closing = setup.extra.rfind('}').unwrap();
    setup.extra.insert_str(closing, ", algorithm: HS256");
    judged(setup, folder).await;
}

/// Tokens of an app: one that holds, one that was changed, and one that was revoked.
struct Tokens {
    good: String,
    forged: String,
    revoked: String,
}

impl Tokens {
    async fn of(companion: &TestCompanion) -> Self {
        let alice = companion.register("alice").await;
        let app = companion.app(&alice, "web-shop").await;
        let good = companion.tokens(&app).await.access;
        let revoked = companion.tokens(&app).await.access;
        let form = format!("token={revoked}");
        let answer = companion.form("/authorization/revoke", &app, &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let (signed, signature) = good.rsplit_once('.').unwrap();
        // The last character holds bits that must be zero: it stays.
        let (first, rest) = signature.split_at(1);
        let other = if first == "A" { "B" } else { "A" };
        let forged = format!("{signed}.{other}{rest}");
        Self {
            good,
            forged,
            revoked,
        }
    }

    fn judged(&self, folder: &Path) {
        let rows = [
            (&self.good, 0, "\naccepted\n"),
            (&self.forged, 1, "\nrefused: "),
            (&self.revoked, 1, "\nrefused: it has been revoked\n"),
        ];
        for (token, code, words) in rows {
            let (ended, said) = inspect(folder, token);
            assert_eq!(ended, Some(code), "{said}");
            assert!(said.contains(words), "{said}");
            assert!(!said.contains("cannot tell"), "{said}");
        }
        let output = command(folder, &self.good)
            .env("PORTCULLIS_CONFIG", CONFIG)
            .output();
        assert_eq!(told(&output.unwrap()).0, Some(0));
    }
}

async fn judged(setup: Setup, folder: TempDir) {
    let setup = Setup {
        clock: Some(Arc::new(ManualClock::new(SystemClock.now()))),
        ..setup
    };
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    let tokens = Tokens::of(&companion).await;
    has_settled(&companion).await;
    // The server's own folder goes with it.
    let config = tempfile::tempdir().unwrap();
    let own = companion.gate.folder.path().join(CONFIG);
    fs::copy(own, config.path().join(CONFIG)).unwrap();
    let before = files(companion.path());
    tokens.judged(config.path());
    assert_eq!(
        files(companion.path()),
        before,
        "it wrote beside the server"
    );
    let store = companion.stop();
    closed(store.path()).await;
    let before = files(store.path());
    tokens.judged(config.path());
    assert_eq!(
        files(store.path()),
        before,
        "it wrote while the server was stopped"
    );
}

/// Waits until the server has written when the app was used, which it does beside its answers. It does so once a
/// minute, and its clock stands still: from then on it writes nothing by itself.
async fn has_settled(companion: &TestCompanion) {
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let written = async {
        let is_used = |app: &Value| !app["last_used_at"].is_null();
        while !companion.get("/backend/app", &admin).await.json()["items"]
            .as_array()
            .is_some_and(|apps| apps.iter().any(is_used))
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, written).await.unwrap();
    // What was written before is in the files once a later change has been answered.
    let body = json!({"name": "orders.late", "description": "for tests"});
    let made = companion.post("/backend/scope", &body, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
}

/// Waits until the connections of a server in this process have ended, which they do behind its back.
async fn closed(folder: &Path) {
    let ended = async {
        while folder.join("store.db-wal").exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
}

/// The server was killed: nobody has emptied the journal, whose rows count.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_left_behind_is_read() {
    let companion = TestCompanion::start().await;
    let tokens = Tokens::of(&companion).await;
    let copy = tempfile::tempdir().unwrap();
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        fs::copy(companion.path().join(name), copy.path().join(name)).unwrap();
    }
    let text = fs::read_to_string(companion.gate.folder.path().join(CONFIG)).unwrap();
    let (own, other) = (companion.path().display(), copy.path().display());
    let config = tempfile::tempdir().unwrap();
    let text = text.replace(&format!("sqlite:{own}"), &format!("sqlite:{other}"));
    assert!(text.contains(&other.to_string()));
    fs::write(config.path().join(CONFIG), text).unwrap();
    let before = files(copy.path());
    tokens.judged(config.path());
    assert_eq!(files(copy.path()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_store_the_running_server_is_asked_and_without_both_there_is_no_telling() {
    let companion = TestCompanion::reachable().await;
    let tokens = Tokens::of(&companion).await;
    let text = fs::read_to_string(companion.gate.folder.path().join(CONFIG)).unwrap();
    let missing = text.replace("/store.db", "/missing.db");
    assert_ne!(missing, text);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(CONFIG), missing).unwrap();

    let (code, said) = inspect(folder.path(), &tokens.good);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("\ncannot tell: whether it was revoked"),
        "{said}"
    );
    assert!(!said.contains("accepted"), "{said}");
    assert!(said.contains("there is no store at"), "{said}");
    let policy = companion.gate.folder.path().join("policy.yaml");
    fs::copy(policy, folder.path().join("policy.yaml")).unwrap();
    let explained = |path: &str, token: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["explain", "--config", CONFIG, "GET", path, "--token", token])
            .current_dir(folder.path())
            .env_clear()
            .output();
        told(&output.unwrap())
    };
    let (code, said) = explained("/account", &tokens.good);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("cannot tell what the gate answers: whether the token was revoked: "),
        "{said}"
    );
    assert_eq!(explained("/internal/a", &tokens.good).0, Some(1));
    let (code, said) = inspect(folder.path(), &tokens.forged);
    assert_eq!(code, Some(1), "{said}");
    let _store = companion.stop();
    let (code, said) = explained("/account", &tokens.good);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("cannot tell what the gate answers: "),
        "{said}"
    );
    for token in [&tokens.good, &tokens.forged] {
        let (code, said) = inspect(folder.path(), token);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("\ncannot tell: "), "{said}");
        let unreachable = "the key set cannot be fetched";
        for words in [
            "there is no store at",
            "nor from the running server at",
            unreachable,
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
    // Another issuer's tokens are still refused for what they are.
    let (code, said) = inspect(folder.path(), "no token");
    assert_eq!(code, Some(1), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_feed_brings_is_judged_and_the_gates_snapshot_is_left_alone() {
    let companion = TestCompanion::with_feed("").await;
    let tokens = Tokens::of(&companion).await;
    let feed = companion.gate.app.feed_address().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "version: 1\npolicy: [policy.yaml]\ntrust:\n- {{issuer: \"{URL}\", audiences: [orders-api, \"{URL}\"], \
         algorithms: [ES256], feed: {{addresses: [\"http://{feed}\"], snapshot_file: snapshot}}}}\n"
    );
    fs::write(folder.path().join(CONFIG), config).unwrap();
    let before = files(folder.path());
    tokens.judged(folder.path());
    assert_eq!(files(folder.path()), before);
    let _store = companion.stop();
    let (code, said) = inspect(folder.path(), &tokens.good);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("\ncannot tell: "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fetched_keys_judge_and_the_gates_file_of_keys_is_left_alone() {
    let companion = TestCompanion::start().await;
    let tokens = Tokens::of(&companion).await;
    let keys = format!("http://{}/.well-known/jwks.json", companion.address);
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "version: 1\npolicy: [policy.yaml]\ntrust:\n- {{issuer: \"{URL}\", audiences: [orders-api], \
         algorithms: [ES256], jwks_uri: \"{keys}\", jwks_cache_file: keys}}\n"
    );
    fs::write(folder.path().join(CONFIG), config).unwrap();
    let before = files(folder.path());
    let (code, said) = inspect(folder.path(), &tokens.good);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(files(folder.path()), before);
}
