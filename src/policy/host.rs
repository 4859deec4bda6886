//! Hosts: the one spelling that is compared, of a request's authority and of a policy's pattern.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::TargetError;

/// The longest name without its trailing dot, in bytes (RFC 1035 section 2.3.4).
const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// The host of a request: lower case, no port, no trailing dot. May be empty.
#[derive(Clone, Copy)]
pub(super) struct HostName {
    bytes: [u8; MAX_NAME_BYTES],
    length: usize,
}

impl HostName {
    /// Reads `:authority` or `Host` (RFC 9110 section 7.2); allocates only for IPv6 addresses.
    pub(super) fn parse(raw: &[u8]) -> Result<Self, TargetError> {
        if raw.is_empty() {
            return Ok(Self::empty());
        }
        // First, because an IPv6 address has colons of its own.
        if let Some(rest) = raw.strip_prefix(b"[") {
            return Self::parse_ipv6(rest);
        }
        let (name, port) = match raw.iter().position(|byte| *byte == b':') {
            Some(colon) => raw.split_at_checked(colon).unwrap_or((raw, b"")),
            None => (raw, b"".as_slice()),
        };
        // The port has no part in the decision, but what is no port makes it unclear where the name
        // ends.
        check_port(port)?;
        // The absolute form of a name is the same host to servers, and must not get around its routes.
        // One dot: with two it is no name.
        let name = name.strip_suffix(b".").unwrap_or(name);
        let mut host = Self::empty();
        let Some(slots) = host.bytes.get_mut(..name.len()) else {
            return Err(TargetError::HostTooLong);
        };
        for (slot, byte) in slots.iter_mut().zip(name) {
            *slot = byte.to_ascii_lowercase();
        }
        host.length = name.len();
        check_name(host.as_bytes())?;
        Ok(host)
    }

    fn parse_ipv6(rest: &[u8]) -> Result<Self, TargetError> {
        let end = rest.iter().position(|byte| *byte == b']');
        let Some((address, port)) = end.and_then(|end| rest.split_at_checked(end)) else {
            return Err(TargetError::HostAddress);
        };
        check_port(port.strip_prefix(b"]").unwrap_or(port))?;
        let address: Ipv6Addr = std::str::from_utf8(address)
            .ok()
            .and_then(|address| address.parse().ok())
            .ok_or(TargetError::HostAddress)?;
        // Spelled by us, because `[0:0::1]` and `[::1]` are the same host.
        let canonical = format!("[{address}]");
        let mut host = Self::empty();
        for (slot, byte) in host.bytes.iter_mut().zip(canonical.bytes()) {
            *slot = byte;
        }
        host.length = canonical.len();
        Ok(host)
    }

    fn empty() -> Self {
        Self {
            bytes: [0; MAX_NAME_BYTES],
            length: 0,
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The names above this one, nearest first: what `*.` of a pattern leaves.
    pub(super) fn parents(&self) -> impl Iterator<Item = &[u8]> {
        parents(self.as_bytes())
    }
}

/// The names above `name`, nearest first.
pub(super) fn parents(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'.')
        .filter_map(move |(dot, _)| name.get(dot + 1..))
}

/// `port` is what follows the host: empty, or a colon and at most five digits. The port may be empty
/// (RFC 3986 section 3.2.3).
fn check_port(port: &[u8]) -> Result<(), TargetError> {
    if port.is_empty() {
        return Ok(());
    }
    let digits = port.strip_prefix(b":").ok_or(TargetError::HostPort)?;
    let valid = digits.len() <= 5
        && digits.iter().all(u8::is_ascii_digit)
        && digits
            .iter()
            .fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'))
            <= 65_535;
    valid.then_some(()).ok_or(TargetError::HostPort)
}

/// A name in lower case without trailing dot, or an IPv4 address. Underscores are no part of a host
/// name (RFC 1123 section 2.1), but container networks use them and nobody reads them differently.
fn check_name(name: &[u8]) -> Result<(), TargetError> {
    let mut label_length = 0;
    let mut label_is_number = true;
    for byte in name {
        match byte {
            b'.' if label_length == 0 => return Err(TargetError::HostEmptyLabel),
            b'.' => {
                label_length = 0;
                label_is_number = true;
                continue;
            }
            b'a'..=b'z' | b'-' | b'_' => label_is_number = false,
            b'0'..=b'9' => {}
            _ => return Err(TargetError::HostCharacter),
        }
        label_length += 1;
        if label_length > MAX_LABEL_BYTES {
            return Err(TargetError::HostTooLong);
        }
    }
    if label_length == 0 {
        return Err(TargetError::HostEmptyLabel);
    }
    // What ends in a number is an address to resolvers, in spellings that differ (`127.1`).
    if label_is_number && !is_ipv4(name) {
        return Err(TargetError::HostAddress);
    }
    Ok(())
}

fn is_ipv4(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| name.parse::<Ipv4Addr>().is_ok())
}

