//! `portcullis check`: files that are missing, of another kind, or read without the configuration.

use super::check::{check, folder};
use super::{run, text};

#[test]
fn issuers_that_were_not_compared_are_told() {
    let policy = "version: 1\nissuers: [owm]\nroutes: [{name: a, methods: [GET], path: /a, access: authenticated}]\n";
    let said = check(policy, &["--deny-warnings"], 0);
    assert!(
        said.contains("note: the issuers that the policy names were not compared"),
        "{said}"
    );
    let said = check(&policy.replace("issuers: [owm]\n", ""), &[], 0);
    assert!(!said.contains("note:"), "{said}");
}

#[test]
fn a_file_of_tests_is_no_policy_and_a_policy_no_file_of_tests() {
    let said = check("version: 1\npolicy: [a.yaml]\ntests: []\n", &[], 1);
    let expected = "this is a file of tests and not a policy";
    assert!(
        said.contains(expected) && said.contains("portcullis test"),
        "{said}"
    );
    assert_eq!(said.matches("error:").count(), 1, "{said}");
    let folder = folder("version: 1\nroutes: []\nissuers: [a]\nscopes: {}\n");
    let output = run(&["test", "policy.yaml"], folder.path());
    let said = text(&output.stdout) + &text(&output.stderr);
    let expected = "this is a policy and not a file of tests";
    assert!(
        said.contains(expected) && said.contains("portcullis check"),
        "{said}"
    );
    assert_eq!(said.matches("error:").count(), 1, "{said}");
}

#[test]
fn a_policy_that_is_missing_hides_nothing_else_and_has_its_place() {
    let folder =
        folder("version: 1\nroutes: [{name: a, methods: [GET], path: /a, acess: public}]\n");
    std::fs::write(
        folder.path().join("portcullis.yaml"),
        "version: 1\npolicy: [polcy.yaml]\nshadow_policy: [policy.yaml]\n",
    )
    .unwrap();
    let output = run(&["check", "--config", "portcullis.yaml"], folder.path());
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let expected = "`policy`: `polcy.yaml` does not exist: did you mean `policy.yaml`?\n --> portcullis.yaml:2:10";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("unknown key `acess`"), "{said}");
}

#[test]
fn an_issuer_in_plain_text_is_warned_of() {
    for (url, expected) in [
        ("http://login.shop.example", true),
        ("http://127.0.0.1:8080", false),
        ("http://localhost:8080", false),
        ("https://login.shop.example", false),
    ] {
        let folder = folder("version: 1\nroutes: []\n");
        std::fs::write(
            folder.path().join("portcullis.yaml"),
            format!(
                "version: 1\npolicy: [policy.yaml]\nissuer: {{url: \"{url}\", audiences: [a]}}\n"
            ),
        )
        .unwrap();
        let output = run(&["check", "--config", "portcullis.yaml"], folder.path());
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(
            said.contains("is plain text to other machines"),
            expected,
            "{said}"
        );
    }
}

#[test]
fn nothing_to_check_is_told_with_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["check"], folder.path());
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("FILE") && said.contains("--config"), "{said}");
}

#[test]
fn a_policy_without_routes_says_that_it_refuses_everything() {
    let said = check("version: 1\nroutes: []\n", &[], 0);
    assert!(
        said.contains("ok: 0 routes (everything is refused), digest "),
        "{said}"
    );
}
