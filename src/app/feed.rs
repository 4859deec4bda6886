//! The feed's listener: gRPC for the gates of other processes, on the control threads.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::Server;

use super::connection::{Connection, Connections, Listener};
use super::handshakes::Handshakes;
use super::socket;
use crate::admin::ServedFeed;
use crate::feed::{FeedAccess, FeedListener, FeedService, Hub, HubMetrics};
use crate::shutdown::{Phase, Shutdown};
use crate::tls::ServerTls;

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
    tls: Option<Arc<ServerTls>>,
    socket: TcpListener,
    address: SocketAddr,
    max_connections: usize,
}

impl FeedServer {
    pub(super) fn new(
        listener: &FeedListener,
        socket: FeedSocket,
        tls: Option<Arc<ServerTls>>,
        hub: &Arc<Hub>,
    ) -> anyhow::Result<Self> {
        let FeedSocket { access, socket } = socket;
        Ok(Self {
            hub: Arc::clone(hub),
            service: FeedService::new(Arc::clone(hub), &access, listener.max_subscribers),
            tls,
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
        // Not tonic's own listener: it bounds neither how many connect nor how long they say nothing.
        let connections = Connections::new(listener, self.max_connections, KEEPALIVE);
        let mut server = Server::builder()
            .max_concurrent_streams(MAX_STREAMS)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE));
        let router = server.add_service(self.service);
        let incoming = incoming(connections, self.tls, shutdown);
        let stopped = shutdown.reached(Phase::Stopping);
        Ok(control.spawn(async move {
            // Subscriptions never end by themselves: they are cut, and gates go elsewhere.
            tokio::select! {
                ended = router.serve_with_incoming(incoming) => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "the feed's listener has failed");
                    }
                }
                () = stopped => {}
            }
        }))
    }
}

/// The connections, after their handshakes where there is TLS.
fn incoming(
    connections: Connections,
    tls: Option<Arc<ServerTls>>,
    shutdown: &Shutdown,
) -> BoxStream<'static, io::Result<Connection>> {
    let Some(tls) = tls else {
        return connections.stream().boxed();
    };
    // As many as there are places.
    let (sender, accepted) = mpsc::unbounded_channel();
    if let Some(handshakes) = Handshakes::new(connections, tls) {
        tokio::spawn(handshakes.run(shutdown.clone(), move |accepted| {
            // The server has ended if this fails.
            let _ = sender.send(accepted);
        }));
    }
    let accepted = UnboundedReceiverStream::new(accepted);
    accepted.map(|accepted| accepted.open(None)).boxed()
}
