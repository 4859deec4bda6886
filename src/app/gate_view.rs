//! The gate of this process, as its issuers and the panel see it.

use std::sync::Arc;

use super::loaded::Core;
use crate::feed::{AboutGate, GateView};
use crate::gate::GateMetrics;
use crate::shutdown::{Phase, Shutdown};

/// Where Linux says what the host is called: in Kubernetes that is the name of the pod.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

/// A view of the gate of `core`, which does not keep it alive.
pub(super) fn view(core: &Core, metrics: &GateMetrics, shutdown: &Shutdown) -> GateView {
    // The keyring has the view, and both of these have the keyring.
    let authorizer = Arc::downgrade(&core.authorizer);
    let loader = Arc::downgrade(&core.loader);
    let (name, metrics, shutdown) = (host_name(), metrics.clone(), shutdown.clone());
    GateView::new(move || {
        let (snapshot, reloads) = (
            authorizer.upgrade()?.snapshot().clone(),
            loader.upgrade()?.state(),
        );
        let shadow = snapshot.shadow();
        let checks = metrics.totals();
        Some(AboutGate {
            name: name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            policy_digest: snapshot.policy().digest().to_owned(),
            policy_since: reloads.policy_since,
            shadow_policy_digest: shadow.map(|shadow| shadow.policy().digest().to_owned()),
            reload_failed: reloads.last_error.is_some(),
            allowed: checks.allowed,
            denied: checks.denied,
            leaving: shutdown.phase() > Phase::Running,
        })
    })
}

/// Empty where it cannot be found out.
fn host_name() -> String {
    let name = std::fs::read_to_string(HOST_NAME_FILE).ok();
    let name = name.or_else(|| std::env::var("HOSTNAME").ok());
    name.unwrap_or_default().trim().to_owned()
}
