//! The YAML library's errors as ours: what is wrong, where, and how to fix it.

use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;

use super::{MAX_DEPTH, MAX_NODES, place};
use crate::problem::{Place, Problem, Source, closest, quoted};

/// Why a file cannot be read as what it should be, and which part of it is to blame.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) problem: Problem,
    pub(super) subject: Subject,
    /// The key that is missing, if that is what is wrong.
    pub(super) missing: Option<String>,
}

impl Failure {
    /// A failure because of something that is there.
    pub(super) fn new(problem: Problem, subject: Subject) -> Self {
        Self {
            problem,
            subject,
            missing: None,
        }
    }
}

/// What is wrong: the part of the file that would have to go for the rest to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The text: what follows it cannot be told apart from it, or something is missing.
    Text,
    /// A key, with its value.
    Key,
    /// A value, with its key.
    Value,
}

/// What `error` says about `source`, and what it is about.
pub(super) fn failure(source: &Source, error: &Error) -> Failure {
    let missing = match error.without_snippet() {
        Error::SerdeMissingField { field, .. } => Some((*field).to_owned()),
        _ => None,
    };
    Failure {
        problem: problem(source, error),
        subject: subject(error.without_snippet()),
        missing,
    }
}

fn subject(error: &Error) -> Subject {
    match error {
        Error::SerdeUnknownField { .. } | Error::DuplicateMappingKey { .. } => Subject::Key,
        Error::InvalidBooleanStrict { .. }
        | Error::NullIntoString { .. }
        | Error::QuotingRequired { .. }
        | Error::SerdeUnknownVariant { .. }
        | Error::SerdeInvalidType { .. }
        | Error::SerdeInvalidValue { .. }
        | Error::InvalidScalar { .. }
        | Error::Message { .. }
        | Error::Unexpected { .. } => Subject::Value,
        _ => Subject::Text,
    }
}

/// What `error` says about `source`, in our words.
fn problem(source: &Source, error: &Error) -> Problem {
    let error = error.without_snippet();
    let location = error.location().filter(|location| location.line() > 0);
    let found = location.map(|location| place(source, location));
    let written = found.as_ref().and_then(|place| place.bytes.clone());
    let written = written.and_then(|bytes| source.text.get(bytes));
    let (problem, found) = match error {
        // The library reads a line that is indented by mistake as more of the value above it.
        Error::InvalidScalar { .. } | Error::QuotingRequired { .. }
            if written.is_some_and(|text| is_plain(text) && text.trim_end().contains('\n')) =>
        {
            (continued(), found)
        }
        // Whatever the library says of it: what follows the `#` is not there for it.
        error
            if subject(error) == Subject::Value
                && comment_as_value(source, found.as_ref(), Reach::Line).is_some() =>
        {
            (
                comment(),
                comment_as_value(source, found.as_ref(), Reach::Line),
            )
        }
        error
            if is_about_a_bracket(error)
                && comment_as_value(source, found.as_ref(), Reach::Before).is_some() =>
        {
            (
                comment(),
                comment_as_value(source, found.as_ref(), Reach::Before),
            )
        }
        _ if is_about_a_tab(error) => {
            let first = found.as_ref().map_or(1, |place| place.line);
            (tab(), tab_after(source, first).or(found))
        }
        _ => (describe(error), found),
    };
    match found {
        Some(place) => problem.at(place),
        None => problem,
    }
}

pub(super) fn not_a_boolean() -> Problem {
    Problem::new("this is not a boolean").help("write `true` or `false`, without quotation marks")
}

pub(super) fn empty() -> Problem {
    Problem::new("the file is empty").help("a file must contain one YAML document")
}

fn describe(error: &Error) -> Problem {
    match error {
        Error::Eof { .. } => empty(),
        Error::MultipleDocuments { .. } => Problem::new("the file has more than one document")
            .help("keep one document and move the others into files of their own"),
        Error::MergeKeyNotAllowed { .. } | Error::MergeValueNotMapOrSeqOfMaps { .. } => {
            Problem::new("merge keys (`<<`) are not allowed").help("write the keys out")
        }
        Error::DuplicateMappingKey { key, .. } => Problem::new(match key {
            Some(key) => format!("the key {} appears twice", quoted(key)),
            None => "a key appears twice".to_owned(),
        })
        .help("remove one of the two"),
        Error::InvalidBooleanStrict { .. } => not_a_boolean(),
        Error::NullIntoString { .. } => missing(),
        Error::QuotingRequired { value, .. } if value == "~" || value.is_empty() => missing(),
        Error::QuotingRequired { value, .. } => Problem::new(format!(
            "{} is not text: YAML reads it as a number, a boolean or nothing",
            quoted(value)
        ))
        .help("put it in quotation marks if text is meant"),
        Error::UnsupportedTag { .. }
        | Error::TaggedStructFieldName { .. }
        | Error::TaggedScalarCannotDeserializeIntoString { .. } => tagged(),
        Error::SerdeUnknownField {
            field, expected, ..
        } => unknown("key", field, expected),
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => unknown("value", variant, expected),
        Error::SerdeMissingField { field, .. } => {
            Problem::new(format!("the key `{field}` is missing")).help(format!("add `{field}:`"))
        }
        Error::UnknownAnchor { .. } | Error::AliasError { .. } => alias(),
        Error::Budget { breach, .. } => over_budget(breach),
        Error::InvalidScalar { ty, .. } => Problem::new(format!("this is not a {}", plain(ty)))
            .help(format!("write a {}", plain(ty))),
        Error::Unexpected { expected, .. } => unexpected(expected),
        other => in_our_words(&first_line(other)),
    }
}

