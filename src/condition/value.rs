//! Values while a condition is evaluated. They borrow from claims, request and program where they can.

use std::borrow::Cow;
use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::program::Constant;
use super::time::{Duration, Timestamp};

#[derive(Debug, Clone)]
pub(super) enum Value<'e> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'e, str>),
    Timestamp(Timestamp),
    Duration(Duration),
    List(List<'e>),
    Map(&'e Map<String, Json>),
}

#[derive(Debug, Clone)]
pub(super) enum List<'e> {
    Json(&'e [Json]),
    /// Separated by single spaces.
    Words(&'e str),
    Made(Rc<[Value<'e>]>),
}

impl<'e> Value<'e> {
    pub(super) fn text(text: &'e str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

/// Whole numbers up to the greatest integer are integers, all other numbers doubles.
impl<'e> From<&'e Json> for Value<'e> {
    fn from(value: &'e Json) -> Self {
        match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => Self::Int(value),
                (None, value) => Self::Double(value.unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::text(text),
            Json::Array(items) => Self::List(List::Json(items)),
            Json::Object(members) => Self::Map(members),
        }
    }
}

impl<'e> From<&'e Constant> for Value<'e> {
    fn from(constant: &'e Constant) -> Self {
        match constant {
            Constant::Null => Self::Null,
            Constant::Bool(value) => Self::Bool(*value),
            Constant::Int(value) => Self::Int(*value),
            Constant::Double(value) => Self::Double(*value),
            Constant::Text(text) => Self::text(text),
            Constant::Timestamp(time) => Self::Timestamp(*time),
            Constant::Duration(duration) => Self::Duration(*duration),
        }
    }
}

impl<'e> List<'e> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Json(items) => items.len(),
            Self::Words(_) => self.words().count(),
            Self::Made(items) => items.len(),
        }
    }

    pub(super) fn get(&self, position: usize) -> Option<Value<'e>> {
        match self {
            Self::Json(items) => items.get(position).map(Value::from),
            Self::Words(_) => self.words().nth(position).map(Value::text),
            Self::Made(items) => items.get(position).cloned(),
        }
    }

    fn words(&self) -> impl Iterator<Item = &'e str> + use<'e> {
        let text = match self {
            Self::Words(text) => *text,
            Self::Json(_) | Self::Made(_) => "",
        };
        text.split(' ').filter(|word| !word.is_empty())
    }

    /// How many bytes of text are read to find its items.
    pub(super) fn text_bytes(&self) -> usize {
        match self {
            Self::Words(text) => text.len(),
            Self::Json(_) | Self::Made(_) => 0,
        }
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Value<'e>> {
        let (json, made): (&'e [Json], &[Value<'e>]) = match self {
            Self::Json(items) => (items, &[]),
            Self::Made(items) => (&[], items),
            Self::Words(_) => (&[], &[]),
        };
        let json = json.iter().map(Value::from);
        let words = self.words().map(Value::text);
        json.chain(words).chain(made.iter().cloned())
    }
}
