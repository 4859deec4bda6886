//! Connections that take the places of others: idle, slow, from one address and from many. Probes and
//! administrators are answered all the same.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::test_app::{Setup, TestApp};
#[cfg(feature = "issuer")]
use crate::test_companion::{ADMIN_PASSWORD, TestCompanion};

/// What anybody who is waited for has to show. No occupant is timed out before.
const PROMPT: Duration = Duration::from_secs(15);

/// Limits under which an occupant goes only when it is evicted: keys of a listener, as YAML flow
/// entries with a comma in front.
const LONG: &str = ", max_connections: 64, header_timeout_ms: 60000, body_timeout_ms: 20000, \
                    idle_timeout_seconds: 600, lifetime_seconds: 3600";

/// More than [`LONG`] has places for.
const OCCUPANTS: usize = 80;

const PATIENCE: Duration = Duration::from_secs(20);

/// What is large on one listener or the other.
const LARGE: [&str; 2] = ["/metrics", "/openapi.json"];

/// The pace of those who send a byte at a time.
const DRIP: Duration = Duration::from_millis(200);

/// How somebody occupies a place.
#[derive(Debug, Clone, Copy)]
enum Occupation {
    Silent,
    /// The beginning of a head, and now and then a byte more.
    Head,
    /// A head, and now and then a byte of the body.
    Body,
    /// A request that was answered, and no other.
    KeptAlive,
    /// Requests for much, whose answers are not read.
    Deaf,
}

const OCCUPATIONS: [Occupation; 5] = [
    Occupation::Silent,
    Occupation::Head,
    Occupation::Body,
    Occupation::KeptAlive,
    Occupation::Deaf,
];

/// From where.
#[derive(Debug, Clone, Copy)]
enum Origin {
    OneAddress,
    ManyAddresses,
}

impl Origin {
    fn address(self, number: usize) -> Ipv4Addr {
        let number = u8::try_from(number % 250).unwrap();
        match self {
            Self::OneAddress => Ipv4Addr::LOCALHOST,
            Self::ManyAddresses => Ipv4Addr::new(127, 7, 0, number + 1),
        }
    }
}

/// Connections that are there to be in the way.
struct Occupants {
    streams: Vec<TcpStream>,
    occupation: Occupation,
}

impl Occupants {
    async fn come(to: SocketAddr, count: usize, occupation: Occupation, origin: Origin) -> Self {
        let mut streams = Vec::new();
        for number in 0..count {
            let socket = TcpSocket::new_v4().unwrap();
            let address = SocketAddr::from((origin.address(number), 0));
            if let Occupation::Deaf = occupation {
                // The system must not take the answers for it.
                socket.set_recv_buffer_size(4096).unwrap();
            }
            socket.bind(address).unwrap();
            let connecting = tokio::time::timeout(PATIENCE, socket.connect(to));
            let mut stream = connecting.await.expect("a connection").unwrap();
            let beginning = match occupation {
                Occupation::Silent => String::new(),
                Occupation::Head => "GET /livez HTTP/1.1\r\nx: ".to_owned(),
                Occupation::Body => "POST /consumer/login HTTP/1.1\r\nhost: a\r\n\
                                     content-type: application/json\r\ncontent-length: 9000\r\n\r\n{"
                    .to_owned(),
                Occupation::KeptAlive => "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
                Occupation::Deaf => {
                    let request = |path| format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
                    LARGE.map(request).concat().repeat(2)
                }
            };
            // A server that has taken the place back does not take it.
            let _ = stream.write_all(beginning.as_bytes()).await;
            if let Occupation::KeptAlive = occupation {
                let mut buffer = [0; 1024];
                let answered = tokio::time::timeout(PATIENCE, stream.read(&mut buffer));
                let _ = answered.await.expect("an answer or an end");
            }
            streams.push(stream);
        }
        Self {
            streams,
            occupation,
        }
    }

    /// Goes on while `work` is done.
    async fn while_doing<T>(&mut self, work: impl Future<Output = T>) -> T {
        let dripping = async {
            let mut drip = tokio::time::interval(DRIP);
            loop {
                drip.tick().await;
                if let Occupation::Head | Occupation::Body = self.occupation {
                    for stream in &mut self.streams {
                        let _ = stream.try_write(b"x");
                    }
                }
            }
        };
        tokio::select! {
            done = work => done,
            () = dripping => unreachable!("it never ends"),
        }
    }
}

/// A gate whose admin listener has these further keys.
fn with_admin_keys(keys: &str) -> TestApp {
    TestApp::prepared(&Setup::default(), |folder| {
        let path = folder.join("portcullis.yaml");
        let config = std::fs::read_to_string(&path).unwrap();
        let admin = |keys| format!("admin: {{address: \"127.0.0.1:0\"{keys}}}");
        let changed = config.replace(&admin(""), &admin(keys));
        assert_ne!(config, changed);
        std::fs::write(path, changed).unwrap();
    })
}

