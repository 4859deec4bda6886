//! The issuer beside the gate: opened before anything listens, served by the control threads.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context, bail};
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::bounded_listener::{BoundedListener, Bounds};
use super::feed::{FeedServer, FeedSocket};
use super::socket;
use crate::admin::ServedFeed;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::issuer::{FirstAdministrator, Issuer};
use crate::keyring::Keyring;
use crate::shutdown::{Phase, Shutdown};

/// An issuer whose listener is bound and not yet served.
pub(super) struct Companion {
    issuer: Arc<Issuer>,
    socket: TcpListener,
    feed: Option<FeedServer>,
}

impl Companion {
    /// Opens the store and gives the keys to the gate; nothing where no issuer is configured.
    pub(super) fn open(
        config: &Config,
        control: &Handle,
        keyring: &Keyring,
    ) -> anyhow::Result<Option<Self>> {
        let Some(settings) = config.issuer.clone() else {
            return Ok(None);
        };
        let socket = socket::bind_issuer(settings.address)?;
        let feed = config.feed.as_ref();
        let feed_socket = feed.map(FeedSocket::bind).transpose()?;
        // Not `block_on`: whoever builds an app may itself run on a runtime.
        let (sender, receiver) = std::sync::mpsc::channel();
        control.spawn(async move {
            // Whoever waited is gone if this fails.
            let _ = sender.send(Issuer::open(settings, Arc::new(SystemClock)).await);
        });
        let opened = receiver.recv().context("the issuer did not start")?;
        let (issuer, administrator) = opened?;
        keyring.set_companion_keys(issuer.key_set()?);
        keyring.set_companion_revocations(Arc::clone(issuer.revocations()));
        tell(&administrator)?;
        let feed = match (feed, feed_socket) {
            (Some(listener), Some(socket)) => {
                Some(FeedServer::new(listener, socket, issuer.feed())?)
            }
            _ => None,
        };
        Ok(Some(Self {
            issuer,
            socket,
            feed,
        }))
    }

    pub(super) fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(super) fn feed_address(&self) -> Option<SocketAddr> {
        self.feed.as_ref().map(FeedServer::address)
    }

    /// What `/status` tells of the feed, where it is served.
    pub(super) fn served_feed(&self) -> Option<Box<dyn Fn() -> ServedFeed + Send + Sync>> {
        self.feed.as_ref().map(FeedServer::status)
    }

    /// What the feed counts, where it is served.
    pub(super) fn register(&self, registry: &mut Registry) {
        if let Some(feed) = &self.feed {
            registry.register_collector(Box::new(feed.collector()));
        }
    }

    pub(super) fn serve(
        self,
        control: &Handle,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Vec<JoinHandle<()>>> {
        let _entered = control.enter();
        let listener = tokio::net::TcpListener::from_std(self.socket)?;
        let stopped = shutdown.reached(Phase::Stopping);
        let feed = self
            .feed
            .map(|feed| feed.serve(control, shutdown))
            .transpose()?;
        let issuer = control.spawn(async move {
            let listener = BoundedListener::new(listener, Bounds::ISSUER);
            let server = axum::serve(listener, self.issuer.router());
            let serving = async {
                if let Err(error) = server.with_graceful_shutdown(stopped).await {
                    tracing::error!(%error, "the issuer's listener has failed");
                }
            };
            tokio::select! {
                () = serving => {}
                () = self.issuer.follow_log() => {}
            }
            self.issuer.store().close().await;
        });
        Ok(feed.into_iter().chain([issuer]).collect())
    }
}

/// The one time that a password is shown: to whoever starts the server, and to no log.
fn tell(administrator: &FirstAdministrator) -> anyhow::Result<()> {
    use std::io::Write;
    match administrator {
        FirstAdministrator::Present => {}
        FirstAdministrator::FromFile => {
            tracing::info!("the first administrator has the password of the file");
        }
        FirstAdministrator::Generated { username, password } => {
            let password = password.reveal();
            let told = writeln!(
                std::io::stderr(),
                "The first administrator is `{username}` with the password `{password}`. It is \
                 not shown again."
            );
            if told.is_err() {
                bail!(
                    "the first administrator's password cannot be shown: use `issuer.admin_password_file`"
                );
            }
        }
    }
    Ok(())
}
