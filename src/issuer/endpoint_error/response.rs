//! How an error is written: status, headers, and the JSON of RFC 6749 section 5.2.

use axum::http::StatusCode;
use axum::http::header::{
    ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::issuer::hashing::HashingError;
use crate::store::StoreError;
use crate::token::CryptographyError;

/// The protection space of challenges (RFC 9110 section 11.5).
pub(in crate::issuer) const REALM: &str = "portcullis";

pub(super) const MAX_DESCRIPTION_BYTES: usize = 200;

/// Marks the answer to a request that the store failed: it is counted where answers pass by.
#[derive(Debug, Clone, Copy)]
pub(in crate::issuer) struct StoreFailed;

/// Who must authenticate, and how.
pub(super) enum Challenge {
    Basic,
    Bearer(String),
}

/// What becomes of an error.
pub(super) struct ErrorResponse<'e> {
    pub(super) status: StatusCode,
    /// The member `error` of the body.
    pub(super) code: &'static str,
    pub(super) challenge: Option<Challenge>,
    /// What has failed, where the caller is not at fault: the log gets it, and the caller does not.
    pub(super) failure: Option<InternalFailure<'e>>,
}

/// A failure that no caller has caused.
pub(super) enum InternalFailure<'e> {
    Store(&'e StoreError),
    Cryptography(&'e CryptographyError),
}

impl<'e> ErrorResponse<'e> {
    pub(super) fn new(status: StatusCode, code: &'static str) -> Self {
        Self {
            status,
            code,
            challenge: None,
            failure: None,
        }
    }

    pub(super) fn bad_request(code: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code)
    }

    pub(super) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
    }

    pub(super) fn defect() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error")
    }

    pub(super) fn asking_for(self, challenge: Challenge) -> Self {
        Self {
            challenge: Some(challenge),
            ..self
        }
    }

    pub(super) fn of_store(error: &'e StoreError) -> Self {
        match error {
            // Nothing has failed: anybody can send many changes at once.
            StoreError::ManyChanges(_) | StoreError::LongChange(_) => Self::unavailable(),
            failed => Self {
                failure: Some(InternalFailure::Store(failed)),
                ..Self::unavailable()
            },
        }
    }

    pub(super) fn of_hashing(error: &'e HashingError) -> Self {
        match error {
            HashingError::Busy => Self::unavailable(),
            HashingError::Cryptography(error) => Self::of_cryptography(error),
        }
    }

    pub(super) fn of_cryptography(error: &'e CryptographyError) -> Self {
        Self {
            failure: Some(InternalFailure::Cryptography(error)),
            ..Self::defect()
        }
    }

    /// Has another response counted, where the store has failed.
    pub(super) fn mark(&self, response: &mut Response) {
        mark(self.failure.as_ref(), response);
    }

    /// The response, with the seconds after which another try makes sense.
    pub(super) fn written(
        self,
        description: impl FnOnce() -> String,
        retry_after: Option<u64>,
    ) -> Response {
        let Self {
            status,
            code,
            challenge,
            failure,
        } = self;
        let description = match &failure {
            Some(failure) => failure.logged(),
            None => description(),
        };
        let body = json!({"error": code, "error_description": plain(&description)});
        let mut response = (status, body.to_string()).into_response();
        mark(failure.as_ref(), &mut response);
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
        response
    }
}

fn mark(failure: Option<&InternalFailure<'_>>, response: &mut Response) {
    if let Some(InternalFailure::Store(_)) = failure {
        response.extensions_mut().insert(StoreFailed);
    }
}

impl InternalFailure<'_> {
    /// Logs it, and says what the caller may know.
    pub(super) fn logged(&self) -> String {
        match self {
            Self::Store(error) => {
                tracing::error!(%error, "the issuer cannot answer");
                "try again later".to_owned()
            }
            Self::Cryptography(error) => {
                tracing::error!(%error, "the issuer cannot answer");
                "the request could not be answered".to_owned()
            }
        }
    }
}

/// The characters of RFC 6749 section 5.2, and not too many: descriptions may quote the caller.
pub(super) fn plain(description: &str) -> String {
    let allowed = |character: char| matches!(character, ' ' | '!' | '#'..='[' | ']'..='~');
    let characters = description.chars().take(MAX_DESCRIPTION_BYTES);
    characters
        .map(|character| if allowed(character) { character } else { '\'' })
        .collect()
}
