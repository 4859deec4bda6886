//! `/.well-known`: what standard clients find the rest by.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, WWW_AUTHENTICATE,
};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::issuer::Issuer;
use crate::issuer::own::OWN_SCOPES;
use crate::store::Store;

/// How long verifiers may keep the keys; new ones are published longer before their first use.
const CACHE: &str = "public, max-age=300";

/// How apps prove themselves: see `client`.
const AUTHENTICATION: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// Enough for clients to choose from; a document that all may ask for is bounded.
const MAX_SCOPES: usize = 1000;

pub(super) const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// The public keys (RFC 7517 section 5).
pub(super) async fn jwks(State(issuer): State<Arc<Issuer>>, headers: HeaderMap) -> Response {
    let signer = issuer.grants.signer();
    let etag = signer.etag();
    let known = headers.get_all(IF_NONE_MATCH).iter();
    let known = known.filter_map(|value| value.to_str().ok());
    let known = known.flat_map(|list| list.split(','));
    let head = [(CACHE_CONTROL, CACHE), (ETAG, etag)];
    if is_known(known, etag) {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    let content_type = [(CONTENT_TYPE, "application/jwk-set+json")];
    (head, content_type, signer.jwks().to_owned()).into_response()
}

/// Whether one of these validators is `etag`, by weak comparison (RFC 9110 section 13.1.2).
fn is_known<'a>(mut validators: impl Iterator<Item = &'a str>, etag: &str) -> bool {
    validators.any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag
    })
}

/// Authorization server metadata (RFC 8414 section 2): only what there is. Also where clients of
/// OpenID Connect look; there are no ID tokens, and it says nothing of any.
pub(super) async fn metadata(State(issuer): State<Arc<Issuer>>) -> Response {
    let settings = &issuer.settings;
    let grants: Vec<&str> = settings.grants.names().collect();
    let mut metadata = json!({
        "issuer": settings.url,
        "token_endpoint": format!("{}/authorization/token", settings.url),
        "jwks_uri": format!("{}/.well-known/jwks.json", settings.url),
        "grant_types_supported": grants,
        "token_endpoint_auth_methods_supported": AUTHENTICATION,
        "revocation_endpoint": format!("{}/authorization/revoke", settings.url),
        "revocation_endpoint_auth_methods_supported": AUTHENTICATION,
        "introspection_endpoint": format!("{}/authorization/introspect", settings.url),
        "introspection_endpoint_auth_methods_supported": AUTHENTICATION,
        // Required by RFC 8414, and empty where there is no authorization endpoint.
        "response_types_supported": [],
    });
    if settings.grants.has_authorization_code()
        && let Some(metadata) = metadata.as_object_mut()
    {
        metadata.extend(authorization_endpoint(&settings.url));
    }
    // Left out while the store does not answer: clients need the rest of the document more than this
    // list, which RFC 8414 recommends.
    if let (Some(metadata), Some(scopes)) = (metadata.as_object_mut(), scopes(&issuer.store).await)
    {
        metadata.insert("scopes_supported".to_owned(), scopes.into());
    }
    document(&metadata)
}

/// Metadata of the issuer's own API (RFC 9728 section 2), which its challenges name.
pub(super) async fn protected_resource(State(issuer): State<Arc<Issuer>>) -> Response {
    let url = &issuer.settings.url;
    document(&json!({
        "resource": url,
        "authorization_servers": [url],
        "scopes_supported": OWN_SCOPES.map(|(name, _)| name),
        "bearer_methods_supported": ["header"],
    }))
}

fn document(content: &Value) -> Response {
    let head = [(CACHE_CONTROL, CACHE), (CONTENT_TYPE, "application/json")];
    (head, content.to_string()).into_response()
}

/// Has challenges for a token say where one is got (RFC 9728 section 5.1).
pub(super) async fn name_resource(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let challenge = response.headers().get(WWW_AUTHENTICATE);
    let challenge = challenge.and_then(|value| value.to_str().ok());
    if let Some(challenge) = challenge.filter(|challenge| challenge.starts_with("Bearer ")) {
        let url = &issuer.settings.url;
        let named = format!("{challenge}, resource_metadata=\"{url}{PROTECTED_RESOURCE}\"");
        if let Ok(named) = HeaderValue::from_str(&named) {
            response.headers_mut().insert(WWW_AUTHENTICATE, named);
        }
    }
    response
}

/// The names of the scopes that there are. None where the store cannot tell: what else the metadata says
/// is worth having without.
async fn scopes(store: &Store) -> Option<Vec<String>> {
    match store.scope_names(MAX_SCOPES).await {
        Ok(names) => (!names.is_empty()).then_some(names),
        Err(error) => {
            tracing::error!(%error, "the scopes are missing from the metadata: the store cannot be read");
            None
        }
    }
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

    #[test]
    fn validators_are_compared_weakly_and_in_full() {
        let rows = [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("\"A\"", false),
            ("", false),
        ];
        for (header, expected) in rows {
            assert_eq!(is_known(header.split(','), "\"a\""), expected, "{header}");
        }
    }

    #[test]
    fn the_authorization_endpoint_takes_codes_with_pkce_alone() {
        let members = authorization_endpoint("https://id.shop.example");
        let endpoint = "https://id.shop.example/authorization/authorize";
        assert_eq!(members["authorization_endpoint"], endpoint);
        assert_eq!(members["response_types_supported"], json!(["code"]));
        assert_eq!(members["code_challenge_methods_supported"], json!(["S256"]));
    }
}
