//! The ways to be let in: alternatives, each of which asks several things together.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::reduction::{Steps, TooLarge};

/// More than a route should say. What is beyond is left out, which lets fewer requests in.
const MAX_ALTERNATIVES: usize = 48;
const MAX_LITERALS: usize = 24;
/// How many steps comparing an alternative with those that are there counts as.
const STEPS_PER_ALTERNATIVE: usize = 100;

/// One thing that is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Literal {
    /// A valid token of this issuer.
    Issuer(Rc<str>),
    /// No valid token of this issuer.
    NotIssuer(Rc<str>),
    NoToken,
    Condition(Rc<str>),
    NotCondition(Rc<str>),
}

/// What is asked together.
pub(super) type Alternative = BTreeSet<Literal>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Alternatives {
    all: Vec<Alternative>,
    /// Whether some were left out.
    pub(super) is_cut: bool,
}

impl Alternatives {
    /// Nobody is let in.
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// Everybody is let in.
    pub(super) fn everybody() -> Self {
        Self {
            all: vec![Alternative::new()],
            is_cut: false,
        }
    }

    pub(super) fn one(literal: Literal) -> Self {
        Self {
            all: vec![Alternative::from([literal])],
            is_cut: false,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Alternative> {
        self.all.iter()
    }

    pub(super) fn is_none(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn is_everybody(&self) -> bool {
        self.all.iter().any(BTreeSet::is_empty)
    }

    pub(super) fn or(mut self, other: Self, steps: &mut Steps) -> Result<Self, TooLarge> {
        self.is_cut |= other.is_cut;
        for alternative in other.all {
            steps.take(STEPS_PER_ALTERNATIVE)?;
            self.add(alternative);
        }
        Ok(self)
    }

    pub(super) fn and(&self, other: &Self, steps: &mut Steps) -> Result<Self, TooLarge> {
        if self == other {
            return Ok(self.clone());
        }
        let mut both = Self {
            all: Vec::new(),
            is_cut: self.is_cut || other.is_cut,
        };
        for one in &self.all {
            for two in &other.all {
                steps.take(STEPS_PER_ALTERNATIVE)?;
                if let Some(together) = together(one, two) {
                    both.add(together);
                }
            }
        }
        Ok(both)
    }

    fn add(&mut self, mut alternative: Alternative) {
        // Whether `c` or not, is whatever `c` is: `a && c || a && !c` is `a`.
        while let Some((position, literal)) = self.complement_of(&alternative) {
            self.all.swap_remove(position);
            alternative.remove(&literal);
        }
        if self.all.iter().any(|known| known.is_subset(&alternative)) {
            return;
        }
        self.all.retain(|known| !alternative.is_subset(known));
        if self.all.len() >= MAX_ALTERNATIVES || alternative.len() > MAX_LITERALS {
            self.is_cut = true;
        } else {
            self.all.push(alternative);
            self.all.sort();
        }
    }

    /// A known alternative that differs in one literal alone, which one of the two negates.
    fn complement_of(&self, alternative: &Alternative) -> Option<(usize, Literal)> {
        self.all.iter().enumerate().find_map(|(position, known)| {
            if known.len() != alternative.len() {
                return None;
            }
            let mut ours = alternative.difference(known);
            let mut theirs = known.difference(alternative);
            let (our, their) = (ours.next()?, theirs.next()?);
            let differ_in_one = ours.next().is_none() && theirs.next().is_none();
            let is_negation = match (our, their) {
                (Literal::Condition(one), Literal::NotCondition(other))
                | (Literal::NotCondition(one), Literal::Condition(other)) => one == other,
                _ => false,
            };
            (differ_in_one && is_negation).then(|| (position, our.clone()))
        })
    }
}

/// Both together, unless that is impossible. A request has one token.
fn together(one: &Alternative, two: &Alternative) -> Option<Alternative> {
    let mut all: Alternative = one.union(two).cloned().collect();
    let issuers: Vec<Rc<str>> = all
        .iter()
        .filter_map(|literal| match literal {
            Literal::Issuer(name) => Some(Rc::clone(name)),
            _ => None,
        })
        .collect();
    let has_none = all.contains(&Literal::NoToken);
    if issuers.len() > 1 || (has_none && !issuers.is_empty()) {
        return None;
    }
    if let Some(issuer) = issuers.first() {
        if all.contains(&Literal::NotIssuer(Rc::clone(issuer))) {
            return None;
        }
        all.retain(|literal| !matches!(literal, Literal::NotIssuer(_)));
    }
    if has_none {
        all.retain(|literal| !matches!(literal, Literal::NotIssuer(_)));
    }
    let contradicts = all.iter().any(|literal| match literal {
        Literal::Condition(text) => all.contains(&Literal::NotCondition(Rc::clone(text))),
        _ => false,
    });
    (!contradicts).then_some(all)
}
