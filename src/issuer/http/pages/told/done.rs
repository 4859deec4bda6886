//! What has been done, as the next page tells it.

use serde::{Deserialize, Serialize};

use crate::issuer::http::pages::words::Words;

/// What has been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::issuer::http::pages) enum Done {
    SignedUp,
    LoggedOut,
    EmailChanged,
    PasswordChanged,
    PasswordSet,
    PasskeyMade,
    PasskeyDeleted,
    AppChanged,
    AppDisabled,
    AppEnabled,
    AppDeleted,
    UserChanged,
    UserDeleted,
    RoleChanged,
    RoleMade,
    RoleDeleted,
    DefaultRoleChanged,
    ScopeChanged,
    ScopeMade,
    ScopeDeleted,
    AccessEnded,
    AllAccessEnded,
    SessionEnded,
    OtherSessionsEnded,
    Revoked,
    KeysRotated,
}

impl Done {
    pub(in crate::issuer::http::pages) fn say(self, words: &'static Words) -> &'static str {
        let words = words.done;
        match self {
            Self::SignedUp => words.signed_up,
            Self::LoggedOut => words.logged_out,
            Self::EmailChanged => words.email,
            Self::PasswordChanged => words.password,
            Self::PasswordSet => words.reset,
            Self::PasskeyMade => words.passkey_made,
            Self::PasskeyDeleted => words.passkey_deleted,
            Self::AppChanged => words.app_changed,
            Self::AppDisabled => words.app_disabled,
            Self::AppEnabled => words.app_enabled,
            Self::AppDeleted => words.app_deleted,
            Self::UserChanged => words.user_changed,
            Self::UserDeleted => words.user_deleted,
            Self::RoleChanged => words.role_changed,
            Self::RoleMade => words.role_made,
            Self::RoleDeleted => words.role_deleted,
            Self::DefaultRoleChanged => words.default_role,
            Self::ScopeChanged => words.scope_changed,
            Self::ScopeMade => words.scope_made,
            Self::ScopeDeleted => words.scope_deleted,
            Self::AccessEnded => words.access_ended,
            Self::AllAccessEnded => words.all_access_ended,
            Self::SessionEnded => words.sessions_ended,
            Self::OtherSessionsEnded => words.others_ended,
            Self::Revoked => words.revoked,
            Self::KeysRotated => words.keys_rotated,
        }
    }
}
