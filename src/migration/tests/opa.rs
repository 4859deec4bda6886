//! Tables of OPA.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::world::{Carried, Request, Token, compiled, passes, requests};
use super::{runner, source, told};
use crate::migration::{Migrated, OpaSettings, import_opa};
use crate::policy::Requirement;

const DATA: &str = include_str!("../../../tests/fixtures/migration/opa.json");

fn import(text: &str, settings: &OpaSettings) -> Result<Migrated, String> {
    import_opa(&source(text), settings).map_err(|problem| problem.to_string())
}

#[test]
fn tables_become_a_policy() {
    let migrated = import(DATA, &OpaSettings::default()).unwrap();
    insta::assert_snapshot!(migrated.text);
    insta::assert_snapshot!(told(&migrated));
    let by_claim = OpaSettings {
        role_claim: Some("role".to_owned()),
        issuer: Some("one".to_owned()),
        ..OpaSettings::default()
    };
    insta::assert_snapshot!(import(DATA, &by_claim).unwrap().text);
}

#[test]
fn nobody_passes_whom_the_tables_do_not_list() {
    let text = r#"{"envoy": {"authz": {"user_roles": {"alice": ["guest"], "bob": ["admin"]},
        "role_perms": {"guest": [{"method": "GET", "path": "/a"}],
                       "admin": [{"method": "POST", "path": ["a", "b"]}, {"method": "GET", "path": "/a/*"}]}}}}"#;
    let migrated = import(text, &OpaSettings::default()).unwrap();
    let policy = compiled(&migrated.text, &["one"]);
    let tokens = Token::several();
    let mut passed = 0;
    for request in requests() {
        let Carried::Token(position @ 0..3) = request.carried else {
            assert!(!passes(&policy, &request, &tokens, &["one"]), "{request:?}");
            continue;
        };
        let user = tokens[position].claims["sub"].as_str().unwrap();
        let expected = matches!(
            (user, request.method, request.path_alone()),
            ("alice", "GET", "/a") | ("bob", "POST", "/a/b")
        );
        assert_eq!(
            passes(&policy, &request, &tokens, &["one"]),
            expected,
            "{request:?}\n{}",
            migrated.text
        );
        passed += usize::from(expected);
    }
    assert!(passed > 0);
}

/// A caller of a role, by the table or by a claim, may send what the role's permissions list, as the Rego of
/// OPA's tutorial has it: method and path without its query, each as a whole.
struct Tables<'a> {
    data: &'a Value,
    role_claim: Option<&'a str>,
}

impl Tables<'_> {
    fn allows(&self, claims: &Value, request: &Request) -> bool {
        let roles = match self.role_claim {
            Some(claim) => &claims[claim],
            None => &self.data["user_roles"][claims["sub"].as_str().unwrap()],
        };
        let mut roles = roles.as_array().into_iter().flatten();
        roles.any(|role| {
            let permissions = &self.data["role_perms"][role.as_str().unwrap_or_default()];
            let mut permissions = permissions.as_array().into_iter().flatten();
            permissions.any(|one| {
                let is_asked = match &one["path"] {
                    // The plugin decodes each segment of the path.
                    Value::Array(segments) => {
                        let parsed = request.path_alone().split('/').skip(1);
                        parsed.eq(segments.iter().filter_map(Value::as_str))
                    }
                    other => other.as_str() == Some(request.path_alone()),
                };
                one["method"] == request.method && is_asked
            })
        })
    }
}

fn data() -> impl Strategy<Value = Value> {
    let paths = select(vec![
        json!("/"),
        json!("/a"),
        json!("/a/b"),
        json!(["a", "b"]),
        json!(["a"]),
        json!([]),
        json!([""]),
        json!(["a/b"]),
        json!(["", "a"]),
        json!("/a/*"),
        json!("/A/b"),
        json!("/a/b?x=1"),
        json!("/c|d/b"),
        json!("a"),
        json!("/c/{x}/e"),
        json!(7),
    ]);
    let methods = select(&["GET", "GET", "HEAD", "POST", "PUT", "get", "*", ""][..]);
    let permission =
        (methods, paths, prop::bool::weighted(0.05)).prop_map(|(method, path, more)| {
            if more {
                json!({"method": method, "path": path, "tenant": "x"})
            } else {
                json!({"method": method, "path": path})
            }
        });
    let permissions = prop_oneof![
        9 => prop::collection::vec(permission.clone(), 0..5).prop_map(|list| json!(list)),
        1 => permission,
    ];
    let roles = prop_oneof![
        9 => subsequence(vec!["dev", "ops", "admin"], 0..=2).prop_map(|roles| json!(roles)),
        1 => Just(json!("dev")),
    ];
    let role_perms =
        prop::collection::btree_map(select(&["dev", "ops", "admin"][..]), permissions, 0..4);
    let user_roles =
        prop::collection::btree_map(select(&["alice", "bob", "carol"][..]), roles, 0..4);
    (role_perms, user_roles).prop_map(
        |(role_perms, user_roles)| json!({"role_perms": role_perms, "user_roles": user_roles}),
    )
}

