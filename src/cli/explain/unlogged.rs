//! What an answer depends on that is in no log, so that nobody can tell it from a line.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::record::Record;
use super::report::{Certainty, Report};
use crate::cli::rehearsal::{Answer, Grounds, Reason, Surrounding};
use crate::condition::{Cause, Condition};
use crate::labels::Label;
use crate::policy::{Policy, Requirement, Route};
use crate::token::TokenErrorKind;

/// The route of this policy that has this name.
pub(super) fn route<'p>(policy: &'p Policy, name: Option<&str>) -> Option<&'p Route> {
    let mut routes = policy.routes().iter().map(AsRef::as_ref);
    routes.find(|route| Some(&*route.name) == name)
}

/// What the answer to the placeholder of a token rests on and the line has not.
fn what_is_missing(policy: &Policy, answer: &Answer, scopes: Option<&str>) -> Option<String> {
    let route = route(policy, answer.route.as_deref())?;
    let (reason, passes) = (answer.disposition.reason(), answer.disposition.passes());
    let is_about_scopes = reason == Reason::ScopesMissing;
    let decided_by_claims = [Reason::ConditionNotMet, Reason::ConditionFailed];
    let is_about_claims = passes || decided_by_claims.contains(&reason);
    let mut conditions = route.conditions.iter();
    let name = &route.name;
    if is_about_claims && conditions.any(Condition::reads_token) {
        return Some(format!(
            "the condition of the route `{name}` reads claims of the token, which no log has: write them after \
             `--claims`"
        ));
    }
    let asks_scopes = matches!(route.requirement, Requirement::Scopes(_));
    (asks_scopes && scopes.is_none() && (passes || is_about_scopes || is_about_claims)).then(|| {
        format!(
            "the route `{name}` asks for scopes, and those of the token are not in the line: write them after \
             `--scopes`"
        )
    })
}

/// What the answer to a refused token rests on, where another route than the one that refused it may find it
/// good.
fn what_a_refusal_hides(policy: &Policy, answer: &Answer, record: &Record) -> Option<String> {
    let refused = record.refused_token()?;
    let route = route(policy, answer.route.as_deref());
    let reads_token =
        route.is_some_and(|route| route.conditions.iter().any(Condition::reads_token));
    let is_refused = answer.disposition.reason() == refused;
    let is_for_other_routes = record.detail.as_deref() == Some(TokenErrorKind::OtherIssuer.label());
    let is_unverified = refused != Reason::BadToken;
    let is_hidden =
        is_for_other_routes && (is_refused || reads_token) || is_unverified && reads_token;
    is_hidden.then(|| {
        "it rests on the token, which was not found bad in itself and which no log has: `--token` judges it".to_owned()
    })
}

impl Report {
    /// Takes back what was found out with the placeholder of a token and rests on what it cannot have.
    pub(super) fn doubt(&mut self, record: &Record, grounds: &Grounds) {
        let missing = |policy: &Policy, answer: &Answer, scopes: Option<&str>| {
            let has_token = record.has_token();
            has_token.then(|| what_is_missing(policy, answer, scopes))?
        };
        let scopes = record.scopes(&grounds.policy);
        let answer = &self.explanation.answer;
        let enforced = missing(&grounds.policy, answer, scopes.as_deref());
        if let Some(missing) = &enforced {
            let note = format!("cannot tell what the gate answers: {missing}");
            self.notes.push(note.into());
            self.certainty = Certainty::Unknown;
        }
        let (Some(shadow), Some(Ok(grounds))) = (&mut self.shadow_policy, grounds.in_shadow())
        else {
            return;
        };
        // What the policy in force must have found in the token is not all that is in it.
        let scopes = record.text("token.scopes");
        let tried = missing(&grounds.policy, &shadow.answer, scopes)
            .or_else(|| what_a_refusal_hides(&grounds.policy, &shadow.answer, record));
        if let Some(missing) = &tried {
            let note = format!("cannot tell what the shadow policy answers: {missing}");
            self.notes.push(note.into());
        }
        let is_another = record.is_of_policy(&self.explanation.policy_digest) == Some(true)
            && record.is_of_shadow(&shadow.policy_digest)
            && record
                .text("difference")
                .is_some_and(|difference| difference != shadow.difference);
        if enforced.is_some() || tried.is_some() || is_another {
            shadow.forget(tried.is_some() || is_another);
        }
    }
}

impl Report {
    /// Takes back an answer that rests on what only the proxy knows and nobody has said.
    pub(super) fn doubt_unsaid(&mut self, unsaid: &[Surrounding]) {
        if unsaid.is_empty() {
            return;
        }
        let notes = notes_of_unsaid("the gate", unsaid);
        self.notes.splice(..0, notes);
        self.certainty = Certainty::Unknown;
        if let Some(shadow) = &mut self.shadow_policy {
            let is_uncertain = shadow.is_uncertain;
            shadow.forget(is_uncertain);
        }
    }
}

pub(super) fn notes_of_unsaid<'u>(
    who: &'u str,
    unsaid: &'u [Surrounding],
) -> impl Iterator<Item = Cow<'static, str>> + 'u {
    unsaid.iter().map(move |unsaid| {
        let (read, key) = unsaid.names();
        let option = key.replace('_', "-");
        Cow::Owned(format!(
            "cannot tell what {who} answers: a condition reads `{read}`, which is not said: write it after \
             `--{option}`"
        ))
    })
}

/// What the line itself says of the condition that refused, for a person: the claims that it read are in no log.
pub(super) fn logged_condition(record: &Record) -> Option<String> {
    let condition = record.text("condition")?;
    let Some(part) = record.text("condition.part") else {
        return Some(format!("then: `{condition}` did not hold"));
    };
    let mut causes = Cause::ALL.iter();
    let cause = causes.find(|cause| Some(cause.label()) == record.detail.as_deref());
    let why = match cause {
        Some(Cause::Missing) => format!(": `{part}` was missing"),
        Some(cause) => format!(": of `{part}`, {cause}"),
        None => format!(": because of `{part}`"),
    };
    Some(format!("then: `{condition}` could not be evaluated{why}"))
}

/// What the line itself says of the shadow policy, for a person.
pub(super) fn logged_difference(record: &Record) -> Option<String> {
    let difference = record.text("difference")?;
    let mut told = format!("difference then: {difference}");
    for (name, word) in [
        ("shadow.decision", "the shadow policy said"),
        ("shadow.reason", "because"),
        ("shadow.route.name", "by the route"),
        ("shadow.condition", "whose condition is"),
    ] {
        if let Some(text) = record.text(name) {
            let _ = write!(told, ", {word} {text}");
        }
    }
    Some(told)
}
