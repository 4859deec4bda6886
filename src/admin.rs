//! The admin listener: probes, metrics, status and the last refusals. No secrets, no keys, no tokens.

mod certificates;
mod companion;
mod issuers;
mod readiness;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Path as UrlPath, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use serde::Serialize;

use crate::authorizer::{Authorizer, Difference, Snapshot};
use crate::files::FileIdentity;
use crate::gate::DecisionLog;
use crate::keyring::Keyring;
use crate::labels::Label;
use crate::policy::Policy;
use crate::reload::{Loader, PortalFilesState, ShadowState};
use crate::telemetry::Exposition;
use crate::tls::ServerTls;

use certificates::CertificateStatus;
use issuers::IssuerStatus;

pub use companion::{CompanionStatus, ErrorStatus, SettingStatus};
pub use readiness::Readiness;

/// With this header a probe names the file of a configuration, as a [`FileIdentity`]. A process that was
/// started with another one answers 421 (RFC 9110 section 15.5.20), so that nobody takes its answer for
/// that of the process they meant.
pub const CONFIG_HEADER: &str = "portcullis-config";

/// Tells of the store of the issuer in this process.
pub struct StoreProbe(pub Box<dyn Fn() -> CompanionStatus + Send + Sync>);

/// What the admin listener tells of.
pub struct Admin {
    pub authorizer: Arc<Authorizer>,
    pub loader: Arc<Loader>,
    pub keyring: Arc<Keyring>,
    /// What is encoded at `/metrics`.
    pub registries: Vec<Registry>,
    /// Knows the last refusals.
    pub decisions: DecisionLog,
    /// Tells of the store of the issuer in this process, if there is one.
    pub store_probe: Option<StoreProbe>,
    pub readiness: Readiness,
    /// The listeners that speak TLS.
    pub certificates: Vec<Arc<ServerTls>>,
    /// Tells of the feed that this process serves, if it does.
    pub feed: Option<Box<dyn Fn() -> ServedFeed + Send + Sync>>,
}

/// The feed that this process serves.
#[derive(Debug, Serialize)]
pub struct ServedFeed {
    pub address: std::net::SocketAddr,
    /// Gates that are connected.
    pub subscribers: usize,
    /// How much of the log they were told.
    pub position: u64,
    /// Subscriptions that started with a full snapshot.
    pub snapshots_sent: u64,
    /// Subscriptions resumed from a cursor.
    pub resumed: u64,
    /// Frames of new rows.
    pub batches: u64,
    /// Gates that were turned away.
    pub refused: u64,
}

#[derive(Debug, Serialize)]
struct Status {
    version: &'static str,
    ready: bool,
    policy: PolicyStatus,
    /// Of the listeners that speak TLS; absent where none does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<CertificateStatus>,
    /// The sections of the config that have changed since the start and are not applied without a restart;
    /// absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    restart_needed: Vec<&'static str>,
    /// The policy that is tried beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow_policy: Option<ShadowPolicyStatus>,
    /// The files that the portal shows; absent where the configuration names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    portal_files: Option<PortalFilesState>,
    issuers: Vec<IssuerStatus>,
    feed: Option<ServedFeed>,
    /// The issuer in this process. Readiness does not depend on it: the gate goes on without.
    #[serde(skip_serializing_if = "Option::is_none")]
    companion: Option<CompanionStatus>,
}

#[derive(Debug, Serialize)]
struct PolicyStatus {
    digest: String,
    routes: usize,
    loaded_at_unix_seconds: i64,
    /// The routes that let through what they refuse; absent where all are enforced.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<ShadowStatus>,
    /// Null while none is running.
    reload_running_since_unix_seconds: Option<i64>,
    reload_failures: u64,
    /// When a reload was last tried, or the start.
    last_reload_unix_seconds: i64,
    /// Since when reloads fail; null where the last one did not.
    reload_failing_since_unix_seconds: Option<i64>,
    last_reload_error: Option<String>,
}

/// The most routes that are named; their number is told in any case.
const MAX_SHADOW_NAMES: usize = 100;

#[derive(Debug, Serialize)]
struct ShadowStatus {
    /// Requests that no route lists are let through, too.
    whole_policy: bool,
    routes: usize,
    names: Vec<String>,
}

impl ShadowStatus {
    fn of(policy: &Policy) -> Option<Self> {
        let routes = policy.routes_in_shadow().count();
        let names = policy.routes_in_shadow().take(MAX_SHADOW_NAMES);
        (routes > 0 || policy.is_in_shadow()).then(|| Self {
            whole_policy: policy.is_in_shadow(),
            routes,
            names: names.map(|route| route.name.to_string()).collect(),
        })
    }
}

/// The members are null where the configuration names one and none could be loaded yet.
#[derive(Debug, Serialize)]
struct ShadowPolicyStatus {
    digest: Option<String>,
    routes: Option<usize>,
    /// When this process loaded it for the first time.
    since_unix_seconds: Option<i64>,
    /// Requests that it was asked about, by what it would change for them.
    checks: BTreeMap<&'static str, u64>,
    reload_failures: u64,
    last_reload_error: Option<String>,
}

impl ShadowPolicyStatus {
    fn of(snapshot: &Snapshot, state: Option<ShadowState>) -> Option<Self> {
        let shadow = snapshot.shadow();
        if shadow.is_none() && state.is_none() {
            return None;
        }
        let state = state.unwrap_or_default();
        let checks = Difference::ALL.iter().map(|difference| {
            let count = shadow.map_or(0, |shadow| shadow.count(*difference));
            (difference.label(), count)
        });
        Some(Self {
            digest: shadow.map(|shadow| shadow.policy().digest().to_owned()),
            routes: shadow.map(|shadow| shadow.policy().routes().len()),
            since_unix_seconds: shadow.map(|shadow| shadow.since().0),
            checks: checks.collect(),
            reload_failures: state.failures,
            last_reload_error: state.last_error,
        })
    }
}

