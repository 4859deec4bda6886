//! How a log shows what a caller wrote: escaped, and never more than so much of it.

use std::fmt::Write;

/// At most `max_bytes` of `bytes` as text without control characters. Each byte that is not UTF-8, and
/// each character that could change how a terminal shows the line, is escaped.
pub(super) fn bounded(bytes: &[u8], max_bytes: usize) -> String {
    // Some more than is shown, so that a character at the end is whole.
    let looked_at = bytes.get(..max_bytes + 4).unwrap_or(bytes);
    let mut text = String::with_capacity(looked_at.len());
    for chunk in looked_at.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                // Quotation marks need no escape of ours: every format has its own.
                '"' | '\'' => text.push(character),
                _ => text.extend(character.escape_debug()),
            }
            if text.len() > max_bytes {
                return cut(text, max_bytes);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    if text.len() > max_bytes || looked_at.len() < bytes.len() {
        return cut(text, max_bytes);
    }
    text
}

fn cut(mut text: String, max_bytes: usize) -> String {
    let end = text.floor_char_boundary(max_bytes);
    text.truncate(end);
    text.push_str("...");
    text
}

/// The trace id of a `traceparent` (W3C Trace Context, section 3.2): 32 hex digits, not all zero.
pub(super) fn trace_id(traceparent: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(traceparent).ok()?;
    let (version, rest) = text.split_once('-')?;
    let (trace_id, _) = rest.split_once('-')?;
    let is_hex = |text: &str| {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        text.bytes().all(digit)
    };
    let valid = version.len() == 2
        && is_hex(version)
        && trace_id.len() == 32
        && is_hex(trace_id)
        && trace_id.bytes().any(|byte| byte != b'0');
    valid.then_some(trace_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_change_the_line_is_escaped_and_what_is_long_is_cut() {
        for (bytes, expected) in [
            (b"/orders/1".as_slice(), "/orders/1"),
            (b"", ""),
            (b"a\nb\x1b[31m\0", "a\\nb\\u{1b}[31m\\0"),
            (b"\xff\xfea", "\\xff\\xfea"),
            ("/b\u{fc}cher".as_bytes(), "/b\u{fc}cher"),
            ("\u{202e}abc".as_bytes(), "\\u{202e}abc"),
            (b"say \"it's\" \\", "say \"it's\" \\\\"),
            (b"12345678901234567890", "12345678901234567890"),
            (b"123456789012345678901", "12345678901234567890..."),
            (b"1234567890123456789\n1", "1234567890123456789\\..."),
            (
                b"12345678901234567890\xff\xff\xff\xff\xff",
                "12345678901234567890...",
            ),
        ] {
            assert_eq!(bounded(bytes, 20), expected, "{bytes:?}");
        }
        let long = bounded(&"\u{fc}".repeat(100_000).into_bytes(), 21);
        assert_eq!(long, format!("{}...", "\u{fc}".repeat(10)));
    }

    #[test]
    fn the_trace_id_is_taken_from_well_formed_headers_alone() {
        const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (text, expected) in [
            (format!("00-{ID}-00f067aa0ba902b7-01"), Some(ID)),
            (
                format!("cc-{ID}-00f067aa0ba902b7-01-what-the-future"),
                Some(ID),
            ),
            (
                format!("00-{}-00f067aa0ba902b7-01", ID.to_uppercase()),
                None,
            ),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), None),
            (format!("00-{ID}"), None),
            (format!("0-{ID}-00f067aa0ba902b7-01"), None),
            (format!("00-{ID}0-00f067aa0ba902b7-01"), None),
            (String::new(), None),
        ] {
            assert_eq!(trace_id(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(trace_id(b"00-\xff"), None);
    }
}
