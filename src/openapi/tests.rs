//! Descriptions as policies.

mod overlaps;
mod servers;

use proptest::prelude::*;

use super::*;
use crate::policy::ExampleRequest;
use crate::policy::{Requirement, Routed};

const ORDERS: &str = include_str!("../../tests/fixtures/openapi/orders.yaml");

fn read(text: &str, settings: ImportSettings) -> Result<Imported, String> {
    let source = Source {
        name: "orders.yaml".to_owned(),
        text: text.to_owned(),
    };
    import(&source, settings).map_err(|problem| problem.to_string())
}

fn compiled(text: &str) -> Policy {
    let source = Source {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    };
    Policy::compile(&[source]).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

#[test]
fn a_description_becomes_a_policy() {
    let imported = read(ORDERS, ImportSettings::default()).unwrap();
    let expected = include_str!("../../tests/fixtures/openapi/orders.policy.yaml");
    assert_eq!(imported.text, expected);
    let expected = include_str!("../../tests/fixtures/openapi/orders.notes.txt");
    assert_eq!(imported.notes.join("\n") + "\n", expected);
    let policy = compiled(&imported.text);
    assert_eq!(policy.routes().len(), imported.routes);
}

#[test]
fn nothing_is_public_unless_that_is_asked_for() {
    let settings = |allow_public| ImportSettings {
        allow_public,
        ..ImportSettings::default()
    };
    for (publicity, expected) in [
        (Publicity::Review, &[][..]),
        (Publicity::Allow, &["changeItem", "listProducts"]),
    ] {
        let policy = compiled(&read(ORDERS, settings(publicity)).unwrap().text);
        let routes = policy.routes().iter();
        let public = routes.filter(|route| route.requirement == Requirement::Public);
        let public: Vec<&str> = public.map(|route| &*route.name).collect();
        assert_eq!(public, expected);
    }
    let silent = "{openapi: 3.1.0, paths: {/a: {get: {}}}}";
    let policy = compiled(&read(silent, settings(Publicity::Allow)).unwrap().text);
    assert_eq!(policy.routes()[0].requirement, Requirement::Nobody);
}

#[test]
fn hosts_are_carried_over_where_they_are_asked_for() {
    let settings = ImportSettings {
        hosts: ServerHosts::Keep,
        ..ImportSettings::default()
    };
    let policy = compiled(&read(ORDERS, settings).unwrap().text);
    let route = policy
        .routes()
        .iter()
        .find(|route| &*route.name == "placeOrder")
        .unwrap();
    let hosts: Vec<String> = route.hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["api.shop.example", "eu.shop.example", "localhost"]);
}

#[test]
fn every_route_answers_the_request_that_it_was_made_for() {
    let policy = compiled(&read(ORDERS, ImportSettings::default()).unwrap().text);
    for route in policy.routes() {
        let example = ExampleRequest::of(route, str::to_owned).unwrap();
        let routed = policy.route(&example.target());
        assert!(
            matches!(&routed, Ok(Routed::One(one)) if one.name == route.name),
            "{}: {routed:?}",
            route.name
        );
    }
}

#[test]
fn what_is_no_description_is_told() {
    for (text, expected) in [
        (
            "{swagger: '2.0', paths: {}}",
            "this is a Swagger 2.0 description; help: convert it to OpenAPI 3, for example with `npx swagger2openapi`",
        ),
        (
            "{openapi: 4.0.0}",
            "the version `4.0.0` of OpenAPI is not supported; help: export the description as OpenAPI 3.0 or 3.1",
        ),
        (
            "{a: 1}",
            "this is not an OpenAPI description: the key `openapi` is missing; help: name a file that begins with `openapi: 3.0.3` or the like",
        ),
        (
            "{openapi: 3.0.0, paths: {}}",
            "the description has no operation; help: check that `paths` has entries such as `/orders: {get: ...}`",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "orders.yaml has more than one document; help: keep the description alone in the file",
        ),
    ] {
        assert_eq!(read(text, ImportSettings::default()).unwrap_err(), expected);
    }
}

