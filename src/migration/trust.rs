//! What belongs into `trust` of the server's config, so that the policy's issuers are known there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::rc::Rc;

use crate::token::Algorithm;
use crate::yaml::{flow_list, scalar};

/// The longest name of an issuer that is made here.
const MAX_NAME_BYTES: usize = 60;

/// An entry of `trust`.
#[derive(Debug, Clone)]
pub(super) struct TrustEntry {
    pub(super) name: Rc<str>,
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    /// Empty where the source does not say.
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) keys: Keys,
    /// Another header than `authorization`.
    pub(super) token_header: Option<String>,
    pub(super) leeway_seconds: Option<u64>,
    pub(super) max_lifetime_seconds: Option<u64>,
}

#[derive(Debug, Clone)]
pub(super) enum Keys {
    Uri(String),
    /// The source has the keys itself, or in a file.
    Elsewhere(String),
    /// Where the issuer's metadata say.
    Discovery,
}

impl TrustEntry {
    fn write(&self, text: &mut String) {
        let _ = writeln!(text, "  - name: {}", scalar(&self.name));
        let _ = writeln!(text, "    issuer: {}", scalar(&self.issuer));
        if self.audiences.is_empty() {
            text.push_str(
                "    audiences: [CHANGE-ME]  # the source checks none; say whose tokens are meant\n",
            );
        } else {
            let list = flow_list(self.audiences.iter().map(String::as_str));
            let _ = writeln!(text, "    audiences: {list}");
        }
        if self.algorithms.is_empty() {
            text.push_str(
                "    algorithms: [RS256]  # the source does not say; list what the issuer signs with\n",
            );
        } else {
            let list = flow_list(self.algorithms.iter().map(|algorithm| algorithm.name()));
            let _ = writeln!(text, "    algorithms: {list}");
        }
        match &self.keys {
            Keys::Uri(uri) => {
                let _ = writeln!(text, "    jwks_uri: {}", scalar(uri));
            }
            Keys::Elsewhere(where_from) => {
                let _ = writeln!(
                    text,
                    "    jwks_file: {}.jwks.json  # {where_from}",
                    self.name
                );
            }
            Keys::Discovery => text.push_str("    discovery: true\n"),
        }
        if let Some(header) = &self.token_header {
            let _ = writeln!(text, "    token_header: {}", scalar(header));
        }
        if let Some(seconds) = self.leeway_seconds {
            let _ = writeln!(text, "    leeway_seconds: {seconds}");
        }
        if let Some(seconds) = self.max_lifetime_seconds {
            let _ = writeln!(text, "    max_lifetime_seconds: {seconds}");
        }
    }
}

/// The section `trust`; nothing without entries.
pub(super) fn section(entries: &[TrustEntry]) -> Option<String> {
    if entries.is_empty() {
        return None;
    }
    let mut text = "trust:\n".to_owned();
    for entry in entries {
        entry.write(&mut text);
    }
    Some(text)
}

/// A name for `trust` like the one that the source has; each once.
pub(super) fn name(written: &str, known: &mut BTreeSet<Rc<str>>) -> Rc<str> {
    let mut name: String = written
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() || "._-".contains(character) {
                character
            } else {
                '-'
            }
        })
        .take(MAX_NAME_BYTES)
        .collect();
    if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        name.insert_str(0, "issuer");
    }
    let mut unique: Rc<str> = name.as_str().into();
    let mut number = 2;
    while !known.insert(Rc::clone(&unique)) {
        unique = format!("{name}-{number}").into();
        number += 1;
    }
    unique
}
