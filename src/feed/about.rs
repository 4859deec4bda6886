//! What a gate tells of itself, besides how much of a log it knows.

use std::sync::Arc;

use crate::clock::UnixSeconds;

/// A gate, as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AboutGate {
    /// What its host is called; empty where it does not know.
    pub name: String,
    /// Its release.
    pub version: String,
    /// The digest of the policy in force, as [`Policy::digest`](crate::policy::Policy::digest) has it.
    pub policy_digest: String,
    /// Since when that policy has been in force.
    pub policy_since: UnixSeconds,
    /// That of the policy that is tried in shadow.
    pub shadow_policy_digest: Option<String>,
    /// Whether the last reload failed: the files have another policy, which cannot be loaded.
    pub reload_failed: bool,
    /// Requests that it has let through since its start.
    pub allowed: u64,
    /// Requests that it has turned away.
    pub denied: u64,
    /// Whether its process is about to end in an orderly way.
    pub leaving: bool,
}

/// Knows the gate of this process; nothing while it is being made, and when it is gone.
#[derive(Clone)]
pub struct GateView(Arc<dyn Fn() -> Option<AboutGate> + Send + Sync>);

impl GateView {
    pub fn new(look: impl Fn() -> Option<AboutGate> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look))
    }

    /// How the gate is at this moment.
    pub fn look(&self) -> Option<AboutGate> {
        (self.0)()
    }
}

impl Default for GateView {
    /// Of a process without a gate.
    fn default() -> Self {
        Self::new(|| None)
    }
}
