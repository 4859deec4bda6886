//! Of each attempt: what it costs, how it is counted, and what is remembered of it.

use std::collections::HashSet;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use futures_util::FutureExt;
use parking_lot::Mutex;

use super::*;
use crate::clock::{ManualClock, UnixSeconds};
use crate::issuer::throttle::{BucketSettings, ThrottleSettings, TrustedProxies};
use crate::telemetry::{SubjectForm, SubjectNames};

/// The places that a store remembers; shared by all issuers on it.
#[derive(Clone, Default)]
pub(super) struct KeptPlaces(Arc<Mutex<HashSet<(UserId, ClientAddress)>>>);

impl Places for KeptPlaces {
    async fn know(&self, claimant: Claimant<'_>, from: ClientAddress) -> Result<bool, StoreError> {
        let Claimant::User(user) = claimant else {
            return Ok(false);
        };
        let places = self.0.lock();
        Ok(places.contains(&(user.clone(), from)))
    }

    async fn note(&self, user: &UserId, from: ClientAddress) {
        self.0.lock().insert((user.clone(), from));
    }
}

/// Nothing waits for anything here.
pub(super) fn now<T>(attempt: impl Future<Output = T>) -> T {
    attempt.now_or_never().unwrap()
}

pub(super) fn address(bytes: [u8; 4]) -> ClientAddress {
    let headers = axum::http::HeaderMap::new();
    TrustedProxies::default().client(IpAddr::from(bytes), &headers)
}

pub(super) fn attempts<P: Places>(throttle: Throttle, places: P) -> Attempts<P> {
    let names = SubjectNames::load(SubjectForm::Digest, None).unwrap();
    let audit = AuditLog::new(names, "https://id.shop.example");
    let clock = Arc::new(ManualClock::new(UnixSeconds(0)));
    Attempts::new(throttle, places, audit, Arc::new(SignIns::new(clock)))
}

/// An issuer that lets an account or app fail twice from one address.
fn strict() -> (Attempts<KeptPlaces>, KeptPlaces) {
    let bucket = |burst| BucketSettings {
        burst: NonZeroU32::new(burst).unwrap(),
        refill_seconds: NonZeroU32::new(10).unwrap(),
    };
    let settings = ThrottleSettings {
        account_at_address: bucket(2),
        account: bucket(100),
        app_at_address: bucket(2),
        app: bucket(100),
        address: bucket(100),
        registration: bucket(1),
        trial: bucket(1),
        max_entries: 64,
    };
    let clock = Arc::new(ManualClock::new(UnixSeconds(1_700_000_000)));
    let places = KeptPlaces::default();
    let throttle = Throttle::new(&settings, clock);
    (attempts(throttle, places.clone()), places)
}

fn at<T>(from: [u8; 4], attempt: impl Future<Output = T>) -> T {
    now(throttle::with_address(address(from), attempt))
}

/// The lines of a counter that are not at nothing, by their labels.
fn counted(attempts: &Attempts<KeptPlaces>, name: &str) -> Vec<String> {
    let mut registry = Registry::default();
    attempts.register_metrics(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix(name));
    let lines = lines.filter_map(|line| line.strip_prefix("_total"));
    let some = lines.filter(|line| !line.ends_with(" 0"));
    some.map(str::to_owned).collect()
}

const HERE: [u8; 4] = [192, 0, 2, 1];

#[test]
fn a_wrong_password_is_charged_and_what_settles_nothing_is_not() {
    let (attempts, _) = strict();
    let alice = UserId::known("alice");
    let mut guess = 0_u8;
    let mut end = |outcome: fn() -> Result<(), EndpointError>| {
        guess += 1;
        let secret = [guess];
        let attempt = attempts.by_user(Claimant::User(&alice), &secret, async |_| outcome());
        at(HERE, attempt)
    };
    for _ in 0..5 {
        let busy = end(|| Err(EndpointError::TimedOut));
        assert!(matches!(busy, Err(EndpointError::TimedOut)));
    }
    for _ in 0..2 {
        let wrong = end(|| Err(EndpointError::BadLogin));
        assert!(matches!(wrong, Err(EndpointError::BadLogin)));
    }
    let held_up = end(|| Ok(()));
    let seconds = 10;
    assert!(matches!(
        held_up,
        Err(EndpointError::Throttled { retry_after_seconds }) if retry_after_seconds == seconds
    ));
    let expected = [
        "{outcome=\"failed\"} 2",
        "{outcome=\"throttled\"} 1",
        "{outcome=\"unsettled\"} 5",
    ];
    let mut logins = counted(&attempts, "issuer_logins");
    logins.sort();
    assert_eq!(logins, expected);
    let throttled = ["{limit=\"account_at_address\"} 1"];
    assert_eq!(counted(&attempts, "issuer_throttled"), throttled);
    assert!(counted(&attempts, "issuer_client_authentications").is_empty());
}

