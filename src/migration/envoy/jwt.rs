//! The filter `envoy.filters.http.jwt_authn`.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::matcher::{route_match, unknown_key};
use super::providers::{Provider, Providers};
use crate::doctor::field::{field, items, text};
use crate::migration::Notes;
use crate::migration::formula::{Formula, Test};
use crate::migration::text::{is_quotable, literal};
use crate::problem::quoted;
use crate::yaml::Tree;

type Issuers = BTreeSet<Rc<str>>;

/// What a requirement comes to, and what becomes of the tokens of the filter's issuers: whose have been looked
/// at where it is met, so that their payloads can be asked for.
struct Required {
    formula: Formula,
    /// Who has met it by a valid token of one of these has had that token looked at.
    surely: Issuers,
    /// Whose tokens may have been looked at as well.
    perhaps: Issuers,
    /// Whose valid tokens may meet it: all, where it needs no token.
    may_pass: Issuers,
    /// Whose valid tokens are sure to meet it.
    must_pass: Issuers,
    /// Whether it is one that `requires_any` tries last.
    is_bypass: bool,
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
            None | Some(Tree::Null) => self.nothing(),
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
            surely: Issuers::new(),
            perhaps: self.all_issuers(),
            may_pass: self.all_issuers(),
            must_pass: Issuers::new(),
            is_bypass: false,
        }
    }

    /// The providers of this filter.
    fn own(&self) -> impl Iterator<Item = &Provider> {
        let all = self.providers.known.iter();
        let own = all.filter(|((filter, _), _)| *filter == self.filter);
        own.map(|(_, provider)| provider)
    }

    fn all_issuers(&self) -> Issuers {
        self.own()
            .map(|provider| Rc::clone(&provider.name))
            .collect()
    }

    fn requirement(&mut self, tree: &Tree, place: &str, within: Within) -> Required {
        let entries: Vec<&(String, Tree)> = tree
            .entries()
            .iter()
            .filter(|(_, value)| *value != Tree::Null)
            .collect();
        match entries.as_slice() {
            [] => return self.nothing(),
            [_] => {}
            _ => return self.unknown(place, "its requirement does not say exactly one thing"),
        }
        if let Some(name) = text(tree, &["provider_name"]) {
            return self.provider(name, place);
        }
        if let Some(provider) = field(tree, "provider_and_audiences") {
            return self.with_audiences(provider, place);
        }
        if let Some(list) = field(tree, "requires_any") {
            let list = self.each(items(list, &["requirements"]), place);
            return self.any(list);
        }
        if let Some(list) = field(tree, "requires_all") {
            let list = self.each(items(list, &["requirements"]), place);
            return self.all(list);
        }
        if field(tree, "allow_missing_or_failed").is_some() {
            let must_pass = self.all_issuers();
            return self.optional(Formula::True, must_pass, within);
        }
        if field(tree, "allow_missing").is_some() {
            let mut any = vec![Formula::Test(Test::NoToken)];
            if within == Within::Nothing {
                any.extend(self.own().map(|provider| self.by_issuer(provider)));
            }
            return self.optional(Formula::Any(any), Issuers::new(), within);
        }
        self.unknown(place, "this requirement has no equal")
    }

    /// That a token is valid by the provider that Envoy finds for its issuer.
    fn by_issuer(&self, provider: &Provider) -> Formula {
        if self.providers.shares_issuer(self.filter, provider) {
            let reason = "several providers have its issuer, and either may check the token";
            Formula::Unknown(reason.into())
        } else {
            provider.formula()
        }
    }

    /// A requirement that requests without a token meet. By itself it looks at every token; beside others,
    /// perhaps at none.
    fn optional(&self, formula: Formula, must_pass: Issuers, within: Within) -> Required {
        let surely = match within {
            Within::Nothing => {
                let own = self.own();
                let alone =
                    own.filter(|provider| !self.providers.shares_issuer(self.filter, provider));
                alone.map(|provider| Rc::clone(&provider.name)).collect()
            }
            Within::Others => Issuers::new(),
        };
        Required {
            formula,
            surely,
            perhaps: self.all_issuers(),
            may_pass: self.all_issuers(),
            must_pass,
            is_bypass: true,
        }
    }

    /// A requirement that asks nothing, and looks at nothing.
    fn nothing(&self) -> Required {
        Required {
            formula: Formula::True,
            surely: Issuers::new(),
            perhaps: Issuers::new(),
            may_pass: self.all_issuers(),
            must_pass: self.all_issuers(),
            is_bypass: false,
        }
    }

    fn each(&mut self, list: &[Tree], place: &str) -> Vec<Required> {
        let list = list.iter();
        list.map(|one| self.requirement(one, place, Within::Others))
            .collect()
    }

    /// The first that is met ends the search, so that those behind it look at nothing.
    fn any(&self, list: Vec<Required>) -> Required {
        let regular = list.iter().filter(|one| !one.is_bypass);
        let must_pass_before: Issuers = regular.flat_map(|one| one.must_pass.clone()).collect();
        let is_sure = |issuer: &Rc<str>| {
            list.iter().all(|one| {
                one.surely.contains(issuer)
                    || !one.may_pass.contains(issuer)
                    || (one.is_bypass && must_pass_before.contains(issuer))
            })
        };
        let all = self.all_issuers();
        Required {
            surely: all.into_iter().filter(is_sure).collect(),
            perhaps: looked_at(&list),
            may_pass: list.iter().flat_map(|one| one.may_pass.clone()).collect(),
            must_pass: list.iter().flat_map(|one| one.must_pass.clone()).collect(),
            is_bypass: false,
            formula: Formula::Any(list.into_iter().map(|one| one.formula).collect()),
        }
    }

    /// The first that is not met ends the search.
    fn all(&self, list: Vec<Required>) -> Required {
        let in_every = |of: fn(&Required) -> &Issuers| -> Issuers {
            let all = self.all_issuers().into_iter();
            all.filter(|issuer| list.iter().all(|one| of(one).contains(issuer)))
                .collect()
        };
        Required {
            surely: list.iter().flat_map(|one| one.surely.clone()).collect(),
            perhaps: looked_at(&list),
            may_pass: in_every(|one| &one.may_pass),
            must_pass: in_every(|one| &one.must_pass),
            is_bypass: false,
            formula: Formula::All(list.into_iter().map(|one| one.formula).collect()),
        }
    }

    fn provider(&mut self, name: &str, place: &str) -> Required {
        let Some(provider) = self.providers.known.get(&(self.filter, name.to_owned())) else {
            return self.unknown(place, &format!("no provider has the name {}", quoted(name)));
        };
        let own = Issuers::from([Rc::clone(&provider.name)]);
        Required {
            formula: provider.formula(),
            surely: own.clone(),
            perhaps: Issuers::new(),
            may_pass: own.clone(),
            must_pass: own,
            is_bypass: false,
        }
    }

    fn with_audiences(&mut self, tree: &Tree, place: &str) -> Required {
        let name = text(tree, &["provider_name"]).unwrap_or_default();
        let required = self.provider(name, place);
        let audiences = items(tree, &["audiences"]).iter().filter_map(Tree::text);
        let audiences: Vec<&str> = audiences.collect();
        if audiences.iter().any(|audience| !is_quotable(audience)) {
            return self.unknown(place, "its audiences cannot be written in a condition");
        }
        if audiences.is_empty() {
            return required;
        }
        let any = audiences
            .iter()
            .map(|audience| Formula::condition(format!("{} in token.aud", literal(audience))));
        let any = Formula::Any(any.collect());
        Required {
            formula: Formula::All(vec![required.formula, any]),
            must_pass: Issuers::new(),
            ..required
        }
    }
}

/// Whose tokens may have been looked at by some of these.
fn looked_at(list: &[Required]) -> Issuers {
    let all = list.iter();
    all.flat_map(|one| one.perhaps.union(&one.surely).cloned())
        .collect()
}

/// What a requirement stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Others,
}

impl Required {
    fn then(self, behind: &Rc<Formula>) -> Formula {
        let body = Formula::Verified {
            issuers: Rc::new(self.surely),
            perhaps: Rc::new(self.perhaps),
            body: Rc::clone(behind),
        };
        Formula::All(vec![self.formula, body])
    }
}
