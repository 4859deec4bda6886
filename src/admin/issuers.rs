//! What `/status` tells of the issuers whose tokens are trusted.

use serde::Serialize;

use crate::keyring::{FeedOverview, IssuerKeys};
use crate::revocation::RevocationStatistics;

#[derive(Debug, Serialize)]
pub(super) struct IssuerStatus {
    pub(super) issuer: String,
    pub(super) keys: Option<usize>,
    pub(super) last_success_unix_seconds: Option<i64>,
    pub(super) last_failure: Option<String>,
    pub(super) consecutive_failures: Option<u64>,
    pub(super) revocations: Option<RevocationStatus>,
    /// How old that is; none where nothing is known.
    pub(super) revocations_age_seconds: Option<f64>,
    pub(super) feed: Option<FeedStatus>,
}

impl IssuerStatus {
    pub(super) fn of(issuer: IssuerKeys) -> Self {
        let remote = issuer.remote.as_ref();
        Self {
            issuer: issuer.issuer,
            keys: issuer.keys,
            last_success_unix_seconds: remote
                .and_then(|state| state.last_success)
                .map(|instant| instant.0),
            last_failure: remote
                .and_then(|state| state.last_failure.as_ref())
                .map(|failure| failure.message.clone()),
            consecutive_failures: remote.map(|state| state.consecutive_failures),
            revocations: issuer.revocations.map(Into::into),
            revocations_age_seconds: issuer.age.map(|age| age.as_secs_f64()),
            feed: issuer.feed.map(Into::into),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct RevocationStatus {
    pub(super) entries: usize,
    pub(super) max_entries: usize,
    pub(super) bytes: usize,
    pub(super) position: u64,
    pub(super) floor: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct FeedStatus {
    pub(super) connected: bool,
    pub(super) address: Option<String>,
    pub(super) age_seconds: Option<f64>,
    pub(super) connections: u64,
    pub(super) resumed: u64,
    pub(super) failures: u64,
    pub(super) last_failure: Option<String>,
    /// When that was; before `connected_since_unix_seconds` where it is over.
    pub(super) last_failure_unix_seconds: Option<i64>,
    pub(super) connected_since_unix_seconds: Option<i64>,
    pub(super) not_understood: u64,
    pub(super) save_failures: u64,
}

impl From<RevocationStatistics> for RevocationStatus {
    fn from(list: RevocationStatistics) -> Self {
        Self {
            entries: list.entries,
            max_entries: list.max_entries,
            bytes: list.bytes,
            position: list.position.0,
            floor: list.floor.0,
        }
    }
}

impl From<FeedOverview> for FeedStatus {
    fn from(FeedOverview { state, age, .. }: FeedOverview) -> Self {
        Self {
            connected: state.connected,
            address: state.address,
            age_seconds: age.map(|age| age.as_secs_f64()),
            connections: state.connections,
            resumed: state.resumed,
            failures: state.failures,
            last_failure: state.last_failure,
            last_failure_unix_seconds: state.last_failure_at.map(|instant| instant.0),
            connected_since_unix_seconds: state.connected_since.map(|instant| instant.0),
            not_understood: state.not_understood,
            save_failures: state.save_failures,
        }
    }
}
