use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn source(text: &str) -> Source {
    Source {
        name: "f.yaml".to_owned(),
        text: text.to_owned(),
    }
}

fn place(line: usize, column: usize, bytes: Option<Range<usize>>) -> Place {
    Place {
        file: "f.yaml".to_owned(),
        line,
        column,
        bytes,
    }
}

fn sample() -> Problems {
    Problems(vec![
        Problem::new("the scope `x` is listed twice")
            .at(place(2, 3, Some(4..5)))
            .help("keep one")
            .related(place(1, 1, Some(0..1)), "first listed here"),
        Problem::new("the file cannot be read"),
    ])
}

#[test]
fn a_line_for_the_log_has_everything() {
    assert_snapshot!(sample(), @r"
    f.yaml:2:3: the scope `x` is listed twice (first listed here: f.yaml:1:1); help: keep one
    the file cannot be read
    ");
}

#[test]
fn machines_get_the_same_as_people() {
    let json = serde_json::to_string(&sample()).unwrap();
    assert_snapshot!(json, @r#"{"problems":[{"place":{"file":"f.yaml","line":2,"column":3,"bytes":{"start":4,"end":5}},"message":"the scope `x` is listed twice","help":"keep one","related":[{"place":{"file":"f.yaml","line":1,"column":1,"bytes":{"start":0,"end":1}},"message":"first listed here"}]},{"place":null,"message":"the file cannot be read","help":null,"related":[]}]}"#);
}

#[test]
fn user_input_is_shown_on_one_line() {
    for (input, expected) in [
        ("", "``"),
        ("a b", "`a b`"),
        ("it's \"so\"", "`it's \"so\"`"),
        ("a\nb\u{1b}[31m", "`a\\nb\\u{1b}[31m`"),
        ("é", "`é`"),
        ("\u{202e}x", "`\\u{202e}x`"),
    ] {
        assert_eq!(quoted(input), expected);
    }
    assert_eq!(quoted(&"é".repeat(100)).chars().count(), 65);
}

fn report(text: &str, place: Place) -> String {
    let problems = Problems::from(Problem::new("wrong").at(place));
    problems.render(&[source(text)], Colour::Plain)
}

#[test]
fn a_snippet_shows_the_line_and_marks_the_place() {
    assert_snapshot!(report("a: 1\r\nbé: [x, ü]\r\n", place(2, 9, Some(15..17))), @r"
    error: wrong
     --> f.yaml:2:9
      |
    2 | bé: [x, ü]
      |         ^

    1 problem
    ");
    assert_snapshot!(report("\u{feff}a: yes\n", place(1, 4, Some(6..9))), @r"
    error: wrong
     --> f.yaml:1:4
      |
    1 | a: yes
      |    ^^^

    1 problem
    ");
    assert_snapshot!(report("a: yes\n", place(1, 4, None)), @r"
    error: wrong
     --> f.yaml:1:4
      |
    1 | a: yes
      |    ^

    1 problem
    ");
    assert_snapshot!(report("a:\n", place(2, 1, Some(3..3))), @r"
    error: wrong
     --> f.yaml:2:1
      |
    2 |
      | ^

    1 problem
    ");
    let long = format!(
        "{}: [{}bad{}]",
        "k".repeat(50),
        "x, ".repeat(1000),
        ", y".repeat(1000)
    );
    assert_snapshot!(report(&long, place(1, 3054, Some(3053..3056))), @r"
    error: wrong
     --> f.yaml:1:3054
      |
     ::: 
    1 | ...x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, bad, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y, y,...
      |                                                                   ^^^

    1 problem
    ");
    let other = Place {
        file: "other.yaml".to_owned(),
        ..place(3, 4, None)
    };
    assert_snapshot!(report("a: 1\n", other), @r"
    error: wrong
    --> other.yaml:3:4

    1 problem
    ");
}

#[test]
fn terminals_get_colours() {
    let problems = Problems::from(Problem::new("wrong").at(place(1, 1, None)));
    assert!(
        problems
            .render(&[source("a: 1")], Colour::Ansi)
            .contains("\u{1b}[")
    );
}

#[test]
fn long_reports_are_cut() {
    let problems = Problems(vec![Problem::new("wrong"); 300]);
    let report = problems.render(&[], Colour::Plain);
    assert_eq!(report.matches("error: wrong").count(), 200);
    assert!(
        report.ends_with("... and 100 more\n\n300 problems\n"),
        "{report}"
    );
}

proptest! {
    #[test]
    fn any_place_in_any_text_is_shown(
        text in "[a-z\u{e9}\u{1F600}\u{301}\u{200d}\t\r\n\u{feff}\u{1b} ]{0,40}",
        long in prop::bool::ANY,
        line in 0_usize..6,
        column in 0_usize..300,
        bytes in prop::option::of((0_usize..300, 0_usize..300)),
    ) {
        let text = if long { text.repeat(20) } else { text };
        let bytes = bytes.map(|(start, end)| start..end);
        let report = report(&text, place(line, column, bytes));
        prop_assert!(report.contains("error: wrong"));
    }
}
