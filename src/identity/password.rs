//! Passwords that users choose: NIST SP 800-63B section 5.1.1.2, length and no composition rules.

use std::fmt;

use super::context_words::ContextWords;
use super::folding::folded;
use super::unseen::is_unseen;

/// In characters (code points), as NIST counts.
const MIN_CHARACTERS: usize = 8;
const MAX_CHARACTERS: usize = 128;

/// What attackers try first, in lower case and sorted; shorter ones are refused for their length. The file says
/// where it is from.
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
    /// One of the commonest.
    #[error("the password is too common: choose another")]
    Guessable,
    /// Made of names that go without saying here.
    #[error(
        "the password is too easy to guess: at least {MIN_CHARACTERS} characters must be left without the words of your \
         name, your e-mail address and this site"
    )]
    Context,
}

impl Password {
    /// Takes a password where these words are the first to be guessed. It is hashed as it is, unaltered.
    pub fn choose(text: String, words: &ContextWords) -> Result<Self, PasswordError> {
        // What cannot be seen would make any password long.
        let seen = text.chars().filter(|character| !is_unseen(*character));
        if seen.count() < MIN_CHARACTERS {
            return Err(PasswordError::TooShort);
        }
        if text.chars().count() > MAX_CHARACTERS {
            return Err(PasswordError::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(PasswordError::Control);
        }
        // Guessers try upper and lower case as a matter of course, so that it does not make a common
        // password a good one, and no more does what merely looks different.
        let folded = folded(&text);
        // So is a space around it.
        if is_common(folded.trim()) {
            return Err(PasswordError::Guessable);
        }
        if let Some(rest) = words.taken_from(&folded)
            && (rest.chars().count() < MIN_CHARACTERS || is_common(&rest))
        {
            return Err(PasswordError::Context);
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

/// Whether guessers try a folded text before they try much else.
fn is_common(folded: &str) -> bool {
    let mut characters = folded.chars();
    let first = characters.next();
    // Line after line: that takes a small part of the time of a hash, and no memory.
    characters.all(|character| Some(character) == first)
        || COMMONEST
            .lines()
            .any(|common| common == folded && !common.starts_with("# "))
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
            (" password\u{a0}", Some(PasswordError::Guessable)),
            ("pass\u{200b}word", Some(PasswordError::Guessable)),
            ("\u{ff50}assword", Some(PasswordError::Guessable)),
            ("\u{ff41}lice-2027!", Some(PasswordError::Context)),
            (
                "abc\u{200b}\u{200b}\u{200b}\u{200b}\u{200b}",
                Some(PasswordError::TooShort),
            ),
            ("12345678", Some(PasswordError::Guessable)),
            ("zzzzzzzzzzz", Some(PasswordError::Guessable)),
            // From the list that is not ours; case is no protection.
            ("Podvinsev", Some(PasswordError::Guessable)),
            ("roma1996", Some(PasswordError::Guessable)),
            ("alice.shop", Some(PasswordError::Context)),
            ("Alice-2027!", Some(PasswordError::Context)),
            ("alicepassword", Some(PasswordError::Context)),
            ("alice likes pancakes", None),
            ("tab\tseparated", Some(PasswordError::Control)),
            ("nul\0separated", Some(PasswordError::Control)),
        ];
        for (text, expected) in rows {
            let words = ContextWords::default().with(["Alice.Shop"]);
            let fault = Password::choose(text.to_owned(), &words).err();
            assert_eq!(fault, expected, "{text}");
        }
        let (longest, words) = ("ab".repeat(64), ContextWords::default());
        assert!(Password::choose(longest.clone(), &words).is_ok());
        let fault = Password::choose(longest + "c", &words).err();
        assert_eq!(fault, Some(PasswordError::TooLong));
    }

    /// ASVS 6.2.4 asks for 3000 that the other rules let in.
    #[test]
    fn the_list_is_long_sorted_and_in_lower_case() {
        let lines = COMMONEST.lines().filter(|line| !line.starts_with('#'));
        let passwords: Vec<&str> = lines.collect();
        assert!(passwords.len() > 15_000, "{}", passwords.len());
        assert!(passwords.is_sorted());
        for password in passwords {
            assert_eq!(folded(password), password);
            assert!(password.chars().count() >= MIN_CHARACTERS, "{password}");
        }
    }
}
