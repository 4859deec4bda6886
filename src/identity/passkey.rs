//! Passkeys: the two ceremonies of W3C Web Authentication Level 3, as a relying party checks them.
//!
//! [`Registration::verify`] is section 7.1, [`Assertion::verify`] section 7.2. Both are pure: that a challenge
//! is used once, that a credential id is nobody else's, and whose passkey it is, the store knows. What is
//! attested of an authenticator is not asked for, so the formats are `none` and the self attestation of
//! `packed`, which browsers pass on as well.

mod authenticator_data;
mod cbor;
mod client_data;
mod key;
mod party;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use key::{ALGORITHMS, PasskeyKey};
pub use party::RelyingParty;

use authenticator_data::AuthenticatorData;

/// Section 5.8.3: no longer id is made.
const MAX_CREDENTIAL_ID_BYTES: usize = 1023;

/// What a name of a passkey may have.
const MAX_NAME_CHARACTERS: usize = 64;

/// Random, for one ceremony.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Challenge(pub [u8; 32]);

/// What the authenticator calls a passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialId(Box<[u8]>);

/// What a user calls a passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyName(Box<str>);

/// Whether the authenticator must have checked that it is its owner, by a PIN, a finger or a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    Required,
    /// A password comes with it.
    Welcome,
}

/// Whether a passkey may exist on several devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backup {
    Never,
    Possible,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ceremony {
    Registration,
    Assertion,
}

/// What a browser sends that has made a passkey.
pub struct Registration<'a> {
    pub client_data: &'a [u8],
    pub attestation: &'a [u8],
}

/// What a browser sends that has used a passkey.
pub struct Assertion<'a> {
    pub client_data: &'a [u8],
    pub authenticator_data: &'a [u8],
    pub signature: &'a [u8],
}

/// A passkey that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPasskey {
    pub id: CredentialId,
    pub key: PasskeyKey,
    pub sign_count: u32,
    pub backup: Backup,
}

/// What of a passkey changes with its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasskeyUse {
    pub sign_count: u32,
    pub backup: Backup,
}

/// What is kept of a passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyState {
    pub key: PasskeyKey,
    pub sign_count: u32,
    pub backup: Backup,
}

/// Why a ceremony fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    #[error("the client data is not what browsers send")]
    ClientData,
    #[error("the client data is of another ceremony")]
    Ceremony,
    #[error("the client data has another challenge")]
    Challenge,
    #[error("the ceremony was on a page of another origin")]
    Origin,
    #[error("the ceremony was in a frame of another origin")]
    Framed,
    #[error("the attestation is malformed, or of a format that was not asked for")]
    Attestation,
    #[error("the authenticator data is malformed")]
    AuthenticatorData,
    #[error("the passkey is of another relying party")]
    RelyingParty,
    #[error("the authenticator saw nobody")]
    NobodyThere,
    #[error("the authenticator did not verify its user")]
    Unverified,
    #[error("the id of the passkey has no byte or more than {MAX_CREDENTIAL_ID_BYTES}")]
    CredentialId,
    #[error("the key is malformed, or of an algorithm that was not asked for")]
    Key,
    #[error("the signature is wrong")]
    Signature,
    #[error("the signature counter has not grown: there may be a copy of the passkey")]
    Counter,
    #[error("the passkey says something else of its backups than when it was made")]
    Backup,
}

/// A name that a passkey cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a passkey is one line of 1 to {MAX_NAME_CHARACTERS} characters")]
pub struct PasskeyNameError;

