//! From a formula to routes: one or more for each host pattern and template.

use std::collections::{BTreeMap, BTreeSet};

use super::Notes;
use super::alternatives::{Alternative, Alternatives, Literal};
use super::asked::{Asked, Terms};
use super::cell::{Cell, MethodCell, Solver};
use super::formula::{Formula, Test};
use super::hosts::{HostCell, host_cells};
use super::reduction::{Steps, TooLarge, reduced};
use super::template::Template;
use super::text::{Reason, TextMatch};
use crate::problem::Problem;

/// How many steps an import may take: a step is a look at a part of a formula, or what takes as long.
const MAX_STEPS: usize = 20_000_000;
/// The most paths.
const MAX_TEMPLATES: usize = 30_000;
/// How many steps making a route counts as.
const STEPS_PER_CELL: usize = 200;
/// The most hosts that a route may name.
const MAX_HOSTS: usize = 256;

/// A route of the new policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewRoute {
    /// Empty for every host that no route names.
    pub(super) hosts: Vec<String>,
    /// Empty for every method.
    pub(super) methods: Vec<String>,
    pub(super) path: Template,
    pub(super) asked: Asked,
}

/// Routes, and the hosts that have a table of their own.
pub(super) struct Routes {
    pub(super) routes: Vec<NewRoute>,
    pub(super) closed_hosts: Vec<String>,
}

/// What some methods of a template need.
struct Group {
    methods: Vec<String>,
    asked: Asked,
}

/// What some methods of a template come to, and why not more. Empty methods are every method.
struct Solved {
    methods: Vec<String>,
    alternatives: Alternatives,
    reasons: BTreeSet<Reason>,
}

/// What a template's requests need, by their methods.
struct Entry {
    template: Template,
    groups: Vec<Group>,
}

impl Entry {
    fn is_closed(&self) -> bool {
        self.groups.iter().all(|group| group.asked.is_closed())
    }

    fn is_for_review(&self) -> bool {
        self.groups
            .iter()
            .any(|group| group.asked.review().is_some())
    }
}

#[expect(clippy::result_large_err, reason = "made once, for a file")]
pub(super) fn routes(
    formula: &Formula,
    terms: &Terms,
    notes: &mut Notes,
) -> Result<Routes, Problem> {
    let hosts = host_cells(formula);
    let together = groups_of_hosts(formula, &hosts, terms, notes).map_err(|_: TooLarge| {
        Problem::new("the rules are too many: each has to be compared with each path")
            .help("import parts of them, for example the rules of one host")
    })?;
    let mut routes = Vec::new();
    for (key, hosts) in together {
        let mut rest = hosts.as_slice();
        // One of no hosts is for every host.
        loop {
            let (some, more) = rest.split_at(rest.len().min(MAX_HOSTS));
            routes.push(NewRoute {
                hosts: some.to_vec(),
                methods: key.methods.clone(),
                path: key.template.clone(),
                asked: key.asked.clone(),
            });
            if more.is_empty() {
                break;
            }
            rest = more;
        }
    }
    let closed_hosts = closed_hosts(&hosts, &routes)?;
    Ok(Routes {
        routes,
        closed_hosts,
    })
}

/// What a route says beside its hosts.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    template: Template,
    methods: Vec<String>,
    asked: Asked,
    is_for_others: bool,
}

/// What is asked of each template, with the host patterns of which that is asked.
fn groups_of_hosts(
    formula: &Formula,
    hosts: &BTreeSet<HostCell>,
    terms: &Terms,
    notes: &mut Notes,
) -> Result<BTreeMap<Key, Vec<String>>, TooLarge> {
    let wanted = formula.templates();
    let mut templates = wanted.clone();
    templates.extend(Template::of_plain("/"));
    templates.insert(Template::everything());
    if templates.len() > MAX_TEMPLATES {
        return Err(TooLarge);
    }
    let mut builder = Builder {
        terms,
        methods: named_methods(formula),
        steps: Steps(MAX_STEPS),
    };
    let mut tables: BTreeMap<&HostCell, Vec<Entry>> = BTreeMap::new();
    for template in &templates {
        let formula = reduced(formula, template, &mut builder.steps)?;
        let is_extra = !wanted.contains(template);
        for host in hosts {
            builder.steps.take(STEPS_PER_CELL)?;
            let entry = builder.entry(template, &formula, host, is_extra, notes)?;
            tables.entry(host).or_default().push(entry);
        }
    }
    let mut together: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    for (host, entries) in tables {
        for entry in needed(entries, &mut builder.steps)? {
            for group in entry.groups {
                let key = Key {
                    template: entry.template.clone(),
                    methods: group.methods,
                    asked: group.asked,
                    is_for_others: *host == HostCell::Others,
                };
                together.entry(key).or_default().extend(pattern(host));
            }
        }
    }
    Ok(together)
}

