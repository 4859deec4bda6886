//! `portcullis key`: makes keys, and rotates those of the issuer.

#[cfg(feature = "issuer")]
mod rotate;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;

use super::Finding;
use crate::token::{Algorithm, SigningKey, generate_key};

/// Nobody but the owner reads a private key.
const PRIVATE_MODE: u32 = 0o600;
const PUBLIC_MODE: u32 = 0o644;

/// Manage signing keys.
#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: KeyCommand,
}

/// What `portcullis key` does.
#[derive(Debug, clap::Subcommand)]
pub enum KeyCommand {
    /// Generate a private key, or a secret for HS256, HS384 and HS512.
    Generate(GenerateArgs),
    /// Give the issuer a new signing key; running issuers use it without a restart.
    #[cfg(feature = "issuer")]
    Rotate(rotate::RotateArgs),
}

/// Where a new key goes.
#[derive(Debug, clap::Args)]
pub struct GenerateArgs {
    /// The signing algorithm, such as ES256, EdDSA, RS256 or HS256.
    #[arg(long, value_name = "NAME", default_value = "ES256")]
    pub algorithm: Algorithm,
    /// The file to create for the private key (PKCS#8 in PEM) or the secret, readable by its owner
    /// only; `-` writes to standard output.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The file to create for the public key, as a JWKS.
    #[arg(long, value_name = "FILE")]
    pub jwks: Option<PathBuf>,
}

pub fn run(args: &KeyArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    match &args.command {
        KeyCommand::Generate(args) => generate(args, out),
        #[cfg(feature = "issuer")]
        KeyCommand::Rotate(args) => rotate::run(args, out),
    }
}

/// Makes a key. No file is overwritten: what it signed would be lost.
fn generate(args: &GenerateArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let text = generate_key(args.algorithm)?;
    let key = SigningKey::read(text.reveal().as_bytes(), args.algorithm)?;
    // The public part first: if it cannot be written, no private key is left lying about.
    if let Some(path) = &args.jwks {
        create(path, &public_jwks(&key)?, PUBLIC_MODE)?;
    }
    if args.out == Path::new("-") {
        out.write_all(text.reveal().as_bytes())?;
        return Ok(Finding::Yes);
    }
    if let Err(error) = create(&args.out, text.reveal(), PRIVATE_MODE) {
        if let Some(path) = &args.jwks {
            // The first error is the one to fix.
            drop(fs::remove_file(path));
        }
        return Err(error);
    }
    report(args, &key, out)?;
    Ok(Finding::Yes)
}

fn report(args: &GenerateArgs, key: &SigningKey, out: &mut dyn Write) -> anyhow::Result<()> {
    match key.id() {
        Some(id) => writeln!(out, "key id      {id}")?,
        None => writeln!(out, "key id      none: a secret has no public name")?,
    }
    writeln!(out, "algorithm   {}", key.algorithm())?;
    let kind = if key.public_jwk().is_some() {
        "private key"
    } else {
        "secret     "
    };
    writeln!(out, "{kind} {}", args.out.display())?;
    if let Some(path) = &args.jwks {
        writeln!(out, "public JWKS {}", path.display())?;
    }
    Ok(())
}

fn public_jwks(key: &SigningKey) -> anyhow::Result<String> {
    let Some(jwk) = key.public_jwk() else {
        bail!(
            "{} has no public key to put into a JWKS: leave `--jwks` out, and give the secret's \
             file to the verifier (`hmac_secret_file`)",
            key.algorithm()
        );
    };
    Ok(format!("{:#}\n", json!({"keys": [jwk]})))
}

/// Creates a file with this mode from the start: there is no moment at which others can open it.
fn create(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let failed = || format!("cannot create `{}`", path.display());
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(failed)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        fs::remove_file(path).with_context(failed)?;
    }
    written.with_context(failed)
}

#[cfg(test)]
mod tests;
