//! Requests to a running proxy, written byte for byte: an HTTP library would repair the paths.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::Value;

use crate::certificates::{client_trusting, configured_roots, system_roots, why_refused};
use crate::doctor::LiveAnswer;
use crate::files;
use crate::uri_host::without_brackets;

/// The longest that one answer is waited for, from the look-up of the name to the last byte.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most that is read of an answer, in bytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// A running proxy.
pub(super) struct LiveProxy {
    /// As in `Host`.
    pub(super) authority: String,
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

/// What came, and its text for a look at what it shows.
pub(super) struct Answered {
    pub(super) answer: LiveAnswer,
    text: String,
}

impl Answered {
    /// Whether head or body have this text.
    pub(super) fn shows(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}

impl LiveProxy {
    pub(super) fn new(url: &str, ca: Option<&Path>) -> anyhow::Result<Self> {
        let unfit = || {
            format!(
                "`{}` is not the address of a proxy: write `https://HOST` or `http://HOST:PORT`, without a path",
                crate::problem::conceal(url)
            )
        };
        let (scheme, rest) = url.split_once("://").with_context(unfit)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let default_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => bail!(unfit()),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        ensure!(
            !authority.is_empty() && authority.bytes().all(plain),
            unfit()
        );
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().with_context(unfit)?),
            _ => (authority, default_port),
        };
        let host = without_brackets(host);
        ensure!(
            scheme == "https" || ca.is_none(),
            "`--ca` is for an address with `https`"
        );
        Ok(Self {
            authority: authority.to_owned(),
            host: host.to_owned(),
            port,
            tls: (scheme == "https").then(|| tls(ca)).transpose()?,
        })
    }

    /// Asks by GET. Redirects are not followed.
    pub(super) fn get(&self, path: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answered> {
        self.get_by(Instant::now() + PATIENCE, path, headers)
    }

    fn get_by(
        &self,
        deadline: Instant,
        path: &str,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Answered> {
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n", self.authority);
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        request
            .push_str("accept: */*\r\nuser-agent: portcullis-doctor\r\nconnection: close\r\n\r\n");
        let answer = self.exchange(request.as_bytes(), deadline);
        let answer = answer.map_err(|error| anyhow::anyhow!(self.why_silent(&error)))?;
        read(&String::from_utf8_lossy(&answer)).context("the answer is not HTTP/1.1")
    }

    fn why_silent(&self, error: &std::io::Error) -> String {
        if is_late(error) {
            return format!("it did not answer within {} seconds", PATIENCE.as_secs());
        }
        if let Some(reason) = why_refused(error, "--ca") {
            return reason;
        }
        let inner = error.get_ref();
        let no_tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match no_tls {
            Some(rustls::Error::InvalidMessage(_)) => format!(
                "{error}; does it speak TLS? try `http://{}`",
                self.authority
            ),
            _ => error.to_string(),
        }
    }

    fn exchange(&self, request: &[u8], deadline: Instant) -> std::io::Result<Vec<u8>> {
        let stream = Timed {
            socket: self.connect(deadline)?,
            deadline,
        };
        match &self.tls {
            None => converse(stream, request),
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone());
                let name = name.map_err(std::io::Error::other)?;
                let session = ClientConnection::new(Arc::clone(tls), name);
                let session = session.map_err(std::io::Error::other)?;
                converse(StreamOwned::new(session, stream), request)
            }
        }
    }

    fn connect(&self, deadline: Instant) -> std::io::Result<TcpStream> {
        let mut last = ErrorKind::AddrNotAvailable.into();
        for address in self.addresses(deadline)? {
            match TcpStream::connect_timeout(&address, left(deadline)?) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The system's look-up of names knows no deadline of ours.
    fn addresses(&self, deadline: Instant) -> std::io::Result<Vec<SocketAddr>> {
        let (sender, found) = mpsc::channel();
        let (host, port) = (self.host.clone(), self.port);
        std::thread::spawn(move || {
            let addresses = (host.as_str(), port).to_socket_addrs();
            let _ = sender.send(addresses.map(|addresses| addresses.take(4).collect()));
        });
        found
            .recv_timeout(left(deadline)?)
            .map_err(|_| std::io::Error::from(ErrorKind::TimedOut))?
    }
}

fn tls(ca: Option<&Path>) -> anyhow::Result<Arc<ClientConfig>> {
    let roots = match ca {
        None => system_roots()
            .context("cannot read the system's certificate authorities: name one by `--ca FILE`")?,
        Some(path) => {
            let pem = files::read_source(path)?.text;
            configured_roots(pem.as_bytes())
                .with_context(|| format!("cannot use `{}`", path.display()))?
        }
    };
    let mut config = client_trusting(roots)?.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A connection of which each read and write has the time that is left: a handshake of TLS has many.
struct Timed {
    socket: TcpStream,
    deadline: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.socket.set_read_timeout(Some(left(self.deadline)?))?;
        self.socket.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.socket.set_write_timeout(Some(left(self.deadline)?))?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.socket.flush()
    }
}

fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Sends the request, and reads until the answer, the time or the room ends.
fn converse<S: Read + Write>(mut stream: S, request: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while answer.len() < MAX_ANSWER_BYTES && !is_whole(&answer) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Some servers end a connection without the farewell of TLS.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && !answer.is_empty() => break,
            // Of a body that goes on and on the head says enough.
            Err(error) if is_late(&error) && has_head(&answer) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(answer)
}

/// The answer without what came before it, such as 103 with early hints.
fn last_answer(mut text: &str) -> &str {
    let is_interim = |text: &str| {
        let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
        status.is_some_and(|status| status.starts_with('1') && status != "101")
    };
    while is_interim(text) {
        text = text.split_once("\r\n\r\n").map_or("", |(_, rest)| rest);
    }
    text
}

fn has_head(answer: &[u8]) -> bool {
    last_answer(&String::from_utf8_lossy(answer)).contains("\r\n\r\n")
}

/// Whether the length that the head names is there.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = last_answer(&text).split_once("\r\n\r\n") else {
        return false;
    };
    let length = header(head, "content-length").and_then(|length| length.parse::<usize>().ok());
    length.is_some_and(|length| body.len() >= length)
}

fn read(text: &str) -> Option<Answered> {
    let text = last_answer(text);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let body_facts = serde_json::from_str::<Value>(body.trim()).ok();
    let id = body_facts
        .as_ref()
        .and_then(|facts| facts.get("decision_id")?.as_str());
    let is_id = |id: &&str| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(Answered {
        answer: LiveAnswer {
            status,
            challenge: header(head, "www-authenticate").map(str::to_owned),
            decision_id: id.filter(is_id).map(str::to_owned),
            from_upstream: header(head, "x-envoy-upstream-service-time").is_some(),
        },
        text: text.to_owned(),
    })
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim())
}

/// The time until `deadline`.
fn left(deadline: Instant) -> std::io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(left)
}

#[cfg(test)]
mod tests;
