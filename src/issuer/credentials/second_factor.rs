//! What follows the password of a user, and logging in by passkeys and recovery codes.

use super::Credentials;
use super::metrics::RegistrationOutcome;
use super::refused_app::RefusedProof;
use crate::clock::UnixSeconds;
use crate::identity::{
    Assertion, Challenge, CredentialId, EarlierLogIn, PasskeyError, RelyingParty, RequiredFor,
    SecondFactor, SecretDigest, SignInMethod, SignInOutcome, User, UserId, Verification,
};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::throttle::Claimant;
use crate::store::{AnsweredChallenge, PasskeyNoted, Store, StoreError, StoredPasskey};

/// Of whom more than a password is asked, by the rows of a store.
#[derive(Clone)]
pub(in crate::issuer) struct SecondFactors {
    store: Store,
    required: RequiredFor,
}

/// What a browser sends that has used a passkey.
pub(in crate::issuer) struct PresentedPasskey<'a> {
    pub(in crate::issuer) id: CredentialId,
    pub(in crate::issuer) assertion: Assertion<'a>,
    /// Whom the authenticator says it belongs to.
    pub(in crate::issuer) user_handle: Option<&'a str>,
}

/// What somebody has done by more than the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::issuer) enum Proven {
    LoginByPasskey,
    LoginByRecoveryCode,
    /// By a passkey, of somebody who is logged in.
    Again,
}

/// What was asked of the browser.
pub(in crate::issuer) struct AskedPasskey<'a> {
    pub(in crate::issuer) party: &'a RelyingParty,
    pub(in crate::issuer) challenge: Challenge,
    /// Until when it may be answered.
    pub(in crate::issuer) expires_at: UnixSeconds,
    /// Whose passkey it must be; none where the passkey says who it is.
    pub(in crate::issuer) user: Option<&'a UserId>,
    pub(in crate::issuer) verification: Verification,
}

impl SecondFactors {
    pub(in crate::issuer) fn new(store: Store, required: RequiredFor) -> Self {
        Self { store, required }
    }

    /// What follows the password of this user.
    pub(in crate::issuer) async fn of(&self, user: &User) -> Result<SecondFactor, StoreError> {
        // Read again: one that has come since the user was read counts.
        let passkeys = self.store.count_passkeys(&user.id).await?;
        let user = User {
            passkeys,
            ..user.clone()
        };
        Ok(SecondFactor::of(&user, self.required))
    }

    /// Says who has nothing to administer with because of the settings.
    pub(in crate::issuer) async fn warn(&self) -> Result<(), StoreError> {
        if self.required == RequiredFor::Nobody {
            return Ok(());
        }
        let missing = self.store.count_administrators_without_passkeys().await?;
        if missing > 0 {
            tracing::warn!(
                count = missing,
                "administrators have no passkey: neither they nor their apps have any `backend.*` scope until they \
                 have logged in at `/portal` and made one; `portcullis user list --format json` says who"
            );
        }
        Ok(())
    }

    /// Fails for a user of whom more than a password is asked, where there is no way to ask for it.
    pub(in crate::issuer) async fn check_not_needed(
        &self,
        user: &User,
    ) -> Result<(), EndpointError> {
        match self.of(user).await? {
            SecondFactor::None => Ok(()),
            SecondFactor::Asked => Err(EndpointError::SecondFactorNeeded),
            SecondFactor::ToBeMade => Err(EndpointError::PasskeyFirst),
        }
    }
}

impl Credentials {
    /// What follows the password of this user now.
    pub(in crate::issuer) async fn next_step(
        &self,
        user: &User,
    ) -> Result<SecondFactor, StoreError> {
        self.second_factors.of(user).await
    }

    /// Notes that a user has proved who it is by more than the password, and what for: its failures before are
    /// forgiven. Returns what is known of the log-in before, where this is one.
    pub(in crate::issuer) async fn complete_proof(
        &self,
        user: &User,
        proven: Proven,
    ) -> Option<EarlierLogIn> {
        self.attempts.complete(&user.id).await;
        let (done, method) = match proven {
            Proven::LoginByPasskey => ("logged in with a passkey", Some(SignInMethod::Passkey)),
            Proven::LoginByRecoveryCode => (
                "logged in with a recovery code",
                Some(SignInMethod::RecoveryCode),
            ),
            Proven::Again => ("confirmed with a passkey", None),
        };
        self.audit.done_by(user, done);
        let method = method?;
        let earlier = self.earlier_log_in(&user.id).await;
        let outcome = SignInOutcome::Succeeded;
        self.sign_ins.note(&user.id, outcome, method);
        earlier
    }

