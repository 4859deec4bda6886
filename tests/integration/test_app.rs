//! A gate in this process, started as the binary starts it, with every port free.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use portcullis::app::{self, App};
use portcullis::clock::ManualClock;
use portcullis::config::{Config, ListenAddress, Overrides};
use tempfile::TempDir;

use crate::jwks_server::JwksServer;
use crate::test_issuer::{AUDIENCE, ISSUER, TestIssuer};

/// The shop that most tests are about.
pub(crate) const POLICY: &str = r#"
version: 1
scopes:
  orders.read: Read orders
  orders.write: Place orders
routes:
  - {name: browse, methods: [GET], path: "/products/{id}", access: public}
  - {name: read-order, methods: [GET], path: "/orders/{order_id}", scopes: [orders.read]}
  - {name: place-order, methods: [POST], path: /orders, scopes: [orders.write], preflight: true}
  - {name: account, methods: [GET, PUT], path: /account, access: authenticated}
  - {name: internals, methods: ["*"], path: "/internal/{*rest}", access: nobody}
  - {name: grpc, methods: [POST], path: /shop.Orders/Get, scopes: [orders.read]}
"#;

/// What a test wants other than usual.
#[derive(Default)]
pub(crate) struct Setup {
    /// Instead of [`POLICY`].
    pub(crate) policy: Option<String>,
    /// Instead of a free TCP port.
    pub(crate) authz_address: Option<String>,
    /// Further keys of `listeners.authz`, as YAML flow entries with a comma in front.
    pub(crate) authz_extra: String,
    /// Further keys of `listeners.admin`, likewise.
    pub(crate) admin_extra: String,
    /// Further listeners, as lines of block YAML.
    pub(crate) listeners: String,
    /// How long the drain lasts.
    pub(crate) drain_seconds: u32,
    /// Further top-level keys.
    pub(crate) extra: String,
    /// Instead of the system's clock.
    pub(crate) clock: Option<Arc<ManualClock>>,
    /// Instead of the issuer's key file: the entry of `trust`, as a YAML flow mapping.
    pub(crate) trust: Option<String>,
}

impl Setup {
    /// A gate that takes its keys from this server, and waits for it as long as a check may take.
    pub(crate) fn waiting_for(keys: &JwksServer) -> Self {
        Self {
            authz_extra: ", key_wait_ms: 60000".to_owned(),
            trust: Some(format!(
                "{{issuer: \"{ISSUER}\", audiences: [{AUDIENCE}], algorithms: [ES256], \
                 jwks_uri: \"{}\", jwks_timeout_ms: 60000, jwks_cooldown_seconds: 1}}",
                keys.url()
            )),
            ..Self::default()
        }
    }
}

/// A running gate and what it was made of.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) issuer: TestIssuer,
    pub(crate) folder: TempDir,
}

impl TestApp {
    pub(crate) fn start() -> Self {
        Self::with(&Setup::default())
    }

    pub(crate) fn with(setup: &Setup) -> Self {
        Self::prepared(setup, |_| {})
    }

    /// A gate whose folder the test has changed before the start.
    pub(crate) fn prepared(setup: &Setup, change: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let issuer = TestIssuer::new("key-1");
        let config = write_files(folder.path(), setup, &issuer);
        change(folder.path());
        let config = Config::load(&config, &Overrides::default()).unwrap();
        let app = match &setup.clock {
            Some(clock) => app::build_with_clock(&config, None, Arc::clone(clock) as _),
            None => app::build(&config, None),
        };
        let app = app.unwrap();
        Self {
            app,
            issuer,
            folder,
        }
    }

    /// `http://` address of the authz listener; panics where it is a Unix socket.
    pub(crate) fn authz_url(&self) -> String {
        format!("http://{}", self.authz_tcp())
    }

    /// The address of the authz listener; panics where it is a Unix socket.
    pub(crate) fn authz_tcp(&self) -> SocketAddr {
        match self.app.authz_address() {
            ListenAddress::Tcp(address) => *address,
            ListenAddress::Unix(path) => panic!("listens on {}", path.display()),
        }
    }

    /// Replaces the policy file in place.
    pub(crate) fn write_policy(&self, text: &str) {
        std::fs::write(self.folder.path().join("policy.yaml"), text).unwrap();
    }

    /// Asks the admin listener.
    pub(crate) async fn admin(&self, path: &str) -> (u16, String) {
        let answer = crate::client::get(self.app.admin_address(), path, &[]).await;
        (answer.status, answer.body)
    }

    /// Waits until the admin listener's answer at `path` holds `text`.
    pub(crate) async fn admin_shows(&self, path: &str, text: &str) {
        let wait = async {
            while !self.admin(path).await.1.contains(text) {
                tokio::task::yield_now().await;
            }
        };
        let patience = std::time::Duration::from_secs(20);
        let shown = tokio::time::timeout(patience, wait).await;
        assert!(
            shown.is_ok(),
            "{path} never showed {text}: {}",
            self.admin(path).await.1
        );
    }
}

/// Writes config, policy and keys; returns the config's path.
pub(crate) fn write_files(folder: &Path, setup: &Setup, issuer: &TestIssuer) -> std::path::PathBuf {
    let policy = setup.policy.as_deref().unwrap_or(POLICY);
    std::fs::write(folder.join("policy.yaml"), policy).unwrap();
    std::fs::write(folder.join("jwks.json"), TestIssuer::jwks([issuer])).unwrap();
    let trust = setup.trust.clone().unwrap_or_else(|| {
        format!(
            "{{issuer: \"{ISSUER}\", audiences: [{AUDIENCE}], algorithms: [ES256], \
             jwks_file: jwks.json}}"
        )
    });
    let address = setup.authz_address.as_deref().unwrap_or("127.0.0.1:0");
    let config = format!(
        "version: 1\n\
         policy: [policy.yaml]\n\
         drain_seconds: {}\n\
         listeners:\n\
         \x20 authz: {{address: \"{address}\"{}}}\n\
         \x20 admin: {{address: \"127.0.0.1:0\"{}}}\n{}\
         trust: [{trust}]\n{}\n",
        setup.drain_seconds, setup.authz_extra, setup.admin_extra, setup.listeners, setup.extra
    );
    let path = folder.join("portcullis.yaml");
    std::fs::write(&path, config).unwrap();
    path
}
