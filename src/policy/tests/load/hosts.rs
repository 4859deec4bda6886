//! Mistakes in hosts.

use insta::assert_snapshot;

use super::report;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn hosts_are_written_as_they_are_compared() {
    let report = report(&[r#"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {name: a, hosts: [API.shop.example], methods: [GET], path: /a, access: public}
  - {name: b, hosts: ["shop.example:443"], methods: [GET], path: /b, access: public}
  - {name: c, hosts: [shop.example.], methods: [GET], path: /c, access: public}
  - {name: d, hosts: ["*"], methods: [GET], path: /d, access: public}
  - {name: e, hosts: ["a.*.example"], methods: [GET], path: /e, access: public}
  - {name: f, hosts: ["*shop.example"], methods: [GET], path: /f, access: public}
  - {name: g, hosts: ["https://shop.example"], methods: [GET], path: /g, access: public}
  - {name: h, hosts: ["a..b"], methods: [GET], path: /h, access: public}
  - {name: i, hosts: ["1.2.3"], methods: [GET], path: /i, access: public}
  - {name: j, hosts: ["[::1]:80"], methods: [GET], path: /j, access: public}
  - {name: k, hosts: [bücher.example], methods: [GET], path: /k, access: public}
  - {name: l, hosts: ["shop example"], methods: [GET], path: /l, access: public}
  - {name: m, hosts: [""], methods: [GET], path: /m, access: public}
  - {name: q, hosts: ["*.10.0.0.1"], methods: [GET], path: /q, access: public}
  - {name: o, hosts: [], methods: [GET], path: /o, access: public}
  - {name: p, hosts: ["[::1]", "[0::1]"], methods: [GET], path: /p, access: public}
"#]);
    assert_snapshot!(report, @r##"
    error: the host `API.shop.example` has upper-case letters
     --> 1.yaml:4:23
      |
    4 |   - {name: a, hosts: [API.shop.example], methods: [GET], path: /a, access: public}
      |                       ^^^^^^^^^^^^^^^^
      |
      = help: write it in lower case, as hosts are compared

    error: the host `shop.example:443` has a port
     --> 1.yaml:5:23
      |
    5 |   - {name: b, hosts: ["shop.example:443"], methods: [GET], path: /b, access: public}
      |                       ^^^^^^^^^^^^^^^^^^
      |
      = help: remove the port; hosts are compared without it

    error: the host `shop.example.` ends in a dot
     --> 1.yaml:6:23
      |
    6 |   - {name: c, hosts: [shop.example.], methods: [GET], path: /c, access: public}
      |                       ^^^^^^^^^^^^^
      |
      = help: remove the dot; hosts are compared without it

    error: the host `*` matches every host
     --> 1.yaml:7:23
      |
    7 |   - {name: d, hosts: ["*"], methods: [GET], path: /d, access: public}
      |                       ^^^
      |
      = help: remove `hosts`; a route without it answers every host

    error: the host `a.*.example` has a `*` that is not its whole first label
     --> 1.yaml:8:23
      |
    8 |   - {name: e, hosts: ["a.*.example"], methods: [GET], path: /e, access: public}
      |                       ^^^^^^^^^^^^^
      |
      = help: write `*.` and a name, such as `*.shop.example`

    error: the host `*shop.example` has a `*` that is not its whole first label
     --> 1.yaml:9:23
      |
    9 |   - {name: f, hosts: ["*shop.example"], methods: [GET], path: /f, access: public}
      |                       ^^^^^^^^^^^^^^^
      |
      = help: write `*.` and a name, such as `*.shop.example`

    error: the host `https://shop.example` is a URL
      --> 1.yaml:10:23
       |
    10 |   - {name: g, hosts: ["https://shop.example"], methods: [GET], path: /g, access: public}
       |                       ^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write the host alone, such as `api.shop.example`

    error: the host `a..b` is not a valid host: the host has an empty label
      --> 1.yaml:11:23
       |
    11 |   - {name: h, hosts: ["a..b"], methods: [GET], path: /h, access: public}
       |                       ^^^^^^
       |
       = help: write a name, `*.` and a name, an IPv4 address or an IPv6 address in brackets

    error: the host `1.2.3` is not a valid host: the host is not a valid address
      --> 1.yaml:12:23
       |
    12 |   - {name: i, hosts: ["1.2.3"], methods: [GET], path: /i, access: public}
       |                       ^^^^^^^
       |
       = help: write a name, `*.` and a name, an IPv4 address or an IPv6 address in brackets

    error: the host `[::1]:80` has a port
      --> 1.yaml:13:23
       |
    13 |   - {name: j, hosts: ["[::1]:80"], methods: [GET], path: /j, access: public}
       |                       ^^^^^^^^^^
       |
       = help: remove the port; hosts are compared without it

    error: the host `bücher.example` contains non-ASCII letters
      --> 1.yaml:14:23
       |
    14 |   - {name: k, hosts: [bücher.example], methods: [GET], path: /k, access: public}
       |                       ^^^^^^^^^^^^^^
       |
       = help: write the Punycode form, which begins with `xn--`

    error: the host `shop example` is not a valid host: the host contains an invalid character
      --> 1.yaml:15:23
       |
    15 |   - {name: l, hosts: ["shop example"], methods: [GET], path: /l, access: public}
       |                       ^^^^^^^^^^^^^^
       |
       = help: write a name, `*.` and a name, an IPv4 address or an IPv6 address in brackets

    error: the host `` is empty
      --> 1.yaml:16:23
       |
    16 |   - {name: m, hosts: [""], methods: [GET], path: /m, access: public}
       |                       ^^
       |
       = help: remove it; a route without `hosts` answers every host

    error: the host `*.10.0.0.1` has a `*` that is not its whole first label
      --> 1.yaml:17:23
       |
    17 |   - {name: q, hosts: ["*.10.0.0.1"], methods: [GET], path: /q, access: public}
       |                       ^^^^^^^^^^^^
       |
       = help: write `*.` and a name, such as `*.shop.example`

    error: `hosts` is empty
      --> 1.yaml:18:22
       |
    18 |   - {name: o, hosts: [], methods: [GET], path: /o, access: public}
       |                      ^
       |
       = help: remove `hosts` to answer every host, or list at least one

    error: `[0::1]` appears twice in `hosts`
      --> 1.yaml:19:32
       |
    19 |   - {name: p, hosts: ["[::1]", "[0::1]"], methods: [GET], path: /p, access: public}
       |                                ^^^^^^^^
       |
      ::: 1.yaml:19:23
       |
    19 |   - {name: p, hosts: ["[::1]", "[0::1]"], methods: [GET], path: /p, access: public}
       |                       ------- first appears here
       |
       = help: remove one of the two

    16 problems
    "##);
}
