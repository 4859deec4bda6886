//! What surrounds every endpoint: the client's address for the throttle, the count of answers, the audit log.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::registry::Registry;

use super::guard::Caller;
use super::metrics::RequestMetrics;
use crate::issuer::Issuer;
use crate::issuer::endpoint_error::StoreFailed;
use crate::issuer::{sign_ins, throttle};

/// The label of requests to no endpoint.
const NO_ENDPOINT: &str = "none";

/// Counters and one-time warnings of one issuer's HTTP layer.
#[derive(Debug)]
pub(in crate::issuer) struct Observation {
    metrics: RequestMetrics,
    unknown_proxy: UnknownProxy,
}

/// Whether the warning about a proxy that is not listed was logged.
#[derive(Debug, Default)]
struct UnknownProxy(AtomicBool);

impl UnknownProxy {
    /// Logs it once: anybody can send the header, and behind such a proxy every request has it.
    fn warn(&self, peer: IpAddr) {
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                peer.address = %peer,
                "x-forwarded-for is not trusted: if this is a proxy of yours, list its address in \
                 `issuer.trusted_proxies`, or all its clients are throttled as one"
            );
        }
    }
}

impl Observation {
    /// Of these endpoints and pages, by their paths in the tables of routes.
    pub(in crate::issuer) fn new<'e>(endpoints: impl Iterator<Item = &'e str>) -> Self {
        Self {
            metrics: RequestMetrics::new(endpoints.chain([NO_ENDPOINT])),
            unknown_proxy: UnknownProxy::default(),
        }
    }

    pub(in crate::issuer) fn register_metrics(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }
}

/// Runs an endpoint with the client's address at hand for the throttle, and counts the answer.
pub(super) async fn observe(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
    next: Next,
) -> Response {
    let endpoint = request.extensions().get::<MatchedPath>().cloned();
    let connection = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = connection.map(|ConnectInfo(peer)| peer.ip());
    let response = match peer {
        Some(peer) => {
            let proxies = &issuer.settings.trusted_proxies;
            // Somebody set the header, and it is not believed. Behind a proxy that is missing in the
            // settings all clients would share one limit, which nobody sees otherwise.
            if proxies.ignore(peer, request.headers()) {
                issuer.observation.unknown_proxy.warn(peer);
            }
            let address = proxies.client(peer, request.headers());
            let path = endpoint.as_ref().map(MatchedPath::as_str);
            let handling = sign_ins::with_endpoint(path, next.run(request));
            throttle::with_address(address, handling).await
        }
        None => next.run(request).await,
    };
    let endpoint = endpoint.as_ref().map_or(NO_ENDPOINT, MatchedPath::as_str);
    let metrics = &issuer.observation.metrics;
    metrics.answered(endpoint, response.status());
    if response.extensions().get::<StoreFailed>().is_some() {
        metrics.store_failed();
        issuer.background.store_health.suspect();
    }
    response
}

/// Writes one audit line for each call with a token that asks for a change, with its outcome. Runs after
/// `guard`, which finds the caller.
pub(super) async fn audit(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
    next: Next,
) -> Response {
    let caller = request.extensions().get::<Caller>().cloned();
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let Some(caller) = caller.filter(|_| !reads) else {
        return next.run(request).await;
    };
    let endpoint = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    // Paths name users and apps: they are personal data like subjects are.
    let plain = issuer.audit.is_plain();
    let path = plain.then(|| request.uri().path().to_owned());
    let response = next.run(request).await;
    let (action, message) = told_as(response.status());
    tracing::info!(
        target: "portcullis::audit",
        action,
        http.method = %method,
        http.route = endpoint.as_ref().map_or(NO_ENDPOINT, MatchedPath::as_str),
        http.path = path,
        http.status = response.status().as_u16(),
        user.id = issuer.audit.user(&caller.user.id),
        "{message}"
    );
    response
}

/// The action and the message of the line about a call that was answered so.
fn told_as(status: StatusCode) -> (&'static str, &'static str) {
    // A page that did what its form asks for sends the browser on.
    if status.is_success() || status.is_redirection() {
        // What has changed, if anything, is in the directory's own line.
        ("accepted", "a call by a user was accepted")
    } else if status.is_server_error() {
        ("failed", "a call by a user failed")
    } else {
        ("refused", "a call by a user was refused")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_accepted_only_where_its_status_says_so() {
        let rows = [
            (200, "accepted"),
            (201, "accepted"),
            (204, "accepted"),
            (303, "accepted"),
            (400, "refused"),
            (401, "refused"),
            (404, "refused"),
            (409, "refused"),
            (429, "refused"),
            (500, "failed"),
            (503, "failed"),
        ];
        for (status, expected) in rows {
            let (action, _) = told_as(StatusCode::from_u16(status).unwrap());
            assert_eq!(action, expected, "{status}");
        }
    }
}
