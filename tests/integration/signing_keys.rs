//! The issuer's signing keys from outside: their algorithms, and how one takes over from another
//! while tokens of both are about.

mod scene;

use std::path::Path;
use std::sync::Arc;

use portcullis::clock::{Clock, ManualClock};
use portcullis::config::{Config, Overrides};
use portcullis::identity::SecretDigest;
use portcullis::issuer::{Issuer, RotationPace, rotate_keys};
use portcullis::store::Store;
use portcullis::token::{KEPT_BEYOND_SECONDS, PUBLISHED_AHEAD_SECONDS, RevocationTarget};

use crate::postgres::Postgres;
use crate::test_app::{Setup, write_files};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, setup, sqlite};
use crate::test_issuer::TestIssuer;

use scene::{
    Load, app, clock, eventually, forged, generate, header, made_with, names, only_key, portcullis,
    published, rows, run_until, settings, signs_with, thumbprint, token, trusted, until,
};

const JWKS: &str = "/.well-known/jwks.json";
const DAY: i64 = 86_400;
const HOUR: i64 = 3600;

/// A rotation a day.
const DAILY: &str = "keys: {rotate_seconds: 86400, poll_ms: 100}, sweep_seconds: 1";

/// Nothing within a test, but for `key rotate`.
const BY_HAND: &str = "keys: {rotate_seconds: 0, poll_ms: 100}";

#[tokio::test]
async fn tokens_of_every_algorithm_are_trusted() {
    for algorithm in ["ES256", "RS256", "EdDSA", "HS256"] {
        let folder = tempfile::tempdir().unwrap();
        let setup = made_with(folder.path(), algorithm, &[algorithm], BY_HAND, None);
        let companion = TestCompanion::with(&setup, folder);
        companion.furnish().await;
        let token = companion.register("alice").await;
        let header = header(&token);
        assert_eq!(header["alg"], algorithm);
        trusted(&companion, &token).await;

        let jwks = companion.send("GET", JWKS, &[], "").await;
        let key_id = header["kid"].as_str().unwrap();
        let row = only_key(&companion).await;
        if algorithm == "HS256" {
            assert_eq!(jwks.json(), serde_json::json!({"keys": []}));
            assert!(!key_id.contains(row.private_key.trim()));
        } else {
            let key = &jwks.json()["keys"][0];
            assert_eq!((&key["kid"], &key["alg"]), (&header["kid"], &header["alg"]));
            assert_eq!(key_id, thumbprint(key));
        }
        for wrong in forged(&token) {
            assert_eq!(companion.check("GET", "/orders/1", &wrong).await, 401);
            let answer = companion.get("/consumer/account", &wrong).await;
            assert_eq!(answer.status, 401, "{algorithm}");
        }
    }
}

#[tokio::test]
async fn a_rotation_under_load_is_not_noticed() {
    let clock = clock();
    let folder = tempfile::tempdir().unwrap();
    let setup = made_with(folder.path(), "ES256", &["ES256"], DAILY, Some(&clock));
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    let first = published(&companion).await;
    let start = clock.now();
    clock.advance(DAY - PUBLISHED_AHEAD_SECONDS - 1);
    let alice = companion.register("alice").await;
    let app = app(&companion, &alice).await;

    let load = Load::default();
    let rotation = async {
        load.goes_on().await;
        let before = token(&companion, &app).await;
        assert_eq!(header(&before)["kid"], first[0]);
        clock.advance(1);
        // Published, and not in use.
        let both = until(&companion, |keys| keys.len() == 2).await;
        assert_eq!(both[0], first[0]);
        load.goes_on().await;
        clock.advance(PUBLISHED_AHEAD_SECONDS - 1);
        let last = token(&companion, &app).await;
        assert_eq!(header(&last)["kid"], first[0]);
        clock.advance(1);
        signs_with(&companion, &app, &both[1]).await;
        load.goes_on().await;
        for token in [&before, &last] {
            trusted(&companion, token).await;
        }
        load.end();
        last
    };
    let (last, ..) = tokio::join!(
        rotation,
        load.run(&companion, &app),
        load.run(&companion, &app)
    );

    // The last token of the old key lives out its life.
    clock.advance(HOUR - 2);
    assert_eq!(companion.check("GET", "/orders/1", &last).await, 200);
    clock.advance(2 + KEPT_BEYOND_SECONDS);
    let left = until(&companion, |keys| keys.len() == 1).await;
    assert_ne!(left, first);
    trusted(&companion, &token(&companion, &app).await).await;
    let store = Store::open(&companion.store()).await.unwrap();
    eventually("the old key leaves the store", async || {
        store.signing_keys().await.unwrap().len() == 1
    })
    .await;
    let row = only_key(&companion).await;
    assert_eq!(row.life.active_from, start.plus(DAY));
}

