//! What is read of descriptions, and what is told of those that cannot be read.

use super::*;

const ORDERS: &str = include_str!("../../../tests/fixtures/openapi/trial.yaml");

fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn read(text: &str) -> Catalogue {
    let sources = [source("orders.yaml", text)];
    Catalogue::read(&sources).unwrap_or_else(|problems| panic!("{problems}"))
}

fn refused(text: &str) -> String {
    let sources = [source("orders.yaml", text)];
    Catalogue::read(&sources).unwrap_err().to_string()
}

#[test]
fn an_operation_has_its_texts_parameters_and_example() {
    let catalogue = read(ORDERS);
    let keys: Vec<&str> = catalogue.operations.iter().map(|one| &*one.key).collect();
    assert_eq!(
        keys,
        [
            "GET /orders",
            "POST /orders",
            "GET /orders/{order-id}",
            "GET /products/{id}",
            "GET /internal/{page}",
            "GET /reviews/"
        ]
    );
    let place = catalogue.get("POST /orders").unwrap();
    assert_eq!(&*place.api, "Orders of a shop 1.4.0");
    assert_eq!(place.parts.id, "placeOrder");
    assert_eq!(place.parts.summary, "Place an order");
    let body = place.parts.body.as_ref().unwrap();
    assert_eq!(body.content_type, "application/json");
    assert_eq!(body.text, "{\n  \"item\": \"bicycle\",\n  \"count\": 2\n}");
    let read = catalogue.get("GET /orders/{order-id}").unwrap();
    let (parameter, written) = read.parameters().next().unwrap();
    assert_eq!((parameter.name, written), ("order_id", "order-id"));
    let described = read.parameter("order_id").unwrap();
    assert_eq!(described.example.as_deref(), Some("1"));
    assert_eq!(described.text, "The number of the order");
    let fields = &read.parts.parameters[0];
    assert_eq!(
        (&*fields.name, fields.place),
        ("fields", ParameterPlace::Query)
    );
    assert!(fields.is_required);
    assert_eq!(read.path_with(|_| Some("a b")).unwrap(), "/orders/a%20b");
    // As it is described, though policies have paths without the slash.
    let reviews = catalogue.get("GET /reviews/").unwrap();
    assert_eq!(reviews.path_with(|_| None).unwrap(), "/reviews/");
}

