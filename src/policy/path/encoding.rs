//! Percent-encoding (RFC 3986 section 2.1), and what it must not hide.

use super::{EncodedSlashes, PathRules};
use crate::coding::percent_decoded;
use crate::policy::MalformedTarget;

/// The rules for percent signs, which no reading changes.
pub(super) fn check_encoding(path: &[u8], rules: PathRules) -> Result<(), MalformedTarget> {
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
            b'/' if rules.encoded_slashes == EncodedSlashes::Refused => {
                return Err(MalformedTarget::PathEncodedSlash);
            }
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

    fn first(text: &'a [u8]) -> Result<Option<Self>, MalformedTarget> {
        let (byte, was_encoded, rest) = match text {
            [] => return Ok(None),
            [b'%', high, low, rest @ ..] => match percent_decoded(*high, *low) {
                Some(byte) => (byte, true, rest),
                None => return Err(MalformedTarget::PathBadPercent),
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

pub(super) fn is_reserved(byte: u8) -> bool {
    b":/?#[]@!$&'()*+,;=%".contains(&byte)
}

/// RFC 3986 section 2.3.
pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}
