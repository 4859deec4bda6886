//! Who asks in a rehearsal: claims become a token that the gate verifies like any other.

use anyhow::{Context, bail};
use serde_json::{Map, Value};

use crate::clock::UnixSeconds;
use crate::policy::Policy;
use crate::problem::{closest, slip_of};
use crate::token::{Algorithm, ClaimPath, IssuerRules, KeySet, SigningKey, Trust, UnverifiedToken};

/// What identifies the caller of a request.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) enum Caller {
    /// What the headers say, which may be nothing.
    #[default]
    AsInHeaders,
    /// A token as a Bearer credential.
    Token(String),
    /// A token that a trusted issuer could have made. Claims that every token of the issuer has, and
    /// that are not among these, are added.
    Claims {
        /// Its name in `trust`; the first one where it is not said.
        issuer: Option<String>,
        claims: Map<String, Value>,
    },
}

impl Caller {
    /// A caller with the claims that a token has, whoever made it; nothing where it is none.
    pub(in crate::cli) fn unproven_claims(&self) -> Option<Self> {
        let Self::Token(token) = self else {
            return None;
        };
        let token = UnverifiedToken::parse(token.as_bytes()).ok()?;
        let mut claims = token.content().ok()?.claims;
        for name in ["iss", "aud", "exp", "nbf", "iat"] {
            claims.remove(name);
        }
        Some(Self::Claims {
            issuer: None,
            claims,
        })
    }
}

/// What is said of each scope that the policy does not list and that is probably one of its own, misspelt.
/// A token may have others, which mean nothing to the policy.
pub(in crate::cli) fn misspelt_scopes(policy: &Policy, scopes: &str) -> Vec<String> {
    /// Shorter ones are near to each other, whatever they mean.
    const LEAST_CHARS: usize = 4;
    let listed = || policy.scopes().map(|(name, _)| name);
    let unlisted = scopes.split_whitespace().filter(|scope| {
        scope.chars().count() >= LEAST_CHARS && !listed().any(|name| name == *scope)
    });
    let told = unlisted.filter_map(|scope| {
        let near = slip_of(scope, listed())?;
        Some(format!(
            "the policy does not list the scope `{scope}`: did you mean `{near}`?"
        ))
    });
    told.collect()
}

/// How long a token lives that is made up, in seconds, where its issuer lets it.
const LIFETIME_SECONDS: i64 = 300;

/// Makes tokens of every issuer, with one key of this process.
pub(in crate::cli) struct Signers {
    secret: [u8; 64],
    rules: Vec<IssuerRules>,
}

impl Signers {
    pub(in crate::cli) fn new(issuers: &[IssuerRules]) -> anyhow::Result<Self> {
        let mut secret = [0; 64];
        if aws_lc_rs::rand::fill(&mut secret).is_err() {
            bail!("cannot make a key: no random bytes");
        }
        // As text, because the end of a secret's line does not belong to it.
        for byte in &mut secret {
            *byte = b'a' + *byte % 16;
        }
        let rules = issuers.iter().map(|rules| IssuerRules {
            algorithms: vec![Algorithm::Hs256],
            ..rules.clone()
        });
        Ok(Self {
            secret,
            rules: rules.collect(),
        })
    }

    /// Trust in these issuers under all their rules; only their keys are this process's.
    pub(in crate::cli) fn trust(&self) -> anyhow::Result<Trust> {
        let mut entries = Vec::new();
        for rules in &self.rules {
            let keys = KeySet::from_hmac_secret(&self.secret, &rules.algorithms)?;
            entries.push((rules.clone(), Some(keys)));
        }
        Ok(Trust::new(entries)?)
    }

    /// The issuer of this name, or the first one.
    pub(in crate::cli) fn find<'r>(
        name: Option<&str>,
        issuers: &'r [IssuerRules],
    ) -> anyhow::Result<&'r IssuerRules> {
        let Some(name) = name else {
            return issuers
                .first()
                .context("nobody is trusted: add an issuer to `trust` of the configuration");
        };
        let found = issuers.iter().find(|rules| *rules.name == *name);
        found.with_context(|| {
            let names = || issuers.iter().map(|rules| &*rules.name);
            match closest(name, names()) {
                Some(near) => format!("unknown issuer `{name}`: did you mean `{near}`?"),
                None => format!(
                    "unknown issuer `{name}`: write one of `{}`",
                    names().collect::<Vec<_>>().join("`, `")
                ),
            }
        })
    }

    /// A token of this issuer with these claims.
    pub(in crate::cli) fn sign(
        &self,
        issuer: &IssuerRules,
        claims: Map<String, Value>,
        now: UnixSeconds,
    ) -> anyhow::Result<String> {
        let key = SigningKey::read(&self.secret, Algorithm::Hs256)?;
        let kind = issuer.types.first().map_or("at+jwt", |kind| kind.as_str());
        Ok(key.issue(kind, &completed(issuer, claims, now))?)
    }
}

