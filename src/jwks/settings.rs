//! Where the keys of one issuer are fetched, how often and within which bounds; checked once.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::{Authority, Scheme};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

/// The longest accepted `refresh`.
const LONGEST_REFRESH: Duration = Duration::from_hours(30 * 24);
/// The longest accepted `timeout`.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(1);
/// The largest accepted `max_bytes`.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// What an operator says about a remote key set. Nothing in it is checked; see [`KeySource::new`].
#[derive(Debug, Clone)]
pub struct RemoteKeySettings {
    /// What the log calls the issuer.
    pub issuer: String,
    /// `https://...`, or `http://` with a loopback address or `localhost`.
    pub uri: String,
    /// The time between two fetches, jittered by a tenth; a shorter `max-age` shortens it.
    pub refresh: Duration,
    /// At most one fetch for unknown key ids in this time, counted from the start of the last fetch.
    pub cooldown: Duration,
    /// The bound of one whole fetch: name, connection, handshake, head and body.
    pub timeout: Duration,
    /// The largest accepted body, in bytes.
    pub max_bytes: usize,
    /// Certificates in PEM that alone are trusted as roots; absent: the roots of the system.
    pub ca_pem: Option<Vec<u8>>,
}

impl RemoteKeySettings {
    /// The defaults for the keys of `issuer` at `uri`: refresh 300 s, cooldown 30 s, timeout 2 s,
    /// 1 MiB, roots of the system.
    pub fn new(issuer: impl Into<String>, uri: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            uri: uri.into(),
            refresh: Duration::from_mins(5),
            cooldown: Duration::from_secs(30),
            timeout: Duration::from_secs(2),
            max_bytes: 1024 * 1024,
            ca_pem: None,
        }
    }
}

/// Why [`RemoteKeySettings`] cannot be used. Never shows what may be a secret of the URL: neither
/// its user information nor its query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteKeysError {
    /// The text is not a URL with scheme and host.
    #[error("`jwks_uri` is not a URL: {reason}; write `https://host/path`")]
    NotUrl {
        /// What is wrong with it.
        reason: String,
    },
    /// Neither https nor http.
    #[error("`jwks_uri` has the scheme `{scheme}`; use `https`, or `jwks_file` for a local file")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// User name or password in the URL.
    #[error("`jwks_uri` holds a user name or password; a key set is public: remove them")]
    UserInfo,
    /// The host is neither a DNS name nor an address, or the port is not a port.
    #[error("`jwks_uri` names the host `{authority}`, which is no valid name, address or port")]
    Host {
        /// Host and port as written.
        authority: String,
    },
    /// Plain http to another machine: whoever is between could hand us keys.
    #[error(
        "`jwks_uri` is plain http to `{host}`; use `https`, or a loopback address such as `127.0.0.1`"
    )]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// A CA was given, but nothing is encrypted.
    #[error("a CA is configured for a `jwks_uri` with plain http; use `https` or remove the CA")]
    CaWithoutTls,
    /// The CA file cannot serve as a root.
    #[error("the CA of `jwks_uri` cannot be used: {reason}; give certificates in PEM")]
    Ca {
        /// What is wrong with it.
        reason: String,
    },
    /// The system has no roots.
    #[error("no trusted roots found on this system: {reason}; install them or configure a CA file")]
    NoSystemRoots {
        /// What was found instead.
        reason: String,
    },
    /// A time or a size out of its bounds.
    #[error("`{name}` is {value}; give {mend}")]
    OutOfBounds {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// What would be accepted.
        mend: String,
    },
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up: {reason}; this build of Portcullis is broken")]
    Tls {
        /// What it said.
        reason: String,
    },
}

/// Whom a connection may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Whoever proves by its certificate to be the host: TLS.
    Verified,
    /// This machine only: no TLS.
    Loopback,
}

/// A remote key set whose settings hold: what [`super::RemoteKeys::start`] asks for. To make one
/// reads files (the system's roots) but sends nothing.
#[derive(Debug, Clone)]
pub struct KeySource {
    pub(super) issuer: String,
    pub(super) uri: Uri,
    pub(super) reach: Reach,
    pub(super) tls: ClientConfig,
    pub(super) refresh: Duration,
    pub(super) cooldown: Duration,
    pub(super) timeout: Duration,
    pub(super) max_bytes: usize,
}

impl KeySource {
    /// Checks the settings and loads the roots.
    pub fn new(settings: RemoteKeySettings) -> Result<Self, RemoteKeysError> {
        let uri = parse_uri(&settings.uri)?;
        let reach = reach_of(&uri)?;
        check_bounds(&settings)?;
        let roots = match (reach, settings.ca_pem) {
            (Reach::Loopback, None) => RootCertStore::empty(),
            (Reach::Loopback, Some(_)) => return Err(RemoteKeysError::CaWithoutTls),
            (Reach::Verified, None) => system_roots()?,
            (Reach::Verified, Some(pem)) => configured_roots(&pem)?,
        };
        Ok(Self {
            issuer: settings.issuer,
            uri,
            reach,
            tls: tls_trusting(roots)?,
            refresh: settings.refresh,
            cooldown: settings.cooldown,
            timeout: settings.timeout,
            max_bytes: settings.max_bytes,
        })
    }

    /// The URL without its query, for logs and `/status`.
    pub fn display_uri(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let authority = self.uri.authority().map_or("", Authority::as_str);
        format!("{scheme}://{authority}{}", self.uri.path())
    }
}

