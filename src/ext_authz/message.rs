//! The one message of a unary gRPC call, read from the body of its request (gRPC over HTTP/2,
//! "Length-Prefixed-Message").

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;

/// A flag and the length of the message.
pub(super) const PREFIX_BYTES: usize = 5;

/// What unfinished messages may always hold together, in bytes.
const MIN_HELD: usize = 64 << 20;

/// Why there is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum MessageError {
    /// The stream was reset or the connection has ended: nobody waits for an answer.
    #[error("the call was cancelled")]
    Cancelled,
    /// The body ends before the message does.
    #[error("the message is truncated")]
    CutOff,
    /// It is larger than configured.
    #[error("the message is too large")]
    TooLarge,
    /// No encoding was agreed on.
    #[error("the message is compressed")]
    Compressed,
    /// Bytes follow the message.
    #[error("more than one message")]
    SeveralMessages,
    /// Too many bytes of unfinished messages are held already.
    #[error("too many unfinished messages")]
    OutOfRoom,
}

/// How much messages may take.
#[derive(Debug)]
pub(super) struct MessageLimits {
    /// Larger messages are refused, in bytes.
    max_bytes: usize,
    /// What all unfinished messages hold together, in bytes.
    held: AtomicUsize,
    max_held: usize,
}

impl MessageLimits {
    /// Messages of at most so many bytes. Unfinished ones share the room of sixteen of them, or of
    /// [`MIN_HELD`] if that is more.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            held: AtomicUsize::new(0),
            max_held: max_bytes.saturating_mul(16).max(MIN_HELD),
        }
    }

    /// The largest message that is read.
    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Reads a body to its end. Whatever is wrong, the rest of the body is read and forgotten:
    /// resetting a stream that the other end still sends on counts against the connection.
    pub(super) async fn read<B>(&self, body: B) -> Result<Bytes, MessageError>
    where
        B: Body<Data = Bytes>,
    {
        let mut body = pin!(body);
        let mut message = Received::new(self);
        let mut fault = None;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return Err(MessageError::Cancelled);
            };
            // Trailers of a request say nothing.
            if let (Ok(data), None) = (frame.into_data(), fault) {
                fault = message.push(data).err();
                // A message that came whole is judged next; only unfinished ones need room.
                if fault.is_none() && !body.is_end_stream() {
                    fault = message.hold(message.first.len()).err();
                }
                if fault.is_some() {
                    message.clear();
                }
            }
        }
        fault.map_or_else(|| message.finish(), Err)
    }
}

/// What has come of a body so far.
struct Received<'l> {
    limits: &'l MessageLimits,
    /// The usual case: all of it at once.
    first: Bytes,
    /// Everything, where it came in pieces.
    pieces: BytesMut,
    /// How much of `limits.held` is due to this one, in bytes.
    held: usize,
}

impl<'l> Received<'l> {
    fn new(limits: &'l MessageLimits) -> Self {
        Self {
            limits,
            first: Bytes::new(),
            pieces: BytesMut::new(),
            held: 0,
        }
    }

    fn push(&mut self, data: Bytes) -> Result<(), MessageError> {
        if self.first.is_empty() && self.pieces.is_empty() {
            self.first = data;
            return check_prefix(&self.first, self.limits.max_bytes);
        }
        let first = std::mem::take(&mut self.first);
        let length = self.pieces.len() + first.len() + data.len();
        if length > self.limits.max_bytes.saturating_add(PREFIX_BYTES) {
            return Err(MessageError::TooLarge);
        }
        self.hold(length)?;
        self.pieces.extend_from_slice(&first);
        self.pieces.extend_from_slice(&data);
        check_prefix(&self.pieces, self.limits.max_bytes)
    }

