//! The proxy that leads out of a closed network: `HTTPS_PROXY` and `NO_PROXY`, as curl and others
//! read them, and CONNECT (RFC 9110 section 9.3.6).

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::coding;

/// The most that a proxy's answer to CONNECT may take, in bytes.
const MAX_ANSWER_BYTES: usize = 8 * 1024;

/// A proxy, and the hosts that are reached without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    uri: Uri,
    /// The value of `Proxy-Authorization`.
    credential: Option<Secret>,
    exceptions: Vec<Exception>,
}

#[derive(Clone, PartialEq, Eq)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

/// Why `HTTPS_PROXY` cannot be used. Does not show it: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    #[error("`HTTPS_PROXY` is not a URL: write `http://host:port`")]
    NotUrl,
    /// What looks like the end of the host stands in the user information.
    #[error(
        "`HTTPS_PROXY` has a `/`, `?` or `#` in its user name or password: percent-encode it there, as \
         `%2F`, `%3F` or `%23`"
    )]
    RawDelimiter,
    #[error("`HTTPS_PROXY` has the scheme `{0}`, which is not supported: write `http://host:port`")]
    Scheme(String),
}

/// Why a proxy leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyFailure {
    #[error("closed the connection: {0}")]
    Closed(std::io::Error),
    #[error("answered to CONNECT with status {0} instead of 200")]
    Status(u16),
    #[error("does not speak HTTP")]
    NotHttp,
}

/// One entry of `NO_PROXY`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Exception {
    Everything,
    /// A host and all below it, perhaps at one port only.
    Host(String, Option<u16>),
    Address(IpAddr),
    /// An address and the number of its leading bits that count.
    Network(IpAddr, u32),
}

impl Proxy {
    /// Reads the environment; lower case comes first, as in other programs.
    pub fn from_environment() -> Result<Option<Self>, ProxyError> {
        // Lower case first, as curl has it. `HTTP_PROXY` is not read: under CGI it is a header of the
        // caller.
        let read = |names: [&str; 2]| {
            let values = names
                .into_iter()
                .filter_map(|name| std::env::var(name).ok());
            values.into_iter().find(|value| !value.is_empty())
        };
        let exceptions = read(["no_proxy", "NO_PROXY"]).unwrap_or_default();
        let proxy = read(["https_proxy", "HTTPS_PROXY"]);
        proxy
            .map(|proxy| Self::parse(&proxy, &exceptions))
            .transpose()
    }

    pub fn parse(proxy: &str, exceptions: &str) -> Result<Self, ProxyError> {
        let (scheme, rest) = proxy.split_once("://").unwrap_or(("http", proxy));
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(ProxyError::Scheme(scheme.escape_default().to_string()));
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // A proxy's URL ends with its host. With an `@` behind, what comes before is not the host, and part
        // of a password would be asked for as one.
        if rest.len() > authority.len() && rest.rfind('@').is_some_and(|at| at > authority.len()) {
            return Err(ProxyError::RawDelimiter);
        }
        let (user, server) = match authority.rsplit_once('@') {
            Some((user, server)) => (Some(user), server),
            None => (None, authority),
        };
        let uri: Uri = format!("http://{server}/")
            .parse()
            .map_err(|_| ProxyError::NotUrl)?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(ProxyError::NotUrl);
        }
        let credential = user.map(|user| {
            let decoded = percent_decoded(user);
            Secret(format!("Basic {}", STANDARD.encode(decoded)))
        });
        let exceptions = exceptions.split([',', ' ']).map(str::trim);
        let exceptions = exceptions.filter(|entry| !entry.is_empty());
        Ok(Self {
            uri,
            credential,
            exceptions: exceptions.map(Exception::read).collect(),
        })
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Whether this host is reached by it. This machine never is.
    pub(super) fn is_for(&self, host: &str, port: u16) -> bool {
        let address = host.parse::<IpAddr>().ok();
        let is_local = host.eq_ignore_ascii_case("localhost")
            || address.is_some_and(|address| address.is_loopback());
        let excepted = |entry: &Exception| entry.covers(host, address, port);
        !is_local && !self.exceptions.iter().any(excepted)
    }

