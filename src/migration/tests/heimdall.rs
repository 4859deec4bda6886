//! Heimdall's rule sets.

use super::world::{Carried, Token, compiled, passes, requests};
use super::{source, told};
use crate::migration::{Migrated, Publicity, import_heimdall};

const CONFIG: &str = include_str!("../../../tests/fixtures/migration/heimdall.yaml");
const RULES: &str = include_str!("../../../tests/fixtures/migration/heimdall.rules.yaml");

fn import(texts: &[&str], publicity: Publicity) -> Result<Migrated, String> {
    let sources: Vec<_> = texts.iter().map(|text| source(text)).collect();
    import_heimdall(&sources, publicity).map_err(|problem| problem.to_string())
}

#[test]
fn a_rule_set_becomes_a_policy() {
    let migrated = import(&[CONFIG, RULES], Publicity::Allow).unwrap();
    insta::assert_snapshot!(migrated.text);
    insta::assert_snapshot!(migrated.trust.as_deref().unwrap());
    insta::assert_snapshot!(told(&migrated));
}

/// Rules and requests, and who is let in: nobody where something has no equal.
#[test]
fn what_is_refused_stays_refused() {
    let tokens = Token::several();
    let mechanisms = "mechanisms:\n  authenticators:\n\
        \x20 - {id: anyone, type: anonymous}\n  - {id: none, type: unauthorized}\n\
        \x20 - {id: one, type: jwt, config: {jwks_endpoint: {url: https://one/keys}, assertions: {issuers: [https://one]}}}\n\
        \x20 - {id: session, type: cookie}\n\
        \x20 authorizers:\n  - {id: ok, type: allow}\n  - {id: no, type: deny}\n  - {id: cel, type: cel}\n";
    for (rules, expected) in [
        // rule, then who passes GET /a/b: without a token, with a bad one, with one of `one`, of `two`
        (
            "- {match: {routes: [{path: '/a/:x'}]}, execute: [{authenticator: one}, {authorizer: ok}]}",
            "one",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}]}, execute: [{authenticator: one}]}",
            "one",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}]}, execute: [{authenticator: anyone}]}",
            "none bad one two",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}]}, execute: [{authenticator: one}, {authenticator: anyone}]}",
            "none one",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}]}, execute: [{authenticator: none}, {authenticator: anyone}]}",
            "",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}]}, execute: [{authenticator: session}]}",
            "",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}]}, execute: [{authenticator: one}, {authorizer: no}]}",
            "",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}]}, execute: [{authenticator: one}, {authorizer: cel}]}",
            "",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}]}, execute: [{authenticator: one}, {contextualizer: more}]}",
            "",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}]}, execute: [{authenticator: unknown}]}",
            "",
        ),
        ("- {match: {routes: [{path: '/a/:x'}]}, execute: []}", ""),
        (
            "- {match: {routes: [{path: '/a/:x'}], methods: [POST]}, execute: [{authenticator: anyone}]}",
            "",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}], methods: [ALL, '!GET']}, execute: [{authenticator: anyone}]}",
            "",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}], methods: [ALL, '!TRACE']}, execute: [{authenticator: anyone}]}",
            "none bad one two",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}], scheme: http}, execute: [{authenticator: anyone}]}",
            "",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}], hosts: [{type: exact, value: a.example}]}, execute: [{authenticator: anyone}]}",
            "none bad one two",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}], hosts: [{type: glob, value: '*.example'}]}, execute: [{authenticator: anyone}]}",
            "",
        ),
        (
            "- {match: {routes: [{path: '/a/:x', path_params: [{name: x, type: exact, value: b}]}]}, execute: [{authenticator: anyone}]}",
            "",
        ),
        // The most specific path decides, and what cannot be said of it closes it.
        (
            "- {match: {routes: [{path: '/**'}]}, execute: [{authenticator: anyone}]}\n\
          - {match: {routes: [{path: '/a/b'}]}, execute: [{authenticator: one}]}",
            "one",
        ),
        (
            "- {match: {routes: [{path: '/**'}]}, execute: [{authenticator: anyone}]}\n\
          - {match: {routes: [{path: '/a/b'}], methods: [POST]}, execute: [{authenticator: one}]}",
            "",
        ),
        (
            "- {match: {routes: [{path: '/**'}]}, execute: [{authenticator: anyone}]}\n\
          - {match: {routes: [{path: '/a/b'}], methods: [POST], backtracking_enabled: true}, execute: [{authenticator: one}]}",
            "",
        ),
        (
            "- {match: {routes: [{path: '/**'}]}, execute: [{authenticator: anyone}]}\n\
          - {match: {routes: [{path: '/a/b\\:c'}]}, execute: [{authenticator: one}]}",
            "",
        ),
        // Where conditions do not hold, some versions go on to a less specific path, some do not.
        (
            "- {match: {routes: [{path: '/**'}]}, execute: [{authenticator: one}]}\n\
          - {match: {routes: [{path: '/a/b'}], methods: [POST]}, execute: [{authenticator: one}]}\n\
          - {match: {routes: [{path: '/a/b'}], methods: [GET]}, execute: [{authenticator: anyone}]}",
            "none bad one two",
        ),
        // The host decides before the path.
        (
            "- {match: {routes: [{path: '/a/b'}]}, execute: [{authenticator: anyone}]}\n\
          - {match: {routes: [{path: '/**'}], hosts: [{type: exact, value: a.example}]}, execute: [{authenticator: one}]}",
            "",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}]}, execute: [{authenticator: one, principal: admin}]}",
            "",
        ),
        (
            "- {match: {routes: [{path: '/a/:x'}]}, execute: [{authenticator: anyone, if: 'false'}, {authenticator: one}]}",
            "one",
        ),
    ] {
        let migrated = import(
            &[mechanisms, &format!("version: 1alpha4\nrules:\n{rules}\n")],
            Publicity::Allow,
        )
        .unwrap();
        let policy = compiled(&migrated.text, &["one"]);
        let all = requests();
        let passed = [
            (Carried::Nothing, "none"),
            (Carried::BadToken, "bad"),
            (Carried::Token(0), "one"),
            (Carried::Token(3), "two"),
        ]
        .into_iter()
        .filter(|(carried, _)| {
            let request = all.iter().find(|request| {
                (request.method, request.host, request.path, request.carried)
                    == ("GET", "a.example", "/a/b", *carried)
            });
            passes(&policy, request.unwrap(), &tokens, &["one"])
        });
        let passed: Vec<&str> = passed.map(|(_, name)| name).collect();
        assert_eq!(passed.join(" "), expected, "{rules}\n{}", migrated.text);
    }
}

