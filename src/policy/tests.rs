use std::fmt::Write as _;

use super::*;
use crate::labels::Label;

mod case;
mod hosts;
mod issuers;
mod load;
mod paths;
mod properties;
mod relaxed;
mod shadow;
mod suffixes;
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
        Ok(Routed::UnlistedInShadow { listed, .. }) => {
            let names = listed.iter().map(|route| &*route.name);
            let names: Vec<&str> = std::iter::once("unlisted").chain(names).collect();
            names.join(" but ")
        }
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
        method: Method(b"GET"),
        host: Host(b"api.shop.example"),
        path: Path(path),
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
        ("POSTcancel", "/orders", "400 method_extended"),
        ("DELETE1", "/orders", "400 method_extended"),
        ("PUT", "/orders", "order-list"),
        ("ORDERPATCH", "/orders", "order-list"),
        ("UPDATEREDIRECTREF", "/orders", "order-list"),
        ("MKCALENDAR", "/orders", "order-list"),
        ("(GET)", "/orders", "400 method_not_token"),
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "/orders", "order-list"),
        (
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "/orders",
            "400 method_not_token",
        ),
    ] {
        let target = Target {
            method: Method(method.as_bytes()),
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
            method: Method(b"POST"),
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
        method: Method(b"POST"),
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
            method: Method(method.as_bytes()),
            host: Host(host.as_bytes()),
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
            method: Method(method.as_bytes()),
            host: Host(host.as_bytes()),
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
            method: Method(method.as_bytes()),
            preflight: requested.map(|method| Method(method.as_bytes())),
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
    let mut labels: Vec<&str> = TargetError::ALL.iter().map(|one| one.label()).collect();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), TargetError::ALL.len());
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
