//! The examples of a comparison, decided by both policies.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, bail};

use crate::authorizer::{Authorizer, CacheLimits, Effort, Question, Snapshot};
use crate::cli::rehearsal::{Signers, made_up_issuer, scopes_as_claims};
use crate::clock::{ManualClock, UnixSeconds};
use crate::comparison::{ANOTHER_ISSUER, Caller, Comparison, Difference, Effect};
use crate::condition::NoAttributes;
use crate::decision::Decision;
use crate::policy::{ExampleRequest, Policy, RouteIssuers};
use crate::token::{Credential, Credentials, IssuerRules, UnverifiedToken};

/// The moment of all trials.
const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

/// What became of the examples, each at the position of its difference.
pub(super) struct Tried(Vec<Vec<Trial>>);

/// An example request, sent by one caller under both policies.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) caller: Caller,
    pub(super) before: Decided,
    pub(super) after: Decided,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) is_allowed: bool,
    /// Why, as log and metrics call it.
    pub(super) reason: &'static str,
}

impl Tried {
    /// Decides all examples. A difference that they do not confirm is one of which nobody can tell what
    /// it means: a path of it has more than one reading.
    pub(super) fn all(
        comparison: &mut Comparison<'_>,
        old: &Arc<Policy>,
        new: &Arc<Policy>,
        trusted: Option<&[IssuerRules]>,
    ) -> anyhow::Result<Self> {
        let callers = Callers::new([old, new], trusted)?;
        let (old, new) = (callers.authorizer(old)?, callers.authorizer(new)?);
        let mut tried = Vec::with_capacity(comparison.differences.len());
        for difference in &comparison.differences {
            let mut trials = Vec::new();
            if let Some(example) = &difference.example {
                for caller in callers_of(difference) {
                    let token = callers.token(&caller)?;
                    let token = token.as_ref();
                    trials.push(Trial {
                        before: decide(&old, example, token)?,
                        after: decide(&new, example, token)?,
                        caller,
                    });
                }
            }
            tried.push(trials);
        }
        let mut all: Vec<_> = std::mem::take(&mut comparison.differences)
            .into_iter()
            .zip(tried)
            .map(|(difference, trials)| confirmed(difference, trials))
            .collect();
        // Stable: the order stays but for those that were not confirmed.
        all.sort_by_key(|(difference, _)| difference.effect);
        let (differences, tried) = all.into_iter().unzip();
        comparison.differences = differences;
        Ok(Self(tried))
    }

    pub(super) fn of(&self, position: usize) -> &[Trial] {
        self.0.get(position).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Those whom the difference concerns; of one that changes nobody's access, a caller without a token.
fn callers_of(difference: &Difference<'_>) -> Vec<Caller> {
    let named = [&difference.gains, &difference.loses];
    let mut callers: Vec<Caller> = named.into_iter().flatten().cloned().collect();
    if callers.is_empty() && difference.effect == Effect::Refusal {
        callers.push(Caller::Anonymous);
    }
    callers
}

fn confirmed(mut difference: Difference<'_>, trials: Vec<Trial>) -> (Difference<'_>, Vec<Trial>) {
    let mut allowed = trials
        .iter()
        .map(|trial| (trial.before.is_allowed, trial.after.is_allowed));
    let is_confirmed = match difference.effect {
        Effect::MoreOpen => allowed.any(|one| one == (false, true)),
        Effect::MoreClosed => allowed.any(|one| one == (true, false)) || trials.is_empty(),
        Effect::Changed => {
            let all: Vec<_> = allowed.collect();
            all.contains(&(false, true)) && all.contains(&(true, false))
        }
        Effect::Refusal => allowed.all(|one| one == (false, false)),
        Effect::Unclear | Effect::Identity => true,
    };
    if !is_confirmed {
        difference.effect = Effect::Unclear;
        let is_conditional =
            difference.before.is_conditional() || difference.after.is_conditional();
        difference.unclear = Some(if is_conditional {
            "the condition of a route decides, and does not hold for the example"
        } else {
            "the path of these requests has several readings"
        });
    }
    (difference, trials)
}

/// Makes the tokens of the trials, and trusts them.
struct Callers {
    issuers: Vec<IssuerRules>,
    signers: Signers,
}

impl Callers {
    fn new(policies: [&Policy; 2], trusted: Option<&[IssuerRules]>) -> anyhow::Result<Self> {
        let routes = policies.into_iter().flat_map(Policy::routes);
        let of_routes = routes.flat_map(|route| match &route.issuers {
            RouteIssuers::Named(names) => names.to_vec(),
            RouteIssuers::Trusted => Vec::new(),
        });
        let issuers = if let Some(rules) = trusted {
            rules.to_vec()
        } else {
            let names: BTreeSet<Box<str>> = of_routes.chain([ANOTHER_ISSUER.into()]).collect();
            names.iter().map(|name| made_up_issuer(name)).collect()
        };
        Ok(Self {
            signers: Signers::new(&issuers)?,
            issuers,
        })
    }

    /// Decides by this policy and by trust in all issuers.
    fn authorizer(&self, policy: &Arc<Policy>) -> anyhow::Result<Authorizer> {
        let limits = CacheLimits {
            max_entries: 1,
            max_bytes: 1,
        };
        let snapshot = Snapshot::new(Arc::clone(policy), self.signers.trust()?);
        let clock = Arc::new(ManualClock::new(NOW));
        Ok(Authorizer::new(snapshot, limits, clock))
    }

    fn token(&self, caller: &Caller) -> anyhow::Result<Option<Token>> {
        let Caller::Holder { issuer, scopes } = caller else {
            return Ok(None);
        };
        let issuer = Signers::find(issuer.as_deref(), &self.issuers)?;
        let claims = scopes_as_claims(issuer, &scopes.join(" "));
        Ok(Some(Token {
            text: self.signers.sign(issuer, claims, NOW)?,
            header: issuer.token_header().map(Into::into),
        }))
    }
}

/// A token of a trial.
struct Token {
    text: String,
    /// The one that its issuer has its tokens in; nothing stands for `Authorization`.
    header: Option<Box<str>>,
}

impl Token {
    fn credentials(&self) -> anyhow::Result<Credentials<'_>> {
        let token = match UnverifiedToken::parse(self.text.as_bytes()) {
            Ok(token) => token,
            Err(error) => bail!("the token of an example: {error}"),
        };
        Ok(match self.header.as_deref() {
            None => Credentials::bearer(Credential::Token(token)),
            Some(name) => {
                Credentials::NONE.with_bare(name, Credential::Token(token.in_header(name)))
            }
        })
    }
}

fn decide(
    authorizer: &Authorizer,
    example: &ExampleRequest,
    token: Option<&Token>,
) -> anyhow::Result<Decided> {
    let credentials = token.map_or(Ok(Credentials::NONE), Token::credentials)?;
    let question = Question {
        target: &example.target(),
        attributes: &NoAttributes,
        credentials: &credentials,
    };
    let snapshot = authorizer.snapshot();
    let judged = authorizer.judge_within(&snapshot, &question, Effort::Full);
    let judgement = judged.context("an example was not judged")?;
    Ok(match judgement.decision {
        Decision::Allow(permit) => Decided {
            is_allowed: true,
            reason: permit.label(),
        },
        Decision::Deny(denial) => Decided {
            is_allowed: false,
            reason: denial.label(),
        },
    })
}
