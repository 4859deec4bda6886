//! HTTP as plain as it gets: paths and headers go out exactly as written.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// A header's value; names in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

pub(crate) async fn get(address: SocketAddr, path: &str, headers: &[&str]) -> Answer {
    request(address, "GET", path, headers).await
}

/// Sends one HTTP/1.1 request; each of `headers` is a whole line.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
) -> Answer {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    if !headers
        .iter()
        .any(|line| line.to_ascii_lowercase().starts_with("host:"))
    {
        text.push_str("host: shop.example\r\n");
    }
    if !headers
        .iter()
        .any(|line| line.to_ascii_lowercase().starts_with("connection:"))
    {
        text.push_str("connection: close\r\n");
    }
    for line in headers {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    exchange(address, text.as_bytes()).await
}

/// Sends bytes and reads one answer.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    try_exchange(address, bytes).await.unwrap()
}

/// The same with a server that may be gone, or go while it answers.
pub(crate) async fn try_exchange(address: SocketAddr, bytes: &[u8]) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(bytes).await?;
    let mut received = Vec::new();
    let reading = async {
        let mut buffer = vec![0; 16384];
        loop {
            // A reset after the answer is as good as an end.
            let count = stream.read(&mut buffer).await.unwrap_or(0);
            received.extend_from_slice(&buffer[..count]);
            if count == 0 || is_complete(&received) {
                break;
            }
        }
    };
    let patience = std::time::Duration::from_secs(20);
    tokio::time::timeout(patience, reading)
        .await
        .expect("no answer in time");
    if received.windows(4).any(|end| end == b"\r\n\r\n") {
        Ok(parse(&received))
    } else {
        Err(std::io::ErrorKind::UnexpectedEof.into())
    }
}

fn is_complete(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let lower = head.to_ascii_lowercase();
    match lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
    {
        Some(length) => body.len() >= length.trim().parse().unwrap_or(0),
        None => lower.contains("transfer-encoding: chunked") && body.ends_with("0\r\n\r\n"),
    }
}

fn parse(received: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(received);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let body = if head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
    {
        unchunk(body)
    } else {
        body.to_owned()
    };
    Answer {
        status: status.unwrap_or_else(|| panic!("no status in {text:?}")),
        head: head.to_owned(),
        body,
    }
}

fn unchunk(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 || size > rest.len() {
            break;
        }
        text.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    text
}
