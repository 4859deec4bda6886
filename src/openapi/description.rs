//! What a description says, as far as a policy cares.

use std::collections::BTreeMap;

use super::servers::{self, Server};
use super::{EVERY_METHOD, MAX_OPERATIONS, METHODS, shown, unknown_keys};
use crate::problem::{Problem, quoted};
use crate::yaml::Tree;

/// How many references are followed one after another.
const MAX_REFERENCES: usize = 16;

pub(super) struct Description<'t> {
    pub(super) title: String,
    pub(super) operations: Vec<Operation<'t>>,
    pub(super) schemes: Vec<(&'t str, Scheme)>,
    /// Every scope that a scheme describes.
    pub(super) scopes: BTreeMap<String, String>,
    /// `security` of the description as a whole.
    pub(super) security: Option<&'t Tree>,
}

pub(super) struct Operation<'t> {
    pub(super) method: &'static str,
    /// Its key in the entry of its path, which may be misspelt.
    pub(super) key: &'t str,
    pub(super) path: &'t str,
    pub(super) id: Option<&'t str>,
    pub(super) security: Option<&'t Tree>,
    /// Why it is not known what it asks for.
    pub(super) gap: Option<&'static str>,
    /// Never empty.
    pub(super) servers: Vec<Server>,
    /// The operation as it is written, or what its `$ref` leads to.
    pub(super) written: &'t Tree,
    /// The `parameters` of its path, which count for each of its operations.
    pub(super) shared_parameters: Vec<&'t Tree>,
}

impl Operation<'_> {
    pub(super) fn label(&self) -> String {
        match self.method {
            EVERY_METHOD => shown(self.path),
            method => format!("{} {}", method.to_ascii_uppercase(), shown(self.path)),
        }
    }

    /// What its route is to be called.
    pub(super) fn name(&self) -> String {
        let made = || format!("{}{}", self.method, self.path);
        self.id.map_or_else(made, str::to_owned)
    }
}

/// How callers prove who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scheme {
    /// By a Bearer token, which the gate verifies. With the scopes that the scheme has; none where it does
    /// not say them.
    Token { scopes: Vec<String> },
    /// By something else, which the gate does not know.
    Other(String),
}

impl<'t> Description<'t> {
    #[expect(clippy::result_large_err, reason = "made once, for a file")]
    pub(super) fn read(tree: &'t Tree, notes: &mut Vec<String>) -> Result<Self, Problem> {
        check_version(tree)?;
        unknown_keys::of_document(tree, notes);
        let reader = Reader { root: tree };
        let paths = tree.get("paths").map(Tree::entries).unwrap_or_default();
        if tree
            .get("webhooks")
            .is_some_and(|webhooks| !webhooks.entries().is_empty())
        {
            notes.push(
                "webhooks: left out: the API sends these requests, it does not get them".to_owned(),
            );
        }
        let (schemes, scopes) = reader.schemes(notes);
        let servers = servers::servers(tree.get("servers"), "servers", notes)?;
        let mut operations = Vec::new();
        for (path, item) in paths.iter().filter(|(path, _)| !path.starts_with("x-")) {
            reader.item(path, item, &servers, &mut operations, notes)?;
        }
        if operations.iter().all(|one| one.method == EVERY_METHOD) {
            return Err(Problem::new("the description has no operation")
                .help("check that `paths` has entries such as `/orders: {get: ...}`"));
        }
        let title = |key| {
            tree.at(&["info", key])
                .and_then(Tree::text)
                .unwrap_or_default()
        };
        Ok(Self {
            title: shown(format!("{} {}", title("title"), title("version")).trim()),
            operations,
            schemes,
            scopes,
            security: tree.get("security"),
        })
    }

    pub(super) fn scheme(&self, name: &str) -> Option<&Scheme> {
        let mut schemes = self.schemes.iter();
        schemes
            .find(|(known, _)| *known == name)
            .map(|(_, scheme)| scheme)
    }
}

