//! Tables of OPA.

use super::world::{Carried, Token, compiled, passes, requests};
use super::{source, told};
use crate::migration::{Migrated, OpaSettings, import_opa};

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
