//! Secrets of apps: replacing them.

use super::audit::Object;
use super::{AppsOf, DirectoryError, FreshDirectory, NewSecret};
use crate::identity::{PlainSecret, SecretDigest};
use crate::issuer::random;

pub(super) const MAX_OVERLAP_SECONDS: u32 = 30 * 86_400;

/// Which secret another one replaces.
#[derive(Clone, Copy)]
enum Replacing<'a> {
    Whichever,
    /// This one, or none; another one has come in between.
    Only(Option<&'a SecretDigest>),
}

impl FreshDirectory<'_> {
    /// Gives an app another secret. The one before lives for `overlap_seconds` more; with none it
    /// ends at once, as when it has leaked, and what was given out to the app ends with it.
    pub async fn rotate_secret(
        &self,
        key: &str,
        of: AppsOf<'_>,
        overlap_seconds: u32,
    ) -> Result<NewSecret, DirectoryError> {
        self.replace_secret(key, of, overlap_seconds, Replacing::Whichever)
            .await
    }

    /// The same for somebody who has seen which secret it replaces: what is sent twice is done once.
    pub async fn rotate_secret_once(
        &self,
        key: &str,
        of: AppsOf<'_>,
        overlap_seconds: u32,
        latest: Option<&SecretDigest>,
    ) -> Result<NewSecret, DirectoryError> {
        self.replace_secret(key, of, overlap_seconds, Replacing::Only(latest))
            .await
    }

    async fn replace_secret(
        &self,
        key: &str,
        of: AppsOf<'_>,
        overlap_seconds: u32,
        replacing: Replacing<'_>,
    ) -> Result<NewSecret, DirectoryError> {
        if overlap_seconds > MAX_OVERLAP_SECONDS {
            return Err(DirectoryError::Overlap);
        }
        let (mut change, actor) = match overlap_seconds {
            0 => self.change_taking_back().await?,
            _ => self.change_with_actor().await?,
        };
        let (mut app, owner) = self.app_in_hand(&mut change, &actor, key, of).await?;
        self.may_take_over(&app.app.scopes, &owner, of)?;
        if let Replacing::Only(seen) = replacing {
            // Under the change's lock: of two administrators with the same page open, the second is
            // told and does not replace the secret that the first has just handed out.
            let latest = change.latest_secret(&app.app.key).await?;
            if latest.as_ref() != seen {
                return Err(DirectoryError::SecretReplaced);
            }
        }
        let secret = PlainSecret::from_random(random()?);
        let kept = secret.kept();
        let earlier = change.earlier_secret_until(&app.app.key).await?;
        change
            .rotate_secret(&app.app.key, &kept, overlap_seconds)
            .await?;
        of.charge(&mut change);
        app.app.secret_since = Some(self.now);
        let object = Object::App(&app.app.key);
        let overlap = format!("the one before holds for {overlap_seconds} seconds");
        let mut words = vec![overlap];
        words.extend(earlier.map(|until| {
            let left = until.since(self.now);
            format!("an earlier one ended {left} seconds before its time")
        }));
        self.commit(change, object, "secret replaced", &words)
            .await?;
        Ok(NewSecret { app, secret })
    }
}
