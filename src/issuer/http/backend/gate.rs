//! `/backend/gate`: the gates that listen to the feed of this process, and the one in it.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::clock::UnixSeconds;
use crate::feed::{AboutGate, Arrival, GateState, ListedGate, ReportedGate};
use crate::issuer::Issuer;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::body;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{ByPosition, ListQuery};
use crate::store::{Listing, Page};
use crate::token::LogPosition;

/// A page of gates.
#[derive(Serialize)]
struct GatesAnswer {
    /// The gate beside the issuer; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    this_process: Option<GateFacts>,
    items: Vec<GateAnswer>,
    next: Option<String>,
}

/// A gate that is connected, or was some hours ago.
#[derive(Serialize)]
struct GateAnswer {
    number: u64,
    address: Option<String>,
    connected_at: i64,
    /// Since when it is not connected; absent where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_connected_since: Option<i64>,
    state: &'static str,
    position: u64,
    behind: u64,
    sent_position: u64,
    last_sent_at: i64,
    /// Absent where it tells nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<GateFacts>,
    /// Absent where one of the two policies is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_policy: Option<bool>,
    /// Of the position that was asked for; absent where none was, and where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<u64>,
}

/// What a gate tells of itself.
#[derive(Serialize)]
struct GateFacts {
    name: String,
    version: String,
    policy_digest: String,
    policy_since: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow_policy_digest: Option<String>,
    reload_failed: bool,
    checks_allowed: u64,
    checks_denied: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    knowledge_age_ms: Option<u64>,
    position: u64,
    reported_at: i64,
}

impl GateAnswer {
    fn of(gate: ListedGate, own: Option<&ReportedGate>, now: UnixSeconds) -> Self {
        let (applied, took) = match gate.arrival {
            None | Some(Arrival::NotTold) => (None, None),
            Some(Arrival::NotYet) => (Some(false), None),
            Some(Arrival::Arrived(took)) => (Some(true), took),
        };
        Self {
            number: gate.number,
            address: gate.address.map(|address| address.to_string()),
            connected_at: gate.connected_at.0,
            not_connected_since: gate.gone_at.map(|at| at.0),
            state: state_name(gate.state),
            position: gate.position.0,
            behind: gate.behind,
            sent_position: gate.sent_position.0,
            last_sent_at: gate.last_sent_at.0,
            same_policy: has_same_policy(gate.report.as_ref(), own),
            report: gate.report.map(|report| GateFacts::of(report, now)),
            applied,
            took_ms: took.map(milliseconds),
        }
    }
}

impl GateFacts {
    fn of(report: ReportedGate, now: UnixSeconds) -> Self {
        let age = report.knowledge_age_at(now);
        let ReportedGate {
            about,
            knowledge_age: _,
            position,
            reported_at,
        } = report;
        let AboutGate {
            name,
            version,
            policy_digest,
            policy_since,
            shadow_policy_digest,
            reload_failed,
            allowed,
            denied,
            leaving: _,
        } = about;
        Self {
            name,
            version,
            policy_digest,
            policy_since: policy_since.0,
            shadow_policy_digest,
            reload_failed,
            checks_allowed: allowed,
            checks_denied: denied,
            knowledge_age_ms: age.map(milliseconds),
            position: position.0,
            reported_at: reported_at.0,
        }
    }
}

/// `GET`
pub(in crate::issuer::http) async fn list(
    access: DirectoryAccess,
    query: ListQuery<ByPosition>,
) -> Result<Response, EndpointError> {
    let listing = gates(&access, &query.page, query.position())?;
    let (own, now) = (own_gate(&access.issuer), access.issuer.clock.now());
    let items = listing.items.into_iter();
    let page = GatesAnswer {
        items: items
            .map(|gate| GateAnswer::of(gate, own.as_ref(), now))
            .collect(),
        this_process: own.map(|own| GateFacts::of(own, now)),
        next: listing.next,
    };
    Ok(body::answer(StatusCode::OK, &page))
}

/// A page of gates; `after` is the number of the gate before.
pub(in crate::issuer::http) fn gates(
    access: &DirectoryAccess,
    page: &Page,
    position: Option<LogPosition>,
) -> Result<Listing<ListedGate>, EndpointError> {
    let after: u64 = match page.after.as_str() {
        "" => 0,
        after => after
            .parse()
            .map_err(|_| EndpointError::Parameter("after"))?,
    };
    let feed = access.issuer.feed();
    let mut items = match position {
        Some(position) => feed.gates_with(position),
        None => feed.gates(),
    };
    items.retain(|gate| gate.number > after);
    let has_more = items.len() > page.limit;
    items.truncate(page.limit);
    let last = items.last().filter(|_| has_more);
    let next = last.map(|gate| gate.number.to_string());
    Ok(Listing { items, next })
}

/// The gate in this process, at this moment.
pub(in crate::issuer::http) fn own_gate(issuer: &Issuer) -> Option<ReportedGate> {
    let list = issuer.revocations();
    Some(ReportedGate {
        about: issuer.own_gate()?,
        knowledge_age: list.freshness().and_then(crate::revocation::Freshness::age),
        position: list.statistics().position,
        reported_at: issuer.clock.now(),
    })
}

/// Nothing where one of them does not say.
pub(in crate::issuer::http) fn has_same_policy(
    report: Option<&ReportedGate>,
    own: Option<&ReportedGate>,
) -> Option<bool> {
    Some(report?.about.policy_digest == own?.about.policy_digest)
}

fn state_name(state: GateState) -> &'static str {
    match state {
        GateState::UpToDate => "up_to_date",
        GateState::Untold => "untold",
        GateState::Behind => "behind",
        GateState::Silent => "silent",
        GateState::Gone => "not_connected",
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
