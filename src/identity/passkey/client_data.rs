//! What the browser says of a ceremony: `CollectedClientData` (W3C Web Authentication Level 3 section 5.8.1).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Ceremony, Challenge, PasskeyError};

/// Members that are not known here are allowed by the standard, and tell nothing.
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
    #[serde(rename = "topOrigin", default)]
    top_origin: Option<IgnoredAny>,
}

/// Checks what a browser says: the ceremony, the challenge, and that a page of ours asked for it, in no
/// frame of another site (sections 7.1 and 7.2, steps of `C`).
pub(super) fn check(
    bytes: &[u8],
    ceremony: Ceremony,
    challenge: &Challenge,
    origin: &str,
) -> Result<(), PasskeyError> {
    let data: ClientData = serde_json::from_slice(bytes).map_err(|_| PasskeyError::ClientData)?;
    if data.kind != ceremony.name() {
        return Err(PasskeyError::Ceremony);
    }
    let sent = URL_SAFE_NO_PAD
        .decode(&data.challenge)
        .map_err(|_| PasskeyError::Challenge)?;
    verify_slices_are_equal(&sent, &challenge.0).map_err(|_| PasskeyError::Challenge)?;
    if data.origin != origin {
        return Err(PasskeyError::Origin);
    }
    if data.cross_origin || data.top_origin.is_some() {
        return Err(PasskeyError::Framed);
    }
    Ok(())
}
