//! What the authenticator says: authenticator data (W3C Web Authentication Level 3 section 6.1).

use super::cbor::{self, Item};
use super::{Backup, CredentialId, PasskeyError, PasskeyKey, RelyingParty, Verification};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;

/// The bits without a meaning are not looked at: later authenticators may have one for them.
pub(super) struct AuthenticatorData {
    pub(super) sign_count: u32,
    pub(super) backup: Backup,
    pub(super) credential: Option<(CredentialId, PasskeyKey)>,
}

impl AuthenticatorData {
    /// Reads it, and checks that it is for this relying party, that a user was there, and what else is
    /// asked of the user.
    pub(super) fn read(
        bytes: &[u8],
        party: &RelyingParty,
        verification: Verification,
    ) -> Result<Self, PasskeyError> {
        let malformed = PasskeyError::AuthenticatorData;
        let (party_digest, rest) = bytes.split_at_checked(32).ok_or(malformed)?;
        let (flags, rest) = rest.split_first().ok_or(malformed)?;
        let (count, rest) = rest.split_first_chunk().ok_or(malformed)?;
        let is_set = |flag| flags & flag != 0;
        if party_digest != party.digest() {
            return Err(PasskeyError::RelyingParty);
        }
        if !is_set(USER_PRESENT) {
            return Err(PasskeyError::NobodyThere);
        }
        if verification == Verification::Required && !is_set(USER_VERIFIED) {
            return Err(PasskeyError::Unverified);
        }
        let backup = match (is_set(BACKUP_ELIGIBLE), is_set(BACKED_UP)) {
            (false, false) => Backup::Never,
            (true, false) => Backup::Possible,
            (true, true) => Backup::Done,
            (false, true) => return Err(malformed),
        };
        let (credential, rest) = if is_set(HAS_CREDENTIAL) {
            let (credential, rest) = credential(rest)?;
            (Some(credential), rest)
        } else {
            (None, rest)
        };
        let rest = if is_set(HAS_EXTENSIONS) {
            match cbor::first(rest) {
                Ok((Item::Map(_), rest)) => rest,
                _ => return Err(malformed),
            }
        } else {
            rest
        };
        if !rest.is_empty() {
            return Err(malformed);
        }
        Ok(Self {
            sign_count: u32::from_be_bytes(*count),
            backup,
            credential,
        })
    }
}

/// Attested credential data (section 6.5.1), of which the model of the authenticator is not looked at.
fn credential(bytes: &[u8]) -> Result<((CredentialId, PasskeyKey), &[u8]), PasskeyError> {
    let malformed = PasskeyError::AuthenticatorData;
    let (_model, rest) = bytes.split_at_checked(16).ok_or(malformed)?;
    let (length, rest) = rest.split_first_chunk().ok_or(malformed)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (id, rest) = rest.split_at_checked(length).ok_or(malformed)?;
    let (_, after) = cbor::first(rest).map_err(|_| PasskeyError::Key)?;
    let key = rest.get(..rest.len() - after.len()).ok_or(malformed)?;
    Ok(((CredentialId::new(id)?, PasskeyKey::parse(key)?), after))
}
