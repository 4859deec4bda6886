//! API descriptions (OpenAPI 3.0 and 3.1) as policies: what an operation asks for becomes a route.
//!
//! Nothing becomes public by itself. What a policy cannot say is left out, or open to nobody, and listed.

mod catalogue;
mod description;
mod places;
mod policy_text;
mod routes;
mod security;
mod servers;
mod shape;
mod template;
mod unknown_keys;

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::{Policy, fault_of_host};
use crate::problem::{Problem, Source, quoted};
use crate::yaml;
use description::{Description, Operation};
use places::Claim;
use routes::HostedClaim;
use security::Asked;
use servers::{Base, bases};
use template::{CarriedOver, carried_over};

pub use catalogue::{
    Catalogue, DescribedOperation, DescribedParameter, ExampleBody, MAX_DESCRIPTION_BYTES,
    ParameterPlace,
};

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// Text of the description on one line.
fn shown(text: &str) -> String {
    quoted(text).trim_matches('`').to_owned()
}

/// The methods of an operation of which nothing is known.
const EVERY_METHOD: &str = "*";

/// The most operations of a description.
const MAX_OPERATIONS: usize = 20_000;

/// How a description is imported.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportSettings {
    /// Operations that anybody may use by the description become public.
    pub allow_public: Publicity,
    pub hosts: ServerHosts,
}

/// What becomes of operations with an empty `security`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Publicity {
    /// Nobody may use them until somebody has reviewed them.
    #[default]
    Review,
    Allow,
}

/// What becomes of the hosts of `servers`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServerHosts {
    /// The routes answer every host.
    #[default]
    LeaveOut,
    /// The routes answer these hosts.
    Keep,
}

/// A policy made of a description.
#[derive(Debug)]
pub struct Imported {
    /// The policy file.
    pub text: String,
    /// The operations of the description.
    pub operations: usize,
    pub routes: usize,
    /// What was not carried over or needs a look, a line for each.
    pub notes: Vec<String>,
}

/// A route of the new policy.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NewRoute {
    name: String,
    hosts: Vec<String>,
    method: String,
    path: String,
    asked: Asked,
}

/// Makes a policy of a description.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
pub fn import(source: &Source, settings: ImportSettings) -> Result<Imported, Problem> {
    let trees = yaml::parse_foreign(source)?;
    let [tree] = trees.as_slice() else {
        return Err(
            Problem::new(format!("{} has more than one document", source.name))
                .help("keep the description alone in the file"),
        );
    };
    let mut notes = Vec::new();
    let description = Description::read(tree, &mut notes)?;
    let mut importer = Importer {
        settings,
        notes,
        claims: Vec::new(),
        has_trailing_slash: false,
    };
    for operation in &description.operations {
        importer.add(operation, &description);
    }
    let Importer {
        claims,
        mut notes,
        has_trailing_slash,
        ..
    } = importer;
    let routes = routes::routes(&claims, &mut notes).map_err(|_| {
        Problem::new("too many operations of the description have requests in common, or their paths are too long")
            .help("import its parts one by one")
    })?;
    // With several servers, each says the same of an operation.
    let mut told = BTreeSet::new();
    notes.retain(|note| told.insert(note.clone()));
    let operations = description.operations.iter();
    let operations = operations.filter(|one| one.method != EVERY_METHOD).count();
    let text = policy_text::write(&policy_text::Contents {
        title: &description.title,
        file: &source.name,
        operations,
        scopes: &scopes_of(&routes, &description.scopes),
        has_trailing_slash,
        routes: &routes,
    });
    check(&text)?;
    Ok(Imported {
        text,
        operations,
        routes: routes.len(),
        notes,
    })
}

struct Importer {
    settings: ImportSettings,
    notes: Vec<String>,
    claims: Vec<HostedClaim>,
    has_trailing_slash: bool,
}

