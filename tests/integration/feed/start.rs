//! Starts without the issuer, and what happens when knowledge grows old.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis::clock::{Clock, ManualClock, SystemClock};
use portcullis::feed::{FeedClient, FeedHost, FeedSettings, GateView};
use portcullis::revocation::OnStale;
use portcullis::token::Algorithm;
use tokio::runtime::Handle;

use super::network::Network;
use super::{FarGate, PATIENCE, feed_of, revoke_user, setup};
use crate::test_app::write_files;
use crate::test_companion::{TestCompanion, URL};

/// Nobody listens there.
const NOWHERE: &str = "\"http://127.0.0.1:1\"";

#[tokio::test]
async fn without_issuer_and_file_only_what_is_public_is_served() {
    let companion = TestCompanion::start().await;
    let alice = companion
        .login("admin", crate::test_companion::ADMIN_PASSWORD)
        .await;
    for (keys, ready) in [
        (", start_wait_seconds: 0", 200),
        (", start_wait_seconds: 0, on_stale: deny", 503),
    ] {
        let far = FarGate::at(NOWHERE, keys).await;
        far.complains("cannot connect").await;
        if ready == 200 {
            far.is_ready().await;
        }
        assert_eq!(far.gate.admin("/readyz").await.0, ready);
        assert_eq!(far.status(&alice).await, 503);
        assert_eq!(far.asker.ask("/products/1", Some(&alice)).await.status, 200);
    }
}

#[tokio::test]
async fn old_knowledge_denies_where_it_is_told_to() {
    let companion = TestCompanion::with_feed("").await;
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    let keys = ", on_stale: deny, max_staleness_seconds: 3";
    let far = FarGate::at(&network.url(), keys).await;
    far.is_ready().await;
    let alice = companion.register("alice").await;
    let bob = companion.register("bobby").await;
    revoke_user(&companion, &bob).await;
    far.answers(&bob, 401, PATIENCE).await;
    assert_eq!(far.status(&alice).await, 200, "and so cached");
    network.cut();
    far.answers(&alice, 503, PATIENCE).await;
    let refused = far.ask(&alice).await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(far.status(&bob).await, 401, "that much is known");
    assert_eq!(far.asker.ask("/products/1", None).await.status, 200);
    assert_eq!(far.asker.ask("/products/1", Some(&alice)).await.status, 200);
    let (_, metrics) = far.gate.admin("/metrics").await;
    let counted = "portcullis_checks_denied_total{reason=\"revocations_stale\",detail=\"\"} 0";
    assert!(metrics.contains("revocations_stale") && !metrics.contains(counted));
    network.heal();
    far.answers(&alice, 200, PATIENCE).await;
}

#[tokio::test]
async fn old_knowledge_serves_where_it_is_told_to() {
    let companion = TestCompanion::with_feed("").await;
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    let far = FarGate::at(&network.url(), ", max_staleness_seconds: 3").await;
    far.is_ready().await;
    let alice = companion.register("alice").await;
    network.cut();
    far.says(|feed| feed["age_seconds"].as_f64().unwrap() > 3.5)
        .await;
    assert_eq!(far.status(&alice).await, 200);
    assert_eq!(far.gate.admin("/readyz").await.0, 200);
    let (_, metrics) = far.gate.admin("/metrics").await;
    let label = format!("{{issuer=\"{URL}\"}}");
    assert!(
        metrics.contains(&format!("portcullis_feed_connected{label} 0")),
        "{metrics}"
    );
    assert!(metrics.contains(&format!("portcullis_feed_age_seconds{label} ")));
}

#[tokio::test]
async fn a_reload_forgets_nothing() {
    let companion = TestCompanion::with_feed("").await;
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    let far = FarGate::at(&network.url(), "").await;
    far.is_ready().await;
    let alice = companion.register("alice").await;
    let bob = companion.register("bobby").await;
    revoke_user(&companion, &alice).await;
    far.answers(&alice, 401, PATIENCE).await;
    far.gate.app.reload().unwrap();
    assert_eq!(far.feed().await["connections"], 1, "nothing has changed");
    network.cut();
    far.says(|feed| feed["connected"] == false).await;
    let changed = setup(
        &network.url(),
        ", on_stale: deny, max_staleness_seconds: 3600",
    );
    write_files(far.gate.folder.path(), &changed, &far.gate.issuer);
    far.gate.app.reload().unwrap();
    assert_eq!(far.feed().await["connections"], 0, "another client");
    assert_eq!(
        (far.status(&alice).await, far.status(&bob).await),
        (401, 200)
    );
    network.heal();
    far.says(|feed| feed["resumed"] == 1).await;
}

