//! Who a token is for, who it is of, and whose tokens count.

use serde_json::json;

use super::{Call, Case, ISSUER, check, entry, token};

/// Two issuers: people, and pipelines that only deploy.
const TWO: &str = r"
version: 1
issuers: [people]
routes:
  - {name: account, methods: [GET], path: /account, access: authenticated}
  - {name: deploy, methods: [POST], path: /deployments, access: authenticated, issuers: [pipelines]}
  - {name: products, methods: [GET], path: /products, access: public}
";

const PIPELINES: &str = "https://token.actions.githubusercontent.com";

#[tokio::test(flavor = "multi_thread")]
async fn tokens_for_others_and_of_others_do_not_count() {
    check(cases()).await;
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let me = "/me";
    let workflow = json!({"iss": PIPELINES, "sub": "repo:mallory/x:ref:refs/heads/main", "repository": "mallory/x"});
    let pipelines = entry(&format!("name: pipelines, issuer: \"{PIPELINES}\""));
    vec![
        Case::new("the_client_stands_for_an_audience_that_is_absent", "audiences: [1example23456789], audience_claim: client_id, require: {token_use: access}")
            .get("ours", me, &json!({"aud": null, "client_id": "1example23456789", "token_use": "access"}), 200)
            .call(Call::get("a stranger's", me).is(401).token(token(&json!({"aud": null, "client_id": "2other", "token_use": "access"}))).explained("refused: it is meant for another audience"))
            .call(Call::get("an ID token", me).is(401).token(token(&json!({"aud": "1example23456789", "client_id": "1example23456789", "token_use": "id"}))).explained("`require` asks for `token_use: \"access\"`")),
        Case::new("a_page_stands_for_an_audience_that_is_absent", "audiences: [\"https://app.shop.example\"], audience_claim: azp")
            .get("ours", me, &json!({"aud": null, "azp": "https://app.shop.example", "sid": "sess_1"}), 200)
            .get("a stranger's", me, &json!({"aud": null, "azp": "https://evil.example", "sid": "sess_1"}), 401)
            .get("the audience does not count then", me, &json!({"aud": "https://app.shop.example", "sid": "sess_1"}), 401),
        Case::new("a_realm_without_an_audience_mapper", "")
            .call(Call::get("the realm's own audience", me).is(401).token(token(&json!({"aud": "account"}))).explained("`audiences` are `orders-api`"))
            .call(Call::get("no audience", me).is(401).token(token(&json!({"aud": null}))).explained("the claim `aud` is missing"))
            .call(Call::get("an empty list", me).is(401).token(token(&json!({"aud": []}))).explained("`aud`")),
        Case::new("a_client_that_is_not_listed_is_refused", "require: {azp: [client-guid-1]}")
            .get("mine", me, &json!({"azp": "client-guid-1"}), 200)
            .call(Call::get("another", me).is(401).token(token(&json!({"azp": "client-guid-2"}))).explained("`require` asks for `azp: \"client-guid-1\"`")),
        Case::new("an_id_token_for_the_same_audience_is_refused", "audiences: [web-shop], require: {typ: Bearer}")
            .get("an access token", me, &json!({"aud": "web-shop", "typ": "Bearer"}), 200)
            .call(Call::get("an ID token", me).is(401).token(token(&json!({"aud": "web-shop", "typ": "ID", "nonce": "n", "at_hash": "x"}))).explained("`require` asks for `typ: \"Bearer\"`")),
        Case::new("only_one_repository_and_branch_may_deploy", "require: {repository: shop-org/orders, ref: refs/heads/main}")
            .get("ours", me, &json!({"repository": "shop-org/orders", "ref": "refs/heads/main", "repository_id": "74"}), 200)
            .get("a stranger's", me, &json!({"repository": "mallory/x", "ref": "refs/heads/main"}), 401)
            .get("a branch", me, &json!({"repository": "shop-org/orders", "ref": "refs/heads/mine"}), 401),
        Case::new("only_the_accounts_of_one_organization", "require: {hd: [shop.example], email_verified: true}")
            .get("ours", me, &json!({"hd": "shop.example", "email_verified": true}), 200)
            .get("a private account", me, &json!({"email": "mallory@mail.example", "email_verified": true}), 401),
        Case::new("only_one_service_account", "require: {sub: \"system:serviceaccount:shop:batch\"}")
            .get("ours", me, &json!({"sub": "system:serviceaccount:shop:batch"}), 200)
            .get("another", me, &json!({"sub": "system:serviceaccount:default:default"}), 401),
        Case::new("a_service_without_a_subject_is_its_client", "claims: {subject: [sub, client_id]}")
            .call(Call::get("a service", me).is(200).sees("x-auth-subject", "batch").token(token(&json!({"sub": null, "client_id": "batch"}))))
            .call(Call::get("a person", me).is(200).sees("x-auth-subject", "alice").token(token(&json!({"client_id": "web-shop"})))),
        Case::new("without_that_a_token_needs_a_subject", "")
            .call(Call::get("a service", me).is(401).token(token(&json!({"sub": null, "client_id": "batch"}))).explained("the claim `sub` is missing")),
        Case::new("lists_and_nested_claims_become_headers", "")
            .extra("identity_headers: {claims: {x-auth-groups: groups, x-auth-roles: [realm_access, roles], x-auth-email: email}}")
            .call(Call::get("lists", me).is(200).sees("x-auth-groups", "/admins,/shop").sees("x-auth-roles", "a,b").sees("x-auth-email", "alice@shop.example")
                .token(token(&json!({"email": "alice@shop.example", "groups": ["/admins", "/shop"], "realm_access": {"roles": ["a", "b"]}})))),
        Case::new("each_route_says_whose_tokens_count", "").policy(TWO)
            .trust(&[&entry(&format!("name: people, issuer: \"{ISSUER}\"")), &pipelines])
            .get("a person's account", "/account", &json!({}), 200)
            .get("a workflow at the account", "/account", &workflow, 401)
            .call(Call::post("a workflow deploys", "/deployments").is(200).token(token(&workflow)))
            .call(Call::post("a person deploys", "/deployments").is(401).token(token(&json!({}))))
            .get("everybody at public pages", "/products", &workflow, 200),
        Case::new("one_issuer_with_people_and_services", "").policy(BOTH)
            .trust(&[&entry("name: services"), &entry("name: people, audiences: [web-shop], claims: {scopes: [groups]}, require: {typ: ID}")])
            .get("a service", "/orders/1", &json!({"scope": "orders.read"}), 200)
            .get("a person", "/orders/1", &json!({"aud": "web-shop", "typ": "ID", "groups": ["orders.read"]}), 200)
            .get("a service's scopes are not a person's", "/orders/1", &json!({"aud": "web-shop", "typ": "ID", "scope": "orders.read"}), 403)
            .get("a person where only services count", "/me", &json!({"aud": "web-shop", "typ": "ID"}), 401)
            .get("neither", "/orders/1", &json!({"aud": "other", "scope": "orders.read"}), 401),
        Case::new("a_workload_without_an_issuer", "spiffe_trust_domain: shop.example")
            .call(Call::get("no issuer", me).is(200).sees("x-auth-subject", WORKLOAD).sees("x-auth-issuer", ISSUER).token(token(&json!({"iss": null, "sub": WORKLOAD}))))
            .get("with the issuer", me, &json!({"sub": WORKLOAD}), 200)
            .get("another trust domain", me, &json!({"iss": null, "sub": "spiffe://other.example/ns/shop/sa/batch"}), 401)
            .get("no workload", me, &json!({"iss": null}), 401),
        Case::new("without_a_trust_domain_an_issuer_is_required", "")
            .call(Call::get("no issuer", me).is(401).token(token(&json!({"iss": null, "sub": WORKLOAD}))).explained("the claim `iss` is missing")),
    ]
}

const WORKLOAD: &str = "spiffe://shop.example/ns/shop/sa/batch";

/// Orders are for both, and one's own page for services alone.
const BOTH: &str = r#"
version: 1
issuers: [services, people]
scopes: {orders.read: Read orders}
routes:
  - {name: read-order, methods: [GET], path: "/orders/{id}", scopes: [orders.read]}
  - {name: me, methods: [GET], path: /me, access: authenticated, issuers: [services]}
"#;
