//! The feed between processes: a gate that has neither issuer nor database.

mod crowd;
pub(crate) mod false_issuer;
mod frames;
pub(crate) mod network;
mod proof;
pub(crate) mod report_abuse;
pub(crate) mod reports;
mod restored;
mod rollback;
mod start;

use std::path::Path;
use std::time::Duration;

use portcullis::clock::{Clock, ManualClock, SystemClock, UnixSeconds};
use portcullis::store::{Store, StoreLocation};
use portcullis::token::RevocationTarget;
use serde_json::Value;

use crate::asker::{Asker, Verdict};
use crate::postgres::Postgres;
use crate::test_app::{Setup, TestApp};
use crate::test_companion::{PASSWORD, TestCompanion, URL, feed_listener};
use network::Network;

/// What a revocation may take until it is at the gate.
const A_SECOND: Duration = Duration::from_secs(1);

/// Far more than any step takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(30);

const NOW: UnixSeconds = UnixSeconds(i64::MAX / 4);

/// A gate that knows of the issuer only what the feed says.
pub(crate) struct FarGate {
    gate: TestApp,
    asker: Asker,
}

impl FarGate {
    /// `keys` are further ones of the section, with a comma in front.
    pub(crate) async fn at(address: &str, keys: &str) -> Self {
        Self::with(&setup(address, keys)).await
    }

    /// The same with another policy.
    pub(crate) async fn with_policy(address: &str, policy: &str) -> Self {
        let setup = Setup {
            policy: Some(policy.to_owned()),
            ..setup(address, "")
        };
        Self::with(&setup).await
    }

    async fn with(setup: &Setup) -> Self {
        let gate = TestApp::with(setup);
        let asker = Asker::connect(&gate.authz_url()).await;
        Self { gate, asker }
    }

    pub(crate) async fn is_ready(&self) {
        self.gate.admin_shows("/readyz", "ok").await;
    }

    async fn ask(&self, token: &str) -> Verdict {
        self.asker.ask("/orders/1", Some(token)).await
    }

    async fn status(&self, token: &str) -> i32 {
        self.ask(token).await.status
    }

