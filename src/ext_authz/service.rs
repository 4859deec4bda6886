//! `envoy.service.auth.v3.Authorization/Check` over HTTP/2: one request in, one answer out.
//!
//! There is no gRPC library in between. A check that cannot be read ends as a refusal, with
//! `grpc-status: 0` like every other answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use parking_lot::Mutex;

use super::answer::{Answer, EnvoyAnswers};
use super::attributes::MessageAttributes;
use super::message::{MessageError, MessageLimits, PREFIX_BYTES};
use super::request;
use crate::gate::{Gate, Refusal, Turn, Verifications, WaitLimits};

/// The gRPC service's full name.
pub const SERVICE_NAME: &str = "envoy.service.auth.v3.Authorization";

const CHECK_PATH: &str = "/envoy.service.auth.v3.Authorization/Check";

const GRPC: &str = "application/grpc";

// Statics, because a name is parsed where it is made.
static TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
static STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// How often the log tells at most of messages that are too large.
const OVERSIZED_REMIND: Duration = Duration::from_mins(1);

/// Whether this is a call of `Check`, however wrong it may be otherwise.
pub fn is_check(uri: &http::Uri) -> bool {
    uri.path() == CHECK_PATH
}

/// What checks may take. Shared by all threads.
#[derive(Debug)]
pub struct CheckLimits {
    messages: MessageLimits,
    waits: WaitLimits,
}

impl CheckLimits {
    /// Larger messages are refused; a check waits at most `key_wait` for an issuer that may have
    /// new keys, and takes at most `longest` where the proxy names no shorter timeout.
    pub fn new(max_message_bytes: usize, key_wait: Duration, longest: Duration) -> Self {
        Self {
            messages: MessageLimits::new(max_message_bytes),
            waits: WaitLimits { key_wait, longest },
        }
    }
}

/// What all threads share.
pub struct ExtAuthz {
    gate: Arc<Gate>,
    limits: CheckLimits,
    oversized: Oversized,
}

impl ExtAuthz {
    pub fn new(gate: Arc<Gate>, limits: CheckLimits) -> Self {
        Self {
            gate,
            limits,
            oversized: Oversized::default(),
        }
    }

    /// Answers a `CheckRequest`.
    pub async fn check(&self, message: &[u8], turn: &Turn<'_>) -> Answer {
        let attributes = MessageAttributes(message);
        let answering = {
            let read = request::read(&attributes, self.gate.aliases());
            self.gate.check(&EnvoyAnswers, read, turn)
        };
        answering.await
    }

    fn refuse(&self, refusal: &Refusal<'_>, arrived: Instant) -> Answer {
        self.gate.refuse(&EnvoyAnswers, refusal, arrived)
    }
}

/// Counts messages that are too large, and says when the log should tell of them: callers choose the bodies
/// that Envoy passes on.
#[derive(Debug, Default)]
struct Oversized(Mutex<OversizedState>);

#[derive(Debug, Default)]
struct OversizedState {
    told_at: Option<Instant>,
    /// Since then.
    count: u64,
}

impl Oversized {
    /// Counts one; how many there were since the log was told last, where it is to be told now.
    fn count(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock();
        state.count += 1;
        let is_recent = |told: Instant| now.saturating_duration_since(told) < OVERSIZED_REMIND;
        if state.told_at.is_some_and(is_recent) {
            return None;
        }
        state.told_at = Some(now);
        Some(std::mem::take(&mut state.count))
    }
}

/// Answers the checks of one thread.
#[derive(Clone)]
pub struct CheckService {
    shared: Arc<ExtAuthz>,
    verifications: Arc<Verifications>,
}

/// What the proxy says of a check beside its message.
struct Call {
    timeout: Option<Duration>,
    is_grpc: bool,
    arrived: Instant,
}

impl CheckService {
    /// Its clones share a thread, and verify signatures one at a time.
    pub fn new(shared: Arc<ExtAuthz>) -> Self {
        Self {
            shared,
            verifications: Arc::default(),
        }
    }

