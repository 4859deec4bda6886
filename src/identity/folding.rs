//! Texts as guessers see them: what looks the same, or says the same, is the same.

use unicode_normalization::UnicodeNormalization;

use super::unseen::is_unseen;

/// A text in lower case, with full-width letters, ligatures and the like as plain ones (NFKC, UAX #15), and without
/// characters that cannot be seen. Letters of other alphabets that only look alike stay what they are.
pub(super) fn folded(text: &str) -> String {
    let seen = text.chars().filter(|character| !is_unseen(*character));
    let plain: String = seen.nfkc().collect();
    let lower = plain.to_lowercase();
    let lower = lower.nfkc().filter(|character| !is_unseen(*character));
    lower.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_the_same_is_the_same() {
        for (text, expected) in [
            ("PassWord", "password"),
            ("\u{ff50}\u{ff41}ssword", "password"),
            ("\u{ff30}\u{ff21}SSWORD", "password"),
            ("pass\u{200b}wo\u{ad}rd\u{feff}", "password"),
            ("\u{1d429}assword", "password"),
            ("o\u{fb03}ce", "office"),
            ("u\u{308}ber", "\u{fc}ber"),
            ("\u{a0}pass", " pass"),
            ("\u{200b}\u{2060}", ""),
            // Cyrillic: no guess of those who try the commonest ones.
            ("p\u{430}ssword", "p\u{430}ssword"),
        ] {
            assert_eq!(folded(text), expected, "{text:?}");
            assert_eq!(folded(expected), expected, "{expected:?}");
        }
    }
}