/// Which hosts a route answers. The policy writes them as they are compared: in lower case, without
/// port and trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// This host, in the spelling that requests are reduced to.
    Exact(Box<str>),
    /// `*.name`: any number of labels in front of the name held here, but not the name itself.
    Below(Box<str>),
}

/// Why a pattern of the policy is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum PatternError {
    #[error("is empty")]
    Empty,
    #[error("has upper-case letters")]
    UpperCase,
    #[error("ends in a dot")]
    TrailingDot,
    #[error("has a port")]
    Port,
    #[error("is a URL")]
    Url,
    #[error("matches every host")]
    Everything,
    #[error("has a `*` that is not its whole first label")]
    Wildcard,
    #[error("contains non-ASCII letters")]
    NotAscii,
    #[error("is not a valid host: {0}")]
    Malformed(TargetError),
}

impl PatternError {
    pub(super) fn help(self) -> &'static str {
        match self {
            Self::Empty => "remove it; a route without `hosts` answers every host",
            Self::UpperCase => "write it in lower case, as hosts are compared",
            Self::TrailingDot => "remove the dot; hosts are compared without it",
            Self::Port => "remove the port; hosts are compared without it",
            Self::Url => "write the host alone, such as `api.shop.example`",
            Self::Everything => "remove `hosts`; a route without it answers every host",
            Self::Wildcard => "write `*.` and a name, such as `*.shop.example`",
            Self::NotAscii => "write the Punycode form, which begins with `xn--`",
            Self::Malformed(_) => {
                "write a name, `*.` and a name, an IPv4 address or an IPv6 address in brackets"
            }
        }
    }
}

impl HostPattern {
    /// A host that it matches.
    pub fn example(&self) -> Box<str> {
        match self {
            Self::Exact(name) => name.clone(),
            Self::Below(name) => format!("any.{name}").into(),
        }
    }

    /// Whether every host that `other` matches matches this as well.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let (Self::Exact(name) | Self::Below(name)) = other;
        let is_above =
            |above: &str| parents(name.as_bytes()).any(|parent| parent == above.as_bytes());
        self == other || matches!(self, Self::Below(above) if is_above(above))
    }

    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text == "*" {
            return Err(PatternError::Everything);
        }
        if text.contains('/') {
            return Err(PatternError::Url);
        }
        if !text.is_ascii() {
            return Err(PatternError::NotAscii);
        }
        let (name, below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        if name.contains('*') {
            return Err(PatternError::Wildcard);
        }
        let is_ipv6 = name.starts_with('[');
        if !is_ipv6 && name.contains(|character: char| character.is_ascii_uppercase()) {
            return Err(PatternError::UpperCase);
        }
        if (is_ipv6 && !name.ends_with(']')) || (!is_ipv6 && name.contains(':')) {
            return Err(PatternError::Port);
        }
        if name.ends_with('.') {
            return Err(PatternError::TrailingDot);
        }
        let host = HostName::parse(name.as_bytes()).map_err(PatternError::Malformed)?;
        let name: Box<str> = String::from_utf8_lossy(host.as_bytes()).into();
        if !below {
            return Ok(Self::Exact(name));
        }
        if name.is_empty() || is_ipv6 || is_ipv4(host.as_bytes()) {
            return Err(PatternError::Wildcard);
        }
        Ok(Self::Below(name))
    }
}

/// As the policy writes it.
impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => formatter.write_str(name),
            Self::Below(name) => write!(formatter, "*.{name}"),
        }
    }
}

#[cfg(test)]
mod tests;
