//! Throttling: whoever fails to prove who it is waits longer and longer.
//!
//! Failures are counted by account (the user, by whatever name; or a name that nobody has), by app,
//! and by address. Each account and app has a narrow limit for each address and a wide one for all
//! together. That of an account, and that of the address, do not hold for an address from which the
//! account has lately been let in: if they did, anybody could lock anybody out by failing in its
//! name. There such a caller waits for failures made in its name from its own address alone.
//! The store remembers those addresses, so that a restart forgets none (`credentials::places`).
//!
//! An app that sends its secret waits for nothing: what has 256 random bits is not guessed, so it is
//! checked before any limit, and only what is wrong waits. Nor is it charged to the address, where
//! others would wait for it, whether the app has another secret, was deleted or never was.
//!
//! What that promises is held in `credentials::attempt::simulation`: a user gets in from where it has lately logged in,
//! whatever others do elsewhere; at a new address it may have to wait for as long as somebody goes
//! on failing in its name, and no longer than a debt is paid off afterwards.
//!
//! A limit is looked at before a password is checked and charged after one that fails, so that right
//! ones cost nothing. What fails while others are under way goes into debt, so that guessing in parallel gains
//! nothing. How many passwords are checked at once is bounded by the queue of `hashing`.

mod address;
mod bounded;
mod elapsed;
mod limiter;
mod recent;
mod settings;

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::identity::UserId;
use crate::labels::closed_set;

pub use address::{Network, NetworkError, TrustedProxies};
pub use settings::{BucketSettings, ThrottleSettings};

pub(in crate::issuer) use address::ClientAddress;
pub(in crate::issuer) use settings::{ThrottleDocument, trusted_proxies};

pub(in crate::issuer) use recent::{Noted, REMEMBERED_SECONDS};

use elapsed::Elapsed;
use limiter::Limiter;
use recent::{LastFailures, LetIn};
use settings::REVOCATIONS;

/// Who somebody says it is.
#[derive(Debug, Clone, Copy, Hash)]
pub(in crate::issuer) enum Claimant<'a> {
    /// A user, whichever of its names was given.
    User(&'a UserId),
    /// A user who has given its password, by one of its recovery codes.
    RecoveryCode(&'a UserId),
    /// A name that no user has, in lower case.
    Nobody(&'a str),
    App(&'a str),
}

/// What is known of where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::issuer) enum LoginOrigin {
    /// The account has lately been let in from there.
    Known,
    New,
}

closed_set! {
    /// The limits, by their keys in the configuration.
    pub(in crate::issuer) enum Limit {
        AccountAtAddress = "account_at_address",
        Account = "account",
        AppAtAddress = "app_at_address",
        App = "app",
        Address = "address",
        Registration = "registration",
        Trial = "trial",
        Revocation = "revocation",
        UnknownRevocation = "unknown_revocation",
    }
}

/// A limit is reached: what is asked for was not even looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::issuer) struct Throttled {
    pub(in crate::issuer) limit: Limit,
    /// Until the next attempt is looked at; at least 1.
    pub(in crate::issuer) retry_after_seconds: u64,
}

/// A check of a password that may go on, or a wrong secret of an app; it ends as [`Attempt::succeeded`] or [`Attempt::failed`], or
/// is dropped where nothing was found out.
pub(in crate::issuer) struct Attempt<'a> {
    throttle: &'a Throttle,
    limits: &'a ClaimantLimits,
    claimant: u64,
    claimant_at_address: u64,
    /// None of an app: its failures are not charged to its address, nor does it wait for others.
    address: Option<u64>,
    secret: u64,
}

/// The limits of one issuer; they begin anew with each start.
pub(in crate::issuer) struct Throttle {
    elapsed: Arc<Elapsed>,
    /// Keyed at random: nobody outside can make two names collide, and no name is kept.
    hasher: RandomState,
    accounts: ClaimantLimits,
    apps: ClaimantLimits,
    addresses: Limiter,
    registrations: Limiter,
    trials: Limiter,
    revocations: Limiter,
    unknown_revocations: Limiter,
    let_in: LetIn,
    last_failures: LastFailures,
}

struct ClaimantLimits {
    at_address: (Limit, Limiter),
    anywhere: (Limit, Limiter),
}

tokio::task_local! {
    static ADDRESS: ClientAddress;
}

/// Runs the handling of a request from `address`.
///
/// This is no argument of the handlers on purpose: an endpoint that forgot to pass it on would not be
/// throttled.
pub(in crate::issuer) fn with_address<F: Future>(
    address: ClientAddress,
    handling: F,
) -> impl Future<Output = F::Output> {
    ADDRESS.scope(address, handling)
}

/// Where the request comes from that is being handled; nothing outside of requests.
pub(in crate::issuer) fn address() -> Option<ClientAddress> {
    ADDRESS.try_with(|address| *address).ok()
}

impl Throttle {
    pub(in crate::issuer) fn new(settings: &ThrottleSettings, clock: Arc<dyn Clock>) -> Self {
        let elapsed = Elapsed::since_now(clock);
        let limiter = |bucket| Limiter::new(bucket, settings.max_entries, &elapsed);
        Self {
            hasher: RandomState::new(),
            accounts: ClaimantLimits {
                at_address: (
                    Limit::AccountAtAddress,
                    limiter(settings.account_at_address),
                ),
                anywhere: (Limit::Account, limiter(settings.account)),
            },
            apps: ClaimantLimits {
                at_address: (Limit::AppAtAddress, limiter(settings.app_at_address)),
                anywhere: (Limit::App, limiter(settings.app)),
            },
            addresses: limiter(settings.address),
            registrations: limiter(settings.registration),
            trials: limiter(settings.trial),
            revocations: limiter(REVOCATIONS),
            unknown_revocations: limiter(REVOCATIONS),
            let_in: LetIn::new(settings.max_entries),
            last_failures: LastFailures::new(settings.max_entries),
            elapsed,
        }
    }

