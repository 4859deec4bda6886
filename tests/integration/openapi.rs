//! The OpenAPI document: that it has what there is, and that what is answered is as it says.
//!
//! [`check`] sees each answer of each test that asks an issuer.

mod schema;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::client::Answer;
use crate::test_companion::{ADMIN_PASSWORD, TestCompanion, bearer};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = portcullis::issuer::openapi_document().unwrap();
    serde_json::from_str(&text).unwrap()
});

/// Holds an answer against the document; what it does not list is the business of other tests.
pub(crate) fn check(method: &str, target: &str, answer: &Answer) {
    let path = target.split('?').next().unwrap();
    let Some(operation) = operation(method, path) else {
        return;
    };
    let call = format!("{method} {path}: {answer:?}");
    let status = answer.status.to_string();
    let class = format!("{}XX", &status[..1]);
    let responses = &operation["responses"];
    let response = responses.get(&status).or_else(|| responses.get(&class));
    let response = resolved(response.unwrap_or_else(|| panic!("undocumented: {call}")));
    let Some(content) = response.get("content").and_then(Value::as_object) else {
        assert_eq!(answer.body, "", "{call}");
        return;
    };
    let media = answer.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap();
    let schema = content
        .get(media)
        .unwrap_or_else(|| panic!("no `{media}`: {call}"));
    if media.ends_with("json") {
        let faults = schema::faults(&DOCUMENT, &schema["schema"], &answer.json());
        assert_eq!(faults, Vec::<String>::new(), "{call}");
    }
}

fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let (_, item) = paths()
        .iter()
        .find(|(template, _)| matches(template, path))?;
    item.get(method.to_ascii_lowercase())
}

fn matches(template: &str, path: &str) -> bool {
    let segments = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (template, path) = (segments(template), segments(path));
    let alike = |(one, other): (&String, &String)| one == other || one.starts_with('{');
    template.len() == path.len() && template.iter().zip(&path).all(alike)
}

fn paths() -> &'static Map<String, Value> {
    DOCUMENT["paths"].as_object().unwrap()
}

fn resolved(value: &'static Value) -> &'static Value {
    schema::resolved(&DOCUMENT, value)
}

/// `METHOD path` of all operations of the document.
fn documented() -> BTreeSet<String> {
    let operations = paths().iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_ascii_uppercase()))
    });
    operations.collect()
}

#[tokio::test]
async fn the_document_has_each_endpoint_and_no_other() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let mut served = BTreeSet::new();
    for path in portcullis::issuer::endpoints() {
        // A method that nothing offers is answered with those that are.
        let concrete = path.replace(['{', '}'], "");
        let answer = companion
            .send("PROPFIND", &concrete, &[&bearer(&admin)], "")
            .await;
        assert_eq!(answer.status, 405, "{path}: {answer:?}");
        let allowed = answer.header("allow").unwrap().split(',').map(str::trim);
        let automatic = |method: &&str| ["HEAD", "OPTIONS"].contains(method);
        served.extend(
            allowed
                .filter(|method| !automatic(method))
                .map(|method| format!("{method} {path}")),
        );
    }
    let documented = documented();
    let missing: Vec<_> = served.difference(&documented).collect();
    assert!(missing.is_empty(), "not in the document: {missing:?}");
    let ahead: Vec<_> = documented.difference(&served).collect();
    assert!(ahead.is_empty(), "not served: {ahead:?}");
}

#[tokio::test]
async fn the_document_is_served_to_whoever_asks() {
    let companion = TestCompanion::start().await;
    let answer = companion.send("GET", "/openapi.json", &[], "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let document = answer.json();
    assert_eq!(document, *DOCUMENT);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

fn examples_are_as_their_schemas_say() {
    let operations = paths().iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    let mut seen = 0;
    for (call, operation) in operations {
        let responses = operation["responses"].as_object().unwrap().values();
        let contents = responses.filter_map(|response| resolved(response).get("content"));
        for media in contents.flat_map(|content| content.as_object().unwrap().values()) {
            let Some(example) = media.get("example") else {
                continue;
            };
            let faults = schema::faults(&DOCUMENT, &media["schema"], example);
            assert_eq!(faults, Vec::<String>::new(), "{call}");
            seen += 1;
        }
    }
    assert!(seen >= 2, "{seen} examples");
}

#[test]
fn operations_are_complete() {
    let mut names = BTreeSet::new();
    for (path, item) in paths() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(names.insert(id), "`{id}` comes twice");
            for member in ["summary", "tags", "security", "responses"] {
                assert!(
                    operation.get(member).is_some(),
                    "{method} {path}: no `{member}`"
                );
            }
            let parameters = operation["parameters"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let has = |name: &str| {
                parameters
                    .iter()
                    .any(|one| one["in"] == "path" && one["name"] == name)
            };
            for name in path.split('/').filter_map(|part| part.strip_prefix('{')) {
                assert!(has(name.trim_end_matches('}')), "{method} {path}: {name}");
            }
        }
    }
    examples_are_as_their_schemas_say();
    // Whatever is referred to is there, and whatever is there is referred to.
    let text = DOCUMENT.to_string();
    for (kind, parts) in DOCUMENT["components"].as_object().unwrap() {
        for name in parts
            .as_object()
            .unwrap()
            .keys()
            .filter(|_| kind != "securitySchemes")
        {
            assert!(
                text.contains(&format!("\"#/components/{kind}/{name}\"")),
                "{kind} {name}"
            );
        }
    }
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(DOCUMENT.pointer(pointer).is_some(), "{pointer}");
    }
}
