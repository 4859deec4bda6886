//! The server of the HTTP listeners: probes and the issuer.
//!
//! Its connections are bounded in number and time, and whoever opens many of them keeps nobody out:
//! a new connection always gets a place, if need be that of the one which has waited for its client
//! for longest. A request that is being answered is not cut off, unless its client does not send the
//! body or does not take the answer.

mod activity;
mod metrics;
mod slots;
mod transport;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::{Instant, Sleep};
use tower_service::Service;

use super::connection::{accept_one, accept_tcp};
use crate::connection_limits::ConnectionLimits;
use crate::tls::{self, HandshakeFailure, Secured, ServerTls};
use activity::Activity;
pub(super) use metrics::HttpMetrics;
use slots::{Slot, Slots};
use transport::{TimedBody, Transport};

/// The most that a connection keeps of what arrives, and so the longest head of a request.
const MAX_BUFFER_BYTES: usize = 64 * 1024;

/// A listening socket, and what is made of it.
pub(super) struct HttpListener {
    /// What log and metrics call it.
    pub(super) name: &'static str,
    pub(super) socket: TcpListener,
    pub(super) limits: ConnectionLimits,
    pub(super) tls: Option<Arc<ServerTls>>,
}

/// A listener and its connections.
pub(super) struct HttpServer {
    socket: TcpListener,
    slots: Arc<Slots>,
    tls: Option<Arc<ServerTls>>,
}

impl HttpServer {
    /// Addresses that are `unlimited` may have any number of the connections.
    pub(super) fn new(
        listener: HttpListener,
        metrics: &HttpMetrics,
        unlimited: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        let HttpListener {
            name,
            socket,
            limits,
            tls,
        } = listener;
        let counters = metrics.counters(name);
        Self {
            socket,
            slots: Slots::new(name, limits, counters, Box::new(unlimited)),
            tls,
        }
    }

    /// Serves until `stopped`, then answers what is under way. Requests carry the other end's
    /// address as `ConnectInfo<SocketAddr>`.
    pub(super) async fn serve(self, router: Router, stopped: impl Future<Output = ()>) {
        tokio::select! {
            () = self.accept(&router) => {}
            () = stopped => {}
        }
        drop(self.socket);
        self.slots.end().await;
    }

    /// Accepts connections and has each served by a task of its own; never ends.
    async fn accept(&self, router: &Router) {
        loop {
            let (stream, peer) = accept_one(|| accept_tcp(&self.socket)).await;
            // Before the task, so that the number of tasks is bounded too. While there is no place, new
            // connections wait in the kernel.
            let slot = self.slots.enter(peer.ip()).await;
            let transport = Transport {
                stream,
                activity: Arc::clone(&slot.activity),
            };
            let (tls, router) = (self.tls.clone(), router.clone());
            tokio::spawn(async move {
                match tls {
                    None => serve_connection(transport, peer, slot, router, pending()).await,
                    Some(tls) => {
                        if let Some(secured) = shake_hands(&tls, transport, peer, &slot).await {
                            let Secured { stream, admission } = secured;
                            let withdrawn = tls::withdrawn(admission);
                            serve_connection(stream, peer, slot, router, withdrawn).await;
                        }
                    }
                }
            });
        }
    }
}

/// The handshake of a connection. Like the head of a request it must arrive within `header_timeout`, and
/// its slot goes to another connection that needs it.
async fn shake_hands(
    tls: &ServerTls,
    transport: Transport,
    peer: SocketAddr,
    slot: &Slot,
) -> Option<Secured<Transport>> {
    let client = peer.ip().to_canonical();
    let activity = &slot.activity;
    let mut handshake = pin!(tls.accept(transport, client));
    let mut timer = pin!(tokio::time::sleep_until(Instant::now()));
    poll_fn(|context| {
        // Before the looks below: a change after them then wakes this task, and none is missed.
        activity.register(context.waker());
        // The handshake first: one that has just ended is not given up for a limit that was reached in
        // the same moment.
        if let Poll::Ready(secured) = handshake.as_mut().poll(context) {
            return Poll::Ready(secured.ok());
        }
        if activity.is_stopping() {
            return Poll::Ready(None);
        }
        if activity.must_go() {
            slot.count_eviction();
            tls.fail(client, HandshakeFailure::Evicted);
            return Poll::Ready(None);
        }
        ready!(poll_deadline(activity, timer.as_mut(), context));
        tls.fail(client, HandshakeFailure::TimedOut);
        Poll::Ready(None)
    })
    .await
}

/// Ready when the connection has waited for its client for too long.
fn poll_deadline(
    activity: &Activity,
    mut timer: Pin<&mut Sleep>,
    context: &mut Context<'_>,
) -> Poll<()> {
    let Some(deadline) = activity.deadline() else {
        return Poll::Pending;
    };
    if timer.deadline() != deadline {
        timer.as_mut().reset(deadline);
    }
    timer.poll(context)
}

/// Serves until the connection ends, by itself or because its client is `withdrawn`.
async fn serve_connection<S>(
    stream: S,
    peer: SocketAddr,
    slot: Slot,
    router: Router,
    withdrawn: impl Future<Output = ()>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = &slot.activity;
    let answer = |request| answer(request, peer, Arc::clone(activity), router.clone());
    let connection = http1::Builder::new()
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    let mut connection = pin!(connection);
    let mut timer = pin!(tokio::time::sleep_until(Instant::now()));
    let mut withdrawn = pin!(withdrawn);
    let mut stopping = false;
    poll_fn(|context| {
        activity.register(context.waker());
        // A failure is the client's: it has gone, or it does not speak HTTP.
        let mut ended = connection.as_mut().poll(context).is_ready();
        if !ended
            && !stopping
            && (activity.is_stopping() || withdrawn.as_mut().poll(context).is_ready())
        {
            // After a look at what has arrived: a request that is there is answered.
            stopping = true;
            connection.as_mut().graceful_shutdown();
            ended = connection.as_mut().poll(context).is_ready();
        }
        if ended {
            return Poll::Ready(());
        }
        // After the connection was polled, so that an answer which is ready has gone out.
        if activity.must_go() {
            slot.count_eviction();
            return Poll::Ready(());
        }
        poll_deadline(activity, timer.as_mut(), context)
    })
    .await;
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    activity: Arc<Activity>,
    mut router: Router,
) -> Result<Response<Body>, Infallible> {
    if activity.began() {
        // Whoever sends many requests at once must not keep the thread from others.
        tokio::task::yield_now().await;
    }
    let mut request = request.map(|body| Body::new(TimedBody::new(body, Arc::clone(&activity))));
    request.extensions_mut().insert(ConnectInfo(peer));
    let mut response = router.call(request).await?;
    if activity.answered() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    Ok(response)
}
