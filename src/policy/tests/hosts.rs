//! Which routes answer a host: its own and those without `hosts`, or on a closed host its own alone.

use insta::assert_snapshot;

use super::*;
use crate::problem::{Colour, render_warnings};

const CLOSED: &str = r#"
version: 1
closed_hosts: [admin.example, "*.internal.example", empty.example]
routes:
  - {name: health, methods: [GET], path: /health, access: public}
  - {name: star, methods: [OPTIONS], path: "*", access: public}
  - {name: tunnel, methods: [CONNECT], path: "", access: public}
  - {name: item, methods: [GET], path: "/items/{id}", access: public}
  - {name: admin, hosts: [admin.example], methods: ["*"], path: "/{*rest}", access: nobody}
  - {name: admin-item, hosts: [admin.example], methods: [PUT], path: "/items/{id}", access: public}
  - {name: deep, hosts: [a.internal.example], methods: [GET], path: /deep, access: public}
  - {name: wide, hosts: ["*.b.internal.example"], methods: [GET], path: /wide, access: public}
  - {name: open, hosts: [open.example], methods: [GET], path: /open, access: public}
  - {name: shop, hosts: ["*.example"], methods: [GET], path: /shop, access: public}
"#;

#[test]
fn only_routes_that_name_a_closed_host_answer_it() {
    let policy = compiled(CLOSED);
    for (method, host, path, expected) in [
        ("GET", "open.example", "/health", "health"),
        ("GET", "open.example", "/open", "open"),
        ("GET", "", "/health", "health"),
        ("GET", "admin.example", "/health", "admin"),
        ("GET", "Admin.Example.:443", "/health", "admin"),
        // Neither do they add methods to a template that the host has too.
        ("GET", "admin.example", "/items/1", "unlisted"),
        ("PUT", "admin.example", "/items/1", "admin-item"),
        ("OPTIONS", "admin.example", "*", "unlisted"),
        ("OPTIONS", "open.example", "*", "star"),
        ("CONNECT", "admin.example", "", "unlisted"),
        ("CONNECT", "open.example", "", "tunnel"),
        ("GET", "www.admin.example", "/health", "health"),
        ("GET", "internal.example", "/health", "health"),
        ("GET", "any.internal.example", "/health", "unlisted"),
        // A closed wildcard closes what lies below it, also where that has routes of its own.
        ("GET", "a.internal.example", "/health", "unlisted"),
        ("GET", "a.internal.example", "/deep", "deep"),
        ("GET", "x.b.internal.example", "/health", "unlisted"),
        ("GET", "x.b.internal.example", "/wide", "wide"),
        ("GET", "empty.example", "/health", "unlisted"),
        // Nor does a wildcard above answer it: it has a table, though an empty one.
        ("GET", "empty.example", "/shop", "unlisted"),
        ("GET", "other.example", "/shop", "shop"),
        ("GET", "other.example", "/health", "health"),
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
    }
    let texts = [
        "version: 1\nclosed_hosts: [a.example]\nroutes: []\n",
        "version: 1\nclosed_hosts: [a.example, b.example]\nroutes:\n  \
         - {name: all, methods: [GET], path: /, access: public}\n",
    ];
    let sources = texts.map(source);
    let policy = Policy::compile(&sources).unwrap();
    for (host, expected) in [
        ("a.example", "unlisted"),
        ("b.example", "unlisted"),
        ("c", "all"),
    ] {
        let target = Target {
            host: Host(host.as_bytes()),
            ..get(b"/")
        };
        assert_eq!(outcome(&policy, &target), expected, "{host}");
    }
}

fn warnings(text: &str) -> String {
    let sources = [source(text)];
    let policy = Policy::compile(&sources).unwrap();
    render_warnings(policy.warnings(), &sources, Colour::Plain)
}

