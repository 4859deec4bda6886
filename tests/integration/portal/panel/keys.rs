//! The signing keys, which administrators rotate on a page and operators by a command.

use serde_json::json;

use super::administrator;
use crate::portal::page;
use crate::test_browser::form;
use crate::test_companion::{ADMIN_PASSWORD, TestCompanion};

#[tokio::test]
async fn keys_are_rotated_after_it_is_said_what_ends() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "shop").await;
    let old = companion.tokens(&app).await.access;
    let mut admin = administrator(&companion).await;
    let path = "/panel/keys/rotate";
    let asked = page(&mut admin, path).await;
    assert!(asked.body.contains("No token ends"), "{asked:?}");
    let done = admin.submit(&form(&asked, path)).await;
    assert_eq!(done.status, 303, "{done:?}");
    let seen = page(&mut admin, "/panel/keys").await;
    assert!(seen.body.contains(">next<"), "{seen:?}");
    assert_eq!(companion.check("GET", "/orders/1", &old).await, 200);

    let asked = page(&mut admin, "/panel/keys/rotate?pace=now").await;
    assert!(asked.body.contains("all others are withdrawn"), "{asked:?}");
    let untyped = admin.submit(&form(&asked, path)).await;
    assert_eq!(untyped.status, 400, "{untyped:?}");
    assert_eq!(companion.check("GET", "/orders/1", &old).await, 200);
    let typed = form(&untyped, path).with("typed", "everyone");
    let done = admin.submit(&typed).await;
    assert_eq!(done.status, 303, "{done:?}");
    let seen = page(&mut admin, "/panel/keys").await;
    assert_eq!(
        seen.body.matches("<tr><th scope=\"row\">").count(),
        1,
        "{seen:?}"
    );
    assert!(seen.body.contains("badge on\">signs"), "{seen:?}");

    // By whom is in the audit; a token of before is refused here as well.
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let audit = companion
        .get("/backend/audit?object_kind=key", &token)
        .await
        .json();
    let entries = audit["items"].as_array().unwrap();
    assert_eq!(entries.len(), 2, "{audit}");
    for entry in entries {
        assert_eq!(
            (&entry["actor"], &entry["actor_kind"]),
            (&json!("admin"), &json!("user"))
        );
    }
    let refused = companion.get("/consumer/app", &alice).await;
    assert_eq!(refused.status, 401, "{refused:?}");
}

#[tokio::test]
async fn keys_are_rotated_by_whoever_has_just_logged_in_and_may() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let refused = companion
        .post("/backend/key/rotate", &json!({}), &alice)
        .await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let made = companion
        .post("/backend/key/rotate", &json!({}), &admin)
        .await;
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.json()["already_published"], json!(false));
    let again = companion
        .post("/backend/key/rotate", &json!({"now": false}), &admin)
        .await;
    assert_eq!(again.json()["already_published"], json!(true), "{again:?}");
    assert_eq!(again.json()["id"], made.json()["id"]);
    let wrong = companion
        .post("/backend/key/rotate", &json!({"soon": true}), &admin)
        .await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
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
    let at_once = rotate(&["--now", "--yes"]);
    let seen = page(&mut admin, "/panel/audit?search=key").await;
    for told in [&*at_once, "all other keys are withdrawn", &*announced] {
        assert!(seen.body.contains(told), "{told}: {seen:?}");
    }
}
