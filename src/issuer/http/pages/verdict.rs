//! What the gate beside the site says of a request, in the words of the reader.

use super::language::Language;
use super::reasons::of_target;
use super::words::Words;
use crate::authorizer::Authorizer;
use crate::decision::{Decision, Denial};
use crate::policy::{Host, Method, Path, Route, Target};
use crate::token::{Credential, VerifiedToken};

/// A request, and as whose it is judged.
pub(super) struct Question<'q> {
    pub(super) method: &'q str,
    pub(super) host: &'q str,
    /// With its query, if it has one.
    pub(super) path: &'q str,
    pub(super) token: Option<&'q str>,
    /// Who can add scopes that are missing.
    pub(super) fix: &'q str,
}

/// What the gate says.
pub(super) struct Verdict {
    pub(super) passes: bool,
    /// Why.
    pub(super) sentence: String,
    /// The name of the route that decided; empty where none did.
    pub(super) route: String,
    /// What it asks for.
    pub(super) needs: String,
}

impl Question<'_> {
    /// What routes are found by.
    pub(super) fn target(&self) -> Target<'_> {
        Target {
            method: Method(self.method.as_bytes()),
            host: Host(self.host.as_bytes()),
            path: Path(self.path.as_bytes()),
            preflight: None,
            grpc: false,
        }
    }

    /// What the gate says of it now: as it would answer the proxy.
    pub(super) fn judge(&self, gate: &Authorizer, language: Language) -> Verdict {
        let words = language.words();
        let bearer = self.token.map(|token| format!("Bearer {token}"));
        let credential = Credential::read(bearer.as_deref().map(str::as_bytes).into_iter());
        let snapshot = gate.snapshot();
        let judgement = gate.judge(&snapshot, &self.target(), credential);
        let token = judgement.caller.as_deref();
        let reason = |denial: &Denial<'_>| self.reason(denial, token, language);
        let (passes, sentence, route) = match &judgement.decision {
            Decision::Allow(permit) => {
                let sentence = match permit.shadowed() {
                    None => words.panel.who_yes.to_owned(),
                    Some(denial) => format!("{} {}", words.panel.who_shadow, reason(&denial)),
                };
                (true, sentence, Some(permit.route()))
            }
            Decision::Deny(denial) => (false, reason(denial), denial.route()),
        };
        let name = route.map(|route| route.name.to_string());
        let needs = route.map(|route| words.needs(&route.requirement));
        Verdict {
            passes,
            sentence,
            route: name.unwrap_or_default(),
            needs: needs.unwrap_or_default(),
        }
    }

    fn reason(
        &self,
        denial: &Denial<'_>,
        token: Option<&VerifiedToken>,
        language: Language,
    ) -> String {
        let words = language.words();
        match denial {
            Denial::MalformedTarget(rule) => {
                let rule = of_target(language, *rule);
                format!("{} {rule}.", words.panel.who_malformed)
            }
            Denial::SeveralCredentials | Denial::BadToken { .. } => {
                words.panel.who_bad_token.to_owned()
            }
            Denial::NoToken { route: Some(_) } => words.panel.who_needs_token.to_owned(),
            Denial::NoToken { route: None } => words.panel.who_unlisted_without.to_owned(),
            Denial::ScopesMissing { route } => {
                let missing = missing(route, token, words);
                format!("{} {missing}. {}", words.panel.who_lacks, self.fix)
            }
            Denial::Nobody { .. } => words.panel.who_nobody.to_owned(),
            Denial::ConditionNotMet { .. } | Denial::ConditionFailed { .. } => {
                words.panel.who_condition.to_owned()
            }
            Denial::Unlisted => words.panel.who_unlisted.to_owned(),
            Denial::KeysNotLoaded { .. } | Denial::RevocationsStale { .. } => {
                words.panel.who_not_now.to_owned()
            }
        }
    }
}

/// Which scopes of a route the token lacks.
fn missing(route: &Route, token: Option<&VerifiedToken>, words: &'static Words) -> String {
    let has = |scope: &str| token.is_some_and(|token| token.has_scope(scope));
    let required = route.requirement.scopes();
    let missing = required.and_then(|required| required.missing(has));
    let missing = missing.map(|missing| missing.phrase(words.of_scopes()));
    missing.unwrap_or_default()
}
