//! `portcullis explain`: why a request gets the answer that it gets.

mod facts;
mod record;
mod refused_token;
mod report;
mod shadow;
#[cfg(feature = "issuer")]
mod store;
mod text;
mod unlogged;

use std::borrow::Cow;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde_json::{Map, Value};

use super::admin_client::{AdminTarget, another_process, no_answer};
use super::format::Format;
use super::rehearsal::{
    AskedRequest, Caller, Grounds, GroundsArgs, Reason, Rehearsal, Surroundings, misspelt_scopes,
    parse_header, scopes_as_claims,
};
use super::token::{Evidence, plain_token};
use super::{Finding, number};
use crate::clock::{Clock, SystemClock, UnixSeconds};
use crate::problem::printable;
use crate::token::MAX_TOKEN_BYTES;
use facts::{Explanation, TokenState};
pub(super) use record::{LoggedDecision, Record, reasons};
use refused_token::refuse_token_of;
use report::{Certainty, Report};

/// The longest that a running gate is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most that is read of claims, in bytes: more than a token can hold.
const MAX_CLAIMS_BYTES: u64 = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The request's method
    #[arg(required_unless_present_any = ["log_line", "decision"])]
    method: Option<String>,
    /// The request's URL, or its path with the host in `-H 'host: ...'`
    #[arg(value_name = "URL", required_unless_present_any = ["log_line", "decision"])]
    url: Option<String>,
    /// A header of the request, as curl takes it; can be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    /// The caller's token; `-` reads it from standard input. It is verified with the keys of
    /// `--config`
    #[arg(long, value_name = "TOKEN", group = "caller")]
    token: Option<String>,
    /// The claims of a token that a trusted issuer could have made, as JSON or as a file that holds
    /// it. Claims that every such token has are added
    #[arg(long, value_name = "JSON|FILE", group = "caller")]
    claims: Option<String>,
    /// The same with nothing but these scopes, separated by spaces
    #[arg(long, value_name = "SCOPES", group = "caller")]
    scopes: Option<String>,
    /// A user of the issuer, by name or e-mail address: with the token for the API that the user would get now. The store
    /// of `--config` says what is in it
    #[cfg(feature = "issuer")]
    #[arg(long, value_name = "NAME", group = "caller", conflicts_with = "issuer")]
    user: Option<String>,
    /// The same for an app of the issuer, by its key, on behalf of its owner
    #[cfg(feature = "issuer")]
    #[arg(long, value_name = "KEY", group = "caller", conflicts_with = "issuer")]
    app: Option<String>,
    /// Whose token it is, by its name in `trust`; the first one by default
    #[arg(
        long,
        value_name = "NAME",
        requires = "caller",
        conflicts_with = "token"
    )]
    issuer: Option<String>,
    /// Explain the decision of a log line on standard input; with `--claims`, `--scopes` or `--token` for the
    /// caller that these say
    #[arg(long, conflicts_with_all = ["method", "headers", "decision"])]
    log_line: bool,
    /// The same for one of the last refusals of a running gate, by the id in its answer
    #[arg(long, value_name = "ID", conflicts_with_all = ["method", "headers"])]
    decision: Option<String>,
    /// The admin listener of the running gate; the default is that of the configuration
    #[arg(long, value_name = "ADDRESS", requires = "decision", value_parser = number::address)]
    address: Option<SocketAddr>,
    #[command(flatten)]
    surroundings: Surroundings,
    #[command(flatten)]
    grounds: GroundsArgs,
    /// The time of the request, in seconds since 1970, instead of now
    #[arg(long, value_name = "SECONDS", value_parser = number::seconds::<i64>)]
    now: Option<i64>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Exit code 0 where the request is allowed, 1 where it is not, 2 where nobody can tell.
pub(super) fn run(args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let now = args.now.map_or_else(|| SystemClock.now(), UnixSeconds);
    let grounds = args.grounds.load()?;
    let mut report = match args.record()? {
        Some(record) if args.names_caller() => {
            let report = of_request(args, &args.surround(record.request()?), &grounds, now)?;
            let same = report
                .certainty
                .is_whole()
                .then(|| record.is_as(&report.explanation.answer));
            report.beside(record, same)
        }
        Some(record) => of_record(args, record, &grounds, now)?,
        None => of_request(args, &args.request()?, &grounds, now)?,
    };
    if !grounds.has_config {
        report.notes.push(
            "no configuration was named: whose tokens are trusted, and the identity headers, are placeholders"
                .into(),
        );
    }
    match args.format {
        Format::Text => report.write(out)?,
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
    }
    Ok(if !report.certainty.is_whole() {
        Finding::Unknown
    } else if report.explanation.answer.disposition.is_allowed() {
        Finding::Yes
    } else {
        Finding::No
    })
}

