//! HTTP/2 by hand: header fields that no library would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::raw_http2::push_text;

/// A name and a value.
pub(super) type Field<'a> = (&'a [u8], &'a [u8]);

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Status 200.
    Passed,
    /// Another status.
    Refused,
    /// The stream or the connection was closed without an answer.
    Closed,
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Sends these fields, pseudo-header fields first, and waits for what becomes of them.
pub(super) async fn send(address: SocketAddr, fields: &[Field<'_>]) -> Outcome {
    let mut block = Vec::new();
    for (name, value) in fields {
        // A literal field that is not indexed, with a new name (RFC 7541 section 6.2.2).
        block.push(0);
        push_text(&mut block, name);
        push_text(&mut block, value);
    }
    let mut request = PREFACE.to_vec();
    let length = u32::try_from(block.len()).unwrap();
    request.extend_from_slice(&length.to_be_bytes()[1..]);
    request.extend_from_slice(&[HEADERS, END_STREAM | END_HEADERS, 0, 0, 0, 1]);
    request.extend_from_slice(&block);
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that hangs up in the middle has refused as well.
    if stream.write_all(&request).await.is_err() {
        return Outcome::Closed;
    }
    let patience = Duration::from_mins(1);
    let outcome = tokio::time::timeout(patience, outcome(&mut stream)).await;
    outcome.expect("neither an answer nor an end")
}

/// The fields of a GET request for `path`.
pub(super) fn get(path: &[u8]) -> Vec<Field<'_>> {
    vec![
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":authority", b"shop.example"),
        (b":path", path),
    ]
}

async fn outcome(stream: &mut TcpStream) -> Outcome {
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return Outcome::Closed;
        }
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        if stream.read_exact(&mut payload).await.is_err() {
            return Outcome::Closed;
        }
        match head[3] {
            // `:status: 200` is the eighth entry of the static table.
            HEADERS if payload.first() == Some(&0x88) => return Outcome::Passed,
            HEADERS => return Outcome::Refused,
            RST_STREAM | GOAWAY => return Outcome::Closed,
            _ => {}
        }
    }
}
