//! All requests at once: walks the tables of two policies together and finds which pairs of routes
//! answer some request.
//!
//! A segment of a path matters only by which literals and suffixes of the templates it is. So from each
//! place within the templates a handful of segments stand for all: every literal, for every suffix a
//! text that ends in it, and a text that is neither. What two paths that lead to the same places have
//! in common is found once.

mod findings;
mod opaque;
mod segments;
mod spelled;

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::{HostTables, Leaf, Leaves, Node};
use crate::policy::path::PathSegment;
pub(in crate::policy) use findings::{Finding, Findings, MethodClass, Pair, Reply, Tail};
pub(in crate::policy) use opaque::Written;
use segments::{Case, representatives};
pub(in crate::policy) use segments::{Segment, SegmentKind};
pub(in crate::policy) use spelled::{SpelledWalk, Spellings};

/// The most steps from one place to the next.
const MAX_STEPS: usize = 20_000_000;
/// The most places that are told apart.
const MAX_STATES: usize = 2_000_000;
/// The most findings that are kept for all places together.
const MAX_KEPT: usize = 4_000_000;
const OPTIONS: &[u8] = b"OPTIONS";

/// The policies have more combinations of paths than are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the policies cannot be compared: there are too many combinations of their paths")]
pub struct TooManyPaths;

/// One of the two policies, for the requests to one host.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Side<'t> {
    pub(in crate::policy) tables: HostTables<'t>,
    pub(in crate::policy) ignores_case: bool,
}

/// Finds the pairs of routes that answer requests and that `is_wanted` asks for.
pub(in crate::policy) struct Walk<'t, W, P> {
    is_wanted: W,
    /// Whether the old or the new route of this index lets preflights through.
    preflights: P,
    known: HashMap<Box<[usize]>, Rc<Findings<'t>>>,
    steps: usize,
    kept: usize,
}

/// Where a path has led so far in the tables of both policies, each host's own and the default one.
#[derive(Debug, Clone)]
struct State<'t> {
    old: Places<'t>,
    new: Places<'t>,
}

#[derive(Debug, Clone)]
struct Places<'t> {
    own: Vec<Place<'t>>,
    default: Vec<Place<'t>>,
    ignores_case: bool,
}

/// A place within one table. Of several, the most specific comes first.
#[derive(Debug, Clone, Copy)]
enum Place<'t> {
    Node(&'t Node),
    /// Behind a `{*rest}`, which answers whatever follows.
    Rest(&'t Leaf),
}

/// Which policy a route belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Age {
    Old,
    New,
}

impl<'t, W, P> Walk<'t, W, P>
where
    W: Fn(Pair) -> bool,
    P: Fn(Age, usize) -> bool,
{
    pub(in crate::policy) fn new(is_wanted: W, preflights: P) -> Self {
        Self {
            is_wanted,
            preflights,
            known: HashMap::new(),
            steps: 0,
            kept: 0,
        }
    }

    /// The pairs that answer paths.
    pub(in crate::policy) fn paths(
        &mut self,
        old: Side<'t>,
        new: Side<'t>,
    ) -> Result<Rc<Findings<'t>>, TooManyPaths> {
        self.explore(&State {
            old: Places::root(old),
            new: Places::root(new),
        })
    }

    /// The pairs that answer what is no path, `OPTIONS *` or `CONNECT`, among these leaves.
    pub(in crate::policy) fn of_method(
        &self,
        method: &'static [u8],
        old: Option<Leaves<'t>>,
        new: Option<Leaves<'t>>,
    ) -> Findings<'t> {
        let mut findings = Findings::default();
        let pair = Pair {
            old: old
                .and_then(|leaves| leaves.answer(method))
                .map(Reply::Route),
            new: new
                .and_then(|leaves| leaves.answer(method))
                .map(Reply::Route),
        };
        if (self.is_wanted)(pair) {
            findings.add(pair, MethodClass::Listed(method), &BTreeSet::new());
        }
        findings
    }

    fn explore(&mut self, state: &State<'t>) -> Result<Rc<Findings<'t>>, TooManyPaths> {
        let key = state.key();
        if let Some(known) = self.known.get(&key) {
            return Ok(Rc::clone(known));
        }
        let mut findings = self.of_leaves(state.old.leaves(), state.new.leaves());
        if state.is_settled() {
            findings.settle();
        } else {
            for segment in representatives(state.nodes(), state.case()).ok_or(TooManyPaths)? {
                let next = state.followed_by(&segment.text);
                // What no route lists is answered alike, unless one of the policies is in shadow.
                if next.is_nowhere() && !(self.is_wanted)(Pair::UNLISTED) {
                    continue;
                }
                self.steps += 1;
                if self.steps > MAX_STEPS {
                    return Err(TooManyPaths);
                }
                let below = self.explore(&next)?;
                findings.extend_behind(&Rc::new(segment), &below);
            }
        }
        self.kept += findings.len();
        if self.known.len() == MAX_STATES || self.kept > MAX_KEPT {
            return Err(TooManyPaths);
        }
        let findings = Rc::new(findings);
        self.known.insert(key, Rc::clone(&findings));
        Ok(findings)
    }

    /// The pairs that answer the methods of a path.
    fn of_leaves(&self, old: Option<Leaves<'t>>, new: Option<Leaves<'t>>) -> Findings<'t> {
        let mut findings = Findings::default();
        let leaves = [old, new].into_iter().flatten();
        let listed: BTreeSet<&[u8]> = leaves.flat_map(Leaves::listed).collect();
        let answer = |leaves: Option<Leaves<'t>>, method: MethodClass<'t>| {
            leaves?.answer(method.listed()).map(Reply::Route)
        };
        let classes = || {
            let listed = listed.iter().map(|method| MethodClass::Listed(method));
            listed.chain([MethodClass::Other])
        };
        for class in classes() {
            let pair = Pair {
                old: answer(old, class),
                new: answer(new, class),
            };
            if (self.is_wanted)(pair) {
                findings.add(pair, class, &listed);
            }
        }
        // A preflight is asked for by `OPTIONS`, and what answers `OPTIONS` answers it.
        let options = [old, new].map(|leaves| answer(leaves, MethodClass::Listed(OPTIONS)));
        if options.iter().all(Option::is_some) {
            return findings;
        }
        let [old_options, new_options] = options;
        for class in classes().filter_map(MethodClass::preflight) {
            let pair = Pair {
                old: old_options.or_else(|| self.preflight(Age::Old, old, class)),
                new: new_options.or_else(|| self.preflight(Age::New, new, class)),
            };
            let is_one = |reply| matches!(reply, Some(Reply::Preflight(_)));
            if (is_one(pair.old) || is_one(pair.new)) && (self.is_wanted)(pair) {
                findings.add(pair, class, &listed);
            }
        }
        findings
    }

    fn preflight(
        &self,
        age: Age,
        leaves: Option<Leaves<'t>>,
        class: MethodClass<'t>,
    ) -> Option<Reply> {
        let route = leaves?.answer(class.listed())?;
        (self.preflights)(age, route).then_some(Reply::Preflight(route))
    }
}

