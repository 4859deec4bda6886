//! Shapes by their segments, to find those that have paths in common with one.

use std::collections::BTreeMap;

use crate::openapi::shape::{Segment, Shape};

#[derive(Debug, Default)]
pub(super) struct Trie {
    literals: BTreeMap<Vec<u8>, Trie>,
    others: Vec<(Segment, Trie)>,
    ends: Vec<usize>,
    /// Those that go on with any segments.
    rests: Vec<usize>,
}

impl Trie {
    pub(super) fn insert(&mut self, shape: &Shape, index: usize) {
        let mut node = self;
        for segment in &shape.segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::Open { .. } => {
                    let known = node.others.iter().position(|(known, _)| known == segment);
                    let position = known.unwrap_or(node.others.len());
                    if known.is_none() {
                        node.others.push((segment.clone(), Self::default()));
                    }
                    match node.others.get_mut(position) {
                        Some((_, child)) => child,
                        None => return,
                    }
                }
            };
        }
        if shape.has_rest {
            node.rests.push(index);
        } else {
            node.ends.push(index);
        }
    }

    /// Those that may have paths in common with this one, sorted.
    pub(super) fn overlapping(&self, shape: &Shape) -> Vec<usize> {
        let mut found = Vec::new();
        self.collect(&shape.segments, shape.has_rest, &mut found);
        found.sort_unstable();
        found
    }

    fn collect(&self, segments: &[Segment], has_rest: bool, found: &mut Vec<usize>) {
        let Some((segment, behind)) = segments.split_first() else {
            if has_rest {
                self.all_below(found);
            } else {
                found.extend(&self.ends);
            }
            return;
        };
        found.extend(&self.rests);
        match segment {
            Segment::Literal(text) => {
                if let Some(child) = self.literals.get(text) {
                    child.collect(behind, has_rest, found);
                }
            }
            Segment::Open { .. } => {
                for (text, child) in &self.literals {
                    if segment.meet(&Segment::Literal(text.clone())).is_some() {
                        child.collect(behind, has_rest, found);
                    }
                }
            }
        }
        for (other, child) in &self.others {
            if segment.meet(other).is_some() {
                child.collect(behind, has_rest, found);
            }
        }
    }

    /// All that go on behind this node.
    fn all_below(&self, found: &mut Vec<usize>) {
        found.extend(&self.rests);
        let children = self.literals.values();
        for child in children.chain(self.others.iter().map(|(_, child)| child)) {
            found.extend(&child.ends);
            child.all_below(found);
        }
    }
}
