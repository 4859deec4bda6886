//! Who asks for passkeys: the host of the issuer, at its origin.

use aws_lc_rs::digest::{SHA256, digest};
use http::Uri;

/// For whom passkeys are made, and on whose pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    origin: String,
}

impl RelyingParty {
    /// That of an issuer; none where no browser makes passkeys for it: at an IP address, and in clear
    /// elsewhere than on the machine itself.
    pub fn of_issuer(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let (scheme, host) = (uri.scheme_str()?, uri.host()?.to_ascii_lowercase());
        let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
        let is_local = host == "localhost" || host.ends_with(".localhost");
        let default_port = match scheme {
            "https" => 443,
            "http" if is_local => 80,
            _ => return None,
        };
        if is_address || host.is_empty() || host.ends_with('.') {
            return None;
        }
        // As browsers write origins (RFC 6454 section 6.2).
        let origin = match uri.port_u16() {
            Some(port) if port != default_port => format!("{scheme}://{host}:{port}"),
            Some(_) | None => format!("{scheme}://{host}"),
        };
        Some(Self { id: host, origin })
    }

    /// What browsers call it.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// What authenticators call it.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let digest = digest(&SHA256, self.id.as_bytes());
        for (slot, byte) in bytes.iter_mut().zip(digest.as_ref()) {
            *slot = *byte;
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relying_party_is_a_host_where_browsers_make_passkeys() {
        let rows = [
            (
                "https://id.shop.example",
                Some(("id.shop.example", "https://id.shop.example")),
            ),
            (
                "https://ID.shop.example:443",
                Some(("id.shop.example", "https://id.shop.example")),
            ),
            (
                "https://id.shop.example:8443",
                Some(("id.shop.example", "https://id.shop.example:8443")),
            ),
            (
                "http://localhost:8080",
                Some(("localhost", "http://localhost:8080")),
            ),
            ("http://id.shop.example", None),
            ("http://127.0.0.1:8080", None),
            ("https://127.0.0.1", None),
            ("https://[::1]:8443", None),
        ];
        for (url, expected) in rows {
            let found = RelyingParty::of_issuer(url);
            let found = found.as_ref().map(|found| (found.id(), found.origin()));
            assert_eq!(found, expected, "{url}");
        }
    }
}
