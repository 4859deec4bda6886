//! The JSON Schemas in `schema/`: fresh, and of one mind with the gate about broken files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use portcullis::config::{Config, Overrides};
use portcullis::files::read_source;
use portcullis::policy::Policy;
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

/// `scripts/check-schema` holds the schemas against the same files.
#[test]
fn what_the_schemas_must_refuse_the_gate_refuses() {
    let folder = root().join("tests/fixtures/schema/broken");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_refused = if name.starts_with("policy-") {
            Policy::compile(&[read_source(&path).unwrap()]).is_err()
        } else if name.starts_with("tests-") {
            portcullis(&["test", path.to_str().unwrap()]).status.code() != Some(0)
        } else {
            Config::load(&path, &Overrides::default()).is_err()
        };
        assert!(is_refused, "{name}");
        count += 1;
    }
    assert!(count > 20, "{count}");
}
