//! `portcullis bootstrap`: adds the scopes and roles of a file to the issuer's store.

mod review;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Finding;
use super::administration::{Report, StoreArgs, note_known_passwords};
use crate::files;
use crate::issuer::directory::{
    DirectoryError, FreshDirectory, LocalDirectory, NewRole, NewScope, RoleUpdate, WhenUsed,
};
use crate::problem::{Colour, Problem, Problems, Source};
use crate::yaml;
use review::Present;

const COLUMNS: &[&str] = &["kind", "name", "outcome"];

#[derive(Debug, Args)]
pub(super) struct BootstrapArgs {
    /// The file with scopes and roles
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BootstrapDocument {
    version: u64,
    /// Names and descriptions.
    #[serde(default)]
    scopes: BTreeMap<String, String>,
    /// Names and scopes.
    #[serde(default)]
    roles: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    default_role: Option<String>,
}

pub(super) fn run(args: &BootstrapArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let source = files::read_source(&args.file)?;
    match read(&source) {
        Ok(document) => {
            let work = async |local: &LocalDirectory| {
                let directory = local.directory();
                let problems = Present::read(&directory).await?.review(&document, &source);
                if problems.0.is_empty() {
                    return document.apply(&directory).await;
                }
                let report = problems.render(std::slice::from_ref(&source), Colour::Plain);
                Ok(Report::Refused(report))
            };
            args.store.administer(out, |_| None, work)
        }
        Err(problem) => {
            let report = Problems(vec![problem]).render(&[source], Colour::Plain);
            args.store.print(out, &Report::Refused(report))?;
            Ok(Finding::No)
        }
    }
}

#[expect(clippy::result_large_err, reason = "made once, while a file is loaded")]
fn read(source: &Source) -> Result<BootstrapDocument, Problem> {
    let document: BootstrapDocument = yaml::parse(source)?;
    if document.version == 1 {
        return Ok(document);
    }
    let message = format!(
        "`version: {}` is not known to this release",
        document.version
    );
    Err(Problem::new(message).help("write `version: 1`, or use a newer release"))
}

impl BootstrapDocument {
    /// Adds what is missing. Nothing is removed and no description changed, so that what administrators
    /// have decided since outlives the next run.
    async fn apply(&self, directory: &FreshDirectory<'_>) -> anyhow::Result<Report> {
        let mut rows = Vec::new();
        for (name, description) in &self.scopes {
            let wanted = NewScope {
                name: name.clone(),
                description: description.clone(),
            };
            // Not looked up before: several may run at once.
            let outcome = match directory.add_scope(&wanted).await {
                Ok(_) => "added",
                Err(DirectoryError::NameTaken(_)) => "unchanged",
                Err(error) => return Err(error.into()),
            };
            rows.push(row("scope", name, outcome));
        }
        for (name, scopes) in &self.roles {
            rows.push(row("role", name, role(directory, name, scopes).await?));
        }
        if let Some(name) = &self.default_role {
            let outcome = if directory.role(name).await?.is_default {
                "unchanged"
            } else {
                directory.set_default_role(name).await?;
                "changed"
            };
            rows.push(row("default role", name, outcome));
        }
        Ok(Report::List(rows, COLUMNS))
    }
}

async fn role(
    directory: &FreshDirectory<'_>,
    name: &str,
    scopes: &[String],
) -> Result<&'static str, DirectoryError> {
    let wanted = NewRole {
        name: name.to_owned(),
        scopes: scopes.to_vec(),
    };
    match directory.add_role(&wanted).await {
        Ok(_) => return Ok("added"),
        Err(DirectoryError::NameTaken(_)) => {}
        Err(error) => return Err(error),
    }
    let present = directory.role(name).await?.scopes;
    let has = |scope: &String| present.iter().any(|held| held.as_str() == scope.as_str());
    let missing: Vec<String> = scopes.iter().filter(|scope| !has(scope)).cloned().collect();
    if missing.is_empty() {
        return Ok("unchanged");
    }
    let update = RoleUpdate {
        add_scopes: Some(missing),
        ..RoleUpdate::default()
    };
    let changed = directory.update_role(name, &update, WhenUsed::GoOn).await?;
    note_known_passwords(changed.known.as_ref());
    Ok("extended")
}

fn row(kind: &str, name: &str, outcome: &str) -> Value {
    json!({"kind": kind, "name": name, "outcome": outcome})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source {
            name: "bootstrap.yaml".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_file_is_read_strictly() {
        let document = read(&source(
            "version: 1\nscopes: {orders.read: Read orders}\nroles: {clerk: [orders.read]}\n",
        ));
        assert_eq!(document.unwrap().roles["clerk"], ["orders.read"]);
        let rows = [
            ("version: 2\n", "`version: 2` is not known"),
            ("version: 1\nrole: {}\n", "unknown key `role`"),
            ("version: 1\nroles: {a: [], a: []}\n", "twice"),
            ("scopes: {}\n", "`version`"),
        ];
        for (text, expected) in rows {
            let problem = read(&source(text)).unwrap_err();
            let shown = Problems(vec![problem]).render(&[source(text)], Colour::Plain);
            assert!(shown.contains(expected), "{text}: {shown}");
        }
    }
}
