//! What the pages ask of a store: sessions, secrets, whom a change concerns, and who did what.

use portcullis::clock::UnixSeconds;
use portcullis::identity::{
    App, AppKey, AppName, GrantId, KeptSecret, PlainSecret, RoleName, ScopeSet, SecretDigest, User,
};
use portcullis::store::{
    ActorKind, AuditActor, AuditFilter, AuditRecord, Committed, NewSession, Page, Reach, Store,
    StoreLocation,
};
use portcullis::token::{LogPosition, RevocationTarget};

use super::{NOW, app, new_session, scope, token_of, user};

fn digest(number: u8) -> SecretDigest {
    secret(number).digest
}

pub(super) fn secret(number: u8) -> KeptSecret {
    PlainSecret::from_random([number; 32]).kept()
}

/// What was made within a session ends with it, however it ends; others leave the log alone.
pub(super) async fn tried_sessions(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let begin = async |number: u8, began| {
        let digest = digest(number);
        let session = NewSession {
            expires_at: NOW.plus(100),
            ..new_session(&digest, &alice, began)
        };
        store.add_session(&session).await.unwrap();
    };
    let note = async |number, now| {
        store
            .note_trial(&digest(number), NOW.plus(70), now)
            .await
            .unwrap()
    };
    let revoked = async || {
        let rows = store.revocations_after(LogPosition(0), 100).await.unwrap();
        rows.into_iter().map(|row| row.target).collect::<Vec<_>>()
    };
    let of = |number| RevocationTarget::from(&GrantId::of_session(&digest(number)));
    for number in 0..20 {
        begin(number, NOW.plus(number.into())).await;
    }
    assert_eq!(note(0, NOW).await, Some(NOW.plus(100)));
    assert_eq!(note(5, NOW).await, Some(NOW.plus(100)));
    assert_eq!(note(6, NOW).await, Some(NOW.plus(100)));
    assert_eq!(note(30, NOW).await, None, "there is none");
    assert_eq!(note(7, NOW.plus(100)).await, None, "it is over");
    // One too many: the earliest makes room.
    begin(20, NOW.plus(20)).await;
    assert_eq!(revoked().await, [of(0)]);
    store.end_session(&digest(4), NOW).await.unwrap();
    assert_eq!(revoked().await, [of(0)], "nothing was made within it");
    store.end_session(&digest(5), NOW.plus(69)).await.unwrap();
    store.end_session(&digest(5), NOW.plus(69)).await.unwrap();
    assert_eq!(revoked().await, [of(0), of(5)]);
    store.end_session(&digest(6), NOW.plus(70)).await.unwrap();
    assert_eq!(revoked().await, [of(0), of(5)], "what was made has ended");
}

