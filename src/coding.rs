//! Hex digits, and percent encoding (RFC 3986 section 2.1).

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The value of a hex digit, in either case.
pub fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The digit, in lower case, of the last four bits.
pub fn hex_digit(nibble: u8) -> u8 {
    DIGITS
        .get(usize::from(nibble & 0xf))
        .copied()
        .unwrap_or(b'0')
}

/// Two digits for each byte, in lower case.
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|nibble| char::from(hex_digit(nibble))).collect()
}

/// The byte that `%` and these two digits stand for.
pub fn percent_decoded(high: u8, low: u8) -> Option<u8> {
    Some(hex_value(high)? * 16 + hex_value(low)?)
}

/// Text with each `%` and two digits decoded; other percent signs stay.
pub fn percent_decoded_text(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, more)) = rest.split_first() {
        let escape = match (first, more) {
            (b'%', [high, low, behind @ ..]) => {
                percent_decoded(*high, *low).map(|byte| (byte, behind))
            }
            _ => None,
        };
        let (byte, behind) = escape.unwrap_or((*first, more));
        decoded.push(byte);
        rest = behind;
    }
    decoded
}

/// Appends `text`, with everything encoded that is not unreserved (RFC 3986 section 2.3).
pub fn push_percent_encoded(to: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            push_escape(to, byte);
        }
    }
}

/// Appends `%XX`, in upper case (RFC 3986 section 6.2.2.1).
pub fn push_escape(to: &mut String, byte: u8) {
    let digit = |nibble| char::from(hex_digit(nibble).to_ascii_uppercase());
    to.extend(['%', digit(byte >> 4), digit(byte)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_coding() {
        for byte in 0..=u8::MAX {
            let mut escape = String::new();
            push_escape(&mut escape, byte);
            assert_eq!(escape, format!("%{byte:02X}"));
            assert_eq!(hex(&[byte]), format!("{byte:02x}"));
            for digits in [escape.to_lowercase(), escape] {
                let [_, high, low] = digits.as_bytes() else {
                    panic!("{digits}");
                };
                assert_eq!(percent_decoded(*high, *low), Some(byte));
            }
            assert_eq!(
                hex_value(byte).is_some(),
                byte.is_ascii_hexdigit(),
                "{byte}"
            );
        }
        assert_eq!(hex(&[]), "");
    }

    #[test]
    fn only_what_is_unreserved_stays_as_it_is() {
        let mut text = String::new();
        push_percent_encoded(&mut text, "aZ09-._~ /?é%");
        assert_eq!(text, "aZ09-._~%20%2F%3F%C3%A9%25");
    }
}
