//! `issuer.passkeys`: for which host passkeys are made, and who must have one.

use serde::Deserialize;

use crate::identity::{RelyingParty, RequiredFor};
use crate::problem::Faults;

/// For whom passkeys are made, and who must have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeySettings {
    /// The issuer as browsers and authenticators know it; none where there are no passkeys for its URL.
    pub party: Option<RelyingParty>,
    pub required_for: RequiredFor,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PasskeysDocument {
    required_for: String,
}

impl Default for PasskeysDocument {
    fn default() -> Self {
        Self {
            required_for: "nobody".to_owned(),
        }
    }
}

impl PasskeysDocument {
    /// `url` is the issuer's.
    pub(super) fn build(&self, url: &str, faults: &mut Faults) -> Option<PasskeySettings> {
        const KEY: &str = "issuer.passkeys.required_for";
        let party = RelyingParty::of_issuer(url);
        let wanted = &self.required_for;
        let required_for =
            match wanted.as_str() {
                "nobody" => RequiredFor::Nobody,
                "administrators" => RequiredFor::Administrators,
                _ => {
                    faults.add(KEY, format!(
                    "`{KEY}: {wanted}` is not a valid value: write `nobody` or `administrators`"
                ));
                    return None;
                }
            };
        if required_for != RequiredFor::Nobody && party.is_none() {
            faults.add(KEY, format!(
                "`{KEY}: {wanted}` cannot be met, because no browser makes passkeys for `issuer.url: {url}`: give \
                 the issuer a host name and `https://`, or remove this key"
            ));
        }
        Some(PasskeySettings {
            party,
            required_for,
        })
    }
}