#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn check_version(tree: &Tree) -> Result<(), Problem> {
    if tree.get("swagger").is_some() {
        return Err(Problem::new("this is a Swagger 2.0 description")
            .help("convert it to OpenAPI 3, for example with `npx swagger2openapi`"));
    }
    let version = match tree.get("openapi") {
        Some(Tree::Text(version)) => version.clone(),
        Some(Tree::Number(version)) => version.to_string(),
        _ => {
            return Err(Problem::new(
                "this is not an OpenAPI description: the key `openapi` is missing",
            )
            .help("name a file that begins with `openapi: 3.0.3` or the like"));
        }
    };
    if ["3.0", "3.1"]
        .iter()
        .any(|known| version == *known || version.starts_with(&format!("{known}.")))
    {
        Ok(())
    } else {
        Err(Problem::new(format!(
            "the version {} of OpenAPI is not supported",
            quoted(&version)
        ))
        .help("export the description as OpenAPI 3.0 or 3.1"))
    }
}

/// Follows the references of a description.
pub(super) struct Reader<'t> {
    pub(super) root: &'t Tree,
}

/// Why an operation is for review whose keys may be misspelt.
pub(super) const MISSPELT_METHOD: &str = "its method may be misspelt";
const MISSPELT_SECURITY: &str = "one of its keys may be meant as `security`";
/// Why an operation is for review that is in no file that is read.
pub(super) const NOT_HERE: &str = "its `$ref` does not lead to anything in this file";

impl<'t> Reader<'t> {
    /// The operations of a path.
    #[expect(clippy::result_large_err, reason = "made once, for a file")]
    fn item(
        &self,
        path: &'t str,
        item: &'t Tree,
        servers: &[Server],
        operations: &mut Vec<Operation<'t>>,
        notes: &mut Vec<String>,
    ) -> Result<(), Problem> {
        let (items, is_whole) = self.chain(item);
        let own_servers = items.iter().find_map(|item| item.get("servers"));
        let item_servers = match own_servers {
            // The nearest `servers` count alone: those of an operation replace those of its path,
            // and these the document's (OpenAPI 3.1 section 4.8.10).
            None => servers.to_vec(),
            own => servers::servers(own, path, notes)?,
        };
        if !is_whole {
            let label = shown(path);
            notes.push(format!("{label}: left out: {NOT_HERE}"));
            operations.push(Operation {
                method: EVERY_METHOD,
                key: EVERY_METHOD,
                path,
                id: None,
                security: None,
                gap: Some(NOT_HERE),
                servers: item_servers.clone(),
                written: item,
                shared_parameters: Vec::new(),
            });
        }
        let shared_parameters: Vec<&Tree> = items
            .iter()
            .filter_map(|item| item.get("parameters"))
            .collect();
        let meant = items
            .iter()
            .flat_map(|item| unknown_keys::of_item(path, item, notes));
        operations.extend(meant.map(|(method, key)| Operation {
            method,
            key,
            path,
            id: None,
            security: None,
            gap: Some(MISSPELT_METHOD),
            servers: item_servers.clone(),
            written: item,
            shared_parameters: Vec::new(),
        }));
        for (item, method) in items
            .iter()
            .flat_map(|item| METHODS.map(|method| (item, method)))
        {
            let Some(written) = item.get(method) else {
                continue;
            };
            // Before more are made: servers are cloned for each of them.
            if operations.len() >= MAX_OPERATIONS {
                return Err(Problem::new(format!(
                    "the description has more than {MAX_OPERATIONS} operations"
                ))
                .help("import its parts one by one"));
            }
            let operation = self.operation(path, method, written, notes);
            let servers = match self.resolve(written).unwrap_or(written).get("servers") {
                None => item_servers.clone(),
                own => servers::servers(own, path, notes)?,
            };
            operations.push(Operation {
                servers,
                shared_parameters: shared_parameters.clone(),
                ..operation
            });
        }
        Ok(())
    }

