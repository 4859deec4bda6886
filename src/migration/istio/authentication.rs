//! `RequestAuthentication`: whose tokens count.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::scope::Object;
use crate::doctor::field::{items, text};
use crate::migration::Notes;
use crate::migration::formula::{Formula, Test};
use crate::migration::text::{TextMatch, TextTest, is_quotable};
use crate::migration::tokens::TokenPlaces;
use crate::migration::trust::{self, Keys, TrustEntry};
use crate::problem::quoted;
use crate::yaml::Tree;

/// The keys of a rule that are understood.
const KNOWN: [&str; 12] = [
    "issuer",
    "audiences",
    "jwksUri",
    "jwks_uri",
    "jwks",
    "fromHeaders",
    "fromParams",
    "fromCookies",
    "outputPayloadToHeader",
    "outputClaimToHeaders",
    "forwardOriginalToken",
    "timeout",
];

/// Whose tokens count at the workload.
#[derive(Default)]
pub(super) struct Issuers {
    known: Vec<Issuer>,
    /// Rules for tokens that the gate cannot read as Istio does.
    others: Vec<Rc<str>>,
    names: BTreeSet<Rc<str>>,
    places: TokenPlaces,
}

struct Issuer {
    trust: TrustEntry,
}

impl Issuers {
    pub(super) fn read(&mut self, object: &Object<'_>, notes: &mut Notes) {
        const FIELDS: [&str; 4] = ["selector", "targetRef", "targetRefs", "jwtRules"];
        let spec = object.spec(&[]).map(Tree::entries).unwrap_or_default();
        let mut keys = spec.iter().map(|(key, _)| key.as_str());
        if let Some(key) = keys.find(|key| !FIELDS.contains(key)) {
            let reason = format!("{} has no equal", quoted(key));
            notes.add(&object.label(), format!("not carried over: {reason}"));
            self.others
                .push(format!("{}: {reason}", object.label()).into());
        }
        let rules = object
            .spec(&["jwtRules"])
            .map(Tree::items)
            .unwrap_or_default();
        for (index, rule) in rules.iter().enumerate() {
            let place = format!("{}, jwtRule {}", object.label(), index + 1);
            if let Err(reason) = self.rule(rule, &place, notes) {
                notes.add(&place, format!("not carried over: {reason}"));
                self.others.push(format!("{place}: {reason}").into());
            }
        }
    }

    fn rule(&mut self, rule: &Tree, place: &str, notes: &mut Notes) -> Result<(), String> {
        let token_header = self.token_header(rule)?;
        let mut keys = rule.entries().iter().map(|(key, _)| key.as_str());
        if let Some(key) = keys.find(|key| !KNOWN.contains(key)) {
            return Err(format!("`{key}` has no equal"));
        }
        for key in ["outputPayloadToHeader", "outputClaimToHeaders"] {
            if rule.get(key).is_some() {
                notes.add(place, format!("`{key}` is left out: it decides nothing"));
            }
        }
        let issuer = self.issuer(rule)?;
        let host = issuer.split("://").last().unwrap_or(issuer);
        let name = trust::name(host.trim_end_matches('/'), &mut self.names);
        let uri = text(rule, &["jwksUri"]).or_else(|| text(rule, &["jwks_uri"]));
        let audiences = items(rule, &["audiences"]).iter().filter_map(Tree::text);
        self.known.push(Issuer {
            trust: TrustEntry {
                name,
                issuer: issuer.to_owned(),
                audiences: audiences.map(str::to_owned).collect(),
                algorithms: Vec::new(),
                keys: match uri {
                    Some(uri) => Keys::Uri(uri.to_owned()),
                    None if rule.get("jwks").is_some() => {
                        Keys::Elsewhere("write the keys of `jwks` into this file".to_owned())
                    }
                    None => Keys::Discovery,
                },
                token_header,
                leeway_seconds: None,
                max_lifetime_seconds: None,
            },
        });
        Ok(())
    }

