//! What the pages of the panel say.

words! {
    PanelWords {}

    administration: "Administration", "Verwaltung";
    concerns: "Needs attention", "Zu erledigen";
    no_concerns: "Nothing: all is as it should be.", "Nichts, alles ist, wie es sein soll.";
    concern_lagging:
        "Gates that do not know all that was revoked:",
        "Gates, die noch nicht alles Widerrufene kennen:";
    concern_gone:
        "Gates that were connected and are not any more:",
        "Gates, die verbunden waren und es nicht mehr sind:";
    concern_passkeys:
        "Administrators who need a passkey first, and log in at /portal to make one; until then neither they nor their apps administer anything:",
        "Administratoren, die zuerst einen Passkey brauchen und sich dafür unter /portal anmelden; bis dahin verwalten weder sie noch ihre Apps etwas:";
    concern_policy:
        "Gates with another policy in force than this process:",
        "Gates, bei denen eine andere Policy gilt als in diesem Prozess:";
    concern_closed:
        "Routes that nobody passes, because no role has their scopes:",
        "Routen, die niemand passiert, weil keine Rolle ihre Berechtigungen hat:";
    concern_unused:
        "Apps that nobody has used for 90 days:",
        "Apps, die seit 90 Tagen niemand benutzt hat:";
    concern_old_secrets:
        "Apps with a secret that is a year old:",
        "Apps, deren Geheimnis ein Jahr alt ist:";
    parts: "What you can do here", "Was du hier tun kannst";
    no_parts:
        "Your roles open no page here; they are for programs. An administrator can give you more.",
        "Deine Rollen öffnen hier keine Seite, sie sind für Programme. Mehr kann dir ein Administrator geben.";
    roles: "Roles", "Rollen";
    roles_sentence: "What users get, and the role of new users.", "Was Benutzer bekommen, und die Rolle der neuen.";
    users: "Users", "Benutzer";
    users_sentence: "Find somebody, give roles, disable an account.", "Jemanden finden, Rollen geben, ein Konto sperren.";
    scopes: "Scopes", "Berechtigungen";
    scopes_sentence: "The catalogue: what each allows, and who has it.", "Der Katalog: was jede erlaubt, und wer sie hat.";
    all_apps: "All apps", "Alle Apps";
    all_apps_sentence: "Everybody's apps: disable or delete one.", "Die Apps aller: eine sperren oder löschen.";
    filter: "Filter", "Filtern";
    filter_list: "Filter this list", "Diese Liste filtern";
    filter_none: "Nothing matches", "Nichts passt dazu";
    unused_before: "Not used for", "Seit";
    unused_after: "days", "Tagen nicht benutzt";
    old_secret_before: "Secret older than", "Geheimnis älter als";
    old_secret_after: "days", "Tage";
    no_secret: "none", "keines";
    old: "old", "alt";
    name: "Name", "Name";
    description: "What it allows", "Was sie erlaubt";
    description_hint: "One line for people, such as: Read orders", "Eine Zeile für Menschen, etwa: Bestellungen lesen";
    scope: "Scope", "Berechtigung";
    scope_name_hint: "For example orders.read", "Zum Beispiel orders.read";
    role_name_hint: "For example clerk", "Zum Beispiel verkauf";
    is_default: "default", "Standard";
    yes: "yes", "ja";
    no: "no", "nein";
    new_role: "New role", "Neue Rolle";
    make: "Create", "Anlegen";
    role_scopes: "What its users may do", "Was ihre Benutzer dürfen";
    more_scopes:
        "There are more scopes than fit here. The command portcullis role changes the others.",
        "Es gibt mehr Berechtigungen, als hier Platz haben. Die übrigen ändert der Befehl portcullis role.";
    has: "It has:", "Sie hat:";
    gets: "Gets:", "Bekommt:";
    loses: "Loses:", "Verliert:";
    gains_scopes:
        "Scopes that the user did not have before:",
        "Berechtigungen, die der Benutzer bisher nicht hatte:";
    loses_scopes:
        "Scopes that the user then no longer has:",
        "Berechtigungen, die der Benutzer dann nicht mehr hat:";
    administers:
        "Scopes of backend.* make an administrator, who can see or change what belongs to everybody.",
        "Berechtigungen mit backend.* machen jemanden zum Administrator, der sehen oder ändern kann, was allen gehört.";
    renamed: "Is renamed to:", "Heißt künftig:";
    tokens_end:
        "Tokens that rest on it end at once, at every gate, also those that apps got by their own secret, which nobody counts. Programs that ask again get what is left.",
        "Tokens, die darauf beruhen, enden sofort, an jedem Gate, auch die, die Apps mit ihrem Geheimnis geholt haben; die zählt niemand. Wer ein neues holt, bekommt, was übrig bleibt.";
    change_role: "Change the role", "Rolle ändern:";
    make_default: "Make {} the default role?", "{} zur Standardrolle machen?";
    replaces_default:
        "So far new users get this role:",
        "Bisher bekommen neue Benutzer diese Rolle:";
    make_default_button: "Make it the default", "Zum Standard machen";
    default_sentence:
        "Whoever signs up from now on gets it instead. Existing users keep what they have.",
        "Wer sich ab jetzt registriert, bekommt stattdessen diese. Wer schon da ist, behält, was er hat.";
    default_lacks:
        "It lacks what opens the portal to a user:",
        "Ihr fehlt, was einem Benutzer das Portal öffnet:";
    default_closed:
        "New users could log in, and neither see their own account nor make an app.",
        "Neue Benutzer könnten sich anmelden, aber weder ihr Konto sehen noch eine App anlegen.";
    default_add: "Add to the role first:", "Vorher zur Rolle hinzufügen:";
    default_stays:
        "This is the role of new users. It can be deleted once another one is.",
        "Das ist die Rolle neuer Benutzer. Löschen lässt sie sich, sobald eine andere es ist.";
    own_role: "The system itself needs this role: it is not deleted.", "Das System selbst braucht diese Rolle: Sie wird nicht gelöscht.";
    delete_role_title: "Delete the role", "Rolle löschen";
    delete_role: "Delete the role", "Rolle löschen:";
    role_search: "Search roles by name", "Rollen nach Namen suchen";
    no_roles: "No role matches.", "Keine Rolle passt dazu.";
    role_users: "Users who have it", "Benutzer, die sie haben";
    what_may_role: "May somebody with this role send a request?", "Darf jemand mit dieser Rolle eine Anfrage senden?";
    own_scopes: "For the portal and this panel", "Für das Portal und diese Verwaltung";
    own_scopes_hint:
        "consumer.account and consumer.app are for everybody who has an account here; backend.* makes administrators.",
        "consumer.account und consumer.app sind für alle, die hier ein Konto haben; backend.* macht jemanden zum Administrator.";
    no_api_scopes: "There is no scope of the API yet.", "Für die API gibt es noch keine Berechtigung.";
    new_user: "New user", "Neuer Benutzer";
    new_user_hint:
        "The user gets the default role. You get a link with which the user sets a password.",
        "Der Benutzer bekommt die Standardrolle. Du bekommst einen Link, mit dem er ein Passwort setzt.";
    no_users: "No user matches.", "Kein Benutzer passt dazu.";
    search: "Search by name or address", "Suche nach Name oder Adresse";
    role: "Role", "Rolle";
    any_role: "any role", "jede Rolle";
    any_state: "any state", "jeder Zustand";
    back: "Back", "Zurück";
    user_passkeys: "Passkeys", "Passkeys";
    no_passkeys: "none: the password alone logs in", "keine: Das Passwort allein genügt";
    passkey_first:
        "none: the user needs a passkey first, and makes one by logging in at /portal. Until then neither the user nor the user's apps have a scope of backend.*",
        "keine: Der Benutzer braucht zuerst einen Passkey und macht ihn, indem er sich unter /portal anmeldet. Bis dahin hat weder er noch eine seiner Apps eine Berechtigung backend.*";
    owner_passkey_first:
        "The owner needs a passkey first: log in at /portal. Until then the app gets no scope of backend.*.",
        "Der Besitzer braucht zuerst einen Passkey: Er meldet sich unter /portal an. Bis dahin bekommt die App keine Berechtigung backend.*.";
    user_apps: "Apps", "Apps";
    no_user_apps: "This user has no apps.", "Dieser Benutzer hat keine Apps.";
    access_of_user: "Access", "Zugang";
    end_sessions: "End all sessions and tokens …", "Alle Sitzungen und Tokens beenden …";
    its_audit: "History", "Verlauf";
    what_may_it: "May this user send a request?", "Darf dieser Benutzer eine Anfrage senden?";
    gives: "Gives", "Gibt";
    gives_nothing: "Gives nothing", "Gibt nichts";
    loses_own_pages:
        "The user then has no role that opens its own account and sessions (consumer.account): it can log in, and sees next to nothing.",
        "Der Benutzer hat dann keine Rolle, die ihm sein Konto und seine Sitzungen öffnet (consumer.account): Er kann sich anmelden und sieht so gut wie nichts.";
    change_user: "Change the roles of", "Rollen ändern von";
    disable: "Disable", "Sperren";
    enable: "Enable", "Freigeben";
    disable_user: "Disable the user", "Benutzer sperren:";
    disable_user_sentence:
        "All tokens and sessions of the user end at once, and so do those of the user's apps. The user cannot log in until the account is enabled.",
        "Alle Tokens und Sitzungen des Benutzers enden sofort, auch die Tokens seiner Apps. Der Benutzer kann sich nicht anmelden, bis das Konto freigegeben wird.";
    enable_user: "Enable the user", "Benutzer freigeben:";
    enable_user_sentence:
        "The user can log in again, and the apps can get tokens. Earlier tokens stay ended.",
        "Der Benutzer kann sich wieder anmelden, und die Apps bekommen Tokens. Frühere bleiben beendet.";
    delete_user: "Delete the user", "Benutzer löschen:";
    delete_user_sentence:
        "The account, its apps and all their tokens end at once. This cannot be undone.",
        "Konto, Apps und alle Tokens enden sofort. Das lässt sich nicht rückgängig machen.";
    reset_password: "Reset the password", "Passwort zurücksetzen";
    reset_password_sentence:
        "The password, all sessions and tokens of the user end at once. You get a link with which the user sets another password, once and within an hour. Give it to the user yourself: this site sends no e-mail.",
        "Das Passwort, alle Sitzungen und Tokens des Benutzers enden sofort. Du bekommst einen Link, mit dem er ein anderes setzt, einmal und innerhalb einer Stunde. Gib ihn selbst weiter: Von hier kommt keine Mail.";
    reset_link: "Link for the password", "Link für das Passwort";
    reset_link_once:
        "Give it to the user now, and to nobody else: it is shown nowhere else, and sets the password once, within an hour.",
        "Gib ihn jetzt dem Benutzer und niemandem sonst: Er wird nirgends sonst gezeigt und setzt das Passwort einmal, innerhalb einer Stunde.";
    new_scope: "New scope", "Neue Berechtigung";
    delete_scope: "Delete the scope", "Berechtigung löschen:";
    is_taken_from: "It is taken from the roles", "Sie wird diesen Rollen genommen:";
    scope_roles: "Roles that have it", "Rollen, die sie haben";
    followers: "Apps that follow an owner who has it", "Apps, die einem Besitzer folgen, der sie hat";
    listed_apps: "Apps with it in their list", "Apps, auf deren Liste sie steht";
    scope_routes: "Routes in force that ask for it", "Routen in Kraft, die sie verlangen";
    routes_ask:
        "Routes in force ask for it, and from now on nobody passes them by it:",
        "Routen in Kraft verlangen sie, und niemand kommt mehr mit ihr durch:";
    scope_own: "The system itself needs it.", "Das System selbst braucht sie.";
    none: "none", "keine";
    owner: "Owner", "Besitzer";
    other_apps: "All apps of this owner", "Alle Apps dieses Besitzers";
    what_may_app: "May this app send a request?", "Darf diese App eine Anfrage senden?";
    no_apps: "No app matches.", "Keine App passt dazu.";
    disable_app: "Disable the app", "App sperren:";
    disable_app_sentence:
        "Its tokens end at once, and it gets none until it is enabled.",
        "Ihre Tokens enden sofort, und sie bekommt keine, bis sie freigegeben wird.";
    enable_app: "Enable the app", "App freigeben:";
    enable_app_sentence: "It can get tokens again. Earlier ones stay ended.", "Sie bekommt wieder Tokens. Frühere bleiben beendet.";
    disabled_by_owner: "Its owner has disabled it.", "Ihr Besitzer hat sie gesperrt.";
    keep_disabled: "Disable as administrator", "Als Administrator sperren";
    keep_disabled_sentence:
        "It stays disabled, and from then on only an administrator can enable it.",
        "Sie bleibt gesperrt, und freigeben kann sie dann nur noch ein Administrator.";
    used_meanwhile:
        "It has come into use meanwhile. Look at whom this concerns, and confirm it again.",
        "Das wird inzwischen benutzt. Sieh nach, wen es betrifft, und bestätige es noch einmal.";
    delete_this_app: "Delete the app", "App löschen:";

    audit: "Audit", "Protokoll";
    audit_sentence: "Who changed what, and when.", "Wer wann was geändert hat.";
    no_audit: "No entry matches.", "Kein Eintrag passt dazu.";
    export_csv: "Download as CSV", "Als CSV herunterladen";
    export_json: "Download as JSON lines", "Als JSON-Zeilen herunterladen";
    export_hint:
        "What the filters let through, the latest first, up to 100,000 entries.",
        "Was die Filter durchlassen, das Neueste zuerst, höchstens 100.000 Einträge.";
    when: "When", "Wann";
    what: "Action", "Handlung";
    which: "Object", "Objekt";
    change: "Change", "Änderung";
    revoke: "Revoke", "Widerrufen";
    revoke_sentence:
        "Revoke the tokens of a user, an app, a grant, or everybody.",
        "Tokens eines Benutzers, einer App, eines Zugriffs oder aller widerrufen.";
    revoke_lead:
        "Each gate refuses the tokens as soon as it hears of it; one that is connected does so at once. Users and apps stay as they are, and can get new tokens.",
        "Jedes Gate lehnt die Tokens ab, sobald es davon erfährt; ein verbundenes sofort. Benutzer und Apps bleiben, wie sie sind, und können neue Tokens bekommen.";
    revoke_user_title: "Revoke the tokens of the user {}?", "Die Tokens des Benutzers {} widerrufen?";
    revoke_app_title: "Revoke the tokens of the app {}?", "Die Tokens der App {} widerrufen?";
    revoke_grant_title: "Revoke the grant {}?", "Den Zugriff {} widerrufen?";
    revoke_token_title: "Revoke the token {}?", "Das Token {} widerrufen?";
    revoke_everyone_title: "Revoke everybody's tokens?", "Die Tokens von allen widerrufen?";
    type_everyone:
        "To confirm, type \u{201c}everyone\u{201d}",
        "Zur Bestätigung \u{201e}alle\u{201c} eintippen";
    not_typed:
        "Nothing has been done: to confirm it, type \u{201c}everyone\u{201d} in the field.",
        "Es ist nichts geschehen: Tippe zur Bestätigung \u{201e}alle\u{201c} in das Feld.";
    at_least:
        "Counting stops at 10,000 of each: there may be more.",
        "Gezählt wird bis 10.000: Es können mehr sein.";
    found_user: "User", "Benutzer";
    found_app: "App", "App";
    found_owner: "owner", "Besitzer";
    revoke_whose: "Whose tokens?", "Wessen Tokens?";
    revoke_user: "Those of a user", "Die eines Benutzers";
    revoke_app: "Those issued to an app, for any user", "Die einer App, für wen auch immer";
    revoke_grant: "Those of one grant", "Die eines Zugriffs";
    revoke_token: "One token", "Ein einzelnes Token";
    revoke_everyone: "Those of everybody", "Die von allen";
    revoke_name: "Name or id", "Name oder Kennung";
    revoke_name_hint:
        "The username, the key of the app, the id of the grant (sid) or of the token (jti); for those of everybody, nothing",
        "Der Benutzername, der Schlüssel der App, die Kennung des Zugriffs (sid) oder des Tokens (jti); für die von allen nichts";
    revoke_next: "Show what would end", "Zeigen, was enden würde";
    revoke_incomplete:
        "Say whose tokens, and which.",
        "Sag, wessen Tokens, und welche.";
    revoke_user_sentence:
        "All access tokens, refresh tokens and sessions of the user end. The user's apps keep theirs.",
        "Alle Access- und Refresh-Tokens und Sitzungen des Benutzers enden. Die Apps des Benutzers behalten ihre.";
    revoke_app_sentence:
        "All access and refresh tokens of the app end. Its secret stays.",
        "Alle Access- und Refresh-Tokens der App enden. Ihr Geheimnis bleibt.";
    revoke_grant_sentence: "All access and refresh tokens of the grant end.", "Alle Access- und Refresh-Tokens des Zugriffs enden.";
    revoke_token_sentence: "This access token ends. The grant stays.", "Dieses Access-Token endet. Der Zugriff bleibt.";
    revoke_everyone_sentence:
        "All access tokens, refresh tokens and sessions of all users and apps end, yours as well.",
        "Alle Access- und Refresh-Tokens und Sitzungen aller Benutzer und Apps enden, auch deine.";
    revoke_at_gates: "At the gates", "An den Gates";
    revoke_button: "Revoke now", "Jetzt widerrufen";
    keys: "Signing keys", "Signaturschlüssel";
    keys_sentence: "Which keys sign tokens, and until when they are known.", "Welche Schlüssel Tokens signieren, und bis wann sie bekannt sind.";
    keys_lead:
        "These keys verify the tokens of this site. A key is published before it signs, and stays published until its last token has expired.",
        "Diese Schlüssel prüfen die Tokens von hier. Ein Schlüssel wird bekannt gegeben, bevor er signiert, und bleibt es, bis sein letztes Token abgelaufen ist.";
    keys_rotate:
        "The command portcullis key rotate does the same, with --now at once.",
        "Dasselbe tut der Befehl portcullis key rotate, mit --now sofort.";
    keys_files:
        "These keys are files that the configuration names (issuer.keys.files): a new one is added there.",
        "Diese Schlüssel sind Dateien, die die Konfiguration nennt (issuer.keys.files): Ein neuer kommt dort dazu.";
    rotate_link: "Rotate …", "Wechseln …";
    rotate_now_link: "Rotate now and withdraw all others …", "Sofort wechseln und alle anderen zurückziehen …";
    rotate_title: "Publish the next signing key?", "Den nächsten Signaturschlüssel bekannt geben?";
    rotate_sentence:
        "Verifiers get to know the new key now. It signs in",
        "Prüfer lernen den neuen Schlüssel jetzt kennen. Er signiert in";
    rotate_keeps: "No token ends. If one is waiting already, no other is made.", "Kein Token endet. Wartet schon einer, entsteht kein weiterer.";
    rotate_button: "Publish the next key", "Nächsten Schlüssel bekannt geben";
    rotate_now_title: "Withdraw all signing keys?", "Alle Signaturschlüssel zurückziehen?";
    rotate_now_sentence:
        "For a key that others may know. A new key signs at once, and all others are withdrawn: every access token of everybody that they signed ends, at gates on the feed within a second, at others with their next look at jwks_uri.",
        "Für einen Schlüssel, den andere kennen könnten. Ein neuer signiert sofort, und alle anderen sind zurückgezogen: Jedes Access-Token von irgendwem, das sie signiert haben, endet, an Gates am Feed binnen einer Sekunde, an anderen mit ihrem nächsten Blick auf jwks_uri.";
    rotate_now_keeps:
        "Sessions, refresh tokens and secrets stay: programs get new tokens with them.",
        "Sitzungen, Refresh-Tokens und Geheimnisse bleiben: Programme holen damit neue Tokens.";
    rotate_now_button: "Withdraw all keys now", "Alle Schlüssel jetzt zurückziehen";
    key_id: "Key id (kid)", "Kennung (kid)";
    key_algorithm: "Algorithm", "Algorithmus";
    key_next: "next", "nächster";
    key_active: "signs", "signiert";
    key_retiring: "retiring", "läuft aus";
    key_active_from: "Signs from", "Signiert ab";
    key_until: "Published until", "Bekannt bis";
    gates: "Gates", "Gates";
    gates_sentence:
        "Which gates are connected, with which policy, and whether they are up to date.",
        "Welche Gates verbunden sind, mit welcher Policy, und ob sie auf dem Stand sind.";
    gates_lead:
        "The gates that listen to the feed of this issuer process, and those that were connected in the last twelve hours and left without saying that they end: such a gate may still answer its proxy. Another process on the same store has its own, and a gate in the issuer's own process needs no feed.",
        "Die Gates am Feed dieses Issuer-Prozesses, und die in den letzten zwölf Stunden verbunden waren und gegangen sind, ohne zu sagen, dass sie enden: Ein solches Gate kann seinem Proxy noch antworten. Ein anderer Prozess am selben Speicher hat seine eigenen, und ein Gate im Prozess des Issuers braucht keinen Feed.";
    no_gates: "No gate is connected.", "Kein Gate ist verbunden.";
    gates_compare:
        "A policy is marked where its digest is another than that of the gate in this process. The command portcullis check prints the digest of files. What a gate tells of itself comes at least every ten seconds; gates of older releases, and those with report: false, tell nothing.",
        "Eine Policy ist markiert, wenn ihr Digest ein anderer ist als der des Gates in diesem Prozess. Den Digest von Dateien zeigt der Befehl portcullis check. Was ein Gate von sich sagt, kommt mindestens alle zehn Sekunden; ältere Gates und solche mit report: false sagen nichts.";
    gate: "Gate", "Gate";
    gate_here: "This process", "Dieser Prozess";
    gate_version: "Version", "Version";
    gate_knowledge: "Age of its knowledge", "Alter seines Wissens";
    gate_refused: "Refused", "Abgelehnt";
    gate_other_policy: "another policy", "andere Policy";
    gate_reload_failed: "reload failed", "Neuladen misslungen";
    gate_not_told: "does not say", "sagt es nicht";
    gate_refuses: "refuses", "lehnt ab";
    gate_not_yet: "not yet", "noch nicht";
    gate_at_once: "at once", "sofort";
    gate_took: "After", "Nach";
    gate_took_hint:
        "From the moment when this process sent the revocation to its gates until the gate refused; the way of its report is included. A gate that connected later counts until then. Gates of other issuer processes on the same store are not seen here.",
        "Vom Moment, in dem dieser Prozess den Widerruf an seine Gates schickte, bis das Gate ablehnte; der Weg seiner Meldung ist dabei. Bei einem Gate, das später dazukam, zählt es bis dahin. Gates anderer Issuer-Prozesse am selben Speicher sieht man hier nicht.";
    more_gates: "There are more gates than fit here.", "Es gibt mehr Gates, als hier Platz haben.";
    look_again: "Look again", "Noch einmal nachsehen";
    gate_position: "Position in the revocation log", "Stelle im Widerrufsprotokoll";
    gate_behind: "behind by", "Rückstand";
    gate_sent: "sent:", "gesendet:";
    gate_silent: "no report since", "keine Meldung seit";
    gate_gone: "not connected since", "nicht verbunden seit";
    gate_up_to_date: "up to date", "auf dem Stand";
    gate_lags: "behind", "im Rückstand";
    unknown: "unknown", "unbekannt";
    who_may: "Who may call this?", "Wer darf das?";
    who_sentence: "Ask the gate whether somebody may send a request.", "Das Gate fragen, ob jemand eine Anfrage senden darf.";
    who_lead:
        "This server's own gate answers, as it would answer the proxy now.",
        "Es antwortet das eigene Gate dieses Servers, so wie es jetzt dem Proxy antworten würde.";
    who_caller: "Who?", "Wer?";
    who_user: "A user, after a login", "Ein Benutzer nach einer Anmeldung";
    who_app: "An app, for its owner", "Eine App für ihren Besitzer";
    who_role: "Somebody with this role and no other", "Jemand mit dieser Rolle und keiner anderen";
    who_without: "Somebody without a token", "Jemand ohne Token";
    who_name: "User, app or role", "Benutzer, App oder Rolle";
    who_name_hint:
        "The username, the key of the app or owner/name (alice/Web shop), or the name of the role",
        "Der Benutzername, der Schlüssel der App oder Besitzer/Name (alice/Web shop), oder der Name der Rolle";
    who_nameless: "Say which user, app or role.", "Sag, welcher Benutzer, welche App oder welche Rolle.";
    who_role_without:
        "The role gives no scope for the API, so there is no token for it.",
        "Die Rolle gibt keine Berechtigung für die API, also gibt es dafür kein Token.";
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
        "Only because the route is in shadow; otherwise it would be refused:",
        "Nur weil die Route im Probebetrieb ist; sonst würde abgelehnt:";
    in_shadow: "in shadow", "im Probebetrieb";
    who_malformed: "The request is refused whoever sends it:", "Die Anfrage wird abgelehnt, wer auch immer sie sendet:";
    who_bad_token:
        "The gate does not accept tokens of this issuer on this route.",
        "Das Gate nimmt auf dieser Route keine Tokens von hier an.";
    who_unlisted_without:
        "No route of the policy matches; without a token it is refused as well.",
        "Keine Route der Policy passt; ohne Token wird das ebenfalls abgelehnt.";
    who_needs_token: "The route needs a token.", "Die Route braucht ein Token.";
    who_lacks: "Scopes are missing:", "Es fehlen Berechtigungen:";
    who_lacks_fix:
        "Add what is missing to a role of the user, or to the app.",
        "Gib, was fehlt, einer Rolle des Benutzers, oder der App.";
    who_see_app: "See the app", "App ansehen:";
    who_too_long: "at most 1,024 bytes", "höchstens 1.024 Bytes";
    who_nobody: "The route lets nobody through.", "Die Route lässt niemanden durch.";
    who_condition:
        "A condition of the route does not hold, or asks for more than the method, the path and the token.",
        "Eine Bedingung der Route ist nicht erfüllt, oder sie fragt nach mehr als Methode, Pfad und Token.";
    who_unlisted: "No route of the policy matches this request.", "Keine Route der Policy passt zu dieser Anfrage.";
    who_not_now: "The gate cannot decide at the moment.", "Das Gate kann es gerade nicht entscheiden.";
    who_no_token: "There is no token for the API:", "Es gibt kein Token für die API:";
    policy: "Policy", "Policy";
    policy_sentence: "What each route of the API needs, and who passes.", "Was jede Route der API braucht, und wer durchkommt.";
    policy_lead: "In force at this server's own gate:", "In Kraft am eigenen Gate dieses Servers:";
    policy_hint:
        "A route leads to the question who may call it. Beside it stands the file and the line of its path.",
        "Eine Route führt zur Frage, wer sie aufrufen darf. Daneben steht, in welcher Datei und Zeile ihr Pfad steht.";
    unknown_scopes:
        "The policy asks for scopes that the catalogue does not have: nobody gets them here, until somebody adds them.",
        "Die Policy verlangt Berechtigungen, die der Katalog nicht hat: Niemand bekommt sie hier, bis jemand sie anlegt.";
    policy_search: "Search by name, path or scope", "Suche nach Name, Pfad oder Berechtigung";
    no_routes: "No route matches.", "Keine Route passt dazu.";
    more_routes: "There are more routes: narrow the search.", "Es gibt mehr Routen: Suche genauer.";
    no_gate: "This server has no gate of its own.", "Dieser Server hat kein eigenes Gate.";
    route: "Route", "Route";
    requests: "Requests", "Anfragen";
    needs: "Needs", "Braucht";
    needs_nothing: "nothing", "nichts";
    needs_token: "a valid token", "ein gültiges Token";
    needs_nobody: "nobody may call it", "niemand darf sie aufrufen";
    only_if: "and only if", "und nur wenn";
    of_issuers: "of", "von";
    who_passes: "Roles that pass", "Rollen, die durchkommen";
    everybody: "everybody", "alle";
    every_user: "every user", "jeder Benutzer";
    nobody: "nobody", "niemand";
    nobody_here: "nobody from this site", "niemand von dieser Seite";
    no_role: "no role has it", "keine Rolle hat es";
    no_role_seen: "none of the first 1,000 roles has it", "keine der ersten 1.000 Rollen hat es";
    more_roles:
        "There are more roles: only the first 1,000 by name were looked at, and others may pass as well.",
        "Es gibt mehr Rollen: Nur die ersten 1.000 nach Namen sind berücksichtigt, und auch andere können durchkommen.";
}
