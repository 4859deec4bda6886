//! What a proxy's configuration would do to the policy: settings of Envoy, Istio and Envoy Gateway by
//! which the gate is not asked, or its answer is not what happens.

mod clusters;
pub(crate) mod envoy;
mod envoy_gateway;
pub(crate) mod field;
mod filter;
mod finding;
mod identity;
mod istio;
mod live;
mod manager;
mod other_planes;
mod routes;
mod timing;

use std::collections::{BTreeMap, BTreeSet};

use crate::problem::printable;
use crate::yaml::Tree;
use envoy::Envoy;
use envoy_gateway::Policies;
pub use finding::{Finding, Severity, Trouble};
pub use identity::IdentityNames;
pub use live::{LiveAnswer, Meaning, RefusedBy, STILL_RUNNING, Standing, of_identity, ways_around};

/// The most findings of one severity: a flood of notes leaves room for failures.
const MAX_FINDINGS: usize = 1000;

/// What the examination takes for granted.
#[derive(Debug, Clone, Default)]
pub struct Assumptions {
    /// The names of the identity headers.
    pub identity: IdentityNames,
    /// The cluster of the gate, where other services are asked by `ext_authz` as well.
    pub cluster: Option<String>,
}

/// What was examined, and what was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Such as `an Envoy bootstrap`, in the order of the documents.
    pub examined: Vec<String>,
    /// The worst first.
    pub findings: Vec<Finding>,
    /// How many more there are than fit, by their severity.
    pub left_out: BTreeMap<Severity, usize>,
    kept: BTreeMap<Severity, usize>,
}

impl Report {
    pub fn count(&self, severity: Severity) -> usize {
        let all = self.findings.iter();
        all.filter(|finding| finding.severity() == severity).count()
    }

    fn add(&mut self, trouble: Trouble, place: impl AsRef<str>) {
        self.push(trouble, place.as_ref(), None);
    }

    /// Adds a finding with what exactly stands there.
    fn add_with(&mut self, trouble: Trouble, place: impl AsRef<str>, detail: impl AsRef<str>) {
        self.push(trouble, place.as_ref(), Some(detail.as_ref()));
    }

    fn push(&mut self, trouble: Trouble, place: &str, detail: Option<&str>) {
        let severity = trouble.severity();
        let kept = self.kept.entry(severity).or_default();
        if *kept == MAX_FINDINGS {
            *self.left_out.entry(severity).or_default() += 1;
            return;
        }
        *kept += 1;
        self.findings.push(Finding {
            trouble,
            place: shown(place),
            detail: detail.map(shown),
        });
    }
}

/// Text of a document as a report shows it: on one line, and of bounded length.
fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 300;
    printable(&text.chars().take(MAX_CHARS).collect::<String>())
}

/// Examines documents. Those that are nothing that is known here are passed over; `examined` is empty
/// if all are.
pub fn examine(documents: &[Tree], assumptions: &Assumptions) -> Report {
    let mut report = Report::default();
    let mut objects = Vec::new();
    for document in documents {
        if let Some(envoy) = Envoy::read(document) {
            report.examined.push(envoy.kind.to_owned());
            envoy.examine(assumptions, &mut report);
        } else if istio::examine_mesh_settings(document, &mut report) {
            report.examined.push("settings of an Istio mesh".to_owned());
        } else {
            gather(document, &mut objects);
        }
    }
    let policies = Policies::of(&objects);
    for object in &objects {
        let is_known = istio::examine(object, assumptions, &mut report)
            || envoy_gateway::examine(object, &policies, assumptions, &mut report)
            || other_planes::examine(object, &mut report);
        if is_known {
            report.examined.push(object.label());
        }
    }
    istio::examine_whether_asked(&objects, &mut report);
    let mut seen = BTreeSet::new();
    report
        .findings
        .retain(|finding| seen.insert(finding.clone()));
    report.findings.sort_by_key(Finding::severity);
    report
}

/// An object of Kubernetes.
struct Object<'t> {
    kind: &'t str,
    name: String,
    tree: &'t Tree,
}

impl Object<'_> {
    fn label(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    fn spec(&self, keys: &[&str]) -> Option<&Tree> {
        self.tree.get("spec")?.at(keys)
    }
}

/// The objects of a document, which may be a list of them.
fn gather<'t>(document: &'t Tree, objects: &mut Vec<Object<'t>>) {
    let Some(kind) = document.get("kind").and_then(Tree::text) else {
        return;
    };
    if kind.ends_with("List") {
        for item in document.get("items").map(Tree::items).unwrap_or_default() {
            gather(item, objects);
        }
        return;
    }
    let meta = |key| document.at(&["metadata", key]).and_then(Tree::text);
    let name = meta("name").unwrap_or("(without a name)");
    objects.push(Object {
        kind,
        name: match meta("namespace") {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.to_owned(),
        },
        tree: document,
    });
}

#[cfg(test)]
mod tests;
