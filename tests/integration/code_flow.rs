//! The authorization code grant as browsers and apps go through it.

use serde_json::json;

use crate::client::Answer;
use crate::issuer::error;
use crate::test_browser::{
    CALLBACK, CHALLENGE, TestBrowser, VERIFIER, encode, form, location, request, returned,
    set_cookies,
};
use crate::test_companion::{PASSWORD, TestCompanion, URL};

/// What holds for each page.
fn assert_page(page: &Answer, status: u16) {
    assert_eq!(page.status, status, "{page:?}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; form-action "));
    assert!(
        policy.contains("; frame-ancestors 'none'; base-uri 'none'"),
        "{policy}"
    );
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(page.header(name), Some(value), "{page:?}");
    }
    assert!(page.header("access-control-allow-origin").is_none());
    assert!(page.header("location").is_none());
    for needed in [
        "<html lang=\"en\">",
        "<title>",
        "<h1>",
        "<main>",
        "name=\"viewport\"",
    ] {
        assert!(page.body.contains(needed), "{needed}: {page:?}");
    }
    assert!(!page.body.contains("<script") && !page.body.contains(" style="));
}

#[tokio::test]
async fn a_browser_logs_in_consents_and_the_gate_trusts_the_token() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    companion.register("bob").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(&companion);

    let page = browser.get(&request(&app)).await;
    assert_page(&page, 200);
    for needed in [
        "<label for=\"username\">",
        "autocomplete=\"username\"",
        "<label for=\"password\">",
        "autocomplete=\"current-password\"",
        "<strong>web-shop</strong>",
    ] {
        assert!(page.body.contains(needed), "{needed}: {page:?}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("form-action 'self' https://shop.example;"),
        "{policy}"
    );

    let page = browser.log_in(&request(&app), "bob").await;
    assert_page(&page, 200);
    for needed in [
        "<strong>web-shop</strong> of the user <strong>alice</strong>",
        "for tests <code>orders.read</code>",
        "<strong>https://shop.example</strong>",
        "logged in as <strong>bob</strong>",
    ] {
        assert!(page.body.contains(needed), "{needed}: {page:?}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' https:;"), "{policy}");
    let back = browser.allow(&page).await;
    assert_eq!(back.get("state"), Some("af0ifjsldkj"));
    assert_eq!(back.get("iss"), Some(URL));

    let answer = companion.redeem(&app, back.get("code").unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let granted = answer.json();
    assert_eq!(granted["scope"], "orders.read");
    assert_eq!(
        (&granted["token_type"], &granted["expires_in"]),
        (&json!("bearer"), &json!(3600))
    );
    let token = granted["access_token"].as_str().unwrap();
    assert_eq!(companion.check("GET", "/orders/1", token).await, 200);
    assert_eq!(companion.check("POST", "/orders", token).await, 403);

    let refresh = granted["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    let refreshed = companion.token(&app, &form).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    let token = refreshed.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 200);

    // Logged in already: only consent is asked for.
    let page = browser.get(&request(&app)).await;
    assert!(page.body.contains("/authorization/consent"), "{page:?}");
}

#[tokio::test]
async fn a_no_and_a_logout_are_obeyed() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(&companion);
    let page = browser.log_in(&request(&app), "alice").await;
    let deny = form(&page, "/authorization/consent").with("decision", "deny");
    let back = returned(&browser.submit(&deny).await, CALLBACK);
    assert_eq!(back.get("error"), Some("access_denied"));
    assert_eq!(
        (back.get("state"), back.get("iss")),
        (Some("af0ifjsldkj"), Some(URL))
    );
    assert_eq!(back.get("code"), None);
    let undecided = form(&page, "/authorization/consent");
    assert_page(&browser.submit(&undecided).await, 400);

    let session = browser.cookies["__Host-portcullis-session"].clone();
    let out = form(&page, "/authorization/logout");
    let next = location(&browser.submit(&out).await);
    assert!(!browser.cookies.contains_key("__Host-portcullis-session"));
    let page = browser.get(&next).await;
    assert!(page.body.contains("/authorization/login"), "{page:?}");
    browser
        .cookies
        .insert("__Host-portcullis-session".to_owned(), session);
    let page = browser.get(&next).await;
    assert!(
        page.body.contains("/authorization/login"),
        "the session has ended: {page:?}"
    );
}

#[tokio::test]
async fn wrong_logins_on_the_page_look_alike() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    companion.register("carol").await;
    companion.disable("carol").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(&companion);
    let long = "x".repeat(2000);
    let mut words = Vec::new();
    for (username, password) in [
        ("alice", "wrong password"),
        ("nobody", PASSWORD),
        ("carol", PASSWORD),
        ("alice", long.as_str()),
        ("", ""),
        ("\"><script>alert(1)</script>", PASSWORD),
    ] {
        let page = browser.get(&request(&app)).await;
        let form = form(&page, "/authorization/login");
        let form = form.with("username", username).with("password", password);
        let answer = browser.submit(&form).await;
        assert_page(&answer, 401);
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer realm=\"portcullis\""));
        assert!(answer.body.contains("role=\"alert\""), "{answer:?}");
        assert!(!browser.cookies.contains_key("__Host-portcullis-session"));
        assert!(!answer.body.contains(PASSWORD), "{answer:?}");
        let value = form.fields["username"].replace('"', "&quot;");
        let value = value.replace('<', "&lt;").replace('>', "&gt;");
        words.push(answer.body.replace(&format!("value=\"{value}\""), ""));
    }
    words.dedup();
    assert_eq!(words.len(), 1, "{words:?}");
}

