//! What was known does not give way to what is older: not to an issuer that lags behind, and not to a
//! reload.

use std::fmt::Write;

use bytes::Bytes;
use portcullis::feed::wire::{Everyone, Kind, Revocation, Revocations, RevokedTokens};

use super::false_issuer::{FalseIssuer, Subscription};
use super::frames::{gate, jwks, resumed};
use super::{FarGate, PATIENCE, setup};
use crate::asker::Asker;
use crate::client;
use crate::test_app::write_files;
use crate::test_issuer::TestIssuer;

/// All that an issuer has to tell, and that it read its database so long ago.
async fn tell(subscription: &Subscription, key: &TestIssuer, position: u64, behind_ms: u64) {
    subscription.greet().await;
    subscription.keys(jwks(&[key])).await;
    let rows = Revocations {
        position,
        cursor: Bytes::from(format!("cursor {position}")),
        ..Revocations::default()
    };
    subscription.send(Kind::Revocations(rows)).await;
    subscription.beat_behind(position, behind_ms).await;
}

#[tokio::test]
async fn an_issuer_that_lags_behind_does_not_bring_back_withdrawn_keys() {
    let (one, other) = (FalseIssuer::start().await, FalseIssuer::start().await);
    let (old, new) = (TestIssuer::new("key-1"), TestIssuer::new("key-2"));
    let far = FarGate::at(&format!("{}, {}", one.url(), other.url()), "").await;
    let subscription = one.subscription().await;
    tell(&subscription, &new, 10, 0).await;
    far.is_ready().await;
    let (alice, bob) = (
        old.token("alice", "orders.read"),
        new.token("bobby", "orders.read"),
    );
    let assert_unchanged = async || {
        assert_eq!(
            (far.status(&alice).await, far.status(&bob).await),
            (401, 200)
        );
    };
    assert_unchanged().await;
    drop(subscription);
    // Too far behind to be listened to.
    let subscription = resumed(&other, "cursor 10").await;
    tell(&subscription, &old, 5, 3_600_000).await;
    far.complains("has not read its database").await;
    resumed(&one, "cursor 10").await;
    assert_unchanged().await;
}

#[tokio::test]
async fn keys_wait_until_their_issuer_knows_as_much_as_the_gate() {
    let issuer = FalseIssuer::start().await;
    let (old, new) = (TestIssuer::new("key-1"), TestIssuer::new("key-2"));
    let far = FarGate::at(&issuer.url(), ", max_staleness_seconds: 3600").await;
    let subscription = issuer.subscription().await;
    tell(&subscription, &old, 10, 0).await;
    far.is_ready().await;
    let (alice, bob) = (
        old.token("alice", "orders.read"),
        new.token("bobby", "orders.read"),
    );
    let statuses = async || (far.status(&alice).await, far.status(&bob).await);
    assert_eq!(statuses().await, (200, 401));
    drop(subscription);
    // Near enough to be listened to, and yet older; it ends with a gap, and so after the rest.
    let subscription = resumed(&issuer, "cursor 10").await;
    tell(&subscription, &new, 5, 3_000_000).await;
    subscription.beat(99).await;
    far.complains("lost on the way").await;
    let subscription = resumed(&issuer, "cursor 10").await;
    assert_eq!(statuses().await, (200, 401));
    tell(&subscription, &new, 5, 3_000_000).await;
    subscription.beat(5).await;
    far.answers(&bob, 200, PATIENCE).await;
    assert_eq!(far.status(&alice).await, 401);
    drop(subscription);
    resumed(&issuer, "cursor 5").await;
}

#[tokio::test]
async fn what_a_lagging_issuer_revokes_is_refused_at_once() {
    let (one, other) = (FalseIssuer::start().await, FalseIssuer::start().await);
    let key = TestIssuer::new("key-1");
    let far = FarGate::at(&format!("{}, {}", one.url(), other.url()), "").await;
    let subscription = one.subscription().await;
    tell(&subscription, &key, 5, 0).await;
    far.is_ready().await;
    let alice = key.token("alice", "orders.read");
    assert_eq!(far.status(&alice).await, 200);
    drop(subscription);
    let subscription = resumed(&other, "cursor 5").await;
    subscription.greet().await;
    subscription.send(Kind::Revocations(everyone(4))).await;
    far.answers(&alice, 401, PATIENCE).await;
}

