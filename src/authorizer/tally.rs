//! How often each route of a snapshot decided.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::decision::Decision;

/// How often a route decided.
#[derive(Debug, Default)]
pub struct RouteTally {
    allowed: AtomicU64,
    denied: AtomicU64,
    would_deny: AtomicU64,
}

impl RouteTally {
    pub(super) fn count(&self, decision: &Decision<'_>) {
        let count = match decision {
            Decision::Deny(_) => &self.denied,
            Decision::Allow(permit) if permit.shadowed().is_some() => &self.would_deny,
            Decision::Allow(_) => &self.allowed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests that it let through.
    pub fn allowed(&self) -> u64 {
        self.allowed.load(Ordering::Relaxed)
    }

    /// Requests that it let through only because it is in shadow.
    pub fn would_deny(&self) -> u64 {
        self.would_deny.load(Ordering::Relaxed)
    }

    /// Requests that it turned away.
    pub fn denied(&self) -> u64 {
        self.denied.load(Ordering::Relaxed)
    }
}
