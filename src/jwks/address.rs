//! Where a key set is: a URL that can be reached safely, parsed once.

use std::net::IpAddr;

use http::Uri;
use http::uri::{Authority, Scheme};
use rustls::pki_types::ServerName;

use crate::uri_host::without_brackets;

/// The URL of a key set or of an issuer's metadata, of a server that may be asked for it. It has no
/// user information.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksAddress {
    uri: Uri,
    reach: Reach,
}

/// Whom a connection may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Whoever proves by its certificate to be the host: TLS.
    Verified,
    /// This machine only: no TLS.
    Loopback,
    /// Whoever answers: the operator vouches for the network between.
    PlainText,
}

/// Whether keys may be fetched over plain http from other machines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PlainText {
    #[default]
    Refused,
    /// `jwks_plain_text`: a mesh encrypts and authenticates beneath.
    Allowed,
}

/// Why a text is not such a URL: what follows the name of its setting. Shows nothing that may be a
/// secret, neither user information nor the query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwksAddressError {
    #[error("is not a URL: {reason}; write `https://host/path`")]
    NotUrl { reason: String },
    #[error("has the scheme `{scheme}`; use `https`, or `jwks_file` for a local file")]
    Scheme { scheme: String },
    #[error("contains a user name or password; a key set is public, so remove them")]
    UserInfo,
    #[error("names `{authority}`, which is not a valid host with an optional port")]
    Host { authority: String },
    /// Plain http to another machine: whoever is between could replace the keys.
    #[error(
        "is plain http to `{host}`; use `https`, or a loopback address such as `127.0.0.1`; where \
         a service mesh encrypts the connection, set `jwks_plain_text: true`"
    )]
    PlainHttp { host: String },
}

impl JwksAddress {
    /// Accepts `https://...`, and `http://...` with a loopback address or `localhost`; of any host
    /// where that is `Allowed`.
    pub fn parse(text: &str, plain_text: PlainText) -> Result<Self, JwksAddressError> {
        let uri = parse_uri(text)?;
        let reach = match (reach_of(&uri), plain_text) {
            (Err(JwksAddressError::PlainHttp { .. }), PlainText::Allowed) => Reach::PlainText,
            (reach, _) => reach?,
        };
        Ok(Self { uri, reach })
    }

    /// The same server with another path.
    pub(super) fn with_path(&self, path: &str) -> Result<Self, JwksAddressError> {
        let mut parts = self.uri.clone().into_parts();
        let path = path
            .parse()
            .map_err(|error: http::uri::InvalidUri| not_url(&error.to_string()));
        parts.path_and_query = Some(path?);
        let uri = Uri::from_parts(parts).map_err(|error| not_url(&error.to_string()))?;
        Ok(Self { uri, ..*self })
    }

    /// Whether another address is of the same server, so that what is meant for this one may go there.
    pub(super) fn has_server_of(&self, other: &Self) -> bool {
        self.uri.scheme() == other.uri.scheme()
            && self.uri.host() == other.uri.host()
            && self.port() == other.port()
    }

    pub(super) fn port(&self) -> u16 {
        let default = if self.is_encrypted() { 443 } else { 80 };
        self.uri.port_u16().unwrap_or(default)
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(super) fn reach(&self) -> Reach {
        self.reach
    }

    /// Whether the server has to prove who it is, by a certificate.
    pub fn is_encrypted(&self) -> bool {
        self.reach == Reach::Verified
    }

    /// Whether others than this machine may read what is sent there.
    pub fn is_plain_text(&self) -> bool {
        self.reach == Reach::PlainText
    }

    /// The URL without its query, for logs and `/status`.
    pub fn display(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let authority = self.uri.authority().map_or("", Authority::as_str);
        format!("{scheme}://{authority}{}", self.uri.path())
    }
}

fn not_url(reason: &str) -> JwksAddressError {
    JwksAddressError::NotUrl {
        reason: reason.to_owned(),
    }
}

fn parse_uri(text: &str) -> Result<Uri, JwksAddressError> {
    let Some((scheme, _)) = text.split_once("://") else {
        return Err(not_url("it has no `://`"));
    };
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err(JwksAddressError::Scheme {
            scheme: scheme.escape_default().to_string(),
        });
    }
    if text.contains('#') {
        return Err(not_url("it has a fragment"));
    }
    let uri = text
        .parse::<Uri>()
        .map_err(|error| not_url(&error.to_string()))?;
    let authority = uri.authority().ok_or_else(|| not_url("it has no host"))?;
    if authority.as_str().contains('@') {
        return Err(JwksAddressError::UserInfo);
    }
    if !names_a_server(authority) {
        return Err(JwksAddressError::Host {
            authority: authority.to_string(),
        });
    }
    Ok(uri)
}

/// `http::Uri` takes an unreadable port for none and would send the request to the default one.
fn names_a_server(authority: &Authority) -> bool {
    let host = authority.host();
    let port_holds = match authority.as_str().strip_prefix(host) {
        Some("") => true,
        Some(rest) => rest
            .strip_prefix(':')
            .and_then(|port| port.parse::<u16>().ok())
            .is_some_and(|port| port != 0),
        None => false,
    };
    let inside = without_brackets(host);
    let is_bracketed = inside.len() < host.len();
    let host_holds = match ServerName::try_from(inside) {
        Ok(ServerName::IpAddress(address)) => IpAddr::from(address).is_ipv6() == is_bracketed,
        Ok(_) => !is_bracketed,
        Err(_) => false,
    };
    port_holds && host_holds
}

