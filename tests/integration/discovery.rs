//! What standard clients find the rest by, and who may read it.

use serde_json::{Value, json};

use crate::issuer::error;
use crate::test_companion::{FORM, PASSWORD, TestCompanion, URL, bearer};

const SERVER: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
const RESOURCE: &str = "/.well-known/oauth-protected-resource";
const JWKS: &str = "/.well-known/jwks.json";
const PUBLIC: [&str; 5] = [SERVER, OPENID, RESOURCE, JWKS, "/openapi.json"];

#[tokio::test]
async fn the_metadata_says_what_there_is_and_nothing_else() {
    let companion = TestCompanion::start().await;
    let metadata = companion.send("GET", SERVER, &[], "").await.json();
    let authentication = json!(["client_secret_basic", "client_secret_post"]);
    let expected = json!({
        "issuer": URL,
        "token_endpoint": format!("{URL}/authorization/token"),
        "token_endpoint_auth_methods_supported": authentication,
        "revocation_endpoint": format!("{URL}/authorization/revoke"),
        "revocation_endpoint_auth_methods_supported": authentication,
        "introspection_endpoint": format!("{URL}/authorization/introspect"),
        "introspection_endpoint_auth_methods_supported": authentication,
        "jwks_uri": format!("{URL}/.well-known/jwks.json"),
        "authorization_endpoint": format!("{URL}/authorization/authorize"),
        "authorization_response_iss_parameter_supported": true,
        "code_challenge_methods_supported": ["S256"],
        "grant_types_supported": ["client_credentials", "refresh_token", "authorization_code"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "scopes_supported": metadata["scopes_supported"],
    });
    assert_eq!(metadata, expected);
    let scopes = metadata["scopes_supported"].as_array().unwrap();
    for scope in ["backend.introspect", "consumer.app", "orders.read"] {
        assert!(scopes.contains(&json!(scope)), "{scope}");
    }
    let alias = companion.send("GET", OPENID, &[], "").await;
    assert_eq!(alias.json(), metadata);

    let resource = companion.send("GET", RESOURCE, &[], "").await.json();
    assert_eq!(resource["resource"], URL);
    assert_eq!(resource["authorization_servers"], json!([URL]));
    assert_eq!(resource["bearer_methods_supported"], json!(["header"]));
    let own = resource["scopes_supported"].as_array().unwrap();
    assert!(own.contains(&json!("consumer.app")) && !own.contains(&json!("orders.read")));

    let keys = ", grants: [client_credentials, password]";
    let companion = TestCompanion::with_issuer_keys(keys).await;
    let metadata = companion.send("GET", SERVER, &[], "").await.json();
    let grants = &metadata["grant_types_supported"];
    assert_eq!(*grants, json!(["client_credentials", "password"]));
}

#[tokio::test]
async fn every_page_may_read_the_public_documents_and_no_other() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let origin = "origin: https://page.example";
    let asks = "access-control-request-method: GET";
    for path in PUBLIC {
        let answer = companion.send("GET", path, &[origin], "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("*"),
            "{path}"
        );
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        let head = companion.send("HEAD", path, &[], "").await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(
            head.header("content-length"),
            answer.header("content-length")
        );
        let preflight = companion.send("OPTIONS", path, &[origin, asks], "").await;
        assert_eq!(
            (preflight.status, preflight.body.as_str()),
            (204, ""),
            "{path}"
        );
        assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
        assert_eq!(preflight.header("allow"), Some("GET, HEAD, OPTIONS"));
        let post = companion.send("POST", path, &[origin, FORM], "a=b").await;
        assert_eq!(error(&post), (405, "invalid_request".to_owned()), "{path}");
    }
    let by_alice = bearer(&alice);
    for (method, path) in [
        ("POST", "/authorization/token"),
        ("POST", "/authorization/revoke"),
        ("OPTIONS", "/authorization/token"),
        ("OPTIONS", "/consumer/account"),
        ("GET", "/consumer/account"),
        ("GET", "/authorization/whoami"),
    ] {
        let answer = companion
            .send(method, path, &[origin, asks, &by_alice], "")
            .await;
        assert_eq!(
            answer.header("access-control-allow-origin"),
            None,
            "{method} {path}"
        );
    }
    let head = companion
        .send("HEAD", "/authorization/whoami", &[&by_alice], "")
        .await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn challenges_for_a_token_name_where_to_get_one() {
    let companion = TestCompanion::start().await;
    let named = format!("resource_metadata=\"{URL}{RESOURCE}\"");
    companion.register("alice").await;
    let login = companion.login_tokens("alice", PASSWORD).await;
    let account = "/consumer/account";
    let rows = [
        companion.send("GET", account, &[], "").await,
        companion.get(account, "x.y.z").await,
        companion.get(account, &login.refresh).await,
        companion.get("/backend/role", &login.access).await,
    ];
    for (answer, status) in rows.iter().zip([401, 401, 401, 403]) {
        assert_eq!(answer.status, status, "{answer:?}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer realm="), "{challenge}");
        assert_eq!(
            challenge.matches("resource_metadata=").count(),
            1,
            "{challenge}"
        );
        assert!(challenge.ends_with(&named), "{challenge}");
    }
    let basic = companion
        .send(
            "POST",
            "/authorization/token",
            &[FORM],
            "grant_type=client_credentials",
        )
        .await;
    assert!(
        !basic
            .header("www-authenticate")
            .unwrap()
            .contains("resource_metadata")
    );
}

#[tokio::test]
async fn the_metadata_outlives_the_database() {
    let Some(postgres) = crate::postgres::Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let companion = TestCompanion::on(&postgres.database("issuer"), folder).await;
    drop(postgres);
    let answer = companion.send("GET", SERVER, &[], "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["scopes_supported"], Value::Null);
}
