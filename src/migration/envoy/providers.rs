//! The providers of `jwt_authn`: whose tokens count, and where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::matcher::{TextMatcher, text_matcher, unknown_key};
use super::rbac::claim_subject;
use crate::doctor::field::{at, field, items, seconds, text};
use crate::migration::Notes;
use crate::migration::formula::{Formula, HostView, Test};
use crate::migration::text::{Reason, is_quotable};
use crate::migration::tokens::TokenPlaces;
use crate::migration::trust::{self, Keys, TrustEntry};
use crate::yaml::Tree;

/// The clocks' difference that Envoy allows unless told otherwise, and ours.
const ENVOY_SKEW_SECONDS: u64 = 60;
const OUR_LEEWAY_SECONDS: u64 = 30;

/// The settings of a provider that are understood.
const SETTINGS: [&str; 21] = [
    "issuer",
    "audiences",
    "subjects",
    "require_expiration",
    "max_lifetime",
    "remote_jwks",
    "local_jwks",
    "forward",
    "from_headers",
    "from_params",
    "from_cookies",
    "forward_payload_header",
    "pad_forward_payload_header",
    "payload_in_metadata",
    "normalize_payload_in_metadata",
    "header_in_metadata",
    "failed_status_in_metadata",
    "clock_skew_seconds",
    "jwt_cache_config",
    "claim_to_headers",
    "clear_route_cache",
];

/// What providers say of headers and metadata.
const IGNORED: [&str; 4] = [
    "forward_payload_header",
    "claim_to_headers",
    "header_in_metadata",
    "failed_status_in_metadata",
];

/// The providers of all filters of a connection manager.
#[derive(Default)]
pub(super) struct Providers {
    /// By filter and name there.
    pub(super) known: BTreeMap<(usize, String), Provider>,
    names: BTreeSet<Rc<str>>,
    places: TokenPlaces,
    /// What the connection manager takes from hosts before the filters see them.
    pub(super) hosts: HostView,
}

/// Who issues tokens.
pub(super) struct Provider {
    pub(super) name: Rc<str>,
    issuer: Option<String>,
    payload: Option<String>,
    split_claims: Vec<String>,
    /// What a token of it needs beside being valid.
    pub(super) also: Formula,
    /// Why the gate cannot take its tokens as Envoy does.
    obstacle: Option<Reason>,
    pub(super) trust: Option<TrustEntry>,
}

impl Provider {
    /// Whether a claim that is a text becomes a list of its words.
    pub(super) fn splits(&self, claim: &str) -> bool {
        self.split_claims.iter().any(|split| split == claim)
    }

    pub(super) fn formula(&self) -> Formula {
        match &self.obstacle {
            Some(reason) => Formula::Unknown(reason.clone()),
            None => Formula::All(vec![
                Formula::Test(Test::Issuer(Rc::clone(&self.name))),
                self.also.clone(),
            ]),
        }
    }
}

impl Providers {
    /// Reads the providers of a filter.
    pub(super) fn read(&mut self, filter: usize, config: &Tree, place: &str, notes: &mut Notes) {
        for (written, tree) in field(config, "providers")
            .map(Tree::entries)
            .unwrap_or_default()
        {
            let place = format!("{place}, provider {written}");
            let name = trust::name(written, &mut self.names);
            let provider = self.provider(name, tree, &place, notes);
            self.known.insert((filter, written.clone()), provider);
        }
    }

    pub(super) fn trust(&self) -> Vec<TrustEntry> {
        let all = self.known.values();
        all.filter_map(|provider| provider.trust.clone()).collect()
    }

    pub(super) fn of_payload<'p>(&'p self, payload: &'p str) -> impl Iterator<Item = &'p Provider> {
        let all = self.known.values();
        all.filter(move |provider| {
            provider.payload.as_deref() == Some(payload) && provider.obstacle.is_none()
        })
    }

    /// Whether a provider whose tokens the gate cannot take puts payloads there.
    pub(super) fn hides_payload(&self, payload: &str) -> bool {
        let mut all = self.known.values();
        all.any(|one| one.payload.as_deref() == Some(payload) && one.obstacle.is_some())
    }

    /// Whether another provider of this filter has the same issuer. Where no provider is named, Envoy takes
    /// any of them.
    pub(super) fn shares_issuer(&self, filter: usize, provider: &Provider) -> bool {
        let all = self.known.iter().filter(|((index, _), _)| *index == filter);
        all.filter(|(_, one)| one.issuer == provider.issuer).count() > 1
    }

    /// The condition that holds where Envoy finds no token at all.
    pub(super) fn no_token(&self) -> String {
        self.places.none()
    }

