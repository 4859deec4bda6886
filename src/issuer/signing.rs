//! Access tokens (RFC 9068): the key that signs them, and what others verify them with.

use serde_json::{Map, Value, json};

use super::{Issuer, IssuerError, keys, random};
use crate::clock::UnixSeconds;
use crate::identity::{Rights, RoleName, SecretDigest, User, alphanumeric};
use crate::store::{AppWithOwner, StoreError, StoredKey};
use crate::token::{
    CryptographyError, GRANT_CLAIM, KeySet, KeyState, LogPosition, MAX_ROLES, OWNER_CLAIM,
    OWNER_ROLES_CLAIM, POSITION_CLAIM, ROLES_CLAIM, SigningKey,
};

/// The client of tokens that users get without an app. No app has so short a key.
pub(super) const LOGIN_CLIENT: &str = "portcullis";

/// The claim that says when its user logged in (OpenID Connect Core section 2, RFC 9470 section 6.1).
pub(super) const AUTHENTICATION_CLAIM: &str = "auth_time";

/// For whom a token is made, and what may take it back.
#[derive(Clone, Copy)]
pub(super) struct Bearer<'a> {
    pub(super) user: &'a User,
    /// The app through which it acts, and whose that is; none by its own login.
    pub(super) app: Option<&'a AppWithOwner>,
    /// The grant that the token belongs to, where it has a refresh token.
    pub(super) grant: Option<&'a str>,
    /// When the user gave its password for this very token; none where it was got by other means.
    pub(super) authenticated_at: Option<UnixSeconds>,
    /// How much of the revocation log had happened when user, app and grant were read.
    pub(super) as_of: LogPosition,
}

/// The keys at one instant, parsed once. Swapped whole.
pub(super) struct Signer {
    /// The one that signs.
    key: SigningKey,
    /// All that are published: secrets as well.
    key_set: KeySet,
    /// Those of them that are public (RFC 7517 section 5).
    jwks: String,
    /// A validator of the JWKS (RFC 9110 section 8.8.3), with its quotation marks.
    etag: String,
    /// What all this was made of.
    rows: Vec<StoredKey>,
    states: Vec<KeyState>,
}

impl Signer {
    /// What these keys are at `now`.
    pub(super) fn new(rows: Vec<StoredKey>, now: UnixSeconds) -> Result<Self, IssuerError> {
        let states = states(&rows, now);
        let mut published = Vec::new();
        let mut active = None;
        for (row, state) in rows.iter().zip(&states) {
            match state {
                KeyState::Ended => {}
                KeyState::Active => {
                    active = Some(published.len());
                    published.push(keys::read(row)?);
                }
                KeyState::Next | KeyState::Retiring => published.push(keys::read(row)?),
            }
        }
        let key_set = KeySet::of_signing_keys(&published)?;
        let public: Vec<Value> = published
            .iter()
            .filter_map(SigningKey::public_jwk)
            .collect();
        let jwks = json!({ "keys": public }).to_string();
        let etag = format!("\"{}\"", SecretDigest::of(jwks.as_bytes()).to_text());
        let active = active.and_then(|position| published.into_iter().nth(position));
        Ok(Self {
            key: active.ok_or(StoreError::Unreadable("line of signing keys"))?,
            key_set,
            jwks,
            etag,
            rows,
            states,
        })
    }

    /// What follows on this; nothing where nothing has changed. Without new rows, what time alone
    /// has changed.
    pub(super) fn succeeded_by(
        &self,
        rows: Option<Vec<StoredKey>>,
        now: UnixSeconds,
    ) -> Result<Option<Self>, IssuerError> {
        let rows = rows.unwrap_or_else(|| self.rows.clone());
        if rows == self.rows && states(&rows, now) == self.states {
            return Ok(None);
        }
        Self::new(rows, now).map(Some)
    }

    /// The position of the last key that is known here.
    pub(super) fn newest(&self) -> i64 {
        self.rows.last().map_or(0, |row| row.life.position)
    }

    /// The `kid` of new tokens.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.key.id()
    }

    pub(super) fn jwks(&self) -> &str {
        &self.jwks
    }

    pub(super) fn etag(&self) -> &str {
        &self.etag
    }

    pub(super) fn key_set(&self) -> &KeySet {
        &self.key_set
    }
}

fn states(rows: &[StoredKey], now: UnixSeconds) -> Vec<KeyState> {
    let schedule = keys::schedule(rows);
    rows.iter()
        .map(|row| schedule.state(&row.life, now))
        .collect()
}

/// The roles on which a token rests; nothing where they are too many for it.
fn role_names(user: &User) -> Option<Value> {
    let names = user.roles.iter().map(RoleName::as_str);
    (user.roles.len() <= MAX_ROLES).then(|| names.collect::<Vec<_>>().into())
}

impl Issuer {
    /// Signs an access token with these rights.
    pub(super) fn access_token(
        &self,
        bearer: &Bearer<'_>,
        rights: &Rights,
    ) -> Result<String, CryptographyError> {
        let Bearer { user, app, .. } = *bearer;
        let now = self.clock.now();
        let audiences = rights.audiences().among(self.settings.audiences());
        let expiry = now.plus(i64::from(self.settings.access_token_seconds));
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("iss", self.settings.url.as_str().into());
        claim("sub", user.id.as_str().into());
        claim("aud", audiences.into());
        let client = app.map_or(LOGIN_CLIENT, |found| found.app.key.as_str());
        claim("client_id", client.into());
        claim("iat", now.0.into());
        claim("exp", expiry.0.into());
        claim("jti", alphanumeric(&random::<16>()?).into());
        claim("scope", rights.scopes().to_string().into());
        claim("name", user.username.as_str().into());
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
            claim(GRANT_CLAIM, grant.into());
        }
        self.signer.load().key.issue("at+jwt", &claims)
    }

    /// The app that a token was made for.
    pub(super) fn app_of_token(client: Option<&str>) -> Option<&str> {
        client.filter(|client| *client != LOGIN_CLIENT)
    }
}
