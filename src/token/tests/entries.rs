//! Which entry a token belongs to, and the attacks that several entries for one issuer, other headers and
//! tokens without `iss` do not open.

use serde_json::{Value, json};

use super::forge::{ISSUER, KEY_ID, NOW, Signer, key_set, rules};
use crate::token::{
    Algorithm, Claim, ClaimPath, ClaimRules, IssuerRules, RequiredClaim, TokenError, Trust,
    UnverifiedToken, WantedValue,
};

const ES256: &[Algorithm] = &[Algorithm::Es256];
const HEADER: &str = "x-proxy-assertion";

/// The same key for every entry, so that only the entries tell tokens apart.
fn trusting(entries: Vec<IssuerRules>) -> Trust {
    let keys = Signer::shared(Algorithm::Es256).jwk(KEY_ID);
    let with_keys = |rules| (rules, Some(key_set(std::slice::from_ref(&keys), ES256)));
    Trust::new(entries.into_iter().map(with_keys).collect()).unwrap()
}

fn entry(name: &str, audience: &str) -> IssuerRules {
    IssuerRules {
        name: name.into(),
        audiences: vec![audience.into()],
        ..rules(ES256)
    }
}

fn requiring(entry: IssuerRules, claim: &str, value: &str) -> IssuerRules {
    let require = vec![RequiredClaim {
        path: ClaimPath::named(claim),
        any_of: vec![WantedValue::text(value)],
    }];
    let claims = ClaimRules {
        require,
        ..entry.claims.clone()
    };
    IssuerRules { claims, ..entry }
}

fn token(changes: Value) -> String {
    Signer::shared(Algorithm::Es256).token_with(changes)
}

/// The name of the entry that took the token.
fn taken(trust: &Trust, header: Option<&str>, token: &str) -> Result<String, TokenError> {
    let unverified = UnverifiedToken::parse(token.as_bytes()).unwrap();
    let unverified = header.map_or(unverified, |header| unverified.in_header(header));
    let verified = trust.verify(unverified, NOW)?;
    Ok(verified.issuer_name().to_owned())
}

#[track_caller]
fn check(trust: &Trust, changes: Value, expected: Result<&str, TokenError>) {
    let taken = taken(trust, None, &token(changes));
    assert_eq!(taken, expected.map(str::to_owned));
}

#[test]
fn the_audience_tells_entries_of_one_issuer_apart() {
    let people = requiring(entry("people", "web-shop"), "typ", "ID");
    let services = entry("services", "orders-api");
    let trust = trusting(vec![people, services]);
    check(&trust, json!({"aud": "orders-api"}), Ok("services"));
    check(
        &trust,
        json!({"aud": "web-shop", "typ": "ID"}),
        Ok("people"),
    );
    check(
        &trust,
        json!({"aud": ["x", "web-shop"], "typ": "ID"}),
        Ok("people"),
    );
    check(
        &trust,
        json!({"aud": "other"}),
        Err(TokenError::WrongAudience),
    );
    // All rules of that one entry hold, not some of each.
    let unmet = Err(TokenError::RequirementNotMet);
    check(&trust, json!({"aud": "web-shop"}), unmet);
    // A token cannot leave an entry whose rules it breaks by naming another one's audience as well.
    check(&trust, json!({"aud": ["web-shop", "orders-api"]}), unmet);
    check(&trust, json!({"aud": ["orders-api", "web-shop"]}), unmet);
}

#[test]
fn another_claim_for_the_audience_tells_entries_apart() {
    let access = requiring(entry("access", "app-1"), "token_use", "access");
    let claims = ClaimRules {
        audience: ClaimPath::named("client_id"),
        ..access.claims.clone()
    };
    let access = IssuerRules { claims, ..access };
    let id = requiring(entry("id", "app-1"), "token_use", "id");
    let trust = trusting(vec![access, id]);
    let absent = "<absent>";
    check(
        &trust,
        json!({"aud": absent, "client_id": "app-1", "token_use": "access"}),
        Ok("access"),
    );
    check(
        &trust,
        json!({"aud": "app-1", "client_id": absent, "token_use": "id"}),
        Ok("id"),
    );
    for (audience, client, kind) in [
        (absent, "app-1", "id"),
        ("app-1", "app-1", "id"),
        ("app-1", absent, "access"),
    ] {
        let changes = json!({"aud": audience, "client_id": client, "token_use": kind});
        check(&trust, changes, Err(TokenError::RequirementNotMet));
    }
}

#[test]
fn entries_that_would_take_the_same_tokens_are_refused() {
    let refused =
        |one: IssuerRules, other: IssuerRules| Trust::new(vec![(one, None), (other, None)]).err();
    let error = refused(entry("a", "orders-api"), entry("b", "orders-api")).unwrap();
    assert_eq!(
        error.to_string(),
        "the issuer `https://id.shop.example` is listed twice for the audience `orders-api`: give \
         each entry audiences of its own, or another `audience_claim` or `token_header`"
    );
    let in_header = IssuerRules {
        token_header: Some(HEADER.into()),
        ..entry("b", "orders-api")
    };
    assert_eq!(refused(entry("a", "orders-api"), in_header.clone()), None);
    assert!(refused(in_header.clone(), in_header).is_some());
    let elsewhere = IssuerRules {
        issuer: "https://other".into(),
        ..entry("b", "orders-api")
    };
    assert_eq!(refused(entry("a", "orders-api"), elsewhere), None);
    let workloads = |issuer: &str| IssuerRules {
        issuer: issuer.into(),
        ..workloads()
    };
    assert!(refused(workloads("https://a"), workloads("https://b")).is_some());
}

