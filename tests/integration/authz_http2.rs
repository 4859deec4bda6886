//! Whatever HTTP/2 a check comes by, it gets an answer with `grpc-status: 0`, and other checks on
//! the same connection are not affected.

use std::net::SocketAddr;
use std::time::Duration;

use portcullis::config::ListenAddress;

use crate::raw_http2::{
    CHECK, Call, Ended, HEALTH, Peer, write_data, write_ping, write_reset, write_settings,
};
use crate::test_app::{Setup, TestApp};

fn address(gate: &TestApp) -> SocketAddr {
    match gate.app.authz_address() {
        ListenAddress::Tcp(address) => *address,
        ListenAddress::Unix(path) => panic!("listens on {}", path.display()),
    }
}

async fn gate_and_peer() -> (TestApp, Peer) {
    let gate = TestApp::start();
    let peer = Peer::connect(address(&gate)).await;
    (gate, peer)
}

#[tokio::test]
async fn checks_that_are_reset_as_they_arrive_leave_the_others_alone() {
    let (_gate, mut peer) = gate_and_peer().await;
    for has_body in [false, true] {
        let mut bytes = Vec::new();
        let mut bystanders = Vec::new();
        let call = Call::check("/orders/1");
        for number in 0..6_000 {
            let stream = peer.stream();
            if number % 500 == 499 {
                Call::check("/products/1").write(&mut bytes, stream);
                bystanders.push(stream);
                continue;
            }
            call.write_headers(&mut bytes, stream, 16 << 10);
            if has_body {
                call.write_body(&mut bytes, stream, 16 << 10);
            }
            write_reset(&mut bytes, stream);
        }
        peer.send(&bytes).await;
        for stream in bystanders {
            assert_eq!(peer.ended(stream).await.status(), 200);
        }
    }
    assert_eq!(peer.check("/orders/1").await, 401);
}

#[tokio::test]
async fn checks_carry_as_many_headers_as_envoy_forwards() {
    let (_gate, mut peer) = gate_and_peer().await;
    for length in [17_000, 60 << 10, 200 << 10] {
        let stream = peer.stream();
        let mut bytes = Vec::new();
        let call = Call::check("/products/1").with("tracestate", "x".repeat(length));
        call.write(&mut bytes, stream);
        peer.send(&bytes).await;
        assert_eq!(peer.ended(stream).await.status(), 200, "{length}");
    }
    let stream = peer.stream();
    let mut many = Call::check("/orders/1");
    for number in 0..2_000 {
        many = many.with(&format!("x-{number}"), [0xff, b'\t']);
    }
    let mut bytes = Vec::new();
    many.write(&mut bytes, stream);
    peer.send(&bytes).await;
    assert_eq!(peer.ended(stream).await.status(), 401);
}

#[tokio::test]
async fn checks_may_come_in_the_smallest_pieces() {
    let (_gate, mut peer) = gate_and_peer().await;
    // Every frame by itself, then many checks whose frames hold a byte each, then byte by byte.
    let (call, mut bytes, mut streams) = (Call::check("/orders/1"), Vec::new(), Vec::new());
    for _ in 0..200 {
        let stream = peer.stream();
        // A header block of some 150 frames, and data between frames without any.
        call.write_headers(&mut bytes, stream, 1);
        write_data(&mut bytes, stream, b"");
        call.write_body(&mut bytes, stream, 1);
        streams.push(stream);
    }
    // More than the 160 frames in which h2's release takes a header block.
    let long = Call::check("/orders/1").with("tracestate", "a".repeat(1000));
    let stream = peer.stream();
    long.write_headers(&mut bytes, stream, 1);
    long.write_body(&mut bytes, stream, 1);
    streams.push(stream);
    peer.send(&bytes).await;
    let stream = peer.stream();
    let mut bytes = Vec::new();
    call.write(&mut bytes, stream);
    for byte in bytes.chunks(1) {
        peer.send(byte).await;
    }
    streams.push(stream);
    for stream in streams {
        assert_eq!(peer.ended(stream).await.status(), 401);
    }
}

#[tokio::test]
async fn a_check_that_stalls_is_refused_before_its_timeout() {
    let (_gate, mut peer) = gate_and_peer().await;
    let call = Call::check("/products/1").with("grpc-timeout", "400m");
    let mut stalled = Vec::new();
    let mut bytes = Vec::new();
    for part in [0, 1, 7, call.body.len()] {
        let stream = peer.stream();
        call.write_headers(&mut bytes, stream, 16 << 10);
        write_data(&mut bytes, stream, &call.body[..part]);
        stalled.push(stream);
    }
    peer.send(&bytes).await;
    assert_eq!(peer.check("/products/1").await, 200);
    // Without the timeout that the proxy names it would be refused after 30 seconds.
    let refused = async {
        for stream in stalled {
            assert_eq!(peer.ended(stream).await.status(), 503);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), refused)
        .await
        .expect("the checks are refused by their own timeout");
    assert_eq!(peer.check("/products/1").await, 200);
}

#[tokio::test]
async fn checks_that_go_on_after_their_refusal_leave_the_others_alone() {
    let setup = Setup {
        authz_extra: ", max_concurrent_streams: 10000".to_owned(),
        ..Setup::default()
    };
    let gate = TestApp::with(&setup);
    let mut peer = Peer::connect(address(&gate)).await;
    let call = Call::check("/products/1").with("grpc-timeout", "20m");
    let (mut begun, mut rest, mut stalled) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..4_000 {
        let stream = peer.stream();
        call.write_headers(&mut begun, stream, 16 << 10);
        for byte in 0..20 {
            write_data(&mut rest, stream, &call.body[byte..=byte]);
        }
        stalled.push(stream);
    }
    peer.send(&begun).await;
    for stream in stalled {
        assert_eq!(peer.ended(stream).await.status(), 503);
    }
    // More frames than h2 tolerates for streams that it has reset.
    peer.send(&rest).await;
    assert_eq!(peer.check("/products/1").await, 200);
}

