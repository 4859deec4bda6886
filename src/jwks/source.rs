//! A remote key set that can be fetched: settings, and whom to trust for its server.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::address::{JwksAddress, Reach};
use super::schedule::Schedule;
use super::settings::RemoteKeySettings;

/// Why a remote key set cannot be fetched at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteKeysError {
    #[error("`jwks_ca_file` cannot be used: {reason}; give certificates in PEM")]
    Ca { reason: String },
    #[error("no trusted roots found on this system: {reason}; install them or set `jwks_ca_file`")]
    NoSystemRoots { reason: String },
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up: {reason}; this build of Portcullis is broken")]
    Tls { reason: String },
}

/// What [`super::RemoteKeys::start`] asks for.
#[derive(Debug, Clone)]
pub struct RemoteKeySource {
    /// What the log calls the issuer.
    pub(super) issuer: String,
    pub(super) address: JwksAddress,
    pub(super) tls: ClientConfig,
    pub(super) schedule: Schedule,
    pub(super) timeout: Duration,
    pub(super) max_bytes: usize,
}

impl RemoteKeySource {
    /// Reads the roots: those in `ca_pem`, else the system's. Sends nothing.
    pub fn new(
        issuer: impl Into<String>,
        settings: &RemoteKeySettings,
        ca_pem: Option<&[u8]>,
    ) -> Result<Self, RemoteKeysError> {
        let roots = match (settings.address.reach(), ca_pem) {
            (Reach::Loopback, _) => RootCertStore::empty(),
            (Reach::Verified, None) => system_roots()?,
            (Reach::Verified, Some(pem)) => configured_roots(pem)?,
        };
        Ok(Self {
            issuer: issuer.into(),
            address: settings.address.clone(),
            tls: tls_trusting(roots)?,
            schedule: Schedule::new(settings.refresh, settings.cooldown),
            timeout: settings.timeout,
            max_bytes: settings.max_bytes,
        })
    }
}

fn system_roots() -> Result<RootCertStore, RemoteKeysError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(roots);
    }
    let mut reason = format!("none usable, {ignored} unreadable");
    if let Some(error) = found.errors.first() {
        reason = format!("{reason}, {error}");
    }
    Err(RemoteKeysError::NoSystemRoots { reason })
}

fn configured_roots(pem: &[u8]) -> Result<RootCertStore, RemoteKeysError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let added = certificate
            .map_err(|error| error.to_string())
            .and_then(|der| roots.add(der).map_err(|error| error.to_string()));
        added.map_err(|reason| RemoteKeysError::Ca { reason })?;
    }
    if roots.is_empty() {
        let reason = "it contains no certificate".to_owned();
        return Err(RemoteKeysError::Ca { reason });
    }
    Ok(roots)
}

fn tls_trusting(roots: RootCertStore) -> Result<ClientConfig, RemoteKeysError> {
    // Named, not the process default: a host process may have installed another one.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| RemoteKeysError::Tls {
            reason: error.to_string(),
        })?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_must_be_certificates() {
        let address = JwksAddress::parse("https://id.shop.example/").unwrap();
        let settings = RemoteKeySettings::new(address);
        for pem in [
            b"".as_slice(),
            b"not a certificate",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            b"-----BEGIN CERTIFICATE-----\nAA",
        ] {
            let refused = RemoteKeySource::new("staff", &settings, Some(pem)).unwrap_err();
            assert!(matches!(refused, RemoteKeysError::Ca { .. }), "{refused}");
        }
    }
}
