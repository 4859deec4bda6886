//! Every limit of HTTP/2 on the authz listener, in one place.
//!
//! All checks of an Envoy worker share one connection. A limit that a caller of Envoy can reach
//! would end everybody's checks, or leave a check without an answer, so each is derived from what
//! Envoy sends, and from how much memory it bounds.
//!
//! hyper does not let a server set these limits of h2:
//! - Frames that arrive for a stream which the gate has reset are ignored for one second, and for
//!   the 50 streams that were reset last. Each further frame counts towards
//!   `max_error_reset_streams`. So the gate reads a request to its end, even once it has answered.
//! - DATA frames without content, and the frames that a header block may come in: our copy of h2
//!   has higher limits than the release, see `vendor/README.md`.
//! - A header list of more than some 24,000 fields is answered with 431. Envoy takes 100 of its caller.

use std::time::Duration;

use hyper::server::conn::http2::Builder;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::read_turns::BYTES_IN_A_TURN;
use crate::config::AuthzListener;

/// The least that a stream takes which is reset before anybody has seen it, in bytes: a HEADERS
/// frame with one indexed field, and a `RST_STREAM` frame.
const MIN_RESET_STREAM: usize = (9 + 1) + (9 + 4);

/// What one read may add to a turn, in bytes: the buffer of h2, which holds the largest frame.
const LAST_READ: usize = 2 * MAX_FRAME as usize;

/// The least that RFC 9113 allows. A check usually fits into one frame.
const MAX_FRAME: u32 = 16 << 10;

/// See [`Http2Limits`]. In bytes.
const CONNECTION_WINDOW: u32 = 8 << 20;

/// The limits of one connection.
#[derive(Debug, Clone)]
pub(super) struct Http2Limits {
    /// Envoy waits with further checks once it knows the number. Each stream holds about a
    /// kilobyte, its message and its answer.
    max_concurrent_streams: u32,
    /// Envoy forwards at most `max_request_headers_kb` of its caller's headers, 60 KiB unless
    /// configured otherwise, in the tracing headers of a check among others. A larger list is
    /// answered without `grpc-status`, and one four times as large ends the connection. A connection
    /// holds one list that is being read and those of one turn.
    max_header_list: u32,
    /// A check with 60 KiB of headers and a large body does not wait for the window to open.
    stream_window: u32,
    /// h2 ends a connection on which DATA frames with little in them wait for their readers, once
    /// their overhead of 256 bytes each exceeds half of this window. So it is large enough for
    /// frames of a single byte, 10 bytes each, throughout a turn. What is not read stays below
    /// what a turn reads, and messages have a bound of their own.
    connection_window: u32,
    /// Streams that were reset before they were accepted, beyond which h2 ends the connection:
    /// more than fit into a turn, after which all are accepted. They take a kilobyte each.
    max_pending_reset_streams: usize,
    /// Streams that h2 has reset because of a fault of the other end, counted over the whole
    /// lifetime of a connection, beyond which h2 ends it. Envoy makes none of these faults; a few
    /// are left to races. Each may take some 300 bytes until the reset is written.
    max_error_reset_streams: usize,
    /// Answers are a few kilobytes at most, and each is handed over in one piece.
    max_send_buffer: usize,
    /// How often a silent connection is asked whether it lives, and how long its answer may take.
    keepalive: Duration,
}

impl Http2Limits {
    pub(super) fn new(listener: &AuthzListener) -> Self {
        Self {
            max_concurrent_streams: listener.max_concurrent_streams,
            max_header_list: 2 << 20,
            stream_window: 1 << 20,
            connection_window: CONNECTION_WINDOW,
            max_pending_reset_streams: (BYTES_IN_A_TURN + LAST_READ) / MIN_RESET_STREAM + 1,
            max_error_reset_streams: 1 << 16,
            max_send_buffer: 64 << 10,
            keepalive: listener.keepalive,
        }
    }

    /// How long a connection may be silent.
    pub(super) fn keepalive(&self) -> Duration {
        self.keepalive
    }

    /// What serves a connection within these limits, on the runtime that is entered.
    pub(super) fn server(&self) -> Builder<TokioExecutor> {
        let mut server = Builder::new(TokioExecutor::new());
        server
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.max_concurrent_streams)
            .max_header_list_size(self.max_header_list)
            .max_frame_size(MAX_FRAME)
            // Windows do not adapt: their bound is what they are for.
            .adaptive_window(false)
            .initial_stream_window_size(self.stream_window)
            .initial_connection_window_size(self.connection_window)
            .max_pending_accept_reset_streams(self.max_pending_reset_streams)
            .max_local_error_reset_streams(self.max_error_reset_streams)
            .max_send_buf_size(self.max_send_buffer)
            // The size that every HTTP/2 client starts with (RFC 9113 section 6.5.2).
            .header_table_size(4096)
            .keep_alive_interval(self.keepalive)
            .keep_alive_timeout(self.keepalive)
            // gRPC has no use for it.
            .auto_date_header(false);
        server
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// h2 counts frames smaller than this as if they were as large. Empty ones have a limit of
    /// their own, so that the smallest frame counted has a head of 9 bytes and one byte of data.
    const COUNTED_FRAME: usize = 256;

    #[test]
    fn a_turn_of_the_smallest_frames_stays_within_what_h2_tolerates() {
        let frames = (BYTES_IN_A_TURN + LAST_READ) / (9 + 1);
        let overhead = frames * (COUNTED_FRAME - 1);
        assert!(overhead < CONNECTION_WINDOW as usize / 2);
    }
}
