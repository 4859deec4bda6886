//! Users, roles, scopes and apps: rows, and what changes of them end.

use std::time::Duration;

use portcullis::identity::{
    App, AppKey, AppName, KeptSecret, PlainSecret, RoleName, ScopeSet, SecretDigest, Status, User,
    Username,
};
use portcullis::store::{
    ChangeOf, Committed, Created, LoginName, Page, Store, StoreLocation, Successor,
};
use portcullis::token::{LogPosition, RevocationTarget};

use super::{NOW, app, email, new_session, refresh_token, scope, token_of, token_through, user};

pub(super) async fn users(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let mut change = store.change(NOW).await.unwrap();
    assert!(!change.has_users().await.unwrap());
    drop(change);
    let alice = user("alice");
    assert_eq!(store.add_user(&alice, "hash").await.unwrap(), Created::Yes);
    for taken in [
        User {
            id: user("x").id,
            ..alice.clone()
        },
        User {
            email: email("other@shop.example"),
            ..user("ALICE")
        },
        User {
            email: email("ALICE@shop.example"),
            ..user("other")
        },
    ] {
        assert_eq!(
            store.add_user(&taken, "hash").await.unwrap(),
            Created::NameTaken
        );
    }
    assert_eq!(store.user(&alice.id).await.unwrap().unwrap(), alice);
    for name in ["alice", "Alice", "alice@SHOP.example"] {
        let found = store
            .credentials(&LoginName::parse(name).unwrap())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.user.id, &*found.password_hash),
            (alice.id.clone(), "hash")
        );
    }
    let nobody = LoginName::parse("nobody").unwrap();
    assert!(store.credentials(&nobody).await.unwrap().is_none());
    let mut change = store.change(NOW).await.unwrap();
    change
        .set_user_status(&alice.id, Status::Disabled)
        .await
        .unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    // What was written is there for whoever opens the store next.
    store.close().await;
    let again = Store::open(place).await.unwrap();
    assert_eq!(
        again.user(&alice.id).await.unwrap().unwrap().status,
        Status::Disabled
    );
}

pub(super) async fn roles(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (read, write) = (scope("orders.read"), scope("orders.write"));
    let role = RoleName::parse("consumer").unwrap();
    assert_eq!(store.default_role().await.unwrap(), None);
    assert_eq!(store.add_scope(&read, "Read").await.unwrap(), Created::Yes);
    assert_eq!(
        store.add_scope(&read, "Read").await.unwrap(),
        Created::NameTaken
    );
    assert!(
        !store
            .extend_role(&role, &[read.clone(), write.clone()])
            .await
            .unwrap()
    );
    store.add_scope(&write, "Write").await.unwrap();
    assert!(
        store
            .extend_role(&role, std::slice::from_ref(&read))
            .await
            .unwrap()
    );
    let mut change = store.change(NOW).await.unwrap();
    change.set_default_role(&role).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(store.default_role().await.unwrap().as_ref(), Some(&role));
    let alice = User {
        roles: vec![role.clone()],
        ..user("alice")
    };
    store.add_user(&alice, "hash").await.unwrap();
    let scopes = async || {
        store
            .user(&alice.id)
            .await
            .unwrap()
            .unwrap()
            .scopes
            .to_string()
    };
    assert_eq!(scopes().await, "orders.read");
    store.extend_role(&role, &[write]).await.unwrap();
    assert_eq!(scopes().await, "orders.read orders.write");
    let mut change = store.change(NOW).await.unwrap();
    let gone = ScopeSet::parse("orders.read").unwrap();
    change.remove_role_scopes(&role, &gone).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(scopes().await, "orders.write", "what roles have now");
}

