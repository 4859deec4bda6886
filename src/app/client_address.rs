//! What is counted as one client.

use std::net::{IpAddr, Ipv6Addr};

/// The bits of an IPv6 address that one customer gets.
const IPV6_PREFIX_BITS: u32 = 64;

/// An IPv4 address, or the first 64 bits of an IPv6 address.
pub(super) fn counted(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let mask = u128::MAX << (128 - IPV6_PREFIX_BITS);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}
