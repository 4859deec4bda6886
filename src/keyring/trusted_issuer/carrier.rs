//! `token_header` and `spiffe_trust_domain`, as they are written: where an issuer's tokens are, and which of
//! them name no issuer.

use std::collections::BTreeSet;

use super::TrustedIssuer;
use crate::gate::is_reserved_header;
use crate::problem::Faults;
use crate::token::{DuplicateIssuerError, MAX_TOKEN_HEADERS};

/// The longest trust domain (SPIFFE ID standard, section 2.1).
const MAX_TRUST_DOMAIN_BYTES: usize = 255;

/// The header that holds the tokens, if it is not `Authorization`.
pub(super) fn token_header(
    key: &str,
    written: Option<String>,
    faults: &mut Faults,
) -> Option<Box<str>> {
    let written = written?;
    let name = written.to_ascii_lowercase();
    if name == "authorization" {
        return None;
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = (1..=63).contains(&name.len()) && name.bytes().all(plain);
    if !is_name || is_reserved_header(&name) {
        faults.add(format!("{key}.token_header"), format!(
            "`{key}.token_header: {written}` cannot hold tokens: name the header into which the proxy \
             puts them, such as `x-goog-iap-jwt-assertion`"
        ));
    }
    Some(name.into())
}

/// The trust domain, if it can be one.
pub(super) fn trust_domain(
    key: &str,
    written: Option<String>,
    faults: &mut Faults,
) -> Option<Box<str>> {
    let domain = written?;
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    let fits = (1..=MAX_TRUST_DOMAIN_BYTES).contains(&domain.len());
    if !fits || !domain.bytes().all(plain) {
        faults.add(
            format!("{key}.spiffe_trust_domain"),
            format!(
                "`{key}.spiffe_trust_domain: {domain}` is not a trust domain: write it without \
             `spiffe://`, such as `shop.example`"
            ),
        );
    }
    Some(domain.into())
}

/// Whether the entries can be told apart, and the headers be read.
pub(super) fn check(issuers: &[TrustedIssuer], faults: &mut Faults) {
    for (position, issuer) in issuers.iter().enumerate() {
        let mut earlier = issuers.iter().take(position).enumerate();
        let error = earlier.find_map(|(first, other)| {
            // Of two entries for the same tokens, which one counted would depend on their order, and so
            // would the keys and rules.
            let error = DuplicateIssuerError::between(&other.rules, &issuer.rules)?;
            Some((first, error))
        });
        if let Some((first, error)) = error {
            faults.add_with(
                format!("trust[{position}]"),
                format!("`trust[{position}]` and `trust[{first}]`: {error}"),
                (format!("trust[{first}]"), "the other entry"),
            );
        }
    }
    let headers = issuers
        .iter()
        .filter_map(|issuer| issuer.rules.token_header());
    let headers: BTreeSet<&str> = headers.collect();
    if headers.len() > MAX_TOKEN_HEADERS {
        faults.add("trust", format!(
            "`trust` names {} different headers under `token_header`: at most {MAX_TOKEN_HEADERS} are \
             read",
            headers.len()
        ));
    }
}
