//! The verbs that compare and make policies, and that examine proxies.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{run, run_with_input, text};

fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn golden(path: &str) -> String {
    fs::read_to_string(fixtures(path)).unwrap()
}

#[test]
fn diff_tells_what_becomes_more_open_first() {
    let folder = fixtures("diff");
    for (format, expected) in [("text", "diff/text.txt"), ("markdown", "diff/markdown.md")] {
        let output = run(
            &["diff", "old.yaml", "new.yaml", "--format", format],
            &folder,
        );
        assert_eq!(text(&output.stdout), golden(expected), "{format}");
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(text(&output.stderr), "");
    }
    let output = run(
        &["diff", "old.yaml", "new.yaml", "--format", "json"],
        &folder,
    );
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["more_open"], true);
    for one in answer["differences"].as_array().unwrap() {
        let (from, to) = match one["effect"].as_str().unwrap() {
            "more_open" => ("deny", "allow"),
            "more_closed" => ("allow", "deny"),
            _ => continue,
        };
        // Each is confirmed by deciding its example under both policies.
        assert_eq!(one["trials"][0]["before"]["decision"], from, "{one}");
        assert_eq!(one["trials"][0]["after"]["decision"], to, "{one}");
    }
}

#[test]
fn diff_fails_where_something_becomes_more_open_and_that_is_asked_for() {
    let folder = fixtures("diff");
    for (old, new, flags, code) in [
        ("old.yaml", "new.yaml", &["--fail-on", "open"][..], 1),
        ("old.yaml", "old.yaml", &["--fail-on", "open"], 0),
        ("new.yaml", "old.yaml", &["--fail-on", "open"], 1),
        ("new.yaml", "old.yaml", &[], 0),
        ("old.yaml", "missing.yaml", &[], 2),
    ] {
        let output = run(&[&["diff", old, new], flags].concat(), &folder);
        assert_eq!(output.status.code(), Some(code), "{old} {new}");
    }
    let output = run(&["diff", "old.yaml", "text.txt"], &folder);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.starts_with("portcullis: the policy `text.txt` does not load, fix it first:"),
        "{said}"
    );
    let output = run(&["diff", "old.yaml", "old.yaml"], &folder);
    assert_eq!(
        text(&output.stdout),
        "no difference: both policies answer every request alike\n"
    );
}

/// Whether a token counts for all readings of a path may depend on the header that it comes in.
#[test]
fn diff_sends_tokens_where_their_issuer_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    for (header, path, said, code) in [
        ("x-two-token", "/a/b/z", "MORE OPEN", 1),
        ("x-two-token", "/%61/b/z", "MORE OPEN", 1),
        ("authorization", "/a/b/z", "MORE OPEN", 1),
    ] {
        let policy = |issuers: &str| {
            format!(
                "version: 1\nissuers: [one]\nroutes:\n\
                 - {{name: open, methods: [GET], path: '/a/{{x}}/z', access: public, issuers: [{issuers}]}}\n\
                 - {{name: closed, methods: [GET], path: '{path}', access: authenticated, issuers: [two]}}\n"
            )
        };
        write("old.yaml", policy("one"));
        write("new.yaml", policy("one, two"));
        let entry = |name: &str, more: &str| {
            format!(
                "- {{name: {name}, issuer: 'https://{name}.example', audiences: [shop], \
                 algorithms: [ES256], jwks_file: keys.json{more}}}\n"
            )
        };
        let trust = entry("one", "") + &entry("two", &format!(", token_header: {header}"));
        write(
            "config.yaml",
            format!("version: 1\npolicy: [old.yaml]\ntrust:\n{trust}"),
        );
        let output = run(
            &[
                "diff",
                "old.yaml",
                "new.yaml",
                "--config",
                "config.yaml",
                "--fail-on",
                "open",
            ],
            folder.path(),
        );
        let output_text = text(&output.stdout);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{header} {path}: {output_text}"
        );
        assert!(output_text.contains(said), "{header} {path}: {output_text}");
    }
}

/// What a server may read otherwise than the plain path, from outside.
#[test]
fn diff_fails_where_only_another_spelling_opens() {
    let folder = tempfile::tempdir().unwrap();
    for (rules, open, gone, path) in [
        ("", "/u/@", "/u/{id}", "/u/%40"),
        ("", "/u/{id}@", "/u/{id}", "/u/1%40"),
        ("path_parameters: true", "/", "/{id}", "/;v=1"),
        (
            "path_parameters: true, trailing_slash: true",
            "/a",
            "/a/{id}:go",
            "/a/;v:go",
        ),
    ] {
        let head = format!(
            "version: 1\npaths: {{{rules}}}\nroutes:\n- {{name: open, methods: [GET], path: '{open}', access: public}}\n"
        );
        let gone = format!("- {{name: gone, methods: [GET], path: '{gone}', access: nobody}}\n");
        fs::write(folder.path().join("old.yaml"), format!("{head}{gone}")).unwrap();
        fs::write(folder.path().join("new.yaml"), &head).unwrap();
        let output = run(
            &["diff", "old.yaml", "new.yaml", "--fail-on", "open"],
            folder.path(),
        );
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{open}: {said}");
        assert!(said.contains(path), "{open}: {said}");
    }
}