/// A file that knows of Alice's revocation; her token, and Bob's.
async fn snapshot(companion: &TestCompanion, file: &Path) -> (String, String) {
    let alice = companion.register("alice").await;
    let bob = companion.register("bobby").await;
    revoke_user(companion, &alice).await;
    let keys = format!(", snapshot_file: \"{}\"", file.display());
    let mut far = FarGate::at(&feed_of(companion), &keys).await;
    far.answers(&alice, 401, PATIENCE).await;
    until(|| file.exists()).await;
    // The file may be of the moment before the revocation, which is in the journal then, once it is there. A
    // gate that ends waits for that.
    far.gate.app.drain(std::future::pending::<()>).await;
    (alice, bob)
}

#[tokio::test]
async fn a_gate_starts_by_its_file_while_the_issuer_is_away() {
    let companion = TestCompanion::with_feed("").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.snapshot");
    let (alice, bob) = snapshot(&companion, &file).await;
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    network.cut();
    let keys = format!(
        ", on_stale: deny, max_staleness_seconds: 3600, start_wait_seconds: 1, \
         snapshot_file: \"{}\"",
        file.display()
    );
    let far = FarGate::at(&network.url(), &keys).await;
    far.is_ready().await;
    assert_eq!(
        (far.status(&alice).await, far.status(&bob).await),
        (401, 200)
    );
    assert_eq!(far.feed().await["connections"], 0);
    network.heal();
    far.says(|feed| feed["connected"] == true).await;
    assert_eq!(far.feed().await["resumed"], 1, "the file holds the cursor");
    revoke_user(&companion, &bob).await;
    far.answers(&bob, 401, PATIENCE).await;
}

#[tokio::test]
async fn a_gate_with_a_file_hears_an_issuer_before_it_is_ready() {
    let companion = TestCompanion::with_feed("").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.snapshot");
    let (alice, bob) = snapshot(&companion, &file).await;
    // After the file, and before the start.
    revoke_user(&companion, &bob).await;
    let hanging = Network::to(companion.gate.app.feed_address().unwrap()).await;
    hanging.silence();
    let addresses = format!("{}, {}", hanging.url(), feed_of(&companion));
    let keys = format!(
        ", start_wait_seconds: 3600, snapshot_file: \"{}\"",
        file.display()
    );
    // Within the test's patience: the address that hangs has ten seconds to greet.
    let far = FarGate::at(&addresses, &keys).await;
    far.is_ready().await;
    assert_eq!(
        (far.status(&alice).await, far.status(&bob).await),
        (401, 401)
    );
    assert_eq!(far.feed().await["resumed"], 1);
}

#[tokio::test]
async fn what_a_gate_has_heard_it_knows_after_a_restart_without_its_issuer() {
    let companion = TestCompanion::with_feed("").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.snapshot");
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    let keys = format!(
        ", start_wait_seconds: 0, snapshot_file: \"{}\"",
        file.display()
    );
    let far = FarGate::at(&network.url(), &keys).await;
    far.is_ready().await;
    let journal = folder.path().join("feed.snapshot.journal");
    let length = || std::fs::metadata(&journal).map_or(0, |file| file.len());
    let begun = async {
        while length() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, begun).await.unwrap();
    let begun = length();
    let alice = companion.register("alice").await;
    assert_eq!(far.status(&alice).await, 200);
    revoke_user(&companion, &alice).await;
    far.answers(&alice, 401, PATIENCE).await;
    network.cut();
    let kept = async {
        while length() == begun {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, kept).await.unwrap();
    drop(far);
    let far = FarGate::at(&network.url(), &keys).await;
    far.is_ready().await;
    assert_eq!(far.status(&alice).await, 401);
    assert_eq!(far.feed().await["connections"], 0);
}

/// Waits until it is so.
async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test]
async fn a_reload_that_fails_leaves_the_file_to_whom_goes_on() {
    let companion = TestCompanion::with_feed("").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.snapshot");
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    let keys = format!(
        ", start_wait_seconds: 0, snapshot_file: \"{}\"",
        file.display()
    );
    let far = FarGate::at(&network.url(), &keys).await;
    far.is_ready().await;
    let alice = companion.register("alice").await;
    assert_eq!(far.status(&alice).await, 200);
    let journal = folder.path().join("feed.snapshot.journal");
    until(|| journal.exists()).await;
    let inode = || std::fs::metadata(&journal).unwrap().ino();
    let begun = inode();
    // Another client of the feed, and then an issuer whose keys are not there.
    let mut refused = setup(&network.url(), &format!("{keys}, max_staleness_seconds: 3"));
    let trust = refused.trust.as_mut().unwrap();
    trust.push_str(
        ", {issuer: \"https://id.other.example\", audiences: [orders-api], algorithms: [ES256], \
         jwks_file: absent.json}",
    );
    write_files(far.gate.folder.path(), &refused, &far.gate.issuer);
    for _ in 0..50 {
        far.gate.app.reload().unwrap_err();
        tokio::task::yield_now().await;
    }
    assert_eq!(inode(), begun, "the journal is another file");
    let length = || std::fs::metadata(&journal).unwrap().len();
    let before = length();
    revoke_user(&companion, &alice).await;
    far.answers(&alice, 401, PATIENCE).await;
    network.cut();
    until(|| length() != before).await;
    drop(far);
    let far = FarGate::at(&network.url(), &keys).await;
    far.is_ready().await;
    assert_eq!(far.status(&alice).await, 401);
}