/// The hosts whose requests no route of other hosts answers.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn closed_hosts(hosts: &BTreeSet<HostCell>, routes: &[NewRoute]) -> Result<Vec<String>, Problem> {
    let closed: Vec<String> = hosts.iter().filter_map(pattern).collect();
    if closed.len() <= MAX_HOSTS {
        return Ok(closed);
    }
    let is_exact = |route: &NewRoute| {
        !route.hosts.is_empty() && route.hosts.iter().all(|host| !host.starts_with('*'))
    };
    if routes.iter().all(is_exact) {
        // No route is for more than the hosts that it names.
        return Ok(Vec::new());
    }
    Err(Problem::new(format!(
        "the rules name {} hosts; beside routes of other hosts, a policy keeps {MAX_HOSTS} apart",
        closed.len()
    ))
    .help("import the rules of some of these hosts at a time"))
}

fn pattern(host: &HostCell) -> Option<String> {
    match host {
        HostCell::Exact(name) => Some(name.clone()),
        HostCell::Below(name) => Some(format!("*.{name}")),
        HostCell::Others => None,
    }
}

/// The methods that a formula names, and those that a route cannot tell from them.
fn named_methods(formula: &Formula) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    formula.each_test(&mut |test| {
        let Test::Method(test) = test else { return };
        if let TextMatch::Exact(method) = &test.how
            && is_method(method)
        {
            named.insert(method.clone());
        }
    });
    if named.contains("GET") || named.contains("HEAD") {
        named.extend(["GET".to_owned(), "HEAD".to_owned()]);
    }
    named
}

/// Whether a policy takes it as a method, without doubt about what is meant.
fn is_method(method: &str) -> bool {
    const USUAL: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT",
    ];
    USUAL.contains(&method)
}

/// Without the entries that refuse what would be refused anyway.
fn needed(entries: Vec<Entry>, steps: &mut Steps) -> Result<Vec<Entry>, TooLarge> {
    let open: Vec<Template> = entries
        .iter()
        .filter(|entry| !entry.is_closed() && !entry.template.is_literal())
        .map(|entry| entry.template.clone())
        .collect();
    let mut kept = Vec::new();
    for entry in entries {
        let mut is_needed = !entry.is_closed() || entry.is_for_review();
        if !is_needed {
            steps.take(open.len())?;
            is_needed = open
                .iter()
                .any(|open| open.overlaps(&entry.template) && !open.wins(&entry.template));
        }
        if is_needed {
            kept.push(entry);
        }
    }
    Ok(kept)
}

struct Builder<'a> {
    terms: &'a Terms,
    methods: BTreeSet<String>,
    steps: Steps,
}

