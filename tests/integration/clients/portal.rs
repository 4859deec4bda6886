//! The portal and the panel in Chromium, in both languages, and what their users do at the gate.

use std::process::Command;

use serde_json::{Value, json};

use super::browser::chromium;
use super::{Scene, installed};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD};

#[tokio::test]
async fn people_get_to_a_first_call_in_english() {
    gets_to_a_first_call("en", "This concerns 2 users, 2 apps and ").await;
}

#[tokio::test]
async fn people_get_to_a_first_call_in_german() {
    gets_to_a_first_call("de", "Das betrifft 2 Benutzer, 2 Apps und ").await;
}

async fn gets_to_a_first_call(language: &str, effect: &str) {
    let (Some(folder), Some(chromium)) = (installed("node"), chromium()) else {
        return;
    };
    let scene = Scene::open().await;
    let walk = |step: &str, app: &str| {
        let mut command = scene.command("node".as_ref());
        command
            .arg(folder.join("portal.mjs"))
            .env("CHROMIUM", &chromium)
            .env("LANGUAGE", language)
            .env("STEP", step)
            .env("PASSWORD", PASSWORD)
            .env("ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env("APP_KEY", app);
        command
    };
    let seen = scene.run(walk("user", "")).await;
    assert_faultless(&seen, &["400", "403"]);
    assert_eq!(seen["language"], language);

    // The command that the page shows, and a call with what it got.
    let script = format!(
        "{}; curl --silent --output /dev/null --write-out '%{{http_code}} ' --header \"Authorization: \
         Bearer $TOKEN\" {} && echo \"\\\"$TOKEN\\\"\"",
        seen["command"].as_str().unwrap(),
        scene.resource
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]);
    let output = tokio::task::spawn_blocking(move || shell.output());
    let output = String::from_utf8(output.await.unwrap().unwrap().stdout).unwrap();
    let (status, token) = output.split_once(' ').unwrap();
    assert_eq!(status, "200", "{script}");
    let token: String = serde_json::from_str(token).unwrap();

    let key = seen["key"].as_str().unwrap();
    let seen = scene.run(walk("administrator", key)).await;
    assert_faultless(&seen, &["403"]);
    assert!(seen["effect"].as_str().unwrap().contains(effect), "{seen}");
    assert_eq!(scene.companion.check("GET", "/orders/1", &token).await, 401);
}

/// The browser tells of the pages that refuse something, and of nothing else.
fn assert_faultless(seen: &Value, refusals: &[&str]) {
    assert_eq!(seen["faults"], json!([]));
    for told in seen["told"].as_array().unwrap() {
        let told = told.as_str().unwrap();
        let expected = refusals.iter().any(|status| {
            told.starts_with(&format!(
                "Failed to load resource: the server responded with a status of {status}"
            ))
        });
        assert!(expected, "{told}");
    }
}
