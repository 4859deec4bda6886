//! `application/x-www-form-urlencoded`, read strictly (WHATWG URL section 5.1, RFC 6749 appendix B).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::coding::{percent_decoded, push_percent_encoded};

/// May come several times, as the extensions that they are of say (RFC 8707, RFC 8693).
const REPEATABLE: [&str; 2] = ["audience", "resource"];

/// The parameters of a form; none empty, and each at most once but for those that may be repeated.
#[derive(Default)]
pub struct Form(BTreeMap<String, Vec<String>>);

/// Why a form cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// `%` without two hex digits, bytes that are no UTF-8, or NUL.
    #[error("the form is not properly encoded")]
    Encoding,
    /// A parameter comes twice (RFC 6749 section 3.2).
    #[error("a parameter is repeated")]
    Duplicate,
}

impl Form {
    /// Reads a body. A parameter without a value is as good as absent (RFC 6749 section 3.2).
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        let (form, repeated) = Self::parse_with_repeated(body)?;
        if repeated.is_empty() {
            Ok(form)
        } else {
            Err(FormError::Duplicate)
        }
    }

    /// Reads a query or body in which parameters may come twice; such ones have no value, and their
    /// names are beside it.
    pub fn parse_with_repeated(body: &[u8]) -> Result<(Self, BTreeSet<String>), FormError> {
        let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut repeated = BTreeSet::new();
        for pair in body.split(|byte| *byte == b'&') {
            if pair.is_empty() {
                continue;
            }
            let equals = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = equals
                .and_then(|position| pair.split_at_checked(position))
                .unwrap_or((pair, b"="));
            let name = text(name).ok_or(FormError::Encoding)?;
            let value = text(value.get(1..).unwrap_or_default()).ok_or(FormError::Encoding)?;
            match parameters.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(vec![value]);
                }
                Entry::Occupied(mut entry) if REPEATABLE.contains(&&**entry.key()) => {
                    entry.get_mut().push(value);
                }
                Entry::Occupied(entry) => {
                    repeated.insert(entry.key().clone());
                }
            }
        }
        // RFC 6749 section 3.1: a parameter without a value counts as left out. One that came twice has
        // no value that could be relied on.
        parameters.retain(|name, values| {
            values.retain(|value| !value.is_empty());
            !values.is_empty() && !repeated.contains(name)
        });
        Ok((Self(parameters), repeated))
    }

    /// The names of all parameters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A parameter; the first where it is repeated.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// A parameter that may be repeated.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).into_iter().flatten().map(String::as_str)
    }
}

fn text(encoded: &[u8]) -> Option<String> {
    let text = String::from_utf8(decode(encoded)?).ok()?;
    (!text.contains('\0')).then_some(text)
}

/// Writes parameters as a query: all but unreserved characters (RFC 3986 section 2.3) as `%XX`, which
/// means the same in a query and in a form.
pub(super) fn encode<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = String::new();
    for (name, value) in parameters {
        if !query.is_empty() {
            query.push('&');
        }
        push_percent_encoded(&mut query, name);
        query.push('=');
        push_percent_encoded(&mut query, value);
    }
    query
}

/// Decodes `+` and `%XX`; nothing where a `%` is not followed by two hex digits.
pub(super) fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = encoded.iter();
    let mut decoded = Vec::with_capacity(encoded.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => percent_decoded(*bytes.next()?, *bytes.next()?)?,
            other => *other,
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_strictly() {
        let form = Form::parse(b"a=1&b=x+y%2Bz&c=&d&&e=%C3%A4=").unwrap();
        let rows = [
            ("a", Some("1")),
            ("b", Some("x y+z")),
            ("c", None),
            ("d", None),
        ];
        for (name, expected) in rows.into_iter().chain([("e", Some("ä=")), ("f", None)]) {
            assert_eq!(form.get(name), expected, "{name}");
        }
        let encoding: [&[u8]; 5] = [b"a=%", b"a=%4", b"a=%zz", b"a=%ff", b"a=%00"];
        for bad in encoding.into_iter().chain([b"a=\xff".as_slice(), b"%zz=1"]) {
            assert_eq!(Form::parse(bad).err(), Some(FormError::Encoding));
        }
        for bad in [b"a=1&a=1".as_slice(), b"a=&a=1", b"a&%61=1"] {
            assert_eq!(Form::parse(bad).err(), Some(FormError::Duplicate));
        }
    }
    #[test]
    fn repeated_parameters_have_no_value_and_are_told() {
        let (form, repeated) = Form::parse_with_repeated(b"a=1&b=2&%61=1&c=&c").unwrap();
        assert_eq!((form.get("a"), form.get("b")), (None, Some("2")));
        assert_eq!(repeated.into_iter().collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn what_is_encoded_is_read_as_it_was() {
        let text = "a-._~ +&=%/?#\"'<>\r\n\u{e4}\u{1f600}";
        let query = encode([("x", text), ("a&b", "")]);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%&=".contains(&byte);
        assert!(query.bytes().all(plain), "{query}");
        assert_eq!(Form::parse(query.as_bytes()).unwrap().get("x"), Some(text));
    }

    #[test]
    fn resources_may_be_repeated() {
        let form = Form::parse(b"resource=a&resource=&x=1&resource=b").unwrap();
        assert_eq!(form.all("resource").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(form.get("resource"), Some("a"));
        assert_eq!(form.all("audience").next(), None);
    }
}
