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

const DELIMITERS: &str = r#"
routes:
  - {name: root, methods: [GET], path: /, access: public}
  - {name: page, methods: [GET], path: "/{page}", access: public}
  - {name: admin, methods: [GET], path: /admin, access: nobody}
  - {name: tag, methods: [GET], path: "/tags/{tag}", access: public}
  - {name: posts, methods: [GET], path: "/tags/{tag}/posts", access: public}
  - {name: name, methods: [GET], path: "/names/{name}/x", access: public}
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

/// The help about paths that no request has names settings: with them the gate lets the request through.
#[test]
fn what_the_help_recommends_lets_requests_through() {
    for (setting, template, request) in [
        ("encoded_slashes: kept", "/x/{name}", "/x/a%2Fb"),
        ("encoded_slashes: kept", "/x/{name}/y", "/x/a%2Fb/y"),
        ("encoded_delimiters: true", "/x/{name}", "/x/a%3Fb"),
        ("encoded_delimiters: true", "/x/{name}", "/x/a%23b"),
        ("path_parameters: true", "/x/a", "/x/a;v=1"),
        ("trailing_slash: true", "/x/a", "/x/a/"),
    ] {
        let route = format!("{{name: route, methods: [GET], path: '{template}', access: public}}");
        let text = format!("version: 1\npaths: {{{setting}}}\nroutes: [{route}]\n");
        check(&compiled(&text), &[(request, "route")]);
    }
}

