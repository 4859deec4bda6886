//! An issuer in a process of its own, and calls that may stay without an answer.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::test_companion::{FORM, TestClient, basic, bearer};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_portcullis");
pub(crate) const SERVE: [&str; 3] = ["serve", "--config", "portcullis.yaml"];

/// Far more than any step takes; it only turns a hang into a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const CLIENT_CREDENTIALS: &str = "grant_type=client_credentials";

pub(crate) fn refresh(token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}")
}

pub(crate) fn json_headers(token: &str) -> Vec<String> {
    let mut headers = vec!["content-type: application/json".to_owned()];
    if !token.is_empty() {
        headers.push(bearer(token));
    }
    headers
}

pub(crate) fn text(body: &Value, member: &str) -> String {
    body[member].as_str().unwrap().to_owned()
}

pub(crate) fn client(body: &Value) -> TestClient {
    TestClient {
        key: text(body, "app_key"),
        secret: text(body, "app_secret"),
    }
}

/// Waits until the issuer has found its database again.
pub(crate) async fn healed(address: SocketAddr, app: &TestClient) {
    let deadline = Instant::now() + PATIENCE;
    while !matches!(
        token(address, app, CLIENT_CREDENTIALS).await,
        Some((200, _))
    ) {
        assert!(Instant::now() < deadline, "the issuer does not heal");
    }
}

pub(crate) async fn token(
    address: SocketAddr,
    app: &TestClient,
    form: &str,
) -> Option<(u16, Value)> {
    let headers = [FORM.to_owned(), basic(&app.key, &app.secret)];
    call(address, "/authorization/token", &headers, form).await
}

/// Status and body of a whole answer; nothing where the issuer died meanwhile.
pub(crate) async fn call(
    address: SocketAddr,
    path: &str,
    headers: &[String],
    body: &str,
) -> Option<(u16, Value)> {
    send(address, "POST", path, headers, body).await
}

/// The same with another method.
pub(crate) async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[String],
    body: &str,
) -> Option<(u16, Value)> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: id.shop.example\r\nconnection: close\r\n{}\r\n\
         content-length: {}\r\n\r\n{body}",
        headers.join("\r\n"),
        body.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut received = String::new();
        stream.read_to_string(&mut received).await.ok()?;
        let (head, body) = received.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).ok()?))
    };
    tokio::time::timeout(PATIENCE, exchange).await.unwrap()
}

/// `portcullis serve` as a child.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) authz_url: String,
}

impl Process {
    /// Waits until it serves.
    pub(crate) fn start(folder: &Path) -> Self {
        let mut command = Command::new(BINARY);
        command.args(SERVE);
        Self::start_by(command, folder)
    }

    /// By a command that becomes `portcullis serve`.
    pub(crate) fn start_by(mut command: Command, folder: &Path) -> Self {
        let mut child = command
            .current_dir(folder)
            .env_clear()
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let (address, authz) = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended: {said}");
            let fields: Value = serde_json::from_str(&line).unwrap_or_default();
            if fields["message"] == "serving" {
                let address = text(&fields, "issuer.address").parse().unwrap();
                break (address, text(&fields, "authz.address"));
            }
            said.push_str(&line);
        };
        // A full pipe would stop it.
        std::thread::spawn(move || {
            let _ = log.read_to_end(&mut Vec::new());
        });
        Self {
            child,
            address,
            authz_url: format!("http://{authz}"),
        }
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
