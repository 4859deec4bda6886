//! The directory without a running server.

use super::{
    Authority, Demands, Directory, DirectoryError, FreshDirectory, ResetLink, reset_links,
};
use crate::clock::{Clock, UnixSeconds};
use crate::identity::{ContextWords, PlainSecret, RequiredFor};
use crate::issuer::audit::{Naming, names_for};
use crate::issuer::hashing::PasswordHasher;
use crate::issuer::{HashingSettings, IssuerSettings, LastRun, last_run, random};
use crate::store::{Store, StoreError};
use crate::telemetry::SubjectNames;
use crate::token::CryptographyError;

/// A store in the hands of whoever administers the machine, with or without a running server.
pub struct LocalDirectory {
    store: Store,
    hasher: PasswordHasher,
    words: ContextWords,
    required: RequiredFor,
    secret_overlap_seconds: u32,
    names: SubjectNames,
    issuer: String,
    operator: String,
    now: UnixSeconds,
}

/// Why a local directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cryptography(#[from] CryptographyError),
    /// The thread that hashes passwords.
    #[error("cannot start the thread that hashes passwords: {0}")]
    Threads(#[from] std::io::Error),
}

impl LocalDirectory {
    /// Opens the store of an issuer that has been started before; `names` are those of its log, with the
    /// key of the store where no file has it. `operator` is the user of the operating system who does it.
    pub async fn open(
        settings: &IssuerSettings,
        names: SubjectNames,
        operator: String,
        clock: &dyn Clock,
    ) -> Result<Self, OpenError> {
        let hashing = HashingSettings {
            threads: 1,
            max_queue: 1,
        };
        let store = Store::open_existing(&settings.store).await?;
        store.keep_audit(settings.audit_seconds);
        let fresh = PlainSecret::from_random(random()?);
        let names = names_for(&store, names, &fresh).await?;
        Ok(Self {
            store,
            hasher: PasswordHasher::start(hashing)?,
            words: settings.password_words.clone(),
            required: settings.passkeys.required_for,
            secret_overlap_seconds: settings.secret_overlap_seconds,
            names,
            issuer: settings.url.clone(),
            operator,
            now: clock.now(),
        })
    }

    /// How long an app's earlier secret is accepted, unless somebody says.
    pub fn secret_overlap_seconds(&self) -> u32 {
        self.secret_overlap_seconds
    }

    /// The directory; whoever can open the store may do everything.
    pub fn directory(&self) -> FreshDirectory<'_> {
        let naming = Naming {
            names: &self.names,
            issuer: &self.issuer,
            operator: &self.operator,
        };
        let demands = Demands {
            hasher: &self.hasher,
            words: &self.words,
            required: self.required,
        };
        let machine = Authority::Machine;
        FreshDirectory(Directory::new(
            &self.store,
            demands,
            machine,
            naming,
            self.now,
        ))
    }

    /// The same for a dry run: what would be refused is, and nothing is changed.
    pub fn rehearsal(&self) -> FreshDirectory<'_> {
        FreshDirectory(self.directory().0.rehearsing())
    }

    /// A link by which a user sets a forgotten password, once.
    pub async fn make_reset_link(&self, name: &str) -> Result<ResetLink, DirectoryError> {
        let secret = self.directory().make_reset_link(name).await?;
        Ok(ResetLink {
            link: reset_links::link(&self.issuer, &secret),
            expires_at: self.now.plus(reset_links::RESET_LINK_SECONDS),
        })
    }

    /// A password that nobody has chosen.
    pub fn password(&self) -> Result<PlainSecret, CryptographyError> {
        Ok(PlainSecret::from_random(random()?))
    }

    /// When an issuer was last known to run on the store, if something was changed in it.
    pub async fn last_run_if_changed(&self) -> Result<Option<LastRun>, StoreError> {
        if self.store.has_changed() {
            last_run(&self.store, self.now).await.map(Some)
        } else {
            Ok(None)
        }
    }

    pub async fn close(&self) {
        self.store.close().await;
    }
}
