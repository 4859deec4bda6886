//! The feed: an issuer's keys and revocations, streamed to gates of other processes.
//!
//! A gate that has neither the issuer nor its database gets through a [`FeedClient`] what the gate
//! beside the issuer has at hand. The issuer's [`Hub`] encodes everything once for all who
//! subscribe; none of them causes a query.

mod about;
mod client;
mod held;
#[cfg(feature = "issuer")]
mod hub;
mod journal;
mod knowledge;
mod listener;
#[cfg(feature = "issuer")]
mod metrics;
mod printable;
mod reached;
mod reporting;
mod saving;
#[cfg(feature = "issuer")]
mod server;
mod session;
mod settings;
mod snapshot_file;
mod taken;
mod transport;
pub mod wire;

pub use about::{AboutGate, GateView};
pub use client::{FeedClient, FeedHost};
pub use knowledge::{FeedState, KnownKeys};
pub use listener::{FeedListener, FeedListenerDocument};
pub use settings::{FeedDocument, FeedSettings};
pub use snapshot_file::written_beside;
pub use transport::{FeedError, check_files};
#[cfg(feature = "issuer")]
pub use {
    hub::{Arrival, GateState, HEARTBEAT, Hub, HubStatistics, ListedGate, ReportedGate},
    metrics::HubMetrics,
    server::{FeedAccess, FeedService, FeedServiceError},
};
