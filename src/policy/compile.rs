//! From files to a policy: everything that is wrong is told at once, and nothing is guessed.

mod closed;
mod conditions;
mod demand;
mod idle;
mod issuers;
mod list;
mod mode;
mod named;
mod parts;
mod requirement;
mod route;
mod warning;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use super::document::{
    ClaimTypeDocument, PathsDocument, PolicyDocument, RequirementDocument, RouteDocument,
    WhenDocument,
};
use super::path::{EncodedSlashes, PathRules};
use super::table::Tables;
use super::{Policy, ScopeName, place};
use crate::coding::hex;
use crate::problem::{Place, Problem, Problems, Source, quoted};
use crate::yaml::{self, Located};
use closed::ClosedHost;
use conditions::Conditions;
use issuers::PolicyIssuers;
use mode::PolicyMode;
use named::NamedRequirement;
use parts::{File, PartsMissing};
use route::ParsedRoute;

const SUPPORTED_VERSION: u64 = 1;
/// The most routes of all files.
const MAX_ROUTES: usize = 100_000;

/// Compiles what the files say, or tells everything that is wrong with them; `trusted` are the names
/// of the trusted issuers, where they are known.
pub(super) fn compile(
    sources: &[Source],
    trusted: Option<&[Box<str>]>,
) -> Result<Policy, Problems> {
    let (files, unread) = parts::read(sources);
    if files.is_empty() {
        return Err(Problems(unread));
    }
    let mut compiler = Compiler {
        trusted,
        parts_missing: PartsMissing::of(&files, sources),
        ..Compiler::default()
    };
    // Nothing below returns at the first fault: whoever writes a policy sees all of them at once, and
    // warnings only where there are none.
    compiler.check_routes_exist(&files);
    for file in &files {
        compiler.check_version(file);
        compiler.collect_scopes(file);
        compiler.collect_rules(file);
        compiler.collect_closed_hosts(file);
        compiler.collect_issuers(file);
        compiler.collect_mode(file);
        compiler.collect_claims(file);
        compiler.collect_parent_scopes(file);
    }
    // What they name may be in a file that comes later.
    for file in &files {
        compiler.collect_requirements(file);
    }
    let routes = compiler.routes(&files);
    compiler.check_issuers_are_said(&routes);
    // Before the faults are looked at, because two routes for one request are found only here.
    let tables = compiler.tables(&routes);
    let mut problems = std::mem::take(&mut compiler.problems);
    // What is said of an entry as a whole may be wrong only because a part of it was not read.
    problems.retain(|problem| !files.iter().any(|file| file.is_damaged_at(problem)));
    problems.extend(unread);
    if !problems.is_empty() {
        return Err(Problems(in_order(problems, sources)));
    }
    compiler.warn_of_unused_requirements();
    let mut warnings = warning::warnings(&routes, &tables, &compiler.closed);
    warnings.extend(idle::warnings(&routes, &compiler.scopes));
    warnings.extend(warning::in_shadow(&routes, compiler.mode.as_ref()));
    warnings.append(&mut compiler.warnings);
    let stand_in = compiler.stand_in();
    let scopes = compiler.scopes.into_iter();
    Ok(Policy {
        places: place::shared(routes.iter().map(ParsedRoute::place)),
        routes: routes
            .into_iter()
            .map(|route| Arc::new(route.route))
            .collect(),
        tables,
        rules: compiler.rules.map(|(rules, _)| rules).unwrap_or_default(),
        scopes: scopes
            .map(|(name, scope)| (name, scope.description.into()))
            .collect(),
        digest: digest_of(sources),
        warnings: in_order(warnings, sources),
        stand_in,
    })
}

/// The digest of one file is that of its text, as `sha256sum` prints it. That of several is taken
/// over theirs, sorted, so that names and order do not matter.
fn digest_of(sources: &[Source]) -> Box<str> {
    let mut digests: Vec<_> = sources
        .iter()
        .map(|source| digest(&SHA256, source.text.as_bytes()))
        .collect();
    // The same files give the same digest in whatever order they are named: it says which policy is in
    // force, on all gates.
    digests.sort_by(|left, right| left.as_ref().cmp(right.as_ref()));
    // Of one file it is what `sha256sum` prints.
    let all = match digests.as_slice() {
        [only] => *only,
        several => digest(
            &SHA256,
            &several
                .iter()
                .flat_map(AsRef::as_ref)
                .copied()
                .collect::<Vec<u8>>(),
        ),
    };
    hex(all.as_ref()).into()
}