#[test]
fn a_catch_all_of_a_host_that_others_bypass_is_a_warning() {
    assert_snapshot!(warnings(r#"version: 1
scopes: {s: a scope}
closed_hosts: [closed.example, unused.example]
routes:
  - {name: health, methods: [GET], path: /health, access: public}
  - {name: info, methods: [GET, POST], path: "/info/{*rest}", access: public}
  - {name: root, methods: [GET], path: /, access: public}
  - {name: same, methods: [GET], path: "/{*rest}", access: public}
  - {name: account, methods: [GET], path: /account, access: authenticated}
  - {name: put, methods: [PUT], path: /put, access: public}
  - {name: admin, hosts: [admin.example], methods: ["*"], path: "/{*rest}", access: nobody}
  - {name: closed, hosts: [closed.example], methods: ["*"], path: "/{*rest}", access: nobody}
  - name: tenant
    hosts: ["*.tenant.example"]
    methods: [GET]
    path: /{*rest}
    scopes: [s]
  - {name: tenant-health, hosts: ["*.tenant.example"], methods: [GET], path: /health, scopes: [s]}
  - {name: below, hosts: [b.example], methods: [GET, POST], path: "/info/{*rest}", access: nobody}
  - {name: deep, hosts: [b.example], methods: [POST], path: "/{x}/{*rest}", access: authenticated}
  - {name: open, hosts: [open.example], methods: ["*"], path: "/{*rest}", access: public}
"#), @r##"
    warning: no route names the closed host `unused.example`
     --> policy.yaml:3:32
      |
    3 | closed_hosts: [closed.example, unused.example]
      |                                ^^^^^^^^^^^^^^
      |
      = help: every request to it is refused; check the spelling if this is not intended

    warning: 4 routes without `hosts`, such as `account`, answer before `admin` on `admin.example`
      --> policy.yaml:11:65
       |
    11 |   - {name: admin, hosts: [admin.example], methods: ["*"], path: "/{*rest}", access: nobody}
       |                                                                 ^^^^^^^^^^
       |
      ::: policy.yaml:9:43
       |
     9 |   - {name: account, methods: [GET], path: /account, access: authenticated}
       |                                           -------- the path of `account`
       |
       = help: the more specific path wins; add `admin.example` to `closed_hosts` if only routes that name the host should answer there

    warning: 2 routes without `hosts`, such as `account`, answer before `tenant` on `*.tenant.example`
      --> policy.yaml:16:11
       |
    16 |     path: /{*rest}
       |           ^^^^^^^^
       |
      ::: policy.yaml:9:43
       |
     9 |   - {name: account, methods: [GET], path: /account, access: authenticated}
       |                                           -------- the path of `account`
       |
       = help: the more specific path wins; add `*.tenant.example` to `closed_hosts` if only routes that name the host should answer there

    3 warnings
    "##);
    assert_eq!(compiled(SHOP).warnings(), []);
    assert_eq!(compiled(HOSTS).warnings(), []);
}

#[test]
fn too_many_closed_hosts_are_not_the_fault_of_a_route() {
    let hosts: Vec<String> = (0..257)
        .map(|number| format!("h{number}.example"))
        .collect();
    let text = format!(
        "version: 1\nclosed_hosts: [{}]\nroutes: []\n",
        hosts.join(", ")
    );
    let sources = [source(&text)];
    let problems = Policy::compile(&sources).expect_err("the policy loads");
    let said = problems.render(&sources, Colour::Plain);
    assert!(
        said.contains("`closed_hosts` has more than 256 entries"),
        "{said}"
    );
    assert!(said.contains("another policy file"), "{said}");
    assert!(!said.contains("split the route"), "{said}");
}

#[test]
fn mistakes_in_closed_hosts_are_told() {
    let text = "version: 1\nclosed_hosts: [A.example, \"*\", a.example, a.example]\nroutes: []\n";
    let sources = [source(text)];
    let problems = Policy::compile(&sources).expect_err("the policy loads");
    assert_snapshot!(problems.render(&sources, Colour::Plain), @r##"
    error: the host `A.example` has upper-case letters
     --> policy.yaml:2:16
      |
    2 | closed_hosts: [A.example, "*", a.example, a.example]
      |                ^^^^^^^^^
      |
      = help: write it in lower case, as hosts are compared

    error: `closed_hosts` cannot close every host
     --> policy.yaml:2:27
      |
    2 | closed_hosts: [A.example, "*", a.example, a.example]
      |                           ^^^
      |
      = help: list the hosts, or give every route its `hosts`

    error: `a.example` appears twice in `closed_hosts`
     --> policy.yaml:2:43
      |
    2 | closed_hosts: [A.example, "*", a.example, a.example]
      |                                           ^^^^^^^^^
      |
     ::: policy.yaml:2:32
      |
    2 | closed_hosts: [A.example, "*", a.example, a.example]
      |                                --------- first appears here
      |
      = help: remove one of the two

    3 problems
    "##);
    let empty = [source("version: 1\nclosed_hosts: []\nroutes: []\n")];
    let problems = Policy::compile(&empty).expect_err("the policy loads");
    assert_eq!(problems.0[0].message, "`closed_hosts` is empty");
}
