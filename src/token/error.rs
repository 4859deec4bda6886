//! Why a token is refused: facts for logs and metrics, and the little that a caller may learn.

use super::issuer_rules::IssuerIndex;
use crate::labels::{Label, closed_set};

/// Why a token is refused. Facts for logs; the caller learns only [`TokenError::description`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenError {
    /// Not header, claims and signature, each of them present (RFC 7515 section 7.1).
    #[error("it is not three parts separated by dots, none of them empty")]
    Parts,
    /// No dots, or not those of a signed token: a reference that only its issuer can resolve (RFC 6749
    /// section 1.4).
    #[error("it is an opaque token, which only its issuer can read")]
    Opaque,
    /// Five parts (RFC 7516 section 7.1).
    #[error("it is encrypted")]
    Encrypted,
    /// It has more bytes than the tokens of its issuer may have.
    #[error("it is longer than the issuer's tokens may be")]
    TooLong,
    /// Not base64url without padding in its one canonical form (RFC 7515 section 2, RFC 4648
    /// section 3.5).
    #[error("a part is not canonical base64url without padding")]
    Base64Url,
    /// Header or claims are not one JSON text (RFC 8259).
    #[error("header or claims are not JSON")]
    Json,
    /// Header or claims are JSON, but no object (RFC 7515 section 4, RFC 7519 section 7.2).
    #[error("header or claims are not a JSON object")]
    NotAnObject,
    /// A member appears twice in one object, at any level.
    #[error("a member appears twice in the header or the claims")]
    DuplicateMember,
    /// Header or claims are nested more deeply than is read.
    #[error("header or claims are nested too deeply")]
    TooDeep,
    /// `alg`, `kid` or `typ` is no string, or `kid` is too long.
    #[error("a header member has the wrong type or length")]
    HeaderMember,
    /// A header member that changes how the token is to be read: `crit`, `b64`, `zip`, `enc`,
    /// `cty`.
    #[error("the header asks for an extension, compression, encryption or nesting")]
    Extension,
    /// `alg` is missing, unknown, or `none`.
    #[error("its algorithm is not supported")]
    UnsupportedAlgorithm,
    /// The issuer's tokens may not use this algorithm.
    #[error("its algorithm is not accepted from its issuer")]
    AlgorithmNotAllowed,
    /// `typ` is not one of those accepted of the issuer: an ID token or a refresh token, perhaps.
    #[error("its `typ` is not accepted from its issuer")]
    TypeNotAccepted,
    /// A required claim is absent.
    #[error("the claim `{}` is missing", .0.name())]
    Missing(Claim),
    /// A claim has the wrong JSON type, or a value that is never right.
    #[error("the claim `{}` has a type or value that is not accepted", .0.name())]
    Unacceptable(Claim),
    /// Nobody trusts this issuer.
    #[error("its issuer is not trusted")]
    UnknownIssuer,
    /// The issuer is trusted, and its tokens do not count on this route, or on that of another reading of the path.
    #[error("tokens of its issuer do not count for this request")]
    OtherIssuer,
    /// The issuer's tokens count in another header.
    #[error("it did not come in the header for its issuer's tokens")]
    OtherHeader,
    /// Its subject is not a SPIFFE ID of the issuer's trust domain.
    #[error("its subject is not in the issuer's SPIFFE trust domain")]
    OtherTrustDomain,
    /// None of `aud` is one of ours.
    #[error("it is meant for another audience")]
    WrongAudience,
    /// A claim lacks what the configuration requires of the issuer's tokens.
    #[error("a claim does not have the value that `require` demands")]
    RequirementNotMet,
    /// `exp` has passed.
    #[error("it has expired")]
    Expired,
    /// `nbf` has not come.
    #[error("it is not valid yet")]
    NotYetValid,
    /// `iat` lies in the future.
    #[error("it was issued in the future")]
    IssuedInTheFuture,
    /// It lives longer than the issuer's tokens may.
    #[error("it lives longer than the issuer's tokens may")]
    LivesTooLong,
    /// `cnf` binds it to a key that the caller has to prove (RFC 7800, 8705, 9449): as a bearer
    /// token it would be accepted from a thief.
    #[error("it is bound to a key (`cnf`), which is not supported")]
    SenderConstrained,
    /// The issuer is trusted but none of its keys was loaded yet: 503, not 401.
    #[error("the issuer's keys are not loaded")]
    KeysNotLoaded(IssuerIndex),
    /// The token names a key that the issuer does not have, or none where the issuer has none of
    /// its algorithm: perhaps a new one.
    #[error("the issuer has no such key")]
    UnknownKey(IssuerIndex),
    /// The key that the token names serves another algorithm.
    #[error("the key that it names serves another algorithm")]
    KeyOfAnotherAlgorithm,
    /// The token names no key, and the issuer has too many of its algorithm to try.
    #[error("it names no key and the issuer has too many to try")]
    TooManyKeysToTry,
    /// No key of the issuer made the signature.
    #[error("its signature is wrong")]
    WrongSignature,
    /// Its issuer revoked it, alone or with its grant, its app or its user.
    #[error("it has been revoked")]
    Revoked,
    /// What its issuer has revoked is not known up to the present: 503, not 401.
    #[error("its issuer's revocations are not up to date")]
    RevocationsStale,
}

