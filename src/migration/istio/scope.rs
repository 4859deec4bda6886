//! Which objects hold for a workload.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::kind::{Kind, kind_of};
use crate::migration::{Notes, Publicity};
use crate::problem::{Problem, quoted};
use crate::yaml::Tree;

/// How objects of Istio are imported.
#[derive(Debug, Clone, Default)]
pub struct IstioSettings {
    pub publicity: Publicity,
    /// The namespace of the workload.
    pub namespace: Option<String>,
    /// Its labels; nothing where all objects hold for the same workloads.
    pub labels: Option<BTreeMap<String, String>>,
    /// The mesh's root namespace, whose objects hold everywhere.
    pub root_namespace: String,
}

/// An `AuthorizationPolicy` or a `RequestAuthentication`.
pub(super) struct Object<'t> {
    pub(super) is_authentication: bool,
    namespace: Option<String>,
    name: String,
    pub(super) tree: &'t Tree,
}

impl<'t> Object<'t> {
    pub(super) fn label(&self) -> String {
        let kind = if self.is_authentication {
            "RequestAuthentication"
        } else {
            "AuthorizationPolicy"
        };
        match &self.namespace {
            Some(namespace) => format!("{kind} {namespace}/{}", self.name),
            None => format!("{kind} {}", self.name),
        }
    }

    pub(super) fn spec(&self, keys: &[&str]) -> Option<&'t Tree> {
        self.tree.get("spec")?.at(keys)
    }

    fn labels(&self) -> BTreeMap<&'t str, String> {
        let labels = self.spec(&["selector", "matchLabels"]);
        let labels = labels.map(Tree::entries).unwrap_or_default().iter();
        labels
            .map(|(name, value)| {
                let value = value
                    .text()
                    .map_or_else(|| format!("{value:?}"), str::to_owned);
                (name.as_str(), value)
            })
            .collect()
    }

    /// The first key of the selector beside its labels.
    fn unknown_selector(&self) -> Option<&'t str> {
        let selector = self.spec(&["selector"])?;
        let mut keys = selector.entries().iter().map(|(key, _)| key.as_str());
        keys.find(|key| *key != "matchLabels")
    }

    /// Whether it holds for a workload with these labels. Where it asks for a label of which nothing is said,
    /// it may hold or not, and either could let in what the source refuses: an object that holds may be the
    /// first `ALLOW`, which closes everything else.
    #[expect(clippy::result_large_err, reason = "made once, for a file")]
    fn selects(&self, labels: &BTreeMap<String, String>) -> Result<bool, Problem> {
        let wanted = self.labels();
        let differs =
            |(name, value): (&&str, &String)| labels.get(*name).is_some_and(|own| own != value);
        if wanted.iter().any(differs) {
            return Ok(false);
        }
        let Some((name, value)) = wanted.iter().find(|(name, _)| !labels.contains_key(**name))
        else {
            return Ok(true);
        };
        let action = match self.spec(&["action"]).and_then(Tree::text) {
            Some(action) if !self.is_authentication => format!(" (`{action}`)"),
            _ => String::new(),
        };
        Err(Problem::new(format!(
            "{}{action} may hold for this workload: `--workload` does not say its label {}",
            self.label(),
            quoted(name)
        ))
        .help(format!(
            "name all labels of the workload, for example {}, or {} where it has no such label",
            quoted(&format!("{name}={value}")),
            quoted(&format!("{name}="))
        )))
    }

    fn targets(&self) -> Vec<&'t Tree> {
        let list = self
            .spec(&["targetRefs"])
            .map(Tree::items)
            .unwrap_or_default();
        list.iter().chain(self.spec(&["targetRef"])).collect()
    }

    /// For which workloads it is, in words.
    fn scope(&self) -> String {
        let mut words = match &self.namespace {
            Some(namespace) => format!("namespace {namespace}"),
            None => "no namespace".to_owned(),
        };
        for (name, value) in self.labels() {
            let _ = write!(words, ", {name}={value}");
        }
        for target in self.targets() {
            let part = |key: &str| target.get(key).and_then(Tree::text).unwrap_or_default();
            let _ = write!(words, ", {} {}", part("kind"), part("name"));
        }
        words
    }
}

