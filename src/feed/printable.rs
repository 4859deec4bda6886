//! What the other side has written, for logs and pages.

/// As much of it as is wanted, with a question mark for whatever is not printable ASCII.
pub(super) fn printable(text: &str, max_characters: usize) -> String {
    let plain = |character: char| match character {
        ' '..='~' => character,
        _ => '?',
    };
    text.chars().map(plain).take(max_characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_printable_and_short() {
        let text = printable(&format!("\u{1b}[31m\n{}", "x".repeat(1000)), 300);
        assert!(text.starts_with("?[31m?xxx") && text.len() == 300);
        assert_eq!(printable("a\u{202e}b\u{e4}", 10), "a?b?");
    }
}
