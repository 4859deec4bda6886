//! `/backend/who`: may this caller send that request? The gate in the same process answers, as it would answer
//! the proxy: it judges a token that is made for the question and given to nobody.

mod caller;
mod judged;

use std::sync::Arc;

use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;

use super::policy::{RouteAnswer, texts};
use crate::authorizer::{Authorizer, Snapshot};
use crate::identity::{Form, GrantError, ScopeName, ScopeSet};
use crate::issuer::directory::DirectoryError;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::body;
use crate::issuer::http::extract::DirectoryAccess;
use crate::problem::quoted;

use caller::Caller;

pub(in crate::issuer::http) use judged::{AskedRequest, Judged};

/// The longest of what a question has, in bytes.
const MAX_BYTES: usize = 1024;

const PARAMETERS: [&str; 6] = ["method", "host", "path", "user", "app", "role"];

/// The scope that asks at all.
const NEEDED: &str = "backend.role";

/// As whom the gate is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::issuer::http) enum About<'q> {
    /// A user by its name, after a login.
    User(&'q str),
    /// An app for its owner, by its key or as `owner/name`.
    App(&'q str),
    /// Somebody who has this role and no other.
    Role(&'q str),
    /// Somebody without a token.
    Nobody,
}

/// What is known of whoever is asked about, and the policy in force at that moment.
pub(in crate::issuer::http) struct Known<'a> {
    gate: &'a Authorizer,
    snapshot: Arc<Snapshot>,
    caller: Caller,
}

/// Why there is no answer.
pub(in crate::issuer::http) enum NoAnswer {
    /// Whoever asks lacks this scope.
    Lacking(&'static str),
    NoGate,
    /// Nothing has the name.
    Unknown(DirectoryError),
    Failed(EndpointError),
}

impl<'q> About<'q> {
    /// Of this kind and name; none where there is no such kind.
    pub(in crate::issuer::http) fn of(kind: &str, name: &'q str) -> Option<Self> {
        match kind {
            "user" => Some(Self::User(name)),
            "app" => Some(Self::App(name)),
            "role" => Some(Self::Role(name)),
            "nobody" => Some(Self::Nobody),
            _ => None,
        }
    }

    /// What somebody with these scopes lacks to ask about it.
    pub(in crate::issuer::http) fn lacking(self, held: &ScopeSet) -> Option<&'static str> {
        let more: &[&str] = match self {
            Self::User(_) => &[NEEDED, "backend.user"],
            Self::App(_) => &[NEEDED, "backend.app"],
            Self::Role(_) | Self::Nobody => &[NEEDED],
        };
        more.iter().copied().find(|scope| !held.contains(scope))
    }
}

impl<'a> Known<'a> {
    /// Finds whoever is asked about, if the caller of `access` may know of it.
    pub(in crate::issuer::http) async fn about(
        access: &'a DirectoryAccess,
        about: About<'_>,
    ) -> Result<Self, NoAnswer> {
        if let Some(scope) = about.lacking(&access.caller.scopes) {
            return Err(NoAnswer::Lacking(scope));
        }
        let gate = access.issuer.gate.get().ok_or(NoAnswer::NoGate)?;
        let caller = Caller::of(access, about).await?;
        Ok(Self {
            gate,
            snapshot: Arc::clone(&gate.snapshot()),
            caller,
        })
    }

    /// What the gate says of a request of it.
    pub(in crate::issuer::http) fn judge(&self, request: &AskedRequest<'_>) -> Judged<'_> {
        request.judge(self.gate, &self.snapshot, self.caller.token.as_deref())
    }

    /// What it has of the API.
    pub(in crate::issuer::http) fn scopes(&self) -> &ScopeSet {
        &self.caller.scopes
    }

    /// Why it gets no token for the API; none where it has one, or was not to have one.
    pub(in crate::issuer::http) fn no_token(&self) -> Option<GrantError> {
        self.caller.no_token
    }
}

impl NoAnswer {
    fn failed(error: impl Into<EndpointError>) -> Self {
        Self::Failed(error.into())
    }
}

impl From<DirectoryError> for NoAnswer {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::NotFound(_) => Self::Unknown(error),
            other => Self::Failed(other.into()),
        }
    }
}

