//! Which documents are objects of Istio, and which may be meant as such.
//!
//! An object that is left out may be the only one that refuses. What looks like one of the two kinds, and is
//! not, therefore ends the import.

use crate::problem::{Problem, closest, quoted};
use crate::yaml::Tree;

const GROUP: &str = "security.istio.io";
const AUTHORIZATION: &str = "AuthorizationPolicy";
const AUTHENTICATION: &str = "RequestAuthentication";
/// All kinds of the group, and their lists.
const KINDS: [&str; 6] = [
    AUTHORIZATION,
    AUTHENTICATION,
    "PeerAuthentication",
    "AuthorizationPolicyList",
    "RequestAuthenticationList",
    "PeerAuthenticationList",
];
/// Kinds that are read without their group.
const READ: [&str; 5] = [
    AUTHORIZATION,
    AUTHENTICATION,
    "AuthorizationPolicyList",
    "RequestAuthenticationList",
    "List",
];
/// Groups of others that have a kind of the same name.
const OTHER_GROUPS: [&str; 1] = ["policy.linkerd.io"];
/// The keys of an object.
const KEYS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Authorization,
    Authentication,
    /// A list of objects.
    List,
    /// An object of another kind, which decides nothing here.
    Other,
    /// No object of Kubernetes.
    Nothing,
}

/// The kind of a document.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
pub(super) fn kind_of(document: &Tree) -> Result<Kind, Problem> {
    let version = part(document, "apiVersion").unwrap_or_default();
    let Some(kind) = part(document, "kind") else {
        return without_kind(document);
    };
    let group = version.split('/').next().unwrap_or_default();
    if group == GROUP {
        if !KINDS.contains(&kind) {
            return Err(unknown_kind(document, kind, &KINDS));
        }
    } else if OTHER_GROUPS.contains(&group) {
        return Ok(Kind::Other);
    } else if [AUTHORIZATION, AUTHENTICATION].contains(&kind) && !group.is_empty() {
        return Err(Problem::new(format!(
            "{}: unknown group {}",
            label(document),
            quoted(group)
        ))
        .help(format!(
            "did you mean `apiVersion: {GROUP}/v1`? Leave objects of others out of the file"
        )));
    } else if !READ.contains(&kind) && is_misspelt(document, kind, group) {
        return Err(unknown_kind(document, kind, &READ));
    }
    let kind = match kind {
        AUTHORIZATION => Kind::Authorization,
        AUTHENTICATION => Kind::Authentication,
        _ if is_list(kind) => Kind::List,
        _ => return Ok(Kind::Other),
    };
    if kind != Kind::List {
        only_known_keys(document)?;
    }
    Ok(kind)
}

/// Whether a kind of another group, or of none, may be meant as one that is read.
fn is_misspelt(document: &Tree, kind: &str, group: &str) -> bool {
    // `PeerAuthentication` without a group is near to one that is read.
    if KINDS.contains(&kind) {
        return false;
    }
    let is_near = closest(kind, READ).is_some();
    match group {
        "" => is_near,
        // A list of the group `v1`, which has kinds of its own.
        "v1" => document.get("items").is_some() && is_near,
        _ => closest(group, [GROUP]).is_some() || closest(kind, KINDS).is_some(),
    }
}

fn is_list(kind: &str) -> bool {
    kind == "List" || kind.ends_with("PolicyList") || kind.ends_with("AuthenticationList")
}

#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn without_kind(document: &Tree) -> Result<Kind, Problem> {
    let version = part(document, "apiVersion").unwrap_or_default();
    let is_object = document.get("spec").is_some() || document.get("items").is_some();
    if !is_object && !version.starts_with(GROUP) {
        return Ok(Kind::Nothing);
    }
    Err(
        Problem::new(format!("{} has no `kind`", label(document))).help(format!(
            "write `kind: {AUTHORIZATION}` or `kind: {AUTHENTICATION}`, or leave it out of the file"
        )),
    )
}

#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn only_known_keys(document: &Tree) -> Result<(), Problem> {
    let mut keys = document.entries().iter().map(|(key, _)| key.as_str());
    let Some(key) = keys.find(|key| !KEYS.contains(key)) else {
        return Ok(());
    };
    let help = match closest(key, KEYS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "leave it out".to_owned(),
    };
    Err(Problem::new(format!("{}: unknown key {}", label(document), quoted(key))).help(help))
}

fn unknown_kind(document: &Tree, kind: &str, known: &[&'static str]) -> Problem {
    let help = match closest(kind, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "known are `{AUTHORIZATION}` and `{AUTHENTICATION}`; leave other objects out of the file"
        ),
    };
    Problem::new(format!(
        "{}: unknown kind {}",
        label(document),
        quoted(kind)
    ))
    .help(help)
}

/// What messages call a document.
fn label(document: &Tree) -> String {
    match document.at(&["metadata", "name"]).and_then(Tree::text) {
        Some(name) => format!("the object {}", quoted(name)),
        None => "an object without a name".to_owned(),
    }
}

fn part<'t>(document: &'t Tree, key: &str) -> Option<&'t str> {
    document.get(key).and_then(Tree::text)
}