/// By no order of steps do new users get what administrators have, and no step is half done.
pub(super) async fn default_role(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let administrative = scope("backend.user");
    store.add_scope(&administrative, "").await.unwrap();
    let role = |name| RoleName::parse(name).unwrap();
    let (everybody, staff) = (role("consumer"), role("staff"));
    let scopes = ScopeSet::default().with(administrative.clone());
    store.extend_role(&everybody, &[]).await.unwrap();
    let list = std::slice::from_ref(&administrative);
    assert!(store.extend_role(&staff, list).await.unwrap());
    let choose = async |role: &RoleName| {
        let mut change = store.change(NOW).await.unwrap();
        change.set_default_role(role).await.unwrap();
        change.commit().await.unwrap()
    };
    assert_eq!(choose(&staff).await, Committed::EverybodyAdministrator);
    assert_eq!(store.default_role().await.unwrap(), None);
    assert_eq!(choose(&everybody).await, Committed::Yes);
    assert!(!store.extend_role(&everybody, list).await.unwrap());
    let mut change = store.change(NOW).await.unwrap();
    let name = role("everybody");
    change.rename_role(&everybody, &name).await.unwrap();
    change.add_role_scopes(&name, &scopes).await.unwrap();
    let refused = change.commit().await.unwrap();
    assert_eq!(refused, Committed::EverybodyAdministrator);
    let left = store.role(&everybody).await.unwrap().unwrap();
    assert!(left.is_default && left.scopes.is_empty(), "{left:?}");
}

/// The places of a user are kept for their time, so many at most, and go with it.
pub(super) async fn login_places(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let secrets = [[1; 32], [2; 32]].map(PlainSecret::from_random);
    let secret = store.place_secret(&secrets[0]).await.unwrap();
    assert_eq!(secret.reveal(), secrets[0].reveal());
    let secret = store.place_secret(&secrets[1]).await.unwrap();
    assert_eq!(secret.reveal(), secrets[0].reveal(), "all have one");
    let (alice, bobby) = (user("alice"), user("bobby"));
    for user in [&alice, &bobby] {
        store.add_user(user, "hash").await.unwrap();
    }
    let known = async |user: &User, place: &str, later: i64| {
        let at = NOW.plus(later);
        store.is_login_place(&user.id, place, at).await.unwrap()
    };
    let note = async |place: &str, later: i64| {
        let at = NOW.plus(later);
        store
            .note_login_place(&alice.id, place, at, 60)
            .await
            .unwrap();
    };
    note("home", 0).await;
    assert!(known(&alice, "home", 59).await);
    assert!(!known(&alice, "home", 60).await, "its time is over");
    assert!(!known(&alice, "office", 0).await);
    assert!(!known(&bobby, "home", 0).await, "it is nobody else's");
    note("home", 30).await;
    assert!(known(&alice, "home", 89).await, "noted again");
    for number in 0..64 {
        note(&format!("place {number}"), 31 + number).await;
    }
    assert!(!known(&alice, "home", 40).await, "the one noted first");
    assert!(known(&alice, "place 0", 40).await);
    store.sweep(NOW.plus(1000), 10).await.unwrap();
    assert!(!known(&alice, "place 63", 40).await, "swept");
    note("home", 0).await;
    let mut change = store.change(NOW).await.unwrap();
    change.delete_user(&alice.id).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert!(!known(&alice, "home", 0).await);
}

pub(super) async fn apps(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store
        .add_scope(&scope("orders.read"), "Read")
        .await
        .unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let secret = PlainSecret::from_random([1; 32]);
    let app = app("web-shop", &alice);
    assert_eq!(
        store.add_app(&app, &secret.kept()).await.unwrap(),
        Created::Yes
    );
    let twin = App {
        key: AppKey::known("twin"),
        ..app.clone()
    };
    assert_eq!(
        store.add_app(&twin, &secret.kept()).await.unwrap(),
        Created::NameTaken
    );
    let same = App {
        name: AppName::parse("Web-Shop").unwrap(),
        ..twin
    };
    let added = store.add_app(&same, &secret.kept()).await.unwrap();
    assert_eq!(added, Created::NameTaken);
    let found = store.app(&app.key, NOW).await.unwrap().unwrap();
    assert_eq!((&found.app, &found.owner), (&app, &alice));
    assert!(found.secrets.len() == 1 && found.secrets[0].matches(&secret.digest()));
    assert!(
        store
            .app(&AppKey::known("' OR 1=1"), NOW)
            .await
            .unwrap()
            .is_none()
    );
    for name in ["app-b", "app-a"] {
        let other = App {
            key: AppKey::known(name),
            ..self::app(name, &alice)
        };
        store.add_app(&other, &secret.kept()).await.unwrap();
    }
    let names = async |after: &str, limit| {
        let after = after.to_owned();
        let page = store.apps(&alice.id, &Page { after, limit }).await.unwrap();
        let names = page.items.iter().map(|app| app.name.as_str().to_owned());
        (names.collect::<Vec<_>>().join(" "), page.next)
    };
    assert_eq!(
        names("", 2).await,
        ("app-a app-b".to_owned(), Some("app-b".to_owned()))
    );
    assert_eq!(names("app-b", 2).await, ("web-shop".to_owned(), None));
    assert_eq!(names("web-shop", 2).await, (String::new(), None));
}

