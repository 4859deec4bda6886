//! What a change means to requests whose path has several readings, beyond what it means to each reading
//! alone.
//!
//! A reading that no template can name is looked at only where a template matches it. So a route that is
//! gone may have refused what the routes of the other readings let through. And readings of which some
//! are answered as CORS preflights and others by a route are refused, whatever each of them is.

mod counted;
mod shared;

use super::access::{Access, Admits, admits};
use super::{Difference, Effect, Requests};
use crate::policy::{
    Answer, DroppedReading, ExampleRequest, Policy, RequestClass, Route, Routed, SharedReadings,
    TooManyPaths, may_stay_encoded,
};
use shared::{Beside, share_preflights};

/// How many routes beside a class are tried for an example.
const MAX_TRIES: usize = 500;

/// The differences of which the classes of plain paths, which are given, say nothing.
pub(super) fn differences<'p>(
    old: &'p Policy,
    new: &'p Policy,
    trusted: Option<&'p [Box<str>]>,
    classes: &[RequestClass<'p>],
) -> Result<Vec<Difference<'p>>, TooManyPaths> {
    let pair = Pair { old, new, trusted };
    let mut all: Vec<Difference<'p>> = Vec::new();
    for reading in old.dropped_readings(new)? {
        let is_known = all.iter().any(|known| {
            known.before.answer() == reading.other && known.after.answer() == reading.after
        });
        if !is_known {
            all.extend(pair.dropped(&reading));
        }
    }
    all.extend(pair.unmixed()?);
    all.extend(pair.counted(classes));
    Ok(all)
}

struct Pair<'p> {
    old: &'p Policy,
    new: &'p Policy,
    trusted: Option<&'p [Box<str>]>,
}

