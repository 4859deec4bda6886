//! What a store promises, whichever database it is: one contract, run on each.

mod app_lists;
mod authorization_codes;
mod directory;
mod pages;
mod pairs;
mod passkeys;
mod refresh_tokens;
mod revocations;
mod sign_ins;
mod signing_keys;

use portcullis::clock::UnixSeconds;
use portcullis::identity::{
    App, AppDescription, AppKey, AppName, AppStatus, Assurance, Audiences, Email, Grant, GrantId,
    RedirectUri, ScopeName, ScopeSet, ScopesFrom, SecretDigest, Status, User, UserId, Username,
};
use portcullis::store::{NewSession, RefreshToken, Store, StoreError, StoreLocation};
use portcullis::token::LogPosition;

use crate::postgres::Postgres;

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

#[tokio::test]
async fn the_contract_holds_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        // A name that an URL would have to encode.
        StoreLocation::parse(&format!("sqlite:{name} 100%#.db"), folder.path()).unwrap()
    };
    contract(&place).await;
    let path = folder.path().join("users 100%#.db");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap());
    assert_eq!(mode & 0o777, 0o600, "private keys are in it");
}

#[tokio::test]
async fn migrations_keep_what_is_there_and_fold_the_names_of_apps() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!(
        "sqlite://{}?mode=rwc",
        folder.path().join("old.db").display()
    );
    let place = StoreLocation::parse("sqlite:old.db", folder.path()).unwrap();
    pages::names_from_before(&url, &place, || {
        use std::os::unix::fs::PermissionsExt;
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(folder.path().join("old.db"), private).unwrap();
    })
    .await;
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let url = postgres.database("old");
    let place = StoreLocation::parse(&url, std::path::Path::new("")).unwrap();
    pages::names_from_before(&url, &place, || {}).await;
}

#[tokio::test]
async fn a_file_that_others_could_read_or_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let place = StoreLocation::parse("sqlite:store.db", folder.path()).unwrap();
    Store::open(&place).await.unwrap().close().await;
    for (mode, safe) in [(0o644, false), (0o602, false), (0o640, true)] {
        let path = folder.path().join("store.db");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        let opened = Store::open(&place).await;
        assert_eq!(opened.is_ok(), safe, "{mode:o}: {opened:?}");
    }
}

#[tokio::test]
async fn the_contract_holds_on_postgresql() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let place = |name: &str| {
        let url = postgres.database(name);
        StoreLocation::parse(&url, std::path::Path::new("")).unwrap()
    };
    contract(&place).await;
    directory::waiting_changes(&place("waiting_changes")).await;
}

#[tokio::test]
async fn no_two_operations_wait_for_each_other_on_postgresql() {
    // Who waits for each other is found at once, and told in the log.
    let options = "-c listen_addresses='' -c deadlock_timeout=5ms -c fsync=off";
    let Some(postgres) = Postgres::start_with(options, |_| {}) else {
        return;
    };
    let url = postgres.database("pairs");
    let place = StoreLocation::parse(&url, std::path::Path::new("")).unwrap();
    let log = postgres.path().join("log");
    pairs::all_pairs(&place, || std::fs::read_to_string(&log).unwrap()).await;
}

/// Every promise, each on a database of its own.
async fn contract(place: &dyn Fn(&str) -> StoreLocation) {
    directory::users(&place("users")).await;
    directory::roles(&place("roles")).await;
    directory::default_role(&place("default_role")).await;
    directory::login_places(&place("login_places")).await;
    directory::apps(&place("apps")).await;
    signing_keys::signing_keys(&place("keys")).await;
    signing_keys::sweep(&place("sweep")).await;
    refresh_tokens::refresh_tokens(&place("refresh")).await;
    refresh_tokens::refresh_race(&place("race")).await;
    refresh_tokens::successor_secret(&place("successor_secret")).await;
    revocations::revocations(&place("revocations")).await;
    revocations::everyone(&place("everyone")).await;
    revocations::charges(&place("charges")).await;
    revocations::revocation_race(&place("revocation_race")).await;
    authorization_codes::sessions(&place("sessions")).await;
    authorization_codes::ended_sessions(&place("ended_sessions")).await;
    authorization_codes::authorization_codes(&place("codes")).await;
    authorization_codes::code_bounds(&place("code_bounds")).await;
    sign_ins::sign_ins(&place("sign_ins")).await;
    pages::tried_sessions(&place("tried_sessions")).await;
    pages::prolonged_sessions(&place("prolonged_sessions")).await;
    pages::reach(&place("reach")).await;
    pages::audit(&place("audit")).await;
    passkeys::passkeys(&place("passkeys")).await;
    passkeys::recovery_codes(&place("recovery_codes")).await;
    passkeys::reset_links(&place("reset_links")).await;
    passkeys::races(&place("passkey_races")).await;
    passkeys::first_passkey_race(&place("first_passkey_race")).await;
    pages::live_secrets(&place("live_secrets")).await;
    pages::app_uses(&place("app_uses")).await;
    app_lists::filters(&place("app_filters")).await;
    app_lists::words(&place("app_words")).await;
    authorization_codes::code_race(&place("code_race")).await;
    refresh_tokens::ending_race(&place("ending_race")).await;
    directory::losses(&place("losses")).await;
    directory::emptied(&place("emptied")).await;
    directory::secrets(&place("secrets")).await;
    refresh_tokens::grants(&place("grants")).await;
    refresh_tokens::position_rule(&place("position_rule")).await;
    refresh_tokens::grant_bounds(&place("grant_bounds")).await;
    refresh_tokens::grant_bounds_of_all(&place("grant_bounds_of_all")).await;
    refresh_tokens::grant_race(&place("grant_race")).await;
    directory::owners(&place("owners")).await;
    directory::storm(&place("storm")).await;
    newer_schema(&place("newer")).await;
    reading_writes_nothing(&place("read")).await;
}

