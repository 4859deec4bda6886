//! What to do about a refused token: for the operator, who may know what a caller may not.

use std::fmt;

use serde_json::{Map, Value};

use super::id_token::{has_access_tokens, is_id_token};
use super::instant;
use crate::clock::UnixSeconds;
use crate::problem;
use crate::token::{
    Algorithm, Claim, ClaimPath, IssuerRules, MAX_TOKEN_BYTES, Provider, TokenError, entry_of,
};

/// What the advice depends on.
pub(in crate::cli) struct Fix<'a> {
    /// What the refused token claims; empty if it cannot be read.
    pub(in crate::cli) claims: &'a Map<String, Value>,
    /// The rules of the token's issuer, where they are known without the claims.
    pub(in crate::cli) entry: Option<&'a IssuerRules>,
    /// The rules of every trusted issuer.
    pub(in crate::cli) all: &'a [&'a IssuerRules],
    pub(in crate::cli) now: UnixSeconds,
}

impl Fix<'_> {
    /// One sentence.
    pub(in crate::cli) fn of(&self, error: TokenError) -> String {
        match error {
            TokenError::Parts => "a signed token is `header.claims.signature`; check that the whole \
                                  token was copied. One without a signature (`alg: none`) is never \
                                  accepted"
                .to_owned(),
            TokenError::Opaque => "ask the issuer for a JWT access token; many issue one only where \
                                   the request names the API, such as by `audience` at Auth0"
                .to_owned(),
            TokenError::Encrypted => "only signed tokens can be read: switch the encryption of \
                                      access tokens off at the issuer; at Auth0, name the API by \
                                      `audience`"
                .to_owned(),
            TokenError::TooLong => self.with_rules(|rules| {
                format!(
                    "the issuer's `max_token_bytes` is {}; raise it, up to {MAX_TOKEN_BYTES}, or \
                     have the issuer put less into its tokens",
                    rules.max_token_bytes
                )
            }),
            TokenError::Base64Url | TokenError::Json => {
                "check that the whole token was copied, without line breaks".to_owned()
            }
            TokenError::NotAnObject
            | TokenError::DuplicateMember
            | TokenError::TooDeep
            | TokenError::HeaderMember => {
                "the issuer must change how it writes its tokens".to_owned()
            }
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
                    "the issuer's `types` allow {}; {}",
                    quoted(&rules.types),
                    self.access_token_hint("check that this is an access token")
                )
            }),
            TokenError::Missing(Claim::Audience) => self.with_rules(|rules| self.no_audience(rules)),
            TokenError::Missing(Claim::Subject) => self.with_rules(no_subject),
            TokenError::Missing(claim) => format!("have the issuer set `{}`", claim.name()),
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
            TokenError::OtherHeader => self.with_rules(other_header),
            TokenError::OtherTrustDomain => self.with_rules(other_trust_domain),
            TokenError::WrongAudience => self.with_rules(|rules| self.other_audience(rules)),
            TokenError::RequirementNotMet => self.with_rules(|rules| self.unmet(rules)),
            TokenError::Expired => self.ask_for_another(),
            TokenError::Revoked => "ask for a new token; if none is issued, its user, app or role \
                                    was disabled or has lost scopes"
                .to_owned(),
            TokenError::NotYetValid | TokenError::IssuedInTheFuture => {
                format!("wait, or compare the clocks: it is {} here", self.now)
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
            TokenError::UnknownKey(_) => "compare `kid` with the issuer's JWKS; the log says which \
                                          keys were left out, and why"
                .to_owned(),
            TokenError::KeyOfAnotherAlgorithm => {
                "compare `alg` with that of the key in the issuer's JWKS; a key without `alg` serves \
                 the first of the issuer's `algorithms` that fits it"
                    .to_owned()
            }
            TokenError::TooManyKeysToTry => "have the issuer set `kid`".to_owned(),
            TokenError::WrongSignature => {
                "it was made with another key, or changed since; compare `kid` and the issuer's \
                 keys"
                    .to_owned()
            }
        }
    }

    /// The rules of the issuer that the token names.
    fn rules(&self) -> Option<&IssuerRules> {
        self.entry.or_else(|| entry_of(self.claims, self.all))
    }

    fn with_rules(&self, sentence: impl FnOnce(&IssuerRules) -> String) -> String {
        self.rules()
            .map_or_else(|| "compare it with the issuer's rules".to_owned(), sentence)
    }

    fn no_audience(&self, rules: &IssuerRules) -> String {
        let path = &rules.claims.audience;
        let instead = ["client_id", "azp"].into_iter();
        let mut instead = instead.filter(|name| self.claims.contains_key(*name));
        match instead.next() {
            Some(name) if path.only() == Some("aud") => format!(
                "have the issuer set `aud`, or set `audience_claim: {name}` if that claim says for \
                 whom the token is"
            ),
            Some(_) | None => format!("have the issuer set `{path}`"),
        }
    }

    fn other_audience(&self, rules: &IssuerRules) -> String {
        let path = &rules.claims.audience;
        let has = match path.find(self.claims) {
            Some(Value::Array(items)) if items.is_empty() => {
                format!("its `{path}` is an empty list")
            }
            Some(value) => format!("its `{path}` is {}", shown(value)),
            None => format!("it has no `{path}`"),
        };
        let audiences = quoted(&rules.audiences);
        format!(
            "{has}, and the issuer's `audiences` are {audiences}; ask the issuer for a token for this \
             service"
        )
    }

    fn unmet(&self, rules: &IssuerRules) -> String {
        let Some(required) = rules.claims.unmet(self.claims) else {
            return "compare it with the issuer's `require`".to_owned();
        };
        let wanted: Vec<_> = required.any_of.iter().map(ToString::to_string).collect();
        let (path, wanted) = (&required.path, wanted.join(" or "));
        let has = match path.find(self.claims) {
            None => "the token has no such claim".to_owned(),
            Some(value) => format!("the token has {}", shown(value)),
        };
        let hint = self.access_token_hint("");
        let separator = if hint.is_empty() { "" } else { "; " };
        format!("`require` asks for `{path}: {wanted}`, and {has}{separator}{hint}")
    }

    /// What to do with an ID token; `otherwise` if it is none.
    fn access_token_hint(&self, otherwise: &'static str) -> &'static str {
        let has_others = has_access_tokens(Provider::of_claims(self.claims));
        if is_id_token(self.claims) && has_others {
            "this is an ID token: send the access token instead"
        } else {
            otherwise
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
            Claim::Audience => self.with_rules(|rules| {
                let path = &rules.claims.audience;
                match path.find(self.claims) {
                    Some(Value::Array(items)) if items.is_empty() => self.other_audience(rules),
                    _ => format!("`{path}` must be a string or an array of strings"),
                }
            }),
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

fn no_subject(rules: &IssuerRules) -> String {
    let paths = paths(&rules.claims.subject);
    format!("have the issuer set {paths}, or list another claim under `claims: {{subject: [...]}}`")
}

/// A value of the token: a text as it is, anything else as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => problem::quoted(text),
        other => problem::quoted(&other.to_string()),
    }
}

fn other_header(rules: &IssuerRules) -> String {
    match rules.token_header() {
        Some(header) => format!("send it in the header `{header}`, without `Bearer`"),
        None => "send it as `Authorization: Bearer`".to_owned(),
    }
}

fn other_trust_domain(rules: &IssuerRules) -> String {
    let domain = rules.spiffe_trust_domain.as_deref().unwrap_or_default();
    format!("`sub` must begin with `spiffe://{domain}/`")
}

/// Claims as the configuration writes them.
fn paths(paths: &[ClaimPath]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| format!("`{path}`")).collect();
    paths.join(" or ")
}

pub(in crate::cli) fn quoted(texts: &[impl fmt::Display]) -> String {
    if texts.is_empty() {
        return "nothing".to_owned();
    }
    let quoted: Vec<_> = texts.iter().map(|text| format!("`{text}`")).collect();
    quoted.join(", ")
}