closed_set! {
    /// The kinds of [`TokenError`], as metrics, logs and metadata call them.
    pub enum TokenErrorKind {
        Parts = "malformed_parts",
        Opaque = "opaque",
        Encrypted = "encrypted",
        TooLong = "too_long",
        Base64Url = "malformed_base64url",
        Json = "malformed_json",
        NotAnObject = "not_an_object",
        DuplicateMember = "duplicate_member",
        TooDeep = "too_deep",
        HeaderMember = "header_member",
        Extension = "extension",
        UnsupportedAlgorithm = "unsupported_algorithm",
        AlgorithmNotAllowed = "algorithm_not_allowed",
        TypeNotAccepted = "type_not_accepted",
        MissingIssuer = "missing_issuer",
        MissingSubject = "missing_subject",
        MissingAudience = "missing_audience",
        MissingExpiry = "missing_expiry",
        MissingClaim = "missing_claim",
        UnacceptableIssuer = "unacceptable_issuer",
        UnacceptableSubject = "unacceptable_subject",
        UnacceptableAudience = "unacceptable_audience",
        UnacceptableExpiry = "unacceptable_expiry",
        UnacceptableNotBefore = "unacceptable_not_before",
        UnacceptableIssuedAt = "unacceptable_issued_at",
        UnknownIssuer = "unknown_issuer",
        OtherIssuer = "other_issuer",
        OtherHeader = "other_header",
        OtherTrustDomain = "other_trust_domain",
        WrongAudience = "wrong_audience",
        RequirementNotMet = "requirement_not_met",
        Expired = "expired",
        NotYetValid = "not_yet_valid",
        IssuedInTheFuture = "issued_in_the_future",
        LivesTooLong = "lives_too_long",
        SenderConstrained = "sender_constrained",
        KeysNotLoaded = "keys_not_loaded",
        UnknownKey = "unknown_key",
        KeyOfAnotherAlgorithm = "key_of_another_algorithm",
        TooManyKeysToTry = "too_many_keys_to_try",
        WrongSignature = "wrong_signature",
        Revoked = "revoked",
        RevocationsStale = "revocations_stale",
    }
}

/// A claim that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Claim {
    Issuer,
    Subject,
    Audience,
    ExpiresAt,
    NotBefore,
    IssuedAt,
}

/// One error of each kind that is not about a claim.
const EXAMPLES: [TokenError; 32] = [
    TokenError::Parts,
    TokenError::Opaque,
    TokenError::Encrypted,
    TokenError::TooLong,
    TokenError::Base64Url,
    TokenError::Json,
    TokenError::NotAnObject,
    TokenError::DuplicateMember,
    TokenError::TooDeep,
    TokenError::HeaderMember,
    TokenError::Extension,
    TokenError::UnsupportedAlgorithm,
    TokenError::AlgorithmNotAllowed,
    TokenError::TypeNotAccepted,
    TokenError::UnknownIssuer,
    TokenError::OtherIssuer,
    TokenError::OtherHeader,
    TokenError::OtherTrustDomain,
    TokenError::WrongAudience,
    TokenError::RequirementNotMet,
    TokenError::Expired,
    TokenError::NotYetValid,
    TokenError::IssuedInTheFuture,
    TokenError::LivesTooLong,
    TokenError::SenderConstrained,
    TokenError::KeysNotLoaded(IssuerIndex(0)),
    TokenError::UnknownKey(IssuerIndex(0)),
    TokenError::KeyOfAnotherAlgorithm,
    TokenError::TooManyKeysToTry,
    TokenError::WrongSignature,
    TokenError::Revoked,
    TokenError::RevocationsStale,
];

