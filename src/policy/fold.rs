//! Names without regard to case, for upstreams that compare them so.

/// What servers that ignore case beyond ASCII may make of `name`, which is in lower case as far as
/// ASCII goes, where that is another name. Some fold more than others (`ſ` to `s`, the Kelvin sign to
/// `k`, `ı` to `i`), so this folds all that any of them does.
pub(super) fn beyond_ascii(name: &[u8]) -> Option<Vec<u8>> {
    if name.is_ascii() {
        return None;
    }
    let text = std::str::from_utf8(name).ok()?;
    let folded: String = text.chars().map(fold).collect();
    (folded != text).then(|| folded.into_bytes())
}

/// Simple case folding, by way of the upper case: one character to one.
fn fold(character: char) -> char {
    let mut upper = character.to_uppercase();
    let upper = match (upper.next(), upper.next()) {
        (Some(only), None) => only,
        // `ß` would become two characters, which no server makes of it in a path.
        _ => character,
    };
    // `İ` becomes `i` and a dot above, of which servers keep the `i`.
    upper.to_lowercase().next().unwrap_or(upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_fold_as_far_as_any_server_folds_them() {
        for (name, expected) in [
            ("admin", None),
            ("straße", None),
            ("café", None),
            ("日本", None),
            ("cafÉ", Some("café")),
            ("\u{212a}iosk", Some("kiosk")),
            ("\u{17f}ecret", Some("secret")),
            ("adm\u{131}n", Some("admin")),
            ("adm\u{130}n", Some("admin")),
            ("ΣΑΣ", Some("σασ")),
            ("σας", Some("σασ")),
        ] {
            let folded = beyond_ascii(name.as_bytes());
            assert_eq!(folded.as_deref(), expected.map(str::as_bytes), "{name}");
        }
    }

    #[test]
    fn what_was_folded_folds_no_further() {
        for character in '\u{80}'..=char::MAX {
            let once = fold(character);
            assert_eq!(fold(once), once, "{character:?}");
        }
    }
}
