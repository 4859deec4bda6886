//! The client of all measurements: one HTTP/2 connection, messages made beforehand, and as many
//! calls under way as asked for. It runs in the process of the report, never under valgrind.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{BufMut, Bytes, BytesMut};
use envoy_types::ext_authz::v3::pb::CheckResponse;
use h2::client::SendRequest;
use http::{Method, Request, Version};
use prost::Message;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const URI: &str = "http://portcullis/envoy.service.auth.v3.Authorization/Check";

/// What every answer of a load must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Allowed,
    Refused,
}

/// Checks to be sent.
#[derive(Clone)]
pub(crate) struct Load {
    /// Gives the message of each check by its number.
    pub(crate) message: Arc<dyn Fn(usize) -> Bytes + Send + Sync>,
    /// The most calls under way at a time.
    pub(crate) in_flight: usize,
    /// What every answer must be.
    pub(crate) expected: Expected,
}

/// A connection to a server.
#[derive(Clone)]
pub(crate) struct Client {
    sender: SendRequest<Bytes>,
}

impl Client {
    /// Connects; the connection is served by a task of the present runtime.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(async move {
            // The server's end of the connection is its own affair.
            let _ = connection.await;
        });
        Self { sender }
    }

    /// Sends the checks numbered `numbers`.
    pub(crate) async fn run(&self, load: &Load, numbers: std::ops::Range<usize>) {
        let next = Arc::new(AtomicUsize::new(numbers.start));
        let mut workers = JoinSet::new();
        for _ in 0..load.in_flight {
            let (client, load, next) = (self.clone(), load.clone(), Arc::clone(&next));
            workers.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        break;
                    }
                    let answer = client.check((load.message)(number)).await;
                    assert_eq!(outcome(&answer), load.expected, "check {number}");
                }
            });
        }
        while let Some(worker) = workers.join_next().await {
            worker.unwrap();
        }
    }

    /// Sends one check.
    #[cfg(feature = "issuer")]
    pub(crate) async fn ask(&self, message: Bytes) -> Expected {
        outcome(&self.check(message).await)
    }

    /// One unary call, sent as Envoy sends it: headers, then one data frame that ends the stream.
    async fn check(&self, message: Bytes) -> Bytes {
        let request = Request::builder()
            .method(Method::POST)
            .uri(URI)
            .version(Version::HTTP_2)
            .header("te", "trailers")
            // Longer than Envoy's usual 250 ms: under an instruction counter a check takes fifty times
            // as long, and would be refused when half of it has passed.
            .header("grpc-timeout", "60S")
            .header("content-type", "application/grpc")
            .header("x-envoy-internal", "true")
            .header("x-forwarded-for", "10.1.9.203")
            .header("x-envoy-expected-rq-timeout-ms", "250")
            .body(())
            .unwrap();
        let mut sender = self.sender.clone().ready().await.unwrap();
        let (response, mut stream) = sender.send_request(request, false).unwrap();
        stream.send_data(framed(&message), true).unwrap();
        let mut body = response.await.unwrap().into_body();
        let mut answer = BytesMut::new();
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            answer.extend_from_slice(&data);
        }
        let trailers = body.trailers().await.unwrap();
        assert!(trailers.is_some_and(|trailers| trailers["grpc-status"] == "0"));
        answer.split_off(5).freeze()
    }
}

/// A message with its length before it (gRPC over HTTP/2, "Length-Prefixed-Message").
fn framed(message: &Bytes) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.put_slice(message);
    frame.freeze()
}

fn outcome(answer: &[u8]) -> Expected {
    let answer = CheckResponse::decode(answer).unwrap();
    match answer.status.map_or(0, |status| status.code) {
        0 => Expected::Allowed,
        _ => Expected::Refused,
    }
}
