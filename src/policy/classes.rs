//! The classes of requests that two policies answer by the same pair of routes.

mod dropped;
mod example;
mod sets;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::meet::{Shape, meet};
use super::table::{
    Age, Finding, Findings, HostClass, Pair, Reply, SegmentKind, Tail, TooManyPaths, Walk,
    host_classes,
};
use super::{Policy, Route};
pub use dropped::DroppedReading;
pub use example::ExampleRequest;
use example::{encoded, path_of};
pub use sets::{ClassMethods, Hosts, OtherHosts};

/// Requests that one pair of routes answers, of an old policy and of a new one.
#[derive(Debug, Clone)]
pub struct RequestClass<'p> {
    pub old: Answer<'p>,
    pub new: Answer<'p>,
    pub hosts: Hosts,
    pub methods: ClassMethods,
    /// The template of their paths; requests that a more specific route answers are not among them.
    pub path: Box<str>,
    /// How many other ways through the templates lead to the same pair, at least.
    pub more_paths: usize,
    pub example: ExampleRequest,
}

/// What answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'p> {
    /// No route lists it.
    Unlisted,
    Route(&'p Arc<Route>),
    /// The route lets it through as a CORS preflight.
    Preflight(&'p Arc<Route>),
}

impl Policy {
    /// Divides all requests with one reading into classes by the routes of this policy and of `new`
    /// that answer them, and returns those of which `differ` says so. Classes that differ in their
    /// methods alone are kept apart.
    pub fn classes<'p>(
        &'p self,
        new: &'p Self,
        differ: impl Fn(Answer<'p>, Answer<'p>) -> bool,
    ) -> Result<Vec<RequestClass<'p>>, TooManyPaths> {
        let is_wanted = |pair: Pair| differ(self.answer_of(pair.old), new.answer_of(pair.new));
        let has_preflight = |age: Age, index: usize| self.has_preflight(new, age, index);
        let mut walk = Walk::new(is_wanted, has_preflight);
        let hosts = host_classes(&self.tables, &new.tables);
        let mut gathered = Gathered::default();
        for (index, class) in hosts.iter().enumerate() {
            let old_side = class.old.side(self.rules.ignore_case);
            let new_side = class.new.side(new.rules.ignore_case);
            let answers = |pair: Pair| (self.answer_of(pair.old), new.answer_of(pair.new));
            let paths = walk.paths(old_side, new_side)?;
            gathered.extend(Kind::Path, &paths, index, answers);
            let (old, new) = (class.old, class.new);
            let asterisks = walk.of_method(b"OPTIONS", old.asterisk(), new.asterisk());
            gathered.extend(Kind::Asterisk, &asterisks, index, answers);
            let empties = walk.of_method(b"CONNECT", old.empty(), new.empty());
            gathered.extend(Kind::Empty, &empties, index, answers);
        }
        let classes = gathered.0.into_iter();
        let classes = classes.map(|(class, found)| RequestClass {
            old: self.answer_of(class.pair.old),
            new: new.answer_of(class.pair.new),
            hosts: Hosts::new(&found.hosts, &hosts),
            methods: class.methods,
            path: class.path,
            more_paths: class.more_paths,
            example: found.example(class.kind, &hosts),
        });
        Ok(classes.collect())
    }

    /// Whether the route of this index, of this policy or of `new`, lets preflights through.
    fn has_preflight(&self, new: &Self, age: Age, index: usize) -> bool {
        let policy = match age {
            Age::Old => self,
            Age::New => new,
        };
        let route = policy.routes.get(index);
        route.is_some_and(|route| route.preflight)
    }

    fn answer_of(&self, reply: Option<Reply>) -> Answer<'_> {
        let route = |index: usize| self.routes.get(index);
        match reply {
            None => None,
            Some(Reply::Route(index)) => route(index).map(Answer::Route),
            Some(Reply::Preflight(index)) => route(index).map(Answer::Preflight),
        }
        .unwrap_or(Answer::Unlisted)
    }
}

/// What the path of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Path,
    Asterisk,
    Empty,
}

/// What was found for all hosts.
#[derive(Default)]
struct Gathered<'t>(BTreeMap<Class, Found<'t>>);

/// What the hosts of one class have in common. The same pair of routes may answer other paths on another host,
/// where another table has more specific ones.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    kind: Kind,
    pair: Pair,
    methods: ClassMethods,
    path: Box<str>,
    more_paths: usize,
}

struct Found<'t> {
    finding: Finding<'t>,
    /// Indices of host classes, ascending.
    hosts: Vec<usize>,
}

impl<'t> Gathered<'t> {
    fn extend<'p>(
        &mut self,
        kind: Kind,
        findings: &Findings<'t>,
        host: usize,
        answers: impl Fn(Pair) -> (Answer<'p>, Answer<'p>),
    ) {
        for (pair, finding) in findings.iter() {
            let (path, more_paths) = match kind {
                Kind::Asterisk => ("*".into(), 0),
                Kind::Empty => ("".into(), 0),
                Kind::Path => paths(finding, answers(pair)),
            };
            let class = Class {
                kind,
                pair,
                methods: ClassMethods::of(finding),
                path,
                more_paths,
            };
            let found = self.0.entry(class).or_insert_with(|| Found {
                finding: finding.clone(),
                hosts: Vec::new(),
            });
            found.hosts.push(host);
        }
    }
}

/// The template of the paths, and how many other ways lead to the pair.
fn paths(finding: &Finding<'_>, (old, new): (Answer<'_>, Answer<'_>)) -> (Box<str>, usize) {
    let common = match (old.route(), new.route()) {
        (Some(old), Some(new)) => meet(&old.path, &new.path),
        (Some(only), None) | (None, Some(only)) => only.path.clone(),
        (None, None) => "/{*rest}".into(),
    };
    let shapes = Tail::segments(finding.path.as_deref()).map(|segment| match &segment.kind {
        SegmentKind::Literal => Shape::Literal(encoded(segment)),
        SegmentKind::EndsIn(end) => Shape::EndsIn(String::from_utf8_lossy(end).into()),
        SegmentKind::Other => Shape::Any,
    });
    let shapes: Vec<Shape> = shapes.collect();
    if Shape::fill(&shapes, &common) {
        (common, 0)
    } else {
        let path = Shape::template(&shapes, &common, finding.is_settled);
        (path, finding.ways.saturating_sub(1))
    }
}

impl Found<'_> {
    fn example(&self, kind: Kind, classes: &[HostClass<'_>]) -> ExampleRequest {
        // A name that a route has says more than one that no route has.
        let first = self.hosts.first().and_then(|index| classes.get(*index));
        let host = first.map(|class| class.host.clone()).unwrap_or_default();
        ExampleRequest {
            method: self.finding.method.clone(),
            path: match kind {
                Kind::Path => path_of(self.finding.path.as_deref()),
                Kind::Asterisk => "*".into(),
                Kind::Empty => host.clone(),
            },
            host,
            preflight: self.finding.requested.clone(),
        }
    }
}

impl<'p> Answer<'p> {
    pub fn route(self) -> Option<&'p Arc<Route>> {
        match self {
            Self::Unlisted => None,
            Self::Route(route) | Self::Preflight(route) => Some(route),
        }
    }
}
