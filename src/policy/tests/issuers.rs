//! `issuers`: whose tokens count where, and what a policy must say once there are several.

use insta::assert_snapshot;

use super::*;
use crate::problem::Colour;

const BOTH: [&str; 2] = ["staff", "pipelines"];

fn compile(trusted: &[&str], texts: &[&str]) -> Result<Policy, String> {
    let trusted: Vec<Box<str>> = trusted.iter().map(|name| (*name).into()).collect();
    let sources: Vec<Source> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| Source {
            name: format!("{}.yaml", index + 1),
            text: (*text).to_owned(),
        })
        .collect();
    Policy::compile_for(&trusted, &sources)
        .map_err(|problems| problems.render(&sources, Colour::Plain))
}

/// For each route, by name, which of three issuers count.
fn counting(trusted: &[&str], text: &str) -> String {
    let policy = compile(trusted, &[text]).unwrap_or_else(|report| panic!("{report}"));
    let mut lines = String::new();
    for route in policy.routes() {
        let names = ["staff", "pipelines", "stranger"];
        let counting = names.into_iter().filter(|name| route.issuers.include(name));
        let counting: Vec<&str> = counting.collect();
        writeln!(lines, "{}: {}", route.name, counting.join(" ")).unwrap();
    }
    lines
}

#[test]
fn with_one_issuer_nothing_need_be_said() {
    let text =
        "version: 1\nroutes:\n  - {name: a, methods: [GET], path: /a, access: authenticated}\n";
    assert_snapshot!(counting(&["staff"], text), @"a: staff pipelines stranger");
    assert_snapshot!(counting(&[], text), @"a: staff pipelines stranger");
}

#[test]
fn a_route_has_its_own_issuers_or_those_of_the_policy() {
    let text = "version: 1\nissuers: [staff]\nroutes:\n  \
        - {name: a, methods: [GET], path: /a, access: authenticated}\n  \
        - {name: b, methods: [GET], path: /b, access: authenticated, issuers: [pipelines]}\n  \
        - {name: c, methods: [GET], path: /c, access: public, issuers: [staff, pipelines]}\n  \
        - {name: d, methods: [GET], path: /d, access: public}\n";
    assert_snapshot!(counting(&BOTH, text), @r"
    a: staff
    b: pipelines
    c: staff pipelines
    d: staff
    ");
}

#[test]
fn public_routes_that_do_not_say_identify_nobody_once_there_are_several_issuers() {
    let text = "version: 1\nroutes:\n  - {name: a, methods: [GET], path: /a, access: public}\n";
    assert_snapshot!(counting(&BOTH, text), @"a: ");
}

#[test]
fn with_several_issuers_every_route_that_needs_a_token_says_whose() {
    let report = compile(
        &BOTH,
        &[r"version: 1
scopes: {orders.read: Read orders}
routes:
  - {name: z, methods: [GET], path: /a, access: authenticated}
  - {name: b, methods: [GET], path: /b, scopes: [orders.read]}
  - {name: c, methods: [GET], path: /c, access: public}
  - {name: d, methods: [GET], path: /d, access: nobody}
  - {name: e, methods: [GET], path: /e, access: authenticated, issuers: [staff]}
"],
    )
    .unwrap_err();
    assert_snapshot!(report, @r##"
    error: 2 routes, `z` first, do not say whose tokens count
     --> 1.yaml:4:37
      |
    4 |   - {name: z, methods: [GET], path: /a, access: authenticated}
      |                                     ^^
      |
      = help: `trust` has 2 issuers (`staff`, `pipelines`): add `issuers: [staff]` to the policy for all routes, or `issuers` to each of these routes

    1 problem
    "##);
}

#[test]
fn names_that_trust_does_not_have_are_errors_where_they_are_written() {
    let report = compile(
        &BOTH,
        &[
            r"version: 1
issuers: [stuff]
routes:
  - {name: a, methods: [GET], path: /a, access: authenticated, issuers: [github]}
  - {name: b, methods: [GET], path: /b, access: authenticated, issuers: []}
  - {name: c, methods: [GET], path: /c, access: nobody, issuers: [staff]}
  - {name: d, methods: [GET], path: /d, access: public, issuers: [staff, staff]}
",
            "version: 1\nissuers: [staff]\n",
        ],
    )
    .unwrap_err();
    assert_snapshot!(report, @r##"
    error: unknown issuer `stuff`
     --> 1.yaml:2:11
      |
    2 | issuers: [stuff]
      |           ^^^^^
      |
      = help: did you mean `staff`?

    error: unknown issuer `github`
     --> 1.yaml:4:74
      |
    4 |   - {name: a, methods: [GET], path: /a, access: authenticated, issuers: [github]}
      |                                                                          ^^^^^^
      |
      = help: write the `name` of an entry of `trust`: `staff`, `pipelines`

    error: `issuers` is empty
     --> 1.yaml:5:73
      |
    5 |   - {name: b, methods: [GET], path: /b, access: authenticated, issuers: []}
      |                                                                         ^
      |
      = help: list at least one name of `trust`; for no token at all, write `access: nobody`

    error: `issuers` has no effect on a route that nobody may use
     --> 1.yaml:6:66
      |
    6 |   - {name: c, methods: [GET], path: /c, access: nobody, issuers: [staff]}
      |                                                                  ^
      |
      = help: remove `issuers`

    error: `staff` appears twice in `issuers`
     --> 1.yaml:7:74
      |
    7 |   - {name: d, methods: [GET], path: /d, access: public, issuers: [staff, staff]}
      |                                                                          ^^^^^
      |
     ::: 1.yaml:7:67
      |
    7 |   - {name: d, methods: [GET], path: /d, access: public, issuers: [staff, staff]}
      |                                                                   ----- first appears here
      |
      = help: remove one of the two

    error: `issuers` appears in more than one file
     --> 2.yaml:2:10
      |
    2 | issuers: [staff]
      |          ^
      |
     ::: 1.yaml:2:10
      |
    2 | issuers: [stuff]
      |          - first appears here
      |
      = help: keep it in one file; it holds for the whole policy

    6 problems
      "##);
}

#[test]
fn without_a_configuration_names_are_taken_as_they_are() {
    let text = "version: 1\nissuers: [staff]\nroutes: []\n";
    assert!(Policy::compile(&[source(text)]).is_ok());
}

/// In a policy that is in shadow as a whole, what no route lists passes with the caller's identity: of those
/// issuers that count where a route does not say.
#[test]
fn what_no_route_lists_has_the_issuers_of_the_policy() {
    let route = "{name: a, methods: [GET], path: /a, access: authenticated, issuers: [pipelines]}";
    for (said, trusted, expected) in [
        ("issuers: [staff]\n", BOTH.as_slice(), [true, false]),
        ("", BOTH.as_slice(), [false, false]),
        ("", &["pipelines"], [true, true]),
    ] {
        let text = format!("version: 1\nmode: shadow\n{said}routes: [{route}]\n");
        let policy = compile(trusted, &[&text]).unwrap_or_else(|report| panic!("{report}"));
        let routed = policy.route(&get(b"/elsewhere")).unwrap();
        let counts = ["staff", "pipelines"].map(|name| routed.counts(name));
        assert_eq!(counts, expected, "{said:?} {trusted:?}");
    }
}
