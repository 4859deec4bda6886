//! What providers write into tokens, and what of it counts.

use serde_json::json;

use super::{Call, Case, check, full, token, token_with};
use crate::foreign_issuer::ForeignKey;

#[tokio::test(flavor = "multi_thread")]
async fn scopes_come_from_wherever_the_entry_says() {
    check(scopes()).await;
}

#[rustfmt::skip]
fn scopes() -> Vec<Case> {
    let order = "/orders/1";
    vec![
        Case::new("permissions_count_instead_of_what_was_asked_for", "claims: {scopes: [permissions], client: [azp]}, scope_names: {\"read:orders\": orders.read}")
            .call(Call::get("permitted", order).is(200).sees("x-auth-client", "abcDEF").token(token(&json!({"azp": "abcDEF", "scope": "openid", "permissions": ["read:orders"], "gty": "password"}))))
            .get("asked for", order, &json!({"scope": "openid read:orders", "permissions": []}), 403),
        Case::new("a_list_and_another_name_of_the_client", "claims: {scopes: [scp], client: [cid]}")
            .call(Call::get("granted", order).is(200).sees("x-auth-client", "0oaShop").token(token_with(&json!({"typ": null}), &json!({"cid": "0oaShop", "uid": "00u", "scp": ["openid", "orders.read"]}))))
            .get("not granted", order, &json!({"cid": "0oaShop", "scp": ["openid"]}), 403),
        Case::new("delegated_permissions_and_app_roles_together", "claims: {scopes: [scp, roles]}, scope_names: {Orders.Read: orders.read, Orders.Read.All: orders.read}")
            .get("a person", order, &json!({"scp": "Orders.Read User.Read"}), 200)
            .get("a service", order, &json!({"roles": ["Orders.Read.All"], "idtyp": "app"}), 200)
            .get("neither", order, &json!({"azp": "app"}), 403),
        Case::new("app_roles_alone", "scope_claim: roles")
            .get("a role", order, &json!({"roles": ["orders.read"]}), 200)
            .get("no roles", order, &json!({}), 403)
            .get("a scope is no role", order, &json!({"scope": "orders.read"}), 403),
        Case::new("a_scope_of_our_own_beside_those_of_openid", "claims: {client: [azp]}")
            .get("granted", order, &json!({"azp": "web", "typ": "Bearer", "scope": "openid profile email orders.read", "aud": ["orders-api", "account"], "allowed-origins": ["https://app.shop.example"]}), 200),
        Case::new("roles_of_a_realm_lie_below_another_claim", "claims: {scopes: [[realm_access, roles]]}, scope_names: {orders-admin: orders.read}")
            .get("the role", order, &json!({"realm_access": {"roles": ["offline_access", "orders-admin"]}}), 200)
            .get("another role", order, &json!({"realm_access": {"roles": ["offline_access"]}}), 403)
            .get("a claim with the path as its name", order, &json!({"realm_access.roles": ["orders-admin"]}), 403),
        Case::new("roles_are_the_names_of_members", "claims: {scopes: [\"urn:zitadel:iam:org:project:roles\"]}, scope_names: {shopper: orders.read}")
            .get("the role", order, &json!({"urn:zitadel:iam:org:project:roles": {"shopper": {"7": "shop.example"}}}), 200)
            .get("another role", order, &json!({"urn:zitadel:iam:org:project:roles": {"guest": {}}}), 403)
            .get("any role, on a page that needs none", "/me", &json!({"urn:zitadel:iam:org:project:roles": {"guest": {}}}), 200),
        Case::new("a_group_with_a_space_takes_nothing_else_down", "scope_claim: groups")
            .get("beside one with a space", order, &json!({"groups": ["Everyone", "Domain Users", "orders.read"]}), 200)
            .get("beside one with an umlaut", order, &json!({"groups": ["Büro", "orders.read"]}), 200)
            .get("on a page that needs none", "/me", &json!({"groups": ["Domain Users"]}), 200)
            .get("words of a group are no scopes", order, &json!({"groups": ["mallory orders.read"]}), 403),
        Case::new("a_group_with_a_space_by_another_name", "scope_claim: groups, scope_names: {Domain Users: orders.read}")
            .get("the group", order, &json!({"groups": ["Domain Users"]}), 200)
            .get("a part of its name", order, &json!({"groups": ["Domain", "Users"]}), 403),
        Case::new("a_workflow_by_its_subject", "claims: {scopes: [sub]}, scope_names: {\"repo:shop-org/orders:ref:refs/heads/main\": orders.read}")
            .get("ours", order, &json!({"sub": "repo:shop-org/orders:ref:refs/heads/main"}), 200)
            .get("a stranger's", order, &json!({"sub": "repo:mallory/orders:ref:refs/heads/main"}), 403),
        Case::new("an_organization_as_a_scope", "claims: {scopes: [hd]}, scope_names: {shop.example: orders.read}")
            .get("ours", order, &json!({"hd": "shop.example"}), 200)
            .get("a private account", order, &json!({}), 403),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_relied_on_is_checked() {
    check(shapes()).await;
}

#[rustfmt::skip]
fn shapes() -> Vec<Case> {
    let order = "/orders/1";
    let granted = json!({"scope": "orders.read"});
    let roles = |count: usize| json!({"scope": "orders.read", "realm_access": {"roles": (0..count).map(|number| format!("department-{number:04}-reader-xy")).collect::<Vec<_>>()}});
    vec![
        Case::new("a_token_without_scopes_is_authenticated", "")
            .get("its own page", "/me", &json!({"user_id": "u1", "admin": true, "firebase": {"identities": {}}}), 200),
        Case::new("null_and_empty_claims_are_absent", "")
            .get("no scope", "/me", &json!({}), 200)
            .call(Call::get("scope", "/me").token(null("scope")).is(200))
            .call(Call::get("azp", "/me").token(null("azp")).is(200))
            .call(Call::get("nbf", "/me").token(null("nbf")).is(200))
            .call(Call::get("jti", "/me").token(null("jti")).is(200))
            .get("an empty client", "/me", &json!({"client_id": ""}), 200)
            .call(Call::get("exp is relied on", "/me").token(null("exp")).is(401))
            .call(Call::get("sub is relied on", "/me").token(null("sub")).is(401)),
        Case::new("no_compression_is_no_compression", "")
            .call(Call::get("zip: NONE", order).token(token_with(&json!({"zip": "NONE"}), &granted)).is(200))
            .call(Call::get("zip: DEF", order).token(token_with(&json!({"zip": "DEF"}), &granted)).is(401).explained("compression")),
        Case::new("many_roles_fit_where_the_limit_says_so", "max_token_bytes: 61440")
            .get("450 roles", order, &roles(450), 200)
            .get("1400 roles", order, &roles(1400), 200),
        Case::new("a_long_token_is_called_long", "")
            .get("300 roles", order, &roles(300), 200)
            .call(Call::get("700 roles", order).token(token(&roles(700))).is(401).explained("max_token_bytes` is 16384")),
        Case::new("times_are_numbers", "")
            .call(Call::get("a text", "/me").token(token(&json!({"exp": "4102444800"}))).is(401).explained("the claim `exp` has a type or value that is not accepted")),
        Case::new("opaque_and_encrypted_tokens_are_called_so", "")
            .call(Call::get("a reference of GitHub", "/me").token("gho_16C7e42F292c6912E7").is(401).explained("opaque"))
            .call(Call::get("a token of Google", "/me").token("ya29.a0AfB").is(401).explained("opaque"))
            .call(Call::get("a token of a service account at Google", "/me").token("ya29.c.b0Aa").is(401).explained("opaque"))
            .call(Call::get("a token of Ory Hydra", "/me").token("ory_at_key.signature").is(401).explained("opaque"))
            .call(Call::get("a JWE", "/me").token("eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.a.b.c.d").is(401).explained("it is encrypted")),
    ]
}

/// A token in which this claim is null.
fn null(claim: &str) -> String {
    let mut claims = full(&json!({}));
    claims[claim] = serde_json::Value::Null;
    ForeignKey::rsa().sign(&json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}), &claims)
}
