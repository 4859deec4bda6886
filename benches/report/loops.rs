//! Loops that run alone in a process, so that valgrind can count their turns.

use std::fmt::Write as _;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use jsonwebtoken::{Algorithm, DecodingKey};
use portcullis::authorizer::{Authorizer, CacheLimits, CurrentTrust, Snapshot};
use portcullis::clock::{SystemClock, UnixSeconds};
use portcullis::ext_authz::{CheckLimits, ExtAuthz};
use portcullis::gate::{
    DecisionLog, Gate, GateMetrics, GateSettings, KeyNews, KeyRefresh, Turn, Verifications,
    WaitLimits,
};
use portcullis::policy::{Host, Method, Path, Policy, Target};
use portcullis::problem::Source;
use portcullis::revocation::{Revocation, RevocationList};
use portcullis::telemetry::{DecisionSettings, SubjectForm, SubjectNames};
use portcullis::token::{self, IssuerRules, KeySet, LogPosition, Mark, MissingKey, Trust};
use prometheus_client::registry::Registry;

use crate::fixture::{AUDIENCE, ISSUER, Issuer, POLICY, SUBJECT, policy_with_owner};
use crate::message::{self, HeaderForm, Template};

/// Verification of ES256 by aws-lc-rs, the key parsed beforehand.
pub(crate) const VERIFY_BARE: &str = "verify-bare";
/// The same through jsonwebtoken.
pub(crate) const VERIFY_JSONWEBTOKEN: &str = "verify-jsonwebtoken";
/// `ExtAuthz::check` with a cached proof: the library without the server around it.
pub(crate) const GATE: &str = "gate";
/// The same where so many revocations are listed; their number follows.
pub(crate) const GATE_LISTING: &str = "gate-listing-";
/// The same with a path that names the caller.
pub(crate) const GATE_USER: &str = "gate-user";
/// The same with a condition that compares the two.
pub(crate) const GATE_OWNER: &str = "gate-owner";
/// `Policy::route`; the number of routes follows.
pub(crate) const ROUTE: &str = "route-";

/// Runs a loop.
pub(crate) fn run(name: &str, turns: usize) {
    match name {
        VERIFY_BARE => verify_bare(turns),
        VERIFY_JSONWEBTOKEN => verify_jsonwebtoken(turns),
        GATE => gate(0, turns),
        GATE_USER => gate_of_user(POLICY, turns),
        GATE_OWNER => gate_of_user(&policy_with_owner(), turns),
        _ => match name.strip_prefix(GATE_LISTING) {
            Some(entries) => gate(entries.parse().unwrap(), turns),
            None => route(name.strip_prefix(ROUTE).unwrap().parse().unwrap(), turns),
        },
    }
}

/// A policy of so many routes, half of them with a parameter, below a few dozen prefixes.
pub(crate) fn policy_text(routes: usize) -> String {
    let mut text = "version: 1\nscopes:\n  orders.read: Read orders\nroutes:\n".to_owned();
    for number in 0..routes {
        let parameter = if number.is_multiple_of(2) {
            "/{id}"
        } else {
            ""
        };
        let _ = write!(
            text,
            "  - name: route-{number:05}\n    methods: [GET]\n    path: {}{parameter}\n    \
             scopes: [orders.read]\n",
            route_path(number)
        );
    }
    text
}

/// The same where every tenth route has a condition, each of them another one.
pub(crate) fn policy_text_with_conditions(routes: usize) -> String {
    let text = policy_text(routes);
    let lines = text.lines().map(|line| {
        let number = line.strip_prefix("  - name: route-");
        match number.filter(|number| number.ends_with('0')) {
            Some(number) => format!(
                "{line}\n    when: token.sub == path.id && \"team-{number}\" in token.groups\n"
            ),
            None => format!("{line}\n"),
        }
    });
    lines.collect()
}

fn route_path(number: usize) -> String {
    format!("/service-{:02}/resource-{number:05}", number % 37)
}

/// Compiles a policy of so many routes.
pub(crate) fn compile(text: &str) -> Policy {
    let source = Source {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    };
    Policy::compile(&[source]).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn route(routes: usize, turns: usize) {
    let policy = compile(&policy_text(routes));
    let paths: Vec<String> = (0..10)
        .map(|tenth| {
            let number = tenth * routes / 10;
            let id = if number.is_multiple_of(2) {
                "/8c1d7b3e"
            } else {
                ""
            };
            format!("{}{id}?expand=lines", route_path(number))
        })
        .collect();
    for path in paths.iter().cycle().take(turns) {
        let target = Target {
            method: Method(b"GET"),
            host: Host(b"api.shop.example"),
            path: Path(path.as_bytes()),
            preflight: None,
            grpc: false,
        };
        let found = policy.route(black_box(&target)).unwrap();
        assert!(matches!(
            black_box(found),
            portcullis::policy::Routed::One(_)
        ));
    }
}

fn verify_bare(turns: usize) {
    let issuer = Issuer::new();
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, issuer.public_key()).unwrap();
    let token = issuer.token(0);
    let (message, signature) = split(&token);
    for _ in 0..turns {
        key.verify_sig(black_box(message.as_bytes()), black_box(&signature))
            .unwrap();
    }
}

