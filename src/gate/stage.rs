//! How far a check has come.

use super::turn::KeyNews;
use crate::authorizer::Effort;

/// How far a check has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Judged with no more than this effort.
    First(Effort),
    /// Its token's signature is verified.
    Verifying,
    /// The issuer was asked for a key.
    Asked(KeyNews),
    /// The signature is verified with the keys that there are now.
    Final(KeyNews),
    /// The signature will not be verified in time.
    Unverified,
}

impl Stage {
    pub(super) fn effort(self) -> Effort {
        match self {
            Self::First(effort) => effort,
            Self::Asked(_) => Effort::Text,
            Self::Verifying | Self::Final(_) | Self::Unverified => Effort::Full,
        }
    }

    /// Whether the issuer may still be asked for a key.
    pub(super) fn may_ask(self) -> bool {
        matches!(self, Self::First(_) | Self::Verifying)
    }

    /// What came of asking it.
    pub(super) fn news(self) -> Option<KeyNews> {
        match self {
            Self::Asked(news) | Self::Final(news) => Some(news),
            Self::First(_) | Self::Verifying | Self::Unverified => None,
        }
    }

    pub(super) fn verifies(self) -> bool {
        matches!(self, Self::Verifying | Self::Final(_))
    }
}
