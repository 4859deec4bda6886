//! The listeners for checks and for administration, with what the file says of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use super::Overrides;
use crate::connection_limits::{ConnectionLimits, ConnectionLimitsDocument};
use crate::problem::Faults;
use crate::tls::{TlsDocument, TlsListener, TlsSettings};
use crate::yaml::present;

/// The longest path of a Unix socket on Linux, in bytes.
const MAX_SOCKET_PATH_BYTES: usize = 107;

/// Where the admin listener listens unless the configuration says otherwise.
pub const DEFAULT_ADMIN_ADDRESS: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9194);

/// Where a listener listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// An IP address and a port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A Unix socket, written `unix:/path`.
    Unix(PathBuf),
}

/// The text is not an address.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a valid address: write an IP address and a port such as `127.0.0.1:9191`, or `unix:/run/portcullis/authz.sock`"
)]
pub struct ListenAddressError(String);

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || ListenAddressError(text.to_owned());
        match text.strip_prefix("unix:") {
            Some(path) if !path.is_empty() && path.len() <= MAX_SOCKET_PATH_BYTES => {
                Ok(Self::Unix(PathBuf::from(path)))
            }
            Some(_) => Err(fault()),
            None => text.parse().map(Self::Tcp).map_err(|_| fault()),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(formatter, "{address}"),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// The listener that the proxy asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthzListener {
    pub address: ListenAddress,
    /// The mode of a Unix socket.
    pub socket_mode: u32,
    /// Larger messages are refused, in bytes.
    pub max_message_bytes: usize,
    /// Further connections wait until one ends.
    pub max_connections: usize,
    /// The most checks under way on one connection.
    pub max_concurrent_streams: u32,
    /// How often a silent connection is asked whether it lives.
    pub keepalive: Duration,
    /// The threads that answer checks.
    pub threads: usize,
    /// Whether gRPC server reflection is offered.
    pub reflection: bool,
    /// The longest that a check waits for an issuer whose key it does not know.
    pub key_wait: Duration,
    pub tls: Option<TlsSettings>,
}

/// The listener for probes and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminListener {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// The bounds of its connections.
    pub limits: ConnectionLimits,
    pub tls: Option<TlsSettings>,
    /// Where probes are answered without TLS.
    pub plain_address: Option<SocketAddr>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AuthzDocument {
    address: String,
    socket_mode: String,
    max_message_bytes: u64,
    max_connections: u64,
    max_concurrent_streams: u64,
    keepalive_seconds: u64,
    threads: u64,
    reflection: bool,
    key_wait_ms: u64,
    #[serde(deserialize_with = "present")]
    tls: Option<TlsDocument>,
}

impl Default for AuthzDocument {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:9191".to_owned(),
            socket_mode: "0660".to_owned(),
            max_message_bytes: 4 << 20,
            max_connections: 1024,
            max_concurrent_streams: 1024,
            keepalive_seconds: 30,
            threads: default_threads(),
            reflection: false,
            key_wait_ms: 100,
            tls: None,
        }
    }
}

/// Envoy may open so many streams on a new connection before it has learnt that fewer are allowed.
/// Those beyond the limit are reset, which Envoy takes for an error of the gate.
const MIN_CONCURRENT_STREAMS: u64 = 1024;

