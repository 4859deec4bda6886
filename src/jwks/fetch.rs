//! One GET of a key set, bounded in time, size and reach.

mod error;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use parking_lot::Mutex;

use super::address::JwksAddress;
use super::connect::{ConnectError, Connector, StreamedResponse};
use super::discovery::Discovery;
use super::settings::KeyLocation;
use super::source::RemoteKeySource;
use crate::files;
use crate::problem::with_causes;

pub(super) use error::{FetchError, bounded};

/// The longest validator that is sent back.
const MAX_VALIDATOR_BYTES: usize = 1024;
const ACCEPT_METADATA: HeaderValue = HeaderValue::from_static("application/json");
const ACCEPT_KEYS: HeaderValue =
    HeaderValue::from_static("application/jwk-set+json, application/json;q=0.9");
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("portcullis/", env!("CARGO_PKG_VERSION")));

/// Fetches the keys of one issuer.
pub(super) struct Fetcher {
    connector: Connector,
    location: KeyLocation,
    token_file: Option<PathBuf>,
    timeout: Duration,
    max_bytes: usize,
    /// The validator of the keys that serve, and where it came from.
    validator: Option<(JwksAddress, HeaderValue)>,
}

/// What a server has to say about its keys.
#[derive(Debug)]
pub(super) struct Fetched {
    /// Where they are.
    pub(super) address: JwksAddress,
    pub(super) news: News,
    /// The `max-age` of its `Cache-Control` (RFC 9111 section 5.2.2.1).
    pub(super) max_age: Option<Duration>,
}

#[derive(Debug)]
pub(super) enum News {
    /// A whole body that came with status 200, and what to hand to [`Fetcher::accept`].
    Body(Vec<u8>, Validator),
    /// Status 304: the keys accepted last are those that there are.
    NotModified,
}

/// Names a body, so that the server need not send it again (RFC 9110 section 8.8.3).
#[derive(Debug)]
pub(super) struct Validator(Option<(JwksAddress, HeaderValue)>);

/// A fetch that brought no keys.
#[derive(Debug, PartialEq)]
pub(super) struct FailedFetch {
    pub(super) error: FetchError,
    /// What was asked last: the metadata, or the keys where these say.
    pub(super) address: JwksAddress,
}

impl Fetcher {
    pub(super) fn new(source: &RemoteKeySource) -> Self {
        let (tls, proxy) = (source.tls.clone(), source.proxy.clone());
        Self {
            connector: Connector::new(tls, proxy, source.timeout),
            location: source.location.clone(),
            token_file: source.token_file.clone(),
            timeout: source.timeout,
            max_bytes: source.max_bytes,
            validator: None,
        }
    }

    /// Fetches once; ends within the timeout whatever the server does.
    pub(super) async fn fetch(&self) -> Result<Fetched, FailedFetch> {
        // Outlives the attempt, which may be given up anywhere.
        let asked = Mutex::new(self.location.first().clone());
        let fetched = tokio::time::timeout(self.timeout, self.get(&asked)).await;
        let fetched = fetched.unwrap_or(Err(FetchError::TimedOut(self.timeout)));
        fetched.map_err(|error| FailedFetch {
            error,
            address: asked.into_inner(),
        })
    }

    /// From now on the server is asked whether it has anything newer than this body. Only for one
    /// that was found good: another would be taken for good by every 304.
    pub(super) fn accept(&mut self, validator: Validator) {
        self.validator = validator.0;
    }

    /// Notes in `asked` which address it turns to.
    async fn get(&self, asked: &Mutex<JwksAddress>) -> Result<Fetched, FetchError> {
        let address = match &self.location {
            KeyLocation::Address(address) => address.clone(),
            KeyLocation::Discovery(discovery) => self.discover(discovery, asked).await?,
        };
        asked.lock().clone_from(&address);
        let mut request = self.request(&address, ACCEPT_KEYS)?;
        // Discovery may lead elsewhere than the last time, where the validator means nothing or another
        // set.
        let known = self.validator.as_ref().filter(|(of, _)| *of == address);
        if let Some((_, validator)) = known {
            let headers = request.headers_mut();
            headers.insert(header::IF_NONE_MATCH, validator.clone());
        }
        let mut answer = self.send(&address, request).await?;
        let max_age = max_age(answer.response.headers());
        if known.is_some() && answer.response.status() == StatusCode::NOT_MODIFIED {
            let news = News::NotModified;
            return Ok(Fetched {
                address,
                news,
                max_age,
            });
        }
        check_status(&address, &answer.response)?;
        let validator = answer.response.headers().get(header::ETAG);
        let validator = validator.filter(|value| value.len() <= MAX_VALIDATOR_BYTES);
        let validator = Validator(validator.map(|value| (address.clone(), value.clone())));
        let body = self.read(&mut answer.response).await?;
        Ok(Fetched {
            address,
            news: News::Body(body, validator),
            max_age,
        })
    }

