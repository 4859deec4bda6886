//! A gate for requests that nobody sends: what `explain` and `test` ask.
//!
//! It is the gate itself: policy, trust, authorizer, `decide` and answers are those of `serve`. Only
//! the caller is made up. Claims are signed with a key of this process, so that they pass every check
//! that a token of the issuer has to pass but that of the issuer's own signature.

mod answer;
mod caller;
mod reason;
mod request;
mod surroundings;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use prometheus_client::registry::Registry;
use tokio::runtime::{Builder, Runtime};

use crate::authorizer::{Authorizer, CacheLimits, CurrentTrust, Snapshot};
use crate::clock::{ManualClock, UnixSeconds};
use crate::config::{Config, Overrides};
use crate::files;
use crate::gate::{
    DecisionLog, Gate, GateMetrics, GateSettings, KeyNews, KeyRefresh, MalformedCheck, Request,
    Turn, Verifications, WaitLimits,
};
use crate::keyring::issuer_names;
use crate::policy::{Policy, RouteIssuers};
use crate::problem::{Colour, Source};
use crate::telemetry::{DecisionSettings, SubjectForm, SubjectNames};
use crate::token::{IssuerRules, MissingKey, UnverifiedToken, entry_of};

pub(super) use answer::{Answer, Denied, Disposition};
pub(super) use caller::{Caller, Signers, made_up_issuer, misspelt_scopes, scopes_as_claims};
pub(super) use reason::{Reason, RestsOn};
pub(super) use request::{AskedRequest, parse_header};
pub(super) use surroundings::{Surrounding, Surroundings};

use answer::Answers;

/// What a rehearsal is about: a policy, and what the configuration says beside it.
#[derive(Debug, Clone)]
pub(super) struct Grounds {
    pub(super) policy: Arc<Policy>,
    /// The policy that the configuration names for the shadow, or why it cannot be loaded.
    shadow: Option<Result<Arc<Policy>, String>>,
    /// The issuers of `trust`; without a configuration, one for each name in the policy.
    pub(super) issuers: Vec<IssuerRules>,
    /// Whether a configuration says whose tokens are trusted.
    pub(super) has_config: bool,
    settings: GateSettings,
}

/// Which policy, and which configuration.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct GroundsArgs {
    /// Policy file or directory; can be repeated. Instead of the policy that the configuration names
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// The server's configuration: its policy, trust and identity headers
    #[arg(long, env = "PORTCULLIS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl GroundsArgs {
    pub(super) fn new(policy: Vec<PathBuf>, config: Option<PathBuf>) -> Self {
        Self { policy, config }
    }

    pub(super) fn policy(&self) -> &[PathBuf] {
        &self.policy
    }

    pub(super) fn config(&self) -> Option<&PathBuf> {
        self.config.as_ref()
    }

    /// The same with these policy files, where `--policy` names none. They come before those of the
    /// configuration.
    pub(super) fn for_policy(&self, files: Vec<PathBuf>) -> Self {
        let mut grounds = self.clone();
        if grounds.policy.is_empty() {
            grounds.policy = files;
        }
        grounds
    }

    /// The same with these policy files, where neither a policy nor a configuration was named.
    pub(super) fn or_policy(&self, files: Vec<PathBuf>) -> Self {
        match self.config {
            Some(_) => self.clone(),
            None => self.for_policy(files),
        }
    }

    pub(super) fn load(&self) -> anyhow::Result<Grounds> {
        match &self.config {
            Some(path) => {
                let overrides = Overrides {
                    policy: self.policy.clone(),
                    ..Overrides::default()
                };
                let config = Config::load(path, &overrides)?;
                let sources = files::read_policy(&config.policy)?;
                let policy = Policy::compile_for(&issuer_names(&config.trust), &sources);
                let settings = config.gate_settings();
                let shadow = self.shadow_of(&config);
                let issuers = config.trust.into_iter().map(|issuer| issuer.rules);
                let grounds = Grounds::new(&sources, policy, issuers.collect(), settings, true)?;
                Ok(Grounds { shadow, ..grounds })
            }
            None if self.policy.is_empty() => {
                bail!("name a policy by `--policy FILE`, or a configuration by `--config FILE`")
            }
            None => {
                let sources = files::read_policy(&self.policy)?;
                let policy = Policy::compile(&sources);
                let settings = GateSettings {
                    realm: "portcullis".to_owned(),
                    ..GateSettings::default()
                };
                Grounds::new(&sources, policy, Vec::new(), settings, false)
            }
        }
    }

    /// The policy that is tried beside that of the configuration.
    fn shadow_of(&self, config: &Config) -> Option<Result<Arc<Policy>, String>> {
        if config.shadow_policy.is_empty() || !self.policy.is_empty() {
            return None;
        }
        let loaded = files::read_policy(&config.shadow_policy);
        Some(
            loaded
                .map_err(|error| error.to_string())
                .and_then(|sources| {
                    let policy = Policy::compile_for(&issuer_names(&config.trust), &sources);
                    let policy =
                        policy.map_err(|problems| problems.render(&sources, Colour::Plain));
                    policy.map(Arc::new)
                }),
        )
    }
}

