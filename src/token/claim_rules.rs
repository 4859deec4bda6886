//! What the claims of an issuer's tokens mean: where its subject, client and scopes are, and what else
//! must hold.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::fingerprint::Fields;

/// The way to a claim: its name, or names that lead down through objects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimPath(Box<[Box<str>]>);

/// Which claims of an issuer's tokens mean what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRules {
    /// The claim that says for whom the token is.
    pub audience: ClaimPath,
    /// The first of them that is there is the subject.
    pub subject: Vec<ClaimPath>,
    /// The first of them that is there is the client.
    pub client: Vec<ClaimPath>,
    /// The scopes of all of them together are the token's.
    pub scopes: Vec<ClaimPath>,
    /// What another system calls it, and the scopes that it stands for instead of itself.
    pub scope_names: BTreeMap<Box<str>, Vec<Box<str>>>,
    /// What else must hold, all of it.
    pub require: Vec<RequiredClaim>,
}

/// A claim that must have one of several values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredClaim {
    pub path: ClaimPath,
    /// One of these; of a claim that is an array, one item.
    pub any_of: Vec<WantedValue>,
}

/// A value as the configuration writes it. Types are compared as well: `true` is not `"true"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedValue {
    Text(Box<str>),
    /// Any text that begins so, written with `*` at its end.
    Prefix(Box<str>),
    Flag(bool),
    Number(Number),
}

impl ClaimPath {
    /// A claim by its name, dots and all.
    pub fn named(name: &str) -> Self {
        Self(Box::new([name.into()]))
    }

    /// A way down. None without a name, or with an empty one.
    pub fn down(names: Vec<Box<str>>) -> Option<Self> {
        let usable = !names.is_empty() && names.iter().all(|name| !name.is_empty());
        usable.then(|| Self(names.into()))
    }

    /// The claim; null counts as absent.
    pub fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let (first, rest) = self.0.split_first()?;
        let found = rest.iter().try_fold(claims.get(&**first)?, |value, name| {
            value.as_object()?.get(&**name)
        })?;
        (!found.is_null()).then_some(found)
    }

    /// Writes a claim, for tokens that are made up. What stands in its way goes.
    pub fn put(&self, claims: &mut Map<String, Value>, value: Value) {
        let Some((last, way)) = self.0.split_last() else {
            return;
        };
        let mut members = claims;
        for name in way {
            let member = members.entry(&**name).or_insert(Value::Null);
            if !member.is_object() {
                *member = Value::Object(Map::new());
            }
            let Value::Object(inner) = member else {
                return;
            };
            members = inner;
        }
        members.insert((**last).to_owned(), value);
    }

    /// The last name of the way.
    pub fn last(&self) -> &str {
        self.0.last().map_or("", |name| name)
    }

    /// The only name of a way without steps.
    pub fn only(&self) -> Option<&str> {
        match &*self.0 {
            [name] => Some(name),
            _ => None,
        }
    }

    fn add_to(&self, fields: &mut Fields) {
        fields.number(self.0.len() as u64);
        for name in &self.0 {
            fields.add(name.as_bytes());
        }
    }
}

/// A text, or a list of texts.
impl<'de> Deserialize<'de> for ClaimPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathVisitor;

        impl<'de> Visitor<'de> for PathVisitor {
            type Value = ClaimPath;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the name of a claim, or a list of names that lead down to it")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<ClaimPath, E> {
                ClaimPath::down(vec![name.into()]).ok_or_else(empty)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ClaimPath, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = items.next_element::<String>()? {
                    names.push(name.into());
                }
                ClaimPath::down(names).ok_or_else(empty)
            }
        }

        fn empty<E: serde::de::Error>() -> E {
            E::custom(
                "a claim without a name: write its name, or a list of names that lead down to it, \
                 such as `[realm_access, roles]`",
            )
        }

        deserializer.deserialize_any(PathVisitor)
    }
}

/// As the configuration writes it.
impl fmt::Display for ClaimPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.only() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "[{}]", self.0.join(", ")),
        }
    }
}

impl Default for ClaimRules {
    /// `sub`, `client_id` (RFC 9068 section 2.2) or `azp` (`OpenID` Connect Core section 2), `scope`.
    fn default() -> Self {
        Self {
            audience: ClaimPath::named("aud"),
            subject: vec![ClaimPath::named("sub")],
            client: vec![ClaimPath::named("client_id"), ClaimPath::named("azp")],
            scopes: vec![ClaimPath::named("scope")],
            scope_names: BTreeMap::new(),
            require: Vec::new(),
        }
    }
}

