//! The compiled tables: for each host pattern a tree of templates, whose leaves know the methods.

mod host_classes;
mod matching;
mod name_map;
mod nearest;
mod walk;

use std::collections::HashSet;

use super::host::{HostName, HostPattern, parents};
use super::method::Methods;
use super::path::{PathSegment, Segments};
use super::template::{Template, TemplateSegment};

pub(super) use host_classes::{HostClass, host_classes};
use name_map::NameMap;
pub use walk::TooManyPaths;
pub(super) use walk::{
    Age, Finding, Findings, MethodClass, Pair, Reply, Segment, SegmentKind, SpelledWalk, Spellings,
    Tail, Walk, Written,
};

/// The tables of all host patterns.
#[derive(Debug, Default)]
pub(super) struct Tables {
    exact: NameMap<Table>,
    below: NameMap<Table>,
    default: Table,
}

/// The routes of one host pattern, or of those without `hosts`.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Whether it answers its hosts alone, without the routes that have no `hosts`.
    closed: bool,
    root: Node,
    asterisk: Option<Leaf>,
    empty: Option<Leaf>,
}

/// A position within templates.
#[derive(Debug, Default)]
struct Node {
    literals: NameMap<Node>,
    suffixed: Option<Box<Suffixed>>,
    parameter: Option<Box<Node>>,
    rest: Option<Leaf>,
    end: Option<Leaf>,
}

/// The parameters at one position that text follows, by that text.
#[derive(Debug, Default)]
struct Suffixed {
    /// Of all texts, the longest first. A longer text is more specific: of two that a segment ends
    /// in, one ends in the other.
    lengths: Vec<usize>,
    nodes: NameMap<Node>,
}

/// The routes of one template, whose parameters may have other names in each.
#[derive(Debug)]
pub(super) struct Leaf {
    /// Of each segment; greater is more specific.
    ranks: Box<[Rank]>,
    every: Option<usize>,
    listed: Vec<(Box<[u8]>, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Rest,
    Parameter,
    /// With the length of the text behind the parameter.
    Suffixed(usize),
    Literal,
}

/// The leaves that answer a path: those of the host's own table, then those of the default one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaves<'t> {
    first: &'t Leaf,
    second: Option<&'t Leaf>,
}

impl Tables {
    /// The table of `pattern`, made if it is the first of its routes.
    pub(super) fn of(&mut self, pattern: Option<&HostPattern>) -> &mut Table {
        match pattern {
            None => &mut self.default,
            Some(HostPattern::Exact(name)) => self.exact.entry(name.as_bytes().into()).or_default(),
            Some(HostPattern::Below(name)) => self.below.entry(name.as_bytes().into()).or_default(),
        }
    }

    /// Closes the hosts of `patterns`: the routes without `hosts` no longer answer them. Each pattern
    /// has a table from then on, perhaps an empty one. A closed wildcard closes what lies below it,
    /// even where that has a table of its own.
    pub(super) fn close(&mut self, patterns: &[HostPattern]) {
        let mut wildcards: HashSet<&[u8]> = HashSet::new();
        for pattern in patterns {
            self.of(Some(pattern)).closed = true;
            if let HostPattern::Below(name) = pattern {
                wildcards.insert(name.as_bytes());
            }
        }
        for (name, table) in self.exact.iter_mut().chain(&mut self.below) {
            table.closed |= parents(name).any(|parent| wildcards.contains(parent));
        }
    }

    /// The leaf of exactly `template` in the table of exactly `pattern`.
    pub(super) fn own_leaf(&self, pattern: &HostPattern, template: &Template) -> Option<&Leaf> {
        let table = match pattern {
            HostPattern::Exact(name) => self.exact.get(name.as_bytes()),
            HostPattern::Below(name) => self.below.get(name.as_bytes()),
        };
        table?.existing_leaf(template)
    }

