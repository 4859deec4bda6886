//! The header of a token (RFC 7515 section 4), read before anything in it is trusted.

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::claims::object;
use super::error::TokenError;
use super::token_type::TokenType;

/// The longest `kid` that is looked up; also the longest that a key may have.
pub(super) const MAX_KEY_ID_BYTES: usize = 256;

/// Members that change how the rest is to be read. None is implemented, so none may be ignored:
/// `crit` (RFC 7515 section 4.1.11), `b64` (RFC 7797), `zip` and `enc` (RFC 7516), `cty` (a nested
/// token, RFC 7519 section 5.2). `zip: NONE`, which some servers write, asks for nothing.
const EXTENSIONS: [&str; 5] = ["crit", "b64", "zip", "enc", "cty"];

/// What is used of a header. `jku`, `jwk`, `x5u` and `x5c`, by which a token brings its own key,
/// are not among it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    pub(super) kind: TokenType,
}

impl Header {
    /// Reads the first part of a token.
    pub(super) fn parse(part: &str) -> Result<Self, TokenError> {
        Self::from_members(object(part)?)
    }

    fn from_members(mut members: Map<String, Value>) -> Result<Self, TokenError> {
        if members.get("zip").and_then(Value::as_str) == Some("NONE") {
            members.remove("zip");
        }
        if EXTENSIONS.iter().any(|name| members.contains_key(*name)) {
            return Err(TokenError::Extension);
        }
        let algorithm = match members.get("alg") {
            Some(Value::String(name)) => Algorithm::from_name(name),
            Some(_) | None => None,
        };
        let key_id = take_text(&mut members, "kid")?;
        if key_id
            .as_ref()
            .is_some_and(|key_id| key_id.len() > MAX_KEY_ID_BYTES)
        {
            return Err(TokenError::HeaderMember);
        }
        let kind = take_text(&mut members, "typ")?;
        Ok(Self {
            algorithm: algorithm.ok_or(TokenError::UnsupportedAlgorithm)?,
            key_id,
            kind: kind.as_deref().map(TokenType::from).unwrap_or_default(),
        })
    }
}

fn take_text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, TokenError> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenError::HeaderMember),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn check(json: &str, expected: Result<(Algorithm, Option<&str>, &str), TokenError>) {
        let expected = expected.map(|(algorithm, key_id, kind)| Header {
            algorithm,
            key_id: key_id.map(str::to_owned),
            kind: kind.into(),
        });
        assert_eq!(
            Header::parse(&URL_SAFE_NO_PAD.encode(json)),
            expected,
            "{json}"
        );
    }

    #[test]
    fn algorithm_key_and_type_are_read() {
        let es256 = Algorithm::Es256;
        check(r#"{"alg":"ES256"}"#, Ok((es256, None, "jwt")));
        check(
            r#"{"alg":"ES256","typ":"at+jwt","kid":"a"}"#,
            Ok((es256, Some("a"), "at+jwt")),
        );
        check(r#"{"alg":"ES256","typ":"JWT"}"#, Ok((es256, None, "jwt")));
        check(
            r#"{"alg":"ES256","typ":"Application/AT+JWT"}"#,
            Ok((es256, None, "at+jwt")),
        );
        check(
            r#"{"alg":"ES256","typ":"text/jwt"}"#,
            Ok((es256, None, "text/jwt")),
        );
        check(r#"{"alg":"ES256","typ":""}"#, Ok((es256, None, "")));
        check(r#"{"alg":"Ed25519"}"#, Ok((Algorithm::EdDsa, None, "jwt")));
    }

    #[test]
    fn no_compression_may_be_asked_for() {
        check(
            r#"{"alg":"ES256","zip":"NONE"}"#,
            Ok((Algorithm::Es256, None, "jwt")),
        );
        for json in [
            r#"{"alg":"ES256","zip":"DEF"}"#,
            r#"{"alg":"ES256","zip":"none"}"#,
            r#"{"alg":"ES256","zip":null}"#,
            r#"{"alg":"ES256","zip":"NONE","enc":"A128GCM"}"#,
        ] {
            check(json, Err(TokenError::Extension));
        }
    }

    #[test]
    fn keys_that_the_token_brings_along_are_ignored() {
        check(
            r#"{"alg":"ES256","jku":5,"jwk":{"kty":"oct"},"x5u":"https://evil","x5c":[1],"x5t":{}}"#,
            Ok((Algorithm::Es256, None, "jwt")),
        );
    }

    #[test]
    fn what_is_wrong_with_a_header_is_told_apart() {
        let long = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "a".repeat(257));
        for (json, expected) in [
            ("", TokenError::Json),
            ("[]", TokenError::NotAnObject),
            ("null", TokenError::NotAnObject),
            ("{}", TokenError::UnsupportedAlgorithm),
            (r#"{"alg":"ES256","kid":5}"#, TokenError::HeaderMember),
            (r#"{"alg":"ES256","kid":null}"#, TokenError::HeaderMember),
            (r#"{"alg":"ES256","typ":["JWT"]}"#, TokenError::HeaderMember),
            (long.as_str(), TokenError::HeaderMember),
            (
                r#"{"alg":"ES256","alg":"ES256"}"#,
                TokenError::DuplicateMember,
            ),
            (
                r#"{"alg":"ES256","x":{"y":1,"y":1}}"#,
                TokenError::DuplicateMember,
            ),
        ] {
            check(json, Err(expected));
        }
    }
}
