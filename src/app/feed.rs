//! The feed's listener: gRPC for the gates of other processes, on the control threads.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tonic::transport::{Server, ServerTlsConfig};

use super::connection::{Connections, Listener};
use super::socket;
use crate::admin::ServedFeed;
use crate::feed::{FeedAccess, FeedListener, FeedService, Hub, HubMetrics};
use crate::shutdown::{Phase, Shutdown};

/// Gates have one subscription; a second one may begin before the first has ended.
const MAX_STREAMS: u32 = 4;

/// How often a silent connection is asked whether it lives, and how long it may think.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// A bound socket, and who may connect to it.
pub(super) struct FeedSocket {
    access: FeedAccess,
    socket: TcpListener,
}

impl FeedSocket {
    pub(super) fn bind(listener: &FeedListener) -> anyhow::Result<Self> {
        Ok(Self {
            access: FeedAccess::read(listener)?,
            socket: socket::bind_feed(listener.address)?,
        })
    }
}

/// A feed whose listener is bound and not yet served.
pub(super) struct FeedServer {
    hub: Arc<Hub>,
    service: FeedService,
    tls: Option<ServerTlsConfig>,
    socket: TcpListener,
    address: SocketAddr,
    max_connections: usize,
}

impl FeedServer {
    pub(super) fn new(
        listener: &FeedListener,
        socket: FeedSocket,
        hub: &Arc<Hub>,
    ) -> anyhow::Result<Self> {
        let FeedSocket { access, socket } = socket;
        Ok(Self {
            hub: Arc::clone(hub),
            service: FeedService::new(Arc::clone(hub), &access, listener.max_subscribers),
            tls: access.tls().cloned(),
            address: socket.local_addr()?,
            socket,
            // Gates that were cut off come again before their old connections are noticed to be dead.
            max_connections: listener.max_subscribers.saturating_mul(2),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn status(&self) -> Box<dyn Fn() -> ServedFeed + Send + Sync> {
        let (hub, address) = (Arc::clone(&self.hub), self.address);
        Box::new(move || {
            let statistics = hub.statistics();
            ServedFeed {
                address,
                subscribers: statistics.subscribers,
                position: statistics.position.0,
                snapshots_sent: statistics.snapshots_sent,
                resumed: statistics.resumed,
                batches: statistics.batches,
                refused: statistics.refused,
            }
        })
    }

    pub(super) fn register_metrics(&self, registry: &mut Registry) {
        HubMetrics::register(&self.hub, registry);
    }

    pub(super) fn serve(
        self,
        control: &Handle,
        shutdown: &Shutdown,
    ) -> anyhow::Result<JoinHandle<()>> {
        let _entered = control.enter();
        let listener = Listener::Tcp(tokio::net::TcpListener::from_std(self.socket)?);
        let connections = Connections::new(listener, self.max_connections, KEEPALIVE);
        let mut server = Server::builder()
            .max_concurrent_streams(MAX_STREAMS)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE));
        if let Some(tls) = self.tls {
            let context =
                "`listeners.feed`: `cert_file` and `key_file` do not form a usable TLS pair";
            server = server.tls_config(tls).context(context)?;
        }
        let router = server.add_service(self.service);
        let stopped = shutdown.reached(Phase::Stopping);
        Ok(control.spawn(async move {
            // Subscriptions never end by themselves: they are cut, and gates go elsewhere.
            tokio::select! {
                ended = router.serve_with_incoming(connections.stream()) => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "the feed's listener has failed");
                    }
                }
                () = stopped => {}
            }
        }))
    }
}