impl Registration<'_> {
    /// The passkey that was made for this challenge.
    pub fn verify(
        &self,
        party: &RelyingParty,
        challenge: &Challenge,
        verification: Verification,
    ) -> Result<NewPasskey, PasskeyError> {
        let ceremony = Ceremony::Registration;
        client_data::check(self.client_data, ceremony, challenge, party.origin())?;
        let malformed = PasskeyError::Attestation;
        let attestation = cbor::only(self.attestation).map_err(|_| malformed)?;
        let part = |name| attestation.named(name).ok_or(malformed);
        let (format, statement) = (part("fmt")?, part("attStmt")?);
        let bytes = part("authData")?.bytes().ok_or(malformed)?;
        let data = AuthenticatorData::read(bytes, party, verification)?;
        let (id, key) = data.credential.ok_or(malformed)?;
        match (format, statement.entries()) {
            (cbor::Item::Text("none"), Some(0)) => {}
            // Section 8.2, self attestation: the passkey vouches for itself.
            (cbor::Item::Text("packed"), Some(2)) => {
                let algorithm = statement.named("alg").and_then(cbor::Item::integer);
                let signature = statement.named("sig").and_then(cbor::Item::bytes);
                if algorithm != Some(key.algorithm()) {
                    return Err(malformed);
                }
                let signed = signed(bytes, self.client_data);
                key.verify(&signed, signature.ok_or(malformed)?)?;
            }
            _ => return Err(malformed),
        }
        if attestation.entries() != Some(3) {
            return Err(malformed);
        }
        Ok(NewPasskey {
            id,
            key,
            sign_count: data.sign_count,
            backup: data.backup,
        })
    }
}

impl Assertion<'_> {
    /// Whether this passkey was used for this challenge, and what changes with that.
    pub fn verify(
        &self,
        party: &RelyingParty,
        challenge: &Challenge,
        verification: Verification,
        passkey: &PasskeyState,
    ) -> Result<PasskeyUse, PasskeyError> {
        let ceremony = Ceremony::Assertion;
        client_data::check(self.client_data, ceremony, challenge, party.origin())?;
        let data = AuthenticatorData::read(self.authenticator_data, party, verification)?;
        // Section 6.1: only of a new passkey.
        if data.credential.is_some() {
            return Err(PasskeyError::AuthenticatorData);
        }
        if data.backup.is_possible() != passkey.backup.is_possible() {
            return Err(PasskeyError::Backup);
        }
        let signed = signed(self.authenticator_data, self.client_data);
        passkey.key.verify(&signed, self.signature)?;
        // Many count nothing and always say zero (section 6.1.1).
        let counts = data.sign_count > 0 || passkey.sign_count > 0;
        if counts && data.sign_count <= passkey.sign_count {
            return Err(PasskeyError::Counter);
        }
        Ok(PasskeyUse {
            sign_count: data.sign_count,
            backup: data.backup,
        })
    }
}

/// What authenticators sign.
fn signed(authenticator_data: &[u8], client_data: &[u8]) -> Vec<u8> {
    [authenticator_data, digest(&SHA256, client_data).as_ref()].concat()
}

impl Ceremony {
    fn name(self) -> &'static str {
        match self {
            Self::Registration => "webauthn.create",
            Self::Assertion => "webauthn.get",
        }
    }
}

impl Backup {
    fn is_possible(self) -> bool {
        self != Self::Never
    }

    /// As rows have it.
    pub fn number(self) -> i64 {
        match self {
            Self::Never => 0,
            Self::Possible => 1,
            Self::Done => 2,
        }
    }

    /// Reads what [`Backup::number`] wrote.
    pub fn of_number(number: i64) -> Option<Self> {
        [Self::Never, Self::Possible, Self::Done]
            .into_iter()
            .find(|backup| backup.number() == number)
    }
}

impl Challenge {
    /// As browsers get it: base64url.
    pub fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Reads what [`Challenge::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl CredentialId {
    pub fn new(bytes: &[u8]) -> Result<Self, PasskeyError> {
        if (1..=MAX_CREDENTIAL_ID_BYTES).contains(&bytes.len()) {
            Ok(Self(bytes.into()))
        } else {
            Err(PasskeyError::CredentialId)
        }
    }

    /// As rows, browsers and paths have it: base64url.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// Reads what [`CredentialId::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Self::new(&bytes).ok()
    }
}

impl PasskeyName {
    pub fn parse(text: &str) -> Result<Self, PasskeyNameError> {
        let text = text.trim();
        let fits = (1..=MAX_NAME_CHARACTERS).contains(&text.chars().count());
        if fits && !text.contains(char::is_control) {
            Ok(Self(text.into()))
        } else {
            Err(PasskeyNameError)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