    /// The tables that answer `host`: its own, if any, and unless that is closed the default one.
    pub(super) fn for_host(&self, host: &HostName) -> HostTables<'_> {
        // The exact name before any wildcard, and of wildcards the longest: a host that is listed by
        // itself must not get routes that are meant for its siblings.
        let own = self.exact.get(host.as_bytes());
        let own = own.or_else(|| self.wildcard(host).map(|(_, table)| table));
        HostTables {
            own,
            // A closed host gets its own routes alone, even none: a public route without `hosts` must
            // not open it.
            default: own.is_none_or(|own| !own.closed).then_some(&self.default),
        }
    }

    /// The pattern by which routes name `host`, if some do, with the table of those routes.
    pub(super) fn named(&self, host: &HostName) -> Option<(HostPattern, &Table)> {
        let text = |name: &[u8]| String::from_utf8_lossy(name).into();
        if let Some(table) = self.exact.get(host.as_bytes()) {
            return Some((HostPattern::Exact(text(host.as_bytes())), table));
        }
        let (name, table) = self.wildcard(host)?;
        Some((HostPattern::Below(text(name)), table))
    }

    /// The table of the longest wildcard that matches `host`, with what it leaves of the name.
    fn wildcard<'h>(&self, host: &'h HostName) -> Option<(&'h [u8], &Table)> {
        if self.below.is_empty() {
            return None;
        }
        let mut parents = host.parents();
        parents.find_map(|parent| Some((parent, self.below.get(parent)?)))
    }
}

/// What answers one host.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostTables<'t> {
    own: Option<&'t Table>,
    default: Option<&'t Table>,
}

impl<'t> HostTables<'t> {
    /// The most specific template that matches `path`.
    pub(super) fn find(self, path: impl Segments) -> Option<Leaves<'t>> {
        let own = self.own.and_then(|own| own.root.find(path));
        let default = self.default.and_then(|default| default.root.find(path));
        Leaves::merge(own, default)
    }

    /// The routes of `path: "*"`.
    pub(super) fn asterisk(self) -> Option<Leaves<'t>> {
        let own = self.own.and_then(|own| own.asterisk.as_ref());
        let default = self.default.and_then(|default| default.asterisk.as_ref());
        Leaves::merge(own, default)
    }

    /// The routes of `path: ""`.
    pub(super) fn empty(self) -> Option<Leaves<'t>> {
        let own = self.own.and_then(|own| own.empty.as_ref());
        let default = self.default.and_then(|default| default.empty.as_ref());
        Leaves::merge(own, default)
    }
}

impl<'t> Leaves<'t> {
    /// The more specific of the two, or both where they have the same template.
    fn merge(own: Option<&'t Leaf>, default: Option<&'t Leaf>) -> Option<Self> {
        let (first, second) = match (own, default) {
            (Some(own), Some(default)) => match own.ranks.cmp(&default.ranks) {
                std::cmp::Ordering::Greater => (own, None),
                std::cmp::Ordering::Equal => (own, Some(default)),
                std::cmp::Ordering::Less => (default, None),
            },
            (Some(only), None) | (None, Some(only)) => (only, None),
            (None, None) => return None,
        };
        Some(Self { first, second })
    }

    /// The index of the route that answers `method`.
    pub(super) fn answer(self, method: &[u8]) -> Option<usize> {
        let second = || self.second.and_then(|leaf| leaf.answer(method));
        self.first.answer(method).or_else(second)
    }

    /// The index of a route that has this path, whatever its methods.
    pub(super) fn any_route(self) -> Option<usize> {
        let second = || self.second.and_then(Leaf::any_route);
        self.first.any_route().or_else(second)
    }
}

impl Table {
    /// Whether the routes without `hosts` do not answer its hosts.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The leaf of `template`, made if it is the first of its routes.
    pub(super) fn leaf(&mut self, template: &Template) -> &mut Leaf {
        let segments = match template {
            Template::Asterisk => return self.asterisk.get_or_insert_with(|| Leaf::new(&[])),
            Template::Empty => return self.empty.get_or_insert_with(|| Leaf::new(&[])),
            Template::Path(segments) => segments,
        };
        let mut node = &mut self.root;
        for segment in segments {
            node = match segment {
                TemplateSegment::Literal(name) => node.literals.entry(name.clone()).or_default(),
                TemplateSegment::Suffixed { suffix, .. } => {
                    node.suffixed.get_or_insert_default().node(suffix)
                }
                TemplateSegment::Parameter(_) => node.parameter.get_or_insert_default(),
                // The parser lets it stand at the end only.
                TemplateSegment::Rest(_) => {
                    return node.rest.get_or_insert_with(|| Leaf::new(segments));
                }
            };
        }
        node.end.get_or_insert_with(|| Leaf::new(segments))
    }

