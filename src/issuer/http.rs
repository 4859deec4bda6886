//! The table of the endpoints, and what holds for all of them.

mod account;
mod apps;
mod authorize;
mod backend;
pub(super) mod body;
mod browser;
mod containment;
mod cors;
mod discovery;
mod extract;
pub(super) mod guard;
mod introspect;
mod list;
mod login;
mod metrics;
pub(super) mod observation;
pub(super) mod openapi;
mod pacing;
mod pages;
mod revoke;
mod routes;
mod session;
mod text;
pub(super) mod token;
mod whoami;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, PRAGMA, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};

use super::endpoint_error::EndpointError;
use super::{Issuer, revocation_log};
use backend::{app, attention, audit, gate, key, policy, role, scope, user, who};
use cors::public;

pub use pages::pages;
pub(super) use pages::{Look, MadeApps, Offers, TicketKey, ToldKey};

/// Each path with its methods; `policy.yaml` says who may call it.
fn table() -> Vec<(&'static str, MethodRouter<Arc<Issuer>>)> {
    let mut table = vec![
        ("/authorization/token", post(token::token)),
        ("/authorization/revoke", post(revoke::revoke)),
        ("/authorization/introspect", post(introspect::introspect)),
        ("/authorization/whoami", get(whoami::whoami)),
        ("/authorization/authorize", get(authorize::authorize)),
        ("/authorization/login", post(authorize::login)),
        ("/authorization/consent", post(authorize::consent)),
        ("/authorization/logout", post(authorize::logout)),
        ("/authorization/style.css", get(authorize::style)),
        ("/consumer/login", post(login::login).put(login::refresh)),
        (openapi::REGISTER, post(account::register)),
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
    ];
    table.extend(own());
    table.extend(backend());
    table
}

/// What callers do with their own account and apps.
fn own() -> [(&'static str, MethodRouter<Arc<Issuer>>); 8] {
    [
        (
            "/consumer/account",
            get(account::account).put(account::update),
        ),
        (
            "/consumer/account/change_password",
            put(account::change_password).post(account::change_password),
        ),
        ("/consumer/account/sign_ins", get(account::sign_ins)),
        ("/consumer/grant", get(account::grants)),
        ("/consumer/grant/{id}", delete(account::end_grant)),
        ("/consumer/app", get(apps::list).post(apps::create)),
        (
            "/consumer/app/{app_key}",
            get(apps::read).put(apps::update).delete(apps::delete),
        ),
        (
            "/consumer/app/{app_key}/rotate_secret",
            post(apps::rotate_secret),
        ),
    ]
}

fn backend() -> [(&'static str, MethodRouter<Arc<Issuer>>); 21] {
    [
        ("/backend/user", get(user::list).post(user::create)),
        (
            "/backend/user/{username}",
            get(user::read).put(user::update).delete(user::delete),
        ),
        (
            "/backend/user/{username}/set_password",
            post(user::set_password),
        ),
        ("/backend/user/{username}/sign_ins", get(user::sign_ins)),
        ("/backend/role", get(role::list).post(role::create)),
        (
            "/backend/role/{name}",
            get(role::read).put(role::update).delete(role::delete),
        ),
        ("/backend/role/{name}/default", put(role::choose_default)),
        ("/backend/scope", get(scope::list).post(scope::create)),
        (
            "/backend/scope/{name}",
            get(scope::read).put(scope::update).delete(scope::delete),
        ),
        ("/backend/app", get(app::list)),
        (
            "/backend/app/{app_key}",
            get(app::read).put(app::update).delete(app::delete),
        ),
        (
            "/backend/app/{app_key}/rotate_secret",
            post(app::rotate_secret),
        ),
        ("/backend/audit", get(audit::list)),
        ("/backend/audit/export", get(audit::export)),
        ("/backend/key", get(key::list)),
        ("/backend/key/rotate", post(key::rotate)),
        ("/backend/gate", get(gate::list)),
        ("/backend/attention", get(attention::show)),
        ("/backend/policy", get(policy::list)),
        ("/backend/who", get(who::show)),
        (
            "/backend/revoke",
            post(backend::revoke).get(backend::effect),
        ),
    ]
}

/// The paths of all endpoints, without those of `pages`.
pub fn endpoints() -> impl Iterator<Item = &'static str> {
    table().into_iter().map(|(path, _)| path)
}

pub(super) fn router(issuer: Arc<Issuer>) -> Router {
    let mut router = Router::new();
    for (path, methods) in table() {
        router = router.route(path, methods);
    }
    // Each layer surrounds those above it. `pace` and `audit` need the caller, whom `guard` finds; `settle` sees all
    // that a request has revoked, and still within the time that `contain` gives; `observe` counts whatever
    // comes out, a panic as well, and says where a request comes from before `guard` or a handler throttles.
    router
        .fallback(async || EndpointError::NotFound)
        .method_not_allowed_fallback(async || EndpointError::MethodNotAllowed)
        .layer(from_fn_with_state(Arc::clone(&issuer), pacing::pace))
        .layer(from_fn_with_state(Arc::clone(&issuer), observation::audit))
        .layer(from_fn_with_state(Arc::clone(&issuer), guard::guard))
        .merge(pages::router(&issuer))
        .layer(from_fn_with_state(
            Arc::clone(&issuer),
            revocation_log::settle,
        ))
        .layer(from_fn_with_state(
            Arc::clone(&issuer),
            discovery::name_resource,
        ))
        .layer(from_fn(containment::contain))
        .layer(from_fn_with_state(
            Arc::clone(&issuer),
            observation::observe,
        ))
        .layer(from_fn_with_state(Arc::clone(&issuer), with_safe_headers))
        .with_state(issuer)
}

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// No answer is taken for content of another type, and none is kept that does not say otherwise (RFC 6749
/// section 5.1): errors as well. Browsers keep to `https` where the site has it.
async fn with_safe_headers(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await.into_response();
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let is_page = headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page {
        // Fetch, "cross-origin resource policies": no page of another origin takes one of ours in.
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    }
    let strict = issuer.settings.strict_transport_security();
    if let Some(value) = strict.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(STRICT_TRANSPORT_SECURITY, value);
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    }
    response
}
