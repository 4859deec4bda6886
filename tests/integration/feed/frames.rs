//! Frames of other releases, and of issuers that do not keep to the protocol.

use bytes::Bytes;
use portcullis::feed::wire::{Everyone, Frame, Keys, Kind, Revocation, Revocations, RevokedTokens};
use prost::Message;

use super::false_issuer::{FalseIssuer, Subscription, hello};
use super::{FarGate, PATIENCE};
use crate::test_issuer::TestIssuer;

pub(super) fn jwks(keys: &[&TestIssuer]) -> String {
    TestIssuer::jwks(keys.iter().copied())
}

/// A gate that has taken these keys and nothing revoked.
pub(super) async fn gate(issuer: &FalseIssuer, key: &TestIssuer) -> (FarGate, Subscription) {
    let far = FarGate::at(&issuer.url(), "").await;
    let subscription = issuer.subscription().await;
    subscription.greet().await;
    subscription.keys(jwks(&[key])).await;
    subscription.rows(Vec::new(), 5).await;
    far.is_ready().await;
    (far, subscription)
}

#[tokio::test]
async fn frames_and_fields_of_a_newer_issuer_do_no_harm() {
    let (issuer, key) = (FalseIssuer::start().await, TestIssuer::new("key-1"));
    let far = FarGate::at(&issuer.url(), "").await;
    let subscription = issuer.subscription().await;
    assert_eq!(subscription.request.protocol_version, 2);
    let mut greeting = Frame::decode(Frame::encoded(hello(crate::test_issuer::ISSUER))).unwrap();
    if let Some(Kind::Hello(hello)) = &mut greeting.kind {
        hello.protocol_version = 7;
    }
    // Field 99 with three bytes, beside what is known and alone.
    let unknown = [0x9a, 0x06, 3, b'n', b'e', b'w'];
    let bytes = [greeting.encode_to_vec().as_slice(), &unknown].concat();
    subscription.send_bytes(bytes.into()).await;
    subscription
        .send_bytes(Bytes::copy_from_slice(&unknown))
        .await;
    subscription.keys(jwks(&[&key])).await;
    subscription.send_bytes(Bytes::new()).await;
    subscription.rows(Vec::new(), 5).await;
    far.is_ready().await;
    assert_eq!(far.status(&key.token("alice", "orders.read")).await, 200);
    assert_eq!(far.feed().await["connections"], 1);
}

#[tokio::test]
async fn a_revocation_that_is_not_understood_is_everyones() {
    let key = TestIssuer::new("key-1");
    let row = |subject| Revocation {
        position: 6,
        expires_at: i64::MAX,
        subject,
    };
    for subject in [
        None,
        Some(RevokedTokens::Mark(Bytes::from_static(
            b"a longer mark than sixteen",
        ))),
        Some(RevokedTokens::Mark(Bytes::new())),
        Some(RevokedTokens::Everyone(Everyone {})),
    ] {
        let understood = matches!(subject, Some(RevokedTokens::Everyone(_)));
        let issuer = FalseIssuer::start().await;
        let (far, subscription) = gate(&issuer, &key).await;
        let alice = key.token("alice", "orders.read");
        assert_eq!(far.status(&alice).await, 200);
        subscription.rows(vec![row(subject)], 6).await;
        far.answers(&alice, 401, PATIENCE).await;
        let count = u64::from(!understood);
        assert_eq!(far.feed().await["not_understood"], count);
    }
}

#[tokio::test]
async fn keys_come_and_go_with_the_feed() {
    let issuer = FalseIssuer::start().await;
    let (old, new) = (TestIssuer::new("key-1"), TestIssuer::new("key-2"));
    let (far, subscription) = gate(&issuer, &old).await;
    let (alice, bob) = (
        old.token("alice", "orders.read"),
        new.token("bobby", "orders.read"),
    );
    assert_eq!(
        (far.status(&alice).await, far.status(&bob).await),
        (200, 401)
    );
    subscription.keys(jwks(&[&old, &new])).await;
    far.answers(&bob, 200, PATIENCE).await;
    assert_eq!(far.status(&alice).await, 200);
    subscription.keys(jwks(&[&new])).await;
    far.answers(&alice, 401, PATIENCE).await;
    assert_eq!(far.status(&bob).await, 200);
    // Nothing usable: the earlier ones may be just what was withdrawn.
    for nonsense in ["{\"keys\":[]}", "nonsense"] {
        subscription.keys(nonsense.to_owned()).await;
        far.answers(&bob, 503, PATIENCE).await;
        subscription.keys(jwks(&[&new])).await;
        far.answers(&bob, 200, PATIENCE).await;
    }
}

