//! Passwords: hashed by argon2id on threads of their own, so many at a time and no more.

mod metrics;
mod queue;

use std::io;
use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parking_lot::{Condvar, Mutex, MutexGuard};
use prometheus_client::registry::Registry;
use tokio::sync::oneshot;

use super::throttle::{self, LoginOrigin};
use crate::identity::Password;
use crate::issuer::{HashingSettings, random};
use crate::token::CryptographyError;

use metrics::HashingMetrics;
use queue::{FairQueue, Party};

/// The OWASP password storage cheat sheet's least parameters for argon2id: KiB, passes, lanes.
const PRESENT: Cost = Cost {
    memory_kib: 19_456,
    passes: 2,
    lanes: 1,
};

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    /// As many wait as may, and nobody brought more than this caller.
    #[error("too many passwords are being checked")]
    Busy,
    #[error(transparent)]
    Cryptography(#[from] CryptographyError),
}

/// For whom a password is hashed.
#[derive(Debug, Clone, Copy)]
pub(in crate::issuer) struct HashingFor<'a> {
    /// A user's id, or a name that no user has.
    pub(in crate::issuer) account: &'a str,
    pub(in crate::issuer) place: LoginOrigin,
}

struct Job(Box<dyn FnOnce(Fate) + Send>);

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// A thread has taken it.
    Taken,
    /// There is no room for it.
    TurnedAway,
}

pub(in crate::issuer) struct PasswordHasher {
    waiting: Arc<Waiting>,
    /// What an unknown user's password is compared with, so that the answer takes as long.
    dummy: String,
    metrics: HashingMetrics,
}

/// What became of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::issuer) enum Verdict {
    Right,
    /// Right, and the hash is of another cost than new ones are.
    RightButOutdated,
    Wrong,
}

/// Where jobs wait for a thread.
struct Waiting {
    state: Mutex<WaitingState>,
    arrived: Condvar,
}

struct WaitingState {
    jobs: FairQueue<Job>,
    open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// A hash in the string format of the password hashing competition:
/// `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`.
#[derive(Debug, PartialEq, Eq)]
struct Encoded {
    cost: Cost,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl<'a> HashingFor<'a> {
    /// For an account of whose place nothing is known.
    pub(in crate::issuer) fn new(account: &'a str) -> Self {
        Self {
            account,
            place: LoginOrigin::New,
        }
    }
}

impl PasswordHasher {
    /// Starts the threads; they end when the hasher is dropped.
    pub(in crate::issuer) fn start(settings: HashingSettings) -> io::Result<Self> {
        let salt = STANDARD_NO_PAD.encode([0; SALT_BYTES]);
        let hash = STANDARD_NO_PAD.encode([0; HASH_BYTES]);
        let state = WaitingState {
            jobs: FairQueue::new(settings.max_queue),
            open: true,
        };
        // Made first: dropped, it ends the threads that were started where another cannot be.
        let hasher = Self {
            waiting: Arc::new(Waiting {
                state: Mutex::new(state),
                arrived: Condvar::new(),
            }),
            dummy: format!("{}${salt}${hash}", prefix(PRESENT)),
            metrics: HashingMetrics::default(),
        };
        for number in 0..settings.threads {
            let waiting = Arc::clone(&hasher.waiting);
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || waiting.work())?;
        }
        Ok(hasher)
    }

    pub(in crate::issuer) fn register_metrics(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// Hashes a password that somebody chose, for its user or one who is to be.
    pub(in crate::issuer) async fn hash(
        &self,
        password: Password,
        whom: HashingFor<'_>,
    ) -> Result<String, HashingError> {
        let salt = random::<SALT_BYTES>()?;
        let hash = self
            .run(whom, move || derive(PRESENT, password.as_bytes(), &salt))
            .await?;
        let hash = hash.ok_or(CryptographyError)?;
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        Ok(format!("{}${salt}${hash}", prefix(PRESENT)))
    }

    /// Compares a password with a hash; without one it fails, and takes as long.
    pub(in crate::issuer) async fn verify(
        &self,
        password: Password,
        encoded: Option<&str>,
        whom: HashingFor<'_>,
    ) -> Result<Verdict, HashingError> {
        let known = encoded.is_some();
        // The same path with and without a user, down to the cost of the hash: the time must not tell
        // who exists.
        let encoded = Encoded::parse(encoded.unwrap_or(&self.dummy)).ok_or(CryptographyError)?;
        // Equal to the dummy does not count: whoever finds its password must not be anybody.
        let verdict = self.run(whom, move || {
            let hash = derive(encoded.cost, password.as_bytes(), &encoded.salt)?;
            let equal = constant_time::verify_slices_are_equal(&hash, &encoded.hash).is_ok();
            Some(match (equal && known, encoded.cost == PRESENT) {
                (true, true) => Verdict::Right,
                (true, false) => Verdict::RightButOutdated,
                (false, _) => Verdict::Wrong,
            })
        });
        Ok(verdict.await?.ok_or(CryptographyError)?)
    }

    /// Has a thread do it when it is their turn; turns away those for whom there is no room.
    async fn run<T: Send + 'static>(
        &self,
        whom: HashingFor<'_>,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashingError> {
        let (sender, receiver) = oneshot::channel();
        let metrics = self.metrics.clone();
        let job = Job(Box::new(move |fate| {
            if fate == Fate::TurnedAway {
                metrics.turned_away();
                let _ = sender.send(Err(HashingError::Busy));
                return;
            }
            metrics.begun();
            // Nobody waits any more: the caller has gone, and the work can be spared.
            // Looked at when its turn comes and not when it is queued: under load most callers have
            // given up by then.
            let outcome = (!sender.is_closed()).then(job);
            metrics.ended();
            if let Some(outcome) = outcome {
                let _ = sender.send(Ok(outcome));
            }
        }));
        let party = Party {
            place: whom.place,
            address: throttle::address(),
            account: whom.account.into(),
        };
        self.metrics.arrived();
        if let Some(Job(without_room)) = self.waiting.push(&party, job) {
            without_room(Fate::TurnedAway);
        }
        receiver.await.map_err(|_| CryptographyError)?
    }
}

impl Drop for PasswordHasher {
    fn drop(&mut self) {
        self.waiting.lock().open = false;
        self.waiting.arrived.notify_all();
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, WaitingState> {
        self.state.lock()
    }

    /// Adds a job, and returns the one for which there is no room.
    fn push(&self, party: &Party, job: Job) -> Option<Job> {
        let without_room = self.lock().jobs.push(party, job);
        self.arrived.notify_one();
        without_room
    }

    /// Does jobs, one after the other, until there are none and no more may come.
    fn work(&self) {
        while let Some(Job(job)) = self.next() {
            job(Fate::Taken);
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop() {
                return Some(job);
            }
            if !state.open {
                return None;
            }
            self.arrived.wait(&mut state);
        }
    }
}

fn prefix(cost: Cost) -> String {
    let Cost {
        memory_kib,
        passes,
        lanes,
    } = cost;
    format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}")
}

fn derive(cost: Cost, password: &[u8], salt: &[u8]) -> Option<[u8; HASH_BYTES]> {
    let parameters =
        Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(HASH_BYTES)).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    let mut hash = [0; HASH_BYTES];
    argon2.hash_password_into(password, salt, &mut hash).ok()?;
    Some(hash)
}

