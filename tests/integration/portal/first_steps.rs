//! What the pages offer to somebody who is new, and how few steps it takes to a first answer of the API.

use super::*;
use crate::upstream::Upstream;

/// The start page, the form of a new user, that of the app, and its first call: as many forms and links as a person
/// clicks on.
#[tokio::test]
async fn four_clicks_lead_from_the_start_page_to_an_answer_of_the_api() {
    let upstream = Upstream::start().await;
    let keys = format!(
        ", portal: {{proxy: {{url: \"http://{0}\"}}, example_url: \"http://{0}/orders/1?full=yes\"}}",
        upstream.address
    );
    let companion = TestCompanion::with_issuer_keys(&keys).await;
    let mut browser = TestBrowser::new(&companion);
    let start = page(&mut browser, "/").await;
    assert!(start.body.contains("href=\"/portal/sign-up\""), "{start:?}");
    let empty = page(&mut browser, "/portal/sign-up").await;
    let filled = form(&empty, "/portal/sign-up")
        .with("username", "alice")
        .with("email", "alice@shop.example")
        .with("password", PASSWORD);
    // It leads to the form of an app, on which the choice is made already.
    let app = send(&mut browser, &filled).await;
    let told = "Your account is ready";
    assert!(app.body.contains(told), "{app:?}");
    let filled = form(&app, "/portal/apps/new")
        .with("name", "web-shop")
        .with("extent", "all");
    let made = send(&mut browser, &filled).await;
    let client = client(&made);
    let call = form(&made, "/portal/try");
    assert_eq!(call.fields["secret"], client.secret);
    let location = next(&browser.submit(&call).await);
    assert!(!location.contains(&client.secret), "{location}");
    let answer = page(&mut browser, &location).await;
    assert_eq!(element(&answer, "status"), "200");
    assert!(!answer.body.contains(&client.secret), "{answer:?}");
    assert_eq!(upstream.seen()[0].path, "/orders/1?full=yes");
    // The form has what was sent.
    assert!(answer.body.contains("value=\"full=yes\""), "{answer:?}");

    // Once the secret is gone, so is the button.
    browser.cookies.remove("__Secure-portcullis-told");
    let later = page(&mut browser, &format!("/portal/apps/{}", client.key)).await;
    assert!(!later.body.contains("id=\"first-call\""), "{later:?}");
    assert!(later.body.contains("id=\"call-token\""), "{later:?}");
}

