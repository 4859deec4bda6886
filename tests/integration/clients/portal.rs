//! The portal and the panel in Chromium, in both languages, and what their users do at the gate.

use std::process::Command;

use serde_json::{Value, json};

use super::browser::chromium;
use super::{Scene, installed};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD};

#[tokio::test]
async fn people_get_to_a_first_call_in_english() {
    gets_to_a_first_call("en", "This concerns 3 users, 3 apps and ").await;
}

#[tokio::test]
async fn people_get_to_a_first_call_in_german() {
    gets_to_a_first_call("de", "Das betrifft 3 Benutzer, 3 Apps und ").await;
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
    assert_faultless(&seen, &["400", "403", "404"]);
    assert_eq!(seen["language"], language);
    assert_tried(&seen["tried"], language);
    assert_times(&seen["times"]);
    let other = if language == "en" { "de" } else { "en" };
    let expected = json!([other, language, "/portal/account?x=1"]);
    assert_eq!(seen["chosen"], expected);
    let copied = if language == "en" {
        "Copied"
    } else {
        "Kopiert"
    };
    for part in ["secret", "python"] {
        assert_eq!(seen["copied"][part], json!([copied, true]), "{part}");
    }
    assert_eq!(seen["examples"], json!(["python"]));
    // From the start page of a stranger, to an answer of the API.
    assert_eq!(seen["quick"]["clicks"], 4);
    assert_eq!(seen["quick"]["status"], "200");

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
    let nothing = match language {
        "en" => "Nothing matches",
        _ => "Nichts passt dazu",
    };
    let filtered = json!(["1 / 8", 1, "", 8, nothing, 0]);
    assert_eq!(seen["filtered"], filtered);
    assert_eq!(seen["unscripted"], json!(0), "buttons without script");
    assert_eq!(scene.companion.check("GET", "/orders/1", &token).await, 401);
}

/// A time is in the zone of the reader, with UTC in its title; without script it is UTC.
fn assert_times(times: &Value) {
    let text = |which: &str, part: usize| times[which][part].as_str().unwrap().to_owned();
    let utc = text("unscripted", 0);
    assert!(utc.ends_with(" UTC"), "{times}");
    assert_eq!(text("unscripted", 1), "", "{times}");
    assert_eq!(text("scripted", 1), utc, "{times}");
    let local = text("scripted", 0);
    let is_local = local.contains("+5:30") || local.contains("IST");
    assert!(is_local && local != utc, "{times}");
}

/// What the user saw of the calls that went through Envoy.
fn assert_tried(tried: &Value, language: &str) {
    let text = |call: &str, part: &str| {
        let text = tried[call][part].as_str();
        text.unwrap_or_else(|| panic!("{call}.{part}: {tried}"))
            .to_owned()
    };
    assert_eq!(text("passed", "status"), "200");
    // The API repeats the headers that it got.
    assert!(text("passed", "body").contains("[token]"), "{tried}");
    assert_eq!(text("refused", "status"), "403");
    let (lacks, needs) = match language {
        "en" => ("Your roles do not have it", "The route needs a token."),
        _ => (
            "Deine Rollen haben es nicht",
            "Die Route braucht ein Token.",
        ),
    };
    let why = text("refused", "why");
    assert!(why.contains("orders.write") && why.contains(lacks), "{why}");
    assert!(
        text("refused", "body").contains(&text("refused", "decision")),
        "{tried}"
    );
    assert_eq!(text("stranger", "status"), "401");
    assert_eq!(text("stranger", "why"), needs);
    for call in ["passed", "refused", "stranger"] {
        // Envoy and the gate beside the issuer agree.
        assert_eq!(tried[call]["odd"], json!(null), "{tried}");
    }
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