/// What to do about text that YAML would take for something else.
const QUOTE: &str = "put text with special characters in quotation marks";

/// What to do about a condition that YAML has cut.
const IN_BRACES: &str = "in `{...}` put the condition, or other text with `,`, `[`, `]`, `{`, `}` or `\"` in \
                         it, into single quotation marks";

/// Errors that the library tells apart by their text alone: a part of it, what is wrong, and the fix.
const TOLD_BY_TEXT: [(&str, &str, &str); 8] = [
    (
        "did not find expected '-' indicator",
        "this line is indented in another way than the list or mapping that it is in",
        "indent all keys of a mapping alike, and each `-` of a list as the first one",
    ),
    (
        "did not find expected key",
        "this line is indented in another way than the mapping that it is in",
        "indent all keys of a mapping alike",
    ),
    (
        "mapping values are not allowed",
        "`: ` cannot be here",
        "put a value that contains `: ` in quotation marks, or indent this line as the keys beside it",
    ),
    (
        "illegal placement of ':'",
        "`:` cannot be here",
        "close the list or mapping in front of it with `]` or `}`, or put text in quotation marks",
    ),
    (
        "did not find expected ',' or '}'",
        "`,` or `}` is missing in front of this",
        IN_BRACES,
    ),
    (
        "invalid trailing content after double-quoted",
        "the text ended with the quotation mark in front of this",
        "put the whole value, such as a condition, into single quotation marks",
    ),
    (
        "unclosed quote",
        "a quotation mark is not closed",
        "write the same quotation mark at the end of the text",
    ),
    (
        "misplaced bracket",
        "a bracket closes nothing",
        "remove it, or add the bracket that it closes",
    ),
];

fn in_our_words(text: &str) -> Problem {
    if let Some((found, expected)) = wrong_type(text) {
        return match found {
            "unit value" => missing().help(format!("write {expected}")),
            _ => Problem::new(format!("expected {expected}"))
                .help(format!("write {expected}, not {}", plain_kind(found))),
        };
    }
    let known = TOLD_BY_TEXT.iter().find(|(part, ..)| text.contains(part));
    if let Some((_, message, help)) = known {
        return Problem::new(*message).help(*help);
    }
    match text.strip_prefix("unexpected character: `") {
        Some(first) => {
            let first = first.strip_suffix('\'').unwrap_or(first);
            Problem::new(format!("text cannot begin with {}", quoted(first))).help(QUOTE)
        }
        None => Problem::new(text).help(format!("fix the YAML: {QUOTE}, and indent by spaces")),
    }
}

/// What serde found and what it expected, where that is what its message says.
fn wrong_type(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("invalid type: ")?;
    rest.rsplit_once(", expected ")
}

/// A kind of value by serde's name, for people.
fn plain_kind(found: &str) -> &'static str {
    let (kind, _) = found.split_once(' ').unwrap_or((found, ""));
    match kind {
        "sequence" => "a list",
        "map" => "a mapping",
        "boolean" => "`true` or `false`",
        "integer" | "floating" => "a number",
        "string" => "other text",
        _ => "this",
    }
}

fn missing() -> Problem {
    Problem::new("a value is missing").help("write the value, or remove the entry")
}

fn continued() -> Problem {
    Problem::new("the next line belongs to this value, because it is indented further")
        .help("indent the next line as this key, if it is a key of its own")
}

/// Whether a value has neither quotation marks nor brackets around it.
fn is_plain(text: &str) -> bool {
    !text.starts_with(['"', '\'', '[', '{', '|', '>'])
}

fn tab() -> Problem {
    Problem::new("a tab cannot indent a line").help("indent by spaces")
}

fn comment() -> Problem {
    Problem::new("`#` begins a comment here, so that the value is missing")
        .help("put a value that begins with `#` into quotation marks, as in `\"#7a1f5c\"`")
}

/// Whether a list or mapping in brackets does not end as it should.
fn is_about_a_bracket(error: &Error) -> bool {
    let text = error.to_string();
    [
        "expected ',' or '}'",
        "expected ',' or ']'",
        "unclosed bracket",
    ]
    .iter()
    .any(|part| text.contains(part))
}

/// How far from an error its cause is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// On the same line, or the one before.
    Line,
    /// There, or on a line before it: the nearest.
    Before,
}

