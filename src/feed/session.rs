//! One subscription, from the connection to its end.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::uri::PathAndQuery;
use tokio::time::{Instant, timeout};
use tonic::client::Grpc;
use tonic::{Code, Request, Status, Streaming};

use super::about::GateView;
use super::held::Held;
use super::knowledge::Knowledge;
use super::reached::ViolationError;
use super::reporting::Reporter;
use super::transport::{Connection, Transport};
use super::wire::{
    Frame, Hello, Kind, MAX_FRAME_BYTES, MessageCodec, PROTOCOL_VERSION, SUBSCRIBE_PATH,
    SubscribeRequest,
};
use crate::problem::with_causes;

/// The longest that the answer to a subscription may take: the issuer may have to encode much.
const FIRST_FRAME: Duration = Duration::from_secs(10);

/// A connection that has lived for so long was not a failure.
pub(super) const HEALTHY: Duration = Duration::from_secs(10);

/// So many heartbeats may be missing.
const MISSED_HEARTBEATS: u32 = 3;

/// What an issuer may choose for the time between heartbeats, in milliseconds.
const HEARTBEAT_BOUNDS_MS: (u32, u32) = (100, 60_000);

/// Why a subscription ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("cannot connect: {0}")]
    Unreachable(String),
    #[error("refused: {0}")]
    Refused(String),
    #[error("interrupted: {0}")]
    Broken(String),
    #[error("nothing was received for {0:?}")]
    Silent(Duration),
    #[error("it is the feed of another issuer, `{0}`: compare `trust.issuer` and `feed.addresses`")]
    OtherIssuer(String),
    #[error("it did not begin with a greeting: is this the address of a feed?")]
    NoGreeting,
    #[error("it cannot be followed: {0}")]
    Violation(#[from] ViolationError),
}

/// A subscription that was greeted, and of which nothing has been taken yet.
pub(super) struct Session {
    frames: Streaming<Frame>,
    address: Uri,
    resumed: bool,
    /// The longest silence that the issuer's heartbeats allow.
    patience: Duration,
    /// To be run beside it, for a gate that tells of itself.
    reporter: Reporter,
    _connection: Grpc<Connection>,
}

/// Subscribes at `address`, up to the greeting.
pub(super) async fn open(
    transport: &Transport,
    address: &Uri,
    knowledge: &Knowledge,
) -> Result<Session, SessionError> {
    let connection = transport
        .connect(address)
        .await
        .map_err(SessionError::Unreachable)?;
    let mut grpc = Grpc::with_origin(connection.clone(), address.clone())
        .max_decoding_message_size(MAX_FRAME_BYTES);
    let codec = MessageCodec::<SubscribeRequest, Frame>::default();
    let path = PathAndQuery::from_static(SUBSCRIBE_PATH);
    let subscribing = async {
        let ready = grpc.ready().await;
        ready.map_err(|error| SessionError::Broken(with_causes(&error)))?;
        let request = request(transport, knowledge);
        let answer = grpc.server_streaming(request, path, codec).await;
        answer.map_err(|status| refused(&status))
    };
    // One limit for all steps up to the answer: a server that accepts a connection and says nothing
    // must not hold a gate that could ask another address.
    let frames = timeout(FIRST_FRAME, subscribing).await;
    let mut frames = frames
        .map_err(|_| SessionError::Silent(FIRST_FRAME))??
        .into_inner();
    let greeting = greet(&mut frames, knowledge).await?;
    let Greeting {
        resumed,
        patience,
        subscription,
    } = greeting;
    let credential = transport.credential.clone();
    Ok(Session {
        frames,
        address: address.clone(),
        resumed,
        patience,
        reporter: Reporter::new(connection, address.clone(), subscription, credential),
        _connection: grpc,
    })
}

