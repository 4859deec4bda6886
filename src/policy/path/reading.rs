//! The readings of a path that has more than one: each rewriting that a server on the way might do,
//! in every order, and what each result means.

use super::{MAX_SEGMENTS, PathRules, RequestPath, Segments};
use crate::policy::MalformedTarget;

/// The most spellings that are followed. One oddity in a path makes two or three.
const MAX_SPELLINGS: usize = 64;

/// One way to read a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Reading {
    pub(in crate::policy) standing: Standing,
    segments: Vec<Segment>,
}

/// What it means for a request if no route matches a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Standing {
    /// The request is unlisted: a template could name the reading, and none does.
    Required,
    /// Nothing: no template could name the reading, or it is far-fetched.
    Possible,
}

/// One segment, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Named(Vec<u8>),
    /// Only `{param}` and `{*rest}` match it.
    Opaque,
}

impl Reading {
    pub(in crate::policy) fn segments(&self) -> ReadSegments<'_> {
        ReadSegments(&self.segments)
    }
}

/// The segments of a [`Reading`].
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct ReadSegments<'a>(&'a [Segment]);

impl Segments for ReadSegments<'_> {
    fn split_first(&self) -> Option<(Option<&[u8]>, Self)> {
        let (first, rest) = self.0.split_first()?;
        let name = match first {
            Segment::Named(name) => Some(name.as_slice()),
            Segment::Opaque => None,
        };
        Some((name, Self(rest)))
    }
}

/// Every reading of `path`, which begins with a slash and has no raw control byte or backslash.
pub(super) fn read(path: &[u8], rules: PathRules) -> Result<Vec<Reading>, MalformedTarget> {
    check_encoding(path, rules)?;
    let mut readings = Vec::new();
    for spelling in spellings(path, rules)? {
        spelling.check(rules)?;
        spelling.read_into(&mut readings);
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

/// Decodes a segment.
fn decode(text: &[u8]) -> Result<Vec<u8>, MalformedTarget> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = Decoded::first(rest)? {
        decoded.push(first.byte);
        rest = first.rest;
    }
    Ok(decoded)
}

/// The name that a literal segment of a template stands for. A request can have it: the segment is
/// read by the very parser that reads requests.
pub(in crate::policy) fn literal(text: &[u8]) -> Result<Vec<u8>, MalformedTarget> {
    if text.contains(&b'#') {
        return Err(MalformedTarget::PathFragment);
    }
    RequestPath::parse(&[b"/", text].concat(), PathRules::default())?;
    let name = decode(text)?;
    // Requests with an encoded one are also read without what follows it.
    if name.contains(&b';') {
        return Err(MalformedTarget::PathParameter);
    }
    Ok(name)
}

/// A path as some server on the way might spell it, still percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spelling {
    text: Vec<u8>,
    standing: Standing,
}

/// The path and everything that rewriting makes of it, whatever the order of the rewritings.
fn spellings(path: &[u8], rules: PathRules) -> Result<Vec<Spelling>, MalformedTarget> {
    let mut found = vec![Spelling {
        text: path.to_vec(),
        standing: Standing::Required,
    }];
    if let Some(text) = without_authority(path).filter(|_| rules.merge_slashes) {
        found.push(Spelling {
            text,
            standing: Standing::Possible,
        });
    }
    let mut next = 0;
    while let Some(spelling) = found.get(next).cloned() {
        next += 1;
        for rewritten in spelling.rewritings(rules) {
            if !found.contains(&rewritten) {
                found.push(rewritten);
            }
        }
        if found.len() > MAX_SPELLINGS {
            return Err(MalformedTarget::PathTooAmbiguous);
        }
    }
    Ok(found)
}

impl Spelling {
    /// What one rewriting makes of it. Each may have to follow any other, so that all are tried on
    /// all results; none makes a path longer, and none has more to do when it is done.
    fn rewritings(&self, rules: PathRules) -> Vec<Self> {
        let text = &self.text;
        let mut rewritten = Vec::new();
        let mut push = |text: Vec<u8>, standing| rewritten.push(Self { text, standing });
        // No rule allows this one: a server that decodes before it looks for `;` sees one.
        push(
            cut_parameters(text, starts_with_any_semicolon),
            self.standing,
        );
        if rules.path_parameters {
            push(
                cut_parameters(text, |rest| rest.starts_with(b";")),
                self.standing,
            );
            // Some servers cut the whole path at the first one (CVE-2026-73511).
            let cut = text.split(|byte| *byte == b';').next().unwrap_or_default();
            if cut.len() < text.len() {
                push(cut.to_vec(), Standing::Possible);
            }
        }
        if rules.encoded_slashes {
            push(decode_slashes(text), self.standing);
        }
        if rules.merge_slashes {
            push(merge_slashes(text), self.standing);
        }
        if rules.trailing_slash
            && let Some(shorter) = text.strip_suffix(b"/")
            && !shorter.is_empty()
            && !shorter.ends_with(b"/")
        {
            push(shorter.to_vec(), self.standing);
        }
        rewritten
    }

