//! What is known of reloads, read when Prometheus asks.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use super::Loader;
use crate::telemetry::{counter, gauge};

/// When the policy was loaded, and how reloads ended.
pub struct ReloadMetrics(Arc<Loader>);

impl ReloadMetrics {
    pub fn register(loader: &Arc<Loader>, registry: &mut Registry) {
        registry.register_collector(Box::new(Self(Arc::clone(loader))));
    }
}

impl std::fmt::Debug for ReloadMetrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ReloadMetrics")
    }
}

impl Collector for ReloadMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let state = self.0.state();
        let loaded_at = u64::try_from(state.loaded_at.0).unwrap_or(0);
        gauge(
            &mut encoder,
            "policy_loaded_timestamp_seconds",
            "When the active policy was loaded, in seconds since 1970",
            loaded_at,
        )?;
        let attempted_at = u64::try_from(state.attempted_at.0).unwrap_or(0);
        gauge(
            &mut encoder,
            "policy_reload_attempt_timestamp_seconds",
            "When loading a policy was last attempted, in seconds since 1970",
            attempted_at,
        )?;
        let running = state
            .running_since
            .map_or(0, |since| self.0.clock.now().0.saturating_sub(since.0));
        gauge(
            &mut encoder,
            "policy_reload_running_seconds",
            "How long the reload that is running has taken so far, 0 if none is running",
            u64::try_from(running).unwrap_or(0),
        )?;
        gauge(
            &mut encoder,
            "policy_reload_success",
            "1 if the last reload succeeded or there was none, 0 if it failed",
            u64::from(state.last_error.is_none()),
        )?;
        counter(
            &mut encoder,
            "policy_reloads",
            "Reloads that succeeded",
            state.successes,
        )?;
        counter(
            &mut encoder,
            "policy_reload_failures",
            "Reloads that failed and left the previous policy and keys active",
            state.failures,
        )?;
        gauge(
            &mut encoder,
            "config_restart_needed",
            "1 if the config has changed in a section that only a restart applies, 0 if not",
            u64::from(!state.restart_needed.is_empty()),
        )?;
        if let Some(portal) = state.portal_files {
            gauge(
                &mut encoder,
                "portal_files_success",
                "1 if all files that the portal shows could be read when that was last tried, 0 if not",
                u64::from(portal.errors.is_empty()),
            )?;
            counter(
                &mut encoder,
                "portal_files_failures",
                "Starts and reloads that could not read a file that the portal shows, and left the previous one",
                portal.failures,
            )?;
        }
        let Some(shadow) = state.shadow else {
            return Ok(());
        };
        gauge(
            &mut encoder,
            "shadow_policy_reload_success",
            "1 if the shadow policy was loaded when it was last tried, 0 if that failed",
            u64::from(shadow.last_error.is_none()),
        )?;
        counter(
            &mut encoder,
            "shadow_policy_reload_failures",
            "Reloads that could not load the shadow policy and left the previous one in shadow",
            shadow.failures,
        )
    }
}
