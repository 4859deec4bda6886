//! The identity headers that the upstream trusts: their names and what they tell.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::edit::HeaderEdit;
use super::header_text::HeaderText;
use crate::token::{ClaimPath, VerifiedToken};

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

/// What an identity header tells of the caller.
#[derive(Debug, Clone, Copy)]
enum Told<'h> {
    Subject,
    Client,
    Scopes,
    Issuer,
    Claim(&'h ClaimPath),
}

impl Told<'_> {
    /// The entry of `identity_headers` that gives it this header.
    fn entry(self, name: &str) -> String {
        match self {
            Self::Subject => "subject".to_owned(),
            Self::Client => "client".to_owned(),
            Self::Scopes => "scopes".to_owned(),
            Self::Issuer => "issuer".to_owned(),
            Self::Claim(_) => format!("claims.{name}"),
        }
    }

    /// Whether this is the header that it has unless the file says otherwise.
    fn is_by_default(self, name: &str) -> bool {
        let default = IdentityHeaders::default();
        default.list().any(|(header, told)| {
            header == name && std::mem::discriminant(&told) == std::mem::discriminant(&self)
        })
    }

    fn of(self, caller: &VerifiedToken) -> Option<HeaderText<'_>> {
        match self {
            Self::Subject => Some(caller.subject().into()),
            Self::Client => caller.client().map(Into::into),
            // A proxy would drop an empty value, and leave the caller's own.
            Self::Scopes => Some(caller.scopes_text())
                .filter(|scopes| !scopes.is_empty())
                .map(Into::into),
            Self::Issuer => Some(caller.issuer().into()),
            Self::Claim(path) => caller.claim_at(path).and_then(HeaderText::of_claim),
        }
    }
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

/// A header name that cannot carry an identity, and the entry of `identity_headers` that has it.
#[derive(Debug, thiserror::Error)]
pub enum IdentityHeaderError {
    /// Not lower-case letters, digits and `-`.
    #[error(
        "`identity_headers`: `{name}` is not a valid header name: use lower-case letters, digits and `-`"
    )]
    Name { entry: String, name: String },
    /// Two values for one header.
    #[error(
        "`identity_headers`: `{name}` is the header of `{entry}` and of `{other}`{}: give each value its own \
         header", by_default(*other_is_default)
    )]
    Twice {
        entry: String,
        other: String,
        /// Whether the other entry need not be written in the file.
        other_is_default: bool,
        name: String,
    },
    /// A header that the proxy or the protocol needs for itself.
    #[error("`identity_headers`: `{name}` is reserved: choose a name such as `x-auth-subject`")]
    Reserved { entry: String, name: String },
}

impl IdentityHeaderError {
    /// The entry to change, such as `subject`, or `claims.x-tenant`.
    pub fn entry(&self) -> &str {
        match self {
            Self::Name { entry, .. } | Self::Twice { entry, .. } | Self::Reserved { entry, .. } => {
                entry
            }
        }
    }
}

fn by_default(is_default: bool) -> &'static str {
    if is_default { ", by default" } else { "" }
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
    /// The one list: each header with what it tells, in the order in which they are set. A field that
    /// is missing here does not compile; setting, removing and finding aliases follow from the list.
    fn list(&self) -> impl Iterator<Item = (&str, Told<'_>)> {
        // Taken apart without `..`: a new header that is forgotten here would neither be set nor be
        // removed from callers' requests, and it is the compiler that notices.
        let Self {
            subject,
            client,
            scopes,
            issuer,
            claims,
            from_caller: _,
        } = self;
        let fixed = [
            (subject, Told::Subject),
            (client, Told::Client),
            (scopes, Told::Scopes),
            (issuer, Told::Issuer),
        ];
        let claims = claims.iter().map(|(name, path)| (name, Told::Claim(path)));
        let all = fixed.into_iter().chain(claims);
        all.map(|(name, told)| (name.as_str(), told))
    }

    /// All names, in the order in which they are set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list().map(|(name, _)| name)
    }

    /// Sets what the token says of the caller. Every other header is removed, all of them where no
    /// token holds: otherwise the upstream would trust what callers say about themselves.
    pub(super) fn edits<'a>(
        &'a self,
        caller: Option<&'a VerifiedToken>,
    ) -> impl Iterator<Item = HeaderEdit<'a>> {
        let value = move |told: Told<'a>| told.of(caller?);
        self.list().map(move |(name, told)| match value(told) {
            Some(value) => HeaderEdit::Set { name, value },
            None => HeaderEdit::Remove { name },
        })
    }

    /// The [`likely_spellings`] of all names.
    pub(super) fn folded(&self) -> Vec<String> {
        self.names().flat_map(likely_spellings).collect()
    }

    pub fn validate(&self) -> Result<(), IdentityHeaderError> {
        let mut seen: BTreeMap<&str, Told<'_>> = BTreeMap::new();
        for (name, told) in self.list() {
            // Lower case, as HTTP/2 has it (RFC 9113 section 8.2.1), and no `_`, which proxies drop or
            // take for `-`.
            let plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if name.is_empty() || name.len() > 63 || !name.bytes().all(plain) {
                return Err(IdentityHeaderError::Name {
                    entry: told.entry(name),
                    name: name.to_owned(),
                });
            }
            if is_reserved_header(name) {
                return Err(IdentityHeaderError::Reserved {
                    entry: told.entry(name),
                    name: name.to_owned(),
                });
            }
            if let Some(earlier) = seen.insert(name, told) {
                return Err(twice(name, earlier, told));
            }
        }
        Ok(())
    }
}

/// Two entries with one header; the one to change is the one that the file names.
fn twice(name: &str, earlier: Told<'_>, later: Told<'_>) -> IdentityHeaderError {
    let (entry, other) = if later.is_by_default(name) {
        (earlier, later)
    } else {
        (later, earlier)
    };
    IdentityHeaderError::Twice {
        entry: entry.entry(name),
        other: other.entry(name),
        other_is_default: other.is_by_default(name),
        name: name.to_owned(),
    }
}

/// Whether a header, in lower case, has a meaning of its own for proxies or protocols.
pub fn is_reserved_header(name: &str) -> bool {
    RESERVED.contains(&name) || name.starts_with("x-envoy-") || name.starts_with("grpc-")
}

/// The spellings that servers most likely fold to this name, without the name itself: with `_` or `.`
/// for any `-`. Of a name with more than four `-` only those with the same character for all.
pub(super) fn likely_spellings(name: &str) -> Vec<String> {
    let parts: Vec<&str> = name.split('-').collect();
    let Some((first, others)) = parts.split_first() else {
        return Vec::new();
    };
    // Three to the power of the joints. Beyond four, only the spellings that frameworks make.
    if others.len() > 4 {
        return vec![name.replace('-', "_"), name.replace('-', ".")];
    }
    let mut spellings = vec![(*first).to_owned()];
    for part in others {
        spellings = spellings
            .iter()
            .flat_map(|before| ["-", "_", "."].map(|joint| [before, joint, part].concat()))
            .collect();
    }
    spellings.retain(|spelling| spelling != name);
    spellings
}
