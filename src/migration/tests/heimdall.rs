//! Heimdall's rule sets.

mod documents;
mod left_out;
mod pipeline;

use std::cell::Cell;

use proptest::prelude::*;
use serde_json::json;

use super::world::{Carried, Request, Token, compiled, passes, requests};
use super::{runner, source, told};
use crate::migration::{Migrated, Publicity, import_heimdall};
use documents::rule_set;
use pipeline::{Heimdall, Version};

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

/// Steps, and who passes `GET /a/b` by them: without a token, with a bad one, with one of `one`, of `two`.
const STEPS: &[(&str, &str)] = &[
    ("[{authenticator: one}, {authorizer: ok}]", "one"),
    ("[{authenticator: one}]", "one"),
    ("[{authenticator: anyone}]", "none bad one two"),
    (
        "[{authenticator: one}, {authenticator: anyone}]",
        "none one",
    ),
    ("[{authenticator: none}, {authenticator: anyone}]", ""),
    ("[{authenticator: session}]", ""),
    ("[{authenticator: one}, {authorizer: no}]", ""),
    ("[{authenticator: one}, {authorizer: cel}]", ""),
    ("[{authenticator: one}, {contextualizer: more}]", ""),
    ("[{authenticator: unknown}]", ""),
    ("[]", ""),
    ("[{authenticator: one, principal: admin}]", ""),
    (
        "[{authenticator: anyone, if: 'false'}, {authenticator: one}]",
        "",
    ),
    ("[{authenticator: one, id: first}]", "one"),
    ("[{authenticator: one}, {authenticator: two}]", "one"),
    ("[{authenticator: two}, {authenticator: one}]", "one two"),
    (
        "[{authenticator: two}, {authenticator: one}, {authenticator: anyone}]",
        "none one two",
    ),
    (
        "[{authenticator: one}, {authenticator: two, principal: other}]",
        "",
    ),
    (
        "[{authenticator: one}, {authenticator: none}, {authenticator: anyone}]",
        "one",
    ),
    ("[{authenticator: session}, {authenticator: one}]", ""),
    ("[{authenticator: session}, {authenticator: anyone}]", ""),
    ("[{authenticator: unknown}, {authenticator: anyone}]", ""),
    (
        "[{authenticator: one}, {authenticator: session}, {authenticator: anyone}]",
        "one",
    ),
];

/// Rules, and who passes `GET /a/b`.
const MATCHES: &[(&str, &str)] = &[
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
    // What excludes all of its methods is for every method in some versions.
    (
        "- {match: {routes: [{path: '/a/b'}], methods: ['!GET']}, execute: [{authenticator: one}]}\n\
      - {match: {routes: [{path: '/a/b'}]}, execute: [{authenticator: anyone}]}",
        "one",
    ),
    (
        "- {match: {routes: [{path: '/a/b'}], methods: [POST, '!POST']}, execute: [{authenticator: one}]}\n\
      - {match: {routes: [{path: '/a/b'}]}, execute: [{authenticator: anyone}]}",
        "one",
    ),
    (
        "- {disabled: true, match: {routes: [{path: '/a/b'}]}, execute: [{authenticator: anyone}]}",
        "",
    ),
];

const MECHANISMS: &str = "mechanisms:\n  authenticators:\n\
    \x20 - {id: anyone, type: anonymous}\n  - {id: none, type: unauthorized}\n\
    \x20 - {id: one, type: jwt, config: {jwks_endpoint: {url: https://one/keys}, assertions: {issuers: [https://one]}}}\n\
    \x20 - {id: two, type: jwt, config: {jwks_endpoint: {url: https://two/keys}, assertions: {issuers: [https://two]}, allow_fallback_on_error: true}}\n\
    \x20 - {id: session, type: cookie}\n\
    \x20 authorizers:\n  - {id: ok, type: allow}\n  - {id: no, type: deny}\n  - {id: cel, type: cel}\n";

fn of_rules(mechanisms: &str, rules: &str) -> Migrated {
    let rules = format!("version: 1alpha4\nrules:\n{rules}\n");
    import(&[mechanisms, &rules], Publicity::Allow).unwrap()
}

/// `GET /a/b` at `a.example`.
fn get(carried: Carried) -> Request {
    let mut request = requests().remove(0);
    (request.path, request.carried) = ("/a/b", carried);
    request
}

fn passed_by(migrated: &Migrated) -> String {
    let tokens = Token::several();
    let trusted = ["one", "two"];
    let policy = compiled(&migrated.text, &trusted);
    let all = [
        (Carried::Nothing, "none"),
        (Carried::BadToken, "bad"),
        (Carried::Token(0), "one"),
        (Carried::Token(3), "two"),
    ];
    let passed = all
        .into_iter()
        .filter(|(carried, _)| passes(&policy, &get(*carried), &tokens, &trusted));
    let passed: Vec<&str> = passed.map(|(_, name)| name).collect();
    passed.join(" ")
}

/// Rules and requests, and who is let in: nobody where something has no equal.
#[test]
fn what_is_refused_stays_refused() {
    let steps = STEPS.iter().map(|(steps, expected)| {
        let rule = format!("- {{match: {{routes: [{{path: '/a/:x'}}]}}, execute: {steps}}}");
        (rule, *expected)
    });
    let matches = MATCHES
        .iter()
        .map(|(rules, expected)| ((*rules).to_owned(), *expected));
    for (rules, expected) in steps.chain(matches) {
        let migrated = of_rules(MECHANISMS, &rules);
        assert_eq!(passed_by(&migrated), expected, "{rules}\n{}", migrated.text);
    }
}

