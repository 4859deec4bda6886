//! The sections `trust` and `issuer`: whose tokens are trusted, and the issuer in this process that is one of them.

use std::path::Path;

use super::issuer::{self, IssuerDocument, IssuerSettings};
use crate::gate::{AliasFinder, IdentityHeaders};
use crate::keyring::{TrustedIssuer, TrustedIssuerDocument, trusted_issuers};
use crate::problem::Faults;

/// Both sections, as far as they could be built.
pub(super) struct Issuers {
    pub(super) trust: Vec<TrustedIssuer>,
    /// `None` also where the section is wrong.
    pub(super) companion: Option<IssuerSettings>,
    is_trust_whole: bool,
    is_companion_written: bool,
}

impl Issuers {
    pub(super) fn build(
        trust: Vec<TrustedIssuerDocument>,
        companion: Option<IssuerDocument>,
        base: &Path,
        faults: &mut Faults,
    ) -> Self {
        let entries = trust.len();
        let trust = trusted_issuers(trust, base, faults);
        Self {
            is_trust_whole: trust.len() == entries,
            trust,
            is_companion_written: companion.is_some(),
            companion: companion.and_then(|issuer| issuer::build(issuer, base, faults)),
        }
    }

    /// Whether `trust` has every entry that is written, so that its positions are those of the file.
    pub(super) fn is_trust_whole(&self) -> bool {
        self.is_trust_whole
    }

    /// Whether the file has the section `issuer`, right or wrong.
    pub(super) fn is_companion_written(&self) -> bool {
        self.is_companion_written
    }

    /// What the sections must have in common, and what `identity_headers` must leave to them.
    pub(super) fn check(&self, identity: &IdentityHeaders, faults: &mut Faults) {
        // Faults name entries by their positions, and without those that are wrong the others have moved up.
        if !self.is_trust_whole {
            return;
        }
        check_token_headers(&self.trust, identity, faults);
        // What is wrong in the section is said already; what relies on it cannot be checked.
        if self.companion.is_some() == self.is_companion_written {
            issuer::check_companions(&self.trust, self.companion.as_ref(), faults);
        }
    }
}

/// A header cannot hold a token of the caller's and be set to tell who the caller is.
fn check_token_headers(trust: &[TrustedIssuer], identity: &IdentityHeaders, faults: &mut Faults) {
    let finder = AliasFinder::new(identity, &[]);
    for (position, issuer) in trust.iter().enumerate() {
        let header = issuer.rules.token_header();
        if let Some(header) = header.filter(|header| finder.is_alias(header.as_bytes())) {
            faults.add(format!("trust[{position}].token_header"), format!(
                "`trust[{position}].token_header: {header}` is one of `identity_headers`: give one of \
                 them another name"
            ));
        }
    }
}