impl ClaimRules {
    /// Adds the scopes that the claims hold: the words of a string, the items of an array, the names of
    /// an object's members that are neither null nor false, the claim's own name if it is `true`. What cannot be a scope, such as an
    /// item with a space, is left out, unless `scope_names` knows it.
    pub(super) fn scopes<'c>(&'c self, claims: &'c Map<String, Value>) -> Vec<&'c str> {
        let mut scopes = Vec::new();
        for path in &self.scopes {
            match path.find(claims) {
                Some(Value::String(text)) if self.scope_names.contains_key(text.as_str()) => {
                    self.add(&mut scopes, text);
                }
                // Nothing of what is not a list of words.
                Some(Value::String(text)) if text.contains(char::is_control) => {}
                Some(Value::String(text)) => {
                    for word in text.split(' ') {
                        self.add(&mut scopes, word);
                    }
                }
                Some(Value::Array(items)) => {
                    for item in items.iter().filter_map(Value::as_str) {
                        self.add(&mut scopes, item);
                    }
                }
                Some(Value::Object(members)) => {
                    // As above: what is null is not there, and what is false does not hold.
                    let held = |value: &Value| !matches!(value, Value::Null | Value::Bool(false));
                    for (name, _) in members.iter().filter(|(_, value)| held(value)) {
                        self.add(&mut scopes, name);
                    }
                }
                Some(Value::Bool(true)) => self.add(&mut scopes, path.last()),
                Some(Value::Bool(false) | Value::Number(_) | Value::Null) | None => {}
            }
        }
        scopes
    }

    fn add<'c>(&'c self, scopes: &mut Vec<&'c str>, name: &'c str) {
        match self.scope_names.get(name) {
            Some(renamed) => scopes.extend(renamed.iter().map(|scope| &**scope)),
            None if name.is_empty() || name.contains(' ') || name.contains(char::is_control) => {}
            None => scopes.push(name),
        }
    }

    /// The first requirement that the claims do not meet.
    pub fn unmet(&self, claims: &Map<String, Value>) -> Option<&RequiredClaim> {
        self.require.iter().find(|required| !required.holds(claims))
    }

    pub(super) fn add_to(&self, fields: &mut Fields) {
        let Self {
            audience,
            subject,
            client,
            scopes,
            scope_names,
            require,
        } = self;
        audience.add_to(fields);
        for paths in [subject, client, scopes] {
            fields.number(paths.len() as u64);
            for path in paths {
                path.add_to(fields);
            }
        }
        fields.number(scope_names.len() as u64);
        for (name, scopes) in scope_names {
            fields.add(name.as_bytes());
            fields.number(scopes.len() as u64);
            for scope in scopes {
                fields.add(scope.as_bytes());
            }
        }
        fields.number(require.len() as u64);
        for RequiredClaim { path, any_of } in require {
            path.add_to(fields);
            fields.number(any_of.len() as u64);
            for wanted in any_of {
                fields.add(wanted.to_string().as_bytes());
            }
        }
    }
}

impl RequiredClaim {
    fn holds(&self, claims: &Map<String, Value>) -> bool {
        let wanted = |value: &Value| self.any_of.iter().any(|wanted| wanted.is(value));
        match self.path.find(claims) {
            None => false,
            Some(Value::Array(items)) => items.iter().any(wanted),
            Some(value) => wanted(value),
        }
    }
}

impl WantedValue {
    /// A value that this accepts.
    pub fn example(&self) -> Value {
        match self {
            Self::Text(text) => (**text).into(),
            Self::Prefix(prefix) => format!("{prefix}x").into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Number(number) => number.clone().into(),
        }
    }

    /// A text as it is written.
    pub fn text(written: &str) -> Self {
        match written.strip_suffix('*') {
            Some(prefix) => Self::Prefix(prefix.into()),
            None => Self::Text(written.into()),
        }
    }

    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(wanted), Value::String(text)) => **wanted == **text,
            (Self::Prefix(prefix), Value::String(text)) => text.starts_with(&**prefix),
            (Self::Flag(wanted), Value::Bool(flag)) => wanted == flag,
            (Self::Number(wanted), Value::Number(number)) => same(wanted, number),
            (Self::Text(_) | Self::Prefix(_) | Self::Flag(_) | Self::Number(_), _) => false,
        }
    }
}

/// As the configuration writes it; texts in quotes, so that they differ from the rest.
impl fmt::Display for WantedValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(formatter, "\"{text}\""),
            Self::Prefix(prefix) => write!(formatter, "\"{prefix}*\""),
            Self::Flag(flag) => flag.fmt(formatter),
            Self::Number(number) => number.fmt(formatter),
        }
    }
}

/// `1` is `1.0`; integers are compared exactly.
fn same(wanted: &Number, number: &Number) -> bool {
    match (wanted.as_i128(), number.as_i128()) {
        (Some(wanted), Some(number)) => wanted == number,
        _ => wanted.as_f64() == number.as_f64(),
    }
}
