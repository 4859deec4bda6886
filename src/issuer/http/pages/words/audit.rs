//! What the page of the audit says.

words! {
    AuditWords {}

    actor: "Who (name or id)", "Wer (Name oder Kennung)";
    actor_kind: "By", "Durch";
    any: "all", "alle";
    users: "users", "Benutzer";
    commands: "commands at the server", "Befehle am Server";
    object: "Object (name, key or id)", "Objekt (Name, Schlüssel oder Kennung)";
    object_kind: "Kind of object", "Art des Objekts";
    action: "Action", "Handlung";
    from: "From (UTC)", "Von (UTC)";
    to: "To (UTC)", "Bis (UTC)";
    search: "Search in all texts", "In allen Texten suchen";
    gone: "(deleted)", "(gelöscht)";
    command_line: "command line", "Befehlszeile";
    now_called: "now", "heute";
    clear: "Clear the filters", "Filter leeren";
}
