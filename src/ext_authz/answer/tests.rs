//! What Envoy would make of our answers: decoded by envoy-types, never by our own code.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::OkHttpResponse;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::clock::UnixSeconds;
use crate::condition::{Caller, Cause, ClaimTypes, Condition, Names, NoAttributes, Span};
use crate::decision::{Decision, Denial, DenialKind, Evidence, decide};
use crate::gate::{
    Dialect, GateSettings, HeaderPlan, HeaderView, IdentityHeaders, MalformedRequest, Refusal,
};
use crate::labels::Label;
use crate::policy::{
    Circumstances, Host, Method, Methods, Mode, Path, Policy, RequiredScopes, Requirement, Route,
    RouteConditions, RouteIssuers, Routed, Target, TargetError,
};
use crate::problem::Source;
use crate::token::{
    self, Algorithm, ClaimPath, IssuerIndex, IssuerRules, KeySet, Trust, UnverifiedToken,
};

const NOW: UnixSeconds = UnixSeconds(1_700_000_000);
const DIALECTS: [Dialect; 3] = [Dialect::Json, Dialect::Text, Dialect::Grpc];

static CONDITION: LazyLock<Condition> = LazyLock::new(|| {
    let names = Names {
        parameters: &[],
        claims: &ClaimTypes::default(),
        caller: Caller::Verified,
    };
    let (condition, _) = Condition::compile("token.sub == \"alice\"", names).unwrap();
    condition
});

static SECRET: LazyLock<[u8; 64]> = LazyLock::new(|| {
    let mut secret = [0; 64];
    aws_lc_rs::rand::fill(&mut secret).unwrap();
    secret
});

static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let (issuer, algorithms) = ("https://id.shop.example", [Algorithm::Hs256]);
    let rules = IssuerRules {
        types: vec!["jwt".into()],
        ..IssuerRules::of_access_tokens("staff", issuer, &["orders-api"], &algorithms)
    };
    let keys = KeySet::from_hmac_secret(&*SECRET, &algorithms).unwrap();
    Trust::new(vec![(rules, Some(keys))]).unwrap()
});

/// A verified token with these claims beside the required ones; none where the gate refuses it.
fn caller(more: &serde_json::Value) -> Option<VerifiedToken> {
    let mut claims = json!({
        "iss": "https://id.shop.example", "aud": "orders-api", "sub": "alice",
        "exp": NOW.0 + 600, "iat": NOW.0,
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let key = jsonwebtoken::EncodingKey::from_secret(&*SECRET);
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    let token = UnverifiedToken::parse(token.as_bytes()).unwrap();
    TRUST.verify(token, NOW).ok()
}

fn settings() -> GateSettings {
    GateSettings {
        identity_headers: IdentityHeaders {
            claims: [("x-auth-note".to_owned(), ClaimPath::named("note"))].into(),
            ..IdentityHeaders::default()
        },
        ..GateSettings::default()
    }
}

fn decode(answer: &Answer) -> CheckResponse {
    CheckResponse::decode(answer.as_bytes()).unwrap()
}

fn route(requirement: Requirement) -> Route {
    Route {
        index: 0,
        name: "read-order".into(),
        requirement,
        conditions: RouteConditions::default(),
        issuers: RouteIssuers::Trusted,
        hosts: Box::new([]),
        methods: Methods::Every,
        path: "/{*rest}".into(),
        preflight: false,
        mode: Mode::Enforce,
    }
}

/// One of each; a new variant does not compile until it is listed here.
fn denials(route: &Route) -> Vec<Denial<'_>> {
    let listed = |denial: &Denial<'_>| match denial {
        Denial::MalformedTarget(_)
        | Denial::SeveralCredentials
        | Denial::NoToken { .. }
        | Denial::BadToken { .. }
        | Denial::ScopesMissing { .. }
        | Denial::Nobody { .. }
        | Denial::ConditionNotMet { .. }
        | Denial::ConditionFailed { .. }
        | Denial::Unlisted
        | Denial::KeysNotLoaded { .. }
        | Denial::RevocationsStale { .. } => true,
    };
    let denials = vec![
        Denial::MalformedTarget(TargetError::PathDotSegment),
        Denial::SeveralCredentials,
        Denial::NoToken { route: None },
        Denial::NoToken { route: Some(route) },
        Denial::BadToken {
            route: None,
            error: token::TokenError::Expired,
        },
        Denial::BadToken {
            route: Some(route),
            error: token::TokenError::UnknownKey(IssuerIndex(0)),
        },
        Denial::ScopesMissing { route },
        Denial::Nobody { route },
        Denial::ConditionNotMet {
            route,
            condition: &CONDITION,
        },
        Denial::ConditionFailed {
            route,
            condition: &CONDITION,
            fault: Cause::Missing.at(Span::START),
        },
        Denial::Unlisted,
        Denial::KeysNotLoaded { route: None },
        Denial::KeysNotLoaded { route: Some(route) },
        Denial::RevocationsStale { route: None },
        Denial::RevocationsStale { route: Some(route) },
    ];
    assert!(denials.iter().all(listed));
    for kind in DenialKind::ALL {
        assert!(denials.iter().any(|denial| denial.kind() == *kind));
    }
    denials
}

