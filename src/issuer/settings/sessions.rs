//! `issuer.sessions`.

use serde::Deserialize;

use crate::problem::Faults;
use crate::yaml::present;

/// How long somebody stays logged in without a request, unless the file says.
const IDLE_SECONDS: u64 = 1800;

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
    #[serde(deserialize_with = "present")]
    idle_seconds: Option<u64>,
    max_seconds: u64,
}

impl Default for SessionsDocument {
    fn default() -> Self {
        Self {
            idle_seconds: None,
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
        let idle_seconds = self
            .idle_seconds
            .unwrap_or_else(|| IDLE_SECONDS.min(self.max_seconds));
        if self.idle_seconds.is_some() {
            faults.within(idle, idle_seconds, 60, 86_400);
        }
        let max = "issuer.sessions.max_seconds";
        faults.within(max, self.max_seconds, 60, 30 * 86_400);
        Some(SessionSettings {
            idle_seconds: u32::try_from(idle_seconds).ok()?,
            max_seconds: u32::try_from(self.max_seconds).ok()?,
        })
    }
}
