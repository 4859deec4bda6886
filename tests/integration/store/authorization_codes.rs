//! Authorization codes and sessions.

use portcullis::identity::{
    Audiences, CodeChallenge, Grant, GrantId, PlainSecret, SecretDigest, User,
};
use portcullis::store::{
    AuthorizationCode, CodeState, Committed, NewSession, Redemption, Store, StoreError,
    StoreLocation, Successor,
};
use portcullis::token::{LogPosition, RevocationTarget};

use super::{NOW, app, grant, new_session, refresh_token, scope, session_user, user};

pub(super) async fn sessions(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, bob) = (user("alice"), user("bob"));
    let digest = |number| PlainSecret::from_random([number; 32]).digest();
    for (user, numbers) in [(&alice, [1, 2]), (&bob, [3, 4])] {
        store.add_user(user, "hash").await.unwrap();
        for number in numbers {
            let digest = digest(number);
            let session = new_session(&digest, user, NOW);
            store.add_session(&session).await.unwrap();
        }
    }
    let whose = async |number, now| session_user(&store, &digest(number), now).await;
    assert_eq!(whose(1, NOW).await.as_ref(), Some(&alice.id));
    assert_eq!(whose(3, NOW.plus(59)).await.as_ref(), Some(&bob.id));
    assert_eq!(whose(1, NOW.plus(60)).await, None, "it is over");
    assert_eq!(whose(5, NOW).await, None);
    store.end_session(&digest(1), NOW).await.unwrap();
    assert_eq!(whose(1, NOW).await, None);
    assert_eq!(whose(2, NOW).await.as_ref(), Some(&alice.id));
    store.end_sessions(&alice.id).await.unwrap();
    assert_eq!(whose(2, NOW).await, None);
    let all = RevocationTarget::User(bob.id.as_str().to_owned());
    store.revoke(&all, NOW).await.unwrap();
    assert_eq!(
        whose(3, NOW).await,
        None,
        "all that its user had was taken back"
    );
}

/// Whoever consents as fast as it can keeps the latest codes, and so do others.
pub(super) async fn code_bounds(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, code) = code_of_alice(&store).await;
    let bobby = user("bobby");
    store.add_user(&bobby, "hash").await.unwrap();
    let his_session = PlainSecret::from_random([251; 32]).digest();
    let begun = NewSession {
        expires_at: NOW.plus(1_000_000),
        ..new_session(&his_session, &bobby, NOW)
    };
    store.add_session(&begun).await.unwrap();
    let digest = |number: u32| SecretDigest::of(&number.to_be_bytes());
    let his = AuthorizationCode {
        grant: Grant {
            user: bobby.id.clone(),
            ..code.grant.clone()
        },
        ..code.clone()
    };
    let (first, hers) = (digest(1000), session());
    let added = store.add_authorization_code(&first, &his, &his_session, NOW);
    added.await.unwrap();
    for number in 0..300 {
        let (next, later) = (digest(number), NOW.plus(number.into()));
        let added = store.add_authorization_code(&next, &code, &hers, later);
        added.await.unwrap();
    }
    let is_kept = async |number| {
        let found = store.authorization_code(&digest(number)).await.unwrap();
        found.is_some()
    };
    assert_eq!(code.grant.user, alice.id);
    for (number, expected) in [
        (0, false),
        (43, false),
        (44, true),
        (299, true),
        (1000, true),
    ] {
        assert_eq!(is_kept(number).await, expected, "{number}");
    }
    // What has ended for a day goes, though nobody consents any more.
    store.sweep(NOW.plus(86_000), 100).await.unwrap();
    assert!(is_kept(1000).await);
    store.sweep(NOW.plus(100_000), 100).await.unwrap();
    assert!(!is_kept(1000).await && !is_kept(299).await);
}

