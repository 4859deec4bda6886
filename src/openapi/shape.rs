//! The paths that a template of a description stands for: whether two of them have a path in common.

use std::fmt::Write as _;

use crate::coding::percent_decoded_text;

/// The paths of a template. Parameters have no names here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape {
    pub(super) segments: Vec<Segment>,
    /// Whether one or more segments follow, whatever they are.
    pub(super) has_rest: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Segment {
    /// Exactly this, after percent-decoding.
    Literal(Vec<u8>),
    /// Any segment that begins and ends so.
    Open {
        prefix: Vec<u8>,
        suffix: Vec<u8>,
        /// Whether it is all such segments, as it is of `v{n}`, or some of them, as of `{x},{y}`.
        is_all: bool,
    },
}

impl Segment {
    pub(super) fn literal(text: &str) -> Self {
        Self::Literal(percent_decoded_text(text.as_bytes()))
    }

    pub(super) fn open(prefix: &str, suffix: &str) -> Self {
        Self::Open {
            prefix: percent_decoded_text(prefix.as_bytes()),
            suffix: percent_decoded_text(suffix.as_bytes()),
            is_all: true,
        }
    }

    /// Some of the segments that begin and end so.
    pub(super) fn some(prefix: &str, suffix: &str) -> Self {
        Self::Open {
            prefix: percent_decoded_text(prefix.as_bytes()),
            suffix: percent_decoded_text(suffix.as_bytes()),
            is_all: false,
        }
    }

    /// Nothing is known of it.
    pub(super) fn unknown() -> Self {
        Self::some("", "")
    }

    /// Whether a segment that is in `other` is in this one. What is literal counts as in a parameter that
    /// it fits, as in OpenAPI concrete paths come before templated ones.
    fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(one), Self::Literal(other)) => one == other,
            (Self::Literal(_), Self::Open { .. }) => false,
            (Self::Open { prefix, suffix, .. }, Self::Literal(text)) => {
                text.len() > prefix.len() + suffix.len()
                    && text.starts_with(prefix)
                    && text.ends_with(suffix)
            }
            (Self::Open { is_all, .. }, Self::Open { .. }) => {
                self == other || *is_all && self.may_contain(other)
            }
        }
    }

    /// Whether a segment that is in `other` may be in this one.
    fn may_contain(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Open { prefix, suffix, .. },
                Self::Open {
                    prefix: inner_prefix,
                    suffix: inner_suffix,
                    ..
                },
            ) => inner_prefix.starts_with(prefix) && inner_suffix.ends_with(suffix),
            _ => self.contains(other),
        }
    }

    /// What is in both; nothing where that is empty for sure.
    pub(super) fn meet(&self, other: &Self) -> Option<Self> {
        if self.contains(other) {
            return Some(other.clone());
        }
        if other.contains(self) {
            return Some(self.clone());
        }
        let (
            Self::Open {
                prefix,
                suffix,
                is_all,
            },
            Self::Open {
                prefix: other_prefix,
                suffix: other_suffix,
                is_all: other_is_all,
            },
        ) = (self, other)
        else {
            return None;
        };
        let longer = |one: &Vec<u8>, other: &Vec<u8>| {
            if one.len() > other.len() {
                one.clone()
            } else {
                other.clone()
            }
        };
        let begin_alike = prefix.starts_with(other_prefix) || other_prefix.starts_with(prefix);
        let end_alike = suffix.ends_with(other_suffix) || other_suffix.ends_with(suffix);
        (begin_alike && end_alike).then(|| Self::Open {
            prefix: longer(prefix, other_prefix),
            suffix: longer(suffix, other_suffix),
            is_all: *is_all && *other_is_all,
        })
    }
}

impl Shape {
    /// Whether it is at least as wide as the other one in every segment.
    pub(super) fn contains(&self, other: &Self) -> bool {
        self.holds(other, Segment::contains)
    }

    /// Whether it may be.
    pub(super) fn may_contain(&self, other: &Self) -> bool {
        self.holds(other, Segment::may_contain)
    }

    fn holds(&self, other: &Self, segment: impl Fn(&Segment, &Segment) -> bool) -> bool {
        let (own, others) = (self.segments.len(), other.segments.len());
        let is_long_enough = if self.has_rest {
            others > own || others == own && other.has_rest
        } else {
            others == own && !other.has_rest
        };
        let mut pairs = self.segments.iter().zip(&other.segments);
        is_long_enough && pairs.all(|(one, other)| segment(one, other))
    }

    /// Whether it is wider.
    pub(super) fn is_wider_than(&self, other: &Self) -> bool {
        self != other && self.contains(other) && !other.contains(self)
    }

    /// The paths of both; nothing where there is none for sure.
    pub(super) fn meet(&self, other: &Self) -> Option<Self> {
        let (short, long) = if self.segments.len() <= other.segments.len() {
            (self, other)
        } else {
            (other, self)
        };
        let (least, most) = (short.segments.len(), long.segments.len());
        let fits = least == most && short.has_rest == long.has_rest
            || short.has_rest && (most > least || long.has_rest);
        if !fits {
            return None;
        }
        let pairs = short.segments.iter().zip(&long.segments);
        let mut segments: Vec<Segment> = pairs
            .map(|(one, other)| one.meet(other))
            .collect::<Option<_>>()?;
        segments.extend(long.segments.iter().skip(least).cloned());
        Some(Self {
            segments,
            has_rest: long.has_rest,
        })
    }

    /// The narrowest template that has all of its paths, and other ones where a policy cannot tell them
    /// apart. Two shapes with one such template are the same route.
    pub(super) fn template(&self) -> String {
        let mut template = String::new();
        for (position, segment) in self.segments.iter().enumerate() {
            template.push('/');
            match segment {
                Segment::Literal(text) => push_encoded(&mut template, text),
                Segment::Open { suffix, .. } => {
                    let _ = write!(template, "{{p{}}}", position + 1);
                    push_encoded(&mut template, suffix);
                }
            }
        }
        if self.has_rest {
            template.push_str("/{*rest}");
        }
        if template.is_empty() {
            template.push('/');
        }
        template
    }
}

fn push_encoded(to: &mut String, text: &[u8]) {
    for byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()+,=:@".contains(byte) {
            to.push(char::from(*byte));
        } else {
            let _ = write!(to, "%{byte:02X}");
        }
    }
}
