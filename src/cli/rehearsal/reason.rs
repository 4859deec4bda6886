//! Why a gate decided as it did, by the names that its log and its metrics have for it.

use serde::{Serialize, Serializer};

use crate::decision::{DenialKind, PermitKind};
use crate::gate::Refusal;
use crate::labels::{Label, closed_set};

closed_set! {
    /// Why a gate decided as it did.
    pub(in crate::cli) enum Reason {
        MalformedTarget = "malformed_target",
        SeveralCredentials = "several_credentials",
        NoToken = "no_token",
        BadToken = "bad_token",
        ScopesMissing = "scopes_missing",
        Nobody = "nobody",
        ConditionNotMet = "condition_not_met",
        ConditionFailed = "condition_failed",
        Unlisted = "unlisted",
        KeysNotLoaded = "keys_not_loaded",
        RevocationsStale = "revocations_stale",
        MalformedCheck = "malformed_check",
        UnreadableCheck = "unreadable_check",
        OversizedCheck = "oversized_check",
        KeysDue = "keys_due",
        Overload = "overload",
        Defect = "defect",
        Public = "public",
        Authenticated = "authenticated",
        Scopes = "scopes",
        Preflight = "preflight",
        Shadow = "shadow",
    }
}

/// What a reason rests on. A log has only some of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum RestsOn {
    /// The request line, the policy, and scopes.
    Request,
    /// Claims of a token that was accepted.
    Claims,
    /// A token that was refused.
    Token,
    /// Headers, or what became of the message about them.
    Headers,
    /// How the gate was: nothing was judged.
    Gate,
}

impl Reason {
    /// The reason of this name; none where another release has given it.
    pub(in crate::cli) fn named(name: &str) -> Option<Self> {
        let mut known = Self::ALL.iter().copied();
        known.find(|known| known.label() == name)
    }

    pub(super) fn of_denial(kind: DenialKind) -> Self {
        match kind {
            DenialKind::MalformedTarget => Self::MalformedTarget,
            DenialKind::SeveralCredentials => Self::SeveralCredentials,
            DenialKind::NoToken => Self::NoToken,
            DenialKind::BadToken => Self::BadToken,
            DenialKind::ScopesMissing => Self::ScopesMissing,
            DenialKind::Nobody => Self::Nobody,
            DenialKind::ConditionNotMet => Self::ConditionNotMet,
            DenialKind::ConditionFailed => Self::ConditionFailed,
            DenialKind::Unlisted => Self::Unlisted,
            DenialKind::KeysNotLoaded => Self::KeysNotLoaded,
            DenialKind::RevocationsStale => Self::RevocationsStale,
        }
    }

    pub(super) fn of_refusal(refusal: &Refusal<'_>) -> Self {
        match refusal {
            Refusal::Denied(denial) => Self::of_denial(denial.kind()),
            Refusal::Malformed(_) => Self::MalformedCheck,
            Refusal::Unreadable => Self::UnreadableCheck,
            Refusal::TooLarge => Self::OversizedCheck,
            Refusal::KeysDue { .. } => Self::KeysDue,
            Refusal::Overload => Self::Overload,
            Refusal::Defect => Self::Defect,
        }
    }

    pub(super) fn of_permit(kind: PermitKind) -> Self {
        match kind {
            PermitKind::Public => Self::Public,
            PermitKind::Authenticated => Self::Authenticated,
            PermitKind::Scopes => Self::Scopes,
            PermitKind::Nobody => Self::Nobody,
            PermitKind::Preflight => Self::Preflight,
            PermitKind::Shadow => Self::Shadow,
        }
    }

    pub(in crate::cli) fn rests_on(self) -> RestsOn {
        match self {
            Self::BadToken | Self::KeysNotLoaded | Self::KeysDue | Self::RevocationsStale => {
                RestsOn::Token
            }
            Self::SeveralCredentials
            | Self::MalformedCheck
            | Self::UnreadableCheck
            | Self::OversizedCheck
            | Self::Preflight => RestsOn::Headers,
            Self::Overload | Self::Defect => RestsOn::Gate,
            Self::Scopes | Self::Authenticated | Self::ConditionNotMet | Self::ConditionFailed => {
                RestsOn::Claims
            }
            Self::MalformedTarget
            | Self::NoToken
            | Self::ScopesMissing
            | Self::Nobody
            | Self::Unlisted
            | Self::Public
            | Self::Shadow => RestsOn::Request,
        }
    }

    /// Whether the same request can be made again so that it is decided for this reason.
    pub(in crate::cli) fn is_reproducible(self) -> bool {
        match self.rests_on() {
            RestsOn::Request | RestsOn::Claims => true,
            RestsOn::Token | RestsOn::Headers | RestsOn::Gate => false,
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_the_name_that_the_gate_has_for_it() {
        for reason in Refusal::reasons() {
            assert!(Reason::named(reason).is_some(), "{reason}");
        }
        for kind in DenialKind::ALL {
            assert_eq!(Reason::of_denial(*kind).label(), kind.label());
        }
        for kind in PermitKind::ALL {
            assert_eq!(Reason::of_permit(*kind).label(), kind.label());
        }
        for (refusal, name) in [
            (Refusal::Unreadable, "unreadable_check"),
            (Refusal::TooLarge, "oversized_check"),
            (Refusal::Overload, "overload"),
            (Refusal::Defect, "defect"),
        ] {
            assert_eq!(Reason::of_refusal(&refusal).label(), name);
            assert_eq!(refusal.label(), name);
        }
        assert_eq!(Reason::named("of_another_release"), None);
    }
}
