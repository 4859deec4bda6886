//! The token endpoint's further grants, and `resource` (RFC 8707).

use serde_json::{Value, json};

use crate::issuer::{error, parts};
use crate::test_browser::{CALLBACK, TestBrowser, VERIFIER, encode, request};
use crate::test_companion::{
    ADMIN_PASSWORD, FORM, PASSWORD, TestClient, TestCompanion, URL, basic,
};

const TOKEN: &str = "/authorization/token";
const JSON: &str = "content-type: application/json";

/// Lets users in where apps are.
const USERS_TOO: &str = ", user_credentials_at_token_endpoint: true, \
                         grants: [client_credentials, refresh_token, password]";

/// Three audiences, of which two are resources.
const AUDIENCES: &str = "[orders-api, \"https://orders.example/api\", \"urn:example:stock\"]";
const ORDERS: &str = "resource=https%3A%2F%2Forders.example%2Fapi";
const STOCK: &str = "resource=urn:example:stock";

fn user(name: &str, password: &str) -> TestClient {
    TestClient {
        key: name.to_owned(),
        secret: password.to_owned(),
    }
}

#[tokio::test]
async fn the_password_grant_is_offered_where_it_is_asked_for() {
    let password = PASSWORD.replace(' ', "+");
    let form = format!("grant_type=password&username=bobby&password={password}");
    let usual = TestCompanion::start().await;
    let alice = usual.register("alice").await;
    let app = usual.app(&alice, "web-shop").await;
    let refused = usual.token(&app, &form).await;
    assert_eq!(error(&refused), (400, "unsupported_grant_type".to_owned()));

    let keys = ", grants: [client_credentials, refresh_token, password]";
    let companion = TestCompanion::with_issuer_keys(keys).await;
    let alice = companion.register("alice").await;
    companion.register("bobby").await;
    let app = companion.app(&alice, "web-shop").await;
    let answer = companion.token(&app, &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    assert_eq!(
        answer["scope"], "orders.read",
        "the app's, of what the user has"
    );
    let token = answer["access_token"].as_str().unwrap();
    let (_, claims) = parts(token);
    assert_eq!(
        (&claims["name"], &claims["client_id"]),
        (&json!("bobby"), &json!(app.key))
    );
    assert_eq!(companion.check("GET", "/orders/1", token).await, 200);
    let refresh = format!(
        "grant_type=refresh_token&refresh_token={}",
        answer["refresh_token"].as_str().unwrap()
    );
    assert_eq!(companion.token(&app, &refresh).await.status, 200);

    let rows = [
        (
            "grant_type=password&username=bobby&password=wrong",
            400,
            "invalid_grant",
        ),
        (
            "grant_type=password&username=nobody&password=wrong",
            400,
            "invalid_grant",
        ),
        ("grant_type=password&username=bobby", 400, "invalid_request"),
        ("grant_type=password&password=wrong", 400, "invalid_request"),
        (&format!("{form}&username=alice"), 400, "invalid_request"),
        (&format!("{form}&scope=orders.write"), 400, "invalid_scope"),
        (
            &format!("{form}&scope=consumer.account"),
            400,
            "invalid_scope",
        ),
    ];
    for (form, status, code) in rows {
        let answer = companion.token(&app, form).await;
        assert_eq!(error(&answer), (status, code.to_owned()), "{form}");
    }
    let by_user = companion.token(&user("alice", PASSWORD), &form).await;
    assert_eq!(error(&by_user), (401, "invalid_client".to_owned()));
    let alone = companion.send("POST", TOKEN, &[FORM], &form).await;
    assert_eq!(error(&alone), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn an_app_gets_no_more_of_others_than_its_owner_has() {
    let keys = ", grants: [client_credentials, refresh_token, password]";
    let companion = TestCompanion::with_issuer_keys(keys).await;
    let alice = companion.register("alice").await;
    let wanted = json!({"name": "web-shop", "scopes": ["orders.read", "consumer.account"]});
    let made = companion
        .post("/consumer/app", &wanted, &alice)
        .await
        .json();
    let app = user(
        made["app_key"].as_str().unwrap(),
        made["app_secret"].as_str().unwrap(),
    );
    companion.take_scope("orders.read").await;
    let password = ADMIN_PASSWORD.replace(' ', "+");
    let form = format!("grant_type=password&username=admin&password={password}");
    let answer = companion.token(&app, &form).await.json();
    assert_eq!(answer["scope"], "consumer.account");
}

#[tokio::test]
async fn users_prove_themselves_where_apps_do_if_that_is_configured() {
    let usual = TestCompanion::start().await;
    usual.register("alice").await;
    let alice = user("alice", PASSWORD);
    let grant = "grant_type=client_credentials";
    let refused = usual.token(&alice, grant).await;
    assert_eq!(error(&refused), (401, "invalid_client".to_owned()));

    let companion = TestCompanion::with_issuer_keys(USERS_TOO).await;
    let login = companion.register("alice").await;
    companion.register("bobby").await;
    let app = companion.app(&login, "web-shop").await;
    for name in ["alice", "ALICE", "alice@shop.example"] {
        let answer = companion.token(&user(name, PASSWORD), grant).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        let answer = answer.json();
        assert_eq!(answer["scope"], "consumer.account consumer.app orders.read");
        let (_, claims) = parts(answer["access_token"].as_str().unwrap());
        assert_eq!(claims["client_id"], "portcullis", "{name}");
    }
    let narrow = companion
        .token(&alice, &format!("{grant}&scope=orders.read"))
        .await
        .json();
    assert_eq!(narrow["scope"], "orders.read");
    // Where it was got, and as that of a login; by nobody else.
    let refresh = |answer: &Value| {
        format!(
            "grant_type=refresh_token&refresh_token={}",
            answer["refresh_token"].as_str().unwrap()
        )
    };
    for other in [&user("bobby", PASSWORD), &app] {
        let stolen = companion.token(other, &refresh(&narrow)).await;
        assert_eq!(error(&stolen), (400, "invalid_grant".to_owned()));
    }
    let of_app = companion.token(&app, grant).await.json();
    let as_owner = companion.token(&alice, &refresh(&of_app)).await;
    let code = "invalid_grant".to_owned();
    assert_eq!(error(&as_owner), (400, code), "her app's is not hers");
    let next = companion.token(&alice, &refresh(&narrow)).await;
    assert_eq!(next.status, 200, "{next:?}");
    let body = json!({"refresh_token": next.json()["refresh_token"]}).to_string();
    let put = companion
        .send("PUT", "/consumer/login", &[JSON], &body)
        .await;
    assert_eq!(put.status, 200, "{put:?}");
    // A key and a secret come first.
    let (_, claims) = {
        let answer = companion.token(&app, grant).await.json();
        parts(answer["access_token"].as_str().unwrap())
    };
    assert_eq!(claims["client_id"], app.key.as_str());
}

#[tokio::test]
async fn users_that_do_not_prove_themselves_get_nothing() {
    let companion = TestCompanion::with_issuer_keys(USERS_TOO).await;
    let login = companion.register("alice").await;
    let app = companion.app(&login, "web-shop").await;
    let (grant, alice) = ("grant_type=client_credentials", user("alice", PASSWORD));
    let rows = [
        (user("alice", "wrong"), grant, 401, "invalid_client"),
        (user("nobody", PASSWORD), grant, 401, "invalid_client"),
        (user(&app.key, "wrong"), grant, 401, "invalid_client"),
        (
            user("alice", &"x".repeat(1500)),
            grant,
            401,
            "invalid_client",
        ),
        (
            user("alice", PASSWORD),
            "grant_type=client_credentials&client_id=bobby",
            400,
            "invalid_request",
        ),
        (
            user("alice", PASSWORD),
            "grant_type=password&username=a&password=b",
            400,
            "unauthorized_client",
        ),
        (
            user("alice", PASSWORD),
            "grant_type=implicit",
            400,
            "unsupported_grant_type",
        ),
    ];
    for (client, form, status, code) in rows {
        let answer = companion.token(&client, form).await;
        assert_eq!(error(&answer), (status, code.to_owned()), "{form}");
    }
    let password = PASSWORD.replace(' ', "+");
    let in_body = format!("{grant}&client_id=alice&client_secret={password}");
    let answer = companion.send("POST", TOKEN, &[FORM], &in_body).await;
    assert_eq!(
        error(&answer),
        (401, "invalid_client".to_owned()),
        "Basic alone"
    );
    let form = "token=x";
    let answer = companion
        .form("/authorization/introspect", &alice, form)
        .await;
    assert_eq!(
        error(&answer),
        (401, "invalid_client".to_owned()),
        "apps alone"
    );
}

#[tokio::test]
async fn a_token_for_a_resource_is_for_nothing_else() {
    let companion = TestCompanion::with_audiences(AUDIENCES).await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let grant = "grant_type=client_credentials";
    let all = json!([
        URL,
        "orders-api",
        "https://orders.example/api",
        "urn:example:stock"
    ]);
    let rows = [
        ("", Ok(all.clone())),
        ("&resource=", Ok(all)),
        (
            &format!("&{ORDERS}"),
            Ok(json!(["https://orders.example/api"])),
        ),
        (
            &format!("&{STOCK}&{ORDERS}&{STOCK}"),
            Ok(json!(["https://orders.example/api", "urn:example:stock"])),
        ),
        (&format!("&resource={URL}"), Ok(json!([URL]))),
        ("&resource=orders-api", Err("invalid_target")),
        ("&resource=https://orders.example/", Err("invalid_target")),
        (&format!("&{ORDERS}%23x"), Err("invalid_target")),
        (
            &format!("&{ORDERS}&resource=https://elsewhere.example"),
            Err("invalid_target"),
        ),
        ("&resource=%00", Err("invalid_request")),
    ];
    for (parameters, expected) in rows {
        let answer = companion.token(&app, &format!("{grant}{parameters}")).await;
        match expected {
            Ok(audience) => {
                assert_eq!(answer.status, 200, "{parameters}: {answer:?}");
                let (_, claims) = parts(answer.json()["access_token"].as_str().unwrap());
                assert_eq!(claims["aud"], audience, "{parameters}");
            }
            Err(code) => assert_eq!(error(&answer), (400, code.to_owned()), "{parameters}"),
        }
    }

    let answer = companion
        .token(&app, &format!("{grant}&{ORDERS}"))
        .await
        .json();
    let token = answer["access_token"].as_str().unwrap();
    let whoami = companion.get("/authorization/whoami", token).await;
    assert_eq!(
        error(&whoami),
        (401, "invalid_token".to_owned()),
        "not for the issuer"
    );
    assert_eq!(
        companion.check("GET", "/orders/1", token).await,
        401,
        "nor for another API"
    );
    let told = companion
        .form("/authorization/introspect", &app, &format!("token={token}"))
        .await;
    assert_eq!(told.json()["aud"], json!(["https://orders.example/api"]));
}

#[tokio::test]
async fn a_grant_keeps_the_resources_that_it_was_for() {
    let companion = TestCompanion::with_audiences(AUDIENCES).await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let grant = "grant_type=client_credentials";
    let answer = companion
        .token(&app, &format!("{grant}&{ORDERS}"))
        .await
        .json();
    let refresh = |answer: &Value, more: &str| {
        let token = answer["refresh_token"].as_str().unwrap();
        format!("grant_type=refresh_token&refresh_token={token}{more}")
    };
    let wider = companion
        .token(&app, &refresh(&answer, &format!("&{STOCK}")))
        .await;
    assert_eq!(error(&wider), (400, "invalid_target".to_owned()));
    let next = companion.token(&app, &refresh(&answer, "")).await.json();
    let (_, claims) = parts(next["access_token"].as_str().unwrap());
    assert_eq!(claims["aud"], json!(["https://orders.example/api"]));

    let both = companion
        .token(&app, &format!("{grant}&{ORDERS}&{STOCK}"))
        .await
        .json();
    let one = companion
        .token(&app, &refresh(&both, &format!("&{STOCK}")))
        .await
        .json();
    let (_, claims) = parts(one["access_token"].as_str().unwrap());
    assert_eq!(claims["aud"], json!(["urn:example:stock"]));
    let again = companion.token(&app, &refresh(&one, "")).await.json();
    let (_, claims) = parts(again["access_token"].as_str().unwrap());
    assert_eq!(
        claims["aud"],
        json!(["https://orders.example/api", "urn:example:stock"])
    );

    let form = format!("token={}", again["access_token"].as_str().unwrap());
    assert_eq!(
        companion
            .form("/authorization/revoke", &app, &form)
            .await
            .status,
        200
    );
    let dead = companion.token(&app, &refresh(&again, "")).await;
    assert_eq!(
        error(&dead),
        (400, "invalid_grant".to_owned()),
        "revoked all the same"
    );
}

#[tokio::test]
async fn a_code_keeps_the_resources_that_it_was_asked_for() {
    let companion = TestCompanion::with_audiences(AUDIENCES).await;
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(&companion);
    browser.log_in(&request(&app), "alice").await;
    let (orders, stock) = ("https://orders.example/api", "urn:example:stock");
    let texts = [
        format!("&{ORDERS}&{STOCK}"),
        format!("&{ORDERS}"),
        format!("&{STOCK}"),
    ];
    let [both, only_orders, only_stock] = texts.each_ref().map(String::as_str);
    let all = json!([URL, "orders-api", orders, stock]);
    // What the code was asked for, what is asked when it is redeemed, and for whom the first access
    // token then is, and the next.
    let rows = [
        ("", "", Ok([all.clone(), all])),
        ("", only_orders, Ok([json!([orders]), json!([orders])])),
        (
            both,
            "",
            Ok([json!([orders, stock]), json!([orders, stock])]),
        ),
        (
            both,
            only_stock,
            Ok([json!([stock]), json!([orders, stock])]),
        ),
        (only_orders, "", Ok([json!([orders]), json!([orders])])),
        (only_orders, only_stock, Err("invalid_target")),
        (only_orders, "&resource=urn:unknown", Err("invalid_target")),
    ];
    for (asked, redeemed, expected) in rows {
        let page = browser.get(&format!("{}{asked}", request(&app))).await;
        let code = browser.allow(&page).await.get("code").unwrap().to_owned();
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={}\
             &code_verifier={VERIFIER}{redeemed}",
            encode(CALLBACK)
        );
        let answer = companion.token(&app, &form).await;
        let expected = match expected {
            Ok(expected) => expected,
            Err(code) => {
                assert_eq!(error(&answer), (400, code.to_owned()), "{asked} {redeemed}");
                continue;
            }
        };
        let answer = answer.json();
        let refresh = format!(
            "grant_type=refresh_token&refresh_token={}",
            answer["refresh_token"].as_str().unwrap()
        );
        let next = companion.token(&app, &refresh).await.json();
        let audiences = [answer, next].map(|answer| {
            let (_, claims) = parts(answer["access_token"].as_str().unwrap());
            claims["aud"].clone()
        });
        assert_eq!(audiences, expected, "{asked} {redeemed}");
    }
}

#[tokio::test]
async fn both_ways_at_once_are_refused_whoever_it_is() {
    let companion =
        TestCompanion::with_issuer_keys(", user_credentials_at_token_endpoint: true").await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        app.key, app.secret
    );
    let by_name = basic("alice", PASSWORD);
    let answer = companion
        .send("POST", TOKEN, &[FORM, &by_name], &form)
        .await;
    assert_eq!(error(&answer), (400, "invalid_request".to_owned()));
}
