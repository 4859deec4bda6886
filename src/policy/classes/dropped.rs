//! Readings of a path that a route of an old policy answers and that no route of a new one matches.

use super::example::path_as_written;
use super::{Answer, ExampleRequest};
use crate::policy::Policy;
use crate::policy::table::{Age, SpelledWalk, Spellings, TooManyPaths, host_classes};

/// Requests whose path has, beside the plain one, a reading that the new policy does not look at.
#[derive(Debug, Clone)]
pub struct DroppedReading<'p> {
    /// What answers the plain path in the old policy.
    pub before: Answer<'p>,
    /// What answers the other reading in the old policy: it has a template for it.
    pub other: Answer<'p>,
    /// What answers the plain path in the new policy.
    pub after: Answer<'p>,
    /// Some of the requests; never empty.
    pub examples: Vec<ExampleRequest>,
}

impl Policy {
    /// Finds the requests with several readings of which a template of this policy matches one that no
    /// template of `new` matches. No template can name such a reading, so that `new` lets the others
    /// decide.
    pub fn dropped_readings<'p>(
        &'p self,
        new: &'p Self,
    ) -> Result<Vec<DroppedReading<'p>>, TooManyPaths> {
        let (old_rules, new_rules) = (self.rules, new.rules);
        // What only one of the policies lets paths have, the other one refuses.
        let spellings = Spellings {
            merge_slashes: old_rules.merge_slashes && new_rules.merge_slashes,
            path_parameters: old_rules.path_parameters && new_rules.path_parameters,
            trailing_slash: old_rules.trailing_slash && new_rules.trailing_slash,
        };
        let has_preflight = |age: Age, index: usize| self.has_preflight(new, age, index);
        let mut walk = SpelledWalk::new(has_preflight, spellings);
        let mut all: Vec<DroppedReading<'p>> = Vec::new();
        for class in host_classes(&self.tables, &new.tables) {
            let old_side = class.old.side(old_rules.ignore_case);
            let new_side = class.new.side(new_rules.ignore_case);
            for (dropped, found) in walk.paths(old_side, new_side)? {
                let examples = found.into_iter().map(|found| ExampleRequest {
                    method: found.finding.method,
                    host: class.host.clone(),
                    path: path_as_written(&found.path),
                    preflight: found.finding.requested,
                });
                all.push(DroppedReading {
                    before: self.answer_of(dropped.before),
                    other: self.answer_of(dropped.other),
                    after: new.answer_of(Some(dropped.after)),
                    examples: examples.collect(),
                });
            }
        }
        Ok(all)
    }
}
