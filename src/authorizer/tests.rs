//! The proof cache in use: no proof outlives what made it true, and no flood pushes proofs out.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::*;
use crate::clock::ManualClock;
use crate::policy::{Host, Method, Path, Policy};
use crate::problem::Source;
use crate::token::{Algorithm, IssuerRules, KeySet, SigningKey};

const NOW: i64 = 1_700_000_000;
const SECRET: &[u8] = b"3f0c9a7be1d2485566a1c0ffee90d1e2";
const OTHER_SECRET: &[u8] = b"91d2c4f0a7be6b3855a1d0ffce90e7a4";
const LIMITS: CacheLimits = CacheLimits {
    max_entries: 1000,
    max_bytes: 1 << 24,
};

fn trust(secret: &[u8], audience: &str) -> Trust {
    let algorithms = [Algorithm::Hs256];
    let keys = KeySet::from_hmac_secret(secret, &algorithms).unwrap();
    let issuer = "https://id.shop.example";
    let rules = IssuerRules::of_access_tokens("staff", issuer, &[audience], &algorithms);
    Trust::new(vec![(rules, Some(keys))]).unwrap()
}

/// A token for `subject` that lives an hour.
fn token(secret: &[u8], subject: &str) -> String {
    let claims = json!({
        "iss": "https://id.shop.example", "aud": "orders-api", "sub": subject, "scope": "read",
        "iat": NOW, "exp": NOW + 3600,
    });
    let claims: Map<String, Value> = claims.as_object().unwrap().clone();
    let key = SigningKey::read(secret, Algorithm::Hs256).unwrap();
    key.issue("at+jwt", &claims).unwrap()
}

struct Gate {
    authorizer: Authorizer,
    clock: Arc<ManualClock>,
}

impl Gate {
    fn new(limits: CacheLimits) -> Self {
        let text = "version: 1\nscopes: {read: Read}\n\
                    routes: [{name: a, methods: [GET], path: /a, scopes: [read]}]";
        let source = Source {
            name: "policy.yaml".to_owned(),
            text: text.to_owned(),
        };
        let policy = Arc::new(Policy::compile(&[source]).unwrap());
        let clock = Arc::new(ManualClock::new(UnixSeconds(NOW)));
        let snapshot = Snapshot::new(policy, trust(SECRET, "orders-api"));
        let authorizer = Authorizer::new(snapshot, limits, Arc::clone(&clock) as Arc<dyn Clock>);
        Self { authorizer, clock }
    }

    fn allows(&self, token: &str) -> bool {
        let target = Target {
            method: Method(b"GET"),
            host: Host(b"shop.example"),
            path: Path(b"/a"),
            preflight: None,
            grpc: false,
        };
        let credential = Credential::Token(UnverifiedToken::parse(token.as_bytes()).unwrap());
        let snapshot = self.authorizer.snapshot();
        let judgement = self.authorizer.judge(&snapshot, &target, credential);
        matches!(judgement.decision, Decision::Allow(_))
    }

    fn trusts(&self, trust: &Trust) {
        let renew = |snapshot: &Snapshot| snapshot.with_trust(trust.clone());
        self.authorizer.update(renew);
    }

    fn statistics(&self) -> CacheStatistics {
        self.authorizer.cache_statistics()
    }
}

#[test]
fn a_proof_does_not_outlive_its_token() {
    let gate = Gate::new(LIMITS);
    let token = token(SECRET, "alice");
    assert!(gate.allows(&token));
    gate.clock.advance(3599);
    assert!(gate.allows(&token));
    assert_eq!(gate.statistics().hits, 1);
    gate.clock.advance(1);
    assert!(!gate.allows(&token));
    gate.clock.advance(i64::from(u32::MAX));
    assert!(!gate.allows(&token));
}

#[test]
fn a_proof_follows_a_clock_that_jumps() {
    let gate = Gate::new(LIMITS);
    let token = token(SECRET, "alice");
    assert!(gate.allows(&token));
    for (seconds, allowed) in [
        (4000, false),
        (-4000, true),
        (-1, false),
        (1, true),
        (3599, true),
        (1, false),
        (-3600, true),
    ] {
        gate.clock.advance(seconds);
        assert_eq!(gate.allows(&token), allowed, "after {seconds} s");
    }
    assert_eq!(gate.statistics().misses, 1);
}

#[test]
fn a_proof_ends_with_its_key_and_with_its_rules() {
    let token = token(SECRET, "alice");
    for other in [
        trust(OTHER_SECRET, "orders-api"),
        trust(SECRET, "payments-api"),
        Trust::default(),
    ] {
        let gate = Gate::new(LIMITS);
        assert!(gate.allows(&token) && gate.allows(&token));
        gate.trusts(&other);
        assert!(!gate.allows(&token));
        assert_eq!(gate.statistics().entries, 0);
        gate.trusts(&trust(SECRET, "orders-api"));
        assert!(gate.allows(&token));
        assert_eq!(gate.statistics().hits, 2, "one before, and the stale one");
    }
}

