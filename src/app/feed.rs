//! The feed's listener: gRPC for the gates of other processes, on the control threads.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tonic::transport::{Server, ServerTlsConfig};

use super::connection::{Connections, Listener};
use super::socket;
use crate::admin::ServedFeed;
use crate::feed::{FeedAccess, FeedListener, FeedService, Hub};
use crate::shutdown::{Phase, Shutdown};
use crate::telemetry::{counter, gauge};

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

    pub(super) fn collector(&self) -> HubCollector {
        HubCollector(Arc::clone(&self.hub))
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

/// Reads what the feed counts.
pub(super) struct HubCollector(Arc<Hub>);

impl std::fmt::Debug for HubCollector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("HubCollector")
    }
}

impl Collector for HubCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let statistics = self.0.statistics();
        let subscribers = statistics.subscribers as u64;
        gauge(
            &mut encoder,
            "feed_subscribers",
            "Gates connected to this issuer's feed",
            subscribers,
        )?;
        gauge(
            &mut encoder,
            "feed_position",
            "Position of the revocation log sent to gates",
            statistics.position.0,
        )?;
        let counts = [
            (
                "feed_refusals",
                "Gates refused: wrong token, another issuer, or too many gates",
                statistics.refused,
            ),
            (
                "feed_cut_subscribers",
                "Gates disconnected for reading too slowly",
                statistics.cut,
            ),
            (
                "feed_resumptions",
                "Subscriptions resumed from a cursor",
                statistics.resumed,
            ),
            (
                "feed_snapshots_sent",
                "Subscriptions that started with a full snapshot",
                statistics.snapshots_sent,
            ),
            (
                "feed_snapshots_encoded",
                "Full snapshots encoded",
                statistics.snapshots_encoded,
            ),
            (
                "feed_batches",
                "Frames of new revocations, each sent to every gate",
                statistics.batches,
            ),
        ];
        for (name, help, value) in counts {
            counter(&mut encoder, name, help, value)?;
        }
        Ok(())
    }
}
