//! What only the proxy knows of a request: said to `explain` and in tests, or not known.

use std::fs;

use tempfile::TempDir;

use super::{run, text};

const POLICY: &str = r#"version: 1
routes:
  - {name: inside, methods: [GET], path: /inside, access: public, when: 'request.source.address.startsWith("10.")'}
  - {name: elsewhere, methods: [GET], path: /elsewhere, access: public, when: 'request.source.address != "6.6.6.6"'}
  - {name: secure, methods: [GET], path: /secure, access: public, when: 'request.scheme != "http"'}
  - {name: known, methods: [GET], path: /known, access: public, when: 'request.source.principal != ""'}
  - {name: short, methods: [GET], path: /short, access: public, when: request.size == 0}
  - {name: plain, methods: [GET], path: /plain, access: public, when: request.method == "GET"}
"#;

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    folder
}

#[test]
fn explain_answers_only_what_it_was_told_enough_for() {
    let folder = folder();
    let cases: [(&[&str], i32); 14] = [
        (&["/inside"], 2),
        (&["/inside", "--source-address", "10.1.2.3"], 0),
        (&["/inside", "--source-address", "6.6.6.6"], 1),
        (&["/inside", "--source-address", ""], 1),
        (&["/elsewhere"], 2),
        (&["/elsewhere", "--source-address", "6.6.6.6"], 1),
        (&["/secure"], 2),
        (&["https://shop.example/secure"], 0),
        (&["http://shop.example/secure"], 1),
        (&["http://shop.example/secure", "--scheme", "https"], 0),
        (&["/known"], 2),
        (&["/known", "--source-principal", "spiffe://shop/app"], 0),
        (&["/short", "--size", "0"], 0),
        (&["/plain"], 0),
    ];
    for (arguments, code) in cases {
        let all = [&["explain", "GET"], arguments, &["--policy", "policy.yaml"]].concat();
        let output = run(&all, folder.path());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let said = text(&output.stdout);
        assert_eq!(said.contains("cannot tell"), code == 2, "{said}");
    }
    let output = run(
        &["explain", "GET", "/inside", "--policy", "policy.yaml"],
        folder.path(),
    );
    let said = text(&output.stdout);
    assert!(
        said.contains(
            "note: cannot tell what the gate answers: a condition reads `request.source.address`, which is not \
             said: write it after `--source-address`"
        ),
        "{said}"
    );
}

#[test]
fn a_test_fails_that_does_not_say_what_a_condition_reads() {
    let folder = folder();
    let tests = |cases: &str| {
        let file = format!("version: 1\ntests:\n{cases}");
        fs::write(folder.path().join("policy.test.yaml"), file).unwrap();
        let output = run(&["test", "policy.test.yaml"], folder.path());
        (output.status.code(), text(&output.stdout))
    };
    for (case, key) in [
        ("{request: GET /inside, expect: 403}", "source_address"),
        ("{request: GET /elsewhere, expect: 403}", "source_address"),
        ("{request: GET /secure, expect: 403}", "scheme"),
        ("{request: GET /known, expect: 403}", "source_principal"),
        ("{request: GET /short, expect: 403}", "size"),
    ] {
        let (code, said) = tests(&format!("  - {case}\n"));
        assert_eq!(code, Some(1), "{case}");
        assert!(said.contains(&format!("add `{key}`")), "{said}");
    }
    let (code, said) = tests(
        "  - {request: GET /inside, source_address: 10.1.2.3, expect: allow}\n  \
         - {request: GET /elsewhere, source_address: 6.6.6.6, expect: 403}\n  \
         - {request: GET http://x.example/secure, expect: 403}\n  \
         - {request: GET /secure, scheme: https, expect: allow}\n  \
         - {request: GET /known, source_principal: '', expect: 403}\n  \
         - {request: GET /short, size: 5, expect: 403}\n",
    );
    assert_eq!(code, Some(0), "{said}");
}