/// The objects of a document, which may be a list of them.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
pub(super) fn gather<'t>(
    document: &'t Tree,
    objects: &mut Vec<Object<'t>>,
    notes: &mut Notes,
) -> Result<(), Problem> {
    let meta = |key| document.at(&["metadata", key]).and_then(Tree::text);
    let name = meta("name").unwrap_or("(without a name)").to_owned();
    let is_authentication = match kind_of(document)? {
        Kind::Authorization => false,
        Kind::Authentication => true,
        Kind::List => {
            return items_of(document)?
                .iter()
                .try_for_each(|item| gather(item, objects, notes));
        }
        Kind::Nothing => {
            notes.add("document", "left out: it is no object of Kubernetes");
            return Ok(());
        }
        Kind::Other => {
            let kind = document.get("kind").and_then(Tree::text);
            notes.add(
                &format!("{} {name}", kind.unwrap_or_default()),
                "left out: only `AuthorizationPolicy` and `RequestAuthentication` of Istio are imported",
            );
            return Ok(());
        }
    };
    objects.push(Object {
        is_authentication,
        namespace: meta("namespace").map(str::to_owned),
        name,
        tree: document,
    });
    Ok(())
}

/// The objects of a list. What else it has may be meant as them, and one that is left out may be a DENY.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn items_of(list: &Tree) -> Result<&[Tree], Problem> {
    const KNOWN: [&str; 4] = ["apiVersion", "kind", "metadata", "items"];
    let mut keys = list.entries().iter().map(|(key, _)| key.as_str());
    let unknown = keys.find(|key| !KNOWN.contains(key));
    let kind = list.get("kind").and_then(Tree::text).unwrap_or_default();
    match (list.get("items"), unknown) {
        (Some(Tree::List(items)), None) => Ok(items),
        (_, Some(key)) => Err(Problem::new(format!("{kind}: unknown key {}", quoted(key)))
            .help("the objects of a list are in `items`")),
        (_, None) => Err(Problem::new(format!("{kind}: has no list `items`"))
            .help("write the objects below `items`, or one after another with `---` in between")),
    }
}

/// The objects that hold for the workload. Where it is not said which one, all must hold for the same: what
/// one workload allows must not be open at another.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
pub(super) fn for_workload<'t>(
    objects: Vec<Object<'t>>,
    settings: &IstioSettings,
) -> Result<Vec<Object<'t>>, Problem> {
    if let Some((object, key)) = objects
        .iter()
        .find_map(|object| Some((object, object.unknown_selector()?)))
    {
        return Err(Problem::new(format!(
            "{}: its `selector` has {}, which is not understood",
            object.label(),
            quoted(key)
        ))
        .help("select workloads by `matchLabels`, or leave the object out of the file"));
    }
    let Some(labels) = &settings.labels else {
        for_the_same(&objects, settings)?;
        return Ok(objects);
    };
    if let Some(object) = objects.iter().find(|object| !object.targets().is_empty()) {
        return Err(Problem::new(format!(
            "{} has `targetRefs`, and `--workload` does not say whether it holds",
            object.label()
        ))
        .help("keep the objects that hold in the file, and leave out `--workload`"));
    }
    let own = own_namespace(&objects, settings)?;
    let mut held = Vec::new();
    for object in objects {
        let namespace = object.namespace.as_deref();
        let is_near = namespace.is_none()
            || namespace == own.as_deref()
            || namespace == Some(settings.root_namespace.as_str());
        if is_near && object.selects(labels)? {
            held.push(object);
        }
    }
    if held.is_empty() {
        return Err(Problem::new("none of the objects holds for this workload")
            .help("compare `--namespace` and `--workload` with the objects' `selector`"));
    }
    Ok(held)
}

/// Where the workload is not named, the objects are for the same ones.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn for_the_same(objects: &[Object<'_>], settings: &IstioSettings) -> Result<(), Problem> {
    if settings.namespace.is_some() {
        return Err(Problem::new("`--namespace` needs `--workload`")
            .help("name the labels of the workload, such as `--workload app=orders`"));
    }
    let scopes: BTreeSet<String> = objects.iter().map(Object::scope).collect();
    if scopes.len() > 1 {
        const SHOWN: usize = 4;
        let shown: Vec<&str> = scopes.iter().take(SHOWN).map(String::as_str).collect();
        return Err(Problem::new(format!(
            "the objects are for {} different sets of workloads: {}",
            scopes.len(),
            shown.join("; ")
        ))
        .help("name the workload by `--namespace NAME` and `--workload app=NAME`: one policy is for one gate"));
    }
    Ok(())
}

/// The namespace of the workload, if the objects have any beside the root namespace.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn own_namespace(
    objects: &[Object<'_>],
    settings: &IstioSettings,
) -> Result<Option<String>, Problem> {
    let namespaces: BTreeSet<&str> = objects
        .iter()
        .filter_map(|object| object.namespace.as_deref())
        .filter(|namespace| *namespace != settings.root_namespace)
        .collect();
    match (settings.namespace.as_deref(), namespaces.len()) {
        (Some(namespace), _) => Ok(Some(namespace.to_owned())),
        (None, 0 | 1) => Ok(namespaces.first().map(|only| (*only).to_owned())),
        (None, _) => Err(Problem::new("the objects are of several namespaces")
            .help("name that of the workload by `--namespace NAME`")),
    }
}