#[test]
fn the_same_keys_loaded_anew_keep_the_proofs() {
    let gate = Gate::new(LIMITS);
    let token = token(SECRET, "alice");
    assert!(gate.allows(&token));
    gate.trusts(&trust(SECRET, "orders-api"));
    assert!(gate.allows(&token));
    assert_eq!((gate.statistics().hits, gate.statistics().misses), (1, 1));
}

#[test]
fn ten_times_too_many_good_tokens_stay_within_the_bounds() {
    let by_entries = CacheLimits {
        max_entries: 100,
        max_bytes: 1 << 24,
    };
    let by_bytes = CacheLimits {
        max_entries: 1_000_000,
        max_bytes: 1 << 16,
    };
    for limits in [by_entries, by_bytes] {
        let gate = Gate::new(limits);
        let most = limits.max_entries.min(limits.max_bytes / 1280);
        let mut greatest = 0;
        for number in 0..10 * most {
            assert!(gate.allows(&token(SECRET, &format!("user-{number}"))));
            if number % 64 == 0 {
                greatest = greatest.max(gate.statistics().entries);
            }
        }
        let statistics = gate.statistics();
        assert!(greatest.max(statistics.entries) <= most, "{statistics:?}");
        assert!(statistics.evictions > 0, "{statistics:?}");
        assert!(statistics.entries > most / 4, "{statistics:?}");
    }
}

#[test]
fn a_flood_of_bad_tokens_leaves_the_good_one_in_the_cache() {
    let gate = Gate::new(CacheLimits {
        max_entries: 10,
        max_bytes: 1 << 16,
    });
    let good = token(SECRET, "alice");
    assert!(gate.allows(&good));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let forged = token(OTHER_SECRET, "mallory");
    for number in 0..100_000 {
        let bad = match number % 3 {
            0 => format!("{signed}.{number:A>43}"),
            1 => format!("{signed}{number}.{signature}"),
            _ => format!("{number}{forged}"),
        };
        assert!(!gate.allows(&bad));
    }
    assert!(!gate.allows(&forged));
    assert_eq!(gate.statistics().entries, 1);
    assert!(gate.allows(&good));
    let statistics = gate.statistics();
    assert_eq!((statistics.hits, statistics.evictions), (1, 0));
}

#[test]
fn different_tokens_have_different_digests_and_each_cache_its_own() {
    let (cache, other) = (ProofCache::new(LIMITS), ProofCache::new(LIMITS));
    let digest = |cache: &ProofCache, text: &str| {
        format!(
            "{:?}",
            cache.key(UnverifiedToken::parse(text.as_bytes()).unwrap())
        )
    };
    let good = token(SECRET, "alice");
    let mut seen = HashSet::new();
    assert!(seen.insert(digest(&cache, &good)));
    assert!(!seen.insert(digest(&cache, &good)));
    assert!(seen.insert(digest(&other, &good)));
    for position in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[position] = if bytes[position] == b'x' { b'y' } else { b'x' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(seen.insert(digest(&cache, &changed)), "byte {position}");
    }
    for end in 1..good.len() {
        assert!(
            seen.insert(digest(&cache, good.get(..end).unwrap())),
            "first {end}"
        );
    }
}

/// ECDSA signatures and the spelling of a header allow several texts for one set of claims: each
/// is proven by itself.
#[test]
fn a_text_is_not_taken_for_another_that_means_the_same() {
    let gate = Gate::new(LIMITS);
    let good = token(SECRET, "alice");
    assert!(gate.allows(&good));
    for changed in [format!("{good}="), format!("{good}A"), good.to_lowercase()] {
        if let Ok(token) = UnverifiedToken::parse(changed.as_bytes()) {
            assert!(!gate.allows(token.text()));
        }
    }
    assert_eq!(gate.statistics().entries, 1);
}

#[test]
fn a_route_in_shadow_closes_nothing_to_a_token() {
    let policy = |mode: &str| {
        let text = format!(
            "version: 1\npaths: {{path_parameters: true}}\nroutes:\n  \
             - {{name: a, methods: [GET], path: /a, access: authenticated}}\n  \
             - {{name: x, methods: [GET], path: '/{{x}}', access: nobody, mode: {mode}}}\n"
        );
        let source = Source {
            name: "policy.yaml".to_owned(),
            text,
        };
        Policy::compile(&[source]).unwrap()
    };
    for (mode, path, needs, opens) in [
        ("enforce", "/a", true, true),
        ("enforce", "/a;x", true, false),
        ("enforce", "/b", false, false),
        ("shadow", "/a;x", true, true),
        // It passes without a token, and with one its caller is named.
        ("shadow", "/b", true, false),
    ] {
        let policy = policy(mode);
        let target = Target {
            method: Method(b"GET"),
            host: Host(b"shop.example"),
            path: Path(path.as_bytes()),
            preflight: None,
            grpc: false,
        };
        let routed = policy.route(&target).unwrap();
        let found = (routed.may_need_token(), routed.may_open());
        assert_eq!(found, (needs, opens), "{mode} {path} {routed:?}");
    }
}
