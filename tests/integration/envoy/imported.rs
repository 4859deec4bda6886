//! Rules that a real Envoy carries out, and the gate under the policy that is imported of them: the same
//! requests, and the policy is never wider.

use portcullis::migration::{EnvoySettings, Publicity, import_envoy};
use portcullis::problem::Source;
use serde_json::{Value, json};

use super::Shop;
use super::call::{Call, call};
use crate::envoy_process::{Door, Envoy, HeaderEncoding, NEWEST, OLDEST, bootstrap};
use crate::test_app::{Setup, TestApp};
use crate::test_issuer::{AUDIENCE, ISSUER, TestIssuer, claims};
use crate::upstream::Upstream;

/// What `jwt_authn` requires for the paths.
fn requirements() -> Value {
    let any = |list: &[&Value]| json!({"requires_any": {"requirements": list}});
    let all = |list: &[&Value]| json!({"requires_all": {"requirements": list}});
    let shop = &json!({"provider_name": "shop"});
    let failed = &json!({"allow_missing_or_failed": {}});
    let elsewhere =
        &json!({"provider_and_audiences": {"provider_name": "shop", "audiences": ["other"]}});
    json!([
        {"match": {"path": "/health"}},
        {"match": {"prefix": "/maybe/"}, "requires": {"requires_any": {"requirements": [
            {"provider_name": "shop"}, {"allow_missing": {}},
        ]}}},
        {"match": {"prefix": "/any/"}, "requires": {"allow_missing_or_failed": {}}},
        {"match": {"prefix": "/blocked/"}, "requires": {"allow_missing_or_failed": {}}},
        {"match": {"prefix": "/either/"}, "requires": any(&[elsewhere, failed])},
        {"match": {"prefix": "/first/"}, "requires": any(&[&all(&[failed, failed]), shop])},
        {"match": {"prefix": "/stops/"}, "requires": any(&[&all(&[elsewhere, shop]), failed])},
        {"match": {"prefix": "/empty/"}, "requires": any(&[&json!({}), shop])},
        {"match": {"safe_regex": {"regex": "/v[0-9]+/.*"}}, "requires": {"provider_name": "shop"}},
        {"match": {"prefix": "/Case/", "case_sensitive": false}, "requires": {"provider_name": "shop"}},
        {"match": {"path_separated_prefix": "/parts"}, "requires": {"provider_name": "shop"}},
        {"match": {"prefix": "/orders"}, "requires": {"provider_name": "shop"}},
    ])
}

/// The filters of the source, with the keys of the issuer.
fn filters(issuer: &TestIssuer) -> Value {
    let claim = |name: &str, value: Value| {
        json!({"metadata": {
            "filter": "envoy.filters.http.jwt_authn", "path": [{"key": "token"}, {"key": name}], "value": value,
        }})
    };
    let text = |text: &str| json!({"string_match": {"exact": text}});
    let words = |word: &str| json!({"list_match": {"one_of": {"string_match": {"exact": word}}}});
    let path = |how: &str, path: &str| json!({"url_path": {"path": {how: path}}});
    let method =
        |method: &str| json!({"header": {"name": ":method", "string_match": {"exact": method}}});
    json!([
        {"name": "jwt", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"shop": {
                "issuer": ISSUER, "audiences": [AUDIENCE], "forward": true, "payload_in_metadata": "token",
                "normalize_payload_in_metadata": {"space_delimited_claims": ["scope"]},
                "local_jwks": {"inline_string": TestIssuer::jwks([issuer])},
            }},
            "rules": requirements(),
            "requirement_map": {"always": {"provider_name": "shop"}},
        }},
        {"name": "rbac", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": {
                "open": {
                    "permissions": [path("exact", "/health"), path("prefix", "/maybe/"), path("prefix", "/v1/"),
                        path("prefix", "/blocked/"), path("prefix", "/port/"),
                        path("prefix", "/first/"), path("prefix", "/stops/"), path("prefix", "/empty/"),
                        path("prefix", "/parts"), {"url_path": {"path": {"prefix": "/case/", "ignore_case": true}}}],
                    "principals": [{"any": true}],
                },
                "claims-without-proof": {
                    "permissions": [path("prefix", "/unproven/")],
                    "principals": [claim("sub", text("alice"))],
                },
                "readers": {
                    "permissions": [{"and_rules": {"rules": [method("GET"), path("prefix", "/orders/")]}}],
                    "principals": [claim("scope", words("orders.read"))],
                },
                "alice": {
                    "permissions": [path("prefix", "/any/"), path("prefix", "/either/"), {"and_rules": {"rules": [
                        path("prefix", "/orders"), {"not_rule": method("DELETE")},
                    ]}}],
                    "principals": [claim("sub", text("alice"))],
                },
                "by-header": {
                    "permissions": [path("suffix", ".html")],
                    "principals": [{"header": {"name": "x-region", "string_match": {"prefix": "eu"}}}],
                },
                "local": {
                    "permissions": [path("prefix", "/local/")],
                    "principals": [{"direct_remote_ip": {"address_prefix": "127.0.0.0", "prefix_len": 8}}],
                },
            }},
        }},
        {"name": "deny", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "DENY", "policies": {
                "archive": {
                    "permissions": [path("prefix", "/orders/archive"), path("contains", "secret")],
                    "principals": [{"not_id": claim("sub", text("bob"))}],
                },
                "bob": {
                    "permissions": [path("prefix", "/blocked/")],
                    "principals": [claim("sub", text("bob"))],
                },
                "unseen": {
                    "permissions": [path("prefix", "/first/"), path("prefix", "/stops/"), path("prefix", "/empty/")],
                    "principals": [{"not_id": claim("sub", text("alice"))}],
                },
                "port": {
                    "permissions": [{"and_rules": {"rules": [path("prefix", "/port/"),
                        {"header": {"name": ":authority", "string_match": {"suffix": "8443"}}},
                    ]}}],
                    "principals": [{"any": true}],
                },
            }},
        }},
        {"name": "envoy.filters.http.router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        }},
    ])
}

