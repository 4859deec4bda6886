//! What a line of the log says of a decision, by the names of this release or of another one.

use serde::{Serialize, Serializer};

use crate::cli::rehearsal::{Answer, Disposition, Reason};
use crate::labels::Label;

/// What a line says of the outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum LoggedDecision {
    Allow,
    WouldDeny,
    Deny,
    /// Of another release.
    Other(String),
}

/// Why, by what a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum LoggedReason {
    Known(Reason),
    /// Of another release.
    Other(String),
}

impl LoggedDecision {
    pub(super) fn named(name: String) -> Self {
        match name.as_str() {
            "allow" => Self::Allow,
            "would_deny" => Self::WouldDeny,
            "deny" => Self::Deny,
            _ => Self::Other(name),
        }
    }

    /// How the log calls what became of a request.
    pub(super) fn of(answer: &Answer) -> Self {
        match answer.disposition {
            Disposition::Allowed(_) => Self::Allow,
            Disposition::InShadow(_) => Self::WouldDeny,
            Disposition::Refused(_) => Self::Deny,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Allow => "allow",
            Self::WouldDeny => "would_deny",
            Self::Deny => "deny",
            Self::Other(name) => name,
        }
    }
}

impl LoggedReason {
    pub(super) fn named(name: String) -> Self {
        Reason::named(&name).map_or(Self::Other(name), Self::Known)
    }

    pub(in crate::cli) fn as_str(&self) -> &str {
        match self {
            Self::Known(reason) => reason.label(),
            Self::Other(name) => name,
        }
    }
}

impl Serialize for LoggedDecision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for LoggedReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
