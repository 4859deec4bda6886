//! The YAML library's errors as ours: what is wrong, where, and how to fix it.

use serde_saphyr::Error;
use serde_saphyr::budget::BudgetBreach;

use super::{MAX_DEPTH, MAX_NODES, place};
use crate::problem::{Problem, Source, closest, quoted};

/// What `error` says about `source`, in our words.
pub(super) fn problem(source: &Source, error: &Error) -> Problem {
    let error = error.without_snippet();
    let problem = describe(error);
    match error.location().filter(|location| location.line() > 0) {
        Some(location) => problem.at(place(source, location)),
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
        Error::NullIntoString { .. } => {
            Problem::new("a value is missing").help("write the value, or remove the entry")
        }
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
        other => Problem::new(first_line(other))
            .help("fix the YAML; text with special characters goes in quotation marks"),
    }
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
        None => format!("known are {}", known.join(", ")),
    };
    Problem::new(format!("unknown {noun} {}", quoted(found))).help(help)
}

pub(super) fn tagged() -> Problem {
    Problem::new("tags (`!`) are not allowed")
        .help("remove the tag, or put it in quotation marks if text is meant")
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
