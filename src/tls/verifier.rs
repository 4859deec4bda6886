//! Verifies the certificates of clients: the chain, and then the name.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, SignatureScheme,
};

use super::names::ClientNames;
use crate::certificates::CertificateFields;

/// The most of a stranger's names that is logged, in bytes.
const MAX_SHOWN_BYTES: usize = 200;

/// Adds the names to what `chain` verifies.
#[derive(Debug)]
pub(super) struct NamedClients {
    pub(super) chain: Arc<dyn ClientCertVerifier>,
    pub(super) names: ClientNames,
}

/// A client of the right authority with another name.
#[derive(Debug)]
struct UnknownClientError(String);

impl fmt::Display for UnknownClientError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "none of its names is among `client_names`: {}",
            self.0
        )
    }
}

impl Error for UnknownClientError {}

impl ClientCertVerifier for NamedClients {
    fn client_auth_mandatory(&self) -> bool {
        self.chain.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        // First: nothing that nobody has signed is read.
        let verified = self
            .chain
            .verify_client_cert(end_entity, intermediates, now)?;
        let Some(client) = CertificateFields::read(end_entity) else {
            return Err(CertificateError::BadEncoding.into());
        };
        if self.names.admit(&client) {
            return Ok(verified);
        }
        let unknown = UnknownClientError(shown(&client));
        Err(CertificateError::Other(OtherError(Arc::new(unknown))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// The names for the log: without control characters, and not too long.
fn shown(client: &CertificateFields) -> String {
    let names: Vec<&str> = client
        .uris
        .iter()
        .chain(&client.dns_names)
        .map(String::as_str)
        .collect();
    if names.is_empty() {
        return "it has none".to_owned();
    }
    let mut text: String = names
        .join(", ")
        .escape_debug()
        .take(MAX_SHOWN_BYTES)
        .collect();
    if text.len() == MAX_SHOWN_BYTES {
        text.push_str("...");
    }
    text
}
