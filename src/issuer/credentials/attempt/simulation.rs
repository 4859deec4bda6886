//! What the limits promise, held against attackers and owners for hours: see the module's words.

use std::sync::Arc;

use super::tests::{KeptPlaces, address, attempts, now};
use super::*;
use crate::clock::{ManualClock, UnixSeconds};
use crate::issuer::throttle::ThrottleDocument;
use crate::problem::Faults;

const HOME: [u8; 4] = [198, 51, 100, 7];
const OTHER: [u8; 4] = [198, 51, 100, 8];

/// An issuer with the usual limits, and what its store keeps of places.
struct World {
    clock: Arc<ManualClock>,
    places: KeptPlaces,
    attempts: Attempts<KeptPlaces>,
    guesses: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Right,
    Wrong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    LetIn,
    Refused,
    HeldUp,
}

fn limits(clock: &Arc<ManualClock>) -> Throttle {
    let settings = ThrottleDocument::default().build(&mut Faults::default());
    Throttle::new(&settings.unwrap(), Arc::clone(clock) as _)
}

/// One of thousands.
fn attacker(number: u64) -> [u8; 4] {
    let [.., high, low] = number.to_be_bytes();
    [203, 0, high % 16, low]
}

impl World {
    fn begin() -> Self {
        let clock = Arc::new(ManualClock::new(UnixSeconds(1_700_000_000)));
        let places = KeptPlaces::default();
        Self {
            attempts: attempts(limits(&clock), places.clone()),
            clock,
            places,
            guesses: 0,
        }
    }

    /// Ends the process and starts another one on the same store.
    fn restart(&mut self) {
        self.attempts = attempts(limits(&self.clock), self.places.clone());
    }

    fn second(&self) {
        self.clock.advance(1);
    }

    fn right(&mut self, claimant: Claimant<'_>, from: [u8; 4]) -> Outcome {
        let secret = b"right".as_slice();
        self.attempt(claimant, from, secret, Proof::Right)
    }

    /// Another guess each time.
    fn guess(&mut self, claimant: Claimant<'_>, from: [u8; 4]) -> Outcome {
        self.guesses += 1;
        let guess = self.guesses.to_be_bytes();
        self.attempt(claimant, from, &guess, Proof::Wrong)
    }

    fn attempt(
        &mut self,
        claimant: Claimant<'_>,
        from: [u8; 4],
        secret: &[u8],
        proof: Proof,
    ) -> Outcome {
        let checked = |wrong: EndpointError| match proof {
            Proof::Right => Ok(()),
            Proof::Wrong => Err(wrong),
        };
        let attempt = async {
            match claimant {
                Claimant::App(key) => {
                    let check = async { checked(EndpointError::BadClient) };
                    self.attempts.by_app(key, secret, check).await
                }
                Claimant::User(_) | Claimant::RecoveryCode(_) | Claimant::Nobody(_) => {
                    let check = async |_| checked(EndpointError::BadLogin);
                    self.attempts.by_user(claimant, secret, check).await
                }
            }
        };
        match now(throttle::with_address(address(from), attempt)) {
            Ok(()) => Outcome::LetIn,
            Err(EndpointError::BadLogin | EndpointError::BadClient) => Outcome::Refused,
            Err(EndpointError::Throttled { .. }) => Outcome::HeldUp,
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn an_owner_gets_in_where_it_has_logged_in_whatever_others_do_elsewhere() {
    const SECONDS: u64 = 6 * 3600;
    let mut world = World::begin();
    let alice = UserId::known("alice");
    let alice = Claimant::User(&alice);
    assert_eq!(world.right(alice, HOME), Outcome::LetIn);
    let mut checked = 0_u64;
    for second in 0..SECONDS {
        world.second();
        for number in 0..4 {
            if world.guess(alice, attacker(second * 4 + number)) == Outcome::Refused {
                checked += 1;
            }
        }
        if second == SECONDS / 2 {
            world.restart();
        }
        if second % 600 == 0 {
            assert_eq!(world.guess(alice, HOME), Outcome::Refused, "a slip");
            assert_eq!(world.right(alice, HOME), Outcome::LetIn, "at {second}");
        }
    }
    // A hundred at once for each process, and one in ten seconds, of 86,400 that were tried.
    assert!(checked <= 2 * 100 + SECONDS / 10, "{checked} guesses");
}

#[test]
fn elsewhere_an_owner_waits_for_the_attack_and_for_its_debt() {
    let mut world = World::begin();
    let alice = UserId::known("alice");
    let alice = Claimant::User(&alice);
    for second in 0..3600 {
        world.second();
        for number in 0..4 {
            world.guess(alice, attacker(second * 4 + number));
        }
    }
    // What was begun before the limit was reached, from everywhere at once.
    world.clock.advance(3600);
    let begun: Vec<Attempt<'_>> = (0..2000)
        .filter_map(|number: u64| {
            let guess = async {
                let secret = number.to_be_bytes();
                let who = Who {
                    checked_by: Checked::Password,
                    claimant: alice,
                    app: None,
                    user: None,
                };
                world.attempts.admit(who, &secret, LoginOrigin::New).ok()
            };
            now(throttle::with_address(address(attacker(number)), guess))
        })
        .collect();
    assert_eq!(begun.len(), 2000);
    for attempt in begun {
        attempt.failed();
    }
    let mut waited = 0;
    while world.right(alice, HOME) != Outcome::LetIn {
        world.second();
        waited += 1;
    }
    assert!((1..=1010).contains(&waited), "{waited} seconds");
}

#[test]
fn an_app_with_a_withdrawn_secret_makes_nobody_wait_but_itself() {
    const OFFICE: [u8; 4] = [192, 0, 2, 1];
    let mut world = World::begin();
    for second in 0..7200_u64 {
        world.second();
        for copy in 0..20_u8 {
            // What was deleted, or never was, looks the same.
            let key = format!("app {}", second % 500);
            let app = Claimant::App(["shop", "shelf", &key][usize::from(copy % 3)]);
            world.attempt(app, OFFICE, &[copy], Proof::Wrong);
        }
        if second % 10 == 0 {
            let name = format!("newcomer {second}");
            let user = UserId::known(&name);
            let newcomers = [Claimant::User(&user), Claimant::App(&name)];
            for newcomer in newcomers {
                assert_eq!(world.right(newcomer, OFFICE), Outcome::LetIn, "{name}");
            }
        }
    }
}

#[test]
fn who_tries_many_names_at_an_address_makes_strangers_wait_there_alone() {
    let mut world = World::begin();
    let (alice, bobby) = (UserId::known("alice"), UserId::known("bobby"));
    let (alice, bobby) = (Claimant::User(&alice), Claimant::User(&bobby));
    assert_eq!(world.right(alice, HOME), Outcome::LetIn);
    world.restart();
    for second in 0..3600_u64 {
        world.second();
        for number in 0..4 {
            let name = format!("name {second} {number}");
            world.guess(Claimant::Nobody(&name), HOME);
        }
    }
    assert_eq!(world.right(bobby, HOME), Outcome::HeldUp);
    assert_eq!(world.right(bobby, OTHER), Outcome::LetIn);
    assert_eq!(world.right(alice, HOME), Outcome::LetIn);
}
