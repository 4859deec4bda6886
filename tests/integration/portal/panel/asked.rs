//! `/backend/who` and `/backend/policy`: what the panel says of the gate, for programs.

use serde_json::{Value, json};

use super::administrator;
use crate::portal::page;
use crate::test_app::{POLICY, Setup};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, setup, sqlite};

const MORE_ROUTES: &str = r#"
  - {name: pay, methods: [POST], path: /pay, scopes: [orders.read], when: 'request.method == "GET"'}
  - {name: tried, methods: [GET], path: /tried, scopes: [orders.write], mode: shadow}
  - {name: archive, methods: ["*"], hosts: [api.shop.example], path: /archive, scopes: [orders.read], any_scope: [orders.write, orders.all]}
"#;

/// A companion whose policy has conditions, a route in shadow and a host.
async fn start() -> TestCompanion {
    let folder = tempfile::tempdir().unwrap();
    let more = MORE_ROUTES.trim_start_matches('\n');
    let policy = POLICY.replace(
        "  orders.write: Place orders\n",
        "  orders.write: Place orders\n  orders.all: All\n",
    );
    let setup = Setup {
        policy: Some(format!("{policy}{more}")),
        ..setup(folder.path(), &sqlite(folder.path()))
    };
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    companion
}

/// What is answered to a question.
async fn ask(companion: &TestCompanion, query: &str, token: &str) -> Value {
    let answer = companion.get(&format!("/backend/who?{query}"), token).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    answer.json()
}

#[tokio::test]
async fn the_endpoint_the_page_and_the_gate_agree_on_who_may_send_what() {
    let companion = start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "Web shop").await;
    let token = companion.tokens(&app).await.access;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let mut browser = administrator(&companion).await;
    let app = app.key.as_str();
    let rows = [
        ("GET", "/orders/1", "allow", "scopes"),
        ("POST", "/orders", "deny", "scopes_missing"),
        ("GET", "/account", "allow", "authenticated"),
        ("GET", "/products/1", "allow", "public"),
        ("GET", "/internal/x", "deny", "nobody"),
        ("GET", "/unlisted", "deny", "unlisted"),
        ("GET", "/orders/%252e", "deny", "malformed_target"),
        ("POST", "/pay", "deny", "condition_not_met"),
        ("GET", "/tried", "allow", "shadow"),
    ];
    for (method, path, decision, reason) in rows {
        let query = format!("app={app}&method={method}&path={path}");
        let told = ask(&companion, &query, &admin).await;
        assert_eq!(told["decision"], decision, "{query}: {told}");
        assert_eq!(told["reason"], reason, "{query}: {told}");
        assert_eq!(told["has"], json!(["orders.read"]), "{query}: {told}");
        let query = format!("kind=app&name={app}&method={method}&path={path}");
        let seen = page(&mut browser, &format!("/panel/who?{query}")).await;
        let badge = if decision == "allow" {
            "badge on"
        } else {
            "badge off"
        };
        assert!(seen.body.contains(badge), "{query}: {seen:?}");
        let status = companion.check(method, path, &token).await;
        assert_eq!(status == 200, decision == "allow", "{query}: {status}");
    }
    let lacking = ask(&companion, "user=alice&method=POST&path=/orders", &admin).await;
    assert_eq!(lacking["missing"], json!(["orders.write"]), "{lacking}");
    assert_eq!(lacking["missing_any_of"], json!([]), "{lacking}");
    let route = &lacking["route"];
    let line = POLICY.lines().position(|line| line.contains("place-order"));
    assert_eq!(route["name"], "place-order", "{route}");
    assert_eq!(route["scopes"], json!(["orders.write"]), "{route}");
    assert_eq!(
        route["line"],
        json!(line.unwrap() + 2),
        "one more scope: {route}"
    );
    let file = std::path::Path::new(route["file"].as_str().unwrap());
    assert_eq!(file.extension(), Some("yaml".as_ref()), "{route}");
    let query = "role=consumer&host=api.shop.example&path=/archive";
    let lacking = ask(&companion, query, &admin).await;
    assert_eq!(lacking["missing"], json!([]), "{lacking}");
    let either = json!(["orders.all", "orders.write"]);
    assert_eq!(lacking["missing_any_of"], either, "{lacking}");
    let elsewhere = ask(&companion, "role=consumer&path=/archive", &admin).await;
    assert_eq!(elsewhere["reason"], "unlisted", "{elsewhere}");
    let unmet = ask(&companion, "user=alice&method=POST&path=/pay", &admin).await;
    assert_eq!(unmet["condition"], "request.method == \"GET\"", "{unmet}");
    let tried = ask(&companion, "user=alice&path=/tried", &admin).await;
    assert_eq!(tried["would_deny"], "scopes_missing", "{tried}");
    assert_eq!(tried["missing"], json!(["orders.write"]), "{tried}");
    let malformed = ask(&companion, "path=/orders/%252e", &admin).await;
    assert_eq!(malformed["detail"], "path_encoded_dot", "{malformed}");
    // Whoever gets no token is judged without one, and it says why.
    let nobody = ask(&companion, "path=/orders/1", &admin).await;
    assert_eq!(nobody["reason"], "no_token", "{nobody}");
    assert_eq!(nobody["missing"], json!(["orders.read"]), "{nobody}");
    assert!(nobody.get("no_token").is_none(), "{nobody}");
    let admins = ask(&companion, "user=admin&path=/orders/1", &admin).await;
    assert_eq!(admins["reason"], "no_token", "{admins}");
    assert!(
        admins["no_token"]
            .as_str()
            .unwrap()
            .contains("no scope of an API"),
        "{admins}"
    );
    let named = ask(&companion, "app=ALICE/web+SHOP&path=/orders/1", &admin).await;
    assert_eq!(named["decision"], "allow", "{named}");
}

