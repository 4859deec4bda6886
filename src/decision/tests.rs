//! The truth table of [`decide`]: a row for each kind of route and each kind of evidence.

mod conditions;
mod readings;
mod shadow;

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;
use crate::clock::UnixSeconds;
use crate::condition::NoAttributes;
use crate::policy::{
    Host, Method, Methods, Mode, Path, Policy, RequiredScopes, RouteConditions, RouteIssuers,
    Target, TargetError,
};
use crate::problem::Source;
use crate::token::{Algorithm, IssuerIndex, IssuerRules, KeySet, Trust, UnverifiedToken};

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
const NOW: i64 = 1_700_000_000;

/// A token with these scopes, signed and verified.
fn token(scopes: &str) -> VerifiedToken {
    token_with(json!({
        "sub": "user-7", "client_id": "app-3", "jti": "token-1", "scope": scopes,
    }))
}

/// A token with these claims and those that each has.
fn token_with(mut claims: serde_json::Value) -> VerifiedToken {
    let issuer = "https://id.shop.example";
    let algorithms = [Algorithm::Hs256];
    let rules = IssuerRules::of_access_tokens("staff", issuer, &["orders-api"], &algorithms);
    let keys = KeySet::from_hmac_secret(SECRET, &algorithms).unwrap();
    let trust = Trust::new(vec![(rules, Some(keys))]).unwrap();
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let header = json!({"alg": "HS256", "typ": "at+jwt"}).to_string();
    for (name, value) in [
        ("iss", json!(issuer)),
        ("aud", json!("orders-api")),
        ("iat", json!(NOW)),
        ("exp", json!(NOW + 600)),
    ] {
        claims[name] = value;
    }
    let message = format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(claims.to_string().as_bytes())
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let signature = hmac::sign(&key, message.as_bytes());
    let signed = format!("{message}.{}", encode(signature.as_ref()));
    let unverified = UnverifiedToken::parse(signed.as_bytes()).unwrap();
    trust.verify(unverified, UnixSeconds(NOW)).unwrap()
}

fn route(index: usize, name: &str, requirement: Requirement) -> Arc<Route> {
    Arc::new(Route {
        index,
        name: name.into(),
        requirement,
        conditions: RouteConditions::default(),
        issuers: RouteIssuers::Trusted,
        hosts: Box::new([]),
        methods: Methods::Every,
        path: "/{*rest}".into(),
        preflight: false,
        mode: Mode::Enforce,
    })
}

fn scopes(all: &[&str], any: &[&str]) -> Requirement {
    let boxed = |scopes: &[&str]| scopes.iter().map(|scope| Box::from(*scope)).collect();
    Requirement::Scopes(RequiredScopes::new(boxed(all), boxed(any)).unwrap())
}

/// One route of each kind.
struct Routes {
    public: Arc<Route>,
    authenticated: Arc<Route>,
    read: Arc<Route>,
    read_and_write: Arc<Route>,
    read_or_write: Arc<Route>,
    admin_and_either: Arc<Route>,
    nobody: Arc<Route>,
}

fn routes() -> Routes {
    Routes {
        public: route(0, "public", Requirement::Public),
        authenticated: route(1, "authenticated", Requirement::Authenticated),
        read: route(2, "read", scopes(&["read"], &[])),
        read_and_write: route(3, "read-and-write", scopes(&["read", "write"], &[])),
        read_or_write: route(4, "read-or-write", scopes(&[], &["read", "write"])),
        admin_and_either: route(
            5,
            "admin-and-either",
            scopes(&["admin"], &["read", "write"]),
        ),
        nobody: route(6, "nobody", Requirement::Nobody),
    }
}

/// Decides on routes without conditions.
fn decided<'p>(routed: &Routed<'p>, evidence: Evidence<'_>) -> Decision<'p> {
    let circumstances = Circumstances {
        policy: &policy("version: 1\nroutes: []\n"),
        target: &target(""),
        attributes: &NoAttributes,
        now: UnixSeconds(NOW),
    };
    decide(routed, evidence, &circumstances)
}

fn policy(text: &str) -> Policy {
    let source = Source {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    };
    Policy::compile(&[source]).unwrap_or_else(|problems| panic!("{problems}"))
}