#[tokio::test]
async fn checks_that_arrive_before_the_end_are_answered() {
    let setup = Setup {
        authz_extra: ", threads: 2".to_owned(),
        ..Setup::default()
    };
    let mut gate = TestApp::with(&setup);
    let mut peers = Vec::new();
    for _ in 0..50 {
        let mut peer = Peer::connect(address(&gate)).await;
        let stream = peer.stream();
        let mut bytes = Vec::new();
        Call::check("/orders/1").write(&mut bytes, stream);
        peer.send(&bytes).await;
        peers.push((peer, stream));
    }
    gate.app.drain(std::future::pending::<()>).await;
    for (peer, stream) in &mut peers {
        assert_eq!(peer.ended(*stream).await.status(), 401);
    }
    // Nothing is left to wait for.
    gate.app.drain(std::future::pending::<()>).await;
}

#[tokio::test]
async fn floods_of_other_frames_are_borne() {
    let (_gate, mut peer) = gate_and_peer().await;
    let mut bytes = Vec::new();
    let mut streams = Vec::new();
    for number in 0..20_000 {
        match number % 4 {
            0 => write_ping(&mut bytes),
            1 if number % 100 == 1 => write_settings(&mut bytes),
            2 if number % 100 == 2 => {
                let stream = peer.stream();
                Call::check("/orders/1").write(&mut bytes, stream);
                // What was answered long ago, or is at the moment.
                write_reset(&mut bytes, 1);
                streams.push(stream);
            }
            _ => {}
        }
    }
    peer.send(&bytes).await;
    streams.remove(0);
    for stream in streams {
        assert_eq!(peer.ended(stream).await.status(), 401);
    }
}

#[tokio::test]
async fn what_is_not_a_check_in_one_message_is_refused() {
    let setup = Setup {
        authz_extra: ", max_message_bytes: 4096".to_owned(),
        ..Setup::default()
    };
    let gate = TestApp::with(&setup);
    let mut peer = Peer::connect(address(&gate)).await;
    let check = || Call::check("/products/1");
    let body = check().body;
    let mut compressed = body.clone();
    compressed[0] = 1;
    let mut large = vec![0, 0, 0, 0x20, 0];
    large.resize(5 + 0x2000, 0);
    let huge = [vec![0, 0xff, 0xff, 0xff, 0xff], vec![0; 100_000]].concat();
    let rows = [
        ("empty", check().with_body(b"")),
        ("cut off", check().with_body(&body[..body.len() - 1])),
        ("cut off in the prefix", check().with_body(&body[..3])),
        ("compressed", check().with_body(&compressed)),
        ("two messages", check().with_body(&body.repeat(2))),
        (
            "a byte more",
            check().with_body(&[&body[..], b"\0"].concat()),
        ),
        ("too large", check().with_body(&large)),
        ("far too large", check().with_body(&huge)),
        ("not protobuf", Call::to(CHECK, b"\xff\xff\xff")),
        ("empty message", Call::to(CHECK, b"")),
        (
            "JSON",
            check().with("content-type", "application/grpc+json"),
        ),
        ("no type", check().without("content-type")),
        ("another method", check().with(":method", "GET")),
    ];
    for (name, call) in rows {
        for size in [16 << 10, 1000, 1] {
            let stream = peer.stream();
            let mut bytes = Vec::new();
            call.write_headers(&mut bytes, stream, 16 << 10);
            call.write_body(&mut bytes, stream, size);
            peer.send(&bytes).await;
            assert_eq!(peer.ended(stream).await.status(), 400, "{name}");
        }
    }
    assert_eq!(peer.check("/products/1").await, 200);
    let odd_but_fine = check()
        .with("content-type", "application/grpc+proto")
        .with("grpc-encoding", "identity")
        .with("grpc-timeout", "soon");
    let stream = peer.stream();
    let mut bytes = Vec::new();
    odd_but_fine.write(&mut bytes, stream);
    peer.send(&bytes).await;
    assert_eq!(peer.ended(stream).await.status(), 200);
}

/// Names of clusters, which Envoy puts into `:authority` unless it is told otherwise.
pub(crate) const CLUSTERS: [&str; 3] = [
    "/default/authz/extauth/0",
    "extension/shop/portcullis",
    "outbound|9191||portcullis.default.svc.cluster.local",
];

#[tokio::test]
async fn any_authority_will_do() {
    let (gate, mut peer) = gate_and_peer().await;
    gate.admin_shows("/readyz", "ok").await;
    for authority in CLUSTERS
        .into_iter()
        .chain(["", "a b", "user@host:port", "[::"])
    {
        let stream = peer.stream();
        let mut bytes = Vec::new();
        let call = Call::check("/orders/1").with(":authority", authority);
        call.write(&mut bytes, stream);
        peer.send(&bytes).await;
        assert_eq!(peer.ended(stream).await.status(), 401, "{authority}");
        let stream = peer.stream();
        let mut bytes = Vec::new();
        let call = Call::to(HEALTH, b"").with(":authority", authority);
        call.write(&mut bytes, stream);
        peer.send(&bytes).await;
        let Ended::Answered { message, .. } = peer.ended(stream).await else {
            panic!("the health check with the authority `{authority}` is not answered");
        };
        // `status: SERVING`
        assert_eq!(message, [0, 0, 0, 0, 2, 8, 1], "{authority}");
    }
}
