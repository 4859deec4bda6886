//! Text that anybody may have written, on a page.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use askama::filters::HtmlSafe;

/// Text of anybody, as it may stand in an element and in a quoted attribute of HTML. What a template shows
/// in any other type is escaped by askama, which knows nothing of the characters that reorder text.
pub(super) struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    pub(super) fn of(text: impl Into<Cow<'a, str>>) -> Self {
        Self(text.into())
    }

    /// Whether it is this text.
    pub(super) fn is(&self, other: &str) -> bool {
        self.0 == other
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Its `Display` escapes.
impl HtmlSafe for Text<'_> {}

impl fmt::Display for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                '\t' | '\n' | '\r' => formatter.write_char(character)?,
                // Would read as something else than it is: reordered, or cut off. Control characters are seen by
                // nobody, and are commands to a terminal into which they are copied.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    formatter.write_char(char::REPLACEMENT_CHARACTER)?;
                }
                control if control.is_control() => {
                    formatter.write_char(char::REPLACEMENT_CHARACTER)?;
                }
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_anybody_stays_text() {
        let rows = [
            ("Read orders", "Read orders"),
            (
                "<script>alert(1)</script>",
                "&lt;script&gt;alert(1)&lt;/script&gt;",
            ),
            ("\" onfocus='x' a=\"", "&quot; onfocus=&#39;x&#39; a=&quot;"),
            ("&lt;", "&amp;lt;"),
            ("a\u{202e}b\0c", "a\u{fffd}b\u{fffd}c"),
            ("a\u{3}\u{9b}b\tc\r\n", "a\u{fffd}\u{fffd}b\tc\r\n"),
            ("\u{e4}\u{1f600}", "\u{e4}\u{1f600}"),
        ];
        for (text, expected) in rows {
            assert_eq!(Text::of(text).to_string(), expected);
        }
    }
}
