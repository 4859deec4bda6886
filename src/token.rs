//! Tokens: from the bytes of an `Authorization` header to a proof that every rule held.
//!
//! In reading order: [`Credential::read`] finds the one token of a request; [`Trust::verify`]
//! checks it against the rules and keys of the issuer that it names and makes the only
//! [`VerifiedToken`]s there are; [`Trust::recheck`] says whether such a proof still holds.
//! [`Revocable`] is what can be revoked of one. [`SigningKey`] is the other side: it issues
//! tokens. [`KeySchedule`] says which key does when.
//! Pure: no I/O, no clock, nothing global.
//!
//! jsonwebtoken does the cryptography and nothing else: header, claims, times and the choice of
//! the key are ours, because its own `decode` trusts more than RFC 7515, 7519 and 8725 allow.

mod algorithm;
mod bearer;
mod claim_rules;
mod claims;
mod credentials;
mod entries;
mod error;
mod fingerprint;
mod header;
mod issuer_rules;
mod json;
mod jwk;
mod jwks;
mod key;
mod key_file;
mod key_schedule;
mod key_set;
mod missing_key;
mod offence;
mod pem;
mod provider;
mod revocable;
mod secret;
mod signed;
mod signing_key;
mod token_type;
mod trust;
mod verified;

#[cfg(test)]
mod tests;

pub use algorithm::{Algorithm, AlgorithmError};
pub use bearer::{Credential, MAX_TOKEN_BYTES, TokenTextError, UnverifiedContent, UnverifiedToken};
pub use claim_rules::{ClaimPath, ClaimRules, RequiredClaim, WantedValue};
pub use credentials::Credentials;
pub use entries::{DuplicateIssuerError, MAX_TOKEN_HEADERS, entry_of};
pub use error::{Claim, TokenError, TokenErrorKind};
pub use issuer_rules::{DEFAULT_TOKEN_BYTES, IssuerIndex, IssuerRules};
pub use json::JwksError;
pub use jwk::JwkError;
pub use jwks::{MAX_JWKS_BYTES, MAX_KEYS, SkipReason, SkippedKey};
pub use key_file::{KeyFileModeError, MAX_KEY_FILE_BYTES, check_key_file_mode, secret_in_file};
pub use key_schedule::{
    JWKS_MAX_AGE_SECONDS, KEPT_BEYOND_SECONDS, KeyLife, KeySchedule, KeyState, MAX_PUBLISHED_KEYS,
    PUBLISHED_AHEAD_SECONDS,
};
pub use key_set::{KeySet, KeySetError};
pub use missing_key::{KeyHint, MissingKey};
pub use offence::{Offence, OffendingMember};
pub use provider::Provider;
pub use revocable::{
    GRANT_CLAIM, LogPosition, MAX_ROLES, Mark, OWNER_CLAIM, OWNER_ROLES_CLAIM, POSITION_CLAIM,
    ROLES_CLAIM, Revocable, RevocationTarget,
};
pub use secret::SecretError;
pub use signed::SignedToken;
pub use signing_key::{CryptographyError, KeyText, SigningKey, SigningKeyError, generate_key};
pub use token_type::TokenType;
pub use trust::{RecheckError, Trust};
pub use verified::VerifiedToken;
