//! What is asked for a request that several operations describe: never less than the strictest of them asks.
//!
//! A policy lets the most specific route answer alone. An operation that it has no route for, or one whose
//! path crosses another one (`/{kind}/mine` and `/books/{id}`), would be answered by whatever route is left.
//! So such operations get a route of their own where another one would let in more callers.

mod stand_in;
mod trie;

use std::collections::BTreeMap;

use super::EVERY_METHOD;
use super::security::Asked;
use super::shape::Shape;
use crate::policy::fault_of_path;
use trie::Trie;

/// The most routes that are added for what operations have in common.
const MAX_ADDED: usize = 2_000;

/// An operation at one path.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    /// What notes call it.
    pub(super) label: String,
    /// Its position among all.
    pub(super) order: usize,
    /// In upper case.
    pub(super) method: String,
    pub(super) shape: Shape,
    /// What its route is to be called.
    pub(super) name: String,
    /// The template of its route; nothing where none says exactly what it describes.
    pub(super) template: Option<String>,
    pub(super) asked: Asked,
}

/// What became of the claims at one path.
#[derive(Debug)]
pub(super) struct Place {
    shape: Shape,
    pub(super) template: String,
    /// By class of methods.
    pub(super) slots: BTreeMap<String, Slot>,
    /// Made for what others have in common.
    is_meet: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// The claim that came first.
    pub(super) label: String,
    pub(super) name: String,
    pub(super) method: String,
    pub(super) asked: Asked,
    /// The position of the claim, and whether it was made at a wider place.
    pub(super) order: usize,
    pub(super) is_copy: bool,
}

/// More routes would have to be added than anybody reads, or longer ones than a policy takes.
#[derive(Debug)]
pub(super) struct TooManyMeets;

/// GET answers HEAD as well, so that what is asked for the one is asked for the other.
fn class(method: &str) -> &str {
    if method == "HEAD" { "GET" } else { method }
}

#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) list: Vec<Place>,
    by_shape: BTreeMap<Shape, usize>,
    trie: Trie,
    added: usize,
    pub(super) notes: Vec<String>,
}

impl Places {
    pub(super) fn of(claims: &[&Claim]) -> Result<Self, TooManyMeets> {
        let mut places = Self::default();
        for claim in claims.iter().filter(|claim| claim.template.is_some()) {
            places.add(claim);
        }
        for claim in claims.iter().filter(|claim| claim.template.is_none()) {
            places.stand_in(claim)?;
        }
        places.add_meets()?;
        Ok(places)
    }

    fn place(&mut self, shape: &Shape, template: Option<&str>, is_meet: bool) -> usize {
        if let Some(known) = self.by_shape.get(shape) {
            return *known;
        }
        let index = self.list.len();
        self.list.push(Place {
            shape: shape.clone(),
            template: template.map_or_else(|| shape.template(), str::to_owned),
            slots: BTreeMap::new(),
            is_meet,
        });
        self.by_shape.insert(shape.clone(), index);
        self.trie.insert(shape, index);
        index
    }

    fn add(&mut self, claim: &Claim) {
        let index = self.place(&claim.shape, claim.template.as_deref(), false);
        let slot = Slot {
            label: claim.label.clone(),
            name: claim.name.clone(),
            method: claim.method.clone(),
            asked: claim.asked.clone(),
            order: claim.order,
            is_copy: false,
        };
        let place = self.list.get_mut(index);
        let note = place.and_then(|place| place.put(slot));
        self.notes.extend(note);
    }

    fn count(&mut self) -> Result<(), TooManyMeets> {
        self.added += 1;
        if self.added > MAX_ADDED {
            Err(TooManyMeets)
        } else {
            Ok(())
        }
    }

    /// Gives a place what the narrowest of the wider ones ask for, method by method: what it does not list
    /// would be refused.
    fn fill(&mut self, index: usize) {
        let Some(place) = self.list.get(index) else {
            return;
        };
        let found = self.trie.overlapping(&place.shape);
        let wider: Vec<&Place> = found
            .iter()
            .filter(|found| **found != index)
            .filter_map(|found| self.list.get(*found))
            .filter(|other| !other.is_meet && other.shape.may_contain(&place.shape))
            .collect();
        let classes = wider.iter().flat_map(|wide| wide.slots.keys());
        let mut slots: Vec<Slot> = Vec::new();
        for class in classes.collect::<std::collections::BTreeSet<_>>() {
            let has = |place: &&&Place| {
                place.slots.contains_key(class) || place.slots.contains_key(EVERY_METHOD)
            };
            for wide in wider.iter().filter(has) {
                let is_least = !wider
                    .iter()
                    .filter(has)
                    .any(|other| wide.shape.is_wider_than(&other.shape));
                if is_least {
                    let slot = wide.slots.get(class).or(wide.slots.get(EVERY_METHOD));
                    slots.extend(slot.cloned());
                }
            }
        }
        let Some(place) = self.list.get_mut(index) else {
            return;
        };
        let own: Vec<String> = place.slots.keys().cloned().collect();
        for slot in slots {
            if !own.iter().any(|own| own == class(&slot.method)) {
                place.put(Slot {
                    is_copy: true,
                    ..slot
                });
            }
        }
    }

    /// Adds what two places have in common where one of them would answer it and asks for less.
    fn add_meets(&mut self) -> Result<(), TooManyMeets> {
        let mut index = 0;
        while let Some(place) = self.list.get(index) {
            let found = self.trie.overlapping(&place.shape);
            let meets: Vec<(Shape, [usize; 2])> = found
                .iter()
                .filter(|other| **other < index)
                .filter_map(|other| Some((*other, self.list.get(*other)?)))
                .filter(|(_, other)| place.crosses(other))
                .filter_map(|(position, other)| {
                    Some((place.shape.meet(&other.shape)?, [index, position]))
                })
                .collect();
            for (meet, of) in meets {
                self.add_meet(&meet, of)?;
            }
            index += 1;
        }
        Ok(())
    }

