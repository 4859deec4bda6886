//! HTTP Basic credentials (RFC 7617) in every way in which OAuth2 clients encode them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::form;

/// The longest name or secret, in bytes; passwords of 128 characters fit, however encoded.
const MAX_BYTES: usize = 2048;

/// A name and a secret, in each way in which they can be read, the likeliest first and never twice
/// the same.
///
/// RFC 6749 section 2.3.1 has both form-encoded before they are joined. Some clients do that, others
/// send them as they are in UTF-8 or in latin-1.
pub struct BasicCredentials(Vec<(String, String)>);

/// The header is not that of Basic credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Basic credentials are malformed")]
pub struct BasicError;

impl BasicCredentials {
    /// Reads the value of an `Authorization` header; nothing where it is of another scheme.
    pub fn read(value: &[u8]) -> Result<Option<Self>, BasicError> {
        let space = value.iter().position(|byte| *byte == b' ');
        let (scheme, rest) = value
            .split_at_checked(space.unwrap_or(value.len()))
            .ok_or(BasicError)?;
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return Ok(None);
        }
        let decoded = STANDARD.decode(rest.trim_ascii()).map_err(|_| BasicError)?;
        // Databases and C libraries end a text at a zero byte, so that two names could be one.
        if decoded.len() > MAX_BYTES || decoded.contains(&0) {
            return Err(BasicError);
        }
        let colon = decoded.iter().position(|byte| *byte == b':');
        let (name, secret) = colon
            .and_then(|colon| decoded.split_at_checked(colon))
            .ok_or(BasicError)?;
        let secret = secret.get(1..).unwrap_or_default();
        // Form-encoded as RFC 6749 section 2.3.1 says, plain as most clients send it, and Latin-1,
        // since RFC 7617 section 2.1 leaves the encoding open.
        let readings = [
            both(name, secret, |bytes| utf8(form::decode(bytes)?)),
            both(name, secret, |bytes| utf8(bytes.to_vec())),
            both(name, secret, |bytes| {
                Some(bytes.iter().copied().map(char::from).collect())
            }),
        ];
        let mut distinct: Vec<(String, String)> = Vec::new();
        for reading in readings.into_iter().flatten() {
            if !distinct.contains(&reading) {
                distinct.push(reading);
            }
        }
        Ok(Some(Self(distinct)))
    }

    /// The readings: name and secret.
    pub fn readings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, secret)| (&**name, &**secret))
    }
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BasicCredentials(..)")
    }
}

fn both(
    name: &[u8],
    secret: &[u8],
    read: impl Fn(&[u8]) -> Option<String>,
) -> Option<(String, String)> {
    Some((read(name)?, read(secret)?))
}

fn utf8(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains('\0')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(credentials: &[u8]) -> Vec<(String, String)> {
        let value = format!("Basic {}", STANDARD.encode(credentials));
        let read = BasicCredentials::read(value.as_bytes()).unwrap().unwrap();
        read.readings()
            .map(|(name, secret)| (name.to_owned(), secret.to_owned()))
            .collect()
    }

    #[test]
    fn every_way_of_encoding_is_among_the_readings() {
        // Real clients: form-encoded, raw UTF-8, raw latin-1.
        let rows: [(&[u8], &str, &str); 9] = [
            (b"s6BhdRkqt3:gX1fBat3bV", "s6BhdRkqt3", "gX1fBat3bV"),
            (b"my%2Dapp:a%20b", "my-app", "a b"),
            (b"my%2dapp:a+b", "my-app", "a b"),
            (b"app:100%", "app", "100%"),
            (b"app:1+1", "app", "1+1"),
            (b"app:a:b:c", "app", "a:b:c"),
            ("bob:grün".as_bytes(), "bob", "grün"),
            (b"bob:gr\xfcn", "bob", "grün"),
            (b"bob:", "bob", ""),
        ];
        for (credentials, name, secret) in rows {
            let expected = (name.to_owned(), secret.to_owned());
            let found = readings(credentials);
            assert!(found.contains(&expected), "{expected:?} in {found:?}");
        }
        assert_eq!(readings(b"s6BhdRkqt3:gX1fBat3bV").len(), 1);
        assert_eq!(readings(b"app:%zz").len(), 1);
    }

    #[test]
    fn other_schemes_are_none_and_broken_ones_are_told() {
        for other in ["", "Bearer abc", "Basi", "BasicYTpi"] {
            let read = BasicCredentials::read(other.as_bytes());
            assert!(read.unwrap().is_none(), "{other}");
        }
        assert!(BasicCredentials::read(b"bAsIc YTpi").unwrap().is_some());
        for broken in [
            "Basic",
            "Basic ",
            "Basic !!!",
            "Basic YQ==",
            "Basic YTpiAA==",
        ] {
            assert_eq!(
                BasicCredentials::read(broken.as_bytes()).err(),
                Some(BasicError),
                "{broken}"
            );
        }
    }
}
