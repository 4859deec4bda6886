//! Private by default here too: the gate's own [`Authorizer`] decides who reaches an endpoint.

use std::sync::Arc;

use axum::extract::{Request as HttpRequest, State};
use axum::http::HeaderValue;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::directory::Authority;
use super::refusal::Refusal;
use super::{Issuer, IssuerError, IssuerSettings};
use crate::authorizer::{Authorizer, CacheLimits, Request, Snapshot};
use crate::clock::Clock;
use crate::decision::Decision;
use crate::identity::{AppKey, ScopeSet, Status, User, UserId};
use crate::policy::{Policy, Requirement, Route, Target};
use crate::problem::Source;
use crate::token::{Credential, IssuerRules, KeySet, LogPosition, Subject, Trust, VerifiedToken};

const LIMITS: CacheLimits = CacheLimits {
    max_entries: 10_000,
    max_bytes: 4 << 20,
};

/// Its clock and the verifier's are the same, but several issuers may share a store.
const LEEWAY_SECONDS: u32 = 5;

/// Whose token a private request carries.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) user: Arc<User>,
    /// What the token was granted and its user still has: it can pass on no more.
    pub(super) scopes: ScopeSet,
}

impl Caller {
    /// What it may do beyond what the endpoint asks for.
    pub(super) fn authority(&self) -> Authority<'_> {
        Authority::Bearer {
            user: &self.user,
            scopes: &self.scopes,
        }
    }
}

/// Judges requests to the issuer, by its own policy and its own keys.
pub(super) fn authorizer(
    settings: &IssuerSettings,
    keys: KeySet,
    clock: Arc<dyn Clock>,
) -> Result<Authorizer, IssuerError> {
    let source = Source {
        name: "issuer/policy.yaml".to_owned(),
        text: include_str!("policy.yaml").to_owned(),
    };
    let policy = Policy::compile(&[source])?;
    let snapshot = Snapshot::new(Arc::new(policy), trust(settings, keys)?);
    Ok(Authorizer::new(snapshot, LIMITS, clock))
}

/// Belief in the issuer's own tokens, by these keys and their algorithms.
pub(super) fn trust(settings: &IssuerSettings, keys: KeySet) -> Result<Trust, IssuerError> {
    let rules = IssuerRules {
        issuer: settings.url.as_str().into(),
        audiences: vec![settings.url.as_str().into()],
        algorithms: keys.algorithms(),
        leeway_seconds: LEEWAY_SECONDS,
        types: vec!["at+jwt".into()],
        scope_claim: "scope".into(),
        max_lifetime_seconds: u64::from(settings.access_token_seconds),
    };
    Ok(Trust::new(vec![(rules, Some(keys))])?)
}

/// Lets a request through to its endpoint, with its [`Caller`] where the endpoint is private.
pub(super) async fn guard(
    State(issuer): State<Arc<Issuer>>,
    mut request: HttpRequest,
    next: Next,
) -> Response {
    let admission = match issuer.admit(&request) {
        Ok(admission) => admission,
        Err(refusal) => return refusal.into_response(),
    };
    if let Admission::Private { token, required } = admission {
        match issuer.present_caller(&token, &required).await {
            Ok(caller) => request.extensions_mut().insert(caller),
            Err(refusal) => return refusal.into_response(),
        };
    }
    next.run(request).await
}

/// What the policy lets through.
enum Admission {
    /// Whoever calls.
    Public,
    /// The bearer of this token, if it still has these scopes.
    Private {
        token: Arc<VerifiedToken>,
        required: Vec<Box<str>>,
    },
}

impl Issuer {
    fn admit(&self, request: &HttpRequest) -> Result<Admission, Refusal> {
        let snapshot = self.guard.snapshot();
        let credentials = request.headers().get_all(AUTHORIZATION).iter();
        let judgement = self.guard.judge(
            &snapshot,
            &Request {
                target: target(request),
                credential: Credential::read(credentials.map(HeaderValue::as_bytes)),
            },
        );
        self.guard.tally(&snapshot, &judgement);
        match (judgement.decision, judgement.caller) {
            (Decision::Deny(denial), _) => Err(Refusal::of_denial(denial)),
            (Decision::Allow(grant), caller) => match (required(grant.route), caller) {
                (Some(required), Some(token)) => Ok(Admission::Private { token, required }),
                (Some(_), None) => Err(Refusal::CallerChanged),
                // Public: who calls makes no difference.
                (None, _) => Ok(Admission::Public),
            },
        }
    }

    /// What the token says must hold now: nobody waits for its end once user, app or role have
    /// changed.
    async fn present_caller(
        &self,
        token: &VerifiedToken,
        required: &[Box<str>],
    ) -> Result<Caller, Refusal> {
        let given_out = LogPosition::of(token);
        let subjects = Subject::all_of(token);
        if self.store.is_revoked(&subjects, given_out).await? {
            return Err(Refusal::CallerChanged);
        }
        let user = self.store.user(&UserId::known(token.subject())).await?;
        let user = user.ok_or(Refusal::CallerChanged)?;
        let has_all = required.iter().all(|scope| user.scopes.contains(scope));
        if user.status != Status::Active || !has_all {
            return Err(Refusal::CallerChanged);
        }
        if let Some(key) = Self::app_of_token(token.client()) {
            let app = self
                .store
                .app(&AppKey::known(key), self.clock.now())
                .await?;
            let active = app.is_some_and(|found| {
                let has_all = required
                    .iter()
                    .all(|scope| found.app.scopes.contains(scope));
                found.app.status == Status::Active && has_all
            });
            if !active {
                return Err(Refusal::CallerChanged);
            }
        }
        let granted = user.scopes.iter();
        let granted = granted.filter(|scope| token.has_scope(scope.as_str()));
        Ok(Caller {
            scopes: granted.cloned().collect(),
            user: Arc::new(user),
        })
    }
}

fn target(request: &HttpRequest) -> Target<'_> {
    let host = request.headers().get(HOST);
    let path = request.uri().path_and_query();
    Target {
        method: request.method().as_str().as_bytes(),
        host: host.map_or(b"", |host| host.as_bytes()),
        path: path.map_or(b"/", |path| path.as_str().as_bytes()),
        preflight: None,
        grpc: false,
    }
}

/// The scopes that a route asks for; none where it is public.
fn required(route: &Route) -> Option<Vec<Box<str>>> {
    match &route.requirement {
        Requirement::Public => None,
        Requirement::Authenticated | Requirement::Nobody => Some(Vec::new()),
        Requirement::Scopes { all, any: _ } => Some(all.to_vec()),
    }
}