#[tokio::test]
async fn an_example_that_an_app_may_not_call_makes_room_for_one_that_it_may() {
    let reports = "  - {name: reports, methods: [GET], path: /reports, scopes: [orders.write]}\n";
    let open = "  - {name: news, methods: [GET], path: /news, access: authenticated}\n";
    for (routes, lacks, url) in [
        (
            reports.to_owned(),
            Some("Your roles do not have it: an administrator can add it"),
            "https://api.shop.example/reports",
        ),
        (
            format!("{reports}{open}"),
            None,
            "https://api.shop.example/account",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let policy = crate::test_app::POLICY.replace(
            "  - {name: account, methods: [GET, PUT], path: /account, access: authenticated}\n",
            if lacks.is_some() {
                ""
            } else {
                "  - {name: account, methods: [GET, PUT], path: /account, access: authenticated}\n"
            },
        );
        let mut setup = Setup {
            policy: Some(format!("{policy}{routes}")),
            ..setup(folder.path(), &sqlite(folder.path()))
        };
        let keys = ", portal: {example_url: \"https://api.shop.example/reports\"}";
        let closing = setup.extra.rfind('}').unwrap();
        setup.extra.insert_str(closing, keys);
        let companion = TestCompanion::with(&setup, folder);
        companion.furnish().await;
        let mut alice = sign_up(&companion, "alice").await;
        let filled = new_app(&mut alice, "web-shop").await;
        let made = send(&mut alice, &filled).await;
        assert!(element(&made, "call-api").contains(url), "{made:?}");
        match lacks {
            None => assert!(!made.body.contains("id=\"call-lacks\""), "{made:?}"),
            Some(fix) => {
                let told = element(&made, "call-lacks");
                assert!(
                    told.contains("orders.write") && told.contains(fix),
                    "{told}"
                );
            }
        }
        // Without a proxy nothing is sent from here.
        assert!(!made.body.contains("id=\"first-call\""), "{made:?}");
    }
}

#[tokio::test]
async fn an_app_that_gets_no_token_has_no_first_call() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let body = json!({"name": "idle", "scopes": []});
    let made = companion.post("/consumer/app", &body, &alice).await.json();
    let idle = format!("/portal/apps/{}", made["app_key"].as_str().unwrap());
    let app = companion.app(&alice, "web-shop").await;
    let active = format!("/portal/apps/{}", app.key);
    let mut browser = log_in(&companion, "alice", PASSWORD).await;
    let shown = page(&mut browser, &active).await;
    assert!(shown.body.contains("id=\"call-token\""), "{shown:?}");
    let status = format!("{active}/status");
    let disable = form(&page(&mut browser, &status).await, &status);
    let disabled = send(&mut browser, &disable).await;
    let idle_page = page(&mut browser, &idle).await;
    for (shown, told) in [
        (disabled, "A disabled app gets no token."),
        (idle_page, "An app that may do nothing gets no token."),
    ] {
        assert!(element(&shown, "no-call").contains(told), "{shown:?}");
        for absent in ["id=\"call-token\"", "href=\"/portal/try?"] {
            assert!(!shown.body.contains(absent), "{absent}: {shown:?}");
        }
    }
    let list = page(&mut browser, "/portal/apps").await;
    let cell = format!("<a href=\"{idle}#may\">may do nothing</a>");
    assert!(list.body.contains(&cell), "{list:?}");
    // On the page for calls it stays the one that was asked for, and the page says why it cannot be.
    let path = format!("/portal/try?operation=read-order&caller=app%3A{}", app.key);
    let asked = page(&mut browser, &path).await;
    let radio = format!("value=\"app:{}\" checked disabled>", app.key);
    assert!(asked.body.contains(&radio), "{asked:?}");
    assert_eq!(asked.body.matches(" checked").count(), 1, "{asked:?}");
    for told in ["You can enable it on its page", &status] {
        assert!(asked.body.contains(told), "{told}: {asked:?}");
    }
}

#[tokio::test]
async fn the_start_page_shows_what_is_next_for_whoever_is_there() {
    let keys = ", portal: {text: {en: \"Orders of a shop.\\n\\n<b>Free</b> for members.\", de: \"Bestellungen.\"}}";
    let companion = TestCompanion::with_issuer_keys(keys).await;
    let mut stranger = TestBrowser::new(&companion);
    let start = page(&mut stranger, "/").await;
    for text in [
        "Orders of a shop.</p>",
        "&lt;b&gt;Free&lt;/b&gt; for members.",
    ] {
        assert!(start.body.contains(text), "{text}: {start:?}");
    }
    let german = in_german(&companion, &stranger, "/").await;
    assert!(german.body.contains("Bestellungen."), "{german:?}");

    let mut alice = sign_up(&companion, "alice").await;
    let none = page(&mut alice, "/").await;
    assert!(
        none.body
            .contains("class=\"button\" href=\"/portal/apps/new\""),
        "{none:?}"
    );
    for name in ["one", "two", "three", "four"] {
        let filled = new_app(&mut alice, name).await;
        send(&mut alice, &filled).await;
    }
    let some = page(&mut alice, "/").await;
    let shown = some.body.matches("<tr><th scope=\"row\">").count();
    assert_eq!(shown, 3, "the newest: {some:?}");
    let command = element(&some, "call-token");
    assert!(command.contains(":SECRET"), "{command}");

    let mut admin = log_in(&companion, "admin", ADMIN_PASSWORD).await;
    let start = page(&mut admin, "/").await;
    assert!(
        !start.body.contains("An administrator can give you"),
        "{start:?}"
    );
}

#[tokio::test]
async fn a_user_with_as_many_apps_as_there_can_be_is_told_before_filling_in_a_form() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let mut browser = log_in(&companion, "alice", PASSWORD).await;
    for number in 0..16 {
        companion.app(&alice, &format!("app-{number}")).await;
        let full = page(&mut browser, "/portal/apps/new").await;
        let has_form = full.body.contains("action=\"/portal/apps/new\"");
        assert_eq!(has_form, number < 15, "{number}: {full:?}");
    }
    let full = page(&mut browser, "/portal/apps/new").await;
    let told = "You have 16 apps, the most there can be. Delete one first.";
    assert_eq!(element(&full, "full"), told);
}
