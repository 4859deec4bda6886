//! What is trusted, and the one way from a token to a proof.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::bearer::{Parts, UnverifiedContent, UnverifiedToken};
use super::claims::{Claims, Times};
use super::entries::{DuplicateIssuerError, Entries};
use super::error::TokenError;
use super::fingerprint::{Fields, Fingerprint};
use super::header::Header;
use super::issuer_rules::{DEFAULT_TOKEN_BYTES, IssuerIndex, IssuerRules};
use super::key_set::KeySet;
use super::missing_key::MissingKey;
use super::offence::{self, Offence};
use super::signed::SignedToken;
use super::verified::{Basis, VerifiedToken};
use crate::clock::UnixSeconds;

/// Everything that is trusted: the issuers, their rules and their keys. Immutable.
#[derive(Debug, Clone)]
pub struct Trust {
    issuers: Vec<TrustedIssuer>,
    /// The most that an issuer's tokens may have, in bytes: longer ones are not even parsed.
    max_token_bytes: usize,
    entries: Arc<Entries>,
    /// The headers besides `Authorization` that hold tokens, in lower case, each once.
    token_headers: Arc<[Box<str>]>,
}

/// Why an earlier proof cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecheckError {
    /// The trust changed since: verify again.
    TrustChanged,
    /// The times no longer hold: refused.
    Times(TokenError),
}

#[derive(Debug, Clone)]
struct TrustedIssuer {
    rules: Arc<IssuerRules>,
    /// Of the entries among which a token finds this one, in their order.
    rivals: Fingerprint,
    keys: Option<LoadedKeys>,
}

#[derive(Debug, Clone)]
struct LoadedKeys {
    keys: Arc<KeySet>,
    /// Of the rules, the rivals and the keys together: what a proof rests on.
    fingerprint: Fingerprint,
}

/// A token of an issuer that is known, of which nothing else has been checked.
struct Unchecked<'t> {
    parts: Parts<'t>,
    header: Header,
    claims: Claims,
    signature: Vec<u8>,
    index: IssuerIndex,
    issuer: &'t TrustedIssuer,
}

/// A token that is right in all but its signature, which has not been checked.
struct Examined<'t> {
    token: Unchecked<'t>,
    times: Times,
    loaded: &'t LoadedKeys,
}

/// Trust in nobody.
impl Default for Trust {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            max_token_bytes: DEFAULT_TOKEN_BYTES,
            entries: Arc::default(),
            token_headers: Arc::default(),
        }
    }
}

impl Trust {
    /// Trust in these issuers; `None` stands for keys that have not been loaded yet.
    pub fn new(issuers: Vec<(IssuerRules, Option<KeySet>)>) -> Result<Self, DuplicateIssuerError> {
        let entries = Entries::new(issuers.iter().map(|(rules, _)| rules))?;
        let mut trusted = Vec::with_capacity(issuers.len());
        let all = issuers.iter().map(|(rules, _)| rules);
        let rivals: Vec<_> = all
            .clone()
            .map(|rules| rivals(rules, all.clone()))
            .collect();
        for ((rules, keys), rivals) in issuers.into_iter().zip(rivals) {
            let keys = keys.map(|keys| LoadedKeys::new(&rules, &rivals, keys));
            trusted.push(TrustedIssuer {
                rules: Arc::new(rules),
                rivals,
                keys,
            });
        }
        let headers = trusted
            .iter()
            .filter_map(|issuer| issuer.rules.token_header());
        let headers: BTreeSet<Box<str>> = headers.map(Into::into).collect();
        let lengths = trusted.iter().map(|issuer| issuer.rules.max_token_bytes);
        Ok(Self {
            max_token_bytes: lengths.max().unwrap_or(DEFAULT_TOKEN_BYTES),
            issuers: trusted,
            entries: Arc::new(entries),
            token_headers: headers.into_iter().collect(),
        })
    }

    /// The same trust with other keys for one issuer. Proofs for the other issuers stay good, and
    /// so do those for this one if the keys are the same. An unknown index changes nothing.
    #[must_use]
    pub fn with_keys(mut self, issuer: IssuerIndex, keys: KeySet) -> Self {
        if let Some(issuer) = self.issuers.get_mut(issuer.0) {
            issuer.keys = Some(LoadedKeys::new(&issuer.rules, &issuer.rivals, keys));
        }
        self
    }