fn routes() -> Value {
    let upstream = json!({"cluster": "upstream"});
    let off = json!({
        "jwt": {"@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", "disabled": true},
        "rbac": {"@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute"},
        "deny": {"@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute"},
    });
    json!({"name": "shop", "virtual_hosts": [
        {"name": "strict", "domains": ["strict.example"], "routes": [
            {"match": {"prefix": "/"}, "route": upstream, "typed_per_filter_config": {"jwt": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig",
                "requirement_name": "always",
            }}},
        ]},
        {"name": "loose", "domains": ["*.loose.example"], "routes": [
            {"match": {"prefix": "/orders"}, "route": upstream, "typed_per_filter_config": {"rbac": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute",
            }}},
        ]},
        {"name": "open", "domains": ["open.example", "every.example", "every.example:*", "every.example."], "routes": [
            {"match": {"prefix": "/"}, "route": upstream, "typed_per_filter_config": off},
        ]},
        {"name": "whole", "domains": ["whole.example", "whole.example:*", "whole.example.", "whole.example.:*"], "routes": [
            {"match": {"prefix": "/"}, "route": upstream, "typed_per_filter_config": off},
        ]},
        {"name": "ported", "domains": ["ported.example", "ported.example:*", "ported.example.", "ported.example.:*"], "routes": [
            {"match": {"prefix": "/"}, "route": upstream, "typed_per_filter_config": off},
        ]},
        {"name": "port", "domains": ["ported.example:9443"], "routes": [{"match": {"prefix": "/"}, "route": upstream}]},
        {"name": "dotted", "domains": ["dotted.example."], "routes": [
            {"match": {"prefix": "/"}, "route": upstream, "typed_per_filter_config": off},
        ]},
        {"name": "wild", "domains": ["*wild.example"], "routes": [
            {"match": {"prefix": "/"}, "route": upstream, "typed_per_filter_config": off},
        ]},
        {"name": "shop", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": upstream}]},
    ]})
}

const HOSTS: [&str; 24] = [
    "shop.example",
    "strict.example",
    "a.loose.example",
    "STRICT.example",
    "shop.example:8443",
    "strict.example:8443",
    "strict.example.",
    "open.example",
    "open.example:8443",
    "open.example.",
    "every.example",
    "every.example:8443",
    "every.example.:8443",
    "whole.example",
    "whole.example:8443",
    "whole.example.",
    "whole.example.:8443",
    "ported.example",
    "ported.example:9443",
    "dotted.example",
    "dotted.example.",
    "wild.example",
    "a.wild.example",
    "a.wild.example:8443",
];

const PATHS: [&str; 44] = [
    "/health",
    "/health?x=1",
    "/health/",
    "/healthy",
    "/maybe/a",
    "/any/a",
    "/blocked/a",
    "/either/a",
    "/port/a",
    "/first/a",
    "/stops/a",
    "/empty/a",
    "/v1/a",
    "/v1/a?b",
    "/v2/a",
    "/Case/a",
    "/case/a",
    "/CASE/a/b",
    "/parts",
    "/parts/a",
    "/partsb",
    "/orders",
    "/orders/1",
    "/orders/1?x=/health",
    "/ordersx",
    "/orders/archive",
    "/orders/archived",
    "/orders/archive/1",
    "/orders/secret.html",
    "/unproven/a",
    "/x.html",
    "/a/b/x.html",
    "/secret.html",
    "/local/a",
    "/",
    "/other",
    "//health",
    "/orders/../health",
    "/orders/%2e%2e/health",
    "/orders%2Farchive",
    "/health;a",
    "/maybe/a%20b",
    "/%6Fther",
    "/orders/archi%76e",
];

