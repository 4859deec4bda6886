//! Each trouble planted in a configuration that has none.

mod envoy;
mod objects;

use super::*;
use crate::labels::Label;
use crate::problem::Source;
use crate::yaml::parse_foreign;

const ENVOY: &str = include_str!("../../config/envoy.yaml");
const POD: &str = include_str!("../../k8s/example/envoy.yaml");

fn found_with(text: &str, assumptions: &Assumptions) -> Vec<String> {
    let source = Source {
        name: "file".to_owned(),
        text: text.to_owned(),
    };
    let documents = parse_foreign(&source).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
    let report = examine(&documents, assumptions);
    assert!(!report.examined.is_empty(), "{text}");
    let findings = report.findings.into_iter();
    findings
        .map(|finding| {
            let detail = finding.detail.map(|detail| format!(" ({detail})"));
            format!(
                "{}: {}{}",
                finding.trouble.name(),
                finding.place,
                detail.unwrap_or_default()
            )
        })
        .collect()
}

fn found(text: &str) -> Vec<String> {
    found_with(text, &Assumptions::default())
}

#[track_caller]
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[test]
fn the_samples_have_none() {
    assert_eq!(found(ENVOY), [""; 0]);
    assert_eq!(found(POD), [""; 0]);
    let planes = concat!(env!("CARGO_MANIFEST_DIR"), "/k8s/data-planes");
    let mut examined = 0;
    for plane in std::fs::read_dir(planes).unwrap() {
        for file in std::fs::read_dir(plane.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let source = Source {
                name: path.display().to_string(),
                text,
            };
            let report = examine(&parse_foreign(&source).unwrap(), &Assumptions::default());
            assert_eq!(report.findings, [], "{}", path.display());
            examined += report.examined.len();
        }
    }
    assert!(examined > 10, "{examined}");
}

#[test]
fn what_is_nothing_that_is_known_is_not_examined() {
    let source = Source {
        name: "file".to_owned(),
        text: "a: 1\n---\nkind: Pod\nmetadata: {name: p}\n".to_owned(),
    };
    let report = examine(&parse_foreign(&source).unwrap(), &Assumptions::default());
    assert!(report.examined.is_empty());
}

#[test]
fn every_trouble_says_why_and_what_to_do() {
    let page = include_str!("../../docs/doctor.md").replace("\\|", "|");
    for trouble in Trouble::ALL {
        for text in [trouble.reason(), trouble.fix()] {
            let first = text.chars().next().unwrap();
            assert!(first == '`' || first.is_lowercase(), "{text}");
            assert!(!text.ends_with('.'), "{text}");
        }
        let severity = trouble.severity().label().to_uppercase();
        let (name, why, fix) = (trouble.name(), trouble.reason(), trouble.fix());
        let row = format!("| `{name}` | {severity} | {why} | {fix} |");
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn notes_do_not_push_out_failures() {
    let mut report = Report::default();
    for number in 0..MAX_FINDINGS + 5 {
        report.add(Trouble::RoutesElsewhere, format!("listener {number}"));
    }
    report.add(Trouble::FailOpen, "the last one");
    assert_eq!(report.count(Severity::Fail), 1);
    assert_eq!(report.count(Severity::Note), MAX_FINDINGS);
    assert_eq!(report.left_out, BTreeMap::from([(Severity::Note, 5)]));
}
