//! The readings of a path that has more than one: what each of its spellings means.

use std::ops::Range;

use super::encoding::{Decoded, check_encoding, decoded, is_reserved, is_unreserved};
use super::spelling::{MAX_SPELLED_BYTES, segments, spellings};
use super::{EncodedSlashes, PathRules, PathSegment, RequestPath, Segments};
use crate::policy::{TargetError, fold};

/// The most readings that letters beyond ASCII add where case is ignored.
const MAX_FOLDED_READINGS: usize = 256;

/// One way to read a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Reading {
    pub(in crate::policy) necessity: Necessity,
    /// The texts of all segments, one after another.
    texts: Vec<u8>,
    segments: Vec<Segment>,
}

/// What it means for a request if no route matches a reading.
///
/// A reading can be named where every segment of it decodes to a name: then a template could list
/// it literally, and what no template lists is private. It cannot be named where a segment is empty,
/// has a raw `;` or keeps a character encoded that is reserved or need not be: no literal of a template is like that. Such
/// a reading is what a policy lets paths have by `paths`, so that it needs no route of its own; but
/// where a `{name}` or `{*rest}` matches it, that route must allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Necessity {
    /// The request is unlisted: a template could name the reading, and none matches it.
    Required,
    /// Nothing: no template could name the reading.
    Possible,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// Where its name is within [`Reading::texts`].
    Named(Range<usize>),
    /// Only parameters match it. Where its text is, with what this reading does not decode as it came.
    Opaque(Range<usize>),
}

impl Reading {
    pub(in crate::policy) fn segments(&self) -> ReadSegments<'_> {
        ReadSegments {
            texts: &self.texts,
            segments: &self.segments,
        }
    }

    /// The texts of the segments; nothing where one is not UTF-8.
    pub(in crate::policy) fn texts(&self) -> Option<Vec<&str>> {
        let text = |segment: &Segment| {
            let (Segment::Named(range) | Segment::Opaque(range)) = segment;
            std::str::from_utf8(self.texts.get(range.clone())?).ok()
        };
        self.segments.iter().map(text).collect()
    }

    /// The same as servers compare it that ignore case.
    pub(in crate::policy) fn in_every_case(self) -> Result<Vec<Self>, TargetError> {
        ignoring_case(vec![self])
    }

    /// The reading of a server that decodes each segment.
    fn decoded(spelling: &[u8]) -> Self {
        Self::read(spelling, |_| false)
    }

    /// The reading of a server that decodes unreserved characters only, where it differs: encoded
    /// reserved characters are not the same as raw ones (RFC 3986 section 2.2).
    fn as_written(spelling: &[u8]) -> Option<Self> {
        Self::keeping(spelling, is_reserved)
    }

    /// The reading of a server that compares paths as they came, where it differs: characters that
    /// need not be encoded are not what they stand for (RFC 3986 section 6.2.2.2 is optional).
    fn not_decoded(spelling: &[u8]) -> Option<Self> {
        let keeps = |byte| is_reserved(byte) || is_unreserved(byte);
        Decoded::all(spelling)
            .any(|first| first.was_encoded && is_unreserved(first.byte))
            .then(|| Self::keeping(spelling, keeps))
            .flatten()
    }

    /// The reading of a server that decodes reserved characters and compares the others as they came,
    /// where the path has both.
    fn reserved_decoded(spelling: &[u8]) -> Option<Self> {
        let has = |wanted: fn(u8) -> bool| {
            Decoded::all(spelling).any(|first| first.was_encoded && wanted(first.byte))
        };
        (has(is_unreserved) && has(is_reserved))
            .then(|| Self::keeping(spelling, is_unreserved))
            .flatten()
    }

    /// The reading of a server that leaves those characters encoded that `keeps` has.
    fn keeping(spelling: &[u8], keeps: impl Fn(u8) -> bool) -> Option<Self> {
        let reading = Self::read(spelling, keeps);
        (spelling.contains(&b'%') && reading.necessity == Necessity::Possible).then_some(reading)
    }

    fn read(spelling: &[u8], keeps: impl Fn(u8) -> bool) -> Self {
        let mut reading = Self {
            necessity: Necessity::Required,
            texts: Vec::with_capacity(spelling.len()),
            segments: Vec::new(),
        };
        for segment in segments(spelling) {
            let start = reading.texts.len();
            let mut is_named = !segment.is_empty() && !segment.contains(&b';');
            let mut rest = segment;
            for decoded in Decoded::all(segment) {
                if decoded.was_encoded && keeps(decoded.byte) {
                    is_named = false;
                    let length = rest.len() - decoded.rest.len();
                    reading.texts.extend(rest.iter().take(length));
                } else {
                    reading.texts.push(decoded.byte);
                }
                rest = decoded.rest;
            }
            let range = start..reading.texts.len();
            reading.segments.push(if is_named {
                Segment::Named(range)
            } else {
                reading.necessity = Necessity::Possible;
                Segment::Opaque(range)
            });
        }
        reading
    }

    /// The reading of a server that ignores case as far as ASCII goes.
    fn ignoring_case(mut self) -> Self {
        self.texts.make_ascii_lowercase();
        self
    }

    /// Those of servers that ignore case beyond ASCII, too, where they differ. A server may know the
    /// case of some letters and not of others. What it leaves as it came is no literal of a template,
    /// as these are folded, so that of each segment only the text matters whose end is folded: it is
    /// how far a text behind a parameter reaches.
    fn ignoring_more_case(&self, room: &mut Room) -> Result<Vec<Self>, TargetError> {
        let mut begun = vec![Self {
            necessity: self.necessity,
            texts: Vec::new(),
            segments: Vec::new(),
        }];
        for segment in &self.segments {
            let (Segment::Named(range) | Segment::Opaque(range)) = segment;
            let text = self.texts.get(range.clone()).unwrap_or_default();
            let folded = fold::beyond_ascii(text);
            let mut longer = Vec::with_capacity(begun.len() * (folded.len() + 1));
            for reading in begun {
                for folded in &folded {
                    room.take(self.texts.len())?;
                    longer.push(reading.clone().followed_by(segment, folded));
                }
                longer.push(reading.followed_by(segment, text));
            }
            begun = longer;
        }
        // The last one has nothing folded: it is this one.
        begun.pop();
        Ok(begun)
    }

    fn followed_by(mut self, segment: &Segment, text: &[u8]) -> Self {
        let start = self.texts.len();
        self.texts.extend(text);
        let range = start..self.texts.len();
        self.segments.push(match segment {
            Segment::Named(_) => Segment::Named(range),
            Segment::Opaque(_) => Segment::Opaque(range),
        });
        self
    }
}

