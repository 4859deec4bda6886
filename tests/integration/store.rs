//! What a store promises, whichever database it is: one contract, run on each.

use portcullis::clock::UnixSeconds;
use portcullis::identity::{
    App, AppKey, AppName, Audiences, CodeChallenge, Email, PlainSecret, RedirectUri, RoleName,
    ScopeName, ScopeSet, SecretDigest, Status, User, UserId, Username,
};
use portcullis::store::{
    AuthorizationCode, CodeState, Committed, Created, LoginName, Page, Placed, Redemption,
    RefreshToken, Rotation, Store, StoreError, StoreLocation, StoredKey, Successor, Swept,
};
use portcullis::token::{Algorithm, KeyLife, LogPosition, Subject, generate_key};

use crate::postgres::Postgres;

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

#[tokio::test]
async fn the_contract_holds_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        // A name that an URL would have to encode.
        StoreLocation::parse(&format!("sqlite:{name} 100%?#.db"), folder.path()).unwrap()
    };
    contract(&place).await;
    let path = folder.path().join("users 100%?#.db");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap());
    assert_eq!(mode & 0o777, 0o600, "private keys are in it");
}

#[tokio::test]
async fn a_file_that_others_could_read_or_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let place = StoreLocation::parse("sqlite:store.db", folder.path()).unwrap();
    Store::open(&place).await.unwrap().close().await;
    for (mode, safe) in [(0o644, false), (0o602, false), (0o640, true)] {
        let path = folder.path().join("store.db");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        let opened = Store::open(&place).await;
        assert_eq!(opened.is_ok(), safe, "{mode:o}: {opened:?}");
    }
}

#[tokio::test]
async fn the_contract_holds_on_postgresql() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let place = |name: &str| {
        let url = postgres.database(name);
        StoreLocation::parse(&url, std::path::Path::new("")).unwrap()
    };
    contract(&place).await;
}

/// Every promise, each on a database of its own.
async fn contract(place: &dyn Fn(&str) -> StoreLocation) {
    users(&place("users")).await;
    roles(&place("roles")).await;
    apps(&place("apps")).await;
    signing_keys(&place("keys")).await;
    sweep(&place("sweep")).await;
    refresh_tokens(&place("refresh")).await;
    refresh_race(&place("race")).await;
    revocations(&place("revocations")).await;
    revocation_race(&place("revocation_race")).await;
    sessions(&place("sessions")).await;
    authorization_codes(&place("codes")).await;
    code_race(&place("code_race")).await;
    ending_race(&place("ending_race")).await;
    losses(&place("losses")).await;
    secrets(&place("secrets")).await;
    grants(&place("grants")).await;
    grant_race(&place("grant_race")).await;
    owners(&place("owners")).await;
    storm(&place("storm")).await;
    newer_schema(&place("newer")).await;
}

async fn users(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    assert!(!store.has_users().await.unwrap());
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

async fn roles(place: &StoreLocation) {
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
            .add_role(&role, &[read.clone(), write.clone()])
            .await
            .unwrap()
    );
    store.add_scope(&write, "Write").await.unwrap();
    assert!(
        store
            .add_role(&role, std::slice::from_ref(&read))
            .await
            .unwrap()
    );
    store.set_default_role(&role).await.unwrap();
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
    store.add_role(&role, &[write]).await.unwrap();
    assert_eq!(scopes().await, "orders.read orders.write");
    let mut change = store.change(NOW).await.unwrap();
    let gone = ScopeSet::parse("orders.read").unwrap();
    change.remove_role_scopes(&role, &gone).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(scopes().await, "orders.write", "what roles have now");
}

async fn apps(place: &StoreLocation) {
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
        store.add_app(&app, &secret.digest()).await.unwrap(),
        Created::Yes
    );
    let twin = App {
        key: AppKey::known("twin"),
        ..app.clone()
    };
    assert_eq!(
        store.add_app(&twin, &secret.digest()).await.unwrap(),
        Created::NameTaken
    );
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
        store.add_app(&other, &secret.digest()).await.unwrap();
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

