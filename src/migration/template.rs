//! The paths that routes of the new policy get, and how tests of a path relate to them.

use std::fmt::Write as _;
use std::rc::Rc;

use super::text::{Reason, TextMatch, TextTest, literal};

/// The longest path that becomes a route, in bytes, and its most segments.
const MAX_BYTES: usize = 1024;
const MAX_SEGMENTS: usize = 48;

/// A path of a route. Ordered as text would be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Template {
    segments: Vec<Segment>,
    /// What all of its paths begin with, and whether that is the whole path.
    fixed: String,
    is_whole: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Segment {
    Literal(String),
    /// Any one segment.
    Parameter,
    /// One or more segments, at the end.
    Rest,
}

/// A test of a path without its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathTest {
    Text(TextTest),
    /// The path itself, and what is below it.
    Separated(TextTest),
    /// Paths that match a template, whatever else matches them.
    Segments(Template),
    /// Paths for which exactly this template is the most specific one.
    Winner(Template),
    /// Some of the paths that begin so. Which ones cannot be said.
    Some {
        prefix: String,
        reason: Reason,
    },
}

/// What is known of a test for all requests of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Always,
    Never,
    /// When this condition holds.
    When(Rc<str>),
    Unknown(Reason),
}

impl From<bool> for Verdict {
    fn from(holds: bool) -> Self {
        if holds { Self::Always } else { Self::Never }
    }
}

impl Template {
    pub(super) fn new(segments: Vec<Segment>) -> Option<Self> {
        (segments.len() <= MAX_SEGMENTS).then(|| Self::of(segments))
    }

    fn of(segments: Vec<Segment>) -> Self {
        let mut fixed = String::new();
        let mut is_whole = true;
        for segment in &segments {
            fixed.push('/');
            match segment {
                Segment::Literal(name) => fixed.push_str(name),
                Segment::Parameter | Segment::Rest => {
                    is_whole = false;
                    break;
                }
            }
        }
        if fixed.is_empty() {
            fixed.push('/');
        }
        Self {
            segments,
            fixed,
            is_whole,
        }
    }

    /// `/`.
    fn root() -> Self {
        Self::of(Vec::new())
    }

    /// Every path below `/`.
    pub(super) fn everything() -> Self {
        Self::of(vec![Segment::Rest])
    }

    /// The template of a path as it is written, if requests that the gate lets through can have it.
    pub(super) fn of_plain(path: &str) -> Option<Self> {
        let rest = path.strip_prefix('/')?;
        if rest.is_empty() {
            return Some(Self::root());
        }
        let is_plain = rest.split('/').all(is_plain_segment);
        if !is_plain || path.len() > MAX_BYTES {
            return None;
        }
        Self::new(
            rest.split('/')
                .map(|segment| Segment::Literal(segment.to_owned()))
                .collect(),
        )
    }

    /// All that is below a path, given without the slash at its end.
    pub(super) fn below_plain(path: &str) -> Option<Self> {
        let mut segments = if path.is_empty() {
            Vec::new()
        } else {
            Self::of_plain(path)?.segments
        };
        segments.push(Segment::Rest);
        Self::new(segments)
    }

    /// Whether one path alone is meant.
    pub(super) fn is_literal(&self) -> bool {
        let mut segments = self.segments.iter();
        segments.all(|segment| matches!(segment, Segment::Literal(_)))
    }

    /// As a policy writes it.
    pub(super) fn text(&self) -> String {
        if self.segments.is_empty() {
            return "/".to_owned();
        }
        let mut text = String::new();
        for (position, segment) in self.segments.iter().enumerate() {
            text.push('/');
            match segment {
                Segment::Literal(name) => text.push_str(name),
                Segment::Parameter => {
                    let _ = write!(text, "{{p{}}}", position + 1);
                }
                Segment::Rest => text.push_str("{*rest}"),
            }
        }
        text
    }

    /// Whether every path of `other` is one of this template.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let mut theirs = other.segments.iter();
        for ours in &self.segments {
            match (ours, theirs.next()) {
                (Segment::Rest, Some(_)) => return true,
                (Segment::Parameter, Some(Segment::Literal(_) | Segment::Parameter)) => {}
                (Segment::Literal(our), Some(Segment::Literal(their))) if our == their => {}
                _ => return false,
            }
        }
        theirs.next().is_none()
    }

    /// Whether paths of both go to this one.
    pub(super) fn wins(&self, other: &Self) -> bool {
        let rank = |segment: &Segment| match segment {
            Segment::Literal(_) => 2,
            Segment::Parameter => 1,
            Segment::Rest => 0,
        };
        self.segments
            .iter()
            .map(rank)
            .gt(other.segments.iter().map(rank))
    }

    /// Whether some path is one of both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.segments.iter(), other.segments.iter());
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) | (Some(Segment::Rest), Some(_)) | (Some(_), Some(Segment::Rest)) => {
                    return true;
                }
                (None, _) | (_, None) => return false,
                (Some(Segment::Literal(our)), Some(Segment::Literal(their))) if our != their => {
                    return false;
                }
                _ => {}
            }
        }
    }
}

fn is_plain_segment(segment: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()+,=@:".contains(&byte);
    !segment.is_empty()
        && segment != "."
        && segment != ".."
        && !segment.starts_with(':')
        && !segment.ends_with(':')
        && segment.bytes().all(is_plain)
}

/// Whether a path as the gate reads it, decoded, can be compared with this as the source does, raw.
pub(super) fn is_comparable(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"%?#;\\".contains(&byte))
}

