//! `issuer.refresh_token`.

use serde::Deserialize;

use crate::problem::Faults;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshSettings {
    /// How long after its login a grant can be extended, at most.
    pub lifetime_seconds: u32,
    /// How long after its use a token may be used again if its successor was not: the answer may
    /// have been lost.
    pub retry_window_seconds: u32,
    /// Whether `client_credentials` is answered with one, although RFC 6749 section 4.4.3 advises
    /// against it.
    pub with_client_credentials: bool,
    /// How many grants a user may have with one app before the oldest end.
    pub max_grants: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RefreshDocument {
    lifetime_seconds: u64,
    retry_window_seconds: u64,
    with_client_credentials: bool,
    max_grants: u64,
}

impl Default for RefreshDocument {
    fn default() -> Self {
        Self {
            lifetime_seconds: 2_592_000,
            retry_window_seconds: 10,
            with_client_credentials: true,
            max_grants: 100,
        }
    }
}

impl RefreshDocument {
    pub(super) fn build(self, faults: &mut Faults) -> Option<RefreshSettings> {
        let key = "issuer.refresh_token.lifetime_seconds";
        faults.within(key, self.lifetime_seconds, 1, 366 * 86_400);
        let key = "issuer.refresh_token.retry_window_seconds";
        faults.within(key, self.retry_window_seconds, 0, 60);
        let key = "issuer.refresh_token.max_grants";
        faults.within(key, self.max_grants, 1, 100_000);
        Some(RefreshSettings {
            lifetime_seconds: u32::try_from(self.lifetime_seconds).ok()?,
            retry_window_seconds: u32::try_from(self.retry_window_seconds).ok()?,
            with_client_credentials: self.with_client_credentials,
            max_grants: u32::try_from(self.max_grants).ok()?,
        })
    }
}