/// One of each; a new variant does not compile until it is listed here.
fn refusals(route: &Route) -> Vec<Refusal<'_>> {
    let listed = |refusal: &Refusal<'_>| match refusal {
        Refusal::Denied(_)
        | Refusal::Malformed(_)
        | Refusal::Unreadable
        | Refusal::TooLarge
        | Refusal::KeysDue { .. }
        | Refusal::Overload
        | Refusal::Defect => true,
    };
    let mut refusals: Vec<Refusal<'_>> = denials(route).into_iter().map(Refusal::Denied).collect();
    let malformed = MalformedRequest::ALL.iter().copied();
    refusals.extend(malformed.map(Refusal::Malformed));
    refusals.extend([
        Refusal::Unreadable,
        Refusal::TooLarge,
        Refusal::Overload,
        Refusal::Defect,
    ]);
    refusals.extend([None, Some(route)].map(|route| Refusal::KeysDue {
        route,
        after: Duration::from_millis(1500),
    }));
    assert!(refusals.iter().all(listed));
    refusals
}

#[test]
fn every_refusal_is_one_for_envoy() {
    let scopes = RequiredScopes::new(["orders.read".into()].into(), Box::new([])).unwrap();
    let route = route(Requirement::Scopes(scopes));
    for refusal in refusals(&route) {
        for dialect in DIALECTS {
            let response = decode(&refuse(&Refused {
                refusal: &refusal,
                dialect,
                caller: None,
                realm: "portcullis",
                decision_id: "0123456789abcdef",
            }));
            // Envoy allows by the code alone.
            assert_ne!(response.status.unwrap().code, 0, "{refusal:?}");
            let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else {
                panic!("{refusal:?} is not denied");
            };
            let status = denied.status.unwrap().code;
            assert!((400..600).contains(&status), "{refusal:?}: {status}");
            assert!(!denied.body.is_empty());
            for option in &denied.headers {
                assert_overwrites(option);
                let header = option.header.as_ref().unwrap();
                assert!(is_field_value(header.value.as_bytes()), "{header:?}");
            }
            let grpc_status = denied.headers.iter().find_map(|option| {
                let header = option.header.as_ref()?;
                (header.key == "grpc-status").then_some(header.value.as_str())
            });
            assert_eq!(grpc_status.is_some(), dialect == Dialect::Grpc);
            assert_ne!(grpc_status, Some("0"));
            let metadata = response.dynamic_metadata.unwrap();
            assert_eq!(text(&metadata, "reason"), Some(refusal.label()));
            assert_eq!(text(&metadata, "decision_id"), Some("0123456789abcdef"));
        }
    }
}