impl Grounds {
    fn new(
        sources: &[Source],
        policy: Result<Policy, crate::problem::Problems>,
        issuers: Vec<IssuerRules>,
        settings: GateSettings,
        has_config: bool,
    ) -> anyhow::Result<Self> {
        let policy = match policy {
            Ok(policy) => policy,
            Err(problems) => bail!("{}", problems.render(sources, Colour::Plain)),
        };
        let issuers = if has_config {
            issuers
        } else {
            let names = names_in(&policy);
            names.iter().map(|name| made_up_issuer(name)).collect()
        };
        Ok(Self {
            policy: Arc::new(policy),
            shadow: None,
            issuers,
            has_config,
            settings,
        })
    }
}

impl Grounds {
    /// The same with the policy that is tried in shadow instead, if one is; or why it cannot be loaded.
    pub(super) fn in_shadow(&self) -> Option<Result<Self, &str>> {
        let shadow = self.shadow.as_ref()?.as_ref();
        Some(match shadow {
            Ok(policy) => Ok(Self {
                policy: Arc::clone(policy),
                shadow: None,
                ..self.clone()
            }),
            Err(error) => Err(error.as_str()),
        })
    }

    /// Whether the request has something in a header in which tokens are read.
    pub(super) fn reads_credential(&self, request: &AskedRequest) -> bool {
        let is_read = |name: &str| {
            let mut named = self.issuers.iter().filter_map(IssuerRules::token_header);
            name.eq_ignore_ascii_case("authorization")
                || named.any(|header| header.eq_ignore_ascii_case(name))
        };
        request.headers.iter().any(|(name, _)| is_read(name))
    }
}

/// The issuers that a policy names, sorted; one of no name in particular where it names none.
fn names_in(policy: &Policy) -> Vec<Box<str>> {
    let mut names: Vec<Box<str>> = Vec::new();
    for route in policy.routes() {
        match &route.issuers {
            RouteIssuers::Named(issuers) => names.extend(issuers.iter().cloned()),
            RouteIssuers::Trusted => {}
        }
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        names.push("issuer".into());
    }
    names
}

/// A gate that answers at one fixed moment.
pub(super) struct Rehearsal {
    gate: Gate,
    authorizer: Arc<Authorizer>,
    signers: Option<Signers>,
    issuers: Vec<IssuerRules>,
    now: UnixSeconds,
    runtime: Runtime,
}

impl Rehearsal {
    /// A gate whose callers bring claims.
    pub(super) fn with_claims(grounds: &Grounds, now: UnixSeconds) -> anyhow::Result<Self> {
        let signers = Signers::new(&grounds.issuers)?;
        let trust = CurrentTrust::from(signers.trust()?);
        Self::new(grounds, trust, Some(signers), now)
    }

