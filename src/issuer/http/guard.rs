//! Private by default here too: the gate's own [`Authorizer`] decides who reaches an endpoint.

use std::sync::Arc;

use axum::extract::{Request as HttpRequest, State};
use axum::http::HeaderValue;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::body;
use crate::authorizer::{Authorizer, CacheLimits, Snapshot};
use crate::clock::{Clock, UnixSeconds};
use crate::decision::Decision;
use crate::identity::{App, ScopeSet, User};
use crate::issuer::directory::Authority;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::signing::AUTHENTICATION_CLAIM;
use crate::issuer::standing::Standing;
use crate::issuer::{Issuer, IssuerError, IssuerSettings};
use crate::policy::{Host, Method, Path, Policy, Requirement, Route, Target};
use crate::problem::Source;
use crate::token::{
    ClaimRules, Credential, DEFAULT_TOKEN_BYTES, IssuerRules, KeySet, Trust, VerifiedToken,
};

const LIMITS: CacheLimits = CacheLimits {
    max_entries: 10_000,
    max_bytes: 4 << 20,
};

/// What the policy calls the issuer.
const OWN_ISSUER: &str = "portcullis";

/// Its clock and the verifier's are the same, but several issuers may share a store.
const LEEWAY_SECONDS: u32 = 5;

/// Whose token a private request carries.
#[derive(Clone)]
pub(in crate::issuer) struct Caller {
    pub(in crate::issuer) user: Arc<User>,
    /// The app through which it calls; none where the user logged in.
    pub(in crate::issuer) app: Option<Arc<App>>,
    /// What the token was granted and user and app still have: it can pass on no more.
    pub(in crate::issuer) scopes: ScopeSet,
    pub(in crate::issuer) token: Arc<VerifiedToken>,
}

impl Caller {
    /// What it may do beyond what the endpoint asks for.
    pub(in crate::issuer) fn authority(&self) -> Authority<'_> {
        Authority::Bearer {
            user: &self.user,
            scopes: &self.scopes,
            token: &self.token,
            app: self.app.as_deref(),
        }
    }
}

/// Judges requests to the issuer, by its own policy and its own keys.
pub(in crate::issuer) fn authorizer(
    settings: &IssuerSettings,
    keys: KeySet,
    clock: Arc<dyn Clock>,
) -> Result<Authorizer, IssuerError> {
    let source = Source {
        name: "issuer/policy.yaml".to_owned(),
        text: include_str!("../policy.yaml").to_owned(),
    };
    let policy = Policy::compile(&[source])?;
    let snapshot = Snapshot::new(Arc::new(policy), trust(settings, keys)?);
    Ok(Authorizer::new(snapshot, LIMITS, clock))
}

/// Belief in the issuer's own tokens, by these keys and their algorithms.
pub(in crate::issuer) fn trust(
    settings: &IssuerSettings,
    keys: KeySet,
) -> Result<Trust, IssuerError> {
    let rules = IssuerRules {
        name: OWN_ISSUER.into(),
        issuer: settings.url.as_str().into(),
        // All that our tokens may have: they are also introspected and revoked. Who calls the issuer
        // with one needs the issuer among them, which `present_caller` sees to.
        audiences: settings.audiences().map(Box::from).collect(),
        algorithms: keys.algorithms(),
        leeway_seconds: LEEWAY_SECONDS,
        types: vec!["at+jwt".into()],
        claims: ClaimRules::default(),
        max_lifetime_seconds: u64::from(settings.access_token_seconds),
        max_token_bytes: DEFAULT_TOKEN_BYTES,
    };
    Ok(Trust::new(vec![(rules, Some(keys))])?)
}

