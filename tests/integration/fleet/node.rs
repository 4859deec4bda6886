//! One `portcullis` process of the fleet, which can be killed and started again where it was.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::client::try_exchange;
use crate::test_app::POLICY;
use crate::test_companion::{ADMIN_PASSWORD, URL};

/// Far more than any step takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Node {
    config: PathBuf,
    admin: SocketAddr,
    /// The issuer's endpoints, or where the gate answers checks.
    pub(super) service: SocketAddr,
    child: Option<Child>,
}

/// Addresses that were free a moment ago, all different.
pub(super) fn free_addresses(count: usize) -> Vec<SocketAddr> {
    let bind = |_| TcpListener::bind("127.0.0.1:0").unwrap();
    let sockets: Vec<TcpListener> = (0..count).map(bind).collect();
    let addresses = sockets.iter().map(|socket| socket.local_addr().unwrap());
    addresses.collect()
}

impl Node {
    /// An issuer on this store; `ports` are those of admin, feed and the issuer.
    pub(super) fn issuer(folder: &Path, store: &str, ports: &[SocketAddr]) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let password = folder.join("admin-password");
        std::fs::write(&password, ADMIN_PASSWORD).unwrap();
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
        let (admin, feed, service) = (ports[0], ports[1], ports[2]);
        let config = format!(
            "listeners:\n\
             \x20 authz: {{address: \"127.0.0.1:0\"}}\n\
             \x20 admin: {{address: \"{admin}\"}}\n\
             \x20 feed: {{address: \"{feed}\"}}\n\
             trust: [{{issuer: \"{URL}\", audiences: [orders-api, \"{URL}\"], algorithms: [ES256], \
             keys: companion}}]\n\
             issuer: {{url: \"{URL}\", address: \"{service}\", audiences: [orders-api], \
             store: \"{store}\", admin_password_file: admin-password}}\n"
        );
        Self::with(folder, admin, service, &config)
    }

    /// A gate that follows the first issuer that answers; `ports` are those of admin and authz.
    pub(super) fn gate(folder: &Path, feeds: &[SocketAddr], ports: &[SocketAddr]) -> Self {
        let (admin, authz) = (ports[0], ports[1]);
        let feeds: Vec<String> = feeds
            .iter()
            .map(|feed| format!("\"http://{feed}\""))
            .collect();
        let config = format!(
            "listeners:\n\
             \x20 authz: {{address: \"{authz}\"}}\n\
             \x20 admin: {{address: \"{admin}\"}}\n\
             trust: [{{issuer: \"{URL}\", audiences: [orders-api, \"{URL}\"], algorithms: [ES256], \
             feed: {{addresses: [{}]}}}}]\n",
            feeds.join(", ")
        );
        Self::with(folder, admin, authz, &config)
    }

    fn with(folder: &Path, admin: SocketAddr, service: SocketAddr, config: &str) -> Self {
        std::fs::write(folder.join("policy.yaml"), POLICY).unwrap();
        let path = folder.join(format!("node-{}.yaml", admin.port()));
        let head = "version: 1\npolicy: [policy.yaml]\ndrain_seconds: 0\n";
        std::fs::write(&path, format!("{head}{config}")).unwrap();
        Self {
            config: path,
            admin,
            service,
            child: None,
        }
    }

    /// Starts it and waits until it is ready.
    pub(super) async fn start(&mut self) {
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.config.with_extension("log"))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["serve", "--config"])
            .arg(&self.config)
            .env_clear()
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        self.until(async || self.ask("/readyz").await.is_some())
            .await;
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits until the gate is connected to an issuer.
    pub(super) async fn follows(&self) {
        self.until(async || {
            let status = self.status().await;
            status.is_some_and(|status| status["issuers"][0]["feed"]["connected"] == true)
        })
        .await;
    }

    /// How much of the issuer's log the gate knows.
    pub(super) async fn log_position(&self) -> u64 {
        let status = self.status().await.unwrap();
        status["issuers"][0]["revocations"]["position"]
            .as_u64()
            .unwrap()
    }

    async fn status(&self) -> Option<Value> {
        let text = self.ask("/status").await?;
        serde_json::from_str(&text).ok()
    }

    async fn ask(&self, path: &str) -> Option<String> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
        let answer = try_exchange(self.admin, request.as_bytes()).await.ok()?;
        (answer.status == 200).then_some(answer.body)
    }

    async fn until(&self, holds: impl AsyncFn() -> bool) {
        let waiting = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let held = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(held.is_ok(), "not in time:\n{}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.config.with_extension("log")).unwrap_or_default()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
        if std::thread::panicking() {
            eprintln!("{}:\n{}", self.config.display(), self.log());
        }
    }
}
