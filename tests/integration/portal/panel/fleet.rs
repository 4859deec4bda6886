//! What the panel says of signing keys and of gates.

use std::time::Duration;

use portcullis::feed::wire::GateReport;
use serde_json::{Value, json};

use super::administrator;
use crate::feed::report_abuse::{RawGate, report};
use crate::feed::reports::Fleet;
use crate::feed::{FarGate, feed_of};
use crate::portal::{in_german, next, page, with_clock, with_clock_and_feed};
use crate::test_app::POLICY;
use crate::test_browser::form;
use crate::test_companion::{ADMIN_PASSWORD, TestCompanion};

/// The states of the keys at the endpoint, in their order.
async fn states(companion: &TestCompanion, token: &str) -> Vec<(String, String)> {
    let keys = companion.get("/backend/key", token).await.json();
    let keys = keys["items"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    keys.map(|key| (text(&key["id"]), text(&key["state"])))
        .collect()
}

#[tokio::test]
async fn keys_are_seen_with_where_they_are_in_their_life() {
    let companion = TestCompanion::start().await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let jwks = companion.get("/.well-known/jwks.json", "").await.json();
    let first = jwks["keys"][0]["kid"].as_str().unwrap().to_owned();
    assert_eq!(
        states(&companion, &token).await,
        [(first.clone(), "active".to_owned())]
    );
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["key", "rotate", "--config", "portcullis.yaml"])
        .current_dir(companion.gate.folder.path())
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    let second = told.split_whitespace().nth(2).unwrap().to_owned();
    let rotated = async {
        while states(&companion, &token).await.len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let rotated = tokio::time::timeout(Duration::from_secs(30), rotated).await;
    assert!(rotated.is_ok());
    let expected = [
        (first.clone(), "active".to_owned()),
        (second.clone(), "next".to_owned()),
    ];
    assert_eq!(states(&companion, &token).await, expected);
    let keys = companion.get("/backend/key", &token).await.json();
    let (old, new) = (&keys["items"][0], &keys["items"][1]);
    assert_eq!(new["published_until"], json!(null), "nothing follows on it");
    let (until, from) = (&old["published_until"], &new["active_from"]);
    assert!(until.as_i64().unwrap() > from.as_i64().unwrap(), "{keys}");

    let mut admin = administrator(&companion).await;
    let seen = page(&mut admin, "/panel/keys").await;
    for (id, state) in [
        (&first, "badge on\">signs<"),
        (&second, "badge off\">next<"),
    ] {
        let (_, rest) = seen.body.split_once(&format!("<code>{id}</code>")).unwrap();
        let (row, _) = rest.split_once("</tr>").unwrap();
        assert!(row.contains(state), "{state}: {row}");
    }
}

#[tokio::test]
async fn gates_are_seen_while_they_are_connected_and_when_they_are_gone() {
    let companion = TestCompanion::with_feed("").await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let gates = async || companion.get("/backend/gate", &token).await.json();
    let none = gates().await;
    assert_eq!((&none["items"], &none["next"]), (&json!([]), &json!(null)));
    let mut admin = administrator(&companion).await;
    let none = page(&mut admin, "/panel/gates").await;
    assert!(none.body.contains("No gate is connected."), "{none:?}");

    let first = FarGate::at(&feed_of(&companion), "").await;
    first.is_ready().await;
    let second = FarGate::at(&feed_of(&companion), "").await;
    second.is_ready().await;
    // Something is revoked, and is with both a moment later.
    let alice = companion.register("alice").await;
    companion
        .put(
            "/consumer/account/change_password",
            &json!({"old_password": crate::test_companion::PASSWORD, "new_password": "another good password"}),
            &alice,
        )
        .await;
    let up_to_date = async {
        loop {
            let gates = gates().await;
            let items = gates["items"].as_array().unwrap().clone();
            let there = |gate: &Value| gate["behind"] == 0 && gate["position"].as_u64() > Some(0);
            if items.len() == 2 && items.iter().all(there) {
                return items;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let items = tokio::time::timeout(Duration::from_secs(30), up_to_date)
        .await
        .unwrap();
    let all_report = |gates: &Value| {
        let mut gates = gates["items"].as_array().unwrap().iter();
        gates.all(|gate| gate["report"].is_object())
    };
    let reported = async {
        while !all_report(&gates().await) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let reported = tokio::time::timeout(Duration::from_secs(30), reported).await;
    assert!(reported.is_ok(), "{}", gates().await);
    let one = companion.get("/backend/gate?limit=1", &token).await.json();
    let path = format!("/backend/gate?after={}", one["next"].as_str().unwrap());
    let other = companion.get(&path, &token).await.json();
    assert_eq!(one["items"][0]["number"], items[0]["number"]);
    assert_eq!(other["items"][0]["number"], items[1]["number"]);
    assert_eq!(other["next"], json!(null));
    let wrong = companion.get("/backend/gate?after=x", &token).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    let seen = page(&mut admin, "/panel/gates").await;
    for gate in &items {
        let address = gate["address"].as_str().unwrap();
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        let row = format!("<code class=\"figure\">{address}</code></th>");
        assert!(seen.body.contains(&row), "{row}: {seen:?}");
    }
    assert_eq!(seen.body.matches("badge on\">up to date<").count(), 2);
    let version = format!(
        "<td data-label=\"Version\">{}</td>",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(seen.body.matches(&version).count(), 3, "{seen:?}");
    assert!(seen.body.contains("This process <code>"), "{seen:?}");
    assert!(!seen.body.contains("another policy"), "{seen:?}");

    // One that ends without a word is not forgotten.
    drop(second);
    let is_gone = |gates: &Value| gates["items"][1]["state"] == "not_connected";
    let gone = async {
        while !is_gone(&gates().await) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(30), gone).await;
    assert!(gone.is_ok(), "{}", gates().await);
    let left = gates().await;
    let since = left["items"][1]["not_connected_since"].as_i64().unwrap();
    assert!(since >= left["items"][1]["connected_at"].as_i64().unwrap());
    let seen = page(&mut admin, "/panel/gates").await;
    let told = "badge off\">not connected since<";
    assert!(seen.body.contains(told), "{seen:?}");
    let panel = page(&mut admin, "/panel").await;
    let told = "Gates that were connected and are not any more: 1";
    assert!(panel.body.contains(told), "{panel:?}");
    let german = in_german(&companion, &admin, "/panel/gates").await;
    let told = "badge off\">nicht verbunden seit<";
    assert!(german.body.contains(told), "{german:?}");
}

/// A gate that hangs has its connection served by the system for a while, and takes what it is sent.
#[tokio::test]
async fn a_gate_that_hangs_shows_by_what_it_has_not_reported() {
    let (companion, clock) = with_clock_and_feed().await;
    let fleet = Fleet::of(&companion).await;
    let mut hung = RawGate::connect(&companion, None).await;
    let (frames, id) = hung.subscribe().await;
    let known = GateReport {
        name: "gate-1".to_owned(),
        position: 1_000_000,
        knowledge_age_ms: Some(400),
        ..report(&id)
    };
    assert_eq!(hung.report(known).await, Ok(()));
    let seen = fleet.shows("", |gates| gates.len() == 1).await;
    assert_eq!(seen[0]["state"], "up_to_date", "{seen:?}");
    let told = seen[0]["report"]["knowledge_age_ms"].as_u64();
    clock.advance(16);
    let seen = fleet.shows("", |gates| gates.len() == 1).await;
    assert_eq!(seen[0]["state"], "silent", "{seen:?}");
    let later = seen[0]["report"]["knowledge_age_ms"].as_u64();
    assert_eq!(later.unwrap(), told.unwrap() + 16_000);
    assert_eq!(seen[0]["position"], 1_000_000, "{seen:?}");
    let attention = async || {
        let seen = companion
            .get("/backend/attention", fleet.token())
            .await
            .json();
        (
            seen["lagging_gates"].clone(),
            seen["gates_not_connected"].clone(),
        )
    };
    assert_eq!(attention().await, (json!(1), json!(0)));
    let mut admin = administrator(&companion).await;
    let page_of_it = page(&mut admin, "/panel/gates").await;
    let told = "badge off\">no report since<";
    assert!(page_of_it.body.contains(told), "{page_of_it:?}");
    drop((frames, hung));
    fleet
        .shows("", |gates| gates[0]["state"] == "not_connected")
        .await;
    assert_eq!(attention().await, (json!(0), json!(1)));
    // What it was there for goes on naming it.
    companion.register("alice").await;
    let position = fleet.revoke("alice").await;
    let seen = page(&mut admin, &format!("/panel/revoke?position={position}")).await;
    for told in [
        "gate-1",
        "not connected since",
        "Not connected any more: 1.",
    ] {
        assert!(seen.body.contains(told), "{told}: {seen:?}");
    }
    clock.advance(12 * 3600 + 1);
    let fleet = Fleet::of(&companion).await;
    assert!(fleet.shows("", |_| true).await.is_empty());
}

#[tokio::test]
async fn a_gate_with_another_policy_is_marked_by_a_word() {
    let companion = TestCompanion::with_feed("").await;
    let fleet = Fleet::of(&companion).await;
    let policy = format!("{POLICY}\n# of another day\n");
    let far = FarGate::with_policy(&feed_of(&companion), &policy).await;
    far.is_ready().await;
    let gates = fleet
        .shows("", |gates| {
            gates.len() == 1 && gates[0]["same_policy"] == false
        })
        .await;
    let digest = gates[0]["report"]["policy_digest"].as_str().unwrap();
    let mut admin = administrator(&companion).await;
    let cell = format!(
        "<code class=\"figure\">{}</code> <span class=\"badge off\">",
        digest.get(..12).unwrap()
    );
    let seen = page(&mut admin, "/panel/gates").await;
    assert!(
        seen.body.contains(&format!("{cell}another policy<")),
        "{seen:?}"
    );
    let told = "1 gate has another policy in force than this process.";
    assert!(seen.body.contains(told), "{seen:?}");
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let attention = companion.get("/backend/attention", &token).await.json();
    assert_eq!(attention["gates_with_other_policy"], 1, "{attention}");
    let panel = page(&mut admin, "/panel").await;
    let told = "another policy in force than this process: 1";
    assert!(panel.body.contains(told), "{panel:?}");
    let seen = in_german(&companion, &admin, "/panel/gates").await;
    assert!(
        seen.body.contains(&format!("{cell}andere Policy<")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn after_a_revocation_it_is_seen_how_long_each_gate_took() {
    let companion = TestCompanion::with_feed("").await;
    let fleet = Fleet::of(&companion).await;
    let near = FarGate::at(&feed_of(&companion), "").await;
    near.is_ready().await;
    let quiet = FarGate::at(&feed_of(&companion), ", report: false").await;
    quiet.is_ready().await;
    let mut late = RawGate::connect(&companion, None).await;
    let (_frames, id) = late.subscribe().await;
    let odd = GateReport {
        name: "<b>\u{202e}".to_owned(),
        ..report(&id)
    };
    assert_eq!(late.report(odd).await, Ok(()));
    companion.register("alice").await;
    let mut admin = administrator(&companion).await;
    let path = "/panel/revoke";
    let filled = form(&page(&mut admin, path).await, path);
    let filled = filled.with("kind", "user").with("name", "alice");
    let asked = admin.submit(&filled).await;
    let done = admin.submit(&form(&asked, path)).await;
    let result = next(&done);
    let (_, position) = result.split_once("/panel/revoke?position=").unwrap();
    let query = format!("?position={position}");
    let has_it = |gate: &Value| gate["applied"] == true;
    fleet.shows(&query, |gates| gates.iter().any(has_it)).await;
    let seen = page(&mut admin, &result).await;
    for told in [
        "Connected: 3. Refusing: 1. Not yet: 1. Without an answer: 1.",
        "This process</th><td data-label=\"State\"><span class=\"badge on\">refuses<",
        "badge off\">not yet<",
        "does not say",
        " ms</td>",
        "Look again",
        "<th scope=\"row\">&#60;b&#62;? <code>127.0.0.1:",
    ] {
        assert!(seen.body.contains(told), "{told}: {seen:?}");
    }
    let german = in_german(&companion, &admin, &result).await;
    for told in ["Lehnen ab: 1. Noch nicht: 1.", "Noch einmal nachsehen"] {
        assert!(german.body.contains(told), "{told}: {german:?}");
    }
    let arrived = GateReport {
        position: position.parse().unwrap(),
        ..report(&id)
    };
    while late.report(arrived.clone()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The page is that of the revocation, whenever it is looked at.
    let again = page(&mut admin, &result).await;
    let told = "Connected: 3. Refusing: 2. Without an answer: 1.";
    assert!(again.body.contains(told), "{again:?}");
    let wrong = admin.get("/panel/revoke?position=x").await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
}

#[tokio::test]
async fn what_needs_somebody_is_said_to_whoever_can_see_to_it() {
    let companion = TestCompanion::with_feed("").await;
    let token = companion.login("admin", ADMIN_PASSWORD).await;
    let attention = async || companion.get("/backend/attention", &token).await.json();
    let set = async |role: &str, scopes: &[&str]| {
        let body = json!({"name": role, "scopes": scopes});
        let path = format!("/backend/role/{role}");
        let set = companion.put(&path, &body, &token).await;
        assert_eq!(set.status, 200, "{set:?}");
    };
    let mut admin = administrator(&companion).await;
    let none = json!({"count": 0, "has_more": false});
    // Nobody has what a route asks for.
    let closed = json!({"count": 1, "names": ["place-order"]});
    assert_eq!(
        attention().await,
        json!({"unused_apps": none, "old_secrets": none, "lagging_gates": 0, "gates_not_connected": 0, "gates_with_other_policy": 0, "administrators_without_passkey": 0, "closed_routes": closed})
    );
    let loud = page(&mut admin, "/panel").await;
    let sentence = "no role has their scopes: 1 (place-order)";
    assert!(loud.body.contains(sentence), "{loud:?}");

    set(
        "consumer",
        &[
            "consumer.account",
            "consumer.app",
            "orders.read",
            "orders.write",
        ],
    )
    .await;
    let closed = json!({"count": 0, "names": []});
    let quiet = json!({"unused_apps": none, "old_secrets": none, "lagging_gates": 0, "gates_not_connected": 0, "gates_with_other_policy": 0, "administrators_without_passkey": 0, "closed_routes": closed});
    assert_eq!(attention().await, quiet);
    let calm = page(&mut admin, "/panel").await;
    assert!(
        calm.body.contains("Nothing: all is as it should be."),
        "{calm:?}"
    );

    // Each sees what concerns its own scopes.
    let role = json!({"name": "keeper", "scopes": ["backend.token"]});
    assert_eq!(
        companion.post("/backend/role", &role, &token).await.status,
        201
    );
    companion.register("alice").await;
    let given = json!({"add_roles": ["keeper"]});
    assert_eq!(
        companion
            .put("/backend/user/alice", &given, &token)
            .await
            .status,
        200
    );
    let keeper = companion
        .login("alice", crate::test_companion::PASSWORD)
        .await;
    let seen = companion.get("/backend/attention", &keeper).await;
    assert_eq!(
        seen.json(),
        json!({"lagging_gates": 0, "gates_not_connected": 0, "gates_with_other_policy": 0})
    );
    let stranger = companion.register("bobby").await;
    assert_eq!(
        companion.get("/backend/attention", &stranger).await.status,
        403
    );
}

#[tokio::test]
async fn apps_that_nobody_looks_after_are_to_be_looked_at() {
    let (companion, clock) = with_clock().await;
    let alice = companion.register("alice").await;
    companion.app(&alice, "web-shop").await;
    for (days, unused, old) in [(91, 1, 0), (366, 1, 1)] {
        clock.advance(days * 86_400);
        let token = companion.login("admin", ADMIN_PASSWORD).await;
        let seen = companion.get("/backend/attention", &token).await.json();
        let count = |count: u8| json!({"count": count, "has_more": false});
        assert_eq!(
            (&seen["unused_apps"], &seen["old_secrets"]),
            (&count(unused), &count(old))
        );
        let mut admin = administrator(&companion).await;
        let panel = page(&mut admin, "/panel").await;
        for (sentence, days, is_there) in [
            ("unused_days=90", "for 90 days: 1", true),
            ("secret_days=365", "a year old: 1", old == 1),
        ] {
            assert_eq!(panel.body.contains(sentence), is_there, "{panel:?}");
            assert_eq!(panel.body.contains(days), is_there, "{panel:?}");
        }
    }
}
