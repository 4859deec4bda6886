//! The types of a condition's values, as far as they are known when the policy is loaded.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Known only when the condition is evaluated.
    Dyn,
    Null,
    Bool,
    Int,
    Double,
    Text,
    Timestamp,
    Duration,
    List(Box<Type>),
    /// From text to this.
    Map(Box<Type>),
}

/// The types of claims: what the policy declares, else what RFC 7519 registers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimTypes(BTreeMap<Box<str>, Type>);

/// Names of scalar types that a policy can declare.
const DECLARABLE: [(&str, Type); 5] = [
    ("string", Type::Text),
    ("int", Type::Int),
    ("double", Type::Double),
    ("bool", Type::Bool),
    ("any", Type::Dyn),
];

impl Type {
    pub(super) fn list(item: Self) -> Self {
        Self::List(Box::new(item))
    }

    /// The scalar type that a policy calls so.
    pub fn of_name(name: &str) -> Option<Self> {
        let found = DECLARABLE.iter().find(|(known, _)| *known == name)?;
        Some(found.1.clone())
    }

    /// What [`Type::of_name`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        DECLARABLE.iter().map(|(name, _)| *name)
    }

    /// Whether a value of one type can equal a value of the other.
    pub(super) fn is_comparable(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dyn, _)
            | (_, Self::Dyn)
            | (Self::Int | Self::Double, Self::Int | Self::Double) => true,
            (Self::List(left), Self::List(right)) | (Self::Map(left), Self::Map(right)) => {
                left.is_comparable(right)
            }
            (left, right) => left == right,
        }
    }

    /// Whether `<` and its kin have an answer for values of these types.
    pub(super) fn is_ordered_with(&self, other: &Self) -> bool {
        let has_order = |one: &Self| !matches!(one, Self::Null | Self::List(_) | Self::Map(_));
        has_order(self) && has_order(other) && self.is_comparable(other)
    }

    /// The type of what is one or the other.
    pub(super) fn or(self, other: &Self) -> Self {
        if self == *other { self } else { Self::Dyn }
    }

    pub(super) fn may_be(&self, wanted: &Self) -> bool {
        self == wanted || *self == Self::Dyn
    }

    /// Whether a claim of this type can have this value.
    pub(super) fn admits(&self, value: &Json) -> bool {
        match (self, value) {
            (Self::Dyn, _)
            | (Self::Null, Json::Null)
            | (Self::Bool, Json::Bool(_))
            | (Self::Double, Json::Number(_))
            | (Self::Text, Json::String(_)) => true,
            (Self::Int, Json::Number(number)) => number.is_i64(),
            (Self::List(item), Json::Array(items)) => {
                **item == Self::Dyn || items.iter().all(|value| item.admits(value))
            }
            (Self::Map(member), Json::Object(members)) => {
                **member == Self::Dyn || members.values().all(|value| member.admits(value))
            }
            _ => false,
        }
    }
}

impl ClaimTypes {
    /// Declares the type of a claim. `aud` and `scopes` keep theirs.
    pub fn declare(&mut self, name: &str, declared: Type) {
        self.0.insert(name.into(), declared);
    }

    /// The type of a claim; [`Type::Dyn`] where nothing is known of it.
    pub(super) fn of(&self, name: &str) -> Type {
        match name {
            AUDIENCES | SCOPES => Type::list(Type::Text),
            _ => match self.0.get(name) {
                Some(declared) => declared.clone(),
                None => registered(name),
            },
        }
    }
}

/// The claim that is a list to conditions, however the token has it.
pub const AUDIENCES: &str = "aud";
/// What conditions call the token's scopes: a list, wherever the token has them.
pub const SCOPES: &str = "scopes";

/// RFC 7519 section 4.1, RFC 9068 section 2.2, `OpenID` Connect Core section 2.
fn registered(name: &str) -> Type {
    match name {
        "iss" | "sub" | "jti" | "client_id" | "azp" => Type::Text,
        "exp" | "nbf" | "iat" | "auth_time" => Type::Int,
        _ => Type::Dyn,
    }
}

/// As CEL calls it.
impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn => formatter.write_str("any"),
            Self::Null => formatter.write_str("null"),
            Self::Bool => formatter.write_str("bool"),
            Self::Int => formatter.write_str("int"),
            Self::Double => formatter.write_str("double"),
            Self::Text => formatter.write_str("string"),
            Self::Timestamp => formatter.write_str("timestamp"),
            Self::Duration => formatter.write_str("duration"),
            Self::List(item) => write!(formatter, "list({item})"),
            Self::Map(member) => write!(formatter, "map(string, {member})"),
        }
    }
}
