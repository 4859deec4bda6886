//! Where a request came from, as far as an access log of Envoy says it.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Map, Value};

use crate::cli::rehearsal::Surroundings;

/// Envoy's operators for the names in the certificate of a peer, in the order in which `ext_authz` takes one for
/// the principal (`source.principal` of its `AttributeContext`).
const NAMES_OF_PEER: [[&str; 2]; 3] = [
    ["peer_uri_san", "downstream_peer_uri_san"],
    ["peer_dns_san", "downstream_peer_dns_san"],
    ["peer_subject", "downstream_peer_subject"],
];

/// Address and principal of the proxy's peer; nothing of what the line does not say.
pub(super) fn sources(fields: &Map<String, Value>) -> Surroundings {
    Surroundings {
        source_address: address(fields),
        source_principal: principal(fields),
        ..Surroundings::default()
    }
}

/// Nothing of where a request came from, then some of what the log says of it, then all.
pub(super) fn fewest_first(logged: &Surroundings) -> Vec<Surroundings> {
    let (address, principal) = (&logged.source_address, &logged.source_principal);
    let of = |address: Option<&String>, principal: Option<&String>| Surroundings {
        source_address: address.cloned(),
        source_principal: principal.cloned(),
        ..Surroundings::default()
    };
    let mut all = vec![
        of(None, None),
        of(address.as_ref(), None),
        of(None, principal.as_ref()),
        of(address.as_ref(), principal.as_ref()),
    ];
    all.dedup();
    all
}

/// The peer's own, as the gate gets it. `%DOWNSTREAM_REMOTE_ADDRESS%` is another one behind a trusted proxy, and
/// is not looked at.
fn address(fields: &Map<String, Value>) -> Option<String> {
    let names = [
        "source_address",
        "downstream_direct_remote_address_without_port",
        "downstream_direct_remote_address",
    ];
    let text = names.iter().find_map(|name| fields.get(*name)?.as_str())?;
    let address: Option<IpAddr> = text.parse().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_string())
}

fn principal(fields: &Map<String, Value>) -> Option<String> {
    if let Some(name) = fields.get("source_principal").and_then(text) {
        return Some(name.to_owned());
    }
    for (position, names) in NAMES_OF_PEER.iter().enumerate() {
        // Without the key nobody knows whether there is such a name, which comes before the next ones.
        let value = names.iter().find_map(|name| fields.get(*name))?;
        let Some(all) = text(value) else { continue };
        let is_list = position < 2;
        let first = all.split(',').next().filter(|_| is_list);
        return Some(first.unwrap_or(all).to_owned());
    }
    Some(String::new())
}

/// Nothing of what Envoy writes where it has nothing.
fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !["", "-"].contains(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(line: &Value, address: Option<&str>, principal: Option<&str>) {
        let found = sources(line.as_object().unwrap());
        assert_eq!(found.source_address.as_deref(), address, "{line}");
        assert_eq!(found.source_principal.as_deref(), principal, "{line}");
    }

    #[test]
    fn addresses_are_those_of_the_peer() {
        check(
            &json!({"source_address": "10.0.0.1"}),
            Some("10.0.0.1"),
            None,
        );
        let direct = json!({"downstream_direct_remote_address": "10.0.0.1:4711"});
        check(&direct, Some("10.0.0.1"), None);
        let direct = json!({"downstream_direct_remote_address": "[2001:db8::1]:4711"});
        check(&direct, Some("2001:db8::1"), None);
        check(
            &json!({"downstream_remote_address": "10.0.0.1:4711"}),
            None,
            None,
        );
        check(&json!({"source_address": "/run/proxy.sock"}), None, None);
    }

    #[test]
    fn principals_are_the_first_name_of_the_certificate() {
        check(
            &json!({"source_principal": "spiffe://a/b"}),
            None,
            Some("spiffe://a/b"),
        );
        let both =
            json!({"peer_uri_san": "spiffe://a/b,spiffe://a/c", "peer_dns_san": "a.example"});
        check(&both, None, Some("spiffe://a/b"));
        let subject =
            json!({"peer_uri_san": "-", "peer_dns_san": null, "peer_subject": "CN=a,O=b"});
        check(&subject, None, Some("CN=a,O=b"));
        let none = json!({"peer_uri_san": "-", "peer_dns_san": "-", "peer_subject": "-"});
        check(&none, None, Some(""));
        // There may be one that the line does not say.
        check(&json!({"peer_uri_san": "-"}), None, None);
        check(&json!({"peer_dns_san": "a.example"}), None, None);
        check(&json!({"source_principal": "-"}), None, None);
    }
}
