//! What a route asks so that it lets in no more than the given alternatives.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::Publicity;
use super::alternatives::{Alternative, Alternatives, Literal};
use super::text::{Reason, literal};

/// The longest condition, in bytes, with room for what YAML needs.
const MAX_CONDITION_BYTES: usize = 2000;
/// The most alternatives side by side before they are put into parentheses: conditions have a bounded depth.
const MAX_BESIDE: usize = 6;
/// The most reasons that a comment gives.
const MAX_REASONS: usize = 3;

/// What a route says that the source lets in without a token as well.
pub(super) const NARROWED: &str =
    "by the source also without a token; `--allow-public` lets such requests in";

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    /// Nobody; with what somebody has to look at, where that is why.
    Nobody(Option<String>),
    Public(Demand),
    Token(Demand),
}

/// What is asked beside a token, or instead of one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Demand {
    pub(super) issuers: BTreeSet<Rc<str>>,
    /// All of these must hold.
    pub(super) when: Vec<String>,
    /// Whether the source asks for no token in some cases.
    pub(super) is_narrowed: bool,
}

/// What the source and its import say of everything.
pub(super) struct Terms {
    pub(super) publicity: Publicity,
    /// The condition that holds where there is no token anywhere.
    pub(super) no_token: String,
}

impl Asked {
    pub(super) fn of(
        alternatives: &Alternatives,
        reasons: &BTreeSet<Reason>,
        terms: &Terms,
    ) -> Self {
        if alternatives.is_none() {
            return Self::Nobody(told(reasons));
        }
        let all: Vec<&Alternative> = alternatives.iter().collect();
        let (with_token, open): (Vec<&Alternative>, Vec<&Alternative>) = all
            .iter()
            .partition(|alternative| issuer_of(alternative).is_some());
        let asked = if open.is_empty() {
            with_issuers(&with_token, terms).map(Self::Token)
        } else if terms.publicity == Publicity::Allow {
            public(&all, terms).map(Self::Public)
        } else if with_token.is_empty() {
            let words = if open.iter().any(|one| one.is_empty()) {
                "by the source, everybody may use it; `--allow-public` makes it public"
            } else {
                "by the source, requests that meet a condition need no token; `--allow-public` lets them in"
            };
            return Self::Nobody(Some(words.to_owned()));
        } else {
            with_issuers(&with_token, terms).map(|demand| {
                Self::Token(Demand {
                    is_narrowed: true,
                    ..demand
                })
            })
        };
        asked.unwrap_or_else(|| {
            Self::Nobody(Some(
                "what the source asks is longer than a condition may be".to_owned(),
            ))
        })
    }

    /// Whether nobody gets in.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Self::Nobody(_))
    }

    /// Why nobody gets in until somebody has looked at it.
    pub(super) fn review(&self) -> Option<&str> {
        match self {
            Self::Nobody(review) => review.as_deref(),
            Self::Public(_) | Self::Token(_) => None,
        }
    }

    /// What somebody has to look at, whoever gets in.
    pub(super) fn remark(&self) -> Option<String> {
        match self {
            Self::Nobody(review) => review
                .as_ref()
                .map(|review| format!("open to nobody: {review}")),
            Self::Token(demand) if demand.is_narrowed => Some(NARROWED.to_owned()),
            Self::Public(_) | Self::Token(_) => None,
        }
    }
}

fn told(reasons: &BTreeSet<Reason>) -> Option<String> {
    if reasons.is_empty() {
        return None;
    }
    let shown: Vec<&str> = reasons
        .iter()
        .take(MAX_REASONS)
        .map(|reason| &**reason)
        .collect();
    let more = reasons.len().saturating_sub(MAX_REASONS);
    let end = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    Some(format!("{}{end}", shown.join("; ")))
}

fn issuer_of(alternative: &Alternative) -> Option<&Rc<str>> {
    alternative.iter().find_map(|literal| match literal {
        Literal::Issuer(name) => Some(name),
        _ => None,
    })
}