pub(super) async fn prolonged_sessions(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    for number in 0..22 {
        let digest = digest(number);
        let session = NewSession {
            expires_at: NOW.plus(100),
            ..new_session(&digest, &alice, NOW.plus(number.into()))
        };
        store.add_session(&session).await.unwrap();
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

/// Alice and bob, who have a role, and carol, who has none, each with an app.
async fn people(store: &Store, clerk: &RoleName) -> Vec<(User, App)> {
    let mut people = Vec::new();
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
        store.add_app(&shop, &secret(1)).await.unwrap();
        people.push((user, shop));
    }
    people
}

pub(super) async fn reach(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (read, clerk) = (scope("orders.read"), RoleName::parse("clerk").unwrap());
    store.add_scope(&read, "").await.unwrap();
    store
        .extend_role(&clerk, std::slice::from_ref(&read))
        .await
        .unwrap();
    let people = people(&store, &clerk).await;
    let (alice, shop) = &people[0];
    let (carol, carols) = &people[2];
    let reach = |users, apps, grants, sessions| Reach {
        users,
        apps,
        grants,
        sessions,
        ..Reach::default()
    };
    let of = async || {
        let nobodys = RoleName::parse("nobodys").unwrap();
        [
            store.reach_of_role(&clerk, NOW).await.unwrap(),
            store.reach_of_role(&nobodys, NOW).await.unwrap(),
            store.reach_of_user(&alice.id, NOW).await.unwrap(),
            store.reach_of_app(&shop.key, NOW).await.unwrap(),
            store.reach_of_app(&carols.key, NOW).await.unwrap(),
        ]
    };
    let nothing = [
        reach(2, 2, 0, 0),
        reach(0, 0, 0, 0),
        reach(1, 1, 0, 0),
        reach(1, 1, 0, 0),
        reach(1, 1, 0, 0),
    ];
    assert_eq!(of().await, nothing);

    // Of alice by a login, by her own app, and of carol by the app of alice; one that is over, one of carol's own.
    let through = |user: &User, app: Option<&App>, id: &str, seconds: i64| {
        let mut token = token_of(user, id);
        token.grant.app = app.map(|app| app.key.clone());
        token.expires_at = NOW.plus(seconds);
        token
    };
    for (number, token) in [
        (10, through(alice, None, "a", 60)),
        (11, through(alice, Some(shop), "b", 60)),
        (12, through(carol, Some(shop), "c", 60)),
        (13, through(carol, Some(shop), "d", 0)),
        (14, through(carol, Some(carols), "e", 60)),
    ] {
        let digest = digest(number);
        store.add_refresh_token(&digest, &token, NOW).await.unwrap();
    }
    for (number, user, seconds) in [(20, alice, 60), (21, alice, 0), (22, carol, 60)] {
        let digest = digest(number);
        let session = NewSession {
            expires_at: NOW.plus(seconds),
            ..new_session(&digest, user, NOW.plus(-1))
        };
        store.add_session(&session).await.unwrap();
    }
    let given = [
        reach(2, 2, 3, 0),
        reach(0, 0, 0, 0),
        reach(2, 1, 3, 1),
        reach(2, 1, 2, 0),
        reach(1, 1, 1, 0),
    ];
    assert_eq!(of().await, given);
    // What was revoked is over.
    let target = RevocationTarget::App(shop.key.as_str().to_owned());
    store.revoke(&target, NOW).await.unwrap();
    let left = [
        reach(2, 2, 1, 0),
        reach(0, 0, 0, 0),
        reach(1, 1, 1, 1),
        reach(1, 1, 0, 0),
        reach(1, 1, 1, 0),
    ];
    assert_eq!(of().await, left);
    let everyone = RevocationTarget::Everyone;
    store.revoke(&everyone, NOW).await.unwrap();
    assert_eq!(of().await, nothing);
    let reach = store.reach_of_scope(&read).await.unwrap();
    assert_eq!(
        (reach.roles, reach.users, reach.apps),
        (vec![clerk.clone()], 2, 3)
    );
}

/// Each filter alone and all of them together.
async fn filtered(store: &Store, alice: &str, shop: &str) {
    let of = |change: fn(&mut AuditFilter)| {
        let mut filter = AuditFilter::default();
        change(&mut filter);
        filter
    };
    let later = |filter: &mut AuditFilter| filter.from = Some(NOW.plus(1));
    let earlier = |filter: &mut AuditFilter| filter.until = Some(NOW);
    let rows = [
        (of(|filter| filter.actor = "ALICE".into()), 2),
        (of(|filter| filter.actor = "root".into()), 2),
        (of(|filter| filter.actor_kind = Some(ActorKind::User)), 2),
        (of(|filter| filter.actor_kind = Some(ActorKind::Command)), 2),
        (of(|filter| filter.object = "orders.READ".into()), 1),
        (of(|filter| filter.object = "\u{c4}pfel \u{444}".into()), 1),
        (of(|filter| filter.object = "\u{f6}l".into()), 1),
        (of(|filter| filter.object = "orders".into()), 0),
        (of(|filter| filter.object_kind = "app".into()), 1),
        (of(|filter| filter.action = "added".into()), 3),
        (of(|filter| filter.from = Some(NOW)), 4),
        (of(later), 0),
        (of(|filter| filter.until = Some(NOW.plus(1))), 4),
        (of(earlier), 0),
    ];
    for (filter, expected) in rows {
        let found = store.audit(&filter, None, 9).await.unwrap().items;
        assert_eq!(found.len(), expected, "{filter:?}");
    }
    for (object, expected) in [(alice, 1), (shop, 0)] {
        let filter = AuditFilter {
            search: "scopes".to_owned(),
            actor: alice.to_owned(),
            actor_kind: Some(ActorKind::User),
            object: object.to_owned(),
            object_kind: "user".to_owned(),
            action: "added".to_owned(),
            from: Some(NOW),
            until: Some(NOW.plus(1)),
        };
        let found = store.audit(&filter, None, 9).await.unwrap().items;
        assert_eq!(found.len(), expected, "{filter:?}");
    }
}

pub(super) async fn audit(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.keep_audit(60);
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let record = async |actor, action, kind, name| {
        let mut change = store.change(NOW).await.unwrap();
        let record = AuditRecord {
            actor: match actor {
                Some(id) => AuditActor::User(id),
                None => AuditActor::Command("root"),
            },
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
        let filter = AuditFilter::searching(search);
        let listing = store.audit(&filter, before, limit).await.unwrap();
        let names = listing.items.iter().map(|entry| entry.object_name.clone());
        (names.collect::<Vec<_>>(), listing.next)
    };
    // Whatever letters the database knows a lower case of.
    store.add_scope(&scope("orders.read"), "").await.unwrap();
    let shop = App {
        name: AppName::parse("\u{c4}PFEL \u{0424}").unwrap(),
        ..app("shop", &alice)
    };
    store.add_app(&shop, &secret(1)).await.unwrap();
    record(None, "added", "app", shop.key.as_str()).await;
    for search in ["\u{e4}pfel", "\u{c4}PF", "\u{0444}", "\u{0424}"] {
        assert_eq!(
            found(search, None, 9).await.0,
            [shop.key.as_str()],
            "{search}"
        );
    }
    let renamed = App {
        name: AppName::parse("\u{d6}L").unwrap(),
        ..shop.clone()
    };
    let mut change = store.change(NOW).await.unwrap();
    change.update_app(&renamed).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    // By the name of then and by that of now.
    for search in ["\u{f6}l", "\u{e4}pfel"] {
        assert_eq!(
            found(search, None, 9).await.0,
            [shop.key.as_str()],
            "{search}"
        );
    }
    let id = alice.id.as_str();
    let (names, next) = found("", None, 2).await;
    assert_eq!(
        (names, next.as_deref()),
        (
            vec![shop.key.as_str().to_owned(), "Orders.Read".to_owned()],
            Some("3")
        )
    );
    assert_eq!(
        found("", Some(3), 2).await,
        (vec![id.to_owned(), "clerk".to_owned()], None)
    );
    for (search, expected) in [
        ("ALICE", 2),
        ("orders.r", 1),
        ("0%", 1),
        ("%", 4),
        ("_", 0),
        ("role", 1),
        ("x", 0),
        ("A%B", 4),
        ("root", 2),
    ] {
        assert_eq!(found(search, None, 9).await.0.len(), expected, "{search}");
    }
    let users = AuditFilter::searching("user");
    let entry = store.audit(&users, None, 1).await.unwrap().items.remove(0);
    assert_eq!(entry.actor_name.as_deref(), Some("alice"));
    assert_eq!(entry.object_title.as_deref(), Some("alice"));
    assert_eq!(entry.object_now.as_deref(), Some("alice"));
    assert_eq!((entry.done_at, entry.change.as_str()), (NOW, "scopes a%b"));
    assert_eq!(entry.actor_kind(), ActorKind::User);
    filtered(&store, id, shop.key.as_str()).await;
    kept_by_name(&store, &alice).await;
    store.sweep(NOW.plus(60), 100).await.unwrap();
    assert_eq!(found("", None, 9).await, (Vec::new(), None));
}

/// Who is gone has done what it has done.
async fn kept_by_name(store: &Store, alice: &User) {
    let mut change = store.change(NOW).await.unwrap();
    change.delete_user(&alice.id).await.unwrap();
    let record = AuditRecord {
        actor: AuditActor::User(&alice.id),
        action: "deleted",
        object_kind: "user",
        object_name: alice.id.as_str(),
        change: "",
    };
    change.record(&record).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    let by_alice = AuditFilter {
        actor: "Alice".to_owned(),
        ..AuditFilter::default()
    };
    let entries = store.audit(&by_alice, None, 9).await.unwrap().items;
    assert_eq!(entries.len(), 3);
    for entry in &entries {
        assert_eq!(entry.actor_name.as_deref(), Some("alice"), "{entry:?}");
        assert_eq!(entry.actor_now, None, "{entry:?}");
    }
    assert_eq!(entries[0].object_title.as_deref(), Some("alice"));
    assert_eq!(entries[0].object_now, None);
}

pub(super) async fn live_secrets(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.add_scope(&scope("orders.read"), "").await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let shop = app("shop", &alice);
    store.add_app(&shop, &secret(1)).await.unwrap();
    let mut change = store.change(NOW.plus(5)).await.unwrap();
    assert_eq!(
        change.latest_secret(&shop.key).await.unwrap(),
        Some(digest(1))
    );
    change
        .rotate_secret(&shop.key, &secret(2), 60)
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
            .map(|one| ((one.digest, one.ends_with), one.created_at, one.expires_at));
        told.collect::<Vec<_>>()
    };
    let shown = |number| {
        let KeptSecret { digest, ends_with } = secret(number);
        (digest, ends_with)
    };
    let (first, second) = (
        (shown(1), NOW, Some(NOW.plus(65))),
        (shown(2), NOW.plus(5), None),
    );
    assert_eq!(live(NOW.plus(64)).await, [second.clone(), first]);
    assert_eq!(live(NOW.plus(65)).await, [second]);
}

pub(super) async fn app_uses(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.add_scope(&scope("orders.read"), "").await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    // More than one statement names.
    let apps: Vec<App> = (0..70)
        .map(|number| app(&format!("app-{number}"), &alice))
        .collect();
    for app in &apps {
        store.add_app(app, &secret(1)).await.unwrap();
    }
    let used = async |key: &AppKey| {
        let owned = store.owned_app(key).await.unwrap().unwrap();
        owned.app.last_used_at
    };
    let mut keys: Vec<AppKey> = apps.iter().map(|app| app.key.clone()).collect();
    let last = keys.pop().unwrap();
    // An app that is gone is no reason to forget the others.
    keys.insert(0, AppKey::known("gone"));
    assert_eq!(used(&keys[1]).await, None);
    store.note_app_uses(&keys, NOW.plus(60)).await.unwrap();
    store.note_app_uses(&keys[..2], NOW).await.unwrap();
    for key in &keys[1..] {
        assert_eq!(used(key).await, Some(NOW.plus(60)), "it never goes back");
    }
    assert_eq!(used(&last).await, None);
    store.note_app_uses(&[], NOW).await.unwrap();
    // A change of the app leaves it.
    let mut change = store.change(NOW).await.unwrap();
    change.update_app(&apps[0]).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(used(&apps[0].key).await, Some(NOW.plus(60)));
    let listed = store.apps(&alice.id, &Page::first(1)).await.unwrap();
    assert_eq!(listed.items[0].last_used_at, Some(NOW.plus(60)));
}

/// The schema before apps had folded names, as releases have left it.
const BEFORE_FOLDED_NAMES: [&str; 14] = [
    include_str!("../../../src/store/migrations/0001_issuer.sql"),
    include_str!("../../../src/store/migrations/0002_revocations.sql"),
    include_str!("../../../src/store/migrations/0003_authorization_code.sql"),
    include_str!("../../../src/store/migrations/0004_signing_keys.sql"),
    include_str!("../../../src/store/migrations/0005_directory.sql"),
    include_str!("../../../src/store/migrations/0006_refresh_audiences.sql"),
    include_str!("../../../src/store/migrations/0007_first_start.sql"),
    include_str!("../../../src/store/migrations/0008_wide_revocations.sql"),
    include_str!("../../../src/store/migrations/0009_charged_revocations.sql"),
    include_str!("../../../src/store/migrations/0010_apps_of_owners.sql"),
    include_str!("../../../src/store/migrations/0011_code_targets.sql"),
    include_str!("../../../src/store/migrations/0012_login_places.sql"),
    include_str!("../../../src/store/migrations/0013_live_grants.sql"),
    include_str!("../../../src/store/migrations/0014_audit.sql"),
];

pub(super) async fn names_from_before(url: &str, place: &StoreLocation, made: impl FnOnce()) {
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(url).await.unwrap();
    for text in BEFORE_FOLDED_NAMES {
        sqlx::raw_sql(text).execute(&pool).await.unwrap();
    }
    let rows = "CREATE TABLE schema_version (version BIGINT NOT NULL); \
                INSERT INTO schema_version (version) VALUES (14); \
                INSERT INTO users (id, username, folded_username, email, folded_email, status, \
                password_hash, created_at) VALUES ('a', 'alice', 'alice', 'a@b.example', 'a@b.example', \
                'active', '', 0); \
                INSERT INTO apps (app_key, owner_id, name, redirect_uris, status, created_at) \
                VALUES ('k', 'a', '\u{c4}PFEL', '', 'active', 0); \
                INSERT INTO app_secrets (app_key, digest, created_at, expires_at) \
                VALUES ('k', '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU', 7, 9223372036854775807), \
                ('k', 'old', 3, 9); \
                INSERT INTO audit (position, done_at, expires_at, actor, action, object_kind, \
                object_name, change) VALUES (1, 0, 9223372036854775807, '', 'added', 'app', 'k', '')";
    sqlx::raw_sql(rows).execute(&pool).await.unwrap();
    pool.close().await;
    made();
    let store = Store::open(place).await.unwrap();
    for search in ["\u{e4}pfel", "\u{c4}PFEL"] {
        let found = store
            .audit(&AuditFilter::searching(search), None, 9)
            .await
            .unwrap();
        assert_eq!(found.items.len(), 1, "{search}");
    }
    let kept = store.owned_app(&AppKey::known("k")).await.unwrap().unwrap();
    assert_eq!(kept.app.secret_since, Some(UnixSeconds(7)));
    assert_eq!(kept.app.description.as_str(), "");
    let secrets = store.live_secrets(&kept.app.key, NOW).await.unwrap();
    assert_eq!(secrets.len(), 1);
    assert_eq!(secrets[0].ends_with.shown(), None);
}