impl From<NoAnswer> for EndpointError {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Lacking(scope) => Self::ScopeNeeded(scope),
            NoAnswer::NoGate => Self::NoGate,
            NoAnswer::Unknown(error) => error.into(),
            NoAnswer::Failed(error) => error,
        }
    }
}

/// Whether a text is longer than a question may have.
pub(in crate::issuer::http) fn is_too_long(text: &str) -> bool {
    text.len() > MAX_BYTES
}

/// What the gate says, in the names of logs and of `portcullis explain`.
#[derive(Serialize)]
struct WhoAnswer<'a> {
    decision: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
    /// Why it would be refused if its route were not in shadow.
    #[serde(skip_serializing_if = "Option::is_none")]
    would_deny: Option<&'static str>,
    /// The condition that is not met, or cannot be evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<&'a str>,
    /// The route that decided, with what it needs; absent where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<RouteAnswer<'a>>,
    /// What the caller has of the API.
    has: Vec<&'a str>,
    /// The scopes that the route needs and the caller lacks: all of these.
    missing: Vec<&'a str>,
    /// And one of these, unless there are none.
    missing_any_of: Vec<&'a str>,
    /// Why the caller gets no token for the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_token: Option<String>,
    policy_digest: &'a str,
}

/// `GET`
pub(in crate::issuer::http) async fn show(
    access: DirectoryAccess,
    uri: Uri,
) -> Result<Response, EndpointError> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes())?;
    if let Some(unknown) = query.names().find(|name| !PARAMETERS.contains(name)) {
        return Err(EndpointError::UnknownParameter(quoted(unknown)));
    }
    for name in PARAMETERS {
        if query.get(name).is_some_and(is_too_long) {
            return Err(EndpointError::Parameter(name));
        }
    }
    let text = |name| query.get(name).unwrap_or_default().trim();
    let mut named = [
        Some(text("user"))
            .filter(|name| !name.is_empty())
            .map(About::User),
        Some(text("app"))
            .filter(|name| !name.is_empty())
            .map(About::App),
        Some(text("role"))
            .filter(|name| !name.is_empty())
            .map(About::Role),
    ]
    .into_iter()
    .flatten();
    let about = named.next().unwrap_or(About::Nobody);
    if named.next().is_some() {
        return Err(EndpointError::SeveralCallers);
    }
    let request = AskedRequest::of(text("method"), text("host"), text("path"));
    if request.path.is_empty() {
        return Err(EndpointError::Missing("path"));
    }
    let known = Known::about(&access, about).await?;
    let judged = known.judge(&request);
    let policy = known.snapshot.policy();
    let denial = judged.verdict.denial();
    let missing = judged.missing();
    let missing = missing.as_ref();
    Ok(body::ok(&WhoAnswer {
        decision: if judged.verdict.passes() {
            "allow"
        } else {
            "deny"
        },
        reason: judged.verdict.label(),
        detail: denial.and_then(|denial| denial.detail()),
        would_deny: denial
            .filter(|_| judged.verdict.passes())
            .map(|denial| denial.label()),
        condition: denial
            .and_then(|denial| denial.condition())
            .map(|(condition, _)| condition.text()),
        route: judged
            .verdict
            .route()
            .map(|route| RouteAnswer::of(route, policy.place(route))),
        has: known.scopes().iter().map(ScopeName::as_str).collect(),
        missing: missing.map_or_else(Vec::new, |missing| texts(missing.all())),
        missing_any_of: missing.map_or_else(Vec::new, |missing| texts(missing.any())),
        no_token: known.no_token().map(|reason| reason.to_string()),
        policy_digest: policy.digest(),
    }))
}
