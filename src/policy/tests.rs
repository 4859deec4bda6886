use std::fmt::Write as _;

use super::*;

mod hosts;
mod issuers;
mod load;
mod properties;
mod relaxed;
mod upstreams;

const SHOP: &str = r#"
version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {name: root, methods: [GET], path: /, access: public}
  - {name: browse, methods: [GET], path: "/products/{id}", access: public}
  - {name: featured, methods: [GET], path: /products/featured, access: authenticated}
  - {name: read-order, methods: [GET], path: "/orders/{id}", scopes: [orders.read]}
  - {name: change-order, methods: [PUT, DELETE], path: "/orders/{key}", scopes: [orders.write]}
  - {name: order-list, methods: ["*"], path: /orders, any_scope: [orders.read, orders.write]}
  - {name: public, methods: [GET], path: "/public/{*rest}", access: public}
  - {name: admin, methods: ["*"], path: /admin, access: nobody}
  - {name: admin-all, methods: ["*"], path: "/admin/{*rest}", access: nobody}
  - {name: cafe, methods: [GET], path: /café, access: public}
  - {name: colon, methods: [GET], path: "/files/a:b", access: public}
  - {name: file, methods: [GET], path: "/files/{name}", access: authenticated}
  - {name: say, methods: [POST], path: /shop.v1.Shop/Say, access: authenticated}
"#;

const GRPC_BELOW: &str = r"  - {name: say-below, methods: [POST], path: /api/shop.v1.Shop/Say, access: authenticated}
";

pub(super) fn source(text: &str) -> Source {
    Source {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    }
}

pub(super) fn compiled(text: &str) -> Policy {
    let sources = [source(text)];
    Policy::compile(&sources).unwrap_or_else(|problems| panic!("{problems}"))
}

/// One line for what a request falls under.
pub(super) fn outcome(policy: &Policy, target: &Target<'_>) -> String {
    match policy.route(target) {
        Err(why) => format!("400 {}", why.label()),
        Ok(Routed::Unlisted) => "unlisted".to_owned(),
        Ok(Routed::One(route)) => route.name.to_string(),
        Ok(Routed::Preflight(route)) => format!("preflight {}", route.name),
        Ok(Routed::Every(routes)) => {
            let mut names: Vec<&str> = routes.iter().map(|route| &*route.name).collect();
            names.sort_unstable();
            names.join(" and ")
        }
    }
}

pub(super) fn get(path: &[u8]) -> Target<'_> {
    Target {
        method: b"GET",
        host: b"api.shop.example",
        path,
        preflight: None,
        grpc: false,
    }
}

fn check(policy: &Policy, rows: &[(&str, &str)]) {
    for (path, expected) in rows {
        let target = get(path.as_bytes());
        assert_eq!(outcome(policy, &target), *expected, "{path:?}");
    }
}

#[test]
fn templates_match_whole_segments() {
    check(
        &compiled(SHOP),
        &[
            ("/", "root"),
            ("/?", "root"),
            ("/products/1", "browse"),
            ("/products/1?x=/admin", "browse"),
            ("/products/featured", "featured"),
            ("/products/Featured", "browse"),
            ("/products", "unlisted"),
            ("/products/1/2", "unlisted"),
            ("/productsx/1", "unlisted"),
            ("/Products/1", "unlisted"),
            ("/public", "unlisted"),
            ("/public/a", "public"),
            ("/public/a/b/c", "public"),
            ("/publicadmin/a", "unlisted"),
            ("/admin", "admin"),
            ("/admin?x", "admin"),
            ("/admin?", "admin"),
            ("/admin/users/1", "admin-all"),
            ("/products/*", "browse"),
            ("/products/{id}", "browse"),
            ("/orders/a:b", "read-order"),
        ],
    );
}