#[test]
fn merged_slashes_must_match_and_unmerged_ones_may() {
    check_with(
        "merge_slashes: true",
        &[
            ("/items//1", "item and part"),
            ("/items/1", "item"),
            // What a parser of URLs leaves of `//host/path` must be listed as well.
            ("//items/1", "unlisted"),
            ("//", "root"),
            ("////", "root"),
            ("//nothing", "unlisted"),
            ("/public//x", "public"),
            ("/public//x///y", "public"),
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
            ("/items//1//", "item and part"),
            // Without `//items` it is `/1`.
            ("//items//1//", "unlisted"),
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

/// The upstream keeps it within its segment, so that there is one reading.
#[test]
fn a_kept_slash_belongs_to_its_segment() {
    check_with(
        "encoded_slashes: kept",
        &[
            ("/items/a%2Fb", "item"),
            ("/items/a%2fb", "item"),
            ("/items/group%2Fsub%2Fproject", "item"),
            ("/items/a%2Fb/c%2Fd", "part"),
            ("/public/a%2Fb", "public"),
            // It is one segment, and no literal has a slash.
            ("/items%2Fsecret", "unlisted"),
            ("/admin%2Fx", "unlisted"),
            // Whatever the upstream does with what it has decoded, nothing leads up.
            ("/items/..%2Fsecret", "400 path_dot_segment"),
            ("/items/a%2F..%2F..%2Fadmin", "400 path_dot_segment"),
            ("/items/.%2Fa", "400 path_dot_segment"),
            ("/items/%3B.%2F.%3B", "400 path_empty_segment"),
            ("/items/x%2F.%3B", "400 path_dot_segment"),
            ("/items/%2Fetc", "400 path_empty_segment"),
            ("/items/a%2F%2Fb", "400 path_empty_segment"),
            ("/items/a%2F", "400 path_empty_segment"),
            ("/items/%252Fx", "400 path_double_encoding"),
            ("/items/%2e%2e%2fadmin", "400 path_encoded_dot"),
            ("/items/a%5Cb", "400 path_backslash"),
        ],
    );
    check_with(
        "encoded_slashes: kept, path_parameters: true",
        &[
            ("/items/a%2Fb;v=2", "item"),
            ("/items/a%2F..;v=2", "400 path_dot_segment"),
            ("/items/a%2F..%3Bv=2", "400 path_dot_segment"),
        ],
    );
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
            // Some servers cut the whole path at the first `;`, and no route lists `/public`.
            ("/public;/x", "unlisted"),
            ("/public;x=1/admin;y", "unlisted"),
            ("/public/x;/y", "public"),
            ("/public%3B/x", "unlisted"),
            ("/public/x%3B/y", "public"),
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
fn an_encoded_question_mark_or_hash_is_kept_and_cut() {
    let text = format!("version: 1\npaths: {{encoded_delimiters: true}}\n{DELIMITERS}");
    check(
        &compiled(&text),
        &[
            ("/tags/c%23", "tag"),
            ("/tags/why%3F", "tag"),
            ("/tags/why%3fx", "tag"),
            ("/tags/c%23/posts", "posts and tag"),
            // Somebody who decodes and parses again sees `/admin?x`.
            ("/admin%3Fx", "admin and page"),
            ("/admin%23x", "admin and page"),
            ("/admin%23x%3Fy", "admin and page"),
            ("/admin%3Fx%23y", "admin and page"),
            ("/admin%3Bx%3Fy", "admin and page"),
            // No route lists `/names/a`.
            ("/names/a%3F/x", "unlisted"),
            ("/names/a%23/x", "unlisted"),
            ("/tags/%3F", "400 path_empty_segment"),
            ("/tags/..%3Fx", "400 path_dot_segment"),
            ("/tags/..%23", "400 path_dot_segment"),
            ("/tags/%253F", "400 path_double_encoding"),
            ("/tags/c#", "400 path_fragment"),
        ],
    );
    let strict = compiled(&format!("version: 1\n{DELIMITERS}"));
    check(
        &strict,
        &[
            ("/admin%3Fx", "400 path_encoded_delimiter"),
            ("/admin%3fx", "400 path_encoded_delimiter"),
            ("/admin%23x", "400 path_encoded_delimiter"),
            ("/tags/c%23", "400 path_encoded_delimiter"),
        ],
    );
}

const FILES: &str = r#"
routes:
  - {name: file, methods: [GET], path: "/files/{*rest}", access: authenticated}
  - {name: meta, methods: [GET], path: "/files/{name}/meta", access: public}
"#;

/// A server that decodes before it cuts at `;` serves `/files/a`.
#[test]
fn a_path_cut_at_an_encoded_semicolon_must_match() {
    let policy = compiled(&format!("version: 1\n{FILES}"));
    check(
        &policy,
        &[
            ("/files/a%3Bx/meta", "file and meta"),
            ("/files/a%3bx/meta", "file and meta"),
            ("/files/a/meta%3Bx", "file and meta"),
            ("/files%3Bx/a/meta", "unlisted"),
        ],
    );
    let alone = FILES.lines().filter(|line| !line.contains("name: file"));
    let alone: Vec<&str> = alone.collect();
    for rules in ["{}", "{path_parameters: true}"] {
        let text = format!("version: 1\npaths: {rules}\n{}\n", alone.join("\n"));
        check(
            &compiled(&text),
            &[
                ("/files/secret%3Bx/meta", "unlisted"),
                // As it stands its last segment is not `meta`.
                ("/files/secret/meta%3Bx", "unlisted"),
            ],
        );
    }
    let text = format!(
        "version: 1\npaths: {{path_parameters: true}}\n{}\n",
        alone.join("\n")
    );
    check(
        &compiled(&text),
        &[
            ("/files/secret;x/meta", "unlisted"),
            ("/files/secret/meta;x", "meta"),
        ],
    );
}

/// Each rewriting may follow any other: `//host/path` may appear only after some of them.
#[test]
fn an_authority_is_also_found_after_other_rewritings() {
    check_with(
        "merge_slashes: true, path_parameters: true",
        &[
            ("//public/admin", "admin and public"),
            ("/;x/public/admin", "admin and public and root"),
            ("/;/public/admin", "admin and public and root"),
            ("/;/;/public/admin", "admin and public and root"),
            ("/%3Bx/public/admin", "unlisted"),
        ],
    );
    check_with(
        "merge_slashes: true, encoded_slashes: true",
        &[
            ("/%2Fpublic/admin", "unlisted"),
            ("/%2Fpublic%2Fadmin", "unlisted"),
        ],
    );
    let text = r#"
version: 1
paths: {merge_slashes: true, encoded_slashes: true}
routes:
  - {name: root, methods: [GET], path: /, access: nobody}
  - {name: page, methods: [GET], path: "/{page}", access: public}
"#;
    check(&compiled(text), &[("/%2Fbba", "page and root")]);
}

/// Found by the model of upstreams: a slash at the end is dropped although another remains.
#[test]
fn slashes_at_either_end_are_dropped_one_by_one() {
    let text = r#"
version: 1
paths: {merge_slashes: true, path_parameters: true, trailing_slash: true}
routes:
  - {name: root, methods: [GET], path: /, access: public}
  - {name: rest, methods: [GET], path: "/{*rest}", access: public}
  - {name: two, methods: [GET], path: "/{x}/{y}", access: nobody}
  - {name: three, methods: [GET], path: "/a/{y}/b", access: nobody}
"#;
    check(
        &compiled(text),
        &[
            ("///;", "rest and root and two"),
            // Without the first slash it is `/a//b`.
            ("//a//b", "rest and root and three and two"),
        ],
    );
}

/// Python's `urlparse` splits parameters off the last segment alone.
#[test]
fn parameters_of_the_last_segment_may_be_cut_alone() {
    let text = r#"
version: 1
paths: {path_parameters: true}
routes:
  - {name: page, methods: [GET], path: /files/pub, access: public}
  - {name: public-meta, methods: [GET], path: /files/pub/meta, access: public}
  - {name: meta, methods: [GET], path: "/files/{name}/meta", access: authenticated}
"#;
    check(
        &compiled(text),
        &[
            ("/files/pub;x/meta", "meta and page and public-meta"),
            ("/files/pub;x/meta;y", "meta and page and public-meta"),
        ],
    );
}

/// Express and others compare the path as it came.
#[test]
fn what_need_not_be_encoded_may_be_left_encoded() {
    let text = r#"
version: 1
routes:
  - {name: public, methods: [GET], path: /files/public, access: public}
  - {name: file, methods: [GET], path: "/files/{name}", access: authenticated}
  - {name: coffee, methods: [GET], path: /menu/caf%C3%A9, access: public}
  - {name: dish, methods: [GET], path: "/menu/{dish}", access: authenticated}
"#;
    check(
        &compiled(text),
        &[
            ("/files/%70ublic", "file and public"),
            ("/menu/caf%C3%A9", "coffee"),
            ("/menu/%63af%C3%A9", "coffee and dish"),
        ],
    );
}

#[test]
fn readings_are_bounded() {
    let rules = "merge_slashes: true, encoded_slashes: true, path_parameters: true, \
                 trailing_slash: true, encoded_delimiters: true";
    let text = format!("version: 1\npaths: {{{rules}}}\n{ROUTES}");
    let policy = compiled(&text);
    for path in [
        format!("/public/{}", "%3F%23%3B;x".repeat(700)),
        format!("/public/{}", "//a;b%2Fc%3Bd%3Fe%23f/".repeat(25)),
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
    check(&policy, &[("/public/a;b%2Fc//d%3Be%3Ff/", "public")]);
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
            method: Method(b"OPTIONS"),
            preflight: Some(Method(b"GET")),
            ..get(path.as_bytes())
        };
        assert_eq!(outcome(&policy, &target), expected, "{path}");
    }
}
