//! What the YAML library says, in our words.

use super::*;

/// A value that may be a number or a list, as several in the configuration.
#[derive(Debug, Deserialize)]
struct Loose {
    #[serde(deserialize_with = "one_or_several")]
    #[expect(dead_code, reason = "only its errors are looked at")]
    value: Vec<String>,
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Several;

    impl Visitor<'_> for Several {
        type Value = Vec<String>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a name or a list of names")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<String>, E> {
            Ok(vec![text.to_owned()])
        }
    }

    deserializer.deserialize_any(Several)
}

#[test]
fn what_the_library_calls_by_its_own_words_is_said_in_ours() {
    let shown = |problem: Problem| {
        let place = problem.place.unwrap();
        let help = problem.help.unwrap();
        format!(
            "{}:{} {}: {help}",
            place.line, place.column, problem.message
        )
    };
    let indented = "this line is indented in another way than the list or mapping that it is in: \
                    indent all keys of a mapping alike, and each `-` of a list as the first one";
    let colon = "`: ` cannot be here: put a value that contains `: ` in quotation marks, or indent this line \
                 as the keys beside it";
    let tab = "a tab cannot indent a line: indent by spaces";
    for (text, expected) in [
        ("words:\n\t- a\n", format!("2:1 {tab}")),
        ("flag: true\n\tnumber: 5\n", format!("2:1 {tab}")),
        ("nested:\n  - flag: true\n   number: 5\n", format!("3:4 {indented}")),
        ("names: {a: b}}", "1:14 a bracket closes nothing: remove it, or add the bracket that it closes".to_owned()),
        ("names:\n  a: b: c\n", format!("2:7 {colon}")),
        (
            "number: 1\n  flag: true\n",
            "1:9 the next line belongs to this value, because it is indented further: indent the next line \
             as this key, if it is a key of its own"
                .to_owned(),
        ),
    ] {
        let problem = sample(text).1.expect_err(text);
        assert_eq!(shown(problem), expected, "{text:?}");
    }
    for (text, expected) in [
        (
            "value:",
            "a value is missing: write a name or a list of names",
        ),
        (
            "value: {a: b}",
            "expected a name or a list of names: write a name or a list of names, not a mapping",
        ),
        (
            "value: [a]",
            "expected a name or a list of names: write a name or a list of names, not a list",
        ),
        (
            "value: true",
            "expected a name or a list of names: write a name or a list of names, not `true` or `false`",
        ),
    ] {
        let source = Source {
            name: "f".to_owned(),
            text: text.to_owned(),
        };
        let problem = parse::<Loose>(&source).expect_err(text);
        let (message, help) = (problem.message, problem.help.unwrap());
        assert_eq!(format!("{message}: {help}"), expected, "{text}");
    }
}
