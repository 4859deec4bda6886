//! What a route asks of the caller.

/// What a route asks of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// Anybody, with or without a token.
    Public,
    /// Any valid token.
    Authenticated,
    /// A valid token with these scopes.
    Scopes(RequiredScopes),
    /// Nobody, whatever the token.
    Nobody,
}

impl Requirement {
    /// Whether only a caller with a token meets it.
    pub fn asks_for_token(&self) -> bool {
        match self {
            Self::Authenticated | Self::Scopes(_) => true,
            Self::Public | Self::Nobody => false,
        }
    }

    /// The scopes that it asks for, if it asks for some.
    pub fn scopes(&self) -> Option<&RequiredScopes> {
        match self {
            Self::Scopes(scopes) => Some(scopes),
            Self::Public | Self::Authenticated | Self::Nobody => None,
        }
    }
}

/// The words around the names of scopes in a sentence.
#[derive(Debug, Clone, Copy)]
pub struct ScopeWords {
    /// Between what all has to be there and the choice.
    pub and: &'static str,
    /// Before a choice.
    pub one_of: &'static str,
}

impl ScopeWords {
    pub const ENGLISH: Self = Self {
        and: "and",
        one_of: "one of",
    };
}

/// Every scope of `all` and, unless `any` is empty, at least one of `any`. One of the two lists has
/// an entry, so that a route for which no scope was named is never mistaken for one that asks for
/// scopes and gets by without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredScopes {
    all: Box<[Box<str>]>,
    any: Box<[Box<str>]>,
    met_by: MetBy,
}

/// What a caller must have for a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MetBy {
    /// The scope itself.
    Scope,
    /// The scope, or one whose name followed by a dot its own begins with.
    ScopeOrParent,
}

impl RequiredScopes {
    /// `None` where both lists are empty.
    pub fn new(all: Box<[Box<str>]>, any: Box<[Box<str>]>) -> Option<Self> {
        let met_by = MetBy::Scope;
        (!all.is_empty() || !any.is_empty()).then_some(Self { all, any, met_by })
    }

    /// The same, where a scope covers those below it: `orders` covers `orders.read`.
    #[must_use]
    pub fn met_by_parents(self) -> Self {
        Self {
            met_by: MetBy::ScopeOrParent,
            ..self
        }
    }

    /// Whether a caller meets this, given which scopes it has.
    pub fn are_met(&self, has: impl Fn(&str) -> bool) -> bool {
        let covers = |scope: &str| self.covers(&has, scope);
        self.all.iter().all(|scope| covers(scope))
            && (self.any.is_empty() || self.any.iter().any(|scope| covers(scope)))
    }

    /// Whether the scopes of a caller, given which it has, are enough for this one.
    fn covers(&self, has: impl Fn(&str) -> bool, scope: &str) -> bool {
        match self.met_by {
            MetBy::Scope => has(scope),
            MetBy::ScopeOrParent => has(scope) || parents(scope).any(&has),
        }
    }

    /// Whether this scope alone covers one that is asked for. What a set of scopes meets, those of it meet that
    /// help.
    pub fn is_helped_by(&self, held: &str) -> bool {
        let mut names = self.all.iter().chain(&self.any);
        names.any(|name| self.covers(|scope| scope == held, name))
    }

    /// What a caller still lacks, given which scopes it has; `None` where it meets this.
    pub fn missing(&self, has: impl Fn(&str) -> bool) -> Option<Self> {
        let covers = |scope: &str| self.covers(&has, scope);
        let all = self.all.iter().filter(|scope| !covers(scope));
        let any = if self.any.iter().any(|scope| covers(scope)) {
            Box::default()
        } else {
            self.any.clone()
        };
        let missing = Self::new(all.cloned().collect(), any)?;
        Some(Self {
            met_by: self.met_by,
            ..missing
        })
    }

    /// What is asked for, as part of a sentence: `a b`, `one of b, c` or `a and one of b, c`.
    pub fn phrase(&self, words: ScopeWords) -> String {
        let all = self.all.join(" ");
        let any = match &*self.any {
            [] => return all,
            [only] => only.to_string(),
            several => format!("{} {}", words.one_of, several.join(", ")),
        };
        if all.is_empty() {
            any
        } else {
            format!("{all} {} {any}", words.and)
        }
    }

    /// The scopes that all have to be there.
    pub fn all(&self) -> &[Box<str>] {
        &self.all
    }

    /// The scopes of which one has to be there, unless there are none.
    pub fn any(&self) -> &[Box<str>] {
        &self.any
    }

