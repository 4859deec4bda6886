//! What a walk finds: pairs of routes, with the methods and a path for which they answer.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::segments::{Segment, SegmentKind};
use crate::policy::method;

/// What answers a request in the old policy and in the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) struct Pair {
    pub(in crate::policy) old: Option<Reply>,
    pub(in crate::policy) new: Option<Reply>,
}

impl Pair {
    /// No route of either policy.
    pub(in crate::policy) const UNLISTED: Self = Self {
        old: None,
        new: None,
    };
}

/// What answers a request in one policy, by the index of the route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) enum Reply {
    Route(usize),
    /// As a CORS preflight.
    Preflight(usize),
}

/// Methods that no leaf at hand tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) enum MethodClass<'t> {
    /// This one.
    Listed(&'t [u8]),
    /// Every one that is not listed.
    Other,
    /// `OPTIONS`, as a CORS preflight that asks for this method.
    PreflightOf(&'t [u8]),
    /// The same for every method that is not listed.
    PreflightOfOther,
}

impl<'t> MethodClass<'t> {
    /// The method to look up; nothing, which is no method, stands for one that is not listed.
    pub(super) fn listed(self) -> &'t [u8] {
        match self {
            Self::Listed(method) | Self::PreflightOf(method) => method,
            Self::Other | Self::PreflightOfOther => b"",
        }
    }

    /// A preflight that asks for these methods.
    pub(super) fn preflight(self) -> Option<Self> {
        match self {
            Self::Listed(method) => Some(Self::PreflightOf(method)),
            Self::Other => Some(Self::PreflightOfOther),
            Self::PreflightOf(_) | Self::PreflightOfOther => None,
        }
    }
}

/// The requests that one pair answers.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Finding<'t> {
    pub(in crate::policy) methods: BTreeSet<MethodClass<'t>>,
    /// The listed methods that [`MethodClass::Other`] leaves out.
    pub(in crate::policy) except: BTreeSet<&'t [u8]>,
    /// A path, without its leading slash.
    pub(in crate::policy) path: Option<Rc<Tail>>,
    /// A method for that path.
    pub(in crate::policy) method: Box<str>,
    /// The method that it asks for, if it is a preflight.
    pub(in crate::policy) requested: Option<Box<str>>,
    /// Whether all longer paths are among the requests.
    pub(in crate::policy) is_settled: bool,
    /// How many ways lead to the pair, at least.
    pub(in crate::policy) ways: usize,
    /// How far the path is from the simplest.
    cost: usize,
}

/// The segments of a path, decoded.
#[derive(Debug)]
pub(in crate::policy) struct Tail {
    segment: Rc<Segment>,
    next: Option<Rc<Tail>>,
}

/// The pairs that a walk has found.
#[derive(Debug, Default)]
pub(in crate::policy) struct Findings<'t>(BTreeMap<Pair, Finding<'t>>);

impl<'t> Findings<'t> {
    pub(in crate::policy) fn iter(&self) -> impl Iterator<Item = (Pair, &Finding<'t>)> {
        self.0.iter().map(|(pair, finding)| (*pair, finding))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a pair that answers a method where the path ends; `listed` are all methods listed there.
    pub(super) fn add(&mut self, pair: Pair, class: MethodClass<'t>, listed: &BTreeSet<&'t [u8]>) {
        let finding = self
            .0
            .entry(pair)
            .or_insert_with(|| Finding::of(class, listed));
        finding.methods.insert(class);
        finding
            .except
            .retain(|method| class != MethodClass::Listed(method));
    }

    /// Tells that longer paths are answered alike.
    pub(super) fn settle(&mut self) {
        for finding in self.0.values_mut() {
            finding.is_settled = true;
        }
    }

    /// Adds what was found behind `segment`.
    pub(super) fn extend_behind(&mut self, segment: &Rc<Segment>, below: &Self) {
        for (pair, found) in &below.0 {
            let cost = found.cost + cost(segment);
            let path = || {
                Some(Rc::new(Tail {
                    segment: Rc::clone(segment),
                    next: found.path.clone(),
                }))
            };
            let Some(known) = self.0.get_mut(pair) else {
                let finding = Finding {
                    path: path(),
                    cost,
                    ..found.clone()
                };
                self.0.insert(*pair, finding);
                continue;
            };
            known.merge(found);
            // The cheapest example is the plainest to read; whatever is said of it must come from the
            // same finding.
            if cost < known.cost {
                known.path = path();
                known.cost = cost;
                known.is_settled = found.is_settled;
                known.method.clone_from(&found.method);
                known.requested.clone_from(&found.requested);
            }
        }
    }
}

impl<'t> Finding<'t> {
    pub(super) fn of(class: MethodClass<'t>, listed: &BTreeSet<&'t [u8]>) -> Self {
        let chosen = match class {
            MethodClass::Listed(method) | MethodClass::PreflightOf(method) => {
                String::from_utf8_lossy(method).into()
            }
            MethodClass::Other | MethodClass::PreflightOfOther => method::besides(listed),
        };
        let (method, requested) = match class {
            MethodClass::Listed(_) | MethodClass::Other => (chosen, None),
            MethodClass::PreflightOf(_) | MethodClass::PreflightOfOther => {
                ("OPTIONS".into(), Some(chosen))
            }
        };
        Self {
            methods: BTreeSet::new(),
            except: listed.clone(),
            path: None,
            method,
            requested,
            is_settled: false,
            ways: 1,
            cost: 0,
        }
    }

    /// Adds the methods of another path.
    fn merge(&mut self, other: &Self) {
        self.ways = self.ways.saturating_add(other.ways);
        let other_is_wide = other.methods.contains(&MethodClass::Other);
        match (self.methods.contains(&MethodClass::Other), other_is_wide) {
            (true, true) => self.except.retain(|method| other.except.contains(method)),
            (false, true) => self.except.clone_from(&other.except),
            (_, false) => {}
        }
        self.methods.extend(&other.methods);
        let Self {
            methods, except, ..
        } = self;
        except.retain(|method| !methods.contains(&MethodClass::Listed(method)));
    }
}

impl Tail {
    pub(in crate::policy) fn segments(tail: Option<&Self>) -> impl Iterator<Item = &Segment> {
        let all = std::iter::successors(tail, |tail| tail.next.as_deref());
        all.map(|tail| &*tail.segment)
    }
}

/// Short paths first, of these the one that stands for most others. Segments that make a path readable
/// in more than one way are a last resort.
fn cost(segment: &Segment) -> usize {
    let is_ambiguous = segment.text.contains(&b'%') || segment.text.ends_with(b":");
    let cost = match segment.kind {
        SegmentKind::Other => 100,
        SegmentKind::EndsIn(_) => 101,
        SegmentKind::Literal => 102,
    };
    if is_ambiguous { 100_000 } else { cost }
}
