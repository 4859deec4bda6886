//! Formulas for the requests of one template, of which no test of a path is left.

use std::rc::Rc;

use super::formula::{Formula, Test};
use super::template::{Template, Verdict};

/// How many formulas may still be looked at, or things that take as long.
pub(super) struct Steps(pub(super) usize);

/// The formula is too large for the number of its paths.
#[derive(Debug)]
pub(super) struct TooLarge;

impl Steps {
    pub(super) fn take(&mut self, count: usize) -> Result<(), TooLarge> {
        self.0 = self.0.checked_sub(count).ok_or(TooLarge)?;
        Ok(())
    }
}

/// The same formula for the requests of a template, without tests of paths.
pub(super) fn reduced(
    formula: &Formula,
    template: &Template,
    steps: &mut Steps,
) -> Result<Formula, TooLarge> {
    steps.take(1)?;
    Ok(match formula {
        Formula::Test(Test::Path(test)) => match test.verdict(template) {
            Verdict::Always => Formula::True,
            Verdict::Never => Formula::False,
            Verdict::When(condition) => Formula::condition(condition),
            Verdict::Unknown(reason) => Formula::Unknown(reason),
        },
        Formula::True | Formula::False | Formula::Test(_) | Formula::Unknown(_) => formula.clone(),
        Formula::Not(inner) => match reduced(inner, template, steps)? {
            Formula::True => Formula::False,
            Formula::False => Formula::True,
            other => Formula::not(other),
        },
        Formula::Shared(inner) => reduced(inner, template, steps)?,
        Formula::Between { surely, perhaps } => Formula::Between {
            surely: Rc::new(reduced(surely, template, steps)?),
            perhaps: Rc::new(reduced(perhaps, template, steps)?),
        },
        Formula::Verified {
            issuers,
            perhaps,
            body,
        } => match reduced(body, template, steps)? {
            known @ (Formula::True | Formula::False) => known,
            body => Formula::Verified {
                issuers: Rc::clone(issuers),
                perhaps: Rc::clone(perhaps),
                body: Rc::new(body),
            },
        },
        Formula::All(parts) => joined(parts, Join::All, template, steps)?,
        Formula::Any(parts) => joined(parts, Join::Any, template, steps)?,
        Formula::First { cases, otherwise } => reduced_first(cases, otherwise, template, steps)?,
    })
}

/// How parts belong together.
#[derive(Debug, Clone, Copy)]
enum Join {
    All,
    Any,
}

fn joined(
    parts: &[Formula],
    join: Join,
    template: &Template,
    steps: &mut Steps,
) -> Result<Formula, TooLarge> {
    let mut left = Vec::new();
    for part in parts {
        match (join, reduced(part, template, steps)?) {
            (Join::All, Formula::True) | (Join::Any, Formula::False) => {}
            (Join::All, Formula::False) => return Ok(Formula::False),
            (Join::Any, Formula::True) => return Ok(Formula::True),
            (_, other) => left.push(other),
        }
    }
    let Some(last) = left.pop() else {
        return Ok(match join {
            Join::All => Formula::True,
            Join::Any => Formula::False,
        });
    };
    if left.is_empty() {
        return Ok(last);
    }
    left.push(last);
    Ok(match join {
        Join::All => Formula::All(left),
        Join::Any => Formula::Any(left),
    })
}

fn reduced_first(
    cases: &[(Formula, Formula)],
    otherwise: &Formula,
    template: &Template,
    steps: &mut Steps,
) -> Result<Formula, TooLarge> {
    let mut left = Vec::new();
    for (case, then) in cases {
        match reduced(case, template, steps)? {
            Formula::False => {}
            Formula::True => {
                let then = reduced(then, template, steps)?;
                return Ok(first(left, then));
            }
            case => left.push((case, reduced(then, template, steps)?)),
        }
    }
    Ok(first(left, reduced(otherwise, template, steps)?))
}

fn first(cases: Vec<(Formula, Formula)>, otherwise: Formula) -> Formula {
    if cases.is_empty() {
        return otherwise;
    }
    Formula::First {
        cases,
        otherwise: Rc::new(otherwise),
    }
}
