//! `portcullis token issue`.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::cli::Finding;
use crate::cli::number::seconds;
use crate::clock::UnixSeconds;
use crate::files::read_secret;
use crate::token::{Algorithm, SigningKey};

/// Claims that other options set.
const SET_BY_OPTIONS: [&str; 7] = ["iss", "aud", "sub", "client_id", "scope", "iat", "exp"];

/// What a new token says.
#[derive(Debug, clap::Args)]
pub struct IssueArgs {
    /// The private key (PEM) or secret to sign with.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The key's algorithm.
    #[arg(long, value_name = "NAME", default_value = "ES256")]
    pub algorithm: Algorithm,
    /// The claim `iss`.
    #[arg(long, value_name = "URL")]
    pub issuer: String,
    /// The claim `aud`; can be repeated.
    #[arg(long, value_name = "NAME", required = true)]
    pub audience: Vec<String>,
    /// The claim `sub`.
    #[arg(long, value_name = "NAME")]
    pub subject: String,
    /// The claim `client_id`.
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// The claim `scope`: scopes separated by spaces.
    #[arg(long, value_name = "SCOPES")]
    pub scope: Option<String>,
    /// The time from `iat` to `exp`. A negative value makes an expired token.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 3600,
        value_parser = seconds::<i64>,
        allow_negative_numbers = true
    )]
    pub lifetime_seconds: i64,
    /// The claim `iat` in seconds since 1970, instead of now.
    #[arg(long, value_name = "SECONDS", value_parser = seconds::<i64>)]
    pub issued_at: Option<i64>,
    /// The header's `typ`.
    #[arg(long = "type", value_name = "TYPE", default_value = "at+jwt")]
    pub kind: String,
    /// Another claim, such as `tenant="a"` or `level=3`; can be repeated.
    #[arg(long, value_name = "NAME=JSON")]
    pub claim: Vec<ExtraClaim>,
    /// The header's `kid`, instead of the key's thumbprint (RFC 7638).
    #[arg(long, value_name = "ID")]
    pub kid: Option<String>,
}

/// A claim as it is written on the command line.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtraClaim {
    name: String,
    value: Value,
}

impl FromStr for ExtraClaim {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some((name, value)) = text.split_once('=') else {
            bail!("expected NAME=JSON");
        };
        if SET_BY_OPTIONS.contains(&name) {
            bail!("`{name}` has an option of its own");
        }
        let value = serde_json::from_str(value)
            .with_context(|| format!("`{value}` is not JSON: text needs quotes, `{name}=\"text\"`"))
            .map_err(|error| anyhow::anyhow!("{error:#}"))?;
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }
}

/// Signs a token and prints it.
pub fn issue(args: &IssueArgs, now: UnixSeconds, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let text = read_secret(&args.key)?;
    let mut key = SigningKey::read(&text, args.algorithm)
        .with_context(|| format!("cannot use the key file `{}`", args.key.display()))?;
    if let Some(id) = &args.kid {
        key = key.with_id(id);
    }
    let token = key.issue(&args.kind, &claims(args, now)?)?;
    writeln!(out, "{token}")?;
    Ok(Finding::Yes)
}

fn claims(args: &IssueArgs, now: UnixSeconds) -> anyhow::Result<Map<String, Value>> {
    let issued_at = args.issued_at.map_or(now, UnixSeconds);
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", json!(args.issuer));
    set(
        "aud",
        match args.audience.as_slice() {
            [only] => json!(only),
            several => json!(several),
        },
    );
    set("sub", json!(args.subject));
    if let Some(client) = &args.client {
        set("client_id", json!(client));
    }
    if let Some(scope) = &args.scope {
        set("scope", json!(scope));
    }
    set("iat", json!(issued_at.0));
    set("exp", json!(issued_at.plus(args.lifetime_seconds).0));
    for ExtraClaim { name, value } in &args.claim {
        ensure!(
            set(name, value.clone()).is_none(),
            "the claim `{name}` is given twice"
        );
    }
    if !claims.contains_key("jti") {
        claims.insert("jti".to_owned(), json!(random_id()?));
    }
    Ok(claims)
}

fn random_id() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes)
        .ok()
        .context("the operating system provides no random numbers")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
