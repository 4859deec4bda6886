//! The application behind the proxy: tells which requests and headers reached it, byte by byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Answers every request with the headers it came with, as a JSON object of lists, and remembers it.
///
/// It reads the socket itself: an HTTP library would refuse or fix what a proxy must not send.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    server: JoinHandle<()>,
}

/// A request that arrived; bytes that are not UTF-8 are replaced.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server = tokio::spawn(accept(listener, Arc::clone(&seen)));
        Self {
            address,
            seen,
            server,
        }
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, seen: Arc<Mutex<Vec<Seen>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            // A proxy that hangs up early has its reasons.
            let _ = answer(stream, &seen).await;
        });
    }
}

async fn answer(mut stream: TcpStream, seen: &Mutex<Vec<Seen>>) -> std::io::Result<()> {
    let mut received = Vec::new();
    let mut buffer = vec![0; 16384];
    let head_length = loop {
        if let Some(at) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at;
        }
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        received.extend_from_slice(&buffer[..count]);
    };
    let mut request = Seen::parse(&String::from_utf8_lossy(&received[..head_length]));
    let mut body = received.split_off(head_length + 4);
    while !request.is_whole(&body) {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        body.extend_from_slice(&buffer[..count]);
    }
    request.body = String::from_utf8_lossy(&body).into_owned();
    let text = request.told(body.len()).to_string();
    let length = text.len();
    let text = if request.method == "HEAD" { "" } else { &text };
    seen.lock().unwrap().push(request);
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{text}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

impl Seen {
    fn parse(head: &str) -> Self {
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let (method, rest) = first.split_once(' ').unwrap_or((first, ""));
        let (path, _) = rest.rsplit_once(' ').unwrap_or((rest, ""));
        let headers = lines.filter_map(|line| line.split_once(':'));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body: String::new(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    fn is_whole(&self, body: &[u8]) -> bool {
        if self.header("transfer-encoding").is_some() {
            return body.ends_with(b"0\r\n\r\n");
        }
        let length = self.header("content-length");
        body.len() >= length.map_or(0, |length| length.parse().unwrap())
    }

    fn told(&self, body_bytes: usize) -> serde_json::Value {
        let mut told = serde_json::Map::new();
        for (name, value) in &self.headers {
            let values = told
                .entry(name.as_str())
                .or_insert_with(|| serde_json::json!([]));
            values.as_array_mut().unwrap().push(value.as_str().into());
        }
        told.insert("method".to_owned(), self.method.as_str().into());
        told.insert("path".to_owned(), self.path.as_str().into());
        told.insert("body_bytes".to_owned(), body_bytes.into());
        told.into()
    }
}
