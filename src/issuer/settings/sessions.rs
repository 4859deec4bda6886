//! `issuer.sessions`.

use serde::Deserialize;

use crate::problem::Faults;

/// How long somebody stays logged in with a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionSettings {
    /// Without a request.
    pub idle_seconds: u32,
    /// However busy.
    pub max_seconds: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SessionsDocument {
    idle_seconds: u64,
    max_seconds: u64,
}

impl Default for SessionsDocument {
    fn default() -> Self {
        Self {
            idle_seconds: 1800,
            max_seconds: 43_200,
        }
    }
}

impl SessionSettings {
    /// How long a session holds from its beginning, if there is no request.
    pub(in crate::issuer) fn first_seconds(self) -> i64 {
        self.idle_seconds.min(self.max_seconds).into()
    }
}

impl SessionsDocument {
    pub(super) fn build(&self, faults: &mut Faults) -> Option<SessionSettings> {
        let idle = "issuer.sessions.idle_seconds";
        faults.within(idle, self.idle_seconds, 60, 86_400);
        let max = "issuer.sessions.max_seconds";
        faults.within(max, self.max_seconds, 60, 30 * 86_400);
        Some(SessionSettings {
            idle_seconds: u32::try_from(self.idle_seconds).ok()?,
            max_seconds: u32::try_from(self.max_seconds).ok()?,
        })
    }
}
