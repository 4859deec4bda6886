use std::num::NonZeroU32;

use super::*;
use crate::clock::{ManualClock, UnixSeconds};

struct Scene {
    throttle: Throttle,
    clock: Arc<ManualClock>,
}

const ALICE: Claimant<'_> = Claimant::Nobody("alice");
const BOB: Claimant<'_> = Claimant::Nobody("bob");
const SHOP: Claimant<'_> = Claimant::App("shop");

fn scene() -> Scene {
    let bucket = |burst, refill_seconds| BucketSettings {
        burst: NonZeroU32::new(burst).unwrap(),
        refill_seconds: NonZeroU32::new(refill_seconds).unwrap(),
    };
    let settings = ThrottleSettings {
        account_at_address: bucket(3, 10),
        account: bucket(6, 20),
        app_at_address: bucket(4, 5),
        app: bucket(8, 5),
        address: bucket(10, 2),
        registration: bucket(2, 60),
        trial: bucket(2, 60),
        max_entries: 1000,
    };
    let clock = Arc::new(ManualClock::new(UnixSeconds(1_700_000_000)));
    let throttle = Throttle::new(&settings, Arc::clone(&clock) as _);
    Scene { throttle, clock }
}

fn at<T>(address: &str, action: impl FnOnce() -> T) -> T {
    let peer = address.parse().unwrap();
    let headers = axum::http::HeaderMap::new();
    let address = TrustedProxies::default().client(peer, &headers);
    ADDRESS.sync_scope(address, action)
}

impl Scene {
    fn attempt(&self, claimant: Claimant<'_>, secret: &[u8]) -> Result<Attempt<'_>, Throttled> {
        let place = self.throttle.place(claimant);
        self.throttle.attempt(claimant, secret, place)
    }

    /// A wrong secret, different each time: the limit that held it up, if any.
    fn fail(&self, claimant: Claimant<'_>, address: &str) -> Option<(Limit, u64)> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static GUESS: AtomicU64 = AtomicU64::new(0);
        let guess = GUESS.fetch_add(1, Ordering::Relaxed);
        at(address, || {
            let attempt = self.attempt(claimant, &guess.to_le_bytes());
            attempt
                .map(Attempt::failed)
                .map_err(|throttled| (throttled.limit, throttled.retry_after_seconds))
                .err()
        })
    }

    fn succeed(&self, claimant: Claimant<'_>, address: &str) -> Option<Limit> {
        at(address, || {
            let attempt = self.attempt(claimant, b"right");
            attempt
                .map(|attempt| {
                    let _ = attempt.succeeded();
                })
                .map_err(|throttled| throttled.limit)
                .err()
        })
    }
}

#[test]
fn failures_of_an_account_at_an_address_are_counted_and_recover() {
    let scene = scene();
    for _ in 0..3 {
        assert_eq!(scene.fail(ALICE, "192.0.2.1"), None);
    }
    let held_up = Some((Limit::AccountAtAddress, 10));
    assert_eq!(scene.fail(ALICE, "192.0.2.1"), held_up);
    assert_eq!(
        scene.fail(Claimant::App("alice"), "192.0.2.1"),
        None,
        "another thing"
    );
    assert_eq!(scene.fail(BOB, "192.0.2.1"), None);
    scene.clock.advance(10);
    assert_eq!(scene.fail(ALICE, "192.0.2.1"), None);
    assert_eq!(scene.fail(ALICE, "192.0.2.1"), held_up);
}

#[test]
fn right_secrets_cost_nothing_and_end_the_count() {
    let scene = scene();
    for _ in 0..100 {
        assert_eq!(scene.succeed(BOB, "192.0.2.1"), None);
    }
    for _ in 0..10 {
        assert_eq!(scene.fail(ALICE, "192.0.2.1"), None);
        assert_eq!(scene.fail(ALICE, "192.0.2.1"), None);
        assert_eq!(scene.succeed(ALICE, "192.0.2.1"), None);
    }
}

#[test]
fn an_account_under_attack_is_open_to_whoever_was_let_in_before() {
    let scene = scene();
    assert_eq!(scene.succeed(ALICE, "198.51.100.7"), None);
    for attacker in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        scene.fail(ALICE, attacker);
        scene.fail(ALICE, attacker);
    }
    assert_eq!(scene.fail(ALICE, "192.0.2.4"), Some((Limit::Account, 20)));
    assert_eq!(scene.succeed(ALICE, "198.51.100.8"), Some(Limit::Account));
    assert_eq!(scene.succeed(ALICE, "198.51.100.7"), None);
    for _ in 0..3 {
        assert_eq!(scene.fail(ALICE, "198.51.100.7"), None);
    }
    let held_up = Some((Limit::AccountAtAddress, 10));
    assert_eq!(
        scene.fail(ALICE, "198.51.100.7"),
        held_up,
        "not without end"
    );
    scene.clock.advance(200);
    assert_eq!(
        scene.succeed(ALICE, "198.51.100.8"),
        None,
        "nobody is locked out"
    );
}

