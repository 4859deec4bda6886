//! The issuer from outside: how its users, their apps and its attackers meet it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::test_companion::{
    ADMIN_PASSWORD, FORM, PASSWORD, TestClient, TestCompanion, URL, basic, bearer,
};

const JSON: &str = "content-type: application/json";

/// The claims of a token, and its header.
pub(crate) fn parts(token: &str) -> (Value, Value) {
    let decode =
        |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let mut parts = token.split('.');
    (decode(parts.next().unwrap()), decode(parts.next().unwrap()))
}

/// Status and code of an error that is as all errors must be.
pub(crate) fn error(answer: &Answer) -> (u16, String) {
    assert_eq!(
        answer.header("cache-control"),
        Some("no-store"),
        "{answer:?}"
    );
    assert_eq!(
        answer.header("content-type"),
        Some("application/json"),
        "{answer:?}"
    );
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    let description = answer.json()["error_description"]
        .as_str()
        .unwrap()
        .to_owned();
    let plain = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    assert!(description.bytes().all(plain), "{description}");
    (answer.status, error)
}

#[tokio::test]
async fn a_user_registers_makes_an_app_and_the_gate_trusts_its_token() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let account = companion.get("/consumer/account", &alice).await;
    assert_eq!(account.status, 200);
    let account = account.json();
    assert_eq!(account["username"], "alice");
    assert_eq!(account["roles"], json!(["consumer"]));
    assert_eq!(
        account["scopes"],
        json!(["consumer.account", "consumer.app", "orders.read"])
    );

    let app = companion.app(&alice, "web-shop").await;
    let listed = companion.get("/consumer/app", &alice).await;
    assert_eq!(listed.json()["items"][0]["app_key"], app.key.as_str());
    assert!(!listed.body.contains(&app.secret) && !listed.body.contains("app_secret"));

    let answer = companion.token(&app, "grant_type=client_credentials").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let granted = answer.json();
    assert_eq!(granted["token_type"], "bearer");
    assert_eq!(granted["expires_in"], 3600);
    assert_eq!(granted["scope"], "orders.read");
    let token = granted["access_token"].as_str().unwrap();
    let (header, claims) = parts(token);
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("at+jwt"), &json!("ES256"))
    );
    assert_eq!(claims["iss"], URL);
    assert_eq!(claims["aud"], json!([URL, "orders-api"]));
    assert_eq!(claims["sub"], account["id"]);
    assert_eq!(claims["client_id"], app.key.as_str());
    assert_eq!(claims["name"], "alice");

    assert_eq!(companion.check("GET", "/orders/1", token).await, 200);
    assert_eq!(
        companion.check("POST", "/orders", token).await,
        403,
        "a scope too few"
    );
    assert_eq!(
        companion.check("GET", "/orders/1", &alice).await,
        200,
        "the login's token"
    );
}

#[tokio::test]
async fn granted_is_asked_within_app_within_user_now() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let too_much = json!({"name": "greedy", "scopes": ["orders.write"]});
    let refused = companion.post("/consumer/app", &too_much, &alice).await;
    assert_eq!(error(&refused), (400, "invalid_scope".to_owned()));
    let wanted = json!({"name": "shop", "scopes": ["orders.read", "consumer.account"]});
    let made = companion
        .post("/consumer/app", &wanted, &alice)
        .await
        .json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (key, secret) = (text("app_key"), text("app_secret"));
    let app = TestClient { key, secret };
    let rows = [
        ("", Ok("orders.read")),
        ("&scope=orders.read", Ok("orders.read")),
        (
            "&scope=orders.read,consumer.account",
            Ok("consumer.account orders.read"),
        ),
        ("&scope=orders.read+orders.write", Ok("orders.read")),
        ("&scope=orders.write", Err("invalid_scope")),
        ("&scope=nonsense", Err("invalid_scope")),
        ("&scope=%22", Err("invalid_scope")),
        // A parameter without a value is absent (RFC 6749 section 3.2); one that names nothing is not.
        ("&scope=", Ok("orders.read")),
        ("&scope=+", Err("invalid_scope")),
        ("&scope=,", Err("invalid_scope")),
    ];
    for (scope, expected) in rows {
        let form = format!("grant_type=client_credentials{scope}");
        let answer = companion.token(&app, &form).await;
        match expected {
            Ok(scopes) => assert_eq!(answer.json()["scope"], scopes, "{scope}: {answer:?}"),
            Err(code) => assert_eq!(error(&answer), (400, code.to_owned()), "{scope}"),
        }
    }
}

