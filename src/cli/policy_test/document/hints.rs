//! What may be misspelt in a test that fails. A test may mean it, so that it is no mistake by itself.

use super::CaseDocument;
use crate::problem::quoted;

impl CaseDocument {
    /// Of a method that is not written in upper case.
    pub(super) fn hints(&self) -> Vec<String> {
        let method = self.request.value.split_once(' ');
        let method = method.map(|(method, _)| method);
        let lower = method.filter(|method| method.bytes().any(|byte| byte.is_ascii_lowercase()));
        let hint = lower.map(|method| {
            let upper = method.to_ascii_uppercase();
            format!("methods are upper case: did you mean {}?", quoted(&upper))
        });
        hint.into_iter().collect()
    }
}