    /// The leaf of `template`, if a route has it.
    fn existing_leaf(&self, template: &Template) -> Option<&Leaf> {
        let segments = match template {
            Template::Asterisk => return self.asterisk.as_ref(),
            Template::Empty => return self.empty.as_ref(),
            Template::Path(segments) => segments,
        };
        let mut node = &self.root;
        for segment in segments {
            node = match segment {
                TemplateSegment::Literal(name) => node.literals.get(name)?,
                TemplateSegment::Suffixed { suffix, .. } => {
                    node.suffixed.as_ref()?.nodes.get(suffix)?
                }
                TemplateSegment::Parameter(_) => node.parameter.as_deref()?,
                TemplateSegment::Rest(_) => return node.rest.as_ref(),
            };
        }
        node.end.as_ref()
    }
}

impl Node {
    /// Depth first, the most specific first, so that the first leaf is the most specific one that
    /// matches. The depth is bounded by the templates'.
    fn find(&self, path: impl Segments) -> Option<&Leaf> {
        let Some((segment, rest)) = path.split_first() else {
            return self.end.as_ref();
        };
        let literal = match segment {
            PathSegment::Named(name) => self.literals.get(name),
            PathSegment::Opaque(_) => None,
        };
        // Each next one is tried only where the one before leads to no leaf: `/a/{id}` must answer
        // `/a/b` although `/a/b/c` is a literal path.
        literal
            .and_then(|node| node.find(rest))
            .or_else(|| self.suffixed.as_ref()?.find(segment, rest))
            .or_else(|| self.parameter.as_ref().and_then(|node| node.find(rest)))
            .or(self.rest.as_ref())
    }
}

impl Suffixed {
    fn node(&mut self, suffix: &[u8]) -> &mut Node {
        let place = self
            .lengths
            .binary_search_by(|length| suffix.len().cmp(length));
        if let Err(place) = place {
            self.lengths.insert(place, suffix.len());
        }
        self.nodes.entry(suffix.into()).or_default()
    }

    fn find(&self, segment: PathSegment<'_>, rest: impl Segments) -> Option<&Leaf> {
        self.matching(segment).find_map(|node| node.find(rest))
    }

    /// The nodes behind this segment, the longest text first. One look-up for each length, however many
    /// texts there are.
    fn matching(&self, segment: PathSegment<'_>) -> impl Iterator<Item = &Node> {
        // An opaque segment is what a server sees that does not decode it, and such a server
        // compares its end like any other.
        let (PathSegment::Named(text) | PathSegment::Opaque(text)) = segment;
        self.lengths.iter().filter_map(move |length| {
            // A parameter is never empty.
            let start = text.len().checked_sub(*length).filter(|start| *start > 0)?;
            self.nodes.get(text.get(start..)?)
        })
    }
}

impl Leaf {
    fn new(segments: &[TemplateSegment]) -> Self {
        let rank = |segment: &TemplateSegment| match segment {
            TemplateSegment::Literal(_) => Rank::Literal,
            TemplateSegment::Suffixed { suffix, .. } => Rank::Suffixed(suffix.len()),
            TemplateSegment::Parameter(_) => Rank::Parameter,
            TemplateSegment::Rest(_) => Rank::Rest,
        };
        Self {
            ranks: segments.iter().map(rank).collect(),
            every: None,
            listed: Vec::new(),
        }
    }

    /// Lets `route` answer `methods`. Fails with the route that already answers one of them.
    pub(super) fn insert(&mut self, methods: &Methods, route: usize) -> Result<(), usize> {
        // Two routes for one request are an error and not an order: the policy must not depend on
        // which comes first in the file.
        let Some(mut listed) = methods.expanded() else {
            if let Some(taken) = self.every.or(self.listed.first().map(|(_, route)| *route)) {
                return Err(taken);
            }
            self.every = Some(route);
            return Ok(());
        };
        if let Some(taken) = listed.find_map(|method| self.answer(method.as_bytes())) {
            return Err(taken);
        }
        let listed = methods.expanded().into_iter().flatten();
        self.listed
            .extend(listed.map(|method| (method.as_bytes().into(), route)));
        Ok(())
    }

    /// Whether every one of `methods` has a route here.
    pub(super) fn answers_all(&self, methods: &Methods) -> bool {
        match methods.expanded() {
            None => self.every.is_some(),
            Some(mut listed) => listed.all(|method| self.answer(method.as_bytes()).is_some()),
        }
    }

    fn any_route(&self) -> Option<usize> {
        self.listed
            .iter()
            .map(|(_, route)| *route)
            .chain(self.every)
            .min()
    }

    fn answer(&self, method: &[u8]) -> Option<usize> {
        self.listed
            .iter()
            .find(|(listed, _)| **listed == *method)
            .map(|(_, route)| *route)
            .or(self.every)
    }
}
