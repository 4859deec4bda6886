//! The feed's messages: `proto/portcullis/feed/v1/feed.proto` in Rust.

use std::marker::PhantomData;

use bytes::{BufMut, Bytes};
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use crate::clock::UnixSeconds;
use crate::revocation;
use crate::token::{LogPosition, Mark};

/// What this release speaks. A gate of version 1 does not ask about roles and owners, and would let
/// through what they take back.
pub const PROTOCOL_VERSION: u32 = 2;

/// The gRPC service's full name.
pub const SERVICE_NAME: &str = "portcullis.feed.v1.Feed";

/// Its one method.
pub const SUBSCRIBE_PATH: &str = "/portcullis.feed.v1.Feed/Subscribe";

/// How many revocations go into one frame.
pub const ROWS_PER_FRAME: usize = 2000;

/// The largest frame that is read: a JWKS of the largest size, and some room.
pub const MAX_FRAME_BYTES: usize = 2 << 20;

/// What a gate asks for.
#[derive(Clone, PartialEq, Message)]
pub struct SubscribeRequest {
    /// What the gate speaks.
    #[prost(uint32, tag = "1")]
    pub protocol_version: u32,
    /// Whose feed it takes this for.
    #[prost(string, tag = "2")]
    pub issuer: String,
    /// The last that came.
    #[prost(bytes = "bytes", tag = "3")]
    pub cursor: Bytes,
}

/// What a server sends.
#[derive(Clone, PartialEq, Message)]
pub struct Frame {
    /// Absent where it is of a kind that this release does not know.
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4")]
    pub kind: Option<Kind>,
}

/// The kinds of frames.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Kind {
    /// The first one.
    #[prost(message, tag = "1")]
    Hello(Hello),
    /// All keys.
    #[prost(message, tag = "2")]
    Keys(Keys),
    /// Rows of the log.
    #[prost(message, tag = "3")]
    Revocations(Revocations),
    /// Sent now and then.
    #[prost(message, tag = "4")]
    Heartbeat(Heartbeat),
}

/// Who speaks.
#[derive(Clone, PartialEq, Message)]
pub struct Hello {
    /// What the server speaks.
    #[prost(uint32, tag = "1")]
    pub protocol_version: u32,
    /// Whose feed it is.
    #[prost(string, tag = "2")]
    pub issuer: String,
    /// Whether it goes on from the cursor.
    #[prost(bool, tag = "3")]
    pub resumed: bool,
    /// The time between heartbeats.
    #[prost(uint32, tag = "4")]
    pub heartbeat_ms: u32,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct Keys {
    /// RFC 7517 section 5.
    #[prost(string, tag = "1")]
    pub jwks: String,
    /// What the issuer signs with.
    #[prost(string, repeated, tag = "2")]
    pub algorithms: Vec<String>,
}

/// Rows of the log.
#[derive(Clone, PartialEq, Message)]
pub struct Revocations {
    /// In the log's order, or as a snapshot has them.
    #[prost(message, repeated, tag = "1")]
    pub revocations: Vec<Revocation>,
    /// How much of the log is known with this frame.
    #[prost(uint64, tag = "2")]
    pub position: u64,
    /// Empty where further frames belong to this one.
    #[prost(bytes = "bytes", tag = "3")]
    pub cursor: Bytes,
}

/// A row of the log.
#[derive(Clone, PartialEq, Message)]
pub struct Revocation {
    /// Where it stands.
    #[prost(uint64, tag = "1")]
    pub position: u64,
    /// Until when it is needed.
    #[prost(int64, tag = "2")]
    pub expires_at: i64,
    /// Absent where it is of a kind that this release does not know.
    #[prost(oneof = "RevokedTokens", tags = "3, 4")]
    pub subject: Option<RevokedTokens>,
}

/// Whose tokens are taken back.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum RevokedTokens {
    /// Those with this mark.
    #[prost(bytes = "bytes", tag = "3")]
    Mark(Bytes),
    /// All.
    #[prost(message, tag = "4")]
    Everyone(Everyone),
}

/// No choice.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Everyone {}

/// The server lives, and this is what it knows.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Heartbeat {
    /// How much of the log was sent.
    #[prost(uint64, tag = "1")]
    pub position: u64,
    /// The issuer's time.
    #[prost(int64, tag = "2")]
    pub issuer_time: i64,
    /// How long ago the issuer read the log.
    #[prost(uint64, tag = "3")]
    pub behind_ms: u64,
}

impl Frame {
    /// A frame, ready to be sent to whoever subscribes.
    pub fn encoded(kind: Kind) -> Bytes {
        Self { kind: Some(kind) }.encode_to_vec().into()
    }
}

impl From<&revocation::Revocation> for Revocation {
    fn from(row: &revocation::Revocation) -> Self {
        let subject = match row.mark {
            Some(mark) => RevokedTokens::Mark(Bytes::copy_from_slice(&mark.0.to_be_bytes())),
            None => RevokedTokens::Everyone(Everyone {}),
        };
        Self {
            position: row.position.0,
            expires_at: row.expires_at.0,
            subject: Some(subject),
        }
    }
}

/// A row as a gate takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Understood {
    /// Every part of it.
    Wholly(revocation::Revocation),
    /// A newer issuer wrote it. Whomever it concerns: everyone is the safe reading.
    AsEveryone(revocation::Revocation),
}

impl Revocation {
    /// Reads a row, so that nothing is let through which it may mean.
    pub fn understand(&self) -> Understood {
        let row = |mark| revocation::Revocation {
            position: LogPosition(self.position),
            mark,
            expires_at: UnixSeconds(self.expires_at),
        };
        match &self.subject {
            Some(RevokedTokens::Everyone(_)) => Understood::Wholly(row(None)),
            Some(RevokedTokens::Mark(mark)) => match <[u8; 16]>::try_from(mark.as_ref()) {
                Ok(bytes) => Understood::Wholly(row(Some(Mark(u128::from_be_bytes(bytes))))),
                Err(_) => Understood::AsEveryone(row(None)),
            },
            None => Understood::AsEveryone(row(None)),
        }
    }
}

/// Writes `E`, which may be encoded already, and reads `D`.
#[derive(Debug)]
pub struct MessageCodec<E, D>(PhantomData<fn(E) -> D>);

impl<E, D> Default for MessageCodec<E, D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

pub trait Outgoing: Send + 'static {
    /// Appends its bytes.
    fn write(self, buffer: &mut EncodeBuf<'_>) -> Result<(), Status>;
}

impl Outgoing for Bytes {
    fn write(self, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&self);
        Ok(())
    }
}

impl Outgoing for SubscribeRequest {
    fn write(self, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        self.encode(buffer)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl<E: Outgoing, D: Message + Default + 'static> Codec for MessageCodec<E, D> {
    type Encode = E;
    type Decode = D;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<E: Outgoing, D> Encoder for MessageCodec<E, D> {
    type Item = E;
    type Error = Status;

    fn encode(&mut self, item: E, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.write(buffer)
    }
}

impl<E, D: Message + Default> Decoder for MessageCodec<E, D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        match D::decode(buffer) {
            Ok(message) => Ok(Some(message)),
            Err(error) => Err(Status::invalid_argument(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
