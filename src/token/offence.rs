//! What a refused token says where it is wrong: for logs and explanations, never for a decision.

use serde_json::{Map, Value};

use super::error::{Claim, TokenError};
use super::issuer_rules::IssuerRules;
use crate::labels::closed_set;

closed_set! {
    /// A member of a token's header or claims that can be the reason of a refusal, by its usual name.
    pub enum OffendingMember {
        Issuer = "iss",
        Audience = "aud",
        KeyId = "kid",
        Algorithm = "alg",
        Type = "typ",
        /// Not a member, but which of `require` it does not meet. What it has instead is left out: it may be an
        /// address or a name.
        Requirement = "requirement",
        /// Not a member either: how long it would be valid, and how long it may be.
        Lifetime = "lifetime",
    }
}

/// What is known of a token that was refused. Nothing about it is proven: whoever sent it may have
/// written anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offence<'t> {
    /// The rules of the entry in `trust` that the token belongs to.
    pub issuer: Option<&'t IssuerRules>,
    /// The member that is wrong, and its value as text; of any length.
    pub member: Option<(OffendingMember, String)>,
}

/// The member that a token was refused for, if it has one.
pub(super) fn offending(
    header: &Map<String, Value>,
    claims: &Map<String, Value>,
    issuer: Option<&IssuerRules>,
    error: TokenError,
) -> Option<(OffendingMember, String)> {
    match error {
        TokenError::RequirementNotMet => {
            let unmet = unmet(claims, issuer?)?;
            return Some((OffendingMember::Requirement, unmet));
        }
        TokenError::LivesTooLong => {
            let longest = issuer?.max_lifetime_seconds;
            let bound = format!("`max_lifetime_seconds` is {longest}{}", lifetime(claims));
            return Some((OffendingMember::Lifetime, bound));
        }
        _ => {}
    }
    let in_header = |name: &str| header.get(name);
    let (member, value) = match error {
        TokenError::UnknownIssuer | TokenError::OtherHeader => {
            (OffendingMember::Issuer, claims.get("iss"))
        }
        TokenError::WrongAudience | TokenError::Unacceptable(Claim::Audience) => {
            let audience = issuer.and_then(|rules| rules.claims.audience.find(claims));
            (OffendingMember::Audience, audience)
        }
        TokenError::UnknownKey(_)
        | TokenError::WrongSignature
        | TokenError::KeyOfAnotherAlgorithm => (OffendingMember::KeyId, in_header("kid")),
        TokenError::UnsupportedAlgorithm | TokenError::AlgorithmNotAllowed => {
            (OffendingMember::Algorithm, in_header("alg"))
        }
        TokenError::TypeNotAccepted => (OffendingMember::Type, in_header("typ")),
        _ => return None,
    };
    let text = match value? {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some((member, text))
}

/// The requirement that the claims do not meet, in the words of the configuration.
fn unmet(claims: &Map<String, Value>, issuer: &IssuerRules) -> Option<String> {
    let required = issuer.claims.unmet(claims)?;
    let wanted: Vec<String> = required.any_of.iter().map(ToString::to_string).collect();
    let has = match required.path.find(claims) {
        None => "the token has none",
        Some(_) => "the token has another value",
    };
    Some(format!(
        "`require.{}` of `{}` wants {}, {has}",
        required.path,
        issuer.name,
        wanted.join(" or ")
    ))
}

/// By the two claims where the token has both, as it is said in a sentence.
fn lifetime(claims: &Map<String, Value>) -> String {
    let time = |name: &str| claims.get(name).and_then(Value::as_i64);
    let lives = time("exp").zip(time("iat"));
    let lives = lives.and_then(|(end, start)| end.checked_sub(start));
    lives.map_or_else(String::new, |seconds| {
        format!(", and the token lives {seconds} seconds")
    })
}
