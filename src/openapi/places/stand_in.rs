//! Operations that have no route of their own: where another one would answer them, they get one.

use super::{Claim, Place, Places, Slot, TooManyMeets, class};
use crate::openapi::EVERY_METHOD;
use crate::openapi::security::Asked;
use crate::policy::fault_of_path;

impl Places {
    /// Adds an operation that has no route, where another one would answer its requests and ask for less.
    pub(super) fn stand_in(&mut self, claim: &Claim) -> Result<(), TooManyMeets> {
        let found = self.trie.overlapping(&claim.shape);
        let found = found.iter().filter_map(|index| self.list.get(*index));
        let found = found.filter(|place| !claim.shape.is_wider_than(&place.shape));
        let answering: Vec<&Place> = found.collect();
        if !answering
            .iter()
            .any(|place| self.answers_for_less(place, claim))
        {
            return Ok(());
        }
        // It is not known whether the operation is there, so that the others count as well.
        let asked = answering.iter().flat_map(|place| place.slots_for(claim));
        let asked = asked.fold(claim.asked.clone(), |asked, slot| asked.with(&slot.asked));
        if fault_of_path(&claim.shape.template()).is_some() {
            // Only for its length, as each segment can be in a path.
            return Err(TooManyMeets);
        }
        let is_new = !self.by_shape.contains_key(&claim.shape);
        self.notes.push(format!(
            "{}: another route would answer its requests and ask for less, so `{}` has a route {}",
            claim.label,
            claim.shape.template(),
            match asked {
                Asked::Review(_) => "for review",
                _ => "that asks for what both ask for",
            }
        ));
        self.add(&Claim {
            asked,
            ..claim.clone()
        });
        if is_new {
            self.count()?;
            self.fill(self.list.len() - 1);
        }
        Ok(())
    }

    /// Whether a place answers requests of the claim, and asks for less. What they have in common may have a
    /// place of its own.
    fn answers_for_less(&self, place: &Place, claim: &Claim) -> bool {
        let asks_for_less = |place: &Place| {
            let mut slots = place.slots_for(claim);
            slots.any(|slot| slot.asked.with(&claim.asked) != slot.asked)
        };
        let common = claim.shape.meet(&place.shape);
        let own = common.and_then(|common| self.list.get(*self.by_shape.get(&common)?));
        let is_answered_there =
            own.is_some_and(|own| own.slots_for(claim).next().is_some() && !asks_for_less(own));
        asks_for_less(place) && !(claim.method != EVERY_METHOD && is_answered_there)
    }
}

impl Place {
    /// What it asks of requests that a claim describes.
    fn slots_for(&self, claim: &Claim) -> impl Iterator<Item = &Slot> {
        let slots = self
            .slots
            .iter()
            .filter(|(known, _)| claim.method == EVERY_METHOD || *known == class(&claim.method));
        slots.map(|(_, slot)| slot)
    }
}