/// Lets a request through to its endpoint, with its [`Caller`] where the endpoint is private.
pub(super) async fn guard(
    State(issuer): State<Arc<Issuer>>,
    request: HttpRequest,
    next: Next,
) -> Response {
    match issuer.let_through(request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
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
    /// Refuses a token of a login that was long ago, or was got by a refresh token: whoever has stolen
    /// one does not make what outlives it and the password. An app of the user has a secret of its own,
    /// with which it gets another token whenever it wants. An app of somebody else would leave behind in
    /// the user's name what nobody has consented to, and its tokens are no logins.
    pub(super) fn fresh(&self, caller: &Caller) -> Result<(), EndpointError> {
        let user = &caller.user.id;
        if caller.app.as_ref().is_some_and(|app| app.owner == *user) {
            return Ok(());
        }
        let max_age_seconds = self.settings.fresh_login_seconds;
        let claim = caller.token.claim(AUTHENTICATION_CLAIM);
        let authenticated_at = claim.and_then(Value::as_i64).map(UnixSeconds);
        let age = authenticated_at.map(|instant| self.clock.now().since(instant));
        let allowed = -i64::from(LEEWAY_SECONDS)..=i64::from(max_age_seconds);
        if age.is_some_and(|age| allowed.contains(&age)) {
            Ok(())
        } else {
            Err(EndpointError::NotFresh { max_age_seconds })
        }
    }

    /// The request as its endpoint gets it. A private one is judged after its body has arrived: who
    /// sends that slowly gains nothing by a token that is taken back, or ends, meanwhile.
    async fn let_through(&self, request: HttpRequest) -> Result<HttpRequest, EndpointError> {
        if let Admission::Public = self.admit(&request)? {
            return Ok(request);
        }
        let mut request = body::arrived(request).await?;
        if let Admission::Private { token, required } = self.admit(&request)? {
            let caller = self.present_caller(token, &required).await?;
            request.extensions_mut().insert(caller);
        }
        Ok(request)
    }

    fn admit(&self, request: &HttpRequest) -> Result<Admission, EndpointError> {
        let snapshot = self.guard.snapshot();
        let credentials = request.headers().get_all(AUTHORIZATION).iter();
        let credential = Credential::read(credentials.map(HeaderValue::as_bytes));
        let judgement = self.guard.judge(&snapshot, &target(request), credential);
        self.guard.tally(&snapshot, &judgement);
        match (judgement.decision, judgement.caller) {
            (Decision::Deny(denial), _) => Err(EndpointError::of_denial(denial)),
            (Decision::Allow(permit), caller) => match (required(permit.route()), caller) {
                (Some(required), Some(token)) => Ok(Admission::Private { token, required }),
                (Some(_), None) => Err(EndpointError::CallerChanged),
                // Public: who calls makes no difference.
                (None, _) => Ok(Admission::Public),
            },
        }
    }

    /// What the token says must hold now: nobody waits for its end once user, app or role have
    /// changed.
    async fn present_caller(
        &self,
        token: Arc<VerifiedToken>,
        required: &[Box<str>],
    ) -> Result<Caller, EndpointError> {
        // Ours, but asked for in order to be shown elsewhere (RFC 8707).
        if !is_for(&token, &self.settings.url) {
            return Err(EndpointError::BadBearer);
        }
        let standing = self.standing(&token).await?;
        let Standing { user, app, scopes } = standing.ok_or(EndpointError::CallerChanged)?;
        if !required.iter().all(|scope| scopes.contains(scope)) {
            return Err(EndpointError::CallerChanged);
        }
        Ok(Caller {
            user: Arc::new(user),
            app: app.map(|found| Arc::new(found.app)),
            scopes,
            token,
        })
    }
}

/// Whether `audience` is, or is among, the token's `aud`.
fn is_for(token: &VerifiedToken, audience: &str) -> bool {
    match token.claim("aud") {
        Some(Value::String(only)) => only == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one == audience),
        Some(_) | None => false,
    }
}

fn target(request: &HttpRequest) -> Target<'_> {
    let host = request.headers().get(HOST);
    let path = request.uri().path_and_query();
    Target {
        method: Method(request.method().as_str().as_bytes()),
        host: Host(host.map_or(b"", |host| host.as_bytes())),
        path: Path(path.map_or(b"/", |path| path.as_str().as_bytes())),
        preflight: None,
        grpc: false,
    }
}

/// The scopes that a route asks for; none where it is public.
fn required(route: &Route) -> Option<Vec<Box<str>>> {
    match &route.requirement {
        Requirement::Public => None,
        Requirement::Authenticated | Requirement::Nobody => Some(Vec::new()),
        Requirement::Scopes(scopes) => Some(scopes.names().map(Box::from).collect()),
    }
}
