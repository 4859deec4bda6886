//! Operators with two operands, the sign, and what is in brackets.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use super::Evaluation;
use crate::condition::compare::{equal, order};
use crate::condition::fault::{Cause, Fault};
use crate::condition::program::Node;
use crate::condition::syntax::Operator;
use crate::condition::value::{List, Value};

/// The longest text that `+` makes, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024;

impl<'e> Evaluation<'e, '_> {
    pub(super) fn negate(&mut self, of: &'e Node, node: &Node) -> Result<Value<'e>, Fault> {
        match self.value(of)? {
            Value::Int(value) => {
                let negated = value.checked_neg().map(Value::Int);
                negated.ok_or(Cause::OutOfRange.at(node.span))
            }
            Value::Double(value) => Ok(Value::Double(-value)),
            Value::Duration(value) => {
                let negated = value.negated().map(Value::Duration);
                negated.ok_or(Cause::OutOfRange.at(node.span))
            }
            _ => Err(Cause::WrongType.at(node.span)),
        }
    }

    pub(super) fn binary(
        &mut self,
        operator: Operator,
        operands: &'e (Node, Node),
        node: &'e Node,
    ) -> Result<Value<'e>, Fault> {
        // From left to right, and both: which fault a condition has must not depend on how it is
        // optimised.
        let left = self.value(&operands.0)?;
        let right = self.value(&operands.1)?;
        let ordered = |this: &mut Self, wanted: &[Ordering]| {
            let order = order(&left, &right, this.budget)?;
            let holds = order.is_some_and(|order| wanted.contains(&order));
            Ok(Value::Bool(holds))
        };
        let value = match operator {
            Operator::Equal => equal(&left, &right, self.budget).map(Value::Bool),
            Operator::NotEqual => {
                equal(&left, &right, self.budget).map(|equal| Value::Bool(!equal))
            }
            Operator::Less => ordered(self, &[Ordering::Less]),
            Operator::LessOrEqual => ordered(self, &[Ordering::Less, Ordering::Equal]),
            Operator::Greater => ordered(self, &[Ordering::Greater]),
            Operator::GreaterOrEqual => ordered(self, &[Ordering::Greater, Ordering::Equal]),
            Operator::In => self.contains(&left, &right).map(Value::Bool),
            Operator::Add => self.add(left, right),
            Operator::Subtract => subtract(&left, &right),
            Operator::Multiply => multiply(&left, &right),
            Operator::Divide => divide(&left, &right),
            Operator::Remainder => remainder(&left, &right),
        };
        value.map_err(|cause| cause.at(node.span))
    }

    /// Whether `item` is in a list, or a key of a map.
    fn contains(&mut self, item: &Value<'e>, list: &Value<'e>) -> Result<bool, Cause> {
        match list {
            Value::List(list) => {
                let budget = &mut *self.budget;
                let found = list.items().find_map(|one| {
                    let spent = budget.spend(1);
                    match spent.and_then(|()| equal(item, &one, budget)) {
                        // A fault ends the search: what cannot be compared might have been the item.
                        Ok(false) => None,
                        found => Some(found),
                    }
                });
                found.unwrap_or(Ok(false))
            }
            Value::Map(members) => match item {
                Value::Text(name) => Ok(members.contains_key(&**name)),
                // What a key can be in CEL, but is not in JSON.
                Value::Int(_) | Value::Double(_) | Value::Bool(_) => Ok(false),
                _ => Err(Cause::WrongType),
            },
            _ => Err(Cause::WrongType),
        }
    }

    fn add(&mut self, left: Value<'e>, right: Value<'e>) -> Result<Value<'e>, Cause> {
        match (left, right) {
            (Value::Int(left), Value::Int(right)) => {
                // CEL's integers do not wrap, and a sum that did could pass as a small one.
                let sum = left.checked_add(right).map(Value::Int);
                sum.ok_or(Cause::OutOfRange)
            }
            (Value::Double(left), Value::Double(right)) => Ok(Value::Double(left + right)),
            (Value::Text(left), Value::Text(right)) => {
                let length = left.len().saturating_add(right.len());
                // The caller chooses how long the parts are, and a sum can be a part of the next one.
                if length > MAX_TEXT_BYTES {
                    return Err(Cause::TooLong);
                }
                self.budget.spend_bytes(length)?;
                Ok(Value::Text(Cow::Owned(format!("{left}{right}"))))
            }
            (Value::List(left), Value::List(right)) => {
                self.budget.spend(left.len())?;
                self.budget.spend(right.len())?;
                let items: Rc<[Value<'e>]> = left.items().chain(right.items()).collect();
                Ok(Value::List(List::Made(items)))
            }
            (Value::Timestamp(time), Value::Duration(duration))
            | (Value::Duration(duration), Value::Timestamp(time)) => {
                let sum = time.plus(duration).map(Value::Timestamp);
                sum.ok_or(Cause::OutOfRange)
            }
            (Value::Duration(left), Value::Duration(right)) => {
                let sum = left.plus(right).map(Value::Duration);
                sum.ok_or(Cause::OutOfRange)
            }
            _ => Err(Cause::WrongType),
        }
    }

    pub(super) fn index(
        &mut self,
        parts: &'e (Node, Node),
        node: &Node,
    ) -> Result<Value<'e>, Fault> {
        let of = self.value(&parts.0)?;
        let key = self.value(&parts.1)?;
        let found: Result<Value<'e>, Cause> = match (&of, &key) {
            (Value::List(list), Value::Int(_) | Value::Double(_)) => {
                let position = position(&key).ok_or(Cause::OutOfRange);
                position.and_then(|position| list.get(position).ok_or(Cause::OutOfRange))
            }
            (Value::Map(members), Value::Text(name)) => {
                members.get(&**name).map(Value::from).ok_or(Cause::Missing)
            }
            _ => Err(Cause::WrongType),
        };
        found.map_err(|cause| cause.at(node.span))
    }
}

