//! What the pages say of log-ins and of attempts to log in.

words! {
    SignInWords {}

    title: "Log-ins", "Anmeldungen";
    lead:
        "When somebody has logged in as you or tried to, the latest first. What is alike within a day is one line.",
        "Wann sich jemand als du angemeldet oder es versucht hat, das Neueste zuerst. Was sich an einem Tag gleicht, steht in einer Zeile.";
    earlier: "Last log-in:", "Letzte Anmeldung:";
    earlier_from: "from", "von";
    all: "All log-ins", "Alle Anmeldungen";
    unknown:
        "If a log-in is not yours, change your password and log out all other sessions. Failed attempts alone are no reason for it.",
        "Ist eine Anmeldung nicht von dir, ändere dein Passwort und melde alle anderen Sitzungen ab. Fehlversuche allein sind kein Grund dafür.";
    none: "None is known.", "Es ist keine bekannt.";
    when: "When", "Wann";
    outcome: "Outcome", "Ausgang";
    by: "By", "Womit";
    at: "At", "Wo";
    from: "From", "Von";
    times: "times", "Mal";
    succeeded: "logged in", "angemeldet";
    password_set: "password set", "Passwort gesetzt";
    second_factor_missing: "right password, passkey asked for", "Passwort richtig, Passkey verlangt";
    failed: "refused", "abgelehnt";
    password: "password", "Passwort";
    passkey: "passkey", "Passkey";
    recovery_code: "recovery code", "Wiederherstellungscode";
    link: "link of an administrator", "Link eines Administrators";
    at_portal: "this site", "auf dieser Seite";
    at_authorize: "this site, for an app", "auf dieser Seite, für eine App";
    at_login: "a program, /consumer/login", "ein Programm, /consumer/login";
    at_token: "a program, /authorization/token", "ein Programm, /authorization/token";
    at_account: "confirming a change", "Bestätigung einer Änderung";
    many_addresses: "several addresses", "mehrere Adressen";
}
