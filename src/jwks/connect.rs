//! One connection to a server of keys, for one request: TCP, TLS where the address asks for it, then
//! the version of HTTP that the two agree on. Nothing is kept: there are minutes between two fetches.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::address::{JwksAddress, Reach};
use super::proxy::{Proxy, ProxyFailure};
use crate::certificates::why_refused;
use crate::problem::with_causes;
use crate::uri_host::without_brackets;

/// The most that the head of an answer may take, in bytes.
const MAX_HEAD_BYTES: u32 = 32 * 1024;

const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("{0}")]
    Tcp(String),
    #[error("the proxy of `HTTPS_PROXY` {0}")]
    Proxy(ProxyFailure),
    #[error("TLS: {0}")]
    Tls(String),
    #[error("{0}")]
    Http(String),
}

/// Whether two failed alike. The rest of the text differs from try to try: ports, times, and which
/// address of several was tried last.
impl PartialEq for ConnectError {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

pub(super) struct Connector {
    tls: TlsConnector,
    proxy: Option<Proxy>,
    tcp_timeout: Duration,
}

/// An answer whose body may still be arriving. Dropping it closes the connection.
pub(super) struct StreamedResponse {
    pub(super) response: Response<Incoming>,
    _driver: Driver,
}

struct Driver(tokio::task::AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connector {
    pub(super) fn new(mut tls: ClientConfig, proxy: Option<Proxy>, timeout: Duration) -> Self {
        tls.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        Self {
            tls: TlsConnector::from(Arc::new(tls)),
            proxy,
            // Half: where the first address of a name is dead, the next one still gets its turn.
            tcp_timeout: timeout / 2,
        }
    }

    /// Sends `request` to `address`; its own URI is not looked at.
    pub(super) async fn send(
        &self,
        address: &JwksAddress,
        request: Request<Empty<Bytes>>,
    ) -> Result<StreamedResponse, ConnectError> {
        let stream = self.stream(address).await?;
        match address.reach() {
            // Without TLS only where the address allows it: loopback, or by a setting that says so.
            Reach::Loopback | Reach::PlainText => {
                http1(TokioIo::new(stream), address.uri(), request).await
            }
            Reach::Verified => {
                let host = without_brackets(address.uri().host().unwrap_or_default());
                let name = ServerName::try_from(host.to_owned());
                let name = name.map_err(|error| ConnectError::Tls(error.to_string()))?;
                let stream = self.tls.connect(name, stream).await;
                let stream = stream.map_err(|error| {
                    let refused = why_refused(&error, "jwks_ca_file");
                    ConnectError::Tls(refused.unwrap_or_else(|| with_causes(&error)))
                })?;
                let (_, session) = stream.get_ref();
                if session.alpn_protocol() == Some(HTTP2) {
                    http2(TokioIo::new(stream), address.uri(), request).await
                } else {
                    http1(TokioIo::new(stream), address.uri(), request).await
                }
            }
        }
    }

    /// A stream to the server, through the proxy where there is one for it. The proxy sees no more
    /// than whom we talk to: TLS begins behind it, and only addresses with TLS take this way.
    async fn stream(&self, address: &JwksAddress) -> Result<TcpStream, ConnectError> {
        let host = address.uri().host().unwrap_or_default();
        let proxy = self.proxy.as_ref().filter(|proxy| {
            address.is_encrypted() && proxy.is_for(without_brackets(host), address.port())
        });
        match proxy {
            None => self.tcp(address.uri(), address.reach()).await,
            Some(proxy) => {
                // To the proxy in plain text. TLS with the issuer goes through the tunnel, so that the
                // proxy sees its name and nothing else.
                let stream = self.tcp(proxy.uri(), Reach::PlainText).await?;
                let tunnel = proxy.tunnel(stream, host, address.port()).await;
                tunnel.map_err(ConnectError::Proxy)
            }
        }
    }

    async fn tcp(&self, uri: &Uri, reach: Reach) -> Result<TcpStream, ConnectError> {
        let mut connector = HttpConnector::new_with_resolver(HostResolver(reach));
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(self.tcp_timeout));
        let stream = connector.call(uri.clone()).await;
        stream
            .map(TokioIo::into_inner)
            .map_err(|error| ConnectError::Tcp(with_causes(&error)))
    }
}

async fn http1(
    stream: impl Read + Write + Unpin + Send + 'static,
    uri: &Uri,
    mut request: Request<Empty<Bytes>>,
) -> Result<StreamedResponse, ConnectError> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    // Both were parts of a URI, which allows no byte that these refuse.
    *request.uri_mut() = target
        .parse()
        .map_err(|error: http::uri::InvalidUri| http(&error))?;
    let host = HeaderValue::from_str(host).map_err(|error| http(&error))?;
    request.headers_mut().insert(header::HOST, host);
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES as usize)
        .handshake(stream)
        .await
        .map_err(|error| http(&error))?;
    answer(drive(connection), sender.send_request(request)).await
}

async fn http2(
    stream: impl Read + Write + Unpin + Send + 'static,
    uri: &Uri,
    mut request: Request<Empty<Bytes>>,
) -> Result<StreamedResponse, ConnectError> {
    *request.uri_mut() = uri.clone();
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .max_header_list_size(MAX_HEAD_BYTES)
        .handshake(stream)
        .await
        .map_err(|error| http(&error))?;
    answer(drive(connection), sender.send_request(request)).await
}

/// The answer to a request that is sent, with the connection that its body arrives on.
async fn answer(
    driver: Driver,
    sent: impl Future<Output = hyper::Result<Response<Incoming>>>,
) -> Result<StreamedResponse, ConnectError> {
    Ok(StreamedResponse {
        response: sent.await.map_err(|error| http(&error))?,
        _driver: driver,
    })
}

/// Runs a connection beside the request. How it ended, the request learns.
fn drive(connection: impl Future<Output = hyper::Result<()>> + Send + 'static) -> Driver {
    let task = tokio::spawn(async move {
        let _ = connection.await;
    });
    Driver(task.abort_handle())
}

fn http(error: &dyn Error) -> ConnectError {
    ConnectError::Http(with_causes(error))
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
            // A name that says loopback and resolves elsewhere would have the keys fetched in plain
            // text over a network.
            let addresses: Vec<_> = found
                .filter(|address| reach != Reach::Loopback || address.ip().is_loopback())
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

    #[tokio::test]
    async fn without_tls_a_name_leads_nowhere_but_to_this_machine() {
        for (name, reach, expected) in [
            ("127.0.0.1", Reach::Loopback, true),
            ("192.0.2.1", Reach::Loopback, false),
            ("192.0.2.1", Reach::Verified, true),
            ("192.0.2.1", Reach::PlainText, true),
        ] {
            let found = HostResolver(reach).call(name.parse().unwrap()).await;
            assert_eq!(found.is_ok(), expected, "{name} {reach:?}");
        }
    }

    #[test]
    fn two_failures_of_one_kind_are_alike_whatever_their_text() {
        let tcp = |text: &str| ConnectError::Tcp(text.to_owned());
        assert_eq!(tcp("port 1"), tcp("port 2"));
        assert_ne!(tcp("port 1"), ConnectError::Tls("port 1".to_owned()));
    }
}
