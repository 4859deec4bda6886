//! A new signing key because an administrator wants one.

use super::{DirectoryError, FreshDirectory};
use crate::issuer::IssuerSettings;
use crate::issuer::keys::{self, KeyRotation, KeyRotationError, RotatedBy, RotationPace};
use crate::store::AuditActor;

impl FreshDirectory<'_> {
    /// Publishes a successor of the key that signs, or has it sign at once and withdraws all others, which ends
    /// everybody's tokens.
    pub(in crate::issuer) async fn rotate_keys(
        &self,
        settings: &IssuerSettings,
        pace: RotationPace,
    ) -> Result<KeyRotation, DirectoryError> {
        if pace == RotationPace::AtOnce {
            self.authority.may_revoke_all()?;
        }
        let user = self.authority.user();
        let by = RotatedBy {
            actor: user.map_or(AuditActor::Command(self.naming.operator), AuditActor::User),
            logged_as: user.map(|user| self.naming.user(user.as_str())),
        };
        for _ in 0..keys::TRIES {
            let prepared = keys::prepare(self.store, settings, pace, self.now).await?;
            let change = self.change().await?;
            if let Some(rotation) = prepared.keep(change, pace, &by).await? {
                return Ok(rotation);
            }
        }
        Err(KeyRotationError::Contended.into())
    }
}
