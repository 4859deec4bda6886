//! An attempt to prove who somebody is: throttled, counted and logged, whatever endpoint it is for.

use std::future::Future;
use std::sync::Arc;

use prometheus_client::registry::Registry;

use super::metrics::{AttemptMetrics, AttemptOutcome, Checked, RegistrationOutcome};
use super::refused_app::{RefusedApp, RefusedProof, UserFault};
use crate::identity::{SignInOutcome, UserId};
use crate::issuer::audit::AuditLog;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::sign_ins::SignIns;
use crate::issuer::throttle::{
    self, Attempt, Claimant, ClientAddress, Limit, LoginOrigin, Noted, Throttle, Throttled,
};
use crate::labels::Label;
use crate::store::StoreError;

/// The attempts of everybody at one issuer.
pub(in crate::issuer) struct Attempts<P> {
    throttle: Throttle,
    places: P,
    audit: AuditLog,
    sign_ins: Arc<SignIns>,
    metrics: AttemptMetrics,
}

/// From where users have logged in lately, as it is remembered beyond this process.
pub(in crate::issuer) trait Places {
    /// Whether the claimant is a user who has logged in from there. Takes as long for names that nobody
    /// has.
    async fn know(&self, claimant: Claimant<'_>, from: ClientAddress) -> Result<bool, StoreError>;

    /// Remembers that a user has. A login holds without it as well.
    async fn note(&self, user: &UserId, from: ClientAddress);
}

/// Who says what it is, and how that is checked.
#[derive(Clone, Copy)]
struct Who<'a> {
    checked_by: Checked,
    claimant: Claimant<'a>,
    /// The app, where there is one with this key.
    app: Option<&'a RefusedApp>,
    /// What is wrong with the user, where it has proven who it is.
    user: Option<UserFault>,
}

impl<P: Places> Attempts<P> {
    pub(super) fn new(
        throttle: Throttle,
        places: P,
        audit: AuditLog,
        sign_ins: Arc<SignIns>,
    ) -> Self {
        Self {
            throttle,
            places,
            audit,
            sign_ins,
            metrics: AttemptMetrics::new(),
        }
    }

