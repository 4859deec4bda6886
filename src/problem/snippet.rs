//! Problems as people read them: the line of the file, a caret below it, and the fix.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::secrecy::{self, Secrecy};
use super::{Place, Problem, Source};

/// How much of a very long line is looked at, in bytes; half before the place and half after it.
/// The renderer shortens what is wider than the screen.
const MAX_LINE_BYTES: usize = 4096;
/// How many problems are shown with their lines; the rest is counted.
const MAX_SHOWN: usize = 200;

/// Whether a report carries terminal colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Plain,
    Ansi,
}

/// What is said of each problem of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    Error,
    Warning,
}

impl Severity {
    fn level(self) -> Level<'static> {
        match self {
            Self::Error => Level::ERROR,
            Self::Warning => Level::WARNING,
        }
    }

    fn noun(self, count: usize) -> &'static str {
        match (self, count) {
            (Self::Error, 1) => "problem",
            (Self::Error, _) => "problems",
            (Self::Warning, 1) => "warning",
            (Self::Warning, _) => "warnings",
        }
    }
}

pub(super) fn render(
    problems: &[Problem],
    severity: Severity,
    shown: Shown<'_>,
    colour: Colour,
) -> String {
    let renderer = match colour {
        Colour::Plain => Renderer::plain(),
        Colour::Ansi => Renderer::styled(),
    }
    .decor_style(DecorStyle::Ascii);
    let mut report = String::new();
    // The same mistake in a thousand places would push the first one off the screen.
    for problem in problems.iter().take(MAX_SHOWN) {
        report.push_str(&renderer.render(&[group(problem, severity, shown)]));
        report.push_str("\n\n");
    }
    if let Some(more) = problems
        .len()
        .checked_sub(MAX_SHOWN)
        .filter(|more| *more > 0)
    {
        report.push_str(&["... and ", &more.to_string(), " more\n\n"].concat());
    }
    let count = problems.len();
    report.push_str(&[&count.to_string(), " ", severity.noun(count), "\n"].concat());
    report
}

/// What may be shown of which sources.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) sources: &'a [Source],
    pub(super) secrecy: Secrecy<'a>,
}

impl<'a> Shown<'a> {
    /// Everything: the files hold no secrets.
    pub(super) fn whole(sources: &'a [Source]) -> Self {
        Self {
            sources,
            secrecy: Secrecy::Public,
        }
    }
}

fn group<'a>(problem: &'a Problem, severity: Severity, shown: Shown<'a>) -> Group<'a> {
    let title = severity.level().primary_title(problem.message.as_str());
    let mut group = Group::with_title(title);
    if let Some(place) = &problem.place {
        group = show(group, place, None, AnnotationKind::Primary, shown);
    }
    for (place, role) in &problem.related {
        group = show(group, place, Some(role), AnnotationKind::Context, shown);
    }
    match &problem.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

fn show<'a>(
    group: Group<'a>,
    place: &'a Place,
    role: Option<&'a String>,
    kind: AnnotationKind,
    shown: Shown<'a>,
) -> Group<'a> {
    let origin = Origin::path(place.file.as_str())
        .line(place.line)
        .char_column(place.column);
    let source = shown
        .sources
        .iter()
        .find(|source| source.name == place.file);
    let excerpt = source.and_then(|source| Excerpt::new(&source.text, place));
    let excerpt = excerpt.map(|excerpt| excerpt.concealed(shown.secrecy));
    let Some(excerpt) = excerpt.filter(|excerpt| !excerpt.is_hidden) else {
        let group = group.element(origin);
        return match role {
            Some(role) => group.element(Level::NOTE.message(role.as_str())),
            None => group,
        };
    };
    let annotation = kind.span(excerpt.marked).label(role.map(String::as_str));
    let snippet = Snippet::source(excerpt.text)
        .line_start(place.line)
        .annotation(annotation);
    if excerpt.is_changed {
        // The snippet would count its column in what is left of the line.
        group.element(origin).element(snippet)
    } else {
        group.element(snippet.path(place.file.as_str()))
    }
}