impl Encoded {
    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("$argon2id$v=19$")?;
        let mut parts = rest.split('$');
        let (cost, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let mut numbers = cost.split(',').zip(["m=", "t=", "p="]);
        let mut number = || {
            let (text, name) = numbers.next()?;
            text.strip_prefix(name)?.parse().ok()
        };
        Some(Self {
            cost: Cost {
                memory_kib: number()?,
                passes: number()?,
                lanes: number()?,
            },
            salt: STANDARD_NO_PAD.decode(salt).ok()?,
            hash: STANDARD_NO_PAD.decode(hash).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: HashingFor<'_> = HashingFor {
        account: "alice",
        place: LoginOrigin::New,
    };

    fn attempt(text: &str) -> Password {
        Password::attempt(text.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn right_wrong_unknown_and_outdated_are_told_apart() {
        let settings = HashingSettings {
            threads: 1,
            max_queue: 4,
        };
        let hasher = PasswordHasher::start(settings).unwrap();
        let hash = hasher.hash(attempt("pfannkuchen"), ALICE).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        // Made by the reference implementation: argon2 somesalt -id -t 2 -m 16 -p 1 <<< password
        let vector = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                      CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let rows = [
            ("pfannkuchen", Some(hash.as_str()), Verdict::Right),
            ("Pfannkuchen", Some(&hash), Verdict::Wrong),
            ("pfannkuchen", None, Verdict::Wrong),
            ("password", Some(vector), Verdict::RightButOutdated),
        ];
        for (password, encoded, expected) in rows {
            let verdict = hasher
                .verify(attempt(password), encoded, ALICE)
                .await
                .unwrap();
            assert_eq!(verdict, expected, "{password} {encoded:?}");
        }
    }

    #[test]
    fn what_is_no_hash_of_argon2id_is_none() {
        let parses = |text: &str| Encoded::parse(text).is_some();
        assert!(parses("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$Y2Q"));
        for text in [
            "",
            "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$Y2Q",
            "$argon2id$v=16$m=8,t=1,p=1$c29tZXNhbHQ$Y2Q",
            "$argon2id$v=19$t=1,m=8,p=1$c29tZXNhbHQ$Y2Q",
            "$argon2id$v=19$m=8,t=1$c29tZXNhbHQ$Y2Q",
            "$argon2id$v=19$m=-8,t=1,p=1$c29tZXNhbHQ$Y2Q",
            "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ",
            "$argon2id$v=19$m=8,t=1,p=1$not base64$Y2Q",
            "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ=$Y2Q",
        ] {
            assert!(!parses(text), "{text}");
        }
    }

    #[tokio::test]
    async fn more_than_the_queue_holds_is_turned_away() {
        let settings = HashingSettings {
            threads: 1,
            max_queue: 1,
        };
        let hasher = PasswordHasher::start(settings).unwrap();
        let tries = (0..16).map(|_| hasher.verify(attempt("pfannkuchen"), None, ALICE));
        let outcomes = futures_util::future::join_all(tries).await;
        let busy =
            |outcome: &&Result<Verdict, HashingError>| matches!(outcome, Err(HashingError::Busy));
        assert!(outcomes.iter().filter(busy).count() >= 13);
        assert!(
            outcomes
                .iter()
                .any(|outcome| matches!(outcome, Ok(Verdict::Wrong)))
        );
    }
}
