//! What policy, logs and metrics call the trusted issuers.

use std::collections::BTreeMap;

use super::TrustedIssuerDocument;
use crate::problem::Faults;

const MAX_NAME_BYTES: usize = 64;

/// A name for each entry: its `name`, else the host of its `issuer`. With more than one entry the
/// names have to tell them apart.
pub(super) fn of(documents: &[TrustedIssuerDocument], faults: &mut Faults) -> Vec<Box<str>> {
    let mut first_of: BTreeMap<&str, usize> = BTreeMap::new();
    let mut names = Vec::with_capacity(documents.len());
    for (position, document) in documents.iter().enumerate() {
        let host = host(&document.issuer);
        let name = document.name.as_deref().unwrap_or(host);
        let key = format!("trust[{position}]");
        if document.name.is_some() && !is_name(name) {
            faults.add(format!("{key}.name"), format!(
                "`{key}.name: {name}` cannot be used: write 1 to {MAX_NAME_BYTES} letters, digits, \
                 `.`, `_` or `-`"
            ));
        }
        let needs_name = documents.len() > 1 && document.name.is_none();
        if needs_name && !is_name(name) {
            faults.add(
                &*key,
                format!(
                    "`{key}` (issuer `{}`) needs a `name` for the policy's `issuers`, such as \
                 `name: staff`: its `issuer` has no host that could be used instead",
                    document.issuer
                ),
            );
        } else if let Some(first) = first_of.get(name) {
            let message = format!(
                "`{key}` (issuer `{}`) has the name of `trust[{first}]`, `{name}`: give one of them \
                 another by `name`",
                document.issuer
            );
            let other = (format!("trust[{first}].name"), "the other entry");
            faults.add_with(format!("{key}.name"), message, other);
        } else {
            first_of.insert(name, position);
        }
        names.push(name.into());
    }
    names
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(plain)
}

/// The host of a URL; what is none stays as it is.
fn host(issuer: &str) -> &str {
    let Some((_, rest)) = issuer.split_once("://") else {
        return issuer;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}
