//! What an issuer does besides answering requests: it follows the keys and the revocations of its store,
//! asks whether the store answers, and sweeps up what has ended.

mod key_follower;
mod sweeper;

use std::sync::Arc;

use super::revocation_log::LogFollower;
use super::store_health::StoreHealth;
use crate::token::KeySet;

pub(super) use key_follower::KeyFollower;
pub(super) use sweeper::Sweeper;

/// The background tasks of one issuer.
pub(super) struct BackgroundTasks {
    pub(super) keys: KeyFollower,
    pub(super) log: Arc<LogFollower>,
    pub(super) store_health: Arc<StoreHealth>,
    pub(super) sweeper: Sweeper,
}

impl BackgroundTasks {
    /// Runs them until it is dropped, which may be at any moment. `publish` gets the keys to trust each
    /// time that they change.
    pub(super) async fn run(&self, publish: impl Fn(KeySet)) {
        tokio::join!(
            self.keys.run(publish),
            self.log.run(),
            self.store_health.watch(),
            self.sweeper.run(),
        );
    }
}