/// The requests, each with what it is called where the two differ.
fn requests(issuer: &TestIssuer) -> Vec<(String, Call)> {
    let expired = {
        let mut claims = claims("alice", "orders.read");
        claims["exp"] = json!(1);
        issuer.sign(&claims)
    };
    let mut other_audience = claims("alice", "orders.read");
    other_audience["aud"] = json!("other");
    let tokens = [
        ("no token", None),
        ("alice", Some(issuer.token("alice", "orders.read"))),
        ("bob", Some(issuer.token("bob", "orders.read orders.write"))),
        ("carol", Some(issuer.token("carol", ""))),
        ("expired", Some(expired)),
        ("another audience", Some(issuer.sign(&other_audience))),
        ("nonsense", Some("a.b.c".to_owned())),
    ];
    let mut all = Vec::new();
    for host in HOSTS {
        for path in PATHS {
            for method in ["GET", "HEAD", "POST", "DELETE"] {
                for (name, token) in &tokens {
                    for region in [None, Some("eu-1")] {
                        // All of them on the first host; elsewhere the hosts are what counts.
                        let is_usual = region.is_none()
                            && ["GET", "POST"].contains(&method)
                            && ["no token", "alice", "bob", "nonsense"].contains(name);
                        if host != "shop.example" && !is_usual {
                            continue;
                        }
                        let mut one = call(method, path).header("host", host);
                        if let Some(token) = token {
                            one = one.token(token);
                        }
                        if let Some(region) = region {
                            one = one.header("x-region", region);
                        }
                        all.push((format!("{method} {host}{path}, {name}, {region:?}"), one));
                    }
                }
            }
        }
    }
    all.extend(hidden_tokens(issuer));
    all
}

/// Where Envoy reads tokens and the gate does not.
fn hidden_tokens(issuer: &TestIssuer) -> [(String, Call); 2] {
    let bob = issuer.token("bob", "orders.read");
    let in_query = call("GET", &format!("/blocked/a?access_token={bob}"));
    let basic = call("GET", "/blocked/a").header("authorization", format!("Basic Bearer {bob}"));
    [
        (
            "bob in the query".to_owned(),
            in_query.header("host", "shop.example"),
        ),
        (
            "bob behind Basic".to_owned(),
            basic.header("host", "shop.example"),
        ),
    ]
}

#[tokio::test]
async fn an_import_is_never_wider_than_the_newest_envoy() {
    check(NEWEST, Publicity::Allow, 150).await;
}

#[tokio::test]
async fn an_import_is_never_wider_than_the_oldest_envoy() {
    check(OLDEST, Publicity::Review, 60).await;
}

async fn check(version: &str, publicity: Publicity, at_least: usize) {
    let key = TestIssuer::new("key-1");
    let gate = portcullis::config::ListenAddress::Tcp(([127, 0, 0, 1], 1).into());
    let source = Door::new("source", &gate, HeaderEncoding::Raw).managed(json!({
        "http_filters": filters(&key), "route_config": routes(), "normalize_path": true,
    }));
    let upstream = Upstream::start().await;
    let text = bootstrap(std::slice::from_ref(&source), upstream.address).to_string();
    let settings = EnvoySettings {
        publicity,
        listener: None,
    };
    let document = Source {
        name: "envoy.json".to_owned(),
        text,
    };
    let migrated = import_envoy(&document, &settings).unwrap();
    let setup = Setup {
        policy: Some(migrated.text.clone()),
        trust: Some(format!(
            "{{name: shop, issuer: \"{ISSUER}\", audiences: [{AUDIENCE}], algorithms: [ES256], jwks_file: jwks.json}}"
        )),
        ..Setup::default()
    };
    let gate = TestApp::prepared(&setup, |folder| {
        std::fs::write(folder.join("jwks.json"), TestIssuer::jwks([&key])).unwrap();
    });
    let doors = [
        source,
        Door::new("gate", gate.app.authz_address(), HeaderEncoding::Raw)
            .managed(json!({"normalize_path": true})),
    ];
    let envoy = Envoy::start(version, &doors, upstream.address).await;
    let shop = Shop {
        gate,
        upstream,
        envoy,
    };
    let (mut passed, mut stricter, mut wider) = (0, 0, Vec::new());
    for (name, request) in requests(&key) {
        let by_source = request
            .send_http1(shop.envoy.address("source"))
            .await
            .status
            == 200;
        let by_gate = request.send_http1(shop.envoy.address("gate")).await.status == 200;
        match (by_source, by_gate) {
            (true, true) => passed += 1,
            (true, false) => stricter += 1,
            (false, true) => wider.push(name),
            (false, false) => {}
        }
    }
    assert!(wider.is_empty(), "{wider:#?}\n{}", migrated.text);
    assert!(
        passed >= at_least,
        "only {passed} pass both, {stricter} the source alone\n{}",
        migrated.text
    );
}
