//! What users and apps were called that a change has deleted, for the entries of the audit that come after.

use std::collections::HashMap;

/// By their ids and keys: as written, and in lower case.
#[derive(Default)]
pub(super) struct GoneNames(HashMap<String, (String, String)>);

impl GoneNames {
    pub(super) fn keep(&mut self, id: &str, names: (String, String)) {
        self.0.insert(id.to_owned(), names);
    }

    pub(super) fn of(&self, id: &str) -> Option<(String, String)> {
        self.0.get(id).cloned()
    }
}