    fn hold(&mut self, length: usize) -> Result<(), MessageError> {
        let more = length.saturating_sub(self.held);
        if more == 0 {
            return Ok(());
        }
        let before = self.limits.held.fetch_add(more, Ordering::Relaxed);
        self.held += more;
        if before.saturating_add(more) > self.limits.max_held {
            return Err(MessageError::OutOfRoom);
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.first = Bytes::new();
        self.pieces = BytesMut::new();
        self.limits.held.fetch_sub(self.held, Ordering::Relaxed);
        self.held = 0;
    }

    fn finish(mut self) -> Result<Bytes, MessageError> {
        let mut body = if self.pieces.is_empty() {
            std::mem::take(&mut self.first)
        } else {
            std::mem::take(&mut self.pieces).freeze()
        };
        let length = message_length(&body).ok_or(MessageError::CutOff)?;
        body.advance(PREFIX_BYTES);
        match body.len() {
            received if received < length => Err(MessageError::CutOff),
            received if received > length => Err(MessageError::SeveralMessages),
            _ => Ok(body),
        }
    }
}

impl Drop for Received<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Refuses as early as the beginning of a body allows, however little of it there is.
fn check_prefix(body: &[u8], max_bytes: usize) -> Result<(), MessageError> {
    if body.first().is_some_and(|flag| *flag != 0) {
        return Err(MessageError::Compressed);
    }
    match message_length(body) {
        Some(length) if length > max_bytes => Err(MessageError::TooLarge),
        Some(length) if body.len() > length.saturating_add(PREFIX_BYTES) => {
            Err(MessageError::SeveralMessages)
        }
        Some(_) | None => Ok(()),
    }
}

fn message_length(body: &[u8]) -> Option<usize> {
    let bytes = body.get(1..PREFIX_BYTES)?.first_chunk()?;
    usize::try_from(u32::from_be_bytes(*bytes)).ok()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    async fn read(limits: &MessageLimits, pieces: &[&[u8]]) -> Result<Bytes, MessageError> {
        let frames = pieces.iter().map(|piece| {
            let data = Bytes::copy_from_slice(piece);
            Ok::<_, Infallible>(Frame::data(data))
        });
        let body = StreamBody::new(futures_util::stream::iter(frames.collect::<Vec<_>>()));
        limits.read(body).await
    }

    #[tokio::test]
    async fn a_message_is_read_however_it_is_cut() {
        let limits = MessageLimits::new(8);
        let whole = b"\0\0\0\0\x05hello";
        for cut in 0..=whole.len() {
            let (one, other) = whole.split_at(cut);
            let message = read(&limits, &[one, b"", other]).await;
            assert_eq!(message.unwrap(), "hello", "{cut}");
        }
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(read(&limits, &bytes).await.unwrap(), "hello");
        assert_eq!(read(&limits, &[b"\0\0\0\0\0"]).await.unwrap(), "");
        assert_eq!(limits.held.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_is_not_one_whole_message_is_refused() {
        let limits = MessageLimits::new(8);
        let rows: &[(&[&[u8]], MessageError)] = &[
            (&[], MessageError::CutOff),
            (&[b""], MessageError::CutOff),
            (&[b"\0\0\0\0"], MessageError::CutOff),
            (&[b"\0\0\0\0\x05hell"], MessageError::CutOff),
            (&[b"\0\0\0\0\x05he", b"ll"], MessageError::CutOff),
            (&[b"\x01\0\0\0\x05hello"], MessageError::Compressed),
            (&[b"\x01"], MessageError::Compressed),
            (&[b"", b"\xff\0"], MessageError::Compressed),
            (&[b"\0\0\0\0\x09hello you"], MessageError::TooLarge),
            (&[b"\0\0\0\0", b"\x09"], MessageError::TooLarge),
            (&[b"\0\xff\xff\xff\xff"], MessageError::TooLarge),
            (&[b"\0\0\0\0\x05hello\0"], MessageError::SeveralMessages),
            (
                &[b"\0\0\0\0\x01a\0\0\0\0\x01b"],
                MessageError::SeveralMessages,
            ),
            (
                &[b"\0\0\0\0\x01a", b"\0\0\0\0\x01b"],
                MessageError::SeveralMessages,
            ),
        ];
        for (pieces, error) in rows {
            assert_eq!(read(&limits, pieces).await, Err(*error), "{pieces:?}");
        }
        assert_eq!(limits.held.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn unfinished_messages_share_a_bound() {
        let limits = MessageLimits::new(8);
        limits.held.store(limits.max_held - 9, Ordering::Relaxed);
        let pieces: [&[u8]; 2] = [b"\0\0\0\0\x05he", b"llo"];
        let refused = read(&limits, &pieces).await;
        assert_eq!(refused, Err(MessageError::OutOfRoom));
        limits.held.fetch_sub(1, Ordering::Relaxed);
        assert_eq!(read(&limits, &pieces).await.unwrap(), "hello");
        assert_eq!(limits.held.load(Ordering::Relaxed), limits.max_held - 10);
    }

    #[tokio::test]
    async fn first_pieces_count_as_well_but_whole_messages_do_not() {
        let limits = MessageLimits::new(8);
        limits.held.store(limits.max_held - 6, Ordering::Relaxed);
        let refused = read(&limits, &[b"\0\0\0\0\x05he"]).await;
        assert_eq!(refused, Err(MessageError::OutOfRoom));
        assert_eq!(limits.held.load(Ordering::Relaxed), limits.max_held - 6);
        let whole = Full::new(Bytes::from_static(b"\0\0\0\0\x05hello"));
        assert_eq!(limits.read(whole).await.unwrap(), "hello");
    }
}
