//! Whether somebody is a user, by name or e-mail address and password.

use super::Credentials;
use crate::identity::{Password, User, UserId};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::hashing::{HashingFor, Verdict};
use crate::issuer::throttle::{Claimant, LoginOrigin};
use crate::store::{Credentials as StoredCredentials, LoginName};

impl Credentials {
    /// The active user with this name or address and password. Unknown, disabled and wrong look
    /// alike and take as long.
    pub(in crate::issuer) async fn user_with_password(
        &self,
        name: &str,
        password: String,
    ) -> Result<User, EndpointError> {
        let secret = password.clone();
        // Looked up first: guesses are counted by the user, whichever of its names they come by.
        let credentials = match LoginName::parse(name) {
            Some(name) => self.store.credentials(&name).await?,
            None => None,
        };
        let user = credentials.as_ref().map(|found| found.user.id.clone());
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
        let user = attempts.by_user(claimant, secret.as_bytes(), check).await?;
        self.audit.done_by(&user, "logged in");
        Ok(user)
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
        let verdict = self.hasher.verify(password, hash, whom).await?;
        let credentials = credentials.ok_or(EndpointError::BadLogin)?;
        if verdict == Verdict::Wrong || !credentials.user.is_active() {
            return Err(EndpointError::BadLogin);
        }
        if let (Verdict::RightButOutdated, Ok(password)) = (verdict, again) {
            let hash = self.hasher.hash(password, whom).await?;
            let (user, earlier) = (&credentials.user.id, &credentials.password_hash);
            self.store
                .replace_password_hash(user, earlier, &hash)
                .await?;
        }
        Ok(credentials.user)
    }
}
