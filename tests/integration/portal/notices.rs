//! What a page tells of the form before it: once, after one reload, and on no other page.

use portcullis::clock::Clock;

use super::{client, form, in_german, log_in, new_app, page, send, sign_up, with_clock};
use crate::test_companion::{ADMIN_PASSWORD, TestCompanion};

#[tokio::test]
async fn what_was_done_is_told_once_and_after_one_reload_and_not_where_something_is_asked() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    companion.register("bobby").await;
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let path = "/panel/revoke";
    let revoke = async |admin: &mut crate::test_browser::TestBrowser<'_>, name: &str| {
        let empty = form(&page(admin, path).await, path);
        let filled = empty.with("kind", "user").with("name", name);
        admin.submit(&filled).await
    };
    let told = "The tokens have ended.";
    let asked = revoke(&mut admin, "alice").await;
    let answer = admin.submit(&form(&asked, path)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    // The cookie of the page is there, and the next question says nothing of it.
    let cookie = admin.cookies["__Secure-portcullis-told"].clone();
    let asked = admin.submit(&form(&asked, path).without("confirmed")).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    assert!(!asked.body.contains(told), "{asked:?}");
    for expected in [true, true, false] {
        let shown = page(&mut admin, path).await;
        assert_eq!(shown.body.contains(told), expected, "{shown:?}");
    }
    assert!(!admin.cookies.contains_key("__Secure-portcullis-told"));
    let again = revoke(&mut admin, "bobby").await;
    assert!(!again.body.contains(told), "{again:?}");
    assert!(!cookie.is_empty());
}

#[tokio::test]
async fn a_secret_says_until_when_it_is_there_and_that_it_has_replaced_another() {
    let (companion, clock) = with_clock().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "web-shop").await;
    let made = send(&mut alice, &filled).await;
    let app = client(&made);
    let end = clock.now().plus(60).0;
    let (hour, minute, second) = (end / 3600 % 24, end / 60 % 60, end % 60);
    let until = format!(">{hour:02}:{minute:02}:{second:02} UTC</time> in this browser.");
    assert!(made.body.contains(&until), "{until}: {made:?}");
    let path = format!("/portal/apps/{}", app.key);
    // It is that of the answer, not of the reload.
    clock.advance(30);
    let reloaded = page(&mut alice, &path).await;
    assert!(reloaded.body.contains(&until), "{until}: {reloaded:?}");
    let german = in_german(&companion, &alice, &path).await;
    assert!(german.body.contains("Sichtbar bis"), "{german:?}");

    let action = format!("{path}/rotate");
    let first = page(&mut alice, &action).await;
    assert!(!first.body.contains("id=\"earlier\""), "{first:?}");
    let rotated = send(&mut alice, &form(&first, &action).with("earlier", "later")).await;
    let told = "The secret has been replaced.";
    assert!(rotated.body.contains(told), "{rotated:?}");

    // A third one ends the first, which was to live on.
    clock.advance(60);
    let second = page(&mut alice, &action).await;
    for text in [
        "An earlier secret is valid until <time ",
        "UTC</time>. It ends now",
    ] {
        assert!(second.body.contains(text), "{text}: {second:?}");
    }
    let german = in_german(&companion, &alice, &action).await;
    assert!(german.body.contains("Es endet jetzt"), "{german:?}");
    send(&mut alice, &form(&second, &action).with("earlier", "later")).await;
    let ended = companion.token(&app, "grant_type=client_credentials").await;
    assert_eq!(ended.status, 401, "{ended:?}");
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let audit = companion.get("/backend/audit?limit=1", &admin).await;
    assert!(
        audit
            .body
            .contains("an earlier one ended 86340 seconds before its time"),
        "{audit:?}"
    );
}
