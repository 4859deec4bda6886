//! Paths that the policy relaxes: every reading must allow.

use super::*;

const ROUTES: &str = r#"
routes:
  - {name: root, methods: [GET], path: /, access: public}
  - {name: public, methods: [GET], path: "/public/{*rest}", access: public}
  - {name: item, methods: [GET], path: "/items/{id}", access: public}
  - {name: list, methods: [GET], path: /items, access: authenticated}
  - {name: part, methods: [GET], path: "/items/{id}/{part}", access: authenticated}
  - {name: secret, methods: [GET], path: /items/secret, access: nobody}
  - {name: admin, methods: ["*"], path: /admin, access: nobody}
  - {name: admin-all, methods: ["*"], path: "/admin/{*rest}", access: nobody}
  - {name: put, methods: [PUT], path: "/put/{a}/{b}", access: public}
  - {name: got, methods: [GET], path: /put/x, access: public}
  - {name: deep, methods: [GET], path: "/put/{a}/{b}/{c}", access: public}
"#;

fn check_with(rules: &str, rows: &[(&str, &str)]) {
    let text = format!("version: 1\npaths: {{{rules}}}\n{ROUTES}");
    check(&compiled(&text), rows);
}

#[test]
fn without_a_relaxation_each_is_malformed() {
    for rules in [
        "",
        "merge_slashes: false, encoded_slashes: false, path_parameters: false, trailing_slash: false",
    ] {
        check_with(
            rules,
            &[
                ("/items//1", "400 path_empty_segment"),
                ("/items/a%2Fb", "400 path_encoded_slash"),
                ("/items/a;b", "400 path_parameter"),
                ("/items/1/", "400 path_empty_segment"),
            ],
        );
    }
}

#[test]
fn merged_slashes_must_match_and_unmerged_ones_may() {
    check_with(
        "merge_slashes: true",
        &[
            ("/items//1", "item and part"),
            ("//items/1", "item"),
            ("/items/1", "item"),
            ("//", "root"),
            ("////", "root"),
            ("//nothing", "unlisted"),
            ("/public//x", "public"),
            ("/public//x///y", "public"),
            // What a parser of URLs leaves of `//host/path`.
            ("//items/admin", "admin and item"),
            ("//public/admin", "admin and public"),
            ("///public/admin", "admin and public"),
            ("//admin", "admin and root"),
            // A slash at the end is another relaxation.
            ("/items/1//", "400 path_empty_segment"),
            ("/items//", "400 path_empty_segment"),
            ("/public//../admin", "400 path_dot_segment"),
            ("/public//%2e%2e/admin", "400 path_encoded_dot"),
            ("/public//;", "400 path_parameter"),
        ],
    );
}

#[test]
fn a_path_without_its_trailing_slash_must_match() {
    check_with(
        "trailing_slash: true",
        &[
            ("/items/", "item and list"),
            ("/items/1/", "item and part"),
            ("/items/secret/", "part and secret"),
            ("/public/x/", "public"),
            // `{*rest}` is one or more segments, so that `/public` is no reading of it.
            ("/public/", "unlisted"),
            ("/admin/", "admin and admin-all"),
            ("/", "root"),
            ("//", "400 path_empty_segment"),
            ("/items//", "400 path_empty_segment"),
            ("/items/../", "400 path_dot_segment"),
        ],
    );
    check_with(
        "trailing_slash: true, merge_slashes: true",
        &[
            ("/items/1//", "item and part"),
            ("//items//1//", "item and part"),
            ("//", "root"),
        ],
    );
}