    /// A gate whose callers bring tokens, which are judged by this trust.
    pub(super) fn with_tokens(
        grounds: &Grounds,
        trust: CurrentTrust,
        now: UnixSeconds,
    ) -> anyhow::Result<Self> {
        Self::new(grounds, trust, None, now)
    }

    fn new(
        grounds: &Grounds,
        trust: CurrentTrust,
        signers: Option<Signers>,
        now: UnixSeconds,
    ) -> anyhow::Result<Self> {
        let snapshot = Snapshot::new(Arc::clone(&grounds.policy), trust);
        let limits = CacheLimits {
            max_entries: 1,
            max_bytes: 1,
        };
        let clock = Arc::new(ManualClock::new(now));
        let authorizer = Arc::new(Authorizer::new(snapshot, limits, clock));
        // Nobody reads what it logs: the log of a verb is not installed.
        let log = DecisionLog::new(
            DecisionSettings::default(),
            SubjectNames::load(SubjectForm::Digest, None)?,
        );
        let metrics = GateMetrics::register(&mut Registry::default());
        let settings = grounds.settings.clone();
        let gate = Gate::new(
            Arc::clone(&authorizer),
            settings,
            log,
            metrics,
            Arc::new(NoKeyRefresh),
        );
        Ok(Self {
            gate,
            authorizer,
            signers,
            issuers: grounds.issuers.clone(),
            now,
            runtime: Builder::new_current_thread().enable_all().build()?,
        })
    }

    pub(super) fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    /// The request as this caller sends it.
    pub(super) fn asked_by(
        &self,
        request: &AskedRequest,
        caller: &Caller,
    ) -> anyhow::Result<AskedRequest> {
        let mut asked = request.clone();
        match caller {
            Caller::AsInHeaders => {}
            Caller::Token(token) => asked.add_token(token, self.header_of(token)),
            Caller::Claims { issuer, claims } => {
                let Some(signers) = &self.signers else {
                    bail!("tokens are judged here, not claims");
                };
                let issuer = Signers::find(issuer.as_deref(), &self.issuers)?;
                let token = signers.sign(issuer, claims.clone(), self.now)?;
                asked.add_token(&token, issuer.token_header());
            }
        }
        Ok(asked)
    }

    /// The header in which the tokens of its issuer come; nothing stands for `Authorization`.
    fn header_of(&self, token: &str) -> Option<&str> {
        let token = UnverifiedToken::parse(token.as_bytes()).ok()?;
        let claims = token.content().ok()?.claims;
        let all: Vec<&IssuerRules> = self.issuers.iter().collect();
        entry_of(&claims, &all)?.token_header()
    }

    /// The request as the gate reads it.
    pub(super) fn read<'a>(
        &'a self,
        asked: &'a AskedRequest,
    ) -> Result<Request<'a>, MalformedCheck<'a>> {
        asked.read(self.gate.aliases())
    }

    /// What the gate answers.
    pub(super) fn ask(&self, asked: &AskedRequest) -> Answer {
        let limits = WaitLimits {
            key_wait: Duration::ZERO,
            longest: Duration::from_mins(1),
        };
        let verifications = Verifications::default();
        let turn = Turn::within(None, Instant::now(), &limits, &verifications);
        let answering = self.gate.check(&Answers, self.read(asked), &turn);
        self.runtime.block_on(answering)
    }
}

/// Nothing is fetched: the keys are there, or the answer says that they are not.
struct NoKeyRefresh;

impl KeyRefresh for NoKeyRefresh {
    fn can_ask(&self, _: &MissingKey) -> bool {
        false
    }

    fn ask(
        &self,
        _: MissingKey,
        _: Duration,
    ) -> std::pin::Pin<Box<dyn Future<Output = KeyNews> + Send + '_>> {
        Box::pin(std::future::ready(KeyNews::Answered))
    }
}
