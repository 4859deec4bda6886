//! `portcullis doctor`: what a proxy's configuration would do to the policy.

use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::Finding as Verdict;
use crate::config::{Config, Overrides};
use crate::doctor::{Assumptions, IdentityNames, Report, Severity, examine};
use crate::files;
use crate::labels::Label;
use crate::problem::Source;
use crate::yaml::{MAX_SOURCE_BYTES, Tree, parse_foreign};

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Envoy bootstraps and config dumps, and objects of Istio and Envoy Gateway, YAML or JSON; `-` is
    /// standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The gate's cluster, where Envoy asks other services by `ext_authz` as well
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// The server's configuration, for the names of the identity headers
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people to read
    Text,
    /// JSON, for programs
    Json,
}

pub(super) fn run(args: &DoctorArgs, out: &mut dyn Write) -> anyhow::Result<Verdict> {
    let identity = match &args.config {
        None => IdentityNames::default(),
        Some(path) => {
            let config = Config::load(path, &Overrides::default())?;
            IdentityNames::new(config.identity_headers.names().map(str::to_owned))
        }
    };
    let assumptions = Assumptions {
        identity,
        cluster: args.cluster.clone(),
    };
    let mut documents: Vec<Tree> = Vec::new();
    for path in &args.files {
        let source = if path.as_os_str() == "-" {
            standard_input()?
        } else {
            files::read_source(path)?
        };
        let trees =
            parse_foreign(&source).with_context(|| format!("cannot read `{}`", path.display()))?;
        documents.extend(trees);
    }
    let report = examine(&documents, &assumptions);
    if report.examined.is_empty() {
        bail!(
            "nothing here can be examined: name an Envoy bootstrap (with `static_resources`), a config \
             dump (with `configs`), or objects such as `SecurityPolicy` and `AuthorizationPolicy`"
        );
    }
    match args.format {
        Format::Text => text(&report, out)?,
        Format::Json => json(&report, out)?,
    }
    Ok(if report.count(Severity::Fail) == 0 {
        Verdict::Yes
    } else {
        Verdict::No
    })
}

fn standard_input() -> anyhow::Result<Source> {
    let mut text = String::new();
    let most = MAX_SOURCE_BYTES as u64;
    std::io::stdin()
        .take(most + 1)
        .read_to_string(&mut text)
        .context("cannot read standard input")?;
    ensure!(
        text.len() as u64 <= most,
        "standard input has more than {MAX_SOURCE_BYTES} bytes: take a part of it"
    );
    Ok(Source {
        name: "standard input".to_owned(),
        text,
    })
}

fn text(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    for finding in &report.findings {
        let trouble = finding.trouble;
        writeln!(
            out,
            "{} {}: {}",
            finding.severity().label().to_uppercase(),
            trouble.name(),
            finding.place
        )?;
        if let Some(detail) = &finding.detail {
            writeln!(out, "  found: {detail}")?;
        }
        writeln!(out, "  why:   {}", trouble.reason())?;
        writeln!(out, "  fix:   {}\n", trouble.fix())?;
    }
    let counts = [Severity::Fail, Severity::Warn, Severity::Note]
        .map(|severity| format!("{} {}", report.count(severity), severity.label()));
    writeln!(
        out,
        "examined {}: {}",
        report.examined.join(", "),
        counts.join(", ")
    )
}

fn json(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    let findings = report.findings.iter().map(|finding| {
        json!({
            "name": finding.trouble.name(),
            "severity": finding.severity().label(),
            "place": finding.place,
            "detail": finding.detail,
            "reason": finding.trouble.reason(),
            "fix": finding.trouble.fix(),
        })
    });
    let findings: Vec<_> = findings.collect();
    writeln!(
        out,
        "{}",
        json!({"examined": report.examined, "findings": findings})
    )
}
