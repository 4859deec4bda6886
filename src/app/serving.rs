//! The servers: what runs on which threads, and how each learns that the end has come.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::gate_threads::{GateThreads, Served};
use super::http::{HttpListener, HttpMetrics, HttpServer};
use super::http2_limits::Http2Limits;
use super::intake::{Intake, IntakeTls};
use super::loaded::Core;
use super::socket::{AdminSockets, AuthzSocket};
use crate::admin::{self, Admin, Readiness};
use crate::config::AuthzListener;
use crate::connection_limits::ConnectionLimits;
use crate::ext_authz::{CheckLimits, ExtAuthz, SERVICE_NAME};
use crate::gate::{DecisionLog, Gate};
use crate::keyring::Keyring;
use crate::proto::FILE_DESCRIPTOR_SET;
use crate::shutdown::{Phase, Shutdown};
use crate::tls::ServerTls;

/// The longest that a check may take where the proxy names no shorter timeout.
const MAX_CHECK_TIME: Duration = Duration::from_secs(30);

/// How long refusals can go untold when no other of their reason follows.
const WITHHELD_INTERVAL: Duration = Duration::from_secs(10);

/// What all servers share.
#[derive(Default)]
pub(super) struct Serving {
    pub(super) shutdown: Shutdown,
    pub(super) keys_loaded: Arc<watch::Sender<bool>>,
    pub(super) http: HttpMetrics,
}

impl Serving {
    /// `control` is where the state of health is kept up to date.
    pub(super) fn authz(
        &self,
        control: &Handle,
        gate: Arc<Gate>,
        socket: AuthzSocket,
        tls: Option<IntakeTls>,
        listener: &AuthzListener,
    ) -> anyhow::Result<GateThreads> {
        let (reporter, health) = tonic_health::server::health_reporter();
        // On the control runtime: it waits for keys and for the end, and the gate threads are for calls
        // alone.
        control.spawn(report_health(
            reporter,
            self.keys_loaded.subscribe(),
            self.shutdown.reached(Phase::Draining),
            self.shutdown.reached(Phase::Stopping),
        ));
        let mut others = Routes::new(health);
        if listener.reflection {
            let reflection = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                .build_v1()?;
            others = others.add_service(reflection);
        }
        // One for all threads: messages in memory are bounded for the process and not for each thread.
        let check_limits = CheckLimits::new(
            listener.max_message_bytes,
            listener.key_wait,
            MAX_CHECK_TIME,
        );
        let served = Served {
            checks: Arc::new(ExtAuthz::new(gate, check_limits)),
            others: others.prepare(),
            http2: Http2Limits::new(listener),
            shutdown: self.shutdown.clone(),
        };
        let intake = Intake {
            socket,
            max_connections: listener.max_connections,
            tls,
        };
        GateThreads::start(listener.threads, intake, &served)
    }

    pub(super) fn admin(
        &self,
        runtime: &Handle,
        admin: Arc<Admin>,
        sockets: AdminSockets,
        limits: ConnectionLimits,
        tls: Option<Arc<ServerTls>>,
    ) -> anyhow::Result<Vec<JoinHandle<()>>> {
        let _entered = runtime.enter();
        let serve = |name, socket, tls, router| {
            let listener = HttpListener {
                name,
                socket: tokio::net::TcpListener::from_std(socket)?,
                limits,
                tls,
            };
            let stopped = self.shutdown.reached(Phase::Stopping);
            let server = HttpServer::new(listener, &self.http, |_| false);
            anyhow::Ok(runtime.spawn(server.serve(router, stopped)))
        };
        // Probes, and over loopback the last refusals: `/status` and metrics name routes and issuers, and
        // stay behind TLS.
        let plain = sockets.plain.map(|socket| {
            serve(
                "probes",
                socket,
                None,
                admin::probe_router(Arc::clone(&admin)),
            )
        });
        let plain = plain.transpose()?;
        let main = serve("admin", sockets.main, tls, admin::router(admin))?;
        Ok(plain.into_iter().chain([main]).collect())
    }

