//! Whose tokens are trusted, and which of them no longer.

use std::sync::Arc;

use super::proof_cache::Proof;
use crate::revocation::RevocationList;
use crate::token::{IssuerIndex, TokenError, Trust};

/// The trusted issuers, with what each has revoked.
#[derive(Debug, Clone)]
pub struct CurrentTrust {
    trust: Trust,
    /// At the index of each issuer of `trust`; the tokens of one that does not tell end by themselves.
    revocations: Box<[Option<Arc<RevocationList>>]>,
}

impl CurrentTrust {
    /// `revocations` says of each issuer what it has revoked, if it tells.
    pub fn new(
        trust: Trust,
        revocations: impl Fn(IssuerIndex) -> Option<Arc<RevocationList>>,
    ) -> Self {
        let revocations = trust.issuers().map(|(index, _)| revocations(index));
        Self {
            revocations: revocations.collect(),
            trust,
        }
    }

    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Refuses a token that its issuer has revoked, and every token of an issuer whose revocations
    /// are not known well enough.
    pub fn check_revocation(&self, proof: &Proof) -> Result<(), TokenError> {
        let issuer = proof.token.issuer_index();
        let list = match self.revocations.get(issuer.0) {
            Some(Some(list)) => list,
            Some(None) => return Ok(()),
            // Of an issuer that is not trusted nothing is known.
            None => return Err(TokenError::RevocationsStale),
        };
        if list.is_revoked(&proof.revocable) {
            return Err(TokenError::Revoked);
        }
        if list.is_too_old() {
            return Err(TokenError::RevocationsStale);
        }
        Ok(())
    }
}

/// Issuers that take nothing back.
impl From<Trust> for CurrentTrust {
    fn from(trust: Trust) -> Self {
        Self::new(trust, |_| None)
    }
}
