//! The proof that a token held.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::claim_rules::ClaimPath;
use super::claims::{Claims, Times};
use super::error::TokenError;
use super::fingerprint::Fingerprint;
use super::issuer_rules::{IssuerIndex, IssuerRules};
use crate::clock::UnixSeconds;

/// A token whose signature, issuer, audience, times and type all held. Only
/// [`Trust::verify`](super::Trust::verify) makes one.
pub struct VerifiedToken {
    rules: Arc<IssuerRules>,
    index: IssuerIndex,
    fingerprint: Fingerprint,
    times: Times,
    subject: Box<str>,
    client: Option<Box<str>>,
    id: Option<Box<str>>,
    /// Separated by single spaces, no duplicates.
    scopes: Box<str>,
    claims: Map<String, Value>,
}

/// Under which rules and keys a token was verified.
pub(super) struct Basis {
    pub(super) rules: Arc<IssuerRules>,
    pub(super) index: IssuerIndex,
    pub(super) fingerprint: Fingerprint,
}

impl VerifiedToken {
    /// To be called once everything has been checked; reads the claims into their own form.
    pub(super) fn new(basis: Basis, times: Times, claims: Claims) -> Result<Self, TokenError> {
        let Basis {
            rules,
            index,
            fingerprint,
        } = basis;
        let subject = claims.subject(&rules.claims.subject)?.into();
        let client = claims.client(&rules.claims.client).map(Box::from);
        let id = claims.text("jti").map(Box::from);
        let scopes = distinct(rules.claims.scopes(&claims.0));
        Ok(Self {
            rules,
            index,
            fingerprint,
            times,
            subject,
            client,
            id,
            scopes,
            claims: claims.0,
        })
    }

    /// `iss`.
    pub fn issuer(&self) -> &str {
        &self.rules.issuer
    }

    /// What the configuration calls its issuer.
    pub fn issuer_name(&self) -> &str {
        &self.rules.name
    }

    /// The header that its issuer's tokens come in, in lower case; nothing stands for `Authorization`.
    pub fn token_header(&self) -> Option<&str> {
        self.rules.token_header()
    }

    /// `sub`: one to 1024 bytes without control characters or outer spaces; perhaps not ASCII.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `client_id`, else `azp`, if present; as clean as the subject. It is a namespace of its own:
    /// a client may be called like a user (RFC 9700 section 4.15).
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// `jti`, if present; as clean as the subject.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The scopes, in the token's order, without duplicates.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes_text()
            .split(' ')
            .filter(|scope| !scope.is_empty())
    }

    /// The scopes, separated by single spaces; empty if there are none. No control characters.
    pub fn scopes_text(&self) -> &str {
        &self.scopes
    }

    /// Whether the token has this scope, exactly.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|held| held == scope)
    }

    /// Any claim, the registered ones included, as the token has it.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// All claims, by name, for conditions.
    pub fn claim_map(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// A claim, perhaps below others; null counts as absent.
    pub fn claim_at(&self, path: &ClaimPath) -> Option<&Value> {
        path.find(&self.claims)
    }

    /// All claims, by name.
    pub fn claims(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.claims
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// `exp`, a fraction dropped; the leeway comes on top.
    pub fn expires_at(&self) -> UnixSeconds {
        self.times.expires_at()
    }

    /// `iat`, a fraction dropped, if present: what was revoked before it does not concern the
    /// token.
    pub fn issued_at(&self) -> Option<UnixSeconds> {
        self.times.issued_at()
    }

    /// The position of its issuer in the trust that verified it.
    pub fn issuer_index(&self) -> IssuerIndex {
        self.index
    }

    /// Estimated heap size in bytes, for the bound of the proof cache.
    pub fn heap_bytes(&self) -> usize {
        let names = [
            Some(&self.subject),
            self.client.as_ref(),
            self.id.as_ref(),
            Some(&self.scopes),
        ];
        let names: usize = names.into_iter().flatten().map(|name| name.len()).sum();
        names + members_bytes(&self.claims)
    }

    pub(super) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(super) fn times(&self) -> Times {
        self.times
    }
}

/// Names nobody: subjects and claims are personal data, and debug output ends up in logs.
impl fmt::Debug for VerifiedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VerifiedToken")
            .field("issuer", &self.issuer())
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

fn distinct(scopes: Vec<&str>) -> Box<str> {
    let mut seen = HashSet::with_capacity(scopes.len());
    let mut text = String::with_capacity(scopes.iter().map(|scope| scope.len() + 1).sum());
    for scope in scopes {
        if seen.insert(scope) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(scope);
        }
    }
    text.into_boxed_str()
}

/// What one value or member costs beside its content: the slot and what an allocation adds.
const SLOT_BYTES: usize = size_of::<Value>() + size_of::<String>() + 16;

fn members_bytes(members: &Map<String, Value>) -> usize {
    members
        .iter()
        .map(|(name, value)| SLOT_BYTES + name.len() + value_bytes(value))
        .sum()
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items
            .iter()
            .map(|item| SLOT_BYTES + value_bytes(item))
            .sum(),
        Value::Object(members) => members_bytes(members),
    }
}
