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

#[test]
fn places_are_right_behind_marks_and_letters_of_several_bytes() {
    check_refused(&[
        ("\u{feff}flag: yes", "1:7 this is not a boolean"),
        (
            "flag: true\r\nwords: [a, no]\r\n",
            "2:12 `no` is a boolean to some readers of YAML",
        ),
        (
            "words: [é, é, no]",
            "1:15 `no` is a boolean to some readers of YAML",
        ),
    ]);
    let (source, parsed) = sample("\u{feff}# é\r\nwords: [é, b]");
    let words = parsed.unwrap().words.unwrap();
    let place = words.value[1].place(&source);
    assert_eq!((place.line, place.column), (2, 12));
    assert_eq!(source.text.get(place.bytes.unwrap()), Some("b"));
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

/// What is wrong with a text that is read in parts, and what could be read.
fn parts(text: &str) -> (Vec<String>, Option<Sample>) {
    let source = Source {
        name: "f".to_owned(),
        text: text.to_owned(),
    };
    let (problems, document) = match parse_in_parts::<Sample>(&source) {
        Ok(Recovered {
            document, problems, ..
        }) => (problems, Some(document)),
        Err(problems) => (problems, None),
    };
    let shown = problems.iter().map(|problem| {
        let place = problem.place.as_ref();
        let place = place.map(|place| format!("{}:{} ", place.line, place.column));
        format!("{}{}", place.unwrap_or_default(), problem.message)
    });
    (shown.collect(), document)
}

#[test]
fn one_mistake_does_not_hide_the_next() {
    for (text, expected) in [
        (
            "flags: true\nnumber: x\nwords: a\nnested:\n  - number: 1\n",
            &[
                "1:1 unknown key `flags`",
                "2:9 this is not a whole number",
                "3:8 expected a list",
            ][..],
        ),
        (
            "{flags: true, number: x, words: [a, 5, b], names: {a: b}}",
            &[
                "1:2 unknown key `flags`",
                "1:23 this is not a whole number",
                "1:37 `5` is not text: YAML reads it as a number, a boolean or nothing",
            ],
        ),
        (
            "nested:\n  - flog: 1\n    number: 2\n  - number: x\n  - words:\n      a: b\n      c: d\n",
            &[
                "2:5 unknown key `flog`",
                "4:13 this is not a whole number",
                "6:7 expected a list",
            ],
        ),
        (
            "flag: yes\nwords: [no, ja]\nnames: {a: }\n",
            &[
                "1:7 this is not a boolean",
                "3:10 a value is missing",
                "2:9 `no` is a boolean to some readers of YAML",
            ],
        ),
        (
            "? flags\nnumber: x\nwords: [a]\n",
            &["1:3 unknown key `flags`", "2:9 this is not a whole number"],
        ),
        (
            "flag: true\nflag: true\nnumber: x\n",
            &[
                "2:1 the key `flag` appears twice",
                "3:9 this is not a whole number",
            ],
        ),
    ] {
        let (problems, document) = parts(text);
        assert_eq!(problems, expected, "{text}");
        assert!(document.is_some(), "{text}");
    }
}

#[test]
fn what_can_be_read_is_read_at_its_place() {
    let text = "flags: [a,\n  é]\nnumber: 7 # é\nwords: [é, 5, b]\n";
    let (problems, document) = parts(text);
    assert_eq!(problems.len(), 2, "{problems:?}");
    let document = document.unwrap();
    assert_eq!(document.number.unwrap().value, 7);
    let words = document.words.unwrap().value;
    let source = Source {
        name: "f".to_owned(),
        text: text.to_owned(),
    };
    let found: Vec<_> = words
        .iter()
        .map(|word| (word.value.as_str(), word.place(&source).column))
        .collect();
    assert_eq!(found, [("é", 9), ("b", 15)]);
}

#[test]
fn what_cannot_be_told_apart_ends_the_reading() {
    for text in [
        "flags: true\nwords: [\n",
        "flags: true",
        "- flag: x",
        "\t",
        "flag: &a true",
    ] {
        let (problems, document) = parts(text);
        assert!(!problems.is_empty() && document.is_none(), "{text}");
    }
    let (problems, _) = parts("flags: true\nnumber: 1\n words: [a]\n");
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("1:1 unknown key"), "{problems:?}");
    assert!(problems[1].starts_with("3:"), "{problems:?}");
    // A bound, and no more than one problem for each mistake.
    let unknown = (0..200).map(|number| format!("key{number}: 1\n"));
    let unknown = unknown.collect::<Vec<_>>().concat();
    assert_eq!(parts(&unknown).0.len(), 50);
    let deep = format!("flags: 1\nnested: {}", "[".repeat(100_000));
    assert!(parts(&deep).1.is_none());
}

/// What each part of a text is called where it is written: line, column and the bytes there.
#[track_caller]
fn check_within(text: &str, part: &str, expected: (usize, usize, &str)) {
    let (source, parsed) = sample(text);
    let words = parsed.unwrap().words.unwrap();
    let word = words.value.first().unwrap();
    let start = word.value.find(part).unwrap();
    let place = word.place_within(&source, start..start + part.len());
    let written = place.bytes.clone().and_then(|bytes| source.text.get(bytes));
    let found = (place.line, place.column, written.unwrap_or_default());
    assert_eq!(found, expected, "{text:?}");
}

#[test]
fn a_part_of_a_text_is_found_however_the_text_is_written() {
    for (text, part, expected) in [
        ("words: [a == b]\n", "b", (1, 14, "b")),
        ("words:\n  - a == b && c\n", "c", (2, 15, "c")),
        ("words: ['a == ''b'' c']\n", "c", (1, 21, "c")),
        ("words: ['a == ''b'' c']\n", "'b'", (1, 15, "''b''")),
        (r#"words: ["a == \"b\" c"]"#, "c", (1, 21, "c")),
        (r#"words: ["a\t== \\b c"]"#, "c", (1, 20, "c")),
        ("words: [\"\u{fc} == b\"]\n", "b", (1, 15, "b")),
        ("words:\n  - a ==\n    b\n    c\n", "c", (4, 5, "c")),
        (
            "words:\n  - |\n    a ==\n      b\n    c\n",
            "b",
            (4, 7, "b"),
        ),
        (
            "words:\n  - >-\n    a ==\n    b\n\n    c\n",
            "c",
            (6, 5, "c"),
        ),
        ("words:\n  - >\n    a == b\n", "a == b", (3, 5, "a == b")),
        ("words:\n  - 'a\n    b''s c'\n", "c", (3, 10, "c")),
        ("words: [\"a \\\n  b\"]\n", "b", (2, 3, "b")),
    ] {
        check_within(text, part, expected);
    }
}