fn verify_jsonwebtoken(turns: usize) {
    let issuer = Issuer::new();
    let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&issuer.jwks()).unwrap();
    let key = DecodingKey::from_jwk(&jwks.keys[0]).unwrap();
    let token = issuer.token(0);
    let (message, signature) = token.rsplit_once('.').unwrap();
    for _ in 0..turns {
        let message = black_box(message.as_bytes());
        assert!(jsonwebtoken::crypto::verify(signature, message, &key, Algorithm::ES256).unwrap());
    }
}

fn split(token: &str) -> (&str, Vec<u8>) {
    use base64::Engine;
    let (message, signature) = token.rsplit_once('.').unwrap();
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    (message, engine.decode(signature).unwrap())
}

/// Revocations of subjects that nobody has a token of, from this position of the log on.
pub(crate) fn revocations(positions: std::ops::Range<u64>) -> Vec<Revocation> {
    let row = |position: u64| Revocation {
        position: LogPosition(position),
        // As evenly spread as digests are: two steps of splitmix64.
        mark: Some(Mark(
            u128::from(mix(position)) << 64 | u128::from(mix(!position)),
        )),
        expires_at: UnixSeconds(i64::MAX),
    };
    positions.map(row).collect()
}

fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn gate(entries: u64, turns: usize) {
    let issuer = Issuer::new();
    let list = RevocationList::new(2_000_000);
    list.extend(&revocations(1..entries + 1));
    let gate = build_gate(&issuer, POLICY, list);
    let message = Template::with_token(HeaderForm::Listed).message(&issuer.token(0));
    check_again_and_again(&gate, &message, turns);
}

fn gate_of_user(policy: &str, turns: usize) {
    let issuer = Issuer::new();
    let gate = build_gate(&issuer, policy, RevocationList::new(2_000_000));
    let message = message::for_user(SUBJECT, &issuer.token(0));
    check_again_and_again(&gate, &message, turns);
}

fn check_again_and_again(gate: &ExtAuthz, message: &[u8], turns: usize) {
    let verifications = Verifications::default();
    let timeout = Some(Duration::from_millis(250));
    let limits = WaitLimits {
        key_wait: Duration::from_millis(100),
        longest: Duration::from_secs(30),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        for _ in 0..turns {
            let arrived = Instant::now();
            let turn = Turn::within(timeout, arrived, &limits, &verifications);
            black_box(gate.check(black_box(message), &turn).await);
        }
    });
}

fn build_gate(issuer: &Issuer, policy: &str, list: RevocationList) -> ExtAuthz {
    let algorithms = [token::Algorithm::Es256];
    let rules = IssuerRules {
        leeway_seconds: 30,
        ..IssuerRules::of_access_tokens("staff", ISSUER, &[AUDIENCE], &algorithms)
    };
    let (keys, _) = KeySet::from_jwks(issuer.jwks().as_bytes(), &rules.algorithms).unwrap();
    let trust = Trust::new(vec![(rules, Some(keys))]).unwrap();
    let list = Arc::new(list);
    let current_trust = CurrentTrust::new(trust, |_| Some(Arc::clone(&list)));
    let snapshot = Snapshot::new(Arc::new(compile(policy)), current_trust);
    let limits = CacheLimits {
        max_entries: 100_000,
        max_bytes: 32 << 20,
    };
    let gate = Gate::new(
        Arc::new(Authorizer::new(snapshot, limits, Arc::new(SystemClock))),
        GateSettings {
            realm: "portcullis".to_owned(),
            ..GateSettings::default()
        },
        DecisionLog::new(
            DecisionSettings::default(),
            SubjectNames::load(SubjectForm::Digest, None).unwrap(),
        ),
        GateMetrics::register(&mut Registry::default()),
        Arc::new(NoRefresh),
    );
    // The loop hands over messages itself: the limits are never reached.
    ExtAuthz::new(
        Arc::new(gate),
        CheckLimits::new(1 << 20, Duration::ZERO, Duration::ZERO),
    )
}

struct NoRefresh;

impl KeyRefresh for NoRefresh {
    fn can_ask(&self, _: &MissingKey) -> bool {
        false
    }

    fn ask(
        &self,
        _: MissingKey,
        _: Duration,
    ) -> Pin<Box<dyn Future<Output = KeyNews> + Send + '_>> {
        Box::pin(std::future::ready(KeyNews::Answered))
    }
}
