//! What the shadow policy says of a request. It is compared with what the policy in force says, and has no
//! effect.

use std::sync::Arc;

use super::{
    Authorizer, Difference, Effort, Judgement, Question, ShadowPolicy, Snapshot, circumstances,
    evidence, is_about_a_key, missing_key, on_routes,
};
use crate::decision::{Denial, Verdict, verdict};
use crate::token::{Credential, MissingKey, TokenError, VerifiedToken};

/// What is known of the credential of a request that was judged: nobody need find it out again.
#[derive(Debug, Clone)]
pub struct Known<'q> {
    pub(super) credential: Credential<'q>,
    /// What became of it; nothing where nobody looked.
    pub(super) looked: Option<Result<Option<Arc<VerifiedToken>>, TokenError>>,
}

/// What the shadow policy says of a request. A [`Verdict`] is all that there is to it: no permit can be
/// made of that.
#[derive(Debug)]
pub struct Opinion<'p> {
    pub verdict: Verdict<'p>,
    /// Of whom the upstream would be told.
    caller: Option<Arc<VerifiedToken>>,
    /// With this key the token might hold, and the request pass.
    pub missing_key: Option<MissingKey>,
}

impl<'p> Opinion<'p> {
    fn refused(denial: Denial<'p>) -> Self {
        Self {
            verdict: Verdict::Refuse(denial),
            caller: None,
            missing_key: None,
        }
    }

    /// What enforcing it would change.
    pub fn differs_from(&self, enforced: &Judgement<'_>) -> Difference {
        let (before, after) = (Verdict::of(&enforced.decision), self.verdict);
        match (before, after) {
            (Verdict::Refuse(_), Verdict::Pass { .. }) => Difference::MoreOpen,
            (Verdict::Pass { .. }, Verdict::Refuse(_)) => Difference::MoreClosed,
            (Verdict::Pass { .. }, Verdict::Pass { .. }) => {
                let callers = (&enforced.caller, &self.caller);
                match callers {
                    (None, None) => Difference::Alike,
                    (Some(one), Some(other)) if Arc::ptr_eq(one, other) => Difference::Alike,
                    _ => Difference::Identity,
                }
            }
            (Verdict::Refuse(before), Verdict::Refuse(after)) => {
                let reason = |denial: Denial<'_>| (denial.kind(), denial.detail());
                if reason(before) == reason(after) {
                    Difference::Alike
                } else {
                    Difference::Refusal
                }
            }
        }
    }
}

impl Authorizer {
    /// What `shadow` says of a request that was judged by `snapshot`, whose shadow policy it is; nothing
    /// where this effort does not suffice. A token that nobody has looked at is verified as for the policy
    /// in force.
    pub fn judge_in_shadow<'p>(
        &self,
        snapshot: &Snapshot,
        shadow: &'p ShadowPolicy,
        question: &Question<'_>,
        known: &Known<'_>,
        effort: Effort,
    ) -> Option<Opinion<'p>> {
        let routed = match shadow.policy().route(question.target) {
            Ok(routed) => routed,
            Err(malformed) => {
                return Some(Opinion::refused(Denial::MalformedTarget(malformed)));
            }
        };
        let credentials = question.credentials;
        let credential = credentials.of(snapshot.trust(), |rules| routed.admits(&rules.name));
        if credential == Credential::Several {
            return Some(Opinion::refused(Denial::SeveralCredentials));
        }
        let looked = match &known.looked {
            _ if !routed.may_need_token() => Ok(None),
            Some(looked) if known.credential == credential => looked.clone(),
            Some(_) | None => self.look(snapshot, credential, effort)?,
        };
        let verified = looked.map_err(|error| on_routes(&routed, error, snapshot));
        let circumstances = circumstances(shadow.policy(), &routed, question, || self.now());
        Some(Opinion {
            verdict: verdict(&routed, evidence(&verified), &circumstances),
            missing_key: match verified {
                Err(error) if is_about_a_key(error) => missing_key(&routed, credential, snapshot),
                Ok(_) | Err(_) => None,
            },
            caller: verified
                .ok()
                .flatten()
                .filter(|token| routed.counts(token.issuer_name())),
        })
    }
}
