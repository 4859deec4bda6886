//! What is said to the browser's interface for passkeys, and what comes back in a field of a form.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ticket::{SECONDS, Ticket};
use crate::identity::{
    Assertion, Challenge, CredentialId, NewPasskey, PASSKEY_ALGORITHMS, Registration, RelyingParty,
    User, Verification,
};
use crate::issuer::credentials::PresentedPasskey;
use crate::issuer::http::pages::form::PageForm;
use crate::store::StoredPasskey;

/// What the script sends that has made a passkey, each in base64url.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenRegistration {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
}

/// The same of one that has used a passkey.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenAssertion {
    id: String,
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    /// Absent from authenticators that do not know whose it is.
    user_handle: Option<String>,
}

/// A passkey that was made.
struct SentRegistration {
    client_data: Vec<u8>,
    attestation: Vec<u8>,
}

/// A passkey that was used.
pub(super) struct SentAssertion {
    id: CredentialId,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
    user_handle: Option<String>,
}

/// The passkey that a form brings, if it was made here and for this challenge.
pub(super) fn new_passkey(
    party: &RelyingParty,
    form: &PageForm,
    challenge: &Challenge,
) -> Option<NewPasskey> {
    let sent = SentRegistration::parse(form.text("response"))?;
    let registration = Registration {
        client_data: &sent.client_data,
        attestation: &sent.attestation,
    };
    registration
        .verify(party, challenge, Verification::Welcome)
        .inspect_err(|error| tracing::info!(%error, "a new passkey was refused"))
        .ok()
}

impl SentRegistration {
    fn parse(text: &str) -> Option<Self> {
        let written: WrittenRegistration = serde_json::from_str(text).ok()?;
        Some(Self {
            client_data: bytes(&written.client_data)?,
            attestation: bytes(&written.attestation_object)?,
        })
    }
}

impl SentAssertion {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let written: WrittenAssertion = serde_json::from_str(text).ok()?;
        let handle = written.user_handle.filter(|handle| !handle.is_empty());
        let handle = handle.map(|handle| String::from_utf8(bytes(&handle)?).ok());
        let user_handle = match handle {
            Some(None) => return None,
            Some(handle) => handle,
            None => None,
        };
        Some(Self {
            id: CredentialId::from_text(&written.id)?,
            client_data: bytes(&written.client_data)?,
            authenticator_data: bytes(&written.authenticator_data)?,
            signature: bytes(&written.signature)?,
            user_handle,
        })
    }

    pub(super) fn presented(&self) -> PresentedPasskey<'_> {
        PresentedPasskey {
            id: self.id.clone(),
            assertion: Assertion {
                client_data: &self.client_data,
                authenticator_data: &self.authenticator_data,
                signature: &self.signature,
            },
            user_handle: self.user_handle.as_deref(),
        }
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn challenge(ticket: &Ticket) -> String {
    let challenge = ticket.challenge().map(Challenge::to_text);
    challenge.unwrap_or_default()
}

fn described(passkeys: &[StoredPasskey]) -> Vec<Value> {
    let ids = passkeys.iter().map(|passkey| passkey.id.to_text());
    ids.map(|id| json!({"type": "public-key", "id": id}))
        .collect()
}

/// `PublicKeyCredentialCreationOptions` (W3C Web Authentication Level 3 section 5.4).
pub(super) fn creation(
    ticket: &Ticket,
    party: &RelyingParty,
    title: &str,
    user: &User,
    passkeys: &[StoredPasskey],
) -> String {
    let algorithms = PASSKEY_ALGORITHMS.map(|alg| json!({"type": "public-key", "alg": alg}));
    let name = user.username.as_str();
    let options = json!({
        "challenge": challenge(ticket),
        "rp": {"id": party.id(), "name": title},
        "user": {"id": URL_SAFE_NO_PAD.encode(user.id.as_str()), "name": name, "displayName": name},
        "pubKeyCredParams": algorithms,
        "timeout": SECONDS * 1000,
        "excludeCredentials": described(passkeys),
        "authenticatorSelection": {"residentKey": "preferred", "userVerification": "preferred"},
        "attestation": "none",
    });
    options.to_string()
}

/// `PublicKeyCredentialRequestOptions` (section 5.5). Without passkeys the user chooses whoever it is.
pub(super) fn request(ticket: &Ticket, party: &RelyingParty, passkeys: &[StoredPasskey]) -> String {
    let verification = match ticket.purpose.verification() {
        Verification::Required => "required",
        Verification::Welcome => "preferred",
    };
    let options = json!({
        "challenge": challenge(ticket),
        "rpId": party.id(),
        "timeout": SECONDS * 1000,
        "allowCredentials": described(passkeys),
        "userVerification": verification,
    });
    options.to_string()
}
