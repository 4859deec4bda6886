//! The signing keys, and what is swept.

use portcullis::identity::{App, PlainSecret, ScopeSet, SecretDigest};
use portcullis::store::{Committed, Placed, RefreshToken, Store, StoreLocation, StoredKey, Swept};
use portcullis::token::{Algorithm, KeyLife, generate_key};

use super::{NOW, app, refresh_token, user};

pub(super) async fn signing_keys(place: &StoreLocation) {
    // Several issuers begin at once: one of them gives the key.
    let opened = (0..8).map(async |_| {
        let store = Store::open(place).await.unwrap();
        store.add_signing_key(&signing_key(1)).await.unwrap()
    });
    let placed = futures_util::future::join_all(opened).await;
    let count = placed.iter().filter(|placed| **placed == Placed::Yes);
    assert_eq!(count.count(), 1);

    let store = Store::open(place).await.unwrap();
    let (second, third, fourth) = (signing_key(2), signing_key(3), signing_key(4));
    for key in [&third, &second] {
        assert_eq!(store.add_signing_key(key).await.unwrap(), Placed::Yes);
    }
    let positions = async || {
        let keys = store.signing_keys().await.unwrap();
        let positions = keys.iter().map(|key| key.life.position);
        positions.collect::<Vec<_>>()
    };
    assert_eq!(positions().await, [1, 2, 3]);
    for (seconds, expected) in [(60, 3600), (7200, 7200), (7199, 7200)] {
        store.extend_signing_key(2, seconds).await.unwrap();
        let found = store.signing_keys().await.unwrap();
        assert_eq!(found[1].life.token_seconds, expected);
        assert!(found[2] == third, "nothing else has changed");
    }
    let mut change = store.change(NOW).await.unwrap();
    let replaced = change.replace_signing_keys(&third).await.unwrap();
    assert_eq!(replaced, Placed::PositionTaken);
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(positions().await, [1, 2, 3], "all or nothing");
    store.remove_signing_key(2).await.unwrap();
    assert_eq!(positions().await, [1, 3]);
    let mut change = store.change(NOW).await.unwrap();
    let replaced = change.replace_signing_keys(&fourth).await.unwrap();
    assert_eq!(replaced, Placed::Yes);
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert!(store.signing_keys().await.unwrap() == [fourth]);
}

fn signing_key(position: i64) -> StoredKey {
    StoredKey {
        life: KeyLife {
            position,
            algorithm: Algorithm::Es256,
            active_from: NOW,
            token_seconds: 3600,
        },
        id: format!("key-{position}"),
        private_key: generate_key(Algorithm::Es256).unwrap().reveal().to_owned(),
        created_at: NOW,
    }
}

/// More than one batch of what has ended goes, and what has not stays.
pub(super) async fn sweep(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let secret = PlainSecret::from_random([1; 32]).kept();
    let app = App {
        scopes: ScopeSet::default(),
        ..app("web-shop", &alice)
    };
    store.add_app(&app, &secret).await.unwrap();
    let digest = |number: u32| SecretDigest::of(&number.to_be_bytes());
    let add = async |number: u32, later: i64| {
        let token = RefreshToken {
            expires_at: NOW.plus(later),
            ..refresh_token(&alice)
        };
        store
            .add_refresh_token(&digest(number), &token, NOW)
            .await
            .unwrap();
    };
    for number in 0..5 {
        add(number, 60).await;
    }
    add(5, 61).await;
    assert_eq!(store.sweep(NOW.plus(59), 2).await.unwrap(), []);
    let swept = Swept {
        rows: "refresh tokens",
        count: 5,
    };
    assert_eq!(store.sweep(NOW.plus(60), 2).await.unwrap(), [swept]);
    let left = store.refresh_token(&digest(5), NOW).await.unwrap();
    assert_eq!(left.unwrap().expires_at, NOW.plus(61));
    let found = store.app(&app.key, NOW).await.unwrap().unwrap();
    assert_eq!(found.secrets.len(), 1, "a secret without an end stays");
}