/// A session that ends takes with it what was to follow on it.
pub(super) async fn ended_sessions(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let digest = |number| PlainSecret::from_random([number; 32]).digest();
    let begin = async |number| {
        let digest = digest(number);
        let session = new_session(&digest, &alice, NOW);
        store.add_session(&session).await.unwrap();
    };
    for number in 1..=3 {
        begin(number).await;
    }
    let is_there = async |number| session_user(&store, &digest(number), NOW).await.is_some();
    let renew = async |earlier, later, now| {
        let (earlier, later) = (digest(earlier), digest(later));
        let later = new_session(&later, &alice, now);
        let lineage = digest(1);
        let renewed = store.renew_session(&earlier, &lineage, &later);
        renewed.await.unwrap()
    };
    let hold = async |number, now| {
        let mut change = store.change(now).await.unwrap();
        let held = change.hold_session(&digest(number)).await.unwrap();
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
        held
    };
    assert!(hold(1, NOW).await && renew(1, 4, NOW).await);
    assert!(!is_there(1).await && is_there(4).await);
    assert!(!hold(1, NOW).await && !renew(1, 5, NOW).await);
    assert!(!is_there(5).await, "nothing follows on one that has ended");
    let end = NOW.plus(60);
    assert!(!hold(2, end).await && !renew(2, 5, end).await, "it is over");

    // What was made within one that is renewed ends.
    store.note_trial(&digest(4), end, NOW).await.unwrap();
    assert!(renew(4, 6, NOW).await);
    let log = store.revocations_after(LogPosition(0), 100).await.unwrap();
    let ended = RevocationTarget::from(&GrantId::of_session(&digest(4)));
    assert!(log.iter().any(|row| row.target == ended), "{log:?}");

    let mut change = store.change(NOW).await.unwrap();
    change.raise_session(&digest(6)).await.unwrap();
    change.end_logins_by_password(&alice.id).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert!(is_there(6).await && !is_there(2).await && !is_there(3).await);

    // By any secret of its lineage, however often it was renewed; as a copy once nothing can be under way.
    let copied = async |number, since, now| {
        let lineage = digest(number);
        let ended = store.end_copied_session(&lineage, since, now);
        ended.await.unwrap()
    };
    assert_eq!(copied(1, NOW.plus(-1), NOW).await, None, "renewed since");
    assert_eq!(copied(1, NOW, end).await, None, "it is over");
    assert!(is_there(6).await);
    assert_eq!(copied(1, NOW, NOW).await, Some(alice.id.clone()));
    assert!(!is_there(6).await);
    begin(1).await;
    assert!(renew(1, 6, NOW).await);
    let end_session = async |number| store.end_session(&digest(number), NOW).await.unwrap();
    assert_eq!(end_session(9).await, None);
    assert_eq!(end_session(1).await, Some(alice.id.clone()));
    assert!(!is_there(6).await);

    for number in 7..=8 {
        begin(number).await;
    }
    let own = digest(7);
    let ended = store.end_other_sessions(&alice.id, Some(&own), NOW);
    ended.await.unwrap();
    assert!(is_there(7).await && !is_there(8).await);
}

