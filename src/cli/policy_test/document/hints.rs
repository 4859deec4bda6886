//! What may be misspelt in a test that fails. A test may mean it: a scope that no route asks for, a method in
//! lower case. So that it is no mistake by itself.

use super::{CaseDocument, TestFile};
use crate::decision::DenialKind;
use crate::labels::Label;
use crate::policy::Policy;
use crate::problem::{closest, quoted};

impl TestFile {
    pub(super) fn hints(&self, document: &CaseDocument, policy: &Policy) -> Vec<String> {
        let method = document
            .request
            .value
            .split_once(' ')
            .map(|(method, _)| method);
        let lower = method.filter(|method| method.bytes().any(|byte| byte.is_ascii_lowercase()));
        let mut hints: Vec<String> = lower
            .map(|method| {
                let upper = method.to_ascii_uppercase();
                format!("methods are upper case: did you mean {}?", quoted(&upper))
            })
            .into_iter()
            .collect();
        let kinds = DenialKind::ALL.iter().map(|kind| kind.label());
        if let Some(reason) = &document.reason
            && !kinds.clone().any(|known| known == reason)
            && let Some(near) = closest(reason, kinds)
        {
            hints.push(format!(
                "unknown reason {}: did you mean `{near}`?",
                quoted(reason)
            ));
        }
        let known = || policy.scopes().map(|(name, _)| name);
        for scope in self.scopes_of(document) {
            if !known().any(|name| name == scope)
                && let Some(near) = closest(scope, known())
            {
                hints.push(format!(
                    "the scope {} is not in the catalogue: did you mean `{near}`?",
                    quoted(scope)
                ));
            }
        }
        hints
    }

    /// The scopes that the test says its caller has.
    fn scopes_of<'t>(&'t self, document: &'t CaseDocument) -> impl Iterator<Item = &'t str> {
        let own = document.scopes.as_ref();
        let callers = self.document.callers.iter().flat_map(|entries| &entries.0);
        let named = callers.filter(|(name, _)| {
            let caller = document.caller.as_ref();
            caller.is_some_and(|caller| caller.value == name.value)
        });
        let named = named.filter_map(|(_, caller)| caller.scopes.as_ref());
        own.into_iter()
            .chain(named)
            .flat_map(|scopes| scopes.value.split_whitespace())
    }
}
