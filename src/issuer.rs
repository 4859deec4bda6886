//! The issuer: users register and log in, their apps get tokens, and the gate trusts them.
//!
//! [`Issuer::open`] puts the parts together, on what `foundation` has ready:
//! - `credentials`: who somebody is, by passwords and secrets of apps. `hashing` checks passwords, and
//!   `throttle` bounds how often somebody may guess.
//! - `grants`: what users gave to apps and logins, and the tokens for it; `grant_types` is the table of the
//!   ways to get them, and `token_requests` what each does.
//! - `directory`: users, roles, scopes and apps; also for the command line.
//! - `background`: what goes on besides requests. Keys are rotated, the revocation log is followed, what has
//!   ended is swept away, and when apps were last used and who has logged in (`sign_ins`) is written.
//! - `proxy`: sends what users of the portal try out.
//! - `http`: the table of the endpoints, each in a file of its own; `authorize` and `pages` are for browsers.
//!   `guard` asks the same [`Authorizer`] as the gate who may pass, under a policy that is built in;
//!   `observation` and `containment` surround every endpoint.
//! - `endpoint_error` maps every failure to what RFC 6749 says.

mod access_token;
mod answers;
mod app_uses;
mod attention;
mod audit;
mod background;
mod credentials;
pub mod directory;
mod endpoint_error;
mod first_password;
mod first_start;
mod foundation;
mod grant_types;
mod grants;
mod hashing;
mod http;
mod key_files;
mod keys;
mod own;
mod peers;
mod proxy;
mod published;
mod restore;
mod revocation_log;
mod settings;
mod sign_ins;
mod signing;
mod store_health;
mod throttle;
mod token_requests;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use prometheus_client::registry::Registry;

use crate::authorizer::{Authorizer, Snapshot};
use crate::clock::Clock;
use crate::feed::{AboutGate, GateView, Hub};
use crate::logo::Logo;
use crate::openapi::Catalogue;
use crate::reload::PortalFiles;
use crate::revocation::RevocationList;
use crate::store::{Store, StoreError};
use crate::telemetry::SubjectNames;
use crate::token::{CryptographyError, KeySet, KeySetError, SigningKeyError};

pub use answers::{
    AppAnswer, AuditAnswer, GrantAnswer, RoleAnswer, ScopeAnswer, SignInAnswer, UserAnswer,
};
pub use first_start::{FirstAdministrator, FirstStartError};
pub use grant_types::{GrantType, GrantTypes};
pub use grants::{SampleError, SampleOf, sample_claims};
pub use hashing::HashingError;
pub use http::openapi::document as openapi_document;
pub use http::{endpoints, pages};
pub use key_files::{KeyFileError, check_files};
pub use keys::{KeyRotation, KeyRotationError, RotationPace, rotate_keys};
pub use peers::{Disagreement, LastRun, last_run};
pub use proxy::ProxyError;
pub use published::{Published, PublishedError, published};
pub use restore::{RestoreError, Restored, after_restore};
pub use settings::{
    Accent, HashingSettings, IssuerDocument, IssuerSettings, KeySettings, PasskeySettings,
    PortalSettings, ProxyOrigin, ProxySettings, RefreshSettings, Registration, SessionSettings,
};
pub use store_health::{StoreFault, StoreReport};
pub use throttle::{BucketSettings, Network, NetworkError, ThrottleSettings, TrustedProxies};

use http::{Look, MadeApps, Offers, TicketKey, ToldKey, openapi};
use proxy::Proxy;

use audit::AuditLog;
use background::BackgroundTasks;
use credentials::Credentials;
use directory::{Authority, Directory};
use first_start::FirstStart;
use foundation::{Foundation, StoredSecrets};
use grants::Grants;
use http::observation::Observation;
use signing::PublishedKey;

/// How long its end waits for the store to take what is written last, once before requests under way have ended and
/// once after them.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// How long its end waits for the store to take note of it.
const LEAVING: Duration = Duration::from_secs(2);

