//! What each failure is to its caller: status, code, challenge, and what it may know.

use axum::body::to_bytes;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::Value;

use super::response::{MAX_DESCRIPTION_BYTES, plain};
use super::*;
use crate::identity::ScopeSet;

struct Told {
    status: u16,
    error: String,
    description: String,
    challenge: Option<String>,
    retry_after: Option<String>,
    store_failed: bool,
}

async fn told(error: EndpointError) -> Told {
    let response = error.into_response();
    let header = |name| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    assert_eq!(header(CONTENT_TYPE).as_deref(), Some("application/json"));
    let (status, challenge) = (response.status().as_u16(), header(WWW_AUTHENTICATE));
    let retry_after = header(RETRY_AFTER);
    let store_failed = response.extensions().get::<StoreFailed>().is_some();
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let text = |member: &str| body[member].as_str().unwrap().to_owned();
    Told {
        status,
        error: text("error"),
        description: text("error_description"),
        challenge,
        retry_after,
        store_failed,
    }
}

fn not_held(thing: Thing) -> DirectoryError {
    DirectoryError::NotHeld {
        holder: "alice".to_owned(),
        thing,
        name: "a".to_owned(),
    }
}

#[tokio::test]
#[rustfmt::skip]
async fn each_failure_has_the_status_and_code_of_its_rfc() {
    use DirectoryError as D;
    use EndpointError as E;
    let rows = [
        (E::BodyTooLarge, 413, "invalid_request"),
        (E::BodyBroken, 400, "invalid_request"),
        (E::ContentType("application/json"), 400, "invalid_request"),
        (E::ContentEncoding, 415, "invalid_request"),
        (E::Json(String::new()), 400, "invalid_request"),
        (E::ParametersInUrl, 400, "invalid_request"),
        (E::Missing("token"), 400, "invalid_request"),
        (E::Parameter("limit"), 400, "invalid_request"),
        (E::ParameterValue { name: "limit", allowed: "a number" }, 400, "invalid_request"),
        (E::UnknownParameter("`x`".to_owned()), 400, "invalid_request"),
        (E::SeveralCallers, 400, "invalid_request"),
        (E::ScopeNeeded("backend.user"), 403, "insufficient_scope"),
        (E::NoGate, 404, "not_found"),
        (E::SeveralClientCredentials, 400, "invalid_request"),
        (E::BadClient, 401, "invalid_client"),
        (E::UnsupportedGrant, 400, "unsupported_grant_type"),
        (E::UnauthorizedClient, 400, "unauthorized_client"),
        (E::ScopeBeyondGrant, 400, "invalid_scope"),
        (E::BadLogin, 401, "invalid_grant"),
        (E::BadPasswordGrant, 400, "invalid_grant"),
        (E::BadRefreshToken, 400, "invalid_grant"),
        (E::SecondFactorNeeded, 400, "invalid_grant"),
        (E::PasskeyFirst, 400, "invalid_grant"),
        (E::BadCode, 400, "invalid_grant"),
        (E::WrongPassword, 400, "invalid_grant"),
        (E::RegistrationClosed, 403, "access_denied"),
        (E::NotFound, 404, "not_found"),
        (E::MethodNotAllowed, 405, "invalid_request"),
        (E::CallerChanged, 401, "invalid_token"),
        (E::BearerWithoutPasskey, 401, "invalid_token"),
        (E::BadBearer, 401, "invalid_token"),
        (D::NotFresh { max_age_seconds: 300 }.into(), 401, "insufficient_user_authentication"),
        (E::Throttled { retry_after_seconds: 7 }, 429, "temporarily_unavailable"),
        (E::TimedOut, 503, "temporarily_unavailable"),
        (E::Panicked, 500, "server_error"),
        (E::Unguarded, 500, "server_error"),
        (E::Hashing(HashingError::Busy), 503, "temporarily_unavailable"),
        (E::Store(StoreError::Gone), 503, "temporarily_unavailable"),
        (E::Cryptography(CryptographyError), 500, "server_error"),
        (D::NotFound(Thing::User).into(), 404, "not_found"),
        (D::Changed.into(), 401, "invalid_token"),
        (D::NameTaken(Thing::Scope).into(), 409, "invalid_request"),
        (D::LastAdministrator.into(), 409, "invalid_request"),
        (D::Own("backend.user".to_owned()).into(), 409, "invalid_request"),
        (D::DefaultRole.into(), 409, "invalid_request"),
        (D::Replaced { thing: Thing::Role, name: String::new() }.into(), 409, "invalid_request"),
        (D::Beyond(ScopeSet::default()).into(), 403, "insufficient_scope"),
        (D::Follower.into(), 403, "insufficient_scope"),
        (D::BeyondOwner(ScopeSet::default()).into(), 400, "invalid_scope"),
        (D::UnknownScope("a".to_owned()).into(), 400, "invalid_scope"),
        (D::UnknownRole("a".to_owned()).into(), 400, "invalid_request"),
        (not_held(Thing::Scope).into(), 400, "invalid_scope"),
        (not_held(Thing::Role).into(), 400, "invalid_request"),
        (D::TooManyApps.into(), 400, "invalid_request"),
        (D::Hashing(HashingError::Busy).into(), 503, "temporarily_unavailable"),
        (D::Store(StoreError::Gone).into(), 503, "temporarily_unavailable"),
        (D::Cryptography(CryptographyError).into(), 500, "server_error"),
    ];
    for (failure, status, code) in rows {
        let name = format!("{failure:?}");
        let told = told(failure).await;
        assert_eq!((told.status, told.error.as_str()), (status, code), "{name}");
        // RFC 9110 section 15.5.2: what answers 401 says how to authenticate.
        if status == 401 {
            assert!(told.challenge.is_some(), "{name}");
        }
        // RFC 9110 section 15.6.4.
        let waits = [429, 503].contains(&status);
        assert_eq!(told.retry_after.is_some(), waits, "{name}");
    }
}

