//! Every pair of operations at the same time, by two processes: none waits for one that waits for it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};

use portcullis::identity::{
    Assurance, CodeChallenge, CredentialId, KeptSecret, NewPasskey, PasskeyName, PlainSecret,
    RedirectUri, RoleName, ScopeSet, SecretDigest, Status, User, Username,
};
use portcullis::store::{
    AuthorizationCode, Change, Holding, NewSession, RefreshToken, Store, StoreError, StoreLocation,
    Successor,
};
use portcullis::token::RevocationTarget;

use super::{NOW, app, new_session, passkeys, scope, token_of, user};

/// How often each pair meets.
const ROUNDS: usize = 2;

/// How many actors do each operation of a pair.
const ACTORS: usize = 3;

/// What happens to users, apps and what was given out to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    DeleteUser,
    DisableUser,
    ChangePassword,
    RenameUser,
    AddTokens,
    RefreshTokens,
    ReplayTokens,
    RetryTokens,
    RevokeGrants,
    RevokeUser,
    RevokeApp,
    RevokeEveryone,
    TakeScope,
    DeleteScope,
    RedeemCode,
    LogInAndOut,
    RenewSession,
    ChangeInSession,
    LogInForTokens,
    MakePasskey,
    NotePlaces,
    Sweep,
    ChangeApp,
    DeleteApp,
    RotateSecret,
    NoteUses,
    EmptyRole,
    DeleteRole,
}

const OPERATIONS: [Operation; 28] = [
    Operation::DeleteUser,
    Operation::DisableUser,
    Operation::ChangePassword,
    Operation::RenameUser,
    Operation::AddTokens,
    Operation::RefreshTokens,
    Operation::ReplayTokens,
    Operation::RetryTokens,
    Operation::RevokeGrants,
    Operation::RevokeUser,
    Operation::RevokeApp,
    Operation::RevokeEveryone,
    Operation::TakeScope,
    Operation::DeleteScope,
    Operation::RedeemCode,
    Operation::LogInAndOut,
    Operation::RenewSession,
    Operation::ChangeInSession,
    Operation::LogInForTokens,
    Operation::MakePasskey,
    Operation::NotePlaces,
    Operation::Sweep,
    Operation::ChangeApp,
    Operation::DeleteApp,
    Operation::RotateSecret,
    Operation::NoteUses,
    Operation::EmptyRole,
    Operation::DeleteRole,
];

const NAMES: [&str; 3] = ["alice", "bob", "carol"];

pub(super) async fn all_pairs(place: &StoreLocation, log: impl Fn() -> String) {
    // Two processes: what one gathers into a transaction meets what the other does.
    let stores = [
        Store::open(place).await.unwrap(),
        Store::open(place).await.unwrap(),
    ];
    for store in &stores {
        // So few that they are ended beside new ones.
        store.bound_grants(1);
    }
    let mut carried_out = HashSet::new();
    for (first, one) in OPERATIONS.into_iter().enumerate() {
        for other in OPERATIONS.into_iter().skip(first) {
            for _ in 0..ROUNDS {
                furnish(&stores[0]).await.unwrap();
                carried_out.extend(meet(&stores, [one, other]).await);
            }
            let log = log();
            let told = log.find("deadlock detected").map(|at| &log[at..]);
            assert_eq!(told, None, "{one:?} {other:?}");
        }
    }
    // What always fails meets nobody.
    let idle = OPERATIONS
        .iter()
        .filter(|operation| !carried_out.contains(operation));
    assert_eq!(idle.collect::<Vec<_>>(), Vec::<&Operation>::new());
    for store in stores {
        store.close().await;
    }
}

/// Several of each operation, by both processes and in different orders; gives back those that were
/// carried out.
async fn meet(stores: &[Store; 2], pair: [Operation; 2]) -> Vec<Operation> {
    let actors = (0..2 * ACTORS).map(|actor| {
        let (store, operation) = (stores[actor % 2].clone(), pair[(actor / 2) % 2]);
        tokio::spawn(async move {
            let mut names = NAMES;
            names.rotate_left(actor % 3);
            if actor % 2 == 1 {
                names.reverse();
            }
            // Others have removed what it is about: that is no matter here.
            act(&store, operation, names)
                .await
                .is_ok()
                .then_some(operation)
        })
    });
    let outcomes = futures_util::future::join_all(actors).await;
    let carried_out = outcomes.into_iter().filter_map(|outcome| outcome.unwrap());
    carried_out.collect()
}