/// A role that many have loses a scope in one row of the log, and one for tokens that do not name
/// their roles. Refresh tokens stay, and give what is left.
pub(super) async fn losses(place: &StoreLocation) {
    const MANY: usize = 200;
    let store = Store::open(place).await.unwrap();
    let role = |name: &str| RoleName::parse(name).unwrap();
    let scopes = ["orders.read", "orders.write", "other"].map(scope);
    for scope in &scopes {
        store.add_scope(scope, "").await.unwrap();
    }
    store
        .extend_role(&role("sales"), &scopes[..2])
        .await
        .unwrap();
    store
        .extend_role(&role("reading"), &scopes[..1])
        .await
        .unwrap();
    store
        .extend_role(&role("nobodys"), &scopes[..2])
        .await
        .unwrap();
    add_many(&store, MANY, &["sales", "reading"].map(role)).await;
    let secret = PlainSecret::from_random([1; 32]).digest();
    let one = user("user7");
    store
        .add_refresh_token(&secret, &refresh_token(&one), NOW)
        .await
        .unwrap();

    let logged = async |after: LogPosition| {
        let rows = store.revocations_after(after, 2 * MANY).await.unwrap();
        let last = rows.last().map_or(after, |row| row.position);
        assert_eq!(store.log_position().await.unwrap(), last);
        let names = rows.iter().map(|row| {
            assert_eq!(row.target.kind(), "role");
            row.target.name().to_owned()
        });
        (last, names.collect::<Vec<_>>().join(" "))
    };
    let lose = async |name: &str, scopes: &str| {
        let mut change = store.change(NOW).await.unwrap();
        let scopes = ScopeSet::parse(scopes).unwrap();
        change
            .remove_role_scopes(&role(name), &scopes)
            .await
            .unwrap();
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    };
    let begin = store.log_position().await.unwrap();
    lose("sales", "orders.read other").await;
    let (next, names) = logged(begin).await;
    assert_eq!(names, "sales ");
    let token = |name: &str| RevocationTarget::Role(name.to_owned());
    for (subject, given_out, revoked) in [
        (token("sales"), begin, true),
        (token("sales"), next, false),
        (token("reading"), begin, false),
        (token(RevocationTarget::UNNAMED_ROLE), begin, true),
        (RevocationTarget::User("sales".to_owned()), begin, false),
    ] {
        let subjects = std::slice::from_ref(&subject);
        let found = store.is_revoked(subjects, given_out).await.unwrap();
        assert_eq!(found, revoked, "{subject:?}");
    }
    let read = store.user(&one.id).await.unwrap().unwrap();
    assert_eq!(
        (read.scopes.to_string(), read.revoked_through),
        (
            "orders.read orders.write".to_owned(),
            LogPosition::default()
        )
    );
    assert!(store.refresh_token(&secret, NOW).await.unwrap().is_some());

    // A change that is dropped never was.
    let mut change = store.change(NOW).await.unwrap();
    change.delete_scope(&scopes[1]).await.unwrap();
    drop(change);
    assert_eq!(store.log_position().await.unwrap(), next);

    lose("sales", "orders.read").await;
    lose("nobodys", "orders.read").await;
    assert_eq!(logged(next).await.1, "", "nobody loses anything");
    let mut change = store.change(NOW).await.unwrap();
    let (place, looking) = (scope("orders.place"), role("looking"));
    let renamed = change.rename_scope(&scopes[1], &place);
    assert_eq!(renamed.await.unwrap(), Created::Yes);
    let renamed = change.rename_role(&role("reading"), &looking).await;
    assert_eq!(renamed.unwrap(), Created::Yes);
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    let (next, names) = logged(next).await;
    assert_eq!(names, "sales reading ");
    let mut change = store.change(NOW).await.unwrap();
    let sales = change.role(&role("sales")).await.unwrap().unwrap();
    change.delete_role(&sales).await.unwrap();
    change.delete_scope(&scopes[0]).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(logged(next).await.1, "sales looking ");
    assert_eq!(
        store.user(&one.id).await.unwrap().unwrap().roles,
        [role("looking")]
    );
}

