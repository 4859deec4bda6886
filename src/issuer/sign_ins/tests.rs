use std::path::Path;

use super::*;
use crate::clock::ManualClock;
use crate::store::StoreLocation;

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

async fn store(folder: &Path) -> Store {
    let place = StoreLocation::parse("sqlite:store.db", folder).unwrap();
    let store = Store::open(&place).await.unwrap();
    store.keep_audit(86_400);
    store
}

fn kind(outcome: SignInOutcome, address: &str) -> SignInKind {
    SignInKind {
        outcome,
        method: SignInMethod::Password,
        endpoint: SignInEndpoint::Login,
        address: address.to_owned(),
    }
}

fn add(sign_ins: &SignIns, user: &UserId, kind: SignInKind, at: UnixSeconds) {
    let sign_in = SignIn::once(kind, at);
    sign_ins.noted.lock().add(user.clone(), sign_in);
}

#[tokio::test]
async fn what_is_written_and_what_is_not_yet_is_seen_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let sign_ins = SignIns::new(Arc::new(ManualClock::new(NOW)));
    let (alice, bobby) = (UserId::known("alice"), UserId::known("bobby"));
    let failed = kind(SignInOutcome::Failed, "192.0.2.1");
    let right = kind(SignInOutcome::Succeeded, "192.0.2.2");
    for seconds in 0..3 {
        add(&sign_ins, &alice, failed.clone(), NOW.plus(seconds));
    }
    add(&sign_ins, &bobby, right.clone(), NOW);
    sign_ins.write(&store).await.unwrap();
    assert!(sign_ins.is_empty());
    add(&sign_ins, &alice, failed.clone(), NOW.plus(10));
    add(&sign_ins, &alice, right.clone(), NOW.plus(5));
    for _ in 0..2 {
        let seen = sign_ins.of(&alice, &store, NOW.plus(20)).await.unwrap();
        let expected = [
            SignIn {
                kind: failed.clone(),
                attempts: 4,
                first_at: NOW,
                last_at: NOW.plus(10),
            },
            SignIn::once(right.clone(), NOW.plus(5)),
        ];
        assert_eq!(seen, expected);
        sign_ins.write(&store).await.unwrap();
    }
    // A day after the last one it is no longer shown, and swept.
    let later = NOW.plus(86_420);
    assert_eq!(sign_ins.of(&alice, &store, later).await.unwrap(), []);
    let swept = store.sweep_all_but_log(later, 10).await.unwrap();
    assert!(
        swept
            .iter()
            .any(|swept| (swept.rows, swept.count) == ("sign-ins", 3))
    );
}

#[tokio::test]
async fn whoever_fails_often_and_from_everywhere_fills_nothing_and_hides_no_log_in() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    store.keep_audit(u32::MAX);
    let sign_ins = SignIns::new(Arc::new(ManualClock::new(NOW)));
    let alice = UserId::known("alice");
    add(
        &sign_ins,
        &alice,
        kind(SignInOutcome::Succeeded, "192.0.2.1"),
        NOW,
    );
    let mut failures = 0;
    for day in 0..6 {
        for number in 0..200 {
            let address = format!("198.51.100.{number}");
            let at = NOW.plus(day * 86_400 + number);
            add(&sign_ins, &alice, kind(SignInOutcome::Failed, &address), at);
            failures += 1;
        }
        sign_ins.write(&store).await.unwrap();
    }
    let seen = sign_ins
        .of(&alice, &store, NOW.plus(6 * 86_400))
        .await
        .unwrap();
    let (right, failed): (Vec<_>, Vec<_>) = seen
        .iter()
        .partition(|sign_in| sign_in.kind.outcome == SignInOutcome::Succeeded);
    assert_eq!(right.len(), 1, "{seen:?}");
    assert!(failed.len() <= 33, "{}", failed.len());
    let newest_day = failed
        .iter()
        .filter(|sign_in| sign_in.day() == failed[0].day());
    let counted: i64 = newest_day.map(|sign_in| sign_in.attempts).sum();
    assert_eq!((counted, failures), (200, 1200), "each one is counted");
}

#[test]
fn of_many_users_at_once_a_bounded_number_is_remembered() {
    let sign_ins = SignIns::new(Arc::new(ManualClock::new(NOW)));
    let failed = |user: &str, address: &str| {
        let kind = kind(SignInOutcome::Failed, address);
        add(&sign_ins, &UserId::known(user), kind, NOW);
    };
    for number in 0..MAX_FAILED + 5 {
        failed(&number.to_string(), "192.0.2.1");
    }
    // Those for whom there was no room are remembered without the address, each as one.
    for number in 0..20 {
        failed("victim", &format!("198.51.100.{number}"));
    }
    {
        let noted = sign_ins.noted.lock();
        assert_eq!((noted.kinds.len(), noted.lost), (MAX_FAILED + 6, 0));
        let anywhere = kind(SignInOutcome::Failed, "");
        let victim = (UserId::known("victim"), NOW.0.div_euclid(86_400), anywhere);
        assert_eq!(noted.kinds[&victim].attempts, 20);
    }
    for number in MAX_FAILED + 5..MAX_FAILED + MAX_FAILED_ANYWHERE - 1 {
        failed(&number.to_string(), "192.0.2.1");
    }
    failed("nobody", "192.0.2.1");
    failed("nobody", "");
    let right = kind(SignInOutcome::Succeeded, "");
    add(&sign_ins, &UserId::known("alice"), right.clone(), NOW);
    failed("0", "192.0.2.1");
    let noted = sign_ins.noted.lock();
    let all = MAX_FAILED + MAX_FAILED_ANYWHERE;
    assert_eq!((noted.kinds.len(), noted.lost), (all + 1, 2));
    let alice = (UserId::known("alice"), NOW.0.div_euclid(86_400), right);
    assert!(noted.kinds.contains_key(&alice));
}

#[tokio::test]
async fn it_is_written_in_parts_and_what_is_not_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let sign_ins = SignIns::new(Arc::new(ManualClock::new(NOW)));
    let users: Vec<_> = (0..=2 * AT_ONCE)
        .map(|number| UserId::known(&number.to_string()))
        .collect();
    for user in &users {
        add(&sign_ins, user, kind(SignInOutcome::Failed, ""), NOW);
    }
    sign_ins.write(&store).await.unwrap();
    assert!(sign_ins.is_empty());
    assert_eq!(sign_ins.noted.lock().failed, 0);
    for user in &users {
        assert_eq!(sign_ins.of(user, &store, NOW).await.unwrap().len(), 1);
    }
    store.close().await;
    add(&sign_ins, &users[0], kind(SignInOutcome::Failed, ""), NOW);
    assert!(sign_ins.write(&store).await.is_err());
    let noted = sign_ins.noted.lock();
    assert_eq!((noted.kinds.len(), noted.failed), (1, 1));
}