impl Builder<'_> {
    fn entry(
        &mut self,
        template: &Template,
        formula: &Formula,
        host: &HostCell,
        is_extra: bool,
        notes: &mut Notes,
    ) -> Result<Entry, TooLarge> {
        let mut found = self.groups(formula, host)?;
        // What is there for names that go on after a prefix alone would be a route of every path.
        if is_extra {
            for solved in &mut found {
                if !solved.alternatives.is_none() && solved.alternatives.iter().all(asks_for_a_path)
                {
                    notes.add_once(
                        &template.text(),
                        "left out: names that only begin as a rule says, such as `/apis` for `/api`",
                    );
                    solved.alternatives = Alternatives::none();
                }
            }
        }
        let groups = found.into_iter().map(|solved| Group {
            asked: Asked::of(&solved.alternatives, &solved.reasons, self.terms),
            methods: solved.methods,
        });
        let mut groups: Vec<Group> = groups.collect();
        if groups.iter().all(|group| group.asked.is_closed()) {
            let review = groups.iter().find_map(|group| group.asked.review());
            groups = vec![Group {
                methods: Vec::new(),
                asked: Asked::Nobody(review.map(str::to_owned)),
            }];
        } else {
            // Methods that a template does not list are refused.
            groups.retain(|group| !group.asked.is_closed() || group.asked.review().is_some());
        }
        Ok(Entry {
            template: template.clone(),
            groups,
        })
    }

    /// By methods, empty for every one; those that are not named here are refused.
    fn groups(&mut self, formula: &Formula, host: &HostCell) -> Result<Vec<Solved>, TooLarge> {
        let named = self.methods.clone();
        if named.is_empty() {
            let (alternatives, reasons) = self.solved(formula, host, MethodCell::Every)?;
            return Ok(vec![Solved {
                methods: Vec::new(),
                alternatives,
                reasons,
            }]);
        }
        let (others, mut reasons) = self.solved(formula, host, MethodCell::OtherThan(&named))?;
        let mut results = BTreeMap::new();
        for method in &named {
            let result = self.solved(formula, host, MethodCell::Only(method))?;
            reasons.extend(result.1.iter().cloned());
            results.insert(method.clone(), result);
        }
        if results.values().all(|(result, _)| *result == others) {
            return Ok(vec![Solved {
                methods: Vec::new(),
                alternatives: others,
                reasons,
            }]);
        }
        if !others.is_none() {
            let (alternatives, reasons) = self.solved(formula, host, MethodCell::Every)?;
            return Ok(vec![Solved {
                methods: Vec::new(),
                alternatives,
                reasons,
            }]);
        }
        self.join_get_and_head(&mut results, formula, host)?;
        Ok(alike(results))
    }

    /// A route for `GET` answers `HEAD` as well.
    fn join_get_and_head(
        &mut self,
        results: &mut BTreeMap<String, (Alternatives, BTreeSet<Reason>)>,
        formula: &Formula,
        host: &HostCell,
    ) -> Result<(), TooLarge> {
        let (Some(get), Some(head)) = (results.get("GET"), results.get("HEAD")) else {
            return Ok(());
        };
        let (is_same, is_for_head_alone) = (get.0 == head.0, get.0.is_none() && !head.0.is_none());
        if is_for_head_alone {
            results.remove("GET");
            return Ok(());
        }
        results.remove("HEAD");
        if !is_same {
            let both = self.solved(formula, host, MethodCell::GetAndHead)?;
            results.insert("GET".to_owned(), both);
        }
        Ok(())
    }

    fn solved(
        &mut self,
        formula: &Formula,
        host: &HostCell,
        methods: MethodCell<'_>,
    ) -> Result<(Alternatives, BTreeSet<Reason>), TooLarge> {
        let mut solver = Solver::new(Cell { host, methods }, &mut self.steps);
        let alternatives = solver.solve(formula)?;
        Ok((alternatives, solver.reasons))
    }
}

/// The methods that come to the same.
fn alike(results: BTreeMap<String, (Alternatives, BTreeSet<Reason>)>) -> Vec<Solved> {
    let mut groups: Vec<Solved> = Vec::new();
    for (method, (alternatives, reasons)) in results {
        match groups
            .iter_mut()
            .find(|known| known.alternatives == alternatives && known.reasons == reasons)
        {
            Some(known) => known.methods.push(method),
            None => groups.push(Solved {
                methods: vec![method],
                alternatives,
                reasons,
            }),
        }
    }
    groups
}

/// Whether it is about the path alone that decides here.
fn asks_for_a_path(alternative: &Alternative) -> bool {
    alternative.iter().any(|literal| {
        matches!(literal, Literal::Condition(text) if text.starts_with("request.path.startsWith(")
            || text.starts_with("request.path.lowerAscii().startsWith("))
    })
}
