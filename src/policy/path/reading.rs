//! The readings of a path that has more than one: each rewriting that a server on the way might do,
//! in every order, and what each result means.

use std::collections::HashSet;
use std::ops::Range;
use std::rc::Rc;

use super::{MAX_SEGMENTS, PathRules, RequestPath, Segments};
use crate::policy::MalformedTarget;

/// The most spellings of a path that are followed. One oddity in a path makes two or three.
const MAX_SPELLINGS: usize = 256;
/// The most bytes that all spellings of a path have together, so that the work on a long path is
/// bounded like that on a short one.
const MAX_SPELLED_BYTES: usize = 64 * 1024;

/// One way to read a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Reading {
    pub(in crate::policy) standing: Standing,
    /// The names of all segments, decoded, one after another.
    names: Vec<u8>,
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
pub(in crate::policy) enum Standing {
    /// The request is unlisted: a template could name the reading, and none matches it.
    Required,
    /// Nothing: no template could name the reading.
    Possible,
}

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// Where its name is within [`Reading::names`].
    Named(Range<usize>),
    /// Only `{name}` and `{*rest}` match it.
    Opaque,
}

impl Reading {
    pub(in crate::policy) fn segments(&self) -> ReadSegments<'_> {
        ReadSegments {
            names: &self.names,
            segments: &self.segments,
        }
    }

    /// The reading of a server that decodes each segment.
    fn decoded(spelling: &[u8]) -> Self {
        Self::read(spelling, |_| true)
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

    /// The reading of a server that leaves those characters encoded that `keeps` has.
    fn keeping(spelling: &[u8], keeps: impl Fn(u8) -> bool) -> Option<Self> {
        let is_decoded = |first: Decoded<'_>| !first.was_encoded || !keeps(first.byte);
        let reading = Self::read(spelling, |segment| Decoded::all(segment).all(is_decoded));
        (spelling.contains(&b'%') && reading.standing == Standing::Possible).then_some(reading)
    }

    fn read(spelling: &[u8], is_named: impl Fn(&[u8]) -> bool) -> Self {
        let mut reading = Self {
            standing: Standing::Required,
            names: Vec::with_capacity(spelling.len()),
            segments: Vec::new(),
        };
        for segment in segments(spelling) {
            if segment.is_empty() || segment.contains(&b';') || !is_named(segment) {
                reading.standing = Standing::Possible;
                reading.segments.push(Segment::Opaque);
            } else {
                let start = reading.names.len();
                reading
                    .names
                    .extend(Decoded::all(segment).map(|decoded| decoded.byte));
                reading
                    .segments
                    .push(Segment::Named(start..reading.names.len()));
            }
        }
        reading
    }
}

/// The segments of a [`Reading`].
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct ReadSegments<'a> {
    names: &'a [u8],
    segments: &'a [Segment],
}

impl Segments for ReadSegments<'_> {
    fn split_first(&self) -> Option<(Option<&[u8]>, Self)> {
        let (first, segments) = self.segments.split_first()?;
        let name = match first {
            Segment::Named(range) => self.names.get(range.clone()),
            Segment::Opaque => None,
        };
        Some((name, Self { segments, ..*self }))
    }
}

/// Every reading of `path`, which begins with a slash and has no raw control byte or backslash.
pub(super) fn read(path: &[u8], rules: PathRules) -> Result<Vec<Reading>, MalformedTarget> {
    check_encoding(path, rules)?;
    let mut readings = Vec::new();
    for spelling in spellings(path, rules)? {
        readings.extend(Reading::not_decoded(&spelling));
        readings.extend(Reading::as_written(&spelling));
        readings.push(Reading::decoded(&spelling));
    }
    Ok(readings)
}

/// The rules for percent signs, which no reading changes.
fn check_encoding(path: &[u8], rules: PathRules) -> Result<(), MalformedTarget> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some(first) = Decoded::first(rest)? {
        rest = first.rest;
        decoded.push(first.byte);
        match first.byte {
            _ if !first.was_encoded => {}
            0..=0x1f | 0x7f => return Err(MalformedTarget::PathControl),
            b'\\' => return Err(MalformedTarget::PathBackslash),
            b'.' => return Err(MalformedTarget::PathEncodedDot),
            b'/' if !rules.encoded_slashes => return Err(MalformedTarget::PathEncodedSlash),
            b'?' | b'#' if !rules.encoded_delimiters => {
                return Err(MalformedTarget::PathEncodedDelimiter);
            }
            _ => {}
        }
    }
    // A percent sign in the result was encoded; with two digits behind it, someone decodes twice.
    if decoded.windows(3).any(|window| {
        matches!(window, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
    }) {
        return Err(MalformedTarget::PathDoubleEncoding);
    }
    if std::str::from_utf8(&decoded).is_err() {
        return Err(MalformedTarget::PathNotUtf8);
    }
    if path.contains(&b';') && !rules.path_parameters {
        return Err(MalformedTarget::PathParameter);
    }
    Ok(())
}

