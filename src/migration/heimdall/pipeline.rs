//! Pipelines: what the steps of a rule ask.

use std::rc::Rc;

use super::mechanisms::{Authenticator, Mechanisms};
use super::rules::Reader;
use crate::doctor::field::{items, text};
use crate::migration::formula::{Formula, Test};
use crate::problem::quoted;
use crate::yaml::Tree;

/// What a step can be.
const STEPS: [&str; 7] = [
    "authenticator",
    "authorizer",
    "contextualizer",
    "hydrator",
    "finalizer",
    "unifier",
    "mutator",
];

/// What becomes of a request at the authenticators before one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Before {
    Nothing,
    /// It goes on, whatever its token is.
    FallsBack,
    /// It goes on without a token; some versions refuse a bad one.
    Refuses,
    Unclear,
}

impl Reader<'_> {
    /// What the steps of a rule ask; of a kind that it does not have, those of the default rule.
    pub(super) fn pipeline(&mut self, rule: &Tree, place: &str) -> Formula {
        let own = items(rule, &["execute"]);
        let fallback = self
            .default
            .map(|default| items(default, &["execute"]))
            .unwrap_or_default();
        let first = steps(own, fallback, &["authenticator"]);
        let second = steps(own, fallback, &["authorizer", "contextualizer", "hydrator"]);
        if !steps(own, fallback, &["finalizer", "unifier", "mutator"]).is_empty() {
            let advice = "its finalizers are left out: the gate sets its own identity headers";
            self.notes.add(place, advice);
        }
        let mut all = vec![self.authenticators(&first, place)];
        for step in second {
            all.push(self.authorizer(step, place));
        }
        if own
            .iter()
            .any(|step| !STEPS.iter().any(|kind| step.get(kind).is_some()))
        {
            all.push(self.notes.unknown(place, "a step that has no equal"));
        }
        Formula::All(all)
    }

    /// What the authenticators of a rule let in. Each is asked where those before it have found nothing.
    fn authenticators(&mut self, steps: &[&Tree], place: &str) -> Formula {
        if steps.is_empty() {
            return self.notes.unknown(place, "it has no authenticator");
        }
        if steps.iter().any(|step| step.get("principal").is_some()) {
            // Those of different names are asked for together.
            return self
                .notes
                .unknown(place, "`principal` of an authenticator has no equal");
        }
        let mut any = Vec::new();
        let mut before = Before::Nothing;
        for step in steps {
            let found = authenticator(self.mechanisms, step);
            let asked = found.as_ref().map_err(Clone::clone);
            let asked = asked.and_then(|known| known.behind(before));
            any.push(asked.unwrap_or_else(|reason| self.notes.unknown(place, &reason)));
            before = match found {
                // What comes behind these is not asked in all versions.
                Ok(Authenticator::Anonymous | Authenticator::Unauthorized) => break,
                Ok(Authenticator::Jwt { falls_back, .. }) => before.max(if *falls_back {
                    Before::FallsBack
                } else {
                    Before::Refuses
                }),
                Ok(Authenticator::Other(_)) | Err(_) => Before::Unclear,
            };
        }
        Formula::Any(any)
    }

    fn authorizer(&mut self, step: &Tree, place: &str) -> Formula {
        let Some(id) = text(step, &["authorizer"]) else {
            return self
                .notes
                .unknown(place, "a contextualizer may refuse, which has no equal");
        };
        match self.mechanisms.authorizer_of(id) {
            Some("allow") => Formula::True,
            Some("deny") if step.get("if").is_none() => Formula::False,
            Some(kind) => {
                let reason = format!("the authorizer {} (`{kind}`) has no equal", quoted(id));
                self.notes.unknown(place, &reason)
            }
            None => {
                let reason = format!(
                    "no `mechanisms` here say what the authorizer {} is",
                    quoted(id)
                );
                self.notes.unknown(place, &reason)
            }
        }
    }
}

impl Authenticator {
    /// What it lets in, behind others.
    fn behind(&self, before: Before) -> Result<Formula, String> {
        match self {
            Self::Anonymous => match before {
                Before::Nothing => Ok(Formula::True),
                Before::FallsBack | Before::Refuses => Ok(Formula::Test(Test::NoToken)),
                Before::Unclear => Err(
                    "whether `anonymous` is asked, an authenticator before it decides".to_owned(),
                ),
            },
            Self::Unauthorized => Ok(Formula::False),
            Self::Jwt { entry, also, .. } if before <= Before::FallsBack => {
                let token = Formula::Test(Test::Issuer(Rc::clone(&entry.name)));
                Ok(Formula::All(vec![token, also.clone()]))
            }
            Self::Jwt { .. } => Err(
                "an authenticator before it may refuse its tokens: only `allow_fallback_on_error` there lets \
                 them go on in all versions"
                    .to_owned(),
            ),
            Self::Other(reason) => Err(reason.clone()),
        }
    }
}

/// The authenticator of a step, as it is configured.
fn authenticator<'m>(mechanisms: &'m Mechanisms, step: &Tree) -> Result<&'m Authenticator, String> {
    const KNOWN: [&str; 3] = ["authenticator", "config", "id"];
    let mut keys = step.entries().iter().map(|(key, _)| key.as_str());
    if let Some(key) = keys.find(|key| !KNOWN.contains(key)) {
        return Err(format!("{} of an authenticator has no equal", quoted(key)));
    }
    let id = text(step, &["authenticator"]).unwrap_or_default();
    let known = mechanisms.authenticator_of(id).ok_or_else(|| {
        format!(
            "no `mechanisms` here say what the authenticator {} is",
            quoted(id)
        )
    })?;
    let takes_config = matches!(
        known,
        Authenticator::Anonymous | Authenticator::Unauthorized
    );
    if step.get("config").is_some() && !takes_config {
        return Err("a `config` of its own for an authenticator has no equal".to_owned());
    }
    Ok(known)
}

/// The steps of these kinds; where a rule has none, those that are there for all.
fn steps<'t>(own: &'t [Tree], fallback: &'t [Tree], kinds: &[&str]) -> Vec<&'t Tree> {
    let of = |list: &'t [Tree]| -> Vec<&'t Tree> {
        let is_one = |step: &&Tree| kinds.iter().any(|kind| step.get(kind).is_some());
        list.iter().filter(is_one).collect()
    };
    let found = of(own);
    if found.is_empty() {
        of(fallback)
    } else {
        found
    }
}
