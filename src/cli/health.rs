//! `portcullis health`: asks a running gate whether it is ready; an exec probe needs no shell.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::Outcome;

/// The longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
pub(super) struct HealthArguments {
    /// The admin listener
    #[arg(
        long,
        env = "PORTCULLIS_ADMIN_ADDRESS",
        default_value = "127.0.0.1:9194"
    )]
    address: SocketAddr,
}

pub(super) fn run(arguments: &HealthArguments, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let answer = ask(arguments.address)
        .with_context(|| format!("no answer from the admin listener at {}", arguments.address))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    write!(out, "{body}")?;
    if head.starts_with("HTTP/1.1 200 ") {
        Ok(Outcome::Yes)
    } else {
        Ok(Outcome::No)
    }
}

fn ask(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.take(64 << 10).read_to_string(&mut answer)?;
    Ok(answer)
}
