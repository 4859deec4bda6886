//! The places of users, beyond a restart: what the store keeps of an address is a keyed hash.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::address::ClientAddress;
use super::recent::{Noted, REMEMBERED_SECONDS};
use super::{Claimant, Place};
use crate::identity::{PlainSecret, UserId};
use crate::issuer::Issuer;
use crate::store::StoreError;

/// An id that no user has.
const NOBODY: &str = "-";

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
    /// What is known of where the request comes from, by this process or, from before its start or by
    /// another issuer, by the store.
    pub(in crate::issuer) async fn place(
        &self,
        claimant: Claimant<'_>,
    ) -> Result<Place, StoreError> {
        if self.throttle.place(claimant) == Place::Known {
            return Ok(Place::Known);
        }
        let Some(address) = super::address() else {
            return Ok(Place::New);
        };
        // The store is asked about names that nobody has as well: the time must not tell them apart.
        let nobody = UserId::known(NOBODY);
        let user = match claimant {
            Claimant::User(user) => user,
            Claimant::Nobody(_) => &nobody,
            Claimant::App(_) => return Ok(Place::New),
        };
        let place = self.place_key.place(user, address);
        let now = self.clock.now();
        let known = self.store.is_login_place(user, &place, now).await?;
        Ok(if known { Place::Known } else { Place::New })
    }

    /// Has the store remember from where a user has logged in. Without it the login holds as well.
    pub(in crate::issuer) async fn note_place(&self, claimant: Claimant<'_>, noted: Noted) {
        let (Claimant::User(user), Noted::Now, Some(address)) = (claimant, noted, super::address())
        else {
            return;
        };
        let place = self.place_key.place(user, address);
        let seconds = i64::try_from(REMEMBERED_SECONDS).unwrap_or(i64::MAX);
        let now = self.clock.now();
        let done = self.store.note_login_place(user, &place, now, seconds);
        if let Err(error) = done.await {
            tracing::warn!(%error, "the place of a login is not remembered beyond this process");
        }
    }
}
