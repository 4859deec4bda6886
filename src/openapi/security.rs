//! What `security` of an operation asks for, in the words of a policy.

use std::collections::BTreeSet;

use super::Publicity;
use super::description::{Description, Operation, Scheme};
use crate::policy::ScopeName;
use crate::problem::{closest, quoted};
use crate::yaml::Tree;

/// What a route asks of its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Public,
    Authenticated,
    Scopes {
        all: Vec<String>,
        any: Vec<String>,
    },
    /// Nobody, until somebody has looked at it for this reason.
    Review(String),
}

impl Asked {
    pub(super) const NOT_ONE: &str = "several operations describe these requests, and no route can ask for what all of them ask for";

    /// Whether both ask for the same; for whatever reason a review is due.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self == other || matches!((self, other), (Self::Review(_), Self::Review(_)))
    }

    /// What lets in only whom both let in.
    #[expect(
        clippy::match_same_arms,
        reason = "in this order: of two that are not scopes, the stricter one"
    )]
    pub(super) fn with(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Review(_), _) => self.clone(),
            (_, Self::Review(_)) => other.clone(),
            (Self::Public, asked) | (asked, Self::Public) => asked.clone(),
            (Self::Authenticated, asked) | (asked, Self::Authenticated) => asked.clone(),
            (
                Self::Scopes { all, any },
                Self::Scopes {
                    all: other_all,
                    any: other_any,
                },
            ) => {
                let both: BTreeSet<&String> = all.iter().chain(other_all).collect();
                // One of a list is there already where all callers have it.
                let is_met = |any: &[String]| any.iter().any(|scope| both.contains(scope));
                let lists = [any, other_any].map(|any| if is_met(any) { &[][..] } else { any });
                let is_within = |one: &[String], other: &[String]| {
                    !one.is_empty() && one.iter().all(|scope| other.contains(scope))
                };
                let any = match lists {
                    [any, []] | [[], any] => any,
                    [one, other] if is_within(one, other) => one,
                    [one, other] if is_within(other, one) => other,
                    _ => return Self::Review(Self::NOT_ONE.to_owned()),
                };
                Self::Scopes {
                    any: any.to_vec(),
                    all: both.into_iter().cloned().collect(),
                }
            }
        }
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = &str> {
        let (all, any) = match self {
            Self::Scopes { all, any } => (all.as_slice(), any.as_slice()),
            Self::Public | Self::Authenticated | Self::Review(_) => (&[][..], &[][..]),
        };
        all.iter().chain(any).map(String::as_str)
    }
}

/// What an operation asks for, and what of it cannot be carried over.
pub(super) struct Verdict {
    pub(super) asked: Asked,
    pub(super) notes: Vec<String>,
}

/// One of the ways to be let in: tokens with all of these scopes.
struct Alternative {
    scopes: BTreeSet<String>,
}

pub(super) fn asked(
    operation: &Operation<'_>,
    description: &Description<'_>,
    publicity: Publicity,
) -> Verdict {
    let mut notes = Vec::new();
    let review = |reason: &str, mut notes: Vec<String>| {
        notes.push(format!("for review, open to nobody: {reason}"));
        Verdict {
            asked: Asked::Review(reason.to_owned()),
            notes,
        }
    };
    if let Some(gap) = operation.gap {
        return review(gap, notes);
    }
    // The operation's own replaces the document's, also where it is empty (OpenAPI 3.1 section 4.8.10).
    let Some(security) = operation.security.or(description.security) else {
        return review("the description does not say who may use it", notes);
    };
    if !matches!(security, Tree::List(_)) {
        return review("its `security` is not a list", notes);
    }
    let is_open = security.items().is_empty()
        // `{}` among the ways is a way without any proof.
        || security
            .items()
            .iter()
            .any(|one| matches!(one, Tree::Map(entries) if entries.is_empty()));
    if is_open {
        return match publicity {
            Publicity::Allow => Verdict {
                asked: Asked::Public,
                notes,
            },
            Publicity::Review => review(
                "by the description everybody may use it; `--allow-public` makes it public",
                notes,
            ),
        };
    }
    let mut alternatives = Vec::new();
    for one in security.items() {
        match alternative(one, description, &mut notes) {
            Ok(alternative) => alternatives.push(alternative),
            // Left out, not turned into a weaker one: fewer ways to be let in are safe, and more are
            // not.
            Err(reason) => notes.push(format!("one way to be let in is left out: {reason}")),
        }
    }
    if alternatives.is_empty() {
        return review("none of its ways to be let in can be carried over", notes);
    }
    match together(&alternatives) {
        Some(asked) => Verdict { asked, notes },
        None => review(
            "a route cannot ask for one of several sets of scopes; split the operation or ask for one set",
            notes,
        ),
    }
}