impl Session {
    /// Takes what comes, until it ends. The issuer is told of `gate` meanwhile.
    pub(super) async fn follow(
        self,
        knowledge: &Knowledge,
        gate: Option<&GateView>,
    ) -> SessionError {
        self.note(knowledge);
        let Self {
            frames,
            address,
            resumed,
            patience,
            reporter,
            _connection,
        } = self;
        let tell = || tell(knowledge, &address, resumed);
        if !is_unsteady(knowledge) {
            tell();
        }
        let reporting = async {
            match gate {
                Some(gate) => reporter.run(knowledge, gate).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            end = take(frames, patience, knowledge, tell) => match end {
                Ok(never) => match never {},
                Err(end) => end,
            },
            never = reporting => match never {},
        }
    }

    fn note(&self, knowledge: &Knowledge) {
        let now = knowledge.origin.clock.now();
        knowledge.state.send_modify(|state| {
            state.connected = true;
            state.connected_since = Some(now);
            state.connections += 1;
            state.resumed += u64::from(self.resumed);
            state.address = Some(self.address.to_string());
        });
    }
}

fn tell(knowledge: &Knowledge, address: &Uri, resumed: bool) {
    tracing::info!(
        token.issuer = &*knowledge.origin.issuer,
        feed.address = %address,
        feed.resumed = resumed,
        "the feed is connected"
    );
}

async fn take(
    mut frames: Streaming<Frame>,
    patience: Duration,
    knowledge: &Knowledge,
    tell: impl Fn(),
) -> Result<Infallible, SessionError> {
    let (mut held, began) = (Held::default(), Instant::now());
    loop {
        // One that breaks again in a moment is not news.
        if began.elapsed() >= HEALTHY && is_unsteady(knowledge) {
            knowledge.state.send_modify(|state| state.repeats = 0);
            tell();
        }
        // A frame without a kind is of a newer issuer.
        if let Some(frame) = next(&mut frames, patience).await? {
            held.receive(frame, knowledge)?;
        }
    }
}

/// Whether connections are made, and break soon for the same reason.
fn is_unsteady(knowledge: &Knowledge) -> bool {
    knowledge.state.borrow().repeats > 0
}

fn request(transport: &Transport, knowledge: &Knowledge) -> Request<SubscribeRequest> {
    let mut request = Request::new(SubscribeRequest {
        protocol_version: PROTOCOL_VERSION,
        issuer: knowledge.origin.issuer.to_string(),
        cursor: knowledge.cursor(),
        instance: knowledge.origin.instance.clone(),
    });
    if let Some(credential) = &transport.credential {
        request
            .metadata_mut()
            .insert("authorization", credential.clone());
    }
    request
}

/// What a greeting says.
struct Greeting {
    /// Whether it goes on from the cursor.
    resumed: bool,
    /// The longest silence that the issuer's heartbeats allow.
    patience: Duration,
    /// What reports name.
    subscription: Bytes,
}

async fn greet(
    frames: &mut Streaming<Frame>,
    knowledge: &Knowledge,
) -> Result<Greeting, SessionError> {
    let Some(Kind::Hello(hello)) = next(frames, FIRST_FRAME).await? else {
        return Err(SessionError::NoGreeting);
    };
    let Hello {
        issuer,
        resumed,
        heartbeat_ms,
        subscription,
        protocol_version: _,
    } = hello;
    // Revocations and keys of another issuer, taken for this one's, would let tokens of strangers pass
    // and revoked ones of this issuer live.
    if *issuer != *knowledge.origin.issuer {
        return Err(SessionError::OtherIssuer(issuer));
    }
    let (least, most) = HEARTBEAT_BOUNDS_MS;
    // The other end chooses how often it is heard, within bounds: neither may it have the gate
    // disconnect all the time, nor keep it waiting on a dead connection for long.
    let heartbeat = Duration::from_millis(heartbeat_ms.clamp(least, most).into());
    Ok(Greeting {
        resumed,
        patience: heartbeat * MISSED_HEARTBEATS,
        subscription,
    })
}

/// The next frame; nothing in it where it is of an unknown kind.
async fn next(
    frames: &mut Streaming<Frame>,
    patience: Duration,
) -> Result<Option<Kind>, SessionError> {
    let frame = timeout(patience, frames.message()).await;
    match frame.map_err(|_| SessionError::Silent(patience))? {
        Ok(Some(frame)) => Ok(frame.kind),
        Ok(None) => Err(SessionError::Broken("the issuer ended it".to_owned())),
        Err(status) => Err(refused(&status)),
    }
}

fn refused(status: &Status) -> SessionError {
    let text = status.message().to_owned();
    // Made by the transport and not by the server, although it looks like an answer: the connection
    // broke.
    if let Some(cause) = std::error::Error::source(status) {
        return SessionError::Broken(with_causes(cause));
    }
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied | Code::FailedPrecondition => {
            SessionError::Refused(text)
        }
        Code::Unimplemented => {
            SessionError::Refused(format!("{text}: is this the address of a feed?"))
        }
        _ => SessionError::Broken(text),
    }
}
