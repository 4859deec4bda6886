//! Rule sets of heimdall, with the mechanisms of its configuration.

mod mechanisms;
mod pipeline;
mod rules;

use super::asked::Terms;
use super::{Migrated, Notes, Publicity, Reading, finish};
use crate::problem::{Problem, Source, closest, quoted};
use crate::yaml::{self, Tree};
use mechanisms::Mechanisms;

/// The kind of rule sets in Kubernetes.
const RULE_SET: &str = "RuleSet";

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
    } = documents(&trees, &mut notes)?;
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

#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn documents<'t>(trees: &'t [Tree], notes: &mut Notes) -> Result<Documents<'t>, Problem> {
    let mut found = Documents {
        mechanisms: Mechanisms::default(),
        rules: Vec::new(),
        default: None,
    };
    for tree in trees {
        let rules = tree.at(&["spec", "rules"]).or_else(|| tree.get("rules"));
        match (rules, tree.get("mechanisms")) {
            (Some(Tree::List(rules)), None) => found.rules.extend(rules),
            (None, Some(own)) => {
                found.mechanisms.read(own, notes);
                found.default = tree.get("default_rule").or(found.default);
            }
            (rules, _) if rules.is_none() && is_of_others(tree) => notes.add(
                "document",
                "left out: it is neither a rule set nor a configuration with `mechanisms`",
            ),
            _ => return Err(not_read(tree)),
        }
    }
    Ok(found)
}

/// Whether a document is surely no rule set: nothing at all, or another object of Kubernetes.
fn is_of_others(tree: &Tree) -> bool {
    match tree.get("kind").and_then(Tree::text) {
        Some(RULE_SET) => false,
        Some(kind) => closest(kind, [RULE_SET]).is_none() && !kind.ends_with("List"),
        None => *tree == Tree::Null,
    }
}

/// A document that cannot be left out: its rules may be the ones that refuse.
fn not_read(tree: &Tree) -> Problem {
    const KEYS: [&str; 2] = ["rules", "mechanisms"];
    let mut own = tree.get("spec").unwrap_or(tree).entries().iter();
    let near = own.find_map(|(key, _)| Some((key, closest(key, KEYS)?)));
    Problem::new("a document is neither a rule set with a list of `rules` nor a configuration with `mechanisms`")
        .help(match near {
            Some((key, near)) => format!("{}: did you mean `{near}`?", quoted(key)),
            None => "leave it out of the files; of a list of objects, name each in a document of its own".to_owned(),
        })
}
