//! `portcullis check`: every problem of a policy or a configuration, at once; where there is none, the
//! warnings.

mod report;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};

use super::Finding;
use crate::config::{Config, ConfigError, ConfigReport, FileFindings, NamedPolicies, Overrides};
use crate::files::{self, FileError};
use crate::keyring::{TrustWarning, issuer_names, misspelt_scopes, nobody_trusted, trust_warnings};
use crate::openapi::Catalogue;
use crate::policy::Policy;
use crate::problem::{Colour, Faults, Problem, Problems, Source};
use crate::reload::{read_descriptions, read_logo};
use report::{Format, Report};

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("checked").required(true).multiple(true).args(["files", "config"])))]
pub(super) struct CheckArgs {
    /// Policy files or directories, loaded as one policy
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The server's configuration: checks it with the keys, secrets and certificates that it names, and
    /// the policy against the trusted issuers. Without FILE, checks the policy that it names
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// With `--config`: leaves out the keys, secrets and certificates that it names, which may be on
    /// another machine
    #[arg(long, requires = "config")]
    skip_files: bool,
    /// Fail if there are warnings
    #[arg(long)]
    deny_warnings: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let checked = check(args)?;
    let report = Report {
        config: checked.config.as_ref(),
        problems: &checked.problems,
        warnings: &checked.warnings,
        sources: &checked.sources,
        policy: checked.policy.as_ref(),
        shadow: checked.shadow.as_ref(),
        are_issuers_compared: args.config.is_some(),
        denies_warnings: args.deny_warnings,
    };
    report.write(args.format, colour(), out)?;
    Ok(if report.is_ok() {
        Finding::Yes
    } else {
        Finding::No
    })
}

/// What is known of a policy, and of the configuration that names it.
#[derive(Default)]
struct Checked {
    /// The files of the policy, and of the one that is tried in shadow.
    sources: Vec<Source>,
    /// Absent where it could not be loaded.
    policy: Option<Policy>,
    /// The one that is tried in shadow.
    shadow: Option<Policy>,
    /// What is wrong with the two.
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    /// What is wrong with the configuration or the files that it names, if anything is.
    config: Option<ConfigReport>,
}

impl Checked {
    fn add(&mut self, sources: Vec<Source>, compiled: Result<Policy, Problems>) -> Option<Policy> {
        self.sources.extend(sources);
        match compiled {
            Ok(policy) => {
                self.warnings.extend(policy.warnings().iter().cloned());
                Some(policy)
            }
            Err(problems) => {
                self.problems.extend(problems.0);
                None
            }
        }
    }

    /// Warns of what is in the folders of a policy, looks like a part of it, and is none: folders that
    /// nothing else names, and files of another ending.
    fn warn_of_unread(&mut self, named: &[&PathBuf]) {
        let real = |path: &Path| path.canonicalize().ok();
        let loaded: Vec<_> = named.iter().filter_map(|path| real(path)).collect();
        for directory in named {
            let folders = files::unread_folders(directory).into_iter();
            let unread =
                folders.filter(|folder| !real(folder).is_some_and(|it| loaded.contains(&it)));
            self.warnings.extend(unread.map(|folder| {
                let (folder, directory) = (folder.display(), directory.display());
                let problem = Problem::new(format!(
                    "the policy files in `{folder}` are not loaded: only files directly in `{directory}` are"
                ));
                problem.help(format!("name `{folder}` as well, or move its files"))
            }));
            self.warnings.extend(files::unread_files(directory).iter().map(|file| {
                let problem = Problem::new(format!(
                    "`{}` is not loaded: a policy directory counts files named `.yaml` and `.yml` alone",
                    file.display()
                ));
                problem.help("write its ending in lower case".to_owned())
            }));
        }
    }

    /// Adds what a start would find in the descriptions of the API.
    fn add_descriptions(&mut self, config: &Config, faults: &mut Faults) -> Catalogue {
        let sources = match read_descriptions(&config.inputs().descriptions) {
            Ok(sources) => sources,
            Err(error) => {
                let key = "issuer.portal.openapi_files";
                faults.add(key, format!("`{key}`: {error}"));
                return Catalogue::default();
            }
        };
        let catalogue = match Catalogue::read(&sources) {
            Ok(catalogue) => {
                self.warnings.extend(catalogue.warnings.iter().cloned());
                catalogue
            }
            Err(problems) => {
                self.problems.extend(problems.0);
                Catalogue::default()
            }
        };
        self.sources.extend(sources);
        catalogue
    }

