//! Scope names: what a token may be asked for (RFC 6749 section 3.3).

/// The longest scope name, in bytes.
const MAX_BYTES: usize = 128;

/// A name of the right alphabet; whether the catalogue has it is another question.
pub(super) struct ScopeName;

/// Why a text is no scope name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScopeError {
    #[error("is empty")]
    Empty,
    #[error("is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("has a space or comma, which stands between scopes")]
    Several,
    #[error("has a character that no scope has")]
    Character,
}

impl ScopeError {
    pub(super) fn help(self) -> &'static str {
        match self {
            Self::Empty => "write a name, such as `orders.read`",
            Self::TooLong => "write a shorter name",
            Self::Several => "write each scope as an entry of its own",
            Self::Character => {
                "write printable ASCII without space, quotation mark, comma and backslash"
            }
        }
    }
}

impl ScopeName {
    /// `scope-token` of RFC 6749 section 3.3, without the comma that our issuer accepts between
    /// scopes.
    pub(super) fn parse(text: &str) -> Result<(), ScopeError> {
        if text.is_empty() {
            return Err(ScopeError::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(ScopeError::TooLong);
        }
        if text.contains([' ', ',']) {
            return Err(ScopeError::Several);
        }
        let is_valid = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        text.bytes()
            .all(is_valid)
            .then_some(())
            .ok_or(ScopeError::Character)
    }
}
