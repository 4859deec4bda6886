//! What the policy in shadow answers to the request that is explained.

use serde::Serialize;

use crate::authorizer::Difference;
use crate::cli::rehearsal::Answer;
use crate::labels::Label;

/// The answer that a caller would get if the policy in shadow were enforced.
#[derive(Debug, Serialize)]
pub(super) struct ShadowAnswer {
    pub(super) policy_digest: String,
    /// What would change, by the name that metrics and log have for it.
    pub(super) difference: &'static str,
    pub(super) answer: Answer,
    /// The answer is that to a placeholder, and rests on what it cannot have.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_uncertain: bool,
    #[serde(skip)]
    change: Difference,
}

impl ShadowAnswer {
    pub(super) fn new(enforced: &Answer, answer: Answer, policy_digest: String) -> Self {
        let change = change(enforced, &answer);
        Self {
            policy_digest,
            difference: change.label(),
            answer,
            is_uncertain: false,
            change,
        }
    }

    /// Takes back what would change, and with it the answer if that rests on what is not known.
    pub(super) fn forget(&mut self, with_answer: bool) {
        self.change = Difference::Unknown;
        self.difference = self.change.label();
        self.is_uncertain = with_answer;
    }

    /// What would change, for a person.
    pub(super) fn words(&self) -> &'static str {
        match self.change {
            Difference::Alike => "nothing",
            Difference::MoreOpen => "the request would pass",
            Difference::MoreClosed => "the request would be refused",
            Difference::Identity => "the upstream would be told of another caller",
            Difference::Refusal => "the request would be refused for another reason",
            Difference::Unknown => "not known",
        }
    }
}

fn change(before: &Answer, after: &Answer) -> Difference {
    let (was, is) = (before.disposition, after.disposition);
    match (was.is_allowed(), is.is_allowed()) {
        (false, true) => Difference::MoreOpen,
        (true, false) => Difference::MoreClosed,
        (true, true) if before.upstream_headers != after.upstream_headers => Difference::Identity,
        (false, false) if was != is => Difference::Refusal,
        (true, true) | (false, false) => Difference::Alike,
    }
}