    /// The rules of an issuer.
    pub fn rules(&self, issuer: IssuerIndex) -> Option<&IssuerRules> {
        self.issuers.get(issuer.0).map(|issuer| &*issuer.rules)
    }

    /// The headers besides `Authorization` that hold tokens, in lower case, each once.
    pub fn token_headers(&self) -> &[Box<str>] {
        &self.token_headers
    }

    /// What the policy calls the issuer of this `iss`: each of its entries has a name.
    pub fn names_of<'t>(&'t self, iss: &str) -> impl Iterator<Item = &'t str> {
        let own = self
            .issuers()
            .filter(move |(_, rules)| *rules.issuer == *iss);
        own.map(|(_, rules)| &*rules.name)
    }

    /// The issuers, in the order of their indices.
    pub fn issuers(&self) -> impl Iterator<Item = (IssuerIndex, &IssuerRules)> {
        self.issuers
            .iter()
            .enumerate()
            .map(|(position, issuer)| (IssuerIndex(position), &*issuer.rules))
    }

    /// Verifies a token from scratch.
    ///
    /// What is cheap comes first, so that only tokens which are right in all but their signature
    /// cost cryptography, or cause keys to be fetched.
    pub fn verify(
        &self,
        token: UnverifiedToken<'_>,
        now: UnixSeconds,
    ) -> Result<VerifiedToken, TokenError> {
        let examined = self.examine(token, now)?;
        let Examined {
            token,
            times,
            loaded,
        } = examined;
        token.check_signature(&loaded.keys)?;
        let basis = Basis {
            rules: Arc::clone(&token.issuer.rules),
            index: token.index,
            fingerprint: loaded.fingerprint,
        };
        VerifiedToken::new(basis, times, token.claims)
    }

    /// Checks the signature alone: whether a key of the issuer that the token names has made it. Its
    /// times, lifetime, audience and type may be wrong.
    pub fn verify_signature(&self, token: UnverifiedToken<'_>) -> Result<SignedToken, TokenError> {
        let token = self.read(token)?;
        token.check_signature(&token.loaded()?.keys)?;
        Ok(SignedToken::new(token.claims))
    }

    /// Which key the token asks for, of the issuer that it names; none where nobody trusts that one.
    pub fn missing_key(&self, token: UnverifiedToken<'_>) -> Option<MissingKey> {
        let Unchecked { header, issuer, .. } = self.read(token).ok()?;
        let rules = Arc::clone(&issuer.rules);
        Some(MissingKey::new(rules, header.key_id.as_deref()))
    }

    /// What a token that was refused for this reason says of itself: for logs and explanations.
    pub fn offence(&self, token: UnverifiedToken<'_>, error: TokenError) -> Offence<'_> {
        let too_long = token.text().len() > self.max_token_bytes;
        let content = (!too_long).then(|| token.content().ok()).flatten();
        let Some(UnverifiedContent { header, claims }) = content else {
            return Offence::default();
        };
        let claims = Claims(claims);
        let rules = |index| self.rules(index);
        let entry = self.entries.find(&claims, token.header(), rules);
        let issuer = entry.ok().and_then(rules);
        Offence {
            issuer,
            member: offence::offending(&header, &claims.0, issuer, error),
        }
    }

    /// Looks at everything but the signature. What this refuses, [`Trust::verify`] refuses for the
    /// same reason; what it lets pass is not trusted yet. Costs no cryptography.
    pub fn screen(&self, token: UnverifiedToken<'_>, now: UnixSeconds) -> Result<(), TokenError> {
        let examined = self.examine(token, now)?;
        let Unchecked { index, header, .. } = &examined.token;
        examined.loaded.keys.candidates(*index, header)?;
        Ok(())
    }

    fn examine<'t>(
        &'t self,
        token: UnverifiedToken<'t>,
        now: UnixSeconds,
    ) -> Result<Examined<'t>, TokenError> {
        let token = self.read(token)?;
        let times = token
            .issuer
            .check_rules(&token.header, &token.claims, now)?;
        let loaded = token.loaded()?;
        Ok(Examined {
            token,
            times,
            loaded,
        })
    }

    fn read<'t>(&'t self, token: UnverifiedToken<'t>) -> Result<Unchecked<'t>, TokenError> {
        // Before anything is decoded: whose token it is becomes known only by its claims, and until
        // then no issuer may cost more than the one with the longest.
        if token.text().len() > self.max_token_bytes {
            return Err(TokenError::TooLong);
        }
        let parts = Parts::split(token)?;
        let header = Header::parse(parts.header)?;
        let claims = Claims::parse(parts.claims)?;
        let signature = URL_SAFE_NO_PAD
            .decode(parts.signature)
            .map_err(|_| TokenError::Base64Url)?;
        let rules = |index| self.rules(index);
        let index = self.entries.find(&claims, token.header(), rules)?;
        let issuer = self.issuers.get(index.0).ok_or(TokenError::UnknownIssuer)?;
        if token.text().len() > issuer.rules.max_token_bytes {
            return Err(TokenError::TooLong);
        }
        Ok(Unchecked {
            parts,
            header,
            claims,
            signature,
            index,
            issuer,
        })
    }

    /// Whether a token verified earlier would still be: its issuer's rules and keys are the very
    /// same, and it is neither expired nor not yet valid. Cheap: no cryptography, no allocation.
    pub fn recheck(&self, token: &VerifiedToken, now: UnixSeconds) -> Result<(), RecheckError> {
        let issuer = self
            .issuers
            .get(token.issuer_index().0)
            .ok_or(RecheckError::TrustChanged)?;
        // By a digest of rules and keys, not by what has changed: a proof that outlived any edit that
        // it depends on would be a wrong allow.
        let same = issuer
            .keys
            .as_ref()
            .is_some_and(|keys| keys.fingerprint == *token.fingerprint());
        if !same {
            return Err(RecheckError::TrustChanged);
        }
        token
            .times()
            .check(&issuer.rules, now)
            .map_err(RecheckError::Times)
    }
}

