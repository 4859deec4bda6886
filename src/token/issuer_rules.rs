//! What must hold of the tokens of one issuer.

use super::algorithm::Algorithm;
use super::claim_rules::ClaimRules;
use super::fingerprint::Fields;
use super::token_type::TokenType;

/// The longest token of an issuer that says nothing else, in bytes. Tokens with 400 roles fit.
pub const DEFAULT_TOKEN_BYTES: usize = 16 * 1024;

/// The position of an issuer within [`Trust`](super::Trust).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IssuerIndex(pub usize);

/// What must hold of the tokens of one issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerRules {
    /// What policy and configuration call it; unique within the trust.
    pub name: Box<str>,
    /// The token's `iss`, exactly.
    pub issuer: Box<str>,
    /// At least one of these is in `aud`; never empty.
    pub audiences: Vec<Box<str>>,
    /// The algorithms that its tokens may use; never empty.
    pub algorithms: Vec<Algorithm>,
    /// Tolerance for clocks that differ, in seconds.
    pub leeway_seconds: u32,
    /// Accepted `typ`.
    pub types: Vec<TokenType>,
    /// Which claims mean what, and what else must hold.
    pub claims: ClaimRules,
    /// The longest `exp - iat` in seconds; without `iat`, the longest `exp - now`, with leeway.
    pub max_lifetime_seconds: u64,
    /// The longest token, in bytes; at most [`MAX_TOKEN_BYTES`](super::MAX_TOKEN_BYTES).
    pub max_token_bytes: usize,
    /// The header that holds its bare tokens, in lower case, instead of `Authorization`.
    pub token_header: Option<Box<str>>,
    /// Its subjects are SPIFFE IDs of this trust domain, and its tokens need no `iss`.
    pub spiffe_trust_domain: Option<Box<str>>,
}

impl IssuerRules {
    /// The rules of an issuer of JWT access tokens (RFC 9068): no leeway, a lifetime of at most a day,
    /// the default claims and bounds. Struct update says what differs.
    pub fn of_access_tokens(
        name: &str,
        issuer: &str,
        audiences: &[&str],
        algorithms: &[Algorithm],
    ) -> Self {
        Self {
            name: name.into(),
            issuer: issuer.into(),
            audiences: audiences
                .iter()
                .map(|audience| (*audience).into())
                .collect(),
            algorithms: algorithms.to_vec(),
            leeway_seconds: 0,
            types: vec!["at+jwt".into()],
            claims: ClaimRules::default(),
            max_lifetime_seconds: 86_400,
            max_token_bytes: DEFAULT_TOKEN_BYTES,
            token_header: None,
            spiffe_trust_domain: None,
        }
    }

    pub(super) fn add_to(&self, fields: &mut Fields) {
        // Named one by one: a rule that is left out here would outlive its change in cached proofs.
        let Self {
            name,
            issuer,
            audiences,
            algorithms,
            leeway_seconds,
            types,
            claims,
            max_lifetime_seconds,
            max_token_bytes,
            token_header,
            spiffe_trust_domain,
        } = self;
        fields.add(name.as_bytes());
        fields.add(issuer.as_bytes());
        fields.number(audiences.len() as u64);
        for audience in audiences {
            fields.add(audience.as_bytes());
        }
        fields.number(algorithms.len() as u64);
        for algorithm in algorithms {
            fields.add(algorithm.name().as_bytes());
        }
        fields.number(u64::from(*leeway_seconds));
        fields.number(types.len() as u64);
        for kind in types {
            fields.add(kind.as_str().as_bytes());
        }
        claims.add_to(fields);
        fields.number(*max_lifetime_seconds);
        fields.number(*max_token_bytes as u64);
        // No value is empty, so that none differs from all others.
        for text in [token_header, spiffe_trust_domain] {
            fields.add(text.as_deref().unwrap_or_default().as_bytes());
        }
    }
}
