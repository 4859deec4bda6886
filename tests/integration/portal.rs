//! The portal as a person meets it: with a browser, without script.

mod account;
mod app_words;
mod apps;
mod ended_sessions;
mod first_calls;
mod first_steps;
mod focus;
mod forms;
mod from_an_app;
mod guarded;
mod language;
mod lineages;
mod logins;
mod look;
mod lost;
mod notices;
mod own_apps;
mod pages;
mod panel;
mod passkeys;
mod routes;
mod script;
mod sign_ins;
mod trial;

use std::sync::Arc;

use portcullis::clock::{Clock, ManualClock, SystemClock};
use serde_json::json;

use crate::client::Answer;
use crate::test_app::Setup;
use crate::test_browser::{CALLBACK, TestBrowser, TestForm, form, request, set_cookies};
use crate::test_companion::{
    ADMIN_PASSWORD, PASSWORD, TestClient, TestCompanion, feed_listener, setup, sqlite,
};

/// Where an answer to a form sends the browser.
fn next(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(
        answer.header("cache-control"),
        Some("no-store"),
        "{answer:?}"
    );
    answer.header("location").unwrap().to_owned()
}

/// A page that is there, with all that protects it.
async fn page(browser: &mut TestBrowser<'_>, path: &str) -> Answer {
    let answer = browser.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_protected(&answer);
    answer
}

/// The same page for whoever reads German.
async fn in_german(companion: &TestCompanion, browser: &TestBrowser<'_>, path: &str) -> Answer {
    let cookies = browser.cookies.iter();
    let cookies: Vec<_> = cookies
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let cookies = format!("cookie: {}", cookies.join("; "));
    let headers = [cookies.as_str(), "accept-language: de"];
    companion.send("GET", path, &headers, "").await
}

fn assert_protected(answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    // A page whose form leads on to an app leaves the window to it.
    let opener = if policy.contains("form-action 'self';") {
        "same-origin"
    } else {
        "unsafe-none"
    };
    for (header, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", opener),
    ] {
        assert_eq!(answer.header(header), Some(value), "{header}");
    }
    let has_script = answer.body.contains("<script");
    assert_eq!(
        policy.contains("script-src 'self';"),
        has_script,
        "{policy}"
    );
    // The one script is a file.
    let body = answer.body.replace("<script src=\"/assets/", "");
    for inline in ["<script", "<style", " style=", " onclick="] {
        assert!(!body.contains(inline), "{inline}");
    }
}

/// Sends the form of a page, filled in, and gets the page that it leads to.
async fn send(browser: &mut TestBrowser<'_>, filled: &TestForm) -> Answer {
    let answer = browser.submit(filled).await;
    let path = next(&answer);
    page(browser, &path).await
}

async fn sign_up<'a>(companion: &'a TestCompanion, username: &str) -> TestBrowser<'a> {
    let mut browser = TestBrowser::new(companion);
    let empty = form(
        &page(&mut browser, "/portal/sign-up").await,
        "/portal/sign-up",
    );
    let filled = empty
        .with("username", username)
        .with("email", &format!("{username}@shop.example"))
        .with("password", PASSWORD);
    let start = send(&mut browser, &filled).await;
    assert!(start.body.contains("you are logged in"), "{start:?}");
    browser
}

async fn log_in<'a>(
    companion: &'a TestCompanion,
    username: &str,
    password: &str,
) -> TestBrowser<'a> {
    let mut browser = TestBrowser::new(companion);
    let empty = form(
        &page(&mut browser, "/portal/log-in").await,
        "/portal/log-in",
    );
    let filled = empty.with("username", username).with("password", password);
    send(&mut browser, &filled).await;
    browser
}

/// The form for a new app, filled in.
async fn new_app(browser: &mut TestBrowser<'_>, name: &str) -> TestForm {
    let empty = page(browser, "/portal/apps/new").await;
    form(&empty, "/portal/apps/new")
        .with("name", name)
        .with("extent", "all")
}

/// What stands in the element with this id.
fn element(page: &Answer, id: &str) -> String {
    let start = format!(" id=\"{id}\">");
    let (_, rest) = page
        .body
        .split_once(&start)
        .unwrap_or_else(|| panic!("no {id}: {page:?}"));
    let (text, _) = rest.split_once('<').unwrap();
    text.replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#34;", "\"")
}

/// The key and the secret that the page of an app shows.
fn client(page: &Answer) -> TestClient {
    TestClient {
        key: element(page, "app-key"),
        secret: element(page, "app-secret"),
    }
}

/// A companion whose clock is in the hands of the test.
pub(crate) async fn with_clock() -> (TestCompanion, Arc<ManualClock>) {
    with_clock_and("").await
}

/// The same with the feed.
async fn with_clock_and_feed() -> (TestCompanion, Arc<ManualClock>) {
    prepared("", feed_listener("")).await
}

/// The same with further keys of the section `issuer`, with a comma in front.
async fn with_clock_and(keys: &str) -> (TestCompanion, Arc<ManualClock>) {
    prepared(keys, String::new()).await
}

async fn prepared(keys: &str, listeners: String) -> (TestCompanion, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup {
        clock: Some(Arc::clone(&clock)),
        listeners,
        ..setup(folder.path(), &sqlite(folder.path()))
    };
    let closing = setup.extra.rfind('}').unwrap();
    setup.extra.insert_str(closing, keys);
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    (companion, clock)
}
