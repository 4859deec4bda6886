//! What the ids of a pipeline stand for.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::doctor::field::{at, duration, items, text};
use crate::migration::Notes;
use crate::migration::envoy::claim_subject;
use crate::migration::formula::Formula;
use crate::migration::text::{is_quotable, literal};
use crate::migration::tokens::{TokenPlaces, UNREADABLE};
use crate::migration::trust::{self, Keys, TrustEntry};
use crate::token::Algorithm;
use crate::yaml::Tree;

/// The settings of the authenticator `jwt` that are understood, and those of its assertions.
const SETTINGS: [&str; 10] = [
    "jwks_endpoint",
    "metadata_endpoint",
    "assertions",
    "jwt_source",
    "subject",
    "principal",
    "cache_ttl",
    "validate_jwk",
    "trust_store",
    "allow_fallback_on_error",
];
const ASSERTIONS: [&str; 5] = [
    "issuers",
    "audience",
    "scopes",
    "allowed_algorithms",
    "validity_leeway",
];

/// By how many seconds clocks may differ unless it is told otherwise.
const LEEWAY_SECONDS: u64 = 10;

#[derive(Default)]
pub(super) struct Mechanisms {
    authenticators: BTreeMap<String, Authenticator>,
    /// The types of all others, by kind and id.
    others: BTreeMap<(&'static str, String), String>,
    names: BTreeSet<Rc<str>>,
    places: TokenPlaces,
}

pub(super) enum Authenticator {
    Anonymous,
    Unauthorized,
    Jwt {
        entry: Box<TrustEntry>,
        also: Formula,
        /// Whether a token that it refuses goes on to the next authenticator, in all versions.
        falls_back: bool,
    },
    /// One that the gate has no equal of.
    Other(String),
}

impl Mechanisms {
    pub(super) fn read(&mut self, tree: &Tree, notes: &mut Notes) {
        for one in items(tree, &["authenticators"]) {
            let Some(id) = text(one, &["id"]) else {
                continue;
            };
            let read = self.authenticator(id, one);
            if let Authenticator::Other(reason) = &read {
                notes.add(
                    &format!("authenticator {id}"),
                    format!("not carried over: {reason}"),
                );
            }
            self.authenticators.insert(id.to_owned(), read);
        }
        for one in items(tree, &["authorizers"]) {
            if let (Some(id), Some(kind)) = (text(one, &["id"]), text(one, &["type"])) {
                self.others
                    .insert(("authorizer", id.to_owned()), kind.to_owned());
            }
        }
    }

    pub(super) fn authenticator_of(&self, id: &str) -> Option<&Authenticator> {
        self.authenticators.get(id)
    }

    /// The type of an authorizer, such as `allow`.
    pub(super) fn authorizer_of(&self, id: &str) -> Option<&str> {
        self.others
            .get(&("authorizer", id.to_owned()))
            .map(String::as_str)
    }

    pub(super) fn trust(&self) -> Vec<TrustEntry> {
        let all = self.authenticators.values();
        all.filter_map(|one| match one {
            Authenticator::Jwt { entry, .. } => Some(TrustEntry::clone(entry)),
            _ => None,
        })
        .collect()
    }

    /// The condition that holds where none of the authenticators finds a token.
    pub(super) fn no_token(&self) -> String {
        self.places.none()
    }

    fn authenticator(&mut self, id: &str, tree: &Tree) -> Authenticator {
        match text(tree, &["type"]) {
            Some("anonymous") => Authenticator::Anonymous,
            Some("unauthorized") => Authenticator::Unauthorized,
            Some("jwt") => self.jwt(id, tree).unwrap_or_else(Authenticator::Other),
            _ => Authenticator::Other("the gate has no such authenticator".to_owned()),
        }
    }

    fn jwt(&mut self, id: &str, tree: &Tree) -> Result<Authenticator, String> {
        let nothing = Tree::Map(Vec::new());
        let config = tree.get("config").unwrap_or(&nothing);
        let assertions = config.get("assertions").unwrap_or(&nothing);
        only_known(config, &SETTINGS)?;
        only_known(assertions, &ASSERTIONS)?;
        let token_header = source_of(items(config, &["jwt_source"]), &mut self.places)?;
        let issuer = self.issuer(assertions)?;
        let audiences = list(assertions, "audience")?;
        let mut also = each_in(&audiences, "token.aud");
        also.extend(each_in(&list(assertions, "scopes")?, "token.scopes"));
        also.extend(subject_conditions(config)?);
        let leeway = assertions.get("validity_leeway").and_then(duration);
        let falls_back = config.get("allow_fallback_on_error");
        let falls_back = falls_back.is_some_and(Tree::is_true);
        let entry = TrustEntry {
            name: trust::name(id, &mut self.names),
            issuer: issuer.to_owned(),
            audiences: audiences
                .iter()
                .map(|&audience| audience.to_owned())
                .collect(),
            algorithms: algorithms(&list(assertions, "allowed_algorithms")?)?,
            keys: keys(config)?,
            token_header,
            leeway_seconds: Some(match leeway {
                Some(leeway) if leeway < 10.0 => 1,
                _ => LEEWAY_SECONDS,
            }),
            max_lifetime_seconds: None,
        };
        Ok(Authenticator::Jwt {
            entry: Box::new(entry),
            also: Formula::All(also),
            falls_back,
        })
    }

