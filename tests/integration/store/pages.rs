//! What the pages ask of a store: sessions, secrets, whom a change concerns, and who did what.

use portcullis::identity::{App, PlainSecret, RoleName, ScopeSet, SecretDigest, User};
use portcullis::store::{AuditRecord, Committed, RoleReach, Store, StoreLocation};

use super::{NOW, app, scope, user};

fn digest(number: u8) -> SecretDigest {
    PlainSecret::from_random([number; 32]).digest()
}

pub(super) async fn prolonged_sessions(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    for number in 0..22 {
        let (began, end) = (NOW.plus(number.into()), NOW.plus(100));
        store
            .add_session(&digest(number), &alice, end, began)
            .await
            .unwrap();
    }
    let sessions = async |now| store.sessions_of(&alice, now).await.unwrap();
    let numbers = async |now| {
        let found = sessions(now).await;
        let number = |found: &SecretDigest| (0..22).find(|number| digest(*number) == *found);
        found
            .iter()
            .filter_map(|(digest, _)| number(digest))
            .collect::<Vec<u8>>()
    };
    let expected: Vec<u8> = (2..22).rev().collect();
    assert_eq!(
        numbers(NOW.plus(30)).await,
        expected,
        "the first logins have made room"
    );
    store
        .prolong_session(&digest(5), NOW.plus(200))
        .await
        .unwrap();
    store
        .prolong_session(&digest(6), NOW.plus(50))
        .await
        .unwrap();
    assert_eq!(
        numbers(NOW.plus(99)).await.len(),
        20,
        "none ends earlier than it did"
    );
    assert_eq!(numbers(NOW.plus(100)).await, [5]);
    let (_, session) = sessions(NOW.plus(100)).await.remove(0);
    assert_eq!(
        (session.began_at, session.expires_at),
        (NOW.plus(5), NOW.plus(200))
    );
}

pub(super) async fn reach(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (read, clerk) = (scope("orders.read"), RoleName::parse("clerk").unwrap());
    store.add_scope(&read, "").await.unwrap();
    store
        .extend_role(&clerk, std::slice::from_ref(&read))
        .await
        .unwrap();
    for (name, roles) in [
        ("alice", vec![clerk.clone()]),
        ("bob", vec![clerk.clone()]),
        ("carol", vec![]),
    ] {
        let user = User {
            roles,
            ..user(name)
        };
        store.add_user(&user, "hash").await.unwrap();
        let shop = App {
            scopes: ScopeSet::parse("orders.read").unwrap(),
            ..app(name, &user)
        };
        store.add_app(&shop, &digest(1)).await.unwrap();
    }
    let reach = store.reach_of_role(&clerk).await.unwrap();
    assert_eq!(reach, RoleReach { users: 2, apps: 2 });
    let nobodys = RoleName::parse("nobodys").unwrap();
    let reach = store.reach_of_role(&nobodys).await.unwrap();
    assert_eq!(reach, RoleReach { users: 0, apps: 0 });
    let reach = store.reach_of_scope(&read).await.unwrap();
    assert_eq!((reach.roles, reach.users, reach.apps), (vec![clerk], 2, 3));
}

pub(super) async fn audit(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.keep_audit(60);
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let record = async |actor, action, kind, name| {
        let mut change = store.change(NOW).await.unwrap();
        let record = AuditRecord {
            actor,
            action,
            object_kind: kind,
            object_name: name,
            change: "scopes a%b",
        };
        change.record(&record).await.unwrap();
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    };
    record(None, "added", "role", "clerk").await;
    record(Some(&alice.id), "added", "user", alice.id.as_str()).await;
    record(Some(&alice.id), "100% changed", "scope", "Orders.Read").await;
    let found = async |search, before, limit| {
        let listing = store.audit(search, before, limit).await.unwrap();
        let names = listing.items.iter().map(|entry| entry.object_name.clone());
        (names.collect::<Vec<_>>(), listing.next)
    };
    let id = alice.id.as_str();
    let (names, next) = found("", None, 2).await;
    assert_eq!(
        (names, next.as_deref()),
        (vec!["Orders.Read".to_owned(), id.to_owned()], Some("2"))
    );
    assert_eq!(
        found("", Some(2), 2).await,
        (vec!["clerk".to_owned()], None)
    );
    for (search, expected) in [
        ("ALICE", 2),
        ("orders.r", 1),
        ("0%", 1),
        ("%", 1),
        ("_", 0),
        ("role", 1),
        ("x", 0),
    ] {
        assert_eq!(found(search, None, 9).await.0.len(), expected, "{search}");
    }
    let entry = store.audit("user", None, 1).await.unwrap().items.remove(0);
    assert_eq!(entry.actor_name.as_deref(), Some("alice"));
    assert_eq!(entry.object_title.as_deref(), Some("alice"));
    assert_eq!((entry.done_at, entry.change.as_str()), (NOW, "scopes a%b"));
    store.sweep(NOW.plus(60), 100).await.unwrap();
    assert_eq!(found("", None, 9).await, (Vec::new(), None));
}

pub(super) async fn live_secrets(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.add_scope(&scope("orders.read"), "").await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let shop = app("shop", &alice);
    store.add_app(&shop, &digest(1)).await.unwrap();
    let mut change = store.change(NOW.plus(5)).await.unwrap();
    assert_eq!(
        change.latest_secret(&shop.key).await.unwrap(),
        Some(digest(1))
    );
    change
        .rotate_secret(&shop.key, &digest(2), 60)
        .await
        .unwrap();
    assert_eq!(
        change.latest_secret(&shop.key).await.unwrap(),
        Some(digest(2))
    );
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    let live = async |now| {
        let secrets = store.live_secrets(&shop.key, now).await.unwrap();
        let told = secrets
            .into_iter()
            .map(|one| (one.digest, one.created_at, one.expires_at));
        told.collect::<Vec<_>>()
    };
    let (first, second) = (
        (digest(1), NOW, Some(NOW.plus(65))),
        (digest(2), NOW.plus(5), None),
    );
    assert_eq!(live(NOW.plus(64)).await, [second.clone(), first]);
    assert_eq!(live(NOW.plus(65)).await, [second]);
}
