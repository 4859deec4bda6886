//! Which clients a listener lets in, by the alternative names of their certificates.

use std::net::IpAddr;

use crate::certificates::CertificateFields;
use crate::problem::Faults;

/// What a SPIFFE ID begins with.
const SPIFFE: &str = "spiffe://";

/// More names than any listener needs; each is compared with those of each new client.
const MAX_NAMES: usize = 1024;

/// The longest name of a host (RFC 1035 section 2.3.4), and of a SPIFFE ID, in bytes.
const MAX_DNS_BYTES: usize = 253;
const MAX_SPIFFE_BYTES: usize = 2048;

/// The names of which a client must have one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientNames(Vec<ClientName>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum ClientName {
    /// A DNS name, in lower case.
    Dns(String),
    /// A SPIFFE ID.
    Spiffe(String),
    /// All SPIFFE IDs that begin like this; it ends with a slash.
    SpiffeBelow(String),
}

impl ClientNames {
    /// Checks the list, which is at `key`.
    pub(super) fn build(written: &[String], key: &str, faults: &mut Faults) -> Self {
        if written.is_empty() {
            faults.add(key, format!(
                "`{key}` is empty, so that no client could connect: list the names, or remove the key to \
                 admit every client with a certificate of `client_ca_file`"
            ));
        }
        if written.len() > MAX_NAMES {
            let message =
                format!("`{key}` has more than {MAX_NAMES} names: use `/*` at the end of one");
            faults.add(key, message);
            return Self::default();
        }
        let mut names = Vec::new();
        for (position, text) in written.iter().enumerate() {
            let at = || format!("{key}[{position}]");
            match ClientName::parse(text) {
                Some(name) => names.push(name),
                None if text.parse::<IpAddr>().is_ok() => faults.add(at(), format!(
                    "`{key}: {text}` is an IP address, and clients are not admitted by address: write a \
                     DNS name or a SPIFFE ID that their certificates have"
                )),
                None => faults.add(at(), format!(
                    "`{key}: {text}` is not a valid name: write a DNS name such as \
                     `envoy.shop.example`, or a SPIFFE ID such as `spiffe://shop.example/ns/shop/sa/envoy`; \
                     `/*` at the end of a SPIFFE ID stands for all below it"
                )),
            }
        }
        Self(names)
    }

    /// Whether a client with this certificate is one of them.
    pub(super) fn admit(&self, client: &CertificateFields) -> bool {
        self.0.iter().any(|name| name.is_of(client))
    }
}

impl ClientName {
    fn parse(text: &str) -> Option<Self> {
        let Some(id) = text.strip_prefix(SPIFFE) else {
            // A certificate has addresses apart from names, and such a name would match none.
            let is_name = is_dns_name(text) && text.parse::<IpAddr>().is_err();
            return is_name.then(|| Self::Dns(text.to_ascii_lowercase()));
        };
        let (id, is_prefix) = match id.strip_suffix("/*") {
            Some(id) => (id, true),
            None => (id, false),
        };
        if !is_spiffe(id) {
            return None;
        }
        Some(if is_prefix {
            Self::SpiffeBelow(format!("{SPIFFE}{id}/"))
        } else {
            Self::Spiffe(format!("{SPIFFE}{id}"))
        })
    }

    fn is_of(&self, client: &CertificateFields) -> bool {
        match self {
            Self::Dns(name) => {
                let mut names = client.dns_names.iter();
                names.any(|of_client| of_client.eq_ignore_ascii_case(name))
            }
            Self::Spiffe(id) => client.spiffe_id() == Some(id.as_str()),
            // Of a well-formed ID only: in one with `..` the prefix would mean little.
            Self::SpiffeBelow(prefix) => client.spiffe_id().is_some_and(|id| {
                id.starts_with(prefix.as_str()) && id.strip_prefix(SPIFFE).is_some_and(is_spiffe)
            }),
        }
    }
}

impl CertificateFields {
    /// The SPIFFE ID: the only URI of the certificate. One with several is not a SPIFFE certificate
    /// (X.509-SVID section 2).
    fn spiffe_id(&self) -> Option<&str> {
        match self.uris.as_slice() {
            [id] => Some(id),
            _ => None,
        }
    }
}

/// Letters, digits, hyphens and underscores between dots. A wildcard in a certificate names hosts, not
/// a client.
fn is_dns_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.bytes().all(allowed)
    };
    text.len() <= MAX_DNS_BYTES && text.split('.').all(is_label)
}

