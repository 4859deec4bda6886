//! What a subscriber gets, whatever its cursor: everything that it lacks.

use std::collections::BTreeSet;

use prost::Message;

use super::*;
use crate::clock::{ManualClock, UnixSeconds};
use crate::token::Mark;

const ISSUER: &str = "https://id.shop.example";

fn row(position: u64) -> Revocation {
    Revocation {
        position: LogPosition(position),
        mark: Some(Mark(u128::from(position) << 64)),
        expires_at: UnixSeconds(1_800_000_000),
    }
}

fn hub(log_id: &str) -> Hub {
    let list = Arc::new(RevocationList::new(1_000_000));
    let clock = Arc::new(ManualClock::new(UnixSeconds(1_700_000_000)));
    Hub::new(ISSUER.to_owned(), log_id, list, clock)
}

fn append(hub: &Hub, positions: impl IntoIterator<Item = u64>) {
    let rows: Vec<_> = positions.into_iter().map(row).collect();
    hub.list.extend(&rows);
    hub.append(
        &rows,
        rows.last().map_or(LogPosition(0), |row| row.position),
    );
}

/// What frames tell: resumed or not, the rows' positions, and the last cursor with its position.
#[derive(Debug, Default)]
struct Told {
    resumed: bool,
    rows: BTreeSet<u64>,
    position: u64,
    cursor: Bytes,
    heartbeat: Option<Heartbeat>,
}

fn told(frames: impl IntoIterator<Item = Bytes>) -> Told {
    let mut told = Told::default();
    for frame in frames {
        match Frame::decode(frame).unwrap().kind.unwrap() {
            Kind::Hello(hello) => told.resumed = hello.resumed,
            Kind::Keys(_) => {}
            Kind::Revocations(rows) => {
                told.rows
                    .extend(rows.revocations.iter().map(|row| row.position));
                if !rows.cursor.is_empty() {
                    (told.position, told.cursor) = (rows.position, rows.cursor);
                }
            }
            Kind::Heartbeat(heartbeat) => told.heartbeat = Some(heartbeat),
        }
    }
    told
}

async fn first(hub: &Hub, cursor: &[u8]) -> Told {
    told(hub.subscribe(cursor, None).await.unwrap().first)
}

#[tokio::test]
async fn a_subscriber_gets_everything_and_then_what_it_lacks() {
    let hub = hub("log");
    append(&hub, 1..=5000);
    let all = first(&hub, b"").await;
    assert!(!all.resumed);
    assert_eq!((all.rows.len(), all.position), (5000, 5000));
    assert_eq!(all.heartbeat.unwrap().position, 5000);
    let none = first(&hub, &all.cursor).await;
    assert!(none.resumed && none.rows.is_empty() && none.cursor == all.cursor);
    append(&hub, 5001..=5010);
    let rest = first(&hub, &all.cursor).await;
    assert_eq!(rest.rows, (5001..=5010).collect());
    assert!(rest.resumed && rest.position == 5010);
}

#[tokio::test]
async fn what_comes_later_comes_once_and_in_order() {
    let hub = hub("log");
    append(&hub, 1..=3);
    let mut subscription = hub.subscribe(b"", None).await.unwrap();
    append(&hub, 4..=5);
    append(&hub, 6..=6);
    hub.beat();
    let mut frames = Vec::new();
    while let Ok(frame) = subscription.frames.try_recv() {
        frames.push(frame.frame);
    }
    assert_eq!(frames.len(), 3);
    let told = told(frames);
    assert_eq!(told.rows, BTreeSet::from([4, 5, 6]));
    assert_eq!(told.heartbeat.unwrap().position, 6);
    assert!(first(&hub, &told.cursor).await.rows.is_empty());
}