/// How many readings, and bytes in them, folding may still add.
struct Room {
    readings: usize,
    bytes: usize,
}

impl Room {
    fn take(&mut self, bytes: usize) -> Result<(), TargetError> {
        let left =
            |left: usize, taken| left.checked_sub(taken).ok_or(TargetError::PathTooAmbiguous);
        self.readings = left(self.readings, 1)?;
        self.bytes = left(self.bytes, bytes)?;
        Ok(())
    }
}

/// The segments of a [`Reading`].
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct ReadSegments<'a> {
    texts: &'a [u8],
    segments: &'a [Segment],
}

impl Segments for ReadSegments<'_> {
    fn split_first(&self) -> Option<(PathSegment<'_>, Self)> {
        let (first, segments) = self.segments.split_first()?;
        let text = |range: &Range<usize>| self.texts.get(range.clone()).unwrap_or_default();
        let segment = match first {
            Segment::Named(range) => PathSegment::Named(text(range)),
            Segment::Opaque(range) => PathSegment::Opaque(text(range)),
        };
        Some((segment, Self { segments, ..*self }))
    }
}

/// Every reading of `path`, which begins with a slash and has no raw control byte or backslash.
pub(super) fn read(path: &[u8], rules: PathRules) -> Result<Vec<Reading>, TargetError> {
    check_encoding(path, rules)?;
    if rules.encoded_slashes == EncodedSlashes::Kept {
        // The upstream hands a kept slash on when it has decoded the segment. What then reads
        // `..%2F..`, nobody knows, so that it must not hide a dot segment from anybody.
        let read_as_slashes = PathRules {
            encoded_slashes: EncodedSlashes::Both,
            ..rules
        };
        spellings(path, read_as_slashes)?;
    }
    let mut readings = Vec::new();
    for spelling in spellings(path, rules)? {
        readings.extend(Reading::not_decoded(&spelling));
        readings.extend(Reading::as_written(&spelling));
        readings.extend(Reading::reserved_decoded(&spelling));
        readings.push(Reading::decoded(&spelling));
    }
    if rules.ignore_case {
        readings = ignoring_case(readings)?;
    }
    Ok(readings)
}

fn ignoring_case(readings: Vec<Reading>) -> Result<Vec<Reading>, TargetError> {
    let mut room = Room {
        readings: MAX_FOLDED_READINGS,
        bytes: MAX_SPELLED_BYTES,
    };
    let mut all = Vec::with_capacity(readings.len());
    for reading in readings {
        let reading = reading.ignoring_case();
        if !reading.texts.is_ascii() {
            all.extend(reading.ignoring_more_case(&mut room)?);
        }
        all.push(reading);
    }
    Ok(all)
}

/// The name that a literal segment of a template stands for. A request can have it: the segment is
/// read by the very parser that reads requests.
pub(in crate::policy) fn literal(text: &[u8]) -> Result<Vec<u8>, TargetError> {
    if text.contains(&b'#') {
        return Err(TargetError::PathFragment);
    }
    // Whether it may be the last segment, [`Template::parse`] knows.
    RequestPath::parse(&[b"/", text, b"/x"].concat(), PathRules::default())?;
    let name = decoded(text);
    // Requests with an encoded one are also read without what follows it.
    if name.contains(&b';') {
        return Err(TargetError::PathParameter);
    }
    Ok(name)
}