impl<'t> State<'t> {
    fn followed_by(&self, segment: &[u8]) -> Self {
        Self {
            old: self.old.followed_by(segment),
            new: self.new.followed_by(segment),
        }
    }

    fn places(&self) -> [&Vec<Place<'t>>; 4] {
        let Self { old, new } = self;
        [&old.own, &old.default, &new.own, &new.default]
    }

    fn nodes(&self) -> impl Iterator<Item = &'t Node> {
        let all = self.places().into_iter().flatten();
        all.filter_map(|place| match place {
            Place::Node(node) => Some(*node),
            Place::Rest(_) => None,
        })
    }

    fn case(&self) -> Case {
        if self.old.ignores_case == self.new.ignores_case {
            Case::Alike
        } else {
            Case::IgnoredByOne
        }
    }

    /// Whether every longer path is answered like this one.
    fn is_settled(&self) -> bool {
        self.nodes().next().is_none()
    }

    fn is_nowhere(&self) -> bool {
        self.places().into_iter().all(Vec::is_empty)
    }

    /// What tells it from other states: where its places are in memory. Both kinds of places are
    /// aligned, which leaves the lowest bit for the kind.
    fn key(&self) -> Box<[usize]> {
        let address = |place: &Place<'t>| match place {
            Place::Node(node) => std::ptr::from_ref::<Node>(node).addr(),
            Place::Rest(leaf) => std::ptr::from_ref::<Leaf>(leaf).addr() | 1,
        };
        let lists = self.places().into_iter();
        lists
            .flat_map(|list| list.iter().map(address).chain([0]))
            .collect()
    }
}

impl<'t> Places<'t> {
    fn root(side: Side<'t>) -> Self {
        let roots = |table: Option<&'t super::Table>| {
            table
                .map(|table| Place::Node(&table.root))
                .into_iter()
                .collect()
        };
        Self {
            own: roots(side.tables.own),
            default: roots(side.tables.default),
            ignores_case: side.ignores_case,
        }
    }

    fn followed_by(&self, segment: &[u8]) -> Self {
        let lower_case;
        let segment = if self.ignores_case {
            lower_case = segment.to_ascii_lowercase();
            &lower_case
        } else {
            segment
        };
        Self {
            own: followed_by(&self.own, PathSegment::Named(segment)),
            default: followed_by(&self.default, PathSegment::Named(segment)),
            ignores_case: self.ignores_case,
        }
    }

    /// What answers a path that ends here.
    fn leaves(&self) -> Option<Leaves<'t>> {
        let first = |places: &[Place<'t>]| {
            places.iter().find_map(|place| match place {
                Place::Node(node) => node.end.as_ref(),
                Place::Rest(leaf) => Some(*leaf),
            })
        };
        Leaves::merge(first(&self.own), first(&self.default))
    }
}

/// The places behind one more segment, in the order in which [`Node::find`] looks at them.
fn followed_by<'t>(places: &[Place<'t>], segment: PathSegment<'_>) -> Vec<Place<'t>> {
    let mut next = Vec::new();
    for place in places {
        let rest = match place {
            Place::Rest(leaf) => Some(*leaf),
            Place::Node(node) => {
                if let PathSegment::Named(name) = segment {
                    next.extend(node.literals.get(name).map(Place::Node));
                }
                let suffixed = node.suffixed.iter();
                let nodes = suffixed.flat_map(|one| one.matching(segment));
                next.extend(nodes.map(Place::Node));
                next.extend(node.parameter.as_deref().map(Place::Node));
                node.rest.as_ref()
            }
        };
        if let Some(leaf) = rest {
            next.push(Place::Rest(leaf));
            // Whatever follows, it answers before all that is less specific.
            break;
        }
    }
    next
}

impl<'t> Leaves<'t> {
    /// The methods that its routes list.
    fn listed(self) -> impl Iterator<Item = &'t [u8]> {
        let leaves = [Some(self.first), self.second].into_iter().flatten();
        leaves.flat_map(|leaf| leaf.listed.iter().map(|(method, _)| &**method))
    }
}
