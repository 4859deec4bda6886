//! The operations of descriptions, for pages on which they are tried out: what they are for, their parameters,
//! and examples. Who may use them is not read: a policy says that.

mod example;
mod operation;

use std::collections::HashSet;
use std::sync::Arc;

use super::description::{Description, MISSPELT_METHOD, NOT_HERE, Operation, Reader};
use super::servers::{Base, bases};
use super::template::carried_over;
use crate::policy::{FillError, FillablePath, PathParameter};
use crate::problem::{Place, Problem, Problems, Source, quoted};
use crate::yaml::{self, Outline};
use operation::{Parts, cut};

pub use operation::{DescribedParameter, ExampleBody, ParameterPlace};

/// The largest file, in bytes.
pub const MAX_DESCRIPTION_BYTES: usize = 4 * 1024 * 1024;

/// The most operations of all files together.
const MAX_DESCRIBED: usize = 2000;

/// The longest key, which is in URLs and in the cookie of a page.
const MAX_KEY_BYTES: usize = 300;

/// So many problems of a file are told.
const MAX_PROBLEMS: usize = 20;

const MAX_TITLE_BYTES: usize = 100;

/// Not requests that an API answers for its callers (RFC 9110 section 9.3.8).
const LEFT_OUT: &str = "trace";

/// The operations of all descriptions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    pub operations: Vec<DescribedOperation>,
    /// What is described and not among them, and why.
    pub warnings: Vec<Problem>,
}

/// An operation, as its description has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedOperation {
    /// Method and path. No other operation has the same.
    pub key: String,
    /// In upper case.
    pub method: String,
    /// In lower case; without those of other paths.
    pub hosts: Vec<String>,
    /// The title of the description.
    pub api: Arc<str>,
    pub parts: Parts,
    path: FillablePath,
    /// Behind the path: a policy has paths without it.
    has_trailing_slash: bool,
    /// The names of the parameters of the path as the description writes them, in the order of the path.
    names: Vec<String>,
}

impl Catalogue {
    /// Reads the descriptions of files, or tells what in them cannot be read.
    pub fn read(sources: &[Source]) -> Result<Self, Problems> {
        let mut catalogue = Self::default();
        let mut problems = Vec::new();
        for source in sources {
            if let Err(found) = catalogue.add(source) {
                problems.extend(found);
            }
        }
        if problems.is_empty() {
            Ok(catalogue)
        } else {
            Err(Problems(problems))
        }
    }

    /// The operation with this key.
    pub fn get(&self, key: &str) -> Option<&DescribedOperation> {
        self.operations.iter().find(|one| one.key == key)
    }

    fn add(&mut self, source: &Source) -> Result<(), Vec<Problem>> {
        if source.text.len() > MAX_DESCRIPTION_BYTES {
            let message = format!(
                "{} is larger than {MAX_DESCRIPTION_BYTES} bytes, the most for a description of the portal",
                source.name
            );
            return Err(vec![Problem::new(message).help("split it")]);
        }
        let trees = yaml::parse_foreign(source).map_err(|problem| vec![placed(problem, source)])?;
        let finder = Finder {
            source,
            outline: Outline::of(source),
        };
        let [tree] = trees.as_slice() else {
            let problem = Problem::new("the file has more than one document");
            return Err(vec![
                finder.place(problem.help("keep the description alone in it"), ""),
            ]);
        };
        let description = Description::read(tree, &mut Vec::new());
        let description = description.map_err(|problem| vec![finder.place(problem, "")])?;
        let mut adding = Adding {
            reader: Reader { root: tree },
            api: cut(&description.title, MAX_TITLE_BYTES).into(),
            known: self.operations.iter().map(|one| one.key.clone()).collect(),
            finder,
            problems: Vec::new(),
            catalogue: self,
        };
        for operation in &description.operations {
            adding.operation(operation);
        }
        let mut problems = adding.problems;
        if self.operations.len() > MAX_DESCRIBED {
            let message =
                format!("the descriptions have more than {MAX_DESCRIBED} operations together");
            problems.push(
                Problem::new(message).help("name fewer files, or leave out what nobody tries out"),
            );
        }
        problems.truncate(MAX_PROBLEMS);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }
}

impl DescribedOperation {
    /// The parameters of its path; their names are those of a template.
    pub fn parameters(&self) -> impl Iterator<Item = (PathParameter<'_>, &str)> {
        let names = self.names.iter().map(String::as_str);
        self.path.parameters().zip(names)
    }

    /// What it says of the parameter of the path that the template calls so.
    pub fn parameter(&self, name: &str) -> Option<&DescribedParameter> {
        let (_, written) = self.parameters().find(|(one, _)| one.name == name)?;
        let mut parameters = self.parts.parameters.iter();
        parameters.find(|one| one.place == ParameterPlace::Path && one.name == written)
    }

