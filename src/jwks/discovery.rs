//! Where an issuer says that its keys are: its metadata (OpenID Connect Discovery section 4, RFC 8414
//! section 3).

use serde::Deserialize;

use super::address::{JwksAddress, JwksAddressError, PlainText};

/// An issuer whose metadata name its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    issuer: String,
    documents: [JwksAddress; 2],
    plain_text: PlainText,
}

/// Why metadata cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    #[error("not a JSON object with the strings `issuer` and `jwks_uri`")]
    NotMetadata,
    #[error("they name the issuer `{0}`: write `issuer` exactly as the issuer does")]
    OtherIssuer(String),
    #[error("`jwks_uri` {0}")]
    Address(#[from] JwksAddressError),
    /// Keys that come over a way that anybody can change, named by a document that came safely.
    #[error("`jwks_uri` is plain http, although the metadata came by https")]
    Downgrade,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Discovery {
    /// `issuer` has to be a URL without query.
    pub fn of(issuer: &str, plain_text: PlainText) -> Result<Self, JwksAddressError> {
        let address = JwksAddress::parse(issuer, plain_text)?;
        // OpenID Connect Discovery section 3 and RFC 8414 section 2: an issuer has neither query nor
        // fragment.
        if issuer.contains('?') {
            return Err(JwksAddressError::NotUrl {
                reason: "it has a query".to_owned(),
            });
        }
        let path = address.uri().path().trim_end_matches('/');
        let documents = [
            // OpenID Connect puts its name behind the path of the issuer, RFC 8414 before it.
            address.with_path(&format!("{path}/.well-known/openid-configuration"))?,
            address.with_path(&format!("/.well-known/oauth-authorization-server{path}"))?,
        ];
        Ok(Self {
            issuer: issuer.to_owned(),
            documents,
            plain_text,
        })
    }

    /// Where the metadata may be, the likelier place first.
    pub(super) fn documents(&self) -> &[JwksAddress] {
        &self.documents
    }

    pub(super) fn document(&self) -> &JwksAddress {
        let [document, _] = &self.documents;
        document
    }

    /// Where the keys are, by metadata that came from one of the [`Discovery::documents`].
    pub(super) fn read(&self, metadata: &[u8]) -> Result<JwksAddress, MetadataError> {
        let Metadata { issuer, jwks_uri } =
            serde_json::from_slice(metadata).map_err(|_| MetadataError::NotMetadata)?;
        // RFC 8414 section 3.3: exactly the same, or the metadata of one tenant could stand in for
        // those of another at the same server.
        if issuer != self.issuer {
            return Err(MetadataError::OtherIssuer(issuer));
        }
        let address = JwksAddress::parse(&jwks_uri, self.plain_text)?;
        // Whoever can read the network could put keys of their own in their place.
        if self.document().is_encrypted() && !address.is_encrypted() {
            return Err(MetadataError::Downgrade);
        }
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.shop.example/realms/shop";

    fn discovery(issuer: &str) -> Result<Discovery, JwksAddressError> {
        Discovery::of(issuer, PlainText::Refused)
    }

    #[test]
    fn metadata_are_where_the_two_standards_say() {
        for (issuer, openid, oauth) in [
            (
                ISSUER,
                "https://id.shop.example/realms/shop/.well-known/openid-configuration",
                "https://id.shop.example/.well-known/oauth-authorization-server/realms/shop",
            ),
            (
                "https://id.shop.example/",
                "https://id.shop.example/.well-known/openid-configuration",
                "https://id.shop.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://id.shop.example",
                "https://id.shop.example/.well-known/openid-configuration",
                "https://id.shop.example/.well-known/oauth-authorization-server",
            ),
        ] {
            let discovery = discovery(issuer).unwrap();
            let documents: Vec<_> = discovery
                .documents()
                .iter()
                .map(JwksAddress::display)
                .collect();
            assert_eq!(documents, [openid, oauth], "{issuer}");
        }
    }

    #[test]
    fn an_issuer_that_is_not_a_safe_url_has_no_metadata() {
        for issuer in [
            "staff",
            "http://id.shop.example",
            "https://id.shop.example/?a=b",
            "https://user@id.shop.example/",
        ] {
            assert!(discovery(issuer).is_err(), "{issuer}");
        }
    }

    #[test]
    fn metadata_of_another_issuer_or_with_less_safe_keys_are_refused() {
        let discovery = discovery(ISSUER).unwrap();
        let read = |issuer: &str, jwks_uri: &str| {
            let metadata = serde_json::json!({"issuer": issuer, "jwks_uri": jwks_uri, "x": [1]});
            discovery.read(metadata.to_string().as_bytes())
        };
        let elsewhere = "https://keys.shop.example/certs";
        assert_eq!(read(ISSUER, elsewhere).unwrap().display(), elsewhere);
        for other in [
            "https://id.shop.example/realms/shop/",
            "https://id.shop.example/realms/evil",
            "https://ID.shop.example/realms/shop",
            "",
        ] {
            let error = MetadataError::OtherIssuer(other.to_owned());
            assert_eq!(read(other, elsewhere), Err(error));
        }
        for unsafe_uri in [
            "http://keys.shop.example/certs",
            "http://127.0.0.1/certs",
            "file:///etc/jwks.json",
            "/certs",
            "https://user:word@keys.shop.example/",
        ] {
            assert!(read(ISSUER, unsafe_uri).is_err(), "{unsafe_uri}");
        }
    }

    #[test]
    fn what_is_not_metadata_is_refused() {
        let discovery = discovery(ISSUER).unwrap();
        for text in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"issuer": "https://id.shop.example/realms/shop"}"#,
            r#"{"issuer": 5, "jwks_uri": "https://id.shop.example/certs"}"#,
            r#"{"issuer": "https://id.shop.example/realms/shop", "issuer": "a", "jwks_uri": "b"}"#,
        ] {
            let refused = discovery.read(text.as_bytes());
            assert_eq!(refused, Err(MetadataError::NotMetadata), "{text}");
        }
    }
}
