//! The servers: what runs on which threads, and how each learns that the end has come.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::Core;
use super::connection::Connections;
use super::http::{HttpListener, HttpMetrics, HttpServer};
use super::socket::AuthzSocket;
use crate::admin::{self, Admin};
use crate::config::AuthzListener;
use crate::connection_limits::ConnectionLimits;
use crate::ext_authz::{AuthorizationService, Gate, SERVICE_NAME};
use crate::keyring::Keyring;
use crate::proto::FILE_DESCRIPTOR_SET;
use crate::shutdown::{Phase, Shutdown};

/// What all servers share.
#[derive(Default)]
pub(super) struct Serving {
    pub(super) shutdown: Shutdown,
    pub(super) keys_loaded: Arc<watch::Sender<bool>>,
    pub(super) http: HttpMetrics,
}

impl Serving {
    pub(super) fn authz(
        &self,
        runtime: &Handle,
        gate: Arc<Gate>,
        socket: AuthzSocket,
        listener: &AuthzListener,
    ) -> anyhow::Result<JoinHandle<()>> {
        let _entered = runtime.enter();
        let connections = Connections::new(
            socket.listen()?,
            listener.max_connections,
            listener.keepalive,
        );
        let service =
            AuthorizationService::new(gate, listener.max_message_bytes, listener.key_wait);
        let (reporter, health) = tonic_health::server::health_reporter();
        runtime.spawn(report_health(
            reporter,
            self.keys_loaded.subscribe(),
            self.shutdown.reached(Phase::Draining),
            self.shutdown.reached(Phase::Stopping),
        ));
        let mut server = Server::builder()
            .max_concurrent_streams(listener.max_concurrent_streams)
            .http2_keepalive_interval(Some(listener.keepalive))
            .http2_keepalive_timeout(Some(listener.keepalive));
        let mut router = server.add_service(service).add_service(health);
        if listener.reflection {
            let reflection = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                .build_v1()?;
            router = router.add_service(reflection);
        }
        let stopped = self.shutdown.reached(Phase::Stopping);
        Ok(runtime.spawn(async move {
            let incoming = connections.stream();
            if let Err(error) = router.serve_with_incoming_shutdown(incoming, stopped).await {
                tracing::error!(%error, "the authz listener has failed");
            }
        }))
    }

    pub(super) fn admin(
        &self,
        runtime: &Handle,
        admin: Arc<Admin>,
        socket: std::net::TcpListener,
        limits: ConnectionLimits,
    ) -> anyhow::Result<JoinHandle<()>> {
        let _entered = runtime.enter();
        let listener = HttpListener {
            name: "admin",
            socket: tokio::net::TcpListener::from_std(socket)?,
            limits,
        };
        let stopped = self.shutdown.reached(Phase::Stopping);
        let server = HttpServer::new(listener, &self.http, |_| false);
        Ok(runtime.spawn(server.serve(admin::router(admin), stopped)))
    }

    /// Ready once every issuer has had keys; a later outage of an issuer does not undo it.
    pub(super) fn readiness(&self, runtime: &Handle, keyring: Arc<Keyring>) {
        let keys_loaded = Arc::clone(&self.keys_loaded);
        runtime.spawn(async move {
            keyring.loaded().await;
            keys_loaded.send_replace(true);
            tracing::info!("ready");
        });
    }

    pub(super) fn reloads(&self, runtime: &Handle, core: Core) {
        let stopped = self.shutdown.reached(Phase::Stopping);
        let watching = async move {
            let mut changes = core.watcher.subscribe();
            while changes.changed().await.is_ok() {
                let (loader, authorizer) = (Arc::clone(&core.loader), Arc::clone(&core.authorizer));
                let reload = tokio::task::spawn_blocking(move || {
                    // What went wrong is logged and counted where it happens.
                    let _ = loader.reload(&authorizer);
                    loader.watched_paths()
                });
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