    /// Answers a check that arrived at this time.
    ///
    /// The future keeps no more of the request than its body. It is moved several times on its way into a
    /// task, and checks may carry 60 KiB of their caller's headers, which are not needed any more.
    pub fn answer<B>(
        self,
        request: http::Request<B>,
        arrived: Instant,
    ) -> impl Future<Output = http::Response<CheckBody>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let (head, body) = request.into_parts();
        let call = Call {
            timeout: proxy_timeout(&head.headers),
            is_grpc: head.method == Method::POST && speaks_grpc(&head.headers),
            arrived,
        };
        async move {
            let answering = self.read_and_check(call, body);
            // Around the reading of the message too: its bytes are a caller's.
            let answer = self.shared.gate.contain(&EnvoyAnswers, arrived, answering);
            let mut response = http::Response::new(CheckBody::of(&answer.await));
            let content_type = HeaderValue::from_static(GRPC);
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            response
        }
    }

    async fn read_and_check<B>(&self, call: Call, mut body: B) -> Answer
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let Call {
            timeout,
            is_grpc,
            arrived,
        } = call;
        let limits = &self.shared.limits;
        // From the arrival of the headers, which is when the proxy began to wait.
        let turn = Turn::within(timeout, arrived, &limits.waits, &self.verifications);
        let reading = limits.messages.read(&mut body);
        match tokio::time::timeout_at(turn.deadline().into(), reading).await {
            Ok(Ok(message)) if is_grpc => self.shared.check(&message, &turn).await,
            // Read to its end all the same: a stream that is reset is an error of the gate to a proxy.
            Ok(Ok(_)) => self.unreadable("it is not a gRPC call", arrived),
            Ok(Err(MessageError::Cancelled)) => self.shared.gate.refuse_unheard(&EnvoyAnswers),
            Ok(Err(MessageError::OutOfRoom)) => self.shared.refuse(&Refusal::Overload, arrived),
            Ok(Err(MessageError::TooLarge)) => self.too_large(arrived),
            Ok(Err(error)) => self.unreadable(&error.to_string(), arrived),
            Err(_) => {
                // The answer does not wait for the rest of the message, but the stream must not be
                // reset before it was sent.
                tokio::spawn(discard(body, limits.waits.longest));
                self.shared.refuse(&Refusal::Overload, arrived)
            }
        }
    }

    fn too_large(&self, arrived: Instant) -> Answer {
        if let Some(count) = self.shared.oversized.count(arrived) {
            tracing::warn!(
                max_bytes = self.shared.limits.messages.max_bytes(),
                checks = count,
                "checks were refused because their messages are too large: raise \
                 `listeners.authz.max_message_bytes`, or have Envoy send less of the body \
                 (`with_request_body.max_request_bytes`)"
            );
        }
        self.shared.refuse(&Refusal::TooLarge, arrived)
    }

    fn unreadable(&self, reason: &str, arrived: Instant) -> Answer {
        tracing::warn!(reason, "a check could not be read and was refused");
        self.shared.refuse(&Refusal::Unreadable, arrived)
    }
}

/// Reads and discards the rest of a body whose check has been answered, for at most `patience`.
///
/// Dropping the body would reset its stream, and frames that still arrive for reset streams count
/// against the connection. The number of these tasks is bounded by the number of open streams.
async fn discard<B>(mut body: B, patience: Duration)
where
    B: Body<Data = Bytes> + Unpin,
{
    let reading = async { while let Some(Ok(_)) = body.frame().await {} };
    // A body that takes longer is dropped, and its stream reset.
    let _ = tokio::time::timeout(patience, reading).await;
}

/// Whether the body is gRPC with a Protobuf message.
fn speaks_grpc(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = value.and_then(|value| value.strip_prefix(GRPC.as_bytes()));
    rest.is_some_and(|rest| rest.is_empty() || rest == b"+proto" || rest.starts_with(b";"))
}

/// How long the proxy waits for the answer, where it says so.
fn proxy_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(&TIMEOUT)?.to_str().ok()?;
    parse_timeout(text)
}

