//! Which entry of the trust a token belongs to.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::claims::Claims;
use super::error::{Claim, TokenError};
use super::issuer_rules::{IssuerIndex, IssuerRules};

/// The scheme of a SPIFFE ID (SPIFFE ID standard, section 2).
const SPIFFE: &str = "spiffe://";

/// The entries by what tokens say of themselves. One `iss` may have several entries, which audience or
/// header tell apart.
#[derive(Debug, Default)]
pub(super) struct Entries {
    by_issuer: HashMap<Box<str>, Vec<IssuerIndex>>,
    /// Those whose tokens need no `iss`, by the trust domain of the subject.
    by_trust_domain: HashMap<Box<str>, Vec<IssuerIndex>>,
}

/// Two entries that would take the same tokens: which of them counts would depend on their order.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the issuer `{issuer}` is listed twice for the audience `{audience}`: give each entry audiences of \
     its own, or another `audience_claim` or `token_header`"
)]
pub struct DuplicateIssuerError {
    pub issuer: String,
    pub audience: String,
}

/// The most headers besides `Authorization` that hold tokens.
pub const MAX_TOKEN_HEADERS: usize = 4;

impl DuplicateIssuerError {
    /// Whether some token could belong to both entries.
    pub fn between(one: &IssuerRules, other: &IssuerRules) -> Option<Self> {
        let domain = one.spiffe_trust_domain.as_deref();
        let same_domain = domain.is_some() && domain == other.spiffe_trust_domain.as_deref();
        let same_tokens = (one.issuer == other.issuer || same_domain)
            && one.token_header() == other.token_header()
            && one.claims.audience == other.claims.audience;
        let mut shared = one.audiences.iter();
        let shared = shared.find(|audience| same_tokens && other.audiences.contains(audience))?;
        Some(Self {
            issuer: other.issuer.to_string(),
            audience: shared.to_string(),
        })
    }
}

impl Entries {
    pub(super) fn new<'r>(
        rules: impl IntoIterator<Item = &'r IssuerRules>,
    ) -> Result<Self, DuplicateIssuerError> {
        let mut entries = Self::default();
        let mut earlier: Vec<&IssuerRules> = Vec::new();
        for (position, rules) in rules.into_iter().enumerate() {
            if let Some(error) = earlier
                .iter()
                .find_map(|other| DuplicateIssuerError::between(other, rules))
            {
                return Err(error);
            }
            let index = IssuerIndex(position);
            let issuers = entries.by_issuer.entry(rules.issuer.clone()).or_default();
            issuers.push(index);
            if let Some(domain) = &rules.spiffe_trust_domain {
                let domains = entries.by_trust_domain.entry(domain.clone()).or_default();
                domains.push(index);
            }
            earlier.push(rules);
        }
        Ok(entries)
    }

    /// The entry of a token that came in this header; nothing stands for `Authorization`.
    ///
    /// Of several entries for one `iss` it is the first one whose audience the token has. No two of them
    /// share an audience, so that only a token which names audiences of both can belong to either; and
    /// whichever it is, all of that entry's rules are checked, and it counts under that name alone.
    pub(super) fn find<'r>(
        &self,
        claims: &Claims,
        header: Option<&str>,
        rules: impl Fn(IssuerIndex) -> Option<&'r IssuerRules>,
    ) -> Result<IssuerIndex, TokenError> {
        let mut here = self
            .candidates(claims)?
            .iter()
            .copied()
            .filter(|index| rules(*index).is_some_and(|rules| rules.token_header() == header));
        let first = here.next().ok_or(TokenError::OtherHeader)?;
        let has_audience = |index: &IssuerIndex| {
            rules(*index).is_some_and(|rules| {
                let audience = &rules.claims.audience;
                claims.check_audience(audience, &rules.audiences).is_ok()
            })
        };
        // Without the audience of any entry it is the first one's token, so that a refusal names its
        // rules.
        Ok(match here.next() {
            // The usual case: there is nothing to choose.
            None => first,
            Some(second) => [first, second]
                .into_iter()
                .chain(here)
                .find(has_audience)
                .unwrap_or(first),
        })
    }

    fn candidates(&self, claims: &Claims) -> Result<&[IssuerIndex], TokenError> {
        let missing = TokenError::Missing(Claim::Issuer);
        match claims.issuer() {
            Ok(issuer) => {
                let found = self.by_issuer.get(issuer).map(Vec::as_slice);
                found.ok_or(TokenError::UnknownIssuer)
            }
            Err(error) if error == missing => {
                let domain = claims.text("sub").and_then(trust_domain).ok_or(missing)?;
                let found = self.by_trust_domain.get(domain);
                found.map(Vec::as_slice).ok_or(missing)
            }
            Err(error) => Err(error),
        }
    }
}

/// The rules of the entry that a token of these claims belongs to, in whichever header it is: for
/// explanations alone.
pub fn entry_of<'r>(
    claims: &Map<String, Value>,
    all: &[&'r IssuerRules],
) -> Option<&'r IssuerRules> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let domain = text("sub").and_then(trust_domain);
    let candidates = || {
        all.iter().copied().filter(|rules| match text("iss") {
            Some(issuer) => *rules.issuer == *issuer,
            None => domain.is_some() && rules.spiffe_trust_domain.as_deref() == domain,
        })
    };
    let is_for = |rules: &&IssuerRules| {
        let ours = |value: &Value| {
            let mut audiences = rules.audiences.iter();
            audiences.any(|audience| value.as_str() == Some(&**audience))
        };
        match rules.claims.audience.find(claims) {
            Some(Value::Array(items)) => items.iter().any(ours),
            Some(value) => ours(value),
            None => false,
        }
    };
    candidates().find(is_for).or_else(|| candidates().next())
}

/// The trust domain of a SPIFFE ID that has a path.
fn trust_domain(subject: &str) -> Option<&str> {
    let (domain, path) = subject.strip_prefix(SPIFFE)?.split_once('/')?;
    (!domain.is_empty() && !path.is_empty()).then_some(domain)
}

impl IssuerRules {
    /// The header that its tokens come in, in lower case; nothing stands for `Authorization`.
    pub fn token_header(&self) -> Option<&str> {
        self.token_header.as_deref()
    }

    /// Whether the subject lies in the trust domain of the entry, if it has one.
    pub(super) fn is_in_trust_domain(&self, claims: &Claims) -> bool {
        self.spiffe_trust_domain
            .as_deref()
            .is_none_or(|domain| claims.text("sub").and_then(trust_domain) == Some(domain))
    }
}