#[tokio::test]
async fn another_algorithm_takes_over_without_a_token_lost() {
    let clock = clock();
    let folder = tempfile::tempdir().unwrap();
    let before = made_with(folder.path(), "ES256", &["ES256"], BY_HAND, Some(&clock));
    let companion = TestCompanion::with(&before, folder);
    companion.furnish().await;
    let old = companion.register("alice").await;
    let mut companion = companion;
    // A secret follows on a public key as well.
    for (algorithm, listed) in [("RS256", ["ES256", "RS256"]), ("HS256", ["HS256", "RS256"])] {
        let setup = made_with(companion.path(), algorithm, &listed, BY_HAND, Some(&clock));
        companion = companion.restart_with(&setup);
        companion = companion.restart_with(&setup);
        let rows = rows(&companion).await;
        let ahead = rows.last().unwrap();
        assert_eq!(
            ahead.life.active_from,
            clock.now().plus(PUBLISHED_AHEAD_SECONDS)
        );
        let token = companion.login("alice", PASSWORD).await;
        assert_ne!(header(&token)["alg"], algorithm, "not known to all yet");
        trusted(&companion, &token).await;
        assert_eq!(published(&companion).await.len(), 2, "no secret is");
        clock.advance(PUBLISHED_AHEAD_SECONDS);
        eventually("the new algorithm signs", async || {
            let token = companion.login("admin", ADMIN_PASSWORD).await;
            header(&token)["alg"] == algorithm
        })
        .await;
        trusted(&companion, &token).await;
        let token = companion.login("alice", PASSWORD).await;
        trusted(&companion, &token).await;
        if algorithm == "RS256" {
            trusted(&companion, &old).await;
        }
    }
}

#[tokio::test]
async fn issuers_on_one_sqlite_file_agree() {
    let folder = tempfile::tempdir().unwrap();
    agreement(&sqlite(folder.path())).await;
}

#[tokio::test]
async fn issuers_on_one_postgresql_agree_and_outlive_it() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let (issuers, clock) = agreement(&postgres.database("keys")).await;
    drop(postgres);
    // What the rows said holds without them: the old key ends when its time has come.
    clock.advance(DAY);
    run_until(&issuers[..1], |issuer| issuer.key_set().len() == 1).await;
}

/// Several issuers start at once, rotate at once, and are rotated by several hands at once: they
/// have the same keys each time.
async fn agreement(store: &str) -> (Vec<Arc<Issuer>>, Arc<ManualClock>) {
    let clock = clock();
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), store);
    let opened = (0..5).map(|_| Issuer::open(settings.clone(), names(), Arc::clone(&clock) as _));
    let opened = futures_util::future::join_all(opened).await;
    let issuers: Vec<_> = opened.into_iter().map(|issuer| issuer.unwrap().0).collect();
    let same = |count: usize| {
        let first = issuers[0].key_set();
        assert_eq!(first.len(), count);
        assert!(issuers.iter().all(|issuer| issuer.key_set() == first));
    };
    same(1);
    clock.advance(DAY - PUBLISHED_AHEAD_SECONDS);
    run_until(&issuers, |issuer| issuer.key_set().len() == 2).await;
    same(2);
    clock.advance(PUBLISHED_AHEAD_SECONDS);

    let hands = issuers.iter().map(|issuer| {
        let now = clock.now();
        rotate_keys(
            issuer.store(),
            &settings,
            RotationPace::Announced,
            "root",
            now,
        )
    });
    let rotated = futures_util::future::join_all(hands).await;
    let rotated: Vec<_> = rotated.into_iter().map(Result::unwrap).collect();
    assert!(rotated.iter().all(|one| one.key_id == rotated[0].key_id));
    let made = rotated.iter().filter(|one| !one.already_published);
    assert_eq!(made.count(), 1);
    run_until(&issuers, |issuer| issuer.key_set().len() == 3).await;
    same(3);

    let now = clock.now();
    rotate_keys(
        issuers[0].store(),
        &settings,
        RotationPace::AtOnce,
        "root",
        now,
    )
    .await
    .unwrap();
    run_until(&issuers, |issuer| issuer.key_set().len() == 1).await;
    same(1);
    let now = clock.now();
    rotate_keys(
        issuers[0].store(),
        &settings,
        RotationPace::Announced,
        "root",
        now,
    )
    .await
    .unwrap();
    run_until(&issuers, |issuer| issuer.key_set().len() == 2).await;
    same(2);
    (issuers, clock)
}

