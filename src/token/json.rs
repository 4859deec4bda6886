//! JSON read strictly: one document, no member twice at any level, bounded depth.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The deepest nesting that is read. Tokens in use nest three or four deep.
const MAX_DEPTH: usize = 32;

/// Why text is not the JSON that is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonError {
    /// Not one JSON text in UTF-8 (RFC 8259), or a number out of range.
    Syntax,
    /// A member stands twice in one object, perhaps once with `\u` escapes: readers differ in which
    /// one they take (RFC 8259 section 4).
    DuplicateMember,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// Reads exactly one JSON value; whitespace may surround it.
pub(super) fn parse(text: &[u8]) -> Result<Value, JsonError> {
    let fault = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = StrictValue::new(&fault)
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|_| JsonError::Syntax)?;
    match fault.get() {
        None => Ok(value),
        Some(fault) => Err(fault),
    }
}

/// The array of keys of a JWKS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct JsonKeys {
    /// The first entries.
    pub(super) entries: Vec<Result<Value, JsonError>>,
    /// Whether there are more than were asked for.
    pub(super) has_more: bool,
}

/// Reads the array in the member `keys` of a JWKS (RFC 7517 section 5), value by value, so that
/// one faulty key spoils no other. Other members, and entries beyond the first `most`, are checked for
/// syntax and otherwise ignored: nothing is built of them.
pub(super) fn parse_keys(text: &[u8], most: usize) -> Result<JsonKeys, JwksError> {
    let fault = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let keys = deserializer
        .deserialize_map(KeysMember {
            fault: &fault,
            most,
        })
        .and_then(|keys| deserializer.end().map(|()| keys))
        .map_err(|_| fault.get().unwrap_or(JwksError::NotAnObject))?;
    keys.ok_or(JwksError::NoKeys)
}

/// Why text is not a JWKS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    #[error("expected a JSON object with the member `keys`")]
    NotAnObject,
    #[error("the member `keys` is missing")]
    NoKeys,
    #[error("the member `keys` appears twice")]
    KeysTwice,
    #[error("the member `keys` is not an array")]
    KeysNotAnArray,
}

/// Builds a [`Value`]. A fault is noted and reading goes on, so that the caller can tell where the
/// faulty value ends.
#[derive(Clone, Copy)]
struct StrictValue<'f> {
    fault: &'f Cell<Option<JsonError>>,
    levels_left: usize,
}

impl<'f> StrictValue<'f> {
    fn new(fault: &'f Cell<Option<JsonError>>) -> Self {
        Self {
            fault,
            levels_left: MAX_DEPTH,
        }
    }

    /// For what is one level further in; none where that is too deep.
    fn inner(self) -> Option<Self> {
        let levels_left = self.levels_left.checked_sub(1);
        if levels_left.is_none() {
            self.fault.set(Some(JsonError::TooDeep));
        }
        levels_left.map(|levels_left| Self {
            levels_left,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for StrictValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        match self.inner() {
            Some(inner) => {
                while let Some(item) = access.next_element_seed(inner)? {
                    items.push(item);
                }
            }
            None => while access.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        match self.inner() {
            Some(inner) => {
                while let Some(name) = access.next_key::<String>()? {
                    if members
                        .insert(name, access.next_value_seed(inner)?)
                        .is_some()
                    {
                        self.fault.set(Some(JsonError::DuplicateMember));
                    }
                }
            }
            None => while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {},
        }
        Ok(Value::Object(members))
    }
}

/// The outermost object of a JWKS.
struct KeysMember<'f> {
    fault: &'f Cell<Option<JwksError>>,
    most: usize,
}

impl<'de> Visitor<'de> for KeysMember<'_> {
    type Value = Option<JsonKeys>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object with the member `keys`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut keys = None;
        while let Some(name) = access.next_key::<String>()? {
            if name != "keys" {
                access.next_value::<IgnoredAny>()?;
                continue;
            }
            let array = KeyArray {
                fault: self.fault,
                most: self.most,
            };
            if keys.replace(access.next_value_seed(array)?).is_some() {
                self.fault.set(Some(JwksError::KeysTwice));
                return Err(A::Error::custom("the member `keys` appears twice"));
            }
        }
        Ok(keys)
    }
}

/// The array of keys, of which the first `most` are kept.
struct KeyArray<'f> {
    fault: &'f Cell<Option<JwksError>>,
    most: usize,
}

impl<'de> DeserializeSeed<'de> for KeyArray<'_> {
    type Value = JsonKeys;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let fault = self.fault;
        let keys = deserializer.deserialize_seq(self);
        if keys.is_err() && fault.get().is_none() {
            fault.set(Some(JwksError::KeysNotAnArray));
        }
        keys
    }
}

