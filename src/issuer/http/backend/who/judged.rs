//! What the gate beside the issuer says of a request, as facts.

use std::sync::Arc;

use crate::authorizer::{Authorizer, Snapshot};
use crate::decision::{Denial, Verdict};
use crate::policy::{Host, Method, Path, RequiredScopes, Target};
use crate::token::{Credential, VerifiedToken};

/// What the method and the host are where nobody says.
const ANY_METHOD: &str = "GET";
const ANY_HOST: &str = "localhost";

/// A request that somebody asks about.
#[derive(Debug, Clone, Copy)]
pub(in crate::issuer::http) struct AskedRequest<'q> {
    pub(in crate::issuer::http) method: &'q str,
    pub(in crate::issuer::http) host: &'q str,
    /// With its query, if it has one.
    pub(in crate::issuer::http) path: &'q str,
}

/// What the gate says of it, by one snapshot.
pub(in crate::issuer::http) struct Judged<'p> {
    pub(in crate::issuer::http) verdict: Verdict<'p>,
    caller: Option<Arc<VerifiedToken>>,
}

impl<'q> AskedRequest<'q> {
    /// A request in which method and host may be empty.
    pub(in crate::issuer::http) fn of(method: &'q str, host: &'q str, path: &'q str) -> Self {
        let or = |text: &'q str, otherwise| if text.is_empty() { otherwise } else { text };
        Self {
            method: or(method, ANY_METHOD),
            host: or(host, ANY_HOST),
            path,
        }
    }

    /// What routes are found by.
    pub(in crate::issuer::http) fn target(&self) -> Target<'q> {
        Target {
            method: Method(self.method.as_bytes()),
            host: Host(self.host.as_bytes()),
            path: Path(self.path.as_bytes()),
            preflight: None,
            grpc: false,
        }
    }

    /// What the gate says of it with this token: as it would answer the proxy.
    pub(in crate::issuer::http) fn judge<'p>(
        &self,
        gate: &Authorizer,
        snapshot: &'p Snapshot,
        token: Option<&str>,
    ) -> Judged<'p> {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let credential = Credential::read(bearer.as_deref().map(str::as_bytes).into_iter());
        let judgement = gate.judge(snapshot, &self.target(), credential);
        Judged {
            verdict: Verdict::of(&judgement.decision),
            caller: judgement.caller,
        }
    }
}

impl Judged<'_> {
    /// The scopes that the route asks for and the caller lacks, where that is why it is refused.
    pub(in crate::issuer::http) fn missing(&self) -> Option<RequiredScopes> {
        let route = match self.verdict.denial()? {
            Denial::ScopesMissing { route } => Some(route),
            // Whoever has no token has no scope either.
            Denial::NoToken { route } => route,
            Denial::MalformedTarget(_)
            | Denial::SeveralCredentials
            | Denial::BadToken { .. }
            | Denial::Nobody { .. }
            | Denial::ConditionNotMet { .. }
            | Denial::ConditionFailed { .. }
            | Denial::Unlisted
            | Denial::KeysNotLoaded { .. }
            | Denial::RevocationsStale { .. } => None,
        };
        let token = self.caller.as_deref();
        let has = |scope: &str| token.is_some_and(|token| token.has_scope(scope));
        route?.requirement.scopes()?.missing(has)
    }
}