/// What a proxy asserts in a header of its own cannot be brought along in `Authorization`, nor the other
/// way round.
#[test]
fn tokens_count_only_in_the_header_of_their_entry() {
    let proxy = IssuerRules {
        issuer: "https://proxy".into(),
        token_header: Some(HEADER.into()),
        ..entry("proxy", "orders-api")
    };
    let trust = trusting(vec![entry("people", "orders-api"), proxy]);
    let person = token(json!({}));
    let asserted = token(json!({"iss": "https://proxy"}));
    assert_eq!(taken(&trust, None, &person).unwrap(), "people");
    assert_eq!(taken(&trust, Some(HEADER), &asserted).unwrap(), "proxy");
    for (header, token) in [
        (None, &asserted),
        (Some(HEADER), &person),
        (Some("x-other"), &asserted),
    ] {
        assert_eq!(taken(&trust, header, token), Err(TokenError::OtherHeader));
    }
}

#[test]
fn the_header_tells_entries_of_one_issuer_apart() {
    let proxy = IssuerRules {
        token_header: Some(HEADER.into()),
        ..entry("proxy", "orders-api")
    };
    let trust = trusting(vec![entry("people", "orders-api"), proxy]);
    let token = token(json!({}));
    assert_eq!(taken(&trust, None, &token).unwrap(), "people");
    assert_eq!(taken(&trust, Some(HEADER), &token).unwrap(), "proxy");
}

fn workloads() -> IssuerRules {
    IssuerRules {
        spiffe_trust_domain: Some("shop.example".into()),
        ..entry("workloads", "orders-api")
    }
}

const WORKLOAD: &str = "spiffe://shop.example/ns/shop/sa/batch";

#[test]
fn a_token_without_an_issuer_belongs_to_its_trust_domain() {
    let trust = trusting(vec![workloads()]);
    check(
        &trust,
        json!({"iss": "<absent>", "sub": WORKLOAD}),
        Ok("workloads"),
    );
    check(
        &trust,
        json!({"iss": null, "sub": WORKLOAD}),
        Ok("workloads"),
    );
    check(
        &trust,
        json!({"iss": ISSUER, "sub": WORKLOAD}),
        Ok("workloads"),
    );
}

#[test]
fn without_an_issuer_nothing_but_a_trust_domain_helps() {
    let missing = Err(TokenError::Missing(Claim::Issuer));
    let trust = trusting(vec![workloads()]);
    for subject in [
        "user-7",
        "spiffe://shop.example",
        "spiffe://shop.example/",
        "spiffe://shop.example.evil/ns/shop/sa/batch",
        "spiffe://evil@shop.example/ns/shop/sa/batch",
        "spiffe://Shop.example/ns/shop/sa/batch",
        "spiffe:///ns/shop/sa/batch",
        "SPIFFE://shop.example/ns/shop/sa/batch",
        " spiffe://shop.example/ns/shop/sa/batch",
    ] {
        let changes = json!({"iss": "<absent>", "sub": subject});
        check(&trust, changes, missing);
    }
    let unacceptable = Err(TokenError::Unacceptable(Claim::Issuer));
    check(&trust, json!({"iss": 5, "sub": WORKLOAD}), unacceptable);
    // Nor does it where no entry says so.
    let without = trusting(vec![entry("people", "orders-api")]);
    check(
        &without,
        json!({"iss": "<absent>", "sub": WORKLOAD}),
        missing,
    );
}

/// The trust domain's own keys count, not those of another issuer, and that issuer's tokens stay outside
/// the domain.
#[test]
fn another_issuer_cannot_speak_for_a_trust_domain() {
    let mallory = Signer::new(Algorithm::Es256);
    let own = Signer::shared(Algorithm::Es256).jwk("own");
    let other = IssuerRules {
        issuer: "https://other".into(),
        ..entry("other", "orders-api")
    };
    let trust = Trust::new(vec![
        (workloads(), Some(key_set(&[own], ES256))),
        (other, Some(key_set(&[mallory.jwk(KEY_ID)], ES256))),
    ]);
    let trust = trust.unwrap();
    let forged = mallory.token_with(json!({"iss": "<absent>", "sub": WORKLOAD}));
    let refused = taken(&trust, None, &forged).unwrap_err();
    assert_eq!(refused.label(), "unknown_key");
    let own_name = mallory.token_with(json!({"iss": "https://other", "sub": WORKLOAD}));
    assert_eq!(taken(&trust, None, &own_name).unwrap(), "other");
    let outside = token(json!({"sub": "spiffe://other.example/a"}));
    assert_eq!(
        taken(&trust, None, &outside),
        Err(TokenError::OtherTrustDomain)
    );
}

/// Of two entries that a token could belong to, the first one takes it. A proof must not outlive that the
/// other one comes first, or that it is there at all.
#[test]
fn a_proof_ends_with_the_entries_among_which_its_own_was_found() {
    let (people, services) = (entry("people", "orders-api"), entry("services", "jobs-api"));
    let other = IssuerRules {
        issuer: "https://id.other.example".into(),
        ..entry("other", "orders-api")
    };
    let before = trusting(vec![other.clone(), people.clone()]);
    let token = token(json!({"aud": ["orders-api", "jobs-api"]}));
    let proof = before
        .verify(UnverifiedToken::parse(token.as_bytes()).unwrap(), NOW)
        .unwrap();
    assert_eq!(proof.issuer_name(), "people");
    for (after, holds) in [
        (vec![other.clone(), people.clone()], true),
        (vec![entry("other", "jobs-api"), people.clone()], false),
        (vec![services.clone(), people.clone()], false),
        (vec![other.clone(), people.clone(), services.clone()], false),
    ] {
        let found = trusting(after).recheck(&proof, NOW);
        assert_eq!(found.is_ok(), holds, "{found:?}");
    }
}