    /// The only issuer, which no authenticator before this one has.
    fn issuer<'t>(&self, assertions: &'t Tree) -> Result<&'t str, String> {
        let [issuer] = items(assertions, &["issuers"]) else {
            return Err("`assertions.issuers` does not name exactly one issuer".to_owned());
        };
        let issuer = issuer.text().filter(|issuer| is_quotable(issuer));
        let issuer = issuer.ok_or("its issuer is not a text")?;
        let mut known = self.authenticators.values();
        if known
            .any(|one| matches!(one, Authenticator::Jwt { entry, .. } if entry.issuer == issuer))
        {
            return Err("another authenticator has the same issuer".to_owned());
        }
        Ok(issuer)
    }
}

fn only_known(tree: &Tree, known: &[&str]) -> Result<(), String> {
    let mut keys = tree.entries().iter().map(|(key, _)| key.as_str());
    match keys.find(|key| !known.contains(key)) {
        Some(key) => Err(format!("`{key}` has no equal")),
        None => Ok(()),
    }
}

/// A list of the assertions; empty if it is not there.
fn list<'t>(assertions: &'t Tree, name: &str) -> Result<Vec<&'t str>, String> {
    let list: Option<Vec<&str>> = match assertions.get(name) {
        None | Some(Tree::Null) => Some(Vec::new()),
        Some(Tree::List(list)) => list.iter().map(Tree::text).collect(),
        Some(_) => None,
    };
    let list = list.filter(|list| list.iter().all(|text| is_quotable(text)));
    list.ok_or_else(|| format!("`assertions.{name}` is not a list of texts"))
}

fn each_in(names: &[&str], of: &str) -> Vec<Formula> {
    let all = names.iter();
    all.map(|name| Formula::condition(format!("{} in {of}", literal(name))))
        .collect()
}

/// That the claim is there which names the subject, if it is not `sub`: the gate asks for that by itself. A
/// version of heimdall knows one of the two keys; where both are written, both claims must be there.
fn subject_conditions(config: &Tree) -> Result<Vec<Formula>, String> {
    let mut found = Vec::new();
    for key in ["subject", "principal"] {
        let id = match config.get(key).and_then(|subject| subject.get("id")) {
            None | Some(Tree::Null) => continue,
            Some(id) => id.text().unwrap_or_default(),
        };
        let is_name = id.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if id == "sub" {
            continue;
        }
        if !is_name {
            return Err(format!("`{key}.id` is not the name of a claim"));
        }
        let subject = claim_subject(&[id])?;
        found.push(Formula::condition(format!("has({subject})")));
    }
    Ok(found)
}

/// Those that the gate can check; heimdall's own where none are named.
fn algorithms(allowed: &[&str]) -> Result<Vec<Algorithm>, String> {
    const OWN: [&str; 5] = ["ES256", "ES384", "ES512", "PS384", "PS512"];
    let allowed = if allowed.is_empty() { &OWN } else { allowed };
    let found = allowed.iter().filter_map(|name| Algorithm::from_name(name));
    let found: Vec<Algorithm> = found.filter(|one| !one.is_symmetric()).collect();
    if found.is_empty() {
        return Err("the gate has none of its `allowed_algorithms`".to_owned());
    }
    Ok(found)
}

fn keys(config: &Tree) -> Result<Keys, String> {
    let url = |key: &str| text(config, &[key, "url"]).or_else(|| at(config, &[key])?.text());
    match (url("jwks_endpoint"), url("metadata_endpoint")) {
        (Some(uri), _) => Ok(Keys::Uri(uri.to_owned())),
        (None, Some(_)) => Ok(Keys::Discovery),
        (None, None) => Err("it says nowhere where the keys are".to_owned()),
    }
}

/// The header that tokens come in, if not `authorization`. Every place where tokens may be is told to
/// `places`.
fn source_of(sources: &[Tree], places: &mut TokenPlaces) -> Result<Option<String>, String> {
    if sources.is_empty() {
        places.header("authorization");
        places.parameter("access_token");
        places.body();
        return Ok(None);
    }
    let mut found = None;
    for source in sources {
        for (key, value) in source.entries() {
            let name = value.text().unwrap_or_default();
            match key.as_str() {
                "header" => places.header(name),
                "query_parameter" => places.parameter(name),
                "body_parameter" => places.body(),
                "cookie" => places.cookies(),
                "scheme" => {}
                _ => return Err(format!("`{key}` of `jwt_source` has no equal")),
            }
        }
        let header = text(source, &["header"]).unwrap_or_default();
        match (
            header.to_ascii_lowercase().as_str(),
            text(source, &["scheme"]),
        ) {
            ("authorization", Some("Bearer")) => found = Some(None),
            ("" | "authorization", _) | (_, Some(_)) => {}
            (name, None) => found = found.or_else(|| Some(Some(name.to_owned()))),
        }
    }
    found.ok_or_else(|| UNREADABLE.to_owned())
}
