//! Keys of a description that OpenAPI does not know, which may be misspelt.

use super::{METHODS, shown};
use crate::problem::{closest, quoted};
use crate::yaml::Tree;

const DOCUMENT_KEYS: [&str; 10] = [
    "openapi",
    "info",
    "jsonSchemaDialect",
    "servers",
    "paths",
    "webhooks",
    "components",
    "security",
    "tags",
    "externalDocs",
];
const ITEM_KEYS: [&str; 5] = ["$ref", "summary", "description", "servers", "parameters"];
const OPERATION_KEYS: [&str; 12] = [
    "tags",
    "summary",
    "description",
    "externalDocs",
    "operationId",
    "parameters",
    "requestBody",
    "responses",
    "callbacks",
    "deprecated",
    "security",
    "servers",
];

/// Notes the unknown keys of the description as a whole, such as misspelt `servers`, whose paths would be missing.
pub(super) fn of_document(document: &Tree, notes: &mut Vec<String>) {
    for key in unknown(document, &DOCUMENT_KEYS) {
        notes.push(note("the description", key, &DOCUMENT_KEYS));
    }
}

/// Notes the unknown keys of a path's entry. The methods that may be meant by them, where the entry does
/// not have these as well, each with the key.
pub(super) fn of_item<'t>(
    path: &str,
    item: &'t Tree,
    notes: &mut Vec<String>,
) -> Vec<(&'static str, &'t str)> {
    let known: Vec<&'static str> = METHODS.into_iter().chain(ITEM_KEYS).collect();
    let mut meant: Vec<(&'static str, &'t str)> = Vec::new();
    for key in unknown(item, &known) {
        notes.push(note(&shown(path), key, &known));
        if let Some(near) = closest(key, METHODS)
            && item.get(near).is_none()
            && !meant.iter().any(|(known, _)| *known == near)
        {
            meant.push((near, key));
        }
    }
    meant
}

/// Notes the unknown keys of an operation. Whether one of them may be meant as `security`, which says who may
/// use it.
pub(super) fn of_operation(label: &str, operation: &Tree, notes: &mut Vec<String>) -> bool {
    let mut may_be_security = false;
    // A `$ref` of an operation is not in the specification; tools follow it.
    let known: Vec<&'static str> = OPERATION_KEYS.into_iter().chain(["$ref"]).collect();
    for key in unknown(operation, &known) {
        notes.push(note(label, key, &known));
        may_be_security |= closest(key, ["security"]).is_some();
    }
    may_be_security
}

fn unknown<'t>(tree: &'t Tree, known: &[&str]) -> impl Iterator<Item = &'t str> {
    let keys = tree.entries().iter().map(|(key, _)| key.as_str());
    keys.filter(move |key| !key.starts_with("x-") && !known.contains(key))
}

fn note(place: &str, key: &str, known: &[&'static str]) -> String {
    let help = match closest(key, known.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    format!("{place}: left out: unknown key {}{help}", quoted(key))
}
