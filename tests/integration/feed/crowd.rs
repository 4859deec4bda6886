//! Many gates at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis::clock::{ManualClock, UnixSeconds};
use portcullis::feed::{FeedClient, FeedHost, FeedSettings, GateView};
use portcullis::revocation::OnStale;
use portcullis::token::{Algorithm, RevocationTarget};
use tokio::runtime::Handle;

use super::network::Network;
use super::{PATIENCE, revoke};
use crate::test_companion::{TestCompanion, URL};

const GATES: usize = 200;

/// Whose clock stands at the beginning of 1970: it does not matter.
fn gate(address: &str, keys: &Arc<AtomicUsize>) -> FeedClient {
    let settings = FeedSettings {
        addresses: vec![address.parse().unwrap()],
        token_file: None,
        ca_file: None,
        identity: None,
        max_staleness: Duration::from_mins(1),
        on_stale: OnStale::Deny,
        start_wait: Duration::ZERO,
        snapshot_file: None,
        max_revocations: 10_000,
        report: true,
    };
    let keys = Arc::clone(keys);
    let host = FeedHost {
        runtime: Handle::current(),
        clock: Arc::new(ManualClock::new(UnixSeconds(0))),
        instance: bytes::Bytes::new(),
        on_keys: Box::new(move || {
            keys.fetch_add(1, Ordering::Relaxed);
        }),
        gate: GateView::default(),
    };
    let client = FeedClient::start(URL, &[Algorithm::Es256], settings, None, host).unwrap();
    client.put_in_use();
    client
}

async fn all(gates: &[FeedClient], enough: impl Fn(&FeedClient) -> bool) {
    let wait = async {
        while !gates.iter().all(&enough) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_gates_come_back_at_once_and_hold_the_same() {
    let companion = TestCompanion::with_feed("").await;
    for number in 0..100 {
        revoke(&companion, &RevocationTarget::App(format!("app-{number}"))).await;
    }
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    let keys = Arc::new(AtomicUsize::new(0));
    let gates: Vec<_> = (0..GATES).map(|_| gate(&network.url(), &keys)).collect();
    let entries = |count| move |gate: &FeedClient| gate.revocations().statistics().entries == count;
    all(&gates, entries(100)).await;
    all(&gates, |gate| gate.keys().usable().is_some()).await;
    network.cut();
    all(&gates, |gate| !gate.state().connected).await;
    revoke(
        &companion,
        &RevocationTarget::App("while they were away".to_owned()),
    )
    .await;
    network.heal();
    all(&gates, entries(101)).await;
    all(&gates, |gate| {
        gate.state().connected && gate.state().resumed == 1
    })
    .await;
    revoke(&companion, &RevocationTarget::App("afterwards".to_owned())).await;
    all(&gates, entries(102)).await;
    let held = |gate: &FeedClient| -> Vec<_> { gate.revocations().chunks(10).flatten().collect() };
    let rows = held(&gates[0]);
    for gate in &gates {
        assert_eq!(held(gate), rows);
        assert!(!gate.revocations().is_too_old());
    }
    assert_eq!(
        keys.load(Ordering::Relaxed),
        GATES,
        "the same keys are not new ones"
    );
    let (_, status) = companion.gate.admin("/status").await;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["feed"]["subscribers"], GATES);
    let (_, metrics) = companion.gate.admin("/metrics").await;
    for line in [
        format!("portcullis_feed_subscribers {GATES}"),
        format!("portcullis_feed_resumptions_total {GATES}"),
        format!("portcullis_feed_snapshots_sent_total {GATES}"),
        "portcullis_feed_snapshots_encoded_total 1".to_owned(),
    ] {
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
}
