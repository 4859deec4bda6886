//! Reloads: policy, keys and trust are read anew and swapped in together, or not at all. The policy that is
//! tried in shadow comes with them, and holds up none of them.

mod metrics;
mod portal_files;
mod shadow;
pub mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::authorizer::{Authorizer, InShadow, Snapshot};
use crate::clock::{Clock, UnixSeconds};
use crate::files::{self, FileError};
use crate::keyring::{
    Issuers, KeySource, Keyring, KeyringError, TrustedIssuer, issuer_names, misspelt_scopes,
    nobody_trusted, trust_warnings,
};
use crate::policy::Policy;
use crate::problem::{Colour, Problems};

pub use metrics::ReloadMetrics;
pub use portal_files::{
    LogoFileError, PortalFiles, PortalFilesState, read_descriptions, read_logo,
};
pub use shadow::ShadowState;

/// Why policy or keys cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The configuration, in the words of whoever reads it.
    #[error(transparent)]
    Config(Box<dyn std::error::Error + Send + Sync>),
    /// Headers that hold tokens by the new configuration alone.
    #[error(
        "`trust[].token_header` names {}, which this process was not started with: restart it to apply \
         the new configuration", in_backticks(.0)
    )]
    NewTokenHeaders(Vec<Box<str>>),
    #[error("{}", .0.of("policy"))]
    Policy(PolicyError),
    /// The policy to be tried in shadow. Only a start fails for it.
    #[error("{}", .0.of("shadow_policy"))]
    Shadow(PolicyError),
    #[error(transparent)]
    Keys(#[from] KeyringError),
}

/// Why a policy cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// What the files say is wrong; rendered with snippets.
    #[error("{rendered}")]
    Wrong {
        problems: Problems,
        /// The same, for people.
        rendered: String,
    },
}

impl PolicyError {
    /// The message for the policy that this key of the configuration names.
    fn of(&self, key: &str) -> String {
        match self {
            Self::File(error) => format!("`{key}`: {error}"),
            Self::Wrong { rendered, .. } => rendered.clone(),
        }
    }
}

fn in_backticks(names: &[Box<str>]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// What a reload reads.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The configuration that names the rest.
    pub config: PathBuf,
    /// The policy's files and directories.
    pub policy: Vec<PathBuf>,
    /// Those of the policy that is tried in shadow; empty where none is.
    pub shadow_policy: Vec<PathBuf>,
    /// Whose tokens are trusted.
    pub trust: Vec<TrustedIssuer>,
    /// Descriptions of the API, for the portal.
    pub descriptions: Vec<PathBuf>,
    /// The logo, likewise.
    pub logo: Option<PathBuf>,
    /// The sections of the configuration that differ from those of the start and need a restart.
    pub restart_needed: Vec<&'static str>,
}

impl Inputs {
    /// The files and directories whose change asks for a reload.
    pub fn watched_paths(&self) -> Vec<PathBuf> {
        let mut paths = vec![self.config.clone()];
        paths.extend(self.policy.iter().cloned());
        paths.extend(self.shadow_policy.iter().cloned());
        paths.extend(self.descriptions.iter().cloned());
        paths.extend(self.logo.clone());
        paths.extend(self.trust.iter().flat_map(|issuer| match &issuer.keys {
            KeySource::File(path) | KeySource::HmacSecret(path) => vec![path.clone()],
            KeySource::Remote(remote) => remote.ca_file.iter().cloned().collect(),
            KeySource::Feed(feed) => feed.files().cloned().collect(),
            KeySource::Companion => Vec::new(),
        }));
        paths
    }
}

/// Reads the configuration anew and tells what it names now.
pub type ReadInputs = Box<dyn Fn() -> Result<Inputs, LoadError> + Send + Sync>;

/// What `/status` and the metrics tell of reloads.
#[derive(Debug, Clone)]
pub struct ReloadState {
    /// When the policy that serves was loaded.
    pub loaded_at: UnixSeconds,
    /// Since when the policy in force has been so; reloads that find the same do not change it.
    pub policy_since: UnixSeconds,
    /// When it was last tried to load one.
    pub attempted_at: UnixSeconds,
    /// Since when a reload has been running, if one is. Later ones wait for it.
    pub running_since: Option<UnixSeconds>,
    /// Reloads that changed what serves, or found the same.
    pub successes: u64,
    pub failures: u64,
    /// Why the last reload failed; none where it did not.
    pub last_error: Option<String>,
    /// Since when reloads fail; none where the last one did not.
    pub failing_since: Option<UnixSeconds>,
    /// The sections of the configuration that have changed and are not applied: they need a restart.
    pub restart_needed: Vec<&'static str>,
    /// Of the policy that is tried in shadow; nothing where the configuration names none.
    pub shadow: Option<ShadowState>,
    /// Of the files that the portal shows; nothing where the configuration names none.
    pub portal_files: Option<PortalFilesState>,
}

