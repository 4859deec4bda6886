//! `envoy.service.auth.v3.Authorization` on tonic, and the net below it that turns every gRPC
//! error into a refusal.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, Full};
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tower_service::Service;

use super::answer::Answer;
use super::gate::Gate;
use super::refusal::Refusal;

/// The gRPC service's full name.
pub const SERVICE_NAME: &str = "envoy.service.auth.v3.Authorization";

const CHECK_PATH: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The service that Envoy calls.
#[derive(Clone)]
pub struct AuthorizationService {
    gate: Arc<Gate>,
    max_message_bytes: usize,
    key_wait: Duration,
}

impl AuthorizationService {
    /// A service that answers by `gate`, refuses larger messages, and waits at most `key_wait` for
    /// an issuer that may have new keys.
    pub fn new(gate: Arc<Gate>, max_message_bytes: usize, key_wait: Duration) -> Self {
        Self {
            gate,
            max_message_bytes,
            key_wait,
        }
    }
}

impl NamedService for AuthorizationService {
    const NAME: &'static str = SERVICE_NAME;
}

impl<B> Service<http::Request<B>> for AuthorizationService
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
        if request.uri().path() != CHECK_PATH {
            // Not a check, so nobody's request hangs on it.
            let unknown = Status::unimplemented("the service has one method: Check").into_http();
            return Box::pin(std::future::ready(Ok(unknown)));
        }
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}

impl AuthorizationService {
    async fn answer<B>(self, request: http::Request<B>) -> http::Response<Body>
    where
        B: HttpBody + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        let patience = patience(request.headers(), self.key_wait);
        let call = CheckCall {
            gate: Arc::clone(&self.gate),
            patience,
        };
        let response = Grpc::new(MessageCodec)
            .max_decoding_message_size(self.max_message_bytes)
            .unary(call, request)
            .await;
        // tonic ends a call in error by these headers alone: too large, cut off, compressed.
        if response.headers().contains_key("grpc-status") {
            tracing::warn!(
                grpc.status = ?response.headers().get("grpc-status"),
                grpc.message = ?response.headers().get("grpc-message"),
                "a check could not be read; it is refused"
            );
            return framed(&self.gate.refuse(Refusal::Unreadable));
        }
        response
    }
}

/// A successful gRPC response that holds `answer`.
fn framed(answer: &Answer) -> http::Response<Body> {
    let message = answer.as_bytes();
    let mut frame = BytesMut::with_capacity(message.len() + 5);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(0));
    frame.put_slice(message);
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    let body = Full::new(frame.freeze()).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = http::Response::new(Body::new(body));
    let content_type = http::HeaderValue::from_static("application/grpc");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, content_type);
    response
}

/// How long a check may wait: half of what the proxy has left, so that the answer still reaches it.
fn patience(headers: &http::HeaderMap, key_wait: Duration) -> Duration {
    let timeout = headers
        .get("grpc-timeout")
        .and_then(|value| value.to_str().ok())
        .and_then(parse_timeout);
    timeout.map_or(key_wait, |timeout| key_wait.min(timeout / 2))
}

/// `grpc-timeout`: up to eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

struct CheckCall {
    gate: Arc<Gate>,
    patience: Duration,
}

impl UnaryService<Bytes> for CheckCall {
    type Response = Answer;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Answer>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let gate = Arc::clone(&self.gate);
        let patience = self.patience;
        Box::pin(async move {
            let message = request.into_inner();
            Ok(tonic::Response::new(gate.check(&message, patience).await))
        })
    }
}

/// Hands messages over as they are: what is in them is read in place.
#[derive(Debug, Clone, Copy)]
struct MessageCodec;

impl Codec for MessageCodec {
    type Encode = Answer;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for MessageCodec {
    type Item = Answer;
    type Error = Status;

    fn encode(&mut self, answer: Answer, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(answer.as_bytes());
        Ok(())
    }
}

impl Decoder for MessageCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
