//! What is wrong with the text of a condition, or looks dangerous in it, and where.

use std::ops::Range;

use crate::problem::Mistake;

/// The bytes of the text that are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    // A condition has at most `MAX_BYTES`, so that two bytes hold a position.
    start: u16,
    end: u16,
}

/// A problem or a warning at a place of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    pub(crate) span: Span,
    pub(crate) mistake: Mistake,
}

impl Span {
    /// The first byte.
    pub(crate) const START: Self = Self { start: 0, end: 1 };

    pub(super) fn new(start: usize, end: usize) -> Self {
        let position = |position| u16::try_from(position).unwrap_or(u16::MAX);
        Self {
            start: position(start),
            end: position(end),
        }
    }

    /// From the beginning of this one to the end of `last`.
    pub(super) fn to(self, last: Self) -> Self {
        Self {
            start: self.start,
            end: last.end,
        }
    }

    pub fn range(self) -> Range<usize> {
        usize::from(self.start)..usize::from(self.end)
    }
}

impl Diagnostic {
    pub(super) fn new(span: Span, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            span,
            mistake: Mistake::new(message, help),
        }
    }
}
