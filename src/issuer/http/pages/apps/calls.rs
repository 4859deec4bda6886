//! The first call in a few languages: the programs of `templates/calls`, with the visitor's own values.

/// The address that a reader has to replace where the settings name none.
pub(in crate::issuer::http::pages) const UNKNOWN_API: &str = "https://api.example";

/// A language, the end of an id in HTML, and the program.
const PROGRAMS: [(&str, &str, &str); 3] = [
    (
        "Python",
        "python",
        include_str!("../../../../../templates/calls/first_call.py"),
    ),
    (
        "JavaScript",
        "javascript",
        include_str!("../../../../../templates/calls/first_call.mjs"),
    ),
    (
        "Go",
        "go",
        include_str!("../../../../../templates/calls/first_call.go"),
    ),
];

/// What a program calls, and as whom. None of it has a quotation mark or a backslash: keys and secrets are
/// letters and digits, and the settings refuse such URLs.
pub(super) struct Values<'a> {
    pub(super) key: &'a str,
    /// None where it is not shown.
    pub(super) secret: Option<&'a str>,
    /// The issuer's.
    pub(super) url: &'a str,
    pub(super) api: Option<&'a str>,
}

/// A program that gets a token and calls the API.
pub(super) struct Call {
    pub(super) language: &'static str,
    pub(super) id: &'static str,
    /// The id of the program in HTML.
    pub(super) copied: String,
    pub(super) program: String,
}

/// The programs with these values.
pub(super) fn calls(values: &Values<'_>) -> Vec<Call> {
    let filled = |program: &str| {
        program
            .replace("ISSUER_URL", values.url)
            .replace("API_URL", values.api.unwrap_or(UNKNOWN_API))
            .replace("APP_KEY", values.key)
            // Last: a secret is replaced by nothing.
            .replace("APP_SECRET", values.secret.unwrap_or("SECRET"))
    };
    let programs = PROGRAMS.into_iter();
    let calls = programs.map(|(language, id, program)| Call {
        language,
        id,
        copied: format!("call-{id}"),
        program: filled(program.trim_end()),
    });
    calls.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_have_the_values_and_no_gap() {
        let values = |secret, api| Values {
            key: "k1",
            secret,
            url: "https://id.example",
            api,
        };
        for call in calls(&values(Some("s1"), Some("https://api.example/orders"))) {
            for text in [
                "\"k1\"",
                "\"s1\"",
                "\"https://id.example/authorization/token\"",
                "\"https://api.example/orders\"",
            ] {
                let count = call.program.matches(text).count();
                assert_eq!(count, 1, "{} in {}", text, call.language);
            }
            for gap in ["APP_", "_URL"] {
                assert!(!call.program.contains(gap), "{}", call.program);
            }
        }
        for call in calls(&values(None, None)) {
            assert!(call.program.contains("\"SECRET\""), "{}", call.program);
            assert!(call.program.contains(UNKNOWN_API), "{}", call.program);
        }
    }
}
