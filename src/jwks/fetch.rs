//! One GET of a key set, bounded in time, size and reach.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use tower_service::Service;

use super::settings::{KeySource, Reach};
use super::state::FetchOutcome;

/// The most that the head of an answer may take, in bytes.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The longest failure text, in characters.
const MAX_MESSAGE_CHARS: usize = 300;
const ACCEPT: HeaderValue =
    HeaderValue::from_static("application/jwk-set+json, application/json;q=0.9");
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("portcullis/", env!("CARGO_PKG_VERSION")));

/// A client for one URL. Connections are not kept: there are minutes between two fetches.
#[derive(Debug)]
pub(super) struct Fetcher {
    client: Client<HttpsConnector<HttpConnector<HostResolver>>, Empty<Bytes>>,
    uri: Uri,
    timeout: Duration,
    max_bytes: usize,
}

/// A whole body that came with status 200.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) body: Vec<u8>,
    /// The `max-age` of its `Cache-Control` (RFC 9111 section 5.2.2.1).
    pub(super) max_age: Option<Duration>,
}

/// Why a fetch brought no keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the key set cannot be fetched: {0}")]
    Unreachable(String),
    #[error("the key set did not arrive within {0:?}")]
    TimedOut(Duration),
    #[error(
        "the server redirects to `{host}` (status {status}); redirects are not followed: configure the final URL"
    )]
    Redirected { status: u16, host: String },
    #[error("the server answered with status {0} instead of 200")]
    BadStatus(u16),
    #[error("the key set is larger than {max_bytes} bytes")]
    TooLarge { max_bytes: usize },
    #[error("the key set cannot be used: {0}")]
    Unusable(String),
}

impl FetchError {
    pub(super) fn outcome(&self) -> FetchOutcome {
        match self {
            Self::Unreachable(_) => FetchOutcome::Unreachable,
            Self::TimedOut(_) => FetchOutcome::TimedOut,
            Self::Redirected { .. } => FetchOutcome::Redirected,
            Self::BadStatus(_) => FetchOutcome::BadStatus,
            Self::TooLarge { .. } => FetchOutcome::TooLarge,
            Self::Unusable(_) => FetchOutcome::Unusable,
        }
    }

    /// The text for logs and `/status`: parts of it come from the other side, hence only
    /// printable ASCII and a bounded length.
    pub(super) fn message(&self) -> String {
        let printable = |c: char| {
            if c.is_ascii_graphic() || c == ' ' {
                c
            } else {
                '?'
            }
        };
        self.to_string()
            .chars()
            .map(printable)
            .take(MAX_MESSAGE_CHARS)
            .collect()
    }
}

impl Fetcher {
    pub(super) fn new(source: &KeySource) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(HostResolver(source.reach));
        tcp.enforce_http(false);
        // Half: where the first address of a name is dead, the next one still gets its turn.
        tcp.set_connect_timeout(Some(source.timeout / 2));
        let tls = HttpsConnectorBuilder::new().with_tls_config(source.tls.clone());
        let schemes = match source.reach {
            Reach::Verified => tls.https_only(),
            Reach::Loopback => tls.https_or_http(),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .build(schemes.enable_http1().wrap_connector(tcp));
        Self {
            client,
            uri: source.uri.clone(),
            timeout: source.timeout,
            max_bytes: source.max_bytes,
        }
    }

    /// Fetches once; ends within the timeout whatever the server does.
    pub(super) async fn fetch(&self) -> Result<Fetched, FetchError> {
        tokio::time::timeout(self.timeout, self.get())
            .await
            .unwrap_or(Err(FetchError::TimedOut(self.timeout)))
    }

    async fn get(&self) -> Result<Fetched, FetchError> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().insert(header::ACCEPT, ACCEPT);
        request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| FetchError::Unreachable(with_causes(&error)))?;
        self.check_status(&response)?;
        let max_age = max_age(response.headers());
        let body = self.read(response.into_body()).await?;
        Ok(Fetched { body, max_age })
    }

    fn check_status(&self, response: &Response<Incoming>) -> Result<(), FetchError> {
        let status = response.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(FetchError::Redirected {
                status: status.as_u16(),
                host: self.redirect_host(response.headers()),
            });
        }
        if status != StatusCode::OK {
            return Err(FetchError::BadStatus(status.as_u16()));
        }
        Ok(())
    }

    /// Only the host of the location: the rest may hold secrets of the other side.
    fn redirect_host(&self, headers: &HeaderMap) -> String {
        let location = headers
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse::<Uri>().ok());
        match &location {
            Some(uri) => uri
                .host()
                .or(self.uri.host())
                .unwrap_or_default()
                .to_owned(),
            None => "an unreadable location".to_owned(),
        }
    }

    async fn read(&self, mut body: Incoming) -> Result<Vec<u8>, FetchError> {
        let too_large = || FetchError::TooLarge {
            max_bytes: self.max_bytes,
        };
        // The lower bound is the Content-Length, where there is one.
        let announced = usize::try_from(body.size_hint().lower()).map_err(|_| too_large())?;
        if announced > self.max_bytes {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(announced);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| FetchError::Unreachable(with_causes(&error)))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if data.len() > self.max_bytes.saturating_sub(bytes.len()) {
                return Err(too_large());
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }
}

/// The smallest `max-age`, should there be several.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|directive| directive.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"))
        .filter_map(|(_, value)| value.trim().trim_matches('"').parse().ok())
        .map(Duration::from_secs)
        .min()
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Resolves names with the system's resolver and drops the addresses that are out of reach, so
/// that plain http stays on this machine whatever `localhost` resolves to.
#[derive(Debug, Clone, Copy)]
struct HostResolver(Reach);

impl Service<Name> for HostResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self(reach) = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<_> = found
                .filter(|address| reach == Reach::Verified || address.ip().is_loopback())
                .collect();
            if addresses.is_empty() {
                let reason = "the name has no address that may be used";
                return Err(io::Error::new(io::ErrorKind::NotFound, reason));
            }
            Ok(addresses.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_age_is_read_and_the_smallest_counts() {
        for (values, expected) in [
            (&[][..], None),
            (&["no-store"], None),
            (&["max-age=60"], Some(60)),
            (&["public, Max-Age = 60 , must-revalidate"], Some(60)),
            (&["max-age=\"60\""], Some(60)),
            (&["max-age=600", "max-age=60"], Some(60)),
            (&["max-age=-1"], None),
            (&["max-age=soon"], None),
            (&["max-age=99999999999999999999999999"], None),
            (&["s-maxage=60"], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CACHE_CONTROL, HeaderValue::from_static(value));
            }
            assert_eq!(
                max_age(&headers),
                expected.map(Duration::from_secs),
                "{values:?}"
            );
        }
    }

    #[tokio::test]
    async fn without_tls_a_name_leads_nowhere_but_to_this_machine() {
        for (name, reach, expected) in [
            ("127.0.0.1", Reach::Loopback, true),
            ("192.0.2.1", Reach::Loopback, false),
            ("192.0.2.1", Reach::Verified, true),
        ] {
            let found = HostResolver(reach).call(name.parse().unwrap()).await;
            assert_eq!(found.is_ok(), expected, "{name} {reach:?}");
        }
    }

    #[test]
    fn messages_are_printable_and_short() {
        let error = FetchError::Unusable(format!("\u{1b}[31m\r\nkey \u{202e}{}", "x".repeat(1000)));
        let message = error.message();
        assert!(
            message.starts_with("the key set cannot be used: ?[31m??key ?xxx"),
            "{message}"
        );
        assert_eq!(message.len(), MAX_MESSAGE_CHARS);
    }
}
