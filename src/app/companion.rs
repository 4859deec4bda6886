//! The issuer beside the gate: opened before anything listens, served by threads of its own.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context, bail};
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::feed::{FeedServer, FeedSocket};
use super::http::{HttpListener, HttpServer};
use super::loaded::Core;
use super::serving::Serving;
use super::socket;
use crate::admin::{CompanionStatus, ErrorStatus, ServedFeed, SettingStatus, StoreProbe};
use crate::authorizer::Authorizer;
use crate::clock::Clock;
use crate::config::{Config, IssuerSettings};
use crate::connection_limits::ConnectionLimits;
use crate::feed::GateView;
use crate::issuer::{FirstAdministrator, Issuer, StoreReport, TrustedProxies};
use crate::keyring::Keyring;
use crate::reload::PortalFiles;
use crate::shutdown::Phase;
use crate::telemetry::SubjectNames;
use crate::tls::{ServerTls, TlsListener};

/// How many threads an issuer gets.
pub(super) fn threads(settings: Option<&IssuerSettings>) -> Option<usize> {
    settings.map(|settings| settings.threads)
}

/// An issuer whose listener is bound and not yet served.
pub(super) struct Companion {
    issuer: Arc<Issuer>,
    socket: TcpListener,
    limits: ConnectionLimits,
    trusted_proxies: TrustedProxies,
    tls: Option<Arc<ServerTls>>,
    keyring: Arc<Keyring>,
    feed: Option<FeedServer>,
}

impl Companion {
    /// Opens the store and gives the keys to the gate; nothing where no issuer is configured.
    pub(super) fn open(
        config: &Config,
        runtime: &Handle,
        core: &Core,
        names: &SubjectNames,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Option<Self>> {
        let keyring = &core.keyring;
        let Some(settings) = config.issuer.clone() else {
            return Ok(None);
        };
        // Bound before the store is opened: a port that is taken is said at once, and not after a
        // migration.
        let socket = socket::bind_issuer(settings.address)?;
        let (limits, trusted_proxies) = (settings.connections, settings.trusted_proxies.clone());
        let feed = config.feed.as_ref();
        let feed_socket = feed.map(FeedSocket::bind).transpose()?;
        let names = names.clone();
        // Not `block_on`: whoever builds an app may itself run on a runtime.
        let (sender, receiver) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            // Whoever waited is gone if this fails.
            let _ = sender.send(Box::pin(Issuer::open(settings, names, clock)).await);
        });
        let opened = receiver.recv().context("the issuer did not start")?;
        let (issuer, administrator) = opened?;
        // Keys and revocations together, before anything is served: a gate that knew the one without
        // the other would let revoked tokens through.
        keyring.set_companion_keys(issuer.key_set());
        keyring.set_companion_revocations(Arc::clone(issuer.revocations()));
        // Straight to standard error: not through the log, whose outputs may be files that others read.
        tell(&administrator)?;
        let feed = match (feed, feed_socket) {
            (Some(listener), Some(socket)) => {
                let tls = core.tls.of(TlsListener::Feed);
                Some(FeedServer::new(listener, socket, tls, issuer.feed())?)
            }
            _ => None,
        };
        Ok(Some(Self {
            issuer,
            socket,
            limits,
            trusted_proxies,
            tls: core.tls.of(TlsListener::Issuer),
            keyring: Arc::clone(keyring),
            feed,
        }))
    }

    /// How the logs of this process name people.
    pub(super) fn subject_names(&self) -> SubjectNames {
        self.issuer.subject_names().clone()
    }

    pub(super) fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Has what the issuer counts registered.
    pub(super) fn register_metrics(&self, registry: &mut Registry) {
        self.issuer.register_metrics(registry);
        if let Some(feed) = &self.feed {
            feed.register_metrics(registry);
        }
    }

    /// Has the issuer's pages show the gate with the policy that it has in force, and what these files hold.
    pub(super) fn set_gate(&self, gate: &Arc<Authorizer>, files: &PortalFiles, view: GateView) {
        self.issuer.set_gate(gate, files, view);
    }

    /// Whether the issuer's store answers, for `/status`.
    pub(super) fn store_probe(&self) -> StoreProbe {
        let issuer = Arc::clone(&self.issuer);
        StoreProbe(Box::new(move || told(issuer.store_report())))
    }

    pub(super) fn feed_address(&self) -> Option<SocketAddr> {
        self.feed.as_ref().map(FeedServer::address)
    }

    /// What `/status` tells of the feed, where it is served.
    pub(super) fn served_feed(&self) -> Option<Box<dyn Fn() -> ServedFeed + Send + Sync>> {
        self.feed.as_ref().map(FeedServer::status)
    }

    pub(super) fn serve(
        self,
        runtime: &Handle,
        serving: &Serving,
    ) -> anyhow::Result<Vec<JoinHandle<()>>> {
        let _entered = runtime.enter();
        let shutdown = &serving.shutdown;
        let listener = HttpListener {
            name: "issuer",
            socket: tokio::net::TcpListener::from_std(self.socket)?,
            limits: self.limits,
            tls: self.tls,
        };
        let stopped = shutdown.reached(Phase::Stopping);
        let feed = self
            .feed
            .map(|feed| feed.serve(runtime, shutdown))
            .transpose()?;
        let proxies = self.trusted_proxies;
        let unlimited = move |address| proxies.contain(address);
        let server = HttpServer::new(listener, &serving.http, unlimited);
        let background_stopped = shutdown.reached(Phase::Stopping);
        let serving = async move {
            let background = async {
                let publish = |keys| self.keyring.set_companion_keys(keys);
                tokio::select! {
                    () = self.issuer.run_background_tasks(publish) => {}
                    () = background_stopped => {}
                }
                // Now, as requests under way may take as long as there is.
                self.issuer.write_sign_ins().await;
            };
            tokio::join!(server.serve(self.issuer.router(), stopped), background);
            // After both: a request that is being answered may still write, and the background tasks
            // may be in the middle of a sweep.
            self.issuer.close().await;
        };
        Ok(feed.into_iter().chain([runtime.spawn(serving)]).collect())
    }
}

