//! Text that somebody else wrote, as it may be shown.

/// Text that leaves a terminal as it is: control characters and those that turn the writing
/// direction are shown by their number.
pub fn printable(text: &str) -> String {
    let turns = |character| {
        let marks = '\u{200e}'..='\u{200f}';
        let embeddings = '\u{2028}'..='\u{202e}';
        let isolates = '\u{2066}'..='\u{2069}';
        [marks, embeddings, isolates]
            .iter()
            .any(|range| range.contains(&character))
    };
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || turns(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_terminal_is_shown_by_its_number() {
        for (text, shown) in [
            ("plain \u{e4}", "plain \u{e4}"),
            ("a\nb\u{1b}[31m", "a\\u{a}b\\u{1b}[31m"),
            ("\u{202e}abc\u{2066}", "\\u{202e}abc\\u{2066}"),
            ("\u{200f}\u{2028}", "\\u{200f}\\u{2028}"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }
}