/// A role that many have is taken from all of them, and from nobody the other one.
pub(super) async fn emptied(place: &StoreLocation) {
    const MANY: usize = 6000;
    let store = Store::open(place).await.unwrap();
    let roles = ["sales", "reading"].map(|name| RoleName::parse(name).unwrap());
    for role in &roles {
        store.extend_role(role, &[]).await.unwrap();
    }
    add_many(&store, MANY, &roles).await;
    loop {
        let mut change = store.change(NOW).await.unwrap();
        let done = change.empty_role(&roles[0]).await.unwrap();
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
        if done {
            break;
        }
    }
    for number in [0, MANY / 2, MANY - 1] {
        let found = store.user(&user(&format!("user{number}")).id).await;
        assert_eq!(found.unwrap().unwrap().roles, roles[1..]);
    }
}

async fn add_many(store: &Store, many: usize, roles: &[RoleName]) {
    // Some at a time: a change has a few seconds.
    for first in (0..many).step_by(500) {
        let mut change = store.change(NOW).await.unwrap();
        for number in first..many.min(first + 500) {
            let user = User {
                roles: roles.to_vec(),
                ..user(&format!("user{number}"))
            };
            change.add_user(&user, "hash").await.unwrap();
        }
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    }
}

pub(super) async fn secrets(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.add_scope(&scope("orders.read"), "").await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let shop = app("shop", &alice);
    let secrets = [1, 2, 3].map(|number| PlainSecret::from_random([number; 32]).kept());
    store.add_app(&shop, &secrets[0]).await.unwrap();
    let live = async |later: i64| {
        let found = store
            .app(&shop.key, NOW.plus(later))
            .await
            .unwrap()
            .unwrap();
        let matching = |secret: &KeptSecret| {
            let mut live = found.secrets.iter();
            live.any(|live| live.matches(&secret.digest))
        };
        secrets.iter().map(matching).collect::<Vec<bool>>()
    };
    for (number, expected) in [(1, [true, true, false]), (2, [false, true, true])] {
        let mut change = store.change(NOW).await.unwrap();
        let rotated = change.rotate_secret(&shop.key, &secrets[number], 60);
        rotated.await.unwrap();
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
        assert_eq!(live(0).await, expected);
    }
    assert_eq!(live(59).await, [false, true, true]);
    assert_eq!(live(60).await, [false, false, true]);

    let mut change = store.change(NOW).await.unwrap();
    change.delete_scope(&scope("orders.read")).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    let found = store.app(&shop.key, NOW).await.unwrap().unwrap();
    assert!(found.app.scopes.is_empty());
}

/// Without their owner apps are nobody's: what others got through them ends as well.
pub(super) async fn owners(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.add_scope(&scope("orders.read"), "").await.unwrap();
    let (alice, bobby) = (user("alice"), user("bobby"));
    store.add_user(&alice, "hash").await.unwrap();
    store.add_user(&bobby, "hash").await.unwrap();
    let secret = PlainSecret::from_random([1; 32]).kept();
    let shop = app("shop", &alice);
    store.add_app(&shop, &secret).await.unwrap();
    let through_shop = token_through(&bobby, &shop);
    store
        .add_refresh_token(&secret.digest, &through_shop, NOW)
        .await
        .unwrap();
    let mut change = store.change(NOW).await.unwrap();
    change.delete_user(&alice.id).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    let rows = store.revocations_after(LogPosition::default(), 10).await;
    let subjects: Vec<RevocationTarget> = rows.unwrap().into_iter().map(|row| row.target).collect();
    let expected = [
        RevocationTarget::User(alice.id.as_str().to_owned()),
        RevocationTarget::Owner(alice.id.as_str().to_owned()),
    ];
    assert_eq!(subjects, expected);
    assert!(store.app(&shop.key, NOW).await.unwrap().is_none());
    let bobby = store.user(&bobby.id).await.unwrap().unwrap();
    assert_eq!(bobby.revoked_through, LogPosition::default());
}

