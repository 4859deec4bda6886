//! The table of routes, walked for what protects pages, whatever they answer.

use std::collections::BTreeSet;

use super::passkeys::add;
use super::routes::concrete;
use super::{log_in, sign_up};
use crate::authenticator::TestPasskey;
use crate::client::Answer;
use crate::test_browser::{CALLBACK, TestBrowser, TestForm, form, request};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, URL};

/// What protects a page, whatever it says; the value of each but the policy.
fn assert_guarded(answer: &Answer, opener: &str, what: &str) {
    let header = |name| answer.header(name).unwrap_or_default();
    let policy = header("content-security-policy");
    for part in [
        "default-src 'none'; ",
        "form-action ",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{what}: {part}: {answer:?}");
    }
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    for (name, value) in [
        ("cross-origin-opener-policy", opener),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(header(name), value, "{what}: {name}: {answer:?}");
    }
    let referrer = header("referrer-policy");
    let allowed = ["same-origin", "no-referrer"].contains(&referrer);
    assert!(allowed, "{what}: {answer:?}");
}

/// Looks at an answer, and says whether it is a page.
fn is_guarded_page(answer: &Answer, what: &str) -> bool {
    let header = |name| answer.header(name).unwrap_or_default();
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    let is_page = header("content-type").starts_with("text/html");
    if is_page {
        // An app that has opened the window waits for it.
        let opener = if what.contains(" /authorization/") {
            "unsafe-none"
        } else {
            "same-origin"
        };
        assert_guarded(answer, opener, what);
    } else if !what.contains(" /assets/") {
        assert!(!answer.body.contains("<html"), "{what}: {answer:?}");
    }
    is_page
}

#[tokio::test]
async fn every_answer_that_is_a_page_is_guarded_whatever_it_answers() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.web_app(&alice, "web-shop", &[CALLBACK]).await;
    let asked = request(&app);
    let anonymous = TestBrowser::new(&companion);
    let admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let paths = portcullis::issuer::endpoints().chain(portcullis::issuer::pages());
    let paths: Vec<String> = paths.map(concrete).collect();
    let mut pages = BTreeSet::new();
    for mut browser in [anonymous, admin] {
        for path in paths.iter().chain([&asked, &"/nowhere".to_owned()]) {
            let cookies = browser.cookies.clone();
            // Forms of nobody's, of which one is too long, and a method that nothing has.
            let foreign = |name: &str| TestForm {
                action: path.clone(),
                fields: [("name".to_owned(), name.to_owned())].into(),
            };
            let (foreign, long) = (foreign("x"), foreign(&"x".repeat(100_000)));
            let got = browser.get(path).await;
            browser.cookies.clone_from(&cookies);
            let sent = browser.submit(&foreign).await;
            browser.cookies.clone_from(&cookies);
            let sent_long = browser.submit(&long).await;
            browser.cookies.clone_from(&cookies);
            let odd = companion.send("PATCH", path, &[], "").await;
            for (method, answer) in [
                ("GET", got),
                ("POST", sent),
                ("POST", sent_long),
                ("PATCH", odd),
            ] {
                if is_guarded_page(&answer, &format!("{method} {path}")) {
                    pages.insert((method, path.clone(), answer.status));
                }
            }
        }
    }
    // It has met pages of each kind, among them errors.
    for (method, path, status) in [
        ("GET", "/", 200),
        ("GET", "/panel/users", 200),
        ("GET", "/panel/users/some", 404),
        ("GET", "/portal/some", 404),
        ("POST", "/portal/log-in", 403),
        ("GET", asked.as_str(), 200),
        ("GET", "/authorization/authorize", 400),
    ] {
        let met = pages.contains(&(method, path.to_owned(), status));
        assert!(met, "{method} {path} {status}: {pages:?}");
    }
}

#[tokio::test]
async fn a_login_for_an_app_leaves_the_window_to_the_app_that_opened_it() {
    let companion = TestCompanion::start().await;
    let mut alice = log_in_with_passkey(&companion).await;
    let app = {
        let token = companion.register("bobby").await;
        companion.web_app(&token, "web-shop", &[CALLBACK]).await
    };
    let guarded = |answer: &Answer, what: &str| assert_guarded(answer, "unsafe-none", what);
    let asked = alice.get(&request(&app)).await;
    assert!(asked.body.contains("/authorization/consent"), "{asked:?}");
    guarded(&asked, "consent");
    let undecided = form(&asked, "/authorization/consent");
    guarded(
        &alice.submit(&undecided).await,
        "a consent without a decision",
    );
    let mut browser = TestBrowser::new(&companion);
    let login = browser.get(&request(&app)).await;
    guarded(&login, "login");
    let login = form(&login, "/authorization/login").with("username", "alice");
    let wrong = login.clone().with("password", "a guess");
    guarded(&browser.submit(&wrong).await, "a wrong password");
    // The second step is a page of the portal, which leads back to the app.
    let step = browser.submit(&login.with("password", PASSWORD)).await;
    guarded(&step, "second step");
    let code = form(&step, "/portal/log-in/recovery").with("code", "0000-0000");
    guarded(&browser.submit(&code).await, "a wrong code");
}

/// Alice, who has a passkey from now on.
async fn log_in_with_passkey(companion: &TestCompanion) -> TestBrowser<'_> {
    let mut alice = sign_up(companion, "alice").await;
    add(&mut alice, &TestPasskey::es256(URL)).await;
    alice
}
