//! The sentences of the issuer's own scopes in the language of the reader. The store has them in English, as the
//! first start wrote them; what somebody has written instead stays as it is.

use super::language::Language;
use crate::issuer::own::OWN_SCOPES;

const GERMAN: [(&str, &str); 8] = [
    ("backend.app", "Die Apps aller sehen und ändern"),
    (
        "backend.introspect",
        "Prüfen, ob Tokens von irgendwem gültig sind",
    ),
    ("backend.role", "Rollen sehen und ändern"),
    ("backend.scope", "Berechtigungen sehen und ändern"),
    ("backend.token", "Tokens von irgendwem widerrufen"),
    ("backend.user", "Benutzer sehen und ändern"),
    ("consumer.account", "Das eigene Konto sehen und ändern"),
    ("consumer.app", "Die eigenen Apps sehen und ändern"),
];

/// What a scope allows: `stored`, unless it is the issuer's own sentence and the reader has another language.
pub(in crate::issuer::http) fn sentence<'s>(
    language: Language,
    scope: &str,
    stored: &'s str,
) -> &'s str {
    let stored = stored.trim();
    let is_own = OWN_SCOPES.contains(&(scope, stored));
    match language {
        Language::German if is_own => {
            let german = GERMAN.iter().find(|(own, _)| *own == scope);
            german.map_or(stored, |(_, german)| *german)
        }
        Language::German | Language::English => stored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_own_scope_has_a_sentence_in_german() {
        for (scope, english) in OWN_SCOPES {
            assert_eq!(sentence(Language::English, scope, english), english);
            assert_ne!(sentence(Language::German, scope, english), english);
            // Somebody has written another one.
            assert_eq!(sentence(Language::German, scope, "Mine"), "Mine");
        }
        let other = sentence(Language::German, "orders.read", " Read orders ");
        assert_eq!(other, "Read orders");
    }
}
