//! The section `listeners`.

use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

use super::Overrides;
use super::issuer;
use super::issuers::Issuers;
use super::listener::{self, AdminDocument, AdminListener, AuthzDocument, AuthzListener};
use crate::feed::{FeedListener, FeedListenerDocument};
use crate::problem::Faults;
use crate::yaml::present;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListenersDocument {
    pub(super) authz: AuthzDocument,
    pub(super) admin: AdminDocument,
    #[serde(deserialize_with = "present")]
    pub(super) feed: Option<FeedListenerDocument>,
}

/// The listeners, as far as they could be built.
pub(super) struct Listeners {
    pub(super) authz: Option<AuthzListener>,
    pub(super) admin: Option<AdminListener>,
    pub(super) feed: Option<FeedListener>,
}

impl Listeners {
    pub(super) fn build(
        document: ListenersDocument,
        base: &Path,
        overrides: &Overrides,
        faults: &mut Faults,
    ) -> Self {
        let feed = document.feed;
        Self {
            authz: listener::authz(&document.authz, base, overrides, faults),
            admin: listener::admin(&document.admin, base, overrides, faults),
            feed: feed.and_then(|feed| feed.build(base, faults)),
        }
    }

    /// What they must have in common with each other and with the issuer in this process.
    pub(super) fn check(&self, issuers: &Issuers, faults: &mut Faults) {
        if self.feed.is_some() && !issuers.is_companion_written() {
            faults.add(
                "listeners.feed",
                "`listeners.feed` needs the section `issuer`: add it, or remove the listener",
            );
        }
        let (authz, admin, feed) = (self.authz.as_ref(), self.admin.as_ref(), self.feed.as_ref());
        let companion = issuers.companion.as_ref();
        let addresses = [
            (
                "listeners.authz.address",
                authz.and_then(AuthzListener::tcp),
            ),
            ("listeners.admin.address", admin.map(|admin| admin.address)),
            (
                "listeners.admin.plain_address",
                admin.and_then(|admin| admin.plain_address),
            ),
            ("listeners.feed.address", feed.map(|feed| feed.address)),
            ("issuer.address", companion.map(issuer::address)),
        ];
        check_distinct(addresses, faults);
    }
}

/// Two listeners cannot have one port of one address. Of those that exist, each with its key.
fn check_distinct<const N: usize>(
    listeners: [(&'static str, Option<SocketAddr>); N],
    faults: &mut Faults,
) {
    let listeners = listeners
        .into_iter()
        .filter_map(|(key, address)| Some((key, address?)));
    let mut earlier: Vec<(&str, SocketAddr)> = Vec::new();
    for (key, address) in listeners {
        if let Some((other_key, other)) = earlier.iter().find(|(_, other)| collide(*other, address))
        {
            faults.add_with(
                key,
                format!(
                    "`{key}: {address}` is the address of `{other_key}: {other}`: give one of them \
                     another port"
                ),
                ((*other_key).to_owned(), "the other listener"),
            );
        }
        earlier.push((key, address));
    }
}

/// Whether the second cannot be bound once the first is. Port 0 is a free one each time.
fn collide(first: SocketAddr, second: SocketAddr) -> bool {
    // `[::]` takes IPv4 as well; `0.0.0.0` leaves IPv6 alone.
    let covers = |wide: SocketAddr, narrow: SocketAddr| {
        wide.ip().is_unspecified() && (wide.is_ipv6() || narrow.is_ipv4())
    };
    first.port() != 0
        && first.port() == second.port()
        && (first.ip() == second.ip() || covers(first, second) || covers(second, first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_collide_at_one_port_of_addresses_that_overlap() {
        for (first, second, expected) in [
            ("127.0.0.1:9191", "127.0.0.1:9191", true),
            ("127.0.0.1:9191", "127.0.0.1:9192", false),
            ("127.0.0.1:9191", "127.0.0.2:9191", false),
            ("0.0.0.0:9191", "127.0.0.1:9191", true),
            ("127.0.0.1:9191", "[::]:9191", true),
            ("0.0.0.0:9191", "[::1]:9191", false),
            ("127.0.0.1:9191", "[::1]:9191", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let address = |text: &str| text.parse().unwrap();
            let found = collide(address(first), address(second));
            assert_eq!(found, expected, "{first} {second}");
        }
    }

    #[test]
    fn absent_listeners_collide_with_none() {
        let mut faults = Faults::default();
        let address = "127.0.0.1:9191".parse().ok();
        check_distinct(
            [("a", address), ("b", None), ("c", None), ("d", address)],
            &mut faults,
        );
        assert_eq!(
            faults.into_messages(),
            [
                "`d: 127.0.0.1:9191` is the address of `a: 127.0.0.1:9191`: give one of them another port"
            ]
        );
    }
}
