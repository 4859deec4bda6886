//! `portcullis test --record`: tests of what a gate has decided, from its log or from Envoy's.

mod callers;
mod examples;
mod file;
mod observed;
mod sources;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use super::case::{Case, Outcome};
use super::document::TestFile;
use super::{load_grounds, parse_file, unreadable};
use crate::cli::rehearsal::{
    Answer, AskedRequest, Grounds, GroundsArgs, Reason, Rehearsal, Surroundings,
};
use crate::cli::{Finding, complain};
use crate::files;
use crate::problem::Source;
use callers::WrittenCaller;
use examples::with_examples;
use file::{addition, named_policy, write};
use observed::{Observed, Unfit, check_addresses, check_secrets, observe};
use sources::fewest_first;
use text::NewCase;

/// The most tests that one run adds.
const MAX_ADDED: usize = 1000;
/// The most kinds of decision that one run tells apart: methods and paths are the callers' to choose.
const MAX_KINDS: usize = 10_000;
/// How many requests of one kind are tried until one can be made again.
const MAX_TRIES: usize = 8;
/// The longest line, in bytes.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// Requests that one test stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    route: Option<String>,
    method: String,
    outcome: Outcome,
    /// Nothing where a log does not say it.
    reason: Option<Reason>,
}

/// Adds tests to the file, or makes it.
pub(super) fn run(
    file: &Path,
    logs: &[PathBuf],
    args: &GroundsArgs,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    ensure!(
        files::is_test_file_name(file),
        "`{}` is not the name of a file of tests: call it `NAME.test.yaml`, which a policy directory does \
         not load",
        file.display()
    );
    let present = match fs::symlink_metadata(file) {
        Ok(_) => Some(parse_file(file)?),
        Err(_) => None,
    };
    let grounds = load_grounds(file, present.as_ref(), args)?;
    let now = present
        .as_ref()
        .map_or(TestFile::DEFAULT_NOW, TestFile::now);
    let rehearsal = Rehearsal::with_claims(&grounds, now)?;
    let cases = match &present {
        None => Vec::new(),
        Some(present) => present
            .cases(&grounds)
            .map_err(|problems| unreadable(&problems, &present.source))?,
    };
    let mut recorder = Recorder {
        grounds: &grounds,
        rehearsal: &rehearsal,
        covered: BTreeSet::new(),
        tries: BTreeMap::new(),
        added: Vec::new(),
        repeated: 0,
        unfit: BTreeMap::new(),
    };
    for case in &cases {
        let answer = case.run(&rehearsal)?.answer;
        recorder.cover(kind_of(&case.request, &answer));
    }
    for log in logs {
        recorder.read(log)?;
    }
    let policy = named_policy(file, args)?;
    if !recorder.added.is_empty() {
        let old = present.as_ref().map(|present| present.source.text.as_str());
        let new = addition(old, cases.last(), &policy, &recorder.added)?;
        check(
            file,
            &format!("{}{new}", old.unwrap_or_default()),
            &cases,
            &recorder,
        )?;
        write(file, old.is_some(), &new)?;
    }
    recorder.summary(file, out)?;
    Ok(Finding::Yes)
}

/// A request as a test has it.
struct Recorded {
    request: AskedRequest,
    /// What of its surroundings the decision depends on.
    sources: Surroundings,
    caller: WrittenCaller,
    answer: Answer,
}

/// Why a line adds no test.
enum NotRecorded {
    Unfit(Unfit),
    /// No other line adds one either.
    Failed(anyhow::Error),
}

impl From<Unfit> for NotRecorded {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(unfit)
    }
}

