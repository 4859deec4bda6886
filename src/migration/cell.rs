//! What a formula comes to for the requests that one route would answer.
//!
//! Everything here errs on one side: what cannot be said counts as not met where it would let in, and as
//! met where it would refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::alternatives::{Alternatives, Literal};
use super::formula::{Formula, Test};
use super::hosts::{HostCell, host_verdict};
use super::reduction::{Steps, TooLarge};
use super::template::Verdict;
use super::text::{Reason, TextMatch, TextTest};

/// The requests of a host pattern and some methods; the path was looked at before.
pub(super) struct Cell<'a> {
    pub(super) host: &'a HostCell,
    pub(super) methods: MethodCell<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum MethodCell<'a> {
    Only(&'a str),
    /// What a route for `GET` answers.
    GetAndHead,
    /// None of these.
    OtherThan(&'a BTreeSet<String>),
    Every,
}

/// Whether a formula or its opposite is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    Holds,
    Fails,
}

impl Sense {
    fn opposite(self) -> Self {
        match self {
            Self::Holds => Self::Fails,
            Self::Fails => Self::Holds,
        }
    }

    fn is(self, holds: bool) -> Alternatives {
        if (self == Self::Holds) == holds {
            Alternatives::everybody()
        } else {
            Alternatives::none()
        }
    }
}

/// What has to be asked so that the formula holds, and why not more is let in.
pub(super) struct Solver<'a> {
    pub(super) cell: Cell<'a>,
    pub(super) steps: &'a mut Steps,
    pub(super) reasons: BTreeSet<Reason>,
    verified: BTreeMap<Rc<str>, Looked>,
}

/// Whether tokens of an issuer have been looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    Surely,
    Perhaps,
}

impl<'a> Solver<'a> {
    pub(super) fn new(cell: Cell<'a>, steps: &'a mut Steps) -> Self {
        Self {
            cell,
            steps,
            reasons: BTreeSet::new(),
            verified: BTreeMap::new(),
        }
    }

    pub(super) fn solve(&mut self, formula: &Formula) -> Result<Alternatives, TooLarge> {
        let found = self.ways(formula, Sense::Holds)?;
        if found.is_cut {
            self.reasons.insert(
                "there are more alternatives than one route should have; some are left out".into(),
            );
        }
        Ok(found)
    }

    fn ways(&mut self, formula: &Formula, sense: Sense) -> Result<Alternatives, TooLarge> {
        self.steps.take(1)?;
        match formula {
            Formula::True => Ok(sense.is(true)),
            Formula::False => Ok(sense.is(false)),
            Formula::Unknown(reason) => {
                self.reasons.insert(Rc::clone(reason));
                Ok(Alternatives::none())
            }
            Formula::Not(inner) => self.ways(inner, sense.opposite()),
            Formula::Shared(inner) => self.ways(inner, sense),
            Formula::Between { surely, perhaps } => match sense {
                Sense::Holds => self.ways(surely, sense),
                Sense::Fails => self.ways(perhaps, sense),
            },
            Formula::Verified {
                issuers,
                perhaps,
                body,
            } => {
                let before = self.verified.clone();
                self.verified.extend(looked(perhaps, Looked::Perhaps));
                self.verified.extend(looked(issuers, Looked::Surely));
                let found = self.ways(body, sense);
                self.verified = before;
                found
            }
            Formula::All(parts) if sense == Sense::Holds => self.every(parts, sense),
            Formula::Any(parts) if sense == Sense::Fails => self.every(parts, sense),
            Formula::All(parts) | Formula::Any(parts) => self.some(parts, sense),
            Formula::First { cases, otherwise } => self.first(cases, otherwise, sense),
            Formula::Test(test) => Ok(self.test(test, sense)),
        }
    }

