//! The segments that stand for all others at a place within the templates.

use std::collections::BTreeSet;

use super::Node;

/// Texts that no template has as a literal, most likely.
const TEXTS: [&str; 6] = ["1", "2", "x", "y", "42", "other"];
/// How many further texts are tried.
const MAX_TRIES: usize = 100_000;

/// A segment of a path, decoded, that stands for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Segment {
    pub(in crate::policy) text: Vec<u8>,
    pub(in crate::policy) kind: SegmentKind,
}

/// Which segments one stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) enum SegmentKind {
    /// Itself alone.
    Literal,
    /// All that end in this and in no longer text that matters.
    EndsIn(Box<[u8]>),
    /// All that are none of the others.
    Other,
}

/// Whether both policies compare names alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Alike,
    IgnoredByOne,
}

/// One segment for each way in which `nodes` can tell a segment from others. `None` if there is a way for
/// which none was found.
pub(super) fn representatives<'t>(
    nodes: impl Iterator<Item = &'t Node>,
    case: Case,
) -> Option<Vec<Segment>> {
    let mut literals: BTreeSet<&[u8]> = BTreeSet::new();
    let mut suffixes: BTreeSet<&[u8]> = BTreeSet::new();
    for node in nodes {
        literals.extend(node.literals.keys().map(|name| &**name));
        let parameters = node.suffixed.iter();
        suffixes.extend(
            parameters
                .flat_map(|one| one.nodes.keys())
                .map(|text| &**text),
        );
    }
    let literal = |text: Vec<u8>| Segment {
        text,
        kind: SegmentKind::Literal,
    };
    let mut all = vec![Segment {
        text: segment_of(b"", &literals, &suffixes)?,
        kind: SegmentKind::Other,
    }];
    for suffix in &suffixes {
        all.push(Segment {
            text: segment_of(suffix, &literals, &suffixes)?,
            kind: SegmentKind::EndsIn((*suffix).into()),
        });
    }
    // Where only one policy ignores case, names in another case are names of their own to the other.
    if case == Case::IgnoredByOne {
        let upper = literals.iter().map(|name| name.to_ascii_uppercase());
        all.extend(
            upper
                .filter(|name| !literals.contains(name.as_slice()))
                .map(literal),
        );
    }
    all.extend(literals.iter().map(|name| literal(name.to_vec())));
    Some(all)
}

/// A segment that is none of `literals` and of which `suffix` is the longest of `suffixes` that it ends
/// in; no suffix stands for a segment that ends in none.
fn segment_of(
    suffix: &[u8],
    literals: &BTreeSet<&[u8]>,
    suffixes: &BTreeSet<&[u8]>,
) -> Option<Vec<u8>> {
    let is_right = |text: &Vec<u8>| {
        !literals.contains(text.as_slice()) && longest_end(text, suffixes) == suffix
    };
    let texts = TEXTS.into_iter().map(str::to_owned);
    let numbers = (0..MAX_TRIES).map(|number| number.to_string());
    // Suffixes may take all that ends in a digit.
    let words = ('a'..='z').map(|letter| format!("other-{letter}"));
    let beyond_ascii = ["日", "本", "語"].map(str::to_owned);
    texts
        .chain(words)
        .chain(beyond_ascii)
        .chain(numbers)
        .map(|text| [text.as_bytes(), suffix].concat())
        .find(is_right)
}

/// The longest of `suffixes` that `text` ends in with something in front of it.
pub(super) fn longest_end<'a>(text: &'a [u8], suffixes: &BTreeSet<&[u8]>) -> &'a [u8] {
    let ends = (1..text.len()).filter_map(|start| text.get(start..));
    ends.into_iter()
        .find(|end| suffixes.contains(end))
        .unwrap_or_default()
}
