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
    sign_ins.add(user.clone(), SignIn::once(kind, at));
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

/// One of many, of which each fails for few users.
fn one_of_many(number: usize) -> String {
    format!("192.0.2.{}", number / 50)
}

#[test]
fn of_many_users_at_once_a_bounded_number_is_remembered() {
    let sign_ins = SignIns::new(Arc::new(ManualClock::new(NOW)));
    let failed = |user: &str, address: &str| {
        let kind = kind(SignInOutcome::Failed, address);
        add(&sign_ins, &UserId::known(user), kind, NOW);
    };
    for number in 0..MAX_FAILED + 5 {
        failed(&number.to_string(), &one_of_many(number));
    }
    // Those for whom there was no room are remembered without the address, each as one.
    for number in 0..20 {
        failed("victim", &format!("198.51.100.{number}"));
    }
    {
        let noted = sign_ins.noted.lock();
        assert_eq!((noted.kinds.len(), noted.lost), (MAX_FAILED + 6, 0));
        assert_eq!(attempts_from_anywhere(&noted, "victim"), Some(20));
    }
    for number in MAX_FAILED + 5..MAX_FAILED + MAX_FAILED_ANYWHERE - 1 {
        failed(&number.to_string(), &one_of_many(number));
    }
    failed("nobody", "192.0.2.254");
    failed("nobody", "");
    let right = kind(SignInOutcome::Succeeded, "");
    add(&sign_ins, &UserId::known("alice"), right.clone(), NOW);
    failed("0", "192.0.2.0");
    let noted = sign_ins.noted.lock();
    let all = MAX_FAILED + MAX_FAILED_ANYWHERE;
    assert_eq!((noted.kinds.len(), noted.lost), (all + 1, 2));
    assert_eq!(sign_ins.lost.get(), 2);
    let alice = (UserId::known("alice"), NOW.0.div_euclid(86_400), right);
    assert!(noted.kinds.contains_key(&alice));
}

fn attempts_from_anywhere(noted: &Noted, user: &str) -> Option<i64> {
    let anywhere = kind(SignInOutcome::Failed, "");
    let key = (UserId::known(user), NOW.0.div_euclid(86_400), anywhere);
    noted.kinds.get(&key).map(|kept| kept.sign_in.attempts)
}

#[tokio::test]
async fn one_address_takes_the_room_of_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let sign_ins = SignIns::new(Arc::new(ManualClock::new(NOW)));
    let failed = |user: &str, address: &str| {
        let kind = kind(SignInOutcome::Failed, address);
        add(&sign_ins, &UserId::known(user), kind, NOW);
    };
    let flood = || {
        for number in 0..5 * MAX_FAILED {
            failed(&format!("user-{number}"), "2001:db8:1:2::");
        }
    };
    flood();
    let lost = 5 * MAX_FAILED - 2 * MAX_FAILED_OF_ADDRESS;
    assert_eq!(sign_ins.lost.get(), u64::try_from(lost).unwrap());
    // Of whom it is known that somebody fails for it, it is still counted, from wherever.
    failed("user-0", "2001:db8:1:2::");
    failed("user-150", "2001:db8:1:2::");
    failed("victim", "198.51.100.7");
    assert_eq!(sign_ins.lost.get(), u64::try_from(lost).unwrap());
    {
        let noted = sign_ins.noted.lock();
        assert_eq!(noted.kinds.len(), 2 * MAX_FAILED_OF_ADDRESS + 1);
        assert_eq!(attempts_from_anywhere(&noted, "user-150"), Some(2));
        assert_eq!(attempts_from_anywhere(&noted, "victim"), None);
    }
    // What is written makes room again, for this address as well.
    sign_ins.write(&store).await.unwrap();
    assert!(sign_ins.noted.lock().failed_of.is_empty());
    flood();
    assert_eq!(sign_ins.lost.get(), u64::try_from(2 * lost).unwrap());
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

#[tokio::test]
async fn what_is_not_written_when_the_writer_is_dropped_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let sign_ins = SignIns::new(Arc::new(ManualClock::new(NOW)));
    let alice = UserId::known("alice");
    add(
        &sign_ins,
        &alice,
        kind(SignInOutcome::Failed, "192.0.2.1"),
        NOW,
    );
    // Nothing can be written meanwhile.
    let change = store.change(NOW).await.unwrap();
    {
        let mut write = std::pin::pin!(sign_ins.write(&store));
        let is_pending = std::future::poll_fn(|context| {
            std::task::Poll::Ready(write.as_mut().poll(context).is_pending())
        });
        assert!(is_pending.await);
        assert!(sign_ins.is_empty(), "it is under way");
    }
    assert!(!sign_ins.is_empty());
    drop(change);
    sign_ins.write(&store).await.unwrap();
    assert_eq!(sign_ins.of(&alice, &store, NOW).await.unwrap().len(), 1);
}
