//! Behind a real Envoy: what callers are answered, what the upstream sees, and what never gets by.

mod answers;
mod call;
mod conditions;
mod doctor;
mod fail_closed;
mod fuzz;
mod headers;
mod identity;
mod imported;
mod paths;
mod raw_http2;
mod shadow_policy;
mod shared_connection;

use portcullis::config::ListenAddress;

use crate::envoy_process::{Door, Envoy, HeaderEncoding};
use crate::test_app::{Setup, TestApp};
use crate::upstream::Upstream;

/// A gate, an upstream and the Envoy between them and the caller.
struct Shop {
    gate: TestApp,
    upstream: Upstream,
    envoy: Envoy,
}

impl Shop {
    /// One gate behind the doors that `doors` makes for its address.
    async fn open(
        version: &str,
        setup: &Setup,
        doors: impl FnOnce(&ListenAddress) -> Vec<Door>,
    ) -> Self {
        let gate = TestApp::with(setup);
        let upstream = Upstream::start().await;
        let doors = doors(gate.app.authz_address());
        let envoy = Envoy::start(version, &doors, upstream.address).await;
        Self {
            gate,
            upstream,
            envoy,
        }
    }
}

/// A door for each encoding of headers.
fn both_encodings(gate: &ListenAddress) -> Vec<Door> {
    vec![
        Door::new("raw", gate, HeaderEncoding::Raw),
        Door::new("merged", gate, HeaderEncoding::Merged),
    ]
}
