//! Where the connections of the gate threads come from, and which thread gets which.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::unconstrained;

use super::connection::{Accepted, Connections};
use super::handshakes::Handshakes;
use super::socket::AuthzSocket;
use crate::shutdown::{Phase, Shutdown};
use crate::tls::ServerTls;

/// Where the connections of the threads come from.
pub(super) struct Intake {
    pub(super) socket: AuthzSocket,
    pub(super) max_connections: usize,
    /// Absent: the first of the threads accepts connections, in plain text.
    pub(super) tls: Option<IntakeTls>,
}

pub(super) struct IntakeTls {
    pub(super) tls: Arc<ServerTls>,
    /// Where hands are shaken: signatures must not keep a gate thread from its checks.
    pub(super) runtime: Handle,
}

/// Hands connections to one thread.
pub(super) struct Inlet {
    accepted: mpsc::UnboundedSender<Accepted>,
    open: Arc<AtomicUsize>,
}

impl Inlet {
    /// `open` is the number of connections that the thread has.
    pub(super) fn new(accepted: mpsc::UnboundedSender<Accepted>, open: Arc<AtomicUsize>) -> Self {
        Self { accepted, open }
    }
}

impl Intake {
    /// Accepts connections on `runtime` and deals them to the threads, until the phase
    /// [`Phase::Stopping`]. They begin to speak HTTP/2 within `patience`.
    pub(super) fn open(
        self,
        runtime: &Handle,
        inlets: Vec<Inlet>,
        patience: Duration,
        shutdown: &Shutdown,
    ) -> anyhow::Result<()> {
        let _entered = runtime.enter();
        let connections = Connections::new(self.socket.listen()?, self.max_connections, patience);
        let Some(tls) = self.tls else {
            let stopping = shutdown.reached(Phase::Stopping);
            runtime.spawn(async move {
                tokio::select! {
                    () = deal(&connections, &inlets) => {}
                    // What the kernel has accepted already is served: to the proxy these connections
                    // are open, and to close them would fail checks that are on their way.
                    () = stopping => deal_rest(&connections, &inlets).await,
                }
            });
            return Ok(());
        };
        let handshakes = Handshakes::new(connections, tls.tls)
            .context("`listeners.authz.tls` needs an address with a port")?;
        let inlets: Arc<[Inlet]> = inlets.into();
        runtime.spawn(handshakes.run(shutdown.clone(), move |accepted| {
            hand_in(accepted, &inlets);
        }));
        Ok(())
    }
}

/// Hands each connection to the thread that has the fewest.
async fn deal(connections: &Connections, inlets: &[Inlet]) {
    while let Some(accepted) = connections.accept().await {
        hand_in(accepted, inlets);
    }
}

/// Deals the connections that proxies have opened before the end: the system would reset those
/// that it has queued when the listener closes, with the checks that they carry.
async fn deal_rest(connections: &Connections, inlets: &[Inlet]) {
    // The runtime looks at the listener before it goes on.
    tokio::task::yield_now().await;
    // Unconstrained: the budget of a task would end this early.
    while let Some(Some(accepted)) = unconstrained(connections.accept()).now_or_never() {
        hand_in(accepted, inlets);
    }
}

fn hand_in(accepted: Accepted, inlets: &[Inlet]) {
    let fewest = inlets
        .iter()
        .min_by_key(|inlet| inlet.open.load(Ordering::Relaxed));
    if let Some(inlet) = fewest {
        // Counted here, not where the thread takes it: of a burst of connections each must see those
        // before.
        inlet.open.fetch_add(1, Ordering::Relaxed);
        // A thread that has ended closes the connection.
        let _ = inlet.accepted.send(accepted);
    }
}
