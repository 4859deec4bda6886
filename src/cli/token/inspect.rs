//! `portcullis token inspect`.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, ensure};
use serde_json::{Map, Value};

use super::evidence::{Evidence, Gap};
use super::fix::Fix;
use super::instant;
use super::provider::ProviderAdvice;
use crate::authorizer::Proof;
use crate::cli::Finding;
use crate::clock::UnixSeconds;
use crate::problem::printable;
use crate::token::{
    MAX_TOKEN_BYTES, TokenError, TokenTextError, UnverifiedContent, UnverifiedToken, VerifiedToken,
    entry_of,
};

/// The claims that hold times.
const TIMES: [&str; 3] = ["iat", "nbf", "exp"];

/// Which token to look at.
#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// The token; `-` reads it from standard input, which keeps it out of process lists and shell
    /// history.
    #[arg(value_name = "TOKEN", default_value = "-")]
    pub token: String,
    /// The server's configuration, whose `trust` judges the token. Without it, nothing is verified.
    #[arg(long, env = "PORTCULLIS_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The token itself: from the arguments, or from `input` where they say so.
pub fn read_token(args: &InspectArgs, input: &mut dyn Read) -> anyhow::Result<String> {
    if args.token != "-" {
        return Ok(args.token.clone());
    }
    let most = 2 * MAX_TOKEN_BYTES as u64;
    let mut text = String::new();
    input
        .take(most + 1)
        .read_to_string(&mut text)
        .context("cannot read the token")?;
    ensure!(
        text.len() as u64 <= most,
        "the input is longer than any token"
    );
    Ok(text)
}

/// Prints what a token says and whether a gate that knows `evidence` accepts it, or why it does not. A
/// leading `Bearer` is left out. Without evidence there is no telling.
pub fn inspect(
    evidence: Option<&Evidence>,
    token: &str,
    now: UnixSeconds,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let Ok(token) = UnverifiedToken::parse(plain_token(token).as_bytes()) else {
        writeln!(out, "refused: {TokenTextError}")?;
        return Ok(Finding::No);
    };
    let content = token.content();
    if let Ok(content) = &content {
        print_content(content, now, out)?;
    }
    let Some(evidence) = evidence else {
        return without_evidence(content.err(), out);
    };
    let (token, judged) = judged(evidence, token, now);
    match judged {
        Ok(verified) => print_accepted(&verified, evidence.gap(verified.issuer_name()), now, out),
        Err(error) => {
            let claims = content.map(|content| content.claims).unwrap_or_default();
            let outcome = print_refused(evidence, error, &claims, now, out)?;
            if error == TokenError::Opaque
                && let Some(advice) = ProviderAdvice::of_opaque(token.text())
            {
                writeln!(out, "  {advice}")?;
            }
            Ok(outcome)
        }
    }
}

/// The verdict on the token, which nothing says the header of: it is judged in each that may carry one, and
/// what matters most is shown. It is accepted if it is in one header; else the verdict is open if it is in one;
/// else a rule that it breaks says more than that it belongs into another header.
fn judged<'t>(
    evidence: &'t Evidence,
    token: UnverifiedToken<'t>,
    now: UnixSeconds,
) -> (UnverifiedToken<'t>, Result<Arc<VerifiedToken>, TokenError>) {
    let mut best = (token, judge(evidence, token, now));
    for header in evidence.current_trust().trust().token_headers() {
        let token = token.in_header(header);
        let verdict = judge(evidence, token, now);
        if weight(&verdict) > weight(&best.1) {
            best = (token, verdict);
        }
    }
    best
}

fn weight(verdict: &Result<Arc<VerifiedToken>, TokenError>) -> u8 {
    match verdict {
        Ok(_) => 3,
        Err(error) if is_open(*error) => 2,
        Err(TokenError::OtherHeader) => 0,
        Err(_) => 1,
    }
}

/// Whether nobody can tell if the gate accepts the token.
fn is_open(error: TokenError) -> bool {
    matches!(
        error,
        TokenError::KeysNotLoaded(_) | TokenError::RevocationsStale
    )
}

