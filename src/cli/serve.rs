//! `portcullis serve`: answers checks until a signal ends it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Finding;
use super::number::address;
use super::service_manager::{ServiceManager, ServiceState};
use crate::app::{self, App};
use crate::config::{Config, ListenAddress, Overrides};
use crate::telemetry::{LogFormat, LogLevel, LogWriter};

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The server's configuration
    #[arg(long, env = "PORTCULLIS_CONFIG", value_name = "FILE")]
    config: PathBuf,
    /// Policy files or directories; overrides `policy`
    #[arg(
        long,
        env = "PORTCULLIS_POLICY",
        value_name = "PATH",
        value_delimiter = ','
    )]
    policy: Vec<PathBuf>,
    /// Overrides `listeners.authz.address`
    #[arg(long, env = "PORTCULLIS_AUTHZ_ADDRESS", value_name = "ADDRESS")]
    authz_address: Option<ListenAddress>,
    /// Overrides `listeners.admin.address`
    #[arg(long, env = "PORTCULLIS_ADMIN_ADDRESS", value_name = "ADDRESS", value_parser = address)]
    admin_address: Option<SocketAddr>,
    /// Overrides `log.level`
    #[arg(long, env = "PORTCULLIS_LOG_LEVEL", value_name = "LEVEL")]
    log_level: Option<LogLevel>,
    /// Overrides `log.format`
    #[arg(long, env = "PORTCULLIS_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

pub(super) fn run(args: ServeArgs) -> anyhow::Result<Finding> {
    let overrides = Overrides {
        policy: args.policy,
        authz_address: args.authz_address,
        admin_address: args.admin_address,
        log_level: args.log_level,
        log_format: args.log_format,
    };
    // Before anything that takes time: the first process of a container ignores signals that it has
    // no handler for, and others would end at a SIGHUP.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut signals = Signals::listen(&runtime)?;
    let manager = ServiceManager::of_environment()?;
    let config = Config::load(&args.config, &overrides)?;
    let writer = LogWriter::open(&config.log)?;
    writer.install(&config.log);
    log_panics();
    let mut app = app::build(&config, Some(writer.losses()))?;
    runtime.block_on(async {
        signals.serve(&app, &manager).await;
        manager.tell(ServiceState::Stopping);
        app.drain(async || signals.ended().await).await;
    });
    Ok(Finding::Yes)
}

/// The signals that a gate listens to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// Sent where a file, such as one of the log, may not grow further. Without a handler it ends the process;
    /// with one the write fails, as on a full disk. Nobody waits for it.
    _file_limit: Signal,
}

impl Signals {
    fn listen(runtime: &Runtime) -> anyhow::Result<Self> {
        let _entered = runtime.enter();
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            _file_limit: signal(SignalKind::from_raw(libc::SIGXFSZ))?,
        })
    }

    /// Reloads at each `SIGHUP` until a signal asks for the end.
    async fn serve(&mut self, app: &App, manager: &ServiceManager) {
        let mut ready = false;
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                () = app.ready(), if !ready => {
                    ready = true;
                    manager.tell(ServiceState::Ready);
                }
                _ = self.hang_up.recv() => {
                    // Before it has been ready, a service manager takes `READY=1` for the end of the start.
                    let state = |state| if ready { manager.tell(state) };
                    state(ServiceState::Reloading);
                    // Reading files may take its time; signals can wait for it, and nothing else
                    // runs on this thread. The outcome is logged and counted where it happens.
                    let _ = app.reload();
                    state(ServiceState::Ready);
                }
            }
        }
    }

    /// Waits for a signal that asks for the end.
    async fn ended(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Panics go to the log with their place; what they were about could hold a token and stays out.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(
            place,
            "panic, which is a bug in Portcullis; the check is refused"
        );
    }));
}
