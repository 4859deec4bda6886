//! What the gate beside the site says of a request, in the words of the reader.

use super::language::Language;
use super::reasons::of_target;
use super::words::Words;
use crate::authorizer::Authorizer;
use crate::decision::Denial;
use crate::issuer::http::backend::who::{AskedRequest, Judged};
use crate::policy::Target;

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
    fn request(&self) -> AskedRequest<'_> {
        AskedRequest {
            method: self.method,
            host: self.host,
            path: self.path,
        }
    }

    /// What routes are found by.
    pub(super) fn target(&self) -> Target<'_> {
        self.request().target()
    }

    /// What the gate says of it now: as it would answer the proxy.
    pub(super) fn judge(&self, gate: &Authorizer, language: Language) -> Verdict {
        let snapshot = gate.snapshot();
        let judged = self.request().judge(gate, &snapshot, self.token);
        Verdict::of(&judged, self.fix, language)
    }
}

impl Verdict {
    /// In words; `fix` says who can add scopes that are missing.
    pub(super) fn of(judged: &Judged<'_>, fix: &str, language: Language) -> Self {
        let words = language.words();
        let verdict = &judged.verdict;
        let reason = |denial| reason(denial, judged, fix, language);
        let sentence = match (verdict.passes(), verdict.denial()) {
            (true, Some(denial)) => format!("{} {}", words.panel.who_shadow, reason(denial)),
            (_, Some(denial)) => reason(denial),
            (_, None) => words.panel.who_yes.to_owned(),
        };
        let route = verdict.route();
        let name = route.map(|route| route.name.to_string());
        let needs = route.map(|route| words.needs(&route.requirement));
        Self {
            passes: verdict.passes(),
            sentence,
            route: name.unwrap_or_default(),
            needs: needs.unwrap_or_default(),
        }
    }
}

fn reason(denial: Denial<'_>, judged: &Judged<'_>, fix: &str, language: Language) -> String {
    let words = language.words();
    match denial {
        Denial::MalformedTarget(rule) => {
            let rule = of_target(language, rule);
            format!("{} {rule}.", words.panel.who_malformed)
        }
        Denial::SeveralCredentials | Denial::BadToken { .. } => {
            words.panel.who_bad_token.to_owned()
        }
        Denial::NoToken { route: Some(_) } => words.panel.who_needs_token.to_owned(),
        Denial::NoToken { route: None } => words.panel.who_unlisted_without.to_owned(),
        Denial::ScopesMissing { .. } => {
            let missing = missing(judged, words);
            format!("{} {missing}. {fix}", words.panel.who_lacks)
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

/// Which scopes of a route the token lacks.
fn missing(judged: &Judged<'_>, words: &'static Words) -> String {
    let missing = judged.missing();
    let missing = missing.map(|missing| missing.phrase(words.of_scopes()));
    missing.unwrap_or_default()
}
