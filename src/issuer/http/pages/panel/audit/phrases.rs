//! What the audit has kept, in the words of the reader. It is kept in English, whoever did it; what has no German
//! here, such as what a later release has kept, stays as it is.

use std::borrow::Cow;

use crate::issuer::http::pages::language::Language;

/// What is done, as it is kept and in German.
pub(super) const ACTIONS: [(&str, &str); 17] = [
    ("added", "angelegt"),
    ("backed up", "gesichert"),
    ("changed", "geändert"),
    ("deleted", "gelöscht"),
    ("emptied", "geleert"),
    ("link for a password made", "Link für ein Passwort gemacht"),
    ("made the default role", "zur Standardrolle gemacht"),
    ("passkey added", "Passkey hinzugefügt"),
    ("passkey removed", "Passkey entfernt"),
    ("passkeys removed", "Passkeys entfernt"),
    ("password replaced", "Passwort ersetzt"),
    (
        "password replaced by a link",
        "Passwort über einen Link ersetzt",
    ),
    ("recovery code used", "Wiederherstellungscode benutzt"),
    ("recovery codes replaced", "Wiederherstellungscodes ersetzt"),
    ("registered", "registriert"),
    ("revoked", "widerrufen"),
    ("secret replaced", "Geheimnis ersetzt"),
];

/// Of what it is done.
pub(super) const KINDS: [(&str, &str); 10] = [
    ("user", "Benutzer"),
    ("role", "Rolle"),
    ("scope", "Berechtigung"),
    ("app", "App"),
    ("key", "Signaturschlüssel"),
    ("grant", "Zugriff"),
    ("token", "Token"),
    ("owner", "Apps des Benutzers"),
    ("everyone", "alle"),
    ("store", "Speicher"),
];

/// What has changed: whole phrases.
const PHRASES: [(&str, &str); 15] = [
    ("username", "Benutzername"),
    ("email", "E-Mail-Adresse"),
    ("name", "Name"),
    ("description", "Beschreibung"),
    ("link", "Link"),
    ("redirect_uris", "Rückkehradressen"),
    ("status active", "Status aktiv"),
    ("status disabled", "Status gesperrt"),
    ("no roles", "keine Rollen"),
    ("no scopes", "keine Berechtigungen"),
    ("follows its owner", "folgt ihrem Besitzer"),
    (
        "with a link for the password",
        "mit einem Link für das Passwort",
    ),
    ("signs after the present key", "signiert nach dem jetzigen"),
    ("signs at once", "signiert sofort"),
    (
        "all other keys are withdrawn",
        "alle anderen Schlüssel sind zurückgezogen",
    ),
];

/// The same before names and numbers.
const BEGINNINGS: [(&str, &str); 13] = [
    ("added roles ", "Rollen dazu: "),
    ("removed roles ", "Rollen weg: "),
    ("roles ", "Rollen: "),
    ("added scopes ", "Berechtigungen dazu: "),
    ("removed scopes ", "Berechtigungen weg: "),
    ("scopes ", "Berechtigungen: "),
    ("name ", "Name: "),
    ("users ", "Benutzer: "),
    ("apps ", "Apps: "),
    ("grants ", "Zugriffe: "),
    ("sessions ", "Sitzungen: "),
    ("taken from ", "genommen von: "),
    ("the one before holds for ", "das vorige gilt noch "),
];

/// What is within such lists.
const WITHIN: [(&str, &str); 3] = [
    ("role `", "Rolle `"),
    ("more roles", "weitere Rollen"),
    (" seconds", " Sekunden"),
];

pub(super) fn action(language: Language, kept: &str) -> &str {
    of_table(language, &ACTIONS, kept)
}

pub(super) fn kind(language: Language, kept: &str) -> &str {
    of_table(language, &KINDS, kept)
}

pub(super) fn change(language: Language, kept: &str) -> Cow<'_, str> {
    match language {
        Language::English => kept.into(),
        Language::German => {
            let phrases: Vec<String> = kept.split("; ").map(in_german).collect();
            phrases.join("; ").into()
        }
    }
}

fn of_table<'k>(language: Language, table: &[(&str, &'static str)], kept: &'k str) -> &'k str {
    match language {
        Language::English => kept,
        Language::German => {
            let found = table.iter().find(|(english, _)| *english == kept);
            found.map_or(kept, |(_, german)| *german)
        }
    }
}

fn in_german(phrase: &str) -> String {
    if let Some((_, german)) = PHRASES.iter().find(|(english, _)| *english == phrase) {
        return (*german).to_owned();
    }
    let mut beginnings = BEGINNINGS.iter();
    let found = beginnings.find_map(|(english, german)| {
        let rest = phrase.strip_prefix(english)?;
        Some((*german, rest))
    });
    let Some((german, rest)) = found else {
        return phrase.to_owned();
    };
    let within = |text: String, (english, german): &(&str, &str)| text.replace(english, german);
    format!("{german}{}", WITHIN.iter().fold(rest.to_owned(), within))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_told_in_german() {
        for (kept, expected) in [
            ("", ""),
            (
                "added roles clerk; status disabled",
                "Rollen dazu: clerk; Status gesperrt",
            ),
            (
                "follows its owner; scopes orders.read",
                "folgt ihrem Besitzer; Berechtigungen: orders.read",
            ),
            ("name clerk; users 3", "Name: clerk; Benutzer: 3"),
            (
                "taken from role `clerk`, 995 more roles, 3 apps",
                "genommen von: Rolle `clerk`, 995 weitere Rollen, 3 apps",
            ),
            (
                "the one before holds for 60 seconds",
                "das vorige gilt noch 60 Sekunden",
            ),
            (
                "signs at once; all other keys are withdrawn",
                "signiert sofort; alle anderen Schlüssel sind zurückgezogen",
            ),
            (
                "roles consumer; with a link for the password",
                "Rollen: consumer; mit einem Link für das Passwort",
            ),
            ("painted green", "painted green"),
        ] {
            assert_eq!(change(Language::German, kept), expected);
            assert_eq!(change(Language::English, kept), kept);
        }
        assert_eq!(ACTIONS.map(|(kept, _)| kept), crate::store::AUDIT_ACTIONS);
        assert_eq!(KINDS.map(|(kept, _)| kept), crate::store::AUDIT_KINDS);
        assert_eq!(action(Language::German, "revoked"), "widerrufen");
        assert_eq!(action(Language::German, "painted"), "painted");
        assert_eq!(kind(Language::German, "key"), "Signaturschlüssel");
        assert_eq!(kind(Language::English, "key"), "key");
    }
}