    /// Asks the issuer's metadata where its keys are. Anew each time: keys move, and nothing is
    /// gained by knowing an old place.
    async fn discover(
        &self,
        discovery: &Discovery,
        asked: &Mutex<JwksAddress>,
    ) -> Result<JwksAddress, FetchError> {
        let mut last = None;
        for address in discovery.documents() {
            asked.lock().clone_from(address);
            let request = self.request(address, ACCEPT_METADATA)?;
            let mut answer = self.send(address, request).await?;
            match check_status(address, &answer.response) {
                Ok(()) => {
                    let metadata = self.read(&mut answer.response).await?;
                    return discovery.read(&metadata).map_err(FetchError::Metadata);
                }
                // An issuer need have but one of the documents.
                Err(error @ FetchError::BadStatus(400..=499)) => last = last.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or(FetchError::BadStatus(404)))
    }

    fn request(
        &self,
        address: &JwksAddress,
        accept: HeaderValue,
    ) -> Result<Request<Empty<Bytes>>, FetchError> {
        let mut request = Request::new(Empty::new());
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, accept);
        headers.insert(header::USER_AGENT, USER_AGENT);
        // For the configured server alone: metadata that name another must not lead the token there.
        if let Some(path) = &self.token_file
            && address.has_server_of(self.location.first())
        {
            headers.insert(header::AUTHORIZATION, bearer(path)?);
        }
        Ok(request)
    }

    async fn send(
        &self,
        address: &JwksAddress,
        request: Request<Empty<Bytes>>,
    ) -> Result<StreamedResponse, FetchError> {
        let sent = self.connector.send(address, request).await;
        sent.map_err(FetchError::Unreachable)
    }

    /// The body as it was before the server compressed it. The bound holds for both forms.
    async fn read(&self, response: &mut Response<Incoming>) -> Result<Vec<u8>, FetchError> {
        let encodings = response.headers().get_all(header::CONTENT_ENCODING);
        let names = encodings
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let names = names.map(|name| name.trim_ascii().to_ascii_lowercase());
        let names: Vec<Vec<u8>> = names.filter(|name| !name.is_empty()).collect();
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        match names.as_slice() {
            [] | [b"identity"] => self.read_raw(response.body_mut()).await,
            [b"gzip" | b"x-gzip"] => {
                let compressed = self.read_raw(response.body_mut()).await?;
                self.decompressed(&compressed)
            }
            names => {
                let name = names.join(b", ".as_slice());
                Err(FetchError::Encoding(name.escape_ascii().to_string()))
            }
        }
    }

    fn decompressed(&self, compressed: &[u8]) -> Result<Vec<u8>, FetchError> {
        let mut body = Vec::new();
        // One more than may be, to tell what fits exactly from what was cut off. A small body can
        // unpack to gigabytes.
        let limit = self.max_bytes as u64 + 1;
        let read = MultiGzDecoder::new(compressed)
            .take(limit)
            .read_to_end(&mut body);
        read.map_err(|_| FetchError::BrokenGzip)?;
        if body.len() > self.max_bytes {
            return Err(FetchError::TooLarge {
                max_bytes: self.max_bytes,
            });
        }
        Ok(body)
    }

    async fn read_raw(&self, body: &mut Incoming) -> Result<Vec<u8>, FetchError> {
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

fn check_status(address: &JwksAddress, response: &Response<Incoming>) -> Result<(), FetchError> {
    let status = response.status();
    // Not followed: who answers for an address could have the gate ask hosts within its network, and
    // trust what they say.
    if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
        return Err(FetchError::Redirected {
            status: status.as_u16(),
            host: redirect_host(address, response.headers()),
        });
    }
    if status != StatusCode::OK {
        return Err(FetchError::BadStatus(status.as_u16()));
    }
    Ok(())
}

/// Only the host of the location: the rest may hold secrets of the other side.
fn redirect_host(address: &JwksAddress, headers: &HeaderMap) -> String {
    let location = headers
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<Uri>().ok());
    match &location {
        Some(uri) => {
            let host = uri.host().or(address.uri().host());
            host.unwrap_or_default().to_owned()
        }
        None => "an unreadable location".to_owned(),
    }
}

/// The token of a file, which may be another at each fetch: Kubernetes renews it.
fn bearer(path: &Path) -> Result<HeaderValue, FetchError> {
    let token = files::read_token(path).map_err(|error| FetchError::Token(error.to_string()))?;
    let token = token.trim_ascii();
    let is_printable = !token.is_empty() && token.iter().all(u8::is_ascii_graphic);
    let value = HeaderValue::from_bytes(&[b"Bearer ".as_slice(), token].concat());
    match value {
        Ok(mut value) if is_printable => {
            // Kept out of what HTTP libraries print and of the table by which HTTP/2 compresses
            // headers.
            value.set_sensitive(true);
            Ok(value)
        }
        _ => {
            let path = path.display();
            let reason = format!("`{path}` contains no line of printable ASCII");
            Err(FetchError::Token(reason))
        }
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
}
