//! What the page says on which users try out calls.

words! {
    TrialWords {}

    try_it: "Try it", "Ausprobieren";
    lead:
        "Choose an operation of the API to see what it needs, and what it answers.",
        "Wähle eine Operation der API und sieh, was sie braucht und was sie antwortet.";
    operation: "Operation", "Operation";
    none: "No operation matches.", "Keine Operation passt dazu.";
    more: "More operations", "Weitere Operationen";
    no_gate:
        "The gate of this API does not run beside this site, so its operations are not known here. The page of an app has the commands of a first call.",
        "Das Gate dieser API läuft nicht neben dieser Seite, darum sind die Operationen hier nicht bekannt. Auf der Seite einer App stehen die Befehle für den ersten Aufruf.";
    all_operations: "All operations", "Alle Operationen";
    has_condition: "and a condition must hold", "und eine Bedingung muss erfüllt sein";

    // What a description says.
    described_by: "Described by", "Beschrieben von";
    parameters: "Parameters", "Parameter";
    parameter: "Parameter", "Parameter";
    meaning: "Meaning", "Bedeutung";
    example: "Example", "Beispiel";
    in_query: "query", "Query";
    in_header: "header, not sent from here", "Header, wird nicht von hier gesendet";
    in_cookie: "cookie, not sent from here", "Cookie, wird nicht von hier gesendet";
    is_required: ", required", ", nötig";

    // The form.
    caller: "Who calls?", "Wer ruft auf?";
    me: "I myself,", "Ich selbst,";
    without: "Somebody without a token", "Jemand ohne Token";
    enough: "has what it needs", "hat, was nötig ist";
    enough_without: "needs no token", "braucht kein Token";
    is_disabled_by_owner:
        "is disabled. You can enable it on its page:",
        "ist gesperrt. Du kannst sie auf ihrer Seite wieder freigeben:";
    is_disabled:
        "is disabled. Only an administrator can enable it again.",
        "ist gesperrt. Nur ein Administrator kann sie wieder freigeben.";
    caller_missing: "Choose who calls.", "Wähle, wer aufruft.";
    needs_token: "is refused, because a token is needed", "wird abgelehnt, weil ein Token nötig ist";
    lacks: "lacks", "es fehlt:";
    fix_app:
        "Your roles have it: change the app to give it to the app.",
        "Deine Rollen haben es: Ändere die App, damit auch sie es bekommt.";
    fix_roles:
        "Your roles do not have it: an administrator can add it to one of them. Your roles:",
        "Deine Rollen haben es nicht: Ein Administrator kann es einer davon geben. Deine Rollen:";
    secret: "Secret of the app", "Geheimnis der App";
    secret_hint:
        "Only where an app calls. It is used for this one call and not kept.",
        "Nur wenn eine App aufruft. Es wird für diesen einen Aufruf benutzt und nicht behalten.";
    no_secrets:
        "Apps cannot get a token by their secret here, so that only you can call.",
        "Apps können hier mit ihrem Geheimnis kein Token holen, darum kannst nur du selbst aufrufen.";
    request: "The request", "Die Anfrage";
    rest_hint: "One or more segments, with slashes between them", "Ein oder mehrere Abschnitte mit Schrägstrichen dazwischen";
    query: "Query, without the question mark", "Query, ohne Fragezeichen";
    body: "Body", "Body";
    body_hint: "Only for methods that have one", "Nur für Methoden, die einen haben";
    content_type: "Content type", "Inhaltstyp";
    send: "Send", "Senden";
    show_command: "Show the command", "Befehl zeigen";
    not_sent:
        "Calls are not sent from this page: it shows the command for your own terminal. An operator can change that with issuer.portal.proxy in the configuration.",
        "Von dieser Seite werden keine Aufrufe gesendet: Sie zeigt den Befehl für dein eigenes Terminal. Ein Betreiber kann das mit issuer.portal.proxy in der Konfiguration ändern.";
    other_host:
        "This operation is at another host than the proxy of this site, so it is not sent from here: the page shows the command for your own terminal.",
        "Diese Operation liegt auf einem anderen Host als der Proxy dieser Seite, darum wird sie nicht von hier gesendet: Die Seite zeigt den Befehl für dein eigenes Terminal.";
    by_source:
        "This operation has a condition on where a call comes from. From here it would come from this site instead of from you, so it is not sent: the page shows the command for your own terminal.",
        "Diese Operation hat eine Bedingung dafür, woher ein Aufruf kommt. Von hier käme er von dieser Seite statt von dir, darum wird er nicht gesendet: Die Seite zeigt den Befehl für dein eigenes Terminal.";
    command: "The same in your terminal", "Dasselbe in deinem Terminal";
    command_token:
        "TOKEN is a token of the caller; the page of an app has the command that gets one.",
        "TOKEN ist ein Token des Aufrufers; auf der Seite einer App steht der Befehl, der eines holt.";
    command_url:
        "Replace https://api.example by the address of the API.",
        "Ersetze https://api.example durch die Adresse der API.";

    // What is wrong with it.
    secret_missing: "Type the secret of the app.", "Gib das Geheimnis der App ein.";
    secret_wrong:
        "The secret of the app is wrong. Copy all of it, or replace it on the page of the app.",
        "Das Geheimnis der App ist falsch. Kopiere es ganz, oder ersetze es auf der Seite der App.";
    no_scopes:
        "There is no token for the API, because the caller has no scope for it. Your roles:",
        "Es gibt kein Token für die API, weil der Aufrufer keine Berechtigung dafür hat. Deine Rollen:";
    value_missing: "A value is missing:", "Es fehlt ein Wert:";
    value_segment:
        "A value must not have an empty segment, nor one that is \u{201c}.\u{201d} or \u{201c}..\u{201d}:",
        "Ein Wert darf keinen leeren Abschnitt haben, und keinen, der \u{201e}.\u{201c} oder \u{201e}..\u{201c} ist:";
    target_too_long:
        "The path with its query is too long: it can have at most 1,000 bytes. Shorten a value or the query.",
        "Der Pfad mit seiner Query ist zu lang: Er kann höchstens 1.000 Bytes haben. Kürze einen Wert oder die Query.";
    body_over_limit:
        "The body is too long: it can have at most 16 KiB. Shorten it, or send it from your terminal.",
        "Der Body ist zu lang: Er kann höchstens 16 KiB haben. Kürze ihn, oder sende ihn von deinem Terminal.";
    too_long_to_tell:
        "This call is too long for the page to tell what comes of it, so it was not sent. Shorten a value or the query.",
        "Dieser Aufruf ist zu lang, als dass die Seite sagen könnte, was daraus wird, darum wurde er nicht gesendet. Kürze einen Wert oder die Query.";
    sent_body: "What was sent", "Was gesendet wurde";
    body_lost:
        "The body was sent and is too long to stay in the form: copy it from where you have it to send it again.",
        "Der Body wurde gesendet und ist zu lang, um im Formular zu bleiben: Kopiere ihn noch einmal von dort, wo du ihn hast.";
    no_body_here: "This method has no body: remove it.", "Diese Methode hat keinen Body: Entferne ihn.";
    other_operation: "With these values the request is for another operation:", "Mit diesen Werten gehört die Anfrage zu einer anderen Operation:";
    no_operation:
        "With these values the request is for none of the operations.",
        "Mit diesen Werten gehört die Anfrage zu keiner Operation.";

    // What came of it.
    answer: "The answer", "Die Antwort";
    call: "Call", "Aufruf";
    called_by: "By", "Von";
    status: "Status", "Status";
    decision: "Decision id", "Kennung der Entscheidung";
    decision_hint:
        "With it an operator finds the refusal in the log.",
        "Damit findet ein Betreiber die Ablehnung im Log.";
    why: "What the gate says", "Was das Gate sagt";
    passed_elsewhere:
        "The proxy answered what the gate beside this site would refuse: it asks another gate, or none. Tell an operator.",
        "Der Proxy hat beantwortet, was das Gate neben dieser Seite ablehnen würde: Er fragt ein anderes Gate, oder keines. Sag das einem Betreiber.";
    refused_elsewhere:
        "The gate beside this site lets the call through: the API itself refuses it, or the proxy asks another gate.",
        "Das Gate neben dieser Seite lässt den Aufruf durch: Die API selbst lehnt ihn ab, oder der Proxy fragt ein anderes Gate.";
    body_empty: "The body is empty.", "Der Body ist leer.";
    body_not_text: "The body is not text. Bytes that arrived:", "Der Body ist kein Text. Angekommene Bytes:";
    body_too_long: "Only the beginning is shown.", "Nur der Anfang wird gezeigt.";
    body_timed_out: "The rest did not arrive in time.", "Der Rest kam nicht rechtzeitig an.";
    body_broken: "The connection ended before the body did.", "Die Verbindung endete vor dem Body.";
    failed_busy:
        "Too many calls are being tried out at the moment. This one was not sent: try again shortly.",
        "Gerade werden zu viele Aufrufe ausprobiert. Dieser wurde nicht gesendet: Versuche es gleich noch einmal.";
    failed_busy_with_own:
        "Two of your calls are still under way, and nobody has more at a time. This one was not sent: try again when one of them has ended.",
        "Zwei deiner Aufrufe laufen noch, und mehr hat niemand zugleich. Dieser wurde nicht gesendet: Versuche es noch einmal, wenn einer davon beendet ist.";
    failed_unreachable:
        "The proxy cannot be reached. An operator finds the reason in the log.",
        "Der Proxy ist nicht erreichbar. Ein Betreiber findet den Grund im Log.";
    failed_broken:
        "The connection to the proxy ended before there was an answer. The API may have done what was asked all the same. An operator finds the reason in the log.",
        "Die Verbindung zum Proxy endete, bevor eine Antwort da war. Die API kann trotzdem getan haben, was verlangt war. Ein Betreiber findet den Grund im Log.";
    failed_untrusted:
        "The certificate of the proxy is not trusted, and nothing was sent. An operator finds the reason in the log.",
        "Dem Zertifikat des Proxys wird nicht vertraut, und es wurde nichts gesendet. Ein Betreiber findet den Grund im Log.";
    failed_timed_out:
        "There was no answer in time. The API may have done what was asked all the same.",
        "Es kam keine Antwort rechtzeitig. Die API kann trotzdem getan haben, was verlangt war.";
    failed_not_http:
        "What answered does not speak HTTP, or its head is too long. The API may have done what was asked all the same.",
        "Was antwortet, spricht kein HTTP, oder der Kopf seiner Antwort ist zu lang. Die API kann trotzdem getan haben, was verlangt war.";
    failed_target: "The request could not be made.", "Die Anfrage ließ sich nicht bilden.";
}
