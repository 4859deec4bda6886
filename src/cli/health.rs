//! `portcullis health`: asks a running gate whether it is ready; an exec probe needs no shell.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use serde::Deserialize;

use super::{Finding, number};
use crate::admin::CONFIG_HEADER;
use crate::config::DEFAULT_ADMIN_ADDRESS;
use crate::files::{self, FileIdentity};
use crate::yaml;

/// The longest that one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The time between two questions, with `--wait`.
const PAUSE: Duration = Duration::from_millis(100);

/// More than any answer of `/readyz` takes, in bytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Where the admin listener is, as `portcullis serve` takes it: it wins over the configuration.
const ADDRESS_VARIABLE: &str = "PORTCULLIS_ADMIN_ADDRESS";

#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// The address of the admin listener, whichever process has it. Overrides `--config` and
    /// `PORTCULLIS_ADMIN_ADDRESS`; the default is 127.0.0.1:9194
    #[arg(long, value_name = "ADDRESS", value_parser = number::address)]
    address: Option<SocketAddr>,
    /// Use `listeners.admin.address` of this configuration, or `PORTCULLIS_ADMIN_ADDRESS` if it is
    /// set, and accept an answer only from a process that was started with the same file
    #[arg(long, env = "PORTCULLIS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Wait up to this many seconds until the gate is ready, printing each reason for waiting once
    #[arg(long, value_name = "SECONDS", value_parser = wait_seconds)]
    wait: Option<u64>,
}

/// How long somebody may wait: at most a day.
fn wait_seconds(text: &str) -> Result<u64, String> {
    const MOST: u64 = 86_400;
    let seconds = number::seconds(text)?;
    if (1..=MOST).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!(
            "`{text}` is out of range: write 1 to {MOST} seconds"
        ))
    }
}

pub(super) fn run(args: &HealthArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let variable = args.address.map_or_else(address_variable, |_| Ok(None))?;
    let target = Target::of(args, variable)?;
    let answer = match args.wait {
        None => target.ask(Instant::now() + PATIENCE),
        Some(seconds) => {
            let answer = target.wait(Duration::from_secs(seconds));
            if !matches!(answer, Readiness::Ready(_)) {
                let unit = if seconds == 1 { "second" } else { "seconds" };
                complain(&format!("not ready after {seconds} {unit}"));
                return Ok(answer.outcome());
            }
            answer
        }
    };
    match &answer {
        Readiness::Ready(answer) => writeln!(out, "{answer}")?,
        Readiness::NotReady(reason) => writeln!(out, "{reason}")?,
        Readiness::Unknown(reason) => complain(reason),
    }
    Ok(answer.outcome())
}

/// Which process is asked.
struct Target {
    address: SocketAddr,
    /// The configuration that it must have been started with.
    config: Option<FileIdentity>,
}

/// What a question led to.
enum Readiness {
    /// All that it says: `ok`, and on further lines what it is ready in spite of.
    Ready(String),
    NotReady(String),
    /// There was no answer, or none of the process that was asked for.
    Unknown(String),
}

impl Readiness {
    fn outcome(&self) -> Finding {
        match self {
            Self::Ready(_) => Finding::Yes,
            Self::NotReady(_) => Finding::No,
            Self::Unknown(_) => Finding::Unknown,
        }
    }
}

impl Target {
    /// `variable` is the address that the environment names.
    fn of(args: &HealthArgs, variable: Option<SocketAddr>) -> anyhow::Result<Self> {
        let address = match (args.address, &args.config) {
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
        let address = variable.or(admin_address(path)?).unwrap_or_else(|| {
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

    /// Asks again and again until the gate is ready; the last answer.
    fn wait(&self, longest: Duration) -> Readiness {
        let deadline = Instant::now() + longest;
        let mut told = BTreeSet::new();
        let mut last = None;
        loop {
            let answer = self.ask(deadline.min(Instant::now() + PATIENCE));
            let over = Instant::now() >= deadline;
            if let (true, Readiness::Unknown(_), Some(last)) = (over, &answer, last.take()) {
                // The end of the wait has cut this question short: the one before tells more.
                return last;
            }
            let reason = match &answer {
                Readiness::Ready(_) => return answer,
                Readiness::NotReady(reason) => format!("{}: {reason}", self.address),
                Readiness::Unknown(reason) => reason.clone(),
            };
            if !told.contains(&reason) {
                complain(&format!("waiting: {reason}"));
                told.insert(reason);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return answer;
            }
            pause(PAUSE.min(left));
            last = Some(answer);
        }
    }

    fn ask(&self, deadline: Instant) -> Readiness {
        let address = self.address;
        let answer = match self.exchange(deadline) {
            Ok(answer) => String::from_utf8_lossy(&answer).into_owned(),
            Err(error) => {
                let reason = match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                        "it did not answer in time".to_owned()
                    }
                    _ => error.to_string(),
                };
                return Readiness::Unknown(format!(
                    "no answer from the admin listener at {address}: {reason}"
                ));
            }
        };
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3));
        let body = body.trim_end();
        match (status, body) {
            (Some("200"), _) if body.lines().next() == Some("ok") => {
                Readiness::Ready(body.to_owned())
            }
            (Some("503"), _) => Readiness::NotReady(body.to_owned()),
            (Some("421"), _) => Readiness::Unknown(format!(
                "the process at {address} was started with another configuration"
            )),
            _ => Readiness::Unknown(format!(
                "what answers at {address} is not an admin listener of Portcullis"
            )),
        }
    }

    /// One request; the whole answer, head and body.
    fn exchange(&self, deadline: Instant) -> std::io::Result<Vec<u8>> {
        let address = self.address;
        let mut stream = TcpStream::connect_timeout(&address, left(deadline)?)?;
        let config = self
            .config
            .map(|config| format!("{CONFIG_HEADER}: {config}\r\n"));
        let request = format!(
            "GET /readyz HTTP/1.1\r\nhost: {address}\r\n{}connection: close\r\n\r\n",
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

/// The address in [`ADDRESS_VARIABLE`]; none where that is not set.
fn address_variable() -> anyhow::Result<Option<SocketAddr>> {
    let Some(text) = std::env::var_os(ADDRESS_VARIABLE) else {
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
}

/// Where the admin listener of this configuration is; none where the file does not tell.
fn admin_address(config: &Path) -> anyhow::Result<Option<SocketAddr>> {
    let source = files::read_source(config)?;
    let Ok(outline) = yaml::parse::<Outline>(&source) else {
        return Ok(None);
    };
    Ok(match outline.listeners.admin.address {
        Some(address) => address.parse().ok(),
        None => Some(DEFAULT_ADMIN_ADDRESS),
    })
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

#[expect(
    clippy::disallowed_methods,
    reason = "another process tells nobody when it becomes ready: it has to be asked again"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn complain(message: &str) {
    // Nobody is left to tell if standard error is gone.
    let _ = writeln!(std::io::stderr(), "portcullis: {message}");
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
            assert_eq!(admin_address(&path).unwrap(), expected, "{text}");
            // A mistake in the file does not take a running gate's probe away.
            let target = Target::of_config(&path, None).unwrap();
            assert_eq!(
                target.address,
                expected.unwrap_or(DEFAULT_ADMIN_ADDRESS),
                "{text}"
            );
            assert_eq!(target.config, FileIdentity::of(&path).ok(), "{text}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(Target::of_config(&path, Some(own)).is_err());
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
