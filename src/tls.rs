//! TLS of the listeners: their certificates, which are replaced while they serve, and who may connect.

mod admission;
mod expiry;
mod handshake;
mod loaded;
mod metrics;
mod names;
mod settings;
mod verifier;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::client::verify_server_name;
use rustls::pki_types::ServerName;
use rustls::server::ParsedCertificate;
use rustls::server::danger::ClientCertVerifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::certificates::{self, CertificateError, Validity};
use crate::clock::{Clock, SystemClock, UnixSeconds};
use crate::files::{self, FileError};
use crate::labels::{Label, closed_set};
use crate::problem::Problem;

use handshake::Handshakes;
use loaded::{Files, Loaded};

pub use admission::{Admission, Secured, withdrawn};
pub use expiry::ExpiryWatch;
pub use handshake::HandshakeFailure;
pub use metrics::TlsMetrics;
pub use names::ClientNames;
pub use settings::{ClientRules, IdentityFiles, TlsDocument, TlsSettings};

closed_set! {
    /// A listener that can speak TLS.
    pub enum TlsListener {
        Authz = "authz",
        Admin = "admin",
        Feed = "feed",
        Issuer = "issuer",
    }
}

impl TlsListener {
    /// Where its settings are.
    pub fn section(self) -> &'static str {
        match self {
            Self::Authz => "listeners.authz.tls",
            Self::Admin => "listeners.admin.tls",
            Self::Feed => "listeners.feed.tls",
            Self::Issuer => "issuer.tls",
        }
    }

    /// What is spoken within TLS (RFC 7301). A client that names protocols must name this one.
    fn protocol(self) -> &'static [u8] {
        match self {
            Self::Authz | Self::Feed => b"h2",
            Self::Admin | Self::Issuer => b"http/1.1",
        }
    }
}

/// Why a listener cannot speak TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of the section cannot be read.
    #[error("`{section}.{key}`: {source}")]
    File {
        section: &'static str,
        key: &'static str,
        source: FileError,
    },
    /// A file without what it should hold.
    #[error("`{section}.{key}: {}` cannot be used: {source}: {}", .path.display(), question(.source))]
    Unusable {
        section: &'static str,
        key: &'static str,
        path: PathBuf,
        source: CertificateError,
    },
    /// A certificate of a version that the TLS library does not take.
    #[error(
        "`{section}.cert_file: {}` is X.509 version {version}, and TLS needs version 3: make it anew with an \
         extension such as `subjectAltName`", .path.display()
    )]
    OldVersion {
        section: &'static str,
        path: PathBuf,
        version: u8,
    },
    /// A certificate and the key of another one.
    #[error(
        "`{section}.key_file: {}` is not the key of the first certificate in `cert_file`: name the two \
         files that belong together", .path.display()
    )]
    Mismatch {
        section: &'static str,
        path: PathBuf,
    },
    /// The TLS library refused its own defaults.
    #[error("`{section}`: TLS cannot be set up: {source}; this build of Portcullis is broken")]
    Library {
        section: &'static str,
        source: Box<rustls::Error>,
    },
}

/// What may be the reason that a file cannot be used.
fn question(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::KeyInstead | CertificateError::CertificateInstead => {
            "are `cert_file` and `key_file` exchanged?"
        }
        CertificateError::NoCertificate
        | CertificateError::Pem(_)
        | CertificateError::Unsuitable(_) => "is it the right file?",
    }
}

impl TlsError {
    /// The setting of the section that is to blame, if it is one.
    pub fn setting(&self) -> Option<&'static str> {
        match self {
            Self::File { key, .. } | Self::Unusable { key, .. } => Some(key),
            Self::OldVersion { .. } => Some("cert_file"),
            Self::Mismatch { .. } => Some("key_file"),
            Self::Library { .. } => None,
        }
    }
}

/// The TLS of one listener.
pub struct ServerTls {
    listener: TlsListener,
    settings: TlsSettings,
    clock: Arc<dyn Clock>,
    /// What the next handshake uses.
    loaded: ArcSwap<Loaded>,
    /// What judges clients, if they need a certificate; connections that are open wait for another.
    judges: Option<watch::Sender<Arc<dyn ClientCertVerifier>>>,
    reloading: Mutex<TlsReloads>,
    handshakes: Handshakes,
}

/// What became of the reloads of a listener's files.
#[derive(Debug, Clone, Default)]
pub struct TlsReloads {
    pub failures: u64,
    /// Why the files are not used as they are now, and since when they cannot be.
    pub error: Option<(UnixSeconds, String)>,
}

