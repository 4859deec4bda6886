//! Words that guessers try first at one site: its names, and those of the user.

use super::folding::folded;

/// What the product is called.
const PRODUCT: &str = "portcullis";

/// Words that say nothing in a password of one site, folded and the longest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContextWords(Vec<String>);

impl ContextWords {
    /// Shorter words are in too much else.
    pub const MIN_CHARACTERS: usize = 4;

    /// Those of a site: the host of its URL, its title, and what its operator adds.
    pub fn of_site(host: &str, title: &str, more: &[String]) -> Self {
        let words = [PRODUCT, host, title].into_iter();
        Self::default().with(words.chain(more.iter().map(String::as_str)))
    }

    /// These, and those of other names: each as a whole, and its parts.
    #[must_use]
    pub fn with<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut words = self.0.clone();
        for name in names {
            let name = folded(name);
            let parts = name.split(|character: char| !character.is_alphanumeric());
            words.extend(parts.chain([name.as_str()]).map(str::to_owned));
        }
        words.retain(|word| word.chars().count() >= Self::MIN_CHARACTERS);
        words.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        words.dedup();
        Self(words)
    }

    /// What is left of a folded text without them, and without signs around it; none where it has none of
    /// them.
    pub(super) fn taken_from(&self, folded: &str) -> Option<String> {
        let mut rest = folded.to_owned();
        for word in &self.0 {
            rest = rest.replace(word, "");
        }
        let is_sign = |character: char| !character.is_alphanumeric();
        (rest != folded).then(|| rest.trim_matches(is_sign).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_as_a_whole_and_by_their_parts() {
        let site = ContextWords::of_site("id.shop.example", "Corner Shop", &["Acme".to_owned()]);
        let words = site.with(["al.ice", "alice@mail.example"]);
        for (text, rest) in [
            ("portcullis2026", "2026"),
            ("acme-corner-shop", ""),
            ("corner shop", ""),
            ("id.shop.example!", ""),
            ("al.ice.1", "1"),
            ("alice@mail.example", ""),
        ] {
            assert_eq!(words.taken_from(text).as_deref(), Some(rest), "{text}");
        }
        // The first is too short to be a word.
        for text in ["!ice id!", "pfannkuchen mit apfelmus"] {
            assert_eq!(words.taken_from(text), None, "{text}");
        }
    }
}