#[tokio::test]
async fn who_asks_for_no_scope_does_not_get_all() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    for scopes in [json!([]), json!([""]), json!([" ", ","])] {
        let body = json!({"username": "alice", "password": PASSWORD, "scopes": scopes});
        let answer = companion.post("/consumer/login", &body, "").await;
        assert_eq!(error(&answer), (400, "invalid_scope".to_owned()), "{body}");
    }
    let body = json!({"username": "alice", "password": PASSWORD});
    let all = companion.post("/consumer/login", &body, "").await;
    let scope = "consumer.account consumer.app orders.read";
    assert_eq!(all.json()["scope"], scope, "{all:?}");
}

#[tokio::test]
async fn nobody_passes_on_more_than_its_token_has() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let body = json!({"username": "alice", "password": PASSWORD, "scopes": ["consumer.app"]});
    let narrow = companion.post("/consumer/login", &body, "").await.json();
    let narrow = narrow["token"].as_str().unwrap();
    let wanted = json!({"name": "greedy", "scopes": ["orders.read"]});
    let refused = companion.post("/consumer/app", &wanted, narrow).await;
    assert_eq!(error(&refused), (400, "invalid_scope".to_owned()));
    let silent = companion
        .post("/consumer/app", &json!({"name": "silent"}), narrow)
        .await;
    assert_eq!(silent.json()["scopes"], json!([]));

    // An app that has more is not its own to deal with, in whatever way.
    let alice = companion.login("alice", PASSWORD).await;
    let app = companion.app(&alice, "web-shop").await;
    let path = format!("/consumer/app/{}", app.key);
    let rename = json!({"name": "mine", "redirect_uris": ["https://evil.example"]});
    let rotate = format!("{path}/rotate_secret");
    for answer in [
        companion.put(&path, &rename, narrow).await,
        companion.put(&path, &json!({"scopes": []}), narrow).await,
        companion.post(&rotate, &json!({}), narrow).await,
        companion.delete(&path, narrow).await,
    ] {
        let expected = (403, "insufficient_scope".to_owned());
        assert_eq!(error(&answer), expected, "{answer:?}");
    }
    let granted = companion.token(&app, "grant_type=client_credentials").await;
    assert_eq!(granted.status, 200, "{granted:?}");
    assert_eq!(companion.delete(&path, &alice).await.status, 204);
}

