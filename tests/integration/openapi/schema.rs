//! As much of JSON Schema 2020-12 as the document uses. What it does not know it does not let pass.

use serde_json::Value;

/// What tells nothing about whether a value is as it should be.
const ANNOTATIONS: [&str; 4] = ["description", "format", "default", "additionalProperties"];

/// What `$ref` refers to, or the value itself.
pub(crate) fn resolved<'v>(document: &'v Value, value: &'v Value) -> &'v Value {
    match value.get("$ref") {
        Some(reference) => {
            let pointer = reference.as_str().unwrap().trim_start_matches('#');
            document.pointer(pointer).unwrap()
        }
        None => value,
    }
}

/// Where and why `value` is not as `schema` says; empty if it is.
pub(crate) fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    collect(document, schema, value, "", &mut faults);
    faults
}

fn collect(document: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let schema = resolved(document, schema);
    for (keyword, wanted) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "type" => is_type(wanted, value),
            "enum" => wanted.as_array().unwrap().contains(value),
            "const" => wanted == value,
            "required" => value.as_object().is_none_or(|members| {
                let names = wanted.as_array().unwrap().iter();
                names
                    .map(|name| name.as_str().unwrap())
                    .all(|name| members.contains_key(name))
            }),
            "properties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    match wanted.get(name) {
                        Some(schema) => {
                            collect(document, schema, member, &format!("{at}/{name}"), faults);
                        }
                        None if schema["additionalProperties"] == false => {
                            faults.push(format!("{at}: `{name}` is not expected"));
                        }
                        None => {}
                    }
                }
                true
            }
            "items" => {
                for (position, item) in value.as_array().into_iter().flatten().enumerate() {
                    collect(document, wanted, item, &format!("{at}/{position}"), faults);
                }
                true
            }
            known if ANNOTATIONS.contains(&known) => true,
            unknown => panic!("`{unknown}` at `{at}`: teach this check about it"),
        };
        if !holds {
            faults.push(format!(
                "{at}: `{keyword}` must be {wanted}, and it is {value}"
            ));
        }
    }
}

fn is_type(wanted: &Value, value: &Value) -> bool {
    match wanted {
        Value::Array(several) => several.iter().any(|one| is_type(one, value)),
        one => match one.as_str().unwrap() {
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "null" => value.is_null(),
            unknown => panic!("the type `{unknown}`: teach this check about it"),
        },
    }
}

#[test]
fn what_is_not_as_the_schema_says_is_found() {
    use serde_json::json;
    let document = json!({"n": {"type": ["integer", "null"]}});
    let schema = json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": {"a": {"type": "array", "items": {"$ref": "#/n"}}, "b": {"enum": ["x"]}},
    });
    let rows = [
        (json!({"a": [1, null], "b": "x"}), 0),
        (json!({"a": []}), 0),
        (json!([]), 1),
        (json!({}), 1),
        (json!({"a": ["1", true, 1.5]}), 3),
        (json!({"a": [], "b": "y", "c": 1}), 2),
    ];
    for (value, expected) in rows {
        let found = faults(&document, &schema, &value);
        assert_eq!(found.len(), expected, "{value}: {found:?}");
    }
}
