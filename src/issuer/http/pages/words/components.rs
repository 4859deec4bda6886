//! What the page with all components says.

words! {
    ComponentWords {}

    title: "Components", "Bausteine";
    lead:
        "What the pages are made of, in the look of this site: each of them once. Nothing here does anything.",
        "Woraus die Seiten bestehen, im Aussehen dieser Website: jeder Baustein einmal. Hier bewirkt nichts etwas.";
    notices: "Notices", "Hinweise";
    done: "The change has been made.", "Die Änderung ist gemacht.";
    notice: "This is good to know.", "Das ist gut zu wissen.";
    wrong: "This name is taken.", "Dieser Name ist vergeben.";
    states: "States", "Zustände";
    fields: "Fields", "Felder";
    choices: "Choices", "Auswahl";
    one: "The first of two", "Die erste von zweien";
    other: "The second", "Die zweite";
    shut: "One that cannot be chosen", "Eine, die nicht wählbar ist";
    table: "A table", "Eine Tabelle";
    secret: "A secret that is shown once", "Ein Geheimnis, das einmal gezeigt wird";
    examples: "Examples of code", "Codebeispiele";
    confirmation: "A confirmation", "Eine Bestätigung";
    confirmation_text:
        "This concerns 2 users and 1 app. Their tokens end at once.",
        "Das betrifft 2 Benutzer und 1 App. Ihre Tokens enden sofort.";
    empty: "An empty list", "Eine leere Liste";
    empty_text: "What it is for, and what to do.", "Wozu sie da ist, und was zu tun ist.";
    more: "More of it", "Mehr davon";
    more_text: "What few need.", "Was wenige brauchen.";
}