impl From<anyhow::Error> for NotRecorded {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl Recorded {
    fn check_addresses(&self) -> Result<(), Unfit> {
        check_addresses(
            &self.caller.claims,
            self.sources.source_principal.as_deref(),
        )
    }
}

struct Recorder<'g> {
    grounds: &'g Grounds,
    rehearsal: &'g Rehearsal,
    /// What tests stand for already.
    covered: BTreeSet<Kind>,
    /// How often a request of a kind could not be made again.
    tries: BTreeMap<Kind, usize>,
    added: Vec<NewCase>,
    /// Lines of which a test has the kind.
    repeated: usize,
    unfit: BTreeMap<Unfit, usize>,
}

impl Recorder<'_> {
    fn read(&mut self, log: &Path) -> anyhow::Result<()> {
        let input: Box<dyn Read> = if log.as_os_str() == "-" {
            Box::new(std::io::stdin())
        } else {
            let file = fs::File::open(log);
            Box::new(file.with_context(|| format!("cannot read the log `{}`", log.display()))?)
        };
        let mut input = BufReader::new(input);
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut bounded = (&mut input).take(MAX_LINE_BYTES);
            let count = bounded.read_until(b'\n', &mut line);
            let count =
                count.with_context(|| format!("cannot read the log `{}`", log.display()))?;
            if count == 0 {
                return Ok(());
            }
            let is_whole = line.ends_with(b"\n") || (count as u64) < MAX_LINE_BYTES;
            let result = if is_whole {
                self.line(&String::from_utf8_lossy(&line))
            } else {
                // The rest of it.
                input.skip_until(b'\n')?;
                Err(Unfit::TooLong.into())
            };
            match result {
                Ok(()) => {}
                Err(NotRecorded::Unfit(unfit)) => *self.unfit.entry(unfit).or_default() += 1,
                Err(NotRecorded::Failed(error)) => return Err(error),
            }
        }
    }

    fn line(&mut self, line: &str) -> Result<(), NotRecorded> {
        if line.trim().is_empty() {
            return Ok(());
        }
        let observed = observe(line)?;
        let asked = written(&observed.request).ok_or(Unfit::NotAboutARequest)?;
        let route = match &observed.route {
            None => self.rehearsal.ask(&asked).route,
            route => route.clone(),
        };
        let logged = Kind {
            route,
            method: asked.method.clone(),
            outcome: observed.outcome,
            reason: observed.reason,
        };
        if self.covered.contains(&logged) {
            self.repeated += 1;
            return Ok(());
        }
        self.begin_try(&logged)?;
        let Recorded {
            request,
            sources,
            caller,
            answer,
        } = self.recorded(&observed, &asked, &logged)?;
        self.covered.insert(logged);
        self.cover(kind_of(&asked, &answer));
        self.added.push(NewCase {
            request: request.line(),
            sources,
            caller,
            outcome: observed.outcome,
            reason: answer.disposition.reason(),
            // A shadowed policy is named by a route that no policy has.
            route: answer.route.filter(|name| {
                let mut routes = self.grounds.policy.routes().iter();
                routes.any(|route| *route.name == **name)
            }),
        });
        Ok(())
    }

    /// Counts a request of this kind, of which only some are tried.
    fn begin_try(&mut self, kind: &Kind) -> Result<(), Unfit> {
        let is_full = self.added.len() >= MAX_ADDED
            || self.tries.len() >= MAX_KINDS && !self.tries.contains_key(kind);
        if is_full {
            return Err(Unfit::TooMany);
        }
        let tries = self.tries.entry(kind.clone()).or_default();
        if *tries >= MAX_TRIES {
            return Err(Unfit::Different);
        }
        *tries += 1;
        Ok(())
    }

    /// The request as it is written, who makes it, and the answer: with examples for what the caller chose
    /// of the path, and with its own path only where the decision depends on it.
    fn recorded(
        &self,
        observed: &Observed,
        asked: &AskedRequest,
        logged: &Kind,
    ) -> Result<Recorded, NotRecorded> {
        let mut routes = self.grounds.policy.routes().iter();
        let route = routes.find(|route| Some(&*route.name) == logged.route.as_deref());
        let example = route.and_then(|route| with_examples(&observed.request, route.path.as_ref()));
        let example = example.filter(|example| check_secrets(example).is_ok());
        if let Some(example) = example
            && let Some(as_read) = written(&example)
            && let Some(recorded) = self.found(observed, example, &as_read)?
            && recorded.answer.route == logged.route
            && recorded.check_addresses().is_ok()
        {
            return Ok(recorded);
        }
        check_secrets(&observed.request)?;
        let found = self.found(observed, observed.request.clone(), asked)?;
        let recorded = found.ok_or(Unfit::Different)?;
        recorded.check_addresses()?;
        Ok(recorded)
    }

    /// Where the request came from is written only where the decision depends on it.
    fn found(
        &self,
        observed: &Observed,
        request: AskedRequest,
        as_read: &AskedRequest,
    ) -> anyhow::Result<Option<Recorded>> {
        for sources in fewest_first(&observed.request.surroundings) {
            let asked = as_read.clone().within(&sources);
            let found = callers::find(observed, &asked, self.grounds, self.rehearsal)?;
            if let Some((caller, answer)) = found {
                return Ok(Some(Recorded {
                    request,
                    sources,
                    caller,
                    answer,
                }));
            }
        }
        Ok(None)
    }

    /// Notes that a test stands for such requests, also where a log does not say the reason.
    fn cover(&mut self, kind: Kind) {
        self.covered.insert(Kind {
            reason: None,
            ..kind.clone()
        });
        self.covered.insert(kind);
    }

    fn summary(&self, file: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
        for (unfit, count) in &self.unfit {
            complain(&format!("left out: {} {}", lines(*count), unfit.phrase()));
        }
        let (added, name) = (self.added.len(), file.display());
        let tests = if added == 1 { "test" } else { "tests" };
        writeln!(
            out,
            "{added} {tests} added to {name}; {} about what a test is about already",
            lines(self.repeated)
        )?;
        Ok(())
    }
}

