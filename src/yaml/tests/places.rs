//! Where values, and parts of them, stand in their file.

use super::*;

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
