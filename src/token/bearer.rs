//! The one token among the `Authorization` headers of a request, if there is exactly one.

use std::fmt;

use serde_json::{Map, Value};

use super::claims::object;
use super::error::TokenError;

/// The longest token that is looked at, in bytes: as much as Envoy passes in all headers together.
/// Everything that reads a token relies on this bound; that of an issuer is lower by default.
pub const MAX_TOKEN_BYTES: usize = 60 * 1024;

const SCHEME: &[u8] = b"bearer";

/// What Google's access tokens have in front of their first dot.
const GOOGLE: &str = "ya29";

/// What a request carried in its `Authorization` headers (RFC 6750 section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// No header.
    Absent,
    /// One header of another scheme. A token without a scheme reads like one. It counts as no credential.
    OtherScheme,
    /// More than one header, or several credentials joined by a comma: a malformed request.
    Several,
    /// One `Bearer` header whose value cannot be a token, or a header that does not begin with a scheme.
    Malformed,
    /// One `Bearer` header with more than [`MAX_TOKEN_BYTES`].
    TooLong,
    /// One `Bearer` header; only the alphabet of what follows the scheme was looked at.
    Token(UnverifiedToken<'a>),
}

impl<'a> Credential<'a> {
    /// Reads the values of all `Authorization` headers of a request, surrounding whitespace
    /// already removed as RFC 9110 section 5.5 asks of whoever parsed the header.
    ///
    /// Proxy, gate and upstream must not be able to read two different credentials, so:
    /// - two headers are [`Several`](Self::Several), whatever they say, even twice the same or one
    ///   of them empty; so is a comma that may be where a proxy joined two headers;
    /// - the scheme is any case and 1*SP separates it from the token; a tab does not;
    /// - an empty value names no scheme, so it is [`Malformed`](Self::Malformed) and not
    ///   [`Absent`](Self::Absent): whoever sent it meant to send something.
    pub fn read(mut values: impl Iterator<Item = &'a [u8]>) -> Self {
        let Some(value) = values.next() else {
            return Self::Absent;
        };
        if values.next().is_some() {
            return Self::Several;
        }
        let scheme_length = value
            .iter()
            .take_while(|byte| is_token_byte(**byte))
            .count();
        let Some((scheme, rest)) = value.split_at_checked(scheme_length) else {
            return Self::Malformed;
        };
        if scheme.eq_ignore_ascii_case(SCHEME) {
            Self::read_bearer(rest)
        } else if may_join_credentials(value) {
            Self::Several
        } else if scheme.is_empty() {
            Self::Malformed
        } else {
            Self::OtherScheme
        }
    }

    /// Reads the values of all headers of this name, which holds a token without a scheme. It is as strict
    /// as [`read`](Self::read); a value with a scheme is [`Malformed`](Self::Malformed).
    pub fn read_bare(mut values: impl Iterator<Item = &'a [u8]>, header: &'a str) -> Self {
        let Some(value) = values.next() else {
            return Self::Absent;
        };
        if values.next().is_some() || value.contains(&b',') {
            return Self::Several;
        }
        if value.len() > MAX_TOKEN_BYTES {
            return Self::TooLong;
        }
        match UnverifiedToken::parse(value) {
            Ok(token) => Self::Token(token.in_header(header)),
            Err(TokenTextError) => Self::Malformed,
        }
    }

    /// Reads what follows the scheme `Bearer`.
    fn read_bearer(rest: &'a [u8]) -> Self {
        let token = rest
            .iter()
            .position(|byte| *byte != b' ')
            .and_then(|start| rest.get(start..));
        let token = match token {
            Some(token) if token.len() < rest.len() && token.len() > MAX_TOKEN_BYTES => {
                return if token.contains(&b',') {
                    Self::Several
                } else {
                    Self::TooLong
                };
            }
            Some(token) if token.len() < rest.len() => token,
            Some(rest) if rest.contains(&b',') => return Self::Several,
            Some(_) | None => return Self::Malformed,
        };
        match UnverifiedToken::parse(token) {
            Ok(token) => Self::Token(token),
            Err(TokenTextError) if token.contains(&b',') => Self::Several,
            Err(TokenTextError) => Self::Malformed,
        }
    }
}