#[test]
fn what_cannot_be_imported_says_why() {
    for (text, expected) in [
        ("rules: [\n", "rules.yaml:"),
        (
            "version: 1alpha4\nrules: []\n",
            "there is no rule of heimdall here",
        ),
        (
            "rules: [{id: old, match: {url: 'http://a/<**>'}}]\n",
            "rule old has no `match.routes`",
        ),
    ] {
        let error = import(&[text], Publicity::Review).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

/// `ALL` are the nine usual methods: another one is not for the rule.
#[test]
fn all_methods_are_not_every_method() {
    let text = "mechanisms: {authenticators: [{id: anyone, type: anonymous}]}\n---\nversion: 1alpha4\n\
        rules: [{match: {routes: [{path: /a}], methods: [ALL]}, execute: [{authenticator: anyone}]}]\n";
    let migrated = import(&[text], Publicity::Allow).unwrap();
    assert!(migrated.text.contains("PUT"), "{}", migrated.text);
    assert!(
        !migrated
            .text
            .contains("access: public\n    methods: [\"*\"]")
    );
    let policy = compiled(&migrated.text, &[]);
    let request = requests()
        .into_iter()
        .find(|request| request.path == "/a" && request.method == "PUT")
        .unwrap();
    assert!(passes(&policy, &request, &[], &[]), "{}", migrated.text);
    let mut other = request;
    other.method = "PURGE";
    assert!(!passes(&policy, &other, &[], &[]), "{}", migrated.text);
}
