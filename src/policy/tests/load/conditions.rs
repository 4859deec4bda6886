//! Mistakes in conditions, and in what they rely on: each with its place in the condition.

use insta::assert_snapshot;

use super::*;

#[test]
fn the_place_of_a_mistake_is_within_the_condition() {
    let report = report(&[r#"version: 1
routes:
  - name: plain
    methods: [GET]
    path: /users/{user_id}
    access: authenticated
    when: token.sub == path.user_idd
  - name: quoted
    methods: [PUT]
    path: /users/{user_id}
    access: authenticated
    when: 'token.sub == ''alice'' && tokn.level > 3'
  - name: block
    methods: [POST]
    path: /users/{user_id}
    access: authenticated
    when:
      - token.sub == path.user_id
      - |
        request.method == "POST"
          && tokn.level > 3
"#]);
    assert_snapshot!(report, @r##"
    error: the path of the route has no parameter `user_idd`
     --> 1.yaml:7:29
      |
    7 |     when: token.sub == path.user_idd
      |                             ^^^^^^^^
      |
      = help: did you mean `path.user_id`?

    error: unknown variable `tokn`
      --> 1.yaml:12:38
       |
    12 |     when: 'token.sub == ''alice'' && tokn.level > 3'
       |                                      ^^^^
       |
       = help: did you mean `token`?

    error: unknown variable `tokn`
      --> 1.yaml:21:14
       |
    21 |           && tokn.level > 3
       |              ^^^^
       |
       = help: did you mean `token`?

    3 problems
    "##);
}

#[test]
fn a_condition_that_says_nothing_is_a_mistake() {
    let report = report(&[r#"version: 1
routes:
  - {name: a, methods: [GET], path: /a, access: authenticated, when: ""}
  - {name: b, methods: [GET], path: /b, access: authenticated, when: []}
  - {name: c, methods: [GET], path: /c, access: nobody, when: token.sub == "a"}
  - {name: d, methods: [GET], path: /d, when: token.sub == "a"}
"#]);
    assert_snapshot!(report, @r##"
    error: the condition is empty
     --> 1.yaml:3:70
      |
    3 |   - {name: a, methods: [GET], path: /a, access: authenticated, when: ""}
      |                                                                      ^^
      |
      = help: write what must hold, such as `token.sub == path.user_id`, or remove it

    error: `when` is empty
     --> 1.yaml:4:70
      |
    4 |   - {name: b, methods: [GET], path: /b, access: authenticated, when: []}
      |                                                                      ^
      |
      = help: remove `when`, or write a condition

    error: `when` has no effect on a route that nobody may use
     --> 1.yaml:5:63
      |
    5 |   - {name: c, methods: [GET], path: /c, access: nobody, when: token.sub == "a"}
      |                                                               ^^^^^^^^^^^^^^^^
      |
      = help: remove `when`

    error: the route `d` does not say who may use it
     --> 1.yaml:6:5
      |
    6 |   - {name: d, methods: [GET], path: /d, when: token.sub == "a"}
      |     ^
      |
      = help: add `access: public` for everybody, `access: authenticated` for any valid token (`access: nobody` closes it), or `scopes: [...]` for tokens with them

    4 problems
    "##);
}

#[test]
#[expect(clippy::too_many_lines, reason = "the report of ten mistakes")]
fn requirements_are_named_once_and_do_not_contradict_each_other() {
    let report = report(&[r#"version: 1
scopes: {read: Read}
requirements:
  owner: {when: token.sub == path.user_id}
  empty: {}
  readers: {any_scope: [read]}
  also-readers: {any_scope: [read], issuers: [staff]}
  open: {access: public}
  "bad name": {access: public}
  typo: {scopes: [raed]}
routes:
  - {name: a, methods: [GET], path: /a, access: authenticated, requires: [owner]}
  - {name: b, methods: [GET], path: "/b/{user_id}", requires: [ownr]}
  - {name: c, methods: [GET], path: /c, requires: [readers, also-readers]}
  - {name: d, methods: [GET], path: /d, requires: [open], access: authenticated}
  - {name: e, methods: [GET], path: /e, requires: [also-readers], issuers: [other]}
  - {name: f, methods: [GET], path: /f, requires: []}
  - {name: g, methods: [GET], path: /g, requires: [open, open]}
  - {name: h, methods: [GET], path: /h, requires: [typo]}
"#]);
    assert_snapshot!(report, @r##"
    error: the path of the route has no parameter `user_id`
      --> 1.yaml:4:35
       |
     4 |   owner: {when: token.sub == path.user_id}
       |                                   ^^^^^^^
       |
      ::: 1.yaml:12:37
       |
    12 |   - {name: a, methods: [GET], path: /a, access: authenticated, requires: [owner]}
       |                                     -- for this path
       |
       = help: add `{user_id}` to the route's `path`

    error: the requirement `empty` asks for nothing
     --> 1.yaml:5:3
      |
    5 |   empty: {}
      |   ^^^^^
      |
      = help: add `access`, `scopes`, `any_scope`, `issuers` or `when`

    error: the route asks for `any_scope` twice
     --> 1.yaml:7:29
      |
    7 |   also-readers: {any_scope: [read], issuers: [staff]}
      |                             ^
      |
     ::: 1.yaml:6:24
      |
    6 |   readers: {any_scope: [read]}
      |                        - first asked for here
      |
      = help: keep one of them, or write `scopes` for those that are always needed

    error: the route has two lists of `issuers`
      --> 1.yaml:7:46
       |
     7 |   also-readers: {any_scope: [read], issuers: [staff]}
       |                                              ^
       |
      ::: 1.yaml:16:76
       |
    16 |   - {name: e, methods: [GET], path: /e, requires: [also-readers], issuers: [other]}
       |                                                                            - first said here
       |
       = help: keep one `issuers`

    error: the route has two values of `access`
      --> 1.yaml:8:18
       |
     8 |   open: {access: public}
       |                  ^^^^^^
       |
      ::: 1.yaml:15:67
       |
    15 |   - {name: d, methods: [GET], path: /d, requires: [open], access: authenticated}
       |                                                                   ------------- the other one
       |
       = help: keep one of them

    error: the requirement name `bad name` cannot be used
     --> 1.yaml:9:3
      |
    9 |   "bad name": {access: public}
      |   ^^^^^^^^^^
      |
      = help: write 1 to 64 letters, digits, `.`, `_` or `-`

    error: unknown scope `raed`
      --> 1.yaml:10:19
       |
    10 |   typo: {scopes: [raed]}
       |                   ^^^^
       |
       = help: did you mean `read`?

    error: unknown requirement `ownr`
      --> 1.yaml:13:64
       |
    13 |   - {name: b, methods: [GET], path: "/b/{user_id}", requires: [ownr]}
       |                                                                ^^^^
       |
       = help: did you mean `owner`?

    error: `requires` is empty
      --> 1.yaml:17:51
       |
    17 |   - {name: f, methods: [GET], path: /f, requires: []}
       |                                                   ^
       |
       = help: remove `requires`, or name a requirement

    error: `open` appears twice in `requires`
      --> 1.yaml:18:58
       |
    18 |   - {name: g, methods: [GET], path: /g, requires: [open, open]}
       |                                                          ^^^^
       |
      ::: 1.yaml:18:52
       |
    18 |   - {name: g, methods: [GET], path: /g, requires: [open, open]}
       |                                                    ---- first appears here
       |
       = help: remove one of the two

    10 problems
    "##);
}

#[test]
fn declared_types_exist() {
    let report = report(&[
        r#"version: 1
claims: {a: strin, b: [string, int], c: [[[int]]], aud: string, scopes: [string], level: int}
routes:
  - {name: a, methods: [GET], path: /a, access: authenticated, when: token.level == "3"}
"#,
        r"version: 1
claims: {level: double}
",
    ]);
    assert_snapshot!(report, @r##"
    error: unknown type `strin`
     --> 1.yaml:2:13
      |
    2 | claims: {a: strin, b: [string, int], c: [[[int]]], aud: string, scopes: [string], level: int}
      |             ^^^^^
      |
      = help: did you mean `string`?

    error: the type of a list names several types
     --> 1.yaml:2:23
      |
    2 | claims: {a: strin, b: [string, int], c: [[[int]]], aud: string, scopes: [string], level: int}
      |                       ^
      |
      = help: write one, such as `[string]`

    error: the type has more than 2 lists within each other
     --> 1.yaml:2:41
      |
    2 | claims: {a: strin, b: [string, int], c: [[[int]]], aud: string, scopes: [string], level: int}
      |                                         ^
      |
      = help: write `any` for what is in the list

    error: the type of `aud` cannot be declared
     --> 1.yaml:2:52
      |
    2 | claims: {a: strin, b: [string, int], c: [[[int]]], aud: string, scopes: [string], level: int}
      |                                                    ^^^
      |
      = help: remove it: conditions always have a list of texts there

    error: the type of `scopes` cannot be declared
     --> 1.yaml:2:65
      |
    2 | claims: {a: strin, b: [string, int], c: [[[int]]], aud: string, scopes: [string], level: int}
      |                                                                 ^^^^^^
      |
      = help: remove it: conditions always have a list of texts there

    error: a value of type int never equals one of type string
     --> 1.yaml:4:70
      |
    4 |   - {name: a, methods: [GET], path: /a, access: authenticated, when: token.level == "3"}
      |                                                                      ^^^^^^^^^^^^^^^^^^
      |
      = help: convert the text with `int(...)`, or put the number in quotation marks

    error: the claim `level` is declared twice
     --> 2.yaml:2:10
      |
    2 | claims: {level: double}
      |          ^^^^^
      |
     ::: 1.yaml:2:83
      |
    2 | claims: {a: strin, b: [string, int], c: [[[int]]], aud: string, scopes: [string], level: int}
      |                                                                                   ----- first declared here
      |
      = help: keep it in one file

    7 problems
    "##);
}

#[test]
fn a_policy_has_a_bounded_number_of_patterns() {
    let routes: Vec<String> = (0..1001)
        .map(|number| {
            format!(
                "  - {{name: r{number}, methods: [GET], path: /r{number}, access: public, \
                 when: 'request.path.matches(\"^/r{number}$\")'}}\n"
            )
        })
        .collect();
    let text = format!("version: 1\nroutes:\n{}", routes.concat());
    let problems = Policy::compile(&[source(&text)]).unwrap_err();
    let [problem] = problems.0.as_slice() else {
        panic!("{problems}");
    };
    assert_eq!(
        problem.message,
        "the conditions use more than 1000 patterns"
    );
}

#[test]
fn what_is_dangerous_is_a_warning_with_its_place() {
    let text = r#"version: 1
requirements:
  unused: {when: token.sub == path.user_id}
  not-guest: {when: token.role != "guest"}
routes:
  - {name: a, methods: [GET], path: /a, access: public, when: token.sub == "alice"}
  - {name: b, methods: [GET], path: /b, access: authenticated, requires: [not-guest]}
  - {name: c, methods: [GET], path: /c, access: authenticated, requires: [not-guest]}
  - name: d
    methods: [GET]
    path: /d
    access: authenticated
    when: request.path.startsWith(token.prefix) && request.path.matches("d")
"#;
    let sources = [source(text)];
    let policy = Policy::compile(&sources).unwrap();
    let report = crate::problem::render_warnings(policy.warnings(), &sources, Colour::Plain);
    assert_snapshot!(report, @r##"
    warning: no route names the requirement `unused`
     --> policy.yaml:3:3
      |
    3 |   unused: {when: token.sub == path.user_id}
      |   ^^^^^^
      |
      = help: add `requires: [unused]` to a route, or remove it

    warning: this lets callers in when `role` does not have the expected type
     --> policy.yaml:4:21
      |
    4 |   not-guest: {when: token.role != "guest"}
      |                     ^^^^^^^^^^^^^^^^^^^^^
      |
     ::: policy.yaml:7:37
      |
    7 |   - {name: b, methods: [GET], path: /b, access: authenticated, requires: [not-guest]}
      |                                     -- for this path
      |
      = help: declare it under `claims` of the policy, such as `role: string`

    warning: the route is public, and without a token this condition refuses
     --> policy.yaml:6:63
      |
    6 |   - {name: a, methods: [GET], path: /a, access: public, when: token.sub == "alice"}
      |                                                               ^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `has(token.sub) && ...`, or `access: authenticated`

    warning: `startsWith` holds for every text when `prefix` is empty
      --> policy.yaml:13:35
       |
    13 |     when: request.path.startsWith(token.prefix) && request.path.matches("d")
       |                                   ^^^^^^^^^^^^
       |
       = help: add what must follow or precede it, such as `token.prefix + "/"`, or `token.prefix != "" && ...`

    warning: the pattern may match in the middle of the text
      --> policy.yaml:13:73
       |
    13 |     when: request.path.startsWith(token.prefix) && request.path.matches("d")
       |                                                                         ^^^
       |
       = help: write `^(...)$` around it to compare the whole text

    5 warnings
    "##);
}