fn with_issuers(alternatives: &[&Alternative], terms: &Terms) -> Option<Demand> {
    let mut issuers = BTreeSet::new();
    let mut rests: BTreeSet<(Rc<str>, Alternative)> = BTreeSet::new();
    for alternative in alternatives {
        let issuer = issuer_of(alternative)?;
        issuers.insert(Rc::clone(issuer));
        let mut rest = (*alternative).clone();
        rest.remove(&Literal::Issuer(Rc::clone(issuer)));
        rests.insert((Rc::clone(issuer), rest));
    }
    let of = |issuer: &Rc<str>| -> BTreeSet<&Alternative> {
        let own = rests.iter().filter(|(name, _)| name == issuer);
        own.map(|(_, rest)| rest).collect()
    };
    let first = of(issuers.first()?);
    let when = if issuers.iter().all(|issuer| of(issuer) == first) {
        let first: Vec<&Alternative> = first.into_iter().collect();
        conditions(&first, terms)?
    } else {
        conditions(alternatives, terms)?
    };
    // The one issuer of a source that names none.
    issuers.retain(|name| !name.is_empty());
    Some(Demand {
        issuers,
        when,
        is_narrowed: false,
    })
}

fn public(alternatives: &[&Alternative], terms: &Terms) -> Option<Demand> {
    let issuers = alternatives.iter().flat_map(|alternative| {
        alternative.iter().filter_map(|literal| match literal {
            Literal::Issuer(name) | Literal::NotIssuer(name) => Some(Rc::clone(name)),
            _ => None,
        })
    });
    let issuers = issuers.collect();
    let atom = |literal: &Literal| match literal {
        Literal::Issuer(name) => format!("has(token.iss) && issuer == {}", self::literal(name)),
        // The source reads tokens where the gate reads none: that there is no token of an issuer, only a
        // request without any shows.
        Literal::NotIssuer(_) => terms.no_token.clone(),
        other => atom(other, terms),
    };
    let when = conditions_by(alternatives, &atom)?;
    Some(Demand {
        issuers,
        when,
        is_narrowed: false,
    })
}

fn conditions(alternatives: &[&Alternative], terms: &Terms) -> Option<Vec<String>> {
    conditions_by(alternatives, &|literal| atom(literal, terms))
}

fn atom(literal: &Literal, terms: &Terms) -> String {
    match literal {
        Literal::Issuer(name) => format!("issuer == {}", self::literal(name)),
        Literal::NotIssuer(name) => format!("issuer != {}", self::literal(name)),
        Literal::NoToken => terms.no_token.clone(),
        Literal::Condition(text) => text.to_string(),
        Literal::NotCondition(text) => format!("!({text})"),
    }
}

/// Conditions of which all must hold: what all alternatives ask by itself, and the rest as one.
fn conditions_by(
    alternatives: &[&Alternative],
    atom: &impl Fn(&Literal) -> String,
) -> Option<Vec<String>> {
    let mut common = (*alternatives.first()?).clone();
    for alternative in alternatives {
        common.retain(|literal| alternative.contains(literal));
    }
    let mut when: Vec<String> = common.iter().map(atom).collect();
    let mut rests = Vec::new();
    for alternative in alternatives {
        let rest: Vec<String> = alternative
            .difference(&common)
            .map(atom)
            .map(|text| {
                if alternative.len() > common.len() + 1 {
                    enclosed(text)
                } else {
                    text
                }
            })
            .collect();
        rests.push(joined(&rest, " && "));
    }
    // One that asks nothing more makes the others irrelevant.
    if rests.iter().all(|rest| !rest.is_empty()) {
        when.push(joined(&rests, " || "));
    }
    let fit = when.iter().all(|text| text.len() <= MAX_CONDITION_BYTES);
    (fit && when.len() <= 16).then_some(when)
}

fn enclosed(text: String) -> String {
    if text.contains("||") {
        format!("({text})")
    } else {
        text
    }
}

fn joined(parts: &[String], operator: &str) -> String {
    if parts.len() <= MAX_BESIDE {
        return parts.join(operator);
    }
    let (left, right) = parts.split_at(parts.len() / 2);
    format!(
        "({}){operator}({})",
        joined(left, operator),
        joined(right, operator)
    )
}
