//! What is due after the store was restored from a backup: what the backup knows to be good may have been withdrawn
//! and revoked since.

use super::keys::{KeyRotation, KeyRotationError, RotationPace, rotate_with};
use super::{IssuerSettings, random};
use crate::clock::UnixSeconds;
use crate::identity::alphanumeric;
use crate::store::{AuditActor, AuditRecord, Change, Committed, Store, StoreError};
use crate::token::{CryptographyError, RevocationTarget};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The key that signs from now on; none where the keys are in files.
    pub key: Option<KeyRotation>,
    /// When the last change was made that the backup has, if it has any.
    pub last_change: Option<UnixSeconds>,
}

/// Why it was not done. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("`issuer.store`: {0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keys(#[from] KeyRotationError),
    #[error(transparent)]
    Cryptography(#[from] CryptographyError),
    /// A defect: nobody loses a role by this.
    #[error("the store did not take the change")]
    NotTaken,
}

/// Withdraws the signing keys of the backup, revokes all that was given out, and begins another revocation log, so
/// that gates take all of it anew. Whether issuers run on the store makes no difference.
pub async fn after_restore(
    store: &Store,
    settings: &IssuerSettings,
    operator: &str,
    now: UnixSeconds,
) -> Result<Restored, RestoreError> {
    let last_change = store.last_audited().await?;
    // Beyond all positions that tokens from after the backup may name as theirs.
    store.lead_log(now).await?;
    let log = alphanumeric(&random::<16>()?);
    let also = async |change: &mut Change| {
        change.rename_log(&log).await?;
        change.revoke(RevocationTarget::Everyone);
        let record = AuditRecord {
            actor: AuditActor::Command(operator),
            action: "revoked",
            object_kind: "everyone",
            object_name: "",
            change: "the store was restored from a backup",
        };
        change.record(&record).await
    };
    let key = if settings.keys.files.is_empty() {
        Some(rotate_with(store, settings, RotationPace::AtOnce, operator, now, also).await?)
    } else {
        let mut change = store.change(now).await?;
        also(&mut change).await?;
        if change.commit().await? != Committed::Yes {
            return Err(RestoreError::NotTaken);
        }
        None
    };
    Ok(Restored { key, last_change })
}