/// The request as it is read from its line in a file of tests; nothing where it cannot be written in one.
fn written(request: &AskedRequest) -> Option<AskedRequest> {
    let line = request.line();
    let (method, url) = line.split_once(' ')?;
    let written = AskedRequest::new(method, url, Vec::new()).ok()?;
    // A line with a host has a scheme, also where the log has none: what depends on it is not known then.
    let scheme = written.surroundings.scheme.as_ref();
    let scheme = scheme.and(request.surroundings.scheme.clone());
    Some(AskedRequest {
        surroundings: Surroundings {
            scheme,
            ..Surroundings::default()
        },
        ..written
    })
}

fn lines(count: usize) -> String {
    let noun = if count == 1 { "line" } else { "lines" };
    format!("{count} {noun}")
}

fn kind_of(request: &AskedRequest, answer: &Answer) -> Kind {
    Kind {
        route: answer.route.clone(),
        method: request.method.clone(),
        outcome: Outcome::of(answer),
        reason: Some(answer.disposition.reason()),
    }
}

/// Whether the new text has the old tests and the new ones, and all new ones hold.
fn check(file: &Path, text: &str, old: &[Case], recorder: &Recorder<'_>) -> anyhow::Result<()> {
    let source = Source {
        name: file.display().to_string(),
        text: text.to_owned(),
    };
    let parsed = TestFile::parse(source);
    let parsed = parsed.map_err(|(source, problems)| unreadable(&problems, &source))?;
    let cases = parsed.cases(recorder.grounds);
    let cases = cases.map_err(|problems| unreadable(&problems, &parsed.source))?;
    let new = cases.get(old.len()..).unwrap_or_default();
    let mut holds = new.len() == recorder.added.len();
    for case in new {
        holds &= case.run(recorder.rehearsal)?.differences.is_empty();
    }
    if !holds {
        bail!(
            "`{}` cannot be extended: write `tests` as its last key",
            file.display()
        );
    }
    Ok(())
}