/// Loads what a configuration names.
pub struct Loader {
    config: PathBuf,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    read_inputs: ReadInputs,
    inputs: Mutex<Inputs>,
    /// What the last reload would have taken over, had it not failed.
    refused: Mutex<Option<Inputs>>,
    portal_files: PortalFiles,
    state: Mutex<ReloadState>,
}

/// Policy and keys, read and checked, not yet in use.
pub struct Prepared {
    policy: Arc<Policy>,
    issuers: Issuers,
}

impl Loader {
    /// Loads policy and keys for the first time.
    pub fn start(
        inputs: Inputs,
        read_inputs: ReadInputs,
        keyring: Arc<Keyring>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Snapshot), LoadError> {
        let prepared = prepare(&inputs, &keyring)?;
        let shadow = shadow::load(&inputs).map_err(LoadError::Shadow)?;
        let current_trust = prepared.issuers.current_trust();
        // Everything was read and checked by now. From here on nothing fails, so that no half of it can
        // be in force.
        keyring.commit(prepared.issuers, || {});
        log_warnings(&prepared.policy);
        log_trust_warnings(&inputs.trust, &prepared.policy);
        let tried = shadow.map(|policy| InShadow {
            policy,
            since: clock.now(),
        });
        if let Some(tried) = &tried {
            shadow::log(tried);
        }
        let state = ReloadState {
            loaded_at: clock.now(),
            policy_since: clock.now(),
            attempted_at: clock.now(),
            running_since: None,
            successes: 0,
            failures: 0,
            last_error: None,
            failing_since: None,
            restart_needed: Vec::new(),
            shadow: tried.is_some().then(ShadowState::default),
            portal_files: None,
        };
        let loader = Self {
            config: inputs.config.clone(),
            keyring,
            clock,
            read_inputs,
            inputs: Mutex::new(inputs),
            refused: Mutex::default(),
            portal_files: PortalFiles::default(),
            state: Mutex::new(state),
        };
        let named = loader.inputs.lock().clone();
        loader.renew_portal_files(&named);
        let snapshot = Snapshot::new(prepared.policy, current_trust);
        Ok((loader, snapshot.with_shadow(tried)))
    }

    /// Reads everything anew. On failure what serves goes on serving.
    pub fn reload(&self, authorizer: &Authorizer) -> Result<(), LoadError> {
        // Held throughout: reloads come one after the other.
        let mut inputs = self.inputs.lock();
        self.state.lock().running_since = Some(self.clock.now());
        let earlier = authorizer.snapshot().policy().digest().to_owned();
        let outcome = self.try_reload(&mut inputs, authorizer);
        // Taken anew and not held during the work: `/status` and metrics read it meanwhile.
        let mut state = self.state.lock();
        state.running_since = None;
        state.attempted_at = self.clock.now();
        match &outcome {
            Ok(()) => {
                state.successes += 1;
                state.loaded_at = state.attempted_at;
                if *authorizer.snapshot().policy().digest() != *earlier {
                    state.policy_since = state.attempted_at;
                }
                state.last_error = None;
                state.failing_since = None;
                state.restart_needed.clone_from(&inputs.restart_needed);
                tracing::info!(
                    policy.digest = authorizer.snapshot().policy().digest(),
                    "policy and keys reloaded"
                );
            }
            Err(error) => {
                state.failures += 1;
                state.last_error = Some(error.to_string());
                let attempted_at = state.attempted_at;
                state.failing_since.get_or_insert(attempted_at);
                tracing::error!(%error, "reload failed; still using the previous policy and keys");
            }
        }
        outcome
    }

    fn try_reload(&self, inputs: &mut Inputs, authorizer: &Authorizer) -> Result<(), LoadError> {
        let renewed = (self.read_inputs)()?;
        self.refuse(Some(renewed.clone()));
        let Prepared { policy, issuers } = prepare(&renewed, &self.keyring)?;
        // Whatever could fail has not: from here on everything is taken over.
        let is_new = policy.digest() != authorizer.snapshot().policy().digest();
        let shadow = self.renew_shadow(&renewed, authorizer);
        // Within the commit, so that keys and policy change together: in between, the tokens of a new
        // issuer would count by the old policy.
        self.keyring.commit(issuers.clone(), || {
            authorizer.update(|snapshot| {
                let (policy, tried) = (Arc::clone(&policy), shadow.tried.clone());
                snapshot.succeeded_by(policy, tried, issuers.current_trust())
            });
        });
        self.shadow_renewed(&shadow);
        self.renew_portal_files(&renewed);
        // Those of a policy that served before have been logged.
        if is_new {
            log_warnings(&policy);
        }
        if renewed.trust != inputs.trust {
            log_trust_warnings(&renewed.trust, &policy);
        }
        *inputs = renewed;
        self.refuse(None);
        Ok(())
    }