/// The routes of the admin listener.
pub fn router(admin: Arc<Admin>) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .route("/decisions/{id}", get(decision))
        .with_state(admin)
}

/// What probes and the command line ask, who speak no TLS. Of this only the refusals are not for everybody;
/// they are answered to processes of this host alone.
pub fn probe_router(admin: Arc<Admin>) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/decisions/{id}", get(decision))
        .with_state(admin)
}

impl Admin {
    /// What is told of a gate that is ready: also that it does not know the latest revocations. Such a gate
    /// goes on, or refuses by itself; taken out of service, it would be out together with all others.
    fn ready_with_reservations(&self) -> String {
        let stale = self.keyring.overview().into_iter();
        let stale = stale.filter(|issuer| issuer.is_stale).map(|issuer| {
            let name = issuer.issuer;
            format!("the revocations of `{name}` are not up to date: see /status\n")
        });
        std::iter::once("ok\n".to_owned()).chain(stale).collect()
    }
}

/// Whether the request names the configuration of another process than this. A header that cannot be
/// read, and a file that is gone, tell nothing.
async fn is_for_another_process(admin: &Admin, headers: &HeaderMap) -> bool {
    let named = headers
        .get(CONFIG_HEADER)
        .and_then(|value| value.to_str().ok());
    let Some(Ok(named)) = named.map(str::parse::<FileIdentity>) else {
        return false;
    };
    let path = admin.loader.config_file().to_owned();
    let own = tokio::task::spawn_blocking(move || FileIdentity::of(&path));
    matches!(own.await, Ok(Ok(own)) if own != named)
}

async fn ready(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> Response {
    if is_for_another_process(&admin, &headers).await {
        let reason = "this process was started with another configuration\n";
        return (StatusCode::MISDIRECTED_REQUEST, reason).into_response();
    }
    match admin.readiness.check() {
        Ok(()) => admin.ready_with_reservations().into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason).into_response(),
    }
}

async fn metrics(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter();
    let accept: Vec<&str> = accept.filter_map(|value| value.to_str().ok()).collect();
    let format = Exposition::accepted(&accept.join(","));
    match format.encode(&admin.registries) {
        Ok(text) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// One of the last refusals, in shadow or not, for a process of this host: what it holds is more than others
/// may know.
async fn decision(
    State(admin): State<Arc<Admin>>,
    UrlPath(id): UrlPath<String>,
    head: Parts,
) -> Response {
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>();
    if !peer.is_some_and(|ConnectInfo(peer)| is_of_this_host(*peer)) {
        let reason = "decisions are shown to processes of this host alone: ask over loopback\n";
        return (StatusCode::FORBIDDEN, reason).into_response();
    }
    if is_for_another_process(&admin, &head.headers).await {
        let reason = "this process was started with another configuration\n";
        return (StatusCode::MISDIRECTED_REQUEST, reason).into_response();
    }
    // Only refusals, and the last of them: this is for whoever has just been refused, and no second
    // log.
    let Some(refusal) = admin.decisions.remembered(&id) else {
        let reason = "this decision is not among the last refusals\n";
        return (StatusCode::NOT_FOUND, reason).into_response();
    };
    match serde_json::to_string(&refusal) {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json + "\n").into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Whether the connection comes over loopback. A proxy of this host that is open to others would make them
/// look like it.
fn is_of_this_host(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

async fn status(State(admin): State<Arc<Admin>>) -> Response {
    let snapshot = admin.authorizer.snapshot();
    let state = admin.loader.state();
    let issuers = admin.keyring.overview().into_iter().map(IssuerStatus::of);
    let certificates = admin
        .certificates
        .iter()
        .map(|tls| CertificateStatus::of(tls));
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        // What `/readyz` says, and not a judgement of its own: two answers to one question must not differ.
        ready: admin.readiness.check().is_ok(),
        policy: PolicyStatus {
            digest: snapshot.policy().digest().to_owned(),
            routes: snapshot.policy().routes().len(),
            loaded_at_unix_seconds: state.loaded_at.0,
            shadow: ShadowStatus::of(snapshot.policy()),
            reload_running_since_unix_seconds: state.running_since.map(|instant| instant.0),
            reload_failures: state.failures,
            last_reload_unix_seconds: state.attempted_at.0,
            reload_failing_since_unix_seconds: state.failing_since.map(|instant| instant.0),
            last_reload_error: state.last_error,
        },
        certificates: certificates.collect(),
        restart_needed: state.restart_needed,
        shadow_policy: ShadowPolicyStatus::of(&snapshot, state.shadow),
        portal_files: state.portal_files,
        issuers: issuers.collect(),
        companion: admin.store_probe.as_ref().map(|probe| (probe.0)()),
        feed: admin.feed.as_ref().map(|feed| feed()),
    };
    match serde_json::to_string_pretty(&status) {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json + "\n").into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_over_loopback_is_of_this_host() {
        for (peer, expected) in [
            ("127.0.0.1:1", true),
            ("127.9.9.9:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("10.0.0.1:1", false),
            ("0.0.0.0:1", false),
            ("[::ffff:10.0.0.1]:1", false),
            ("[fe80::1]:1", false),
        ] {
            assert_eq!(is_of_this_host(peer.parse().unwrap()), expected, "{peer}");
        }
    }
}
