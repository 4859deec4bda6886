//! What the files of a section hold, made into what handshakes use.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{InconsistentKeys, ServerConfig};

use super::verifier::NamedClients;
use super::{IdentityFiles, TlsError, TlsListener, TlsSettings};
use crate::certificates::{self, CertificateError, Validity};
use crate::clock::Clock;
use crate::files;

/// What the files held when they were last good.
pub(super) struct Loaded {
    pub(super) digest: blake3::Hash,
    pub(super) config: Arc<ServerConfig>,
    pub(super) validity: Option<Validity>,
    /// Where clients must have a certificate.
    pub(super) clients: Option<Clients>,
}

/// Who judges the certificates of clients.
#[derive(Clone)]
pub(super) struct Clients {
    /// Of the file with the authorities.
    pub(super) digest: blake3::Hash,
    pub(super) judge: Arc<dyn ClientCertVerifier>,
}

/// The files of a section as they are.
pub(super) struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authorities: Option<Vec<u8>>,
}

impl Files {
    pub(super) fn read(listener: TlsListener, settings: &TlsSettings) -> Result<Self, TlsError> {
        let file = |key| {
            let section = listener.section();
            move |source| TlsError::File {
                section,
                key,
                source,
            }
        };
        let identity = &settings.identity;
        let authorities = settings.clients.as_ref().map(|clients| {
            files::read_public_keys(&clients.ca_file).map_err(file("client_ca_file"))
        });
        // Bytes only: a reload compares their digest with that of those in use before anything is
        // parsed.
        Ok(Self {
            certificate: files::read_public_keys(&identity.cert_file).map_err(file("cert_file"))?,
            key: files::read_secret(&identity.key_file).map_err(file("key_file"))?,
            authorities: authorities.transpose()?,
        })
    }

    pub(super) fn digest(&self) -> blake3::Hash {
        let mut digest = blake3::Hasher::new();
        let parts = [
            Some(&self.certificate),
            Some(&self.key),
            self.authorities.as_ref(),
        ];
        for part in parts.into_iter().flatten() {
            // So that no byte can pass from one file to the next.
            digest.update(&part.len().to_le_bytes());
            digest.update(part);
        }
        digest.finalize()
    }

    /// Makes of the files what handshakes use.
    pub(super) fn load(
        &self,
        listener: TlsListener,
        settings: &TlsSettings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Loaded, TlsError> {
        let section = listener.section();
        let IdentityFiles {
            cert_file,
            key_file,
        } = &settings.identity;
        let chain = certificates::chain(&self.certificate).map_err(unusable(
            section,
            "cert_file",
            cert_file,
        ))?;
        check_version(&chain, section, cert_file)?;
        let key = certificates::private_key(&self.key)
            .map_err(unusable(section, "key_file", key_file))?;
        let validity = Validity::of(&chain);
        // Named, not the process default: a host process may have installed another one.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let time = Arc::new(TlsClock(Arc::clone(clock)));
        let builder = ServerConfig::builder_with_details(Arc::clone(&provider), time)
            .with_safe_default_protocol_versions()
            .map_err(library(section))?;
        let clients = self.clients(section, settings, provider)?;
        let builder = match &clients {
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(&clients.judge)),
            None => builder.with_no_client_auth(),
        };
        let built = builder.with_single_cert(chain, key);
        let mut config = built.map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch {
                section,
                path: key_file.clone(),
            },
            error @ rustls::Error::InvalidCertificate(_) => {
                unusable(section, "cert_file", cert_file)(error.into())
            }
            error => unusable(section, "key_file", key_file)(error.into()),
        })?;
        config.alpn_protocols = vec![listener.protocol().to_vec()];
        if clients.is_some() {
            // Who resumes a session is not asked for the certificate again, and it may have ended.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Loaded {
            digest: self.digest(),
            config: Arc::new(config),
            validity,
            clients,
        })
    }

    /// What judges the certificates of clients, where they must have one.
    fn clients(
        &self,
        section: &'static str,
        settings: &TlsSettings,
        provider: Arc<CryptoProvider>,
    ) -> Result<Option<Clients>, TlsError> {
        let (Some(clients), Some(pem)) = (&settings.clients, &self.authorities) else {
            return Ok(None);
        };
        let roots = certificates::configured_roots(pem).map_err(unusable(
            section,
            "client_ca_file",
            &clients.ca_file,
        ))?;
        let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| library(section)(rustls::Error::General(error.to_string())))?;
        let judge: Arc<dyn ClientCertVerifier> = match clients.names.clone() {
            None => chain,
            Some(names) => Arc::new(NamedClients { chain, names }),
        };
        Ok(Some(Clients {
            digest: blake3::hash(pem),
            judge,
        }))
    }
}

/// The certificate of the listener, which the library takes in version 3 alone; its message would name neither
/// the file nor the fix.
fn check_version(
    chain: &[CertificateDer<'_>],
    section: &'static str,
    path: &Path,
) -> Result<(), TlsError> {
    match chain.first().and_then(|der| certificates::version(der)) {
        Some(version @ (1 | 2)) => Err(TlsError::OldVersion {
            section,
            path: path.to_owned(),
            version,
        }),
        _ => Ok(()),
    }
}

fn unusable(
    section: &'static str,
    key: &'static str,
    path: &Path,
) -> impl FnOnce(CertificateError) -> TlsError {
    let path = path.to_owned();
    move |source| TlsError::Unusable {
        section,
        key,
        path,
        source,
    }
}

fn library(section: &'static str) -> impl FnOnce(rustls::Error) -> TlsError {
    move |error| TlsError::Library {
        section,
        source: Box::new(error),
    }
}

/// The certificates of clients are judged by the clock of the process.
struct TlsClock(Arc<dyn Clock>);

impl fmt::Debug for TlsClock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TlsClock")
    }
}

impl TimeProvider for TlsClock {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().0).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
