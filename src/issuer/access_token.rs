//! What the issuer's access tokens say of themselves, for whoever makes or reads them.

use crate::identity::{AppKey, Entitlement, Extent, ScopeName, ScopeSet, UserId};
use crate::token::{LogPosition, VerifiedToken};

/// How they are presented (RFC 6750).
pub(super) const TOKEN_TYPE: &str = "bearer";

/// The client of tokens that users get without an app. No app has so short a key.
pub(super) const LOGIN_CLIENT: &str = "portcullis";

/// The claim that says when its user logged in (OpenID Connect Core section 2, RFC 9470 section 6.1).
pub(super) const AUTHENTICATION_CLAIM: &str = "auth_time";

/// What an access token of ours says, in the terms of grants.
pub(super) struct TokenClaims {
    pub(super) user: UserId,
    pub(super) app: Option<AppKey>,
    pub(super) scopes: ScopeSet,
    pub(super) position: LogPosition,
}

impl TokenClaims {
    pub(super) fn of(token: &VerifiedToken) -> Self {
        let scopes = token
            .scopes()
            .filter_map(|scope| ScopeName::parse(scope).ok());
        Self {
            user: UserId::known(token.subject()),
            app: app_of_token(token.client()).map(AppKey::known),
            scopes: scopes.collect(),
            position: LogPosition::of(token),
        }
    }

    pub(super) fn entitlement(&self) -> Entitlement<'_> {
        Entitlement {
            user: &self.user,
            app: self.app.as_ref(),
            extent: Extent::Only(&self.scopes),
            position: self.position,
        }
    }
}

/// The app that a token was made for.
pub(super) fn app_of_token(client: Option<&str>) -> Option<&str> {
    client.filter(|client| *client != LOGIN_CLIENT)
}
