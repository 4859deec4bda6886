//! `issuer.password_words`.

use crate::identity::ContextWords;
use crate::problem::Faults;

/// The words of the site at this host.
pub(super) fn words(host: &str, title: &str, more: &[String], faults: &mut Faults) -> ContextWords {
    let is_short = |word: &&String| word.trim().chars().count() < ContextWords::MIN_CHARACTERS;
    if let Some(word) = more.iter().find(is_short) {
        faults.add("issuer.password_words", format!(
            "`issuer.password_words` has `{word}`, which is in too many other words: write words of at least {} \
             characters",
            ContextWords::MIN_CHARACTERS
        ));
    }
    ContextWords::of_site(host, title, more)
}
