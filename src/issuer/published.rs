//! What a gate in the issuer's process knows of it, read from outside: nothing is written, and the issuer
//! may be running or not.

use std::sync::Arc;

use super::revocation_log::read_pages;
use super::signing::Signer;
use super::{IssuerError, IssuerSettings, keys};
use crate::clock::UnixSeconds;
use crate::revocation::RevocationList;
use crate::store::{Store, StoreError};
use crate::token::{KeySet, LogPosition};

/// What an issuer's tokens are verified by.
pub struct Published {
    /// All keys whose tokens are accepted, secrets among them.
    pub keys: KeySet,
    pub revocations: Arc<RevocationList>,
}

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PublishedError {
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The issuer has not started yet.
    #[error("`issuer.store`: it has no signing key yet: start the server once, which makes one")]
    NoKey,
}

/// Reads keys and revocations of the issuer with these settings.
pub async fn published(
    settings: &IssuerSettings,
    now: UnixSeconds,
) -> Result<Published, PublishedError> {
    let store = Store::open_to_read(&settings.store).await;
    let store = store.map_err(IssuerError::from)?;
    let published = read(&store, settings, now).await;
    store.close().await;
    published
}

async fn read(
    store: &Store,
    settings: &IssuerSettings,
    now: UnixSeconds,
) -> Result<Published, PublishedError> {
    let rows = if settings.keys.files.is_empty() {
        store.signing_keys().await.map_err(IssuerError::from)?
    } else {
        keys::from_files(settings).await?
    };
    if rows.is_empty() {
        return Err(PublishedError::NoKey);
    }
    Ok(Published {
        keys: Signer::new(rows, now)?.key_set().clone(),
        revocations: revocations(store, settings.max_revocations)
            .await
            .map_err(IssuerError::from)?,
    })
}

async fn revocations(store: &Store, max_entries: usize) -> Result<Arc<RevocationList>, StoreError> {
    let list = RevocationList::new(max_entries);
    read_pages(store, &mut LogPosition(0), |page, _| list.extend(page)).await?;
    Ok(Arc::new(list))
}
