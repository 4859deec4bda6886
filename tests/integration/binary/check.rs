//! `portcullis check`: all that is wrong in one run, and for whoever reads it.

use insta::assert_snapshot;
use serde_json::Value;
use tempfile::TempDir;

use super::{portcullis, run, text};

pub(super) fn folder(policy: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    folder
}

pub(super) fn check(policy: &str, arguments: &[&str], code: i32) -> String {
    let folder = folder(policy);
    let output = run(
        &[&["check", "policy.yaml"], arguments].concat(),
        folder.path(),
    );
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// Of form: a misspelt key, a list that is none, a boolean that is none. Of meaning: a misspelt access, a
/// misspelt scope, a template in another notation.
const SIX: &str = r#"version: 1
scopes: {orders.read: Read, orders.write: Write}
routes:
  - name: list-orders
    methods: [GET]
    path: /orders
    acess: public
    scopes: [orders.raed]
  - name: place-order
    methods: POST
    path: /orders
    scopes: [orders.write]
  - {name: order, methods: [GET], path: "/orders/:id", scopes: [orders.read]}
  - {name: page, methods: [GET], path: /page, access: pubic}
  - {name: cart, methods: [PUT], path: /cart, access: authenticated, preflight: yes}
"#;

#[test]
fn a_policy_with_six_typos_shows_six_problems() {
    assert_snapshot!(check(SIX, &[], 1));
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_another() {
    let folder = folder("version: 1\nroutes: [\n");
    std::fs::write(folder.path().join("second.yaml"), SIX).unwrap();
    let output = run(&["check", "policy.yaml", "second.yaml"], folder.path());
    let said = text(&output.stdout);
    assert!(said.contains("policy.yaml:"), "{said}");
    assert!(said.contains("second.yaml:15:"), "{said}");
    // The file that was not read may list it.
    assert!(!said.contains("unknown scope"), "{said}");
}

#[test]
fn a_configuration_with_three_typos_shows_three_problems() {
    let folder = folder("version: 1\nroutes: []\n");
    let config = "version: 1\npolicies: [policy.yaml]\ndrain_seconds: soon\nlog: {level: loud}\n";
    std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
    let arguments = ["check", "--config", "portcullis.yaml", "--format", "json"];
    let output = run(&arguments, folder.path());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = report["problems"].as_array().unwrap().iter();
    let lines: Vec<_> = lines
        .map(|problem| problem["place"]["line"].as_u64())
        .collect();
    assert_eq!(lines, [Some(2), Some(3), Some(4)], "{report}");
}

const IDLE: &str = r#"version: 1
scopes: {orders.read: Read, orders.*: All, reports.read: Reports}
routes:
  - {name: a, methods: [GET, PURGE], path: "/a/<id>", scopes: [orders.read]}
  - {name: b, methods: [GTE], path: "/b", scopes: ["orders.*"]}
"#;

#[test]
fn what_loads_and_serves_nobody_is_warned_of() {
    assert_snapshot!(check(IDLE, &[], 0));
    let said = check(IDLE, &["--deny-warnings"], 1);
    assert!(said.contains("`--deny-warnings`"), "{said}");
    assert!(!said.contains("ok: 2 routes"), "{said}");
}

#[test]
fn problems_are_there_for_code_scanning_and_for_pull_requests() {
    let sarif: Value = serde_json::from_str(&check(SIX, &["--format", "sarif"], 1)).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 6, "{results:?}");
    let github = check(SIX, &["--format", "github"], 1);
    assert_eq!(github.lines().count(), 6, "{github}");
    assert!(
        github.starts_with("::error file=policy.yaml,line=7,col=5::unknown key `acess`"),
        "{github}"
    );
    let warnings = check(IDLE, &["--format", "github"], 0);
    assert!(
        warnings.starts_with("::warning file=policy.yaml,line=2,"),
        "{warnings}"
    );
}

#[test]
fn each_verb_shows_an_example_and_completes() {
    let folder = tempfile::tempdir().unwrap();
    let help = text(&run(&["--help"], folder.path()).stdout);
    let verbs = help.lines().filter_map(|line| {
        let verb = line.strip_prefix("  ")?.split_whitespace().next()?;
        let is_verb = !verb.starts_with('-') && verb != "help" && !line.starts_with("   ");
        is_verb.then(|| verb.to_owned())
    });
    let verbs: Vec<String> = verbs.collect();
    assert!(verbs.len() > 6, "{verbs:?}");
    for verb in &verbs {
        let said = text(&run(&[verb, "--help"], folder.path()).stdout);
        assert!(said.contains("Example"), "{verb}: {said}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&run(&["completions", shell], folder.path()).stdout);
        assert!(script.contains("explain"), "{shell}");
    }
    let output = run(&["man", "--out", "."], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let page = std::fs::read_to_string(folder.path().join("portcullis-explain.1")).unwrap();
    assert!(
        page.contains("Examples") || page.contains("portcullis explain GET"),
        "{page}"
    );
}

/// Each value's way from the top would be as long as the key.
#[cfg(target_os = "linux")]
#[test]
fn a_long_key_with_many_values_takes_no_memory_for_each_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "version: 2\npolicy: [policy.yaml]\ntrust:\n  - issuer: https://id.example\n    audiences: [a]\n    \
         algorithms: [ES256]\n    jwks_file: keys.json\n    scope_names:\n      ? {}\n      \
         : [{}]\n",
        "k".repeat(30_000),
        "a,".repeat(50_000)
    );
    std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
    let limited = "ulimit -v 1500000; exec \"$0\" check --config portcullis.yaml";
    let output = std::process::Command::new("/bin/sh")
        .args(["-c", limited, env!("CARGO_BIN_EXE_portcullis")])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("`version: 2` is not supported"), "{said}");
}