fn reach_of(uri: &Uri) -> Result<Reach, JwksAddressError> {
    if uri.scheme() == Some(&Scheme::HTTPS) {
        return Ok(Reach::Verified);
    }
    let host = without_brackets(uri.host().unwrap_or_default());
    let loopback = match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    };
    if loopback {
        Ok(Reach::Loopback)
    } else {
        Err(JwksAddressError::PlainHttp {
            host: host.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str) -> Result<Reach, JwksAddressError> {
        JwksAddress::parse(uri, PlainText::Refused).map(|address| address.reach)
    }

    #[test]
    fn https_reaches_whoever_proves_to_be_the_host() {
        for uri in [
            "https://id.shop.example/jwks.json",
            "HTTPS://id.shop.example",
            "https://id.shop.example:8443/a?b=c",
            "https://10.0.0.1/jwks.json",
            "https://[2001:db8::1]:8443/jwks.json",
        ] {
            assert_eq!(check(uri), Ok(Reach::Verified), "{uri}");
        }
    }

    #[test]
    fn plain_http_reaches_this_machine_only() {
        for uri in [
            "http://127.0.0.1/jwks.json",
            "http://127.8.9.10:8080/jwks.json",
            "http://[::1]:8080/jwks.json",
            "http://LOCALHOST:8080/jwks.json",
        ] {
            assert_eq!(check(uri), Ok(Reach::Loopback), "{uri}");
        }
        for uri in [
            "http://id.shop.example/jwks.json",
            "http://10.0.0.1/jwks.json",
            "http://0.0.0.0/jwks.json",
            "http://127.1/jwks.json",
            "http://2130706433/jwks.json",
            "http://0x7f000001/jwks.json",
            "http://[::ffff:127.0.0.1]/jwks.json",
            "http://[::]/jwks.json",
            "http://localhost.shop.example/jwks.json",
            "http://127.0.0.1.shop.example/jwks.json",
        ] {
            let refused = check(uri);
            assert!(
                matches!(
                    refused,
                    Err(JwksAddressError::PlainHttp { .. } | JwksAddressError::Host { .. })
                ),
                "{uri}: {refused:?}"
            );
        }
    }

    #[test]
    fn what_is_no_url_of_a_server_is_refused() {
        for uri in [
            "",
            "jwks.json",
            "/etc/jwks.json",
            "file:///etc/jwks.json",
            "ftp://id.shop.example/",
            "unix:///run/jwks.sock",
            "data://x,{}",
            "https://",
            "https:///jwks.json",
            "https://:443/jwks.json",
            "https://user@id.shop.example/",
            "https://user:word@id.shop.example/",
            "http://127.0.0.1@id.shop.example/",
            "https://id.shop.example:99999/",
            "https://id.shop.example:0/",
            "https://id.shop.example:/",
            "https://id.shop.example:80:80/",
            "https://id shop/",
            "https://id.shop.example/#keys",
            "https://id_$.shop.example/",
            "https://id.shop.example\\@127.0.0.1/",
            "https://[::1/",
            "https://[v1.x]/",
            "https://[127.0.0.1]/",
            "https://[id.shop.example]/",
        ] {
            assert!(check(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn plain_text_has_to_be_asked_for_and_changes_nothing_about_https() {
        let allowed = |uri: &str| JwksAddress::parse(uri, PlainText::Allowed);
        for (uri, reach) in [
            (
                "http://keycloak.sso.svc.cluster.local:8080/certs",
                Reach::PlainText,
            ),
            ("http://10.0.0.1/certs", Reach::PlainText),
            ("http://127.0.0.1/certs", Reach::Loopback),
            ("https://id.shop.example/certs", Reach::Verified),
        ] {
            assert_eq!(allowed(uri).unwrap().reach, reach, "{uri}");
        }
        assert!(allowed("ftp://id.shop.example/").is_err());
        assert!(allowed("http://user:word@id.shop.example/").is_err());
    }

    #[test]
    fn a_server_is_its_scheme_host_and_port() {
        let address = |uri: &str| JwksAddress::parse(uri, PlainText::Allowed).unwrap();
        let ours = address("https://id.shop.example/a");
        for (other, same) in [
            ("https://id.shop.example/b?c", true),
            ("https://id.shop.example:443/", true),
            ("https://id.shop.example:8443/a", false),
            ("http://id.shop.example/a", false),
            ("https://id.shop.example.evil/a", false),
        ] {
            assert_eq!(ours.has_server_of(&address(other)), same, "{other}");
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_credentials() {
        let refused = JwksAddress::parse(
            "https://alice:open-sesame@id.shop.example/?k=s3",
            PlainText::Allowed,
        )
        .expect_err("user information");
        let text = format!("{refused} {refused:?}");
        assert!(!text.contains("sesame") && !text.contains("s3"), "{text}");
    }

    #[test]
    fn the_display_leaves_the_query_out() {
        let address =
            JwksAddress::parse("http://127.0.0.1:8080/a?key=secret", PlainText::Refused).unwrap();
        assert_eq!(address.display(), "http://127.0.0.1:8080/a");
    }
}