/// What the tables refuse, the imported policy refuses.
#[test]
fn an_import_is_never_wider() {
    let (tokens, all) = (Token::several(), requests());
    let passed = Cell::new(0);
    let cases = (data(), prop::option::of(select(&["groups", "role"][..])));
    let checked = runner(200).run(&cases, |(data, role_claim)| {
        let settings = OpaSettings {
            role_claim: role_claim.map(str::to_owned),
            issuer: role_claim.map(|_| "one".to_owned()),
            ..OpaSettings::default()
        };
        let migrated = import(&data.to_string(), &settings).unwrap();
        let trusted = if role_claim.is_some() {
            &["one", "two"][..]
        } else {
            &["one"]
        };
        let policy = compiled(&migrated.text, trusted);
        let tables = Tables {
            data: &data,
            role_claim,
        };
        for request in all
            .iter()
            .filter(|one| passes(&policy, one, &tokens, trusted))
        {
            let Carried::Token(position) = request.carried else {
                return Err(TestCaseError::fail(format!("{request:?}\n{data}")));
            };
            prop_assert!(
                tables.allows(&tokens[position].claims, request),
                "{request:?}\n{data}\n{}",
                migrated.text
            );
            passed.set(passed.get() + 1);
        }
        Ok(())
    });
    checked.unwrap();
    assert!(passed.get() > 1_400, "{}", passed.get());
}

/// The plugin makes `["a", "b/c"]` of `/a/b%2Fc`, and `[""]` of `/`.
#[test]
fn a_list_of_segments_is_no_other_path() {
    for (path, expected) in [
        ("[]", "every path has a segment, if only an empty one"),
        (
            r#"["a", "b/c"]"#,
            "a character that only an encoded path can have",
        ),
        (
            r#"["a%2Fb"]"#,
            "a character that only an encoded path can have",
        ),
        (r#"["a", 7]"#, "it is not of the form"),
    ] {
        let text = format!(
            r#"{{"user_roles": {{"alice": ["dev"]}}, "role_perms": {{"dev": [{{"method": "GET", "path": {path}}}]}}}}"#
        );
        let migrated = import(&text, &OpaSettings::default()).unwrap();
        assert!(
            told(&migrated).contains(expected),
            "{path}: {}",
            told(&migrated)
        );
        let policy = compiled(&migrated.text, &["one"]);
        let mut requirements = policy.routes().iter().map(|route| &route.requirement);
        assert!(
            requirements.all(|requirement| *requirement == Requirement::Nobody),
            "{path}: {}",
            migrated.text
        );
    }
    let root = r#"{"user_roles": {"alice": ["dev"]}, "role_perms": {"dev": [{"method": "GET", "path": [""]}]}}"#;
    let migrated = import(root, &OpaSettings::default()).unwrap();
    assert!(migrated.text.contains("path: /\n"), "{}", migrated.text);
}

/// To Rego, one text is no list of roles, and one permission no list of them.
#[test]
fn what_is_not_a_list_opens_nothing() {
    let text = r#"{"user_roles": {"alice": "dev", "bob": ["dev", "ops"]}, "role_perms": {
        "dev": [{"method": "GET", "path": "/a"}], "ops": {"method": "GET", "path": "/b"}}}"#;
    let migrated = import(text, &OpaSettings::default()).unwrap();
    for left_out in [
        "user alice: left out: the roles are not a list",
        "role ops: left out: its permissions are not a list",
    ] {
        assert!(told(&migrated).contains(left_out), "{}", told(&migrated));
    }
    assert!(migrated.text.contains("in [\"bob\"]"), "{}", migrated.text);
    assert!(!migrated.text.contains("path: /b"), "{}", migrated.text);
}

#[test]
fn what_cannot_be_imported_says_why() {
    for (text, expected) in [
        (
            "{\"role_perms\": ",
            "rules.yaml:1:15: this is not valid JSON",
        ),
        (
            "package envoy.authz\n\ndefault allow := false\n",
            "this is Rego, which is not imported",
        ),
        (
            "{\"a\": 1}",
            "there is no table `role_perms` or `role_permissions` here",
        ),
        (
            "{\"a\": {\"role_perms\": {}, \"user_roles\": {}}, \"b\": {\"c\": {\"role_grants\": {}}}}",
            "there are 2 tables of permissions: `a.role_perms`, `b.c.role_grants`",
        ),
        (
            "{\"a\": {\"role_perms\": {}}, \"b\": {\"user_roles\": {}}}",
            "there is no table `user_roles` beside the permissions",
        ),
        (
            "{\"role_perms\": {}}",
            "there is no table `user_roles` beside the permissions",
        ),
    ] {
        let error = import(text, &OpaSettings::default()).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