#[test]
fn import_makes_a_policy_and_tells_what_is_left_out() {
    let folder = fixtures("openapi");
    let output = run(&["import", "openapi", "orders.yaml"], &folder);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), golden("openapi/orders.policy.yaml"));
    assert!(text(&output.stderr).starts_with(&golden("openapi/orders.notes.txt")));
    let output = run(&["check", "orders.policy.yaml"], &folder);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let output = run(&["import", "openapi", "orders.policy.yaml"], &folder);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("this is not an OpenAPI description"),
        "{said}"
    );
}

/// Imported again, a description shows what it would change.
#[test]
fn import_against_a_policy_shows_the_difference() {
    let folder = fixtures("openapi");
    let against = [
        "import",
        "openapi",
        "orders.yaml",
        "--against",
        "orders.policy.yaml",
    ];
    let output = run(&against, &folder);
    assert_eq!(
        text(&output.stdout),
        "no difference: both policies answer every request alike\n"
    );
    let output = run(&[&against[..], &["--allow-public"]].concat(), &folder);
    let said = text(&output.stdout);
    assert!(said.starts_with("MORE OPEN (2)\n"), "{said}");
    assert!(
        said.contains("GET other.example/v1/products without a token"),
        "{said}"
    );
}

#[test]
fn doctor_finds_what_would_undo_the_policy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = run(&["doctor", "config/envoy.yaml"], root);
    assert_eq!(
        text(&output.stdout),
        "examined an Envoy bootstrap: 0 fail, 0 warn, 0 note\n"
    );
    assert_eq!(output.status.code(), Some(0));
    let envoy = fs::read_to_string(root.join("config/envoy.yaml")).unwrap();
    let open = envoy.replace("failure_mode_allow: false", "failure_mode_allow: true");
    let output = run_with_input(&["doctor", "-"], root, &open);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stdout),
        "FAIL fail_open: listener http, filter envoy.filters.http.ext_authz\n  \
         why:   while the gate does not answer, every request passes\n  \
         fix:   set `failure_mode_allow: false` (`failOpen: false`)\n\n\
         examined an Envoy bootstrap: 1 fail, 0 warn, 0 note\n"
    );
    let output = run_with_input(&["doctor", "-", "--format", "json"], root, &open);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["findings"][0]["name"], "fail_open");
    let output = run(&["doctor", "config/policy.yaml"], root);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.starts_with("portcullis: nothing here can be examined: name an Envoy bootstrap"),
        "{said}"
    );
}

/// The configuration says how the identity headers are called.
#[test]
fn doctor_looks_for_the_identity_headers_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::copy(
        root.join("config/envoy.yaml"),
        folder.path().join("envoy.yaml"),
    )
    .unwrap();
    let config = "version: 1\npolicy: [policy.yaml]\nidentity_headers: {subject: x-user}\n";
    fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
    let output = run(
        &["doctor", "envoy.yaml", "--config", "portcullis.yaml"],
        folder.path(),
    );
    let said = text(&output.stdout);
    assert!(
        said.contains("NOTE identity_not_removed_early"),
        "{said}{}",
        text(&output.stderr)
    );
    assert!(said.contains("found: x-user\n"), "{said}");
}

/// Each source with what it becomes, which `check` accepts.
#[test]
fn rules_of_others_become_policies_that_load() {
    let folder = fixtures("migration");
    for (files, name) in [
        (&["envoy", "envoy.yaml"][..], "envoy"),
        (&["istio", "istio.yaml"], "istio"),
        (
            &["heimdall", "heimdall.yaml", "heimdall.rules.yaml"],
            "heimdall",
        ),
        (&["opa", "opa.json"], "opa"),
    ] {
        let output = run(&[&["import"][..], files].concat(), &folder);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{name}: {}",
            text(&output.stderr)
        );
        insta::assert_snapshot!(format!("import_{name}"), text(&output.stdout));
        insta::assert_snapshot!(format!("import_{name}_notes"), text(&output.stderr));
        let policy = tempfile::tempdir().unwrap();
        std::fs::write(policy.path().join("policy.yaml"), &output.stdout).unwrap();
        let checked = run(&["check", "policy.yaml"], policy.path());
        assert_eq!(
            checked.status.code(),
            Some(0),
            "{name}: {}",
            text(&checked.stdout)
        );
        let output = run(
            &[&["import"][..], files, &["--format", "json"]].concat(),
            &folder,
        );
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            json["policy"].as_str().map(str::is_empty),
            Some(false),
            "{name}"
        );
        assert_eq!(text(&output.stderr), "", "{name}");
    }
}

#[test]
fn trust_goes_to_a_new_file() {
    let folder = tempfile::tempdir().unwrap();
    let source = fixtures("migration").join("envoy.yaml");
    let arguments = [
        "import",
        "envoy",
        source.to_str().unwrap(),
        "--trust",
        "trust.yaml",
    ];
    let output = run(&arguments, folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!text(&output.stdout).contains("# trust:"));
    let written = std::fs::read_to_string(folder.path().join("trust.yaml")).unwrap();
    assert!(
        written.starts_with("trust:\n  - name: partners\n"),
        "{written}"
    );
    let output = run(&arguments, folder.path());
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(
        told.contains("`trust.yaml` exists and is never overwritten: remove it, or name another"),
        "{told}"
    );
    assert!(told.contains(" rules, "), "{told}");
    assert!(text(&output.stdout).starts_with("# Imported from "));
}
