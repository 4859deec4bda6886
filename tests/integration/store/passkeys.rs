//! Passkeys, recovery codes, used challenges and links for forgotten passwords.

use portcullis::clock::UnixSeconds;
use portcullis::identity::{
    Assurance, Backup, Challenge, CredentialId, NewPasskey, PasskeyKey, PasskeyName, PasskeyUse,
    PlainSecret, SecretDigest, User, UserId,
};
use portcullis::store::{
    AnsweredChallenge, Committed, Created, NewSession, PasskeyNoted, Store, StoreError,
    StoreLocation, StoredPasskey, Swept,
};

use super::{NOW, app, new_session, scope, token_of, token_through, user};
use crate::authenticator::TestPasskey;

pub(super) fn made(number: u8) -> NewPasskey {
    let passkey = TestPasskey::es256("https://id.shop.example");
    NewPasskey {
        id: CredentialId::new(&[number; 20]).unwrap(),
        key: PasskeyKey::parse(&passkey.cose()).unwrap(),
        sign_count: 3,
        backup: Backup::Possible,
    }
}

fn answered(number: u8) -> AnsweredChallenge {
    AnsweredChallenge {
        digest: SecretDigest::of(&Challenge([number; 32]).0),
        expires_at: NOW.plus(60),
    }
}

fn code(number: u8) -> SecretDigest {
    PlainSecret::from_random([number; 32]).digest()
}

async fn add(store: &Store, user: &UserId, made: &NewPasskey) -> Created {
    let mut change = store.change(NOW).await.unwrap();
    let name = PasskeyName::parse("phone").unwrap();
    let created = change.add_passkey(user, &name, made).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    created
}

async fn users(store: &Store) -> (User, User) {
    let (alice, bob) = (user("alice"), user("bob"));
    for user in [&alice, &bob] {
        store.add_user(user, "hash").await.unwrap();
    }
    (alice, bob)
}

pub(super) async fn passkeys(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, bob) = users(&store).await;
    let (first, second) = (made(1), made(2));
    assert_eq!(add(&store, &alice.id, &first).await, Created::Yes);
    assert_eq!(add(&store, &alice.id, &second).await, Created::Yes);
    let taken = add(&store, &bob.id, &first).await;
    assert_eq!(taken, Created::NameTaken, "an id is one user's");
    assert_eq!(store.count_passkeys(&alice.id).await.unwrap(), 2);
    assert_eq!(store.count_passkeys(&bob.id).await.unwrap(), 0);
    assert_eq!(store.passkeys(&alice.id).await.unwrap().len(), 2);
    let found = store.passkey(&first.id).await.unwrap().unwrap();
    assert_eq!((&found.user, &found.state.key), (&alice.id, &first.key));
    assert_eq!((found.state.sign_count, found.last_used_at), (3, None));
    assert_eq!(store.passkey(&made(3).id).await.unwrap(), None);

    let note = async |passkey: &StoredPasskey, count, challenge| {
        let used = PasskeyUse {
            sign_count: count,
            backup: Backup::Done,
        };
        let challenge = answered(challenge);
        let noted = store.note_passkey_use(passkey, used, &challenge, NOW);
        noted.await.unwrap()
    };
    assert_eq!(note(&found, 4, 1).await, PasskeyNoted::Yes);
    assert_eq!(note(&found, 5, 1).await, PasskeyNoted::Replayed);
    assert_eq!(note(&found, 4, 2).await, PasskeyNoted::Changed);
    let used = store.passkey(&first.id).await.unwrap().unwrap();
    assert_eq!(
        (used.state.sign_count, used.state.backup, used.last_used_at),
        (4, Backup::Done, Some(NOW))
    );
    // What was not noted has used up no challenge.
    assert_eq!(note(&used, 5, 2).await, PasskeyNoted::Yes);
    let mut change = store.change(NOW).await.unwrap();
    assert!(!change.use_challenge(&answered(2)).await.unwrap());
    assert!(change.use_challenge(&answered(3)).await.unwrap());
    assert!(!change.remove_passkey(&bob.id, &first.id).await.unwrap());
    assert!(change.remove_passkey(&alice.id, &first.id).await.unwrap());
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(note(&used, 6, 4).await, PasskeyNoted::Changed);

    assert_eq!(store.sweep(NOW.plus(59), 2).await.unwrap(), []);
    let rows = Swept {
        rows: "used challenges",
        count: 3,
    };
    assert_eq!(store.sweep(NOW.plus(60), 2).await.unwrap(), [rows]);
    let mut change = store.change(NOW).await.unwrap();
    change.delete_user(&alice.id).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(store.passkey(&second.id).await.unwrap(), None);
}

async fn replace_codes(store: &Store, user: &UserId, codes: &[SecretDigest]) {
    let mut change = store.change(NOW).await.unwrap();
    change.replace_recovery_codes(user, codes).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
}

async fn use_code(store: &Store, user: &UserId, code: &SecretDigest) -> bool {
    let mut change = store.change(NOW).await.unwrap();
    let taken = change.use_recovery_code(user, code).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    taken
}