/// What an issuer that lags behind tells a gate that knows nothing is as good as an old file.
#[tokio::test]
async fn a_gate_that_knows_nothing_takes_old_knowledge_as_it_is_told_to() {
    for (on_stale, status) in [("serve", 200), ("deny", 503)] {
        let issuer = FalseIssuer::start().await;
        let key = TestIssuer::new("key-1");
        let keys = format!(", start_wait_seconds: 0, on_stale: {on_stale}");
        let far = FarGate::at(&issuer.url(), &keys).await;
        let subscription = issuer.subscription().await;
        tell(&subscription, &key, 5, 3_600_000).await;
        far.complains("has not read its database").await;
        let alice = key.token("alice", "orders.read");
        assert_eq!(far.status(&alice).await, status, "{on_stale}");
    }
}

fn everyone(position: u64) -> Revocations {
    let row = Revocation {
        position,
        expires_at: i64::MAX,
        subject: Some(RevokedTokens::Everyone(Everyone {})),
    };
    Revocations {
        revocations: vec![row],
        position,
        cursor: Bytes::from(format!("cursor {position}")),
    }
}

/// A policy whose conditions take a second or more to compile.
fn large_policy() -> String {
    let mut text = "version: 1\nroutes:\n".to_owned();
    for number in 0..3000 {
        let _ = writeln!(
            text,
            "  - {{name: r{number}, methods: [GET], path: \"/x{number}/{{a}}\", access: authenticated, \
             when: token.sub == path.a || token.level == {number}}}"
        );
    }
    text
}

/// Reloads with another address of the feed, and has the issuer send `news` when the reload has read the
/// new address and serves by the old one still. They refuse this gate's token.
async fn reload_during(news: Kind) {
    let (one, other) = (FalseIssuer::start().await, FalseIssuer::start().await);
    let key = TestIssuer::new("key-1");
    let (far, subscription) = gate(&one, &key).await;
    let alice = key.token("alice", "orders.read");
    assert_eq!(far.status(&alice).await, 200);
    let mut changed = setup(&other.url(), "");
    // So large that the reload goes on for a while after it has read the rest.
    changed.extra.push_str("\nshadow_policy: [large.yaml]");
    let folder = far.gate.folder.path();
    std::fs::write(folder.join("large.yaml"), large_policy()).unwrap();
    write_files(folder, &changed, &far.gate.issuer);
    let asker = Asker::connect(&far.gate.authz_url()).await;
    let admin = far.gate.app.admin_address();
    let between = tokio::spawn({
        let alice = alice.clone();
        async move {
            let running = "\"reload_running_since_unix_seconds\": 1";
            while !client::get(admin, "/status", &[])
                .await
                .body
                .contains(running)
            {
                tokio::task::yield_now().await;
            }
            subscription.send(news).await;
            while asker.ask("/orders/1", Some(&alice)).await.status != 401 {
                tokio::task::yield_now().await;
            }
        }
    });
    tokio::task::block_in_place(|| far.gate.app.reload()).unwrap();
    let between = tokio::time::timeout(PATIENCE, between).await;
    between.expect("heard before the reload has ended").unwrap();
    // The new address says nothing.
    let subscription = other.subscription().await;
    assert_eq!(far.status(&alice).await, 401, "allowed again");
    assert_eq!(far.feed().await["connections"], 0, "another client");
    assert!(subscription.request.cursor.starts_with(b"cursor "));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_during_a_reload_stays_revoked() {
    reload_during(Kind::Revocations(everyone(6))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_withdrawn_during_a_reload_stays_withdrawn() {
    let keys = portcullis::feed::wire::Keys {
        jwks: jwks(&[&TestIssuer::new("key-2")]),
        algorithms: vec!["ES256".to_owned()],
    };
    reload_during(Kind::Keys(keys)).await;
}
