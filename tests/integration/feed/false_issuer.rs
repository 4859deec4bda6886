//! An issuer of another release, or of bad intent: it sends the frames that the test chooses.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use portcullis::feed::wire::{
    Frame, GateReport, Heartbeat, Hello, Keys, Kind, MessageCodec, PROTOCOL_VERSION, REPORT_PATH,
    ReportReply, Revocation, Revocations, SERVICE_NAME, SubscribeRequest,
};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};
use tower_service::Service;

use crate::test_issuer::ISSUER;

type Frames = mpsc::Sender<Result<Bytes, Status>>;

/// A server that hands each subscription to the test.
pub(crate) struct FalseIssuer {
    pub(crate) address: SocketAddr,
    subscriptions: Mutex<mpsc::Receiver<Subscription>>,
    reports: Mutex<mpsc::Receiver<GateReport>>,
    task: tokio::task::JoinHandle<()>,
}

/// What becomes of reports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reports {
    /// As by a release that does not know them.
    Unknown,
    Unanswered,
}

/// What a gate asked for, and the way back.
pub(crate) struct Subscription {
    pub(crate) request: SubscribeRequest,
    frames: Frames,
}

impl FalseIssuer {
    pub(crate) async fn start() -> Self {
        Self::with(Reports::Unknown).await
    }

    pub(crate) async fn with(reports: Reports) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (subscribed, subscriptions) = mpsc::channel(16);
        let (reported, received) = mpsc::channel(16);
        let feed = FalseFeed {
            subscribed,
            reported,
            reports,
        };
        let serving = tonic::transport::Server::builder()
            .add_service(feed)
            .serve_with_incoming(TcpListenerStream::new(listener));
        let task = tokio::spawn(async move { serving.await.unwrap() });
        Self {
            address,
            subscriptions: Mutex::new(subscriptions),
            reports: Mutex::new(received),
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("\"http://{}\"", self.address)
    }

    /// The next gate that subscribes.
    pub(crate) async fn subscription(&self) -> Subscription {
        let mut subscriptions = self.subscriptions.lock().await;
        let next = tokio::time::timeout(super::PATIENCE, subscriptions.recv()).await;
        next.unwrap().unwrap()
    }
}

impl FalseIssuer {
    /// The next report of a gate.
    pub(crate) async fn report(&self) -> GateReport {
        let mut reports = self.reports.lock().await;
        let next = tokio::time::timeout(super::PATIENCE, reports.recv()).await;
        next.unwrap().unwrap()
    }

    /// Whether a report has come since the last call.
    pub(crate) async fn has_report(&self) -> bool {
        self.reports.lock().await.try_recv().is_ok()
    }
}

impl Drop for FalseIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Subscription {
    pub(crate) async fn send(&self, kind: Kind) {
        self.send_bytes(Frame::encoded(kind)).await;
    }

    pub(crate) async fn send_bytes(&self, bytes: Bytes) {
        self.frames.send(Ok(bytes)).await.unwrap();
    }

    pub(crate) async fn greet(&self) {
        self.send(hello(ISSUER)).await;
    }

    pub(crate) async fn keys(&self, jwks: String) {
        let algorithms = vec!["ES256".to_owned()];
        self.send(Kind::Keys(Keys { jwks, algorithms })).await;
    }

    /// Rows with which everything up to `position` is known.
    pub(crate) async fn rows(&self, revocations: Vec<Revocation>, position: u64) {
        let cursor = Bytes::from(format!("cursor {position}"));
        let rows = Revocations {
            revocations,
            position,
            cursor,
        };
        self.send(Kind::Revocations(rows)).await;
        self.beat(position).await;
    }

    pub(crate) async fn beat(&self, position: u64) {
        self.beat_behind(position, 0).await;
    }

    /// Of an issuer that read its database so long ago.
    pub(crate) async fn beat_behind(&self, position: u64, behind_ms: u64) {
        let heartbeat = Heartbeat {
            position,
            issuer_time: 0,
            behind_ms,
        };
        self.send(Kind::Heartbeat(heartbeat)).await;
    }
}

/// With so much time between heartbeats that the test need not send any.
pub(crate) fn hello(issuer: &str) -> Kind {
    Kind::Hello(Hello {
        protocol_version: PROTOCOL_VERSION,
        issuer: issuer.to_owned(),
        resumed: false,
        heartbeat_ms: 60_000,
        subscription: Bytes::new(),
    })
}

/// The same from an issuer that wants reports.
pub(crate) fn hello_with(subscription: &'static [u8]) -> Kind {
    let Kind::Hello(hello) = hello(ISSUER) else {
        unreachable!("it is a greeting");
    };
    Kind::Hello(Hello {
        subscription: Bytes::from_static(subscription),
        ..hello
    })
}

#[derive(Clone)]
struct FalseFeed {
    subscribed: mpsc::Sender<Subscription>,
    reported: mpsc::Sender<GateReport>,
    reports: Reports,
}

impl NamedService for FalseFeed {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<http::Request<Body>> for FalseFeed {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let feed = self.clone();
        if request.uri().path() == REPORT_PATH {
            return Box::pin(async move {
                let codec = MessageCodec::<ReportReply, GateReport>::default();
                Ok(Grpc::new(codec).unary(feed, request).await)
            });
        }
        Box::pin(async move {
            let codec = MessageCodec::<Bytes, SubscribeRequest>::default();
            Ok(Grpc::new(codec).server_streaming(feed, request).await)
        })
    }
}

impl UnaryService<GateReport> for FalseFeed {
    type Response = ReportReply;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ReportReply>, Status>> + Send>>;

    fn call(&mut self, request: Request<GateReport>) -> Self::Future {
        let feed = self.clone();
        Box::pin(async move {
            feed.reported.send(request.into_inner()).await.unwrap();
            if feed.reports == Reports::Unanswered {
                std::future::pending::<()>().await;
            }
            Err(Status::unimplemented("the service has one method"))
        })
    }
}

impl ServerStreamingService<SubscribeRequest> for FalseFeed {
    type Response = Bytes;
    type ResponseStream = ReceiverStream<Result<Bytes, Status>>;
    type Future =
        Pin<Box<dyn Future<Output = Result<Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: Request<SubscribeRequest>) -> Self::Future {
        let subscriptions = self.subscribed.clone();
        Box::pin(async move {
            let (frames, receiver) = mpsc::channel(16);
            let request = request.into_inner();
            let subscription = Subscription { request, frames };
            subscriptions.send(subscription).await.unwrap();
            Ok(Response::new(ReceiverStream::new(receiver)))
        })
    }
}