/// As a gate does it: rules and signature, then what the issuer has revoked.
fn judge(
    evidence: &Evidence,
    token: UnverifiedToken<'_>,
    now: UnixSeconds,
) -> Result<Arc<VerifiedToken>, TokenError> {
    let current_trust = evidence.current_trust();
    let proof = Proof::of(current_trust.trust().verify(token, now)?);
    current_trust.check_revocation(&proof)?;
    Ok(proof.token)
}

/// A token that the gate refuses, or one that nothing can be said about.
fn print_refused(
    evidence: &Evidence,
    error: TokenError,
    claims: &Map<String, Value>,
    now: UnixSeconds,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let issuers = evidence.current_trust().trust().issuers();
    let rules = issuers.map(|(_, rules)| rules).collect::<Vec<_>>();
    let fix = Fix {
        claims,
        entry: None,
        all: &rules,
        now,
    };
    let fix = fix.of(error);
    let advice = ProviderAdvice {
        claims,
        all: &rules,
    };
    if !is_open(error) {
        writeln!(out, "refused: {error}\n  help: {fix}")?;
        if let Some(advice) = advice.of(error) {
            writeln!(out, "  {}", printable(&advice))?;
        }
        return Ok(Finding::No);
    }
    writeln!(out, "cannot tell: {error}")?;
    // The error names the entry where it can: claims alone may fit several.
    let entry = error.issuer_without_key();
    let entry = entry.and_then(|index| evidence.current_trust().trust().rules(index));
    let entry = entry.or_else(|| entry_of(claims, &rules));
    let gap = entry.and_then(|entry| evidence.gap(&entry.name));
    match gap.and_then(|gap| gap.keys.as_ref()) {
        Some(reason) => writeln!(out, "  why: {}", printable(reason))?,
        None => writeln!(out, "  why: {fix}")?,
    }
    Ok(Finding::Unknown)
}

fn without_evidence(
    unreadable: Option<TokenError>,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    match unreadable {
        None => {
            writeln!(
                out,
                "nothing was verified: `--config FILE` tells whether the gate accepts it"
            )?;
            Ok(Finding::Unknown)
        }
        Some(error) => {
            writeln!(out, "refused: {error}")?;
            Ok(Finding::No)
        }
    }
}

fn print_content(
    content: &UnverifiedContent,
    now: UnixSeconds,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    for (title, members) in [("header", &content.header), ("claims", &content.claims)] {
        writeln!(out, "{title}")?;
        for (name, value) in members {
            write!(
                out,
                "  {}: {}",
                printable(name),
                printable(&value.to_string())
            )?;
            match value.as_i64().map(UnixSeconds) {
                Some(instant) if TIMES.contains(&name.as_str()) => {
                    writeln!(out, "  ({})", moment(instant, now))?;
                }
                Some(_) | None => writeln!(out)?,
            }
        }
    }
    Ok(())
}

/// A token that the gate accepts, unless it has been revoked and that cannot be found out.
fn print_accepted(
    token: &VerifiedToken,
    gap: Option<&Gap>,
    now: UnixSeconds,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    let unknown = gap.and_then(|gap| gap.revocations.as_ref());
    match unknown {
        None => writeln!(out, "accepted")?,
        Some(reason) => writeln!(
            out,
            "cannot tell: whether it was revoked; everything else is valid\n  why: {}",
            printable(reason)
        )?,
    }
    writeln!(out, "  issuer: {}", printable(token.issuer()))?;
    if let Some(header) = token.token_header() {
        writeln!(out, "  header: {header}, without `Bearer`")?;
    }
    writeln!(out, "  subject: {}", printable(token.subject()))?;
    let scopes = if token.scopes_text().is_empty() {
        "none"
    } else {
        token.scopes_text()
    };
    writeln!(out, "  scopes: {}", printable(scopes))?;
    writeln!(out, "  expires: {}", moment(token.expires_at(), now))?;
    Ok(match unknown {
        None => Finding::Yes,
        Some(_) => Finding::Unknown,
    })
}

fn moment(instant: UnixSeconds, now: UnixSeconds) -> String {
    format!("{instant}, {}", instant::distance(instant, now))
}

/// The token itself, without white space around it and without a leading `Bearer`.
pub(in crate::cli) fn plain_token(text: &str) -> &str {
    let text = text.trim();
    match text.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim_start(),
        Some(_) | None => text,
    }
}
