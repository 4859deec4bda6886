//! Private by default here too: the gate's own [`Authorizer`] decides who reaches an endpoint.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request as HttpRequest, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, HOST};
use axum::http::{HeaderMap, HeaderValue, Method as HttpMethod, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::{body, pages};
use crate::authorizer::{Authorizer, CacheLimits, Snapshot};
use crate::clock::{Clock, UnixSeconds};
use crate::decision::{Decision, Denial};
use crate::identity::{App, ScopeSet, SecretDigest, User};
use crate::issuer::access_token::AUTHENTICATION_CLAIM;
use crate::issuer::directory::{Authority, Login};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::grants::Standing;
use crate::issuer::{Issuer, IssuerError, IssuerSettings};
use crate::policy::{Host, Method, Path, Policy, Requirement, Target};
use crate::problem::Source;
use crate::token::{Credential, IssuerRules, KeySet, Trust, VerifiedToken};

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
    /// The session of its browser; none where it has sent the token itself.
    pub(in crate::issuer) session: Option<SecretDigest>,
}

impl Caller {
    /// What it may do beyond what the endpoint asks for.
    pub(in crate::issuer) fn authority(&self, login: Login) -> Authority<'_> {
        Authority::Bearer {
            user: &self.user.id,
            scopes: &self.scopes,
            token: &self.token,
            app: self.app.as_deref().map(|app| &app.key),
            session: self.session.as_ref(),
            login,
        }
    }

    /// Whether it has shown, in the last `max_age_seconds`, what a stolen token does not have. A token of
    /// a login says when the password was given; one that was got by a refresh token does not. An app of
    /// the user has a secret of its own, with which it gets another token whenever it wants. An app of
    /// somebody else would leave behind in the user's name what nobody has consented to, and its tokens
    /// are no logins.
    pub(super) fn last_login(&self, now: UnixSeconds, max_age_seconds: u32) -> Login {
        let user = &self.user.id;
        if self.app.as_ref().is_some_and(|app| app.owner == *user) {
            return Login::Fresh;
        }
        match self.authenticated_at() {
            Some(instant) if is_recent(instant, now, max_age_seconds) => Login::Fresh,
            Some(_) | None => Login::Old { max_age_seconds },
        }
    }

    /// When the user gave its password, where the token is of a login.
    pub(super) fn authenticated_at(&self) -> Option<UnixSeconds> {
        let claim = self.token.claim(AUTHENTICATION_CLAIM);
        claim.and_then(Value::as_i64).map(UnixSeconds)
    }
}

