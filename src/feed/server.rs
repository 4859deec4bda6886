//! `portcullis.feed.v1.Feed` on tonic: who may subscribe and report, and how slow one may be.

use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as HttpBody;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, ServerStreamingService, UnaryService};
use tower_service::Service;

use super::hub::{Arriving, Gate, Hub, InstanceId, ReportError, Subscription, SubscriptionId};
use super::listener::FeedListener;
use super::wire::{
    GateReport, MessageCodec, PROTOCOL_VERSION, REPORT_PATH, ReportReply, SERVICE_NAME,
    SUBSCRIBE_PATH, SubscribeRequest,
};
use crate::files::{self, FileError};
use crate::token::{LogPosition, secret_in_file};

/// The longest that a subscriber may leave a frame unread.
const PATIENCE: Duration = Duration::from_secs(10);

/// Frames on their way to one subscriber.
const FRAMES_UNDERWAY: usize = 16;

/// The shortest token that is accepted, in bytes: whoever guesses it learns who is revoked.
const MIN_TOKEN_BYTES: usize = 16;

/// A subscriber's request is small.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// And so is what a gate tells of itself.
const MAX_REPORT_BYTES: usize = 8 * 1024;

/// The service that gates call.
#[derive(Clone)]
pub struct FeedService {
    hub: Arc<Hub>,
    /// Of the token that callers show.
    token: Option<blake3::Hash>,
    places: Arc<Semaphore>,
}

/// Why the feed cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum FeedServiceError {
    /// A file of the section.
    #[error("`listeners.feed.token_file`: {0}")]
    File(#[from] FileError),
    /// A token that can be guessed, or that no header can carry.
    #[error(
        "`listeners.feed.token_file: {}` must hold one line of at least {MIN_TOKEN_BYTES} printable \
         ASCII characters without spaces: `openssl rand -hex 32` makes one", .0.display()
    )]
    WeakToken(PathBuf),
}

/// Who may subscribe.
pub struct FeedAccess {
    /// Of the token that callers show.
    token: Option<blake3::Hash>,
}

impl FeedAccess {
    pub fn read(listener: &FeedListener) -> Result<Self, FeedServiceError> {
        let token = match &listener.token_file {
            Some(path) => {
                let text = files::read_secret(path)?;
                let token = secret_in_file(&text);
                if token.len() < MIN_TOKEN_BYTES || !token.iter().all(u8::is_ascii_graphic) {
                    return Err(FeedServiceError::WeakToken(path.clone()));
                }
                Some(blake3::hash(token))
            }
            None => None,
        };
        Ok(Self { token })
    }
}

impl FeedService {
    /// A service for `hub`.
    pub fn new(hub: Arc<Hub>, access: &FeedAccess, max_subscribers: usize) -> Self {
        Self {
            hub,
            token: access.token,
            places: Arc::new(Semaphore::new(max_subscribers)),
        }
    }

    fn admit(&self, request: &tonic::Request<SubscribeRequest>) -> Result<(), Status> {
        self.check_token(request)?;
        let message = request.get_ref();
        // Neither older nor newer: a gate that does not know a kind of revocation would let through
        // what it revokes.
        if message.protocol_version != PROTOCOL_VERSION {
            return Err(Status::failed_precondition(format!(
                "this issuer speaks version {PROTOCOL_VERSION} of the feed, not {}: update the \
                 older of the two",
                message.protocol_version
            )));
        }
        if message.issuer != self.hub.issuer() {
            return Err(Status::failed_precondition(format!(
                "this is the feed of another issuer: {}",
                self.hub.issuer()
            )));
        }
        Ok(())
    }

    fn check_token<M>(&self, request: &tonic::Request<M>) -> Result<(), Status> {
        let Some(expected) = &self.token else {
            return Ok(());
        };
        let header = request.metadata().get("authorization");
        let shown = header.and_then(|value| value.as_encoded_bytes().strip_prefix(b"Bearer "));
        match shown {
            // Hashes compare in constant time.
            Some(shown) if blake3::hash(shown) == *expected => Ok(()),
            Some(_) => Err(Status::unauthenticated(
                "the feed's token is wrong: compare `feed.token_file` with the issuer's",
            )),
            None => Err(Status::unauthenticated(
                "the feed asks for a token: set `feed.token_file`",
            )),
        }
    }

    async fn subscribe(
        self,
        request: tonic::Request<SubscribeRequest>,
    ) -> Result<tonic::Response<ReceiverStream<Result<Bytes, Status>>>, Status> {
        let place = self.admit(&request).and_then(|()| {
            // Only after the token was checked: strangers must not use up the places of gates.
            let place = Arc::clone(&self.places).try_acquire_owned();
            place.map_err(|_| Status::resource_exhausted("the feed has no room for another gate"))
        });
        let place = place.inspect_err(|status| {
            self.hub.counts.refused.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                feed.reason = status.message(),
                "refused a gate's subscription to the feed"
            );
        })?;
        let address = request.remote_addr();
        let id = SubscriptionId::random();
        let arriving = Arriving {
            subscription: id,
            address,
            instance: InstanceId::read(&request.get_ref().instance),
        };
        let subscribing = self.hub.subscribe(&request.get_ref().cursor, id);
        let subscription = subscribing.await.map_err(|error| {
            tracing::error!(%error, "cannot give a gate the revocations");
            Status::unavailable("the revocations could not be encoded: subscribe again")
        })?;
        // Few: what a slow gate does not read stays in the one buffer of the hub, which all share, and
        // not in one for each gate.
        let (sender, receiver) = mpsc::channel(FRAMES_UNDERWAY);
        let subscriber = Subscriber {
            present: Present::new(Arc::clone(&self.hub), &arriving),
            _place: place,
            sender,
        };
        tokio::spawn(subscriber.serve(subscription));
        Ok(tonic::Response::new(ReceiverStream::new(receiver)))
    }

    fn report(
        &self,
        request: &tonic::Request<GateReport>,
    ) -> Result<tonic::Response<ReportReply>, Status> {
        self.check_token(request)?;
        // Without a line in the log: a gate that reports wrongly could fill it.
        let refused = |error: ReportError| match error {
            ReportError::UnknownSubscription => Status::not_found(error.to_string()),
            ReportError::TooSoon => Status::resource_exhausted(error.to_string()),
        };
        self.hub.report(request.get_ref()).map_err(refused)?;
        Ok(tonic::Response::new(ReportReply {}))
    }
}

