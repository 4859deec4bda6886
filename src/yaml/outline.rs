//! Where the values of a document stand, by the names that messages call them by.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser, Span};

use super::MAX_DEPTH;
use crate::problem::{Place, Source};

/// The most values of a file that are told apart, some 10,000 trusted issuers.
const MAX_VALUES: usize = 200_000;

/// The places of the values of a document. Each is named by its way from the top:
/// `trust[0].audiences`.
///
/// For a document that was read already, so that its depth is known to be bounded. Ways are put together
/// when they are asked for: stored with each value, they would be far larger than the file.
#[derive(Debug, Default)]
pub struct Outline {
    /// Each by what it is a part of, and by its step from there.
    values: HashMap<(Option<ValueId>, Step), Value>,
    /// In the order of the text.
    scalars: Vec<Scalar>,
    /// Whether the file has too many values.
    is_cut: bool,
}

/// The position of a value in the order of the text; that of the document is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct ValueId(u32);

/// The way from a mapping or sequence to one of its values; the document is its own key, without a name.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Step {
    Key(Box<str>),
    Index(usize),
}

#[derive(Debug)]
struct Value {
    id: ValueId,
    place: Spot,
}

/// A place without the name of the file.
#[derive(Debug, Clone, Default)]
struct Spot {
    line: usize,
    column: usize,
    bytes: Option<Range<usize>>,
}

/// A single value, or a key.
#[derive(Debug)]
struct Scalar {
    /// The value; of a key, nothing.
    value: Option<ValueId>,
    text: Box<str>,
    bytes: Range<usize>,
}

/// A mapping or sequence that is being read.
enum Level {
    Mapping {
        id: ValueId,
        key: Option<(String, Spot)>,
    },
    Sequence {
        id: ValueId,
        next: usize,
    },
}

impl Outline {
    /// Empty for a file with too many values.
    pub fn of(source: &Source) -> Self {
        let mut outline = Self::default();
        let mut levels: Vec<Level> = Vec::new();
        for event in Parser::new_from_str(&source.text) {
            // What follows a mistake has no place; there is none in a document that was read.
            let Ok((event, span)) = event else { break };
            if outline.scalars.len().max(outline.values.len()) >= MAX_VALUES {
                return Self {
                    is_cut: true,
                    ..Self::default()
                };
            }
            match event {
                Event::Scalar(text, ..) => outline.scalar(&mut levels, &text, spot(&span)),
                Event::MappingStart(..) => {
                    let id = outline.value(&mut levels, spot(&span), Extent::Several);
                    levels.push(Level::Mapping { id, key: None });
                }
                Event::SequenceStart(..) => {
                    let id = outline.value(&mut levels, spot(&span), Extent::Several);
                    levels.push(Level::Sequence { id, next: 0 });
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    levels.pop();
                }
                _ => {}
            }
        }
        outline
    }

    /// The place in `source`, which must be the file of this outline, of what is called so; where that is
    /// not written, of what it would belong to.
    pub fn place(&self, source: &Source, name: &str) -> Option<Place> {
        let (value, _) = self.nearest(name)?;
        Some(Place {
            file: source.name.clone(),
            line: value.place.line,
            column: value.place.column,
            bytes: value.place.bytes.clone(),
        })
    }

    /// What messages call the single value that begins there; nothing where none does.
    pub fn name_at(&self, line: usize, column: usize) -> Option<String> {
        let ways: HashMap<ValueId, (Option<ValueId>, &Step)> = self
            .values
            .iter()
            .map(|((parent, step), value)| (value.id, (*parent, step)))
            .collect();
        let mut values = self.values.values();
        let found = values.find(|value| {
            let is_single = || {
                let mut scalars = self.scalars.iter();
                scalars.any(|scalar| scalar.value == Some(value.id))
            };
            value.place.line == line && value.place.column == column && is_single()
        })?;
        let mut steps = Vec::new();
        let mut next = Some(found.id);
        while let Some((parent, step)) = next.and_then(|id| ways.get(&id)) {
            steps.push(*step);
            next = *parent;
        }
        let mut name = String::new();
        for step in steps.into_iter().rev() {
            match step {
                Step::Index(index) => {
                    // Writing to a string cannot fail.
                    let _ = write!(name, "[{index}]");
                }
                Step::Key(key) => {
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.push_str(key);
                }
            }
        }
        (!name.is_empty()).then_some(name)
    }

    /// Whether the document is a mapping with this key.
    pub fn has_key(&self, key: &str) -> bool {
        let document = self.values.get(&(None, Step::Key("".into())));
        document.is_some_and(|document| {
            let step = (Some(document.id), Step::Key(key.into()));
            self.values.contains_key(&step)
        })
    }

