//! What the verbs that administer the issuer's store have in common: which store, how answers are
//! printed, and how refusals end.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::Finding;
use super::format::Format;
use super::operator::operator;
use crate::clock::{SystemClock, UnixSeconds};
use crate::config::{Config, IssuerSettings, Overrides};
use crate::files;
use crate::identity::PlainSecret;
use crate::issuer::LastRun;
use crate::issuer::directory::{
    AppSearch, Directory, DirectoryError, KnownPasswords, LocalDirectory, Thing, WhenUsed,
};
use crate::problem::closest;
use crate::store::{Listing, Page, UserFilter};
use crate::telemetry::SubjectNames;
use crate::telemetry::{LogSettings, LogWriter};
use crate::token::secret_in_file;

/// Rows that are read at once.
const PAGE: usize = 500;

/// The most that is read as a password.
const MAX_PASSWORD_BYTES: u64 = 4096;

/// How many names a misspelt one is compared with, at most.
const MAX_COMPARED: usize = 10_000;

/// What stands between the columns of a table.
const GAP: &str = "  ";

#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    /// The server's configuration, whose section `issuer` names the store
    #[arg(long, env = "PORTCULLIS_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    format: Format,
}

#[derive(Debug, Args)]
pub(super) struct PasswordArgs {
    /// A file with the password, readable by its owner only; `-` reads standard input. Without it, a
    /// password is generated and printed once
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// A password, and whether it must be shown because nobody knows it yet.
pub(super) enum Password {
    Given(String),
    Made(PlainSecret),
}

/// What a verb has to say.
pub(super) enum Report {
    /// One thing: its members, and those that people want to see, in this order.
    One(Value, &'static [&'static str]),
    /// Many.
    List(Vec<Value>, &'static [&'static str]),
    /// That it is done, in words.
    Done(String),
    /// That nothing was done, and why.
    Refused(String),
}

/// Nothing has the name that a command asks for.
#[derive(Debug, thiserror::Error)]
#[error("there is no {} `{name}`{}", .thing.name(), .meant.as_ref().map_or_else(|| instead(*.thing), |meant| format!(": did you mean `{meant}`?")))]
struct NothingCalled {
    thing: Thing,
    name: String,
    meant: Option<String>,
}

/// What another user has already, of the name and the address that a command gives one.
#[derive(Debug, thiserror::Error)]
#[error("the {what} `{value}` is taken by another user: choose another")]
pub(super) struct Taken {
    what: &'static str,
    value: String,
}

impl Taken {
    /// Of a user that is to be called so, or to have this address: which of them is taken.
    pub(super) async fn of_user(
        error: DirectoryError,
        directory: &Directory<'_>,
        name: Option<&str>,
        email: Option<&str>,
    ) -> anyhow::Error {
        if !matches!(error, DirectoryError::NameTaken(Thing::User)) {
            return error.into();
        }
        let by_name = match name {
            Some(name) => directory.user(name).await.is_ok(),
            None => false,
        };
        let (what, value) = match (name, email) {
            (Some(name), _) if by_name => ("name", name),
            (_, Some(email)) => ("e-mail address", email),
            (_, None) => return error.into(),
        };
        let value = value.to_owned();
        Self { what, value }.into()
    }
}

/// Where to look for the right name.
fn instead(thing: Thing) -> String {
    match thing {
        Thing::Grant => ": `portcullis user grants USERNAME` lists them".to_owned(),
        other => format!(": `portcullis {} list` lists them", other.name()),
    }
}

/// What `--force` says.
pub(super) fn when_used(force: bool) -> WhenUsed {
    if force {
        WhenUsed::GoOn
    } else {
        WhenUsed::Refuse
    }
}

impl StoreArgs {
    /// The section `issuer`, and how the log is written.
    pub(super) fn issuer_and_log(&self) -> anyhow::Result<(IssuerSettings, LogSettings)> {
        let Some(path) = &self.config else {
            bail!("no store given: name the server's configuration with `--config FILE`");
        };
        let config = Config::load(path, &Overrides::default())?;
        let issuer = config.issuer.with_context(|| {
            let path = path.display();
            format!("`{path}` has no section `issuer`, so there is no store")
        })?;
        Ok((issuer, config.log))
    }

