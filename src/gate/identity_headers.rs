//! The identity headers that the upstream believes: their names, and who else tries to set them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::token::ClaimPath;

/// The headers that tell the upstream who calls.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityHeaders {
    /// `sub`.
    pub subject: String,
    /// `client_id`.
    pub client: String,
    /// The scopes, separated by spaces.
    pub scopes: String,
    /// `iss`.
    pub issuer: String,
    /// Further headers, each with the claim that it carries: a text, an integer, a boolean, or an
    /// array of these, with commas in between.
    pub claims: BTreeMap<String, ClaimPath>,
    /// What becomes of a request to which its caller has added such a header.
    pub from_caller: FromCaller,
}

/// What becomes of a request in which the caller sent an identity header of its own, under any
/// spelling that an upstream could take for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromCaller {
    /// It is judged, and the answer asks the proxy to remove the header.
    #[default]
    Remove,
    /// It is refused, which holds even where the proxy removes nothing.
    Refuse,
}

impl Default for IdentityHeaders {
    fn default() -> Self {
        Self {
            subject: "x-auth-subject".to_owned(),
            client: "x-auth-client".to_owned(),
            scopes: "x-auth-scopes".to_owned(),
            issuer: "x-auth-issuer".to_owned(),
            claims: BTreeMap::new(),
            from_caller: FromCaller::default(),
        }
    }
}

/// A header name that cannot carry an identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityHeaderError {
    /// Not lower-case letters, digits and `-`.
    #[error(
        "`identity_headers`: `{0}` cannot be a header name: use lower-case letters, digits and `-`"
    )]
    Name(String),
    /// Two values for one header.
    #[error("`identity_headers`: `{0}` is named twice: give each value a header of its own")]
    Twice(String),
    /// A header that the proxy or the protocol needs for itself.
    #[error(
        "`identity_headers`: `{0}` has a meaning of its own: choose a name such as `x-auth-subject`"
    )]
    Reserved(String),
}

const RESERVED: [&str; 12] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-authorization",
    "keep-alive",
];

impl IdentityHeaders {
    /// All names, in the order in which they are set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [&self.subject, &self.client, &self.scopes, &self.issuer]
            .into_iter()
            .chain(self.claims.keys())
            .map(String::as_str)
    }

    /// The spellings that servers most likely fold to one of the names, without the names
    /// themselves: with `_` or `.` for any `-`. Of a name with more than four `-` only those with the
    /// same character for all.
    pub fn folded(&self) -> Vec<String> {
        let mut folded = Vec::new();
        for name in self.names() {
            let parts: Vec<&str> = name.split('-').collect();
            let Some((first, others)) = parts.split_first() else {
                continue;
            };
            if others.len() > 4 {
                folded.extend([name.replace('-', "_"), name.replace('-', ".")]);
                continue;
            }
            let mut spellings = vec![(*first).to_owned()];
            for part in others {
                spellings = spellings
                    .iter()
                    .flat_map(|before| ["-", "_", "."].map(|joint| [before, joint, part].concat()))
                    .collect();
            }
            folded.extend(spellings.into_iter().filter(|spelling| spelling != name));
        }
        folded
    }

    /// Checks the names.
    pub fn validate(&self) -> Result<(), IdentityHeaderError> {
        let mut seen = std::collections::BTreeSet::new();
        for name in self.names() {
            let plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if name.is_empty() || name.len() > 63 || !name.bytes().all(plain) {
                return Err(IdentityHeaderError::Name(name.to_owned()));
            }
            if RESERVED.contains(&name) || name.starts_with("x-envoy-") || name.starts_with("grpc-")
            {
                return Err(IdentityHeaderError::Reserved(name.to_owned()));
            }
            if !seen.insert(name) {
                return Err(IdentityHeaderError::Twice(name.to_owned()));
            }
        }
        Ok(())
    }
}

/// Finds the names under which a caller may have sent an identity header of its own: any case, and
/// for `-` whatever is neither letter nor digit. Most upstreams that fold names fold `_` or `.`;
/// what hands headers over as environment variables, as CGI does, may fold all of `!#$%&'*+^|~`.
#[derive(Debug)]
pub struct AliasFinder {
    names: Box<[Box<[u8]>]>,
    /// Bit `n` is set where a name has `n` bytes: most headers end at this test.
    lengths: u64,
    from_caller: FromCaller,
}

impl AliasFinder {
    /// A finder for the headers of `identity`.
    pub fn new(identity: &IdentityHeaders) -> Self {
        let names: Box<[Box<[u8]>]> = identity
            .names()
            .map(|name| name.as_bytes().into())
            .collect();
        let lengths = names.iter().fold(0, |bits, name| bits | length_bit(name));
        Self {
            names,
            lengths,
            from_caller: identity.from_caller,
        }
    }

    /// What becomes of a request with such a name.
    pub fn from_caller(&self) -> FromCaller {
        self.from_caller
    }

    /// Whether an upstream could take `name` for an identity header.
    pub fn is_alias(&self, name: &[u8]) -> bool {
        self.lengths & length_bit(name) != 0
            && self.names.iter().any(|identity| folds_to(name, identity))
    }

    /// Whether `name` is exactly an identity header, which the answer overwrites or removes anyway.
    pub fn is_exact(&self, name: &[u8]) -> bool {
        self.names.iter().any(|identity| **identity == *name)
    }
}

/// Zero for names longer than any identity header.
fn length_bit(name: &[u8]) -> u64 {
    u32::try_from(name.len())
        .ok()
        .and_then(|length| 1_u64.checked_shl(length))
        .unwrap_or(0)
}

fn folds_to(name: &[u8], identity: &[u8]) -> bool {
    name.len() == identity.len()
        && name.iter().zip(identity).all(|(&byte, &wanted)| {
            byte.to_ascii_lowercase() == wanted
                || (wanted == b'-' && byte.is_ascii() && !byte.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likely_spellings_all_fold_to_an_identity_header() {
        let identity = IdentityHeaders {
            claims: [("x-a-b-c-d-e".to_owned(), ClaimPath::named("a"))].into(),
            ..IdentityHeaders::default()
        };
        let finder = AliasFinder::new(&identity);
        let folded = identity.folded();
        // Nine spellings of each name with two dashes but the name itself.
        assert_eq!(folded.len(), 4 * 8 + 2);
        for spelling in &folded {
            assert!(finder.is_alias(spelling.as_bytes()), "{spelling}");
            assert!(!finder.is_exact(spelling.as_bytes()), "{spelling}");
        }
        for spelling in ["x_auth_subject", "x-auth.issuer", "x_a_b_c_d_e"] {
            assert!(folded.iter().any(|one| one == spelling), "{spelling}");
        }
    }

    #[test]
    fn every_spelling_that_folds_to_an_identity_header_is_found() {
        let finder = AliasFinder::new(&IdentityHeaders::default());
        for name in [
            "x-auth-subject",
            "X-AUTH-Subject",
            "x_auth_subject",
            "x.auth.subject",
            "x-auth_client",
            "x!auth~scopes",
            "x auth issuer",
        ] {
            assert!(finder.is_alias(name.as_bytes()), "{name}");
        }
        for name in [
            "",
            "x-auth-subjec",
            "x-auth-subject-",
            "xxauthxsubject",
            "x-auth-realm",
        ] {
            assert!(!finder.is_alias(name.as_bytes()), "{name}");
        }
        assert!(!finder.is_alias(b"x\xffauth-subject"));
        assert!(!finder.is_alias("x-auth-subject".repeat(100).as_bytes()));
    }
}
