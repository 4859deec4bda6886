//! The JSON Schemas in `schema/`: fresh, and of one mind with the gate about broken files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const NAMES: [&str; 3] = ["policy", "tests", "config"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn portcullis(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(arguments).current_dir(root()).env_clear();
    command.output().unwrap()
}

/// `portcullis schema policy > schema/policy.schema.json` makes one so.
#[test]
fn the_schemas_are_fresh() {
    for name in NAMES {
        let committed = fs::read(root().join(format!("schema/{name}.schema.json"))).unwrap();
        let printed = portcullis(&["schema", name]).stdout;
        assert!(committed == printed, "schema/{name}.schema.json");
    }
}

/// What an editor shows beside a key.
#[test]
fn every_key_has_a_description() {
    for name in NAMES {
        let path = root().join(format!("schema/{name}.schema.json"));
        let schema: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let mut count = 0;
        check_descriptions(&schema, name, &mut count);
        assert!(count > 10, "{name}: {count}");
    }
}

fn check_descriptions(schema: &Value, place: &str, count: &mut usize) {
    match schema {
        Value::Object(members) => {
            let properties = members.get("properties").and_then(Value::as_object);
            for (key, value) in properties.into_iter().flatten() {
                // A number and a unit say what they are, where the section around them is described.
                if !["burst", "refill_seconds"].contains(&key.as_str()) {
                    assert!(value.get("description").is_some(), "{place}.{key}");
                }
                *count += 1;
            }
            for (key, value) in members {
                check_descriptions(value, &format!("{place}.{key}"), count);
            }
        }
        Value::Array(items) => {
            for item in items {
                check_descriptions(item, place, count);
            }
        }
        _ => {}
    }
}

/// What the gate says of each of these files, which the schemas refuse.
const BROKEN: [(&str, &str); 33] = [
    ("config-algorithm.yaml", "`none` is not supported"),
    ("config-client-names.yaml", "client_names` is empty"),
    ("config-flag-word.yaml", "this is not a boolean"),
    ("config-from-caller.yaml", "unknown value `keep`"),
    ("config-listener-key.yaml", "unknown key `addres`"),
    ("config-log-level.yaml", "unknown value `verbose`"),
    ("config-log-output.yaml", "does not name a file"),
    ("config-log-outputs.yaml", "unknown key `decisions`"),
    ("config-number-text.yaml", "this is not a whole number"),
    ("config-policy-text.yaml", "expected a list"),
    (
        "config-token-bytes.yaml",
        "max_token_bytes: 70000` is out of bounds",
    ),
    ("config-trust-key.yaml", "unknown key `jwk_refresh`"),
    ("config-trust-map.yaml", "expected a list"),
    ("config-unknown-key.yaml", "unknown key `policys`"),
    ("config-version.yaml", "`version: 2` is not supported"),
    ("policy-access-word.yaml", "unknown access `open`"),
    (
        "policy-host-case.yaml",
        "the host `API.shop.example` has upper-case",
    ),
    (
        "policy-method-case.yaml",
        "the method `get` is not in upper case",
    ),
    (
        "policy-name-space.yaml",
        "the route name `a b` cannot be used",
    ),
    (
        "policy-no-access.yaml",
        "the route `a` does not say who may use it",
    ),
    ("policy-null.yaml", "expected a list"),
    ("policy-path-query.yaml", "the path has a query"),
    (
        "policy-path-relative.yaml",
        "the path does not begin with a slash",
    ),
    ("policy-paths-word.yaml", "this is not a boolean"),
    ("policy-routes-map.yaml", "expected a list"),
    ("policy-scopes-empty.yaml", "`scopes` is empty"),
    ("policy-scopes-text.yaml", "expected a list"),
    ("policy-unknown-key.yaml", "unknown key `method`"),
    ("policy-version.yaml", "unsupported policy version `2`"),
    ("tests-map.test.yaml", "expected a list"),
    ("tests-no-request.test.yaml", "the key `request` is missing"),
    ("tests-outcome.test.yaml", "is not a decision"),
    ("tests-unknown-key.test.yaml", "unknown key `expects`"),
];

/// `scripts/check-schema` holds the schemas against the same files. Each has one mistake, for which the gate
/// refuses it, and for no other.
#[test]
fn what_the_schemas_must_refuse_the_gate_refuses() {
    let folder = root().join("tests/fixtures/schema/broken");
    let entries = fs::read_dir(&folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, BROKEN.map(|(name, _)| name));
    for (name, words) in BROKEN {
        let path = folder.join(name);
        let path = path.to_str().unwrap();
        let (arguments, code) = if name.starts_with("policy-") {
            (vec!["check", path], 1)
        } else if name.starts_with("tests-") {
            (vec!["test", path], 2)
        } else {
            // The files that it names are not there, which is not what is wrong with it.
            (vec!["check", "--config", path, "--skip-files"], 1)
        };
        let output = portcullis(&arguments);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}: {said}");
        assert!(said.contains(words), "{name}: {said}");
        let errors = said.lines().filter(|line| line.starts_with("error: "));
        assert_eq!(errors.count(), 1, "{name}: {said}");
    }
}
