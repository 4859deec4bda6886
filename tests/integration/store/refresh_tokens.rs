//! Refresh tokens and the grants that they make.

use portcullis::identity::{
    AppKey, Grant, GrantId, Parties, PlainSecret, RequiredFor, RoleName, SecretDigest, User,
};
use portcullis::store::{Page, RefreshToken, Rotation, Store, StoreLocation, Successor};
use portcullis::token::{LogPosition, RevocationTarget};

use super::{NOW, app, refresh_token, scope, token_of, user};

pub(super) async fn refresh_tokens(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let token = refresh_token(&alice);
    let digests = [1, 2, 3, 4, 5].map(|number| PlainSecret::from_random([number; 32]).digest());
    let rotate = async |number: usize, next: usize, later: i64| {
        let successor = Successor {
            digest: &digests[next],
            token: &token,
        };
        let now = NOW.plus(later);
        store
            .rotate_refresh_token(&digests[number], &successor, 10, now)
            .await
            .unwrap()
    };
    let lives = async |number: usize| {
        store
            .refresh_token(&digests[number], NOW)
            .await
            .unwrap()
            .is_some()
    };
    store
        .add_refresh_token(&digests[0], &token, NOW)
        .await
        .unwrap();
    assert_eq!(
        store
            .refresh_token(&digests[0], NOW)
            .await
            .unwrap()
            .unwrap(),
        token
    );
    assert!(
        store
            .refresh_token(&digests[0], token.expires_at)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(rotate(4, 1, 0).await, Rotation::Unknown);
    assert_eq!(rotate(0, 1, 0).await, Rotation::Rotated);
    for later in [0, 9, -1] {
        let retried = rotate(0, 1, later).await;
        assert_eq!(retried, Rotation::Retried, "the answer was lost: {later}");
        assert!(lives(1).await, "its successor is the same");
    }
    assert_eq!(rotate(1, 2, 9).await, Rotation::Rotated);
    assert_eq!(
        rotate(0, 1, 9).await,
        Rotation::Replayed,
        "its successor was used"
    );
    assert!(
        !lives(0).await && !lives(1).await && !lives(2).await,
        "the family has ended"
    );
    assert_eq!(rotate(2, 3, 9).await, Rotation::Unknown);
    // Too late, with a clock that went back, and with a successor that is not the one.
    for (next, later) in [(1, 10), (1, -2), (1, -1000), (2, 5)] {
        store
            .add_refresh_token(&digests[0], &token, NOW)
            .await
            .unwrap();
        assert_eq!(rotate(0, 1, 0).await, Rotation::Rotated);
        let replayed = rotate(0, next, later).await;
        assert_eq!(replayed, Rotation::Replayed, "{next} {later}");
        assert!(!lives(1).await && !lives(2).await, "{next} {later}");
    }
}

/// Whichever issuer asks first, all on one store derive successors by the same secret.
pub(super) async fn successor_secret(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let tries = (0..20).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let fresh = PlainSecret::from_random([number; 32]);
            let secret = store.successor_secret(&fresh).await.unwrap();
            secret.reveal().to_owned()
        })
    });
    let secrets = futures_util::future::join_all(tries).await;
    let secrets: std::collections::HashSet<_> = secrets.into_iter().map(Result::unwrap).collect();
    assert_eq!(secrets.len(), 1);
}

/// Fifty callers with one token: strictly, one gets through and the family ends; with a window, all
/// get the same successor, which lives.
pub(super) async fn refresh_race(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let token = refresh_token(&alice);
    for (window, live, retried) in [(0, 0, 0), (10, 1, 49)] {
        let first = PlainSecret::from_random([0; 32]).digest();
        store.add_refresh_token(&first, &token, NOW).await.unwrap();
        let tries = (1..=50).map(|_| {
            let (store, token, first) = (store.clone(), token.clone(), first.clone());
            tokio::spawn(async move {
                let digest = PlainSecret::from_random([1; 32]).digest();
                let successor = Successor {
                    digest: &digest,
                    token: &token,
                };
                let rotation = store.rotate_refresh_token(&first, &successor, window, NOW);
                rotation.await.unwrap()
            })
        });
        let outcomes = futures_util::future::join_all(tries).await;
        let count = |expected: Rotation| {
            let outcomes = outcomes.iter().map(|outcome| *outcome.as_ref().unwrap());
            outcomes.filter(|outcome| *outcome == expected).count()
        };
        assert_eq!(count(Rotation::Rotated), 1, "one use, however many try");
        assert_eq!(count(Rotation::Retried), retried);
        let digest = PlainSecret::from_random([1; 32]).digest();
        let found = store.refresh_token(&digest, NOW).await.unwrap();
        assert_eq!(usize::from(found.is_some()), live);
    }
}

