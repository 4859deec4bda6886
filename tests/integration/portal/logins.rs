//! Logins and sessions: how long they last, and where they lead.

use super::*;

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
    let (companion, clock) = with_clock().await;
    let mut browser = sign_up(&companion, "alice").await;
    for _ in 0..24 {
        clock.advance(1799);
        page(&mut browser, "/portal/apps").await;
    }
    clock.advance(43_200 - 24 * 1799);
    let over = browser.get("/portal/apps").await;
    assert_eq!(
        next(&over),
        "/portal/log-in?next=%2Fportal%2Fapps",
        "after twelve hours"
    );
    let mut browser = log_in(&companion, "alice", PASSWORD).await;
    clock.advance(1800);
    let over = browser.get("/portal/apps").await;
    assert_eq!(over.status, 303, "after half an hour without a request");
}

#[tokio::test]
async fn a_busy_session_goes_on_however_short_its_idle_time_is() {
    let (companion, clock) = with_clock_and(", sessions: {idle_seconds: 60}").await;
    let mut browser = sign_up(&companion, "alice").await;
    for _ in 0..10 {
        clock.advance(40);
        page(&mut browser, "/portal/apps").await;
    }
}

#[tokio::test]
async fn what_outlives_a_session_needs_the_password_again() {
    let (companion, clock) = with_clock().await;
    let mut browser = sign_up(&companion, "alice").await;
    clock.advance(301);
    let filled = new_app(&mut browser, "web-shop")
        .await
        .with("box:orders.read", "on");
    let filled = filled.with("extent", "list");
    let before = browser.cookies.clone();
    let asked = browser.submit(&filled).await;
    assert_eq!(asked.status, 403, "{asked:?}");
    for told in [
        "<strong>To create an app:</strong>",
        "href=\"/portal/apps\">Cancel",
    ] {
        assert!(asked.body.contains(told), "{told}: {asked:?}");
    }
    assert!(asked.body.contains(" required autofocus>"), "{asked:?}");
    let proof = form(&asked, "/portal/apps/new");
    for name in ["name", "extent", "box:orders.read"] {
        assert_eq!(
            proof.fields[name], filled.fields[name],
            "{name} is sent again"
        );
    }
    let wrong = browser
        .submit(&proof.clone().with("confirm_password", "a guess"))
        .await;
    assert_eq!(wrong.status, 403, "{wrong:?}");
    assert!(wrong.body.contains("The password is wrong."), "{wrong:?}");
    assert_eq!(browser.cookies, before);
    let made = send(&mut browser, &proof.with("confirm_password", PASSWORD)).await;
    companion.tokens(&client(&made)).await;
    let session = "__Host-portcullis-session";
    assert_ne!(
        browser.cookies[session], before[session],
        "the session is a new one"
    );
    let mut stolen = TestBrowser::new(&companion);
    stolen.cookies = before;
    assert_eq!(stolen.get("/portal/apps").await.status, 303);
}

#[tokio::test]
async fn a_login_leads_on_to_the_page_that_asked_for_it_and_to_no_other_site() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    for (asked, led) in [
        ("%2Fportal%2Fapps%2Fnew", "/portal/apps/new"),
        ("%2F%2Fevil.example%2Fportal%2F", "/"),
        ("https%3A%2F%2Fevil.example%2F", "/"),
    ] {
        let mut browser = TestBrowser::new(&companion);
        let page = page(&mut browser, &format!("/portal/log-in?next={asked}")).await;
        let mut filled = form(&page, "/portal/log-in")
            .with("username", "alice")
            .with("password", PASSWORD);
        let answer = browser.submit(&filled).await;
        assert_eq!(next(&answer), led, "{asked}");
        filled = filled.with("next", "https://evil.example/portal/");
        let foreign = browser.submit(&filled).await;
        assert_eq!(foreign.status, 403, "the session has changed: {foreign:?}");
    }
}

#[tokio::test]
async fn where_registration_is_closed_the_pages_say_so() {
    let companion = TestCompanion::with_issuer_keys(", registration: closed").await;
    let mut browser = TestBrowser::new(&companion);
    let start = page(&mut browser, "/").await;
    assert!(!start.body.contains("/portal/sign-up"), "{start:?}");
    let closed = page(&mut browser, "/portal/sign-up").await;
    assert!(closed.body.contains("ask an administrator"), "{closed:?}");
    let log_in_page = page(&mut browser, "/portal/log-in").await;
    assert!(
        !log_in_page.body.contains("/portal/sign-up"),
        "{log_in_page:?}"
    );
    let mut filled = form(&log_in_page, "/portal/log-in");
    filled.action = "/portal/sign-up".to_owned();
    let answer = browser.submit(&filled.with("username", "alice")).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    log_in(&companion, "admin", ADMIN_PASSWORD).await;
}

#[tokio::test]
async fn who_has_to_wait_sees_the_form_with_the_name_and_for_how_long() {
    let keys = ", throttle: {account_at_address: {burst: 1, refill_seconds: 1000}}";
    let companion = TestCompanion::with_issuer_keys(keys).await;
    let token = companion.register("alice").await;
    companion.register("bobby").await;
    let app = companion.web_app(&token, "web-shop", &[CALLBACK]).await;
    for (path, action, name) in [
        ("/portal/log-in".to_owned(), "/portal/log-in", "alice"),
        (request(&app), "/authorization/login", "bobby"),
    ] {
        let mut browser = TestBrowser::new(&companion);
        let mut shown = browser.get(&path).await;
        for guess in ["a guess", "b guess"] {
            let filled = form(&shown, action).with("username", name);
            shown = browser.submit(&filled.with("password", guess)).await;
        }
        assert_eq!(shown.status, 429, "{shown:?}");
        let seconds: u64 = shown.header("retry-after").unwrap().parse().unwrap();
        let told = format!("Too many attempts: try again in {seconds} seconds.");
        for text in [told, format!("value=\"{name}\"")] {
            assert!(shown.body.contains(&text), "{text}: {shown:?}");
        }
        form(&shown, action);
    }
}

#[tokio::test]
async fn a_link_for_a_password_that_does_nothing_says_what_to_do() {
    let companion = TestCompanion::start().await;
    let path = "/portal/reset?code=x";
    for (language, texts) in [
        (
            "en",
            ["<h1>This link no longer works</h1>", "for another one."],
        ),
        (
            "de",
            ["<h1>Dieser Link gilt nicht mehr</h1>", "um einen neuen."],
        ),
    ] {
        let header = format!("accept-language: {language}");
        let answer = companion.send("GET", path, &[&header], "").await;
        assert_eq!(answer.status, 404, "{answer:?}");
        for text in texts.into_iter().chain(["href=\"/portal/log-in\""]) {
            assert!(answer.body.contains(text), "{text}: {answer:?}");
        }
    }
}