#[test]
fn paths_that_servers_read_differently_are_malformed() {
    check(
        &compiled(SHOP),
        &[
            // Dot segments: CVE-2019-9901, GHSA-p224-6x5r-fjpm, CVE-2026-42274.
            ("/public/../admin", "400 path_dot_segment"),
            ("/public/./admin", "400 path_dot_segment"),
            ("/public/..", "400 path_dot_segment"),
            ("/public/.", "400 path_dot_segment"),
            ("/.", "400 path_dot_segment"),
            ("/..", "400 path_dot_segment"),
            ("/../admin", "400 path_dot_segment"),
            ("/public/..?x", "400 path_dot_segment"),
            ("/public/...", "public"),
            ("/public/..a", "public"),
            ("/public/.well-known", "public"),
            ("/public/%2e%2e/admin", "400 path_encoded_dot"),
            ("/public/%2E%2E/admin", "400 path_encoded_dot"),
            ("/public/.%2e/admin", "400 path_encoded_dot"),
            ("/public/%2e./admin", "400 path_encoded_dot"),
            ("/public/a%2etxt", "400 path_encoded_dot"),
            ("/user/%2e%2e%2fadmin", "400 path_encoded_dot"),
            // Slashes: CVE-2021-29492, CVE-2021-31920, CVE-2026-42272, CVE-2026-26205.
            ("/public/x%2F..%2Fadmin", "400 path_encoded_slash"),
            ("/public%2fx", "400 path_encoded_slash"),
            ("/public%2Fx", "400 path_encoded_slash"),
            ("/admin%5Cz", "400 path_backslash"),
            ("/admin%5cz", "400 path_backslash"),
            ("/public\\..\\admin", "400 path_backslash"),
            ("\\admin", "400 path_not_origin_form"),
            ("//admin", "400 path_empty_segment"),
            ("//x/admin", "400 path_empty_segment"),
            ("///", "400 path_empty_segment"),
            ("//", "400 path_empty_segment"),
            ("/public//x", "400 path_empty_segment"),
            ("/public/x/", "400 path_empty_segment"),
            ("/admin/", "400 path_empty_segment"),
            ("/admin/?x", "400 path_empty_segment"),
            // Parameters: CVE-2026-73511.
            ("/public;/../admin", "400 path_dot_segment"),
            ("/admin;x=1", "400 path_parameter"),
            ("/..;/admin", "400 path_parameter"),
            ("/public/;", "400 path_parameter"),
            ("/..%3B/admin", "400 path_dot_segment"),
            ("/..%3ba/admin", "400 path_dot_segment"),
            ("/public/%3Bx", "400 path_empty_segment"),
            // Fragments: CVE-2021-32779, CVE-2026-41059.
            ("/admin#/public", "400 path_fragment"),
            ("/public#x", "400 path_fragment"),
            ("/public/x?a#b", "400 path_fragment"),
            ("/public/a%23b", "400 path_encoded_delimiter"),
            ("/public/a%3Fb", "400 path_encoded_delimiter"),
            ("/admin%3Fx", "400 path_encoded_delimiter"),
            ("/admin%3f", "400 path_encoded_delimiter"),
            // Encoding.
            ("/public/%252e%252e/admin", "400 path_double_encoding"),
            ("/public/%252fx", "400 path_double_encoding"),
            ("/public/%25%32%65", "400 path_double_encoding"),
            ("/public/%2%35", "400 path_bad_percent"),
            ("/public/%", "400 path_bad_percent"),
            ("/public/%2", "400 path_bad_percent"),
            ("/public/%zz", "400 path_bad_percent"),
            ("/public/%u002e", "400 path_bad_percent"),
            ("/public/100%25", "public"),
            ("/public/100%25x", "public"),
            ("/public/%c0%ae%c0%ae/admin", "400 path_not_utf8"),
            ("/public/%ff", "400 path_not_utf8"),
            ("/public/%ed%a0%80", "400 path_not_utf8"),
            ("/public/%00", "400 path_control"),
            ("/public/%0a", "400 path_control"),
            ("/public/%0D%0A", "400 path_control"),
            ("/public/%7f", "400 path_control"),
            ("/public/a\tb", "400 path_control"),
            ("/public/a\0b", "400 path_control"),
            ("/public/a b", "400 path_control"),
            ("/public/a%20b", "public"),
            ("/%61dmin", "admin"),
            ("/%61%64%6D%69%6e", "admin"),
            ("/%70ublic/x", "public"),
            ("/café", "cafe"),
            ("/caf%C3%A9", "cafe"),
            ("/caf%c3%a9", "cafe"),
            // Forms of the target: CVE-2026-73547, CVE-2026-33186.
            ("", "400 path_not_origin_form"),
            ("?x", "400 path_not_origin_form"),
            ("*", "400 path_not_origin_form"),
            ("http://evil.example/public/x", "400 path_not_origin_form"),
            (
                "https://api.shop.example/public/x",
                "400 path_not_origin_form",
            ),
            ("api.shop.example:443", "400 path_not_origin_form"),
            ("shop.v1.Shop/Say", "400 path_not_origin_form"),
            (".", "400 path_not_origin_form"),
        ],
    );
}

