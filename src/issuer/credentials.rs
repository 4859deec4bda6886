//! Whether somebody is who they say they are: passwords of users and secrets of apps, and how often they may be
//! guessed.

mod attempt;
mod client;
mod metrics;
mod password;
mod places;
mod refused_app;
mod second_factor;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::time::timeout;

use super::IssuerSettings;
use super::audit::AuditLog;
use super::hashing::PasswordHasher;
use super::sign_ins::SignIns;
use super::throttle::Throttle;
use crate::clock::Clock;
use crate::identity::{EarlierLogIn, SignIn, SignInMethod, SignInOutcome, UserId};
use crate::store::{KEPT_OF_OUTCOME, Store, StoreError};

pub(super) use attempt::Attempts;
pub(super) use client::Party;
pub(super) use metrics::RegistrationOutcome;
pub(super) use password::FirstStep;
pub(super) use places::{PlaceKey, StoredPlaces};
pub(super) use second_factor::{AskedPasskey, PresentedPasskey, Proven, SecondFactors};

/// How long a log-in waits for what is known of the one before.
const EARLIER_PATIENCE: Duration = Duration::from_millis(500);

/// What checks the credentials of everybody who comes to one issuer.
pub(super) struct Credentials {
    store: Store,
    hasher: PasswordHasher,
    attempts: Attempts<StoredPlaces>,
    audit: AuditLog,
    sign_ins: Arc<SignIns>,
    second_factors: SecondFactors,
    users_at_token_endpoint: UsersAtTokenEndpoint,
    clock: Arc<dyn Clock>,
}

/// What a user's name and password are at the token endpoint, where those of an app belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UsersAtTokenEndpoint {
    Accepted,
    Refused,
}

impl Credentials {
    /// Starts the threads that hash; no limit is reached yet.
    pub(super) fn start(
        settings: &IssuerSettings,
        store: Store,
        place_key: PlaceKey,
        audit: AuditLog,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let throttle = Throttle::new(&settings.throttle, Arc::clone(&clock));
        let sign_ins = Arc::new(SignIns::new(Arc::clone(&clock)));
        let places = StoredPlaces::new(store.clone(), place_key, Arc::clone(&clock));
        let required = settings.passkeys.required_for;
        Ok(Self {
            second_factors: SecondFactors::new(store.clone(), required),
            store,
            hasher: PasswordHasher::start(settings.hashing)?,
            attempts: Attempts::new(throttle, places, audit.clone(), Arc::clone(&sign_ins)),
            audit,
            sign_ins,
            users_at_token_endpoint: if settings.user_credentials_at_token_endpoint {
                UsersAtTokenEndpoint::Accepted
            } else {
                UsersAtTokenEndpoint::Refused
            },
            clock,
        })
    }

    pub(super) fn register_metrics(&self, registry: &mut Registry) {
        self.attempts.register_metrics(registry);
        self.hasher.register_metrics(registry);
        self.sign_ins.register_metrics(registry);
    }

    /// Of whom more than a password is asked.
    pub(super) fn second_factors(&self) -> &SecondFactors {
        &self.second_factors
    }

    pub(super) fn hasher(&self) -> &PasswordHasher {
        &self.hasher
    }

    /// What is remembered of log-ins.
    pub(super) fn sign_ins(&self) -> &Arc<SignIns> {
        &self.sign_ins
    }

    /// The log-ins of a user, and the attempts to log in as it, the latest first.
    pub(super) async fn sign_ins_of(&self, user: &UserId) -> Result<Vec<SignIn>, StoreError> {
        self.sign_ins.of(user, &self.store, self.clock.now()).await
    }

    /// What was known of a user before the log-in that is under way. It is asked for before that is noted, and holds
    /// nobody up: without an answer of the store nothing is said.
    async fn earlier_log_in(&self, user: &UserId) -> Option<EarlierLogIn> {
        match timeout(EARLIER_PATIENCE, self.sign_ins_of(user)).await {
            Ok(Ok(known)) => EarlierLogIn::among(&known, KEPT_OF_OUTCOME),
            Ok(Err(error)) => {
                tracing::warn!(%error, "what was known of log-ins could not be read; a log-in goes on without it");
                None
            }
            Err(_) => {
                tracing::warn!(
                    "what was known of log-ins was not read in time; a log-in goes on without it"
                );
                None
            }
        }
    }

    /// Remembers that a user has set its password by a link.
    pub(super) fn note_link(&self, user: &UserId) {
        let outcome = SignInOutcome::Succeeded;
        self.sign_ins.note(user, outcome, SignInMethod::Link);
    }

    /// Remembers that somebody has signed up, and is logged in with the password that it has chosen.
    pub(super) fn note_sign_up(&self, user: &UserId) {
        let outcome = SignInOutcome::Succeeded;
        self.sign_ins.note(user, outcome, SignInMethod::Password);
    }

    pub(super) fn attempts(&self) -> &Attempts<StoredPlaces> {
        &self.attempts
    }
}
