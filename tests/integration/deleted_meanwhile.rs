//! Users who are deleted, or get their first passkey, while they are let in; and what comes into use while
//! it is deleted.

use std::path::Path;
use std::time::Duration;

use portcullis::clock::{Clock, SystemClock};
use portcullis::identity::{
    Backup, CredentialId, NewPasskey, PasskeyKey, PasskeyName, RoleName, ScopeSet, User, Username,
};
use portcullis::store::{Change, Created, Store, StoreLocation};
use serde_json::json;

use crate::admin_verbs;
use crate::authenticator::TestPasskey;
use crate::client::Answer;
use crate::issuer::error;
use crate::postgres::Postgres;
use crate::test_browser::{CALLBACK, TestBrowser, TestForm, form, location, request};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestClient, TestCompanion, URL};

/// A companion on a database on which others can be watched.
pub(crate) struct Watched {
    pub(crate) companion: TestCompanion,
    store: Store,
    watcher: sqlx::AnyPool,
    _postgres: Postgres,
}

impl Watched {
    pub(crate) async fn start() -> Option<Self> {
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

    /// Somebody new, and its login that has not been sent yet.
    async fn login(&self, username: &str) -> impl Future<Output = Answer> {
        self.companion.register(username).await;
        let login = json!({"username": username, "password": PASSWORD});
        async move { self.companion.post("/consumer/login", &login, "").await }
    }

    /// An app into which browsers log in.
    async fn shop(&self) -> TestClient {
        let owner = self.companion.register("owner").await;
        self.companion.web_app(&owner, "shop", &[CALLBACK]).await
    }

    /// Somebody new before a page with a form for logins, and that form, filled in.
    async fn filled(
        &self,
        username: &str,
        page: &str,
        action: &str,
    ) -> (TestBrowser<'_>, TestForm) {
        self.companion.register(username).await;
        let mut browser = TestBrowser::new(&self.companion);
        let shown = browser.get(page).await;
        let wanted = form(&shown, action)
            .with("username", username)
            .with("password", PASSWORD);
        (browser, wanted)
    }

    async fn change(&self, username: &str) -> (Change, User) {
        let mut change = self.store.change(SystemClock.now()).await.unwrap();
        let name = Username::parse(username).unwrap();
        let user = change.user_named(&name).await.unwrap().unwrap();
        (change, user)
    }

    /// The answer to a call that waits while somebody else changes something, and meanwhile something is done.
    pub(crate) async fn waiting(
        &self,
        call: impl Future<Output = Answer>,
        meanwhile: impl Future<Output = ()>,
    ) -> Answer {
        let (change, _) = self.change("admin").await;
        self.committing_after(change, call, meanwhile).await
    }

    /// The answer to a call that waits for what a change has locked; the change is committed then.
    async fn committing<T>(&self, change: Change, call: impl Future<Output = T>) -> T {
        self.committing_after(change, call, async {}).await
    }

    async fn committing_after<T>(
        &self,
        change: Change,
        call: impl Future<Output = T>,
        meanwhile: impl Future<Output = ()>,
    ) -> T {
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
            meanwhile.await;
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

    let login = watched.login("alice").await;
    let answer = watched.deleting("alice", login).await;
    assert_eq!(error(&answer), (401, "invalid_grant".to_owned()));

    let bob = companion.register("bob").await;
    let app = companion.app(&bob, "tool").await;
    let call = companion.token(&app, "grant_type=client_credentials");
    let answer = watched.deleting("bob", call).await;
    assert_eq!(error(&answer), (401, "invalid_client".to_owned()));

    let page = request(&watched.shop().await);
    let (mut browser, wanted) = watched.filled("carol", &page, "/authorization/login").await;
    let answer = watched.deleting("carol", browser.submit(&wanted)).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.body.contains("/authorization/login"), "{answer:?}");

    companion.register("dave").await;
    let page = browser.log_in(&page, "dave").await;
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
    let login = watched.login("alice").await;
    let answer = watched.adding_a_passkey("alice", login).await;
    assert_eq!(error(&answer), (400, "invalid_grant".to_owned()));
    assert!(answer.body.contains("passkey"), "{answer:?}");

    let app = watched.shop().await;
    for (name, page, action) in [
        ("bob", "/portal/log-in", "/portal/log-in"),
        ("carol", &request(&app), "/authorization/login"),
    ] {
        let (mut browser, wanted) = watched.filled(name, page, action).await;
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

#[tokio::test]
async fn a_role_that_somebody_gets_meanwhile_is_not_deleted_unasked() {
    let Some(watched) = Watched::start().await else {
        return;
    };
    let companion = &watched.companion;
    companion.register("alice").await;
    let clerk = RoleName::parse("clerk").unwrap();
    let (mut change, _) = watched.change("alice").await;
    let added = change.add_role(&clerk, &ScopeSet::default()).await;
    assert_eq!(added.unwrap(), Created::Yes);
    let _ = change.commit().await.unwrap();

    let folder = companion.gate.folder.path().to_owned();
    let delete = async {
        let delete = move || admin_verbs::run(&folder, &["role", "delete", "clerk"], "");
        tokio::task::spawn_blocking(delete).await.unwrap()
    };
    let (mut change, alice) = watched.change("alice").await;
    let roles = [&*alice.roles, &[clerk]].concat();
    change.set_user_roles(&alice.id, &roles).await.unwrap();
    let output = watched.committing(change, delete).await;
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("1 user") && told.contains("`--force`"),
        "{told}"
    );
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    assert_eq!(
        companion.get("/backend/role/clerk", &token).await.status,
        200
    );
}
