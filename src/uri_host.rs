//! The host of a URI: whether plain text may be sent there.

use std::net::IpAddr;

/// The host without the brackets that an IPv6 address has in a URI.
pub fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host)
}

/// Why plain text to this host is refused, with the fix; nothing for an address of this machine. What a name
/// leads to is not known here, so that `localhost` is refused as well.
pub fn plain_text_fault(host: &str) -> Option<&'static str> {
    let host = without_brackets(host);
    match host.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() => None,
        Err(_) if host.eq_ignore_ascii_case("localhost") => Some(
            "is plain text to a name, which a resolver may take to another machine: write \
             `127.0.0.1` or `[::1]` in place of `localhost`",
        ),
        _ => Some(
            "is plain text to another machine: use `https`, or `plain_text: true` where something \
             else encrypts",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_on_this_machine() {
        for host in ["127.0.0.1", "127.8.9.10", "[::1]"] {
            assert_eq!(plain_text_fault(host), None, "{host}");
        }
        for host in [
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "[::ffff:127.0.0.1]",
            "127.1",
            "collector",
            "localhost.shop.example",
        ] {
            let fault = plain_text_fault(host).unwrap_or_default();
            assert!(fault.contains("to another machine"), "{host}: {fault}");
        }
        for host in ["localhost", "LocalHost"] {
            let fault = plain_text_fault(host).unwrap_or_default();
            assert!(fault.contains("write `127.0.0.1`"), "{host}: {fault}");
        }
    }

    #[test]
    fn brackets_go_in_pairs() {
        assert_eq!(without_brackets("[::1]"), "::1");
        for host in ["::1", "[::1", "id.shop.example"] {
            assert_eq!(without_brackets(host), host);
        }
    }
}
