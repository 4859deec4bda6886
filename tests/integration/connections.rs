//! Connections that occupy places and say nothing.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::asker::Asker;
use crate::test_app::{Setup, TestApp};

/// Two places, and a second of patience with silence.
fn narrow() -> TestApp {
    TestApp::with(&Setup {
        authz_extra: ", max_connections: 2, keepalive_seconds: 1".to_owned(),
        ..Setup::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_never_begin_give_their_places_back() {
    let gate = narrow();
    let address = gate.authz_url().replace("http://", "");
    let _silent = TcpStream::connect(&address).await.unwrap();
    let mut begun = TcpStream::connect(&address).await.unwrap();
    begun.write_all(b"PRI * HTTP/2.0").await.unwrap();
    let asking = async {
        let asker = Asker::connect(&gate.authz_url()).await;
        asker.ask("/products/1", None).await.status
    };
    let patience = Duration::from_secs(20);
    let asked = tokio::time::timeout(patience, asking).await;
    assert_eq!(asked.expect("a place gets free"), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_whose_other_end_is_silent_give_their_places_back() {
    let gate = narrow();
    let address = gate.authz_url().replace("http://", "");
    let mut silent = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        // The preface and an empty SETTINGS frame, and never an answer to a PING.
        let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        stream.write_all(hello).await.unwrap();
        silent.push(stream);
    }
    let asking = async {
        let asker = Asker::connect(&gate.authz_url()).await;
        asker.ask("/products/1", None).await.status
    };
    let patience = Duration::from_secs(20);
    let asked = tokio::time::timeout(patience, asking).await;
    assert_eq!(asked.expect("a place gets free"), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_do_not_shut_the_probes_out() {
    let gate = TestApp::start();
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(gate.app.admin_address()).await.unwrap());
    }
    let asked = gate.admin("/livez").await;
    assert_eq!(asked, (200, "ok\n".to_owned()));
}