/// The connections of a listener that were closed to make room.
async fn evicted(gate: &TestApp, listener: &str) -> u64 {
    let start = format!("portcullis_http_connections_evicted_total{{listener=\"{listener}\"}} ");
    let asked = tokio::time::timeout(PROMPT, gate.admin("/metrics")).await;
    let (_, metrics) = asked.expect("metrics");
    let count = metrics.lines().find_map(|line| line.strip_prefix(&*start));
    count.unwrap_or("0").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_answered_whoever_occupies_the_admin_listener() {
    let gate = with_admin_keys(LONG);
    let mut before = 0;
    for occupation in OCCUPATIONS {
        for origin in [Origin::OneAddress, Origin::ManyAddresses] {
            let address = gate.app.admin_address();
            // On a busy machine some may have gone before all have come: then they come again.
            let mut after = before;
            for _ in 0..3 {
                let mut occupants = Occupants::come(address, OCCUPANTS, occupation, origin).await;
                for path in ["/livez", "/readyz", "/metrics", "/status"] {
                    let asked = tokio::time::timeout(PROMPT, gate.admin(path));
                    let asked = occupants.while_doing(asked).await;
                    let (status, _) = asked.unwrap_or_else(|_| panic!("{occupation:?} {origin:?}"));
                    assert_eq!(status, 200, "{occupation:?} {origin:?} {path}");
                }
                after = evicted(&gate, "admin").await;
                if after > before {
                    break;
                }
            }
            // This listener answers such a request at once, without its body, and closes.
            let is_over = matches!(occupation, Occupation::Body);
            assert!(
                is_over || after > before,
                "{occupation:?} {origin:?}: {before} to {after}"
            );
            before = after;
        }
    }
}

#[cfg(feature = "issuer")]
#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_answered_whoever_occupies_the_issuer() {
    let companion = TestCompanion::with_issuer_keys(LONG).await;
    let mut before = 0;
    let mut admin = companion.login("admin", ADMIN_PASSWORD).await;
    for occupation in OCCUPATIONS {
        for origin in [Origin::OneAddress, Origin::ManyAddresses] {
            let address = companion.address;
            let mut occupants = Occupants::come(address, OCCUPANTS, occupation, origin).await;
            let revoke = async {
                let body = json!({"everyone": true});
                let answer = companion.post("/backend/revoke", &body, &admin).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                companion.login("admin", ADMIN_PASSWORD).await
            };
            let revoked = occupants
                .while_doing(tokio::time::timeout(PROMPT, revoke))
                .await;
            admin = revoked.unwrap_or_else(|_| panic!("{occupation:?} {origin:?}"));
            let after = evicted(&companion.gate, "issuer").await;
            assert!(
                after > before,
                "{occupation:?} {origin:?}: {before} to {after}"
            );
            before = after;
        }
    }
}

/// A connection that is kept alive while it is answered, and until it is told to close.
async fn last_answer(to: SocketAddr) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    loop {
        let request = b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        let answer = String::from_utf8_lossy(&buffer[..count]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
        if answer.contains("\r\nconnection: close\r\n") {
            return answer;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_an_answer_that_says_so() {
    let gate = with_admin_keys(", lifetime_seconds: 1");
    let last = tokio::time::timeout(PATIENCE, last_answer(gate.app.admin_address())).await;
    let last = last.expect("the connection is told to close");
    assert!(last.starts_with("HTTP/1.1 200"), "{last}");
}

#[cfg(feature = "issuer")]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_outlives_its_connection_is_answered() {
    let companion = TestCompanion::with_issuer_keys(", lifetime_seconds: 1").await;
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD}).to_string();
    let (first, rest) = body.split_at(10);
    let mut stream = TcpStream::connect(companion.address).await.unwrap();
    let head = format!(
        "POST /consumer/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{first}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A later connection has come to its end, and so has this one.
    let later = tokio::time::timeout(PATIENCE, last_answer(companion.address)).await;
    later.expect("a connection is told to close");
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let reading = stream.read_to_string(&mut answer);
    let read = tokio::time::timeout(PATIENCE, reading).await;
    read.expect("the connection ends").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
}

#[cfg(feature = "issuer")]
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_refused() {
    let companion = TestCompanion::with_issuer_keys(", body_timeout_ms: 200").await;
    let text = "POST /consumer/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                content-length: 90\r\n\r\n{";
    let answer = crate::client::exchange(companion.address, text.as_bytes()).await;
    assert_eq!(answer.status, 400, "{answer:?}");
}

/// A load balancer that is trusted may have all connections; another address has its share.
#[cfg(feature = "issuer")]
#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_is_not_limited_to_the_share_of_an_address() {
    for (keys, kept) in [
        (", max_connections: 8", 4),
        (", max_connections: 8, max_connections_per_address: 6", 6),
        (", max_connections: 8, trusted_proxies: [127.0.0.1]", 8),
    ] {
        let companion = TestCompanion::with_issuer_keys(keys).await;
        let mut streams = Vec::new();
        for _ in 0..8 {
            let mut stream = TcpStream::connect(companion.address).await.unwrap();
            let request = b"GET /.well-known/jwks.json HTTP/1.1\r\nhost: a\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut buffer = [0; 4096];
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
            streams.push(stream);
        }
        let mut ended = 0;
        for stream in &mut streams[..8 - kept] {
            let mut rest = Vec::new();
            let reading = stream.read_to_end(&mut rest);
            let read = tokio::time::timeout(PATIENCE, reading).await;
            assert_eq!(read.expect("it ends").unwrap(), 0, "{keys}");
            ended += 1;
        }
        for stream in &mut streams[8 - kept..] {
            let request = b"GET /.well-known/jwks.json HTTP/1.1\r\nhost: a\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut buffer = [0; 4096];
            assert!(stream.read(&mut buffer).await.unwrap() > 0, "{keys}");
        }
        assert_eq!(ended, 8 - kept, "{keys}");
    }
}