#[test]
fn wrong_secrets_of_apps_hold_up_one_another_alone() {
    let scene = scene();
    for number in 0..20 {
        let name = format!("app {number}");
        while scene.fail(Claimant::App(&name), "192.0.2.1").is_none() {}
    }
    assert_eq!(scene.succeed(ALICE, "192.0.2.1"), None);
    for _ in 0..4 {
        assert_eq!(scene.fail(SHOP, "192.0.2.1"), None);
        assert_eq!(scene.fail(SHOP, "192.0.2.2"), None);
    }
    let held_up = Some((Limit::AppAtAddress, 5));
    assert_eq!(scene.fail(SHOP, "192.0.2.1"), held_up);
    assert_eq!(scene.fail(SHOP, "192.0.2.3"), Some((Limit::App, 5)));
}

#[test]
fn a_password_that_was_right_is_still_a_guess() {
    let scene = scene();
    assert_eq!(scene.succeed(ALICE, "192.0.2.1"), None);
    while scene.fail(ALICE, "192.0.2.1").is_none() {}
    let held_up = Some(Limit::AccountAtAddress);
    assert_eq!(scene.succeed(ALICE, "192.0.2.1"), held_up);
}

#[test]
fn an_address_that_tries_many_names_is_held_up() {
    let scene = scene();
    assert_eq!(scene.succeed(ALICE, "192.0.2.1"), None);
    for number in 0..10 {
        let name = format!("user{number}");
        assert_eq!(scene.fail(Claimant::Nobody(&name), "192.0.2.1"), None);
    }
    assert_eq!(scene.fail(BOB, "192.0.2.1"), Some((Limit::Address, 2)));
    assert_eq!(
        scene.fail(SHOP, "192.0.2.1"),
        None,
        "nothing that is guessed"
    );
    assert_eq!(scene.succeed(BOB, "192.0.2.2"), None);
    assert_eq!(scene.succeed(ALICE, "192.0.2.1"), None, "let in before");
}

#[test]
fn one_customer_of_ipv6_is_one_address() {
    let scene = scene();
    for host in 0..3 {
        assert_eq!(scene.fail(ALICE, &format!("2001:db8::{host}")), None);
    }
    let held_up = Some((Limit::AccountAtAddress, 10));
    assert_eq!(scene.fail(ALICE, "2001:db8::ffff"), held_up);
    assert_eq!(scene.fail(ALICE, "2001:db8:0:1::"), None);
}

#[test]
fn guessing_in_parallel_gains_nothing() {
    let scene = scene();
    at("192.0.2.1", || {
        let guess = |number: u8| scene.attempt(ALICE, &[number]).ok().unwrap();
        let attempts: Vec<Attempt<'_>> = (0..20).map(guess).collect();
        for attempt in attempts {
            attempt.failed();
        }
    });
    scene.clock.advance(17 * 10);
    let held_up = Some((Limit::AccountAtAddress, 10));
    assert_eq!(scene.fail(ALICE, "192.0.2.1"), held_up);
}

#[test]
fn a_library_that_tries_both_ways_fails_once() {
    let scene = scene();
    at("192.0.2.1", || {
        for guess in 0..3_u8 {
            for _ in 0..2 {
                scene.attempt(SHOP, &[guess]).ok().unwrap().failed();
            }
        }
    });
    assert_eq!(scene.fail(SHOP, "192.0.2.1"), None);
    assert_eq!(
        scene.fail(SHOP, "192.0.2.1"),
        Some((Limit::AppAtAddress, 5))
    );
}

#[test]
fn registrations_are_counted_by_address() {
    let scene = scene();
    let register = |address| at(address, || scene.throttle.registration());
    assert_eq!(register("192.0.2.1"), Ok(()));
    assert_eq!(register("192.0.2.1"), Ok(()));
    let throttled = Throttled {
        limit: Limit::Registration,
        retry_after_seconds: 60,
    };
    assert_eq!(register("192.0.2.1"), Err(throttled));
    assert_eq!(register("192.0.2.2"), Ok(()));
    scene.clock.advance(60);
    assert_eq!(register("192.0.2.1"), Ok(()));
}

#[test]
fn trials_are_counted_by_user_wherever_they_come_from() {
    let scene = scene();
    let (alice, bob) = (UserId::known("alice"), UserId::known("bob"));
    let tried = |user: &UserId, address: &str| at(address, || scene.throttle.trial(user));
    for address in ["192.0.2.1", "192.0.2.2"] {
        assert_eq!(tried(&alice, address), Ok(()));
    }
    let throttled = Throttled {
        limit: Limit::Trial,
        retry_after_seconds: 60,
    };
    assert_eq!(tried(&alice, "192.0.2.3"), Err(throttled));
    assert_eq!(tried(&bob, "192.0.2.1"), Ok(()));
    scene.clock.advance(60);
    assert_eq!(tried(&alice, "192.0.2.1"), Ok(()));
}

#[test]
fn revocations_are_counted_by_whoever_revokes() {
    let scene = scene();
    let (tom, zoe) = (UserId::known("tom"), UserId::known("zoe"));
    let revoke = |user: &UserId| scene.throttle.revocation(user);
    let done = (0..5000).take_while(|_| revoke(&tom).is_ok()).count();
    assert_eq!(done, 1000);
    let throttled = Throttled {
        limit: Limit::Revocation,
        retry_after_seconds: 1,
    };
    assert_eq!(revoke(&tom), Err(throttled));
    assert_eq!(revoke(&zoe), Ok(()));
    scene.clock.advance(1);
    assert_eq!(revoke(&tom), Ok(()));
}
