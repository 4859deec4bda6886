//! Strict reading: what is a value, what is refused, and where.

mod messages;
mod parts;
mod places;

use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(default, deserialize_with = "present")]
    flag: Option<Located<bool>>,
    #[serde(default, deserialize_with = "present")]
    number: Option<Located<u32>>,
    #[serde(default, deserialize_with = "present")]
    words: Option<Located<Vec<Located<String>>>>,
    #[serde(default, deserialize_with = "present")]
    names: Option<Entries<Located<String>>>,
    #[serde(default, deserialize_with = "present")]
    nested: Option<Vec<Sample>>,
}

fn sample(text: &str) -> (Source, Result<Sample, Problem>) {
    let source = Source {
        name: "f".to_owned(),
        text: text.to_owned(),
    };
    let parsed = parse(&source);
    (source, parsed)
}

fn check_refused(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        let (_, parsed) = sample(text);
        let problem = parsed.expect_err(text);
        let message = problem.message.as_str();
        let shown = match &problem.place {
            Some(place) => format!("{}:{} {message}", place.line, place.column),
            None => message.to_owned(),
        };
        assert_eq!(shown, *expected, "{text:?}");
        assert!(problem.help.is_some(), "{text:?} has no help");
    }
}

#[test]
fn only_true_and_false_are_booleans() {
    check_refused(&[
        ("flag: yes", "1:7 this is not a boolean"),
        ("flag: on", "1:7 this is not a boolean"),
        ("flag: 1", "1:7 this is not a boolean"),
        ("flag: y", "1:7 this is not a boolean"),
        ("flag:", "1:5 this is not a boolean"),
        ("flag: ~", "1:7 this is not a boolean"),
        ("flag: \"yes\"", "1:7 this is not a boolean"),
        ("flag: [true]", "1:7 expected a single value"),
        ("%YAML 1.1\n---\nflag: yes", "3:7 this is not a boolean"),
    ]);
    for (text, expected) in [
        ("flag: true", Some(true)),
        ("flag: false", Some(false)),
        ("flag: True", None),
        ("flag: \"true\"", None),
        ("flag: 'false'", None),
    ] {
        let (source, parsed) = sample(text);
        let value = parsed.expect(text).flag.expect(text);
        assert_eq!(flag(&source, &value).ok(), expected, "{text:?}");
    }
}

#[test]
fn what_is_not_text_is_no_text() {
    check_refused(&[
        (
            "words: [a, 5]",
            "1:12 `5` is not text: YAML reads it as a number, a boolean or nothing",
        ),
        (
            "words: [true]",
            "1:9 `true` is not text: YAML reads it as a number, a boolean or nothing",
        ),
        (
            "words: [1e3]",
            "1:9 `1e3` is not text: YAML reads it as a number, a boolean or nothing",
        ),
        (
            "words: [0x1F]",
            "1:9 `0x1F` is not text: YAML reads it as a number, a boolean or nothing",
        ),
        (
            "words: [1_000]",
            "1:9 `1_000` is not text: YAML reads it as a number, a boolean or nothing",
        ),
        (
            "words: [a, no]",
            "1:12 `no` is a boolean to some readers of YAML",
        ),
        (
            "words: [Yes]",
            "1:9 `Yes` is a boolean to some readers of YAML",
        ),
        (
            "words: [off]",
            "1:9 `off` is a boolean to some readers of YAML",
        ),
        ("words: [null]", "1:9 a value is missing"),
        ("words: [~]", "1:9 a value is missing"),
        ("words:\n  -\n  - a", "2:4 a value is missing"),
        ("names: {a: }", "1:10 a value is missing"),
        (
            "names: {5: b}",
            "1:9 `5` is not text: YAML reads it as a number, a boolean or nothing",
        ),
        (
            "names: {no: b}",
            "1:9 `no` is a boolean to some readers of YAML",
        ),
        ("words:", "1:6 expected a list"),
        ("words: a", "1:8 expected a list"),
        ("words: {a: b}", "1:8 expected a list"),
        ("names: [a]", "1:8 expected a mapping"),
        ("names:", "1:6 expected a mapping"),
        ("number: x", "1:9 this is not a whole number"),
        ("number: -1", "1:9 this is not a whole number"),
        ("number: 99999999999", "1:9 this is not a whole number"),
        ("number:", "1:7 this is not a whole number"),
    ]);
    let (source, parsed) = sample("words: [\"5\", 'no', 1.2.3, 12:30, é, \"a\\tb\"]");
    let words = parsed.unwrap().words.unwrap();
    let values: Vec<&str> = words.value.iter().map(|word| word.value.as_str()).collect();
    assert_eq!(values, ["5", "no", "1.2.3", "12:30", "é", "a\tb"]);
    let written: Vec<&str> = words
        .value
        .iter()
        .map(|word| word.written(&source))
        .collect();
    assert_eq!(
        written,
        ["\"5\"", "'no'", "1.2.3", "12:30", "é", "\"a\\tb\""]
    );
}

