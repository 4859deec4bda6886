//! Links for a forgotten password: an operator makes one, and whoever opens it sets a password, once.

use super::audit::Object;
use super::users::username;
use super::{Directory, DirectoryError, FreshDirectory, Named, NewUser, Thing};
use crate::clock::UnixSeconds;
use crate::identity::{PlainSecret, SecretDigest, User, UserId};
use crate::issuer::random;
use crate::store::{Change, Holding};

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

/// What the audit log says of a link that is made together with something else.
const WITH_LINK: &str = "with a link for the password";

impl FreshDirectory<'_> {
    /// A secret that sets the password of a user once; an earlier one ends.
    pub(super) async fn make_reset_link(&self, name: &str) -> Result<PlainSecret, DirectoryError> {
        let mut change = self.change().await?;
        let user = change.user_named(&username(name)?).await?;
        let user = user.ok_or(DirectoryError::NotFound(Thing::User))?;
        self.authority.may_pass_on(&user.scopes)?;
        let secret = self.link_within(&mut change, &user)?;
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
        let wanted = NewUser {
            username,
            email,
            password: nobodys_password()?,
            roles: None,
        };
        let prepared = self.prepare_user(wanted).await?;
        let mut change = self.change().await?;
        let user = self.add_prepared_user(&mut change, &prepared).await?;
        let secret = self.link_within(&mut change, &user)?;
        let (object, details) = (Object::User(&user.id), [WITH_LINK.to_owned()]);
        self.commit(change, object, "added", &details).await?;
        Ok((user, link(self.naming.issuer, &secret)))
    }

    /// Ends the password of a user with all its tokens, and makes a link by which it sets another one. Not for the
    /// caller itself, whose session would end before it saw the link.
    pub(in crate::issuer) async fn replace_password_by_link(
        &self,
        named: Named<'_>,
    ) -> Result<String, DirectoryError> {
        let replacing = self.replacing_password(named, nobodys_password()?);
        let (mut change, user) = replacing.await?;
        let secret = self.link_within(&mut change, &user)?;
        let (object, details) = (Object::User(&user.id), [WITH_LINK.to_owned()]);
        self.commit(change, object, "password replaced", &details)
            .await?;
        Ok(link(self.naming.issuer, &secret))
    }

    /// A secret that sets the password of a user once the change is made.
    fn link_within(&self, change: &mut Change, user: &User) -> Result<PlainSecret, DirectoryError> {
        let secret = PlainSecret::from_random(random()?);
        let expires_at = self.now.plus(RESET_LINK_SECONDS);
        change.set_reset_link(&user.id, &secret.digest(), expires_at);
        Ok(secret)
    }
}

fn nobodys_password() -> Result<String, DirectoryError> {
    Ok(PlainSecret::from_random(random()?).reveal().to_owned())
}

impl Directory<'_> {
    /// Sets the password of the user whose link this is, which is used up with it; all its tokens end. Gives back
    /// who that is.
    pub(in crate::issuer) async fn reset_password(
        &self,
        link: &SecretDigest,
        password: String,
    ) -> Result<UserId, DirectoryError> {
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
            .await?;
        Ok(user.id)
    }
}
