//! One GET of a key set, bounded in time, size and reach.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};

use super::address::JwksAddress;
use super::connect::{ConnectError, Connector, with_causes};
use super::source::RemoteKeySource;
use super::state::FetchOutcome;
use crate::token::KeySetError;

/// The longest failure text, in characters.
const MAX_MESSAGE_CHARS: usize = 300;
const ACCEPT: HeaderValue =
    HeaderValue::from_static("application/jwk-set+json, application/json;q=0.9");
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("portcullis/", env!("CARGO_PKG_VERSION")));

/// Fetches from one address.
pub(super) struct Fetcher {
    connector: Connector,
    address: JwksAddress,
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
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the key set cannot be fetched: {0}")]
    Unreachable(ConnectError),
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
    Unusable(KeySetError),
    #[error("the key set cannot be used: reading it panicked")]
    ReaderPanicked,
    /// It was stopped while the answer arrived.
    #[error("the key set is no longer wanted")]
    NoLongerWanted,
}

impl FetchError {
    pub(super) fn outcome(&self) -> FetchOutcome {
        match self {
            Self::Unreachable(_) => FetchOutcome::Unreachable,
            Self::TimedOut(_) => FetchOutcome::TimedOut,
            Self::Redirected { .. } => FetchOutcome::Redirected,
            Self::BadStatus(_) => FetchOutcome::BadStatus,
            Self::TooLarge { .. } => FetchOutcome::TooLarge,
            Self::Unusable(_) | Self::ReaderPanicked | Self::NoLongerWanted => {
                FetchOutcome::Unusable
            }
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
    pub(super) fn new(source: &RemoteKeySource) -> Self {
        Self {
            connector: Connector::new(source.tls.clone(), source.timeout),
            address: source.address.clone(),
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
        request.headers_mut().insert(header::ACCEPT, ACCEPT);
        request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
        let sent = self.connector.send(&self.address, request).await;
        let mut answer = sent.map_err(FetchError::Unreachable)?;
        self.check_status(&answer.response)?;
        let max_age = max_age(answer.response.headers());
        let body = self.read(answer.response.body_mut()).await?;
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
                .or(self.address.uri().host())
                .unwrap_or_default()
                .to_owned(),
            None => "an unreadable location".to_owned(),
        }
    }

    async fn read(&self, body: &mut Incoming) -> Result<Vec<u8>, FetchError> {
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
            let frame = frame.map_err(|error| {
                FetchError::Unreachable(ConnectError::Http(with_causes(&error)))
            })?;
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

    #[test]
    fn messages_are_printable_and_short() {
        let text = format!("\u{1b}[31m\r\nkey \u{202e}{}", "x".repeat(1000));
        let error = FetchError::Unreachable(ConnectError::Http(text));
        let message = error.message();
        assert!(
            message.starts_with("the key set cannot be fetched: ?[31m??key ?xxx"),
            "{message}"
        );
        assert_eq!(message.len(), MAX_MESSAGE_CHARS);
    }
}
