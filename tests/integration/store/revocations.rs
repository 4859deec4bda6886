//! The revocation log.

use portcullis::identity::{AppKey, PlainSecret, User, UserId};
use portcullis::store::{Holder, Page, Store, StoreLocation};
use portcullis::token::{LogPosition, RevocationTarget};

use super::{NOW, app, new_session, refresh_token, scope, session_user, token_through, user};

/// What is taken back ends at once, also its refresh tokens, and the log says so in order.
pub(super) async fn revocations(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.announce_token_life(3600).await.unwrap();
    store.announce_token_life(60).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let shop = app("shop", &alice);
    let secret = PlainSecret::from_random([9; 32]).kept();
    store.add_scope(&scope("orders.read"), "").await.unwrap();
    store.add_app(&shop, &secret).await.unwrap();
    let subjects = [
        RevocationTarget::Token("jti".to_owned()),
        RevocationTarget::Grant("family".to_owned()),
        RevocationTarget::App(shop.key.as_str().to_owned()),
        RevocationTarget::User(alice.id.as_str().to_owned()),
        RevocationTarget::Everyone,
    ];
    for (number, subject) in (1..).zip(&subjects) {
        let digest = PlainSecret::from_random([number; 32]).digest();
        let token = token_through(&alice, &shop);
        store.add_refresh_token(&digest, &token, NOW).await.unwrap();
        let position = store.revoke(subject, NOW).await.unwrap();
        assert_eq!(position, LogPosition(number.into()));
        let survivor = store.refresh_token(&digest, NOW).await.unwrap();
        // Those of a user or an app are told by their position.
        assert_eq!(survivor.is_some(), number != 2, "{subject:?}");
    }
    let before = store.log_position().await.unwrap();
    for subject in &subjects[2..] {
        store.revoke(subject, NOW).await.unwrap();
    }
    let rows = store.revocations_after(before, 10).await.unwrap();
    let logged: Vec<&RevocationTarget> = rows.iter().map(|row| &row.target).collect();
    assert_eq!(logged, subjects[2..].iter().collect::<Vec<_>>());
    // The longest life that was ever announced, and the margin.
    assert!(
        rows.iter()
            .all(|row| row.expires_at == NOW.plus(3600 + 600))
    );
    assert_eq!(store.revocations_after(before, 1).await.unwrap(), rows[..1]);

    let last = rows.last().unwrap().position;
    let read = store.user(&alice.id).await.unwrap().unwrap();
    assert_eq!((read.as_of, read.revoked_through), (last, last));
    let read = store.app(&shop.key, NOW).await.unwrap().unwrap();
    assert_eq!(read.app.revoked_through, rows[0].position);

    let revoked = async |subject: &RevocationTarget, given_out| {
        let subjects = std::slice::from_ref(subject);
        store.is_revoked(subjects, given_out).await.unwrap()
    };
    assert!(revoked(&subjects[2], before).await);
    assert!(
        revoked(&RevocationTarget::App("other".to_owned()), before).await,
        "everyone"
    );
    assert!(!revoked(&subjects[2], last).await);
    assert!(!revoked(&RevocationTarget::App("jti".to_owned()), last).await);
}

/// Everybody's tokens end with one row, and what is left of them is swept in steps.
pub(super) async fn everyone(place: &StoreLocation) {
    const USERS: u8 = 50;
    let store = Store::open(place).await.unwrap();
    let digest = |number: u8, later: u8| {
        let mut random = [number; 32];
        random[0] = later;
        PlainSecret::from_random(random).digest()
    };
    let users: Vec<User> = (0..USERS)
        .map(|number| user(&format!("user{number}")))
        .collect();
    for (number, user) in (0..).zip(&users) {
        store.add_user(user, "hash").await.unwrap();
        let token = refresh_token(user);
        let digest = digest(number, 0);
        store.add_refresh_token(&digest, &token, NOW).await.unwrap();
        let session = new_session(&digest, user, NOW);
        store.add_session(&session).await.unwrap();
    }
    let position = store
        .revoke(&RevocationTarget::Everyone, NOW)
        .await
        .unwrap();
    let rows = store.revocations_after(LogPosition::default(), 10).await;
    assert_eq!(rows.unwrap().len(), 1);
    for (number, user) in (0..).zip(&users) {
        let read = store.user(&user.id).await.unwrap().unwrap();
        assert_eq!((read.as_of, read.revoked_through), (position, position));
        assert_eq!(session_user(&store, &digest(number, 0), NOW).await, None);
        let page = Page {
            after: String::new(),
            limit: 10,
        };
        let grants = store.grants(&user.id, &page, NOW).await.unwrap();
        assert_eq!(grants.items, []);
        // It begins anew.
        let mut token = refresh_token(&read);
        token.grant.position = position;
        let digest = digest(number, 1);
        store.add_refresh_token(&digest, &token, NOW).await.unwrap();
        let session = new_session(&digest, &read, NOW);
        store.add_session(&session).await.unwrap();
        assert_eq!(session_user(&store, &digest, NOW).await, Some(read.id));
    }
    let swept = store.sweep(NOW, 7).await.unwrap();
    let counts: Vec<u64> = swept.iter().map(|swept| swept.count).collect();
    assert_eq!(counts, [u64::from(USERS)]);
    for number in 0..USERS {
        let kept = async |later| {
            let found = store.refresh_token(&digest(number, later), NOW).await;
            found.unwrap().is_some()
        };
        assert_eq!((kept(0).await, kept(1).await), (false, true));
    }
}