#[tokio::test]
async fn loopback_apps_have_any_port_and_one_uri_need_not_be_sent() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion
        .web_app(&alice, "native", &["http://127.0.0.1/cb"])
        .await;
    let mut browser = TestBrowser::new(&companion);
    let asked = encode("http://127.0.0.1:49152/cb");
    let start = format!(
        "/authorization/authorize?client_id={}&response_type=code\
         &code_challenge={CHALLENGE}&code_challenge_method=S256",
        app.key
    );
    let page = browser
        .log_in(&format!("{start}&redirect_uri={asked}"), "alice")
        .await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' http:;"), "{policy}");
    let allow = form(&page, "/authorization/consent").with("decision", "allow");
    let back = returned(&browser.submit(&allow).await, "http://127.0.0.1:49152/cb");
    assert_eq!(back.get("state"), None);
    let exchange = |code: &str, rest: &str| {
        format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}{rest}")
    };
    let code = back.get("code").unwrap();
    for wrong in ["", "&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb"] {
        let answer = companion.token(&app, &exchange(code, wrong)).await;
        assert_eq!(error(&answer), (400, "invalid_grant".to_owned()), "{wrong}");
    }
    let same = exchange(code, &format!("&redirect_uri={asked}"));
    assert_eq!(companion.token(&app, &same).await.status, 200);

    for (rest, status) in [
        ("", 200),
        ("&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb", 200),
        ("&redirect_uri=http%3A%2F%2F127.0.0.1%2Fother", 400),
    ] {
        let page = browser.get(&start).await;
        let allow = form(&page, "/authorization/consent").with("decision", "allow");
        let back = returned(&browser.submit(&allow).await, "http://127.0.0.1/cb");
        let form = exchange(back.get("code").unwrap(), rest);
        assert_eq!(companion.token(&app, &form).await.status, status, "{rest}");
    }
}

