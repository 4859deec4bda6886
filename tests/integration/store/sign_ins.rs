//! Log-ins and attempts of users.

use portcullis::clock::UnixSeconds;
use portcullis::identity::{
    SignIn, SignInEndpoint, SignInKind, SignInMethod, SignInOutcome, UserId,
};
use portcullis::store::{Committed, Store, StoreLocation};

use super::{NOW, user};

const DAY: i64 = 86_400;

fn one(outcome: SignInOutcome, address: &str, at: UnixSeconds) -> SignIn {
    let kind = SignInKind {
        outcome,
        method: SignInMethod::Password,
        endpoint: SignInEndpoint::Login,
        address: address.to_owned(),
    };
    SignIn::once(kind, at)
}

pub(super) async fn sign_ins(place: &StoreLocation) {
    use SignInOutcome::{Failed, Succeeded};
    let store = Store::open(place).await.unwrap();
    store.keep_audit(u32::MAX);
    let (alice, bobby) = (user("alice"), UserId::known("bobby"));
    store.add_user(&alice, "hash").await.unwrap();
    let of_alice = |sign_in: SignIn| (alice.id.clone(), sign_in);
    let listed = async |user: &UserId| store.sign_ins(user, NOW.plus(30 * DAY)).await.unwrap();

    // Alike within a day, in whatever order they come; of another user apart.
    let noted = [
        of_alice(one(Failed, "192.0.2.1", NOW.plus(5))),
        of_alice(one(Failed, "192.0.2.1", NOW)),
        of_alice(one(Succeeded, "192.0.2.1", NOW.plus(2))),
        (bobby.clone(), one(Failed, "192.0.2.1", NOW)),
    ];
    store.note_sign_ins(&noted).await.unwrap();
    let mut failed = one(Failed, "192.0.2.1", NOW);
    failed.add(&one(Failed, "192.0.2.1", NOW.plus(5)));
    let expected = [failed, one(Succeeded, "192.0.2.1", NOW.plus(2))];
    assert_eq!(listed(&alice.id).await, expected);
    assert_eq!(listed(&bobby).await, [one(Failed, "192.0.2.1", NOW)]);

    // From many addresses at once, and by several issuers at once: each is counted, and the rows are bounded.
    let later = NOW.plus(DAY);
    let flood: Vec<_> = (0..40)
        .map(|number| of_alice(one(Failed, &format!("198.51.100.{number}"), later)))
        .collect();
    let writers = (0..4).map(|_| {
        let (store, flood) = (store.clone(), flood.clone());
        tokio::spawn(async move { store.note_sign_ins(&flood).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap().unwrap();
    }
    let rows = listed(&alice.id).await;
    let of_flood: Vec<_> = rows
        .iter()
        .filter(|row| row.day() == one(Failed, "", later).day())
        .collect();
    let attempts: i64 = of_flood.iter().map(|row| row.attempts).sum();
    assert_eq!(attempts, 160, "{rows:?}");
    // Those who come at the same moment may each find room.
    assert!((11..=44).contains(&of_flood.len()), "{}", of_flood.len());
    assert!(of_flood.iter().any(|row| row.kind.address.is_empty()));
    for day in 2..40 {
        let row = of_alice(one(Failed, "203.0.113.1", NOW.plus(day * DAY)));
        store.note_sign_ins(&[row]).await.unwrap();
    }
    let rows = store.sign_ins(&alice.id, NOW.plus(40 * DAY)).await.unwrap();
    let of = |outcome| {
        rows.iter()
            .filter(move |row| row.kind.outcome == outcome)
            .count()
    };
    assert_eq!((of(Succeeded), of(Failed)), (1, 30));

    let mut change = store.change(NOW).await.unwrap();
    change.delete_user(&alice.id).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(listed(&alice.id).await, []);
    assert_eq!(listed(&bobby).await.len(), 1);
}
