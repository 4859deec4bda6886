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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Method;
    use axum::routing::get;
    use axum::{Router, http};
    use tower_service::Service;

    use super::*;

    async fn answer(method: Method) -> Response {
        let mut router = Router::new().route("/a", public(get(async || "document")));
        let request = http::Request::builder().method(method).uri("/a");
        let request = request.header("origin", "https://page.example");
        router
            .call(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn any_page_may_read_what_is_public_and_may_do_nothing_else() {
        // The method, the status, and what a page may call it with.
        let rows = [
            (Method::GET, 200, None),
            (Method::HEAD, 200, None),
            (Method::OPTIONS, 204, Some(METHODS)),
            (Method::POST, 405, None),
        ];
        for (method, status, methods) in rows {
            let answer = answer(method.clone()).await;
            assert_eq!(answer.status(), status, "{method}");
            let header = |name| {
                answer
                    .headers()
                    .get(name)
                    .map(|value| value.to_str().unwrap())
            };
            // Not the origin that asks: the answer is the same for all, and may be cached.
            assert_eq!(header(ACCESS_CONTROL_ALLOW_ORIGIN), Some("*"), "{method}");
            assert_eq!(header(ACCESS_CONTROL_ALLOW_METHODS), methods, "{method}");
            // With credentials a page could act for whoever looks at it.
            let credentials = answer.headers().get("access-control-allow-credentials");
            assert_eq!(credentials, None, "{method}");
        }
    }
}
