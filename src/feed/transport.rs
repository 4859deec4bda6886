//! One HTTP/2 connection to an issuer: TCP or TLS, and who this gate is.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use tonic::body::Body;
use tonic::metadata::{Ascii, MetadataValue};
use tower_service::Service;

use super::settings::FeedSettings;
use crate::certificates::{self, CertificateError, NoSystemRootsError, Validity, why_refused};
use crate::files::{self, FileError};
use crate::problem::with_causes;
use crate::token::secret_in_file;

/// The longest that a connection may take, its handshake included.
const CONNECT: Duration = Duration::from_secs(5);

/// How often a silent connection is asked whether it lives, and how long it may think.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Why a feed cannot even be asked for.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// A file of the section.
    #[error("`feed.{key}`: {source}")]
    File {
        key: &'static str,
        source: FileError,
    },
    /// Nothing could ever be written.
    #[error(
        "`feed.snapshot_file: {}`: there is no directory `{}`: make it, writable by the user of the gate",
        .0.display(), directory_of(.0).display()
    )]
    NoDirectory(PathBuf),
    /// A file that is not what it should be.
    #[error("`feed.{key}: {}` cannot be used: {source}", .path.display())]
    Unusable {
        key: &'static str,
        path: PathBuf,
        source: CertificateError,
    },
    /// A token that no header can carry.
    #[error(
        "`feed.token_file: {}` must hold one line of printable ASCII", .0.display()
    )]
    Token(PathBuf),
    #[error("no certificate authorities on this system ({0}): install them, or set `feed.ca_file`")]
    NoSystemRoots(#[from] NoSystemRootsError),
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up: {0}; this build of Portcullis is broken")]
    Tls(Box<rustls::Error>),
}

impl FeedError {
    /// The setting of the section that is to blame, if it is one.
    pub fn setting(&self) -> Option<&'static str> {
        match self {
            Self::File { key, .. } | Self::Unusable { key, .. } => Some(key),
            Self::Token(_) => Some("token_file"),
            Self::NoDirectory(_) => Some("snapshot_file"),
            Self::NoSystemRoots(_) | Self::Tls(_) => None,
        }
    }
}

/// What a start would find wrong with the files of the section; what they hold is dropped.
pub fn check_files(settings: &FeedSettings) -> Result<(), FeedError> {
    let files = Files::read(settings)?;
    match Transport::new(settings, &files) {
        // Of the machine, which may not be the one that the settings are for.
        Ok(_) | Err(FeedError::NoSystemRoots(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Where a file is; that of a bare name is the present one.
fn directory_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    parent.unwrap_or(Path::new("."))
}

/// What the files of the section hold, so that a reload sees a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Files {
    token: Option<Vec<u8>>,
    authorities: Option<Vec<u8>>,
    certificate: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
}

impl Files {
    pub(super) fn read(settings: &FeedSettings) -> Result<Self, FeedError> {
        let secret = |key, path: Option<&PathBuf>| {
            let read = path.map(|path| files::read_secret(path)).transpose();
            read.map_err(|source| FeedError::File { key, source })
        };
        let public = |key, path: Option<&PathBuf>| {
            let read = path.map(|path| files::read_public_keys(path)).transpose();
            read.map_err(|source| FeedError::File { key, source })
        };
        if let Some(path) = &settings.snapshot_file
            && !directory_of(path).is_dir()
        {
            return Err(FeedError::NoDirectory(path.clone()));
        }
        let identity = settings.identity.as_ref();
        Ok(Self {
            token: secret("token_file", settings.token_file.as_ref())?,
            authorities: public("ca_file", settings.ca_file.as_ref())?,
            certificate: public("client_cert_file", identity.map(|files| &files.cert_file))?,
            key: secret("client_key_file", identity.map(|files| &files.key_file))?,
        })
    }
}

impl Files {
    /// When this gate's own certificate holds, where it has one.
    pub(super) fn validity(&self) -> Option<Validity> {
        let chain = certificates::chain(self.certificate.as_ref()?);
        Validity::of(&chain.ok()?)
    }
}

pub(super) struct Transport {
    connector: HttpsConnector<HttpConnector>,
    /// The value of `authorization`.
    pub(super) credential: Option<MetadataValue<Ascii>>,
}

impl Transport {
    pub(super) fn new(settings: &FeedSettings, files: &Files) -> Result<Self, FeedError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(settings, files)?)
            .https_or_http()
            .enable_http2()
            .wrap_connector(tcp);
        let credential = match (&settings.token_file, &files.token) {
            (Some(path), Some(token)) => {
                let credential = credential(secret_in_file(token));
                Some(credential.ok_or_else(|| FeedError::Token(path.clone()))?)
            }
            _ => None,
        };
        Ok(Self {
            connector,
            credential,
        })
    }

    /// Connects to `address`; the text of an error says what is wrong.
    pub(super) async fn connect(&self, address: &Uri) -> Result<Connection, String> {
        let connecting = async {
            let stream = self.connector.clone().call(address.clone()).await;
            let stream = stream.map_err(|error| {
                why_refused(&*error, "feed.ca_file").unwrap_or_else(|| with_causes(&*error))
            })?;
            let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(KEEPALIVE)
                .keep_alive_timeout(KEEPALIVE)
                .handshake(stream)
                .await
                .map_err(|error| with_causes(&error))?;
            let driver = tokio::spawn(async move {
                // Whoever uses the connection learns of its end there.
                let _ = connection.await;
            });
            Ok(Connection {
                sender,
                _driver: Arc::new(Driver(driver.abort_handle())),
            })
        };
        tokio::time::timeout(CONNECT, connecting)
            .await
            .unwrap_or_else(|_| Err(format!("no connection within {CONNECT:?}")))
    }
}

fn credential(token: &[u8]) -> Option<MetadataValue<Ascii>> {
    let text = std::str::from_utf8(token).ok()?;
    let printable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let mut value: MetadataValue<Ascii> = format!("Bearer {text}").parse().ok()?;
    value.set_sensitive(true);
    printable.then_some(value)
}

fn tls(settings: &FeedSettings, files: &Files) -> Result<ClientConfig, FeedError> {
    let is_https = |uri: &Uri| uri.scheme_str() == Some("https");
    let roots = match (&settings.ca_file, &files.authorities) {
        (Some(path), Some(pem)) => {
            certificates::configured_roots(pem).map_err(unusable("ca_file", path))?
        }
        _ if settings.addresses.iter().any(is_https) => certificates::system_roots()?,
        _ => RootCertStore::empty(),
    };
    let builder =
        certificates::client_trusting(roots).map_err(|error| FeedError::Tls(Box::new(error)))?;
    let (Some(identity), Some(certificate), Some(key)) =
        (&settings.identity, &files.certificate, &files.key)
    else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates::chain(certificate)
        .map_err(unusable("client_cert_file", &identity.cert_file))?;
    let key =
        certificates::private_key(key).map_err(unusable("client_key_file", &identity.key_file))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(CertificateError::from)
        .map_err(unusable("client_key_file", &identity.key_file))
}

fn unusable(key: &'static str, path: &Path) -> impl FnOnce(CertificateError) -> FeedError {
    move |source| FeedError::Unusable {
        key,
        path: path.to_owned(),
        source,
    }
}

/// A connection, for tonic's client; its background task ends with it.
#[derive(Clone)]
pub(super) struct Connection {
    sender: SendRequest<Body>,
    _driver: Arc<Driver>,
}

struct Driver(tokio::task::AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Service<Request<Body>> for Connection {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.sender.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.sender.send_request(request))
    }
}
