//! Evaluates a program: synchronous, bounded in steps, without panics. What goes wrong is a fault,
//! which refuses.

mod calls;
mod lookup;
mod operators;

use std::borrow::Cow;
use std::rc::Rc;

use super::budget::Budget;
use super::checker::MAX_QUANTIFIERS;
use super::compare::equal;
use super::facts::Facts;
use super::fault::{Cause, Fault};
use super::program::{Node, NodeKind, Quantification};
use super::syntax::{Connective, Quantifier};
use super::value::{List, Value};

/// Whether `program` holds.
pub(super) fn evaluate(
    program: &Node,
    facts: &Facts<'_>,
    budget: &mut Budget,
) -> Result<bool, Fault> {
    let mut evaluation = Evaluation {
        facts,
        budget,
        variables: [const { Value::Null }; MAX_QUANTIFIERS],
    };
    evaluation.truth(program)
}

struct Evaluation<'e, 'b> {
    facts: &'e Facts<'e>,
    budget: &'b mut Budget,
    variables: [Value<'e>; MAX_QUANTIFIERS],
}

impl<'e> Evaluation<'e, '_> {
    fn truth(&mut self, node: &'e Node) -> Result<bool, Fault> {
        match self.value(node)? {
            Value::Bool(value) => Ok(value),
            _ => Err(Cause::WrongType.at(node.span)),
        }
    }

    fn text(&mut self, node: &'e Node) -> Result<Cow<'e, str>, Fault> {
        match self.value(node)? {
            Value::Text(text) => Ok(text),
            _ => Err(Cause::WrongType.at(node.span)),
        }
    }

    fn spend(&mut self, steps: usize, node: &Node) -> Result<(), Fault> {
        self.budget
            .spend(steps)
            .map_err(|cause| cause.at(node.span))
    }

    fn spend_bytes(&mut self, bytes: usize, node: &Node) -> Result<(), Fault> {
        let spent = self.budget.spend_bytes(bytes);
        spent.map_err(|cause| cause.at(node.span))
    }

    /// The value, once paid for what it takes to find its items.
    fn words_paid(&mut self, value: Value<'e>, node: &Node) -> Result<Value<'e>, Fault> {
        if let Value::List(list) = &value {
            self.spend_bytes(list.text_bytes(), node)?;
        }
        Ok(value)
    }

    fn value(&mut self, node: &'e Node) -> Result<Value<'e>, Fault> {
        // Every node is paid for, so that the time of a check has a bound that no caller moves.
        self.spend(1, node)?;
        match &node.kind {
            NodeKind::Constant(constant) => Ok(Value::from(constant)),
            NodeKind::Read(fact) => self.read(fact, node),
            NodeKind::Has(fact) => self.has(fact, node).map(Value::Bool),
            NodeKind::Variable(level) => {
                let variable = self.variables.get(*level).cloned();
                self.words_paid(variable.ok_or(Cause::Missing.at(node.span))?, node)
            }
            NodeKind::Select(of, name) => match self.value(of)? {
                Value::Map(members) => {
                    let found = members.get(&**name).map(Value::from);
                    found.ok_or(Cause::Missing.at(node.span))
                }
                _ => Err(Cause::WrongType.at(node.span)),
            },
            NodeKind::HasField(of, name) => match self.value(of)? {
                Value::Map(members) => Ok(Value::Bool(members.contains_key(&**name))),
                _ => Err(Cause::WrongType.at(node.span)),
            },
            NodeKind::Index(parts) => {
                let item = self.index(parts, node)?;
                self.words_paid(item, node)
            }
            NodeKind::List(items) => {
                let items: Result<Rc<[Value<'e>]>, Fault> =
                    items.iter().map(|item| self.value(item)).collect();
                items.map(|items| Value::List(List::Made(items)))
            }
            NodeKind::Not(of) => self.truth(of).map(|value| Value::Bool(!value)),
            NodeKind::Negate(of) => self.negate(of, node),
            NodeKind::Logic(connective, operands) => {
                self.logic(*connective, operands).map(Value::Bool)
            }
            NodeKind::Binary(operator, operands) => self.binary(*operator, operands, node),
            NodeKind::InConstants(of, constants) => {
                let value = self.value(of)?;
                for constant in constants {
                    self.spend(1, node)?;
                    let found = equal(&value, &Value::from(constant), self.budget);
                    if found.map_err(|cause| cause.at(node.span))? {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            NodeKind::Conditional(parts) => {
                let (test, then, otherwise) = &**parts;
                // Only the branch that is chosen: `has(x) ? x : 0` is written to avoid the fault of the
                // other.
                let chosen = if self.truth(test)? { then } else { otherwise };
                self.value(chosen)
            }
            NodeKind::Call(function, arguments) => self.call(*function, arguments, node),
            NodeKind::Matches(text, regex) => {
                let text = self.text(text)?;
                // The regex crate takes linear time, so that the length is what a match costs.
                self.spend_bytes(text.len(), node)?;
                Ok(Value::Bool(regex.is_match(&text)))
            }
            NodeKind::TimePart(part, time, offset) => match self.value(time)? {
                Value::Timestamp(time) => Ok(Value::Int(time.part(*part, *offset))),
                _ => Err(Cause::WrongType.at(node.span)),
            },
            NodeKind::Quantified(quantified) => self.quantified(quantified).map(Value::Bool),
        }
    }

    /// The operands of `&&` or `||`. One that settles the matter does so even after a fault, as CEL
    /// has it.
    fn logic(&mut self, connective: Connective, operands: &'e [Node]) -> Result<bool, Fault> {
        let settles = connective == Connective::Or;
        let mut outcome = Absorbing::new(settles);
        for operand in operands {
            let truth = self.truth(operand);
            if let Some(settled) = outcome.add(truth) {
                return settled;
            }
        }
        outcome.finish()
    }

    fn quantified(&mut self, quantified: &'e Quantification) -> Result<bool, Fault> {
        let over = &quantified.over;
        let mut outcome = Absorbing::new(quantified.quantifier == Quantifier::Exists);
        let mut look = |item: Value<'e>, this: &mut Self| {
            if let Some(slot) = this.variables.get_mut(quantified.level) {
                *slot = item;
            }
            let truth = this
                .spend(1, over)
                .and_then(|()| this.truth(&quantified.body));
            outcome.add(truth)
        };
        let settled = match self.value(over)? {
            Value::List(list) => list.items().find_map(|item| look(item, self)),
            Value::Map(members) => {
                let mut names = members.keys();
                names.find_map(|name| look(Value::text(name), self))
            }
            _ => return Err(Cause::WrongType.at(over.span)),
        };
        settled.unwrap_or_else(|| outcome.finish())
    }
}

/// Gathers truth values of which one kind settles the matter.
struct Absorbing {
    settles: bool,
    fault: Option<Fault>,
}

impl Absorbing {
    fn new(settles: bool) -> Self {
        Self {
            settles,
            fault: None,
        }
    }

    /// The outcome, if this value settles it.
    fn add(&mut self, truth: Result<bool, Fault>) -> Option<Result<bool, Fault>> {
        match truth {
            Ok(value) if value == self.settles => Some(Ok(value)),
            Ok(_) => None,
            Err(fault) if fault.cause.can_be_absorbed() => {
                self.fault = self.fault.or(Some(fault));
                None
            }
            Err(fault) => Some(Err(fault)),
        }
    }

    fn finish(self) -> Result<bool, Fault> {
        self.fault.map_or(Ok(!self.settles), Err)
    }
}