    /// Asks until the answer has this status.
    async fn answers(&self, token: &str, status: i32, patience: Duration) {
        let wait = async {
            while self.status(token).await != status {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let answered = tokio::time::timeout(patience, wait).await;
        assert!(answered.is_ok(), "{:?}", self.ask(token).await);
    }

    /// What `/status` says of the feed.
    async fn feed(&self) -> Value {
        let (_, text) = self.gate.admin("/status").await;
        let status: Value = serde_json::from_str(&text).unwrap();
        status["issuers"][0]["feed"].clone()
    }

    /// Waits until it says so.
    async fn says(&self, enough: impl Fn(&Value) -> bool) {
        let wait = async {
            while !enough(&self.feed().await) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let said = tokio::time::timeout(PATIENCE, wait).await;
        assert!(said.is_ok(), "{}", self.feed().await);
    }

    /// Waits until it says that this is wrong.
    async fn complains(&self, words: &str) {
        let failure = |feed: &Value| feed["last_failure"].as_str().unwrap_or("").contains(words);
        self.says(failure).await;
    }
}

fn setup(address: &str, keys: &str) -> Setup {
    Setup {
        trust: Some(format!(
            "{{issuer: \"{URL}\", audiences: [orders-api, \"{URL}\"], algorithms: [ES256], \
             feed: {{addresses: [{address}]{keys}}}}}"
        )),
        ..Setup::default()
    }
}

/// The address of a companion's feed.
pub(crate) fn feed_of(companion: &TestCompanion) -> String {
    format!("\"http://{}\"", companion.gate.app.feed_address().unwrap())
}

/// Takes back everything of the user whose token this is.
async fn revoke_user(companion: &TestCompanion, token: &str) {
    let account = companion.get("/consumer/account", token).await.json();
    let subject = RevocationTarget::User(account["id"].as_str().unwrap().to_owned());
    revoke(companion, &subject).await;
}

/// As another issuer on the same store does.
async fn revoke(companion: &TestCompanion, subject: &RevocationTarget) {
    let store = Store::open(&companion.store()).await.unwrap();
    store.revoke(subject, NOW).await.unwrap();
}

#[tokio::test]
async fn a_gate_without_a_database_refuses_within_a_second() {
    let companion = TestCompanion::with_feed("").await;
    let far = FarGate::at(&feed_of(&companion), "").await;
    far.is_ready().await;
    let alice = companion.register("alice").await;
    let bob = companion.register("bobby").await;
    let app = companion.app(&alice, "web-shop").await;
    let answer = companion
        .token(&app, "grant_type=client_credentials")
        .await
        .json();
    let token = answer["access_token"].as_str().unwrap();
    for good in [&alice, &bob, token] {
        assert_eq!(far.status(good).await, 200);
    }
    revoke(&companion, &RevocationTarget::App(app.key.clone())).await;
    far.answers(token, 401, A_SECOND).await;
    assert_eq!(far.status(&alice).await, 200);
    revoke_user(&companion, &alice).await;
    far.answers(&alice, 401, A_SECOND).await;
    assert_eq!(far.status(&bob).await, 200);
    revoke(&companion, &RevocationTarget::Everyone).await;
    far.answers(&bob, 401, A_SECOND).await;
    let again = companion
        .login("bobby", crate::test_companion::PASSWORD)
        .await;
    assert_eq!(far.status(&again).await, 200);
    // A gate that comes later knows the same.
    let later = FarGate::at(&feed_of(&companion), "").await;
    later.is_ready().await;
    for (token, status) in [(&alice, 401), (&bob, 401), (&again, 200)] {
        assert_eq!(later.status(token).await, status);
    }
}

/// What came first is told by the log and not by clocks: one that is off by a minute, as far as the
/// leeway goes, neither lets a revoked token in nor a fresh one not.
#[tokio::test]
async fn a_gate_whose_clock_is_off_by_a_minute_refuses_and_allows_as_others_do() {
    let companion = TestCompanion::with_feed("").await;
    let admin = companion
        .login("admin", crate::test_companion::ADMIN_PASSWORD)
        .await;
    for off in [60, -60] {
        let mut setup = setup(&feed_of(&companion), "");
        let trust = setup.trust.take().unwrap();
        setup.trust = Some(trust.replacen('{', "{leeway_seconds: 90, ", 1));
        let now = SystemClock.now().plus(off);
        setup.clock = Some(std::sync::Arc::new(ManualClock::new(now)));
        let gate = TestApp::with(&setup);
        let asker = Asker::connect(&gate.authz_url()).await;
        let far = FarGate { gate, asker };
        far.is_ready().await;
        let name = format!("user{}", off + 60);
        let earlier = companion.register(&name).await;
        assert_eq!(far.status(&earlier).await, 200, "{off}");
        let body = serde_json::json!({"user": name});
        let done = companion.post("/backend/revoke", &body, &admin).await;
        assert_eq!(done.status, 200, "{done:?}");
        far.answers(&earlier, 401, A_SECOND).await;
        let later = companion
            .login(&name, crate::test_companion::PASSWORD)
            .await;
        assert_eq!(
            far.status(&later).await,
            200,
            "{off}: made in the same second"
        );
    }
}

#[tokio::test]
async fn a_restart_of_the_issuer_loses_nothing_and_repeats_nothing() {
    let companion = TestCompanion::with_feed("").await;
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    let far = FarGate::at(&network.url(), "").await;
    far.is_ready().await;
    let alice = companion.register("alice").await;
    let bob = companion.register("bobby").await;
    let carol = companion.register("carol").await;
    revoke_user(&companion, &alice).await;
    far.answers(&alice, 401, A_SECOND).await;
    network.cut();
    far.says(|feed| feed["connected"] == false).await;
    revoke_user(&companion, &bob).await;
    let companion = companion.restart();
    assert_eq!(far.status(&bob).await, 200, "nobody has told it");
    network.lead_to(companion.gate.app.feed_address().unwrap());
    network.heal();
    far.answers(&bob, 401, PATIENCE).await;
    assert_eq!(far.feed().await["resumed"], 1, "{}", far.feed().await);
    assert_eq!(far.status(&alice).await, 401);
    assert_eq!(far.status(&carol).await, 200);
    revoke_user(&companion, &carol).await;
    far.answers(&carol, 401, A_SECOND).await;
}

#[tokio::test]
async fn a_connection_that_is_dead_without_saying_so_is_left() {
    let companion = TestCompanion::with_feed("").await;
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    let far = FarGate::at(&network.url(), "").await;
    far.is_ready().await;
    let alice = companion.register("alice").await;
    assert_eq!(far.status(&alice).await, 200);
    network.silence();
    revoke_user(&companion, &alice).await;
    far.complains("nothing was received").await;
    assert_eq!(far.feed().await["connected"], false);
    assert_eq!(far.status(&alice).await, 200, "nobody has told it");
    network.heal();
    far.answers(&alice, 401, PATIENCE).await;
    assert_eq!(far.feed().await["connected"], true);
}

#[tokio::test]
async fn the_next_address_is_taken_when_one_dies() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let store = postgres.database("issuers");
    let folder = || tempfile::tempdir().unwrap();
    let one = TestCompanion::second_on(&store, folder(), &feed_listener(""));
    one.furnish().await;
    let other = TestCompanion::second_on(&store, folder(), &feed_listener(""));
    let far = FarGate::at(&format!("{},{}", feed_of(&one), feed_of(&other)), "").await;
    far.is_ready().await;
    let alice = one.register("alice").await;
    let bob = other.register("bobby").await;
    assert_eq!(far.status(&alice).await, 200);
    // What is revoked at one arrives from the other.
    let rows = StoreLocation::parse(&store, Path::new("")).unwrap();
    let rows = Store::open(&rows).await.unwrap();
    let revoke = async |companion: &TestCompanion, token: &str| {
        let account = companion.get("/consumer/account", token).await.json();
        let id = account["id"].as_str().unwrap().to_owned();
        rows.revoke(&RevocationTarget::User(id), NOW).await.unwrap();
    };
    revoke(&other, &alice).await;
    far.answers(&alice, 401, A_SECOND).await;
    drop(one);
    let address = feed_of(&other);
    let address = address.trim_matches('"');
    far.says(|feed| feed["connected"] == true && feed["address"] == format!("{address}/"))
        .await;
    assert_eq!(far.feed().await["resumed"], 1);
    assert_eq!(
        (far.status(&alice).await, far.status(&bob).await),
        (401, 200)
    );
    revoke(&other, &bob).await;
    far.answers(&bob, 401, A_SECOND).await;
}

/// The keys are looked at once in five seconds, and this must not wait for that.
#[tokio::test]
async fn a_key_that_is_withdrawn_is_refused_everywhere_within_a_second() {
    let rotate = |issuer: &TestCompanion| {
        let config = issuer.gate.folder.path().join("portcullis.yaml");
        let mut command = std::process::Command::new(crate::issuer_process::BINARY);
        command
            .env_clear()
            .args(["key", "rotate", "--now", "--yes", "--config"]);
        let told = command.arg(config).output().unwrap();
        assert!(told.status.success(), "{told:?}");
        let told = String::from_utf8(told.stdout).unwrap();
        assert!(told.contains("withdrawn. Within a second"), "{told}");
    };
    let refused_by = async |gate: &TestCompanion, token: &str| {
        let wait = async {
            while gate.check("GET", "/orders/1", token).await != 401 {
                tokio::task::yield_now().await;
            }
        };
        let refused = tokio::time::timeout(A_SECOND, wait).await;
        assert!(
            refused.is_ok(),
            "the gate beside the issuer still accepts it"
        );
    };
    let one = TestCompanion::with_feed("").await;
    let far = FarGate::at(&feed_of(&one), "").await;
    far.is_ready().await;
    let alice = one.register("alice").await;
    assert_eq!(far.status(&alice).await, 200);
    rotate(&one);
    tokio::join!(far.answers(&alice, 401, A_SECOND), refused_by(&one, &alice));
    let again = one.login("alice", PASSWORD).await;
    assert_eq!(far.status(&again).await, 200);

    // The same at issuers of other processes, and at their gates.
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let store = postgres.database("rotated");
    let folder = || tempfile::tempdir().unwrap();
    let one = TestCompanion::second_on(&store, folder(), "");
    one.furnish().await;
    let other = TestCompanion::second_on(&store, folder(), &feed_listener(""));
    let far = FarGate::at(&feed_of(&other), "").await;
    far.is_ready().await;
    let alice = one.register("alice").await;
    assert_eq!(far.status(&alice).await, 200);
    rotate(&one);
    tokio::join!(
        far.answers(&alice, 401, A_SECOND),
        refused_by(&one, &alice),
        refused_by(&other, &alice)
    );
}

#[tokio::test]
async fn stores_on_one_postgresql_tell_each_other() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let place = StoreLocation::parse(&postgres.database("notices"), Path::new("")).unwrap();
    let (one, other) = (
        Store::open(&place).await.unwrap(),
        Store::open(&place).await.unwrap(),
    );
    let hearing = other.clone();
    let hearing = tokio::spawn(async move { hearing.hear_notices().await });
    // The first notice says that it listens from here on.
    tokio::time::timeout(PATIENCE, other.appended())
        .await
        .unwrap();
    one.revoke(&RevocationTarget::Everyone, NOW).await.unwrap();
    tokio::time::timeout(PATIENCE, other.appended())
        .await
        .unwrap();
    hearing.abort();
}

#[tokio::test]
async fn a_database_that_was_restored_revokes_what_it_does_not_remember() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}/store.db", folder.path().display());
    let backup = folder.path().join("backup.db");
    let one = TestCompanion::second_on(&store, folder, &feed_listener(""));
    one.furnish().await;
    let network = Network::to(one.gate.app.feed_address().unwrap()).await;
    let far = FarGate::at(&network.url(), "").await;
    far.is_ready().await;
    let alice = one.register("alice").await;
    let bob = one.register("bobby").await;
    let copy = format!("VACUUM INTO '{}'", backup.display());
    sqlite(one.path(), &copy).await;
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&backup, private).unwrap();
    // After the backup, and so lost: tokens, and what took one of them back.
    revoke_user(&one, &alice).await;
    far.answers(&alice, 401, A_SECOND).await;
    let late = one.login("bobby", crate::test_companion::PASSWORD).await;
    assert_eq!(far.status(&late).await, 200);
    // A log is led by the second; nobody restores within one.
    let lost_at = SystemClock.now();
    while SystemClock.now() == lost_at {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let one = one.restarted_after(|folder| {
        for name in ["store.db-wal", "store.db-shm"] {
            let _ = std::fs::remove_file(folder.join(name));
        }
        std::fs::rename(folder.join("backup.db"), folder.join("store.db")).unwrap();
    });
    network.lead_to(one.gate.app.feed_address().unwrap());
    far.says(|feed| feed["connections"] == 2 && feed["connected"] == true)
        .await;
    assert_eq!(far.feed().await["resumed"], 0, "it is not the same log");
    assert_eq!(far.status(&alice).await, 401, "the gate has not forgotten");
    // What is revoked now concerns the tokens that the backup has never seen.
    revoke_user(&one, &bob).await;
    far.answers(&bob, 401, A_SECOND).await;
    far.answers(&late, 401, A_SECOND).await;
    let fresh = one.login("bobby", crate::test_companion::PASSWORD).await;
    assert_eq!(far.status(&fresh).await, 200);
}

