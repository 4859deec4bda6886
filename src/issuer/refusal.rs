//! What a caller is told when it gets nothing: one exhaustive mapping from facts to RFC 6749.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::decision::Denial;
use crate::ext_authz;
use crate::identity::{InvalidApp, InvalidUser, PasswordFault};
use crate::store::StoreError;
use crate::token::CryptographyFailed;

/// The protection space of challenges (RFC 9110 section 11.5).
pub(super) const REALM: &str = "portcullis";

const MAXIMUM_DESCRIPTION_BYTES: usize = 200;

/// Why a request gets nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the body is larger than is read")]
    BodyTooLarge,
    #[error("the body did not arrive")]
    BodyBroken,
    #[error("the body must be `{0}`")]
    ContentType(&'static str),
    #[error("the body is not the JSON that is asked for: {0}")]
    Json(String),
    #[error("{0}")]
    Form(#[from] crate::identity::FormFault),
    #[error("parameters belong into the body, not into the URL")]
    ParametersInUrl,
    #[error("the parameter `{0}` is missing")]
    Missing(&'static str),
    #[error("the parameter `{0}` is not what it should be")]
    Parameter(&'static str),
    #[error("the client identified itself in two ways")]
    SeveralClientCredentials,
    #[error("the client is unknown, or its secret is wrong")]
    BadClient,
    #[error("this grant type is not offered")]
    UnsupportedGrant,
    #[error("none of the scopes can be granted")]
    NothingGranted,
    #[error("a scope is not well-formed or does not exist")]
    BadScope,
    #[error("the name or the password is wrong")]
    BadLogin,
    #[error("the refresh token is unknown, used or expired")]
    BadRefreshToken,
    #[error("{0}")]
    User(#[from] InvalidUser),
    #[error("{0}")]
    App(#[from] InvalidApp),
    #[error("{0}")]
    Password(#[from] PasswordFault),
    #[error("the name or address is taken")]
    NameTaken,
    #[error("there are as many apps as one user may have")]
    TooManyApps,
    #[error("there is no such thing")]
    NotFound,
    #[error("the method is not allowed here")]
    MethodNotAllowed,
    #[error("the gate refuses: {title}")]
    Gate {
        status: StatusCode,
        error: &'static str,
        title: &'static str,
        challenge: Option<String>,
    },
    #[error("the token's user, app or scope is no longer what it was")]
    CallerChanged,
    #[error("too many passwords are being checked")]
    Busy,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cryptography(#[from] CryptographyFailed),
}

/// Who must authenticate, and how.
enum Challenge {
    Basic,
    Bearer(String),
}

/// What becomes of a refusal: status, code, and a challenge.
struct Answer(StatusCode, &'static str, Option<Challenge>);

impl Refusal {
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
        let refusal = ext_authz::Refusal::Denied(denial);
        Self::Gate {
            status: StatusCode::from_u16(refusal.status().http_code())
                .unwrap_or(StatusCode::FORBIDDEN),
            error,
            title: refusal.title(),
            challenge: refusal.challenge(REALM),
        }
    }

    /// RFC 6749 section 5.2; RFC 6750 section 3.1 for what bears a token.
    fn answer(&self) -> Answer {
        let bad = |error| Answer(StatusCode::BAD_REQUEST, error, None);
        let unavailable = || {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Answer(status, "temporarily_unavailable", None)
        };
        match self {
            Self::BodyTooLarge => Answer(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", None),
            Self::BodyBroken
            | Self::ContentType(_)
            | Self::Json(_)
            | Self::Form(_)
            | Self::ParametersInUrl
            | Self::Missing(_)
            | Self::Parameter(_)
            | Self::SeveralClientCredentials
            | Self::User(_)
            | Self::App(_)
            | Self::Password(_)
            | Self::TooManyApps => bad("invalid_request"),
            Self::BadClient => Answer(
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                Some(Challenge::Basic),
            ),
            Self::UnsupportedGrant => bad("unsupported_grant_type"),
            Self::NothingGranted | Self::BadScope => bad("invalid_scope"),
            // 401 needs a challenge (RFC 9110 section 15.5.2); what is asked for afterwards is a
            // token.
            Self::BadLogin => Answer(
                StatusCode::UNAUTHORIZED,
                "invalid_grant",
                Some(Challenge::Bearer(format!("Bearer realm=\"{REALM}\""))),
            ),
            Self::BadRefreshToken => bad("invalid_grant"),
            Self::NameTaken => Answer(StatusCode::CONFLICT, "invalid_request", None),
            Self::NotFound => Answer(StatusCode::NOT_FOUND, "not_found", None),
            Self::MethodNotAllowed => {
                Answer(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", None)
            }
            Self::Gate {
                status,
                error,
                title: _,
                challenge,
            } => Answer(*status, error, challenge.clone().map(Challenge::Bearer)),
            Self::CallerChanged => Answer(
                StatusCode::UNAUTHORIZED,
                "invalid_token",
                Some(Challenge::Bearer(format!(
                    "Bearer realm=\"{REALM}\", error=\"invalid_token\""
                ))),
            ),
            Self::Busy | Self::Store(_) => unavailable(),
            Self::Cryptography(_) => {
                Answer(StatusCode::INTERNAL_SERVER_ERROR, "server_error", None)
            }
        }
    }

    /// What the caller may know; an internal failure is told to the log alone.
    fn description(&self) -> String {
        match self {
            Self::Store(error) => {
                tracing::error!(%error, "the issuer cannot answer");
                "try again later".to_owned()
            }
            Self::Cryptography(error) => {
                tracing::error!(%error, "the issuer cannot answer");
                "the request could not be answered".to_owned()
            }
            Self::Gate { title, .. } => (*title).to_owned(),
            other => other.to_string(),
        }
    }
}

/// The characters of RFC 6749 section 5.2, and not too many: descriptions may quote the caller.
fn plain(description: &str) -> String {
    let allowed = |character: char| matches!(character, ' ' | '!' | '#'..='[' | ']'..='~');
    let characters = description.chars().take(MAXIMUM_DESCRIPTION_BYTES);
    characters
        .map(|character| if allowed(character) { character } else { '\'' })
        .collect()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Answer(status, error, challenge) = self.answer();
        let description = plain(&self.description());
        let body = json!({"error": error, "error_description": description});
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
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
        response
    }
}
