//! What the pages about passkeys, recovery codes and forgotten passwords say.

use crate::issuer::http::pages::language::Language;

/// Declares a field of [`PasskeyWords`] for each key, with what it says in English and in German.
macro_rules! passkey_words {
    ($($key:ident: $english:literal, $german:literal;)+) => {
        /// What these pages say in one language.
        pub(in crate::issuer::http) struct PasskeyWords {
            $(pub(in crate::issuer::http) $key: &'static str,)+
        }

        static ENGLISH: PasskeyWords = PasskeyWords { $($key: $english,)+ };

        static GERMAN: PasskeyWords = PasskeyWords { $($key: $german,)+ };
    };
}

passkey_words! {
    passkeys: "Passkeys", "Passkeys";
    passkeys_lead:
        "A passkey is on your device or security key, and you use it with a finger, your face or a PIN. Once you have one, your password alone lets nobody in.",
        "Ein Passkey liegt auf deinem Gerät oder Sicherheitsschlüssel, und du benutzt ihn mit Finger, Gesicht oder PIN. Sobald du einen hast, lässt dein Passwort allein niemanden mehr herein.";
    passkeys_impossible:
        "Passkeys need a host name and https, and this site has an address without them.",
        "Passkeys brauchen einen Hostnamen und https, und die Adresse dieser Seite hat sie nicht.";
    none: "You have no passkey yet.", "Du hast noch keinen Passkey.";
    name: "Name", "Name";
    name_hint: "So that you know it again, such as Phone", "Damit du ihn wiedererkennst, zum Beispiel Handy";
    made: "Since", "Seit";
    used: "Last used", "Zuletzt benutzt";
    never: "never", "nie";
    add: "Add a passkey", "Passkey hinzufügen";
    add_text:
        "Your browser asks where to keep the passkey.",
        "Dein Browser fragt, wo der Passkey liegen soll.";
    add_button: "Create the passkey", "Passkey anlegen";
    remove: "Remove", "Entfernen";
    remove_title: "Remove the passkey", "Passkey entfernen:";
    remove_text:
        "Nobody can log in with it any more. You stay logged in.",
        "Niemand kann sich mehr damit anmelden. Du bleibst angemeldet.";
    remove_last_text:
        "It is your only one: without it the password alone lets you in, and your recovery codes end.",
        "Es ist dein einziger: Ohne ihn reicht wieder das Passwort allein, und deine Wiederherstellungscodes enden.";
    codes: "Recovery codes", "Wiederherstellungscodes";
    codes_lead:
        "A recovery code stands in for a passkey that is lost, once. Codes left:",
        "Ein Wiederherstellungscode ersetzt einmal einen verlorenen Passkey. Noch übrig:";
    codes_new: "Make new recovery codes", "Neue Wiederherstellungscodes";
    codes_new_text: "The earlier ones end.", "Die bisherigen enden.";
    codes_shown:
        "Keep these codes where you find them without your device. They are shown nowhere else, and each works once.",
        "Bewahre diese Codes so auf, dass du sie ohne dein Gerät findest. Sie stehen nirgends sonst, und jeder gilt einmal.";
    needs_script:
        "Passkeys need JavaScript, which your browser does not run here.",
        "Passkeys brauchen JavaScript, das dein Browser hier nicht ausführt.";
    step_title: "One more step", "Noch ein Schritt";
    step_text:
        "Your password is right. Now confirm with a passkey.",
        "Das Passwort stimmt. Bestätige jetzt mit einem Passkey.";
    step_button: "Use a passkey", "Passkey benutzen";
    step_refused:
        "That did not work: the passkey or code is unknown, wrong or used.",
        "Das hat nicht geklappt: Der Passkey oder Code ist unbekannt, falsch oder verbraucht.";
    prove_button: "Use a passkey instead", "Stattdessen Passkey benutzen";
    proof_refused:
        "That did not work: the passkey is unknown, did not check that it is you, or took too long. Try again, or type your password.",
        "Das hat nicht geklappt: Der Passkey ist unbekannt, hat nicht geprüft, dass du es bist, oder brauchte zu lange. Versuche es noch einmal, oder tippe dein Passwort.";
    code: "Recovery code", "Wiederherstellungscode";
    code_text: "Without your device, use a recovery code.", "Ohne dein Gerät hilft ein Wiederherstellungscode.";
    code_button: "Log in with the code", "Mit dem Code anmelden";
    lost:
        "Lost both? The operator of this site can remove your passkeys.",
        "Beides verloren? Der Betreiber dieser Seite kann deine Passkeys entfernen.";
    alone_title: "Log in with a passkey", "Mit Passkey anmelden";
    alone_button: "Log in with a passkey", "Mit Passkey anmelden";
    first_title: "You need a passkey", "Du brauchst einen Passkey";
    first_text:
        "Administrators of this site log in with a passkey. Create yours now; until then nothing is open to you.",
        "Administratoren dieser Seite melden sich mit einem Passkey an. Lege jetzt deinen an; bis dahin ist dir nichts zugänglich.";
    reset_title: "Choose a new password", "Neues Passwort wählen";
    reset_whose: "The password is that of", "Es ist das Passwort von";
    reset_text:
        "The link works once. You will be logged out everywhere, and your tokens end.",
        "Der Link gilt einmal. Du wirst überall abgemeldet, und deine Tokens enden.";
    link_gone_title: "This link no longer works", "Dieser Link gilt nicht mehr";
    link_gone:
        "A link for a password works once, within an hour, and a newer one ends it. Ask whoever sent it, or an administrator, for another one. If you still know your password, log in with it.",
        "Ein Link für das Passwort gilt einmal, innerhalb einer Stunde, und ein neuerer beendet ihn. Bitte den Absender oder einen Administrator um einen neuen. Kennst du dein Passwort noch, melde dich damit an.";
    reset_button: "Set the password", "Passwort setzen";
}

impl PasskeyWords {
    pub(in crate::issuer::http) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}