async fn reading_writes_nothing(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let reader = Store::open_to_read(place).await.unwrap();
    let written = reader.set_schema_version(1000).await;
    assert!(written.is_err(), "a reader has written");
    reader.close().await;
    store.close().await;
    // The schema is as it was.
    Store::open(place).await.unwrap().close().await;
}

async fn newer_schema(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.set_schema_version(1000).await.unwrap();
    store.close().await;
    let refused = Store::open(place).await;
    assert!(matches!(
        refused,
        Err(StoreError::NewerSchema { found: 1000, .. })
    ));
}

pub(crate) fn user(name: &str) -> User {
    User {
        id: UserId::known(&format!("id-of-{name}")),
        username: Username::parse(&format!("{name:_<3}")).unwrap(),
        email: email(&format!("{name}@shop.example")),
        status: Status::Active,
        roles: Vec::new(),
        scopes: ScopeSet::default(),
        created_at: NOW,
        passkeys: 0,
        as_of: LogPosition::default(),
        revoked_through: LogPosition::default(),
    }
}

fn app(name: &str, owner: &User) -> App {
    App {
        key: AppKey::known(&format!("key-of-{name}")),
        name: AppName::parse(name).unwrap(),
        description: AppDescription::default(),
        link: None,
        owner: owner.id.clone(),
        redirect_uris: vec![RedirectUri::parse("https://shop.example/cb?a=b").unwrap()],
        scopes: ScopeSet::parse("orders.read").unwrap(),
        scopes_from: ScopesFrom::List,
        status: AppStatus::Active,
        created_at: NOW,
        revoked_through: LogPosition::default(),
        last_used_at: None,
        secret_since: Some(NOW),
    }
}

fn refresh_token(user: &User) -> RefreshToken {
    RefreshToken {
        grant: grant(user, "family"),
        expires_at: NOW.plus(60),
    }
}

/// A token of the grant with this id.
fn token_of(user: &User, id: &str) -> RefreshToken {
    RefreshToken {
        grant: grant(user, id),
        ..refresh_token(user)
    }
}

/// A token of a grant to this app.
fn token_through(user: &User, app: &App) -> RefreshToken {
    let mut token = refresh_token(user);
    token.grant.app = Some(app.key.clone());
    token
}

fn grant(user: &User, id: &str) -> Grant {
    Grant {
        id: GrantId::known(id),
        user: user.id.clone(),
        app: None,
        scopes: ScopeSet::parse("orders.read").unwrap(),
        audiences: Audiences::All,
        position: LogPosition::default(),
    }
}

/// A session of a minute, by the password alone.
fn new_session<'a>(digest: &'a SecretDigest, user: &'a User, now: UnixSeconds) -> NewSession<'a> {
    NewSession {
        digest,
        user,
        assurance: Assurance::Password,
        created_at: now,
        expires_at: now.plus(60),
    }
}

/// Whose session it is, if it still stands.
async fn session_user(store: &Store, digest: &SecretDigest, now: UnixSeconds) -> Option<UserId> {
    let session = store.session(digest, now).await.unwrap();
    let session = session.filter(|session| session.check().is_ok());
    session.map(|session| session.user.id)
}

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

fn scope(text: &str) -> ScopeName {
    ScopeName::parse(text).unwrap()
}
