//! Errors in the words of the reader. English is what every caller is told; German is written beside it.

use super::language::Language;
use crate::identity::{AppError, PasswordError, UserError};
use crate::issuer::directory::{DirectoryError, Thing};
use crate::issuer::endpoint_error::EndpointError;

/// Whether somebody can put it right in the form that it has sent.
pub(super) fn is_for_the_form(error: &DirectoryError) -> bool {
    match error {
        DirectoryError::NameTaken(_)
        | DirectoryError::Own(_)
        | DirectoryError::Reserved
        | DirectoryError::EverybodyAdministrator
        | DirectoryError::Beyond(_)
        | DirectoryError::BeyondOwner(_)
        | DirectoryError::CannotFollow
        | DirectoryError::UnknownScope(_)
        | DirectoryError::UnknownRole(_)
        | DirectoryError::NotHeld { .. }
        | DirectoryError::Scope(_)
        | DirectoryError::NotAddressable
        | DirectoryError::Description(_)
        | DirectoryError::User(_)
        | DirectoryError::App(_)
        | DirectoryError::Password(_)
        | DirectoryError::LastAdministrator
        | DirectoryError::DefaultRole
        | DirectoryError::ScopeInUse(_)
        | DirectoryError::TooManyApps
        | DirectoryError::TooManyRedirectUris => true,
        DirectoryError::NotFound(_)
        | DirectoryError::RoleExtended
        | DirectoryError::Follower
        | DirectoryError::ListAndOwner
        | DirectoryError::AllAndSome(_)
        | DirectoryError::Status(_)
        | DirectoryError::Changed
        | DirectoryError::Overlap
        | DirectoryError::SecretReplaced
        | DirectoryError::WhatToRevoke
        | DirectoryError::Id
        | DirectoryError::Hashing(_)
        | DirectoryError::Store(_)
        | DirectoryError::Cryptography(_) => false,
    }
}

/// An error as a sentence. What is internal goes to the log alone.
pub(super) fn message(language: Language, error: &EndpointError) -> String {
    let english = sentence(&error.description());
    let text = match language {
        Language::English => english,
        Language::German => german(error).unwrap_or(english),
    };
    let (opening, closing) = match language {
        Language::English => ('\u{201c}', '\u{201d}'),
        Language::German => ('\u{201e}', '\u{201c}'),
    };
    quoted(&text, opening, closing)
}

/// With the quotation marks of the language for backticks, which come in pairs.
fn quoted(text: &str, opening: char, closing: char) -> String {
    let mut quoted = String::new();
    for (position, part) in text.split('`').enumerate() {
        if position > 0 {
            quoted.push(if position % 2 == 1 { opening } else { closing });
        }
        quoted.push_str(part);
    }
    quoted
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let Some(first) = characters.next() else {
        return String::new();
    };
    let rest = characters.as_str();
    format!("{}{rest}.", first.to_uppercase())
}

/// None for what only a defect, or a form that was made by hand, brings about.
fn german(error: &EndpointError) -> Option<String> {
    let text = match error {
        EndpointError::Directory(error) => return of_directory(error),
        EndpointError::BadLogin => "Der Name oder das Passwort ist falsch.".to_owned(),
        EndpointError::WrongPassword => "Das bisherige Passwort ist falsch.".to_owned(),
        EndpointError::RegistrationClosed => {
            "Hier kann sich niemand selbst registrieren: Ein Administrator richtet das Konto ein."
                .to_owned()
        }
        EndpointError::NotFound => "Diese Seite gibt es nicht.".to_owned(),
        EndpointError::BodyTooLarge => "Das Formular ist zu lang.".to_owned(),
        EndpointError::BodyBroken => "Das Formular kam nicht vollständig an.".to_owned(),
        EndpointError::Throttled {
            retry_after_seconds,
        } => format!(
            "Zu viele Versuche: Bitte versuche es in {retry_after_seconds} Sekunden noch einmal."
        ),
        EndpointError::TimedOut | EndpointError::Hashing(_) | EndpointError::Store(_) => {
            "Das geht gerade nicht: Bitte versuche es gleich noch einmal.".to_owned()
        }
        _ => return None,
    };
    Some(text)
}

