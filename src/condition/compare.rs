//! Equality and order of values.

use std::cmp::Ordering;

use super::budget::Budget;
use super::fault::Cause;
use super::value::{List, Value};

/// Whether two values are equal. Values of different types are not, but for integers and doubles,
/// which are compared as the numbers that they are.
pub(super) fn equal(
    left: &Value<'_>,
    right: &Value<'_>,
    budget: &mut Budget,
) -> Result<bool, Cause> {
    Ok(match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Int(left), Value::Int(right)) => left == right,
        (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => {
            numbers(left, right) == Some(Ordering::Equal)
        }
        (Value::Text(left), Value::Text(right)) => {
            budget.spend_bytes(left.len().min(right.len()))?;
            left == right
        }
        (Value::Timestamp(left), Value::Timestamp(right)) => left == right,
        (Value::Duration(left), Value::Duration(right)) => left == right,
        (Value::List(left), Value::List(right)) => equal_lists(left, right, budget)?,
        (Value::Map(left), Value::Map(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (name, value) in *left {
                budget.spend(1)?;
                budget.spend_bytes(name.len())?;
                let Some(other) = right.get(name) else {
                    return Ok(false);
                };
                if !equal(&Value::from(value), &Value::from(other), budget)? {
                    return Ok(false);
                }
            }
            true
        }
        _ => false,
    })
}

fn equal_lists(left: &List<'_>, right: &List<'_>, budget: &mut Budget) -> Result<bool, Cause> {
    budget.spend_bytes(left.text_bytes())?;
    budget.spend_bytes(right.text_bytes())?;
    let length = left.len();
    budget.spend(length)?;
    if length != right.len() {
        return Ok(false);
    }
    for (item, other) in left.items().zip(right.items()) {
        if !equal(&item, &other, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The order of two values of one type, or of two numbers. Nothing is before or after NaN.
pub(super) fn order(
    left: &Value<'_>,
    right: &Value<'_>,
    budget: &mut Budget,
) -> Result<Option<Ordering>, Cause> {
    Ok(match (left, right) {
        (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => {
            numbers(left, right)
        }
        // The order of UTF-8 is that of code points.
        (Value::Text(left), Value::Text(right)) => {
            budget.spend_bytes(left.len().min(right.len()))?;
            Some(left.cmp(right))
        }
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        _ => return Err(Cause::WrongType),
    })
}

fn numbers(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Int(left), Value::Double(right)) => int_and_double(*left, *right),
        (Value::Double(left), Value::Int(right)) => {
            int_and_double(*right, *left).map(Ordering::reverse)
        }
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(right),
        _ => None,
    }
}

/// Exactly: no integer is rounded to a double.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the double is within the range of integers, and whole"
)]
fn int_and_double(int: i64, double: f64) -> Option<Ordering> {
    /// 2^63, the first double beyond all integers.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() {
        return None;
    }
    if double >= BEYOND {
        return Some(Ordering::Less);
    }
    if double < -BEYOND {
        return Some(Ordering::Greater);
    }
    let whole = double.trunc();
    let fraction = double - whole;
    let by_fraction = 0.0_f64.partial_cmp(&fraction)?;
    Some(int.cmp(&(whole as i64)).then(by_fraction))
}