async fn signing_keys(place: &StoreLocation) {
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
    assert_eq!(
        store.replace_signing_keys(&third).await.unwrap(),
        Placed::PositionTaken
    );
    assert_eq!(positions().await, [1, 2, 3], "all or nothing");
    store.remove_signing_key(2).await.unwrap();
    assert_eq!(positions().await, [1, 3]);
    let replaced = store.replace_signing_keys(&fourth).await.unwrap();
    assert_eq!(replaced, Placed::Yes);
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
async fn sweep(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let secret = PlainSecret::from_random([1; 32]).digest();
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

async fn refresh_tokens(place: &StoreLocation) {
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
    assert_eq!(
        rotate(0, 2, 9).await,
        Rotation::Retried,
        "the answer was lost"
    );
    assert!(!lives(1).await && lives(2).await);
    assert_eq!(rotate(2, 3, 9).await, Rotation::Rotated);
    assert_eq!(
        rotate(0, 4, 9).await,
        Rotation::Replayed,
        "its successor was used"
    );
    assert!(
        !lives(0).await && !lives(2).await && !lives(3).await,
        "the family has ended"
    );
    assert_eq!(rotate(3, 4, 9).await, Rotation::Unknown);
    store
        .add_refresh_token(&digests[0], &token, NOW)
        .await
        .unwrap();
    assert_eq!(rotate(0, 1, 0).await, Rotation::Rotated);
    assert_eq!(rotate(0, 2, 10).await, Rotation::Replayed, "too late");
    assert!(!lives(1).await);
}

/// Fifty callers with one token: strictly, one gets through and the family ends; with a window, each
/// replaces what the one before got, and one token lives.
async fn refresh_race(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let token = refresh_token(&alice);
    for (window, live, retried) in [(0, 0, 0), (10, 1, 49)] {
        let first = PlainSecret::from_random([0; 32]).digest();
        store.add_refresh_token(&first, &token, NOW).await.unwrap();
        let tries = (1..=50).map(|number| {
            let (store, token, first) = (store.clone(), token.clone(), first.clone());
            tokio::spawn(async move {
                let digest = PlainSecret::from_random([number; 32]).digest();
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
        let mut found = 0;
        for number in 1..=50 {
            let digest = PlainSecret::from_random([number; 32]).digest();
            found += usize::from(store.refresh_token(&digest, NOW).await.unwrap().is_some());
        }
        assert_eq!(found, live);
    }
}

/// What is taken back ends at once, also its refresh tokens, and the log says so in order.
async fn revocations(place: &StoreLocation) {
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

/// A grant that is used while it is taken back leaves no successor behind, and nobody an error.
async fn grant_race(place: &StoreLocation) {
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
            let family = format!("family-{number}");
            let token = RefreshToken {
                family: family.clone(),
                ..refresh_token(&alice)
            };
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
                store.revoke(&Subject::Grant(family), NOW).await.unwrap();
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

/// Rows that appear out of order would be skipped for ever by whoever follows the log.
async fn revocation_race(place: &StoreLocation) {
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

async fn sessions(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, bob) = (user("alice"), user("bob"));
    let digest = |number| PlainSecret::from_random([number; 32]).digest();
    for (user, numbers) in [(&alice, [1, 2]), (&bob, [3, 4])] {
        store.add_user(user, "hash").await.unwrap();
        for number in numbers {
            let end = NOW.plus(60);
            store
                .add_session(&digest(number), user, end, NOW)
                .await
                .unwrap();
        }
    }
    let whose = async |number, now| store.session(&digest(number), now).await.unwrap();
    assert_eq!(whose(1, NOW).await.as_ref(), Some(&alice.id));
    assert_eq!(whose(3, NOW.plus(59)).await.as_ref(), Some(&bob.id));
    assert_eq!(whose(1, NOW.plus(60)).await, None, "it is over");
    assert_eq!(whose(5, NOW).await, None);
    store.end_session(&digest(1)).await.unwrap();
    assert_eq!(whose(1, NOW).await, None);
    assert_eq!(whose(2, NOW).await.as_ref(), Some(&alice.id));
    store.end_sessions(&alice.id).await.unwrap();
    assert_eq!(whose(2, NOW).await, None);
    let all = Subject::User(bob.id.as_str().to_owned());
    store.revoke(&all, NOW).await.unwrap();
    assert_eq!(
        whose(3, NOW).await,
        None,
        "all that its user had was taken back"
    );
}

async fn authorization_codes(place: &StoreLocation) {
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
            .add_authorization_code(&digest(number), code, NOW)
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
    let end = async |family: &str| {
        let grant = Subject::Grant(family.to_owned());
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
        .add_authorization_code(&digest(5), &fresh, later.plus(-1))
        .await
        .unwrap();
    assert!(look(1).await.is_some() && look(3).await.is_some());
    store
        .add_authorization_code(&digest(6), &fresh, later)
        .await
        .unwrap();
    assert!(look(1).await.is_none() && look(3).await.is_none() && look(5).await.is_some());
}

/// Fifty callers with one code: one redeems it, and what it keeps is there for the others to end.
async fn code_race(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, code) = code_of_alice(&store).await;
    let digest = PlainSecret::from_random([0; 32]).digest();
    store
        .add_authorization_code(&digest, &code, NOW)
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
                let grant = Subject::Grant(token.family);
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

/// A grant ends while its tokens are being rotated and retried: nothing of it is left.
async fn ending_race(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    for round in 0..20_u8 {
        let token = RefreshToken {
            family: format!("family-{round}"),
            ..refresh_token(&alice)
        };
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
                    let grant = Subject::Grant(token.family);
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

async fn code_of_alice(store: &Store) -> (User, AuthorizationCode) {
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let read = scope("orders.read");
    store.add_scope(&read, "Read").await.unwrap();
    let app = app("web-shop", &alice);
    let secret = PlainSecret::from_random([8; 32]).digest();
    store.add_app(&app, &secret).await.unwrap();
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let code = AuthorizationCode {
        family: "family".to_owned(),
        user: alice.id.clone(),
        app: app.key,
        redirect_uri: app.redirect_uris.into_iter().next(),
        challenge: CodeChallenge::parse(challenge).unwrap(),
        scopes: ScopeSet::parse("orders.read").unwrap(),
        expires_at: NOW.plus(60),
        position: LogPosition::default(),
    };
    (alice, code)
}

/// A scope that many lose is as many rows of the log, and nobody else's.
async fn losses(place: &StoreLocation) {
    const MANY: usize = 200;
    let store = Store::open(place).await.unwrap();
    let role = |name: &str| RoleName::parse(name).unwrap();
    let scopes = ["orders.read", "orders.write", "other"].map(scope);
    for scope in &scopes {
        store.add_scope(scope, "").await.unwrap();
    }
    store.add_role(&role("sales"), &scopes[..2]).await.unwrap();
    store
        .add_role(&role("reading"), &scopes[..1])
        .await
        .unwrap();
    store.add_role(&role("other"), &scopes[2..]).await.unwrap();
    let with = |name: &str, roles: &[&str]| User {
        roles: roles.iter().map(|name| role(name)).collect(),
        ..user(name)
    };
    let (both, other) = (
        with("both", &["sales", "reading"]),
        with("other", &["other"]),
    );
    let mut change = store.change(NOW).await.unwrap();
    change.add_user(&both, "hash").await.unwrap();
    change.add_user(&other, "hash").await.unwrap();
    for number in 0..MANY {
        let user = with(&format!("user{number}"), &["sales"]);
        change.add_user(&user, "hash").await.unwrap();
    }
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    let secret = PlainSecret::from_random([1; 32]).digest();
    let one = user("user7");
    store
        .add_refresh_token(&secret, &refresh_token(&one), NOW)
        .await
        .unwrap();

    let logged = async |after: LogPosition| {
        let rows = store.revocations_after(after, 2 * MANY).await.unwrap();
        let last = rows.last().map_or(after, |row| row.position);
        let expected = after.0 + u64::try_from(rows.len()).unwrap();
        assert_eq!(last.0, expected, "without a gap");
        assert_eq!(store.log_position().await.unwrap(), last);
        let user = |user: &User| Subject::User(user.id.as_str().to_owned());
        let hit = |user: &Subject| rows.iter().any(|row| row.subject == *user);
        (last, rows.len(), hit(&user(&both)), hit(&user(&other)))
    };
    let lose = async |scopes: &str| {
        let mut change = store.change(NOW).await.unwrap();
        let scopes = ScopeSet::parse(scopes).unwrap();
        change
            .remove_role_scopes(&role("sales"), &scopes)
            .await
            .unwrap();
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    };
    let begin = store.log_position().await.unwrap();
    lose("orders.read other").await;
    let (next, rows, hits_both, hits_other) = logged(begin).await;
    assert_eq!((rows, hits_both, hits_other), (MANY, false, false));
    let read = store.user(&one.id).await.unwrap().unwrap();
    assert_eq!(
        (read.scopes.to_string(), read.revoked_through),
        ("orders.write".to_owned(), next)
    );
    assert!(store.refresh_token(&secret, NOW).await.unwrap().is_none());
    assert_eq!(
        store.user(&both.id).await.unwrap().unwrap().revoked_through,
        begin
    );

    // A change that is dropped never was.
    let mut change = store.change(NOW).await.unwrap();
    change.delete_scope(&scopes[1]).await.unwrap();
    drop(change);
    assert_eq!(store.log_position().await.unwrap(), next);

    let mut change = store.change(NOW).await.unwrap();
    assert_eq!(
        change
            .rename_scope(&scopes[1], &scope("orders.place"))
            .await
            .unwrap(),
        Created::Yes
    );
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    let (next, rows, hits_both, hits_other) = logged(next).await;
    assert_eq!((rows, hits_both, hits_other), (MANY + 1, true, false));
    lose("orders.place").await;
    let (next, rows, ..) = logged(next).await;
    assert_eq!(rows, MANY + 1);
    lose("orders.place").await;
    let mut change = store.change(NOW).await.unwrap();
    let sales = change.role(&role("sales")).await.unwrap().unwrap();
    change.delete_role(&sales).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(logged(next).await.1, 0, "who had nothing loses nothing");
    assert_eq!(
        store.user(&both.id).await.unwrap().unwrap().roles,
        [role("reading")]
    );
}

async fn secrets(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.add_scope(&scope("orders.read"), "").await.unwrap();
    let alice = user("alice");
    store.add_user(&alice, "hash").await.unwrap();
    let shop = app("shop", &alice);
    let digests = [1, 2, 3].map(|number| PlainSecret::from_random([number; 32]).digest());
    store.add_app(&shop, &digests[0]).await.unwrap();
    let live = async |later: i64| {
        let found = store
            .app(&shop.key, NOW.plus(later))
            .await
            .unwrap()
            .unwrap();
        let matching = |digest| found.secrets.iter().any(|live| live.matches(digest));
        digests.iter().map(matching).collect::<Vec<bool>>()
    };
    for (number, expected) in [(1, [true, true, false]), (2, [false, true, true])] {
        let mut change = store.change(NOW).await.unwrap();
        let rotated = change.rotate_secret(&shop.key, &digests[number], 60);
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

async fn grants(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    let (alice, bobby) = (user("alice"), user("bobby"));
    store.add_user(&alice, "hash").await.unwrap();
    store.add_user(&bobby, "hash").await.unwrap();
    let digests = [1, 2, 3, 4].map(|number| PlainSecret::from_random([number; 32]).digest());
    let of = |user: &User, family: &str| RefreshToken {
        family: family.to_owned(),
        ..refresh_token(user)
    };
    let tokens = [of(&alice, "b"), of(&alice, "a"), of(&bobby, "c")];
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
        let ids = found.items.iter().map(|grant| grant.id.clone());
        (ids.collect::<Vec<_>>().join(" "), found.next)
    };
    assert_eq!(ids("", 2, 0).await, ("a b".to_owned(), None));
    assert_eq!(ids("", 1, 0).await, ("a".to_owned(), Some("a".to_owned())));
    assert_eq!(ids("a", 1, 0).await, ("b".to_owned(), None));
    assert_eq!(ids("", 2, 60).await, (String::new(), None));
    let after = "a".to_owned();
    let page = Page { after, limit: 1 };
    let found = store.grants(&alice.id, &page, NOW).await.unwrap();
    let grant = &found.items[0];
    assert_eq!((grant.created_at, grant.last_used_at), (NOW, NOW.plus(5)));
    let mut change = store.change(NOW).await.unwrap();
    assert!(change.has_grant(&alice.id, "a").await.unwrap());
    assert!(!change.has_grant(&alice.id, "c").await.unwrap());
}

/// Without their owner apps are nobody's: what others got through them ends as well.
async fn owners(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.add_scope(&scope("orders.read"), "").await.unwrap();
    let (alice, bobby) = (user("alice"), user("bobby"));
    store.add_user(&alice, "hash").await.unwrap();
    store.add_user(&bobby, "hash").await.unwrap();
    let secret = PlainSecret::from_random([1; 32]).digest();
    let shop = app("shop", &alice);
    store.add_app(&shop, &secret).await.unwrap();
    let through_shop = RefreshToken {
        app: Some(shop.key.clone()),
        ..refresh_token(&bobby)
    };
    store
        .add_refresh_token(&secret, &through_shop, NOW)
        .await
        .unwrap();
    let mut change = store.change(NOW).await.unwrap();
    change.revoke_with_apps(&alice.id).await.unwrap();
    change.delete_user(&alice.id).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    let rows = store.revocations_after(LogPosition::default(), 10).await;
    let subjects: Vec<Subject> = rows.unwrap().into_iter().map(|row| row.subject).collect();
    let expected = [
        Subject::User(alice.id.as_str().to_owned()),
        Subject::App(shop.key.as_str().to_owned()),
    ];
    assert_eq!(subjects, expected);
    assert!(store.app(&shop.key, NOW).await.unwrap().is_none());
    let bobby = store.user(&bobby.id).await.unwrap().unwrap();
    assert_eq!(bobby.revoked_through, LogPosition::default());
}

/// Whoever changes something locks in one order: no two wait for each other, which a database would
/// end with an error for one of them.
async fn storm(place: &StoreLocation) {
    const USERS: usize = 4;
    let store = Store::open(place).await.unwrap();
    let role = RoleName::parse("sales").unwrap();
    let scopes = [scope("orders.read")];
    store.add_scope(&scopes[0], "").await.unwrap();
    store.add_role(&role, &scopes).await.unwrap();
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
    let token = RefreshToken {
        family: format!("family-{actor}-{step}"),
        ..refresh_token(user)
    };
    let subject = Subject::User(user.id.as_str().to_owned());
    match actor % 4 {
        0 => {
            let mut change = store.change(NOW).await.unwrap();
            let other = Username::parse(&format!("renamed-{actor}-{step}")).unwrap();
            let renamed = change.rename_user(&user.id, &other, &user.email);
            assert_eq!(renamed.await.unwrap(), Created::Yes);
            change.revoke(&subject).await.unwrap();
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

async fn newer_schema(place: &StoreLocation) {
    let store = Store::open(place).await.unwrap();
    store.set_schema_version(1000).await.unwrap();
    store.close().await;
    let refused = Store::open(place).await;
    assert!(matches!(
        refused,
        Err(StoreError::NewerSchema { found: 1000, .. })
    ));
}

fn user(name: &str) -> User {
    User {
        id: UserId::known(&format!("id-of-{name}")),
        username: Username::parse(&format!("{name:_<3}")).unwrap(),
        email: email(&format!("{name}@shop.example")),
        status: Status::Active,
        roles: Vec::new(),
        scopes: ScopeSet::default(),
        created_at: NOW,
        as_of: LogPosition::default(),
        revoked_through: LogPosition::default(),
    }
}

fn app(name: &str, owner: &User) -> App {
    App {
        key: AppKey::known(&format!("key-of-{name}")),
        name: AppName::parse(name).unwrap(),
        owner: owner.id.clone(),
        redirect_uris: vec![RedirectUri::parse("https://shop.example/cb?a=b").unwrap()],
        scopes: ScopeSet::parse("orders.read").unwrap(),
        status: Status::Active,
        created_at: NOW,
        revoked_through: LogPosition::default(),
    }
}

fn refresh_token(user: &User) -> RefreshToken {
    RefreshToken {
        audiences: Audiences::All,
        family: "family".to_owned(),
        user: user.id.clone(),
        app: None,
        scopes: ScopeSet::parse("orders.read").unwrap(),
        expires_at: NOW.plus(60),
        position: LogPosition::default(),
    }
}

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

fn scope(text: &str) -> ScopeName {
    ScopeName::parse(text).unwrap()
}
