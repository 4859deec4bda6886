//! What the shadow policy says of a check beside the policy in force, which alone answers.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use super::Gate;
use super::request::Request;
use super::stage::Stage;
use crate::authorizer::{Difference, Effort, Judgement, Known, Question, ShadowPolicy, Snapshot};
use crate::decision::Verdict;
use crate::token::VerifiedToken;

/// What the shadow policy may find out about a token that the policy in force does not need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShadowEffort {
    /// What the cache knows of it; its signature may be asked for.
    Cache,
    /// It may be verified now.
    Signature,
    /// It will not be verified.
    Spent,
}

impl ShadowEffort {
    fn effort(self) -> Effort {
        match self {
            Self::Signature => Effort::Full,
            Self::Cache | Self::Spent => Effort::Cache,
        }
    }
}

/// Only a token's signature can tell what the shadow policy says.
pub(super) struct NeedsSignature;

/// What the two policies say of one check.
#[derive(Debug)]
pub(super) struct Compared<'s> {
    pub(super) enforced: Verdict<'s>,
    /// Nothing where it is not known.
    pub(super) opinion: Option<Verdict<'s>>,
    pub(super) difference: Difference,
    policy: &'s ShadowPolicy,
}

/// What a line about a difference tells beside the two verdicts.
pub(super) struct DifferenceEntry<'e> {
    pub(super) compared: &'e Compared<'e>,
    pub(super) request: &'e Request<'e>,
    pub(super) caller: Option<&'e VerifiedToken>,
    pub(super) policy_digest: &'e str,
    pub(super) decision_id: &'e str,
    pub(super) now: Instant,
}

impl Compared<'_> {
    pub(super) fn shadow_digest(&self) -> &str {
        self.policy.policy().digest()
    }

    pub(super) fn tally(&self) {
        let Self {
            enforced, opinion, ..
        } = self;
        let difference = self.difference;
        self.policy.tally(enforced, opinion.as_ref(), difference);
    }
}

/// How far a check has come, and what its shadow may still cost.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    pub(super) stage: Stage,
    pub(super) effort: ShadowEffort,
}

impl Gate {
    /// Asks the shadow policy of `snapshot`, if it has one, about a request that has been judged.
    ///
    /// Nothing that happens there reaches the caller: it is given what is known already, and a panic is
    /// caught and counts as not known.
    pub(super) fn compare<'s>(
        &self,
        snapshot: &'s Snapshot,
        question: &Question<'_>,
        judgement: &Judgement<'s>,
        known: Option<&Known<'_>>,
        attempt: Attempt,
    ) -> Result<Option<Compared<'s>>, NeedsSignature> {
        let (Some(policy), Some(known)) = (snapshot.shadow(), known) else {
            return Ok(None);
        };
        let Attempt { stage, effort } = attempt;
        if stage == Stage::Unverified {
            // What the gate had no time to find out is nothing that the policies differ in.
            return Ok(None);
        }
        // Nothing half-written stays behind, as in `Gate::contain`.
        let judging = AssertUnwindSafe(|| {
            let authorizer = &self.authorizer;
            authorizer.judge_in_shadow(snapshot, policy, question, known, effort.effort())
        });
        let opinion = match std::panic::catch_unwind(judging) {
            // One signature for one check: this one has had its turn.
            Ok(None) if effort == ShadowEffort::Cache && !stage.verifies() => {
                return Err(NeedsSignature);
            }
            Ok(opinion) => opinion,
            // The panic hook has logged the place.
            Err(_) => None,
        };
        // A key that the policy in force has no use for is not fetched for the sake of the other one.
        let opinion = opinion.filter(|opinion| {
            let missing = opinion.missing_key.as_ref();
            let is_asked_for = |missing| stage.news().is_none() && self.keys.can_ask(missing);
            !missing.is_some_and(is_asked_for)
        });
        Ok(Some(Compared {
            enforced: Verdict::of(&judgement.decision),
            difference: match &opinion {
                Some(opinion) => opinion.differs_from(judgement),
                None => Difference::Unknown,
            },
            opinion: opinion.map(|opinion| opinion.verdict),
            policy,
        }))
    }
}
