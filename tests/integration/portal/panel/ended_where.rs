//! What is told of a change that ends something: from which position of the revocation log on gates refuse it, and
//! which secrets go with it.

use serde_json::{Value, json};

use super::administrator;
use crate::admin_verbs::run;
use crate::test_browser::form;
use crate::test_companion::{ADMIN_PASSWORD, TestCompanion};

fn command(companion: &TestCompanion, line: &str) -> Value {
    let arguments: Vec<&str> = line.split(' ').chain(["--format", "json"]).collect();
    let output = run(companion.gate.folder.path(), &arguments, "");
    assert!(output.status.success(), "{line}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The gate beside the issuer, once it refuses by this position.
async fn is_applied(companion: &TestCompanion, token: &str, position: u64) {
    loop {
        let gates = companion.get("/backend/gate", token).await.json();
        if gates["this_process"]["position"].as_u64() >= Some(position) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whatever_disables_says_at_which_position_gates_refuse() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let mut last = 0;
    for (status, is_ended) in [("disabled", true), ("active", false)] {
        let verb = if is_ended { "disable" } else { "enable" };
        let by_command = command(&companion, &format!("app {verb} {}", app.key));
        let body = json!({"status": status});
        let path = "/backend/user/alice";
        let by_call = companion.put(path, &body, &admin).await.json();
        for told in [by_command, by_call] {
            assert_eq!(told["status"], status, "{told}");
            assert_eq!(told["position"].is_u64(), is_ended, "{told}");
            if is_ended {
                let position = told["position"].as_u64().unwrap();
                assert!(position > last, "{told}");
                last = position;
                is_applied(&companion, &admin, position).await;
            }
        }
    }
    // A name ends nothing.
    let body = json!({"name": "other-shop"});
    let path = format!("/backend/app/{}", app.key);
    let renamed = companion.put(&path, &body, &admin).await.json();
    assert_eq!(renamed.get("position"), None, "{renamed}");

    let mut browser = administrator(&companion).await;
    let path = "/panel/users/alice/status";
    let asked = browser.get(path).await;
    let done = browser.submit(&form(&asked, path)).await;
    assert_eq!(done.status, 303, "{done:?}");
    let seen = browser.get("/panel/users/alice").await;
    let (_, link) = seen
        .body
        .split_once("<a href=\"/panel/revoke?position=")
        .unwrap();
    let position: u64 = link.split('"').next().unwrap().parse().unwrap();
    assert!(
        position > last && link.contains(">At the gates</a>"),
        "{link}"
    );
}

#[tokio::test]
async fn a_change_that_ends_the_secrets_of_an_app_says_so() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let app = companion.app(&admin, "robot").await;
    let line = format!("app set {} --add-scope backend.role", app.key);
    let told = command(&companion, &line);
    assert_eq!(told["secrets_ended"], true, "{told}");
    let next = format!("portcullis app rotate-secret {}", app.key);
    assert!(told["next"].as_str().unwrap().contains(&next), "{told}");
    let refused = companion.token(&app, "grant_type=client_credentials").await;
    assert_eq!(refused.status, 401, "{refused:?}");
    let line = ["app", "set", &app.key, "--add-scope", "backend.user"];
    let text = run(companion.gate.folder.path(), &line, "");
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("its secrets have ended"), "{text}");
    // What gives it nothing of the issuer's own ends none.
    let told = command(&companion, &format!("app set {} --name bot", app.key));
    assert_eq!((told.get("secrets_ended"), told.get("next")), (None, None));
}
