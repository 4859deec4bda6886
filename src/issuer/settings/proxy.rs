//! `issuer.portal.proxy`: through which proxy the portal sends what its users try out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use serde::Deserialize;

use crate::problem::Faults;
use crate::uri_host::plain_text_fault;
use crate::yaml::present;

/// The one server that requests of the portal go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySettings {
    /// Scheme, host and port; no path.
    pub origin: ProxyOrigin,
    /// The certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// The longest that connecting and the whole answer may take.
    pub timeout: Duration,
}

/// Where a proxy is: `http://` or `https://`, a host, and perhaps a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyOrigin {
    is_encrypted: bool,
    authority: Authority,
}

/// The section as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ProxyDocument {
    #[serde(deserialize_with = "present")]
    url: Option<String>,
    plain_text: bool,
    #[serde(deserialize_with = "present")]
    ca_file: Option<PathBuf>,
    timeout_ms: u64,
}

impl Default for ProxyDocument {
    fn default() -> Self {
        Self {
            url: None,
            plain_text: false,
            ca_file: None,
            timeout_ms: 5000,
        }
    }
}

impl ProxyDocument {
    /// Checks the section; a relative file is relative to `base`.
    pub(super) fn build(self, base: &Path, faults: &mut Faults) -> Option<ProxySettings> {
        // Half of what the issuer has for an answer of its own.
        faults.within(
            "issuer.portal.proxy.timeout_ms",
            self.timeout_ms,
            100,
            15_000,
        );
        let origin = self.origin().map_err(|message| {
            faults.add("issuer.portal.proxy.url", message);
        });
        Some(ProxySettings {
            origin: origin.ok()?,
            ca_file: self.ca_file.map(|file| base.join(file)),
            timeout: Duration::from_millis(self.timeout_ms),
        })
    }

    fn origin(&self) -> Result<ProxyOrigin, String> {
        let Some(text) = &self.url else {
            return Err(
                "`issuer.portal.proxy.url` is missing: name the proxy in front of the API, such as \
                 `https://api.shop.example`"
                    .to_owned(),
            );
        };
        let wrong = |what: &str| format!("`issuer.portal.proxy.url: {text}` {what}");
        let shape = || {
            wrong(
                "is not the address of a proxy: write `https://HOST` or `https://HOST:PORT` without user, \
                 path and query, or `http://127.0.0.1:PORT` for a proxy on this machine",
            )
        };
        let origin = ProxyOrigin::parse(text).ok_or_else(shape)?;
        if !origin.is_encrypted && self.ca_file.is_some() {
            return Err(wrong(
                "is plain `http`, and `ca_file` is for TLS: use `https`, or remove the file",
            ));
        }
        let is_bare = !origin.is_encrypted && !self.plain_text;
        let fault = is_bare.then(|| plain_text_fault(origin.authority.host()));
        match fault.flatten() {
            Some(fault) => Err(wrong(fault)),
            None => Ok(origin),
        }
    }
}

impl ProxyOrigin {
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let is_encrypted = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?.clone();
        // What `http` takes for a port is anything behind a colon.
        let port = authority.as_str().strip_prefix(authority.host())?;
        let port_holds = match port.strip_prefix(':') {
            Some(port) => port.parse::<u16>().is_ok_and(|port| port > 0),
            None => port.is_empty(),
        };
        // It stands between apostrophes in commands.
        let is_plain = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b":/.-_[]".contains(&byte));
        let is_origin = matches!(uri.path(), "" | "/") && uri.query().is_none();
        let holds = port_holds && is_plain && is_origin && !authority.host().is_empty();
        holds.then_some(Self {
            is_encrypted,
            authority,
        })
    }

    /// Whether the proxy has to prove by a certificate who it is.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// The host, and the port if one is written: what requests have in `Host`.
    pub fn authority(&self) -> &str {
        self.authority.as_str()
    }

    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// The port that is written, or that of the scheme.
    pub fn port(&self) -> u16 {
        let usual = if self.is_encrypted { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(usual)
    }

    /// The address of this path, which begins with a slash and may have a query.
    pub fn address_of(&self, path: &str) -> String {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(section: &str) -> Result<ProxySettings, String> {
        let document: ProxyDocument = serde_json::from_str(section).unwrap();
        let mut faults = Faults::default();
        let settings = document.build(Path::new("/etc/portcullis"), &mut faults);
        if faults.is_empty() {
            Ok(settings.unwrap())
        } else {
            Err(faults.into_messages().join("\n"))
        }
    }

    #[test]
    fn a_proxy_is_an_origin_and_nothing_more() {
        for (url, address) in [
            (
                "https://api.shop.example",
                "https://api.shop.example/orders/1?a=b",
            ),
            (
                "https://api.shop.example:8443/",
                "https://api.shop.example:8443/orders/1?a=b",
            ),
            (
                "http://127.0.0.1:10000",
                "http://127.0.0.1:10000/orders/1?a=b",
            ),
            ("http://[::1]:10000", "http://[::1]:10000/orders/1?a=b"),
        ] {
            let settings = built(&format!("{{\"url\": \"{url}\"}}")).unwrap();
            assert_eq!(settings.origin.address_of("/orders/1?a=b"), address);
            assert_eq!(settings.timeout, Duration::from_secs(5));
        }
        for url in [
            "",
            "api.shop.example",
            "/",
            "ftp://api.shop.example",
            "https://",
            "https://:8443",
            "https://api.shop.example:0",
            "https://api.shop.example:99999",
            "https://api.shop.example:",
            "https://api.shop.example/v1",
            "https://api.shop.example/?a=b",
            "https://api.shop.example?a",
            "https://api.shop.example#a",
            "https://user@api.shop.example",
            "https://user:word@api.shop.example",
            "https://127.0.0.1@api.shop.example",
            "https://api.shop.example';x'",
            "https://api.shop.example\\\\@127.0.0.1",
        ] {
            let told = built(&format!("{{\"url\": \"{url}\"}}")).unwrap_err();
            assert!(
                told.contains("is not the address of a proxy"),
                "{url}: {told}"
            );
        }
    }

    #[test]
    fn tokens_go_to_other_machines_in_plain_text_only_where_that_is_asked_for() {
        for (host, fault) in [
            ("envoy.shop.svc", "plain text to another machine"),
            ("localhost", "write `127.0.0.1` or `[::1]`"),
        ] {
            let url = format!("\"url\": \"http://{host}:10000\"");
            let told = built(&format!("{{{url}}}")).unwrap_err();
            assert!(told.contains(fault), "{told}");
            assert!(built(&format!("{{{url}, \"plain_text\": true}}")).is_ok());
        }
        let loopback = "\"url\": \"http://127.0.0.1:10000\", \"ca_file\": \"ca.pem\"";
        let told = built(&format!("{{{loopback}}}")).unwrap_err();
        assert!(told.contains("`ca_file` is for TLS"), "{told}");
        let encrypted = "{\"url\": \"https://api.shop.example\", \"ca_file\": \"ca.pem\"}";
        let file = built(encrypted).unwrap().ca_file.unwrap();
        assert_eq!(file, Path::new("/etc/portcullis/ca.pem"));
        assert!(
            built("{}")
                .unwrap_err()
                .contains("`issuer.portal.proxy.url` is missing")
        );
        let told = built("{\"url\": \"https://api.shop.example\", \"timeout_ms\": 99}");
        assert!(told.unwrap_err().contains("issuer.portal.proxy.timeout_ms"));
    }
}
