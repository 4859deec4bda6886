//! HTTP/2 by hand: frames that no library would send, and what comes back for each stream.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub(crate) const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
pub(crate) const HEALTH: &str = "/grpc.health.v1.Health/Check";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const PATIENCE: Duration = Duration::from_mins(1);

/// What became of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// A message and trailers.
    Answered { message: Vec<u8>, trailers: Vec<u8> },
    /// It ended without a message: by headers alone.
    WithoutMessage(Vec<u8>),
    /// `RST_STREAM` with this code.
    Reset(u32),
}

impl Ended {
    /// The status of the answer to a check: 200 where it was allowed. The call itself succeeded.
    pub(crate) fn status(&self) -> i32 {
        let Self::Answered { message, trailers } = self else {
            panic!("not answered: {self:?}");
        };
        // `grpc-status: 0`, as the gate's encoder writes it without a dynamic table: a literal
        // with a new name, both in Huffman code.
        assert!(trailers.ends_with(&[0x81, 0x07]), "{trailers:?}");
        let answer = CheckResponse::decode(&message[5..]).unwrap();
        crate::asker::verdict(answer).status
    }
}

/// What the other end says.
#[derive(Debug)]
enum Event {
    Ended(u32, Ended),
    GoAway { code: u32, debug: String },
    Closed,
}

/// One end of a connection, which sends whatever it is given.
pub(crate) struct Peer {
    writer: OwnedWriteHalf,
    events: UnboundedReceiver<Event>,
    ended: HashMap<u32, Ended>,
    next_stream: u32,
}

impl Peer {
    /// Connects, with windows that nothing fills and without a dynamic table for what comes back.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut reader, mut writer) = stream.into_split();
        let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        // SETTINGS_HEADER_TABLE_SIZE and SETTINGS_INITIAL_WINDOW_SIZE.
        frame(
            &mut hello,
            SETTINGS,
            0,
            0,
            &[0, 1, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff],
        );
        frame(
            &mut hello,
            WINDOW_UPDATE,
            0,
            0,
            &0x7000_0000_u32.to_be_bytes(),
        );
        // The gate's settings, which it sends first, are in force from here on.
        frame(&mut hello, SETTINGS, ACK, 0, &[]);
        writer.write_all(&hello).await.unwrap();
        let (sender, events) = unbounded_channel();
        tokio::spawn(async move {
            let mut messages: HashMap<u32, Vec<u8>> = HashMap::new();
            while let Some((kind, flags, stream, payload)) = read_frame(&mut reader).await {
                let event = match kind {
                    DATA => {
                        messages.entry(stream).or_default().extend(payload);
                        continue;
                    }
                    HEADERS if flags & END_STREAM != 0 => {
                        let ended = match messages.remove(&stream) {
                            Some(message) => Ended::Answered {
                                message,
                                trailers: payload,
                            },
                            None => Ended::WithoutMessage(payload),
                        };
                        Event::Ended(stream, ended)
                    }
                    RST_STREAM => Event::Ended(stream, Ended::Reset(number(&payload))),
                    GOAWAY => Event::GoAway {
                        code: number(&payload[4..]),
                        debug: String::from_utf8_lossy(&payload[8..]).into_owned(),
                    },
                    _ => continue,
                };
                if sender.send(event).is_err() {
                    return;
                }
            }
            let _ = sender.send(Event::Closed);
        });
        Self {
            writer,
            events,
            ended: HashMap::new(),
            next_stream: 1,
        }
    }

    /// The number of a new stream.
    pub(crate) fn stream(&mut self) -> u32 {
        self.next_stream += 2;
        self.next_stream - 2
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let sending = self.writer.write_all(bytes);
        let sent = tokio::time::timeout(PATIENCE, sending).await;
        sent.expect("the gate reads on").unwrap();
    }

    /// What became of a stream. The connection goes on, or the test fails.
    pub(crate) async fn ended(&mut self, stream: u32) -> Ended {
        loop {
            if let Some(ended) = self.ended.remove(&stream) {
                return ended;
            }
            let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            match event.expect("neither an answer nor an end").unwrap() {
                Event::Ended(stream, ended) => {
                    self.ended.insert(stream, ended);
                }
                // A gate that ends says so first, and then answers what has come.
                Event::GoAway { code: 0, .. } => {}
                Event::GoAway { code, debug } => panic!("GOAWAY {code} {debug}"),
                Event::Closed => panic!("the connection was closed"),
            }
        }
    }

    /// How many of these streams have been answered with this status, as far as is known.
    pub(crate) fn answered_among(&self, streams: &[u32], status: i32) -> usize {
        let ended = streams.iter().filter_map(|stream| self.ended.get(stream));
        ended.filter(|ended| ended.status() == status).count()
    }

    /// Sends one whole check for `GET path` and returns its status.
    pub(crate) async fn check(&mut self, path: &str) -> i32 {
        let stream = self.stream();
        let mut bytes = Vec::new();
        Call::check(path).write(&mut bytes, stream);
        self.send(&bytes).await;
        self.ended(stream).await.status()
    }
}

