//! A server of key sets on loopback that behaves as badly as it is told to, and counts.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Far more than any step takes; it only turns a hang into a failure.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// Sends these bytes and closes.
    Answer(Vec<u8>),
    /// The same, once the server is released.
    AnswerWhenReleased(Vec<u8>),
    /// Sends nothing and waits for the client to go away.
    Stall,
    /// Sends these bytes, then a body of this many bytes.
    Flood(Vec<u8>, u64),
    /// Sends these bytes, then a byte at a time for as long as the client stays.
    Drip(Vec<u8>),
    /// Sends what this makes of the request's head.
    Decide(Decision),
}

/// Makes an answer of the head of a request.
#[derive(Clone)]
#[expect(clippy::type_complexity, reason = "the house has no type aliases")]
pub(crate) struct Decision(Arc<dyn Fn(&str) -> Vec<u8> + Send + Sync>);

impl std::fmt::Debug for Decision {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Decision(..)")
    }
}

/// Sends what `decide` makes of the request's head, in lower case.
pub(crate) fn decide(decide: impl Fn(&str) -> Behaviour + Send + Sync + 'static) -> Behaviour {
    Behaviour::Decide(Decision(Arc::new(move |head| {
        match decide(&head.to_ascii_lowercase()) {
            Behaviour::Answer(bytes) => bytes,
            other => panic!("not an answer: {other:?}"),
        }
    })))
}

/// An answer with status 200 and this body.
pub(crate) fn ok(body: &str) -> Behaviour {
    ok_with("", body)
}

/// The same with further header lines, each ending in CR LF.
pub(crate) fn ok_with(headers: &str, body: &str) -> Behaviour {
    let length = body.len();
    let text = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    Behaviour::Answer(text.into_bytes())
}

/// An answer without body: status line and header lines, without the last CR LF.
pub(crate) fn head(head: &str) -> Behaviour {
    Behaviour::Answer(format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n").into_bytes())
}

/// The running server; it ends when dropped.
pub(crate) struct JwksServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    requests: watch::Sender<Vec<String>>,
    released: watch::Sender<bool>,
    closed: watch::Sender<u64>,
    body_bytes: AtomicU64,
}

/// A certificate authority and a certificate of it for 127.0.0.1.
pub(crate) struct Pki {
    pub(crate) ca_pem: Vec<u8>,
    server: Arc<ServerConfig>,
}

impl Pki {
    pub(crate) fn new(names: &[&str]) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca_params = CertificateParams::new(Vec::new()).unwrap();
        ca_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = ca_params.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(ca_params, ca_key);
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        Self {
            ca_pem: ca.pem().into_bytes(),
            server: Arc::new(server),
        }
    }

    /// The side of the server, which speaks only these protocols.
    pub(crate) fn acceptor(&self, protocols: &[&[u8]]) -> TlsAcceptor {
        let mut server = ServerConfig::clone(&self.server);
        server.alpn_protocols = protocols.iter().map(|&name| name.to_vec()).collect();
        Arc::new(server).into()
    }
}

impl JwksServer {
    /// Plain HTTP on a free port.
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Self::serve(listener, None, behaviour)
    }

    /// HTTPS on a free port.
    pub(crate) async fn start_tls(behaviour: Behaviour, pki: &Pki) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Self::serve(listener, Some(pki.server.clone().into()), behaviour)
    }

    /// Plain HTTP on a socket bound by the test.
    pub(crate) fn start_on(listener: TcpListener, behaviour: Behaviour) -> Self {
        Self::serve(listener, None, behaviour)
    }

    fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, behaviour: Behaviour) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(behaviour),
            requests: watch::Sender::new(Vec::new()),
            released: watch::Sender::new(false),
            closed: watch::Sender::new(0),
            body_bytes: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, tls, shared.clone()));
        Self {
            address,
            shared,
            task,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    pub(crate) fn https_url(&self) -> String {
        format!("https://{}/jwks.json", self.address)
    }

    /// Does this with the requests from now on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap() = behaviour;
    }

    /// Lets [`Behaviour::AnswerWhenReleased`] go on.
    pub(crate) fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// The heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.borrow().clone()
    }

    /// Waits until there were at least this many requests.
    pub(crate) async fn wait_for_requests(&self, count: usize) {
        let mut requests = self.shared.requests.subscribe();
        let enough = requests.wait_for(|requests| requests.len() >= count);
        tokio::time::timeout(PATIENCE, enough)
            .await
            .unwrap()
            .unwrap();
    }

    /// Waits until at least this many connections have ended.
    pub(crate) async fn wait_for_closed(&self, count: u64) {
        let mut closed = self.shared.closed.subscribe();
        let enough = closed.wait_for(|closed| *closed >= count);
        tokio::time::timeout(PATIENCE, enough)
            .await
            .unwrap()
            .unwrap();
    }

    /// Bytes of flooding and dripping bodies that could be written.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.shared.body_bytes.load(Ordering::SeqCst)
    }
}

impl Drop for JwksServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    while let Ok((tcp, _)) = listener.accept().await {
        let (tls, shared) = (tls.clone(), shared.clone());
        tokio::spawn(async move {
            match tls {
                None => answer(tcp, &shared).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(tcp).await {
                        answer(stream, &shared).await;
                    }
                }
            }
            shared.closed.send_modify(|closed| *closed += 1);
        });
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let behaviour = shared.behaviour.lock().unwrap().clone();
    let head = String::from_utf8(head).unwrap();
    shared.requests.send_modify(|requests| requests.push(head));
    match behaviour {
        Behaviour::Answer(bytes) => drop(stream.write_all(&bytes).await),
        Behaviour::AnswerWhenReleased(bytes) => {
            let mut released = shared.released.subscribe();
            released.wait_for(|released| *released).await.unwrap();
            drop(stream.write_all(&bytes).await);
        }
        Behaviour::Decide(Decision(decide)) => {
            let head = shared.requests.borrow().last().unwrap().clone();
            drop(stream.write_all(&decide(&head)).await);
        }
        Behaviour::Stall => drop(stream.read_to_end(&mut Vec::new()).await),
        Behaviour::Flood(head, length) => {
            drop(stream.write_all(&head).await);
            write_body(&mut stream, shared, length, 16 * 1024).await;
        }
        Behaviour::Drip(head) => {
            drop(stream.write_all(&head).await);
            write_body(&mut stream, shared, u64::MAX, 1).await;
        }
    }
    drop(stream.shutdown().await);
    // Until the client has closed its end: a reset could overtake the answer.
    drop(stream.read_to_end(&mut Vec::new()).await);
}

async fn write_body(
    stream: &mut (impl AsyncWrite + Unpin),
    shared: &Shared,
    length: u64,
    chunk: usize,
) {
    let chunk = vec![b' '; chunk];
    let mut left = length;
    while left > 0 {
        if stream.write_all(&chunk).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        let count = chunk.len() as u64;
        shared.body_bytes.fetch_add(count, Ordering::SeqCst);
        left = left.saturating_sub(count);
        if count == 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