    fn provider(&mut self, name: Rc<str>, tree: &Tree, place: &str, notes: &mut Notes) -> Provider {
        let header = header_of(tree, &mut self.places);
        let issuer = text(tree, &["issuer"]).filter(|issuer| !issuer.is_empty());
        let also = match subject_condition(tree) {
            Ok(also) => also,
            Err(reason) => notes.unknown(place, &reason),
        };
        for key in IGNORED {
            if field(tree, key).is_some() {
                notes.add(place, format!("`{key}` is left out: it decides nothing"));
            }
        }
        let (trust, obstacle) = match self.trust_of(&name, issuer, header, tree) {
            Ok(entry) => (Some(entry), None),
            Err(reason) => {
                notes.add(place, format!("not carried over: {reason}"));
                (None, Some(Reason::from(format!("{place}: {reason}"))))
            }
        };
        let split = items(
            tree,
            &["normalize_payload_in_metadata", "space_delimited_claims"],
        );
        let split = split.iter().filter_map(Tree::text);
        Provider {
            name,
            issuer: issuer.map(str::to_owned),
            payload: text(tree, &["payload_in_metadata"]).map(str::to_owned),
            split_claims: split.map(str::to_owned).collect(),
            also,
            obstacle,
            trust,
        }
    }

    /// The entry of `trust`, or why the gate cannot take the tokens as Envoy does.
    fn trust_of(
        &self,
        name: &Rc<str>,
        issuer: Option<&str>,
        header: Result<Option<String>, String>,
        tree: &Tree,
    ) -> Result<TrustEntry, String> {
        let issuer = issuer.ok_or("it has no `issuer`, and the gate takes no token without one")?;
        let header = header?;
        let mut known = self.known.values().filter_map(|one| one.trust.as_ref());
        if known.any(|entry| entry.issuer == issuer) {
            return Err("another provider has the same `issuer`".to_owned());
        }
        match unknown_key(tree, &SETTINGS) {
            Some(key) => Err(format!("`{key}` has no equal")),
            None => Ok(trust_entry(name, issuer, header, tree)),
        }
    }
}

/// The header that the gate can read this provider's tokens from, if not `authorization`.
fn header_of(tree: &Tree, places: &mut TokenPlaces) -> Result<Option<String>, String> {
    let headers = items(tree, &["from_headers"]).iter().map(|header| {
        let name = text(header, &["name"]).unwrap_or_default();
        let prefix = text(header, &["value_prefix"]).unwrap_or_default();
        (name.to_owned(), prefix.to_owned())
    });
    let headers: Vec<(String, String)> = headers.collect();
    let parameters = items(tree, &["from_params"]).iter().filter_map(Tree::text);
    let parameters: Vec<&str> = parameters.collect();
    places.add(
        &headers,
        &parameters,
        !items(tree, &["from_cookies"]).is_empty(),
    )
}

fn subject_condition(tree: &Tree) -> Result<Formula, String> {
    let Some(subjects) = field(tree, "subjects") else {
        return Ok(Formula::True);
    };
    match text_matcher(subjects)? {
        TextMatcher::Text(test) if is_quotable(test.operand()) => Ok(Formula::condition(
            test.condition(&claim_subject(&["sub"])?),
        )),
        _ => Err("`subjects` has no equal".to_owned()),
    }
}

fn trust_entry(
    name: &Rc<str>,
    issuer: &str,
    token_header: Option<String>,
    tree: &Tree,
) -> TrustEntry {
    let keys = match text(tree, &["remote_jwks", "http_uri", "uri"]) {
        Some(uri) => Keys::Uri(uri.to_owned()),
        None => Keys::Elsewhere("write the keys of `local_jwks` into this file".to_owned()),
    };
    let audiences = items(tree, &["audiences"]).iter().filter_map(Tree::text);
    let number = |tree: &Tree| match tree {
        Tree::Number(number) => whole(*number),
        _ => None,
    };
    let skew = field(tree, "clock_skew_seconds").and_then(number);
    let skew = skew.filter(|skew| *skew > 0).unwrap_or(ENVOY_SKEW_SECONDS);
    let lifetime = at(tree, &["max_lifetime"]).and_then(seconds);
    TrustEntry {
        name: Rc::clone(name),
        issuer: issuer.to_owned(),
        audiences: audiences.map(str::to_owned).collect(),
        algorithms: Vec::new(),
        keys,
        token_header,
        leeway_seconds: (skew < OUR_LEEWAY_SECONDS).then_some(skew),
        max_lifetime_seconds: lifetime.and_then(whole).filter(|seconds| *seconds > 0),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is within bounds"
)]
fn whole(number: f64) -> Option<u64> {
    (0.0..1e12).contains(&number).then_some(number as u64)
}
