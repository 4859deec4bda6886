//! How a message reaches the collector: OTLP over gRPC, or as Protobuf over HTTP.

use std::path::PathBuf;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER, TE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};

use super::otlp;
use super::settings::{TraceProtocol, TracesSettings};
use crate::certificates::{self, CertificateError, NoSystemRootsError, why_refused};
use crate::files::{self, FileError};
use crate::problem::with_causes;

/// The method of gRPC.
const EXPORT_PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// The most that is read of an answer, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How often the connection is probed while a request is open, and how long the reply may take.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// The flag and the length in front of a message of gRPC, in bytes.
const PREFIX_BYTES: usize = 5;

/// The most that a log line shows of what a collector says.
const MAX_REASON_CHARS: usize = 200;

/// Why spans cannot even be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The file of the authorities.
    #[error("`traces.ca_file`: {0}")]
    File(#[from] FileError),
    /// A file that is not what it should be.
    #[error("`traces.ca_file: {}` cannot be used: {source}", .path.display())]
    Unusable {
        path: PathBuf,
        source: CertificateError,
    },
    #[error(
        "no certificate authorities on this system ({0}): install them, or set `traces.ca_file`"
    )]
    NoSystemRoots(#[from] NoSystemRootsError),
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up: {0}; this build of Portcullis is broken")]
    Tls(Box<rustls::Error>),
}

/// Why a message was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Another try can help, perhaps not before this time.
    Passing {
        reason: String,
        after: Option<Duration>,
    },
    Final(String),
}

pub(super) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    protocol: TraceProtocol,
    uri: Uri,
    timeout: Duration,
}

impl Transport {
    pub(super) fn new(settings: &TracesSettings) -> Result<Self, TracesError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(settings.timeout));
        let builder = HttpsConnectorBuilder::new()
            .with_tls_config(tls(settings)?)
            .https_or_http();
        let is_grpc = settings.protocol == TraceProtocol::Grpc;
        let connector = if is_grpc {
            builder.enable_http2().wrap_connector(tcp)
        } else {
            builder.enable_http1().wrap_connector(tcp)
        };
        let client = Client::builder(TokioExecutor::new())
            .http2_only(is_grpc)
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            // A collector that is gone without a word would be asked on the old connection for a quarter of an hour.
            .http2_keep_alive_interval(KEEPALIVE)
            .http2_keep_alive_timeout(KEEPALIVE)
            .build(connector);
        Ok(Self {
            client,
            protocol: settings.protocol,
            uri: address(settings),
            timeout: settings.timeout,
        })
    }

    /// Sends a message; answers with the number of spans that the collector rejected. Ends within the
    /// timeout.
    pub(super) async fn send(&self, message: &[u8]) -> Result<u64, Failure> {
        let exchange = tokio::time::timeout(self.timeout, self.exchange(message)).await;
        exchange.unwrap_or_else(|_| Err(passing(&format!("no answer within {:?}", self.timeout))))
    }

    async fn exchange(&self, message: &[u8]) -> Result<u64, Failure> {
        let answer = self.client.request(self.request(message)).await;
        let answer = answer.map_err(|error| {
            let refused = why_refused(&error, "traces.ca_file");
            passing(&refused.unwrap_or_else(|| with_causes(&error)))
        })?;
        let (head, body) = answer.into_parts();
        let answer = Response::from_parts(head, ());
        let body: Collected<Bytes> = Limited::new(body, MAX_ANSWER_BYTES)
            .collect()
            .await
            .map_err(|error| passing(&with_causes(&*error)))?;
        match self.protocol {
            TraceProtocol::Grpc => grpc_outcome(&answer, body),
            TraceProtocol::Http => http_outcome(&answer, &body.to_bytes()),
        }
    }

    fn request(&self, message: &[u8]) -> Request<Full<Bytes>> {
        let (body, content_type) = match self.protocol {
            TraceProtocol::Grpc => (framed(message), "application/grpc"),
            TraceProtocol::Http => (Bytes::copy_from_slice(message), "application/x-protobuf"),
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let mut set = |name: HeaderName, value| {
            request
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        };
        set(CONTENT_TYPE, content_type);
        set(
            USER_AGENT,
            concat!("portcullis/", env!("CARGO_PKG_VERSION")),
        );
        if self.protocol == TraceProtocol::Grpc {
            set(TE, "trailers");
        }
        request
    }
}