/// An issuer that is ready to serve.
pub struct Issuer {
    settings: Arc<IssuerSettings>,
    audit: AuditLog,
    store: Store,
    grants: Grants,
    guard: Arc<Authorizer>,
    credentials: Credentials,
    background: BackgroundTasks,
    observation: Observation,
    clock: Arc<dyn Clock>,
    openapi: String,
    told_key: ToldKey,
    ticket_key: TicketKey,
    made_apps: MadeApps,
    /// What the portal offers to try out.
    offers: Offers,
    /// Where the portal sends what users try out, if that is configured.
    proxy: Option<Proxy>,
    /// The gate in this process, if there is one.
    gate: OnceLock<Arc<Authorizer>>,
    /// How that gate is.
    gate_view: OnceLock<GateView>,
    /// What the pages show of files.
    files: OnceLock<PortalFiles>,
    look: Look,
}

/// Why an issuer cannot start.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    #[error("`issuer.store`: {0}")]
    Store(#[from] StoreError),
    #[error("the signing keys: {0}")]
    Key(#[from] SigningKeyError),
    /// The public side of it.
    #[error("the signing keys: {0}")]
    KeySet(#[from] KeySetError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error(transparent)]
    KeyRotation(#[from] KeyRotationError),
    #[error(transparent)]
    FirstStart(#[from] FirstStartError),
    #[error(transparent)]
    Cryptography(#[from] CryptographyError),
    /// The threads that hash passwords.
    #[error("cannot start the threads that hash passwords: {0}")]
    Threads(#[from] std::io::Error),
    /// A defect: the policy that is built in does not compile.
    #[error("the issuer's own policy: {0}")]
    Policy(#[from] crate::problem::Problems),
    /// A defect: the OpenAPI document cannot be put together.
    #[error("the OpenAPI document: {0}")]
    OpenApi(#[from] serde_json::Error),
    /// A defect: one issuer cannot be a duplicate.
    #[error(transparent)]
    Duplicate(#[from] crate::token::DuplicateIssuerError),
}

impl Issuer {
    /// Opens the store and makes what a first start needs: schema, key, roles, administrator.
    pub async fn open(
        settings: IssuerSettings,
        names: SubjectNames,
        clock: Arc<dyn Clock>,
    ) -> Result<(Arc<Self>, FirstAdministrator), IssuerError> {
        let now = clock.now();
        let proxy = settings.portal.proxy.as_ref().map(Proxy::new).transpose()?;
        let foundation = Foundation::open(settings, clock, now).await?;
        let secrets = StoredSecrets::of(&foundation.store, names).await?;
        let audit = AuditLog::new(secrets.names, &foundation.settings.url);
        let credentials = foundation.credentials(secrets.place_key, &audit)?;
        let guard = foundation.guard()?;
        let grants = foundation.grants(secrets.successor_key, &audit);
        let uses = Arc::clone(grants.app_uses());
        let sign_ins = Arc::clone(credentials.sign_ins());
        let background =
            BackgroundTasks::start(&foundation, Arc::clone(&guard), uses, sign_ins).await?;
        let issuer = Self {
            openapi: openapi::served(&foundation.settings)?,
            told_key: secrets.told_key,
            ticket_key: secrets.ticket_key,
            made_apps: MadeApps::default(),
            offers: Offers::default(),
            proxy,
            gate: OnceLock::new(),
            gate_view: OnceLock::new(),
            files: OnceLock::new(),
            look: Look::of(foundation.settings.portal.accent),
            settings: foundation.settings,
            audit,
            store: foundation.store,
            grants,
            guard,
            credentials,
            background,
            observation: Observation::new(endpoints().chain(pages())),
            clock: foundation.clock,
        };
        // Last: a password that is shown once must not be lost with a start that fails afterwards.
        let first_start = FirstStart {
            store: &issuer.store,
            directory: issuer.directory(Authority::Machine),
            admin_password_file: issuer.settings.admin_password_file.as_deref(),
            now,
        };
        let administrator = first_start.prepare().await?;
        issuer.credentials.second_factors().warn().await?;
        Ok((Arc::new(issuer), administrator))
    }

    /// The keys with which a gate in this process verifies; they change.
    pub fn key_set(&self) -> KeySet {
        self.grants.signer().key_set().clone()
    }

    /// The keys that verifiers are told of.
    fn published_keys(&self) -> Vec<PublishedKey> {
        self.grants.signer().published()
    }

    pub fn register_metrics(&self, registry: &mut Registry) {
        self.grants.register_metrics(registry);
        self.credentials.register_metrics(registry);
        self.observation.register_metrics(registry);
        self.background.store_health.register(registry);
    }

    /// How the logs about this issuer name people, for a gate in this process.
    pub fn subject_names(&self) -> &SubjectNames {
        self.audit.names()
    }

    /// Has the pages show what policy this gate has in force and how it is, and what these files hold; the first ones
    /// stay.
    pub fn set_gate(&self, gate: &Arc<Authorizer>, files: &PortalFiles, view: GateView) {
        let _ = self.gate_view.set(view);
        let _ = self.gate.set(Arc::clone(gate));
        let _ = self.files.set(files.clone());
    }

    /// The operations that are described, besides the routes of the policy.
    fn described(&self) -> Arc<Catalogue> {
        let files = self.files.get();
        let described = files.map(|files| files.descriptions.load_full());
        described.unwrap_or_default()
    }

    /// The picture in place of the title, if there is one.
    fn logo(&self) -> Option<Arc<Logo>> {
        self.files.get()?.logo.load_full()
    }

    /// Policy and trust of the gate in this process.
    fn in_force(&self) -> Option<Arc<Snapshot>> {
        let gate = self.gate.get()?;
        Some(Arc::clone(&gate.snapshot()))
    }

    /// How the gate in this process is.
    fn own_gate(&self) -> Option<AboutGate> {
        self.gate_view.get()?.look()
    }

    /// What has been revoked, for a gate in this process.
    pub fn revocations(&self) -> &Arc<RevocationList> {
        self.background.log.list()
    }

    /// Keys and revocations for gates of other processes; to be served by a
    /// [`FeedService`](crate::feed::FeedService).
    pub fn feed(&self) -> &Arc<Hub> {
        self.background.log.hub()
    }

    /// What is known of the store, and of the other issuers on it.
    pub fn store_report(&self) -> StoreReport {
        self.background.store_health.report()
    }

    /// Writes who has logged in since that was last written, as far as the store takes it in time.
    pub async fn write_sign_ins(&self) {
        let written = self.credentials.sign_ins().write(&self.store);
        match tokio::time::timeout(LAST_WRITES, written).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "who has logged in last cannot be written to the store");
            }
            Err(_) => tracing::warn!("the store does not take in time who has logged in last"),
        }
    }

    /// Says to the others on the store that this issuer runs no more, and closes the store.
    pub async fn close(&self) {
        // Of requests that were under way when it was written before.
        if !self.credentials.sign_ins().is_empty() {
            self.write_sign_ins().await;
        }
        let left = tokio::time::timeout(LEAVING, self.background.store_health.leave()).await;
        // It is said by its silence as well.
        if !matches!(left, Ok(Ok(()))) {
            tracing::debug!("the other issuers on the store could not be told of the end");
        }
        self.store.close().await;
    }

    /// Does what goes on besides requests until it is dropped, which may be at any moment. `publish` gets
    /// the keys to trust each time that they change.
    pub async fn run_background_tasks(&self, publish: impl Fn(KeySet)) {
        self.background.run(publish).await;
    }

    pub fn router(self: &Arc<Self>) -> Router {
        http::router(Arc::clone(self))
    }

    /// Users, roles, scopes and apps, in the hands of `authority`.
    fn directory<'a>(&'a self, authority: Authority<'a>) -> Directory<'a> {
        let (naming, now) = (self.audit.naming(), self.clock.now());
        Directory::new(
            &self.store,
            directory::Demands {
                hasher: self.credentials.hasher(),
                words: &self.settings.password_words,
                required: self.settings.passkeys.required_for,
            },
            authority,
            naming,
            now,
        )
    }

    /// Where the rows are; for tests and for administrators on the machine.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

/// Random bytes from the operating system's generator.
fn random<const BYTES: usize>() -> Result<[u8; BYTES], CryptographyError> {
    let mut bytes = [0; BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| CryptographyError)?;
    Ok(bytes)
}