/// An encoded character counts as what it stands for and as it came.
#[test]
fn encoded_characters_are_read_twice() {
    check(
        &compiled(SHOP),
        &[
            ("/files/a:b", "colon"),
            ("/files/a%3Ab", "colon and file"),
            ("/files/%61:b", "colon and file"),
            ("/files/x%3Ay", "file"),
            ("/%61dmin%3A", "unlisted"),
            ("/admin%3Bx", "unlisted"),
            ("/products/featured%3Bx", "browse and featured"),
            ("/products/1%3Bx", "browse"),
            ("/products/%24", "browse"),
        ],
    );
}

#[test]
fn paths_that_are_too_long_are_malformed() {
    let policy = compiled(SHOP);
    let long = |length: usize| format!("/public/{}", "a".repeat(length - 8));
    let deep = |segments: usize| format!("/public{}", "/a".repeat(segments - 1));
    check(
        &policy,
        &[
            (&long(8192), "public"),
            (&long(8193), "400 path_too_long"),
            (&format!("{}?{}", long(8192), "x".repeat(9000)), "public"),
            (&deep(128), "public"),
            (&deep(129), "400 path_too_long"),
            (&format!("{}%61", long(8192)), "400 path_too_long"),
        ],
    );
}

#[test]
fn bytes_that_are_no_text_are_malformed() {
    let policy = compiled(SHOP);
    for path in [
        &b"/public/\xff"[..],
        b"/public/\xc0\xae",
        b"/\x80",
        b"/public/\xed\xa0\x80",
    ] {
        assert_eq!(
            outcome(&policy, &get(path)),
            "400 path_not_utf8",
            "{path:?}"
        );
    }
}

#[test]
fn methods_are_matched_exactly_and_get_serves_head() {
    let policy = compiled(SHOP);
    for (method, path, expected) in [
        ("GET", "/orders/1", "read-order"),
        ("HEAD", "/orders/1", "read-order"),
        ("PUT", "/orders/1", "change-order"),
        ("DELETE", "/orders/1", "change-order"),
        ("POST", "/orders/1", "unlisted"),
        ("OPTIONS", "/orders/1", "unlisted"),
        ("get", "/orders/1", "unlisted"),
        ("Get", "/orders/1", "unlisted"),
        ("PATCH", "/orders", "order-list"),
        ("CONNECT", "/orders", "order-list"),
        ("PURGE", "/orders", "order-list"),
        ("*", "/orders", "order-list"),
        ("*", "/orders/1", "unlisted"),
        // The literal has the path; its methods do not fall through to the parameter's.
        ("PUT", "/products/featured", "unlisted"),
        ("", "/orders", "400 method_not_token"),
        ("GE T", "/orders", "400 method_not_token"),
        ("GET ", "/orders", "400 method_not_token"),
        ("GET,POST", "/orders", "400 method_not_token"),
        ("GET\0", "/orders", "400 method_not_token"),
        ("GÉT", "/orders", "400 method_not_token"),
        ("(GET)", "/orders", "400 method_not_token"),
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "/orders", "order-list"),
        (
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "/orders",
            "400 method_not_token",
        ),
    ] {
        let target = Target {
            method: method.as_bytes(),
            ..get(path.as_bytes())
        };
        assert_eq!(outcome(&policy, &target), expected, "{method} {path}");
    }
}

