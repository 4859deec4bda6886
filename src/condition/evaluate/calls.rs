//! Functions and methods.

use std::borrow::Cow;
use std::rc::Rc;

use super::Evaluation;
use crate::condition::fault::{Cause, Fault};
use crate::condition::function::Function;
use crate::condition::program::Node;
use crate::condition::time::{Duration, Timestamp};
use crate::condition::value::{List, Value};

impl<'e> Evaluation<'e, '_> {
    pub(super) fn call(
        &mut self,
        function: Function,
        arguments: &'e [Node],
        node: &'e Node,
    ) -> Result<Value<'e>, Fault> {
        let value = match (function, arguments) {
            (Function::StartsWith | Function::EndsWith | Function::Contains, [text, part]) => {
                let (text, part) = (self.text(text)?, self.text(part)?);
                // Before the work and by what is in the caller's hand: its headers and claims are as
                // long as it likes.
                self.spend_bytes(text.len(), node)?;
                let (text, part) = (&*text, &*part);
                Ok(Value::Bool(match function {
                    Function::StartsWith => text.starts_with(part),
                    Function::EndsWith => text.ends_with(part),
                    _ => text.contains(part),
                }))
            }
            (Function::LowerAscii, [text]) => {
                let text = self.text(text)?;
                self.spend_bytes(text.len(), node)?;
                Ok(Value::Text(Cow::Owned(text.to_ascii_lowercase())))
            }
            (Function::Split, [text, separator]) => {
                let (text, separator) = (self.text(text)?, self.text(separator)?);
                self.split(&text, &separator, node).map(Ok)?
            }
            (_, [only]) => {
                let value = self.value(only)?;
                if let Value::Text(text) = &value {
                    self.spend_bytes(text.len(), node)?;
                }
                convert(function, value)
            }
            _ => Err(Cause::WrongType),
        };
        value.map_err(|cause| cause.at(node.span))
    }

    /// The parts between separators; with an empty separator, the characters.
    fn split(&mut self, text: &str, separator: &str, node: &Node) -> Result<Value<'e>, Fault> {
        self.spend_bytes(text.len(), node)?;
        let mut items: Vec<Value<'e>> = Vec::new();
        let mut push = |part: &str| {
            // For each item, beside the bytes: a text of separators alone makes as many items as it has
            // bytes.
            self.spend(1, node)?;
            items.push(Value::Text(Cow::Owned(part.to_owned())));
            Ok(())
        };
        if separator.is_empty() {
            let mut buffer = [0; 4];
            // As CEL's `split` does: every character by itself.
            for one in text.chars() {
                push(one.encode_utf8(&mut buffer))?;
            }
        } else {
            for part in text.split(separator) {
                push(part)?;
            }
        }
        Ok(Value::List(List::Made(Rc::from(items))))
    }
}

fn convert(function: Function, value: Value<'_>) -> Result<Value<'_>, Cause> {
    match (function, value) {
        (Function::Size, value) => size(&value),
        (Function::Int, value) => int(&value).map(Value::Int),
        (Function::Text, value) => string(value),
        (Function::Timestamp, Value::Timestamp(time)) => Ok(Value::Timestamp(time)),
        (Function::Timestamp, Value::Int(seconds)) => {
            let time = Timestamp::from_unix_seconds(seconds).map(Value::Timestamp);
            time.ok_or(Cause::OutOfRange)
        }
        (Function::Timestamp, Value::Text(text)) => {
            let time = Timestamp::parse(&text).map(Value::Timestamp);
            time.ok_or(Cause::NotConvertible)
        }
        (Function::Duration, Value::Duration(duration)) => Ok(Value::Duration(duration)),
        (Function::Duration, Value::Text(text)) => {
            let duration = Duration::parse(&text).map(Value::Duration);
            duration.ok_or(Cause::NotConvertible)
        }
        _ => Err(Cause::WrongType),
    }
}

fn size<'e>(value: &Value<'e>) -> Result<Value<'e>, Cause> {
    let size = match value {
        Value::Text(text) => text.chars().count(),
        Value::List(list) => list.len(),
        Value::Map(members) => members.len(),
        _ => return Err(Cause::WrongType),
    };
    let size = i64::try_from(size).map_err(|_| Cause::OutOfRange)?;
    Ok(Value::Int(size))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the double is within the range of integers; its fraction is dropped, as CEL has it"
)]
fn int(value: &Value<'_>) -> Result<i64, Cause> {
    /// 2^63
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    match value {
        Value::Int(value) => Ok(*value),
        Value::Double(value) if *value > -BEYOND && *value < BEYOND => Ok(*value as i64),
        Value::Double(_) => Err(Cause::OutOfRange),
        Value::Text(text) => text.parse().map_err(|_| Cause::NotConvertible),
        Value::Timestamp(time) => Ok(time.unix_seconds()),
        _ => Err(Cause::WrongType),
    }
}

fn string(value: Value<'_>) -> Result<Value<'_>, Cause> {
    let text = match value {
        Value::Text(text) => text,
        Value::Int(value) => Cow::Owned(value.to_string()),
        Value::Bool(value) => Cow::Owned(value.to_string()),
        Value::Timestamp(time) => Cow::Owned(time.text()),
        Value::Duration(duration) => Cow::Owned(duration.text()),
        // Implementations write doubles in different ways.
        _ => return Err(Cause::WrongType),
    };
    Ok(Value::Text(text))
}