    fn every(&mut self, parts: &[Formula], sense: Sense) -> Result<Alternatives, TooLarge> {
        let mut found = Alternatives::everybody();
        for part in parts {
            let part = self.ways(part, sense)?;
            found = found.and(&part, self.steps)?;
            if found.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn some(&mut self, parts: &[Formula], sense: Sense) -> Result<Alternatives, TooLarge> {
        let mut found = Alternatives::none();
        for part in parts {
            let part = self.ways(part, sense)?;
            found = found.or(part, self.steps)?;
            if found.is_everybody() {
                break;
            }
        }
        Ok(found)
    }

    fn first(
        &mut self,
        cases: &[(Formula, Formula)],
        otherwise: &Formula,
        sense: Sense,
    ) -> Result<Alternatives, TooLarge> {
        // What comes behind one that holds for all does not matter, nor do those that hold for none.
        let mut last = otherwise;
        let mut kept = Vec::new();
        for (case, then) in cases {
            let holds = self.ways(case, Sense::Holds)?;
            let fails = self.ways(case, Sense::Fails)?;
            if holds.is_everybody() {
                last = then;
                break;
            }
            if !(holds.is_none() && fails.is_everybody()) {
                kept.push((holds, fails, then));
            }
        }
        let mut found = self.ways(last, sense)?;
        for (holds, fails, then) in kept.into_iter().rev() {
            let then = self.ways(then, sense)?;
            // Whatever the case, what both of them let in may pass.
            let both = if fails.is_everybody() {
                Alternatives::none()
            } else {
                then.and(&found, self.steps)?
            };
            let elsewhere = fails.and(&found, self.steps)?;
            let here = holds.and(&then, self.steps)?;
            let either = here.or(elsewhere, self.steps)?;
            found = either.or(both, self.steps)?;
        }
        Ok(found)
    }

    fn test(&mut self, test: &Test, sense: Sense) -> Alternatives {
        match test {
            Test::Method(test) => self.method(test, sense),
            Test::Host(test) => {
                let verdict = host_verdict(test, self.cell.host);
                self.verdict(verdict, sense)
            }
            Test::Condition(asked) => condition(asked, sense),
            Test::Payload(name) if !self.verified.contains_key(name) => sense.is(false),
            Test::Payload(name)
                if sense == Sense::Holds && self.verified.get(name) == Some(&Looked::Perhaps) =>
            {
                Alternatives::none()
            }
            Test::Issuer(name) | Test::Payload(name) => Alternatives::one(match sense {
                Sense::Holds => Literal::Issuer(Rc::clone(name)),
                Sense::Fails => Literal::NotIssuer(Rc::clone(name)),
            }),
            Test::NoToken if sense == Sense::Holds => Alternatives::one(Literal::NoToken),
            // `reduced` leaves no test of a path.
            Test::NoToken | Test::Path(_) => Alternatives::none(),
        }
    }

    fn verdict(&mut self, verdict: Verdict, sense: Sense) -> Alternatives {
        match verdict {
            Verdict::Always => sense.is(true),
            Verdict::Never => sense.is(false),
            Verdict::When(text) => condition(&text, sense),
            Verdict::Unknown(reason) => {
                self.reasons.insert(reason);
                Alternatives::none()
            }
        }
    }

    fn method(&self, test: &TextTest, sense: Sense) -> Alternatives {
        match self.cell.methods {
            MethodCell::Only(method) => sense.is(test.matches(method)),
            MethodCell::OtherThan(named) => match &test.how {
                TextMatch::Exact(method) if !test.ignore_case && named.contains(method) => {
                    sense.is(false)
                }
                TextMatch::Present => sense.is(true),
                _ => condition(&test.condition("request.method"), sense),
            },
            MethodCell::GetAndHead => match (test.matches("GET"), test.matches("HEAD")) {
                (true, true) => sense.is(true),
                (false, false) => sense.is(false),
                _ => condition(&test.condition("request.method"), sense),
            },
            MethodCell::Every => match &test.how {
                TextMatch::Present => sense.is(true),
                _ => condition(&test.condition("request.method"), sense),
            },
        }
    }
}

fn looked(issuers: &BTreeSet<Rc<str>>, looked: Looked) -> impl Iterator<Item = (Rc<str>, Looked)> {
    issuers.iter().map(move |name| (Rc::clone(name), looked))
}

fn condition(text: &Rc<str>, sense: Sense) -> Alternatives {
    Alternatives::one(match sense {
        Sense::Holds => Literal::Condition(Rc::clone(text)),
        Sense::Fails => Literal::NotCondition(Rc::clone(text)),
    })
}
