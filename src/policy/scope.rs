//! Scope names: what a token may be asked for (RFC 6749 section 3.3).

use std::borrow::Borrow;

/// The longest name of a scope or role, in bytes.
pub const MAX_SCOPE_NAME_BYTES: usize = 128;

/// The name of a permission: a `scope-token` of RFC 6749 section 3.3 without the comma, which some
/// clients put between scopes. Whether a catalogue has it is another question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeName(Box<str>);

/// Why a text is not a scope name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScopeNameError {
    #[error("is empty")]
    Empty,
    #[error("is longer than {MAX_SCOPE_NAME_BYTES} bytes")]
    TooLong,
    #[error("contains a space or a comma, which separate scopes")]
    Separator,
    #[error("contains a character that scope names cannot have")]
    Character,
}

impl ScopeNameError {
    pub(super) fn help(self) -> &'static str {
        match self {
            Self::Empty => "write a name, such as `orders.read`",
            Self::TooLong => "write a shorter name",
            Self::Separator => "write each scope as an entry of its own",
            Self::Character => {
                "write printable ASCII without space, quotation mark, comma and backslash"
            }
        }
    }
}

impl ScopeName {
    pub fn parse(text: &str) -> Result<Self, ScopeNameError> {
        if text.is_empty() {
            return Err(ScopeNameError::Empty);
        }
        if text.len() > MAX_SCOPE_NAME_BYTES {
            return Err(ScopeNameError::TooLong);
        }
        if text.contains([' ', ',']) {
            return Err(ScopeNameError::Separator);
        }
        let is_valid = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if text.bytes().all(is_valid) {
            Ok(Self(text.into()))
        } else {
            Err(ScopeNameError::Character)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ScopeName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_scope_tokens_without_commas() {
        for good in ["a", "orders.read", "https://x.example/s", "!", "~"] {
            assert!(ScopeName::parse(good).is_ok(), "{good}");
        }
        let long = "a".repeat(MAX_SCOPE_NAME_BYTES + 1);
        for (bad, expected) in [
            ("", ScopeNameError::Empty),
            (long.as_str(), ScopeNameError::TooLong),
            ("a b", ScopeNameError::Separator),
            ("a,b", ScopeNameError::Separator),
            ("a\"b", ScopeNameError::Character),
            ("a\\b", ScopeNameError::Character),
            ("a\nb", ScopeNameError::Character),
            ("é", ScopeNameError::Character),
            ("\u{7f}", ScopeNameError::Character),
        ] {
            assert_eq!(ScopeName::parse(bad), Err(expected), "{bad}");
        }
    }
}
