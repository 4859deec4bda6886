//! What is seen of every request, whatever endpoint it is for: where it comes from, how it ended.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::guard::Caller;
use crate::issuer::Issuer;
use crate::issuer::endpoint_error::StoreFailed;
use crate::issuer::throttle;

/// The label of requests to no endpoint.
const NO_ENDPOINT: &str = "none";

/// Whether a proxy has been told of that is not listed.
#[derive(Debug, Default)]
pub(in crate::issuer) struct UnknownProxy(AtomicBool);

impl UnknownProxy {
    /// Once: anybody can send the header, and behind such a proxy every request has it.
    fn tell(&self, peer: IpAddr) {
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                peer.address = %peer,
                "x-forwarded-for is not believed: if this is a proxy of yours, list its address in \
                 `issuer.trusted_proxies`, or all its clients are throttled as one"
            );
        }
    }
}

/// Counts an answer, and has its address known while it is made.
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
            if proxies.ignore(peer, request.headers()) {
                issuer.unknown_proxy.tell(peer);
            }
            let address = proxies.client(peer, request.headers());
            throttle::with_address(address, next.run(request)).await
        }
        None => next.run(request).await,
    };
    let endpoint = endpoint.as_ref().map_or(NO_ENDPOINT, MatchedPath::as_str);
    issuer.metrics.request(endpoint, response.status().as_u16());
    if response.extensions().get::<StoreFailed>().is_some() {
        issuer.metrics.store_failed();
        issuer.store_health.suspect();
    }
    response
}

/// One line for each call with a token that would change something, and what became of it. Runs where the
/// caller is known.
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
    let plain = issuer.names.are_plain();
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
        user.id = issuer.log_name(&caller.user.id),
        "{message}"
    );
    response
}

/// The action and the message of the line about a call that was answered so.
fn told_as(status: StatusCode) -> (&'static str, &'static str) {
    if status.is_success() {
        ("changed", "changed by a user")
    } else if status.is_server_error() {
        ("failed", "a change by a user failed")
    } else {
        ("refused", "a change by a user was refused")
    }
}
