//! The template of the paths that two templates have in common.

use super::template::{Template, TemplateSegment};

/// The template of the paths that both match, in the words of the more specific one at each segment.
/// Both must match some path; parameters have the names of `new` where it has them.
pub(super) fn meet(old: &str, new: &str) -> Box<str> {
    let (Ok(Template::Path(old_segments)), Ok(Template::Path(new_segments))) =
        (Template::parse(old), Template::parse(new))
    else {
        return new.into();
    };
    let old: Vec<_> = old_segments.iter().zip(segments(old)).collect();
    let new: Vec<_> = new_segments.iter().zip(segments(new)).collect();
    let mut path = String::new();
    for position in 0..old.len().max(new.len()) {
        let (left, right) = (at(&old, position), at(&new, position));
        let (Some(left), Some(right)) = (left, right) else {
            break;
        };
        let chosen = if rank(left.0) > rank(right.0) {
            left
        } else {
            right
        };
        path.push('/');
        path.push_str(chosen.1);
    }
    if path.is_empty() {
        path.push('/');
    }
    path.into()
}

/// What the segments of some paths have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// They are this, encoded.
    Literal(String),
    EndsIn(Box<str>),
    Any,
}

impl Shape {
    /// Whether `template` is no wider than these: it has a parameter only where any segment will do.
    pub(super) fn fill(shapes: &[Self], template: &str) -> bool {
        let Ok(Template::Path(segments)) = Template::parse(template) else {
            return false;
        };
        shapes.len() == segments.len()
            && segments
                .iter()
                .zip(shapes)
                .all(|(segment, shape)| match segment {
                    TemplateSegment::Parameter(_) | TemplateSegment::Rest(_) => *shape == Self::Any,
                    TemplateSegment::Suffixed { .. } => !matches!(shape, Self::Literal(_)),
                    TemplateSegment::Literal(_) => true,
                })
    }

    /// The template of these, with the names that `names` has for its parameters.
    pub(super) fn template(shapes: &[Self], names: &str, is_settled: bool) -> Box<str> {
        let mut names = segments(names);
        let mut template = String::new();
        for (position, shape) in shapes.iter().enumerate() {
            let name = names.next().and_then(|segment| segment.strip_prefix('{'));
            let name = name.and_then(|inner| inner.split_once('}'));
            let name = name
                .map(|(name, _)| name)
                .filter(|name| !name.starts_with('*'));
            let name = name.unwrap_or("any");
            let is_last = position + 1 == shapes.len();
            let segment = match shape {
                Self::Literal(text) => text.clone(),
                Self::EndsIn(end) => format!("{{{name}}}{end}"),
                Self::Any if is_last && is_settled => "{*rest}".to_owned(),
                Self::Any => format!("{{{name}}}"),
            };
            template.push('/');
            template.push_str(&segment);
        }
        if template.is_empty() {
            template.push('/');
        }
        template.into()
    }
}

/// The segment at a position; a rest at the end stands for all that follow.
fn at<'s, 't>(
    segments: &[(&'s TemplateSegment, &'t str)],
    position: usize,
) -> Option<(&'s TemplateSegment, &'t str)> {
    let last = || {
        let last = segments.last();
        last.filter(|(segment, _)| matches!(segment, TemplateSegment::Rest(_)))
    };
    segments.get(position).or_else(last).copied()
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1)
}

/// How narrow a segment is.
fn rank(segment: &TemplateSegment) -> (u8, usize) {
    match segment {
        TemplateSegment::Rest(_) => (0, 0),
        TemplateSegment::Parameter(_) => (1, 0),
        TemplateSegment::Suffixed { suffix, .. } => (2, suffix.len()),
        TemplateSegment::Literal(_) => (3, 0),
    }
}
