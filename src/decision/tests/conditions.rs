//! Routes with conditions: what they read of path, request and token, and what becomes of errors.

use super::*;
use crate::condition::{Attributes, Found};

const POLICY: &str = r#"
version: 1
scopes: {read: Read, write: Write}
claims: {level: int}
paths: {merge_slashes: true, encoded_slashes: true, trailing_slash: true}
requirements:
  owner: {when: token.sub == path.user_id}
  high: {scopes: [read], when: token.level >= 3}
routes:
  - {name: account, methods: [GET], path: "/users/{user_id}", access: authenticated, requires: [owner]}
  - {name: files, methods: [GET], path: "/users/{user_id}/files/{*rest}", scopes: [read], requires: [owner],
     when: ['!path.rest.contains("..")', 'path.rest.startsWith("public/") || token.level >= 2']}
  - {name: start, methods: [GET], path: "/jobs/{id}:start", requires: [high], scopes: [write],
     when: path.id == "7" && request.path == "/jobs/7:start"}
  - {name: region, methods: [GET], path: /region, access: public, when: 'request.headers["x-region"] == "eu"'}
  - {name: quiet, methods: [GET], path: /quiet, access: public, when: '!("x-loud" in request.headers)'}
  - {name: invited, methods: [GET], path: /invited, access: public,
     when: 'has(token.sub) && token.sub == "alice" || request.query.code == "sesame"'}
  - {name: host, methods: [GET], path: /host, access: public, when: request.host == "shop.example"}
  - {name: later, methods: [GET], path: /later, access: public, when: 'now >= timestamp("2030-01-01T00:00:00Z")'}
  - {name: staff, methods: [GET], path: /staff, access: authenticated,
     when: 'issuer == "staff" && "orders-api" in token.aud && "write" in token.scopes'}
  - {name: steps, methods: [GET], path: "/steps/{id}", access: authenticated,
     when: 'token.many.all(x, token.many.all(y, x != "" && y != ""))'}
"#;

/// What a request carries beside its target.
#[derive(Debug, Default)]
struct Carried<'a> {
    regions: &'a [&'a [u8]],
}

impl Attributes for Carried<'_> {
    fn header(&self, name: &str) -> (Found<&[u8]>, usize) {
        let found = match (name, self.regions) {
            ("x-region" | "x-loud", [one]) => Found::Once(*one),
            ("x-region" | "x-loud", [_, _, ..]) => Found::Repeated,
            _ => Found::Absent,
        };
        (found, self.regions.iter().map(|value| value.len()).sum())
    }

    fn scheme(&self) -> Option<&str> {
        None
    }

    fn source_address(&self) -> Option<&str> {
        None
    }

    fn source_principal(&self) -> Option<&str> {
        None
    }

    fn size(&self) -> Option<i64> {
        None
    }
}