#[expect(
    deprecated,
    reason = "`append` alone decides on some releases of Envoy"
)]
fn assert_overwrites(option: &HeaderValueOption) {
    assert_eq!(option.append, Some(BoolValue { value: false }));
    assert_eq!(
        option.append_action(),
        HeaderAppendAction::OverwriteIfExistsOrAdd
    );
    assert!(!option.keep_empty_value);
}

/// Nothing that a proxy refuses, trims, or takes for another line (RFC 9110 section 5.5).
fn is_field_value(value: &[u8]) -> bool {
    let trimmed = value.trim_ascii() == value;
    !value.is_empty() && trimmed && value.iter().all(|byte| (0x20..=0x7e).contains(byte))
}

fn text<'m>(metadata: &'m Struct, key: &str) -> Option<&'m str> {
    match metadata.fields.get(key)?.kind.as_ref()? {
        Kind::StringValue(text) => Some(text),
        other => panic!("no text: {other:?}"),
    }
}

fn allowed(caller: Option<&VerifiedToken>, aliases: &[&[u8]]) -> (OkHttpResponse, Struct) {
    allowed_on(route(Requirement::Public), caller, aliases)
}

fn allowed_on(
    route: Route,
    caller: Option<&VerifiedToken>,
    aliases: &[&[u8]],
) -> (OkHttpResponse, Struct) {
    let route = Arc::new(route);
    let policy = Policy::compile(&[Source {
        name: "policy.yaml".to_owned(),
        text: "version: 1\nroutes: []\n".to_owned(),
    }])
    .unwrap();
    let circumstances = Circumstances {
        policy: &policy,
        target: &Target {
            method: Method(b"GET"),
            host: Host(b""),
            path: Path(b"/"),
            preflight: None,
            grpc: false,
        },
        attributes: &NoAttributes,
        now: NOW,
    };
    let decision = decide(&Routed::One(&route), Evidence::Absent, &circumstances);
    let Decision::Allow(permit) = decision else {
        panic!("{route:?}");
    };
    let plan = HeaderPlan::new(&settings());
    let outcome = Outcome::Allow(Allowed {
        permit,
        caller,
        headers: plan.sources(aliases, HeaderView::Whole),
        decision_id: "0123456789abcdef",
    });
    let answer = EnvoyAnswers.render(outcome);
    let response = decode(&answer);
    assert_eq!(response.status.map_or(0, |status| status.code), 0);
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else {
        panic!("not allowed");
    };
    (ok, response.dynamic_metadata.unwrap())
}

/// The header that the upstream is told; panics where it is also removed.
fn told(ok: &OkHttpResponse, name: &str) -> Option<String> {
    let mut set = ok
        .headers
        .iter()
        .filter_map(|option| option.header.as_ref());
    let value = set.find(|header| header.key == name).map(|header| {
        assert!(is_field_value(header.value.as_bytes()), "{header:?}");
        header.value.clone()
    });
    let removed = ok.headers_to_remove.iter().any(|removed| removed == name);
    assert_ne!(value.is_some(), removed, "{name} is either set or removed");
    value
}

#[test]
fn an_answer_in_shadow_says_what_it_would_deny_and_is_as_strict_about_names() {
    let shadow = Route {
        mode: Mode::Shadow,
        ..route(Requirement::Authenticated)
    };
    let (ok, metadata) = allowed_on(shadow, None, &[b"x_auth_subject"]);
    assert!(ok.headers.is_empty());
    assert!(
        ok.headers_to_remove
            .iter()
            .any(|name| name == "x-auth-subject")
    );
    assert!(
        ok.headers_to_remove
            .iter()
            .any(|name| name == "x_auth_subject")
    );
    assert_eq!(text(&metadata, "reason"), Some("shadow"));
    assert_eq!(text(&metadata, "would_deny"), Some("no_token"));
    let (_, metadata) = allowed(None, &[]);
    assert_eq!(text(&metadata, "would_deny"), None);
}