fn of_directory(error: &DirectoryError) -> Option<String> {
    let text = match error {
        DirectoryError::NotFound(thing) => not_found(*thing).to_owned(),
        DirectoryError::NameTaken(thing) => taken(*thing).to_owned(),
        DirectoryError::LastAdministrator => {
            "Danach gäbe es keinen Administrator mehr: Ein aktiver Benutzer mit allen `backend.*`-Berechtigungen \
             muss bleiben. Gib sie zuerst jemand anderem."
                .to_owned()
        }
        DirectoryError::Own(name) => {
            format!("`{name}` gehört zum System und kann weder umbenannt noch gelöscht werden.")
        }
        DirectoryError::Reserved => {
            "Namen mit `backend.` oder `consumer.` am Anfang sind vergeben: Bitte wähle einen anderen.".to_owned()
        }
        DirectoryError::DefaultRole => {
            "Diese Rolle bekommen neue Benutzer: Bestimme zuerst eine andere als Standard.".to_owned()
        }
        DirectoryError::EverybodyAdministrator => {
            "Die Rolle für neue Benutzer darf keine `backend.*`-Berechtigung haben: Alle bekämen sie.".to_owned()
        }
        DirectoryError::Beyond(scopes) => {
            format!("Das gibt oder nimmt Berechtigungen, die du selbst nicht hast: {scopes}.")
        }
        DirectoryError::BeyondOwner(scopes) => {
            format!("Eine App kann nicht mehr dürfen als ihr Besitzer. Es fehlen: {scopes}.")
        }
        DirectoryError::ScopeInUse(uses) => {
            format!("Die Berechtigung wird benutzt: {uses}. Bestätige, dass sie überall entfernt wird.")
        }
        DirectoryError::UnknownScope(name) => format!("Die Berechtigung `{name}` gibt es nicht."),
        DirectoryError::UnknownRole(name) => format!("Die Rolle `{name}` gibt es nicht."),
        DirectoryError::Scope(_) => {
            "Ein solcher Name hat 1 bis 128 Zeichen aus ASCII, ohne Leerzeichen, Komma, Anführungszeichen und \
             umgekehrten Schrägstrich."
                .to_owned()
        }
        DirectoryError::NotAddressable => {
            "Der Name wird Teil von Adressen: ohne `/`, `;` und `%`, und nicht `.` oder `..`.".to_owned()
        }
        DirectoryError::Description(_) => {
            "Eine Beschreibung ist eine Zeile mit höchstens 256 Zeichen.".to_owned()
        }
        DirectoryError::User(UserError::Username) => {
            "Ein Benutzername hat 3 bis 64 Buchstaben ohne Umlaute, Ziffern, `_`, `.` oder `-`.".to_owned()
        }
        DirectoryError::User(UserError::Email) => "Das ist keine E-Mail-Adresse.".to_owned(),
        DirectoryError::App(AppError::Name) => {
            "Der Name einer App hat 1 bis 64 Zeichen: Buchstaben und Ziffern, einzelne Leerzeichen dazwischen und `_-.,:+&'()/`.".to_owned()
        }
        DirectoryError::App(AppError::RedirectUri) => {
            "Eine Rückkehradresse beginnt mit `https://`, oder mit `http://` auf diesem Rechner, und hat weder \
             Benutzer noch Fragment, Leerzeichen oder andere Zeichen als ASCII."
                .to_owned()
        }
        DirectoryError::SecretReplaced => {
            "Das Geheimnis ist inzwischen schon ersetzt: Öffne die Seite noch einmal.".to_owned()
        }
        DirectoryError::Password(error) => password(*error).to_owned(),
        DirectoryError::TooManyApps => "Mehr als 16 Apps kann ein Benutzer nicht haben.".to_owned(),
        DirectoryError::TooManyRedirectUris => {
            "Mehr als 16 Rückkehradressen kann eine App nicht haben.".to_owned()
        }
        DirectoryError::Hashing(_) | DirectoryError::Store(_) | DirectoryError::Cryptography(_) => {
            "Das geht gerade nicht: Bitte versuche es gleich noch einmal.".to_owned()
        }
        DirectoryError::RoleExtended
        | DirectoryError::Follower
        | DirectoryError::CannotFollow
        | DirectoryError::ListAndOwner
        | DirectoryError::AllAndSome(_)
        | DirectoryError::NotHeld { .. }
        | DirectoryError::Status(_)
        | DirectoryError::Changed
        | DirectoryError::Overlap
        | DirectoryError::WhatToRevoke
        | DirectoryError::Id => return None,
    };
    Some(text)
}

fn not_found(thing: Thing) -> &'static str {
    match thing {
        Thing::User => "Diesen Benutzer gibt es nicht.",
        Thing::Role => "Diese Rolle gibt es nicht.",
        Thing::Scope => "Diese Berechtigung gibt es nicht.",
        Thing::App => "Diese App gibt es nicht.",
        Thing::Grant => "Diesen Zugriff gibt es nicht.",
    }
}

fn taken(thing: Thing) -> &'static str {
    match thing {
        Thing::User => "Der Benutzername oder die E-Mail-Adresse ist schon vergeben.",
        Thing::Role => "Eine andere Rolle heißt schon so.",
        Thing::Scope => "Eine andere Berechtigung heißt schon so.",
        Thing::App => "Eine andere deiner Apps heißt schon so.",
        Thing::Grant => "Die Kennung ist schon vergeben.",
    }
}

fn password(error: PasswordError) -> &'static str {
    match error {
        PasswordError::TooShort => "Das Passwort ist zu kurz: mindestens 8 Zeichen.",
        PasswordError::TooLong => "Das Passwort ist zu lang: höchstens 128 Zeichen.",
        PasswordError::Control => "Das Passwort enthält ein Steuerzeichen.",
        PasswordError::Guessable => "Dieses Passwort ist zu verbreitet: Bitte wähle ein anderes.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sentences_of_the_language() {
        let error = || EndpointError::from(DirectoryError::NameTaken(Thing::User));
        let english = "The username or the e-mail address is already taken.";
        assert_eq!(message(Language::English, &error()), english);
        let german = "Der Benutzername oder die E-Mail-Adresse ist schon vergeben.";
        assert_eq!(message(Language::German, &error()), german);
        let error = EndpointError::from(DirectoryError::UnknownRole("a".to_owned()));
        let english = "There is no role \u{201c}a\u{201d}.";
        assert_eq!(message(Language::English, &error), english);
        let german = "Die Rolle \u{201e}a\u{201c} gibt es nicht.";
        assert_eq!(message(Language::German, &error), german);
    }
}
