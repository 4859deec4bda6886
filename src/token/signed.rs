//! A token that its issuer has signed, whatever else is wrong with it.

use super::claims::{Claims, Times};
use super::revocable::{GRANT_CLAIM, LogPosition, POSITION_CLAIM, RevocationTarget};
use crate::clock::UnixSeconds;

/// The claims of a token whose signature held under a key of the issuer that it names. Times,
/// lifetime, audience and type were not looked at, so it proves no right to anything: it is enough
/// to take the token back, which others may still accept under other rules or another clock. Only
/// [`Trust::verify_signature`](super::Trust::verify_signature) makes one.
pub struct SignedToken {
    claims: Claims,
}

impl SignedToken {
    pub(super) fn new(claims: Claims) -> Self {
        Self { claims }
    }

    /// `sub`, if it is well formed.
    pub fn subject(&self) -> Option<&str> {
        self.claims.text("sub")
    }

    /// `client_id`, if it is well formed.
    pub fn client(&self) -> Option<&str> {
        self.claims.text("client_id")
    }

    /// `jti`, if it is well formed.
    pub fn id(&self) -> Option<&str> {
        self.claims.text("jti")
    }

    /// `exp`, if the times are well formed.
    pub fn expires_at(&self) -> Option<UnixSeconds> {
        self.claims.times().ok().map(Times::expires_at)
    }

    /// The grant that it belongs to, if any.
    pub fn grant(&self) -> Option<&str> {
        self.claims.0.get(GRANT_CLAIM)?.as_str()
    }

    /// The position that it carries; without one it is older than any revocation.
    pub fn position(&self) -> LogPosition {
        let position = self.claims.0.get(POSITION_CLAIM);
        LogPosition(position.and_then(serde_json::Value::as_u64).unwrap_or(0))
    }

    /// All that can take it back, everyone's aside.
    pub fn revocation_targets(&self) -> Vec<RevocationTarget> {
        let owned = |name: &str| name.to_owned();
        let subjects = [
            self.subject().map(owned).map(RevocationTarget::User),
            self.client().map(owned).map(RevocationTarget::App),
            self.grant().map(owned).map(RevocationTarget::Grant),
            self.id().map(owned).map(RevocationTarget::Token),
        ];
        subjects.into_iter().flatten().collect()
    }
}
