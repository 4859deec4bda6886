//! What a form is for that waits for a proof, by the path that it is sent to, and the page to go back to instead.

use super::language::Language;
use crate::coding::percent_decoded_text;
use crate::issuer::http::text::Text;

/// What a form is for.
pub(super) struct Purpose {
    /// The beginning of a sentence; empty where it is not known.
    pub(super) text: Text<'static>,
    /// A page of ours.
    pub(super) cancel: String,
}

/// In English and in German; `{}` is the name of what it is done to.
type Phrase = [&'static str; 2];

impl Purpose {
    /// Of a form that is sent to this path of ours.
    pub(super) fn of(language: Language, path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let Some((phrase, name, kept)) = purpose(&parts) else {
            return Self {
                text: Text::of(""),
                cancel: "/".to_owned(),
            };
        };
        let [english, german] = phrase;
        let phrase = match language {
            Language::English => english,
            Language::German => german,
        };
        let name = percent_decoded_text(name.as_bytes());
        let text = phrase.replace("{}", &String::from_utf8_lossy(&name));
        let kept = parts.get(..kept).unwrap_or_default();
        Self {
            text: Text::of(text),
            cancel: format!("/{}", kept.join("/")),
        }
    }
}

/// The phrase for a path, the name in it as the path has it, and how many parts of the path the page to go back to
/// keeps.
fn purpose<'p>(parts: &[&'p str]) -> Option<(Phrase, &'p str, usize)> {
    let found = match *parts {
        ["portal", "apps", "new"] => (["To create an app", "Um eine App anzulegen"], "", 2),
        ["portal", "apps", key, "rotate"] => (
            [
                "To replace the secret of the app {}",
                "Um das Geheimnis der App {} zu ersetzen",
            ],
            key,
            3,
        ),
        ["portal" | "panel", "apps", key, ..] => {
            (["To change the app {}", "Um die App {} zu ändern"], key, 3)
        }
        ["portal", "passkeys", "new" | "add"] => {
            (["To add a passkey", "Um einen Passkey hinzuzufügen"], "", 2)
        }
        ["portal", "passkeys", "codes"] => (
            [
                "To make new recovery codes",
                "Um neue Wiederherstellungscodes anzulegen",
            ],
            "",
            2,
        ),
        ["portal", "passkeys", _, "remove"] => (
            ["To remove a passkey", "Um einen Passkey zu entfernen"],
            "",
            2,
        ),
        ["portal", "try"] => (
            [
                "To send a call in your own name",
                "Um einen Aufruf in deinem Namen zu senden",
            ],
            "",
            2,
        ),
        ["panel", "new-user"] => (["To create a user", "Um einen Benutzer anzulegen"], "", 2),
        ["panel", "users", name] => (
            [
                "To change the roles of {}",
                "Um die Rollen von {} zu ändern",
            ],
            name,
            3,
        ),
        ["panel", "users", name, "status"] => (
            [
                "To disable or enable {}",
                "Um {} zu sperren oder freizugeben",
            ],
            name,
            3,
        ),
        ["panel", "users", name, "password"] => (
            [
                "To reset the password of {}",
                "Um das Passwort von {} zurückzusetzen",
            ],
            name,
            3,
        ),
        ["panel", "roles", name] => (
            ["To change the role {}", "Um die Rolle {} zu ändern"],
            name,
            3,
        ),
        ["panel", "roles", name, "default"] => (
            [
                "To make {} the default role",
                "Um {} zur Standardrolle zu machen",
            ],
            name,
            3,
        ),
        ["panel", "keys", "rotate"] => (
            [
                "To rotate the signing keys",
                "Um die Signaturschlüssel zu wechseln",
            ],
            "",
            2,
        ),
        _ => return None,
    };
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_says_for_what_it_is_and_leads_back_to_a_page_of_ours() {
        use Language::{English, German};
        for (language, path, text, cancel) in [
            (
                English,
                "/panel/users/bob/password",
                "To reset the password of bob",
                "/panel/users/bob",
            ),
            (
                German,
                "/panel/roles/a%2Eb",
                "Um die Rolle a.b zu ändern",
                "/panel/roles/a%2Eb",
            ),
            (
                English,
                "/portal/passkeys/new",
                "To add a passkey",
                "/portal/passkeys",
            ),
            (
                English,
                "/panel/new-user",
                "To create a user",
                "/panel/new-user",
            ),
            (English, "//evil.example/apps/x", "", "/"),
            (English, "/somewhere/else", "", "/"),
        ] {
            let purpose = Purpose::of(language, path);
            assert_eq!(purpose.text.to_string(), text, "{path}");
            assert_eq!(purpose.cancel, cancel, "{path}");
        }
    }
}
