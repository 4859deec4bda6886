//! Why an app or a user is refused that exists: for the log alone, because its caller has proven nothing.

use crate::identity::{AppWithOwner, GrantError};
use crate::issuer::endpoint_error::EndpointError;
use crate::labels::closed_set;

closed_set! {
    /// What is wrong with the credentials of an app that exists.
    pub(super) enum AppFault {
        WrongSecret = "wrong_secret",
        AppDisabled = "app_disabled",
        OwnerDisabled = "owner_disabled",
    }
}

closed_set! {
    /// Why a user is refused that has proven who it is.
    pub(super) enum UserFault {
        UserDisabled = "user_disabled",
    }
}

/// An app that exists, and why it is refused.
#[derive(Debug)]
pub(in crate::issuer) struct RefusedApp {
    pub(super) key: String,
    pub(super) fault: AppFault,
}

/// A proof that was not accepted, with what its caller must not learn.
#[derive(Debug)]
pub(in crate::issuer) struct RefusedProof {
    pub(super) error: EndpointError,
    pub(super) app: Option<RefusedApp>,
    pub(super) user: Option<UserFault>,
}

impl RefusedProof {
    /// The right proof of a user who is disabled: answered as a wrong one.
    pub(super) fn of_disabled() -> Self {
        Self {
            error: EndpointError::BadLogin,
            app: None,
            user: Some(UserFault::UserDisabled),
        }
    }
}

impl RefusedApp {
    /// Of an app whose secret was given, or not.
    pub(super) fn of(found: &AppWithOwner, knows_secret: bool) -> Option<Self> {
        let fault = match found.usable() {
            _ if !knows_secret => AppFault::WrongSecret,
            Ok(()) => return None,
            Err(GrantError::OwnerDisabled) => AppFault::OwnerDisabled,
            Err(_) => AppFault::AppDisabled,
        };
        Some(Self {
            key: found.app.key.as_str().to_owned(),
            fault,
        })
    }
}

impl<E: Into<EndpointError>> From<E> for RefusedProof {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            app: None,
            user: None,
        }
    }
}
