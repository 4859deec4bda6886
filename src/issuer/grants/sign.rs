//! Access tokens (RFC 9068): their claims.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{GrantSettings, Grants};
use crate::clock::UnixSeconds;
use crate::identity::{AppWithOwner, GrantId, Rights, RoleName, User, alphanumeric};
use crate::issuer::access_token::{AUTHENTICATION_CLAIM, LOGIN_CLIENT};
use crate::issuer::random;
use crate::issuer::signing::Signer;
use crate::token::{
    CryptographyError, GRANT_CLAIM, LogPosition, MAX_ROLES, OWNER_CLAIM, OWNER_ROLES_CLAIM,
    POSITION_CLAIM, ROLES_CLAIM,
};

/// For whom a token is made, and what may take it back.
#[derive(Clone, Copy)]
pub(in crate::issuer) struct Bearer<'a> {
    pub(in crate::issuer) user: &'a User,
    /// The app through which it acts, and whose that is; none by its own login.
    pub(in crate::issuer) app: Option<&'a AppWithOwner>,
    /// The grant that the token belongs to, where it has a refresh token.
    pub(in crate::issuer) grant: Option<&'a GrantId>,
    /// When the user gave its password for this very token; none where it was got by other means.
    pub(in crate::issuer) authenticated_at: Option<UnixSeconds>,
    /// How much of the revocation log had happened when user, app and grant were read.
    pub(in crate::issuer) as_of: LogPosition,
}

/// The roles on which a token rests; nothing where they are too many for it.
fn role_names(user: &User) -> Option<Value> {
    let names = user.roles.iter().map(RoleName::as_str);
    (user.roles.len() <= MAX_ROLES).then(|| names.collect::<Vec<_>>().into())
}

impl Grants {
    /// The keys as they are.
    pub(in crate::issuer) fn signer(&self) -> arc_swap::Guard<Arc<Signer>> {
        self.signer.load()
    }

    /// Signs an access token with these rights.
    pub(super) fn access_token(
        &self,
        bearer: &Bearer<'_>,
        rights: &Rights,
    ) -> Result<String, CryptographyError> {
        let claims = self.settings.claims(bearer, rights, self.clock.now())?;
        // Loaded for each token: a rotated key signs from its moment on, and nothing holds the one
        // before.
        self.signer.load().sign(&claims)
    }
}

impl GrantSettings {
    /// The claims of an access token with these rights.
    pub(super) fn claims(
        &self,
        bearer: &Bearer<'_>,
        rights: &Rights,
        now: UnixSeconds,
    ) -> Result<Map<String, Value>, CryptographyError> {
        let Bearer { user, app, .. } = *bearer;
        let audiences = rights.audiences().among(self.audiences());
        let expiry = now.plus(i64::from(self.access_token_seconds));
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("iss", self.url.as_str().into());
        claim("sub", user.id.as_str().into());
        claim("aud", audiences.into());
        let client = app.map_or(LOGIN_CLIENT, |found| found.app.key.as_str());
        claim("client_id", client.into());
        claim("iat", now.0.into());
        claim("exp", expiry.0.into());
        claim("jti", alphanumeric(&random::<16>()?).into());
        claim("scope", rights.scopes().to_string().into());
        claim("name", user.username.as_str().into());
        // Of the moment at which user and app were read, not of signing: what is revoked in between
        // must hit this token.
        claim(POSITION_CLAIM, bearer.as_of.0.into());
        if let Some(roles) = role_names(user) {
            claim(ROLES_CLAIM, roles);
        }
        if let Some(owner) = app
            .map(|found| &found.owner)
            .filter(|owner| owner.id != user.id)
        {
            claim(OWNER_CLAIM, owner.id.as_str().into());
            if let Some(roles) = role_names(owner) {
                claim(OWNER_ROLES_CLAIM, roles);
            }
        }
        if let Some(authenticated_at) = bearer.authenticated_at {
            claim(AUTHENTICATION_CLAIM, authenticated_at.0.into());
        }
        if let Some(grant) = bearer.grant {
            claim(GRANT_CLAIM, grant.as_str().into());
        }
        Ok(claims)
    }
}
