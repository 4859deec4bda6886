//! What all pages have: a language, a style, and an answer where there is none.

use super::*;
use crate::test_companion::FORM;

#[tokio::test]
async fn where_no_page_is_a_page_says_so() {
    let companion = TestCompanion::start().await;
    let mut browser = sign_up(&companion, "alice").await;
    assert_eq!(next(&browser.get("/portal").await), "/");
    for path in [
        "/portal/",
        "/portal/nope",
        "/portal/apps/x/nope",
        "/panel/",
        "/panel/nope",
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(
            answer.body.contains("<h1>There is nothing here</h1>"),
            "{path}: {answer:?}"
        );
        let told = format!("There is no page at {path}</p>");
        assert!(answer.body.contains(&told), "{path}: {answer:?}");
    }
    // The part of the site is a click away.
    let below = browser.get("/portal/apps/x/nope").await;
    let part = "<p><a href=\"/portal/apps\">";
    assert!(below.body.contains(part), "{below:?}");
    // What is opened by its address, and is not for that.
    assert_eq!(next(&browser.get("/portal/log-out").await), "/");
    page(&mut browser, "/portal/account").await;
    let odd = browser.get("/portal/passkeys/new").await;
    assert_eq!(odd.status, 405, "{odd:?}");
    assert!(odd.body.contains("This page is not for opening"), "{odd:?}");
    let icon = browser.get("/favicon.ico").await;
    assert_eq!((icon.status, &*icon.body), (204, ""), "{icon:?}");
}

#[tokio::test]
async fn the_pages_speak_the_language_of_the_browser() {
    let companion = TestCompanion::start().await;
    let german = ["accept-language: de-DE,de;q=0.9,en;q=0.8"];
    let answer = companion.send("GET", "/portal/log-in", &german, "").await;
    assert!(answer.body.contains("<html lang=\"de\">"), "{answer:?}");
    assert!(answer.body.contains("<h1>Anmelden</h1>"), "{answer:?}");
    let vary = answer.header("vary").unwrap_or_default();
    assert!(vary.contains("accept-language"), "{answer:?}");
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let consent = companion.send("GET", &request(&app), &german, "").await;
    assert!(consent.body.contains("<html lang=\"de\">"), "{consent:?}");
    assert!(
        consent
            .body
            .contains("<p>um fortzufahren mit <strong>web-shop"),
        "{consent:?}"
    );
    let answer = companion.send("GET", "/portal/log-in", &[], "").await;
    assert!(answer.body.contains("<html lang=\"en\">"), "{answer:?}");
}

#[tokio::test]
async fn the_style_sheet_has_a_name_that_changes_with_it() {
    let companion = TestCompanion::start().await;
    let mut browser = TestBrowser::new(&companion);
    let start = page(&mut browser, "/").await;
    let (_, rest) = start.body.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let (path, _) = rest.split_once('"').unwrap();
    let style = browser.get(path).await;
    assert_eq!(style.status, 200);
    assert_eq!(
        style.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    let cached = style.header("cache-control").unwrap();
    assert!(cached.contains("immutable"), "{cached}");
    assert!(!style.body.contains("url("), "nothing comes from elsewhere");
    let mut stranger = TestBrowser::new(&companion);
    let style = stranger.get(path).await;
    assert_eq!(set_cookies(&style), [""; 0], "others may keep it");
    assert_eq!(browser.get("/assets/other.css").await.status, 404);
}

#[tokio::test]
async fn times_say_that_they_are_utc_and_when_that_is_anywhere() {
    let (companion, clock) = with_clock().await;
    let mut browser = sign_up(&companion, "alice").await;
    let now = clock.now();
    let at = now.calendar().unwrap();
    let account = page(&mut browser, "/portal/account").await;
    let time = format!("<time datetime=\"{now}\" data-form=\"day\">{} ", at.day);
    assert!(account.body.contains(&time), "{time}: {account:?}");
    let utc = format!(", {:02}:{:02} UTC</time>", at.hour, at.minute);
    assert!(account.body.contains(&utc), "{utc}: {account:?}");
    // Where there is a time there is the script that writes it for the reader.
    let filled = new_app(&mut browser, "web-shop").await;
    send(&mut browser, &filled).await;
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let own = [
        "",
        "portal/apps",
        "portal/access",
        "portal/account",
        "portal/sessions",
    ];
    let panel = [
        "panel/users",
        "panel/users/alice",
        "panel/apps",
        "panel/audit",
        "panel/keys",
    ];
    for path in own.iter().chain(&panel) {
        let reader = if path.starts_with("panel") {
            &mut admin
        } else {
            &mut browser
        };
        let shown = page(reader, &format!("/{path}")).await;
        let has_time = shown.body.contains("<time ");
        let may_have_none = ["", "portal/access"].contains(path);
        assert!(has_time || may_have_none, "{path}: {shown:?}");
        assert!(shown.body.contains("<script"), "{path}: {shown:?}");
    }
}

#[tokio::test]
async fn a_page_of_a_refusal_does_not_take_a_user_for_a_stranger() {
    let companion = TestCompanion::start().await;
    let browser = sign_up(&companion, "alice").await;
    let session = &browser.cookies["__Host-portcullis-session"];
    let session = format!("cookie: __Host-portcullis-session={session}");
    let html = "accept: text/html,application/xhtml+xml,*/*;q=0.8";
    let log_in = "href=\"/portal/log-in\"";
    for (headers, is_stranger) in [(vec![html], true), (vec![html, session.as_str()], false)] {
        let lost = companion.send("GET", "/nothing/here", &headers, "").await;
        assert_eq!(lost.status, 404, "{lost:?}");
        assert_eq!(lost.body.contains(log_in), is_stranger, "{lost:?}");
    }
    // What is refused before the page has looked at it.
    let long = "x".repeat(200 * 1024);
    let headers = [FORM, session.as_str()];
    let refused = companion.send("POST", "/portal/account/email", &headers, &long);
    let refused = refused.await;
    assert_eq!(refused.status, 413, "{refused:?}");
    assert!(refused.body.contains("<span>alice</span>"), "{refused:?}");
    assert!(!refused.body.contains(log_in), "{refused:?}");
}

#[tokio::test]
async fn the_commands_of_the_start_page_can_be_copied() {
    let companion = TestCompanion::start().await;
    let mut browser = sign_up(&companion, "alice").await;
    let filled = new_app(&mut browser, "web-shop").await;
    send(&mut browser, &filled).await;
    let start = page(&mut browser, "/").await;
    for id in ["app-key", "call-token", "call-api"] {
        assert!(start.body.contains(&format!(" id=\"{id}\">")), "{start:?}");
        let button = format!("data-copy=\"{id}\"");
        assert!(start.body.contains(&button), "{button}: {start:?}");
    }
}