fn of_request(
    args: &ExplainArgs,
    request: &AskedRequest,
    grounds: &Grounds,
    now: UnixSeconds,
) -> anyhow::Result<Report> {
    let mut notes = Vec::new();
    let mut caller = args.caller(grounds, now, &mut notes)?;
    let has_token = matches!(caller, Caller::Token(_)) || grounds.reads_credential(request);
    let evidence = match args.grounds.config() {
        Some(config) if has_token => Some(Evidence::load(config)?),
        _ => None,
    };
    let rehearse = |grounds: &Grounds| match &evidence {
        Some(evidence) => Rehearsal::with_tokens(grounds, evidence.current_trust().clone(), now),
        None => Rehearsal::with_claims(grounds, now),
    };
    let rehearsal = rehearse(grounds)?;
    if !grounds.has_config
        && let Some(claims) = caller.unproven_claims()
    {
        notes.push(
            "nothing of the token was verified, not even its times: `--config FILE` says whose tokens \
             are trusted"
                .into(),
        );
        caller = claims;
    }
    let asked = rehearsal.asked_by(request, &caller)?;
    let explanation = Explanation::of(&rehearsal, &asked);
    if let Some(scopes) = &args.scopes {
        let misspelt = misspelt_scopes(&grounds.policy, scopes).into_iter();
        notes.extend(misspelt.map(Cow::Owned));
    }
    let mut report = Report::of(request.title(), explanation);
    report.ask_shadow(grounds, |grounds| {
        let rehearsal = rehearse(grounds)?;
        let asked = rehearsal.asked_by(request, &caller)?;
        Ok((rehearsal.ask(&asked), asked.unsaid()))
    })?;
    let gap = evidence
        .as_ref()
        .and_then(|evidence| what_is_not_known(evidence, &report.explanation));
    if gap.is_some() {
        report.certainty = Certainty::Doubtful;
    }
    notes.extend(gap.map(|gap| {
        let gap = printable(&gap);
        Cow::Owned(format!("cannot tell what the gate answers: {gap}"))
    }));
    report.notes.splice(..0, notes);
    report.doubt_unsaid(&asked.unsaid());
    Ok(report)
}

/// What could not be found out of the token's issuer and may change the answer.
fn what_is_not_known(evidence: &Evidence, explanation: &Explanation) -> Option<String> {
    let (token, answer) = (explanation.token.as_ref()?, &explanation.answer);
    let gap = || evidence.gap(token.issuer.as_deref()?);
    let disposition = answer.disposition;
    match token.state {
        TokenState::Accepted if disposition.is_allowed() => {
            let reason = gap()?.revocations.as_ref()?;
            Some(format!("whether the token was revoked: {reason}"))
        }
        // It is not said whose.
        TokenState::Refused if disposition.reason() == Reason::KeysNotLoaded => {
            let reasons: Vec<&str> = evidence.gaps_in_keys().collect();
            Some(reasons.join("; "))
        }
        TokenState::Refused => gap()?.keys.clone(),
        _ => None,
    }
}

fn of_record(
    args: &ExplainArgs,
    record: Record,
    grounds: &Grounds,
    now: UnixSeconds,
) -> anyhow::Result<Report> {
    let (request, cut) = record.request_as_far_as_logged()?;
    let request = args.surround(request);
    let rehearsal = Rehearsal::with_claims(grounds, now)?;
    let asked = rehearsal.asked_by(&request, &record.caller(grounds))?;
    let mut explanation = Explanation::of(&rehearsal, &asked);
    if cut.is_some() && explanation.answer.disposition.detail() != record.detail.as_deref() {
        // What the policy makes of the rest is not known.
        record.request()?;
    }
    explanation.refuse_token(&record, grounds, now);
    explanation.forget_unlogged(&record);
    let mut report = Report::of(request.title(), explanation);
    // The same token for both: what is assumed of it is so by the policy in force.
    let caller = record.caller(grounds);
    report.ask_shadow(grounds, |grounds| {
        let rehearsal = Rehearsal::with_claims(grounds, now)?;
        let asked = rehearsal.asked_by(&request, &caller)?;
        let mut answer = rehearsal.ask(&asked);
        refuse_token_of(&mut answer, &record);
        Ok((answer, asked.unsaid()))
    })?;
    let mut notes: Vec<Cow<'static, str>> = cut
        .into_iter()
        .chain(record.limits())
        .map(Cow::Borrowed)
        .collect();
    notes.append(&mut report.notes);
    report.notes = notes;
    report.doubt(&record, grounds);
    report.doubt_unsaid(&asked.unsaid());
    let same = record.agrees_with(&report.explanation.answer);
    let same = same.filter(|_| report.certainty.is_whole());
    Ok(report.beside(record, same))
}

