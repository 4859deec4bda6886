//! How a verb asks the admin listener of a running gate.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::complain;
use crate::admin::CONFIG_HEADER;
use crate::config::DEFAULT_ADMIN_ADDRESS;
use crate::files::{self, FileIdentity};
use crate::yaml;

/// More than any answer to a verb takes, in bytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// What a server that expects TLS answers plain text with: a record of the type alert (RFC 8446 section 5.1).
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

/// Where the admin listener is, as `portcullis serve` takes it: it wins over the configuration.
const ADDRESS_VARIABLE: &str = "PORTCULLIS_ADMIN_ADDRESS";

/// Which process is asked.
#[derive(Debug)]
pub(super) struct AdminTarget {
    pub(super) address: SocketAddr,
    /// The configuration that it must have been started with.
    config: Option<FileIdentity>,
}

/// What it answered.
#[derive(Debug)]
pub(super) struct AdminAnswer {
    /// Absent where the answer is not HTTP.
    pub(super) status: Option<u16>,
    /// Without white space at its end.
    pub(super) body: String,
}

impl AdminTarget {
    /// `address`, else the one that the environment names, else that of the configuration, else the
    /// default.
    pub(super) fn of(address: Option<SocketAddr>, config: Option<&Path>) -> anyhow::Result<Self> {
        let variable = address.map_or_else(address_variable, |_| Ok(None))?;
        let address = match (address, config) {
            (Some(address), _) => address,
            (None, Some(path)) => return Self::of_config(path, variable),
            (None, None) => variable.unwrap_or(DEFAULT_ADMIN_ADDRESS),
        };
        Ok(Self {
            address: reachable(address),
            config: None,
        })
    }

    /// A running gate is not affected by a mistake in its file, so neither is its probe: where no
    /// address can be read, the default one is asked, and the identity tells other processes apart.
    fn of_config(path: &Path, variable: Option<SocketAddr>) -> anyhow::Result<Self> {
        let admin = admin_outline(path)?;
        if let Some(admin) = &admin {
            anyhow::ensure!(
                admin.tls.is_none() || admin.plain_address.is_some(),
                "`{}` has `listeners.admin.tls`, and probes speak no TLS: set \
                 `listeners.admin.plain_address`, such as `127.0.0.1:9195`, which answers them alone",
                path.display()
            );
        }
        let plain_address = admin.as_ref().and_then(AdminOutline::plain_address);
        let written = || admin.as_ref().and_then(AdminOutline::address);
        let address = plain_address.or(variable).or_else(written).unwrap_or_else(|| {
            complain(&format!(
                "`{}` names no usable `listeners.admin.address`: asking {DEFAULT_ADMIN_ADDRESS}",
                path.display()
            ));
            DEFAULT_ADMIN_ADDRESS
        });
        anyhow::ensure!(
            address.port() != 0,
            "`{}` lets the gate choose a free port for `listeners.admin.address`: give the one \
             that it logged with `--address`",
            path.display()
        );
        Ok(Self {
            address: reachable(address),
            config: FileIdentity::of(path).ok(),
        })
    }

    /// Asks for what is at `path`.
    pub(super) fn get(&self, path: &str, deadline: Instant) -> std::io::Result<AdminAnswer> {
        let answer = self.exchange(path, deadline)?;
        if answer.starts_with(&TLS_ALERT) {
            return Err(std::io::Error::other(
                "it speaks TLS: ask `listeners.admin.plain_address`",
            ));
        }
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok());
        Ok(AdminAnswer {
            status,
            body: body.trim_end().to_owned(),
        })
    }

    /// One request; the whole answer, head and body.
    fn exchange(&self, path: &str, deadline: Instant) -> std::io::Result<Vec<u8>> {
        let address = self.address;
        let mut stream = TcpStream::connect_timeout(&address, left(deadline)?)?;
        let config = self
            .config
            .map(|config| format!("{CONFIG_HEADER}: {config}\r\n"));
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\n{}connection: close\r\n\r\n",
            config.unwrap_or_default()
        );
        stream.set_write_timeout(Some(left(deadline)?))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            stream.set_read_timeout(Some(left(deadline)?))?;
            let count = match stream.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                count => count?,
            };
            if count == 0 {
                return Ok(answer);
            }
            answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
            if answer.len() > MAX_ANSWER_BYTES {
                return Err(std::io::Error::other("its answer does not end"));
            }
        }
    }
}

