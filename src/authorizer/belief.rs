//! Whose tokens are believed, and which of them no longer.

use std::sync::Arc;

use crate::revocation::RevocationList;
use crate::token::{IssuerIndex, Revocable, Trust};

/// The trusted issuers, with what each has taken back.
#[derive(Debug, Clone)]
pub struct Belief {
    trust: Trust,
    /// At the index of each issuer that tells; the tokens of the others end by themselves.
    revocations: Box<[Option<Arc<RevocationList>>]>,
}

impl Belief {
    /// `revocations` are in the order of the issuers of `trust`.
    pub fn new(trust: Trust, revocations: Vec<Option<Arc<RevocationList>>>) -> Self {
        let revocations = revocations.into_boxed_slice();
        Self { trust, revocations }
    }

    /// Whose tokens are believed.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Whether the issuer has taken back this token of its own.
    pub fn is_revoked(&self, issuer: IssuerIndex, token: &Revocable) -> bool {
        let list = self.revocations.get(issuer.0).and_then(Option::as_ref);
        list.is_some_and(|list| list.is_revoked(token))
    }

    /// Whether what the issuer has taken back is known too badly to believe any token of it.
    pub fn is_too_old(&self, issuer: IssuerIndex) -> bool {
        let list = self.revocations.get(issuer.0).and_then(Option::as_ref);
        list.is_some_and(|list| list.is_too_old())
    }
}

/// Issuers that take nothing back.
impl From<Trust> for Belief {
    fn from(trust: Trust) -> Self {
        Self::new(trust, Vec::new())
    }
}
