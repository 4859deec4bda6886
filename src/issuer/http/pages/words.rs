//! What the pages say, each in both languages.

use crate::policy::ScopeWords;

/// Declares a field of [`Words`] for each key, with what it says in English and in German.
macro_rules! words {
    ($($key:ident: $english:literal, $german:literal;)+) => {
        /// What the pages say in one language.
        pub(in crate::issuer::http) struct Words {
            $(pub(in crate::issuer::http) $key: &'static str,)+
        }

        pub(super) static ENGLISH: Words = Words { $($key: $english,)+ };

        pub(super) static GERMAN: Words = Words { $($key: $german,)+ };
    };
}

words! {
    // Around each page.
    skip: "Skip to the content", "Zum Inhalt springen";
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
        "Damit ein Token holen und die API aufrufen. Die Befehle stehen mit deinen Werten da.";
    start_closed:
        "Nobody can sign up here: ask an administrator for an account.",
        "Hier kann sich niemand selbst registrieren: Ein Administrator richtet das Konto ein.";
    start_welcome: "What next?", "Wie weiter?";
    start_make:
        "Create an app for your program. You get its secret, and the commands for a first call.",
        "Lege für dein Programm eine App an. Du bekommst ihr Geheimnis und die Befehle für den ersten Aufruf.";
    start_no_apps:
        "Your account may not have apps. An administrator can give you a role with the scope consumer.app.",
        "Dein Konto darf keine Apps haben. Ein Administrator kann dir eine Rolle mit der Berechtigung consumer.app geben.";

    // Sign up, log in.
    username: "Username", "Benutzername";
    username_hint: "3 to 64 letters, digits, _ . or -", "3 bis 64 Buchstaben, Ziffern, _ . oder -";
    name_or_email: "Name or e-mail address", "Name oder E-Mail-Adresse";
    email: "E-mail address", "E-Mail-Adresse";
    password: "Password", "Passwort";
    password_hint: "At least 8 characters", "Mindestens 8 Zeichen";
    have_account: "You have an account already?", "Du hast schon ein Konto?";
    need_account: "You have no account yet?", "Du hast noch kein Konto?";
    login_wrong: "The name or the password is wrong.", "Der Name oder das Passwort ist falsch.";
    login_forgotten:
        "Forgot the password? This site sends no mail: an administrator can set another one.",
        "Passwort vergessen? Von hier kommt keine Mail: Ein Administrator kann ein neues setzen.";

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
    unanswerable_title: "This cannot be answered", "Das lässt sich nicht beantworten";
    unanswerable:
        "An application sent you here with a request that is not in order:",
        "Eine Anwendung hat dich mit einer Anfrage hergeschickt, die nicht in Ordnung ist:";
    unanswerable_next:
        "Go back to the application and try again. If it happens again, tell those who run it.",
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
        "What you are about to do outlives this session, so your password is needed again.",
        "Was du vorhast, wirkt über diese Sitzung hinaus. Darum wird dein Passwort noch einmal gebraucht.";
    proof_wrong: "The password is wrong.", "Das Passwort ist falsch.";
    proof_button: "Confirm", "Bestätigen";

    // Refusals.
    out_of_date_title: "This page is out of date", "Diese Seite ist veraltet";
    out_of_date:
        "It was made for another login, or the browser keeps no cookies for this site. Nothing has been done.",
        "Sie gehört zu einer anderen Anmeldung, oder der Browser behält keine Cookies. Es ist nichts geschehen.";
    logged_out_title: "You are logged out", "Du bist abgemeldet";
    logged_out:
        "The session has ended. Nothing has been done: log in and try again.",
        "Die Sitzung ist zu Ende. Es ist nichts geschehen: Melde dich an und versuche es noch einmal.";
    lacking_title: "You may not open this page", "Diese Seite darfst du nicht öffnen";
    lacking:
        "Your account does not have what it needs. An administrator can give you a role that has it:",
        "Dein Konto hat nicht, was dafür nötig ist. Ein Administrator kann dir eine Rolle geben, die es hat:";
    changed_title: "Your rights have changed", "Deine Rechte haben sich geändert";
    changed:
        "They changed while this was under way, and this form did nothing: open the page again.",
        "Das geschah in diesem Augenblick, und dieses Formular hat nichts bewirkt: Öffne die Seite noch einmal.";
    not_found_title: "There is nothing here", "Hier ist nichts";
    not_now_title: "Not now", "Gerade nicht";
    not_done_title: "Nothing has been done", "Es ist nichts geschehen";

    // Apps.
    apps_title: "My apps", "Meine Apps";
    apps_none_title: "No app yet", "Noch keine App";
    apps_none:
        "An app is a program of yours that calls the API. It has a key and a secret, and you can end it at any time.",
        "Eine App ist ein Programm von dir, das die API aufruft. Sie hat Schlüssel und Geheimnis, und du kannst sie jederzeit beenden.";
    app_new: "New app", "Neue App";
    app_new_title: "Create an app", "App anlegen";
    app_create: "Create the app", "App anlegen";
    app_name: "Name", "Name";
    app_name_hint: "Such as Web shop", "Zum Beispiel Web-Laden";
    app_key: "Key", "Schlüssel";
    app_may: "Scopes", "Berechtigungen";
    app_state: "State", "Zustand";
    app_made: "Created", "Angelegt";
    active: "active", "aktiv";
    disabled: "disabled", "gesperrt";
    extent: "What may it do?", "Was darf sie?";
    extent_all:
        "All that I may do with the API, now and later",
        "Alles, was ich mit der API darf, jetzt und später";
    extent_list: "Only what is ticked here", "Nur was hier angekreuzt ist";
    extent_own: "Scopes for this site itself", "Berechtigungen für diese Seite selbst";
    extent_own_hint:
        "With these the program manages your account or your apps. Most programs need none of them.",
        "Damit verwaltet das Programm dein Konto oder deine Apps. Die meisten brauchen nichts davon.";
    extent_others: "Scopes that you cannot give", "Was du nicht geben kannst";
    extent_others_hint:
        "Your role does not have it; an administrator can add it. Your roles:",
        "Deine Rolle hat es nicht; ein Administrator kann es hinzufügen. Deine Rollen:";
    extent_nothing:
        "Your role has no scope for the API yet; an administrator can add some. Your roles:",
        "Deine Rolle hat noch keine Berechtigung für die API; ein Administrator kann welche hinzufügen. Deine Rollen:";
    redirects: "Redirect URIs", "Rückkehradressen (Redirect URIs)";
    redirects_hint:
        "Only for programs in which other people log in: one address a line, such as https://shop.example/callback",
        "Nur für Programme, in denen sich andere anmelden: eine Adresse je Zeile, etwa https://shop.example/callback";
    follows: "All that you may do with the API", "Alles, was du mit der API darfst";
    follows_short: "all that I may", "alles, was ich darf";
    nothing_of_owner:
        "Nothing yet: your role has no scope for the API. An administrator can add some to it. Your roles:",
        "Noch nichts: Deine Rolle hat keine Berechtigung für die API. Ein Administrator kann ihr welche geben. Deine Rollen:";
    nothing_of_app:
        "Nothing: no scope is ticked. Change the app to give it some. Your roles:",
        "Nichts: Keine Berechtigung ist angekreuzt. Ändere die App, um ihr welche zu geben. Deine Rollen:";
    nothing_in_common:
        "Nothing: your role has lost what the app has. An administrator can give it back, or change the app. Your roles:",
        "Nichts: Deine Rolle hat verloren, was die App hat. Ein Administrator kann es zurückgeben, oder ändere die App. Deine Rollen:";
    secret: "Secret", "Geheimnis";
    secret_once:
        "This is shown only now. Keep it where your program finds it and nobody else does.",
        "Das wird nur jetzt gezeigt. Bewahre es dort auf, wo dein Programm es findet und sonst niemand.";
    secret_since: "Created", "Angelegt";
    earlier_until: "The secret before it goes on until", "Das vorherige gilt noch bis";
    no_secret: "There is none: create one to use the app.", "Es gibt keines: Lege eines an, um die App zu benutzen.";
    secret_hidden:
        "The secret is shown once, when it is created. Lost it? Replace it.",
        "Das Geheimnis wird einmal gezeigt, wenn es entsteht. Verloren? Ersetze es.";
    call_title: "The first call", "Der erste Aufruf";
    call_token: "Get a token. It holds for an hour.", "Ein Token holen. Es gilt eine Stunde.";
    call_api: "Call the API with it.", "Damit die API aufrufen.";
    call_secret_hint:
        "Put the secret where it says SECRET.",
        "Setze das Geheimnis ein, wo SECRET steht.";
    app_disabled_hint:
        "It is disabled: all its tokens have ended, and it gets none. Only an administrator can change that.",
        "Sie ist gesperrt: Alle Tokens sind beendet, und sie bekommt keine. Nur ein Administrator kann das ändern.";
    edit: "Change", "Ändern";
    save: "Save", "Speichern";
    rotate: "Replace the secret", "Geheimnis ersetzen";
    rotate_text:
        "The app gets a new secret, which is shown once. What becomes of the one before?",
        "Die App bekommt ein neues Geheimnis, das einmal gezeigt wird. Was wird aus dem bisherigen?";
    rotate_later_before: "It goes on for", "Es gilt noch";
    rotate_later_after:
        "hours, so that you can change your program without an interruption",
        "Stunden, damit du dein Programm ohne Unterbrechung umstellen kannst";
    rotate_now:
        "It ends now, with all tokens of the app: others may know it",
        "Es endet jetzt, mit allen Tokens der App: Andere könnten es kennen";
    delete: "Delete", "Löschen";
    delete_title: "Delete this app?", "Diese App löschen?";
    delete_text:
        "Its secret and all tokens that it got, from you and from other people, end at once. This cannot be undone.",
        "Ihr Geheimnis und alle Tokens, die sie von dir und anderen hat, enden sofort. Das lässt sich nicht rückgängig machen.";
    delete_button: "Delete the app", "App löschen";

    // Access and account.
    access: "Access", "Zugriffe";
    access_sentence:
        "Who may act in your name: programs that you have allowed, and logins of your own.",
        "Wer in deinem Namen handeln darf: Programme, denen du es erlaubt hast, und eigene Anmeldungen.";
    no_access: "Nobody may act in your name.", "Niemand darf in deinem Namen handeln.";
    who: "Who", "Wer";
    a_login: "A login of yours", "Eine Anmeldung von dir";
    since: "Since", "Seit";
    last_used: "Last used", "Zuletzt benutzt";
    until: "Until", "Bis";
    end_access: "End", "Beenden";
    end_access_title: "End this access?", "Diesen Zugriff beenden?";
    end_access_sentence:
        "All its tokens end at once, at every gate. The program can ask you again.",
        "Alle seine Tokens enden sofort, an jedem Gate. Das Programm kann dich wieder fragen.";
    account: "Account", "Konto";
    change_email: "Change the address", "Adresse ändern";
    email_hint: "You can log in with it.", "Damit kannst du dich anmelden.";
    change_password: "Change the password", "Passwort ändern";
    change_password_sentence:
        "All your tokens and all other sessions end.",
        "Alle deine Tokens und alle anderen Sitzungen enden.";
    old_password: "Present password", "Bisheriges Passwort";
    end_apps:
        "End the secrets and tokens of my apps as well: others may know them",
        "Auch Geheimnisse und Tokens meiner Apps beenden: Andere könnten sie kennen";
    sessions: "Sessions", "Sitzungen";
    sessions_sentence: "The browsers in which you are logged in.", "Die Browser, in denen du angemeldet bist.";
    this_session: "this one", "diese hier";
    end_session: "Log out", "Abmelden";
    end_others: "Log out all others", "Alle anderen abmelden";

    // The panel.
    panel: "Administration", "Verwaltung";
    roles: "Roles", "Rollen";
    roles_sentence: "What users get, and the role of new users.", "Was Benutzer bekommen, und die Rolle der neuen.";
    users: "Users", "Benutzer";
    users_sentence: "Find somebody, give roles, disable an account.", "Jemanden finden, Rollen geben, ein Konto sperren.";
    scopes: "Scopes", "Berechtigungen";
    scopes_sentence: "The catalogue: what each allows, and who has it.", "Der Katalog: was jede erlaubt, und wer sie hat.";
    all_apps: "All apps", "Alle Apps";
    all_apps_sentence: "Everybody's apps: disable or delete one.", "Die Apps aller: eine sperren oder löschen.";
    next_page: "Next page", "Nächste Seite";
    filter: "Filter", "Filtern";
    name: "Name", "Name";
    description: "What it allows", "Was sie erlaubt";
    description_hint:
        "One line, as people read it: Read orders",
        "Eine Zeile, wie Menschen sie lesen: Bestellungen lesen";
    scope: "Scope", "Berechtigung";
    scope_name_hint: "Such as orders.read", "Zum Beispiel orders.read";
    role_name_hint: "Such as clerk", "Zum Beispiel verkauf";
    is_default: "default", "Standard";
    yes: "yes", "ja";
    no: "no", "nein";
    new_role: "New role", "Neue Rolle";
    make: "Create", "Anlegen";
    role_scopes: "What its users may do", "Was ihre Benutzer dürfen";
    more_app_scopes:
        "There are more scopes than fit here; what the app has of them stays.",
        "Es gibt mehr Berechtigungen, als hier Platz haben; was die App davon hat, bleibt.";
    more_scopes:
        "There are more scopes than fit here. The command portcullis role changes the others.",
        "Es gibt mehr Berechtigungen, als hier Platz haben. Die übrigen ändert der Befehl portcullis role.";
    has: "It has:", "Sie hat:";
    gets: "Gets:", "Bekommt:";
    loses: "Loses:", "Verliert:";
    renamed: "Gets the name:", "Bekommt den Namen:";
    tokens_end:
        "Tokens that rest on it end at once, at every gate. Programs that ask again get what is left.",
        "Tokens, die darauf beruhen, enden sofort, an jedem Gate. Wer ein neues holt, bekommt, was übrig bleibt.";
    change_role: "Change the role", "Rolle ändern:";
    make_default: "Default role:", "Standardrolle:";
    make_default_button: "Make it the default", "Zum Standard machen";
    default_sentence:
        "Whoever signs up from now on gets it. Users of today keep what they have.",
        "Wer sich ab jetzt registriert, bekommt sie. Heutige Benutzer behalten, was sie haben.";
    delete_role: "Delete the role", "Rolle löschen:";
    new_user: "New user", "Neuer Benutzer";
    new_user_hint: "The user gets the default role.", "Der Benutzer bekommt die Standardrolle.";
    user_roles: "Roles", "Rollen";
    user_may: "Scopes", "Berechtigungen";
    no_users: "No user is called so.", "Kein Benutzer heißt so.";
    search: "Part of a name or address", "Teil von Name oder Adresse";
    change_user: "Change the roles of", "Rollen ändern von";
    disable: "Disable", "Sperren";
    enable: "Enable", "Freigeben";
    disable_user: "Disable the user", "Benutzer sperren:";
    disable_user_sentence:
        "All tokens and sessions end at once, at every gate, also those of the user's apps. Nobody can log in.",
        "Alle Tokens und Sitzungen enden sofort, auch die der Apps. Niemand kann sich damit anmelden.";
    enable_user: "Enable the user", "Benutzer freigeben:";
    enable_user_sentence:
        "The user can log in again, and the apps can get tokens. Earlier tokens stay ended.",
        "Der Benutzer kann sich wieder anmelden, und die Apps bekommen Tokens. Frühere bleiben beendet.";
    delete_user: "Delete the user", "Benutzer löschen:";
    delete_user_sentence:
        "The account, its apps and all their tokens end at once. This cannot be undone.",
        "Konto, Apps und alle Tokens enden sofort. Das lässt sich nicht rückgängig machen.";
    set_password: "Set the password", "Passwort setzen";
    set_password_sentence:
        "All sessions and tokens of the user end. Tell the user the new password yourself: this site sends no mail.",
        "Alle Sitzungen und Tokens enden. Teile das neue Passwort selbst mit: Von hier kommt keine Mail.";
    new_password: "New password", "Neues Passwort";
    new_scope: "New scope", "Neue Berechtigung";
    delete_scope: "Delete the scope", "Berechtigung löschen:";
    is_taken_from: "It is taken from the roles", "Sie wird diesen Rollen genommen:";
    scope_roles: "Roles that have it", "Rollen, die sie haben";
    scope_own: "The system itself needs it.", "Das System selbst braucht sie.";
    none: "none", "keine";
    owner: "Owner", "Besitzer";
    no_apps: "No app is here.", "Hier ist keine App.";
    disable_app: "Disable the app", "App sperren:";
    disable_app_sentence:
        "Its tokens end at once, at every gate, and it gets none until it is enabled.",
        "Ihre Tokens enden sofort, und sie bekommt keine, bis sie freigegeben wird.";
    enable_app: "Enable the app", "App freigeben:";
    enable_app_sentence: "It can get tokens again. Earlier ones stay ended.", "Sie bekommt wieder Tokens. Frühere bleiben beendet.";
    delete_this_app: "Delete the app", "App löschen:";

    audit: "Audit", "Protokoll";
    audit_sentence: "Who did what to which.", "Wer was womit getan hat.";
    audit_search: "Part of a name, action or kind", "Teil von Name, Handlung oder Art";
    no_audit: "Nothing of that kind was done.", "Nichts dergleichen ist geschehen.";
    when: "When", "Wann";
    what: "What", "Was";
    which: "Which", "Womit";
    change: "Change", "Änderung";
    command_line: "CLI", "CLI";
    and: "and", "und";
    one_of: "one of", "eine von";
    revoke: "Take back", "Zurücknehmen";
    revoke_sentence: "End tokens of a user, an app, a grant, or everybody.", "Tokens eines Benutzers, einer App oder aller beenden.";
    revoke_lead:
        "Tokens end at every gate within a second. Users and apps stay what they are, and get new ones as before.",
        "Tokens enden an jedem Gate binnen einer Sekunde. Benutzer und Apps bleiben, wie sie sind, und bekommen wieder welche.";
    revoke_whose: "Whose tokens?", "Wessen Tokens?";
    revoke_user: "Those of a user", "Die eines Benutzers";
    revoke_app: "Those that an app got, from whomever", "Die einer App, von wem auch immer";
    revoke_grant: "Those of one grant", "Die eines Zugriffs";
    revoke_token: "One token", "Ein einzelnes Token";
    revoke_everyone: "Those of everybody", "Die von allen";
    revoke_name: "Name or id", "Name oder Kennung";
    revoke_name_hint:
        "The username, the key of the app, the id of the grant (sid) or of the token (jti); for those of everybody, the word everyone",
        "Der Benutzername, der Schlüssel der App, die Kennung des Zugriffs (sid) oder des Tokens (jti); für die von allen das Wort everyone";
    revoke_next: "What would end?", "Was würde enden?";
    revoke_incomplete:
        "Say whose tokens, and which: for those of everybody type the word everyone.",
        "Sag, wessen Tokens, und welche: Für die von allen tippe das Wort everyone.";
    revoke_found: "That is", "Das ist";
    revoke_user_sentence:
        "All access tokens, refresh tokens and sessions of the user end. The apps of the user go on.",
        "Alle Access- und Refresh-Tokens und Sitzungen des Benutzers enden. Die Apps des Benutzers gehen weiter.";
    revoke_app_sentence:
        "All access and refresh tokens that the app got end. Its secret stays.",
        "Alle Access- und Refresh-Tokens der App enden. Ihr Geheimnis bleibt.";
    revoke_grant_sentence: "All access and refresh tokens of the grant end.", "Alle Access- und Refresh-Tokens des Zugriffs enden.";
    revoke_token_sentence: "This access token ends. The grant goes on.", "Dieses Access-Token endet. Der Zugriff geht weiter.";
    revoke_everyone_sentence:
        "All access tokens, refresh tokens and sessions of all users and apps end, yours as well.",
        "Alle Access- und Refresh-Tokens und Sitzungen aller Benutzer und Apps enden, auch deine.";
    revoke_button: "End them now", "Jetzt beenden";
    who_may: "Who may call this?", "Wer darf das?";
    who_sentence: "Ask the gate whether somebody may send a request.", "Das Gate fragen, ob jemand eine Anfrage senden darf.";
    who_lead:
        "The gate beside this site answers, as it would answer the proxy now.",
        "Es antwortet das Gate neben dieser Seite, so wie es jetzt dem Proxy antworten würde.";
    who_caller: "Who?", "Wer?";
    who_user: "A user, after a login", "Ein Benutzer nach einer Anmeldung";
    who_app: "An app, for its owner", "Eine App für ihren Besitzer";
    who_without: "Somebody without a token", "Jemand ohne Token";
    who_name: "Username, or key of the app", "Benutzername oder Schlüssel der App";
    who_request: "Which request?", "Welche Anfrage?";
    who_method: "Method", "Methode";
    who_host: "Host, if the policy distinguishes them", "Host, falls die Policy sie unterscheidet";
    who_path: "Path", "Pfad";
    who_ask: "Ask the gate", "Das Gate fragen";
    who_has: "Has", "Hat";
    who_passes_it: "passes", "kommt durch";
    who_is_refused: "refused", "abgelehnt";
    who_yes: "The route lets it through.", "Die Route lässt das durch.";
    who_shadow:
        "Only because the route is in shadow; in earnest it would be refused:",
        "Nur weil die Route im Probebetrieb ist; im Ernst würde abgelehnt:";
    in_shadow: "in shadow", "im Probebetrieb";
    who_malformed: "The request is refused whoever sends it:", "Die Anfrage wird abgelehnt, wer auch immer sie sendet:";
    who_bad_token:
        "The gate does not accept tokens of this issuer on this route.",
        "Das Gate nimmt auf dieser Route keine Tokens von hier an.";
    who_needs_token: "The route needs a token.", "Die Route braucht ein Token.";
    who_lacks: "Scopes are missing:", "Es fehlen Berechtigungen:";
    who_lacks_fix:
        "Add what is missing to a role of the user, or to the app.",
        "Gib, was fehlt, einer Rolle des Benutzers, oder der App.";
    who_too_long: "at most 1,024 bytes can be asked about", "höchstens 1.024 Bytes";
    who_nobody: "The route lets nobody through.", "Die Route lässt niemanden durch.";
    who_condition:
        "A condition of the route does not hold, or asks for more than the method, the path and the token.",
        "Eine Bedingung der Route ist nicht erfüllt, oder sie fragt nach mehr als Methode, Pfad und Token.";
    who_unlisted: "No route of the policy has this request.", "Keine Route der Policy hat diese Anfrage.";
    who_not_now: "The gate cannot tell at the moment.", "Das Gate kann es gerade nicht sagen.";
    who_no_token: "There is no token for the API:", "Es gibt kein Token für die API:";
    policy: "Policy", "Policy";
    policy_sentence: "What each route of the API needs, and who passes.", "Was jede Route der API braucht, und wer durchkommt.";
    policy_lead: "In force at the gate beside this site:", "In Kraft am Gate neben dieser Seite:";
    policy_search: "Part of a name, path or scope", "Teil von Name, Pfad oder Berechtigung";
    no_routes: "No route is called so.", "Keine Route heißt so.";
    more_routes: "There are more routes: search for one.", "Es gibt mehr Routen: Suche nach einer.";
    no_gate: "There is no gate beside this site.", "Neben dieser Seite läuft kein Gate.";
    route: "Route", "Route";
    requests: "Requests", "Anfragen";
    needs: "Needs", "Braucht";
    needs_nothing: "nothing", "nichts";
    needs_token: "a valid token", "ein gültiges Token";
    needs_nobody: "shut", "geschlossen";
    of_issuers: "of", "von";
    who_passes: "Roles that pass", "Rollen, die durchkommen";
    everybody: "everybody", "alle";
    every_user: "every user", "jeder Benutzer";
    nobody: "nobody", "niemand";
    nobody_here: "nobody of this site", "niemand von dieser Seite";
    no_role: "no role has it", "keine Rolle hat es";
    no_role_seen: "none of the first 1,000 roles has it", "keine der ersten 1.000 Rollen hat es";
    more_roles:
        "There are more roles: only the first 1,000 by name were looked at, and others may pass as well.",
        "Es gibt mehr Rollen: Nur die ersten 1.000 nach Namen sind berücksichtigt, und auch andere können durchkommen.";

    // What was just done.
    told_changed: "The change has been made.", "Die Änderung ist gemacht.";
    told_made: "It has been created.", "Es ist angelegt.";
    told_access_ended: "The access has ended.", "Der Zugriff ist beendet.";
    told_sessions_ended: "Logged out there.", "Dort abgemeldet.";
    told_revoked: "They have ended, and every gate is told.", "Sie sind beendet, und jedes Gate erfährt es.";
    told_deleted: "It has been deleted.", "Es ist gelöscht.";
    told_signed_up: "Your account is ready, and you are logged in.", "Dein Konto ist bereit, und du bist angemeldet.";
    told_logged_out: "You are logged out.", "Du bist abgemeldet.";
    told_app_changed: "The app has been changed.", "Die App ist geändert.";
    told_app_deleted: "The app has been deleted.", "Die App ist gelöscht.";
}

impl Words {
    /// The words around the names of scopes.
    pub(super) fn of_scopes(&self) -> ScopeWords {
        ScopeWords {
            and: self.and,
            one_of: self.one_of,
        }
    }
}