/// The claims, with those that a token of the issuer needs and that are not written. One that is
/// written as null is left out.
fn completed(
    rules: &IssuerRules,
    mut claims: Map<String, Value>,
    now: UnixSeconds,
) -> Map<String, Value> {
    let is_written = |path: &ClaimPath, claims: &Map<String, Value>| {
        path.find(claims).is_some() || path.only().is_some_and(|name| claims.contains_key(name))
    };
    for required in &rules.claims.require {
        if let Some(value) = required.any_of.first()
            && !is_written(&required.path, &claims)
        {
            required.path.put(&mut claims, value.example());
        }
    }
    let subjects = &rules.claims.subject;
    if let Some(first) = subjects.first()
        && !subjects.iter().any(|path| is_written(path, &claims))
    {
        let subject = match &rules.spiffe_trust_domain {
            Some(domain) => format!("spiffe://{domain}/somebody"),
            None => "somebody".to_owned(),
        };
        first.put(&mut claims, subject.into());
    }
    let audience = &rules.claims.audience;
    if let Some(ours) = rules.audiences.first()
        && !is_written(audience, &claims)
    {
        audience.put(&mut claims, (**ours).into());
    }
    let longest = i64::try_from(rules.max_lifetime_seconds).unwrap_or(i64::MAX);
    let expires_at = now.plus(LIFETIME_SECONDS.min(longest)).0;
    for (name, value) in [
        ("iss", Value::from(&*rules.issuer)),
        ("iat", now.0.into()),
        ("exp", expires_at.into()),
    ] {
        claims.entry(name).or_insert(value);
    }
    claims.retain(|_, value| !value.is_null());
    claims
}

/// The claim in which the issuer's scopes are.
pub(in crate::cli) fn scopes_as_claims(rules: &IssuerRules, scopes: &str) -> Map<String, Value> {
    let mut claims = Map::new();
    if let Some(path) = rules.claims.scopes.first() {
        path.put(&mut claims, scopes.into());
    }
    claims
}

/// An issuer for a policy that is loaded without a configuration.
pub(in crate::cli) fn made_up_issuer(name: &str) -> IssuerRules {
    let issuer = format!("https://{name}.invalid");
    IssuerRules::of_access_tokens(name, &issuer, &["audience"], &[Algorithm::Es256])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::token::{ClaimRules, RequiredClaim, VerifiedToken, WantedValue};

    const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

    /// What becomes of a token with these claims.
    fn check(rules: &IssuerRules, claims: &Value, expected: Result<&str, &str>) {
        let issuers = [rules.clone()];
        let signers = Signers::new(&issuers).unwrap();
        let Value::Object(members) = claims.clone() else {
            panic!("{claims}")
        };
        let token = signers.sign(rules, members, NOW).unwrap();
        let token = UnverifiedToken::parse(token.as_bytes()).unwrap();
        let verified = signers.trust().unwrap().verify(token, NOW);
        let outcome = verified
            .as_ref()
            .map(VerifiedToken::subject)
            .map_err(|error| error.label());
        assert_eq!(outcome, expected, "{claims}");
    }

    #[test]
    fn claims_are_completed_and_what_is_written_counts() {
        let plain = made_up_issuer("staff");
        check(&plain, &json!({}), Ok("somebody"));
        check(&plain, &json!({"sub": "alice"}), Ok("alice"));
        check(&plain, &json!({"aud": "other"}), Err("wrong_audience"));
        check(&plain, &json!({"exp": NOW.0 - 1}), Err("expired"));
        check(&plain, &json!({"sub": null}), Err("missing_subject"));
        check(&plain, &json!({"iss": "https://x"}), Err("unknown_issuer"));
    }

    #[test]
    fn what_the_issuer_requires_is_among_what_is_added() {
        let down = |names: &[&str]| {
            ClaimPath::down(names.iter().map(|name| Box::from(*name)).collect()).unwrap()
        };
        let rules = IssuerRules {
            max_lifetime_seconds: 60,
            spiffe_trust_domain: Some("shop.example".into()),
            claims: ClaimRules {
                audience: down(&["for", "whom"]),
                require: vec![RequiredClaim {
                    path: down(&["a", "b"]),
                    any_of: vec![WantedValue::Prefix("team-".into())],
                }],
                ..ClaimRules::default()
            },
            ..made_up_issuer("workloads")
        };
        check(&rules, &json!({}), Ok("spiffe://shop.example/somebody"));
        check(
            &rules,
            &json!({"a": {"b": "x"}}),
            Err("requirement_not_met"),
        );
        check(
            &rules,
            &json!({"a": {"c": "x"}}),
            Ok("spiffe://shop.example/somebody"),
        );
    }

    #[test]
    fn a_misspelt_issuer_is_suggested() {
        let issuers = [made_up_issuer("staff"), made_up_issuer("customers")];
        let error = Signers::find(Some("stuff"), &issuers).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown issuer `stuff`: did you mean `staff`?"
        );
        let first = Signers::find(None, &issuers).unwrap();
        assert_eq!(&*first.name, "staff");
    }
}
