//! `portcullis test`: a table of requests and what has to become of them, beside the policy.

mod case;
mod coverage;
mod document;
mod junit;
mod record;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::rehearsal::{Grounds, GroundsArgs, Rehearsal};
use super::{Finding, complain};
use crate::files;
use crate::problem::{Colour, Problems, Source, printable};
use case::{Case, CaseResult};
use coverage::{Coverage, percent};
use document::TestFile;
pub(super) use document::schema;

/// The most files of tests in a directory.
const MAX_FILES: usize = 1000;

#[derive(Debug, Args)]
pub(super) struct PolicyTestArgs {
    /// Files of tests, or directories with files named `*.test.yaml`
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    grounds: GroundsArgs,
    /// Instead of running tests, add some to the file, or make it, of what this log says was decided: the
    /// gate's, in JSON, or Envoy's access log; `-` is standard input. Can be repeated
    #[arg(long, value_name = "LOG", conflicts_with_all = ["fail_under", "format"])]
    record: Vec<PathBuf>,
    /// Fail if the tests touch less than this share of the routes' requirements
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    fail_under: Option<u8>,
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
    /// JUnit XML, for CI systems
    Junit,
}

/// A file of tests after its run.
struct Ran {
    source: Source,
    grounds: Grounds,
    cases: Vec<(Case, CaseResult)>,
    coverage: Coverage,
}

/// Exit code 0 where every test holds and enough is covered, 1 where not.
pub(super) fn run(args: &PolicyTestArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    if !args.record.is_empty() {
        let [file] = args.files.as_slice() else {
            bail!("name one file of tests for `--record`, such as `policy.test.yaml`");
        };
        return record::run(file, &args.record, &args.grounds, out);
    }
    let mut runs = Vec::new();
    for path in test_files(&args.files)? {
        runs.push(run_file(&path, &args.grounds)?);
    }
    let failed = runs.iter().flat_map(|ran| &ran.cases);
    let failed = failed.filter(|(_, result)| !result.differences.is_empty());
    let has_failed = failed.count() > 0;
    let least = args.fail_under.map_or(0, usize::from);
    let covered = runs.iter().all(|ran| {
        let (all, shown, _) = ran.coverage.of(&ran.grounds.policy);
        percent(all, shown) >= least
    });
    match args.format {
        Format::Text => write_text(&runs, args.fail_under, out)?,
        Format::Json => write_json(&runs, out)?,
        Format::Junit => {
            let suites = runs.iter().map(|ran| {
                let cases = ran.cases.iter().map(|(case, result)| (case, result));
                (ran.source.name.as_str(), cases.collect())
            });
            junit::write(&suites.collect::<Vec<_>>(), out)?;
        }
    }
    if let (false, Some(least), Format::Json | Format::Junit) =
        (covered, args.fail_under, args.format)
    {
        // Not on standard output, which a program reads.
        complain(&format!(
            "the tests cover fewer than the {least} % of the requirements that `--fail-under` asks for"
        ));
    }
    Ok(if !has_failed && covered {
        Finding::Yes
    } else {
        Finding::No
    })
}

