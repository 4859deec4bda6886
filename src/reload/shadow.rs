//! The policy that is tried in shadow: read with the rest, and never in its way.

use std::sync::Arc;

use super::{Inputs, Loader, PolicyError, compile};
use crate::authorizer::{Authorizer, InShadow};
use crate::policy::Policy;

/// What became of the last try to load the policy that is tried in shadow.
#[derive(Debug, Clone, Default)]
pub struct ShadowState {
    pub failures: u64,
    /// Why it could not be loaded; none where it could.
    pub last_error: Option<String>,
}

/// The policy that these inputs name for the shadow, if they name one.
pub(super) fn load(inputs: &Inputs) -> Result<Option<Arc<Policy>>, PolicyError> {
    if inputs.shadow_policy.is_empty() {
        return Ok(None);
    }
    compile(&inputs.shadow_policy, &inputs.trust).map(Some)
}

/// Tells that a policy is in shadow now: whoever reads the log must not take it for the one in force.
pub(super) fn log(tried: &InShadow) {
    tracing::warn!(
        shadow.policy.digest = tried.policy.digest(),
        shadow.policy.routes = tried.policy.routes().len(),
        "a second policy is tried in shadow: what it would answer differently is counted and logged, and \
         it refuses and opens nothing"
    );
    for warning in tried.policy.warnings() {
        tracing::warn!(policy.warning = %warning, "the shadow policy may not do what is intended");
    }
}

fn digest(tried: Option<&InShadow>) -> Option<&str> {
    tried.map(|tried| tried.policy.digest())
}

/// What a reload makes of the policy that is tried in shadow.
pub(super) struct Renewal {
    /// What is tried from now on.
    pub(super) tried: Option<InShadow>,
    /// Whether it is another one than before.
    is_new: bool,
    /// What became of loading it; nothing where the configuration names none.
    outcome: Option<Result<(), PolicyError>>,
}

impl Loader {
    /// A policy that cannot be loaded leaves the last good one where it is, and holds up neither the policy
    /// in force nor keys.
    pub(super) fn renew_shadow(&self, renewed: &Inputs, authorizer: &Authorizer) -> Renewal {
        let snapshot = authorizer.snapshot();
        let current = snapshot.shadow().map(|shadow| InShadow {
            policy: Arc::clone(shadow.policy()),
            since: shadow.since(),
        });
        let (tried, outcome) = match load(renewed) {
            Ok(None) => (None, None),
            Ok(Some(policy)) => {
                let same = current
                    .as_ref()
                    .filter(|current| current.policy.digest() == policy.digest());
                let since = same.map_or_else(|| self.clock.now(), |same| same.since);
                (Some(InShadow { policy, since }), Some(Ok(())))
            }
            Err(error) => (current.clone(), Some(Err(error))),
        };
        Renewal {
            is_new: digest(tried.as_ref()) != digest(current.as_ref()),
            tried,
            outcome,
        }
    }

    /// Tells what has become of it, once it is tried.
    pub(super) fn shadow_renewed(&self, renewal: &Renewal) {
        match &renewal.tried {
            Some(tried) if renewal.is_new => log(tried),
            None if renewal.is_new => tracing::info!("no policy is tried in shadow any more"),
            Some(_) | None => {}
        }
        let mut state = self.state.lock();
        let Some(outcome) = &renewal.outcome else {
            state.shadow = None;
            return;
        };
        let state = state.shadow.get_or_insert_default();
        let had_failed = state.last_error.is_some();
        state.last_error = outcome
            .as_ref()
            .err()
            .map(|error| error.of("shadow_policy"));
        if let (true, None, Some(tried)) = (had_failed, &state.last_error, &renewal.tried) {
            tracing::info!(
                shadow.policy.digest = tried.policy.digest(),
                "the shadow policy can be loaded again"
            );
        }
        if let Some(error) = &state.last_error {
            state.failures += 1;
            tracing::error!(
                %error,
                "the shadow policy cannot be loaded; {}",
                match renewal.tried {
                    Some(_) => "the previous one stays in shadow",
                    None => "none is tried",
                }
            );
        }
    }
}
