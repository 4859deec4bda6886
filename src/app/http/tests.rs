use std::net::Ipv4Addr;
use std::time::Duration;

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use super::activity::ConnectionState;
use super::*;

const PATIENCE: Duration = Duration::from_secs(20);
const HEAD: &str = "host: shop.example\r\n";
const LARGE: usize = 32 << 20;

const LIMITS: ConnectionLimits = ConnectionLimits {
    connections: 4,
    per_address: 4,
    header_timeout: PATIENCE,
    body_timeout: PATIENCE,
    idle_timeout: PATIENCE,
    lifetime: PATIENCE,
};

/// A server with an endpoint that answers when it may, one that reads, and one with much to say.
struct TestServer {
    address: SocketAddr,
    gate: Arc<Semaphore>,
    slots: Arc<Slots>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl TestServer {
    async fn start(limits: ConnectionLimits) -> Self {
        Self::with(limits, |_| false).await
    }

    async fn with(
        limits: ConnectionLimits,
        unlimited: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&gate);
        let wait = async move || {
            held.acquire().await.unwrap().forget();
            "held\n"
        };
        let router = Router::new()
            .route("/", get(async || "ok\n"))
            .route("/held", get(wait))
            .route("/large", get(async || "x".repeat(LARGE)))
            .route("/echo", post(async |body: String| body));
        let (stop, stopped) = oneshot::channel();
        let listener = HttpListener {
            tls: None,
            name: "test",
            socket: listener,
            limits,
        };
        let server = HttpServer::new(listener, &HttpMetrics::default(), unlimited);
        let stopped = async { drop(stopped.await) };
        Self {
            address,
            gate,
            slots: Arc::clone(&server.slots),
            stop,
            serving: tokio::spawn(server.serve(router, stopped)),
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn connect_from(&self, last: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        let address = SocketAddr::from((Ipv4Addr::new(127, 0, 1, last), 0));
        socket.bind(address).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// A connection whose request is being answered.
    async fn hold(&self, stream: TcpStream) -> TcpStream {
        let mut stream = stream;
        send(&mut stream, &format!("GET /held HTTP/1.1\r\n{HEAD}\r\n")).await;
        // Once the next one is answered, the server has looked at this one: it accepts in order.
        stream
    }

    /// Waits until one of the open connections is in a state like this.
    async fn shows(&self, like: impl Fn(&ConnectionState) -> bool) {
        let looking = async {
            while !self.slots.standings().iter().any(&like) {
                tokio::task::yield_now().await;
            }
        };
        let shown = tokio::time::timeout(PATIENCE, looking).await;
        shown.expect("a connection gets into this state");
    }

    async fn end(self) {
        let _ = self.stop.send(());
        let ended = tokio::time::timeout(PATIENCE, self.serving).await;
        ended.expect("the server ends").unwrap();
    }
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn get_root(stream: &mut TcpStream) -> String {
    send(stream, &format!("GET / HTTP/1.1\r\n{HEAD}\r\n")).await;
    read_answer(stream, "ok\n").await
}

/// Reads until `end`; what came when the connection ended before it.
async fn read_answer(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    let reading = async {
        while !text.ends_with(end.as_bytes()) {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => text.extend_from_slice(&buffer[..count]),
                Ok(_) | Err(_) => break,
            }
        }
    };
    let read = tokio::time::timeout(PATIENCE, reading).await;
    read.expect("an answer or an end");
    String::from_utf8(text).unwrap()
}

/// Waits for the end of a connection that has nothing to say.
async fn ended(stream: &mut TcpStream) {
    assert_eq!(read_answer(stream, "never").await, "");
}

#[tokio::test]
async fn a_new_connection_takes_the_place_of_the_one_that_has_waited_longest() {
    let server = TestServer::start(LIMITS).await;
    let mut first = server.connect().await;
    let mut kept = server.connect().await;
    let answer = get_root(&mut kept).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut half = server.connect().await;
    send(&mut half, "GET / HT").await;
    let mut body = server.connect().await;
    let head = format!("POST /echo HTTP/1.1\r\n{HEAD}content-length: 9\r\n\r\nab");
    send(&mut body, &head).await;
    // Each is a connection more than there is room for.
    let mut others = Vec::new();
    for _ in 0..4 {
        let mut stream = server.connect().await;
        let answer = get_root(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        others.push(stream);
    }
    for stream in [&mut first, &mut kept, &mut half, &mut body] {
        ended(stream).await;
    }
    assert_eq!(server.slots.evictions(), 4);
    server.end().await;
}

#[tokio::test]
async fn a_request_that_is_being_answered_keeps_its_place() {
    let server = TestServer::start(ConnectionLimits {
        connections: 1,
        ..LIMITS
    })
    .await;
    let mut held = server.connect().await;
    held = server.hold(held).await;
    let answering =
        |standing: &ConnectionState| matches!(standing, ConnectionState::Answering { .. });
    server.shows(answering).await;
    let mut second = server.connect().await;
    send(&mut second, &format!("GET / HTTP/1.1\r\n{HEAD}\r\n")).await;
    // The second one has been accepted and wants the place.
    server
        .shows(|standing| *standing == ConnectionState::Closing)
        .await;
    server.gate.add_permits(1);
    let answer = read_answer(&mut held, "held\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    let answer = read_answer(&mut second, "ok\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.slots.evictions(), 0);
    server.end().await;
}

/// A request may arrive after its connection was chosen to make room.
#[tokio::test]
async fn a_request_that_comes_just_before_the_eviction_is_answered_and_nothing_is_counted() {
    let server = TestServer::start(ConnectionLimits {
        connections: 1,
        ..LIMITS
    })
    .await;
    let mut held = server.connect().await;
    let waiting = |standing: &ConnectionState| matches!(standing, ConnectionState::Waiting { .. });
    server.shows(waiting).await;
    // Without a turn of the server in between, which learns of both at once.
    let second = std::net::TcpStream::connect(server.address).unwrap();
    let request = format!("GET /held HTTP/1.1\r\n{HEAD}\r\n");
    assert_eq!(held.try_write(request.as_bytes()).unwrap(), request.len());
    server
        .shows(|standing| *standing == ConnectionState::Closing)
        .await;
    server.gate.add_permits(1);
    let answer = read_answer(&mut held, "held\n").await;
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    server.shows(waiting).await;
    assert_eq!(server.slots.evictions(), 0);
    drop(second);
    server.end().await;
}

/// A flood must not push out a connection whose request has arrived before anybody looked at it.
#[tokio::test]
async fn a_request_that_came_with_its_connection_is_answered_in_a_flood() {
    let server = TestServer::start(ConnectionLimits {
        connections: 2,
        per_address: 2,
        ..LIMITS
    })
    .await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        let mut stream = server.connect().await;
        send(&mut stream, &format!("GET / HTTP/1.1\r\n{HEAD}\r\n")).await;
        streams.push(stream);
    }
    for stream in &mut streams {
        let answer = read_answer(stream, "ok\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    server.end().await;
}

/// What is being answered does not count against an address, but gives its place up afterwards.
#[tokio::test]
async fn an_address_whose_requests_are_all_being_answered_gets_more() {
    let server = TestServer::start(ConnectionLimits {
        per_address: 2,
        ..LIMITS
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let stream = server.connect_from(1).await;
        held.push(server.hold(stream).await);
    }
    let mut third = server.connect_from(1).await;
    let answer = get_root(&mut third).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.gate.add_permits(2);
    let mut last = 0;
    for stream in &mut held {
        let answer = read_answer(stream, "held\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        last += usize::from(answer.contains("\r\nconnection: close\r\n"));
    }
    assert_eq!(last, 1);
    server.end().await;
}

/// With an earlier answer in its way, a request is not even begun to be answered.
#[tokio::test]
async fn requests_behind_an_answer_that_is_not_read_do_not_keep_a_place() {
    let server = TestServer::start(ConnectionLimits {
        connections: 1,
        ..LIMITS
    })
    .await;
    let mut deaf = server.connect().await;
    send(
        &mut deaf,
        &format!("GET /large HTTP/1.1\r\n{HEAD}\r\n").repeat(3),
    )
    .await;
    deaf.readable().await.unwrap();
    let mut other = server.connect().await;
    let answer = get_root(&mut other).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.end().await;
}

/// Whoever never lets a connection come to rest must not keep its place for ever.
#[tokio::test]
async fn requests_one_after_the_other_do_not_keep_a_place() {
    let server = TestServer::start(ConnectionLimits {
        connections: 1,
        ..LIMITS
    })
    .await;
    let mut busy = server.connect().await;
    let many = format!("GET / HTTP/1.1\r\n{HEAD}\r\n").repeat(100_000);
    let sending = tokio::spawn(async move {
        // The server may have gone, or not read on.
        let _ = busy.write_all(many.as_bytes()).await;
        busy
    });
    let mut other = server.connect().await;
    let answer = get_root(&mut other).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    sending.abort();
    server.end().await;
}

#[tokio::test]
async fn an_address_at_its_limit_replaces_its_own_connections() {
    let server = TestServer::start(ConnectionLimits {
        per_address: 2,
        ..LIMITS
    })
    .await;
    let mut other = server.connect_from(2).await;
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(server.connect_from(1).await);
    }
    let mut late = server.connect_from(1).await;
    assert!(get_root(&mut late).await.starts_with("HTTP/1.1 200"));
    for stream in silent.iter_mut().take(9) {
        ended(stream).await;
    }
    assert!(get_root(&mut other).await.starts_with("HTTP/1.1 200"));
    server.end().await;
}

#[tokio::test]
async fn what_does_not_arrive_or_is_not_taken_is_not_waited_for() {
    let soon = Duration::from_millis(100);
    let large = format!("GET /large HTTP/1.1\r\n{HEAD}\r\n");
    let body = format!("POST /echo HTTP/1.1\r\n{HEAD}content-length: 9\r\n\r\nab");
    let short = |change: fn(&mut ConnectionLimits, Duration)| {
        let mut limits = LIMITS;
        change(&mut limits, soon);
        limits
    };
    let header = short(|limits, soon| limits.header_timeout = soon);
    let bodies = short(|limits, soon| limits.body_timeout = soon);
    for (limits, request, answer) in [
        (header, "", ""),
        (header, "GET / HTTP/1.1\r\n", ""),
        (bodies, &*body, "HTTP/1.1 400"),
    ] {
        let server = TestServer::start(limits).await;
        let mut stream = server.connect().await;
        send(&mut stream, request).await;
        let said = read_answer(&mut stream, "never").await;
        assert!(said.starts_with(answer), "{request}: {said}");
        assert_eq!(said.is_empty(), answer.is_empty(), "{request}: {said}");
        server.end().await;
    }
    let server = TestServer::start(bodies).await;
    let mut stream = server.connect().await;
    send(&mut stream, &large).await;
    stream.readable().await.unwrap();
    // It does not read on; the server ends all the same, which waits for its connections.
    server.end().await;
    assert!(read_answer(&mut stream, "never").await.len() < LARGE);
    let idle = short(|limits, soon| limits.idle_timeout = soon);
    let server = TestServer::start(idle).await;
    let mut stream = server.connect().await;
    assert!(get_root(&mut stream).await.starts_with("HTTP/1.1 200"));
    ended(&mut stream).await;
    server.end().await;
}

#[tokio::test]
async fn the_first_answer_after_the_lifetime_is_the_last() {
    let server = TestServer::start(ConnectionLimits {
        lifetime: Duration::ZERO,
        ..LIMITS
    })
    .await;
    let mut stream = server.connect().await;
    send(&mut stream, &format!("GET / HTTP/1.1\r\n{HEAD}\r\n")).await;
    let answer = read_answer(&mut stream, "never").await;
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.ends_with("ok\n"), "{answer}");
    server.end().await;
}

#[tokio::test]
async fn the_end_answers_what_is_under_way_and_waits_for_nothing_else() {
    let server = TestServer::start(LIMITS).await;
    let mut idle = server.connect().await;
    assert!(get_root(&mut idle).await.starts_with("HTTP/1.1 200"));
    let mut half = server.connect().await;
    send(&mut half, "GET / HT").await;
    let held = server.connect().await;
    let mut held = server.hold(held).await;
    let mut known = server.connect().await;
    assert!(get_root(&mut known).await.starts_with("HTTP/1.1 200"));
    server.stop.send(()).unwrap();
    for stream in [&mut idle, &mut half, &mut known] {
        ended(stream).await;
    }
    server.gate.add_permits(1);
    let answer = read_answer(&mut held, "never").await;
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.ends_with("held\n"), "{answer}");
    let ended = tokio::time::timeout(PATIENCE, server.serving).await;
    ended.expect("the server ends").unwrap();
}