    /// An operation but for its servers.
    fn operation(
        &self,
        path: &'t str,
        method: &'static str,
        written: &'t Tree,
        notes: &mut Vec<String>,
    ) -> Operation<'t> {
        let found = self.resolve(written);
        let gap = match found {
            None => Some(NOT_HERE),
            // What it asks for may be on either side.
            Some(_) if written.get("$ref").is_some() && written.entries().len() > 1 => {
                Some("it has a `$ref` and other keys beside it")
            }
            Some(_) => None,
        };
        let tree = found.unwrap_or(written);
        let operation = Operation {
            method,
            key: method,
            path,
            id: tree.get("operationId").and_then(Tree::text),
            security: tree.get("security"),
            gap,
            servers: Vec::new(),
            written: tree,
            shared_parameters: Vec::new(),
        };
        let may_be_security = unknown_keys::of_operation(&operation.label(), tree, notes);
        Operation {
            gap: gap.or(may_be_security.then_some(MISSPELT_SECURITY)),
            ..operation
        }
    }

    /// A path's entry and what its `$ref` leads to, one after another, and whether that is all. What is beside
    /// a `$ref` counts as well: tools differ in what they make of it (OpenAPI 3.1 section 4.8.9).
    fn chain(&self, item: &'t Tree) -> (Vec<&'t Tree>, bool) {
        let mut items = vec![item];
        let mut last = item;
        for _ in 0..MAX_REFERENCES {
            let Some(reference) = last.get("$ref") else {
                return (items, true);
            };
            let Some(next) = reference.text().and_then(|reference| self.at(reference)) else {
                break;
            };
            items.push(next);
            last = next;
        }
        (items, false)
    }

    /// What a reference leads to within the file.
    fn at(&self, reference: &str) -> Option<&'t Tree> {
        let mut keys = reference.strip_prefix("#/")?.split('/');
        keys.try_fold(self.root, |tree, key| {
            tree.get(
                // RFC 6901 section 4, in this order: `~01` means `~1` and not `/`.
                &key.replace("~1", "/")
                    .replace("~0", "~")
                    .replace("%7B", "{")
                    .replace("%7D", "}"),
            )
        })
    }

    /// What a value stands for: itself, or what its `$ref` leads to within the file.
    pub(super) fn resolve(&self, tree: &'t Tree) -> Option<&'t Tree> {
        let mut tree = tree;
        // References may lead in a circle.
        for _ in 0..MAX_REFERENCES {
            let Some(reference) = tree.get("$ref") else {
                return Some(tree);
            };
            tree = self.at(reference.text()?)?;
        }
        None
    }

    fn schemes(
        &self,
        notes: &mut Vec<String>,
    ) -> (Vec<(&'t str, Scheme)>, BTreeMap<String, String>) {
        let mut schemes = Vec::new();
        let mut scopes = BTreeMap::new();
        let written = self.root.at(&["components", "securitySchemes"]);
        for (name, scheme) in written.map(Tree::entries).unwrap_or_default() {
            let Some(scheme) = self.resolve(scheme) else {
                notes.push(format!(
                    "security scheme {}: its `$ref` does not lead to anything in this file",
                    quoted(name)
                ));
                continue;
            };
            let text = |key| scheme.get(key).and_then(Tree::text).unwrap_or_default();
            let kind = match (text("type"), text("scheme").to_ascii_lowercase().as_str()) {
                ("oauth2" | "openIdConnect", _) | ("http", "bearer") => Scheme::Token {
                    scopes: scopes_of(scheme).map(|(scope, _)| scope.clone()).collect(),
                },
                ("http", other) => Scheme::Other(format!("HTTP authentication {}", quoted(other))),
                ("apiKey", _) => Scheme::Other(format!("the API key {}", quoted(text("name")))),
                ("mutualTLS", _) => Scheme::Other("a client certificate".to_owned()),
                (other, _) => Scheme::Other(format!("a scheme of type {}", quoted(other))),
            };
            schemes.push((name.as_str(), kind));
            for (scope, description) in scopes_of(scheme) {
                let description = description.text().unwrap_or_default();
                scopes
                    .entry(scope.clone())
                    // The first description of a scope: flows repeat them, sometimes in other words.
                    .or_insert_with(|| description.to_owned());
            }
        }
        (schemes, scopes)
    }
}

/// The scopes of all flows of a scheme, with what is said of them.
fn scopes_of(scheme: &Tree) -> impl Iterator<Item = &(String, Tree)> {
    let flows = scheme.get("flows").map(Tree::entries).unwrap_or_default();
    let scopes = flows.iter().filter_map(|(_, flow)| flow.get("scopes"));
    scopes.flat_map(Tree::entries)
}
