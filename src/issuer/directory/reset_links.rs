//! Links for a forgotten password: an operator makes one, and whoever opens it sets a password, once.

use super::audit::Object;
use super::users::username;
use super::{Directory, DirectoryError, FreshDirectory, NewUser, Thing};
use crate::clock::UnixSeconds;
use crate::identity::{PlainSecret, SecretDigest, User};
use crate::issuer::random;
use crate::store::Holding;

/// A link, which is a secret.
pub struct ResetLink {
    pub link: String,
    /// Until when it works.
    pub expires_at: UnixSeconds,
}

/// The address of the page for a secret that [`FreshDirectory::make_reset_link`] made.
pub(super) fn link(issuer: &str, secret: &PlainSecret) -> String {
    format!("{issuer}/portal/reset?code={}", secret.reveal())
}

/// How long a link can be used: an hour.
pub(super) const RESET_LINK_SECONDS: i64 = 3600;

impl FreshDirectory<'_> {
    /// A secret that sets the password of a user once; an earlier one ends.
    pub(super) async fn make_reset_link(&self, name: &str) -> Result<PlainSecret, DirectoryError> {
        let secret = PlainSecret::from_random(random()?);
        let mut change = self.change().await?;
        let user = change.user_named(&username(name)?).await?;
        let user = user.ok_or(DirectoryError::NotFound(Thing::User))?;
        self.authority.may_pass_on(&user.scopes)?;
        let expires_at = self.now.plus(RESET_LINK_SECONDS);
        change
            .set_reset_link(&user.id, &secret.digest(), expires_at)
            .await?;
        let object = Object::User(&user.id);
        self.commit(change, object, "link for a password made", &[])
            .await?;
        Ok(secret)
    }

    /// Adds a user with a password that nobody knows, and a link by which it sets its own.
    pub(in crate::issuer) async fn add_user_with_link(
        &self,
        username: String,
        email: String,
    ) -> Result<(User, String), DirectoryError> {
        let password = PlainSecret::from_random(random()?).reveal().to_owned();
        let wanted = NewUser {
            username,
            email,
            password,
            roles: None,
        };
        let user = self.add_user(wanted).await?;
        let secret = self.make_reset_link(user.username.as_str()).await?;
        Ok((user, link(self.naming.issuer, &secret)))
    }

    /// Ends the password of a user with all its tokens, and makes a link by which it sets another one. Not for the
    /// caller itself, whose session would end before it saw the link.
    pub(in crate::issuer) async fn replace_password_by_link(
        &self,
        name: &str,
    ) -> Result<String, DirectoryError> {
        let password = PlainSecret::from_random(random()?).reveal().to_owned();
        // First: it ends the links of the user.
        self.set_password(name, password).await?;
        let secret = self.make_reset_link(name).await?;
        Ok(link(self.naming.issuer, &secret))
    }
}

impl Directory<'_> {
    /// Sets the password of the user whose link this is, which is used up with it; all its tokens end.
    pub(in crate::issuer) async fn reset_password(
        &self,
        link: &SecretDigest,
        password: String,
    ) -> Result<(), DirectoryError> {
        let unknown = || DirectoryError::NotFound(Thing::ResetLink);
        let user = self.store.reset_link(link, self.now).await?;
        let user = self.store.user(&user.ok_or_else(unknown)?).await?;
        let user = user.filter(User::is_active).ok_or_else(unknown)?;
        let hash = self.hash(&user, password).await?;
        let mut change = self.change().await?;
        // Before its link, as where all that it has is revoked, and the link with it.
        change.hold_with_apps(&user.id, Holding::ToChange).await?;
        // Whoever was faster has used it up while the password was hashed.
        if !change.use_reset_link(&user.id, link).await? {
            return Err(unknown());
        }
        change.set_password_hash(&user.id, &hash).await?;
        self.commit_of(change, &user, "password replaced by a link")
            .await
    }
}
