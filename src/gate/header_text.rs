//! How a value proven by a token is written into a header.

use std::borrow::Cow;

/// A text for a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderText<'a>(Cow<'a, str>);

impl<'a> From<&'a str> for HeaderText<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl<'a> HeaderText<'a> {
    /// The text of a claim, if it has one: objects and null do not. The items of an array are joined
    /// by commas, unless one of them has no text, or contains a comma: then two arrays would look
    /// alike.
    pub fn of_claim(claim: &'a serde_json::Value) -> Option<Self> {
        let serde_json::Value::Array(items) = claim else {
            return plain_text(claim).map(Self);
        };
        let items = items.iter().map(|item| {
            let text = plain_text(item);
            text.filter(|text| !text.contains(',') && text.trim() == text.as_ref())
        });
        let items: Vec<_> = items.collect::<Option<_>>()?;
        (!items.is_empty()).then(|| Self(items.join(",").into()))
    }

    /// Appends the text so that different values stay different on their way through HTTP: bytes
    /// that a header cannot contain or that proxies trim become `%XX`, and so does `%` itself.
    pub fn append_to(&self, text: &mut Vec<u8>) {
        let bytes = self.0.as_bytes();
        let plain = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'%';
        // Blanks at either end are encoded as well: they are no part of a header's value (RFC 9110
        // section 5.5), and two subjects that differ in them alone would be one to the upstream.
        if bytes.trim_ascii().len() == bytes.len() && bytes.iter().all(|&byte| plain(byte)) {
            text.extend_from_slice(bytes);
            return;
        }
        let last = bytes.len().saturating_sub(1);
        for (at, &byte) in bytes.iter().enumerate() {
            let is_edge = at == 0 || at == last;
            if plain(byte) && !(byte == b' ' && is_edge) {
                text.push(byte);
            } else {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
                text.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}

/// Of numbers only integers from -2^63 to 2^64 - 1 can be forwarded: all others were rounded when the
/// token was read, so that two of them may have become one.
fn plain_text(value: &serde_json::Value) -> Option<Cow<'_, str>> {
    match value {
        serde_json::Value::String(text) if text.is_empty() => None,
        serde_json::Value::String(text) => Some(Cow::Borrowed(text)),
        serde_json::Value::Number(number) if number.is_f64() => None,
        serde_json::Value::Number(number) => Some(number.to_string().into()),
        serde_json::Value::Bool(value) => Some(value.to_string().into()),
        serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Nothing that a proxy refuses, trims, or takes for another line (RFC 9110 section 5.5).
    fn is_field_value(value: &[u8]) -> bool {
        let trimmed = value.trim_ascii() == value;
        !value.is_empty() && trimmed && value.iter().all(|byte| (0x20..=0x7e).contains(byte))
    }

    proptest! {
        #[test]
        fn different_values_stay_different(one in any::<String>(), other in any::<String>()) {
            let escaped = |value: &str| {
                let mut text = Vec::new();
                HeaderText::from(value).append_to(&mut text);
                text
            };
            prop_assert!(one.is_empty() || is_field_value(&escaped(&one)));
            prop_assert_eq!(one == other, escaped(&one) == escaped(&other));
        }
    }
}