/// Text in the place of a token, nothing about it proven but its alphabet and length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UnverifiedToken<'a> {
    text: &'a str,
    /// The header that it came in, in lower case; nothing stands for `Authorization`.
    header: Option<&'a str>,
}

/// Not one to [`MAX_TOKEN_BYTES`] characters of `A-Z a-z 0-9 - _ .`, which is all that a signed
/// token in compact form is made of (RFC 7515 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a token: expected 1 to {MAX_TOKEN_BYTES} characters of `A-Z`, `a-z`, `0-9`, `-`, `_` \
     and `.`"
)]
pub struct TokenTextError;

/// What a token says of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct UnverifiedContent {
    /// The header (RFC 7515 section 4).
    pub header: Map<String, Value>,
    /// The claims (RFC 7519 section 4).
    pub claims: Map<String, Value>,
}

impl fmt::Debug for UnverifiedContent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UnverifiedContent(..)")
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UnverifiedToken(..)")
    }
}

impl<'a> UnverifiedToken<'a> {
    /// Takes text for a token. Looks at its length before anything else.
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "a branch would undo what the fold is for"
    )]
    pub fn parse(text: &'a [u8]) -> Result<Self, TokenTextError> {
        if text.is_empty() || text.len() > MAX_TOKEN_BYTES {
            return Err(TokenTextError);
        }
        // Every byte is looked at, without a way out in between: this runs on every request, and
        // so the compiler takes many bytes at a time.
        let plain = |byte: u8| {
            byte.is_ascii_alphabetic()
                | byte.is_ascii_digit()
                | (byte == b'-')
                | (byte == b'_')
                | (byte == b'.')
        };
        if !text.iter().fold(true, |all, &byte| all & plain(byte)) {
            return Err(TokenTextError);
        }
        let text = std::str::from_utf8(text).map_err(|_| TokenTextError)?;
        Ok(Self { text, header: None })
    }

    /// The members of its header and its claims, for a person to read. Nothing about them is
    /// proven.
    pub fn content(self) -> Result<UnverifiedContent, TokenError> {
        let parts = Parts::split(self)?;
        Ok(UnverifiedContent {
            header: object(parts.header)?,
            claims: object(parts.claims)?,
        })
    }

    /// The exact text, for the key of the proof cache.
    pub fn text(self) -> &'a str {
        self.text
    }

    /// The header that it came in, in lower case; nothing stands for `Authorization`.
    pub fn header(self) -> Option<&'a str> {
        self.header
    }

    /// The same text from the header of this name, in lower case.
    #[must_use]
    pub fn in_header(self, name: &'a str) -> Self {
        Self {
            header: Some(name),
            ..self
        }
    }
}

/// A token in its three parts (RFC 7515 section 7.1).
pub(super) struct Parts<'a> {
    pub(super) header: &'a str,
    pub(super) claims: &'a str,
    pub(super) signature: &'a str,
    /// Header and claims with the dot between them: what is signed.
    pub(super) message: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn split(token: UnverifiedToken<'a>) -> Result<Self, TokenError> {
        let dots = token.text().bytes().filter(|byte| *byte == b'.').count();
        if is_opaque(token.text(), dots) {
            return Err(TokenError::Opaque);
        }
        // The compact form of RFC 7516 section 7.1.
        if dots == 4 {
            return Err(TokenError::Encrypted);
        }
        let (message, signature) = token.text().rsplit_once('.').ok_or(TokenError::Parts)?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Parts)?;
        let any_empty = header.is_empty() || claims.is_empty() || signature.is_empty();
        if any_empty || claims.contains('.') {
            return Err(TokenError::Parts);
        }
        Ok(Self {
            header,
            claims,
            signature,
            message,
        })
    }
}