/// What is known while the files are read.
#[derive(Default)]
struct Compiler<'f> {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    scopes: BTreeMap<Box<str>, CatalogueScope<'f>>,
    rules: Option<(PathRules, Place)>,
    closed: Vec<ClosedHost>,
    issuers: Option<PolicyIssuers>,
    mode: Option<PolicyMode>,
    conditions: Conditions,
    /// Nothing for those with mistakes of their own.
    named: BTreeMap<Box<str>, Option<Rc<NamedRequirement<'f>>>>,
    parts_missing: PartsMissing,
    /// Nothing where the policy is loaded without a configuration.
    trusted: Option<&'f [Box<str>]>,
}

/// A scope of the catalogue.
struct CatalogueScope<'f> {
    source: &'f Source,
    name: &'f Located<String>,
    description: &'f str,
}

impl<'f> Compiler<'f> {
    fn check_version(&mut self, file: &File<'_>) {
        let Some(version) = &file.document.version else {
            // Where a part of the file could not be read, the key may be in it.
            if !file.may_have("version") {
                let start = Place {
                    file: file.source.name.clone(),
                    line: 1,
                    column: 1,
                    bytes: None,
                };
                let problem = Problem::new("the key `version` is missing").help("add `version: 1`");
                self.problems.push(problem.at(start));
            }
            return;
        };
        // As written, too: `01` and `1_0` are numbers that readers of YAML disagree about.
        if version.value != SUPPORTED_VERSION || version.written(file.source) != "1" {
            let written = quoted(version.written(file.source));
            self.problems.push(
                Problem::new(format!("unsupported policy version {written}"))
                    .help(format!("write `version: {SUPPORTED_VERSION}`"))
                    .at(version.place(file.source)),
            );
        }
    }

