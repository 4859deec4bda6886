//! Tests as a person would write them, a line for each.

use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::callers::WrittenCaller;
use crate::cli::policy_test::case::Outcome;
use crate::cli::rehearsal::{Reason, Surroundings};
use crate::labels::Label;

/// One test.
#[derive(Debug)]
pub(super) struct NewCase {
    /// Such as `GET https://shop.example/orders/1`.
    pub(super) request: String,
    /// Where it came from, as far as the decision depends on it.
    pub(super) sources: Surroundings,
    pub(super) caller: WrittenCaller,
    pub(super) outcome: Outcome,
    pub(super) reason: Reason,
    pub(super) route: Option<String>,
}

impl NewCase {
    /// The item of the list.
    pub(super) fn item(&self) -> String {
        let mut item = format!("- {{request: {}", quoted(&self.request));
        let sources = [
            ("source_address", &self.sources.source_address),
            ("source_principal", &self.sources.source_principal),
        ];
        let WrittenCaller {
            issuer,
            scopes,
            claims,
        } = &self.caller;
        let caller = [("issuer", issuer), ("scopes", scopes)];
        for (key, value) in sources.into_iter().chain(caller) {
            if let Some(value) = value {
                let _ = write!(item, ", {key}: {}", quoted(value));
            }
        }
        if !claims.is_empty() {
            let _ = write!(item, ", claims: {}", flow(&Value::Object(claims.clone())));
        }
        let (expect, reason) = (self.outcome, self.reason.label());
        let _ = write!(item, ", expect: {expect}, reason: {reason}");
        if let Some(route) = &self.route {
            let _ = write!(item, ", route: {}", quoted(route));
        }
        item.push('}');
        item
    }
}

/// The beginning of a new file.
pub(super) fn beginning(policy: &[PathBuf]) -> String {
    let mut text = "# Recorded by `portcullis test --record`: what was decided, which need not be what should be.\n\
                    version: 1\n"
        .to_owned();
    if !policy.is_empty() {
        let files = policy
            .iter()
            .map(|path| quoted(&path.display().to_string()));
        let files: Vec<String> = files.collect();
        let _ = writeln!(text, "policy: [{}]", files.join(", "));
    }
    text.push_str("tests:\n");
    text
}

/// How a file in `folder` names `target`; both are absolute.
pub(super) fn relative(folder: &Path, target: &Path) -> PathBuf {
    let (mut from, mut to) = (
        folder.components().peekable(),
        target.components().peekable(),
    );
    while from.peek().is_some() && from.peek() == to.peek() {
        from.next();
        to.next();
    }
    let up = from.map(|_| Component::ParentDir);
    up.chain(to).collect()
}

/// A value in the flow style of YAML.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| format!("{}: {}", quoted(name), flow(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// Text in quotation marks, in ASCII.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(character));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Tree, parse_foreign};

    #[test]
    fn any_text_is_read_as_it_was_written() {
        for text in [
            "",
            "a: b",
            "'\"\\",
            "\u{0}\n\u{85}\u{feff}\u{1f600}",
            "b\u{fc}cher #1 {x}, [y]",
        ] {
            let source = crate::problem::Source {
                name: "f".to_owned(),
                text: format!("a: {}\n", quoted(text)),
            };
            let trees = parse_foreign(&source).unwrap();
            assert_eq!(trees[0].get("a").and_then(Tree::text), Some(text));
        }
    }

    #[test]
    fn a_policy_is_named_from_where_the_tests_are() {
        for (folder, target, expected) in [
            ("/a/b", "/a/b/policy.yaml", "policy.yaml"),
            ("/a/tests", "/a/policy/x.yaml", "../policy/x.yaml"),
            ("/a", "/b", "../b"),
        ] {
            let path = relative(Path::new(folder), Path::new(target));
            assert_eq!(path, Path::new(expected));
        }
    }
}
