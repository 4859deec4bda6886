//! Users who are deleted, or get their first passkey, while they are let in.

use std::path::Path;
use std::time::Duration;

use portcullis::clock::{Clock, SystemClock};
use portcullis::identity::{
    Backup, CredentialId, NewPasskey, PasskeyKey, PasskeyName, User, Username,
};
use portcullis::store::{Change, Created, Store, StoreLocation};
use serde_json::json;

use crate::authenticator::TestPasskey;
use crate::client::Answer;
use crate::issuer::error;
use crate::postgres::Postgres;
use crate::test_browser::{CALLBACK, TestBrowser, form, location, request};
use crate::test_companion::{PASSWORD, TestCompanion, URL};

/// A companion on a database on which others can be watched.
struct Watched {
    companion: TestCompanion,
    store: Store,
    watcher: sqlx::AnyPool,
    _postgres: Postgres,
}

impl Watched {
    async fn start() -> Option<Self> {
        let postgres = Postgres::start()?;
        let url = postgres.database("issuer");
        let companion = TestCompanion::on(&url, tempfile::tempdir().unwrap()).await;
        let place = StoreLocation::parse(&url, Path::new("")).unwrap();
        sqlx::any::install_default_drivers();
        Some(Self {
            companion,
            store: Store::open(&place).await.unwrap(),
            watcher: sqlx::AnyPool::connect(&url).await.unwrap(),
            _postgres: postgres,
        })
    }

    /// The answer to a call that has read the user, and writes when the user is no longer there.
    async fn deleting(&self, username: &str, call: impl Future<Output = Answer>) -> Answer {
        let (mut change, user) = self.change(username).await;
        change.delete_user(&user.id).await.unwrap();
        self.committing(change, call).await
    }

    /// The answer to a call that has found no passkey, and writes when the user has its first one.
    async fn adding_a_passkey(&self, username: &str, call: impl Future<Output = Answer>) -> Answer {
        let (mut change, user) = self.change(username).await;
        let passkey = TestPasskey::es256(URL);
        let made = NewPasskey {
            id: CredentialId::new(username.as_bytes()).unwrap(),
            key: PasskeyKey::parse(&passkey.cose()).unwrap(),
            sign_count: 0,
            backup: Backup::Never,
        };
        let name = PasskeyName::parse("phone").unwrap();
        let added = change.add_passkey(&user.id, &name, &made).await;
        assert_eq!(added.unwrap(), Created::Yes);
        change.end_logins_by_password(&user.id).await.unwrap();
        self.committing(change, call).await
    }

    async fn change(&self, username: &str) -> (Change, User) {
        let mut change = self.store.change(SystemClock.now()).await.unwrap();
        let name = Username::parse(username).unwrap();
        let user = change.user_named(&name).await.unwrap().unwrap();
        (change, user)
    }

    /// The answer to a call that waits for what a change has locked; the change is committed then.
    async fn committing(&self, change: Change, call: impl Future<Output = Answer>) -> Answer {
        let commit = async {
            let text = "SELECT COUNT(*) FROM pg_stat_activity \
                        WHERE datname = 'issuer' AND wait_event_type = 'Lock'";
            while sqlx::query_scalar::<_, i64>(text)
                .fetch_one(&self.watcher)
                .await
                .unwrap()
                == 0
            {
                tokio::task::yield_now().await;
            }
            let _ = change.commit().await.unwrap();
        };
        let both = async { tokio::join!(call, commit) };
        // A call that does not wait would leave the watcher watching.
        let ended = tokio::time::timeout(Duration::from_secs(30), both).await;
        ended.expect("the call waits for the change").0
    }
}

#[tokio::test]
async fn who_is_deleted_meanwhile_gets_the_answer_of_a_moment_later() {
    let Some(watched) = Watched::start().await else {
        return;
    };
    let companion = &watched.companion;

    companion.register("alice").await;
    let login = json!({"username": "alice", "password": PASSWORD});
    let login = companion.post("/consumer/login", &login, "");
    let answer = watched.deleting("alice", login).await;
    assert_eq!(error(&answer), (401, "invalid_grant".to_owned()));

    let bob = companion.register("bob").await;
    let app = companion.app(&bob, "tool").await;
    let call = companion.token(&app, "grant_type=client_credentials");
    let answer = watched.deleting("bob", call).await;
    assert_eq!(error(&answer), (401, "invalid_client".to_owned()));

    let owner = companion.register("owner").await;
    let app = companion.web_app(&owner, "shop", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(companion);
    companion.register("carol").await;
    let page = browser.get(&request(&app)).await;
    let wanted = form(&page, "/authorization/login")
        .with("username", "carol")
        .with("password", PASSWORD);
    let answer = watched.deleting("carol", browser.submit(&wanted)).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.body.contains("/authorization/login"), "{answer:?}");

    companion.register("dave").await;
    let page = browser.log_in(&request(&app), "dave").await;
    let wanted = form(&page, "/authorization/consent").with("decision", "allow");
    let answer = watched.deleting("dave", browser.submit(&wanted)).await;
    let next = location(&answer);
    assert!(next.starts_with("/authorization/authorize?"), "{answer:?}");
    let page = browser.get(&next).await;
    assert!(page.body.contains("/authorization/login"), "{page:?}");
}

#[tokio::test]
async fn a_first_passkey_counts_for_logins_that_are_under_way() {
    let Some(watched) = Watched::start().await else {
        return;
    };
    let companion = &watched.companion;

    companion.register("alice").await;
    let login = json!({"username": "alice", "password": PASSWORD});
    let login = companion.post("/consumer/login", &login, "");
    let answer = watched.adding_a_passkey("alice", login).await;
    assert_eq!(error(&answer), (400, "invalid_grant".to_owned()));
    assert!(answer.body.contains("passkey"), "{answer:?}");

    let owner = companion.register("owner").await;
    let app = companion.web_app(&owner, "shop", &[CALLBACK]).await;
    for (name, page) in [
        ("bob", "/portal/log-in".to_owned()),
        ("carol", request(&app)),
    ] {
        let mut browser = TestBrowser::new(companion);
        companion.register(name).await;
        let shown = browser.get(&page).await;
        let action = if page.starts_with("/portal") {
            "/portal/log-in"
        } else {
            "/authorization/login"
        };
        let wanted = form(&shown, action)
            .with("username", name)
            .with("password", PASSWORD);
        let answer = watched
            .adding_a_passkey(name, browser.submit(&wanted))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(
            answer.body.contains("/portal/log-in/recovery"),
            "{answer:?}"
        );
        let account = browser.get("/portal/account").await;
        assert_eq!(account.status, 303, "nobody is logged in: {account:?}");
    }
}
