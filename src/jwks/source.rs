//! A remote key set that can be fetched: settings, and whom to trust for its server.

use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};

use super::address::{JwksAddress, Reach};
use super::schedule::Schedule;
use super::settings::RemoteKeySettings;
use crate::certificates::{self, CertificateError, NoSystemRootsError};

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
            (Reach::Verified, None) => certificates::system_roots()?,
            (Reach::Verified, Some(pem)) => certificates::configured_roots(pem)?,
        };
        let tls = certificates::client_trusting(roots).map_err(|error| RemoteKeysError::Tls {
            reason: error.to_string(),
        })?;
        Ok(Self {
            issuer: issuer.into(),
            address: settings.address.clone(),
            tls: tls.with_no_client_auth(),
            schedule: Schedule::new(settings.refresh, settings.cooldown),
            timeout: settings.timeout,
            max_bytes: settings.max_bytes,
        })
    }
}

impl From<NoSystemRootsError> for RemoteKeysError {
    fn from(error: NoSystemRootsError) -> Self {
        Self::NoSystemRoots {
            reason: error.to_string(),
        }
    }
}

impl From<CertificateError> for RemoteKeysError {
    fn from(error: CertificateError) -> Self {
        Self::Ca {
            reason: error.to_string(),
        }
    }
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