#[test]
fn a_grpc_path_ends_in_service_and_method() {
    let policy = compiled(&format!("{SHOP}{GRPC_BELOW}"));
    for (path, expected) in [
        ("/shop.v1.Shop/Say", "say"),
        ("/api/shop.v1.Shop/Say", "say-below"),
        ("/api/v1/shop.v1.Shop/Say", "unlisted"),
        ("/api//shop.v1.Shop/Say", "400 path_empty_segment"),
        ("/api/shop.v1.Shop/Say?x", "400 grpc_path"),
        ("/%61pi/shop.v1.Shop/Say", "400 grpc_path"),
        ("/shop.v1.Shop/say", "unlisted"),
        ("/shop.v1.Shop", "400 grpc_path"),
        ("/shop.v1.Shop/Say/More", "unlisted"),
        ("/shop.v1.Shop/Say?x", "400 grpc_path"),
        ("/shop.v1.Shop/S%61y", "400 grpc_path"),
        ("/", "400 grpc_path"),
        ("/shop.v1.Shop/", "400 path_empty_segment"),
        ("shop.v1.Shop/Say", "400 path_not_origin_form"),
        ("*", "400 path_not_origin_form"),
    ] {
        let target = Target {
            method: b"POST",
            grpc: true,
            ..get(path.as_bytes())
        };
        assert_eq!(outcome(&policy, &target), expected, "{path}");
    }
}

const SPECIFIC: &str = r#"
version: 1
routes:
  - {name: a, methods: ["*"], path: "/a/{x}/c", access: public}
  - {name: b, methods: ["*"], path: "/a/b/{y}", access: public}
  - {name: c, methods: ["*"], path: "/a/{*rest}", access: public}
  - {name: d, methods: ["*"], path: "/{x}/b/c/d", access: public}
  - {name: e, methods: ["*"], path: "/{*rest}", access: public}
  - {name: f, methods: ["*"], path: "/a/b/{y}/z/{*rest}", access: public}
  - {name: g, methods: [GET], path: "/a/b/only", access: public}
"#;

#[test]
fn the_most_specific_template_wins_segment_by_segment() {
    check(
        &compiled(SPECIFIC),
        &[
            ("/a/b/c", "b"),
            ("/a/x/c", "a"),
            ("/a/x/d", "c"),
            ("/a/b", "c"),
            ("/a", "e"),
            ("/", "unlisted"),
            ("/z/b/c/d", "d"),
            ("/a/b/c/d", "c"),
            ("/a/b/q/z", "c"),
            ("/a/b/q/z/1", "f"),
            ("/z/b/c", "e"),
            ("/a/b/only", "g"),
        ],
    );
    let post = Target {
        method: b"POST",
        ..get(b"/a/b/only")
    };
    assert_eq!(outcome(&compiled(SPECIFIC), &post), "unlisted");
}

const HOSTS: &str = r#"
version: 1
routes:
  - {name: default, methods: [GET], path: "/x/{p}", access: public}
  - {name: default-literal, methods: [GET], path: /x/one, access: public}
  - {name: default-post, methods: [POST], path: "/h/{p}", access: public}
  - {name: own, hosts: [api.shop.example], methods: [GET], path: "/x/{p}", access: public}
  - {name: own-get, hosts: [api.shop.example], methods: [GET], path: "/h/{q}", access: public}
  - {name: below, hosts: ["*.shop.example"], methods: [GET], path: "/x/{p}", access: public}
  - {name: below-only, hosts: ["*.shop.example"], methods: [GET], path: /only, access: public}
  - {name: deep, hosts: ["*.eu.shop.example"], methods: [GET], path: /deep, access: public}
  - {name: four, hosts: [10.0.0.1, "[2001:db8::1]"], methods: [GET], path: /ip, access: public}
"#;

