//! Where an API may be: no server of an operation is left to the routes of others.

use super::overlaps::answers;
use super::*;

const KEPT: ImportSettings = ImportSettings {
    allow_public: Publicity::Allow,
    hosts: ServerHosts::Keep,
};
const LEFT_OUT: ImportSettings = ImportSettings {
    hosts: ServerHosts::LeaveOut,
    ..KEPT
};

/// A strict operation at these servers, and an open one at others.
fn described(servers: &str, open: &str) -> String {
    format!(
        "openapi: 3.1.0\nservers: {servers}\n\
         components: {{securitySchemes: {{o: {{type: oauth2}}}}}}\n\
         paths:\n  /secret: {{get: {{operationId: secret, security: [{{o: [r]}}]}}}}\n  {open}\n"
    )
}

fn at(path: &str, servers: &str) -> String {
    format!("{path}: {{servers: {servers}, get: {{operationId: any, security: []}}}}")
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn the_servers_of_a_strict_operation_are_left_to_no_other() {
    let variable =
        |url: &str, variable: &str| format!("[{{url: '{url}', variables: {{v: {variable}}}}}]");
    let both = "[{url: 'https://a.example'}, {url: 'https://b.example'}]";
    for (settings, servers, open, (host, path), is_open_to_its_scope) in [
        (
            KEPT,
            "[{url: /}, {url: 'https://a.example'}]".to_owned(),
            at("/{id}", "[{url: /}]"),
            ("b.example", "/secret"),
            true,
        ),
        (
            KEPT,
            "[{url: 'https://a.example'}, {url: /}]".to_owned(),
            at("/{id}", "[{url: /}]"),
            ("b.example", "/secret"),
            true,
        ),
        (
            KEPT,
            variable("https://{v}.example", "{default: a, enum: [a, b]}"),
            at("/{id}", both),
            ("b.example", "/secret"),
            true,
        ),
        (
            KEPT,
            variable("https://{v}.example", "{default: a}"),
            at("/{id}", both),
            ("b.example", "/secret"),
            true,
        ),
        (
            KEPT,
            variable("{v}", "{default: 'https://a.example'}"),
            at("/{id}", both),
            ("b.example", "/secret"),
            true,
        ),
        (
            LEFT_OUT,
            variable("/{v}", "{default: v1, enum: [v1, v2]}"),
            at("/{v}/{page}", "[{url: /}]"),
            ("", "/v2/secret"),
            true,
        ),
        (
            LEFT_OUT,
            variable("/{v}", "{default: v1}"),
            at("/{v}/{page}", "[{url: /}]"),
            ("", "/v2/secret"),
            true,
        ),
        (
            LEFT_OUT,
            variable("https://a.example{v}", "{default: /v1}"),
            at("/{v}/{page}", "[{url: /}]"),
            ("", "/v2/secret"),
            true,
        ),
        (
            LEFT_OUT,
            variable("/{v}", "{default: v1}"),
            at("/v2/{page}", "[{url: /}]"),
            ("", "/v2/secret"),
            true,
        ),
        (
            LEFT_OUT,
            variable("/{v}", "{default: a/v1}"),
            at("/{a}/{b}/{c}", "[{url: /}]"),
            ("", "/b/v2/secret"),
            true,
        ),
        (
            LEFT_OUT,
            variable("/{v}", "{default: 1, enum: [1, 2]}"),
            at("/{v}/{page}", "[{url: /}]"),
            ("", "/2/secret"),
            true,
        ),
        (
            LEFT_OUT,
            "[{url: //a.example/z}]".to_owned(),
            at("/{a}/{b}", "[{url: /}]"),
            ("", "/z/secret"),
            true,
        ),
        (
            KEPT,
            "[{url: //a.example/z}]".to_owned(),
            at("/{a}/{b}", "[{url: 'https://a.example'}]"),
            ("a.example", "/z/secret"),
            true,
        ),
    ] {
        let text = described(&servers, &open);
        let imported = read(&text, settings).unwrap();
        let policy = compiled(&imported.text);
        let answered = |scopes| answers(&policy, host, "GET", path, scopes);
        assert!(
            !answered(None) && !answered(Some(&["x"])),
            "{text}{}",
            imported.text
        );
        assert_eq!(
            answered(Some(&["r"])),
            is_open_to_its_scope,
            "{text}{}",
            imported.text
        );
    }
}

/// A value that is not known costs nothing where no other operation answers.
#[test]
fn a_free_variable_brings_no_route_of_its_own() {
    for (settings, url, default, routes) in [
        (
            KEPT,
            "https://{v}.example",
            "a",
            &[("a.example", "/secret"), ("a.example", "/{id}")][..],
        ),
        (
            LEFT_OUT,
            "/{v}",
            "v1",
            &[("", "/v1/secret"), ("", "/v1/{id}")],
        ),
        (
            LEFT_OUT,
            "http://localhost:{v}/x",
            "8080",
            &[("", "/x/secret"), ("", "/x/{id}")],
        ),
    ] {
        let servers = format!("[{{url: '{url}', variables: {{v: {{default: '{default}'}}}}}}]");
        let text = described(&servers, "/{id}: {get: {operationId: any, security: []}}");
        let imported = read(&text, settings).unwrap();
        let policy = compiled(&imported.text);
        let made: Vec<(String, &str)> = policy
            .routes()
            .iter()
            .map(|route| {
                let hosts: Vec<String> = route.hosts.iter().map(ToString::to_string).collect();
                (hosts.join(" "), &*route.path)
            })
            .collect();
        let mut made: Vec<(&str, &str)> =
            made.iter().map(|(host, path)| (&**host, *path)).collect();
        // By name they are in another order.
        made.sort_by_key(|(_, path)| path.ends_with("{id}"));
        assert_eq!(made, routes, "{}", imported.text);
        let notes = imported.notes.join("\n");
        assert!(!notes.contains("another route"), "{notes}");
    }
}

/// An operation at a server that is not read would be left to the routes of others.
#[test]
fn a_list_of_servers_is_bounded() {
    let listed = |count: usize| {
        let servers: Vec<String> = (0..count)
            .map(|number| format!("{{url: 'https://h{number}.example/b{number}'}}"))
            .collect();
        let text = format!(
            "openapi: 3.1.0\nservers: [{}]\npaths: {{/a: {{get: {{}}}}}}\n",
            servers.join(", ")
        );
        read(&text, ImportSettings::default())
    };
    assert_eq!(listed(100).unwrap().routes, 100);
    assert_eq!(
        listed(101).unwrap_err(),
        "servers: more than 100 servers, each value of their variables counted; help: keep the servers that the \
         policy is for, or give them a variable without `enum`"
    );
}

/// Variables with more values together are as those that can have any.
#[test]
fn the_values_of_variables_are_bounded() {
    let values: Vec<String> = (0..40).map(|number| format!("v{number}")).collect();
    let values = values.join(", ");
    let servers = format!(
        "[{{url: '/{{v}}/{{w}}', variables: {{v: {{default: v0, enum: [{values}]}}, w: {{default: v0, enum: [{values}]}}}}}}]"
    );
    let text = described(&servers, &at("/{a}/{b}/{c}", "[{url: /}]"));
    let imported = read(&text, LEFT_OUT).unwrap();
    let policy = compiled(&imported.text);
    for path in ["/v1/v0/secret", "/v1/v2/secret", "/v1/other/secret"] {
        assert!(!answers(&policy, "", "GET", path, None), "{path}");
        assert!(answers(&policy, "", "GET", path, Some(&["r"])), "{path}");
    }
    assert!(answers(&policy, "", "GET", "/v1/v0/other", None));
}
