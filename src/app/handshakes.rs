//! TLS handshakes of new connections, before they have a place: bounded in time and number.
//!
//! Whoever connects and says nothing holds no place of those that do. When there are too many at a time,
//! the handshake that began first of those from the busiest address goes for the new one.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::unconstrained;

use super::client_address::counted;
use super::connection::{Accepted, Connections, accept_one, accept_tcp};
use super::portable::PortableSocket;
use crate::shutdown::{Phase, Shutdown};
use crate::tls::{HandshakeFailure, ServerTls};

/// The longest that a handshake may take, and the wait for a place after it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same once the process ends: proxies that are connecting have checks that wait for it.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// Handshakes at a time. Each holds some 20 KiB.
const MAX_UNDERWAY: usize = 256;

/// The connections of a listener on their way to a place.
pub(super) struct Handshakes {
    tls: Arc<ServerTls>,
    listener: TcpListener,
    places: Arc<Semaphore>,
    /// How long a connection may take to begin after the handshake.
    patience: Duration,
    underway: Arc<Mutex<Underway>>,
}

#[derive(Default)]
struct Underway {
    next: u64,
    /// The oldest first.
    handshakes: BTreeMap<u64, Handshake>,
}

struct Handshake {
    client: IpAddr,
    /// Dropped to end it.
    _cut: oneshot::Sender<Infallible>,
}

/// Takes its handshake out of the table when dropped.
struct Entered {
    id: u64,
    underway: Arc<Mutex<Underway>>,
}

impl Handshakes {
    /// Nothing where the listener has no port, and so no TLS.
    pub(super) fn new(connections: Connections, tls: Arc<ServerTls>) -> Option<Self> {
        let (listener, places, patience) = connections.into_tcp()?;
        Some(Self {
            tls,
            listener,
            places,
            patience,
            underway: Arc::default(),
        })
    }

    /// Hands over every connection whose handshake succeeds, until the phase [`Phase::Stopping`]. Those
    /// that have connected by then get a last moment.
    pub(super) async fn run(
        self,
        shutdown: Shutdown,
        hand_over: impl Fn(Accepted) + Clone + Send + 'static,
    ) {
        let accept = async {
            loop {
                let (stream, peer) = accept_one(|| accept_tcp(&self.listener)).await;
                self.begin(stream, peer, &shutdown, hand_over.clone());
            }
        };
        tokio::select! {
            () = accept => {}
            () = shutdown.reached(Phase::Stopping) => {}
        }
        // The runtime looks at the listener before it goes on. Unconstrained: the budget of a task would
        // end this early.
        tokio::task::yield_now().await;
        while let Some(Ok((stream, peer))) =
            unconstrained(accept_tcp(&self.listener)).now_or_never()
        {
            self.begin(stream, peer, &shutdown, hand_over.clone());
        }
    }

    fn begin(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        shutdown: &Shutdown,
        hand_over: impl FnOnce(Accepted) + Send + 'static,
    ) {
        let client = peer.ip().to_canonical();
        let (entered, cut) = enter(&self.underway, counted(client));
        let (tls, places) = (Arc::clone(&self.tls), Arc::clone(&self.places));
        let (patience, stopping) = (self.patience, shutdown.reached(Phase::Stopping));
        tokio::spawn(async move {
            let shaking_hands = async {
                let mut stream = tls
                    .accept(PortableSocket::Attached(stream), client)
                    .await
                    .ok()?;
                // Only now: the places are for clients that have shown who they are.
                let place = places.acquire_owned().await.ok()?;
                // From this runtime, so that the thread that takes it can attach it to its own.
                stream.get_mut().0.detach().ok()?;
                Some(Accepted::secured(stream, patience, place))
            };
            // A handshake that began before the end may finish: the proxy behind it has a check to
            // send.
            let last_moment = async {
                stopping.await;
                tokio::time::sleep(LAST_PATIENCE).await;
            };
            tokio::select! {
                accepted = shaking_hands => {
                    if let Some(accepted) = accepted {
                        hand_over(accepted);
                    }
                }
                _ = cut => tls.fail(client, HandshakeFailure::Evicted),
                () = tokio::time::sleep(PATIENCE) => tls.fail(client, HandshakeFailure::TimedOut),
                () = last_moment => {}
            }
            drop(entered);
        });
    }
}

/// Makes room for a handshake; the receiver ends when it has to go.
fn enter(
    underway: &Arc<Mutex<Underway>>,
    client: IpAddr,
) -> (Entered, oneshot::Receiver<Infallible>) {
    let mut table = underway.lock();
    if table.handshakes.len() >= MAX_UNDERWAY {
        table.evict();
    }
    let id = table.next;
    table.next += 1;
    let (cut, is_cut) = oneshot::channel();
    table.handshakes.insert(id, Handshake { client, _cut: cut });
    let underway = Arc::clone(underway);
    (Entered { id, underway }, is_cut)
}

impl Underway {
    fn evict(&mut self) {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for handshake in self.handshakes.values() {
            *counts.entry(handshake.client).or_default() += 1;
        }
        let busiest = counts.into_iter().max_by_key(|(_, count)| *count);
        let oldest = busiest.and_then(|(client, _)| {
            let mut handshakes = self.handshakes.iter();
            handshakes.find(|(_, handshake)| handshake.client == client)
        });
        if let Some(id) = oldest.map(|(id, _)| *id) {
            self.handshakes.remove(&id);
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.underway.lock().handshakes.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_handshake_of_the_busiest_address_goes() {
        let underway = Arc::default();
        let address = |last: usize| IpAddr::from([10, 0, 0, u8::try_from(last).unwrap()]);
        let (_quiet, mut quiet) = enter(&underway, address(1));
        let busy: Vec<_> = (1..MAX_UNDERWAY)
            .map(|_| enter(&underway, address(2)))
            .collect();
        let (_new, mut new) = enter(&underway, address(3));
        let is_cut = |cut: &mut oneshot::Receiver<Infallible>| {
            cut.try_recv() == Err(oneshot::error::TryRecvError::Closed)
        };
        assert!(!is_cut(&mut quiet) && !is_cut(&mut new));
        let cut: Vec<_> = busy
            .into_iter()
            .map(|(_entered, mut cut)| is_cut(&mut cut))
            .collect();
        assert_eq!(cut.iter().position(|cut| *cut), Some(0));
        assert_eq!(cut.iter().filter(|cut| **cut).count(), 1);
    }

    #[test]
    fn a_handshake_that_ends_makes_room() {
        let underway = Arc::default();
        let client = IpAddr::from([10, 0, 0, 1]);
        for _ in 0..2 * MAX_UNDERWAY {
            let (_entered, mut cut) = enter(&underway, client);
            assert_eq!(cut.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        }
        assert!(underway.lock().handshakes.is_empty());
    }
}
