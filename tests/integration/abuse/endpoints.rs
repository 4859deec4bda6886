//! Each endpoint of the issuer, with who may call it and what it reads.

use super::CLIENT_CREDENTIALS;

/// What an endpoint reads.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Body {
    Nothing,
    /// Members that it must have, as an object that is otherwise right.
    Json(&'static str),
    Form(&'static str),
}

/// Who may call it.
#[derive(Clone, Copy)]
pub(super) enum Caller {
    Anybody,
    App,
    Consumer,
    Administrator,
}

/// Each method of each path, with a body that is right.
pub(super) const ENDPOINTS: &[(&str, &str, Caller, Body)] = &[
    (
        "POST",
        "/authorization/token",
        Caller::App,
        Body::Form(CLIENT_CREDENTIALS),
    ),
    (
        "POST",
        "/consumer/login",
        Caller::Anybody,
        Body::Json(r#"{"username": "alice", "password": "pfannkuchen mit apfelmus"}"#),
    ),
    (
        "PUT",
        "/consumer/login",
        Caller::Anybody,
        Body::Json(r#"{"refresh_token": "unknown"}"#),
    ),
    (
        "POST",
        "/consumer/register",
        Caller::Anybody,
        Body::Json(r#"{"username": "x", "email": "x", "password": "x"}"#),
    ),
    (
        "POST",
        "/consumer/app",
        Caller::Consumer,
        Body::Json(r#"{"name": "x"}"#),
    ),
    (
        "POST",
        "/backend/scope",
        Caller::Administrator,
        Body::Json(r#"{"name": "stock.read", "description": "Read stock"}"#),
    ),
    (
        "POST",
        "/backend/role",
        Caller::Administrator,
        Body::Json(r#"{"name": "consumer", "scopes": []}"#),
    ),
    (
        "PUT",
        "/consumer/account",
        Caller::Consumer,
        Body::Json(r#"{"email": "alice@shop.example", "password": "x"}"#),
    ),
    (
        "PUT",
        "/consumer/account/change_password",
        Caller::Consumer,
        Body::Json(r#"{"old_password": "x", "new_password": "x"}"#),
    ),
    (
        "POST",
        "/consumer/account/change_password",
        Caller::Consumer,
        Body::Json(r#"{"old_password": "x", "new_password": "x"}"#),
    ),
    (
        "GET",
        "/consumer/account/sign_ins",
        Caller::Consumer,
        Body::Nothing,
    ),
    (
        "GET",
        "/backend/user/unknown/sign_ins",
        Caller::Administrator,
        Body::Nothing,
    ),
    ("GET", "/consumer/grant", Caller::Consumer, Body::Nothing),
    (
        "DELETE",
        "/consumer/grant/unknown",
        Caller::Consumer,
        Body::Nothing,
    ),
    (
        "GET",
        "/consumer/app/unknown",
        Caller::Consumer,
        Body::Nothing,
    ),
    (
        "PUT",
        "/consumer/app/unknown",
        Caller::Consumer,
        Body::Json(r#"{"name": "web-shop"}"#),
    ),
    (
        "DELETE",
        "/consumer/app/unknown",
        Caller::Consumer,
        Body::Nothing,
    ),
    (
        "POST",
        "/consumer/app/unknown/rotate_secret",
        Caller::Consumer,
        Body::Nothing,
    ),
    ("GET", "/backend/user", Caller::Administrator, Body::Nothing),
    (
        "POST",
        "/backend/user",
        Caller::Administrator,
        Body::Json(r#"{"username": "x", "email": "x", "password": "x"}"#),
    ),
    (
        "GET",
        "/backend/user/alice",
        Caller::Administrator,
        Body::Nothing,
    ),
    (
        "PUT",
        "/backend/user/alice",
        Caller::Administrator,
        Body::Json(r#"{"status": "active"}"#),
    ),
    (
        "DELETE",
        "/backend/user/alice",
        Caller::Administrator,
        Body::Nothing,
    ),
    (
        "POST",
        "/backend/user/unknown/set_password",
        Caller::Administrator,
        Body::Json(r#"{"password": "x"}"#),
    ),
    ("GET", "/backend/role", Caller::Administrator, Body::Nothing),
    (
        "GET",
        "/backend/role/consumer",
        Caller::Administrator,
        Body::Nothing,
    ),
    (
        "PUT",
        "/backend/role/consumer",
        Caller::Administrator,
        Body::Json(r#"{"scopes": []}"#),
    ),
    (
        "DELETE",
        "/backend/role/consumer",
        Caller::Administrator,
        Body::Nothing,
    ),
    (
        "PUT",
        "/backend/role/unknown/default",
        Caller::Administrator,
        Body::Nothing,
    ),
    (
        "GET",
        "/backend/scope",
        Caller::Administrator,
        Body::Nothing,
    ),
    (
        "GET",
        "/backend/scope/orders.read",
        Caller::Administrator,
        Body::Nothing,
    ),
    (
        "PUT",
        "/backend/scope/orders.read",
        Caller::Administrator,
        Body::Json(r#"{"description": "Read"}"#),
    ),
    (
        "DELETE",
        "/backend/scope/orders.read",
        Caller::Administrator,
        Body::Nothing,
    ),
    ("GET", "/backend/app", Caller::Administrator, Body::Nothing),
    (
        "GET",
        "/backend/audit",
        Caller::Administrator,
        Body::Nothing,
    ),
    (
        "GET",
        "/backend/audit/export",
        Caller::Administrator,
        Body::Nothing,
    ),
    ("GET", "/backend/key", Caller::Administrator, Body::Nothing),
    (
        "POST",
        "/backend/key/rotate",
        Caller::Administrator,
        Body::Nothing,
    ),
    ("GET", "/backend/gate", Caller::Administrator, Body::Nothing),
    (
        "GET",
        "/backend/attention",
        Caller::Administrator,
        Body::Nothing,
    ),
    (
        "GET",
        "/backend/policy",
        Caller::Administrator,
        Body::Nothing,
    ),
    ("GET", "/backend/who", Caller::Administrator, Body::Nothing),
    (
        "GET",
        "/backend/app/unknown",
        Caller::Administrator,
        Body::Nothing,
    ),
    (
        "PUT",
        "/backend/app/unknown",
        Caller::Administrator,
        Body::Json(r#"{"name": "web-shop"}"#),
    ),
    (
        "DELETE",
        "/backend/app/unknown",
        Caller::Administrator,
        Body::Nothing,
    ),
    (
        "POST",
        "/backend/app/unknown/rotate_secret",
        Caller::Administrator,
        Body::Nothing,
    ),
    (
        "GET",
        "/backend/revoke",
        Caller::Administrator,
        Body::Nothing,
    ),
    (
        "POST",
        "/backend/revoke",
        Caller::Administrator,
        Body::Json(r#"{"token": "x"}"#),
    ),
    (
        "POST",
        "/authorization/revoke",
        Caller::App,
        Body::Form("token=unknown"),
    ),
    (
        "POST",
        "/authorization/introspect",
        Caller::App,
        Body::Form("token=unknown"),
    ),
    (
        "GET",
        "/authorization/whoami",
        Caller::Consumer,
        Body::Nothing,
    ),
    (
        "GET",
        "/.well-known/openid-configuration",
        Caller::Anybody,
        Body::Nothing,
    ),
    (
        "GET",
        "/.well-known/oauth-protected-resource",
        Caller::Anybody,
        Body::Nothing,
    ),
    ("GET", "/openapi.json", Caller::Anybody, Body::Nothing),
    ("GET", "/consumer/account", Caller::Consumer, Body::Nothing),
    ("GET", "/consumer/app", Caller::Consumer, Body::Nothing),
    (
        "GET",
        "/.well-known/jwks.json",
        Caller::Anybody,
        Body::Nothing,
    ),
    (
        "GET",
        "/.well-known/oauth-authorization-server",
        Caller::Anybody,
        Body::Nothing,
    ),
];

/// Endpoints that answer people instead of programs, and are tested where they are.
pub(super) const PAGES: [&str; 5] = [
    "/authorization/authorize",
    "/authorization/login",
    "/authorization/consent",
    "/authorization/logout",
    "/authorization/style.css",
];