impl ExplainArgs {
    /// The request of the command line.
    fn request(&self) -> anyhow::Result<AskedRequest> {
        let (Some(method), Some(url)) = (&self.method, &self.url) else {
            bail!("name the method and the URL of the request");
        };
        Ok(self.surround(AskedRequest::new(method, url, self.headers.clone())?))
    }

    fn surround(&self, request: AskedRequest) -> AskedRequest {
        request.within(&self.surroundings)
    }

    fn names_caller(&self) -> bool {
        #[cfg(feature = "issuer")]
        if store::named(self).is_some() {
            return true;
        }
        self.token.is_some() || self.claims.is_some() || self.scopes.is_some()
    }

    fn caller(
        &self,
        grounds: &Grounds,
        now: UnixSeconds,
        notes: &mut Vec<Cow<'static, str>>,
    ) -> anyhow::Result<Caller> {
        #[cfg(not(feature = "issuer"))]
        let _ = (now, notes);
        #[cfg(feature = "issuer")]
        if let Some(who) = store::named(self) {
            let config = self.grounds.config();
            let config = config.context(
                "`--user` and `--app` are of an issuer's store: name the configuration with the section `issuer` \
                 by `--config FILE`",
            )?;
            return store::caller(config, who, grounds, now, notes);
        }
        if let Some(token) = &self.token {
            let text = match token.as_str() {
                "-" => input(2 * MAX_TOKEN_BYTES as u64, "the token")?,
                token => token.to_owned(),
            };
            return Ok(Caller::Token(plain_token(&text).to_owned()));
        }
        let claims = match (&self.claims, &self.scopes) {
            (Some(written), _) => claims(written)?,
            (None, Some(scopes)) => {
                let named = grounds.issuers.iter().find(|rules| {
                    let wanted = self.issuer.as_deref();
                    wanted.is_none_or(|wanted| *rules.name == *wanted)
                });
                named.map_or_else(Map::new, |rules| scopes_as_claims(rules, scopes))
            }
            (None, None) => return Ok(Caller::AsInHeaders),
        };
        Ok(Caller::Claims {
            issuer: self.issuer.clone(),
            claims,
        })
    }

    /// The decision that a gate made and that is to be explained.
    fn record(&self) -> anyhow::Result<Option<Record>> {
        if self.log_line {
            ensure!(
                self.token.as_deref() != Some("-"),
                "standard input has the log line, so it cannot have the token: write `--token \"$TOKEN\"`"
            );
            let text = input(record::MAX_LINE_BYTES, "the log line")?;
            return Record::parse(text.lines().next().unwrap_or_default()).map(Some);
        }
        let Some(id) = &self.decision else {
            return Ok(None);
        };
        let hex = |byte: u8| byte.is_ascii_hexdigit();
        ensure!(
            id.len() == 16 && id.bytes().all(hex),
            "`{id}` is not a decision id: it has 16 hex digits, as `decision_id` of the answer shows it"
        );
        let config = self.grounds.config().map(PathBuf::as_path);
        let target = AdminTarget::of(self.address, config)?;
        let path = format!("/decisions/{}", id.to_ascii_lowercase());
        let answer = target
            .get(&path, Instant::now() + PATIENCE)
            .map_err(|error| anyhow::anyhow!(no_answer(&target, &error)))?;
        match answer.status {
            Some(200) => Record::parse(&answer.body).map(Some),
            Some(404) => bail!(
                "the gate at {} does not know the decision `{id}`: it keeps its last refusals, as \
                 many as fit; the log has the others",
                target.address
            ),
            Some(421) => bail!(another_process(&target)),
            _ => bail!(
                "the gate at {} says: {}",
                target.address,
                printable(&answer.body)
            ),
        }
    }
}

/// Claims from the command line or from a file.
fn claims(written: &str) -> anyhow::Result<Map<String, Value>> {
    let text = if written.trim_start().starts_with('{') {
        written.to_owned()
    } else {
        let path = Path::new(written);
        let file = std::fs::File::open(path)
            .with_context(|| format!("cannot read the claims of `{written}`"))?;
        limited(file, MAX_CLAIMS_BYTES, "the claims")?
    };
    serde_json::from_str(&text)
        .context("the claims are not a JSON object such as `{\"scope\": \"orders.read\"}`")
}

fn input(most: u64, what: &str) -> anyhow::Result<String> {
    limited(std::io::stdin(), most, what)
}

fn limited(source: impl Read, most: u64, what: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    source
        .take(most + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {what}"))?;
    ensure!(
        text.len() as u64 <= most,
        "{what} is longer than {most} bytes"
    );
    Ok(text)
}