/// One byte after percent-decoding (RFC 3986 section 2.1).
struct Decoded<'a> {
    byte: u8,
    was_encoded: bool,
    rest: &'a [u8],
}

impl<'a> Decoded<'a> {
    /// All bytes of `text`, up to an error.
    fn all(text: &'a [u8]) -> impl Iterator<Item = Self> {
        let mut rest = text;
        std::iter::from_fn(move || {
            let first = Self::first(rest).ok().flatten()?;
            rest = first.rest;
            Some(first)
        })
    }

    fn first(text: &'a [u8]) -> Result<Option<Self>, MalformedTarget> {
        let (byte, was_encoded, rest) = match text {
            [] => return Ok(None),
            [b'%', high, low, rest @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high * 16 + low, true, rest),
                _ => return Err(MalformedTarget::PathBadPercent),
            },
            [b'%', ..] => return Err(MalformedTarget::PathBadPercent),
            [byte, rest @ ..] => (*byte, false, rest),
        };
        Ok(Some(Self {
            byte,
            was_encoded,
            rest,
        }))
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn is_reserved(byte: u8) -> bool {
    b":/?#[]@!$&'()*+,;=%".contains(&byte)
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// The name that a literal segment of a template stands for. A request can have it: the segment is
/// read by the very parser that reads requests.
pub(in crate::policy) fn literal(text: &[u8]) -> Result<Vec<u8>, MalformedTarget> {
    if text.contains(&b'#') {
        return Err(MalformedTarget::PathFragment);
    }
    RequestPath::parse(&[b"/", text].concat(), PathRules::default())?;
    let name: Vec<u8> = Decoded::all(text).map(|decoded| decoded.byte).collect();
    // Requests with an encoded one are also read without what follows it.
    if name.contains(&b';') {
        return Err(MalformedTarget::PathParameter);
    }
    Ok(name)
}

/// The path and everything that rewriting makes of it, still percent-encoded, whatever the order of
/// the rewritings: each is tried on every result until nothing new comes of it.
fn spellings(path: &[u8], rules: PathRules) -> Result<Vec<Rc<[u8]>>, MalformedTarget> {
    check(path, rules)?;
    let first: Rc<[u8]> = path.into();
    let mut bytes = path.len();
    let mut known = HashSet::from([Rc::clone(&first)]);
    let mut found = vec![first];
    let mut next = 0;
    while let Some(spelling) = found.get(next).cloned() {
        next += 1;
        for rewritten in rewritings(&spelling, rules) {
            if known.contains(rewritten.as_slice()) {
                continue;
            }
            check(&rewritten, rules)?;
            bytes += rewritten.len();
            if found.len() == MAX_SPELLINGS || bytes > MAX_SPELLED_BYTES {
                return Err(MalformedTarget::PathTooAmbiguous);
            }
            let rewritten: Rc<[u8]> = rewritten.into();
            known.insert(Rc::clone(&rewritten));
            found.push(rewritten);
        }
    }
    Ok(found)
}

/// What each rewriting makes of `spelling`, where it changes anything. None makes a path longer.
fn rewritings(spelling: &[u8], rules: PathRules) -> impl Iterator<Item = Vec<u8>> {
    // Whether a path may have the characters, raw or encoded, was checked before. Decoding and
    // cutting need no rule: a server that decodes before it looks for `;` or `?` sees one.
    let always = [
        decode_only(spelling, b"/"),
        decode_only(spelling, b";"),
        decode_only(spelling, b"?#"),
        cut_parameters(spelling),
        // Others know parameters of the last segment only (RFC 1808 section 2.1).
        cut_last_parameters(spelling),
        // Some servers cut the whole path at the first `;` (CVE-2026-73511).
        cut_at(spelling, b';'),
        cut_at(spelling, b'?'),
        cut_at(spelling, b'#'),
    ];
    // Some servers merge slashes at the beginning only.
    let shorter = spelling.strip_prefix(b"/");
    let shorter = shorter.filter(|rest| rest.starts_with(b"/"));
    let merging = [
        merge_slashes(spelling),
        without_authority(spelling),
        shorter.map(<[u8]>::to_vec),
    ];
    let merging = merging.map(|rewritten| rewritten.filter(|_| rules.merge_slashes));
    let trailing = without_trailing_slash(spelling).filter(|_| rules.trailing_slash);
    always
        .into_iter()
        .chain(merging)
        .chain([trailing])
        .flatten()
}

/// The segments; none for `/` alone.
fn segments(spelling: &[u8]) -> impl Iterator<Item = &[u8]> {
    let rest = spelling.strip_prefix(b"/").unwrap_or(spelling);
    let all = (!rest.is_empty()).then(|| rest.split(|byte| *byte == b'/'));
    all.into_iter().flatten()
}

/// Refuses what no rule allows in any spelling, and what no rule of this policy does.
fn check(spelling: &[u8], rules: PathRules) -> Result<(), MalformedTarget> {
    let mut count = 0;
    let mut inner_empty = false;
    let mut last_empty = false;
    for segment in segments(spelling) {
        if matches!(segment, b"." | b"..") {
            return Err(MalformedTarget::PathDotSegment);
        }
        inner_empty |= last_empty;
        last_empty = segment.is_empty();
        count += 1;
    }
    if count > MAX_SEGMENTS {
        return Err(MalformedTarget::PathTooLong);
    }
    // `//` is the root with a slash too many, not something with a slash at its end.
    let only_slashes = spelling.iter().all(|byte| *byte == b'/');
    if (inner_empty && !rules.merge_slashes)
        || (last_empty && !rules.trailing_slash && !(only_slashes && rules.merge_slashes))
    {
        return Err(MalformedTarget::PathEmptySegment);
    }
    Ok(())
}

/// Decodes those bytes of `path` that `wanted` has.
fn decode_only(path: &[u8], wanted: &[u8]) -> Option<Vec<u8>> {
    let is_wanted = |first: &Decoded<'_>| first.was_encoded && wanted.contains(&first.byte);
    if !path.contains(&b'%') || !Decoded::all(path).any(|first| is_wanted(&first)) {
        return None;
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    for first in Decoded::all(path) {
        if is_wanted(&first) {
            decoded.push(first.byte);
        } else {
            let length = rest.len() - first.rest.len();
            decoded.extend(rest.iter().take(length));
        }
        rest = first.rest;
    }
    Some(decoded)
}

/// Each segment up to its first `;`.
fn cut_parameters(path: &[u8]) -> Option<Vec<u8>> {
    if !path.contains(&b';') {
        return None;
    }
    let mut kept = Vec::with_capacity(path.len());
    let mut within_parameter = false;
    for byte in path {
        within_parameter = *byte != b'/' && (within_parameter || *byte == b';');
        if !within_parameter {
            kept.push(*byte);
        }
    }
    Some(kept)
}

/// The last segment that has a `;`, up to its first.
fn cut_last_parameters(path: &[u8]) -> Option<Vec<u8>> {
    let last = path.iter().rposition(|byte| *byte == b';')?;
    let (before, after) = path.split_at_checked(last)?;
    let start = before.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    let cut = before.iter().skip(start).position(|byte| *byte == b';');
    let kept = before.get(..cut.map_or(last, |cut| start + cut))?;
    let rest = after.iter().skip_while(|byte| **byte != b'/');
    Some(kept.iter().chain(rest).copied().collect())
}

/// The path up to the first `byte`.
fn cut_at(path: &[u8], byte: u8) -> Option<Vec<u8>> {
    let end = path.iter().position(|one| *one == byte)?;
    path.get(..end).map(<[u8]>::to_vec)
}

fn merge_slashes(path: &[u8]) -> Option<Vec<u8>> {
    if !path.windows(2).any(|pair| pair == b"//") {
        return None;
    }
    let mut merged = path.to_vec();
    merged.dedup_by(|next, before| *next == b'/' && *before == b'/');
    Some(merged)
}

/// What a URL parser leaves of `//host/path` (CVE-2026-26205). The authority ends at a slash, `?`
/// or `#` (RFC 3986 section 3.2); browsers let it begin after further slashes.
fn without_authority(path: &[u8]) -> Option<Vec<u8>> {
    let slashes = path.iter().take_while(|byte| **byte == b'/').count();
    let authority_and_path = path.get(slashes..).filter(|rest| !rest.is_empty())?;
    if slashes < 2 {
        return None;
    }
    let end = authority_and_path
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    let rest = end.and_then(|end| authority_and_path.get(end..));
    // A query or fragment behind the authority leaves the root.
    Some(match rest {
        Some(rest) if rest.starts_with(b"/") => rest.to_vec(),
        _ => b"/".to_vec(),
    })
}

fn without_trailing_slash(path: &[u8]) -> Option<Vec<u8>> {
    let shorter = path.strip_suffix(b"/")?;
    (!shorter.is_empty()).then(|| shorter.to_vec())
}