    /// The active user whose passkey answers a challenge, once. Unknown, another's and wrong look alike.
    pub(in crate::issuer) async fn user_with_passkey(
        &self,
        asked: &AskedPasskey<'_>,
        presented: &PresentedPasskey<'_>,
    ) -> Result<User, EndpointError> {
        let found = self.store.passkey(&presented.id).await?;
        let name = presented.id.to_text();
        let claimant = match (asked.user, &found) {
            (Some(user), _) => Claimant::User(user),
            (None, Some(found)) => Claimant::User(&found.user),
            (None, None) => Claimant::Nobody(&name),
        };
        let check = self.check_passkey(asked, presented, found.as_ref());
        let signature = presented.assertion.signature;
        self.attempts.by_passkey(claimant, signature, check).await
    }

    async fn check_passkey(
        &self,
        asked: &AskedPasskey<'_>,
        presented: &PresentedPasskey<'_>,
        found: Option<&StoredPasskey>,
    ) -> Result<User, RefusedProof> {
        let Some(passkey) = found else {
            return Err(EndpointError::BadLogin.into());
        };
        let whose = passkey.user.as_str();
        // Section 7.2, step 6: without a user that is known already the authenticator must say whose it is.
        let is_whose = match asked.user {
            Some(user) => *user == passkey.user,
            None => presented.user_handle.is_some(),
        };
        if !is_whose || presented.user_handle.is_some_and(|handle| handle != whose) {
            return Err(EndpointError::BadLogin.into());
        }
        let verified = presented.assertion.verify(
            asked.party,
            &asked.challenge,
            asked.verification,
            &passkey.state,
        );
        let change = verified.map_err(|error| self.refused(passkey, error))?;
        let user = self.store.user(&passkey.user).await?;
        let user = user.ok_or(EndpointError::BadLogin)?;
        if !user.is_active() {
            return Err(RefusedProof::of_disabled());
        }
        let challenge = AnsweredChallenge {
            digest: SecretDigest::of(&asked.challenge.0),
            expires_at: asked.expires_at,
        };
        let now = self.clock.now();
        let noted = self
            .store
            .note_passkey_use(passkey, change, &challenge, now);
        match noted.await? {
            PasskeyNoted::Yes => Ok(user),
            PasskeyNoted::Replayed | PasskeyNoted::Changed => Err(EndpointError::BadLogin.into()),
        }
    }

    /// Counts a passkey that somebody has made.
    pub(in crate::issuer) fn count_registration(&self, outcome: RegistrationOutcome) {
        self.attempts.count_registration(outcome);
    }

    /// Of a copy somebody should know.
    fn refused(&self, passkey: &StoredPasskey, error: PasskeyError) -> EndpointError {
        tracing::info!(
            target: "portcullis::audit",
            action = "refused",
            reason = %error,
            user.id = self.audit.user(&passkey.user),
            "a passkey was refused"
        );
        EndpointError::BadLogin
    }

    /// The active user with this id, if this is one of its recovery codes, which `take` uses up. Codes can
    /// be guessed as passwords can, and count by themselves: the right password forgives none.
    pub(in crate::issuer) async fn user_with_recovery_code(
        &self,
        id: &UserId,
        code: &str,
        take: impl AsyncFnOnce(&User) -> Result<bool, EndpointError>,
    ) -> Result<User, EndpointError> {
        let check = async |_| {
            let user = self.store.user(id).await?.filter(User::is_active);
            let user = user.ok_or(EndpointError::BadLogin)?;
            if take(&user).await? {
                Ok(user)
            } else {
                Err(EndpointError::BadLogin)
            }
        };
        let claimant = Claimant::RecoveryCode(id);
        self.attempts
            .by_user(claimant, code.as_bytes(), check)
            .await
    }
}