#[test]
fn an_encoded_slash_is_kept_and_decoded() {
    check_with(
        "encoded_slashes: true",
        &[
            ("/items/a%2Fb", "item and part"),
            ("/items/a%2fb", "item and part"),
            ("/public/a%2Fb", "public"),
            ("/items/a%2Fb%2Fc", "unlisted"),
            ("/items%2Fsecret", "unlisted"),
            ("/public/x%2F..%2Fadmin", "400 path_dot_segment"),
            ("/public/..%2fadmin", "400 path_dot_segment"),
            ("/public/%2e%2e%2fadmin", "400 path_encoded_dot"),
            ("/public/a%2F%2Fb", "400 path_empty_segment"),
            ("/public/a%2F", "400 path_empty_segment"),
            ("/%2Fadmin", "400 path_empty_segment"),
            ("/public/%252Fx", "400 path_double_encoding"),
            ("/public/a%5Cb", "400 path_backslash"),
        ],
    );
    check_with(
        "encoded_slashes: true, merge_slashes: true",
        &[
            ("/public/a%2F/b", "public"),
            ("/%2Fadmin", "unlisted"),
            ("/items%2F/secret", "unlisted"),
        ],
    );
    // A path that matches without its method is refused in any reading.
    check_with("encoded_slashes: true", &[("/put/x%2Fy", "unlisted")]);
}

#[test]
fn a_path_without_its_parameters_must_match() {
    check_with(
        "path_parameters: true",
        &[
            ("/items/1;v=2", "item"),
            ("/items/secret;v=2", "item and secret"),
            ("/admin;x=1", "admin"),
            ("/items;x/1", "item and list"),
            ("/items;x/1;y", "item and list"),
            ("/public;/x", "public"),
            ("/public/x;/y", "public"),
            ("/public;x=1/admin;y", "public"),
            ("/public;/../admin", "400 path_dot_segment"),
            ("/public/..;/admin", "400 path_dot_segment"),
            ("/..;/admin", "400 path_dot_segment"),
            ("/..;a=b;c/admin", "400 path_dot_segment"),
            ("/public/.;/admin", "400 path_dot_segment"),
            ("/public/..%3B/admin", "400 path_dot_segment"),
            ("/public/..%3b;x/admin", "400 path_dot_segment"),
            ("/items/;x", "400 path_empty_segment"),
            ("/;x/admin", "400 path_empty_segment"),
            ("/;x", "root"),
        ],
    );
    check_with(
        "path_parameters: true, encoded_slashes: true",
        &[
            ("/items/a;x%2Fb", "item and part"),
            ("/items/a;x%2F..", "400 path_dot_segment"),
            ("/public/x;%2F..%2F..%2Fadmin", "400 path_dot_segment"),
        ],
    );
}

#[test]
fn readings_are_bounded() {
    let rules =
        "merge_slashes: true, encoded_slashes: true, path_parameters: true, trailing_slash: true";
    let text = format!("version: 1\npaths: {{{rules}}}\n{ROUTES}");
    let policy = compiled(&text);
    for path in [
        "/;%3B%2F/".repeat(900),
        "//a;b%2Fc%3Bd//e/".repeat(400),
        "/%2F;".repeat(1600),
        "/".repeat(8192),
        format!("/{}", "%2F".repeat(2700)),
        format!("/public/{}", ";%3B".repeat(2000)),
    ] {
        // Any answer will do, in time and without panic.
        let _ = outcome(&policy, &get(path.as_bytes()));
    }
    check(&policy, &[("//public/a;b%2Fc//d%3Be/", "public")]);
}

#[test]
fn preflights_must_be_so_in_every_reading() {
    let policy = compiled(
        r#"
version: 1
paths: {encoded_slashes: true}
routes:
  - {name: one, methods: [GET], path: "/o/{a}", access: authenticated, preflight: true}
  - {name: two, methods: [GET], path: "/o/{a}/{b}", access: authenticated, preflight: true}
  - {name: three, methods: [GET], path: "/o/{a}/{b}/{c}", access: authenticated}
  - {name: p, methods: [GET], path: "/p/{a}", access: authenticated, preflight: true}
  - {name: p-options, methods: [OPTIONS], path: "/p/{a}/{b}", access: public}
"#,
    );
    for (path, expected) in [
        ("/o/1", "preflight one"),
        ("/o/1%2F2", "preflight one"),
        ("/o/1%2F2%2F3", "unlisted"),
        ("/p/1%2F2", "unlisted"),
    ] {
        let target = Target {
            method: b"OPTIONS",
            preflight: Some(b"GET"),
            ..get(path.as_bytes())
        };
        assert_eq!(outcome(&policy, &target), expected, "{path}");
    }
}