#[tokio::test]
async fn files_that_are_replaced_are_written_anew() {
    let companion = TestCompanion::with_feed("").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.snapshot");
    let journal = folder.path().join("feed.snapshot.journal");
    let (alice, _) = snapshot(&companion, &file).await;
    let early = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let _ = std::fs::remove_file(&journal);
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    let keys = format!(
        ", start_wait_seconds: 0, snapshot_file: \"{}\"",
        file.display()
    );
    let far = FarGate::at(&network.url(), &keys).await;
    far.is_ready().await;
    let carol = companion.register("carol").await;
    revoke_user(&companion, &carol).await;
    far.answers(&carol, 401, PATIENCE).await;
    until(|| journal.exists()).await;
    // With Carol's row.
    let is_whole = || journal.exists() && std::fs::read(&file).unwrap() != early;
    std::fs::remove_file(&journal).unwrap();
    until(is_whole).await;
    std::fs::write(&file, &early).unwrap();
    until(is_whole).await;
    network.cut();
    drop(far);
    let far = FarGate::at(&network.url(), &keys).await;
    far.is_ready().await;
    assert_eq!(
        (far.status(&alice).await, far.status(&carol).await),
        (401, 401)
    );
}

#[tokio::test]
async fn a_broken_file_is_as_good_as_none() {
    let companion = TestCompanion::with_feed("").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.snapshot");
    let (alice, bob) = snapshot(&companion, &file).await;
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    network.cut();
    let keys = format!(", on_stale: deny, snapshot_file: \"{}\"", file.display());
    let far = FarGate::at(&network.url(), &keys).await;
    far.says(|feed| feed["failures"].as_u64().unwrap() > 0)
        .await;
    assert_eq!(far.gate.admin("/readyz").await.0, 503);
    assert_eq!(
        (far.status(&alice).await, far.status(&bob).await),
        (503, 503)
    );
    network.heal();
    far.is_ready().await;
    assert_eq!(
        (far.status(&alice).await, far.status(&bob).await),
        (401, 200)
    );
}

#[tokio::test]
async fn the_age_of_a_file_counts() {
    let companion = TestCompanion::with_feed("").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.snapshot");
    snapshot(&companion, &file).await;
    for (seconds_later, too_old) in [(0, false), (50, false), (120, true), (-3600, false)] {
        let clock = ManualClock::new(SystemClock.now());
        clock.advance(seconds_later);
        let settings = FeedSettings {
            addresses: vec!["http://127.0.0.1:1".parse().unwrap()],
            token_file: None,
            ca_file: None,
            identity: None,
            max_staleness: Duration::from_mins(1),
            on_stale: OnStale::Deny,
            start_wait: Duration::ZERO,
            snapshot_file: Some(file.clone()),
            max_revocations: 1000,
            report: true,
        };
        let host = FeedHost {
            runtime: Handle::current(),
            clock: Arc::new(clock),
            instance: bytes::Bytes::new(),
            on_keys: Box::new(|| {}),
            gate: GateView::default(),
        };
        let client = FeedClient::start(URL, &[Algorithm::Es256], settings, None, host).unwrap();
        assert_eq!(
            client.revocations().is_too_old(),
            too_old,
            "{seconds_later}"
        );
        assert_eq!(client.state().known, !too_old, "{seconds_later}");
        assert!(client.keys().usable().is_some());
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_counted_until_it_can_be() {
    let companion = TestCompanion::with_feed("").await;
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let file = disk.join("feed.snapshot");
    let network = Network::to(companion.gate.app.feed_address().unwrap()).await;
    let keys = format!(", snapshot_file: \"{}\"", file.display());
    let far = FarGate::at(&network.url(), &keys).await;
    far.is_ready().await;
    let alice = companion.register("alice").await;
    until(|| file.exists()).await;
    // Gone, as when a volume is.
    std::fs::rename(&disk, folder.path().join("elsewhere")).unwrap();
    revoke_user(&companion, &alice).await;
    far.answers(&alice, 401, PATIENCE).await;
    let failures = async || far.feed().await["save_failures"].as_u64().unwrap();
    let failed = async {
        while failures().await < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, failed).await.unwrap();
    std::fs::create_dir(&disk).unwrap();
    until(|| file.exists()).await;
    network.cut();
    drop(far);
    let far = FarGate::at(&network.url(), &format!("{keys}, start_wait_seconds: 0")).await;
    far.is_ready().await;
    assert_eq!(far.status(&alice).await, 401);
}
