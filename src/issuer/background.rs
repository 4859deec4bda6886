//! What an issuer does besides answering requests: it follows the keys and the revocations of its store,
//! asks whether the store answers, sweeps up what has ended, and writes when apps were last used and who has logged in.

mod key_follower;
mod sign_in_writer;
mod sweeper;
mod use_writer;

use std::sync::Arc;
use std::time::Duration;

use super::IssuerError;
use super::app_uses::AppUses;
use super::foundation::Foundation;
use super::peers::Peers;
use super::revocation_log::LogFollower;
use super::sign_ins::SignIns;
use super::store_health::StoreHealth;
use crate::authorizer::Authorizer;
use crate::revocation::{Freshness, RevocationList, SteadyClock};
use crate::token::KeySet;

use key_follower::KeyFollower;
use sign_in_writer::SignInWriter;
use sweeper::Sweeper;
use use_writer::UseWriter;

/// The background tasks of one issuer.
pub(super) struct BackgroundTasks {
    keys: KeyFollower,
    pub(super) log: Arc<LogFollower>,
    pub(super) store_health: Arc<StoreHealth>,
    sweeper: Sweeper,
    use_writer: UseWriter,
    sign_in_writer: SignInWriter,
}

impl BackgroundTasks {
    /// Reads what has been revoked so far, and has keys and revocations ready for those who subscribe.
    pub(super) async fn start(
        foundation: &Foundation,
        guard: Arc<Authorizer>,
        uses: Arc<AppUses>,
        sign_ins: Arc<SignIns>,
    ) -> Result<Self, IssuerError> {
        let (settings, clock) = (&foundation.settings, &foundation.clock);
        let steady_clock = Arc::new(SteadyClock::new(Arc::clone(clock)));
        let store = foundation.store.clone();
        let peers = Peers::new(store.clone(), settings, Arc::clone(clock))?;
        let store_health = Arc::new(StoreHealth::opened(store, peers, Arc::clone(clock)));
        let freshness = Freshness::new(settings.max_staleness, settings.on_stale);
        let log = LogFollower::start(
            Arc::clone(&store_health),
            &settings.url,
            RevocationList::new(settings.max_revocations).from_afar(freshness),
            Arc::clone(&steady_clock),
            Arc::clone(clock),
        );
        let log = Arc::new(log.await?);
        let keys = KeyFollower {
            store: foundation.store.clone(),
            settings: Arc::clone(settings),
            signer: Arc::clone(&foundation.signer),
            guard,
            hub: Arc::clone(log.hub()),
            clock: Arc::clone(clock),
        };
        // Before anybody can subscribe: a gate that gets no keys refuses every token.
        keys.tell_feed();
        let sweeper = Sweeper::new(
            foundation.store.clone(),
            Duration::from_secs(settings.sweep_seconds),
            Arc::clone(clock),
            steady_clock,
        );
        let use_writer = UseWriter {
            store: foundation.store.clone(),
            uses,
            clock: Arc::clone(clock),
        };
        let sign_in_writer = SignInWriter {
            store: foundation.store.clone(),
            sign_ins,
        };
        Ok(Self {
            keys,
            log,
            store_health,
            sweeper,
            use_writer,
            sign_in_writer,
        })
    }

    /// Runs them until it is dropped, which may be at any moment. `publish` gets the keys to trust each
    /// time that they change.
    pub(super) async fn run(&self, publish: impl Fn(KeySet)) {
        tokio::join!(
            self.keys.run(publish),
            self.log.run(),
            self.store_health.watch(),
            self.sweeper.run(),
            self.use_writer.run(),
            self.sign_in_writer.run(),
        );
    }
}
