//! What a caller is told when it gets nothing: one exhaustive mapping from facts to RFC 6749.

mod response;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::directory::{DirectoryError, Thing};
use super::hashing::HashingError;
use super::keys::KeyRotationError;
use crate::decision::Denial;
use crate::gate;
use crate::identity::{AudienceError, NoScopeError, ScopeRequestError};
use crate::store::StoreError;
use crate::token::CryptographyError;

pub(super) use response::{REALM, StoreFailed};

use response::{Challenge, ErrorResponse};

/// Why a request gets nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum EndpointError {
    #[error("the body is too large")]
    BodyTooLarge,
    #[error("the body did not arrive in time")]
    BodyBroken,
    #[error("the content type of the body must be `{0}`")]
    ContentType(&'static str),
    #[error("compressed bodies are not supported: send it without `content-encoding`")]
    ContentEncoding,
    #[error("the JSON of the body is not valid here: {0}")]
    Json(String),
    #[error("the body is not JSON: {0}: JSON allows no comma before a closing brace or bracket")]
    TrailingComma(String),
    #[error("{0}")]
    Form(#[from] crate::identity::FormError),
    #[error("send the parameters in the body, not in the URL")]
    ParametersInUrl,
    #[error("the parameter `{0}` is missing")]
    Missing(&'static str),
    #[error("the parameter `{0}` is not valid")]
    Parameter(&'static str),
    #[error("the parameter `{name}` is not valid: it is {allowed}")]
    ParameterValue {
        name: &'static str,
        allowed: &'static str,
    },
    /// Its name, in backticks.
    #[error("the URL has an unknown parameter: {0}")]
    UnknownParameter(String),
    #[error("ask about one of `user`, `app` and `role`, or about nobody")]
    SeveralCallers,
    /// Beside those that the endpoint needs anyway.
    #[error("this needs the scope `{0}` as well")]
    ScopeNeeded(&'static str),
    #[error("there is no gate in the process of this issuer: ask one that has a policy")]
    NoGate,
    #[error("the client authenticated in more than one way")]
    SeveralClientCredentials,
    #[error("the client is unknown, or its secret is wrong")]
    BadClient,
    #[error("this grant type is not offered")]
    UnsupportedGrant,
    #[error("only apps can use this grant type")]
    UnauthorizedClient,
    #[error("{0}")]
    InvalidTarget(#[from] AudienceError),
    #[error("{0}")]
    NothingGranted(#[from] NoScopeError),
    #[error("{0}")]
    BadScope(#[from] ScopeRequestError),
    #[error("the request asks for a scope that the refresh token does not have")]
    ScopeBeyondGrant,
    #[error("the name or the password is wrong")]
    BadLogin,
    #[error("the name or the password is wrong")]
    BadPasswordGrant,
    #[error(
        "this account logs in with a passkey, which is not possible here: use the authorization code flow"
    )]
    SecondFactorNeeded,
    /// An administrator who must have a passkey has none.
    #[error("the user needs a passkey first: log in at `/portal`")]
    PasskeyFirst,
    #[error("the refresh token is unknown, used or expired")]
    BadRefreshToken,
    #[error("the authorization code is unknown, used, expired or was issued for another request")]
    BadCode,
    #[error("the current password is wrong")]
    WrongPassword,
    #[error("registration is closed here: ask an administrator for an account")]
    RegistrationClosed,
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("not found")]
    NotFound,
    #[error("the method is not allowed here")]
    MethodNotAllowed,
    #[error("refused: {title}")]
    Gate {
        status: StatusCode,
        error: &'static str,
        title: &'static str,
        challenge: Option<String>,
    },
    #[error("the user, app or scopes of the token have changed")]
    CallerChanged,
    /// The same of the user of a token, or of the owner of its app.
    #[error("the owner of the token needs a passkey first: log in at `/portal`")]
    BearerWithoutPasskey,
    #[error("the bearer token is not valid here")]
    BadBearer,
    #[error("too many attempts: try again in {retry_after_seconds} seconds")]
    Throttled { retry_after_seconds: u64 },
    #[error("the answer took too long: try again later")]
    TimedOut,
    #[error("the request could not be answered")]
    Panicked,
    /// A defect: the policy that is built in lets anybody reach an endpoint that needs a caller.
    #[error("the request could not be answered")]
    Unguarded,
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cryptography(#[from] CryptographyError),
}

impl EndpointError {
    /// What becomes of a caller whose user or app was deleted, or whose user got its first passkey, while it
    /// was let in: as if it had come a moment later. Else the store has failed.
    pub(super) fn of_gone(error: StoreError, later: Self) -> Self {
        match error {
            StoreError::Gone => later,
            StoreError::PasskeyAdded => Self::SecondFactorNeeded,
            other => Self::Store(other),
        }
    }

    /// What the gate says of a request to one of the issuer's own endpoints.
    pub(super) fn of_denial(denial: Denial<'_>) -> Self {
        let error = match denial {
            Denial::MalformedTarget(_) | Denial::SeveralCredentials => "invalid_request",
            Denial::NoToken { .. } => "unauthorized",
            Denial::BadToken { .. } => "invalid_token",
            Denial::ScopesMissing { .. } => "insufficient_scope",
            Denial::Nobody { .. }
            | Denial::ConditionNotMet { .. }
            | Denial::ConditionFailed { .. }
            | Denial::Unlisted => "access_denied",
            Denial::KeysNotLoaded { .. } | Denial::RevocationsStale { .. } => {
                "temporarily_unavailable"
            }
        };
        let refusal = gate::Refusal::Denied(denial);
        Self::Gate {
            status: StatusCode::from_u16(refusal.status().http_code())
                .unwrap_or(StatusCode::FORBIDDEN),
            error,
            title: refusal.title(),
            challenge: refusal.challenge(REALM),
        }
    }

    /// RFC 6749 section 5.2; RFC 6750 section 3.1 for what bears a token.
    fn answer(&self) -> ErrorResponse<'_> {
        let refused = ErrorResponse::new;
        let bad = ErrorResponse::bad_request;
        let bearer =
            |parameters: &str| Challenge::Bearer(format!("Bearer realm=\"{REALM}\"{parameters}"));
        match self {
            Self::BodyTooLarge => refused(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request"),
            Self::ContentEncoding => refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request"),
            Self::BodyBroken
            | Self::ContentType(_)
            | Self::Json(_)
            | Self::TrailingComma(_)
            | Self::Form(_)
            | Self::ParametersInUrl
            | Self::Missing(_)
            | Self::Parameter(_)
            | Self::ParameterValue { .. }
            | Self::UnknownParameter(_)
            | Self::SeveralCallers
            | Self::SeveralClientCredentials => bad("invalid_request"),
            Self::ScopeNeeded(scope) => beyond(&format!(", scope=\"{scope}\"")),
            Self::BadClient => {
                refused(StatusCode::UNAUTHORIZED, "invalid_client").asking_for(Challenge::Basic)
            }
            Self::UnsupportedGrant => bad("unsupported_grant_type"),
            Self::UnauthorizedClient => bad("unauthorized_client"),
            Self::InvalidTarget(_) => bad("invalid_target"),
            Self::NothingGranted(_) | Self::BadScope(_) | Self::ScopeBeyondGrant => {
                bad("invalid_scope")
            }
            // 401 needs a challenge (RFC 9110 section 15.5.2); what is asked for afterwards is a
            // token.
            Self::BadLogin => {
                refused(StatusCode::UNAUTHORIZED, "invalid_grant").asking_for(bearer(""))
            }
            Self::BadRefreshToken
            | Self::SecondFactorNeeded
            | Self::PasskeyFirst
            | Self::BadCode
            | Self::WrongPassword
            | Self::BadPasswordGrant => bad("invalid_grant"),
            Self::Directory(error) => of_directory(error),
            Self::RegistrationClosed => refused(StatusCode::FORBIDDEN, "access_denied"),
            Self::NotFound | Self::NoGate => refused(StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => refused(StatusCode::METHOD_NOT_ALLOWED, "invalid_request"),
            Self::Gate {
                status,
                error,
                title: _,
                challenge,
            } => ErrorResponse {
                challenge: challenge.clone().map(Challenge::Bearer),
                ..refused(*status, error)
            },
            Self::CallerChanged | Self::BearerWithoutPasskey | Self::BadBearer => {
                refused(StatusCode::UNAUTHORIZED, "invalid_token")
                    .asking_for(bearer(", error=\"invalid_token\""))
            }
            // RFC 6585 section 4; RFC 6749 has no code for it.
            Self::Throttled { .. } => {
                refused(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable")
            }
            Self::TimedOut => ErrorResponse::unavailable(),
            Self::Panicked | Self::Unguarded => ErrorResponse::defect(),
            Self::Hashing(error) => ErrorResponse::of_hashing(error),
            Self::Store(error) => ErrorResponse::of_store(error),
            Self::Cryptography(error) => ErrorResponse::of_cryptography(error),
        }
    }

    /// The status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        self.answer().status
    }

    /// The seconds after which it is worth trying again (RFC 9110 section 10.2.3).
    pub(super) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Throttled {
                retry_after_seconds,
            } => Some(*retry_after_seconds),
            _ => (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
        }
    }

    /// What the caller may know; an internal failure is told to the log alone.
    pub(super) fn description(&self) -> String {
        match self.answer().failure {
            Some(failure) => failure.logged(),
            None => self.explanation(),
        }
    }

    /// Has the answer counted, where the store has failed.
    pub(super) fn mark(&self, response: &mut Response) {
        self.answer().mark(response);
    }

    /// What the caller may know where it is at fault.
    fn explanation(&self) -> String {
        match self {
            Self::Gate { title, .. } => (*title).to_owned(),
            other => other.to_string(),
        }
    }
}

/// RFC 6750 section 3.1: with these parameters of the challenge.
fn beyond<'a>(parameters: &str) -> ErrorResponse<'a> {
    let code = "insufficient_scope";
    let challenge = format!("Bearer realm=\"{REALM}\", error=\"{code}\"{parameters}");
    ErrorResponse::new(StatusCode::FORBIDDEN, code).asking_for(Challenge::Bearer(challenge))
}

/// Statuses of RFC 9110, codes of RFC 6749 where one fits.
fn of_directory(error: &DirectoryError) -> ErrorResponse<'_> {
    let bad = ErrorResponse::bad_request;
    match error {
        DirectoryError::NotFound(_) => ErrorResponse::new(StatusCode::NOT_FOUND, "not_found"),
        DirectoryError::Changed => EndpointError::CallerChanged.answer(),
        // RFC 9470 section 3.
        DirectoryError::NotFresh { max_age_seconds } => {
            let code = "insufficient_user_authentication";
            let challenge = format!(
                "Bearer realm=\"{REALM}\", error=\"{code}\", error_description=\"log in again\", \
                 max_age=\"{max_age_seconds}\""
            );
            ErrorResponse::new(StatusCode::UNAUTHORIZED, code)
                .asking_for(Challenge::Bearer(challenge))
        }
        DirectoryError::NameTaken(_)
        | DirectoryError::Replaced { .. }
        | DirectoryError::LastAdministrator
        | DirectoryError::Own(_)
        | DirectoryError::DefaultRole
        | DirectoryError::SecretReplaced
        | DirectoryError::LastPasskey
        | DirectoryError::PasskeyTaken
        | DirectoryError::RoleExtended
        | DirectoryError::ScopeInUse(_)
        | DirectoryError::InUse(_)
        | DirectoryError::KnownPasswords(_)
        | DirectoryError::Full(_)
        | DirectoryError::EverybodyAdministrator => {
            ErrorResponse::new(StatusCode::CONFLICT, "invalid_request")
        }
        DirectoryError::Beyond(scopes) => beyond(&format!(", scope=\"{scopes}\"")),
        DirectoryError::Follower | DirectoryError::BeyondRoles(_) => beyond(""),
        DirectoryError::TooManyRevocations | DirectoryError::ShareUsedUp => {
            ErrorResponse::new(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable")
        }
        DirectoryError::DisabledByAdministrator => {
            ErrorResponse::new(StatusCode::FORBIDDEN, "access_denied")
        }
        DirectoryError::BeyondOwner(_)
        | DirectoryError::CannotFollow
        | DirectoryError::UnknownScope(_)
        | DirectoryError::NotHeld {
            thing: Thing::Scope,
            ..
        }
        | DirectoryError::Scope(_)
        | DirectoryError::NotAddressable => bad("invalid_scope"),
        DirectoryError::Reserved
        | DirectoryError::UnknownRole(_)
        | DirectoryError::NotHeld { .. }
        | DirectoryError::ListAndOwner
        | DirectoryError::AllAndSome(_)
        | DirectoryError::Description(_)
        | DirectoryError::User(_)
        | DirectoryError::Status(_)
        | DirectoryError::App(_)
        | DirectoryError::Password(_)
        | DirectoryError::TooManyApps
        | DirectoryError::TooManyRoles
        | DirectoryError::TooManyScopes
        | DirectoryError::TooManyRedirectUris
        | DirectoryError::PasskeyName(_)
        | DirectoryError::TooManyPasskeys
        | DirectoryError::Overlap
        | DirectoryError::Id
        | DirectoryError::WhatToRevoke => bad("invalid_request"),
        DirectoryError::KeyRotation(error) => of_key_rotation(error),
        DirectoryError::Hashing(error) => ErrorResponse::of_hashing(error),
        DirectoryError::Store(error) => ErrorResponse::of_store(error),
        DirectoryError::Cryptography(error) => ErrorResponse::of_cryptography(error),
    }
}

fn of_key_rotation(error: &KeyRotationError) -> ErrorResponse<'_> {
    match error {
        KeyRotationError::TooMany | KeyRotationError::Files | KeyRotationError::Contended => {
            ErrorResponse::new(StatusCode::CONFLICT, "invalid_request")
        }
        KeyRotationError::Store(error) => ErrorResponse::of_store(error),
        KeyRotationError::Cryptography(error) => ErrorResponse::of_cryptography(error),
        KeyRotationError::Key(_) => ErrorResponse::defect(),
    }
}

impl IntoResponse for EndpointError {
    fn into_response(self) -> Response {
        let answer = self.answer();
        answer.written(|| self.explanation(), self.retry_after())
    }
}

#[cfg(test)]
mod tests;