const CLAIMS: [Claim; 6] = [
    Claim::Issuer,
    Claim::Subject,
    Claim::Audience,
    Claim::ExpiresAt,
    Claim::NotBefore,
    Claim::IssuedAt,
];

fn examples() -> impl Iterator<Item = TokenError> {
    let missing = CLAIMS.into_iter().map(TokenError::Missing);
    let unacceptable = CLAIMS.into_iter().map(TokenError::Unacceptable);
    EXAMPLES.into_iter().chain(missing).chain(unacceptable)
}

impl TokenErrorKind {
    /// An error of this kind, for what is true of all of them; none where they differ in the claim.
    pub fn example(self) -> Option<TokenError> {
        let mut of_kind = examples().filter(|error| error.kind() == self);
        of_kind.next().filter(|_| self != Self::MissingClaim)
    }
}

impl Claim {
    pub fn name(self) -> &'static str {
        match self {
            Self::Issuer => "iss",
            Self::Subject => "sub",
            Self::Audience => "aud",
            Self::ExpiresAt => "exp",
            Self::NotBefore => "nbf",
            Self::IssuedAt => "iat",
        }
    }
}

impl TokenError {
    /// The issuer whose keys are wanting.
    pub fn issuer_without_key(self) -> Option<IssuerIndex> {
        match self {
            Self::KeysNotLoaded(issuer) | Self::UnknownKey(issuer) => Some(issuer),
            _ => None,
        }
    }

    /// Its kind, which names it in metrics and logs.
    pub fn kind(self) -> TokenErrorKind {
        use TokenErrorKind as Kind;
        match self {
            Self::Parts => Kind::Parts,
            Self::Opaque => Kind::Opaque,
            Self::Encrypted => Kind::Encrypted,
            Self::TooLong => Kind::TooLong,
            Self::Base64Url => Kind::Base64Url,
            Self::Json => Kind::Json,
            Self::NotAnObject => Kind::NotAnObject,
            Self::DuplicateMember => Kind::DuplicateMember,
            Self::TooDeep => Kind::TooDeep,
            Self::HeaderMember => Kind::HeaderMember,
            Self::Extension => Kind::Extension,
            Self::UnsupportedAlgorithm => Kind::UnsupportedAlgorithm,
            Self::AlgorithmNotAllowed => Kind::AlgorithmNotAllowed,
            Self::TypeNotAccepted => Kind::TypeNotAccepted,
            Self::Missing(claim) => missing(claim),
            Self::Unacceptable(claim) => unacceptable(claim),
            Self::UnknownIssuer => Kind::UnknownIssuer,
            Self::OtherIssuer => Kind::OtherIssuer,
            Self::OtherHeader => Kind::OtherHeader,
            Self::OtherTrustDomain => Kind::OtherTrustDomain,
            Self::WrongAudience => Kind::WrongAudience,
            Self::RequirementNotMet => Kind::RequirementNotMet,
            Self::Expired => Kind::Expired,
            Self::NotYetValid => Kind::NotYetValid,
            Self::IssuedInTheFuture => Kind::IssuedInTheFuture,
            Self::LivesTooLong => Kind::LivesTooLong,
            Self::SenderConstrained => Kind::SenderConstrained,
            Self::KeysNotLoaded(_) => Kind::KeysNotLoaded,
            Self::UnknownKey(_) => Kind::UnknownKey,
            Self::KeyOfAnotherAlgorithm => Kind::KeyOfAnotherAlgorithm,
            Self::TooManyKeysToTry => Kind::TooManyKeysToTry,
            Self::WrongSignature => Kind::WrongSignature,
            Self::Revoked => Kind::Revoked,
            Self::RevocationsStale => Kind::RevocationsStale,
        }
    }

