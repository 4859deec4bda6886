//! Segments as a server sees them that does not decode them or leaves their parameters, one for each way in
//! which templates can tell them apart.
//!
//! No literal is such a segment, so that only its end matters: which texts behind parameters it ends in. What
//! the segment is once it is decoded matters as well, so that both are chosen together.

use std::collections::BTreeSet;

use super::segments::{Segment, longest_end};
use super::{Node, Spellings, State};
use crate::policy::path::may_stay_encoded;

/// What parameters of a segment may be, so that their end is no text that matters.
const VALUES: [&str; 5] = ["=1", "=x", "=~", "=,", "=other"];
/// What stands in front of an encoded byte.
const FILLINGS: &[u8] = b"1azbycx59_~-";

/// One segment of a path as it is sent.
#[derive(Debug, Clone)]
pub(in crate::policy) enum Written {
    Plain(Segment),
    Encoded(Encoded),
    /// With this behind it, from a `;` on.
    Longer(Segment, Vec<u8>),
    /// Nothing but this, from a `;` on.
    Parameter(Vec<u8>),
    Empty,
}

/// A segment with one byte encoded that need not be.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Encoded {
    pub(in crate::policy) before: Vec<u8>,
    /// Such as `%40`.
    pub(in crate::policy) escape: String,
    pub(in crate::policy) after: Vec<u8>,
}

impl Encoded {
    /// The segment with each byte encoded that may be; with the digits of each in both cases.
    fn all(text: &[u8]) -> impl Iterator<Item = Self> {
        let bytes = text.iter().enumerate();
        let bytes = bytes.filter(|(_, byte)| may_stay_encoded(**byte));
        bytes.flat_map(move |(place, byte)| {
            let (upper, lower) = (format!("%{byte:02X}"), format!("%{byte:02x}"));
            let second = (upper != lower).then_some(lower);
            let escapes = std::iter::once(upper).chain(second);
            escapes.map(move |escape| Self {
                before: text.get(..place).unwrap_or_default().to_vec(),
                escape,
                after: text.get(place + 1..).unwrap_or_default().to_vec(),
            })
        })
    }

    /// What it is to a server that does not decode it.
    fn opaque(&self) -> Vec<u8> {
        [&*self.before, self.escape.as_bytes(), &*self.after].concat()
    }
}

/// A segment as it is sent, decoded, and to a server that does not decode it or leaves its parameters.
pub(super) struct Opaque {
    pub(super) plain: Vec<u8>,
    pub(super) undecoded: Vec<u8>,
    pub(super) written: Written,
}

impl Opaque {
    fn encoded(plain: &[u8], encoded: Encoded) -> Self {
        Self {
            plain: plain.to_vec(),
            undecoded: encoded.opaque(),
            written: Written::Encoded(encoded),
        }
    }
}

/// The texts that tell segments apart at two places, the plain path's and the other reading's.
pub(super) struct Ends<'t> {
    literals: BTreeSet<&'t [u8]>,
    /// Behind parameters, in the templates that either may follow.
    suffixes: BTreeSet<&'t [u8]>,
    /// In those that the other reading follows.
    of_other: BTreeSet<&'t [u8]>,
    /// What parameters of a segment may be, from the `;` on.
    pub(super) parameters: Vec<Vec<u8>>,
}

impl<'t> Ends<'t> {
    pub(super) fn new(plain: &State<'t>, other: &State<'t>, spellings: Spellings) -> Self {
        let suffixes = |nodes: &mut dyn Iterator<Item = &'t Node>| -> BTreeSet<&'t [u8]> {
            let suffixed = nodes.filter_map(|node| node.suffixed.as_deref());
            suffixed
                .flat_map(|one| one.nodes.keys().map(|text| &**text))
                .collect()
        };
        let literals = plain.nodes().flat_map(|node| node.literals.keys());
        let of_other = suffixes(&mut other.nodes());
        Self {
            literals: literals.map(|name| &**name).collect(),
            suffixes: suffixes(&mut plain.nodes().chain(other.nodes())),
            parameters: if spellings.path_parameters {
                parameters(&of_other)
            } else {
                Vec::new()
            },
            of_other,
        }
    }

    /// With bytes encoded, one at a time: of several, the last one decides what the end is.
    pub(super) fn encoded(&self, segment: &Segment) -> Vec<Opaque> {
        let text = &segment.text;
        let all = Encoded::all(text).map(|encoded| Opaque::encoded(text, encoded));
        let most = if self.of_other.is_empty() {
            1
        } else {
            usize::MAX
        };
        all.take(most).collect()
    }

    /// Whether a segment is no literal and ends in no longer text than this one.
    fn is_no_other(&self, plain: &[u8], end: &[u8]) -> bool {
        !self.literals.contains(plain) && longest_end(plain, &self.suffixes).len() <= end.len()
    }

    /// Segments of which the digits of an encoded byte are the beginning of a text behind a parameter, which
    /// they are not once they are decoded.
    pub(super) fn with_digits(&self) -> Vec<Opaque> {
        let of_one = |suffix: &&'t [u8]| {
            let digits = [1, 2].map(|count| self.begun_by_digits(suffix, count));
            digits.into_iter().flatten()
        };
        self.of_other.iter().flat_map(of_one).collect()
    }

    fn begun_by_digits(&self, suffix: &[u8], count: usize) -> Option<Opaque> {
        let (digits, rest) = suffix.split_at_checked(count)?;
        let digits = std::str::from_utf8(digits).ok()?;
        let mut escapes = (0..8).map(|high| match count {
            1 => format!("{high}{digits}"),
            _ => digits.to_owned(),
        });
        escapes.find_map(|digits| {
            let byte = u8::from_str_radix(&digits, 16).ok();
            let byte = byte.filter(|byte| may_stay_encoded(*byte))?;
            FILLINGS.iter().find_map(|filling| {
                let plain = [[*filling, byte].as_slice(), rest].concat();
                self.is_no_other(&plain, rest).then(|| {
                    let encoded = Encoded {
                        before: vec![*filling],
                        escape: format!("%{digits}"),
                        after: rest.to_vec(),
                    };
                    Opaque::encoded(&plain, encoded)
                })
            })
        })
    }
}

/// Parameters that end in each of these texts, and one that ends in none.
fn parameters(ends: &BTreeSet<&[u8]>) -> Vec<Vec<u8>> {
    let value = |end: &[u8]| [b";v", end].concat();
    let mut others = VALUES.iter().map(|text| value(text.as_bytes()));
    let none = others.find(|text| longest_end(text, ends).is_empty());
    ends.iter().map(|end| value(end)).chain(none).collect()
}