#[test]
fn what_readers_disagree_about_is_refused() {
    const ALIAS: &str = "anchors (`&`) and aliases (`*`) are not allowed";
    check_refused(&[
        ("flag: true\nflag: true", "2:1 the key `flag` appears twice"),
        ("names: {a: b, a: c}", "1:15 the key `a` appears twice"),
        ("names: {a: b, \"a\": c}", "1:15 the key `a` appears twice"),
        ("<<: {flag: true}", "1:1 merge keys (`<<`) are not allowed"),
        (
            "names: {<<: {a: b}}",
            "1:9 merge keys (`<<`) are not allowed",
        ),
        ("words: &a [x]", &format!("1:11 {ALIAS}")),
        ("words: [*a]", &format!("1:9 {ALIAS}")),
        ("words: [&x a, *x]", &format!("1:12 {ALIAS}")),
        ("&b flag: true", &format!("1:4 {ALIAS}")),
        ("words: [!foo a]", "1:14 tags (`!`) are not allowed"),
        ("words: [!!str a]", "1:15 tags (`!`) are not allowed"),
        ("words: [!!binary YQ==]", "1:18 tags (`!`) are not allowed"),
        ("words: [! a]", "1:11 tags (`!`) are not allowed"),
        ("words: !!seq [a]", "1:14 tags (`!`) are not allowed"),
        ("flag: !!bool true", "1:14 tags (`!`) are not allowed"),
        ("!x flag: true", "1:4 tags (`!`) are not allowed"),
        (
            "%TAG ! tag:x,2020:\n---\nflag: !y true",
            "3:10 tags (`!`) are not allowed",
        ),
        (
            "flag: true\n---\nflag: true",
            "2:1 the file has more than one document",
        ),
        ("", "1:1 the file is empty"),
        ("# a comment\n\n", "1:1 the file is empty"),
        ("\u{feff}", "1:1 the file is empty"),
        ("---\n...\n", "1:1 the file is empty"),
        ("null", "1:1 expected a mapping"),
        ("[]", "1:1 expected a mapping"),
        ("5", "1:1 expected a mapping"),
        ("flags: true", "1:1 unknown key `flags`"),
        (
            "nested:\n  - flag: true\n  - flog: true\n",
            "3:5 unknown key `flog`",
        ),
        ("flag: \"abc", "1:7 a quotation mark is not closed"),
        ("words: [@a]", "1:9 text cannot begin with `@`"),
    ]);
}

#[test]
fn a_misspelt_key_gets_a_suggestion() {
    for (text, expected) in [
        ("flags: true", "did you mean `flag`?"),
        ("wrods: []", "did you mean `words`?"),
        (
            "zzz: 1",
            "known are `flag`, `number`, `words`, `names`, `nested`",
        ),
    ] {
        let help = sample(text).1.expect_err(text).help;
        assert_eq!(help.as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn nesting_and_size_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "nested: [{".repeat(depth), "}]".repeat(depth));
    assert!(sample(&nested(7)).1.unwrap().nested.is_some());
    check_refused(&[(&nested(8), "1:80 more than 16 levels of nesting")]);
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
    ] {
        assert!(sample(&text).1.is_err());
    }
    let (_, parsed) = sample(&format!("words: [{}]", "a,".repeat(MAX_SOURCE_BYTES / 2)));
    assert_eq!(
        parsed.unwrap_err().message,
        "f is larger than 16777216 bytes"
    );
}

#[test]
fn trailing_marks_are_fine() {
    for text in [
        "flag: true\n...\n",
        "---\nflag: true\n",
        "{number: 5}",
        "names: {b: x, a: z}",
    ] {
        let (_, parsed) = sample(text);
        let parsed = parsed.expect(text);
        let keys = parsed
            .names
            .map(|names| names.0.into_iter().map(|(key, _)| key.value).collect());
        assert!(keys.is_none_or(|keys: Vec<String>| keys == ["b", "a"]));
        assert!(parsed.number.is_none_or(|number| number.value == 5));
    }
}