#[tokio::test]
async fn consent_is_to_what_was_shown_and_is_still_there() {
    let companion = TestCompanion::start().await;
    companion.give_scope("orders.write").await;
    let alice = companion.register("alice").await;
    companion.register("bob").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(&companion);

    // Of two scopes one is taken away while the code is on its way: it gives the other.
    let code = browser.code(&request(&app), "bob").await;
    companion.take_scope("orders.write").await;
    let granted = companion.redeem(&app, &code).await.json();
    assert_eq!(granted["scope"], "orders.read");

    // One is added while the page is open.
    let page = browser.get(&request(&app)).await;
    companion.give_scope("orders.write").await;
    let back = browser.allow(&page).await;
    let granted = companion
        .redeem(&app, back.get("code").unwrap())
        .await
        .json();
    assert_eq!(
        granted["scope"], "orders.read",
        "the other one was not shown"
    );

    // What the form claims to have shown is not more than what was asked for.
    let narrow = format!("{}&scope=orders.read", request(&app));
    let page = browser.get(&narrow).await;
    assert!(!page.body.contains("orders.write"), "{page:?}");
    let form = form(&page, "/authorization/consent");
    let greedy = form
        .with("decision", "allow")
        .with("scope", "orders.read orders.write");
    let back = returned(&browser.submit(&greedy).await, CALLBACK);
    let granted = companion
        .redeem(&app, back.get("code").unwrap())
        .await
        .json();
    assert_eq!(granted["scope"], "orders.read");

    // All of it is taken away.
    let page = browser.get(&narrow).await;
    let back = browser.allow(&page).await;
    companion.take_scope("orders.read").await;
    let answer = companion.redeem(&app, back.get("code").unwrap()).await;
    assert_eq!(error(&answer).0, 400, "{answer:?}");
    let mut browser = TestBrowser::new(&companion);
    let back = returned(&browser.log_in(&narrow, "bob").await, CALLBACK);
    assert_eq!(back.get("error"), Some("invalid_scope"));
}

#[tokio::test]
async fn the_cookies_are_bound_to_this_host() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(&companion);
    let page = browser.get(&request(&app)).await;
    let cookies = set_cookies(&page);
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    let login = form(&page, "/authorization/login");
    let login = login.with("username", "alice").with("password", PASSWORD);
    let cookies = [cookies, set_cookies(&browser.submit(&login).await)].concat();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    for (cookie, age) in cookies.iter().zip(["", "; Max-Age=43200"]) {
        let attributes = format!("; Path=/; HttpOnly; SameSite=Lax; Secure{age}");
        assert!(
            cookie.starts_with("__Host-") && cookie.ends_with(&attributes),
            "{cookie}"
        );
    }
    let page = browser.get(&request(&app)).await;
    assert_eq!(set_cookies(&page), [""; 0], "the browser is known");
}

#[tokio::test]
async fn discovery_leads_to_the_page_and_the_page_to_its_style() {
    let companion = TestCompanion::start().await;
    let path = "/.well-known/oauth-authorization-server";
    let metadata = companion.send("GET", path, &[], "").await.json();
    assert_eq!(
        metadata["authorization_endpoint"],
        format!("{URL}/authorization/authorize")
    );
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        json!(["S256"])
    );
    assert_eq!(
        metadata["authorization_response_iss_parameter_supported"],
        json!(true)
    );
    let grants = metadata["grant_types_supported"].as_array().unwrap();
    assert!(grants.contains(&json!("authorization_code")));
    let style = companion
        .send("GET", "/authorization/style.css", &[], "")
        .await;
    assert_eq!(
        style.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    assert_eq!(style.header("cache-control"), Some("public, max-age=3600"));
}

#[tokio::test]
async fn without_the_grant_there_is_neither_page_nor_metadata() {
    let companion = TestCompanion::with_issuer_keys(", grants: [client_credentials]").await;
    let path = "/.well-known/oauth-authorization-server";
    let metadata = companion.send("GET", path, &[], "").await.json();
    assert!(metadata.get("authorization_endpoint").is_none());
    assert_eq!(metadata["response_types_supported"], json!([]));
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let mut browser = TestBrowser::new(&companion);
    assert_eq!(browser.get(&request(&app)).await.status, 404);
    let answer = companion.redeem(&app, "code").await;
    assert_eq!(error(&answer), (400, "unsupported_grant_type".to_owned()));
}
