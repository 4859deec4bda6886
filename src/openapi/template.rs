//! Paths of a description as templates of a policy.

use std::fmt::Write as _;

use crate::problem::quoted;

/// The longest name of a parameter.
const MAX_PARAMETER_BYTES: usize = 64;

/// A path as a policy writes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CarriedOver {
    pub(super) template: String,
    /// Whether the description has it with a slash at the end.
    pub(super) had_trailing_slash: bool,
    pub(super) notes: Vec<String>,
}

/// The template for a path, or why there is none.
pub(super) fn carried_over(path: &str) -> Result<CarriedOver, String> {
    if path.contains('#') {
        return Err("its path has a `#`, which no server gets".to_owned());
    }
    if path.contains('?') {
        return Err("its path has a query, and routes do not tell requests apart by it".to_owned());
    }
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let mut names: Vec<String> = Vec::new();
    let mut notes = Vec::new();
    let mut template = String::new();
    for segment in trimmed.split('/').skip(1) {
        template.push('/');
        let Some((before, rest)) = segment.split_once('{') else {
            template.push_str(&literal(segment));
            continue;
        };
        let Some((name, suffix)) = rest.split_once('}') else {
            return Err(format!(
                "its path has the segment {}, with a brace that is not closed",
                quoted(segment)
            ));
        };
        if !before.is_empty() || suffix.contains('{') {
            return Err(format!(
                "its path has the segment {}: a route has one parameter in a segment, at its start",
                quoted(segment)
            ));
        }
        let (name, is_rest) = match name.strip_suffix('+').or_else(|| name.strip_prefix('*')) {
            Some(name) => (name, true),
            None => (name, false),
        };
        if is_rest {
            notes.push(format!(
                "the parameter {} is taken as one segment; write `{{*{name}}}` if it is more",
                quoted(name)
            ));
        }
        let name = parameter(name, &names);
        template.push('{');
        template.push_str(&name);
        template.push('}');
        template.push_str(&literal(suffix));
        names.push(name);
    }
    Ok(CarriedOver {
        template: if template.is_empty() {
            "/".to_owned()
        } else {
            template
        },
        had_trailing_slash: !trimmed.is_empty() && trimmed.len() < path.len(),
        notes,
    })
}

/// Text as a policy writes it: what a path cannot hold raw is encoded.
fn literal(text: &str) -> String {
    let mut encoded = String::new();
    for character in text.chars() {
        if matches!(character, '\0'..=' ' | '\u{7f}') {
            let _ = write!(encoded, "%{:02X}", u32::from(character));
        } else {
            encoded.push(character);
        }
    }
    encoded
}

/// A name that a policy takes, and that the path has not yet.
fn parameter(written: &str, known: &[String]) -> String {
    let mut name: String = written
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '_'
            }
        })
        .collect();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        name.insert(0, '_');
    }
    name.truncate(MAX_PARAMETER_BYTES);
    let mut unique = name.clone();
    let mut number = 2;
    while known.contains(&unique) {
        let suffix = format!("_{number}");
        let kept = name.get(..name.len().min(MAX_PARAMETER_BYTES - suffix.len()));
        unique = format!("{}{suffix}", kept.unwrap_or_default());
        number += 1;
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_templates() {
        for (path, expected) in [
            ("/", "/"),
            ("/pets", "/pets"),
            ("/pets/", "/pets"),
            ("/pets/{pet-id}", "/pets/{pet_id}"),
            ("/pets/{id}.json", "/pets/{id}.json"),
            ("/jobs/{id}:cancel", "/jobs/{id}:cancel"),
            ("/a/{2}/{id}/{id}", "/a/{_2}/{id}/{id_2}"),
            ("/a b", "/a%20b"),
            ("/files/{path+}", "/files/{path}"),
        ] {
            assert_eq!(carried_over(path).unwrap().template, expected, "{path}");
        }
        assert!(carried_over("/pets/").unwrap().had_trailing_slash);
        assert!(!carried_over("/").unwrap().had_trailing_slash);
    }

    #[test]
    fn what_no_template_says_is_named() {
        for (path, words) in [
            ("/a#b", "`#`"),
            ("/a?x=1", "query"),
            ("/v{version}/a", "one parameter in a segment"),
            ("/a/{x},{y}", "one parameter in a segment"),
            ("/a/{x", "not closed"),
        ] {
            let reason = carried_over(path).unwrap_err();
            assert!(reason.contains(words), "{path}: {reason}");
        }
    }
}