/// Everything that can be missing is there again.
async fn furnish(store: &Store) -> Result<(), StoreError> {
    let role = role();
    for name in ["orders.read", "orders.write"] {
        store.add_scope(&scope(name), "").await?;
    }
    let scopes = [scope("orders.read"), scope("orders.write")];
    assert!(store.extend_role(&role, &scopes).await?);
    for name in NAMES {
        let user = User {
            roles: vec![role.clone()],
            ..user(name)
        };
        store.add_user(&user, "hash").await?;
        store.add_app(&app(name, &user), &fresh_secret()).await?;
    }
    // With one, nobody logs in by the password alone.
    let mut change = store.change(NOW).await?;
    for name in NAMES {
        change.remove_passkeys(&user(name).id).await?;
    }
    let _ = change.commit().await?;
    for name in NAMES {
        let (session, user, end) = (session_of(name), user(name), NOW.plus(300_000));
        store.end_session(&session, NOW).await?;
        let begun = NewSession {
            assurance: Assurance::SecondFactor,
            expires_at: end,
            ..new_session(&session, &user, NOW)
        };
        store.add_session(&begun).await?;
        // By the app of the next.
        for _ in 0..2 {
            store.add_refresh_token(&fresh(), &token(name), NOW).await?;
        }
    }
    Ok(())
}

fn role() -> RoleName {
    RoleName::parse("sales").unwrap()
}

/// The session in which a user changes something.
fn session_of(name: &str) -> SecretDigest {
    SecretDigest::of(name.as_bytes())
}

/// Of a secret that nobody else has.
fn fresh() -> SecretDigest {
    fresh_secret().digest
}

fn fresh_secret() -> KeptSecret {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut random = [0; 32];
    random[..4].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    PlainSecret::from_random(random).kept()
}

/// A token of a user, for the app of another.
fn token(name: &str) -> RefreshToken {
    let next = NAMES.iter().position(|one| *one == name).unwrap() + 1;
    let owner = user(NAMES[next % NAMES.len()]);
    let mut token = token_of(&user(name), &format!("family-of-{name}"));
    token.grant.app = Some(app(owner.username.as_str(), &owner).key);
    token
}

async fn act(
    store: &Store,
    operation: Operation,
    names: [&'static str; 3],
) -> Result<(), StoreError> {
    let [name, ..] = names;
    let user = user(name);
    match operation {
        Operation::AddTokens => {
            futures_util::future::try_join_all(names.map(|name| add(store, name))).await?;
        }
        Operation::RefreshTokens => refresh(store, names, 1, 0).await?,
        Operation::ReplayTokens => refresh(store, names, 2, 0).await?,
        Operation::RetryTokens => refresh(store, names, 3, 60).await?,
        Operation::RevokeGrants => {
            for name in names {
                let grant = RevocationTarget::Grant(format!("family-of-{name}"));
                store.revoke(&grant, NOW).await?;
            }
        }
        Operation::RevokeUser => {
            let subject = RevocationTarget::User(user.id.as_str().to_owned());
            store.revoke(&subject, NOW).await?;
        }
        Operation::RevokeApp => {
            let key = app(name, &user).key;
            let subject = RevocationTarget::App(key.as_str().to_owned());
            store.revoke(&subject, NOW).await?;
        }
        Operation::RevokeEveryone => drop(store.revoke(&RevocationTarget::Everyone, NOW).await?),
        Operation::RedeemCode => redeem(store, &user).await?,
        Operation::LogInAndOut => {
            // The second one later, when the one from before has ended.
            for now in [NOW, NOW.plus(100)] {
                store
                    .add_session(&new_session(&fresh(), &user, now))
                    .await?;
            }
            store.end_sessions(&user.id).await?;
        }
        Operation::RenewSession => {
            let (from, to) = (session_of(name), fresh());
            let lineage = from.clone();
            for (from, to) in [(&from, &to), (&to, &from)] {
                store.note_trial(from, NOW.plus(60), NOW).await?;
                let renewed = NewSession {
                    assurance: Assurance::SecondFactor,
                    expires_at: NOW.plus(300_000),
                    ..new_session(to, &user, NOW)
                };
                store.renew_session(from, &lineage, &renewed).await?;
            }
        }
        Operation::LogInForTokens => {
            let login = token_of(&user, &format!("login-of-{name}"));
            store.add_refresh_token(&fresh(), &login, NOW).await?;
        }
        Operation::NotePlaces => {
            for place in names {
                store.note_login_place(&user.id, place, NOW, 60).await?;
            }
        }
        Operation::NoteUses => {
            static LATER: AtomicU32 = AtomicU32::new(1);
            let at = NOW.plus(LATER.fetch_add(1, Ordering::Relaxed).into());
            let keys = names.map(|name| app(name, &user).key);
            store.note_app_uses(&keys, at).await?;
        }
        Operation::Sweep => drop(store.sweep(NOW.plus(100_000), 2).await?),
        Operation::DeleteUser
        | Operation::DisableUser
        | Operation::ChangePassword
        | Operation::ChangeInSession
        | Operation::MakePasskey
        | Operation::RenameUser
        | Operation::TakeScope
        | Operation::DeleteScope
        | Operation::ChangeApp
        | Operation::DeleteApp
        | Operation::EmptyRole
        | Operation::DeleteRole
        | Operation::RotateSecret => {
            let mut change = store.change(NOW).await?;
            administer(&mut change, operation, &user).await?;
            let _ = change.commit().await?;
        }
    }
    Ok(())
}

/// What is done to the directory, in the order in which the issuer does it.
async fn administer(
    change: &mut Change,
    operation: Operation,
    user: &User,
) -> Result<(), StoreError> {
    let name = user.username.as_str();
    let app = app(name, user);
    let of_app = RevocationTarget::App(app.key.as_str().to_owned());
    match operation {
        Operation::DeleteUser => {
            change.hold_with_apps(&user.id, Holding::ToRemove).await?;
            change.delete_user(&user.id).await?;
        }
        Operation::DisableUser => {
            change.hold_with_apps(&user.id, Holding::ToChange).await?;
            rename(change, user).await?;
            change.set_user_status(&user.id, Status::Disabled).await?;
        }
        Operation::ChangePassword => {
            change.hold_with_apps(&user.id, Holding::ToChange).await?;
            change.set_password_hash(&user.id, "another").await?;
            change.end_secrets_of(&user.id).await?;
        }
        Operation::ChangeInSession => {
            change.hold_session(&session_of(name)).await?;
            change.hold_with_apps(&user.id, Holding::ToChange).await?;
            change.raise_session(&session_of(name)).await?;
            change.end_logins_by_password(&user.id).await?;
        }
        Operation::MakePasskey => {
            let name = PasskeyName::parse("phone").unwrap();
            let made = NewPasskey {
                id: CredentialId::new(fresh().to_text().as_bytes()).unwrap(),
                ..passkeys::made(1)
            };
            let _ = change.add_passkey(&user.id, &name, &made).await?;
            change.end_logins_by_password(&user.id).await?;
        }
        Operation::RenameUser => {
            rename(change, user).await?;
            change.set_user_roles(&user.id, &[role()]).await?;
            let subject = RevocationTarget::User(user.id.as_str().to_owned());
            change.revoke(subject);
        }
        Operation::TakeScope => {
            let scopes = ScopeSet::parse("orders.read").unwrap();
            change.remove_role_scopes(&role(), &scopes).await?;
        }
        Operation::DeleteScope => change.delete_scope(&scope("orders.read")).await?,
        Operation::ChangeApp => {
            let mut changed = app;
            changed.name = portcullis::identity::AppName::parse("changed").unwrap();
            let _ = change.update_app(&changed).await?;
            change.revoke(of_app);
        }
        Operation::EmptyRole => {
            change.empty_role(&role()).await?;
        }
        Operation::DeleteRole => {
            if let Some(role) = change.role(&role()).await? {
                change.delete_role(&role).await?;
            }
        }
        Operation::DeleteApp => {
            change.delete_app(&app.key).await?;
            change.revoke(of_app);
        }
        _ => {
            change.rotate_secret(&app.key, &fresh_secret(), 0).await?;
            change.revoke(of_app);
        }
    }
    Ok(())
}

async fn rename(change: &mut Change, user: &User) -> Result<(), StoreError> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let other = Username::parse(&format!("renamed-{number}")).unwrap();
    let _ = change.rename_user(&user.id, &other, &user.email).await?;
    Ok(())
}