/// What to say where nothing answers.
pub(super) fn no_answer(target: &AdminTarget, error: &std::io::Error) -> String {
    let reason = match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "it did not answer in time".to_owned(),
        _ => error.to_string(),
    };
    let address = target.address;
    format!("no answer from the admin listener at {address}: {reason}")
}

/// What to say where a process answers that was started with another configuration.
pub(super) fn another_process(target: &AdminTarget) -> String {
    let address = target.address;
    format!("the process at {address} was started with another configuration")
}

/// What to say where the answer is nothing that an admin listener says.
pub(super) fn not_ours(target: &AdminTarget) -> String {
    let address = target.address;
    format!("what answers at {address} is not an admin listener of Portcullis")
}

/// The address in [`ADDRESS_VARIABLE`]; none where that is not set, or empty, as with all variables.
fn address_variable() -> anyhow::Result<Option<SocketAddr>> {
    let variable = std::env::var_os(ADDRESS_VARIABLE).filter(|text| !text.is_empty());
    let Some(text) = variable else {
        return Ok(None);
    };
    let text = text.to_string_lossy();
    let address = text.parse().with_context(|| {
        format!(
            "`{ADDRESS_VARIABLE}: {text}` is not a valid address: write an IP address and a port \
             such as `{DEFAULT_ADMIN_ADDRESS}`"
        )
    })?;
    Ok(Some(address))
}

/// The time until `deadline`.
fn left(deadline: Instant) -> std::io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(left)
}

/// Of a configuration what says where its admin listener is; everything else is not looked at.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Outline {
    listeners: ListenersOutline,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListenersOutline {
    admin: AdminOutline,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AdminOutline {
    address: Option<String>,
    plain_address: Option<String>,
    tls: Option<IgnoredAny>,
}

impl AdminOutline {
    /// None where the file does not tell.
    fn address(&self) -> Option<SocketAddr> {
        match &self.address {
            Some(address) => address.parse().ok(),
            None => Some(DEFAULT_ADMIN_ADDRESS),
        }
    }

    fn plain_address(&self) -> Option<SocketAddr> {
        self.plain_address.as_ref()?.parse().ok()
    }
}

/// The admin listener of this configuration; none where the file does not tell.
fn admin_outline(config: &Path) -> anyhow::Result<Option<AdminOutline>> {
    let source = files::read_source(config)?;
    let outline = yaml::parse::<Outline>(&source).ok();
    Ok(outline.map(|outline| outline.listeners.admin))
}

/// A listener on every address is asked over loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_whatever_else_is_wrong_with_the_configuration() {
        let own: SocketAddr = "127.0.0.1:9999".parse().unwrap();
        let rows = [
            ("version: 1", Some(DEFAULT_ADMIN_ADDRESS)),
            (
                "listeners: {authz: {address: x}}",
                Some(DEFAULT_ADMIN_ADDRESS),
            ),
            (
                "listeners: {admin: {address: \"127.0.0.1:9999\"}}",
                Some(own),
            ),
            (
                "version: 7\nunknown: [1]\nlisteners: {admin: {address: \"127.0.0.1:9999\"}, new: 1}",
                Some(own),
            ),
            ("listeners: {admin: {address: nowhere}}", None),
            ("listeners: [", None),
            ("", None),
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.yaml");
        for (text, expected) in rows {
            std::fs::write(&path, text).unwrap();
            let outline = admin_outline(&path).unwrap();
            let address = outline.as_ref().and_then(AdminOutline::address);
            assert_eq!(address, expected, "{text}");
            // A mistake in the file does not take a running gate's probe away.
            let target = AdminTarget::of_config(&path, None).unwrap();
            assert_eq!(
                target.address,
                expected.unwrap_or(DEFAULT_ADMIN_ADDRESS),
                "{text}"
            );
            assert_eq!(target.config, FileIdentity::of(&path).ok(), "{text}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(AdminTarget::of_config(&path, Some(own)).is_err());
    }

    #[test]
    fn a_listener_on_every_address_is_asked_over_loopback() {
        let rows = [
            ("0.0.0.0:9194", "127.0.0.1:9194"),
            ("[::]:9194", "[::1]:9194"),
            ("10.1.2.3:9194", "10.1.2.3:9194"),
        ];
        for (listens, asked) in rows {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
