//! Rule sets of heimdall, with the mechanisms of its configuration.

mod mechanisms;
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
    let mut mechanisms = Mechanisms::default();
    let mut written: Vec<&Tree> = Vec::new();
    let mut default = None;
    for tree in &trees {
        let rules = tree.at(&["spec", "rules"]).or_else(|| tree.get("rules"));
        match (rules, tree.get("mechanisms")) {
            (Some(Tree::List(rules)), None) => written.extend(rules),
            (_, Some(own)) => {
                mechanisms.read(own, &mut notes);
                default = tree.get("default_rule").or(default);
            }
            _ => notes.add(
                "document",
                "left out: it is neither a rule set nor a configuration with `mechanisms`",
            ),
        }
    }
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
            no_token: "!(\"authorization\" in request.headers)".to_owned(),
        },
        notes,
    })
}
