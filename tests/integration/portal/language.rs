//! The language of the pages: that of the browser, until somebody chooses another one.

use super::{form, log_in, next, page, sign_up};
use crate::client::Answer;
use crate::test_browser::{CALLBACK, TestBrowser, TestForm, request, set_cookies};
use crate::test_companion::{FORM, PASSWORD, TestCompanion};

const PATH: &str = "/portal/language";

fn choice(page: &Answer, language: &str) -> TestForm {
    form(page, PATH).with("language", language)
}

fn is_in(page: &Answer, language: &str) -> bool {
    page.body.contains(&format!("<html lang=\"{language}\">"))
}

/// Chooses a language on the page at this path, and gets the page to which that leads back.
async fn choose(browser: &mut TestBrowser<'_>, path: &str, language: &str) -> Answer {
    let shown = browser.get(path).await;
    let chosen = browser.submit(&choice(&shown, language)).await;
    assert_eq!(next(&chosen), path);
    let kept = format!(
        "__Host-portcullis-language={language}; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=31536000"
    );
    assert!(set_cookies(&chosen).contains(&kept), "{chosen:?}");
    let back = browser.get(path).await;
    assert!(is_in(&back, language), "{path}: {back:?}");
    back
}

/// Chooses German on a page, which then says this, and English again.
async fn there_and_back(browser: &mut TestBrowser<'_>, path: &str, german: &str) {
    let shown = choose(browser, path, "de").await;
    assert!(shown.body.contains(german), "{path}: {shown:?}");
    let vary = shown.header("vary").unwrap();
    assert!(vary.contains("cookie"), "{path}: {shown:?}");
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    let policy = shown.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self'"), "{path}: {policy}");
    choose(browser, path, "en").await;
}

#[tokio::test]
async fn a_reader_chooses_a_language_on_any_page_that_can_be_opened_again() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let token = companion.login("alice", PASSWORD).await;
    let app = companion.web_app(&token, "web-shop", &[CALLBACK]).await;
    let mut stranger = TestBrowser::new(&companion);
    let consent = request(&app);
    for (path, german) in [
        ("/portal/log-in?next=%2Fportal%2Fapps", "Anmelden"),
        (consent.as_str(), "um fortzufahren mit"),
    ] {
        there_and_back(&mut stranger, path, german).await;
    }
    for (path, german) in [
        ("/", "Zugang zur API"),
        ("/portal/apps", "Meine Apps"),
        ("/portal/nope", "Hier ist nichts"),
        ("/panel/users", "backend.user"),
        (consent.as_str(), "handeln"),
    ] {
        there_and_back(&mut alice, path, german).await;
    }
    // What an app has got wrong leads nowhere, and has no form.
    let fault = format!("{consent}&client_id=twice");
    let shown = stranger.get(&fault).await;
    assert!(!shown.body.contains("<form"), "{shown:?}");
    // Whatever the browser prefers, and in the next session as well.
    let cookie = "cookie: __Host-portcullis-language=de";
    for (headers, language) in [
        ([cookie, "accept-language: en"], "de"),
        (
            [
                "cookie: __Host-portcullis-language=en",
                "accept-language: de",
            ],
            "en",
        ),
        (
            [
                "cookie: __Host-portcullis-language=tlh",
                "accept-language: de",
            ],
            "de",
        ),
        (
            ["cookie: portcullis-language=en", "accept-language: de"],
            "de",
        ),
    ] {
        let shown = companion.send("GET", "/", &headers, "").await;
        assert!(is_in(&shown, language), "{headers:?}: {shown:?}");
    }
}

#[tokio::test]
async fn a_choice_leads_nowhere_else_and_is_made_on_pages_of_this_site() {
    let companion = TestCompanion::start().await;
    let mut browser = TestBrowser::new(&companion);
    let start = page(&mut browser, "/").await;
    for address in [
        "",
        "//evil.example/",
        "/\\evil.example/",
        "https://evil.example/",
        "/\t/evil.example/",
        "/portal//evil.example",
    ] {
        let sent = choice(&start, "de").with("address", address);
        let answer = browser.submit(&sent).await;
        assert_eq!(next(&answer), "/", "{address:?}");
    }
    let unknown = browser.submit(&choice(&start, "tlh")).await;
    assert_eq!(unknown.status, 400, "{unknown:?}");
    assert_eq!(next(&browser.get(PATH).await), "/");
    for header in [
        "sec-fetch-site: cross-site",
        "sec-fetch-site: same-site",
        "origin: https://evil.example",
    ] {
        let headers = [FORM, header];
        let answer = companion.send("POST", PATH, &headers, "language=de&address=%2F");
        let answer = answer.await;
        assert_eq!(answer.status, 403, "{header}: {answer:?}");
        let kept = set_cookies(&answer);
        let is_chosen = kept.iter().any(|cookie| cookie.contains("language"));
        assert!(!is_chosen, "{header}: {kept:?}");
    }
    // Pages of strangers have no token, and `Referrer-Policy` leaves no origin.
    let headers = [FORM, "origin: null", "sec-fetch-site: same-origin"];
    let answer = companion.send("POST", PATH, &headers, "language=de&address=%2F");
    assert_eq!(next(&answer.await), "/");
}

#[tokio::test]
async fn what_was_typed_is_not_lost_by_a_choice() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let mut browser = TestBrowser::new(&companion);
    let shown = page(&mut browser, "/portal/log-in").await;
    let filled = form(&shown, "/portal/log-in").with("username", "alice");
    let refused = browser.submit(&filled.with("password", "a guess")).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(!refused.body.contains(PATH), "{refused:?}");
    // What was done is still told after it.
    let mut alice = log_in(&companion, "alice", PASSWORD).await;
    let filled = super::new_app(&mut alice, "web-shop").await;
    let made = super::send(&mut alice, &filled).await;
    let app = super::client(&made);
    let answer = alice.submit(&choice(&made, "de")).await;
    let again = page(&mut alice, &next(&answer)).await;
    assert_eq!(super::client(&again).secret, app.secret);
    assert!(is_in(&again, "de"), "{again:?}");
}
