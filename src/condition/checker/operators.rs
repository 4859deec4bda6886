//! Operators with two operands, and the sign.

use super::{Checker, Typed};
use crate::condition::diagnostic::Span;
use crate::condition::program::{Constant, Node, NodeKind};
use crate::condition::syntax::{Expression, Operator};
use crate::condition::types::Type;

impl Checker<'_> {
    pub(super) fn negate(&mut self, of: &Expression, span: Span) -> Typed {
        let operand = self.value(of);
        if !matches!(operand.of, Type::Int | Type::Double | Type::Dyn) {
            let message = format!("`-` needs a number, and this is of type {}", operand.of);
            return self.refuse(of.span, message, "remove the sign");
        }
        let kind = NodeKind::Negate(Box::new(operand.node));
        Typed::new(kind, span, operand.of)
    }

    pub(super) fn binary(
        &mut self,
        operator: Operator,
        operands: &(Expression, Expression),
        span: Span,
    ) -> Typed {
        // `"x-tenant" in request.headers` asks whether it is there, which a record that is not a value
        // can answer only here.
        if operator == Operator::In
            && let Some(presence) = self.in_record(&operands.0, &operands.1, span)
        {
            return presence;
        }
        let (left, right) = (self.value(&operands.0), self.value(&operands.1));
        let result = match operator {
            Operator::Equal | Operator::NotEqual => self.equality(&left.of, &right.of, span),
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => self.order(operator, &left.of, &right.of, span),
            Operator::In => self.membership(&left.of, &right.of, operands.1.span),
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Remainder => self.arithmetic(operator, &left.of, &right.of, span),
        };
        let Some(result) = result else {
            return Typed::unknown(span);
        };
        // A list of constants is compared in place and not made anew at each check, on whose budget it
        // would be.
        if operator == Operator::In
            && let NodeKind::List(items) = &right.node.kind
            && let Some(constants) = constants(items)
        {
            let kind = NodeKind::InConstants(Box::new(left.node), constants);
            return Typed::new(kind, span, result);
        }
        let kind = NodeKind::Binary(operator, Box::new((left.node, right.node)));
        Typed::new(kind, span, result)
    }

    fn equality(&mut self, left: &Type, right: &Type, span: Span) -> Option<Type> {
        if left.is_comparable(right) {
            return Some(Type::Bool);
        }
        let message = format!("a value of type {left} never equals one of type {right}");
        let help = match (left, right) {
            (Type::Null, _) | (_, Type::Null) => {
                "what is not there is not null; ask with `has(token.name)`"
            }
            (Type::List(_), _) | (_, Type::List(_)) => {
                "for an item of a list, write `\"...\" in list`"
            }
            (Type::Int | Type::Double, Type::Text) | (Type::Text, Type::Int | Type::Double) => {
                "convert the text with `int(...)`, or put the number in quotation marks"
            }
            (Type::Timestamp, _) | (_, Type::Timestamp) => {
                "write a time as `timestamp(\"2027-01-01T00:00:00Z\")`"
            }
            _ => "compare values of one type",
        };
        self.complain(span, message, help);
        None
    }

    fn order(&mut self, operator: Operator, left: &Type, right: &Type, span: Span) -> Option<Type> {
        if left.is_ordered_with(right) {
            return Some(Type::Bool);
        }
        let symbol = operator.symbol();
        let message = format!("`{symbol}` does not compare the types {left} and {right}");
        let help = match (left, right) {
            (Type::Int | Type::Double, Type::Text) | (Type::Text, Type::Int | Type::Double) => {
                "convert the text with `int(...)`"
            }
            (Type::Timestamp, _) | (_, Type::Timestamp) => {
                "write a time as `timestamp(\"2027-01-01T00:00:00Z\")`, a claim as \
                 `timestamp(token.exp)`"
            }
            (Type::Duration, _) | (_, Type::Duration) => "write a duration as `duration(\"15m\")`",
            _ => "compare numbers, texts, timestamps or durations",
        };
        self.complain(span, message, help);
        None
    }

    fn membership(&mut self, item: &Type, list: &Type, span: Span) -> Option<Type> {
        let (message, help) = match list {
            Type::Dyn => return Some(Type::Bool),
            Type::List(items) if item.is_comparable(items) => return Some(Type::Bool),
            // As in CEL: `in` looks at the keys of a map.
            Type::Map(_) if item.may_be(&Type::Text) => return Some(Type::Bool),
            Type::List(items) => (
                format!("a list of type {items} never has an item of type {item}"),
                "compare values of one type",
            ),
            Type::Map(_) => (
                format!("the keys of a map are text, and this is of type {item}"),
                "write a name in quotation marks",
            ),
            Type::Text => (
                "`in` needs a list on its right, and this is of type string".to_owned(),
                "write `text.contains(\"...\")`, or `\"...\" in text.split(\" \")`",
            ),
            other => (
                format!("`in` needs a list on its right, and this is of type {other}"),
                "write a list, such as `[\"eu\", \"us\"]`",
            ),
        };
        self.complain(span, message, help);
        None
    }

    fn arithmetic(
        &mut self,
        operator: Operator,
        left: &Type,
        right: &Type,
        span: Span,
    ) -> Option<Type> {
        if let Some(result) = result(operator, left, right) {
            return Some(result);
        }
        let symbol = operator.symbol();
        let message = format!("`{symbol}` does not apply to the types {left} and {right}");
        let help = match (left, right) {
            (Type::Int, Type::Double) | (Type::Double, Type::Int) => {
                "write both as integers, or both with a decimal point"
            }
            (Type::Text, _) | (_, Type::Text) if operator == Operator::Add => {
                "convert the other one with `string(...)`"
            }
            (Type::Timestamp, Type::Int) => "write a duration as `duration(\"15m\")`",
            _ => "use values of types that go together",
        };
        self.complain(span, message, help);
        None
    }
}

/// The type of a sum, difference, product, quotient or remainder.
fn result(operator: Operator, left: &Type, right: &Type) -> Option<Type> {
    let sum = operator == Operator::Add;
    let sum_or_difference = sum || operator == Operator::Subtract;
    Some(match (left, right) {
        (Type::Int, Type::Int) => Type::Int,
        // CEL has no remainder of doubles, and no arithmetic of an integer with a double.
        (Type::Double, Type::Double) if operator != Operator::Remainder => Type::Double,
        (Type::Text, Type::Text) if sum => Type::Text,
        (Type::List(left), Type::List(right)) if sum => Type::list(Type::clone(left).or(right)),
        (Type::Duration, Type::Duration) if sum_or_difference => Type::Duration,
        (Type::Timestamp, Type::Duration) if sum_or_difference => Type::Timestamp,
        (Type::Duration, Type::Timestamp) if sum => Type::Timestamp,
        (Type::Timestamp, Type::Timestamp) if operator == Operator::Subtract => Type::Duration,
        (Type::Dyn, Type::Dyn) => Type::Dyn,
        (Type::Dyn, known) | (known, Type::Dyn) => match known {
            Type::Int => Type::Int,
            Type::Double if operator != Operator::Remainder => Type::Double,
            Type::Text if sum => Type::Text,
            Type::List(_) if sum => Type::list(Type::Dyn),
            Type::Timestamp | Type::Duration if sum_or_difference => Type::Dyn,
            _ => return None,
        },
        _ => return None,
    })
}

/// The items, if all of them are literals.
fn constants(items: &[Node]) -> Option<Box<[Constant]>> {
    let constant = |item: &Node| match &item.kind {
        NodeKind::Constant(constant) => Some(constant.clone()),
        _ => None,
    };
    items.iter().map(constant).collect()
}