/// Sets of scopes that let in: which of them one route can say.
#[test]
fn alternatives_are_one_requirement_where_there_is_one() {
    for (security, expected) in [
        ("[{o: []}]", "access: authenticated"),
        ("[{o: [a]}]", "scopes: [a]"),
        ("[{o: [b, a]}]", "scopes: [a, b]"),
        ("[{o: [a]}, {o: [b]}]", "any_scope: [a, b]"),
        (
            "[{o: [a, c]}, {o: [b, c]}]",
            "scopes: [c]\n    any_scope: [a, b]",
        ),
        ("[{o: [a]}, {o: [a, b]}]", "scopes: [a]"),
        ("[{o: [a]}, {o: []}]", "access: authenticated"),
        ("[{o: [a, b]}, {o: [c, d]}]", "access: nobody"),
        ("[{o: [a], h: [b]}]", "scopes: [a, b]"),
        ("[{o: ['a b']}]", "access: nobody"),
        ("[{unknown: [a]}]", "access: nobody"),
        ("[{k: []}]", "access: nobody"),
        ("[{k: []}, {o: [a]}]", "scopes: [a]"),
        ("[{}]", "access: nobody"),
        ("{}", "access: nobody"),
    ] {
        let text = format!(
            "openapi: 3.1.0\ncomponents: {{securitySchemes: {{o: {{type: oauth2}}, h: {{type: http, scheme: Bearer}}, \
             k: {{type: apiKey, name: K}}}}}}\npaths: {{/a: {{get: {{security: {security}}}}}}}\n"
        );
        let imported = read(&text, ImportSettings::default()).unwrap().text;
        let (_, asked) = imported.split_once("path: /a\n    ").unwrap();
        assert!(asked.starts_with(expected), "{security}: {asked}");
    }
}

proptest! {
    /// What cannot be a route is left out, so that the rest always loads.
    #[test]
    fn whatever_a_description_says_the_policy_loads(
        operations in prop::collection::vec(
            (
                "(/[a-b{}*:%?#+ .;é~1-]{0,6}){0,3}/?",
                prop::sample::select(&["get", "head", "post", "options"][..]),
                "[a-c /{}\u{e9}\u{0}-]{0,4}",
                prop::collection::vec(prop::collection::vec("[a-c:,\" \u{e9}]{0,2}", 0..3), 0..3),
            ),
            1..8,
        ),
        base in "(https?://[a-z.:0-9]{0,5})?(/[a-b{}%.]{0,3}){0,2}",
        hosts in any::<bool>(),
    ) {
        let mut paths = serde_json::Map::new();
        for (path, method, id, alternatives) in operations {
            let security: Vec<_> = alternatives.iter().map(|scopes| serde_json::json!({"o": scopes})).collect();
            let item = paths.entry(path).or_insert_with(|| serde_json::json!({}));
            item[method] = serde_json::json!({"operationId": id, "security": security});
        }
        let description = serde_json::json!({
            "openapi": "3.1.0", "paths": paths, "servers": [{"url": base}],
            "components": {"securitySchemes": {"o": {"type": "oauth2"}}},
        });
        let settings = ImportSettings {
            allow_public: Publicity::Allow,
            hosts: if hosts { ServerHosts::Keep } else { ServerHosts::LeaveOut },
        };
        let imported = read(&description.to_string(), settings).unwrap();
        let source = Source { name: "policy.yaml".to_owned(), text: imported.text.clone() };
        let policy = Policy::compile(&[source]).map_err(|problems| TestCaseError::fail(format!("{problems}\n{}", imported.text)))?;
        prop_assert_eq!(policy.routes().len(), imported.routes);
    }

    #[test]
    fn no_text_makes_it_panic(
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::sample::select(&["", "[]", "{}", "null", "x", "{$ref: '#/paths'}", "[{a: 1}]", "12"][..])),
            1..6,
        ),
    ) {
        let mut lines: Vec<String> = ORDERS.lines().map(str::to_owned).collect();
        for (index, value) in changes {
            let line = &mut lines[index.index(ORDERS.lines().count())];
            if let Some((key, _)) = line.split_once(':') {
                *line = format!("{key}: {value}");
            }
        }
        if let Ok(imported) = read(&lines.join("\n"), ImportSettings::default()) {
            let policy = compiled(&imported.text);
            prop_assert_eq!(policy.routes().len(), imported.routes);
        }
    }
}