/// A grant that is used while it is taken back leaves no successor behind, and nobody an error.
pub(super) async fn grant_race(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let secret = |number: u8, step: u8| {
        let mut bytes = [number; 32];
        bytes[0] = step;
        PlainSecret::from_random(bytes).digest()
    };
    let grants = (0..40).map(|number: u8| {
        let (store, alice) = (store.clone(), alice.clone());
        tokio::spawn(async move {
            let token = token_of(&alice, &format!("family-{number}"));
            let grant = RevocationTarget::from(&token.grant.id);
            store
                .add_refresh_token(&secret(number, 0), &token, NOW)
                .await
                .unwrap();
            let using = async {
                for step in 0..8 {
                    let digest = secret(number, step + 1);
                    let (digest, token) = (&digest, &token);
                    let successor = Successor { digest, token };
                    let used = secret(number, step);
                    let used = store.rotate_refresh_token(&used, &successor, 0, NOW);
                    used.await.unwrap();
                }
            };
            // A replay takes back as well.
            let replaying = async {
                let digest = secret(number, 100);
                let (digest, token) = (&digest, &token);
                let successor = Successor { digest, token };
                let first = secret(number, 0);
                let replayed = store.rotate_refresh_token(&first, &successor, 0, NOW);
                replayed.await.unwrap();
            };
            let revoking = async {
                tokio::task::yield_now().await;
                store.revoke(&grant, NOW).await.unwrap();
            };
            tokio::join!(using, replaying, revoking);
            for step in (0..=8).chain([100]) {
                let left = store
                    .refresh_token(&secret(number, step), NOW)
                    .await
                    .unwrap();
                assert_eq!(left, None, "{number} {step}");
            }
        })
    });
    let outcomes = futures_util::future::join_all(grants).await;
    assert!(outcomes.iter().all(Result::is_ok));
}

/// A grant ends while its tokens are being rotated and retried: nothing of it is left.
pub(super) async fn ending_race(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    for round in 0..20_u8 {
        let token = token_of(&alice, &format!("family-{round}"));
        let digest = move |number: u8| {
            let mut random = [number; 32];
            random[0] = round;
            PlainSecret::from_random(random).digest()
        };
        store
            .add_refresh_token(&digest(0), &token, NOW)
            .await
            .unwrap();
        let tries = (1..=12_u8).map(|number| {
            let (store, token) = (store.clone(), token.clone());
            tokio::spawn(async move {
                if number == 6 {
                    let grant = RevocationTarget::from(&token.grant.id);
                    store.revoke(&grant, NOW).await.unwrap();
                    return;
                }
                let (first, digest) = (digest(0), digest(number));
                let successor = Successor {
                    digest: &digest,
                    token: &token,
                };
                // May be sent away in favour of the end.
                let rotation = store.rotate_refresh_token(&first, &successor, 10, NOW);
                let _ = rotation.await;
            })
        });
        for outcome in futures_util::future::join_all(tries).await {
            outcome.unwrap();
        }
        for number in 0..=12 {
            let found = store.refresh_token(&digest(number), NOW).await.unwrap();
            assert!(found.is_none(), "{number} of round {round}");
        }
    }
}