    pub(super) fn register_metrics(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// Has `check` find out whether a user knows its password, unless it must wait.
    pub(in crate::issuer) async fn by_user<T>(
        &self,
        claimant: Claimant<'_>,
        secret: &[u8],
        check: impl AsyncFnOnce(LoginOrigin) -> Result<T, EndpointError>,
    ) -> Result<T, EndpointError> {
        self.by_step(claimant, secret, check, |_| true).await
    }

    /// The same, where more may follow. Unless `is_all`, nothing is forgiven yet, and the place is not known:
    /// whoever has a password alone would forgive itself what it guesses next.
    pub(super) async fn by_step<T, E: Into<RefusedProof>>(
        &self,
        claimant: Claimant<'_>,
        secret: &[u8],
        check: impl AsyncFnOnce(LoginOrigin) -> Result<T, E>,
        is_all: impl FnOnce(&T) -> bool,
    ) -> Result<T, EndpointError> {
        let place = self.place(claimant).await?;
        let checked_by = Checked::typed(claimant);
        // Looked at before the check and charged after it: right passwords cost nothing, and what is
        // under way at the same time goes into debt.
        let mut who = Who {
            checked_by,
            claimant,
            app: None,
            user: None,
        };
        let attempt = self.admit(who, secret, place)?;
        let checked: Result<T, RefusedProof> = check(place).await.map_err(Into::into);
        who.user = checked.as_ref().err().and_then(|refused| refused.user);
        let checked = checked.map_err(|refused| refused.error);
        let outcome = match &checked {
            Ok(proven) => {
                if is_all(proven) {
                    let noted = attempt.succeeded();
                    self.note_place(claimant, noted).await;
                }
                AttemptOutcome::Succeeded
            }
            Err(EndpointError::BadLogin) => {
                attempt.failed();
                AttemptOutcome::Failed
            }
            Err(_) => AttemptOutcome::Unsettled,
        };
        self.end(who, outcome, None);
        checked
    }

    /// A user has logged in by what followed its password, or without it.
    pub(super) async fn complete(&self, user: &UserId) {
        let claimant = Claimant::User(user);
        let noted = self.throttle.succeeded(claimant);
        self.note_place(claimant, noted).await;
    }

    /// Has `check` find out whether a request comes from the app with this key.
    pub(in crate::issuer) async fn by_app<T, E: Into<RefusedProof>>(
        &self,
        key: &str,
        secret: &[u8],
        check: impl Future<Output = Result<T, E>>,
    ) -> Result<T, EndpointError> {
        let claimant = Claimant::App(key);
        self.by_proof(Checked::AppSecret, claimant, secret, check)
            .await
    }

    /// Has `check` find out whether a passkey answers for a user.
    pub(super) async fn by_passkey<T, E: Into<RefusedProof>>(
        &self,
        claimant: Claimant<'_>,
        signature: &[u8],
        check: impl Future<Output = Result<T, E>>,
    ) -> Result<T, EndpointError> {
        self.by_proof(Checked::Passkey, claimant, signature, check)
            .await
    }

    /// Has `check` find out whether somebody has what cannot be guessed. Only what fails is held up: a limit
    /// that is looked at before the check would protect nothing, and would let strangers keep the app or the
    /// user out.
    async fn by_proof<T, E: Into<RefusedProof>>(
        &self,
        checked_by: Checked,
        claimant: Claimant<'_>,
        proof: &[u8],
        check: impl Future<Output = Result<T, E>>,
    ) -> Result<T, EndpointError> {
        let checked: Result<T, RefusedProof> = check.await.map_err(Into::into);
        let refused = checked.as_ref().err();
        let who = Who {
            checked_by,
            claimant,
            app: refused.and_then(|refused| refused.app.as_ref()),
            user: refused.and_then(|refused| refused.user),
        };
        let outcome = match refused.map(|refused| &refused.error) {
            None => AttemptOutcome::Succeeded,
            Some(EndpointError::BadClient | EndpointError::BadLogin) => {
                let attempt = self.admit(who, proof, LoginOrigin::New)?;
                attempt.failed();
                AttemptOutcome::Failed
            }
            Some(_) => AttemptOutcome::Unsettled,
        };
        self.end(who, outcome, None);
        checked.map_err(|refused| refused.error)
    }

    /// Counts a passkey that somebody has made.
    pub(super) fn count_registration(&self, outcome: RegistrationOutcome) {
        self.metrics.registration(outcome);
    }

    /// Counts one more registration, or question for a free address, from where the request comes
    /// from.
    pub(in crate::issuer) fn admit_registration(&self) -> Result<(), EndpointError> {
        let admitted = self.throttle.registration();
        admitted.map_err(|throttled| {
            tracing::info!(
                target: "portcullis::audit",
                outcome = AttemptOutcome::Throttled.label(),
                throttle.limit = throttled.limit.label(),
                client.address = throttle::address().map(tracing::field::display),
                "registration refused"
            );
            self.hold_up(throttled)
        })
    }

    /// Counts one more request that the portal sends for a user.
    pub(in crate::issuer) fn admit_trial(&self, user: &UserId) -> Result<(), EndpointError> {
        let admitted = self.throttle.trial(user);
        admitted.map_err(|throttled| self.hold_up(throttled))
    }

    /// Counts one more request of a user that may change the directory, or end the tokens of others.
    pub(in crate::issuer) fn admit_change(&self, user: &UserId) -> Result<(), EndpointError> {
        let admitted = self.throttle.revocation(user);
        admitted.map_err(|throttled| self.hold_up(throttled))
    }

    /// The same of what the store does not know.
    pub(in crate::issuer) fn admit_unknown_revocation(
        &self,
        user: &UserId,
    ) -> Result<(), EndpointError> {
        let admitted = self.throttle.unknown_revocation(user);
        admitted.map_err(|throttled| self.hold_up(throttled))
    }

    /// What is known of where the request comes from: by this process or, from before its start or by
    /// another issuer, by the store.
    async fn place(&self, claimant: Claimant<'_>) -> Result<LoginOrigin, StoreError> {
        let place = self.throttle.place(claimant);
        let (LoginOrigin::New, Some(address)) = (place, throttle::address()) else {
            return Ok(place);
        };
        let known = self.places.know(claimant, address).await?;
        Ok(if known {
            LoginOrigin::Known
        } else {
            LoginOrigin::New
        })
    }

    /// The same user and address is stored once an hour at most.
    async fn note_place(&self, claimant: Claimant<'_>, noted: Noted) {
        if let (Claimant::User(user), Noted::Now, Some(address)) =
            (claimant, noted, throttle::address())
        {
            self.places.note(user, address).await;
        }
    }

    fn admit(
        &self,
        who: Who<'_>,
        secret: &[u8],
        place: LoginOrigin,
    ) -> Result<Attempt<'_>, EndpointError> {
        let admitted = self.throttle.attempt(who.claimant, secret, place);
        admitted.map_err(|throttled| {
            let limit = Some(throttled.limit);
            self.end(who, AttemptOutcome::Throttled, limit);
            self.hold_up(throttled)
        })
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

    fn end(&self, who: Who<'_>, outcome: AttemptOutcome, limit: Option<Limit>) {
        self.metrics.attempt(who.checked_by, outcome);
        // Each token of an app would be a line; logins are told where the user is known.
        if outcome == AttemptOutcome::Succeeded {
            return;
        }
        if let Claimant::User(user) | Claimant::RecoveryCode(user) = who.claimant
            && let Some(method) = who.checked_by.method()
            && outcome != AttemptOutcome::Unsettled
        {
            self.sign_ins.note(user, SignInOutcome::Failed, method);
        }
        // Never the name itself: people type passwords where names belong. The key of an app that exists is none.
        let (kind, name) = match who.claimant {
            Claimant::User(user) | Claimant::RecoveryCode(user) => ("account", user.as_str()),
            Claimant::Nobody(name) => ("account", name),
            Claimant::App(key) => ("app", key),
        };
        let of_app = who.app.map(|app| app.fault.label());
        tracing::info!(
            target: "portcullis::audit",
            outcome = outcome.label(),
            throttle.limit = limit.map(Limit::label),
            claimant.kind = kind,
            claimant.digest = self.audit.digest(name),
            credential = who.checked_by.label(),
            app.key = who.app.map(|app| app.key.as_str()),
            cause = of_app.or(who.user.map(Label::label)),
            client.address = throttle::address().map(tracing::field::display),
            "credentials refused"
        );
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod simulation;
