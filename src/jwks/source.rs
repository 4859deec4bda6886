//! A remote key set that can be fetched: settings, and whom to trust for its server.

use std::path::PathBuf;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};

use super::proxy::{Proxy, ProxyError};
use super::schedule::Schedule;
use super::settings::{KeyLocation, RemoteKeySettings};
use crate::certificates::{self, CertificateError, NoSystemRootsError};

/// Why a remote key set cannot be fetched at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteKeysError {
    #[error("`jwks_ca_file` cannot be used: {reason}; give certificates in PEM")]
    Ca { reason: String },
    #[error("no trusted roots found on this system: {reason}; install them or set `jwks_ca_file`")]
    NoSystemRoots { reason: String },
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up: {reason}; this build of Portcullis is broken")]
    Tls { reason: String },
}

/// Whether keys serve while fetches fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serving {
    EarlierKeys,
    NoKeys,
}

/// What [`super::RemoteKeys::start`] asks for.
#[derive(Debug, Clone)]
pub struct RemoteKeySource {
    /// What the log calls the issuer.
    pub(super) issuer: String,
    pub(super) location: KeyLocation,
    pub(super) tls: ClientConfig,
    pub(super) proxy: Option<Proxy>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) serving: Serving,
    pub(super) schedule: Schedule,
    pub(super) timeout: Duration,
    pub(super) max_bytes: usize,
}

impl RemoteKeySource {
    /// Reads the roots, those in `ca_pem` or else the system's, and the environment for a proxy, where
    /// TLS may be spoken. Sends nothing.
    pub fn new(
        issuer: impl Into<String>,
        settings: &RemoteKeySettings,
        ca_pem: Option<&[u8]>,
    ) -> Result<Self, RemoteKeysError> {
        let location = &settings.location;
        let roots = match ca_pem {
            Some(pem) => certificates::configured_roots(pem)?,
            None if location.is_encrypted() => certificates::system_roots()?,
            // TLS is possible but not certain: without roots it fails when it is tried.
            None if location.may_be_encrypted() => {
                certificates::system_roots().unwrap_or(RootCertStore::empty())
            }
            None => RootCertStore::empty(),
        };
        // Only TLS goes through it. What is wrong with it does not concern keys that come by plain http.
        let proxy = if location.may_be_encrypted() {
            Proxy::from_environment()?
        } else {
            None
        };
        let tls = certificates::client_trusting(roots).map_err(|error| RemoteKeysError::Tls {
            reason: error.to_string(),
        })?;
        Ok(Self {
            issuer: issuer.into(),
            location: settings.location.clone(),
            tls: tls.with_no_client_auth(),
            proxy,
            token_file: settings.token_file.clone(),
            serving: Serving::NoKeys,
            schedule: Schedule::new(settings.refresh, settings.cooldown),
            timeout: settings.timeout,
            max_bytes: settings.max_bytes,
        })
    }

    /// The same where keys from elsewhere serve until the first fetch.
    #[must_use]
    pub fn with_earlier_keys(self) -> Self {
        Self {
            serving: Serving::EarlierKeys,
            ..self
        }
    }

    /// The same with this proxy, whatever the environment says.
    #[must_use]
    pub fn through(self, proxy: Proxy) -> Self {
        Self {
            proxy: Some(proxy),
            ..self
        }
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
    use crate::jwks::{JwksAddress, PlainText};

    #[test]
    fn a_ca_must_be_certificates() {
        let address = JwksAddress::parse("https://id.shop.example/", PlainText::Refused);
        let settings = RemoteKeySettings::new(KeyLocation::Address(address.unwrap()));
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
