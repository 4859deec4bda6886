//! What browsers are told where nothing is, of what is damaged, and of a store that cannot be written to.

use portcullis::clock::{Clock, SystemClock};
use portcullis::store::Store;

use super::{assert_protected, form, in_german, page, sign_up};
use crate::test_browser::{CALLBACK, TestBrowser, request};
use crate::test_companion::{TestCompanion, bearer};

#[tokio::test]
async fn a_browser_where_nothing_is_gets_a_page_and_others_are_asked_for_a_token() {
    let companion = TestCompanion::start().await;
    let alice = bearer(&companion.register("alice").await);
    let html = "accept: text/html,application/xhtml+xml,*/*;q=0.8";
    for (headers, status, told) in [
        (vec![html], 404, "There is nothing here"),
        (vec![html, "accept-language: de"], 404, "Hier ist nichts"),
        (vec![html, alice.as_str()], 403, "access_denied"),
        (vec!["accept: */*"], 401, "unauthorized"),
        (vec![], 401, "unauthorized"),
    ] {
        let answer = companion.send("GET", "/nothing/here", &headers, "").await;
        assert_eq!(answer.status, status, "{headers:?}: {answer:?}");
        assert!(answer.body.contains(told), "{told}: {answer:?}");
        if status == 404 {
            assert_protected(&answer);
        }
    }
    // What is there stays what it is for everybody.
    let private = companion.send("GET", "/consumer/app", &[html], "").await;
    assert_eq!(private.status, 401, "{private:?}");
    let written = companion.send("POST", "/nothing/here", &[html], "").await;
    assert_eq!(written.status, 401, "{written:?}");
}

#[tokio::test]
async fn what_is_damaged_is_told_in_the_language_of_the_reader() {
    let companion = TestCompanion::start().await;
    let browser = TestBrowser::new(&companion);
    for (path, told) in [
        (
            "/authorization/authorize?client_id=nope",
            "die App gibt es nicht, oder sie ist gesperrt.",
        ),
        ("/authorization/authorize", "die Adresse nennt keine App"),
        (
            "/portal/log-in?next=%00",
            "Die Adresse oder das Formular ist nicht richtig kodiert.",
        ),
    ] {
        let answer = in_german(&companion, &browser, path).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.body.contains(told), "{told}: {answer:?}");
    }
}

#[tokio::test]
async fn a_log_out_that_cannot_be_written_down_says_so() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let log_out = form(&page(&mut alice, "/").await, "/portal/log-out");
    // While another process writes, nobody else does.
    let store = Store::open(&companion.store()).await.unwrap();
    let change = store.change(SystemClock.now()).await.unwrap();
    let answer = alice.submit(&log_out).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(
        answer.body.contains("You are still logged in"),
        "{answer:?}"
    );
    for told in [
        "closing the browser does not end it",
        "an administrator can end",
    ] {
        assert!(answer.body.contains(told), "{told}: {answer:?}");
    }
    drop(change);
    page(&mut alice, "/portal/account").await;
    assert_eq!(alice.submit(&log_out).await.status, 303);
    assert_eq!(alice.get("/portal/account").await.status, 303);
}

/// The same of the log-out on the page of an app that asks for access.
#[tokio::test]
async fn a_log_out_at_a_consent_that_cannot_be_written_down_says_so() {
    let companion = TestCompanion::start().await;
    let owner = companion.register("owner").await;
    let app = companion.web_app(&owner, "shop", &[CALLBACK]).await;
    let mut alice = sign_up(&companion, "alice").await;
    let consent = alice.get(&request(&app)).await;
    let log_out = form(&consent, "/authorization/logout");
    let before = alice.cookies.clone();
    let store = Store::open(&companion.store()).await.unwrap();
    let change = store.change(SystemClock.now()).await.unwrap();
    let answer = alice.submit(&log_out).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    for told in [
        "Not now",
        "You are still logged in",
        "an administrator can end",
    ] {
        assert!(answer.body.contains(told), "{told}: {answer:?}");
    }
    assert_eq!(alice.cookies, before, "which it takes to try again");
    drop(change);
    page(&mut alice, "/portal/account").await;
    assert_eq!(alice.submit(&log_out).await.status, 303);
    assert_eq!(alice.get("/portal/account").await.status, 303);
}
