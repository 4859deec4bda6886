//! An independent client asks the gate directly, also what Envoy would never send.

mod client;
mod messages;

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;

use crate::asker::Asker;
use crate::test_app::{Setup, TestApp};
use crate::test_issuer::TestIssuer;
use client::{
    Client, allowed, denied, denied_header, get, metadata, status, with_headers, with_raw_headers,
    with_token,
};

#[tokio::test]
async fn a_good_token_passes_with_its_identity() {
    let mut client = Client::start().await;
    let token = client
        .gate
        .issuer
        .token("alice", "orders.read orders.write");
    for _ in ["verified", "from the cache"] {
        let response = client.http(with_token("/orders/1?page=2", &token)).await;
        let ok = allowed(&response);
        let set: Vec<(&str, &str)> = ok
            .headers
            .iter()
            .map(|option| {
                #[expect(deprecated, reason = "older releases of Envoy look at it alone")]
                let append = option.append.as_ref().unwrap().value;
                assert!(!append);
                let overwrite = i32::from(HeaderAppendAction::OverwriteIfExistsOrAdd);
                assert_eq!(option.append_action, overwrite);
                let header = option.header.as_ref().unwrap();
                (header.key.as_str(), header.value.as_str())
            })
            .collect();
        assert_eq!(
            set,
            [
                ("x-auth-subject", "alice"),
                ("x-auth-client", "web-shop"),
                ("x-auth-scopes", "orders.read orders.write"),
                ("x-auth-issuer", "https://id.shop.example"),
            ]
        );
        let metadata = metadata(&response);
        assert_eq!(metadata["route"], "read-order");
        assert_eq!(metadata["subject"], "alice");
        assert_eq!(metadata["client"], "web-shop");
        assert_eq!(metadata["scopes"], "orders.read orders.write");
        assert_eq!(metadata["reason"], "scopes");
        assert_eq!(metadata["decision_id"].len(), 16);
    }
    let statistics = client.gate.app.authorizer().cache_statistics();
    assert_eq!((statistics.hits, statistics.misses), (1, 1));
}

#[tokio::test]
async fn a_token_with_an_unknown_key_is_one_miss_of_the_cache() {
    let gate = TestApp::start();
    let asker = Asker::connect(&gate.authz_url()).await;
    let stranger = TestIssuer::new("key-2").token("mallory", "orders.read");
    // Only on the first of these routes would other keys help.
    for (path, status, misses) in [("/orders/1", 401, 1), ("/products/1", 200, 2)] {
        assert_eq!(asker.ask(path, Some(&stranger)).await.status, status);
        let statistics = gate.app.authorizer().cache_statistics();
        assert_eq!((statistics.hits, statistics.misses), (0, misses), "{path}");
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, clippy::type_complexity, reason = "a table")]
async fn the_answers_are_those_of_the_table() {
    let mut client = Client::start().await;
    let read = client.gate.issuer.token("alice", "orders.read");
    let bearer = format!("Bearer {read}");
    // path, authorization, HTTP status, gRPC code, reason, WWW-Authenticate
    let rows: &[(&str, Option<&str>, i32, i32, &str, Option<&str>)] = &[
        (
            "/orders/1",
            None,
            401,
            16,
            "no_token",
            Some("Bearer realm=\"portcullis\""),
        ),
        (
            "/orders/1",
            Some("Basic YTpi"),
            401,
            16,
            "no_token",
            Some("Bearer realm=\"portcullis\""),
        ),
        (
            "/orders/1",
            Some("Bearer x.y.z"),
            401,
            16,
            "bad_token",
            Some("error=\"invalid_token\""),
        ),
        (
            "/orders/1",
            Some("Bearer"),
            401,
            16,
            "bad_token",
            Some("error=\"invalid_token\""),
        ),
        (
            "/orders/1",
            Some("Bearer a,Bearer b"),
            400,
            3,
            "several_credentials",
            Some("error=\"invalid_request\""),
        ),
        (
            "/orders/%2e%2e/x",
            Some(&bearer),
            400,
            3,
            "malformed_target",
            None,
        ),
        ("/internal/x", Some(&bearer), 403, 7, "nobody", None),
        ("/internal/x", None, 403, 7, "nobody", None),
        ("/unlisted", Some(&bearer), 403, 7, "unlisted", None),
        (
            "/unlisted",
            None,
            401,
            16,
            "no_token",
            Some("Bearer realm=\"portcullis\""),
        ),
        (
            "/unlisted",
            Some("Bearer x.y.z"),
            401,
            16,
            "bad_token",
            Some("error=\"invalid_token\""),
        ),
    ];
    for (path, authorization, http, code, reason, challenge) in rows {
        let headers: Vec<_> = authorization
            .iter()
            .map(|value| ("authorization", *value))
            .collect();
        let response = client.http(with_headers(get(path), &headers)).await;
        let told = format!("{path} {authorization:?}: {response:?}");
        assert_eq!(status(&response), *http, "{told}");
        assert_eq!(response.status.as_ref().unwrap().code, *code, "{told}");
        assert_eq!(metadata(&response)["reason"], *reason, "{told}");
        let given = denied_header(&response, "www-authenticate");
        match challenge {
            Some(challenge) => assert!(given.unwrap().contains(challenge), "{told}"),
            None => assert_eq!(given, None, "{told}"),
        }
        assert_eq!(
            denied_header(&response, "cache-control"),
            Some("no-store"),
            "{told}"
        );
        assert_eq!(
            denied_header(&response, "content-type"),
            Some("application/problem+json")
        );
        let body: serde_json::Value = serde_json::from_str(&denied(&response).body).unwrap();
        assert_eq!(body["status"], *http);
        assert_eq!(body["decision_id"], metadata(&response)["decision_id"]);
    }
    let mut post = with_token("/orders", &read);
    post.method = "POST".to_owned();
    let response = client.http(post).await;
    assert_eq!(status(&response), 403);
    let challenge = denied_header(&response, "www-authenticate").unwrap();
    assert!(
        challenge.contains("error=\"insufficient_scope\""),
        "{challenge}"
    );
    assert!(challenge.contains("scope=\"orders.write\""), "{challenge}");
}