fn alternative(
    one: &Tree,
    description: &Description<'_>,
    notes: &mut Vec<String>,
) -> Result<Alternative, String> {
    let mut scopes = BTreeSet::new();
    let mut has_token = false;
    let mut others = Vec::new();
    for (name, asked) in one.entries() {
        // What is no list may hold scopes all the same: without them more callers would be let in.
        if !matches!(asked, Tree::List(_)) {
            return Err(format!("the scopes of {} are not a list", quoted(name)));
        }
        match description.scheme(name) {
            None => {
                return Err(format!(
                    "the security scheme {} is not described",
                    quoted(name)
                ));
            }
            Some(Scheme::Other(what)) => others.push(what.as_str()),
            Some(Scheme::Token { scopes: known }) => {
                has_token = true;
                for scope in asked.items() {
                    let Some(scope) = scope.text() else {
                        return Err(format!("a scope of {} is not text", quoted(name)));
                    };
                    if let Err(error) = ScopeName::parse(scope) {
                        return Err(format!("the scope name {} {error}", quoted(scope)));
                    }
                    if !known.is_empty() && !known.iter().any(|known| known == scope) {
                        return Err(unknown_scope(scope, name, known));
                    }
                    scopes.insert(scope.to_owned());
                }
            }
        }
    }
    match (has_token, others.as_slice()) {
        (true, []) => {}
        // All schemes of one entry are needed together. The token is checked here, and the rest still
        // has to be checked behind.
        (true, others) => notes.push(format!(
            "the gate does not check {}; the upstream must go on doing it",
            others.join(" and ")
        )),
        (false, others) => {
            let what = if others.is_empty() {
                "nothing".to_owned()
            } else {
                others.join(" and ")
            };
            return Err(format!("the gate does not check {what}"));
        }
    }
    Ok(Alternative { scopes })
}

fn unknown_scope(scope: &str, scheme: &str, known: &[String]) -> String {
    let message = format!(
        "the scope {} is not among those of {}",
        quoted(scope),
        quoted(scheme)
    );
    match closest(scope, known.iter().map(String::as_str)) {
        Some(near) => format!("{message}; did you mean {}?", quoted(near)),
        None => message,
    }
}

/// What one route can ask for so that exactly these alternatives are let in; nothing where there is no
/// such route.
fn together(alternatives: &[Alternative]) -> Option<Asked> {
    // Who has more than one of them asks for is let in by that one.
    let sets = alternatives.iter().map(|alternative| &alternative.scopes);
    let least: Vec<&BTreeSet<String>> = sets
        .clone()
        .filter(|set| {
            !sets
                .clone()
                .any(|other| other != *set && other.is_subset(set))
        })
        .collect();
    let first = (*least.first()?).clone();
    let common = least.iter().fold(first, |common, set| &common & *set);
    let rests: BTreeSet<Vec<&String>> = least
        .iter()
        .map(|set| set.difference(&common).collect())
        .collect();
    let any: Option<Vec<String>> = rests
        .iter()
        .filter(|rest| !rest.is_empty())
        .map(|rest| match rest.as_slice() {
            [only] => Some((*only).clone()),
            _ => None,
        })
        .collect();
    let any = any?;
    Some(if common.is_empty() && any.is_empty() {
        Asked::Authenticated
    } else {
        Asked::Scopes {
            all: common.into_iter().collect(),
            any,
        }
    })
}
