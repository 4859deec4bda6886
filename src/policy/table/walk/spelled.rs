//! Paths of which a template of the old policy matches another reading, and no template of the new one.
//!
//! Such a reading is one that no template can name: a segment of it is empty, or is not decoded, or has a
//! `;`. No reading is more than a path written so, of which each server on the way makes the plain path.
//! So both are followed at once, the plain path and the other reading of it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::findings::Finding;
use super::opaque::{Ends, Written};
use super::segments::{Segment, representatives};
use super::{
    Age, Leaves, MAX_STATES, MAX_STEPS, MethodClass, OPTIONS, Place, Places, Reply, Side, State,
    TooManyPaths,
};
use crate::policy::path::PathSegment;

/// How many paths are kept for the same three routes.
const MAX_KEPT: usize = 16;

/// How a reading may differ from the plain path, beside what it does not decode.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Spellings {
    /// Segments may be empty.
    pub(in crate::policy) merge_slashes: bool,
    /// Segments may have a `;`.
    pub(in crate::policy) path_parameters: bool,
    /// The last segment may be empty.
    pub(in crate::policy) trailing_slash: bool,
}

/// What answers the plain path, and what answered its other reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) struct Dropped {
    /// The plain path, in the old policy.
    pub(in crate::policy) before: Option<Reply>,
    /// The other reading, in the old policy; nothing where its template has not the method.
    pub(in crate::policy) other: Option<Reply>,
    /// The plain path, in the new policy.
    pub(in crate::policy) after: Reply,
}

/// One request of a kind.
#[derive(Debug)]
pub(in crate::policy) struct SpelledFinding<'t> {
    pub(in crate::policy) path: Vec<Written>,
    pub(in crate::policy) finding: Finding<'t>,
}

/// Follows plain paths and other readings of them.
pub(in crate::policy) struct SpelledWalk<'t, P> {
    /// Whether the old or the new route of this index lets preflights through.
    preflights: P,
    spellings: Spellings,
    known: HashSet<Box<[usize]>>,
    steps: usize,
    written: Vec<Written>,
    found: BTreeMap<Dropped, Vec<SpelledFinding<'t>>>,
}

impl<'t, P: Fn(Age, usize) -> bool> SpelledWalk<'t, P> {
    pub(in crate::policy) fn new(preflights: P, spellings: Spellings) -> Self {
        Self {
            preflights,
            spellings,
            known: HashSet::new(),
            steps: 0,
            written: Vec::new(),
            found: BTreeMap::new(),
        }
    }