/// Two, or one where there is one processor: a sidecar leaves the rest to the application.
fn default_threads() -> u64 {
    std::thread::available_parallelism().map_or(1, |count| count.get().min(2) as u64)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AdminDocument {
    address: String,
    max_connections: u64,
    #[serde(deserialize_with = "present")]
    max_connections_per_address: Option<u64>,
    header_timeout_ms: u64,
    body_timeout_ms: u64,
    idle_timeout_seconds: u64,
    lifetime_seconds: u64,
    #[serde(deserialize_with = "present")]
    tls: Option<TlsDocument>,
    #[serde(deserialize_with = "present")]
    plain_address: Option<String>,
}

impl Default for AdminDocument {
    fn default() -> Self {
        Self {
            address: DEFAULT_ADMIN_ADDRESS.to_string(),
            max_connections: 64,
            max_connections_per_address: None,
            header_timeout_ms: 5000,
            body_timeout_ms: 5000,
            idle_timeout_seconds: 75,
            lifetime_seconds: 300,
            tls: None,
            plain_address: None,
        }
    }
}

impl AuthzListener {
    /// Where it listens, unless that is a Unix socket.
    pub(super) fn tcp(&self) -> Option<SocketAddr> {
        match self.address {
            ListenAddress::Tcp(address) => Some(address),
            ListenAddress::Unix(_) => None,
        }
    }
}

pub(super) fn authz(
    document: &AuthzDocument,
    base: &Path,
    overrides: &Overrides,
    faults: &mut Faults,
) -> Option<AuthzListener> {
    let key = |name: &str| format!("listeners.authz.{name}");
    faults.within(
        &key("max_message_bytes"),
        document.max_message_bytes,
        1 << 12,
        1 << 30,
    );
    faults.within(
        &key("max_connections"),
        document.max_connections,
        1,
        1 << 20,
    );
    faults.within(
        &key("max_concurrent_streams"),
        document.max_concurrent_streams,
        MIN_CONCURRENT_STREAMS,
        1 << 20,
    );
    faults.within(
        &key("keepalive_seconds"),
        document.keepalive_seconds,
        1,
        86_400,
    );
    faults.within(&key("threads"), document.threads, 1, 1024);
    faults.within(&key("key_wait_ms"), document.key_wait_ms, 0, 60_000);
    let address = match &overrides.authz_address {
        Some(address) => Some(address.clone()),
        None => match document.address.parse() {
            Ok(ListenAddress::Unix(path)) => Some(ListenAddress::Unix(base.join(path))),
            Ok(address) => Some(address),
            Err(error) => {
                faults.add(
                    "listeners.authz.address",
                    format!("`listeners.authz.address`: {error}"),
                );
                None
            }
        },
    };
    let socket_mode = socket_mode(&document.socket_mode, faults);
    let section = TlsListener::Authz.section();
    if let (Some(_), Some(ListenAddress::Unix(_))) = (&document.tls, &address) {
        faults.add(section, format!(
            "`{section}` is for an address with a port: remove it, since the mode of a Unix socket says \
             who may connect"
        ));
    }
    let tls = document.tls.clone();
    let tls = tls.map(|tls| tls.build(section, base, faults));
    Some(AuthzListener {
        address: address?,
        socket_mode: socket_mode?,
        max_message_bytes: usize::try_from(document.max_message_bytes).ok()?,
        max_connections: usize::try_from(document.max_connections).ok()?,
        max_concurrent_streams: u32::try_from(document.max_concurrent_streams).ok()?,
        keepalive: Duration::from_secs(document.keepalive_seconds),
        threads: usize::try_from(document.threads).ok()?,
        reflection: document.reflection,
        key_wait: Duration::from_millis(document.key_wait_ms),
        tls,
    })
}

fn socket_mode(text: &str, faults: &mut Faults) -> Option<u32> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode & !0o777 == 0 && mode & 0o600 == 0o600 => Some(mode),
        _ => {
            faults.add("listeners.authz.socket_mode", format!(
                "`listeners.authz.socket_mode: {text}` is not a mode that lets the owner use it: write \
                 octal digits in quotes, such as \"0660\""
            ));
            None
        }
    }
}

pub(super) fn admin(
    document: &AdminDocument,
    base: &Path,
    overrides: &Overrides,
    faults: &mut Faults,
) -> Option<AdminListener> {
    let limits = ConnectionLimitsDocument {
        max_connections: document.max_connections,
        max_connections_per_address: document.max_connections_per_address,
        header_timeout_ms: document.header_timeout_ms,
        body_timeout_ms: document.body_timeout_ms,
        idle_timeout_seconds: document.idle_timeout_seconds,
        lifetime_seconds: document.lifetime_seconds,
    };
    let limits = limits.build("listeners.admin", faults);
    let address = overrides
        .admin_address
        .or_else(|| admin_address("listeners.admin.address", &document.address, faults));
    let plain_address = document.plain_address.as_ref();
    let plain_address = plain_address
        .map(|address| admin_address("listeners.admin.plain_address", address, faults));
    if plain_address.is_some() && document.tls.is_none() {
        faults.add(
            "listeners.admin.plain_address",
            "`listeners.admin.plain_address` is for probes beside TLS: set `listeners.admin.tls`, or \
             remove it",
        );
    }
    let tls = document.tls.clone();
    let tls = tls.map(|tls| tls.build(TlsListener::Admin.section(), base, faults));
    Some(AdminListener {
        address: address?,
        limits: limits?,
        tls,
        plain_address: plain_address.flatten(),
    })
}

fn admin_address(key: &str, text: &str, faults: &mut Faults) -> Option<SocketAddr> {
    let address = text.parse().ok();
    if address.is_none() {
        faults.add(
            key,
            format!(
                "`{key}: {text}` is not a valid address: write an IP address and a port such as \
             `127.0.0.1:9194`"
            ),
        );
    }
    address
}
