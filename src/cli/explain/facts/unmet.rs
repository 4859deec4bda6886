//! The condition by which a request is refused.

use serde::Serialize;

use crate::decision::Denial;

/// A condition that does not hold.
#[derive(Debug, Serialize)]
pub(in crate::cli::explain) struct UnmetFacts {
    pub(in crate::cli::explain) condition: String,
    /// The part that cannot be evaluated, if that is why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli::explain) part: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli::explain) error: Option<String>,
}

impl UnmetFacts {
    pub(super) fn of(denial: &Denial<'_>) -> Option<Self> {
        let (condition, part) = denial.condition()?;
        let error = match denial {
            Denial::ConditionFailed { fault, .. } => Some(fault.cause.to_string()),
            _ => None,
        };
        Some(Self {
            condition: condition.text().to_owned(),
            part: part.map(str::to_owned),
            error,
        })
    }
}
