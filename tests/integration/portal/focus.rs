//! Which field of a form has the focus: the first, and after an error the first that is wrong.

use super::{form, log_in, new_app, page, sign_up};
use crate::client::Answer;
use crate::test_browser::TestBrowser;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion};

/// The names of the fields that have the focus when a page opens.
fn focused(page: &Answer) -> Vec<String> {
    let tags = page.body.split('<').filter_map(|rest| rest.split_once('>'));
    let tags = tags.filter(|(tag, _)| tag.ends_with(" autofocus"));
    let names = tags.map(|(tag, _)| {
        let (_, rest) = tag.split_once(" name=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    });
    names.collect()
}

/// The field with the focus after a form was sent with these values.
async fn after(browser: &mut TestBrowser<'_>, path: &str, values: &[(&str, &str)]) -> Vec<String> {
    let mut filled = form(&page(browser, path).await, path);
    for (name, value) in values {
        filled = filled.with(name, value);
    }
    let refused = browser.submit(&filled).await;
    assert!(refused.status >= 400, "{refused:?}");
    focused(&refused)
}

#[tokio::test]
async fn the_first_wrong_field_has_the_focus() {
    let companion = TestCompanion::start().await;
    companion.register("bobby").await;
    let mut stranger = TestBrowser::new(&companion);
    let path = "/portal/sign-up";
    assert_eq!(focused(&page(&mut stranger, path).await), ["username"]);
    let carol = ("username", "carol");
    for (email, password, expected) in [
        ("nowhere", PASSWORD, "email"),
        ("carol@shop.example", "short", "password"),
    ] {
        let values = [carol, ("email", email), ("password", password)];
        assert_eq!(after(&mut stranger, path, &values).await, [expected]);
    }

    let mut alice = sign_up(&companion, "alice").await;
    for (path, values, expected) in [
        (
            "/portal/account/email",
            [("email", "a@shop.example"), ("password", "a guess")],
            "password",
        ),
        (
            "/portal/account/email",
            [("email", "nowhere"), ("password", PASSWORD)],
            "email",
        ),
        (
            "/portal/account/password",
            [("old_password", PASSWORD), ("new_password", "short")],
            "new_password",
        ),
        (
            "/portal/account/password",
            [
                ("old_password", "a guess"),
                ("new_password", "another good password"),
            ],
            "old_password",
        ),
        (
            "/portal/apps/new",
            [("name", "web-shop"), ("link", "nowhere")],
            "link",
        ),
        (
            "/portal/apps/new",
            [("name", "web-shop"), ("redirect_uris", "nowhere")],
            "redirect_uris",
        ),
    ] {
        let mut values = values.to_vec();
        values.push(("extent", "all"));
        assert_eq!(after(&mut alice, path, &values).await, [expected], "{path}");
    }
    let named = new_app(&mut alice, "").await;
    assert_eq!(focused(&alice.submit(&named).await), ["name"]);
}

#[tokio::test]
async fn forms_of_the_panel_begin_in_their_first_field() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    for (path, first) in [
        ("/panel/new-role", "name"),
        ("/panel/roles/consumer", "name"),
        ("/panel/new-user", "username"),
    ] {
        assert_eq!(focused(&page(&mut admin, path).await), [first], "{path}");
    }
    let values = [("username", "carol"), ("email", "nowhere")];
    let refused = after(&mut admin, "/panel/new-user", &values).await;
    assert_eq!(refused, ["email"]);
    let asked = form(
        &page(&mut admin, "/portal/passkeys").await,
        "/portal/passkeys/new",
    );
    let asked = admin.submit(&asked).await;
    assert_eq!(focused(&asked), ["name"], "{asked:?}");
    let cancel = "href=\"/portal/passkeys\">Cancel";
    assert!(asked.body.contains(cancel), "{asked:?}");
}