    /// What is found on one host.
    pub(in crate::policy) fn paths(
        &mut self,
        old: Side<'t>,
        new: Side<'t>,
    ) -> Result<BTreeMap<Dropped, Vec<SpelledFinding<'t>>>, TooManyPaths> {
        let root = State {
            old: Places::root(old),
            new: Places::root(new),
        };
        self.explore(&root, &root)?;
        Ok(std::mem::take(&mut self.found))
    }

    fn explore(&mut self, plain: &State<'t>, other: &State<'t>) -> Result<(), TooManyPaths> {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.known.len() > MAX_STATES {
            return Err(TooManyPaths);
        }
        // Where the new policy matches every longer path, or the old one none, nothing is dropped.
        let is_over = plain.new.is_nowhere() || other.old.is_nowhere() || other.new.has_rest();
        // How the last segment is written says whether a path may end with it.
        let may_end: Box<[usize]> = [usize::from(self.may_end())].into();
        let key = [plain.key(), other.key(), may_end].concat();
        if is_over || !self.known.insert(key.into()) {
            return Ok(());
        }
        let ends = Ends::new(plain, other, self.spellings);
        self.end_in_any_way(plain, other, &ends.parameters);
        if self.spellings.merge_slashes {
            self.follow(Written::Empty, plain, &other.followed_by_opaque(b""))?;
            for parameter in &ends.parameters {
                let written = Written::Parameter(parameter.clone());
                self.follow(written, plain, &other.followed_by_opaque(parameter))?;
            }
        }
        let both = plain.nodes().chain(other.nodes());
        for segment in representatives(both, plain.case()).ok_or(TooManyPaths)? {
            self.follow_segment(&segment, plain, other, &ends)?;
        }
        for one in ends.with_digits() {
            let next = plain.followed_by(&one.plain);
            if !next.new.is_nowhere() {
                self.follow(
                    one.written,
                    &next,
                    &other.followed_by_opaque(&one.undecoded),
                )?;
            }
        }
        Ok(())
    }

    /// Follows a segment as it is, and as servers see it that do not decode it or leave its parameters.
    fn follow_segment(
        &mut self,
        segment: &Segment,
        plain: &State<'t>,
        other: &State<'t>,
        ends: &Ends<'t>,
    ) -> Result<(), TooManyPaths> {
        let next = plain.followed_by(&segment.text);
        if next.new.is_nowhere() {
            return Ok(());
        }
        let same = other.followed_by(&segment.text);
        self.follow(Written::Plain(segment.clone()), &next, &same)?;
        for one in ends.encoded(segment) {
            self.follow(
                one.written,
                &next,
                &other.followed_by_opaque(&one.undecoded),
            )?;
        }
        for parameter in &ends.parameters {
            let longer = [segment.text.as_slice(), parameter].concat();
            let written = Written::Longer(segment.clone(), parameter.clone());
            self.follow(written, &next, &other.followed_by_opaque(&longer))?;
        }
        Ok(())
    }

    /// Keeps the requests whose path ends here, also with a last segment that is nothing once it is read.
    fn end_in_any_way(&mut self, plain: &State<'t>, other: &State<'t>, parameters: &[Vec<u8>]) {
        if matches!(*self.written, [Written::Empty]) {
            // A path of nothing but slashes has as many empty segments, and `/` none.
            self.end_with(Written::Empty, plain, &other.followed_by_opaque(b""));
        } else if self.may_end() {
            self.end(plain, other);
        }
        let is_root = self.written.is_empty();
        if self.spellings.trailing_slash && !is_root {
            self.end_with(Written::Empty, plain, &other.followed_by_opaque(b""));
        }
        // `/;v` is `/` without it, which needs no rule.
        if self.spellings.trailing_slash || is_root {
            for parameter in parameters {
                let written = Written::Parameter(parameter.clone());
                self.end_with(written, plain, &other.followed_by_opaque(parameter));
            }
        }
    }

    /// Whether a path may end with the last segment: where that is nothing once it is read, a slash is at the
    /// end of the path.
    fn may_end(&self) -> bool {
        let is_empty = |written: &Written| matches!(written, Written::Empty);
        match &*self.written {
            [slashes @ .., Written::Empty | Written::Parameter(_)] => {
                self.spellings.trailing_slash || slashes.iter().all(is_empty)
            }
            _ => true,
        }
    }

    fn end_with(&mut self, written: Written, plain: &State<'t>, other: &State<'t>) {
        self.written.push(written);
        self.end(plain, other);
        self.written.pop();
    }

    fn follow(
        &mut self,
        written: Written,
        plain: &State<'t>,
        other: &State<'t>,
    ) -> Result<(), TooManyPaths> {
        self.written.push(written);
        let explored = self.explore(plain, other);
        self.written.pop();
        explored
    }

    /// Keeps the requests whose path ends here.
    fn end(&mut self, plain: &State<'t>, other: &State<'t>) {
        let (Some(other_leaves), None) = (other.old.leaves(), other.new.leaves()) else {
            return;
        };
        let (before, after) = (plain.old.leaves(), plain.new.leaves());
        let leaves = [before, after, Some(other_leaves)].into_iter().flatten();
        let listed: BTreeSet<&[u8]> = leaves.flat_map(Leaves::listed).collect();
        let methods = listed.iter().map(|method| MethodClass::Listed(method));
        let methods: Vec<_> = methods.chain([MethodClass::Other]).collect();
        let preflights = methods.iter().filter_map(|method| method.preflight());
        for class in methods.iter().copied().chain(preflights) {
            let reply = |age, leaves| self.reply(age, leaves, class);
            let Some(after) = reply(Age::New, after) else {
                continue;
            };
            let dropped = Dropped {
                before: reply(Age::Old, before),
                other: reply(Age::Old, Some(other_leaves)),
                after,
            };
            let kept = self.found.entry(dropped).or_default();
            if kept.len() < MAX_KEPT {
                kept.push(SpelledFinding {
                    path: self.written.clone(),
                    finding: Finding::of(class, &listed),
                });
            }
        }
    }

    fn reply(&self, age: Age, leaves: Option<Leaves<'t>>, class: MethodClass<'t>) -> Option<Reply> {
        let answer = |method: &[u8]| leaves?.answer(method).map(Reply::Route);
        match class {
            MethodClass::Listed(method) => answer(method),
            MethodClass::Other => answer(b""),
            MethodClass::PreflightOf(_) | MethodClass::PreflightOfOther => {
                let preflight = || {
                    let route = leaves?.answer(class.listed())?;
                    (self.preflights)(age, route).then_some(Reply::Preflight(route))
                };
                answer(OPTIONS).or_else(preflight)
            }
        }
    }
}

impl State<'_> {
    fn followed_by_opaque(&self, text: &[u8]) -> Self {
        Self {
            old: self.old.followed_by_opaque(text),
            new: self.new.followed_by_opaque(text),
        }
    }
}

impl Places<'_> {
    /// The places behind a segment that no literal is.
    fn followed_by_opaque(&self, text: &[u8]) -> Self {
        let lower_case = text.to_ascii_lowercase();
        let text = if self.ignores_case {
            lower_case.as_slice()
        } else {
            text
        };
        let segment = PathSegment::Opaque(text);
        Self {
            own: super::followed_by(&self.own, segment),
            default: super::followed_by(&self.default, segment),
            ignores_case: self.ignores_case,
        }
    }

    fn is_nowhere(&self) -> bool {
        self.own.is_empty() && self.default.is_empty()
    }

    /// Whether whatever follows is matched.
    fn has_rest(&self) -> bool {
        let mut all = self.own.iter().chain(&self.default);
        all.any(|place| matches!(place, Place::Rest(_)))
    }
}