    fn add_meet(&mut self, meet: &Shape, of: [usize; 2]) -> Result<(), TooManyMeets> {
        let template = meet.template();
        if fault_of_path(&template).is_some() {
            // Only for its length, as each segment can be in a path.
            return Err(TooManyMeets);
        }
        if let Some(known) = self.by_shape.get(meet) {
            self.add_to_first_segment(*known, of);
            return Ok(());
        }
        self.count()?;
        let index = self.place(meet, None, true);
        self.fill(index);
        self.notes.push(format!(
            "`{template}`: more than one operation describes it, so it has a route that asks for what all of them ask \
             for"
        ));
        Ok(())
    }

    /// A parameter of several segments has a route for the first one, which is no more concrete than what the
    /// parameter as a whole crosses: it asks for what that asks for as well.
    fn add_to_first_segment(&mut self, known: usize, of: [usize; 2]) {
        let places = of.map(|position| self.list.get(position));
        let [Some(one), Some(other)] = places else {
            return;
        };
        let (rest, crossed) = match (one.shape.has_rest, other.shape.has_rest) {
            (true, false) => (one, other),
            (false, true) => (other, one),
            _ => return,
        };
        let crossed: Vec<Slot> = crossed.slots.values().cloned().collect();
        let length = rest.shape.segments.len() + 1;
        let place = self.list.get_mut(known);
        let Some(place) = place.filter(|place| place.shape.segments.len() == length) else {
            return;
        };
        for slot in crossed {
            if place.slots.contains_key(class(&slot.method)) {
                place.put(Slot {
                    is_copy: true,
                    ..slot
                });
            }
        }
    }

    /// The places by their templates: a template may stand for several shapes, where no route can tell them
    /// apart.
    pub(super) fn into_routes(mut self) -> (Vec<Place>, Vec<String>) {
        let mut routes: Vec<Place> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for place in std::mem::take(&mut self.list) {
            let position = *known.entry(place.shape.template()).or_insert(routes.len());
            let Some(route) = routes.get_mut(position) else {
                routes.push(place);
                continue;
            };
            for slot in place.slots.into_values() {
                let note = route.put(slot);
                self.notes.extend(note);
            }
        }
        (routes, self.notes)
    }
}

impl Place {
    /// Adds what an operation asks for to what is asked for already; what there is to tell of it.
    fn put(&mut self, slot: Slot) -> Option<String> {
        let key = class(&slot.method).to_owned();
        if let Some(every) = self.slots.get_mut(EVERY_METHOD) {
            every.asked = every.asked.with(&slot.asked);
            return together(&slot, every);
        }
        if key == EVERY_METHOD {
            let known = std::mem::take(&mut self.slots);
            let note = known.values().next();
            let note = note.and_then(|first| together(first, &slot));
            let mut every = slot;
            for one in known.values() {
                every.asked = every.asked.with(&one.asked);
            }
            self.slots.insert(key, every);
            return note;
        }
        let Some(known) = self.slots.get_mut(&key) else {
            self.slots.insert(key, slot);
            return None;
        };
        known.asked = known.asked.with(&slot.asked);
        if slot.method == "GET" {
            known.method.clone_from(&slot.method);
        }
        together(&slot, known)
    }

    /// Whether the two have paths in common, neither is the narrower one, and they ask for different things.
    fn crosses(&self, other: &Self) -> bool {
        let is_nested = self.shape.contains(&other.shape) || other.shape.contains(&self.shape);
        !is_nested
            && self.slots.iter().any(|(class, slot)| {
                let others = other.slots.iter().filter(|(known, _)| {
                    *known == class || *known == EVERY_METHOD || class == EVERY_METHOD
                });
                let mut others = others.map(|(_, other)| &other.asked);
                others.any(|asked| !slot.asked.is_as(asked))
            })
    }
}

/// What there is to tell of an operation whose requests another one's route answers.
fn together(slot: &Slot, known: &Slot) -> Option<String> {
    (!slot.is_copy && slot.label != known.label).then(|| {
        format!(
            "{}: the route of {} answers the same requests, and asks for what both ask for",
            slot.label, known.label
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::shape::Segment;

    fn slot(method: &str, asked: Asked) -> Slot {
        Slot {
            label: method.to_owned(),
            name: "orders".to_owned(),
            method: method.to_owned(),
            asked,
            order: 0,
            is_copy: false,
        }
    }

    /// In whichever order they come: what one of them asks for is never lost.
    #[test]
    fn what_is_asked_for_one_method_is_asked_for_where_every_method_is_described() {
        let slots = [
            slot("GET", Asked::Authenticated),
            slot(EVERY_METHOD, Asked::Public),
            slot("POST", Asked::Public),
        ];
        for order in [[0, 1, 2], [1, 0, 2], [2, 0, 1], [0, 2, 1]] {
            let mut place = Place {
                shape: Shape {
                    segments: vec![Segment::literal("orders")],
                    has_rest: false,
                },
                template: "/orders".to_owned(),
                slots: BTreeMap::new(),
                is_meet: false,
            };
            for position in order {
                place.put(slots[position].clone());
            }
            let asked: Vec<_> = place.slots.values().map(|slot| &slot.asked).collect();
            assert_eq!(asked, [&Asked::Authenticated], "{order:?}");
        }
    }
}
