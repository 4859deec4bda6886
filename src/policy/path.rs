//! The path of a request: canonical, or refused, or every reading that an upstream could make of it.

mod encoding;
mod reading;
mod spelling;

use super::TargetError;
pub(super) use encoding::decoded;
pub(crate) use encoding::may_stay_encoded;
pub(super) use reading::{Necessity, Reading, literal};

/// The longest path without its query, in bytes.
pub(super) const MAX_PATH_BYTES: usize = 8 * 1024;
/// The most segments; templates have at most half as many.
const MAX_SEGMENTS: usize = 128;

/// What the policy lets a path have although proxy and upstream may read it differently.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each key of `paths`")]
pub struct PathRules {
    /// `//` is read as `/`, and as it stands.
    pub merge_slashes: bool,
    /// What becomes of `%2F`.
    pub encoded_slashes: EncodedSlashes,
    /// `;` and what follows it in its segment is read as absent, and as it stands.
    pub path_parameters: bool,
    /// A slash at the end is read as absent, and as it stands.
    pub trailing_slash: bool,
    /// `%3F` and `%23` are read as part of a segment, and as the end of the path.
    pub encoded_delimiters: bool,
    /// Names are compared without case, because the upstream does so.
    pub ignore_case: bool,
}

/// How paths with `%2F` are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EncodedSlashes {
    /// They are malformed.
    #[default]
    Refused,
    /// As part of a segment and as a slash: nobody knows which of the two the upstream does.
    Both,
    /// As part of a segment, because the upstream keeps them so.
    Kept,
}

/// What to look up in the tables.
pub(super) enum RequestPath<'a> {
    /// Only one reading; nothing to decode.
    Plain(PlainPath<'a>),
    /// All of these; never empty.
    Readings(Vec<Reading>),
}

/// The canonical path without its leading slash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlainPath<'a>(&'a [u8]);

/// The segments of a path, one after another, from any position.
pub(super) trait Segments: Copy {
    /// The first segment and what follows it; `None` at the end.
    fn split_first(&self) -> Option<(PathSegment<'_>, Self)>;
}

/// One segment, as some server sees it.
#[derive(Debug, Clone, Copy)]
pub(super) enum PathSegment<'a> {
    /// A name that a literal of a template can be.
    Named(&'a [u8]),
    /// Text that no literal is, because it holds what templates cannot: it is empty, has a raw `;`,
    /// or is not decoded. Parameters match it.
    Opaque(&'a [u8]),
}

impl Segments for PlainPath<'_> {
    fn split_first(&self) -> Option<(PathSegment<'_>, Self)> {
        if self.0.is_empty() {
            return None;
        }
        let slash = self.0.iter().position(|byte| *byte == b'/');
        let (segment, rest) = match slash.and_then(|slash| self.0.split_at_checked(slash)) {
            Some((segment, rest)) => (segment, rest.strip_prefix(b"/").unwrap_or(rest)),
            None => (self.0, b"".as_slice()),
        };
        Some((PathSegment::Named(segment), Self(rest)))
    }
}

/// What the first pass over a path saw; bits of a mask.
mod seen {
    pub(super) const CONTROL: u8 = 1;
    pub(super) const BACKSLASH: u8 = 2;
    pub(super) const DOT_SEGMENT: u8 = 4;
    pub(super) const EMPTY_SEGMENT: u8 = 8;
    pub(super) const PERCENT: u8 = 16;
    pub(super) const SEMICOLON: u8 = 32;
    pub(super) const NOT_ASCII: u8 = 64;
    pub(super) const COLON: u8 = 128;
    /// What has more than one reading.
    pub(super) const SEVERAL: u8 = EMPTY_SEGMENT | PERCENT | SEMICOLON;
}

impl<'a> RequestPath<'a> {
    /// Reads `path`, from which the query was cut. Where the rules ignore case, it is in lower case as
    /// far as ASCII goes.
    pub(super) fn parse(path: &'a [u8], rules: PathRules) -> Result<Self, TargetError> {
        let Some(rest) = path.strip_prefix(b"/") else {
            return Err(TargetError::PathNotOriginForm);
        };
        if path.len() > MAX_PATH_BYTES {
            return Err(TargetError::PathTooLong);
        }
        let seen = look(rest)?;
        // What no rule allows comes first: everything below may rely on its absence.
        if seen & seen::CONTROL != 0 {
            return Err(TargetError::PathControl);
        }
        if seen & seen::BACKSLASH != 0 {
            return Err(TargetError::PathBackslash);
        }
        if seen & seen::DOT_SEGMENT != 0 {
            return Err(TargetError::PathDotSegment);
        }
        // Looked at only where it can fail: nearly every path is ASCII, and this runs on every check.
        if seen & seen::NOT_ASCII != 0 && std::str::from_utf8(path).is_err() {
            return Err(TargetError::PathNotUtf8);
        }
        // Servers that ignore case differ in what they do beyond ASCII.
        let several = if rules.ignore_case {
            seen::SEVERAL | seen::NOT_ASCII
        } else {
            seen::SEVERAL
        };
        let last = match seen & seen::COLON {
            0 => b"".as_slice(),
            _ => rest.rsplit(|byte| *byte == b'/').next().unwrap_or(rest),
        };
        if is_bare_verb(last) {
            return Err(TargetError::PathBareVerb);
        }
        // What ends in a colon has an empty verb, without which it is another path.
        if seen & several == 0 && !last.ends_with(b":") {
            return Ok(Self::Plain(PlainPath(rest)));
        }
        reading::read(path, rules).map(Self::Readings)
    }
}

impl PlainPath<'_> {
    /// Whether this can be `/package.Service/Method`, perhaps below a prefix.
    pub(super) fn is_grpc(self) -> bool {
        self.0.contains(&b'/')
    }
}

/// One pass over the path behind its leading slash.
fn look(rest: &[u8]) -> Result<u8, TargetError> {
    let mut seen = 0;
    let mut segments = 1;
    let mut length = 0_usize;
    let mut only_dots = true;
    for byte in rest {
        let bit = match byte {
            b'/' => {
                seen |= segment_bits(length, only_dots);
                segments += 1;
                length = 0;
                only_dots = true;
                continue;
            }
            b'.' => {
                length += 1;
                continue;
            }
            b'%' => seen::PERCENT,
            b';' => seen::SEMICOLON,
            b':' => seen::COLON,
            b'\\' => seen::BACKSLASH,
            0..=b' ' | 0x7f => seen::CONTROL,
            0x80.. => seen::NOT_ASCII,
            _ => 0,
        };
        seen |= bit;
        only_dots = false;
        length += 1;
    }
    if segments > MAX_SEGMENTS {
        return Err(TargetError::PathTooLong);
    }
    if !rest.is_empty() {
        seen |= segment_bits(length, only_dots);
    }
    Ok(seen)
}

/// Whether a last segment is nothing but `:text`. Servers that look for a verb do so behind the last
/// colon, so that with another one something is left of the segment.
pub(super) fn is_bare_verb(segment: &[u8]) -> bool {
    segment
        .strip_prefix(b":")
        .is_some_and(|verb| !verb.contains(&b':'))
}

fn segment_bits(length: usize, only_dots: bool) -> u8 {
    match length {
        0 => seen::EMPTY_SEGMENT,
        1 | 2 if only_dots => seen::DOT_SEGMENT,
        _ => 0,
    }
}