#[tokio::test]
async fn a_database_that_is_replaced_under_the_issuer_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}/store.db", folder.path().display());
    let one = TestCompanion::second_on(&store, folder, &feed_listener(""));
    one.furnish().await;
    let far = FarGate::at(&feed_of(&one), "").await;
    far.is_ready().await;
    let alice = one.register("alice").await;
    let bob = one.register("bobby").await;
    revoke_user(&one, &alice).await;
    far.answers(&alice, 401, A_SECOND).await;
    // As a backup from before would have it.
    sqlite(one.path(), "DELETE FROM revocations").await;
    sqlite(one.path(), "UPDATE revocation_head SET position = 3").await;
    far.says(|feed| feed["connections"] == 2 && feed["connected"] == true)
        .await;
    assert_eq!(far.feed().await["resumed"], 0);
    assert_eq!(
        (far.status(&alice).await, far.status(&bob).await),
        (401, 200)
    );
    revoke_user(&one, &bob).await;
    far.answers(&bob, 401, A_SECOND).await;
}

#[tokio::test]
async fn what_a_newer_issuer_takes_back_is_everyones() {
    let companion = TestCompanion::with_feed("").await;
    let far = FarGate::at(&feed_of(&companion), "").await;
    far.is_ready().await;
    let alice = companion.register("alice").await;
    let head = "UPDATE revocation_head SET position = position + 1";
    sqlite(companion.path(), head).await;
    let row = "INSERT INTO revocations (position, kind, subject, created_at, expires_at) \
               SELECT position, 'galaxy', 'andromeda', 1800000000, 9000000000 \
               FROM revocation_head";
    sqlite(companion.path(), row).await;
    far.answers(&alice, 401, PATIENCE).await;
    assert_eq!(companion.check("GET", "/orders/1", &alice).await, 401);
    // The log goes on.
    let again = companion
        .login("alice", crate::test_companion::PASSWORD)
        .await;
    assert_eq!(far.status(&again).await, 200);
    revoke_user(&companion, &again).await;
    far.answers(&again, 401, A_SECOND).await;
}

#[tokio::test]
async fn an_issuer_that_has_lost_its_database_does_not_pass_for_current() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let store = postgres.database("lost");
    let folder = tempfile::tempdir().unwrap();
    let one = TestCompanion::second_on(&store, folder, &feed_listener(""));
    one.furnish().await;
    let keys = ", on_stale: deny, max_staleness_seconds: 3";
    let far = FarGate::at(&feed_of(&one), keys).await;
    far.is_ready().await;
    let alice = one.register("alice").await;
    assert_eq!(far.status(&alice).await, 200);
    drop(postgres);
    far.answers(&alice, 503, PATIENCE).await;
    // It is the issuer that says how far it is behind, over the first connection still; a moment later the
    // gate ends that for the same reason.
    let feed = far.feed().await;
    let has_heard = feed["connected"] == true && feed["connections"] == 1;
    let is_left = feed["last_failure"]
        .as_str()
        .is_some_and(|failure| failure.contains("has not read its database for too long"));
    assert!(has_heard || is_left, "{feed}");
}

async fn sqlite(folder: &Path, statement: &str) {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}/store.db", folder.display());
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
}
