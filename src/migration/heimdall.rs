//! Rule sets of heimdall, with the mechanisms of its configuration.

mod mechanisms;
mod pipeline;
mod rules;

use super::asked::Terms;
use super::{Migrated, Notes, Publicity, Reading, finish};
use crate::problem::{Problem, Source};
use crate::yaml::{self, Tree};
use mechanisms::Mechanisms;

/// Makes a policy of rule sets. Which mechanism an id stands for, heimdall's own configuration says, which
/// has to be one of the files.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
pub fn import_heimdall(sources: &[Source], publicity: Publicity) -> Result<Migrated, Problem> {
    let mut trees = Vec::new();
    for source in sources {
        trees.extend(yaml::parse_foreign(source)?);
    }
    let mut notes = Notes::default();
    let Documents {
        mechanisms,
        rules: written,
        default,
    } = documents(&trees, &mut notes);
    if written.is_empty() {
        return Err(Problem::new("there is no rule of heimdall here").help(
            "name a rule set (`version`, `rules`), and the configuration with its `mechanisms`",
        ));
    }
    let mut reader = rules::Reader {
        mechanisms: &mechanisms,
        notes: &mut notes,
        default,
    };
    let formula = reader.rules(&written)?;
    let names: Vec<String> = sources
        .iter()
        .map(|source| super::policy_text::shown(&source.name))
        .collect();
    finish(Reading {
        title: names.join(", "),
        formula,
        rules: written.len(),
        trust: mechanisms.trust(),
        terms: Terms {
            publicity,
            no_token: mechanisms.no_token(),
        },
        notes,
    })
}

/// What the documents of heimdall say together.
struct Documents<'t> {
    mechanisms: Mechanisms,
    rules: Vec<&'t Tree>,
    default: Option<&'t Tree>,
}

fn documents<'t>(trees: &'t [Tree], notes: &mut Notes) -> Documents<'t> {
    let mut found = Documents {
        mechanisms: Mechanisms::default(),
        rules: Vec::new(),
        default: None,
    };
    for tree in trees {
        let rules = tree.at(&["spec", "rules"]).or_else(|| tree.get("rules"));
        match (rules, tree.get("mechanisms")) {
            (Some(Tree::List(rules)), None) => found.rules.extend(rules),
            (_, Some(own)) => {
                found.mechanisms.read(own, notes);
                found.default = tree.get("default_rule").or(found.default);
            }
            _ => notes.add(
                "document",
                "left out: it is neither a rule set nor a configuration with `mechanisms`",
            ),
        }
    }
    found
}
