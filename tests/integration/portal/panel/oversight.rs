//! What administrators ask and end: who may send what, who did what, and whose tokens end.

use serde_json::json;

use super::administrator;
use crate::portal::{client, new_app, page, send, sign_up};
use crate::test_browser::form;
use crate::test_companion::{ADMIN_PASSWORD, TestCompanion};

#[tokio::test]
async fn the_audit_says_who_did_what_to_which() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "Web shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let mut admin = administrator(&companion).await;
    let path = format!("/panel/apps/{}/status", app.key);
    let disable = form(&page(&mut admin, &path).await, &path);
    send(&mut admin, &disable).await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;

    let audit = companion.get("/backend/audit?limit=3", &token).await.json();
    let told = |index: usize| {
        let entry = &audit["items"][index];
        ["actor", "action", "object_kind", "object_title", "change"]
            .map(|member| entry[member].clone())
    };
    assert_eq!(
        told(0),
        ["admin", "changed", "app", "Web shop", "status disabled"].map(|text| json!(text))
    );
    assert_eq!(
        told(1)[..4],
        ["alice", "added", "app", "Web shop"].map(|text| json!(text))
    );
    assert_eq!(
        told(2)[..4],
        ["alice", "registered", "user", "alice"].map(|text| json!(text))
    );
    let after = audit["next"].as_str().unwrap();
    let path = format!("/backend/audit?after={after}&search=scope");
    let earlier = companion.get(&path, &token).await.json();
    assert_eq!(
        earlier["items"][0]["object_name"], "orders.write",
        "{earlier}"
    );
    assert_eq!(
        earlier["items"][1]["object_name"], "orders.read",
        "{earlier}"
    );
    let wrong = companion.get("/backend/audit?after=x", &token).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");

    let seen = page(&mut admin, "/panel/audit?search=web").await;
    assert!(
        seen.body.contains("Web shop") && !seen.body.contains("registered"),
        "{seen:?}"
    );
    let seen = page(&mut admin, "/panel/audit?search=ALICE").await;
    assert!(seen.body.contains("registered"), "{seen:?}");
    let delete = "/panel/users/alice/delete";
    let delete = form(&page(&mut admin, delete).await, delete);
    send(&mut admin, &delete).await;
    let gone = companion.get("/backend/audit?limit=1", &token).await.json();
    assert_eq!(gone["items"][0]["action"], "deleted");
    assert_eq!(gone["items"][0]["object_title"], json!(null));
}

#[tokio::test]
async fn the_audit_has_a_row_for_each_key_that_a_command_adds() {
    let companion = TestCompanion::start().await;
    let rotate = |flags: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["key", "rotate", "--config", "portcullis.yaml"])
            .args(flags)
            .current_dir(companion.gate.folder.path())
            .env_clear()
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let told = String::from_utf8(output.stdout).unwrap();
        told.split_whitespace().nth(2).unwrap().to_owned()
    };
    let announced = rotate(&[]);
    // Nothing is changed, and so nothing kept.
    assert_eq!(rotate(&[]), announced);
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let audit = companion.get("/backend/audit?search=key", &token).await;
    let audit = audit.json();
    let entries = audit["items"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{audit}");
    for (member, expected) in [
        ("action", "added"),
        ("object_kind", "key"),
        ("object_name", &*announced),
        ("change", "signs after the present key"),
    ] {
        assert_eq!(entries[0][member], expected, "{audit}");
    }
    // A session is of no key, and outlives them all.
    let mut admin = administrator(&companion).await;
    let at_once = rotate(&["--now"]);
    let seen = page(&mut admin, "/panel/audit?search=key").await;
    for told in [&*at_once, "all other keys are withdrawn", &*announced] {
        assert!(seen.body.contains(told), "{told}: {seen:?}");
    }
}

