//! A name that has another bearer since a page was made: its forms change nothing.

use serde_json::{Value, json};

use super::administrator;
use crate::client::Answer;
use crate::portal::page;
use crate::test_browser::{TestBrowser, TestForm, form};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion};

const TOLD: &str = "has been renamed or replaced since this page was made; nothing was changed";

/// The form of a page for an action.
async fn form_of(browser: &mut TestBrowser<'_>, path: &str, action: &str) -> TestForm {
    form(&page(browser, path).await, action)
}

async fn make_user(companion: &TestCompanion, name: &str, email: &str, admin: &str) {
    let user = json!({"username": name, "email": email, "password": PASSWORD});
    let made = companion.post("/backend/user", &user, admin).await;
    assert_eq!(made.status, 201, "{made:?}");
}

/// The form of a user that is to have both roles.
fn both_ticked(form: TestForm) -> TestForm {
    form.with("box:clerk", "on").with("box:consumer", "on")
}

fn is_refused(answer: &Answer) {
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.body.contains(TOLD), "{answer:?}");
    assert!(answer.body.contains("role=\"alert\""), "{answer:?}");
}

async fn user(companion: &TestCompanion, name: &str, admin: &str) -> Value {
    let found = companion.get(&format!("/backend/user/{name}"), admin).await;
    assert_eq!(found.status, 200, "{found:?}");
    found.json()
}

#[tokio::test]
async fn a_form_about_a_user_changes_nobody_who_got_the_name_later() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let mut browser = administrator(&companion).await;
    let role = json!({"name": "clerk", "scopes": ["orders.read"]});
    let made = companion.post("/backend/role", &role, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    make_user(&companion, "alice", "first@shop.example", &admin).await;
    let own = "/panel/users/alice";
    let mut forms = Vec::new();
    let seen = page(&mut browser, own).await;
    forms.push(both_ticked(form(&seen, own)));
    // Without a box the role is taken away, which is asked first.
    forms.push(form(&seen, own));
    forms.push(form(&seen, "/panel/revoke"));
    for part in ["status", "password", "delete"] {
        let path = format!("{own}/{part}");
        forms.push(form_of(&mut browser, &path, &path).await);
    }
    let revoke = form(&browser.submit(&forms[2]).await, "/panel/revoke");
    forms.push(revoke);
    // One user is renamed, and another one gets the name.
    let renamed = companion
        .put(
            "/backend/user/alice",
            &json!({"username": "alicia"}),
            &admin,
        )
        .await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
    make_user(&companion, "alice", "second@shop.example", &admin).await;
    let session = companion.login("alice", PASSWORD).await;
    let before = [
        user(&companion, "alice", &admin).await,
        user(&companion, "alicia", &admin).await,
    ];
    for filled in &forms {
        let answer = browser.submit(filled).await;
        is_refused(&answer);
        let present = user(&companion, "alice", &admin).await;
        assert_eq!(present, before[0], "{}", filled.action);
        let earlier = user(&companion, "alicia", &admin).await;
        assert_eq!(earlier, before[1], "{}", filled.action);
        assert_eq!(
            companion.get("/consumer/account", &session).await.status,
            200
        );
    }
    // What was ticked for somebody else is not ticked on the page that says so, and its form does what it says.
    let again = browser.submit(&forms[0]).await;
    assert!(
        !again.body.contains("name=\"box:clerk\" checked"),
        "{again:?}"
    );
    let filled = both_ticked(form(&again, own));
    assert_eq!(browser.submit(&filled).await.status, 303);
    let roles = user(&companion, "alice", &admin).await["roles"].clone();
    assert_eq!(roles, json!(["clerk", "consumer"]));
    // A form that does not say whom it was made about is about nobody.
    let unsaid = both_ticked(form(&page(&mut browser, own).await, own));
    is_refused(&browser.submit(&unsaid.without("seen")).await);
    // The same where the first is deleted.
    let path = format!("{own}/delete");
    let filled = form_of(&mut browser, &path, &path).await;
    assert_eq!(
        companion.delete("/backend/user/alice", &admin).await.status,
        204
    );
    assert_eq!(browser.submit(&filled).await.status, 404);
    make_user(&companion, "alice", "third@shop.example", &admin).await;
    is_refused(&browser.submit(&filled).await);
    user(&companion, "alice", &admin).await;
}

#[tokio::test]
async fn a_form_about_a_role_or_scope_changes_none_that_was_made_later() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let mut browser = administrator(&companion).await;
    let role = json!({"name": "clerk", "scopes": ["orders.read"]});
    let scope = json!({"name": "stock.read", "description": "Read stock"});
    for (path, body) in [("/backend/role", &role), ("/backend/scope", &scope)] {
        let made = companion.post(path, body, &admin).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    let own = ["/panel/roles/clerk", "/panel/scopes/stock.read"];
    let mut forms = vec![
        form_of(&mut browser, own[0], own[0])
            .await
            .with("name", "clerk")
            .with("box:orders.write", "on"),
        form_of(&mut browser, own[0], own[0])
            .await
            .with("name", "sales"),
        form_of(&mut browser, own[1], own[1])
            .await
            .with("description", "Other words"),
    ];
    for path in [
        format!("{}/default", own[0]),
        format!("{}/delete", own[0]),
        format!("{}/delete", own[1]),
    ] {
        forms.push(form_of(&mut browser, &path, &path).await);
    }
    for (path, body) in [("/backend/role", &role), ("/backend/scope", &scope)] {
        let name = body["name"].as_str().unwrap();
        let deleted = companion.delete(&format!("{path}/{name}"), &admin).await;
        assert_eq!(deleted.status, 204, "{deleted:?}");
        let made = companion.post(path, body, &admin).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    for filled in &forms {
        is_refused(&browser.submit(filled).await);
        for (path, body) in [
            ("/backend/role/clerk", &role),
            ("/backend/scope/stock.read", &scope),
        ] {
            let present = companion.get(path, &admin).await;
            assert_eq!(present.status, 200, "{}: {present:?}", filled.action);
            let (present, member) = (
                present.json(),
                if body.get("scopes").is_some() {
                    "scopes"
                } else {
                    "description"
                },
            );
            assert_eq!(
                present[member], body[member],
                "{}: {present}",
                filled.action
            );
        }
    }
    // A role that was renamed is another one than the next of its name.
    let filled = form_of(&mut browser, own[0], own[0])
        .await
        .with("name", "clerk")
        .with("box:orders.write", "on");
    let renamed = companion
        .put("/backend/role/clerk", &json!({"name": "sales"}), &admin)
        .await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
    assert_eq!(browser.submit(&filled).await.status, 404);
    assert_eq!(
        companion.post("/backend/role", &role, &admin).await.status,
        201
    );
    is_refused(&browser.submit(&filled).await);
    // The page that says so is about the present one.
    let again = browser.submit(&filled).await;
    let filled = form(&again, own[0])
        .with("name", "clerk")
        .with("box:orders.read", "on")
        .with("box:orders.write", "on");
    assert_eq!(browser.submit(&filled).await.status, 303);
    let changed = companion.get("/backend/role/clerk", &admin).await.json();
    assert_eq!(
        changed["scopes"],
        json!(["orders.read", "orders.write"]),
        "{changed}"
    );
}
