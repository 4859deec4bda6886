//! The proxy in front of the API, to which the portal sends what its users try out.
//!
//! Whoever fills in the page decides on no more than a path, a query and a body: the server is the one of the
//! settings, redirects are not followed, and no header comes from the page. Time, size and number of what is
//! under way are bounded.

mod answer;
mod turns;

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};

use super::settings::{ProxyOrigin, ProxySettings};
use crate::certificates::{self, CertificateError, NoSystemRootsError, why_refused};
use crate::files::{self, FileError};
use crate::identity::UserId;
use crate::problem::with_causes;

pub(super) use answer::{AnswerBody, BodyEnd, ProxyAnswer};
use turns::Turns;

/// The most that the head of an answer may take, in bytes.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// An API that has several forms of an answer gives the one that a page can show.
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/json, */*;q=0.8");
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("portcullis/", env!("CARGO_PKG_VERSION")));

/// Why nothing can be sent to the proxy at all.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The file of the authorities.
    #[error("`issuer.portal.proxy.ca_file`: {0}")]
    File(#[from] FileError),
    /// A file that is not what it should be.
    #[error("`issuer.portal.proxy.ca_file: {}` cannot be used: {source}", .path.display())]
    Unusable {
        path: PathBuf,
        source: CertificateError,
    },
    #[error(
        "no certificate authorities on this system ({0}): install them, or set `issuer.portal.proxy.ca_file`"
    )]
    NoSystemRoots(#[from] NoSystemRootsError),
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up: {0}; this build of Portcullis is broken")]
    Tls(Box<rustls::Error>),
}

/// A request that a user tries out.
pub(super) struct Trial<'a> {
    /// Who waits for the answer, whoever calls.
    pub(super) user: &'a UserId,
    pub(super) method: Method,
    /// The path, with its query: made of a route of the policy.
    pub(super) target: &'a str,
    pub(super) body: Option<TrialBody>,
    /// The token of the caller, if there is one.
    pub(super) token: Option<&'a str>,
}

/// What a user sends along.
pub(super) struct TrialBody {
    pub(super) content_type: HeaderValue,
    pub(super) text: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TrialError {
    /// Too many requests of others are under way.
    Busy,
    /// As many requests of the same user are under way as one may have.
    BusyWithOwn,
    /// No connection: nothing was sent.
    Unreachable,
    /// The connection ended before there was an answer: what was sent may have been done.
    Broken,
    /// The certificate of the proxy is not trusted.
    Untrusted,
    TimedOut,
    /// What came is not HTTP, or its head is too long.
    NotHttp,
    /// A defect: the target is not a path.
    Target,
}

/// The proxy of the settings.
pub(super) struct Proxy {
    origin: ProxyOrigin,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
    turns: Turns,
}

impl Proxy {
    /// Reads the authorities; sends nothing.
    pub(super) fn new(settings: &ProxySettings) -> Result<Self, ProxyError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(settings.timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(settings)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            // A connection for each request: nothing of one user waits on that of another, and none is sent twice
            // because a connection was found closed.
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .build(connector);
        Ok(Self {
            origin: settings.origin.clone(),
            client,
            timeout: settings.timeout,
            turns: Turns::default(),
        })
    }

    /// Where it is.
    pub(super) fn origin(&self) -> &ProxyOrigin {
        &self.origin
    }

    /// Sends a request and reads what comes, within the bounds. The answer does not have the token, even where
    /// the API repeats it.
    pub(super) async fn send(&self, trial: Trial<'_>) -> Result<ProxyAnswer, TrialError> {
        let _turn = self.turns.take(trial.user)?;
        let token = trial.token;
        let request = self.request(trial).ok_or(TrialError::Target)?;
        // One for all of it: head and body together.
        let mut deadline = pin!(tokio::time::sleep(self.timeout));
        let response = tokio::select! {
            response = self.client.request(request) => response.map_err(|error| told(&error))?,
            () = &mut deadline => return Err(TrialError::TimedOut),
        };
        Ok(ProxyAnswer::read(response, deadline, token).await)
    }

    fn request(&self, trial: Trial<'_>) -> Option<Request<Full<Bytes>>> {
        let uri: Uri = self.origin.address_of(trial.target).parse().ok()?;
        // Whatever the target is, it changes no server.
        let authority = uri.authority().map(http::uri::Authority::as_str);
        if !trial.target.starts_with('/') || authority != Some(self.origin.authority()) {
            return None;
        }
        let mut request = Request::new(Full::default());
        *request.method_mut() = trial.method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, ACCEPTED);
        headers.insert(USER_AGENT, AGENT);
        if let Some(token) = trial.token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
            // Kept out of what libraries print.
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(body) = trial.body {
            headers.insert(CONTENT_TYPE, body.content_type);
            *request.body_mut() = Full::from(body.text);
        }
        Some(request)
    }
}

/// What a user is told of a failure; the operator reads more of it in the log.
fn told(error: &ClientError) -> TrialError {
    let refused = why_refused(error, "issuer.portal.proxy.ca_file");
    let kind = match &refused {
        Some(_) => TrialError::Untrusted,
        None if is_not_http(error) => TrialError::NotHttp,
        None if error.is_connect() => TrialError::Unreachable,
        None => TrialError::Broken,
    };
    let reason = refused.unwrap_or_else(|| with_causes(error));
    tracing::warn!(
        error = reason,
        "a call that a user tries out got no answer from the proxy: check `issuer.portal.proxy`"
    );
    kind
}

/// Whether there was an answer that is not one.
fn is_not_http(error: &ClientError) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return error.is_parse() || error.is_parse_too_large();
        }
        cause = error.source();
    }
    false
}

/// What a start would find wrong with the authorities; they are read and dropped.
pub(super) fn check_files(settings: &ProxySettings) -> Result<(), ProxyError> {
    match tls(settings) {
        // Of the machine, which may not be the one that the settings are for.
        Ok(_) | Err(ProxyError::NoSystemRoots(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn tls(settings: &ProxySettings) -> Result<ClientConfig, ProxyError> {
    let roots = match &settings.ca_file {
        Some(path) => {
            let pem = files::read_public_keys(path)?;
            let roots = certificates::configured_roots(&pem);
            roots.map_err(|source| ProxyError::Unusable {
                path: path.clone(),
                source,
            })?
        }
        None if settings.origin.is_encrypted() => certificates::system_roots()?,
        None => RootCertStore::empty(),
    };
    let builder =
        certificates::client_trusting(roots).map_err(|error| ProxyError::Tls(Box::new(error)))?;
    Ok(builder.with_no_client_auth())
}

#[cfg(test)]
mod tests;
