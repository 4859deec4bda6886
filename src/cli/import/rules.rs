//! `portcullis import` of the access rules of other products.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::Finding;
use crate::files;
use crate::migration::{
    EnvoySettings, IstioSettings, Migrated, OpaSettings, Publicity, import_envoy, import_heimdall,
    import_istio, import_opa,
};
use crate::problem::Source;

/// What all of these verbs take.
#[derive(Debug, Args)]
struct OutputArgs {
    /// Make public what the source lets everybody do; without it, nobody may do it, or only who has a token
    /// where the source takes one too, until somebody has reviewed it
    #[arg(long)]
    allow_public: bool,
    /// Write the section `trust` of the server's config to this new file; without it, it is a comment at
    /// the end of the policy
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Output format: the policy, or JSON that has the policy, `trust` and what was not carried over
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The policy, and the rest on standard error
    Text,
    /// JSON, for programs
    Json,
}

#[derive(Debug, Args)]
pub(super) struct EnvoyArgs {
    /// The bootstrap or config dump, YAML or JSON
    file: PathBuf,
    /// The listener, where several have such filters
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

impl EnvoyArgs {
    pub(super) fn run(&self, out: &mut dyn Write) -> anyhow::Result<Finding> {
        let source = files::read_source(&self.file)?;
        let settings = EnvoySettings {
            publicity: self.output.publicity(),
            listener: self.listener.clone(),
        };
        let migrated = import_envoy(&source, &settings)
            .with_context(|| cannot_import(std::slice::from_ref(&self.file)))?;
        self.output.write(&migrated, out)
    }
}

#[derive(Debug, Args)]
pub(super) struct IstioArgs {
    /// Files with the objects, YAML or JSON
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The workload's namespace, where the objects are of several
    #[arg(long, value_name = "NAME", requires = "workload")]
    namespace: Option<String>,
    /// All labels of the workload, such as `app=orders,version=v1`, where the objects are for several; `NAME=`
    /// says that it has none of this name
    #[arg(long, value_name = "LABELS")]
    workload: Option<String>,
    /// The mesh's root namespace, whose objects hold for every workload
    #[arg(long, value_name = "NAME", default_value = "istio-system")]
    root_namespace: String,
    #[command(flatten)]
    output: OutputArgs,
}

impl IstioArgs {
    pub(super) fn run(&self, out: &mut dyn Write) -> anyhow::Result<Finding> {
        let sources = read(&self.files)?;
        let settings = IstioSettings {
            publicity: self.output.publicity(),
            namespace: self.namespace.clone(),
            labels: self.workload.as_deref().map(labels).transpose()?,
            root_namespace: self.root_namespace.clone(),
        };
        let migrated =
            import_istio(&sources, &settings).with_context(|| cannot_import(&self.files))?;
        self.output.write(&migrated, out)
    }
}

#[derive(Debug, Args)]
pub(super) struct HeimdallArgs {
    /// Rule sets and heimdall's configuration, YAML or JSON
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

impl HeimdallArgs {
    pub(super) fn run(&self, out: &mut dyn Write) -> anyhow::Result<Finding> {
        let sources = read(&self.files)?;
        let migrated = import_heimdall(&sources, self.output.publicity())
            .with_context(|| cannot_import(&self.files))?;
        self.output.write(&migrated, out)
    }
}

#[derive(Debug, Args)]
pub(super) struct OpaArgs {
    /// The data, YAML or JSON
    file: PathBuf,
    /// The claim that names the user, for the table `user_roles`
    #[arg(long, value_name = "NAME", default_value = "sub")]
    user_claim: String,
    /// The claim that lists the caller's roles, instead of the table `user_roles`
    #[arg(long, value_name = "NAME")]
    role_claim: Option<String>,
    /// The issuer's name in `trust`, where there are several
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// Output format: the policy, or JSON that has the policy and what was not carried over
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl OpaArgs {
    pub(super) fn run(&self, out: &mut dyn Write) -> anyhow::Result<Finding> {
        let source = files::read_source(&self.file)?;
        let settings = OpaSettings {
            user_claim: Some(self.user_claim.clone()),
            role_claim: self.role_claim.clone(),
            issuer: self.issuer.clone(),
        };
        let files = std::slice::from_ref(&self.file);
        let migrated = import_opa(&source, &settings).with_context(|| cannot_import(files))?;
        let output = OutputArgs {
            allow_public: false,
            trust: None,
            format: self.format,
        };
        output.write(&migrated, out)
    }
}

fn labels(text: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let pairs = text.split(',').map(|pair| {
        let pair = pair.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) = pair.with_context(|| {
            format!("`--workload {text}`: write labels as `app=orders,version=v1`")
        })?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    });
    pairs.collect()
}

fn read(files: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let sources = files.iter().map(|path| Ok(files::read_source(path)?));
    sources.collect()
}

fn cannot_import(files: &[PathBuf]) -> String {
    let names: Vec<String> = files
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    format!("cannot import {}", names.join(", "))
}

impl OutputArgs {
    fn publicity(&self) -> Publicity {
        if self.allow_public {
            Publicity::Allow
        } else {
            Publicity::Review
        }
    }

    fn write(&self, migrated: &Migrated, out: &mut dyn Write) -> anyhow::Result<Finding> {
        match self.format {
            Format::Text => self.text(migrated, out)?,
            Format::Json => json(migrated, out)?,
        }
        out.flush()?;
        if let (Some(path), Some(trust)) = (&self.trust, &migrated.trust) {
            write_trust(path, trust)?;
        }
        Ok(Finding::Yes)
    }

    fn text(&self, migrated: &Migrated, out: &mut dyn Write) -> std::io::Result<()> {
        let mut told = std::io::stderr().lock();
        for note in &migrated.notes {
            writeln!(told, "{}: {}", note.place, note.message)?;
        }
        writeln!(
            told,
            "{} rules, {} routes, {} of them for review, {} lines above",
            migrated.rules,
            migrated.routes,
            migrated.for_review,
            migrated.notes.len()
        )?;
        write!(out, "{}", migrated.text)?;
        if let (None, Some(trust)) = (&self.trust, &migrated.trust) {
            writeln!(out, "\n# For the server's config:")?;
            for line in trust.lines() {
                writeln!(out, "# {line}")?;
            }
        }
        Ok(())
    }
}

fn write_trust(path: &Path, trust: &str) -> anyhow::Result<()> {
    match File::create_new(path) {
        Ok(mut file) => file.write_all(trust.as_bytes()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => anyhow::bail!(
            "`{}` exists and is never overwritten: remove it, or name another",
            path.display()
        ),
        Err(error) => Err(error),
    }
    .with_context(|| format!("cannot write `{}`", path.display()))
}

fn json(migrated: &Migrated, out: &mut dyn Write) -> std::io::Result<()> {
    let notes = migrated.notes.iter();
    let notes: Vec<_> = notes
        .map(|note| json!({"place": note.place, "message": note.message}))
        .collect();
    writeln!(
        out,
        "{}",
        json!({
            "policy": migrated.text,
            "trust": migrated.trust,
            "rules": migrated.rules,
            "routes": migrated.routes,
            "for_review": migrated.for_review,
            "notes": notes,
        })
    )
}
