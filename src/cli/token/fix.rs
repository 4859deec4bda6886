//! What to do about a refusal: for the operator, who may know what a caller may not.

use std::fmt;

use serde_json::{Map, Value};

use super::instant;
use crate::clock::UnixSeconds;
use crate::token::{Algorithm, Claim, ClaimPath, IssuerRules, MAX_TOKEN_BYTES, TokenError};

/// What the advice depends on.
pub(super) struct Fix<'a> {
    /// What the refused token claims; empty if it cannot be read.
    pub(super) claims: &'a Map<String, Value>,
    /// The rules of every trusted issuer.
    pub(super) all: &'a [&'a IssuerRules],
    pub(super) now: UnixSeconds,
}

impl Fix<'_> {
    /// One sentence.
    pub(super) fn of(&self, refusal: TokenError) -> String {
        match refusal {
            TokenError::Parts => "a signed token is `header.claims.signature`; check that it was \
                               copied as a whole"
                .to_owned(),
            TokenError::Opaque => {
                "ask the issuer for a JWT access token; many give one only where the \
                                API is named, such as with `audience` at Auth0"
                    .to_owned()
            }
            TokenError::Encrypted => {
                "only signed tokens are read: switch the encryption of access \
                                   tokens off at the issuer; at Auth0, name the API by `audience`"
                    .to_owned()
            }
            TokenError::TooLong => self.with_rules(|rules| {
                format!(
                    "the issuer's `max_token_bytes` is {}; raise it, up to {MAX_TOKEN_BYTES}, or \
                     have the issuer put less into its tokens",
                    rules.max_token_bytes
                )
            }),
            TokenError::Base64Url | TokenError::Json => {
                "check that it was copied as a whole, without line breaks".to_owned()
            }
            TokenError::NotAnObject
            | TokenError::DuplicateMember
            | TokenError::TooDeep
            | TokenError::HeaderMember => "whoever issues it must write it otherwise".to_owned(),
            TokenError::Extension => "ask the issuer for a plain signed token, without `crit`, \
                                   `b64`, `zip`, `enc` and `cty`"
                .to_owned(),
            TokenError::UnsupportedAlgorithm => {
                format!("sign it with one of {}", Algorithm::list(&Algorithm::ALL))
            }
            TokenError::AlgorithmNotAllowed => self.with_rules(|rules| {
                let algorithms = Algorithm::list(&rules.algorithms);
                format!("the issuer's `algorithms` allow {algorithms}")
            }),
            TokenError::TypeNotAccepted => self.with_rules(|rules| {
                format!(
                    "the issuer's `types` are {}; is it an access token?",
                    quoted(&rules.types)
                )
            }),
            TokenError::Missing(claim) => format!("the issuer must set `{}`", claim.name()),
            TokenError::Unacceptable(claim) => self.unacceptable(claim),
            TokenError::UnknownIssuer => {
                let issuers: Vec<_> = self.all.iter().map(|rules| rules.issuer.clone()).collect();
                format!("`trust` lists {}; every character counts", quoted(&issuers))
            }
            TokenError::OtherIssuer => self.with_rules(|rules| {
                format!(
                    "add `{}` to the `issuers` of the route or of the policy, if its tokens are to \
                     count there",
                    rules.name
                )
            }),
            TokenError::WrongAudience => self.with_rules(|rules| {
                format!("the issuer's `audiences` are {}", quoted(&rules.audiences))
            }),
            TokenError::RequirementNotMet => self.with_rules(|rules| self.unmet(rules)),
            TokenError::Expired => self.ask_for_another(),
            TokenError::Revoked => {
                "ask for a new token; if there is none to be had, its user, app or \
                                 role was disabled or has lost scopes"
                    .to_owned()
            }
            TokenError::NotYetValid | TokenError::IssuedInTheFuture => {
                format!(
                    "wait, or compare the clocks: it is {} here",
                    instant::written(self.now)
                )
            }
            TokenError::LivesTooLong => self.with_rules(|rules| {
                let longest = instant::length(rules.max_lifetime_seconds);
                format!("the issuer's `max_lifetime_seconds` allow {longest}")
            }),
            TokenError::SenderConstrained => {
                "ask the issuer for a plain bearer token, without `cnf`".to_owned()
            }
            TokenError::KeysNotLoaded(_) => "the issuer's JWKS has not been read".to_owned(),
            TokenError::RevocationsStale => "the issuer's feed is not connected".to_owned(),
            TokenError::UnknownKey(_) => {
                "compare `kid` with the issuer's JWKS; the log says which \
                                       keys were left out, and why"
                    .to_owned()
            }
            TokenError::KeyOfAnotherAlgorithm => {
                "compare `alg` with that of the key in the issuer's JWKS".to_owned()
            }
            TokenError::TooManyKeysToTry => "the issuer must set `kid`".to_owned(),
            TokenError::WrongSignature => {
                "it was made with another key, or changed since; compare `kid` and the issuer's \
                 keys"
                    .to_owned()
            }
        }
    }

    /// The rules of the issuer that the token names.
    fn rules(&self) -> Option<&IssuerRules> {
        let issuer = self.claims.get("iss")?.as_str()?;
        self.all
            .iter()
            .copied()
            .find(|rules| *rules.issuer == *issuer)
    }

    fn with_rules(&self, sentence: impl FnOnce(&IssuerRules) -> String) -> String {
        self.rules()
            .map_or_else(|| "compare it with the issuer's rules".to_owned(), sentence)
    }

    fn unmet(&self, rules: &IssuerRules) -> String {
        let Some(required) = rules.claims.unmet(self.claims) else {
            return "compare it with the issuer's `require`".to_owned();
        };
        let wanted: Vec<_> = required.any_of.iter().map(ToString::to_string).collect();
        let wanted = wanted.join(" or ");
        match required.path.find(self.claims) {
            None => format!(
                "`require` asks for `{}: {wanted}`, and the token has no such claim",
                required.path
            ),
            Some(_) => format!(
                "`require` asks for `{}: {wanted}`, and the token's is another",
                required.path
            ),
        }
    }

    fn ask_for_another(&self) -> String {
        let expired = self
            .claims
            .get("exp")
            .and_then(Value::as_i64)
            .map(UnixSeconds);
        let when = expired
            .map(|instant| format!(" (it expired {})", instant::distance(instant, self.now)))
            .unwrap_or_default();
        format!("ask for a new token{when}")
    }

    fn unacceptable(&self, claim: Claim) -> String {
        match claim {
            Claim::Issuer => "`iss` must be a string".to_owned(),
            Claim::Audience => "`aud` must be a string or an array of strings".to_owned(),
            Claim::ExpiresAt | Claim::NotBefore | Claim::IssuedAt => {
                format!("`{}` must be a number of seconds since 1970", claim.name())
            }
            Claim::Subject => self.with_rules(|rules| {
                format!(
                    "{} must be a string of 1 to 1024 bytes without control characters and outer \
                     spaces",
                    paths(&rules.claims.subject)
                )
            }),
        }
    }
}

/// Claims as the configuration writes them.
fn paths(paths: &[ClaimPath]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| format!("`{path}`")).collect();
    paths.join(" or ")
}

fn quoted(texts: &[impl fmt::Display]) -> String {
    if texts.is_empty() {
        return "nothing".to_owned();
    }
    let quoted: Vec<_> = texts.iter().map(|text| format!("`{text}`")).collect();
    quoted.join(", ")
}