#[tokio::test]
async fn wrong_token_requests_are_refused_as_rfc_6749_says() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let good = basic(&app.key, &app.secret);
    let wrong = basic(&app.key, "wrong");
    let unknown = basic("nobody", "wrong");
    let in_body = format!("grant_type=client_credentials&client_id={}", app.key);
    let both = format!("{in_body}&client_secret={}", app.secret);
    let grant = "grant_type=client_credentials";
    let rows: [(&[&str], &str, u16, &str); 17] = [
        (&[FORM, &wrong], grant, 401, "invalid_client"),
        (&[FORM, &unknown], grant, 401, "invalid_client"),
        (&[FORM], grant, 401, "invalid_client"),
        (&[FORM], &in_body, 401, "invalid_client"),
        (
            &[FORM, "authorization: Basic !"],
            grant,
            401,
            "invalid_client",
        ),
        (&[FORM, &bearer(&alice)], grant, 401, "invalid_client"),
        (&[FORM, &good, &good], grant, 400, "invalid_request"),
        (&[FORM, &good], &both, 400, "invalid_request"),
        (
            &[FORM, &good],
            "grant_type=client_credentials&client_id=x",
            400,
            "invalid_request",
        ),
        (&[FORM, &good], "", 400, "invalid_request"),
        (&[FORM, &good], "grant_type=", 400, "invalid_request"),
        (
            &[FORM, &good],
            "grant_type=implicit",
            400,
            "unsupported_grant_type",
        ),
        (
            &[FORM, &good],
            "grant_type=password",
            400,
            "unsupported_grant_type",
        ),
        (
            &[FORM, &good],
            "grant_type=client_credentials&scope=a&scope=b",
            400,
            "invalid_request",
        ),
        (
            &[FORM, &good],
            "grant_type=client_credentials&x=%zz",
            400,
            "invalid_request",
        ),
        (
            &[FORM, &good],
            "grant_type=client_credentials&x=%00",
            400,
            "invalid_request",
        ),
        (&[JSON, &good], grant, 400, "invalid_request"),
    ];
    for (headers, body, status, code) in rows {
        let answer = companion
            .send("POST", "/authorization/token", headers, body)
            .await;
        assert_eq!(
            error(&answer),
            (status, code.to_owned()),
            "{headers:?} {body}"
        );
        let challenge = answer.header("www-authenticate");
        let basic = challenge.is_some_and(|challenge| challenge.starts_with("Basic "));
        assert_eq!(basic, status == 401, "{answer:?}");
    }
    let query = format!("/authorization/token?{both}");
    let answer = companion.send("POST", &query, &[FORM], "").await;
    assert_eq!(error(&answer), (400, "invalid_request".to_owned()));
    let large = format!("{grant}&x={}", "x".repeat(20_000));
    let answer = companion
        .send("POST", "/authorization/token", &[FORM, &good], &large)
        .await;
    assert_eq!(error(&answer), (413, "invalid_request".to_owned()));
    let answer = companion.send("GET", "/authorization/token", &[], "").await;
    assert_eq!(error(&answer), (405, "invalid_request".to_owned()));
    assert_eq!(answer.header("allow"), Some("POST"));
    let answer = companion
        .send("POST", "/authorization/token", &[FORM], &both)
        .await;
    assert_eq!(answer.status, 200, "key and secret in the body");
}

