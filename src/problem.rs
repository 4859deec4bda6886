//! What is wrong with a file that a person wrote: where, why, and how to fix it. And how errors and the text of others
//! are shown.

mod causes;
mod faults;
mod printable;
mod secrecy;
mod snippet;
mod suggestion;

use std::fmt;
use std::ops::Range;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

pub use causes::with_causes;
pub use faults::Faults;
pub use printable::printable;
pub(crate) use secrecy::conceal;
pub(crate) use secrecy::may_hold_a_password;
pub use snippet::Colour;
use snippet::{Severity, Shown};
pub(crate) use suggestion::{closest, slip_of};

use secrecy::{Marks, Secrecy};

/// A text file as it was read, with the name that problems call it by.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path as the operator wrote it.
    pub name: String,
    pub text: String,
}

/// A place in a [`Source`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The name of the source.
    pub file: String,
    /// The first line is 1.
    pub line: usize,
    /// In characters; the first column is 1.
    pub column: usize,
    /// The bytes meant, where they are known, for the snippet.
    pub bytes: Option<Range<usize>>,
}

/// One thing wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where; absent when the file as a whole is meant (it is missing, or too large).
    pub place: Option<Place>,
    /// What is wrong: lower case, no full stop, user input in backticks.
    pub message: String,
    pub help: Option<String>,
    /// Other places that belong to the problem, such as the first of two routes that conflict.
    #[serde(serialize_with = "serialize_related")]
    pub related: Vec<(Place, String)>,
}

/// What is wrong with a value and how to fix it, before its place is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    message: String,
    help: String,
}

/// Everything wrong with a set of files, in the order of their lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problem {
    /// A problem with the file as a whole; [`Problem::at`] gives it a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            place: None,
            message: message.into(),
            help: None,
            related: Vec::new(),
        }
    }

    /// The same problem at `place`.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same problem with the way to fix it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same problem with another place that belongs to it, and what that place is.
    #[must_use]
    pub fn related(mut self, place: Place, role: impl Into<String>) -> Self {
        self.related.push((place, role.into()));
        self
    }
}

impl Mistake {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
        }
    }

    /// The problem that it is at `place`.
    pub(crate) fn at(self, place: Place) -> Problem {
        Problem::new(self.message).help(self.help).at(place)
    }
}

/// Warnings as a report for people, like [`Problems::render`].
pub fn render_warnings(warnings: &[Problem], sources: &[Source], colour: Colour) -> String {
    snippet::render(warnings, Severity::Warning, Shown::whole(sources), colour)
}

impl Problems {
    /// The problems as a report for people: each with its lines of the sources and a caret.
    pub fn render(&self, sources: &[Source], colour: Colour) -> String {
        snippet::render(&self.0, Severity::Error, Shown::whole(sources), colour)
    }

    /// The same for a file that may hold secrets: of its lines keys are shown, and of values those that never
    /// are secret. Messages are shown as they are.
    pub fn render_concealed(&self, source: &Source) -> String {
        let shown = Shown {
            sources: std::slice::from_ref(source),
            secrecy: Secrecy::Private,
        };
        snippet::render(&self.0, Severity::Error, shown, Colour::Plain)
    }

    /// The same for a file of which it is known where secrets may be: the rest is shown, without the
    /// credentials of URLs.
    pub fn render_without(&self, source: &Source, hidden: &[Range<usize>]) -> String {
        let shown = Shown {
            sources: std::slice::from_ref(source),
            secrecy: Secrecy::Known(hidden),
        };
        snippet::render(&self.0, Severity::Error, shown, Colour::Plain)
    }

    /// The same problems in the order of their lines.
    #[must_use]
    pub fn by_lines(mut self) -> Self {
        self.0.sort_by_key(|problem| {
            let place = problem.place.as_ref();
            place.map(|place| (place.line, place.column))
        });
        self
    }

    /// The same problems without what their messages quote of this file, which may hold secrets.
    #[must_use]
    pub fn without_quotations(mut self, source: &Source) -> Self {
        let marks = Marks::of(&source.text);
        for problem in &mut self.0 {
            problem.message = secrecy::conceal_quoted(&problem.message, marks);
        }
        self
    }

    /// The same problems without the credentials that their messages may quote of this file.
    #[must_use]
    pub fn concealed(mut self, source: &Source) -> Self {
        let marks = Marks::of(&source.text);
        for problem in &mut self.0 {
            problem.message = secrecy::conceal_addresses(&problem.message, marks);
        }
        self
    }
}

/// User input as a message shows it: in backticks, on one line, of bounded length.
pub(crate) fn quoted(input: &str) -> String {
    const MAX_CHARS: usize = 60;
    let mut shown: String = input
        .chars()
        .take(MAX_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    // In backticks, quotation marks need no escape.
    shown = shown.replace("\\\"", "\"").replace("\\'", "'");
    if input.chars().nth(MAX_CHARS).is_some() {
        shown.push_str("...");
    }
    format!("`{shown}`")
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One line, for logs.
impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(formatter, "{place}: ")?;
        }
        formatter.write_str(&self.message)?;
        for (place, role) in &self.related {
            write!(formatter, " ({role}: {place})")?;
        }
        match &self.help {
            Some(help) => write!(formatter, "; help: {help}"),
            None => Ok(()),
        }
    }
}

/// A line per problem, for logs.
impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.0.iter().enumerate() {
            if position > 0 {
                formatter.write_str("\n")?;
            }
            problem.fmt(formatter)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// `{"problems": [...]}`, the shape of `--format json`.
impl Serialize for Problems {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(1))?;
        object.serialize_entry("problems", &self.0)?;
        object.end()
    }
}

fn serialize_related<S: Serializer>(
    related: &[(Place, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Related<'a> {
        place: &'a Place,
        message: &'a str,
    }
    let mut list = serializer.serialize_seq(Some(related.len()))?;
    for (place, message) in related {
        list.serialize_element(&Related { place, message })?;
    }
    list.end()
}

#[cfg(test)]
mod tests;
