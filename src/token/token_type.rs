//! The type of a token: `typ`, and the media types that an issuer's tokens may have.

use std::fmt;

/// A `typ` as types are compared: in any case, `application/` left out where nothing but a subtype
/// follows (RFC 7515 section 4.1.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenType(Box<str>);

impl TokenType {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for TokenType {
    fn from(written: &str) -> Self {
        let lower = written.to_ascii_lowercase();
        match lower.strip_prefix("application/") {
            Some(subtype) if !subtype.contains('/') => Self(subtype.into()),
            Some(_) | None => Self(lower.into()),
        }
    }
}

/// A token without `typ` counts as a JWT (RFC 7519 section 5.1).
impl Default for TokenType {
    fn default() -> Self {
        Self("jwt".into())
    }
}

impl fmt::Display for TokenType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_compare_without_case_and_application() {
        for (written, read) in [
            ("JWT", "jwt"),
            ("at+jwt", "at+jwt"),
            ("Application/AT+JWT", "at+jwt"),
            ("text/jwt", "text/jwt"),
            ("application/", ""),
            ("application/a/b", "application/a/b"),
            ("", ""),
        ] {
            assert_eq!(TokenType::from(written).as_str(), read, "{written}");
        }
    }
}
