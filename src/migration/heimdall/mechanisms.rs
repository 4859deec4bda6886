//! What the ids of a pipeline stand for.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::doctor::field::{at, duration, items, text};
use crate::migration::Notes;
use crate::migration::formula::{Formula, Test};
use crate::migration::text::{is_quotable, literal};
use crate::migration::trust::{self, Keys, TrustEntry};
use crate::yaml::Tree;

/// By how many seconds clocks may differ unless it is told otherwise.
const LEEWAY_SECONDS: u64 = 10;

#[derive(Default)]
pub(super) struct Mechanisms {
    authenticators: BTreeMap<String, Authenticator>,
    /// The types of all others, by kind and id.
    others: BTreeMap<(&'static str, String), String>,
    names: BTreeSet<Rc<str>>,
}

pub(super) enum Authenticator {
    Anonymous,
    Unauthorized,
    Jwt {
        entry: TrustEntry,
        also: Formula,
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
            Authenticator::Jwt { entry, .. } => Some(entry.clone()),
            _ => None,
        })
        .collect()
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
        const KNOWN: [&str; 10] = [
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
        let nothing = Tree::Map(Vec::new());
        let config = tree.get("config").unwrap_or(&nothing);
        let assertions = config.get("assertions").unwrap_or(&nothing);
        for (tree, known) in [(config, &KNOWN[..]), (assertions, &ASSERTIONS[..])] {
            let mut keys = tree.entries().iter().map(|(key, _)| key.as_str());
            if let Some(key) = keys.find(|key| !known.contains(key)) {
                return Err(format!("`{key}` has no equal"));
            }
        }
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
        let token_header = source_of(items(config, &["jwt_source"]))?;
        let list = |name: &str| -> Result<Vec<&str>, String> {
            let list: Option<Vec<&str>> = match assertions.get(name) {
                None | Some(Tree::Null) => Some(Vec::new()),
                Some(Tree::List(list)) => list.iter().map(Tree::text).collect(),
                Some(_) => None,
            };
            let list = list.filter(|list| list.iter().all(|text| is_quotable(text)));
            list.ok_or_else(|| format!("`assertions.{name}` is not a list of texts"))
        };
        let audiences = list("audience")?;
        let each = |names: &[&str], of: &str| -> Vec<Formula> {
            let all = names.iter();
            all.map(|name| Formula::condition(format!("{} in {of}", literal(name))))
                .collect()
        };
        let mut also = each(&audiences, "token.aud");
        also.extend(each(&list("scopes")?, "token.scopes"));
        let leeway = assertions.get("validity_leeway").and_then(duration);
        let url = |key: &str| text(config, &[key, "url"]).or_else(|| at(config, &[key])?.text());
        let keys = match (url("jwks_endpoint"), url("metadata_endpoint")) {
            (Some(uri), _) => Keys::Uri(uri.to_owned()),
            (None, Some(_)) => Keys::Discovery,
            (None, None) => return Err("it says nowhere where the keys are".to_owned()),
        };
        Ok(Authenticator::Jwt {
            entry: TrustEntry {
                name: trust::name(id, &mut self.names),
                issuer: issuer.to_owned(),
                audiences: audiences
                    .iter()
                    .map(|&audience| audience.to_owned())
                    .collect(),
                keys,
                token_header,
                leeway_seconds: Some(match leeway {
                    Some(leeway) if leeway < 10.0 => 1,
                    _ => LEEWAY_SECONDS,
                }),
                max_lifetime_seconds: None,
            },
            also: Formula::All(also),
        })
    }
}

/// The header that tokens come in, if not `authorization`.
fn source_of(sources: &[Tree]) -> Result<Option<String>, String> {
    if sources.is_empty() {
        return Ok(None);
    }
    let mut bare = None;
    for source in sources {
        let header = text(source, &["header"])
            .unwrap_or_default()
            .to_ascii_lowercase();
        match (header.as_str(), text(source, &["scheme"])) {
            ("authorization", Some("Bearer")) => return Ok(None),
            ("" | "authorization", _) | (_, Some(_)) => {}
            (name, None) => bare = bare.or_else(|| Some(name.to_owned())),
        }
    }
    let found = bare.map(Some);
    found.ok_or_else(|| {
        "the gate reads tokens from `Authorization: Bearer`, or bare from one header".to_owned()
    })
}

impl Authenticator {
    /// What it takes to be let in by it.
    pub(super) fn formula(&self, is_first: bool) -> Formula {
        match self {
            Self::Anonymous if is_first => Formula::True,
            // The ones before it take requests with a token.
            Self::Anonymous => Formula::Test(Test::NoToken),
            Self::Unauthorized => Formula::False,
            Self::Jwt { entry, also } => Formula::All(vec![
                Formula::Test(Test::Issuer(Rc::clone(&entry.name))),
                also.clone(),
            ]),
            Self::Other(reason) => Formula::Unknown(reason.as_str().into()),
        }
    }
}