/// Whoever begins and extends grants as fast as it can keeps the latest, and so do others.
pub(super) async fn grant_bounds(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.bound_grants(5);
    let (alice, bobby) = (user("alice"), user("bobby"));
    store.add_user(&alice, "hash").await.unwrap();
    store.add_user(&bobby, "hash").await.unwrap();
    let digest = |number: u32| {
        let mut random = [7; 32];
        random[..4].copy_from_slice(&number.to_be_bytes());
        PlainSecret::from_random(random).digest()
    };
    let listed = async |user: &User| {
        let page = Page {
            after: String::new(),
            limit: 500,
        };
        let found = store.grants(&user.id, &page, NOW).await.unwrap();
        let ids = found.items.iter().map(|live| live.grant.id.as_str());
        ids.collect::<Vec<_>>().join(" ")
    };
    let mut ended_at = 0;
    for number in 0..500 {
        let later = NOW.plus(i64::from(number));
        for (user, offset) in [(&alice, 0), (&bobby, 1000)] {
            if number < 3 || offset == 0 {
                let id = format!("{}-{number:03}", user.username.as_str());
                let token = token_of(user, &id);
                let digest = digest(number + offset);
                // One token in 64 has the oldest ended.
                if offset == 0 && digest.to_text().starts_with('A') {
                    ended_at = number;
                }
                store
                    .add_refresh_token(&digest, &token, later)
                    .await
                    .unwrap();
            }
        }
    }
    assert!(ended_at > 200, "{ended_at}");
    let latest: Vec<String> = (ended_at - 5..500)
        .map(|number| format!("alice-{number:03}"))
        .collect();
    assert_eq!(listed(&alice).await, latest.join(" "));
    assert_eq!(listed(&bobby).await, "bobby-000 bobby-001 bobby-002");

    // One grant, extended again and again.
    let token = token_of(&bobby, "bobby-000");
    let mut present = 1000;
    for number in 2000..2600 {
        let successor = Successor {
            digest: &digest(number),
            token: &token,
        };
        let (present_digest, later) = (digest(present), NOW.plus(20));
        let rotated = store.rotate_refresh_token(&present_digest, &successor, 0, later);
        assert_eq!(rotated.await.unwrap(), Rotation::Rotated);
        present = number;
    }
    let mut kept = 0;
    for number in (2000..2600).chain([1000]) {
        kept += usize::from(
            store
                .refresh_token(&digest(number), NOW)
                .await
                .unwrap()
                .is_some(),
        );
    }
    assert!(kept < 400, "{kept} of 601");
    let page = Page {
        after: String::new(),
        limit: 1,
    };
    let found = store.grants(&bobby.id, &page, NOW).await.unwrap();
    assert_eq!(
        (found.items[0].grant.id.as_str(), found.items[0].created_at),
        ("bobby-000", NOW)
    );
}

/// Whoever makes apps and deletes them again keeps no more grants than some dozens of apps may have.
pub(super) async fn grant_bounds_of_all(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.bound_grants(1);
    let (alice, bobby) = (user("alice"), user("bobby"));
    store.add_user(&alice, "hash").await.unwrap();
    store.add_user(&bobby, "hash").await.unwrap();
    let add = async |user: &User, digest: &SecretDigest, number: u32, later| {
        let mut token = token_of(user, &format!("{}-{number}", user.username.as_str()));
        token.grant.app = Some(AppKey::known(&format!("app-{number}")));
        let added = store.add_refresh_token(digest, &token, later);
        added.await.unwrap();
    };
    let digests = || {
        (0..).map(|number: u32| {
            let mut random = [11; 32];
            random[..4].copy_from_slice(&number.to_be_bytes());
            PlainSecret::from_random(random).digest()
        })
    };
    let is_rare = |digest: &SecretDigest| digest.to_text().starts_with("AA");
    let usual: Vec<_> = digests()
        .filter(|digest| !is_rare(digest))
        .take(102)
        .collect();
    for (number, digest) in (0..).zip(&usual[..100]) {
        add(&alice, digest, number, NOW.plus(number.into())).await;
    }
    for (number, digest) in (0..).zip(&usual[100..]) {
        add(&bobby, digest, number, NOW).await;
    }
    let kept = async |some: &[SecretDigest]| {
        let mut kept = Vec::new();
        for (number, digest) in some.iter().enumerate() {
            if store.refresh_token(digest, NOW).await.unwrap().is_some() {
                kept.push(number);
            }
        }
        kept
    };
    assert_eq!(kept(&usual).await.len(), 102);
    // One token in some thousands has the oldest ended, whatever they are of.
    let rare = digests().find(is_rare).unwrap();
    add(&alice, &rare, 100, NOW.plus(100)).await;
    assert_eq!(kept(&usual[..100]).await, (68..100).collect::<Vec<_>>());
    assert_eq!(kept(&usual[100..]).await, [0, 1]);
}

