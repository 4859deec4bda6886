//! Which pages may read what we answer: any page the public documents, none anything else.
//!
//! Tokens are for apps that can keep a secret, which pages cannot, so the token endpoint has no CORS.

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, HeaderValue,
};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::MethodRouter;

const METHODS: &str = "GET, HEAD, OPTIONS";

/// Lets pages of every origin read what is here; it is the same for whoever asks.
pub(super) fn public<S: Clone + Send + Sync + 'static>(
    methods: MethodRouter<S>,
) -> MethodRouter<S> {
    methods.options(preflight).layer(from_fn(for_anyone))
}

/// What a browser asks before it sends headers that are not simple, such as `If-None-Match`.
async fn preflight() -> (StatusCode, [(HeaderName, &'static str); 5]) {
    let head = [
        (ALLOW, METHODS),
        (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (ACCESS_CONTROL_ALLOW_HEADERS, "*"),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
        (CACHE_CONTROL, "public, max-age=86400"),
    ];
    (StatusCode::NO_CONTENT, head)
}

async fn for_anyone(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let anyone = HeaderValue::from_static("*");
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, anyone);
    response
}