/// Whoever causes too many rows gets one for all of its tokens, and nobody else is concerned.
pub(super) async fn charges(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.announce_token_life(60).await.unwrap();
    store.bound_revocations(3, 5);
    let holder = |user: &str, app: &str| Holder {
        user: UserId::known(user),
        app: (!app.is_empty()).then(|| AppKey::known(app)),
    };
    let revoke = async |subject: RevocationTarget, holder: &Holder| {
        store.revoke_of(&subject, holder, NOW).await.unwrap()
    };
    let token = |name: String| RevocationTarget::Token(name);
    let logged = async || {
        let rows = store.revocations_after(LogPosition::default(), 100).await;
        let names = rows
            .unwrap()
            .into_iter()
            .map(|row| format!("{}:{}", row.target.kind(), row.target.name()));
        names.collect::<Vec<_>>().join(" ")
    };
    for number in 0..20 {
        // The same one again is no further row.
        for _ in 0..2 {
            revoke(token(format!("a{number}")), &holder("alice", "")).await;
        }
    }
    assert_eq!(logged().await, "token:a0 token:a1 token:a2 user:alice");
    for number in 0..20 {
        let user = format!("user{}", number % 10);
        revoke(token(format!("b{number}")), &holder(&user, "shop")).await;
    }
    // Beyond what one app may cause, a row for each user who goes on: the others keep theirs.
    let users: Vec<String> = (0..10).map(|number| format!("user:user{number}")).collect();
    let by_app = format!(
        "token:b0 token:b1 token:b2 token:b3 token:b4 {}",
        users.join(" ")
    );
    let expected = format!("token:a0 token:a1 token:a2 user:alice {by_app}");
    assert_eq!(logged().await, expected);
    // Others have tokens through the apps that she deletes.
    let last = revoke(
        RevocationTarget::App("hers".to_owned()),
        &holder("alice", ""),
    )
    .await;
    let expected = format!("token:a0 token:a1 token:a2 {by_app} user:alice owner:alice");
    assert_eq!(logged().await, expected);
    for (subject, revoked) in [
        (RevocationTarget::User("alice".to_owned()), true),
        (RevocationTarget::User("user1".to_owned()), false),
        (RevocationTarget::App("other".to_owned()), false),
    ] {
        let before = LogPosition(last.0 - 2);
        let subjects = std::slice::from_ref(&subject);
        assert_eq!(store.is_revoked(subjects, before).await.unwrap(), revoked);
    }
    // What she did before is forgotten with the tokens that it was about.
    store.sweep(NOW.plus(60 + 600), 100).await.unwrap();
    revoke(token("c".to_owned()), &holder("alice", "")).await;
    assert_eq!(logged().await, "token:c");
    // Who administers is not bounded.
    for number in 0..20 {
        store
            .revoke(&token(format!("d{number}")), NOW)
            .await
            .unwrap();
    }
    assert_eq!(logged().await.split(' ').count(), 21);
}

/// Rows that appear out of order would be skipped for ever by whoever follows the log.
pub(super) async fn revocation_race(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let writers = (0..40).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            for step in 0..5 {
                let subject = RevocationTarget::Token(format!("{number}-{step}"));
                store.revoke(&subject, NOW).await.unwrap();
            }
        })
    });
    let writers = futures_util::future::join_all(writers);
    let following = async {
        let (mut position, mut seen) = (LogPosition::default(), 0);
        while seen < 200 {
            for row in store.revocations_after(position, 7).await.unwrap() {
                assert_eq!(row.position.0, position.0 + 1, "none is skipped");
                position = row.position;
                seen += 1;
            }
        }
    };
    let (outcomes, ()) = tokio::join!(writers, following);
    assert!(outcomes.iter().all(Result::is_ok));
}
