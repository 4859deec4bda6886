//! What the pages say, each in both languages.

pub(super) mod passkey;

/// Declares a type with a field for each part and each key, with what it says in English and in German.
macro_rules! words {
    (
        $words:ident { $($part:ident: $type:ty = $in_english:expr, $in_german:expr;)* }
        $($key:ident: $english:literal, $german:literal;)+
    ) => {
        /// What pages say in one language.
        pub(in crate::issuer::http) struct $words {
            $(pub(in crate::issuer::http) $part: &'static $type,)*
            $(pub(in crate::issuer::http) $key: &'static str,)+
        }

        pub(in crate::issuer::http::pages) static ENGLISH: $words =
            $words { $($part: $in_english,)* $($key: $english,)+ };

        pub(in crate::issuer::http::pages) static GERMAN: $words =
            $words { $($part: $in_german,)* $($key: $german,)+ };
    };
}

// After the macro, which it uses.
mod audit;
mod components;
mod done;
mod panel;
mod phrases;
mod sign_ins;
mod trial;

pub(in crate::issuer::http) use audit::AuditWords;
pub(in crate::issuer::http) use components::ComponentWords;
pub(in crate::issuer::http) use done::DoneWords;
pub(in crate::issuer::http) use panel::PanelWords;
pub(in crate::issuer::http) use sign_ins::SignInWords;
pub(in crate::issuer::http) use trial::TrialWords;

words! {
    Words {
        components: ComponentWords = &components::ENGLISH, &components::GERMAN;
        done: DoneWords = &done::ENGLISH, &done::GERMAN;
        panel: PanelWords = &panel::ENGLISH, &panel::GERMAN;
        sign_ins: SignInWords = &sign_ins::ENGLISH, &sign_ins::GERMAN;
        audit: AuditWords = &audit::ENGLISH, &audit::GERMAN;
        trial: TrialWords = &trial::ENGLISH, &trial::GERMAN;
    }

    // Around each page.
    skip: "Skip to content", "Zum Inhalt springen";
    language: "Language", "Sprache";
    menu: "Pages", "Seiten";
    menu_apps: "My apps", "Meine Apps";
    log_in: "Log in", "Anmelden";
    log_out: "Log out", "Abmelden";
    sign_up: "Sign up", "Registrieren";
    error: "Error: ", "Fehler: ";
    cancel: "Cancel", "Abbrechen";
    back_to_start: "Back to the start page", "Zur Startseite";

    // The start page.
    start_title: "Access to the API", "Zugang zur API";
    start_lead:
        "Get a key for your program, and call the API with it.",
        "Hol dir einen Schlüssel für dein Programm und rufe damit die API auf.";
    start_how: "Three steps", "In drei Schritten";
    start_first: "Sign up: a name, an address and a password.", "Registrieren: Name, Adresse und Passwort.";
    start_second:
        "Create an app: it gets a key and a secret of its own.",
        "Eine App anlegen: Sie bekommt einen eigenen Schlüssel und ein Geheimnis.";
    start_third:
        "Get a token with them and call the API. The commands are shown with your own values.",
        "Damit ein Token holen und die API aufrufen. Die Befehle enthalten schon deine Werte.";
    start_closed:
        "Registration is closed: ask an administrator for an account.",
        "Hier kann sich niemand selbst registrieren: Ein Administrator richtet das Konto ein.";
    start_welcome: "What next?", "Wie weiter?";
    start_make:
        "Create an app for your program. You get its secret, and the commands for a first call.",
        "Lege für dein Programm eine App an. Du bekommst ihr Geheimnis und die Befehle für den ersten Aufruf.";
    start_all_apps: "All apps", "Alle Apps";
    start_token: "Three steps to a token", "In drei Schritten zum Token";
    start_has_key: "Your app is called", "Deine App heißt";
    start_its_key: "Its key is", "Ihr Schlüssel ist";
    start_no_apps:
        "Your account cannot have apps. An administrator can give you a role with the scope consumer.app.",
        "Dein Konto kann keine Apps haben. Ein Administrator kann dir eine Rolle mit der Berechtigung consumer.app geben.";
    start_panel:
        "Users, roles, apps and gates, and what needs attention.",
        "Benutzer, Rollen, Apps und Gates – und was zu erledigen ist.";
    start_administrator:
        "You are here as an administrator. Your account has no apps of its own: none of your roles has the scope consumer.app.",
        "Du bist als Administrator hier. Eigene Apps hat dein Konto nicht: Keine deiner Rollen hat die Berechtigung consumer.app.";

    // Sign up, log in.
    username: "Username", "Benutzername";
    username_hint: "3 to 64 letters, digits, _ . or -", "3 bis 64 Buchstaben ohne Umlaute, Ziffern, _ . oder -";
    name_or_email: "Username or e-mail address", "Benutzername oder E-Mail-Adresse";
    email: "E-mail address", "E-Mail-Adresse";
    password: "Password", "Passwort";
    password_hint: "At least 8 characters", "Mindestens 8 Zeichen";
    have_account: "Already have an account?", "Schon ein Konto?";
    need_account: "No account yet?", "Noch kein Konto?";
    sign_up_and_return:
        "You come back to the app afterwards.",
        "Danach geht es zurück zur App.";
    login_forgotten:
        "Forgot your password? This site sends no e-mail: ask an administrator for a link. Lost passkeys are removed by the operator.",
        "Passwort vergessen? Diese Seite verschickt keine E-Mails: Bitte einen Administrator um einen Link. Verlorene Passkeys entfernt der Betreiber.";

    // What an app asks for.
    log_in_to: "to continue to", "um fortzufahren mit";
    consent_title: "Allow access", "Zugriff erlauben";
    consent_allow: "Allow", "Darf";
    consent_act: "to act for you?", "in deinem Namen handeln?";
    consent_app: "The application", "Die Anwendung";
    consent_owner: "of the user", "des Benutzers";
    consent_asks: "asks for:", "bittet um:";
    consent_back: "You will go back to", "Danach geht es zurück zu";
    allow: "Allow", "Erlauben";
    deny: "Deny", "Ablehnen";
    logged_in_as: "You are logged in as", "Du bist angemeldet als";
    fault: "Error", "Fehler";
    unanswerable_title: "This request cannot be answered", "Diese Anfrage lässt sich nicht beantworten";
    unanswerable:
        "An application sent you here with an invalid request:",
        "Eine Anwendung hat dich mit einer ungültigen Anfrage hergeschickt:";
    unanswerable_next:
        "Go back to the application and try again. If it happens again, tell whoever runs it.",
        "Geh zurück zur Anwendung und versuche es noch einmal. Geschieht es wieder, sag es ihren Betreibern.";
    damaged:
        "The form is damaged. Go back to the application and try again.",
        "Das Formular ist beschädigt. Geh zurück zur Anwendung und versuche es noch einmal.";
    try_again_there:
        "Go back to the application and try again.",
        "Geh zurück zur Anwendung und versuche es noch einmal.";
    not_now:
        "The request could not be answered. Try again in a moment.",
        "Die Anfrage ließ sich nicht beantworten. Versuche es gleich noch einmal.";

    // The password once more.
    proof_title: "Confirm that it is you", "Bestätige, dass du es bist";
    proof_text:
        "This has effects beyond this session, so it takes another proof that it is you.",
        "Das wirkt über diese Sitzung hinaus. Darum muss noch einmal klar sein, dass du es bist.";
    proof_wrong: "The password is wrong.", "Das Passwort ist falsch.";
    proof_button: "Confirm", "Bestätigen";

    // Refusals.
    out_of_date_title: "This page is out of date", "Diese Seite ist veraltet";
    out_of_date:
        "It belongs to another login, or the browser keeps no cookies for this site. Nothing has been done.",
        "Sie gehört zu einer anderen Anmeldung, oder der Browser behält keine Cookies. Es ist nichts geschehen.";
    logged_out_title: "You are logged out", "Du bist abgemeldet";
    logged_out:
        "The session has ended. Nothing has been done: log in and try again.",
        "Die Sitzung ist zu Ende. Es ist nichts geschehen: Melde dich an und versuche es noch einmal.";
    lacking_title: "You do not have access to this page", "Du hast keinen Zugang zu dieser Seite";
    lacking:
        "It needs scopes that your account does not have. An administrator can give you a role that has them:",
        "Sie braucht Berechtigungen, die dein Konto nicht hat. Ein Administrator kann dir eine Rolle geben, die sie hat:";
    changed_title: "Your rights have changed", "Deine Rechte haben sich geändert";
    changed:
        "They changed while this form was being handled, and it has changed nothing: open the page again.",
        "Das geschah, während dieses Formular bearbeitet wurde, und es hat nichts bewirkt: Öffne die Seite noch einmal.";
    not_found_title: "There is nothing here", "Hier ist nichts";
    no_page_at: "There is no page at", "Es gibt keine Seite unter";
    not_to_open:
        "This page is not for opening: a form of another page leads here.",
        "Diese Seite lässt sich nicht öffnen: Hierher führt ein Formular einer anderen Seite.";
    not_now_title: "Not now", "Gerade nicht";
    still_logged_in:
        "You are still logged in: the end of your session could not be saved, and closing the browser does not end it. Go back and try again in a moment. On a device of others, delete the cookies of this site as well. If it does not work for long, an administrator can end your sessions.",
        "Du bist noch angemeldet: Das Ende deiner Sitzung ließ sich nicht speichern, und den Browser zu schließen beendet sie nicht. Geh zurück und versuche es gleich noch einmal. Lösche an einem fremden Gerät auch die Cookies dieser Seite. Geht es länger nicht, kann ein Administrator deine Sitzungen beenden.";
    not_done_title: "That did not work", "Das hat nicht geklappt";

    // Apps.
    apps_title: "My apps", "Meine Apps";
    apps_none_title: "No app yet", "Noch keine App";
    apps_none:
        "An app is a program of yours that calls the API. It has a key and a secret, and you can delete it at any time.",
        "Eine App ist ein Programm von dir, das die API aufruft. Sie hat Schlüssel und Geheimnis, und du kannst sie jederzeit löschen.";
    app_new: "New app", "Neue App";
    app_new_title: "Create an app", "App anlegen";
    app_create: "Create the app", "App anlegen";
    app_name: "Name", "Name";
    app_name_hint: "For example Web shop", "Zum Beispiel Web-Laden";
    app_about: "Description and link", "Beschreibung und Link";
    app_description: "Description", "Beschreibung";
    app_description_hint:
        "What the app is, in a few lines. Administrators see it, and whoever has given the app access.",
        "Was die App ist, in ein paar Zeilen. Administratoren sehen es, und wer der App Zugriff gegeben hat.";
    app_link: "Link", "Link";
    app_link_hint:
        "A page about the app, such as https://shop.example. You and administrators see it.",
        "Eine Seite über die App, etwa https://shop.example. Du siehst sie und Administratoren auch.";
    app_name_taken: "You already have an app with this name.", "Du hast schon eine App mit diesem Namen.";
    app_key: "Key", "Schlüssel";
    app_may: "Scopes", "Berechtigungen";
    app_state: "State", "Zustand";
    app_made: "Created", "Angelegt";
    active: "active", "aktiv";
    disabled: "disabled", "gesperrt";
    extent: "What may it do?", "Was darf sie?";
    extent_all:
        "Everything that I may do with the API, now and later",
        "Alles, was ich mit der API darf, jetzt und später";
    extent_list: "Only what is ticked here", "Nur was hier angekreuzt ist";
    extent_both:
        "You have ticked scopes and chosen everything as well. Choose \u{201c}Only what is ticked here\u{201d}, or clear the ticks.",
        "Du hast Berechtigungen angekreuzt und zugleich alles gewählt. Wähle \u{201e}Nur was hier angekreuzt ist\u{201c}, oder nimm die Kreuze weg.";
    extent_none:
        "Nothing is ticked, so that the app could do nothing. Tick what it may do, or choose everything.",
        "Nichts ist angekreuzt, die App könnte also nichts. Kreuze an, was sie darf, oder wähle alles.";
    extent_own: "Scopes for this site itself", "Berechtigungen für diese Seite selbst";
    extent_own_hint:
        "With these the program manages your account or your apps. Most programs need none of them.",
        "Damit verwaltet das Programm dein Konto oder deine Apps. Die meisten brauchen nichts davon.";
    extent_others: "Scopes that you cannot give", "Was du nicht geben kannst";
    extent_others_hint:
        "Your roles do not have them; an administrator can add them. Your roles:",
        "Deine Rollen haben sie nicht; ein Administrator kann sie hinzufügen. Deine Rollen:";
    extent_nothing:
        "Your roles have no scope for the API yet; an administrator can add some. Your roles:",
        "Deine Rollen haben noch keine Berechtigung für die API; ein Administrator kann welche hinzufügen. Deine Rollen:";
    redirects: "Redirect URIs", "Rückkehradressen (Redirect URIs)";
    redirects_hint:
        "Only for programs in which other people log in: one address per line, such as https://shop.example/callback",
        "Nur für Programme, in denen sich andere anmelden: eine Adresse je Zeile, etwa https://shop.example/callback";
    follows: "Everything that you may do with the API", "Alles, was du mit der API darfst";
    follows_short: "everything I may do", "alles, was ich darf";
    may_nothing: "may do nothing", "darf nichts";
    apps_full_before: "You have", "Du hast";
    apps_full_after:
        "apps, the most there can be. Delete one first.",
        "Apps, mehr gehen nicht. Lösche zuerst eine.";
    nothing_of_owner:
        "Nothing yet: your roles have no scope for the API. An administrator can add some to them. Your roles:",
        "Noch nichts: Deine Rollen haben keine Berechtigung für die API. Ein Administrator kann ihnen welche geben. Deine Rollen:";
    nothing_of_app:
        "Nothing: no scope is ticked. Change the app to give it some. Your roles:",
        "Nichts: Keine Berechtigung ist angekreuzt. Ändere die App, um ihr welche zu geben. Deine Rollen:";
    nothing_in_common:
        "Nothing: your roles have lost what the app has. An administrator can give it back, or you can change the app. Your roles:",
        "Nichts: Deine Rollen haben verloren, was die App hat. Ein Administrator kann es zurückgeben, oder ändere die App. Deine Rollen:";
    secret: "Secret", "Geheimnis";
    secret_once:
        "Keep it where your program can read it and nobody else can: it is shown nowhere else.",
        "Bewahre es dort auf, wo dein Programm es lesen kann und sonst niemand: Es wird nirgends sonst gezeigt.";
    visible_before: "Visible until", "Sichtbar bis";
    visible_after: "in this browser.", "in diesem Browser.";
    secret_since: "Created", "Angelegt";
    earlier_until: "The previous secret is valid until", "Das vorherige gilt noch bis";
    ends_with: "Ends with", "Endet auf";
    no_secret: "There is none: create one to use the app.", "Es gibt keines: Lege eines an, um die App zu benutzen.";
    secret_hidden:
        "The secret is shown once, when it is created.",
        "Das Geheimnis wird einmal gezeigt, wenn es entsteht.";
    secret_lost: "Lost it? Replace it", "Verloren? Ersetze es";
    call_title: "The first call", "Der erste Aufruf";
    call_token: "Get a token. It is valid for", "Ein Token holen. Es gilt";
    call_api: "Call the API with it.", "Damit die API aufrufen.";
    call_secret_hint: "Replace SECRET with the secret.", "Ersetze SECRET durch das Geheimnis.";
    call_token_short: "Get a token", "Ein Token holen";
    call_languages: "Programming languages", "Programmiersprachen";
    call_url_hint:
        "Replace https://api.example with an address of the API.",
        "Ersetze https://api.example durch eine Adresse der API.";
    call_send: "Send the first call", "Ersten Aufruf senden";
    call_send_hint:
        "This page sends it for the app, with the secret above:",
        "Diese Seite sendet ihn für die App, mit dem Geheimnis oben:";
    call_disabled:
        "A disabled app gets no token. Once it is enabled, the commands are here.",
        "Eine gesperrte App bekommt kein Token. Ist sie wieder frei, stehen die Befehle hier.";
    call_nothing:
        "An app that may do nothing gets no token. Once it may do something, the commands are here.",
        "Eine App, die nichts darf, bekommt kein Token. Sobald sie etwas darf, stehen die Befehle hier.";
    call_lacks: "This call will be refused: the app lacks", "Dieser Aufruf wird abgelehnt, denn der App fehlt:";
    app_disabled_hint:
        "It is disabled: all its tokens have ended, and it gets none. Only an administrator can change that.",
        "Sie ist gesperrt: Alle Tokens sind beendet, und sie bekommt keine. Nur ein Administrator kann das ändern.";
    app_disabled_by_owner_hint:
        "You have disabled it: all its tokens have ended, and it gets none. Below you can enable it again.",
        "Du hast sie gesperrt: Alle Tokens sind beendet, und sie bekommt keine. Unten kannst du sie wieder freigeben.";
    disable_own_text:
        "All its tokens, for you and for other people, end at once, and it gets no others. Its key, its secret and its scopes stay. You can enable it again on its page.",
        "Alle ihre Tokens, für dich und für andere, enden sofort, und sie bekommt keine neuen. Schlüssel, Geheimnis und Berechtigungen bleiben. Auf ihrer Seite kannst du sie wieder freigeben.";
    enable_own_text:
        "It can get tokens with its secret again. Earlier tokens stay ended. If somebody else may know the secret, replace it first.",
        "Mit ihrem Geheimnis bekommt sie wieder Tokens. Frühere bleiben beendet. Könnte jemand anderes das Geheimnis kennen, ersetze es vorher.";
    edit: "Change", "Ändern";
    save: "Save", "Speichern";
    rotate: "Replace the secret", "Geheimnis ersetzen";
    rotate_earlier_before: "An earlier secret is valid until", "Ein früheres gilt noch bis";
    rotate_earlier_after:
        "It ends now, whatever you choose: an app has two secrets at most.",
        "Es endet jetzt, was du auch wählst: Eine App hat höchstens zwei Geheimnisse.";
    rotate_text:
        "The app gets a new secret, which is shown once. What happens to the previous one?",
        "Die App bekommt ein neues Geheimnis, das einmal gezeigt wird. Was geschieht mit dem bisherigen?";
    rotate_later_before: "It stays valid for", "Es gilt noch";
    rotate_later_after:
        "hours, so that you can change your program without an interruption",
        "Stunden, damit du dein Programm ohne Unterbrechung umstellen kannst";
    rotate_now:
        "It ends now, with all tokens of the app: somebody else may know it",
        "Es endet jetzt, mit allen Tokens der App: Jemand anderes könnte es kennen";
    delete: "Delete", "Löschen";
    delete_title: "Delete this app?", "Diese App löschen?";
    delete_text:
        "Its secret and all tokens that it has, for its owner and for other people, end at once. This cannot be undone.",
        "Ihr Geheimnis und alle Tokens, die sie für ihren Besitzer und für andere hat, enden sofort. Das lässt sich nicht rückgängig machen.";
    delete_button: "Delete the app", "App löschen";

    // Access and account.
    access: "Who has access", "Wer Zugriff hat";
    access_sentence:
        "Who may act in your name: programs that you have allowed, and logins of your own.",
        "Wer in deinem Namen handeln darf: Programme, denen du es erlaubt hast, und eigene Anmeldungen.";
    no_access: "Nobody may act in your name.", "Niemand darf in deinem Namen handeln.";
    no_access_text:
        "A program that you allow to do so is listed here from then on, and you can end its access.",
        "Ein Programm, dem du es erlaubst, steht von da an hier, und du kannst seinen Zugriff beenden.";
    who: "Who", "Wer";
    a_login: "You, by password", "Du, mit Passwort";
    own_app: "your own app", "deine eigene App";
    end_all: "End all", "Alle beenden";
    end_all_title: "End all access?", "Alle Zugriffe beenden?";
    end_all_effect: "This ends", "Das beendet";
    end_all_sentence:
        "All these tokens end at once, at every gate. Your apps stay and get others by their secrets, programs can ask you again, and you stay logged in here.",
        "Alle diese Tokens enden sofort, an jedem Gate. Deine Apps bleiben und holen sich mit ihrem Geheimnis neue, Programme können dich wieder fragen, und hier bleibst du angemeldet.";
    since: "Since", "Seit";
    last_used: "Last used", "Zuletzt benutzt";
    no_use: "not used yet", "noch nie benutzt";
    until: "Until", "Bis";
    end_access: "End", "Beenden";
    end_access_title: "End the access:", "Zugriff beenden:";
    end_access_sentence:
        "All its tokens end at once, at every gate. A program can ask you again.",
        "Alle seine Tokens enden sofort, an jedem Gate. Ein Programm kann dich wieder fragen.";
    account: "Account", "Konto";
    change_email: "Change the address", "Adresse ändern";
    email_hint: "You can log in with it.", "Damit kannst du dich anmelden.";
    change_password: "Change the password", "Passwort ändern";
    change_password_sentence:
        "All your tokens and all other sessions end.",
        "Alle deine Tokens und alle anderen Sitzungen enden.";
    old_password: "Current password", "Bisheriges Passwort";
    end_apps:
        "End the secrets and tokens of my apps as well: somebody else may know them",
        "Auch Geheimnisse und Tokens meiner Apps beenden: Jemand anderes könnte sie kennen";
    sessions: "Sessions", "Sitzungen";
    sessions_sentence: "The browsers in which you are logged in.", "Die Browser, in denen du angemeldet bist.";
    this_session: "this one", "diese hier";
    end_session: "Log out", "Abmelden";
    end_others: "Log out all others", "Alle anderen abmelden";

    // In lists and in the panel as well.
    copy: "Copy", "Kopieren";
    copied: "Copied", "Kopiert";
    not_copied: "The browser does not allow that", "Der Browser lässt das nicht zu";
    next_page: "Next page", "Nächste Seite";
    more_app_scopes:
        "There are more scopes than fit here; what the app has of them stays.",
        "Es gibt mehr Berechtigungen, als hier Platz haben; was die App davon hat, bleibt.";
    user_roles: "Roles", "Rollen";
    user_may: "Scopes", "Berechtigungen";
    new_password: "New password", "Neues Passwort";
    and: "and", "und";
    one_of: "one of", "eine von";
    more: "more", "weitere";
}