pub(super) async fn grants(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, bobby) = (user("alice"), user("bobby"));
    store.add_user(&alice, "hash").await.unwrap();
    store.add_user(&bobby, "hash").await.unwrap();
    let digests = [1, 2, 3, 4].map(|number| PlainSecret::from_random([number; 32]).digest());
    let tokens = [(&alice, "b"), (&alice, "a"), (&bobby, "c")];
    let tokens = tokens.map(|(user, id)| token_of(user, id));
    for (token, digest) in tokens.iter().zip(&digests) {
        store.add_refresh_token(digest, token, NOW).await.unwrap();
    }
    let successor = Successor {
        digest: &digests[3],
        token: &tokens[0],
    };
    let rotated = store.rotate_refresh_token(&digests[0], &successor, 10, NOW.plus(5));
    assert_eq!(rotated.await.unwrap(), Rotation::Rotated);
    let ids = async |after: &str, limit, later: i64| {
        let after = after.to_owned();
        let page = Page { after, limit };
        let found = store
            .grants(&alice.id, &page, NOW.plus(later))
            .await
            .unwrap();
        let ids = found.items.iter().map(|live| live.grant.id.as_str());
        (ids.collect::<Vec<_>>().join(" "), found.next)
    };
    assert_eq!(ids("", 2, 0).await, ("a b".to_owned(), None));
    assert_eq!(ids("", 1, 0).await, ("a".to_owned(), Some("a".to_owned())));
    assert_eq!(ids("a", 1, 0).await, ("b".to_owned(), None));
    assert_eq!(ids("", 2, 60).await, (String::new(), None));
    let after = "a".to_owned();
    let page = Page { after, limit: 1 };
    let found = store.grants(&alice.id, &page, NOW).await.unwrap();
    let live = &found.items[0];
    assert_eq!((live.created_at, live.last_used_at), (NOW, NOW.plus(5)));
    let mut change = store.change(NOW).await.unwrap();
    let [own, other] = ["a", "c"].map(GrantId::known);
    assert!(change.has_grant(&alice.id, &own).await.unwrap());
    assert!(!change.has_grant(&alice.id, &other).await.unwrap());
}

/// A page of grants is cut by the rule of positions in SQL: it lists what `Entitlement::worth` has of the
/// same user and app.
pub(super) async fn position_rule(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, bobby) = (user("alice"), user("bobby"));
    let read = scope("orders.read");
    store.add_scope(&read, "Read").await.unwrap();
    let role = RoleName::parse("reading").unwrap();
    store.extend_role(&role, &[read]).await.unwrap();
    for user in [&alice, &bobby] {
        let user = User {
            roles: vec![role.clone()],
            ..user.clone()
        };
        store.add_user(&user, "hash").await.unwrap();
    }
    let shop = app("shop", &bobby);
    let secret = PlainSecret::from_random([9; 32]).kept();
    store.add_app(&shop, &secret).await.unwrap();
    let ends = [
        RevocationTarget::from(&bobby.id),
        RevocationTarget::from(&shop.key),
        RevocationTarget::from(&alice.id),
        RevocationTarget::Everyone,
    ];
    let (mut tokens, mut ended) = (Vec::new(), 0);
    for end in [None].into_iter().chain(ends.iter().map(Some)) {
        if let Some(end) = end {
            store.revoke(end, NOW).await.unwrap();
        }
        // From just before, of and after each revocation so far.
        let head = store.log_position().await.unwrap();
        for position in [LogPosition(head.0.saturating_sub(1)), head] {
            for of_app in [None, Some(shop.key.clone())] {
                let number = u8::try_from(tokens.len()).unwrap();
                let mut token = token_of(&alice, &format!("grant-{number:03}"));
                token.grant.app = of_app;
                token.grant.position = position;
                let digest = PlainSecret::from_random([number; 32]).digest();
                store.add_refresh_token(&digest, &token, NOW).await.unwrap();
                tokens.push(token);
            }
        }
        let user = store.user(&alice.id).await.unwrap().unwrap();
        let found = store.app(&shop.key, NOW).await.unwrap().unwrap();
        let parties = Parties {
            user: Some(&user),
            app: Some(found.parties()),
            required: RequiredFor::Nobody,
        };
        let stands = |token: &&RefreshToken| token.grant.entitlement().worth(parties).is_ok();
        let expected: Vec<&Grant> = tokens
            .iter()
            .filter(stands)
            .map(|token| &token.grant)
            .collect();
        let page = Page {
            after: String::new(),
            limit: 100,
        };
        let listed = store.grants(&alice.id, &page, NOW).await.unwrap().items;
        let listed: Vec<&Grant> = listed.iter().map(|live| &live.grant).collect();
        assert_eq!(listed, expected, "after {end:?}");
        ended = tokens.len() - expected.len();
    }
    assert!(ended > 0, "some of them have ended");
}