#[test]
fn nobody_is_nobody() {
    let (ok, metadata) = allowed(None, &[b"x_auth_subject", b"\xff"]);
    assert!(ok.headers.is_empty());
    let names = [
        "x-auth-subject",
        "x-auth-client",
        "x-auth-scopes",
        "x-auth-issuer",
        "x-auth-note",
        "x_auth_subject",
    ];
    assert_eq!(ok.headers_to_remove, names);
    assert_eq!(text(&metadata, "route"), Some("read-order"));
    assert_eq!(text(&metadata, "subject"), None);
}

#[test]
fn the_constant_is_the_number_of_the_enum() {
    let number = HeaderAppendAction::OverwriteIfExistsOrAdd as i32;
    assert_eq!(i32::from(OVERWRITE), number);
}

#[test]
fn a_header_carries_texts_integers_booleans_and_lists_of_them() {
    for (note, header) in [
        (json!(true), Some("true")),
        (json!(["/admins", "/shop"]), Some("/admins,/shop")),
        (json!(["a b", 1, false]), Some("a b,1,false")),
        (json!({"a": 1}), None),
        (json!(null), None),
        (json!(""), None),
        (json!([]), None),
        // Two lists must not look alike.
        (json!(["a,b"]), None),
        (json!(["a", ""]), None),
        (json!(["a", " b"]), None),
        (json!(["a", null]), None),
        (json!(["a", ["b"]]), None),
        (json!(["a", 1.5]), None),
    ] {
        let caller = caller(&json!({"note": note})).unwrap();
        let (ok, _) = allowed(Some(&caller), &[]);
        assert_eq!(told(&ok, "x-auth-note").as_deref(), header, "{note}");
    }
}

proptest! {
    #[test]
    fn the_upstream_is_told_what_was_proven(
        subject in "\\PC{1,40}",
        client in proptest::option::of("\\PC{1,200}"),
        scopes in vec("[!-~&&[^\"\\\\]]{1,12}", 0..20),
        note in any::<String>(),
    ) {
        let mut claims = json!({"sub": subject, "scope": scopes.join(" "), "note": note});
        if let Some(client) = &client {
            claims["client_id"] = client.as_str().into();
        }
        let caller = caller(&claims);
        prop_assume!(caller.is_some());
        let caller = caller.unwrap();
        let (ok, metadata) = allowed(Some(&caller), &[]);
        ok.headers.iter().for_each(assert_overwrites);
        prop_assert_eq!(unescape(&told(&ok, "x-auth-subject").unwrap()), caller.subject());
        let told_client = told(&ok, "x-auth-client").map(|text| unescape(&text));
        prop_assert_eq!(told_client.as_deref(), caller.client());
        let told_scopes = told(&ok, "x-auth-scopes").unwrap_or_default();
        let told_scopes: Vec<String> = told_scopes.split_whitespace().map(unescape).collect();
        prop_assert_eq!(told_scopes, caller.scopes().collect::<Vec<_>>());
        let told_note = told(&ok, "x-auth-note").map(|text| unescape(&text));
        prop_assert_eq!(told_note.unwrap_or_default(), note);
        prop_assert_eq!(text(&metadata, "subject"), Some(caller.subject()));
        prop_assert_eq!(text(&metadata, "client"), caller.client());
    }

    #[test]
    fn lengths_of_every_size_are_written(value in vec(any::<u8>(), 0..40_000)) {
        let mut writer = Writer::default();
        writer.message(2, |http| http.text(12, |text| text.extend_from_slice(&value)));
        let bytes = writer.into_bytes();
        let request = envoy_types::pb::envoy::service::auth::v3::attribute_context::Request::
            decode(bytes.as_slice()).unwrap();
        prop_assert_eq!(request.http, Some(HttpRequest { raw_body: value, ..HttpRequest::default() }));
    }
}

/// The reverse of what the header's reader has to do.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let digits = std::str::from_utf8(&rest[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &rest[2..];
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}
