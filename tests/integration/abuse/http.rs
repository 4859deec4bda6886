//! HTTP that few clients send.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Scene, assert_refused};
use crate::client::exchange;
use crate::issuer::error;
use crate::test_companion::{PASSWORD, bearer};

#[tokio::test]
async fn http_at_its_edges_is_answered_or_ended() {
    let scene = Scene::set().await;
    let address = scene.companion.address;
    let body = format!("{{\"username\": \"alice\", \"password\": \"{PASSWORD}\"}}");
    let length = body.len();
    let head = "POST /consumer/login HTTP/1.1\r\nhost: id.shop.example\r\n\
                connection: close\r\ncontent-type: application/json\r\n";
    let chunked = format!(
        "{head}transfer-encoding: chunked\r\n\r\n5\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        &body[..5],
        length - 5,
        &body[5..]
    );
    assert_eq!(exchange(address, chunked.as_bytes()).await.status, 200);
    let old = "GET /.well-known/jwks.json HTTP/1.0\r\n\r\n";
    let answer = exchange(address, old.as_bytes()).await;
    assert_eq!(answer.status, 200, "HTTP/1.0 needs no host: {answer:?}");
    let old = "GET /consumer/account HTTP/1.0\r\n\r\n";
    assert_refused(&exchange(address, old.as_bytes()).await, 401, "HTTP/1.0");
    // Two hosts, or one that is none: what the policy says of any such request.
    let twice = "GET /consumer/account HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n";
    let answer = exchange(address, twice.as_bytes()).await;
    assert!([400, 401].contains(&error(&answer).0), "{answer:?}");
    for path in [
        "//consumer/account",
        "/consumer/../backend/role",
        "/consumer%2faccount",
    ] {
        let answer = scene.send("GET", path, &[&bearer(&scene.alice)], b"").await;
        assert_refused(&answer, 400, path);
    }
    let declared = format!("{head}content-length: 99999999999\r\n\r\n");
    assert_refused(
        &exchange(address, declared.as_bytes()).await,
        413,
        "declared",
    );
    // What is no HTTP never gets as far as us: hyper answers, without a word of text.
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(100_000));
    let headers = "x: y\r\n".repeat(200);
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
    let bad = "GET /\u{fc}<> HTTP/1.1\r\nhost: a\r\n\r\n".to_owned();
    for text in [long, many, bad, "nonsense\r\n\r\n".to_owned()] {
        let answer = exchange(address, text.as_bytes()).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
        assert!(answer.body.is_empty() || error(&answer).0 == answer.status);
    }
}

#[tokio::test]
async fn whoever_asks_before_sending_is_told_to_go_on() {
    let scene = Scene::set().await;
    let body = format!("{{\"username\": \"alice\", \"password\": \"{PASSWORD}\"}}");
    let head = format!(
        "POST /consumer/login HTTP/1.1\r\nhost: id.shop.example\r\nconnection: close\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(scene.companion.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 25];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 OK"), "{rest}");
    // Refused without being read: nobody is told to go on.
    let head = head.replace("application/json", "text/plain");
    let answer = exchange(scene.companion.address, head.as_bytes()).await;
    assert_refused(&answer, 400, "another type");
}
