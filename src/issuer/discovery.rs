//! `/.well-known`: what standard clients find the rest by.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::Issuer;

/// How long verifiers may keep the keys; new ones are published longer before their first use.
const CACHE: &str = "public, max-age=300";

/// The public keys (RFC 7517 section 5).
pub(super) async fn jwks(State(issuer): State<Arc<Issuer>>, headers: HeaderMap) -> Response {
    let signer = issuer.signer.load();
    let etag = signer.etag();
    let known = headers.get_all(IF_NONE_MATCH).iter().any(|value| {
        let text = value.to_str().unwrap_or_default();
        // Weak comparison (RFC 9110 section 13.1.2).
        text.split(',')
            .map(|known| known.trim().trim_start_matches("W/"))
            .any(|known| known == etag || known == "*")
    });
    let head = [(CACHE_CONTROL, CACHE), (ETAG, etag)];
    if known {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    let content_type = [(CONTENT_TYPE, "application/jwk-set+json")];
    (head, content_type, signer.jwks().to_owned()).into_response()
}

/// Authorization server metadata (RFC 8414 section 2): only what there is.
pub(super) async fn metadata(State(issuer): State<Arc<Issuer>>) -> Response {
    let settings = &issuer.settings;
    let grants = [
        ("client_credentials", settings.grants.client_credentials),
        ("refresh_token", settings.grants.refresh_token),
        ("authorization_code", settings.grants.authorization_code),
    ];
    let grants: Vec<&str> = grants
        .into_iter()
        .filter_map(|(name, offered)| offered.then_some(name))
        .collect();
    let mut metadata = json!({
        "issuer": settings.url,
        "token_endpoint": format!("{}/authorization/token", settings.url),
        "jwks_uri": format!("{}/.well-known/jwks.json", settings.url),
        "grant_types_supported": grants,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        // Required by RFC 8414, and empty where there is no authorization endpoint.
        "response_types_supported": [],
    });
    if settings.grants.authorization_code
        && let Some(metadata) = metadata.as_object_mut()
    {
        metadata.extend(authorization_endpoint(&settings.url));
    }
    let head = [(CACHE_CONTROL, CACHE), (CONTENT_TYPE, "application/json")];
    (head, metadata.to_string()).into_response()
}

/// RFC 8414 section 2, RFC 7636 section 6.2, RFC 9207 section 3.
fn authorization_endpoint(url: &str) -> Map<String, Value> {
    let endpoint = format!("{url}/authorization/authorize");
    let members = [
        ("authorization_endpoint", json!(endpoint)),
        ("response_types_supported", json!(["code"])),
        ("response_modes_supported", json!(["query"])),
        ("code_challenge_methods_supported", json!(["S256"])),
        (
            "authorization_response_iss_parameter_supported",
            json!(true),
        ),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::JWKS_MAX_AGE_SECONDS;

    #[test]
    fn verifiers_keep_the_keys_as_long_as_rotation_reckons_with() {
        assert_eq!(CACHE, format!("public, max-age={JWKS_MAX_AGE_SECONDS}"));
    }
}