impl<'t> Unchecked<'t> {
    fn loaded(&self) -> Result<&'t LoadedKeys, TokenError> {
        let keys = self.issuer.keys.as_ref();
        keys.ok_or(TokenError::KeysNotLoaded(self.index))
    }

    fn check_signature(&self, keys: &KeySet) -> Result<(), TokenError> {
        let message = self.parts.message.as_bytes();
        keys.check_signature(self.index, &self.header, message, &self.signature)
    }
}

impl TrustedIssuer {
    /// Everything that the rules ask but the signature.
    fn check_rules(
        &self,
        header: &Header,
        claims: &Claims,
        now: UnixSeconds,
    ) -> Result<Times, TokenError> {
        let rules = &*self.rules;
        if !rules.algorithms.contains(&header.algorithm) {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        if !rules.types.contains(&header.kind) {
            return Err(TokenError::TypeNotAccepted);
        }
        if !rules.is_in_trust_domain(claims) {
            return Err(TokenError::OtherTrustDomain);
        }
        let times = claims.times()?;
        times.check(rules, now)?;
        claims.check_audience(&rules.claims.audience, &rules.audiences)?;
        claims.subject(&rules.claims.subject)?;
        if rules.claims.unmet(&claims.0).is_some() {
            return Err(TokenError::RequirementNotMet);
        }
        claims.check_bearer()?;
        Ok(times)
    }
}

/// Whose tokens [`Entries::find`] may give to this entry or to another one: whether a token is this entry's
/// depends on all of them.
fn rivals<'r>(rules: &IssuerRules, all: impl Iterator<Item = &'r IssuerRules>) -> Fingerprint {
    let domain = rules.spiffe_trust_domain.as_deref();
    let mut fields = Fields::new();
    for other in all {
        let same_domain = domain.is_some() && domain == other.spiffe_trust_domain.as_deref();
        if other.issuer == rules.issuer || same_domain {
            other.add_to(&mut fields);
        }
    }
    fields.finish()
}

impl LoadedKeys {
    fn new(rules: &IssuerRules, rivals: &Fingerprint, keys: KeySet) -> Self {
        let mut fields = Fields::new();
        rules.add_to(&mut fields);
        fields.add(rivals.bytes());
        fields.add(keys.fingerprint().bytes());
        Self {
            keys: Arc::new(keys),
            fingerprint: fields.finish(),
        }
    }
}