    /// A policy that shuts everything is possible, but not by forgetting `routes`.
    fn check_routes_exist(&mut self, files: &[File<'_>]) {
        let are_missing = files.iter().all(|file| file.document.routes.is_none());
        if are_missing && !self.parts_missing.routes {
            let problem = Problem::new("the policy has no routes")
                .help("add `routes:`; to refuse every request, write `routes: []`");
            self.problems.push(match files {
                [
                    File {
                        source,
                        document:
                            PolicyDocument {
                                version: Some(version),
                                ..
                            },
                        ..
                    },
                ] => problem.at(version.place(source)),
                _ => problem,
            });
        }
    }

    fn collect_scopes(&mut self, file: &'f File<'_>) {
        let entries = file.document.scopes.iter().flat_map(|entries| &entries.0);
        for (name, description) in entries {
            let place = name.place(file.source);
            if let Err(error) = ScopeName::parse(&name.value) {
                self.problems.push(
                    Problem::new(format!("the scope name {} {error}", quoted(&name.value)))
                        .help(error.help())
                        .at(place),
                );
                continue;
            }
            let scope = CatalogueScope {
                source: file.source,
                name,
                description: &description.value,
            };
            if let Some(first) = self.scopes.get(name.value.as_str()) {
                self.problems.push(
                    Problem::new(format!("the scope `{}` is listed twice", name.value))
                        .help("keep it in one file")
                        .at(place)
                        .related(first.name.place(first.source), "first listed here"),
                );
            } else {
                self.scopes.insert(name.value.as_str().into(), scope);
            }
        }
    }

    fn collect_rules(&mut self, file: &File<'_>) {
        let Some(paths) = &file.document.paths else {
            return;
        };
        let place = paths.place(file.source);
        let encoded_slashes = self.encoded_slashes(file.source, &paths.value);
        // A value that is wrong counts as the stricter one, so that no later message builds on a rule
        // that nobody has set.
        let mut flag = |value: &Option<Located<bool>>| match value {
            None => false,
            Some(value) => yaml::flag(file.source, value).unwrap_or_else(|problem| {
                self.problems.push(problem);
                false
            }),
        };
        let rules = PathRules {
            merge_slashes: flag(&paths.value.merge_slashes),
            encoded_slashes,
            path_parameters: flag(&paths.value.path_parameters),
            trailing_slash: flag(&paths.value.trailing_slash),
            encoded_delimiters: flag(&paths.value.encoded_delimiters),
            ignore_case: flag(&paths.value.ignore_case),
        };
        if let Some((_, first)) = &self.rules {
            self.problems.push(
                Problem::new("`paths` appears in more than one file")
                    .help("keep it in one file; it holds for the whole policy")
                    .at(place)
                    .related(first.clone(), "first appears here"),
            );
        } else {
            self.rules = Some((rules, place));
        }
    }

    fn encoded_slashes(&mut self, source: &Source, paths: &PathsDocument) -> EncodedSlashes {
        let Some(value) = &paths.encoded_slashes else {
            return EncodedSlashes::default();
        };
        let written = value.written(source);
        match written.trim_matches(['"', '\'']) {
            _ if written == "true" => EncodedSlashes::Both,
            _ if written == "false" => EncodedSlashes::Refused,
            "kept" => EncodedSlashes::Kept,
            _ => {
                self.complain(
                    "this is not a value of `encoded_slashes`",
                    "write `kept` if the upstream keeps `%2F` within its segment, `true` if it may \
                     take it as a slash as well, or `false`",
                    value.place(source),
                );
                EncodedSlashes::default()
            }
        }
    }

    /// The routes without mistakes of their own, sorted by name and numbered.
    fn routes(&mut self, files: &'f [File<'_>]) -> Vec<ParsedRoute<'f>> {
        let written = files.iter().flat_map(|file| {
            let routes = file.document.routes.iter().flatten();
            routes.map(move |route| (file, route))
        });
        let mut names: HashMap<&str, (&Source, &Located<String>)> = HashMap::new();
        let mut routes = Vec::new();
        for (position, (file, document)) in written.enumerate() {
            let source = file.source;
            // One problem and not one for each further route, of which there may be millions.
            if position == MAX_ROUTES {
                self.problems.push(
                    Problem::new(format!("the policy has more than {MAX_ROUTES} routes"))
                        .help("merge routes by `{name}` and `{*name}`")
                        .at(document.place(source)),
                );
                break;
            }
            if let Some(name) = &document.value.name {
                self.check_name_is_new(&mut names, source, name);
            }
            let route = self.route(source, document);
            // What a route is about is not known if a part of it was not read.
            if !file.is_incomplete(&document.place(source)) {
                routes.extend(route);
            }
        }
        // By name and not by place: gates that have the same policy in other files count the same
        // routes alike.
        routes.sort_by(|left, right| left.route.name.cmp(&right.route.name));
        for (index, parsed) in routes.iter_mut().enumerate() {
            parsed.route.index = index;
        }
        routes
    }

    fn check_name_is_new<'d>(
        &mut self,
        names: &mut HashMap<&'d str, (&'d Source, &'d Located<String>)>,
        source: &'d Source,
        name: &'d Located<String>,
    ) {
        if let Some((first_source, first)) = names.get(name.value.as_str()) {
            self.problems.push(
                Problem::new(format!(
                    "the route name {} appears twice",
                    quoted(&name.value)
                ))
                .help("give each route its own name")
                .at(name.place(source))
                .related(first.place(first_source), "first appears here"),
            );
        } else {
            names.insert(&name.value, (source, name));
        }
    }

    /// The tables of the routes; two routes that would answer the same request are a problem.
    fn tables(&mut self, routes: &[ParsedRoute<'_>]) -> Tables {
        let mut tables = Tables::default();
        for parsed in routes {
            let hosts = &parsed.route.hosts;
            let patterns: Vec<_> = if hosts.is_empty() {
                vec![None]
            } else {
                hosts.iter().map(Some).collect()
            };
            for pattern in patterns {
                let leaf = tables.of(pattern).leaf(&parsed.template);
                if let Err(taken) = leaf.insert(&parsed.route.methods, parsed.route.index) {
                    self.problems
                        .extend(routes.get(taken).map(|taken| parsed.conflict(taken)));
                    // The other hosts would tell the same.
                    break;
                }
            }
        }
        let closed: Vec<_> = self
            .closed
            .iter()
            .map(|host| host.pattern.clone())
            .collect();
        tables.close(&closed);
        tables
    }
}

/// The problems in the order of files and lines.
fn in_order(mut problems: Vec<Problem>, sources: &[Source]) -> Vec<Problem> {
    let files: HashMap<&str, usize> = sources
        .iter()
        .enumerate()
        .map(|(index, source)| (source.name.as_str(), index))
        .collect();
    problems.sort_by_key(|problem| {
        problem.place.as_ref().map(|place| {
            let file = files.get(place.file.as_str()).copied();
            (file, place.line, place.column)
        })
    });
    problems
}
