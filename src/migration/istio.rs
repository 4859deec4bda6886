//! Istio's `AuthorizationPolicy` and `RequestAuthentication`.

mod authentication;
mod kind;
mod rules;
mod scope;

use super::asked::Terms;
use super::formula::{Formula, Test};
use super::{Migrated, Notes, Reading, finish};
use crate::problem::{Problem, Source};
use crate::yaml::{self, Tree};
use authentication::Issuers;
use scope::Object;

pub use scope::IstioSettings;

/// The most objects of one run.
const MAX_OBJECTS: usize = 10_000;

/// Makes a policy of the objects that hold for one workload.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
pub fn import_istio(sources: &[Source], settings: &IstioSettings) -> Result<Migrated, Problem> {
    let mut trees = Vec::new();
    for source in sources {
        trees.extend(yaml::parse_foreign(source)?);
    }
    let mut notes = Notes::default();
    let mut objects = Vec::new();
    for tree in &trees {
        scope::gather(tree, &mut objects, &mut notes)?;
    }
    if objects.len() > MAX_OBJECTS {
        return Err(
            Problem::new(format!("there are more than {MAX_OBJECTS} objects"))
                .help("import those of one workload"),
        );
    }
    if objects.is_empty() {
        return Err(Problem::new(
            "there is no `AuthorizationPolicy` and no `RequestAuthentication` of Istio here",
        )
        .help("name files with such objects, or what `kubectl get -o yaml` prints of them"));
    }
    let objects = scope::for_workload(objects, settings)?;
    let mut issuers = Issuers::default();
    for object in objects.iter().filter(|object| object.is_authentication) {
        issuers.read(object, &mut notes);
    }
    let mut rules = 0;
    let formula = formula(&objects, &issuers, &mut notes, &mut rules);
    let names: Vec<String> = sources
        .iter()
        .map(|source| super::policy_text::shown(&source.name))
        .collect();
    finish(Reading {
        title: names.join(", "),
        formula,
        rules,
        trust: issuers.trust(),
        terms: Terms {
            publicity: settings.publicity,
            no_token: issuers.no_token(),
        },
        notes,
    })
}

/// What a workload lets in: nothing that the rules of a `DENY` match, and where there are `ALLOW`s, what
/// one of their rules matches; no token that is not valid.
fn formula(
    objects: &[Object<'_>],
    issuers: &Issuers,
    notes: &mut Notes,
    rules: &mut usize,
) -> Formula {
    let mut all = Vec::new();
    if issuers.are_asked_for() {
        let mut any = vec![Formula::Test(Test::NoToken)];
        any.extend(issuers.any());
        all.push(Formula::Any(any));
    }
    let mut allowed = None;
    for object in objects.iter().filter(|object| !object.is_authentication) {
        let place = object.label();
        if is_dry_run(object.tree) {
            notes.add(&place, "a dry run decides nothing and is left out");
            continue;
        }
        let mut reader = rules::Reader {
            issuers,
            notes,
            rules,
        };
        let action = object.spec(&["action"]);
        match action.map(|action| action.text().unwrap_or_default()) {
            None | Some("ALLOW") => {
                let policy = reader.policy(object, &place);
                allowed.get_or_insert_with(Vec::new).push(policy);
            }
            Some("DENY") => all.push(Formula::not(reader.policy(object, &place))),
            Some("CUSTOM") => {
                let matched = reader.policy(object, &place);
                all.push(custom(matched, &place, notes));
            }
            Some("AUDIT") => notes.add(&place, "`AUDIT` decides nothing and is left out"),
            Some(_) => all.push(notes.unknown(&place, "this action has no equal")),
        }
    }
    all.extend(allowed.map(Formula::Any));
    Formula::All(all)
}

/// What another service decides where its rules match.
fn custom(matched: Formula, place: &str, notes: &mut Notes) -> Formula {
    notes.add(
        place,
        "not carried over: `CUSTOM` asks another service; what its rules match is open to nobody",
    );
    let asked = Formula::Unknown(format!("{place}: `CUSTOM` asks another service").into());
    Formula::Any(vec![Formula::not(matched), asked])
}

fn is_dry_run(tree: &Tree) -> bool {
    // As Go reads truth values.
    const TRUE: [&str; 6] = ["1", "t", "T", "TRUE", "true", "True"];
    let value = tree.at(&["metadata", "annotations", "istio.io/dry-run"]);
    value.is_some_and(|value| {
        value.text().is_some_and(|text| TRUE.contains(&text)) || value.is_true()
    })
}
