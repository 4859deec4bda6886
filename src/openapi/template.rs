//! Paths of a description as templates of a policy.

use std::fmt::Write as _;

use super::shape::{Segment, Shape};
use crate::policy::fault_of_path;
use crate::problem::quoted;

/// The longest name of a parameter.
const MAX_PARAMETER_BYTES: usize = 64;

/// A path as a policy writes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CarriedOver {
    pub(super) template: String,
    /// The paths that the description means, which may be fewer than those of the template.
    pub(super) shape: Shape,
    /// Why no template says exactly that; nothing where one does.
    pub(super) gap: Option<String>,
    /// Whether a template says all of it but a query or a fragment.
    pub(super) is_plain: bool,
    /// Whether there are more paths, of any number of segments, behind the last one.
    pub(super) rest: Option<Shape>,
    /// Whether the description has it with a slash at the end.
    pub(super) had_trailing_slash: bool,
    pub(super) notes: Vec<String>,
}

/// The template for a path.
pub(super) fn carried_over(path: &str) -> CarriedOver {
    let mut gap = None;
    if path.contains('#') {
        gap = Some("its path has a `#`, which no server gets".to_owned());
    } else if path.contains('?') {
        let reason = "its path has a query, and routes do not tell requests apart by it";
        gap = Some(reason.to_owned());
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let mut reader = SegmentReader::default();
    for segment in trimmed.split('/').skip(1) {
        reader.read(segment);
    }
    let shape = Shape {
        segments: reader.segments,
        has_rest: false,
    };
    let template = if reader.template.is_empty() {
        "/".to_owned()
    } else {
        reader.template
    };
    let gap_of_path = reader.gap.or_else(|| fault_of_path(&template));
    CarriedOver {
        is_plain: gap_of_path.is_none(),
        gap: gap.or(gap_of_path),
        rest: reader.rest.map(|length| Shape {
            segments: shape.segments.iter().take(length).cloned().collect(),
            has_rest: true,
        }),
        template,
        shape,
        had_trailing_slash: !trimmed.is_empty() && trimmed.len() < path.len(),
        notes: reader.notes,
    }
}

/// Reads a path segment by segment.
#[derive(Default)]
struct SegmentReader {
    names: Vec<String>,
    notes: Vec<String>,
    template: String,
    segments: Vec<Segment>,
    gap: Option<String>,
    /// The segments in front of the first parameter that is more than one.
    rest: Option<usize>,
}

impl SegmentReader {
    fn read(&mut self, segment: &str) {
        self.template.push('/');
        let Some((before, behind)) = segment.split_once('{') else {
            let text = literal(segment);
            self.segments
                .push(match fault_of_path(&format!("/{text}")) {
                    None => Segment::literal(&text),
                    // Whatever it stands for where it was written.
                    Some(_) => Segment::unknown(),
                });
            self.template.push_str(&text);
            return;
        };
        let Some((name, suffix)) = behind.split_once('}') else {
            let reason = format!(
                "its path has the segment {}, with a brace that is not closed",
                quoted(segment)
            );
            self.leave_out(Segment::open(before, ""), reason);
            return;
        };
        if !before.is_empty() || suffix.contains('{') {
            let reason = format!(
                "its path has the segment {}: a route has one parameter in a segment, at its start",
                quoted(segment)
            );
            self.leave_out(several(before, suffix), reason);
            return;
        }
        let (name, is_rest) = match name.strip_suffix('+').or_else(|| name.strip_prefix('*')) {
            Some(name) => (name, true),
            None => (name, false),
        };
        if is_rest {
            self.rest = self.rest.or(Some(self.segments.len()));
            self.notes.push(format!(
                "the parameter {} is taken as one segment; write `{{*{name}}}` if it is more",
                quoted(name)
            ));
        }
        let name = parameter(name, &self.names);
        let written = format!("{{{name}}}{}", literal(suffix));
        self.push(match fault_of_path(&format!("/{written}")) {
            None => Segment::open("", &literal(suffix)),
            Some(_) => Segment::unknown(),
        });
        self.template.push_str(&written);
        self.names.push(name);
    }

    /// Adds a segment, or whatever it stands for where no template can have it.
    fn push(&mut self, segment: Segment) {
        let alone = Shape {
            segments: vec![segment.clone()],
            has_rest: false,
        };
        self.segments.push(match fault_of_path(&alone.template()) {
            None => segment,
            Some(_) => Segment::unknown(),
        });
    }

    fn leave_out(&mut self, segment: Segment, reason: String) {
        // Another router's wildcard.
        self.push(match &segment {
            Segment::Open { prefix, suffix, .. }
                if prefix.contains(&b'*') || suffix.contains(&b'*') =>
            {
                Segment::unknown()
            }
            _ => segment,
        });
        self.gap.get_or_insert(reason);
    }
}

/// A segment with text in front of its parameter, or with more than one; `suffix` follows the first.
fn several(before: &str, suffix: &str) -> Segment {
    match suffix.rsplit_once('{') {
        None => Segment::open(before, suffix),
        Some((_, last)) => match last.rsplit_once('}') {
            Some((_, after)) => Segment::some(before, after),
            None => Segment::unknown(),
        },
    }
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
            assert_eq!(carried_over(path).template, expected, "{path}");
        }
        assert!(carried_over("/pets/").had_trailing_slash);
        assert!(!carried_over("/").had_trailing_slash);
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
            let reason = carried_over(path).gap.unwrap();
            assert!(reason.contains(words), "{path}: {reason}");
        }
    }
}
