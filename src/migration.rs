//! Access rules of other products as policies: what they ask for a request becomes routes.
//!
//! **An import never lets in what the source refuses.** A source becomes a [`formula::Formula`], in which
//! all that a policy cannot say is unknown. The formula is looked at once for each template that the source
//! tells apart; there, what is unknown counts as not met where it would let in, and as met where it would
//! refuse.

mod alternatives;
mod asked;
mod cell;
mod envoy;
mod formula;
mod heimdall;
mod hosts;
mod istio;
mod opa;
mod policy_text;
mod reduction;
mod routes;
mod template;
mod text;
mod tokens;
mod trust;

use crate::policy::Policy;
use crate::problem::{Problem, Source};
use asked::{Asked, Terms};
use formula::Formula;
use routes::{NewRoute, Routes};
use trust::TrustEntry;

pub use envoy::{EnvoySettings, import_envoy};
pub use heimdall::import_heimdall;
pub use istio::{IstioSettings, import_istio};
pub use opa::{OpaSettings, import_opa};

/// What becomes of requests that the source lets in without a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Publicity {
    /// Nobody may send them until somebody has reviewed them.
    #[default]
    Review,
    Allow,
}

/// A policy made of the rules of another product.
#[derive(Debug)]
pub struct Migrated {
    /// The policy file.
    pub text: String,
    /// The section `trust` of the server's config, where the rules ask for tokens.
    pub trust: Option<String>,
    /// The rules of the source.
    pub rules: usize,
    pub routes: usize,
    /// How many of them are stricter than the source, so that somebody has to look at them.
    pub for_review: usize,
    pub notes: Vec<Note>,
}

/// What was not carried over, or needs a look.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// What it is about, such as `filter rbac, policy admin`.
    pub place: String,
    pub message: String,
}

/// What is told of an import.
#[derive(Debug, Default)]
struct Notes(Vec<Note>);

/// The most notes; the last of them says that there are more.
const MAX_NOTES: usize = 2000;

impl Notes {
    fn add(&mut self, place: &str, message: impl Into<String>) {
        let note = Note {
            place: policy_text::comment(place),
            message: policy_text::comment(&message.into()),
        };
        if self.0.len() < MAX_NOTES {
            self.0.push(note);
        } else if self.0.len() == MAX_NOTES {
            self.0.push(Note {
                place: "and so on".to_owned(),
                message: format!("there are more than {MAX_NOTES} remarks"),
            });
        }
    }

    fn add_once(&mut self, place: &str, message: &str) {
        let is_known = |note: &Note| note.place == place && note.message == message;
        if !self.0.iter().any(is_known) {
            self.add(place, message);
        }
    }

    /// Something that cannot be said in a policy, with a note that says where it is.
    fn unknown(&mut self, place: &str, what: &str) -> Formula {
        self.add(place, format!("not carried over: {what}"));
        Formula::Unknown(policy_text::comment(&format!("{place}: {what}")).into())
    }
}

/// A source as it was read.
struct Reading {
    /// What was read, for the head of the policy.
    title: String,
    formula: Formula,
    rules: usize,
    trust: Vec<TrustEntry>,
    terms: Terms,
    notes: Notes,
}

/// Makes the policy of what was read.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn finish(reading: Reading) -> Result<Migrated, Problem> {
    let Reading {
        title,
        formula,
        rules,
        trust,
        terms,
        mut notes,
    } = reading;
    let Routes {
        mut routes,
        closed_hosts,
    } = routes::routes(&formula, &terms, &mut notes)?;
    let body = loaded(&mut routes, &closed_hosts, &mut notes)?;
    for route in &routes {
        if let Some(remark) = route.asked.remark() {
            let methods = if route.methods.is_empty() {
                "*".to_owned()
            } else {
                route.methods.join(",")
            };
            let place = format!("route {methods} {}", route.path.text());
            notes.add_once(&place, &format!("for review, {remark}"));
        }
    }
    let reviews = routes.iter().filter(|route| route.asked.remark().is_some());
    let for_review = reviews.count();
    let head = format!(
        "# Imported from {}: {rules} rules, {} routes, {for_review} of them for review.\n",
        policy_text::comment(&title),
        routes.len(),
    );
    Ok(Migrated {
        text: head + &body,
        trust: trust::section(&trust),
        rules,
        routes: routes.len(),
        for_review,
        notes: notes.0,
    })
}

/// The text of the policy, which loads. A route that does not load is open to nobody instead: without it,
/// its requests would go to a wider one.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn loaded(
    routes: &mut [NewRoute],
    closed_hosts: &[String],
    notes: &mut Notes,
) -> Result<String, Problem> {
    const MAX_ROUNDS: usize = 3;
    let mut last = None;
    for _ in 0..MAX_ROUNDS {
        let (text, lines) = policy_text::write(routes, closed_hosts);
        let source = Source {
            name: "policy".to_owned(),
            text,
        };
        let Err(problems) = Policy::compile(std::slice::from_ref(&source)) else {
            return Ok(source.text);
        };
        for problem in problems.0 {
            let line = problem.place.as_ref().map_or(0, |place| place.line);
            let position = lines.iter().rposition(|first| *first <= line);
            if let Some(route) = position.and_then(|position| routes.get_mut(position))
                && !route.asked.is_closed()
            {
                notes.add(
                    &format!("route {}", route.path.text()),
                    format!("for review, open to nobody: {}", problem.message),
                );
                route.asked = Asked::Nobody(Some(problem.message));
            } else {
                last = Some(problem);
            }
        }
    }
    let why = last.map_or_else(String::new, |problem| format!(": {}", problem.message));
    Err(
        Problem::new(format!("the policy made of this does not load{why}"))
            .help("import a part of the rules"),
    )
}

#[cfg(test)]
mod tests;
