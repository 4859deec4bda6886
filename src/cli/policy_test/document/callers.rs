//! Who makes the requests of a file of tests.

use serde_json::Map;

use super::{CallerDocument, CaseDocument, CaseReader, MAX_NAMED};
use crate::cli::rehearsal::{Caller, scopes_as_claims};
use crate::problem::{Place, closest, quoted};

impl CaseReader<'_> {
    pub(super) fn caller(&mut self, document: &CaseDocument, place: Place) -> Option<Caller> {
        let file = self.file;
        let own = CallerDocument {
            issuer: document.issuer.clone(),
            claims: document.claims.clone(),
            scopes: document.scopes.clone(),
        };
        let has_own = own.issuer.is_some() || own.claims.is_some() || own.scopes.is_some();
        let Some(name) = &document.caller else {
            return if has_own {
                self.claims_of(&own, place)
            } else {
                Some(Caller::AsInHeaders)
            };
        };
        if has_own {
            self.complain(
                "the test has both `as` and claims of its own",
                "remove one: `as` names one of `callers`",
                name.place(&file.source),
            );
            return None;
        }
        let callers = || file.document.callers.iter().flat_map(|entries| &entries.0);
        let found = callers().find(|(known, _)| known.value == name.value);
        if let Some((_, caller)) = found {
            return self.claims_of(caller, place);
        }
        let known = callers().map(|(known, _)| known.value.as_str());
        let help = match closest(&name.value, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "add `{}` to `callers`, with its claims or scopes",
                name.value
            ),
        };
        let message = format!("unknown caller {}", quoted(&name.value));
        self.complain(message, help, name.place(&file.source));
        None
    }

    fn claims_of(&mut self, document: &CallerDocument, place: Place) -> Option<Caller> {
        let wanted = document.issuer.as_ref();
        let mut issuers = self.grounds.issuers.iter();
        let rules = issuers.find(|rules| wanted.is_none_or(|name| *rules.name == *name.value));
        let Some(rules) = rules else {
            let known = self.grounds.issuers.iter().map(|rules| &*rules.name);
            let (name, place) = match wanted {
                Some(name) => (name.value.as_str(), name.place(&self.file.source)),
                None => ("", place),
            };
            let help = if let Some(near) = closest(name, known) {
                format!("did you mean `{near}`?")
            } else {
                let known = self.grounds.issuers.iter().take(MAX_NAMED);
                let known: Vec<String> = known.map(|rules| quoted(&rules.name)).collect();
                format!(
                    "write the name of an issuer of `trust`: {}",
                    known.join(", ")
                )
            };
            self.complain(format!("unknown issuer {}", quoted(name)), help, place);
            return None;
        };
        let mut claims = match &document.scopes {
            Some(scopes) => scopes_as_claims(rules, &scopes.value),
            None => Map::new(),
        };
        claims.extend(document.claims.clone().unwrap_or_default());
        Some(Caller::Claims {
            issuer: Some(rules.name.to_string()),
            claims,
        })
    }
}