#[tokio::test]
async fn a_running_server_takes_over_what_the_command_line_rotates() {
    let folder = tempfile::tempdir().unwrap();
    let setup = made_with(folder.path(), "ES256", &["ES256"], BY_HAND, None);
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    let alice = companion.register("alice").await;
    let app = app(&companion, &alice).await;
    let old = token(&companion, &app).await;
    let config = companion.gate.folder.path().join("portcullis.yaml");
    let rotate = |flags: &[&str]| {
        let output = portcullis(&["key", "rotate"], &config, flags);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };

    let told = rotate(&[]);
    let keys = until(&companion, |keys| keys.len() == 2).await;
    assert!(told.starts_with(&format!("key id      {}\nalgorithm   ES256\n", keys[1])));
    assert!(told.contains("(in 10 minutes)"), "{told}");
    let again = rotate(&[]);
    assert!(again.starts_with(told.lines().next().unwrap()), "{again}");
    assert!(again.contains("published before"), "{again}");
    let between = token(&companion, &app).await;
    assert_eq!(header(&between)["kid"], keys[0]);
    trusted(&companion, &between).await;

    let told = rotate(&["--now", "--yes"]);
    assert!(told.contains("withdrawn"), "{told}");
    let keys = until(&companion, |keys| keys.len() == 1).await;
    assert!(told.contains(&keys[0]), "{told}");
    for old in [&old, &between, &alice] {
        assert_eq!(companion.check("GET", "/orders/1", old).await, 401);
        assert_eq!(companion.get("/consumer/app", old).await.status, 401);
    }
    let new = token(&companion, &app).await;
    assert_eq!(header(&new)["kid"], keys[0]);
    assert_eq!(companion.check("GET", "/orders/1", &new).await, 200);
    let row = only_key(&companion).await;
    let secret = row.private_key.lines().nth(1).unwrap();
    assert!(!told.contains(secret));
}

#[test]
fn there_is_nothing_to_rotate_without_an_issuer_or_its_store() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::new("key-1");
    let config = write_files(folder.path(), &Setup::default(), &issuer);
    let output = portcullis(&["key", "rotate"], &config, &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("has no section `issuer`"), "{said}");

    let setup = setup(folder.path(), &sqlite(folder.path()));
    let config = write_files(folder.path(), &setup, &issuer);
    let output = portcullis(&["key", "rotate"], &config, &["--now", "--yes"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("there is no `"), "{said}");
    assert!(!folder.path().join("store.db").exists());
}