/// `grpc-timeout`: one to eight digits and a unit (gRPC over HTTP/2, "Timeout").
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    // `parse` would accept a plus sign.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || digits.is_empty() || digits.len() > 8 {
        return None;
    }
    // At most eight digits (the gRPC protocol's `TimeoutValue`), so that no product below overflows.
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

/// The body of an answer: one message, and trailers that say that the call succeeded.
#[derive(Debug)]
pub struct CheckBody {
    message: Option<Bytes>,
    ended: bool,
}

impl CheckBody {
    fn of(answer: &Answer) -> Self {
        let message = answer.as_bytes();
        let mut frame = BytesMut::with_capacity(PREFIX_BYTES + message.len());
        frame.put_u8(0);
        // Answers are far below 4 GiB. Too large a length would be an error to the proxy, where too
        // small a one could turn a refusal into an allow.
        frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        frame.put_slice(message);
        Self {
            message: Some(frame.freeze()),
            ended: false,
        }
    }
}

impl Body for CheckBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(message) = self.message.take() {
            return Poll::Ready(Some(Ok(Frame::data(message))));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        self.ended = true;
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert(&STATUS, HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_are_too_large_are_told_once_a_minute_with_their_number() {
        let oversized = Oversized::default();
        let start = Instant::now();
        for (seconds, expected) in [
            (0, Some(1)),
            (0, None),
            (59, None),
            // It arrived before, and was read after.
            (1, None),
            (60, Some(4)),
            (61, None),
            (200, Some(2)),
        ] {
            let found = oversized.count(start + Duration::from_secs(seconds));
            assert_eq!(found, expected, "{seconds}");
        }
    }

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        let rows = [
            ("8u", Some(Duration::from_micros(8))),
            ("7n", Some(Duration::from_nanos(7))),
            ("400m", Some(Duration::from_millis(400))),
            ("0S", Some(Duration::ZERO)),
            ("2S", Some(Duration::from_secs(2))),
            ("3M", Some(Duration::from_mins(3))),
            ("99999999H", Some(Duration::from_hours(99_999_999))),
            ("00000001S", Some(Duration::from_secs(1))),
            ("123456789m", None),
            ("", None),
            ("m", None),
            ("5", None),
            ("5s", None),
            ("+5m", None),
            ("-5m", None),
            (" 5m", None),
            ("5 m", None),
            ("5.5m", None),
            ("5m ", None),
            ("5ms", None),
            ("\u{664}m", None),
            ("5\u{b5}", None),
        ];
        for (text, timeout) in rows {
            assert_eq!(parse_timeout(text), timeout, "{text:?}");
        }
    }

    #[test]
    fn a_check_may_take_half_of_its_timeout_but_not_longer_than_the_longest() {
        let limits = CheckLimits::new(1, Duration::ZERO, Duration::from_secs(30));
        let (arrived, verifications) = (Instant::now(), Verifications::default());
        let patience = |timeout: Option<&[u8]>| {
            let value = timeout.map(|value| HeaderValue::from_bytes(value).unwrap());
            let headers = value.map(|value| (HeaderName::from_static("grpc-timeout"), value));
            let timeout = proxy_timeout(&headers.into_iter().collect());
            let turn = Turn::within(timeout, arrived, &limits.waits, &verifications);
            turn.deadline() - arrived
        };
        assert_eq!(patience(None), Duration::from_secs(30));
        for (text, expected) in [
            ("200m", Duration::from_millis(100)),
            ("1n", Duration::ZERO),
            ("59S", Duration::from_millis(29_500)),
            ("60S", Duration::from_secs(30)),
            ("61S", Duration::from_secs(30)),
            ("99999999H", Duration::from_secs(30)),
            ("soon", Duration::from_secs(30)),
            ("+5m", Duration::from_secs(30)),
        ] {
            assert_eq!(patience(Some(text.as_bytes())), expected, "{text}");
        }
        assert_eq!(patience(Some(b"\xff")), Duration::from_secs(30));
    }
}
