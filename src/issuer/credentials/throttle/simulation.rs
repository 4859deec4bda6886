//! What the limits promise, held against attackers and owners for hours: see the module's words.

use std::collections::HashSet;
use std::net::IpAddr;

use super::*;
use crate::clock::{ManualClock, UnixSeconds};
use crate::problem::Faults;

const HOME: [u8; 4] = [198, 51, 100, 7];
const OTHER: [u8; 4] = [198, 51, 100, 8];

/// An issuer with the usual limits, and what its store keeps of places.
struct World {
    clock: Arc<ManualClock>,
    throttle: Throttle,
    places: HashSet<(String, [u8; 4])>,
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

fn from<T>(address: [u8; 4], action: impl FnOnce() -> T) -> T {
    let headers = axum::http::HeaderMap::new();
    let address = TrustedProxies::default().client(IpAddr::from(address), &headers);
    ADDRESS.sync_scope(address, action)
}

/// One of thousands.
fn attacker(number: u64) -> [u8; 4] {
    let [.., high, low] = number.to_be_bytes();
    [203, 0, high % 16, low]
}

impl World {
    fn begin() -> Self {
        let clock = Arc::new(ManualClock::new(UnixSeconds(1_700_000_000)));
        Self {
            throttle: limits(&clock),
            clock,
            places: HashSet::new(),
            guesses: 0,
        }
    }

    /// Ends the process and starts another one on the same store.
    fn restart(&mut self) {
        self.throttle = limits(&self.clock);
    }

    fn second(&self) {
        self.clock.advance(1);
    }

    fn right(&mut self, claimant: Claimant<'_>, address: [u8; 4]) -> Outcome {
        let secret = b"right".as_slice();
        self.attempt(claimant, address, secret, Proof::Right)
    }

    /// Another guess each time.
    fn guess(&mut self, claimant: Claimant<'_>, address: [u8; 4]) -> Outcome {
        self.guesses += 1;
        let guess = self.guesses.to_be_bytes();
        self.attempt(claimant, address, &guess, Proof::Wrong)
    }

    /// As `Issuer::attempt` and `Issuer::attempt_as_app` do it.
    fn attempt(
        &mut self,
        claimant: Claimant<'_>,
        address: [u8; 4],
        secret: &[u8],
        proof: Proof,
    ) -> Outcome {
        if let (Claimant::App(_), Proof::Right) = (claimant, proof) {
            return Outcome::LetIn;
        }
        from(address, || {
            let user = match claimant {
                Claimant::User(user) => Some(user.as_str().to_owned()),
                Claimant::Nobody(_) | Claimant::App(_) => None,
            };
            let place = user.map(|user| (user, address));
            let stored = place
                .as_ref()
                .is_some_and(|place| self.places.contains(place));
            let known = match self.throttle.place(claimant) {
                Place::New if stored => Place::Known,
                place => place,
            };
            let admitted = self.throttle.attempt(claimant, secret, known);
            match (admitted, proof) {
                (Err(_), _) => Outcome::HeldUp,
                (Ok(attempt), Proof::Wrong) => {
                    attempt.failed();
                    Outcome::Refused
                }
                (Ok(attempt), Proof::Right) => {
                    if attempt.succeeded() == Noted::Now {
                        self.places.extend(place);
                    }
                    Outcome::LetIn
                }
            }
        })
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
            let guess = || {
                let secret = number.to_be_bytes();
                world.throttle.attempt(alice, &secret, Place::New).ok()
            };
            from(attacker(number), guess)
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
