//! Tokens in headers of their own, as proxies in front of Envoy put them there.

use serde_json::json;

use super::{Call, Case, ISSUER, check, entry, token};

const ASSERTION: &str = "x-goog-iap-jwt-assertion";

/// Pages are for whom the other proxy lets in, and the API for apps.
const POLICY: &str = r"
version: 1
issuers: [proxy]
routes:
  - {name: me, methods: [GET], path: /me, access: authenticated}
  - {name: api, methods: [GET], path: /api, access: authenticated, issuers: [apps]}
  - {name: both, methods: [GET], path: /both, access: authenticated, issuers: [apps, proxy]}
  - {name: products, methods: [GET], path: /products, access: public}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_in_the_header_of_its_issuer_alone() {
    check(cases()).await;
}

fn asserted() -> String {
    token(
        &json!({"iss": "https://proxy.example", "sub": "accounts.google.com:1", "email": "alice@shop.example"}),
    )
}

/// A line with this token in the header of the other proxy.
fn line(token: &str) -> String {
    format!("{ASSERTION}: {token}")
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let app = || token(&json!({"sub": "app"}));
    let proxy = entry(&format!("name: proxy, issuer: \"https://proxy.example\", token_header: {ASSERTION}"));
    let apps = entry(&format!("name: apps, issuer: \"{ISSUER}\""));
    let both = || Case::new("a_header_of_its_own", "").policy(POLICY).trust(&[&proxy, &apps]);
    vec![
        both()
            .call(Call::get("in the header", "/me").is(200).sees("x-auth-subject", "accounts.google.com:1").header(line(&asserted())))
            .call(Call::get("in `Authorization`", "/me").is(401).token(asserted()))
            .call(Call::get("another issuer's token in the header", "/me").is(401).header(line(&app())))
            .call(Call::get("with a scheme", "/me").is(401).header(line(&format!("Bearer {}", asserted()))))
            .call(Call::get("empty", "/me").is(401).header(line("")))
            .call(Call::get("twice", "/me").is(400).header(line(&asserted())).header(line(&asserted())))
            .call(Call::get("twice, where it does not count", "/api").is(400).token(app()).header(line(&asserted())).header(line(&asserted())))
            .call(Call::get("two joined by a comma", "/me").is(400).header(line(&format!("{},{}", asserted(), asserted()))))
            .call(Call::get("`Authorization` is ignored there", "/me").is(200).sees("x-auth-subject", "accounts.google.com:1").token(app()).header(line(&asserted())))
            .call(Call::get("even if it is nonsense", "/me").is(200).header("authorization: Bearer nonsense").header(line(&asserted())))
            .call(Call::get("an app", "/api").is(200).sees("x-auth-subject", "app").token(app()))
            .call(Call::get("an app behind the other proxy", "/api").is(200).sees("x-auth-subject", "app").hides(ASSERTION).token(app()).header(line(&asserted())))
            .call(Call::get("only the other proxy", "/api").is(401).header(line(&asserted())))
            .call(Call::get("either", "/both").is(200).sees("x-auth-subject", "app").token(app()))
            .call(Call::get("or", "/both").is(200).sees("x-auth-subject", "accounts.google.com:1").header(line(&asserted())))
            .call(Call::get("but not both", "/both").is(400).token(app()).header(line(&asserted())))
            .call(Call::get("a public page knows the caller", "/products").is(200).sees("x-auth-subject", "accounts.google.com:1").header(line(&asserted())))
            .call(Call::get("a public page does not see what nobody verified", "/products").is(200).hides(ASSERTION).header(line("forged")))
            .call(Call::get("other spellings do not count", "/me").is(401).header(format!("x_goog_iap_jwt_assertion: {}", asserted())))
            .call(Call::get("other spellings do not reach the upstream", "/products").is(200).hides("x_goog_iap_jwt_assertion").hides("x-goog-iap_jwt-assertion")
                .header("x_goog_iap_jwt_assertion: forged").header("x-goog-iap_jwt-assertion: forged"))
            // Envoy drops what `Connection` names, before it asks.
            .call(Call::get("a `Connection` that takes the header away", "/me").is(401).header(line(&asserted())).header(format!("connection: {ASSERTION}"))),
        both().named("the_upstream_sees_no_token").extra("strip_token: true")
            .call(Call::get("of the header", "/me").is(200).hides(ASSERTION).header(line(&asserted())))
            .call(Call::get("nor of the other one", "/me").is(200).hides(ASSERTION).hides("authorization").token(app()).header(line(&asserted())))
            .call(Call::get("nor on public pages", "/products").is(200).hides(ASSERTION).header(line("forged"))),
        Case::new("one_issuer_in_two_headers", "").policy(POLICY)
            .trust(&[&entry("name: apps"), &entry(&format!("name: proxy, token_header: {ASSERTION}"))])
            .call(Call::get("by the header", "/me").is(200).header(line(&app())))
            .call(Call::get("by `Authorization`", "/api").is(200).token(app()))
            .call(Call::get("by the header at the API", "/api").is(401).header(line(&app())))
            .call(Call::get("by `Authorization` at the page", "/me").is(401).token(app())),
    ]
}