impl<'p> Pair<'p> {
    fn before(&self, answer: Answer<'p>) -> Access<'p> {
        Access::of(answer, self.old, self.trusted)
    }

    fn after(&self, answer: Answer<'p>) -> Access<'p> {
        Access::of(answer, self.new, self.trusted)
    }

    /// What it means that the new policy no longer looks at a reading.
    fn dropped(&self, reading: &DroppedReading<'p>) -> Option<Difference<'p>> {
        let (plain, after) = (self.before(reading.before), self.after(reading.after));
        let before = self.before(reading.other);
        // Whom the plain path is opened to is told where plain paths are compared.
        if after.is_closed() || admits(&plain, &after) != Admits::NoOther {
            return None;
        }
        let gained = if are_mixed(reading.before, reading.other) && !self.old.is_in_shadow() {
            Admits::Another(after.least_caller())
        } else {
            match admits(&before, &after) {
                Admits::NoOther => counted_without(&before, &after),
                gained => gained,
            }
        };
        let effect = match gained {
            Admits::NoOther => return None,
            Admits::Another(_) | Admits::Perhaps(_) => Effect::MoreOpen,
            Admits::Unclear => Effect::Unclear,
        };
        let mut examples = reading.examples.iter();
        let example = examples.find(|example| self.is_let_in(example));
        Some(Difference {
            effect,
            requests: requests(reading.after),
            before,
            after,
            example: example.or(reading.examples.first()).cloned(),
            gains: gained.caller(),
            loses: None,
            unclear: (effect == Effect::Unclear).then_some("the conditions of the routes differ"),
        })
    }

    /// Whether the new policy has a route for every reading that must have one.
    fn is_let_in(&self, example: &ExampleRequest) -> bool {
        match self.new.route(&example.target()) {
            Ok(Routed::One(_) | Routed::Every(_) | Routed::Preflight(_)) => true,
            Ok(Routed::Unlisted | Routed::UnlistedInShadow { .. }) | Err(_) => false,
        }
    }

    /// What it means that readings are all answered as preflights, or all by routes, of which only some
    /// were.
    fn unmixed(&self) -> Result<Vec<Difference<'p>>, TooManyPaths> {
        let routes = || self.old.routes().iter();
        let can_mix = routes().any(|route| route.preflight)
            && routes().any(|route| route.methods.answer(b"OPTIONS"));
        if !can_mix || self.old.is_in_shadow() {
            return Ok(Vec::new());
        }
        let turns = |before: Answer<'p>, after: Answer<'p>| {
            are_mixed(before, after)
                && !self.after(after).is_closed()
                && !self.before(before).is_closed()
        };
        let classes = self.old.classes(self.new, turns)?;
        let shared = SharedReadings::of(self.old);
        Ok(classes
            .iter()
            .filter_map(|class| self.turned(class, &shared))
            .collect())
    }

    /// Nothing where no path of the class has a reading that is answered in the other way.
    fn turned(&self, class: &RequestClass<'p>, shared: &SharedReadings) -> Option<Difference<'p>> {
        let is_answered_otherwise = |route: &Route| match class.old {
            Answer::Preflight(_) => route.methods.answer(b"OPTIONS"),
            Answer::Route(_) | Answer::Unlisted => share_preflights(class, route),
        };
        let routes = self.old.routes().iter();
        let besides: Vec<_> = routes
            .filter(|route| is_answered_otherwise(route))
            .filter_map(|route| Beside::of(class, route, shared))
            .collect();
        if besides.is_empty() {
            return None;
        }
        let is_refused = |example: &ExampleRequest| {
            matches!(self.old.route(&example.target()), Ok(Routed::Unlisted))
        };
        let examples = besides
            .into_iter()
            .take(MAX_TRIES)
            .flat_map(Beside::examples);
        let mut examples = spelled_otherwise(&class.example).chain(examples);
        let example = examples.find(|example| is_refused(example) && self.is_let_in(example));
        let after = self.after(class.new);
        Some(Difference {
            effect: match example {
                Some(_) => Effect::MoreOpen,
                None => Effect::Unclear,
            },
            requests: requests(class.new),
            gains: example.is_some().then(|| after.least_caller()),
            loses: None,
            unclear: example.is_none().then_some(
                "some readings of a path may have been CORS preflights and others not, which is refused",
            ),
            before: self.before(class.old),
            after,
            example,
        })
    }
}

/// Whether a token counts without this reading that did not count with it.
fn counted_without(before: &Access<'_>, after: &Access<'_>) -> Admits {
    let is_concerned = before.route().is_some() && after.reads_token();
    let caller = is_concerned.then(|| after.caller_beside(before)).flatten();
    caller.map_or(Admits::NoOther, Admits::Perhaps)
}

fn requests(answer: Answer<'_>) -> Requests {
    Requests::Readings {
        path: answer
            .route()
            .map(|route| route.path.clone())
            .unwrap_or_default(),
    }
}

/// Whether a request with both readings is refused because nothing fits both.
fn are_mixed(one: Answer<'_>, other: Answer<'_>) -> bool {
    matches!(
        (one, other),
        (Answer::Route(_), Answer::Preflight(_)) | (Answer::Preflight(_), Answer::Route(_))
    )
}

/// The same request with one character encoded, with a verb that is empty, or as only some rules of
/// `paths` admit it.
fn spelled_otherwise(example: &ExampleRequest) -> impl Iterator<Item = ExampleRequest> {
    let path = &*example.path;
    let letters = path
        .char_indices()
        .filter(|(_, one)| *one != '%' && u8::try_from(*one).is_ok_and(may_stay_encoded));
    let encoded = letters.filter_map(move |(place, letter)| {
        let (before, after) = (path.get(..place)?, path.get(place + 1..)?);
        // What is encoded already stays so.
        let is_escape = [1, 2].iter().any(|back| {
            place
                .checked_sub(*back)
                .and_then(|start| path.as_bytes().get(start))
                == Some(&b'%')
        });
        (!is_escape).then(|| format!("{before}%{:02X}{after}", u32::from(letter)))
    });
    let longer = ["/", ":", ";v=1", "/;v=1"].map(|end| format!("{path}{end}"));
    // A slash more, one that is encoded, and what some servers cut the path at.
    let slashes = path.match_indices('/').flat_map(move |(place, _)| {
        let parts = path.split_at_checked(place).zip(path.get(place + 1..));
        parts.into_iter().flat_map(|((before, from), after)| {
            [
                format!("{before}/{from}"),
                format!("{before}%2F{after}"),
                format!("{before}%3Bv{from}"),
                format!("{before}/%3Bv{from}"),
            ]
        })
    });
    encoded
        .chain(longer)
        .chain(slashes)
        .map(move |path| ExampleRequest {
            path: path.into(),
            ..example.clone()
        })
}
