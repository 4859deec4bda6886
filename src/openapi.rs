//! API descriptions (OpenAPI 3.0 and 3.1) as policies: what an operation asks for becomes a route.
//!
//! Nothing becomes public by itself. What a policy cannot say is left out, or open to nobody, and listed.

mod description;
mod policy_text;
mod security;
mod template;

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::Policy;
use crate::problem::{Problem, Source};
use crate::yaml;
use description::{Description, Operation};
use security::Asked;
use template::carried_over;

/// The most operations of a description.
const MAX_OPERATIONS: usize = 20_000;
/// The most servers of a list.
const MAX_SERVERS: usize = 100;
/// The longest name of a route.
const MAX_NAME_BYTES: usize = 64;

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
        routes: Vec::new(),
        names: BTreeSet::new(),
        has_trailing_slash: false,
    };
    for operation in &description.operations {
        importer.add(operation, &description);
    }
    importer.leave_out_conflicts(&description.scopes);
    let Importer {
        notes,
        routes,
        has_trailing_slash,
        ..
    } = importer;
    let text = policy_text::write(&policy_text::Contents {
        title: &description.title,
        file: &source.name,
        operations: description.operations.len(),
        scopes: &scopes_of(&routes, &description.scopes),
        has_trailing_slash,
        routes: &routes,
    });
    Ok(Imported {
        text,
        operations: description.operations.len(),
        routes: routes.len(),
        notes,
    })
}

struct Importer {
    settings: ImportSettings,
    notes: Vec<String>,
    routes: Vec<NewRoute>,
    names: BTreeSet<String>,
    has_trailing_slash: bool,
}

impl Importer {
    fn add(&mut self, operation: &Operation<'_>, description: &Description<'_>) {
        let label = operation.label();
        let asked = security::asked(operation, description, self.settings.allow_public);
        for note in &asked.notes {
            self.notes.push(format!("{label}: {note}"));
        }
        let mut bases: Vec<(String, Vec<String>)> = Vec::new();
        for server in &operation.servers {
            match bases.iter_mut().find(|(base, _)| *base == server.base) {
                None => bases.push((server.base.clone(), server.host.iter().cloned().collect())),
                Some((_, hosts)) => hosts.extend(server.host.iter().cloned()),
            }
        }
        for (base, mut hosts) in bases {
            let path = match carried_over(&format!("{base}{}", operation.path)) {
                Ok(path) => path,
                Err(reason) => {
                    self.notes.push(format!("{label}: left out: {reason}"));
                    continue;
                }
            };
            if path.had_trailing_slash && !self.has_trailing_slash {
                self.has_trailing_slash = true;
                self.notes.push(format!(
                    "{label}: the path ends in a slash: the policy has `paths: {{trailing_slash: true}}`, \
                     by which paths with and without it are the same"
                ));
            }
            for note in path.notes {
                self.notes.push(format!("{label}: {note}"));
            }
            hosts.sort();
            hosts.dedup();
            let name = self.name(operation);
            self.routes.push(NewRoute {
                name,
                hosts: match self.settings.hosts {
                    ServerHosts::Keep => hosts,
                    ServerHosts::LeaveOut => Vec::new(),
                },
                method: operation.method.to_ascii_uppercase(),
                path: path.template,
                asked: asked.asked.clone(),
            });
        }
    }

    /// The operation's own name, or one made of method and path; each once.
    fn name(&mut self, operation: &Operation<'_>) -> String {
        let written = operation.id.map(str::to_owned);
        let written = written.unwrap_or_else(|| format!("{}{}", operation.method, operation.path));
        let mut name = String::new();
        for character in written
            .chars()
            .filter(|character| !"{}".contains(*character))
        {
            let is_plain = character.is_ascii_alphanumeric() || "._-".contains(character);
            if is_plain {
                name.push(character);
            } else if !name.is_empty() && !name.ends_with('-') {
                name.push('-');
            }
        }
        name.truncate(MAX_NAME_BYTES);
        let trimmed = name.trim_end_matches('-');
        let name = if trimmed.is_empty() {
            "operation"
        } else {
            trimmed
        };
        let mut unique = name.to_owned();
        let mut number = 2;
        while !self.names.insert(unique.clone()) {
            let suffix = format!("-{number}");
            let kept = name.get(..name.len().min(MAX_NAME_BYTES - suffix.len()));
            unique = format!("{}{suffix}", kept.unwrap_or_default());
            number += 1;
        }
        unique
    }

    /// Leaves out routes that would answer the same requests as another one, and those that do not load.
    fn leave_out_conflicts(&mut self, scopes: &BTreeMap<String, String>) {
        // What one round leaves out can only fix the rest, so that two nearly always are enough.
        const MAX_ROUNDS: usize = 8;
        for _ in 0..MAX_ROUNDS {
            let listed = scopes_of(&self.routes, scopes);
            let (text, lines) =
                policy_text::routes_with_lines(&listed, self.has_trailing_slash, &self.routes);
            let source = Source {
                name: "policy".to_owned(),
                text,
            };
            let Err(problems) = Policy::compile(&[source]) else {
                return;
            };
            let mut left_out = BTreeSet::new();
            for problem in &problems.0 {
                let line = problem.place.as_ref().map_or(0, |place| place.line);
                let position = lines.iter().rposition(|first| *first <= line);
                let Some(route) = position.and_then(|position| self.routes.get(position)) else {
                    continue;
                };
                if left_out.insert(position) {
                    self.notes.push(format!(
                        "{} {}: left out: {}",
                        route.method, route.path, problem.message
                    ));
                }
            }
            let mut position = 0;
            self.routes.retain(|_| {
                position += 1;
                !left_out.contains(&Some(position - 1))
            });
        }
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