#[tokio::test]
async fn a_question_takes_what_its_page_takes_and_names_one_caller() {
    let companion = start().await;
    companion.register("alice").await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    for (name, scope) in [("keeper", "backend.role"), ("clerk", "backend.user")] {
        let role = json!({"name": name, "scopes": [scope]});
        let made = companion.post("/backend/role", &role, &admin).await;
        assert_eq!(made.status, 201, "{made:?}");
        let user = json!({"username": name, "email": format!("{name}@shop.example"), "password": PASSWORD,
            "roles": [name]});
        let made = companion.post("/backend/user", &user, &admin).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    let keeper = companion.login("keeper", PASSWORD).await;
    let clerk = companion.login("clerk", PASSWORD).await;
    for (query, missing) in [
        ("role=consumer&path=/orders/1", None),
        ("path=/orders/1", None),
        ("user=alice&path=/orders/1", Some("backend.user")),
        ("user=nobody&path=/orders/1", Some("backend.user")),
        ("app=alice/x&path=/orders/1", Some("backend.app")),
    ] {
        let answer = companion
            .get(&format!("/backend/who?{query}"), &keeper)
            .await;
        let status = if missing.is_some() { 403 } else { 200 };
        assert_eq!(answer.status, status, "{query}: {answer:?}");
        if let Some(missing) = missing {
            assert_eq!(answer.json()["error"], "insufficient_scope", "{answer:?}");
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(
                challenge.contains(&format!("scope=\"{missing}\"")),
                "{challenge}"
            );
        }
        let answer = companion
            .get(&format!("/backend/who?{query}"), &clerk)
            .await;
        assert_eq!(answer.status, 403, "{query}: {answer:?}");
    }
    let long = format!("path=/{}", "x".repeat(1024));
    for (query, status) in [
        ("user=nobody&path=/", 404),
        ("app=alice/nothing&path=/", 404),
        ("role=nothing&path=/", 404),
        ("user=alice", 400),
        ("user=alice&role=consumer&path=/", 400),
        ("users=alice&path=/", 400),
        (&long, 400),
    ] {
        let answer = companion
            .get(&format!("/backend/who?{query}"), &admin)
            .await;
        assert_eq!(answer.status, status, "{query}: {answer:?}");
    }
}

#[tokio::test]
async fn the_policy_is_listed_in_pages_with_what_opens_each_route() {
    let companion = start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let list = async |query: &str| {
        let answer = companion
            .get(&format!("/backend/policy?{query}"), &admin)
            .await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        answer.json()
    };
    let name = |route: &Value| route["name"].as_str().unwrap().to_owned();
    let whole = list("").await;
    assert_eq!(whole["next"], Value::Null, "{whole}");
    let whole_items = whole["items"].as_array().unwrap();
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let part = list(&format!("limit=2&after={after}")).await;
        assert_eq!(part["policy_digest"], whole["policy_digest"], "{part}");
        seen.extend(part["items"].as_array().unwrap().iter().cloned());
        match part["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(&seen, whole_items);
    assert_eq!(seen.len(), 9, "{seen:?}");
    assert!(seen.is_sorted_by_key(name), "{seen:?}");
    let found = list("search=ARCHIVE").await;
    let archive = &found["items"][0];
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    for (member, expected) in [
        ("name", json!("archive")),
        ("methods", json!(["*"])),
        ("hosts", json!(["api.shop.example"])),
        ("path", json!("/archive")),
        ("access", json!("scopes")),
        ("scopes", json!(["orders.read"])),
        ("any_scope", json!(["orders.all", "orders.write"])),
        ("mode", json!("enforce")),
        ("passes", json!("roles")),
        ("roles", json!([])),
    ] {
        assert_eq!(archive[member], expected, "{member}: {archive}");
    }
    assert_eq!(found["unknown_scopes"], json!(["orders.all"]), "{found}");
    for (route, passes, roles) in [
        ("browse", "everybody", None),
        ("account", "every_user", None),
        ("internals", "nobody", None),
        ("read-order", "roles", Some(json!(["consumer"]))),
    ] {
        let found = whole_items.iter().find(|item| name(item) == route).unwrap();
        assert_eq!(found["passes"], passes, "{found}");
        assert_eq!(found.get("roles"), roles.as_ref(), "{found}");
    }
    let long = format!("search={}", "x".repeat(257));
    for query in ["limit=0", "searching=x", &long] {
        let wrong = companion
            .get(&format!("/backend/policy?{query}"), &admin)
            .await;
        assert_eq!(wrong.status, 400, "{query}: {wrong:?}");
    }
    companion.register("alice").await;
    let alice = companion.login("alice", PASSWORD).await;
    let refused = companion.get("/backend/policy", &alice).await;
    assert_eq!(refused.status, 403, "{refused:?}");
}
