//! A store that goes back to a backup, and the gates that know what came after it.

use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use super::network::Network;
use super::{FarGate, PATIENCE, feed_of};
use crate::admin_verbs::run;
use crate::postgres::Postgres;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, URL, feed_listener, sqlite};

/// Where a store is, and how it is copied while no issuer runs on it.
enum Place<'p> {
    Sqlite(PathBuf),
    Postgres(&'p Postgres),
}

impl Place<'_> {
    fn store(&self) -> String {
        match self {
            Self::Sqlite(folder) => sqlite(folder),
            Self::Postgres(postgres) => postgres.database("issuer"),
        }
    }

    /// A copy of the store as it is now, which takes its place later.
    fn backup(&self) -> String {
        match self {
            Self::Sqlite(folder) => {
                let store = sqlite(folder);
                verb(folder, &store, &["store", "backup", "--out", "backup.db"]);
                store.replace("store.db", "backup.db")
            }
            Self::Postgres(postgres) => {
                let socket = postgres.path().display().to_string();
                let login = ["-h", socket.as_str(), "-U", "test"];
                let copy = ["-T", "issuer", "backup"];
                postgres.run("createdb", &[&login[..], &copy].concat());
                format!("postgres://test@localhost/backup?host={socket}")
            }
        }
    }
}

/// Runs a command on a store.
fn verb(folder: &Path, store: &str, arguments: &[&str]) {
    let config = format!(
        "version: 1\npolicy: [policy.yaml]\nissuer: {{url: \"{URL}\", store: \"{store}\"}}\n"
    );
    std::fs::write(folder.join("portcullis.yaml"), config).unwrap();
    let done = run(folder, arguments, "");
    assert!(done.status.success(), "{arguments:?}: {done:?}");
}

/// An issuer on a store, which the far gate hears from now on.
fn lead_to(network: &Network, store: &str, folder: TempDir) -> TestCompanion {
    let companion = TestCompanion::second_on(store, folder, &feed_listener(""));
    network.lead_to(companion.gate.app.feed_address().unwrap());
    network.heal();
    companion
}

/// By an administrator, whatever database it is.
async fn revoke_user_at(companion: &TestCompanion, username: &str) {
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let body = json!({"user": username});
    let done = companion.post("/backend/revoke", &body, &admin).await;
    assert_eq!(done.status, 200, "{done:?}");
}

async fn goes_back(folder: TempDir, place: &Place<'_>) {
    let store = place.store();
    let companion = TestCompanion::second_on(&store, folder, &feed_listener(""));
    companion.furnish().await;
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    let far = FarGate::at(&network.url(), "").await;
    far.is_ready().await;
    let revoked = companion.register("alice").await;
    let kept = companion.register("bobby").await;
    network.cut();
    let folder = companion.stop();
    let backup = place.backup();

    // What comes after the backup is known to the gate alone.
    let companion = lead_to(&network, &store, folder);
    let later = companion.register("carol").await;
    for good in [&revoked, &kept, &later] {
        far.answers(good, 200, PATIENCE).await;
    }
    revoke_user_at(&companion, "alice").await;
    far.answers(&revoked, 401, PATIENCE).await;
    network.cut();
    let folder = companion.stop();

    verb(folder.path(), &backup, &["store", "restored"]);
    assert_eq!(far.status(&revoked).await, 401, "before it has heard of it");
    let companion = lead_to(&network, &backup, folder);
    for old in [&kept, &later] {
        far.answers(old, 401, PATIENCE).await;
    }
    assert_eq!(far.status(&revoked).await, 401);
    // Also a gate that knows nothing of before.
    let fresh = FarGate::at(&feed_of(&companion), "").await;
    fresh.is_ready().await;
    for gate in [&far, &fresh] {
        for old in [&revoked, &kept, &later] {
            assert_eq!(gate.status(old).await, 401);
        }
    }
    // Whoever is in the backup gets in again, and what is revoked from now on is refused.
    let again = companion.login("alice", PASSWORD).await;
    let other = companion.login("bobby", PASSWORD).await;
    for gate in [&far, &fresh] {
        for good in [&again, &other] {
            gate.answers(good, 200, PATIENCE).await;
        }
    }
    let body = json!({"username": "carol", "password": PASSWORD});
    let gone = companion.post("/consumer/login", &body, "").await;
    assert_eq!(gone.status, 401, "made after the backup: {gone:?}");
    revoke_user_at(&companion, "alice").await;
    for gate in [&far, &fresh] {
        gate.answers(&again, 401, PATIENCE).await;
        assert_eq!(gate.status(&other).await, 200);
    }
}

#[tokio::test]
async fn a_far_gate_takes_nothing_from_before_a_restore_of_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Sqlite(folder.path().to_owned());
    goes_back(folder, &place).await;
}

#[tokio::test]
async fn a_far_gate_takes_nothing_from_before_a_restore_of_postgresql() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    goes_back(folder, &Place::Postgres(&postgres)).await;
}
