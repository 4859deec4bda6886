//! What is wrong with a redirect URI, for whoever has typed it.

use super::in_quotes;
use crate::identity::RedirectUri;
use crate::issuer::http::pages::language::Language;

/// Of a long one the beginning is repeated.
const MAX_SHOWN: usize = 100;

/// What is wrong with a URI that is none, in one sentence.
pub(super) fn what_is_wrong(language: Language, uri: &str) -> String {
    let shown: String = uri.chars().take(MAX_SHOWN).collect();
    let dots = if shown.len() < uri.len() {
        "\u{2026}"
    } else {
        ""
    };
    // No backtick of it is a quotation mark of ours.
    let shown = shown.replace('`', "'");
    let [english, german] = reason(uri);
    let text = match language {
        Language::English => format!("The redirect URI `{shown}{dots}` {english}."),
        Language::German => format!("Die Rückkehradresse `{shown}{dots}` {german}."),
    };
    in_quotes(language, &text)
}

/// The first thing that is wrong.
fn reason(uri: &str) -> [&'static str; 2] {
    let has = |scheme: &str| {
        uri.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if !has("https://") && !has("http://") {
        return [
            "does not begin with `https://`",
            "beginnt nicht mit `https://`",
        ];
    }
    if uri.contains('#') {
        return [
            "has a fragment: leave out `#` and what follows",
            "hat ein Fragment: Lass `#` und alles danach weg",
        ];
    }
    if uri.contains('*') {
        return [
            "has a `*`: write each address in full",
            "hat ein `*`: Schreibe jede Adresse aus",
        ];
    }
    if uri
        .chars()
        .any(|one| one.is_whitespace() || !one.is_ascii_graphic())
    {
        return [
            "has a space, or a letter beyond ASCII: encode it",
            "hat ein Leerzeichen oder ein Zeichen außerhalb von ASCII: Kodiere es",
        ];
    }
    // `http` is for one's own machine, and with `https` the same would do.
    let secure = uri.get("http".len()..).map(|rest| format!("https{rest}"));
    if has("http://") && secure.is_some_and(|secure| RedirectUri::parse(&secure).is_ok()) {
        return [
            "is not encrypted: write `https://` (`http://` is for `localhost` and `127.0.0.1` alone)",
            "ist nicht verschlüsselt: Schreibe `https://` (`http://` gibt es nur für `localhost` und `127.0.0.1`)",
        ];
    }
    let authority = uri.split("//").nth(1).unwrap_or_default();
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return [
            "names a user: leave out what is before `@`",
            "nennt einen Benutzer: Lass weg, was vor `@` steht",
        ];
    }
    let root = uri.split("//").next().unwrap_or_default();
    if RedirectUri::parse(&format!("{root}//{authority}/")).is_err() {
        return [
            "has no valid host or port",
            "hat keinen gültigen Host oder Port",
        ];
    }
    if uri
        .split(['/', '?'])
        .any(|segment| matches!(segment, "." | ".."))
    {
        return [
            "has a `.` or `..` in its path: write the path that is meant",
            "hat `.` oder `..` im Pfad: Schreibe den Pfad, der gemeint ist",
        ];
    }
    [
        "is too long or not encoded correctly",
        "ist zu lang oder nicht richtig kodiert",
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_of_this_one() {
        for (uri, expected) in [
            ("shop.example/cb", "does not begin with"),
            ("ftp://shop.example/cb", "does not begin with"),
            ("\u{e4}", "does not begin with"),
            ("http://shop.example/cb", "is not encrypted"),
            ("https://shop.example/cb#top", "has a fragment"),
            ("https://*.shop.example/cb", "has a \u{201c}*\u{201d}"),
            ("https://shop.example/a b", "has a space"),
            ("https://m\u{fc}ller.example/", "has a space, or a letter"),
            ("https://alice@shop.example/", "names a user"),
            ("https://shop.example:0/", "has no valid host or port"),
            ("https:///cb", "has no valid host or port"),
            ("https://shop.example/a/../b", "in its path"),
            ("https://shop.example/%zz", "not encoded correctly"),
            (
                &format!("https://shop.example/{}", "a".repeat(3000)),
                "too long",
            ),
        ] {
            assert!(RedirectUri::parse(uri).is_err(), "{uri}");
            let said = what_is_wrong(Language::English, uri);
            assert!(said.contains(expected), "{said}");
            assert!(said.split(' ').count() < 25, "{said}");
            assert!(!said.contains('`'), "{said}");
            assert_ne!(said, what_is_wrong(Language::German, uri));
        }
    }
}