/// A `#` in the place of a value, as in `{accent: #7a1f5c}`, with what it takes out.
fn comment_as_value(source: &Source, found: Option<&Place>, reach: Reach) -> Option<Place> {
    let last = found.map_or(usize::MAX, |place| place.line);
    let (mut start, mut cause) = (0, None);
    for (number, text) in (1..).zip(source.text.split_inclusive('\n')) {
        if number > last {
            break;
        }
        // The library points at the end of what is missing, which may be on the next line.
        if number + 1 >= last || reach == Reach::Before {
            let column = value_that_is_a_comment(text);
            let place = column.map(|column| Place {
                file: source.name.clone(),
                line: number,
                column: text.get(..column).unwrap_or_default().chars().count() + 1,
                bytes: Some(start + column..start + text.trim_end().len()),
            });
            cause = place.or(cause);
        }
        start += text.len();
    }
    cause
}

/// Where a line has `: #` and a character right behind it, outside of quotation marks.
fn value_that_is_a_comment(line: &str) -> Option<usize> {
    let colon = line.find(": #")?;
    let (before, from) = line.split_at_checked(colon)?;
    let hash = from.find('#')?;
    let is_within = |mark: char| before.matches(mark).count() % 2 == 1;
    let is_quoted = is_within('"') || is_within('\'') || before.contains(" #");
    let follows = from.get(hash + 1..)?.chars().next()?;
    (!is_quoted && follows.is_ascii_alphanumeric()).then_some(colon + hash)
}

fn is_about_a_tab(error: &Error) -> bool {
    let text = error.to_string();
    text.contains("tabs disallowed")
        || text.contains("found a tab")
        || text.contains("a tab character")
}

/// The first tab that indents a line, from this line on: the library points at the value in front.
fn tab_after(source: &Source, line: usize) -> Option<Place> {
    let mut start = 0;
    for (number, text) in (1..).zip(source.text.split_inclusive('\n')) {
        let indent = text.len() - text.trim_start_matches([' ', '\t']).len();
        let tab = text.get(..indent).and_then(|indent| indent.find('\t'));
        if let Some(tab) = tab.filter(|_| number >= line) {
            let byte = start + tab;
            return Some(Place {
                file: source.name.clone(),
                line: number,
                column: tab + 1,
                bytes: Some(byte..byte + 1),
            });
        }
        start += text.len();
    }
    None
}

fn unexpected(expected: &str) -> Problem {
    match expected {
        "sequence start" => {
            Problem::new("expected a list").help("write `[one, two]`, or each entry behind a `-`")
        }
        "mapping start" => Problem::new("expected a mapping")
            .help("write `key: value`, or each key on its own line"),
        "string scalar" => {
            Problem::new("expected a single value").help("write one value, not a list or mapping")
        }
        other => Problem::new(format!("expected {other}")).help("fix the YAML"),
    }
}

fn unknown(noun: &str, found: &str, expected: &[&'static str]) -> Problem {
    let known: Vec<String> = expected.iter().map(|known| format!("`{known}`")).collect();
    let help = match closest(found, expected.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        // The rest of a value that YAML has cut at a `,`.
        None if found.contains([')', ']', '"', '\'', '(', '[']) => IN_BRACES.to_owned(),
        None => format!("known are {}", known.join(", ")),
    };
    Problem::new(format!("unknown {noun} {}", quoted(found))).help(help)
}

pub(super) fn tagged() -> Problem {
    Problem::new("tags (`!`) are not allowed")
        // Without its `!` a condition would mean the opposite.
        .help(
            "put the whole value in quotation marks, as in `when: '!has(token.act)'`; leave out only \
             what is a tag of YAML, such as `!!str`",
        )
}

fn alias() -> Problem {
    Problem::new("anchors (`&`) and aliases (`*`) are not allowed")
        .help("write the value out, or put it in quotation marks if text is meant")
}

fn over_budget(breach: &BudgetBreach) -> Problem {
    match breach {
        BudgetBreach::Aliases { .. }
        | BudgetBreach::Anchors { .. }
        | BudgetBreach::AliasAnchorRatio { .. } => alias(),
        BudgetBreach::Depth { .. } => {
            Problem::new(format!("more than {MAX_DEPTH} levels of nesting"))
                .help("nothing in this file needs to be nested so deeply")
        }
        BudgetBreach::Documents { .. } => Problem::new("the file has more than one document")
            .help("keep one document and move the others into files of their own"),
        BudgetBreach::MergeKeys { .. } => {
            Problem::new("merge keys (`<<`) are not allowed").help("write the keys out")
        }
        BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => {
            Problem::new(format!("the file has more than {MAX_NODES} values"))
                .help("split it into several files")
        }
        _ => Problem::new("the file is too large").help("split it into several files"),
    }
}

/// The library's name of a type, for people.
fn plain(type_name: &str) -> &str {
    match type_name {
        "u8" | "u16" | "u32" | "u64" | "usize" => "whole number",
        "i8" | "i16" | "i32" | "i64" | "isize" => "number",
        "floating point" => "number such as 0.1",
        other => other,
    }
}

/// The library's own message, without the place that we show ourselves.
fn first_line(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    match line.rfind(" at line ") {
        Some(place) => line.get(..place).unwrap_or(line).to_owned(),
        None => line.to_owned(),
    }
}