#[tokio::test]
async fn wrong_logins_look_alike() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let rows = [
        ("alice", "wrong password"),
        ("nobody", PASSWORD),
        ("alice\u{0}", PASSWORD),
        ("", ""),
        ("alice", &"x".repeat(2000)),
    ];
    let mut answers = Vec::new();
    for (username, password) in rows {
        let body = json!({"username": username, "password": password});
        let answer = companion.post("/consumer/login", &body, "").await;
        assert_eq!(
            error(&answer),
            (401, "invalid_grant".to_owned()),
            "{username}"
        );
        answers.push(answer.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    companion.login("Alice", PASSWORD).await;
    companion.login("alice@shop.example", PASSWORD).await;
}

#[tokio::test]
async fn bodies_that_are_no_json_are_told_where() {
    let companion = TestCompanion::start().await;
    // The page where these endpoints come from shows a comma at the end.
    let comma = "{\"username\": \"alice\",\n \"password\": \"secret\",\n}";
    let rows = [
        (comma, "trailing comma at line 3 column 1"),
        ("{", "EOF while parsing"),
        ("[]", "invalid"),
        ("", "EOF while parsing"),
        ("{\"username\": 1, \"password\": \"\"}", "invalid type"),
        (
            "{\"username\": \"a\", \"password\": \"\", \"x\": 1}",
            "unknown field",
        ),
        (
            "{\"username\": \"a\", \"username\": \"a\", \"password\": \"\"}",
            "duplicate field",
        ),
        ("{\"username\": \"a\"}", "missing field"),
        (
            "{\"username\": \"a\", \"password\": \"\", \"\\\"\\n\u{fc}\": 1}",
            "unknown field",
        ),
    ];
    for (body, says) in rows {
        let answer = companion
            .send("POST", "/consumer/login", &[JSON], body)
            .await;
        assert_eq!(
            error(&answer),
            (400, "invalid_request".to_owned()),
            "{body}"
        );
        assert!(answer.body.contains(says), "{body}: {answer:?}");
    }
    let answer = companion
        .send("POST", "/consumer/login", &[FORM], comma)
        .await;
    assert_eq!(error(&answer), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn registrations_that_cannot_be_are_refused() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let rows = [
        ("alice", "other@shop.example", PASSWORD, 409),
        ("ALICE", "other@shop.example", PASSWORD, 409),
        ("other", "Alice@shop.example", PASSWORD, 409),
        ("a", "other@shop.example", PASSWORD, 400),
        ("other", "nowhere", PASSWORD, 400),
        ("other", "other@shop.example", "short", 400),
        ("other", "other@shop.example", "password1", 400),
        // What was not among the few of before, in whatever case.
        ("other", "other@shop.example", "vinogradov", 400),
        ("other", "other@shop.example", "VinoGradov", 400),
        // The site (id.shop.example), the product and the user.
        ("other", "other@shop.example", "id.shop.example!", 400),
        ("other", "other@shop.example", "Portcullis2027", 400),
        ("other-one", "somebody@shop.example", "other-1234567", 400),
        ("other", "somebody@shop.example", "somebody12345", 400),
    ];
    for (username, email, password, status) in rows {
        let body = json!({"username": username, "email": email, "password": password});
        let answer = companion.post("/consumer/register", &body, "").await;
        assert_eq!(
            error(&answer),
            (status, "invalid_request".to_owned()),
            "{body}"
        );
    }
}

#[tokio::test]
async fn no_endpoint_is_open_by_accident() {
    let companion = TestCompanion::start().await;
    let open = [
        "/authorization/token",
        "/authorization/authorize",
        "/authorization/login",
        "/authorization/consent",
        "/authorization/logout",
        "/authorization/style.css",
        "/authorization/revoke",
        "/authorization/introspect",
        "/consumer/login",
        "/consumer/register",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-protected-resource",
        "/openapi.json",
    ];
    let foreign = crate::test_issuer::TestIssuer::new("key-1").token("alice", "backend.role");
    let consumer = companion.register("alice").await;
    for path in portcullis::issuer::endpoints().chain(["/nobody-listed-this"]) {
        let segments = path.split('/').map(|segment| match segment {
            "{id}" | "{app_key}" | "{username}" | "{name}" => "some",
            segment => segment,
        });
        let path: &str = &segments.collect::<Vec<_>>().join("/");
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer = companion.send(method, path, &[], "").await;
            if open.contains(&path) {
                assert_ne!(answer.status, 403, "{method} {path}");
                continue;
            }
            assert_eq!(error(&answer).0, 401, "{method} {path}");
            let forged = companion.send(method, path, &[&bearer(&foreign)], "").await;
            assert_eq!(
                error(&forged),
                (401, "invalid_token".to_owned()),
                "{method} {path}"
            );
            if !path.starts_with("/consumer/") && path != "/authorization/whoami" {
                let answer = companion
                    .send(method, path, &[&bearer(&consumer)], "")
                    .await;
                assert_eq!(error(&answer).0, 403, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_replay_ends_the_family() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let other = companion.app(&alice, "other-app").await;
    let granted = companion
        .token(&app, "grant_type=client_credentials")
        .await
        .json();
    let form = |token: &Value| {
        format!(
            "grant_type=refresh_token&refresh_token={}",
            token.as_str().unwrap()
        )
    };
    let first = form(&granted["refresh_token"]);
    let stolen = companion.token(&other, &first).await;
    assert_eq!(
        error(&stolen),
        (400, "invalid_grant".to_owned()),
        "another app's"
    );
    let more = companion
        .token(&app, &format!("{first}&scope=orders.write"))
        .await;
    assert_eq!(
        error(&more),
        (400, "invalid_scope".to_owned()),
        "more than was granted"
    );
    let second = companion.token(&app, &first).await;
    assert_eq!(second.status, 200, "{second:?}");
    let second = second.json();
    let token = second["access_token"].as_str().unwrap();
    assert_eq!(companion.check("GET", "/orders/1", token).await, 200);
    let retried = companion.token(&app, &first).await;
    assert_eq!(
        retried.status, 200,
        "the answer may have been lost: {retried:?}"
    );
    assert_eq!(retried.json()["refresh_token"], second["refresh_token"]);
    let third = companion.token(&app, &form(&second["refresh_token"])).await;
    assert_eq!(third.status, 200, "{third:?}");
    let replay = companion.token(&app, &first).await;
    assert_eq!(
        error(&replay),
        (400, "invalid_grant".to_owned()),
        "replayed"
    );
    let heir = companion
        .token(&app, &form(&third.json()["refresh_token"]))
        .await;
    assert_eq!(
        error(&heir),
        (400, "invalid_grant".to_owned()),
        "the family has ended"
    );

    let body = json!({"username": "alice", "password": PASSWORD});
    let login = companion.post("/consumer/login", &body, "").await.json();
    let body = json!({"refresh_token": login["refresh_token"]}).to_string();
    let refreshed = companion
        .send("PUT", "/consumer/login", &[JSON], &body)
        .await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    let as_app = companion
        .token(&app, &form(&refreshed.json()["refresh_token"]))
        .await;
    assert_eq!(
        error(&as_app),
        (400, "invalid_grant".to_owned()),
        "a login's"
    );
}

#[tokio::test]
async fn keys_and_users_outlive_the_process() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let jwks = companion
        .send("GET", "/.well-known/jwks.json", &[], "")
        .await;
    let companion = companion.restart();
    let again = companion
        .send("GET", "/.well-known/jwks.json", &[], "")
        .await;
    assert_eq!(again.body, jwks.body);
    assert_eq!(companion.check("GET", "/orders/1", &alice).await, 200);
    companion.gate.app.reload().unwrap();
    assert_eq!(
        companion.check("GET", "/orders/1", &alice).await,
        200,
        "reloaded"
    );
    assert_eq!(companion.get("/consumer/account", &alice).await.status, 200);
    companion.login("admin", ADMIN_PASSWORD).await;
}

#[tokio::test]
async fn discovery_tells_what_there_is() {
    let companion = TestCompanion::start().await;
    let jwks = companion
        .send("GET", "/.well-known/jwks.json", &[], "")
        .await;
    assert_eq!(jwks.header("cache-control"), Some("public, max-age=300"));
    let key = &jwks.json()["keys"][0];
    assert_eq!((&key["alg"], &key["use"]), (&json!("ES256"), &json!("sig")));
    assert!(key.get("d").is_none() && key["kid"].is_string());
    let known = format!("if-none-match: {}", jwks.header("etag").unwrap());
    let again = companion
        .send("GET", "/.well-known/jwks.json", &[&known], "")
        .await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));

    let path = "/.well-known/oauth-authorization-server";
    let metadata = companion.send("GET", path, &[], "").await.json();
    assert_eq!(metadata["issuer"], URL);
    for name in ["token_endpoint", "jwks_uri", "authorization_endpoint"] {
        let path = metadata[name].as_str().unwrap().strip_prefix(URL).unwrap();
        assert!(
            portcullis::issuer::endpoints().any(|known| known == path),
            "{name}"
        );
    }
}

#[tokio::test]
async fn no_answer_is_taken_for_content_of_another_type() {
    let companion = TestCompanion::start().await;
    for path in [
        "/",
        "/consumer/account",
        "/nowhere",
        "/openapi.json",
        "/.well-known/jwks.json",
    ] {
        let answer = companion.get(path, "").await;
        let header = answer.header("x-content-type-options");
        assert_eq!(header, Some("nosniff"), "{path}");
    }
}

/// RFC 6797: where the site has `https`, and unless its operator says otherwise.
#[tokio::test]
async fn browsers_are_told_to_come_by_https_where_there_is_https() {
    let year = Some("max-age=31536000");
    let rows = [
        (TestCompanion::start().await, year),
        (
            TestCompanion::with_issuer_keys(", hsts_seconds: 63072000").await,
            Some("max-age=63072000"),
        ),
        (
            TestCompanion::with_issuer_keys(", hsts_seconds: 0").await,
            None,
        ),
        (TestCompanion::reachable().await, None),
    ];
    for (companion, expected) in rows {
        for path in [
            "/",
            "/consumer/account",
            "/nowhere",
            "/portal/style.css",
            "/.well-known/jwks.json",
        ] {
            let answer = companion.get(path, "").await;
            let header = answer.header("strict-transport-security");
            assert_eq!(header, expected, "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn an_operator_adds_words_that_say_nothing_in_a_password() {
    let companion = TestCompanion::with_issuer_keys(", password_words: [Acme Ltd]").await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    companion.register("alice").await;
    for (password, status) in [
        ("ACME ltd 2027", 400),
        ("alice@acme1", 400),
        ("vinogradov", 400),
        ("acme: four odd words", 204),
    ] {
        let path = "/backend/user/alice/set_password";
        let body = json!({"password": password});
        let answer = companion.post(path, &body, &admin).await;
        assert_eq!(answer.status, status, "{password}: {answer:?}");
    }
}
