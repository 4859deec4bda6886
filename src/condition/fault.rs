//! Why a condition could not be evaluated.

use super::diagnostic::Span;
use crate::labels::closed_set;

/// A condition could not be evaluated, so that it refuses. Names a place, never a value: claims are
/// personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub cause: Cause,
    /// The part of the condition that failed.
    pub span: Span,
}

closed_set! {
    /// Why a condition could not be evaluated.
    #[derive(thiserror::Error)]
    pub enum Cause {
        /// A claim, a header, a query parameter or another fact is not there.
        #[error("it is not there")]
        Missing = "missing",
        /// It has another type than it must have.
        #[error("its type does not fit")]
        WrongType = "wrong_type",
        /// A header or a query parameter that came more than once.
        #[error("it came more than once")]
        Repeated = "repeated",
        /// A header or a query parameter that is not UTF-8 after decoding.
        #[error("it is not valid text")]
        NotText = "not_text",
        /// A result beyond what its type holds, or a place beyond the end of a list.
        #[error("it is out of range")]
        OutOfRange = "out_of_range",
        #[error("it divides by zero")]
        DivisionByZero = "division_by_zero",
        /// A text that is not a number, a time or a duration.
        #[error("it cannot be converted")]
        NotConvertible = "not_convertible",
        /// A text longer than is made.
        #[error("the text becomes too long")]
        TooLong = "too_long",
        /// More steps than a check may take.
        #[error("the check takes too many steps")]
        TooManySteps = "too_many_steps",
    }
}

impl Cause {
    /// Whether `false && ...`, `true || ...` and their kin may pass over it, as CEL has it. What
    /// shows that a caller may be up to something refuses whatever else holds.
    pub(super) fn can_be_absorbed(self) -> bool {
        match self {
            Self::Missing
            | Self::WrongType
            | Self::OutOfRange
            | Self::DivisionByZero
            | Self::NotConvertible => true,
            Self::Repeated | Self::NotText | Self::TooLong | Self::TooManySteps => false,
        }
    }

    pub(crate) fn at(self, span: Span) -> Fault {
        Fault { cause: self, span }
    }
}