#[tokio::test]
async fn tokens_are_taken_back_after_it_is_said_whose() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "Web shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let mut admin = administrator(&companion).await;
    let path = "/panel/revoke";
    let empty = form(&page(&mut admin, path).await, path);
    for (kind, name, status) in [
        ("user", "nobody", 404),
        ("app", "nothing", 404),
        ("everyone", "me", 400),
        ("", "alice", 400),
        ("user", "", 400),
    ] {
        let wrong = empty.clone().with("kind", kind).with("name", name);
        let refused = admin.submit(&wrong).await;
        assert_eq!(refused.status, status, "{kind} {name}: {refused:?}");
        assert!(refused.body.contains("role=\"alert\""), "{refused:?}");
    }
    for (kind, name, told) in [
        ("app", app.key.as_str(), "This is Web shop (alice)"),
        ("everyone", "everyone", "yours as well"),
    ] {
        let token = companion.tokens(&app).await.access;
        let asked = admin
            .submit(&empty.clone().with("kind", kind).with("name", name))
            .await;
        assert_eq!(asked.status, 200, "{asked:?}");
        assert!(asked.body.contains(told), "{asked:?}");
        assert_eq!(
            companion.check("GET", "/orders/1", &token).await,
            200,
            "nothing yet"
        );
        let answer = admin.submit(&form(&asked, path)).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        assert_eq!(
            companion.check("GET", "/orders/1", &token).await,
            401,
            "{kind}"
        );
    }
    assert_eq!(
        admin.get(path).await.status,
        303,
        "everybody's sessions have ended"
    );
    assert_eq!(alice.get("/portal/apps").await.status, 303);
}

#[tokio::test]
async fn the_gate_says_who_may_send_what() {
    let companion = TestCompanion::start().await;
    let mut alice = sign_up(&companion, "alice").await;
    let filled = new_app(&mut alice, "Web shop").await;
    let app = client(&send(&mut alice, &filled).await);
    let mut admin = administrator(&companion).await;
    let empty = page(&mut admin, "/panel/who").await;
    assert!(!empty.body.contains("class=\"badge"), "{empty:?}");
    let reads = format!("kind=app&name={}&method=GET&path=/orders/1", app.key);
    let places = format!("kind=app&name={}&method=POST&path=/orders", app.key);
    let rows = [
        (
            "kind=user&name=alice&method=GET&path=/orders/1",
            "passes",
            "read-order",
        ),
        (
            "kind=user&name=alice&method=POST&path=/orders",
            "refused",
            "Scopes are missing: orders.write. Add",
        ),
        (
            "kind=user&name=admin&method=GET&path=/orders/1",
            "refused",
            "There is no token for the API",
        ),
        (
            "kind=user&name=alice&method=GET&path=/internal/x",
            "refused",
            "lets nobody through",
        ),
        (
            "kind=user&name=alice&method=GET&path=/unlisted",
            "refused",
            "No route of the policy",
        ),
        (
            "kind=user&name=alice&method=GET&path=/orders/%252e",
            "refused",
            "whoever sends it",
        ),
        (
            "kind=nobody&method=GET&path=/orders/1",
            "refused",
            "needs a token",
        ),
        (
            "kind=nobody&method=GET&path=/products/1",
            "passes",
            "browse",
        ),
        (reads.as_str(), "passes", "read-order"),
        (places.as_str(), "refused", "orders.write"),
    ];
    for (query, verdict, told) in rows {
        let seen = page(&mut admin, &format!("/panel/who?{query}")).await;
        let badge = if verdict == "passes" {
            "badge on"
        } else {
            "badge off"
        };
        let badge = format!("<span class=\"{badge}\">{verdict}</span>");
        assert!(seen.body.contains(&badge), "{query}: {seen:?}");
        assert!(seen.body.contains(told), "{query}: {seen:?}");
    }
    let unknown = admin.get("/panel/who?kind=user&name=nobody&path=/").await;
    assert_eq!(unknown.status, 404, "{unknown:?}");
    assert!(unknown.body.contains("role=\"alert\""), "{unknown:?}");
    let long = "x".repeat(1025);
    for (field, told) in [
        ("name", "Username, or key of the app: at most"),
        ("method", "Method: at most"),
        ("host", "Host, if the policy distinguishes them: at most"),
        ("path", "Path: at most"),
    ] {
        let answer = admin.get(&format!("/panel/who?{field}={long}")).await;
        assert_eq!(answer.status, 400, "{field}: {answer:?}");
        assert!(answer.body.contains(told), "{field}: {answer:?}");
    }
}
