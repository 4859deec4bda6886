//! The places of users, beyond a restart: what the store keeps of an address is a keyed hash.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::attempt::Places;
use crate::clock::Clock;
use crate::identity::{PlainSecret, UserId};
use crate::issuer::throttle::{Claimant, ClientAddress, REMEMBERED_SECONDS};
use crate::store::{Store, StoreError};

/// An id that no user has.
const NOBODY: &str = "-";

/// The key by which the issuers of a store hash addresses: the rows alone do not tell them, which a
/// plain hash would, of four thousand millions.
pub(in crate::issuer) struct PlaceKey(hmac::Key);

/// The places of users in the store.
pub(in crate::issuer) struct StoredPlaces {
    store: Store,
    key: PlaceKey,
    clock: Arc<dyn Clock>,
}

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

impl StoredPlaces {
    pub(super) fn new(store: Store, key: PlaceKey, clock: Arc<dyn Clock>) -> Self {
        Self { store, key, clock }
    }
}

impl Places for StoredPlaces {
    async fn know(&self, claimant: Claimant<'_>, from: ClientAddress) -> Result<bool, StoreError> {
        // The store is asked about names that nobody has as well: the time must not tell them apart.
        let nobody = UserId::known(NOBODY);
        let user = match claimant {
            Claimant::User(user) | Claimant::RecoveryCode(user) => user,
            Claimant::Nobody(_) => &nobody,
            Claimant::App(_) => return Ok(false),
        };
        let place = self.key.place(user, from);
        self.store
            .is_login_place(user, &place, self.clock.now())
            .await
    }

    async fn note(&self, user: &UserId, from: ClientAddress) {
        let place = self.key.place(user, from);
        let seconds = i64::try_from(REMEMBERED_SECONDS).unwrap_or(i64::MAX);
        let now = self.clock.now();
        let done = self.store.note_login_place(user, &place, now, seconds);
        if let Err(error) = done.await {
            tracing::warn!(%error, "the origin of a login cannot be stored and is forgotten when the process ends");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::throttle::TrustedProxies;

    fn address(text: &str) -> ClientAddress {
        let headers = axum::http::HeaderMap::new();
        TrustedProxies::default().client(text.parse().unwrap(), &headers)
    }

    #[test]
    fn a_place_is_one_name_for_each_key_user_and_address() {
        let key = PlaceKey::new(&PlainSecret::claimed("one"));
        let other_key = PlaceKey::new(&PlainSecret::claimed("two"));
        let (alice, bobby) = (UserId::known("alice"), UserId::known("bobby"));
        let (here, there) = (address("192.0.2.1"), address("192.0.2.2"));
        let place = key.place(&alice, here);
        assert_eq!(place, key.place(&alice, here));
        assert!(!place.contains("alice") && !place.contains("192"));
        for other in [
            key.place(&alice, there),
            key.place(&bobby, here),
            other_key.place(&alice, here),
        ] {
            assert_ne!(place, other);
        }
    }
}
