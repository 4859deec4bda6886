//! Documents that may not be left out.

use super::*;

/// Left out, its rules could be the ones that refuse.
#[test]
fn a_document_that_is_not_read_ends_the_import() {
    for (text, expected) in [
        ("ruls: []\n", "help: `ruls`: did you mean `rules`?"),
        ("version: 1alpha4\nrules: {}\n", "help: leave it out"),
        (
            "kind: RuleSet\nspec: {ruls: []}\n",
            "help: `ruls`: did you mean `rules`?",
        ),
        ("kind: Ruleset\nspec: {}\n", "help: leave it out"),
        ("kind: List\nitems: []\n", "help: leave it out"),
        (
            "mechanism: {}\n",
            "help: `mechanism`: did you mean `mechanisms`?",
        ),
    ] {
        let error = import(&[CONFIG, RULES, text], Publicity::Allow).unwrap_err();
        let start = "a document is neither a rule set with a list of `rules` nor a configuration with `mechanisms`";
        assert!(error.starts_with(start), "{text}: {error}");
        assert!(error.contains(expected), "{text}: {error}");
    }
    let other = "kind: Service\nmetadata: {name: a}\n";
    let migrated = import(&[CONFIG, RULES, other], Publicity::Allow).unwrap();
    assert!(told(&migrated).contains("document: left out"));
}