    /// Has the proxy open a way to `host`, as it stands in a URL.
    pub(super) async fn tunnel(
        &self,
        mut stream: TcpStream,
        host: &str,
        port: u16,
    ) -> Result<TcpStream, ProxyFailure> {
        let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
        if let Some(Secret(credential)) = &self.credential {
            request.push_str("Proxy-Authorization: ");
            request.push_str(credential);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        let written = stream.write_all(request.as_bytes()).await;
        written.map_err(ProxyFailure::Closed)?;
        let mut answer = Vec::new();
        // One byte at a time: what follows the head belongs to TLS.
        while !answer.ends_with(b"\r\n\r\n") {
            // A proxy that never ends its head would be read until memory is gone.
            if answer.len() >= MAX_ANSWER_BYTES {
                return Err(ProxyFailure::NotHttp);
            }
            answer.push(stream.read_u8().await.map_err(ProxyFailure::Closed)?);
        }
        match status(&answer) {
            Some(200..=299) => Ok(stream),
            Some(status) => Err(ProxyFailure::Status(status)),
            None => Err(ProxyFailure::NotHttp),
        }
    }
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?.strip_prefix("HTTP/1.")?;
    line.split(' ').nth(1)?.parse().ok()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => coding::percent_decoded(*high, *low),
            _ => None,
        };
        decoded.push(escaped.unwrap_or(*first));
        rest = match escaped {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    decoded
}

impl Exception {
    fn read(entry: &str) -> Self {
        if entry == "*" {
            return Self::Everything;
        }
        if let Ok(address) = entry.trim_matches(['[', ']']).parse() {
            return Self::Address(address);
        }
        if let Some((address, bits)) = entry.split_once('/')
            && let (Ok(address), Ok(bits)) = (address.parse(), bits.parse())
        {
            return Self::Network(address, bits);
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
            _ => (entry, None),
        };
        let host = host.trim_start_matches('*').trim_start_matches('.');
        Self::Host(host.to_ascii_lowercase(), port)
    }

    fn covers(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        match self {
            Self::Everything => true,
            Self::Host(name, at) => {
                let host = host.to_ascii_lowercase();
                let below = host.strip_suffix(name.as_str());
                // `example.com` covers itself and what lies below it, and not `badexample.com`.
                let is_named = below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                is_named && at.is_none_or(|at| at == port)
            }
            Self::Address(excepted) => address == Some(*excepted),
            Self::Network(network, bits) => match (network, address) {
                (IpAddr::V4(network), Some(IpAddr::V4(address))) => {
                    let apart = network.to_bits() ^ address.to_bits();
                    apart.leading_zeros() >= *bits
                }
                (IpAddr::V6(network), Some(IpAddr::V6(address))) => {
                    let apart = network.to_bits() ^ address.to_bits();
                    apart.leading_zeros() >= *bits
                }
                _ => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_for(exceptions: &str, host: &str) -> bool {
        let proxy = Proxy::parse("http://proxy.shop.example:3128", exceptions);
        proxy.unwrap().is_for(host, 443)
    }

    #[test]
    fn hosts_are_excepted_by_name_suffix_address_and_network() {
        for (exceptions, host, proxied) in [
            ("", "id.shop.example", true),
            ("", "localhost", false),
            ("", "127.0.0.1", false),
            ("", "::1", false),
            ("*", "id.shop.example", false),
            ("shop.example", "id.shop.example", false),
            (".shop.example", "id.shop.example", false),
            ("*.shop.example", "id.shop.example", false),
            ("a.example, SHOP.example", "id.shop.example", false),
            ("shop.example:443", "id.shop.example", false),
            ("shop.example:8443", "id.shop.example", true),
            ("op.example", "id.shop.example", true),
            ("id.shop.example.evil", "id.shop.example", true),
            ("10.0.0.0/8", "10.2.3.4", false),
            ("10.0.0.0/8", "11.2.3.4", true),
            ("10.2.3.4", "10.2.3.4", false),
            ("0.0.0.0/0", "10.2.3.4", false),
            ("2001:db8::/32", "2001:db8::1", false),
            ("10.0.0.0/8", "id.shop.example", true),
        ] {
            assert_eq!(is_for(exceptions, host), proxied, "{exceptions} {host}");
        }
    }

    #[test]
    fn what_is_not_an_http_proxy_is_refused_without_showing_it() {
        for proxy in [
            "socks5://u:hunter2@p:1080",
            "https://u:hunter2@p:3128",
            "http://u:hunter2@",
            "http://u:hunter2/x@p:3128",
            "http://hunter2:1?x@p:3128",
            "u:1#hunter2@p:3128",
        ] {
            let error = Proxy::parse(proxy, "").unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        let encode = Proxy::parse("http://u:12/34@p:3128", "").unwrap_err();
        assert_eq!(encode, ProxyError::RawDelimiter);
        assert!(encode.to_string().contains("percent-encode"), "{encode}");
        let proxy = Proxy::parse("http://u:hunter%32@p.example:3128/", "").unwrap();
        assert_eq!(proxy.uri.to_string(), "http://p.example:3128/");
        assert_eq!(
            proxy.credential,
            Some(Secret("Basic dTpodW50ZXIy".to_owned()))
        );
        assert!(!format!("{proxy:?}").contains("dTpodW50ZXIy"));
        assert_eq!(Proxy::parse("p.example:3128", "").unwrap().uri, proxy.uri);
    }
}