fn parse_uri(text: &str) -> Result<Uri, RemoteKeysError> {
    let not_url = |reason: &str| RemoteKeysError::NotUrl {
        reason: reason.to_owned(),
    };
    let Some((scheme, _)) = text.split_once("://") else {
        return Err(not_url("it has no `://`"));
    };
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return Err(RemoteKeysError::Scheme {
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
        return Err(RemoteKeysError::UserInfo);
    }
    if !names_a_server(authority) {
        return Err(RemoteKeysError::Host {
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

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host)
}

fn reach_of(uri: &Uri) -> Result<Reach, RemoteKeysError> {
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
        Err(RemoteKeysError::PlainHttp {
            host: host.to_owned(),
        })
    }
}

fn check_bounds(settings: &RemoteKeySettings) -> Result<(), RemoteKeysError> {
    let refuse =
        |name, value: String, mend: String| Err(RemoteKeysError::OutOfBounds { name, value, mend });
    let RemoteKeySettings {
        refresh,
        cooldown,
        timeout,
        max_bytes,
        ..
    } = settings;
    if cooldown.is_zero() {
        let mend = "more than zero: it bounds what unknown key ids can cost";
        return refuse("jwks_cooldown_seconds", "0".to_owned(), mend.to_owned());
    }
    if refresh < cooldown || *refresh > LONGEST_REFRESH {
        let mend = format!("at least the cooldown, {cooldown:?}, and at most {LONGEST_REFRESH:?}");
        return refuse("jwks_refresh_seconds", format!("{refresh:?}"), mend);
    }
    if timeout.is_zero() || *timeout > LONGEST_TIMEOUT {
        let mend = format!("more than zero and at most {LONGEST_TIMEOUT:?}");
        return refuse("jwks_timeout_ms", format!("{timeout:?}"), mend);
    }
    if *max_bytes == 0 || *max_bytes > LARGEST_BODY {
        let mend = format!("1 to {LARGEST_BODY}");
        return refuse("jwks_max_bytes", max_bytes.to_string(), mend);
    }
    Ok(())
}

fn system_roots() -> Result<RootCertStore, RemoteKeysError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(roots);
    }
    let mut reason = format!("none usable, {ignored} unreadable");
    if let Some(error) = found.errors.first() {
        reason = format!("{reason}, {error}");
    }
    Err(RemoteKeysError::NoSystemRoots { reason })
}

fn configured_roots(pem: &[u8]) -> Result<RootCertStore, RemoteKeysError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let added = certificate
            .map_err(|error| error.to_string())
            .and_then(|der| roots.add(der).map_err(|error| error.to_string()));
        added.map_err(|reason| RemoteKeysError::Ca { reason })?;
    }
    if roots.is_empty() {
        let reason = "it holds no certificate".to_owned();
        return Err(RemoteKeysError::Ca { reason });
    }
    Ok(roots)
}

fn tls_trusting(roots: RootCertStore) -> Result<ClientConfig, RemoteKeysError> {
    // Named, not the process default: a host process may have installed another one.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| RemoteKeysError::Tls {
            reason: error.to_string(),
        })?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.shop.example";

    fn check(uri: &str) -> Result<Reach, RemoteKeysError> {
        parse_uri(uri).and_then(|uri| reach_of(&uri))
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
                    Err(RemoteKeysError::PlainHttp { .. } | RemoteKeysError::Host { .. })
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
    fn a_refusal_does_not_repeat_credentials() {
        let settings =
            RemoteKeySettings::new(ISSUER, "https://alice:open-sesame@id.shop.example/?k=s3");
        let refused = KeySource::new(settings).expect_err("user information");
        let text = format!("{refused} {refused:?}");
        assert!(!text.contains("sesame") && !text.contains("s3"), "{text}");
    }

    #[test]
    fn bounds_hold() {
        type Change = fn(&mut RemoteKeySettings);
        let rows: [(&str, Change); 7] = [
            ("jwks_cooldown_seconds", |s| s.cooldown = Duration::ZERO),
            ("jwks_refresh_seconds", |s| {
                s.refresh = Duration::from_secs(29);
            }),
            ("jwks_refresh_seconds", |s| s.refresh = Duration::MAX),
            ("jwks_timeout_ms", |s| s.timeout = Duration::ZERO),
            ("jwks_timeout_ms", |s| s.timeout = Duration::from_secs(61)),
            ("jwks_max_bytes", |s| s.max_bytes = 0),
            ("jwks_max_bytes", |s| s.max_bytes = usize::MAX),
        ];
        for (name, change) in rows {
            let mut settings = RemoteKeySettings::new(ISSUER, "http://127.0.0.1/");
            change(&mut settings);
            let refused = KeySource::new(settings).expect_err(name);
            assert!(refused.to_string().contains(name), "{refused}");
        }
    }

    #[test]
    fn a_ca_must_be_certificates_and_of_use() {
        let with_ca = |uri: &str, pem: &[u8]| {
            let mut settings = RemoteKeySettings::new(ISSUER, uri);
            settings.ca_pem = Some(pem.to_vec());
            KeySource::new(settings).expect_err("a bad CA")
        };
        for pem in [
            b"".as_slice(),
            b"not a certificate",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            b"-----BEGIN CERTIFICATE-----\nAA",
        ] {
            let refused = with_ca("https://id.shop.example/", pem);
            assert!(matches!(refused, RemoteKeysError::Ca { .. }), "{refused}");
        }
        assert_eq!(
            with_ca("http://127.0.0.1/", b""),
            RemoteKeysError::CaWithoutTls
        );
    }

    #[test]
    fn the_display_leaves_the_query_out() {
        let source = KeySource::new(RemoteKeySettings::new(
            ISSUER,
            "http://127.0.0.1:8080/a?key=secret",
        ));
        assert_eq!(source.unwrap().display_uri(), "http://127.0.0.1:8080/a");
    }
}
