//! `portcullis doctor`: what a proxy's configuration would do to the policy, and what a running proxy does.

mod http;
mod live;

use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde_json::json;

use super::Finding as Verdict;
use super::format::Format;
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
    #[arg(required_unless_present = "url", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The gate's cluster, where Envoy asks other services by `ext_authz` as well
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// The server's configuration, for the names of the identity headers; with `--url` for the policy as
    /// well
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ask this running proxy for something public and something private, without a token, and say what
    /// its answers mean. Redirects are not followed
    #[arg(long, value_name = "URL", conflicts_with = "cluster")]
    url: Option<String>,
    /// The policy that says what is public and what is private; can be repeated
    #[arg(long, value_name = "FILE", requires = "url")]
    policy: Vec<PathBuf>,
    /// A public path to ask for, instead of one of the policy
    #[arg(long, value_name = "PATH", requires = "url")]
    public: Option<String>,
    /// A private path to ask for, instead of one of the policy
    #[arg(long, value_name = "PATH", requires = "url")]
    private: Option<String>,
    /// The certificate authority of the proxy, in PEM, instead of the system's
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,
    /// The gate has been stopped: check that the proxy refuses
    #[arg(long, requires = "url")]
    gate_stopped: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(args: &DoctorArgs, out: &mut dyn Write) -> anyhow::Result<Verdict> {
    let identity = match &args.config {
        None => IdentityNames::default(),
        Some(path) => {
            let config = Config::load(path, &Overrides::default())?;
            IdentityNames::new(config.identity_headers.names().map(str::to_owned))
        }
    };
    if let Some(url) = &args.url {
        ensure!(
            args.files.is_empty(),
            "name either files or `--url URL`: a running proxy is not compared with files"
        );
        return live::run(args, url, &identity, out);
    }
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
    for (severity, count) in &report.left_out {
        writeln!(
            out,
            "{count} more of severity {} are not shown: examine fewer files at once\n",
            severity.label()
        )?;
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
    let left_out = report.left_out.iter();
    let left_out: serde_json::Map<_, _> = left_out
        .map(|(severity, count)| (severity.label().to_owned(), json!(count)))
        .collect();
    let mut answer = json!({"examined": report.examined, "findings": findings});
    if let (false, Some(members)) = (left_out.is_empty(), answer.as_object_mut()) {
        members.insert("left_out".to_owned(), left_out.into());
    }
    writeln!(out, "{answer}")
}