fn judged(path: &str, evidence: Evidence<'_>, carried: &Carried<'_>, host: &[u8]) -> String {
    let policy = policy(POLICY);
    let target = Target {
        host: Host(host),
        ..target(path)
    };
    let circumstances = Circumstances {
        policy: &policy,
        target: &target,
        attributes: carried,
        now: UnixSeconds(NOW),
    };
    let routed = policy.route(&target).unwrap();
    match decide(&routed, evidence, &circumstances) {
        Decision::Allow(permit) => format!("allow {}", permit.route().name),
        Decision::Deny(denial) => {
            let part = denial.condition().and_then(|(_, part)| part);
            let told = [Some(denial.label()), denial.detail(), part];
            told.into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
    }
}

fn with_claims(path: &str, claims: serde_json::Value) -> String {
    let token = token_with(claims);
    let evidence = Evidence::Verified(&token);
    judged(path, evidence, &Carried::default(), b"shop.example")
}

fn without_token(path: &str, carried: &Carried<'_>) -> String {
    judged(path, Evidence::Absent, carried, b"shop.example")
}

#[test]
fn an_owner_is_whom_the_path_names() {
    let alice = json!({"sub": "alice"});
    for (path, expected) in [
        ("/users/alice", "allow account"),
        ("/users/bob", "condition_not_met"),
        ("/users/Alice", "condition_not_met"),
        ("/users/%61lice", "allow account"),
        ("/users/alice?user_id=bob", "allow account"),
        ("/users/bob?user_id=alice", "condition_not_met"),
        ("/users/alice/", "allow account"),
        ("//users/alice", "unlisted"),
        ("/users//alice", "allow account"),
        ("/users/alice%2F", "condition_not_met"),
    ] {
        assert_eq!(with_claims(path, alice.clone()), expected, "{path}");
    }
    assert_eq!(
        without_token("/users/alice", &Carried::default()),
        "no_token"
    );
}

/// Whether a token with this subject passes on this path, of a policy that compares the two.
#[track_caller]
fn check_owners(text: &str, rows: &[(&str, &str, bool)]) {
    let policy = policy(text);
    for (subject, path, allowed) in rows {
        let token = token_with(json!({"sub": subject}));
        let target = target(path);
        let circumstances = Circumstances {
            policy: &policy,
            target: &target,
            attributes: &NoAttributes,
            now: UnixSeconds(NOW),
        };
        let routed = policy.route(&target).unwrap();
        let decision = decide(&routed, Evidence::Verified(&token), &circumstances);
        let is_allowed = matches!(decision, Decision::Allow(_));
        assert_eq!(is_allowed, *allowed, "{subject} {path}");
    }
}

#[test]
fn a_parameter_is_decoded_once() {
    let text = "version: 1\nroutes: [{name: account, methods: [GET], path: '/users/{user_id}', \
                access: authenticated, when: token.sub == path.user_id}]\n";
    check_owners(
        text,
        &[
            ("alice", "/users/alice", true),
            ("alice", "/users/%61lice", true),
            ("%61lice", "/users/%61lice", false),
            ("a b", "/users/a%20b", true),
            ("a@b", "/users/a@b", true),
            ("a@b", "/users/a%40b", true),
            ("a%40b", "/users/a%40b", false),
            ("100%", "/users/100%25", true),
            ("\u{fc}", "/users/%C3%BC", true),
            ("\u{fc}", "/users/\u{fc}", true),
        ],
    );
}

#[test]
fn what_a_route_asks_itself_and_what_it_names_is_asked_together() {
    for (path, claims, expected) in [
        (
            "/users/alice/files/public/a",
            json!({"sub": "alice", "scope": "read", "level": 1}),
            "allow files",
        ),
        (
            "/users/alice/files/public/a",
            json!({"sub": "bob", "scope": "read", "level": 1}),
            "condition_not_met",
        ),
        (
            "/users/alice/files/private/a",
            json!({"sub": "alice", "scope": "read", "level": 1}),
            "condition_not_met",
        ),
        (
            "/users/alice/files/private/a",
            json!({"sub": "alice", "scope": "read", "level": 2}),
            "allow files",
        ),
        (
            "/users/alice/files/private/a",
            json!({"sub": "alice", "level": 2}),
            "scopes_missing",
        ),
        (
            "/users/alice/files/private/a",
            json!({"sub": "alice", "scope": "read"}),
            "condition_failed missing token.level",
        ),
        (
            "/users/alice/files/private/a",
            json!({"sub": "alice", "scope": "read", "level": "2"}),
            "condition_failed wrong_type token.level",
        ),
        (
            "/users/alice/files/public/a",
            json!({"sub": "alice", "scope": "read"}),
            "allow files",
        ),
        (
            "/jobs/7:start",
            json!({"sub": "a", "scope": "read write", "level": 3}),
            "allow start",
        ),
        (
            "/jobs/8:start",
            json!({"sub": "a", "scope": "read write", "level": 3}),
            "condition_not_met",
        ),
        (
            "/jobs/7:start",
            json!({"sub": "a", "scope": "read write", "level": 2}),
            "condition_not_met",
        ),
        (
            "/jobs/7:start",
            json!({"sub": "a", "scope": "read", "level": 3}),
            "scopes_missing",
        ),
        (
            "/jobs/7:start",
            json!({"sub": "a", "scope": "write", "level": 3}),
            "scopes_missing",
        ),
        (
            "/staff",
            json!({"sub": "a", "scope": "read write"}),
            "allow staff",
        ),
        (
            "/staff",
            json!({"sub": "a", "scope": "read"}),
            "condition_not_met",
        ),
        ("/later", json!({"sub": "a"}), "condition_not_met"),
    ] {
        assert_eq!(
            with_claims(path, claims.clone()),
            expected,
            "{path} {claims}"
        );
    }
}

#[test]
fn a_header_that_came_twice_refuses() {
    for (regions, expected) in [
        (
            &[][..],
            "condition_failed missing request.headers[\"x-region\"]",
        ),
        (&[&b"eu"[..]], "allow region"),
        (&[b"us"], "condition_not_met"),
        (
            &[b"eu", b"us"],
            "condition_failed repeated request.headers[\"x-region\"]",
        ),
        (
            &[b"eu", b"eu"],
            "condition_failed repeated request.headers[\"x-region\"]",
        ),
        (
            &[b"\xff"],
            "condition_failed not_text request.headers[\"x-region\"]",
        ),
    ] {
        let carried = Carried { regions };
        assert_eq!(without_token("/region", &carried), expected, "{regions:?}");
    }
    for (regions, expected) in [
        (&[][..], "allow quiet"),
        (&[&b"1"[..]], "condition_not_met"),
        (
            &[b"1", b"1"],
            "condition_failed repeated (\"x-loud\" in request.headers)",
        ),
    ] {
        let carried = Carried { regions };
        assert_eq!(without_token("/quiet", &carried), expected, "{regions:?}");
    }
}

#[test]
fn a_public_route_may_ask_for_more_than_the_token() {
    let nothing = Carried::default();
    assert_eq!(
        without_token("/invited?code=sesame", &nothing),
        "allow invited"
    );
    assert_eq!(
        without_token("/invited?code=other", &nothing),
        "condition_not_met"
    );
    assert_eq!(
        without_token("/invited?code=sesame&code=sesame", &nothing),
        "condition_failed repeated request.query.code"
    );
    assert_eq!(
        with_claims("/invited", json!({"sub": "alice"})),
        "allow invited"
    );
    assert_eq!(
        with_claims("/invited", json!({"sub": "bob"})),
        "condition_failed missing request.query.code"
    );
    let bad = Evidence::Refused(TokenError::Json);
    let refused = judged("/invited?code=1", bad, &nothing, b"shop.example");
    assert_eq!(refused, "condition_not_met");
    // The gate cannot tell yet what the token says.
    let unknown = Evidence::Refused(TokenError::KeysNotLoaded(IssuerIndex(0)));
    let refused = judged("/invited?code=1", unknown, &nothing, b"shop.example");
    assert_eq!(refused, "keys_not_loaded");
    let let_in = judged("/invited?code=sesame", unknown, &nothing, b"shop.example");
    assert_eq!(let_in, "allow invited");
    let refused = judged("/later", unknown, &nothing, b"shop.example");
    assert_eq!(refused, "condition_not_met");
}

#[test]
fn the_host_is_read_as_routes_compare_it() {
    for (host, expected) in [
        (&b"shop.example"[..], "allow host"),
        (b"SHOP.example.:443", "allow host"),
        (b"other.example", "condition_not_met"),
    ] {
        let found = judged("/host", Evidence::Absent, &Carried::default(), host);
        assert_eq!(found, expected);
    }
}

#[test]
fn a_token_cannot_make_a_check_take_long() {
    let many: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let claims = json!({"sub": "a", "many": many});
    let refused = with_claims("/steps/1", claims);
    assert!(
        refused.starts_with("condition_failed too_many_steps"),
        "{refused}"
    );
}

#[test]
fn the_case_of_a_parameter_is_kept_where_that_of_the_path_is_ignored() {
    let text = "version: 1\npaths: {ignore_case: true}\nroutes: [{name: account, methods: [GET], \
                path: '/users/{user_id}', access: authenticated, when: token.sub == path.user_id}]\n";
    check_owners(
        text,
        &[
            ("Alice", "/users/Alice", true),
            ("Alice", "/USERS/Alice", true),
            ("alice", "/users/Alice", false),
            ("Al ice", "/Users/Al%20ice", true),
            ("al ice", "/Users/Al%20ice", false),
            ("\u{c9}a", "/users/\u{c9}a", true),
            ("\u{e9}a", "/users/\u{c9}a", false),
        ],
    );
}

#[test]
fn a_parent_scope_covers_its_own_only_where_the_policy_says_so() {
    let routes = "scopes: {orders.read: Read}\nroutes: [{name: read, methods: [GET], path: /orders, \
                  scopes: [orders.read]}]\n";
    for (setting, held, expected) in [
        ("", "orders", "deny scopes_missing read"),
        (
            "parent_scopes: false\n",
            "orders",
            "deny scopes_missing read",
        ),
        ("parent_scopes: true\n", "orders", "allow scopes read"),
        ("parent_scopes: true\n", "orders.read", "allow scopes read"),
        ("parent_scopes: true\n", "order", "deny scopes_missing read"),
        (
            "parent_scopes: true\n",
            "orders.read.all",
            "deny scopes_missing read",
        ),
    ] {
        let policy = policy(&format!("version: 1\n{setting}{routes}"));
        let token = token(held);
        let found = policy.route(&target("/orders")).unwrap();
        let found = outcome(&found, Evidence::Verified(&token));
        assert_eq!(found, expected, "{setting} {held}");
    }
}

/// Where case is ignored, the end of a name may have another length than the one that it stands for.
#[test]
fn a_parameter_ends_where_the_text_behind_it_begins_in_any_case() {
    let text = "version: 1\npaths: {ignore_case: true}\nroutes:\n  \
        - {name: any, methods: [GET], path: '/u/{x}', access: public}\n  \
        - {name: own, methods: [GET], path: '/u/{x}\u{2c65}', access: authenticated, when: token.sub == path.x}\n  \
        - {name: below, methods: [GET], path: '/\u{e9}/{x}', access: authenticated, when: token.sub == path.x}\n  \
        - {name: beside, methods: [GET], path: '/{a}/{x}', access: public}\n";
    check_owners(
        text,
        &[
            ("bob", "/u/bob\u{2c65}", true),
            ("bob", "/u/bob\u{23a}", true),
            ("bo", "/u/bob\u{23a}", false),
            ("bob", "/u/bob%C8%BA", true),
            ("bo", "/u/bob%C8%BA", false),
            ("bob", "/U/bob%e2%b1%a5", true),
            ("a b", "/\u{c9}/a%20b", true),
            ("a", "/\u{c9}/a%20b", false),
        ],
    );
}