    /// The parts of the text that are comments, values at one of `secret_ways`, or values whose text
    /// `is_secret`. All of it where it is not known what is what.
    pub fn hidden(
        &self,
        source: &Source,
        secret_ways: &[&str],
        is_secret: impl Fn(&str) -> bool,
    ) -> Vec<Range<usize>> {
        if self.is_cut {
            return std::iter::once(0..source.text.len()).collect();
        }
        let secret_values = secret_ways.iter().filter_map(|way| {
            let (value, rest) = self.nearest(way)?;
            rest.is_empty().then_some(value.id)
        });
        let secret_values: Vec<_> = secret_values.collect();
        let secrets = self.scalars.iter().filter(|scalar| {
            let is_at = |value| secret_values.contains(&value) || is_secret(&scalar.text);
            scalar.value.is_some_and(is_at)
        });
        let mut hidden: Vec<_> = secrets.map(|scalar| scalar.bytes.clone()).collect();
        hidden.extend(self.comments(&source.text));
        hidden
    }

    /// The value furthest down the way of this name, and what of the name is left.
    fn nearest<'n>(&self, name: &'n str) -> Option<(&Value, &'n str)> {
        let document = self.values.get(&(None, Step::Key("".into())))?;
        let mut nearest = (document, name);
        while let Some(further) = self.further(nearest.0, nearest.1) {
            nearest = further;
        }
        Some(nearest)
    }

    /// The next value on the way, and what of the name is left. A key may have dots in it.
    fn further<'n>(&self, from: &Value, name: &'n str) -> Option<(&Value, &'n str)> {
        let at = |step: Step| self.values.get(&(Some(from.id), step));
        if let Some((index, rest)) = name.strip_prefix('[').and_then(|rest| rest.split_once(']'))
            && let Some(value) = index.parse().ok().and_then(|index| at(Step::Index(index)))
        {
            return Some((value, rest));
        }
        let name = name.strip_prefix('.').unwrap_or(name);
        let ends = name.match_indices(['.', '[']).map(|(end, _)| end);
        let ends = ends.take(MAX_DEPTH).chain([name.len()]);
        let mut steps = ends.filter_map(|end| name.split_at_checked(end));
        steps.find_map(|(key, rest)| Some((at(Step::Key(key.into()))?, rest)))
    }

    fn scalar(&mut self, levels: &mut [Level], text: &str, at: Spot) {
        let bytes = at.bytes.clone().unwrap_or_default();
        let value = match levels.last_mut() {
            Some(Level::Mapping { key, .. }) if key.is_none() => {
                *key = Some((text.to_owned(), at));
                None
            }
            _ => Some(self.value(levels, at, Extent::One)),
        };
        self.scalars.push(Scalar {
            value,
            text: text.into(),
            bytes,
        });
    }

    /// Adds the value that begins at `start`. The place of a mapping or sequence is that of its key where it
    /// has one, which says more than its first character.
    fn value(&mut self, levels: &mut [Level], start: Spot, extent: Extent) -> ValueId {
        let (way, place) = match levels.last_mut() {
            None => ((None, Step::Key("".into())), start),
            Some(Level::Sequence { id, next }) => {
                let step = Step::Index(*next);
                *next += 1;
                ((Some(*id), step), start)
            }
            Some(Level::Mapping { id, key }) => {
                let (key, at) = key.take().unwrap_or_else(|| (String::new(), start.clone()));
                let place = match extent {
                    Extent::One => start,
                    Extent::Several => at,
                };
                ((Some(*id), Step::Key(key.into())), place)
            }
        };
        let id = ValueId(u32::try_from(self.values.len()).unwrap_or(u32::MAX));
        self.values.insert(way, Value { id, place });
        id
    }

    /// A comment begins with a `#` that follows a space or begins a line, outside of any scalar.
    fn comments<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
        let mut start = 0;
        text.split_inclusive('\n').filter_map(move |line| {
            let (from, end) = (start, start + line.trim_end().len());
            start += line.len();
            let sign = line.match_indices('#').map(|(at, _)| from + at).find(|at| {
                let before = text.get(from..*at).unwrap_or_default();
                let begins = before.is_empty() || before.ends_with([' ', '\t']);
                begins && !self.is_in_scalar(*at)
            });
            sign.map(|at| at..end.max(at))
        })
    }

    fn is_in_scalar(&self, at: usize) -> bool {
        let after = self
            .scalars
            .partition_point(|scalar| scalar.bytes.start <= at);
        let last = after.checked_sub(1).and_then(|last| self.scalars.get(last));
        last.is_some_and(|scalar| scalar.bytes.contains(&at))
    }
}

/// Whether a value is a scalar.
#[derive(Clone, Copy)]
enum Extent {
    One,
    Several,
}