fn target(path: &str) -> Target<'_> {
    Target {
        method: Method(b"GET"),
        host: Host(b"shop.example"),
        path: Path(path.as_bytes()),
        preflight: None,
        grpc: false,
    }
}

/// The label of the permit or denial, and the route that it names.
fn outcome(routed: &Routed<'_>, evidence: Evidence<'_>) -> String {
    let (verdict, label, route) = match decided(routed, evidence) {
        Decision::Allow(permit) => ("allow", permit.label(), Some(permit.route())),
        Decision::Deny(denial) => ("deny", denial.label(), denial.route()),
    };
    let route = route.map_or_else(|| "-".into(), |route| route.name.to_string());
    format!("{verdict} {label} {route}")
}

/// For each routed request: without a token, with a bad one, before the keys are there, with a
/// token without scopes, with `read`, with `read write`, with `admin write`.
#[track_caller]
fn check(rows: &[(&Routed<'_>, [&str; 7])]) {
    let tokens = ["", "read", "read write", "admin write"].map(token);
    let [plain, read, write, admin] = &tokens;
    let evidence = [
        Evidence::Absent,
        Evidence::Refused(TokenError::Json),
        Evidence::Refused(TokenError::KeysNotLoaded(IssuerIndex(0))),
        Evidence::Verified(plain),
        Evidence::Verified(read),
        Evidence::Verified(write),
        Evidence::Verified(admin),
    ];
    for (routed, expected) in rows {
        for (evidence, expected) in evidence.iter().zip(expected) {
            assert_eq!(
                outcome(routed, *evidence),
                *expected,
                "{routed:?} {evidence:?}"
            );
        }
    }
}

#[test]
fn a_route_lets_through_what_meets_its_requirement() {
    let routes = routes();
    let no_token = |name: &str| {
        ["no_token", "bad_token", "keys_not_loaded"].map(|label| format!("deny {label} {name}"))
    };
    let with_token = |route: &Arc<Route>, expected: [&'static str; 4]| {
        let [absent, bad, not_loaded] = no_token(&route.name);
        let labels = expected.map(|label| format!("{label} {}", route.name));
        let rows: Vec<String> = [absent, bad, not_loaded]
            .into_iter()
            .chain(labels)
            .collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        check(&[(&Routed::One(route), rows.try_into().unwrap())]);
    };
    let (granted, missing) = ("allow scopes", "deny scopes_missing");
    with_token(&routes.authenticated, ["allow authenticated"; 4]);
    with_token(&routes.read, [missing, granted, granted, missing]);
    with_token(&routes.read_and_write, [missing, missing, granted, missing]);
    with_token(&routes.read_or_write, [missing, granted, granted, granted]);
    with_token(
        &routes.admin_and_either,
        [missing, missing, missing, granted],
    );
    check(&[
        (&Routed::One(&routes.public), ["allow public public"; 7]),
        (&Routed::One(&routes.nobody), ["deny nobody nobody"; 7]),
        (
            &Routed::Preflight(&routes.read),
            ["allow preflight read"; 7],
        ),
    ]);
}

#[test]
fn a_token_of_an_issuer_that_does_not_count_on_a_route_proves_nothing_there() {
    let of = |name: &str, requirement: Requirement, issuers: &[&str]| {
        let issuers = issuers.iter().map(|issuer| Box::from(*issuer)).collect();
        let mut route = Arc::unwrap_or_clone(route(0, name, requirement));
        route.issuers = RouteIssuers::Named(issuers);
        Arc::new(route)
    };
    let write = token("read write");
    let staff = of("staff", Requirement::Authenticated, &["staff"]);
    let both = of("both", scopes(&["read"], &[]), &["pipelines", "staff"]);
    let other = of("other", Requirement::Authenticated, &["pipelines"]);
    let scoped = of("scoped", scopes(&["read"], &[]), &["pipelines"]);
    let none = of("none", scopes(&["read"], &[]), &[]);
    let public = of("public", Requirement::Public, &["pipelines"]);
    let mut tried = Arc::unwrap_or_clone(of("tried", Requirement::Nobody, &[]));
    tried.mode = Mode::Shadow;
    let tried = Arc::new(tried);
    for (routed, expected) in [
        (Routed::One(&staff), "allow authenticated staff"),
        (Routed::One(&both), "allow scopes both"),
        (Routed::One(&other), "deny bad_token other"),
        (Routed::One(&scoped), "deny bad_token scoped"),
        (Routed::One(&none), "deny bad_token none"),
        (Routed::One(&public), "allow public public"),
        (Routed::Every(vec![&staff, &both]), "allow scopes both"),
        (Routed::Every(vec![&staff, &other]), "deny bad_token staff"),
        (Routed::Every(vec![&public, &both]), "deny bad_token both"),
        (Routed::Every(vec![&both, &public]), "deny bad_token both"),
        // What is only tried out refuses nobody, whichever issuers count there.
        (Routed::Every(vec![&both, &tried]), "allow shadow tried"),
        (
            Routed::UnlistedInShadow {
                stand_in: &tried,
                listed: vec![&both],
            },
            "allow shadow tried",
        ),
        (
            Routed::UnlistedInShadow {
                stand_in: &tried,
                listed: vec![&other],
            },
            "deny bad_token other",
        ),
    ] {
        assert_eq!(
            outcome(&routed, Evidence::Verified(&write)),
            expected,
            "{routed:?}"
        );
    }
}

#[test]
fn what_no_route_lists_is_refused_to_everybody() {
    let unlisted = "deny unlisted -";
    let rows = [
        "deny no_token -",
        "deny bad_token -",
        "deny keys_not_loaded -",
        unlisted,
        unlisted,
        unlisted,
        unlisted,
    ];
    check(&[(&Routed::Unlisted, rows)]);
}

#[test]
fn a_token_that_may_have_been_revoked_is_told_apart() {
    let routes = routes();
    let stale = Evidence::Refused(TokenError::RevocationsStale);
    for (routed, expected) in [
        (Routed::One(&routes.public), "allow public public"),
        (Routed::One(&routes.nobody), "deny nobody nobody"),
        (
            Routed::One(&routes.authenticated),
            "deny revocations_stale authenticated",
        ),
        (Routed::One(&routes.read), "deny revocations_stale read"),
        (
            Routed::Every(vec![&routes.public, &routes.read]),
            "deny revocations_stale read",
        ),
        (Routed::Unlisted, "deny revocations_stale -"),
    ] {
        assert_eq!(outcome(&routed, stale), expected);
    }
}

#[test]
fn a_scope_is_whole_and_case_sensitive() {
    let routes = routes();
    for scopes in ["Read", "rea", "reader", "read.all", "write"] {
        let token = token(scopes);
        let found = outcome(&Routed::One(&routes.read), Evidence::Verified(&token));
        assert_eq!(found, "deny scopes_missing read", "{scopes}");
    }
}

#[test]
fn a_denial_tells_its_detail_where_it_has_several_causes() {
    let bad = Denial::BadToken {
        route: None,
        error: TokenError::Json,
    };
    let malformed = Denial::MalformedTarget(TargetError::PathFragment);
    assert_eq!(malformed.detail(), Some("path_fragment"));
    assert_eq!(bad.detail(), Some(TokenError::Json.label()));
    for denial in [
        Denial::Unlisted,
        Denial::SeveralCredentials,
        Denial::NoToken { route: None },
    ] {
        assert_eq!(denial.detail(), None, "{denial:?}");
    }
}

#[test]
fn a_policy_and_a_request_make_a_decision() {
    let text = "version: 1\nroutes: [{name: docs, methods: [GET], path: '/docs/{*rest}', \
                access: public}, {name: admin, methods: [GET], path: '/docs/admin/{*rest}', \
                access: authenticated}]\npaths: {merge_slashes: true}\n";
    let policy = policy(text);
    let decide_on = |path: &str| outcome(&policy.route(&target(path)).unwrap(), Evidence::Absent);
    assert_eq!(decide_on("/docs/a"), "allow public docs");
    assert_eq!(decide_on("/docs//a"), "allow public docs");
    assert_eq!(decide_on("/docs//admin/a"), "deny no_token admin");
    assert_eq!(decide_on("/other"), "deny no_token -");
}