#[test]
fn the_table_of_the_host_answers() {
    let policy = compiled(HOSTS);
    for (host, method, path, expected) in [
        ("api.shop.example", "GET", "/x/1", "own"),
        ("other.example", "GET", "/x/1", "default"),
        ("", "GET", "/x/1", "default"),
        ("", "GET", "/only", "unlisted"),
        // More specific in the default table than in the host's own.
        ("api.shop.example", "GET", "/x/one", "default-literal"),
        // The same template in both: methods of both, the host's own first.
        ("api.shop.example", "GET", "/h/1", "own-get"),
        ("api.shop.example", "HEAD", "/h/1", "own-get"),
        ("api.shop.example", "POST", "/h/1", "default-post"),
        // An exact host does not see the wildcard's table.
        ("api.shop.example", "GET", "/only", "unlisted"),
        ("www.shop.example", "GET", "/only", "below-only"),
        ("a.b.shop.example", "GET", "/only", "below-only"),
        ("shop.example", "GET", "/only", "unlisted"),
        ("xshop.example", "GET", "/only", "unlisted"),
        ("shop.example.evil.example", "GET", "/only", "unlisted"),
        // Only the longest wildcard's table answers.
        ("de.eu.shop.example", "GET", "/deep", "deep"),
        ("de.eu.shop.example", "GET", "/only", "unlisted"),
        ("eu.shop.example", "GET", "/only", "below-only"),
        ("Api.Shop.EXAMPLE", "GET", "/x/1", "own"),
        ("api.shop.example:443", "GET", "/x/1", "own"),
        ("api.shop.example.", "GET", "/x/1", "own"),
        ("API.shop.example.:8443", "GET", "/x/1", "own"),
        ("10.0.0.1", "GET", "/ip", "four"),
        ("10.0.0.1:80", "GET", "/ip", "four"),
        ("[2001:db8::1]", "GET", "/ip", "four"),
        ("[2001:DB8:0:0::1]:443", "GET", "/ip", "four"),
        ("[2001:db8::2]", "GET", "/ip", "unlisted"),
        (
            "api.shop.example,evil.example",
            "GET",
            "/x/1",
            "400 host_character",
        ),
    ] {
        let target = Target {
            method: method.as_bytes(),
            host: host.as_bytes(),
            ..get(path.as_bytes())
        };
        assert_eq!(
            outcome(&policy, &target),
            expected,
            "{host} {method} {path}"
        );
    }
}

const SPECIAL: &str = r#"
version: 1
routes:
  - {name: everything, methods: ["*"], path: "/{*rest}", access: public}
  - {name: server, methods: [OPTIONS], path: "*", access: public}
  - {name: tunnel, hosts: [up.example], methods: [CONNECT], path: "", access: authenticated}
"#;

#[test]
fn targets_that_are_no_paths_need_a_route_of_their_own() {
    let policy = compiled(SPECIAL);
    let bare = compiled("version: 1\nroutes: []\n");
    for (method, host, path, expected, without) in [
        ("OPTIONS", "a.example", "*", "server", "unlisted"),
        (
            "GET",
            "a.example",
            "*",
            "400 path_not_origin_form",
            "400 path_not_origin_form",
        ),
        (
            "OPTIONS",
            "a.example",
            "*?x",
            "400 path_not_origin_form",
            "400 path_not_origin_form",
        ),
        ("OPTIONS", "a.example", "/*", "everything", "unlisted"),
        ("CONNECT", "up.example", "", "tunnel", "unlisted"),
        (
            "CONNECT",
            "up.example:443",
            "up.example:443",
            "tunnel",
            "unlisted",
        ),
        (
            "CONNECT",
            "up.example:443",
            "other:443",
            "400 path_not_origin_form",
            "400 path_not_origin_form",
        ),
        ("CONNECT", "a.example", "", "unlisted", "unlisted"),
        ("CONNECT", "a.example", "/chat", "everything", "unlisted"),
        (
            "GET",
            "up.example",
            "",
            "400 path_not_origin_form",
            "400 path_not_origin_form",
        ),
    ] {
        let target = Target {
            method: method.as_bytes(),
            host: host.as_bytes(),
            ..get(path.as_bytes())
        };
        assert_eq!(
            outcome(&policy, &target),
            expected,
            "{method} {host} {path}"
        );
        assert_eq!(outcome(&bare, &target), without, "{method} {host} {path}");
    }
}