#[tokio::test]
async fn copies_of_identity_headers_are_removed_on_public_routes_too() {
    let mut client = Client::start().await;
    let spoofed = with_headers(
        get("/products/1"),
        &[
            ("x-auth-subject", "root"),
            ("x_auth_subject", "root"),
            ("X.Auth.Scopes", "all"),
            ("x_auth-client", "root"),
            ("connection", "keep-alive, X-Auth-Issuer"),
            ("x-other", "stays"),
        ],
    );
    let response = client.http(spoofed).await;
    let ok = allowed(&response);
    assert!(ok.headers.is_empty());
    let removed = |name: &str| ok.headers_to_remove.iter().any(|removed| removed == name);
    for name in [
        "x-auth-subject",
        "x-auth-client",
        "x-auth-scopes",
        "x-auth-issuer",
        "x_auth_subject",
        "X.Auth.Scopes",
        "x_auth-client",
        "connection",
    ] {
        assert!(removed(name), "{name}: {:?}", ok.headers_to_remove);
    }
    assert!(!removed("x-other"));
    // With a token, what is set is not removed: removal would win.
    let token = client.gate.issuer.token("alice", "orders.read");
    let headers = [
        ("authorization", &*format!("Bearer {token}")),
        ("x-auth-subject", "root"),
    ];
    let response = client.http(with_headers(get("/orders/1"), &headers)).await;
    let ok = allowed(&response);
    for option in &ok.headers {
        let name = &option.header.as_ref().unwrap().key;
        assert!(
            !ok.headers_to_remove.contains(name),
            "{name} is set and removed"
        );
    }
}

#[tokio::test]
async fn a_public_route_knows_its_caller_and_ignores_a_bad_token() {
    let mut client = Client::start().await;
    let token = client.gate.issuer.token("alice", "orders.read");
    let known = client.http(with_token("/products/1", &token)).await;
    assert_eq!(metadata(&known)["subject"], "alice");
    let unknown = client.http(with_token("/products/1", "not.a.token")).await;
    assert!(!metadata(&unknown).contains_key("subject"));
    assert_eq!(metadata(&unknown)["reason"], "public");
    let several = with_headers(
        get("/products/1"),
        &[("authorization", "Bearer a, Bearer b")],
    );
    assert_eq!(status(&client.http(several).await), 400);
}

#[tokio::test]
async fn callers_that_speak_grpc_are_refused_in_grpc() {
    let mut client = Client::start().await;
    let mut call = with_headers(
        get("/shop.Orders/Get"),
        &[("content-type", "application/grpc+proto")],
    );
    call.method = "POST".to_owned();
    let response = client.http(call.clone()).await;
    assert_eq!(status(&response), 401);
    assert_eq!(denied_header(&response, "grpc-status"), Some("16"));
    assert_eq!(
        denied_header(&response, "grpc-message"),
        Some("a token is required")
    );
    assert_eq!(denied(&response).body, "a token is required");
    for path in ["/shop.Orders", "/shop.Orders/Get?x", "/shop.Orders/%47et"] {
        call.path = path.to_owned();
        let response = client.http(call.clone()).await;
        assert_eq!(denied_header(&response, "grpc-status"), Some("3"));
        assert_eq!(metadata(&response)["detail"], "grpc_path", "{path}");
    }
}

