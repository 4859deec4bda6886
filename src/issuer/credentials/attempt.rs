//! An attempt to prove who somebody is: throttled, counted and logged, whatever endpoint it is for.

use std::future::Future;

use super::throttle::{self, Claimant, Limit, Place, Throttled};
use crate::identity::{User, UserId};
use crate::issuer::Issuer;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::metrics::AttemptOutcome;

impl Issuer {
    /// Has `check` find out whether a user knows its password, unless it must wait.
    pub(in crate::issuer) async fn attempt<T>(
        &self,
        claimant: Claimant<'_>,
        secret: &[u8],
        check: impl AsyncFnOnce(Place) -> Result<T, EndpointError>,
    ) -> Result<T, EndpointError> {
        let place = self.place(claimant).await?;
        let attempt = match self.throttle.attempt(claimant, secret, place) {
            Ok(attempt) => attempt,
            Err(throttled) => return Err(self.hold_up_attempt(claimant, throttled)),
        };
        let checked = check(place).await;
        let outcome = match &checked {
            Ok(_) => {
                let noted = attempt.succeeded();
                self.note_place(claimant, noted).await;
                AttemptOutcome::Succeeded
            }
            Err(EndpointError::BadLogin) => {
                attempt.failed();
                AttemptOutcome::Failed
            }
            Err(_) => AttemptOutcome::Unsettled,
        };
        self.end_attempt(claimant, outcome, None);
        checked
    }

    /// Has `check` find out whether a request comes from the app with this key. Only what fails is
    /// held up: what has 256 random bits is not guessed, so a limit that is looked at before the
    /// check would protect nothing, and would let strangers keep the app out.
    pub(in crate::issuer) async fn attempt_as_app<T>(
        &self,
        key: &str,
        secret: &[u8],
        check: impl Future<Output = Result<T, EndpointError>>,
    ) -> Result<T, EndpointError> {
        let claimant = Claimant::App(key);
        let checked = check.await;
        let outcome = match &checked {
            Ok(_) => AttemptOutcome::Succeeded,
            Err(EndpointError::BadClient) => {
                match self.throttle.attempt(claimant, secret, Place::New) {
                    Ok(attempt) => {
                        attempt.failed();
                        AttemptOutcome::Failed
                    }
                    Err(throttled) => return Err(self.hold_up_attempt(claimant, throttled)),
                }
            }
            Err(_) => AttemptOutcome::Unsettled,
        };
        self.end_attempt(claimant, outcome, None);
        checked
    }

    /// Counts one more registration, or question for a free address, from where the request comes
    /// from.
    pub(in crate::issuer) fn admit_registration(&self) -> Result<(), EndpointError> {
        let admitted = self.throttle.registration();
        admitted.map_err(|throttled| {
            tracing::info!(
                target: "portcullis::audit",
                outcome = AttemptOutcome::Throttled.name(),
                throttle.limit = throttled.limit.label(),
                client.address = throttle::address().map(tracing::field::display),
                "registration refused"
            );
            self.hold_up(throttled)
        })
    }

    fn hold_up_attempt(&self, claimant: Claimant<'_>, throttled: Throttled) -> EndpointError {
        let limit = Some(throttled.limit);
        self.end_attempt(claimant, AttemptOutcome::Throttled, limit);
        self.hold_up(throttled)
    }

    fn hold_up(&self, throttled: Throttled) -> EndpointError {
        let Throttled {
            limit,
            retry_after_seconds,
        } = throttled;
        self.metrics.throttled(limit);
        EndpointError::Throttled {
            retry_after_seconds,
        }
    }

    fn end_attempt(&self, claimant: Claimant<'_>, outcome: AttemptOutcome, limit: Option<Limit>) {
        self.metrics.attempt(claimant, outcome);
        // Each token of an app would be a line; logins are told where the user is known.
        if outcome == AttemptOutcome::Succeeded {
            return;
        }
        // Never the name itself: people type passwords where names belong.
        let (kind, name) = match claimant {
            Claimant::User(user) => ("account", user.as_str()),
            Claimant::Nobody(name) => ("account", name),
            Claimant::App(key) => ("app", key),
        };
        tracing::info!(
            target: "portcullis::audit",
            outcome = outcome.name(),
            throttle.limit = limit.map(Limit::label),
            claimant.kind = kind,
            claimant.digest = self.names.digest(&self.settings.url, name),
            client.address = throttle::address().map(tracing::field::display),
            "credentials refused"
        );
    }

    /// What the log calls a user.
    pub(in crate::issuer) fn log_name(&self, user: &UserId) -> String {
        self.names.name(&self.settings.url, user.as_str())
    }

    /// Tells the log of something that a user did with its own credentials.
    pub(in crate::issuer) fn log_user(&self, user: &User, action: &'static str) {
        tracing::info!(
            target: "portcullis::audit",
            action,
            user.id = self.log_name(&user.id),
            "done by a user"
        );
    }
}