pub(super) async fn recovery_codes(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, bob) = users(&store).await;
    replace_codes(&store, &alice.id, &[code(1), code(2)]).await;
    assert_eq!(store.count_recovery_codes(&alice.id).await.unwrap(), 2);
    assert!(!use_code(&store, &bob.id, &code(1)).await, "another's");
    assert!(use_code(&store, &alice.id, &code(1)).await);
    assert!(!use_code(&store, &alice.id, &code(1)).await, "used");
    replace_codes(&store, &alice.id, &[code(3)]).await;
    assert!(!use_code(&store, &alice.id, &code(2)).await, "replaced");
    assert_eq!(store.count_recovery_codes(&alice.id).await.unwrap(), 1);
}

pub(super) async fn reset_links(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, bob) = users(&store).await;
    let set = async |digest: &SecretDigest| {
        let mut change = store.change(NOW).await.unwrap();
        change.set_reset_link(&alice.id, digest, NOW.plus(60));
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    };
    let whose = async |digest: &SecretDigest, now: UnixSeconds| {
        store.reset_link(digest, now).await.unwrap()
    };
    set(&code(1)).await;
    assert_eq!(whose(&code(1), NOW.plus(59)).await, Some(alice.id.clone()));
    assert_eq!(whose(&code(1), NOW.plus(60)).await, None, "it has expired");
    set(&code(2)).await;
    assert_eq!(whose(&code(1), NOW).await, None, "another one is there");
    let mut change = store.change(NOW).await.unwrap();
    assert!(!change.use_reset_link(&bob.id, &code(2)).await.unwrap());
    assert!(change.use_reset_link(&alice.id, &code(2)).await.unwrap());
    assert!(!change.use_reset_link(&alice.id, &code(2)).await.unwrap());
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(whose(&code(2), NOW).await, None);
}

/// Of many at once one wins.
pub(super) async fn races(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, _) = users(&store).await;
    let synced = NewPasskey {
        sign_count: 0,
        ..made(1)
    };
    add(&store, &alice.id, &synced).await;
    let passkey = store.passkey(&synced.id).await.unwrap().unwrap();
    replace_codes(&store, &alice.id, &[code(1)]).await;
    let tries = (0..8).map(|_| {
        let (store, passkey, alice) = (store.clone(), passkey.clone(), alice.id.clone());
        tokio::spawn(async move {
            let used = PasskeyUse {
                sign_count: 0,
                backup: Backup::Possible,
            };
            let challenge = answered(1);
            let noted = store.note_passkey_use(&passkey, used, &challenge, NOW);
            let noted = noted.await.unwrap() == PasskeyNoted::Yes;
            let taken = use_code(&store, &alice, &code(1)).await;
            (noted, taken)
        })
    });
    let (mut noted, mut taken) = (0, 0);
    for one in tries.collect::<Vec<_>>() {
        let one = one.await.unwrap();
        noted += usize::from(one.0);
        taken += usize::from(one.1);
    }
    assert_eq!((noted, taken), (1, 1));
}

/// What the password alone gives is refused, or ends, whenever the first passkey is made.
pub(super) async fn first_passkey_race(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.add_scope(&scope("orders.read"), "").await.unwrap();
    let is_kept = |outcome: Result<(), StoreError>| match outcome {
        Ok(()) => true,
        Err(StoreError::PasskeyAdded) => false,
        Err(other) => panic!("{other}"),
    };
    for round in 0..16 {
        let alice = user(&format!("alice{round}"));
        store.add_user(&alice, "hash").await.unwrap();
        let (session, token) = (code(2 * round), code(2 * round + 1));
        let begin = async |session: &SecretDigest, assurance| {
            let session = NewSession {
                assurance,
                ..new_session(session, &alice, NOW)
            };
            is_kept(store.add_session(&session).await)
        };
        let log_in = async |token: &SecretDigest| {
            let login = token_of(&alice, &format!("family-{round}"));
            is_kept(store.add_refresh_token(token, &login, NOW).await)
        };
        let add = async {
            for _ in 0..round % 4 {
                tokio::task::yield_now().await;
            }
            let mut change = store.change(NOW).await.unwrap();
            let name = PasskeyName::parse("phone").unwrap();
            let created = change.add_passkey(&alice.id, &name, &made(round)).await;
            assert_eq!(created.unwrap(), Created::Yes);
            change.end_logins_by_password(&alice.id).await.unwrap();
            assert_eq!(change.commit().await.unwrap(), Committed::Yes);
        };
        tokio::join!(begin(&session, Assurance::Password), log_in(&token), add);
        let (session_left, token_left) = (
            store.session(&session, NOW).await.unwrap(),
            store.refresh_token(&token, NOW).await.unwrap(),
        );
        assert!(session_left.is_none() && token_left.is_none(), "{round}");

        assert!(!begin(&session, Assurance::Password).await);
        assert!(!log_in(&token).await);
        // What rests on more goes on.
        assert!(begin(&session, Assurance::SecondFactor).await);
        let app = app(&format!("shop{round}"), &alice);
        let secret = PlainSecret::from_random([100 + round; 32]).kept();
        store.add_app(&app, &secret).await.unwrap();
        let granted = token_through(&alice, &app);
        store
            .add_refresh_token(&token, &granted, NOW)
            .await
            .unwrap();
    }
}
