//! The client of the issuer's measurements: keep-alive connections of HTTP/1.1, each with one
//! request under way.

use std::net::SocketAddr;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An app's key and secret.
pub(crate) struct App {
    pub(crate) key: String,
    pub(crate) secret: String,
}

/// What a connection asks for, over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    ClientCredentials,
    /// With the refresh token of the answer before.
    Refresh,
}

/// A connection to an issuer.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer's status, and its body in [`Connection::received`].
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            received: Vec::with_capacity(4096),
        }
    }

    /// Sends a request and waits for the whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Answer<'_> {
        self.stream.write_all(request).await.unwrap();
        self.received.clear();
        loop {
            let count = self.stream.read_buf(&mut self.received).await.unwrap();
            assert!(count > 0, "the issuer has ended the connection");
            if let Some(start) = body_start(&self.received) {
                return Answer {
                    status: status(&self.received),
                    body: &self.received[start..],
                };
            }
        }
    }

    /// Asks until `end`; gives back how often it was answered from `begin` on.
    pub(crate) async fn ask(
        mut self,
        app: &App,
        asking: Asking,
        begin: Instant,
        end: Instant,
    ) -> usize {
        let fresh = token_request(app, "grant_type=client_credentials");
        let mut request = fresh.clone();
        let mut answered = 0;
        while Instant::now() < end {
            let answer = self.exchange(&request).await;
            let text = std::str::from_utf8(answer.body).unwrap();
            assert_eq!(answer.status, 200, "{text}");
            answered += usize::from((begin..end).contains(&Instant::now()));
            let refresh_token = member(text, "refresh_token");
            if asking == Asking::Refresh {
                let form = format!("grant_type=refresh_token&refresh_token={refresh_token}");
                request = token_request(app, &form);
            }
        }
        answered
    }
}

/// Where the body begins, once all of it is there.
fn body_start(received: &[u8]) -> Option<usize> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("a length");
    let start = end + 4;
    (received.len() >= start + length.parse::<usize>().unwrap()).then_some(start)
}

fn status(received: &[u8]) -> u16 {
    let text = std::str::from_utf8(&received[9..12]).unwrap();
    text.parse().unwrap()
}

/// A member of flat JSON; parsing all of it would be charged to the machine that is measured.
pub(crate) fn member<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, rest) = text
        .split_once(&format!("\"{name}\":\""))
        .expect("the member");
    rest.split('"').next().unwrap()
}

fn token_request(app: &App, form: &str) -> Vec<u8> {
    request(app, "/authorization/token", form)
}

/// A form, sent by an app.
pub(crate) fn request(app: &App, path: &str, form: &str) -> Vec<u8> {
    let credentials = STANDARD.encode(format!("{}:{}", app.key, app.secret));
    format!(
        "POST {path} HTTP/1.1\r\nhost: id.shop.example\r\n\
         authorization: Basic {credentials}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}