/// The files, and those of the directories in the order of their names.
fn test_files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        let entries = std::fs::read_dir(path)
            .with_context(|| format!("cannot read the directory `{}`", path.display()))?;
        for entry in entries {
            let file = entry?.path();
            if files::is_test_file_name(&file) {
                found.push(file);
            }
        }
        if found.is_empty() || found.len() > MAX_FILES {
            bail!(
                "`{}` has {} files named `*.test.yaml`: name a directory with 1 to {MAX_FILES}, or \
                 the files",
                path.display(),
                found.len()
            );
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

fn run_file(path: &Path, grounds: &GroundsArgs) -> anyhow::Result<Ran> {
    let file = parse_file(path)?;
    let grounds = load_grounds(path, Some(&file), grounds)?;
    let cases = file.cases(&grounds);
    let cases = cases.map_err(|problems| unreadable(&problems, &file.source))?;
    for doubt in file.doubts(&grounds) {
        complain(&doubt);
    }
    let rehearsal = Rehearsal::with_claims(&grounds, file.now())?;
    let mut coverage = Coverage::default();
    let mut results = Vec::new();
    for case in cases {
        let result = case.run(&rehearsal)?;
        coverage.note(&rehearsal, &result.asked);
        results.push((case, result));
    }
    Ok(Ran {
        source: file.source,
        grounds,
        cases: results,
        coverage,
    })
}

fn parse_file(path: &Path) -> anyhow::Result<TestFile> {
    let source = files::read_source(path)?;
    TestFile::parse(source).map_err(|(source, problems)| unreadable(&problems, &source))
}

/// The policy that the file at this path is about, whether it exists yet or not.
fn load_grounds(
    path: &Path,
    file: Option<&TestFile>,
    args: &GroundsArgs,
) -> anyhow::Result<Grounds> {
    let named = file.map(|file| file.named_policy(path));
    let grounds = match named.filter(|named| !named.is_empty()) {
        None => args.or_policy(TestFile::policy_beside(path)),
        Some(named) => args.for_policy(named),
    };
    grounds
        .load()
        .with_context(|| format!("cannot load the policy of `{}`", path.display()))
}

fn unreadable(problems: &Problems, source: &Source) -> anyhow::Error {
    let report = problems.render(std::slice::from_ref(source), Colour::Plain);
    anyhow::anyhow!("the tests cannot be read\n{report}")
}

fn write_text(runs: &[Ran], least: Option<u8>, out: &mut dyn Write) -> anyhow::Result<()> {
    for ran in runs {
        let mut failures = 0;
        for (case, result) in &ran.cases {
            if result.differences.is_empty() {
                continue;
            }
            failures += 1;
            let place = &case.place;
            writeln!(
                out,
                "{}:{}: {}",
                place.file,
                place.line,
                printable(&case.name)
            )?;
            if case.name != case.request.line() {
                writeln!(out, "  request: {}", printable(&case.request.line()))?;
            }
            for difference in &result.differences {
                writeln!(out, "  {}", printable(difference))?;
            }
        }
        let (all, shown, gaps) = ran.coverage.of(&ran.grounds.policy);
        for gap in &gaps {
            writeln!(out, "not covered: {}: {}", gap.route, gap.what)?;
        }
        let (count, percent) = (ran.cases.len(), percent(all, shown));
        let tests = if count == 1 { "test" } else { "tests" };
        let verdict = if failures == 0 { "ok" } else { "failed" };
        write!(
            out,
            "{verdict}: {}: {count} {tests}, {failures} failed; {shown} of {all} requirements \
             covered ({percent} %)",
            ran.source.name
        )?;
        match least {
            Some(least) if percent < usize::from(least) => {
                writeln!(
                    out,
                    ", fewer than the {least} % that `--fail-under` asks for"
                )?;
            }
            _ => writeln!(out)?,
        }
    }
    Ok(())
}

fn write_json(runs: &[Ran], out: &mut dyn Write) -> anyhow::Result<()> {
    let files = runs.iter().map(|ran| {
        let (all, shown, gaps) = ran.coverage.of(&ran.grounds.policy);
        let tests = ran.cases.iter().map(|(case, result)| {
            serde_json::json!({
                "name": case.name,
                "line": case.place.line,
                "request": case.request.line(),
                "passed": result.differences.is_empty(),
                "differences": result.differences,
                "answer": result.answer,
            })
        });
        let gaps = gaps.iter();
        let gaps = gaps.map(|gap| serde_json::json!({"route": gap.route, "gap": gap.what}));
        serde_json::json!({
            "file": ran.source.name,
            "policy_digest": ran.grounds.policy.digest(),
            "tests": tests.collect::<Vec<_>>(),
            "coverage": {
                "requirements": all,
                "covered": shown,
                "percent": percent(all, shown),
                "gaps": gaps.collect::<Vec<_>>(),
            },
        })
    });
    let files: Vec<_> = files.collect();
    writeln!(out, "{}", serde_json::json!({"files": files}))?;
    Ok(())
}
