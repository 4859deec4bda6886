//! Names without regard to case, for upstreams that compare them so.

/// The longest end of a name, in bytes, that a text behind a parameter is compared with.
pub(super) const MAX_END_BYTES: usize = 64;

/// Characters that servers that ignore case may skip (`Default_Ignorable_Code_Point` of Unicode, and
/// control characters).
const IGNORABLE: [(char, char); 18] = [
    ('\u{80}', '\u{9f}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether no list of readings tells what servers that ignore case make of `text`: a character of it
/// becomes several (`ß` and `ss`, `ﬁ` and `fi`) or an ASCII letter (`ſ` and `s`, the Kelvin sign and
/// `k`), or is skipped (the soft hyphen).
pub(super) fn is_uncertain(text: &str) -> bool {
    !text.is_ascii() && text.chars().any(is_uncertain_character)
}

fn is_uncertain_character(character: char) -> bool {
    let is_ignorable = |(first, last): &(char, char)| (*first..=*last).contains(&character);
    // `ẞ` becomes `ß`, and that two: what either case becomes counts as well.
    let cases = character.to_lowercase().chain(character.to_uppercase());
    !character.is_ascii()
        && (IGNORABLE.iter().any(is_ignorable)
            || cases.chain([character]).any(|case| {
                let (lower, upper) = (case.to_lowercase(), case.to_uppercase());
                lower.len() > 1 || upper.len() > 1 || lower.chain(upper).any(|one| one.is_ascii())
            }))
}

/// What servers that ignore case beyond ASCII may make of `name`, which has nothing uncertain: the
/// whole of it folded, and shorter ends of it, first the whole. Empty where nothing is to fold.
pub(super) fn beyond_ascii(name: &[u8]) -> Vec<Vec<u8>> {
    if name.is_ascii() {
        return Vec::new();
    }
    let text = std::str::from_utf8(name).unwrap_or_default();
    let folded: String = text.chars().map(fold).collect();
    let mut all: Vec<Vec<u8>> = Vec::new();
    let ends = text.char_indices().zip(folded.char_indices());
    for ((start, character), (folded_start, of_it)) in ends {
        let end = folded.len() - folded_start - of_it.len_utf8();
        // Beyond what a text behind a parameter reaches, only literals tell, and they are folded.
        if character == of_it || (!all.is_empty() && end >= MAX_END_BYTES) {
            continue;
        }
        let (before, after) = (name.get(..start), folded.get(folded_start..));
        all.push(
            [
                before.unwrap_or_default(),
                after.unwrap_or_default().as_bytes(),
            ]
            .concat(),
        );
    }
    all
}

/// Simple case folding, by way of the upper case: one character to one. Only what is uncertain
/// becomes several; it stays as it is.
fn fold(character: char) -> char {
    let only = |mut case: std::char::ToUppercase| case.next().filter(|_| case.next().is_none());
    let upper = only(character.to_uppercase()).unwrap_or(character);
    let mut lower = upper.to_lowercase();
    lower
        .next()
        .filter(|_| lower.next().is_none())
        .unwrap_or(upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_fold_as_a_whole_and_from_any_of_them_on() {
        for (name, expected) in [
            ("admin", [].as_slice()),
            ("café", &[]),
            ("日本", &[]),
            ("cafÉ", &["café"]),
            ("ΣΑΣ", &["σασ", "Σασ", "ΣΑσ"]),
            ("σας", &["σασ"]),
            ("ÉxÀ", &["éxà", "Éxà"]),
            // Two bytes become three.
            ("\u{23a}É", &["\u{2c65}é", "\u{23a}é"]),
        ] {
            let folded = beyond_ascii(name.as_bytes());
            let expected: Vec<_> = expected.iter().map(|one| one.as_bytes().to_vec()).collect();
            assert_eq!(folded, expected, "{name}");
        }
    }

    #[test]
    fn ends_are_folded_as_far_as_a_text_behind_a_parameter_reaches() {
        let folded = beyond_ascii("É".repeat(1000).as_bytes());
        assert_eq!(folded.len(), 1 + MAX_END_BYTES / 2);
        assert_eq!(folded[0], "é".repeat(1000).as_bytes());
    }

    #[test]
    fn characters_that_no_two_servers_fold_alike_are_uncertain() {
        for text in [
            "straße",
            "STRA\u{1e9e}E",
            "\u{fb01}n",
            "\u{149}",
            "\u{1f0}",
            "\u{390}",
            "a\u{ad}b",
            "a\u{200c}b",
            "a\u{200d}b",
            "\u{feff}",
            "\u{fe0f}",
            "\u{e0041}",
            "\u{17f}ecret",
            "\u{212a}iosk",
            "adm\u{131}n",
            "adm\u{130}n",
            "a\u{85}",
        ] {
            assert!(is_uncertain(text), "{text:?}");
        }
        for text in [
            "admin",
            "café",
            "CAFÉ",
            "日本",
            "ΣΑΣ",
            "σας",
            "Привет",
            "\u{212b}",
            "ǆ",
            "ǅ",
        ] {
            assert!(!is_uncertain(text), "{text:?}");
        }
    }

    /// Every case of a character, and what is folded already, folds to the same character.
    #[test]
    fn whatever_the_case_the_folded_character_is_one() {
        for character in ('\u{80}'..=char::MAX).filter(|one| !is_uncertain_character(*one)) {
            let once = fold(character);
            let cases = character.to_lowercase().chain(character.to_uppercase());
            for case in cases.chain([once]) {
                assert_eq!(fold(case), once, "{character:?} {case:?}");
            }
            assert!(!once.is_ascii(), "{character:?}");
        }
    }
}
