//! The places of users, beyond a restart: what the store keeps of an address is a keyed hash.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::address::ClientAddress;
use super::recent::{Noted, REMEMBERED};
use super::{Claimant, Limit};
use crate::identity::{PlainSecret, UserId};
use crate::issuer::Issuer;
use crate::store::StoreError;

/// The key by which the issuers of a store hash addresses: the rows alone do not tell them, which a
/// plain hash would, of four thousand millions.
pub(in crate::issuer) struct PlaceKey(hmac::Key);

impl PlaceKey {
    /// The key that is made of a secret.
    pub(in crate::issuer) fn new(secret: &PlainSecret) -> Self {
        Self(hmac::Key::new(
            hmac::HMAC_SHA256,
            secret.reveal().as_bytes(),
        ))
    }

    /// What an address is called; of two users it is called by two names.
    fn place(&self, user: &UserId, address: ClientAddress) -> String {
        let text = format!("{}\n{address}", user.as_str());
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, text.as_bytes()))
    }
}

impl Issuer {
    /// Whether the limit does not hold, because its user has lately logged in from here, which this
    /// process does not know: it was before its start, or at another issuer.
    pub(in crate::issuer) async fn knows_place(
        &self,
        claimant: Claimant<'_>,
        limit: Limit,
    ) -> Result<bool, StoreError> {
        let (Claimant::User(user), Some(address)) = (claimant, super::address()) else {
            return Ok(false);
        };
        if !limit.spares_known_places() {
            return Ok(false);
        }
        let place = self.place_key.place(user, address);
        let now = self.clock.now();
        self.store.is_login_place(user, &place, now).await
    }

    /// Has the store remember from where a user has logged in. Without it the login holds as well.
    pub(in crate::issuer) async fn note_place(&self, claimant: Claimant<'_>, noted: Noted) {
        let (Claimant::User(user), Noted::Now, Some(address)) = (claimant, noted, super::address())
        else {
            return;
        };
        let place = self.place_key.place(user, address);
        let seconds = i64::try_from(REMEMBERED.as_secs()).unwrap_or(i64::MAX);
        let now = self.clock.now();
        let done = self.store.note_login_place(user, &place, now, seconds);
        if let Err(error) = done.await {
            tracing::warn!(%error, "the place of a login is not remembered beyond this process");
        }
    }
}