const PREFLIGHT: &str = r#"
version: 1
routes:
  - {name: read, methods: [GET], path: "/o/{id}", access: authenticated, preflight: true}
  - {name: write, methods: [PUT], path: "/o/{id}", access: authenticated}
  - {name: own, methods: [GET], path: /p, access: authenticated, preflight: true}
  - {name: own-options, methods: [OPTIONS], path: /p, access: nobody}
"#;

#[test]
fn preflights_pass_where_the_route_of_their_method_says_so() {
    let policy = compiled(PREFLIGHT);
    for (method, requested, path, expected) in [
        ("OPTIONS", Some("GET"), "/o/1", "preflight read"),
        ("OPTIONS", Some("HEAD"), "/o/1", "preflight read"),
        ("OPTIONS", Some("PUT"), "/o/1", "unlisted"),
        ("OPTIONS", Some("DELETE"), "/o/1", "unlisted"),
        ("OPTIONS", Some("get"), "/o/1", "unlisted"),
        ("OPTIONS", Some("G T"), "/o/1", "400 method_not_token"),
        ("OPTIONS", None, "/o/1", "unlisted"),
        ("OPTIONS", Some("GET"), "/p", "own-options"),
        ("OPTIONS", Some("GET"), "/q", "unlisted"),
        ("OPTIONS", Some("GET"), "/o/../p", "400 path_dot_segment"),
        // Only OPTIONS asks beforehand.
        ("GET", Some("GET"), "/o/1", "read"),
        ("PUT", Some("GET"), "/o/1", "write"),
        ("DELETE", Some("GET"), "/o/1", "unlisted"),
    ] {
        let target = Target {
            method: method.as_bytes(),
            preflight: requested.map(str::as_bytes),
            ..get(path.as_bytes())
        };
        assert_eq!(
            outcome(&policy, &target),
            expected,
            "{method} {requested:?} {path}"
        );
    }
}

#[test]
fn labels_are_distinct() {
    let mut labels: Vec<&str> = MalformedTarget::ALL.iter().map(|one| one.label()).collect();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), MalformedTarget::ALL.len());
}

#[test]
fn ten_thousand_routes_compile() {
    let mut text = "version: 1\nscopes: {s: a scope}\nroutes:\n".to_owned();
    for index in 0..10_000 {
        let route = "methods: [GET]\n    scopes: [s]";
        writeln!(
            text,
            "  - name: r{index}\n    path: /s{index}/{{id}}\n    {route}"
        )
        .unwrap();
    }
    let policy = compiled(&text);
    assert_eq!(policy.routes().len(), 10_000);
    check(&policy, &[("/s9999/x", "r9999"), ("/s10000/x", "unlisted")]);
}

#[test]
fn a_policy_can_be_listed() {
    let policy = compiled(HOSTS);
    let own = policy
        .routes()
        .iter()
        .find(|route| &*route.name == "own")
        .unwrap();
    assert_eq!(&policy.routes()[own.index], own);
    assert_eq!(own.hosts[0].to_string(), "api.shop.example");
    assert_eq!(own.methods.to_string(), "GET");
    assert_eq!(&*own.path, "/x/{p}");
    assert!(policy.routes().is_sorted_by_key(|route| &route.name));
    let shop = compiled(SHOP);
    let scopes: Vec<(&str, &str)> = shop.scopes().collect();
    assert_eq!(
        scopes,
        [
            ("orders.read", "Read orders"),
            ("orders.write", "Place orders")
        ]
    );
    assert_eq!(shop.path_rules(), PathRules::default());
}

#[test]
fn the_digest_is_that_of_the_text() {
    let text = "version: 1\nroutes: []\n";
    let policy = compiled(text);
    // Printed by `sha256sum`.
    assert_eq!(
        policy.digest(),
        "9f844a7b3efae076071dce4a57ccc58b360bf3f4492c2d923c1d56798847067e"
    );
    let renamed = Source {
        name: "other.yaml".to_owned(),
        ..source(text)
    };
    assert_eq!(
        Policy::compile(&[renamed]).unwrap().digest(),
        policy.digest()
    );
    assert_ne!(
        compiled("version: 1\nroutes: [] \n").digest(),
        policy.digest()
    );
}
