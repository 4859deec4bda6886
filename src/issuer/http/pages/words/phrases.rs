//! Phrases that are made of words.

use super::Words;
use crate::policy::{Requirement, ScopeWords};

impl Words {
    /// What a route asks of its callers.
    pub(in crate::issuer::http::pages) fn needs(&self, requirement: &Requirement) -> String {
        match requirement {
            Requirement::Public => self.panel.needs_nothing.to_owned(),
            Requirement::Authenticated => self.panel.needs_token.to_owned(),
            Requirement::Nobody => self.panel.needs_nobody.to_owned(),
            Requirement::Scopes(scopes) => scopes.phrase(self.of_scopes()),
        }
    }

    /// That there are so many more than those that are named before it; empty where there are none.
    pub(in crate::issuer::http::pages) fn and_more(&self, count: usize) -> String {
        match count {
            0 => String::new(),
            _ => format!(" {} {count} {}", self.and, self.more),
        }
    }

    /// The words around the names of scopes.
    pub(in crate::issuer::http::pages) fn of_scopes(&self) -> ScopeWords {
        ScopeWords {
            and: self.and,
            one_of: self.one_of,
        }
    }
}