impl<'de> Visitor<'de> for KeyArray<'_> {
    type Value = JsonKeys;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of keys")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        let mut has_more = false;
        let fault = Cell::new(None);
        let broken = |error| {
            self.fault.set(Some(JwksError::NotAnObject));
            error
        };
        while entries.len() < self.most {
            let key = access.next_element_seed(StrictValue::new(&fault));
            match key.map_err(broken)? {
                Some(key) => entries.push(fault.take().map_or(Ok(key), Err)),
                None => return Ok(JsonKeys { entries, has_more }),
            }
        }
        while access
            .next_element::<IgnoredAny>()
            .map_err(broken)?
            .is_some()
        {
            has_more = true;
        }
        Ok(JsonKeys { entries, has_more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_json_value_is_read_as_serde_json_reads_it() {
        for text in [
            "{}",
            " { \"a\" : [1, -2, 3.5, true, false, null, \"x\\u00fc\"] } \r\n\t",
            "{\"a\":{\"b\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}",
            "18446744073709551615",
            "1e300",
        ] {
            assert_eq!(
                parse(text.as_bytes()),
                Ok(serde_json::from_str(text).unwrap()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_member_that_stands_twice_is_a_fault_at_every_level() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"b":{"a":1,"a":2}}"#,
            r#"{"b":[[{"a":1,"c":0,"a":2}]]}"#,
            r#"{"":1,"":2}"#,
        ] {
            assert_eq!(
                parse(text.as_bytes()),
                Err(JsonError::DuplicateMember),
                "{text}"
            );
        }
    }

    #[test]
    fn deep_nesting_is_a_fault() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(
            parse(nested(MAX_DEPTH + 1).as_bytes()),
            Err(JsonError::TooDeep)
        );
        assert!(parse(nested(200).as_bytes()).is_err());
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
        assert!(parse("{\"a\":".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn what_is_not_one_json_text_is_a_fault() {
        for text in [
            b"".as_slice(),
            b"{",
            b"{}{}",
            b"{} x",
            b"{}\0",
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\xff\"}",
            b"{\"\xff\":1}",
            b"{\"a\":\"\\ud800\"}",
            b"{\"a\":\"\\udc00x\"}",
            b"{\"a\":1e400}",
            b"{\"a\":NaN}",
            b"{\"a\":01}",
            b"{\"a\":'b'}",
            b"{\"a\":1,}",
            b"{\"a\":\"\n\"}",
            b"{a:1}",
            b"// comment\n{}",
        ] {
            assert_eq!(
                parse(text),
                Err(JsonError::Syntax),
                "{}",
                text.escape_ascii()
            );
        }
    }

    #[test]
    fn a_faulty_key_spoils_no_other() {
        let json = br#"{"x":[{}],"keys":[1,{"a":1,"a":1},{"a":1}],"y":{}}"#;
        let keys = parse_keys(json, 3).unwrap();
        assert!(!keys.has_more);
        assert_eq!(
            keys.entries,
            [
                Ok(Value::from(1)),
                Err(JsonError::DuplicateMember),
                Ok(serde_json::json!({"a": 1}))
            ]
        );
    }

    #[test]
    fn entries_beyond_the_bound_are_checked_for_syntax_alone() {
        let json = br#"{"keys":[1,2,{"a":1,"a":1},[[]]],"y":0}"#;
        let keys = parse_keys(json, 2).unwrap();
        let entries = vec![Ok(Value::from(1)), Ok(Value::from(2))];
        assert_eq!(
            keys,
            JsonKeys {
                entries,
                has_more: true
            }
        );
        let broken = parse_keys(br#"{"keys":[1,2,{]}"#, 2);
        assert_eq!(broken, Err(JwksError::NotAnObject));
        assert_eq!(
            parse_keys(br#"{"keys":[]}"#, 0).map(|keys| keys.has_more),
            Ok(false)
        );
    }

    #[test]
    fn what_is_not_a_jwks_is_a_fault() {
        for (text, expected) in [
            (r#"{"keys":[],"keys":[]}"#, JwksError::KeysTwice),
            (r#"{"keys":[],"\u006beys":[]}"#, JwksError::KeysTwice),
            ("{}", JwksError::NoKeys),
            (r#"{"keys":{}}"#, JwksError::KeysNotAnArray),
            (r#"{"keys":null}"#, JwksError::KeysNotAnArray),
            ("[]", JwksError::NotAnObject),
            ("", JwksError::NotAnObject),
            ("<html>", JwksError::NotAnObject),
            (r#"{"keys":[{]}"#, JwksError::NotAnObject),
            (r#"{"keys":[{}"#, JwksError::NotAnObject),
            (r#"{"keys":[]} x"#, JwksError::NotAnObject),
        ] {
            assert_eq!(parse_keys(text.as_bytes(), 9), Err(expected), "{text}");
        }
    }
}