    pub(super) fn register_metrics(&self, registry: &mut Registry) {
        self.http.register(registry);
        self.readiness().register(registry);
    }

    pub(super) fn readiness(&self) -> Readiness {
        Readiness {
            shutdown: self.shutdown.clone(),
            keys_loaded: Arc::clone(&self.keys_loaded),
        }
    }

    /// Ready once every issuer has had keys; a later outage of an issuer does not undo it.
    pub(super) fn await_keys(&self, runtime: &Handle, keyring: Arc<Keyring>) {
        let keys_loaded = Arc::clone(&self.keys_loaded);
        runtime.spawn(async move {
            keyring.loaded().await;
            keys_loaded.send_replace(true);
            tracing::info!("ready");
        });
    }

    /// Ends once the keys that are kept in files are in them.
    pub(super) fn save_keys(&self, runtime: &Handle, keyring: Arc<Keyring>) -> JoinHandle<()> {
        let stopping = self.shutdown.reached(Phase::Stopping);
        runtime.spawn(async move {
            stopping.await;
            keyring.saved().await;
        })
    }

    /// Logs from time to time how many refusals got no line of their own.
    pub(super) fn withheld_refusals(&self, runtime: &Handle, decisions: DecisionLog) {
        let stopped = self.shutdown.reached(Phase::Stopping);
        runtime.spawn(async move {
            let telling = async {
                loop {
                    tokio::time::sleep(WITHHELD_INTERVAL).await;
                    decisions.tell_withheld();
                }
            };
            tokio::select! {
                () = telling => {}
                () = stopped => {}
            }
        });
    }

    pub(super) fn reloads(&self, runtime: &Handle, core: Core) {
        let stopped = self.shutdown.reached(Phase::Stopping);
        let watching = async move {
            let mut changes = core.watcher.subscribe();
            while changes.changed().await.is_ok() {
                let (loader, authorizer) = (Arc::clone(&core.loader), Arc::clone(&core.authorizer));
                let tls = core.tls.clone();
                // Compiling a large policy takes a while, and this runtime has one thread, which also
                // answers the probes.
                let reload = tokio::task::spawn_blocking(move || {
                    // What went wrong is logged and counted where it happens.
                    tls.reload();
                    let _ = loader.reload(&authorizer);
                    loader
                        .watched_paths()
                        .into_iter()
                        .chain(tls.watched_paths())
                        .collect::<Vec<_>>()
                });
                // The new configuration may name other files, which have to be watched from now on.
                if let Ok(paths) = reload.await {
                    core.watcher.replace_paths(paths);
                }
            }
        };
        runtime.spawn(async move {
            tokio::select! {
                () = watching => {}
                () = stopped => {}
            }
        });
    }
}

/// `grpc.health.v1`: the whole server and the service by name.
async fn report_health(
    mut reporter: HealthReporter,
    mut keys_loaded: watch::Receiver<bool>,
    draining: impl Future<Output = ()>,
    stopping: impl Future<Output = ()>,
) {
    let report = async |reporter: &HealthReporter, status| {
        reporter.set_service_status("", status).await;
        reporter.set_service_status(SERVICE_NAME, status).await;
    };
    // Explicitly: a service that has no status yet is `NOT_FOUND` to clients, which some take for a
    // wrong name.
    report(&reporter, ServingStatus::NotServing).await;
    let serving = async {
        if keys_loaded.wait_for(|loaded| *loaded).await.is_ok() {
            report(&reporter, ServingStatus::Serving).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = serving => {}
        () = draining => {}
    }
    report(&reporter, ServingStatus::NotServing).await;
    stopping.await;
    // Ends the watches of clients, for which the listener's end would wait.
    for service in ["", SERVICE_NAME] {
        reporter.clear_service_status(service).await;
    }
}
