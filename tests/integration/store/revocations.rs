//! The revocation log.

use portcullis::identity::PlainSecret;
use portcullis::store::{RefreshToken, Store, StoreLocation};
use portcullis::token::{LogPosition, Subject};

use super::{NOW, app, refresh_token, scope, user};

/// What is taken back ends at once, also its refresh tokens, and the log says so in order.
pub(super) async fn revocations(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.announce_token_life(3600).await.unwrap();
    store.announce_token_life(60).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let shop = app("shop", &alice);
    let secret = PlainSecret::from_random([9; 32]).digest();
    store.add_scope(&scope("orders.read"), "").await.unwrap();
    store.add_app(&shop, &secret).await.unwrap();
    let subjects = [
        Subject::Token("jti".to_owned()),
        Subject::Grant("family".to_owned()),
        Subject::App(shop.key.as_str().to_owned()),
        Subject::User(alice.id.as_str().to_owned()),
        Subject::Everyone,
    ];
    for (number, subject) in (1..).zip(&subjects) {
        let digest = PlainSecret::from_random([number; 32]).digest();
        let token = RefreshToken {
            app: Some(shop.key.clone()),
            ..refresh_token(&alice)
        };
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
    let logged: Vec<&Subject> = rows.iter().map(|row| &row.subject).collect();
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

    let revoked = async |subject: &Subject, given_out| {
        let subjects = std::slice::from_ref(subject);
        store.is_revoked(subjects, given_out).await.unwrap()
    };
    assert!(revoked(&subjects[2], before).await);
    assert!(
        revoked(&Subject::App("other".to_owned()), before).await,
        "everyone"
    );
    assert!(!revoked(&subjects[2], last).await);
    assert!(!revoked(&Subject::App("jti".to_owned()), last).await);
}

/// Rows that appear out of order would be skipped for ever by whoever follows the log.
pub(super) async fn revocation_race(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let writers = (0..40).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            for step in 0..5 {
                let subject = Subject::Token(format!("{number}-{step}"));
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
