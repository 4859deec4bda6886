//! The template that comes nearest to a path which none matches: for people, never for a decision.

use super::{HostTables, Leaf, Leaves, Node, Rank, Table, Tables};
use crate::policy::path::{PathSegment, Segments};
use crate::problem::closest;

/// The most tables in which a path is looked up. Whoever sends paths that do not exist chooses how
/// often this runs, so that all of it is bounded.
const MAX_TABLES: usize = 64;

/// The most nodes that are entered and names that are compared, together.
const MAX_STEPS: usize = 128;

/// Longer segments are not compared with names: the cost is the product of the lengths.
const MAX_COMPARED_BYTES: usize = 48;

/// What agreement is worth. A literal tells more than a parameter, which matches anything.
const LITERAL: usize = 4;
const MISSPELT: usize = 3;
const PARAMETER: usize = 1;
/// The template ends where the path does.
const SAME_LENGTH: usize = 2;

impl Tables {
    /// The least index of the routes that hosts of other tables have for this path, of those that
    /// `answer` finds.
    pub(in crate::policy) fn elsewhere(
        &self,
        path: impl Segments,
        answer: impl Fn(Leaves<'_>) -> Option<usize>,
    ) -> Option<usize> {
        let named = self.exact.values().chain(self.below.values());
        let all = std::iter::once(&self.default).chain(named);
        let found = all.take(MAX_TABLES).filter_map(|table| {
            let first = table.root.find(path)?;
            // What has every path tells nothing of this one.
            if matches!(*first.ranks, [Rank::Rest]) {
                return None;
            }
            let second = None;
            answer(Leaves { first, second })
        });
        found.min()
    }
}

impl HostTables<'_> {
    /// The index of a route whose template comes nearest to `path`, if one begins like it.
    pub(in crate::policy) fn nearest(self, path: impl Segments, method: &[u8]) -> Option<usize> {
        let mut search = Search {
            steps_left: MAX_STEPS,
            best: None,
        };
        let tables = [self.own, self.default];
        for Table { root, .. } in tables.into_iter().flatten() {
            search.enter(root, path, 0);
        }
        let (_, leaf) = search.best?;
        leaf.answer(method).or_else(|| leaf.any_route())
    }
}

struct Search<'t> {
    steps_left: usize,
    best: Option<(usize, &'t Leaf)>,
}

impl<'t> Search<'t> {
    /// Follows `path` from `node` on, which it reached with this much agreement.
    fn enter(&mut self, node: &'t Node, path: impl Segments, agreement: usize) {
        // A search with a budget: it is made for refused requests, whose paths callers choose.
        if !self.takes(1) {
            return;
        }
        let Some((segment, rest)) = path.split_first() else {
            match &node.end {
                Some(leaf) => self.offer(agreement + SAME_LENGTH, leaf),
                None => self.offer_below(agreement, node),
            }
            return;
        };
        let (PathSegment::Named(text) | PathSegment::Opaque(text)) = segment;
        let exact = node.literals.get(text);
        if let Some(child) = exact {
            self.enter(child, rest, agreement + LITERAL);
        } else if let Some(child) = self.misspelt(node, text) {
            self.enter(child, rest, agreement + MISSPELT);
        } else {
            self.offer_below(agreement, node);
        }
        // Also where a literal fits, because the literal may lead nowhere further down.
        if let Some(child) = &node.parameter {
            self.enter(child, rest, agreement + PARAMETER);
        }
    }

    fn misspelt(&mut self, node: &'t Node, text: &[u8]) -> Option<&'t Node> {
        let text = std::str::from_utf8(text).ok()?;
        if text.len() > MAX_COMPARED_BYTES {
            return None;
        }
        let compared = node.literals.len().min(self.steps_left);
        self.takes(compared);
        let names = node.literals.keys().take(compared);
        let names = names.filter(|name| name.len() <= MAX_COMPARED_BYTES);
        let near = closest(
            text,
            names.filter_map(|name| std::str::from_utf8(name).ok()),
        )?;
        node.literals.get(near.as_bytes())
    }

    /// Offers some template at or below `node`, where the path and all templates part.
    fn offer_below(&mut self, agreement: usize, mut node: &'t Node) {
        // Templates that only have the leading slash in common with the path are not near it.
        while agreement > 0 && self.takes(1) {
            if let Some(leaf) = node.end.as_ref().or(node.rest.as_ref()) {
                self.offer(agreement, leaf);
                return;
            }
            let literals = node.literals.iter().take(MAX_STEPS);
            let first = literals.min_by_key(|(name, _)| *name);
            let suffixed = node.suffixed.as_ref();
            let suffixed = suffixed.and_then(|some| some.nodes.values().next());
            let parameter = node.parameter.as_deref();
            match parameter.or(first.map(|(_, child)| child)).or(suffixed) {
                Some(child) => node = child,
                None => return,
            }
        }
    }

    fn offer(&mut self, agreement: usize, leaf: &'t Leaf) {
        if self.best.is_none_or(|(best, _)| best < agreement) {
            self.best = Some((agreement, leaf));
        }
    }

    fn takes(&mut self, steps: usize) -> bool {
        let left = self.steps_left.checked_sub(steps);
        self.steps_left = left.unwrap_or(0);
        left.is_some()
    }
}
