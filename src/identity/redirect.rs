//! Where browsers may be sent: comparing and extending redirect URIs.

use super::app::RedirectUri;
use super::form;

/// Loopback literals: native apps listen on whatever port is free. `localhost` is none, for it may
/// resolve to another machine (RFC 8252 section 8.3).
const LOOPBACK: [&str; 2] = ["127.0.0.1", "[::1]"];

impl RedirectUri {
    /// The URI that was asked for, if it is this one, character by character (RFC 9700 section 4.1.3);
    /// the port of a loopback literal is free (RFC 8252 section 7.3).
    pub fn matching(&self, asked: &str) -> Option<Self> {
        let asked = Self::parse(asked).ok()?;
        let same = asked == *self
            || self
                .without_loopback_port()
                .is_some_and(|uri| Some(uri) == asked.without_loopback_port());
        same.then_some(asked)
    }

    pub fn origin(&self) -> &str {
        let uri = self.as_str();
        let authority = uri.find("://").map_or(0, |colon| colon + 3);
        let rest = uri.get(authority..).unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        uri.get(..authority + end).unwrap_or_default()
    }

    /// The URI with further parameters; its own query is kept (RFC 6749 section 3.1.2).
    pub(super) fn with<'a>(
        &self,
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> String {
        let uri = self.as_str();
        let separator = match (uri.contains('?'), uri.ends_with(['?', '&'])) {
            (false, _) => "?",
            (true, true) => "",
            (true, false) => "&",
        };
        format!("{uri}{separator}{}", form::encode(parameters))
    }

    /// Host and what follows the port, if this is plain `http` to a loopback literal.
    fn without_loopback_port(&self) -> Option<(&'static str, &str)> {
        let rest = self.as_str().strip_prefix("http://")?;
        let host = LOOPBACK.into_iter().find(|host| rest.starts_with(host))?;
        let rest = rest.strip_prefix(host)?;
        let path = rest.strip_prefix(':').map_or(rest, |port| {
            port.trim_start_matches(|digit: char| digit.is_ascii_digit())
        });
        (path.is_empty() || path.starts_with(['/', '?'])).then_some((host, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> RedirectUri {
        RedirectUri::parse(text).unwrap()
    }

    #[test]
    fn uris_match_exactly_but_for_the_port_of_a_loopback_literal() {
        let shop = "https://shop.example/cb?a=b";
        let native = "http://127.0.0.1/cb";
        let rows = [
            (shop, shop, true),
            (shop, "https://shop.example/cb", false),
            (shop, "https://shop.example/cb?a=b&c=d", false),
            (shop, "https://shop.example/cb?a=b#", false),
            (shop, "https://shop.example/cb?a=b#x", false),
            (shop, "https://shop.example:443/cb?a=b", false),
            (shop, "https://shop.example/cb/?a=b", false),
            (shop, "https://shop.example/cb/../cb?a=b", false),
            (shop, "https://shop.example/%63b?a=b", false),
            (shop, "https://SHOP.example/cb?a=b", false),
            (shop, "http://shop.example/cb?a=b", false),
            (shop, "https://evil@shop.example/cb?a=b", false),
            (shop, "https://shop.example@evil.example/cb?a=b", false),
            (shop, "https://shop.example.evil.example/cb?a=b", false),
            (shop, "https://evilshop.example/cb?a=b", false),
            (shop, "https://shop.example\\.evil.example/cb?a=b", false),
            (shop, "//shop.example/cb?a=b", false),
            (shop, " https://shop.example/cb?a=b", false),
            (shop, "", false),
            (native, "http://127.0.0.1:49152/cb", true),
            (
                "http://127.0.0.1:1234/cb",
                "http://127.0.0.1:49152/cb",
                true,
            ),
            ("http://[::1]:1/cb?x", "http://[::1]:2/cb?x", true),
            (native, "http://127.0.0.1:49152/other", false),
            (native, "http://127.0.0.1:49152/cb?x", false),
            (native, "http://127.0.0.1:/cb", false),
            (native, "http://127.0.0.1:80@evil.example/cb", false),
            (native, "http://127.0.0.1.evil.example/cb", false),
            (native, "http://127.0.0.1:1.evil.example/cb", false),
            (native, "http://127.0.0.2/cb", false),
            (native, "http://[::1]/cb", false),
            (native, "https://127.0.0.1/cb", false),
            ("http://localhost/cb", "http://localhost:8080/cb", false),
            ("https://127.0.0.1/cb", "https://127.0.0.1:1/cb", false),
        ];
        for (registered, asked, expected) in rows {
            let found = uri(registered).matching(asked);
            let expected = expected.then(|| uri(asked));
            assert_eq!(found, expected, "{asked} for {registered}");
        }
    }

    #[test]
    fn parameters_are_added_and_origins_found() {
        let rows = [
            (
                "https://a.example",
                "https://a.example?c=1%262",
                "https://a.example",
            ),
            (
                "https://a.example?",
                "https://a.example?c=1%262",
                "https://a.example",
            ),
            (
                "https://a.example:8/b?x=y",
                "https://a.example:8/b?x=y&c=1%262",
                "https://a.example:8",
            ),
            (
                "https://a.example/b?x&",
                "https://a.example/b?x&c=1%262",
                "https://a.example",
            ),
            (
                "http://[::1]:9/",
                "http://[::1]:9/?c=1%262",
                "http://[::1]:9",
            ),
        ];
        for (text, extended, origin) in rows {
            let uri = uri(text);
            assert_eq!(uri.with([("c", "1&2")]), extended);
            assert_eq!(uri.origin(), origin);
        }
    }
}
