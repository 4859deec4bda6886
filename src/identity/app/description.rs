//! What an app is, in its owner's words.

use super::AppError;
use crate::identity::unseen::is_unseen;

/// In characters.
pub(super) const MAX_CHARACTERS: usize = 500;

pub(super) const MAX_LINES: usize = 10;

/// A few lines of plain text; empty where nothing is said. Nothing that cannot be seen or that reorders what is
/// seen, but for what writing in some scripts, and emoji, need.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppDescription(Box<str>);

impl AppDescription {
    /// Reads a description, without the space around it and with line breaks as browsers send them.
    pub fn parse(text: &str) -> Result<Self, AppError> {
        let text = text.replace("\r\n", "\n");
        let text = text.trim();
        let long = text.chars().count() > MAX_CHARACTERS || text.lines().count() > MAX_LINES;
        if long || !text.chars().all(may_have) {
            return Err(AppError::Description);
        }
        Ok(Self(text.into()))
    }

    /// A description that was accepted earlier.
    pub fn known(text: &str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn may_have(one: char) -> bool {
    // The joiners, and which form of a character is meant: Persian, Indic scripts and emoji are written with them.
    let joins = matches!(one, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}');
    one == '\n' || joins || !(one.is_control() || is_unseen(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_a_few_lines_of_what_can_be_seen() {
        for (text, read) in [
            ("", ""),
            (" Our shop \n", "Our shop"),
            (
                "B\u{fc}cher & mehr <3\r\nseit 1999",
                "B\u{fc}cher & mehr <3\nseit 1999",
            ),
            (
                "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645} \u{2764}\u{fe0f}",
                "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645} \u{2764}\u{fe0f}",
            ),
        ] {
            let description = AppDescription::parse(text).map(|text| text.as_str().to_owned());
            assert_eq!(description.as_deref(), Ok(read), "{text:?}");
        }
        for good in ["\u{e4}".repeat(MAX_CHARACTERS), "a\n".repeat(MAX_LINES)] {
            assert!(AppDescription::parse(&good).is_ok(), "{good:?}");
        }
        for bad in [
            "a\tb",
            "a\rb",
            "a\u{0}b",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{202e}b",
            "a\u{2066}b",
            "a\u{200b}b",
            "a\u{3164}b",
            "a\u{e0041}b",
            &"x".repeat(MAX_CHARACTERS + 1),
            &"a\n".repeat(MAX_LINES + 1),
        ] {
            let refused = Err(AppError::Description);
            assert_eq!(AppDescription::parse(bad), refused, "{bad:?}");
        }
    }
}
