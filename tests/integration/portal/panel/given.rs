//! What administrators are asked before they give something, and what pages say of roles.

use serde_json::json;

use super::{administrator, form, log_in, page, send, sign_up, ticked};
use crate::portal::in_german;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion};

const ALICE: &str = "/panel/users/alice";

#[tokio::test]
async fn a_role_of_administrators_is_given_after_a_question_alone() {
    let companion = TestCompanion::start().await;
    sign_up(&companion, "alice").await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    for (name, scopes) in [("clerk", ["orders.write"]), ("helper", ["backend.user"])] {
        let body = json!({"name": name, "scopes": scopes});
        let made = companion.post("/backend/role", &body, &token).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    let mut admin = administrator(&companion).await;
    // A role of the API is given at once.
    let plain = form(&page(&mut admin, ALICE).await, ALICE)
        .with("box:consumer", "on")
        .with("box:clerk", "on");
    let given = send(&mut admin, &plain).await;
    assert_eq!(ticked(&given), ["clerk", "consumer"]);

    let filled = form(&given, ALICE)
        .with("box:consumer", "on")
        .with("box:clerk", "on")
        .with("box:helper", "on");
    let asked = admin.submit(&filled).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    for text in [
        "Gets: helper",
        "Scopes that the user did not have before: backend.user",
        "make an administrator",
    ] {
        assert!(asked.body.contains(text), "{text}: {asked:?}");
    }
    for absent in ["Loses:", "class=\"danger\""] {
        assert!(!asked.body.contains(absent), "{absent}: {asked:?}");
    }
    let before = page(&mut admin, ALICE).await;
    assert_eq!(ticked(&before), ["clerk", "consumer"], "nothing yet");
    let given = send(&mut admin, &form(&asked, ALICE)).await;
    assert_eq!(ticked(&given), ["clerk", "consumer", "helper"]);
    // What it has of administrators already is no news.
    let again = form(&given, ALICE)
        .with("box:consumer", "on")
        .with("box:helper", "on");
    let asked = admin.submit(&again.with("box:administrator", "on")).await;
    for text in [
        "Gets: administrator",
        "Loses: clerk",
        "Scopes that the user then no longer has: orders.write",
        "class=\"danger\"",
    ] {
        assert!(asked.body.contains(text), "{text}: {asked:?}");
    }
    let (_, gained) = asked.body.split_once("did not have before:").unwrap();
    let (gained, _) = gained.split_once("</p>").unwrap();
    assert!(
        gained.contains("backend.role") && !gained.contains("backend.user"),
        "{gained}"
    );
}

#[tokio::test]
async fn roles_of_a_user_lead_to_their_pages_and_say_what_they_give() {
    let companion = TestCompanion::start().await;
    sign_up(&companion, "alice").await;
    let mut admin = administrator(&companion).await;
    let shown = page(&mut admin, ALICE).await;
    let link = "<strong><a href=\"/panel/roles/administrator\">administrator</a></strong>";
    for text in [
        link,
        "Gives backend.app, ",
        " more</span>",
        "The user has ",
        ">History</a>",
    ] {
        assert!(shown.body.contains(text), "{text}: {shown:?}");
    }
    let german = in_german(&companion, &admin, ALICE).await;
    for text in [" weitere</span>", ">Verlauf</a>"] {
        assert!(german.body.contains(text), "{text}: {german:?}");
    }
    // For whoever may see roles.
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let role = json!({"name": "helper", "scopes": ["backend.user", "consumer.account"]});
    let made = companion.post("/backend/role", &role, &token).await;
    assert_eq!(made.status, 201, "{made:?}");
    let user = json!({
        "username": "bob", "email": "bob@shop.example", "password": PASSWORD, "roles": ["helper"],
    });
    let made = companion.post("/backend/user", &user, &token).await;
    assert_eq!(made.status, 201, "{made:?}");
    let mut bob = log_in(&companion, "bob", PASSWORD).await;
    let shown = page(&mut bob, ALICE).await;
    assert!(
        shown.body.contains("<strong>administrator</strong>"),
        "{shown:?}"
    );
    assert!(!shown.body.contains("/panel/roles"), "{shown:?}");
}

#[tokio::test]
async fn the_filter_of_a_role_is_for_the_list_that_it_is_in() {
    let companion = TestCompanion::start().await;
    let mut admin = administrator(&companion).await;
    for path in ["/panel/new-role", "/panel/roles/consumer"] {
        let shown = page(&mut admin, path).await;
        let parts: Vec<&str> = shown.body.split("<fieldset").collect();
        assert_eq!(parts.len(), 3, "{shown:?}");
        assert!(parts[1].starts_with(" id=\"scopes\">"), "{shown:?}");
        let filter = "data-filter=\"#scopes ";
        assert!(parts[1].contains(filter), "{shown:?}");
        assert!(
            parts[1].contains("data-none=\"Nothing matches\""),
            "{shown:?}"
        );
    }
}

#[tokio::test]
async fn the_next_default_role_says_which_one_it_replaces() {
    let companion = TestCompanion::start().await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let role = json!({"name": "shopper", "scopes": ["orders.read"]});
    let made = companion.post("/backend/role", &role, &token).await;
    assert_eq!(made.status, 201, "{made:?}");
    let mut admin = administrator(&companion).await;
    let asked = page(&mut admin, "/panel/roles/shopper/default").await;
    for text in [
        "Make shopper the default role?",
        "So far new users get this role: consumer.",
    ] {
        assert!(asked.body.contains(text), "{text}: {asked:?}");
    }
}

#[tokio::test]
async fn a_refusal_at_the_gate_leads_to_what_could_be_changed() {
    let companion = TestCompanion::start().await;
    sign_up(&companion, "alice").await;
    let mut admin = administrator(&companion).await;
    for (caller, link) in [
        ("kind=user&name=alice", "href=\"/panel/users/alice\""),
        ("kind=role&name=consumer", "href=\"/panel/roles/consumer\""),
    ] {
        for (method, is_refused) in [("GET", false), ("POST", true)] {
            let path = if is_refused { "/orders" } else { "/orders/1" };
            let path = format!("/panel/who?{caller}&method={method}&path={path}");
            let shown = page(&mut admin, &path).await;
            assert_eq!(shown.body.contains(link), is_refused, "{path}: {shown:?}");
        }
    }
}

#[tokio::test]
async fn the_word_for_everybody_is_named_where_it_is_missing() {
    let companion = TestCompanion::start().await;
    let mut admin = administrator(&companion).await;
    let path = "/panel/revoke";
    let empty = form(&page(&mut admin, path).await, path);
    let asked = admin.submit(&empty.with("kind", "everyone")).await;
    let refused = admin.submit(&form(&asked, path).with("typed", "all")).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let told = "type \u{201c}everyone\u{201d} in the field.";
    assert!(refused.body.contains(told), "{refused:?}");
    // It names one user as a sentence.
    let empty = form(&page(&mut admin, path).await, path);
    let asked = admin
        .submit(&empty.with("kind", "user").with("name", "admin"))
        .await;
    let told = "<h1>Revoke the tokens of the user admin?</h1>";
    assert!(asked.body.contains(told), "{asked:?}");
}