/// Whether only its issuer can read a token. Some of these have dots, such as `ory_at_key.signature`: where
/// they are not those of a signed or encrypted token, what is in front of the first one decides.
fn is_opaque(text: &str, dots: usize) -> bool {
    let first = text.split('.').next().unwrap_or_default();
    match dots {
        0 => true,
        // Google's may have any number of parts.
        _ if first == GOOGLE => true,
        2 | 4 => false,
        _ => !first.is_empty() && !begins_like_an_object(first.as_bytes()),
    }
}

/// Whether base64url text is that of `{` and a quotation mark, whitespace or `}`.
fn begins_like_an_object(text: &[u8]) -> bool {
    matches!(text, [b'e', b'y' | b'w' | b'3', ..])
}

/// A byte of a `token` (RFC 9110 section 5.6.2), such as the name of a scheme.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a header value may be several credentials that a proxy joined by commas.
///
/// A comma also separates the parameters of one credential (`Digest a=b, c="d,e"`, RFC 9110 section
/// 11.4), so it is harmless where `name=` follows. In doubt the answer is yes.
fn may_join_credentials(value: &[u8]) -> bool {
    let hidden_bearer = value.split(|byte| *byte == b',').skip(1).any(|segment| {
        let segment = segment.trim_ascii();
        segment
            .get(..SCHEME.len())
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
            && segment
                .get(SCHEME.len())
                .is_none_or(|byte| !is_token_byte(*byte) && *byte != b'=')
    });
    hidden_bearer || has_segment_that_is_no_parameter(value)
}