    /// The segments; none for `/` alone.
    fn segments(&self) -> impl Iterator<Item = &[u8]> {
        let rest = self.text.strip_prefix(b"/").unwrap_or(&self.text);
        let all = (!rest.is_empty()).then(|| rest.split(|byte| *byte == b'/'));
        all.into_iter().flatten()
    }

    /// Refuses what no rule allows in any spelling, and what no rule of this policy does.
    fn check(&self, rules: PathRules) -> Result<(), MalformedTarget> {
        let mut segments = 0;
        let mut inner_empty = false;
        let mut last_empty = false;
        for segment in self.segments() {
            if matches!(segment, b"." | b"..") {
                return Err(MalformedTarget::PathDotSegment);
            }
            inner_empty |= last_empty;
            last_empty = segment.is_empty();
            segments += 1;
        }
        if segments > MAX_SEGMENTS {
            return Err(MalformedTarget::PathTooLong);
        }
        // `//` is the root with a slash too many, not something with a slash at its end.
        let only_slashes = self.text.iter().all(|byte| *byte == b'/');
        if (inner_empty && !rules.merge_slashes)
            || (last_empty && !rules.trailing_slash && !(only_slashes && rules.merge_slashes))
        {
            return Err(MalformedTarget::PathEmptySegment);
        }
        Ok(())
    }

    /// Adds the reading that decodes, and where it differs the one that does not.
    fn read_into(&self, readings: &mut Vec<Reading>) {
        let decoded: Vec<Segment> = self.segments().map(Segment::decoded).collect();
        let as_written: Vec<Segment> = self.segments().map(Segment::as_written).collect();
        let standing = if decoded.contains(&Segment::Opaque) {
            Standing::Possible
        } else {
            self.standing
        };
        if as_written != decoded {
            readings.push(Reading {
                standing: Standing::Possible,
                segments: as_written,
            });
        }
        readings.push(Reading {
            standing,
            segments: decoded,
        });
    }
}

impl Segment {
    /// No template has an empty segment or a `;`, so these are opaque.
    fn decoded(text: &[u8]) -> Self {
        match decode(text) {
            Ok(name) if !text.is_empty() && !text.contains(&b';') => Self::Named(name),
            _ => Self::Opaque,
        }
    }

    /// Encoded reserved characters differ from raw ones (RFC 3986 section 2.2): a server may leave
    /// them as they are, and then sees a name that no template has.
    fn as_written(text: &[u8]) -> Self {
        let mut rest = text;
        while let Ok(Some(first)) = Decoded::first(rest) {
            if first.was_encoded && b":/?#[]@!$&'()*+,;=%".contains(&first.byte) {
                return Self::Opaque;
            }
            rest = first.rest;
        }
        Self::decoded(text)
    }
}

fn starts_with_any_semicolon(rest: &[u8]) -> bool {
    matches!(rest, [b';', ..] | [b'%', b'3', b'b' | b'B', ..])
}

/// Each segment up to where `is_cut` holds of what remains of the path.
fn cut_parameters(path: &[u8], is_cut: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut kept = Vec::with_capacity(path.len());
    let mut within_parameter = false;
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        within_parameter = *byte != b'/' && (within_parameter || is_cut(rest));
        if !within_parameter {
            kept.push(*byte);
        }
        rest = after;
    }
    kept
}

fn decode_slashes(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    loop {
        rest = match rest {
            [] => return decoded,
            [b'%', b'2', b'f' | b'F', after @ ..] => {
                decoded.push(b'/');
                after
            }
            [byte, after @ ..] => {
                decoded.push(*byte);
                after
            }
        };
    }
}

fn merge_slashes(path: &[u8]) -> Vec<u8> {
    let mut merged = Vec::with_capacity(path.len());
    for byte in path {
        if *byte != b'/' || merged.last() != Some(&b'/') {
            merged.push(*byte);
        }
    }
    merged
}

/// What a URL parser leaves of `//host/path` (CVE-2026-26205).
fn without_authority(path: &[u8]) -> Option<Vec<u8>> {
    let start = path
        .strip_prefix(b"//")?
        .iter()
        .position(|byte| *byte != b'/')?;
    let authority_and_path = path.get(start + 2..)?;
    let slash = authority_and_path.iter().position(|byte| *byte == b'/');
    let rest = slash.and_then(|slash| authority_and_path.get(slash..));
    Some(rest.unwrap_or(b"/").to_vec())
}
