//! The picture that a site shows in place of its name: what it is says the file itself, and not its name.

use crate::coding::hex;

/// A page shows it some 40 pixels high.
pub const MAX_LOGO_BYTES: usize = 256 * 1024;

/// So much of a digest names it.
const NAME_BYTES: usize = 8;

/// What no page runs or loads, and nobody expects in a logo. In lower case.
const FOREIGN: [&str; 4] = ["<script", "<!entity", "<foreignobject", "<!doctype"];

/// A picture that pages may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    bytes: Vec<u8>,
    kind: Kind,
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Png,
    Webp,
    Svg,
}

/// Why a file is no logo.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    #[error("is not a PNG, WebP or SVG image: save the logo as one of them")]
    Unknown,
    /// An SVG with more than a picture.
    #[error("has `{0}`, which browsers ignore in a logo: save it as plain SVG, or as PNG")]
    Foreign(&'static str),
}

impl Logo {
    /// Finds out what it is by its first bytes.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, LogoError> {
        let kind = Kind::of(&bytes)?;
        let digest = blake3::hash(&bytes);
        let name = hex(digest.as_bytes().get(..NAME_BYTES).unwrap_or_default());
        Ok(Self {
            name: format!("{name}.{}", kind.extension()),
            bytes,
            kind,
        })
    }

    /// A name that changes with it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The media type.
    pub fn media_type(&self) -> &'static str {
        match self.kind {
            Kind::Png => "image/png",
            Kind::Webp => "image/webp",
            Kind::Svg => "image/svg+xml",
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Kind {
    fn of(bytes: &[u8]) -> Result<Self, LogoError> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Ok(Self::Png);
        }
        if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            return Ok(Self::Webp);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| LogoError::Unknown)?;
        let text = text.to_ascii_lowercase();
        if !root(&text).starts_with("<svg") {
            return Err(LogoError::Unknown);
        }
        match FOREIGN.into_iter().find(|part| text.contains(part)) {
            Some(part) => Err(LogoError::Foreign(part)),
            None => Ok(Self::Svg),
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Svg => "svg",
        }
    }
}

/// An XML document from its first element on.
fn root(text: &str) -> &str {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    for (start, end) in std::iter::repeat([("<?", "?>"), ("<!--", "-->"), ("<!", ">")]).flatten() {
        let Some(inner) = rest.strip_prefix(start) else {
            if !rest.starts_with("<?") && !rest.starts_with("<!") {
                return rest;
            }
            continue;
        };
        let Some((_, behind)) = inner.split_once(end) else {
            return "";
        };
        rest = behind.trim_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";
    const WEBP: &[u8] = b"RIFF\x04\0\0\0WEBPVP8 ";

    #[test]
    fn a_logo_is_what_its_first_bytes_say() {
        let unknown = Err(LogoError::Unknown);
        let rows: [(&[u8], _); 13] = [
            (PNG, Ok("image/png")),
            (WEBP, Ok("image/webp")),
            (b"<svg/>", Ok("image/svg+xml")),
            (
                b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <a> -->\n<SVG></SVG>",
                Ok("image/svg+xml"),
            ),
            (b"<html><svg/></html>", unknown.clone()),
            (b"<!-- <svg/>", unknown.clone()),
            (b"GIF89a", unknown.clone()),
            (b"\xff\xd8\xff\xe0 JPEG", unknown.clone()),
            (b"RIFF\x04\0\0\0WAVE", unknown.clone()),
            (b"", unknown),
            (
                b"<svg><SCRIPT>alert(1)</SCRIPT></svg>",
                Err(LogoError::Foreign("<script")),
            ),
            (
                b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg/>",
                Err(LogoError::Unknown),
            ),
            (
                b"<!DOCTYPE svg><svg/>",
                Err(LogoError::Foreign("<!doctype")),
            ),
        ];
        for (bytes, expected) in rows {
            let logo = Logo::parse(bytes.to_vec());
            let found = logo.map(|logo| logo.media_type());
            assert_eq!(found, expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_name_changes_with_the_picture() {
        let name = |bytes: &[u8]| Logo::parse(bytes.to_vec()).unwrap().name().to_owned();
        let first = name(b"<svg/>");
        assert_eq!(first.len(), "0123456789abcdef.svg".len());
        assert_eq!(first, name(b"<svg/>"));
        assert_ne!(first, name(b"<svg></svg>"));
    }
}