#[test]
fn settings_that_cannot_work_are_told() {
    let rows: [(&str, &[&str], &str, &str); 7] = [
        (
            "ES256",
            &["ES256"],
            "keys: {rotate_seconds: 0, files: [key.pem]}",
            "`issuer.keys.rotate_seconds` is about keys in the store",
        ),
        (
            "HS256",
            &["ES256"],
            "",
            "`issuer.algorithm: HS256` is not among its `algorithms`",
        ),
        (
            "ES384",
            &["ES384"],
            "",
            "`issuer.algorithm: ES384` is not supported: use ES256",
        ),
        (
            "none",
            &["ES256"],
            "",
            "`issuer.algorithm: none` is not supported",
        ),
        (
            "ES256",
            &["ES256"],
            "keys: {rotate_seconds: 60}",
            "`issuer.keys.rotate_seconds: 60`",
        ),
        (
            "ES256",
            &["ES256"],
            "keys: {poll_ms: 0}",
            "`issuer.keys.poll_ms: 0` is out of bounds",
        ),
        (
            "ES256",
            &["ES256"],
            "sweep_seconds: 0",
            "`issuer.sweep_seconds: 0` is out of bounds",
        ),
    ];
    for (algorithm, listed, extra, words) in rows {
        let folder = tempfile::tempdir().unwrap();
        let setup = made_with(folder.path(), algorithm, listed, extra, None);
        let config = write_files(folder.path(), &setup, &TestIssuer::new("key-1"));
        let error = Config::load(&config, &Overrides::default()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn keys_in_files_sign_by_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (one, other) = (file("one.pem"), file("other.pem"));
    generate("ES256", &one);
    generate("EdDSA", &other);
    let files = |one: &Path, other: &Path| {
        format!(
            "keys: {{poll_ms: 100, files: [\"{}\", \"{}\"]}}",
            one.display(),
            other.display()
        )
    };
    let listed = ["ES256", "EdDSA"];
    let extra = files(&one, &other);
    let setup = made_with(folder.path(), "ES256", &listed, &extra, None);
    let other_order = files(&other, &one);
    let swapped = made_with(folder.path(), "EdDSA", &listed, &other_order, None);
    let wrong = made_with(folder.path(), "RS256", &["RS256"], &extra, None);
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    let old = companion.register("alice").await;
    let keys = published(&companion).await;
    assert_eq!((keys.len(), &header(&old)["alg"]), (2, &"ES256".into()));
    assert_eq!(rows(&companion).await.len(), 0);
    let config = companion.gate.folder.path().join("portcullis.yaml");
    let refused = portcullis(&["key", "rotate"], &config, &["--now", "--yes"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("those of `issuer.keys.files`"), "{said}");

    let companion = companion.restart_with(&swapped);
    let new = companion.login("alice", PASSWORD).await;
    assert_eq!(header(&new)["alg"], "EdDSA");
    for token in [&old, &new] {
        trusted(&companion, token).await;
    }
    // A file that is replaced is taken over by the running server.
    std::fs::remove_file(&one).unwrap();
    generate("ES256", &one);
    let replaced = until(&companion, |now| now[1] != keys[0]).await;
    assert_eq!((replaced.len(), &replaced[0]), (2, &keys[1]));
    assert_eq!(companion.check("GET", "/orders/1", &old).await, 401);
    trusted(&companion, &new).await;

    let start_fails = |setup: &Setup, words: &str| {
        let config = write_files(companion.path(), setup, &TestIssuer::new("key-1"));
        let output = portcullis(&["serve"], &config, &[]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(said.contains(words), "{said}");
    };
    start_fails(&wrong, "one.pem`: the private key does not fit RS256");
    let public = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&one, public).unwrap();
    start_fails(&setup, "everybody can read it");
}

#[tokio::test]
async fn what_has_ended_is_swept_from_the_store() {
    let clock = clock();
    let folder = tempfile::tempdir().unwrap();
    let setup = made_with(folder.path(), "ES256", &["ES256"], DAILY, Some(&clock));
    let companion = TestCompanion::with(&setup, folder);
    let login = serde_json::json!({"username": "admin", "password": ADMIN_PASSWORD});
    let answer = companion.post("/consumer/login", &login, "").await.json();
    let digest = SecretDigest::of(answer["refresh_token"].as_str().unwrap().as_bytes());
    let store = Store::open(&companion.store()).await.unwrap();
    let issued_at = clock.now();
    let kept = async || {
        let found = store.refresh_token(&digest, issued_at).await;
        found.unwrap().is_some()
    };
    assert!(kept().await);
    clock.advance(31 * DAY);
    // A clock that jumps ahead is not trusted at once, but at a start it is.
    let _companion = companion.restart_with(&setup);
    eventually("the token is swept", async || !kept().await).await;
}

#[tokio::test]
async fn what_is_revoked_outlives_a_start_with_the_clock_ahead() {
    let clock = clock();
    let folder = tempfile::tempdir().unwrap();
    let extra = format!("{BY_HAND}, sweep_seconds: 1");
    let setup = made_with(folder.path(), "ES256", &["ES256"], &extra, Some(&clock));
    let companion = TestCompanion::with(&setup, folder);
    let login = serde_json::json!({"username": "admin", "password": ADMIN_PASSWORD});
    let answer = companion.post("/consumer/login", &login, "").await.json();
    let digest = SecretDigest::of(answer["refresh_token"].as_str().unwrap().as_bytes());
    let token = answer["token"].as_str().unwrap();
    let account = companion.get("/consumer/account", token).await;
    assert_eq!(account.status, 200, "{account:?}");
    let user = RevocationTarget::User(account.json()["id"].as_str().unwrap().to_owned());
    let store = Store::open(&companion.store()).await.unwrap();
    let issued_at = clock.now();
    store.revoke(&user, issued_at).await.unwrap();
    clock.advance(31 * DAY);
    let companion = companion.restart_with(&setup);
    // The log would have been swept before.
    eventually("a sweep", async || {
        let found = store.refresh_token(&digest, issued_at).await;
        found.unwrap().is_none()
    })
    .await;
    clock.advance(-31 * DAY);
    let companion = companion.restart_with(&setup);
    let answer = companion.get("/consumer/account", token).await;
    assert_eq!(answer.status, 401, "{answer:?}");
}

#[tokio::test]
async fn what_goes_on_behind_ends_with_the_server() {
    let mut companion = TestCompanion::start().await;
    let journal = companion.path().join("store.db-wal");
    assert!(journal.exists());
    let app = &mut companion.gate.app;
    app.drain(async || std::future::pending().await).await;
    assert!(!journal.exists(), "the last to close the store removes it");
}
