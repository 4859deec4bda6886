//! Documents of which only some parts can be read.

use super::*;

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