/// Whether an instant was so lately. Clocks of issuers on one store differ a little.
fn is_recent(instant: UnixSeconds, now: UnixSeconds, max_age_seconds: u32) -> bool {
    let allowed = -i64::from(LEEWAY_SECONDS)..=i64::from(max_age_seconds);
    allowed.contains(&now.since(instant))
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

/// Trust in the issuer's own tokens, by these keys and their algorithms.
pub(in crate::issuer) fn trust(
    settings: &IssuerSettings,
    keys: KeySet,
) -> Result<Trust, IssuerError> {
    // All that our tokens may have: they are also introspected and revoked. Who calls the issuer with one
    // needs the issuer among them, which `present_caller` sees to.
    let audiences: Vec<&str> = settings.audiences().collect();
    let algorithms = keys.algorithms();
    let rules = IssuerRules {
        leeway_seconds: LEEWAY_SECONDS,
        max_lifetime_seconds: u64::from(settings.access_token_seconds),
        ..IssuerRules::of_access_tokens(OWN_ISSUER, &settings.url, &audiences, &algorithms)
    };
    Ok(Trust::new(vec![(rules, Some(keys))])?)
}

/// Lets a request through to its endpoint, with its [`Caller`] where the endpoint is private.
pub(super) async fn guard(
    State(issuer): State<Arc<Issuer>>,
    request: HttpRequest,
    next: Next,
) -> Response {
    if is_lost(&request) {
        return pages::nothing(&issuer, &request).await;
    }
    match let_through(&issuer, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Whether somebody looks with a browser where nothing is. Others are asked for a token first.
fn is_lost(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let reads_html = headers.get_all(ACCEPT).iter().any(|accept| {
        accept
            .to_str()
            .is_ok_and(|types| types.contains("text/html"))
    });
    let is_read = request.method() == HttpMethod::GET || request.method() == HttpMethod::HEAD;
    let is_known = request.extensions().get::<MatchedPath>().is_some();
    !is_known && is_read && reads_html && !headers.contains_key(AUTHORIZATION)
}

/// What the policy lets through.
pub(super) enum Admission {
    /// Whoever calls.
    Public,
    /// The bearer of this token, if what is left of it meets the requirement.
    Private {
        token: Arc<VerifiedToken>,
        requirement: Requirement,
    },
}

/// The request as its endpoint gets it. A private one is judged twice, before its body is read and after
/// it has arrived: a caller that sends it slowly gains nothing by a token that ends, or is revoked,
/// meanwhile.
async fn let_through(issuer: &Issuer, request: HttpRequest) -> Result<HttpRequest, EndpointError> {
    if let Admission::Public = admit_bearer(&issuer.guard, &request)? {
        return Ok(request);
    }
    let mut request = body::arrived(request).await?;
    if let Admission::Private { token, requirement } = admit_bearer(&issuer.guard, &request)? {
        let caller = present_caller(issuer, token, &requirement).await?;
        request.extensions_mut().insert(caller);
    }
    Ok(request)
}

fn admit_bearer(guard: &Authorizer, request: &HttpRequest) -> Result<Admission, EndpointError> {
    let credentials = request.headers().get_all(AUTHORIZATION).iter();
    let credential = Credential::read(credentials.map(HeaderValue::as_bytes));
    let target = target(request.method(), request.uri(), request.headers());
    admit(guard, &target, credential, EndpointError::of_denial)
}

/// Asks the policy. `refuse` says what becomes of a denial.
pub(super) fn admit<E: From<EndpointError>>(
    guard: &Authorizer,
    target: &Target<'_>,
    credential: Credential<'_>,
    refuse: impl FnOnce(Denial<'_>) -> E,
) -> Result<Admission, E> {
    let snapshot = guard.snapshot();
    let judgement = guard.judge(&snapshot, target, credential);
    // By the snapshot that judged, whose counters are those of its routes.
    guard.tally(&snapshot, &judgement);
    match (judgement.decision, judgement.caller) {
        (Decision::Deny(denial), _) => Err(refuse(denial)),
        (Decision::Allow(permit), caller) => match (&permit.route().requirement, caller) {
            // Who calls makes no difference.
            (Requirement::Public, _) => Ok(Admission::Public),
            (requirement, Some(token)) => Ok(Admission::Private {
                token,
                requirement: requirement.clone(),
            }),
            (_, None) => Err(EndpointError::CallerChanged.into()),
        },
    }
}

/// What the token says must hold now: nobody waits for its end once user, app or role have changed.
pub(super) async fn present_caller(
    issuer: &Issuer,
    token: Arc<VerifiedToken>,
    requirement: &Requirement,
) -> Result<Caller, EndpointError> {
    // Ours, but asked for in order to be shown elsewhere (RFC 8707).
    if !is_for(&token, &issuer.settings.url) {
        return Err(EndpointError::BadBearer);
    }
    // The guard has verified the token by what this process knew. The store knows what others have
    // taken back in the last moment.
    let standing = issuer.grants.standing(&token).await?;
    let standing = standing.filter(|standing| is_met(requirement, &standing.scopes));
    let Some(Standing { user, app, scopes }) = standing else {
        return Err(if issuer.grants.lacks_passkey(&token).await? {
            EndpointError::BearerWithoutPasskey
        } else {
            EndpointError::CallerChanged
        });
    };
    Ok(Caller {
        user: Arc::new(user),
        app: app.map(|found| Arc::new(found.app)),
        scopes,
        token,
        session: None,
    })
}

/// Whether a caller with these scopes still meets what a route asks for.
fn is_met(requirement: &Requirement, scopes: &ScopeSet) -> bool {
    match requirement {
        Requirement::Public | Requirement::Authenticated => true,
        Requirement::Nobody => false,
        Requirement::Scopes(required) => required.are_met(|scope| scopes.contains(scope)),
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

/// What the policy sees of a request.
pub(super) fn target<'a>(
    method: &'a HttpMethod,
    uri: &'a Uri,
    headers: &'a HeaderMap,
) -> Target<'a> {
    let host = headers.get(HOST);
    let path = uri.path_and_query();
    Target {
        method: Method(method.as_str().as_bytes()),
        host: Host(host.map_or(b"", |host| host.as_bytes())),
        path: Path(path.map_or(b"/", |path| path.as_str().as_bytes())),
        preflight: None,
        grpc: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::RequiredScopes;

    fn scopes(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    #[test]
    fn a_caller_must_still_have_all_that_a_route_asks_for_and_one_of_any() {
        let asks = |all: &[&str], any: &[&str]| {
            let boxed = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
            Requirement::Scopes(RequiredScopes::new(boxed(all), boxed(any)).unwrap())
        };
        let rows = [
            (Requirement::Public, "", true),
            (Requirement::Authenticated, "", true),
            (Requirement::Nobody, "a b c", false),
            (asks(&["a"], &[]), "a", true),
            (asks(&["a"], &[]), "b", false),
            (asks(&["a"], &["b", "c"]), "a c", true),
            (asks(&["a"], &["b", "c"]), "a", false),
        ];
        for (requirement, left, expected) in rows {
            assert_eq!(
                is_met(&requirement, &scopes(left)),
                expected,
                "{requirement:?} {left}"
            );
        }
    }

    #[test]
    fn a_login_is_recent_for_so_long_and_not_from_the_future() {
        let rows = [
            (0, true),
            (300, true),
            (301, false),
            (-5, true),
            (-6, false),
            (i64::MAX, false),
        ];
        for (age, expected) in rows {
            let now = UnixSeconds(1_700_000_000);
            let instant = now.plus(-age);
            assert_eq!(is_recent(instant, now, 300), expected, "{age}");
        }
    }
}