    /// Opens the store, has `work` done and prints what it answers. What the rules refuse is a no;
    /// a store that does not answer leaves it unknown. Changes are written to the audit log, on standard
    /// error like that of the server. `asked` says by which name the command asked for a thing.
    pub(super) fn administer<'n>(
        &self,
        out: &mut dyn Write,
        asked: impl Fn(Thing) -> Option<&'n str>,
        work: impl AsyncFnOnce(&LocalDirectory) -> anyhow::Result<Report>,
    ) -> anyhow::Result<Finding> {
        let (issuer, log) = self.issuer_and_log()?;
        let names = SubjectNames::load(log.subject, log.subject_key_file.as_deref())?;
        // Kept until the end: dropped earlier, it would write no line that comes later.
        let writer = LogWriter::of_command(&log);
        writer.install(&log);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let done = runtime.block_on(async {
            let local = LocalDirectory::open(&issuer, names, operator(), &SystemClock).await?;
            let done = match work(&local).await {
                Err(error) => Err(named(error, &asked, &local.directory()).await),
                done => done,
            };
            // What is not known of it is no reason for a command to fail that has done its work.
            if let Ok(Some(last)) = local.last_run_if_changed().await {
                note_unless_in_use(last);
            }
            local.close().await;
            anyhow::Ok(done)
        })?;
        let error = match done {
            Ok(Report::Refused(words)) => {
                self.print(out, &Report::Refused(words))?;
                return Ok(Finding::No);
            }
            Ok(answer) => {
                self.print(out, &answer)?;
                return Ok(Finding::Yes);
            }
            Err(error) if error.is::<NothingCalled>() || error.is::<Taken>() => {
                self.refuse(out, &error.to_string())?;
                return Ok(Finding::No);
            }
            Err(error) => error.downcast::<DirectoryError>()?,
        };
        match error {
            DirectoryError::Store(_)
            | DirectoryError::Hashing(_)
            | DirectoryError::Cryptography(_) => Err(error.into()),
            refusal => {
                // The parameter is for those who call an endpoint.
                let words = refusal.to_string().replace(", or `?force=true`,", "");
                self.refuse(out, &words)?;
                Ok(Finding::No)
            }
        }
    }

    /// Prints an answer as it was asked for.
    pub(super) fn print(&self, out: &mut dyn Write, answer: &Report) -> anyhow::Result<()> {
        match (self.format, answer) {
            (Format::Json, Report::One(thing, _)) => writeln!(out, "{thing}")?,
            (Format::Json, Report::List(things, _)) => {
                writeln!(out, "{}", json!({ "items": things }))?;
            }
            (Format::Json, Report::Done(words)) => writeln!(out, "{}", json!({"done": words}))?,
            (Format::Text, Report::One(thing, members)) => {
                let width = members.iter().map(|name| name.len()).max().unwrap_or(0);
                for name in *members {
                    if let Some(value) = thing.get(name) {
                        writeln!(out, "{name:width$}{GAP}{}", for_people(name, value))?;
                    }
                }
            }
            (Format::Text, Report::List(things, columns)) => table(out, things, columns)?,
            (Format::Json, Report::Refused(words)) => {
                writeln!(out, "{}", json!({ "error": words }))?;
            }
            (Format::Text, Report::Done(words) | Report::Refused(words)) => {
                writeln!(out, "{words}")?;
            }
        }
        Ok(())
    }

    /// Says no: machines are told where they look, people on standard error.
    fn refuse(&self, out: &mut dyn Write, words: &str) -> anyhow::Result<()> {
        match self.format {
            Format::Json => writeln!(out, "{}", json!({ "error": words }))?,
            // Nobody is left to tell if standard error is gone.
            Format::Text => drop(writeln!(std::io::stderr(), "portcullis: {words}")),
        }
        Ok(())
    }
}

impl PasswordArgs {
    /// The password, read before the store is opened.
    pub(super) fn read(&self, local: &LocalDirectory) -> anyhow::Result<Password> {
        let Some(path) = &self.password_file else {
            return Ok(Password::Made(local.password()?));
        };
        let bytes = if path == Path::new("-") {
            let mut bytes = Vec::new();
            std::io::stdin()
                .take(MAX_PASSWORD_BYTES)
                .read_to_end(&mut bytes)
                .context("cannot read the password from standard input")?;
            bytes
        } else {
            files::read_secret(path)?
        };
        let text = std::str::from_utf8(secret_in_file(&bytes));
        let text = text.map_err(|_| anyhow!("the password is not UTF-8 text"))?;
        Ok(Password::Given(text.to_owned()))
    }
}

impl Password {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Given(text) => text.clone(),
            Self::Made(secret) => secret.reveal().to_owned(),
        }
    }

    /// Adds it to an answer if nobody knows it yet.
    pub(super) fn shown_in(&self, mut answer: Value) -> Value {
        if let (Self::Made(secret), Some(members)) = (self, answer.as_object_mut()) {
            members.insert("password".to_owned(), secret.reveal().into());
        }
        answer
    }
}

/// Says of a change that no process knows of it yet, which otherwise hears within a second.
pub(super) fn note_unless_in_use(last: LastRun) {
    let when = match last {
        LastRun::Now => return,
        LastRun::At(seen) => format!(", the last one was heard of at {seen}"),
        LastRun::Unknown => String::new(),
    };
    // Nobody is left to tell if standard error is gone.
    drop(writeln!(
        std::io::stderr(),
        "portcullis: note: no issuer is running on this store{when}. Gates hear of this change when one runs. If \
         yours is running, `issuer.store` of this configuration names another store than its own."
    ));
}

