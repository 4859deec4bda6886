//! The parameters of a query, as forms write them
//! (`application/x-www-form-urlencoded`, URL standard).

use std::borrow::Cow;

use super::facts::Found;
use crate::coding::percent_decoded;

/// The parameter `name` of `query`, which is what follows the `?`.
pub(super) fn find<'q>(query: &'q [u8], name: &str) -> Found<Cow<'q, [u8]>> {
    let mut found = Found::Absent;
    for pair in query.split(|byte| *byte == b'&') {
        let equals = pair.iter().position(|byte| *byte == b'=');
        let (key, value) = match equals.and_then(|equals| pair.split_at_checked(equals)) {
            Some((key, value)) => (key, value.get(1..).unwrap_or_default()),
            None => (pair, b"".as_slice()),
        };
        // A key that cannot be decoded is not the one that is looked for.
        if pair.is_empty() || decoded(key).as_deref() != Some(name.as_bytes()) {
            continue;
        }
        if !matches!(found, Found::Absent) {
            return Found::Repeated;
        }
        found = decoded(value).map_or(Found::Unreadable, Found::Once);
    }
    found
}

/// Nothing where a percent sign is not followed by two hexadecimal digits.
fn decoded(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        match rest {
            [] => return Some(Cow::Owned(decoded)),
            [b'%', high, low, after @ ..] => {
                decoded.push(percent_decoded(*high, *low)?);
                rest = after;
            }
            [b'%', ..] => return None,
            [b'+', after @ ..] => {
                decoded.push(b' ');
                rest = after;
            }
            [byte, after @ ..] => {
                decoded.push(*byte);
                rest = after;
            }
        }
    }
}