/// What such a requirement asks for is not known, and without it more callers would be let in.
#[test]
fn scopes_that_are_not_a_list_open_nothing() {
    for requirement in [
        "{o: orders.read}",
        "{o: }",
        "{o: {orders.read: x}}",
        "{o: [5]}",
        "{o: [null]}",
        "{k: [], o: true}",
    ] {
        let text = format!(
            "openapi: 3.1.0\npaths: {{/a: {{get: {{security: [{requirement}]}}}}}}\n\
             components: {{securitySchemes: {{o: {{type: oauth2}}, k: {{type: apiKey, name: x}}}}}}\n"
        );
        let imported = read(&text, ImportSettings::default()).unwrap();
        let policy = compiled(&imported.text);
        assert_eq!(
            policy.routes()[0].requirement,
            Requirement::Nobody,
            "{text}"
        );
        let notes = imported.notes.join("\n");
        assert!(
            notes.contains("not a list") || notes.contains("not text"),
            "{notes}"
        );
    }
}

/// The only route of a description with one operation, and the notes.
fn imported_with(schemes: &str, item: &str) -> (Vec<(String, Requirement)>, Vec<String>) {
    let text = format!(
        "openapi: 3.1.0\nsecurity: [{{login: []}}]\n\
         components: {{securitySchemes: {{login: {{type: oauth2{schemes}}}}}}}\n\
         paths: {{/orders: {item}}}\n"
    );
    let imported = read(&text, ImportSettings::default()).unwrap();
    let policy = compiled(&imported.text);
    let routes = policy.routes().iter();
    let routes = routes.map(|route| (route.name.to_string(), route.requirement.clone()));
    (routes.collect(), imported.notes)
}

#[test]
fn a_scope_that_its_scheme_does_not_list_opens_nothing() {
    let flows = ", flows: {clientCredentials: {scopes: {orders.read: Read orders}}}";
    let item = "{get: {operationId: list, security: [{login: [orders.raed]}]}}";
    let (routes, notes) = imported_with(flows, item);
    assert_eq!(routes, [("list".to_owned(), Requirement::Nobody)]);
    let expected = "GET /orders: one way to be let in is left out: the scope `orders.raed` is not among those of \
                    `login`; did you mean `orders.read`?";
    assert_eq!(notes[0], expected);
    // Nothing is known of the scopes of a scheme that lists none.
    let (routes, notes) = imported_with("", item);
    assert!(matches!(routes[0].1, Requirement::Scopes(_)), "{routes:?}");
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn keys_that_may_be_misspelt_have_a_line_and_open_nothing() {
    for (item, expected, notes_expected) in [
        (
            "{gett: {operationId: list}, put: {operationId: change}}",
            [
                ("change", Requirement::Authenticated),
                ("get-orders", Requirement::Nobody),
            ]
            .as_slice(),
            &[
                "/orders: left out: unknown key `gett`; did you mean `get`?",
                "GET /orders: for review, open to nobody: its method may be misspelt",
            ][..],
        ),
        (
            "{query: {operationId: find}, put: {operationId: change, x-own: 1}}",
            &[("change", Requirement::Authenticated)],
            &["/orders: left out: unknown key `query`"],
        ),
        (
            "{put: {operationId: change, secruity: [{login: [orders.write]}]}}",
            &[("change", Requirement::Nobody)],
            &[
                "PUT /orders: left out: unknown key `secruity`; did you mean `security`?",
                "PUT /orders: for review, open to nobody: one of its keys may be meant as `security`",
            ],
        ),
    ] {
        let (mut routes, notes) = imported_with("", item);
        routes.sort_by(|one, other| one.0.cmp(&other.0));
        let routes: Vec<(&str, Requirement)> = routes
            .iter()
            .map(|(name, requirement)| (name.as_str(), requirement.clone()))
            .collect();
        assert_eq!(routes, expected, "{item}");
        assert_eq!(notes, notes_expected, "{item}");
    }
}

#[test]
fn a_key_of_the_description_that_may_be_misspelt_has_a_line() {
    let text = "{openapi: 3.1.0, servrs: [{url: /v1}], x-own: 1, paths: {/a: {get: {}}}}";
    let imported = read(text, ImportSettings::default()).unwrap();
    let expected = "the description: left out: unknown key `servrs`; did you mean `servers`?";
    assert_eq!(imported.notes[0], expected);
}