#[tokio::test]
async fn a_cursor_that_is_not_of_this_log_gets_everything() {
    let other = hub("another log");
    append(&other, 1..=9);
    let restored = hub("log");
    append(&restored, [1, 2, 3]);
    // The same positions, but not the same rows.
    let hub = hub("log");
    let mut rows: Vec<_> = (1..=9).map(row).collect();
    rows[2].expires_at = UnixSeconds(1);
    hub.list.extend(&rows);
    hub.append(&rows, LogPosition(9));
    let foreign = first(&other, b"").await.cursor;
    let lost = first(&restored, b"").await.cursor;
    append(&restored, 4..=20);
    let ahead = first(&restored, b"").await.cursor;
    let own = first(&hub, b"").await.cursor;
    let mut cut = own.to_vec();
    cut.pop();
    let long = [own.as_ref(), b"x"].concat();
    for cursor in [&foreign[..], &lost, &ahead, &cut, &long, b"x", &own[..24]] {
        let told = first(&hub, cursor).await;
        assert!(!told.resumed && told.rows.len() == 9, "{told:?}");
    }
    assert!(first(&hub, &own).await.resumed);
}

#[tokio::test]
async fn a_cursor_that_is_too_old_gets_everything() {
    let hub = hub("log");
    append(&hub, 1..=10);
    let old = first(&hub, b"").await.cursor;
    append(&hub, 11..=11 + RECENT_ROWS as u64);
    let told = first(&hub, &old).await;
    assert!(!told.resumed);
    assert_eq!(told.rows.len(), 11 + RECENT_ROWS);
    assert_eq!(hub.lock().recent.len(), RECENT_ROWS);
}

#[tokio::test]
async fn one_snapshot_serves_many_until_too_much_has_come() {
    let hub = hub("log");
    append(&hub, 1..=100);
    for _ in 0..10 {
        first(&hub, b"").await;
    }
    append(&hub, 101..=200);
    assert_eq!(first(&hub, b"").await.rows.len(), 200);
    assert_eq!(hub.statistics().snapshots_encoded, 1);
    append(&hub, 201..=201 + SNAPSHOT_TAIL_ROWS as u64);
    assert_eq!(first(&hub, b"").await.rows.len(), 201 + SNAPSHOT_TAIL_ROWS);
    assert_eq!(hub.statistics().snapshots_encoded, 2);
    assert_eq!(hub.statistics().snapshots_sent, 12);
}

#[tokio::test]
async fn another_log_ends_all_subscriptions() {
    let hub = hub("log");
    append(&hub, 1..=3);
    let mut subscription = hub.subscribe(b"", None).await.unwrap();
    let cursor = told(std::mem::take(&mut subscription.first)).cursor;
    hub.replace_log("another log");
    append(&hub, 1..=2);
    assert!(subscription.frames.recv().await.is_err());
    let told = first(&hub, &cursor).await;
    assert!(!told.resumed && told.position == 2);
    assert_eq!(told.rows.len(), 3, "what was revoked stays revoked");
}

#[tokio::test]
async fn heartbeats_tell_how_long_the_log_was_not_read() {
    let hub = hub("log");
    append(&hub, 1..=1);
    hub.lock().read_at -= Duration::from_secs(7);
    assert!(first(&hub, b"").await.heartbeat.unwrap().behind_ms >= 7000);
    hub.append(&[], LogPosition(1));
    assert!(first(&hub, b"").await.heartbeat.unwrap().behind_ms < 7000);
}

#[tokio::test]
async fn keys_are_sent_when_they_change() {
    let hub = hub("log");
    append(&hub, 1..=1);
    let mut subscription = hub.subscribe(b"", None).await.unwrap();
    for (jwks, sent) in [("{}", 1), ("{}", 0), ("{ }", 1)] {
        hub.set_keys(jwks, &["ES256"]);
        assert_eq!(subscription.frames.len(), sent, "{jwks}");
        let _ = subscription.frames.try_recv();
    }
}

/// A gate that got a snapshot without its rows would count as current, and let revoked tokens pass.
#[tokio::test]
async fn a_snapshot_that_could_not_be_encoded_reaches_nobody() {
    let hub = hub("log");
    append(&hub, 1..=10);
    let failed = hub.snapshot(|_| panic!("out of memory")).await;
    assert!(failed.is_err());
    let all = first(&hub, b"").await;
    assert_eq!((all.rows.len(), all.position), (10, 10));
}