#[tokio::test]
async fn grpc_below_a_prefix_passes_where_a_route_lists_it() {
    let policy = r#"
version: 1
routes:
  - {name: get, methods: [POST], path: /api/shop.v1.Orders/Get, access: public}
  - {name: any, methods: [POST], path: "/web/v2/{service}/{method}", access: authenticated}
"#;
    let setup = Setup {
        policy: Some(policy.to_owned()),
        ..Setup::default()
    };
    let mut client = Client::with(&setup).await;
    let token = client.gate.issuer.token("alice", "");
    for content_type in [
        "application/grpc",
        "application/grpc-web+proto",
        "application/grpc-web-text",
    ] {
        for (http, expected) in [
            (get("/api/shop.v1.Orders/Get"), 0),
            (with_token("/web/v2/shop.v1.Orders/Get", &token), 0),
            (get("/web/v2/shop.v1.Orders/Get"), 401),
            (get("/shop.v1.Orders/Get"), 401),
            (with_token("/other/shop.v1.Orders/Get", &token), 403),
        ] {
            let mut http = with_headers(http, &[("content-type", content_type)]);
            http.method = "POST".to_owned();
            let response = client.http(http.clone()).await;
            if expected == 0 {
                allowed(&response);
            } else {
                assert_eq!(status(&response), expected, "{content_type} {}", http.path);
            }
        }
    }
}

#[tokio::test]
async fn preflights_pass_only_where_a_route_says_so() {
    let mut client = Client::start().await;
    let preflight = |path: &str, method: &str| {
        let headers = [
            ("origin", "https://web.example"),
            ("access-control-request-method", method),
        ];
        let mut http = with_headers(get(path), &headers);
        http.method = "OPTIONS".to_owned();
        http
    };
    let response = client.http(preflight("/orders", "POST")).await;
    allowed(&response);
    assert_eq!(metadata(&response)["reason"], "preflight");
    assert_eq!(
        status(&client.http(preflight("/orders", "DELETE")).await),
        401
    );
    assert_eq!(
        status(&client.http(preflight("/account", "GET")).await),
        401
    );
    // Raw headers may come twice: the upstream may answer for the one that was not judged.
    let name = "access-control-request-method";
    for (methods, expected) in [
        (vec!["DELETE", "POST"], 400),
        (vec!["POST", "DELETE"], 400),
        (vec!["POST", "POST"], 400),
        (vec!["POST"], 0),
    ] {
        let mut headers: Vec<(&str, &[u8])> = vec![("origin", b"https://web.example")];
        headers.extend(methods.iter().map(|method| (name, method.as_bytes())));
        let mut http = with_raw_headers(get("/orders"), &headers);
        http.method = "OPTIONS".to_owned();
        let response = client.http(http).await;
        if expected == 0 {
            allowed(&response);
        } else {
            assert_eq!(status(&response), expected, "{methods:?}");
            assert_eq!(metadata(&response)["detail"], "preflight_methods");
        }
    }
    let mut at_odds = with_headers(
        with_raw_headers(
            get("/orders"),
            &[("origin", b"https://web.example"), (name, b"DELETE")],
        ),
        &[(name, "POST")],
    );
    at_odds.method = "OPTIONS".to_owned();
    assert_eq!(status(&client.http(at_odds).await), 400);
    // Without `Origin`, or with another method, it asks for nothing.
    let twice: [(&str, &[u8]); 2] = [(name, b"POST"), (name, b"PUT")];
    allowed(
        &client
            .http(with_raw_headers(get("/products/1"), &twice))
            .await,
    );
    let mut without_origin = preflight("/orders", "POST");
    without_origin.headers.remove("origin");
    assert_eq!(status(&client.http(without_origin).await), 401);
}

