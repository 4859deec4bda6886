//! What gates tell their issuer of themselves, and how long each took to refuse what was revoked.

use std::time::{Duration, Instant};

use portcullis::feed::wire::{Everyone, Revocation, RevokedTokens};
use serde_json::{Value, json};

use super::false_issuer::{FalseIssuer, Reports, hello, hello_with};
use super::frames::jwks;
use super::network::Network;
use super::{A_SECOND, FarGate, PATIENCE, feed_of, setup};
use crate::test_app::{POLICY, Setup};
use crate::test_companion::{ADMIN_PASSWORD, TestCompanion};
use crate::test_issuer::{ISSUER, TestIssuer};

/// What a false issuer calls a subscription.
const ID: &[u8] = b"sixteen bytes it";

/// The endpoint about gates, as an administrator asks it.
pub(crate) struct Fleet<'c> {
    companion: &'c TestCompanion,
    token: String,
}

impl<'c> Fleet<'c> {
    pub(crate) async fn of(companion: &'c TestCompanion) -> Self {
        Self {
            companion,
            token: companion.login("admin", ADMIN_PASSWORD).await,
        }
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    async fn asked(&self, query: &str) -> Value {
        let path = format!("/backend/gate{query}");
        let answer = self.companion.get(&path, &self.token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Asks until there are these gates.
    pub(crate) async fn shows(&self, query: &str, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let wait = async {
            loop {
                let items = self.asked(query).await["items"].clone();
                let items: Vec<Value> = serde_json::from_value(items).unwrap();
                if enough(&items) {
                    return items;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let shown = tokio::time::timeout(PATIENCE, wait).await;
        if let Ok(items) = shown {
            return items;
        }
        panic!("{}", self.asked(query).await)
    }

    /// Revokes the tokens of a user; gives back the position.
    pub(crate) async fn revoke(&self, user: &str) -> u64 {
        let body = json!({"user": user});
        let path = "/backend/revoke";
        let done = self.companion.post(path, &body, &self.token).await;
        assert_eq!(done.status, 200, "{done:?}");
        done.json()["position"].as_u64().unwrap()
    }
}

fn all_report(count: usize) -> impl Fn(&[Value]) -> bool {
    move |gates| gates.len() == count && gates.iter().all(|gate| gate["report"].is_object())
}

fn all_apply(gates: &[Value]) -> bool {
    !gates.is_empty() && gates.iter().all(|gate| gate["applied"] == true)
}

async fn digest(far: &FarGate) -> Value {
    let (_, status) = far.gate.admin("/status").await;
    let status: Value = serde_json::from_str(&status).unwrap();
    status["policy"]["digest"].clone()
}

#[tokio::test]
async fn a_gate_tells_its_release_its_policy_and_what_it_refused() {
    let companion = TestCompanion::with_feed("").await;
    let fleet = Fleet::of(&companion).await;
    let first = FarGate::at(&feed_of(&companion), "").await;
    first.is_ready().await;
    fleet.shows("", all_report(1)).await;
    let other_policy = format!("{POLICY}\n# of another day\n");
    let second = FarGate::with_policy(&feed_of(&companion), &other_policy).await;
    second.is_ready().await;
    let knows = |gate: &Value| gate["report"]["knowledge_age_ms"].is_u64();
    let gates = fleet
        .shows("", |gates| gates.len() == 2 && gates.iter().all(knows))
        .await;
    let own = fleet.asked("").await["this_process"].clone();
    for (gate, far, same) in [(&gates[0], &first, true), (&gates[1], &second, false)] {
        let report = &gate["report"];
        assert_eq!(report["version"], env!("CARGO_PKG_VERSION"), "{gate}");
        assert_eq!(report["policy_digest"], digest(far).await, "{gate}");
        assert_eq!(gate["same_policy"], same, "{gate}");
        assert_eq!(report["name"], own["name"], "they are on one host");
        assert_eq!(report["reload_failed"], false, "{gate}");
        assert_eq!(report["shadow_policy_digest"], Value::Null, "{gate}");
        let age = report["knowledge_age_ms"].as_u64().unwrap();
        assert!(age < 30_000, "{gate}");
        assert_eq!(gate["applied"], Value::Null, "nothing was asked: {gate}");
    }
    assert_ne!(own["name"], "", "{own}");

    let alice = companion.register("alice").await;
    assert_eq!(second.status(&alice).await, 200);
    assert_eq!(second.status("not-a-token").await, 401);
    let position = fleet.revoke("alice").await;
    let query = format!("?position={position}");
    let gates = fleet.shows(&query, all_apply).await;
    let report = &gates[1]["report"];
    assert_eq!(
        (&report["checks_allowed"], &report["checks_denied"]),
        (&json!(1), &json!(1)),
        "{report}"
    );

    // A policy that is replaced is told, and so is one that cannot be.
    second.gate.write_policy(POLICY);
    second.gate.app.reload().unwrap();
    fleet
        .shows("", |gates| {
            gates.iter().all(|gate| gate["same_policy"] == true)
        })
        .await;
    second.gate.write_policy("version: 1\nroutes: nonsense\n");
    second.gate.app.reload().unwrap_err();
    let gates = fleet
        .shows("", |gates| gates[1]["report"]["reload_failed"] == true)
        .await;
    assert_eq!(gates[1]["same_policy"], true, "{gates:?}");
}

#[tokio::test]
async fn each_gate_says_how_long_a_revocation_took() {
    let companion = TestCompanion::with_feed("").await;
    let fleet = Fleet::of(&companion).await;
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    let near = FarGate::at(&feed_of(&companion), "").await;
    let away = FarGate::at(&network.url(), "").await;
    for far in [&near, &away] {
        far.is_ready().await;
    }
    companion.register("alice").await;
    let bob = companion.register("bobby").await;
    fleet.shows("", all_report(2)).await;
    let position = fleet.revoke("alice").await;
    let query = format!("?position={position}");
    let gates = fleet.shows(&query, all_apply).await;
    for gate in &gates {
        assert!(gate["took_ms"].as_u64().unwrap() < 5000, "{gate}");
        assert!(
            gate["report"]["position"].as_u64() >= Some(position),
            "{gate}"
        );
    }
    // What is still to come, and what nobody has timed.
    for (position, applied) in [(position + 1_000_000, false), (0, true)] {
        for gate in fleet
            .shows(&format!("?position={position}"), |_| true)
            .await
        {
            assert_eq!(gate["applied"], applied, "{gate}");
            assert_eq!(gate["took_ms"], Value::Null, "{gate}");
        }
    }
    let wrong = companion
        .get("/backend/gate?position=x", &fleet.token)
        .await;
    assert_eq!(wrong.status, 400, "{wrong:?}");

    network.cut();
    away.says(|feed| feed["connected"] == false).await;
    let lost = |gates: &[Value]| gates[1]["not_connected_since"].is_i64();
    let gates = fleet.shows("", lost).await;
    assert_eq!(gates[0]["state"], "up_to_date", "{gates:?}");
    assert_eq!(gates[1]["state"], "not_connected", "{gates:?}");
    let position = fleet.revoke("bobby").await;
    // It stays in the list of this revocation, and does not count as one that refuses.
    let query = format!("?position={position}");
    let gates = fleet
        .shows(&query, |gates| gates[0]["applied"] == true)
        .await;
    assert_eq!(
        (gates.len(), &gates[1]["applied"]),
        (2, &json!(false)),
        "{gates:?}"
    );
    let revoked = Instant::now();
    near.answers(&bob, 401, A_SECOND).await;
    assert_eq!(away.status(&bob).await, 200, "nobody has told it");
    let least = revoked.elapsed();
    network.heal();
    away.answers(&bob, 401, PATIENCE).await;
    let most = revoked.elapsed() + PATIENCE;
    let arrived = |gates: &[Value]| gates.len() == 2 && all_apply(gates);
    let gates = fleet.shows(&query, arrived).await;
    let took: Vec<_> = gates
        .iter()
        .map(|gate| Duration::from_millis(gate["took_ms"].as_u64().unwrap()))
        .collect();
    assert!(took[0] < A_SECOND, "{gates:?}");
    assert!(
        took[1] + Duration::from_millis(1) > least && took[1] < most,
        "{gates:?}"
    );
}

#[tokio::test]
async fn a_gate_that_is_to_tell_nothing_tells_nothing() {
    let companion = TestCompanion::with_feed("").await;
    let fleet = Fleet::of(&companion).await;
    let quiet = FarGate::at(&feed_of(&companion), ", report: false").await;
    quiet.is_ready().await;
    let other = FarGate::at(&feed_of(&companion), "").await;
    other.is_ready().await;
    let alice = companion.register("alice").await;
    let position = fleet.revoke("alice").await;
    quiet.answers(&alice, 401, A_SECOND).await;
    let query = format!("?position={position}");
    let gates = fleet
        .shows(&query, |gates| {
            gates.len() == 2 && gates[1]["applied"] == true
        })
        .await;
    for key in ["report", "same_policy", "applied", "took_ms"] {
        assert_eq!(gates[0][key], Value::Null, "{gates:?}");
    }
}

/// A revocation of everybody's tokens.
fn everyone(position: u64) -> Revocation {
    Revocation {
        position,
        expires_at: i64::MAX,
        subject: Some(RevokedTokens::Everyone(Everyone {})),
    }
}

#[tokio::test]
async fn an_issuer_that_does_not_know_reports_is_left_alone() {
    let key = TestIssuer::new("key-1");
    let alice = key.token("alice", "orders.read");
    for (greeting, reports) in [(hello(ISSUER), 0), (hello_with(ID), 1)] {
        let issuer = FalseIssuer::with(Reports::Unknown).await;
        let far = FarGate::at(&issuer.url(), "").await;
        let subscription = issuer.subscription().await;
        subscription.send(greeting).await;
        if reports > 0 {
            let report = issuer.report().await;
            assert_eq!(report.subscription, ID);
            assert_eq!(report.version, env!("CARGO_PKG_VERSION"));
        }
        subscription.keys(jwks(&[&key])).await;
        subscription.rows(Vec::new(), 5).await;
        far.answers(&alice, 200, PATIENCE).await;
        // Longer than the pause between two reports.
        far.says(|feed| feed["age_seconds"].as_f64() > Some(2.5))
            .await;
        subscription.rows(vec![everyone(6)], 6).await;
        far.answers(&alice, 401, PATIENCE).await;
        assert!(!issuer.has_report().await, "{reports}");
        assert_eq!(far.feed().await["connections"], 1);
    }
}

#[tokio::test]
async fn a_report_that_nobody_answers_holds_up_nothing() {
    let key = TestIssuer::new("key-1");
    let alice = key.token("alice", "orders.read");
    let issuer = FalseIssuer::with(Reports::Unanswered).await;
    let far = FarGate::at(&issuer.url(), "").await;
    let subscription = issuer.subscription().await;
    subscription.send(hello_with(ID)).await;
    let first = issuer.report().await;
    assert_eq!(first.position, 0);
    subscription.keys(jwks(&[&key])).await;
    subscription.rows(Vec::new(), 5).await;
    far.answers(&alice, 200, PATIENCE).await;
    subscription.rows(vec![everyone(6)], 6).await;
    far.answers(&alice, 401, A_SECOND).await;
    assert!(!issuer.has_report().await, "the first is under way");
    // It is given up, and what it did not tell is in the next.
    let next = issuer.report().await;
    let taken: Vec<_> = next.taken.iter().map(|taken| taken.position).collect();
    assert_eq!((next.position, taken.last()), (6, Some(&6)), "{next:?}");
    assert_eq!(far.feed().await["connections"], 1);
}

#[tokio::test]
async fn a_gate_that_ends_in_an_orderly_way_is_not_waited_for_and_one_that_comes_back_is_there() {
    let companion = TestCompanion::with_feed("").await;
    let fleet = Fleet::of(&companion).await;
    // The last report goes out while it drains.
    let draining = Setup {
        drain_seconds: 4,
        ..setup(&feed_of(&companion), "")
    };
    let mut orderly = FarGate::with(&draining).await;
    orderly.is_ready().await;
    let lost = FarGate::at(&feed_of(&companion), "").await;
    lost.is_ready().await;
    fleet.shows("", all_report(2)).await;
    let drained = orderly.gate.app.drain(std::future::pending::<()>);
    drained.await;
    drop(orderly);
    fleet.shows("", |gates| gates.len() == 1).await;
    drop(lost);
    let gone = |gates: &[Value]| gates.len() == 1 && gates[0]["state"] == "not_connected";
    fleet.shows("", gone).await;
    // Another process on the same host, as after a crash.
    let again = FarGate::at(&feed_of(&companion), "").await;
    again.is_ready().await;
    let back = |gates: &[Value]| gates.len() == 1 && gates[0]["state"] == "up_to_date";
    fleet.shows("", back).await;
}
