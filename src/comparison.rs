//! Which requests two policies answer differently, and which of them become more open.
//!
//! All requests whose path has one reading are divided into classes by the routes that answer them, and
//! the requirements of the two routes are compared as sets of callers. Of the requests with several
//! readings, each reading is such a request or is skipped where no template matches it, and all that are
//! not skipped must be allowed. So what no class says of them is a difference of its own: a reading that
//! only the new policy skips, readings that only the old policy refuses because some are preflights, and
//! a change of `paths` itself.

mod access;
mod path_rules;
mod readings;

use crate::labels::closed_set;
use crate::policy::{ClassMethods, ExampleRequest, Hosts, Policy, RequestClass, TooManyPaths};
pub use access::{ANOTHER_ISSUER, Access, Caller};
use access::{Admits, admits};
pub use path_rules::PathRule;

closed_set! {
    /// What a difference means to callers, the most important first.
    pub enum Effect {
        /// Somebody may send the requests who could not, and nobody loses them.
        MoreOpen = "more_open",
        /// Some callers gain the requests and others lose them.
        Changed = "changed",
        /// Whether somebody gains the requests cannot be told.
        Unclear = "cannot_tell",
        /// Somebody loses the requests, and nobody gains them.
        MoreClosed = "more_closed",
        /// The same callers may send the requests; the upstream is told of other callers.
        Identity = "identity",
        /// Nobody may send the requests; they are refused for another reason.
        Refusal = "refusal",
    }
}

/// How two policies differ.
#[derive(Debug)]
pub struct Comparison<'p> {
    /// The most important first.
    pub differences: Vec<Difference<'p>>,
}

/// Requests that two policies answer differently.
#[derive(Debug, Clone)]
pub struct Difference<'p> {
    pub effect: Effect,
    pub requests: Requests,
    pub before: Access<'p>,
    pub after: Access<'p>,
    /// One of the requests; nothing where none was found.
    pub example: Option<ExampleRequest>,
    /// A caller who may send it under the new policy alone.
    pub gains: Option<Caller>,
    /// A caller who may send it under the old policy alone.
    pub loses: Option<Caller>,
    /// Why it cannot be told what the difference means.
    pub unclear: Option<&'static str>,
}

/// Which requests a difference is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requests {
    /// Those that one pair of routes answers.
    Class {
        hosts: Hosts,
        methods: ClassMethods,
        path: Box<str>,
        /// How many other ways through the templates there are, at least.
        more_paths: usize,
    },
    /// Those with a plain path of this template, and other readings of it.
    Readings { path: Box<str> },
    /// Those with a path that only this rule of `paths` admits, or reads so.
    Spelling {
        rule: PathRule,
        /// Its value in the old policy.
        old: &'static str,
        /// Its value in the new policy.
        new: &'static str,
    },
}

impl Comparison<'_> {
    /// How many differences have this effect.
    pub fn count(&self, effect: Effect) -> usize {
        let all = self.differences.iter();
        all.filter(|difference| difference.effect == effect).count()
    }

    /// Whether somebody may do what they could not; nothing where that cannot be told.
    pub fn is_more_open(&self) -> Option<bool> {
        let has = |effect| self.count(effect) > 0;
        if has(Effect::MoreOpen) || has(Effect::Changed) {
            Some(true)
        } else {
            (!has(Effect::Unclear)).then_some(false)
        }
    }
}

/// Compares two policies. `trusted` are the names of the trusted issuers, where they are known.
pub fn compare<'p>(
    old: &'p Policy,
    new: &'p Policy,
    trusted: Option<&'p [Box<str>]>,
) -> Result<Comparison<'p>, TooManyPaths> {
    let old_access = |answer| Access::of(answer, old, trusted);
    let new_access = |answer| Access::of(answer, new, trusted);
    let differ = |before, after| !old_access(before).is_alike(&new_access(after));
    let classes = old.classes(new, differ)?;
    let mut differences: Vec<_> = path_rules::differences(old, new, trusted);
    differences.extend(readings::differences(old, new, trusted, &classes)?);
    differences.extend(classes.into_iter().map(|class| {
        let (before, after) = (old_access(class.old), new_access(class.new));
        difference(class, before, after)
    }));
    differences.sort_by(|left, right| {
        let key = |one: &Difference<'p>| (one.effect, one.after.openness());
        key(left)
            .cmp(&key(right))
            .then_with(|| left.requests.order().cmp(&right.requests.order()))
    });
    Ok(Comparison { differences })
}

fn difference<'p>(
    class: RequestClass<'p>,
    before: Access<'p>,
    after: Access<'p>,
) -> Difference<'p> {
    let gained = admits(&before, &after);
    let lost = admits(&after, &before);
    let effect = match (&gained, &lost) {
        (Admits::Another(_), Admits::Another(_))
        | (Admits::Perhaps(_), Admits::Another(_) | Admits::Perhaps(_)) => Effect::Changed,
        (Admits::Another(_), _) | (Admits::Perhaps(_), Admits::NoOther | Admits::Unclear) => {
            Effect::MoreOpen
        }
        (Admits::Unclear, _) => Effect::Unclear,
        (Admits::NoOther, Admits::Another(_) | Admits::Perhaps(_) | Admits::Unclear) => {
            Effect::MoreClosed
        }
        (Admits::NoOther, Admits::NoOther) if before.is_closed() => Effect::Refusal,
        (Admits::NoOther, Admits::NoOther) => Effect::Identity,
    };
    // That nobody gains is certain; an example for whom the condition does not hold would put it in doubt.
    // Where it cannot be told who gains, whoever had a token that no longer counts may pass without one.
    let loses = match (effect, lost) {
        (Effect::MoreClosed | Effect::Unclear, Admits::Perhaps(_)) => None,
        (_, lost) => lost.caller(),
    };
    Difference {
        effect,
        requests: Requests::Class {
            hosts: class.hosts,
            methods: class.methods,
            path: class.path,
            more_paths: class.more_paths,
        },
        before,
        after,
        example: Some(class.example),
        gains: gained.caller(),
        loses,
        unclear: (effect == Effect::Unclear).then_some("the conditions of the routes differ"),
    }
}

impl Requests {
    /// By path, so that neighbours stand together.
    fn order(&self) -> (&str, Option<(&ClassMethods, &Hosts)>) {
        match self {
            Self::Class {
                hosts,
                methods,
                path,
                ..
            } => (path, Some((methods, hosts))),
            Self::Readings { path } => (path, None),
            Self::Spelling { rule, .. } => (rule.name(), None),
        }
    }
}

#[cfg(test)]
mod tests;
