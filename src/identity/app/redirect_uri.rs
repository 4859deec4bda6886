//! Where the authorization endpoint may send browsers.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::uri::PathAndQuery;

use super::AppError;

/// Of a link as well.
pub(super) const MAX_BYTES: usize = 2048;

/// RFC 1035 section 2.3.4.
const MAX_HOST_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// An absolute URI without fragment (RFC 6749 section 3.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri(Box<str>);

impl RedirectUri {
    /// Reads a URI. Plain `http` only to the loopback addresses of native apps (RFC 8252 section
    /// 7.3).
    pub fn parse(text: &str) -> Result<Self, AppError> {
        if is_plain_uri(text, text, is_uri_byte) {
            Ok(Self(text.into()))
        } else {
            Err(AppError::RedirectUri)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether all browsers read `text` alike, of which `uri` is what is in front of a fragment.
pub(super) fn is_plain_uri(text: &str, uri: &str, is_byte: impl Fn(u8) -> bool) -> bool {
    if text.len() > MAX_BYTES || !uri.bytes().all(is_byte) {
        return false;
    }
    let Ok(uri) = uri.parse::<http::Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    let allowed = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => ["127.0.0.1", "[::1]", "localhost"].contains(&host),
        Some(_) | None => false,
    };
    let rest = uri.path_and_query().map_or("", PathAndQuery::as_str);
    allowed && is_plain_authority(&uri, host) && is_plain_path(uri.path(), rest)
}

/// RFC 3986 appendix A, without `#` and `@`: what browsers and other parsers read alike.
pub(super) fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]!$&'()*+,;=%".contains(&byte)
}

/// A name or address with a port or none. Its origin goes into headers, where `*` and `;` would mean
/// something else.
fn is_plain_authority(uri: &http::Uri, host: &str) -> bool {
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let plain_host = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_plain_host(host),
    };
    let port = authority.strip_prefix(host).is_some_and(|rest| {
        rest.is_empty()
            || rest.strip_prefix(':').is_some_and(|port| {
                // Neither 0 nor with zeros in front.
                port.bytes().all(|byte| byte.is_ascii_digit())
                    && !port.starts_with('0')
                    && port.parse::<u16>().is_ok()
            })
    });
    plain_host && port
}

/// A name of whole labels, or an IPv4 address in the one form that everybody reads alike: what ends
/// in a number is an address to browsers (WHATWG URL section 3.5).
fn is_plain_host(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_label = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last
            .to_ascii_lowercase()
            .strip_prefix("0x")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let labels = host.len() <= MAX_HOST_BYTES && host.split('.').all(is_label);
    labels && (!is_number || host.parse::<Ipv4Addr>().is_ok())
}

/// A path that no browser shortens, and nothing that is half encoded.
fn is_plain_path(path: &str, path_and_query: &str) -> bool {
    let is_dots = |segment: &str| {
        let decoded = segment.to_ascii_lowercase().replace("%2e", ".");
        decoded == "." || decoded == ".."
    };
    let mut encoded = path_and_query.split('%').skip(1);
    let is_encoded = |rest: &str| {
        let mut bytes = rest.bytes().take(2);
        [bytes.next(), bytes.next()]
            .iter()
            .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
    };
    // Brackets are for addresses alone (RFC 3986 section 3.2.2).
    !path_and_query.contains(['[', ']']) && !path.split('/').any(is_dots) && encoded.all(is_encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_uris_are_checked() {
        for good in [
            "https://a.example/cb?x=1",
            "http://127.0.0.1:9/cb",
            "http://[::1]/cb",
            "https://a.example",
            "https://a_b.example:8443/cb;x?y=(1)",
            "https://192.0.2.1/",
            "https://xn--bcher-kva.example/%C3%A4?a=%20",
            "https://a.example/.well-known/..x?..",
            "http://localhost:1/",
        ] {
            assert!(RedirectUri::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/cb",
            "http://a.example/",
            "javascript:x",
            "https://a/#f",
            "https://u@a/",
            "https://*.a.example/",
            "https://a;b/",
            "https://a,b/",
            "https://a:/",
            "https://a:+1/",
            "https://a:65536/",
            "https://a/\\b",
            "https://a/\u{e4}",
            "https://a/<b>",
            "https://a/\"",
            "https://%61/",
            "http://127.0.0.1.a.example/",
            "http://[::2]/",
            "https://[v1.x]/",
            "https:/a/",
            "https:///a",
            "https://",
            "https://:443/",
            "https://a:0/",
            "https://a:080/",
            "https://a:99999/",
            "https://a:8 0/",
            "https://.a/",
            "https://a./",
            "https://a..b/",
            "https://./",
            "https://-a.example/",
            "https://a-.example/",
            "https://1.2.3/",
            "https://0x7f.1/",
            "https://a.0x7f/",
            "https://2130706433/",
            "https://192.0.2.01/",
            "https://192.0.2.256/",
            "https://u:p@a/",
            "https://a/%",
            "https://a/%zz",
            "https://a/?x=%4",
            "https://a/[b]",
            "https://a/?x[]=1",
            "https://a/b/../c",
            "https://a/./c",
            "https://a/..",
            "https://a/b/%2e%2E/c",
            "https://a/b/.%2e",
            "https://a/ b",
            " https://a/",
            "https://a/\t",
            "https://a/\r\nx: y",
            "https://a/\u{7f}",
            "https:\\\\a/",
            "https://a\\@b/",
            "https://b\u{fc}cher.example/",
            &format!("https://{}.example/", "a".repeat(64)),
        ] {
            assert_eq!(RedirectUri::parse(bad), Err(AppError::RedirectUri), "{bad}");
        }
    }
}