impl PathTest {
    /// A test of a path, or of some of what begins like it where it cannot be compared.
    pub(super) fn text(test: TextTest) -> Self {
        if is_comparable(test.operand()) {
            return Self::Text(test);
        }
        let prefix = match (&test.how, test.ignore_case) {
            (TextMatch::Exact(path) | TextMatch::Prefix(path), false) => {
                let plain = |character: &char| is_comparable(&character.to_string());
                path.chars().take_while(plain).collect()
            }
            _ => String::new(),
        };
        let reason = format!(
            "the path {} has characters that proxies read differently",
            crate::problem::quoted(test.operand())
        );
        Self::Some {
            prefix,
            reason: reason.into(),
        }
    }

    /// The templates by which requests that it tells apart become requests of different routes.
    pub(super) fn templates(&self) -> Vec<Template> {
        let all = || vec![Template::root(), Template::everything()];
        let below = |path: &str| {
            let mut templates: Vec<Template> = Template::of_plain(path).into_iter().collect();
            templates.extend(Template::below_plain(path));
            templates
        };
        match self {
            Self::Text(test) => match &test.how {
                TextMatch::Exact(path) => Template::of_plain(path).into_iter().collect(),
                TextMatch::Prefix(path) if path.len() <= 1 => all(),
                TextMatch::Prefix(path) => match path.strip_suffix('/') {
                    Some(path) => Template::below_plain(path).into_iter().collect(),
                    None => below(path),
                },
                TextMatch::Suffix(_) | TextMatch::Contains(_) | TextMatch::Present => all(),
            },
            Self::Separated(test) => below(test.operand()),
            Self::Segments(template) | Self::Winner(template) => vec![template.clone()],
            Self::Some { prefix, .. } => match folder(prefix) {
                "" => all(),
                folder => Template::below_plain(folder).into_iter().collect(),
            },
        }
    }

    /// What is known of the test for the requests that a route of this template answers, where the
    /// policy has every template of every test.
    pub(super) fn verdict(&self, template: &Template) -> Verdict {
        let (fixed, is_whole) = (template.fixed.as_str(), template.is_whole);
        match self {
            Self::Text(test) if is_whole => test.matches(fixed).into(),
            Self::Text(test) => text_verdict(test, fixed, template),
            Self::Separated(test) => separated_verdict(test, fixed, is_whole),
            Self::Winner(wanted) => (wanted == template).into(),
            Self::Segments(wanted) if wanted.covers(template) => Verdict::Always,
            Self::Segments(wanted) if !wanted.overlaps(template) || wanted.wins(template) => {
                Verdict::Never
            }
            Self::Segments(wanted) => {
                Verdict::Unknown(format!("`{}` matches some of these paths", wanted.text()).into())
            }
            Self::Some { prefix, reason } => {
                let is_apart = if is_whole {
                    !fixed.starts_with(prefix)
                } else {
                    !are_compatible(fixed, prefix) || is_caught_below(folder(prefix), fixed)
                };
                if is_apart {
                    Verdict::Never
                } else {
                    Verdict::Unknown(reason.clone())
                }
            }
        }
    }
}

/// The path up to its last slash, without that.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn are_compatible(one: &str, other: &str) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// Whether requests below `folder` go to a route of their own, and never to one with a parameter behind
/// `fixed`: a literal segment is more specific.
fn is_caught_below(folder: &str, fixed: &str) -> bool {
    let folder_with_slash = format!("{folder}/");
    Template::below_plain(folder).is_some()
        && folder_with_slash.len() > fixed.len()
        && folder_with_slash.starts_with(fixed)
}

/// Of a template with parameters.
fn text_verdict(test: &TextTest, fixed: &str, template: &Template) -> Verdict {
    let when = || Verdict::When(test.condition("request.path"));
    let (operand, folded) = (test.folded(test.operand()), test.folded(fixed));
    match &test.how {
        TextMatch::Present => Verdict::Always,
        TextMatch::Exact(path) => {
            let own = Template::of_plain(path);
            let is_elsewhere = own.as_ref().is_some_and(|own| !template.overlaps(own));
            let has_own = own.is_some();
            if !operand.starts_with(&*folded) || (!test.ignore_case && (has_own || is_elsewhere)) {
                Verdict::Never
            } else {
                when()
            }
        }
        TextMatch::Prefix(path) => {
            if folded.starts_with(&*operand) {
                Verdict::Always
            } else if !operand.starts_with(&*folded) {
                Verdict::Never
            } else if let Some(folder) = path.strip_suffix('/')
                && !test.ignore_case
                && is_caught_below(folder, fixed)
            {
                Verdict::Never
            } else {
                when()
            }
        }
        TextMatch::Contains(_) if folded.contains(&*operand) => Verdict::Always,
        TextMatch::Suffix(_) | TextMatch::Contains(_) => when(),
    }
}

fn separated_verdict(test: &TextTest, fixed: &str, is_whole: bool) -> Verdict {
    let (path, folded) = (test.folded(test.operand()), test.folded(fixed));
    let below = format!("{path}/");
    if is_whole {
        return (folded == path || folded.starts_with(&below)).into();
    }
    if folded.starts_with(&below) {
        return Verdict::Always;
    }
    if !below.starts_with(&*folded) {
        return Verdict::Never;
    }
    if !test.ignore_case && is_caught_below(test.operand(), fixed) {
        return Verdict::Never;
    }
    let subject = if test.ignore_case {
        "request.path.lowerAscii()"
    } else {
        "request.path"
    };
    let condition = format!(
        "{subject} == {} || {subject}.startsWith({})",
        literal(&path),
        literal(&below)
    );
    Verdict::When(condition.into())
}
