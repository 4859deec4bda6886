//! Passwords that users choose: NIST SP 800-63B section 5.1.1.2, length and no composition rules.

use std::fmt;

/// In characters (code points), as NIST counts.
const MIN_CHARACTERS: usize = 8;
const MAX_CHARACTERS: usize = 128;

/// What attackers try first, in lower case; shorter ones are refused for their length.
const COMMONEST: &str = include_str!("commonest_passwords.txt");

/// A password in clear that may be chosen. Never printed.
pub struct Password(String);

/// Why a password may not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer characters than are needed.
    #[error("the password is too short: at least {MIN_CHARACTERS} characters")]
    TooShort,
    /// More characters than are hashed.
    #[error("the password is too long: at most {MAX_CHARACTERS} characters")]
    TooLong,
    /// A control character, which no keyboard makes.
    #[error("the password has a control character")]
    Control,
    /// One of the commonest, or the user's own name.
    #[error("the password is too common: choose another")]
    Guessable,
}

impl Password {
    /// Takes a password for somebody with these names. It is hashed as it is, unaltered.
    pub fn choose(text: String, names: &[&str]) -> Result<Self, PasswordError> {
        let characters = text.chars().count();
        if characters < MIN_CHARACTERS {
            return Err(PasswordError::TooShort);
        }
        if characters > MAX_CHARACTERS {
            return Err(PasswordError::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(PasswordError::Control);
        }
        // Guessers try upper and lower case as a matter of course, so that it does not make a common
        // password a good one.
        let folded = text.to_lowercase();
        let is_name = names.iter().any(|name| name.to_lowercase() == folded);
        let mut characters = folded.chars();
        let first = characters.next();
        let repeated = characters.all(|character| Some(character) == first);
        if is_name || repeated || COMMONEST.lines().any(|common| common == folded) {
            return Err(PasswordError::Guessable);
        }
        Ok(Self(text))
    }

    /// A password that somebody tries; too long ones cannot have been chosen.
    pub fn attempt(text: String) -> Result<Self, PasswordError> {
        if text.chars().count() > MAX_CHARACTERS {
            return Err(PasswordError::TooLong);
        }
        Ok(Self(text))
    }

    /// The bytes that are hashed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_and_composition_does_not() {
        let rows = [
            ("correct horse battery staple", None),
            ("pfannkuchen", None),
            ("ÄÖÜäöüßé", None),
            ("1234567", Some(PasswordError::TooShort)),
            ("", Some(PasswordError::TooShort)),
            ("password", Some(PasswordError::Guessable)),
            ("PassWord", Some(PasswordError::Guessable)),
            ("12345678", Some(PasswordError::Guessable)),
            ("zzzzzzzzzzz", Some(PasswordError::Guessable)),
            ("alice.shop", Some(PasswordError::Guessable)),
            ("tab\tseparated", Some(PasswordError::Control)),
            ("nul\0separated", Some(PasswordError::Control)),
        ];
        for (text, expected) in rows {
            let fault = Password::choose(text.to_owned(), &["Alice.Shop"]).err();
            assert_eq!(fault, expected, "{text}");
        }
        let longest = "ab".repeat(64);
        assert!(Password::choose(longest.clone(), &[]).is_ok());
        let fault = Password::choose(longest + "c", &[]).err();
        assert_eq!(fault, Some(PasswordError::TooLong));
    }
}
