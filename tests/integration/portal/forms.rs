//! Forms that are not from our own pages do nothing.

use super::{client, log_in, new_app, next, page, send, sign_up};
use crate::test_browser::{TestBrowser, TestForm, form};
use crate::test_companion::{FORM, PASSWORD, TestCompanion};

/// Each form of the portal, as alice has it, filled in.
async fn all_forms(browser: &mut TestBrowser<'_>) -> Vec<TestForm> {
    let made = new_app(browser, "web-shop").await;
    let path = next(&browser.submit(&made).await);
    let mut forms = vec![new_app(browser, "second-app").await];
    for (part, fields) in [
        ("edit", [("name", "renamed"), ("extent", "all")]),
        ("rotate", [("earlier", "now"), ("", "")]),
        ("delete", [("", ""), ("", "")]),
    ] {
        let action = format!("{path}/{part}");
        let mut filled = form(&page(browser, &action).await, &action);
        for (name, value) in fields.into_iter().filter(|(name, _)| !name.is_empty()) {
            filled = filled.with(name, value);
        }
        forms.push(filled);
    }
    let start = page(browser, "/").await;
    forms.push(form(&start, "/portal/log-out"));
    forms
}

/// What alice has: her apps, with their names and dates.
async fn state(browser: &mut TestBrowser<'_>) -> String {
    let (_, list) = {
        let apps = page(browser, "/portal/apps").await;
        let (head, list) = apps.body.split_once("<table").unwrap();
        (head.to_owned(), list.to_owned())
    };
    list
}

#[tokio::test]
async fn a_form_needs_the_token_of_its_session() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let mut bobby = sign_up(&companion, "bobby").await;
    let bobbys = form(&page(&mut bobby, "/").await, "/portal/log-out").fields["csrf"].clone();
    let forms = all_forms(&mut alice).await;
    let before = state(&mut alice).await;
    for filled in &forms {
        for forged in [
            filled.clone().without("csrf"),
            filled.clone().with("csrf", ""),
            filled.clone().with("csrf", &bobbys),
        ] {
            let answer = alice.submit(&forged).await;
            assert_eq!(answer.status, 403, "{}: {answer:?}", filled.action);
            assert!(
                answer.body.contains("out of date"),
                "{}: {answer:?}",
                filled.action
            );
        }
        // From bobby's browser, with alice's token.
        assert_eq!(bobby.submit(filled).await.status, 403, "{}", filled.action);
    }
    assert_eq!(state(&mut alice).await, before);
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "web-shop").await;
    let cookies: Vec<String> = alice
        .cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let cookie = format!("cookie: {}", cookies.join("; "));
    let body = format!("csrf={}&name=web-shop&extent=all", filled.fields["csrf"]);
    for (header, expected) in [
        ("sec-fetch-site: cross-site", 403),
        ("sec-fetch-site: same-site", 403),
        ("origin: https://evil.example", 403),
        ("origin: https://id.shop.example", 303),
    ] {
        let headers = [FORM, &cookie, header];
        let answer = companion
            .send("POST", "/portal/apps/new", &headers, &body)
            .await;
        assert_eq!(answer.status, expected, "{header}: {answer:?}");
    }
    let json = ["content-type: application/json", cookie.as_str()];
    let answer = companion
        .send("POST", "/portal/apps/new", &json, "{}")
        .await;
    assert_eq!(answer.status, 400, "{answer:?}");
}

#[tokio::test]
async fn after_a_log_out_no_form_does_anything() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let forms = all_forms(&mut alice).await;
    let stolen = alice.cookies.clone();
    let start = page(&mut alice, "/").await;
    let start = send(&mut alice, &form(&start, "/portal/log-out")).await;
    assert!(start.body.contains("You are logged out."), "{start:?}");
    for filled in &forms {
        let answer = alice.submit(filled).await;
        assert_eq!(answer.status, 403, "{}: {answer:?}", filled.action);
    }
    // Nor with the cookies of before.
    alice.cookies = stolen;
    for filled in forms
        .iter()
        .filter(|filled| filled.action != "/portal/log-out")
    {
        let answer = alice.submit(filled).await;
        assert_eq!(answer.status, 403, "{}: {answer:?}", filled.action);
    }
    assert_eq!(alice.get("/portal/apps").await.status, 303);
    let mut alice = log_in(&companion, "alice", PASSWORD).await;
    assert!(state(&mut alice).await.contains("web-shop"));
}

#[tokio::test]
async fn a_form_that_is_sent_twice_does_its_work_once() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let made = new_app(&mut alice, "web-shop").await;
    let path = next(&alice.submit(&made).await);
    let app = client(&page(&mut alice, &path).await);
    let again = client(&send(&mut alice, &made).await);
    assert_eq!(
        (again.key, again.secret),
        (app.key, app.secret),
        "the same app"
    );
    let taken = new_app(&mut alice, "web-shop").await;
    let taken = alice.submit(&taken).await;
    assert_eq!(taken.status, 409, "{taken:?}");
    assert!(
        taken
            .body
            .contains("You already have an app with this name."),
        "{taken:?}"
    );
    let action = format!("{path}/rotate");
    let rotate = form(&page(&mut alice, &action).await, &action).with("earlier", "now");
    let app = client(&send(&mut alice, &rotate).await);
    let again = alice.submit(&rotate).await;
    assert_eq!(again.status, 409, "{again:?}");
    companion.tokens(&app).await;
    let action = format!("{path}/delete");
    let delete = form(&page(&mut alice, &action).await, &action);
    assert_eq!(alice.submit(&delete).await.status, 303);
    assert_eq!(alice.submit(&delete).await.status, 404);
}

#[tokio::test]
async fn what_somebody_calls_itself_is_text() {
    let companion = TestCompanion::start().await;
    let mut browser = TestBrowser::new(&companion);
    let empty = form(
        &page(&mut browser, "/portal/sign-up").await,
        "/portal/sign-up",
    );
    let hostile = "\"><script>alert(1)</script>";
    let filled = empty
        .with("username", hostile)
        .with("email", hostile)
        .with("password", PASSWORD);
    let answer = browser.submit(&filled).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(!answer.body.contains("<script"), "{answer:?}");
    // Both are told at once, and marked; the password is not.
    for told in ["A username has 3 to 64", "This is not an e-mail address"] {
        assert!(answer.body.contains(told), "{told}: {answer:?}");
    }
    let marked = answer.body.matches("aria-invalid=\"true\"").count();
    assert_eq!(marked, 2, "{answer:?}");
    assert!(answer.body.contains("&lt;script&gt;"), "{answer:?}");
    assert!(!answer.body.contains(PASSWORD), "{answer:?}");
}
