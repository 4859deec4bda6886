//! The textual form of keys (RFC 7468): one block, its label and its bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The length of a line of base64 that RFC 7468 section 2 asks of writers.
const LINE_LENGTH: usize = 64;

/// One block. Its bytes may be a private key: no `Debug`.
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    pub(super) bytes: Vec<u8>,
    /// Whether headers before the base64 say that it is encrypted (RFC 1421 section 4.6.1.1).
    pub(super) encrypted: bool,
}

impl<'a> Block<'a> {
    /// Reads the first block; text around it is allowed (RFC 7468 section 5.2).
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (_, rest) = text.split_once("-----BEGIN ")?;
        let (label, rest) = rest.split_once("-----")?;
        let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
        let (headers, body): (Vec<&str>, Vec<&str>) = body
            .lines()
            .map(str::trim)
            .partition(|line| line.contains(':'));
        let encrypted = headers.iter().any(|line| line.contains("ENCRYPTED"));
        let bytes = if encrypted {
            Vec::new()
        } else {
            STANDARD.decode(body.concat()).ok()?
        };
        Some(Self {
            label,
            bytes,
            encrypted,
        })
    }
}

pub(super) fn write(label: &str, bytes: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut length = 0;
    for character in STANDARD.encode(bytes).chars() {
        if length == LINE_LENGTH {
            text.push('\n');
            length = 0;
        }
        text.push(character);
        length += 1;
    }
    text + "\n-----END " + label + "-----\n"
}
