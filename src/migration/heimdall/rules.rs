//! Rules: which requests they are for, and what their pipelines ask.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::mechanisms::Mechanisms;
use crate::doctor::field::{items, text};
use crate::migration::Notes;
use crate::migration::formula::{Formula, Test};
use crate::migration::template::{PathTest, Segment, Template};
use crate::migration::text::{TextMatch, TextTest};
use crate::problem::{Problem, quoted};
use crate::yaml::Tree;

/// What `ALL` stands for.
const ALL_METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

pub(super) struct Reader<'r> {
    pub(super) mechanisms: &'r Mechanisms,
    pub(super) notes: &'r mut Notes,
    /// What every rule without steps of its own does.
    pub(super) default: Option<&'r Tree>,
}

impl Reader<'_> {
    /// What the rules let in. Of several whose paths match, the most specific path decides alone; of several
    /// with this path, the first whose other conditions hold.
    #[expect(clippy::result_large_err, reason = "made once, for a file")]
    pub(super) fn rules(&mut self, rules: &[&Tree]) -> Result<Formula, Problem> {
        let mut all = Vec::new();
        let mut cases = Vec::new();
        let mut last = Vec::new();
        if let Some(unclear) = self.hosts_that_differ(rules) {
            all.push(unclear);
        }
        for (index, rule) in rules.iter().enumerate() {
            let id = text(rule, &["id"]).map_or_else(|| (index + 1).to_string(), str::to_owned);
            let place = format!("rule {id}");
            let routes = items(rule, &["match", "routes"]);
            if routes.is_empty() {
                return Err(Problem::new(format!("{place} has no `match.routes`"))
                    .help("rule sets of version 1alpha4 and later are understood; `heimdall convert ruleset` converts older ones"));
            }
            let then = self.rule(rule, &place);
            let other = self.conditions(rule, &place);
            let mut any = Vec::new();
            for route in routes {
                any.push(self.route(route, &place, &mut all));
            }
            let path = Rc::new(Formula::Any(any));
            if has_conditions(rule) {
                let reason = "where its conditions do not hold, versions of heimdall differ in whether a less \
                     specific path answers";
                last.push((
                    Formula::Shared(Rc::clone(&path)),
                    self.notes.unknown(&place, reason),
                ));
            }
            cases.push((Formula::All(vec![Formula::Shared(path), other]), then));
        }
        cases.extend(last);
        let otherwise = match self.default {
            Some(default) => self.pipeline(default, "default_rule"),
            None => Formula::False,
        };
        all.push(Formula::First {
            cases,
            otherwise: Rc::new(otherwise),
        });
        Ok(Formula::All(all))
    }

    /// Heimdall looks for the host first, then for the path among the rules of this host. Where rules are for
    /// different hosts, what is named is open to nobody.
    fn hosts_that_differ(&mut self, rules: &[&Tree]) -> Option<Formula> {
        let hosts_of = |rule: &&Tree| -> BTreeSet<String> {
            let hosts = items(rule, &["match", "hosts"]).iter();
            let names = hosts.filter_map(|one| one.text().or_else(|| text(one, &["value"])));
            names.map(str::to_ascii_lowercase).collect()
        };
        let sets: BTreeSet<BTreeSet<String>> = rules.iter().map(hosts_of).collect();
        if sets.len() < 2 {
            return None;
        }
        let named: BTreeSet<&String> = sets.iter().flatten().collect();
        let tests = named.iter().map(|name| {
            let test = TextTest::new(TextMatch::Exact((*name).clone()));
            Formula::host(test)
        });
        let named = Formula::Any(tests.collect());
        let reason = "the rules are for different hosts, and heimdall looks for the host before the path: import \
             the rules of one host at a time";
        let unclear = self.notes.unknown("hosts", reason);
        Some(Formula::Any(vec![Formula::not(named), unclear]))
    }

    /// The path of a route. What no route of a policy can have is refused together with all around it.
    fn route(&mut self, route: &Tree, place: &str, all: &mut Vec<Formula>) -> Formula {
        let path = text(route, &["path"]).unwrap_or_default();
        let Some(template) = template(path) else {
            let reason = format!("the path {} has no equal", quoted(path));
            self.notes.add(place, format!("not carried over: {reason}"));
            let prefix = path.split([':', '*', '\\', '%']).next().unwrap_or_default();
            all.push(Formula::not(Formula::path(PathTest::Some {
                prefix: prefix.to_owned(),
                reason: reason.into(),
            })));
            return Formula::False;
        };
        let winner = Formula::path(PathTest::Winner(template));
        let mut keys = route.entries().iter().map(|(key, _)| key.as_str());
        match keys.find(|key| *key != "path") {
            Some(key) => {
                let unknown = self
                    .notes
                    .unknown(place, &format!("`{key}` of a route has no equal"));
                Formula::All(vec![winner, unknown])
            }
            None => winner,
        }
    }

    /// What must hold beside the path.
    fn conditions(&mut self, rule: &Tree, place: &str) -> Formula {
        let mut all = Vec::new();
        let matched = rule.get("match").map(Tree::entries).unwrap_or_default();
        for (key, value) in matched {
            match key.as_str() {
                "routes" | "backtracking_enabled" => {}
                "methods" => all.push(match methods(value) {
                    Some(methods) => methods,
                    None => self.notes.unknown(place, "these `methods` have no equal"),
                }),
                "scheme" => match value.text() {
                    Some(scheme @ ("http" | "https")) => {
                        all.push(Formula::condition(format!(
                            "request.scheme == \"{scheme}\""
                        )));
                    }
                    _ => all.push(self.notes.unknown(place, "this `scheme` has no equal")),
                },
                "hosts" => all.push(self.hosts(value, place)),
                _ => all.push(
                    self.notes
                        .unknown(place, &format!("`{key}` of `match` has no equal")),
                ),
            }
        }
        Formula::All(all)
    }

    fn hosts(&mut self, value: &Tree, place: &str) -> Formula {
        if value.items().is_empty() {
            return Formula::True;
        }
        self.notes.add_once(
            "hosts",
            "compared without port and without a dot at the end: heimdall compares them as they are sent",
        );
        let any = value.items().iter().map(|one| {
            let written = one
                .text()
                .or_else(|| text(one, &["value"]))
                .unwrap_or_default();
            let is_exact = text(one, &["type"]).is_none_or(|kind| kind == "exact");
            if is_exact && !written.contains('*') {
                Formula::host(TextTest::new(TextMatch::Exact(written.to_owned())))
            } else {
                let reason = format!("the host {} is no exact name", quoted(written));
                self.notes.unknown(place, &reason)
            }
        });
        Formula::Any(any.collect())
    }

    /// What a rule asks of the requests that it is for.
    fn rule(&mut self, rule: &Tree, place: &str) -> Formula {
        const KNOWN: [&str; 6] = [
            "id",
            "match",
            "execute",
            "on_error",
            "forward_to",
            "allow_encoded_slashes",
        ];
        let asked = self.pipeline(rule, place);
        let mut keys = rule.entries().iter().map(|(key, _)| key.as_str());
        match keys.find(|key| !KNOWN.contains(key)) {
            Some(key) => {
                let unknown = self
                    .notes
                    .unknown(place, &format!("{} of a rule has no equal", quoted(key)));
                Formula::All(vec![asked, unknown])
            }
            None => asked,
        }
    }
}

