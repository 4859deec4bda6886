//! A caller's request to Envoy, over either version of HTTP.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::client::{self, Answer};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    /// With prior knowledge, in clear text.
    Http2,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    method: &'static str,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: String,
}

pub(super) fn call(method: &'static str, path: &str) -> Call {
    Call {
        method,
        path: path.to_owned(),
        headers: Vec::new(),
        body: String::new(),
    }
}

pub(super) fn get(path: &str) -> Call {
    call("GET", path)
}

impl Call {
    pub(super) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(super) fn token(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(super) fn body(self, body: &str) -> Self {
        let length = body.len().to_string();
        let mut call = self.header("content-length", length);
        body.clone_into(&mut call.body);
        call
    }

    pub(super) async fn send(&self, address: SocketAddr, protocol: Protocol) -> Answer {
        match protocol {
            Protocol::Http1 => self.send_http1(address).await,
            Protocol::Http2 => self.send_http2(address).await,
        }
    }

    pub(super) async fn send_http1(&self, address: SocketAddr) -> Answer {
        let method = self.method.as_bytes();
        let mut bytes = [method, b" ", self.path.as_bytes(), b" HTTP/1.1\r\n"].concat();
        for (name, usual) in [("host", "shop.example"), ("connection", "close")] {
            if !self.has(name) {
                bytes.extend_from_slice(format!("{name}: {usual}\r\n").as_bytes());
            }
        }
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_bytes());
        client::exchange(address, &bytes).await
    }

    async fn send_http2(&self, address: SocketAddr) -> Answer {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        let driver = tokio::spawn(connection);
        let uri = http::Uri::builder()
            .scheme("http")
            .authority("shop.example")
            .path_and_query(self.path.as_str())
            .build()
            .unwrap();
        let mut request = http::Request::builder().method(self.method).uri(uri);
        for (name, value) in &self.headers {
            // HTTP/2 has names in lower case only.
            let value = http::HeaderValue::from_bytes(value).unwrap();
            request = request.header(name.to_ascii_lowercase(), value);
        }
        let request = request
            .body(Full::new(bytes::Bytes::from(self.body.clone())))
            .unwrap();
        let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        driver.abort();
        let lines = parts.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            format!("{name}: {value}\r\n")
        });
        Answer {
            status: parts.status.as_u16(),
            head: lines.collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    fn has(&self, name: &str) -> bool {
        let mut names = self.headers.iter().map(|(name, _)| name);
        names.any(|own| own.eq_ignore_ascii_case(name))
    }
}
