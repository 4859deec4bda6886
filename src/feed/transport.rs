//! One HTTP/2 connection to an issuer: TCP or TLS, and who this gate is.

use std::path::PathBuf;
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
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tonic::body::Body;
use tonic::metadata::{Ascii, MetadataValue};
use tower_service::Service;

use super::settings::FeedSettings;
use crate::files::{self, FileError};
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
        /// The key of the configuration.
        key: &'static str,
        /// Why.
        source: FileError,
    },
    /// A file that is not what it should be.
    #[error("`feed.{key}: {}` cannot be used: {reason}", .path.display())]
    Unusable {
        /// The key of the configuration.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system has no certificate authorities.
    #[error("no certificate authorities on this system ({0}): install them, or set `feed.ca_file`")]
    NoSystemRoots(String),
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up: {0}; this build of Portcullis is broken")]
    Tls(String),
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
        let identity = settings.identity.as_ref();
        Ok(Self {
            token: secret("token_file", settings.token_file.as_ref())?,
            authorities: public("ca_file", settings.ca_file.as_ref())?,
            certificate: public("client_cert_file", identity.map(|files| &files.cert_file))?,
            key: secret("client_key_file", identity.map(|files| &files.key_file))?,
        })
    }
}

/// Makes connections.
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
            (Some(path), Some(token)) => Some(credential(secret_in_file(token)).ok_or_else(
                || FeedError::Unusable {
                    key: "token_file",
                    path: path.clone(),
                    reason: "it holds no line of printable ASCII".to_owned(),
                },
            )?),
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
            let stream = stream.map_err(|error| with_causes(&*error))?;
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
    let roots = match (&settings.ca_file, &files.authorities) {
        (Some(path), Some(pem)) => configured_roots(pem).map_err(|reason| FeedError::Unusable {
            key: "ca_file",
            path: path.clone(),
            reason,
        })?,
        _ if settings
            .addresses
            .iter()
            .any(|uri| uri.scheme_str() == Some("https")) =>
        {
            system_roots()?
        }
        _ => RootCertStore::empty(),
    };
    // Named, not the process default: a host process may have installed another one.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| FeedError::Tls(error.to_string()))?
        .with_root_certificates(roots);
    let (Some(identity), Some(certificate), Some(key)) =
        (&settings.identity, &files.certificate, &files.key)
    else {
        return Ok(builder.with_no_client_auth());
    };
    let unusable = |key, path: &PathBuf| {
        let path = path.clone();
        move |reason: String| FeedError::Unusable { key, path, reason }
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let chain = chain
        .map_err(|error| error.to_string())
        .map_err(unusable("client_cert_file", &identity.cert_file))?;
    let in_key_file = || unusable("client_key_file", &identity.key_file);
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|error| error.to_string())
        .map_err(in_key_file())?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| error.to_string())
        .map_err(in_key_file())
}

fn configured_roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("it holds no certificate in PEM".to_owned());
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, FeedError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err(FeedError::NoSystemRoots(format!("{ignored} unreadable")));
    }
    Ok(roots)
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

/// The text of an error with everything that it is due to.
pub(super) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