/// The position that a number is, if it is whole and not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number from 0 to 2^32"
)]
fn position(key: &Value<'_>) -> Option<usize> {
    match key {
        Value::Int(value) => usize::try_from(*value).ok(),
        Value::Double(value) if value.fract() == 0.0 && (0.0..4e9).contains(value) => {
            Some(*value as usize)
        }
        _ => None,
    }
}

fn subtract<'e>(left: &Value<'e>, right: &Value<'e>) -> Result<Value<'e>, Cause> {
    let result = match (left, right) {
        (Value::Int(left), Value::Int(right)) => left.checked_sub(*right).map(Value::Int),
        (Value::Double(left), Value::Double(right)) => Some(Value::Double(left - right)),
        (Value::Timestamp(left), Value::Timestamp(right)) => {
            left.since(*right).map(Value::Duration)
        }
        (Value::Timestamp(left), Value::Duration(right)) => {
            left.minus(*right).map(Value::Timestamp)
        }
        (Value::Duration(left), Value::Duration(right)) => left.minus(*right).map(Value::Duration),
        _ => return Err(Cause::WrongType),
    };
    result.ok_or(Cause::OutOfRange)
}

fn multiply<'e>(left: &Value<'e>, right: &Value<'e>) -> Result<Value<'e>, Cause> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => {
            let product = left.checked_mul(*right).map(Value::Int);
            product.ok_or(Cause::OutOfRange)
        }
        (Value::Double(left), Value::Double(right)) => Ok(Value::Double(left * right)),
        _ => Err(Cause::WrongType),
    }
}

fn divide<'e>(left: &Value<'e>, right: &Value<'e>) -> Result<Value<'e>, Cause> {
    match (left, right) {
        (Value::Int(_), Value::Int(0)) => Err(Cause::DivisionByZero),
        (Value::Int(left), Value::Int(right)) => {
            let quotient = left.checked_div(*right).map(Value::Int);
            quotient.ok_or(Cause::OutOfRange)
        }
        (Value::Double(left), Value::Double(right)) => Ok(Value::Double(left / right)),
        _ => Err(Cause::WrongType),
    }
}

fn remainder<'e>(left: &Value<'e>, right: &Value<'e>) -> Result<Value<'e>, Cause> {
    match (left, right) {
        (Value::Int(_), Value::Int(0)) => Err(Cause::DivisionByZero),
        (Value::Int(left), Value::Int(right)) => {
            let rest = left.checked_rem(*right).map(Value::Int);
            rest.ok_or(Cause::OutOfRange)
        }
        _ => Err(Cause::WrongType),
    }
}
