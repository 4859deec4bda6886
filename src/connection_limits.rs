//! The bounds of the connections of an HTTP listener, as the configuration writes them and checked.

use std::time::Duration;

use crate::problem::Faults;

/// The most connections that a listener can be given.
const MAX_CONNECTIONS: u64 = 65_536;

const MAX_HEADER_MILLISECONDS: u64 = 600_000;

/// The issuer answers 503 after 30 seconds whatever happens; a body must be refused before that.
const MAX_BODY_MILLISECONDS: u64 = 20_000;

const DAY_SECONDS: u64 = 86_400;

const PER_ADDRESS: &str = "max_connections_per_address";

/// The bounds of the connections of one HTTP listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Open connections at a time. When they are reached, a new one replaces the one that has been
    /// waiting for its client for longest.
    pub connections: usize,
    /// Open connections of one client address: an IPv4 address, or 64 bits of an IPv6 address.
    pub per_address: usize,
    /// The longest that the head of a request may take to arrive, and that a new connection may
    /// stay without a request.
    pub header_timeout: Duration,
    /// The longest that the body of a request may take to arrive, and that a client may take
    /// nothing of its answer.
    pub body_timeout: Duration,
    /// The longest that a connection may stay open between two requests.
    pub idle_timeout: Duration,
    /// The answer to the first request after this time closes its connection.
    pub lifetime: Duration,
}

/// The same keys as they are written, in the section of the listener.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimitsDocument {
    pub max_connections: u64,
    /// `max_connections_per_address`; half of `max_connections` where it is absent.
    pub max_connections_per_address: Option<u64>,
    pub header_timeout_ms: u64,
    pub body_timeout_ms: u64,
    pub idle_timeout_seconds: u64,
    pub lifetime_seconds: u64,
}

impl ConnectionLimitsDocument {
    /// Checks the keys, which are in `section`.
    pub fn build(&self, section: &str, faults: &mut Faults) -> Option<ConnectionLimits> {
        let connections = self.max_connections;
        let per_address = self
            .max_connections_per_address
            .unwrap_or_else(|| connections.div_ceil(2));
        let rows = [
            ("max_connections", connections, MAX_CONNECTIONS),
            (PER_ADDRESS, per_address, MAX_CONNECTIONS),
            (
                "header_timeout_ms",
                self.header_timeout_ms,
                MAX_HEADER_MILLISECONDS,
            ),
            (
                "body_timeout_ms",
                self.body_timeout_ms,
                MAX_BODY_MILLISECONDS,
            ),
            (
                "idle_timeout_seconds",
                self.idle_timeout_seconds,
                DAY_SECONDS,
            ),
            ("lifetime_seconds", self.lifetime_seconds, DAY_SECONDS),
        ];
        for (name, value, most) in rows {
            // One that follows from another key is as wrong as that, which is said already.
            if name != PER_ADDRESS || self.max_connections_per_address.is_some() {
                faults.within(&format!("{section}.{name}"), value, 1, most);
            }
        }
        Some(ConnectionLimits {
            connections: usize::try_from(connections).ok()?,
            per_address: usize::try_from(per_address).ok()?,
            header_timeout: Duration::from_millis(self.header_timeout_ms),
            body_timeout: Duration::from_millis(self.body_timeout_ms),
            idle_timeout: Duration::from_secs(self.idle_timeout_seconds),
            lifetime: Duration::from_secs(self.lifetime_seconds),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: ConnectionLimitsDocument = ConnectionLimitsDocument {
        max_connections: 5,
        max_connections_per_address: None,
        header_timeout_ms: 1,
        body_timeout_ms: 2,
        idle_timeout_seconds: 3,
        lifetime_seconds: 4,
    };

    fn check(document: ConnectionLimitsDocument) -> Result<ConnectionLimits, String> {
        let mut faults = Faults::default();
        let limits = document.build("listeners.admin", &mut faults);
        let messages = faults.into_messages();
        if messages.is_empty() {
            Ok(limits.unwrap())
        } else {
            Err(messages.join("\n"))
        }
    }

    #[test]
    fn one_address_gets_half_unless_the_configuration_says_otherwise() {
        assert_eq!(check(DOCUMENT).unwrap().per_address, 3);
        let one = ConnectionLimitsDocument {
            max_connections: 1,
            ..DOCUMENT
        };
        assert_eq!(check(one).unwrap().per_address, 1);
        let said = ConnectionLimitsDocument {
            max_connections_per_address: Some(7),
            ..DOCUMENT
        };
        assert_eq!(check(said).unwrap().per_address, 7);
    }

    #[test]
    fn zero_and_numbers_beyond_the_bounds_are_refused_by_name() {
        let none = ConnectionLimitsDocument {
            max_connections: 0,
            header_timeout_ms: 0,
            body_timeout_ms: 600_001,
            idle_timeout_seconds: 86_401,
            lifetime_seconds: 0,
            ..DOCUMENT
        };
        let said = check(none).unwrap_err();
        for words in [
            "`listeners.admin.max_connections: 0` is out of bounds: from 1 to 65536",
            "`listeners.admin.header_timeout_ms: 0` is out of bounds",
            "`listeners.admin.body_timeout_ms: 600001`",
            "`listeners.admin.idle_timeout_seconds: 86401`",
            "`listeners.admin.lifetime_seconds: 0`",
        ] {
            assert!(said.contains(words), "no {words} in {said}");
        }
        assert!(!said.contains(PER_ADDRESS), "nobody has written it: {said}");
    }
}
