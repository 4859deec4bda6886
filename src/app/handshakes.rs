//! TLS handshakes of new connections, before they have a place: bounded in time and number.
//!
//! Whoever connects and says nothing holds no place of those that do. When there are too many at a time,
//! one goes for the new one: the oldest of the address that has the most, of those that have had their
//! chance or whose address has a crowd of them. Where there is none, the new one waits, so that a flood
//! cannot throw out clients that do shake hands.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::unconstrained;
use tokio::time::{Instant, timeout};

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

/// What a handshake has at least, several round trips to anywhere; unless its address has a crowd of them.
const CHANCE: Duration = Duration::from_secs(1);

/// So many handshakes of one address are a crowd. It must not keep those of others waiting.
const CROWD: usize = MAX_UNDERWAY / 4;

/// The connections of a listener on their way to a place.
pub(super) struct Handshakes {
    tls: Arc<ServerTls>,
    listener: TcpListener,
    places: Arc<Semaphore>,
    /// How long a connection may take to begin after the handshake.
    patience: Duration,
    underway: Arc<Underway>,
}

#[derive(Default)]
struct Underway {
    table: Mutex<Table>,
    /// One has ended.
    ended: Notify,
}

#[derive(Default)]
struct Table {
    next: u64,
    /// The oldest first.
    handshakes: BTreeMap<u64, Handshake>,
}

struct Handshake {
    client: IpAddr,
    began: Instant,
    /// Dropped to end it.
    _cut: oneshot::Sender<Infallible>,
}

/// There is no room before this.
#[derive(Debug, PartialEq, Eq)]
struct FullError(Instant);

/// Takes its handshake out of the table when dropped.
struct Entered {
    id: u64,
    underway: Arc<Underway>,
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
        let mut stopping = pin!(shutdown.reached(Phase::Stopping));
        loop {
            let (stream, peer) = tokio::select! {
                accepted = accept_one(|| accept_tcp(&self.listener)) => accepted,
                () = &mut stopping => break,
            };
            // Not cut short by the end: whoever is accepted gets a last moment.
            let entered = self.underway.enter(counted(peer.ip())).await;
            self.begin(entered, stream, peer, &shutdown, hand_over.clone());
        }
        // The runtime looks at the listener before it goes on. Unconstrained: the budget of a task would
        // end this early.
        tokio::task::yield_now().await;
        let rest = async {
            while let Some(Ok((stream, peer))) =
                unconstrained(accept_tcp(&self.listener)).now_or_never()
            {
                let entered = self.underway.enter(counted(peer.ip())).await;
                self.begin(entered, stream, peer, &shutdown, hand_over.clone());
            }
        };
        // Who finds no room by then is one of a flood.
        let _ = timeout(LAST_PATIENCE, rest).await;
    }

    fn begin(
        &self,
        (entered, cut): (Entered, oneshot::Receiver<Infallible>),
        stream: TcpStream,
        peer: SocketAddr,
        shutdown: &Shutdown,
        hand_over: impl FnOnce(Accepted) + Send + 'static,
    ) {
        let client = peer.ip().to_canonical();
        let (tls, places) = (Arc::clone(&self.tls), Arc::clone(&self.places));
        let (patience, stopping) = (self.patience, shutdown.reached(Phase::Stopping));
        tokio::spawn(async move {
            let waits_for_place = AtomicBool::new(false);
            let shaking_hands = async {
                let stream = PortableSocket::Attached(stream);
                let mut secured = tls.accept(stream, client).await.ok()?;
                waits_for_place.store(true, Ordering::Relaxed);
                // Only now: the places are for clients that have shown who they are.
                let place = places.acquire_owned().await.ok()?;
                // From this runtime, so that the thread that takes it can attach it to its own.
                secured.stream.get_mut().0.detach().ok()?;
                Some(Accepted::secured(secured, patience, place))
            };
            // A handshake that began before the end may finish: the proxy behind it has a check to
            // send.
            let last_moment = async {
                stopping.await;
                tokio::time::sleep(LAST_PATIENCE).await;
            };
            let fail = |failure| {
                // The client has done its part.
                let is_secured = waits_for_place.load(Ordering::Relaxed);
                let failure = if is_secured {
                    HandshakeFailure::NoPlace
                } else {
                    failure
                };
                tls.fail(client, failure);
            };
            tokio::select! {
                accepted = shaking_hands => {
                    if let Some(accepted) = accepted {
                        hand_over(accepted);
                    }
                }
                _ = cut => fail(HandshakeFailure::Evicted),
                () = tokio::time::sleep(PATIENCE) => fail(HandshakeFailure::TimedOut),
                () = last_moment => {}
            }
            drop(entered);
        });
    }
}