/// What `check --config` says of a configuration beside this policy.
fn check_config(policy: &str, config: &str, code: i32) -> String {
    let folder = folder(policy);
    std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
    let output = run(&["check", "--config", "portcullis.yaml"], folder.path());
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

#[test]
fn a_policy_that_is_missing_does_not_hide_keys_that_are() {
    let said = check_config(
        SIX,
        "version: 1\npolicy: [nope.yaml]\ntrust:\n  - {issuer: a, audiences: [b], algorithms: [ES256], \
         jwks_file: nojwks.json}\n",
        1,
    );
    for words in [
        "`nope.yaml`",
        "portcullis.yaml:2:",
        "nojwks.json",
        "2 problems",
    ] {
        assert!(said.contains(words), "no {words} in {said}");
    }
}

#[test]
fn a_policy_that_nobody_can_pass_is_warned_of() {
    let routes = |access: &str| {
        format!(
            "version: 1\nroutes:\n  - {{name: a, methods: [GET], path: /a, access: public}}\n  - {{name: b, \
             methods: [GET], path: /b, access: {access}}}\n"
        )
    };
    for trust in ["", "trust: []\n"] {
        let config = format!("version: 1\npolicy: [policy.yaml]\n{trust}");
        let said = check_config(&routes("authenticated"), &config, 0);
        let words = "`trust` lists no issuer, so nobody passes the 1 route for which the policy needs a token";
        assert!(said.contains(words), "{said}");
        let said = check_config(&routes("public"), &config, 0);
        assert!(!said.contains("lists no issuer"), "{said}");
    }
}

#[test]
fn a_scope_of_an_issuer_that_is_misspelt_gets_a_suggestion() {
    let policy = "version: 1\nscopes: {orders.read: Read}\nroutes:\n  \
                  - {name: a, methods: [GET], path: /a, scopes: [orders.read]}\n";
    let config = |scopes: &str| {
        format!(
            "version: 1\npolicy: [policy.yaml]\ntrust:\n  - issuer: https://id.shop.example\n    \
             audiences: [api]\n    algorithms: [ES256]\n    jwks_uri: https://id.shop.example/keys\n    \
             scope_names: {{Staff: {scopes}}}\n"
        )
    };
    let said = check_config(policy, &config("[orders.raed, reports.read]"), 0);
    for expected in [
        "`trust[0].scope_names` gives the scope `orders.raed` for `Staff`, which the policy does not list",
        "did you mean `orders.read`?",
        "1 warning",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let said = check_config(policy, &config("orders.read").replace("ES256", "es265"), 1);
    assert!(
        said.contains("`es265` is not supported: did you mean `ES256`?"),
        "{said}"
    );
}

/// Each key would be a problem of its own, with the same long help.
#[test]
fn a_configuration_in_the_place_of_a_policy_is_one_problem_and_the_reverse() {
    let folder = folder("version: 1\nscopes: {a: A}\nroutes: []\n");
    let config =
        "version: 1\npolicy: [policy.yaml]\nlisteners: {}\ntrust: []\nidentity_headers: {}\n";
    std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
    for (arguments, expected, help) in [
        (
            &["check", "portcullis.yaml"][..],
            "error: this is a server's configuration and not a policy",
            "name it by `--config FILE`",
        ),
        (
            &["check", "--config", "policy.yaml"],
            "error: this is a policy and not a server's configuration",
            "`portcullis check FILE`",
        ),
    ] {
        let output = run(arguments, folder.path());
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(said.matches("error:").count(), 1, "{said}");
        assert!(said.contains(expected) && said.contains(help), "{said}");
        assert!(!said.contains("unknown key"), "{said}");
    }
}

#[test]
fn a_folder_below_a_policys_folder_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let policy =
        "version: 1\nroutes: [{name: a, methods: [GET], path: /a, access: authenticated}]\n";
    for (name, policy) in [
        ("pd", policy),
        ("pd/sub", "broken"),
        ("pd/..data", policy),
        ("pd/empty", ""),
    ] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        if !policy.is_empty() {
            std::fs::write(folder.path().join(name).join("x.yaml"), policy).unwrap();
        }
    }
    let output = run(&["check", "pd"], folder.path());
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("warning:").count(), 1, "{said}");
    assert!(
        said.contains("the policy files in `pd/sub` are not loaded"),
        "{said}"
    );
    let output = run(&["check", "pd", "--deny-warnings"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    // What the help asks for silences it.
    let other = policy.replace("name: a", "name: b").replace("/a", "/b");
    let other = other.replace("version: 1\n", "");
    std::fs::write(
        folder.path().join("pd/sub/x.yaml"),
        format!("version: 1\n{other}"),
    )
    .unwrap();
    let output = run(
        &["check", "pd", "./pd/sub", "--deny-warnings"],
        folder.path(),
    );
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

type Change = fn(&std::path::Path);

#[test]
fn what_looks_like_a_policy_file_is_read_or_told_of() {
    let policy =
        "version: 1\nroutes: [{name: a, methods: [GET], path: /a, access: authenticated}]\n";
    let files = |change: Change| {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("pd");
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("a.yaml"), policy).unwrap();
        change(&directory);
        let output = run(&["check", "pd", "--deny-warnings"], folder.path());
        (
            output.status.code(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    let cases: [(&str, i32, Change); 4] = [
        ("pd/locked.yaml", 2, |directory| {
            std::os::unix::fs::symlink("gone.txt", directory.join("locked.yaml")).unwrap();
        }),
        ("pd/loop.yml", 2, |directory| {
            std::os::unix::fs::symlink("loop.yml", directory.join("loop.yml")).unwrap();
        }),
        ("`pd/more.yaml`", 1, |directory| {
            std::fs::create_dir(directory.join("more.yaml")).unwrap();
        }),
        ("`pd/B.YAML` is not loaded", 1, |directory| {
            std::fs::write(directory.join("B.YAML"), "").unwrap();
        }),
    ];
    for (words, code, change) in cases {
        let (status, said) = files(change);
        assert_eq!(status, Some(code), "{words}: {said}");
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// The configuration of a site with a description of its API.
fn described(description: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let policy = "version: 1\nroutes: [{name: a, methods: [GET], path: /a, access: public}]\n";
    let folder = folder(policy);
    let config = "version: 1
policy: [policy.yaml]
issuer:
  url: http://127.0.0.1:8080
  portal: {openapi_files: [api.yaml]}
";
    std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
    std::fs::write(folder.path().join("api.yaml"), description).unwrap();
    let arguments = [&["check", "--config", "portcullis.yaml"], arguments].concat();
    let output = run(&arguments, folder.path());
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.code(), said)
}

#[test]
fn a_description_that_cannot_be_read_is_told_with_its_place() {
    let (code, said) = described(
        "openapi: 3.0.3\npaths: {/a: {get: {}}}\n",
        &["--deny-warnings"],
    );
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = described("openapi: 3.0.3\npaths: {\n", &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(" --> api.yaml:"), "{said}");
    let broken = "openapi: 3.0.3\npaths:\n  /a:\n    get: {$ref: \"other.yaml\"}\n";
    let (code, said) = described(broken, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("GET /a cannot be read"), "{said}");
    assert!(said.contains(" --> api.yaml:4:5"), "{said}");
    let (code, said) = described(broken, &["--skip-files"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = described("openapi: 3.0.3\npaths: {\"/v{n}/a\": {get: {}}}\n", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("GET /v{n}/a is not on /portal/try"), "{said}");
}

#[test]
fn a_logo_and_an_accent_that_do_not_do_are_told_with_what_would() {
    let checked = |portal: &str, arguments: &[&str]| {
        let policy = "version: 1\nroutes: [{name: a, methods: [GET], path: /a, access: public}]\n";
        let folder = folder(policy);
        let config = format!(
            "version: 1\npolicy: [policy.yaml]\nissuer:\n  url: http://127.0.0.1:8080\n  portal: {{{portal}}}\n"
        );
        std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
        std::fs::write(folder.path().join("logo.svg"), "<svg/>").unwrap();
        std::fs::write(folder.path().join("logo.gif"), "GIF89a").unwrap();
        let large = vec![b' '; 256 * 1024 + 1];
        std::fs::write(folder.path().join("large.svg"), large).unwrap();
        let arguments = [&["check", "--config", "portcullis.yaml"], arguments].concat();
        let output = run(&arguments, folder.path());
        let said = text(&output.stdout) + &text(&output.stderr);
        (output.status.code(), said)
    };
    let good = "accent: \"#7a1f5c\", accent_dark: \"#f0a8d8\", logo_file: logo.svg";
    let (code, said) = checked(good, &["--deny-warnings"]);
    assert_eq!(code, Some(0), "{said}");
    for (portal, expected) in [
        (
            "logo_file: logo.gif",
            "logo.gif` is not a PNG, WebP or SVG image",
        ),
        ("logo_file: none.svg", "none.svg`"),
        ("logo_file: large.svg", "is larger than 262144 bytes"),
        (
            "accent: \"#7fbde6\"",
            "and text needs 4.5:1 (WCAG 2.2, 1.4.3): the nearest that has it is `\"#",
        ),
        (
            "accent_dark: \"#1f5f8b\"",
            "on dark pages, and text needs 4.5:1",
        ),
    ] {
        let (code, said) = checked(portal, &[]);
        assert_eq!(code, Some(1), "{portal}: {said}");
        assert!(said.contains(expected), "{portal}: {said}");
        let place = " --> portcullis.yaml:5:";
        assert!(said.contains(place), "{portal}: {said}");
    }
    // What looks like a color to people is a comment to YAML, and takes the rest of the line with it.
    for portal in ["accent: #7a1f5c", "title: a, accent: #7a1f5c"] {
        let (code, said) = checked(portal, &[]);
        assert_eq!(code, Some(1), "{portal}: {said}");
        for expected in [
            "`#` begins a comment",
            "`\"#7a1f5c\"`",
            "--> portcullis.yaml:5:",
        ] {
            assert!(said.contains(expected), "{portal}: {expected}: {said}");
        }
        assert!(!said.contains("condition"), "{portal}: {said}");
    }
    let (code, said) = checked("\n    accent: #7a1f5c\n  ", &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(" --> portcullis.yaml:6:"), "{said}");
    let (code, said) = checked("logo_file: logo.gif", &["--skip-files"]);
    assert_eq!(code, Some(0), "{said}");
}

/// They are of the machine that the config is for, which need not be the one that checks it.
#[test]
fn a_config_is_checked_where_no_authorities_are_installed() {
    let folder =
        folder("version: 1\nroutes: [{name: page, path: /page, methods: [GET], access: public}]\n");
    let traces = if cfg!(feature = "traces") {
        "traces: {endpoint: \"https://collector.example:4317\"}\n"
    } else {
        ""
    };
    let config = format!(
        "version: 1\npolicy: [policy.yaml]\ntrust:\n- issuer: https://id.shop.example\n  audiences: [a]\n  \
         algorithms: [ES256]\n  feed: {{addresses: [\"https://id.shop.example:9193\"]}}\n{traces}"
    );
    std::fs::write(folder.path().join("portcullis.yaml"), config).unwrap();
    std::fs::write(folder.path().join("none.pem"), "").unwrap();
    let mut command = portcullis(&["check", "--config", "portcullis.yaml"], folder.path());
    let output = command.env("SSL_CERT_FILE", "none.pem").output().unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}
