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
        let host = host.trim_start_matches('[').trim_end_matches(']');
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
        let deadline = Instant::now() + PATIENCE;
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n", self.authority);
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        request
            .push_str("accept: */*\r\nuser-agent: portcullis-doctor\r\nconnection: close\r\n\r\n");
        let answer = self.exchange(request.as_bytes(), deadline);
        let answer = answer.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                anyhow::anyhow!("it did not answer within {} seconds", PATIENCE.as_secs())
            }
            _ => anyhow::anyhow!(why_refused(&error, "--ca").unwrap_or_else(|| error.to_string())),
        })?;
        read(&String::from_utf8_lossy(&answer)).context("the answer is not HTTP/1.1")
    }

    fn exchange(&self, request: &[u8], deadline: Instant) -> std::io::Result<Vec<u8>> {
        let stream = self.connect(deadline)?;
        match &self.tls {
            None => converse(stream, |stream| stream, request, deadline),
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone());
                let name = name.map_err(std::io::Error::other)?;
                let session = ClientConnection::new(Arc::clone(tls), name);
                let session = session.map_err(std::io::Error::other)?;
                let stream = StreamOwned::new(session, stream);
                converse(stream, |stream| &mut stream.sock, request, deadline)
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

/// Sends the request, and reads until the answer, the time or the room ends.
fn converse<S: Read + Write>(
    mut stream: S,
    socket: impl Fn(&mut S) -> &mut TcpStream,
    request: &[u8],
    deadline: Instant,
) -> std::io::Result<Vec<u8>> {
    socket(&mut stream).set_write_timeout(Some(left(deadline)?))?;
    socket(&mut stream).set_read_timeout(Some(left(deadline)?))?;
    stream.write_all(request)?;
    stream.flush()?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while answer.len() < MAX_ANSWER_BYTES && !is_whole(&answer) {
        socket(&mut stream).set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Some servers end a connection without the farewell of TLS.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && !answer.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(answer)
}

/// Whether the length that the head names is there.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = header(head, "content-length").and_then(|length| length.parse::<usize>().ok());
    let head_bytes = answer.windows(4).position(|four| four == b"\r\n\r\n");
    match (length, head_bytes) {
        (Some(length), Some(head)) => answer.len() >= head.saturating_add(4).saturating_add(length),
        _ => false,
    }
}

fn read(text: &str) -> Option<Answered> {
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
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_and_a_host() {
        for (url, expected) in [
            ("http://127.0.0.1:10000", Some(("127.0.0.1", 10000))),
            ("https://api.shop.example/", Some(("api.shop.example", 443))),
            ("http://[::1]:80", Some(("::1", 80))),
            ("http://[::1]", Some(("::1", 80))),
            ("api.shop.example", None),
            ("https://u:hunter2@h", None),
            ("https://h/path", None),
            ("ftp://h", None),
            ("http://h:x", None),
            ("http://h\r\nx: y", None),
        ] {
            match (LiveProxy::new(url, None), expected) {
                (Ok(proxy), Some(expected)) => assert_eq!((&*proxy.host, proxy.port), expected),
                (Err(error), None) => assert!(!error.to_string().contains("hunter2"), "{error}"),
                (proxy, _) => panic!("{url}: {:?}", proxy.map(|proxy| proxy.authority)),
            }
        }
    }

    #[test]
    fn an_answer_is_read_as_far_as_it_matters() {
        let text = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\ncontent-length: 37\r\n\r\n\
                    {\"decision_id\":\"e8def4b7417de105\"   }";
        assert!(is_whole(text.as_bytes()));
        assert!(!is_whole(&text.as_bytes()[..text.len() - 1]));
        let answered = read(text).unwrap();
        assert_eq!(answered.answer.status, 401);
        assert_eq!(answered.answer.challenge.as_deref(), Some("Bearer"));
        assert_eq!(
            answered.answer.decision_id.as_deref(),
            Some("e8def4b7417de105")
        );
        assert!(read("SSH-2.0\r\n\r\n").is_none());
    }
}
