//! The filter `envoy.filters.http.jwt_authn`.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::matcher::{route_match, unknown_key};
use super::providers::Providers;
use crate::doctor::field::{field, items, text};
use crate::migration::Notes;
use crate::migration::formula::{Formula, Test};
use crate::migration::text::{is_quotable, literal};
use crate::problem::quoted;
use crate::yaml::Tree;

/// What a requirement comes to, and whose tokens have been looked at where it is met.
struct Required {
    formula: Formula,
    issuers: BTreeSet<Rc<str>>,
    /// Whose tokens have been looked at where they are for some audiences.
    of_audiences: BTreeSet<Rc<str>>,
    /// Whose tokens may have been looked at as well.
    perhaps: BTreeSet<Rc<str>>,
    /// Whether requests may meet it whose tokens nobody has looked at.
    is_optional: bool,
}

/// Reads the rules of one filter.
pub(super) struct Reader<'r> {
    pub(super) filter: usize,
    pub(super) providers: &'r Providers,
    pub(super) notes: &'r mut Notes,
    pub(super) rules: &'r mut usize,
}

impl Reader<'_> {
    /// What the filter lets in and `behind` as well.
    pub(super) fn filter(&mut self, config: &Tree, place: &str, behind: Formula) -> Formula {
        const KNOWN: [&str; 7] = [
            "providers",
            "rules",
            "bypass_cors_preflight",
            "requirement_map",
            "filter_state_rules",
            "strip_failure_response",
            "stat_prefix",
        ];
        let mut all = Vec::new();
        if let Some(key) = unknown_key(config, &KNOWN) {
            all.push(self.notes.unknown(place, &format!("`{key}` has no equal")));
        }
        if field(config, "bypass_cors_preflight").is_some_and(Tree::is_true) {
            self.notes.add(
                place,
                "`bypass_cors_preflight` is left out: say `preflight: true` on routes that browsers ask",
            );
        }
        let behind = Rc::new(behind);
        let mut cases = Vec::new();
        for (index, rule) in items(config, &["rules"]).iter().enumerate() {
            *self.rules += 1;
            let place = format!("{place}, rule {}", index + 1);
            let case = match field(rule, "match") {
                Some(matched) => route_match(matched, self.providers.hosts, &place, self.notes),
                None => self.notes.unknown(&place, "it has no `match`"),
            };
            let required = self.rule(rule, config, &place);
            cases.push((case, required.then(&behind)));
        }
        let otherwise = if field(config, "filter_state_rules").is_some() {
            self.notes
                .unknown(place, "`filter_state_rules` has no equal")
        } else {
            Formula::Shared(behind)
        };
        all.push(Formula::First {
            cases,
            otherwise: Rc::new(otherwise),
        });
        Formula::All(all)
    }

    /// What a route asks by the name of a requirement.
    pub(super) fn named(
        &mut self,
        config: &Tree,
        name: &str,
        place: &str,
        behind: Formula,
    ) -> Formula {
        let required = self.by_name(config, name, place);
        required.then(&Rc::new(behind))
    }

    fn rule(&mut self, rule: &Tree, config: &Tree, place: &str) -> Required {
        if let Some(key) = unknown_key(rule, &["match", "requires", "requirement_name"]) {
            return self.unknown(place, &format!("`{key}` has no equal"));
        }
        if let Some(name) = text(rule, &["requirement_name"]) {
            return self.by_name(config, name, place);
        }
        match field(rule, "requires") {
            None | Some(Tree::Null) => Required::nothing(),
            Some(requirement) => self.requirement(requirement, place, Within::Nothing),
        }
    }

    fn by_name(&mut self, config: &Tree, name: &str, place: &str) -> Required {
        let map = field(config, "requirement_map");
        match map.and_then(|map| map.get(name)) {
            Some(requirement) => self.requirement(requirement, place, Within::Nothing),
            None => self.unknown(
                place,
                &format!("no requirement has the name {}", quoted(name)),
            ),
        }
    }

    fn unknown(&mut self, place: &str, reason: &str) -> Required {
        Required {
            formula: self.notes.unknown(place, reason),
            issuers: BTreeSet::new(),
            of_audiences: BTreeSet::new(),
            perhaps: self.all_issuers(),
            is_optional: true,
        }
    }

    fn all_issuers(&self) -> BTreeSet<Rc<str>> {
        let all = self.providers.known.iter();
        let own = all.filter(|((filter, _), _)| *filter == self.filter);
        own.map(|(_, provider)| Rc::clone(&provider.name)).collect()
    }

    fn requirement(&mut self, tree: &Tree, place: &str, within: Within) -> Required {
        let entries: Vec<&(String, Tree)> = tree
            .entries()
            .iter()
            .filter(|(_, value)| *value != Tree::Null)
            .collect();
        match entries.as_slice() {
            [] => return Required::nothing(),
            [_] => {}
            _ => return self.unknown(place, "its requirement does not say exactly one thing"),
        }
        if let Some(name) = text(tree, &["provider_name"]) {
            return self.provider(name, place);
        }
        if let Some(provider) = field(tree, "provider_and_audiences") {
            let name = text(provider, &["provider_name"]).unwrap_or_default();
            let mut required = self.provider(name, place);
            let audiences = items(provider, &["audiences"])
                .iter()
                .filter_map(Tree::text);
            let audiences: Vec<&str> = audiences.collect();
            if audiences.iter().any(|audience| !is_quotable(audience)) {
                return self.unknown(place, "its audiences cannot be written in a condition");
            }
            if !audiences.is_empty() {
                let any = audiences.iter().map(|audience| {
                    Formula::condition(format!("{} in token.aud", literal(audience)))
                });
                let any = Formula::Any(any.collect());
                required.formula = Formula::All(vec![required.formula, any]);
                required.of_audiences = std::mem::take(&mut required.issuers);
            }
            return required;
        }
        for (key, is_all) in [("requires_any", false), ("requires_all", true)] {
            if let Some(list) = field(tree, key) {
                return self.several(items(list, &["requirements"]), is_all, place);
            }
        }
        if field(tree, "allow_missing_or_failed").is_some() {
            return self.optional(Formula::True, within);
        }
        if field(tree, "allow_missing").is_some() {
            let mut any = vec![Formula::Test(Test::NoToken)];
            if within == Within::Nothing {
                let all = self.providers.known.iter();
                let own = all.filter(|((filter, _), _)| *filter == self.filter);
                any.extend(own.map(|(_, provider)| provider.formula()));
            }
            return self.optional(Formula::Any(any), within);
        }
        self.unknown(place, "this requirement has no equal")
    }

    /// A requirement that a request without a token meets. By itself it looks at every token; beside others,
    /// perhaps at none.
    fn optional(&self, formula: Formula, within: Within) -> Required {
        let (issuers, perhaps) = match within {
            Within::Nothing => (self.all_issuers(), BTreeSet::new()),
            Within::Others => (BTreeSet::new(), self.all_issuers()),
        };
        Required {
            formula,
            issuers,
            of_audiences: BTreeSet::new(),
            perhaps,
            is_optional: true,
        }
    }

    fn several(&mut self, list: &[Tree], is_all: bool, place: &str) -> Required {
        let mut formulas = Vec::new();
        let (mut issuers, mut of_audiences) = (BTreeSet::new(), BTreeSet::new());
        let mut perhaps = BTreeSet::new();
        let mut optional = 0;
        for one in list {
            let required = self.requirement(one, place, Within::Others);
            formulas.push(required.formula);
            issuers.extend(required.issuers);
            of_audiences.extend(required.of_audiences);
            perhaps.extend(required.perhaps);
            optional += usize::from(required.is_optional);
        }
        let is_optional = if is_all {
            optional == list.len()
        } else {
            optional > 0
        };
        // A token for another audience fails there, and the request passes by what needs no token.
        if is_optional {
            perhaps.append(&mut of_audiences);
        }
        Required {
            formula: if is_all {
                Formula::All(formulas)
            } else {
                Formula::Any(formulas)
            },
            issuers,
            of_audiences,
            perhaps,
            is_optional,
        }
    }

    fn provider(&mut self, name: &str, place: &str) -> Required {
        match self.providers.known.get(&(self.filter, name.to_owned())) {
            Some(provider) => Required {
                formula: provider.formula(),
                issuers: BTreeSet::from([Rc::clone(&provider.name)]),
                of_audiences: BTreeSet::new(),
                perhaps: BTreeSet::new(),
                is_optional: false,
            },
            None => self.unknown(place, &format!("no provider has the name {}", quoted(name))),
        }
    }
}

/// What a requirement stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Others,
}

impl Required {
    fn nothing() -> Self {
        Self {
            formula: Formula::True,
            issuers: BTreeSet::new(),
            of_audiences: BTreeSet::new(),
            perhaps: BTreeSet::new(),
            is_optional: true,
        }
    }

    fn then(mut self, behind: &Rc<Formula>) -> Formula {
        // Who passes has a token for these audiences.
        self.issuers.append(&mut self.of_audiences);
        let body = Formula::Verified {
            issuers: Rc::new(self.issuers),
            perhaps: Rc::new(self.perhaps),
            body: Rc::clone(behind),
        };
        Formula::All(vec![self.formula, body])
    }
}
