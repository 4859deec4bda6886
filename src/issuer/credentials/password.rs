//! Whether somebody is a user, by name or e-mail address and password.

use super::Credentials;
use crate::identity::{Password, SecondFactor, User, UserId};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::hashing::{HashingFor, Verdict};
use crate::issuer::throttle::{Claimant, LoginOrigin};
use crate::store::{Credentials as StoredCredentials, LoginName};

impl Credentials {
    /// The active user with this name or address and password, of whom nothing else is asked: for
    /// callers that could not give it.
    pub(in crate::issuer) async fn user_with_password_alone(
        &self,
        name: &str,
        password: String,
    ) -> Result<User, EndpointError> {
        let user = self.password_of(name, password).await?;
        // Only now: who does not know the password is not told of whom more is asked.
        self.second_factors.refuse(&user).await?;
        self.audit.done_by(&user, "logged in");
        Ok(user)
    }

    /// The active user with this name or address and password, and what must follow before it is
    /// logged in.
    pub(in crate::issuer) async fn first_step(
        &self,
        name: &str,
        password: String,
    ) -> Result<(User, SecondFactor), EndpointError> {
        let user = self.password_of(name, password).await?;
        let next = self.second_factors.of(&user).await?;
        let done = match next {
            SecondFactor::None => "logged in",
            SecondFactor::Asked | SecondFactor::ToBeMade => "gave the password",
        };
        self.audit.done_by(&user, done);
        Ok((user, next))
    }

    /// Whether somebody who is logged in already knows its password.
    pub(in crate::issuer) async fn password_again(
        &self,
        user: &User,
        password: String,
    ) -> Result<User, EndpointError> {
        let user = self.password_of(user.username.as_str(), password).await?;
        self.audit.done_by(&user, "logged in");
        Ok(user)
    }

    /// The active user with this name or address and password. Unknown, disabled and wrong look
    /// alike and take as long.
    async fn password_of(&self, name: &str, password: String) -> Result<User, EndpointError> {
        let secret = password.clone();
        // Looked up first: guesses are counted by the user, whichever of its names they come by.
        let credentials = match LoginName::parse(name) {
            Some(name) => self.store.credentials(&name).await?,
            None => None,
        };
        let user = credentials.as_ref().map(|found| found.user.id.clone());
        // Names that nobody has are counted as well, or the limit would tell which exist.
        let folded = name.to_lowercase();
        let claimant = match &user {
            Some(user) => Claimant::User(user),
            None => Claimant::Nobody(&folded),
        };
        let account = user.as_ref().map_or(folded.as_str(), UserId::as_str);
        let check = async |place: LoginOrigin| {
            let whom = HashingFor { account, place };
            self.check_password(credentials, whom, password).await
        };
        let attempts = &self.attempts;
        attempts.by_user(claimant, secret.as_bytes(), check).await
    }

    async fn check_password(
        &self,
        credentials: Option<StoredCredentials>,
        whom: HashingFor<'_>,
        password: String,
    ) -> Result<User, EndpointError> {
        let password = Password::attempt(password).map_err(|_| EndpointError::BadLogin)?;
        let again = Password::attempt(String::from_utf8_lossy(password.as_bytes()).into_owned());
        let hash = credentials.as_ref().map(|found| &*found.password_hash);
        // Also where there is no such user: without a hash the hasher works on one that nothing
        // matches, so that the time does not say who exists.
        let verdict = self.hasher.verify(password, hash, whom).await?;
        let credentials = credentials.ok_or(EndpointError::BadLogin)?;
        // Whether the user is disabled counts after the hash, for the same reason.
        if verdict == Verdict::Wrong || !credentials.user.is_active() {
            return Err(EndpointError::BadLogin);
        }
        if let (Verdict::RightButOutdated, Ok(password)) = (verdict, again) {
            let hash = self.hasher.hash(password, whom).await?;
            let (user, earlier) = (&credentials.user.id, &credentials.password_hash);
            // Only in place of the hash that was checked: a new password that somebody sets meanwhile
            // must not be undone.
            self.store
                .replace_password_hash(user, earlier, &hash)
                .await?;
        }
        Ok(credentials.user)
    }
}