    /// A short name from a closed set, for metrics and logs.
    pub fn label(self) -> &'static str {
        self.kind().label()
    }

    /// What the caller may learn: ASCII without quotes, nothing about keys or parser detail.
    ///
    /// | facts | description |
    /// |---|---|
    /// | it cannot be read as a signed token at all, whoever made it | `the token is malformed` |
    /// | `exp` has passed | `the token has expired` |
    /// | it held, and was revoked | `the token has been revoked` |
    /// | `nbf` or `iat` lies ahead | `the token is not valid yet` |
    /// | keys or revocations are not at hand | `the token cannot be checked at the moment` |
    /// | everything else: issuer, audience, type, algorithm, key, signature, other claims | `the token is not acceptable` |
    ///
    /// The times are compared before the signature, so that a forger who is told `expired` learns
    /// that the `iss` he wrote is trusted. That is no secret: RFC 9728 metadata publishes it.
    pub fn description(self) -> &'static str {
        match self {
            Self::Parts
            | Self::Opaque
            | Self::Base64Url
            | Self::Json
            | Self::NotAnObject
            | Self::DuplicateMember
            | Self::TooDeep
            | Self::HeaderMember => "the token is malformed",
            Self::Expired => "the token has expired",
            Self::Revoked => "the token has been revoked",
            Self::NotYetValid | Self::IssuedInTheFuture => "the token is not valid yet",
            Self::KeysNotLoaded(_) | Self::RevocationsStale => {
                "the token cannot be checked at the moment"
            }
            Self::Extension
            | Self::Encrypted
            | Self::TooLong
            | Self::UnsupportedAlgorithm
            | Self::AlgorithmNotAllowed
            | Self::TypeNotAccepted
            | Self::Missing(_)
            | Self::Unacceptable(_)
            | Self::UnknownIssuer
            | Self::OtherIssuer
            | Self::OtherHeader
            | Self::OtherTrustDomain
            | Self::WrongAudience
            | Self::RequirementNotMet
            | Self::LivesTooLong
            | Self::SenderConstrained
            | Self::UnknownKey(_)
            | Self::KeyOfAnotherAlgorithm
            | Self::TooManyKeysToTry
            | Self::WrongSignature => "the token is not acceptable",
        }
    }
}

fn missing(claim: Claim) -> TokenErrorKind {
    match claim {
        Claim::Issuer => TokenErrorKind::MissingIssuer,
        Claim::Subject => TokenErrorKind::MissingSubject,
        Claim::Audience => TokenErrorKind::MissingAudience,
        Claim::ExpiresAt => TokenErrorKind::MissingExpiry,
        Claim::NotBefore | Claim::IssuedAt => TokenErrorKind::MissingClaim,
    }
}

fn unacceptable(claim: Claim) -> TokenErrorKind {
    match claim {
        Claim::Issuer => TokenErrorKind::UnacceptableIssuer,
        Claim::Subject => TokenErrorKind::UnacceptableSubject,
        Claim::Audience => TokenErrorKind::UnacceptableAudience,
        Claim::ExpiresAt => TokenErrorKind::UnacceptableExpiry,
        Claim::NotBefore => TokenErrorKind::UnacceptableNotBefore,
        Claim::IssuedAt => TokenErrorKind::UnacceptableIssuedAt,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_page_on_symptoms_names_every_kind() {
        let page = include_str!("../../docs/troubleshooting.md");
        for kind in TokenErrorKind::ALL {
            let label = format!("`{}`", kind.label());
            assert!(
                page.contains(&label),
                "{label} is not in docs/troubleshooting.md"
            );
        }
    }

    #[test]
    fn every_kind_is_that_of_an_error() {
        let used: BTreeSet<_> = examples().map(TokenError::kind).collect();
        let listed: BTreeSet<_> = TokenErrorKind::ALL.iter().copied().collect();
        assert_eq!(used, listed);
        let labels: BTreeSet<_> = listed.into_iter().map(Label::label).collect();
        assert_eq!(labels.len(), TokenErrorKind::ALL.len());
    }

    #[test]
    fn every_kind_but_that_of_several_claims_has_an_example() {
        for kind in TokenErrorKind::ALL {
            let expected = (*kind != TokenErrorKind::MissingClaim).then_some(*kind);
            assert_eq!(kind.example().map(TokenError::kind), expected, "{kind:?}");
        }
    }

    #[test]
    fn descriptions_are_few_and_fit_into_a_quoted_string() {
        let descriptions: BTreeSet<_> = examples().map(TokenError::description).collect();
        assert_eq!(descriptions.len(), 6);
        for description in descriptions {
            assert!(
                description
                    .bytes()
                    .all(|byte| byte == b' ' || byte.is_ascii_lowercase())
            );
        }
    }
}