    /// The header that the gate can read the tokens from, if not `authorization`.
    fn token_header(&mut self, rule: &Tree) -> Result<Option<String>, String> {
        let headers = items(rule, &["fromHeaders"]).iter().map(|header| {
            let part = |key: &str| text(header, &[key]).unwrap_or_default().to_owned();
            (part("name"), part("prefix"))
        });
        let headers: Vec<(String, String)> = headers.collect();
        let parameters = items(rule, &["fromParams"]).iter().filter_map(Tree::text);
        let parameters: Vec<&str> = parameters.collect();
        let has_cookies = !items(rule, &["fromCookies"]).is_empty();
        self.places.add(&headers, &parameters, has_cookies)
    }

    /// The issuer, which no rule before this one has.
    fn issuer<'t>(&self, rule: &'t Tree) -> Result<&'t str, String> {
        let issuer = text(rule, &["issuer"]).filter(|issuer| !issuer.is_empty());
        let issuer = issuer.ok_or("it has no `issuer`")?;
        if !is_quotable(issuer) {
            return Err("its `issuer` cannot be written in a policy".to_owned());
        }
        if self.known.iter().any(|known| known.trust.issuer == issuer) {
            return Err("another rule has the same `issuer`".to_owned());
        }
        Ok(issuer)
    }

    pub(super) fn are_asked_for(&self) -> bool {
        !self.known.is_empty() || !self.others.is_empty()
    }

    pub(super) fn trust(&self) -> Vec<TrustEntry> {
        self.known
            .iter()
            .map(|issuer| issuer.trust.clone())
            .collect()
    }

    pub(super) fn no_token(&self) -> String {
        self.places.none()
    }

    /// For each issuer, that there is a valid token of it.
    pub(super) fn any(&self) -> Vec<Formula> {
        let known = self.known.iter().map(Issuer::token);
        let others = self
            .others
            .iter()
            .map(|reason| Formula::Unknown(Rc::clone(reason)));
        known.chain(others).collect()
    }

    /// That the token's issuer and subject, with a slash between them, meet a test.
    pub(super) fn principal(&self, test: &TextTest) -> Formula {
        let mut any = Vec::new();
        for issuer in &self.known {
            any.push(Formula::All(vec![
                issuer.token(),
                subject(&issuer.trust.issuer, test),
            ]));
        }
        any.extend(
            self.others
                .iter()
                .map(|reason| Formula::Unknown(Rc::clone(reason))),
        );
        Formula::Any(any)
    }

    /// A condition on a claim, which needs a token.
    pub(super) fn with_claim(&self, condition: Formula) -> Formula {
        Formula::All(vec![Formula::Any(self.any()), condition])
    }
}

impl Issuer {
    fn token(&self) -> Formula {
        Formula::Test(Test::Issuer(Rc::clone(&self.trust.name)))
    }
}

/// The part of a test of `issuer/subject` that is left for the subject.
fn subject(issuer: &str, test: &TextTest) -> Formula {
    let front = format!("{issuer}/");
    let of = |how: TextMatch| {
        if is_quotable(test.operand()) {
            Formula::condition(TextTest::new(how).condition("token.sub"))
        } else {
            Formula::Unknown("a principal cannot be written in a condition".into())
        }
    };
    // Some versions compare the whole, others split it at its last slash.
    let in_some = |formula: Formula| Formula::Between {
        surely: Rc::new(Formula::False),
        perhaps: Rc::new(formula),
    };
    let rest_of = |text: &str, how: fn(String) -> TextMatch| match text.strip_prefix(&front) {
        Some(rest) if rest.contains('/') => in_some(of(how(rest.to_owned()))),
        Some(rest) => of(how(rest.to_owned())),
        None => Formula::False,
    };
    match &test.how {
        TextMatch::Present => Formula::True,
        TextMatch::Exact(principal) => rest_of(principal, TextMatch::Exact),
        TextMatch::Prefix(prefix) if *prefix == front => Formula::True,
        TextMatch::Prefix(prefix) if front.starts_with(prefix.as_str()) => in_some(Formula::True),
        TextMatch::Prefix(prefix) => rest_of(prefix, TextMatch::Prefix),
        TextMatch::Suffix(suffix) if !suffix.contains('/') => of(TextMatch::Suffix(suffix.clone())),
        TextMatch::Suffix(_) | TextMatch::Contains(_) => {
            Formula::Unknown("the end of a principal with a slash has no equal".into())
        }
    }
}
