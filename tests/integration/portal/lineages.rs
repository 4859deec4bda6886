//! A session of which two browsers have a cookie, and which one of them has renewed.

use super::{form, log_in, new_app, next, page, send, sign_up, with_clock};
use crate::test_browser::{TestBrowser, TestForm};
use crate::test_companion::{PASSWORD, TestCompanion};

/// A browser with the cookies of another.
pub(in crate::portal) fn copied<'a>(
    companion: &'a TestCompanion,
    browser: &TestBrowser<'_>,
) -> TestBrowser<'a> {
    let mut copy = TestBrowser::new(companion);
    copy.cookies = browser.cookies.clone();
    copy
}

/// Proves once more who it is, which puts another session in the place of the present one.
pub(in crate::portal) async fn renew(browser: &mut TestBrowser<'_>, app: &str) {
    let before = browser.cookies.clone();
    let filled = new_app(browser, app).await;
    send(browser, &filled.with("confirm_password", PASSWORD)).await;
    assert_ne!(browser.cookies, before);
}

/// The form that logs a browser out.
pub(in crate::portal) async fn log_out_form(browser: &mut TestBrowser<'_>) -> TestForm {
    form(&page(browser, "/").await, "/portal/log-out")
}

async fn is_logged_in(browser: &mut TestBrowser<'_>) -> bool {
    browser.get("/portal/account").await.status == 200
}

#[tokio::test]
async fn a_log_out_ends_what_the_session_has_become() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let mut elsewhere = log_in(&companion, "alice", PASSWORD).await;
    let log_out = log_out_form(&mut alice).await;
    let mut thief = copied(&companion, &alice);
    renew(&mut thief, "one").await;
    renew(&mut thief, "two").await;
    assert!(is_logged_in(&mut thief).await && !is_logged_in(&mut alice).await);
    assert!(
        is_logged_in(&mut thief).await,
        "an earlier cookie ends nothing for now"
    );
    assert_eq!(next(&alice.submit(&log_out).await), "/");
    assert!(!is_logged_in(&mut thief).await);
    assert!(is_logged_in(&mut elsewhere).await, "a login of its own");
}

#[tokio::test]
async fn a_login_in_the_same_browser_ends_what_its_session_has_become() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let mut thief = copied(&companion, &alice);
    renew(&mut thief, "one").await;
    let login = form(&page(&mut alice, "/portal/log-in").await, "/portal/log-in")
        .with("username", "alice")
        .with("password", PASSWORD);
    send(&mut alice, &login).await;
    assert!(is_logged_in(&mut alice).await && !is_logged_in(&mut thief).await);
}

#[tokio::test]
async fn a_session_that_is_ended_from_elsewhere_may_be_renewed_meanwhile() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let mut thief = log_in(&companion, "alice", PASSWORD).await;
    let path = "/portal/sessions";
    let listed = page(&mut alice, path).await;
    assert_eq!(listed.body.matches("this one").count(), 1, "{listed:?}");
    let end_thief = form(&listed, path);
    renew(&mut thief, "one").await;
    assert_eq!(next(&alice.submit(&end_thief).await), path);
    assert!(!is_logged_in(&mut thief).await);

    // The own one is known as such after a renewal as well, and stays.
    renew(&mut alice, "two").await;
    let mut elsewhere = log_in(&companion, "alice", PASSWORD).await;
    let listed = page(&mut alice, path).await;
    assert_eq!(listed.body.matches("this one").count(), 1, "{listed:?}");
    let others = form(&listed, path).with("session", "others");
    assert_eq!(next(&alice.submit(&others).await), path);
    assert!(is_logged_in(&mut alice).await && !is_logged_in(&mut elsewhere).await);
}

#[tokio::test]
async fn an_earlier_cookie_ends_the_session_once_no_request_can_be_under_way() {
    let (companion, clock) = with_clock().await;
    let mut alice = sign_up(&companion, "alice").await;
    let mut thief = copied(&companion, &alice);
    let mut elsewhere = log_in(&companion, "alice", PASSWORD).await;
    renew(&mut thief, "one").await;
    clock.advance(59);
    assert!(!is_logged_in(&mut alice).await && is_logged_in(&mut thief).await);
    clock.advance(1);
    assert!(!is_logged_in(&mut alice).await);
    assert!(!is_logged_in(&mut thief).await, "somebody has a copy");
    assert!(is_logged_in(&mut elsewhere).await);

    // A cookie of a session that is over ends nobody's.
    let mut alice = log_in(&companion, "alice", PASSWORD).await;
    let mut over = copied(&companion, &alice);
    let log_out = log_out_form(&mut alice).await;
    assert_eq!(next(&alice.submit(&log_out).await), "/");
    clock.advance(60);
    assert!(!is_logged_in(&mut over).await && is_logged_in(&mut elsewhere).await);
}

/// The second click comes with the cookie of before, and finds the page of the first one's browser.
#[tokio::test]
async fn a_second_click_on_a_proof_logs_nobody_out() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "web-shop")
        .await
        .with("confirm_password", PASSWORD);
    let mut second_click = copied(&companion, &alice);
    send(&mut alice, &filled).await;
    assert_eq!(second_click.submit(&filled).await.status, 403);
    assert!(is_logged_in(&mut alice).await);
}