    /// Every scope named, those of `all` first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().chain(&self.any).map(|scope| &**scope)
    }

    /// The smallest sets of scopes that meet this: whoever meets it has all of one of them. Where parents
    /// count, those with one parent in the place of its scope, and with all of them.
    pub fn least_sets(&self) -> Vec<Vec<Box<str>>> {
        let mut sets = self.least_sets_as_written();
        if self.met_by == MetBy::ScopeOrParent {
            let by_parents: Vec<_> = sets.iter().flat_map(|set| with_parents(set)).collect();
            sets.extend(by_parents);
        }
        sets
    }

    /// Scopes that meet this and not `other`, if there are such.
    ///
    /// Whoever falls short of `other` lacks one scope of its `all`, or every one of its `any`. So for each
    /// of these, each scope of a least set is held, or a parent of it, by a name that covers none of what
    /// is to be lacking: which name is taken for one scope does not depend on the others.
    pub fn set_short_of(&self, other: &Self) -> Option<Vec<Box<str>>> {
        let alternatives = |scope: &str| -> Vec<Box<str>> {
            let parents = parents(scope).filter(|_| self.met_by == MetBy::ScopeOrParent);
            let own = std::iter::once(scope.into());
            own.chain(parents.map(Box::from)).collect()
        };
        let any = (!other.any.is_empty()).then_some(&*other.any);
        let lacking: Vec<&[Box<str>]> = other.all.chunks(1).chain(any).collect();
        let sets = self.least_sets_as_written();
        sets.iter().find_map(|set| {
            lacking.iter().find_map(|lacking| {
                let lacks = |name: &str| {
                    let has = |held: &str| held == name;
                    !lacking.iter().any(|scope| other.covers(has, scope))
                };
                let chosen = |scope: &str| {
                    let mut names = alternatives(scope).into_iter();
                    names.find(|name| lacks(name))
                };
                set.iter().map(|scope| chosen(scope)).collect()
            })
        })
    }

    fn least_sets_as_written(&self) -> Vec<Vec<Box<str>>> {
        let with = |scope: Option<&Box<str>>| {
            let missing = scope.filter(|scope| !self.all.contains(scope));
            self.all.iter().chain(missing).cloned().collect()
        };
        if self.any.is_empty() {
            vec![with(None)]
        } else {
            self.any.iter().map(|scope| with(Some(scope))).collect()
        }
    }

    /// How many scopes a caller needs at least.
    pub fn least(&self) -> usize {
        self.all.len() + usize::from(!self.any.is_empty())
    }
}

/// A set of scopes with a parent in the place of one of them, for each parent, and with the topmost in
/// the place of all.
fn with_parents(set: &[Box<str>]) -> Vec<Vec<Box<str>>> {
    let mut sets = Vec::new();
    for (position, scope) in set.iter().enumerate() {
        for parent in parents(scope) {
            let mut other = set.to_vec();
            if let Some(place) = other.get_mut(position) {
                *place = parent.into();
            }
            sets.push(other);
        }
    }
    let topmost = set.iter().map(|scope| match parents(scope).next() {
        Some(parent) => parent.into(),
        None => scope.clone(),
    });
    sets.push(topmost.collect());
    sets
}

