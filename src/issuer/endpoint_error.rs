//! What a caller is told when it gets nothing: one exhaustive mapping from facts to RFC 6749.

use axum::http::StatusCode;
use axum::http::header::{
    ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::directory::{DirectoryError, Thing};
use super::hashing::HashingError;
use crate::decision::Denial;
use crate::gate;
use crate::identity::{AudienceError, NoScopeError, ScopeRequestError};
use crate::store::StoreError;
use crate::token::CryptographyError;

/// The protection space of challenges (RFC 9110 section 11.5).
pub(super) const REALM: &str = "portcullis";

const MAX_DESCRIPTION_BYTES: usize = 200;

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
    #[error("the URL has an unknown parameter")]
    UnknownParameter,
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
    #[error(
        "this requires a login within the last {max_age_seconds} seconds: log in again with the \
         password and use that token"
    )]
    NotFresh { max_age_seconds: u32 },
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

/// Marks the answer to a request that the store failed: it is counted where answers pass by.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoreFailed;

/// Who must authenticate, and how.
enum Challenge {
    Basic,
    Bearer(String),
}

/// What becomes of a refusal: status, code, and a challenge.
struct ErrorResponse(StatusCode, &'static str, Option<Challenge>);

impl EndpointError {
    /// What becomes of a caller whose user or app was deleted while it was let in: as if it had come a
    /// moment later. Else the store has failed.
    pub(super) fn of_gone(error: StoreError, later: Self) -> Self {
        match error {
            StoreError::Gone => later,
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
            Denial::Nobody { .. } | Denial::Unlisted => "access_denied",
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
    fn answer(&self) -> ErrorResponse {
        let bad = |error| ErrorResponse(StatusCode::BAD_REQUEST, error, None);
        let unavailable = || {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            ErrorResponse(status, "temporarily_unavailable", None)
        };
        match self {
            Self::BodyTooLarge => {
                ErrorResponse(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", None)
            }
            Self::ContentEncoding => {
                ErrorResponse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", None)
            }
            Self::BodyBroken
            | Self::ContentType(_)
            | Self::Json(_)
            | Self::TrailingComma(_)
            | Self::Form(_)
            | Self::ParametersInUrl
            | Self::Missing(_)
            | Self::Parameter(_)
            | Self::UnknownParameter
            | Self::SeveralClientCredentials => bad("invalid_request"),
            Self::BadClient => ErrorResponse(
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                Some(Challenge::Basic),
            ),
            Self::UnsupportedGrant => bad("unsupported_grant_type"),
            Self::UnauthorizedClient => bad("unauthorized_client"),
            Self::InvalidTarget(_) => bad("invalid_target"),
            Self::NothingGranted(_) | Self::BadScope(_) | Self::ScopeBeyondGrant => {
                bad("invalid_scope")
            }
            // 401 needs a challenge (RFC 9110 section 15.5.2); what is asked for afterwards is a
            // token.
            Self::BadLogin => ErrorResponse(
                StatusCode::UNAUTHORIZED,
                "invalid_grant",
                Some(Challenge::Bearer(format!("Bearer realm=\"{REALM}\""))),
            ),
            Self::BadRefreshToken
            | Self::BadCode
            | Self::WrongPassword
            | Self::BadPasswordGrant => bad("invalid_grant"),
            Self::Directory(error) => of_directory(error),
            Self::RegistrationClosed => ErrorResponse(StatusCode::FORBIDDEN, "access_denied", None),
            Self::NotFound => ErrorResponse(StatusCode::NOT_FOUND, "not_found", None),
            Self::MethodNotAllowed => {
                ErrorResponse(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", None)
            }
            Self::Gate {
                status,
                error,
                title: _,
                challenge,
            } => ErrorResponse(*status, error, challenge.clone().map(Challenge::Bearer)),
            Self::CallerChanged | Self::BadBearer => ErrorResponse(
                StatusCode::UNAUTHORIZED,
                "invalid_token",
                Some(Challenge::Bearer(format!(
                    "Bearer realm=\"{REALM}\", error=\"invalid_token\""
                ))),
            ),
            // RFC 9470 section 3.
            Self::NotFresh { max_age_seconds } => ErrorResponse(
                StatusCode::UNAUTHORIZED,
                "insufficient_user_authentication",
                Some(Challenge::Bearer(format!(
                    "Bearer realm=\"{REALM}\", error=\"insufficient_user_authentication\", \
                     error_description=\"log in again\", max_age=\"{max_age_seconds}\""
                ))),
            ),
            Self::Hashing(HashingError::Busy) | Self::Store(_) | Self::TimedOut => unavailable(),
            // RFC 6585 section 4; RFC 6749 has no code for it.
            Self::Throttled { .. } => ErrorResponse(
                StatusCode::TOO_MANY_REQUESTS,
                "temporarily_unavailable",
                None,
            ),
            Self::Hashing(HashingError::Cryptography(_))
            | Self::Cryptography(_)
            | Self::Panicked
            | Self::Unguarded => {
                ErrorResponse(StatusCode::INTERNAL_SERVER_ERROR, "server_error", None)
            }
        }
    }

    /// The status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        self.answer().0
    }

    /// The seconds after which it is worth trying again (RFC 9110 section 10.2.3).
    pub(super) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Throttled {
                retry_after_seconds,
            } => Some(*retry_after_seconds),
            other => (other.answer().0 == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
        }
    }

    /// What the store says where it has failed, whatever asked it: the log, the counter and the health
    /// of the store all go by this.
    fn store_failure(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) | Self::Directory(DirectoryError::Store(error)) => Some(error),
            _ => None,
        }
    }

    /// Has the answer counted, where the store has failed.
    pub(super) fn mark(&self, response: &mut Response) {
        if self.store_failure().is_some() {
            response.extensions_mut().insert(StoreFailed);
        }
    }

    /// What the caller may know; an internal failure is told to the log alone.
    pub(super) fn description(&self) -> String {
        if let Some(error) = self.store_failure() {
            tracing::error!(%error, "the issuer cannot answer");
            return "try again later".to_owned();
        }
        match self {
            Self::Cryptography(error)
            | Self::Hashing(HashingError::Cryptography(error))
            | Self::Directory(
                DirectoryError::Cryptography(error)
                | DirectoryError::Hashing(HashingError::Cryptography(error)),
            ) => {
                tracing::error!(%error, "the issuer cannot answer");
                "the request could not be answered".to_owned()
            }
            Self::Gate { title, .. } => (*title).to_owned(),
            other => other.to_string(),
        }
    }
}

/// Statuses of RFC 9110, codes of RFC 6749 where one fits.
fn of_directory(error: &DirectoryError) -> ErrorResponse {
    let (status, code) = match error {
        DirectoryError::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
        DirectoryError::Changed => return EndpointError::CallerChanged.answer(),
        DirectoryError::NameTaken(_)
        | DirectoryError::LastAdministrator
        | DirectoryError::Own(_)
        | DirectoryError::DefaultRole
        | DirectoryError::RoleExtended
        | DirectoryError::ScopeInUse(_)
        | DirectoryError::EverybodyAdministrator => (StatusCode::CONFLICT, "invalid_request"),
        DirectoryError::Beyond(scopes) => {
            let challenge = format!(
                "Bearer realm=\"{REALM}\", error=\"insufficient_scope\", scope=\"{scopes}\""
            );
            let challenge = Some(Challenge::Bearer(challenge));
            return ErrorResponse(StatusCode::FORBIDDEN, "insufficient_scope", challenge);
        }
        DirectoryError::Follower => {
            let challenge = format!("Bearer realm=\"{REALM}\", error=\"insufficient_scope\"");
            let challenge = Some(Challenge::Bearer(challenge));
            return ErrorResponse(StatusCode::FORBIDDEN, "insufficient_scope", challenge);
        }
        DirectoryError::BeyondOwner(_)
        | DirectoryError::CannotFollow
        | DirectoryError::UnknownScope(_)
        | DirectoryError::NotHeld {
            thing: Thing::Scope,
            ..
        }
        | DirectoryError::Scope(_)
        | DirectoryError::NotAddressable => (StatusCode::BAD_REQUEST, "invalid_scope"),
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
        | DirectoryError::TooManyRedirectUris
        | DirectoryError::Overlap
        | DirectoryError::Id
        | DirectoryError::WhatToRevoke => (StatusCode::BAD_REQUEST, "invalid_request"),
        DirectoryError::Hashing(HashingError::Busy) | DirectoryError::Store(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
        }
        DirectoryError::Hashing(HashingError::Cryptography(_))
        | DirectoryError::Cryptography(_) => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
    };
    ErrorResponse(status, code, None)
}

/// The characters of RFC 6749 section 5.2, and not too many: descriptions may quote the caller.
fn plain(description: &str) -> String {
    let allowed = |character: char| matches!(character, ' ' | '!' | '#'..='[' | ']'..='~');
    let characters = description.chars().take(MAX_DESCRIPTION_BYTES);
    characters
        .map(|character| if allowed(character) { character } else { '\'' })
        .collect()
}

impl IntoResponse for EndpointError {
    fn into_response(self) -> Response {
        let ErrorResponse(status, error, challenge) = self.answer();
        let retry_after = self.retry_after();
        let description = plain(&self.description());
        let body = json!({"error": error, "error_description": description});
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            // RFC 9110 section 15.5.16.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        let challenge = match challenge {
            Some(Challenge::Basic) => {
                HeaderValue::from_str(&format!("Basic realm=\"{REALM}\", charset=\"UTF-8\"")).ok()
            }
            Some(Challenge::Bearer(challenge)) => HeaderValue::from_str(&challenge).ok(),
            None => None,
        };
        if let Some(challenge) = challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        self.mark(&mut response);
        response
    }
}

#[cfg(test)]
mod tests;