/// A gRPC call.
#[derive(Clone)]
pub(crate) struct Call {
    /// In order, pseudo-header fields first.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    /// The message with its prefix.
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn to(path: &str, message: &[u8]) -> Self {
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "portcullis"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let mut body = vec![0];
        body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        body.extend_from_slice(message);
        Self {
            fields: fields.to_vec(),
            body,
        }
    }

    /// A check for `GET path` without a token.
    pub(crate) fn check(path: &str) -> Self {
        Self::to(CHECK, &crate::asker::message(path, None).encode_to_vec())
    }

    pub(crate) fn check_with_token(path: &str, token: &str) -> Self {
        let bearer = format!("Bearer {token}");
        let message = crate::asker::message(path, Some(&bearer));
        Self::to(CHECK, &message.encode_to_vec())
    }

    /// With another field, or another value of one that is there.
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref().to_vec();
        match self.fields.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name.to_owned(), value)),
        }
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(other, _)| other != name);
        self
    }

    pub(crate) fn with_body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// The fields, encoded without the dynamic table.
    pub(crate) fn block(&self) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in &self.fields {
            // A literal that is not indexed, with a new name (RFC 7541 section 6.2.2).
            block.push(0);
            push_text(&mut block, name.as_bytes());
            push_text(&mut block, value);
        }
        block
    }

    /// The whole call as frames of at most 16 KiB.
    pub(crate) fn write(&self, out: &mut Vec<u8>, stream: u32) {
        self.write_headers(out, stream, 16 << 10);
        self.write_body(out, stream, 16 << 10);
    }

    /// HEADERS and CONTINUATION frames of at most so many bytes.
    pub(crate) fn write_headers(&self, out: &mut Vec<u8>, stream: u32, size: usize) {
        let block = self.block();
        let count = block.chunks(size).count();
        for (position, chunk) in block.chunks(size).enumerate() {
            let kind = if position == 0 { HEADERS } else { CONTINUATION };
            let flags = if position + 1 == count {
                END_HEADERS
            } else {
                0
            };
            frame(out, kind, flags, stream, chunk);
        }
    }

    /// DATA frames of at most so many bytes, of which the last ends the stream.
    pub(crate) fn write_body(&self, out: &mut Vec<u8>, stream: u32, size: usize) {
        if self.body.is_empty() {
            frame(out, DATA, END_STREAM, stream, b"");
        }
        let count = self.body.chunks(size).count();
        for (position, chunk) in self.body.chunks(size).enumerate() {
            let flags = if position + 1 == count { END_STREAM } else { 0 };
            frame(out, DATA, flags, stream, chunk);
        }
    }
}

/// `RST_STREAM` with CANCEL.
pub(crate) fn write_reset(out: &mut Vec<u8>, stream: u32) {
    frame(out, RST_STREAM, 0, stream, &8_u32.to_be_bytes());
}

pub(crate) fn write_ping(out: &mut Vec<u8>) {
    frame(out, PING, 0, 0, &[7; 8]);
}

pub(crate) fn write_settings(out: &mut Vec<u8>) {
    frame(out, SETTINGS, 0, 0, &[]);
}

/// Part of a body that goes on.
pub(crate) fn write_data(out: &mut Vec<u8>, stream: u32, data: &[u8]) {
    frame(out, DATA, 0, stream, data);
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap();
    out.extend_from_slice(&length.to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

async fn read_frame(reader: &mut (impl AsyncReadExt + Unpin)) -> Option<(u8, u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    reader.read_exact(&mut head).await.ok()?;
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    let mut payload = vec![0; length];
    reader.read_exact(&mut payload).await.ok()?;
    Some((head[3], head[4], number(&head[5..]), payload))
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

/// A string literal without Huffman coding (RFC 7541 section 5.2).
pub(crate) fn push_text(block: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        short @ 0..127 => block.push(u8::try_from(short).unwrap()),
        long => {
            block.push(127);
            let mut rest = long - 127;
            while rest >= 128 {
                block.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            block.push(u8::try_from(rest).unwrap());
        }
    }
    block.extend_from_slice(text);
}
