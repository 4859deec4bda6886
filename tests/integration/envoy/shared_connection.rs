//! All checks of an Envoy worker share one connection to the gate: no caller can end it, or leave
//! a check on it without an answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Shop;
use crate::authz_http2::CLUSTERS;
use crate::client;
use crate::envoy_process::{Door, HeaderEncoding, NEWEST, OLDEST};
use crate::raw_http2::{Call, write_reset};
use crate::test_app::Setup;

const BURSTS: usize = 30;

#[tokio::test(flavor = "multi_thread")]
async fn requests_reset_at_once_open_no_door_of_the_newest_envoy() {
    bursts_of_resets(NEWEST).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_reset_at_once_open_no_door_of_the_oldest_envoy() {
    bursts_of_resets(OLDEST).await;
}

async fn bursts_of_resets(version: &str) {
    let shop = Shop::open(version, &Setup::default(), |gate| {
        vec![
            Door::new("open", gate, HeaderEncoding::Raw).failing_open(),
            Door::new("shut", gate, HeaderEncoding::Raw),
        ]
    })
    .await;
    for door in ["open", "shut"] {
        let address = shop.envoy.address(door);
        let over = Arc::new(AtomicBool::new(false));
        let bystanders: Vec<_> = (0..4)
            .map(|_| tokio::spawn(bystander(address, Arc::clone(&over))))
            .collect();
        for _ in 0..BURSTS {
            burst(address).await;
        }
        over.store(true, Ordering::Relaxed);
        for bystander in bystanders {
            assert!(bystander.await.unwrap() > 0);
        }
    }
    let seen = shop.upstream.seen();
    let private = seen.iter().find(|seen| seen.path.starts_with("/orders"));
    assert!(private.is_none(), "{private:?}");
    assert_eq!(shop.envoy.count(".failure_mode_allowed").await, 0);
    assert_eq!(shop.envoy.count(".error").await, 0);
}

/// Asks until the bursts are over; how often.
async fn bystander(address: SocketAddr, over: Arc<AtomicBool>) -> usize {
    let mut count = 0;
    while !over.load(Ordering::Relaxed) {
        assert_eq!(client::get(address, "/orders/1", &[]).await.status, 401);
        assert_eq!(client::get(address, "/products/1", &[]).await.status, 200);
        count += 1;
    }
    count
}

/// Sixty requests for a private route in one segment, each cancelled right behind.
async fn burst(address: SocketAddr) {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let call = Call::to("/orders/1", b"")
        .with(":method", "GET")
        .with(":authority", "shop.example")
        .without("content-type")
        .without("te");
    for number in 0..60 {
        let stream = number * 2 + 1;
        call.write_headers(&mut bytes, stream, 16 << 10);
        write_reset(&mut bytes, stream);
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(&bytes).await.unwrap();
    // Envoy's own settings; by then it has read the beginning.
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).await.unwrap();
    // It may end the connection because of the resets, before or after this.
    let _ = stream.shutdown().await;
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

#[tokio::test]
async fn long_tracing_headers_open_no_door() {
    let shop = Shop::open(NEWEST, &Setup::default(), |gate| {
        let door = |name| Door::new(name, gate, HeaderEncoding::Raw).tracing();
        vec![door("open").failing_open(), door("shut")]
    })
    .await;
    let parent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for door in ["open", "shut"] {
        let address = shop.envoy.address(door);
        for length in [10, 17_000, 55_000] {
            let state = format!("tracestate: shop={}", "x".repeat(length));
            let answer = client::get(address, "/orders/1", &[parent, &state]).await;
            assert_eq!(answer.status, 401, "{door} {length}");
            let answer = client::get(address, "/products/1", &[parent, &state]).await;
            assert_eq!(answer.status, 200, "{door} {length}");
        }
    }
    assert_eq!(shop.upstream.seen().len(), 6);
    assert_eq!(shop.envoy.count(".error").await, 0);
}

#[tokio::test]
async fn the_name_of_the_cluster_does_not_matter() {
    const DOORS: [&str; 3] = ["first", "second", "third"];
    let shop = Shop::open(NEWEST, &Setup::default(), |gate| {
        let doors = DOORS.into_iter().zip(CLUSTERS);
        let doors = doors
            .map(|(door, cluster)| Door::new(door, gate, HeaderEncoding::Raw).on_cluster(cluster));
        doors.collect()
    })
    .await;
    for door in DOORS {
        let address = shop.envoy.address(door);
        // Until Envoy has seen that the gate is healthy, it does not ask.
        let healthy = async {
            while client::get(address, "/orders/1", &[]).await.status == 503 {
                tokio::task::yield_now().await;
            }
        };
        let patience = std::time::Duration::from_mins(1);
        let healthy = tokio::time::timeout(patience, healthy).await;
        healthy.expect("the gate passes its health checks");
        assert_eq!(client::get(address, "/orders/1", &[]).await.status, 401);
        assert_eq!(client::get(address, "/products/1", &[]).await.status, 200);
    }
}