#[test]
fn an_operation_is_below_each_base_of_its_servers() {
    let text = "openapi: 3.1.0
servers: [{url: \"https://a.example/v1\"}, {url: \"https://B.example/v1/\"}, {url: /v2}]
paths: {/x: {get: {}}}
";
    let catalogue = read(text);
    let found = catalogue.operations.iter();
    let found: Vec<_> = found.map(|one| (&*one.key, one.hosts.join(" "))).collect();
    let expected = [("GET /v1/x", "a.example b.example"), ("GET /v2/x", "")];
    assert_eq!(found, expected.map(|(key, hosts)| (key, hosts.to_owned())));
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let around = |operation: &str| format!("openapi: 3.0.3\npaths:\n  /a:\n    get:\n{operation}");
    for (text, expected) in [
        ("a: [".to_owned(), "orders.yaml:1:"),
        (
            "{\"a\": 1,\n]".to_owned(),
            "orders.yaml:2:1: this is not valid JSON",
        ),
        (
            "a: 1\n---\nb: 2\n".to_owned(),
            "orders.yaml:3:1: the file has more than one document",
        ),
        (
            "swagger: \"2.0\"\n".to_owned(),
            "orders.yaml:1:1: this is a Swagger 2.0 description",
        ),
        (
            "openapi: 3.1.0\npaths: {}\n".to_owned(),
            "orders.yaml:1:1: the description has no operation",
        ),
        (
            around("      $ref: other.yaml\n"),
            "orders.yaml:4:5: GET /a cannot be read: its `$ref` does not lead to anything in this file",
        ),
        (
            around(
                "      parameters:\n        - {name: a, in: query}\n        - {$ref: \"#/b\"}\n",
            ),
            "orders.yaml:7:11: the parameter has a `$ref` that does not lead to anything",
        ),
        (
            "openapi: 3.0.3\npaths:\n  /a:\n    gett: {}\n    put: {}\n".to_owned(),
            "orders.yaml:4:5: GET /a cannot be read: its method may be misspelt",
        ),
        (
            around("      parameters: a\n"),
            "orders.yaml:5:19: `parameters` is not a list",
        ),
        (
            around("      parameters: [{in: query}]\n"),
            "orders.yaml:5:20: a parameter has no `name`",
        ),
        (
            around("      parameters: [{name: a, in: body}]\n"),
            "orders.yaml:5:20: the parameter `a` has `in: body`",
        ),
        (
            around("      requestBody: {$ref: \"#/b\"}\n"),
            "orders.yaml:5:7: the body has a `$ref`",
        ),
    ] {
        let told = refused(&text);
        assert!(told.contains(expected), "{text}\n{told}");
    }
}

/// Who may use an operation is in the policy.
#[test]
fn what_is_odd_about_security_does_not_matter() {
    let text = "openapi: 3.0.3
paths:
  /a: {get: {securty: []}}
  /b: {get: {security: everybody}}
  /c: {get: {$ref: \"#/paths/~1a/get\", security: []}}
";
    assert_eq!(read(text).operations.len(), 3);
}

#[test]
fn what_no_request_can_be_made_of_is_left_out_with_a_warning() {
    let text = "openapi: 3.0.3
paths:
  /v{version}/a: {get: {}}
  /b: {get: {}, trace: {}}
  /c?d=e: {get: {}}
";
    let sources = [source("one.yaml", text), source("two.yaml", text)];
    let catalogue = Catalogue::read(&sources).unwrap();
    assert_eq!(catalogue.operations.len(), 1);
    let warnings = catalogue.warnings.iter().map(ToString::to_string);
    let warnings: Vec<String> = warnings.collect();
    assert_eq!(warnings.len(), 5, "{warnings:?}");
    let first = "one.yaml:3:19: GET /v{version}/a is not on /portal/try: ";
    assert!(warnings[0].starts_with(first), "{warnings:?}");
    let again = "two.yaml:4:8: GET /b is not on /portal/try: `GET /b` is described before";
    assert!(
        warnings.iter().any(|one| one.starts_with(again)),
        "{warnings:?}"
    );
}

#[test]
fn descriptions_have_bounds() {
    let many = |count: usize, prefix: &str| {
        let paths = (0..count).map(|number| format!("  /{prefix}{number}: {{get: {{}}}}\n"));
        format!("openapi: 3.0.3\npaths:\n{}", paths.collect::<String>())
    };
    let sources = [
        source("a.yaml", &many(1500, "a")),
        source("b.yaml", &many(500, "b")),
    ];
    assert_eq!(Catalogue::read(&sources).unwrap().operations.len(), 2000);
    let sources = [
        source("a.yaml", &many(1500, "a")),
        source("b.yaml", &many(501, "b")),
    ];
    let told = Catalogue::read(&sources).unwrap_err().to_string();
    assert!(
        told.contains("more than 2000 operations together"),
        "{told}"
    );
    let told = refused(&"#".repeat(MAX_DESCRIPTION_BYTES + 1));
    assert!(told.contains("is larger than 4194304 bytes"), "{told}");
    let parameters = (0..41).map(|number| format!("{{name: p{number}, in: query}},"));
    let parameters: String = parameters.collect();
    let told = refused(&format!(
        "openapi: 3.0.3\npaths: {{/a: {{get: {{parameters: [{parameters}]}}}}}}\n"
    ));
    assert!(told.contains("more than 40 parameters"), "{told}");
    let long = format!(
        "openapi: 3.0.3\npaths: {{/a: {{get: {{description: \"{}\", summary: \"{}\"}}}}, /{}: {{get: {{}}}}}}\n",
        "\u{e4}".repeat(5000),
        "s".repeat(500),
        "p".repeat(400)
    );
    let catalogue = read(&long);
    assert_eq!(
        (catalogue.operations.len(), catalogue.warnings.len()),
        (1, 1)
    );
    let parts = &catalogue.operations[0].parts;
    assert!(parts.text.len() <= 2003 && parts.text.ends_with('\u{2026}'));
    assert!(parts.summary.len() <= 203);
}