#[test]
fn a_throttled_password_is_not_even_checked() {
    let (attempts, _) = strict();
    let wrong = async |_| Err::<(), _>(EndpointError::BadLogin);
    for guess in [b"one", b"two"] {
        let _ = at(
            HERE,
            attempts.by_user(Claimant::Nobody("bob"), guess, wrong),
        );
    }
    let never = async |_| -> Result<(), EndpointError> { panic!("checked") };
    let held_up = at(
        HERE,
        attempts.by_user(Claimant::Nobody("bob"), b"three", never),
    );
    assert!(matches!(held_up, Err(EndpointError::Throttled { .. })));
}

#[test]
fn an_app_with_the_right_secret_never_waits() {
    let (attempts, _) = strict();
    for guess in 0..10_u8 {
        let wrong = async { Err::<(), _>(EndpointError::BadClient) };
        let refused = at(HERE, attempts.by_app("shop", &[guess], wrong));
        let held_up = matches!(refused, Err(EndpointError::Throttled { .. }));
        assert_eq!(held_up, guess >= 2, "{guess}");
        let right = at(
            HERE,
            attempts.by_app("shop", b"right", async { Ok::<(), EndpointError>(()) }),
        );
        assert!(right.is_ok(), "{guess}");
    }
    let mut clients = counted(&attempts, "issuer_client_authentications");
    clients.sort();
    let expected = [
        "{outcome=\"failed\"} 2",
        "{outcome=\"succeeded\"} 10",
        "{outcome=\"throttled\"} 8",
    ];
    assert_eq!(clients, expected);
}

#[test]
fn each_proof_is_counted_as_what_it_is() {
    let (attempts, _) = strict();
    let alice = UserId::known("alice");
    let (user, code) = (Claimant::User(&alice), Claimant::RecoveryCode(&alice));
    let wrong = async { Err::<(), _>(EndpointError::BadLogin) };
    let _ = at(HERE, attempts.by_passkey(user, b"1", wrong));
    let _ = at(
        HERE,
        attempts.by_passkey(user, b"2", async { Ok::<(), EndpointError>(()) }),
    );
    let _ = at(HERE, attempts.by_user(code, b"3", async |_| Ok(())));
    attempts.count_registration(RegistrationOutcome::Refused);
    let sorted = |name| {
        let mut lines = counted(&attempts, name);
        lines.sort();
        lines
    };
    let (succeeded, failed) = ("{outcome=\"succeeded\"} 1", "{outcome=\"failed\"} 1");
    assert_eq!(sorted("issuer_passkey_proofs"), [failed, succeeded]);
    assert_eq!(sorted("issuer_recovery_code_proofs"), [succeeded]);
    let refused = "{outcome=\"refused\"} 1";
    assert_eq!(sorted("issuer_passkey_registrations"), [refused]);
    for others in ["issuer_logins", "issuer_client_authentications"] {
        assert!(counted(&attempts, others).is_empty(), "{others}");
    }
}

#[test]
fn only_the_places_of_users_who_were_let_in_are_remembered() {
    let (attempts, places) = strict();
    let alice = UserId::known("alice");
    let right = async |_| Ok(());
    let wrong = async |_| Err::<(), _>(EndpointError::BadLogin);
    let _ = at(HERE, attempts.by_user(Claimant::User(&alice), b"1", wrong));
    assert!(places.0.lock().is_empty());
    for _ in 0..2 {
        let let_in = attempts.by_user(Claimant::User(&alice), b"2", right);
        assert!(at(HERE, let_in).is_ok());
    }
    let expected = HashSet::from([(alice.clone(), address(HERE))]);
    assert_eq!(*places.0.lock(), expected);
    // Outside of requests there is no place.
    assert!(now(attempts.by_user(Claimant::User(&alice), b"2", right)).is_ok());
    assert_eq!(places.0.lock().len(), 1);
}

#[test]
fn a_user_is_known_where_another_issuer_has_let_it_in() {
    let (first, places) = strict();
    let alice = UserId::known("alice");
    let seen = |attempts: &Attempts<KeptPlaces>| {
        let place = async |place: LoginOrigin| Ok(place);
        let attempt = attempts.by_user(Claimant::User(&alice), b"right", place);
        at(HERE, attempt).ok().unwrap()
    };
    assert_eq!(seen(&first), LoginOrigin::New);
    assert_eq!(seen(&first), LoginOrigin::Known);
    let (mut second, _) = strict();
    second.places = places;
    assert_eq!(seen(&second), LoginOrigin::Known);
}

#[test]
fn registrations_wait_like_attempts() {
    let (attempts, _) = strict();
    let register = || at(HERE, async { attempts.admit_registration() });
    assert!(register().is_ok());
    let held_up = register();
    assert!(matches!(held_up, Err(EndpointError::Throttled { .. })));
    let throttled = ["{limit=\"registration\"} 1"];
    assert_eq!(counted(&attempts, "issuer_throttled"), throttled);
}