/// The names that a scope is below: `a` and `a.b` of `a.b.c`.
fn parents(scope: &str) -> impl Iterator<Item = &str> {
    scope
        .match_indices('.')
        .filter_map(|(dot, _)| scope.get(..dot))
        .filter(|parent| !parent.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(all: &[&str], any: &[&str]) -> Option<RequiredScopes> {
        let boxed = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
        RequiredScopes::new(boxed(all), boxed(any))
    }

    #[test]
    fn scopes_that_ask_for_nothing_cannot_be_made() {
        assert_eq!(scopes(&[], &[]), None);
    }

    #[test]
    fn all_of_one_list_and_one_of_the_other_are_needed() {
        for (all, any, has, expected) in [
            (&["a", "b"][..], &[][..], &["a", "b", "c"][..], true),
            (&["a", "b"], &[], &["a"], false),
            (&[], &["a", "b"], &["b"], true),
            (&[], &["a", "b"], &["c"], false),
            (&["a"], &["b", "c"], &["a", "c"], true),
            (&["a"], &["b", "c"], &["a"], false),
            (&["a"], &["b", "c"], &["b", "c"], false),
            (&["a"], &[], &[], false),
        ] {
            let required = scopes(all, any).unwrap();
            let met = required.are_met(|scope| has.contains(&scope));
            assert_eq!(met, expected, "{all:?} {any:?} {has:?}");
            let missing = required.missing(|scope| has.contains(&scope));
            assert_eq!(missing.is_none(), expected, "{all:?} {any:?} {has:?}");
        }
    }

    #[test]
    fn of_a_set_of_scopes_those_that_help_are_enough() {
        let scopes_there_are = ["a", "b", "a.b", "a.b.c", "c", "other"];
        for (all, any) in [
            (&["a"][..], &[][..]),
            (&["a.b", "c"], &[]),
            (&[], &["a.b.c", "c.d"]),
            (&["a.b"], &["b", "other"]),
            (&["z"], &[]),
        ] {
            let exact = scopes(all, any).unwrap();
            for required in [exact.clone(), exact.met_by_parents()] {
                for number in 0..1_u32 << scopes_there_are.len() {
                    let chosen = (0..)
                        .zip(scopes_there_are)
                        .filter(|(bit, _)| number >> bit & 1 == 1);
                    let owned: Vec<&str> = chosen.map(|(_, scope)| scope).collect();
                    let help: Vec<&str> = owned
                        .iter()
                        .copied()
                        .filter(|scope| required.is_helped_by(scope))
                        .collect();
                    let met = |has: &[&str]| required.are_met(|scope| has.contains(&scope));
                    assert_eq!(
                        met(&owned),
                        met(&help),
                        "{all:?} {any:?} {owned:?} {help:?}"
                    );
                    assert!(!help.contains(&"other") || any.contains(&"other"));
                }
            }
        }
    }

    #[test]
    fn what_is_missing_is_what_is_left_to_ask_for() {
        for (has, all, any) in [
            (&["a"][..], &["d"][..], &["b", "c"][..]),
            (&["a", "d"], &[], &["b", "c"]),
            (&["c"], &["a", "d"], &[]),
            (&["a", "b"], &["d"], &[]),
        ] {
            let required = scopes(&["a", "d"], &["b", "c"]).unwrap();
            let missing = required.missing(|scope| has.contains(&scope));
            assert_eq!(missing, scopes(all, any), "{has:?}");
        }
        let required = scopes(&["orders.read", "stock.read"], &["a.b", "c"]).unwrap();
        let required = required.met_by_parents();
        let missing = required.missing(|scope| ["orders", "a"].contains(&scope));
        let stock = scopes(&["stock.read"], &[]).unwrap().met_by_parents();
        assert_eq!(missing, Some(stock));
        assert_eq!(
            required.missing(|scope| ["orders", "stock", "c"].contains(&scope)),
            None
        );
    }

    #[test]
    fn a_choice_reads_otherwise_than_what_is_all_needed() {
        let german = ScopeWords {
            and: "und",
            one_of: "eine von",
        };
        for (all, any, english, translated) in [
            (&["a", "b"][..], &[][..], "a b", "a b"),
            (&[], &["b", "c"], "one of b, c", "eine von b, c"),
            (
                &["a"],
                &["b", "c"],
                "a and one of b, c",
                "a und eine von b, c",
            ),
            (&["a"], &["b"], "a and b", "a und b"),
            (&[], &["b"], "b", "b"),
        ] {
            let required = scopes(all, any).unwrap();
            assert_eq!(required.phrase(ScopeWords::ENGLISH), english);
            assert_eq!(required.phrase(german), translated);
        }
    }

    /// Held against trying every set of scopes.
    #[test]
    fn a_set_that_falls_short_is_found_wherever_there_is_one() {
        let names = ["a", "a.b", "a.b.c", "x", "x.y"];
        let lists: Vec<Vec<&str>> = vec![
            vec![],
            vec!["a"],
            vec!["a.b.c"],
            vec!["a.b.c", "x.y"],
            vec!["a.b.c", "x.y", "a"],
            vec!["a.b", "x"],
        ];
        let mut all = Vec::new();
        for (left, right) in lists
            .iter()
            .flat_map(|left| lists.iter().map(move |right| (left, right)))
        {
            let Some(one) = scopes(left, right) else {
                continue;
            };
            all.extend([one.clone(), one.met_by_parents()]);
        }
        for (new, old) in all
            .iter()
            .flat_map(|new| all.iter().map(move |old| (new, old)))
        {
            let held = |bits: usize| {
                move |scope: &str| {
                    let place = names.iter().position(|name| *name == scope);
                    place.is_some_and(|place| bits & (1 << place) != 0)
                }
            };
            let exists = (0..1 << names.len())
                .any(|bits| new.are_met(held(bits)) && !old.are_met(held(bits)));
            let found = new.set_short_of(old);
            assert_eq!(found.is_some(), exists, "{new:?} {old:?}");
            if let Some(found) = found {
                let has = |scope: &str| found.iter().any(|held| **held == *scope);
                assert!(
                    new.are_met(has) && !old.are_met(has),
                    "{new:?} {old:?} {found:?}"
                );
            }
        }
    }

    #[test]
    fn a_parent_covers_what_is_below_it_only_where_that_was_asked_for() {
        for (has, exactly, with_parents) in [
            ("orders.read.all", true, true),
            ("orders.read", false, true),
            ("orders", false, true),
            ("order", false, false),
            ("orders.rea", false, false),
            ("orders.", false, false),
            ("orders.read.all.x", false, false),
            ("", false, false),
        ] {
            let required = scopes(&["orders.read.all"], &[]).unwrap();
            let holds = |scope: &str| scope == has;
            assert_eq!(required.are_met(holds), exactly, "{has}");
            assert_eq!(
                required.met_by_parents().are_met(holds),
                with_parents,
                "{has}"
            );
        }
        let dotted = scopes(&[".read"], &[]).unwrap().met_by_parents();
        assert!(!dotted.are_met(str::is_empty));
    }
}
