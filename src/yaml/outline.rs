//! Where the values of a document stand, by the names that messages call them by.

use std::collections::HashMap;
use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser, Span};

use super::strict::place;
use crate::problem::{Place, Source};

/// The places of the values of a document. Each is named by its way from the top:
/// `trust[0].audiences`.
///
/// For a document that was read already, so that its size and depth are known to be bounded.
#[derive(Debug, Default)]
pub struct Outline {
    places: HashMap<String, Place>,
    /// In the order of the text.
    scalars: Vec<Scalar>,
}

/// A single value, or a key.
#[derive(Debug)]
struct Scalar {
    /// The way of the value; of a key, nothing.
    way: Option<String>,
    text: String,
    bytes: Range<usize>,
}

/// A mapping or sequence that is being read.
enum Level {
    Mapping {
        way: String,
        key: Option<(String, Place)>,
    },
    Sequence {
        way: String,
        next: usize,
    },
}

impl Outline {
    pub fn of(source: &Source) -> Self {
        let mut outline = Self::default();
        let mut levels: Vec<Level> = Vec::new();
        for event in Parser::new_from_str(&source.text) {
            // What follows a mistake has no place; there is none in a document that was read.
            let Ok((event, span)) = event else { break };
            match event {
                Event::Scalar(text, ..) => outline.scalar(&mut levels, source, &text, &span),
                Event::MappingStart(..) => {
                    let way = outline.node(&mut levels, place(source, &span));
                    levels.push(Level::Mapping { way, key: None });
                }
                Event::SequenceStart(..) => {
                    let way = outline.node(&mut levels, place(source, &span));
                    levels.push(Level::Sequence { way, next: 0 });
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    levels.pop();
                }
                _ => {}
            }
        }
        outline
    }

    /// The place of what is called so; where that is not written, of what it would belong to.
    pub fn place(&self, name: &str) -> Option<Place> {
        let mut name = name;
        loop {
            if let Some(place) = self.places.get(name) {
                return Some(place.clone());
            }
            // The whole document has no name.
            let end = name.rfind(['.', '[']).unwrap_or(0);
            if name.is_empty() {
                return None;
            }
            name = name.get(..end)?;
        }
    }

    /// The parts of the text that are comments, or values that `is_secret`, of which it gets way and
    /// text.
    pub fn hidden(
        &self,
        source: &Source,
        is_secret: impl Fn(&str, &str) -> bool,
    ) -> Vec<Range<usize>> {
        let secrets = self.scalars.iter().filter(|scalar| {
            let way = scalar.way.as_deref();
            way.is_some_and(|way| is_secret(way, &scalar.text))
        });
        let mut hidden: Vec<_> = secrets.map(|scalar| scalar.bytes.clone()).collect();
        hidden.extend(self.comments(&source.text));
        hidden
    }

    fn scalar(&mut self, levels: &mut [Level], source: &Source, text: &str, span: &Span) {
        let at = place(source, span);
        let bytes = at.bytes.clone().unwrap_or_default();
        let way = match levels.last_mut() {
            Some(Level::Mapping { key, .. }) if key.is_none() => {
                *key = Some((text.to_owned(), at));
                None
            }
            _ => {
                let way = self.node(levels, at.clone());
                // The value itself, not its key.
                self.places.insert(way.clone(), at);
                Some(way)
            }
        };
        self.scalars.push(Scalar {
            way,
            text: text.to_owned(),
            bytes,
        });
    }

    /// The way of the value that begins at `start`. Its place is that of its key where it has one: of a
    /// mapping or sequence, that says more than its first character.
    fn node(&mut self, levels: &mut [Level], start: Place) -> String {
        let (way, at) = match levels.last_mut() {
            None => (String::new(), start),
            Some(Level::Sequence { way, next }) => {
                let way = format!("{way}[{next}]");
                *next += 1;
                (way, start)
            }
            Some(Level::Mapping { way, key }) => {
                let (key, at) = key.take().unwrap_or_else(|| (String::new(), start));
                let is_top = way.is_empty();
                (if is_top { key } else { format!("{way}.{key}") }, at)
            }
        };
        self.places.insert(way.clone(), at);
        way
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
        let place = outline().1.place(name).unwrap();
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
    fn what_is_not_written_is_where_it_would_belong() {
        for (name, written, line) in [
            ("log.format", "log", 8),
            ("trust[1].claims.subject[0]", "claims", 7),
            ("trust[0].audiences[7]", "audiences", 6),
        ] {
            assert_eq!(found(name), (written, line), "{name}");
        }
        let place = |name: &str| outline().1.place(name).unwrap();
        assert_eq!(
            (place("trust[0].types").line, place("trust[1].types").line),
            (4, 7)
        );
        let top = place("policy");
        assert_eq!((top.line, top.column), (2, 1));
        assert_eq!(Outline::default().place("policy"), None);
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
            for range in outline.hidden(&source, |_, _| true) {
                prop_assert!(source.text.get(range.clone()).is_some(), "{:?}", range);
            }
            for name in ["", "a", "a.b[1].a", "[", "].."] {
                let _ = outline.place(name);
            }
        }
    }

    #[test]
    fn comments_and_secrets_are_hidden() {
        let (source, outline) = outline();
        let hidden = outline.hidden(&source, |way, text| {
            way == "trust[0].issuer" || text == "scp"
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
}