    /// Adds the policies of a configuration that is wrong, without what it says of issuers. A file that
    /// cannot be read is left to the run after its correction: its name may be what is wrong.
    fn add_named_by(&mut self, config: &Path, args: &CheckArgs) {
        let mut named = NamedPolicies::read(config);
        if !args.files.is_empty() {
            named.policy.clone_from(&args.files);
        }
        let policies = [named.policy, named.shadow_policy];
        for paths in policies.iter().filter(|paths| !paths.is_empty()) {
            if let Ok(sources) = files::read_policy(paths) {
                let compiled = Policy::compile(&sources);
                self.add(sources, compiled);
            }
        }
    }
}

/// Adds why the logo cannot be shown.
fn add_logo(config: &Config, faults: &mut Faults) {
    if let Some(Err(error)) = config.inputs().logo.as_deref().map(read_logo) {
        let key = "issuer.portal.logo_file";
        faults.add(key, format!("`{key}`: {error}"));
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<Checked> {
    let Some(path) = &args.config else {
        let sources = files::read_policy(&args.files)?;
        let compiled = Policy::compile(&sources);
        let mut checked = Checked::default();
        checked.policy = checked.add(sources, compiled);
        checked.warn_of_unread(&args.files.iter().collect::<Vec<_>>());
        return Ok(checked);
    };
    let overrides = Overrides {
        policy: args.files.clone(),
        ..Overrides::default()
    };
    let (config, text) = match Config::load_with_text(path, &overrides) {
        Ok(loaded) => loaded,
        Err(ConfigError::Document(report)) => {
            let mut checked = Checked {
                config: Some(*report),
                ..Checked::default()
            };
            checked.add_named_by(path, args);
            return Ok(checked);
        }
        Err(error @ ConfigError::File(_)) => return Err(error.into()),
    };
    let found = if args.skip_files {
        FileFindings::default()
    } else {
        config.check_files()
    };
    let FileFindings {
        mut faults,
        warnings: of_files,
    } = found;
    let issuers = issuer_names(&config.trust);
    let mut checked = Checked::default();
    let tried = files::read_policy(&config.shadow_policy);
    if let Err(error) = &tried {
        let key = key_of("shadow_policy", &config.shadow_policy, error);
        faults.add(key, format!("`shadow_policy`: {error}"));
    }
    match files::read_policy(&config.policy) {
        Ok(sources) => {
            let compiled = Policy::compile_for(&issuers, &sources);
            checked.policy = checked.add(sources, compiled);
        }
        Err(error) if faults.is_empty() && !args.files.is_empty() => return Err(error.into()),
        Err(error) => faults.add(
            key_of("policy", &config.policy, &error),
            format!("`policy`: {error}"),
        ),
    }
    match tried {
        Ok(sources) if !sources.is_empty() => {
            let compiled = Policy::compile_for(&issuers, &sources);
            checked.shadow = checked.add(sources, compiled);
        }
        // There is none, or it is told already why it cannot be read.
        Ok(_) | Err(_) => {}
    }
    let described = if args.skip_files {
        Catalogue::default()
    } else {
        checked.add_descriptions(&config, &mut faults)
    };
    if !args.skip_files {
        add_logo(&config, &mut faults);
    }
    let named = config.policy.iter().chain(&config.shadow_policy);
    checked.warn_of_unread(&named.collect::<Vec<_>>());
    checked.config = (!faults.is_empty()).then(|| text.report(faults));
    let mut warnings = trust_warnings(&config.trust);
    if let Some(policy) = &checked.policy {
        warnings.extend(nobody_trusted(&config.trust, policy.routes_with_token()));
        warnings.extend(misspelt_scopes(&config.trust, policy));
        warnings.extend(config.unlisted(policy, &described));
    }
    warnings.extend(config.issuer_warnings());
    warnings.extend(of_files);
    let placed = warnings.into_iter();
    let placed = placed.map(|TrustWarning { key, problem }| match text.place(&key) {
        Some(place) => problem.at(place),
        None => problem,
    });
    checked.warnings.splice(..0, placed);
    Ok(checked)
}

/// The entry of a list of files that this error is about, such as `policy[0]`.
fn key_of(list: &str, files: &[PathBuf], error: &FileError) -> String {
    let position = files.iter().position(|file| error.path().starts_with(file));
    match position {
        Some(position) => format!("{list}[{position}]"),
        None => list.to_owned(),
    }
}

fn colour() -> Colour {
    if std::io::stdout().is_terminal() {
        Colour::Ansi
    } else {
        Colour::Plain
    }
}
