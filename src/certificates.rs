//! Certificates and private keys in PEM, and the roots that TLS connections trust.

mod fields;
mod refusal;

use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

pub use fields::{CertificateFields, Validity, version};
pub use refusal::why_refused;

/// Why PEM text, or what it holds, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// No certificate among what it holds.
    #[error("it contains no PEM certificate")]
    NoCertificate,
    /// A private key where a certificate is asked for.
    #[error("it contains a private key and no PEM certificate")]
    KeyInstead,
    /// A certificate where a private key is asked for.
    #[error("it contains a certificate and no private key")]
    CertificateInstead,
    /// It is not PEM, or has no private key where one is asked for.
    #[error(transparent)]
    Pem(#[from] pem::Error),
    /// The TLS library does not take what it holds. In a box: it is large.
    #[error(transparent)]
    Unsuitable(Box<rustls::Error>),
}

impl From<rustls::Error> for CertificateError {
    fn from(error: rustls::Error) -> Self {
        Self::Unsuitable(Box::new(error))
    }
}

/// The operating system has no usable certificate authority.
#[derive(Debug, thiserror::Error)]
#[error("none usable, {unreadable} unreadable{}", first_error.as_ref().map(|error| format!(", {error}")).unwrap_or_default())]
pub struct NoSystemRootsError {
    unreadable: usize,
    first_error: Option<Box<rustls_native_certs::Error>>,
}

/// A chain of at least one certificate.
pub fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?;
    if certificates.is_empty() {
        return Err(if PrivateKeyDer::from_pem_slice(pem).is_ok() {
            CertificateError::KeyInstead
        } else {
            CertificateError::NoCertificate
        });
    }
    Ok(certificates)
}

/// The first private key.
pub fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, CertificateError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        if CertificateDer::from_pem_slice(pem).is_ok() {
            CertificateError::CertificateInstead
        } else {
            error.into()
        }
    })
}

/// Roots that an operator has configured: all certificates of the text, each of which can be one.
pub fn configured_roots(pem: &[u8]) -> Result<RootCertStore, CertificateError> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(pem)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}

/// The roots of the operating system.
pub fn system_roots() -> Result<RootCertStore, NoSystemRootsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, unreadable) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(roots);
    }
    Err(NoSystemRootsError {
        unreadable,
        first_error: found.errors.into_iter().next().map(Box::new),
    })
}

/// Begins the configuration of a client that trusts `roots`.
pub fn client_trusting(
    roots: RootCertStore,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, rustls::Error> {
    // Named, not the process default: a host process may have installed another one.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots))
}
