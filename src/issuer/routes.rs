//! The table of the endpoints, and what holds for all of them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, HeaderValue, PRAGMA};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::cors::public;
use super::refusal::Refusal;
use super::{
    Issuer, account, apps, backend, discovery, guard, introspect, login, openapi, revoke, token,
    whoami,
};

/// Each path with its methods; `policy.yaml` says who may call it.
fn table() -> [(&'static str, MethodRouter<Arc<Issuer>>); 15] {
    [
        ("/authorization/token", post(token::token)),
        ("/authorization/revoke", post(revoke::revoke)),
        ("/authorization/introspect", post(introspect::introspect)),
        ("/authorization/whoami", get(whoami::whoami)),
        ("/consumer/login", post(login::login).put(login::refresh)),
        ("/consumer/register", post(account::register)),
        ("/consumer/account", get(account::account)),
        ("/consumer/app", get(apps::list).post(apps::create)),
        ("/backend/scope", post(backend::create_scope)),
        ("/backend/role", post(backend::create_role)),
        ("/.well-known/jwks.json", public(get(discovery::jwks))),
        (
            "/.well-known/oauth-authorization-server",
            public(get(discovery::metadata)),
        ),
        (
            "/.well-known/openid-configuration",
            public(get(discovery::metadata)),
        ),
        (
            discovery::PROTECTED_RESOURCE,
            public(get(discovery::protected_resource)),
        ),
        ("/openapi.json", public(get(openapi::openapi))),
    ]
}

/// The paths of all endpoints.
pub fn endpoints() -> impl Iterator<Item = &'static str> {
    table().into_iter().map(|(path, _)| path)
}

pub(super) fn router(issuer: Arc<Issuer>) -> Router {
    let mut router = Router::new();
    for (path, methods) in table() {
        router = router.route(path, methods);
    }
    router
        .fallback(async || Refusal::NotFound)
        .method_not_allowed_fallback(async || Refusal::MethodNotAllowed)
        .layer(from_fn_with_state(Arc::clone(&issuer), guard::guard))
        .layer(from_fn_with_state(
            Arc::clone(&issuer),
            discovery::name_resource,
        ))
        .layer(from_fn(never_stored))
        .with_state(issuer)
}

/// RFC 6749 section 5.1, for answers that do not say otherwise: errors as well.
async fn never_stored(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await.into_response();
    let headers = response.headers_mut();
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    }
    response
}
