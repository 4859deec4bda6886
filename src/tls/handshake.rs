//! What comes of handshakes: connections, and failures, which are all counted and logged at most once a
//! minute for each reason.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::labels::{Label, closed_set};

/// How often the log says at most that handshakes of one kind fail: anybody can make them fail.
const REMIND: Duration = Duration::from_mins(1);

closed_set! {
    /// Why there is no connection after a handshake.
    pub enum HandshakeFailure {
        /// It took too long.
        TimedOut = "timed_out",
        /// There were too many handshakes at a time, and another client got its place.
        Evicted = "evicted",
        /// It was complete, and there was no place among the connections of the listener.
        NoPlace = "no_place",
        /// The client has no certificate, and must have one.
        NoCertificate = "no_certificate",
        /// The client's certificate is not accepted.
        BadCertificate = "bad_certificate",
        /// The client ended it with an alert, as one does that does not accept the listener's certificate.
        Rejected = "rejected_by_client",
        /// What the client sent is not TLS, or has no version, algorithm or protocol (ALPN) in common with
        /// the listener.
        Protocol = "protocol",
        /// The connection ended without an alert. Never a warning in the log: see `is_due`.
        Lost = "connection_lost",
    }
}

impl HandshakeFailure {
    pub(super) fn of(error: &io::Error) -> Self {
        let inner = error.get_ref();
        match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::NoCertificatesPresented) => Self::NoCertificate,
            Some(rustls::Error::InvalidCertificate(_)) => Self::BadCertificate,
            Some(rustls::Error::AlertReceived(_)) => Self::Rejected,
            Some(_) => Self::Protocol,
            None => Self::Lost,
        }
    }

    /// What it may be due to.
    fn hint(self) -> &'static str {
        match self {
            Self::TimedOut => "a client connected and did not go on",
            Self::Evicted => "there are more new clients than places for handshakes",
            Self::NoCertificate => {
                "a client has no certificate: give it one of an authority in `client_ca_file`"
            }
            Self::BadCertificate => {
                "the certificate of a client is not accepted: it needs one that is valid now, of an \
                 authority in `client_ca_file`, for client authentication, with one of `client_names`"
            }
            Self::Rejected => {
                "a client broke the handshake off: does it trust the authority of `cert_file`, and is \
                 the name that it expects in it?"
            }
            Self::NoPlace => {
                "all of the listener's connections are in use: raise `max_connections`, or find out who \
                 holds them"
            }
            Self::Protocol => {
                "what a client sent is not TLS 1.2 or 1.3 with a protocol of the listener"
            }
            Self::Lost => "a client has gone before the handshake was complete",
        }
    }
}

/// How the handshakes of one listener ended.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    complete: AtomicU64,
    /// By the position of the failure.
    failed: [AtomicU64; HandshakeFailure::ALL.len()],
    told: Mutex<[Option<Instant>; HandshakeFailure::ALL.len()]>,
}

impl Handshakes {
    pub(super) fn count(&self) {
        self.complete.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failure, and logs it: as a warning unless there was one for the same reason within a
    /// minute, else for debugging.
    pub(super) fn fail(
        &self,
        listener: &'static str,
        client: IpAddr,
        failure: HandshakeFailure,
        error: Option<&(dyn Error + 'static)>,
    ) {
        if let Some(count) = self.failed.get(failure.position()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let error = error.map(tracing::field::display);
        // Anybody who reaches the port can cause these. The count has all of them, the log one of a
        // kind in a while.
        if self.is_due(failure) {
            tracing::warn!(
                tls.listener = listener,
                tls.failure = failure.label(),
                client.address = %client,
                error,
                "a TLS handshake failed: {}",
                failure.hint()
            );
        } else {
            tracing::debug!(
                tls.listener = listener,
                tls.failure = failure.label(),
                client.address = %client,
                error,
                "a TLS handshake failed"
            );
        }
    }

    fn is_due(&self, failure: HandshakeFailure) -> bool {
        // Health checks over TCP connect and go.
        if failure == HandshakeFailure::Lost {
            return false;
        }
        let mut told = self.told.lock();
        let Some(last) = told.get_mut(failure.position()) else {
            return false;
        };
        let is_due = last.is_none_or(|last| last.elapsed() >= REMIND);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }

    pub(super) fn complete(&self) -> u64 {
        self.complete.load(Ordering::Relaxed)
    }

    pub(super) fn failed(&self, failure: HandshakeFailure) -> u64 {
        let count = self.failed.get(failure.position());
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }
}
