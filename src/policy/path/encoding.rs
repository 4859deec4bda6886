//! Percent-encoding (RFC 3986 section 2.1), and what it must not hide.

use super::{EncodedSlashes, PathRules};
use crate::coding::percent_decoded;
use crate::policy::{TargetError, fold};

/// The rules for percent signs, which no reading changes.
pub(super) fn check_encoding(path: &[u8], rules: PathRules) -> Result<(), TargetError> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some(first) = Decoded::first(rest)? {
        rest = first.rest;
        decoded.push(first.byte);
        match first.byte {
            _ if !first.was_encoded => {}
            0..=0x1f | 0x7f => return Err(TargetError::PathControl),
            b'\\' => return Err(TargetError::PathBackslash),
            b'.' => return Err(TargetError::PathEncodedDot),
            b'/' if rules.encoded_slashes == EncodedSlashes::Refused => {
                return Err(TargetError::PathEncodedSlash);
            }
            b'?' | b'#' if !rules.encoded_delimiters => {
                return Err(TargetError::PathEncodedDelimiter);
            }
            _ => {}
        }
    }
    // A percent sign in the result was encoded; with two digits behind it, someone decodes twice.
    if decoded.windows(3).any(|window| {
        matches!(window, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
    }) {
        return Err(TargetError::PathDoubleEncoding);
    }
    let text = std::str::from_utf8(&decoded).map_err(|_| TargetError::PathNotUtf8)?;
    if rules.ignore_case && fold::is_uncertain(text) {
        return Err(TargetError::PathUncertainCase);
    }
    if path.contains(&b';') && !rules.path_parameters {
        return Err(TargetError::PathParameter);
    }
    Ok(())
}

/// The text after percent-decoding, up to an error.
pub(in crate::policy) fn decoded(text: &[u8]) -> Vec<u8> {
    Decoded::all(text).map(|first| first.byte).collect()
}

/// One byte after percent-decoding (RFC 3986 section 2.1).
pub(super) struct Decoded<'a> {
    pub(super) byte: u8,
    pub(super) was_encoded: bool,
    pub(super) rest: &'a [u8],
}

impl<'a> Decoded<'a> {
    /// All bytes of `text`, up to an error.
    pub(super) fn all(text: &'a [u8]) -> impl Iterator<Item = Self> {
        let mut rest = text;
        std::iter::from_fn(move || {
            let first = Self::first(rest).ok().flatten()?;
            rest = first.rest;
            Some(first)
        })
    }

    fn first(text: &'a [u8]) -> Result<Option<Self>, TargetError> {
        let (byte, was_encoded, rest) = match text {
            [] => return Ok(None),
            [b'%', high, low, rest @ ..] => match percent_decoded(*high, *low) {
                Some(byte) => (byte, true, rest),
                None => return Err(TargetError::PathBadPercent),
            },
            [b'%', ..] => return Err(TargetError::PathBadPercent),
            [byte, rest @ ..] => (*byte, false, rest),
        };
        Ok(Some(Self {
            byte,
            was_encoded,
            rest,
        }))
    }
}

pub(super) fn is_reserved(byte: u8) -> bool {
    b":/?#[]@!$&'()*+,;=%".contains(&byte)
}

/// RFC 3986 section 2.3.
pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Whether some server on the way may leave this byte encoded where a path has it so, and compare it as it came.
/// A dot may not be encoded, and of a slash, `?`, `#` and `;` other rules say what becomes of them.
pub(crate) fn may_stay_encoded(byte: u8) -> bool {
    (is_reserved(byte) || is_unreserved(byte)) && !b"./?#;".contains(&byte)
}
