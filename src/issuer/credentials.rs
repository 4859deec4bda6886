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

use prometheus_client::registry::Registry;

use super::IssuerSettings;
use super::audit::AuditLog;
use super::hashing::PasswordHasher;
use super::throttle::Throttle;
use crate::clock::Clock;
use crate::store::Store;

pub(super) use attempt::Attempts;
pub(super) use client::Party;
pub(super) use metrics::RegistrationOutcome;
pub(super) use places::{PlaceKey, StoredPlaces};
pub(super) use second_factor::{AskedPasskey, PresentedPasskey, SecondFactors};

/// What checks the credentials of everybody who comes to one issuer.
pub(super) struct Credentials {
    store: Store,
    hasher: PasswordHasher,
    attempts: Attempts<StoredPlaces>,
    audit: AuditLog,
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
        let places = StoredPlaces::new(store.clone(), place_key, Arc::clone(&clock));
        let required = settings.passkeys.required_for;
        Ok(Self {
            second_factors: SecondFactors::new(store.clone(), required),
            store,
            hasher: PasswordHasher::start(settings.hashing)?,
            attempts: Attempts::new(throttle, places, audit.clone()),
            audit,
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
    }

    pub(super) fn hasher(&self) -> &PasswordHasher {
        &self.hasher
    }

    pub(super) fn attempts(&self) -> &Attempts<StoredPlaces> {
        &self.attempts
    }
}