    /// What this process knows of where the request comes from.
    pub(in crate::issuer) fn place(&self, claimant: Claimant<'_>) -> LoginOrigin {
        self.elapsed.update();
        let claimant = self.hasher.hash_one(claimant);
        let at_address = self.hasher.hash_one((claimant, address()));
        if self.let_in.lately(at_address, &self.elapsed) {
            LoginOrigin::Known
        } else {
            LoginOrigin::New
        }
    }

    /// Whether `claimant`, at a place that is known or new to it, may have `secret` checked now; of an
    /// app, whose secret was wrong, whether it is told so.
    pub(in crate::issuer) fn attempt(
        &self,
        claimant: Claimant<'_>,
        secret: &[u8],
        place: LoginOrigin,
    ) -> Result<Attempt<'_>, Throttled> {
        // Once for all limits of this attempt: between two readings of the clock one limit could
        // recover and another not.
        self.elapsed.update();
        let from = address();
        let (limits, address) = match claimant {
            Claimant::User(_) | Claimant::RecoveryCode(_) | Claimant::Nobody(_) => {
                (&self.accounts, Some(self.hasher.hash_one(from)))
            }
            Claimant::App(_) => (&self.apps, None),
        };
        let claimant = self.hasher.hash_one(claimant);
        let secret = self.hasher.hash_one(secret);
        let attempt = Attempt {
            throttle: self,
            limits,
            claimant,
            claimant_at_address: self.hasher.hash_one((claimant, from)),
            address,
            secret,
        };
        // Holds at known places too, so that nobody guesses without end there either.
        let (limit, limiter) = &limits.at_address;
        throttled(*limit, limiter.look(attempt.claimant_at_address))?;
        // What others can fill holds for strangers alone: see the module.
        if place == LoginOrigin::New {
            let (limit, limiter) = &limits.anywhere;
            throttled(*limit, limiter.look(claimant))?;
            if let Some(address) = address {
                throttled(Limit::Address, self.addresses.look(address))?;
            }
        }
        Ok(attempt)
    }

    /// A user was let in by something else than what is counted here; see [`Attempt::succeeded`].
    pub(in crate::issuer) fn succeeded(&self, user: Claimant<'_>) -> Noted {
        self.elapsed.update();
        let claimant = self.hasher.hash_one(user);
        let at_address = self.hasher.hash_one((claimant, address()));
        let (_, limiter) = &self.accounts.at_address;
        limiter.forgive(at_address);
        self.let_in.note(at_address, &self.elapsed)
    }

    /// Whether one more user may be registered from where the request comes from.
    pub(in crate::issuer) fn registration(&self) -> Result<(), Throttled> {
        self.elapsed.update();
        let address = self.hasher.hash_one(address());
        throttled(Limit::Registration, self.registrations.take(address))
    }

    /// Whether one more request of the portal may be sent for this user.
    pub(in crate::issuer) fn trial(&self, user: &UserId) -> Result<(), Throttled> {
        self.elapsed.update();
        let user = self.hasher.hash_one(user);
        throttled(Limit::Trial, self.trials.take(user))
    }

    /// Whether this user may once more change the directory, or revoke tokens of others.
    pub(in crate::issuer) fn revocation(&self, user: &UserId) -> Result<(), Throttled> {
        self.elapsed.update();
        let user = self.hasher.hash_one(user);
        throttled(Limit::Revocation, self.revocations.take(user))
    }

    /// Whether this user may once more revoke an id that the store does not know.
    pub(in crate::issuer) fn unknown_revocation(&self, user: &UserId) -> Result<(), Throttled> {
        self.elapsed.update();
        let user = self.hasher.hash_one(user);
        throttled(
            Limit::UnknownRevocation,
            self.unknown_revocations.take(user),
        )
    }
}

impl Attempt<'_> {
    /// The password was right. Returns whether it is worth remembering beyond this process.
    pub(in crate::issuer) fn succeeded(self) -> Noted {
        let throttle = self.throttle;
        // Not those that others fill: with an account of its own, an attacker would forgive itself whatever
        // it tries at its address in other names.
        let (_, limiter) = &self.limits.at_address;
        limiter.forgive(self.claimant_at_address);
        let let_in = &throttle.let_in;
        let_in.note(self.claimant_at_address, &throttle.elapsed)
    }

    /// The secret was wrong, or there is nobody of that name.
    pub(in crate::issuer) fn failed(self) {
        let throttle = self.throttle;
        // Libraries that do not know how to authenticate try twice: by Basic and in the body.
        if throttle
            .last_failures
            .is_repetition(self.claimant_at_address, self.secret)
        {
            return;
        }
        let (_, limiter) = &self.limits.at_address;
        limiter.charge(self.claimant_at_address);
        // Charged at known places as well, where this limit does not hold: it is for the strangers who
        // try the account next.
        let (_, limiter) = &self.limits.anywhere;
        limiter.charge(self.claimant);
        if let Some(address) = self.address {
            throttle.addresses.charge(address);
        }
    }
}

fn throttled(limit: Limit, looked: Result<(), Duration>) -> Result<(), Throttled> {
    looked.map_err(|wait| Throttled {
        limit,
        retry_after_seconds: (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1),
    })
}

#[cfg(test)]
mod tests;