/// What `/status` tells of the store.
fn told(report: StoreReport) -> CompanionStatus {
    let StoreReport {
        asking,
        writing,
        other_issuers,
        disagreements,
    } = report;
    let disagreements = disagreements.into_iter().map(|found| SettingStatus {
        setting: found.setting,
        own: found.own,
        other: found.other,
        host: found.host,
    });
    CompanionStatus {
        store_up: asking.is_none(),
        store_writable: writing.is_none(),
        store_error: asking.or(writing).map(|fault| ErrorStatus {
            since_unix_seconds: fault.since.0,
            error: fault.error,
        }),
        other_issuers,
        disagreements: disagreements.collect(),
    }
}

/// The one time that a password is shown: to whoever starts the server, and to no log.
fn tell(administrator: &FirstAdministrator) -> anyhow::Result<()> {
    use std::io::Write;
    match administrator {
        FirstAdministrator::Present => {}
        FirstAdministrator::MadeElsewhere => {
            tracing::info!(
                "another issuer on this store, which started at the same time, has made the first administrator: the \
                 password is the one that it printed on its standard error, or that of its \
                 `issuer.admin_password_file`"
            );
        }
        FirstAdministrator::FromFile => {
            tracing::info!("the first administrator has the password from the file");
        }
        FirstAdministrator::Generated { username, password } => {
            let password = password.reveal();
            let told = writeln!(
                std::io::stderr(),
                "Without `issuer.admin_password_file`, a password was generated. The first administrator is \
                 `{username}` with the password `{password}`. It is not shown again."
            );
            // An error of the start, though the administrator exists by now: nobody else will ever know
            // the password.
            if told.is_err() {
                bail!(
                    "the first administrator's password cannot be shown: use `issuer.admin_password_file`"
                );
            }
        }
    }
    Ok(())
}