/// Whoever changes something locks in one order: no two wait for each other, which a database would
/// end with an error for one of them.
pub(super) async fn storm(place: &StoreLocation) {
    const USERS: usize = 4;
    let store = Store::open(place).await.unwrap();
    let role = RoleName::parse("sales").unwrap();
    let scopes = [scope("orders.read")];
    store.add_scope(&scopes[0], "").await.unwrap();
    store.extend_role(&role, &scopes).await.unwrap();
    for number in 0..USERS {
        let user = User {
            roles: vec![role.clone()],
            ..user(&format!("user{number}"))
        };
        store.add_user(&user, "hash").await.unwrap();
    }
    let actors = (0..24_u8).map(|actor| {
        let (store, role, scopes) = (store.clone(), role.clone(), scopes.clone());
        tokio::spawn(async move {
            for step in 0..10_u8 {
                let user = user(&format!("user{}", usize::from(actor ^ step) % USERS));
                act(&store, (actor, step), &user).await;
                if actor == 0 {
                    let all: ScopeSet = scopes.iter().cloned().collect();
                    let mut change = store.change(NOW).await.unwrap();
                    change.remove_role_scopes(&role, &all).await.unwrap();
                    change.add_role_scopes(&role, &all).await.unwrap();
                    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
                }
            }
        })
    });
    for outcome in futures_util::future::join_all(actors).await {
        outcome.unwrap();
    }
}

/// One of the things that happen to a user, its refresh tokens and the log.
async fn act(store: &Store, (actor, step): (u8, u8), user: &User) {
    let digests = [0, 1, 2].map(|number| {
        let mut random = [actor; 32];
        random[0] = step;
        random[1] = number;
        PlainSecret::from_random(random).digest()
    });
    let token = token_of(user, &format!("family-{actor}-{step}"));
    let subject = RevocationTarget::User(user.id.as_str().to_owned());
    match actor % 4 {
        0 => {
            let mut change = store.change(NOW).await.unwrap();
            let other = Username::parse(&format!("renamed-{actor}-{step}")).unwrap();
            let renamed = change.rename_user(&user.id, &other, &user.email);
            assert_eq!(renamed.await.unwrap(), Created::Yes);
            change.revoke(subject);
            assert_eq!(change.commit().await.unwrap(), Committed::Yes);
        }
        1 => drop(store.revoke(&subject, NOW).await.unwrap()),
        _ => {
            store
                .add_refresh_token(&digests[0], &token, NOW)
                .await
                .unwrap();
            // Twice the same: the second is a replay, which ends the grant.
            for successor in &digests[1..] {
                let successor = Successor {
                    digest: successor,
                    token: &token,
                };
                let rotated = store.rotate_refresh_token(&digests[0], &successor, 0, NOW);
                rotated.await.unwrap();
            }
        }
    }
}

/// Changes that wait for that of another process leave connections to those who read and log in.
pub(super) async fn waiting_changes(place: &StoreLocation) {
    let (other, store) = (
        Store::open(place).await.unwrap(),
        Store::open(place).await.unwrap(),
    );
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let held = other.change(NOW).await.unwrap();
    let waiting: Vec<_> = (0..50)
        .map(|number| {
            let (store, user) = (store.clone(), user(&format!("user{}", number % 25)));
            tokio::spawn(
                async move { store.change_by(ChangeOf::User(&user.id), NOW).await.is_ok() },
            )
        })
        .collect();
    tokio::task::yield_now().await;
    let session = SecretDigest::of(b"session");
    let begun = new_session(&session, &alice, NOW);
    let logged_in = tokio::time::timeout(Duration::from_secs(30), async {
        store.add_session(&begun).await.unwrap();
        store.session(&session, NOW).await.unwrap()
    });
    // All changes go on waiting meanwhile.
    assert!(logged_in.await.unwrap().is_some());
    drop(held);
    for one in waiting {
        assert!(one.await.unwrap(), "each has its turn");
    }
}