fn spot(span: &Span) -> Spot {
    Spot {
        line: span.start.line(),
        column: span.start.col() + 1,
        bytes: span.byte_range(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "\
# begin
version: 1
trust:
  - name: staff # a comment
    issuer: \"https://id#1\"
    audiences: [a, b]
  - {name: proxy, claims: {scopes: [scp]}}
log: {level: info}
";

    fn outline() -> (Source, Outline) {
        let source = Source {
            name: "portcullis.yaml".to_owned(),
            text: TEXT.to_owned(),
        };
        let outline = Outline::of(&source);
        (source, outline)
    }

    /// What stands there, and the line.
    fn found(name: &str) -> (&'static str, usize) {
        let (source, outline) = outline();
        let place = outline.place(&source, name).unwrap();
        let bytes = place.bytes.unwrap();
        (TEXT.get(bytes).unwrap().trim_end(), place.line)
    }

    #[test]
    fn values_are_found_by_their_way() {
        for (name, written, line) in [
            ("version", "1", 2),
            ("trust", "trust", 3),
            ("trust[0].name", "staff", 4),
            ("trust[0].issuer", "\"https://id#1\"", 5),
            ("trust[0].audiences", "audiences", 6),
            ("trust[0].audiences[1]", "b", 6),
            ("trust[1].claims", "claims", 7),
            ("trust[1].claims.scopes[0]", "scp", 7),
            ("log.level", "info", 8),
        ] {
            assert_eq!(found(name), (written, line), "{name}");
        }
    }

    #[test]
    fn single_values_are_named_by_their_place() {
        let (source, outline) = outline();
        for name in [
            "version",
            "trust[0].name",
            "trust[0].audiences[1]",
            "trust[1].claims.scopes[0]",
            "log.level",
        ] {
            let place = outline.place(&source, name).unwrap();
            let found = outline.name_at(place.line, place.column);
            assert_eq!(found.as_deref(), Some(name));
        }
        // A key, and nothing at all.
        assert_eq!(outline.name_at(3, 1), None);
        assert_eq!(outline.name_at(1, 1), None);
    }

    #[test]
    fn what_is_not_written_is_where_it_would_belong() {
        for (name, written, line) in [
            ("log.format", "log", 8),
            ("trust[1].claims.subject[0]", "claims", 7),
            ("trust[0].audiences[7]", "audiences", 6),
        ] {
            assert_eq!(found(name), (written, line), "{name}");
        }
        let (source, outline) = outline();
        let place = |name: &str| outline.place(&source, name).unwrap();
        assert_eq!(
            (place("trust[0].types").line, place("trust[1].types").line),
            (4, 7)
        );
        let top = place("policy");
        assert_eq!((top.line, top.column), (2, 1));
        assert_eq!(Outline::default().place(&source, "policy"), None);
    }

    proptest! {
        /// Also of what is not YAML, as far as it can be read.
        #[test]
        fn any_text_has_an_outline(text in "[ab\u{e9}:#\\[\\]{},\"' \n&*!|>?%\t\r-]{0,60}") {
            let source = Source {
                name: "any.yaml".to_owned(),
                text,
            };
            let outline = Outline::of(&source);
            for range in outline.hidden(&source, &["a.b"], |_| true) {
                prop_assert!(source.text.get(range.clone()).is_some(), "{:?}", range);
            }
            for name in ["", "a", "a.b[1].a", "[", "].."] {
                let _ = outline.place(&source, name);
            }
        }
    }

    #[test]
    fn comments_and_secrets_are_hidden() {
        let (source, outline) = outline();
        let hidden = outline.hidden(&source, &["trust[0].issuer", "log.format"], |text| {
            text == "scp"
        });
        let hidden: Vec<_> = hidden
            .into_iter()
            .map(|range| TEXT.get(range).unwrap())
            .collect();
        assert_eq!(
            hidden,
            ["\"https://id#1\"", "scp", "# begin", "# a comment"]
        );
    }

    #[test]
    fn keys_with_dots_are_found() {
        let source = Source {
            name: "f".to_owned(),
            text: "a: {b.c: d, e: {f.g.h: [i, j]}}\n\"k[0]\": l\n".to_owned(),
        };
        let outline = Outline::of(&source);
        for (name, written) in [
            ("a.b.c", "d"),
            ("a.e.f.g.h", "f.g.h"),
            ("a.e.f.g.h[1]", "j"),
            ("k[0]", "l"),
            ("a.b.x", "a"),
        ] {
            let bytes = outline.place(&source, name).unwrap().bytes.unwrap();
            assert_eq!(source.text.get(bytes), Some(written), "{name}");
        }
    }

    #[test]
    fn of_a_file_with_too_many_values_nothing_is_shown() {
        let values = |count: usize| Source {
            name: "f".to_owned(),
            text: format!("a: [{}]", "b,".repeat(count)),
        };
        let source = values(MAX_VALUES - 10);
        let outline = Outline::of(&source);
        assert!(outline.place(&source, "a[5]").is_some());
        assert!(outline.hidden(&source, &[], |_| false).is_empty());
        let source = values(MAX_VALUES);
        let outline = Outline::of(&source);
        assert_eq!(outline.place(&source, "a[5]"), None);
        let hidden = outline.hidden(&source, &[], |_| false);
        assert_eq!(
            hidden.as_slice(),
            std::slice::from_ref(&(0..source.text.len()))
        );
    }
}
