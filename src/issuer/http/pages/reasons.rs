//! Why the gate refuses a request whoever sends it, and why somebody gets no token, in the words of the reader.
//! English is what the error itself says; German is written beside it.

use crate::identity::{GrantError, NoScopeError};
use crate::issuer::http::pages::language::Language;
use crate::issuer::http::pages::messages::in_quotes;
use crate::policy::TargetError;

/// Which rule a request breaks.
pub(in crate::issuer::http::pages) fn of_target(language: Language, rule: TargetError) -> String {
    match language {
        Language::English => in_quotes(language, &rule.to_string()),
        Language::German => in_quotes(language, target_in_german(rule)),
    }
}

/// Why there is no token for the API.
pub(in crate::issuer::http::pages) fn of_grant(language: Language, reason: GrantError) -> String {
    match (language, reason) {
        (Language::English, _) => in_quotes(language, &reason.to_string()),
        (Language::German, _) => in_quotes(language, grant_in_german(reason)),
    }
}

fn target_in_german(rule: TargetError) -> &'static str {
    match rule {
        TargetError::PathNotOriginForm => "der Pfad beginnt nicht mit einem Schrägstrich",
        TargetError::PathTooLong => "der Pfad ist zu lang",
        TargetError::PathControl => "der Pfad enthält ein Steuerzeichen oder ein Leerzeichen",
        TargetError::PathBackslash => "der Pfad enthält einen umgekehrten Schrägstrich",
        TargetError::PathFragment => "der Pfad enthält ein Fragment",
        TargetError::PathEmptySegment => "der Pfad enthält einen leeren Abschnitt",
        TargetError::PathDotSegment => "der Pfad enthält einen Abschnitt aus Punkten",
        TargetError::PathEncodedDot => "der Pfad enthält einen kodierten Punkt",
        TargetError::PathEncodedSlash => "der Pfad enthält einen kodierten Schrägstrich",
        TargetError::PathEncodedDelimiter => "der Pfad enthält ein kodiertes `?` oder `#`",
        TargetError::PathParameter => "der Pfad enthält einen Parameter",
        TargetError::PathBareVerb => {
            "der Pfad endet auf `/:text`, was manche Server als Verb des Pfads davor lesen"
        }
        TargetError::PathUncertainCase => {
            "der Pfad enthält ein Zeichen, das Server verschieden vergleichen, wenn Groß- und Kleinschreibung \
             nicht zählt"
        }
        TargetError::PathBadPercent => {
            "der Pfad ist ungültig kodiert: Auf `%` folgen nicht zwei Hexziffern"
        }
        TargetError::PathDoubleEncoding => "der Pfad ist doppelt kodiert",
        TargetError::PathNotUtf8 => "der Pfad ist kein UTF-8",
        TargetError::PathTooAmbiguous => "der Pfad lässt sich auf zu viele Arten lesen",
        TargetError::GrpcPath => "der Pfad eines gRPC-Aufrufs endet nicht auf `/service/method`",
        TargetError::HostTooLong => "der Host ist zu lang",
        TargetError::HostCharacter => "der Host enthält ein ungültiges Zeichen",
        TargetError::HostEmptyLabel => "der Host enthält einen leeren Namensteil",
        TargetError::HostAddress => "der Host ist keine gültige Adresse",
        TargetError::HostPort => "der Port ist keine Zahl von 0 bis 65535",
        TargetError::MethodNotToken => "die Methode ist kein gültiges Wort",
        TargetError::MethodExtended => "die Methode beginnt mit dem Namen einer anderen",
    }
}

fn grant_in_german(reason: GrantError) -> &'static str {
    match reason {
        GrantError::UserDeleted => "der Benutzer ist gelöscht",
        GrantError::UserDisabled => "der Benutzer ist gesperrt",
        GrantError::AppDeleted => "die App ist gelöscht",
        GrantError::AppDisabled => "die App ist gesperrt",
        GrantError::OwnerDisabled => "der Besitzer der App ist gesperrt",
        GrantError::Revoked => "es ist mit seinem Benutzer oder seiner App widerrufen",
        GrantError::NothingLeft(reason) => match reason {
            NoScopeError::User => {
                "der Benutzer hat keine Berechtigung: Gib ihm eine Rolle, die welche hat, oder gib einer seiner \
                 Rollen welche"
            }
            NoScopeError::Owner => {
                "der Besitzer der App hat keine Berechtigung: Gib einer seiner Rollen welche"
            }
            NoScopeError::UserWithoutPasskey => {
                "der Benutzer braucht zuerst einen Passkey: Er meldet sich unter `/portal` an"
            }
            NoScopeError::OwnerWithoutPasskey => {
                "der Besitzer braucht zuerst einen Passkey: Er meldet sich unter `/portal` an"
            }
            NoScopeError::App => {
                "die App hat keine Berechtigung, die auch ihr Benutzer hat: Gib der App welche oder, wenn sie ihrem \
                 Besitzer folgt, einer seiner Rollen"
            }
            NoScopeError::Elsewhere => {
                "Berechtigungen mit `consumer.` oder `backend.` am Anfang gelten nur in Tokens für diese Seite selbst"
            }
            NoScopeError::NoneOfApi => {
                "es gibt keine Berechtigung für eine API, nur solche mit `consumer.` oder `backend.` am Anfang: Gib \
                 den Rollen des Benutzers andere und, wenn die App eine eigene Liste hat, auch der App"
            }
            NoScopeError::NoApi => {
                "diese Seite stellt keine Tokens für eine API aus: Trag die Audience der API in `issuer.audiences` ein"
            }
            NoScopeError::Requested => "Benutzer und App haben keine der verlangten Berechtigungen",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Label;

    /// A reason that somebody forgets to write in German would be the English one.
    #[test]
    fn every_reason_is_written_in_both_languages() {
        let grants = [
            GrantError::UserDeleted,
            GrantError::UserDisabled,
            GrantError::AppDeleted,
            GrantError::AppDisabled,
            GrantError::OwnerDisabled,
            GrantError::Revoked,
            GrantError::NothingLeft(NoScopeError::User),
            GrantError::NothingLeft(NoScopeError::Owner),
            GrantError::NothingLeft(NoScopeError::UserWithoutPasskey),
            GrantError::NothingLeft(NoScopeError::OwnerWithoutPasskey),
            GrantError::NothingLeft(NoScopeError::App),
            GrantError::NothingLeft(NoScopeError::Elsewhere),
            GrantError::NothingLeft(NoScopeError::NoneOfApi),
            GrantError::NothingLeft(NoScopeError::NoApi),
            GrantError::NothingLeft(NoScopeError::Requested),
        ];
        let targets = TargetError::ALL.iter().map(|rule| {
            [Language::English, Language::German].map(|language| of_target(language, *rule))
        });
        let grants = grants.map(|reason| {
            [Language::English, Language::German].map(|language| of_grant(language, reason))
        });
        let mut seen = std::collections::BTreeSet::new();
        for texts in targets.chain(grants) {
            for text in texts {
                assert!(!text.contains('`') && !text.ends_with('.'), "{text}");
                assert!(seen.insert(text.clone()), "twice: {text}");
            }
        }
    }
}