/// The part of one line that a snippet shows.
#[derive(Debug, PartialEq, Eq)]
struct Excerpt<'a> {
    text: Cow<'a, str>,
    /// Where it begins in the source.
    offset: usize,
    /// Within `text`, at character boundaries.
    marked: Range<usize>,
    /// Whether columns of `text` may differ from those of the line.
    is_changed: bool,
    /// Whether what is marked is within something that is left out, so that there is nothing to mark.
    is_hidden: bool,
}

impl<'a> Excerpt<'a> {
    /// The line of `place`; absent if the text has no such line. Never trusts the offsets.
    fn new(text: &'a str, place: &Place) -> Option<Self> {
        let (line_start, line) = line_of(text, place)?;
        // The mark is no character of the first line.
        let (line_start, line) = match line.strip_prefix('\u{feff}') {
            Some(rest) => (line_start + '\u{feff}'.len_utf8(), rest),
            None => (line_start, line),
        };
        let bytes = place.bytes.clone().unwrap_or_else(|| {
            let start = line
                .char_indices()
                .nth(place.column.saturating_sub(1))
                .map_or(line.len(), |(offset, _)| offset);
            line_start + start..line_start + start
        });
        let start = line.floor_char_boundary(bytes.start.saturating_sub(line_start));
        let end = line.ceil_char_boundary(bytes.end.saturating_sub(line_start));
        let end = end.max(start);
        // A snippet cannot mark nothing, so an empty place marks the character that it precedes.
        let end = if end == start {
            line.ceil_char_boundary(start + 1)
        } else {
            end
        };
        // A file in one line would fill the terminal with it: what is around the mark is shown.
        let half = MAX_LINE_BYTES / 2;
        let from = if line.len() <= MAX_LINE_BYTES {
            0
        } else {
            line.floor_char_boundary(start.saturating_sub(half))
        };
        let to = line.ceil_char_boundary((from + MAX_LINE_BYTES).min(line.len()));
        Some(Self {
            text: line.get(from..to)?.into(),
            offset: line_start + from,
            marked: start - from..end.min(to).max(start) - from,
            is_changed: from > 0,
            is_hidden: false,
        })
    }

    /// The same without what may be a secret.
    fn concealed(self, secrecy: Secrecy<'_>) -> Self {
        let secrets = if self.is_changed && secrecy == Secrecy::Private {
            // Of a part of a line nobody knows what it is.
            std::iter::once(0..self.text.len()).collect()
        } else {
            secrecy::secrets(&self.text, self.offset, secrecy)
        };
        if secrets.is_empty() {
            return self;
        }
        let text = secrecy::without(&self.text, &secrets);
        let shifts = secrets
            .first()
            .is_some_and(|first| first.start < self.marked.start);
        let start = secrecy::moved(self.marked.start, &secrets);
        let end = secrecy::moved(self.marked.end, &secrets);
        Self {
            // A snippet cannot mark nothing.
            marked: start..end.max(text.len().min(start + 1)),
            text: text.into(),
            offset: self.offset,
            is_changed: self.is_changed || shifts,
            is_hidden: secrets
                .iter()
                .any(|hidden| hidden.start < self.marked.start && self.marked.start < hidden.end),
        }
    }
}

/// The offset and text of the line that holds `place`, without its line break.
fn line_of<'a>(text: &'a str, place: &Place) -> Option<(usize, &'a str)> {
    let start = if let Some(bytes) = &place.bytes {
        let (before, _) = text.split_at_checked(text.floor_char_boundary(bytes.start))?;
        before.rfind('\n').map_or(0, |newline| newline + 1)
    } else {
        let mut start = 0;
        for _ in 1..place.line {
            start += text.get(start..)?.find('\n')? + 1;
        }
        start
    };
    let rest = text.get(start..)?;
    let line = rest.split('\n').next().unwrap_or_default();
    Some((start, line.strip_suffix('\r').unwrap_or(line)))
}