impl Underway {
    /// Makes room for a handshake, and waits where there is none yet; the receiver ends when it has to go.
    async fn enter(self: &Arc<Self>, client: IpAddr) -> (Entered, oneshot::Receiver<Infallible>) {
        loop {
            let ended = self.ended.notified();
            let entered = self.table.lock().enter(client, Instant::now());
            match entered {
                Ok((id, cut)) => {
                    let underway = Arc::clone(self);
                    return (Entered { id, underway }, cut);
                }
                Err(FullError(until)) => tokio::select! {
                    () = ended => {}
                    () = tokio::time::sleep_until(until) => {}
                },
            }
        }
    }
}

impl Table {
    fn enter(
        &mut self,
        client: IpAddr,
        now: Instant,
    ) -> Result<(u64, oneshot::Receiver<Infallible>), FullError> {
        if self.handshakes.len() >= MAX_UNDERWAY {
            self.evict(now)?;
        }
        let id = self.next;
        self.next += 1;
        let (cut, is_cut) = oneshot::channel();
        let handshake = Handshake {
            client,
            began: now,
            _cut: cut,
        };
        self.handshakes.insert(id, handshake);
        Ok((id, is_cut))
    }

    fn evict(&mut self, now: Instant) -> Result<(), FullError> {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for handshake in self.handshakes.values() {
            *counts.entry(handshake.client).or_default() += 1;
        }
        let may_go = |handshake: &Handshake| {
            let is_crowd = counts.get(&handshake.client) >= Some(&CROWD);
            is_crowd || now.duration_since(handshake.began) >= CHANCE
        };
        let candidates = self.handshakes.iter();
        let candidates = candidates.filter(|(_, handshake)| may_go(handshake));
        // The oldest of the busiest: of several that are alike, the first is taken.
        let goes = candidates.min_by_key(|(_, handshake)| Reverse(counts.get(&handshake.client)));
        if let Some(id) = goes.map(|(id, _)| *id) {
            self.handshakes.remove(&id);
            return Ok(());
        }
        let oldest = self.handshakes.values().next();
        let until = oldest.map_or(now, |oldest| oldest.began + CHANCE);
        Err(FullError(until))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.underway.table.lock().handshakes.remove(&self.id);
        self.underway.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn is_cut(cut: &mut oneshot::Receiver<Infallible>) -> bool {
        cut.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn handshakes_of_many_addresses_have_their_chance_each() {
        let mut table = Table::default();
        let start = Instant::now();
        let mut underway: Vec<_> = (0..MAX_UNDERWAY)
            .map(|number| table.enter(address(u8::try_from(number % 5).unwrap()), start))
            .map(|entered| entered.unwrap().1)
            .collect();
        let late = start + CHANCE / 2;
        let found = table.enter(address(9), late).map(|_| ());
        assert_eq!(found, Err(FullError(start + CHANCE)));
        assert!(!underway.iter_mut().any(is_cut));
        table.enter(address(9), start + CHANCE).unwrap();
        assert_eq!(
            underway
                .iter_mut()
                .filter_map(|cut| is_cut(cut).then_some(()))
                .count(),
            1
        );
    }

    #[test]
    fn the_oldest_handshake_of_a_crowd_from_one_address_goes_at_once() {
        let mut table = Table::default();
        let start = Instant::now();
        let (_, mut quiet) = table.enter(address(1), start).unwrap();
        let busy: Vec<_> = (1..MAX_UNDERWAY)
            .map(|_| table.enter(address(2), start).unwrap().1)
            .collect();
        // All have just begun.
        let (_, mut new) = table.enter(address(3), start).unwrap();
        assert!(!is_cut(&mut quiet) && !is_cut(&mut new));
        let cut: Vec<_> = busy.into_iter().map(|mut cut| is_cut(&mut cut)).collect();
        assert_eq!(cut.iter().position(|cut| *cut), Some(0));
        assert_eq!(cut.iter().filter(|cut| **cut).count(), 1);
    }

    #[test]
    fn a_flood_of_new_handshakes_does_not_protect_an_old_one() {
        let mut table = Table::default();
        let start = Instant::now();
        let (_, mut old) = table.enter(address(1), start).unwrap();
        for number in 1..MAX_UNDERWAY {
            let client = address(u8::try_from(number % 5).unwrap() + 2);
            table.enter(client, start + CHANCE).unwrap();
        }
        let (_, mut new) = table.enter(address(9), start + CHANCE).unwrap();
        assert!(is_cut(&mut old) && !is_cut(&mut new));
    }

    #[tokio::test]
    async fn a_handshake_that_ends_makes_room_for_one_that_waits() {
        let underway = Arc::new(Underway::default());
        let mut entered = Vec::new();
        for number in 0..MAX_UNDERWAY {
            let client = address(u8::try_from(number % 5).unwrap());
            entered.push(underway.enter(client).await);
        }
        let mut waits = Box::pin(underway.enter(address(9)));
        assert!((&mut waits).now_or_never().is_none());
        let (ended, mut first) = entered.swap_remove(7);
        drop(ended);
        entered.push(waits.await);
        assert!(is_cut(&mut first), "it has ended");
        assert!(entered.iter_mut().all(|(_, cut)| !is_cut(cut)));
        drop(entered);
        assert!(underway.table.lock().handshakes.is_empty());
    }
}