/// One gate that listens.
struct Subscriber {
    present: Present,
    _place: OwnedSemaphorePermit,
    sender: mpsc::Sender<Result<Bytes, Status>>,
}

/// Why a subscription ends.
enum SubscriptionEnd {
    Gone,
    TooSlow,
    OtherLog,
}

impl Subscriber {
    async fn serve(self, subscription: Subscription) {
        let end = self.send_all(subscription).await;
        let status = match end {
            SubscriptionEnd::Gone => return,
            SubscriptionEnd::TooSlow => {
                let cut = &self.present.hub.counts.cut;
                cut.fetch_add(1, Ordering::Relaxed);
                // It has missed frames, and those that follow would leave a gap. When it comes back it
                // resumes from its cursor.
                Status::resource_exhausted("the feed was read too slowly: subscribe again")
            }
            SubscriptionEnd::OtherLog => {
                Status::unavailable("the revocation log was replaced: resume")
            }
        };
        // Whoever reads nothing does not read this either; the stream ends all the same.
        let _ = self.sender.try_send(Err(status));
    }

    async fn send_all(&self, subscription: Subscription) -> SubscriptionEnd {
        let Subscription {
            first,
            position,
            mut frames,
        } = subscription;
        for frame in first {
            if let Err(end) = self.send(frame).await {
                return end;
            }
        }
        self.present.took(position);
        loop {
            let received = tokio::select! {
                received = frames.recv() => received,
                () = self.sender.closed() => return SubscriptionEnd::Gone,
            };
            let sent = match received {
                Ok(update) => {
                    let sent = self.send(update.frame).await;
                    sent.map(|()| self.present.took(update.position))
                }
                // Frames are lost to it: it has to resume from its cursor, because without them it
                // would let revoked tokens pass.
                Err(RecvError::Lagged(_)) => Err(SubscriptionEnd::TooSlow),
                Err(RecvError::Closed) => Err(SubscriptionEnd::OtherLog),
            };
            if let Err(end) = sent {
                return end;
            }
        }
    }

    async fn send(&self, frame: Bytes) -> Result<(), SubscriptionEnd> {
        match self.sender.send_timeout(Ok(frame), PATIENCE).await {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(SubscriptionEnd::TooSlow),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(SubscriptionEnd::Gone),
        }
    }
}

/// Counted among the subscribers, and listed among the gates.
struct Present {
    hub: Arc<Hub>,
    gate: Arc<Gate>,
}

impl Present {
    fn new(hub: Arc<Hub>, arriving: &Arriving) -> Self {
        hub.counts.subscribers.fetch_add(1, Ordering::Relaxed);
        let gate = hub.enter(arriving);
        Self { hub, gate }
    }

    fn took(&self, position: LogPosition) {
        self.hub.note(&self.gate, position);
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.hub.counts.subscribers.fetch_sub(1, Ordering::Relaxed);
        self.hub.leave(&self.gate);
    }
}

impl NamedService for FeedService {
    const NAME: &'static str = SERVICE_NAME;
}

impl<B> Service<http::Request<B>> for FeedService
where
    B: HttpBody + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let service = self.clone();
        match request.uri().path() {
            SUBSCRIBE_PATH => Box::pin(async move {
                let codec = MessageCodec::<Bytes, SubscribeRequest>::default();
                let mut grpc = Grpc::new(codec).max_decoding_message_size(MAX_REQUEST_BYTES);
                Ok(grpc.server_streaming(SubscribeCall(service), request).await)
            }),
            REPORT_PATH => Box::pin(async move {
                let codec = MessageCodec::<ReportReply, GateReport>::default();
                let mut grpc = Grpc::new(codec).max_decoding_message_size(MAX_REPORT_BYTES);
                Ok(grpc.unary(ReportCall(service), request).await)
            }),
            _ => {
                let unknown = "the service has the methods Subscribe and Report";
                let unknown = Status::unimplemented(unknown);
                Box::pin(std::future::ready(Ok(unknown.into_http())))
            }
        }
    }
}

struct SubscribeCall(FeedService);

impl ServerStreamingService<SubscribeRequest> for SubscribeCall {
    type Response = Bytes;
    type ResponseStream = ReceiverStream<Result<Bytes, Status>>;
    type Future =
        Pin<Box<dyn Future<Output = Result<tonic::Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<SubscribeRequest>) -> Self::Future {
        Box::pin(self.0.clone().subscribe(request))
    }
}

struct ReportCall(FeedService);

impl UnaryService<GateReport> for ReportCall {
    type Response = ReportReply;
    type Future = std::future::Ready<Result<tonic::Response<ReportReply>, Status>>;

    fn call(&mut self, request: tonic::Request<GateReport>) -> Self::Future {
        std::future::ready(self.0.report(&request))
    }
}

#[cfg(test)]
mod tests;