/// Says of users who got `backend.*` scopes that somebody who lacks them can log in with the password, which no
/// token could have brought about.
pub(super) fn note_known_passwords(known: Option<&KnownPasswords>) {
    let Some(known) = known else { return };
    // Nobody is left to tell if standard error is gone.
    drop(writeln!(
        std::io::stderr(),
        "portcullis: note: {known} and could use what was given just now: `portcullis user reset-link` makes a link for \
         another password."
    ));
}

/// The error with the name that was asked for, where nothing is called so.
async fn named<'n>(
    error: anyhow::Error,
    asked: impl Fn(Thing) -> Option<&'n str>,
    directory: &Directory<'_>,
) -> anyhow::Error {
    let (thing, name) = match error.downcast_ref() {
        Some(DirectoryError::NotFound(thing)) => (*thing, asked(*thing).map(str::to_owned)),
        Some(DirectoryError::UnknownRole(name)) => (Thing::Role, Some(name.clone())),
        Some(DirectoryError::UnknownScope(name)) => (Thing::Scope, Some(name.clone())),
        Some(_) | None => return error,
    };
    let Some(name) = name else {
        return error;
    };
    // A store that cannot be read any more has no suggestion.
    let others = names(thing, directory).await.unwrap_or_default();
    let others = others.iter().map(String::as_str);
    let meant = closest(&name, others).map(str::to_owned);
    NothingCalled { thing, name, meant }.into()
}

/// What things of this kind are called, up to a bound.
async fn names(thing: Thing, directory: &Directory<'_>) -> Result<Vec<String>, DirectoryError> {
    let page = Page::first(MAX_COMPARED);
    let names = match thing {
        Thing::User => {
            let users = directory.users(&UserFilter::default(), &page).await?.items;
            users
                .iter()
                .map(|user| user.username.as_str().to_owned())
                .collect()
        }
        Thing::Role => {
            let roles = directory.roles(&page).await?.items;
            roles
                .iter()
                .map(|role| role.name.as_str().to_owned())
                .collect()
        }
        Thing::Scope => {
            let scopes = directory.scopes(&page).await?.items;
            scopes
                .iter()
                .map(|scope| scope.name.as_str().to_owned())
                .collect()
        }
        Thing::App => {
            let apps = directory.apps(&AppSearch::default(), &page).await?.items;
            apps.iter()
                .map(|owned| owned.app.key.as_str().to_owned())
                .collect()
        }
        Thing::Grant | Thing::Passkey | Thing::ResetLink => Vec::new(),
    };
    Ok(names)
}

/// All pages of a list.
pub(super) async fn all<T, S>(
    page: impl AsyncFn(Page) -> Result<Listing<T>, DirectoryError>,
    show: impl Fn(&T) -> S,
) -> Result<Vec<S>, DirectoryError> {
    let mut things = Vec::new();
    let mut after = Some(String::new());
    while let Some(from) = after {
        let asked = Page {
            after: from,
            limit: PAGE,
        };
        let listing = page(asked).await?;
        things.extend(listing.items.iter().map(&show));
        after = listing.next;
    }
    Ok(things)
}

/// A thing in the JSON that endpoints answer.
pub(super) fn value(thing: &impl Serialize) -> Value {
    // What endpoints answer has no odd keys.
    serde_json::to_value(thing).unwrap_or_default()
}

fn table(out: &mut dyn Write, things: &[Value], columns: &[&str]) -> anyhow::Result<()> {
    let cells = |thing: &Value| -> Vec<String> {
        let cell = |name: &&str| for_people(name, thing.get(name).unwrap_or(&Value::Null));
        columns.iter().map(cell).collect()
    };
    let mut rows = vec![columns.iter().map(|name| name.to_uppercase()).collect()];
    rows.extend(things.iter().map(cells));
    let mut widths = vec![0; columns.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in &rows {
        let mut line = Vec::new();
        for (cell, width) in row.iter().zip(&widths) {
            write!(line, "{cell:width$}{GAP}")?;
        }
        out.write_all(line.trim_ascii_end())?;
        writeln!(out)?;
    }
    Ok(())
}

/// A member as people read it.
fn for_people(name: &str, value: &Value) -> String {
    match value {
        Value::Array(values) if values.is_empty() => "-".to_owned(),
        Value::Array(values) if values.iter().all(Value::is_object) => {
            let things = values.iter().filter_map(Value::as_object).map(|thing| {
                let members = thing.iter();
                let members =
                    members.map(|(name, value)| format!("{name} {}", for_people(name, value)));
                members.collect::<Vec<_>>().join(", ")
            });
            things.collect::<Vec<_>>().join("; ")
        }
        Value::Array(values) => {
            let words = values.iter().filter_map(Value::as_str);
            words.collect::<Vec<_>>().join(" ")
        }
        Value::String(text) if text.is_empty() => "-".to_owned(),
        // In one line: a second one could pass for another member.
        Value::String(text) => text.lines().collect::<Vec<_>>().join(" "),
        Value::Number(number) if name.ends_with("_at") => {
            UnixSeconds(number.as_i64().unwrap_or_default()).to_string()
        }
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}