#[tokio::test]
async fn challenges_name_the_scheme_and_what_is_missing() {
    let rows = [
        (
            EndpointError::BadClient,
            Some("Basic realm=\"portcullis\", charset=\"UTF-8\""),
        ),
        (EndpointError::BadLogin, Some("Bearer realm=\"portcullis\"")),
        (
            EndpointError::BadBearer,
            Some("Bearer realm=\"portcullis\", error=\"invalid_token\""),
        ),
        (
            DirectoryError::NotFresh {
                max_age_seconds: 60,
            }
            .into(),
            Some(
                "Bearer realm=\"portcullis\", error=\"insufficient_user_authentication\", \
                 error_description=\"log in again\", max_age=\"60\"",
            ),
        ),
        (
            DirectoryError::Beyond(ScopeSet::parse("backend.user").unwrap()).into(),
            Some(
                "Bearer realm=\"portcullis\", error=\"insufficient_scope\", \
                 scope=\"backend.user\"",
            ),
        ),
        (EndpointError::BadRefreshToken, None),
        (EndpointError::RegistrationClosed, None),
    ];
    for (failure, expected) in rows {
        assert_eq!(told(failure).await.challenge.as_deref(), expected);
    }
}

#[tokio::test]
async fn an_internal_failure_tells_its_caller_nothing() {
    let internal = [
        (
            EndpointError::Store(StoreError::Unreadable("secret row")),
            503,
        ),
        (
            DirectoryError::Store(StoreError::Unreadable("secret row")).into(),
            503,
        ),
        (EndpointError::Cryptography(CryptographyError), 500),
    ];
    for (failure, status) in internal {
        let told = told(failure).await;
        assert_eq!(told.status, status);
        assert!(!told.description.contains("secret"), "{}", told.description);
    }
}

#[tokio::test]
async fn a_wait_is_as_long_as_the_throttle_says() {
    let throttled = EndpointError::Throttled {
        retry_after_seconds: 7,
    };
    let told = told(throttled).await;
    assert_eq!(told.retry_after.as_deref(), Some("7"));
    assert!(told.description.contains("7 seconds"));
    assert!(!told.store_failed);
}

#[test]
fn who_is_deleted_while_it_is_let_in_is_refused_and_other_failures_are_of_the_store() {
    let of_gone = |error| EndpointError::of_gone(error, EndpointError::BadLogin);
    assert!(matches!(of_gone(StoreError::Gone), EndpointError::BadLogin));
    let added = of_gone(StoreError::PasskeyAdded);
    assert!(matches!(added, EndpointError::SecondFactorNeeded));
    let other = of_gone(StoreError::Unreadable("row"));
    assert!(matches!(other, EndpointError::Store(_)));
}

#[test]
fn descriptions_have_the_characters_of_rfc_6749_and_are_short() {
    let rows = [
        ("a `b` c", "a `b` c"),
        ("say \"no\"", "say 'no'"),
        ("a\\b", "a'b"),
        ("a\r\nb", "a''b"),
        ("gr\u{fc}n", "gr'n"),
    ];
    for (text, expected) in rows {
        assert_eq!(plain(text), expected);
    }
    assert_eq!(plain(&"x".repeat(1000)).len(), MAX_DESCRIPTION_BYTES);
}
