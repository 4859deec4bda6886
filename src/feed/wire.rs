//! The feed's messages: `proto/portcullis/feed/v1/feed.proto` in Rust.

use std::marker::PhantomData;

use bytes::{BufMut, Bytes};
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use crate::clock::UnixSeconds;
use crate::revocation;
use crate::token::{LogPosition, Mark};

/// The version of this release. A gate of version 1 does not ask about roles and owners, and would let
/// through what they revoke.
pub const PROTOCOL_VERSION: u32 = 2;

/// The gRPC service's full name.
pub const SERVICE_NAME: &str = "portcullis.feed.v1.Feed";

/// Its method for keys and revocations.
pub const SUBSCRIBE_PATH: &str = "/portcullis.feed.v1.Feed/Subscribe";

/// Its method for what a gate tells of itself.
pub const REPORT_PATH: &str = "/portcullis.feed.v1.Feed/Report";

/// How many revocations go into one frame.
pub const ROWS_PER_FRAME: usize = 2000;

/// The largest frame that is read: a JWKS of the largest size, and some room.
pub const MAX_FRAME_BYTES: usize = 2 << 20;

/// What a gate sends to subscribe.
#[derive(Clone, PartialEq, Message)]
pub struct SubscribeRequest {
    /// The version that the gate speaks.
    #[prost(uint32, tag = "1")]
    pub protocol_version: u32,
    /// The issuer that the gate expects here.
    #[prost(string, tag = "2")]
    pub issuer: String,
    /// The last cursor that it received; empty for a snapshot.
    #[prost(bytes = "bytes", tag = "3")]
    pub cursor: Bytes,
    /// The process of the gate, in whichever subscription; empty for a gate of an older release.
    #[prost(bytes = "bytes", tag = "4")]
    pub instance: Bytes,
}

/// What an issuer sends.
#[derive(Clone, PartialEq, Message)]
pub struct Frame {
    /// `None` for a kind that this release does not know.
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
    /// Sent at a fixed interval.
    #[prost(message, tag = "4")]
    Heartbeat(Heartbeat),
}

/// The greeting of an issuer.
#[derive(Clone, PartialEq, Message)]
pub struct Hello {
    /// The version that the issuer speaks.
    #[prost(uint32, tag = "1")]
    pub protocol_version: u32,
    /// The issuer's URL.
    #[prost(string, tag = "2")]
    pub issuer: String,
    /// Whether the rows continue from the gate's cursor.
    #[prost(bool, tag = "3")]
    pub resumed: bool,
    /// The interval of heartbeats, in milliseconds.
    #[prost(uint32, tag = "4")]
    pub heartbeat_ms: u32,
    /// What reports name; empty where the issuer wants none.
    #[prost(bytes = "bytes", tag = "5")]
    pub subscription: Bytes,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct Keys {
    /// RFC 7517 section 5.
    #[prost(string, tag = "1")]
    pub jwks: String,
    /// The algorithms that the issuer signs with.
    #[prost(string, repeated, tag = "2")]
    pub algorithms: Vec<String>,
}

/// Rows of the log.
#[derive(Clone, PartialEq, Message)]
pub struct Revocations {
    /// In the order of the log; those of a snapshot are in any order.
    #[prost(message, repeated, tag = "1")]
    pub revocations: Vec<Revocation>,
    /// The position of the log up to which the gate is complete with this frame; 0 where others follow.
    #[prost(uint64, tag = "2")]
    pub position: u64,
    /// Where to resume after this frame; empty where others follow.
    #[prost(bytes = "bytes", tag = "3")]
    pub cursor: Bytes,
}

/// A row of the log.
#[derive(Clone, PartialEq, Message)]
pub struct Revocation {
    /// Its position in the log.
    #[prost(uint64, tag = "1")]
    pub position: u64,
    /// When it can be dropped, in seconds since 1970.
    #[prost(int64, tag = "2")]
    pub expires_at: i64,
    /// `None` for a kind that this release does not know.
    #[prost(oneof = "RevokedTokens", tags = "3, 4")]
    pub subject: Option<RevokedTokens>,
}

/// Whose tokens are revoked.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum RevokedTokens {
    /// Those with this mark.
    #[prost(bytes = "bytes", tag = "3")]
    Mark(Bytes),
    #[prost(message, tag = "4")]
    Everyone(Everyone),
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Everyone {}

/// Sent also when nothing is new, so that a gate knows how current it is.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Heartbeat {
    /// The position of the log up to which rows were sent.
    #[prost(uint64, tag = "1")]
    pub position: u64,
    /// The issuer's clock, in seconds since 1970.
    #[prost(int64, tag = "2")]
    pub issuer_time: i64,
    /// The age of what the issuer knows of the log, in milliseconds.
    #[prost(uint64, tag = "3")]
    pub behind_ms: u64,
}

/// What a gate tells of itself.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct GateReport {
    /// As the greeting has it.
    #[prost(bytes = "bytes", tag = "1")]
    pub subscription: Bytes,
    /// What its host is called.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Its release.
    #[prost(string, tag = "3")]
    pub version: String,
    /// The digest of the policy in force.
    #[prost(string, tag = "4")]
    pub policy_digest: String,
    /// For how long it has been in force, in seconds.
    #[prost(uint64, tag = "5")]
    pub policy_age_seconds: u64,
    /// That of the shadow policy; empty where there is none.
    #[prost(string, tag = "6")]
    pub shadow_policy_digest: String,
    /// Whether the last reload failed.
    #[prost(bool, tag = "7")]
    pub reload_failed: bool,
    /// Requests that it has let through since its start.
    #[prost(uint64, tag = "8")]
    pub checks_allowed: u64,
    /// Requests that it has turned away.
    #[prost(uint64, tag = "9")]
    pub checks_denied: u64,
    /// The age of what it knows of the issuer, in milliseconds.
    #[prost(uint64, optional, tag = "10")]
    pub knowledge_age_ms: Option<u64>,
    /// Up to where it refuses by the log.
    #[prost(uint64, tag = "11")]
    pub position: u64,
    /// Up to where it does not know since when.
    #[prost(uint64, tag = "12")]
    pub untimed: u64,
    /// In the order of the log.
    #[prost(message, repeated, tag = "13")]
    pub taken: Vec<Taken>,
    /// Whether it is about to end in an orderly way.
    #[prost(bool, tag = "14")]
    pub leaving: bool,
}

/// Since when a gate refuses by the log up to a position.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Taken {
    #[prost(uint64, tag = "1")]
    pub position: u64,
    /// How long ago that was, in milliseconds.
    #[prost(uint64, tag = "2")]
    pub ago_ms: u64,
}

/// The answer to a report.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct ReportReply {}

impl Frame {
    /// Encodes a frame once for all subscribers.
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

/// A row as a gate reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Understood {
    /// In full.
    Wholly(revocation::Revocation),
    /// A newer issuer wrote it, and this release cannot tell whose tokens it revokes: everybody's, to be
    /// safe.
    AsEveryone(revocation::Revocation),
}

impl Revocation {
    /// Reads a row. One that is not understood revokes everybody's tokens.
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
        encode(&self, buffer)
    }
}

impl Outgoing for GateReport {
    fn write(self, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        encode(&self, buffer)
    }
}

impl Outgoing for ReportReply {
    fn write(self, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        encode(&self, buffer)
    }
}

fn encode(message: &impl Message, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
    let encoded = message.encode(buffer);
    encoded.map_err(|error| Status::internal(error.to_string()))
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