    fn refuse(&self, inputs: Option<Inputs>) {
        *self.refused.lock() = inputs;
    }

    /// The files and directories whose change asks for a reload. Those of a configuration that was
    /// refused are among them: what it lacks may be on its way.
    pub fn watched_paths(&self) -> Vec<PathBuf> {
        let inputs = self.inputs.lock();
        let refused = self.refused.lock();
        let mut paths = inputs.watched_paths();
        paths.extend(refused.iter().flat_map(Inputs::watched_paths));
        paths
    }

    /// What the portal shows of files.
    pub fn portal_files(&self) -> &PortalFiles {
        &self.portal_files
    }

    /// The file of the configuration that this process was started with.
    pub fn config_file(&self) -> &Path {
        &self.config
    }

    /// What became of the reloads so far.
    pub fn state(&self) -> ReloadState {
        let state = self.state.lock();
        state.clone()
    }
}

fn prepare(inputs: &Inputs, keyring: &Arc<Keyring>) -> Result<Prepared, LoadError> {
    let policy = compile(&inputs.policy, &inputs.trust).map_err(LoadError::Policy)?;
    let issuers = keyring.prepare(&inputs.trust)?;
    Ok(Prepared { policy, issuers })
}

fn compile(paths: &[PathBuf], trust: &[TrustedIssuer]) -> Result<Arc<Policy>, PolicyError> {
    let sources = files::read_policy(paths)?;
    let policy = Policy::compile_for(&issuer_names(trust), &sources);
    let policy = policy.map_err(|problems| PolicyError::Wrong {
        rendered: problems.render(&sources, Colour::Plain),
        problems,
    })?;
    Ok(Arc::new(policy))
}

fn log_trust_warnings(trust: &[TrustedIssuer], policy: &Policy) {
    let of_policy = nobody_trusted(trust, policy.routes_with_token())
        .into_iter()
        .chain(misspelt_scopes(trust, policy));
    for warning in trust_warnings(trust).into_iter().chain(of_policy) {
        tracing::warn!(config.warning = %warning.problem, "the configuration may not do what is intended");
    }
}

fn log_warnings(policy: &Policy) {
    for warning in policy.warnings() {
        tracing::warn!(policy.warning = %warning, "the policy may not do what is intended");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::*;
    use crate::authorizer::CacheLimits;
    use crate::clock::SystemClock;

    #[test]
    fn a_reload_that_has_not_ended_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("policy.yaml");
        let text =
            "version: 1\nroutes: [{name: page, methods: [GET], path: /page, access: public}]\n";
        std::fs::write(&policy, text).unwrap();
        let inputs = Inputs {
            config: folder.path().join("portcullis.yaml"),
            policy: vec![policy],
            shadow_policy: Vec::new(),
            trust: Vec::new(),
            descriptions: Vec::new(),
            logo: None,
            restart_needed: Vec::new(),
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let keyring = Keyring::new(runtime.handle().clone(), Arc::clone(&clock));
        let loader: Arc<OnceLock<Arc<Loader>>> = Arc::default();
        let seen: Arc<Mutex<Vec<Option<UnixSeconds>>>> = Arc::default();
        let read_inputs = {
            let (loader, seen, inputs) = (Arc::clone(&loader), Arc::clone(&seen), inputs.clone());
            move || {
                let running = loader.get().unwrap().state().running_since;
                seen.lock().push(running);
                Ok(inputs.clone())
            }
        };
        let started = Loader::start(inputs, Box::new(read_inputs), keyring, Arc::clone(&clock));
        let (started, snapshot) = started.unwrap();
        let limits = CacheLimits {
            max_entries: 1,
            max_bytes: 1,
        };
        let loader = loader.get_or_init(|| Arc::new(started));
        let authorizer = Authorizer::new(snapshot, limits, clock);
        assert_eq!(loader.state().running_since, None);
        loader.reload(&authorizer).unwrap();
        assert!(matches!(seen.lock().as_slice(), [Some(_)]));
        assert_eq!(loader.state().running_since, None);
    }
}