/// Whether this is a SPIFFE ID without its scheme (SPIFFE-ID section 2): a trust domain, and segments
/// after slashes.
fn is_spiffe(id: &str) -> bool {
    let mut parts = id.split('/');
    let is_domain = |domain: &str| {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        !domain.is_empty() && domain.bytes().all(allowed)
    };
    let is_segment = |segment: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed)
    };
    id.len() <= MAX_SPIFFE_BYTES && parts.next().is_some_and(is_domain) && parts.all(is_segment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixSeconds;

    fn client(dns_names: &[&str], uris: &[&str]) -> CertificateFields {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        CertificateFields {
            not_before: UnixSeconds(0),
            not_after: UnixSeconds(0),
            dns_names: owned(dns_names),
            uris: owned(uris),
        }
    }

    #[test]
    fn a_client_has_one_of_the_names_or_stays_outside() {
        for (name, dns_names, uris, expected) in [
            (
                "envoy.shop.example",
                &["envoy.shop.example"][..],
                &[][..],
                true,
            ),
            ("Envoy.Shop.Example", &["envoy.shop.EXAMPLE"], &[], true),
            (
                "envoy.shop.example",
                &["other", "envoy.shop.example"],
                &[],
                true,
            ),
            ("envoy.shop.example", &["*.shop.example"], &[], false),
            ("envoy.shop.example", &["envoy.shop.example."], &[], false),
            ("envoy.shop.example", &["a.envoy.shop.example"], &[], false),
            (
                "envoy.shop.example",
                &[],
                &["spiffe://envoy.shop.example"],
                false,
            ),
            ("envoy.shop.example", &[], &[], false),
            ("spiffe://a/b", &[], &["spiffe://a/b"], true),
            ("spiffe://a", &[], &["spiffe://a"], true),
            ("spiffe://a", &[], &["spiffe://a/b"], false),
            ("spiffe://a/b", &[], &["spiffe://a/B"], false),
            ("spiffe://a/b", &[], &["spiffe://a/b/c"], false),
            ("spiffe://a/b", &["spiffe://a/b"], &[], false),
            // Two URIs are no SPIFFE ID.
            ("spiffe://a/b", &[], &["spiffe://a/b", "https://x"], false),
            ("spiffe://a/*", &[], &["spiffe://a/b"], true),
            ("spiffe://a/b/*", &[], &["spiffe://a/b/c/d"], true),
            ("spiffe://a/b/*", &[], &["spiffe://a/b"], false),
            ("spiffe://a/b/*", &[], &["spiffe://a/b/"], false),
            ("spiffe://a/b/*", &[], &["spiffe://a/bc/d"], false),
            ("spiffe://a/b/*", &[], &["spiffe://a/b/../c"], false),
            ("spiffe://a/b/*", &[], &["spiffe://a/b/c?d"], false),
            ("spiffe://a/b/*", &[], &["https://a/b/c"], false),
        ] {
            let names = ClientNames(vec![ClientName::parse(name).unwrap()]);
            let found = names.admit(&client(dns_names, uris));
            assert_eq!(found, expected, "{name} for {dns_names:?} {uris:?}");
        }
    }

    #[test]
    fn what_is_not_a_name_is_said() {
        for text in [
            "",
            ".",
            "a..b",
            "*.shop.example",
            "a b",
            "10.0.0.1:80",
            "https://a",
            "spiffe://",
            "spiffe:///b",
            "spiffe://A/b",
            "spiffe://a/",
            "spiffe://a//b",
            "spiffe://a/../b",
            "spiffe://a/b?c",
            "spiffe://a/*/b",
            "spiffe://a*",
            "spiffe://*",
            "spiffe:a",
            "ä.example",
        ] {
            let mut faults = Faults::default();
            let names =
                ClientNames::build(&["a".to_owned(), text.to_owned()], "names", &mut faults);
            assert_eq!(names.0.len(), 1, "{text}");
            let said = faults.into_messages().join("\n");
            assert!(
                said.starts_with(&format!("`names: {text}` is not a valid name")),
                "{said}"
            );
        }
        for (written, words) in [
            (&["10.0.0.1"][..], "`names: 10.0.0.1` is an IP address"),
            (&["::1"], "`names: ::1` is an IP address"),
            (&[], "`names` is empty"),
        ] {
            let mut faults = Faults::default();
            let written: Vec<String> = written.iter().map(|text| (*text).to_owned()).collect();
            let names = ClientNames::build(&written, "names", &mut faults);
            assert_eq!(names.0.len(), 0, "{written:?}");
            let said = faults.into_messages().join("\n");
            assert!(said.starts_with(words), "{said}");
        }
    }

    #[test]
    fn without_a_name_nobody_is_admitted() {
        let names = ClientNames::default();
        assert!(!names.admit(&client(&["envoy.shop.example"], &["spiffe://a/b"])));
    }
}
