//! Which refresh token follows on which.

use std::fmt;

use aws_lc_rs::hmac;

use super::secret::PlainSecret;

/// The key by which the issuers of a store derive the successor of a refresh token. So a token
/// that is presented again, because the answer was lost or several callers use it at once, has one
/// successor and no other, and that is kept nowhere in clear. Neither the key nor the token alone
/// tells the successor.
pub struct SuccessorKey(hmac::Key);

impl SuccessorKey {
    /// The key that is made of a secret.
    pub fn new(secret: &PlainSecret) -> Self {
        Self(hmac::Key::new(
            hmac::HMAC_SHA256,
            secret.reveal().as_bytes(),
        ))
    }

    /// The token that follows on `token`: as hard to guess as it, without the key.
    pub fn successor_of(&self, token: &PlainSecret) -> PlainSecret {
        let tag = hmac::sign(&self.0, token.reveal().as_bytes());
        let mut bytes = [0; 32];
        for (slot, byte) in bytes.iter_mut().zip(tag.as_ref()) {
            *slot = *byte;
        }
        PlainSecret::from_random(bytes)
    }
}

impl fmt::Debug for SuccessorKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SuccessorKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_one_successor_under_a_key() {
        let keys = ["a", "b"].map(|key| SuccessorKey::new(&PlainSecret::claimed(key)));
        let next = |key: usize, token: &str| {
            let next = keys[key].successor_of(&PlainSecret::claimed(token));
            next.reveal().to_owned()
        };
        assert_eq!(next(0, "token"), next(0, "token"));
        let length = PlainSecret::from_random([1; 32]).reveal().len();
        assert_eq!(next(0, "token").len(), length);
        let different = [
            next(0, "token"),
            next(1, "token"),
            next(0, "other"),
            next(0, &next(0, "token")),
        ];
        let distinct: std::collections::HashSet<&String> = different.iter().collect();
        assert_eq!(distinct.len(), different.len());
    }
}