/// Whether something other than `name=` follows one of the commas outside quotes, or a quote is
/// never closed.
fn has_segment_that_is_no_parameter(value: &[u8]) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    for (position, byte) in value.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                let segment = value
                    .get(position + 1..)
                    .unwrap_or_default()
                    .trim_ascii_start();
                let name_length = segment
                    .iter()
                    .take_while(|byte| is_token_byte(**byte))
                    .count();
                if name_length == 0 || segment.get(name_length) != Some(&b'=') {
                    return true;
                }
            }
            _ => {}
        }
    }
    quoted && value.contains(&b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Credential<'static> = Credential::Token(UnverifiedToken {
        text: "aA0-_.b",
        header: None,
    });

    fn check(values: &[&str], expected: Credential<'_>) {
        let read = Credential::read(values.iter().map(|value| value.as_bytes()));
        assert_eq!(read, expected, "{values:?}");
    }

    #[test]
    fn one_bearer_token_is_read_whatever_the_case_of_its_scheme() {
        check(&["Bearer aA0-_.b"], TOKEN);
        check(&["bearer aA0-_.b"], TOKEN);
        check(&["BEARER aA0-_.b"], TOKEN);
        check(&["bEaReR    aA0-_.b"], TOKEN);
    }

    #[test]
    fn another_scheme_or_none_is_told_from_no_header() {
        check(&[], Credential::Absent);
        check(&["Basic dXNlcjpwYXNz"], Credential::OtherScheme);
        check(&["Basic dXNlcjpwYXNzZA=="], Credential::OtherScheme);
        check(&["Basic"], Credential::OtherScheme);
        check(&["aA0-_.b"], Credential::OtherScheme);
        check(&["Bearers aA0-_.b"], Credential::OtherScheme);
        check(&["DPoP aA0-_.b"], Credential::OtherScheme);
        check(&["Negotiate oYG="], Credential::OtherScheme);
        check(
            &["Digest username=\"a\", realm=\"b, c\", qop=auth"],
            Credential::OtherScheme,
        );
        check(
            &["Digest username=\"a \\\", b\", realm=\"c\""],
            Credential::OtherScheme,
        );
        check(
            &["AWS4-HMAC-SHA256 Credential=A/b/c, SignedHeaders=host;range, Signature=fe"],
            Credential::OtherScheme,
        );
    }

    #[test]
    fn several_headers_are_refused_even_if_they_say_the_same() {
        check(&["Bearer aA0-_.b", "Bearer aA0-_.b"], Credential::Several);
        check(&["Bearer aA0-_.b", "Bearer c"], Credential::Several);
        check(
            &["Bearer aA0-_.b", "Basic dXNlcjpwYXNz"],
            Credential::Several,
        );
        check(
            &["Basic dXNlcjpwYXNz", "Bearer aA0-_.b"],
            Credential::Several,
        );
        check(
            &["Basic dXNlcjpwYXNz", "Basic dXNlcjpwYXNz"],
            Credential::Several,
        );
        check(&["Bearer aA0-_.b", ""], Credential::Several);
        check(&["", "Bearer aA0-_.b"], Credential::Several);
    }

    #[test]
    fn several_credentials_joined_by_a_comma_are_refused() {
        for value in [
            "Bearer a,Bearer b",
            "Bearer a, Bearer b",
            "Bearer a , bearer b",
            "Bearer a,b",
            "Bearer a,",
            "Bearer ,a",
            "Bearer,a",
            "Bearer,Bearer a",
            ",Bearer a",
            "Bearer a,Basic b",
            "Basic b,Bearer a",
            "Basic b=,bearer a",
            "Basic b, Basic b",
            "Basic b,",
            "Basic b,,",
            "Digest a=b, Bearer c",
            "Digest a=b,Bearer",
            "Digest a=b,BEARER\tc",
            "Digest a=\"b,Bearer c",
            "Digest a=\"b,Bearer c\"",
            "Digest a=\"b, c",
        ] {
            check(&[value], Credential::Several);
        }
    }

    #[test]
    fn a_bearer_value_that_cannot_be_a_token_is_malformed() {
        for value in [
            "",
            " ",
            " Bearer a",
            "\tBearer a",
            "\"Bearer a\"",
            "Bearer",
            "Bearer ",
            "Bearer\ta",
            "Bearer \ta",
            "Bearer a\t",
            "Bearer a ",
            "Bearer a b",
            "Bearer a Bearer b",
            "Bearer a=",
            "Bearer a.b.c==",
            "Bearer a+b",
            "Bearer a/b",
            "Bearer a~b",
            "Bearer a!b",
            "Bearer a\0",
            "Bearer a\nb",
            "Bearer {\"payload\":\"\"}",
            "Bearer \u{fc}",
            "Bearer:a",
            "Bearer=a",
        ] {
            check(&[value], Credential::Malformed);
        }
        let invalid_utf_8 = [b"Bearer \xff".as_slice()];
        assert_eq!(
            Credential::read(invalid_utf_8.into_iter()),
            Credential::Malformed
        );
    }

    #[test]
    fn a_token_longer_than_the_cap_is_too_long() {
        let longest = format!("Bearer {}", "a".repeat(MAX_TOKEN_BYTES));
        assert!(matches!(
            Credential::read([longest.as_bytes()].into_iter()),
            Credential::Token(_)
        ));
        check(&[&format!("{longest}a")], Credential::TooLong);
        check(
            &[&format!("Bearer {}", ".".repeat(10 << 20))],
            Credential::TooLong,
        );
        check(&[&format!("{longest}, Bearer b")], Credential::Several);
    }

    #[test]
    fn a_header_of_its_own_holds_one_bare_token() {
        let check = |values: &[&str], expected: Credential<'_>| {
            let values = values.iter().map(|value| value.as_bytes());
            assert_eq!(Credential::read_bare(values, "x-token"), expected);
        };
        let token = UnverifiedToken::parse(b"aA0-_.b").unwrap();
        check(&["aA0-_.b"], Credential::Token(token.in_header("x-token")));
        check(&[], Credential::Absent);
        check(&["aA0-_.b", "aA0-_.b"], Credential::Several);
        check(&["", "aA0-_.b"], Credential::Several);
        check(&["aA0-_.b,aA0-_.b"], Credential::Several);
        check(&["aA0-_.b,"], Credential::Several);
        for value in ["", " ", "Bearer aA0-_.b", "a b", "a=", "a\0"] {
            check(&[value], Credential::Malformed);
        }
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        check(&[&long], Credential::TooLong);
    }

    #[test]
    fn debug_output_holds_no_token() {
        let text = format!("{TOKEN:?}");
        assert_eq!(text, "Token(UnverifiedToken(..))");
    }
}
