//! TLS of the listeners: who gets in, who does not, and certificates that change meanwhile.

mod authz;
mod envoy;
mod http;
mod reload;
mod settings;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use crate::asker::Asker;
use crate::test_app::{Setup, TestApp};
use crate::test_tls::{Authority, Certified, write};

/// Far more than any step takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_mins(1);

const ENVOY: &str = "spiffe://shop.example/ns/shop/sa/envoy";

/// Whose certificates a gate and its clients have.
struct Authorities {
    /// Of the gate.
    gate: Authority,
    /// Of its clients.
    clients: Authority,
    /// Of nobody.
    other: Authority,
}

impl Authorities {
    fn new() -> Self {
        Self {
            gate: Authority::new("gate"),
            clients: Authority::new("clients"),
            other: Authority::new("other"),
        }
    }

    fn envoy(&self) -> Certified {
        self.clients.certify(ENVOY)
    }

    /// Writes the certificate of a gate, and the authority of its clients.
    fn write(&self, folder: &Path) {
        self.gate.certify("127.0.0.1").write(folder, "gate");
        write(folder, "clients.pem", &self.clients.pem);
    }

    /// A gate with such files.
    fn gate(&self, setup: &Setup) -> TestApp {
        TestApp::prepared(setup, |folder| self.write(folder))
    }
}

/// The section that asks clients for a certificate with this name, as a YAML flow entry with a comma in
/// front.
fn mutual(name: &str) -> String {
    format!(
        ", tls: {{cert_file: gate.pem, key_file: gate.key, client_ca_file: clients.pem, \
         client_names: [\"{name}\"]}}"
    )
}

/// The status of a check by this client; an error where it is not let in.
async fn asked(gate: &TestApp, client: Arc<ClientConfig>) -> Result<i32, String> {
    let asking = async {
        let asker = Asker::connect_tls(gate.authz_tcp(), client).await;
        let asker = asker.map_err(|error| error.to_string())?;
        let verdict = asker.ask_within("/products/1", None, PATIENCE).await;
        let status = verdict.map_err(|status| status.to_string())?.status;
        Ok(status)
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap()
}

/// Waits until this client is let in, or is not any more.
async fn until_let_in(gate: &TestApp, client: &Arc<ClientConfig>, expected: bool) {
    let waiting = async {
        while asked(gate, Arc::clone(client)).await.is_ok() != expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

/// The section for whoever trusts the gate's authority.
const ONE_SIDED: &str = ", tls: {cert_file: gate.pem, key_file: gate.key}";
