//! Whose address a request comes from, through proxies that are trusted and no others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A range of addresses, such as `10.0.0.0/8`; without a prefix, one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// The text is no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    #[error(
        "`{0}` is not a valid range of addresses: write, for example, `10.0.0.0/8`, `fd00::/8` or `127.0.0.1`"
    )]
    Shape(String),
    /// More than one range may be meant.
    #[error(
        "`{written}` is an address within a range: write `{first}/{prefix_bits}` for the whole range, or \
         `{address}` for the one address"
    )]
    WithinRange {
        written: String,
        first: IpAddr,
        prefix_bits: u8,
        address: IpAddr,
    },
}

/// The proxies whose `X-Forwarded-For` is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(pub Vec<Network>);

/// What is counted as one caller: an IPv4 address, or the 64 bits of IPv6 that one customer gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::issuer) struct ClientAddress(IpAddr);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || NetworkError::Shape(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| fault())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            None => most,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| fault())?
            }
            Some(_) => return Err(fault()),
        };
        if prefix_bits > most {
            return Err(fault());
        }
        let first = first_of(address, prefix_bits);
        if first != address {
            return Err(NetworkError::WithinRange {
                written: text.to_owned(),
                first,
                prefix_bits,
                address,
            });
        }
        Ok(Self {
            address,
            prefix_bits,
        })
    }
}

/// The address with nothing but zeros behind the prefix.
fn first_of(address: IpAddr, prefix_bits: u8) -> IpAddr {
    let bits = u32::from(prefix_bits);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX
                .checked_shl(32_u32.saturating_sub(bits))
                .unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX
                .checked_shl(128_u32.saturating_sub(bits))
                .unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

impl Network {
    /// Whether it is every address there is.
    pub fn is_everything(self) -> bool {
        self.prefix_bits == 0
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                // The bits in which they differ all lie behind the prefix. Of equal addresses every bit
                // counts as a leading zero.
                differing.leading_zeros() >= u32::from(self.prefix_bits)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix_bits)
            }
            _ => false,
        }
    }
}

impl TrustedProxies {
    /// Whether a proxy at `address` is trusted.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Who sent a request that arrived from `peer`. Each trusted hop tells the one before it, read
    /// from the right: what stands further left was written by whoever is not trusted.
    pub(in crate::issuer) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        // An IPv4 address that comes in an IPv6 socket must fall under the IPv4 ranges of the settings.
        let mut client = peer.to_canonical();
        // From the right: each proxy appends the address of whoever connected to it. What is to the
        // left of the last trusted one, a caller may have written itself.
        let values = headers.get_all(FORWARDED_FOR).iter().rev();
        let hops = values.flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
        for hop in hops {
            if !self.contain(client) {
                break;
            }
            match hop_address(hop.trim()) {
                Some(address) => client = address,
                // Unreadable, and so is whatever stands before it: the proxy that sent it counts as the
                // client.
                None => break,
            }
        }
        ClientAddress::of(client)
    }

    /// Whether a header is there that is not trusted: the sign of a proxy that should be listed.
    pub(in crate::issuer) fn ignore(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        headers.contains_key(FORWARDED_FOR) && !self.contain(peer.to_canonical())
    }
}

/// An address as proxies write it: some add the port.
fn hop_address(text: &str) -> Option<IpAddr> {
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = text.parse().ok();
    let address = address.or_else(|| bracketed.and_then(|text| text.parse().ok()));
    let address = address.or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()));
    address.map(|address| address.to_canonical())
}

impl ClientAddress {
    fn of(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => {
                let customer = address.to_bits() & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from_bits(customer))
            }
        })
    }
}

impl std::fmt::Display for ClientAddress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_trusted_hops_say_is_trusted() {
        let trusted = ["10.0.0.0/8", "127.0.0.1", "fd00::/8"];
        let trusted = TrustedProxies(trusted.map(|text| text.parse().unwrap()).to_vec());
        let rows: [(&str, &[&str], &str); 15] = [
            ("192.0.2.1", &[], "192.0.2.1"),
            ("192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
            ("10.1.1.1", &["203.0.113.9"], "203.0.113.9"),
            ("::ffff:10.1.1.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.1.1.1", &["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            ("10.1.1.1", &["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
            ("10.1.1.1", &["203.0.113.9, 10.2.2.2"], "203.0.113.9"),
            (
                "10.1.1.1",
                &["203.0.113.9", "10.2.2.2,127.0.0.1"],
                "203.0.113.9",
            ),
            ("10.1.1.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.1.1.1", &["[2001:db8::1]:4711"], "2001:db8::"),
            ("10.1.1.1", &["2001:db8:0:1:2:3:4:5"], "2001:db8:0:1::"),
            ("10.1.1.1", &["unknown"], "10.1.1.1"),
            ("10.1.1.1", &["203.0.113.9, \u{fc}"], "10.1.1.1"),
            ("fd00::1", &["203.0.113.9"], "203.0.113.9"),
            ("10.1.1.1", &[], "10.1.1.1"),
        ];
        for (peer, lines, expected) in rows {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            let client = trusted.client(peer.parse().unwrap(), &headers);
            assert_eq!(client.to_string(), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn ranges_are_read_strictly() {
        for good in ["0.0.0.0/0", "10.0.0.0/8", "::/0", "::1", "127.0.0.1/32"] {
            assert!(good.parse::<Network>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "10",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "::/129",
            "localhost",
            "1.1.1.1/8/8",
            "10.0.0.1/8",
            "0.0.0.1/0",
            "fd00::1/8",
        ] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        let error = "10.1.2.3/8".parse::<Network>().unwrap_err().to_string();
        assert!(
            error.contains("write `10.0.0.0/8` for the whole range"),
            "{error}"
        );
    }
}