/// Whether a rule asks for more than a path.
fn has_conditions(rule: &Tree) -> bool {
    let matched = rule.get("match").map(Tree::entries).unwrap_or_default();
    let is_plain = |(key, value): &(String, Tree)| match key.as_str() {
        "routes" => {
            let mut keys = value.items().iter().flat_map(Tree::entries);
            keys.all(|(key, _)| key == "path")
        }
        "backtracking_enabled" => !value.is_true(),
        _ => false,
    };
    !matched.iter().all(is_plain)
}

/// Nothing where versions may read the list differently: a list that excludes all of its methods is, to some,
/// one without methods, which is for every method.
fn methods(value: &Tree) -> Option<Formula> {
    let Tree::List(names) = value else {
        return None;
    };
    let names: Vec<&str> = names.iter().map(Tree::text).collect::<Option<_>>()?;
    if names.is_empty() {
        return Some(Formula::True);
    }
    let mut wanted: BTreeSet<&str> = names.iter().copied().collect();
    if wanted.remove("ALL") {
        wanted.extend(ALL_METHODS);
    }
    wanted.retain(|name| !name.starts_with('!') && !names.contains(&format!("!{name}").as_str()));
    if wanted.is_empty() || wanted.contains("") {
        return None;
    }
    let test = |name: &str| {
        let test = TextTest::new(TextMatch::Exact(name.to_owned()));
        Formula::Test(Test::Method(test))
    };
    Some(Formula::Any(wanted.into_iter().map(test).collect()))
}

/// `/a/:id/**` as a template.
fn template(path: &str) -> Option<Template> {
    let rest = path.strip_prefix('/')?;
    if rest.is_empty() {
        return Template::of_plain("/");
    }
    let mut segments = Vec::new();
    let written: Vec<&str> = rest.split('/').collect();
    for (position, segment) in written.iter().enumerate() {
        let is_last = position + 1 == written.len();
        if let Some(name) = segment.strip_prefix(':') {
            let is_name = name == "*"
                || name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if name.is_empty() || !is_name {
                return None;
            }
            segments.push(Segment::Parameter);
        } else if segment.starts_with('*') {
            if !is_last {
                return None;
            }
            segments.push(Segment::Rest);
        } else {
            Template::of_plain(&format!("/{segment}")).filter(|_| !segment.is_empty())?;
            segments.push(Segment::Literal((*segment).to_owned()));
        }
    }
    Template::new(segments)
}
