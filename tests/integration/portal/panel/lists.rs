//! What the lists of the panel find, and what stands beside what they find.

use serde_json::json;

use super::administrator;
use crate::client::Answer;
use crate::portal::{client, in_german, log_in, new_app, page, send, sign_up};
use crate::test_browser::form;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion};

#[tokio::test]
async fn users_are_filtered_and_shown_with_what_they_have() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "Web shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let mut admin = administrator(&companion).await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    for (query, names) in [
        ("role=consumer", &["alice"] as &[_]),
        ("role=administrator", &["admin"]),
        ("role=nothing", &[]),
        ("role=consumer&status=disabled", &[]),
        ("status=active&search=a", &["admin", "alice"]),
    ] {
        let seen = page(&mut admin, &format!("/panel/users?{query}")).await;
        for name in ["alice", "admin"] {
            let link = format!("href=\"/panel/users/{name}\"");
            assert_eq!(
                seen.body.contains(&link),
                names.contains(&name),
                "{query}: {seen:?}"
            );
        }
        let path = format!("/backend/user?{query}");
        let listed = companion.get(&path, &token).await.json();
        let listed = listed["items"].as_array().unwrap();
        let listed: Vec<&str> = listed
            .iter()
            .filter_map(|user| user["username"].as_str())
            .collect();
        assert_eq!(listed, names, "{query}");
    }
    let wrong = companion.get("/backend/user?status=gone", &token).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");

    let path = "/panel/users/alice";
    let seen = page(&mut admin, path).await;
    for told in [
        &*format!("href=\"/panel/apps/{}\"", app.key),
        "none: the password alone logs in",
        "Gives consumer.account, consumer.app, orders.read",
        "and 1 session.",
        "href=\"/panel/who?kind=user&#38;name=alice\"",
        "href=\"/panel/audit?object_kind=user&#38;object=alice\"",
    ] {
        assert!(seen.body.contains(told), "{told}: {seen:?}");
    }
    let user = companion.get("/backend/user/alice", &token).await.json();
    assert_eq!(user["passkeys"], json!(0), "{user}");
    // All sessions end by the page that revokes.
    let asked = admin.submit(&form(&seen, "/panel/revoke")).await;
    assert!(
        asked.body.contains("Revoke the tokens of the user alice?"),
        "{asked:?}"
    );
    send(&mut admin, &form(&asked, "/panel/revoke")).await;
    assert_eq!(alice.get("/portal/apps").await.status, 303);

    // Without any role there is no page of her own left.
    let asked = admin.submit(&form(&seen, path)).await;
    assert!(asked.body.contains("opens its own account"), "{asked:?}");
}

#[tokio::test]
async fn the_default_role_comes_first_and_roles_are_found_by_name() {
    let companion = TestCompanion::start().await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    for number in 1..=9 {
        let role = json!({"name": format!("a{number}"), "scopes": []});
        let made = companion.post("/backend/role", &role, &token).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    let mut admin = administrator(&companion).await;
    let columns = |page: &Answer| {
        let links = page
            .body
            .split("class=\"tick\"><a href=\"/panel/roles/")
            .skip(1);
        let names = links.filter_map(|rest| rest.split('"').next().map(str::to_owned));
        names.collect::<Vec<_>>()
    };
    let first = columns(&page(&mut admin, "/panel/roles").await);
    assert_eq!(first[0], "consumer");
    assert_eq!(first.len(), 9, "{first:?}");
    let rest = columns(&page(&mut admin, "/panel/roles?after=a8").await);
    assert_eq!(rest, ["a9", "administrator"]);
    let found = columns(&page(&mut admin, "/panel/roles?search=DMIN").await);
    assert_eq!(found, ["administrator"]);
    let found = companion
        .get("/backend/role?search=onsu", &token)
        .await
        .json();
    assert_eq!(found["items"][0]["name"], "consumer", "{found}");
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    let none = page(&mut admin, "/panel/roles?search=nothing").await;
    assert!(none.body.contains("No role matches."), "{none:?}");
}

#[tokio::test]
async fn a_scope_says_by_what_it_is_used() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "follower").await;
    send(&mut alice, &filled).await;
    let mut admin = administrator(&companion).await;
    let seen = page(&mut admin, "/panel/scopes/orders.read").await;
    for told in [
        "It is used by 1 user and 1 app.",
        "href=\"/panel/roles/consumer\"",
        "read-order",
        "href=\"/panel/policy?search=orders.read\"",
    ] {
        assert!(seen.body.contains(told), "{told}: {seen:?}");
    }
    let asked = page(&mut admin, "/panel/scopes/orders.read/delete").await;
    assert!(
        asked.body.contains("Routes in force ask for it"),
        "{asked:?}"
    );
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let scope = companion
        .get("/backend/scope/orders.read", &token)
        .await
        .json();
    assert_eq!(
        (&scope["apps"], &scope["following_apps"]),
        (&json!(0), &json!(1))
    );
    // Apps do not follow into what opens the issuer.
    let own = companion
        .get("/backend/scope/consumer.app", &token)
        .await
        .json();
    assert_eq!(own["following_apps"], json!(0), "{own}");
    let list = page(&mut admin, "/panel/scopes").await;
    let (_, row) = list.body.split_once(">orders.read</a>").unwrap();
    let (row, _) = row.split_once("</tr>").unwrap();
    assert!(row.contains("\"Roles\">1</td>"), "{row}");
    let german = in_german(&companion, &admin, "/panel/scopes").await;
    assert!(
        german.body.contains("Rollen sehen und ändern"),
        "{german:?}"
    );
}

#[tokio::test]
async fn roles_of_users_lead_to_their_pages_for_whoever_may_see_roles() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let role = json!({"name": "clerk", "scopes": ["backend.user"]});
    let made = companion.post("/backend/role", &role, &token).await;
    assert_eq!(made.status, 201, "{made:?}");
    let user = json!({"username": "dora", "email": "dora@shop.example", "password": PASSWORD,
        "roles": ["clerk"]});
    let made = companion.post("/backend/user", &user, &token).await;
    assert_eq!(made.status, 201, "{made:?}");
    let mut admin = administrator(&companion).await;
    let mut clerk = log_in(&companion, "dora", PASSWORD).await;
    for path in ["/panel/users", "/panel/users/alice"] {
        let link = "<a href=\"/panel/roles/consumer\">consumer</a>";
        let seen = page(&mut admin, path).await;
        assert!(seen.body.contains(link), "{path}: {seen:?}");
        let seen = page(&mut clerk, path).await;
        assert!(seen.body.contains("consumer"), "{path}: {seen:?}");
        assert!(!seen.body.contains("/panel/roles/"), "{path}: {seen:?}");
    }
}
