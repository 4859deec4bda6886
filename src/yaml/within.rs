//! Where a part of a text is in the file that it was read from, whichever way the text is written:
//! plain, in quotation marks, or as a block.

use std::ops::Range;

use super::Located;
use crate::problem::{Place, Source};

impl Located<String> {
    /// The place of these bytes of the text. That of the whole text where it is written in a way
    /// that hides its parts.
    pub fn place_within(&self, source: &Source, bytes: Range<usize>) -> Place {
        let whole = self.place(source);
        let begins = whole.bytes.as_ref().map(|bytes| bytes.start);
        let found = begins.and_then(|begins| {
            let written = source.text.get(begins..)?;
            let within = aligned(&self.value, written, bytes)?;
            Some(begins + within.start..begins + within.end)
        });
        let Some(bytes) = found else {
            return whole;
        };
        let before = source.text.get(..bytes.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Place {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            bytes: Some(bytes),
            ..whole
        }
    }
}

/// The bytes of `written` that stand for these bytes of `value`. White space may be folded, and
/// characters escaped; everything else stands there as it is, in the same order.
fn aligned(value: &str, written: &str, bytes: Range<usize>) -> Option<Range<usize>> {
    let mut reader = Reader::new(written);
    let mut start = None;
    let mut end = None;
    for (at, character) in value.char_indices() {
        if at >= bytes.end {
            break;
        }
        let place = reader.find(character)?;
        if at >= bytes.start {
            start = start.or(Some(place.start));
            end = Some(place.end);
        }
    }
    Some(start?..end?)
}

/// How a text is written (YAML 1.2 chapters 7 and 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Plain, or as a block.
    Bare,
    Single,
    Double,
}

struct Reader<'w> {
    written: &'w str,
    rest: &'w str,
    style: Style,
}

impl<'w> Reader<'w> {
    fn new(written: &'w str) -> Self {
        let (style, rest) = match written.chars().next() {
            Some('\'') => (Style::Single, written.get(1..)),
            Some('"') => (Style::Double, written.get(1..)),
            // A block begins on the line after its header.
            Some('|' | '>') => (
                Style::Bare,
                written.find('\n').and_then(|end| written.get(end..)),
            ),
            _ => (Style::Bare, Some(written)),
        };
        Self {
            written,
            rest: rest.unwrap_or_default(),
            style,
        }
    }

    fn position(&self) -> usize {
        self.written.len() - self.rest.len()
    }

    /// Where the next character of the text is written.
    fn find(&mut self, character: char) -> Option<Range<usize>> {
        if character.is_whitespace() {
            let start = self.position();
            self.skip_blank();
            return Some(start..self.position().max(start + 1));
        }
        self.skip_blank();
        let start = self.position();
        let length = match (self.style, character) {
            (Style::Single, '\'') => self.rest.starts_with("''").then_some(2)?,
            (Style::Double, _) if self.rest.starts_with('\\') => escape_length(self.rest)?,
            _ => self
                .rest
                .starts_with(character)
                .then_some(character.len_utf8())?,
        };
        self.rest = self.rest.get(length..)?;
        Some(start..start + length)
    }

    /// White space, written as such or as an escape.
    fn skip_blank(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let is_blank_escape = self.style == Style::Double
                && ["\\n", "\\t", "\\ ", "\\r", "\\\n"]
                    .iter()
                    .any(|escape| self.rest.starts_with(escape));
            if !is_blank_escape {
                return;
            }
            self.rest = self.rest.get(2..).unwrap_or_default();
        }
    }
}

/// The length of the escape that the text begins with (YAML 1.2 section 5.7).
fn escape_length(text: &str) -> Option<usize> {
    Some(match text.as_bytes().get(1)? {
        b'x' => 4,
        b'u' => 6,
        b'U' => 10,
        _ => 2,
    })
}