/// Every way in which an upstream may read a path must be allowed.
#[tokio::test]
async fn a_public_path_with_an_encoded_semicolon_asks_for_what_its_cut_needs() {
    let policy = r#"
version: 1
routes:
  - {name: file, methods: [GET], path: "/files/{*rest}", access: authenticated}
  - {name: meta, methods: [GET], path: "/files/{name}/meta", access: public}
  - {name: page, methods: [GET], path: "/{page}", access: public}
  - {name: secret, methods: [GET], path: "/secret", access: nobody}
"#;
    let setup = Setup {
        policy: Some(policy.to_owned()),
        ..Setup::default()
    };
    let mut client = Client::with(&setup).await;
    let token = client.gate.issuer.token("alice", "");
    allowed(&client.http(get("/files/a/meta")).await);
    let odd = "/files/a%3Bx/meta";
    assert_eq!(status(&client.http(get(odd)).await), 401);
    allowed(&client.http(with_token(odd, &token)).await);
    assert_eq!(status(&client.http(get("/secret%3Bx")).await), 403);
    for path in ["/secret%3Fx", "/secret%23x"] {
        let response = client.http(with_token(path, &token)).await;
        assert_eq!(status(&response), 400, "{path}");
        assert_eq!(metadata(&response)["detail"], "path_encoded_delimiter");
    }
}

#[tokio::test]
async fn a_closed_host_is_answered_by_its_own_routes_alone() {
    let policy = r"
version: 1
closed_hosts: [admin.example]
routes:
  - {name: health, methods: [GET], path: /health, access: public}
  - {name: admin, hosts: [admin.example], methods: [GET], path: /status, access: public}
";
    let setup = Setup {
        policy: Some(policy.to_owned()),
        ..Setup::default()
    };
    let mut client = Client::with(&setup).await;
    for (host, path, expected) in [
        ("shop.example", "/health", 0),
        ("admin.example", "/status", 0),
        ("admin.example:", "/status", 0),
        ("admin.example", "/health", 401),
        ("ADMIN.example.:443", "/health", 401),
    ] {
        let mut http = get(path);
        http.host = host.to_owned();
        let response = client.http(http).await;
        if expected == 0 {
            allowed(&response);
        } else {
            assert_eq!(status(&response), expected, "{host} {path}");
        }
    }
}

#[tokio::test]
async fn people_get_text_and_programs_get_json() {
    let mut client = Client::start().await;
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let response = client.http(with_headers(get("/account"), &browser)).await;
    assert_eq!(
        denied_header(&response, "content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert!(
        denied(&response)
            .body
            .starts_with("a token is required (decision ")
    );
}

#[tokio::test]
async fn the_token_can_be_kept_from_the_upstream_and_claims_can_be_mapped() {
    let setup = Setup {
        extra: "strip_token: true\nidentity_headers: {subject: x-user, claims: {x-tenant: tenant, \
                x-list: list, x-below: [below, list], x-comma: comma, x-name: name, x-nick: nick, x-large: large, x-larger: larger, \
                x-decimal: decimal}}"
            .to_owned(),
        ..Setup::default()
    };
    let mut client = Client::with(&setup).await;
    let mut claims = crate::test_issuer::claims("Zoë%", "");
    claims["tenant"] = 7.into();
    // Read as numbers of 64 bits, these two would be the same.
    claims["large"] = u64::MAX.into();
    claims["larger"] = serde_json::from_str("18446744073709551616").unwrap();
    claims["decimal"] = 1.5.into();
    claims["nick"] = " a b ".into();
    claims["list"] = serde_json::json!(["a", "é"]);
    claims["below"] = serde_json::json!({"list": [1, true]});
    claims["comma"] = serde_json::json!(["a,b"]);
    let token = client.gate.issuer.sign(&claims);
    let response = client.http(with_token("/account", &token)).await;
    let ok = allowed(&response);
    let headers = ok
        .headers
        .iter()
        .map(|option| option.header.as_ref().unwrap());
    let set: Vec<_> = headers
        .map(|header| (&*header.key, &*header.value))
        .collect();
    assert!(set.contains(&("x-user", "Zo%C3%AB%25")), "{set:?}");
    assert!(set.contains(&("x-tenant", "7")), "{set:?}");
    assert!(
        set.contains(&("x-large", "18446744073709551615")),
        "{set:?}"
    );
    assert!(set.contains(&("x-list", "a,%C3%A9")), "{set:?}");
    assert!(set.contains(&("x-below", "1,true")), "{set:?}");
    assert!(set.contains(&("x-nick", "%20a b%20")), "{set:?}");
    for name in [
        "authorization",
        "x-comma",
        "x-name",
        "x-auth-scopes",
        "x-larger",
        "x-decimal",
    ] {
        assert!(
            ok.headers_to_remove.iter().any(|removed| removed == name),
            "{name}"
        );
    }
}
