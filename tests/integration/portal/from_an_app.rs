//! Whoever comes from an app and has no account signs up, and goes on to the app's request.

use super::{form, next, page, sign_up};
use crate::test_browser::{CALLBACK, TestBrowser, request};
use crate::test_companion::{PASSWORD, TestClient, TestCompanion};

/// An app of alice, where strangers may sign up.
async fn app(companion: &TestCompanion) -> TestClient {
    let token = companion.register("alice").await;
    companion.web_app(&token, "web-shop", &[CALLBACK]).await
}

/// The path of the sign-up on the page of the app's request.
async fn sign_up_path(browser: &mut TestBrowser<'_>, app: &TestClient) -> String {
    let login = browser.get(&request(app)).await;
    let (_, rest) = login
        .body
        .split_once("href=\"/portal/sign-up")
        .unwrap_or_else(|| panic!("{login:?}"));
    let (query, _) = rest.split_once('"').unwrap();
    format!("/portal/sign-up{query}")
}

#[tokio::test]
async fn who_signs_up_from_an_app_comes_back_to_its_request() {
    let companion = TestCompanion::start().await;
    let app = app(&companion).await;
    let mut browser = TestBrowser::new(&companion);
    let path = sign_up_path(&mut browser, &app).await;
    let empty = page(&mut browser, &path).await;
    let policy = empty.header("content-security-policy").unwrap();
    // Chromium holds the redirects after a form to it.
    let targets = "form-action 'self' https://shop.example;";
    assert!(policy.contains(targets), "{policy}");
    let back = "<a href=\"/authorization/authorize?";
    assert!(empty.body.contains(back), "{empty:?}");
    let filled = form(&empty, "/portal/sign-up")
        .with("username", "carol")
        .with("password", PASSWORD);
    // What is wrong is put right on the way.
    let wrong = browser
        .submit(&filled.clone().with("email", "nowhere"))
        .await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    let filled = form(&wrong, "/portal/sign-up")
        .with("username", "carol")
        .with("email", "carol@shop.example")
        .with("password", PASSWORD);
    let led = next(&browser.submit(&filled).await);
    assert!(led.starts_with("/authorization/authorize?"), "{led}");
    let consent = browser.get(&led).await;
    let code = browser.allow(&consent).await;
    assert_eq!(code.get("state"), Some("af0ifjsldkj"));
    let answer = companion.redeem(&app, code.get("code").unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // Whoever is logged in already needs no sign-up.
    assert_eq!(next(&browser.get(&path).await), led);
}

#[tokio::test]
async fn a_sign_up_leads_to_requests_of_apps_and_to_nothing_else() {
    let companion = TestCompanion::start().await;
    let app = app(&companion).await;
    let real = request(&app);
    let other = real.replace("shop%2eexample", "evil%2eexample");
    assert_ne!(other, real);
    let unknown = real.replace(&app.key, "nobodys");
    for foreign in [
        "https://evil.example/authorization/authorize?client_id=x",
        "//evil.example/authorization/authorize?client_id=x",
        "/authorization/authorize",
        "/authorization/authorize?client_id=x",
        "/authorization/authorize/../../portal/apps?client_id=x",
        "/portal/apps",
        "/panel",
        other.as_str(),
        unknown.as_str(),
    ] {
        let mut browser = TestBrowser::new(&companion);
        let path = format!(
            "/portal/sign-up?next={}",
            crate::test_browser::encode(foreign)
        );
        let shown = page(&mut browser, &path).await;
        let filled = form(&shown, "/portal/sign-up");
        assert!(!filled.fields.contains_key("next"), "{foreign}: {shown:?}");
        let policy = shown.header("content-security-policy").unwrap();
        assert!(!policy.contains("example"), "{foreign}: {policy}");
        assert!(!shown.body.contains("evil.example"), "{foreign}: {shown:?}");
    }
    // Nor by a form that says so.
    let mut browser = TestBrowser::new(&companion);
    let filled = form(
        &page(&mut browser, "/portal/sign-up").await,
        "/portal/sign-up",
    )
    .with("next", "https://evil.example/")
    .with("username", "carol")
    .with("email", "carol@shop.example")
    .with("password", PASSWORD);
    assert_eq!(next(&browser.submit(&filled).await), "/portal/apps/new");
    let mut dave = sign_up(&companion, "dave").await;
    let path = "/portal/sign-up?next=%2F%2Fevil.example%2F";
    assert_eq!(next(&dave.get(path).await), "/");
}

#[tokio::test]
async fn a_request_that_cannot_be_answered_leads_on() {
    let companion = TestCompanion::start().await;
    let mut browser = TestBrowser::new(&companion);
    let shown = browser.get("/authorization/authorize?client_id=x").await;
    assert_eq!(shown.status, 400, "{shown:?}");
    for part in [
        "<p class=\"brand\"><a href=\"/\">",
        "<a href=\"/\">Back to the start page</a>",
    ] {
        assert!(shown.body.contains(part), "{part}: {shown:?}");
    }
}
