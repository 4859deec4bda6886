//! Every template that matches a path, for explanations: the look-up of [`Node::find`] without its
//! end at the first one.

use super::{HostTables, Leaf, Leaves, Node, PathSegment, Segments};

/// The most templates of one table that are told.
const MAX_MATCHES: usize = 64;

impl<'t> HostTables<'t> {
    /// The leaves of all templates that match `path`, in the order in which they win.
    pub(in crate::policy) fn matching(self, path: impl Segments) -> Vec<Leaves<'t>> {
        let leaves_of = |table: Option<&'t super::Table>| {
            let mut found = Vec::new();
            if let Some(table) = table {
                table.root.collect(path, &mut found);
            }
            found
        };
        let (own, default) = (leaves_of(self.own), leaves_of(self.default));
        let (mut own, mut default) = (own.into_iter().peekable(), default.into_iter().peekable());
        let merged = std::iter::from_fn(|| {
            let heads = (own.peek().copied(), default.peek().copied());
            let winner = Leaves::merge(heads.0, heads.1)?;
            // Whichever of the two it took is used up.
            let took = |head: Option<&Leaf>| {
                let same = |leaf: &Leaf| head.is_some_and(|head| std::ptr::eq(head, leaf));
                same(winner.first) || winner.second.is_some_and(same)
            };
            let (took_own, took_default) = (took(heads.0), took(heads.1));
            own.next_if(|_| took_own);
            default.next_if(|_| took_default);
            Some(winner)
        });
        merged.collect()
    }
}

impl Leaves<'_> {
    /// The indices of all routes that have this template.
    pub(in crate::policy) fn routes(self) -> Vec<usize> {
        let mut routes = Vec::new();
        for leaf in std::iter::once(self.first).chain(self.second) {
            let listed = leaf.listed.iter().map(|(_, route)| *route);
            for route in listed.chain(leaf.every) {
                if !routes.contains(&route) {
                    routes.push(route);
                }
            }
        }
        routes
    }

    /// The first segment, counted from 1, in which the other template is not as specific.
    pub(in crate::policy) fn differs_from(self, other: Self) -> Option<usize> {
        let (ours, theirs) = (&self.first.ranks, &other.first.ranks);
        let differs = ours
            .iter()
            .zip(theirs)
            .position(|(our, their)| our != their);
        let shorter = || (ours.len() != theirs.len()).then_some(ours.len().min(theirs.len()));
        Some(differs.or_else(shorter)? + 1)
    }
}

impl Node {
    /// In the order of [`Node::find`], whose answer comes first.
    fn collect<'t>(&'t self, path: impl Segments, found: &mut Vec<&'t Leaf>) {
        // Unlike the first match, all of them can be exponentially many: two ways on at each segment.
        if found.len() >= MAX_MATCHES {
            return;
        }
        let Some((segment, rest)) = path.split_first() else {
            found.extend(&self.end);
            return;
        };
        if let PathSegment::Named(name) = segment
            && let Some(node) = self.literals.get(name)
        {
            node.collect(rest, found);
        }
        for node in self.suffixed.iter().flat_map(|some| some.matching(segment)) {
            node.collect(rest, found);
        }
        if let Some(node) = &self.parameter {
            node.collect(rest, found);
        }
        found.extend(&self.rest);
    }
}