impl Importer {
    fn add(&mut self, operation: &Operation<'_>, description: &Description<'_>) {
        let label = operation.label();
        let asked = security::asked(operation, description, self.settings.allow_public);
        let is_known = operation.method != EVERY_METHOD;
        for note in asked.notes.iter().filter(|_| is_known) {
            self.notes.push(format!("{label}: {note}"));
        }
        // A path begins with a slash (OpenAPI 3.1 section 4.8.8.1); tools that take others add it.
        let slash = if operation.path.starts_with('/') {
            ""
        } else {
            "/"
        };
        for base in bases(&operation.servers) {
            let path = carried_over(&format!("{}{slash}{}", base.path, operation.path));
            self.claim(operation, &asked.asked, path, &base);
        }
    }

    /// Notes what an operation asks for at one path. At values of server variables that are not known no route
    /// is for it, and none of another operation may answer for it and ask for less.
    fn claim(&mut self, operation: &Operation<'_>, asked: &Asked, path: CarriedOver, base: &Base) {
        let label = operation.label();
        let is_known = !base.is_open;
        let is_whole = is_known && path.gap.is_none() && operation.method != EVERY_METHOD;
        if let Some(gap) = path.gap.as_ref().filter(|_| is_known) {
            self.notes.push(format!("{label}: left out: {gap}"));
        }
        if is_whole && path.had_trailing_slash && !self.has_trailing_slash {
            self.has_trailing_slash = true;
            self.notes.push(format!(
                "{label}: the path ends in a slash: the policy has `paths: {{trailing_slash: true}}`, \
                 by which paths with and without it are the same"
            ));
        }
        let has_notes = is_known && path.gap.is_none();
        for note in path.notes.iter().filter(|_| has_notes) {
            self.notes.push(format!("{label}: {note}"));
        }
        let claim = Claim {
            label,
            order: self.claims.len(),
            method: operation.method.to_ascii_uppercase(),
            name: operation.name(),
            asked: match &path.gap {
                // Where a query or a fragment was all that no route says, the route is for the path.
                Some(_) if path.is_plain => asked.clone(),
                Some(gap) => Asked::Review(gap.clone()),
                None => asked.clone(),
            },
            template: is_whole.then_some(path.template),
            shape: path.shape,
        };
        if let Some(shape) = path.rest {
            let reason = "a parameter of the path may stand for several segments";
            self.hosted(
                Claim {
                    template: None,
                    shape,
                    asked: Asked::Review(reason.to_owned()),
                    ..claim.clone()
                },
                base,
            );
        }
        self.hosted(claim, base);
    }

    fn hosted(&mut self, claim: Claim, base: &Base) {
        let mut good = Vec::new();
        let mut has_fault = false;
        let wanted = match self.settings.hosts {
            ServerHosts::Keep => &*base.hosts,
            ServerHosts::LeaveOut => &[],
        };
        for host in wanted {
            let is_pattern = host.contains('*').then(|| "is a pattern".to_owned());
            match is_pattern.or_else(|| fault_of_host(host)) {
                None => good.push(host.clone()),
                Some(_) if base.is_open => {
                    // It may be any host.
                    good.clear();
                    break;
                }
                Some(fault) => {
                    has_fault = true;
                    let (label, host) = (&claim.label, quoted(host));
                    self.notes
                        .push(format!("{label}: left out: the host {host} {fault}"));
                }
            }
        }
        good.sort();
        good.dedup();
        if has_fault {
            // It may be any host, so that no route may answer in its place.
            let reason = "a host of its servers is not one that a route can have";
            self.claims.push(HostedClaim {
                hosts: Vec::new(),
                claim: Claim {
                    template: None,
                    asked: Asked::Review(reason.to_owned()),
                    ..claim.clone()
                },
            });
        }
        if !has_fault || !good.is_empty() {
            self.claims.push(HostedClaim { hosts: good, claim });
        }
    }
}

/// The policy has to load, whatever the description says.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn check(text: &str) -> Result<(), Problem> {
    let source = Source {
        name: "the imported policy".to_owned(),
        text: text.to_owned(),
    };
    match Policy::compile(&[source]) {
        Ok(_) => Ok(()),
        Err(problems) => match problems.0.into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(()),
        },
    }
}

/// The scopes that the routes ask for, with their descriptions.
fn scopes_of(
    routes: &[NewRoute],
    described: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let asked = routes.iter().flat_map(|route| route.asked.scopes());
    asked
        .map(|scope| {
            let description = described.get(scope).map(String::as_str).unwrap_or_default();
            (scope.to_owned(), description.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests;