/// The whole address of the service, where the setting names the server alone.
fn address(settings: &TracesSettings) -> Uri {
    let path = match (settings.protocol, settings.endpoint.path()) {
        (TraceProtocol::Grpc, _) => EXPORT_PATH,
        (TraceProtocol::Http, "" | "/") => "/v1/traces",
        (TraceProtocol::Http, _) => return settings.endpoint.clone(),
    };
    let mut parts = settings.endpoint.clone().into_parts();
    parts.path_and_query = Some(http::uri::PathAndQuery::from_static(path));
    Uri::from_parts(parts).unwrap_or_else(|_| settings.endpoint.clone())
}

/// What a start would find wrong with the authorities; they are read and dropped.
pub fn check_files(settings: &TracesSettings) -> Result<(), TracesError> {
    match tls(settings) {
        // Of the machine, which may not be the one that the settings are for.
        Ok(_) | Err(TracesError::NoSystemRoots(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn tls(settings: &TracesSettings) -> Result<ClientConfig, TracesError> {
    let roots = match &settings.ca_file {
        Some(path) => {
            let pem = files::read_public_keys(path)?;
            let roots = certificates::configured_roots(&pem);
            roots.map_err(|source| TracesError::Unusable {
                path: path.clone(),
                source,
            })?
        }
        None if settings.endpoint.scheme_str() == Some("https") => certificates::system_roots()?,
        None => RootCertStore::empty(),
    };
    let builder =
        certificates::client_trusting(roots).map_err(|error| TracesError::Tls(Box::new(error)))?;
    Ok(builder.with_no_client_auth())
}

/// A message of gRPC, uncompressed.
fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    frame.put_u8(0);
    // A batch has a few hundred kilobytes.
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

fn grpc_outcome(answer: &Response<()>, body: Collected<Bytes>) -> Result<u64, Failure> {
    if answer.status() != StatusCode::OK {
        return http_outcome(answer, &[]);
    }
    let trailers = body.trailers().cloned().unwrap_or_default();
    // An answer without a message has its status among the headers.
    let find = |name: &str| {
        let of = |headers: &HeaderMap| {
            let value = headers.get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        of(&trailers).or_else(|| of(answer.headers()))
    };
    let code = find("grpc-status").and_then(|code| code.parse::<u32>().ok());
    let Some(code) = code else {
        return Err(passing("it does not speak gRPC"));
    };
    if code == 0 {
        let message = body.to_bytes();
        return rejected(message.get(PREFIX_BYTES..).unwrap_or_default());
    }
    let said = find("grpc-message").unwrap_or_default();
    let reason = shown(&format!("it answered with the gRPC status {code}: {said}"));
    // Those that the protocol of OTLP lists.
    match code {
        1 | 4 | 8 | 10 | 11 | 14 | 15 => Err(passing(&reason)),
        _ => Err(Failure::Final(reason)),
    }
}

/// What an answer of success says: a page of a proxy that stands before the collector is none.
fn rejected(answer: &[u8]) -> Result<u64, Failure> {
    let failure =
        || Failure::Final("what answered is no collector: its answer is not OTLP".to_owned());
    otlp::rejected(answer).ok_or_else(failure)
}

fn http_outcome(answer: &Response<()>, body: &[u8]) -> Result<u64, Failure> {
    let status = answer.status();
    if status.is_success() {
        return rejected(body);
    }
    let reason = format!("it answered with status {}", status.as_u16());
    match status.as_u16() {
        429 | 502 | 503 | 504 => {
            let after = answer.headers().get(RETRY_AFTER);
            let seconds = after.and_then(|value| value.to_str().ok()?.parse().ok());
            Err(Failure::Passing {
                reason,
                after: seconds.map(Duration::from_secs),
            })
        }
        _ => Err(Failure::Final(reason)),
    }
}

fn passing(reason: &str) -> Failure {
    Failure::Passing {
        reason: shown(reason),
        after: None,
    }
}

/// What a log may show of a text that comes from elsewhere.
fn shown(text: &str) -> String {
    let plain = |c: char| {
        if c == ' ' || c.is_ascii_graphic() {
            c
        } else {
            '?'
        }
    };
    text.chars().map(plain).take(MAX_REASON_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_a_proxy_is_no_answer_of_a_collector() {
        let ok = Response::new(());
        for (answer, rejected) in [(&b""[..], 0), (&[0x0a, 2, 8, 1], 1)] {
            assert!(matches!(http_outcome(&ok, answer), Ok(found) if found == rejected));
        }
        for page in [&b"<html></html>"[..], b"{}", b"OK"] {
            assert!(
                matches!(http_outcome(&ok, page), Err(Failure::Final(_))),
                "{page:?}"
            );
        }
    }
}