async fn add(store: &Store, name: &str) -> Result<SecretDigest, StoreError> {
    let digest = fresh();
    store.add_refresh_token(&digest, &token(name), NOW).await?;
    Ok(digest)
}

/// Adds a token of each user and uses it so many times, all users at once: they share transactions.
async fn refresh(
    store: &Store,
    names: [&'static str; 3],
    uses: usize,
    retry_window_seconds: u32,
) -> Result<(), StoreError> {
    let all = names.map(|name| use_token(store, name, uses, retry_window_seconds));
    futures_util::future::try_join_all(all).await?;
    Ok(())
}

async fn use_token(
    store: &Store,
    name: &str,
    uses: usize,
    retry_window_seconds: u32,
) -> Result<(), StoreError> {
    let digest = add(store, name).await?;
    for _ in 0..uses {
        let (next, token) = (fresh(), token(name));
        let successor = Successor {
            digest: &next,
            token: &token,
        };
        store
            .rotate_refresh_token(&digest, &successor, retry_window_seconds, NOW)
            .await?;
    }
    Ok(())
}

async fn redeem(store: &Store, user: &User) -> Result<(), StoreError> {
    let token = token(user.username.as_str());
    let code = AuthorizationCode {
        grant: token.grant.clone(),
        redirect_uri: None,
        sent_to: RedirectUri::parse("https://shop.example/cb").unwrap(),
        challenge: CodeChallenge::parse(&fresh().to_text()).unwrap(),
        expires_at: NOW.plus(60),
    };
    let (digest, next) = (fresh(), fresh());
    let (session, end) = (fresh(), NOW.plus(300_000));
    let begun = NewSession {
        assurance: Assurance::SecondFactor,
        expires_at: end,
        ..new_session(&session, user, NOW)
    };
    store.add_session(&begun).await?;
    store
        .add_authorization_code(&digest, &code, &session, NOW)
        .await?;
    let successor = Successor {
        digest: &next,
        token: &token,
    };
    store
        .redeem_authorization_code(&digest, Some(&successor), NOW)
        .await?;
    // Long after, when it is forgotten.
    let (later, digest) = (NOW.plus(200_000), fresh());
    store
        .add_authorization_code(&digest, &code, &session, later)
        .await
}