/// What heimdall refuses, the imported policy refuses, whichever version it is.
#[test]
fn an_import_is_never_wider() {
    let (tokens, trusted) = (Token::several(), ["one", "two"]);
    let with_bodies = requests().into_iter().filter(|one| one.method == "POST");
    let with_bodies = with_bodies.map(|mut one| {
        one.content_type = Some("application/json");
        one
    });
    let all: Vec<Request> = requests().into_iter().chain(with_bodies).collect();
    let passed = Cell::new(0);
    let cases = (rule_set(), any::<bool>());
    let checked = runner(160).run(&cases, |((config, rules), allow_public)| {
        let publicity = if allow_public {
            Publicity::Allow
        } else {
            Publicity::Review
        };
        let set = json!({"version": "1alpha4", "rules": rules}).to_string();
        let migrated = import(&[&config.to_string(), &set], publicity).unwrap();
        let policy = compiled(&migrated.text, &trusted);
        for request in all
            .iter()
            .filter(|one| passes(&policy, one, &tokens, &trusted))
        {
            for version in [Version::Early, Version::Late] {
                let heimdall = Heimdall {
                    version,
                    config: &config,
                    rules: &rules,
                    tokens: &tokens,
                };
                prop_assert!(
                    heimdall.passes(request),
                    "{version:?} {request:?}\n{config}\n{set}\n{}",
                    migrated.text
                );
            }
            passed.set(passed.get() + 1);
        }
        Ok(())
    });
    checked.unwrap();
    assert!(passed.get() > 10_000, "{}", passed.get());
}

/// Where an authenticator looks for tokens, a request without a good one, and whether `anonymous` takes it.
const SOURCES: &[(&str, &str, Option<&str>, bool)] = &[
    ("", "/a/b", None, true),
    ("", "/a/b?x=1", None, true),
    ("", "/a/b?access_token=x", None, false),
    ("", "/a/b", Some("application/json"), false),
    ("BEARER", "/a/b?access_token=x", None, true),
    ("BEARER", "/a/b", Some("application/json"), true),
    (
        "BEARER, {query_parameter: token}",
        "/a/b?token=x",
        None,
        false,
    ),
    (
        "BEARER, {body_parameter: token}",
        "/a/b",
        Some("text/plain"),
        false,
    ),
    ("{header: X-Region}", "/a/b", None, false),
];

/// Heimdall looks for tokens in the query and in bodies as well: a bad one there is not for `anonymous`.
#[test]
fn anonymous_is_for_requests_without_a_token_anywhere() {
    let rule = "- {match: {routes: [{path: /a/b}]}, execute: [{authenticator: one}, {authenticator: anyone}]}";
    for (source, path, content_type, expected) in SOURCES {
        let source = source.replace("BEARER", "{header: Authorization, scheme: Bearer}");
        let mechanisms = format!(
            "mechanisms: {{authenticators: [{{id: anyone, type: anonymous}}, {{id: one, type: jwt, config: {{\
             jwks_endpoint: {{url: 'https://one/keys'}}, assertions: {{issuers: ['https://one']}}, \
             jwt_source: [{source}]}}}}]}}"
        );
        let migrated = of_rules(&mechanisms, rule);
        let mut request = get(Carried::Nothing);
        (request.path, request.content_type) = (path, *content_type);
        // Which one of the sources has as its header.
        request.region = Some("eu");
        let passed = passes(&compiled(&migrated.text, &["one"]), &request, &[], &["one"]);
        assert_eq!(
            passed, *expected,
            "{source} {path} {content_type:?}\n{}",
            migrated.text
        );
    }
}

/// Heimdall refuses other algorithms than these, and tokens without the claim of the subject.
#[test]
fn what_an_authenticator_says_of_tokens_is_kept() {
    let rule = "- {match: {routes: [{path: /a/b}]}, execute: [{authenticator: one}]}";
    for (more, algorithms, condition) in [
        ("", "algorithms: [ES256, ES384, PS384, PS512]\n", ""),
        (
            "assertions: {allowed_algorithms: [RS256, ES512]}",
            "algorithms: [RS256]\n",
            "",
        ),
        ("subject: {id: sub}", "algorithms: [ES256", ""),
        (
            "principal: {id: user_id}",
            "algorithms: [ES256",
            "when: 'has(token.user_id)'",
        ),
        (
            "subject: {id: uid}, principal: {id: user_id}",
            "algorithms: [ES256",
            "has(token.uid)",
        ),
        (
            "assertions: {allowed_algorithms: [HS256]}",
            "",
            "the gate has none of its `allowed_algorithms`",
        ),
        (
            "subject: {id: identity.id}",
            "",
            "`subject.id` is not the name of a claim",
        ),
    ] {
        let issuer = "issuers: ['https://one']";
        let more = match more.strip_prefix("assertions: {") {
            Some(rest) => format!("assertions: {{{issuer}, {rest}"),
            None => format!("assertions: {{{issuer}}}, {more}"),
        };
        let mechanisms = format!(
            "mechanisms: {{authenticators: [{{id: one, type: jwt, config: {{jwks_endpoint: {{url: 'https://one/keys'}}, {more}}}}}]}}"
        );
        let migrated = of_rules(&mechanisms, rule);
        let trust = migrated.trust.as_deref().unwrap_or_default();
        assert!(trust.contains(algorithms), "{more}\n{trust}");
        assert!(
            migrated.text.contains(condition),
            "{more}\n{}",
            migrated.text
        );
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