    /// The values that a path has for the parameters, by the names of the template.
    pub fn values_of<'p>(&self, path: &'p str) -> Option<Vec<(&str, &'p str)>> {
        self.path.values_of(path)
    }

    /// Whether it has the paths of this template, and no others.
    pub fn has_paths_of(&self, template: &FillablePath) -> bool {
        !self.has_trailing_slash && self.path.makes_paths_of(template)
    }

    /// The path of a request with these values.
    pub fn path_with<'v>(
        &self,
        value: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<String, FillError> {
        let mut path = self.path.with(value)?;
        if self.has_trailing_slash {
            path.push('/');
        }
        Ok(path)
    }
}

/// A problem of a file as a whole at its beginning.
fn placed(problem: Problem, source: &Source) -> Problem {
    match problem.place {
        Some(_) => problem,
        None => problem.at(Place {
            file: source.name.clone(),
            line: 1,
            column: 1,
            bytes: None,
        }),
    }
}

/// The places of a file.
struct Finder<'s> {
    source: &'s Source,
    outline: Outline,
}

impl Finder<'_> {
    /// The problem where this value is, or what it would belong to.
    fn place(&self, problem: Problem, way: &str) -> Problem {
        match self.outline.place(self.source, way) {
            Some(place) if problem.place.is_none() => problem.at(place),
            _ => problem,
        }
    }
}

/// Adds the operations of one description.
struct Adding<'c, 't> {
    reader: Reader<'t>,
    api: Arc<str>,
    known: HashSet<String>,
    finder: Finder<'t>,
    problems: Vec<Problem>,
    catalogue: &'c mut Catalogue,
}

impl<'t> Adding<'_, 't> {
    fn operation(&mut self, operation: &Operation<'t>) {
        if operation.method == LEFT_OUT || self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        let way = format!("paths.{}.{}", operation.path, operation.key);
        if let Some((gap, help)) = unreadable(operation) {
            let message = format!("{} cannot be read: {gap}", operation.label());
            let problem = Problem::new(message).help(help);
            self.problems.push(self.finder.place(problem, &way));
            return;
        }
        let parts = match Parts::read(&self.reader, operation) {
            Ok(parts) => parts,
            Err((step, problem)) => {
                let problem = self.finder.place(problem, &format!("{way}.{step}"));
                self.problems.push(problem);
                return;
            }
        };
        let bases = bases(&operation.servers).into_iter();
        for base in bases.filter(|base| !base.is_open) {
            if self.catalogue.operations.len() > MAX_DESCRIBED {
                return;
            }
            if let Err(reason) = self.at(operation, base, &parts) {
                let message = format!("{} is not on /portal/try: {reason}", operation.label());
                let warning = self.finder.place(Problem::new(message), &way);
                self.catalogue.warnings.push(warning);
            }
        }
    }

    /// Adds an operation below one base, or says why it is not added.
    fn at(&mut self, operation: &Operation<'_>, base: Base, parts: &Parts) -> Result<(), String> {
        let slash = if operation.path.starts_with('/') {
            ""
        } else {
            "/"
        };
        let written = format!("{}{slash}{}", base.path, operation.path);
        let method = operation.method.to_ascii_uppercase();
        let key = format!("{method} {written}");
        let carried = carried_over(&written);
        if let Some(gap) = carried.gap {
            return Err(gap);
        }
        let path =
            FillablePath::parse(&carried.template).ok_or("its path is not one of a route")?;
        if key.len() > MAX_KEY_BYTES || key.contains(char::is_control) {
            return Err(format!(
                "its path has control characters, or more than {MAX_KEY_BYTES} bytes"
            ));
        }
        if !self.known.insert(key.clone()) {
            return Err(format!("{} is described before", quoted(&key)));
        }
        self.catalogue.operations.push(DescribedOperation {
            key,
            method,
            hosts: base.hosts,
            api: Arc::clone(&self.api),
            parts: parts.clone(),
            path,
            has_trailing_slash: carried.had_trailing_slash,
            names: parameter_names(&written),
        });
        Ok(())
    }
}

/// Why an operation cannot be read, and what to do about it. What is not known of who may use it is the affair of
/// policies.
fn unreadable(operation: &Operation<'_>) -> Option<(&'static str, &'static str)> {
    match operation.gap? {
        gap @ NOT_HERE => Some((gap, "write it into this file")),
        gap @ MISSPELT_METHOD => Some((gap, "correct the key, or begin it with `x-`")),
        _ => None,
    }
}

/// What is between braces, in the order of the path.
fn parameter_names(path: &str) -> Vec<String> {
    let opened = path.split('{').skip(1);
    let names = opened.filter_map(|rest| Some(rest.split_once('}')?.0));
    names
        .map(|name| {
            name.trim_end_matches('+')
                .trim_start_matches('*')
                .to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests;