pub(super) async fn authorization_codes(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, code) = code_of_alice(&store).await;
    let digest = |number| PlainSecret::from_random([number; 32]).digest();
    let look = async |number| store.authorization_code(&digest(number)).await.unwrap();
    let redeem = async |number, now| {
        let digest = digest(number);
        let redemption = store.redeem_authorization_code(&digest, None, now);
        redemption.await.unwrap()
    };
    let anywhere = AuthorizationCode {
        redirect_uri: None,
        ..code.clone()
    };
    for (number, code) in [(1, &code), (2, &anywhere), (3, &code)] {
        store
            .add_authorization_code(&digest(number), code, &session(), NOW)
            .await
            .unwrap();
        assert_eq!(look(number).await, Some((code.clone(), CodeState::Unused)));
    }
    assert_eq!(redeem(4, NOW).await, Redemption::Unknown);
    assert_eq!(
        redeem(1, code.expires_at).await,
        Redemption::Unknown,
        "it has ended"
    );
    assert_eq!(
        redeem(1, code.expires_at.plus(-1)).await,
        Redemption::Redeemed
    );
    assert_eq!(look(1).await, Some((code.clone(), CodeState::Used)));
    assert_eq!(redeem(1, NOW).await, Redemption::Replayed);
    assert_eq!(
        redeem(1, code.expires_at.plus(3600)).await,
        Redemption::Replayed
    );

    let secret = digest(9);
    let refresh = Successor {
        digest: &secret,
        token: &refresh_token(&alice),
    };
    let kept = async || store.refresh_token(&secret, NOW).await.unwrap().is_some();
    let (used, unused) = (digest(1), digest(2));
    let again = store.redeem_authorization_code(&used, Some(&refresh), NOW);
    assert_eq!(again.await.unwrap(), Redemption::Replayed);
    assert!(!kept().await, "whoever comes second leaves nothing");
    let first = store.redeem_authorization_code(&unused, Some(&refresh), NOW);
    assert_eq!(first.await.unwrap(), Redemption::Redeemed);
    assert!(kept().await);
    let end = async |id: &str| {
        let grant = RevocationTarget::Grant(id.to_owned());
        store.revoke(&grant, NOW).await.unwrap();
    };
    end("other").await;
    assert!(kept().await);
    end("family").await;
    assert!(!kept().await);

    // Forgotten in time, and not before.
    let later = code.expires_at.plus(86_400);
    let fresh = AuthorizationCode {
        expires_at: later.plus(60),
        ..code.clone()
    };
    store
        .add_authorization_code(&digest(5), &fresh, &session(), later.plus(-1))
        .await
        .unwrap();
    assert!(look(1).await.is_some() && look(3).await.is_some());
    store
        .add_authorization_code(&digest(6), &fresh, &session(), later)
        .await
        .unwrap();
    assert!(look(1).await.is_none() && look(3).await.is_none() && look(5).await.is_some());

    // Of somebody who has logged out.
    store.end_session(&session(), later).await.unwrap();
    let late = digest(7);
    let session = session();
    let added = store.add_authorization_code(&late, &fresh, &session, later);
    assert!(matches!(added.await, Err(StoreError::Gone)));
    assert_eq!(look(7).await, None);
}

/// Fifty callers with one code: one redeems it, and what it keeps is there for the others to end.
pub(super) async fn code_race(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, code) = code_of_alice(&store).await;
    let digest = PlainSecret::from_random([0; 32]).digest();
    store
        .add_authorization_code(&digest, &code, &session(), NOW)
        .await
        .unwrap();
    let token = refresh_token(&alice);
    let tries = (1..=50).map(|number| {
        let (store, token, code) = (store.clone(), token.clone(), digest.clone());
        tokio::spawn(async move {
            let digest = PlainSecret::from_random([number; 32]).digest();
            let refresh = Successor {
                digest: &digest,
                token: &token,
            };
            let redemption = store.redeem_authorization_code(&code, Some(&refresh), NOW);
            let redemption = redemption.await.unwrap();
            if redemption == Redemption::Replayed {
                let grant = RevocationTarget::from(&token.grant.id);
                store.revoke(&grant, NOW).await.unwrap();
            }
            redemption
        })
    });
    let outcomes = futures_util::future::join_all(tries).await;
    let outcomes = outcomes.iter().map(|outcome| *outcome.as_ref().unwrap());
    let redeemed = outcomes.filter(|outcome| *outcome == Redemption::Redeemed);
    assert_eq!(redeemed.count(), 1);
    for number in 1..=50 {
        let digest = PlainSecret::from_random([number; 32]).digest();
        assert!(store.refresh_token(&digest, NOW).await.unwrap().is_none());
    }
}

/// The session in which alice consents.
fn session() -> SecretDigest {
    PlainSecret::from_random([250; 32]).digest()
}

async fn code_of_alice(store: &Store) -> (User, AuthorizationCode) {
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let session = session();
    let begun = NewSession {
        expires_at: NOW.plus(1_000_000),
        ..new_session(&session, &alice, NOW)
    };
    store.add_session(&begun).await.unwrap();
    let read = scope("orders.read");
    store.add_scope(&read, "Read").await.unwrap();
    let app = app("web-shop", &alice);
    let secret = PlainSecret::from_random([8; 32]).kept();
    store.add_app(&app, &secret).await.unwrap();
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let code = AuthorizationCode {
        grant: Grant {
            app: Some(app.key),
            audiences: Audiences::from_text("https://a.example urn:b"),
            ..grant(&alice, "family")
        },
        sent_to: app.redirect_uris[0].clone(),
        redirect_uri: app.redirect_uris.into_iter().next(),
        challenge: CodeChallenge::parse(challenge).unwrap(),
        expires_at: NOW.plus(60),
    };
    (alice, code)
}
