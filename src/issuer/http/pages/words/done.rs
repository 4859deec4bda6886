//! What pages say of what was just done.

words! {
    DoneWords {}

    email: "Your address has been changed.", "Deine Adresse ist geändert.";
    password: "Your password has been changed.", "Dein Passwort ist geändert.";
    reset:
        "The password has been set. Log in with it.",
        "Das Passwort ist gesetzt. Melde dich damit an.";
    passkey_made: "The passkey has been added.", "Der Passkey ist hinzugefügt.";
    passkey_deleted: "The passkey has been removed.", "Der Passkey ist entfernt.";
    secret_replaced: "The secret has been replaced.", "Das Geheimnis ist ersetzt.";
    user_changed: "The user has been changed.", "Der Benutzer ist geändert.";
    user_deleted: "The user has been deleted.", "Der Benutzer ist gelöscht.";
    role_changed: "The role has been changed.", "Die Rolle ist geändert.";
    role_made: "The role has been created.", "Die Rolle ist angelegt.";
    role_deleted: "The role has been deleted.", "Die Rolle ist gelöscht.";
    default_role: "New users get this role now.", "Neue Benutzer bekommen jetzt diese Rolle.";
    scope_changed: "The scope has been changed.", "Die Berechtigung ist geändert.";
    scope_made: "The scope has been created.", "Die Berechtigung ist angelegt.";
    scope_deleted: "The scope has been deleted.", "Die Berechtigung ist gelöscht.";
    access_ended: "The access has ended.", "Der Zugriff ist beendet.";
    all_access_ended: "All access has ended.", "Alle Zugriffe sind beendet.";
    sessions_ended: "That session has ended.", "Diese Sitzung ist beendet.";
    others_ended: "All other sessions have ended.", "Alle anderen Sitzungen sind beendet.";
    revoked:
        "The tokens have ended. Each gate refuses them as soon as it hears of it.",
        "Die Tokens sind beendet. Jedes Gate lehnt sie ab, sobald es davon erfährt.";
    keys_rotated: "The signing keys have been rotated.", "Die Signaturschlüssel sind gewechselt.";
    signed_up: "Your account is ready, and you are logged in.", "Dein Konto ist bereit, und du bist angemeldet.";
    logged_out: "You are logged out.", "Du bist abgemeldet.";
    app_changed: "The app has been changed.", "Die App ist geändert.";
    app_disabled: "The app has been disabled.", "Die App ist gesperrt.";
    app_enabled: "The app has been enabled.", "Die App ist wieder frei.";
    app_deleted: "The app has been deleted.", "Die App ist gelöscht.";
}
