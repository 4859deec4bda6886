//! Hundreds of odd requests from a seeded generator, past an Envoy that lets through on error.

use std::net::SocketAddr;

use futures_util::future::join_all;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::raw_http2;
use super::{Shop, both_encodings};
use crate::envoy_process::{Door, NEWEST};
use crate::test_app::Setup;

/// In each of them so many requests by each version of HTTP.
const ROUNDS: usize = 20;
const AT_ONCE: usize = 15;

/// Pieces that parsers stumble over.
const PIECES: &[&[u8]] = &[
    b"/",
    b"//",
    b"/products/",
    b"/orders/",
    b"/orders/1",
    b"/internal/1",
    b"..",
    b".",
    b"%2e",
    b"%2F",
    b"%5c",
    b"%00",
    b"%25",
    b"%zz",
    b";",
    b"?",
    b"#",
    b"\\",
    b"\xff",
    b"\xc0\xae",
    b"\t",
    b" ",
    b"\0",
    b"\r",
    b"\n",
    b"*",
    b"@",
    b":",
    b"http://",
    b"Bearer ",
    b"a",
    b"x.y.z",
    b",",
    b"\"",
];

const METHODS: &[&[u8]] = &[
    b"GET", b"HEAD", b"POST", b"OPTIONS", b"CONNECT", b"TRACE", b"get", b"G\xffT", b"", b"PRI",
];

const NAMES: &[&[u8]] = &[
    b"authorization",
    b"Authorization",
    b"host",
    b"connection",
    b"x-auth-subject",
    b"x_auth_subject",
    b"content-type",
    b"origin",
    b"access-control-request-method",
    b"upgrade",
    b"expect",
    b"te",
    b"x-envoy-original-path",
    b":path",
    b"cookie",
    b"accept",
    b"grpc-timeout",
    b"x-junk",
];

#[tokio::test]
async fn odd_requests_reach_no_private_route() {
    let shop = Shop::open(NEWEST, &Setup::default(), |gate| {
        let doors = both_encodings(gate).into_iter();
        doors.map(Door::failing_open).collect()
    })
    .await;
    // The same requests in every run.
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    for round in 0..ROUNDS {
        let address = shop
            .envoy
            .address(if round % 2 == 0 { "raw" } else { "merged" });
        let requests: Vec<_> = (0..AT_ONCE).map(|_| http1_request(&mut random)).collect();
        join_all(requests.iter().map(|request| exchange(address, request))).await;
        let fields: Vec<_> = (0..AT_ONCE).map(|_| http2_fields(&mut random)).collect();
        join_all(fields.iter().map(|fields| send_fields(address, fields))).await;
        nothing_private_was_seen(&shop);
    }
    assert_eq!(shop.envoy.count(".error").await, 0);
    assert_ne!(shop.envoy.count(".denied").await, 0);
}

async fn send_fields(address: SocketAddr, fields: &[(Vec<u8>, Vec<u8>)]) {
    let fields: Vec<(&[u8], &[u8])> = fields
        .iter()
        .map(|(name, value)| (name.as_slice(), value.as_slice()))
        .collect();
    raw_http2::send(address, &fields).await;
}

/// A path passes only below `/products/`, and only where no reading of it leads elsewhere.
fn nothing_private_was_seen(shop: &Shop) {
    for seen in shop.upstream.seen() {
        let path = seen.path.to_ascii_lowercase();
        let path = path.split('?').next().unwrap_or_default();
        let segment = path.strip_prefix("/products/");
        let plain = segment.is_some_and(|segment| {
            !segment.is_empty()
                && segment != "."
                && segment != ".."
                && !segment.contains(['/', '\\', ';', '#'])
                && !["%2e", "%2f", "%5c", "%00", "%252"]
                    .iter()
                    .any(|part| segment.contains(part))
        });
        let read = matches!(seen.method.as_str(), "GET" | "HEAD");
        assert!(plain && read, "{seen:?}");
        let headers = seen.headers.iter();
        let mut posing =
            headers.filter(|(name, _)| name.contains("auth") && name.contains("subject"));
        assert!(posing.next().is_none(), "{seen:?}");
    }
}

fn below(random: &mut TestRng, bound: usize) -> usize {
    usize::try_from(random.next_u32()).unwrap() % bound
}

fn pick<'p>(random: &mut TestRng, pieces: &[&'p [u8]]) -> &'p [u8] {
    pieces[below(random, pieces.len())]
}

fn text(random: &mut TestRng) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..=below(random, 4) {
        if below(random, 4) == 0 {
            let mut bytes = [0; 3];
            random.fill_bytes(&mut bytes);
            text.extend_from_slice(&bytes);
        } else {
            text.extend_from_slice(pick(random, PIECES));
        }
    }
    text
}

/// Half of the time something sensible, so that not all of it ends at the parser.
fn method(random: &mut TestRng) -> &'static [u8] {
    if below(random, 2) == 0 {
        b"GET"
    } else {
        pick(random, METHODS)
    }
}

fn path(random: &mut TestRng) -> Vec<u8> {
    let start: &[u8] = if below(random, 2) == 0 {
        b"/products/"
    } else {
        b""
    };
    [start, &text(random)].concat()
}

fn name(random: &mut TestRng) -> Vec<u8> {
    match below(random, 4) {
        0 => text(random),
        _ => pick(random, NAMES).to_vec(),
    }
}

fn http1_request(random: &mut TestRng) -> Vec<u8> {
    let mut request = [method(random), b" ", &path(random), b" HTTP/1.1\r\n"].concat();
    request.extend_from_slice(b"Host: shop.example\r\nConnection: close\r\n");
    for _ in 0..below(random, 4) {
        request.extend_from_slice(&[&name(random), &b": "[..], &text(random), b"\r\n"].concat());
    }
    request.extend_from_slice(b"\r\n");
    request
}

fn http2_fields(random: &mut TestRng) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut fields = vec![
        (b":method".to_vec(), method(random).to_vec()),
        (b":scheme".to_vec(), b"http".to_vec()),
        (b":authority".to_vec(), b"shop.example".to_vec()),
        (b":path".to_vec(), path(random)),
    ];
    for _ in 0..below(random, 4) {
        fields.push((name(random).to_ascii_lowercase(), text(random)));
    }
    fields
}

/// Sends, says that no more comes, and waits for the end.
async fn exchange(address: SocketAddr, request: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The other side may have seen enough before the end.
    let _ = stream.write_all(request).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let patience = std::time::Duration::from_mins(1);
    let ended = tokio::time::timeout(patience, reading).await;
    assert!(ended.is_ok(), "no end after {}", request.escape_ascii());
}