impl ServerTls {
    /// Reads the files of the section.
    pub fn load(
        listener: TlsListener,
        settings: TlsSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TlsError> {
        let files = Files::read(listener, &settings)?;
        let loaded = files.load(listener, &settings, &clock)?;
        Ok(Self {
            listener,
            settings,
            clock,
            judges: loaded.clients.as_ref().map(|clients| {
                let (judges, _) = watch::channel(Arc::clone(&clients.judge));
                judges
            }),
            loaded: ArcSwap::from_pointee(loaded),
            reloading: Mutex::default(),
            handshakes: Handshakes::default(),
        })
    }

    /// Reads the files anew. On failure, as with a file that is half written, what was loaded before goes
    /// on serving. Connections that are open stay as they are, except those of clients whose authority
    /// is gone: see [`Admission`].
    pub fn reload(&self) {
        // Held throughout: reloads come one after the other.
        let mut state = self.reloading.lock();
        match self.try_reload() {
            Ok(()) => state.error = None,
            Err(error) => {
                let error = error.to_string();
                state.failures += 1;
                // Files that stay wrong are read again at every reload of anything.
                let known = state.error.as_ref();
                if known.map(|(_, known)| known) != Some(&error) {
                    tracing::warn!(
                        tls.listener = self.listener.label(),
                        error,
                        "cannot load the TLS files; still using the previous ones"
                    );
                    let since = known.map_or_else(|| self.clock.now(), |(since, _)| *since);
                    state.error = Some((since, error));
                }
            }
        }
    }

    fn try_reload(&self) -> Result<(), TlsError> {
        let files = Files::read(self.listener, &self.settings)?;
        if files.digest() == self.loaded.load().digest {
            return Ok(());
        }
        let loaded = files.load(self.listener, &self.settings, &self.clock)?;
        let not_after = loaded.validity.map(|validity| validity.not_after);
        let clients = loaded.clients.clone();
        let previous = self.loaded.swap(Arc::new(loaded));
        // After the swap: a handshake that still began by the previous files hears of it.
        if let (Some(judges), Some(clients)) = (&self.judges, clients)
            && previous.clients.as_ref().map(|clients| clients.digest) != Some(clients.digest)
        {
            judges.send_replace(clients.judge);
        }
        tracing::info!(
            tls.listener = self.listener.label(),
            certificate.not_after = not_after.map(tracing::field::display),
            "the TLS files were reloaded"
        );
        Ok(())
    }

    /// Shakes hands with the client at the other end of `stream`. Who calls this bounds its time, and
    /// reports it with [`ServerTls::fail`] where that bound is reached.
    pub async fn accept<S>(&self, stream: S, client: IpAddr) -> Result<Secured<S>, HandshakeFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // Before the files are taken: a change after that is news to the connection.
        let judges = self.judges.as_ref().map(watch::Sender::subscribe);
        let acceptor = TlsAcceptor::from(Arc::clone(&self.loaded.load().config));
        match acceptor.accept(stream).await {
            Ok(stream) => {
                self.handshakes.count();
                let admission = judges.map(|judges| {
                    let clock = Arc::clone(&self.clock);
                    Admission::new(self.listener, client, &stream, judges, clock)
                });
                Ok(Secured { stream, admission })
            }
            Err(error) => {
                let failure = HandshakeFailure::of(&error);
                self.handshakes
                    .fail(self.listener.label(), client, failure, Some(&error));
                Err(failure)
            }
        }
    }

    /// Counts and logs a handshake that was not let come to its end.
    pub fn fail(&self, client: IpAddr, failure: HandshakeFailure) {
        self.handshakes
            .fail(self.listener.label(), client, failure, None);
    }

    pub fn listener(&self) -> TlsListener {
        self.listener
    }

    /// What became of the reloads so far.
    pub fn reloads(&self) -> TlsReloads {
        self.reloading.lock().clone()
    }

    /// Whether clients must have a certificate.
    pub fn asks_for_clients(&self) -> bool {
        self.settings.clients.is_some()
    }

    /// When the listener's own certificate holds; none where it does not say so legibly.
    pub fn validity(&self) -> Option<Validity> {
        self.loaded.load().validity
    }

    /// The files whose change asks for a reload.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.settings.files()
    }
}

/// Whether the certificate of the section is for this host; nothing where that cannot be found out.
pub fn is_for(settings: &TlsSettings, host: &str) -> Option<bool> {
    let pem = files::read_public_keys(&settings.identity.cert_file).ok()?;
    let chain = certificates::chain(&pem).ok()?;
    let certificate = ParsedCertificate::try_from(chain.first()?).ok()?;
    let host = ServerName::try_from(host).ok()?;
    Some(verify_server_name(&certificate, &host).is_ok())
}

/// What a start would find wrong with the files of the section, or would warn of; what they hold is dropped.
pub fn check_files(
    listener: TlsListener,
    settings: &TlsSettings,
) -> Result<Option<Problem>, TlsError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let loaded = Files::read(listener, settings)?.load(listener, settings, &clock)?;
    let key = format!("{}.cert_file", listener.section());
    let validity = loaded.validity;
    Ok(validity.and_then(|validity| expiry::remark(&key, validity, clock.now())))
}