#[tokio::test]
async fn keys_wait_for_what_was_taken_back() {
    let (issuer, key) = (FalseIssuer::start().await, TestIssuer::new("key-1"));
    let far = FarGate::at(&issuer.url(), ", on_stale: deny").await;
    let subscription = issuer.subscription().await;
    let alice = key.token("alice", "orders.read");
    subscription.greet().await;
    subscription.keys(jwks(&[&key])).await;
    subscription
        .send(Kind::Revocations(Revocations::default()))
        .await;
    far.says(|feed| feed["connected"] == true).await;
    assert_eq!(far.status(&alice).await, 503);
    assert_eq!(far.gate.admin("/readyz").await.0, 503);
    let everyone = Revocation {
        position: 1,
        expires_at: i64::MAX,
        subject: Some(RevokedTokens::Everyone(Everyone {})),
    };
    subscription.rows(vec![everyone], 1).await;
    far.answers(&alice, 401, PATIENCE).await;
}

#[tokio::test]
async fn a_gap_is_noticed_and_closed() {
    let (issuer, key) = (FalseIssuer::start().await, TestIssuer::new("key-1"));
    let (far, subscription) = gate(&issuer, &key).await;
    subscription.beat(6).await;
    let again = issuer.subscription().await;
    assert_eq!(again.request.cursor, "cursor 5");
    far.complains("lost on the way").await;
}

/// The next subscription that goes on from there; those of races before it are left.
pub(super) async fn resumed(issuer: &FalseIssuer, cursor: &str) -> Subscription {
    loop {
        let subscription = issuer.subscription().await;
        if subscription.request.cursor == cursor {
            return subscription;
        }
    }
}

#[tokio::test]
async fn an_issuer_without_its_database_is_left_for_the_next_one() {
    let (one, other) = (FalseIssuer::start().await, FalseIssuer::start().await);
    let key = TestIssuer::new("key-1");
    let addresses = format!("{}, {}", one.url(), other.url());
    let far = FarGate::at(&addresses, ", on_stale: deny").await;
    let subscription = one.subscription().await;
    subscription.greet().await;
    subscription.keys(jwks(&[&key])).await;
    let rows = Revocations {
        position: 5,
        cursor: Bytes::from_static(b"cursor 5"),
        ..Revocations::default()
    };
    subscription.send(Kind::Revocations(rows)).await;
    subscription.beat_behind(5, 60_000).await;
    let subscription = resumed(&other, "cursor 5").await;
    far.complains("has not read its database").await;
    assert_eq!(far.gate.admin("/readyz").await.0, 503, "nobody was heard");
    subscription.greet().await;
    subscription.rows(Vec::new(), 6).await;
    far.is_ready().await;
    assert_eq!(far.status(&key.token("alice", "orders.read")).await, 200);
    // A moment is no reason to go; what is older than five seconds is, though it is no secret.
    subscription.beat_behind(6, 2000).await;
    subscription.beat_behind(6, 6000).await;
    resumed(&one, "cursor 6").await;
}

#[tokio::test]
async fn the_only_issuer_is_heard_until_what_it_knows_is_too_old() {
    let (issuer, key) = (FalseIssuer::start().await, TestIssuer::new("key-1"));
    let (far, subscription) = gate(&issuer, &key).await;
    subscription.beat_behind(5, 20_000).await;
    subscription.rows(Vec::new(), 6).await;
    subscription.beat_behind(6, 31_000).await;
    resumed(&issuer, "cursor 6").await;
    far.complains("has not read its database").await;
}

#[tokio::test]
async fn what_is_no_feed_of_the_issuer_is_not_trusted() {
    let (issuer, key) = (FalseIssuer::start().await, TestIssuer::new("key-1"));
    let far = FarGate::at(&issuer.url(), "").await;
    let subscription = issuer.subscription().await;
    subscription.send(hello("https://id.other.example")).await;
    subscription.keys(jwks(&[&key])).await;
    far.complains("another issuer, `https://id.other.example`")
        .await;
    let subscription = issuer.subscription().await;
    let keys = Keys::default();
    subscription.send(Kind::Keys(keys)).await;
    far.complains("did not begin with a greeting").await;
    let subscription = issuer.subscription().await;
    subscription
        .send_bytes(Bytes::from_static(b"\xff\xff\xff"))
        .await;
    far.complains("interrupted").await;
    assert_eq!(far.status(&key.token("alice", "orders.read")).await, 503);
}
