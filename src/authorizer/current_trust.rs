//! Whose tokens are trusted, and which of them no longer.

use std::sync::Arc;

use super::proof_cache::Proof;
use crate::revocation::RevocationList;
use crate::token::{TokenError, Trust};

/// The trusted issuers, with what each has revoked.
#[derive(Debug, Clone)]
pub struct CurrentTrust {
    trust: Trust,
    /// At the index of each issuer that tells; the tokens of the others end by themselves.
    revocations: Box<[Option<Arc<RevocationList>>]>,
}

impl CurrentTrust {
    /// `revocations` are in the order of the issuers of `trust`.
    pub fn new(trust: Trust, revocations: Vec<Option<Arc<RevocationList>>>) -> Self {
        let revocations = revocations.into_boxed_slice();
        Self { trust, revocations }
    }

    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Refuses a token that its issuer has revoked, and every token of an issuer whose revocations
    /// are not known well enough.
    pub fn check_revocation(&self, proof: &Proof) -> Result<(), TokenError> {
        let issuer = proof.token.issuer_index();
        let Some(list) = self.revocations.get(issuer.0).and_then(Option::as_ref) else {
            return Ok(());
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
        Self::new(trust, Vec::new())
    }
}
