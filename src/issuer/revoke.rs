//! `POST /authorization/revoke` (RFC 7009): a token is given back, and its grant ends.
//!
//! An app authenticates as at the token endpoint and may give back its own tokens. Whoever logged in
//! without an app has no secret: it calls with the `Bearer` token of its login, and may give back the
//! tokens of its logins. That is how one logs out.
//!
//! Either token ends the whole grant: the refresh tokens and all access tokens that came of it. An
//! access token without a grant ends alone. That one of our keys has signed it is enough: a gate may
//! still accept what the rules or the clock of this issuer refuse by now.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::endpoint_error::EndpointError;
use super::{Issuer, body};
use crate::identity::{AppKey, Form, PlainSecret, UserId};
use crate::store::{Holder, RefreshToken};
use crate::token::{Credential, RevocationTarget, SignedToken, UnverifiedToken};

/// How long after its end a token may be accepted by whatever clock: a row of the log outlives it by
/// as much, and what has ended before is no longer worth one.
const LONGEST_LEEWAY_SECONDS: i64 = 600;

/// Who gives a token back.
enum Revoker {
    App(AppKey),
    /// By the token of a login.
    User(UserId),
}

/// What is given back.
enum ReturnedToken {
    /// Signed by us; perhaps expired a moment ago or taken back already.
    Access(Box<SignedToken>),
    /// Kept by us and not expired; perhaps used.
    Refresh(RefreshToken),
}

pub(super) async fn revoke(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<StatusCode, EndpointError> {
    if request.uri().query().is_some() {
        return Err(EndpointError::ParametersInUrl);
    }
    let headers = request.headers().clone();
    let form = body::form(request).await?;
    let revoker = issuer.revoker(&headers, &form).await?;
    let text = form.get("token").ok_or(EndpointError::Missing("token"))?;
    if let Some(token) = issuer.returned_token(text).await?
        && revoker.may_revoke(&token)
    {
        issuer.take_back(&token, &revoker).await?;
    }
    // Also for what is unknown, expired or somebody else's (RFC 7009 section 2.2).
    Ok(StatusCode::OK)
}

impl Issuer {
    async fn revoker(&self, headers: &HeaderMap, form: &Form) -> Result<Revoker, EndpointError> {
        let values = headers.get_all(AUTHORIZATION).iter();
        match Credential::read(values.map(HeaderValue::as_bytes)) {
            Credential::Absent => {
                let client = self.client(headers, form).await?;
                Ok(Revoker::App(client.app.key))
            }
            Credential::Several => Err(EndpointError::SeveralClientCredentials),
            Credential::Malformed | Credential::TooLong => Err(EndpointError::BadClient),
            Credential::Token(_) if form.get("client_secret").is_some() => {
                Err(EndpointError::SeveralClientCredentials)
            }
            Credential::Token(token) => self.logged_in(token).await.map(Revoker::User),
        }
    }

    /// Whose login a token is of, if it holds.
    async fn logged_in(&self, token: UnverifiedToken<'_>) -> Result<UserId, EndpointError> {
        let verified = self
            .guard
            .snapshot()
            .trust()
            .verify(token, self.clock.now());
        let token = verified.map_err(|_| EndpointError::BadBearer)?;
        if Self::app_of_token(token.client()).is_some() {
            // An app has a secret to prove itself by; its tokens go to others as well.
            return Err(EndpointError::BadClient);
        }
        let standing = self.standing(&token).await?;
        Ok(standing.ok_or(EndpointError::BadBearer)?.user.id)
    }

    /// Both kinds are looked for, so that a wrong hint does no harm (RFC 7009 section 2.1).
    async fn returned_token(&self, text: &str) -> Result<Option<ReturnedToken>, EndpointError> {
        if let Ok(token) = UnverifiedToken::parse(text.as_bytes())
            && let Ok(signed) = self.guard.snapshot().trust().verify_signature(token)
        {
            let end = signed.expires_at();
            let over = end.is_some_and(|end| end.plus(LONGEST_LEEWAY_SECONDS) <= self.clock.now());
            return Ok((!over).then(|| ReturnedToken::Access(Box::new(signed))));
        }
        let digest = PlainSecret::claimed(text).digest();
        let found = self.store.refresh_token(&digest, self.clock.now()).await?;
        Ok(found.map(ReturnedToken::Refresh))
    }

    async fn take_back(
        &self,
        token: &ReturnedToken,
        revoker: &Revoker,
    ) -> Result<(), EndpointError> {
        let subject = match token {
            ReturnedToken::Refresh(token) => Some(RevocationTarget::Grant(token.family.clone())),
            ReturnedToken::Access(token) => {
                let (subjects, given_out) = (token.subjects(), token.position());
                // The log grows by what changes something.
                if self.store.is_revoked(&subjects, given_out).await? {
                    None
                } else {
                    grant_or_token(token)
                }
            }
        };
        if let Some(subject) = subject {
            let now = self.clock.now();
            match token.holder() {
                Some(holder) => self.store.revoke_of(&subject, &holder, now).await?,
                None => self.store.revoke(&subject, now).await?,
            };
            let (kind, name) = self.naming().subject(&subject);
            tracing::info!(
                target: "portcullis::audit",
                action = "revoked",
                object.kind = kind,
                object.name = name,
                user.id = revoker.user().map(|user| self.log_name(user)),
                client.id = revoker.app().map(AppKey::as_str),
                "a token was given back"
            );
        }
        Ok(())
    }
}

impl Revoker {
    fn app(&self) -> Option<&AppKey> {
        match self {
            Self::App(key) => Some(key),
            Self::User(_) => None,
        }
    }

    fn user(&self) -> Option<&UserId> {
        match self {
            Self::App(_) => None,
            Self::User(id) => Some(id),
        }
    }

    fn may_revoke(&self, token: &ReturnedToken) -> bool {
        match self {
            Self::App(key) => token.app() == Some(key.as_str()),
            Self::User(id) => token.app().is_none() && token.user() == Some(id.as_str()),
        }
    }
}

impl ReturnedToken {
    /// Whose it is; nothing where it does not say, which no token of ours does.
    fn holder(&self) -> Option<Holder> {
        Some(Holder {
            user: UserId::known(self.user()?),
            app: self.app().map(AppKey::known),
        })
    }

    /// The app that it was made for.
    fn app(&self) -> Option<&str> {
        match self {
            Self::Access(token) => Issuer::app_of_token(token.client()),
            Self::Refresh(token) => token.app.as_ref().map(AppKey::as_str),
        }
    }

    /// The user's id.
    fn user(&self) -> Option<&str> {
        match self {
            Self::Access(token) => token.subject(),
            Self::Refresh(token) => Some(token.user.as_str()),
        }
    }
}

fn grant_or_token(token: &SignedToken) -> Option<RevocationTarget> {
    let grant = token
        .grant()
        .map(|grant| RevocationTarget::Grant(grant.to_owned()));
    grant.or_else(|| token.id().map(|id| RevocationTarget::Token(id.to_owned())))
}
