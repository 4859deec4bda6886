//! The issuer: users register and log in, their apps get tokens, and the gate believes them.
//!
//! In reading order: [`Issuer::open`] has store, key and rules ready; `routes` is the table of the
//! endpoints, each in a file of its own; `guard` asks the same [`Authorizer`] as the gate who may
//! pass, under a policy that is built in; `refusal` maps every failure to what RFC 6749 says.

mod account;
mod apps;
mod backend;
mod body;
mod client;
mod discovery;
mod first_start;
mod guard;
mod hashing;
mod login;
mod refresh;
mod refusal;
mod revocation_log;
mod routes;
mod settings;
mod signing;
mod token;

use std::sync::Arc;

use axum::Router;

use crate::authorizer::Authorizer;
use crate::clock::Clock;
use crate::store::{Store, StoreError};
use crate::token::{CryptographyFailed, KeySet, KeySetError, SigningKeyError};

pub use first_start::{FirstAdministrator, FirstStartError};
pub use routes::endpoints;
pub use settings::{Grants, HashingSettings, IssuerDocument, IssuerSettings, RefreshSettings};

use hashing::PasswordHasher;
use revocation_log::LogFollower;
use signing::Signer;

/// An issuer that is ready to serve.
pub struct Issuer {
    settings: IssuerSettings,
    store: Store,
    signer: Signer,
    guard: Authorizer,
    hasher: PasswordHasher,
    log: LogFollower,
    clock: Arc<dyn Clock>,
}

/// Why an issuer cannot start.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The store.
    #[error("`issuer.store`: {0}")]
    Store(#[from] StoreError),
    /// The key in the store.
    #[error("the signing key in the store: {0}")]
    Key(#[from] SigningKeyError),
    /// The public side of it.
    #[error("the signing key in the store: {0}")]
    KeySet(#[from] KeySetError),
    /// The first administrator.
    #[error(transparent)]
    FirstStart(#[from] FirstStartError),
    /// Randomness or memory.
    #[error(transparent)]
    Cryptography(#[from] CryptographyFailed),
    /// The threads that hash passwords.
    #[error("cannot start the threads that hash passwords: {0}")]
    Threads(#[from] std::io::Error),
    /// A defect: the policy that is built in does not compile.
    #[error("the issuer's own policy: {0}")]
    Policy(#[from] crate::problem::Problems),
    /// A defect: one issuer cannot be a duplicate.
    #[error(transparent)]
    Duplicate(#[from] crate::token::DuplicateIssuer),
}

impl Issuer {
    /// Opens the store and makes what a first start needs: schema, key, roles, administrator.
    pub async fn open(
        settings: IssuerSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<(Arc<Self>, FirstAdministrator), IssuerError> {
        let store = Store::open(&settings.store).await?;
        let signer = Signer::load(&store, clock.now()).await?;
        store
            .announce_token_life(settings.access_token_seconds)
            .await?;
        let log = LogFollower::start(
            &store,
            &settings.url,
            settings.max_revocations,
            Arc::clone(&clock),
        )
        .await?;
        let guard = guard::authorizer(&settings, signer.key_set()?, Arc::clone(&clock))?;
        let hasher = PasswordHasher::start(settings.hashing)?;
        let issuer = Self {
            settings,
            store,
            signer,
            guard,
            hasher,
            log,
            clock,
        };
        issuer.publish_keys();
        let administrator = issuer.prepare_first_start().await?;
        Ok((Arc::new(issuer), administrator))
    }

    /// The keys with which a gate in this process verifies.
    pub fn key_set(&self) -> Result<KeySet, KeySetError> {
        self.signer.key_set()
    }

    /// The endpoints.
    pub fn router(self: &Arc<Self>) -> Router {
        routes::router(Arc::clone(self))
    }

    /// Where the rows are; for tests and for administrators on the machine.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

/// Random bytes from the operating system's generator.
fn random<const BYTES: usize>() -> Result<[u8; BYTES], CryptographyFailed> {
    let mut bytes = [0; BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| CryptographyFailed)?;
    Ok(bytes)
}
