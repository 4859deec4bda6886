//! What the parts of an issuer are built on: its store, its signing keys, and the secrets that all processes of
//! one issuer have in common.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::audit::{self, AuditLog};
use super::credentials::{Credentials, PlaceKey};
use super::grants::{GrantSettings, Grants};
use super::http::{TicketKey, ToldKey, guard};
use super::signing::Signer;
use super::{IssuerError, IssuerSettings, keys, random};
use crate::authorizer::Authorizer;
use crate::clock::{Clock, UnixSeconds};
use crate::identity::{PlainSecret, SuccessorKey};
use crate::store::Store;
use crate::telemetry::SubjectNames;
use crate::token::CryptographyError;

/// What the parts of an issuer are built on.
pub(super) struct Foundation {
    pub(super) settings: Arc<IssuerSettings>,
    pub(super) store: Store,
    pub(super) signer: Arc<ArcSwap<Signer>>,
    pub(super) clock: Arc<dyn Clock>,
}

/// The secrets in the store. The first process makes them, and the others find them there.
pub(super) struct StoredSecrets {
    pub(super) successor_key: SuccessorKey,
    pub(super) place_key: PlaceKey,
    pub(super) told_key: ToldKey,
    pub(super) ticket_key: TicketKey,
    /// How logs name people.
    pub(super) names: SubjectNames,
}

impl Foundation {
    /// Opens the store, with its schema and a signing key.
    pub(super) async fn open(
        settings: IssuerSettings,
        clock: Arc<dyn Clock>,
        now: UnixSeconds,
    ) -> Result<Self, IssuerError> {
        let store = Store::open(&settings.store).await?;
        let rows = keys::agree(&store, &settings, keys::Occasion::Start, now).await?;
        let signer = Signer::new(rows, now)?;
        // Before the first token: how long it lives decides how long its revocation is kept.
        store
            .announce_token_life(settings.access_token_seconds)
            .await?;
        store.keep_audit(settings.audit_seconds);
        store.bound_grants(settings.refresh_token.max_grants);
        store.bound_revocations(
            settings.max_revocations_per_user,
            settings.max_revocations_per_app,
        );
        Ok(Self {
            settings: Arc::new(settings),
            store,
            signer: Arc::new(ArcSwap::from_pointee(signer)),
            clock,
        })
    }

    /// Checks passwords and secrets; starts the threads that hash.
    pub(super) fn credentials(
        &self,
        place_key: PlaceKey,
        audit: &AuditLog,
    ) -> std::io::Result<Credentials> {
        let (store, clock) = (self.store.clone(), Arc::clone(&self.clock));
        Credentials::start(&self.settings, store, place_key, audit.clone(), clock)
    }

    /// Who may pass to the issuer itself.
    pub(super) fn guard(&self) -> Result<Arc<Authorizer>, IssuerError> {
        let keys = self.signer.load().key_set().clone();
        let guard = guard::authorizer(&self.settings, keys, Arc::clone(&self.clock))?;
        Ok(Arc::new(guard))
    }

    pub(super) fn grants(&self, successor_key: SuccessorKey, audit: &AuditLog) -> Grants {
        Grants::new(
            GrantSettings::of(&self.settings),
            audit.clone(),
            self.store.clone(),
            Arc::clone(&self.signer),
            successor_key,
            Arc::clone(&self.clock),
        )
    }
}

impl StoredSecrets {
    /// Those of the store, which gets fresh ones where it has none. `names` are those of the process's log.
    pub(super) async fn of(store: &Store, names: SubjectNames) -> Result<Self, IssuerError> {
        let sealing = store.sealing_secret(&fresh()?).await?;
        Ok(Self {
            successor_key: SuccessorKey::new(&store.successor_secret(&fresh()?).await?),
            place_key: PlaceKey::new(&store.place_secret(&fresh()?).await?),
            told_key: ToldKey::new(&sealing)?,
            ticket_key: TicketKey::new(&sealing),
            names: audit::names_for(store, names, &fresh()?).await?,
        })
    }
}

fn fresh() -> Result<PlainSecret, CryptographyError> {
    Ok(PlainSecret::from_random(random()?))
}
