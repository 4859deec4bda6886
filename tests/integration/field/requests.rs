//! Requests that are not plain HTTP calls: browsers, gRPC, large bodies.

use serde_json::json;

use super::{Call, Case, check, token};
use crate::envoy_process::Door;

const GRPC: &str = r"
version: 1
scopes: {orders.read: Read orders, orders.write: Change orders}
routes:
  - {name: list, methods: [POST], path: /shop.v1.Orders/List, scopes: [orders.read]}
  - {name: delete, methods: [POST], path: /shop.v1.Orders/Delete, scopes: [orders.write]}
  - {name: graphql, methods: [POST], path: /graphql, scopes: [orders.read]}
";

const VERBS: &str = r#"
version: 1
scopes: {orders.read: Read orders, orders.write: Change orders}
routes:
  - {name: describe, methods: [POST], path: "/v1/jobs/{id}:describe", scopes: [orders.read]}
  - {name: cancel, methods: [POST], path: "/v1/jobs/{id}:cancel", scopes: [orders.write]}
"#;

const PROJECTS: &str = r#"
version: 1
paths: {encoded_slashes: kept}
scopes: {orders.read: Read orders}
routes:
  - {name: issues, methods: [GET], path: "/api/v4/projects/{id}/issues", scopes: [orders.read]}
"#;

const CASE: &str = r#"
version: 1
paths: {ignore_case: true}
scopes: {orders.read: Read orders, orders.write: Change orders}
routes:
  - {name: api, methods: [GET], path: "/api/{*rest}", scopes: [orders.read]}
  - {name: admin, methods: [GET], path: "/api/admin/{*rest}", scopes: [orders.write]}
"#;

const PAGE: &str = "origin: https://app.shop.example";
const ALLOWED: (&str, &str) = ("access-control-allow-origin", "https://app.shop.example");

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_browsers_and_grpc_clients() {
    check(cases()).await;
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let reader = || token(&json!({"scope": "orders.read"}));
    vec![
        Case::new("a_page_may_read_the_refusal", "").door(with_cors)
            .call(Call::get("the preflight", "/orders/1").method("OPTIONS").header(PAGE).header("access-control-request-method: GET").header("access-control-request-headers: authorization")
                .is(200).answers(ALLOWED.0, ALLOWED.1))
            .call(Call::get("the refusal", "/orders/1").header(PAGE).is(401).answers(ALLOWED.0, ALLOWED.1)),
        Case::new("a_method_of_grpc_is_a_path", "").policy(GRPC)
            .call(Call::post("allowed", "/shop.v1.Orders/List").header("content-type: application/grpc").header("te: trailers").token(reader()).is(200))
            .call(Call::post("refused", "/shop.v1.Orders/Delete").header("content-type: application/grpc").header("te: trailers").token(reader()).is(200).answers("grpc-status", "7"))
            .call(Call::post("no token", "/shop.v1.Orders/List").header("content-type: application/grpc").header("te: trailers").is(200).answers("grpc-status", "16"))
            .call(Call::post("GraphQL is one path", "/graphql").token(reader()).is(200)),
        Case::new("a_grpc_web_client_finds_its_status", "").policy(GRPC)
            .call(Call::post("refused", "/shop.v1.Orders/Delete").header("content-type: application/grpc-web+proto").token(reader()).is(403).answers("grpc-status", "7")),
        Case::new("a_verb_follows_a_parameter", "").policy(VERBS)
            .call(Call::post("the verb of readers", "/v1/jobs/7:describe").token(reader()).is(200))
            .call(Call::post("the verb of others", "/v1/jobs/7:cancel").token(reader()).is(403))
            .call(Call::post("a verb that is not listed", "/v1/jobs/7:delete").token(reader()).is(403))
            .call(Call::post("no verb", "/v1/jobs/7").token(reader()).is(403)),
        Case::new("an_encoded_slash_stays_within_its_segment", "").policy(PROJECTS)
            .call(Call::get("a path as an id", "/api/v4/projects/group%2Fproject/issues").token(reader()).is(200))
            .call(Call::get("a number as an id", "/api/v4/projects/7/issues").token(reader()).is(200))
            .call(Call::get("a slash is not an encoded one", "/api/v4/projects/group/project/issues").token(reader()).is(403))
            .call(Call::get("nor does one lead upwards", "/api/v4/projects/..%2Fadmin/issues").token(reader()).is(400)),
        Case::new("an_upstream_that_ignores_case", "").policy(CASE)
            .call(Call::get("as it is written", "/api/admin/users").token(reader()).is(403))
            .call(Call::get("in capitals", "/api/Admin/users").token(reader()).is(403))
            .call(Call::get("encoded", "/api/%41dmin/users").token(reader()).is(403))
            .call(Call::get("another page", "/API/orders").token(reader()).is(200)),
        Case::new("a_body_beyond_the_limit_is_refused", "").policy(GRPC).door(with_bodies)
            .call(Call::post("3 MiB", "/graphql").token(reader()).body(3 << 20).is(200))
            .call(Call::post("5 MiB", "/graphql").token(reader()).body(5 << 20).is(400)),
    ]
}

/// Envoy sends the bodies along.
fn with_bodies(door: Door) -> Door {
    door.with(json!({"with_request_body": {"max_request_bytes": 8 << 20}}))
}

/// Envoy answers preflights, and adds its headers to refusals.
fn with_cors(door: Door) -> Door {
    let cors = "type.googleapis.com/envoy.extensions.filters.http.cors.v3";
    let policy = json!({
        "@type": format!("{cors}.CorsPolicy"),
        "allow_origin_string_match": [{"exact": "https://app.shop.example"}],
        "allow_methods": "GET", "allow_headers": "authorization",
    });
    let filter = json!({"name": "envoy.filters.http.cors", "typed_config": {"@type": format!("{cors}.Cors")}});
    let manager = json!({"route_config": {"name": "shop", "virtual_hosts": [{
        "name": "shop", "domains": ["*"],
        "typed_per_filter_config": {"envoy.filters.http.cors": policy},
        "routes": [{"match": {"prefix": ""}, "route": {"cluster": "upstream"}}],
    }]}});
    door.behind(filter).managed(manager)
}
